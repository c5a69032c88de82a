# Orders that are loaded and not placed: which restores, copies and subscriptions make
# a trigger queue them, as the table in src/doc/shops.md says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dumps   = PostgreSQL::Test::Utils::tempdir();
my $address = closed_address();
my $node    = new_cluster('main', url => $address, init => [ allows_streaming => 'logical' ],
    settings => "fpgo.undelivered_notice = off\n");

sub run_in_database { return $node->safe_psql(@_); }

sub queued { return run_in_database($_[0], 'SELECT count(*) FROM fpgo_internal.submission'); }

# as README shows it: the function's names are looked up when it is made
my $shop = 'CREATE SCHEMA shop; CREATE TABLE shop.sale (id bigint PRIMARY KEY, tax numeric);
    CREATE TABLE shop.template (doc jsonb); INSERT INTO shop.template VALUES (' . literal(order()) . q{);
    CREATE FUNCTION shop.for_sale(s shop.sale) RETURNS jsonb LANGUAGE sql STABLE
        RETURN (SELECT t.doc || jsonb_build_object('referenceNo', 'sale-' || s.id) FROM shop.template t);
    CREATE TRIGGER invoice AFTER INSERT ON shop.sale FOR EACH ROW
        EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.for_sale')};

run_in_database('postgres', "$shop; INSERT INTO shop.sale VALUES (1), (2), (3)");
is(queued('postgres'), 3, 'orders that are placed are queued');
run_in_database('postgres', 'DELETE FROM fpgo_internal.submission');

# pg_dump and psql, with these options of pg_dump
sub restore {
    my ($database, @options) = @_;
    $node->command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-f', "$dumps/dump.sql", @options, 'postgres' ], "pg_dump @options");
    $node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-d', $database, '-f', "$dumps/dump.sql" ],
        "restore of pg_dump @options");
    return;
}

run_in_database('postgres', 'CREATE DATABASE whole');
restore('whole');
is(queued('whole'), 0, 'a whole dump is restored without queueing anything');
is(run_in_database('whole', 'SELECT count(*) FROM shop.sale'), 3, 'with all its orders');
run_in_database('whole', 'INSERT INTO shop.sale VALUES (4)');
is(queued('whole'), 1, 'and then orders are queued');

new_database($node, 'target', url => $address);
run_in_database('target', $shop);
restore('target', '--data-only', '--disable-triggers', '-t', 'shop.sale');
is(queued('target'), 0, 'data only, with --disable-triggers: nothing is queued');
run_in_database('target', 'TRUNCATE shop.sale');
restore('target', '--data-only', '-t', 'shop.sale');
is(queued('target'), 3, 'data only: every old order is queued, whatever the search_path of the restore');

sub start_anew { run_in_database('target', 'TRUNCATE shop.sale; DELETE FROM fpgo_internal.submission'); return; }
my $copy = "COPY shop.sale (id) FROM PROGRAM 'printf \"1\\\\n2\\\\n\"'";
start_anew();
run_in_database('target', $copy);
is(queued('target'), 2, 'COPY: every order is queued');
start_anew();
run_in_database('target', "BEGIN; ALTER TABLE shop.sale DISABLE TRIGGER invoice; $copy; ALTER TABLE shop.sale ENABLE TRIGGER invoice; COMMIT");
is(queued('target'), 0, 'COPY while the trigger is disabled: nothing is queued');
for my $case ([ 'ENABLE', 0 ], [ 'ENABLE REPLICA', 2 ], [ 'ENABLE ALWAYS', 2 ]) {
    my ($enabled, $count) = @$case;
    start_anew();
    run_in_database('target', "ALTER TABLE shop.sale $enabled TRIGGER invoice; SET session_replication_role = replica; $copy");
    is(queued('target'), $count, "session_replication_role = replica, $enabled TRIGGER");
}

# --- a subscription: its initial copy, and what it applies -----------------------------------

run_in_database('postgres', 'CREATE PUBLICATION sales FOR TABLE shop.sale');
my $id = 10;
run_in_database('postgres', 'ALTER TABLE shop.sale DISABLE TRIGGER invoice');
for my $case ([ 'ENABLE', 0 ], [ 'ENABLE REPLICA', 1 ], [ 'ENABLE ALWAYS', 1 ]) {
    my ($enabled, $fires) = @$case;
    start_anew();
    run_in_database('target', "ALTER TABLE shop.sale $enabled TRIGGER invoice");
    my $there = run_in_database('postgres', 'SELECT count(*) FROM shop.sale');
    run_in_database('postgres', q{SELECT pg_create_logical_replication_slot('sales', 'pgoutput')});
    run_in_database('target', sprintf q{CREATE SUBSCRIPTION sales CONNECTION 'dbname=postgres host=%s port=%d' PUBLICATION sales
        WITH (create_slot = false, slot_name = 'sales')}, $node->host, $node->port);
    my $arrived = sub { return run_in_database('target', 'SELECT count(*) FROM shop.sale') == $_[0] };
    wait_for('the initial copy', sub { $arrived->($there) && run_in_database('target', q{SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel}) eq 't' });
    is(queued('target'), $fires * $there, "the initial copy, $enabled TRIGGER");
    run_in_database('target', 'DELETE FROM fpgo_internal.submission');
    run_in_database('postgres', "INSERT INTO shop.sale VALUES (${\ $id++})");
    wait_for('what is applied', sub { $arrived->($there + 1) });
    is(queued('target'), $fires, "what is applied, $enabled TRIGGER");
    run_in_database('target', 'DROP SUBSCRIPTION sales');
}

check_log($node);
$node->stop;
done_testing();
