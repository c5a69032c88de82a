# The N-th call for memory of the helper process and of the resident worker fails,
# for N = 1, 2, ...: nothing crashes, nothing is sent twice, no order is said to be
# unsent that was received, and the next order goes through.
#
# test/unit/gateway/test_torture.c does the same to one request alone and in more ways;
# here it is the whole process, PostgreSQL's own calls included, while it serves a session.
# Only every so many-th N is tried; or with FPGO_TORTURE every that many-th, and then
# also with all calls failing from the N-th on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use FpgoTls;
use PostgreSQL::Test::Utils;
use Test::More;

my $stride = $ENV{FPGO_TORTURE} // 13;
my $most   = 5000;
my @ways   = ([ 'once', 0 ], defined $ENV{FPGO_TORTURE} ? [ 'for ever', 1 ] : ());

# The library that makes calls fail, and the words it shares with this test.
my $directory = PostgreSQL::Test::Utils::tempdir;
my $library   = "$directory/failing_malloc.so";
my $words     = "$directory/words";
system_or_bail('gcc', '-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-D_GNU_SOURCE',
    '-o', $library, "$FindBin::RealBin/../instruments/failing_malloc.c", '-ldl');
append_to_file($words, pack 'l!4', 0, 0, 0, 0);

# let_fail($pid, $n, $for_ever): let the n-th call of a process fail, or all from it
# on; without arguments none.
sub let_fail {
    my ($pid, $n, $for_ever) = map { $_ // 0 } @_[ 0 .. 2 ];
    # written to and not anew, since the processes have it in their memory
    open my $file, '+<', $words or die "$words: $!\n";
    syswrite $file, pack 'l!4', $pid, $n, $for_ever, 0;
    close $file;
    return;
}

# How many calls there were since.
sub count_calls { return (unpack 'l!4', slurp_file($words))[3]; }

my $gateway = FpgoGateway->start('--token', $TOKEN);

# start_failing($node): started anew, with the library in all its processes
sub start_failing {
    my ($node) = @_;
    $node->stop;
    local $ENV{LD_PRELOAD} = $library;
    local $ENV{FPGO_FAULTS} = $words;
    $node->start;
    return;
}

# require_worker($admin): the resident worker's process.  One that ends again and
# again is started later and later; it is asked for at once.
sub require_worker {
    my ($admin) = @_;
    administer($admin, "SELECT fpgo.pause(); SELECT fpgo.resume()") if worker_pid($admin) eq '';
    return wait_for_worker($admin);
}

# how a call may end, and what then stands on record
my %lawful = (
    ''      => qr/^accepted$/,
    '38F01' => qr/^uncertain$/,
    '38F02' => qr/^cancelled$/,
    '53200' => qr/^(?:cancelled)?$/,
    '55000' => qr/^(?:cancelled|uncertain)?$/);

# torture($name, $node, $for_ever, $find, %more): $find gives the process.  More:
# gateway, server, and a factor for the stride.
sub torture {
    my ($name, $node, $for_ever, $find, %more) = @_;
    my $receiver = $more{gateway} // $gateway;
    my $server   = literal($more{server} // 'frontpayment');
    my $session  = open_session($node);
    my $admin    = open_session($node);
    my $records  = FpgoRecords->new($admin, $receiver);
    run_in($session, q{SET fpgo.helper_idle = '60s'});
    my (@wrong, %ends);
    my ($n, $n_tried, $n_spared) = (1, 0, 0);
    while ($n_spared < 3 && $n < $most && @wrong < 5) {
        # a process that has served some before
        for (1 .. 3) {
            $find->($admin);
            my $ended = run_in($session, submit_sql(order(), $server));
            push @wrong, "before call $n: $ended->{said}" if $ended->{sqlstate};
        }
        my ($order, $reference) = new_order();
        let_fail($find->($admin), $n, $for_ever);
        begin_in($session, submit_sql($order, $server));
        # a process that has no memory at all may be unable to say so
        eval { wait_for('the end', sub { has_ended($session) }, $for_ever ? 2 : 30) };
        my $calls = count_calls();
        let_fail();
        my $ended = finish_in($session);
        $n_tried++;
        my $states = wait_for('an end', sub {
            # what a process left behind is made uncertain by the next delivery
            run_in($admin, 'CALL fpgo.deliver()');
            my $found = $records->states_of($reference);
            return $found =~ /sending/ ? undef : \$found;
        });
        $states = $$states;
        my $received = $receiver->received($reference);
        $ends{"$ended->{sqlstate} $states"}++;
        push @wrong, "call $n: $ended->{said}: $states, received $received"
          unless $states =~ ($lawful{ $ended->{sqlstate} } // qr/(?!)/)
          && $received <= 1
          && ($states !~ /accepted/ || $received == 1)
          && ($states =~ /accepted|uncertain/ || $received == 0);
        $n_spared++ if $calls < $n;
        $n += $stride * ($more{factor} // 1);
    }
    diag("$name: $n_tried of $n calls for memory fail: ", join ', ', map { "$_: $ends{$_}" } sort keys %ends);
    is_deeply(\@wrong, [], $name);
    cmp_ok($n, '>', 50, "$name: there were calls to fail");
    cmp_ok($n, '<', $most, "$name: and an end of them");
    $_->quit for $session, $admin;
    return;
}

my $authority = FpgoTls->new;
my $secure    = FpgoGateway->start('--token', $TOKEN, $authority->serve_as('IP:127.0.0.1'));
my $node      = new_cluster('main', url => $gateway->address);
start_failing($node);
torture("the helper, $_->[0]", $node, $_->[1], \&find_helper) for @ways;
check_records($node, $gateway, name => 'main: the records agree with the ledger');

# with TLS, and a connection of its own for each order; without memory libcurl can
# stand still until the time is up
administer($node, sprintf q{
    TRUNCATE fpgo_internal.submission CASCADE;
    CREATE SERVER secure FOREIGN DATA WRAPPER fpgo OPTIONS (url '%s', ca_file '%s', keepalive '0', timeout '10s');
    CREATE USER MAPPING FOR PUBLIC SERVER secure OPTIONS (token '%s')},
    $secure->address, $authority->file, $TOKEN);
torture("the helper with TLS, $_->[0]", $node, $_->[1], \&find_helper,
    gateway => $secure, server => 'secure', factor => 7) for @ways;
check_log($node);
check_records($node, $secure, name => 'TLS: the records agree with the ledger');
$node->stop;
$secure->stop;
$gateway->clear;

my $home = new_resident_cluster('resident', url => $gateway->address);
start_failing($home);
wait_for_worker($home);
torture("the worker, $_->[0]", $home, $_->[1], \&require_worker) for @ways;
check_log($home);
check_records($home, $gateway, name => 'resident: the records agree with the ledger');
$home->stop;
$gateway->stop;
done_testing();
