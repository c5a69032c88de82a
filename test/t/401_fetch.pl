# Asking the gateway about orders: what it says, what is kept of that, and what
# becomes of answers that are late, odd or none.

use strict;
use warnings;

use FpgoChecker;
use FpgoReadme;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address);
my $session = open_session($node);
administer($node, q{
    CREATE ROLE shop LOGIN;
    CREATE ROLE other LOGIN;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO shop, other});
my $shop = open_session($node, user => 'shop');

my ($order, $reference) = new_order();
my $uuid = submit($shop, $order)->{order_uuid};
my ($corporate, $corporate_reference) = new_order(
    'customerDetails.type' => 'corporate', 'customerDetails.organizationId' => '987654321');
my $invoiced = submit($shop, $corporate)->{order_uuid};
my $creates  = scalar $gateway->ledger;

# says($name, $sql, $rows): what a question comes to, of the shop.
sub says {
    my ($name, $sql, $rows) = @_;
    my $ended = ends($name, run_in($shop, $sql), '');
    is($ended->{rows}, $rows, "$name: says so");
    return;
}

# --- status ------------------------------------------------------------------------

says('a status', "SELECT * FROM fpgo.fetch_status('$uuid')", "$uuid|SENT|40|0");
$gateway->change_status($uuid, 'Paid');
says('another status', "SELECT status FROM fpgo.fetch_status('$uuid')", 'Paid');
$gateway->change_status($uuid, 'PAID');
says('the same in another case', "SELECT status FROM fpgo.fetch_status('$uuid')", 'PAID');
says('what is kept of it', 'SELECT gateway_status, gateway_status_at > now() - interval \'1 minute\', order_amount, refunded_amount'
    . " FROM fpgo.submissions WHERE reference = '$reference'", 'PAID|t|40|0');
says('its history', "SELECT string_agg(status, ' ' ORDER BY at) FROM fpgo.status_history WHERE order_uuid = '$uuid' AND is_confirmed",
    'SENT Paid');
$gateway->misbehave({ route => 'status', json => { status_code => 200, is_data => \1, data => { uuid => $uuid, status => 'SENT' } } });
says('a status without amounts', "SELECT * FROM fpgo.fetch_status('$uuid')", "$uuid|SENT||");
says('the amounts are kept', "SELECT order_amount FROM fpgo.submissions WHERE reference = '$reference'", '40');
says('no such order', "SELECT * FROM fpgo.fetch_status('ODR1')", '');
$gateway->misbehave({ route => 'status', status => 404, json => { status_code => 404, message => 'orderNotFound', is_error => \0, errors => undef } });
says('no such order, in the other shape', "SELECT * FROM fpgo.fetch_status('ODR1')", '');
is(administer($node, q{SELECT count(*) FROM fpgo_internal.gateway_order WHERE order_uuid = 'ODR1'}), '0',
    'nothing is kept of orders that nobody here submitted');

# --- invoice number ------------------------------------------------------------------

says('no number yet', q{SELECT fpgo.fetch_invoice_number('ODR1') IS NULL}, 't');
my $number = run_in($shop, "SELECT fpgo.fetch_invoice_number('$invoiced')")->{rows};
like($number, qr/^\d{8}$/, 'an invoice number');
says('what is kept of it', "SELECT invoice_number FROM fpgo.submissions WHERE reference = '$corporate_reference'", $number);

$gateway->misbehave({ route => 'invoice-number', json => { status_code => 200, is_data => \0, data => undef } });
says('a number that is null', "SELECT fpgo.fetch_invoice_number('$invoiced') IS NULL", 't');

# --- the list ------------------------------------------------------------------------

my $both = join "\n", sort "$uuid|PAID||", "$invoiced|INVOICED||";
says('all orders', 'SELECT * FROM fpgo.fetch_orders() ORDER BY 1', $both);
says('orders with a status', "SELECT order_uuid FROM fpgo.fetch_orders('invoiced')", $invoiced);
says('a status with a space, and none that has it', "SELECT * FROM fpgo.fetch_orders('Partial Refunded')", '');
like($gateway->requests->{last}[-1]{target}, qr/\?type=Partial%20Refunded\z/, 'it is escaped');
says('what is kept of them', "SELECT string_agg(gateway_status, ' ' ORDER BY reference = '$reference') FROM fpgo.submissions",
    'INVOICED PAID');
$gateway->misbehave({ route => 'list', json => { status_code => 200, is_data => \1,
    data => [ { uuid => $uuid, status => undef }, { uuid => $invoiced, status => 'INVOICED' } ] } });
says('a list that leaves a status out', 'SELECT order_uuid, status FROM fpgo.fetch_orders() ORDER BY status', "$invoiced|INVOICED\n$uuid|");
says('which is no news', "SELECT string_agg(gateway_status, ' ' ORDER BY reference = '$reference') FROM fpgo.submissions",
    'INVOICED PAID');
$gateway->misbehave({ route => 'list', json => { status_code => 200, is_data => \1, data => [ { status => 'PAID' } ] } });
ends('a list that leaves an order out', run_in($shop, 'SELECT * FROM fpgo.fetch_orders()'), '38F02');
my @many = map { { uuid => "ODR$_", status => 'PAID' } } 1 .. 20_000;
$gateway->misbehave({ route => 'list', json => { status_code => 200, is_data => \1, data => \@many } });
says('a long list', 'SELECT count(*) FROM fpgo.fetch_orders()', '20000');

# PHP writes a list with gaps as an object, and an empty one now and then as null
$gateway->misbehave({ route => 'list', json => { status_code => 200, is_data => \1,
    data => { 0 => { uuid => $uuid, status => 'PAID' }, 2 => { uuid => $invoiced, status => 'INVOICED' } } } });
says('a list with gaps', 'SELECT order_uuid FROM fpgo.fetch_orders() ORDER BY 1', join "\n", sort $uuid, $invoiced);
for my $empty (undef, {}) {
    $gateway->misbehave({ route => 'list', json => { status_code => 200, is_data => \0, data => $empty } });
    says('a list without orders', 'SELECT * FROM fpgo.fetch_orders()', '');
}
$gateway->misbehave({ route => 'list', json => { status_code => 200, is_data => \1, data => { uuid => $uuid, status => 'PAID' } } });
ends('an order in place of a list', run_in($shop, 'SELECT * FROM fpgo.fetch_orders()'), '38F02');

# --- details -------------------------------------------------------------------------

says('details', "SELECT d ->> 'orderUuid', d #>> '{customerDetails,personalNumber}', d #>> '{productList,0,name}' IS NOT NULL"
    . " FROM fpgo.fetch_details('$uuid') d", "$uuid|$PERSONAL_NUMBER|t");
$gateway->misbehave({ route => 'details', json => { status_code => 200, is_data => \0, data => undef } });
says('details that are null', "SELECT fpgo.fetch_details('$uuid') IS NULL", 't');
my $other = open_session($node, user => 'other');
ends('details of an order of others', run_in($other, "SELECT fpgo.fetch_details('$uuid')"), '42501');
ends('its status', run_in($other, "SELECT fpgo.fetch_status('$uuid')"), '');
administer($node, 'GRANT EXECUTE ON FUNCTION fpgo.resolve TO other');
is(run_in($other, "SELECT fpgo.fetch_details('$uuid') ->> 'orderUuid'")->{rows}, $uuid, 'an operator sees its details');
is(run_in($other, "SELECT fpgo.fetch_details('ODR1') IS NULL")->{rows}, 't', 'and none of an order that is not');

# --- the report of src/doc/shops.md -------------------------------------------------------

my ($report) = readme_sql('Asking the gateway', 'src/doc/shops.md');
administer($node, q{UPDATE fpgo_internal.submission SET settled_at = now() - interval '3 days', created_at = now() - interval '3 days'});
administer($node, q{UPDATE fpgo_internal.status_change SET at = now() - interval '12 hours' WHERE upper(status) = 'PAID'});
$report =~ s/;\s*\z//;
says('invoices by month', "SELECT sum(invoices), sum(paid), max(days_to_payment), sum(refunded) FROM ($report) r", '2|1|2.5|0');

# --- a transaction of the caller's ------------------------------------------------------

run_in($shop, 'BEGIN READ ONLY');
says('in a read-only transaction', "SELECT status FROM fpgo.fetch_status('$uuid')", 'PAID');
run_in($shop, 'ROLLBACK');
$gateway->change_status($uuid, 'REFUNDED');
run_in($shop, 'BEGIN');
says('in a transaction', "SELECT status FROM fpgo.fetch_status('$uuid')", 'REFUNDED');
run_in($shop, 'ROLLBACK');
says('that is rolled back', "SELECT gateway_status FROM fpgo.submissions WHERE reference = '$reference'", 'PAID');

# --- what goes wrong -----------------------------------------------------------------

# [ what, misbehaviour of a request for a status, SQLSTATE, requests it takes ]
my @faults = (
    [ 'one failure',               [ { status => 503 } ],                     '',      2 ],
    [ 'one connection that dies',  [ { close_after_request => \1 } ],         '',      2 ],
    [ 'failures to the end',       [ { requests => 3, status => 502 } ],      '38F02', 3 ],
    [ 'no HTTP',                   [ { requests => 3, garbage => 1 } ],       '38F02', 3 ],
    [ 'no JSON',                   [ { html => \1, status => 200 } ],         '38F02', 1 ],
    [ 'a page instead of a 404',   [ { html => \1, status => 404 } ],         '38F02', 1 ],
    [ 'a redirect',                [ { redirect => 'http://127.0.0.1:1/' } ], '38F02', 1 ],
    [ 'refused credentials',       [ { status => 401 } ],                     '38F03', 1 ],
    [ 'asked to wait a moment',    [ { status => 429, headers => { 'Retry-After' => '1' } } ],  '',      2 ],
    [ 'asked to wait for long',    [ { status => 429, headers => { 'Retry-After' => '60' } } ], '38F04', 1 ],
    [ 'an answer about another order',
        [ { json => { status_code => 200, is_data => \1, data => { uuid => 'ODR7', status => 'PAID' } } } ], '38F02', 1 ],
    [ 'an answer without data',      [ { json => { status_code => 200, is_data => \0, data => undef } } ], '', 1 ],
    [ 'an answer that says nothing', [ { json => { status_code => 200, is_data => \1, data => {} } } ], '38F02', 1 ],
    [ 'an answer that is a list',    [ { json => { status_code => 200, is_data => \1, data => [] } } ], '38F02', 1 ],
    [ 'a status that is an object',
        [ { json => { status_code => 200, is_data => \1, data => { uuid => $uuid, status => {} } } } ], '',      1 ],
    [ 'a byte order mark before it',
        [ { body => qq(\x{feff}{"status_code":200,"is_data":true,"data":{"uuid":"$uuid","status":"SENT"}}) } ], '', 1 ],
    [ 'two byte order marks before it',
        [ { body => qq(\x{feff}\x{feff}{"status_code":200,"is_data":true,"data":{"uuid":"$uuid"}}) } ], '38F02', 1 ],
    [ 'deeply nested JSON beside it', [ { deep => 5_000 } ],                 '',      1 ],
    [ 'a text that is not UTF-8',  [ { invalid_utf8 => \1 } ],                '38F02', 1 ],
    [ 'an answer beyond all bounds', [ { requests => 3, body_size => 10_000_000 } ], '38F02', 3 ]);
for my $case (@faults) {
    my ($name, $wishes, $sqlstate, $n_requests) = @$case;
    my $before = $gateway->requests->{routes}{status};
    $gateway->misbehave(map { { route => 'status', %$_ } } @$wishes);
    ends($name, run_in($shop, "SELECT status FROM fpgo.fetch_status('$uuid')"), $sqlstate);
    is($gateway->requests->{routes}{status} - $before, $n_requests, "$name: $n_requests requests");
    $gateway->behave;
}

# what the gateway says of it, and when it wants to be asked again
$gateway->misbehave({ route => 'list', status => 417, errors => ["The type is not valid, $PERSONAL_NUMBER.", "See $TOKEN."] });
my $refused = ends('a question that is refused', run_in($shop, q{SELECT * FROM fpgo.fetch_orders('Payd')}), '38F02');
is($refused->{detail}, "It answered HTTP status 417.\nThe type is not valid, ***********.\nSee ***********.\n",
    'it says what the gateway says');
$gateway->misbehave({ route => 'status', status => 503, headers => { 'Retry-After' => '42' } });
my $busy = ends('a gateway that is busy', run_in($shop, "SELECT fpgo.fetch_status('$uuid')"), '38F02');
is($busy->{hint}, "Ask again in 42 seconds.\n", 'it says when to ask again');

administer($node, q{
    CREATE SERVER wary FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://127.0.0.1:1/api/v1', ca_file '/no/such/file');
    CREATE USER MAPPING FOR PUBLIC SERVER wary OPTIONS (token 'any')});
ends('certificates that are not there', run_in($session, q{SELECT fpgo.fetch_status('ODR1', server => 'wary')}), '38F02',
    qr/trusted certificates could not be read.*HINT: .*apt-get install ca-certificates/s);

$gateway->misbehave({ route => 'status', stall => \1 });
run_in($shop, q{SET statement_timeout = '300ms'});
my $cut_short = ends('a question cut short', run_in($shop, "SELECT fpgo.fetch_status('$uuid')"), '57014');
run_in($shop, 'RESET statement_timeout');
says('the next one', "SELECT status FROM fpgo.fetch_status('$uuid')", 'REFUNDED');

is(scalar $gateway->ledger, $creates, 'no question made an order');
$_->quit for $shop, $other, $session;
check_log($node);
check_records($node, $gateway, committed => [ $reference, $corporate_reference ]);
$node->stop;
$gateway->stop;
done_testing();
