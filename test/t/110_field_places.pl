# A field of an order is known everywhere.  Its one place is the field tree,
# src/order/fields.c, which fpgo.rules() prints; the places below have a list of
# their own.  Each is compared with the tree, and what is missing there is named
# by the field's path.  src/order/fields.c has the list of places in order.

use strict;
use warnings;

use File::Find qw(find);
use FindBin;
use IPC::Run;
use JSON::PP;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

# What these words say is no rule: no value breaks it.
my %says_no_rule = map { $_ => 1 } 'Unix seconds', 'may have {submission} in its path, once';

# The rules of presence and type; any other is a constraint's.
my $plain_rule = qr/^(required(_if|_with)?|array|string|numeric|boolean|email|url)?$/;

my $root = "$FindBin::RealBin/../..";

# known($place, @faults): one test of one place.  A fault is the path of a field
# that is missing there, or its path, a colon and what else is wrong with it.
sub known {
    my ($place, @faults) = @_;
    ok(!@faults, "every field is known in $place");
    diag(/: / ? "$_ ($place)" : "$_: missing in $place") for @faults;
    return;
}

# Which of these are not in that list, and the other way round.
sub difference {
    my ($fields, $listed) = @_;
    my %is_field  = map { $_ => 1 } @$fields;
    my %is_listed = map { $_ => 1 } @$listed;
    return (grep { !$is_listed{$_} } @$fields),
      map { "$_: no such field, but listed" } grep { !$is_field{$_} } @$listed;
}

# ---------- the SQL script, before it is run ----------

# The names and types of a function's arguments, as its CREATE FUNCTION has them.
sub arguments_of {
    my ($list) = @_;
    1 while $list =~ s/\([^()]*\)//;
    my @arguments;
    for (split /,/, $list) {
        my ($name, $type) = /^\s*(\w+)\s+(.+?)(?:\s+DEFAULT\s.*)?\s*$/s or die "argument \"$_\"";
        push @arguments, { name => $name, type => $type };
    }
    return @arguments;
}

# The name of the first argument at which two lists of types part.
sub first_apart {
    my ($arguments, @types) = @_;
    my ($first) = grep { ($types[$_] // '') ne $arguments->[$_]{type} } 0 .. $#$arguments;
    return defined $first ? $arguments->[$first]{name} : 'the end';
}

# A COMMENT whose types are not the function's makes CREATE EXTENSION fail
# without the word COMMENT.
sub wrong_comments {
    my ($script) = @_;
    my @wrong;
    my %comments;
    push @{ $comments{$1} }, $2 =~ s/\s+/ /gr
      while $script =~ /^COMMENT ON FUNCTION fpgo\.(make_\w+)\(([^)]*)\) IS/mg;
    while ($script =~ /^CREATE (?:OR REPLACE )?FUNCTION fpgo\.(make_\w+)(\((?:[^()]++|(?2))*\))/mg) {
        my ($function, $list) = ($1, substr $2, 1, -1);
        my @arguments = arguments_of($list);
        my $types     = join ', ', map { $_->{type} } @arguments;
        next if grep { $_ eq $types } @{ $comments{$function} // [] };
        my @given = split /,\s*/, ($comments{$function} // [''])->[-1];
        push @wrong, first_apart(\@arguments, @given)
          . ": from here on the types differ from fpgo.$function($types)";
    }
    return @wrong;
}

my @scripts = sort glob "$root/src/fpgo--*.sql";
cmp_ok(scalar @scripts, '>=', 2, 'the SQL scripts are there');
for my $file (@scripts) {
    my ($name) = $file =~ m{([^/]*)$};
    known("the COMMENT ON FUNCTION of its constructor, src/$name", wrong_comments(slurp_file($file)));
}

# ---------- the field tree, and what is made of it ----------

my $node = new_cluster('fields', url => 'https://gateway.invalid/api/v1');
my @rows = @{ decode_json($node->safe_psql('postgres', 'SELECT json_agg(r) FROM fpgo.rules() r')) };
my @leaves = map { $_->{path} } grep { $_->{type} !~ /^(object|array)$/ } @rows;
cmp_ok(scalar @leaves, '>', 0, 'there are fields');

# The first column of a query's rows.
sub paths_where {
    my ($sql) = @_;
    return split /\n/, $node->safe_psql('postgres', $sql);
}

known('its composite type', paths_where(q{
    SELECT path || ': ' || sql_type || ' has no attribute ' || attribute FROM fpgo.rules() WHERE NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = to_regclass(sql_type) AND attname = attribute)}));
known('COMMENT ON COLUMN of its composite type', paths_where(q{
    SELECT path FROM fpgo.rules() JOIN pg_attribute ON attrelid = to_regclass(sql_type) AND attname = attribute
    WHERE coalesce(strpos(col_description(attrelid, attnum), path || ': '), 0) <> 1}));
# what only one type of customer has is an argument of that type's constructor
known('the constructor of its type', paths_where(q{
    SELECT path || ': no argument ' || attribute FROM fpgo.rules()
    WHERE path <> 'customerDetails.type' AND NOT EXISTS (
        SELECT FROM pg_proc WHERE pronamespace = 'fpgo'::regnamespace AND proname LIKE 'make\_%'
            AND prorettype = to_regtype(sql_type) AND attribute = ANY (proargnames))}));

# ---------- lists that are written by hand ----------

my $page  = slurp_file("$root/sql/fields.sql");
my $cases = slurp_file("$root/sql/validate.sql");
known("the API page's table in sql/fields.sql", grep { $page !~ /^\t\('\Q$_\E', /m } @leaves);
for my $passes ('true', 'false') {
    known("the cases of sql/validate.sql that are $passes", grep {
        my $place = s/\*/0/r =~ tr/./,/r;
        $cases !~ /\($passes, '\{\Q$place\E\}'/
    } @leaves);
}

# The table is printed by a script, and stands somewhere under its first line.
my $table = $node->safe_psql('postgres', slurp_file("$root/test/t/field_table.sql"));
my ($head, undef, @lines) = split /\n/, $table;
my ($document, $ours);
find(sub {
    return unless /\.md$/ and slurp_file($_) =~ /^\Q$head\E\n\|[-|]*\n((?:\|.*\n)*)/m;
    ($document, $ours) = (substr($File::Find::name, length "$root/"), $1);
}, $root);
ok(defined $document, 'a document has the field table') or diag("its first line is: $head");
known('the field table of ' . ($document // 'no document'),
    map { /`(.*?)`/; "$1: there is no row $_" } grep { ("\n" . ($ours // '')) !~ /\n\Q$_\E\n/ } @lines);
ok(($ours // '') eq join('', map { "$_\n" } @lines), 'it has no other row and is in order')
  or diag('test/t/field_table.sql prints the field table, and says how');

# ---------- what the sandbox and the JSON Schema make of it ----------

my $said = '';
my $asked = encode_json({
    rules  => \@rows,
    schema => decode_json($node->safe_psql('postgres', 'SELECT fpgo.json_schema()')),
});
IPC::Run::run([ 'python3', "$FindBin::RealBin/field_places.py" ], '<', \$asked, '>', \$said)
  or die 'field_places.py failed';
my $known  = decode_json($said);
my @probes = @{ $known->{probes} };

known('test/gateway/rules.py, the sandbox', difference([ 'products', @leaves ], $known->{sandbox}));
known('OPTIONAL of test/fuzz/mutate.py',
    difference([ map { $_->{path} } grep { $_->{presence} eq 'optional' } @rows ], $known->{optional}));

# fpgo's own verdict: the rule broken in the field, and whether all is well
my $orders = PostgreSQL::Test::Utils::tempdir() . '/orders';
append_to_file($orders, join '', map { "$_->{order}\n" } @probes);
my @verdicts = split /\n/, $node->safe_psql('postgres', qq{
    SELECT coalesce(json_object_agg(path, rule) FILTER (WHERE path IS NOT NULL), '{}')
    FROM regexp_split_to_table(rtrim(pg_read_file('$orders'), E'\\n'), E'\\n') WITH ORDINALITY AS o(line, n)
        LEFT JOIN LATERAL fpgo.validate(line) ON true
    GROUP BY n ORDER BY n});
is(scalar @verdicts, @probes, 'fpgo judges every order');
for my $i (0 .. $#probes) {
    my $broken = decode_json($verdicts[$i]);
    $probes[$i]{fpgo}     = $broken->{ $probes[$i]{path} =~ s/\.\*/[0]/r } // '';
    $probes[$i]{is_valid} = !%$broken;
}

# probes_where($what, $test): one line a field for the first probe that is so.
sub probes_where {
    my ($what, $test) = @_;
    my %seen;
    return map { "$_->{path}: " . $what->($_) } grep { $test->($_) && !$seen{ $_->{path} }++ } @probes;
}

known('test/gateway/rules.py, with its rules', probes_where(
    sub { sprintf 'given %s, fpgo says "%s" and the sandbox "%s"', @{ $_[0] }{qw(value fpgo sandbox)} },
    sub { $_[0]{fpgo} ne $_[0]{sandbox} }));
# JSON Schema has no limits for a number that is spelled as a text
my %is_numeric = map { $_->{path} => 1 } grep { $_->{type} eq 'numeric' } @rows;
sub may_differ {
    my ($probe) = @_;
    return $is_numeric{ $probe->{path} } && $probe->{value} =~ /^"/ && $probe->{fpgo} !~ $plain_rule;
}

known('fpgo.json_schema(), with its limits', probes_where(
    sub { sprintf 'given %s, fpgo %s the order and the schema does not',
          $_[0]{value}, $_[0]{is_valid} ? 'takes' : 'refuses' },
    sub { ($_[0]{is_valid} xor $_[0]{schema}) && !($_[0]{schema} && may_differ($_[0])) }));

# What was tried above must have tried all there is to each field.
my (%is_taken, %is_constrained, %has_rule);
for my $probe (@probes) {
    $is_taken{ $probe->{path} } = 1 if $probe->{is_valid};
    $is_constrained{ $probe->{path} } = 1 if $probe->{fpgo} !~ $plain_rule;
    $has_rule{ $probe->{fpgo} } //= $probe->{path} if $probe->{fpgo};
}
known('the values tried by field_places.py', map { "$_->{path}: no valid order" } grep { !$is_taken{ $_->{path} } } @rows);
known('the values tried by field_places.py, with its limits',
    map { "$_->{path}: nothing breaks \"$_->{constraint}\"" }
      grep { defined $_->{constraint} and !$says_no_rule{ $_->{constraint} } and !$is_constrained{ $_->{path} } } @rows);

# the names of the rules
my ($names) = $node->safe_psql('postgres', q{SELECT col_description('fpgo.violation'::regclass, 2)}) =~
  /^[^:]*: ([^.;]*)[.;]/;
my %is_named = map { $_ => 1 } split /, /, $names // '';
known('COMMENT ON COLUMN fpgo.violation.rule, by its rule',
    (map { "$has_rule{$_}: its rule $_ is missing" } grep { !$is_named{$_} } sort keys %has_rule),
    map { "$_: the rule of no field" } grep { !$has_rule{$_} } sort keys %is_named);

done_testing();
