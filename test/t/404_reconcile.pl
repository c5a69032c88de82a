# Uncertain submissions: what evidence shows to have arrived is accepted, the
# rest stays uncertain, and nothing is ever sent again.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FpgoChecker;
use FpgoTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $secret  = 'callback-s3cret';
my $node    = new_cluster('main', url => $gateway->address, mapping => "token '$TOKEN', callback_secret '$secret'");
administer($node, q{
    CREATE ROLE shop LOGIN;
    CREATE ROLE clerk LOGIN;
    GRANT EXECUTE ON FUNCTION fpgo.reconcile(bigint) TO clerk;
    GRANT EXECUTE ON FUNCTION fpgo.resolve TO clerk;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO shop});
new_database($node, 'elsewhere', url => $gateway->address);
my ($shop, $other) = map { open_session($node, user => 'shop') } 1 .. 2;
my $clerk = open_session($node, user => 'clerk');
my $admin = open_session($node);
my @committed;

# Orders of a shop have a second of their own; the date is one of their traits.
my $date = time;

# uncertain(%changes): submit an order whose answer is lost; returns the submission.
# The changes are those of order; arrives => 0: the gateway does not make it.
sub uncertain {
    my (%changes) = @_;
    my $arrives = delete $changes{arrives} // 1;
    my ($order, $reference) = new_order(orderDate => '' . $date++, %changes);
    $gateway->misbehave($arrives ? { close_after_request => \1 } : { status => 503 });
    release_holds($node);
    is(submit($shop, $order)->{sqlstate}, '38F01', 'an answer is lost');
    push @committed, $reference;
    my $id = administer($node, "SELECT max(submission) FROM fpgo.submissions WHERE reference = '$reference'");
    return { id => $id, order => $order, reference => $reference };
}

# The uuids of the orders that the gateway made of submissions.
sub made_of {
    my @made = map { $_->{order_uuid} } grep { $_->{made} } map { $gateway->ledger($_->{reference}) } @_;
    return sort @made;
}

# made_elsewhere($order): somebody else's order of the same account; returns its uuid.
my $elsewhere = open_session($node, database => 'elsewhere');
sub made_elsewhere { return submit($elsewhere, $_[0])->{order_uuid}; }

# finds($name, $submission, $detail): reconcile leaves it uncertain and says so.
# finds($name, $submission): it accepts it as the order that the gateway made of it.
sub finds {
    my ($name, $submission, $detail) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $found = run_in($clerk, "SELECT state, order_uuid, detail FROM fpgo.reconcile($submission->{id})");
    ends("$name: looked for", $found, '');
    my ($uuid) = made_of($submission);
    if (defined $detail) {
        like($found->{rows}, qr/^uncertain\|\|$detail/, "$name: stays uncertain");
    }
    else {
        like($found->{rows}, qr/^accepted\|\Q$uuid\E\|/, "$name: accepted");
    }
    is(administer($node, "SELECT state, order_uuid FROM fpgo.submissions WHERE submission = $submission->{id}"),
        defined $detail ? 'uncertain|' : "accepted|$uuid", "$name: on record");
    return;
}

# candidates($name, $submission, @rows): what comes near it.
sub candidates {
    my ($name, $submission, @rows) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(run_in($clerk, 'SELECT order_uuid, is_named, agrees, differs FROM fpgo.candidates'
            . " WHERE submission = $submission->{id} ORDER BY order_uuid")->{rows},
        join("\n", @rows), "$name: candidates");
    return;
}

my $ALL = '{amounts,products,date,customer}';

# --- one order, one submission ---------------------------------------------------------

is(run_in($clerk, 'SELECT count(*) FROM fpgo.reconcile()')->{rows}, '0', 'nothing is uncertain');
is_deeply($gateway->requests->{routes}, {}, 'so nobody is asked');
submit($shop, $_) for map { (new_order(orderDate => '' . $date++))[0] } 1 .. 3;

my $one = uncertain();
finds('one that arrived', $one);
is(administer($node, "SELECT customer_uuid ~ '^CSRT', last_error, gateway_status FROM fpgo.submissions WHERE submission = $one->{id}"),
    't||SENT', 'with its customer and its status');
is(administer($node, "SELECT role, what, reason FROM fpgo_internal.event WHERE submission = $one->{id}"),
    "clerk|uncertain to accepted|Of the gateway's orders that no other submission has, this one alone has its amounts, products, date and customer.",
    'and a reason');
is(administer($node, "SELECT count(*) FROM fpgo_internal.payload WHERE submission = $one->{id}"), '0', 'its payload is gone');
is(run_in($shop, "SELECT order_uuid FROM fpgo.invoice_session($one->{id})")->{rows}, (made_of($one))[0], 'its role has the answer');
is(submit($shop, $one->{order})->{order_uuid}, (made_of($one))[0], 'submitted again, it is the same order');
ends('once accepted', run_in($clerk, "SELECT * FROM fpgo.reconcile($one->{id})"), '55000');

my $lost = uncertain(arrives => 0);
finds('one that did not arrive', $lost, 'The gateway shows no order that is like it');
candidates('one that did not arrive', $lost);

# --- who else could be meant -------------------------------------------------------------

{
    my $when  = '' . $date++;
    my @twins = map { uncertain(orderDate => $when) } 1 .. 2;
    finds('a twin', $_, 'Orders of the gateway\'s that are like it: 2') for @twins;
    my @orders = made_of(@twins);
    candidates('a twin', $_, map { "$_|f|$ALL|{}" } @orders) for @twins;
    ends('one is decided about', run_in($clerk, "SELECT fpgo.resolve($twins[0]{id}, 'accepted', 'seen', order_uuid => '"
            . (made_of($twins[0]))[0] . "')"), '');
    finds('the other', $twins[1]);
}
{
    my $when = '' . $date++;
    my $here = uncertain(orderDate => $when);
    my $gone = uncertain(orderDate => $when, arrives => 0);
    finds('one of two, of which one arrived', $_, 'Order ODR\d+ is like it, and like other submissions') for $here, $gone;
    run_in($clerk, "SELECT fpgo.resolve($gone->{id}, 'cancelled', 'not there')");
    finds('the other given up', $here);
}
{
    # the same order under the same reference, given up while nobody knew
    my $first = uncertain(arrives => 0);
    ends('it is given up', run_in($clerk, "SELECT fpgo.resolve($first->{id}, 'cancelled', 'not there')"), '');
    $gateway->misbehave({ close_after_request => \1 });
    release_holds($node);
    is(submit($shop, $first->{order})->{sqlstate}, '38F01', 'and handed in anew');
    my $second = { %$first, id => administer($node, "SELECT max(submission) FROM fpgo.submissions WHERE reference = '$first->{reference}'") };
    finds('which of them arrived', $second, 'Order ODR\d+ is like it, and like other submissions');
    run_in($clerk, "SELECT fpgo.resolve($second->{id}, 'accepted', 'seen', order_uuid => '" . (made_of($second))[0] . "')");
}
{
    # in flight: the order in the list could be its own
    my $when = '' . $date++;
    my $here = uncertain(orderDate => $when);
    my ($order, $reference) = new_order(orderDate => $when);
    push @committed, $reference;
    $gateway->misbehave({ stall => 3, make => \0 });
    begin_submit($other, $order);
    wait_for('the other to be on its way', sub {
        administer($node, "SELECT count(*) FROM fpgo.submissions WHERE reference = '$reference' AND state = 'sending'") });
    finds('beside one in flight', $here, 'Order ODR\d+ is like it, and like other submissions');
    is(finish_in($other)->{sqlstate}, '38F01', 'which is uncertain then');
    administer($node, "SELECT fpgo.resolve(max(submission), 'cancelled', 'not there') FROM fpgo.submissions WHERE reference = '$reference'");
    finds('once that is decided', $here);
}

# --- orders that are not ours ----------------------------------------------------------------

{
    my %content = (orderDate => '' . $date++);
    my $uuid = made_elsewhere((new_order(%content))[0]);
    finds('an order made before, by somebody else, is seen', $lost, 'The gateway shows no order that is like it');
    my $mine = uncertain(%content, arrives => 0);
    finds('it is not ours, whatever it looks like', $mine, 'The gateway shows no order that is like it');
    candidates('nor near it', $mine);
    $uuid = made_elsewhere((new_order(%content, 'customerDetails.personalNumber' => '28038712383'))[0]);
    finds('another customer\'s', $mine, 'The gateway shows no order that is like it');
    candidates('but near', $mine, "$uuid|f|{amounts,products,date}|{customer}");
    run_in($clerk, "SELECT fpgo.resolve($mine->{id}, 'cancelled', 'not there')");
    candidates('once it is decided', $mine);
}
{
    # an attempt that certainly did not arrive made no order
    my ($order, $reference) = new_order(orderDate => '' . $date++);
    run_in($shop, enqueue_sql($order));
    push @committed, $reference;
    $gateway->misbehave({ status => 429 });
    run_in($admin, 'CALL fpgo.deliver()');
    made_elsewhere($order);
    finds('somebody else makes the same order meanwhile', $lost, 'The gateway shows no order that is like it');
    administer($node, 'UPDATE fpgo_internal.submission SET not_before = NULL WHERE state = \'queued\'');
    forget_slow_down($node);
    release_holds($node);
    $gateway->misbehave({ status => 503 });
    release_holds($node);
    run_in($admin, 'CALL fpgo.deliver()');
    my $mine = { id => administer($node, "SELECT submission FROM fpgo.submissions WHERE reference = '$reference'"), reference => $reference };
    finds('what was there before the attempt that may have arrived', $mine, 'The gateway shows no order that is like it');
    administer($node, "SELECT fpgo.resolve($mine->{id}, 'cancelled', 'not there')");
}

# --- a callback to its own address ---------------------------------------------------------------

# told($submission, $uuid[, $status]): the gateway calls the submission's own
# address about an order.
sub told {
    my ($submission, $uuid, $status) = @_;
    $status //= 'SENT';
    my ($sent)  = $gateway->ledger($submission->{reference});
    my ($path)  = $sent->{body}{callback}{callbackUrl} =~ m{\Ahttps://shop\.example(/.+)\z};
    my $now     = time;
    my $sum     = sha256_hex("$uuid$status$now$secret");
    return administer($node, "SELECT outcome, submission FROM fpgo.receive_callback("
        . "'$path?orderUuid=$uuid&status=$status&timestamp=$now&checksum=$sum')");
}

{
    # twins: the list cannot tell them apart, callbacks can
    my %content = (orderDate => '' . $date++, 'callback.callbackUrl' => 'https://shop.example/fpgo/{submission}');
    my @twins   = map { uncertain(%content) } 1 .. 2;
    my @uuids   = map { (made_of($_))[0] } @twins;
    is(told($twins[1], $uuids[1]), "recorded|$twins[1]{id}", 'a callback names its submission');
    candidates('named', $twins[1], sort "$uuids[1]|t|{}|{}");
    finds('named by a callback', $twins[1]);
    is(administer($node, "SELECT reason FROM fpgo_internal.event WHERE submission = $twins[1]{id}"),
        'A callback to its own address named this order, and the gateway has it.', 'with the reason');
    finds('the other of the twins', $twins[0]);

    my $wrong = uncertain(%content, orderDate => '' . $date++, 'orderSummary.grandTotal' => '41');
    my $third = uncertain(%content, orderDate => '' . $date++);
    told($wrong, (made_of($third))[0]);
    finds('named by a callback about an order that differs', $wrong, "The gateway's order ODR\\d+ differs in amounts, date\\.");
    told($wrong, (made_of($wrong))[0]);
    finds('named by several', $wrong, 'Callbacks to its own address named several orders');
    candidates('named by several', $wrong, sort((made_of($third))[0] . '|t|{products,customer}|{amounts,date}', (made_of($wrong))[0] . '|t|{}|{}'));
    administer($node, "SELECT fpgo.resolve($wrong->{id}, 'accepted', 'seen', order_uuid => '" . (made_of($wrong))[0] . "')");
    told($third, (made_of($wrong))[0], 'PAID');
    finds('named by a callback about another\'s order', $third, "The gateway's order ODR\\d+ differs in amounts, date\\.");
    administer($node, "SELECT fpgo.resolve($third->{id}, 'accepted', 'seen', order_uuid => '" . (made_of($third))[0] . "')");

    my $when = '' . $date++;
    my ($here, $held) = map { uncertain(%content, orderDate => $when) } 1 .. 2;
    administer($node, "SELECT fpgo.resolve($held->{id}, 'accepted', 'seen', order_uuid => '" . (made_of($held))[0] . "')");
    told($here, (made_of($held))[0], 'PAID');
    finds('named by a callback about the order of a twin', $here, 'Order ODR\\d+ is another submission\'s');
    administer($node, "SELECT fpgo.resolve($here->{id}, 'accepted', 'seen', order_uuid => '" . (made_of($here))[0] . "')");

    my $none = uncertain(%content, orderDate => '' . $date++, arrives => 0);
    told($none, 'ODR42');
    finds('named by a callback about an order that is not there', $none, 'The gateway shows no order ODR42');
    administer($node, "SELECT fpgo.resolve($none->{id}, 'cancelled', 'not there')");
}

# --- changes of an order ----------------------------------------------------------------------

{
    my $order  = uncertain();
    finds('an order', $order);
    my $uuid   = (made_of($order))[0];
    my $change = uncertain(fpgoUuid => $uuid, orderFrom => 'PARTNER', 'customerDetails.address.street' => 'Another street 1');
    finds('a change of it', $change, "It changes order $uuid");
    administer($node, "SELECT fpgo.resolve($change->{id}, 'accepted', 'seen', order_uuid => '$uuid')");
}

# --- what the gateway may answer -----------------------------------------------------------------

my $here = uncertain();
for my $case (
    [ 'a list that fails',          [ { route => 'list', requests => 3, status => 502 } ], 'The gateway could not be asked.  It answered HTTP status 502' ],
    [ 'credentials refused',        [ { route => 'list', status => 401 } ],                'The gateway could not be asked.  It answered HTTP status 401' ],
    [ 'no list',                    [ { route => 'list', json => { status_code => 200, data => { uuid => 'ODR1' } } } ], 'The gateway\'s list of orders is malformed' ],
    [ 'a list of other things',     [ { route => 'list', json => { status_code => 200, data => [ 1, 'x' ] } } ],         'The gateway\'s list of orders is malformed' ],
    [ 'an identifier that is none', [ { route => 'list', json => { status_code => 200, data => [ { uuid => '../x', status => 'SENT' } ] } } ], 'The gateway\'s list of orders is malformed' ],
    [ 'an empty list',              [ { route => 'list', json => { status_code => 200, data => [] } } ],                 'The gateway shows no order that is like it' ],
    [ 'a list that comes as 404',   [ { route => 'list', status => 404, json => { status_code => 404, message => 'Order Not Found' } } ], 'The gateway shows no order that is like it' ],
    [ 'details that fail',          [ { route => 'details', requests => 3, status => 500 } ], 'The gateway could not be asked.  It answered HTTP status 500' ],
) {
    my ($name, $wishes, $detail) = @$case;
    $gateway->misbehave(@$wishes);
    finds($name, $here, $detail);
    $gateway->behave;
}
{
    # what says nothing decides nothing, and is looked at again once it changed
    my $uuid    = (made_of($here))[0];
    my $product = { name => 'Router', quantity => '1' };
    $gateway->misbehave({ route => 'details', json => { status_code => 200,
        data => { orderUuid => $uuid, productList => [$product], orderSummary => 'none', customerDetails => [] } } });
    finds('details that say little', $here, 'The gateway shows no order that is like it');
    finds('and are known',           $here, 'The gateway shows no order that is like it');
    $gateway->change_status($uuid, 'INVOICED');
    finds('until its status changes', $here);
}
{
    # other spellings of the same, and lines in another order
    my @lines = ({ name => 'Router', productId => 'A-1', quantity => 2, rate => 10, discount => 0, tax => 25, amount => 20 },
        { name => ' Cable', quantity => '1', rate => '20.00', tax => 0, amount => '20.0' });
    my $order = uncertain(products => \@lines, 'customerDetails.type' => 'corporate',
        'customerDetails.organizationId' => '987654321', 'customerDetails.email' => 'Kari@example.no');
    my $content = decode_json($order->{order});
    my ($summary, $customer) = @$content{qw(orderSummary customerDetails)};
    my %details = (orderUuid => (made_of($order))[0], status => 'INVOICED', orderDate => 0 + $content->{orderDate},
        productList => [ { name => 'Cable', productId => undef, quantity => 1, rate => 20, discount => '0.00', tax => '0', amount => 20 },
            { %{ $lines[0] }, rate => '10.0000', tax => '25.0' } ],
        orderSummary => { subTotal => "$summary->{subTotal}.00", tax => $summary->{totalTax}, discount => 0 + $summary->{totalDiscount},
            grandTotal => $summary->{grandTotal} });
    my $wish = sub { return { route => 'details', requests => 2, json => { status_code => 200, data => { %details, customerDetails => $_[0] } } } };
    $gateway->misbehave($wish->({ type => 'corporate', organizationId => '987654322' }));
    finds('another organisation\'s', $order, 'The gateway shows no order that is like it');
    administer($node, 'DELETE FROM fpgo_internal.sighting');
    $gateway->behave;
    $gateway->misbehave($wish->({ type => 'corporate', msisdn => $customer->{msisdn}, email => 'kari@EXAMPLE.no' }));
    finds('an order in other spellings, of a customer without number', $order);
}
{
    my $busy = uncertain();
    my $uuid = (made_of($busy))[0];
    my @list = ((map { { uuid => "ODR9$_", status => 'PAID' } } 1000 .. 2049), { uuid => $uuid, status => 'SENT' });
    my $wish = { route => 'list', json => { status_code => 200, data => \@list } };
    $gateway->misbehave($wish);
    finds('more orders than are looked at in one go', $busy, 'Orders of the gateway\'s that are still to be looked at: 51');
    $gateway->misbehave($wish);
    finds('the rest of them', $busy);
}

# --- who may, and when -------------------------------------------------------------------------

my $asked = uncertain();
ends('whoever may not', run_in($shop, 'SELECT * FROM fpgo.reconcile()'), '42501');
is(run_in($shop, 'SELECT count(*) FROM fpgo.candidates')->{rows}, '0', 'nor see candidates');
ends('one that does not exist', run_in($clerk, 'SELECT * FROM fpgo.reconcile(987654321)'), '42704');
run_in($clerk, 'BEGIN READ ONLY');
ends('in a read-only transaction', run_in($clerk, 'SELECT * FROM fpgo.reconcile()'), '25006');
run_in($clerk, 'ROLLBACK');
administer($node, 'REVOKE USAGE ON FOREIGN SERVER frontpayment FROM shop');
finds('whose role may use the server no more', $asked, 'The gateway could not be asked: permission denied for foreign server "frontpayment"');
administer($node, 'GRANT USAGE ON FOREIGN SERVER frontpayment TO shop');
run_in($clerk, 'BEGIN');
like(run_in($clerk, 'SELECT state FROM fpgo.reconcile() ORDER BY state LIMIT 1')->{rows}, qr/^accepted/, 'in a transaction');
ends('beside another', run_in($admin, 'SELECT * FROM fpgo.reconcile()'), '55P03');
run_in($clerk, 'ROLLBACK');
is(administer($node, "SELECT state FROM fpgo.submissions WHERE submission = $asked->{id}"), 'uncertain', 'that is rolled back');
is(run_in($admin, "SELECT string_agg(state, ' ' ORDER BY state) FROM fpgo.reconcile()")->{rows}, 'accepted uncertain', 'all at once');

# --- nothing was sent again, nothing personal is kept -----------------------------------------------

my $creates = scalar $gateway->ledger;
run_in($admin, 'CALL fpgo.deliver()');
is(scalar $gateway->ledger, $creates, 'nothing is left to be sent');
is(administer($node, "SELECT count(*) FROM fpgo_internal.sighting g WHERE g::text ~ '$PERSONAL_NUMBER|28038712383|[@]'"), '0',
    'no personal data of orders that are not ours');
is(administer($node, 'SELECT count(*) FROM fpgo_internal.likeness'), '1', 'likenesses of what is uncertain alone');
check_records($node, $gateway, name => 'the records agree with the ledger', committed => \@committed, databases => [ 'postgres', 'elsewhere' ]);
check_log($node);
done_testing();
