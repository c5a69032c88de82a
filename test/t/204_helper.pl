# The helper process of fpgo.submit_invoice: when it starts and ends, what does
# not disturb it, which locks it waits for, and what memory it keeps.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $warm_calls = 2000;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address);
my $session = open_session($node);
my $admin   = open_session($node);
my $third   = open_session($node);
my $records = FpgoRecords->new($admin, $gateway);

sub count_helpers {
    my ($condition) = @_;
    return administer($admin, qq{SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'fpgo helper' AND $condition});
}

sub wait_for_no_helper {
    return wait_for('the end of all helpers', sub { find_helper($admin) eq '' }, 20);
}

# Ask all helpers to end, and wait for it.
sub end_helpers {
    administer($admin, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'fpgo helper'});
    return wait_for_no_helper();
}

# Kept for the test however slow the machine is; shortened where that is meant.
run_in($session, q{SET fpgo.helper_idle = '60s'});
my $backend = pid_of($session);

# --- coming and going ---------------------------------------------------------------

ends('the first call', submit($session, order()), '');
my $helper = find_helper($admin);
isnt($helper, '', 'the helper is seen');
# what the answer said of the allowance may still be recorded
ok(wait_for('an idle helper', sub { administer($admin, "SELECT state FROM pg_stat_activity WHERE pid = $helper") eq 'idle' }),
    'between calls: idle');
{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ delay => 1 });
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    # now and then it does something
    my $waits = eval { wait_for('the helper to be seen waiting', sub {
        count_helpers(qq{pid = $helper AND state = 'active' AND wait_event_type = 'Extension'});
    }, 10) };
    ok($waits, 'during a call: waits for something of an extension');
    is(administer($admin, "SELECT state || ': ' || query FROM pg_stat_activity WHERE pid = $helper"),
        'active: waiting for the gateway', 'during a call: says what it does');
    is(administer($admin, "SELECT wait_event FROM pg_stat_activity WHERE pid = $backend"),
        'MessageQueueReceive', 'during a call: so does the caller');
    is(transaction_of($admin, $helper), 'none', 'during a call: no transaction and no snapshot');
    ends('during a call', finish_in($session), '');
}
for my $event (
    'DISCARD ALL',
    'BEGIN; SAVEPOINT a; ROLLBACK TO a; ROLLBACK',
    q{DO 'BEGIN RAISE division_by_zero; EXCEPTION WHEN OTHERS THEN NULL; END'}) {
    run_in($session, $event);
    ends("after $event", submit($session, order()), '');
    is(find_helper($admin), $helper, "after $event: the same helper");
}
run_in($session, q{SET fpgo.helper_idle = '60s'});
{
    administer($admin, "SELECT pg_cancel_backend($helper)");
    ends('after pg_cancel_backend on the idle helper', submit($session, order()), '');
    is(find_helper($admin), $helper, 'after pg_cancel_backend on the idle helper: the same');
    my ($order, $reference) = new_order();
    $gateway->misbehave({ delay => 0.3 });
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    administer($admin, "SELECT pg_cancel_backend($helper)");
    ends('pg_cancel_backend on the busy helper', finish_in($session), '');
    $records->show('pg_cancel_backend on the busy helper', $reference, 'accepted', received => 1);
}
{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ delay => 0.3 });
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    administer($admin, "SELECT pg_terminate_backend($helper)");
    ends('pg_terminate_backend on the busy helper', finish_in($session), '');
    $records->show('pg_terminate_backend on the busy helper', $reference, 'accepted', received => 1);
    wait_for_no_helper();
    ends('after it', submit($session, order()), '');
    isnt(find_helper($admin), $helper, 'after it: another helper');
    $helper = find_helper($admin);
}
{
    administer($admin, "SELECT pg_terminate_backend($helper)");
    ends('at once after pg_terminate_backend on the idle helper', submit($session, order()), '');
    end_helpers();
    ends('after pg_terminate_backend on the idle helper', submit($session, order()), '');
}
{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ stall => \1 });
    $helper = find_helper($admin);
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    my $began = time;
    administer($admin, "SELECT pg_terminate_backend($helper)");
    ends('pg_terminate_backend, and no answer', finish_in($session), '38F01');
    my $seconds = time - $began;
    diag(sprintf 'a helper told to end gave up after %.1f s', $seconds);
    cmp_ok($seconds, '<', 4.5, 'pg_terminate_backend, and no answer: given up within the grace time');
    $records->show('pg_terminate_backend, and no answer', $reference, 'uncertain', received => 1);
}
{
    my $guest = open_session($node);
    wait_for_no_helper();
    run_in($guest, q{SET fpgo.helper_idle = '300ms'});
    ends('with a short idle time', submit($guest, order()), '');
    isnt(find_helper($admin), '', 'with a short idle time: it waits a little');
    wait_for_no_helper();
    ok(1, 'with a short idle time: it ends by itself');
    ends('after it ended', submit($guest, order()), '');
    wait_for_no_helper();
    run_in($guest, q{SET fpgo.helper_idle = 0});
    my @failed = grep { $_->{sqlstate} } map { submit($guest, order()) } 1 .. 20;
    is(scalar @failed, 0, 'with no idle time: every call is served') or diag($failed[0]{said});
    wait_for_no_helper();
    run_in($guest, q{SET fpgo.helper_idle = '60s'});
    submit($guest, order());
    isnt(find_helper($admin), '', 'a helper waits');
    $guest->quit;
    my $began = time;
    wait_for_no_helper();
    cmp_ok(time - $began, '<', 2, 'and goes with its session');
}

{
    # a helper starts while the order is checked, and waits if that order is not sent
    my $guest   = open_session($node);
    my $invalid = order(orderSummary => undef);
    wait_for_no_helper();
    run_in($guest, q{SET fpgo.helper_idle = '60s'});
    ends('an order that breaks a rule', submit($guest, $invalid), '23514');
    my $waiting = wait_for('the helper that was started for it', sub { count_helpers(q{state = 'idle'}) && find_helper($admin) });
    ends('the next order', submit($guest, order()), '');
    is(find_helper($admin), $waiting, 'the next order: by that helper');
    ends('another that breaks a rule', submit($guest, $invalid), '23514');
    is(find_helper($admin), $waiting, 'no other helper starts');
    $guest->quit;
    wait_for_no_helper();

    $guest = open_session($node);
    run_in($guest, q{SET fpgo.helper_idle = '1s'});
    ends('a rule broken, and no other order', submit($guest, $invalid), '23514');
    wait_for('the helper that was started for it', sub { find_helper($admin) });
    wait_for_no_helper();
    ok(1, 'the helper ends by itself');
    ends('an order after that', submit($guest, order()), '');
    $guest->quit;
    wait_for_no_helper();

    # whoever may not submit starts nothing
    administer($admin, 'CREATE ROLE stranger LOGIN');
    $guest = open_session($node, user => 'stranger');
    ends('an order of a role that may not submit', submit($guest, order()), '42501');
    is(find_helper($admin), '', 'no helper starts');
    $guest->quit;
    administer($admin, 'DROP ROLE stranger');
}

# --- databases -------------------------------------------------------------------------

my $n_databases = 0;

# enter_new_database([user => $role]): a database with fpgo in it, and a session
# there; returns its name and the session.
sub enter_new_database {
    my (@user) = @_;
    my $name = 'd' . ++$n_databases;
    new_database($node, $name, url => $gateway->address);
    my $in = open_session($node, database => $name, @user);
    run_in($in, q{SET fpgo.helper_idle = '60s'});
    return ($name, $in);
}
{
    my ($name, $in) = enter_new_database();
    ends('in another database', submit($in, order(referenceNo => 'dropped-1')), '');
    $in->quit;
    my $ended = ends('DROP DATABASE right after', run_in($admin, "DROP DATABASE $name"), '');
    diag(sprintf 'DROP DATABASE right after took %.2f s', $ended->{seconds});
}
{
    # by an owner who is no superuser, with a request under way
    administer($admin, 'CREATE ROLE keeper CREATEDB; CREATE ROLE buyer LOGIN; GRANT buyer TO keeper');
    my ($name, $in) = enter_new_database(user => 'buyer');
    administer($admin, "ALTER DATABASE $name OWNER TO keeper");
    $node->safe_psql($name, 'GRANT USAGE ON FOREIGN SERVER frontpayment TO buyer');
    $gateway->misbehave({ delay => 1 });
    begin_submit($in, order(referenceNo => 'dropped-2'));
    wait_for_order($gateway, 'dropped-2');
    my $ended = ends('DROP DATABASE (FORCE) by its owner',
        run_in($admin, "SET ROLE keeper;\nDROP DATABASE $name WITH (FORCE);\nRESET ROLE"), '');
    is(finish_in($in)->{sqlstate}, '57P01', 'DROP DATABASE (FORCE) during a request: its caller is gone');
    eval { $in->quit };
    diag(sprintf 'DROP DATABASE (FORCE) during a request took %.2f s', $ended->{seconds});
}
{
    # every process must heed what CREATE and DROP DATABASE ask of it
    my ($order, $reference) = new_order();
    $gateway->misbehave({ delay => 3 });
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    my $ended = ends('CREATE and DROP DATABASE during a request',
        run_in($admin, "CREATE DATABASE elsewhere;\nDROP DATABASE elsewhere"), '');
    is($records->states_of($reference), 'sending', 'CREATE and DROP DATABASE during a request: done before its end')
      or diag("took $ended->{seconds} s");
    ends('the request', finish_in($session), '');
}

{
    # a helper that cannot start says why, and the session lives on
    my ($name, $in) = enter_new_database();
    administer($admin, "ALTER DATABASE $name ALLOW_CONNECTIONS false");
    my $order = order(referenceNo => 'dropped-3');
    ends('a helper that cannot start', submit($in, $order), '55000', qr/not currently accepting connections/);
    is($gateway->received('dropped-3'), 0, 'a helper that cannot start: nothing is sent');
    administer($admin, "ALTER DATABASE $name ALLOW_CONNECTIONS true");
    ends('a helper that can start again', submit($in, $order), '');
    is($gateway->received('dropped-3'), 1, 'a helper that can start again: sent once');
    $in->quit;
    administer($admin, "DROP DATABASE $name");
}

{
    # a helper that the postmaster has not started yet never starts: its caller has left
    my ($order, $reference) = new_order();
    my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
    my $in         = open_session($node);
    administer($admin, q{ALTER SYSTEM SET log_min_messages = debug1});
    administer($admin, 'SELECT pg_reload_conf()');
    my $offset = -s $node->logfile;
    kill 'STOP', $postmaster;
    run_in($in, q{SET statement_timeout = '500ms'});
    ends('a helper that does not start in time', submit($in, $order), '57014', qr/withdrawn/);
    kill 'CONT', $postmaster;
    my $other = open_session($node);
    ends('a helper that starts in time', submit($other, order()), '');
    my @started = slurp_file($node->logfile, $offset) =~ /starting background worker process "fpgo helper of process (\d+)"/g;
    is("@started", pid_of($other), 'a helper that nobody waits for any more is not started');
    administer($admin, q{ALTER SYSTEM RESET log_min_messages});
    administer($admin, 'SELECT pg_reload_conf()');
    $records->show('a helper that does not start in time', $reference, '', received => 0);
    $_->quit for $in, $other;
}

# --- large orders, and messages that are not read to their end ------------------------------

# products of an order of about 600 kB, which no ring holds as a whole
my $n_products = 6000;
{
    my $order     = large_order($n_products);
    my $reference = reference_of($order);
    ends('a large order', submit($session, $order), '');
    $records->show('a large order', $reference, 'accepted', received => 1);
}
for my $case ([ 'a large order', large_order($n_products) ], [ 'a small order', order() ]) {
    my ($name, $order) = @$case;
    my $reference = reference_of($order);
    submit($session, order());
    $helper = find_helper($admin);
    kill 'STOP', $helper;
    begin_submit($session, $order);
    wait_for('the caller to wait', sub {
        administer($admin, "SELECT count(*) FROM pg_stat_activity
            WHERE pid = $backend AND wait_event LIKE 'MessageQueue%'");
    });
    administer($admin, "SELECT pg_cancel_backend($backend)");
    ends("$name, cancelled before it is read", finish_in($session), '57014', qr/CONTEXT: .*withdrawn/);
    kill 'CONT', $helper;
    wait_for("process $helper to end", sub { !kill 0, $helper });
    $records->show("$name, cancelled before it is read", $reference, '', received => 0);
    ends("$name, again", submit($session, $order), '');
    $records->show("$name, again", $reference, 'accepted', received => 1);
}

# --- settings of a database or a role -----------------------------------------------------

{
    administer($admin, q{
        CREATE ROLE nobody;
        CREATE SCHEMA traps;
        CREATE FUNCTION traps.spring(text, text) RETURNS boolean LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''trapped''; END';
        CREATE FUNCTION traps.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''trapped''; END';
        CREATE OPERATOR traps.= (FUNCTION = traps.spring, LEFTARG = text, RIGHTARG = text);
        GRANT USAGE ON SCHEMA traps TO PUBLIC});
    my @settings = (
        q{role = 'nobody'}, q{default_transaction_read_only = on}, q{search_path = traps, pg_catalog},
        q{synchronous_commit = off}, q{default_transaction_isolation = 'serializable'},
        q{statement_timeout = '1ms'}, q{lock_timeout = '1ms'}, q{idle_in_transaction_session_timeout = '1ms'},
        q{session_replication_role = 'replica'}, q{row_security = on}, q{DateStyle = 'German'},
        q{bytea_output = 'escape'}, q{standard_conforming_strings = off}, q{client_min_messages = debug5});
    for my $setting (@settings) {
        my ($name) = $setting =~ /^(\w+)/;
        administer($admin, "ALTER DATABASE postgres SET $setting; ALTER ROLE postgres SET $setting");
        end_helpers();
        my ($order, $reference) = new_order();
        ends("ALTER DATABASE SET $name", submit($session, $order), '');
        administer($admin, "ALTER DATABASE postgres RESET $name; ALTER ROLE postgres RESET $name");
        $records->show("ALTER DATABASE SET $name", $reference, 'accepted', received => 1);
    }
    is(administer($admin, 'SELECT count(*) FROM pg_db_role_setting'), 0, 'the settings are gone again');

    # nor may the caller's own search_path lead anywhere
    my $in = open_session($node);
    my ($order, $reference) = new_order();
    my ($queued, $queued_reference) = new_order();
    run_in($in, 'SET search_path = traps, pg_catalog');
    ends('a trap in the search_path', run_in($in, q{SELECT 'a'::text = 'a'::text}), 'P0001');
    ends('a trap, submission', submit($in, $order), '');
    run_in($in, 'BEGIN');
    ends('a trap, enqueueing', run_in($in, enqueue_sql($queued)), '');
    ends('a trap, submission after it', submit($in, $order), '');
    run_in($in, 'COMMIT');
    ends('a trap, delivery', run_in($in, 'CALL fpgo.deliver()'), '');
    $records->show('a trap, submission', $reference, 'accepted', received => 1);
    $records->show('a trap, delivery', $queued_reference, 'accepted', received => 1);
    $in->quit;
}
{
    # who submits may be a role that cannot log in, or could not any more
    administer($admin, q{CREATE ROLE shop; GRANT USAGE ON FOREIGN SERVER frontpayment TO shop});
    my $in = open_session($node);
    run_in($in, 'SET ROLE shop');
    ends('as a role without LOGIN', submit($in, order()), '');
    ends('but without rights on the records', run_in($in, 'SELECT FROM fpgo_internal.submission'), '42501');
    $in->quit;
}

# --- locks ----------------------------------------------------------------------------------

{
    my ($order, $reference) = new_order();
    my $offset = -s $node->logfile;
    run_in($third, 'BEGIN; LOCK TABLE fpgo_internal.submission IN ACCESS EXCLUSIVE MODE');
    my $ended = ends('the records are locked', submit($session, $order), '55P03',
        qr/Nothing was recorded and nothing was sent/);
    cmp_ok($ended->{seconds}, '<', 3.5, 'the records are locked: said soon');
    cmp_ok($ended->{seconds}, '>', 1.5, 'the records are locked: but not at once');
    run_in($third, 'ROLLBACK');
    $records->show('the records were locked', $reference, '', received => 0);
    my $said  = substr slurp_file($node->logfile), $offset;
    my $count = () = $said =~ /lock timeout/g;
    is($count, 1, 'the records were locked: logged once') or diag($said);
    ends('the records are free', submit($session, $order), '');
    $records->show('the records are free', $reference, 'accepted', received => 1);
}
for my $how ('cancel', 'statement_timeout', 'terminate') {
    # a caller who leaves before the order is recorded withdraws it
    my ($order, $reference) = new_order();
    my $in  = $how eq 'terminate' ? open_session($node) : $session;
    my $pid = pid_of($in);
    run_in($third, 'BEGIN; LOCK TABLE fpgo_internal.submission IN SHARE MODE');
    run_in($in, q{SET statement_timeout = '500ms'}) if $how eq 'statement_timeout';
    begin_submit($in, $order);
    wait_for('the helper to wait', sub {
        count_helpers(q{wait_event_type = 'Lock'});
    });
    administer($admin, "SELECT pg_${how}_backend($pid)") if $how ne 'statement_timeout';
    ends("$how before it is recorded", finish_in($in), $how eq 'terminate' ? '57P01' : '57014',
        qr/CONTEXT: .*withdrawn: nothing was recorded and nothing was sent/);
    run_in($third, 'ROLLBACK');
    run_in($in, 'RESET statement_timeout') if $how eq 'statement_timeout';
    wait_for('the forgotten helper to end', sub {
        count_helpers(q{state = 'active'}) == 0;
    });
    $records->show("$how before it is recorded", $reference, '', received => 0);
    eval { $in->quit } if $how eq 'terminate';
}
{
    # a third party asks for the records and then for something of the caller's
    my ($order, $reference) = new_order();
    administer($admin, 'CREATE TABLE shop AS SELECT 1 AS id, 0 AS n');
    my $pid = pid_of($third);
    run_in($session, 'BEGIN; UPDATE shop SET n = 1');
    $gateway->misbehave({ delay => 0.4 });
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    begin_in($third, q{BEGIN;
        LOCK TABLE fpgo_internal.submission, fpgo_internal.attempt IN ACCESS EXCLUSIVE MODE;
        UPDATE shop SET n = 2;
        COMMIT});
    wait_for('the third party to wait', sub {
        administer($admin, "SELECT count(*) FROM pg_locks WHERE pid = $pid AND NOT granted");
    });
    my $ended = ends('a table lock is asked for during a request', finish_in($session), '');
    cmp_ok($ended->{seconds}, '<', 3, 'a table lock is asked for during a request: not in the way');
    run_in($session, 'COMMIT');
    ends('and is had later', finish_in($third), '');
    $records->show('a table lock is asked for during a request', $reference, 'accepted', received => 1);
}
{
    # an outcome that cannot be recorded at first
    my ($order, $reference) = new_order();
    administer($admin, q{
        CREATE FUNCTION fpgo_internal.fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('fpgo_internal.failures') <= 2 THEN RAISE disk_full; END IF;
            RETURN NEW;
        END $$;
        CREATE SEQUENCE fpgo_internal.failures;
        CREATE TRIGGER fail_once BEFORE UPDATE ON fpgo_internal.submission
            FOR EACH ROW EXECUTE FUNCTION fpgo_internal.fail_once()});
    ends('the outcome cannot be recorded at first', submit($session, $order), '');
    cmp_ok(administer($admin, 'SELECT last_value FROM fpgo_internal.failures'), '>', 2,
        'the outcome cannot be recorded at first: tried again');
    $records->show('the outcome cannot be recorded at first', $reference, 'accepted', received => 1);
    # and not at all: the helper ends, and whoever comes next knows it
    administer($admin, q{
        ALTER SEQUENCE fpgo_internal.failures INCREMENT -1 MINVALUE -1000;
        SELECT setval('fpgo_internal.failures', 1)});
    my ($lost, $lost_reference) = new_order();
    begin_submit($session, $lost);
    wait_for_order($gateway, $lost_reference);
    administer($admin, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'fpgo helper'});
    ends('the outcome cannot be recorded', finish_in($session), '38F01', qr/could not be recorded/);
    administer($admin, 'DROP TRIGGER fail_once ON fpgo_internal.submission');
    wait_for_no_helper();
    ends('and the next call', submit($session, $lost), '38F01', qr/earlier submission/);
    $records->show('the outcome cannot be recorded', $lost_reference, 'uncertain', received => 1);
}

# --- memory -----------------------------------------------------------------------------------

{
    my ($order, $reference) = new_order(
        'customerDetails.address.street' => 'Needle street 77',
        'callback.success' => 'https://shop.example/?' . 'x' x 1500);
    end_helpers();
    ends('a call with much to say', submit($session, $order), '');
    my $maps     = slurp_file('/proc/' . find_helper($admin) . '/maps');
    my %segments = map { $_ => 1 } $maps =~ m{(/dev/shm/PostgreSQL\.\d+)}g;
    cmp_ok(scalar keys %segments, '>', 0, 'there is shared memory to look at');
    my $secrets = qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E|Needle street 77|auth\.current\.bankid/;
    my @leaks   = grep { slurp_file($_) =~ $secrets } sort keys %segments;
    is_deeply(\@leaks, [], 'after a call nothing of it is in shared memory');
}

{
    my $plain = order(referenceNo => undef);
    $helper = find_helper($admin);
    run_in($session, q{
        CREATE FUNCTION submit_many(n int, o jsonb) RETURNS int LANGUAGE plpgsql AS $$
        BEGIN
            FOR i IN 1 .. n LOOP
                PERFORM fpgo.submit_invoice(o || jsonb_build_object('referenceNo', 'many-' || gen_random_uuid()));
            END LOOP;
            RETURN n;
        END $$});
    my $many = sub {
        my ($n) = @_;
        return ends("$n calls", run_in($session, "SELECT submit_many($n, " . literal($plain) . ')'), '');
    };
    my %before;
    $many->($warm_calls / 4);
    $before{$_} = resident($_) for $helper, $backend;
    my $ended = $many->($warm_calls);
    is(find_helper($admin), $helper, 'one helper served them all');
    for my $case ([ 'helper', $helper ], [ 'caller', $backend ]) {
        my ($who, $pid) = @$case;
        my $grown = resident($pid) - $before{$pid};
        diag(sprintf 'resident memory of the %s after %d calls: %d kB more than %d kB',
            $who, $warm_calls, $grown, $before{$pid});
        # an instrument keeps what was freed for a while
        cmp_ok($grown, '<', $ENV{FPGO_SLOWDOWN} ? 10_000 : 500, "memory of the $who stays flat over $warm_calls calls ($grown kB)");
    }
    diag(sprintf 'a warm call took %.2f ms', $ended->{seconds} * 1000 / $warm_calls);
}

# Anonymous memory of a process in kB: what it shares grows by being touched.
sub resident {
    my ($pid) = @_;
    my ($size) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
    return $size;
}

# --- no slot, standby --------------------------------------------------------------------------

$_->quit for $session, $third, $admin;
check_log($node);
# databases that were dropped took their records with them
check_records($node, $gateway, elsewhere => qr/^dropped-/);
$node->stop;
$gateway->clear;

my $primary = new_cluster(
    'primary',
    url      => $gateway->address,
    init     => [ allows_streaming => 1 ],
    settings => "max_worker_processes = 2\nautovacuum = off");
{
    # the logical replication launcher has one slot, so one is left
    my ($busy, $late) = map { open_session($primary) } 1 .. 2;
    my ($first, $first_reference) = new_order();
    my ($second, $second_reference) = new_order();
    run_in($late, q{SET fpgo.helper_wait = '300ms'});
    $gateway->misbehave({ delay => 0.8 });
    begin_submit($busy, $first);
    wait_for_order($gateway, $first_reference);
    my $ended = ends('no free slot', submit($late, $second), '53400', qr/HINT: .*max_worker_processes/);
    cmp_ok($ended->{seconds}, '<', 0.8, 'no free slot: said in time');
    is($gateway->received($second_reference), 0, 'no free slot: nothing is sent');
    run_in($late, q{SET fpgo.helper_wait = '10s'});
    ends('a slot becomes free', submit($late, $second), '');
    ends('the busy one', finish_in($busy), '');
    $_->quit for $busy, $late;
}
{
    $primary->backup('base');
    my $standby = PostgreSQL::Test::Cluster->new('standby');
    $standby->init_from_backup($primary, 'base', has_streaming => 1);
    $standby->start;
    my $in = open_session($standby);
    my ($order, $reference) = new_order();
    ends('on a standby', submit($in, $order), '55000', qr/recovery/);
    ends('on a standby, delivery', run_in($in, 'CALL fpgo.deliver()'), '55000', qr/recovery/);
    is($gateway->received($reference), 0, 'on a standby: nothing is sent');
    $in->quit;
    $standby->stop;
    unlike(slurp_file($standby->logfile), qr/PANIC|TRAP|terminated by signal/, 'on a standby: nothing crashed');
}
check_records($primary, $gateway);
$primary->stop;
$gateway->stop;
done_testing();
