# A shop's first hour: the README's tutorial, run as it stands there, with the
# sandbox gateway for Front Payment Go and a file of ours for the token.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoReadme;
use FpgoSamples;
use FpgoTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway    = FpgoGateway->start('--token', $TOKEN);
my $token_file = PostgreSQL::Test::Utils::tempdir() . '/token';
append_to_file($token_file, "$TOKEN\n");
chmod 0600, $token_file or die "cannot close $token_file to others: $!\n";

my $node = PostgreSQL::Test::Cluster->new('shop');
$node->init;
$node->append_conf('postgresql.conf', slurp_file("$FindBin::RealBin/../lib/server.conf"));

# What the README names and the test has in another place.
my $samples = FpgoSamples->new($node,
    'https://demo-api.frontpayment.no/api/v1' => $gateway->address,
    '/etc/fpgo/token'                         => $token_file);

my %runners = (
    ini => sub {
        $node->append_conf('postgresql.conf', $_[0]);
        $node->start;
    },
    sql => sub { $samples->run_script($_[0]) },
    ''  => sub { $samples->run_session($_[0]) });

for my $block (readme_blocks("A shop's first hour")) {
    my $runner = $runners{ $block->{kind} } // die "no block is a $block->{kind}\n";
    $runner->($block->{text});
}

$samples->used_all_places;
is($node->safe_psql('shop', 'SELECT rolsuper FROM pg_roles WHERE rolname = \'shop\''), 'f', 'the shop is no superuser');
is($node->safe_psql('shop', 'SELECT state FROM fpgo.worker()'), 'running', 'a worker delivered');

# The procedure that invoices while the customer waits: what it says of an order
# that the gateway refuses, and of one whose outcome is unknown.
sub invoice {
    my ($id) = @_;
    my (undef, $said) = $samples->psql_as('shop', 'shop', qq{
        INSERT INTO customer_order (name, email, phone, personal_number, street, zip, city)
            SELECT name, email, phone, personal_number, street, zip, city FROM customer_order WHERE id = 3;
        INSERT INTO order_line SELECT $id, product, quantity, price, vat FROM order_line WHERE order_id = 3;
        \\set VERBOSITY verbose
        CALL invoice($id)});
    return $said;
}

$gateway->misbehave({ status => 417 });
like(invoice(4), qr/^NOTICE: .* order 4 was refused/m, 'a refused order: the procedure says so');
$node->safe_psql('shop', q{ALTER SERVER frontpayment OPTIONS (ADD timeout '500ms')});
$gateway->misbehave({ stall => \1 });
my $said = invoice(5);
like($said, qr/^ERROR: +38F01:/m, 'an answer that never comes: the procedure fails');
unlike($said, qr/refused/, 'and does not call the order refused');
is($node->safe_psql('shop', q{SELECT string_agg(state, ' ' ORDER BY submission) FROM fpgo.submissions
    WHERE reference IN ('shop-4', 'shop-5')}), 'refused uncertain', 'so they stand on record');

check_log($node);
check_records($node, $gateway, databases => ['shop'], committed => [ map { "shop-$_" } 1 .. 5 ]);
$node->stop;
$gateway->stop;
done_testing();
