# Orders that hang at the gateway before 400 good ones: how much longer the good ones
# take.  Then two servers of one worker, each with a queue: which share each of them has.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoRecords;
use FpgoResident;
use FpgoTest;
use Test::More;
use Time::HiRes qw(time);

my $n_good    = 400;
my $n_hanging = 8;
my $timeout_s = 5;

my ($gateway, $other) = map { FpgoGateway->start('--token', $TOKEN, '--delay', '0.02') } 1 .. 2;
my $node    = new_resident_cluster('resident', url => $gateway->address, options => "timeout '${timeout_s}s', concurrency '4'");
my $session = open_session($node);
my $records = FpgoRecords->new($session, $gateway);
my $address = $other->address;
administer($session, qq{
    CREATE SERVER other FOREIGN DATA WRAPPER fpgo OPTIONS (url '$address', concurrency '4');
    CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (token '$TOKEN');
    SET fpgo.undelivered_notice = off});
wait_for_worker($session);

# seconds_with($n): from the moment at which a queue with so many hanging orders at
# its head may be delivered until the good ones are accepted.
sub seconds_with {
    my ($n) = @_;
    administer($session, 'SELECT fpgo.pause()');
    my $before = $records->count_in_state('accepted');
    $records->enqueue($session, 'customerDetails.name' => 'Hanging') for 1 .. $n;
    $records->enqueue_together($session, 100) for 1 .. $n_good / 100;
    my $began = time;
    administer($session, 'SELECT fpgo.resume()');
    wait_for('the good orders', sub { $records->count_in_state('accepted') == $before + $n_good }, 300);
    return time - $began;
}

# --- orders that hang ---------------------------------------------------------------------

{
    $gateway->misbehave({ requests => 0, body_has => 'Hanging', stall => 600 });
    my $without = seconds_with(0);
    my $with    = seconds_with($n_hanging);
    diag(sprintf '%d good orders: %.1f s; behind %d that hang: %.1f s', $n_good, $without, $n_hanging, $with);
    cmp_ok($with - $without, '<=', 2.5 * $timeout_s, 'orders that hang hold the others up for a while only');
    wait_for('those that hang to end', sub { $records->count_in_state('uncertain') == $n_hanging }, 60);
    is(scalar(grep { $_->{body}{customerDetails}{name} eq 'Hanging' } $gateway->ledger), $n_hanging, 'each of them was sent once');
}

# --- two servers ------------------------------------------------------------------------------

{
    administer($session, 'SELECT fpgo.pause()');
    # (asked at one moment: a ledger takes long)
    my $count = 'SELECT ' . join ', ', map { "count(*) FILTER (WHERE server = '$_')" } 'frontpayment', 'other';
    $count .= q{ FROM fpgo_internal.submission WHERE state = 'accepted'};
    my ($before) = split /\|/, administer($session, $count);
    for my $server ('frontpayment', 'other') {
        administer($session, 'SELECT count(fpgo.enqueue_invoice(' . literal(scalar order())
            . qq{::jsonb || jsonb_build_object('referenceNo', '$server-' || n), server => '$server')) FROM generate_series(1, $n_good) n});
    }
    administer($session, 'SELECT fpgo.resume()');
    my @sent;
    wait_for('half of the orders', sub {
        @sent = split /\|/, administer($session, $count);
        $sent[0] -= $before;
        return $sent[0] + $sent[1] >= $n_good;
    }, 120);
    diag("two servers: the one with the older orders had $sent[0] sent, the other $sent[1]");
    my ($less, $more) = sort { $a <=> $b } @sent;
    cmp_ok($less / $more, '>=', 0.8, 'both have their share');
}

check_log($node);
done_testing();
