# Trouble that one must not make everybody's: warnings of a helper's start, roles
# that lost their rights, damaged records, tables that somebody locks, and callers
# who leave in the very moment of settlement.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use Test::More;
use Time::HiRes qw(sleep time);

# What a deliverer does in no time must be done within this many seconds, however
# busy the machine is; what loops or waits for ever is not.
my $soon = 8;

# Within this time a cancel is heeded (3.5 s of grace, and what is between).
my $grace = 4.8;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, options => q{timeout '10s'});
my $session = open_session($node);
my $admin   = open_session($node);
my $third   = open_session($node);
my $records = FpgoRecords->new($admin, $gateway);

# deliver($name[, $submission]): a CALL that comes back soon and with success
sub deliver {
    my ($name, $submission) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    begin_in($session, 'CALL fpgo.deliver(' . ($submission ? $submission->{id} : '') . ')');
    return ends($name, finish_within($name, $session, $soon), '');
}

sub wait_for_calm {
    return wait_for('all helpers to be done', sub {
        !administer($admin, q{SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'fpgo helper' AND state IS DISTINCT FROM 'idle'});
    });
}

# --- a helper that begins with a warning ------------------------------------------------

for my $case ([ 'DATABASE postgres' => '22023' ], [ 'ROLE postgres' => '22023' ]) {
    # a tablespace that is not there is a warning of each start, with an error's SQLSTATE
    my ($whose, $code) = @$case;
    my $name = "ALTER $whose SET default_tablespace";
    my $in   = open_session($node);
    administer($admin, "ALTER $whose SET default_tablespace = 'gone'");
    my $order = order();
    my $ended = ends($name, submit($in, $order), '');
    like($ended->{said}, qr/WARNING: +$code/, "$name: the helper did warn");
    like($ended->{rows}, qr/^ODR\d+\|/, "$name: the row has its order uuid");
    $records->show($name, reference_of($order), 'accepted', received => 1);
    administer($admin, "ALTER $whose RESET default_tablespace");
    ends("$name, afterwards", submit($in, order()), '');
    $in->quit;
}

# --- a helper that cannot start, for an order larger than a mailbox ------------------------

{
    new_database($node, 'closed', url => $gateway->address);
    my $in = open_session($node, database => 'closed');
    administer($admin, 'ALTER DATABASE closed ALLOW_CONNECTIONS false');
    for my $size ((1, 3000) x 3) {
        my $order = large_order($size, referenceNo => 'closed');
        my $name  = sprintf 'a helper that cannot start, %d kB', length($order) / 1000;
        ends($name, submit($in, $order), '55000', qr/not currently accepting connections/);
    }
    is($gateway->received('closed'), 0, 'a helper that cannot start: nothing is sent');
    is($node->safe_psql('template1', 'SELECT 1'), 1, 'a helper that cannot start: the server lives');
    administer($admin, 'ALTER DATABASE closed ALLOW_CONNECTIONS true');
    is(run_in($in, 'SELECT count(*) FROM fpgo_internal.submission')->{rows}, 0,
        'a helper that cannot start: nothing is recorded');
    $in->quit;
}

# --- many orders of a role that lost its right -------------------------------------------

administer($admin, q{
    CREATE ROLE shop; CREATE ROLE rival;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO shop, rival});
{
    my $n     = 300;
    my $plain = literal(order(referenceNo => undef));
    administer($admin, qq{SET ROLE rival;
        SELECT count(fpgo.enqueue_invoice($plain\::jsonb || jsonb_build_object('referenceNo', 'rival-' || i)))
        FROM generate_series(1, $n) i;
        RESET ROLE});
    $records->expect(map { "rival-$_" } 1 .. $n);
    administer($admin, 'SET ROLE shop');
    my $good = $records->enqueue($admin);
    administer($admin, 'RESET ROLE; REVOKE USAGE ON FOREIGN SERVER frontpayment FROM rival');
    my $name = "$n orders of a role without USAGE";
    my $ended = deliver($name);
    diag(sprintf '%s held a delivery up for %.2f s', $name, $ended->{seconds});
    $records->show("$name, the one behind them", $good->{reference}, 'accepted', received => 1);
    my $summary = q{
        SELECT string_agg(concat_ws(' ', n, state, attempts, due, error), '; ')
        FROM (SELECT count(*) AS n, state, attempts, not_before IS NULL AS due, last_error AS error FROM fpgo.submissions
            WHERE role = 'rival' GROUP BY 2, 3, 4, 5) s};
    like(administer($admin, $summary), qr/^$n queued 0 t Not sent: permission denied [^;]*$/,
        "$name: they are queued and due, untried, with the reason");
    deliver("$name, again");
    like(administer($admin, $summary), qr/^$n queued 0 t Not sent: permission denied [^;]*$/,
        "$name, again: no change");
    administer($admin, 'GRANT USAGE ON FOREIGN SERVER frontpayment TO rival');
    deliver("$name, granted again");
    like(administer($admin, $summary), qr/^$n accepted 1 /, "$name, granted again: they are accepted");
}

# --- damaged records ------------------------------------------------------------------------

# Each case: what is done to the payload, and what state that may come to.  What
# is no JSON cannot be sent; what is no order is for the gateway to refuse.
for my $case (
    [ q('{')                 => qr/^queued$/ ],
    [ q('')                  => qr/^queued$/ ],
    [ q(left(payload, -3))   => qr/^queued$/ ],
    [ "'$PERSONAL_NUMBER'"   => qr/^(?:queued|refused)$/ ],
    [ "'[$PERSONAL_NUMBER]'" => qr/^(?:queued|refused)$/ ],
    [ qq('{"customerDetails": [$PERSONAL_NUMBER]}') => qr/^(?:queued|refused)$/ ]) {
    my ($damage, $states) = @$case;
    my $name = "payload set to $damage";
    $name =~ s/\Q$PERSONAL_NUMBER\E/.../;
    my ($first, $bad, $last) = map { $records->enqueue($admin) } 1 .. 3;
    my $payload = administer($admin, "SELECT payload FROM fpgo_internal.payload WHERE submission = $bad->{id}");
    administer($admin, "UPDATE fpgo_internal.payload SET payload = $damage WHERE submission = $bad->{id}");
    deliver($name);
    $records->show("$name, the one before it", $first->{reference}, 'accepted', received => 1);
    $records->show("$name, the one behind it", $last->{reference}, 'accepted', received => 1);
    like($records->column_of($bad, 'state'), $states, "$name: is queued, or for the gateway to refuse");
    my $said = $records->column_of($bad, 'error') . administer($admin,
        "SELECT string_agg(reason, ' ') FROM fpgo_internal.attempt WHERE submission = $bad->{id}");
    like($said, qr/\w/, "$name: the reason is on record");
    unlike($said, qr/\Q$PERSONAL_NUMBER\E|\{|[Rr]outer/, "$name: the reason does not quote it");
    next if $records->column_of($bad, 'state') ne 'queued';
    cmp_ok($records->column_of($bad, 'attempts'), '<=', 1, "$name: tried once at most");
    is($gateway->received($bad->{reference}), 0, "$name: is not sent");
    deliver("$name, by its number", $bad);
    administer($admin,
        'UPDATE fpgo_internal.payload SET payload = ' . literal($payload) . " WHERE submission = $bad->{id}");
    $records->make_due();
    deliver("$name, and mended");
    $records->show("$name, and mended", $bad->{reference}, 'accepted', received => 1);
}
{
    my $good = $records->enqueue($admin);
    my $bad  = $records->enqueue($admin);
    administer($admin, "DELETE FROM fpgo_internal.payload WHERE submission = $bad->{id}");
    deliver('a payload that is gone');
    deliver('a payload that is gone, again');
    deliver('a payload that is gone, by its number', $bad);
    $records->show('a payload that is gone', $bad->{reference}, 'queued', received => 0);
    is($records->column_of($bad, 'attempts'), 0, 'a payload that is gone: no attempt');
    $records->show('a payload that is gone, its neighbour', $good->{reference}, 'accepted', received => 1);
    administer($admin, "SELECT fpgo.cancel_submission($bad->{id}, 'test')");
}

# --- numbers that no submission has -----------------------------------------------------------

{
    my $waiting = $records->enqueue($admin);
    ends("deliver($_)", run_in($session, "CALL fpgo.deliver($_)"), '42704', qr/\Q$_\E does not exist/)
      for 0, -1, '-9223372036854775808';
    $records->show('deliver(0)', $waiting->{reference}, 'queued', received => 0);
    deliver('deliver()');
    $records->show('deliver()', $waiting->{reference}, 'accepted', received => 1);
}

# --- a table that somebody locks while requests fly -------------------------------------------------

# begin_locked_delivery($deliverer): a delivery whose order is at the gateway and
# will be answered while the table is locked; returns the submission.
sub begin_locked_delivery {
    my ($deliverer) = @_;
    my $submission = $records->enqueue($admin);
    $gateway->misbehave({ delay => 0.3 });
    begin_in($deliverer, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $submission->{reference});
    run_in($third, 'BEGIN; LOCK TABLE fpgo_internal.submission IN SHARE MODE');
    return $submission;
}

# Wait until somebody has answered the order, and a moment more, in which the
# deliverer finds that it cannot record it.
sub wait_for_the_answer { return sleep 0.6; }

{
    my $name       = 'a lock for two seconds';
    my $deliverer  = open_session($node);
    my $began      = time;
    my $submission = begin_locked_delivery($deliverer);
    wait_for_the_answer();
    # which ask every process for an answer; this one must not wait for the lock first
    begin_in($admin, "CREATE DATABASE elsewhere;\nDROP DATABASE elsewhere");
    ok(eval { wait_for('CREATE and DROP DATABASE', sub { has_ended($admin) }, 2) },
        "$name: CREATE and DROP DATABASE are not held up");
    is(run_in($third, 'SELECT state FROM fpgo_internal.submission WHERE id = ' . $submission->{id})->{rows},
        'sending', "$name: the outcome waits for the lock");
    sleep 0.05 while time < $began + 2;
    run_in($third, 'ROLLBACK');
    ends("$name: CREATE and DROP DATABASE", finish_in($admin), '');
    ends($name, finish_within($name, $deliverer, 3), '');
    $records->show($name, $submission->{reference}, 'accepted', received => 1);
    $deliverer->quit;
}
for my $case (
    [ 'pg_cancel_backend'    => 1, '57014' ],
    [ 'pg_cancel_backend'    => 0 ],
    [ 'pg_terminate_backend' => 0 ]) {
    my ($function, $goes, $code) = @$case;
    my $name       = "$function during a lock that " . ($goes ? 'goes' : 'stays');
    my $deliverer  = open_session($node);
    my $submission = begin_locked_delivery($deliverer);
    wait_for_the_answer();
    my $began = time;
    administer($admin, "SELECT $function(" . pid_of($deliverer) . ')');
    if ($goes) {
        sleep 0.05 while time < $began + 1;
        run_in($third, 'ROLLBACK');
    }
    my $ended = finish_within($name, $deliverer, $grace);
    diag(sprintf '%s took %.1f s', $name, time - $began);
    if   ($goes) { ends($name, $ended, $code); }
    else         { isnt($ended->{sqlstate}, '', "$name: an error") or diag($ended->{said}); }
    run_in($third, 'ROLLBACK');
    deliver("$name, afterwards");
    # what could not be recorded in time is for a person to decide
    $records->show($name, $submission->{reference}, $goes ? 'accepted' : 'uncertain', received => 1);
    eval { $deliverer->quit };
}

# --- callers who leave, at any moment ---------------------------------------------------------------

# classify($ended): what a submission came to by its own words, and the number of
# the submission that its CONTEXT names.
sub classify {
    my ($ended) = @_;
    return ('answered', '') if $ended->{sqlstate} ne '57014';
    return ('withdrawn', '') if $ended->{context} =~ /withdrawn: nothing was recorded and nothing was sent/;
    return ('goes on',  $1) if $ended->{context} =~ /submission (\d+) goes on/;
    return ('recorded', $1) if $ended->{context} =~ /outcome of submission (\d+) is being recorded/;
    return ('no word', '');
}

# Each phase of a submission takes a while here, so that each is hit.
administer($admin, q{
    CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.012); RETURN NEW; END';
    GRANT EXECUTE ON FUNCTION linger() TO PUBLIC;
    CREATE TRIGGER linger BEFORE INSERT OR UPDATE ON fpgo_internal.submission
        FOR EACH ROW EXECUTE FUNCTION linger()});
my $nobody = closed_address();

# Each case: the gateway's address, what it is told, the SQLSTATE of who waits to
# the end, and the states of what goes on, is being recorded and was answered.
for my $case (
    [   'accepts', $gateway->address, { delay => 0.012 }, '',
        { 'goes on' => 'accepted', recorded => 'accepted', answered => 'accepted' } ],
    [   'refuses the credentials', $gateway->address, { delay => 0.012, status => 401 }, '38F03',
        { 'goes on' => 'queued', recorded => 'cancelled', answered => 'cancelled' } ],
    [   'is out of reach', $nobody, undef, '38F02',
        { 'goes on' => 'queued', recorded => 'cancelled', answered => 'cancelled' } ]) {
    my ($name, $url, $wish, $code, $states) = @$case;
    my (%seen, @wrong);
    my $in = open_session($node);
    run_in($in, q{SET fpgo.helper_idle = '60s'});
    administer($admin, "ALTER SERVER frontpayment OPTIONS (SET url '$url')");
    $gateway->misbehave({ requests => 1000, %$wish }) if $wish;
    # which have all been seen soon; the limit is for a machine that is very busy
    my @wanted = ('withdrawn', 'recorded', 'answered', $wish ? 'goes on' : ());
    my $ends   = time + 10;
    for my $round (1 .. 1000) {
        my $order     = order();
        my $reference = reference_of($order);
        # (longer ones as well where nothing was answered so soon)
        my $limit     = 1 + ($round * 7) % ($round <= 40 ? 67 : 5 * $round);
        # a helper of an earlier call makes the phases come sooner
        run_in($in, 'SET statement_timeout = 0; ' . submit_sql(order())) if $round % 3 == 0;
        run_in($in, "SET statement_timeout = '${limit}ms'");
        my $ended = submit($in, $order);
        my ($fate, $id) = classify($ended);
        $seen{$fate}++;
        wait_for_calm();
        release_holds($admin);
        my $record = administer($admin, qq{SELECT coalesce(string_agg(concat_ws(' ', state, id), ', '), '')
            FROM fpgo_internal.submission WHERE reference = '$reference'});
        my ($state, $number) = ($record =~ /^(\w+) (\d+)$/, '', '');
        my $received = $gateway->received($reference);
        my $is_right =
            $fate eq 'withdrawn' ? $record eq '' && $received == 0
          # too early for a helper, or between its answer and the end of the statement
          : $fate eq 'no word'  ? $record eq '' && $received == 0 || $state eq $states->{answered}
          : $fate eq 'answered' ? $ended->{sqlstate} eq $code && $state eq $states->{answered}
          :                       $state eq $states->{$fate} && $number == $id;
        push @wrong, "$limit ms: $fate $id, but the record says '$record', received: $received; $ended->{said}"
          unless $is_right;
        last if $round >= 40 && !grep { ($seen{$_} // 0) < 3 } @wanted or time > $ends;
    }
    $gateway->behave;
    diag("callers who leave, the gateway $name: " . join(', ', map { "$_ $seen{$_} times" } sort keys %seen));
    is_deeply(\@wrong, [], "callers who leave, the gateway $name: each is told the truth");
    cmp_ok($seen{$_} // 0, '>', 0, "callers who leave, the gateway $name: '$_' was seen") for @wanted;
    $in->quit;
}
administer($admin, 'DROP TRIGGER linger ON fpgo_internal.submission');
administer($admin, sprintf q{ALTER SERVER frontpayment OPTIONS (SET url '%s')}, $gateway->address);
$records->make_due();
deliver('what went on without its caller');
is($records->count_in_state('queued'), 0, 'what went on without its caller: nothing is left');

check_log($node);
# payloads that were no orders came without a reference
check_records($node, $gateway,
    committed => [ $records->expected ], databases => [ 'postgres', 'closed' ], elsewhere => qr/\A\z/);

$_->quit for $session, $admin, $third;
$node->stop;
$gateway->stop;
done_testing();
