# A process is killed before each of its system calls in turn, or its disk is full
# from that call on, or the file system read-only, while an order is recorded, sent
# and settled: by the resident worker, by CALL deliver and by a helper, and for each
# kind of answer.  It is killed also while the clock is set.  No order is made twice,
# none is lost, and what is not known is said to be so.
#
# FPGO_EACH_CALL=all takes each call, as test/check --long world does; else a few.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCalls;
use FpgoChecker;
use FpgoClock;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use FpgoVerdicts;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $all = ($ENV{FPGO_EACH_CALL} // '') eq 'all';

# An order makes no more calls than that; one that does is in a loop.
my $most = 200;

# A personal number, and no canary, for orders of sessions that are killed: what
# such a process ran last is logged by PostgreSQL itself.
my $loggable_number = '28038712383';

my $calls   = FpgoCalls->new;
my $clock   = FpgoClock->new;
my %gateway = map { $_ => FpgoGateway->start('--token', $TOKEN) } 'resident', 'other';
my %start   = (resident => \&new_resident_cluster, other => \&new_cluster);

# What such a process starts has the clock of the test, and its calls can be counted.
sub show_both {
    my ($start) = @_;
    return $clock->show_to(sub { $calls->show_to($start) });
}

my %node = map {
    my $where = $_;
    ($where => show_both(sub {
        $start{$where}->($where, url => $gateway{$where}->address, options => q{timeout '20s'}, settings => "restart_after_crash = on\n") })) } keys %start;
my %records = map { $_ => FpgoRecords->new($node{$_}, $gateway{$_}) } keys %node;

# What the gateway answers, and what may stand on record of an order in the end.
my @answers = (
    [ 'accepted', {},                            qr/^(?:accepted|uncertain)$/ ],
    [ 'refused',  { status => 417 },             qr/^(?:accepted|refused|uncertain)$/ ],
    [ 'lost',     { close_after_request => \1 }, qr/^(?:accepted|uncertain)$/ ],
    [ 'put off',  { status => 429, headers => { 'Retry-After' => '1' } }, qr/^(?:accepted|uncertain|cancelled)$/ ]);

# What tells one life of a cluster from the next; '' while it has none.
sub life {
    my ($node) = @_;
    my ($status, $checkpointer) = eval { $node->psql('postgres',
        q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'}) };
    return ($status // 1) == 0 ? $checkpointer : '';
}

# The life that the cluster has, once it has one.
sub wait_for_life {
    my ($node) = @_;
    return wait_for('the cluster to be there', sub { life($node) });
}

# A server that could not write to its disk ends, with all its processes: start it
# again.  Returns whether it had ended.
sub start_again {
    my ($node) = @_;
    # one that aborts leaves the file of its number behind
    my $has_ended = sub {
        my ($postmaster) = eval { split /\n/, slurp_file($node->data_dir . '/postmaster.pid') };
        return !defined $postmaster || !kill 0, $postmaster;
    };
    wait_for('the server to be there, or to end', sub { $has_ended->() || life($node) });
    return 0 unless $has_ended->();
    $node->stop('immediate', fail_ok => 1);
    show_both(sub { $node->start });
    return 1;
}

sub state_of { return $records{ $_[0] }->states_of($_[1]); }

sub forget { eval { $_->quit } for grep { defined } @_; return; }

# One order each, on its way in a process whose call is counted meanwhile: called with
# what counts the calls.  Returns the order's reference once the order has come to an end, or the process.
my %ways = (
    worker => [ 'resident', sub {
        my ($count) = @_;
        my $node = $node{resident};
        my $pid  = wait_for_worker($node);
        my $life = life($node);
        $count->($pid);
        my $order     = order('customerDetails.personalNumber' => $loggable_number);
        my $reference = reference_of($order);
        # the worker may take the cluster down before the session has its answer
        $records{resident}->expect($reference) if eval { administer($node, enqueue_sql($order)); 1 };
        wait_for('the order to end, or the worker', sub {
            my $now = eval { administer($node, "SELECT state, attempts FROM fpgo_internal.submission WHERE reference = '$reference'") };
            return !defined $now || ($now ne '' && $now !~ /^(?:sending|queued\|0)/) || life($node) ne $life;
        });
        return $reference;
    } ],
    deliver => [ 'other', sub {
        my ($count) = @_;
        my $node    = $node{other};
        my $session = open_session($node);
        my $order   = order('customerDetails.personalNumber' => $loggable_number);
        administer($node, enqueue_sql($order));
        $records{other}->expect(reference_of($order));
        $count->(pid_of($session));
        begin_in($session, 'CALL fpgo.deliver()');
        finish_in($session);
        forget($session);
        return reference_of($order);
    } ],
    helper => [ 'other', sub {
        my ($count) = @_;
        my $node    = $node{other};
        my $session = open_session($node);
        run_in($session, q{SET fpgo.helper_idle = '60s'});
        submit($session, order());
        $count->(find_helper($node));
        my $order = order('customerDetails.personalNumber' => $loggable_number);
        begin_submit($session, $order);
        my $ended = finish_in($session);
        $records{other}->expect(reference_of($order)) if $ended->{sqlstate} eq '';
        forget($session);
        return reference_of($order);
    } ]);

# What is left over of an order once nobody is killed any more: delivered.
sub deliver_rest {
    my ($where) = @_;
    my $node = $node{$where};
    release_holds($node);
    forget_slow_down($node);
    if ($where eq 'resident') {
        wait_for('the queue to be empty', sub { $records{resident}->count_in_state('queued') == 0 && $records{resident}->count_in_state('sending') == 0 });
        return;
    }
    my $session = open_session($node);
    $records{other}->make_due;
    run_in($session, 'CALL fpgo.deliver()');
    forget($session);
    return;
}

# each_call($way, $what, $set, $answer[, @clocks]): the process is set upon at its
# first call, at its second, ... until it has made all of them.  The clock is set to
# each of @clocks in turn, in seconds after the right time: before the order is handed
# in, and once the process was set upon.
sub each_call {
    my ($way, $what, $set, $answer, @clocks) = @_;
    my ($where, $run) = @{ $ways{$way} };
    my ($name, $trouble, $ends) = @$answer;
    my ($node, $gateway) = ($node{$where}, $gateway{$where});
    my ($n, $step, $restarts, @wrong) = (1, $all ? 1 : 4, 0);
    my $turn = sub { push @clocks, shift @clocks; $clock->set($clocks[0] // 0) };
    for (;;) {
        my $before = wait_for_life($node);
        release_holds($node);
        forget_slow_down($node);
        $turn->();
        $gateway->misbehave($trouble) if %$trouble;
        my $reference = $run->(sub { $calls->$set($_[0], $n) });
        my $is_through = $calls->counted < $n;
        $turn->();
        # a disk that is full for a while
        sleep 0.3 unless $is_through || $set eq 'kill_at';
        $calls->let_be;
        start_again($node) if $set eq 'read_only_from';
        $gateway->behave;
        $restarts++ if wait_for_life($node) ne $before;
        deliver_rest($where);
        my $state = state_of($where, $reference);
        # '': who handed it in was told nothing, or that nothing was recorded
        push @wrong, "call $n: $state" unless $state =~ $ends || ($way ne 'deliver' && $state eq '');
        last if $is_through || $n > $most;
        $n += $step;
    }
    $clock->set(0);
    is_deeply(\@wrong, [], "$way, $what, answer '$name': $n calls");
    cmp_ok($n, '<=', $most, '... come to an end');
    cmp_ok($n, '>',  5,     '... and are counted');
    cmp_ok($restarts, '>', 0, '... the cluster was restarted') unless $set eq 'fail_from';
    check_records($node, $gateway, name => '... the records agree with the ledger', committed => [ $records{$where}->expected ]);
    return;
}

my @ways = $all ? ('worker', 'deliver', 'helper') : 'worker';
for my $way (@ways) {
    for my $answer ($all ? @answers : $answers[0]) {
        each_call($way, 'killed', 'kill_at', $answer);
    }
    each_call($way, 'disk full', 'fail_from', $answers[0]);
    each_call($way, 'file system read-only', 'read_only_from', $answers[0]);
}
for my $where (sort keys %node) {
    decide_uncertain($node{$where}, $gateway{$where}, name => "$where: what is uncertain", least => $where eq 'resident' || $all ? 1 : 0);
}

# What the gateway showed before an order was sent, by such a clock, is no evidence
# for it: what is uncertain then is for a person.
for my $way (@ways) {
    each_call($way, 'killed, and the clock is set', 'kill_at', $_, -3600, 86_400, 0) for $all ? @answers[ 0, 3 ] : $answers[0];
}
done_testing();
