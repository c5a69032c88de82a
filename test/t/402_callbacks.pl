# Callbacks, end to end: the sandbox gateway requests an order's callbackUrl, the
# receiver of src/doc/shops.md hands the query over, and the database knows.

use strict;
use warnings;

use FpgoChecker;
use FpgoReceiver;
use FpgoTest;
use HTTP::Tiny;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret  = 'canary-callback-5b2e';
my $gateway = FpgoGateway->start('--token', $TOKEN, '--callback-secret', $secret);
my $node    = new_cluster('main', url => $gateway->address);
new_database($node, 'shop', url => $gateway->address);

my $receiver = FpgoReceiver->start($node, $secret);

my $session = open_session($node, database => 'shop');
my ($order, $reference) = new_order('callback.callbackUrl' => $receiver->address . '/fpgo');
my $uuid = submit($session, $order)->{order_uuid};
run_in($session, 'LISTEN fpgo_order_status');

is($gateway->change_status($uuid, 'PAID', callback => 1), 204, 'the receiver takes a callback');
my $heard = run_in($session, 'SELECT 1')->{rows};
like($heard, qr/"fpgo_order_status" with payload .*"order_uuid": "$uuid", "status": "PAID"/, 'listeners hear of it');
unlike($heard, qr/\Q$PERSONAL_NUMBER\E|\Q$secret\E/, 'and nothing secret');
is($gateway->change_status($uuid, 'PARTIAL REFUNDED', callback => 1), 204, 'and another one');
run_in($session, 'UNLISTEN *');
is(run_in($session, "SELECT state, reported_status FROM fpgo.submissions WHERE reference = '$reference'")->{rows},
    'accepted|PARTIAL REFUNDED', 'reports show the last one');
is(run_in($session, q{SELECT string_agg(status || ' ' || payment_method || ' ' || amount || ' ' || is_stale, ', ' ORDER BY callback)
    FROM fpgo.callbacks})->{rows}, 'PAID invoice 40 false, PARTIAL REFUNDED invoice 40 false', 'and both stand on record');

my $forged = HTTP::Tiny->new(proxy => undef, http_proxy => undef)->get(
    $receiver->address . "/fpgo?orderUuid=$uuid&status=REFUNDED&checksum=" . '0' x 64);
is($forged->{status}, 400, 'the receiver takes no forgery');
is(run_in($session, 'SELECT outcome, times FROM fpgo.callback_rejections')->{rows}, 'forged|1', 'which is counted');
is(run_in($session, 'SELECT count(*) FROM fpgo.callbacks')->{rows}, '2', 'and no more');

$receiver->stop;
unlike(slurp_file($node->logfile), qr/\Q$secret\E/, 'the secret is not in the log');
$session->quit;
check_log($node);
check_records($node, $gateway, databases => ['shop'], committed => [$reference]);
$node->stop;
$gateway->stop;
done_testing();
