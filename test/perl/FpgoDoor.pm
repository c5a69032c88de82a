package FpgoDoor;

# A program that stands between clients and a cluster: pgbouncer, or pgpool.  A door is
# like the cluster, but sessions that are opened at it go through the program.
#
#     my $door    = FpgoDoor->pgbouncer($node, 'pool_mode = transaction');
#     my $session = open_session($door);
#     $door->close;

use strict;
use warnings;

use parent -norequire, 'PostgreSQL::Test::Cluster';

use FpgoTest;
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

my $user = getpwuid $>;

# Start a program that listens at a port, for clients of a node.
sub _open {
    my ($class, $node, $port, $place, @command) = @_;
    my $door = bless { %$node, _host => '127.0.0.1', _port => $port, fpgo_said => "$place/log" }, $class;
    $door->{fpgo_run} = IPC::Run::start(\@command, '>', $door->{fpgo_said}, '2>&1');
    wait_for("$command[0] to listen", sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) });
    return $door;
}

# FpgoDoor->pgbouncer($node, @lines): with these lines in its configuration.
sub pgbouncer {
    my ($class, $node, @lines) = @_;
    my $place = PostgreSQL::Test::Utils::tempdir();
    my $port  = closed_port();
    append_to_file("$place/users", qq{"$user" ""\n});
    append_to_file("$place/ini", join "\n", '[databases]', sprintf('* = host=%s port=%s', $node->host, $node->port),
        '[pgbouncer]', 'listen_addr = 127.0.0.1', "listen_port = $port", 'unix_socket_dir =', 'auth_type = trust',
        "auth_file = $place/users", 'ignore_startup_parameters = extra_float_digits', @lines, '');
    return $class->_open($node, $port, $place, 'pgbouncer', "$place/ini");
}

# FpgoDoor->pgpool($mode, @nodes): of clustering mode, before these nodes.
sub pgpool {
    my ($class, $mode, @nodes) = @_;
    my $place = PostgreSQL::Test::Utils::tempdir_short();
    my ($port, $pcp_port) = (closed_port(), closed_port());
    my $n = 0;
    append_to_file("$place/pcp.conf", '');
    append_to_file("$place/hba",      '');
    append_to_file("$place/conf", join "\n", "backend_clustering_mode = '$mode'", q{listen_addresses = '127.0.0.1'}, "port = $port",
        "pcp_port = $pcp_port", q{pcp_listen_addresses = ''}, "socket_dir = '$place'", "pcp_socket_dir = '$place'",
        "unix_socket_directories = '$place'", "pid_file_name = '$place/pid'", "logdir = '$place'", 'sr_check_period = 0',
        'health_check_period = 0', 'num_init_children = 4', 'load_balance_mode = on', q{work_dir = '} . $place . q{'},
        map { my $i = $n++; (sprintf(q{backend_hostname%d = '%s'}, $i, $_->host), sprintf('backend_port%d = %d', $i, $_->port),
            sprintf(q{backend_weight%d = %d}, $i, $i), sprintf(q{backend_data_directory%d = '%s'}, $i, $_->data_dir)) } @nodes);
    return $class->_open($nodes[0], $port, $place, 'pgpool', '-n', '-f', "$place/conf", '-F', "$place/pcp.conf", '-a', "$place/hba");
}

# What the program said.
sub said { return slurp_file($_[0]{fpgo_said}); }

sub close {
    my ($self) = @_;
    $self->{fpgo_run}->signal('INT');
    eval { $self->{fpgo_run}->finish };
    return;
}

# the cluster's own end is its node's
sub DESTROY { return; }

1;
