# pgpool-II: streaming replication mode sends each order once.  Native replication runs
# each statement on all of its servers, and so invoices twice: that is how it works, and
# src/doc/scaling.md says so.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCopies;
use FpgoDoor;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);

# --- streaming replication ------------------------------------------------------------------

my $primary = new_shop('primary', 'call', $gateway);
my $standby = standby_of($primary, 'standby');
my $door    = FpgoDoor->pgpool('streaming_replication', $primary, $standby);
my $session = open_session($door);
my ($order, $reference) = new_order();
is(submit($session, $order)->{order_uuid}, ($gateway->ledger($reference))[0]{order_uuid}, 'streaming: submit_invoice');
is($gateway->received($reference), 1, '... once');
($order, $reference) = new_order();
ends('streaming: enqueue_invoice',     run_in($session, enqueue_sql($order)),      '');
ends('streaming: CALL fpgo.deliver()', run_in($session, 'CALL fpgo.deliver()'), '');
is($gateway->received($reference), 1, '... once');
is(run_in($session, 'SELECT count(*) FROM fpgo.validate(' . literal($order) . ')')->{rows}, '0', 'streaming: validate');
caught_up($standby, $primary);
is(run_in($session, q{SELECT count(*) FROM fpgo.submissions WHERE state = 'accepted'})->{rows}, '2', 'streaming: reports');
$session->quit;
$door->close;
check_log($_) for $primary, $standby;
$_->stop for $standby, $primary;

# --- native replication -----------------------------------------------------------------------

my @nodes = map { new_cluster("node_$_", url => $gateway->address) } 1, 2;
$door    = FpgoDoor->pgpool('native_replication', @nodes);
$session = open_session($door);
($order, $reference) = new_order();
ends('native replication: submit_invoice', submit($session, $order), '');
is($gateway->received($reference), 2, '... each server sends it: two orders');
$session->quit;
$door->close;
$_->stop for @nodes;
$gateway->stop;
done_testing();
