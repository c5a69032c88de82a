# Nine kinds of copy, taken in the middle of a queue, each with worker and with CALL:
# the copy sends none of the original's orders, and none of its own, until one statement
# gives it the seat.  A block-level clone is told apart by fpgo.site only.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCopies;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $n    = $ENV{FPGO_COPIED} // 200;
my @ways = split / /, $ENV{FPGO_WAYS} // 'worker call';
my %only = map { $_ => 1 } split /;/, $ENV{FPGO_KINDS} // '';

# name, what is there before the queue, what makes the copy in the middle of it, and
# whether new orders are sent at once, since it was promoted
my @kinds = (
    [ 'base backup', undef, \&base_backup ],
    [ 'copied directory', undef, sub { copied_by(@_[ 0, 1 ], 'cp', '-a') } ],
    [ 'crash-consistent copy', undef, \&crash_consistent_copy ],
    [ 'recovery to a point', \&early_backup, sub { recovered('recovery', @_) } ],
    [ 'recovery to a point by standby.signal', \&early_backup, sub { recovered('standby', @_) } ],
    [ 'template', undef, \&template_copy ],
    [ 'restored dump', undef, \&restored_dump ],
    [ 'lagging standby', sub { standby_of($_[0], $_[1]) }, \&promoted_beside, 1 ],
    [ 'rewound primary', sub { standby_of($_[0], $_[1]) }, \&rewound, 1 ],
    [ 'subscriber', undef, \&subscriber ]);

# those of a case
my @nodes;

for my $way (@ways) {
    for my $kind (@kinds) {
        my ($called, $prepare, $copy, $is_promoted) = @$kind;
        next if %only && !$only{$called};
        eval { judge($called, $way, $prepare, $copy, $is_promoted); 1 } or fail("$called, $way: $@");
        $_->stop('immediate', fail_ok => 1) for splice @nodes;
    }
}
done_testing();

sub judge {
    my ($called, $way, $prepare, $make, $is_promoted) = @_;
    my $name     = "$called, $way";
    my $short    = $name =~ s/\W+/_/gr;
    my $gateway  = FpgoGateway->start('--token', $TOKEN);
    my $original = new_shop("original_$short", $way, $gateway);
    @nodes = ($original);
    sends_all("$name: at first", $original, $gateway, queue($original, 3));
    my $prepared = $prepare && $prepare->($original, "copy_$short");
    push @nodes, $prepared if ref $prepared;
    my @queued   = half_sent($original, $gateway, $n);
    my $copy     = $make->($original, "copy_$short", $prepared, $gateway);
    push @nodes, $copy unless $copy == $original || $prepared && $copy == $prepared;
    $gateway->behave;
    my @new;
    if ($is_promoted) { sends_new($name, $copy, $gateway); }
    else              { @new = holds_all($name, $copy, $gateway); }
    if ($copy != $original) {
        finish_delivery($original);
        sends_all("$name: the original", $original, $gateway, @queued);
    }
    sent_once($name, $gateway);
    my $left = count_queued($copy) - @new;
    # (a subscriber hears what becomes of each)
    cmp_ok($left, '>', 0, "$name: orders were queued in the copy") if $called ne 'subscriber';
    note("$name: $left of $n orders were queued in the copy");
    take_seat_and_send($name, $copy, $gateway, $way eq 'worker' ? 'hold' : 'cancel', $left, @new);
    sent_once("$name, later", $gateway);
    check_log($copy);
    $gateway->stop;
    return;
}

# --- recovery to a point in time -----------------------------------------------------

sub early_backup {
    my ($original, $name) = @_;
    my $directory = $original->basedir . "/$name";
    $original->run_log([ 'pg_basebackup', '-D', $directory, '-h', $original->host, '-p', $original->port,
            '--checkpoint=fast', '--no-sync', '-X', 'stream' ]) or die "no base backup\n";
    return $directory;
}

# (the original's own log is the archive)
sub recovered {
    my ($signal, $original, $name, $directory) = @_;
    my $wal = $original->data_dir . '/pg_wal';
    $original->safe_psql('postgres', q{SELECT pg_create_restore_point('queued'); SELECT pg_switch_wal()});
    my $copy = new_of($original, $name, $directory);
    $copy->append_conf('postgresql.conf',
        qq{restore_command = 'cp "$wal/%f" "%p"'\nrecovery_target_name = 'queued'\nrecovery_target_action = promote\n});
    append_to_file($copy->data_dir . "/$signal.signal", '');
    $copy->start;
    $copy->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die "no end of recovery\n";
    return $copy;
}

# --- standbys -------------------------------------------------------------------------

# It has the whole queue, and hears nothing of what is sent; its primary goes on.
sub promoted_beside {
    my ($original, $name, $standby) = @_;
    cut_off($standby);
    $standby->promote;
    return $standby;
}

# The primary sends on while another one is promoted, is rewound, follows that one, and
# is promoted again when that one is gone.
sub rewound {
    my ($original, $name, $standby, $gateway) = @_;
    cut_off($standby);
    wait_for('the primary to send on', sub { $gateway->ledger > 0.2 * $n });
    $standby->promote;
    # without that, pg_rewind sees no other timeline
    $standby->safe_psql('template1', 'CHECKPOINT');
    $original->stop;
    finish_delivery($original) if $original->{fpgo_session};
    must_run('cp', $original->data_dir . '/postgresql.conf', $original->basedir);
    $original->run_log([ 'pg_rewind', '-D', $original->data_dir, '--source-server', $standby->connstr('template1'),
            '--no-sync' ]) or die "no rewind\n";
    must_run('cp', $original->basedir . '/postgresql.conf', $original->data_dir);
    follow($original, $standby);
    caught_up($original, $standby);
    $standby->stop;
    $original->promote;
    return $original;
}

# --- logical replication --------------------------------------------------------------

sub subscriber {
    my ($original, $name) = @_;
    my $file = $original->basedir . '/schema.sql';
    $original->run_log([ 'pg_dump', '--schema-only', '-h', $original->host, '-p', $original->port, '-f', $file, 'postgres' ])
      or die "no dump\n";
    $original->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');
    my $copy = empty_cluster($name, $original);
    restore_into($copy, $file);
    # those that come from the publisher, and not its own
    $copy->safe_psql('postgres', 'TRUNCATE fpgo_internal.account CASCADE');
    $copy->safe_psql('postgres', sprintf q{CREATE SUBSCRIPTION everything CONNECTION '%s' PUBLICATION everything},
        $original->connstr('postgres') =~ s/'/''/gr);
    # its own numbers come after theirs
    $copy->safe_psql('postgres', q{SELECT setval(c.oid::regclass, 1000000) FROM pg_class c
        WHERE relkind = 'S' AND relnamespace = 'fpgo_internal'::regnamespace});
    wait_for('the queue to arrive', sub { count_queued($copy) });
    return $copy;
}
