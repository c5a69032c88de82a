# An order is invoiced once, whatever becomes of the name of its server: renamed
# while it waits, after it was accepted, before it is reconciled; dropped, moved to
# another address, dumped and restored.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('main', url => $gateway->address);
my $session = open_session($node);
my $admin   = open_session($node);
my $records = FpgoRecords->new($admin, $gateway);
wait_for_worker($admin);

# rename($from, $to): in a transaction of its own.
sub rename_server {
    my ($from, $to) = @_;
    administer($admin, "ALTER SERVER $from RENAME TO $to");
    run_in($session, "SET fpgo.server = $to");
    administer($admin, "SET fpgo.server = $to");
    return;
}

# --- renamed while it waits -----------------------------------------------------------

{
    # of two orders one is renamed under, which was claimed; the other is still queued
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD concurrency '1')});
    $gateway->misbehave({ delay => 1 });
    my @submissions = map { $records->enqueue($session) } 1 .. 2;
    wait_for('the first is on its way', sub { $gateway->received($submissions[0]{reference}) });
    rename_server('frontpayment', 'fp');
    wait_for('both are accepted', sub { $records->count_in_state('accepted') == 2 });
    $records->show("order $_ of two, renamed meanwhile", $submissions[$_ - 1], 'accepted', received => 1) for 1, 2;
    is(administer($admin, 'SELECT count(*) FROM fpgo.attempts'), 2, 'renamed meanwhile: no attempt failed');
    administer($admin, q{ALTER SERVER fp OPTIONS (DROP concurrency)});
}

# --- handed in again ------------------------------------------------------------------

{
    my ($order, $reference) = new_order();
    $records->expect($reference);
    my $uuid = submit($session, $order)->{order_uuid};
    rename_server('fp', 'gateway');
    is(submit($session, $order)->{order_uuid}, $uuid, 'submitted again after a rename: the first answer');
    my $number = administer($admin, enqueue_sql($order, q{on_duplicate => 'ignore'}));
    is($number, administer($admin, "SELECT submission FROM fpgo.submissions WHERE reference = '$reference'"),
        'queued again after a rename: the first submission');
    $records->show('handed in three times under two names', $reference, 'accepted', received => 1);

    # what is asked later is about the same order
    ends('its status, asked under the new name', run_in($session, "SELECT * FROM fpgo.fetch_status('$uuid')"), '');
    is(administer($admin, "SELECT server, gateway_status FROM fpgo.submissions WHERE reference = '$reference'"),
        'gateway|SENT', 'its status is kept with it, and its server is called as it is now');
    is(administer($admin, "SELECT server FROM fpgo.attempts a JOIN fpgo.submissions s USING (submission, server) WHERE s.reference = '$reference'"),
        'gateway', 'its attempt has that name too');
    is(administer($admin, q{SELECT server FROM fpgo.queue_health}), 'gateway', 'queue_health has one row');
}

# --- uncertain, and looked for under another name -----------------------------------------

{
    $gateway->misbehave({ close_after_request => \1 });
    my ($order, $reference) = new_order();
    $records->expect($reference);
    ends('a cut answer', submit($session, $order), '38F01');
    rename_server('gateway', 'frontpayment');
    my $submission = { reference => $reference,
        id => administer($admin, "SELECT submission FROM fpgo.submissions WHERE reference = '$reference'") };
    wait_for('it is found at the gateway', sub {
        run_in($session, "SELECT * FROM fpgo.reconcile($submission->{id})");
        $records->state_of($submission) eq 'accepted';
    });
    $records->show('uncertain, renamed, found', $submission, 'accepted', received => 1);
}

# --- another account --------------------------------------------------------------------

{
    my $second = FpgoGateway->start('--token', $TOKEN);
    my ($order, $reference) = new_order();
    $records->expect($reference);
    submit($session, $order);
    administer($admin, q{ALTER EVENT TRIGGER fpgo_follow_server DISABLE});
    administer($admin, 'ALTER SERVER frontpayment OPTIONS (SET url ' . literal($second->address) . ')');
    administer($admin, q{ALTER EVENT TRIGGER fpgo_follow_server ENABLE});
    ends('at another address', submit($session, $order), '');
    is($second->received($reference), 0, 'at another address: it counts as sent');

    administer($admin, q{SELECT fpgo.pause()});
    my $waiting = $records->enqueue($admin);
    administer($admin, q{SELECT fpgo.new_account('frontpayment', 'from demo to production')});
    administer($admin, q{SELECT fpgo.resume()});
    wait_for_worker($admin);
    ends('of another account', submit($session, $order), '');
    is($second->received($reference), 1, 'of another account: it is sent there');
    run_in($session, 'CALL fpgo.deliver()');
    is($records->state_of($waiting), 'queued', 'what was queued for the former account stays queued');
    like(administer($admin, "SELECT last_error FROM fpgo.submissions WHERE submission = $waiting->{id}"), qr/no server has the account "frontpayment" any more/, 'and says why');
    is($second->received($waiting->{reference}) + $gateway->received($waiting->{reference}), 0, 'and is sent nowhere');
    is(administer($admin, "SELECT server FROM fpgo.submissions WHERE submission = $waiting->{id}"),
        'frontpayment (former)', 'and is told from those of the server today');
    administer($admin, "SELECT fpgo.cancel_submission($waiting->{id}, 'test')");
    $second->stop;
}

# --- dumped and restored ------------------------------------------------------------------

{
    my $copy = PostgreSQL::Test::Cluster->new('copy');
    $copy->init;
    $copy->append_conf('postgresql.conf', slurp_file("$FindBin::RealBin/../lib/server.conf"));
    $copy->start;
    my $file = PostgreSQL::Test::Utils::tempdir() . '/dump';
    $node->command_ok([ 'pg_dump', '-Fc', '-f', $file, 'postgres' ], 'dumped');
    $copy->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'postgres', $file ], 'restored');
    my $accounts = q{SELECT name, server, reason FROM fpgo_internal.account ORDER BY name};
    is($copy->safe_psql('postgres', $accounts), administer($admin, $accounts), 'restored: accounts and their names are the same');
    is($copy->safe_psql('postgres', q{SELECT server FROM fpgo.submissions GROUP BY 1 ORDER BY 1}),
        administer($admin, q{SELECT server FROM fpgo.submissions GROUP BY 1 ORDER BY 1}), 'restored: the views show the same');
    $copy->stop;
}

check_log($node);
done_testing();
