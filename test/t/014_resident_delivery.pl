# What a resident worker delivers: what is queued goes out at its commit, whoever
# may not use a server waits while others go on, and nothing an owner of the tables
# does ends the worker or loses what it has on the way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster(
    'resident',
    url      => $gateway->address,
    options  => q{timeout '20s', concurrency '8'},
    settings => "shared_preload_libraries = 'fpgo'\nfpgo.databases = 'postgres'\n"
      . "max_prepared_transactions = 2\n");
my $session = open_session($node);
my $admin   = open_session($node);

# References of orders whose enqueueing was committed, and of those that was not.
my (@committed, @rolled_back);

sub administer {
    my ($sql) = @_;
    my $ended = run_in($admin, $sql);
    die "$sql: $ended->{said}" if $ended->{sqlstate};
    return $ended->{rows};
}

# enqueue(%changes): queue an order and commit; a hash of id and reference.
sub enqueue {
    my (%changes) = @_;
    my $server = delete $changes{server};
    my $order  = order(%changes);
    my $ended  = run_in($session, enqueue_sql($order, $server ? "server => '$server'" : ()));
    die $ended->{said} if $ended->{sqlstate};
    push @committed, reference_of($order);
    return { id => $ended->{rows}, reference => reference_of($order) };
}

# Queue several and commit, in one transaction.
sub enqueue_together {
    my ($n) = @_;
    run_in($session, 'BEGIN');
    my @submissions = map { enqueue() } 1 .. $n;
    run_in($session, 'COMMIT');
    return @submissions;
}

sub column_of {
    my ($submission, $column) = @_;
    return administer("SELECT $column FROM fpgo_internal.submission WHERE id = $submission->{id}");
}

sub state_of { return column_of($_[0], 'state'); }

sub received { return scalar $gateway->ledger($_[0]{reference}); }

sub wait_for_gateway {
    my (@submissions) = @_;
    return wait_for('orders at the gateway', sub { !grep { !received($_) } @submissions });
}

# becomes($name, $state, @submissions): assert that they all come to that state.
sub becomes {
    my ($name, $state, @submissions) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ids = join ', ', map { $_->{id} } @submissions;
    my $is_so = eval {
        wait_for($name, sub {
            administer("SELECT bool_and(state = '$state') FROM fpgo_internal.submission WHERE id IN ($ids)") eq 't';
        }, 30);
    };
    ok($is_so, "$name: $state") or diag(administer("SELECT * FROM fpgo_internal.submission WHERE id IN ($ids)"));
    return;
}

sub worker { return administer('SELECT pid FROM fpgo.worker()'); }

# What the server logged since then; an offset is -s of the log file.
sub logged_since { return substr slurp_file($node->logfile), $_[0]; }

my $worker = wait_for('the worker', sub { worker() });

# --- at the commit ------------------------------------------------------------------

{
    my @submissions = map {
        my $submission = enqueue();
        becomes("order $_", 'accepted', $submission);
        $submission
    } 1 .. 10;
    my @ms = sort { $a <=> $b }
      map { column_of($_, '(extract(epoch FROM settled_at - created_at) * 1000)::int') } @submissions;
    diag("from queued to accepted, in milliseconds: @ms");
    cmp_ok($ms[5], '<', 500, 'an order is on its way at its commit');
}
{
    my ($kept, $rolled_back) = (order(), order());
    push @committed,   reference_of($kept);
    push @rolled_back, reference_of($rolled_back);
    run_in($session, 'BEGIN; ' . enqueue_sql($rolled_back) . '; ROLLBACK');
    run_in($session, 'BEGIN');
    my $id = run_in($session, enqueue_sql($kept))->{rows};
    run_in($session, 'SAVEPOINT a; ' . enqueue_sql($rolled_back) . '; ROLLBACK TO a');
    sleep 0.2;
    is(scalar $gateway->ledger($_), 0, 'before the commit: nothing is sent') for map { reference_of($_) } $kept, $rolled_back;
    run_in($session, 'COMMIT');
    becomes('what is left of a transaction', 'accepted', { id => $id });
    is(scalar $gateway->ledger(reference_of($rolled_back)), 0, 'what was rolled back is not sent');
}
{
    # nobody is told of COMMIT PREPARED: the worker looks by itself
    my $order = order();
    push @committed, reference_of($order);
    run_in($session, 'BEGIN');
    my $id = run_in($session, enqueue_sql($order))->{rows};
    run_in($session, q{PREPARE TRANSACTION 'one'});
    is(scalar $gateway->ledger(reference_of($order)), 0, 'prepared: nothing is sent');
    run_in($session, q{COMMIT PREPARED 'one'});
    becomes('COMMIT PREPARED', 'accepted', { id => $id });
}
{
    my @slow = do {
        $gateway->misbehave({ requests => 4, delay => 2 });
        enqueue_together(4);
    };
    wait_for_gateway(@slow);
    my $quick = enqueue();
    becomes('an order beside slow ones', 'accepted', $quick);
    is(join(' ', map { state_of($_) } @slow), 'sending sending sending sending', 'the slow ones are under way still');
    is(administer(qq{SELECT coalesce(backend_xid::text, backend_xmin::text, 'none') FROM pg_stat_activity
        WHERE pid = $worker}), 'none', 'meanwhile the worker has no transaction and no snapshot');
    becomes('the slow ones', 'accepted', @slow);
}
{
    # a decision frees what waited for it
    $gateway->misbehave({ close_after_request => \1 });
    my $first = enqueue(referenceNo => 'twice');
    becomes('the first of a reference', 'uncertain', $first);
    my $order  = order(referenceNo => 'twice');
    my $second = { id => run_in($session, enqueue_sql($order, q{key => 'twice-2'}))->{rows} };
    administer("SELECT fpgo.resolve($first->{id}, 'cancelled', 'test')");
    becomes('the second, once the first is resolved', 'accepted', $second);
}

# --- who may not use a server any more ----------------------------------------------

administer('CREATE ROLE buyer; GRANT USAGE ON FOREIGN SERVER frontpayment TO buyer');
my $make_own = sprintf q{
    CREATE SERVER own FOREIGN DATA WRAPPER fpgo OPTIONS (url '%s');
    GRANT USAGE ON FOREIGN SERVER own TO buyer;
    CREATE USER MAPPING FOR CURRENT_USER SERVER own OPTIONS (token '%s');
    CREATE USER MAPPING FOR buyer SERVER own OPTIONS (token '%s')}, $gateway->address, $TOKEN, $TOKEN;
administer($make_own);
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
    administer('SELECT fpgo.pause()');
    run_in($session, 'SET fpgo.undelivered_notice = off; SET ROLE buyer');
    my @shut_out = map { enqueue(server => $server) } 1 .. 3;
    ends($name, run_in($session, "RESET ROLE; $take_away"), '');
    administer('SELECT fpgo.resume()');
    wait_for('the reason', sub { column_of($shut_out[2], 'error') ne '' });
    like(column_of($_, 'error'), $reason, "$name: the reason is on record") for @shut_out;
    my $bystander = enqueue();
    becomes("$name, somebody else's order", 'accepted', $bystander);
    is(join(' ', map { state_of($_) . column_of($_, 'attempts') } @shut_out), 'queued0 queued0 queued0',
        "$name: the orders wait");
    ends("$name, given back", run_in($session, $give_back), '');
    becomes("$name, given back", 'accepted', @shut_out);
}

$worker = wait_for('the worker', sub { worker() });

# --- a gateway that fails ------------------------------------------------------------

{
    my $nobody = 'http://127.0.0.1:' . closed_port() . '/api/v1';
    administer("ALTER SERVER frontpayment OPTIONS (SET url '$nobody')");
    my @waiting = enqueue_together(10);
    my $other   = enqueue(server => 'own');
    becomes('another server while one is down', 'accepted', $other);
    wait_for('a try', sub { column_of($waiting[0], 'attempts') > 0 });
    is(join(' ', map { state_of($_) } @waiting), join(' ', ('queued') x 10), 'a gateway that is down: all wait');
    administer(sprintf q{ALTER SERVER frontpayment OPTIONS (SET url '%s')}, $gateway->address);
    becomes('a gateway that is up again', 'accepted', @waiting);
}
{
    $gateway->misbehave({ status => 429, headers => { 'Retry-After' => '2' } });
    my $first = enqueue();
    wait_for_gateway($first);
    wait_for('the answer', sub { state_of($first) eq 'queued' });
    my $second = enqueue();
    becomes('slowed down', 'accepted', $first, $second);
    cmp_ok(administer(qq{
        SELECT min(b.started_at) - max(a.ended_at) > interval '1.5 seconds' FROM fpgo_internal.attempt a, fpgo_internal.attempt b
        WHERE a.submission = $first->{id} AND a.number = 1
        AND (b.submission, b.number) IN (($first->{id}, 2), ($second->{id}, 1))}), 'eq', 't',
        'slowed down: nothing is sent before the time asked for');
}
{
    # an unknown outcome makes it careful until an answer is definite
    administer(q{ALTER SERVER frontpayment OPTIONS (SET concurrency '3')});
    $gateway->misbehave({ requests => 3, delay => 0.3, close_after_request => \1 }, { requests => 2, delay => 0.3 });
    my ($a, $b, $c, $d, $e) = enqueue_together(5);
    becomes('unknown outcomes',         'uncertain', $a, $b, $c);
    becomes('and what is behind them',  'accepted',  $d, $e);
    is(administer(qq{
        SELECT a.ended_at <= b.started_at FROM fpgo_internal.attempt a, fpgo_internal.attempt b
        WHERE a.submission = $d->{id} AND b.submission = $e->{id}}), 't', 'after unknown outcomes: one at a time');
    administer(q{ALTER SERVER frontpayment OPTIONS (SET concurrency '8')});
}

# --- somebody works on the records -----------------------------------------------------

{
    # their owner locks a row whose outcome is due, and goes away
    $gateway->misbehave({ requests => 3, delay => 0.5 });
    my ($locked, @others) = enqueue_together(3);
    wait_for_gateway($locked, @others);
    my $third = open_session($node);
    run_in($third, "BEGIN; SELECT FROM fpgo_internal.submission WHERE id = $locked->{id} FOR UPDATE");
    becomes('beside a locked submission', 'accepted', @others);
    becomes('queued later', 'accepted', enqueue());
    is(submit($session, order())->{sqlstate}, '', 'submitted meanwhile');
    is(state_of($locked), 'sending', 'the locked submission has no outcome yet');
    run_in($third, 'ROLLBACK');
    becomes('a submission that was locked', 'accepted', $locked);
    $third->quit;
}
{
    # for longer than a deliverer in a session would try
    my $offset = -s $node->logfile;
    $gateway->misbehave({ requests => 3, delay => 0.5 });
    my @flying = enqueue_together(3);
    my $fourth = open_session($node);
    my $order  = order();
    push @committed, reference_of($order);
    wait_for_gateway(@flying);
    run_in($session, 'BEGIN');
    my $queued = enqueue();
    run_in($session, 'COMMIT');
    my $third = open_session($node);
    run_in($third, 'BEGIN; LOCK TABLE fpgo_internal.submission, fpgo_internal.attempt IN ACCESS EXCLUSIVE MODE');
    my $began = time;
    is(submit($fourth, $order)->{sqlstate}, '55P03', 'a locked table: submit_invoice says so');
    cmp_ok(time - $began, '<', 8, 'a locked table: and soon');
    wait_for('the log to say it', sub { logged_since($offset) =~ /LOG:.*cannot be (?:claimed|recorded)/ });
    run_in($third, 'ROLLBACK');
    becomes('a table that was locked', 'accepted', @flying, $queued);
    is(submit($fourth, $order)->{sqlstate}, '', 'a table that was locked: submit_invoice goes on');
    is(worker(), $worker, 'a table that was locked: the worker has survived');
    $_->quit for $third, $fourth;
}
check_records($node, $gateway, committed => \@committed, uncommitted => \@rolled_back);
{
    my $offset = -s $node->logfile;
    $gateway->misbehave({ requests => 2, delay => 0.7 });
    my @flying = enqueue_together(2);
    wait_for_gateway(@flying);
    administer('TRUNCATE fpgo_internal.submission CASCADE');
    wait_for('the log to say it', sub { 2 <= (() = logged_since($offset) =~ /outcome of submission \d+ was not recorded/g) });
    is(worker(), $worker, 'TRUNCATE: the worker has survived');
    $gateway->clear;
    becomes('after TRUNCATE', 'accepted', enqueue());
}

# --- the closing comparison -------------------------------------------------------------

unlike(slurp_file($node->logfile), qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E/, 'no secret in the log');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
check_records($node, $gateway);

$_->quit for $session, $admin;
$node->stop;
$gateway->stop;
done_testing();
