# Databases that are not in UTF-8: an order with a character that the database lacks
# is refused in words that name it, and broken bytes are one violation.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $address = closed_address();
my $node    = new_cluster('main', url => $address, settings => "fpgo.undelivered_notice = off\n");
for my $encoding (qw(LATIN1 SQL_ASCII)) {
    $node->safe_psql('postgres', qq{CREATE DATABASE "in_$encoding" ENCODING '$encoding' LOCALE 'C' TEMPLATE template0});
    install_in($node, "in_$encoding", url => $address);
    $node->safe_psql("in_$encoding", q{
        CREATE TABLE sale (doc text);
        CREATE FUNCTION for_sale(s sale) RETURNS text LANGUAGE sql RETURN s.doc;
        CREATE FUNCTION jsonb_of(s sale) RETURNS jsonb LANGUAGE sql RETURN s.doc::jsonb;
        CREATE TRIGGER invoice AFTER INSERT ON sale FOR EACH ROW
            EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.jsonb_of', 'on_invalid=record')});
}

# ask($database, $statement): its rows, its SQLSTATE ('' of one that does not fail), and
# the lines of its error by their names.
sub ask {
    my ($database, $statement) = @_;
    my ($status, $rows, $said) = $node->psql($database, "\\set VERBOSITY verbose\n$statement");
    my %lines = map { /^(?:psql:\S+ )?(\w+): +(.*)/ ? ($1 => $2) : () } split /\n/, $said;
    unlike($said, qr/\Q$PERSONAL_NUMBER\E/, 'no personal number is told') if $said ne '';
    return ($rows, ($lines{ERROR} // '') =~ /^(\w{5}):/ ? $1 : '', \%lines);
}

# An order as JSON text whose customer, product or other member holds this escape.
sub order_with {
    my ($place, $escape) = @_;
    my $order = order($place => 'ESCAPE');
    return literal($order =~ s/ESCAPE/$escape/r);
}

# lacks($database, $name, $order, $told): what is said of a character it lacks
sub lacks {
    my ($database, $name, $order, $told) = @_;
    my ($encoding) = $database =~ /in_(.*)/;
    for my $call ("fpgo.validate($order)", "fpgo.advise($order)", "fpgo.submit_invoice($order)") {
        my (undef, $sqlstate, $lines) = ask($database, "SELECT * FROM $call");
        is($sqlstate, '22P05', "$name: " . ($call =~ /(\w+)\(/)[0]);
        is($lines->{DETAIL}, "$told, which the database's encoding, $encoding, lacks.", "$name: which and where");
    }
    my (undef, $sqlstate, $lines) = ask($database, "CREATE OR REPLACE TRIGGER invoice AFTER INSERT ON sale FOR EACH ROW
        EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.for_sale'); INSERT INTO sale VALUES ($order)");
    is($sqlstate, '22P05', "$name: from a mapping function");
    is($lines->{DETAIL}, "$told, which the database's encoding, $encoding, lacks.", "$name: by the trigger");
    is((ask($database, "CREATE OR REPLACE TRIGGER invoice AFTER INSERT ON sale FOR EACH ROW
            EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.for_sale', 'on_invalid=record'); INSERT INTO sale VALUES ($order);
            SELECT state, last_error FROM fpgo.submissions ORDER BY submission DESC LIMIT 1"))[0],
        "refused|Order cannot be stored as jsonb (22P05): $told, which the database's encoding, $encoding, lacks.",
        "$name: recorded as refused where the trigger records");
    return;
}

# --- escapes of characters that the database lacks ------------------------------------------

is((ask('in_LATIN1', 'SELECT count(*) FROM fpgo.validate(' . order_with('customerDetails.name', 'J\u00f8rgen') . ')'))[0], 0,
    'a letter of LATIN1 is taken');
lacks('in_LATIN1', 'a Polish name', order_with('customerDetails.name', 'Micha\u0142'), 'customerDetails.name has the character U+0142');
lacks('in_LATIN1', 'behind letters that it has', order_with('customerDetails.address.city', '\u00f8\u00e5 \\\\u0142 \u20AC'),
    'customerDetails.address.city has the character U+20AC');
lacks('in_LATIN1', 'two code units', order_with('referenceNo', '\ud83c\udf81'), 'referenceNo has the character U+1F381');
lacks('in_LATIN1', 'in the third product', literal('{"products": [{"name": "a\""}, [], {"tax": 25, "name": "\u0142"}]}'),
    'products[2].name has the character U+0142');
lacks('in_LATIN1', 'in a name', literal('{"customerDetails": {"\u0142": 1}}'), 'customerDetails.(a member) has the character U+0142');
lacks('in_LATIN1', 'under a name that may be about a person', literal(qq({"$PERSONAL_NUMBER": ["\\u0142"]})),
    '(a member)[0] has the character U+0142');
lacks('in_LATIN1', 'in no order', literal('"\u0142"'), 'The order has the character U+0142');
lacks('in_SQL_ASCII', 'any letter beyond ASCII', order_with('customerDetails.name', 'J\u00f8rgen'),
    'customerDetails.name has the character U+00F8');

# --- bytes that are no UTF-8 --------------------------------------------------------------------

# An order in SQL, where ?? stands for these bytes of the database.
sub bytes_in {
    my ($order, $bytes) = @_;
    return "replace($order, '??', E'$bytes')";
}

my $name = order_with('customerDetails.name', 'J??rgen');
is((ask('in_SQL_ASCII', 'SELECT count(*) FROM fpgo.validate(' . bytes_in($name, '\xC3\xB8') . ')'))[0], 0, 'UTF-8 is taken');
for my $case (
    [ 'a letter of LATIN1', bytes_in($name, '\xF8'), 'customerDetails.name', 'F8', 2 ],
    [ 'cut', bytes_in(order_with('customerDetails.email', 'kari@example.no??'), '\xC3'), 'customerDetails.email', 'C3', 16 ],
    [ 'a surrogate', bytes_in(order_with('referenceNo', '??'), '\xED\xA0\x80'), 'referenceNo', 'ED', 1 ],
    [ 'in the type, by which others are required', bytes_in(order_with('customerDetails.type', 'private??'), '\xFF'), 'customerDetails.type', 'FF', 8 ],
    [ 'in a member that no field has', bytes_in(order_with('note', '??'), '\xF8'), 'note', 'F8', 1 ],
    [ 'in a list of such a member', bytes_in(literal(order(note => [ 'a', { b => '??' } ])), '\xF8'), 'note[1].b', 'F8', 1 ],
    [ 'in a name', bytes_in(literal(order('a??' => 1)), '\xF8'), '(member 1)', 'F8', 2 ]) {
    my ($what, $order, $path, $byte, $position) = @$case;
    my $told = "$path must be text in UTF-8, which the byte 0x$byte at position $position is not.";
    is((ask('in_SQL_ASCII', "SELECT * FROM fpgo.validate($order)"))[0], "$path|utf8|$told", "$what: one violation");
    is((ask('in_SQL_ASCII', "SELECT fpgo.is_valid($order\::jsonb)"))[0], 'f', "$what: not valid");
    is((ask('in_SQL_ASCII', "SELECT count(*) >= 0 FROM fpgo.advise($order)"))[0], 't', "$what: advice is no error");
    for my $call ("SELECT fpgo.enqueue_invoice($order)", "SELECT * FROM fpgo.submit_invoice($order)") {
        my (undef, $sqlstate, $lines) = ask('in_SQL_ASCII', $call);
        is($sqlstate, '23514', "$what: refused");
        is($lines->{DETAIL}, $told, "$what: told which");
    }
    is((ask('in_SQL_ASCII', "CREATE OR REPLACE TRIGGER invoice AFTER INSERT ON sale FOR EACH ROW
            EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.jsonb_of', 'on_invalid=record'); INSERT INTO sale VALUES ($order);
            SELECT state, last_error FROM fpgo.submissions ORDER BY submission DESC LIMIT 1"))[0],
        "refused|$told", "$what: recorded as refused where the trigger records");
}
is((ask('in_SQL_ASCII', q{SELECT path, rule FROM fpgo.validate(to_jsonb(E'\xF8'::text))}))[0], '|utf8', 'the order itself');
is((ask('in_SQL_ASCII', q{SELECT count(*) FROM fpgo.submissions WHERE state <> 'refused'}))[0], 0, 'nothing else was queued');

# The hash of an order is the same in every encoding, so that it is known again where a dump
# was restored into another: members of unknown names are sorted as in UTF-8.
{
    my $order = order(referenceNo => 'ENC', 'customerDetails.name' => 'ESCAPE') =~
        s/ESCAPE/K\\u00e5re \\u00d8y/r =~ s/^\{/{"\\u00e6\\u00f8": 1.50, "zzz": 2, "abcd": " \\u00e5 ", /r;
    my $hash_of = sub {
        my ($database) = @_;
        $node->safe_psql($database, q{UPDATE fpgo_internal.hash_key SET key = decode(repeat('42', 32), 'hex')});
        return $node->safe_psql($database, 'SELECT fpgo.enqueue_invoice(' . literal($order) . q{) > 0;
            SELECT encode(order_hash, 'hex') FROM fpgo_internal.submission WHERE reference = 'ENC'});
    };
    my $in_utf8 = $hash_of->('postgres');
    like($in_utf8, qr/^t\n[0-9a-f]{64}$/, 'an order beyond ASCII, in UTF-8');
    is($hash_of->('in_LATIN1'), $in_utf8, 'in LATIN1 it has the same hash');
}

check_log($node);
$node->stop;
done_testing();
