package FpgoCopies;

# A shop whose database is copied while orders are queued in it: ways to copy it, and
# what original and copy send.  All sent twice is found in the gateway's ledger.
#
#     my $gateway  = FpgoGateway->start('--token', $TOKEN);
#     my $original = new_shop('original', 'worker', $gateway);
#     my @queued   = queue($original, 20);
#     my $copy     = base_backup($original, 'copy');
#     holds_all('a base backup', $copy);
#     sends_all('the original', $original, $gateway, @queued);
#     sent_once('a base backup', $gateway);
#
# Orders are delivered by a resident worker, or by CALL: a shop's way is 'worker',
# 'call', or 'bare', which is CALL without preloading.

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FpgoTest;

our @EXPORT = qw(ask base_backup begin_delivery caught_up copied_by crash_consistent_copy count_queued cut_off deliver doubled
  empty_cluster finish_delivery follow half_sent held_by holds_all lead may_not_submit must_run new_of new_shop
  pause pids_of queue restore_into restored_dump resume same_way
  sends_all sends_new sends_rest sent_once sign_of standby_of start_at start_told take_seat take_seat_and_send template_copy wait_until_idle);

# --- shops ----------------------------------------------------------------------

# new_shop($name, $way, $gateway, %more): a cluster that can be copied in every way.
# More is for new_cluster.
sub new_shop {
    my ($name, $way, $gateway, %wish) = @_;
    my $more = delete $wish{settings} // '';
    my $node = new_cluster($name,
        url      => $gateway->address,
        options  => q{timeout '20s', concurrency '4'},
        init     => [ allows_streaming => 'logical' ],
        settings => settings_of($way) . $more,
        %wish);
    $node->{fpgo_way} = $way;
    return $node;
}

# what goes into postgresql.conf for a way
sub settings_of {
    my ($way) = @_;
    my $databases = $way eq 'worker' ? 'postgres, copy' : '';
    return ($way eq 'bare' ? '' : "shared_preload_libraries = 'fpgo'\nfpgo.databases = '$databases'\n")
      . "max_connections = 20\nrestart_after_crash = on\nfpgo.reconcile_interval = 0\nautovacuum = off\nwal_keep_size = 64MB\n";
}

# same_way($node, $other): the first delivers as the other does; returns the first.
sub same_way {
    my ($node, $other) = @_;
    $node->{fpgo_way} = $other->{fpgo_way};
    return $node;
}

# Connect to a database of a node; those of these shops are all named postgres but
# for a copy within the cluster.
sub database_of { return $_[0]{fpgo_database} // 'postgres'; }

sub ask {
    my ($node, $sql) = @_;
    return $node->safe_psql(database_of($node), "SET fpgo.undelivered_notice = off; $sql");
}

# queue($node, $n[, $setting]): queue that many orders in one transaction, in a session
# with a setting ("SET ..."); their references.
my $n_queues = 0;

sub queue {
    my ($node, $n, $setting) = @_;
    my $prefix = sprintf 'C%d-%d', $$, ++$n_queues;
    my $order  = literal(order(referenceNo => undef));
    $setting //= 'RESET synchronous_commit';
    ask($node, qq{$setting;
        SELECT count(fpgo.enqueue_invoice(${order}::jsonb
            || jsonb_build_object('referenceNo', '$prefix-' || i, 'orderDate', (1600000000 + $n_queues * 10000 + i)::text)))
        FROM generate_series(1, $n) i});
    return map { "$prefix-$_" } 1 .. $n;
}

# How many are queued in a database.
sub count_queued { return ask($_[0], q{SELECT count(*) FROM fpgo_internal.submission WHERE state = 'queued'}); }

# --- delivery -------------------------------------------------------------------

# begin_delivery($node): what is queued there is delivered from now on.
sub begin_delivery {
    my ($node) = @_;
    return if $node->{fpgo_way} eq 'worker';
    my $session = $node->{fpgo_session} = open_session($node, database => database_of($node));
    begin_in($session, 'CALL fpgo.deliver()');
    return;
}

# finish_delivery($node): until what can be delivered there has been.
sub finish_delivery {
    my ($node) = @_;
    if (my $session = delete $node->{fpgo_session}) {
        finish_in($session);
        eval { $session->quit };
    }
    return wait_until_idle($node);
}

sub deliver {
    my ($node) = @_;
    begin_delivery($node);
    return finish_delivery($node);
}

# wait_until_idle($node): until nothing is being sent there, and what is queued is
# held because of where it was queued, or who may send.
sub wait_until_idle {
    my ($node) = @_;
    # CALL ends by itself, whatever is left
    return if $node->{fpgo_way} ne 'worker';
    wait_for("$node->{_name} to send what it may", sub {
        ask($node, q{SELECT count(*) FILTER (WHERE state = 'sending') = 0 AND (count(*) FILTER (WHERE state = 'queued') = 0
            OR EXISTS (SELECT FROM fpgo.holds WHERE kind IN ('origin', 'seat'))) FROM fpgo_internal.submission}) eq 't';
    });
    return;
}

# half_sent($node, $gateway, $n): queue so many, and let them be delivered slowly; their
# references, once the first were received.  The gateway is slow until it behaves.
sub half_sent {
    my ($node, $gateway, $n) = @_;
    $gateway->misbehave({ requests => 0, delay => 0.2 });
    my @references = queue($node, $n);
    begin_delivery($node);
    wait_for_order($gateway, $references[7]);
    return @references;
}

# --- what was sent --------------------------------------------------------------

# doubled($gateway): the references that it received more than once.
sub doubled {
    my ($gateway) = @_;
    my %count;
    $count{ $_->{referenceNo} // '' }++ for $gateway->ledger;
    # (sort itself has no meaning in scalar context)
    my @doubled = sort grep { $count{$_} > 1 } keys %count;
    return @doubled;
}

# sent_once($name, $gateway): assert that no order was received twice by it.
sub sent_once {
    my ($name, $gateway) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @doubled = doubled($gateway);
    return is(scalar @doubled, 0, "$name: no order is sent twice") || diag("sent twice: @doubled[0 .. ($#doubled < 9 ? $#doubled : 9)]");
}

# send_all($node): until nothing is queued any more, or so long that nothing will be sent.
sub send_all {
    my ($node) = @_;
    begin_delivery($node);
    finish_delivery($node) if $node->{fpgo_way} ne 'worker';
    eval { wait_for('an empty queue', sub {
        ask($node, q{SELECT count(*) FROM fpgo_internal.submission WHERE state IN ('queued', 'sending')}) == 0 }, 20) };
    return;
}

# sends_all($name, $node, $gateway, @references): assert that the node delivers all of
# them without being asked, and holds nothing.
sub sends_all {
    my ($name, $node, $gateway, @references) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    send_all($node);
    my %received = map { ($_->{referenceNo} // '') => 1 } $gateway->ledger;
    is(scalar(grep { !$received{$_} } @references), 0, "$name: all orders are sent");
    is(held_by($node), '', "$name: nothing is held");
    return;
}

# sends_new($name, $node, $gateway): assert that a node that was promoted sends new
# orders, and that what was queued there before stays.
sub sends_new {
    my ($name, $node, $gateway) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @new = queue($node, 2);
    deliver($node);
    wait_for("$name: new orders", sub { @new == grep { $gateway->received($_) } @new });
    cmp_ok(count_queued($node), '>', 0, "$name: new orders are sent, and old ones stay queued");
    like(ask($node, q{SELECT string_agg(kind, ' ') FROM fpgo.holds}), qr/\borigin\b/, "$name: the view of holds has them");
    return;
}

# sends_rest($name, $node, $gateway, @references): assert that each of them was sent by
# now, or is uncertain in the node's records, since it was under way at a loss; and
# that nothing is held.
sub sends_rest {
    my ($name, $node, $gateway, @references) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    send_all($node);
    my %is_known = map { $_ => 1 } (map { $_->{referenceNo} // '' } $gateway->ledger),
      split /\n/, ask($node, q{SELECT reference FROM fpgo_internal.submission WHERE state = 'uncertain'});
    is(scalar(grep { !$is_known{$_} } @references), 0, "$name: all orders are sent, but what is uncertain");
    is(held_by($node), '', "$name: nothing is held");
    return;
}

# What a node holds because of where orders were queued, or because of who may send.
sub held_by {
    my ($node) = @_;
    return ask($node, q{SELECT coalesce(string_agg(kind || ': ' || because, '; '), '') FROM fpgo.holds
        WHERE kind IN ('origin', 'seat')});
}

# holds_all($name, $node, $n): assert that the node sends nothing of its $n queued
# orders, nor any new one, and says so.  The references of the new ones.
sub holds_all {
    my ($name, $node, $gateway, $n) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @new = queue($node, 2);
    deliver($node);
    # whoever asks beside the worker may not send either
    ask($node, 'CALL fpgo.deliver()');
    is(count_queued($node), $n + @new, "$name: $n orders stay queued, and new ones") if defined $n;
    is(scalar(grep { $gateway->received($_) } @new), 0, "$name: new orders are not sent");
    cmp_ok(ask($node, q{SELECT count(*) FROM fpgo.holds WHERE kind IN ('origin', 'seat') AND orders > 0}),
        '>', 0, "$name: the view of holds has them");
    isnt(ask($node, q{SELECT count(*) FROM fpgo.doctor() WHERE NOT ok AND hint LIKE '%fpgo.take_seat(%'}), 0,
        "$name: the doctor has the statement that frees them");
    may_not_submit($name, $node, $gateway);
    return @new;
}

# may_not_submit($name, $node, $gateway): assert that submit_invoice is refused there.
sub may_not_submit {
    my ($name, $node, $gateway) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $session = open_session($node, database => database_of($node));
    my ($order, $reference) = new_order();
    my $ended = ends("$name: submit_invoice", submit($session, $order), '55000');
    like($ended->{hint}, qr/fpgo\.take_seat\(/, "$name: submit_invoice has the statement");
    is($gateway->received($reference), 0, "$name: submit_invoice sends nothing");
    eval { $session->quit };
    return;
}

# take_seat($node, $old_orders): this database sends from now on; the row of the answer.
sub take_seat {
    my ($node, $old_orders) = @_;
    return ask($node, qq{SELECT * FROM fpgo.take_seat('frontpayment', 'test', '$old_orders')});
}

# take_seat_and_send($name, $node, $gateway, $old_orders, $n, @new): assert that one
# statement lets a database send its new orders; and the $n old ones are sent, or are not.
sub take_seat_and_send {
    my ($name, $node, $gateway, $old_orders, $n, @new) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    take_seat($node, $old_orders);
    push @new, queue($node, 1);
    deliver($node);
    wait_for('the new orders', sub { @new == grep { $gateway->received($_) } @new });
    my $states = ask($node, q{SELECT concat_ws(' ', count(*) FILTER (WHERE state = 'queued'),
        count(*) FILTER (WHERE state = 'cancelled')) FROM fpgo_internal.submission});
    is($states, { hold => "$n 0", cancel => "0 $n", send => '0 0' }->{$old_orders},
        "$name: once the seat is taken, new orders are sent, and of $n old ones: $old_orders");
    return;
}

# must_run(@command): dies if a command fails.
sub must_run {
    my @command = @_;
    note("@command");
    system(@command) == 0 or die "failed: @command\n";
    return;
}

# sign_of($node): inode and birth time of its global/pg_control, as TOLD_STATX has them
# (test/perl/told_statx.c).
sub sign_of {
    my ($node) = @_;
    my ($inode, $seconds, $rest) = split /[ .]/, `stat -c '%i %.9W' @{[ $node->data_dir ]}/global/pg_control`;
    chomp $rest;
    return join ' ', $inode, $seconds, $rest + 0;
}

# start_told($node, $told): started with a statx() that says that.
sub start_told {
    my ($node, $told) = @_;
    my $library = $node->basedir . '/told_statx.so';
    must_run($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library, dirname(__FILE__) . '/told_statx.c', '-ldl') unless -e $library;
    local $ENV{TOLD_STATX} = $told;
    local $ENV{LD_PRELOAD} = join ' ', grep { defined } $ENV{LD_PRELOAD}, $library;
    $node->start;
    return;
}

# start_at($node, $site): started with that fpgo.site, from a file outside the data directory.
sub start_at {
    my ($node, $site) = @_;
    my $file = $node->basedir . '/site.conf';
    unlink $file;
    append_to_file($file, "fpgo.site = '$site'\n");
    $node->append_conf('postgresql.conf', "include = '$file'\n");
    $node->start;
    return;
}

# --- copies ---------------------------------------------------------------------

# new_of($original, $name, $directory): a node that has a directory's files, not started.
sub new_of {
    my ($original, $name, $directory) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    rename $directory, $node->data_dir or die "$directory: $!\n";
    chmod 0700, $node->data_dir;
    unlink $node->data_dir . '/postmaster.pid';
    $node->append_conf('postgresql.conf', 'port = ' . $node->port . "\nprimary_conninfo = ''\nprimary_slot_name = ''\n");
    return same_way($node, $original);
}

# base_backup($original, $name): a base backup, started as a server of its own.
sub base_backup {
    my ($original, $name) = @_;
    my $directory = $original->basedir . "/$name";
    $original->run_log([ 'pg_basebackup', '-D', $directory, '-h', $original->host, '-p', $original->port,
            '--checkpoint=fast', '--no-sync', '-X', 'stream' ]) or die "no base backup\n";
    my $copy = new_of($original, $name, $directory);
    $copy->start;
    return $copy;
}

# copied_by($original, $name, @command): a stopped directory, copied by a command
# with from and to as its last arguments; both are started.
sub copied_by {
    my ($original, $name, @command) = @_;
    my $directory = $original->basedir . "/$name";
    $original->stop;
    must_run(@command, $original->data_dir, $directory);
    my $copy = new_of($original, $name, $directory);
    $original->start;
    $copy->start;
    return $copy;
}

# standby_of($primary, $name, %more): a streaming standby of it.  More: as => what it calls
# itself to its primary, if not $name.
sub standby_of {
    my ($primary, $name, %wish) = @_;
    my $directory = $primary->basedir . "/$name";
    $primary->run_log([ 'pg_basebackup', '-D', $directory, '-h', $primary->host, '-p', $primary->port,
            '--checkpoint=fast', '--no-sync', '-X', 'stream' ]) or die "no base backup\n";
    my $standby = new_of($primary, $name, $directory);
    follow($standby, $primary, $wish{as} // $name);
    return $standby;
}

# follow($node, $primary[, $as]): started as a standby of it.
sub follow {
    my ($node, $primary, $as) = @_;
    name_primary($node, $primary, $as // $node->name);
    $node->set_standby_mode;
    $node->start;
    return wait_for_stream($node);
}

# lead($standby, $primary): a running one follows another primary from now on.
sub lead {
    my ($standby, $primary) = @_;
    name_primary($standby, $primary, $standby->{fpgo_as});
    $standby->reload;
    return wait_for_stream($standby);
}

sub name_primary {
    my ($node, $primary, $as) = @_;
    $node->{fpgo_as} = $as;
    $node->append_conf('postgresql.conf', sprintf "primary_conninfo = 'host=%s port=%s application_name=%s'\n",
        $primary->host, $primary->port, $as);
    return;
}

sub wait_for_stream {
    my ($node) = @_;
    wait_for($node->name . ' to stream', sub { $node->safe_psql('template1',
        q{SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'
            AND position('port=' || sender_port || ' ' IN current_setting('primary_conninfo') || ' ') > 0}) });
    return;
}

# pids_of($node): all of its processes.
sub pids_of {
    my ($node) = @_;
    my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
    return ($postmaster, split ' ', `ps -o pid= --ppid $postmaster`);
}

# caught_up($standby, $primary): until it has replayed all that is there.
sub caught_up {
    my ($standby, $primary) = @_;
    $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
    return;
}

# cut_off($standby): it hears nothing of its primary any more.
sub cut_off {
    my ($standby) = @_;
    $standby->append_conf('postgresql.conf', "primary_conninfo = ''\n");
    $standby->reload;
    wait_for($standby->name . ' to be cut off', sub { !$standby->safe_psql('template1',
        'SELECT count(*) FROM pg_stat_wal_receiver') });
    return;
}

# restored_dump($original, $name): a dump, restored into a cluster of its own.
sub restored_dump {
    my ($original, $name) = @_;
    my $file = $original->basedir . "/$name.sql";
    $original->run_log([ 'pg_dump', '-h', $original->host, '-p', $original->port, '-f', $file, database_of($original) ])
      or die "no dump\n";
    my $copy = empty_cluster($name, $original);
    restore_into($copy, $file);
    return $copy;
}

# empty_cluster($name, $original): one that delivers in its way, without fpgo as yet.
sub empty_cluster {
    my ($name, $original) = @_;
    my $node = same_way(PostgreSQL::Test::Cluster->new($name), $original);
    $node->init(allows_streaming => 'logical');
    $node->append_conf('postgresql.conf',
        slurp_file(dirname(__FILE__) . '/../lib/server.conf') . settings_of($node->{fpgo_way}));
    $node->start;
    return $node;
}

# restore_into($node, $file): the dump, in a database that has nothing of it yet.
sub restore_into {
    my ($node, $file) = @_;
    my ($status, $said) = (0, '');
    $status = $node->psql(database_of($node), "\\i $file", stderr => \$said, on_error_stop => 1);
    die "restore: $said\n" if $status;
    return;
}

# template_copy($original): CREATE DATABASE copy TEMPLATE, as a node of its own whose
# database is that; its worker begins by itself.
sub template_copy {
    my ($original) = @_;
    my $is_paused = $original->{fpgo_paused};
    pause($original);
    # nobody may be connected
    $original->safe_psql('template1', q{SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'postgres'});
    eval { delete($original->{fpgo_session})->quit } if $original->{fpgo_session};
    $original->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE postgres');
    resume($original) unless $is_paused;
    return bless { %$original, fpgo_database => 'copy', fpgo_session => undef }, ref $original;
}

# pause($node), resume($node): its worker sends nothing meanwhile.
sub pause {
    my ($node) = @_;
    ask($node, 'SELECT fpgo.pause()') if $node->{fpgo_way} eq 'worker';
    $node->{fpgo_paused} = 1;
    wait_for('the worker to end', sub {
        !$node->safe_psql('template1', q{SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'fpgo worker' AND datname = 'postgres'}) });
    return;
}

sub resume {
    my ($node) = @_;
    ask($node, 'SELECT fpgo.resume()') if $node->{fpgo_way} eq 'worker';
    $node->{fpgo_paused} = 0;
    return;
}

# crash_consistent_copy($original, $name): what a snapshot of a running server has,
# whose file system is frozen meanwhile; started.
sub crash_consistent_copy {
    my ($original, $name) = @_;
    my $directory = $original->basedir . "/$name";
    my @pids      = pids_of($original);
    kill 'STOP', @pids;
    my $status = system 'cp', '-a', $original->data_dir, $directory;
    kill 'CONT', @pids;
    die "no copy\n" if $status;
    my $copy = new_of($original, $name, $directory);
    $copy->start;
    return $copy;
}

1;
