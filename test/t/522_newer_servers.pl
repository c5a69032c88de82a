# What newer versions of PostgreSQL changed for an extension.  Each case runs with
# every version, and says from which one on the answer is another: names of waits
# (17), event_triggers (17), the role of a deferred trigger (18), memberships without
# inheritance (16), search_path during maintenance (17), row types as members of an
# extension (17), libraries that are found elsewhere or asked for by name (18), the role
# of a subscription (16).

use strict;
use warnings;

use File::Basename qw(basename);
use File::Copy qw(copy);
use FpgoChecker;
use FpgoReadme;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $version = major_version();
my $gateway = FpgoGateway->start('--token', $TOKEN);
# one slot is left for a helper
my $node = new_resident_cluster('main', url => $gateway->address, settings => join "\n",
    'max_worker_processes = 3', 'max_logical_replication_workers = 0', 'fpgo.reconcile_interval = 0');
new_database($node, 'other', url => $gateway->address);
my $admin   = open_session($node);
my $session = open_session($node);
my ($one, $two) = map { open_session($node, database => 'other') } 1 .. 2;
my $records = FpgoRecords->new($admin, $gateway);
wait_for_worker($admin);

# --- names of waits ------------------------------------------------------------------------

# waits($name, $condition): a process comes to wait for that; before 17 all waits of
# extensions have one name.
my %seen;

sub waits {
    my ($event, $who, $condition) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $shown = $version >= 17 ? $event : 'Extension';
    $seen{$event} = 1;
    ok(eval { wait_for($event, sub { administer($admin, qq{SELECT count(*) FROM pg_stat_activity
        WHERE $condition AND wait_event_type = 'Extension' AND wait_event = '$shown'}) }, 10) }, "$who waits for $shown")
      or diag(administer($admin, "SELECT backend_type, wait_event_type, wait_event FROM pg_stat_activity WHERE $condition"));
    return;
}

my $own = 'pid = ' . pid_of($one);
waits(FpgoLauncherMain => 'the launcher',           q{backend_type = 'fpgo launcher'});
waits(FpgoWorkerMain   => 'an idle worker',         q{backend_type = 'fpgo worker'});
is(submit($one, order())->{sqlstate}, '', 'submitted by a helper');
waits(FpgoHelperMain   => 'an idle helper',         q{backend_type = 'fpgo helper'});
{
    my ($first, $reference) = new_order();
    $gateway->misbehave({ delay => 1 });
    begin_submit($one, $first);
    wait_for_order($gateway, $reference);
    waits(FpgoGateway => 'a helper with an order under way', q{backend_type = 'fpgo helper' AND state = 'active'});
    begin_submit($two, order());
    waits(FpgoWorkerSlot => 'a session without a slot', 'pid = ' . pid_of($two));
    ends('the one', finish_in($one), '');
    ends('the other', finish_in($two), '');
}
{
    my ($order, $reference) = new_order();
    $gateway->misbehave({ delay => 0.5 });
    begin_submit($one, $order);
    wait_for_order($gateway, $reference);
    run_in($two, "BEGIN; SELECT FROM fpgo_internal.submission WHERE reference = '$reference' FOR UPDATE");
    waits(FpgoRecord => 'a helper that cannot record', q{backend_type = 'fpgo helper' AND state = 'active'});
    run_in($two, 'ROLLBACK');
    ends('recorded at last', finish_in($one), '');
}
{
    # CALL fpgo.deliver() in a session
    my ($order, $reference) = new_order();
    administer($one, 'SET fpgo.undelivered_notice = off');
    administer($one, enqueue_sql($order));
    $gateway->misbehave({ delay => 1 });
    begin_in($one, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $reference);
    waits(FpgoGateway => 'a session that delivers', $own);
    ends('delivered', finish_in($one), '');
}
{
    $gateway->misbehave({ route => 'status', requests => 0, status => 503 });
    begin_in($one, q{SELECT * FROM fpgo.fetch_status('ODR1')});
    waits(FpgoRetry => 'a session before it asks again', $own);
    administer($admin, 'SELECT pg_cancel_backend(' . pid_of($one) . ')');
    finish_in($one);
    $gateway->behave;
}
{
    my $worker = worker_pid($admin);
    kill 'STOP', $worker;
    begin_submit($session, order());
    waits(FpgoWorkerAnswer => 'a session whose worker does not come', 'pid = ' . pid_of($session));
    kill 'CONT', $worker;
    ends('the worker, or a helper', finish_in($session), '');
}
{
    my $table = FpgoReadme::section('What pg_stat_activity shows', 'src/process/README.md');
    my %named = map { $_ => 1 } $table =~ /\b(Fpgo\w+)/g;
    is_deeply([ sort keys %named ], [ sort keys %seen ], 'the page has each name, and no other');
    is(administer($admin, q{SELECT count(*) FROM pg_class WHERE relname = 'pg_wait_events'}), $version >= 17 ? 1 : 0,
        'PostgreSQL lists the names of waits from 17 on');
    is(administer($admin, q{SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM pg_wait_events
        WHERE type = 'Extension' AND name LIKE 'Fpgo%'}), join(' ', sort keys %seen), 'and it lists each of fpgo')
      if $version >= 17;
}

# --- DROP EXTENSION past its guard -----------------------------------------------------------

{
    $node->safe_psql('postgres', 'CREATE DATABASE guarded TEMPLATE template0');
    install_in($node, 'guarded', url => closed_address());
    my $in = open_session($node, database => 'guarded');
    run_in($in, 'SET fpgo.undelivered_notice = off; ' . enqueue_sql(order()));
    my $drop = 'BEGIN; DROP EXTENSION fpgo CASCADE';
    ends('DROP EXTENSION', run_in($in, $drop), '55006', qr/unfinished/);
    run_in($in, 'ROLLBACK; CREATE ROLE dropper');
    for my $setting ([ session_replication_role => 'replica', '' ], [ event_triggers => 'off', $version >= 17 ? '' : '42704' ]) {
        my ($name, $value, $sqlstate) = @$setting;
        ends("SET $name", run_in($in, "SET $name = $value"), $sqlstate);
        next if $sqlstate;
        ends("DROP EXTENSION with $name = $value", run_in($in, $drop), '');
        run_in($in, "ROLLBACK; RESET $name");
        ends("SET $name by another role", run_in($in, "SET ROLE dropper; SET $name = $value"), '42501');
        run_in($in, 'RESET ROLE');
    }
    ends('DROP EXTENSION, again', run_in($in, $drop), '55006');
    run_in($in, 'ROLLBACK; DROP ROLE dropper');

    # the guard of CREATE EXTENSION is no event trigger
    run_in($in, q{SELECT fpgo.cancel_submission(submission, 'test') FROM fpgo.submissions});
    ends('dropped', run_in($in, 'DROP EXTENSION fpgo CASCADE'), '');
    is(administer($in, q{SELECT count(*) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname ~ '^fpgo'}),
        0, 'dropped: no type is left, of rows and arrays neither');
    run_in($in, 'CREATE TABLE fpgo.stranger ()');
    run_in($in, 'SET event_triggers = off') if $version >= 17;
    ends('CREATE EXTENSION in a schema in use', run_in($in, 'CREATE EXTENSION fpgo'), '55000', qr/not empty/);
    $in->quit;
}

# --- row types as members ------------------------------------------------------------------------

{
    my $members = q{SELECT string_agg(pg_describe_object(classid, objid, objsubid), E'\n'
        ORDER BY pg_describe_object(classid, objid, objsubid) COLLATE "C") FROM pg_depend
        WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fpgo')};
    my $row_type = q{SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass
        AND classid = 'pg_type'::regclass AND objid = 'fpgo_internal.event'::regtype};
    my $before = administer($admin, $members);
    is(administer($admin, $row_type), $version >= 17 ? 1 : 0, 'the row type of a table is a member from 17 on');
    ends('no member any more', run_in($admin, 'ALTER EXTENSION fpgo DROP TABLE fpgo_internal.event'), '');
    is(administer($admin, $row_type), 0, 'its row type goes with a table');
    ends('a member again', run_in($admin, 'ALTER EXTENSION fpgo ADD TABLE fpgo_internal.event'), '');
    is(administer($admin, $members), $before, 'and comes with it');
}

# --- who hands in --------------------------------------------------------------------------------

administer($admin, q{
    CREATE ROLE shop;
    CREATE ROLE cashier;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO shop, cashier;
    CREATE TABLE sale (reference text);
    GRANT INSERT ON sale TO PUBLIC});
administer($admin, sprintf q{
    CREATE FUNCTION invoice_for(sale) RETURNS jsonb LANGUAGE sql STABLE AS
        $f$SELECT jsonb_set(%s, '{referenceNo}', to_jsonb($1.reference))$f$;
    CREATE CONSTRAINT TRIGGER invoice AFTER INSERT ON sale DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.invoice_for')}, literal(order()));
administer($admin, q{
    CREATE FUNCTION sell(text) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO sale VALUES ($1)';
    ALTER FUNCTION sell(text) OWNER TO shop});

sub role_of { return administer($admin, "SELECT role FROM fpgo_internal.submission WHERE reference = '$_[0]'"); }

my $owner = administer($admin, 'SELECT current_user');
for my $case (
    [ 'SET ROLE, and back'                  => 'SET ROLE shop', 'RESET ROLE', 'shop', $owner ],
    [ 'SET ROLE twice'                      => 'SET ROLE shop', 'SET ROLE cashier', 'shop', 'cashier' ],
    [ 'SET SESSION AUTHORIZATION, and back' => 'SET SESSION AUTHORIZATION shop', 'RESET SESSION AUTHORIZATION', 'shop', $owner ],
    [ 'the same role throughout'            => 'SET ROLE shop', '', 'shop', 'shop' ]) {
    my ($name, $before, $after, $at_change, $at_commit) = @$case;
    my $reference = 'sale ' . $name;
    run_in($session, "BEGIN; $before; INSERT INTO sale VALUES ('$reference'); $after");
    ends($name, run_in($session, 'COMMIT'), '');
    run_in($session, 'RESET SESSION AUTHORIZATION; RESET ROLE');
    is(role_of($reference), $version >= 18 ? $at_change : $at_commit, "$name: who hands in");
}
for my $deferred ('DEFERRED', 'IMMEDIATE') {
    my $reference = "sale by a definer, $deferred";
    run_in($session, "BEGIN; SET CONSTRAINTS invoice $deferred; SELECT sell('$reference')");
    ends($reference, run_in($session, 'COMMIT'), '');
    is(role_of($reference), $deferred eq 'IMMEDIATE' || $version >= 18 ? 'shop' : $owner, "$reference: who hands in");
}
wait_for('all to be delivered', sub { !$records->count_in_state('queued') && !$records->count_in_state('sending') });

# --- memberships without inheritance -----------------------------------------------------------------

{
    my ($order, $reference) = new_order();
    run_in($session, 'SET ROLE shop');
    ends('as shop', submit($session, $order), '');
    my $number = administer($session, "SELECT submission FROM fpgo.submissions WHERE reference = '$reference'");
    my %sees = ('' => 1, 'INHERIT FALSE' => 0, 'SET FALSE' => 1);
    for my $with (sort keys %sees) {
        next if $with eq 'SET FALSE' && $version < 16;
        # before 16 it is the member that inherits or not
        administer($admin, $version >= 16 ? 'GRANT shop TO cashier' . ($with && " WITH $with")
            : 'GRANT shop TO cashier; ALTER ROLE cashier ' . ($with ? 'NOINHERIT' : 'INHERIT'));
        run_in($session, 'RESET ROLE; SET ROLE cashier');
        my $name = 'a member ' . ($with ? "with $with" : 'that inherits');
        is(administer($session, "SELECT count(*) FROM fpgo.submissions WHERE submission = $number"), $sees{$with},
            "$name: sees the submission or not");
        ends("$name: the answer", run_in($session, "SELECT * FROM fpgo.invoice_session($number)"), $sees{$with} ? '' : '42501');
        ends("$name: the same call", submit($session, $order), $sees{$with} ? '' : '42501');
        administer($admin, 'REVOKE shop FROM cashier; ALTER ROLE cashier INHERIT');
    }
    # a right on the server that is another role's is no right without inheritance
    administer($admin, q{REVOKE USAGE ON FOREIGN SERVER frontpayment FROM cashier; GRANT shop TO cashier});
    administer($admin, 'ALTER ROLE cashier NOINHERIT');
    administer($admin, 'REVOKE shop FROM cashier; GRANT shop TO cashier WITH INHERIT FALSE') if $version >= 16;
    ends('USAGE that is not inherited', submit($session, order()), '42501');
    run_in($session, 'RESET ROLE');
    is($gateway->received($reference), 1, 'the order was sent once');
}

# --- search_path during maintenance --------------------------------------------------------------------

{
    administer($admin, sprintf q{
        CREATE TABLE stock (id int PRIMARY KEY, doc jsonb CHECK (fpgo.is_valid(doc)), composed fpgo.invoice_order);
        INSERT INTO stock SELECT n, doc, doc::fpgo.invoice_order FROM generate_series(1, 3) n, (SELECT %s::jsonb) d (doc);
        CREATE INDEX stock_valid ON stock (fpgo.is_valid(doc));
        CREATE INDEX stock_payload ON stock (md5(fpgo.payload(doc)::text));
        CREATE STATISTICS stock_ext ON (fpgo.is_valid(doc)), id FROM stock;
        CREATE MATERIALIZED VIEW totals AS SELECT id, (fpgo.summarize((composed).products)).*, composed::jsonb AS doc FROM stock},
        literal(order()));
    for my $sql ('REINDEX TABLE public.stock', 'REINDEX INDEX CONCURRENTLY public.stock_valid',
        'CLUSTER public.stock USING stock_valid', 'ANALYZE public.stock', 'VACUUM FULL public.stock',
        'REFRESH MATERIALIZED VIEW public.totals', 'CREATE INDEX ON public.stock (fpgo.is_valid(doc, ARRAY[25]))',
        'ALTER TABLE public.stock ADD CHECK (fpgo.is_valid(composed::jsonb))') {
        ends($sql, run_in($admin, "SET search_path = nowhere; SET client_min_messages = error;\n$sql"), '');
    }
    run_in($admin, 'RESET search_path; RESET client_min_messages');
    is(administer($admin, 'SELECT count(*) FROM totals WHERE doc IS NOT NULL'), 3, 'the view has its rows');
}

# --- libraries ---------------------------------------------------------------------------------------------

is(administer($admin, q{SELECT count(*) FROM pg_proc WHERE proname = 'pg_get_loaded_modules'}), $version >= 18 ? 1 : 0,
    'a process tells what libraries it has loaded from 18 on');
is(administer($admin, q{SELECT module_name, version = fpgo.version() FROM pg_get_loaded_modules() WHERE file_name LIKE 'fpgo%'}),
    'fpgo|t', 'and fpgo tells its version') if $version >= 18;

is(administer($admin, q{SELECT count(*) FROM pg_settings WHERE name = 'extension_control_path'}), $version >= 18 ? 1 : 0,
    'extensions may be installed elsewhere from 18 on');

check_log($node);
check_records($node, $gateway, databases => [ 'postgres', 'other' ]);
eval { $_->quit } for $admin, $session, $one, $two;
$node->stop;

# From 18 on, a copy of what is installed, which the server finds first.
my @settings = ('wal_level = logical', 'max_wal_senders = 5', 'max_replication_slots = 5');
my $place    = PostgreSQL::Test::Utils::tempdir;
if ($version >= 18) {
    mkdir "$place/$_" or die for 'extension', 'lib';
    my ($share, $lib) = map { my $at = `$ENV{PG_CONFIG} $_`; chomp $at; $at } '--sharedir', '--pkglibdir';
    copy($_, "$place/extension/" . basename($_)) or die "$_: $!" for glob "$share/extension/fpgo*";
    copy("$lib/fpgo.so", "$place/lib/") or die $!;
    chmod 0755, "$place/lib/fpgo.so";
    push @settings, "dynamic_library_path = '$place/lib:\$libdir'", "extension_control_path = '$place:\$system'";
}
my $second = new_resident_cluster('second', url => $gateway->address, settings => join "\n", @settings);
my $in     = open_session($second);
wait_for_worker($in);
ends('in a second cluster: by the worker', submit($in, order()), '');
administer($in, 'SELECT fpgo.pause(); SET fpgo.undelivered_notice = off');
ends('in a second cluster: by a helper', submit($in, order()), '');
administer($in, enqueue_sql(order()));
ends('in a second cluster: deliver', run_in($in, 'CALL fpgo.deliver()'), '');
is(administer($in, q{SELECT ok FROM fpgo.doctor() WHERE check_name = 'extension'}), 't', 'in a second cluster: doctor');
my %loaded = map { $_ => 1 } slurp_file('/proc/' . pid_of($in) . '/maps') =~ m{(\S+/fpgo\.so)$}mg;
is(scalar keys %loaded, 1, 'in a second cluster: one library is loaded');
is(scalar(grep { m{^\Q$place\E/} } keys %loaded), $version >= 18 ? 1 : 0, 'in a second cluster: the copy, from 18 on');

# --- a trigger that fires where a subscription writes ----------------------------------------------------

{
    new_database($second, 'publisher', url => closed_address());
    my $publisher = open_session($second, database => 'publisher');
    run_in($publisher, q{
        CREATE TABLE sale (reference text);
        CREATE TABLE late (reference text);
        CREATE PUBLICATION sales FOR TABLE sale, late;
        SELECT pg_create_logical_replication_slot('sales', 'pgoutput')});
    administer($in, q{CREATE ROLE shop; GRANT USAGE ON FOREIGN SERVER frontpayment TO shop});
    for my $table ('sale', 'late') {
        my $trigger = $table eq 'sale' ? 'TRIGGER' : 'CONSTRAINT TRIGGER';
        my $when    = $table eq 'sale' ? ''        : 'DEFERRABLE INITIALLY DEFERRED';
        administer($in, sprintf qq{
            CREATE TABLE $table (reference text);
            ALTER TABLE $table OWNER TO shop;
            CREATE FUNCTION invoice_for($table) RETURNS jsonb LANGUAGE sql STABLE AS
                \$f\$SELECT jsonb_set(%s, '{referenceNo}', to_jsonb(\$1.reference))\$f\$;
            CREATE $trigger invoice AFTER INSERT ON $table $when
                FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.invoice_for');
            ALTER TABLE $table ENABLE ALWAYS TRIGGER invoice}, literal(order()));
    }
    administer($in, sprintf q{CREATE SUBSCRIPTION sales CONNECTION 'dbname=publisher port=%s host=%s' PUBLICATION sales
        WITH (create_slot = false, slot_name = 'sales', copy_data = false)}, $second->port, $second->host);
    run_in($publisher, q{INSERT INTO sale VALUES ('replicated')});
    my $role = wait_for('the order', sub {
        administer($in, q{SELECT role FROM fpgo.submissions WHERE reference = 'replicated'}) });
    is($role, $version >= 16 ? 'shop' : administer($in, 'SELECT current_user'), 'a subscription: who hands in');
    ends('a subscription: deliver', run_in($in, 'CALL fpgo.deliver()'), '');
    is($gateway->received('replicated'), 1, 'a subscription: the order is sent once');
    # from 16 on the subscription acts for the table's owner, and PostgreSQL defers no trigger then
    run_in($publisher, q{INSERT INTO late VALUES ('deferred')});
    wait_for('its end', sub { $version >= 16
        ? count_logged($second, qr/cannot fire deferred trigger within security-restricted operation/)
        : administer($in, q{SELECT count(*) FROM fpgo.submissions WHERE reference = 'deferred'}) });
    is(administer($in, 'SELECT count(*) FROM late'), $version >= 16 ? 0 : 1, 'a subscription: a deferred trigger');
    administer($in, $_) for 'ALTER SUBSCRIPTION sales DISABLE', 'ALTER SUBSCRIPTION sales SET (slot_name = NONE)',
      'DROP SUBSCRIPTION sales';
    $publisher->quit;
}
check_log($second);
eval { $in->quit };
$second->stop;
$gateway->stop;
done_testing();
