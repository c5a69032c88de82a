# The resident worker has uncertain submissions looked for by itself, in a
# process of its own, which is in nobody's way.

use strict;
use warnings;

use FpgoChecker;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('resident', url => $gateway->address, databases => 'postgres, rented',
    settings => "fpgo.reconcile_interval = '200ms'\n");
my $session = open_session($node);
my @committed;

# Queue an order whose answer is lost, and wait until it has gone.
sub enqueue_lost { return enqueue_lost_order(order(@_)); }

sub enqueue_lost_order {
    my ($order) = @_;
    my $reference = reference_of($order);
    $gateway->misbehave({ close_after_request => \1 });
    run_in($session, enqueue_sql($order));
    push @committed, $reference;
    wait_for_order($gateway, $reference);
    return $reference;
}

# A session in which a statement was begun.
sub begun {
    my ($in, $sql) = @_;
    begin_in($in, $sql);
    return $in;
}

sub state_of { return administer($node, "SELECT state FROM fpgo.submissions WHERE reference = '$_[0]'"); }

sub reconciler { return administer($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'fpgo reconciler'}); }

# --- by itself -----------------------------------------------------------------------------

my $reference = enqueue_lost();
wait_for('it to be found', sub { state_of($reference) eq 'accepted' });
is(administer($node, "SELECT order_uuid FROM fpgo.submissions WHERE reference = '$reference'"),
    ($gateway->ledger($reference))[0]{order_uuid}, 'accepted as the order that the gateway made');
wait_for('the log to say so', sub { count_logged($node, qr/LOG:  submission \d+ turned out to be accepted/) });
is(count_logged($node, qr/turned out to be accepted/), 1, 'once');
wait_for('the process to end', sub { reconciler() eq '' });

# the payload does not fit into a row
$reference = enqueue_lost_order(large_order(5000, orderDate => '' . (CORE::time - 1)));
wait_for('a large order to be found', sub { state_of($reference) eq 'accepted' });
wait_for('the process to end', sub { reconciler() eq '' });

# --- in nobody's way ------------------------------------------------------------------------

$gateway->misbehave({ route => 'list', requests => 0, stall => 60 });
$reference = enqueue_lost(orderDate => '' . (CORE::time + 1));
my $pid = wait_for('it to hang', \&reconciler);
my ($next, $next_reference) = new_order(orderDate => '' . (CORE::time + 2));
is(submit($session, $next)->{sqlstate}, '', 'others are sent meanwhile');
push @committed, $next_reference;
ends('nobody else looks', run_in($session, 'SELECT * FROM fpgo.reconcile()'), '55P03');
is(administer($node, "SELECT backend_xmin IS NULL, state IS NULL, wait_event FROM pg_stat_activity WHERE pid = $pid"),
    't|t|MessageQueueReceive', 'it waits, and holds back no vacuum');
is(administer($node, "SELECT pg_terminate_backend($pid, 5000)"), 't', 'it ends when it is told to');
wait_for('another', sub { my $new = reconciler(); $new ne '' && $new ne $pid });
administer($node, 'SELECT fpgo.pause()');
wait_for('all of fpgo to leave the database when its worker is sent away', sub {
    administer($node, q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' AND backend_type LIKE 'fpgo%'}) eq '0' }, 4);
administer($node, 'SELECT fpgo.resume()');
wait_for('another', sub { reconciler() ne '' });
my $began = time;
$node->stop('fast');
cmp_ok(time - $began, '<', 4, 'and with the cluster');
$gateway->behave;
$node->start;
wait_for('it to be found then', sub { state_of($reference) eq 'accepted' });

# --- a database whose owner is no superuser ---------------------------------------------------

{
    my $elsewhere = FpgoGateway->start('--token', $TOKEN);
    new_database($node, 'rented', url => $elsewhere->address);
    administer($node, 'CREATE ROLE landlord LOGIN; ALTER DATABASE rented OWNER TO landlord');
    my $tenant   = open_session($node, database => 'rented');
    my $landlord = open_session($node, user => 'landlord');
    wait_for_worker($node, 'rented');
    $elsewhere->misbehave({ close_after_request => \1 }, { route => 'list', requests => 0, stall => 60 });
    my ($order, $lost) = new_order();
    run_in($tenant, enqueue_sql($order));
    wait_for_order($elsewhere, $lost);
    $tenant->quit;
    # the worker looks once a second who the owner is
    sleep 1.2;
    for my $who ('reconciler', 'helper') {
        wait_for("a $who there", sub { administer($node, "SELECT count(*) FROM pg_stat_activity
            WHERE datname = 'rented' AND backend_type = 'fpgo $who'") });
    }
    ends('the owner drops it meanwhile', finish_within('DROP DATABASE', begun($landlord, 'DROP DATABASE rented WITH (FORCE)'), 6), '');
    $landlord->quit;
    $elsewhere->stop;
}

# --- never by itself -----------------------------------------------------------------------

administer($node, 'ALTER SYSTEM SET fpgo.reconcile_interval = 0');
$node->reload;
$session   = open_session($node);
$reference = enqueue_lost(orderDate => '' . (CORE::time + 3));
wait_for('it to be uncertain', sub { state_of($reference) eq 'uncertain' });
sleep 1;
is(state_of($reference), 'uncertain', 'interval 0: it stays so');
is(run_in($session, 'SELECT state FROM fpgo.reconcile()')->{rows}, 'accepted', 'until somebody looks');

check_records($node, $gateway, name => 'the records agree with the ledger', committed => \@committed);
check_log($node);
done_testing();
