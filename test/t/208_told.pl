# What somebody should look at is told: by a line in the log and by NOTIFY when a
# submission becomes uncertain or an order is refused at hand-in; and CALL
# fpgo.deliver() says how far it is, and at its end what is left and why.

use strict;
use warnings;

use FpgoChecker;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, options => q{concurrency '1'},
    settings => "fpgo.undelivered_notice = off\nmax_prepared_transactions = 2");
my $session  = open_session($node);
my $listener = open_session($node);
administer($listener, 'LISTEN fpgo_trouble');

# the notifications that came, one a line
sub heard {
    my $said = run_in($listener, 'SELECT 1');
    return join "\n", $said->{rows} =~ /notification "fpgo_trouble" with payload "(.*)" received/g;
}

# the lines that the log got since a position that is moved on
my $read = 0;
sub logged {
    my $log = slurp_file($node->logfile, $read);
    $read += length $log;
    return join "\n", $log =~ /LOG:  (.*(?:uncertain now|refused at hand-in)\n.*DETAIL:  .*)/g;
}
logged();

# ---------- uncertain ----------

$gateway->misbehave({ status => 500 });
ends('an order whose outcome is unknown', submit($session, order(referenceNo => 'T-1')), '38F01');
my $first = administer($node, 'SELECT max(submission) FROM fpgo.submissions');
my @heard = split /\n/, heard();
is($heard[0], qq({"what": "uncertain", "server": "frontpayment", "submission": $first, "orders": 1}), 'uncertain: NOTIFY');
is($heard[1], q({"what": "held", "server": "frontpayment"}), 'held: NOTIFY');
like(logged(), qr/\A1 submission of server "frontpayment" is uncertain now\n.*DETAIL:  It is submission $first\.  The gateway answered HTTP status 500/,
    'uncertain: in the log');

# a process that is gone: nobody holds that number
my $dead = run_in($session, enqueue_sql(order(referenceNo => 'T-2')))->{rows};
my $attempt = "SELECT number, coalesce(outcome, 'under way'), started_at, ended_at >= started_at, reason FROM fpgo.attempts WHERE submission = $dead";
administer($node, "UPDATE fpgo_internal.submission SET state = 'sending', run = 4711, attempts = 1, attempt_began = '2026-11-30 12:00+00' WHERE id = $dead");
is(administer($node, $attempt), '1|under way|2026-11-30 12:00:00+00||', 'a process that died: its attempt is shown');
run_in($session, 'CALL fpgo.deliver()');
is(administer($node, $attempt), '1|unknown|2026-11-30 12:00:00+00|t|The process that sent it ended before the outcome was recorded.',
    'a process that died: the attempt ends, and began when it did');
is(heard(), qq({"what": "uncertain", "server": "frontpayment", "submission": $dead, "orders": 1}), 'a process that died: NOTIFY');
like(logged(), qr/is uncertain now\n.*The process that sent it ended/, '... and in the log');

# ---------- refused at hand-in ----------

administer($session, q{
    CREATE TABLE orders (number int PRIMARY KEY, email text);
    CREATE FUNCTION invoice_for(o orders) RETURNS jsonb LANGUAGE sql AS $$
        SELECT jsonb_set($1::jsonb, '{customerDetails,email}', to_jsonb(o.email)) || jsonb_build_object('referenceNo', 'R-' || o.number) $$}
      =~ s/\$1::jsonb/literal(order()) . '::jsonb'/er);
administer($session, q{CREATE TRIGGER invoice AFTER INSERT OR UPDATE ON orders FOR EACH ROW
    EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for', 'on_invalid=record')});
ends('a hundred orders at fault', run_in($session, q{INSERT INTO orders SELECT n, 'nobody' FROM generate_series(1, 100) n}), '');
like(heard(), qr/\A\{"what": "refused at hand-in", "server": "frontpayment", "submission": \d+, "orders": 100\}\z/, 'are one notification');
like(logged(), qr/\A100 orders for server "frontpayment" were refused at hand-in\n.*DETAIL:  The first is submission \d+\.  /, '... and one line');
run_in($session, $_) for 'BEGIN', q{INSERT INTO orders VALUES (201, 'nobody')}, 'ROLLBACK', 'BEGIN', 'SAVEPOINT s',
    q{INSERT INTO orders VALUES (202, 'nobody')}, 'ROLLBACK TO s', q{INSERT INTO orders VALUES (203, 'nobody')}, 'COMMIT';
like(heard(), qr/\A[^\n]*"orders": 1\}\z/, 'what is rolled back is not told');
like(logged(), qr/\A1 order for [^\n]*\n[^\n]*\z/, '... nor logged');
run_in($session, $_) for 'BEGIN', q{INSERT INTO orders VALUES (204, 'nobody')};
ends('a transaction is prepared', run_in($session, q{PREPARE TRANSACTION 'p'}), '');
run_in($session, q{COMMIT PREPARED 'p'});
is(heard(), '', 'and tells nobody');

# ---------- what is left ----------

administer($node, "SELECT fpgo.resolve(submission, 'refused', 'A test.') FROM fpgo.submissions WHERE state = 'uncertain'");
is(run_in($session, 'CALL fpgo.deliver()')->{said}, '', 'nothing is left: nothing is said');
run_in($session, enqueue_sql(order(referenceNo => "L-$_"))) for 1 .. 3;
$gateway->misbehave({ status => 429, headers => { 'Retry-After' => '1' } });
my $left = ends('a delivery that is asked to slow down', run_in($session, 'CALL fpgo.deliver()'), '',
    qr/NOTICE: +(?:\w+: )?3 submissions are left\nDETAIL: +\d of server "frontpayment", queued/);
like($left->{said}, qr/again/, '... says when it goes on') or diag $left->{said};
sleep 2;    # as the gateway wished
$gateway->misbehave({ status => 500 });
my $id = administer($node, q{SELECT min(submission) FROM fpgo.submissions WHERE reference = 'L-2'});
ends('one that becomes uncertain', run_in($session, "CALL fpgo.deliver($id)"), '', qr/1 submission is left\nDETAIL: .*uncertain: .*500.*\nHINT: .*fpgo\.resolve/s);

# ---------- progress ----------

administer($node, 'UPDATE fpgo_internal.submission SET not_before = NULL');
administer($node, "SELECT fpgo.resolve(submission, 'refused', 'A test.') FROM fpgo.submissions WHERE state = 'uncertain'");
run_in($session, enqueue_sql(order(referenceNo => "S-$_"))) for 1 .. 8;
administer($session, q{SET fpgo.progress_interval = '200ms'});
$gateway->misbehave(map { { delay => 0.15 } } 1 .. 10);
my $slow = ends('a delivery that takes a while', run_in($session, 'CALL fpgo.deliver()'), '', qr/NOTICE: +(?:\w+: )?orders sent until now: \d+, left: \d+\nDETAIL: +Accepted: \d+, refused: 0, uncertain: 0/);
cmp_ok(scalar(() = $slow->{said} =~ /orders sent until now/g), '>=', 2, '... says so again');
administer($session, q{SET fpgo.progress_interval = '20ms'});
run_in($session, enqueue_sql(order(referenceNo => 'C-1')));
$gateway->misbehave({ delay => 1 });
begin_in($session, 'CALL fpgo.deliver()');
wait_for('the order to be sent', sub { $gateway->received('C-1') });
administer($node, 'SELECT pg_cancel_backend(' . pid_of($session) . ')');
ends('a delivery that is cancelled between two reports', finish_in($session), '57014');
is(administer($node, q{SELECT state FROM fpgo.submissions WHERE reference = 'C-1'}), 'accepted', '... records what was sent');
administer($session, q{SET fpgo.progress_interval = 0});
run_in($session, enqueue_sql(order(referenceNo => 'Z-1')));
$gateway->misbehave({ delay => 0.5 });
is(run_in($session, 'CALL fpgo.deliver()')->{said}, '', 'switched off, nothing is said');

$_->quit for $session, $listener;
$node->stop;
check_log($node);
$gateway->stop;
done_testing();
