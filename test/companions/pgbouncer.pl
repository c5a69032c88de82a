# pgbouncer: what passes in transaction mode and in session mode, and what becomes of an
# order whose answer pgbouncer does not wait for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoDoor;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, options => q{timeout '20s'});
my @committed;

sub enter {
    my ($mode, @more) = @_;
    my $door = FpgoDoor->pgbouncer($node, "pool_mode = $mode", 'default_pool_size = 2', @more);
    my $session = open_session($door);
    return ($door, $session);
}

sub order_of_this {
    my ($order, $reference) = new_order();
    push @committed, $reference;
    return ($order, $reference);
}

# --- in both modes -----------------------------------------------------------------------

for my $mode ('transaction', 'session') {
    my ($door, $session) = enter($mode);
    my ($order, $reference) = order_of_this();
    is(submit($session, $order)->{order_uuid}, ($gateway->ledger($reference))[0]{order_uuid}, "$mode: submit_invoice");

    ($order, $reference) = order_of_this();
    ends("$mode: enqueue_invoice",     run_in($session, enqueue_sql($order)),      '');
    ends("$mode: CALL fpgo.deliver()", run_in($session, 'CALL fpgo.deliver()'), '');
    is($gateway->made($reference), 1, "$mode: it is delivered");

    ($order, $reference) = order_of_this();
    $gateway->misbehave({ delay => 2 });
    run_in($session, q{BEGIN; SET LOCAL statement_timeout = '500ms'});
    ends("$mode: a time-out", submit($session, $order), '57014');
    run_in($session, 'ROLLBACK');
    wait_for('its end', sub { administer($node, q{SELECT count(*) FROM fpgo_internal.submission WHERE state = 'sending'}) eq '0' });
    is(submit($session, $order)->{order_uuid}, ($gateway->ledger($reference))[0]{order_uuid}, "$mode: asked again, it has its row");

    # a notification reaches whoever listens, or is lost
    run_in($session, 'LISTEN fpgo_order_status');
    administer($node, q{SELECT pg_notify('fpgo_order_status', 'news')});
    my $heard = join '', map { run_in($session, 'SELECT 1')->{rows} } 1 .. 3;
    if ($mode eq 'session') { like($heard, qr/"fpgo_order_status" with payload "news"/, 'session: LISTEN hears'); }
    else                    { unlike($heard, qr/news/, 'transaction: LISTEN hears nothing, and nobody says so'); }

    # a setting belongs to the server's session, which the next client gets
    run_in($session, q{SET fpgo.server = 'another'});
    $session->quit;
    my @next = map { open_session($door) } 1 .. 2;
    my $leaks = join ' ', map { run_in($_, 'SHOW fpgo.server')->{rows} } @next;
    if ($mode eq 'session') { unlike($leaks, qr/another/, 'session: SET fpgo.server ends with the client'); }
    else                    { like($leaks, qr/another/, 'transaction: SET fpgo.server leaks to other clients'); }
    $_->quit for @next;
    $door->close;
}

# --- a time-out of pgbouncer's own --------------------------------------------------------

{
    my ($door, $session) = enter('transaction', 'query_timeout = 1');
    my ($order, $reference) = order_of_this();
    $gateway->misbehave({ delay => 3 });
    my $ended = submit($session, $order);
    is($ended->{sqlstate}, '08P01', 'query_timeout: 08P01');
    eval { $session->quit };
    wait_for('its end', sub { administer($node, q{SELECT count(*) FROM fpgo_internal.submission WHERE state = 'sending'}) eq '0' });
    my $again = open_session($door);
    is(submit($again, $order)->{order_uuid}, ($gateway->ledger($reference))[0]{order_uuid}, '... while the order goes on: asked again, it has its row');
    $again->quit;
    $door->close;
}

check_records($node, $gateway, committed => \@committed);
check_log($node);
$node->stop;
$gateway->stop;
done_testing();
