# Triggers and the like that others put on fpgo's tables, while sessions use
# them, run under a fixed search_path and not under the caller's.  Functions with
# a search_path of their own get that.  Where there is no such foreign code, rows
# are written without the executor; what needs a statement runs by that path, too.

use strict;
use warnings;

use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

# (statistics that autovacuum makes are a change, too)
my $node = new_cluster('main', url => 'http://127.0.0.1:9/api/v1',
    settings => "fpgo.undelivered_notice = off\nautovacuum = off\n");
my $session = open_session($node);
my $other   = open_session($node);

# Code of the owner's, that says by a notice what it finds; hung.own_path() finds
# the table words by its own path alone.  And a trap for whoever takes the caller's.
administer($node, q{
    CREATE SCHEMA hung;
    CREATE TABLE hung.words AS SELECT 'found'::text AS word;
    CREATE FUNCTION hung.own_path() RETURNS text IMMUTABLE SET search_path = hung LANGUAGE plpgsql AS
        'BEGIN RETURN (SELECT word FROM words); END';
    CREATE FUNCTION hung.note(place text, value bigint) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN
        RAISE NOTICE 'hung on: % of % under <%>, words <%>', place, current_user, current_setting('search_path'),
            hung.own_path();
        RETURN 1;
    END $$;
    CREATE FUNCTION hung.note_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM hung.note('trigger', pg_backend_pid());
        RETURN coalesce(NEW, OLD);
    END $$;
    CREATE FUNCTION hung.compare(bigint, bigint) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM hung.note('comparison', $1);
        RETURN pg_catalog.btint8cmp($1, $2);
    END $$;
    CREATE OPERATOR CLASS hung.numbers FOR TYPE bigint USING btree AS
        OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 hung.compare(bigint, bigint);

    CREATE SCHEMA traps;
    CREATE TABLE traps.mine AS SELECT 'mine'::text AS word;
    CREATE FUNCTION traps.spring(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE OPERATOR traps.= (FUNCTION = traps.spring, LEFTARG = text, RIGHTARG = text);
    CREATE OPERATOR traps.<> (FUNCTION = traps.spring, LEFTARG = text, RIGHTARG = text)});

# What runs a statement tells by which search_path, as a setting.
my $callers = 'traps, pg_catalog';
my $safe    = 'pg_catalog, pg_temp';
run_in($_, qq{
    LOAD 'auto_explain';
    SET auto_explain.log_min_duration = 0;
    SET auto_explain.log_nested_statements = on;
    SET auto_explain.log_settings = on;
    SET auto_explain.log_level = notice;
    SET search_path = $callers}) for $session, $other;

# by_path($ended): the paths that statements on fpgo's tables ran by, each once.
sub by_path {
    my ($ended) = @_;
    my %paths = map { $_ => 1 }
      $ended->{said} =~ /^Query Text: [^\n]*fpgo_internal\.[^\n]*\n(?:(?!^Query Text).)*?^Settings: [^\n]*search_path = '([^']*)'/gms;
    return join ' and ', sort keys %paths;
}

# queue($name[, $in]): queue an order, which succeeds; returns how it ended.
sub queue {
    my ($name, $in) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ended = ends($name, run_in($in // $session, enqueue_sql(order())), '');
    unlike($ended->{said}, qr/WARNING/, "$name: nothing is left behind");
    return $ended;
}

# is_found($name, $ended, $place): code that is hung on ran, as it should.
sub is_found {
    my ($name, $ended, $place) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @found = $ended->{said} =~ /hung on: (.*)$/mg;
    isnt(scalar @found, 0, "$name: it runs");
    is_deeply([ grep { !/^\Q$place of $node->{user} under <$safe>, words <found>\E$/ } @found ], [],
        "$name: by fpgo's path, and its functions by their own");
    return;
}

# is_bare($name[, $in]): an order is queued without a statement once one was with,
# and queued again by statements, which need fpgo's path.
sub is_bare {
    my ($name, $in) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    queue("$name, first order", $in);
    my $order = order();
    my $sql   = enqueue_sql($order, q{on_duplicate => 'ignore'});
    my $ended = ends("$name, second order", run_in($in // $session, $sql), '');
    is(by_path($ended), '', "$name: no statement writes it");
    ends("$name, again", run_in($in // $session, $sql), '');
    my $again = ends("$name, once more", run_in($in // $session, $sql), '');
    is(by_path($again), $safe, "$name: a statement runs by the path of fpgo");
    is($again->{rows}, $ended->{rows}, "$name: it is the same submission");
    unlike("$ended->{said}$again->{said}", qr/hung on/, "$name: nothing else runs");
    return;
}

$node->{user} = administer($node, 'SELECT current_user');
is(by_path(queue('the first order')), $safe, 'a statement is analysed by the path of fpgo');
is_bare('nothing hung on');

# --- rows that are no statements -------------------------------------------------------

# What an owner forbids is forbidden there too, in words that do not quote the order.
my %bans = (
    23502 => [ 'ALTER TABLE fpgo_internal.payload ALTER COLUMN keep_until SET NOT NULL',
        'ALTER TABLE fpgo_internal.payload ALTER COLUMN keep_until DROP NOT NULL' ],
    23505 => [ q{CREATE UNIQUE INDEX hung ON fpgo_internal.payload (keep_until) NULLS NOT DISTINCT}, 'DROP INDEX fpgo_internal.hung' ],
);
for my $sqlstate (sort keys %bans) {
    my ($ban, $lift) = @{ $bans{$sqlstate} };
    administer($node, "TRUNCATE fpgo_internal.payload; $ban");
    queue("$sqlstate: one more") if $sqlstate eq '23505';
    for my $time ('the first order', 'the next') {
        my $ended = ends("$sqlstate, $time", run_in($session, enqueue_sql(order())), $sqlstate);
        unlike($ended->{said}, qr/contains|already exists/, "$sqlstate, $time: the row is not quoted");
    }
    administer($node, $lift);
    is_bare("$sqlstate, lifted");
}

# The same where only some orders are forbidden, after one that was not.
administer($node, 'ALTER TABLE fpgo_internal.submission ALTER COLUMN reference SET NOT NULL');
is_bare('a reference is needed');
for my $time ('first', 'then') {
    my $ended = ends("no reference, $time",
        run_in($session, enqueue_sql(order(referenceNo => undef), qq{key => 'none-$time'})), '23502');
    unlike($ended->{said}, qr/contains/, "no reference, $time: the row is not quoted");
}
administer($node, 'ALTER TABLE fpgo_internal.submission ALTER COLUMN reference DROP NOT NULL');
is_bare('no reference is needed');

# A column that PostgreSQL's own code works out.
administer($node, 'ALTER TABLE fpgo_internal.submission ADD COLUMN hung integer GENERATED ALWAYS AS (attempts + 7) STORED');
is(administer($node, 'SELECT hung FROM fpgo_internal.submission WHERE id = ' . queue("a generated column, order $_")->{rows}),
    7, "a generated column, order $_: it is worked out") for 1 .. 2;
administer($node, 'ALTER TABLE fpgo_internal.submission DROP COLUMN hung');
is_bare('a generated column, dropped');

# A column of somebody else's has what it should have.
my %columns = (
    'a column with a default' => 'ADD COLUMN hung integer DEFAULT 7',
    'a column without'        => 'ADD COLUMN hung text',
);
for my $name (sort keys %columns) {
    administer($node, "ALTER TABLE fpgo_internal.payload $columns{$name}");
    my @ids = map { queue("$name, order $_")->{rows} } 1 .. 2;
    is(administer($node, "SELECT count(*) FROM fpgo_internal.payload WHERE submission IN ($ids[0], $ids[1])
        AND payload LIKE '{%}' AND keep_until IS NULL AND hung IS NOT DISTINCT FROM "
            . ($columns{$name} =~ /DEFAULT (\d+)/ ? $1 : 'NULL')), '2', "$name: all columns are as they should be");
    administer($node, 'ALTER TABLE fpgo_internal.payload DROP COLUMN hung');
    is_bare("$name, dropped");
}

# --- what can be hung on -----------------------------------------------------------

# one of PostgreSQL's own functions, that runs what it is given
my $runs_sql = q{query_to_xml('SELECT hung.note(''SQL'', pg_backend_pid())', true, true, '')};

# name, place that is noted ('' for none), how to hang it on, how to take it away
my @things = (
    [ 'a trigger', 'trigger',
        'CREATE TRIGGER hung BEFORE INSERT ON fpgo_internal.submission FOR EACH ROW EXECUTE FUNCTION hung.note_trigger()',
        'DROP TRIGGER hung ON fpgo_internal.submission' ],
    [ 'a trigger of a statement', 'trigger',
        'CREATE TRIGGER hung AFTER INSERT ON fpgo_internal.payload EXECUTE FUNCTION hung.note_trigger()',
        'DROP TRIGGER hung ON fpgo_internal.payload' ],
    [ 'a rule', 'SQL',
        "CREATE RULE hung AS ON INSERT TO fpgo_internal.payload DO ALSO SELECT $runs_sql",
        'DROP RULE hung ON fpgo_internal.payload' ],
    [ 'a check', 'check',
        q{ALTER TABLE fpgo_internal.payload ADD CONSTRAINT hung CHECK (hung.note('check', submission) > 0) NOT VALID},
        'ALTER TABLE fpgo_internal.payload DROP CONSTRAINT hung' ],
    [ 'a default', 'default',
        q{ALTER TABLE fpgo_internal.submission ADD COLUMN hung integer, ALTER COLUMN hung SET DEFAULT hung.note('default', pg_backend_pid())},
        'ALTER TABLE fpgo_internal.submission DROP COLUMN hung' ],
    [ 'a default of a domain', 'SQL',
        "CREATE DOMAIN hung.document AS xml; ALTER TABLE fpgo_internal.submission ADD COLUMN hung hung.document;
            ALTER DOMAIN hung.document SET DEFAULT $runs_sql",
        'DROP DOMAIN hung.document CASCADE' ],
    [ 'a generated column', 'column',
        q{ALTER TABLE fpgo_internal.payload ADD COLUMN hung integer GENERATED ALWAYS AS (hung.note('column', submission)) STORED},
        'ALTER TABLE fpgo_internal.payload DROP COLUMN hung' ],
    [ 'an index of an expression', 'index',
        q{CREATE INDEX hung ON fpgo_internal.payload (hung.note('index', submission))}, 'DROP INDEX fpgo_internal.hung' ],
    [ 'an index of some rows', 'predicate',
        q{CREATE INDEX hung ON fpgo_internal.payload (submission) WHERE hung.note('predicate', submission) > 0},
        'DROP INDEX fpgo_internal.hung' ],
    [ 'an index in an order of its own', 'comparison',
        q{CREATE INDEX hung ON fpgo_internal.payload (submission hung.numbers)}, 'DROP INDEX fpgo_internal.hung' ],
    [ 'row level security', '',
        'ALTER TABLE fpgo_internal.payload ENABLE ROW LEVEL SECURITY', 'ALTER TABLE fpgo_internal.payload DISABLE ROW LEVEL SECURITY' ],
    [ 'a constraint of the domain of states', 'domain',
        q{ALTER DOMAIN fpgo.submission_state ADD CONSTRAINT hung CHECK (hung.note('domain', length(VALUE)) > 0) NOT VALID},
        'ALTER DOMAIN fpgo.submission_state DROP CONSTRAINT hung' ],
    [ 'a table that inherits', '',
        'CREATE TABLE hung.child () INHERITS (fpgo_internal.payload)', 'DROP TABLE hung.child; ANALYZE fpgo_internal.payload' ],
    [ 'a default that runs SQL', 'SQL',
        "ALTER TABLE fpgo_internal.submission ADD COLUMN hung xml, ALTER COLUMN hung SET DEFAULT $runs_sql",
        'ALTER TABLE fpgo_internal.submission DROP COLUMN hung' ]);

for my $thing (@things) {
    my ($name, $place, $hang, $drop) = @$thing;
    administer($node, $hang);
    for my $time ('the first order', 'the next') {
        my $ended = queue("$name, $time");
        like(by_path($ended), qr/\Q$safe\E/, "$name, $time: by the path of fpgo");
        is_found("$name, $time", $ended, $place) if $place;
    }
    administer($node, $drop);
    is_bare("$name, taken away");
}

# What follows a row of fpgo's runs when that goes.
administer($node, q{
    CREATE TABLE hung.child (submission bigint REFERENCES fpgo_internal.payload ON DELETE CASCADE);
    CREATE TRIGGER hung BEFORE DELETE ON hung.child FOR EACH ROW EXECUTE FUNCTION hung.note_trigger()});
my $submission = queue('a foreign key')->{rows};
administer($node, "INSERT INTO hung.child VALUES ($submission)");
is_found('a foreign key', ends('a foreign key, cancelled',
    run_in($session, "SELECT fpgo.cancel_submission($submission, 'test')"), ''), 'trigger');
administer($node, 'DROP TABLE hung.child');

# What harms nobody is left alone: an index as fpgo's own are.
administer($node, q{CREATE INDEX harmless ON fpgo_internal.payload (keep_until) WHERE keep_until IS NOT NULL});
is_bare('an index for reports');

# --- at the same time -----------------------------------------------------------------

# Hung on between two orders of one transaction, which takes no lock that waits.
my ($constraint) = grep { $_->[1] eq 'domain' } @things;
is_bare('before a transaction');
administer($session, 'BEGIN');
queue('in a transaction, first order');
administer($other, $constraint->[2]);
is_found('in a transaction, next', queue('in a transaction, next'), 'domain');
administer($session, 'COMMIT');
administer($other, $constraint->[3]);
is_bare('after the transaction');

# Hung on while a statement waits for its lock: it is seen by that statement.
my $trigger = $things[0][2];
administer($other, "BEGIN; $trigger");
begin_in($session, enqueue_sql(order()));
wait_for_lock($session);
administer($other, 'COMMIT');
my $ended = ends('an order that waited for a trigger', finish_in($session), '');
is_found('an order that waited for a trigger', $ended, 'trigger');

# What is taken away and comes back with a rollback.
administer($session, "BEGIN; $things[0][3]");
is_bare('a trigger taken away in the transaction');
administer($session, 'ROLLBACK');
is_found('that trigger after the rollback', queue('that trigger after the rollback'), 'trigger');
administer($session, "BEGIN; SAVEPOINT s; $things[0][3]");
is_bare('a trigger taken away after a savepoint');
administer($session, 'ROLLBACK TO s');
is_found('that trigger after the rollback to it', queue('that trigger after the rollback to it'), 'trigger');
administer($session, 'COMMIT');
administer($node, $things[0][3]);
is_bare('the trigger gone');

# --- the caller's path ----------------------------------------------------------------

# An error inside a statement leaves the caller's path as it was, and the next
# order needs no statement.
my $order = order();
administer($other, 'BEGIN');
queue('an order', $other);
ends('the same key at the same time', run_in($other, enqueue_sql($order, q{key => 'one'})), '');
ends('a wait that ends by an error', run_in($session, sprintf q{
    SET lock_timeout = '50ms';
    DO $$
    BEGIN
        PERFORM fpgo.enqueue_invoice(%s, key => 'one');
    EXCEPTION WHEN lock_not_available THEN
        RAISE NOTICE 'waited, and <%%> is there', (SELECT word FROM mine);
    END $$}, literal($order)), '', qr/waited, and <mine> is there/);
administer($other, 'ROLLBACK');
is_bare('after the error');
is(administer($session, q{SELECT current_setting('search_path')}), $callers, 'the setting is as it was');
administer($session, 'BEGIN');
queue('in a transaction');
is(administer($session, 'SELECT word FROM mine'), 'mine', 'and names are looked up by it');
administer($session, 'COMMIT');

# The first temporary table changes every path there is, but for a while only.
administer($session, 'CREATE TEMP TABLE passing (id integer)');
is(by_path(queue('the first order after a temporary table')), $safe, 'it is analysed anew by the path of fpgo');
is_bare('after a temporary table');

$_->quit for $session, $other;
check_log($node);
$node->stop;

# --- an extension made in single-user mode ------------------------------------------------

# Before the first start of a cluster its objects get numbers below those of users'.
my $single = PostgreSQL::Test::Cluster->new('single');
$single->init;
$single->append_conf('postgresql.conf', "fpgo.undelivered_notice = off\nlog_statement = none\n");
ok(run_log([ 'postgres', '--single', '-D', $single->data_dir, 'postgres' ], '<', \join("\n", 'CREATE EXTENSION fpgo', q{CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:9/api/v1')},
        "CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '$TOKEN')", '')), 'an extension is made in single-user mode');
$single->start;
cmp_ok(administer($single, q{SELECT 'fpgo.submission_state'::regtype::oid}), '<', 16384, 'its numbers are low');
my $alone = open_session($single);
run_in($alone, 'SET search_path = public');
queue("single-user mode, order $_", $alone) for 1 .. 2;
administer($single, q{
    CREATE FUNCTION public.note(value integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN RAISE NOTICE ''hung on: <%>'', current_setting(''search_path''); RETURN 1; END';
    ALTER DOMAIN fpgo.submission_state ADD CONSTRAINT hung CHECK (public.note(length(VALUE)) > 0) NOT VALID});
for my $time ('the first order', 'the next') {
    my %paths = map { $_ => 1 } queue("single-user mode, $time", $alone)->{said} =~ /hung on: <(.*?)>/g;
    is_deeply([ keys %paths ], [$safe], "single-user mode, $time: by fpgo's path");
}
$alone->quit;
$single->stop;
done_testing();
