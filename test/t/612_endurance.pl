# Very many submissions from one session, good ones and bad ones of every class,
# most of them within savepoints: what the session, its helper process and the
# resident worker hold must not grow.
#
# FPGO_SUBMITS says how many; 100000 is the long run of test/check, 1000 are
# enough to see half a kilobyte lost in each call, and 24 bytes in a context.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoResident;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $submits = $ENV{FPGO_SUBMITS} // 1000;
my $batch   = 20;
my $cancels = 4;

# What may be more at the end than after the first tenth.  Contexts are counted to
# the byte, but PostgreSQL's caches and plans may still grow a little, the longer
# the more seldom; the pages of a process move with what its allocator keeps.  What
# is lost in each call would be many times as much.
my %allowed = (contexts => 16 * 1024 + $submits, kB => 250, descriptors => 0, segments => 0, locks => 0);

my $ledger_file = PostgreSQL::Test::Utils::tempdir . '/ledger';
my $gateway     = FpgoGateway->start('--token', $TOKEN, '--ledger', $ledger_file);
my %others      = (
    refusing => { status => 417, requests => 0 },
    doubtful => { html   => \1,  requests => 0 },
    slow     => { status => 429, requests => 0, headers => { 'Retry-After' => '0' } });
my %addresses = (stranger => $gateway->address, nowhere => closed_address());
for my $name (keys %others) {
    my $other = FpgoGateway->start('--token', $TOKEN);
    $other->misbehave($others{$name});
    $addresses{$name} = $other->address;
    $others{$name}    = $other;
}

# how each twenty submissions end; ZZ001: accepted, and then rolled back
my %expected = (
    '00000' => 9, '22P02' => 1, '23505' => 1, '23514' => 1, '38F01' => 1, '38F02' => 1,
    '38F03' => 1, '38F04' => 1, '38F05' => 1, 'ZZ001' => 3);

# prepare($node): the other servers, and a function that submits
sub prepare {
    my ($node) = @_;
    for my $name (sort keys %addresses) {
        my $token = $name eq 'stranger' ? 'no-such-token' : $TOKEN;
        $node->safe_psql('postgres', qq{
            CREATE SERVER $name FOREIGN DATA WRAPPER fpgo OPTIONS (url '$addresses{$name}');
            CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (token '$token')});
    }
    # who is to slow down is turned away at once
    $node->safe_psql('postgres', q{
        ALTER DATABASE postgres SET fpgo.submit_wait = 0;
        CREATE FUNCTION endure(name text, first int, n int, doc jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
        DECLARE
            taken jsonb := doc || jsonb_build_object('referenceNo', name || '-taken');
            counts jsonb := '{}';
            came_to text;
            o jsonb;
        BEGIN
            FOR i IN first .. first + n - 1 LOOP
                o := doc || jsonb_build_object('referenceNo', name || '-' || i);
                came_to := '00000';
                BEGIN
                    CASE i % 20
                        WHEN 0 THEN PERFORM fpgo.submit_invoice(o - 'products');
                        WHEN 1 THEN PERFORM fpgo.submit_invoice(o, 'refusing');
                        WHEN 2 THEN PERFORM fpgo.submit_invoice(o, 'doubtful');
                        WHEN 3 THEN PERFORM fpgo.submit_invoice(o, 'nowhere');
                        WHEN 4 THEN PERFORM fpgo.submit_invoice(o, 'stranger');
                        WHEN 5 THEN PERFORM fpgo.submit_invoice(o, 'slow');
                        WHEN 6 THEN PERFORM fpgo.submit_invoice('[1'::text);
                        WHEN 7 THEN PERFORM fpgo.submit_invoice(taken);
                        WHEN 8 THEN PERFORM fpgo.submit_invoice(o, key => name || '-taken');
                        WHEN 9, 10, 11 THEN
                            PERFORM fpgo.submit_invoice(o);
                            RAISE SQLSTATE 'ZZ001';
                        ELSE PERFORM fpgo.submit_invoice(o);
                    END CASE;
                EXCEPTION WHEN OTHERS THEN
                    came_to := SQLSTATE;
                END;
                counts := counts || jsonb_build_object(came_to, coalesce((counts ->> came_to)::int, 0) + 1);
            END LOOP;
            RETURN counts;
        END $$});
    return;
}

# --- what a process holds -----------------------------------------------------------

# footprint($pid): kB of its own memory, descriptors, and segments of shared memory.
# Not counted are the files of the data directory, of which PostgreSQL itself keeps
# as many open as it may.
sub footprint {
    my ($pid)      = @_;
    my ($kb)       = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
    my %segments   = map { $_ => 1 } slurp_file("/proc/$pid/maps") =~ m{(/dev/shm/PostgreSQL\.\d+)}g;
    my @descriptors = grep { (readlink($_) // '') !~ m{/pgdata/} } glob "/proc/$pid/fd/*";
    return (kB => $kb, descriptors => scalar @descriptors, segments => scalar keys %segments);
}

# contexts_of($node, $pid): bytes in use in the memory contexts of another process
sub contexts_of {
    my ($node, $pid) = @_;
    my $offset = -s $node->logfile;
    administer($node, "SELECT pg_log_backend_memory_contexts($pid)");
    my $log = wait_for("the contexts of process $pid", sub {
        my $log = substr slurp_file($node->logfile), $offset;
        return $log =~ /Grand total: .* (\d+) used/ && $1;
    });
    return $log;
}

# sample($node, $session, $server): a hash of the footprints of the session's process
# ('session') and of the one that serves it ($server, a name and a pid), by what
sub sample {
    my ($node, $session, $server) = @_;
    my $backend = pid_of($session);
    my %session = footprint($backend);
    $session{contexts} = administer($session, 'SELECT sum(used_bytes) FROM pg_backend_memory_contexts');
    my %server = (footprint($server->{pid}), contexts => contexts_of($node, $server->{pid}));
    my %locks  = map { split /\|/ } split /\n/, administer($node, qq{
        SELECT pid, count(*) FROM pg_locks WHERE pid IN ($backend, $server->{pid}) GROUP BY pid});
    $session{locks} = $locks{$backend}        // 0;
    $server{locks}  = $locks{ $server->{pid} } // 0;
    return { session => \%session, $server->{name} => \%server };
}

# stays_flat($name, @samples): assert that the last is about like the first
sub stays_flat {
    my ($name, @samples) = @_;
    for my $who (sort keys %{ $samples[0] }) {
        for my $what (sort keys %allowed) {
            my @values = map { $_->{$who}{$what} } @samples;
            my $grown  = $values[-1] - $values[0];
            diag(sprintf '%s: %s of the %s: %s', $name, $what, $who, join ', ', @values);
            cmp_ok($grown, '<=', $allowed{$what}, "$name: $what of the $who: $grown more, allowed $allowed{$what}");
        }
    }
    return;
}

# --- the run ---------------------------------------------------------------------------

my $doc = literal(order(referenceNo => undef, 'callback.success' => 'https://shop.example/?' . 'x' x 300)) . '::jsonb';

# submit_batches($session, $name, $first, $n): so many, from that number on; every
# other batch is rolled back to a savepoint as a whole
sub submit_batches {
    my ($session, $name, $first, $n) = @_;
    my %counts;
    for (my $i = 0; $i < $n; $i += $batch) {
        # each of the twenty meets its trouble for the first time
        release_holds($session);
        my $statement = "SELECT endure('$name', " . ($first + $i) . ", $batch, $doc)";
        $statement = "BEGIN;\nSAVEPOINT a;\n$statement;\nROLLBACK TO a;\nCOMMIT" if $i / $batch % 2;
        my $ended = run_in($session, $statement);
        die $ended->{said} if $ended->{sqlstate};
        my %of_batch = $ended->{rows} =~ /"(\w{5})": (\d+)/g;
        $counts{$_} += $of_batch{$_} for keys %of_batch;
    }
    return \%counts;
}

# endures($name, $node, $session, $n, $find): submit so many, and assert that all
# end as they should and nothing grows; $find tells name and pid of who serves
sub endures {
    my ($name, $node, $session, $n, $find) = @_;
    my $began = time;
    my (%counts, @samples, $server);
    my $done = 0;
    for my $tenth (1, 5, 10) {
        # the second tenth begins when caches and plans are there
        my $part = int($n * $tenth / 10 / $batch + 0.5) * $batch - $done;
        my $ended = submit_batches($session, $name, $done, $part);
        $counts{$_} += $ended->{$_} for keys %$ended;
        $done += $part;
        $server //= $find->();
        push @samples, sample($node, $session, $server);
    }
    my %all = map { $_ => $expected{$_} * $done / 20 } keys %expected;
    is_deeply(\%counts, \%all, "$name: $done submissions end as they should");
    is($find->()->{pid}, $server->{pid}, "$name: one process served them");
    diag(sprintf '%s: %d submissions in %.0f s; at 10, 50 and 100 %% of them:', $name, $done, time - $began);
    stays_flat($name, @samples);
    return $samples[0];
}

# --- with a helper process --------------------------------------------------------------

my $node = new_cluster('main', url => $gateway->address);
prepare($node);
my $session = open_session($node);
run_in($session, q{SET fpgo.helper_idle = '60s'; SET statement_timeout = 0});
run_in($session, "SELECT fpgo.submit_invoice($doc || '{\"referenceNo\": \"helper-taken\"}')");
my $first = endures('helper', $node, $session, $submits,
    sub { { name => 'helper', pid => find_helper($node) } });

# cut short, each leaves its helper behind, which goes on alone and ends
for my $i (1 .. $cancels) {
    # long enough for a busy machine to cut the call short meanwhile
    $gateway->misbehave({ delay => 2 });
    my ($order, $reference) = new_order();
    run_in($session, q{SET statement_timeout = '200ms'}) if $i % 2;
    begin_submit($session, $order);
    wait_for_order($gateway, $reference);
    administer($node, 'SELECT pg_cancel_backend(' . pid_of($session) . ')') unless $i % 2;
    is(finish_in($session)->{sqlstate}, '57014', "cut short, $i: SQLSTATE '57014'");
    run_in($session, 'RESET statement_timeout');
}
wait_for('the end of all helpers', sub { find_helper($node) eq '' });
is(submit($session, order())->{sqlstate}, '', 'after all that: accepted');
stays_flat('cut short', $first, sample($node, $session, { name => 'helper', pid => find_helper($node) }));

# enqueued, in savepoints too, and delivered by the session itself
{
    my $orders = int($submits / 10);
    my $deliver = sub {
        my ($part) = @_;
        my $ended = run_in($session, qq{
            SET fpgo.undelivered_notice = off;
            DO \$do\$ BEGIN
                FOR i IN 1 .. $orders LOOP
                    BEGIN
                        PERFORM fpgo.enqueue_invoice($doc || jsonb_build_object('referenceNo', 'queued-$part-' || i));
                        IF i % 4 = 0 THEN RAISE SQLSTATE 'ZZ001'; END IF;
                    EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
                    END;
                END LOOP;
            END \$do\$;
            CALL fpgo.deliver()});
        is($ended->{sqlstate}, '', "queued and delivered, part $part") or diag($ended->{said});
        my %held = (footprint(pid_of($session)),
            contexts => administer($session, 'SELECT sum(used_bytes) FROM pg_backend_memory_contexts'),
            locks    => administer($session, 'SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()'));
        return { session => \%held };
    };
    my ($warming_up, @held) = map { $deliver->($_) } 1 .. 4;
    stays_flat("$orders queued and delivered", @held);
}
$session->quit;
check_log($node);

# --- with the resident worker ---------------------------------------------------------------

my $home = new_resident_cluster('resident', url => $gateway->address);
prepare($home);
$session = open_session($home);
my $worker = wait_for_worker($home);
run_in($session, "SELECT fpgo.submit_invoice($doc || '{\"referenceNo\": \"worker-taken\"}')");
endures('worker', $home, $session, $submits / 2, sub { { name => 'worker', pid => worker_pid($home) } });
is(worker_pid($home), $worker, 'the worker is the one that was there before');
$session->quit;
check_log($home);

# --- the closing comparison ----------------------------------------------------------------

# What of the ledger the checker looks at, from its file: of a hundred thousand orders
# the sandbox gateway would have to say too much.
{
    package LedgerFile;
    sub new { my ($class, $name, $pattern) = @_; return bless { name => $name, pattern => $pattern }, $class; }

    sub ledger {
        my ($self) = @_;
        open my $file, '<', $self->{name} or die "$self->{name}: $!\n";
        my @entries;
        while (my $line = <$file>) {
            my %entry;
            @entry{qw(order_uuid referenceNo)} =
              map { $line =~ /(?<!\\)"$_": ?"([^"]*)"/ ? $1 : '' } qw(order_uuid referenceNo);
            $entry{made} = $line =~ /(?<!\\)"made": ?true/ ? 1 : 0;
            push @entries, \%entry if $entry{referenceNo} =~ $self->{pattern};
        }
        close $file;
        return @entries;
    }
}
check_records($node, LedgerFile->new($ledger_file, qr/^(?!worker-)/), name => 'main: the records agree with the ledger');
check_records($home, LedgerFile->new($ledger_file, qr/^worker-/), name => 'resident: the records agree with the ledger');
is(scalar(grep { $_->{made} } map { $_->ledger } $others{$_}), 0, "$_: no order was made") for sort keys %others;
my $connections = $gateway->requests->{connections};
diag("connections that the gateway saw: $connections");
cmp_ok($connections, '<', $submits / 10, 'they were kept between requests');
$_->stop for $node, $home, $gateway, values %others;
done_testing();
