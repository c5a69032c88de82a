# A shop's first hour: the README's tutorial, run as it stands there, with the
# sandbox gateway for Front Payment Go and a file of ours for the token.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoReadme;
use FpgoTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway    = FpgoGateway->start('--token', $TOKEN);
my $token_file = PostgreSQL::Test::Utils::tempdir() . '/token';
append_to_file($token_file, "$TOKEN\n");
chmod 0600, $token_file or die "cannot close $token_file to others: $!\n";

# What the README names and the test has in another place.
my %places = (
    'https://demo-api.frontpayment.no/api/v1' => $gateway->address,
    '/etc/fpgo/token'                         => $token_file);
my %is_used;

sub put_in_place {
    my ($text) = @_;
    for my $there (keys %places) {
        $is_used{$there} = 1 if $text =~ s/\Q$there\E/$places{$there}/g;
    }
    return $text;
}

# What is another one each time.
sub without_chance {
    my ($output) = @_;
    $output =~ s/ODR\d{10}/ODR../g;
    return $output;
}

my $node = PostgreSQL::Test::Cluster->new('shop');
$node->init;
$node->append_conf('postgresql.conf', slurp_file("$FindBin::RealBin/../lib/server.conf"));

# psql_as($role, $database, $input): what psql prints for it, as to a person.
sub psql_as {
    my ($role, $database, $input) = @_;
    my ($output, $errors);
    IPC::Run::run(
        [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', $role, '-d', $node->connstr($database) ],
        '<', \$input, '>', \$output, '2>', \$errors);
    return ($output, $errors);
}

# A block that is to be typed in as it is; its first line says by whom.
sub run_script {
    my ($script) = @_;
    my ($role, $database) = $script =~ /\A-- as (\w+), in database (\w+)\n/
      or die "this does not say by whom it is run:\n$script";
    my (undef, $errors) = psql_as($role, $database, put_in_place($script));
    my ($what) = $script =~ /\n(.*)/;
    return is($errors, '', "$role in $database: $what");
}

# A block that shows a session: commands behind a prompt, and what they print.
sub run_session {
    my ($session) = @_;
    my ($role, $input, $shown) = ('', '', '');
    for my $line (split /^/, $session) {
        if ($line =~ s/^(\w+)[-=*]*[#>] //) { ($role, $input) = ($1, $input . $line); }
        else                              { $shown .= $line; }
    }
    # command tags are what -q leaves out
    my ($output, $errors) = psql_as($role, $role, "\\set QUIET off\n$input");
    is($errors, '', "$role: no error, no notice");
    my ($what) = $input =~ /(.*)/;
    $output =~ s/\n+\z/\n/;
    return is(without_chance($output), without_chance($shown), "$role: $what: as the README shows it");
}

my %runners = (
    ini => sub {
        $node->append_conf('postgresql.conf', $_[0]);
        $node->start;
    },
    sql => \&run_script,
    ''  => \&run_session);

for my $block (readme_blocks("A shop's first hour")) {
    my $runner = $runners{ $block->{kind} } // die "no block is a $block->{kind}\n";
    $runner->($block->{text});
}

is_deeply([ sort keys %is_used ], [ sort keys %places ], 'the README names what the test has in another place');
is($node->safe_psql('shop', 'SELECT rolsuper FROM pg_roles WHERE rolname = \'shop\''), 'f', 'the shop is no superuser');
is($node->safe_psql('shop', 'SELECT state FROM fpgo.worker()'), 'running', 'a worker delivered');
check_log($node);
check_records($node, $gateway, databases => ['shop'], committed => [ map { "shop-$_" } 1 .. 3 ]);
$node->stop;
$gateway->stop;
done_testing();
