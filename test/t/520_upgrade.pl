# From 1.0 to this version: ALTER EXTENSION UPDATE makes what CREATE EXTENSION
# makes, what 1.0 recorded is shown as 1.0 showed it, and a dump of 1.0 restores.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../upgrade";

use FpgoTest;
use FpgoUpgrade;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('upgrade', url => closed_address());
my $out  = slurp_file(upgrade_file('records-1.0.out'));
$node->safe_psql('postgres', 'CREATE ROLE shop LOGIN; CREATE ROLE clerk LOGIN; CREATE ROLE reporter LOGIN');
offer_version_1_0($node);
my $version = slurp_file(upgrade_file('../../fpgo.control')) =~ /^default_version = '(.*)'$/m ? $1 : '';

sub create_database {
    my ($name) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $name");
    return;
}

sub update { $node->safe_psql($_[0], 'ALTER EXTENSION fpgo UPDATE'); return; }

# What 1.0 showed of the records is shown in a database.  In one that was restored
# what is queued is held, and its column last_error says so.
sub shows_records {
    my ($name, $database, %is) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $shown = psql_file($node, $database, 'records.sql');
    if ($is{restored}) {
        my $why = qr/Another database sends the orders of this server, or did when this one was copied or restored: see fpgo\.take_seat\./;
        my $n_held = () = $shown =~ /^(?:[^|\n]*\|){5}queued\|(?:[^|\n]*\|){10}$why/mg;
        my $n_queued = () = $out =~ /^(?:[^|\n]*\|){5}queued\|/mg;
        is($n_held, $n_queued, "$name: what is queued is held");
        my %said = $out =~ /^(\d+)\|(?:[^|\n]*\|){4}queued\|(?:[^|\n]*\|){10}([^|]*)/mg;
        my ($health) = $out =~ /^frontpayment\|(?:\d+\|){3}([^|]*?)\n\(\d+ row/m;
        $shown =~ s/^(frontpayment\|(?:\d+\|){3})$why/$1$health/m;
        $shown =~ s/^((\d+)\|(?:[^|\n]*\|){4}queued\|(?:[^|\n]*\|){10})$why/$1$said{$2}/mg;
    }
    my @shown = split /\n/, $shown;
    my @known = split /\n/, $out;
    my @wrong = grep { ($shown[$_] // '') ne ($known[$_] // '') } 0 .. ($#known > $#shown ? $#known : $#shown);
    is($shown, $out, "$name: all records are shown as by 1.0") or diag("lines that differ: @wrong");
    return;
}

sub same_catalogs {
    my ($name, @databases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($one, $other) = map { catalogs($node, $_) } @databases;
    cmp_ok(scalar keys %$one, '>', 3000, "$name: there is a lot to compare");
    is(join("\n", differences($one, $other)), '', "$name: the catalogs say the same");
    return;
}

is($node->safe_psql('postgres', 'SELECT fpgo.version(), extversion FROM pg_extension WHERE extname = $$fpgo$$'),
    "$version|$version", 'the library, the control file and the SQL objects are of one version');

# --- the catalogs -----------------------------------------------------------------

create_database('fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION fpgo');
create_database('updated');
$node->safe_psql('updated', q{CREATE EXTENSION fpgo VERSION '1.0'});
my @oids = objects_of($node, 'updated');
$node->safe_psql('updated', 'CREATE VIEW looked_at AS SELECT "check", ok FROM fpgo.doctor(); CREATE VIEW all_of_it AS SELECT * FROM fpgo.doctor()');
update('updated');
# a column was renamed: views of it go on, and their dump restores
for my $view (qw(looked_at all_of_it)) {
    my $rows  = qq{SELECT string_agg("check", ' ') FROM $view};
    my $shown = $node->safe_psql('updated', $rows);
    like($shown, qr/^extension libcurl /, "the view $view shows what it showed");
    my $definition = $node->safe_psql('updated', "SELECT pg_get_viewdef('$view'::regclass)");
    is($node->safe_psql('updated', "DROP VIEW $view; CREATE VIEW $view AS $definition $rows"), $shown, "and its definition makes the same");
    $node->safe_psql('updated', "DROP VIEW $view");
}
is($node->safe_psql('updated', q{SELECT check_name FROM fpgo.doctor() LIMIT 1}), 'extension', 'the new name is there');
same_catalogs('updated from 1.0, and fresh', 'updated', 'fresh');
{
    my %there = map { $_ => 1 } objects_of($node, 'updated');
    # no grant, view or function can depend on an index without a constraint
    is(join("\n", grep { !$there{$_} && !/fpgo_internal\.submission_key\b/ } @oids), '', 'nothing of 1.0 was dropped or made anew');
}

# The comparison tells each kind of difference by the object's name.
my $fresh = catalogs($node, 'fresh');
for my $case (
    [ q{ALTER FUNCTION fpgo.rules() COST 7},                         qr/^function fpgo\.rules\(\) procost: 7 <> 1$/m ],
    [ q{ALTER FUNCTION fpgo.rules() PARALLEL UNSAFE},                qr/^function fpgo\.rules\(\) proparallel: "u" <> "s"$/m ],
    [ q{ALTER FUNCTION fpgo.rules() SET search_path = fpgo},         qr/^function fpgo\.rules\(\) proconfig: /m ],
    [ q{GRANT EXECUTE ON FUNCTION fpgo.pause(text) TO PUBLIC},       qr/^function fpgo\.pause\(pg_catalog\.text\) proacl: /m ],
    [ q{CREATE OR REPLACE FUNCTION fpgo.invoice_session(submission bigint) RETURNS SETOF fpgo.invoice_session
        AS '$libdir/fpgo', 'fpgo_rules' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 1},
        qr/^function fpgo\.invoice_session\(bigint\) prosrc: "fpgo_rules" <> "fpgo_invoice_session"$/m ],
    [ q{CREATE FUNCTION fpgo.more() RETURNS integer LANGUAGE sql RETURN 1; ALTER EXTENSION fpgo ADD FUNCTION fpgo.more()},
        qr/^function fpgo\.more\(\) is a member: true <> nothing$/m ],
    [ q{ALTER EXTENSION fpgo DROP FUNCTION fpgo.version()},          qr/^function fpgo\.version\(\) is a member: nothing <> true$/m ],
    [ q{ALTER TYPE fpgo.settings ADD ATTRIBUTE more text},           qr/^composite type column fpgo\.settings\.more attname: "more" <> nothing$/m ],
    [ q{ALTER DOMAIN fpgo.submission_state SET NOT NULL},            qr/^type fpgo\.submission_state typnotnull: true <> false$/m ],
    [ q{ALTER TABLE fpgo_internal.event ADD COLUMN more text},       qr/^table column fpgo_internal\.event\.more attname: "more" <> nothing$/m ],
    [ q{ALTER TABLE fpgo_internal.event ALTER reason SET DEFAULT ''}, qr/^table column fpgo_internal\.event\.reason default: /m ],
    [ q{ALTER TABLE fpgo_internal.event ALTER reason DROP NOT NULL}, qr/^table column fpgo_internal\.event\.reason attnotnull: false <> true$/m ],
    [ q{ALTER TABLE fpgo_internal.payload ALTER payload SET STATISTICS 100}, qr/^table column fpgo_internal\.payload\.payload attstattarget: /m ],
    [ q{ALTER TABLE fpgo_internal.event ADD CONSTRAINT more CHECK (id > 0)}, qr/^table constraint more on fpgo_internal\.event definition: /m ],
    [ q{CREATE INDEX more ON fpgo_internal.event (role)},            qr/^index fpgo_internal\.more index: /m ],
    [ q{DROP INDEX fpgo_internal.submission_created},                qr/^index fpgo_internal\.submission_created index: nothing <> /m ],
    [ q{ALTER SEQUENCE fpgo_internal.event_id_seq INCREMENT 2},      qr/^sequence fpgo_internal\.event_id_seq seqincrement: 2 <> 1$/m ],
    [ q{ALTER VIEW fpgo.attempts RESET (security_barrier)},          qr/^view fpgo\.attempts reloptions: null <> /m ],
    [ q{CREATE OR REPLACE VIEW fpgo_internal.viewer AS SELECT true AS sees_all, true AS counts_all},
        qr/^view fpgo_internal\.viewer view: /m ],
    [ q{COMMENT ON COLUMN fpgo.attempts.number IS NULL},             qr/^view column fpgo\.attempts\.number comment: nothing <> /m ],
    [ q{COMMENT ON FUNCTION fpgo.rules() IS 'Rules'},                qr/^function fpgo\.rules\(\) comment: "Rules" <> /m ],
    [ q{REVOKE SELECT ON fpgo.attempts FROM PUBLIC},                 qr/^view fpgo\.attempts relacl: /m ],
    [ q{GRANT USAGE ON SCHEMA fpgo_internal TO PUBLIC},              qr/^schema fpgo_internal nspacl: /m ],
    [ q{ALTER EVENT TRIGGER fpgo_refuse_drop DISABLE},               qr/^event trigger fpgo_refuse_drop evtenabled: "D" <> "O"$/m ],
    [ q{ALTER FOREIGN DATA WRAPPER fpgo NO VALIDATOR},               qr/^foreign-data wrapper fpgo validator: "-" <> "fpgo\.option_validator"$/m ],
    [ q{UPDATE pg_extension SET extconfig = extconfig[2:], extcondition = extcondition[2:] WHERE extname = 'fpgo'},
        qr/^extension fpgo dumps fpgo_internal\.submission: nothing <> ""$/m ],
    [ q{DELETE FROM pg_init_privs WHERE objoid = 'fpgo.pause(text)'::regprocedure},
        qr/^function fpgo\.pause\(pg_catalog\.text\) initial privileges: nothing <> /m ]) {
    my ($plant, $pattern) = @$case;
    my $differences = join "\n", differences(catalogs($node, 'updated', $plant), $fresh);
    like($differences, $pattern, "planted and told: $plant");
}

# --- triggers that would not fire any more -------------------------------------------

create_database('before');
$node->safe_psql('before', q{
    CREATE EXTENSION fpgo VERSION '1.0';
    CREATE SCHEMA shop;
    CREATE TABLE shop.sale (id int PRIMARY KEY);
    CREATE TABLE shop."Old sale" (id int PRIMARY KEY) PARTITION BY LIST (id);
    CREATE TABLE shop.old_1 PARTITION OF shop."Old sale" FOR VALUES IN (1);
    CREATE TRIGGER invoice BEFORE INSERT ON shop.sale FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('f');
    CREATE TRIGGER "Invoice" BEFORE UPDATE ON shop."Old sale" FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('f');
    ALTER TABLE shop.sale DISABLE TRIGGER invoice;
    CREATE TRIGGER after AFTER INSERT ON shop.sale FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('f');
    CREATE FUNCTION shop.enqueue_invoice_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TRIGGER other BEFORE INSERT ON shop.sale FOR EACH ROW EXECUTE FUNCTION shop.enqueue_invoice_trigger()});
{
    my (undef, undef, $said) = $node->psql('before', "\\set VERBOSITY verbose\nALTER EXTENSION fpgo UPDATE");
    like($said, qr/ERROR:  55000: .*: trigger "Invoice" on shop\."Old sale", invoice on shop\.sale$/m,
        'ALTER EXTENSION names each BEFORE trigger once');
    like($said, qr/HINT: .*CONSTRAINT TRIGGER \.\.\. AFTER INSERT OR UPDATE OR DELETE/, 'and says how to make it');
    is($node->safe_psql('before', q{SELECT extversion FROM pg_extension WHERE extname = 'fpgo'}), '1.0', 'nothing is updated');
    $node->safe_psql('before', 'DROP TRIGGER invoice ON shop.sale; DROP TRIGGER "Invoice" ON shop."Old sale"');
    update('before');
    same_catalogs('updated without them', 'before', 'fresh');
}

# --- records of 1.0, updated --------------------------------------------------------

my $dump = slurp_file(upgrade_file('records-1.0.sql'));
like($dump, qr/^CREATE EXTENSION IF NOT EXISTS fpgo WITH SCHEMA fpgo;$/m, 'a dump names no version');
create_database('records');
restore($node, 'records', $dump =~ s/^(CREATE EXTENSION IF NOT EXISTS fpgo WITH SCHEMA fpgo);$/$1 VERSION '1.0';/mr);
is($node->safe_psql('records', q{SELECT string_agg(DISTINCT state, ' ' ORDER BY state) FROM fpgo.submissions}),
    'accepted cancelled queued refused sending uncertain', 'a submission in every state');
shows_records('this library with the objects of 1.0', 'records');
update('records');
shows_records('updated', 'records');
my $early = 'SELECT callback, order_uuid, server FROM fpgo_internal.early_callback';
is($node->safe_psql('records', $early), '5|ODR4713|frontpayment', 'updated: a callback that 1.0 did not announce is early');

# --- a dump of 1.0, restored --------------------------------------------------------

create_database('restored');
restore($node, 'restored', $dump);
is($node->safe_psql('restored', q{SELECT extversion FROM pg_extension WHERE extname = 'fpgo'}),
    $version, 'a dump of 1.0 restores into this version');
shows_records('a dump of 1.0, restored', 'restored', restored => 1);
same_catalogs('updated with records, and restored', 'records', 'restored');

# --- a dump of what was updated -------------------------------------------------------

create_database('again');
{
    my $file = PostgreSQL::Test::Utils::tempdir() . '/dump';
    $node->command_ok([ 'pg_dump', '-Fc', '-f', $file, 'records' ], 'updated: dumped');
    $node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'again', $file ], 'updated: the dump restores');
}
shows_records('updated, dumped and restored', 'again', restored => 1);
is($node->safe_psql('again', $early), '5|ODR4713|frontpayment', 'updated, dumped and restored: an early callback stays early');
same_catalogs('updated, and restored from a dump of it', 'records', 'again');

# --- rows whose orders have no reference, recorded by 1.0 ------------------------------

# 1.0 knew such an order by its hash alone: the row that hands it in again takes it.
create_database('rows');
$node->safe_psql('rows', q{
    CREATE EXTENSION fpgo VERSION '1.0';
    CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo
        OPTIONS (url '} . closed_address() . q{', retention '1d', defaults '{"invoiceFeeApplicable": true, "invoiceInterval": 1}');
    CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 'record-token');
    CREATE TABLE public.sale (id int PRIMARY KEY, what text, at timestamptz, note text);
    CREATE FUNCTION public.invoice_for(s public.sale) RETURNS fpgo.invoice_order LANGUAGE sql STABLE AS $$
        SELECT fpgo.make_order(
            products => ARRAY[fpgo.make_product(name => s.what, quantity => 1, rate => 599, tax => 25)],
            customer_details => fpgo.make_private_customer(
                name => 'Kari Nordmann', personal_number => '05928520287', email => 'kari@shop.example',
                country_code => '+47', msisdn => '40000000',
                address => fpgo.make_address(street => 'Storgata 1', zip => '0155', city => 'Oslo', country => 'NO')),
            order_date => s.at, callback => fpgo.make_callback(callback_url => 'https://shop.example/fpgo',
                success => 'https://shop.example/thanks', failure => 'https://shop.example/sorry')) $$;
    CREATE TRIGGER invoice AFTER INSERT OR UPDATE ON public.sale
        FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.invoice_for')});
# a date of the row's own, and one that is left to the clock
$node->safe_psql('rows', qq{SET fpgo.undelivered_notice = off; INSERT INTO public.sale VALUES ($_)})
    for map { my $n = $_; ("$n, 'dated $n', '2026-11-01'", ($n + 10) . ", 'undated $n', NULL") } 1 .. 4;
$node->safe_psql('rows', q{
    UPDATE fpgo_internal.submission SET state = 'accepted', order_uuid = 'ODR' || id, settled_at = now() WHERE id IN (1, 2);
    UPDATE fpgo_internal.submission SET state = 'uncertain', attempts = 1, settled_at = now() WHERE id IN (3, 4);
    UPDATE fpgo_internal.submission SET state = 'sending', run = 1, attempts = 1 WHERE id IN (5, 6);
    DELETE FROM fpgo_internal.payload WHERE submission = 1});
update('rows');
{
    my $counts = q{SELECT state, count(*), count(source) FROM fpgo_internal.submission GROUP BY 1 ORDER BY 1};
    my $fire   = sub { $node->safe_psql('rows', "SET fpgo.undelivered_notice = off; $_[0]") };
    is($node->safe_psql('rows', $counts), "accepted|2|0\nqueued|2|0\nsending|2|0\nuncertain|2|0", 'rows of 1.0: their orders, none of a row');
    $node->safe_psql('rows', q{ALTER SERVER frontpayment OPTIONS (SET defaults '{"invoiceFeeApplicable": true, "invoiceInterval": 2}')});
    $fire->('UPDATE public.sale SET note = $$fired$$ WHERE id > 1');
    is($node->safe_psql('rows', $counts), "accepted|2|1\nqueued|2|2\nsending|2|2\nuncertain|2|2",
        'rows of 1.0: under other defaults each finds its order by the payload');
    $node->safe_psql('rows', q{ALTER SERVER frontpayment OPTIONS (SET defaults '{"invoiceFeeApplicable": true, "invoiceInterval": 1}')});
    $fire->('UPDATE public.sale SET note = $$fired again$$');
    is($node->safe_psql('rows', $counts), "accepted|2|2\nqueued|2|2\nsending|2|2\nuncertain|2|2",
        'rows of 1.0: each finds its order again, one without payload by its hash');
    $fire->(q{INSERT INTO public.sale SELECT id + 100, what, at FROM public.sale WHERE id IN (1, 2, 3, 4)});
    is($node->safe_psql('rows', $counts), "accepted|2|2\nqueued|6|6\nsending|2|2\nuncertain|2|2", 'rows like them are orders of their own');
    $fire->('UPDATE public.sale SET what = what || $$, blue$$ WHERE id IN (4, 11)');
    is($node->safe_psql('rows', q{SELECT first_version, version, state, error FROM fpgo_internal.submission WHERE first_version <= 8 ORDER BY 1}),
        "2|1|refused|Not sent: the order was accepted already as ODR2, submission 2.\n7|1|queued|", 'rows of 1.0 that are edited make versions');
}

# --- and it all goes on -----------------------------------------------------------------

for my $database ('records', 'restored', 'again') {
    my $as_shop = sub { $node->safe_psql($database, "SET ROLE shop; SET fpgo.undelivered_notice = off; $_[0]") };
    my $known = $as_shop->(q{SELECT fpgo.enqueue_invoice(shop.an_order('accepted', at => } . date_of($database, 1)
          . q{), on_duplicate => 'ignore')});
    is($known, 1, "$database: an order that 1.0 took is known again, by its hash");
    like(($node->psql($database, q{SET ROLE shop; SELECT fpgo.enqueue_invoice(shop.an_order('accepted', 'R-2'))}))[2],
        qr/key "accepted" .* is taken by another order/, "$database: another order under its key is refused");
    is(fire_again($database, $as_shop), '11 of 11, 0 anew', "$database: whatever 1.0 has on record is no new submission when it comes again");
    my ($former, $other) = map { "'$_'" } '{"invoiceFeeApplicable": true}', '{"invoiceFeeApplicable": false, "invoiceInterval": 1}';
    $node->safe_psql($database, "ALTER SERVER frontpayment OPTIONS (SET defaults $other)");
    is(fire_again($database, $as_shop), '11 of 11, 0 anew', "$database: nor once the server has other defaults");
    $node->safe_psql($database, "ALTER SERVER frontpayment OPTIONS (SET defaults $former)");
    my $next = $as_shop->(q{SELECT shop.invoice('next')});
    cmp_ok($next, '>', 15, "$database: submissions are numbered on, by the shop's own function");
    $as_shop->(q{INSERT INTO shop.customer_order (number) VALUES ('by-trigger-2')});
    is($node->safe_psql($database, q{SELECT state FROM fpgo.submissions WHERE reference = 'by-trigger-2'}),
        'queued', "$database: the shop's trigger hands in");
    $as_shop->("SELECT fpgo.cancel_submission($next, 'test')");
    is($node->safe_psql($database, 'SELECT max(id) FROM fpgo_internal.event'), 4, "$database: events are numbered on");
    # what was on its way when the dump was made is nobody's
    $node->safe_psql($database, 'CALL fpgo.deliver(13)');
    is($node->safe_psql($database, 'SELECT state FROM fpgo.submissions WHERE submission = 15'),
        'uncertain', "$database: what was sending is uncertain");
}

check_log($node);
$node->stop;
done_testing();

# Hands in again what 1.0 has on record and did not give its key back, its date left to the
# clock.  Each must find the submission of before; an error dies.
sub fire_again {
    my ($database, $as_shop) = @_;
    my $before = $node->safe_psql($database, 'SELECT count(*) FROM fpgo_internal.submission');
    my @rows   = split /\n/, $node->safe_psql($database, q{
        SELECT format('(%s, %L, %L, %L)', s.id, s.key, s.reference, p.payload::json #>> '{products,0,productId}')
        FROM fpgo_internal.submission s JOIN fpgo_internal.payload p ON p.submission = s.id
        WHERE s.state IN ('accepted', 'queued', 'sending', 'uncertain') AND s.id <= 15});
    my $same = $as_shop->(q{
        SELECT count(*) FILTER (WHERE fpgo.enqueue_invoice(shop.an_order(reference, product, NULL), key => key, on_duplicate => 'ignore')
            = submission) FROM (VALUES } . join(', ', @rows) . ') s (submission, key, reference, product)');
    return "$same of " . @rows . ', ' . ($node->safe_psql($database, 'SELECT count(*) FROM fpgo_internal.submission') - $before) . ' anew';
}

# The order date of a submission, as SQL.
sub date_of {
    my ($database, $submission) = @_;
    return 'to_timestamp(' . $node->safe_psql($database,
        "SELECT payload::json ->> 'orderDate' FROM fpgo_internal.payload WHERE submission = $submission") . ')';
}
