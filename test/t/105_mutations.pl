# Orders that went wrong in many ways: text, jsonb, composite and payload
# agree, no message names the customer, and the sandbox gateway's own rules and
# the JSON Schema say what fpgo says.  test/fuzz/orders does the same at length.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use Test::More;

my $node = new_cluster('mutations', url => 'https://gateway.invalid/api/v1');
local @ENV{qw(PGHOST PGPORT PGDATABASE)} = ($node->host, $node->port, 'postgres');

my $said  = '';
my @judge = ('python3', "$FindBin::RealBin/../fuzz/judge.py", '--orders', 2000, '--seed', 20260814);
ok(IPC::Run::run(\@judge, '>', \$said), 'fpgo, gateway and schema agree on every order');
note($said);
diag($said) if $said =~ /complaints:/;
my %sum = $said =~ /\b(\w+): (\d+)\b/g;
my $read = $sum{jsonb} + $sum{composite};
cmp_ok($sum{valid},         '>', 1000, 'many orders are valid');
cmp_ok($read - $sum{valid}, '>', 600,  'many break a rule');
cmp_ok($sum{composite},     '>', 600,  'many fit into the composite');
cmp_ok($sum{'22P02'},       '>', 50,   'some are no JSON');

done_testing();
