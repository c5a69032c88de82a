# Orders that hang do not keep others waiting: one that is unanswered for half its
# timeout gives its place to another.  Two servers of one deliverer get fair shares.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoRecords;
use FpgoTest;
use Test::More;
use Time::HiRes;

my $timeout_s   = 2;
my $concurrency = 2;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $other   = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address,
    options => "timeout '${timeout_s}s', concurrency '$concurrency'");
my $session = open_session($node);
my $records = FpgoRecords->new($node, $gateway);

# --- orders that hang ---------------------------------------------------------------------

{
    # more than have places, and all of them are sent first
    $gateway->misbehave({ requests => 0, body_has => 'Hanging', stall => 60 });
    run_in($session, 'SET fpgo.undelivered_notice = off');
    my @hanging = map { $records->enqueue($session, 'customerDetails.name' => 'Hanging') } 1 .. 2 * $concurrency - 1;
    my @good    = $records->enqueue_together($node, 20);
    my $began   = Time::HiRes::time();
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for('a good order to be made', sub { $gateway->made($good[0]{reference}) });
    cmp_ok(Time::HiRes::time() - $began, '<', 0.9 * $timeout_s, 'a good order goes before those that hang have ended');
    ends('the delivery', finish_in($session), '');
    $records->show('an order that hangs', $_, 'uncertain', received => 1) for @hanging;
    is($records->states_of(map { $_->{reference} } @good), join(' ', ('accepted') x @good), 'the good orders are accepted');
    $gateway->behave;
}

# --- two servers ------------------------------------------------------------------------------

{
    my ($address, $n) = ($other->address, 60);
    administer($node, qq{
        CREATE SERVER other FOREIGN DATA WRAPPER fpgo OPTIONS (url '$address', concurrency '$concurrency');
        CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (token '$TOKEN')});
    my $count = 'SELECT ' . join ', ', map { "count(*) FILTER (WHERE server = '$_')" } 'frontpayment', 'other';
    $count .= q{ FROM fpgo_internal.submission WHERE state = 'accepted'};
    my ($before) = split /\|/, administer($node, $count);
    administer($node, q{SELECT fpgo.release(hold, 'the next test') FROM fpgo.holds});
    # all of the one are older than all of the other
    $records->enqueue_together($node, $n);
    administer($node, 'SET fpgo.undelivered_notice = off; '
        . join '; ', map { enqueue_sql(order(), q{server => 'other'}) } 1 .. $n);
    $_->misbehave({ requests => 0, delay => 0.02 }) for $gateway, $other;
    begin_in($session, 'CALL fpgo.deliver()');
    my ($first, $second) = (0, 0);
    wait_for('half of the orders', sub {
        ($first, $second) = split /\|/, administer($node, $count);
        $first -= $before;
        return $first + $second >= $n;
    });
    diag("of $n orders the older server had $first, the other $second");
    cmp_ok($second, '>=', 0.8 * $n / 2, 'the server whose orders are newer has its share');
    cmp_ok($first,  '>=', 0.8 * $n / 2, 'and the other one');
    ends('the delivery of both', finish_in($session), '');
    is($records->count_in_state('queued'), 0, 'all are sent');
}

check_log($node);
done_testing();
