# Settings that the owner of a database or of a role makes: none of them ends a
# process of fpgo or changes what it does.  Those that end a session (exit_on_error;
# transaction_timeout, which 17 has) lose no order and send none twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use Test::More;
use Time::HiRes qw(sleep);

my $version = major_version();

# what processes must not heed; 30 ms are shorter than the wait for a lock
my @settings = (
    ([ transaction_timeout => '30ms' ]) x ($version >= 17),
    [ exit_on_error                       => 'on' ],
    [ statement_timeout                   => '1ms' ],
    [ lock_timeout                        => '1ms' ],
    [ idle_in_transaction_session_timeout => '1ms' ],
    [ idle_session_timeout                => '1ms' ],
    [ default_transaction_read_only       => 'on' ],
    [ default_transaction_isolation       => 'serializable' ],
    [ default_transaction_deferrable      => 'on' ],
    [ session_replication_role            => 'replica' ],
    [ row_security                        => 'on' ],
    [ client_encoding                     => 'LATIN1' ],
    [ client_min_messages                 => 'debug5' ],
    [ search_path                         => 'nowhere' ],
    [ synchronous_commit                  => 'off' ],
    [ plan_cache_mode                     => 'force_custom_plan' ],
    [ TimeZone                            => 'Pacific/Chatham' ],
    [ restrict_nonsystem_relation_kind    => 'view, foreign-table' ],
    [ parallel_setting()                  => 'on' ],
    [ log_statement                       => 'all' ],
    [ log_min_duration_statement          => '0' ],
    [ log_min_error_statement             => 'error' ],
    [ log_parameter_max_length            => '-1' ],
    [ log_parameter_max_length_on_error   => '-1' ],
    ([ event_triggers => 'off' ]) x ($version >= 17));

# The sessions of this test have what a client gives at the start of a session,
# which counts more than any of the above.
local $ENV{PGOPTIONS} = join ' ', map { "-c $_" } 'client_encoding=UTF8', 'exit_on_error=off', 'lock_timeout=0',
  'statement_timeout=0', 'idle_in_transaction_session_timeout=0', 'idle_session_timeout=0', 'log_statement=none',
  'log_min_duration_statement=-1', 'log_min_error_statement=panic', 'log_parameter_max_length=0',
  'log_parameter_max_length_on_error=0', 'client_min_messages=notice', 'search_path=public',
  'default_transaction_read_only=off', 'session_replication_role=origin', parallel_setting() . '=off',
  ('transaction_timeout=0', 'event_triggers=on') x ($version >= 17);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('resident', url => $gateway->address,
    options => q{concurrency '2'}, settings => "fpgo.reconcile_interval = '300ms'\n");
new_database($node, 'other', url => $gateway->address, options => q{concurrency '2'});
my $admin   = open_session($node);
my $session = open_session($node);
my $records = FpgoRecords->new($admin, $gateway);
my $in      = open_session($node, database => 'other');
my $third   = open_session($node, database => 'other');
my $beside  = FpgoRecords->new($third, $gateway);
wait_for_worker($admin);
my $owner = administer($admin, 'SELECT current_user');

sub launcher { return administer($admin, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'fpgo launcher'}); }

# lock_row($holder, $reference): a submission's row, until ROLLBACK.
sub lock_row {
    my ($holder, $reference) = @_;
    run_in($holder, "BEGIN; SELECT FROM fpgo_internal.submission WHERE reference = '$reference' FOR UPDATE");
    return;
}

sub becomes {
    my ($name, $from, $reference, $state) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(eval { wait_for($name, sub { $from->states_of($reference) eq $state }, 20) }, "$name: $state")
      or diag($from->states_of($reference));
    is($gateway->received($reference), 1, "$name: is sent once");
    return;
}

# --- fpgo's processes ------------------------------------------------------------------

my $launcher = launcher();
my @levels   = (
    [ 'ALTER DATABASE'             => map { "ALTER DATABASE $_" } 'postgres', 'other' ],
    [ 'ALTER ROLE'                 => "ALTER ROLE $owner" ],
    [ 'ALTER ROLE IN DATABASE'     => map { "ALTER ROLE $owner IN DATABASE $_" } 'postgres', 'other' ],
    [ 'ALTER SYSTEM'               => 'ALTER SYSTEM' ]);
for my $level (@levels) {
    my ($name, @alter) = @$level;
    for my $alter (@alter) {
        administer($admin, "$alter SET $_->[0] = '$_->[1]'") for @settings;
    }
    administer($admin, 'SELECT pg_reload_conf()');
    administer($admin, 'SELECT fpgo.pause()');
    administer($admin, 'SELECT fpgo.resume()');
    my $worker = wait_for_worker($admin);

    # while somebody has locked the row of an order that has landed
    $gateway->misbehave({ requests => 2, delay => 0.3 });
    my $queued = $records->enqueue($session);
    my ($order, $reference) = new_order();
    begin_submit($in, $order);
    wait_for_order($gateway, $_) for $queued->{reference}, $reference;
    lock_row($admin, $queued->{reference});
    lock_row($third, $reference);
    sleep 0.7;
    run_in($_, 'ROLLBACK') for $admin, $third;
    becomes("$name, the worker", $records, $queued->{reference}, 'accepted');
    ends("$name, a helper", finish_in($in), '');
    becomes("$name, a helper", $beside, $reference, 'accepted');
    ($order, $reference) = new_order();
    ends("$name, submit_invoice by the worker", submit($session, $order), '');
    $records->show("$name, submit_invoice by the worker", $reference, 'accepted', received => 1);
    $gateway->misbehave({ close_after_request => \1 });
    my $lost = $records->enqueue($session);
    becomes("$name, the reconciler", $records, $lost->{reference}, 'accepted');
    is(worker_pid($admin), $worker, "$name: the worker is the same");
    is(launcher(), $launcher, "$name: the launcher is the same");
    administer($admin, "$_ RESET ALL") for @alter;
}
administer($admin, 'SELECT pg_reload_conf()');

{
    # a helper's warning has the letters that it had
    run_in($third, q{
        ALTER DATABASE other SET client_encoding = 'LATIN1';
        CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE WARNING 'Kåre owes 7 €'; RETURN NEW; END$$;
        CREATE TRIGGER warn BEFORE INSERT ON fpgo_internal.payload FOR EACH ROW EXECUTE FUNCTION warn()});
    my $fresh = open_session($node, database => 'other');
    my ($order, $reference) = new_order();
    my $ended = ends('a warning in another encoding', submit($fresh, $order), '');
    like($ended->{said}, qr/WARNING: .*Kåre owes 7 €/, 'a warning in another encoding: arrives');
    $beside->show('a warning in another encoding', $reference, 'accepted', received => 1);
    run_in($third, 'DROP TRIGGER warn ON fpgo_internal.payload; ALTER DATABASE other RESET ALL');
    $fresh->quit;
}
# event triggers at login fire in sessions alone
is(administer($admin, q{SELECT count(*) FROM pg_settings WHERE name = 'event_triggers'}), $version >= 17 ? 1 : 0,
    'PostgreSQL has event triggers at login from 17 on');
if ($version >= 17) {
    administer($admin, q{
        CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'nobody enters'; END$$;
        CREATE EVENT TRIGGER refuse ON login EXECUTE FUNCTION refuse()});
    isnt($node->psql('postgres', 'SELECT 1'), 0, 'at login: no session begins');
    administer($admin, 'SELECT fpgo.pause()');
    run_in($session, 'SET fpgo.undelivered_notice = off');
    my ($order, $reference) = new_order();
    ends('at login, a helper', submit($session, $order), '');
    administer($admin, 'SELECT fpgo.resume()');
    becomes('at login, the worker', $records, $records->enqueue($session)->{reference}, 'accepted');
    administer($admin, 'DROP EVENT TRIGGER refuse');
}

# --- exit_on_error in a session ----------------------------------------------------------

# The session in the database without a worker, anew.
sub reopen {
    eval { $in->quit };
    $in = open_session($node, database => 'other');
    run_in($in, "SET fpgo.undelivered_notice = off; $_[0]");
    return;
}

{
    # a turn of the delivery fails, and is tried again
    reopen('SET exit_on_error = on');
    $gateway->misbehave({ delay => 0.3 });
    my $queued = $beside->enqueue($in);
    begin_in($in, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $queued->{reference});
    run_in($third, 'BEGIN; LOCK TABLE fpgo_internal.submission IN SHARE MODE');
    sleep 0.6;
    run_in($third, 'ROLLBACK');
    ends('exit_on_error, deliver', finish_in($in), '');
    $beside->show('exit_on_error, deliver', $queued, 'accepted', received => 1);
    ends('exit_on_error, afterwards', run_in($in, 'SELECT 1 / 0'), '22012', qr/FATAL: .*division by zero/);
}

# --- a client that is gone -------------------------------------------------------------------

# The server has noticed that the psql of $in is gone.
sub kill_client {
    my $offset = -s $node->logfile;
    $in->{run}->signal('KILL');
    ok(eval { wait_for('the server to notice', sub { count_logged($node, qr/FATAL:  connection to client lost/, $offset) }, 10) },
        'a client that is gone: the server notices');
    return;
}

{
    reopen(q{SET client_connection_check_interval = '50ms'});
    my ($order, $reference) = new_order();
    run_in($third, 'BEGIN; LOCK TABLE fpgo_internal.submission IN ACCESS EXCLUSIVE MODE');
    begin_submit($in, $order);
    wait_for('a helper that waits', sub { administer($admin, q{SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'fpgo helper' AND datname = 'other' AND wait_event_type = 'Lock'}) });
    kill_client();
    run_in($third, 'ROLLBACK');
    wait_for('its helper to end', sub { find_helper($admin) eq '' });
    $beside->show('a client that is gone, before the record', $reference, '', received => 0);

    reopen(q{SET client_connection_check_interval = '50ms'});
    ($order, $reference) = new_order();
    $gateway->misbehave({ delay => 0.8 });
    begin_submit($in, $order);
    wait_for_order($gateway, $reference);
    kill_client();
    becomes('a client that is gone, in flight', $beside, $reference, 'accepted');
}

# --- transaction_timeout in a session -------------------------------------------------------

if ($version >= 17) {
    my $locked = 'BEGIN; LOCK TABLE fpgo_internal.submission IN ACCESS EXCLUSIVE MODE';

    # submit_invoice
    {
        my ($order, $reference) = new_order();
        reopen(q{SET transaction_timeout = '300ms'});
        run_in($third, $locked);
        ends('submit, before the record', submit($in, $order), '25P04', qr/CONTEXT: .*order withdrawn/);
        run_in($third, 'ROLLBACK');
        $beside->show('submit, before the record', $reference, '', received => 0);
    }
    {
        my ($order, $reference) = new_order();
        reopen(q{SET transaction_timeout = '400ms'});
        $gateway->misbehave({ delay => 0.8 });
        ends('submit, in flight', submit($in, $order), '25P04', qr/CONTEXT: .*submission \d+ goes on/);
        becomes('submit, in flight', $beside, $reference, 'accepted');
    }
    {
        my ($order, $reference) = new_order();
        reopen(q{SET transaction_timeout = '700ms'});
        $gateway->misbehave({ delay => 0.3 });
        begin_submit($in, $order);
        wait_for_order($gateway, $reference);
        lock_row($third, $reference);
        ends('submit, before the settlement', finish_in($in), '25P04',
            qr/CONTEXT: .*submission \d+ (?:goes on|is being recorded)/);
        run_in($third, 'ROLLBACK');
        becomes('submit, before the settlement', $beside, $reference, 'accepted');
    }
    {
        my ($order, $reference) = new_order();
        my $fourth = open_session($node);
        run_in($fourth, q{SET transaction_timeout = '400ms'});
        $gateway->misbehave({ delay => 0.8 });
        ends('submit, by the worker', submit($fourth, $order), '25P04', qr/CONTEXT: .*submission \d+ goes on/);
        becomes('submit, by the worker', $records, $reference, 'accepted');
        eval { $fourth->quit };
    }

    # enqueue_invoice
    {
        my ($order, $reference) = new_order();
        my $fourth = open_session($node);
        run_in($fourth, q{BEGIN; SET transaction_timeout = '300ms'});
        ends('enqueue', run_in($fourth, enqueue_sql($order)), '');
        ends('enqueue, then too long', run_in($fourth, 'SELECT pg_sleep(5)'), '25P04');
        $records->show('enqueue, then too long', $reference, '', received => 0);
        eval { $fourth->quit };
    }

    # CALL fpgo.deliver()
    {
        reopen(q{SET transaction_timeout = '300ms'});
        my $queued = $beside->enqueue($in);
        run_in($third, $locked);
        ends('deliver, before the claim', run_in($in, 'CALL fpgo.deliver()'), '25P04');
        run_in($third, 'ROLLBACK');
        $beside->show('deliver, before the claim', $queued, 'queued', received => 0);
        run_in($third, "SELECT fpgo.cancel_submission($queued->{id}, 'test')");
    }
    {
        reopen(q{SET transaction_timeout = '300ms'});
        my @queued = map { $beside->enqueue($in) } 1 .. 4;
        $gateway->misbehave({ requests => 2, delay => 0.8 });
        my $ended = ends('deliver, in flight', run_in($in, 'CALL fpgo.deliver()'), '25P04');
        cmp_ok($ended->{seconds}, '<', 4.5, 'deliver, in flight: ends within the grace time');
        $beside->show('deliver, in flight: drained',     $_, 'accepted', received => 1) for @queued[ 0, 1 ];
        $beside->show('deliver, in flight: not claimed', $_, 'queued',   received => 0) for @queued[ 2, 3 ];
        reopen('');
        ends('deliver, afterwards', run_in($in, 'CALL fpgo.deliver()'), '');
        $beside->show('deliver, afterwards', $_, 'accepted', received => 1) for @queued;
    }
    {
        reopen(q{SET transaction_timeout = '600ms'});
        my $queued = $beside->enqueue($in);
        $gateway->misbehave({ delay => 0.3 });
        begin_in($in, 'CALL fpgo.deliver()');
        wait_for_order($gateway, $queued->{reference});
        lock_row($third, $queued->{reference});
        sleep 1;
        run_in($third, 'ROLLBACK');
        my $ended = finish_in($in);
        like($ended->{sqlstate}, qr/^(?:25P04)?$/, 'deliver, before the settlement: ends by the timeout, or well');
        becomes('deliver, before the settlement', $beside, $queued->{reference}, 'accepted');
    }
    {
        # a gateway that needs longer than the grace time
        reopen(q{SET transaction_timeout = '300ms'});
        my $queued = $beside->enqueue($in);
        $gateway->misbehave({ stall => \1 });
        my $ended = ends('deliver, without an answer', run_in($in, 'CALL fpgo.deliver()'), '25P04');
        cmp_ok($ended->{seconds}, '<', 5, 'deliver, without an answer: given up');
        $beside->show('deliver, without an answer', $queued, 'uncertain', received => 1);
    }
}

check_log($node);
check_records($node, $gateway, databases => [ 'postgres', 'other' ], committed => [ map { $_->expected } $records, $beside ]);

eval { $_->quit } for $session, $admin, $in, $third;
$node->stop;
$gateway->stop;
done_testing();
