# Uncertain submissions: whose order it might be instead, who is kept waiting
# while the gateway is asked, and answers that cannot be read.

use strict;
use warnings;

use FpgoChecker;
use FpgoTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address);
administer($node, qq{
    CREATE SERVER twin FOREIGN DATA WRAPPER fpgo OPTIONS (url '@{[ $gateway->address ]}');
    CREATE USER MAPPING FOR PUBLIC SERVER twin OPTIONS (token '$TOKEN')});
my ($session, $other) = map { open_session($node) } 1 .. 2;
my @committed;
my $date = time;

# uncertain(%changes): submit an order whose answer is lost; returns the submission.
# arrives => 0: the gateway does not make it.
sub uncertain {
    my (%changes) = @_;
    my $arrives = delete $changes{arrives} // 1;
    my ($order, $reference) = new_order(orderDate => '' . $date++, %changes);
    $gateway->misbehave($arrives ? { close_after_request => \1 } : { status => 503 });
    release_holds($node);
    is(submit($session, $order)->{sqlstate}, '38F01', 'an answer is lost');
    push @committed, $reference;
    my $id = administer($node, "SELECT max(submission) FROM fpgo.submissions WHERE reference = '$reference'");
    my ($made) = map { $_->{order_uuid} } grep { $_->{made} } $gateway->ledger($reference);
    return { id => $id, order => $order, reference => $reference, uuid => $made };
}

# finds($name, $submission, $state, $detail): what comes of looking for it.
sub finds {
    my ($name, $submission, $state, $detail) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $found = run_in($session, "SELECT state, detail FROM fpgo.reconcile($submission->{id})");
    ends("$name: looked for", $found, '');
    return like($found->{rows}, qr/^$state\|$detail/, "$name: $state");
}

sub give_up {
    administer($node, "SELECT fpgo.resolve($_->{id}, 'cancelled', 'not there')") for @_;
    return;
}

# What the gateway has of an order, but the changes to its customer.
sub details_of {
    my ($submission, %customer) = @_;
    my $content = decode_json($submission->{order});
    my $summary = $content->{orderSummary};
    return { orderUuid => $submission->{uuid}, status => 'SENT', orderDate => $content->{orderDate},
        productList => $content->{products}, customerDetails => { %{ $content->{customerDetails} }, %customer },
        orderSummary => { subTotal => $summary->{subTotal}, tax => $summary->{totalTax},
            discount => $summary->{totalDiscount}, grandTotal => $summary->{grandTotal} } };
}

# --- transactions that see the past ------------------------------------------------------

{
    my $lost = uncertain(arrives => 0);
    for my $level ('REPEATABLE READ', 'SERIALIZABLE') {
        run_in($session, "BEGIN ISOLATION LEVEL $level");
        run_in($session, 'SELECT count(*) FROM fpgo.submissions');
        my ($twin, $reference) = new_order(orderDate => decode_json($lost->{order})->{orderDate});
        push @committed, $reference;
        is(submit($other, $twin)->{sqlstate}, '', 'a twin is accepted meanwhile');
        ends($level, run_in($session, "SELECT state FROM fpgo.reconcile($lost->{id})"), '25001');
        run_in($session, 'ROLLBACK');
    }
    finds('as it is now', $lost, 'uncertain', 'The gateway shows no order that is like it');
    give_up($lost);
}

# --- whose it might be -------------------------------------------------------------------

{
    # two of one household, and a gateway that does not show personal numbers
    my $when = '' . $date++;
    my $lost = uncertain(orderDate => $when, 'customerDetails.personalNumber' => '28038712383', arrives => 0);
    my $here = uncertain(orderDate => $when);
    $gateway->misbehave({ route => 'details', requests => 4, json => { status_code => 200, data => details_of($here, personalNumber => undef) } });
    finds('who shares e-mail and phone with another', $_, 'uncertain', 'Order ODR\w+ is like it, and like other submissions') for $lost, $here;
    $gateway->behave;
    administer($node, 'DELETE FROM fpgo_internal.sighting');
    give_up($lost);
    finds('the other', $here, 'accepted', '');
}
{
    # a corrected order under the same reference
    my $first = uncertain();
    give_up($first);
    my ($again) = new_order(referenceNo => $first->{reference}, orderDate => decode_json($first->{order})->{orderDate},
        'customerDetails.address.street' => 'Another street 1');
    $gateway->misbehave({ status => 503 });
    release_holds($node);
    is(submit($session, $again)->{sqlstate}, '38F01', 'handed in anew, with another address');
    my $second = { id => administer($node, "SELECT max(submission) FROM fpgo.submissions WHERE reference = '$first->{reference}'") };
    finds('which of them arrived', $second, 'uncertain', 'Order ODR\w+ is like it, and like other submissions');
    give_up($second);
}
{
    # another whose payload is gone could be any
    my $here = uncertain();
    my $bare = uncertain(arrives => 0);
    administer($node, "DELETE FROM fpgo_internal.payload WHERE submission = $bare->{id}");
    finds('beside one without payload', $here, 'uncertain', 'Order ODR\w+ is like it, and like other submissions');
    give_up($bare);
    finds('once that is decided', $here, 'accepted', '');
}
{
    my $here = uncertain();
    my $held = submit($other, (new_order(orderDate => decode_json($here->{order})->{orderDate}))[0]);
    push @committed, administer($node, "SELECT reference FROM fpgo.submissions WHERE order_uuid = '$held->{order_uuid}'");
    administer($node, qq{
        UPDATE fpgo_internal.submission SET server = 'twin' WHERE order_uuid = '$held->{order_uuid}';
        INSERT INTO fpgo_internal.callback (server, checksum, order_uuid, status, is_stale, submission)
        VALUES ('frontpayment', 'x', '$held->{order_uuid}', 'SENT', false, $here->{id})});
    finds('an order that a submission to another server has', $here, 'uncertain', 'Order ODR\w+ is another submission\'s');
    administer($node, "UPDATE fpgo_internal.submission SET server = 'frontpayment' WHERE server = 'twin';
        DELETE FROM fpgo_internal.callback");
    finds('not named', $here, 'accepted', '');
}

# --- who is kept waiting -----------------------------------------------------------------

{
    my $here  = uncertain();
    my $late  = uncertain(arrives => 0);
    my $lists = $gateway->requests->{routes}{list} // 0;
    administer($node, "UPDATE fpgo_internal.submission SET server = 'twin' WHERE id = $late->{id}");
    # what a process that is gone left behind
    my $dead = uncertain(arrives => 0);
    administer($node, "UPDATE fpgo_internal.submission SET state = 'sending', run = 17, settled_at = NULL WHERE id = $dead->{id}");
    # the list of the second server, "twin", never comes
    $gateway->misbehave({ route => 'list', delay => 0 }, { route => 'list', stall => 12 });
    begin_in($session, 'SELECT submission, state FROM fpgo.reconcile() ORDER BY submission');
    wait_for('the second list to be asked for', sub { ($gateway->requests->{routes}{list} // 0) - $lists == 2 });
    my $again = submit($other, $here->{order});
    ends('an order that was found', $again, '38F01');
    cmp_ok($again->{seconds}, '<', 8, 'whoever submits it again does not wait for the gateway');
    ends('one of a process that is gone', run_in($other, "SELECT fpgo.resolve($late->{id}, 'cancelled', 'not there')"), '');
    $again = submit($other, $dead->{order});
    ends('nor what was left behind', $again, '38F01');
    cmp_ok($again->{seconds}, '<', 8, 'is waited for');
    ok(!has_ended($session), 'while the gateway is still asked');
    is(finish_in($session)->{rows}, "$here->{id}|accepted\n$late->{id}|uncertain\n$dead->{id}|uncertain", 'what was found is accepted in the end');
    $gateway->behave;
    give_up($dead);
}

{
    # nor does a server keep others from being found
    my $stuck = uncertain();
    my $here  = uncertain();
    administer($node, qq{
        CREATE SERVER a_broken_one FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://127.0.0.1:1/api/v1', ca_file '/nowhere.pem');
        CREATE USER MAPPING FOR PUBLIC SERVER a_broken_one OPTIONS (token '$TOKEN');
        UPDATE fpgo_internal.submission SET server = 'a_broken_one' WHERE id = $stuck->{id}});
    like(run_in($session, 'SELECT submission, state, detail FROM fpgo.reconcile() ORDER BY submission')->{rows},
        qr/^$stuck->{id}\|uncertain\|The gateway could not be asked.*\n$here->{id}\|accepted/, 'beside a server that is badly set up');
    administer($node, "UPDATE fpgo_internal.submission SET server = 'frontpayment' WHERE id = $stuck->{id}");
    finds('once that is mended', $stuck, 'accepted', '');
}

# --- answers that cannot be read ------------------------------------------------------------

for my $case (
    [ 'bytes that are no UTF-8',        "\xff" ],
    [ 'a character that no text has',   '\u0000' ],
    [ 'a number beyond all limits',     '", "number": 1e999999, "x": "' ],
  ) {
    my ($name, $text) = @$case;
    my $here = uncertain();
    my $body = qq({"status_code": 200, "data": {"orderUuid": "ODRodd", "status": "$text"}});
    $gateway->misbehave(
        { route => 'list', json => { status_code => 200, data => [ map { { uuid => $_, status => 'SENT' } } "ODRodd$here->{id}", $here->{uuid} ] } },
        { route => 'details', raw => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " . length($body) . "\r\n\r\n$body" });
    finds("beside an order of others with $name", $here, 'accepted', '');
    $gateway->behave;
}
{
    # an order that the gateway itself stumbles over keeps others from being found only while it could be theirs
    my $here = uncertain();
    my @list = ({ route => 'list', json => { status_code => 200, data => [ map { { uuid => $_, status => 'SENT' } } 'ODRbroken', $here->{uuid} ] } },
        { route => 'details', requests => 3, status => 510 });
    $gateway->misbehave(@list);
    finds('beside an order that is not shown', $here, 'uncertain', 'The gateway could not be asked.  It answered HTTP status 510');
    my $next = uncertain();
    push @{ $list[0]{json}{data} }, { uuid => $next->{uuid}, status => 'SENT' };
    $gateway->misbehave($list[0], { route => 'details', delay => 0 }, $list[1]);
    finds('beside one that was there before', $next, 'accepted', '');
    $gateway->behave;
    give_up($here);
}
{
    # a database whose encoding lacks some letters
    $node->safe_psql('postgres', q{CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
    install_in($node, 'latin1', url => $gateway->address);
    my $latin1 = open_session($node, database => 'latin1');
    run_in($latin1, q{SET client_encoding = 'UTF8'});
    for my $name ('Kari S\u00f8rensen', 'Kari S\u0142awa', "Kari S\xc5\x82awa") {
        my $escaped = $name =~ s/[^ -~]/?/gr;
        my ($order, $reference) = new_order(orderDate => '' . $date++);
        $gateway->misbehave({ close_after_request => \1 });
        release_holds($latin1);
        is(submit($latin1, $order)->{sqlstate}, '38F01', 'an answer is lost');
        push @committed, $reference;
        my ($made) = map { $_->{order_uuid} } $gateway->ledger($reference);
        my $body = qq({"status_code": 200, "data": {"orderUuid": "ODRlatin", "customerDetails": {"name": "$name"}}});
        $gateway->misbehave(
            { route => 'list', json => { status_code => 200, data => [ map { { uuid => $_, status => 'SENT' } } "ODRlatin$reference", $made ] } },
            { route => 'details', raw => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " . length($body) . "\r\n\r\n$body" });
        is(run_in($latin1, 'SELECT state FROM fpgo.reconcile()')->{rows}, 'accepted', "beside a customer named $escaped, in LATIN1");
        $gateway->behave;
    }
    my $uuid = ($gateway->ledger($committed[-1]))[0]{order_uuid};
    $gateway->misbehave({ route => 'details', json => { status_code => 200, data => { orderUuid => $uuid, customerDetails => { name => "S\x{142}awa" } } } });
    ends('an answer that a database cannot hold', run_in($latin1, "SELECT fpgo.fetch_details('$uuid')"), '22P05',
        qr/answer of server "frontpayment" cannot be read/);
}
check_records($node, $gateway, name => 'the records agree with the ledger', committed => \@committed, databases => [ 'postgres', 'latin1' ]);
check_log($node);
done_testing();
