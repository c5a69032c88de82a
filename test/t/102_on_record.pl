# fpgo.submit_invoice is on record whatever becomes of the caller's transaction,
# and its key makes a second call the same call: rollbacks, loops, deadlocks,
# cancels, many sessions at once.  Nobody is invoiced twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $n_sessions = 50;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster(
    'main',
    url      => $gateway->address,
    settings => "deadlock_timeout = '50ms'\nmax_connections = 120");
my $session = open_session($node);
my $other   = open_session($node);
my $admin   = open_session($node);
my $records = FpgoRecords->new($admin, $gateway);

# --- rollback -----------------------------------------------------------------

{
    my ($order, $reference) = new_order();
    run_in($session, 'BEGIN');
    my $first = ends('submitted in a transaction', submit($session, $order), '');
    run_in($session, 'ROLLBACK');
    $records->show('rolled back', $reference, 'accepted', made => 1);
    my $again = ends('again after the rollback', submit($session, $order), '');
    is($again->{rows}, $first->{rows}, 'again after the rollback: the first answer');
    is(submit($other, $order)->{rows}, $first->{rows}, 'from another session: the first answer');
    $records->show('again after the rollback', $reference, 'accepted', made => 1);
}
{
    my ($order, $reference) = new_order();
    run_in($session, 'BEGIN; SAVEPOINT a');
    submit($session, $order);
    run_in($session, 'ROLLBACK TO a');
    ends('again after ROLLBACK TO', submit($session, $order), '');
    run_in($session, 'ROLLBACK');
    $records->show('ROLLBACK TO', $reference, 'accepted', made => 1);
}

# --- an unknown outcome ---------------------------------------------------------

{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ close_after_request => \1 });
    my $first = ends('an unknown outcome', submit($session, $order), '38F01', qr/fpgo\.resolve\((\d+)/);
    my ($id) = $first->{hint} =~ /fpgo\.resolve\((\d+)/;
    ends('again', submit($session, $order), '38F01', qr/submission $id\b/);
    ends('again in another session', submit($other, $order), '38F01', qr/submission $id\b/);
    $records->show('an unknown outcome', $reference, 'uncertain', made => 1);
    is($gateway->received($reference), 1, 'an unknown outcome: transmitted once');

    my ($entry) = $gateway->ledger($reference);
    administer($admin, "SELECT fpgo.resolve($id, 'accepted', 'seen at the gateway', '$entry->{order_uuid}')");
    is(submit($session, $order)->{order_uuid}, $entry->{order_uuid}, 'resolved: the answer is there');
}

# --- somebody who tries again whatever happens ------------------------------------

administer($admin, q{
    CREATE FUNCTION insist(o jsonb) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        answers text[];
        uuid text;
    BEGIN
        FOR i IN 1 .. 5 LOOP
            BEGIN
                SELECT order_uuid INTO STRICT uuid FROM fpgo.submit_invoice(o);
                RETURN array_to_string(answers || uuid, ' ');
            EXCEPTION WHEN OTHERS THEN
                answers := answers || SQLSTATE::text;
            END;
        END LOOP;
        RETURN array_to_string(answers, ' ');
    END $$});

sub insist {
    my ($order) = @_;
    return run_in($session, 'SELECT insist(' . literal($order) . ')')->{rows};
}

{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ close_after_request => \1 });
    is(insist($order), '38F01 38F01 38F01 38F01 38F01', 'a loop over an unknown outcome');
    $records->show('a loop over an unknown outcome', $reference, 'uncertain', made => 1);
    is($gateway->received($reference), 1, 'a loop over an unknown outcome: transmitted once');
}
{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ status => 429, headers => { 'Retry-After' => '1' } }, { errors => ['No.'] }, { status => 401 });
    like(insist($order), qr/^38F04 38F05 38F03 ODR\d+$/, 'a loop over certain failures');
    $records->show('a loop over certain failures', $reference, 'cancelled refused cancelled accepted', made => 1);
}

# --- transactions that PostgreSQL ends ---------------------------------------------

administer($admin, 'CREATE TABLE shop (id int PRIMARY KEY, n int DEFAULT 0, v text, o jsonb)');
administer($admin, 'INSERT INTO shop SELECT generate_series(1, 9)');
{
    my ($order_1, $reference_1) = new_order();
    my ($order_2, $reference_2) = new_order();
    my %sessions = (1 => [ $session, $order_1 ], 2 => [ $other, $order_2 ]);
    for my $number (1, 2) {
        my ($in, $order) = @{ $sessions{$number} };
        run_in($in, "BEGIN; UPDATE shop SET n = n + 1 WHERE id = $number");
        ends("deadlock, session $number", submit($in, $order), '');
    }
    begin_in($session, 'UPDATE shop SET n = n + 1 WHERE id = 2');
    begin_in($other,   'UPDATE shop SET n = n + 1 WHERE id = 1');
    my %ended = (1 => finish_in($session), 2 => finish_in($other));
    my @victims = grep { $ended{$_}{sqlstate} eq '40P01' } 1, 2;
    is(scalar @victims, 1, 'deadlock: one of the two is aborted');
    run_in($_, 'COMMIT') for $session, $other;
    my ($in, $order) = @{ $sessions{ $victims[0] } };
    ends('deadlock: tried again', submit($in, $order), '');
    $records->show("deadlock, session $_->[0]", $_->[1], 'accepted', made => 1)
      for [ 1, $reference_1 ], [ 2, $reference_2 ];
}
{
    my ($order, $reference) = new_order();
    my $count = 'SELECT sum(n) FROM shop';
    run_in($_, "BEGIN ISOLATION LEVEL SERIALIZABLE; $count") for $session, $other;
    ends('SERIALIZABLE', submit($session, $order), '');
    run_in($session, 'UPDATE shop SET n = n + 1 WHERE id = 3');
    run_in($other,   'UPDATE shop SET n = n + 1 WHERE id = 4; COMMIT');
    ends('SERIALIZABLE: the commit', run_in($session, 'COMMIT'), '40001');
    ends('SERIALIZABLE: tried again', submit($session, $order), '');
    $records->show('SERIALIZABLE', $reference, 'accepted', made => 1);
}

# --- a caller that does not wait to the end ------------------------------------------

for my $how ('cancel', 'statement_timeout', 'terminate') {
    my ($order, $reference) = new_order();
    my $in  = $how eq 'terminate' ? open_session($node) : $session;
    my $pid = pid_of($in);
    $gateway->misbehave({ delay => 0.5 });
    run_in($in, q{SET statement_timeout = '250ms'}) if $how eq 'statement_timeout';
    begin_submit($in, $order);
    wait_for_order($gateway, $reference);
    administer($admin, "SELECT pg_${how}_backend($pid)") if $how ne 'statement_timeout';
    my $ended = ends($how, finish_in($in), $how eq 'terminate' ? '57P01' : '57014');
    my ($id) = $ended->{context} =~ /submission (\d+) goes on/;
    ok($id, "$how: CONTEXT names the submission") or diag($ended->{said});
    run_in($in, 'RESET statement_timeout') if $how eq 'statement_timeout';
    ends("$how: again at once", submit($other, $order), '55006', qr/submission $id\b/);
    wait_for("the end of submission $id", sub { $records->states_of($reference) ne 'sending' });
    $records->show($how, $reference, 'accepted', made => 1);
    my $again = ends("$how: again later", submit($how eq 'terminate' ? $other : $session, $order), '');
    is($again->{order_uuid}, ($gateway->ledger($reference))[0]{order_uuid}, "$how: the answer is there");
    is(administer($admin, "SELECT order_uuid FROM fpgo.invoice_session($id)"),
        $again->{order_uuid}, "$how: and in invoice_session");
    eval { $in->quit } if $how eq 'terminate';
}

{
    # nobody waits any more, so what was not processed is queued and not cancelled
    my ($order, $reference) = new_order();
    my $pid = pid_of($session);
    $gateway->misbehave({ status => 429, delay => 0.4 });
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    administer($admin, "SELECT pg_cancel_backend($pid)");
    ends('cancelled, and not processed', finish_in($session), '57014', qr/goes on/);
    wait_for('the end of it', sub { $records->states_of($reference) ne 'sending' });
    $records->show('cancelled, and not processed', $reference, 'queued', made => 0);
    administer($admin, "UPDATE fpgo_internal.submission SET not_before = NULL WHERE reference = '$reference'");
    forget_slow_down($admin);
    administer($admin, 'CALL fpgo.deliver()');
    $records->show('cancelled, and delivered later', $reference, 'accepted', made => 1);
}
{
    # whenever the time is up, before the order is recorded or after
    my $impatient = open_session($node);
    my (@unexpected, %seen, @made);
    for my $round (1 .. 6) {
        my ($order, $reference) = new_order();
        for my $ms (map { $_ + $round } 1, 2, 3, 5, 8, 10, 12, 15, 20, 60_000) {
            run_in($impatient, "SET statement_timeout = $ms");
            my $ended = submit($impatient, $order);
            $seen{ $ended->{sqlstate} || 'accepted' }++;
            push @unexpected, $ended->{said} unless $ended->{sqlstate} =~ /^(?:|57014|55006)$/;
        }
        wait_for("the end of order $reference", sub { $records->states_of($reference) !~ /sending/ });
        push @made, $records->states_of($reference) . ' ' . $gateway->made($reference);
    }
    is_deeply(\@unexpected, [], 'an impatient caller: accepted, timed out or being submitted');
    is_deeply(\@made, [ ('accepted 1') x 6 ], 'an impatient caller: one create each');
    diag('an impatient caller: ' . join(', ', map { "$_ $seen{$_} times" } sort keys %seen));
    $impatient->quit;
}

# --- expressions that are evaluated more than once --------------------------------------

sub keyless { return order(referenceNo => undef, 'customerDetails.name' => $_[0]); }

sub made_for {
    my ($customer) = @_;
    return scalar grep { $_->{made} && $_->{body}{customerDetails}{name} eq $customer } $gateway->ledger;
}

for my $case ([ 'with a reference', order('customerDetails.name' => 'Star A') ],
    [ 'without one', keyless('Star B') ]) {
    my ($name, $order) = @$case;
    my ($customer) = $order =~ /(Star .)/;
    my $ended = run_in($session, 'SELECT (fpgo.submit_invoice(' . literal($order) . ')).*');
    like($ended->{rows}, qr/^ODR\d+\|CSRT\d+\|https/, "(...).* $name: a row") or diag($ended->{said});
    is(made_for($customer), 1, "(...).* $name: one create");
}
{
    administer($admin, 'UPDATE shop SET o = ' . literal(keyless('Writer')) . ' WHERE id = 5');
    run_in($other, 'BEGIN; UPDATE shop SET n = 100 WHERE id = 5');
    begin_in($session, 'UPDATE shop SET v = (fpgo.submit_invoice(o)).order_uuid WHERE id = 5 RETURNING v');
    wait_for_lock($session);
    is(made_for('Writer'), 1, 'UPDATE with a concurrent writer: submitted before it waits');
    run_in($other, 'COMMIT');
    my $ended = finish_in($session);
    like($ended->{rows}, qr/^ODR\d+$/, 'UPDATE with a concurrent writer: succeeds') or diag($ended->{said});
    is(administer($admin, 'SELECT n FROM shop WHERE id = 5'), 100, 'UPDATE with a concurrent writer: evaluated again');
    is(made_for('Writer'), 1, 'UPDATE with a concurrent writer: one create');
}
{
    administer($admin, q{
        CREATE FUNCTION invoice_row() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.v := (fpgo.submit_invoice(NEW.o)).order_uuid;
            RETURN NEW;
        END $$;
        CREATE TRIGGER invoice_row BEFORE INSERT ON shop FOR EACH ROW EXECUTE FUNCTION invoice_row()});
    my ($order, $reference) = new_order();
    my $insert = 'INSERT INTO shop (id, o) VALUES (10, ' . literal($order) . ') ON CONFLICT DO NOTHING';
    ends('ON CONFLICT DO NOTHING', run_in($session, $insert), '') for 1 .. 2;
    $records->show('ON CONFLICT DO NOTHING', $reference, 'accepted', made => 1);
}
{
    my $order = keyless('Twice');
    run_in($session, 'BEGIN');
    my $first = submit($session, $order);
    my $again = submit($session, $order);
    run_in($session, 'COMMIT');
    is($again->{rows}, $first->{rows}, 'no key, one transaction: the first answer');
    is(made_for('Twice'), 1, 'no key, one transaction: one create');
    my $later = ends('no key, another transaction', submit($other, $order), '');
    is($later->{rows}, $first->{rows}, 'no key, another transaction: the first answer');
    like($later->{said}, qr/NOTICE: .*nothing was sent now/, 'no key, another transaction: a NOTICE says that nothing was sent');
    run_in($other, 'SET fpgo.keyless_window = 0');
    my $refused = ends('no key, after the window', submit($other, $order), '23505', qr/accepted on \d{4}-\d\d-\d\d\./);
    like($refused->{hint}, qr/pass a key, or give the order a referenceNo/, 'no key, after the window: the hint');
    run_in($other, 'RESET fpgo.keyless_window');
    is(made_for('Twice'), 1, 'no key, another transaction: one create');
}

# What lib/pq and pgbouncer make of a session that dies: the same statement again, in another
# session and without a word.  While the first is on its way, and once it is accepted.
for my $n (1 .. 2) {
    my $customer = "Driver $n";
    my $order    = keyless($customer);
    my $victim   = open_session($node);
    $gateway->misbehave({ delay => 0.6 });
    begin_submit($victim, $order);
    wait_for("the order of $customer", sub {
        grep { $_->{body}{customerDetails}{name} eq $customer } $gateway->ledger });
    administer($admin, 'SELECT pg_terminate_backend(' . pid_of($victim) . ')');
    my ($id) = ends("a session that dies, $n", finish_in($victim), '57P01')->{context} =~ /submission (\d+) goes on/;
    ok($id, "a session that dies, $n: CONTEXT names the submission");
    ends("a session that dies, $n: again at once", submit($other, $order), '55006', qr/submission $id\b/);
    wait_for("the end of submission $id", sub {
        administer($admin, "SELECT state FROM fpgo.submissions WHERE submission = $id") ne 'sending' });
    my $again = ends("a session that dies, $n: again", submit($other, $order), '');
    is(administer($admin, "SELECT order_uuid FROM fpgo.invoice_session($id)"),
        $again->{order_uuid}, "a session that dies, $n: the first answer");
    is(made_for($customer), 1, "a session that dies, $n: one create");
    eval { $victim->quit };
}

# --- what a second call gets --------------------------------------------------------------

# What would have somebody make a second invoice of one purchase.
my $another_key = qr/key =>|key of its own|pass a|submit this one later/i;

# corrected($what, $order, $pattern): another order under the key of one that is
# so: an error, whose hint says that and advises no other key.  For those who call
# and for those who queue.
sub corrected {
    my ($what, $order, $pattern) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $queued = ends("correcting what is $what, queued", run_in($session, enqueue_sql($order)), '23505', $pattern);
    my $called = ends("correcting what is $what", submit($session, $order), '23505', $pattern);
    is($queued->{hint}, $called->{hint}, "correcting what is $what: one hint for both");
    like($called->{hint}, qr/nother key (?:makes|may make) a second invoice/, "correcting what is $what: it warns");
    unlike($called->{hint}, $another_key, "correcting what is $what: no other key is advised");
    return $called;
}

{
    my ($order, $reference) = new_order();
    my $uuid    = submit($session, $order)->{order_uuid};
    my $changed = order(referenceNo => $reference, 'customerDetails.name' => 'Kari');
    my $taken   = corrected('accepted', $changed, qr/dashboard/);
    like($taken->{detail}, qr/accepted as $uuid\./, 'correcting what is accepted: the uuid is said');
    unlike($taken->{said}, qr/Kari/, 'correcting what is accepted: nothing of the order is shown');
    $records->show('correcting what is accepted', $reference, 'accepted', made => 1);
    ends('with a key of its own', run_in($session, submit_sql($changed, "key => '$reference-b'")), '');
    $records->show('with a key of its own', $reference, 'accepted accepted', made => 2);

    administer($admin, 'CREATE ROLE cashier; GRANT USAGE ON FOREIGN SERVER frontpayment TO cashier');
    run_in($session, 'SET ROLE cashier');
    unlike(corrected('accepted from another role', $changed, qr/dashboard/)->{said}, qr/$uuid/,
        'correcting what is accepted from another role: the uuid is not said');
    my $theirs = ends('the same order as of another role', submit($session, $order), '42501', qr/fpgo\.invoice_session\(\d+\)/);
    unlike($theirs->{hint}, $another_key, 'the same order as of another role: no other key is advised');
    run_in($session, 'RESET ROLE');
    $records->show('from another role', $reference, 'accepted accepted', made => 2);
}
{
    my ($order, $reference) = new_order();
    run_in($session, enqueue_sql($order));
    my $changed = order(referenceNo => $reference, 'customerDetails.name' => 'Kari');
    my $taken   = corrected('queued', $changed, qr/cancel_submission/);
    my ($cure)  = $taken->{hint} =~ /(SELECT [^;]*;)/;
    ends('what the hint says', run_in($session, $cure), '');
    ends('correcting what was queued', submit($session, $changed), '');
    $records->show('correcting what was queued', $reference, 'cancelled accepted', made => 1);
}
{
    my ($order, $reference) = new_order();
    my $changed = order(referenceNo => $reference, 'customerDetails.name' => 'Kari');
    $gateway->misbehave({ delay => 1, close_after_request => \1 });
    begin_submit($other, $order);
    wait_for_order($gateway, $reference);
    corrected('sending', $changed, qr/Wait for its outcome/);
    ends('no answer', finish_in($other), '38F01');
    corrected('uncertain', $changed, qr/may have been invoiced.*fpgo\.resolve\(\d+/);
    $records->show('correcting what is uncertain', $reference, 'uncertain', made => 1);
}
{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ errors => ['Not this one.'] });
    ends('refused', submit($session, $order), '38F05', qr/Not this one\..*HINT: .*under the same key/s);
    my $corrected = order(referenceNo => $reference, 'customerDetails.name' => 'Kari');
    ends('refused, then corrected', submit($session, $corrected), '');
    $records->show('refused, then corrected', $reference, 'refused accepted', made => 1);
}
for my $case (
    [ '38F03', { status => 401 } ],
    [ '38F04', { status => 429, headers => { 'Retry-After' => '17' } } ]) {
    my ($sqlstate, $wish) = @$case;
    my ($order, $reference) = new_order();
    $gateway->misbehave($wish);
    ends('not processed', submit($session, $order), $sqlstate);
    $records->show("$sqlstate", $reference, 'cancelled', made => 0);
    forget_slow_down($admin);
    ends("$sqlstate, then mended", submit($session, $order), '');
    $records->show("$sqlstate, then mended", $reference, 'cancelled accepted', made => 1);
}
{
    my ($order, $reference) = new_order();
    my $nobody = closed_address();
    # which also shows that the caller's own view of the server counts
    run_in($session, "BEGIN; ALTER SERVER frontpayment OPTIONS (SET url '$nobody')");
    ends('an uncommitted ALTER SERVER', submit($session, $order), '38F02');
    run_in($session, 'ROLLBACK');
    $records->show('38F02', $reference, 'cancelled', made => 0);
    ends('38F02, then mended', submit($session, $order), '');
    $records->show('38F02, then mended', $reference, 'cancelled accepted', made => 1);
}
{
    my ($order, $reference) = new_order();
    run_in($session, enqueue_sql($order));
    ends('queued before', submit($session, $order), '55006', qr/queued/);
    $records->show('queued before', $reference, 'queued', made => 0);
    administer($admin, qq{
        SELECT fpgo.cancel_submission(id, 'test') FROM fpgo_internal.submission WHERE reference = '$reference'});
    ends('queued and cancelled before', submit($session, $order), '');
    $records->show('queued and cancelled before', $reference, 'cancelled accepted', made => 1);
}
{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ close_after_request => \1 });
    submit($session, $order);
    my $sibling = order(referenceNo => $reference, 'customerDetails.name' => 'Kari');
    my $busy = ends('the reference is not finished',
        run_in($session, submit_sql($sibling, "key => '$reference-b'")), '55006', qr/another key makes a second invoice/);
    unlike($busy->{hint}, $another_key, 'the reference is not finished: no other key is advised');
    $records->show('the reference is not finished', $reference, 'uncertain', made => 1);
}

# --- the caller's own transaction in the way ------------------------------------------------

run_in($session, q{SET statement_timeout = '10s'});
{
    my ($order, $reference) = new_order();
    run_in($session, 'BEGIN; ' . enqueue_sql($order));
    my $ended = ends('queued in this transaction', submit($session, $order), '55000', qr/Commit first/);
    cmp_ok($ended->{seconds}, '<', 1, 'queued in this transaction: said at once');
    run_in($session, 'ROLLBACK; BEGIN; SAVEPOINT a; ' . enqueue_sql($order) . '; RELEASE a');
    ends('queued in a subtransaction', submit($session, $order), '55000', qr/Commit first/);
    run_in($session, 'ROLLBACK; BEGIN; SAVEPOINT a; ' . enqueue_sql($order) . '; ROLLBACK TO a');
    ends('queued and rolled back', submit($session, $order), '');
    run_in($session, 'ROLLBACK');
    $records->show('queued and rolled back', $reference, 'accepted', made => 1);
}
{
    my ($order, $reference) = new_order();
    run_in($other, 'BEGIN; ' . enqueue_sql($order));
    begin_submit($session, $order);
    wait_for_lock($session);
    $records->show("queued in another's open transaction", $reference, '', made => 0);
    run_in($other, 'ROLLBACK');
    ends('and rolled back', finish_in($session), '');
    $records->show('and rolled back', $reference, 'accepted', made => 1);
}
for my $mode ('SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE') {
    for my $table ('submission', 'attempt', 'payload') {
        my ($order, $reference) = new_order();
        run_in($session, "BEGIN; LOCK TABLE fpgo_internal.$table IN $mode MODE");
        my $ended = ends("LOCK TABLE $table IN $mode MODE", submit($session, $order), '55000', qr/Commit first/);
        cmp_ok($ended->{seconds}, '<', 1, "LOCK TABLE $table IN $mode MODE: said at once");
        run_in($session, 'ROLLBACK');
        $records->show("LOCK TABLE $table IN $mode MODE", $reference, '', made => 0);
    }
}
{
    my ($order, $reference) = new_order();
    my $url = $gateway->address;
    run_in($session, qq{BEGIN;
        CREATE SERVER fresh FOREIGN DATA WRAPPER fpgo OPTIONS (url '$url');
        CREATE USER MAPPING FOR PUBLIC SERVER fresh OPTIONS (token '$TOKEN')});
    my $on_fresh = submit_sql($order, q{server => 'fresh'});
    ends('a server of this transaction', run_in($session, $on_fresh), '55000', qr/Commit first/);
    $records->show('a server of this transaction', $reference, '', made => 0);
    run_in($session, 'ROLLBACK');
}
run_in($session, 'RESET statement_timeout');

# --- where nothing may be submitted ------------------------------------------------------------

{
    my ($order, $reference) = new_order();
    run_in($session, 'BEGIN READ ONLY');
    ends('a read-only transaction', submit($session, $order), '55000', qr/read-only/);
    run_in($session, 'ROLLBACK');
    administer($admin, q{
        CREATE FUNCTION submit_anywhere(o text) RETURNS text PARALLEL SAFE LANGUAGE plpgsql AS
        'BEGIN RETURN (fpgo.submit_invoice(o)).order_uuid; END'});
    my $parallel = parallel_setting();
    run_in($session, "SET $parallel = on");
    ends('a parallel worker',
        run_in($session, 'SELECT submit_anywhere(' . literal($order) . ')'), '55000', qr/parallel/);
    run_in($session, "RESET $parallel");
    $records->show('where nothing may be submitted', $reference, '', made => 0);
}

# --- many at once --------------------------------------------------------------------------------

# Let all sessions run a statement of their own at the same moment.
sub run_at_once {
    my (@pairs) = @_;
    run_in($admin, 'SELECT pg_advisory_lock(1)');
    begin_in($_->[0], "SELECT pg_advisory_lock_shared(1);\n$_->[1]") for @pairs;
    wait_for('all sessions', sub {
        run_in($admin, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'})->{rows} == @pairs;
    });
    run_in($admin, 'SELECT pg_advisory_unlock(1)');
    my @ended = map { finish_in($_->[0]) } @pairs;
    run_in($_->[0], 'SELECT pg_advisory_unlock_all()') for @pairs;
    return @ended;
}

my @crowd = map { open_session($node) } 1 .. $n_sessions;
{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ delay => 0.2 });
    my @ended = run_at_once(map { [ $_, submit_sql($order) ] } @crowd);
    my ($uuid) = map { $_->{order_uuid} } $gateway->ledger($reference);
    my @others = grep { $_->{sqlstate} ne '55006' && $_->{rows} !~ /^\s*\Q$uuid\E\|/ } @ended;
    is(scalar @others, 0, "$n_sessions sessions, one key: everybody gets the row or 55006")
      or diag($others[0]{said});
    $records->show("$n_sessions sessions, one key", $reference, 'accepted', made => 1);
}
{
    my @orders = map { order() } @crowd;
    my @ended  = run_at_once(map { [ $crowd[$_], submit_sql($orders[$_]) ] } 0 .. $#crowd);
    my @failed = grep { $_->{sqlstate} } @ended;
    is(scalar @failed, 0, "$n_sessions sessions, $n_sessions keys: all are accepted")
      or diag($failed[0]{said});
    my ($slowest) = sort { $b <=> $a } map { $_->{seconds} } @ended;
    diag(sprintf '%d sessions at once, a key each: the slowest took %.1f s', $n_sessions, $slowest);
}
$_->quit for @crowd;

# --- the log, and the closing comparison ----------------------------------------------------------

{
    my $offset = -s $node->logfile;
    my ($order) = new_order();
    $gateway->misbehave({ errors => ['Only once in the log.'] });
    submit($session, $order);
    my $said  = substr slurp_file($node->logfile), $offset;
    my $count = () = $said =~ /(?:ERROR|FATAL|LOG|WARNING):/g;
    is($count, 1, 'a failure is logged once') or diag($said);
}
check_log($node);
check_records($node, $gateway);

$_->quit for $session, $other, $admin;
$node->stop;
$gateway->stop;
done_testing();
