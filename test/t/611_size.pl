# fpgo stays fast as its tables grow: what one order costs does not depend on
# how many others there are, nor on how few there were when a session planned
# its statements.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $queued = 10_000;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('size', url => $gateway->address, settings => "autovacuum = off\n");
my $session = open_session($node);

# Rows and index entries that fpgo's tables gave up so far.
sub n_read {
    return $node->safe_psql('postgres', q{
        SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = 'fpgo_internal')
             + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'fpgo_internal')});
}

# What the session read until now is counted.
sub flush_counts {
    run_in($session, 'SELECT pg_stat_force_next_flush()');
    run_in($session, 'SELECT 1');
    return;
}

# reads($name, $limit, $sql): a statement reads no more than so many of them.
sub reads {
    my ($name, $limit, $sql) = @_;
    my $before = n_read();
    ends($name, run_in($session, $sql), '');
    flush_counts();
    cmp_ok(n_read() - $before, '<=', $limit, "$name: reads at most $limit rows and index entries");
}

# each statement is planned while there is next to nothing
my @early = map { order() } 1 .. 2;
ends('an early submit_invoice', submit($session, $early[0]), '');
ends('an early enqueue_invoice', run_in($session, enqueue_sql($early[1])), '');
ends('an early delivery', run_in($session, 'CALL fpgo.deliver()'), '');

my $template = literal(order());
run_in($session, qq{
    SELECT count(fpgo.enqueue_invoice(jsonb_set($template, '{referenceNo}', to_jsonb('S-' || n))))
    FROM generate_series(1, $queued) n});
my $last = run_in($session, 'SELECT max(id) FROM fpgo_internal.submission')->{rows};

flush_counts();
my @late = map { order() } 1 .. 2;
reads("submit_invoice beside $queued queued", 25, submit_sql($late[0]));
reads("enqueue_invoice beside $queued queued", 20, enqueue_sql($late[1]));
reads("deliver one of $queued", 40, "CALL fpgo.deliver($last)");
reads("cancel one of $queued", 20, "SELECT fpgo.cancel_submission($last - 1, 'a test')");
reads('ask for the session of one', 20, "SELECT fpgo.invoice_session($last)");

$session->quit;
check_records($node, $gateway,
    committed => [ map({ reference_of($_) } @early, @late), map { "S-$_" } 1 .. $queued ]);
$node->stop;
$gateway->stop;
done_testing();
