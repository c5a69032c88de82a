# What fpgo writes without statements is what its statements would have written:
# the same orders, once with nothing hung on the tables and once with triggers
# that change nothing, leave the same records and end the same.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @tables = qw(submission payload attempt);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, settings => join "\n",
    'autovacuum = off', 'shared_preload_libraries = auto_explain', no_explained_parameters());
$node->safe_psql('postgres', q{
    ALTER DATABASE postgres SET auto_explain.log_min_duration = 0;
    ALTER DATABASE postgres SET auto_explain.log_nested_statements = on;
    CREATE FUNCTION public.change_nothing() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RETURN coalesce(NEW, OLD); END'});
# the helper's statements are logged, which have no values in them
my $quiet = 'SET fpgo.undelivered_notice = off; SET auto_explain.log_min_duration = -1';
my $admin = open_session($node);
run_in($admin, $quiet);
my $session;

# The statements that were logged since the last time, each once.
my $log_seen = 0;

sub statements {
    my $log = slurp_file($node->logfile, $log_seen);
    $log_seen += length $log;
    my %texts = map { $_ => 1 } $log =~ /^\tQuery Text: ((?:INSERT INTO|UPDATE|DELETE FROM) fpgo_internal\.(?:submission|payload|attempt)\b)/gm;
    return join ', ', sort keys %texts;
}

# Orders of one way; their references differ in the prefix alone.
my $prefix;

sub one_order { my ($name, %changes) = @_; return order(referenceNo => "$prefix-$name", %changes); }

# What is on record of them, without numbers, identifiers and times.
sub records {
    return administer($admin, qq{
        SELECT regexp_replace(s.key, '^[a-z]+-', ''), regexp_replace(s.reference, '^[a-z]+-', ''), s.server, s.role,
            length(s.order_hash), s.grand_total, cardinality(s.advice), s.state, s.attempts, s.run IS NULL, s.not_before > s.created_at,
            s.order_uuid LIKE 'ODR%', s.customer_uuid IS NOT NULL, s.bank_id_url IS NOT NULL,
            regexp_replace(s.error, '[0-9]+', 'N', 'g'), s.created_at > now() - interval '1 hour', s.settled_at >= s.created_at,
            length(s.callback_token), a.number, a.run > 0, a.started_at >= s.created_at, a.ended_at >= a.started_at, a.outcome,
            a.status, regexp_replace(a.reason, '[0-9]+', 'N', 'g'), p.keep_until > now(), length(p.payload) > 100
        FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.whole_attempt a ON a.submission = s.id
            LEFT JOIN fpgo_internal.payload p ON p.submission = s.id
        WHERE s.key LIKE '$prefix-%' ORDER BY s.id, a.number});
}

my @ends;    # of one way: how each call ended, with nothing in it that differs

sub note_end {
    my ($name, $ended) = @_;
    my $text = "$name: $ended->{sqlstate} $ended->{message} $ended->{detail}";
    $text =~ s/\bsubmission \d+/submission N/g;
    $text =~ s/\bODR\d+/ODR../g;
    $text =~ s/$prefix-/-/g;
    push @ends, $text;
    return $ended;
}

sub send_it    { my ($name, $order, @more) = @_; return note_end($name, run_in($session, submit_sql($order, @more))); }
sub enqueue_it { my ($name, $order, @more) = @_; return note_end($name, run_in($session, enqueue_sql($order, @more))); }

# One of everything that a submission can come to.
sub run_all {
    my $accepted = one_order('accepted');
    my ($uuid) = split /\|/, send_it('accepted', $accepted)->{rows};
    send_it('accepted again', $accepted);
    send_it('another order of the key', one_order('accepted', 'customerDetails.name' => 'Kari'));
    send_it('a key of its own', one_order('accepted', 'customerDetails.name' => 'Kari'), "key => '$prefix-own'");
    $gateway->misbehave({ errors => ['Not this one.'] });
    send_it('refused', one_order('refused'));
    send_it('refused, then accepted', one_order('refused', 'customerDetails.name' => 'Kari'));
    $gateway->misbehave({ status => 503 });
    my $uncertain = one_order('uncertain');
    send_it('uncertain', $uncertain);
    send_it('uncertain, again', $uncertain);
    send_it('its reference', one_order('uncertain'), "key => '$prefix-other'");
    $gateway->misbehave({ status => 429 });
    send_it('told to slow down', one_order('slow'));
    forget_slow_down($admin);
    $gateway->misbehave({ json => { status_code => 201, message => 'OK', is_data => \1, is_error => \0,
        data => { orderUuid => $uuid, customerUuid => 'CSRT1' } } });
    send_it('the uuid of another', one_order('shared'));
    $gateway->behave;
    send_it('an update', one_order('update', fpgoUuid => $uuid, orderFrom => 'PARTNER'));
    send_it('a callback of its own', one_order('callback', 'callback.callbackUrl' => 'https://shop.example/{submission}'));
    send_it('without a reference', order(referenceNo => undef), "key => '$prefix-none'");
    my $queued = one_order('queued');
    my $id     = enqueue_it('queued', $queued)->{rows};
    is(enqueue_it('queued again', $queued, q{on_duplicate => 'ignore'})->{rows}, $id, "$prefix: the same submission");
    enqueue_it('queued, refused', $queued);
    my $given_up = enqueue_it('cancelled', one_order('cancelled'))->{rows};
    note_end('cancel', run_in($session, "SELECT fpgo.cancel_submission($given_up, 'test')"));
    enqueue_it('queued, then delivered', one_order('delivered'));
    note_end('deliver', run_in($session, 'CALL fpgo.deliver()'));
    run_in($session, 'BEGIN');
    enqueue_it('rolled back', one_order('rollback'));
    run_in($session, 'ROLLBACK');
    run_in($session, 'BEGIN ISOLATION LEVEL SERIALIZABLE');
    enqueue_it('serializable', one_order('serializable'));
    run_in($session, 'COMMIT');
    note_end('deliver serializable', run_in($session, q{SET default_transaction_isolation = serializable; CALL fpgo.deliver();
        RESET default_transaction_isolation}));
    return;
}

# Somebody changes the row of an order under way, and the outcome waits for it:
# it is recorded if the order is still being sent then.
sub change_meanwhile {
    my ($name, $change) = @_;
    my $order = one_order($name);
    $gateway->misbehave({ delay => 1 });
    begin_submit($session, $order);
    wait_for_order($gateway, "$prefix-$name");
    my $helper = find_helper($admin);
    administer($admin, "BEGIN; UPDATE fpgo_internal.submission SET $change WHERE key = '$prefix-$name'");
    wait_for('the helper to wait for the row', sub {
        administer($admin, "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = $helper") });
    administer($admin, 'COMMIT');
    note_end($name, finish_in($session));
    return;
}

my %found;
for my $way (qw(bare hung)) {
    if ($way eq 'hung') {
        administer($admin, "CREATE TRIGGER nothing BEFORE INSERT OR UPDATE OR DELETE ON fpgo_internal.$_
            FOR EACH ROW EXECUTE FUNCTION public.change_nothing()") for @tables;
    }
    $session = open_session($node);
    # what a delivery leaves differs, since orders pile up
    run_in($session, q{SET client_min_messages = warning});
    $prefix  = $way;
    run_in($session, $quiet);
    send_it('first', one_order('first'));
    send_it('second', one_order('second'));
    $gateway->misbehave({ errors => ['Not this one.'] });
    send_it('refused at first', one_order('refused-first'));
    $gateway->behave;
    statements();
    send_it('third', one_order('third'));
    $gateway->misbehave({ errors => ['Not this one.'] });
    send_it('fourth, refused', one_order('fourth'));
    $gateway->behave;
    my $expected = $way eq 'bare' ? '' : 'DELETE FROM fpgo_internal.payload, INSERT INTO fpgo_internal.attempt, '
      . 'INSERT INTO fpgo_internal.payload, INSERT INTO fpgo_internal.submission, '
      . 'UPDATE fpgo_internal.payload, UPDATE fpgo_internal.submission';
    is(statements(), $expected, "$way: by these statements");
    run_all();
    change_meanwhile('touched', "error = 'touched'");
    change_meanwhile('swept', "state = 'uncertain', run = NULL, error = 'swept'");
    $found{$way} = { records => records(), ends => join("\n", @ends) };
    @ends = ();
    $session->quit;
}
cmp_ok(scalar(split /\n/, $found{bare}{records}), '>=', 15, 'there are records');
like($found{bare}{records}, qr/\|$_\|/, "some are $_") for qw(accepted refused uncertain cancelled);
like($found{bare}{records}, qr/^touched\|.*\|accepted\|/m, 'a row that was changed is settled');
like($found{bare}{records}, qr/^swept\|.*\|uncertain\|.*\|swept\|/m, 'one that is not sent any more is left alone');
# an accepted attempt has no row, and the view says how it ended
is(administer($admin, q{SELECT count(*) FROM fpgo_internal.attempt a JOIN fpgo_internal.submission s ON s.id = a.submission
    WHERE s.state = 'accepted' AND a.number = s.attempts}), 0, 'accepted: the attempt has no row');
is(administer($admin, q{SELECT string_agg(DISTINCT concat_ws(' ', a.outcome, a.http_status, a.reason, a.ended_at = s.settled_at), '; ')
    FROM fpgo.attempts a JOIN fpgo.submissions s USING (submission) WHERE s.state = 'accepted' AND a.number = s.attempts}),
    'accepted 201 The gateway accepted the order with HTTP status 201. t', 'accepted: the view says so');
is($found{hung}{ends},    $found{bare}{ends},    'either way, calls end the same');
is($found{hung}{records}, $found{bare}{records}, 'either way, the records are the same');

$admin->quit;
check_log($node);
$node->stop;
$gateway->stop;
done_testing();
