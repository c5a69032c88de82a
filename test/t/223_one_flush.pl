# The resident worker flushes the records of many sessions at once; no order is
# sent, and no session answered, before the record is flushed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoGateway;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $flush_s = 0.4;

# a disk on which each flush takes so long
my $library = PostgreSQL::Test::Utils::tempdir() . '/slow_flush.so';
system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library, "$FindBin::RealBin/../perl/slow_flush.c");
local $ENV{LD_PRELOAD} = $library;
local $ENV{FLUSH_US}   = $flush_s * 1e6;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('flush', url => $gateway->address);
my $admin   = open_session($node);
wait_for_worker($admin);
my @sessions = map { open_session($node) } 1 .. 8;
# each session offers its mailbox, and the worker plans its statements
my @orders = map { [ new_order() ] } @sessions;
ends('a session before the disk is slow', submit($sessions[$_], $orders[$_][0]), '') for 0 .. $#sessions;

# from here on flushes count
run_in($admin, 'ALTER SYSTEM SET fsync = on');
run_in($admin, 'SELECT pg_reload_conf()');
wait_for('the setting', sub { run_in($admin, 'SHOW fsync')->{rows} eq 'on' });
sleep 0.2;

# one session: a flush before the order is sent, and one before the answer
my ($order, $reference) = new_order();
push @orders, [ $order, $reference ];
my $began = time;
begin_submit($sessions[0], $order);
wait_for_order($gateway, $reference);
cmp_ok(time - $began, '>=', $flush_s, 'an order is sent after its record is flushed');
ends('its session', finish_in($sessions[0]), '');
cmp_ok(time - $began, '>=', 2 * $flush_s, 'a session is answered after the outcome is flushed');

# an order of the queue: the flush of its commit, and that of the claim
($order, $reference) = new_order();
push @orders, [ $order, $reference ];
$began = time;
begin_in($sessions[0], enqueue_sql($order));
wait_for_order($gateway, $reference);
cmp_ok(time - $began, '>=', 2 * $flush_s, 'an order of the queue is sent after its claim is flushed');
ends('its hand-in', finish_in($sessions[0]), '');

# eight at once: one after the other they would take 16 flushes
my @more = map { [ new_order() ] } @sessions;
push @orders, @more;
$began = time;
begin_submit($sessions[$_], $more[$_][0]) for 0 .. $#sessions;
ends('one of eight', finish_in($_), '') for @sessions;
my $took = time - $began;
cmp_ok($took, '<=', 8 * $flush_s, 'eight sessions take less than eight flushes');
note(sprintf 'eight sessions took %.2f s', $took);

# the server dies before the flush has returned
($order, $reference) = new_order();
begin_submit($sessions[0], $order);
sleep $flush_s / 2;
$node->stop('immediate');
is(scalar $gateway->received($reference), 0, 'nothing was sent of a record that was not flushed');
$_->{run}->kill_kill for @sessions, $admin;
$node->start;
wait_for_worker($node);

check_records($node, $gateway, committed => [ map { $_->[1] } @orders ]);
$node->stop;
check_log($node);
done_testing();
