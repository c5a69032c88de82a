# Switchovers, failovers and losses in the middle of a queue, each with worker and with
# CALL: no order is sent twice, and what may be sent is sent by itself or after one
# statement.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCopies;
use FpgoTest;
use Test::More;

my $n     = $ENV{FPGO_COPIED} // 200;
my @ways  = split / /, $ENV{FPGO_WAYS} // 'worker call';
my %only  = map { $_ => 1 } split /;/, $ENV{FPGO_KINDS} // '';
my $names = "synchronous_standby_names = 'FIRST 1 (standby_1, standby_2, primary)'\n";
my ($name, $way, $gateway, $primary, $first, $second);

my @cases = (
    [ 'planned, synchronous'             => \&planned_synchronous ],
    [ 'planned, synchronous, with trust' => sub { planned_with_trust(1) } ],
    [ 'planned, as Patroni does it'      => sub { planned_with_trust('primary') } ],
    [ 'planned, asynchronous'            => \&planned_asynchronous ],
    [ 'restart, then loss'               => \&restart_then_loss ],
    [ 'restart, then loss, synchronous'  => \&restart_then_loss_synchronous ],
    [ 'failover'                         => sub { failover(0) } ],
    [ 'failover with trust'              => sub { failover(1) } ],
    [ 'asynchronous failover with trust' => \&failover_asynchronous ],
    [ 'cascade'                          => \&cascade ],
    [ 'two promoted'                     => \&two_promoted ]);

for my $next (@ways) {
    $way = $next;
    for my $case (@cases) {
        my ($called, $judge) = @$case;
        next if %only && !$only{$called};
        $name    = "$called, $way";
        $gateway = FpgoGateway->start('--token', $TOKEN);
        eval { $judge->(); 1 } or fail("$name: $@");
        $gateway->behave;
        sent_once($name, $gateway);
        for my $node (grep { defined } $primary, $first, $second) {
            check_log($node);
            $node->stop('immediate', fail_ok => 1);
        }
        ($primary, $first, $second) = ();
        $gateway->stop;
    }
}
done_testing();

# --- nodes ------------------------------------------------------------------------------

my $n_clusters;

# A primary that has sent something, and standbys of it: the first one, and the second
# one, which follows the primary or, in a cascade, the first.
sub set_up {
    my (%wish) = @_;
    my $id = ++$n_clusters;
    $primary = new_shop("primary_$id", $way, $gateway);
    $primary->safe_psql('postgres', q{ALTER SERVER frontpayment OPTIONS (ADD failover 'trust')}) if $wish{trust};
    $first  = standby_of($primary, "first_$id",                                 as => 'standby_1');
    $second = standby_of($wish{cascade} ? $first : $primary, "second_$id", as => 'standby_2') if $wish{second};
    if ($wish{synchronous}) {
        for my $node ($primary, $wish{synchronous} eq 'primary' ? () : grep { defined } $first, $second) {
            $node->append_conf('postgresql.conf', $names);
            $node->reload;
        }
        # obeyed from when the checkpointer has read it
        wait_for('a synchronous standby', sub { $primary->safe_psql('template1',
            q{SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'}) });
    }
    sends_all("$name: at first", $primary, $gateway, queue($primary, 3));
    return;
}

# The node is promoted, and others follow it.
sub promote {
    my ($node, @others) = @_;
    $node->promote;
    for my $other (@others) {
        if ($other->{_pid}) { lead($other, $node); }
        else                { follow($other, $node, $other == $primary ? 'primary' : 'standby_1'); }
    }
    return;
}

# What a primary that is gone leaves: it sends what it has claimed to the end, or not.
sub lose_primary {
    my @pids = pids_of($primary);
    $primary->kill9;
    wait_for('the end of all its processes', sub { !grep { kill 0, $_ } @pids });
    $gateway->behave;
    finish_delivery($primary) if $primary->{fpgo_session};
    return;
}

# --- planned ----------------------------------------------------------------------------

sub planned_synchronous {
    set_up(synchronous => 1, second => 1);
    my @queued = half_sent($primary, $gateway, $n);
    $primary->stop;
    $gateway->behave;
    finish_delivery($primary) if $primary->{fpgo_session};
    promote($first, $second, $primary);
    sends_new("$name: there", $first, $gateway);
    sent_once("$name: there", $gateway);
    take_seat($first, 'send');
    sends_rest("$name: with one statement", $first, $gateway, @queued);
    return;
}

# Patroni defines synchronous standbys of the new primary when others have joined it.
sub planned_with_trust {
    my ($synchronous) = @_;
    set_up(synchronous => $synchronous, second => 1, trust => 1);
    my @queued = half_sent($primary, $gateway, $n);
    $primary->stop;
    $gateway->behave;
    finish_delivery($primary) if $primary->{fpgo_session};
    promote($first, $second, $primary);
    sends_rest($name, $first, $gateway, @queued);
    return;
}

sub planned_asynchronous {
    set_up();
    my @queued = half_sent($primary, $gateway, $n);
    $primary->stop;
    $gateway->behave;
    finish_delivery($primary) if $primary->{fpgo_session};
    promote($first, $primary);
    sends_new($name, $first, $gateway);
    take_seat($first, 'send');
    sends_rest("$name: with one statement", $first, $gateway, @queued);
    return;
}

# --- a restart, and then a loss ---------------------------------------------------------------

# The standby has what the primary wrote until its stop, and nothing of its next life.
sub restart_then_loss {
    set_up(@_);
    my $last   = $second // $first;
    my @queued = half_sent($primary, $gateway, $n);
    $primary->stop;
    finish_delivery($primary) if $primary->{fpgo_session};
    cut_off($last);
    my $before = () = $gateway->ledger;
    $primary->start;
    begin_delivery($primary);
    wait_for('the primary to send on', sub { $gateway->ledger > $before + 12 });
    lose_primary();
    # with nobody to wait for
    $last->append_conf('postgresql.conf', "synchronous_standby_names = ''\n");
    $last->reload;
    promote($last);
    sends_new($name, $last, $gateway);
    return;
}

sub restart_then_loss_synchronous { return restart_then_loss(synchronous => 1, second => 1); }

# --- failovers -----------------------------------------------------------------------------

sub failover {
    my ($trust) = @_;
    set_up(synchronous => 1, second => 1, trust => $trust);
    my @queued = half_sent($primary, $gateway, $n);
    lose_primary();
    promote($first, $second);
    if (!$trust) {
        sends_new($name, $first, $gateway);
        sent_once("$name: at first", $gateway);
        take_seat($first, 'send');
    }
    sends_rest($name, $first, $gateway, @queued);
    return;
}

# Trust counts only while synchronous standbys are defined.
sub failover_asynchronous {
    set_up(trust => 1);
    my @queued = half_sent($primary, $gateway, $n);
    cut_off($first);
    my $before = () = $gateway->ledger;
    wait_for('the primary to send on', sub { $gateway->ledger > $before + 8 });
    lose_primary();
    promote($first);
    sends_new($name, $first, $gateway);
    return;
}

sub cascade {
    set_up(second => 1, cascade => 1);
    my @queued = half_sent($primary, $gateway, $n);
    cut_off($second);
    promote($second);
    $gateway->behave;
    sends_new($name, $second, $gateway);
    finish_delivery($primary);
    sends_all("$name: the primary", $primary, $gateway, @queued);
    return;
}

sub two_promoted {
    set_up(second => 1);
    my @queued = half_sent($primary, $gateway, $n);
    lose_primary();
    promote($_) for $first, $second;
    sends_new("$name: $_->{_name}", $_, $gateway) for $first, $second;
    return;
}
