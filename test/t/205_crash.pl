# Crashes: whatever dies, and whenever it does, nothing is sent twice and what is
# not known is said to be so.  A process killed by a signal makes PostgreSQL
# restart the whole cluster, which cuts off every session.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use FpgoVerdicts;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

# Less than the five seconds after which DROP DATABASE (FORCE) gives up.
my $grace_s = 4.5;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster(
    'main',
    url      => $gateway->address,
    options  => q{timeout '20s'},
    # what was committed asynchronously would be lost, were it to count
    settings => "restart_after_crash = on\nwal_writer_delay = '10s'");

# A personal number, and no canary, for orders of callers that are killed: what
# such a process ran last is logged by PostgreSQL itself.
my $loggable_number = '28038712383';

my $records = FpgoRecords->new($node, $gateway);

# What tells one life of the cluster from the next; '' while it has none.
sub life {
    # psql may end before it has read the question
    my ($status, $checkpointer) = eval { $node->psql('postgres',
        q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'}) };
    return ($status // 1) == 0 ? $checkpointer : '';
}

# kill_and_restart($pid): kill a process and wait for what PostgreSQL does then.
sub kill_and_restart {
    my ($pid) = @_;
    my $before = life();
    kill 'KILL', $pid or die "process $pid: $!";
    wait_for('the cluster to restart', sub {
        my $life = life();
        return $life ne '' && $life ne $before;
    });
    return;
}

sub forget_sessions {
    eval { $_->quit } for @_;
    return;
}

# is_settled($name, $reference, $states, $received): that is what it has come to
# after a delivery, and another delivery changes nothing.
sub is_settled {
    my ($name, $reference, $states, $received) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $session = open_session($node);
    is(run_in($session, 'CALL fpgo.deliver()')->{sqlstate}, '', "$name: delivery afterwards");
    is($records->states_of($reference), $states, "$name: the record says '$states'");
    run_in($session, 'CALL fpgo.deliver()');
    is($gateway->received($reference), $received, "$name: requests received: $received");
    $session->quit;
    check_records($node, $gateway,
        name => "$name: the records agree with the ledger", committed => [ $records->expected ]);
    return;
}

# --- a helper is killed ------------------------------------------------------------------

{
    # before: the helper waits for a lock, nothing is recorded
    my ($session, $locker) = map { open_session($node) } 1 .. 2;
    my $order = order();
    run_in($locker, 'BEGIN; LOCK TABLE fpgo_internal.submission IN SHARE MODE');
    begin_submit($session, $order);
    my $helper = wait_for('the helper to wait', sub {
        administer($node, q{SELECT pid FROM pg_stat_activity
            WHERE backend_type = 'fpgo helper' AND wait_event_type = 'Lock'});
    });
    kill_and_restart($helper);
    isnt(finish_in($session)->{sqlstate}, '', 'a helper killed before: the caller hears of it');
    forget_sessions($session, $locker);
    is_settled('a helper killed before', reference_of($order), '', 0);
    my $again = open_session($node);
    is(submit($again, $order)->{sqlstate}, '', 'a helper killed before: submitted again');
    $again->quit;
    $records->expect(reference_of($order));
    is_settled('a helper killed before, and again', reference_of($order), 'accepted', 1);
}
{
    administer($node, 'ALTER DATABASE postgres SET synchronous_commit = off');
    my $session = open_session($node);
    my $order   = order();
    $records->expect(reference_of($order));
    $gateway->misbehave({ delay => 1 });
    begin_submit($session, $order);
    wait_for_order($gateway, reference_of($order));
    kill_and_restart(find_helper($node));
    isnt(finish_in($session)->{sqlstate}, '', 'a helper killed during: the caller hears of it');
    forget_sessions($session);
    administer($node, 'ALTER DATABASE postgres RESET synchronous_commit');
    # whoever asks first makes it uncertain, without any delivery
    my $again = open_session($node);
    my $ended = submit($again, $order);
    is($ended->{sqlstate}, '38F01', 'a helper killed during: the outcome is unknown') or diag($ended->{said});
    $again->quit;
    is_settled('a helper killed during', reference_of($order), 'uncertain', 1);
}
{
    my $session = open_session($node);
    my $order   = order();
    $records->expect(reference_of($order));
    run_in($session, q{SET fpgo.helper_idle = '60s'});
    is(submit($session, $order)->{sqlstate}, '', 'accepted before its helper is killed');
    kill_and_restart(find_helper($node));
    forget_sessions($session);
    is_settled('a helper killed after', reference_of($order), 'accepted', 1);
}

# --- a deliverer is killed ------------------------------------------------------------------

{
    # before: the records are locked, so it can claim nothing
    my ($session, $locker) = map { open_session($node) } 1 .. 2;
    my $reference = $records->enqueue($session)->{reference};
    my $pid       = pid_of($session);
    run_in($locker, 'BEGIN; LOCK TABLE fpgo_internal.submission IN SHARE MODE');
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for('the deliverer to begin', sub {
        administer($node, qq{SELECT count(*) FROM pg_stat_activity
            WHERE pid = $pid AND state = 'active' AND query LIKE 'CALL%'});
    });
    kill_and_restart($pid);
    forget_sessions($session, $locker);
    is($records->states_of($reference), 'queued', 'a deliverer killed before: still queued');
    is_settled('a deliverer killed before', $reference, 'accepted', 1);
}
{
    my $session    = open_session($node);
    my @references = map { $records->enqueue($session)->{reference} } 1 .. 3;
    my $pid        = pid_of($session);
    administer($node, q{ALTER SERVER frontpayment OPTIONS (ADD concurrency '2')});
    run_in($session, 'SET synchronous_commit = off');
    $gateway->misbehave({ requests => 2, delay => 1 });
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $_) for @references[0, 1];
    kill_and_restart($pid);
    forget_sessions($session);
    is(join(' ', map { $records->states_of($_) } @references), 'sending sending queued',
        'a deliverer killed during: only what was in flight is in doubt');
    is_settled('a deliverer killed during, in flight', $_, 'uncertain', 1) for @references[0, 1];
    is_settled('a deliverer killed during, waiting', $references[2], 'accepted', 1);
    administer($node, q{ALTER SERVER frontpayment OPTIONS (DROP concurrency)});
}
{
    # after: the outcome is on record and the next request under way
    my $session    = open_session($node);
    my @references = map { $records->enqueue($session)->{reference} } 1 .. 2;
    my $pid        = pid_of($session);
    administer($node, q{ALTER SERVER frontpayment OPTIONS (ADD concurrency '1')});
    $gateway->misbehave({ delay => 0 }, { delay => 1 });
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $references[1]);
    kill_and_restart($pid);
    forget_sessions($session);
    is_settled('a deliverer killed after one', $references[0], 'accepted', 1);
    is_settled('a deliverer killed after one, the next', $references[1], 'uncertain', 1);
    administer($node, q{ALTER SERVER frontpayment OPTIONS (DROP concurrency)});
}

# --- another process is killed -----------------------------------------------------------------

for my $who ('the caller', 'a bystander') {
    my ($session, $bystander) = map { open_session($node) } 1 .. 2;
    my $order = order('customerDetails.personalNumber' => $loggable_number);
    $records->expect(reference_of($order));
    my $pid = pid_of($who eq 'the caller' ? $session : $bystander);
    $gateway->misbehave({ delay => 1 });
    begin_submit($session, $order);
    wait_for_order($gateway, reference_of($order));
    kill_and_restart($pid);
    forget_sessions($session, $bystander);
    is_settled("$who killed during a request of a helper", reference_of($order), 'uncertain', 1);
}
{
    my ($session, $bystander) = map { open_session($node) } 1 .. 2;
    my ($first, $second) = map { $records->enqueue($session)->{reference} } 1 .. 2;
    my $pid = pid_of($bystander);
    $gateway->misbehave({ requests => 2, delay => 1 });
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $_) for $first, $second;
    kill_and_restart($pid);
    forget_sessions($session, $bystander);
    is_settled('a bystander killed during a delivery', $_, 'uncertain', 1) for $first, $second;
}
{
    my $bystander = open_session($node);
    my $order     = order('customerDetails.personalNumber' => $loggable_number);
    $records->expect(reference_of($order));
    is(submit($bystander, $order)->{sqlstate}, '', 'accepted before a bystander is killed');
    kill_and_restart(pid_of($bystander));
    forget_sessions($bystander);
    is_settled('a bystander killed after', reference_of($order), 'accepted', 1);
}

# --- killed at any moment ---------------------------------------------------------------------------

{
    my %seen;
    for my $round (1 .. 8) {
        my ($session, $deliverer) = map { open_session($node) } 1 .. 2;
        my $pid    = pid_of($deliverer);
        # by the session that lives: what a killed process ran last is logged
        my @queued = map { $records->enqueue($session)->{reference} } 1 .. 12;
        my $order  = order();
        $gateway->misbehave({ requests => 13, delay => 0.02 });
        my $before = life();
        begin_in($deliverer, 'CALL fpgo.deliver()');
        begin_submit($session, $order);
        sleep 0.008 * $round;
        kill 'KILL', $pid;
        wait_for('the cluster to restart', sub { my $life = life(); $life ne '' && $life ne $before });
        forget_sessions($session, $deliverer);
        $gateway->behave;
        my $again = open_session($node);
        is(run_in($again, 'CALL fpgo.deliver()')->{sqlstate},
            '', "killed at any moment, round $round: delivery afterwards");
        $again->quit;
        $seen{ $records->states_of($_) }++ for @queued;
        is(scalar(grep { $gateway->received($_) > 1 } @queued, reference_of($order)), 0,
            "killed at any moment, round $round: nothing is sent twice");
        check_records($node, $gateway, name => "killed at any moment, round $round: the records agree with the ledger",
            committed => [ $records->expected ]);
    }
    diag('killed at any moment: ' . join(', ', map { "$seen{$_} $_" } sort keys %seen));
    is_deeply([ grep { !/^(?:accepted|uncertain)$/ } keys %seen ], [], 'killed at any moment: accepted or uncertain');
}

# --- the cluster is stopped ------------------------------------------------------------------------

# stop_during($mode, $wish): stop the cluster, and start it again, while the
# gateway works on one order of a helper and one of a deliverer; how long it
# took, and their references.
sub stop_during {
    my ($mode, $wish) = @_;
    my ($session, $deliverer) = map { open_session($node) } 1 .. 2;
    my $queued = $records->enqueue($deliverer)->{reference};
    my $order  = order();
    $records->expect(reference_of($order));
    $gateway->misbehave({ requests => 2, %$wish });
    begin_submit($session, $order);
    begin_in($deliverer, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $_) for reference_of($order), $queued;
    my $began = time;
    $node->stop($mode);
    my $seconds = time - $began;
    diag(sprintf 'a %s stop during two requests took %.1f s', $mode, $seconds);
    forget_sessions($session, $deliverer);
    $gateway->behave;
    $node->start;
    return ($seconds, reference_of($order), $queued);
}

{
    my ($seconds, @references) = stop_during('immediate', { delay => 1 });
    is_settled('an immediate stop', $_, 'uncertain', 1) for @references;
}
{
    my ($seconds, @references) = stop_during('fast', { delay => 1 });
    cmp_ok($seconds, '<', $grace_s, 'a fast stop: in time');
    is_settled('a fast stop, drained', $_, 'accepted', 1) for @references;
}
{
    my ($seconds, @references) = stop_during('fast', { stall => \1 });
    cmp_ok($seconds, '<', $grace_s, 'a fast stop without answers: within the grace time');
    is_settled('a fast stop without answers', $_, 'uncertain', 1) for @references;
}
{
    # a smart stop waits for sessions, and then for a helper that lost its own
    my $session = open_session($node);
    my $order   = order();
    $records->expect(reference_of($order));
    my $pid = pid_of($session);
    $gateway->misbehave({ delay => 1 });
    begin_submit($session, $order);
    wait_for_order($gateway, reference_of($order));
    administer($node, "SELECT pg_terminate_backend($pid)");
    is(finish_in($session)->{sqlstate}, '57P01', 'a smart stop: the caller is gone');
    forget_sessions($session);
    my $began = time;
    $node->stop('smart');
    cmp_ok(time - $began, '<', $grace_s, 'a smart stop: in time');
    $node->start;
    is_settled('a smart stop, drained', reference_of($order), 'accepted', 1);
}
for my $case ([ 'answers soon', { delay => 0.7 } ], [ 'never answers', { stall => \1 } ]) {
    # a postmaster that is killed leaves its processes to themselves
    my ($name, $wish) = @$case;
    my ($session, $deliverer) = map { open_session($node) } 1 .. 2;
    my $queued = $records->enqueue($deliverer)->{reference};
    my $order  = order();
    $records->expect(reference_of($order));
    my @pids = (pid_of($session), pid_of($deliverer));
    $gateway->misbehave({ requests => 2, %$wish });
    begin_submit($session, $order);
    begin_in($deliverer, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $_) for reference_of($order), $queued;
    push @pids, find_helper($node);
    my $began = time;
    $node->kill9;
    wait_for('the end of all processes', sub { !grep { kill 0, $_ } @pids }, 30);
    my $seconds = time - $began;
    diag(sprintf 'the gateway %s: the last process outlived the postmaster by %.1f s', $name, $seconds);
    cmp_ok($seconds, '<', $grace_s, "the postmaster is killed, the gateway $name: all end soon");
    forget_sessions($session, $deliverer);
    $gateway->behave;
    $node->start;
    for my $reference (reference_of($order), $queued) {
        my $session = open_session($node);
        run_in($session, 'CALL fpgo.deliver()');
        $session->quit;
        my $state = $records->states_of($reference);
        my $expected = $name eq 'answers soon' ? qr/^(?:accepted|uncertain)$/ : qr/^uncertain$/;
        like($state, $expected, "the postmaster is killed, the gateway $name: the record says '$state'");
        is_settled("the postmaster is killed, the gateway $name", $reference, $state, 1);
    }
}

# --- what was uncertain, in the end -----------------------------------------------------------

decide_uncertain($node, $gateway, least => 5);
{
    my $session = open_session($node);
    run_in($session, 'CALL fpgo.deliver()');
    $session->quit;
}
check_records($node, $gateway, name => 'the records agree with the ledger in the end', committed => [ $records->expected ]);

unlike(slurp_file($node->logfile), qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E/, 'no secret in the log');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal (?!9: Killed)/, 'nothing crashed by itself');

$node->stop;
$gateway->stop;
done_testing();
