# What a resident worker delivers.  An order is sent when the transaction that
# queued it commits.  The orders of a role that may not use a server wait, and
# those of other roles go on.  Nothing that the tables' owner does ends the worker
# or loses an order that is on its way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster(
    'resident',
    url      => $gateway->address,
    options  => q{timeout '20s', concurrency '8'},
    settings => "max_prepared_transactions = 2\n");
my $session = open_session($node);
my $admin   = open_session($node);

my $records = FpgoRecords->new($admin, $gateway);

# References of orders whose enqueueing was rolled back.
my @rolled_back;

# enqueue(%changes): queue an order as $records does, in the one session.
sub enqueue { return $records->enqueue($session, @_); }

# enqueue_and_wait($n): queue several together and wait for them to be at the
# gateway; returns the submissions.
sub enqueue_and_wait {
    my ($n) = @_;
    my @submissions = $records->enqueue_together($session, $n);
    wait_for_order($gateway, $_->{reference}) for @submissions;
    return @submissions;
}

# becomes($name, $state, @submissions): assert that they all come to that state.
sub becomes {
    my ($name, $state, @submissions) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ids = join ', ', map { $_->{id} } @submissions;
    my $is_so = eval {
        wait_for($name, sub {
            administer($admin, "SELECT bool_and(state = '$state') FROM fpgo_internal.submission WHERE id IN ($ids)") eq 't';
        }, 30);
    };
    ok($is_so, "$name: $state") or diag(administer($admin, "SELECT * FROM fpgo_internal.submission WHERE id IN ($ids)"));
    return;
}

# Why a submission waits, as everybody sees it.
sub why { return administer($admin, "SELECT last_error FROM fpgo.submissions WHERE submission = $_[0]{id}"); }

my $worker = wait_for_worker($admin);

# --- at the commit ------------------------------------------------------------------

{
    my @submissions = map {
        my $submission = enqueue();
        becomes("order $_", 'accepted', $submission);
        $submission
    } 1 .. 10;
    my @ms = sort { $a <=> $b }
      map { $records->column_of($_, '(extract(epoch FROM settled_at - created_at) * 1000)::int') } @submissions;
    diag("from queued to accepted, in milliseconds: @ms");
    cmp_ok($ms[5], '<', 500, 'an order is on its way at its commit');
}
{
    my ($rolled_back, $reference) = new_order();
    push @rolled_back, $reference;
    run_in($session, 'BEGIN; ' . enqueue_sql($rolled_back) . '; ROLLBACK');
    run_in($session, 'BEGIN');
    my $kept = enqueue();
    run_in($session, 'SAVEPOINT a; ' . enqueue_sql($rolled_back) . '; ROLLBACK TO a');
    sleep 0.2;
    is($gateway->received($_), 0, 'before the commit: nothing is sent') for $kept->{reference}, $reference;
    run_in($session, 'COMMIT');
    becomes('what is left of a transaction', 'accepted', $kept);
    is($gateway->received($reference), 0, 'what was rolled back is not sent');
}
{
    # nobody is told of COMMIT PREPARED: the worker looks by itself
    run_in($session, 'BEGIN');
    my $prepared = enqueue();
    run_in($session, q{PREPARE TRANSACTION 'one'});
    is($gateway->received($prepared->{reference}), 0, 'prepared: nothing is sent');
    run_in($session, q{COMMIT PREPARED 'one'});
    becomes('COMMIT PREPARED', 'accepted', $prepared);
}
{
    $gateway->misbehave({ requests => 4, delay => 2 });
    my @slow  = enqueue_and_wait(4);
    my $quick = enqueue();
    becomes('an order beside slow ones', 'accepted', $quick);
    is(join(' ', map { $records->state_of($_) } @slow), 'sending sending sending sending', 'the slow ones are under way still');
    is(transaction_of($admin, $worker), 'none', 'meanwhile the worker has no transaction and no snapshot');
    becomes('the slow ones', 'accepted', @slow);
}
{
    # a decision frees what waited for it
    $gateway->misbehave({ close_after_request => \1 });
    my $first = enqueue(referenceNo => 'twice');
    becomes('the first of a reference', 'uncertain', $first);
    my $second = enqueue(referenceNo => 'twice', key => 'twice-2');
    administer($admin, "SELECT fpgo.resolve($first->{id}, 'cancelled', 'test')");
    becomes('the second, once the first is resolved', 'accepted', $second);
}

# --- who may not use a server any more ----------------------------------------------

administer($admin, 'CREATE ROLE buyer; GRANT USAGE ON FOREIGN SERVER frontpayment TO buyer');
my $make_own = sprintf q{
    CREATE SERVER own FOREIGN DATA WRAPPER fpgo OPTIONS (url '%s');
    GRANT USAGE ON FOREIGN SERVER own TO buyer;
    CREATE USER MAPPING FOR CURRENT_USER SERVER own OPTIONS (token '%s');
    CREATE USER MAPPING FOR buyer SERVER own OPTIONS (token '%s')}, $gateway->address, $TOKEN, $TOKEN;
administer($admin, $make_own);
for my $case (
    [ 'a dropped user mapping', 'own', 'DROP USER MAPPING FOR buyer SERVER own', qr/mapping/,
        "CREATE USER MAPPING FOR buyer SERVER own OPTIONS (token '$TOKEN')" ],
    [ 'a dropped server', 'own', 'DROP SERVER own CASCADE', qr/server "own" does not exist/, $make_own ],
    [ 'revoked USAGE', 'frontpayment', 'REVOKE USAGE ON FOREIGN SERVER frontpayment FROM buyer',
        qr/permission denied/, 'GRANT USAGE ON FOREIGN SERVER frontpayment TO buyer' ],
    [ 'a dropped role', 'frontpayment', 'DROP OWNED BY buyer; DROP ROLE buyer', qr/role "buyer" does not exist/,
        'CREATE ROLE buyer; GRANT USAGE ON FOREIGN SERVER frontpayment TO buyer' ]) {
    my ($name, $server, $take_away, $reason, $give_back) = @$case;
    # a worker woken by a commit might still see the rights of before it
    administer($admin, 'SELECT fpgo.pause()');
    run_in($session, 'SET fpgo.undelivered_notice = off; SET ROLE buyer');
    my @shut_out = map { enqueue(server => $server) } 1 .. 3;
    ends($name, run_in($session, "RESET ROLE; $take_away"), '');
    administer($admin, 'SELECT fpgo.resume()');
    wait_for('the reason', sub { why($shut_out[2]) ne '' });
    like(why($_), $reason, "$name: the reason is on record") for @shut_out;
    my $bystander = enqueue();
    becomes("$name, somebody else's order", 'accepted', $bystander);
    is(join(' ', map { $records->state_of($_) . $records->column_of($_, 'attempts') } @shut_out), 'queued0 queued0 queued0',
        "$name: the orders wait");
    ends("$name, given back", run_in($session, $give_back), '');
    becomes("$name, given back", 'accepted', @shut_out);
}

$worker = wait_for_worker($admin);

# --- a gateway that fails ------------------------------------------------------------

{
    administer($admin, sprintf q{ALTER SERVER frontpayment OPTIONS (SET url '%s')}, closed_address());
    my @waiting = $records->enqueue_together($session, 10);
    my $other   = enqueue(server => 'own');
    becomes('another server while one is down', 'accepted', $other);
    wait_for('a try', sub { $records->column_of($waiting[0], 'attempts') > 0 });
    is(join(' ', map { $records->state_of($_) } @waiting), join(' ', ('queued') x 10), 'a gateway that is down: all wait');
    administer($admin, sprintf q{ALTER SERVER frontpayment OPTIONS (SET url '%s')}, $gateway->address);
    becomes('a gateway that is up again', 'accepted', @waiting);
}
{
    $gateway->misbehave({ status => 429, headers => { 'Retry-After' => '2' } });
    my $first = enqueue();
    wait_for_order($gateway, $first->{reference});
    wait_for('the answer', sub { $records->state_of($first) eq 'queued' });
    my $second = enqueue();
    becomes('slowed down', 'accepted', $first, $second);
    cmp_ok(administer($admin, qq{
        SELECT min(b.started_at) - max(a.ended_at) > interval '1.5 seconds' FROM fpgo.attempts a, fpgo.attempts b
        WHERE a.submission = $first->{id} AND a.number = 1
        AND (b.submission, b.number) IN (($first->{id}, 2), ($second->{id}, 1))}), 'eq', 't',
        'slowed down: nothing is sent before the time asked for');
}
{
    # an unknown outcome makes it careful until an answer is definite
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (SET concurrency '3')});
    $gateway->misbehave({ requests => 3, delay => 0.3, close_after_request => \1 }, { requests => 2, delay => 0.3 });
    my ($a, $b, $c, $d, $e) = $records->enqueue_together($session, 5);
    becomes('unknown outcomes',         'uncertain', $a, $b, $c);
    becomes('and what is behind them',  'accepted',  $d, $e);
    is(administer($admin, qq{
        SELECT a.ended_at <= b.started_at OR b.ended_at <= a.started_at FROM fpgo.attempts a, fpgo.attempts b
        WHERE a.submission = $d->{id} AND b.submission = $e->{id}}), 't', 'after unknown outcomes: one at a time');
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (SET concurrency '8')});
}

# --- somebody works on the records -----------------------------------------------------

{
    # their owner locks a row whose outcome is due, and goes away
    $gateway->misbehave({ requests => 3, delay => 0.5 });
    my ($locked, @others) = enqueue_and_wait(3);
    my $third = open_session($node);
    run_in($third, "BEGIN; SELECT FROM fpgo_internal.submission WHERE id = $locked->{id} FOR UPDATE");
    becomes('beside a locked submission', 'accepted', @others);
    becomes('queued later', 'accepted', enqueue());
    is(submit($session, order())->{sqlstate}, '', 'submitted meanwhile');
    is($records->state_of($locked), 'sending', 'the locked submission has no outcome yet');
    run_in($third, 'ROLLBACK');
    becomes('a submission that was locked', 'accepted', $locked);
    $third->quit;
}
{
    # for longer than a deliverer in a session would try
    my $offset = -s $node->logfile;
    $gateway->misbehave({ requests => 3, delay => 0.5 });
    my ($order, $reference) = new_order();
    $records->expect($reference);
    my $fourth = open_session($node);
    my @flying = enqueue_and_wait(3);
    my $queued = enqueue();
    my $third  = open_session($node);
    run_in($third, 'BEGIN; LOCK TABLE fpgo_internal.submission, fpgo_internal.attempt IN ACCESS EXCLUSIVE MODE');
    my $began = time;
    is(submit($fourth, $order)->{sqlstate}, '55P03', 'a locked table: submit_invoice says so');
    cmp_ok(time - $began, '<', 8, 'a locked table: and soon');
    wait_for('the log to say it', sub { count_logged($node, qr/LOG:.*cannot be (?:claimed|recorded)/, $offset) });
    run_in($third, 'ROLLBACK');
    becomes('a table that was locked', 'accepted', @flying, $queued);
    is(submit($fourth, $order)->{sqlstate}, '', 'a table that was locked: submit_invoice goes on');
    is(worker_pid($admin), $worker, 'a table that was locked: the worker has survived');
    $_->quit for $third, $fourth;
}
check_records($node, $gateway, committed => [ $records->expected ], uncommitted => \@rolled_back);
{
    my $offset = -s $node->logfile;
    $gateway->misbehave({ requests => 2, delay => 0.7 });
    my @flying = enqueue_and_wait(2);
    administer($admin, 'TRUNCATE fpgo_internal.submission CASCADE');
    wait_for('the log to say it', sub { count_logged($node, qr/outcome of submission \d+ was not recorded/, $offset) >= 2 });
    is(worker_pid($admin), $worker, 'TRUNCATE: the worker has survived');
    $gateway->clear;
    becomes('after TRUNCATE', 'accepted', enqueue());
}

# --- the closing comparison -------------------------------------------------------------

check_log($node);
check_records($node, $gateway);

$_->quit for $session, $admin;
$node->stop;
$gateway->stop;
done_testing();
