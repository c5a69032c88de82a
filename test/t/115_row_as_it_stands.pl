# Rows that change after their order was accepted, or while it is on its way: each is
# invoiced once, whatever becomes of primary key, partition, table and schema, and
# not at all if it is gone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, settings => 'max_prepared_transactions = 2');
my $session = open_session($node);

administer($session, <<'SQL');
SET fpgo.undelivered_notice = off;
CREATE SCHEMA shop;
CREATE TABLE doc (body jsonb);
CREATE TABLE shop.sale (region text, id int, note text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE shop.north PARTITION OF shop.sale FOR VALUES IN ('north');
CREATE TABLE shop.south PARTITION OF shop.sale FOR VALUES IN ('south');
CREATE FUNCTION public.invoice_for(s shop.sale) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT d.body || jsonb_build_object('customerReference', s.note) FROM public.doc d $$;
CREATE CONSTRAINT TRIGGER invoice AFTER INSERT OR UPDATE OR DELETE ON shop.sale DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.invoice_for');
CREATE TRIGGER truncated AFTER TRUNCATE ON shop.sale EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.invoice_for');
SQL
# without a referenceNo the row is all that the order is known by
administer($session, 'INSERT INTO doc VALUES (' . literal(order(referenceNo => undef)) . q{::jsonb - 'referenceNo')});

my $next = 0;

# insert($note): a row, with its number.
sub insert {
    my ($note) = @_;
    $next++;
    ends("row $next", run_in($session, "INSERT INTO shop.sale VALUES ('north', $next, '$note')"), '');
    return $next;
}

sub deliver { return ends('deliver', run_in($session, 'CALL fpgo.deliver()'), ''); }

# sent(@notes): how often an order with one of these notes was received.
sub sent {
    my %wanted = map { $_ => 1 } @_;
    return scalar grep { $wanted{ $_->{body}{customerReference} // '' } } $gateway->ledger;
}

# --- what is not there any more is not sent ----------------------------------------------

{
    my $id = insert('deleted');
    run_in($session, "DELETE FROM shop.sale WHERE id = $id");
    insert('truncated');
    run_in($session, 'TRUNCATE shop.sale');
    deliver();
    is(sent('deleted', 'truncated'), 0, 'a row that was deleted or truncated while it was queued is not sent');
    is(administer($session, q{SELECT string_agg(DISTINCT state, ' ') FROM fpgo.submissions}), 'cancelled', '... but withdrawn');
}

# --- accepted, then changed ---------------------------------------------------------------

for my $case (
    [ 'another primary key', q{UPDATE shop.sale SET id = 1000 + id WHERE id = %d} ],
    [ 'another partition', q{UPDATE shop.sale SET region = 'south' WHERE id = %d} ],
    [ 'there and back in a transaction', q{
        BEGIN; UPDATE shop.sale SET region = 'south' WHERE id = %1$d;
        UPDATE shop.sale SET region = 'north' WHERE id = %1$d; COMMIT} ],
    [ 'there and back at once', q{
        BEGIN; SET CONSTRAINTS ALL IMMEDIATE; UPDATE shop.sale SET region = 'south' WHERE id = %1$d;
        UPDATE shop.sale SET region = 'north' WHERE id = %1$d; COMMIT} ],
    [ 'deleted and inserted again', q{
        BEGIN; DELETE FROM shop.sale WHERE id = %1$d; INSERT INTO shop.sale VALUES ('north', %1$d, '%2$s'); COMMIT} ],
    [ 'a renamed table', q{ALTER TABLE shop.sale RENAME TO sold; UPDATE shop.sold SET id = id WHERE id = %d;
        ALTER TABLE shop.sold RENAME TO sale} ],
    [ 'a renamed schema', q{ALTER SCHEMA shop RENAME TO store; UPDATE store.sale SET id = id WHERE id = %d;
        ALTER SCHEMA store RENAME TO shop} ]) {
    my ($what, $change) = @$case;
    my $id = insert($what);
    deliver();
    is(sent($what), 1, "$what: accepted");
    ends($what, run_in($session, sprintf $change, $id, $what), '');
    deliver();
    is(sent($what), 1, "$what: nothing is sent for it again");
    run_in($session, "UPDATE shop.sale SET note = '$what, edited' WHERE note = '$what'");
    deliver();
    is(sent($what, "$what, edited"), 1, "$what, and an edit: neither");
    is(administer($session, q{SELECT format('%s %s', state, changes_not_sent) FROM fpgo.submissions ORDER BY submission DESC LIMIT 1}),
        'accepted 1', '... but told');
}

# --- a deleted row's primary key, which another row gets in the same transaction --------------

{
    my ($gone, $stays) = map { insert($_) } 'gone', 'stays';
    run_in($session, "BEGIN; DELETE FROM shop.sale WHERE id = $gone; UPDATE shop.sale SET id = $gone WHERE id = $stays; COMMIT");
    deliver();
    is(sent('gone') . sent('stays'), '01', 'deleted, and another row gets its primary key: only that one is sent');
    run_in($session, "UPDATE shop.sale SET note = 'stays, edited' WHERE id = $gone");
    deliver();
    is(sent('stays, edited'), 0, '... and it keeps its own order');
}
{
    my ($gone, $stays) = map { insert($_) } 'gone on', 'stays on';
    run_in($session, "BEGIN; UPDATE shop.sale SET id = 9000 WHERE id = $gone; DELETE FROM shop.sale WHERE id = 9000;
        UPDATE shop.sale SET id = $gone WHERE id = $stays; COMMIT");
    deliver();
    is(sent('gone on') . sent('stays on'), '01', 'deleted under another primary key: likewise');
}

{
    my ($gone, $stays) = map { insert($_) } 'swapped and gone', 'swapped';
    run_in($session, "BEGIN; UPDATE shop.sale SET id = -$gone WHERE id = $gone; UPDATE shop.sale SET id = $gone WHERE id = $stays;
        UPDATE shop.sale SET id = $stays WHERE id = -$gone; DELETE FROM shop.sale WHERE id = $stays;
        INSERT INTO shop.sale VALUES ('north', $stays, 'new there'); COMMIT");
    deliver();
    is(sent('swapped and gone') . sent('swapped') . sent('new there'), '011', 'swapped, deleted, and another row inserted there: each its own');
}

# --- prepared -------------------------------------------------------------------------------

{
    run_in($session, "BEGIN; INSERT INTO shop.sale VALUES ('north', 500, 'first')");
    run_in($session, "UPDATE shop.sale SET note = 'prepared' WHERE id = 500");
    ends('PREPARE TRANSACTION', run_in($session, "PREPARE TRANSACTION 'sale'"), '');
    deliver();
    is(sent('prepared', 'first'), 0, 'prepared: not sent');
    ends('COMMIT PREPARED', run_in($session, "COMMIT PREPARED 'sale'"), '');
    deliver();
    is(sent('prepared') . sent('first'), '10', 'prepared and committed: sent as the row is');
}

# --- a dump, restored -------------------------------------------------------------------------

# The table was renamed before the dump.  In the other database its oid is another one.
{
    my $id = insert('restored');
    deliver();
    run_in($session, 'ALTER TABLE shop.sale RENAME TO sold');
    ends('renamed', run_in($session, "UPDATE shop.sold SET id = id WHERE id = $id"), '');
    my $file = PostgreSQL::Test::Utils::tempdir() . '/dump';
    $node->command_ok([ 'pg_dump', '-f', $file, 'postgres' ], 'a dump');
    $node->safe_psql('postgres', 'CREATE DATABASE restored');
    $node->command_ok([ 'psql', '-qXv', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $file ], 'the dump restores');
    my $sources = q{SELECT count(*) || ' ' || count(DISTINCT source) FROM fpgo_internal.submission};
    my $before  = $node->safe_psql('restored', $sources);
    $node->safe_psql('restored', "SET fpgo.undelivered_notice = off; UPDATE shop.sold SET id = id WHERE id = $id");
    is($node->safe_psql('restored', $sources), $before, 'restored: the order of the row is known');
    is($node->safe_psql('restored', q{SELECT count(*) || ' ' || count(DISTINCT relation) || ' ' || count(DISTINCT database)
        FROM fpgo_internal.source_table WHERE name = 'sold'}), '2 2 2', '... and its table is recorded here, too');
}

check_records($node, $gateway);
check_log($node);
$session->quit;
$node->stop;
$gateway->stop;
done_testing();
