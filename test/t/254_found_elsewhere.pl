# After a restore or a failover, orders that another database queued may have been sent
# by it.  reconcile looks for them at the gateway: what is found is accepted, the rest
# stays held for a person, and orders that no record knows are listed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCopies;
use FpgoResident;
use FpgoTest;
use Test::More;

my $gateway  = FpgoGateway->start('--token', $TOKEN);
my $original = new_shop('original', 'call', $gateway);

# Deliver these, and nothing else.
sub deliver_only {
    my ($node, @references) = @_;
    ask($node, 'CALL fpgo.deliver(' . number_of($node, $_) . ')') for @references;
    return;
}

sub number_of {
    my ($node, $reference) = @_;
    return ask($node, "SELECT submission FROM fpgo.submissions WHERE reference = '$reference'");
}

# The gateway's uuid of an order.
sub uuid_of {
    my ($reference) = @_;
    return join ' ', map { $_->{order_uuid} } grep { $_->{made} } $gateway->ledger($reference);
}

sub state_of {
    my ($node, $reference) = @_;
    return ask($node, "SELECT concat_ws(' ', state, order_uuid) FROM fpgo.submissions WHERE reference = '$reference'");
}

# How often the gateway was asked anything.
sub asked {
    my $routes = $gateway->requests->{routes};
    my $n      = 0;
    $n += $_ for grep { !ref } values %$routes;
    return $n;
}

# --- a restored backup ---------------------------------------------------------------------

my @queued = queue($original, 8);
my $copy   = base_backup($original, 'copy');
my @sent   = @queued[ 0 .. 3 ];
deliver_only($original, @sent);
my ($lost) = queue($original, 1);
deliver_only($original, $lost);

is(ask($copy, 'SELECT count(*) FROM fpgo.unknown_orders'), 0, 'nobody has looked yet');
take_seat($copy, 'hold');
is(ask($copy, q{SELECT string_agg(state, ' ' ORDER BY submission) FROM fpgo.reconcile()}),
    'accepted accepted accepted accepted queued queued queued queued', 'what the original sent is found');
is(state_of($copy, $_), 'accepted ' . uuid_of($_), '... with its uuid') for @sent;
is(state_of($copy, $_), 'queued',                  'what it did not send is held') for @queued[ 4 .. 7 ];
is(ask($copy, q{SELECT string_agg(DISTINCT what, ' ') FROM fpgo.history WHERE reason ~ 'this one alone'}),
    'queued to accepted', 'the history says why');
is(ask($copy, q{SELECT kind, orders FROM fpgo.holds}), 'origin|4', 'and the holds how many');
is(ask($copy, q{SELECT server, order_uuid, gateway_status, grand_total, order_date > '2020-01-01' FROM fpgo.unknown_orders}),
    'frontpayment|' . uuid_of($lost) . '|SENT|40|t', 'an order that no record knows is listed');
like(ask($copy, q{SELECT detail FROM fpgo.reconcile() LIMIT 1}), qr/^The gateway shows no order that is like it/,
    'and what is not found says so');
is(ask($copy, 'SELECT count(*) FROM fpgo_internal.likeness'), 4, 'what was compared is kept for those that are held');

# --- one by one --------------------------------------------------------------------------------

# Decide about one that is held; the SQLSTATE of the failure, or nothing.
sub decides {
    my ($name, $sqlstate, $call) = @_;
    my $session = open_session($copy);
    ends($name, run_in($session, "SELECT $call"), $sqlstate);
    $session->quit;
    return;
}

my ($late, $by_hand, $cancelled, $rest) = @queued[ 4 .. 7 ];
deliver_only($original, $by_hand);
decides('a person has found it', '', sprintf q{fpgo.resolve(%d, 'accepted', 'seen', order_uuid => '%s')},
    number_of($copy, $by_hand), uuid_of($by_hand));
is(state_of($copy, $by_hand), 'accepted ' . uuid_of($by_hand), 'accepted by a person');
decides('a person cancels it', '', sprintf q{fpgo.resolve(%d, 'cancelled', 'changed')}, number_of($copy, $cancelled));
is(state_of($copy, $cancelled), 'cancelled', 'cancelled');
ask($original, sprintf q{SELECT fpgo.cancel_submission(%d, 'sent from the copy')}, number_of($original, $late));
decides('a person sends it here', '', sprintf q{fpgo.resolve(%d, 'queued', 'the original is off')}, number_of($copy, $late));
decides('which is this database\'s own then', '55000', sprintf q{fpgo.resolve(%d, 'queued', 'again')}, number_of($copy, $late));
decides('and not looked for', '55000', sprintf q{fpgo.reconcile(%d)}, number_of($copy, $late));
deliver($copy);
is(state_of($copy, $late), 'accepted ' . uuid_of($late), 'it is sent');
is(state_of($copy, $rest), 'queued',                     'the last one is held');
is(ask($copy, sprintf 'SELECT state FROM fpgo.reconcile(%d)', number_of($copy, $rest)), 'queued', 'and may be looked for alone');

# --- twins -----------------------------------------------------------------------------------

# Two orders alike in all that the gateway shows, of which the original sent one.
my ($twin, $other) = map {
    my ($order, $reference) = new_order(orderDate => '1500000000');
    ask($original, 'SELECT fpgo.enqueue_invoice(' . literal($order) . '::jsonb)');
    $reference;
} 1 .. 2;
my $second = base_backup($original, 'second');
deliver_only($original, $twin);
take_seat($second, 'hold');
like(ask($second, "SELECT string_agg(detail, E'\\n') FROM fpgo.reconcile() r JOIN fpgo.submissions s USING (submission)"
        . " WHERE s.reference IN ('$twin', '$other')"),
    qr/^(Order \S+ is like it, and like other submissions that it may belong to: 1\.\n?){2}\z/, 'of twins nobody knows which one it is');
is(ask($second, "SELECT string_agg(agrees::text, ' ') FROM fpgo.candidates c JOIN fpgo.submissions s USING (submission)"
        . " WHERE s.reference IN ('$twin', '$other') AND c.order_uuid = '" . uuid_of($twin) . q{'}),
    '{amounts,products,date,customer} {amounts,products,date,customer}', 'a person sees what comes near');

# --- by itself ---------------------------------------------------------------------------------

# A copy asks nothing by itself, while another database has the seat.
$second->stop;
my $third = base_backup($original, 'third');
$third->append_conf('postgresql.conf', "fpgo.databases = 'postgres'\nfpgo.reconcile_interval = 200ms\n");
my $asked = asked();
$third->restart;
wait_for('its worker', sub { ask($third, 'SELECT state FROM fpgo.worker()') eq 'running' });
my $since = time;
wait_for('some rounds', sub { time - $since >= 2 });
is(asked(), $asked, 'a copy without the seat does not ask the gateway by itself');
is(ask($third, q{SELECT count(*) FROM fpgo.holds WHERE kind = 'seat'}), 1, 'though it holds orders');
$third->stop;

# A promoted standby does.
my $standby = standby_of($original, 'standby');
$standby->append_conf('postgresql.conf', "fpgo.databases = 'postgres'\nfpgo.reconcile_interval = 200ms\n");
my @more = queue($original, 4);
caught_up($standby, $original);
cut_off($standby);
deliver_only($original, @more[ 0 .. 1 ]);
$original->stop('immediate');
$standby->promote;
# (a restart before that would hide the promotion)
wait_for('the seat', sub { ask($standby, 'SELECT why FROM fpgo_internal.seat') eq 'promotion' });
queue($standby, 1);
wait_for('those that the lost primary sent', sub {
    ask($standby, q{SELECT count(*) FROM fpgo.submissions WHERE state = 'accepted' AND order_uuid IN ('}
          . join("', '", map { uuid_of($_) } @more[ 0 .. 1 ]) . q{')}) == 2;
});
is(state_of($standby, $_), 'queued', 'the rest is held') for @more[ 2 .. 3 ];
ok(count_logged($standby, qr/LOG:  submission \d+ turned out to be accepted/), 'the log says so');

sent_once('all of it', $gateway);
check_log($_) for $original, $copy, $second, $third, $standby;
$_->stop for $copy, $standby;
$gateway->stop;
done_testing();
