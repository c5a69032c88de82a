# Where the shop wrote {submission} into the path of its callbackUrl, the gateway
# gets a token.  By the token a callback names its submission, even one whose
# outcome is not known yet, or never will be.

use strict;
use warnings;

use FpgoChecker;
use FpgoReceiver;
use FpgoTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $token   = qr/fpgo-[0-9a-f]{32}/;
my $secret  = 'canary-callback-91d0';
my $gateway = FpgoGateway->start('--token', $TOKEN, '--callback-secret', $secret);
my $node    = new_cluster('main', url => $gateway->address);
new_database($node, 'shop', url => $gateway->address);
my $receiver = FpgoReceiver->start($node, $secret);
my $url      = $receiver->address . '/fpgo';
my $session  = open_session($node, database => 'shop');
my @references;

# An order with the placeholder, and its referenceNo.
sub named_order {
    my ($order, $reference) = new_order('callback.callbackUrl' => "$url/{submission}");
    push @references, $reference;
    return ($order, $reference);
}

# sent($name, $reference): asserts that the gateway got the order once and as it was
# written, but for the token; returns that and the order's uuid.
sub sent {
    my ($name, $reference) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @entries = $gateway->ledger($reference);
    is(scalar @entries, 1, "$name: received once");
    my ($found) = $entries[0]{body}{callback}{callbackUrl} =~ m{^\Q$url\E/($token)\z};
    ok($found, "$name: with a token in its callbackUrl");
    unlike(encode_json($entries[0]{body}), qr/submission/, "$name: and no placeholder anywhere");
    is(look_up("SELECT callback_token FROM fpgo_internal.submission WHERE reference = '$reference'"),
        $found, "$name: the token is on record");
    return ($found, $entries[0]{order_uuid});
}

sub look_up { return administer($session, $_[0]); }

# What the record says of an order: its state, and the references of the submissions
# that its callbacks are of, and that they named.
sub state_of { return look_up("SELECT state FROM fpgo.submissions WHERE reference = '$_[0]'"); }

sub callbacks_of {
    return look_up(qq{SELECT c.status, coalesce(s.reference, 'none'), coalesce(n.reference, 'none')
        FROM fpgo.callbacks c LEFT JOIN fpgo.submissions s ON s.submission = c.submission
            LEFT JOIN fpgo.submissions n ON n.submission = c.named_submission
        WHERE c.order_uuid = '$_[0]' ORDER BY c.callback});
}

# --- what is sent -------------------------------------------------------------------

my ($order, $reference) = named_order();
my $answer = ends('submit_invoice', submit($session, $order), '');
my ($first, $uuid) = sent('submit_invoice', $reference);
is($uuid, $answer->{order_uuid}, 'submit_invoice: accepted');
is(ends('the same order again', submit($session, $order), '')->{order_uuid}, $uuid, 'the same order again: the first answer');
is($gateway->received($reference), 1, 'the same order again: nothing was sent');

my ($queued, $queued_reference) = named_order();
ends('enqueue_invoice', run_in($session, enqueue_sql($queued)), '');
# an attempt that came to nothing has the token of the one that follows
$gateway->misbehave({ status => 429 });
ends('deliver', run_in($session, 'CALL fpgo.deliver()'), '');
is(state_of($queued_reference), 'queued', 'deliver: put off');
look_up('UPDATE fpgo_internal.submission SET not_before = NULL');
look_up('DELETE FROM fpgo_internal.allowance');
ends('deliver', run_in($session, 'CALL fpgo.deliver()'), '');
my @urls = map { $_->{body}{callback}{callbackUrl} } $gateway->ledger($queued_reference);
is(scalar @urls, 2, 'deliver: sent again');
is($urls[0], $urls[1], 'deliver: with the same token');
isnt($urls[0], "$url/$first", 'and with another one than the first order');

# --- what comes back ------------------------------------------------------------------

is($gateway->change_status($uuid, 'INVOICED', callback => 1), 204, 'an accepted order: the receiver takes the callback');
is(callbacks_of($uuid), "INVOICED|$reference|$reference", 'an accepted order: it has it and was named');

run_in($session, 'LISTEN fpgo_order_status');
$gateway->misbehave({ close_after_request => \1 });
my ($doubtful, $doubtful_reference) = named_order();
ends('no answer', submit($session, $doubtful), '38F01');
my ($doubtful_token, $doubtful_uuid) = sent('no answer', $doubtful_reference);
my $id = look_up("SELECT submission FROM fpgo.submissions WHERE reference = '$doubtful_reference'");
is($gateway->change_status($doubtful_uuid, 'SENT', callback => 1), 204, 'no answer: the receiver takes the callback');
my $heard = run_in($session, 'SELECT 1')->{rows};
run_in($session, 'UNLISTEN *');
like($heard, qr/"fpgo_order_status" with payload .*"submission": $id, "order_uuid": "$doubtful_uuid", "status": "SENT"/,
    'no answer: listeners hear which submission it is');
unlike($heard, $token, 'no answer: but not the token');
is(callbacks_of($doubtful_uuid), "SENT|none|$doubtful_reference", 'no answer: it was named');
is(state_of($doubtful_reference), 'uncertain', 'no answer: and stays uncertain');
is(look_up("SELECT reference FROM fpgo.callbacks WHERE order_uuid = '$doubtful_uuid'"), $doubtful_reference,
    'no answer: reports show the reference');

# before the answer
$gateway->misbehave({ stall => \1 });
my ($early, $early_reference) = named_order();
my $waiting = open_session($node, database => 'shop');
begin_submit($waiting, $early);
wait_for_order($gateway, $early_reference);
my (undef, $early_uuid) = sent('no answer yet', $early_reference);
is($gateway->change_status($early_uuid, 'SENT', callback => 1), 204, 'no answer yet: the receiver takes the callback');
is(callbacks_of($early_uuid), "SENT|none|$early_reference", 'no answer yet: it was named');
is(state_of($early_reference), 'sending', 'no answer yet: and is still being sent');

# --- what is not said -------------------------------------------------------------------

$gateway->misbehave({ echo_callback_url => \1 });
my ($refused, $refused_reference) = named_order();
my $said = ends('a refusal that repeats the URL', submit($session, $refused), '38F05', qr/\Q$url\E/)->{said};
unlike($said, $token, 'a refusal that repeats the URL: without the token');
($refused, $refused_reference) = named_order();
$gateway->misbehave({ echo_callback_url => \1 });
ends('the same of a queued order', run_in($session, enqueue_sql($refused)), '');
ends('the same of a queued order', run_in($session, 'CALL fpgo.deliver()'), '');
my $recorded = look_up(qq{SELECT s.last_error, a.reason FROM fpgo.submissions s JOIN fpgo.attempts a USING (submission)
    WHERE s.reference = '$refused_reference'});
like($recorded, qr/\Q$url\E/, 'the same of a queued order: on record');
unlike($recorded, $token, 'the same of a queued order: without the token');

check_records($node, $gateway, databases => ['shop'], committed => \@references);
$_->stop for $receiver, $gateway;
ends('the gateway is gone', finish_in($waiting), '38F01');
$_->quit for $session, $waiting;
unlike(slurp_file($node->logfile), $token, 'no token in the log');
check_log($node);
$node->stop;
done_testing();
