# Ten minutes in which the gateway takes no orders, at a full queue: what becomes
# uncertain, how many requests are made, and how soon an order leaves once the
# gateway is back.  Each kind of outage has a database, a worker and a gateway of
# its own, all at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoResident;
use FpgoTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $outage_s = $ENV{FPGO_OUTAGE_S} // 600;

# a hanging canary takes so long
my $timeout_s = 8;

# the orders of a queue that no outage empties
my $n_queued = 1000;

# under way when it begins
my $in_flight = 4;

# name, what goes wrong, whether questions are answered, most that become uncertain
my @kinds = (
    [ 'status_503',          { status => 503 },              0, $in_flight + 3 ],
    [ 'status_500',          { status => 500 },              0, $in_flight + 3 ],
    [ 'cut',                 { close_after_request => \1 },  0, $in_flight + 3 ],
    [ 'silent',              { stall => $timeout_s + 5 },    0, $in_flight + 3 ],
    [ 'status_503_get_good', { status => 503 },              1, $in_flight + 15 ],
    [ 'status_500_get_good', { status => 500 },              1, $in_flight + 15 ],
    [ 'cut_get_good',        { close_after_request => \1 },  1, $in_flight + 15 ],
    [ 'silent_get_good',     { stall => $timeout_s + 5 },    1, $in_flight + 15 ],
    # answers questions and refuses every order, from the start
    [ 'refuses_all',         { status => 403, html => \1 },  1, 0 ]);

my $node = new_resident_cluster('resident', url => closed_address(), databases => join(', ', map { $_->[0] } @kinds),
    settings => "max_worker_processes = 40\nautovacuum_naptime = '10s'\n");
my %place;

for my $kind (@kinds) {
    my ($name) = @$kind;
    my $gateway = FpgoGateway->start('--token', $TOKEN, '--delay', '0.02');
    new_database($node, $name, url => $gateway->address, options => "timeout '${timeout_s}s'");
    my $admin = open_session($node, database => $name);
    administer($admin, 'SET fpgo.undelivered_notice = off');
    $place{$name} = { gateway => $gateway, admin => $admin };
    wait_for_worker($admin);
}

# Queue many orders in one statement.
sub fill {
    my ($admin, $from) = @_;
    administer($admin, 'SELECT count(fpgo.enqueue_invoice(' . literal(scalar order())
      . qq{::jsonb || jsonb_build_object('referenceNo', 'q-' || n))) FROM generate_series($from, $from + $n_queued - 1) n});
    return;
}

sub count_states {
    my ($admin, $state) = @_;
    return administer($admin, "SELECT count(*) FROM fpgo_internal.submission WHERE state = '$state'");
}

# The outage begins while orders are on their way, but for the one from the start.
for my $kind (@kinds) {
    my ($name, $trouble, $answers) = @$kind;
    my ($gateway, $admin) = @{ $place{$name} }{qw(gateway admin)};
    my $is_from_start = $name eq 'refuses_all';
    fill($admin, 1) unless $is_from_start;
    wait_for("$name: orders under way", sub { $gateway->ledger > 20 }) unless $is_from_start;
    $gateway->misbehave({ requests => 0, route => $answers ? 'submit' : '*', %$trouble });
    $gateway->clear if $is_from_start;
    fill($admin, $n_queued + 1);
}
my $began = time;
sleep 1 while time - $began < $outage_s;

my %seen;
for my $kind (@kinds) {
    my ($name) = @$kind;
    my ($gateway, $admin) = @{ $place{$name} }{qw(gateway admin)};
    $seen{$name} = {
        uncertain => count_states($admin, 'uncertain'), accepted => count_states($admin, 'accepted'),
        holds => administer($admin, q{SELECT string_agg(kind || ' until ' || (until - now()), ', ') FROM fpgo.holds}),
        silent => administer($admin, q{SELECT count(*) FROM fpgo.submissions WHERE state = 'queued' AND last_error IS NULL}),
        requests => scalar $gateway->ledger,
    };
    $gateway->behave;
    $seen{$name}{over} = time;
}

for my $kind (@kinds) {
    my ($name, $trouble, $answers, $most) = @$kind;
    my $admin = $place{$name}{admin};
    my $seen  = $seen{$name};
    # where questions are answered, a pause of a minute goes on: a question shortens none
    my $limit = 10 + ($trouble->{stall} ? $timeout_s : 0) + ($answers ? 60 : 0);
    my $lasted = eval {
        wait_for("$name: an order", sub { count_states($admin, 'accepted') > $seen->{accepted} }, $limit + 60);
        time - $seen->{over};
    } // 999;
    diag(sprintf '%s: %d uncertain, %d accepted before, first order %.1f s after; held as %s', $name, $seen->{uncertain},
        $seen->{accepted}, $lasted, $seen->{holds});
    cmp_ok($seen->{uncertain}, '<=', $most, "$name: at most $most become uncertain");
    cmp_ok($lasted, '<=', $limit, "$name: the first order leaves within $limit s");
    is($seen->{silent}, 0, "$name: each order that waits says why");
    next if $name ne 'refuses_all';
    diag("$name: $seen->{requests} requests in $outage_s s");
    cmp_ok($seen->{requests}, '<=', 20, "$name: at most 20 orders are tried");
    is(administer($admin, q{SELECT count(*) FROM fpgo_internal.submission WHERE state IN ('refused', 'uncertain')}), 0,
        "$name: nothing is final");
}
check_log($node);
done_testing();
