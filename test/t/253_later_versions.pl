# What another database has queued may have been sent by it.  So a later version of such
# an order waits for a person's word; and a copy sends no order of an account that
# nobody used before it was made.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCopies;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $primary = new_shop('primary', 'call', $gateway);
my $order   = literal(order(referenceNo => undef));

sub told {
    my ($node, $sql) = @_;
    return $node->safe_psql('postgres', "SET client_min_messages = warning; $sql");
}

# How many orders the gateway has made.
sub count_made { return scalar grep { $_->{made} } $gateway->ledger; }

# The states of the versions of each row's order, first to last.
sub states_of {
    my ($node) = @_;
    return join ' ', split /\n/, told($node, q{SELECT string_agg(state, '>' ORDER BY version) FROM fpgo.versions
        WHERE source IS NOT NULL GROUP BY first_submission ORDER BY first_submission});
}

# Rows are edited: one without a reference, one that gets another one, one whose
# reference stays, and one that is deleted and comes again.
sub edit_rows {
    my ($node) = @_;
    my $edited = q{payload || jsonb_build_object('customerDetails', payload->'customerDetails' || '{"email": "new@example.org"}')};
    told($node, qq{UPDATE orders SET payload = $edited WHERE number IN (1, 3);
        UPDATE orders SET payload = payload || '{"referenceNo": "R-2b"}' WHERE number = 2;
        CREATE TABLE kept AS SELECT * FROM orders WHERE number = 4});
    told($node, 'DELETE FROM orders WHERE number = 4');
    told($node, 'INSERT INTO orders SELECT * FROM kept');
    return;
}

# --- a queue that the primary sends, and a standby and a copy that do not hear of it -----

told($primary, q{CREATE TABLE orders (number int PRIMARY KEY, payload jsonb);
    CREATE FUNCTION invoice_for(o orders) RETURNS jsonb LANGUAGE sql AS 'SELECT o.payload';
    CREATE TRIGGER invoice AFTER INSERT OR UPDATE OR DELETE ON orders
        FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.invoice_for')});
told($primary, sprintf q{CREATE SERVER unused FOREIGN DATA WRAPPER fpgo OPTIONS (url %s);
    CREATE USER MAPPING FOR PUBLIC SERVER unused OPTIONS (token %s)}, literal($gateway->address), literal($TOKEN));
sends_all('at first', $primary, $gateway, queue($primary, 2));
my $standby = standby_of($primary, 'standby');
told($primary, qq{INSERT INTO orders SELECT i, ${order}::jsonb || jsonb_build_object('orderDate', (1600000000 + i)::text)
        || CASE WHEN i IN (2, 3) THEN jsonb_build_object('referenceNo', 'R-' || i) ELSE '{}' END
    FROM generate_series(1, 4) i});
told($primary, "SELECT fpgo.enqueue_invoice($order, key => 'K-5')");
caught_up($standby, $primary);
cut_off($standby);
my $copy = base_backup($primary, 'copy');
deliver($primary);
is(count_made(), 7, 'the primary has sent all');
$primary->stop('immediate');

# --- a standby that is promoted ------------------------------------------------------------

$standby->promote;
sends_new('promoted', $standby, $gateway);
my $n_made = count_made();
edit_rows($standby);
deliver($standby);
is(count_made(), $n_made, 'later versions of what the primary queued are not sent');
is(states_of($standby), 'queued>queued queued>queued queued>queued queued>cancelled>queued', '... but stay queued');
is(told($standby, q{SELECT count(*) FROM fpgo.submissions WHERE last_error ~ '^Waits for submission \d+, which is queued\.$'}), 4,
    '... and say for what they wait');
told($standby, qq{SELECT fpgo.enqueue_invoice(${order}::jsonb || '{"orderDate": "1600000005"}', on_change => 'replace', key => 'K-5')});
told($standby, q{SELECT fpgo.cancel_submission(max(submission), 'not wanted') FROM fpgo.versions WHERE key = 'K-5'});
my $session = open_session($standby);
ends('submit_invoice under the key of one that was taken back', run_in($session, qq{SELECT * FROM fpgo.submit_invoice($order, key => 'K-5')}), '55006');
$session->quit;
is(count_made(), $n_made, '... sends nothing');
take_seat($standby, 'cancel');
deliver($standby);
is(count_made(), $n_made, 'if the primary has sent them, none is sent');
is(states_of($standby), 'cancelled>refused cancelled>refused cancelled>refused cancelled>cancelled>refused', '... and all are finished');

# --- a copy -----------------------------------------------------------------------------

told($copy, "SELECT fpgo.enqueue_invoice(${order}::jsonb || '{\"referenceNo\": \"R-9\"}', server => 'unused')");
deliver($copy);
is(count_made(), $n_made, 'a copy sends no order of an account that nobody used');
is(told($copy, q{SELECT kind, orders FROM fpgo.holds WHERE server = 'unused'}), 'seat|1', '... and says why');
told($copy, q{SELECT fpgo.take_seat('unused', 'test')});
deliver($copy);
is($gateway->received('R-9'), 1, 'once the seat is taken it is sent');
edit_rows($copy);
take_seat($copy, 'send');
deliver($copy);
is(count_made(), $n_made + 6, 'if nobody has sent them, each is sent once');
is(states_of($copy), 'superseded>accepted superseded>accepted superseded>accepted superseded>cancelled>accepted',
    '... as its last version');

for my $node ($standby, $copy) {
    check_log($node);
    $node->stop;
}
$gateway->stop;
done_testing();
