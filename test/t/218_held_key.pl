# A key, or a reference, that another transaction has: who submits under it waits
# itself, and the process that sends serves everybody else meanwhile.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoProtocol;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('held', url => $gateway->address, settings => "deadlock_timeout = '200ms'");
my ($holder, $other, $admin) = map { open_session($node) } 1 .. 3;
my @crowd   = map { open_session($node) } 1 .. 20;
my $records = FpgoRecords->new($admin, $gateway);

# nobody waits for a helper process in place of the worker
run_in($_, 'SET fpgo.helper_wait = 0') for @crowd;
wait_for_worker($admin);

sub count_helpers {
    return administer($admin, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'fpgo helper'});
}

# how_many_wait(): for the end of a transaction.
sub how_many_wait {
    return administer($admin, q{SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND wait_event = 'transactionid'});
}

# median_ms($n, $meanwhile): of so many orders that a session submits; $meanwhile
# is called between two of them.
sub median_ms {
    my ($n, $meanwhile) = @_;
    my @took;
    for (1 .. $n) {
        my $ended = submit($other, order());
        is($ended->{sqlstate}, '', 'another order') if $ended->{sqlstate};
        push @took, 1000 * $ended->{seconds};
        $meanwhile->();
    }
    return (sort { $a <=> $b } @took)[ $n / 2 ];
}

# --- twenty sessions under a key that an open transaction has ---------------------------

for my $how ('COMMIT', 'ROLLBACK') {
    my ($order, $reference) = new_order();
    submit($_, order()) for $other, @crowd;
    my $without = median_ms(60, sub { });
    run_in($holder, 'BEGIN; ' . enqueue_sql($order));
    begin_submit($_, $order) for @crowd;
    wait_for('all to wait', sub { how_many_wait() == @crowd });
    my $with = median_ms(60, sub { });
    my $says = sprintf '%s: an order of another session took %.1f ms, and %.1f ms while twenty sessions waited',
      $how, $without, $with;
    diag($says);
    cmp_ok($with, '<', 3 * $without, $says);
    is(how_many_wait(), @crowd, "$how: and they still wait");
    run_in($holder, $how);
    my %ends;
    $ends{ $_->{sqlstate} }++ for map { finish_within($how, $_, 30) } @crowd;
    # queued or sending: 55006; once it is accepted: its row
    is(join(' ', grep { $_ !~ /^(?:55006)?$/ } keys %ends), '', "$how: all end rightly");
    cmp_ok($ends{''} // 0, '>=', $how eq 'COMMIT' ? 0 : 1, "$how: with a row if one of them submits");
    wait_for("$how: the order", sub { $records->states_of($reference) =~ /accepted/ });
    $records->show("$how: once", $reference, 'accepted', made => 1);
    is(count_helpers(), 0, "$how: no helper process was needed");
}

# --- what ends the wait -----------------------------------------------------------------

my $withdrawn = qr/CONTEXT: +while waiting for a transaction .* the same key\n.*withdrawn: nothing was recorded and nothing was sent/;

for my $paused (0, 1) {
    my $by = $paused ? 'a helper' : 'the worker';
    administer($admin, 'SELECT fpgo.pause()') if $paused;
    my ($order, $reference) = new_order();
    my ($in) = @crowd;
    run_in($in, 'RESET fpgo.helper_wait');
    run_in($holder, 'BEGIN; ' . enqueue_sql($order));
    for my $how ('lock_timeout', 'statement_timeout', 'cancel') {
        run_in($in, "SET $how = '200ms'") if $how ne 'cancel';
        begin_submit($in, $order);
        if ($how eq 'cancel') {
            wait_for_lock($in);
            administer($admin, 'SELECT pg_cancel_backend(' . pid_of($in) . ')');
        }
        my $ended = ends("$by, $how", finish_within("$by, $how", $in, 10), $how eq 'lock_timeout' ? '55P03' : '57014',
            $withdrawn);
        cmp_ok($ended->{seconds}, '<', 1.5, "$by, $how: when it is due");
        run_in($in, "RESET $how") if $how ne 'cancel';
    }
    begin_submit($in, $order);
    wait_for_lock($in);
    run_in($holder, 'ROLLBACK');
    ends("$by: free at last", finish_within("$by: free at last", $in, 10), '');
    $records->show("$by: free at last", $reference, 'accepted', made => 1);

    # each has what the other one waits for; as parameters, no order is logged
    my @clients = map { FpgoProtocol->connect($node) } 1 .. 2;
    my @orders  = map { order() } @clients;
    $_->run('BEGIN') for @clients;
    $clients[$_]->run('SELECT fpgo.enqueue_invoice($1)', $orders[$_]) for 0, 1;
    $clients[$_]->begin('SELECT * FROM fpgo.submit_invoice($1)', $orders[ 1 - $_ ]) for 0, 1;
    my @ended = sort { $a->{sqlstate} cmp $b->{sqlstate} } map { $_->finish } @clients;
    is(join(' ', map { $_->{sqlstate} } @ended), ' 40P01', "$by: a deadlock is ended");
    $_->run('ROLLBACK') for @clients;
    $_->forget for @clients;

    if ($paused) {
        administer($admin, 'SELECT fpgo.resume()');
        wait_for_worker($admin);
    }
}

# --- what is not waited for -----------------------------------------------------------------

{
    # a decision: the answer is what is on record
    my ($order, $reference) = new_order();
    $gateway->misbehave({ status => 502 });
    submit($other, $order);
    my $id = administer($admin, "SELECT submission FROM fpgo.submissions WHERE reference = '$reference'");
    run_in($holder, "BEGIN; SELECT fpgo.resolve($id, 'cancelled', 'test')");
    my $ended = ends('a decision in an open transaction', submit($other, $order), '38F01');
    cmp_ok($ended->{seconds}, '<', 1, 'a decision in an open transaction: said at once');
    run_in($holder, 'COMMIT');
    ends('and after it', submit($other, $order), '');
    $records->show('a decision', $reference, 'cancelled accepted', made => 1);
}
{
    # another order of a role with a user mapping of its own, under the same key
    administer($admin, qq{
        CREATE ROLE branch;
        GRANT USAGE ON FOREIGN SERVER frontpayment TO branch;
        CREATE USER MAPPING FOR branch SERVER frontpayment OPTIONS (token '$TOKEN')});
    my ($order, $reference) = new_order();
    my $another = order(referenceNo => $reference, 'customerDetails.name' => 'Kari');
    run_in($holder, 'SET ROLE branch; BEGIN; ' . enqueue_sql($another));
    my $ended = ends('a key of another role in an open transaction', submit($other, $order), '');
    cmp_ok($ended->{seconds}, '<', 1, 'a key of another role in an open transaction: at once');
    run_in($holder, 'COMMIT');
    wait_for('the order of that role', sub { $records->states_of($reference) eq 'accepted accepted' });

    # the same order is the same call, whoever hands it in
    ($order, $reference) = new_order();
    run_in($holder, 'BEGIN; ' . enqueue_sql($order));
    begin_submit($other, $order);
    wait_for_lock($other);
    run_in($holder, 'COMMIT');
    like(finish_within('the same order of another role', $other, 10)->{sqlstate}, qr/^(?:42501|55006)?$/,
        'the same order of another role: the same call');
    wait_for('the same order of another role', sub { $records->states_of($reference) eq 'accepted' });
    $records->show('the same order of another role', $reference, 'accepted', made => 1);

    # a stuck reference of another role
    run_in($holder, 'RESET ROLE');
    my $stuck;
    ($stuck, $reference) = new_order();
    $gateway->misbehave({ status => 502 });
    run_in($holder, 'SET ROLE branch');
    ends('stuck', submit($holder, $stuck), '38F01');
    run_in($holder, 'RESET ROLE');
    my $queued = $records->enqueue($other, referenceNo => $reference, 'customerDetails.name' => 'Kari');
    wait_for('an order with the reference that another role has', sub { $records->state_of($queued) eq 'accepted' });
    pass('a stuck reference of another role holds nothing up');
    administer($admin, 'DROP USER MAPPING FOR branch SERVER frontpayment');
}

# --- other locks ---------------------------------------------------------------------------

# what the owner hangs on the records may take time, or wait
administer($admin, q{
    CREATE TABLE slow (seconds float8);
    INSERT INTO slow VALUES (0);
    CREATE FUNCTION slow_down() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_catalog.current_setting('application_name') OPERATOR(pg_catalog.~~) 'fpgo%' THEN
            PERFORM pg_catalog.pg_sleep(seconds) FROM public.slow FOR UPDATE;
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER slow BEFORE INSERT ON fpgo_internal.submission FOR EACH ROW EXECUTE FUNCTION slow_down()});
{
    my ($order, $reference) = new_order();
    run_in($holder, 'BEGIN; SELECT FROM slow FOR UPDATE');
    begin_submit($other, $order);
    wait_for('a helper to wait', sub { count_helpers() });
    sleep 0.3;
    run_in($holder, 'ROLLBACK');
    ends('a lock of the owner\'s trigger', finish_within('a lock of the owner\'s trigger', $other, 10), '');
    $records->show('a lock of the owner\'s trigger', $reference, 'accepted', made => 1);
}
for my $by ('the worker', 'a helper') {
    # a transaction takes the key after the process looked for one, and before it inserts
    my ($order, $reference) = new_order();
    submit($other, order());
    administer($admin, 'UPDATE slow SET seconds = 1');
    begin_submit($other, $order);
    wait_for('the order to be inserted', sub {
        administer($admin, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
    });
    run_in($holder, 'BEGIN; ' . enqueue_sql($order));
    wait_for_lock($other);
    is(administer($admin, 'SELECT wait_event FROM pg_stat_activity WHERE pid = ' . pid_of($other)),
        'transactionid', "$by, overtaken: the session waits");
    administer($admin, 'UPDATE slow SET seconds = 0');
    run_in($holder, 'ROLLBACK');
    ends("$by, overtaken", finish_within("$by, overtaken", $other, 10), '');
    $records->show("$by, overtaken", $reference, 'accepted', made => 1);
    administer($admin, 'SELECT fpgo.pause()') if $by eq 'the worker';
}
{
    # while one order of a reference is being recorded, the next one waits for that
    my ($order, $reference) = new_order();
    submit($_, order()) for $other, $crowd[0];
    administer($admin, 'UPDATE slow SET seconds = 1');
    begin_submit($other, $order);
    wait_for('the first to be recorded', sub {
        administer($admin, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
    });
    begin_in($crowd[0], submit_sql($order, q{key => 'another'}));
    wait_for_lock($crowd[0]);
    is(administer($admin, 'SELECT wait_event FROM pg_stat_activity WHERE pid = ' . pid_of($crowd[0])),
        'advisory', 'a reference: the session waits');
    ends('a reference: the first', finish_within('a reference', $other, 10), '');
    my $second = finish_within('a reference: the second', $crowd[0], 10);
    like($second->{sqlstate}, qr/^(?:55006)?$/, 'a reference: the second') or diag($second->{said});
    is(scalar(grep { $_->{made} } $gateway->ledger($reference)), $second->{sqlstate} ? 1 : 2,
        'a reference: what arrived');
}
administer($admin, 'DROP TRIGGER slow ON fpgo_internal.submission');

$_->quit for $holder, $other, $admin, @crowd;
check_log($node);
check_records($node, $gateway);
$node->stop;
$gateway->stop;
done_testing();
