package FpgoReadme;

# What README.md and the other pages show, for tests that run it as it stands
# there.
#
#     for my $query (readme_sql('Reports')) { ... }
#     for my $grant (readme_statements('Who may do what')) { ... }
#     my @blocks = readme_blocks('Callbacks', 'src/doc/shops.md');
#
# A page is README.md unless it is named.

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;

our @EXPORT = qw(readme_blocks readme_sql readme_statements);

my $root = dirname(__FILE__) . '/../..';

# A section's text, from its heading to the next of the same level or a higher
# one.  A line of a block is no heading.
sub section {
    my ($heading, $page) = @_;
    $page //= 'README.md';
    my ($text, $level, $is_block);
    for my $line (split /^/, slurp_file("$root/$page")) {
        $is_block = !$is_block if $line =~ /^```/;
        if (!$is_block && $line =~ /^(#+) (.*)\n/) {
            last if defined $text and length $1 <= $level;
            if (!defined $text and $2 eq $heading) { ($text, $level) = ('', length $1); next; }
        }
        $text .= $line if defined $text;
    }
    die "$page has no section \"$heading\"\n" unless defined $text;
    return $text;
}

# Its blocks marked as SQL.
sub readme_sql {
    return map { $_->{text} } grep { $_->{kind} eq 'sql' } readme_blocks(@_);
}

# All its blocks in their order, as hashes of kind ('sql', '' if it has none) and
# text.
sub readme_blocks {
    my $text = section(@_);
    my @blocks;
    push @blocks, { kind => $1, text => $2 } while $text =~ /^```(\w*)\n(.*?)^```$/msg;
    return @blocks;
}

# The statements that stand in its lines: code that begins with a command's word.
sub readme_statements {
    return section(@_) =~ /`((?:GRANT|REVOKE|ALTER|CREATE) [^`]*)`/g;
}

1;
