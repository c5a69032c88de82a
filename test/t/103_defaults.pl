# What a server's option "defaults" lays under an order is what the gateway
# receives, whichever way the order goes; and the option outlives a dump.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# With a quote and lines, which the dump has to keep.
my $defaults = <<'END';
{"invoiceFeeApplicable": true, "invoiceMaturity": "14.50", "customerReference": "shop's web",
 "callback": {"callbackUrl": "https://shop.example/fpgo", "success": "https://shop.example/thanks",
    "failure": "https://shop.example/sorry"}}
END
my $option = 'defaults ' . quoted($defaults);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, options => $option);
my $session = open_session($node);
my @references;

# bare(%changes): an order that leaves to the server what the server gives.
sub bare {
    my (%changes) = @_;
    my $order = order(invoiceFeeApplicable => undef, invoiceMaturity => undef,
        customerReference => undef, callback => undef, %changes);
    push @references, reference_of($order);
    return $order;
}

# received($name, $order, %expected): what the gateway got of an order, beside
# the order with these members.
sub received {
    my ($name, $order, %expected) = @_;
    my @entries = $gateway->ledger(reference_of($order));
    my $whole   = { %{ decode_json($order) }, %expected };
    delete $whole->{customerDetails}{organizationId};    # blank, so as good as absent
    is(scalar @entries, 1, "$name: received once");
    is_deeply($entries[0]{body}, $whole, "$name: received with the defaults");
    return;
}

my %all = %{ decode_json($defaults) };

my $submitted = bare();
ends('submit_invoice', submit($session, $submitted), '');
received('submit_invoice', $submitted, %all);

my $queued = bare(invoiceFeeApplicable => JSON::PP::false, callback => { success => 'https://own.example' });
ends('enqueue_invoice', run_in($session, enqueue_sql($queued)), '');

# what is queued is what it was when it was queued
run_in($session, q{ALTER SERVER frontpayment OPTIONS (SET defaults '{"invoiceFeeApplicable": true}')});
ends('deliver', run_in($session, 'CALL fpgo.deliver()'), '');
received('enqueue_invoice', $queued, %all, invoiceFeeApplicable => JSON::PP::false,
    callback => { %{ $all{callback} }, success => 'https://own.example' });

my $lacking = bare();
pop @references;
ends('without a callback', submit($session, $lacking), '23514', qr/callback\.success is required/);
is(scalar $gateway->ledger(reference_of($lacking)), 0, 'without a callback: nothing was sent');

# an order is the same one whatever the defaults are meanwhile; spelled out they are another order's
my $again = submit($session, $submitted);
ends('the order again, without the defaults of before', $again, '23514');
run_in($session, 'ALTER SERVER frontpayment OPTIONS (SET ' . $option . ')');
ends('with its defaults spelled out',
    submit($session, order(%all, map { $_ => decode_json($submitted)->{$_} } qw(referenceNo orderDate))), '23505');
$again = submit($session, $submitted);
ends('the order again', $again, '');
is($again->{order_uuid}, ($gateway->ledger(reference_of($submitted)))[0]{order_uuid},
    'the order again: the first answer');

# --- a dump -------------------------------------------------------------------

my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init;
$copy->append_conf('postgresql.conf', slurp_file("$FindBin::RealBin/../lib/server.conf"));
$copy->start;
my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $file, 'postgres' ], 'dumped');
$copy->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-f', $file, 'postgres' ], 'restored');
my $options = q{SELECT unnest(srvoptions) FROM pg_foreign_server WHERE srvname = 'frontpayment' ORDER BY 1};
is($copy->safe_psql('postgres', $options), $node->safe_psql('postgres', $options), 'the options are as they were');
is($copy->safe_psql('postgres', 'SELECT count(*) FROM fpgo.validate(' . literal(bare()) . ')'), 0,
    'and the defaults are laid under orders there');
pop @references;

$session->quit;
check_records($node, $gateway, committed => \@references);
$_->stop for $node, $copy;
$gateway->stop;
done_testing();

# A text in single quotes.
sub quoted {
    my ($text) = @_;
    $text =~ s/'/''/g;
    return "'$text'";
}
