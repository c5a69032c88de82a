# postgres_fdw: with the server option extensions 'fpgo', is_valid runs where the orders are;
# and another database's reports are read as foreign tables.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address);
new_database($node, 'shard', url => $gateway->address);
my ($host, $port, $user) = ($node->host, $node->port, scalar getpwuid $>);
my $order = literal(order());
$node->safe_psql('shard', qq{
    CREATE TABLE orders AS SELECT i AS id, CASE WHEN i % 10 = 0 THEN '{}' ELSE $order END::jsonb AS doc FROM generate_series(1, 100) i});
administer($node, qq{
    CREATE EXTENSION postgres_fdw;
    CREATE SERVER shard FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'shard', extensions 'fpgo');
    CREATE USER MAPPING FOR CURRENT_USER SERVER shard OPTIONS (user '$user');
    CREATE FOREIGN TABLE orders (id int, doc jsonb) SERVER shard;
    CREATE SCHEMA far;
    IMPORT FOREIGN SCHEMA fpgo LIMIT TO (submissions, queue_health) FROM SERVER shard INTO far});
my $plan = administer($node, 'EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM orders WHERE fpgo.is_valid(doc)');
like($plan, qr/Remote SQL: .*WHERE \(\(?fpgo\.is_valid\(doc/, 'is_valid is shipped');
is(administer($node, 'SELECT count(*) FROM orders WHERE fpgo.is_valid(doc)'), '90', '... and counts there');
is(administer($node, 'SELECT count(DISTINCT id) FROM orders, LATERAL fpgo.validate(doc)'), '10', 'validate runs here');
$node->safe_psql('shard', "SELECT fpgo.enqueue_invoice($order)");
is(administer($node, q{SELECT state FROM far.submissions}), 'queued', 'its reports are read from here');
is(administer($node, q{SELECT queued FROM far.queue_health}), '1', 'and its health');
check_log($node);
$node->stop;
$gateway->stop;
done_testing();
