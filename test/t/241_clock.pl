# The clock of the machine is set: back by an hour, forward by a day and back again.
# Whatever waits at that moment waits no longer than without.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoClock;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes;

my $hour = 3600;
my $day  = 24 * $hour;

# Longer than any pause of this test, and much shorter than an hour.
my $soon_s = 12;

my $clock   = FpgoClock->new;
my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = $clock->show_to(sub {
    new_resident_cluster('resident', url => $gateway->address, settings => "max_prepared_transactions = 2\n");
});
my $session = open_session($node);
my $records = FpgoRecords->new($session, $gateway);

# set_clock($shift): to so many seconds after the right time, or before it.
sub set_clock {
    my ($shift) = @_;
    $clock->set($shift);
    my $seen = administer($session, 'SELECT extract(epoch FROM clock_timestamp())::bigint') - time;
    cmp_ok(abs($seen - $shift), '<=', 5, "the server's clock is $shift s from the right time");
    return;
}

# arrives($name, @submissions): assert that they are accepted soon.
sub arrives {
    my ($name, @submissions) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $submission (@submissions) {
        my $began = Time::HiRes::time();
        eval { wait_for($name, sub { $records->state_of($submission) eq 'accepted' }, $soon_s) };
        $records->show($name, $submission, 'accepted', made => 1);
        diag(sprintf '%s: %.1f s', $name, Time::HiRes::time() - $began);
    }
    return;
}

# enqueue_put_off($wait): an order that the gateway puts off by a 429 with that
# Retry-After.
sub enqueue_put_off {
    my ($wait) = @_;
    $gateway->misbehave({ status => 429, headers => { 'Retry-After' => $wait } });
    my $submission = $records->enqueue($session);
    wait_for('the order to be put off',
        sub { $records->column_of($submission, q{state = 'queued' AND not_before IS NOT NULL}) eq 't' });
    return $submission;
}

# commit_prepared($shift): an order whose commit wakes nobody, committed after the
# clock was set to that.
sub commit_prepared {
    my ($shift) = @_;
    administer($session, 'BEGIN');
    my $submission = $records->enqueue($session);
    administer($session, "PREPARE TRANSACTION 'order'");
    set_clock($shift);
    administer($session, "COMMIT PREPARED 'order'");
    return $submission;
}

wait_for_worker($session);

# --- back by an hour ----------------------------------------------------------------------

{
    my $put_off = enqueue_put_off(1);
    my $silent  = commit_prepared(-$hour);
    arrives('put off before the clock was set back', $put_off);
    arrives('committed when it had been', $silent);
    arrives('queued after that', $records->enqueue($session));
    my $date = enqueue_put_off(strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 2)));
    cmp_ok($records->column_of($date, 'extract(epoch FROM not_before - clock_timestamp())'),
        '<', $soon_s, 'a Retry-After that is a date is read by the clock of the gateway');
    arrives('put off to a date', $date);
}

# --- forward by a day, and back -----------------------------------------------------------

{
    my $silent = commit_prepared($day);
    arrives('committed when the clock had been set forward', $silent);
    my $put_off = enqueue_put_off(1);
    my $later   = commit_prepared(0);
    arrives('put off a day ahead', $put_off);
    arrives('committed when the clock was right again', $later);
}

# --- forward by fifteen years, and back ------------------------------------------------------

{
    administer($session, q{ALTER SERVER frontpayment OPTIONS (ADD retention '1d')});
    set_clock(15 * 366 * $day);
    my $kept = $records->enqueue($session);
    arrives('queued fifteen years ahead', $kept);
    my $is_kept = "SELECT count(*) FROM fpgo_internal.payload WHERE submission = $kept->{id}";
    is(administer($session, $is_kept), '1', 'its payload is kept');
    set_clock(0);
    run_in($session, 'CALL fpgo.deliver()');
    is(administer($session, $is_kept), '0', 'but not for fifteen years');
    administer($session, 'ALTER SERVER frontpayment OPTIONS (DROP retention)');
}

# --- those who start and end a worker -----------------------------------------------------

{
    my $worker = wait_for_worker($session);
    set_clock($day);
    administer($session, "SELECT pg_terminate_backend($worker)");
    set_clock(0);
    eval { wait_for('another worker', sub { worker_pid($session) !~ /^(|$worker)$/ }, $soon_s) };
    like(worker_pid($session), qr/^(?!$worker$)\d+$/, 'a worker that ended is started again');
    arrives('queued for it', $records->enqueue($session));

    $gateway->misbehave({ delay => 1 });
    my $slow = $records->enqueue($session);
    wait_for_order($gateway, $slow->{reference});
    begin_in($session, 'SELECT fpgo.pause()');
    $clock->set(-$hour);
    is(finish_within('a pause', $session, $soon_s)->{sqlstate}, '', 'a worker is paused');
    $records->show('an order on its way then', $slow, 'accepted', made => 1);
    run_in($session, 'SELECT fpgo.resume()');
}

# --- sessions -----------------------------------------------------------------------------

{
    wait_for_worker($session);
    my ($order, $reference) = new_order();
    $records->expect($reference);
    ends('an order sent at once', submit($session, $order), '');
    set_clock(0);
}

check_records($node, $gateway, committed => [ $records->expected ]);
check_log($node);
done_testing();
