# Bad days of a database with a queue: it is restarted again and again, prepared
# transactions outlive a crash, and its tables are rebuilt, while orders are queued,
# sent and submitted.  No order is made twice, none is lost, none hangs.
#
# FPGO_BAD_DAYS=all restarts more often and takes each kind of DDL, as
# test/check --long world does; else a few.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use FpgoVerdicts;
use Test::More;
use Time::HiRes qw(sleep time);

my $all     = ($ENV{FPGO_BAD_DAYS} // '') eq 'all';
my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('main', url => $gateway->address, options => q{concurrency '4'},
    settings => "max_prepared_transactions = 10\n");
my $records = FpgoRecords->new($node, $gateway);

sub is_drained {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    wait_for("$name: the queue to be empty", sub { $records->count_in_state('queued') + $records->count_in_state('sending') == 0 });
    check_records($node, $gateway, name => "$name: the records agree with the ledger", committed => [ $records->expected ]);
    return;
}

# --- restarts ----------------------------------------------------------------------------

$gateway->misbehave({ requests => 0, delay => 0.05 });
$records->enqueue_together($node, 20) for 1 .. 5;
for my $n (1 .. $all ? 30 : 3) {
    sleep 0.1 * ($n % 4);
    $node->stop($n % 3 == 0 ? 'fast' : 'immediate');
    $node->start;
}
$gateway->behave;
is_drained('restarts');
decide_uncertain($node, $gateway, name => 'restarts', least => 0);

# --- prepared transactions -------------------------------------------------------------------

{
    my @orders = map { order() } 1 .. 6;
    for my $n (1 .. 6) {
        $node->safe_psql('postgres', 'BEGIN; ' . enqueue_sql($orders[ $n - 1 ]) . "; PREPARE TRANSACTION 'order $n'");
    }
    $node->stop('immediate');
    $node->start;
    my ($beside) = $records->enqueue($node);
    $node->safe_psql('postgres', "COMMIT PREPARED 'order $_'")   for 1 .. 3;
    $node->safe_psql('postgres', "ROLLBACK PREPARED 'order $_'") for 4 .. 6;
    $records->expect(map { reference_of($_) } @orders[ 0 .. 2 ]);
    is_drained('prepared transactions');
    is(join(' ', map { $gateway->received(reference_of($_)) } @orders), '1 1 1 0 0 0', 'prepared: those that were committed are sent');
    is($records->state_of($beside), 'accepted', 'prepared: an order beside them goes out');
}
{
    # a person takes one back, and nobody knows yet whether that holds
    administer($node, 'SELECT fpgo.pause()');
    my @submissions = $records->enqueue_together($node, 5);
    $node->safe_psql('postgres', "BEGIN; SELECT fpgo.cancel_submission($submissions[$_]{id}, 'test'); PREPARE TRANSACTION 'cancel $_'") for 0, 1;
    administer($node, 'SELECT fpgo.resume()');
    wait_for('the others to be sent', sub { grep({ $records->state_of($_) eq 'accepted' } @submissions[ 2 .. 4 ]) == 3 });
    is(join(' ', map { $gateway->received($submissions[$_]{reference}) } 0, 1), '0 0', 'a prepared cancellation keeps its order back');
    $node->safe_psql('postgres', q{COMMIT PREPARED 'cancel 0'});
    $node->safe_psql('postgres', q{ROLLBACK PREPARED 'cancel 1'});
    is_drained('a prepared cancellation');
    is(join(' ', map { $records->state_of($_) } @submissions[ 0, 1 ]), 'cancelled accepted', 'committed it holds, rolled back it does not');
}

# --- DDL -----------------------------------------------------------------------------------

my @ddl = (
    'REINDEX TABLE CONCURRENTLY fpgo_internal.submission',
    'VACUUM FULL fpgo_internal.submission',
    q{BEGIN; LOCK TABLE fpgo_internal.submission IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.7); COMMIT});
push @ddl, (
    'REINDEX TABLE fpgo_internal.attempt', 'REINDEX SCHEMA CONCURRENTLY fpgo_internal', 'VACUUM FULL fpgo_internal.payload',
    'VACUUM FULL fpgo_internal.attempt', 'CLUSTER fpgo_internal.submission USING submission_pkey', 'VACUUM (FREEZE) fpgo_internal.submission',
    'ALTER TABLE fpgo_internal.attempt SET (fillfactor = 80)', 'ALTER TABLE fpgo_internal.submission ADD COLUMN more int',
    'ALTER TABLE fpgo_internal.submission DROP COLUMN more', 'CREATE INDEX CONCURRENTLY more ON fpgo_internal.submission (created_at)',
    'DROP INDEX CONCURRENTLY fpgo_internal.more', 'CREATE INDEX more ON fpgo_internal.attempt (submission)', 'DROP INDEX fpgo_internal.more',
    'ALTER TABLE fpgo_internal.attempt SET UNLOGGED', 'ALTER TABLE fpgo_internal.attempt SET LOGGED', 'ANALYZE fpgo_internal.submission',
    q{CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; }
      . 'CREATE TRIGGER nothing AFTER UPDATE ON fpgo_internal.submission FOR EACH ROW EXECUTE FUNCTION nothing()',
    'DROP TRIGGER nothing ON fpgo_internal.submission; DROP FUNCTION nothing()') if $all;
{
    my $session = open_session($node);
    my $slow    = 0;
    $gateway->misbehave({ requests => 0, delay => 0.02 });
    for my $ddl (@ddl) {
        $records->enqueue_together($node, 15);
        my $began = time;
        my @said  = map { ($node->psql('postgres', $_))[2] } split /; (?=CREATE|DROP)/, $ddl;
        is(join('', @said), '', "$ddl, under load");
        my $order = order();
        ends('an order after it', submit($session, $order), '');
        $records->expect(reference_of($order));
        $slow = time - $began if time - $began > $slow;
    }
    $gateway->behave;
    cmp_ok($slow, '<', 10, sprintf 'DDL: no statement and order took longer than %.1f s', $slow);
    $session->quit;
}
is_drained('DDL');
is($records->count_in_state('uncertain'), 0, 'DDL: nothing is uncertain');
is(count_logged($node, qr/deadlock detected/), 0, 'DDL: no deadlock');

check_log($node);
done_testing();
