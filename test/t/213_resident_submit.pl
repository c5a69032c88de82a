# submit_invoice where a resident worker runs: it serves all sessions, with the
# answers that a helper process gives; what would make it wait is a helper's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('resident', url => $gateway->address, options => q{timeout '20s'});
my ($session, $other, $third, $admin) = map { open_session($node) } 1 .. 4;

my $records = FpgoRecords->new($admin, $gateway);

# comes_to($name, $reference, $states, $received): assert what stands on record and
# was received of an order once nothing of it is under way.
sub comes_to {
    my ($name, $reference, $states, $received) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    wait_for("$name: an end", sub { $records->states_of($reference) !~ /sending/ });
    $records->show($name, $reference, $states, received => $received);
    return;
}

sub count_helpers {
    return administer($admin, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'fpgo helper'});
}

my $worker = wait_for_worker($admin);

# --- every answer ---------------------------------------------------------------------

{
    my ($order, $reference) = new_order();
    my $first = ends('accepted', submit($session, $order), '');
    is($first->{order_uuid}, ($gateway->ledger($reference))[0]{order_uuid}, 'accepted: has its row');
    my $again = ends('the same order again', submit($other, $order), '');
    is($again->{order_uuid}, $first->{order_uuid}, 'the same order again: the first answer');
    comes_to('the same order again', $reference, 'accepted', 1);
    ends('another order with its key', run_in($session, submit_sql(order(), "key => '$reference'")), '23505');
}
for my $case (
    [ 'refused',             '38F05', 'refused',   1, { errors => ['Not this one.'] } ],
    [ 'an unknown outcome',  '38F01', 'uncertain', 1, { close_after_request => \1 } ],
    [ 'refused credentials', '38F03', 'cancelled', 1, { status => 401 } ],
    [ 'asked to slow down',  '38F04', 'cancelled', 1, { status => 429, headers => { 'Retry-After' => '7' } } ]) {
    my ($name, $sqlstate, $state, $received, $wish) = @$case;
    my ($order, $reference) = new_order();
    $gateway->misbehave($wish);
    ends($name, submit($session, $order), $sqlstate);
    comes_to($name, $reference, $state, $received);
    forget_slow_down($admin);
    ends("$name, the next", submit($session, order()), '');
}
{
    my ($order, $reference) = new_order();
    my $nobody = closed_address();
    administer($admin, qq{
        CREATE SERVER nobody FOREIGN DATA WRAPPER fpgo OPTIONS (url '$nobody');
        CREATE USER MAPPING FOR PUBLIC SERVER nobody OPTIONS (token '$TOKEN')});
    ends('unreachable', run_in($session, submit_sql($order, q{server => 'nobody'})), '38F02');
    comes_to('unreachable', $reference, 'cancelled', 0);
}
{
    my ($order, $reference) = new_order();
    my $another = order(referenceNo => $reference);
    $gateway->misbehave({ delay => 1 });
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    ends('a key that is being submitted',       submit($other, $order), '55006');
    ends('a reference that is being submitted', run_in($other, submit_sql($another, q{key => 'other'})), '55006');
    is(transaction_of($admin, $worker), 'none', 'during a request: no transaction and no snapshot');
    ends('the first', finish_in($session), '');
    ends('a key that was submitted', submit($other, $order), '');
    comes_to('a key that was submitted', $reference, 'accepted', 1);
}
{
    my ($order, $reference) = new_order();
    run_in($session, 'BEGIN');
    run_in($session, enqueue_sql($order));
    ends('queued in this transaction', submit($session, $order), '55000');
    run_in($session, 'ROLLBACK');
    ends('in a transaction that is rolled back', run_in($session, 'BEGIN; ' . submit_sql($order) . '; ROLLBACK'), '');
    comes_to('in a transaction that is rolled back', $reference, 'accepted', 1);
}
is(count_helpers(), 0, 'no helper process was needed');
is(worker_pid($admin), $worker, 'and one worker did it all');

# --- an outcome that cannot be recorded: ends further down ------------------------------

my ($stuck, $owner) = map { open_session($node) } 1 .. 2;
my ($stuck_order, $stuck_reference) = new_order();
$gateway->misbehave({ delay => 0.5 });
begin_submit($stuck, $stuck_order);
wait_for_order($gateway, $stuck_reference);
run_in($owner, "BEGIN; SELECT FROM fpgo_internal.submission WHERE reference = '$stuck_reference' FOR UPDATE");

# --- many at once ---------------------------------------------------------------------

{
    # a pool of helpers would need seven rounds
    my @sessions = map { open_session($node) } 1 .. 50;
    my @orders   = map { order() } @sessions;
    my @warm     = grep { submit($_, order())->{sqlstate} } @sessions;
    is(scalar @warm, 0, 'fifty sessions, one by one');
    # long enough for all of them to get there on a busy machine
    $gateway->misbehave({ requests => 50, delay => 5 });
    my $began = time;
    begin_submit($sessions[$_], $orders[$_]) for 0 .. 49;
    wait_for_order($gateway, reference_of($_)) for @orders;
    is($records->count_in_state('sending'), 51,
        'fifty sessions at once: all are under way together') or diag(count_helpers());
    my @ended = map { finish_in($_) } @sessions;
    diag(sprintf 'fifty sessions at once, 5 s each: %.2f s', time - $began);
    is(scalar(grep { $_->{sqlstate} } @ended), 0, 'fifty sessions at once: all are accepted')
      or diag(map { $_->{said} } @ended);
    is(count_helpers(), 0, 'fifty sessions at once: without a helper');
    # and those who wait keep nobody who queues
    my $queued = $records->enqueue($session);
    wait_for('a queued order', sub { $records->state_of($queued) eq 'accepted' });
    $_->quit for @sessions;
}
{
    # a session that comes back late finds the worker again
    my $late = open_session($node);
    run_in($late, q{SET fpgo.helper_idle = '10ms'});
    ends("call $_ of a session that is idle in between", submit($late, order()), ''), sleep 0.1 for 1 .. 3;
    run_in($late, q{SET fpgo.helper_idle = 0});
    my @failed = grep { $_->{sqlstate} } map { submit($late, order()) } 1 .. 50;
    is(scalar @failed, 0, 'with no idle time: every call is served') or diag($failed[0]{said});
    is(count_helpers(), 0, 'with no idle time: by the worker');
    $late->quit;
}

{
    # a mailbox holds nothing between calls, and is not kept for ever
    my $in       = open_session($node);
    my $segments = sub {
        my %segments = map { $_ => 1 } slurp_file("/proc/$worker/maps") =~ m{(/dev/shm/PostgreSQL\.\d+)}g;
        return sort keys %segments;
    };
    wait_for('fifty sessions to be forgotten', sub { $segments->() < 50 });
    run_in($in, q{SET fpgo.helper_idle = '2s'});
    my %before = map { $_ => 1 } $segments->();
    ends('a call with much to say', submit($in, order(
        'customerDetails.address.street' => 'Needle street 77',
        'callback.success' => 'https://shop.example/?' . 'x' x 1500)), '');
    my @made = grep { !$before{$_} } $segments->();
    is(scalar @made, 1, 'a session has a mailbox');
    my $secrets = qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E|Needle street 77|auth\.current\.bankid/;
    is(scalar(grep { slurp_file($_) =~ $secrets } @made), 0, 'after a call nothing of it is in shared memory');
    wait_for('the mailbox to be given back', sub { my ($made) = @made; !grep { $_ eq $made } $segments->() }, 20);
    pass('a session that is idle is forgotten');
    $in->quit;
}

# --- callers that leave ----------------------------------------------------------------

for my $how ('cancel', 'statement_timeout', 'terminate') {
    my ($order, $reference) = new_order();
    my $in  = $how eq 'terminate' ? open_session($node) : $session;
    my $pid = pid_of($in);
    $gateway->misbehave({ delay => 1 });
    run_in($in, q{SET statement_timeout = '500ms'}) if $how eq 'statement_timeout';
    begin_submit($in, $order);
    wait_for_order($gateway, $reference);
    administer($admin, "SELECT pg_${how}_backend($pid)") if $how ne 'statement_timeout';
    ends("$how during a request", finish_in($in), $how eq 'terminate' ? '57P01' : '57014',
        qr/CONTEXT: +submission \d+ goes on/);
    run_in($in, 'RESET statement_timeout') if $how eq 'statement_timeout';
    comes_to("$how during a request", $reference, 'accepted', 1);
    if ($how eq 'terminate') { eval { $in->quit } }
    else { ends("after a $how", submit($in, order()), '') }
}

# --- locks ----------------------------------------------------------------------------

{
    # somebody's open transaction holds the key: the session waits for it
    my ($order, $reference) = new_order();
    run_in($third, 'BEGIN; ' . enqueue_sql($order));
    begin_submit($session, $order);
    wait_for_lock($session);
    is(submit($other, order())->{sqlstate}, '', 'a key in an open transaction: others are served') for 1 .. 5;
    ok(!has_ended($session), 'a key in an open transaction: its session waits');
    run_in($third, 'ROLLBACK');
    ends('a key in an open transaction', finish_in($session), '');
    comes_to('a key in an open transaction', $reference, 'accepted', 1);
}
# --- an outcome that could not be recorded ------------------------------------------------

ends('a locked submission', finish_in($stuck), '38F01', qr/could not be recorded/);
run_in($owner, 'ROLLBACK');
comes_to('a locked submission', $stuck_reference, 'uncertain', 1);
is(worker_pid($admin), $worker, 'a locked submission: the worker goes on');
ends('after a locked submission', submit($stuck, order()), '');

# --- locks on the tables -----------------------------------------------------------------

for my $mode ('ACCESS EXCLUSIVE', 'SHARE') {
    # requests that overlap without end do not keep an owner from the tables
    # (CREATE INDEX asks for SHARE)
    my @sessions = map { open_session($node) } 1 .. 3;
    $gateway->misbehave({ requests => 1000, delay => 0.3 });
    my ($n, $asked) = (0, 0);
    my @failed;
    begin_submit($_, order()), sleep 0.1 for @sessions;
    my $began = time;
    while (time - $began < 20) {
        for my $in (grep { has_ended($_) } @sessions) {
            my $ended = finish_in($in);
            push @failed, $ended if $ended->{sqlstate};
            begin_submit($in, order());
            $n++;
        }
        if (!$asked && $n >= 3) {
            begin_in($third, "BEGIN; LOCK TABLE fpgo_internal.submission IN $mode MODE; COMMIT");
            $asked = time;
        }
        last if $asked && has_ended($third);
        sleep 0.01;
    }
    my $is_locked = has_ended($third);
    ok($is_locked, "$mode: an owner gets the tables while requests overlap");
    diag(sprintf '%s: the owner waited %.2f s', $mode, time - $asked);
    finish_in($_) for @sessions;
    ends("$mode: the owner", finish_in($third), '');
    is(scalar @failed, 0, "$mode: and the requests are served") or diag($failed[0]{said});
    $gateway->behave;
    $_->quit for @sessions;
    wait_for('the helpers to leave', sub { count_helpers() == 0 });
}
{
    # a third party asks for the records and then for something of the caller's
    my ($order, $reference) = new_order();
    administer($admin, 'CREATE TABLE shop AS SELECT 1 AS id, 0 AS n');
    my $pid = pid_of($third);
    run_in($session, 'BEGIN; UPDATE shop SET n = 1');
    $gateway->misbehave({ delay => 0.4 });
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    begin_in($third, q{BEGIN;
        LOCK TABLE fpgo_internal.submission, fpgo_internal.attempt IN ACCESS EXCLUSIVE MODE;
        UPDATE shop SET n = 2;
        COMMIT});
    wait_for('the third party to wait', sub { administer($admin, "SELECT count(*) FROM pg_locks WHERE pid = $pid AND NOT granted") });
    my $ended = ends('a table lock is asked for during a request', finish_in($session), '');
    cmp_ok($ended->{seconds}, '<', 5, 'a table lock is asked for during a request: not in the way');
    run_in($session, 'COMMIT');
    ends('and is had later', finish_in($third), '');
}

# --- the worker leaves -----------------------------------------------------------------

for my $how ('SELECT pg_terminate_backend(pid) FROM fpgo.worker()', 'SELECT fpgo.pause()') {
    my ($name) = $how =~ /(terminate|pause)/;
    submit($_, order()) for $session, $other;
    my ($order, $reference) = new_order();
    $gateway->misbehave({ delay => 1 });
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    run_in($third, 'BEGIN; ' . enqueue_sql(order())) if $name eq 'pause';
    my $ended = run_in($admin, $how);
    ends("$name: a new call",        submit($other, order()), '');
    ends("$name: the one under way", finish_in($session),     '');
    comes_to("$name: the one under way", $reference, 'accepted', 1);
    is(submit($session, order())->{sqlstate}, '', "$name: the next");
    is(administer($admin, 'SELECT state FROM fpgo.worker()'), 'paused', 'the worker is paused') if $name eq 'pause';
    cmp_ok(count_helpers(), '>', 0, 'a helper serves while the worker is paused') if $name eq 'pause';
    run_in($third, 'COMMIT') if $name eq 'pause';
    administer($admin, 'SELECT fpgo.resume()');
    wait_for_worker($admin);
}
{
    my ($order, $reference) = new_order();
    my $in = open_session($node);
    $gateway->misbehave({ stall => \1 });
    begin_submit($in, $order);
    wait_for_order($gateway, $reference);
    my $began = time;
    administer($admin, 'SELECT fpgo.pause()');
    my $seconds = time - $began;
    diag(sprintf 'a pause during a request without an answer took %.1f s', $seconds);
    cmp_ok($seconds, '>', 2, 'a pause during a request gives it time');
    cmp_ok($seconds, '<', 8, 'a pause during a request without an answer ends');
    ends('a pause during a request without an answer', finish_in($in), '38F01');
    $in->quit;
    comes_to('a pause during a request without an answer', $reference, 'uncertain', 1);
    administer($admin, 'SELECT fpgo.resume()');
    wait_for_worker($admin);
}

# --- the closing comparison -------------------------------------------------------------

$_->quit for $session, $other, $third, $admin, $stuck, $owner;
check_log($node);
check_records($node, $gateway);
$node->stop;
$gateway->stop;
done_testing();
