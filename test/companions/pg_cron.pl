# pg_cron: CALL fpgo.deliver() and fpgo.reconcile() as its jobs, in the version that
# Debian has; that one has no seconds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address,
    settings => "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\ncron.host = ''\n");
$node->append_conf('postgresql.conf', sprintf "cron.host = '%s'\n", $node->host);
$node->restart;
administer($node, 'CREATE EXTENSION pg_cron');
my $session = open_session($node);
note('pg_cron ' . administer($node, q{SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'}));

my $seconds = run_in($session, q{SELECT cron.schedule('seconds', '1 seconds', 'CALL fpgo.deliver()')});
ends('a schedule in seconds', $seconds, '22023');
like($seconds->{said}, qr/invalid schedule: 1 seconds/, '... is refused, and says so');

administer($node, q{SELECT cron.schedule('deliver', '* * * * *', 'CALL fpgo.deliver()')});
administer($node, q{SELECT cron.schedule('reconcile', '* * * * *', 'SELECT * FROM fpgo.reconcile()')});
my ($order, $reference) = new_order();
ends('an order', run_in($session, enqueue_sql($order)), '');
wait_for('the jobs', sub { administer($node, q{SELECT count(DISTINCT command) FROM cron.job_run_details WHERE status = 'succeeded'}) == 2 }, 100);
is($gateway->made($reference), 1, 'is delivered within a minute');
is(administer($node, q{SELECT string_agg(DISTINCT command || ': ' || return_message, '; ' ORDER BY command || ': ' || return_message) FROM cron.job_run_details}),
    'CALL fpgo.deliver(): CALL; SELECT * FROM fpgo.reconcile(): 0 rows', 'and both jobs ended well');

check_records($node, $gateway, committed => [$reference]);
check_log($node);
$session->quit;
$node->stop;
$gateway->stop;
done_testing();
