# Two nodes under Patroni with etcd, on this machine, each event in the middle of a
# queue: no order is sent twice, a node that stands alone holds nothing, and after a
# change of leaders one statement sends the rest.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCopies;
use FpgoTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $n       = $ENV{FPGO_COPIED} // 60;
my $gateway = FpgoGateway->start('--token', $TOKEN);
my $place   = PostgreSQL::Test::Utils::tempdir_short();
my $bin     = `$ENV{PG_CONFIG} --bindir`;
chomp $bin;
my ($etcd_port, $peer_port) = (closed_port(), closed_port());
my %port = map { $_ => closed_port() } 'node_1', 'node_2';
my %pid;    # of etcd, and of each node's Patroni
my @queued;

local $ENV{PGPASSWORD} = 'of-a-test';

END {
    my $status = $?;
    stop_process($_) for grep { $pid{$_} } 'node_2', 'node_1', 'etcd';
    $? = $status;
}

# --- processes --------------------------------------------------------------------------

sub start_process {
    my ($name, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>>', "$place/$name.log" or die "$!\n";
        open STDERR, '>&', \*STDOUT           or die "$!\n";
        exec @command or die "$command[0]: $!\n";
    }
    return $pid{$name} = $pid;
}

sub stop_process {
    my ($name, $signal) = @_;
    local $?;
    kill $signal // 'TERM', $pid{$name};
    waitpid delete $pid{$name}, 0;
    return;
}

sub start_patroni {
    my ($node) = @_;
    return start_process($node, 'patroni', "$place/$node.yml");
}

sub configure {
    my ($node)  = @_;
    my $rest    = closed_port();
    my $user    = getpwuid $>;
    append_to_file("$place/$node.yml", <<"END");
scope: shop
name: $node
restapi: {listen: '127.0.0.1:$rest', connect_address: '127.0.0.1:$rest'}
etcd3: {hosts: '127.0.0.1:$etcd_port'}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 1
    retry_timeout: 4
    maximum_lag_on_failover: 100000000
    postgresql:
      use_pg_rewind: true
      parameters: {shared_preload_libraries: fpgo, fpgo.databases: postgres, wal_log_hints: 'on', wal_keep_size: 128MB}
  initdb: [{encoding: UTF8}]
  pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
postgresql:
  listen: 127.0.0.1:$port{$node}
  connect_address: 127.0.0.1:$port{$node}
  data_dir: $place/$node
  bin_dir: $bin
  authentication:
    superuser: {username: $user, password: $ENV{PGPASSWORD}}
    replication: {username: replicator, password: $ENV{PGPASSWORD}}
    rewind: {username: $user, password: $ENV{PGPASSWORD}}
  parameters: {unix_socket_directories: $place}
END
    return;
}

sub patronictl {
    my (@arguments) = @_;
    return must_run('patronictl', '-c', "$place/node_1.yml", @arguments);
}

# --- nodes ---------------------------------------------------------------------------------

# ask_node($node, $sql): the rows, or undef while it does not answer.
sub ask_node {
    my ($node, $sql) = @_;
    my ($rows, $said);
    IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', $port{$node}, '-d', 'postgres', '-c', $sql ],
        '>', \$rows, '2>', \$said) or return;
    chomp $rows;
    return $rows;
}

# The process of a node's postmaster, undef while there is none.
sub postmaster_of {
    my ($node) = @_;
    my ($pid) = (eval { slurp_file("$place/$node/postmaster.pid") } // '') =~ /^(\d+)/;
    return $pid;
}

sub wait_for_leader {
    my ($node) = @_;
    return wait_for("$node to be the leader", sub { (ask_node($node, 'SELECT pg_is_in_recovery()') // '') eq 'f' }, 90);
}

sub wait_for_replica {
    my ($leader) = @_;
    return wait_for('a replica', sub {
        ask_node($leader, q{SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()}) }, 90);
}

# Queue orders and let the first of them be sent, slowly.
my $n_queues = 0;

sub half_sent_by {
    my ($leader) = @_;
    my $prefix = sprintf 'P%d-%d', $$, ++$n_queues;
    my $order  = literal(order(referenceNo => undef));
    $gateway->misbehave({ requests => 0, delay => 0.3 });
    ask_node($leader, qq{SELECT count(fpgo.enqueue_invoice(${order}::jsonb || jsonb_build_object('referenceNo', '$prefix-' || i,
        'orderDate', (1600000000 + $n_queues * 10000 + i)::text))) FROM generate_series(1, $n) i}) // die "nothing is queued\n";
    @queued = map { "$prefix-$_" } 1 .. $n;
    wait_for('the first to be sent', sub { $gateway->received($queued[0]) });
    return;
}

# goes_on($name, $leader): assert that all is sent, but what is uncertain.
sub goes_on {
    my ($name, $leader) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $gateway->behave;
    eval { wait_for('an empty queue', sub {
        (ask_node($leader, q{SELECT count(*) FROM fpgo_internal.submission WHERE state IN ('queued', 'sending')}) // 1) == 0 }, 30) };
    my %is_known = map { $_ => 1 } (map { $_->{referenceNo} } $gateway->ledger),
      split /\n/, ask_node($leader, q{SELECT reference FROM fpgo_internal.submission WHERE state = 'uncertain'});
    is(scalar(grep { !$is_known{$_} } @queued), 0, "$name: all orders are sent, but what is uncertain");
    is(ask_node($leader, q{SELECT count(*) FROM fpgo.holds WHERE kind IN ('origin', 'seat')}), 0, "$name: nothing is held");
    sent_once($name, $gateway);
    # doubt about what was under way slows the next one down
    ask_node($leader, 'SELECT fpgo.release(hold, $$next case$$) FROM fpgo.holds');
    return;
}

sub goes_on_with_statement {
    my ($name, $leader) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $gateway->behave;
    wait_for('the new leader to take the seat', sub { (ask_node($leader, 'SELECT why FROM fpgo_internal.seat') // '') eq 'promotion' });
    cmp_ok(ask_node($leader, q{SELECT coalesce(sum(orders), 0) FROM fpgo.holds WHERE kind = 'origin'}), '>', 0, "$name: the queue is held");
    ask_node($leader, q{SELECT fpgo.take_seat('frontpayment', 'the other one is no leader', 'send')});
    return goes_on("$name, one statement", $leader);
}

# --- one node --------------------------------------------------------------------------------

start_process('etcd', 'etcd', '--data-dir', "$place/etcd",
    '--listen-client-urls', "http://127.0.0.1:$etcd_port", '--advertise-client-urls', "http://127.0.0.1:$etcd_port",
    '--listen-peer-urls', "http://127.0.0.1:$peer_port", '--initial-advertise-peer-urls', "http://127.0.0.1:$peer_port",
    '--initial-cluster', "default=http://127.0.0.1:$peer_port");
configure($_) for sort keys %port;
start_patroni('node_1');
wait_for_leader('node_1');
my $address = $gateway->address;
wait_for('fpgo to be installed', sub { defined ask_node('node_1', qq{
    CREATE EXTENSION fpgo; CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url '$address', concurrency '4');
    CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '$TOKEN')}) });

half_sent_by('node_1');
stop_process('node_1');
start_patroni('node_1');
wait_for_leader('node_1');
goes_on('the service of a single node is restarted', 'node_1');
is(ask_node('node_1', 'SELECT why FROM fpgo_internal.seat'), 'continued', '... which promotes itself');

half_sent_by('node_1');
my $killed = postmaster_of('node_1');
kill 'KILL', $killed;
wait_for('another one', sub { my $pid = postmaster_of('node_1'); $pid && $pid != $killed }, 90);
wait_for_leader('node_1');
goes_on('the postmaster of a single node is killed', 'node_1');

# --- two nodes --------------------------------------------------------------------------------

start_patroni('node_2');
wait_for_replica('node_1');
half_sent_by('node_1');
patronictl('switchover', '--master', 'node_1', '--candidate', 'node_2', '--force');
wait_for_leader('node_2');
goes_on_with_statement('switchover', 'node_2');

wait_for_replica('node_2');
half_sent_by('node_2');
my $lost = postmaster_of('node_2');
stop_process('node_2', 'KILL');
kill 'KILL', $lost;
wait_for_leader('node_1');
goes_on_with_statement('failover', 'node_1');

# (the former leader is rewound)
start_patroni('node_2');
wait_for_replica('node_1');
half_sent_by('node_1');
patronictl('reinit', 'shop', 'node_2', '--force');
wait_for_replica('node_1');
goes_on('a replica is made anew', 'node_1');

half_sent_by('node_1');
patronictl('restart', 'shop', 'node_1', '--force');
wait_for_leader('node_1');
goes_on('the leader is restarted', 'node_1');

# --- synchronous, and trusted --------------------------------------------------------------------

sub wait_for_synchronous {
    my ($leader) = @_;
    wait_for_replica($leader);
    # Patroni counts one as synchronous later than PostgreSQL does, and needs something written
    return wait_for('a synchronous replica', sub {
        ask_node($leader, q{SELECT pg_logical_emit_message(true, 'test', 'written')});
        my $listed;
        IPC::Run::run([ 'patronictl', '-c', "$place/node_1.yml", 'list' ], '>', \$listed, '2>', '/dev/null');
        return $listed =~ /Sync Standby \| (?:running|streaming)/;
    }, 90);
}

patronictl('edit-config', 'shop', '--force', '--set', 'synchronous_mode=true');
ask_node('node_1', q{ALTER SERVER frontpayment OPTIONS (ADD failover 'trust')});
wait_for_synchronous('node_1');
half_sent_by('node_1');
patronictl('switchover', '--master', 'node_1', '--candidate', 'node_2', '--force');
wait_for_leader('node_2');
goes_on('switchover, synchronous and trusted', 'node_2');
is(ask_node('node_2', 'SELECT why FROM fpgo_internal.seat'), 'failover', '... without a statement');

wait_for_synchronous('node_2');
half_sent_by('node_2');
$lost = postmaster_of('node_2');
stop_process('node_2', 'KILL');
kill 'KILL', $lost;
wait_for_leader('node_1');
goes_on('failover, synchronous and trusted', 'node_1');
is(ask_node('node_1', 'SELECT why FROM fpgo_internal.seat'), 'failover', '... without a statement');

unlike(slurp_file("$place/$_.log"), qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E/, "no secret in the log of the $_") for sort keys %port;
done_testing();
