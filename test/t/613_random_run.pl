# A random run: orders are placed, edited, deleted, moved to other primary keys and
# taken back, by three sessions at once, while a gateway misbehaves and processes
# are killed.  No order is made twice, none is lost, and none is sent that was not
# so, or not there, when it was claimed.
#
# FPGO_OPERATIONS says how many operations, half of them with a resident worker and
# half with CALL fpgo.deliver(); 10000 is the long run of test/check.  FPGO_SEED
# repeats operations, faults and kills; how sessions and deliveries meet is new each
# time.  What fails is told with all that was done to the rows concerned.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoResident;
use FpgoShopHistory;
use FpgoShopOperations;
use FpgoTest;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $operations = $ENV{FPGO_OPERATIONS} || 500;
my $seed       = $ENV{FPGO_SEED} || (time * 1000) % 1_000_000_000;
my $n_sessions = 3;

# An operator looks at what is uncertain for so long: by then the gateway knows.
my $patience_s = 1;

# So many tracks are told in full.
my $most_told = 3;

my $settings = "restart_after_crash = on\ntrack_commit_timestamp = on\ndeadlock_timeout = '200ms'\n";

diag("FPGO_SEED=$seed FPGO_OPERATIONS=$operations");

# --- what happens besides ---------------------------------------------------------------------

my @misbehaviours = (
    { status => 417 }, { status => 503 }, { status => 429, headers => { 'Retry-After' => '0' } },
    { html => JSON::PP::true }, { reset_after_request => JSON::PP::true }, { reset_on_accept => JSON::PP::true },
    map { { delay => $_ } } (0.02, 0.1, 0.3));

# random_events($n): what happens when the n-th transaction begins, by its number
sub random_events {
    my ($n) = @_;
    my %events;
    for my $i (1 .. $n - 1) {
        my $event =
            rand() < 0.15 ? [ 'misbehave', { %{ one_of(@misbehaviours) }, requests => 1 + int rand 3 } ]
          : rand() < 0.12 ? [ 'deliver' ]
          : rand() < 0.05 ? [ 'decide', one_of(qw(queued queued cancelled refused)) ]
          : rand() < 0.02 ? [ 'cancel', rand ]
          :                 next;
        $events{$i} = $event;
    }
    # a kill for each hundred transactions, and a stop for each four hundred
    $events{ 10 + int rand $n - 10 } = [ 'kill', one_of(qw(deliverer deliverer session bystander)), rand 0.2 ]
      for 1 .. 1 + $n / 100;
    $events{ 10 + int rand $n - 10 } = ['stop'] for 1 .. 1 + $n / 400;
    return %events;
}

# --- one run ----------------------------------------------------------------------------------

# The cluster's, the gateway's, and what goes on.
my ($node, $gateway, $history, $ledger_file, $ledger_read, @sessions, $deliverer, $has_worker, %received, @done, %counts);

# What tells one life of the cluster from the next; '' while it has none.
sub life {
    # psql may end before it has read the question
    my ($status, $checkpointer) = eval { $node->psql('postgres',
        q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'}) };
    return ($status // 1) == 0 ? $checkpointer : '';
}

sub open_all {
    @sessions = map { { session => open_session($node) } } 1 .. $n_sessions;
    $deliverer = { session => open_session($node) };
    run_in($_->{session}, 'SET fpgo.undelivered_notice = off') for @sessions, $deliverer;
    return;
}

# The cluster was cut off: nobody knows what became of what was under way.
sub forget_all {
    for (@sessions, $deliverer) {
        $_->{doing}{ended} = 'cut off' if $_->{doing};
        eval { $_->{session}->quit };
    }
    return;
}

# note_end($of): a session's statement has ended.
sub note_end {
    my ($of) = @_;
    my $doing = delete $of->{doing};
    my $ended = finish_in($of->{session});
    $doing->{ended} = $ended->{sqlstate};
    $counts{ $ended->{sqlstate} }++ if $ended->{sqlstate};
    $counts{contended}++ if $ended->{said} =~ /is contended/;
    return;
}

sub begin_doing {
    my ($of, %doing) = @_;
    $of->{doing} = {%doing};
    push @done, $of->{doing};
    begin_in($of->{session}, $doing{sql});
    return;
}

# What the gateway received since the last time, by token.
sub read_ledger {
    open my $file, '<', $ledger_file or die "$ledger_file: $!\n";
    seek $file, $ledger_read, 0;
    while (my $line = <$file>) {
        last unless $line =~ /\n\z/;
        $ledger_read += length $line;
        my $entry = JSON::PP::decode_json($line);
        push @{ $received{ FpgoShopHistory::token_of($entry) } }, $entry;
    }
    close $file;
    return;
}

# decide($outcome): an operator looks at what is uncertain.  What the gateway made is
# accepted, the rest becomes that.
sub decide {
    my ($outcome) = @_;
    my @uncertain = split /\n/, administer($node, qq{SELECT id, callback_token FROM fpgo_internal.submission
        WHERE state = 'uncertain' AND settled_at < clock_timestamp() - interval '$patience_s s'});
    read_ledger() if @uncertain;
    for (@uncertain) {
        my ($id, $token) = split /\|/;
        my ($made) = grep { $_->{made} } @{ $received{$token} // [] };
        my $decision = $made ? "'accepted', 'The gateway has it.', '$made->{order_uuid}'" : "'$outcome', 'The gateway does not have it.'";
        # somebody else may have decided meanwhile
        my ($status) = $node->psql('postgres', "SELECT fpgo.resolve($id, $decision)");
        push @done, { sql => "resolve($id, $decision)", ids => [], ended => $status };
        $counts{ $made ? 'decided: accepted' : "decided: $outcome" }++;
    }
    return;
}

# cancel($which): a person takes a queued order back.
sub cancel {
    my ($which) = @_;
    my @queued = split /\n/, administer($node, q{SELECT submission FROM fpgo.submissions WHERE state = 'queued' ORDER BY 1});
    return unless @queued;
    my $id = $queued[ $which * @queued ];
    # it may be on its way by now
    my ($status) = $node->psql('postgres', "SELECT fpgo.cancel_submission($id, 'The customer called.')");
    push @done, { sql => "cancel_submission($id)", ids => [], ended => $status };
    $counts{'taken back'}++ unless $status;
    return;
}

sub begin_delivery {
    return if $has_worker || $deliverer->{doing};
    begin_doing($deliverer, sql => 'CALL fpgo.deliver()', ids => []);
    return;
}

# kill_one($who, $after): SIGKILL for a process; PostgreSQL restarts all of them.
sub kill_one {
    my ($who, $after) = @_;
    begin_delivery();
    sleep $after;
    my $before = life();
    my $pid = $who eq 'session' ? pid_of($sessions[0]{session})
      : $who eq 'bystander' ? $before
      : $has_worker ? worker_pid($node) : pid_of($deliverer->{session});
    push @done, { sql => "kill $who $pid", ids => [], ended => '' };
    return unless $pid;
    kill 'KILL', $pid or die "process $pid: $!\n";
    wait_for('the cluster to restart', sub { my $life = life(); $life ne '' && $life ne $before });
    $counts{"killed: $who"}++;
    forget_all();
    open_all();
    return;
}

sub stop_and_start {
    push @done, { sql => 'immediate stop', ids => [], ended => '' };
    $node->stop('immediate');
    forget_all();
    $node->start;
    open_all();
    $counts{stopped}++;
    return;
}

my %acts = (
    misbehave => sub { $gateway->misbehave($_[0]) },
    deliver   => \&begin_delivery,
    decide    => \&decide,
    cancel    => \&cancel,
    kill      => \&kill_one,
    stop      => \&stop_and_start);

# work(\@transactions, \%events): each session does its transactions one after another.
sub work {
    my ($transactions, $events) = @_;
    my @lists = map { [] } 1 .. $n_sessions;
    push @{ $lists[ $_->{session} ] }, $_ for @$transactions;
    my $n = 0;
    while (grep { @$_ } @lists or grep { $_->{doing} } @sessions) {
        my $is_idle = 1;
        for my $i (0 .. $n_sessions - 1) {
            note_end($sessions[$i]) if $sessions[$i]{doing} && has_ended($sessions[$i]{session});
            next if $sessions[$i]{doing} || !@{ $lists[$i] };
            $is_idle = 0;
            my $event = $events->{ $n++ };
            $acts{ $event->[0] }->(@{$event}[ 1 .. $#$event ]) if $event;
            begin_doing($sessions[$i], %{ shift @{ $lists[$i] } });
        }
        note_end($deliverer) if $deliverer->{doing} && has_ended($deliverer->{session});
        sleep 0.001 if $is_idle;
    }
    return;
}

# Nothing goes wrong any more: deliver and decide until nothing is left.
sub complete {
    $gateway->behave;
    note_end($deliverer) if $deliverer->{doing};
    return eval {
        wait_for('the last order', sub {
            administer($node, q{UPDATE fpgo_internal.submission SET not_before = NULL WHERE state = 'queued'});
            run_in($deliverer->{session}, 'CALL fpgo.deliver()');
            decide('queued');
            return administer($node, q{SELECT count(*) = 0 FROM fpgo_internal.submission
                WHERE state IN ('queued', 'sending', 'uncertain')}) eq 't';
        });
    };
}

# tell_all($track): what was done to a track, and what became of it
sub tell_all {
    my ($track) = @_;
    my %ids = map { $_ => 1 } $history->ids_of($node, $track);
    my $session = sub { defined $_[0] ? "session $_[0]" : 'besides' };
    diag("--- track $track, rows " . join(', ', sort { $a <=> $b } keys %ids));
    for (@done) {
        diag($session->($_->{session}) . ": $_->{sql}\n    -- " . (($_->{ended} // 'under way') || 'done'))
          if grep { $ids{$_} } @{ $_->{ids} };
    }
    diag($history->tell($node, $track));
    return;
}

# judge($name): what was invoiced against what was committed
sub judge {
    my ($name) = @_;
    my %told;
    $history->take($node, $gateway->ledger);
    for my $judgement ($history->judgements) {
        my @wrong = $history->wrong($node, $judgement);
        next if is_deeply([ map { "track $_->[0]: $_->[1]" } @wrong ], [], "$name: $judgement");
        diag("FPGO_SEED=$seed FPGO_OPERATIONS=$operations");
        for (@wrong) {
            diag("track $_->[0]: $_->[1]");
            tell_all($_->[0]) if $_->[0] && !$told{ $_->[0] }++ && keys %told <= $most_told;
        }
    }
    return;
}

# run($name, $n, $is_resident): so many operations, delivered by a worker or by calls
sub run {
    my ($name, $n, $is_resident) = @_;
    my $began = time;
    # nothing else may draw from the same row of numbers
    srand 2 * $seed + $is_resident;
    my @transactions = random_transactions($n, $n_sessions);
    my %events       = random_events(scalar @transactions);
    ($has_worker, $ledger_read) = ($is_resident, 0);
    (%received, @done, %counts) = ();
    $ledger_file = PostgreSQL::Test::Utils::tempdir() . '/ledger';
    $gateway = FpgoGateway->start('--token', $TOKEN, '--ledger', $ledger_file);
    $node = ($is_resident ? \&new_resident_cluster : \&new_cluster)->(
        $is_resident ? 'resident' : 'called', url => $gateway->address, options => q{timeout '10s'}, settings => $settings);
    $history = FpgoShopHistory->new($node);
    open_all();
    work(\@transactions, \%events);
    ok(complete(), "$name: all is delivered in the end") or diag($@);
    is($counts{contended} // 0, 0, "$name: no key is contended");
    judge($name);
    check_records($node, $gateway, name => "$name: the records agree with the ledger");
    unlike(slurp_file($node->logfile), qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E/, "$name: no secret in the log");
    unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal (?!9: Killed)/, "$name: nothing crashed by itself");
    diag(sprintf '%s: %d operations in %d transactions, %d s; %s', $name, $n, scalar @transactions, time - $began,
        join ', ', map { "$_ $counts{$_}" } sort keys %counts);
    diag("$name: " . administer($node, q{SELECT string_agg(format('%s %s', n, what), ', ' ORDER BY what) FROM (
        SELECT count(*) AS n, 'orders made' AS what FROM sent WHERE made
        UNION ALL SELECT count(*), 'requests' FROM sent
        UNION ALL SELECT count(DISTINCT track), 'rows' FROM state UNION ALL SELECT count(*), 'committed states' FROM state
        UNION ALL SELECT count(*), CASE WHEN withdrawn THEN 'withdrawals' ELSE 'versions ' || state END
            FROM fpgo_internal.submission GROUP BY 2) c}));
    eval { $_->{session}->quit } for @sessions, $deliverer;
    $node->stop;
    $gateway->stop;
    return;
}

run('resident worker', $operations / 2, 1);
run('CALL fpgo.deliver()', $operations / 2, 0);
done_testing();
