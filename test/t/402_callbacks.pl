# Callbacks, end to end: the sandbox gateway requests an order's callbackUrl, the
# receiver of src/doc/shops.md hands the query over, and the database knows.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Encode qw(decode encode);
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

# --- a callbackUrl with the query that the API's sample has -----------------------------

my ($second, $second_reference) = new_order('callback.callbackUrl' =>
      $receiver->address . '/fpgo?order_identifier=rRbl1FWZG59o&order_status=success');
my $second_uuid = submit($session, $second)->{order_uuid};
my @ways;
for my $signs ('all', 'own') {
    for my $joins ('&', '?') {
        push @ways, "UTL\x{d8}PT $signs $joins";
        is($gateway->change_status($second_uuid, $ways[-1], callback => { signs => $signs, joins => $joins }),
            204, "signed: $signs, joined by $joins");
    }
}
is(decode('UTF-8', run_in($session, qq{SELECT string_agg(status, ', ' ORDER BY callback) FROM fpgo.callbacks
    WHERE order_uuid = '$second_uuid'})->{rows}), join(', ', @ways), 'each is on record, as it was said');
for my $signs ('oldest', 'second') {
    is($gateway->change_status($second_uuid, 'PAID', callback => { signs => $signs }), 400, "the $signs formula is not taken");
}
is(run_in($session, q{SELECT times FROM fpgo.callback_rejections WHERE outcome = 'outdated'})->{rows}, '2', 'but counted apart');

# --- what can be made of a genuine one without the secret ---------------------------------

# The state of SHA-256 after a whole number of blocks is the hash of these.  Whoever has
# a hash can go on from there, and has the hash of the text, its padding, and more.
sub extended {
    my ($hash, $n_hashed, $more) = @_;
    my $n_padded = int(($n_hashed + 8) / 64 + 1) * 64;
    my $padding  = "\x80" . "\0" x ($n_padded - $n_hashed - 9) . pack('Q>', $n_hashed * 8);
    my $sha      = Digest::SHA->new(256);
    $sha->putstate(join "\n", 'alg:256', 'H:' . join(':', $hash =~ /.{8}/g), 'block:' . '00:' x 63 . '00', 'blockcnt:0',
        'lenhh:0', 'lenhl:0', 'lenlh:0', 'lenll:' . $n_padded * 8, '') or die "cannot set the state\n";
    return ($padding, $sha->add($more)->hexdigest);
}

{
    my $text = "${uuid}SENT";
    my ($padding, $hash) = extended(sha256_hex($text . $secret), length($text . $secret), '&status=PAID');
    is($hash, sha256_hex("$text$secret$padding&status=PAID"), 'a checksum can be extended without the secret');
    # what follows the secret is in the hash, but a callback has nothing that would follow it
    my $encoded = join '', map { sprintf '%%%02X', $_ } unpack 'C*', $padding;
    for my $more ("status=SENT&more=$encoded%26status%3DPAID", "status=SENT$encoded&more=PAID", 'status=SENT&status=PAID') {
        like(run_in($session, "SELECT outcome FROM fpgo.receive_callback('orderUuid=$uuid&$more&checksum=$hash')")->{rows},
            qr/^(?:forged|malformed)$/, 'which makes no callback');
    }
}

# --- a database of another encoding --------------------------------------------------------

for my $case ([ 'LATIN1', "Utl\x{f8}pt %E2%82%AC", "Utl\x{f8}pt %E2%82%AC" ], [ 'LATIN9', "Utl\x{f8}pt \x{20ac}", "Utl\x{f8}pt \x{20ac}" ],
    [ 'EUC_JP', "\x{6e08} %C2%A5", "\x{6e08} %C2%A5" ], [ 'SQL_ASCII', "Utl\x{f8}pt \x{20ac}", "Utl\x{f8}pt \x{20ac}" ]) {
    my ($encoding, $expected) = @$case;
    my $database = lc $encoding;
    # what the expected text shows encoded, since the database lacks it, was sent as any other
    my $status = encode('UTF-8', $expected) =~ s/%(..)/chr hex $1/ger;
    $node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0 ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
    $node->safe_psql($database, qq{CREATE EXTENSION fpgo;
        CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url '} . $gateway->address . qq{');
        CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (callback_secret '$secret')});
    my $client = $encoding eq 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8';
    my $there  = open_session($node, database => $database);
    run_in($there, "SET client_encoding = '$client'");
    my $sent   = join '', map { sprintf '%%%02X', $_ } unpack 'C*', $status;
    # and once more with what need not be encoded as it is: a text that the database holds
    my $visible = $encoding eq 'EUC_JP' ? "\x{6e08}" : "\x{f8}";
    for my $said ([ $status, $sent, $expected ], [ encode('UTF-8', $visible), encode('UTF-8', $visible), $visible ]) {
        my ($signed, $in_query, $wanted) = @$said;
        my $got = run_in($there, "SELECT outcome, status FROM fpgo.receive_callback('orderUuid=ODR1&status=$in_query&checksum="
              . sha256_hex("ODR1$signed$secret") . q{')});
        is(decode('UTF-8', $got->{rows}), "foreign|$wanted", "$encoding: taken");
    }
    $there->quit;
}

$receiver->stop;
unlike(slurp_file($node->logfile), qr/\Q$secret\E/, 'the secret is not in the log');
$session->quit;
check_log($node);
check_records($node, $gateway, databases => ['shop'], committed => [ $reference, $second_reference ]);
$node->stop;
$gateway->stop;
done_testing();
