package FpgoReadme;

# What the README shows, for tests that run it as it stands there.
#
#     for my $query (readme_sql('Reports')) { ... }
#     for my $grant (readme_statements('Who may do what')) { ... }

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;

our @EXPORT = qw(readme_sql readme_statements);

my $readme = dirname(__FILE__) . '/../../README.md';

# A section's text, from its heading to the next of the same level.
sub section {
    my ($heading) = @_;
    my ($text) = slurp_file($readme) =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms;
    die "README.md has no section \"$heading\"\n" unless defined $text;
    return $text;
}

# Its blocks marked as SQL.
sub readme_sql {
    my ($heading) = @_;
    return section($heading) =~ /^```sql\n(.*?)^```$/msg;
}

# The statements that stand in its lines: code that begins with a command's word.
sub readme_statements {
    my ($heading) = @_;
    return section($heading) =~ /`((?:GRANT|REVOKE|ALTER|CREATE) [^`]*)`/g;
}

1;
