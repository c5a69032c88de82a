# fpgo.enqueue_invoice and CALL fpgo.deliver(): what is queued is sent after its
# commit, several requests at a time, by any number of deliverers, each order
# once; every outcome has its state, and nobody's mistake loses an order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, options => q{timeout '10s'});
my $session = open_session($node);
my $admin   = open_session($node);
my $records = FpgoRecords->new($admin, $gateway);

# References of orders whose enqueueing was rolled back.
my @rolled_back;

sub deliver { return run_in($session, 'CALL fpgo.deliver(' . ($_[0] // '') . ')'); }

sub resolve {
    my ($submission, $outcome, @more) = @_;
    return administer($admin, 'SELECT fpgo.resolve('
          . join(', ', $submission->{id}, "'$outcome'", q{'test'}, map { "'$_'" } @more) . ')');
}

# --- commit and rollback -----------------------------------------------------------

{
    my $order = order();
    $records->expect(reference_of($order));
    run_in($session, 'BEGIN');
    my $submission = { id => run_in($session, enqueue_sql($order))->{rows}, reference => reference_of($order) };
    run_in($admin, 'CALL fpgo.deliver()');
    is($gateway->received($submission->{reference}), 0, 'before the commit: nothing is sent');
    run_in($session, 'COMMIT');
    is($gateway->received($submission->{reference}), 0, 'after the commit: still nothing');
    $records->show('before delivery', $submission, 'queued', made => 0);
    ends('delivery', deliver(), '');
    $records->show('delivery', $submission, 'accepted', made => 1);
    is(administer($admin, "SELECT order_uuid FROM fpgo.invoice_session($submission->{id})"),
        ($gateway->ledger($submission->{reference}))[0]{order_uuid}, 'invoice_session has the order uuid');
    is(administer($admin, "SELECT count(*) FROM fpgo_internal.payload WHERE submission = $submission->{id}"),
        0, 'the payload is gone');
    ends('delivery again', deliver(), '');
    is($gateway->received($submission->{reference}), 1, 'delivery again: nothing more is sent');
}
{
    my $order = order();
    push @rolled_back, reference_of($order);
    run_in($session, 'BEGIN; ' . enqueue_sql($order) . '; ROLLBACK');
    deliver();
    is($gateway->received(reference_of($order)), 0, 'after a rollback: nothing is sent');
}

# --- several in flight, several deliverers --------------------------------------------

{
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD concurrency '8')});
    my @submissions = map { $records->enqueue($session) } 1 .. 16;
    $gateway->misbehave({ requests => 16, delay => 0.3 });
    my $ended = ends('16 orders', deliver(), '');
    my @made  = grep { $gateway->made($_->{reference}) == 1 } @submissions;
    is(scalar @made, 16, '16 orders: each is made once');
    diag(sprintf '16 orders with 0.3 s each took %.2f s', $ended->{seconds});
    cmp_ok($ended->{seconds}, '<', 16 * 0.3 / 3, '16 orders of 0.3 s: several at a time');
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (DROP concurrency)});
}
for my $isolation ('read committed', 'serializable') {
    my @sessions    = map { open_session($node) } 1 .. 4;
    my @submissions = map { $records->enqueue($session) } 1 .. 100;
    run_in($_, "SET default_transaction_isolation = '$isolation'") for @sessions;
    $gateway->misbehave({ requests => 100, delay => 0.02 });
    begin_in($_, 'CALL fpgo.deliver()') for @sessions;
    my @ended = map { finish_in($_) } @sessions;
    ends("one of four deliverers ($isolation)", $_, '') for @ended;
    deliver();
    my @wrong = grep { $gateway->received($_->{reference}) != 1 || $gateway->made($_->{reference}) != 1 } @submissions;
    is(scalar @wrong, 0, "four deliverers ($isolation), 100 orders: each is sent once");
    is($records->count_in_state('accepted'), administer($admin, 'SELECT count(*) FROM fpgo_internal.submission'),
        "four deliverers ($isolation): all are accepted");
    diag(sprintf '100 orders, four deliverers (%s): %.2f s', $isolation,
        (sort { $b <=> $a } map { $_->{seconds} } @ended)[0]);
    $_->quit for @sessions;
}

# --- one reference ------------------------------------------------------------------

{
    my ($first, @others) =
      map { $records->enqueue($session, referenceNo => 'one-by-one', key => "one-by-one-$_") } 1 .. 5;
    my @sessions = map { open_session($node) } 1 .. 2;
    $gateway->misbehave({ requests => 5, delay => 0.1 });
    begin_in($_, 'CALL fpgo.deliver()') for @sessions;
    finish_in($_) for @sessions;
    $_->quit for @sessions;
    deliver();
    is($gateway->made($first->{reference}), 5, 'one reference: all are made');
    is(administer($admin, q{
        SELECT count(*) FROM fpgo.attempts a JOIN fpgo_internal.submission s ON s.id = a.submission
        WHERE s.reference = 'one-by-one' AND EXISTS (
            SELECT FROM fpgo.attempts b JOIN fpgo_internal.submission t ON t.id = b.submission
            WHERE t.reference = s.reference AND t.id < s.id AND b.ended_at > a.started_at)}),
        0, 'one reference: strictly one after another');
    my @order = map { $_->{order_uuid} } $gateway->ledger('one-by-one');
    is(administer($admin, q{SELECT string_agg(order_uuid, ' ' ORDER BY id) FROM fpgo_internal.submission
        WHERE reference = 'one-by-one'}), "@order", 'one reference: in the order of their numbers');
}
{
    my ($first, $second) = map { $records->enqueue($session, referenceNo => 'waits', key => "waits-$_") } 1 .. 2;
    $gateway->misbehave({ close_after_request => \1 });
    deliver();
    is($records->state_of($first), 'uncertain', 'one reference: the first is uncertain');
    is($records->state_of($second), 'queued', 'one reference: the second waits for it');
    ends('the second by its number', deliver($second->{id}), '');
    is($records->state_of($second), 'queued', 'one reference: the second waits, by its number too');
    resolve($first, 'cancelled');
    deliver();
    is($records->state_of($second), 'accepted', 'one reference: the second goes once the first is resolved');
}

# --- every outcome --------------------------------------------------------------------

{
    my $submission = $records->enqueue($session);
    $gateway->misbehave({ errors => ['Not this one.'] });
    ends('refused', deliver(), '');
    $records->show('refused', $submission, 'refused', made => 0);
    like($records->column_of($submission, 'error'), qr/Not this one\./, 'refused: the reason is on record');
}

# what is certainly not sent or not processed goes later
my $nobody = closed_address();
for my $case (
    [ 'unreachable'       => {}, [ 1, 4 ], 0, $nobody ],
    [ 'status 401'        => { status => 401 }, [ 1, 4 ], 1 ],
    [ 'status 429'        => { status => 429, headers => { 'Retry-After' => '17' } }, [ 16, 18 ], 0 ]) {
    my ($name, $wish, $delay, $others, $url) = @$case;
    my $submission = $records->enqueue($session);
    my $bystander  = $records->enqueue($session);
    $gateway->misbehave($wish) if %$wish;
    administer($admin, "ALTER SERVER frontpayment OPTIONS (SET url '$url', ADD concurrency '1')") if $url;
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD concurrency '1')}) if !$url;
    ends($name, deliver(), '');
    $records->show($name, $submission, 'queued', made => 0);
    is($records->column_of($submission, 'attempts'), 1, "$name: one attempt");
    # one answer about a token does not tell whose fault it is
    is($records->column_of($bystander, 'attempts'), $others, "$name: others are sent, or not");
    my $seconds = $records->column_of($submission, 'extract(epoch FROM not_before - clock_timestamp())');
    ok($seconds > $delay->[0] - 1 && $seconds <= $delay->[1], "$name: not before $delay->[0] s")
      or diag("in $seconds s");
    isnt($records->column_of($submission, 'error'), '', "$name: the reason is on record");
    administer($admin,
        sprintf q{ALTER SERVER frontpayment OPTIONS (SET url '%s', DROP concurrency)}, $gateway->address);
    deliver();
    $records->show("$name, too early", $submission, 'queued', made => 0);
    if ($name eq 'status 429') {
        $records->show("$name, too early", $bystander, 'queued', made => 0);
        forget_slow_down($admin);
        deliver();
    }
    $records->show("$name, the bystander", $bystander, 'accepted', made => 1);
    $records->make_due();
    deliver();
    $records->show("$name, later", $submission, 'accepted', made => 1);
    is($records->column_of($submission, 'attempts'), 2, "$name: two attempts");
}
{
    my @uncertain = map {
        my $submission = $records->enqueue($session);
        $gateway->misbehave({ close_after_request => \1 });
        deliver();
        release_holds($admin);
        $submission
    } 1 .. 4;
    my @before = map { $gateway->received($_->{reference}) } @uncertain;
    is("@before", '1 1 1 1', 'uncertain: transmitted once each');
    ends("delivery $_", deliver(), '') for 1 .. 3;
    deliver($uncertain[0]{id});
    is(join(' ', map { $records->state_of($_) . $gateway->received($_->{reference}) } @uncertain),
        join(' ', ('uncertain1') x 4), 'uncertain: never sent again by itself');
    my ($sent, $accepted, $refused, $cancelled) = @uncertain;
    my $gone = ($gateway->ledger($accepted->{reference}))[0]{order_uuid};
    resolve($accepted,  'accepted', $gone);
    resolve($refused,   'refused');
    resolve($cancelled, 'cancelled');
    resolve($sent,      'queued');
    deliver();
    $records->show('resolved as queued', $sent, 'accepted', made => 2);
    is(join(' ', map { $records->state_of($_) } $accepted, $refused, $cancelled),
        'accepted refused cancelled', 'resolved otherwise');
    is(join(' ', map { $gateway->received($_->{reference}) } $accepted, $refused, $cancelled),
        '1 1 1', 'resolved otherwise: nothing more is sent');
    is(administer($admin, "SELECT order_uuid FROM fpgo.invoice_session($accepted->{id})"),
        $gone, 'resolved as accepted: has its row');
}
{
    my $submission = $records->enqueue($session);
    administer($admin, "SELECT fpgo.cancel_submission($submission->{id}, 'changed their mind')");
    deliver();
    deliver($submission->{id});
    $records->show('cancelled before delivery', $submission, 'cancelled', made => 0);
}
{
    my $submission = $records->enqueue($session);
    deliver();
    my $uuid   = $records->column_of($submission, 'order_uuid');
    my $update = $records->enqueue($session,
        referenceNo => $submission->{reference}, key => "$submission->{reference}-update",
        fpgoUuid => $uuid, orderFrom => 'PARTNER', 'customerDetails.name' => 'Kari');
    deliver();
    is($records->state_of($update), 'accepted', 'an update is accepted');
    is($records->column_of($update, 'order_uuid'), $uuid, 'an update has the same order uuid');
    is(join(' ', map { $_->{update} ? 'update' : 'create' } $gateway->ledger($submission->{reference})),
        'create update', 'an update makes no second order');
}
{
    # an unknown outcome makes the loop careful until an answer is definite
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD concurrency '3')});
    my @submissions = map { $records->enqueue($session) } 1 .. 5;
    $gateway->misbehave({ requests => 3, delay => 0.2, close_after_request => \1 }, { requests => 2, delay => 0.2 });
    ends('after unknown outcomes', deliver(), '');
    is(join(' ', map { $records->state_of($_) } @submissions), 'uncertain uncertain uncertain accepted accepted',
        'after unknown outcomes: the rest is sent');
    is(administer($admin, qq{
        SELECT a.ended_at <= b.started_at OR b.ended_at <= a.started_at FROM fpgo.attempts a, fpgo.attempts b
        WHERE a.submission = $submissions[3]{id} AND b.submission = $submissions[4]{id}}),
        't', 'after unknown outcomes: one at a time');
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (DROP concurrency)});
}
{
    # a server that cannot be reached is none of the other's business
    administer($admin, qq{
        CREATE SERVER another FOREIGN DATA WRAPPER fpgo OPTIONS (url '$nobody');
        CREATE USER MAPPING FOR PUBLIC SERVER another OPTIONS (token '$TOKEN')});
    my $order = order();
    my ($here, $there) = map {
        { id => run_in($session, enqueue_sql($order, "server => '$_'"))->{rows}, reference => reference_of($order) }
    } 'frontpayment', 'another';
    ends('two servers', deliver(), '');
    $records->show('two servers, the one that answers', $here, 'accepted', made => 1);
    is($records->state_of($there), 'queued', 'two servers, the other: is queued');
    administer($admin, "SELECT fpgo.cancel_submission($there->{id}, 'test')");
}
{
    # what another process sends is not taken for dead
    my $other = open_session($node);
    my $order = order();
    $gateway->misbehave({ delay => 0.4 });
    begin_submit($other, $order);
    wait_for_order($gateway, reference_of($order));
    ends("delivery during another's request", deliver(), '');
    is($records->count_in_state('sending'), 1, "delivery during another's request: it goes on");
    my $ended = ends("another's request", finish_in($other), '');
    like($ended->{rows}, qr/^ODR\d+\|/, "another's request: has its answer");
    $other->quit;
}
{
    my ($one, $another) = ($records->enqueue($session), $records->enqueue($session));
    ends('one by its number', deliver($another->{id}), '');
    $records->show('one by its number', $another, 'accepted', made => 1);
    $records->show('the other one', $one, 'queued', made => 0);
    ends('one that does not exist', deliver(999_999_999), '42704', qr/999999999/);
    deliver();
}
{
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD retention '1s')});
    my $submission = $records->enqueue($session);
    deliver();
    my $kept = "SELECT count(*) FROM fpgo_internal.payload WHERE submission = $submission->{id}";
    is(administer($admin, $kept), 1, 'retention: the payload is kept');
    wait_for('the end of the retention', sub {
        administer($admin, "SELECT keep_until < clock_timestamp() FROM fpgo_internal.payload
            WHERE submission = $submission->{id}") eq 't';
    });
    deliver();
    is(administer($admin, $kept), 0, 'retention: and deleted after its time');
    administer($admin, q{ALTER SERVER frontpayment OPTIONS (DROP retention)});
}

# --- an outcome that cannot be recorded at once ---------------------------------------------

{
    my $submission = $records->enqueue($session);
    $gateway->misbehave({ delay => 0.3 });
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $submission->{reference});
    run_in($admin, 'BEGIN; LOCK TABLE fpgo_internal.submission IN ACCESS EXCLUSIVE MODE');
    sleep 0.5;
    run_in($admin, 'ROLLBACK');
    ends('the table is locked for a while', finish_in($session), '');
    $records->show('the table is locked for a while', $submission, 'accepted', made => 1);
}
{
    my $submission = $records->enqueue($session);
    $gateway->misbehave({ delay => 0.3 });
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $submission->{reference});
    administer($admin, 'ALTER TABLE fpgo_internal.submission ADD CONSTRAINT broken CHECK (settled_at IS NULL) NOT VALID');
    sleep 0.6;
    administer($admin, 'ALTER TABLE fpgo_internal.submission DROP CONSTRAINT broken');
    ends('the record fails for a while', finish_in($session), '');
    $records->show('the record fails for a while', $submission, 'accepted', made => 1);
}
# Others have a row that the outcome is written to: the session does not wait for it,
# since nothing could end its wait.  Those who add a version hinder nobody.
for my $case (
    [ 'the submission is locked',   1, 'submission WHERE id = %d FOR NO KEY UPDATE' ],
    [ 'the payload is locked',      1, 'payload WHERE submission = %d FOR KEY SHARE' ],
    [ 'a version is added',         0, 'submission WHERE id = %d FOR KEY SHARE' ],
    [ 'two versions are added',     0, ('submission WHERE id = %d FOR KEY SHARE') x 2 ],
    [ 'one is added, one locks it', 1, 'submission WHERE id = %d FOR KEY SHARE', 'submission WHERE id = %d FOR NO KEY UPDATE' ])
{
    my ($name, $hinders, @rows) = @$case;
    my @others     = map { open_session($node) } @rows;
    my $submission = $records->enqueue($session);
    $gateway->misbehave({ delay => 0.5 });
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $submission->{reference});
    run_in($others[$_], sprintf "BEGIN; SELECT FROM fpgo_internal.$rows[$_]", $submission->{id}) for keys @others;
    is($records->state_of($submission), 'sending', "$name: before the answer");
    if ($hinders) {
        sleep 1;
        is(administer($admin, "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = $session->{pid}"), 0, "$name: nobody waits");
        is($records->state_of($submission), 'sending', "$name: the outcome is put off");
    } else {
        ends($name, finish_in($session), '');
        $records->show($name, $submission, 'accepted', made => 1);
    }
    run_in($_, 'ROLLBACK') for @others;
    ends("$name, and let go", finish_in($session), '') if $hinders;
    $records->show("$name, and let go", $submission, 'accepted', made => 1);
    $_->quit for @others;
}

# --- the closing comparison -------------------------------------------------------------

check_log($node);
check_records($node, $gateway, committed => [ $records->expected ], uncommitted => \@rolled_back);

$_->quit for $session, $admin;
$node->stop;
$gateway->stop;
done_testing();
