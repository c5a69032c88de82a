# What a process keeps of fpgo's tables from row to row is forgotten when a table or
# an index changes: each index has an entry of each row, whatever is done to indexes
# between two orders of a session or of one transaction.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, settings => 'autovacuum = off');
$node->safe_psql('postgres', 'CREATE EXTENSION amcheck');
my ($session, $other) = map { open_session($node) } 1 .. 2;
administer($session, 'SET fpgo.undelivered_notice = off');



sub queue {
    my ($name, @more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ended = ends($name, run_in($session, enqueue_sql(order(), @more)), '');
    unlike($ended->{said}, qr/WARNING/, "$name: nothing is left open");
    return $ended->{rows};
}

# are_complete($name, $submission...): each btree has an entry of each row, and these
# submissions are on record.  amcheck raises an error otherwise.
sub are_complete {
    my ($name, @ids) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $n = administer($other, q{SELECT count(bt_index_check(i.indexrelid, true)) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree'
        WHERE i.indrelid IN ('fpgo_internal.submission'::regclass, 'fpgo_internal.payload'::regclass, 'fpgo_internal.attempt'::regclass)});
    cmp_ok($n, '>=', 8, "$name: indexes are complete");
    is(administer($other, 'SELECT count(*) FROM fpgo_internal.submission s JOIN fpgo_internal.payload p ON p.submission = s.id
        WHERE s.id IN (' . join(', ', @ids) . ')'), scalar @ids, "$name: the orders are on record");
    return;
}

# An index that becomes ready without a change of its table, as CREATE INDEX
# CONCURRENTLY does halfway.  A row from before has no entry, which is found.
queue("order $_ of the session") for 1 .. 3;
administer($other, q{CREATE INDEX late ON fpgo_internal.submission (role);
    UPDATE pg_index SET indisready = false WHERE indexrelid = 'fpgo_internal.late'::regclass});
my @without = map { queue("order $_ beside an index that is not ready") } 1 .. 2;
administer($other, q{UPDATE pg_index SET indisready = true WHERE indexrelid = 'fpgo_internal.late'::regclass});
my @with = map { queue("order $_ beside an index that is ready") } 1 .. 2;
my $check = q{SELECT bt_index_check('fpgo_internal.late', true)};
like(run_in($other, $check)->{message}, qr/lacks matching index tuple/, 'a row without an entry is found');
administer($other, 'DELETE FROM fpgo_internal.submission WHERE id IN (' . join(', ', @without) . ')');
ends('the rows from then on have entries', run_in($other, $check), '');
administer($other, 'DROP INDEX fpgo_internal.late');
are_complete('an index that is ready later', @with);

# --- by another session, between two orders -------------------------------------------------

my @changes = (
    [ 'an index',               'CREATE INDEX more ON fpgo_internal.submission (created_at)' ],
    [ 'an index concurrently',  'CREATE INDEX CONCURRENTLY more2 ON fpgo_internal.submission (reference) WHERE advice IS NULL' ],
    [ 'rebuilt indexes',        'REINDEX TABLE fpgo_internal.submission' ],
    [ 'rebuilt concurrently',   'REINDEX TABLE CONCURRENTLY fpgo_internal.payload' ],
    [ 'a setting of an index',  'ALTER INDEX fpgo_internal.submission_key SET (fillfactor = 70)' ],
    [ 'a rewritten table',      'CLUSTER fpgo_internal.submission USING submission_pkey' ],
    [ 'statistics',             'VACUUM ANALYZE fpgo_internal.submission, fpgo_internal.payload' ],
    [ 'a dropped index',        'DROP INDEX fpgo_internal.more' ],
    [ 'dropped concurrently',   'DROP INDEX CONCURRENTLY fpgo_internal.more2' ],
    [ 'an index of payloads',   'CREATE INDEX more ON fpgo_internal.payload (keep_until) WHERE keep_until IS NULL' ],
    [ 'a BRIN index dropped',   'DROP INDEX fpgo_internal.submission_created' ]);

for my $change (@changes) {
    my ($name, $sql) = @$change;
    my @ids = queue("before $name");
    administer($other, $sql);
    push @ids, map { queue("after $name, order $_") } 1 .. 3;
    are_complete($name, @ids);
}

# --- by the session itself, in one transaction ----------------------------------------------

for my $change (
    [ 'an index',          'CREATE INDEX own ON fpgo_internal.submission (created_at)' ],
    [ 'a column',          'ALTER TABLE fpgo_internal.payload ADD COLUMN own integer' ],
    [ 'no column',         'ALTER TABLE fpgo_internal.payload DROP COLUMN own' ],
    [ 'a rewritten table', 'CLUSTER fpgo_internal.submission USING submission_key' ],
    [ 'no index',          'DROP INDEX fpgo_internal.own' ],
    [ 'rebuilt indexes',   'REINDEX TABLE fpgo_internal.payload' ])
{
    my ($name, $sql) = @$change;
    administer($session, 'BEGIN');
    my @ids = map { queue("$name in a transaction, order $_") } 1 .. 2;
    ends("$name in a transaction", run_in($session, $sql), '');
    push @ids, map { queue("$name in a transaction, later order $_") } 1 .. 2;
    administer($session, 'COMMIT');
    are_complete("$name in a transaction", @ids);
}

# --- savepoints, rollbacks and errors -----------------------------------------------------------

administer($session, 'BEGIN');
my @kept = queue('before the savepoint');
administer($session, 'SAVEPOINT s; CREATE INDEX undone ON fpgo_internal.submission (created_at)');
queue("order $_ in the savepoint") for 1 .. 2;
administer($session, 'ROLLBACK TO s');
push @kept, map { queue("order $_ after it was undone") } 1 .. 2;
administer($session, 'RELEASE s; SAVEPOINT t');
push @kept, queue('in a savepoint that stays');
administer($session, 'RELEASE t');
push @kept, queue('after it');
administer($session, 'COMMIT');
are_complete('savepoints', @kept);

# An entry that another index refuses ends the row half way.
administer($other, 'CREATE UNIQUE INDEX odd ON fpgo_internal.payload (keep_until) NULLS NOT DISTINCT
    WHERE submission > ' . $kept[-1]);
@kept = queue('the only one');
for my $time (1 .. 3) {
    ends("one too many, $time", run_in($session, enqueue_sql(order())), '23505');
}
administer($session, 'BEGIN; SAVEPOINT s');
ends('one too many in a savepoint', run_in($session, enqueue_sql(order())), '23505');
administer($session, 'ROLLBACK TO s');
administer($session, 'COMMIT');
administer($other, 'DROP INDEX fpgo_internal.odd');
push @kept, map { queue("order $_ after the errors") } 1 .. 2;
are_complete('errors', @kept);

# --- updates and deletions ------------------------------------------------------------------------

my ($order, $reference) = new_order();
ends('submitted', submit($session, $order), '');
administer($other, 'CREATE INDEX CONCURRENTLY outcomes ON fpgo_internal.attempt (outcome)');
administer($other, 'CREATE INDEX CONCURRENTLY states ON fpgo_internal.submission (error, state)');
for my $time (1 .. 3) {
    my ($next) = new_order();
    ends("submitted beside new indexes, $time", submit($session, $next), '');
}
are_complete('settled', @kept);

$_->quit for $session, $other;
check_log($node);
$node->stop;
$gateway->stop;
done_testing();
