# Reports: the grants and queries of README and pages do what they are said to,
# word for word, and beside a million submissions they are fast.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoReadme;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $million = 1_000_000;

# however slow the machine: what reads a whole table takes longer than this on none
my $limit_s = 5 * ($ENV{FPGO_SLOWDOWN} // 1);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, options => q{timeout '2s'},
    settings => "autovacuum = off\n");
my $admin   = open_session($node);
my $session = open_session($node);

# ask($role, $sql): what a statement comes to for a role
sub ask {
    my ($role, $sql) = @_;
    run_in($session, "SET ROLE $role");
    my $ended = run_in($session, $sql);
    run_in($session, 'RESET ROLE');
    return $ended;
}

# --- who may do what, as the README grants it -------------------------------------------

administer($admin, "CREATE ROLE $_") for qw(shop clerk reporter operator postman caretaker web integrator monitor nobody);
my @grants = readme_statements('Who may do what');
is(scalar @grants, 10, 'the README grants ten things');
administer($admin, $_) for @grants;
administer($admin, 'CREATE SCHEMA shop; GRANT ALL ON SCHEMA shop TO shop, reporter');

my %number_of;

sub enqueue {
    my ($role, $reference) = @_;
    my $ended = ends("$role enqueues $reference",
        ask($role, enqueue_sql(order(referenceNo => $reference))), '');
    return $number_of{$reference} = $ended->{rows};
}

enqueue('shop', 'shop-1');
ends('the postman delivers', ask('postman', 'CALL fpgo.deliver()'), '');
$gateway->misbehave({ status => 417 });
enqueue('shop', 'shop-2');
ends('the postman delivers what is refused', ask('postman', 'CALL fpgo.deliver()'), '');
$gateway->misbehave({ close_after_request => \1 });
enqueue('clerk', 'shop-3');
ends('the postman delivers in vain', ask('postman', 'CALL fpgo.deliver()'), '');
enqueue('shop', 'shop-4');
# the refused one is corrected
enqueue('shop', 'shop-2');
ends('the postman delivers that', ask('postman', "CALL fpgo.deliver($number_of{'shop-2'})"), '');

my $seen = 'SELECT reference, state FROM fpgo.submissions ORDER BY submission';
my $of_shop = "shop-1|accepted\nshop-4|queued\nshop-2|accepted";
my $of_all  = "shop-1|accepted\nshop-3|uncertain\nshop-4|queued\nshop-2|accepted";
is(ask('shop',   $seen)->{rows}, $of_shop, 'the shop sees its own');
is(ask('nobody', $seen)->{rows}, '',       'nobody sees none');
is(ask('postman', $seen)->{rows}, '',      'the postman sees none');
is(ask('monitor', $seen)->{rows}, '',      'the monitor sees none');
is(ask('web', $seen)->{rows}, '',          'the web server sees none');
administer($admin, q{ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (ADD callback_secret 's3cret')});
is(ask('web', q{SELECT outcome FROM fpgo.receive_callback('')})->{rows}, 'malformed', 'but may hand over a callback');
is(ask($_, $seen)->{rows}, $of_all, "the $_ sees all") for qw(clerk reporter operator);
is(ask('nobody', 'SELECT * FROM fpgo.reconcile()')->{sqlstate}, '42501', 'nobody has uncertain orders looked for');
is(ask('operator', 'SELECT * FROM fpgo.reconcile(987654321)')->{sqlstate}, '42704', 'the operator may');
is(ask('monitor', 'SELECT queued, uncertain, accepted_last_hour, failed_last_hour FROM fpgo.queue_health')->{rows},
    '1|1|2|2', 'the monitor counts all');
is(ask('monitor', 'SELECT delivered, uncertain, remaining FROM fpgo.delivery_progress')->{rows},
    '3|1|1', 'the monitor watches all');
ends('a reporter reads no BankID address',
    ask('reporter', "SELECT * FROM fpgo.invoice_session($number_of{'shop-1'})"), '42501');
ends('a clerk does not decide',
    ask('clerk', "SELECT fpgo.resolve($number_of{'shop-3'}, 'refused', 'x')"), '42501');

ends('an integrator makes a server',
    ask('integrator', q{CREATE SERVER other FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.example')}), '');
ends('but none of this machine',
    ask('integrator', q{ALTER SERVER other OPTIONS (SET url 'http://127.0.0.1:8080')}), '42501');
administer($admin, 'DROP SERVER other');

my @metrics = readme_sql('Monitoring');
is(scalar @metrics, 3, 'the README has three queries for a monitoring system');
my @measured = map { s/;\s*\z//r } @metrics;
is(ask('monitor', "SELECT server, fpgo_queued, fpgo_uncertain, fpgo_oldest_queued_seconds > 0, fpgo_accepted_last_hour FROM ($measured[0]) m")->{rows},
    'frontpayment|1|1|t|2', 'the monitor measures the queue');
is(ask('monitor', "$measured[1] ORDER BY 1")->{rows}, "forged|0\nmalformed|1\noutdated|0", 'and rejected callbacks, those that never came too');
is(ask('monitor', $measured[2])->{rows}, '0', 'and the worker');

# --- the queries ------------------------------------------------------------------------

# the shop's orders, of which one was never handed in, and one is too old
administer($admin, q{
    CREATE TABLE shop.customer_order (id bigint PRIMARY KEY, placed_at timestamptz NOT NULL);
    INSERT INTO shop.customer_order SELECT n, now() - n % 2 * interval '24 hours' FROM generate_series(1, 5) n;
    INSERT INTO shop.customer_order VALUES (6, now() - interval '30 days');
    ALTER TABLE shop.customer_order OWNER TO shop;
    GRANT SELECT ON shop.customer_order TO reporter});
administer($admin, q{UPDATE fpgo_internal.submission SET created_at = created_at - interval '1 hour',
    settled_at = settled_at - interval '1 hour' WHERE reference = 'shop-3'});

my @queries = (readme_sql('Reports'), readme_sql('More reports', 'src/doc/shops.md'),
    readme_sql('Fast reports', 'src/doc/scaling.md'));
is(scalar @queries, 6, 'there are six reports');
my ($by_day, $stuck, $invoiced, $one_order, $tried, $row_by_row) = @queries;
my %reports = (
    'orders by day' => $by_day, 'invoices by day' => $invoiced, 'stuck' => $stuck,
    'one order' => $one_order, 'attempts of one order' => $tried, 'row by row' => $row_by_row);

# report($role, $query): its rows, a column a list element
sub report {
    my ($role, $query) = @_;
    my $ended = ends("the $role asks for a report", ask($role, $query), '');
    return [ map { [ split /\|/, $_, -1 ] } split /\n/, $ended->{rows} ];
}

my ($yesterday, $today) = map { administer($admin, "SELECT (now() - interval '$_ hours')::date") } 24, 0;
my $total = administer($admin, q{SELECT grand_total FROM fpgo.submissions WHERE reference = 'shop-1'});
is_deeply([ map { [ @{$_}[ 0 .. 3 ] ] } @{ report('reporter', $by_day) } ],
    [   [ $yesterday, 'accepted',      1, $total ],
        [ $yesterday, 'not handed in', 1, '' ],
        [ $yesterday, 'uncertain',     1, $total ],
        [ $today,     'accepted',      1, $total ],
        [ $today,     'queued',        1, $total ] ],
    'orders by day and state, with their value');
like($_->[4], $_->[1] eq 'not handed in' ? qr/^$/ : qr/^\d\d:\d\d:\d\d$/, "how long they waited: $_->[1]")
  for @{ report('reporter', $by_day) };
is(report('reporter', $invoiced)->[0][2], 2, 'two invoices');
my ($waits) = @{ report('reporter', $stuck) };
is_deeply([ @{$waits}[ 0 .. 2 ] ], [ $number_of{'shop-3'}, 3, 'uncertain' ], 'one is stuck, of order 3');
like($waits->[3], qr/^01:00:/, 'since an hour');
like($waits->[6], qr/\w/, 'and it says why');
is_deeply(report('shop', $stuck), [], 'for the shop, whose order it is not, none is stuck');
like(report('shop', $one_order)->[0][3], qr/^ODR/, 'one order is accepted');
is_deeply([ @{ report('shop', $one_order =~ s/o\.id = 1/o.id = 2/r)->[0] }[ 0 .. 2 ] ],
    [ 2, $number_of{'shop-2'}, 'accepted' ], 'of one that was corrected, the last submission');
is_deeply([ @{ report('shop', $tried)->[0] }[ 0 .. 2 ] ], [ 1, 'accepted', 201 ], 'what was tried for it');
is_deeply([ map { "@{$_}[ 0, 1 ]" } sort { $a->[0] <=> $b->[0] } @{ report('shop', $row_by_row) } ],
    [ '2 accepted', '4 queued' ], 'row by row, those of the last day');

ends('an operator decides', ask('operator', "SELECT fpgo.resolve($number_of{'shop-3'}, 'queued', 'It is not there.')"), '');
ends('an operator takes back', ask('operator', "SELECT fpgo.cancel_submission($number_of{'shop-4'}, 'x')"), '');
is(ask('operator', $stuck)->{sqlstate}, '42501', 'but does not read the shop\'s tables');
ends('the postman delivers again', ask('postman', 'CALL fpgo.deliver()'), '');
is(ask('nobody', 'SELECT remaining FROM fpgo.delivery_progress')->{rows}, 0, 'nothing remains');

# --- a drain, watched from another session ----------------------------------------------

{
    my $progress = 'SELECT delivered, remaining, in_flight, per_second, time_left FROM fpgo.delivery_progress';
    my $before   = ask('monitor', $progress)->{rows};
    $gateway->misbehave({ requests => 12, delay => 0.2 });
    enqueue('shop', "drain-$_") for 1 .. 12;
    begin_in($admin, 'CALL fpgo.deliver()');
    my ($delivered, $remaining, $in_flight, $rate, $left) = @{
        wait_for('a drain under way', sub {
            my @now = split /\|/, ask('monitor', $progress)->{rows};
            return $now[0] > (split /\|/, $before)[0] && $now[2] > 0 ? \@now : undef;
        }) };
    cmp_ok($remaining, '>=', $in_flight, 'a drain under way: what is in flight remains');
    cmp_ok($rate, '>', 0, 'a drain under way: it has a rate');
    like($left, qr/^00:0\d:\d\d$/, 'a drain under way: it will end');
    ends('the drain', finish_in($admin), '');
    is((split /\|/, ask('monitor', $progress)->{rows})[0], (split /\|/, $before)[0] + 12, 'the drain is over: all are delivered');
    like(ask('monitor', $progress)->{rows}, qr/^\d+\|0\|0\|[\d.]+\|00:00:00$/, 'the drain is over: nothing remains');
}
check_records($node, $gateway, committed => [ map({ "shop-$_" } 1 .. 4), map { "drain-$_" } 1 .. 12 ]);

# --- beside a million -------------------------------------------------------------------

# One a second until now, half of them each role's; of the last thousand five are
# uncertain, a hundred queued.  What the shop ordered is there, too.
administer($admin, qq{
    INSERT INTO fpgo_internal.submission (server, key, order_hash, reference, role, grand_total,
            state, attempts, order_uuid, created_at, settled_at, origin, attempt_began)
        SELECT 'frontpayment', 'shop-' || n, '', 'shop-' || n, CASE n % 2 WHEN 0 THEN 'shop' ELSE 'branch' END, n % 1000,
            state, 1, 'ODR' || n, at, CASE state WHEN 'queued' THEN NULL ELSE at + interval '3 seconds' END,
            fpgo_internal.origin_here(), CASE state WHEN 'accepted' THEN at + interval '1 second' END
        FROM (SELECT n, now() - ($million - n) * interval '1 second' AS at,
                CASE WHEN n > $million - 100 THEN 'queued' WHEN n > $million - 1000 AND n % 200 = 0 THEN 'uncertain'
                    WHEN n % 50 = 0 THEN 'refused' ELSE 'accepted' END AS state
            FROM generate_series(101, $million) n) made;
    INSERT INTO fpgo_internal.attempt (submission, number, run, started_at, ended_at, outcome, status)
        SELECT id, 1, 1, created_at + interval '1 second', settled_at,
            CASE state WHEN 'uncertain' THEN 'unknown' ELSE state END, 201
        FROM fpgo_internal.submission WHERE order_hash = '' AND settled_at IS NOT NULL AND attempt_began IS NULL ORDER BY id;
    INSERT INTO shop.customer_order SELECT n, now() - ($million - n) * interval '1 second'
        FROM generate_series(101, $million) n WHERE n % 100 = 0});
administer($admin, "VACUUM ANALYZE $_") for qw(fpgo_internal.submission fpgo_internal.attempt shop.customer_order);

# plan_of($name, $role, $query, @indexes): a query's plan uses these indexes and
# reads none of fpgo's tables from end to end, and it is fast.
sub plan_of {
    my ($name, $role, $query, @indexes) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $plan = ends("$name as $role", ask($role, "EXPLAIN (COSTS OFF) $query"), '')->{rows};
    like($plan, qr/(?:using|Scan on) $_\b/, "$name as $role: by $_") for @indexes;
    unlike($plan, qr/Seq Scan on (?:submission|attempt)\b/, "$name as $role: reads no whole table")
      or diag($plan);
    my $ended = ask($role, $query);
    is($ended->{sqlstate}, '', "$name as $role: succeeds");
    my $n_rows = () = $ended->{rows} =~ /^/mg;
    diag(sprintf '%-42s %6d rows %8.1f ms', "$name as $role:", $n_rows, $ended->{seconds} * 1000);
    cmp_ok($ended->{seconds}, '<', $limit_s, "$name as $role: is fast");
    return;
}

my $all = 'SELECT * FROM fpgo.submissions WHERE';
for my $role (qw(shop reporter)) {
    plan_of('by number', $role, "$all submission = $number_of{'shop-1'} + 5000", 'submission_pkey');
    plan_of('by reference', $role, "$all reference = 'shop-77778'", 'submission_reference');
    plan_of('what is uncertain', $role, "$all state = 'uncertain'", 'submission_unfinished');
    plan_of('what is queued', $role, "$all state = 'queued' AND server = 'frontpayment'", 'submission_unfinished');
    plan_of('the last day by state', $role, q{
        SELECT state, count(*), sum(grand_total), avg(waiting_time) FROM fpgo.submissions
        WHERE created_at > now() - interval '1 day' GROUP BY state}, 'submission_created');
    plan_of('attempts by number', $role, 'SELECT * FROM fpgo.attempts WHERE submission = 77778',
        'attempt_pkey', 'submission_pkey');
    plan_of('attempts of the last hour', $role, q{
        SELECT outcome, count(*) FROM fpgo.attempts WHERE started_at > now() - interval '1 hour' GROUP BY 1},
        'attempt_started');
    plan_of('stuck', $role, $reports{stuck}, 'submission_unfinished');
    plan_of('one order', $role, $reports{'one order'} =~ s/o\.id = 1/o.id = 77700/r, 'submission_reference');
    plan_of('row by row', $role, $reports{'row by row'}, 'submission_reference');
    plan_of('attempts of one order', $role, $reports{'attempts of one order'}, 'submission_reference', 'attempt_pkey');
}
# those of a week are more than half of the table, so no index need be used
for my $name ('orders by day', 'invoices by day') {
    my $ended = ends("$name beside a million", ask('reporter', $reports{$name}), '');
    diag(sprintf '%-42s %8.1f ms', "$name:", $ended->{seconds} * 1000);
    cmp_ok($ended->{seconds}, '<', 6 * $limit_s, "$name beside a million: is no night's work");
}
# All of a million, counted by parallel workers: each role sees what it sees alone.
my $by_state = 'SELECT state, count(*), sum(grand_total) FROM fpgo.submissions GROUP BY state ORDER BY state';
for my $role (qw(shop reporter nobody)) {
    my $plan = ask($role, "EXPLAIN (COSTS OFF) $by_state")->{rows};
    like($plan, qr/Partial HashAggregate.*Parallel Seq Scan on submission/s, "by state as $role: in parallel");
    my $parallel = ask($role, $by_state);
    my $alone    = ask($role, "SET LOCAL max_parallel_workers_per_gather = 0; $by_state");
    diag(sprintf '%-42s %8.1f ms in parallel, %.1f ms alone', "by state as $role:", map { $_->{seconds} * 1000 } $parallel, $alone);
    is($parallel->{rows}, $alone->{rows}, "by state as $role: the same as without parallel workers");
    cmp_ok($parallel->{seconds}, '<', $limit_s, "by state as $role: is fast");
}
is(ask('nobody', $by_state)->{rows}, '', 'by state as nobody: nothing');
is(ask('shop', "SELECT sum(count) FROM ($by_state) r")->{rows},
    administer($admin, q{SELECT count(*) FROM fpgo_internal.submission WHERE role = 'shop' AND first_version IS NULL}),
    'by state as shop: its own orders');
is(ask('reporter', "SELECT sum(count) FROM ($by_state) r")->{rows},
    administer($admin, q{SELECT count(*) FROM fpgo_internal.submission WHERE first_version IS NULL}), 'by state as reporter: all');
plan_of('queue_health', $_, 'SELECT * FROM fpgo.queue_health', 'submission_unfinished', 'attempt_started')
  for qw(monitor shop);
plan_of('delivery_progress', $_, 'SELECT * FROM fpgo.delivery_progress', 'submission_unfinished', 'attempt_started')
  for qw(monitor shop);

$_->quit for $session, $admin;
$node->stop;
$gateway->stop;
done_testing();
