# Data directories that are moved, restored over, upgraded, cloned, and on other file
# systems: none sends an order twice, and a place that stays the same holds nothing.  The
# test mounts file systems in a namespace of its own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

# User and rights stay, so that PostgreSQL starts and mount works.  The modules of
# PostgreSQL, once loaded, take the output.
BEGIN {
    if (!$ENV{FPGO_NAMESPACE}) {
        $ENV{FPGO_NAMESPACE} = 1;
        exec 'unshare', '--user', '--map-current-user', '--keep-caps', '--mount', '--uts', $^X, $0, @ARGV
          or die "unshare: $!\n";
    }
}

use FpgoCopies;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $n     = $ENV{FPGO_COPIED} // 200;
my @ways  = split / /, $ENV{FPGO_WAYS} // 'worker call';
my @only  = split /;/, $ENV{FPGO_KINDS} // '';
my @cases = (
    [ 'moved by mv',              \&moved_by_mv ],
    [ 'moved by cp',              \&moved_by_cp ],
    [ 'promotes itself',          \&promotes_itself ],
    [ 'tmpfs',                    \&moved_to_tmpfs ],
    [ 'bind mount',               \&bind_mount ],
    [ 'overlay',                  \&overlay ],
    [ 'containers',               \&containers ],
    [ 'statx refused',            \&statx_refused ],
    [ 'rsync of a backup over',   sub { restored_over('rsync', '-a', '--delete') } ],
    [ 'rsync -c of a backup over', sub { restored_over('rsync', '-ac', '--delete') } ],
    [ 'cp of a backup over',      \&cp_over ],
    [ 'block-level clone',        \&block_level_clone ],
    [ 'pgBackRest over',          \&pgbackrest_over ],
    [ 'dump into a new database', \&dump_into_new ],
    [ 'dump over the database',   \&dump_over ],
    [ 'pg_upgrade',               \&pg_upgrade ],
    [ 'pg_checksums',             sub { in_place('pg_checksums', '--enable') } ],
    [ 'pg_resetwal',              sub { in_place('pg_resetwal', '-f') } ]);

my ($name, $way, $gateway, $node, @others, @queued);
my $n_nodes = 0;
for my $next (@ways) {
    $way = $next;
    for my $case (@cases) {
        my ($called, $judge) = @$case;
        next if @only && !grep { $called eq $_ } @only;
        $name    = "$called, $way";
        $gateway = FpgoGateway->start('--token', $TOKEN);
        eval {
            $node = new_shop('place_' . ++$n_nodes, $way, $gateway);
            sends_all("$name: at first", $node, $gateway, queue($node, 3));
            pause($node);
            @queued = queue($node, $n);
            $judge->();
            1;
        } or fail("$name: $@");
        sent_once($name, $gateway);
        $_->stop('immediate', fail_ok => 1) for $node, splice @others;
        $gateway->stop;
    }
}
done_testing();

# The same place, as far as anybody could tell: all flows.
sub goes_on { return sends_all("$name: $_[0]", $node, $gateway, @queued); }

# Another place, though nothing is left in the old one: one statement.
sub goes_on_with_statement {
    my ($what) = @_;
    my @new = holds_all("$name: $what", $node, $gateway, scalar @queued);
    sent_once("$name: $what", $gateway);
    take_seat_and_send("$name: $what", $node, $gateway, 'send', scalar @queued, @new);
    sends_all("$name: $what, all", $node, $gateway, @queued);
    # and it stays so
    $node->restart;
    sends_all("$name: $what, restarted", $node, $gateway, queue($node, 3));
    return;
}

sub mount {
    must_run('mount', @_);
    return;
}

# --- moved ------------------------------------------------------------------------------

sub moved_by_mv {
    my $there = $node->basedir . '/elsewhere';
    $node->stop;
    must_run('mv', $node->data_dir, $there);
    symlink $there, $node->data_dir or die "$!\n";
    $node->start;
    return goes_on('in another directory');
}

sub moved_by_cp {
    my $there = $node->basedir . '/elsewhere';
    $node->stop;
    must_run('mv', $node->data_dir, $there);
    must_run('cp', '-a', $there, $node->data_dir);
    $node->start;
    return goes_on_with_statement('in a copied directory');
}

sub moved_to_tmpfs {
    my $there = $node->basedir . '/elsewhere';
    $node->stop;
    must_run('mv', $node->data_dir, $there);
    mkdir $node->data_dir;
    mount('-t', 'tmpfs', 'none', $node->data_dir);
    must_run('cp', '-a', "$there/.", $node->data_dir);
    chmod 0700, $node->data_dir;
    $node->start;
    return goes_on_with_statement('on tmpfs');
}

sub bind_mount {
    my $there = $node->basedir . '/elsewhere';
    $node->stop;
    must_run('mv', $node->data_dir, $there);
    mkdir $node->data_dir, 0700;
    mount('--bind', $there, $node->data_dir);
    $node->start;
    return goes_on('mounted elsewhere');
}

# As Patroni starts a server that stands alone: as a standby of nobody, promoted.
sub promotes_itself {
    for my $mode ('fast', 'immediate') {
        $node->stop($mode);
        $node->set_standby_mode;
        $node->start;
        $node->promote;
        sends_all("$name after a stop, $mode", $node, $gateway, @queued, queue($node, 3));
    }
    return;
}

# --- containers -----------------------------------------------------------------------------

# Two containers of one image that has the data directory in it.
sub overlay {
    my $base = $node->basedir;
    $node->stop;
    must_run('mv', $node->data_dir, "$base/image");
    my @pair = ($node, same_way(PostgreSQL::Test::Cluster->new('container_' . $n_nodes), $node));
    for my $container (@pair) {
        my $own = $container->basedir;
        mkdir "$own/$_", 0700 for 'upper', 'work', 'pgdata';
        mount('-t', 'overlay', 'overlay', '-o', "lowerdir=$base/image,upperdir=$own/upper,workdir=$own/work", $container->data_dir);
        $container->append_conf('postgresql.conf', 'port = ' . $container->port . "\n");
        $container->start;
    }
    push @others, $pair[1];
    my @new = map { [ holds_all("$name: $_->{_name}", $_, $gateway, $n) ] } @pair;
    sent_once("$name: two of one image", $gateway);
    take_seat_and_send("$name: the first", $pair[0], $gateway, 'send', $n, @{ $new[0] });
    take_seat_and_send("$name: the second", $pair[1], $gateway, 'cancel', $n, @{ $new[1] });
    for (1 .. 3) {
        $node->restart;
        sends_all("$name: the first, restarted", $node, $gateway, queue($node, 2));
    }
    return;
}

# Another host name and machine-id at each start.
sub containers {
    for my $i (1 .. 3) {
        $node->stop;
        must_run('hostname', "container-$i");
        my $file = $node->basedir . "/machine-id-$i";
        append_to_file($file, sprintf "%032x\n", $i);
        # (not every machine has one)
        mount('--bind', $file, '/etc/machine-id') if -e '/etc/machine-id';
        $node->start;
        sends_all("$name: start $i", $node, $gateway, @queued, queue($node, 2));
    }
    return;
}

# What is not told is not compared.
sub statx_refused {
    for my $told ('refused', undef, 'refused') {
        $node->stop;
        if ($told) { start_told($node, $told); }
        else       { $node->start; }
        sends_all($told ? "$name" : "$name no more", $node, $gateway, @queued, queue($node, 3));
    }
    return;
}

# --- restored over ------------------------------------------------------------------------------

# A backup with the queue in it comes over a directory that has sent all of it.
sub backup_and_send {
    my ($is_cold) = @_;
    my $backup = $node->basedir . '/restored';
    if ($is_cold) {
        $node->stop;
        must_run('cp', '-a', $node->data_dir, $backup);
        $node->start;
    }
    else {
        $node->run_log([ 'pg_basebackup', '-D', $backup, '-h', $node->host, '-p', $node->port,
                '--checkpoint=fast', '--no-sync', '-X', 'stream' ]) or die "no base backup\n";
        resume($node);
    }
    # rsync takes files of the same size and second for the same
    sleep 1.1;
    sends_all("$name: before", $node, $gateway, @queued);
    $node->stop;
    return $backup;
}

sub restored_over {
    my (@command) = @_;
    my $backup = backup_and_send();
    must_run(@command, "$backup/", $node->data_dir . '/');
    $node->start;
    my @new = holds_all($name, $node, $gateway, $n);
    sent_once("$name: restored", $gateway);
    take_seat_and_send($name, $node, $gateway, 'cancel', $n, @new);
    return;
}

# In place, to the end of the backup.
sub pgbackrest_over {
    my $base = $node->basedir;
    my @command = ('pgbackrest', "--config=$base/pgbackrest.conf", '--stanza=shop');
    append_to_file("$base/pgbackrest.conf", join "\n", '[global]', "repo1-path=$base/repository", "log-path=$base",
        "lock-path=$base/lock", "spool-path=$base/spool", 'log-level-console=warn', 'start-fast=y', '[shop]',
        'pg1-path=' . $node->data_dir, 'pg1-port=' . $node->port, 'pg1-socket-path=' . $node->host,
        'pg1-user=' . getpwuid($>), 'pg1-database=template1', '');
    $node->append_conf('postgresql.conf', "archive_mode = on\narchive_command = '@command archive-push %p'\n");
    $node->restart;
    # (the worker is back after that)
    sends_all("$name: archived", $node, $gateway, splice @queued);
    pause($node);
    @queued = queue($node, $n);
    must_run(@command, 'stanza-create');
    must_run(@command, 'backup');
    resume($node);
    # it takes files of the same size and second for the same
    sleep 1.1;
    sends_all("$name: before", $node, $gateway, @queued);
    $node->stop;
    must_run(@command, '--delta', '--type=immediate', '--target-action=promote', 'restore');
    $node->start;
    $node->poll_query_until('template1', 'SELECT NOT pg_is_in_recovery()');
    my @new = holds_all($name, $node, $gateway, $n);
    sent_once("$name: restored", $gateway);
    take_seat_and_send($name, $node, $gateway, 'cancel', $n, @new);
    return;
}

# Nothing of the directory's sign changes, as when a snapshot is rolled back.
sub cp_over {
    my $backup = backup_and_send('cold');
    my $before = sign_of($node);
    must_run('cp', '-a', "$backup/.", $node->data_dir);
    is(sign_of($node), $before, "$name: the sign is the same");
    start_at($node, 'restored');
    my @new = holds_all("$name, another fpgo.site", $node, $gateway, $n);
    sent_once("$name, another fpgo.site", $gateway);
    take_seat_and_send("$name, another fpgo.site", $node, $gateway, 'cancel', $n, @new);
    return sent_again_without_site(sub {
        $node->stop;
        must_run('find', $node->data_dir, '-name', 'postmaster.pid', '-delete');
        must_run('cp', '-a', "$backup/.", $node->data_dir);
        $node->start;
    });
}

# As documented, fpgo cannot see it: all is sent again.  That gateway is judged no more.
sub sent_again_without_site {
    my ($start) = @_;
    sent_once("$name, before", $gateway);
    $start->();
    wait_for('the queue to be sent again', sub { deliver($_[0] // $node); doubled($gateway) >= $n });
    is(scalar(doubled($gateway)), $n, "$name: without fpgo.site all are sent twice, as README says");
    $gateway->clear;
    return;
}

# Simulated: a copied directory, with a statx() that says what it said of the original.
sub block_level_clone {
    my $clone = same_way(PostgreSQL::Test::Cluster->new('clone_' . $n_nodes), $node);
    my $again = $node->basedir . '/again';
    push @others, $clone;
    $node->stop;
    my $sign = sign_of($node);
    must_run('cp', '-a', $node->data_dir, $again);
    must_run('cp', '-a', $node->data_dir, $clone->data_dir);
    $node->start;
    $clone->append_conf('postgresql.conf', 'port = ' . $clone->port . "\n");
    {
        my $file = $clone->basedir . '/site.conf';
        append_to_file($file, "fpgo.site = 'staging'\n");
        $clone->append_conf('postgresql.conf', "include = '$file'\n");
        start_told($clone, $sign);
    }
    my @new = holds_all("$name, another fpgo.site", $clone, $gateway, $n);
    sends_all("$name: the original", $node, $gateway, @queued);
    take_seat_and_send("$name, another fpgo.site", $clone, $gateway, 'hold', $n, @new);
    return sent_again_without_site(sub {
        $clone->stop;
        must_run('rm', '-rf', $clone->data_dir);
        must_run('mv', $again, $clone->data_dir);
        $clone->append_conf('postgresql.conf', 'port = ' . $clone->port . "\n");
        start_told($clone, $sign);
        $node->stop;
        $node = $clone;
        @others = ();
    });
}

# --- dumps ----------------------------------------------------------------------------------

sub dump_and_send {
    my (@how) = @_;
    my $file = $node->basedir . '/dump.sql';
    $node->run_log([ 'pg_dump', @how, '-h', $node->host, '-p', $node->port, '-f', $file, 'postgres' ]) or die "no dump\n";
    resume($node);
    sends_all("$name: before", $node, $gateway, @queued);
    pause($node);
    return $file;
}

sub dump_into_new {
    my $file = dump_and_send();
    $node->safe_psql('template1', 'DROP DATABASE postgres');
    $node->safe_psql('template1', 'CREATE DATABASE postgres TEMPLATE template0');
    return restored($file);
}

# In the same database, of the same cluster, in the same directory: the tables are
# others.
sub dump_over { return restored(dump_and_send('--clean')); }

sub restored {
    my ($file) = @_;
    restore_into($node, $file);
    $node->restart;
    my @new = holds_all($name, $node, $gateway, $n);
    sent_once("$name: restored", $gateway);
    take_seat_and_send($name, $node, $gateway, 'cancel', $n, @new);
    return;
}

# --- PostgreSQL's own programs ---------------------------------------------------------------------

sub pg_upgrade {
    my $new = same_way(PostgreSQL::Test::Cluster->new('upgraded_' . $n_nodes), $node);
    my $bin = `$ENV{PG_CONFIG} --bindir`;
    chomp $bin;
    $node->stop;
    $new->init(allows_streaming => 'logical');
    must_run('cp', $node->data_dir . '/postgresql.conf', $new->data_dir);
    $new->append_conf('postgresql.conf', 'port = ' . $new->port . "\n");
    my $directory = $new->basedir;
    must_run('sh', '-c', "cd '$directory' && pg_upgrade --link --no-sync -b '$bin' -B '$bin' -d '@{[ $node->data_dir ]}' "
          . "-D '@{[ $new->data_dir ]}' -s '@{[ $new->host ]}' -p @{[ $node->port ]} -P @{[ $new->port ]} >log 2>&1 || { cat log; false; }");
    $node = $new;
    $node->start;
    return goes_on_with_statement('upgraded');
}

# Programs that change a stopped directory where it is.
sub in_place {
    my (@command) = @_;
    $node->stop;
    must_run(@command, '-D', $node->data_dir);
    $node->start;
    return goes_on('as before');
}
