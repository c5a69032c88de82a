# A claim counts only if it is safe: under synchronous replication nothing is sent that
# no standby has on record, whatever ends the wait for it; and restarts and crashes hold
# nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCopies;
use FpgoTest;
use Test::More;
use Time::HiRes qw(sleep);

my $n          = $ENV{FPGO_COPIED}   // 200;
my $n_restarts = $ENV{FPGO_RESTARTS} // 100;
my @only       = split /;/, $ENV{FPGO_KINDS} // '';

my @cases = (
    [ 'postmaster killed',          'worker', \&postmaster_killed ],
    [ 'statement_timeout',          'call',   sub { call_ended("SET statement_timeout = '1s'", sub { }) } ],
    [ 'cancel',                     'call',   sub { call_ended('', sub { $_[0]->safe_psql('template1', "SET synchronous_commit = local; SELECT pg_cancel_backend($_[1])") }) } ],
    [ 'synchronous_commit off',     'worker', sub { lowered('off') } ],
    [ 'synchronous_commit local',   'worker', sub { lowered('local') } ],
    [ 'synchronous_commit off',     'call',   sub { lowered('off') } ],
    [ "$n_restarts restarts",       'worker', \&restarts ],
    [ "$n_restarts restarts",       'call',   \&restarts ]);

my ($name, $way, $gateway, $primary, $first, $second);
for my $case (@cases) {
    ($name, $way, my $judge) = @$case;
    my $called = $name;
    next if @only && !grep { index($called, $_) == 0 } @only;
    $name .= ", $way";
    $gateway = FpgoGateway->start('--token', $TOKEN);
    eval { $judge->(); 1 } or fail("$name: $@");
    sent_once($name, $gateway);
    $_->stop('immediate', fail_ok => 1) for grep { defined } $primary, $first, $second;
    ($primary, $first, $second) = ();
    $gateway->stop;
}
done_testing();

my $n_clusters;

# A primary that trusts failovers, and two standbys.
sub set_up {
    my $id = ++$n_clusters;
    $primary = new_shop("primary_$id", $way, $gateway);
    $primary->safe_psql('postgres', q{ALTER SERVER frontpayment OPTIONS (ADD failover 'trust')});
    $first  = standby_of($primary, "first_$id",  as => 'standby_1');
    $second = standby_of($primary, "second_$id", as => 'standby_2');
    for my $node ($primary, $first, $second) {
        $node->append_conf('postgresql.conf', "synchronous_standby_names = 'FIRST 1 (standby_1, standby_2)'\n");
        $node->reload;
    }
    wait_for('a synchronous standby', sub { $primary->safe_psql('template1',
        q{SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'}) });
    sends_all("$name: at first", $primary, $gateway, queue($primary, 3));
    return;
}

# The first standby confirms nothing, until it is woken up.
sub stop_confirming {
    my $receiver = $first->safe_psql('template1', 'SELECT pid FROM pg_stat_wal_receiver');
    kill 'STOP', $receiver or die "process $receiver: $!\n";
    return $receiver;
}

sub waiting { return $primary->safe_psql('template1', qq{SELECT max(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND $_[0]}); }

# Orders that are queued without waiting for a standby.
sub queue_locally { return queue($primary, $_[0], 'SET synchronous_commit = local'); }

sub n_received { return scalar $gateway->ledger; }

# The first standby takes over, and sends the rest.
sub fail_over {
    my (@queued) = @_;
    $first->promote;
    lead($second, $first);
    sends_rest("$name: after the failover", $first, $gateway, @queued);
    return;
}

# --- what ends the wait for a standby --------------------------------------------------

sub postmaster_killed {
    set_up();
    my @queued   = half_sent($primary, $gateway, $n);
    my $receiver = stop_confirming();
    wait_for('the worker to wait for the standby', sub { waiting(q{backend_type = 'fpgo worker'}) });
    # what was under way is answered
    sleep 0.5;
    $gateway->behave;
    my @pids   = pids_of($primary);
    my $before = n_received();
    $primary->kill9;
    wait_for('the end of all its processes', sub { !grep { kill 0, $_ } @pids });
    is(n_received(), $before, "$name: nothing is sent by what it left");
    kill 'CONT', $receiver;
    fail_over(@queued);
    return;
}

sub call_ended {
    my ($setting, $end) = @_;
    set_up();
    my $receiver = stop_confirming();
    my @queued   = queue_locally($n);
    my $before   = n_received();
    my $session  = open_session($primary);
    run_in($session, $setting) if $setting;
    begin_in($session, 'CALL fpgo.deliver()');
    wait_for('the claim to wait for the standby', sub { waiting('pid = ' . pid_of($session)) });
    $end->($primary, pid_of($session));
    ends($name, finish_within($name, $session, 20), '57014');
    is(n_received(), $before, "$name: nothing is sent");
    is($primary->safe_psql('postgres', q{SELECT count(*) FROM fpgo_internal.submission WHERE state = 'uncertain'}), 0,
        "$name: nothing is uncertain");
    $primary->kill9;
    eval { $session->quit };
    kill 'CONT', $receiver;
    # what had not left the primary is lost with it
    my @arrived = promote_and_list();
    sends_rest("$name: after the failover", $first, $gateway, @arrived);
    return;
}

# What was given back before waits for a while else.
sub promote_and_list {
    $first->promote;
    lead($second, $first);
    $first->safe_psql('postgres', q{UPDATE fpgo_internal.submission SET not_before = NULL WHERE state = 'queued'});
    return split /\n/, $first->safe_psql('postgres', q{SELECT reference FROM fpgo_internal.submission});
}

sub lowered {
    my ($value) = @_;
    set_up();
    $primary->safe_psql('postgres', "ALTER DATABASE postgres SET synchronous_commit = $value");
    $primary->restart;
    wait_for('a synchronous standby', sub { $primary->safe_psql('template1',
        q{SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND application_name = 'standby_1'}) });
    my $receiver = stop_confirming();
    my @queued   = queue_locally(20);
    my $before   = n_received();
    begin_delivery($primary);
    wait_for('who delivers to wait for the standby', sub { waiting(q{application_name <> 'probe'}) });
    is(n_received(), $before, "$name: nothing is sent that no standby has");
    $primary->kill9;
    kill 'CONT', $receiver;
    finish_delivery($primary) if $primary->{fpgo_session};
    my @arrived = promote_and_list();
    sends_rest("$name: after the failover", $first, $gateway, @arrived);
    return;
}

# --- restarts and crashes ------------------------------------------------------------------

sub restarts {
    $primary = new_shop('restarted_' . ++$n_clusters, $way, $gateway);
    my @queued = half_sent($primary, $gateway, $n);
    my $n_held = 0;
    for my $i (1 .. $n_restarts) {
        if ($i % 10 == 5) {
            my @pids = pids_of($primary);
            $primary->kill9;
            wait_for('the end of all its processes', sub { !grep { kill 0, $_ } @pids });
        }
        else { $primary->stop((qw(fast immediate fast))[ $i % 3 ]); }
        finish_delivery($primary) if $primary->{fpgo_session};
        $primary->start;
        push @queued, queue($primary, 2);
        begin_delivery($primary);
        $n_held++ if held_by($primary) ne '';
    }
    $gateway->behave;
    finish_delivery($primary) if $primary->{fpgo_session};
    is($n_held, 0, "$name: nothing is held after any of them");
    # after doubt, orders leave one at a time
    release_holds($primary);
    sends_rest($name, $primary, $gateway, @queued);
    return;
}
