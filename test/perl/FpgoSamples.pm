package FpgoSamples;

# Runs what a page shows: scripts, and sessions of psql with their output.
#
#     my $samples = FpgoSamples->new($node, '/etc/fpgo/token' => $token_file);
#     $samples->run_script($_) for readme_sql('Some section');
#     $samples->run_session($block->{text});
#     $samples->used_all_places;

use strict;
use warnings;

use IPC::Run;
use Test::More;

# FpgoSamples->new($node, %places): what the page names and the test has in
# another place.
sub new {
    my ($class, $node, %places) = @_;
    return bless { node => $node, places => \%places, is_used => {} }, $class;
}

# The text of a sample with the test's own places in it.
sub put_in_place {
    my ($self, $text) = @_;
    for my $there (keys %{ $self->{places} }) {
        $self->{is_used}{$there} = 1 if $text =~ s/\Q$there\E/$self->{places}{$there}/g;
    }
    return $text;
}

# Asserts that the samples named every one of them.
sub used_all_places {
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply([ sort keys %{ $self->{is_used} } ], [ sort keys %{ $self->{places} } ],
        'the page names what the test has in another place');
}

# psql_as($role, $database, $input): what psql prints for it, as to a person.
sub psql_as {
    my ($self, $role, $database, $input) = @_;
    my ($output, $errors);
    IPC::Run::run(
        [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', $role, '-d', $self->{node}->connstr($database) ],
        '<', \$input, '>', \$output, '2>', \$errors);
    return ($output, $errors);
}

# A block that is to be typed in as it is; its first line says by whom.
sub run_script {
    my ($self, $script) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($role, $database) = $script =~ /\A-- as (\w+), in database (\w+)\n/
      or die "this does not say by whom it is run:\n$script";
    my (undef, $errors) = $self->psql_as($role, $database, $self->put_in_place($script));
    my ($what) = $script =~ /\n(.*)/;
    return is($errors, '', "$role in $database: $what");
}

# A block that shows a session: commands behind a prompt, and what they print.
sub run_session {
    my ($self, $session) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($role, $input, $shown) = ('', '', '');
    for my $line (split /^/, $session) {
        if ($line =~ s/^(\w+)[-=*]*[#>] //) { ($role, $input) = ($1, $input . $line); }
        else                              { $shown .= $line; }
    }
    # command tags are what -q leaves out
    my ($output, $errors) = $self->psql_as($role, $role, "\\set QUIET off\n$input");
    is($errors, '', "$role: no error, no notice");
    my ($what) = $input =~ /(.*)/;
    $output =~ s/\n+\z/\n/;
    return is(_without_chance($output), _without_chance($shown), "$role: $what: as the page shows it");
}

# What is another one each time.
sub _without_chance {
    my ($output) = @_;
    $output =~ s/ODR\d{10}/ODR../g;
    return $output;
}

1;
