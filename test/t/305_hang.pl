# Never hangs: wherever a request hangs, and whatever happens then, everybody who
# has to notice does so in time.  Where: the name service, the connection, the TLS
# handshake, the answer, an answer that drips.  What: a timeout of the server's or of
# the statement, a cancel, a termination, a stop, the postmaster's death, CREATE and
# DROP DATABASE elsewhere.  To whom: callers of submit_invoice, helper processes,
# CALL fpgo.deliver(), the resident worker.  A table of what was measured is printed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoHang;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

# What is promised in milliseconds, and what fails the test: a busy machine may be
# slow.  What was not sent yet is taken back at once; what was sent gets a grace time
# for its answer when its process has to end.
my %promises = (
    notice => { promised => 100,  allowed => 1500 },
    grace  => { promised => 4000, allowed => 5500 },
    orphan => { promised => 2500, allowed => 4500 },
);

# Patient servers are named after the places: nothing but what happens to it ends a
# request there.  Those with "quick_" give up by themselves.
my $quick_ms   = 2000;
my %options_of = (
    ''     => q{connect_timeout '120s', timeout '300s', concurrency '50'},
    quick_ => "connect_timeout '${quick_ms}ms', timeout '${quick_ms}ms'",
);
my $statement_timeout_ms = 3000;

my @unsent   = grep { !is_sent_at($_) } @PLACES;
my $hang     = FpgoHang->new;
my $settings = "max_connections = 100\nmax_worker_processes = 60\nrestart_after_crash = on\n";

# --- measuring ------------------------------------------------------------------------

my @table;

# in_time($title, $kind_of, %ms): assert that what took so long, by place, took no
# longer than allowed; $kind_of->($place) is the kind of promise.
sub in_time {
    my ($title, $kind_of, %ms) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %promised = map { $promises{ $kind_of->($_) }{promised} => 1 } keys %ms;
    push @table, sprintf '%-56s%s %10s', $title,
      join('', map { sprintf '%9s', defined $ms{$_} ? sprintf '%.0f', $ms{$_} : '' } @PLACES, 'all'),
      join('/', sort { $a <=> $b } keys %promised);
    for my $place (sort keys %ms) {
        cmp_ok($ms{$place}, '<', $promises{ $kind_of->($place) }{allowed}, "$title, $place: in time");
    }
    return;
}

sub at_once { return 'notice'; }

# Where a process has to end: what was sent gets a grace time.
sub drained { return is_sent_at($_[0]) || $_[0] eq 'all' ? 'grace' : 'notice'; }

# The same when the postmaster is gone.
sub drained_as_orphan { return is_sent_at($_[0]) || $_[0] eq 'all' ? 'orphan' : 'notice'; }

# measure(\%began, \%is_over): how many milliseconds after its begin each of several
# things is over; the values of the second hash are code that says whether it is.
sub measure {
    my ($began, $is_over) = @_;
    my %ms;
    wait_for('the end of all: ' . join(', ', sort keys %$is_over), sub {
        for my $name (grep { !defined $ms{$_} && $is_over->{$_}->() } keys %$is_over) {
            $ms{$name} = (time - $began->{$name}) * 1000;
        }
        return keys %ms == keys %$is_over;
    }, 90);
    return %ms;
}

# Is the process there, if it is not one that nobody has reaped yet?
sub is_alive {
    my ($pid) = @_;
    my $stat = eval { slurp_file("/proc/$pid/stat") } // return 0;
    return $stat !~ /\) Z /;
}

# when_gone($began, %pids): how many milliseconds after that each process was gone.
sub when_gone {
    my ($began, %pids) = @_;
    return measure({ map { $_ => $began } keys %pids },
        { map { my $pid = $pids{$_}; $_ => sub { !is_alive($pid) } } keys %pids });
}

# --- calls that hang ------------------------------------------------------------------

# A call is a hash: place, session, pid of the session's process, sender (the process that
# has the request: a helper, the session's own or the resident worker), reference.
# It all is of one cluster at a time:
my ($node, $admin, $worker);
my %seen;    # every process that ever sent something

sub state_of {
    my ($call) = @_;
    return administer($admin,
        "SELECT state FROM fpgo_internal.submission WHERE reference = '$call->{reference}'");
}

# All of that reference, in their order.
sub states_of {
    my ($call) = @_;
    return administer($admin, "SELECT string_agg(state::text, ' ' ORDER BY id)
        FROM fpgo_internal.submission WHERE reference = '$call->{reference}'");
}

sub find_sender {
    my ($call) = @_;
    return $worker if defined $worker;
    return administer($admin, qq{SELECT max(pid) FROM pg_stat_activity
        WHERE application_name = 'fpgo helper of process $call->{pid}'});
}

# new_call($place, $before): a session with an order; $before is a statement to be run first.
sub new_call {
    my ($place, $before) = @_;
    my $session = open_session($node);
    my ($order, $reference) = new_order();
    run_in($session, $before) if defined $before;
    return { place => $place, session => $session, pid => pid_of($session), order => $order, reference => $reference };
}

# Begin to submit at a server whose name begins with that.
sub begin_to_submit {
    my ($call, $prefix) = @_;
    begin_in($call->{session}, submit_sql($call->{order}, "server => '$prefix$call->{place}'"));
    return $call;
}

sub begin_to_deliver {
    my ($call) = @_;
    $call->{id} = administer($call->{session}, "SET fpgo.undelivered_notice = off;\n"
          . enqueue_sql($call->{order}, "server => '$call->{place}'"));
    $call->{sender} = $call->{pid};
    begin_in($call->{session}, "CALL fpgo.deliver($call->{id})");
    return $call;
}

# wait_for_hang(@calls): until all of them hang where they are to; returns them.
sub wait_for_hang {
    my (@calls) = @_;
    for my $call (@calls) {
        wait_for("order $call->{reference} to be on its way", sub { state_of($call) eq 'sending' });
        $call->{sender} //= find_sender($call);
        $seen{ $call->{sender} } = 1;
        $hang->wait_for_hang(@{$call}{qw(sender place reference)});
    }
    return @calls;
}

sub hanging_submits { return wait_for_hang(map { begin_to_submit(new_call($_), '') } @_); }

sub hanging_deliveries { return wait_for_hang(map { begin_to_deliver(new_call($_)) } @_); }

# Assert that pg_stat_activity shows of processes that they wait, and for what; now and
# then one does something.
sub wait_to_be_seen {
    my ($name, @pids) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $list = join ', ', @pids;
    my $seen = eval { wait_for("$name to be seen waiting", sub {
        administer($admin, qq{SELECT bool_and(wait_event_type = 'Extension' AND state = 'active'
            AND query = 'waiting for the gateway') FROM pg_stat_activity WHERE pid IN ($list)}) eq 't';
    }, 20) };
    ok($seen, "pg_stat_activity shows of $name what is waited for");
    return;
}

sub forget {
    eval { $_->{session}->quit } for @_;
    return;
}

# comes_to($name, $unsent, @calls): assert what has become of orders whose process ended:
# uncertain where they were sent, and what matches $unsent elsewhere.
sub comes_to {
    my ($name, $unsent, @calls) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $call (@calls) {
        my $expected = is_sent_at($call->{place}) ? qr/^uncertain$/ : $unsent;
        eval { wait_for('a settlement', sub { state_of($call) =~ $expected }, 30) };
        like(state_of($call), $expected, "$name, $call->{place}: the record");
    }
    return;
}

# --- what happens to sessions -----------------------------------------------------------

my %sqlstate_of = (statement_timeout => '57014', cancel => '57014', terminate => '57P01');

# interrupt(@groups): do to calls that hang what is to happen to them, all at the same
# time, and assert when and how they end.  A group is a hash: who, how, kind_of (of
# promise, by place), calls.
sub interrupt {
    my (@groups) = @_;
    my (%began, %is_over, %victims);
    for my $group (@groups) {
        push @{ $victims{ $group->{how} } }, map { $_->{pid} } @{ $group->{calls} };
        for my $call (@{ $group->{calls} }) {
            my $session = $call->{session};
            my $name    = "$group->{who}: $group->{how}, $call->{place}";
            $is_over{$name} = sub { has_ended($session) };
            $began{$name}   = $session->{began} + $statement_timeout_ms / 1000;
        }
    }
    for my $how ('cancel', 'terminate') {
        my $list = join ', ', @{ $victims{$how} };
        $began{$_} = time for grep { /: $how,/ } keys %began;
        administer($admin, "SELECT pg_${how}_backend(victim) FROM unnest(ARRAY[$list]) victim");
    }
    my %ms = measure(\%began, \%is_over);
    for my $group (@groups) {
        my $title = "$group->{who}: $group->{how}";
        in_time($title, $group->{kind_of}, map { $_ => $ms{"$title, $_"} } @PLACES);
        for my $call (@{ $group->{calls} }) {
            my $name = "$title, $call->{place}";
            $call->{ended} = ends($name, finish_in($call->{session}), $sqlstate_of{ $group->{how} });
        }
        forget(@{ $group->{calls} });
    }
    return;
}

# goes_on($name, @calls): assert that the orders of callers that left go on, and were to.
# A machine may be so slow that a caller left before its order was recorded.
sub goes_on {
    my ($name, @calls) = @_;
    my $n_recorded = 0;
    for my $call (@calls) {
        my $is_recorded = state_of($call) eq 'sending';
        like($call->{ended}{context}, $is_recorded ? qr/submission \d+ goes on/ : qr/withdrawn/,
            "$name, $call->{place}: says what becomes of the order");
        $n_recorded++ if $is_recorded;
    }
    cmp_ok($n_recorded, '>', 0, "$name: orders go on: $n_recorded");
    return;
}

# Calls that end by statement_timeout: too soon perhaps to be seen to hang.
sub timed_calls { return map { new_call($_, "SET statement_timeout = $statement_timeout_ms") } @PLACES; }

# How long CREATE and DROP DATABASE elsewhere wait for others to heed a barrier.
sub barrier_ms {
    my $watcher = open_session($node);
    my $pid     = pid_of($admin);
    begin_in($watcher, "SELECT milliseconds_at_barrier($pid)");
    wait_for('the watcher', sub {
        administer($node, "SELECT count(*) FROM pg_stat_activity
            WHERE pid = " . pid_of($watcher) . " AND state = 'active' AND query LIKE 'SELECT milliseconds_at%'");
    });
    administer($admin, "CREATE DATABASE elsewhere;\nDROP DATABASE elsewhere");
    my $ms = finish_in($watcher)->{rows};
    $watcher->quit;
    return $ms;
}

sub create_barrier_watcher {
    administer($admin, q{
        CREATE FUNCTION milliseconds_at_barrier(victim int) RETURNS numeric LANGUAGE plpgsql AS $$
        DECLARE
            began  timestamptz := clock_timestamp();
            before timestamptz := began;
            now    timestamptz;
            spent  interval := '0';
            found  record;
            busy   timestamptz;
        BEGIN
            LOOP
                PERFORM pg_sleep(0.001), pg_stat_clear_snapshot();
                SELECT state, wait_event INTO found FROM pg_stat_activity WHERE pid = victim;
                now := clock_timestamp();
                IF found.wait_event = 'ProcSignalBarrier' THEN spent := spent + (now - before); END IF;
                IF found.state = 'active' THEN busy := now; END IF;
                before := now;
                EXIT WHEN now - busy > '0.3 s' OR now - began > '50 s';
            END LOOP;
            RETURN round(extract(epoch FROM spent) * 1000, 1);
        END $$});
    return;
}

# --- what happens to the cluster ---------------------------------------------------------

sub postmaster_pid {
    my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
    return $pid;
}

sub children_of {
    my ($pid) = @_;
    my @stats = map { eval { slurp_file($_) } // () } glob '/proc/[0-9]*/stat';
    return map { /^(\d+) \(.*\) \S $pid / ? $1 : () } @stats;
}

# end_cluster($how, %pids): stop it fast, or kill its postmaster; how many milliseconds
# each of those processes outlived that, and as "all" the last of them all.
sub end_cluster {
    my ($how, %pids) = @_;
    my $postmaster = postmaster_pid();
    my @all        = ($postmaster, children_of($postmaster));
    my $began      = time;
    my %ms;
    if ($how eq 'kill') {
        $node->kill9;
        %ms = when_gone($began, %pids);
        # what is left would keep the cluster from starting again
        wait_for('all processes to be gone', sub { !grep { kill 0, $_ } @all });
    }
    else {
        # what pg_ctl stop -m fast does, and does not return before the end
        kill 'INT', $postmaster;
        %ms = when_gone($began, %pids, 'the postmaster' => $postmaster);
        $node->_update_pid(0);
    }
    ($ms{all}) = sort { $b <=> $a } values %ms;
    $admin = undef;
    return %ms;
}

sub start_cluster {
    $node->start;
    $admin = open_session($node);
    return;
}

sub find_worker {
    $worker = wait_for_worker($admin);
    $seen{$worker} = 1;
    return;
}

# Make uncertain what dead processes left behind, and deliver nothing.
sub sweep {
    my $id = administer($admin, q{SELECT min(id) FROM fpgo_internal.submission WHERE state = 'accepted'});
    administer($admin, "CALL fpgo.deliver($id)");
    return;
}

# unsent_states($how, $has_caller): what may become of an order that was not sent when a
# cluster ends.  Without a postmaster PostgreSQL ends a process that has to wait for
# another, so it may not even come to record that nothing was sent.
sub unsent_states {
    my ($how, $has_caller) = @_;
    my $states = join '|', 'queued', $has_caller ? 'cancelled' : (), $how eq 'kill' ? 'uncertain' : ();
    return qr/^(?:$states)$/;
}

# end_with_calls($title, $how, $drain, \%calls): end the cluster, as end_cluster has it,
# while calls hang that are sent by helpers or by sessions that deliver; assert how long
# each process takes, start it again, and assert what is on record.  $drain is the kind of
# promise for who sends.
sub end_with_calls {
    my ($title, $how, $drain, $calls) = @_;
    my %pids;
    for my $who (sort keys %$calls) {
        $pids{"$who, $_->{place}"} = $_->{pid} for @{ $calls->{$who} };
        $pids{"helper, $_->{place}"} = $_->{sender} for grep { $_->{sender} != $_->{pid} } @{ $calls->{$who} };
    }
    my %ms = end_cluster($how, %pids);
    for my $who ('submit_invoice', 'helper', 'deliver()') {
        in_time("$who: $title", $who eq 'submit_invoice' ? \&at_once : $drain,
            map { $_ => $ms{"$who, $_"} } @PLACES);
    }
    in_time("all: $title", $drain, all => $ms{all});
    forget(map { @$_ } values %$calls);
    start_cluster();
    sweep() if $how eq 'kill';
    comes_to("$title, $_", unsent_states($how, $_ ne 'deliver()'), @{ $calls->{$_} }) for sort keys %$calls;
    return;
}

# close_cluster($name): the closing comparison, and the end.
sub close_cluster {
    my ($name) = @_;
    check_log($node);
    check_records($node, $hang, name => "$name: the records agree with the ledgers");
    $admin->quit;
    $node->stop;
    is_deeply([ grep { is_alive($_) } sort keys %seen ], [], "$name: no process that sent something is left");
    %seen = ();
    return;
}

sub print_table {
    diag(sprintf '%-56s%s %10s', 'milliseconds', join('', map { sprintf '%9s', $_ } @PLACES, 'all'), 'promised');
    diag($_) for @table;
    return;
}

# --- helper processes and CALL fpgo.deliver() ----------------------------------------------

$node  = new_cluster('main', url => $hang->address('usual'), settings => $settings);
$admin = open_session($node);
$hang->create_servers($node, $_, $options_of{$_}) for sort keys %options_of;
create_barrier_watcher();
my $quiet_ms = barrier_ms();
diag(sprintf 'CREATE and DROP DATABASE waited %.1f ms for others while nothing was on its way', $quiet_ms);

{
    # servers' own timeouts; some callers leave before
    my @calls = map { new_call($_) } @PLACES;
    my @hasty = map { new_call($_, 'SET statement_timeout = ' . $quick_ms / 2) } @PLACES;
    begin_to_submit($_, 'quick_') for @calls, @hasty;
    my %is_over = map { my $session = $_->{session}; $_->{place} => sub { has_ended($session) } } @calls;
    my %began   = map { $_->{place} => $_->{session}{began} } @calls;
    my %ms      = measure(\%began, \%is_over);
    in_time("submit_invoice: after the server's timeout", \&at_once, map { $_ => $ms{$_} - $quick_ms } keys %ms);
    for my $call (@calls) {
        my $sent  = is_sent_at($call->{place});
        my $name  = "the server's timeout, $call->{place}";
        my $ended = ends($name, finish_in($call->{session}), $sent ? '38F01' : '38F02');
        cmp_ok($ms{ $call->{place} }, '>=', $quick_ms - 20, "$name: not before its time");
        like($ended->{detail}, qr/within 2 seconds/, "$name: says how long it waited");
        is(state_of($call), $sent ? 'uncertain' : 'cancelled', "$name: the record");
    }
    for my $call (@hasty) {
        my $ended = ends("a caller that leaves before, $call->{place}", finish_in($call->{session}), '57014');
        note($ended->{context});
    }
    # it was recorded before its caller left, unless the machine is very slow
    my @gone = grep { state_of($_) ne '' } @hasty;
    comes_to('a caller that leaves before', qr/^queued$/, @gone);
    cmp_ok(scalar @gone, '>', 0, 'callers that leave before the server gives up: ' . @gone);
    forget(@calls, @hasty);
}
{
    # files that cannot be read without waiting for somebody
    my $dir  = PostgreSQL::Test::Utils::tempdir();
    my $pipe = "$dir/pipe";
    my $huge = "$dir/huge";
    mkfifo($pipe, 0600) or die "mkfifo: $!";
    open my $file, '>', $huge or die "$huge: $!";
    truncate $file, 20_000_000 or die "truncate: $!";
    close $file;
    my $address = $hang->address('tls');
    my $n       = 0;
    for my $case (
        [ 'ca_file that is a pipe',       "ca_file '$pipe'",       "token '$TOKEN'",      '38F02' ],
        [ 'ca_file that is a device',     q{ca_file '/dev/zero'},  "token '$TOKEN'",      '38F02' ],
        [ 'ca_file that is huge',         "ca_file '$huge'",       "token '$TOKEN'",      '38F02' ],
        [ 'token_file that is a pipe',    q{connect_timeout '9s'}, "token_file '$pipe'",  '55000' ]) {
        my ($name, $option, $mapping, $sqlstate) = @$case;
        my $server = 'file' . ++$n;
        administer($admin, qq{
            CREATE SERVER $server FOREIGN DATA WRAPPER fpgo OPTIONS (url '$address', $option);
            CREATE USER MAPPING FOR PUBLIC SERVER $server OPTIONS ($mapping)});
        my $call = new_call('');
        begin_in($call->{session}, submit_sql($call->{order}, "server => '$server'"));
        my $ended = finish_within($name, $call->{session}, 8);
        ends($name, $ended, $sqlstate, $sqlstate eq '38F02' ? qr/trusted certificates could not be read.*HINT: (?!.*SET url).*apt-get install ca-certificates/s : qr/regular file/);
        forget($call);
    }
}
{
    # a queued order that somebody is about to cancel, of a role that may not send any more
    my $call   = new_call('frontpayment');
    my $second = new_call('frontpayment');
    my $locker = open_session($node);
    administer($admin, 'CREATE ROLE clerk; GRANT USAGE ON FOREIGN SERVER frontpayment TO clerk');
    for my $queued ($call, $second) {
        run_in($queued->{session}, 'SET ROLE clerk; SET fpgo.undelivered_notice = off');
        $queued->{id} = administer($queued->{session}, enqueue_sql($queued->{order}));
        run_in($queued->{session}, 'RESET ROLE');
    }
    administer($admin, 'REVOKE USAGE ON FOREIGN SERVER frontpayment FROM clerk');
    run_in($locker, "BEGIN; SELECT fpgo.cancel_submission($call->{id}, 'not wanted')");
    begin_in($second->{session}, 'CALL fpgo.deliver()');
    ends('beside an order that is being cancelled', finish_within('beside an order that is being cancelled',
        $second->{session}, 20, sub { run_in($locker, 'ROLLBACK') }), '');
    like(administer($admin, "SELECT last_error FROM fpgo.submissions WHERE submission = $second->{id}"),
        qr/permission denied/, 'what is not locked says why it is not sent');
    ends('cancelled', run_in($locker, 'COMMIT'), '');
    is(join(' ', state_of($call), state_of($second)), 'cancelled queued', 'the records');
    forget($call, $second);
    administer($admin, "SELECT fpgo.cancel_submission($second->{id}, 'not wanted either')");
    $locker->quit;
}
{
    # an outcome that somebody's lock keeps from being recorded
    my $locker = open_session($node);
    for my $case ((map { [ $_, 'wait' ] } 'submission', 'payload'), [ 'submission', 'cancel' ]) {
        my ($table, $how) = @$case;
        my $name = "deliver(), a locked row of $table";
        my $call = new_call('frontpayment');
        $hang->gateway('usual')->misbehave({ delay => 0.5 });
        begin_to_deliver($call);
        wait_for_order($hang, $call->{reference});
        my $column = $table eq 'submission' ? 'id' : 'submission';
        run_in($locker, "BEGIN; SELECT FROM fpgo_internal.$table WHERE $column = $call->{id} FOR UPDATE");
        sleep 1;
        is(state_of($call), 'sending', "$name, $how: not recorded yet");
        in_time("$name: a barrier", \&at_once, all => barrier_ms());
        if ($how eq 'cancel') {
            my $began = time;
            administer($admin, "SELECT pg_cancel_backend($call->{pid})");
            in_time("$name: cancel", sub { 'grace' },
                measure({ all => $began }, { all => sub { has_ended($call->{session}) } }));
        }
        run_in($locker, 'ROLLBACK');
        ends("$name, $how", finish_in($call->{session}), $how eq 'cancel' ? '57014' : '');
        run_in($call->{session}, 'CALL fpgo.deliver()') if $how eq 'cancel';
        is(state_of($call), $how eq 'cancel' ? 'uncertain' : 'accepted', "$name, $how: the record");
        forget($call);
    }
    $locker->quit;
}
{
    # the same, and its helper is told to end
    my $locker = open_session($node);
    my ($call) = hanging_submits('answer');
    run_in($locker, "BEGIN; SELECT FROM fpgo_internal.submission WHERE reference = '$call->{reference}' FOR UPDATE");
    my $began = time;
    administer($admin, "SELECT pg_terminate_backend($call->{sender})");
    in_time('helper, a locked row: terminated', sub { 'grace' }, when_gone($began, all => $call->{sender}));
    run_in($locker, 'ROLLBACK');
    ends('a terminated helper, a locked row', finish_in($call->{session}), '38F01', qr/could not be recorded/);
    begin_to_submit($call, '');
    ends('the same order again', finish_in($call->{session}), '38F01', qr/earlier submission/);
    forget($call);
    $locker->quit;
}
{
    # sessions are interrupted
    my @cancelled  = hanging_submits(@PLACES);
    my @terminated = hanging_submits(@PLACES);
    wait_to_be_seen('helpers', map { $_->{sender} } @cancelled);
    my @stopped = (cancel => [ hanging_deliveries(@PLACES) ], terminate => [ hanging_deliveries(@PLACES) ]);
    in_time('helpers, deliver(): a barrier', \&at_once, all => barrier_ms());
    my @timed    = timed_calls();
    my @timed_to = timed_calls();
    begin_to_deliver($_) for @timed_to;
    begin_to_submit($_, '') for @timed;
    my %submits    = (statement_timeout => \@timed,    cancel => \@cancelled, terminate => \@terminated);
    my %deliveries = (statement_timeout => \@timed_to, @stopped);
    interrupt(
        (map { { who => 'submit_invoice', how => $_, kind_of => \&at_once, calls => $submits{$_} } } sort keys %submits),
        (map { { who => 'deliver()',      how => $_, kind_of => \&drained, calls => $deliveries{$_} } } sort keys %deliveries));
    goes_on("submit_invoice: $_", @{ $submits{$_} }) for sort keys %submits;
    comes_to("deliver(): $_", qr/^queued$/, @{ $deliveries{$_} }) for sort keys %deliveries;
    like(administer($admin, q{SELECT count(*) FILTER (WHERE not_before <= ended_at) || ' of ' || count(*)
        FROM fpgo_internal.submission s JOIN fpgo_internal.attempt a ON submission = s.id AND number = attempts
        WHERE state = 'queued' AND a.reason LIKE '%was stopped%'}),
        qr/^([1-9]\d*) of \1$/, 'what was taken back is due at once');

    # and the cluster is stopped, with what they left behind and new calls
    my %calls = (submit_invoice => [ hanging_submits(@PLACES) ], 'deliver()' => [ hanging_deliveries(@PLACES) ]);
    end_with_calls('pg_ctl stop -m fast', 'stop', \&drained, \%calls);
    comes_to("pg_ctl stop -m fast, left at $_", qr/^queued$/,
        grep { ($_->{ended}{context} // '') =~ /goes on/ } @{ $submits{$_} }) for sort keys %submits;
}
{
    # who sends is told to end: for a caller that waits, another takes it over
    my @calls = hanging_submits(@unsent);
    my $list  = join ', ', map { $_->{sender} } @calls;
    my $began = time;
    administer($admin, "SELECT pg_terminate_backend(helper) FROM unnest(ARRAY[$list]) helper");
    in_time('helper: terminated', \&at_once, when_gone($began, map { ($_->{place} => $_->{sender}) } @calls));
    for my $call (@calls) {
        my $name = "a terminated helper, $call->{place}";
        my $old  = delete $call->{sender};
        wait_for('another helper', sub { states_of($call) eq 'cancelled sending' });
        $call->{sender} = find_sender($call);
        $hang->wait_for_hang(@{$call}{qw(sender place reference)});
        isnt($call->{sender}, $old, "$name: the order is with another");
        ok(!has_ended($call->{session}), "$name: the caller waits");
        administer($admin, "SELECT pg_cancel_backend($call->{pid})");
        ends($name, finish_in($call->{session}), '57014', qr/submission \d+ goes on/);
    }
    forget(@calls);
}
{
    my %calls = (submit_invoice => [ hanging_submits(@PLACES) ], 'deliver()' => [ hanging_deliveries(@PLACES) ]);
    end_with_calls('postmaster SIGKILL', 'kill', \&drained_as_orphan, \%calls);
}

close_cluster('helpers');

# --- the resident worker --------------------------------------------------------------------

# queue_at(@places): queue an order for each, for the worker to deliver; returns them when
# they hang.
sub queue_at {
    my (@places) = @_;
    my @calls = map { { place => $_, order => order(), sender => $worker } } @places;
    for my $call (@calls) {
        $call->{reference} = reference_of($call->{order});
        administer($admin, enqueue_sql($call->{order}, "server => '$call->{place}'"));
    }
    return wait_for_hang(@calls);
}

# end_resident($title, $how, $drain, @places): end the cluster while the worker has a
# submission and a queued order at each of those places; assert how long it takes, and
# what is on record before another worker goes on.  Then there is one.
sub end_resident {
    my ($title, $how, $drain, @places) = @_;
    my @submits = hanging_submits(@places);
    my @queued  = queue_at(@places);
    my %ms = end_cluster($how, worker => $worker, map { ($_->{place} => $_->{pid}) } @submits);
    in_time("submit_invoice (worker): $title", \&at_once, map { $_ => $ms{$_} } @places);
    in_time("worker: $title", sub { $drain }, all => $ms{worker});
    forget(@submits);
    $node->append_conf('postgresql.conf', "fpgo.databases = ''");
    start_cluster();
    sweep() if $how eq 'kill';
    comes_to("worker: $title, queued",    unsent_states($how, 0), @queued);
    comes_to("worker: $title, submitted", unsent_states($how, 1), @submits);
    $node->append_conf('postgresql.conf', "fpgo.databases = 'postgres'");
    $node->reload;
    find_worker();
    return;
}

$hang->clear;
$node  = new_resident_cluster('resident', url => $hang->address('usual'), settings => $settings);
$admin = open_session($node);
$hang->create_servers($node, '', $options_of{''});
create_barrier_watcher();
find_worker();
{
    # a caller that is suspended and does not read its answer, however long that is
    my $call = new_call('', q{SET fpgo.helper_idle = '60s'});
    ends('a caller before it is suspended', submit($call->{session}, order()), '');
    administer($admin, q{
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.state = 'sending' THEN RAISE EXCEPTION 'not this one' USING DETAIL = repeat('x', 300000); END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON fpgo_internal.submission FOR EACH ROW EXECUTE FUNCTION refuse()});
    kill 'STOP', $worker;
    begin_in($call->{session}, submit_sql($call->{order}));
    wait_for('the caller to wait for its answer', sub {
        administer($admin, "SELECT wait_event FROM pg_stat_activity WHERE pid = $call->{pid}") eq 'MessageQueueReceive';
    });
    kill 'STOP', $call->{pid};
    kill 'CONT', $worker;
    my ($order, $reference) = new_order();
    administer($admin, enqueue_sql($order));
    ok(eval { wait_for_order($hang, $reference, 20) }, 'a suspended caller: the worker goes on');
    kill 'CONT', $call->{pid};
    ends('a suspended caller', finish_in($call->{session}), 'P0001', qr/not this one/);
    forget($call);
    administer($admin, 'DROP TRIGGER refuse ON fpgo_internal.submission; DROP FUNCTION refuse()');
}
{
    queue_at(@PLACES);
    wait_to_be_seen('the worker', $worker);
    my %submits = map { $_ => [ hanging_submits(@PLACES) ] } 'cancel', 'terminate';
    in_time('worker: a barrier', \&at_once, all => barrier_ms());
    $submits{statement_timeout} = [ timed_calls() ];
    begin_to_submit($_, '') for @{ $submits{statement_timeout} };
    interrupt(map { { who => 'submit_invoice (worker)', how => $_, kind_of => \&at_once, calls => $submits{$_} } }
        sort keys %submits);
    goes_on("submit_invoice (worker): $_", @{ $submits{$_} }) for sort keys %submits;
    is(worker_pid($admin), $worker, 'the worker lives on');
    end_resident('pg_ctl stop -m fast', 'stop', 'grace', @PLACES);
    comes_to("worker: a stop, what was left at $_", qr/^(?:queued|sending)$/,
        grep { $_->{ended}{context} =~ /goes on/ } @{ $submits{$_} }) for sort keys %submits;
}
{
    # what is not sent keeps nobody
    end_resident('pg_ctl stop -m fast, all unsent', 'stop', 'notice', @unsent);
    end_resident('postmaster SIGKILL, all unsent',  'kill', 'notice', @unsent);
    end_resident('postmaster SIGKILL',              'kill', 'orphan', @PLACES);
}

close_cluster('worker');
print_table();
$hang->stop;
done_testing();
