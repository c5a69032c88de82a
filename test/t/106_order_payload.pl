# The domain for orders, one of the shop's own and indexes by is_valid: as
# src/doc/shops.md shows them, and through dump and restore, where no schema is searched.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoReadme;
use FpgoTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dumps = PostgreSQL::Test::Utils::tempdir();
my $node  = new_cluster('main', url => closed_address());

# An order with this tax rate.
sub taxed {
    my ($rate) = @_;
    return 'jsonb_set(' . literal(order()) . ", '{products,0,tax}', '\"$rate\"')";
}

# The SQLSTATE of a statement that fails, '' of one that does not; and what was said.
sub attempt {
    my ($database, $statement) = @_;
    my ($status, $out, $said) = $node->psql($database, "\\set VERBOSITY verbose\n$statement");
    return ($said =~ /ERROR: +(\w{5}):/ ? $1 : '', $said);
}

my @blocks = readme_sql('Columns of valid orders', 'src/doc/shops.md');
is(scalar @blocks, 3, 'the page has a table, a domain of its own with an index, and a query');
my ($table, $own, $query) = @blocks;
$node->safe_psql('postgres', $_) for $table, $own;

$node->safe_psql('postgres', 'INSERT INTO prepared_order VALUES (1, ' . taxed(15) . ')');
$node->safe_psql('postgres', 'INSERT INTO draft SELECT i, CASE WHEN i % 100 = 0 THEN ' . taxed(15) . ' ELSE '
    . taxed(6) . ' END FROM generate_series(1, 1000) i; ANALYZE draft');
$node->safe_psql('postgres', 'CREATE TABLE swedish (id int, doc swedish_order); INSERT INTO swedish VALUES (1, ' . taxed(6) . ')');
$node->safe_psql('postgres', 'CREATE INDEX fit ON draft (id) WHERE fpgo.is_valid(doc)');

my $definitions = q{SET search_path = '';
    SELECT pg_get_indexdef(i, 0, false) FROM unnest('{public.fit,public.unfit_draft}'::regclass[]) i;
    SELECT t.typname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_type t ON t.oid = c.contypid
    WHERE t.typname IN ('order_payload', 'swedish_order') ORDER BY 1};
my $defined = $node->safe_psql('postgres', $definitions);
is(scalar(() = $defined =~ /fpgo\.is_valid\(/g), 4, 'indexes and domains name the function with its schema');

is($node->safe_psql('postgres', $query), join("\n", map { 100 * $_ } 1 .. 10), 'the query finds what is unfit');
check_constrained('postgres', 'before');

# Dumped from one database and restored into others, whole and as INSERTs; a
# restore runs with an empty search_path.
for my $way ([ whole => '-Fc' ], [ inserts => '-Fc', '--inserts' ], [ parts => '-Fc', '--no-owner' ]) {
    my ($name, @options) = @$way;
    my $file = "$dumps/$name";
    $node->command_ok([ 'pg_dump', @options, '-f', $file, 'postgres' ], "$name: dumped");
    $node->safe_psql('postgres', "CREATE DATABASE $name");
    my @parts = $name eq 'parts' ? map { [ "--section=$_" ] } qw(pre-data data post-data) : [];
    $node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $name, @$_, $file ], join(" ", "$name: restored", @$_)) for @parts;
    is($node->safe_psql($name, 'SELECT count(*), count(*) FILTER (WHERE fpgo.is_valid(doc)) FROM draft'), '1000|10',
        "$name: the orders are there");
    like($node->safe_psql($name, "ANALYZE draft; SET enable_seqscan = off; EXPLAIN $query"),
        qr/using unfit_draft/, "$name: and so is the index");
    is($node->safe_psql($name, $definitions), $defined, "$name: definitions say what they said");
    check_constrained($name, $name);
}

check_log($node);
$node->stop;
done_testing();

# Both domains take what they should, refuse what they should, and say nothing
# of the order.
sub check_constrained {
    my ($database, $name) = @_;
    my $stranger = literal(qq({"customerDetails": {"personalNumber": "$PERSONAL_NUMBER"}}));
    my @cases    = (
        [ 'an order',             'prepared_order', taxed(25), '' ],
        [ 'another tax rate',     'prepared_order', taxed(6),  '23514' ],
        [ 'much missing',         'prepared_order', $stranger, '23514' ],
        [ 'NULL',                 'prepared_order', 'NULL',    '23502' ],
        [ 'rate of its own',      'swedish',        taxed(6),  '' ],
        [ 'not one of its rates', 'swedish',        taxed(15), '23514' ]);

    for my $case (@cases) {
        my ($what, $table, $doc, $expected) = @$case;
        my ($got, $said) = attempt($database, "BEGIN; INSERT INTO $table VALUES (2, $doc); ROLLBACK;");
        is($got, $expected, "$name: $table, $what");
        next if $expected eq '';
        unlike($said, qr/$PERSONAL_NUMBER/, "$name: $table, $what: no personal number");
        like($said, qr/violates check constraint "must_pass_fpgo_validate"/, "$name: $table, $what: says so")
            if $expected eq '23514';
    }
    return;
}
