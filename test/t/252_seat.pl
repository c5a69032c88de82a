# Who sends the orders of an account: the first that sends takes the seat, fpgo.site
# tells a clone from the original, and fpgo.accept_orders = off takes and sends nothing.

use strict;
use warnings;

use FpgoChecker;
use FpgoResident;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('seat', url => $gateway->address, databases => '',
    settings => "fpgo.undelivered_notice = off\n");
my $session = open_session($node);
my @committed;

# Queue an order; its reference.
sub enqueue {
    my ($order, $reference) = new_order();
    ends("queue $reference", run_in($session, enqueue_sql($order)), '');
    push @committed, $reference;
    return $reference;
}

sub state_of { return administer($node, "SELECT state FROM fpgo.submissions WHERE reference = '$_[0]'"); }

# --- the first ones, all at once ---------------------------------------------------------

my @first    = map { enqueue() } 1 .. 20;
my @sessions = map { open_session($node) } 1 .. 4;
begin_in($_, 'CALL fpgo.deliver()') for @sessions;
ends('four that deliver at once', finish_in($_), '') for @sessions;
$_->quit for @sessions;
is(join(' ', map { state_of($_) } @first), join(' ', ('accepted') x 20), 'all are sent');
is(administer($node, 'SELECT account, why FROM fpgo_internal.seat'), 'frontpayment|first', 'and one seat is taken');
is(administer($node, 'SELECT count(*) FROM fpgo_internal.origin'), 1, 'by one database');
is(count_logged($node, qr/LOG:  this database sends the orders of server "frontpayment" from now on/), 1, 'the log says it once');

# --- the same place, another one -----------------------------------------------------------

# Start the server with fpgo.site on its command line.
sub restart_at {
    my ($site) = @_;
    $session->quit;
    $node->stop('fast');
    PostgreSQL::Test::Utils::system_or_bail('pg_ctl', '-w', '-s', '-D', $node->data_dir, '-l', $node->logfile,
        '-o', "--cluster-name=seat -c fpgo.site=$site", 'start');
    $node->_update_pid(1);
    $session = open_session($node);
    return;
}

my $queued = enqueue();
$node->append_conf('postgresql.conf', "fpgo.site = 'copied'\n");
$session->quit;
$node->restart;
$session = open_session($node);
is(administer($node, q{SELECT count(*) FROM fpgo.doctor() WHERE detail LIKE '%postgresql.conf%' AND hint LIKE '%fpgo.site%'}), 1,
    'fpgo.site in a file of the data directory: the doctor says that it counts for nothing');
run_in($session, 'CALL fpgo.deliver()');
is(state_of($queued), 'accepted', 'and it does not: a restart holds nothing');
ends('ALTER SYSTEM', run_in($session, q{ALTER SYSTEM SET fpgo.site = 'here'}), '55P02');

$queued = enqueue();
restart_at('elsewhere');
is(administer($node, q{SELECT setting, source, sourcefile FROM pg_settings WHERE name = 'fpgo.site'}), 'elsewhere|command line|', 'another site');
run_in($session, 'CALL fpgo.deliver()');
is(state_of($queued), 'queued', 'at another site nothing is sent');
my ($order, $reference) = new_order();
ends('submit_invoice there', submit($session, $order), '55000', qr/may not send orders of server "frontpayment"/);
is($gateway->received($reference), 0, '... sends nothing');
restart_at('');
run_in($session, 'CALL fpgo.deliver()');
is(state_of($queued), 'accepted', 'back at its own it is sent');

# --- a server that is to take no orders ------------------------------------------------------

$queued = enqueue();
administer($node, q{
    CREATE TABLE orders (payload jsonb, number int PRIMARY KEY);
    CREATE FUNCTION invoice_for(o orders) RETURNS jsonb LANGUAGE sql AS 'SELECT o.payload';
    CREATE TRIGGER invoice AFTER INSERT OR UPDATE OR DELETE ON orders
        FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.invoice_for')});
administer($node, 'ALTER SYSTEM SET fpgo.accept_orders = off');
$node->reload;
wait_for('the setting', sub { run_in($session, 'SHOW fpgo.accept_orders')->{rows} eq 'off' });
my $refused = qr/this server takes no orders/;
($order, $reference) = new_order();
ends('enqueue_invoice', run_in($session, enqueue_sql($order)), '55000', $refused);
ends('submit_invoice',  submit($session, $order), '55000', $refused);
ends('the trigger', run_in($session, sprintf 'INSERT INTO orders VALUES (%s, 1)', literal($order)), '55000', $refused);
run_in($session, 'CALL fpgo.deliver()');
is(state_of($queued), 'queued', 'and nothing is sent');
is(administer($node, 'SELECT kind, orders FROM fpgo.holds'), 'setting|1', 'the holds say why');
administer($node, 'ALTER SYSTEM RESET fpgo.accept_orders');
$node->reload;
wait_for('the setting', sub { run_in($session, 'SHOW fpgo.accept_orders')->{rows} eq 'on' });
run_in($session, 'CALL fpgo.deliver()');
is(state_of($queued), 'accepted', 'on again it is sent');
is($gateway->received($reference), 0, 'what was refused never is');

check_records($node, $gateway, name => 'the records agree with the ledger', committed => \@committed);
check_log($node);
$session->quit;
$node->stop;
$gateway->stop;
done_testing();
