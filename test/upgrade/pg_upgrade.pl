# pg_upgrade from each PostgreSQL to the next, preloaded or not, with the objects of
# 1.0 and of this version: every record is there, and orders go on.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use FpgoChecker;
use FpgoResident;
use FpgoTest;
use FpgoUpgrade;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# "15=DIRECTORY 17=DIRECTORY ...", the oldest first
my @installations = map { [ split /=/, $_, 2 ] } split / /, $ENV{FPGO_INSTALLATIONS};
cmp_ok(scalar @installations, '>', 1, 'there are versions to go to');

my $frozen = slurp_file(upgrade_file('records-1.0.out'));

for my $preload (0, 1) {
    my $gateway = FpgoGateway->start('--token', $TOKEN);
    my $how     = $preload ? 'preloaded' : 'not preloaded';
    my ($first, @others) = @installations;
    my $node = new_old_cluster($first, $preload, $gateway);
    for my $next (@others) {
        my $name = "$how, to $next->[0]";
        $node = upgraded($name, $node, $next, $preload);
        if ($next == $others[0]) {
            update_from_1_0($name, $node);
        }
        same_catalogs("$name: live", $node, 'live', sub { $node->safe_psql($_[0], 'CREATE EXTENSION fpgo') });
        # (with the privileges that were granted there)
        same_catalogs("$name: shop", $node, 'shop', sub { restore($node, $_[0], slurp_file(upgrade_file('records-1.0.sql'))) });
        goes_on($name, $node, $preload, $gateway);
        $node->command_ok([ 'pg_amcheck', '--install-missing', '--heapallindexed', '-d', 'live', '-d', 'shop' ],
            "$name: tables and indexes are sound");
        check_log($node);
    }
    resolves_by_hand("$how, at the end", $node, $preload, $gateway);
    $node->stop;
    $gateway->stop;
}
done_testing();

# --- a cluster with everything in it ------------------------------------------------

# new_cluster_of($name, $installation, $preload): initialized, not started
sub new_cluster_of {
    my ($name, $installation, $preload) = @_;
    my ($version, $path) = @$installation;
    my $node = PostgreSQL::Test::Cluster->new("${name}_$version", install_path => $path);
    # 18 has checksums unless told otherwise, and the two must agree
    $node->init(extra => ['--data-checksums']);
    $node->append_conf('postgresql.conf', slurp_file(upgrade_file('../lib/server.conf')));
    # a doctor looks at these servers
    $node->append_conf('postgresql.conf', "fsync = on\nfpgo.reconcile_interval = 0\n");
    $node->append_conf('postgresql.conf', "shared_preload_libraries = 'fpgo'\n") if $preload;
    return $node;
}

# Databases that have a resident worker from now on, where fpgo is preloaded.
sub set_databases {
    my ($node, $preload, $databases) = @_;
    $node->append_conf('postgresql.conf', "fpgo.databases = '$databases'\n") if $preload;
    return;
}

# Two databases: "shop" has what 1.0 recorded, and its objects; "live" has a
# submission in every state that this version made, by the gateway that is there.
sub new_old_cluster {
    my ($installation, $preload, $gateway) = @_;
    my $node = new_cluster_of($preload ? 'preloaded' : 'bare', $installation, $preload);
    $node->start;
    $node->safe_psql('postgres', 'CREATE ROLE shop LOGIN; CREATE ROLE clerk LOGIN; CREATE ROLE reporter LOGIN');
    $node->safe_psql('postgres', 'CREATE DATABASE shop');
    offer_version_1_0($node);
    restore($node, 'shop', slurp_file(upgrade_file('records-1.0.sql'))
          =~ s/^(CREATE EXTENSION IF NOT EXISTS fpgo WITH SCHEMA fpgo);$/$1 VERSION '1.0';/mr);
    is(psql_file($node, 'shop', 'records.sql'), $frozen, $node->name . ': the records of 1.0 are there');

    new_database($node, 'live', url => $gateway->address);
    $node->safe_psql('live', q{
        GRANT USAGE ON FOREIGN SERVER frontpayment TO shop;
        CREATE USER MAPPING FOR clerk SERVER frontpayment OPTIONS (token 'of-the-clerk');
        CREATE SCHEMA shop AUTHORIZATION shop;
        SET ROLE shop;
        CREATE DOMAIN shop.right_order AS jsonb CHECK (fpgo.is_valid(VALUE));
        CREATE TABLE shop.basket (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            wanted shop.right_order NOT NULL,
            as_sent fpgo.order_payload,
            CHECK (fpgo.is_valid(wanted)));
        CREATE FUNCTION shop.invoice_for(b shop.basket) RETURNS fpgo.invoice_order
            LANGUAGE sql STABLE SET search_path = shop, pg_temp AS 'SELECT fpgo.to_invoice_order(b.wanted)';
        CREATE TRIGGER invoice AFTER INSERT ON shop.basket
            FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for')});
    my $session = open_session($node, database => 'live', user => 'shop');
    # what went wrong with one order must not hold the next one
    my $lift = sub {
        $node->safe_psql('live', q{SELECT fpgo.release(hold, 'next one') FROM fpgo.holds; DELETE FROM fpgo_internal.allowance});
    };
    my $make = sub {
        my ($reference, $sqlstate, @wishes) = @_;
        $lift->();
        $gateway->misbehave(@wishes) if @wishes;
        ends($reference, submit($session, order(referenceNo => $reference)), $sqlstate);
    };
    my $queue = sub { run_in($session, enqueue_sql(order(referenceNo => $_[0])))->{rows} };
    $make->('accepted',    '');
    $make->('refused',     '38F05', { status => 417, errors => { 'products.0.name' => ['Not liked.'] } });
    $make->('arrived',     '38F01', { close_after_request => \1 });
    $make->('no-answer',   '38F01', { status => 503 });
    $make->('given-up',    '38F01', { status => 503 });
    $node->safe_psql('live', q{SELECT fpgo.resolve(submission, 'cancelled', 'test')
        FROM fpgo.submissions WHERE reference = 'given-up'});
    $queue->('slowed-down');
    $gateway->misbehave({ status => 429, headers => { 'Retry-After' => '3600' } });
    $node->safe_psql('live', 'CALL fpgo.deliver()');
    run_in($session, 'SELECT fpgo.cancel_submission(' . $queue->('cancelled') . q{, 'test')});
    $queue->('queued');
    run_in($session, 'INSERT INTO shop.basket (wanted) VALUES (' . literal(order(referenceNo => 'by-trigger')) . ')');
    $lift->();
    $gateway->misbehave({ stall => \1 });
    begin_submit($session, order(referenceNo => 'sending'));
    wait_for_order($gateway, 'sending');
    # a crash; then what is clean enough for pg_upgrade
    $node->stop('immediate');
    $gateway->behave;
    $node->start;
    is($node->safe_psql('live', q{SELECT string_agg(DISTINCT state, ' ' ORDER BY state) FROM fpgo.submissions}),
        'accepted cancelled queued refused sending uncertain', $node->name . ': a submission in every state');
    return $node;
}

# --- pg_upgrade ---------------------------------------------------------------------

# upgraded($name, $old, $installation, $preload): a new cluster, started, with no
# resident worker, of which everything on record and every object is compared.
sub upgraded {
    my ($name, $old, $installation, $preload) = @_;
    my $new = new_cluster_of($preload ? 'preloaded' : 'bare', $installation, $preload);
    my $bin = "$installation->[1]/bin";
    # of the old cluster, with the new one's program
    my $dump = sub {
        my ($node, $database) = @_;
        my ($out, $said);
        IPC::Run::run([ "$bin/pg_dump", '--schema-only', '-h', $node->host, '-p', $node->port, $database ],
            '>', \$out, '2>', \$said) or die "pg_dump: $said\n";
        # 16 leaves the name of the one table that a view reads out
        return $out =~ s/^(?:-- Dumped |\\(?:un)?restrict |.* SET \(pg_attver=).*\n//mgr =~ s/\bsubmissions\.(?=\w)//gr;
    };
    # what the workers do is no difference
    set_databases($old, $preload, '');
    $old->reload;
    wait_for('the workers to end', sub { !worker_pid($old, 'live') && !worker_pid($old, 'shop') });
    take_marks_away($old, $new);
    my %before = map { $_ => [ everything($old, $_), $dump->($old, $_) ] } qw(live shop);
    $old->stop;
    # a worker would send and settle, if it ran meanwhile
    set_databases($_, $preload, 'live, shop') for $old, $new;
    my @command = ('pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir,
        '-b', $old->config_data('--bindir'), '-B', $bin, '-s', $new->host, '-p', $old->port, '-P', $new->port);
    chdir PostgreSQL::Test::Utils::tempdir() or die "chdir: $!\n";
    $new->command_ok([ @command, '--check' ], "$name: pg_upgrade --check");
    $new->command_ok(\@command, "$name: pg_upgrade");
    set_databases($new, $preload, '');
    $new->start;
    for my $database (qw(live shop)) {
        my ($records, $objects) = @{ $before{$database} };
        same_lines("$name: $database: all is on record as before", everything($new, $database), $records);
        same_lines("$name: $database: a dump has the same objects", $dump->($new, $database), $objects);
    }
    return $new;
}

# PostgreSQL 17.12 marks each column that it makes, with pg_attver, and 18.6 refuses the
# mark: its pg_upgrade fails for any table.  To see the rest all the same, the marks are
# taken away, which no statement but an UPDATE of the catalog can do.
sub take_marks_away {
    my ($old, $new) = @_;
    $new->start;
    my $refused = 0 != $new->psql('template1', 'BEGIN; CREATE TABLE t (a int); ALTER TABLE t ALTER a SET (pg_attver = 1)');
    $new->stop;
    return unless $refused;
    diag($new->name . ' does not know pg_attver: pg_upgrade would fail for any table that has the mark');
    $old->safe_psql($_, q{
        SET allow_system_table_mods = on;
        UPDATE pg_attribute SET attoptions = nullif(ARRAY(SELECT o FROM unnest(attoptions) o WHERE o NOT LIKE 'pg_attver=%'), '{}')
        WHERE attrelid >= 16384 AND array_to_string(attoptions, ' ') LIKE '%pg_attver=%'}) for qw(live shop);
    return;
}

# same_lines($name, $got, $expected): two texts, of which it shows what differs.
sub same_lines {
    my ($name, $got, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($known, $found) = map { my %lines; $lines{$_}++ for split /\n/; \%lines } $expected, $got;
    is(join("\n", grep { !$known->{$_} } split /\n/, $got), join("\n", grep { !$found->{$_} } split /\n/, $expected), $name)
      and $got ne $expected and fail("$name, in the same order");
    return;
}

# Every row of fpgo's tables and of the shop's, every sequence, and all that is said of
# servers and mappings; a line each.
sub everything {
    my ($node, $database) = @_;
    my @tables = split /\n/, $node->safe_psql($database, q{
        SELECT relkind || c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'S') AND nspname IN ('fpgo_internal', 'shop') ORDER BY 1});
    die "no tables in $database\n" if @tables < 10;
    my $sql = join ' UNION ALL ', map {
        my ($kind, $table) = /^(.)(.*)$/;
        my $row = $kind eq 'S' ? '(last_value, is_called)::text' : 't::text';
        "SELECT '$table ' || $row AS line FROM $table t";
    } @tables;
    return $node->safe_psql($database, qq{
        SELECT line FROM ($sql
            UNION ALL SELECT concat_ws(' ', 'server', srvname, srvowner::regrole, srvoptions, srvacl) FROM pg_foreign_server
            UNION ALL SELECT concat_ws(' ', 'mapping', srvname, usename, umoptions) FROM pg_user_mappings) everything
        ORDER BY line COLLATE "C"});
}

sub update_from_1_0 {
    my ($name, $node) = @_;
    is($node->safe_psql('shop', q{SELECT extversion FROM pg_extension WHERE extname = 'fpgo'}), '1.0',
        "$name: the objects are of 1.0 still");
    is(psql_file($node, 'shop', 'records.sql'), $frozen, "$name: the records of 1.0 are shown");
    $node->safe_psql('shop', 'ALTER EXTENSION fpgo UPDATE');
    is(psql_file($node, 'shop', 'records.sql'), $frozen, "$name: the records of 1.0 are shown after the update");
    return;
}

sub same_catalogs {
    my ($name, $node, $database, $make) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $node->safe_psql('postgres', 'CREATE DATABASE fresh');
    $make->('fresh');
    my ($said, $fresh) = map { catalogs($node, $_) } $database, 'fresh';
    $node->safe_psql('postgres', 'DROP DATABASE fresh');
    cmp_ok(scalar keys %$fresh, '>', 3000, "$name: there is a lot to compare");
    is(join("\n", differences($said, $fresh)), '', "$name: the catalogs say what they say of a fresh one");
    return;
}

# --- and orders go on -----------------------------------------------------------------

sub goes_on {
    my ($name, $node, $preload, $gateway) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    if ($preload) {
        set_databases($node, $preload, 'live, shop');
        $node->reload;
        wait_for_worker($node, $_) for qw(live shop);
    }
    # the new cluster is another one: whether the old one still sends, a person knows
    my $session = open_session($node, database => 'live', user => 'shop');
    ends("$name: before a person says so", submit($session, order()), '55000', qr/may not send orders of server "frontpayment"/);
    $node->safe_psql('live', q{SELECT fpgo.take_seat('frontpayment', 'pg_upgrade', 'send')});
    my ($order, $queued, $by_trigger) = map { order() } 1 .. 3;
    ends("$name: an order that is submitted", submit($session, $order), '');
    ends("$name: an order that is queued", run_in($session, enqueue_sql($queued)), '');
    ends("$name: an order by the shop's trigger",
        run_in($session, 'INSERT INTO shop.basket (wanted) VALUES (' . literal($by_trigger) . ')'), '');
    ends("$name: an order that the shop's domain refuses",
        run_in($session, q{INSERT INTO shop.basket (wanted) VALUES ('{}')}), '23514');
    $node->safe_psql('live', 'CALL fpgo.deliver()') unless $preload;
    my $states = sub {
        $node->safe_psql('live', q{SELECT string_agg(reference || ' ' || state, ', ' ORDER BY submission)
            FROM fpgo.submissions WHERE reference !~ '^T'});
    };
    # what was on its way belongs to nobody: it is settled, and not sent again
    wait_for("$name: what is due to be delivered", sub {
        $node->safe_psql('live', q{SELECT count(*) FROM fpgo.submissions
            WHERE state = 'sending' OR state = 'queued' AND reference <> 'slowed-down'}) == 0 });
    is($states->(), join(', ', 'accepted accepted', 'refused refused', 'arrived uncertain', 'no-answer uncertain',
        'given-up cancelled', 'slowed-down queued', 'cancelled cancelled', 'queued accepted', 'by-trigger accepted',
        'sending uncertain'), "$name: what became of each order");
    check_records($node, $gateway, databases => ['live'], name => "$name: no order was sent that must not be",
        committed => [ map { reference_of($_) } $order, $queued, $by_trigger ]);
    ends("$name: an order is known by its hash", run_in($session, enqueue_sql($order)), '23505');
    is($node->safe_psql('live', q{SET ROLE shop; SELECT d FROM fpgo.doctor() d WHERE d.ok IS NOT TRUE}), '',
        "$name: the doctor finds all to be good");
    return;
}

# A person decides that an order arrived, and that one did not: this one is sent
# again, and once.
sub resolves_by_hand {
    my ($name, $node, $preload, $gateway) = @_;
    my ($made) = map { $_->{order_uuid} } $gateway->ledger('arrived');
    $node->safe_psql('live', qq{SELECT fpgo.resolve(submission, 'accepted', 'It is there.', order_uuid => '$made')
        FROM fpgo.submissions WHERE reference = 'arrived'});
    my $before = $gateway->received('no-answer');
    $node->safe_psql('live', q{SELECT fpgo.resolve(submission, 'queued', 'It is not there.')
        FROM fpgo.submissions WHERE reference = 'no-answer'});
    $node->safe_psql('live', 'CALL fpgo.deliver()') unless $preload;
    wait_for("$name: the order to be accepted", sub {
        $node->safe_psql('live', q{SELECT state FROM fpgo.submissions WHERE reference = 'no-answer'}) eq 'accepted' });
    is($gateway->received('no-answer') - $before, 1, "$name: an order that a person decided about is sent once more");
    check_records($node, $gateway, databases => ['live'], name => "$name: the records agree with the ledger");
    return;
}
