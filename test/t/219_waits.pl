# What a queued order waits for: it says for which submission, and waits for none of
# another user mapping.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('waits', url => $gateway->address);
my ($shop, $branch, $admin) = map { open_session($node) } 1 .. 3;
my $records = FpgoRecords->new($admin, $gateway);

administer($admin, qq{
    CREATE ROLE branch;
    CREATE ROLE partner;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO branch, partner;
    CREATE USER MAPPING FOR branch SERVER frontpayment OPTIONS (token '$TOKEN')});
run_in($branch, 'SET ROLE branch');
wait_for_worker($admin);

# uncertain($session): a submission that is, and its reference.
sub uncertain {
    my ($session) = @_;
    my ($order, $reference) = new_order();
    $gateway->misbehave({ status => 502 });
    ends('uncertain', submit($session, $order), '38F01');
    my $id = administer($admin, "SELECT max(id) FROM fpgo_internal.submission WHERE reference = '$reference'");
    return ($id, $reference);
}

# says($name, $submission, $text): assert that it comes to say so.
sub says {
    my ($name, $submission, $text) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $last = sub { $records->column_of($submission, q{coalesce(error, '')}) };
    eval { wait_for($text, sub { $last->() eq $text }, 15) };
    is($last->(), $text, "$name: says so");
    return;
}

# --- by the resident worker ---------------------------------------------------------------

{
    my ($id, $reference) = uncertain($shop);
    my %changes = (referenceNo => $reference, 'customerDetails.name' => 'Kari');
    my $second  = $records->enqueue($shop, %changes, key => "$reference-2");
    my $third   = $records->enqueue($shop, %changes, key => "$reference-3");
    says('an uncertain submission of the reference', $second, "Waits for submission $id, which is uncertain.");
    like($records->column_of($third, 'error') // '', qr/^(?:Waits for submission $id, which is uncertain\.)?$/, 'the one behind it');
    my $seen = administer($admin, "SELECT last_error FROM fpgo.submissions WHERE submission = $second->{id}");
    is($seen, "Waits for submission $id, which is uncertain.", 'the view shows it');

    # rows are written once
    says('the one behind it', $third, "Waits for submission $id, which is uncertain.");
    my $version = $records->column_of($second, 'xmin');
    sleep 7;
    is($records->column_of($second, 'xmin'), $version, 'and is not written again and again');

    administer($admin, "SELECT fpgo.resolve($id, 'refused', 'test')");
    wait_for("$_->{id}", sub { $records->state_of($_) eq 'accepted' }) for $second, $third;
    is($records->column_of($_, q{coalesce(error, '')}), '', 'once it is sent, nothing is said') for $second, $third;
}
{
    # a role that may not send any more: its order waits, and says why; the other says for whom
    run_in($branch, 'RESET ROLE; SET ROLE partner');
    my ($order, $reference) = new_order();
    administer($admin, 'SELECT fpgo.pause()');
    my $first  = $records->enqueue($branch, referenceNo => $reference);
    my $second = $records->enqueue($shop, referenceNo => $reference, key => "$reference-2");
    administer($admin, 'REVOKE USAGE ON FOREIGN SERVER frontpayment FROM partner; SELECT fpgo.resume()');
    says('an order that may not be sent', $second, "Waits for submission $first->{id}, which is queued.");
    like(administer($admin, "SELECT last_error FROM fpgo.submissions WHERE submission = $first->{id}"), qr/^Not sent: permission denied/, 'and that one says why');
    administer($admin, "SELECT fpgo.cancel_submission($first->{id}, 'test')");
    wait_for('the order behind it', sub { $records->state_of($second) eq 'accepted' });
    run_in($branch, 'RESET ROLE; SET ROLE branch');
}
{
    # another user mapping
    my ($id, $reference) = uncertain($branch);
    my $free = $records->enqueue($shop, referenceNo => $reference, 'customerDetails.name' => 'Kari', key => "$reference-2");
    wait_for('an order whose reference another mapping has', sub { $records->state_of($free) eq 'accepted' });
    my ($order) = new_order(referenceNo => $reference, 'customerDetails.name' => 'Ola');
    ends('and one that is sent now', run_in($shop, submit_sql($order, "key => '$reference-3'")), '');
    administer($admin, "SELECT fpgo.resolve($id, 'refused', 'test')");
}
{
    # a version of an order that is uncertain
    my ($id, $reference) = uncertain($shop);
    my $newer = administer($shop, enqueue_sql(order(referenceNo => $reference, 'customerDetails.name' => 'Kari'), q{on_change => 'replace'}));
    says('an uncertain version', { id => $newer }, "Waits for submission $id, which is uncertain.");
    administer($admin, "SELECT fpgo.resolve($id, 'refused', 'test')");
    wait_for('the newer version', sub { $records->state_of({ id => $newer }) eq 'accepted' });
}

# --- by a session ------------------------------------------------------------------------

{
    administer($admin, 'SELECT fpgo.pause()');
    my ($id, $reference) = uncertain($shop);
    my $second = $records->enqueue($shop, referenceNo => $reference, 'customerDetails.name' => 'Kari', key => "$reference-2");
    run_in($admin, 'CALL fpgo.deliver()');
    is($records->column_of($second, 'error'), "Waits for submission $id, which is uncertain.", 'CALL deliver: says so');
    administer($admin, "SELECT fpgo.resolve($id, 'accepted', 'test', order_uuid => 'ODR$id')");
    run_in($admin, 'CALL fpgo.deliver()');
    is($records->state_of($second), 'accepted', 'CALL deliver: and is sent');
}

$_->quit for $shop, $branch, $admin;
check_log($node);
$node->stop;
$gateway->stop;
done_testing();
