# Orders that the gateway dislikes, and roles that may not send, beside good
# orders: how much longer the good ones take.  Runs with and without are
# alternated, and the median of five is compared.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoResident;
use FpgoTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $n_runs = 5;
my $n_good = $ENV{FPGO_GOOD} // 4000;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('resident', url => $gateway->address, options => q{timeout '20s'},
    settings => "autovacuum_naptime = '5s'\n");
my $admin = open_session($node);
administer($admin, q{
    CREATE ROLE branch LOGIN;
    CREATE ROLE locked LOGIN;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO branch, locked;
    CREATE USER MAPPING FOR branch SERVER frontpayment OPTIONS (token 'expired')});
wait_for_worker($admin);

my $run = 0;

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ $#sorted / 2 ]; }

# The statement that queues many orders, as a role, of customers of that name.
sub enqueue_many {
    my ($n, $prefix, $customer) = @_;
    return 'SELECT count(fpgo.enqueue_invoice(' . literal(scalar order('customerDetails.name' => $customer))
      . qq{::jsonb || jsonb_build_object('referenceNo', '$prefix-' || n))) FROM generate_series(1, $n) n};
}

# time_good(@before): queue the statements before the good orders in one
# transaction; returns how long it takes from the commit until all good ones are
# accepted.
sub time_good {
    my (@before) = @_;
    my $prefix = sprintf 'good%d', ++$run;
    administer($admin, join ";\n", 'BEGIN', @before, enqueue_many($n_good, $prefix, 'Kari'), 'COMMIT');
    my $began = time;
    wait_for("run $run", sub {
        sleep 0.05;
        administer($admin, qq{SELECT NOT EXISTS (SELECT FROM fpgo_internal.submission
            WHERE state IN ('queued', 'sending') AND reference LIKE '$prefix-%')}) eq 't';
    }, 600);
    my $seconds = time - $began;
    is(administer($admin, qq{SELECT count(*) FROM fpgo_internal.submission
        WHERE state = 'accepted' AND reference LIKE '$prefix-%'}), $n_good, "run $run: all good ones are accepted");
    return $seconds;
}

# Nothing of a run is left for the next one, and what was seen of the gateway is forgotten.
sub clear {
    administer($admin, 'SELECT fpgo.pause()');
    administer($admin, q{DELETE FROM fpgo_internal.submission WHERE state = 'queued'});
    release_holds($admin);
    administer($admin, 'DELETE FROM fpgo_internal.streak');
    administer($admin, 'SELECT fpgo.resume()');
    wait_for_worker($admin);
    return;
}

# compare($name, $limit, @before): alternate runs without and with.
sub compare {
    my ($name, $limit, @before) = @_;
    my (@without, @with);
    for my $i (1 .. $n_runs) {
        clear();
        push @without, time_good();
        clear();
        push @with, time_good(map { s/RUN/$i/gr } @before);
    }
    my $ratio = median(@with) / median(@without);
    diag(sprintf '%s: %.2f s without, %.2f s with, ratio %.2f', $name, median(@without), median(@with), $ratio);
    cmp_ok($ratio, '<=', $limit, "$name: at most $limit times as long");
    return;
}

{
    my @poison = ([ 'P404', { status => 404 } ], [ 'P403', { status => 403, html => \1 } ], [ 'P401', { status => 401 } ],
        [ 'P406', { status => 406, html => \1 } ], [ 'P404H', { status => 404, html => \1 } ]);
    $gateway->misbehave(map { { requests => 0, body_has => qq{"$_->[0]"}, %{ $_->[1] } } } @poison);
    compare('30 orders of poison', 1.25, map { enqueue_many(6, "$_->[0]-RUN", $_->[0]) } @poison);
    $gateway->behave;
}

compare('200 orders of a role without a valid token', 1.25,
    'SET LOCAL ROLE branch', enqueue_many(200, 'branch-RUN', 'Kari'), 'RESET ROLE');

# --- a role that may not send, with a long queue --------------------------------------------

# The median time from an order's commit to its acceptance, in milliseconds.
sub measure_wait {
    my ($n) = @_;
    my @waits;
    for (1 .. $n) {
        my $id    = administer($admin, enqueue_sql(scalar order()));
        my $began = time;
        wait_for("order $id", sub {
            administer($admin, "SELECT state FROM fpgo_internal.submission WHERE id = $id") eq 'accepted';
        });
        push @waits, 1000 * (time - $began);
    }
    return median(@waits);
}

{
    clear();
    my $without = measure_wait(100);
    administer($admin, 'SELECT fpgo.pause()');
    administer($admin, q{
        INSERT INTO fpgo_internal.submission (server, key, order_hash, role, state, mapping, origin)
        SELECT 'frontpayment', 'locked' || n, '', 'locked', 'queued', '', fpgo_internal.origin_here() FROM generate_series(1, 100000) n});
    administer($admin, q{INSERT INTO fpgo_internal.payload SELECT id, '{}' FROM fpgo_internal.submission WHERE role = 'locked'});
    administer($admin, 'REVOKE USAGE ON FOREIGN SERVER frontpayment FROM locked');
    administer($admin, 'ANALYZE fpgo_internal.submission');
    administer($admin, 'SELECT fpgo.resume()');
    wait_for('the hold', sub { administer($admin, q{SELECT count(*) FROM fpgo.holds WHERE kind = 'rights'}) == 1 }, 30);
    my $with = measure_wait(100);
    diag(sprintf '100,000 orders of a role that may not send: p50 %.1f ms without, %.1f ms with', $without, $with);
    cmp_ok($with, '<=', 1.2 * $without + 1, 'a long queue of a role that may not send delays nobody');
    is(administer($admin, q{SELECT count(*) FROM fpgo_internal.submission WHERE role = 'locked' AND error IS NOT NULL}), 0,
        'and none of its rows is touched');
}
check_log($node);
done_testing();
