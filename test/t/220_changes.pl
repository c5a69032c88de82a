# Changes of orders that the gateway has: the gateway is asked first, a change goes
# out once, and nothing of an order is ever created a second time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use Digest::SHA qw(sha256_hex);
use FpgoChecker;
use FpgoResident;
use FpgoTest;
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $secret  = 'callback-s3cret';
my $node    = new_cluster('main', url => $gateway->address, mapping => "token '$TOKEN', callback_secret '$secret'",
    options => q{timeout '10s'}, settings => 'restart_after_crash = on', init => [ allows_streaming => 1 ]);
my ($admin, $session);

sub open_sessions {
    ($admin, $session) = map { open_session($node) } 1 .. 2;
    run_in($session, 'SET fpgo.undelivered_notice = off');
    return;
}
open_sessions();

my $true = JSON::PP::true;
my $next = 0;
my @references;

# Hands in an order that may change what was accepted; returns how that ended.
sub hand_in {
    my ($reference, $maturity, %changes) = @_;
    my $order = order(orderDate => '1755150488', referenceNo => $reference, invoiceMaturity => $maturity, %changes);
    return run_in($session, 'SELECT fpgo.enqueue_invoice(' . literal($order) . q{::jsonb, on_change => 'update')});
}

# A delivery that finds every queued order due.
sub deliver {
    administer($admin, 'UPDATE fpgo_internal.submission SET not_before = NULL WHERE not_before IS NOT NULL');
    release_holds($admin);
    return run_in($session, 'CALL fpgo.deliver()');
}

# An order that was accepted; returns its reference and its uuid.
sub accepted {
    my (%changes) = @_;
    my $reference = 'C-' . ++$next;
    push @references, $reference;
    hand_in($reference, 10, %changes);
    deliver();
    return ($reference, ($gateway->ledger($reference))[0]{order_uuid});
}

# The states of the versions of an order, the first one first.
sub states {
    my ($reference) = @_;
    return administer($admin, "SELECT string_agg(state, ' ' ORDER BY version) FROM fpgo.versions WHERE reference = '$reference'");
}

# A column of its newest version, and of that version's last attempt.
sub newest {
    my ($reference, $column) = @_;
    return administer($admin, "SELECT $column FROM fpgo.versions WHERE reference = '$reference' ORDER BY version DESC LIMIT 1");
}

sub attempt {
    my ($reference, $column) = @_;
    my $id = newest($reference, 'submission');
    return administer($admin, "SELECT $column FROM fpgo.attempts WHERE submission = $id ORDER BY number DESC LIMIT 1");
}

# What the gateway received of an order: "create 10 change 11".
sub received {
    my ($reference) = @_;
    return join ' ', map { ($_->{body}{fpgoUuid} ? 'change ' : 'create ') . $_->{body}{invoiceMaturity} } $gateway->ledger($reference);
}

# A person decides about an uncertain version.
sub give_up {
    my ($id, $outcome, $uuid) = @_;
    return administer($admin, "SELECT fpgo.resolve($id, '" . ($outcome // 'refused') . "', 'A person says so.'"
            . (defined $uuid ? ", order_uuid => '$uuid'" : '') . ')');
}

# Waits until the gateway was asked for a status, or sent an order.
sub wait_for_request {
    my ($route, $n) = @_;
    return wait_for("a request for $route", sub { ($gateway->requests->{routes}{$route} // 0) > $n });
}

# What the gateway was asked for since the last time.
my %seen;
sub requests {
    my %now = %{ $gateway->requests->{routes} };
    my %new = map { $_ => $now{$_} - ($seen{$_} // 0) } keys %now;
    %seen = %now;
    return join ' ', map { "$_ $new{$_}" } grep { $new{$_} } sort keys %new;
}

# --- SENT ----------------------------------------------------------------------------

{
    my ($reference, $uuid) = accepted();
    requests();
    hand_in($reference, 11);
    is(states($reference), 'accepted queued', 'a change is queued');
    deliver();
    is(received($reference), 'create 10 change 11', '... and sent as one');
    is(requests(), 'status 1 submit 1', '... after one question');
    my $change = ($gateway->ledger($reference))[1];
    is($change->{body}{fpgoUuid},  $uuid,     '... it names the order');
    is($change->{body}{orderFrom}, 'PARTNER', '... and who makes it');
    ok($change->{update}, '... and the gateway changed the order');
    is(states($reference), 'accepted accepted', '... both versions are accepted');
    is(newest($reference, 'order_uuid'), $uuid, '... as one order');
    is(administer($admin, "SELECT count(*), max(order_uuid), max(changes_not_sent) FROM fpgo.submissions WHERE reference = '$reference'"),
        "1|$uuid|0", '... that the view shows once');
    is(attempt($reference, 'outcome'), 'accepted', '... the attempt says so');
    is(administer($admin, 'SELECT count(*) FROM fpgo_internal.payload'), 0, '... and no payload is left');

    hand_in($reference, 12);
    $gateway->misbehave({ route => 'status', data => { status => 'Sent' } });
    deliver();
    is(received($reference), 'create 10 change 11 change 12', 'a second change; the status in another spelling');
    hand_in($reference, 13);
    $gateway->misbehave({ route => 'status', json => { status_code => 200, data => [ { uuid => $uuid, status => 'SENT' } ] } });
    deliver();
    is(received($reference), 'create 10 change 11 change 12 change 13', 'a third; the status in a list of one');
    requests();
    hand_in($reference, 13);
    deliver();
    is(requests(), '', 'the same again: nothing is asked or sent');
}

# --- another status, or none ------------------------------------------------------------

for my $status ('PAID', 'PARTIAL REFUNDED', "Utl\x{f8}pt") {
    my ($reference, $uuid) = accepted();
    $gateway->change_status($uuid, $status) if $status =~ /^[A-Z ]+$/;
    $gateway->misbehave({ route => 'status', data => { status => $status } }) if $status =~ /U/;
    hand_in($reference, 11);
    deliver();
    is(received($reference), 'create 10', "an order that is $status: no change is sent");
    is(states($reference), 'accepted refused', '... it is refused');
    utf8::encode(my $shown = $status);
    is(newest($reference, 'last_error'), "Not changed: the gateway says that order $uuid is $shown.", '... with the reason');
    is(attempt($reference, q{outcome || ' ' || http_status}), 'refused 200', '... which the attempt has, too');
    is(administer($admin, "SELECT changes_not_sent FROM fpgo.submissions WHERE reference = '$reference'"), 1, '... and the view tells it');
    $gateway->change_status($uuid, 'SENT');
    administer($admin, "SELECT fpgo.resolve(max(submission), 'queued', 'a test') FROM fpgo.versions WHERE reference = '$reference'");
    deliver();
    is(received($reference), 'create 10 change 11', '... queued again by a person it is sent as a change');
    is(states($reference), 'accepted accepted', '... and accepted');
    is(administer($admin, 'SELECT count(*) FROM fpgo_internal.payload'), 0, '... and no payload is left');
}
{
    my ($reference, $uuid) = accepted();
    $gateway->misbehave({ route => 'status', status => 404 });
    hand_in($reference, 11);
    deliver();
    is(states($reference), 'accepted refused', 'an order that is gone: refused');
    is(newest($reference, 'last_error'), "Not changed: the gateway does not know order $uuid.", '... with the reason');
}
for my $case (
    [ 'a status answer of another order', { json => { status_code => 200, data => { uuid => 'ODR1', status => 'SENT' } } }, 'unreached', qr/did not say what status order ODR\d+ has: HTTP status 200/ ],
    [ 'no status',                        { omit => ['status'] },                   'unreached', qr/did not say/ ],
    [ 'a status that is no text',         { data => { status => 1 } },              'unreached', qr/did not say/ ],
    [ 'JSON without envelope',            { json => { data => { status => 'SENT' } } }, 'unreached', qr/did not say/ ],
    [ '200 that says 404',                { json => { status_code => 404, data => { status => 'SENT' } } }, 'unreached', qr/did not say/ ],
    [ 'a web page',                       { html => $true, status => 200 },         'unreached', qr/did not say/ ],
    [ '500',                              { status => 500 },                        'unreached', qr/HTTP status 500/ ],
    [ '503',                              { status => 503 },                        'unreached', qr/HTTP status 503/ ],
    [ 'no answer',                        { reset_after_request => $true },         'unreached', qr/^The order's status could not be asked for\.  / ],
    [ 'half an answer',                   { cut_answer => 200 },                    'unreached', qr/could not be asked for/ ],
    [ '401',                              { status => 401 },                        'credentials', qr/refused the credentials with HTTP status 401/ ],
    [ '403',                              { status => 403 },                        'not_api', qr/tells no order's status at this address: HTTP status 403/ ],
    [ '404 of a route',                   { status => 404, json => { message => 'The route could not be found.' } }, 'not_api', qr/at this address: HTTP status 404/ ],
    [ '405',                              { status => 405 },                        'not_api', qr/HTTP status 405/ ],
    [ '429',                              { status => 429 },                        'slow_down', qr/slow down/ ],
) {
    my ($name, $trouble, $outcome, $reason) = @$case;
    my ($reference, $uuid) = accepted();
    $trouble->{json}{data}{uuid} //= $uuid if $trouble->{json} && $trouble->{json}{data};
    $gateway->misbehave({ route => 'status', %$trouble });
    hand_in($reference, 11);
    deliver();
    is(states($reference), 'accepted queued', "asked, $name: queued again");
    is(attempt($reference, 'outcome'), $outcome, '... certainly not sent');
    like(newest($reference, 'last_error'), $reason, '... with the reason');
    is(administer($admin, "SELECT bool_or(not_before > now()) FROM fpgo_internal.submission WHERE reference = '$reference'"), 't', '... for later');
    is(received($reference), 'create 10', '... and nothing is sent');
    forget_slow_down($admin);
    deliver();
    is(received($reference), 'create 10 change 11', '... until the gateway says SENT');
}
{
    my ($reference) = accepted();
    $gateway->misbehave({ route => 'status', stall => $true });
    hand_in($reference, 11);
    deliver();
    is(newest($reference, 'last_error'), q{The order's status could not be asked for.  No answer came within 5 seconds.},
        'asked, silence: it is waited for 5 seconds');
    is(states($reference), 'accepted queued', '... and the change is queued again');
    deliver();
}

# --- what a change is answered -----------------------------------------------------------

{
    my ($reference, $uuid) = accepted();
    $gateway->misbehave({ second_order => $true });
    hand_in($reference, 11);
    deliver();
    my $second = ($gateway->ledger($reference))[1]{order_uuid};
    is(states($reference), 'accepted uncertain', 'answered with another order: uncertain');
    is(newest($reference, 'last_error'), "The gateway was to change order $uuid, and answered with order $second.", '... and both are shown');
    is(administer($admin, "SELECT state || ' ' || order_uuid FROM fpgo.submissions WHERE reference = '$reference'"),
        "accepted $uuid", '... the order is the first one');
    hand_in($reference, 12);
    deliver();
    is(received($reference), 'create 10 change 11', '... and a later version waits');
    my $id = administer($admin, "SELECT submission FROM fpgo.versions WHERE reference = '$reference' AND state = 'uncertain'");
    administer($admin, "SELECT fpgo.resolve($id, 'refused', 'The second one was taken back.')");
    deliver();
    is(received($reference), 'create 10 change 11 change 12', '... until a person decided');
    is(($gateway->ledger($reference))[2]{body}{fpgoUuid}, $uuid, '... and changes the first one');
}
for my $case (
    [ '417', { status => 417 }, qr/told to refuse/ ], [ '422', { status => 422, json => { status_code => 422, message => 'No.' } }, qr/HTTP status 422/ ], [ '400', { status => 400 }, qr/ambiguousRequest/ ],
    [ '404 orderNotFound', { status => 404 }, qr/orderNotFound/ ], [ '403', { status => 403 }, qr/HTTP status 403/ ],
) {
    my ($name, $trouble, $reason) = @$case;
    my ($reference, $uuid) = accepted();
    hand_in($reference, 11);
    $gateway->misbehave($trouble);
    deliver();
    is(states($reference), 'accepted refused', "answered $name: refused");
    like(newest($reference, 'last_error'), $reason, '... with the reason');
    hand_in($reference, 12);
    deliver();
    is(received($reference), 'create 10 change 11 change 12', '... and edited again it is a change again');
    is(states($reference), 'accepted refused accepted', '... which is accepted');
}
for my $case (
    [ '403 of a front door', { html => $true, status => 403 }, 'not_api' ], [ '401', { status => 401 }, 'credentials' ],
    [ '404 of a route', { status => 404, json => { message => 'no route' } }, 'not_api' ], [ '429', { status => 429 }, 'slow_down' ],
) {
    my ($name, $trouble, $outcome) = @$case;
    my ($reference) = accepted();
    hand_in($reference, 11);
    $gateway->misbehave($trouble);
    deliver();
    is(states($reference), 'accepted queued', "answered $name: queued again");
    is(attempt($reference, 'outcome'), $outcome, '... as a create would be');
    requests();
    forget_slow_down($admin);
    deliver();
    is(requests(), 'status 1 submit 1', '... it is asked again');
    is(states($reference), 'accepted accepted', '... and accepted');
}
{
    # as large as an order may be: the uuid makes a change larger
    my $reference = 'C-' . ++$next;
    push @references, $reference;
    hand_in($reference, 10, filler => '.');
    my $size = administer($admin, 'SELECT octet_length(payload) FROM fpgo_internal.payload ORDER BY submission DESC LIMIT 1');
    deliver();
    my %filler = (filler => '.' x (1024 * 1024 - $size + 1));
    ($reference) = accepted(%filler);
    hand_in($reference, 11, %filler);
    requests();
    deliver();
    is(requests(), '', 'a change over the limit of a payload: nothing is asked and nothing sent');
    is(states($reference), 'accepted refused', '... it is refused');
    is(newest($reference, 'last_error') =~ s/\d{7}/N/gr, "Not changed: with the order's uuid the payload has N bytes; the limit is N.", '... with the reason');
}
{
    # a create answered so is not refused
    my $reference = 'C-' . ++$next;
    push @references, $reference;
    hand_in($reference, 10);
    $gateway->misbehave({ status => 404 });
    deliver();
    is(states($reference), 'queued', 'a create answered 404 orderNotFound: queued again');
    deliver();
}
for my $trouble ({ reset_after_request => $true }, { status => 500, make => $true }, { json => { status_code => 201, message => 'orderUpdatedSuccessfully', data => undef } }) {
    my ($reference, $uuid) = accepted();
    hand_in($reference, 11);
    $gateway->misbehave($trouble);
    deliver();
    is(states($reference), 'accepted uncertain', 'an unknown outcome of a change: uncertain (' . join(' ', keys %$trouble) . ')');
    hand_in($reference, 12);
    deliver();
    is(states($reference), 'accepted uncertain queued', '... a later version waits');
    my $id = administer($admin, "SELECT submission FROM fpgo.versions WHERE reference = '$reference' AND state = 'uncertain'");
    administer($admin, "SELECT fpgo.resolve($id, 'accepted', 'It is so.', order_uuid => '$uuid')");
    deliver();
    is(states($reference), 'accepted accepted accepted', '... and is sent when a person decided');
    is(received($reference), 'create 10 change 11 change 12', '... as a change');
}

# --- the payload -----------------------------------------------------------------------

{
    my ($reference, $uuid) = accepted();
    hand_in($reference, 11);
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD tax_rates '12,25')});
    requests();
    deliver();
    is(states($reference), 'accepted refused', 'a change that breaks a rule by now: refused');
    like(newest($reference, 'last_error'), qr/^Not changed: the order breaks rules of the server\.\nproducts\[0\]\.tax /, '... with the rule');
    is(requests(), '', '... and nothing is asked');
    administer($admin, 'ALTER SERVER frontpayment OPTIONS (DROP tax_rates)');
    hand_in($reference, 12, fpgoUuid => 'ODR1', orderFrom => 'PARTNER');
    deliver();
    is(newest($reference, 'last_error'), "Not changed: the order was accepted as $uuid, and its fpgoUuid names another one.",
        'a change that names another order: refused');
    hand_in($reference, 13, fpgoUuid => $uuid, orderFrom => 'PARTNER');
    deliver();
    is(received($reference), 'create 10 change 13', 'a change that names its order: sent');
}
{
    # a change that an application makes by itself is asked for nothing, and judged as one
    my ($reference, $uuid) = accepted();
    requests();
    my $own = sub { submit($session, order(fpgoUuid => $uuid, orderFrom => 'PARTNER')) };
    is($own->()->{order_uuid}, $uuid, 'submit_invoice with an fpgoUuid');
    is(requests(), 'submit 1', '... asks nothing first');
    $gateway->misbehave({ second_order => $true });
    my $ended = $own->();
    ends('... answered with another order', $ended, '38F01', qr/was to change order \Q$uuid\E, and answered with order ODR/);
    administer($admin, "SELECT fpgo.resolve(submission, 'refused', 'seen') FROM fpgo.submissions WHERE state = 'uncertain'");
    $gateway->misbehave({ status => 404 });
    ends('... answered 404 orderNotFound', $own->(), '38F05', qr/orderNotFound/);
}

# --- a row that changes -----------------------------------------------------------------

administer($admin, <<'SQL');
SET client_min_messages = warning;
CREATE TABLE doc (body jsonb);
CREATE TABLE shop_order (id int PRIMARY KEY, maturity int NOT NULL);
CREATE FUNCTION invoice_for(o shop_order) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT d.body || jsonb_build_object('referenceNo', 'R-' || o.id % 1000, 'invoiceMaturity', o.maturity) FROM doc d $$;
CREATE CONSTRAINT TRIGGER invoice AFTER INSERT OR UPDATE OR DELETE ON shop_order DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for', 'on_change=update');
SQL
administer($admin, 'INSERT INTO doc VALUES (' . literal(order(referenceNo => undef)) . ')');

# A row whose order was accepted; returns its number and the reference of its order.
sub row {
    my $id = ++$next;
    push @references, "R-$id";
    run_in($session, "INSERT INTO shop_order VALUES ($id, 10)");
    deliver();
    return ($id, "R-$id");
}

sub edit { return run_in($session, "UPDATE shop_order SET maturity = $_[1] WHERE id = $_[0]"); }

{
    my ($id, $reference) = row();
    edit($id, 11);
    edit($id, 12);
    deliver();
    is(received($reference), 'create 10 change 12', 'a row edited twice after acceptance: one change');
    is(states($reference), 'accepted superseded accepted', '... the newest');
    edit($id, 13);
    edit($id, 12);
    deliver();
    is(received($reference), 'create 10 change 12', 'edited and back: nothing is sent');
    edit($id, 10);
    deliver();
    is(received($reference), 'create 10 change 12 change 10', 'as it was at first: a change');
    edit($id, 11);
    ends('another primary key', run_in($session, "UPDATE shop_order SET id = id + 1000 WHERE id = $id"), '');
    deliver();
    is(received($reference), 'create 10 change 12 change 10 change 11', 'another primary key while the change is queued: it is sent');
    edit($id + 1000, 12);
    run_in($session, "DELETE FROM shop_order WHERE id = $id + 1000");
    deliver();
    is(received($reference), 'create 10 change 12 change 10 change 11', 'deleted while the change is queued: it is not sent');
    like(states($reference), qr/accepted superseded$/, '... but superseded');
    is(administer($admin, q{SELECT count(*) FROM fpgo.versions WHERE is_withdrawal}), 1, '... by a withdrawal');
    run_in($session, "INSERT INTO shop_order VALUES ($id + 1000, 14)");
    deliver();
    is(received($reference), 'create 10 change 12 change 10 change 11 change 14', 'there again: a change, and no second order');
}
for my $outcome ('accepted', 'refused') {
    my ($id, $reference) = row();
    my $uuid = ($gateway->ledger($reference))[0]{order_uuid};
    edit($id, 11);
    $gateway->misbehave({ reset_after_request => $true, make => $outcome eq 'accepted' ? $true : JSON::PP::false });
    deliver();
    edit($id, 10);
    is(states($reference), 'accepted uncertain queued', 'edited back while the change is uncertain: that waits');
    give_up(newest($reference, 'submission - 1'), $outcome, $outcome eq 'accepted' ? $uuid : undef);
    deliver();
    is(received($reference), 'create 10 change 11' . ($outcome eq 'accepted' ? ' change 10' : ''), "... the change was $outcome: what is sent");
    is(states($reference), $outcome eq 'accepted' ? 'accepted accepted accepted' : 'accepted refused superseded', '... and its versions');
}

# --- a call again ------------------------------------------------------------------------

{
    my ($reference, $uuid) = accepted();
    $gateway->change_status($uuid, 'PAID');
    my $ended = hand_in($reference, 11);
    deliver();
    $gateway->change_status($uuid, 'SENT');
    isnt(hand_in($reference, 11)->{rows}, $ended->{rows}, 'a change that was refused is tried again by the same call');
    deliver();
    is(received($reference), 'create 10 change 11', '... and sent');
    run_in($session, 'SELECT fpgo.enqueue_invoice(' . literal(order(orderDate => '1755150488', referenceNo => $reference, invoiceMaturity => 12)) . q{::jsonb, on_change => 'replace')});
    is(states($reference), 'accepted refused accepted refused', 'with replace it is recorded');
    hand_in($reference, 12);
    deliver();
    is(received($reference), 'create 10 change 11 change 12', 'the same with update: sent');
    hand_in($reference, 13);
    $gateway->misbehave({ reset_after_request => $true });
    deliver();
    ends('the same call while the change is uncertain', hand_in($reference, 13), '23505', qr/which is uncertain/);
    hand_in($reference, 12);
    like(states($reference), qr/uncertain queued$/, 'as it was accepted, while a change is uncertain: it waits');
    give_up(newest($reference, 'submission - 1'), 'accepted', $uuid);
    deliver();
    is(received($reference), 'create 10 change 11 change 12 change 13 change 12', '... and is sent after that');
}

# --- evidence ------------------------------------------------------------------------

# An order of a router for so much.
sub sale {
    my ($amount, %changes) = @_;
    return ('orderSummary' => { subTotal => $amount, totalTax => 0, totalDiscount => 0, grandTotal => $amount },
        'products' => [ { name => $changes{name} // 'Router', productId => 'R_1', quantity => 1, rate => $amount, discount => 0, tax => 0, amount => $amount } ]);
}

# A change whose outcome is unknown; returns its number.
sub lost_change {
    my ($reference, $arrives, $maturity, %changes) = @_;
    hand_in($reference, $maturity, %changes);
    $gateway->misbehave($arrives ? { reset_after_request => $true } : { status => 503 });
    deliver();
    return administer($admin, "SELECT submission FROM fpgo.versions WHERE reference = '$reference' AND state = 'uncertain'");
}

# What reconciliation says of it.
sub reconciled {
    my ($id) = @_;
    return administer($admin, "SELECT state, order_uuid, detail FROM fpgo.reconcile($id)");
}


my $unseen = qr/^uncertain\|\|It changes order ODR\d+ in what the gateway does not show, or what it was before is kept no longer\.$/;
{
    my ($reference, $uuid) = accepted(sale(40));
    my $id = lost_change($reference, 1, 11, sale(80), orderDate => '1755150000');
    is(reconciled($id), "accepted|$uuid|The gateway shows the order that it changes, with the amounts and products of the change, which are not those of before.",
        'a change of the amounts that arrived is accepted');
    is(states($reference), 'accepted accepted', '... on record');
    is(newest($reference, 'order_uuid'), $uuid, '... as the same order');

    my $status = 'INVOICED';
    my $now    = time;
    my $sum    = sha256_hex("$uuid$status$now$secret");
    is(administer($admin, "SELECT outcome, submission FROM fpgo.receive_callback('/?orderUuid=$uuid&status=$status&timestamp=$now&checksum=$sum')"),
        "recorded|$id", '... a callback is about its newest version');
    is(administer($admin, "SELECT count(*), max(submission), max(reported_status) FROM fpgo.submissions WHERE order_uuid = '$uuid'"),
        "1|$id|INVOICED", '... which the view shows, once');

    my $next = lost_change($reference, 0, 12, sale(90));
    like(reconciled($next), qr/^uncertain\|\|It changes order $uuid, which the gateway does not show with its amounts, products\.$/,
        'a change that did not arrive stays uncertain');
    $gateway->misbehave({ route => 'details', status => 404 });
    like(reconciled($next), qr/^uncertain\|\|It changes order $uuid, which the gateway does not show\.$/, '... and so it does if the order is gone');
    $gateway->misbehave({ route => 'details', requests => 3, status => 502 });
    like(reconciled($next), qr/^uncertain\|\|The gateway could not be asked\.  /, '... or if nobody says');
    give_up($next, 'queued');
    deliver();
    is(received($reference), 'create 10 change 11 change 12 change 12', '... until a person has it sent again, as a change');
}
{
    my ($reference) = accepted();
    my $id = lost_change($reference, 1, 11);
    like(reconciled($id), $unseen, 'a change that the gateway does not show stays uncertain, though it arrived');
    give_up($id);
}
for my $retention ('0', '1h') {
    administer($admin, "ALTER SERVER frontpayment OPTIONS (ADD retention '$retention')");
    my ($reference, $uuid) = accepted(sale(40));
    my $id = lost_change($reference, 1, 11, sale(40, name => 'Switch'));
    like(reconciled($id), $retention eq '0' ? $unseen : qr/^accepted\|$uuid\|/,
        "a change of a product, what was before kept for $retention");
    give_up($id) if $retention eq '0';
    administer($admin, 'ALTER SERVER frontpayment OPTIONS (DROP retention)');
}
administer($admin, 'DELETE FROM fpgo_internal.payload WHERE keep_until IS NOT NULL');
{
    my ($reference, $uuid) = accepted(sale(40));
    give_up(lost_change($reference, 1, 11, sale(80)));
    my $id = lost_change($reference, 0, 12, sale(80));
    like(reconciled($id), qr/^uncertain\|\|It changes order $uuid, and so may have a change that was given up while uncertain\.$/,
        'a change after one that was given up, and looks alike, stays uncertain');
    give_up($id);
}
{
    my ($reference, $uuid) = accepted(sale(40));
    my $id   = lost_change($reference, 1, 11, sale(80), 'callback.callbackUrl' => 'https://shop.example/fpgo/{submission}');
    my ($path) = ($gateway->ledger($reference))[1]{body}{callback}{callbackUrl} =~ m{\Ahttps://shop\.example(/.+)\z};
    my $now = time;
    my $sum = sha256_hex("ODR42SENT$now$secret");
    is(administer($admin, "SELECT outcome, submission FROM fpgo.receive_callback('$path?orderUuid=ODR42&status=SENT&timestamp=$now&checksum=$sum')"),
        "recorded|$id", 'a callback to the address of a change names another order');
    is(reconciled($id), "uncertain||It changes order $uuid, and a callback to its own address named order ODR42.", '... the change stays uncertain');
    give_up($id);
}
{
    # the accepted version's order is in the list: no evidence of anything
    my ($reference, $uuid) = accepted(sale(40));
    my $id = lost_change($reference, 0, 10, sale(40), customerReference => 'another');
    like(reconciled($id), $unseen, 'that the gateway has the order as it was is no evidence');
    give_up($id);
}

# --- what hinders the record that it is sent ------------------------------------------------

# Hands a change in, and does something while the gateway is asked; then undoes that.
sub hinder {
    my ($name, $do, $undo) = @_;
    my ($reference) = accepted();
    my $n = $gateway->requests->{routes}{status} // 0;
    hand_in($reference, 11);
    my $id = newest($reference, 'submission');
    $gateway->misbehave({ route => 'status', delay => 1 });
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for_request('status', $n);
    $do->($id);
    sleep 2;
    $undo->($id);
    my $ended = finish_in($session);
    is(received($reference), 'create 10', "$name: nothing is sent");
    is(states($reference), 'accepted queued', '... the change is queued again');
    like(newest($reference, 'last_error'), qr/so (?:it|the order) was not sent\.$/, '... with the reason');
    is(attempt($reference, 'outcome'), 'unreached', '... which the attempt has, too');
    deliver();
    is(received($reference), 'create 10 change 11', '... and is sent later');
    return $ended;
}

my $locker = open_session($node);
hinder('the row is locked', sub { run_in($locker, "BEGIN; SELECT FROM fpgo_internal.submission WHERE id = $_[0] FOR UPDATE") },
    sub { run_in($locker, 'ROLLBACK') });
hinder('the table is locked', sub { run_in($locker, 'BEGIN; LOCK TABLE fpgo_internal.attempt IN EXCLUSIVE MODE') },
    sub { run_in($locker, 'ROLLBACK') });
{
    my $standby = PostgreSQL::Test::Cluster->new('standby');
    $node->backup('for_standby');
    $standby->init_from_backup($node, 'for_standby', has_streaming => 1);
    $standby->start;
    run_in($locker, 'SET synchronous_commit = local');
    my $require = sub {
        run_in($locker, $_[0]);
        run_in($locker, 'SELECT pg_reload_conf()');
    };
    $require->("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    wait_for('the standby to be required', sub { administer($admin, q{SELECT sync_state FROM pg_stat_replication}) eq 'sync' });
    my $pid = pid_of($session);
    hinder('the standby is gone', sub { $standby->stop('immediate') }, sub {
        wait_for('the commit to wait', sub { administer($admin, "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $pid") eq 't' });
        administer($admin, "SELECT pg_cancel_backend($pid)");
        wait_for('the delivery to end', sub { administer($admin, "SELECT state FROM pg_stat_activity WHERE pid = $pid") eq 'idle' });
        $require->('ALTER SYSTEM RESET synchronous_standby_names');
    });
}
$locker->quit;

# --- the resident worker ---------------------------------------------------------------------

{
    my $resident = new_resident_cluster('resident', url => $gateway->address);
    my ($before_admin, $before_session) = ($admin, $session);
    ($admin, $session) = map { open_session($resident) } 1 .. 2;
    my $worker = wait_for_worker($admin);
    my $reference = 'W-1';
    my $settled = sub {
        my ($states) = @_;
        wait_for("the states $states", sub { states($reference) eq $states });
        return;
    };
    hand_in($reference, 10);
    $settled->('accepted');
    hand_in($reference, 11);
    $settled->('accepted accepted');
    is(received($reference), 'create 10 change 11', 'the resident worker: a change is sent');
    my $n = $gateway->requests->{routes}{status};
    $gateway->misbehave({ route => 'status', delay => 5 });
    hand_in($reference, 12);
    wait_for_request('status', $n);
    administer($admin, "SELECT pg_terminate_backend($worker)");
    $settled->('accepted accepted accepted');
    is(received($reference), 'create 10 change 11 change 12', '... terminated while it asks: sent once, by the next one');
    is(administer($admin, "SELECT string_agg(outcome, ' ' ORDER BY number) FROM fpgo.attempts WHERE submission = " . newest($reference, 'submission')),
        'unreached accepted', '... in a second attempt');
    check_records($resident, $gateway, name => 'the resident worker: the records agree with the ledger', elsewhere => qr/^(?!W-)/,
        committed => [$reference]);
    check_log($resident);
    $_->quit for $admin, $session;
    $resident->stop;
    ($admin, $session) = ($before_admin, $before_session);
}

# from here on processes are killed
check_log($node);

# --- processes that end -----------------------------------------------------------------

# A delivery of a change that ends while that request is under way; then another one.
for my $case (
    [ 'cancelled',  'status', 'pg_cancel_backend',    'accepted queued' ],
    [ 'terminated', 'status', 'pg_terminate_backend', 'accepted queued' ],
    [ 'killed',     'status', undef,                  'accepted queued' ],
    [ 'killed',     'submit', undef,                  'accepted uncertain' ],
) {
    my ($how, $route, $function, $states) = @$case;
    my $pid = pid_of($session);
    my ($reference, $uuid) = accepted();
    my $name = "$how while " . ($route eq 'status' ? 'it asks' : 'it sends');
    my $n    = $gateway->requests->{routes}{$route} // 0;
    # the reason of a crash is logged with the statement that was run last
    hand_in($reference, 11);
    $gateway->misbehave({ route => $route, delay => 2 });
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for_request($route, $n);
    is(attempt($reference, 'outcome'), $route eq 'status' ? 'asking' : '', "$name: the attempt says how far it is");
    if (defined $function) {
        administer($admin, "SELECT $function($pid)");
        finish_in($session);
    }
    else {
        my $life = administer($admin, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
        kill 'KILL', $pid;
        finish_in($session);
        wait_for('the cluster to restart', sub {
            my ($status, $now) = eval { $node->psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'}) };
            return ($status // 1) == 0 && $now ne $life;
        });
    }
    if ($how ne 'cancelled') {
        eval { $_->quit } for $admin, $session;
        open_sessions();
    }
    # the first delivery after a crash finds out what became of it
    my $paused = administer($admin, "SELECT state FROM fpgo_internal.submission WHERE reference = '$reference' ORDER BY version DESC LIMIT 1");
    is($paused, defined $function ? 'queued' : 'sending', "$name: the record");
    is(administer($admin, 'SELECT count(*) FROM fpgo.reconcile() WHERE submission = ' . newest($reference, 'submission')),
        $route eq 'status' ? 0 : 1, "$name: is there a doubt?");
    deliver();
    is(received($reference), 'create 10 change 11', "$name: the change was sent once");
    is(states($reference), $route eq 'status' ? 'accepted accepted' : $states, "$name: what it has come to");
    is(administer($admin, "SELECT string_agg(outcome, ' ' ORDER BY number) FROM fpgo.attempts WHERE submission = "
            . newest($reference, 'submission')), $route eq 'status' ? 'unreached accepted' : 'unknown', '... by its attempts');
}

check_records($node, $gateway, committed => \@references, elsewhere => qr/^W-/);
done_testing();
