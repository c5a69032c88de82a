# fpgo.json_schema() takes whatever fpgo takes, by the word of a validator that
# knows nothing of fpgo.

use strict;
use warnings;

use File::Basename qw(basename);
use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Of the corpus' refused orders, so many the schema must refuse as well.
my $refused_by_both = 336;

my $test_dir = "$FindBin::RealBin/..";
my $files    = PostgreSQL::Test::Utils::tempdir();
my $node     = new_cluster('schema', url => 'https://gateway.invalid/api/v1');

# keep($name, @lines): a file of these lines, for the server and the validator.
sub keep {
    my ($name, @lines) = @_;
    append_to_file("$files/$name", join '', map { "$_\n" } @lines);
    return "$files/$name";
}

# What fpgo says of the orders in a file: a list of t and f.
sub fpgo_says {
    my ($orders, $tax_rates) = @_;
    return split /\n/, $node->safe_psql('postgres', qq{
        SELECT fpgo.is_valid(line::jsonb, $tax_rates)
        FROM regexp_split_to_table(rtrim(pg_read_file('$orders'), E'\\n'), E'\\n')
            WITH ORDINALITY AS o(line, n)
        ORDER BY n});
}

# The same of the validator, with the schema that fpgo prints.
sub schema_says {
    my ($orders, $server) = @_;
    my $schema = keep(basename($orders) . '.schema',
        $node->safe_psql('postgres', "SELECT fpgo.json_schema($server)"));
    my $said   = '';
    my $ran    = IPC::Run::run([ 'python3', "$FindBin::RealBin/schema_verdicts.py", $schema ],
        '<', $orders, '>', \$said);
    ok($ran, 'the validator takes the schema and judges');
    return split /\n/, $said;
}

# compare($name, $orders, ...): the schema is never stricter than fpgo.  Returns
# how many orders both accept, and how many both refuse.
sub compare {
    my ($name, $orders, %with) = @_;
    my @orders   = split /\n/, slurp_file($orders);
    my @verdicts = fpgo_says($orders, $with{tax_rates} // 'NULL');
    my @schema   = schema_says($orders, $with{server} // 'NULL');
    is(scalar @verdicts, @orders, "$name: fpgo judges every order");
    is(scalar @schema,   @orders, "$name: so does the validator");
    my @stricter = grep { $verdicts[$_] eq 't' and $schema[$_] ne 't' } 0 .. $#orders;
    is(scalar @stricter, 0, "$name: what fpgo accepts the schema accepts");
    diag("stricter than fpgo: $orders[$_]") for splice @stricter, 0, 5;
    my $accepted = grep { $verdicts[$_] eq 't' } 0 .. $#orders;
    my $refused  = grep { $verdicts[$_] eq 'f' and $schema[$_] eq 'f' } 0 .. $#orders;
    note("$name: of ", @orders - $accepted, " refused orders the schema refuses $refused");
    return ($accepted, $refused);
}

# the corpus; an order is the rest of its line, cut out as text
my @corpus = map { /"payload": (.*)\}$/ } split /\n/, slurp_file("$test_dir/corpus/orders.jsonl");
my ($accepted, $refused) = compare('corpus', keep('corpus', @corpus));
is($accepted, 110, 'corpus: so many are accepted');
cmp_ok($refused, '>=', $refused_by_both, "corpus: the schema refuses at least $refused_by_both");

# tax rates of one's own: numbers in every spelling, texts in the list's own only
$node->safe_psql('postgres', "ALTER SERVER frontpayment OPTIONS (ADD tax_rates '6.5,025,0.50,0')");
my @spellings = split ' ', <<'END';
6.5 6.50 "6.5" "+06.500" 65e-1 "65e-1" 25 "25." "025.0" "\f25" 0.5 ".5" "0.50" 0 -0 "-.0" "0."
12 "12" 6 "6" "6.05" "-6.5" "2.5" 2.5 "250" "5" "" "6,5" "." "+" null true [] "\u00a025"
END
my @rated = map { $corpus[0] =~ s/"tax":"0"/"tax":$_/r } @spellings;
($accepted, $refused) = compare('tax rates', keep('rated', @rated),
    tax_rates => "'{6.5,25,0.5,0}'", server => "'frontpayment'");
is($accepted, 9, 'tax rates: every number that is one of them is accepted, and texts as they stand in the list');
# looser: texts that spell one of them in another way, such as "25."
is($refused, @spellings - $accepted - 8, 'tax rates: and nothing else but such texts');

# letters of other scripts than ours, where only letters and digits may be
my @lettered = map { my $id = $_; $corpus[0] =~ s/"organizationId":"[^"]*"/"organizationId":"$id"/r }
  '987654321', "\xC3\x85S9", "\xE4\xB8\xAD\xE6\x96\x87", '9 8', 'a-b', "\xC3\x85 9";
($accepted, $refused) = compare('letters', keep('lettered', @lettered));
is($accepted, 3, 'letters: those of any script are accepted');
is($refused, 3, 'letters: and what stands between is refused, by both');

# the placeholder, once in the path of callbackUrl and nowhere else
my @placed = map { my $url = $_; $corpus[0] =~ s/"callbackUrl":"[^"]*"/"callbackUrl":"$url"/r } split ' ', <<'END';
https://shop.example/{submission} http://127.0.0.1:80/a-{submission}.php?b[]=c#d https://[::1]/{submission}/
https://shop.example/{submission}{submission} https://shop.example/{Submission} https://shop.example/{} https://{submission}/
https://shop.example{submission} https://shop.example?{submission} https://shop.example/#{submission} /{submission}
END
push @placed, map { $corpus[0] =~ s/("$_":"[^"]*)"/$1\/{submission}"/r } 'success', 'failure';
($accepted, $refused) = compare('placeholders', keep('placed', @placed));
is($accepted, 3, 'placeholders: those in the path are accepted');
is($refused, @placed - $accepted, 'placeholders: and no others, by either');

done_testing();
