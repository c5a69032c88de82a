# Orders that are not sent for now: poison stops nobody, an outage costs a few
# orders, a role's refused token is that role's trouble, and a hold is on record,
# outlives a restart, and is lifted by what mends its cause, or by a person.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoReadme;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('resident', url => $gateway->address, options => q{timeout '20s'},
    settings => 'max_prepared_transactions = 1');
my $admin   = open_session($node);
my $records = FpgoRecords->new($admin, $gateway);

administer($admin, q{
    CREATE ROLE branch LOGIN;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO branch;
    CREATE ROLE operator;
    GRANT EXECUTE ON FUNCTION fpgo.resolve TO operator;
    GRANT EXECUTE ON FUNCTION fpgo.sees_all_submissions TO operator;
    CREATE USER MAPPING FOR branch SERVER frontpayment OPTIONS (token 'expired')});
my $branch = open_session($node, user => 'branch');
wait_for_worker($admin);

sub count_states { return administer($admin, "SELECT count(*) FROM fpgo.submissions WHERE state = '$_[0]'"); }

sub holds { return administer($admin, 'SELECT kind, role, orders FROM fpgo.holds ORDER BY hold'); }

# queue($n[, $name, $more, ...]): queue so many orders, of customers of that name,
# in one transaction.
sub queue {
    my @orders;
    while (my ($n, $name) = splice @_, 0, 2) {
        push @orders, map { order('customerDetails.name' => $name // 'Kari') } 1 .. $n;
    }
    administer($admin, join ";\n", 'BEGIN', (map { enqueue_sql($_) } @orders), 'COMMIT');
    $records->expect(map { reference_of($_) } @orders);
    return;
}

# --- poison ---------------------------------------------------------------------------

{
    $gateway->misbehave(
        { requests => 0, body_has => 'Poison A', status => 404 },
        { requests => 0, body_has => 'Poison B', status => 403, html => \1 });
    my $began = time;
    queue(6, 'Poison A', 6, 'Poison B', 40);
    wait_for('40 good orders behind 12 that the gateway dislikes', sub { count_states('accepted') == 40 }, 20);
    my $seconds = time - $began;
    ok($seconds < 6, '12 orders of poison delay 40 others by a second or so')
      or diag("$seconds s\n" . administer($admin, q{SELECT submission, number, started_at, ended_at, outcome
        FROM fpgo.attempts ORDER BY started_at}));
    is(count_states('queued'), 12, 'poison waits by itself, and is not refused');
    is(administer($admin, q{SELECT string_agg(DISTINCT outcome, ' ') FROM fpgo.attempts WHERE outcome <> 'accepted'}),
        'not_api', 'it is no answer of the API\'s own');
    $gateway->behave;
    administer($admin, 'UPDATE fpgo_internal.submission SET not_before = NULL WHERE state = \'queued\'');
    release_holds($admin);
    wait_for('the rest', sub { count_states('accepted') == 52 }, 20);
}

# --- a role's token -------------------------------------------------------------------

{
    $gateway->clear;
    my @of_branch = map { my $order = order(); administer($branch, enqueue_sql($order)); $order } 1 .. 8;
    wait_for('the branch to be held', sub { holds() =~ /^answers\|branch\|/ }, 10);
    my $began = time;
    queue(30);
    wait_for('the orders of others', sub { count_states('accepted') == 82 }, 10);
    ok(time - $began < 5, 'others are not delayed');
    my $tried = administer($admin, q{SELECT count(*) FROM fpgo.attempts WHERE outcome = 'credentials'});
    ok($tried >= 3 && $tried <= 8, 'a few orders of the branch were tried') or diag($tried);
    is(administer($branch, q{SELECT count(*) FROM fpgo.submissions WHERE state = 'queued'
            AND last_error LIKE 'The gateway refused the credentials%'}), 8,
        'orders of the branch say why they wait, tried or not');
    is(administer($admin, 'SELECT holds FROM fpgo.queue_health'), 1, 'queue_health counts the hold');
    like(administer($admin, q{SELECT detail FROM fpgo.doctor() WHERE check_name = 'queue'}),
        qr/^Orders are held\.  8 of server "frontpayment", since .* refused the credentials/, 'doctor says it');

    my $refused = run_in($branch, 'SET fpgo.submit_wait = 0; ' . submit_sql(order()));
    ends('submit_invoice of the branch', $refused, '38F02', qr/is closed for now/);
    like($refused->{hint}, qr/^Since .* The gateway refused the credentials/, 'its HINT says since when and why');
    is(administer($admin, q{SELECT count(*) FROM fpgo.submissions WHERE role = 'branch'}), 8, 'nothing is recorded');
    ends('submit_invoice of others', submit($admin, scalar order()), '');

    $node->restart;
    $_ = open_session($node, user => $_ == $branch ? 'branch' : undef) for $admin, $branch;
    $records = FpgoRecords->new($admin, $gateway);
    like(holds(), qr/^answers\|branch\|8$/, 'a restart keeps the hold');
    my $before = administer($admin, q{SELECT count(*) FROM fpgo.attempts WHERE outcome = 'credentials'});
    wait_for_worker($admin);
    sleep 1.5;
    cmp_ok(administer($admin, q{SELECT count(*) FROM fpgo.attempts WHERE outcome = 'credentials'}) - $before, '<=', 1,
        'after it one order at most is tried');

    administer($admin, "ALTER USER MAPPING FOR branch SERVER frontpayment OPTIONS (SET token '$TOKEN')");
    administer($admin, q{UPDATE fpgo_internal.submission SET not_before = NULL WHERE state = 'queued'});
    wait_for('the branch with its new token', sub {
        administer($admin, q{SELECT count(*) FROM fpgo.submissions WHERE role = 'branch' AND state = 'accepted'}) == 8;
    }, 5);
    is(holds(), '', 'a new token lifts the hold');
}

# --- a role without the right ---------------------------------------------------------

{
    administer($admin, 'REVOKE USAGE ON FOREIGN SERVER frontpayment FROM branch');
    administer($admin, q{INSERT INTO fpgo_internal.submission (server, key, order_hash, role, state, mapping, origin)
        SELECT 'frontpayment', 'k' || n, '', 'branch', 'queued', 'branch', fpgo_internal.origin_here() FROM generate_series(1, 1000) n});
    administer($admin, q{INSERT INTO fpgo_internal.payload SELECT id, '{}' FROM fpgo_internal.submission
        WHERE role = 'branch' AND state = 'queued'});
    queue(1);
    wait_for('the hold', sub { holds() =~ /^rights\|branch\|1000$/ }, 10);
    is(administer($admin, q{SELECT count(*) FROM fpgo_internal.submission WHERE error IS NOT NULL AND state = 'queued'}),
        0, 'no row of a role without the right is touched');
    like(administer($admin, q{SELECT DISTINCT last_error FROM fpgo.submissions WHERE state = 'queued'}),
        qr/^Not sent: permission denied/, 'and each says why it waits');
    administer($admin, q{DELETE FROM fpgo_internal.submission WHERE order_hash = ''});
    wait_for('the hold to go', sub { holds() eq '' }, 20);
}

# --- an outage ------------------------------------------------------------------------

{
    my $accepted = count_states('accepted');
    $gateway->misbehave({ requests => 0, route => '*', status => 503 });
    queue(60);
    wait_for('doubt', sub { holds() =~ /^unknown\|\|/ }, 10);
    sleep 4;
    my $uncertain = count_states('uncertain');
    ok($uncertain >= 1 && $uncertain <= 4, 'four seconds of 503 cost what was under way') or diag($uncertain);
    my $refused = run_in($admin, 'SET fpgo.submit_wait = 0; ' . submit_sql(order()));
    ends('submit_invoice in an outage', $refused, '38F02', qr/closed for now/);
    my ($hold) = administer($admin, 'SELECT hold FROM fpgo.holds');
    $gateway->behave;
    my $began = time;
    wait_for('orders after the outage', sub { count_states('accepted') > $accepted }, 10);
    ok(time - $began < 8, 'the first order leaves soon after it');
    wait_for('all orders', sub { count_states('queued') + count_states('sending') == 0 }, 20);
    is(holds(), '', 'the gateway\'s answer to an order lifts the hold');
    is(administer($admin, readme_sql('A thousand uncertain at once', 'src/doc/trouble.md')), $uncertain,
        'a person decides about all at once, as the page shows');
    wait_for('the decided ones', sub { count_states('accepted') == $accepted + 60 }, 20);
    ends('release of a hold that is lifted', run_in($admin, "SELECT fpgo.release($hold, 'too late')"), '42704');
}

# --- a gateway that answers questions and takes no orders --------------------------------

{
    # where no order was accepted lately: after one it takes 40 such answers
    administer($admin, 'SELECT fpgo.pause()');
    administer($admin, 'UPDATE fpgo_internal.streak SET accepted_at = NULL');
    $gateway->clear;
    $gateway->misbehave({ requests => 0, status => 405 });
    queue(10);
    administer($admin, 'SELECT fpgo.resume()');
    wait_for('the hold', sub { holds() =~ /^answers\|PUBLIC\|/ }, 10);
    sleep 3;
    my $tried = scalar $gateway->ledger;
    cmp_ok($tried, '<=', 9, 'few requests are made') or diag($tried);
    is(count_states('queued') + count_states('sending'), 10, 'nothing is final');
    my ($show, $release) = readme_sql('Orders that are held', 'src/doc/trouble.md');
    like(administer($admin, $show), qr/^frontpayment\|PUBLIC\|answers\|HTTP status 405 came.*\|10$/s, 'the page shows what is held');
    ends('release, as the page shows', run_in($admin, $release), '');
    like(administer($admin, 'SELECT what, reason FROM fpgo.history ORDER BY event DESC LIMIT 1'),
        qr/^hold \d+ released: .*405.*\|the firewall was mended$/s, 'who releases is on record');
    ends('release without the right', run_in($branch, q{SELECT fpgo.release(1, 'x')}), '42501');
    $gateway->behave;
    administer($admin, q{UPDATE fpgo_internal.submission SET not_before = NULL WHERE state = 'queued'});
    release_holds($admin);
    wait_for('the rest', sub { count_states('queued') + count_states('sending') == 0 }, 20);
}

# --- a release whose transaction stays open -------------------------------------------

{
    my $n = count_states('accepted');
    my $person = open_session($node);
    my $released = sub { administer($admin, q{SELECT count(*) FROM fpgo.history WHERE reason = 'by mistake'}) };
    $gateway->misbehave({ requests => 0, status => 503 });
    queue(1);
    wait_for('the hold', sub { holds() =~ /^unknown\|\|/ }, 10);
    administer($person, q{BEGIN; SAVEPOINT s; SELECT fpgo.release(hold, 'by mistake') FROM fpgo.holds; ROLLBACK TO s});
    ends('what a savepoint takes back', run_in($person, 'COMMIT'), '');
    like(holds(), qr/^unknown\|\|/, '... lifts nothing');
    administer($person, q{BEGIN; SELECT fpgo.release(hold, 'by mistake') FROM fpgo.holds;
        SELECT fpgo.release(hold, 'by mistake') FROM fpgo.holds});
    $gateway->behave;
    queue(3);
    wait_for('the gateway to be well', sub { holds() eq '' && count_states('accepted') == $n + 3 }, 20);
    pass('while the transaction is open, orders are tried, and the hold goes when one gets through');
    ends('its commit', run_in($person, 'COMMIT'), '');
    is($released->(), 0, '... says nothing of a hold that was gone');
    administer($admin, q{SELECT fpgo.resolve(submission, 'queued', 'a test') FROM fpgo.submissions WHERE state = 'uncertain'});
    wait_for('the rest', sub { count_states('queued') + count_states('sending') == 0 }, 20);
    $gateway->misbehave({ requests => 0, status => 503 });
    queue(1);
    wait_for('the hold', sub { holds() =~ /^unknown\|\|/ }, 10);
    administer($person, q{BEGIN; SELECT fpgo.release(hold, 'by mistake') FROM fpgo.holds});
    ends('a transaction that releases a hold', run_in($person, q{PREPARE TRANSACTION 'p'}), '0A000', qr/that releases a hold/);
    administer($person, q{BEGIN; SET LOCAL ROLE operator; SELECT fpgo.release(hold, 'by mistake') FROM fpgo.holds;
        SELECT fpgo.release(hold, 'by mistake') FROM fpgo.holds});
    is($released->(), 0, 'before the commit nothing is lifted');
    administer($person, 'COMMIT');
    is($released->(), 1, 'the commit lifts it, once');
    is(administer($admin, q{SELECT decided_by FROM fpgo.history WHERE reason = 'by mistake'}), 'operator', '... in the name of who said so');
    $gateway->behave;
    administer($admin, q{SELECT fpgo.resolve(submission, 'queued', 'a test') FROM fpgo.submissions WHERE state = 'uncertain'});
    release_holds($admin);
    wait_for('the rest', sub { count_states('queued') + count_states('sending') + count_states('uncertain') == 0 }, 20);
}

check_log($node);
done_testing();
