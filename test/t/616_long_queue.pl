# A claim costs the same at the end of a long queue as at its beginning, whatever
# the statistics say, beside an old snapshot and beside many that wait; and
# autovacuum hears of what a busy worker does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoGateway;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $n       = 1500;
my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('queue', url => $gateway->address, options => "concurrency '16'",
    settings => "autovacuum = off\n");
my $admin = open_session($node);

# enqueue($sql): an order for each row of "SELECT ... AS reference, ... AS key", not delivered yet
sub enqueue {
    my ($sql) = @_;
    my $order = literal(order());
    ends('orders are queued', run_in($admin, qq{
        SELECT count(fpgo.enqueue_invoice(jsonb_set($order, '{referenceNo}', to_jsonb(reference)),
            'frontpayment', key)) FROM ($sql) s}), '');
    # statistics of a moment at which all is queued
    run_in($admin, 'ANALYZE fpgo_internal.submission');
    return;
}

# Rows and index entries that fpgo's tables gave up so far.
sub n_read {
    return administer($node, q{
        SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = 'fpgo_internal')
             + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'fpgo_internal')});
}

# delivers($name, $accepted, $limit): CALL deliver comes to so many accepted
# orders, and reads so many rows and index entries for each.
sub delivers {
    my ($name, $accepted, $limit) = @_;
    my $session = open_session($node);
    my $count   = q{SELECT count(*) FROM fpgo_internal.submission WHERE state = 'accepted'};
    my $before  = administer($node, $count);
    my $read    = n_read();
    ends($name, run_in($session, 'CALL fpgo.deliver()'), '');
    $session->quit;
    is(administer($node, $count) - $before, $accepted, "$name: $accepted orders are accepted");
    wait_for('the statistics', sub { n_read() > $read }, 10);
    $read = (n_read() - $read) / $accepted;
    cmp_ok($read, '<=', $limit, "$name: reads at most $limit rows and index entries an order");
    note("$name: $read an order");
    return;
}

wait_for_worker($admin);
run_in($admin, 'SELECT fpgo.pause()');

enqueue("SELECT 'A-' || n AS reference, 'A-' || n AS key FROM generate_series(1, $n) n");
delivers('beside statistics of a full queue', $n, 60);

enqueue("SELECT 'B-' || n AS reference, 'B-' || n AS key FROM generate_series(1, $n) n");
my $old = open_session($node);
run_in($old, 'BEGIN ISOLATION LEVEL REPEATABLE READ');
run_in($old, 'SELECT count(*) FROM fpgo_internal.submission');
delivers('beside an old snapshot', $n, 200);
$old->quit;

# the first may have been made, and nobody decides
enqueue("SELECT CASE WHEN n <= $n THEN 'one' ELSE 'C-' || n END AS reference, 'C-' || n AS key
    FROM generate_series(1, $n + 500) n");
run_in($admin, q{UPDATE fpgo_internal.submission SET state = 'uncertain' WHERE key = 'C-1'});
delivers('beside many of one reference', 500, 300);

# the worker never idles here: each answer takes longer than its next look
my $slow = FpgoGateway->start('--token', $TOKEN, '--delay', '0.05');
administer($node, "ALTER SERVER frontpayment OPTIONS (SET url '" . $slow->address . "', SET concurrency '4')");
enqueue("SELECT 'D-' || n AS reference, 'D-' || n AS key FROM generate_series(1, 600) n");
run_in($admin, q{SELECT pg_stat_reset_single_table_counters('fpgo_internal.submission'::regclass)});
run_in($admin, 'SELECT fpgo.resume()');
ok(wait_for('dead rows in the statistics', sub {
    administer($node, q{SELECT n_dead_tup > 0 FROM pg_stat_user_tables WHERE relid = 'fpgo_internal.submission'::regclass})
        eq 't'
}, 20), 'the worker reports dead rows');
cmp_ok(administer($node, q{SELECT count(*) FROM fpgo_internal.submission WHERE state = 'queued' AND key LIKE 'D-%'}),
    '>', 0, 'while it is busy');
is(administer($node, q{SELECT count(*) FROM pg_class WHERE relnamespace = 'fpgo_internal'::regnamespace
    AND reloptions @> '{autovacuum_vacuum_scale_factor=0,autovacuum_vacuum_threshold=1000}'}), 3,
    'tables with rows of orders on their way are cleared at a thousand dead rows');

$admin->quit;
$node->stop;
check_log($node);
done_testing();
