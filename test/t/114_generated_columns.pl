# Generated columns: a mapping function gets their values, and what an
# owner adds to fpgo's own tables is kept to.  Virtual ones and NOT NULL
# constraints with a name begin with PostgreSQL 18: before, the same cases run with
# stored columns, and with CHECK in place of NOT NULL.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use Test::More;

my $version = major_version();
my @kinds   = ('STORED', ('VIRTUAL') x ($version >= 18));

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address);
my $session = open_session($node);
my $records = FpgoRecords->new($session, $gateway);
administer($session, 'SET fpgo.undelivered_notice = off');

is(run_in($session, 'CREATE TEMP TABLE t (a int, b int GENERATED ALWAYS AS (a) VIRTUAL)')->{sqlstate},
    $version >= 18 ? '' : '42601', 'virtual generated columns begin with PostgreSQL 18');

# --- a shop's table ------------------------------------------------------------------------

my $order = literal(order(referenceNo => undef));
administer($session, qq{
    CREATE TABLE request (id int, quantity int, rate numeric, name text);
    CREATE FUNCTION order_of(reference text, amount numeric) RETURNS jsonb LANGUAGE sql IMMUTABLE AS \$f\$
        SELECT jsonb_set(jsonb_set($order, '{referenceNo}', to_jsonb(reference)), '{products,0,name}',
            to_jsonb(coalesce(amount::text, 'no amount')))\$f\$});

# product_of($reference): what the queued order with that referenceNo has in the place
# where the function put the amount.
sub product_of {
    my ($reference) = @_;
    return administer($session, qq{
        SELECT p.payload::jsonb #>> '{products,0,name}' FROM fpgo_internal.submission s, fpgo_internal.payload p
        WHERE p.submission = s.id AND s.reference = '$reference'});
}

# a table with a generated amount, and its function
sub make_table {
    my ($name, $kind, $more) = @_;
    administer($session, qq{
        CREATE TABLE $name (id int, quantity int, gone int, rate numeric,
            amount numeric GENERATED ALWAYS AS (quantity * rate) $kind,
            label text GENERATED ALWAYS AS ('label of ' || name) $kind, name text) $more;
        CREATE FUNCTION invoice_for($name) RETURNS jsonb LANGUAGE sql STABLE AS
            \$\$SELECT order_of(CASE WHEN \$1.label = 'label of ' || \$1.name THEN \$1.name END, \$1.amount)\$\$});
    return;
}

for my $kind (@kinds) {
    {
        my $table = lc "shop_$kind";
        make_table($table, $kind, '');
        # a row that is older than one of its columns, and a column that is gone
        administer($session, qq{
            INSERT INTO $table (id, quantity, rate, name) VALUES (0, 5, 6, '$table-0');
            ALTER TABLE $table ADD added int DEFAULT 7, DROP gone;
            CREATE TRIGGER invoice AFTER INSERT OR UPDATE ON $table
                FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for')});
        ends("INSERT, $kind", run_in($session,
            "INSERT INTO $table (id, quantity, rate, name) VALUES (1, 2, 3.50, '$table-1'), (2, NULL, 3.50, '$table-2')"), '');
        is(product_of("$table-1"), '7.00',      "INSERT, $kind: the function gets the value");
        is(product_of("$table-2"), 'no amount', "INSERT, $kind: NULL where the value is NULL");
        ends("UPDATE, $kind", run_in($session,
            "UPDATE $table SET quantity = 4, name = '$table-u' || id WHERE id IN (0, 1)"), '');
        is(product_of("$table-u1"), '14.00', "UPDATE, $kind: the function gets the new value");
        is(product_of("$table-u0"), '24',    "UPDATE, $kind: in a row that is older than a column");
        is(administer($session, "SELECT string_agg(amount::text, ' ' ORDER BY id) FROM $table"), '24 14.00',
            "$kind: the table has what it has without the trigger");
    }
    {
        # at the commit, of the whole table's row, from a partition whose columns stand otherwise
        my $table = lc "shop_parted_$kind";
        make_table($table, $kind, 'PARTITION BY LIST (id)');
        administer($session, qq{
            CREATE TABLE ${table}_1 (name text, label text GENERATED ALWAYS AS ('label of ' || name) $kind, rate numeric,
                amount numeric GENERATED ALWAYS AS (quantity * rate) $kind, gone int, quantity int, id int);
            ALTER TABLE $table ATTACH PARTITION ${table}_1 FOR VALUES IN (1);
            CREATE CONSTRAINT TRIGGER invoice AFTER INSERT ON $table DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for')});
        run_in($session, 'BEGIN');
        run_in($session, "INSERT INTO $table (id, quantity, rate, name) VALUES (1, 3, 0.5, '$table-1')");
        ends("deferred, $kind, partition", run_in($session, 'COMMIT'), '');
        is(product_of("$table-1"), '1.5', "deferred, $kind, partition: the function gets the value");
    }
}
if ($version >= 18) {
    # a function of the shop's cannot stand in a virtual column, but what fails can
    ends('an expression that fails', run_in($session, q{
        CREATE TABLE failing (id int, amount int GENERATED ALWAYS AS (1 / id) VIRTUAL);
        CREATE FUNCTION invoice_for(failing) RETURNS jsonb LANGUAGE sql AS $$SELECT order_of('failing', $1.amount)$$;
        CREATE TRIGGER invoice AFTER INSERT ON failing
            FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for');
        INSERT INTO failing VALUES (0)}), '22012', qr/CONTEXT: +mapping a row of table public\.failing/);
    # nor can a condition be asked again without the value
    administer($session, q{
        CREATE TABLE halved (id int PRIMARY KEY, rate int, half int GENERATED ALWAYS AS (rate / 2) VIRTUAL);
        CREATE FUNCTION invoice_for(halved) RETURNS jsonb LANGUAGE sql AS $$SELECT order_of('halved', $1.half)$$;
        CREATE CONSTRAINT TRIGGER invoice AFTER INSERT ON halved DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (new.half > 1) EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for')});
    for my $rate (1, 8) {
        run_in($session, "BEGIN; INSERT INTO halved VALUES ($rate, 4)");
        run_in($session, "UPDATE halved SET rate = $rate WHERE id = $rate");
        ends("a condition on it, $rate", run_in($session, 'COMMIT'), '');
    }
    is(administer($session, q{SELECT count(*) FROM fpgo.submissions WHERE reference = 'halved'}), 1,
        'a condition on a virtual column is asked of the newest row');
    is(product_of('halved'), '4', 'and the function gets its value');
}

# --- fpgo's own tables --------------------------------------------------------------------

# Orders go their two ways.  From the second on, the tables are written without the
# executor, unless what was added needs it.
sub goes_on {
    my ($name, $client) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $n (1 .. 3) {
        my ($order, $reference) = new_order();
        ends("$name, submission $n", submit($client, $order), '');
        $records->show("$name, submission $n", $reference, 'accepted', received => 1);
        my $queued = $records->enqueue($client);
        ends("$name, delivery $n", run_in($client, 'CALL fpgo.deliver()'), '');
        $records->show("$name, delivery $n", $queued, 'accepted', received => 1);
    }
    return;
}

administer($session, q{SELECT fpgo.cancel_submission(submission, 'test') FROM fpgo.submissions WHERE state = 'queued'});
goes_on('with no column added', $session);
for my $kind (@kinds) {
    for my $case (
        [ submission => q{upper(key)}, '' ],
        [ submission => q{upper(key)}, 'NOT NULL' ],
        [ attempt    => q{number + 1}, '' ],
        [ attempt    => q{number + 1}, 'NOT NULL' ],
        [ payload    => q{length(payload)}, 'NOT NULL' ]) {
        my ($table, $expression, $more) = @$case;
        my $name = "$kind $more column of $table";
        my $type = $expression =~ /upper/ ? 'text' : 'int';
        ends($name, run_in($session, "ALTER TABLE fpgo_internal.$table ADD added $type $more
            GENERATED ALWAYS AS ($expression) $kind"), '');
        goes_on($name, $session);
        is(administer($session, "SELECT count(*) FROM fpgo_internal.$table WHERE added IS DISTINCT FROM $expression"), 0,
            "$name: has its value in every row");
        run_in($session, "ALTER TABLE fpgo_internal.$table DROP added");
    }
    # one that the rows of orders cannot have
    ends("$kind, none can have it", run_in($session, "ALTER TABLE fpgo_internal.payload ADD added text NOT NULL
        GENERATED ALWAYS AS (nullif(payload, payload)) $kind"), '');
    my ($order, $reference) = new_order();
    ends("$kind, none can have it: enqueue", run_in($session, enqueue_sql($order)), '23502');
    ends("$kind, none can have it: submit", submit($session, $order), '23502');
    $records->show("$kind, none can have it", $reference, '', received => 0);
    run_in($session, 'ALTER TABLE fpgo_internal.payload DROP added');
}
{
    # NOT NULL for new rows only; an order without a referenceNo was recorded before
    my $constraint = $version >= 18 ? 'NOT NULL reference' : 'CHECK (reference IS NOT NULL)';
    ends('before NOT VALID', submit($session, order(referenceNo => undef)), '');
    ends('NOT VALID', run_in($session, "ALTER TABLE fpgo_internal.submission ADD CONSTRAINT wanted $constraint NOT VALID"), '');
    goes_on('NOT VALID', $session);
    my $broken = $version >= 18 ? '23502' : '23514';
    ends('NOT VALID: enqueue', run_in($session, enqueue_sql(order(referenceNo => undef))), $broken);
    ends('NOT VALID: submit', submit($session, order(referenceNo => undef)), $broken);
    run_in($session, 'ALTER TABLE fpgo_internal.submission DROP CONSTRAINT wanted');
}

check_log($node);
check_records($node, $gateway);

$session->quit;
$node->stop;
$gateway->stop;
done_testing();
