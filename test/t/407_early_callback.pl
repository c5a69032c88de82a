# Early callbacks: the gateway tells of an order before its answer to the create is
# on record.  Each is announced once, when a submission gets the order's uuid:
# whoever writes it, whatever ends in between, and however many do it at once.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FpgoChecker;
use FpgoResident;
use FpgoTest;
use List::Util qw(shuffle);
use PostgreSQL::Test::Utils;
use Test::More;

my $secret  = 'canary-callback-77e1';
my $gateway = FpgoGateway->start('--token', $TOKEN);
my %account = (url => $gateway->address, mapping => "token '$TOKEN', callback_secret '$secret'");
my $node    = new_resident_cluster('early', %account, databases => 'resident', settings => "max_prepared_transactions = 2\nwal_level = replica\nmax_wal_senders = 1");
new_database($node, $_, %account) for 'resident', 'crowd';
my @references;

# The query of a genuine callback.
sub callback {
    my ($uuid, $status) = @_;
    my $now = time;
    return "orderUuid=$uuid&status=$status&timestamp=$now&checksum=" . sha256_hex("$uuid$status$now$secret");
}

sub receive_sql { return 'SELECT outcome, submission FROM fpgo.receive_callback(' . literal($_[0]) . ')'; }

# What a listener has heard since it was asked last, as "submission uuid status".
sub heard_by {
    my ($listener) = @_;
    return join ', ', map { s/.*"submission": (-?\d+), "order_uuid": "([^"]+)", "status": "([^"]+)".*/$1 $2 $3/r }
      grep { /Asynchronous notification/ } split /\n/, run_in($listener, 'SELECT 1')->{rows};
}

# The uuid that the gateway gave an order, once it made it.
sub uuid_of {
    my ($reference) = @_;
    wait_for_order($gateway, $reference);
    return ($gateway->ledger($reference))[0]{order_uuid};
}

sub listen_in {
    my ($database) = @_;
    my $listener = open_session($node, database => $database);
    run_in($listener, 'LISTEN fpgo_order_status');
    return $listener;
}

sub number_of { return administer($_[0], "SELECT max(submission) FROM fpgo.submissions WHERE reference = '$_[1]'"); }

sub count_early { return administer($_[0], 'SELECT count(*) FROM fpgo_internal.early_callback'); }

# --- the answer comes after the callback ----------------------------------------------

my %transmissions = (
    submit  => sub { begin_in($_[0], submit_sql($_[1])) },
    deliver => sub { run_in($_[0], enqueue_sql($_[1])); begin_in($_[0], 'CALL fpgo.deliver()') },
    enqueue => sub { begin_in($_[0], enqueue_sql($_[1])) });

for my $case ([ 'a helper', 'postgres', 'submit' ], [ 'a session that delivers', 'postgres', 'deliver' ],
    [ 'the resident worker, for a session', 'resident', 'submit' ], [ 'the resident worker', 'resident', 'enqueue' ]) {
    my ($name, $database, $how) = @$case;
    my $session  = open_session($node, database => $database);
    my $web      = open_session($node, database => $database);
    my $listener = listen_in($database);
    wait_for_worker($web) if $database eq 'resident';
    my ($order, $reference) = new_order();
    push @references, $reference;
    $gateway->misbehave({ delay => 3 });
    $transmissions{$how}->($session, $order);
    my $uuid  = uuid_of($reference);
    my $query = callback($uuid, 'SENT');
    is(run_in($web, receive_sql($query))->{rows}, 'foreign|', "$name: the callback is early");
    is(run_in($web, receive_sql($query))->{rows}, 'repeated|', "$name: and comes again");
    is(heard_by($listener), '', "$name: nobody hears of it yet");
    ends($name, finish_in($session), '');
    wait_for('the outcome', sub {
        administer($web, "SELECT state FROM fpgo.submissions WHERE reference = '$reference'") eq 'accepted' });
    my $id = number_of($web, $reference);
    is(heard_by($listener), "$id $uuid SENT", "$name: everybody hears of it with the answer");
    is(run_in($web, receive_sql($query))->{rows}, "repeated|$id", "$name: it comes once more");
    is(heard_by($listener), '', "$name: and nobody hears of it twice");
    is(run_in($web, receive_sql(callback($uuid, 'INVOICED')))->{rows}, "recorded|$id", "$name: a later one is as any other");
    is(heard_by($listener), "$id $uuid INVOICED", "$name: and heard of");
    is(count_early($web), 0, "$name: none is early any more");
    $_->quit for $session, $web, $listener;
}

# --- the answer is lost -----------------------------------------------------------------

my $shop     = open_session($node);
my $listener = listen_in('postgres');

sub lose_answer {
    my ($name) = @_;
    my ($order, $reference) = new_order(orderDate => '' . (time + @references));
    push @references, $reference;
    $gateway->misbehave({ close_after_request => \1 });
    release_holds($node);
    ends("$name: no answer", submit($shop, $order), '38F01');
    my $uuid = uuid_of($reference);
    is(run_in($shop, receive_sql(callback($uuid, 'SENT')))->{rows}, 'foreign|', "$name: the callback is early");
    return (number_of($shop, $reference), $uuid);
}

{
    my ($id, $uuid) = lose_answer('reconcile');
    is(run_in($shop, "SELECT state FROM fpgo.reconcile($id)")->{rows}, 'accepted', 'reconcile: accepts');
    is(heard_by($listener), "$id $uuid SENT", 'reconcile: and everybody hears of the callback');
}
{
    my ($id, $uuid) = lose_answer('resolve');
    my $decide = "SELECT fpgo.resolve($id, 'accepted', 'It is there.', order_uuid => '$uuid')";
    run_in($shop, "BEGIN; $decide; ROLLBACK");
    is(heard_by($listener), '', 'resolve: taken back, nobody hears of the callback');
    ends('resolve', run_in($shop, $decide), '');
    is(heard_by($listener), "$id $uuid SENT", 'resolve: everybody hears of it');
}
{
    # PostgreSQL lets a prepared transaction announce nothing
    my ($id, $uuid) = lose_answer('prepared');
    ends('prepared', run_in($shop, "BEGIN; SELECT fpgo.resolve($id, 'accepted', 'It is there.', order_uuid => '$uuid');
        PREPARE TRANSACTION 'early'"), '');
    ends('prepared: COMMIT', run_in($shop, "COMMIT PREPARED 'early'"), '');
    is(heard_by($listener), '', 'prepared: nobody hears of the callback');
    is(run_in($shop, receive_sql(callback($uuid, 'INVOICED')))->{rows}, "recorded|$id", 'prepared: the next one');
    is(heard_by($listener), "$id $uuid INVOICED, $id $uuid SENT", 'prepared: everybody hears of both with the next one');
}

# --- an outcome is recorded, whatever becomes of the announcement -----------------------

{
    my $name   = 'a locked table';
    my $holder = open_session($node);
    my $web    = open_session($node);
    my ($order, $reference) = new_order();
    push @references, $reference;
    $gateway->misbehave({ delay => 3 });
    begin_in($shop, submit_sql($order));
    my $uuid  = uuid_of($reference);
    my $query = callback($uuid, 'SENT');
    is(run_in($web, receive_sql($query))->{rows}, 'foreign|', "$name: the callback is early");
    run_in($holder, 'BEGIN; LOCK TABLE fpgo_internal.early_callback IN SHARE MODE');
    ends($name, finish_within($name, $shop, 10), '');
    is(heard_by($listener), '', "$name: nobody hears of it");
    is(count_logged($node, qr/LOG:  early callbacks of order \Q$uuid\E were not announced\n.*DETAIL:  Another session has locked/), 1,
        "$name: which is logged");
    run_in($holder, 'COMMIT; BEGIN; LOCK TABLE fpgo_internal.early_callback');
    ($order, $reference) = new_order();
    push @references, $reference;
    begin_in($shop, submit_sql($order));
    ends("$name, whatever the lock", finish_within($name, $shop, 10), '');
    run_in($holder, 'COMMIT');
    my $id = number_of($web, (@references)[-2]);
    is(run_in($web, receive_sql($query))->{rows}, "repeated|$id", "$name: it comes again");
    is(heard_by($listener), "$id $uuid SENT", "$name: and everybody hears of it");
    $_->quit for $holder, $web;
}

# --- a crash between the callback and the uuid --------------------------------------------

{
    my $name = 'a crash';
    my ($order, $reference) = new_order();
    push @references, $reference;
    $gateway->misbehave({ stall => \1 });
    my $web = open_session($node);
    begin_in($shop, submit_sql($order));
    my $uuid  = uuid_of($reference);
    my $query = callback($uuid, 'SENT');
    is(run_in($web, receive_sql($query))->{rows}, 'foreign|', "$name: the callback is early");
    $node->stop('immediate');
    eval { $_->quit } for $web, $listener, $shop;
    $node->start;
    $listener = listen_in('postgres');
    $shop     = open_session($node);
    my $id = number_of($shop, $reference);
    ends("$name: deliver", run_in($shop, 'CALL fpgo.deliver()'), '');
    ends("$name: resolve", run_in($shop, "SELECT fpgo.resolve($id, 'accepted', 'It is there.', order_uuid => '$uuid')"), '');
    is(heard_by($listener), "$id $uuid SENT", "$name: everybody hears of it after the restart");
    is(run_in($shop, receive_sql($query))->{rows}, "repeated|$id", "$name: it comes again");
    is(heard_by($listener), '', "$name: and nobody hears of it twice");
}

# --- a commit that takes its time -----------------------------------------------------------

{
    # a standby that never acknowledges: what is committed is not visible yet
    my $name = 'two commits at once';
    my ($id, $uuid) = (-1, 'ODR-slow');
    my ($operator, $web) = map { open_session($node, database => 'crowd') } 1 .. 2;
    my $ear = listen_in('crowd');
    administer($operator, qq{INSERT INTO fpgo_internal.submission (id, server, key, order_hash, role, state, settled_at)
        OVERRIDING SYSTEM VALUE VALUES ($id, 'frontpayment', 'slow', '\\x00', current_user, 'uncertain', now())});
    run_in($operator, "ALTER SYSTEM SET synchronous_standby_names = 'none'");
    run_in($operator, 'SELECT pg_reload_conf()');
    run_in($operator, 'SET synchronous_commit = local');
    begin_in($web, receive_sql(callback($uuid, 'SENT')));
    my $waits = 'SELECT count(*) FROM pg_stat_activity WHERE wait_event = ';
    wait_for('the commit to wait', sub { administer($node, "$waits 'SyncRep' AND pid = " . pid_of($web)) });
    begin_in($operator, "SELECT fpgo.resolve($id, 'accepted', 'It is there.', order_uuid => '$uuid')");
    wait_for_lock($operator);
    pass("$name: the second waits for the first");
    administer($node, 'ALTER SYSTEM RESET synchronous_standby_names');
    administer($node, 'SELECT pg_reload_conf()');
    is(finish_in($web)->{rows}, 'foreign|', "$name: the callback is early");
    ends("$name: resolve", finish_in($operator), '');
    is(heard_by($ear), "$id $uuid SENT", "$name: everybody hears of it");
    administer($operator, 'DELETE FROM fpgo_internal.submission');
    $_->quit for $operator, $web, $ear;
}

# --- many at once ---------------------------------------------------------------------------

{
    my $n = 400;
    my ($operator, $web, $other_web) = map { open_session($node, database => 'crowd') } 1 .. 3;
    my $ear = listen_in('crowd');
    administer($operator, qq{
        INSERT INTO fpgo_internal.submission (id, server, key, order_hash, role, state, settled_at)
            OVERRIDING SYSTEM VALUE
            SELECT -n, 'frontpayment', 'crowd-' || n, '\\x00', current_user, 'uncertain', now() FROM generate_series(1, $n) n});
    # each session in an order of its own, several orders a transaction
    my $write = sub {
        my ($make) = @_;
        my @all = shuffle(1 .. $n);
        my $sql = '';
        while (my @some = splice @all, 0, 4) {
            $sql .= join('; ', 'BEGIN', (map { $make->($_) } @some), 'COMMIT') . ";\n";
        }
        return $sql;
    };
    my %query = map { $_ => callback("ODR$_", 'SENT') } 1 .. $n;
    my $receive = sub { receive_sql($query{ $_[0] }) };
    begin_in($operator, $write->(sub { "SELECT fpgo.resolve(-$_[0], 'accepted', 'It is there.', order_uuid => 'ODR$_[0]')" }));
    begin_in($web, $write->($receive));
    begin_in($other_web, $write->(sub { receive_sql(callback("ODR$_[0]", 'INVOICED')) }));
    my ($decided, @received) = map { finish_in($_) } $operator, $web, $other_web;
    ends('a crowd: resolve',  $decided,     '');
    ends('a crowd: receive',  $_, '') for @received;
    my @foreign = map { scalar(() = $_->{rows} =~ /^foreign/mg) } @received;
    diag("a crowd: $foreign[0] and $foreign[1] of $n callbacks were early");
    my %times;
    $times{$_}++ for split /, /, heard_by($ear);
    my @wanted = map { ("-$_ ODR$_ SENT", "-$_ ODR$_ INVOICED") } 1 .. $n;
    is(scalar(grep { ($times{$_} // 0) != 1 } @wanted), 0, 'a crowd: everybody hears of each once');
    is(scalar(keys %times), scalar @wanted, 'a crowd: and of nothing else');
    is(count_early($operator), 0, 'a crowd: none is early any more');
    $_->quit for $operator, $web, $other_web, $ear;
}

$_->quit for $shop, $listener;
unlike(slurp_file($node->logfile), qr/\Q$secret\E/, 'the secret is not in the log');
check_log($node);
check_records($node, $gateway, databases => [ 'postgres', 'resident' ], committed => \@references);
$node->stop;
$gateway->stop;
done_testing();
