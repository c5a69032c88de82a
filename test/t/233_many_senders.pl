# What one process that sends learns, all others know: sessions with a process each
# need no three orders of their own to find out that no order gets through.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address,
    settings => "fpgo.undelivered_notice = off\nfpgo.submit_wait = 0\nmax_worker_processes = 40");
my $admin = open_session($node);

# how many orders the gateway received in this case
my $before = 0;
sub posts { return (scalar $gateway->ledger) - $before; }
sub holds { return administer($admin, 'SELECT kind FROM fpgo.holds'); }

# Let the gateway do that from now on, and lift what is held.
sub begin_case {
    my (@misbehaviours) = @_;
    $gateway->behave;
    $gateway->misbehave(@misbehaviours);
    $before = scalar $gateway->ledger;
    release_holds($admin);
    return;
}

# A session of its own, and so a process of its own, submits an order; returns its SQLSTATE.
sub submit_anew {
    my $session = open_session($node);
    my $state   = submit($session, scalar order())->{sqlstate};
    $session->quit;
    return $state;
}

# --- one after the other ------------------------------------------------------------------

for my $case (
    [ 503, 2, '38F01', 'unknown', 'one unknown outcome closes nothing, two in a row do' ],
    [ 404, 3, '38F02', 'answers', 'three answers that are none to an order' ],
    [ 401, 3, '38F03', 'answers', 'three refused tokens' ],
    [ 417, 5, '38F05', 'refusals', 'five refusals' ]) {
    my ($status, $n, $sqlstate, $kind, $name) = @$case;
    begin_case({ requests => 0, status => $status });
    # the first orders may be tried again after half a second: count fast
    is(join(' ', map { submit_anew() } 1 .. $n), join(' ', ($sqlstate) x $n), "HTTP status $status, $n times");
    is(holds(), $kind, "$name, each of another process");
    is(posts(), $n, '... and no more orders were sent');
    is(submit_anew(), '38F02', '... the next session is turned away');
}
like(administer($admin, q{SELECT ok, detail FROM fpgo.doctor() WHERE check_name = 'queue'}),
    qr/^f\|Orders are held\.  New ones of server "frontpayment", since .*: The gateway refused the order with HTTP status 417/,
    'doctor says that every order is refused, though none is queued');
administer($admin, q{SELECT fpgo.resolve(submission, 'cancelled', 'next case') FROM fpgo.submissions WHERE state = 'uncertain'});

begin_case(map { { status => 417 } } 1 .. 4);
submit_anew() for 1 .. 4;
is(submit_anew(), '', 'an order that is accepted after four refusals');
$gateway->misbehave(map { { status => 417 } } 1 .. 4);
submit_anew() for 1 .. 4;
is(holds(), '', '... ends the row of refusals, of all processes');

begin_case({ status => 404 });
submit_anew();
submit_anew();
$gateway->misbehave({ requests => 0, status => 404 });
submit_anew() for 1 .. 4;
is(holds(), '', 'an order that another process had accepted just before lets poison through');

# --- all at once --------------------------------------------------------------------------

my $n        = 12;
my @sessions = map { open_session($node) } 1 .. $n;
for my $status (503, 404, 417) {
    begin_case({ requests => 0, status => $status });
    administer($admin, 'UPDATE fpgo_internal.streak SET accepted_at = NULL');
    for my $round (1 .. 6) {
        begin_submit($_, scalar order()) for @sessions;
        finish_in($_) for @sessions;
    }
    cmp_ok(posts(), '<=', $n + 3, "$n sessions, six orders each, HTTP status $status: what was in flight was sent") or diag(posts());
}
$_->quit for @sessions;
check_records($node, $gateway);
check_log($node);
done_testing();
