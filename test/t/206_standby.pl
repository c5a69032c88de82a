# Synchronous replication: what no standby has confirmed is not sent, and nobody
# who waits for a standby that never comes is beyond reach.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

# What waits for a standby lets go of it within this many seconds, once asked to.
my $soon = 4.8;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster(
    'main',
    url      => $gateway->address,
    settings => "wal_level = replica\nmax_wal_senders = 4\nautovacuum = off");
my $records = FpgoRecords->new($node, $gateway);
my ($session, $admin, $probe, $other);

# The administrator's own commits wait for nobody.
sub open_sessions {
    ($session, $admin, $probe, $other) = map { open_session($node) } 1 .. 4;
    run_in($admin, 'SET synchronous_commit = local');
    return;
}

sub is_true { return administer($admin, "SELECT count(*) FROM pg_stat_activity WHERE $_[0]"); }

# Wait until somebody's commit waits for a standby; the pid of that process.
sub wait_for_waiting {
    my ($condition) = @_;
    return wait_for("somebody with $condition to wait for a standby", sub {
        administer($admin, "SELECT max(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND $condition");
    }, 10);
}

my $is_helper = q{backend_type = 'fpgo helper'};

# Commits made only to see whether they wait.
my $n_probes = 0;

# require_standby($name): from now on commits wait for the standby of that name.
sub require_standby {
    my ($name) = @_;
    administer($admin, "ALTER SYSTEM SET synchronous_standby_names = '$name'; SELECT pg_reload_conf()");
    # others obey once the checkpointer has read it, which a commit shows
    wait_for("$name to be required", sub {
        my $pid       = pid_of($probe);
        my $statement = 'INSERT INTO probe VALUES (' . ++$n_probes . ')';
        begin_in($probe, $statement);
        my $waits = wait_for('a commit', sub {
            administer($admin, "SELECT CASE WHEN wait_event = 'SyncRep' THEN 2 WHEN state = 'idle' THEN 1 ELSE 0 END
                FROM pg_stat_activity WHERE pid = $pid AND query LIKE '$statement%'");
        });
        administer($admin, "SELECT pg_cancel_backend($pid)") if $waits == 2;
        finish_in($probe);
        return $waits == 2;
    }, 10);
    return;
}

# From now on they wait for nobody, and who did goes on.
sub require_no_standby {
    administer($admin, 'ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()');
    run_in($probe, 'INSERT INTO probe VALUES (0)');
    wait_for('all to have read it', sub { run_in($probe, 'SHOW synchronous_standby_names')->{rows} eq '' });
    return;
}

# finish_soon($name, $in): finish_within, for a statement that may wait for a
# standby for ever: then none is required any more.
sub finish_soon {
    my ($name, $in) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return finish_within($name, $in, $soon, \&require_no_standby);
}

open_sessions();
administer($admin, 'CREATE TABLE probe (id int)');

# --- submit_invoice ------------------------------------------------------------------

{
    my $name      = 'submission, no standby';
    my $order     = order();
    my $reference = reference_of($order);
    require_standby('nobody');
    begin_submit($session, $order);
    my $helper = wait_for_waiting($is_helper);
    is($gateway->received($reference), 0, "$name: nothing is sent while it waits");
    administer($admin, "SELECT pg_terminate_backend($helper)");
    my $ended = finish_soon("$name, helper terminated", $session);
    like($ended->{sqlstate}, qr/^(?:38F02|55000)$/, "$name, helper terminated: an error that says not processed")
      or diag($ended->{said});
    like($ended->{said}, qr/No standby confirmed the record/, "$name, helper terminated: and why")
      if $ended->{sqlstate} eq '38F02';
    unlike($ended->{said}, qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E/, "$name, helper terminated: no secret");
    $records->show("$name, helper terminated", $reference, 'cancelled', received => 0);

    # the caller leaves: the helper waits on, and what it recorded waits too
    my $later = order();
    begin_submit($session, $later);
    wait_for_waiting($is_helper);
    administer($admin, 'SELECT pg_cancel_backend(' . pid_of($session) . ')');
    $ended = ends("$name, caller cancelled", finish_soon("$name, caller cancelled", $session), '57014',
        qr/CONTEXT: .*submission \d+ goes on/);
    $helper = wait_for_waiting($is_helper);
    is($gateway->received(reference_of($later)), 0, "$name, caller cancelled: nothing is sent");
    administer($admin, "SELECT pg_terminate_backend($helper)");
    wait_for('the end of the helper', sub { !is_true($is_helper) }, $soon);
    $records->show("$name, caller cancelled", reference_of($later), 'queued', received => 0);

    require_no_standby();
    ends("$name required any more", submit($session, $order), '');
    $records->show("$name required any more", $reference, 'cancelled accepted', received => 1);
    $records->make_due();
    ends("$name required any more, delivery", run_in($session, 'CALL fpgo.deliver()'), '');
    $records->show("$name required any more, delivery", reference_of($later), 'accepted', received => 1);
}
{
    # a server that is shut down meanwhile
    my $name      = 'shutdown, no standby';
    my $order     = order();
    my $reference = reference_of($order);
    my $queued    = $records->enqueue($admin);
    require_standby('nobody');
    begin_submit($session, $order);
    begin_in($other, "CALL fpgo.deliver($queued->{id})");
    wait_for_waiting($is_helper);
    wait_for_waiting('pid = ' . pid_of($other));
    my $began = time;
    {
        local $ENV{PGCTLTIMEOUT} = 12;
        $node->stop('fast', fail_ok => 1);
    }
    my $seconds = time - $began;
    diag(sprintf 'the shutdown took %.1f s', $seconds);
    cmp_ok($seconds, '<', $soon, "$name: the server shuts down");
    $node->stop('immediate', fail_ok => 1) if $seconds >= 12;
    # whoever was not ended by that was ended by the immediate one
    finish_in($_) for $session, $other;
    eval { $_->quit } for $session, $admin, $probe, $other;
    is($gateway->received($_), 0, "$name: nothing is sent") for $reference, $queued->{reference};

    $node->start;
    open_sessions();
    require_no_standby();
    $records->make_due();
    ends("$name, delivery after the start", run_in($session, 'CALL fpgo.deliver()'), '');
    $records->show("$name, delivery after the start", $queued->{reference}, 'accepted', received => 1);
    # whether its caller was still there to be told is a matter of luck
    my $fate = $records->states_of($reference) . ' ' . $gateway->received($reference);
    like($fate, qr/^(?:cancelled 0|accepted 1)$/, "$name: what was submitted was cancelled, or queued and sent");
}

# --- CALL fpgo.deliver() ------------------------------------------------------------------

for my $function ('pg_cancel_backend', 'pg_terminate_backend') {
    my $name = "$function, delivery, no standby";
    my @submissions = map { $records->enqueue($admin) } 1 .. 2;
    require_standby('nobody');
    begin_in($other, 'CALL fpgo.deliver()');
    wait_for_waiting('pid = ' . pid_of($other));
    is($gateway->received($_->{reference}), 0, "$name: nothing is sent while it waits") for @submissions;
    administer($admin, "SELECT $function(" . pid_of($other) . ')');
    my $ended = finish_soon($name, $other);
    # PostgreSQL says nothing more to whom it terminates in such a wait
    if ($function eq 'pg_cancel_backend') { ends($name, $ended, '57014'); }
    else                                  { ends($name, $ended, '08006', qr/WARNING: +57P01/); }
    $records->show($name, $_->{reference}, 'queued', received => 0) for @submissions;
    require_no_standby();
    if ($function eq 'pg_cancel_backend') {
        is(run_in($other, 'SELECT 1')->{rows}, 1, "$name: the session is usable");
        run_in($other, q{SET statement_timeout = '50ms'});
        ends("$name: and can be cancelled again", run_in($other, 'SELECT pg_sleep(3)'), '57014');
        run_in($other, 'RESET statement_timeout');
    }
    else {
        eval { $other->quit };
        $other = open_session($node);
    }
    $records->make_due();
    ends("$name, delivery later", run_in($other, 'CALL fpgo.deliver()'), '');
    $records->show("$name, delivery later", $_->{reference}, 'accepted', received => 1) for @submissions;
}

# --- a standby that is not required any more while somebody waits for it --------------------------

{
    my $name      = 'required no more';
    my $queued    = $records->enqueue($admin);
    my $order     = order();
    my $reference = reference_of($order);
    require_standby('nobody');
    begin_in($other, 'CALL fpgo.deliver()');
    wait_for_waiting('pid = ' . pid_of($other));
    begin_submit($session, $order);
    wait_for_waiting($is_helper);
    require_no_standby();
    # what a session delivers is sent now, or is not and that is said
    my $ended = finish_soon("$name: delivery", $other);
    like($ended->{sqlstate}, qr/^(?:57014|)$/, "$name: delivery ends") or diag($ended->{said});
    my $states = $records->states_of($queued->{reference}) . ' ' . $gateway->received($queued->{reference});
    is($states, $ended->{sqlstate} ? 'queued 0' : 'accepted 1', "$name: delivery, as it says");
    # the helper sees why its wait ended
    ends("$name: submission", finish_soon("$name: submission", $session), '');
    $records->show("$name: submission", $reference, 'accepted', received => 1);
    $records->make_due();
    ends("$name, delivery later", run_in($other, 'CALL fpgo.deliver()'), '');
    $records->show("$name, delivery later", $queued->{reference}, 'accepted', received => 1);
}

# --- one reference, and a claim whose commit takes its time -------------------------------------

{
    # what has the lower number is committed while the other one's claim is not to be seen yet
    my $name      = 'one reference';
    my $reference = 'one-reference';
    my $delay     = 0.6;
    my $order     = order(referenceNo => $reference);
    $records->expect($reference);
    run_in($session, 'BEGIN; SET LOCAL synchronous_commit = local');
    my $low  = run_in($session, enqueue_sql($order, q{key => 'low'}))->{rows};
    my $high = $records->enqueue($admin, referenceNo => $reference, key => 'high');
    cmp_ok($low, '<', $high->{id}, "$name: in this order");
    require_standby('receiver');
    $gateway->misbehave({ requests => 2, delay => $delay });
    begin_in($other, 'CALL fpgo.deliver()');
    wait_for_waiting('pid = ' . pid_of($other));
    run_in($session, 'COMMIT');
    is($records->states_of($reference), 'queued queued', "$name: the claim is not to be seen yet");
    # whether this one waits for the standby as well is all the same
    begin_in($session, 'CALL fpgo.deliver()');
    my $pid = pid_of($session);
    wait_for('who delivers meanwhile to wait or to end', sub {
        is_true("pid = $pid AND query LIKE 'CALL%' AND (wait_event = 'SyncRep' OR state = 'idle')");
    });
    is($gateway->received($reference), 0, "$name: nothing is sent while the claim is not confirmed");

    # the standby comes, and confirms all there is
    my $receiver = IPC::Run::start(
        [ 'pg_receivewal', '--no-loop', '--synchronous', '-D', PostgreSQL::Test::Utils::tempdir(),
            '-d', $node->connstr('postgres') . ' application_name=receiver' ],
        '>', \my $output, '2>', \my $errors, IPC::Run::timeout(60));
    wait_for_order($gateway, $reference, 15);
    ends("$name: who delivered meanwhile", finish_soon("$name: who delivered meanwhile", $session), '');
    is($records->states_of($reference), 'queued sending', "$name: only the one that was claimed flies");
    ends("$name: who delivers during the request", run_in($session, 'CALL fpgo.deliver()'), '');
    is($gateway->received($reference), 1, "$name: the other one waits for its end");
    ends("$name: who claimed", finish_soon("$name: who claimed", $other), '');
    ends("$name: who delivers later", run_in($session, 'CALL fpgo.deliver()'), '');
    $records->show($name, $reference, 'accepted accepted', received => 2);
    is(administer($admin, qq{
        SELECT count(*) FROM fpgo.attempts a, fpgo.attempts b
        WHERE a.submission = $low AND b.submission = $high->{id} AND a.started_at < b.ended_at}),
        0, "$name: by the records one after the other");
    my ($first, $second) = map { $_->{time} } $gateway->ledger($reference);
    my $apart = administer($admin, "SELECT extract(epoch FROM '$second'::timestamptz - '$first'::timestamptz)");
    cmp_ok($apart, '>=', $delay, "$name: by the ledger the second came after the first was answered");

    # with a standby that confirms, all is as ever
    my $submission = $records->enqueue($admin);
    ends('with a standby, delivery', run_in($other, 'CALL fpgo.deliver()'), '');
    $records->show('with a standby, delivery', $submission->{reference}, 'accepted', received => 1);
    my $submitted = order();
    ends('with a standby, submission', submit($session, $submitted), '');
    $records->show('with a standby, submission', reference_of($submitted), 'accepted', received => 1);
    is(administer($admin, 'SELECT standbys FROM fpgo_internal.seat'), 't', 'with a standby: that is on record with the seat');
    require_no_standby();
    $receiver->kill_kill;
    my $alone = $records->enqueue($admin);
    ends('without one again, delivery', run_in($other, 'CALL fpgo.deliver()'), '');
    $records->show('without one again, delivery', $alone->{reference}, 'accepted', received => 1);
    is(administer($admin, 'SELECT standbys FROM fpgo_internal.seat'), 'f', '... and it is on record that there is none');
}

check_log($node);
check_records($node, $gateway, committed => [ $records->expected ]);

$_->quit for $session, $admin, $probe, $other;
$node->stop;
$gateway->stop;
done_testing();
