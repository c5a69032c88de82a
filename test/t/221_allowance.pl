# What the gateway allows is used up and not exceeded, by all that send together, and
# nobody who submits beside is turned away.  FPGO_PACED_ORDERS=2000 measures with so
# many orders, and a window of six seconds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

# Orders of a queue, what a window allows and how long it is, and the least share of
# it that is used from the second window on.
my $is_full = defined $ENV{FPGO_PACED_ORDERS};
my ($n_orders, $limit, $window_s, $least) = $is_full ? ($ENV{FPGO_PACED_ORDERS}, 240, 6, 0.97) : (200, 80, 2, 0.93);

my $node = new_resident_cluster('allowance', url => closed_address(), options => "rate_window '${window_s}s'");
my $admin = open_session($node);
wait_for_worker($admin);

# count($condition): submissions of which that is true.
sub count {
    my ($condition) = @_;
    return administer($admin, "SELECT count(*) FROM fpgo_internal.submission WHERE $condition");
}

# use_gateway(@options): a new one, where all orders go from now on.
sub use_gateway {
    my $gateway = FpgoGateway->start('--token', $TOKEN, @_);
    my $address = $gateway->address;
    administer($admin, qq{ALTER SERVER frontpayment OPTIONS (SET url '$address');
        DELETE FROM fpgo_internal.account});
    return $gateway;
}

# --- a long queue ---------------------------------------------------------------------------

# drain($name, $n_senders, @callers): deliver a queue, by the worker or by sessions that
# call deliver; two customers submit beside.
sub drain {
    my ($name, $n_senders, @callers) = @_;
    my $gateway   = use_gateway('--rate-limit', $limit, '--rate-window', $window_s, '--enforce-rate-limit', '--delay', 0.02);
    my @customers = map { open_session($node) } 1 .. 2;
    my ($order)   = new_order(referenceNo => undef);
    my $first     = administer($admin, 'SELECT coalesce(max(id), 0) FROM fpgo_internal.submission');
    administer($admin, qq{SELECT count(fpgo.enqueue_invoice(jsonb_set(} . literal($order) . qq{::jsonb, '{referenceNo}',
        to_jsonb('$name ' || n)))) FROM generate_series(1, $n_orders) n});
    begin_in($_, 'CALL fpgo.deliver()') for @callers;
    my (@waits, %ended, $left);
    my $began = time;
    begin_submit($_, order()) for @customers;
    while (($left = count(qq{state = 'queued' AND id > $first})) > 0 && time < $began + 120) {
        for my $customer (grep { has_ended($_) } @customers) {
            my $said = finish_in($customer);
            $ended{ $said->{sqlstate} }++;
            push @waits, $said->{seconds};
            begin_submit($customer, order());
        }
        sleep 0.25;
    }
    $ended{ finish_in($_)->{sqlstate} }++ for @customers;
    $ended{ finish_in($_)->{sqlstate} }++ for @callers;
    $_->quit for @customers;
    is($left, 0, "$name: all are delivered");
    is(join(' ', keys %ended), '', "$name: nobody was turned away");
    my @windows = $gateway->windows;
    note(join ', ', map { "$_->{taken} taken and $_->{refused} refused" } @windows);
    my ($head, @later) = @windows;
    my $last  = pop @later;
    my $taken = 0;
    $taken += $_->{taken} for @later;
    my $share   = $taken * $window_s / $limit / ($last->{begins} - $later[0]{begins});
    my ($longest) = sort { $b <=> $a } @waits;
    my $says    = sprintf '%s: %.1f %% of what is allowed from the second of %d windows on; a customer waited %.0f ms at most',
      $name, 100 * $share, scalar @windows, 1000 * $longest;
    diag($says) if $is_full;
    cmp_ok($share, '>=', $least, $says) or diag(explain(\@windows));
    cmp_ok($head->{refused}, '<=', $n_senders, "$name: at most one refusal a sender in the first window");
    is((grep { $_->{refused} } @later, $last), 0, "$name: none later");
    $gateway->stop;
    return;
}

my @callers = map { open_session($node) } 1 .. 4;
if ($is_full) {
    drain('the worker', 3);
    administer($admin, 'SELECT fpgo.pause()');
    drain('four calls', 6, @callers);
    administer($admin, 'SELECT fpgo.resume()');
    wait_for_worker($admin);
}
drain('the worker and four calls', 7, @callers);
wait_for('what is left of leases', sub {
    administer($admin, q{SELECT sum(leased) FROM fpgo_internal.allowance}) eq '0';
});
pass('what is left of leases is given back');
$_->quit for @callers;

$admin->quit;
check_log($node);
$node->stop;
done_testing();
