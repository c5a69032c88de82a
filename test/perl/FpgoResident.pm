package FpgoResident;

# A cluster with a resident worker, and ways to see it.
#
#     my $node = new_resident_cluster('resident', url => $gateway->address);
#     my $admin = open_session($node);
#     my $worker = wait_for_worker($admin);
#     ... something that it is to survive ...
#     is(worker_pid($admin), $worker, 'the worker has survived');
#
# What asks takes a session or a node, as administer does.

use strict;
use warnings;

use Exporter qw(import);
use PostgreSQL::Test::Utils;

use FpgoTest;

our @EXPORT = qw(count_logged new_resident_cluster wait_for_worker worker_pid);

# new_resident_cluster($name, url => $address, %more): a cluster as new_cluster
# starts it, with a worker in the database postgres.  More: databases => a list for
# fpgo.databases in place of it, as it stands between the quotes of postgresql.conf;
# and all that new_cluster takes.
sub new_resident_cluster {
    my ($name, %wish) = @_;
    my $databases = delete $wish{databases} // 'postgres';
    my $more      = delete $wish{settings}  // '';
    return new_cluster($name, %wish,
        settings => "shared_preload_libraries = 'fpgo'\nfpgo.databases = '$databases'\n$more");
}

# worker_pid($admin[, $database]): the process of a database's worker, '' without
# one.  Without a name it is that of the database that $admin asks in, as
# fpgo.worker() has it; with one, what pg_stat_activity shows to be connected there.
sub worker_pid {
    my ($admin, $database) = @_;
    return administer($admin, 'SELECT pid FROM fpgo.worker()') unless defined $database;
    return administer($admin, 'SELECT pid FROM pg_stat_activity WHERE datname = ' . literal($database) . q{
        AND backend_type = 'fpgo worker' AND application_name = 'fpgo worker'});
}

# wait_for_worker($admin[, $database]): until there is one; returns its process.
sub wait_for_worker {
    my ($admin, $database) = @_;
    my $where = defined $database ? " in $database" : '';
    return wait_for("a worker$where", sub { worker_pid($admin, $database) }, 30);
}

# count_logged($node, $pattern[, $offset]): how often the server logged that, since
# its log had that size (-s $node->logfile) if it is given.
sub count_logged {
    my ($node, $pattern, $offset) = @_;
    return scalar(() = substr(slurp_file($node->logfile), $offset // 0) =~ /$pattern/g);
}

1;
