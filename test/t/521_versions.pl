# The library and a database's SQL objects are of different versions: orders are
# queued as ever, nothing is sent, everybody says so, and it goes on by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../upgrade";

use Digest::SHA qw(sha256_hex);
use FpgoChecker;
use FpgoResident;
use FpgoTest;
use FpgoUpgrade;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('versions', url => $gateway->address, databases => 'old');
my $version = $node->safe_psql('postgres', 'SELECT fpgo.version()');
offer_version_1_0($node);

# install_old($database): fpgo 1.0's objects, a server and a shop's trigger.
sub install_old {
    my ($database) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql($database, sprintf q{
        CREATE EXTENSION fpgo VERSION '1.0';
        CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url '%s');
        CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '%s');
        CREATE TABLE shop_order (content jsonb);
        CREATE FUNCTION invoice_for(o shop_order) RETURNS jsonb LANGUAGE sql RETURN o.content;
        CREATE TRIGGER invoice AFTER INSERT ON shop_order
            FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for')}, $gateway->address, $TOKEN);
    return;
}

my @committed;

# queue_two($session): one by enqueue_invoice, one by the trigger; their references.
sub queue_two {
    my ($session) = @_;
    my @pairs = map { [ new_order() ] } 1 .. 2;
    ends('enqueue_invoice', run_in($session, enqueue_sql($pairs[0][0])), '');
    ends('the trigger', run_in($session, 'INSERT INTO shop_order VALUES (' . literal($pairs[1][0]) . ')'), '');
    push @committed, map { $_->[1] } @pairs;
    return map { $_->[1] } @pairs;
}

sub count_submissions { return run_in($_[0], 'SELECT count(*) FROM fpgo_internal.submission')->{rows}; }

sub states_of {
    my ($session, @references) = @_;
    return run_in($session, q{SELECT string_agg(state, ' ' ORDER BY id) FROM fpgo_internal.submission WHERE reference IN (}
          . join(', ', map { literal($_) } @references) . ')')->{rows};
}

# What cannot be done is an error at once, leaves nothing behind and says what mends it.
sub nothing_goes_out {
    my ($name, $session, $objects, $cure) = @_;
    my $n      = count_submissions($session);
    my $says   = qr/library of fpgo is of version \Q$version\E, and its SQL objects in database "\w+" are of version \Q$objects\E/;
    my $began  = time;
    for my $case ([ 'submit_invoice', submit_sql(order()) ], [ 'deliver', 'CALL fpgo.deliver()' ],
        [ 'deliver one', 'CALL fpgo.deliver(1)' ], [ 'reconcile', 'SELECT * FROM fpgo.reconcile()' ]) {
        my $ended = ends("$name: $case->[0]", run_in($session, $case->[1]), '55000', $says);
        like($ended->{hint}, $cure, "$name: $case->[0]: the hint");
    }
    cmp_ok(time - $began, '<', 5, "$name: at once");
    is(count_submissions($session), $n, "$name: nothing is recorded");
    my ($ok, $hint) = split /\|/, run_in($session, q{SELECT ok, hint FROM fpgo.doctor() d (name, ok, detail, hint) WHERE name = 'extension'})->{rows};
    is($ok, 'f', "$name: the doctor says so");
    like($hint, qr/ALTER EXTENSION fpgo UPDATE/, "$name: and what to do");
    return;
}

# --- without a worker -----------------------------------------------------------------

install_old('plain');
my $session = open_session($node, database => 'plain');
my @queued  = queue_two($session);
is(states_of($session, @queued), 'queued queued', 'objects of 1.0: orders are queued');
run_in($session, q{UPDATE fpgo_internal.submission SET run = 4711, state = 'sending' WHERE reference = }
      . literal($queued[0]));
nothing_goes_out('objects of 1.0', $session, '1.0', qr/^ALTER EXTENSION fpgo UPDATE;$/);
is(states_of($session, @queued), 'sending queued', 'objects of 1.0: no record changes');
run_in($session, q{UPDATE fpgo_internal.submission SET run = NULL, state = 'queued' WHERE state = 'sending'});
is(run_in($session, 'SELECT state FROM fpgo.worker()')->{rows}, 'none', 'objects of 1.0: there is no worker to speak of');

# Callbacks are taken and uncertain submissions decided about, as 1.0 did.
{
    my $uuid = 'ODR1';
    my $query = "orderUuid=$uuid&status=SENT&checksum=" . sha256_hex("${uuid}SENTs3cret");
    my $receive = "SELECT outcome, submission FROM fpgo.receive_callback('$query')";
    run_in($session, q{ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (ADD callback_secret 's3cret')});
    run_in($session, q{INSERT INTO fpgo_internal.submission (id, server, key, order_hash, role, state, settled_at)
        OVERRIDING SYSTEM VALUE VALUES (-1, 'frontpayment', 'early', '\x00', current_user, 'uncertain', now())});
    is(run_in($session, $receive)->{rows}, 'foreign|', 'objects of 1.0: a callback is taken');
    ends('objects of 1.0: resolve', run_in($session, "SELECT fpgo.resolve(-1, 'accepted', 'test', order_uuid => '$uuid')"), '');
    is(run_in($session, $receive)->{rows}, 'repeated|-1', 'objects of 1.0: and has its submission');
    run_in($session, 'DELETE FROM fpgo_internal.submission WHERE id = -1');
}

# The caller sees an update that it has not committed yet; the process that sends does
# not, and would wait for the tables.
run_in($session, 'BEGIN; ALTER EXTENSION fpgo UPDATE');
my $ended = ends('an update that is not committed', submit($session, order()), '55000', qr/while this transaction locks the records/);
like($ended->{hint}, qr{^Commit first\.}, 'an update that is not committed: the hint');
run_in($session, 'ROLLBACK');
is(count_submissions($session), 2, 'an update that is not committed: nothing is recorded');

ends('ALTER EXTENSION fpgo UPDATE', run_in($session, 'ALTER EXTENSION fpgo UPDATE'), '');
ends('updated: submit_invoice', submit($session, my $sent = order()), '');
push @committed, reference_of($sent);
ends('updated: deliver', run_in($session, 'CALL fpgo.deliver()'), '');
is(states_of($session, @queued), 'accepted accepted', 'updated: what was queued before is delivered');
$session->quit;

# --- with a worker --------------------------------------------------------------------

install_old('old');
$session = open_session($node, database => 'old');
my $worker = wait_for_worker($node, 'old');
my $line   = qr/LOG:  queued orders cannot be claimed for delivery: the library of fpgo .* database "old" are of version/;
@queued = queue_two($session);
sleep 3;
is(states_of($session, @queued), 'queued queued', 'the worker leaves them alone');
is(count_logged($node, $line), 1, 'and says so in the log, once');
like(slurp_file($node->logfile), qr/HINT:  ALTER EXTENSION fpgo UPDATE;/, 'with what to do');
is(run_in($session, 'SELECT state, pid FROM fpgo.worker()')->{rows}, "outdated|$worker", 'fpgo.worker() says so');
is(run_in($session, q{SELECT worker FROM fpgo.queue_health WHERE server = 'frontpayment'})->{rows}, 'outdated', 'and queue_health');
is(run_in($session, q{SELECT ok FROM fpgo.doctor() d (name, ok) WHERE name = 'worker'})->{rows}, 'f', 'and the doctor');
run_in($session, q{UPDATE fpgo_internal.submission SET run = 4711, state = 'sending' WHERE reference = } . literal($queued[0]));
nothing_goes_out('with a worker', $session, '1.0', qr/^ALTER EXTENSION fpgo UPDATE;$/);
# longer than it takes the worker to tidy up, which it does every ten seconds
sleep 11;
is(states_of($session, @queued), 'sending queued', 'with a worker: no record changes');
run_in($session, q{UPDATE fpgo_internal.submission SET run = NULL, state = 'queued' WHERE state = 'sending'});
run_in($session, 'ALTER EXTENSION fpgo UPDATE');
{
    my $began = time;
    wait_for_order($gateway, $_, 10) for @queued;
    diag(sprintf 'after ALTER EXTENSION fpgo UPDATE a worker went on within %.1f s', time - $began);
    cmp_ok(time - $began, '<', 5, 'updated: the worker goes on by itself');
}
is(run_in($session, 'SELECT state, pid FROM fpgo.worker()')->{rows}, "running|$worker", 'updated: the same worker, running');
is(count_logged($node, $line), 1, 'updated: nothing more in the log');

# --- objects newer than the library -----------------------------------------------------

# As an update does: another version, and a change of fpgo.version().
sub pretend {
    my ($version) = @_;
    run_in($session, "BEGIN; UPDATE pg_extension SET extversion = '$version' WHERE extname = 'fpgo';
        ALTER FUNCTION fpgo.version() COST 1; COMMIT");
    return;
}

{
    # what is on its way is recorded all the same
    my ($order, $reference) = new_order();
    push @committed, $reference;
    $gateway->misbehave({ delay => 2 });
    run_in($session, enqueue_sql($order));
    wait_for('the order to be sent', sub { states_of($session, $reference) eq 'sending' });
    pretend('1.10');
    wait_for('its outcome', sub { states_of($session, $reference) ne 'sending' }, 10);
    is(states_of($session, $reference), 'accepted', 'newer objects: what was on its way is recorded');
}
@queued = queue_two($session);
nothing_goes_out('newer objects', $session, '1.10', qr/^Install the package of fpgo 1\.10.* restart the server/);
sleep 2;
is(states_of($session, @queued), 'queued queued', 'newer objects: the worker sends nothing');
is(count_logged($node, $line), 2, 'newer objects: and says so');
pretend($version);
wait_for('the orders', sub { states_of($session, @queued) eq 'accepted accepted' }, 20);
pass('of one version again: they are delivered');

# --- the closing comparison ---------------------------------------------------------------

$session->quit;
check_log($node);
check_records($node, $gateway, databases => [ 'plain', 'old' ], committed => \@committed);
$node->stop;
$gateway->stop;
done_testing();
