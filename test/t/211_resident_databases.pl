# Where resident workers run: the launcher and fpgo.databases, pauses, what may be
# done to a database and to the extension, and restarts that never come in a storm.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my @install = (url => $gateway->address);
my $node    = new_resident_cluster(
    'resident', @install,
    databases => q{postgres, "Odd, ""name", Shop, bare, absent},
    # starts of processes are logged as DEBUG1
    settings  => "log_min_messages = debug1\n");
my $began   = time;
my $session = open_session($node);
my $admin   = open_session($node);
my @committed;

sub in_database {
    my ($database, $sql) = @_;
    return $node->safe_psql($database, $sql);
}

# Queue an order in a database; its reference.
sub enqueue_in {
    my ($database, %changes) = @_;
    my $order = order(%changes);
    in_database($database, 'SET fpgo.undelivered_notice = off; ' . enqueue_sql($order));
    push @committed, reference_of($order) if $database eq 'postgres';
    return reference_of($order);
}

sub is_delivered {
    my ($name, $reference) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $is_so = eval { wait_for_order($gateway, $reference, 30) };
    ok($is_so, "$name: is delivered");
    return;
}

# How often a worker was started in a database, by its oid.
sub n_starts { return count_logged($node, qr/starting background worker process "fpgo worker of database $_[0]"/); }

sub reload_databases {
    my ($databases) = @_;
    $node->adjust_conf('postgresql.conf', 'fpgo.databases', "'$databases'");
    $node->reload;
    return;
}

# --- databases, there and not -----------------------------------------------------

is_delivered('the extension is created after the start', enqueue_in('postgres'));
wait_for_worker($admin, 'postgres');
is(worker_pid($admin, 'postgres'), worker_pid($admin), 'fpgo.worker() has its pid');
administer($admin, 'CREATE DATABASE bare');
my @later = ('shop', 'Odd, "name');
for my $database (@later) {
    (my $quoted = $database) =~ s/"/""/g;
    administer($admin, qq{CREATE DATABASE "$quoted"});
    install_in($node, $database, @install);
}
for my $database (@later) {
    wait_for_worker($admin, $database);
    pass("$database, created later, has a worker");
    is_delivered("an order of $database", enqueue_in($database, referenceNo => 'first-in-' . $database =~ s/\W//gr));
}
for my $absent ('absent', 'shop', 'bare') {
    is(count_logged($node, qr/database "$absent" of fpgo\.databases does not exist/), 1, "that $absent is not there is said once");
}
isnt(worker_pid($admin, 'postgres'), worker_pid($admin, 'shop'), 'each database has a worker of its own');
{
    my @references = map { enqueue_in($_, referenceNo => "both-$_") } 'postgres', 'shop';
    is_delivered("two databases at once: $_", $_) for @references;
}

# --- the launcher is ended -----------------------------------------------------------

my %before = map { $_ => worker_pid($admin, $_) } 'postgres', 'shop';
administer($admin, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'fpgo launcher'});

# --- the extension is updated while orders flow ----------------------------------------

# To a version that changes the tables and back, in one transaction: nothing is sent
# while the objects are not of the library's version.
my $version = administer($admin, 'SELECT fpgo.version()');
my ($update, $return) = map { $node->config_data('--sharedir') . "/extension/fpgo--$_.sql" }
  "$version--${version}test", "${version}test--$version";
END { unlink grep { defined } $update, $return }
append_to_file($update, q{ALTER TABLE fpgo_internal.submission ADD COLUMN test integer DEFAULT 1;
ALTER TABLE fpgo_internal.attempt ADD COLUMN test integer DEFAULT 1;
});
append_to_file($return, "-- nothing to do\n");
{
    my @orders = map { order() } 1 .. 40;
    push @committed, map { reference_of($_) } @orders;
    $gateway->misbehave({ requests => 40, delay => 0.1 });
    run_in($session, 'BEGIN');
    run_in($session, enqueue_sql($_)) for @orders[ 0 .. 29 ];
    run_in($session, 'COMMIT');
    begin_in($session, submit_sql($orders[39]));
    wait_for_order($gateway, reference_of($orders[0]));
    administer($admin, "BEGIN; ALTER EXTENSION fpgo UPDATE TO '${version}test';
        ALTER EXTENSION fpgo UPDATE TO '$version'; COMMIT");
    is(finish_in($session)->{sqlstate}, '', 'ALTER EXTENSION UPDATE: an order submitted meanwhile');
    run_in($session, enqueue_sql($_)) for @orders[ 30 .. 38 ];
    wait_for('all orders', sub { administer($admin, q{SELECT count(*) FROM fpgo_internal.submission WHERE state <> 'accepted'}) == 0 });
    pass('ALTER EXTENSION UPDATE: all orders are accepted');
    is(worker_pid($admin, 'postgres'), $before{postgres}, 'ALTER EXTENSION UPDATE: the worker goes on');
}
{
    my $launcher = wait_for('the launcher to come back', sub {
        administer($admin, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'fpgo launcher'});
    }, 30);
    is(worker_pid($admin, 'shop'), $before{shop}, 'the launcher is back: the workers it finds go on');
    administer($admin, "SELECT pg_terminate_backend($before{shop})");
    wait_for('another worker', sub { (worker_pid($admin, 'shop') || $before{shop}) != $before{shop} }, 30);
    pass('the launcher is back: it starts a worker that was ended');
}

# --- reload -------------------------------------------------------------------------

administer($admin, 'CREATE ROLE keeper; CREATE ROLE stranger; ALTER ROLE keeper CREATEDB; ALTER DATABASE shop OWNER TO keeper');
administer($admin, 'GRANT EXECUTE ON FUNCTION fpgo.pause(text), fpgo.resume(text) TO keeper, stranger');
{
    # PostgreSQL gives the drop five seconds, during which other things can be seen to
    begin_in($session, 'SET ROLE keeper; DROP DATABASE shop');
    my %before = map { $_ => worker_pid($admin, $_) } 'postgres', 'shop';
    reload_databases('postgres,,shop');
    wait_for('the log to say it', sub { count_logged($node, qr/invalid value for parameter "fpgo\.databases"/) });
    is_delivered('a list that is none', enqueue_in('postgres'));
    is(worker_pid($admin, 'postgres'), $before{postgres}, 'a list that is none: nothing changes');
    reload_databases('postgres, shop, bare');
    my $ended = finish_in($session);
    is($ended->{sqlstate}, '55006', 'DROP DATABASE without a pause fails as ever') or diag($ended->{said});
    is(worker_pid($admin, 'shop'), $before{shop}, 'DROP DATABASE without a pause: the worker goes on');
    run_in($session, 'RESET ROLE');
}
reload_databases('postgres, bare');
wait_for('the worker to leave', sub { worker_pid($admin, 'shop') eq '' });
is(in_database('shop', 'SELECT state FROM fpgo.worker()'), 'none', 'taken off the list: there is no worker');
my $waiting = enqueue_in('shop', referenceNo => 'waits-in-shop');
reload_databases('postgres, shop, bare');
is_delivered('put on the list again: what was queued', $waiting);

# --- pause ------------------------------------------------------------------------------

# As keeper, who owns shop and is nobody else, from another database.
sub as_keeper {
    my ($sql) = @_;
    my $ended = run_in($session, "SET ROLE keeper; $sql");
    run_in($session, 'RESET ROLE');
    return $ended;
}

wait_for_worker($admin, 'shop');
ends('a pause by its owner', as_keeper(q{SELECT fpgo.pause('shop')}), '');
is(worker_pid($admin, 'shop'), '', 'paused: no worker');
is(in_database('shop', 'SELECT state FROM fpgo.worker()'), 'paused', 'paused: fpgo.worker() says so');
ends('paused: renamed',        as_keeper('ALTER DATABASE shop RENAME TO mall'), '');
ends('paused: renamed back',   as_keeper('ALTER DATABASE mall RENAME TO shop'), '');
ends('paused: copied',         as_keeper('CREATE DATABASE copy TEMPLATE shop'), '');
ends('paused: the copy drops', as_keeper('DROP DATABASE copy'), '');
$waiting = enqueue_in('shop', referenceNo => 'waits-for-resume');
reload_databases('postgres, shop, bare');
sleep 1.5;
is($gateway->received($waiting), 0, 'paused: nothing is delivered, even after a reload');
ends('resumed', as_keeper(q{SELECT fpgo.resume('shop')}), '');
is_delivered('resumed', $waiting);
in_database('shop', 'SELECT fpgo.pause()');
$node->safe_psql('template1', "ALTER DATABASE $_") for 'shop RENAME TO mall', 'mall RENAME TO shop';
is(worker_pid($admin, 'shop'), '', 'paused from within: renamed from a database that has no fpgo');
in_database('shop', 'SELECT fpgo.resume()');
wait_for_worker($admin, 'shop');
for my $function ('pause', 'resume') {
    ends("$function by somebody else",
        run_in($session, "SET ROLE stranger; SELECT fpgo.$function('shop')"), '42501', qr/must be owner of database shop/);
    ends("$function of no database", run_in($session, "RESET ROLE; SELECT fpgo.$function('nowhere')"), '3D000');
}
administer($admin, 'REVOKE EXECUTE ON FUNCTION fpgo.pause(text) FROM stranger');
ends('a pause without EXECUTE', run_in($session, 'SET ROLE stranger; SELECT fpgo.pause()'), '42501', qr/permission denied/);
run_in($session, 'RESET ROLE');

# --- the extension is dropped -----------------------------------------------------------

wait_for_worker($admin, 'shop');
in_database('shop', 'DROP EXTENSION fpgo CASCADE');
wait_for('the worker to leave', sub { worker_pid($admin, 'shop') eq '' });
pass('DROP EXTENSION: the worker leaves');
install_in($node, 'shop', @install);
{
    my $began = time;
    is_delivered('CREATE EXTENSION again', enqueue_in('shop', referenceNo => 'again-in-shop'));
    diag(sprintf 'an order of the extension that came back was delivered after %.1f s', time - $began);
}

# --- the database is dropped ------------------------------------------------------------

wait_for_worker($admin, 'shop');
{
    # not even an order without an answer keeps it for longer than PostgreSQL waits
    $gateway->misbehave({ stall => \1 });
    is_delivered('an order without an answer', enqueue_in('shop', referenceNo => 'last-of-shop'));
    # the owner may not end a superuser's session, and the test's own may not be gone yet
    wait_for("the end of the test's sessions", sub {
        administer($admin, q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'client backend'}) eq '0' });
    my $ended = ends('DROP DATABASE (FORCE) by an owner who is no superuser', as_keeper('DROP DATABASE shop WITH (FORCE)'), '');
    diag(sprintf 'DROP DATABASE (FORCE) during a request took %.2f s', $ended->{seconds});
}

# --- no storm -----------------------------------------------------------------------------

{
    my $oid      = administer($admin, q{SELECT oid FROM pg_database WHERE datname = 'postgres'});
    my $n_before = n_starts($oid);
    my $began    = time;
    while (time - $began < 3.5) {
        administer($admin, 'SELECT pg_terminate_backend(pid) FROM fpgo.worker() WHERE pid IS NOT NULL');
        # a commit asks for a worker at once
        enqueue_in('postgres');
        sleep 0.05;
    }
    my $n = n_starts($oid) - $n_before;
    diag(sprintf 'a worker ended whenever it was seen was started %d times in %.1f s', $n, time - $began);
    cmp_ok($n, '<=', (time - $began) + 1.5, 'a worker that is ended again and again is not started in a storm');
    wait_for('all orders', sub { administer($admin, q{SELECT count(*) FROM fpgo_internal.submission WHERE state <> 'accepted'}) == 0 });
    pass('and what was queued meanwhile is delivered');
}
{
    my $n = n_starts(administer($admin, q{SELECT oid FROM pg_database WHERE datname = 'bare'}));
    my $seconds = time - $began;
    diag(sprintf 'in a database without fpgo a worker was started %d times in %.0f s', $n, $seconds);
    cmp_ok($n, '<=', 5 + log(1 + $seconds) / log(2), 'without fpgo the starts grow rare');
    cmp_ok($n, '>',  0,                              'without fpgo there are some');
    is(count_logged($node, qr/fpgo is not installed in database "bare"/), 1, 'without fpgo the log says so once');
}

# --- who queues is told if nobody delivers --------------------------------------------------

sub notice_of {
    my ($ended) = @_;
    return $ended->{said} =~ /^(?:psql:\S+ )?NOTICE: +(?:\w{5}: )?(.*)$/m ? $1 : '';
}
{
    my $in = open_session($node);
    wait_for_worker($admin, 'postgres');
    is(notice_of(run_in($in, enqueue_sql(order()))), '', 'where a worker runs: no notice');
    administer($admin, 'SELECT fpgo.pause()');
    run_in($in, 'SET fpgo.undelivered_notice = off');
    is(notice_of(run_in($in, enqueue_sql(order()))), '', 'paused, with the notice off: none');
    run_in($in, 'RESET fpgo.undelivered_notice');
    like(notice_of(run_in($in, enqueue_sql(order()))), qr/while its worker is paused/, 'paused: a notice');
    is(notice_of(run_in($in, enqueue_sql(order()))), '', 'paused: once a session');
    $in->quit;
    administer($admin, 'SELECT fpgo.resume()');
}
# --- more databases than have room ------------------------------------------------------------

{
    # databases that are in the catalog alone, since no test has room for so many others
    administer($admin, q{INSERT INTO pg_database SELECT (jsonb_populate_record(d, jsonb_build_object(
            'oid', 900000 + i, 'datname', 'full' || i, 'datacl', NULL))).*
        FROM pg_database d, generate_series(1, 64) i WHERE d.datname = 'template1'});
    administer($admin, 'CREATE DATABASE late');
    install_in($node, 'late', @install);
    reload_databases('postgres');
    for my $i (1 .. 63) {
        wait_for('room for another', sub { run_in($admin, "SELECT fpgo.pause('full$i')")->{sqlstate} eq '' });
    }
    ends('a pause too many', run_in($admin, q{SELECT fpgo.pause('full64')}), '53400', qr/no more than 64 databases can have a worker of fpgo, or be paused/);
    reload_databases('postgres, late');
    wait_for('the log to say it', sub { count_logged($node, qr/database "late" of fpgo\.databases gets no worker: no more than 64/) });
    is(in_database('late', 'SELECT state FROM fpgo.worker()'), 'no room', 'a database too many: fpgo.worker() says so');
    like(in_database('late', q{SELECT hint FROM fpgo.doctor() WHERE check_name = 'worker'}), qr/resume one that is paused/,
        'a database too many: fpgo.doctor() says what to do');
    my $in = open_session($node, database => 'late');
    like(notice_of(run_in($in, enqueue_sql(order(referenceNo => 'late-shop')))), qr/no worker delivers/, 'a database too many: a notice');
    $in->quit;
    run_in($admin, "SELECT fpgo.resume('full$_')") for 1 .. 63;
    is_delivered('a database for which there is room again', 'late-shop');
    is(count_logged($node, qr/"late" of fpgo\.databases gets no worker/), 1, 'that there was no room is said once');
    administer($admin, q{DELETE FROM pg_database WHERE datname LIKE 'full%'});
    reload_databases('postgres');
    wait_for('the worker to leave', sub { worker_pid($admin, 'late') eq '' });
}
$_->quit for $session, $admin;
wait_for('all orders', sub {
    $node->safe_psql('postgres', q{SELECT count(*) FROM fpgo_internal.submission WHERE state <> 'accepted'}) == 0 });
check_records($node, $gateway, committed => \@committed, elsewhere => qr/in-|shop|resume/);

# --- without preloading -----------------------------------------------------------------------

$node->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$node->restart;
($session, $admin) = map { open_session($node) } 1 .. 2;
ends("$_ without preloading", run_in($session, "SELECT fpgo.$_()"), '55000', qr/shared_preload_libraries/) for 'pause', 'resume';
is(administer($admin, 'SELECT state FROM fpgo.worker()'), 'none', 'without preloading: no worker');
{
    my $order = order();
    my $told = run_in($session, enqueue_sql($order));
    like(notice_of($told), qr/no worker delivers/, 'without preloading: a notice');
    unlike($told->{said}, qr/GRANT/, 'without preloading: the superuser may do all of it');
    is(notice_of(run_in($session, enqueue_sql(order()))), '', 'without preloading: once a session');
    administer($admin, 'CREATE ROLE clerk LOGIN; GRANT USAGE ON FOREIGN SERVER frontpayment TO clerk');
    my $clerk = open_session($node, user => 'clerk');
    $told = run_in($clerk, enqueue_sql(order()));
    my ($grant) = $told->{said} =~ /To call fpgo\.deliver\(\): (GRANT [^;]+);/;
    is(run_in($clerk, 'CALL fpgo.deliver()')->{sqlstate}, '42501', 'without preloading: a role that may not deliver');
    administer($admin, $grant);
    is(run_in($clerk, 'CALL fpgo.deliver()')->{sqlstate}, '', 'without preloading: with the grant of the notice it may');
    is(submit($session, order())->{sqlstate}, '', 'without preloading: submit_invoice');
    is(run_in($session, 'CALL fpgo.deliver()')->{sqlstate}, '', 'without preloading: delivery');
    is(administer($admin, q{SELECT count(*) FROM fpgo_internal.submission WHERE state <> 'accepted'}), 0, 'without preloading: all are accepted');
}

# --- the closing comparison -------------------------------------------------------------

check_log($node);
check_records($node, $gateway, committed => \@committed, elsewhere => qr/in-|shop|resume/);

$_->quit for $session, $admin;
$node->stop;
$gateway->stop;
done_testing();
