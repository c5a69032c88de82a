# Logical replication: a shop's orders and lines arrive in an invoicing database, whose
# trigger hands them in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $shop    = PostgreSQL::Test::Cluster->new('shop');
$shop->init(allows_streaming => 'logical');
$shop->append_conf('postgresql.conf', slurp_file("$FindBin::RealBin/../lib/server.conf"));
$shop->start;
my $node   = new_cluster('invoicing', url => $gateway->address);
my $tables = q{
    CREATE TABLE customer_order (id int PRIMARY KEY, doc jsonb NOT NULL);
    CREATE TABLE order_line (order_id int, number int, rate numeric, PRIMARY KEY (order_id, number))};
$shop->safe_psql('postgres', "$tables; CREATE PUBLICATION orders FOR TABLE customer_order, order_line");
$shop->safe_psql('postgres', q{INSERT INTO customer_order VALUES (1, '{"old": true}')});
administer($node, $tables);
administer($node, sprintf q{CREATE SUBSCRIPTION orders CONNECTION 'host=%s port=%s dbname=postgres' PUBLICATION orders}, $shop->host, $shop->port);
$node->wait_for_subscription_sync($shop, 'orders');

# the trigger comes after the first copy; the search_path of whoever applies is empty
administer($node, q{
    CREATE FUNCTION invoice_for(o customer_order) RETURNS jsonb LANGUAGE sql STABLE SET search_path = public AS $$
        SELECT jsonb_set(o.doc, '{products,0,rate}', to_jsonb(l.rate)) FROM order_line l WHERE l.order_id = o.id AND l.number = 1
    $$;
    CREATE CONSTRAINT TRIGGER invoice AFTER INSERT OR UPDATE OR DELETE ON customer_order DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.invoice_for', 'on_invalid=record');
    ALTER TABLE customer_order ENABLE REPLICA TRIGGER invoice});

# one order with its line in one transaction, one that breaks a rule, one after it
sub place {
    my ($id, $document, $rate) = @_;
    $shop->safe_psql('postgres', sprintf q{BEGIN; INSERT INTO customer_order VALUES (%d, %s); INSERT INTO order_line VALUES (%d, 1, %s); COMMIT},
        $id, literal($document), $id, $rate);
    return;
}
my ($first, $first_reference) = new_order();
my ($last,  $last_reference)  = new_order();
place(2, $first, 40);
place(3, order(referenceNo => 'bad', 'customerDetails.email' => 'nobody'), 40);
place(4, $last, 40);
$shop->wait_for_catchup('orders');
is(administer($node, q{SELECT string_agg(concat(coalesce(reference, '-'), ' ', state), ', ' ORDER BY submission) FROM fpgo.submissions}),
    "$first_reference queued, bad refused, $last_reference queued", 'what arrives is handed in, and a bad order stops nothing');
administer($node, 'CALL fpgo.deliver()');
is($gateway->made($_), 1, 'delivered') for $first_reference, $last_reference;
check_records($node, $gateway, committed => [ $first_reference, 'bad', $last_reference ]);
check_log($node);
administer($node, 'DROP SUBSCRIPTION orders');
$_->stop for $node, $shop;
$gateway->stop;
done_testing();
