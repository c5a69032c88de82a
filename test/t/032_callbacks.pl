# Callbacks, end to end: the sandbox gateway requests an order's callbackUrl, the
# README's receiver hands the query over, and the database knows.

use strict;
use warnings;

use FpgoChecker;
use FpgoReadme;
use FpgoTest;
use HTTP::Tiny;
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret  = 'canary-callback-5b2e';
my $gateway = FpgoGateway->start('--token', $TOKEN, '--callback-secret', $secret);
my $node    = new_cluster('main', url => $gateway->address);
new_database($node, 'shop', url => $gateway->address);

my %blocks = map { $_->{kind} => $_->{text} } readme_blocks('Callbacks');
my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/secret", "$secret\n");
chmod 0600, "$directory/secret" or die "cannot close the file to others: $!\n";
append_to_file("$directory/receiver.py", $blocks{python});
ok($blocks{sql} =~ s{/etc/fpgo/callback-secret}{$directory/secret}, 'the README names a file for the secret');
$node->safe_psql('shop', $blocks{sql});

# --- the receiver ----------------------------------------------------------------

my $port = closed_port();
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
my $receiver = IPC::Run::start(
    [ 'python3', '-B', '-m', 'flask', '--app', "$directory/receiver.py", 'run', '--port', $port ],
    '>', \my $output, '2>', "$directory/receiver.log");
wait_for('the receiver to listen', sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) });

my $session = open_session($node, database => 'shop');
my ($order, $reference) = new_order('callback.callbackUrl' => "http://127.0.0.1:$port/fpgo");
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
    "http://127.0.0.1:$port/fpgo?orderUuid=$uuid&status=REFUNDED&checksum=" . '0' x 64);
is($forged->{status}, 400, 'the receiver takes no forgery');
is(run_in($session, 'SELECT outcome, times FROM fpgo.callback_rejections')->{rows}, 'forged|1', 'which is counted');
is(run_in($session, 'SELECT count(*) FROM fpgo.callbacks')->{rows}, '2', 'and no more');

$receiver->kill_kill;
unlike(slurp_file($node->logfile), qr/\Q$secret\E/, 'the secret is not in the log');
$session->quit;
check_log($node);
check_records($node, $gateway, databases => ['shop'], committed => [$reference]);
$node->stop;
$gateway->stop;
done_testing();
