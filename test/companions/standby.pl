# A hot standby: orders are validated there and reports are read; nothing is sent from it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCopies;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $primary = new_shop('primary', 'call', $gateway);
my $standby = standby_of($primary, 'standby');
queue($primary, 2);
ask($primary, 'CALL fpgo.deliver()');
queue($primary, 1);
caught_up($standby, $primary);

my $session = open_session($standby);
my $order   = literal(order());
is(run_in($session, "SELECT fpgo.is_valid($order)")->{rows},               't', 'is_valid');
is(run_in($session, "SELECT count(*) FROM fpgo.validate($order)")->{rows}, '0', 'validate');
is(run_in($session, "SELECT fpgo.payload($order) IS NOT NULL")->{rows},    't', 'payload');
is(run_in($session, q{SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state::text, count(*) AS n FROM fpgo.submissions GROUP BY 1) s})->{rows},
    'accepted 2, queued 1', 'reports');
for my $view (qw(attempts versions history callbacks candidates unknown_orders queue_health holds delivery_progress)) {
    ends("fpgo.$view", run_in($session, "SELECT * FROM fpgo.$view"), '');
}
for my $call ("submit_invoice($order)", "enqueue_invoice($order)", q{fetch_orders()}, q{fetch_status('ODR1')}) {
    ends("fpgo.$call" =~ s/\(.*//sr, run_in($session, "SELECT fpgo.$call"), '55000');
}
ends('CALL fpgo.deliver()', run_in($session, 'CALL fpgo.deliver()'),             '55000');
ends('fpgo.reconcile()',    run_in($session, 'SELECT * FROM fpgo.reconcile()'), '25006');
ends('fpgo.doctor()',       run_in($session, 'SELECT * FROM fpgo.doctor()'),    '');
is(scalar(my @sent = $gateway->ledger), 2, 'the standby sends nothing');
$session->quit;
check_log($_) for $primary, $standby;
$_->stop for $standby, $primary;
$gateway->stop;
done_testing();
