# fpgo through the drivers of many languages: an order in the language's own object, the
# SQLSTATE and DETAIL of errors, CALL, LISTEN, a time-out and a lost connection.  The
# sandbox's ledger is compared: no driver makes two orders of one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use Cwd qw(abs_path);
use FpgoReceiver;
use FpgoTest;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $here    = abs_path($FindBin::RealBin);
my $place   = PostgreSQL::Test::Utils::tempdir();
my $secret  = 'canary-callback-5b2e';
my $gateway = FpgoGateway->start('--token', $TOKEN, '--callback-secret', $secret);
my $node    = new_cluster('main', url => $gateway->address,
    settings => "listen_addresses = '127.0.0.1'\nlog_parameter_max_length = 0\n");
new_database($node, 'shop', url => $gateway->address, options => q{timeout '20s'});
my $receiver = FpgoReceiver->start($node, $secret);

$ENV{PGHOST}       = '127.0.0.1';
$ENV{PGPORT}       = $node->port;
$ENV{PGDATABASE}   = 'shop';
$ENV{PGUSER}       = getpwuid $>;
$ENV{FPGO_ORDER}   = "$place/order.json";
$ENV{FPGO_MODULES} = "$place/modules";

# --- drivers --------------------------------------------------------------------------

# The version of one of Debian's packages, or of what npm installed.
sub debian { my ($package) = @_; my $version = `dpkg-query -W -f='\${Version}' $package`; return $version =~ s/^\d+:|[-+~].*//gr; }
sub npm    { my ($package) = @_; return decode_json(slurp_file("$place/modules/node_modules/$package/package.json"))->{version}; }

# Prepare a program; its command.
sub python { return ('python3', '-B', "$here/$_[0]"); }
sub node   { return ('node', "$here/$_[0]"); }

sub java {
    my $jar = '/usr/share/java/postgresql.jar';
    must('javac', '-d', "$place/java", '-cp', $jar, "$here/Jdbc.java");
    return ('java', '-cp', "$place/java:$jar", 'Jdbc');
}

sub go {
    my ($name) = @_;
    local @ENV{qw(GO111MODULE GOPATH GOCACHE)} = ('off', '/usr/share/gocode', "$place/go");
    must('go', 'build', '-o', "$place/$name", "$here/$name/main.go");
    return ("$place/$name");
}

sub must {
    my (@command) = @_;
    my $said = '';
    IPC::Run::run(\@command, '>', \$said, '2>&1') or die "@command: $said\n";
    return;
}

mkdir "$place/modules" or die "$!\n";
must('npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', "$place/modules",
    '--cache', "$place/npm", 'pg@8.23.1', 'postgres@3.4.9');

# lost: the SQLSTATE that the program gets where the session's backend is ended; ''
# where the driver tells none.  types: what numeric, timestamptz and interval come as.
my @drivers = (
    { name => 'psycopg', version => debian('python3-psycopg'), command => [ python('psycopg3.py') ], lost => '',
        types => 'Decimal datetime timedelta' },
    { name => 'psycopg2', version => debian('python3-psycopg2'), command => [ python('psycopg2_json.py') ], lost => '',
        types => 'Decimal datetime timedelta' },
    { name => 'asyncpg', version => debian('python3-asyncpg'), command => [ python('asyncpg_codec.py') ], lost => '08003',
        types => 'Decimal datetime timedelta' },
    { name => 'node-postgres', version => npm('pg'), command => [ node('node_postgres.mjs') ], lost => '57P01',
        types => 'String Date PostgresInterval' },
    { name => 'postgres.js', version => npm('postgres'), command => [ node('postgres_js.mjs') ], lost => 'CONNECTION_CLOSED',
        types => 'String Date String' },
    { name => 'JDBC', version => debian('libpostgresql-jdbc-java'), command => [ java() ], lost => '57P01',
        types => 'BigDecimal Timestamp PGInterval' },
    { name => 'ruby-pg', version => debian('ruby-pg'), command => [ 'ruby', "$here/ruby_pg.rb" ], lost => '',
        types => 'BigDecimal Time String' },
    { name => 'PDO', version => debian('php8.2-pgsql'), command => [ 'php', "$here/pdo.php" ], lost => 'HY000',
        types => 'string string string' },
    { name => 'lib/pq', version => debian('golang-github-lib-pq-dev'), command => [ go('lib_pq') ], lost => '55006',
        types => '[]uint8 time.Time []uint8' },
    { name => 'pgx', version => debian('golang-github-jackc-pgx-v4-dev'), command => [ go('pgx') ], lost => '57P01',
        types => 'pgtype.Numeric time.Time pgtype.Interval' },
    { name => 'DBD::Pg', version => debian('libdbd-pg-perl'), command => [ 'perl', "$here/dbd_pg" ], lost => '08000',
        types => 'text text text' },
    { name => 'psqlodbc', version => debian('odbc-postgresql'), command => [ python('odbc.py') ], lost => '08S01',
        types => 'Decimal datetime str', no_listen => 1 });

# --- asking them ------------------------------------------------------------------------

my $n_orders = 0;

# The file of the order that a program is to send, with these changes.
sub write_order {
    my (%changes) = @_;
    open my $file, '>', $ENV{FPGO_ORDER} or die "$!\n";
    print {$file} order(referenceNo => '@REFERENCE@', 'callback.callbackUrl' => $receiver->address . '/fpgo', %changes);
    close $file or die "$!\n";
    return;
}

sub new_reference { return sprintf 'D%d-%d', $$, ++$n_orders; }

# begin($driver, $case, $reference): start it.  finish: what it said at last.
sub begin {
    my ($driver, $case, $reference) = @_;
    my $asked = { said => '', complained => '', driver => $driver };
    $asked->{run} = IPC::Run::start([ @{ $driver->{command} }, $case, $reference ], '>', \$asked->{said}, '2>', \$asked->{complained},
        IPC::Run::timeout(60));
    return $asked;
}

sub finish {
    my ($asked) = @_;
    $asked->{run}->finish;
    my ($last) = reverse split /\n/, $asked->{said};
    my $ended = eval { decode_json($last // '') } // {};
    diag("$asked->{driver}{name}: $asked->{said}$asked->{complained}") if !%$ended;
    return $ended;
}

sub ask { return finish(begin(@_)); }

# fails($name, $ended, $sqlstate): assert that; nothing secret is printed.
sub fails {
    my ($name, $ended, $sqlstate) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($ended->{failure}{sqlstate} // ($ended->{failure} ? '' : 'no failure'), $sqlstate, "$name: SQLSTATE '$sqlstate'");
    unlike($ended->{failure}{printed} // '', qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E/, "$name: nothing secret is printed");
    return;
}

# Ask again until the order is no longer under way; how that ended.
sub settle {
    my ($driver, $reference) = @_;
    my $ended;
    wait_for("$driver->{name}: $reference to be settled", sub {
        $ended = ask($driver, 'submit', $reference);
        return ($ended->{failure}{sqlstate} // '') ne '55006';
    });
    return $ended;
}

# The number of the backend that submits.
sub backend {
    my $pid;
    wait_for('a session that submits', sub {
        $pid = $node->safe_psql('postgres', q{SELECT min(pid) FROM pg_stat_activity
            WHERE datname = 'shop' AND backend_type = 'client backend' AND query LIKE '%submit_invoice%' AND state = 'active'});
    });
    return $pid;
}

# --- what each does ------------------------------------------------------------------------

for my $driver (@drivers) {
    my $name = "$driver->{name} $driver->{version}";
    my $reference = new_reference();
    write_order();
    my ($uuid, $customer, $address) = @{ ask($driver, 'submit', $reference)->{answer} // [] };
    is($uuid, ($gateway->ledger($reference))[0]{order_uuid}, "$name: an order is sent, and its row comes back");
    like("$customer $address", qr/^CSRT\S+ https:/, "$name: with all columns");
    is(join(' ', map { s/^\*//r } @{ ask($driver, 'types', $reference)->{answer} // [] }), $driver->{types}, "$name: what reports come as");

    write_order('customerDetails.email' => 'nobody');
    my $refused = ask($driver, 'submit', my $bad = new_reference());
    fails("$name: an order that breaks a rule", $refused, '23514');
    like($refused->{failure}{detail} // '', qr/customerDetails\.email/, "$name: DETAIL names the field");
    is($gateway->received($bad), 0, "$name: nothing is sent");

    write_order();
    $gateway->misbehave({ close_after_request => \1 });
    $reference = new_reference();
    fails("$name: outcome unknown", ask($driver, 'submit', $reference), '38F01');
    fails("$name: and again",       ask($driver, 'submit', $reference), '38F01');
    is($gateway->received($reference), 1, "$name: once sent");
    $node->safe_psql('shop', q{SELECT fpgo.release(hold, 'next case') FROM fpgo.holds});

    $reference = new_reference();
    ok(exists ask($driver, 'deliver', $reference)->{answer}, "$name: CALL fpgo.deliver()");
    is($gateway->made($reference), 1, "$name: it is delivered");

    if (!$driver->{no_listen}) {
        my $listening = begin($driver, 'listen', new_reference());
        $listening->{run}->pump until $listening->{said} =~ /listening/;
        is($gateway->change_status(($gateway->ledger($reference))[0]{order_uuid}, 'PAID', callback => 1), 204, "$name: a callback");
        is(finish($listening)->{answer}, 'PAID', "$name: which it hears of");
    }

    # a time-out of the server's, while the gateway is silent
    $reference = new_reference();
    $gateway->misbehave({ delay => 2 });
    $node->safe_psql('postgres', q{ALTER DATABASE shop SET statement_timeout = '700ms'});
    fails("$name: a time-out", ask($driver, 'submit', $reference), '57014');
    $node->safe_psql('postgres', q{ALTER DATABASE shop RESET statement_timeout});
    is(settle($driver, $reference)->{answer}[0], ($gateway->ledger($reference))[0]{order_uuid}, "$name: asked again, it has its row");
    is($gateway->received($reference), 1, "$name: and was sent once");

    # the session's backend ends; some drivers run the statement again by themselves
    for my $keyed (1, 0) {
        write_order(referenceNo => $keyed ? '@REFERENCE@' : undef, orderDate => 1_600_000_000 + $n_orders . '');
        my $before = () = $gateway->ledger;
        my $called = $keyed ? "$name: a lost connection" : "$name: the same without a reference";
        $reference = new_reference();
        $gateway->misbehave({ delay => 2 });
        my $lost = begin($driver, 'submit', $reference);
        my $pid  = backend();
        wait_for('the order to be sent', sub { (() = $gateway->ledger) > $before });
        $node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
        fails($called, finish($lost), $driver->{lost});
        is(scalar(my @sent = $gateway->ledger) - $before, 1, "$called: sent once");
        wait_for('its end', sub { $node->safe_psql('shop', q{SELECT count(*) FROM fpgo_internal.submission WHERE state = 'sending'}) eq '0' });
        $node->safe_psql('shop', q{SELECT fpgo.release(hold, 'next case') FROM fpgo.holds});
        next if !$keyed;
        is(settle($driver, $reference)->{answer}[0], ($gateway->ledger($reference))[0]{order_uuid}, "$called: asked again, it has its row");
    }
    note("$name: tried");
}

my %received;
$received{ $_->{referenceNo} // '' }++ for $gateway->ledger;
is(join(' ', grep { $_ ne '' && $received{$_} > 1 } sort keys %received), '', 'no order was sent twice');
check_log($node);
$receiver->stop;
$node->stop;
$gateway->stop;
done_testing();
