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

# alter($object, $options): options of the server or of the mapping, if there is
# anything to alter.
sub alter {
    my ($object, $options) = @_;
    $node->safe_psql('shop', "ALTER $object OPTIONS ($options)") if $options;
    return;
}

my $server     = 'SERVER frontpayment';
my $wrong_file = PostgreSQL::Test::Utils::tempdir() . '/token';
append_to_file($wrong_file, "not-the-token\n");
chmod 0600, $wrong_file or die "cannot close $wrong_file to others: $!\n";
my $id = 3;
for my $case (
    [ 'a refusing gateway',    '38F05', 'refused', { status => 417 } ],
    [ 'a slow gateway',        '38F01', 'uncertain', { stall => \1 }, $server, q{ADD timeout '500ms'}, 'DROP timeout' ],
    [ 'a broken gateway, 502', '38F01', 'uncertain', { html => \1 } ],
    [ 'a broken gateway, garbage', '38F01', 'uncertain', { garbage => 1 } ],
    [ 'a gateway out of reach', '38F02', 'cancelled', undef, $server,
        "SET url '" . closed_address() . "'", "SET url '" . $gateway->address . "'" ],
    [ 'a wrong token', '38F03', 'cancelled', undef, 'USER MAPPING FOR PUBLIC SERVER frontpayment',
        "SET token_file '$wrong_file'", "SET token_file '$token_file'" ],
    [ 'a gateway that is asked too often', '38F04', 'cancelled', { status => 429 } ]) {
    my ($name, $sqlstate, $state, $misbehaviour, $object, $spoil, $mend) = @$case;
    alter($object, $spoil);
    $gateway->misbehave($misbehaviour) if $misbehaviour;
    my $said = invoice(++$id);
    $gateway->behave;
    alter($object, $mend);
    # what went wrong in one case must not hold the next one's order
    $node->safe_psql('shop', q{SELECT fpgo.release(hold, 'next case') FROM fpgo.holds; DELETE FROM fpgo_internal.allowance});
    if ($sqlstate eq '38F05') {
        like($said, qr/^NOTICE: .* order $id was refused/m, "$name: the procedure says that the order was refused");
        unlike($said, qr/^ERROR/m, "$name: and ends well");
    }
    else {
        like($said, qr/^ERROR: +$sqlstate:/m, "$name: the procedure fails with $sqlstate");
        unlike($said, qr/was refused/, "$name: and does not call the order refused");
    }
    is($node->safe_psql('shop', "SELECT state FROM fpgo.submissions WHERE reference = 'shop-$id'"), $state,
        "$name: it stands on record as $state");
}

# Orders that were refused, cancelled or are uncertain keep take_answers from nothing: it
# ends, and an order that is on its way has its answer then.
(undef, my $said) = $samples->psql_as('shop', 'shop', sprintf q{
    ALTER TABLE customer_order ENABLE TRIGGER invoice;
    BEGIN;
    INSERT INTO customer_order (name, email, phone, personal_number, street, zip, city)
        SELECT name, email, phone, personal_number, street, zip, city FROM customer_order WHERE id = 3;
    INSERT INTO order_line SELECT %1$d, product, quantity, price, vat FROM order_line WHERE order_id = 3;
    COMMIT;
    SET statement_timeout = '60s';
    CALL take_answers('1 h')}, ++$id);
unlike($said, qr/ERROR/, 'take_answers ends before its patience');
like($node->safe_psql('shop', "SELECT order_uuid FROM shop.customer_order WHERE id = $id"), qr/^ODR/, 'with the answer of the order that was on its way');
is($node->safe_psql('shop', q{SELECT count(*) FROM shop.customer_order WHERE order_uuid IS NULL}), 7, 'the others have none');

# The page of handin/: a line that changes makes the trigger of the order fire.
$samples->run_script(readme_sql('Orders whose lines change', 'src/handin/README.md'));
(undef, $said) = $samples->psql_as('shop', 'shop', sprintf q{
    BEGIN;
    INSERT INTO customer_order (name, email, phone, personal_number, street, zip, city)
        SELECT name, email, phone, personal_number, street, zip, city FROM customer_order WHERE id = 3;
    INSERT INTO order_line SELECT %1$d, product, quantity, price, vat FROM order_line WHERE order_id = 3;
    COMMIT}, ++$id);
unlike($said, qr/ERROR/, 'an order with the trigger on its lines');
ok(wait_for('its acceptance', sub {
    $node->safe_psql('shop', "SELECT state FROM fpgo.submissions WHERE reference = 'shop-$id'") eq 'accepted' }), 'it is accepted');
my $changes = "SELECT changes_not_sent FROM fpgo.submissions WHERE reference = 'shop-$id'";
is($node->safe_psql('shop', $changes), 0, '... and as the row is');
$samples->psql_as('shop', 'shop', "UPDATE order_line SET quantity = quantity + 1 WHERE order_id = $id");
is($node->safe_psql('shop', $changes), 1, 'a change of its lines is told');

check_log($node);
check_records($node, $gateway, databases => ['shop'], committed => [ map { "shop-$_" } 1 .. $id ]);
$node->stop;
$gateway->stop;
done_testing();
