# A session whose order may not be sent now waits for its turn; what the gateway said
# to one process, or before a restart, holds for all.

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
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('turn', url => $gateway->address);
my ($session, $other, $admin) = map { open_session($node) } 1 .. 3;
my $records = FpgoRecords->new($admin, $gateway);
wait_for_worker($admin);

# A token of its own, which goes with another allowance.
administer($admin, qq{
    CREATE ROLE branch;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO branch;
    CREATE USER MAPPING FOR branch SERVER frontpayment OPTIONS (token 'another-token')});

sub count_rows { return administer($admin, 'SELECT count(*) FROM fpgo_internal.allowance'); }

# slow_down($seconds): the gateway asks for that; returns when it did.
sub slow_down {
    my ($seconds) = @_;
    forget_slow_down($admin);
    $gateway->misbehave({ status => 429, headers => { 'Retry-After' => "$seconds" } });
    ends("429 for $seconds s", submit($session, order()), '38F04', qr/asked to slow down.*in $seconds second/s);
    return time;
}

# turned_away($name, $in): an order is, at once, and nothing is recorded.
sub turned_away {
    my ($name, $in) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($order, $reference) = new_order();
    my $ended = ends($name, submit($in, $order), '38F04',
        qr/asked to slow down\nDETAIL: .*nothing was sent.*HINT: .*again in \d+ seconds?\./s);
    cmp_ok($ended->{seconds}, '<', 1, "$name: at once");
    is($records->states_of($reference), '', "$name: nothing is recorded");
    is($gateway->received($reference), 0, "$name: nothing is sent");
    return;
}

# takes_its_turn($name, $in, $since, $seconds): an order goes out that long after.
sub takes_its_turn {
    my ($name, $in, $since, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($order, $reference) = new_order();
    ends($name, submit($in, $order), '');
    my $waited = time - $since;
    ok($waited > $seconds - 0.2 && $waited < $seconds + 1, "$name: in its turn") or diag("after $waited s");
    $records->show($name, $reference, 'accepted', made => 1);
    is($gateway->received($reference), 1, "$name: sent once");
    return;
}

# --- the worker ---------------------------------------------------------------------------

ends('a gateway that says nothing', submit($session, order()), '');
is(count_rows(), 0, 'a gateway that says nothing: nothing is counted');

my $since = slow_down(2);
run_in($other, 'SET fpgo.submit_wait = 0');
turned_away('no patience', $other);
run_in($other, 'RESET fpgo.submit_wait');
my $queued = $records->enqueue($admin);
takes_its_turn('a session that waits', $other, $since, 2);
wait_for('the queue', sub { $records->state_of($queued) eq 'accepted' });
$records->show('the queue', $queued, 'accepted', made => 1);

slow_down(60);
turned_away('a wait that would be in vain', $other);
like(administer($admin, q{SELECT ok, detail, hint FROM fpgo.doctor() WHERE check_name = 'allowance'}),
    qr/^f\|The gateway asked to slow down \(HTTP status 429\): orders wait for (?:5\d|60) seconds more\.\|.*rate_limit/, 'doctor says it');

# --- what ends the wait ---------------------------------------------------------------------

slow_down(4);
my $withdrawn = qr/CONTEXT: +while waiting for its turn: .*slow down\n.*withdrawn: nothing was recorded and nothing was sent/;
run_in($other, q{SET statement_timeout = '300ms'});
my $ended = ends('statement_timeout', submit($other, order()), '57014', $withdrawn);
cmp_ok($ended->{seconds}, '<', 0.6, 'statement_timeout: when it is due');
run_in($other, 'RESET statement_timeout');
begin_submit($other, order());
wait_for('the wait', sub { administer($admin, 'SELECT count(*) FROM pg_stat_activity WHERE pid = ' . pid_of($other)
    . q{ AND wait_event IN ('Extension', 'FpgoRetry')}) });
my $cancelled = time;
administer($admin, 'SELECT pg_cancel_backend(' . pid_of($other) . ')');
ends('a cancel', finish_in($other), '57014', $withdrawn);
cmp_ok(time - $cancelled, '<', 0.4, 'a cancel: at once');

# --- another token, and a helper -------------------------------------------------------------

{
    # of the same server: the gateway asked the other one to slow down
    my $stranger = open_session($node);
    run_in($stranger, 'SET ROLE branch');
    my $ended = ends('another token', submit($stranger, order()), '38F03');
    cmp_ok($ended->{seconds}, '<', 1, 'another token: does not wait');
    $stranger->quit;
}
administer($admin, 'SELECT fpgo.pause()');
$queued = $records->enqueue($admin);
ends('deliver', run_in($session, 'CALL fpgo.deliver()'), '');
is($records->column_of($queued, 'attempts'), 0, 'deliver: leaves the gateway alone');
run_in($other, 'SET fpgo.submit_wait = 0');
turned_away('by a helper', $other);
run_in($other, 'RESET fpgo.submit_wait');
forget_slow_down($admin);
ends('deliver, later', run_in($session, 'CALL fpgo.deliver()'), '');
$records->show('deliver, later', $queued, 'accepted', made => 1);

# --- a restart --------------------------------------------------------------------------------

$since = slow_down(3);
$_->quit for $session, $other, $admin;
$node->restart;
($session, $admin) = map { open_session($node) } 1 .. 2;
$records = FpgoRecords->new($admin, $gateway);
takes_its_turn('after a restart', $session, $since, 3);

# --- what the option states ---------------------------------------------------------------------

administer($admin, 'SELECT fpgo.pause()');
forget_slow_down($admin);
administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD rate_limit '5', ADD rate_window '1s')});
$records->enqueue($admin) for 1 .. 11;
$since = time;
ends('rate_limit', run_in($session, 'CALL fpgo.deliver()'), '');
is(administer($admin, q{SELECT count(*) FROM fpgo_internal.submission WHERE state = 'queued'}), 0, 'rate_limit: all are sent');
my $took = time - $since;
ok($took >= 1.9 && $took < 5, 'rate_limit: eleven orders at five a second take two seconds') or diag("$took s");
is(administer($admin, 'SELECT rate_limit FROM fpgo_internal.allowance'), 0, 'rate_limit: the gateway said nothing');

$_->quit for $session, $admin;
check_records($node, $gateway);
check_log($node);
$node->stop;
$gateway->stop;
done_testing();
