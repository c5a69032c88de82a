# A gateway that refuses orders which are good: an operator queues them again as they
# were handed in, while their payloads are kept.  An order that was corrected
# meanwhile is not invoiced twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoReadme;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('resident', url => $gateway->address);
my $admin   = open_session($node);
my $records = FpgoRecords->new($admin, $gateway);
my $again   = (readme_sql('Orders that were refused by mistake', 'src/doc/trouble.md'))[0];
my ($one, $all) = $again =~ /\A(SELECT .*?;)\n--[^\n]*\n(.*)\z/s or die "the page shows something else\n";
wait_for_worker($admin);

sub payloads { return administer($admin, 'SELECT count(*) FROM fpgo_internal.payload'); }

# --- refused, and queued again ------------------------------------------------------------

$gateway->misbehave({ requests => 0, status => 417 });
my @queued = $records->enqueue_together($admin, 6);
wait_for('six refusals', sub { $records->count_in_state('refused') == 6 }, 30);
is(administer($admin, 'SELECT kind FROM fpgo.holds'), 'refusals', 'that every order is refused is seen');
release_holds($admin);
my ($order, $reference) = new_order();
ends('submit_invoice', submit($admin, $order), '38F05');
$records->expect($reference);
is(payloads(), 7, 'all payloads are kept');
is(administer($admin, q{SELECT DISTINCT round(extract(epoch FROM p.keep_until - s.settled_at) / 86400)
    FROM fpgo_internal.payload p JOIN fpgo_internal.submission s ON s.id = p.submission}), 3, '... for three days');

# somebody corrects one of them
my $corrected = $queued[0];
$gateway->behave;
release_holds($admin);
administer($admin, enqueue_sql(scalar order(referenceNo => $corrected->{reference}, 'customerDetails.name' => 'Ola')));
wait_for('the corrected order', sub { $records->states_of($corrected->{reference}) eq 'refused accepted' }, 20);

ends('one of them, as the page shows', run_in($admin, $one =~ s/\b21\b/$queued[1]{id}/r), '');
wait_for('it', sub { $records->state_of($queued[1]) eq 'accepted' }, 20);
ends('the one that was corrected', run_in($admin, $one =~ s/\b21\b/$corrected->{id}/r), '23505',
    qr/key of submission $corrected->{id} is taken/);
# what a person decided to be refused may have arrived
$gateway->misbehave({ status => 500 });
my $doubtful = $records->enqueue($admin);
wait_for('doubt', sub { $records->state_of($doubtful) eq 'uncertain' }, 20);
administer($admin, "SELECT fpgo.resolve($doubtful->{id}, 'refused', 'a test')");
release_holds($admin);
is(administer($admin, $all), 5, 'all others that the gateway refused, as the page shows');
wait_for('them', sub { $records->count_in_state('accepted') == 7 }, 20);
is($gateway->made($corrected->{reference}), 1, 'the corrected order is invoiced once');
is($gateway->made($_), 1, 'another order is invoiced once') for $reference, map { $_->{reference} } @queued[ 1 .. 5 ];
is(administer($admin, q{SELECT count(*) FROM fpgo.history WHERE what = 'refused to queued'}), 6, 'each decision is on record');

# --- how long payloads are kept -----------------------------------------------------------

# kept_for($id): for how many seconds the payload of a finished submission is kept
sub kept_for {
    return administer($admin, qq{SELECT round(extract(epoch FROM p.keep_until - s.settled_at)) FROM fpgo_internal.payload p
        JOIN fpgo_internal.submission s ON s.id = p.submission WHERE s.id = $_[0]});
}

$gateway->misbehave({ requests => 0, status => 417 });
my $refused;
for my $case (
    [ q{ADD retention '7d'}, 7 * 86400, 'no shorter than that of others' ],
    [ q{ADD retention_refused '1h'}, 3600, 'as retention_refused says' ],
    [ q{SET retention_refused '0'}, '', 'not at all' ],
    [ q{SET retention_refused '1min', DROP retention}, 60, 'as retention_refused says, and others not at all' ]) {
    my ($options, $seconds, $name) = @$case;
    administer($admin, "ALTER SERVER frontpayment OPTIONS ($options)");
    release_holds($admin);
    $refused = $records->enqueue($admin);
    wait_for('its refusal', sub { $records->state_of($refused) eq 'refused' }, 20);
    is(kept_for($refused->{id}), $seconds, "queued: $name");
    ($order, $reference) = new_order();
    ends('submit_invoice', submit($admin, $order), '38F05');
    $records->expect($reference);
    is(kept_for(administer($admin, 'SELECT max(submission) FROM fpgo.submissions')), $seconds, "submitted: $name");
}
administer($admin, q{UPDATE fpgo_internal.payload SET keep_until = now() - interval '1 second'});
release_holds($admin);
run_in($admin, 'CALL fpgo.deliver()');
is(payloads(), 0, 'a payload goes once its time has come');
ends('queueing such an order', run_in($admin, $one =~ s/\b21\b/$refused->{id}/r), '55000', qr/has no payload any more/);

check_records($node, $gateway, committed => [ $records->expected ]);
check_log($node);
done_testing();
