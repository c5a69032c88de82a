# Orders that change: of the versions of an order the newest committed one is sent,
# once; what was accepted is never sent again, and what changed since is told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use JSON::PP ();
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, options => q{timeout '10s'});
my $admin   = open_session($node);
my @session = map { open_session($node) } 1 .. 2;

administer($admin, <<'SQL');
SET client_min_messages = warning;
CREATE TABLE doc (body jsonb);
CREATE TABLE shop_order (id int PRIMARY KEY, maturity int NOT NULL, reference text, is_ready boolean NOT NULL DEFAULT true);
CREATE TABLE line (shop_order int NOT NULL REFERENCES shop_order, name text NOT NULL);
CREATE FUNCTION invoice_for(o shop_order) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN o.is_ready THEN d.body || jsonb_build_object('referenceNo', o.reference, 'invoiceMaturity', o.maturity,
        'products', (SELECT jsonb_agg(d.body #> '{products,0}' || jsonb_build_object('name', l.name) ORDER BY l.name)
            FROM (SELECT 'Router' UNION ALL SELECT l.name FROM line l WHERE l.shop_order = o.id) l (name))) END FROM doc d $$;
CREATE CONSTRAINT TRIGGER invoice AFTER INSERT OR UPDATE ON shop_order DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for');
SQL
administer($admin, 'INSERT INTO doc VALUES (' . literal(order(referenceNo => undef)) . ')');
run_in($_, 'SET fpgo.undelivered_notice = off') for @session;

my $next = 0;

# The states of the versions of a row, the first one first.
sub states {
    my ($id) = @_;
    return administer($admin, qq{SELECT string_agg(state, ' ' ORDER BY version) FROM fpgo.versions
        WHERE first_submission IN (SELECT first_submission FROM fpgo.versions WHERE reference LIKE 'V-$id.%')});
}

# What the view of orders says of a row.
sub shown {
    my ($id) = @_;
    return administer($admin, qq{SELECT string_agg(format('%s %s', state, changes_not_sent), ', ') FROM fpgo.submissions
        WHERE reference LIKE 'V-$id.%'});
}

# The maturities of the orders that the gateway received of a row.
sub received {
    my ($id) = @_;
    return join ' ', map { $_->{body}->{invoiceMaturity} } grep { ($_->{referenceNo} // '') =~ /^V-$id[.]/ } $gateway->ledger;
}

# The maturities of the orders without reference.
sub received_of_rows {
    return join ' ', sort map { $_->{body}{invoiceMaturity} } grep { !defined $_->{referenceNo} } $gateway->ledger;
}

sub insert {
    my $id = ++$next;
    run_in($session[0], "INSERT INTO shop_order VALUES ($id, 10, 'V-$id.a')");
    return $id;
}

sub edit    { return run_in($session[0], "UPDATE shop_order SET maturity = $_[1] WHERE id = $_[0]"); }
sub deliver { return run_in($session[0], 'CALL fpgo.deliver()'); }

# --- edited while queued ------------------------------------------------------------

{
    my $id = insert();
    edit($id, 11);
    edit($id, 12);
    is(states($id), 'queued queued queued', 'edited twice while queued: three versions');
    is(shown($id), 'queued 0', '... and one order');
    ends('edited while queued', deliver(), '');
    is(received($id), '12', '... the newest one is sent');
    is(states($id), 'superseded superseded accepted', '... in the place of the others');
    is(administer($admin, 'SELECT count(*) FROM fpgo_internal.payload'), 0, '... whose payloads are gone');
}
{
    my $id = insert();
    edit($id, 11);
    edit($id, 10);
    deliver();
    is(received($id), '10', 'edited and back while queued: the newest one is sent');
}

# --- edited after acceptance ----------------------------------------------------------

{
    my $id = insert();
    deliver();
    edit($id, 11);
    edit($id, 11);
    is(states($id), 'accepted refused', 'edited after acceptance: recorded, once');
    is(shown($id), 'accepted 1', '... and told');
    like(administer($admin, "SELECT last_error FROM fpgo.versions WHERE reference = 'V-$id.a' AND version = 2"),
        qr/^Not sent: the order was accepted already as ODR\w+, submission \d+\.$/, '... with the uuid');
    edit($id, 10);
    is(states($id), 'accepted refused superseded', 'edited back: recorded');
    is(shown($id), 'accepted 0', '... and no change is missing');
    edit($id, 11);
    is(shown($id), 'accepted 1', 'edited again: told again');
    deliver();
    is(received($id), '10', '... and nothing more is sent');
    is(administer($admin, 'SELECT count(*) FROM fpgo_internal.payload'), 0, '... nor kept');
}

# --- edited while sending, and while uncertain --------------------------------------------

for my $case ([ 'accepted', { delay => 1 }, '10', 'accepted refused' ], [ 'refused', { delay => 1, status => 417 }, '10 11', 'refused accepted' ],
    [ 'back', { delay => 1 }, '10', 'accepted superseded' ])
{
    my ($name, $trouble, $expected, $states) = @$case;
    my $id = insert();
    $gateway->misbehave($trouble);
    begin_in($session[1], 'CALL fpgo.deliver()');
    wait_for_order($gateway, "V-$id.a");
    edit($id, 11);
    edit($id, 10) if $name eq 'back';
    finish_in($session[1]);
    deliver();
    is(received($id), $expected, "edited while sending, $name: what is sent");
    my $is = states($id);
    $is =~ s/superseded // if $name eq 'back';
    is($is, $states, '... and its versions');
}
{
    my $id = insert();
    $gateway->misbehave({ reset_after_request => JSON::PP::true });
    deliver();
    is(states($id), 'uncertain', 'uncertain');
    edit($id, 11);
    deliver();
    is(states($id), 'uncertain queued', 'edited while uncertain: the edit waits');
    is(received($id), '10', '... and nothing more is sent');
    is(shown($id), 'uncertain 0', '... and the order is uncertain');
    my $submission = administer($admin, "SELECT submission FROM fpgo.versions WHERE reference = 'V-$id.a' AND version = 1");
    administer($admin, "SELECT fpgo.resolve($submission, 'queued', 'It did not arrive.')");
    deliver();
    is(received($id), '10 11', '... decided that it did not arrive: the newest is sent');
    is(states($id), 'superseded accepted', '... in the place of the first');
}

# --- two sessions with a line each ----------------------------------------------------------

for my $order ([ 0, 1 ], [ 1, 0 ]) {
    my $id = insert();
    run_in($session[0], "BEGIN; INSERT INTO line VALUES ($id, 'one'); UPDATE shop_order SET maturity = maturity WHERE id = $id");
    begin_in($session[1], "BEGIN; INSERT INTO line VALUES ($id, 'two'); UPDATE shop_order SET maturity = maturity WHERE id = $id; COMMIT");
    wait_for_lock($session[1]);
    run_in($session[0], $order->[0] ? 'ROLLBACK' : 'COMMIT');
    finish_in($session[1]);
    deliver();
    my ($sent) = $gateway->ledger("V-$id.a");
    is(join(' ', map { $_->{name} } @{ $sent->{body}->{products} }), $order->[0] ? 'Router two' : 'Router one two',
        'two sessions with a line each: the lines that were committed');
    is($gateway->received("V-$id.a"), 1, '... in one order');
}

# --- a changed reference, a changed primary key ----------------------------------------------

{
    my $id = insert();
    run_in($session[0], "UPDATE shop_order SET reference = 'V-$id.b' WHERE id = $id");
    deliver();
    is(states($id), 'superseded accepted', 'another reference while queued: a version of the same order');
    run_in($session[0], "UPDATE shop_order SET reference = 'V-$id.c' WHERE id = $id");
    is(states($id), 'superseded accepted refused', 'another reference after acceptance: no second order');
    deliver();
    is(received($id), '10', '... one was sent');
    # the reference is another row's now
    ends('the reference of an accepted order in another row',
        run_in($session[0], "INSERT INTO shop_order VALUES (1000 + $id, 10, 'V-$id.b')"), '23505', qr/taken by another order/);
}

{
    my $id = insert();
    ends('another primary key while queued', run_in($session[0], "UPDATE shop_order SET id = id + 3000 WHERE id = $id"), '');
    deliver();
    ends('another primary key after acceptance', run_in($session[0], "UPDATE shop_order SET id = id + 3000 WHERE id = $id + 3000"), '');
    is(shown($id), 'accepted 0', '... is the same order, which its reference tells, too');
    is(received($id), '10', '... and is sent once');
}

# Primary keys that rows give each other.  The orders have no reference, so that the row is the key.
{
    my @id = map { 2000 + $_ } 1 .. 4;
    run_in($session[0], "INSERT INTO shop_order SELECT i, i - 2000, NULL FROM generate_series(2001, 2003) i");
    deliver();
    is(received_of_rows(), '1 2 3', 'three rows: three orders');
    # all at once, the last first and the first last
    run_in($session[0], "UPDATE shop_order SET id = id + 1 WHERE id = $_") for reverse @id[ 0 .. 2 ];
    run_in($session[0], 'BEGIN; ALTER TABLE shop_order DROP CONSTRAINT shop_order_pkey CASCADE; '
        . 'ALTER TABLE shop_order ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED; COMMIT');
    run_in($session[0], "UPDATE shop_order SET id = id + 1 WHERE id > 2000");
    run_in($session[0], "BEGIN; UPDATE shop_order SET id = id + 5 WHERE id = 2003; UPDATE shop_order SET id = id - 5 WHERE id = 2008; COMMIT");
    deliver();
    is(received_of_rows(), '1 2 3', 'primary keys that move on are the same orders');
    # another row under a former primary key
    run_in($session[0], 'INSERT INTO shop_order VALUES (2001, 4, NULL), (2002, 5, NULL)');
    deliver();
    is(received_of_rows(), '1 2 3 4 5', 'another row under a former primary key: another order');
    # through a key that another row had
    run_in($session[0], 'DELETE FROM shop_order WHERE id = 2002');
    run_in($session[0], 'BEGIN; UPDATE shop_order SET id = 2002 WHERE id = 2001; UPDATE shop_order SET id = 2099 WHERE id = 2002; COMMIT');
    run_in($session[0], 'UPDATE shop_order SET maturity = 14 WHERE id = 2099');
    deliver();
    is(received_of_rows(), '1 2 3 4 5', 'a row that took a deleted one\'s primary key and left it: its own order');
    is(administer($admin, q{SELECT string_agg(format('%s: %s', grand_total IS NOT NULL, changes_not_sent), ' ') FROM fpgo.submissions
        WHERE reference IS NULL AND changes_not_sent > 0}), 't: 1', '... of which the edit is told');
}

# What a row is called by a change of its primary key is known to fpgo, whatever else is
# the case then.  The maturities tell which row it is.
sub received_between {
    my ($first, $last) = @_;
    return join ' ', grep { $_ >= $first && $_ <= $last } split / /, received_of_rows();
}

sub cancel_last { return administer($admin, q{SELECT fpgo.cancel_submission(max(submission), 'The customer called.') FROM fpgo.versions}); }

{
    run_in($session[0], 'INSERT INTO shop_order VALUES (3001, 31, NULL)');
    deliver();
    run_in($session[0], 'UPDATE shop_order SET is_ready = false WHERE id = 3001');
    run_in($session[0], 'UPDATE shop_order SET id = 3002 WHERE id = 3001');
    run_in($session[0], 'UPDATE shop_order SET is_ready = true, maturity = 32 WHERE id = 3002');
    deliver();
    is(received_between(31, 32), '31', 'accepted, another primary key while not ready, and ready again: no second order');

    run_in($session[0], 'INSERT INTO shop_order VALUES (3011, 33, NULL)');
    deliver();
    run_in($session[0], 'UPDATE shop_order SET maturity = 34 WHERE id = 3011');
    run_in($session[0], 'UPDATE shop_order SET maturity = 35, id = 3012 WHERE id = 3011');
    run_in($session[0], 'UPDATE shop_order SET maturity = 36 WHERE id = 3012');
    deliver();
    is(received_between(33, 36), '33', 'accepted, and edited before, with and after another primary key: no second order');

    run_in($session[0], 'INSERT INTO shop_order VALUES (3021, 37, NULL)');
    cancel_last();
    run_in($session[0], 'UPDATE shop_order SET maturity = 38 WHERE id = 3021');
    run_in($session[0], 'UPDATE shop_order SET id = 3022 WHERE id = 3021');
    run_in($session[0], 'UPDATE shop_order SET maturity = 39 WHERE id = 3022');
    run_in($session[0], 'INSERT INTO shop_order VALUES (3031, 40, NULL)');
    cancel_last();
    run_in($session[0], 'UPDATE shop_order SET is_ready = false, id = 3032 WHERE id = 3031');
    run_in($session[0], 'UPDATE shop_order SET is_ready = true WHERE id = 3032');
    deliver();
    is(received_between(37, 40), '', 'taken back, and then another primary key: not handed in again');

    run_in($session[0], 'INSERT INTO shop_order VALUES (3041, 41, NULL)');
    deliver();
    run_in($session[0], 'UPDATE shop_order SET id = 3042 WHERE id = 3041');
    run_in($session[0], 'INSERT INTO shop_order VALUES (3041, 42, NULL, false)');
    run_in($session[0], 'UPDATE shop_order SET id = 3043, maturity = 43, is_ready = true WHERE id = 3041');
    deliver();
    is(received_between(41, 43), '41 43', 'a former primary key, given on before the second row is ready: two orders');

    run_in($session[0], 'INSERT INTO shop_order VALUES (3051, 44, NULL)');
    run_in($session[0], "UPDATE shop_order SET $_ WHERE id = 3051") for 'maturity = 45', 'maturity = 46', 'is_ready = false';
    run_in($session[0], 'DELETE FROM shop_order WHERE id = 3051');
    run_in($session[0], 'INSERT INTO shop_order VALUES (3052, 47, NULL)');
    deliver();
    run_in($session[0], 'UPDATE shop_order SET id = 3051 WHERE id = 3052');
    run_in($session[0], 'UPDATE shop_order SET maturity = 48 WHERE id = 3051');
    deliver();
    is(received_between(44, 48), '47', 'the primary key of a deleted row with more versions: no second order');

    run_in($session[0], 'INSERT INTO shop_order VALUES (3061, 49, NULL)');
    run_in($session[0], 'UPDATE shop_order SET is_ready = false, id = 3062 WHERE id = 3061');
    run_in($session[0], 'INSERT INTO shop_order VALUES (3061, 50, NULL)');
    ends('another primary key, while another row has versions under the first one',
        run_in($session[0], 'UPDATE shop_order SET id = 3063 WHERE id = 3062'), '');
    run_in($session[0], 'UPDATE shop_order SET is_ready = true WHERE id = 3063');
    deliver();
    is(received_between(49, 50), '49 50', '... two orders');
}

# --- withdrawn ------------------------------------------------------------------------------

# What the history says of a row's order, the first first.
sub told {
    my ($id) = @_;
    return administer($admin, "SELECT string_agg(what, ', ' ORDER BY event) FROM fpgo.history WHERE reference = 'V-$id.a'");
}
{
    my $id = insert();
    run_in($session[0], "UPDATE shop_order SET is_ready = false WHERE id = $id");
    is(shown($id) . told($id), '', 'withdrawn while queued: the order is its withdrawal, which has no reference');
    my $kept = q{SELECT count(*) FROM fpgo_internal.payload};
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD retention '1d')});
    cmp_ok(administer($admin, $kept), '>', 0, '... its payload is there');
    deliver();
    is(received($id), '', '... nothing is sent');
    is(administer($admin, $kept . " WHERE submission IN (SELECT submission FROM fpgo.versions WHERE reference = 'V-$id.a')"),
        0, '... and its payload goes, whatever is kept of others');
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (DROP retention)});
    is(administer($admin, "SELECT state FROM fpgo.versions WHERE reference = 'V-$id.a'"), 'superseded', '... and nothing stays queued');
    run_in($session[0], "UPDATE shop_order SET is_ready = true WHERE id = $id");
    deliver();
    is(received($id), '10', 'wanted again: it is sent');
    run_in($session[0], "UPDATE shop_order SET is_ready = false WHERE id = $id");
    is(shown($id) . told($id), 'accepted 0', 'withdrawn after acceptance: nothing');
}
{
    my $id = insert();
    $gateway->misbehave({ delay => 1 });
    begin_in($session[1], 'CALL fpgo.deliver()');
    wait_for_order($gateway, "V-$id.a");
    run_in($session[0], "UPDATE shop_order SET is_ready = false WHERE id = $id");
    is(told($id), 'withdrawn while sending', 'withdrawn while sending: told');
    finish_in($session[1]);
    is(told($id), 'withdrawn while sending, accepted though withdrawn', '... and again when it is accepted');
    is(received($id), '10', '... sent once');
}
{
    my $id = insert();
    $gateway->misbehave({ reset_after_request => JSON::PP::true });
    deliver();
    run_in($session[0], "UPDATE shop_order SET is_ready = false WHERE id = $id");
    is(told($id), 'withdrawn while uncertain', 'withdrawn while uncertain: told');
    deliver();
    my ($sent) = $gateway->ledger("V-$id.a");
    my $submission = administer($admin, "SELECT submission FROM fpgo.submissions WHERE reference = 'V-$id.a'");
    administer($admin, "SELECT fpgo.resolve($submission, 'accepted', 'It is there.', order_uuid => '$sent->{order_uuid}')");
    is(told($id), 'withdrawn while uncertain, uncertain to accepted, accepted though withdrawn', '... and again when it is decided');
    is(received($id), '10', '... sent once');
}

# --- taken back by a person while it is edited ------------------------------------------------

{
    my $id = insert();
    run_in($session[0], "BEGIN; UPDATE shop_order SET maturity = 11 WHERE id = $id; SET CONSTRAINTS ALL IMMEDIATE");
    my $submission = administer($admin, "SELECT submission FROM fpgo.submissions WHERE reference = 'V-$id.a'");
    administer($admin, "SELECT fpgo.cancel_submission($submission, 'The customer called.')");
    run_in($session[0], 'COMMIT');
    deliver();
    is(received($id), '', 'taken back while it was edited: nothing is sent');
    is(states($id), 'cancelled refused', '... and both are told');
}

check_log($node);
done_testing();
