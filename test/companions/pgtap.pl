# pgTAP: a shop's test of its orders, as src/doc/scaling.md shows it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address);
my $order   = literal(order());
administer($node, 'CREATE EXTENSION pgtap');
my $said = administer($node, qq{
    BEGIN;
    SELECT plan(4);
    SELECT is_empty(\$\$SELECT * FROM fpgo.validate($order)\$\$, 'the order breaks no rule');
    SELECT throws_ok(\$\$SELECT fpgo.enqueue_invoice('{}')\$\$, '23514', NULL, 'an empty one breaks some');
    SELECT lives_ok(\$\$SELECT fpgo.enqueue_invoice($order)\$\$, 'it is queued');
    SELECT is(count(*), 1::bigint, 'and seen') FROM fpgo.submissions WHERE state = 'queued';
    SELECT * FROM finish();
    ROLLBACK});
is(join('|', grep { /^(?:ok|not ok|\d)/ } split /\n/, $said),
    '1..4|ok 1 - the order breaks no rule|ok 2 - an empty one breaks some|ok 3 - it is queued|ok 4 - and seen', 'its tests pass');
is(administer($node, 'SELECT count(*) FROM fpgo.submissions'), '0', 'and leave nothing');
is(scalar(my @sent = $gateway->ledger), 0, 'nothing is sent');
check_log($node);
$node->stop;
$gateway->stop;
done_testing();
