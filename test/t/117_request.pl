# fpgo.request shows what submit_invoice sends: method, address, headers and body, byte
# for byte.  Its command for sh sends the same.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $other   = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address,
    options => q{defaults '{"customerReference": "laid under"}'});
$node->safe_psql('postgres', qq{CREATE SERVER other FOREIGN DATA WRAPPER fpgo OPTIONS (url '} . $other->address . q{')});
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/token", "$TOKEN\n");

# The request that is shown for an order, as a hash.
sub shown {
    my ($database, $order, $server) = @_;
    my @names = qw(method url headers body curl);
    my $rows  = join ' UNION ALL ', map { "SELECT $_->[0], $_->[1] FROM r" }
      ([ "'method'", 'method' ], [ "'url'", 'url' ], [ "'headers'", q{array_to_string(headers, E'\n')} ],
        [ "'body'", 'body' ], [ "'curl'", 'curl' ]);
    my $out = $node->safe_psql($database,
        "SET client_encoding = 'UTF8';\n\\pset fieldsep '\\001'\n\\pset recordsep '\\002'\nWITH r AS MATERIALIZED (SELECT * FROM fpgo.request($order, '$server')) $rows");
    return map { split /\001/, $_, 2 } split /\002/, $out;
}

# What a gateway received last: the request's line, its headers sorted, the digest of its
# body.  It does not keep the token.
sub received {
    my ($from) = @_;
    my $last   = $from->requests->{last}[-1];
    my ($made) = reverse $from->ledger;
    return join "\n", "$last->{method} $last->{target}", (sort map { "$_->[0]: $_->[1]" } @{ $last->{headers} }), $made->{sha256};
}

# The same of a request that is shown.
sub expected {
    my (%shown) = @_;
    my ($target) = $shown{url} =~ m{^http://[^/]+(/.*)};
    my @headers = map { s/^Authorization: Bearer \*\*\*$/Authorization: (not recorded)/r } split /\n/, $shown{headers};
    return join "\n", "$shown{method} $target", (sort @headers), sha256_hex($shown{body});
}

my $session = open_session($node);
my @committed;
my $hostile = q{it's "quoted" \\ back$(touch } . "$folder/ran" . q{)`touch x`; ${HOME} %s %00 !! *} . "\n\ttab \x{f8}\x{20ac}";
for my $try ([ 'a plain order' ], [ 'a hostile name', 'customerDetails.name' => $hostile ],
    [ 'the composite', spelled => '::jsonb::fpgo.invoice_order' ], [ 'jsonb', spelled => '::jsonb' ]) {
    my ($name, %changes) = @$try;
    my $spelled = delete $changes{spelled} // '';
    my ($order, $reference) = new_order(%changes);
    utf8::encode($order);
    my $text = literal($order) . $spelled;
    my %shown = shown('postgres', $text, 'frontpayment');
    is(scalar $gateway->ledger($reference), 0, "$name: nothing is sent");
    unlike($shown{headers} . $shown{curl}, qr/\Q$TOKEN\E/, "$name: the token is covered");
    $node->safe_psql('postgres', "SELECT fpgo.submit_invoice($text)");
    push @committed, $reference;
    is(received($gateway), expected(%shown), "$name: what was shown is what was sent");

    %shown = shown('postgres', $text, 'other');
    my ($out, $said) = ('', '');
    ok(IPC::Run::run([ 'sh', '-e', '-c', $shown{curl} ], '>', \$out, '2>', \$said, init => sub { chdir $folder or die "$!\n" }),
        "$name: the command ends well") or diag($said);
    like($out, qr/"orderUuid":"ODR/, "$name: the gateway took its order");
    is(received($other), expected(%shown), "$name: the command sends what was shown");
}
ok(!-e "$folder/ran" && !-e "$folder/x", 'nothing of an order is run');

# a database in LATIN1: the body is sent in UTF-8
$node->safe_psql('postgres', q{CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'});
install_in($node, 'latin', url => $gateway->address);
my ($order) = new_order('customerDetails.name' => 'BORGE');
$order =~ s/BORGE/B\\u00f8rge/;
my %shown = shown('latin', literal($order), 'frontpayment');
like($shown{body}, qr/B\xc3\xb8rge/, 'LATIN1: psql prints UTF-8');
$node->safe_psql('latin', 'SELECT fpgo.submit_invoice(' . literal($order) . ')');
is(received($gateway), expected(%shown), 'LATIN1: what was shown is what was sent');

check_records($node, $gateway, committed => \@committed, databases => [ 'postgres', 'latin' ]);
check_log($node);
done_testing();
