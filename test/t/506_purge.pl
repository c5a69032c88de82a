# Records end: after fpgo.purge and VACUUM nothing personal is left in tables, views,
# statistics, data files or a dump.  Nevertheless no purged order is invoiced again,
# and no other order gets its uuid.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use Digest::SHA qw(sha256_hex);
use File::Find qw(find);
use FpgoChecker;
use FpgoTest;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $secret  = 'callback-s3cret';
my $bank_id = 'https://auth.example/canary-5c2e';
my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, options => q{retention '1h'},
    mapping => "token '$TOKEN', callback_secret '$secret'", settings => "autovacuum = off\nfpgo.undelivered_notice = off");
my $admin   = open_session($node);
my $session = open_session($node);
my $canary  = qr/\Q$PERSONAL_NUMBER\E|canary-5c2e/;

# an order by a call, one by the queue, and a copy of the first that will not be alone
my @orders = map { order(referenceNo => "P-$_", orderDate => '1755150488') } 1 .. 3;
$gateway->misbehave({ data => { bankIdUrl => $bank_id } });
is(submit($session, $orders[0])->{rows} =~ s/\|.*//rs, uuid_of('P-1'), 'an order is accepted');
run_in($session, enqueue_sql($orders[$_])) for 1 .. 2;
$gateway->misbehave({ data => { bankIdUrl => $bank_id } }, { errors => ['No.'] });
run_in($session, 'CALL fpgo.deliver()');
is(administer($admin, "SELECT string_agg(state, ' ' ORDER BY submission) FROM fpgo.submissions"), 'accepted accepted refused',
    'and another one, and one is refused');
my $uuid = uuid_of('P-1');

# ---------- BankID addresses ----------

my $age = 'ALTER SERVER frontpayment OPTIONS (%s bank_id_age %s)';
like(run_in($session, q{SELECT bank_id_url FROM fpgo.invoice_session(NULL, 'P-1')})->{rows}, $canary, 'an address is given');
administer($admin, sprintf $age, 'ADD', q{'0'});
for my $how ([ 'invoice_session', q{SELECT * FROM fpgo.invoice_session(NULL, 'P-1')} ], [ 'the call again', submit_sql($orders[0]) ]) {
    my $ended = ends("$how, too late", run_in($session, $how->[1]), '', qr/NOTICE: .*BankID address of submission \d+ is not kept any more.*bank_id_age/s);
    like($ended->{rows}, qr/^\Q$uuid\E\|CSRT\w+\|$/, "$how, too late: there is no address");
}
run_in($session, 'CALL fpgo.deliver()');
is(administer($admin, 'SELECT count(*) FROM fpgo_internal.submission WHERE bank_id_url <> $$$$'), 0, 'a delivery takes the addresses out');
my $number_now = 'SELECT pg_snapshot_xmax(pg_current_snapshot())';
my $before     = administer($admin, $number_now);
run_in($session, 'CALL fpgo.deliver()') for 1 .. 3;
is(administer($admin, $number_now), $before, 'where nothing is to be done, a delivery takes no transaction number');

# ---------- nothing personal is left ----------

# what is left where: a list of names
sub left_over {
    administer($admin, 'CHECKPOINT');
    my @found;
    my $files = administer($admin, q{SELECT string_agg(pg_relation_filepath(c.oid), ' ') FROM pg_class c
        WHERE relnamespace = 'fpgo_internal'::regnamespace AND relkind = 'r' OR relname IN ('pg_statistic')
            OR c.oid IN (SELECT reltoastrelid FROM pg_class WHERE relnamespace = 'fpgo_internal'::regnamespace)});
    push @found, map { "file $_" } grep { slurp_file($node->data_dir . "/$_") =~ $canary } split / /, $files;
    my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr('postgres') ]);
    push @found, 'dump' if $dump =~ $canary;
    my $views = administer($admin, q{SELECT string_agg(format('SELECT %L, v::text FROM fpgo.%I v', relname, relname), ' UNION ALL ')
        FROM pg_class WHERE relnamespace = 'fpgo'::regnamespace AND relkind = 'v'});
    push @found, 'views' if administer($admin, $views) =~ $canary;
    push @found, 'statistics' if administer($admin, 'SELECT s::text FROM pg_stats s') =~ $canary;
    return @found;
}

administer($admin, 'ANALYZE fpgo_internal.submission, fpgo_internal.payload, fpgo_internal.attempt, fpgo_internal.event');
like(administer($admin, q{SELECT string_agg(tablename || '.' || attname, ' ') FROM pg_stats WHERE schemaname = 'fpgo_internal'}),
    qr/^(?!.*(?:payload\.payload|bank_id_url|callback_token|customer_uuid|event\.reason)).*submission\.state/s, 'no statistics of what may be personal');
my @there = left_over();
ok((grep { $_ eq 'dump' } @there) && (grep { /^file/ } @there), 'retained payloads are found in files and in the dump');
ok(!(grep { $_ eq 'views' || $_ eq 'statistics' } @there), 'but never in views and statistics');
is(administer($admin, q{CALL fpgo.purge(now() + interval '1 minute')}), '3|3', 'all is purged');
administer($admin, 'VACUUM fpgo_internal.' . $_) for qw(submission payload attempt event);
is(join(', ', left_over()), '', 'nothing personal is left');
is(administer($admin, 'SELECT count(*) FROM fpgo.submissions'), 0, 'and no submission');

# ---------- nothing is invoiced again ----------

my $again = ends('the same call', submit($session, $orders[0]), '', qr/NOTICE/);
like($again->{rows}, qr/^\Q$uuid\E\|\|$/, 'gives the same uuid');
ends('the same order by the queue', run_in($session, enqueue_sql($orders[1])), '23505');
ends('another order of the key', submit($session, order(referenceNo => 'P-1', invoiceMaturity => 20)), '23505', qr/\Q$uuid\E/);
is($gateway->made('P-1'), 1, 'one order was made');
my $refused = ends('the refused order again', submit($session, $orders[2]), '');
is($gateway->received('P-3'), 2, 'is sent again');

# a change is sent as one
my $change = order(referenceNo => 'P-1', orderDate => '1755150488', invoiceMaturity => 20);
ends('a change of a purged order', run_in($session, 'SELECT fpgo.enqueue_invoice(' . literal($change) . q{::jsonb, on_change => 'update')}), '');
run_in($session, 'CALL fpgo.deliver()');
is(join(' ', map { $_->{body}{fpgoUuid} // 'new' } $gateway->ledger('P-1')), "new $uuid", 'goes out as a change');
is(administer($admin, "SELECT count(*), min(order_uuid) FROM fpgo.submissions WHERE reference = 'P-1' AND state = 'accepted'"), "1|$uuid", 'and is accepted');
administer($admin, q{CALL fpgo.purge(now() + interval '1 minute')});
ends('the changed order again', run_in($session, enqueue_sql($change)), '23505');

# another order is not given its uuid
$gateway->misbehave({ data => { orderUuid => $uuid } });
ends('another order with the uuid of a purged one', submit($session, order(referenceNo => 'P-4')), '38F01');
$gateway->misbehave({ status => 500 });
my $copy = order(referenceNo => 'P-5', orderDate => '1755150488');
release_holds($admin);
ends('an order like a purged one, lost', submit($session, $copy), '38F01');
like(run_in($session, 'SELECT state FROM fpgo.reconcile()')->{rows}, qr/^uncertain\nuncertain$/, 'is not taken for that one');

# ---------- callbacks and questions ----------

my $now = time;
my $sum = sha256_hex("${uuid}PAID$now$secret");
is(administer($admin, "SELECT outcome, submission FROM fpgo.receive_callback('/?orderUuid=$uuid&status=PAID&timestamp=$now&checksum=$sum')"),
    'recorded|1', 'a callback of a purged order finds its number');
is(administer($admin, "SELECT order_uuid FROM fpgo.fetch_status('$uuid')"), $uuid, 'the gateway can be asked about it');
administer($admin, q{CREATE ROLE cashier; GRANT USAGE ON FOREIGN SERVER frontpayment TO cashier});
ends('its details, as another role', run_in($session, "SET ROLE cashier; SELECT fpgo.fetch_details('$uuid')"), '42501');
run_in($session, 'RESET ROLE');
administer($admin, q{CALL fpgo.purge(now() + interval '1 minute')});
is(administer($admin, 'SELECT count(*) FROM fpgo.callbacks'), 0, 'the next purge takes the callback, too');

# ---------- dump and restore ----------

my $file = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, 'postgres' ], 'the database is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'restored', $file ], 'and restored');
my ($status, undef, $said) = $node->psql('restored', "\\set VERBOSITY verbose\n" . enqueue_sql($change));
like($said, qr/ERROR:  23505: order was handed in before/, 'it knows the orders that were purged');

$_->quit for $admin, $session;
$node->stop;
check_log($node);
$gateway->stop;
done_testing();

# The uuid of the one order that was made for a reference.
sub uuid_of {
    my ($reference) = @_;
    return ($gateway->ledger($reference))[0]{order_uuid};
}
