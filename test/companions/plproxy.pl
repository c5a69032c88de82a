# PL/Proxy: a function that hands an order to the invoicing database.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address);
my $address = sprintf 'host=%s port=%s dbname=postgres', $node->host, $node->port;
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', qq{
    CREATE EXTENSION plproxy;
    CREATE FUNCTION hand_over(reference text, o text) RETURNS bigint LANGUAGE plproxy AS \$\$
        CONNECT '$address';
        SELECT fpgo.enqueue_invoice(o, key => reference, on_duplicate => 'ignore');
    \$\$});
my $session = open_session($node, database => 'shop');
my ($order, $reference) = new_order();
my $call = sprintf q{SELECT hand_over('%s', %s)}, $reference, literal($order);
ends('an order is handed over', run_in($session, $call), '');
run_in($session, 'BEGIN');
ends('the same again, rolled back', run_in($session, $call), '');
run_in($session, 'ROLLBACK');
my ($kept, $kept_reference) = new_order();
run_in($session, 'BEGIN');
run_in($session, sprintf q{SELECT hand_over('%s', %s)}, $kept_reference, literal($kept));
run_in($session, 'ROLLBACK');
administer($node, 'CALL fpgo.deliver()');
is($gateway->made($reference),      1, 'it is sent once');
is($gateway->made($kept_reference), 1, 'what is handed over stays, though the caller rolls back');
my $refused = run_in($session, q{SELECT hand_over('x', '{}')});
ends('an order that breaks a rule', $refused, '23514');
like($refused->{said}, qr/products/, '... says which');
check_records($node, $gateway, committed => [ $reference, $kept_reference ]);
check_log($node);
$session->quit;
$node->stop;
$gateway->stop;
done_testing();
