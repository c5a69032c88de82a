# How resident workers end and begin: crashes, stops of every kind, a promotion, no
# free slot, few descriptors, a standby that is required no more.  Nothing is lost,
# nothing is sent twice, and delivery goes on by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use FpgoVerdicts;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

# Less than the five seconds after which DROP DATABASE (FORCE) gives up.
my $grace_s = 4.5;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster(
    'resident',
    url      => $gateway->address,
    options  => q{timeout '20s', concurrency '3'},
    init     => [ allows_streaming => 1 ],
    settings => "restart_after_crash = on\n");
my $records = FpgoRecords->new($node, $gateway);

# Queue several together; their references.
sub enqueue_together {
    my ($n) = @_;
    return map { $_->{reference} } $records->enqueue_together($node, $n);
}

# come_to($name, $states, @references): assert that their states match that in the end.
sub come_to {
    my ($name, $states, @references) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    eval { wait_for($name, sub { $records->states_of(@references) =~ $states }, 30) };
    like($records->states_of(@references), $states, "$name: the states");
    is(scalar(grep { $gateway->received($_) > 1 } @references), 0, "$name: none is sent twice");
    check_records($node, $gateway, name => "$name: the records agree with the ledger", committed => [ $records->expected ]);
    return;
}

# What tells one life of the cluster from the next; '' while it does not answer.
sub life {
    my $answer = eval { ($node->psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'}))[1] };
    return $answer // '';
}

# --- a crash ---------------------------------------------------------------------------

for my $who ('worker', 'launcher') {
    wait_for_worker($node);
    my $pid = administer($node, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'fpgo $who'");
    $gateway->misbehave({ requests => 3, delay => 1.5 });
    my @references = enqueue_together(8);
    wait_for_order($gateway, $_) for @references[ 0 .. 2 ];
    my $before = life();
    kill 'KILL', $pid or die "process $pid: $!";
    wait_for('the cluster to restart', sub { my $life = life(); $life ne '' && $life ne $before });
    come_to("the $who is killed", qr/^(?:uncertain ){3}accepted(?: accepted){4}$/, @references);
}

# --- stops -----------------------------------------------------------------------------

# stop_during($mode, $wish): stop while the gateway works on three orders that were
# queued and, unless the stop waits for sessions, one that is submitted; and start
# again.  The references; it asserts how long the stop took.
sub stop_during {
    my ($mode, $wish) = @_;
    wait_for_worker($node);
    my $session = open_session($node);
    my $order   = order();
    $gateway->misbehave({ requests => $mode eq 'smart' ? 3 : 4, %$wish });
    if ($mode eq 'smart') { $session->quit }
    else                  { begin_submit($session, $order); wait_for_order($gateway, reference_of($order)) }
    my @references = enqueue_together(4);
    wait_for_order($gateway, $_) for @references[ 0 .. 2 ];
    my $began = time;
    $node->stop($mode);
    my $seconds = time - $began;
    diag(sprintf 'a %s stop during requests took %.1f s', $mode, $seconds);
    cmp_ok($seconds, '<', $grace_s, "a $mode stop: in time");
    eval { $session->quit };
    $gateway->behave;
    $node->start;
    return ($mode eq 'smart' ? () : reference_of($order), @references);
}

come_to('a fast stop, drained', qr/^(?:accepted ?){5}$/, stop_during('fast', { delay => 1 }));
come_to('a fast stop, without answers', qr/^(?:uncertain ){4}accepted$/, stop_during('fast', { stall => \1 }));
come_to('a smart stop, drained', qr/^(?:accepted ?){4}$/, stop_during('smart', { delay => 1 }));
come_to('an immediate stop', qr/^(?:uncertain ){4}accepted$/, stop_during('immediate', { delay => 2 }));
{
    administer($node, 'SELECT fpgo.pause()');
    my @references = enqueue_together(60);
    is($records->states_of(@references), join(' ', ('queued') x 60), 'paused: a full queue');
    $node->restart;
    come_to('a restart with a full queue', qr/^(?:accepted ?){60}$/, @references);
}

{
    # a postmaster that is killed leaves its processes to themselves
    wait_for_worker($node);
    $gateway->misbehave({ requests => 3, stall => \1 });
    my @references = enqueue_together(4);
    wait_for_order($gateway, $_) for @references[ 0 .. 2 ];
    my @pids  = split /\n/, administer($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'fpgo%'});
    my $began = time;
    $node->kill9;
    wait_for('the end of all processes', sub { !grep { kill 0, $_ } @pids }, 30);
    my $seconds = time - $began;
    diag(sprintf 'the last process outlived the postmaster by %.1f s', $seconds);
    cmp_ok($seconds, '<', 2 * $grace_s, 'the postmaster is killed: its processes end soon');
    $gateway->behave;
    $node->start;
    come_to('the postmaster is killed', qr/^(?:uncertain ){3}accepted$/, @references);
}

# --- a standby that is required, and then no more -------------------------------------------

{
    wait_for_worker($node);
    my $session = open_session($node);
    run_in($session, q{SET synchronous_commit = local; ALTER SYSTEM SET synchronous_standby_names = 'nobody'});
    run_in($session, 'SELECT pg_reload_conf()');
    wait_for('the standby to be required', sub { run_in($session, 'SHOW synchronous_standby_names')->{rows} eq 'nobody' });
    # what the checkpointer has not read yet makes nobody wait, so several
    my @references;
    wait_for('the worker to wait for it', sub {
        my $order = order();
        run_in($session, enqueue_sql($order));
        push @references, reference_of($order);
        sleep 0.1;
        run_in($session, q{SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'fpgo worker' AND wait_event = 'SyncRep'})->{rows};
    }, 20);
    $records->expect(@references);
    run_in($session, 'ALTER SYSTEM RESET synchronous_standby_names');
    run_in($session, 'SELECT pg_reload_conf()');
    $session->quit;
    come_to('a standby is required no more', qr/^accepted(?: accepted)*$/, @references);
}

# --- a promotion ---------------------------------------------------------------------------

$node->backup('base');
my $primary = $node;
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
{
    my $processes = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'fpgo%'};
    administer($node, 'SELECT fpgo.pause()');
    my @references = enqueue_together(5);
    $primary->wait_for_catchup($standby, 'replay', $primary->lsn('write'));
    is($standby->safe_psql('postgres', $processes), 0, 'on a standby: no process of fpgo');
    $primary->stop;
    sleep 0.5;
    is($standby->safe_psql('postgres', $processes), 0, 'on a standby that lost its primary: neither');
    is(scalar(grep { $gateway->received($_) } @references), 0, 'on a standby: nothing is sent');
    $standby->promote;
    $node = $standby;
    my @expected = $records->expected;
    $records = FpgoRecords->new($node, $gateway);
    $records->expect(@expected);
    come_to('what is queued there', qr/^accepted$/, enqueue_together(1));
    is($records->states_of(@references), join(' ', ('queued') x 5), 'what the primary had queued is held');
    is(administer($node, q{SELECT orders FROM fpgo.take_seat('frontpayment', 'the primary is gone', 'send')}), 5,
        'one statement frees it');
    come_to('a promoted standby', qr/^(?:accepted ?){5}$/, @references);
}

# --- few descriptors ------------------------------------------------------------------------

{
    $node->stop;
    # a soft limit of the shell's, which the server inherits
    system_or_bail('sh', '-c', 'ulimit -n 1024; exec pg_ctl --wait -D "$0" -l "$1" start', $node->data_dir, $node->logfile);
    $node->_update_pid(1);
    my $session = open_session($node);
    my $address = $gateway->address;
    my @servers = ('frontpayment', 'second', 'third', 'fourth');
    run_in($session, q{ALTER SERVER frontpayment OPTIONS (SET concurrency '50')});
    run_in($session, qq{
        CREATE SERVER $_ FOREIGN DATA WRAPPER fpgo OPTIONS (url '$address', timeout '20s', concurrency '50');
        CREATE USER MAPPING FOR PUBLIC SERVER $_ OPTIONS (token '$TOKEN')}) for @servers[ 1 .. 3 ];
    wait_for_worker($node);
    $gateway->misbehave({ requests => 300, delay => 1 });
    my @orders = map { order() } 1 .. 300;
    $records->expect(map { reference_of($_) } @orders);
    my $began = time;
    run_in($session, 'BEGIN');
    run_in($session, join ";\n", map { enqueue_sql($orders[$_], "server => '$servers[$_ % 4]'") } 0 .. 299);
    is(run_in($session, 'COMMIT')->{sqlstate}, '', '1024 files: 300 orders are queued');
    wait_for('most to be under way', sub { $records->count_in_state('sending') >= 190 }, 20);
    $session->quit;
    come_to('1024 files, 200 orders at a time', qr/^(?:accepted ?){300}$/, map { reference_of($_) } @orders);
    diag(sprintf '1024 files: 300 orders of 1 s took %.1f s', time - $began);
    # hardly more than PostgreSQL itself needs, and fewer than are to be under way
    $node->append_conf('postgresql.conf', 'max_files_per_process = 100');
    $node->restart;
    wait_for_worker($node);
    $gateway->behave;
    $gateway->misbehave({ requests => 60, delay => 0.1 });
    $began = time;
    my @references = enqueue_together(60);
    come_to('100 files, 50 orders at a time', qr/^(?:accepted ?){60}$/, @references);
    diag(sprintf '100 files: 60 orders of 0.1 s took %.1f s', time - $began);
    diag(administer($node, 'SELECT attempts, count(*) FROM fpgo_internal.submission GROUP BY 1 ORDER BY 1'));
}

# --- no free slot ----------------------------------------------------------------------------

{
    # the launcher of logical replication and fpgo's have one each, so one is left
    $node->append_conf('postgresql.conf', "max_worker_processes = 3\nfpgo.databases = ''\n");
    $node->restart;
    my $session = open_session($node);
    run_in($session, q{SET fpgo.helper_idle = '60s'});
    is(submit($session, order())->{sqlstate}, '', 'a helper takes the last slot');
    $node->append_conf('postgresql.conf', "fpgo.databases = 'postgres'\n");
    $node->reload;
    wait_for('the log to say it', sub { count_logged($node, qr/no worker slot is free for delivering the orders of database "postgres"/) });
    is(administer($session, 'SELECT state FROM fpgo.worker()'), 'no slot', 'no free slot: fpgo.worker() says so');
    like(administer($session, q{SELECT hint FROM fpgo.doctor() WHERE check_name = 'worker'}), qr/Raise max_worker_processes/,
        'no free slot: fpgo.doctor() says what to do');
    my @references = enqueue_together(1);
    is($records->states_of(@references), 'queued', 'no free slot: the order waits');
    $session->quit;
    come_to('a slot becomes free', qr/^accepted$/, @references);
}

# --- the closing comparison -------------------------------------------------------------

$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
decide_uncertain($node, $gateway);
check_records($node, $gateway, committed => [ $records->expected ]);

for my $log (map { $_->logfile } $primary, $node) {
    unlike(slurp_file($log), qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E/, 'no secret in the log');
    unlike(slurp_file($log), qr/PANIC|TRAP|terminated by signal (?!9: Killed)/, 'nothing crashed by itself');
}
$node->stop;
$gateway->stop;
done_testing();
