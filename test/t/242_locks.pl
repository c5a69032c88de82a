# While orders are submitted without a pause, whoever needs a lock on fpgo's tables
# that excludes writers gets it within the time of a request.  Nobody who queues an
# order waits longer than that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoResident;
use FpgoTest;
use Test::More;
use Time::HiRes;

my $answer_s = 0.3;

# A request's time, and what a busy machine adds.
my $longest_s = $answer_s + 2;

my @changes = (
    [ 'CREATE INDEX',   'CREATE INDEX more ON fpgo_internal.submission (created_at)' ],
    [ 'REINDEX',        'REINDEX TABLE fpgo_internal.attempt' ],
    [ 'CREATE TRIGGER', 'CREATE TRIGGER quiet BEFORE TRUNCATE ON fpgo_internal.payload EXECUTE FUNCTION nothing()' ],
    [ 'LOCK TABLE',     'BEGIN; LOCK TABLE fpgo_internal.attempt IN EXCLUSIVE MODE; COMMIT' ]);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('resident', url => $gateway->address);
new_database($node, 'unattended', url => $gateway->address);
my %databases = ('a resident worker' => 'postgres', 'helpers' => 'unattended');

# The references of all that was submitted or queued.
my @committed;

# loop($statement, $n): a block that runs a statement with $n orders, one by one.
sub loop {
    my ($statement, $n) = @_;
    my @orders = map { order() } 1 .. $n;
    push @committed, map { reference_of($_) } @orders;
    my $list = join ', ', map { literal($_) } @orders;
    return "DO \$block\$ DECLARE o text; BEGIN
        FOREACH o IN ARRAY ARRAY[$list] LOOP $statement END LOOP; END \$block\$";
}

for my $who (sort keys %databases) {
    my ($admin, $shop, @busy) = map { open_session($node, database => $databases{$who}) } 1 .. 6;
    administer($admin, q{CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'});
    wait_for_worker($admin) if $who =~ /worker/;
    $gateway->misbehave({ requests => 0, delay => $answer_s });

    my $n_received = scalar $gateway->ledger;
    for my $session (@busy) {
        # one after the other, so that at no time nothing is on its way
        begin_in($session, loop('PERFORM fpgo.submit_invoice(o);', 9));
        Time::HiRes::sleep($answer_s / @busy);
    }
    wait_for('orders to be submitted', sub { $gateway->ledger >= $n_received + @busy });
    for my $change (@changes) {
        my ($name, $sql) = @$change;
        begin_in($admin, $sql);
        wait_for("$name to wait, or to be done", sub {
            has_ended($admin) || administer($node, qq{SELECT count(*) FROM pg_stat_activity
                WHERE pid = $admin->{pid} AND wait_event_type = 'Lock'});
        });
        my ($order, $reference) = new_order();
        push @committed, $reference;
        my $queued  = run_in($shop, 'SET fpgo.undelivered_notice = off; ' . enqueue_sql($order));
        my $changed = finish_in($admin);
        ends("$name beside $who", $changed, '');
        cmp_ok($changed->{seconds}, '<', $longest_s, "$name beside $who: gets its lock");
        ends("an order queued beside $name", $queued, '');
        cmp_ok($queued->{seconds}, '<', $longest_s, "an order queued beside $name: waits no longer");
        diag(sprintf '%s beside %s: %.2f s, an order queued meanwhile: %.2f s', $name, $who, $changed->{seconds}, $queued->{seconds});
    }
    is(scalar(grep { has_ended($_) } @busy), 0, 'orders were submitted all the time');
    ends("who submits to $who", finish_in($_), '') for @busy;
    $gateway->behave;
    run_in($shop, 'CALL fpgo.deliver()') unless $who =~ /worker/;
    $_->quit for $admin, $shop, @busy;
}

# --- an order on its way, when others ask for the tables and more orders come ----------------

{
    my ($admin, $first, $second) = map { open_session($node) } 1 .. 3;
    my @orders = map { order() } 1 .. 2;
    push @committed, map { reference_of($_) } @orders;
    $gateway->misbehave({ delay => 1 });
    begin_submit($first, $orders[0]);
    wait_for_order($gateway, $committed[-2]);
    begin_in($admin, q{BEGIN; LOCK TABLE fpgo_internal.submission IN SHARE MODE;
        SELECT state FROM fpgo_internal.submission WHERE reference = } . literal($committed[-2]));
    wait_for_lock($admin);
    begin_submit($second, $orders[1]);
    is(finish_in($admin)->{rows}, 'accepted', 'who asks for a table gets it once the order on its way is on record');
    ends('the order on its way', finish_in($first), '');
    run_in($admin, 'COMMIT');
    ends('the order that came later', finish_in($second), '');
}

wait_for('all orders to be sent', sub { $gateway->ledger == @committed });
check_log($node);
done_testing();
