# fpgo.doctor(): what is right is said to be, each thing that can be wrong is found,
# with a hint and without an error, and asking leaves no trace.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoNames;
use FpgoResident;
use FpgoTest;
use FpgoTls;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my @checks = qw(extension libcurl json-c writable durability shared_memory preload worker queue origin server options account usage
  timeout mapping token allowance process name connection tls clock api credentials logging publications sequences triggers
  search_path hand_in);

# The checks from one on that are of the gateway, in their order.
sub from {
    my ($check) = @_;
    my @of_gateway = @checks[ 10 .. 24 ];
    shift @of_gateway until $of_gateway[0] eq $check;
    return @of_gateway;
}

my $gateway    = FpgoGateway->start('--token', $TOKEN);
my $token_file = PostgreSQL::Test::Utils::tempdir() . '/the-token';

# doctor($session[, $arguments]): its rows by check, and what there is to say of all
# of them: that they are there, in order, with something said and no secret told.
sub doctor {
    my ($name, $session, $arguments) = @_;
    my $ended = run_in($session, 'SELECT * FROM fpgo.doctor(' . ($arguments // '') . ')');
    my @rows  = map { [ split /\|/, $_, 4 ] } split /\n/, $ended->{rows};
    is($ended->{sqlstate}, '', "$name: no error") or diag($ended->{said});
    is(join(' ', map { $_->[0] } @rows), join(' ', @checks), "$name: all checks, in order");
    is(scalar(grep { $_->[2] eq '' } @rows), 0, "$name: something is said of each");
    unlike($ended->{rows}, qr/\Q$TOKEN\E|the-token|wrong-token|\Q$PERSONAL_NUMBER\E/, "$name: no secret");
    return { map { $_->[0] => { ok => $_->[1], detail => $_->[2], hint => $_->[3] } } @rows };
}

# examine($name, $session, %expected): ask the doctor, and expect all to be right but
# for wrong => { check => [ pattern of its detail, pattern of its hint ] } and
# unseen => [ checks ].  arguments => those of fpgo.doctor.  Returns the rows.
sub examine {
    my ($name, $session, %expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $rows = doctor($name, $session, $expected{arguments});
    my %wrong = %{ $expected{wrong} // {} };
    my %found = (t => [], f => [], '' => []);
    push @{ $found{ $rows->{$_}{ok} // '' } }, $_ for @checks;
    is("@{ $found{f} }", join(' ', grep { $wrong{$_} } @checks), "$name: what is wrong");
    is("@{ $found{''} }", join(' ', @{ $expected{unseen} // [] }), "$name: what could not be looked at");
    for my $check (sort keys %wrong) {
        like($rows->{$check}{detail}, $wrong{$check}[0], "$name: $check says so");
        like($rows->{$check}{hint},   $wrong{$check}[1], "$name: $check says what to do");
    }
    return $rows;
}

# Let a session ask, and the gateway keep its answer back; returns once it was asked.
sub ask_in_vain {
    my ($asking) = @_;
    my $count = sub { $gateway->requests->{routes}{status} // 0 };
    my $before = $count->();
    $gateway->misbehave({ route => 'status', stall => \1 });
    begin_in($asking, 'SELECT fpgo.doctor()');
    wait_for('the question', sub { $count->() > $before });
    return;
}

# settings of the whole cluster until it is told otherwise
sub reload_with {
    my ($node, $session, %settings) = @_;
    $node->append_conf('postgresql.conf', "$_ = $settings{$_}") for keys %settings;
    $node->reload;
    for my $name (keys %settings) {
        (my $value = $settings{$name}) =~ s/'//g;
        wait_for("$name in the session", sub { run_in($session, "SHOW $name")->{rows} eq $value });
    }
    return;
}

my $names = FpgoNames->new('inside.example' => ['10.1.2.3']);
my $node  = $names->in_force(sub {
    new_cluster('main', url => $gateway->address, init => [ allows_streaming => 1 ],
        settings => "fsync = on\nfull_page_writes = on\n");
});
my $session = open_session($node);
my $admin   = open_session($node);
administer($admin, q{CREATE ROLE shop LOGIN; GRANT USAGE ON FOREIGN SERVER frontpayment TO shop; CREATE ROLE nobody LOGIN});

sub alter_server { administer($admin, "ALTER SERVER frontpayment $_[0]"); return; }

sub alter_mapping { administer($admin, "ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS ($_[0])"); return; }

# --- all is well ------------------------------------------------------------------------

{
    my $shop = open_session($node, user => 'shop');
    my $rows = examine('by the role of the shop', $shop);
    like($rows->{usage}{detail}, qr/Role "shop" may submit orders to \Q@{[ $gateway->address ]}\E\/connect/, 'and where to');
    like($rows->{process}{detail}, qr/helper process/, 'and by which process');
    my $seen = $gateway->requests;
    is_deeply($seen->{routes}, { status => 1 }, 'the gateway was asked one harmless question');
    is($gateway->ledger, 0, 'and received no order');
    is(administer($admin, q{SELECT (SELECT count(*) FROM fpgo_internal.submission) + (SELECT count(*) FROM fpgo_internal.attempt)
        + (SELECT count(*) FROM fpgo_internal.event)}), 0, 'nothing is on record');
    my $helper = find_helper($admin);
    ends('an order after it', submit($shop, order()), '');
    is(find_helper($admin), $helper, 'an order after it: the same helper');
    is($gateway->ledger, 1, 'an order after it: one');
    $shop->quit;
    $gateway->clear;
}

# --- the PostgreSQL it runs in --------------------------------------------------------------

administer($admin, q{UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'fpgo'});
examine('an old extension', $session, wrong => { extension => [ qr/library is of fpgo 1\.1, .* are of 0\.9/, qr/ALTER EXTENSION fpgo UPDATE/ ] });
administer($admin, q{UPDATE pg_extension SET extversion = '1.1' WHERE extname = 'fpgo'});

run_in($session, 'BEGIN READ ONLY');
examine('a read-only transaction', $session, wrong => { writable => [ qr/read-only/, qr/default_transaction_read_only/ ] });
run_in($session, 'ROLLBACK');

for my $setting ('fsync', 'full_page_writes') {
    reload_with($node, $session, $setting => 'off');
    examine("$setting off", $session, wrong => { durability => [ qr/^$setting is off/, qr/SET $setting = on/ ] });
    reload_with($node, $session, $setting => 'on');
}
reload_with($node, $session, 'fpgo.databases' => q{'postgres'});
examine('a worker is wished for, without preloading', $session, unseen => ['worker'],
    wrong => { preload => [ qr/not in shared_preload_libraries/, qr/shared_preload_libraries/ ] });
reload_with($node, $session, 'fpgo.databases' => q{''});
{
    my $loaded = administer($admin, 'SHOW shared_preload_libraries');
    my $pending = q{SELECT pending_restart FROM pg_settings WHERE name = 'shared_preload_libraries'};
    $node->append_conf('postgresql.conf', "shared_preload_libraries = 'fpgo'\n");
    $node->reload;
    wait_for('the reload', sub { run_in($session, 'SELECT 1'); administer($admin, $pending) eq 't' });
    examine('preloaded from the next start on', $session,
        wrong => { preload => [ qr/has not been restarted since/, qr/restart the server/ ] });
    $node->append_conf('postgresql.conf', "shared_preload_libraries = '$loaded'\n");
    $node->reload;
    wait_for('the reload back', sub { run_in($session, 'SELECT 1'); administer($admin, $pending) eq 'f' });
    examine('and not from the next start on', $session);
}
{
    administer($admin, q{SET fpgo.undelivered_notice = off; } . enqueue_sql(order()));
    examine('queued just now', $session);
    administer($admin, q{UPDATE fpgo_internal.submission SET created_at = created_at - interval '2 minutes' WHERE state = 'queued'});
    examine('queued long ago', $session, wrong => { queue => [ qr/a minute ago: 1\./, qr/CALL fpgo\.deliver\(\)/ ] });
    administer($admin, q{DELETE FROM fpgo_internal.submission WHERE state = 'queued'});
}

# --- server, rights, mapping, token -------------------------------------------------------------

examine('no such server', $session, arguments => q{'My Shop'}, unseen => [ from('options') ],
    wrong => { server => [ qr/^Server "My Shop" does not exist\.$/, qr/CREATE SERVER "My Shop"/ ] });
administer($admin, q{UPDATE pg_foreign_server SET srvoptions = srvoptions || '{keepalive=sometimes}'});
examine('an option that would be refused today', $session, unseen => [ from('account') ],
    wrong => { options => [ qr/^Invalid value for option "keepalive"\.  It must be a duration/, qr/ALTER SERVER frontpayment OPTIONS/ ] });
alter_server('OPTIONS (DROP keepalive)');
alter_server(q{OPTIONS (ADD timeout '5s')});
examine('a short timeout', $session, wrong => { timeout => [ qr/5000 milliseconds/, qr/ALTER SERVER frontpayment OPTIONS \(SET timeout/ ] });
alter_server(q{OPTIONS (DROP timeout)});
{
    my $nobody = open_session($node, user => 'nobody');
    examine('no USAGE', $nobody, unseen => [ from('timeout') ],
        wrong => { usage => [ qr/^Permission denied for foreign server/, qr/GRANT USAGE ON FOREIGN SERVER frontpayment TO nobody;/ ] });
    $nobody->quit;
}
administer($admin, 'DROP USER MAPPING FOR PUBLIC SERVER frontpayment');
examine('no user mapping', $session, unseen => [qw(token allowance credentials)],
    wrong => { mapping => [ qr/no user mapping for role "postgres"/, qr/CREATE USER MAPPING FOR PUBLIC SERVER frontpayment/ ] });
administer($admin, "CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token_file '$token_file')");
examine('no token file', $session, unseen => [qw(allowance credentials)],
    wrong => { token => [ qr/cannot be opened: No such file/, qr/Create it/ ] });
append_to_file($token_file, "$TOKEN\n");
chmod 0644, $token_file or die "chmod: $!\n";
examine('a token file that all can read', $session, unseen => [qw(allowance credentials)],
    wrong => { token => [ qr/Other users of the machine may read/, qr/chmod 600/ ] });
chmod 0600, $token_file or die "chmod: $!\n";
examine('a token file as it should be', $session);
alter_mapping(q{DROP token_file, ADD token 'wrong-token'});
examine('another token', $session, wrong => { credentials => [ qr/HTTP status 401/, qr/Put the right token/ ] });
alter_mapping("SET token '$TOKEN'");

# --- the way to the gateway ------------------------------------------------------------------------

# where orders went before is not what the following is about
administer($admin, 'DELETE FROM fpgo_internal.account');
alter_server(q{OPTIONS (SET url 'https://no-such-host.invalid/api/v1')});
examine('a name nobody knows', $session, unseen => [ from('connection') ], wrong => { name => [ qr/resolved|within 10 seconds/, qr/option url/ ] });
alter_server(q{OPTIONS (SET url 'https://inside.example/api/v1')});
examine('a name of a private address', $session, unseen => [ from('tls') ],
    wrong => { connection => [ qr/address that is not public/, qr/ADD private_network 'true'/ ] });
alter_server(sprintf q{OPTIONS (SET url '%s')}, closed_address());
examine('nobody listens', $session, unseen => [ from('tls') ], wrong => { connection => [ qr/^No connection/, qr/firewall/ ] });
{
    my $authority = FpgoTls->new;
    my $secure    = FpgoGateway->start('--token', $TOKEN, $authority->serve_as('IP:127.0.0.1'));
    alter_server(sprintf q{OPTIONS (SET url '%s')}, $secure->address);
    examine('a certificate of nobody who is trusted', $session, unseen => [ from('clock') ],
        wrong => { tls => [ qr/certificate .* could not be verified/, qr/ADD ca_file/ ] });
    alter_server(sprintf q{OPTIONS (ADD ca_file '%s')}, $authority->file);
    like(examine('a certificate that is trusted', $session)->{tls}{detail}, qr/verified/, 'a certificate that is trusted: says so');
    my $install = qr/^(?!.*option url).*apt-get install ca-certificates.*option must name a regular file/;
    my $not_read = qr/trusted certificates could not be read/;
    alter_server(q{OPTIONS (SET ca_file '/no/such/file')});
    examine('certificates that are not there', $session, unseen => [ from('connection') ], wrong => { name => [ $not_read, $install ] });
    alter_server(qq{OPTIONS (SET ca_file '$token_file')});
    examine('certificates that are none', $session, unseen => [ from('clock') ], wrong => { tls => [ $not_read, $install ] });
    alter_server('OPTIONS (DROP ca_file)');
    # the same address, which answered a moment ago
    $secure->stop;
    examine('the gateway has gone', $session, unseen => [ from('tls') ], wrong => { connection => [ qr/^No connection/, qr/firewall/ ] });
}

# --- what is answered --------------------------------------------------------------------------------

my $address = $gateway->address;
alter_server("OPTIONS (SET url '$address/')");
examine('an address with a slash at its end', $session);
alter_server("OPTIONS (SET url '$address/orders')");
examine('an address that is not the API', $session, unseen => ['credentials'],
    wrong => { api => [ qr/HTTP status 404 was answered, but not by the API/, qr/SET url/ ] });
alter_server("OPTIONS (SET url '$address')");

# An answer to the question, as it would be told to an order.
sub answered {
    my ($name, $wish, %expected) = @_;
    $gateway->misbehave({ route => 'status', %$wish });
    return examine($name, $session, %expected);
}
answered("HTTP status $_->[0]", { status => $_->[0] }, unseen => ['credentials'], wrong => { api => [ $_->[1], $_->[2] ] })
  for [ 502, qr/HTTP status 502/, qr/ask Front Payment/ ], [ 510, qr/HTTP status 510/, qr/ask Front Payment/ ],
  [ 302, qr/not by the API/, qr/option url/ ];
answered('a page with status 200', { html => \1, status => 200 }, unseen => ['credentials'],
    wrong => { api => [ qr/HTTP status 200 was answered, but not by the API/, qr/option url/ ] });
answered('forbidden', { status => 403 }, wrong => { credentials => [ qr/HTTP status 403/, qr/token/ ] });
answered('asked to slow down', { status => 429 }, unseen => ['credentials']);
answered('the connection is closed', { close_after_request => \1 }, unseen => [ 'clock', 'credentials' ],
    wrong => { api => [ qr/without an answer/, qr/in a while/ ] });
answered('half an answer', { cut_answer => 300 }, unseen => ['credentials'],
    wrong => { api => [ qr/before the answer was complete/, qr/in a while/ ] });
answered('no clock', { headers => { Date => undef } }, unseen => ['clock']);
for my $off (3600, -3600) {
    my ($how) = $off > 0 ? 'behind' : 'ahead of';
    my $date = run_in($admin, qq{SELECT to_char((now() + interval '$off s') AT TIME ZONE 'GMT', 'Dy, DD Mon YYYY HH24:MI:SS "GMT"')})->{rows};
    answered("a clock an hour $how", { headers => { Date => $date } }, wrong => { clock => [ qr/3[56]\d\d seconds $how/, qr/NTP/ ] });
}
alter_server(q{OPTIONS (ADD timeout '1500ms')});
answered('no answer', { stall => \1 }, unseen => [ 'clock', 'credentials' ],
    wrong => { timeout => [ qr/1500 milliseconds/, qr/timeout/ ], api => [ qr/No answer came within 1500 milliseconds/, qr/in a while/ ] });
alter_server('OPTIONS (DROP timeout)');

# --- it can be left at any time ------------------------------------------------------------------------

{
    my $helper = find_helper($admin);
    ask_in_vain($session);
    my $began = time;
    administer($admin, "SELECT pg_cancel_backend(${\ pid_of($session) })");
    my $ended = ends('cancelled', finish_in($session), '57014');
    is($ended->{context}, '', 'cancelled: nothing to say of an order');
    wait_for('the end of its helper', sub { find_helper($admin) ne $helper }, 20);
    my $seconds = time - $began;
    diag(sprintf 'the helper of a caller that left gave up the question within %.2f s', $seconds);
    cmp_ok($seconds, '<', 6, 'cancelled: nobody waits on for the gateway, as one would for ten seconds');
    examine('cancelled, and after it', $session);
}

# --- what would show personal numbers ------------------------------------------------------------------

my @loud = (
    [ q{log_statement = 'mod'}, 'log_parameter_max_length = 0' ],
    [ q{log_statement = 'all'}, 'log_parameter_max_length = 0' ],
    [ 'log_min_duration_statement = 60000', 'log_parameter_max_length = 0' ],
    [ 'log_min_duration_sample = 60000', 'log_parameter_max_length = 0' ],
    [ 'log_transaction_sample_rate = 0.5', 'log_parameter_max_length = 0' ],
    [ 'log_parameter_max_length_on_error = -1', 'log_parameter_max_length_on_error = 0' ],
    [ 'debug_print_parse = on', 'debug_print_parse = off' ],
    [ 'debug_print_rewritten = on', 'debug_print_rewritten = off' ],
    [ 'debug_print_plan = on', 'debug_print_plan = off' ],
    [ 'pgaudit.log_parameter = on', 'pgaudit.log_parameter = off' ],
    [ 'auto_explain.log_min_duration = 60000', 'auto_explain.log_min_duration = -1' ]);
run_in($session, q{LOAD 'auto_explain'});
for my $case (@loud) {
    my ($setting, $cure) = @$case;
    (my $shown = $setting) =~ s/'//g;
    # in a function, so that no such setting is there when what asks is logged
    my $asked = qq{
        CREATE OR REPLACE FUNCTION pg_temp.ask() RETURNS SETOF record LANGUAGE plpgsql AS \$\$
        BEGIN
            SET LOCAL log_parameter_max_length = LENGTH;
            SET LOCAL $setting;
            RETURN QUERY SELECT ok, detail, hint FROM fpgo.doctor() WHERE check_name = 'logging';
        END \$\$;
        SELECT * FROM pg_temp.ask() AS (ok boolean, detail text, hint text)};
    my ($ok, $detail, $hint) = split /\|/, run_in($session, 'BEGIN;' . $asked =~ s/LENGTH/-1/r . ';ROLLBACK')->{rows};
    is($ok, 'f', "$shown: wrong");
    like($detail, qr/by: \Q$shown\E\.$/, "$shown: is named");
    is($hint, "ALTER ROLE postgres SET $cure;", "$shown: how to silence it");
    my ($spared) = split /\|/, run_in($session, 'BEGIN;' . $asked =~ s/LENGTH/0/r . ';ROLLBACK')->{rows};
    is($spared, $cure =~ /max_length = 0/ ? 't' : 'f', "$shown: with log_parameter_max_length = 0");
}
run_in($session, q{SET auto_explain.log_min_duration = -1; SET pgaudit.log_parameter = off});

for my $what ('FOR ALL TABLES', 'FOR TABLES IN SCHEMA fpgo_internal', 'FOR TABLE fpgo_internal.payload') {
    administer($admin, qq{CREATE PUBLICATION "To All" $what});
    examine("a publication $what", $session, wrong => { publications => [ qr/: "To All"\.$/, qr/ALTER PUBLICATION/ ] });
    administer($admin, 'DROP PUBLICATION "To All"');
}
administer($admin, 'CREATE TABLE of_the_shop (); CREATE PUBLICATION other FOR TABLE of_the_shop');
examine('a publication of other tables', $session);

# --- what a restore or a change of the shop's functions leaves behind -----------------------------------

{
    administer($admin, q{SET fpgo.undelivered_notice = off; } . enqueue_sql(order()));
    my $last = administer($admin, q{SELECT setval('fpgo_internal.submission_id_seq', max(id), false) FROM fpgo_internal.submission});
    my $rows = examine('a sequence set back', $session, wrong => { sequences => [ qr/: fpgo_internal\.submission_id_seq\.$/, qr/setval/ ] });
    like(run_in($admin, enqueue_sql(order()))->{sqlstate}, qr/^23505$/, 'a sequence set back: handing in fails');
    administer($admin, $rows->{sequences}{hint} =~ s/^As a superuser: //r);
    examine('a sequence mended', $session);
    is(administer($admin, enqueue_sql(order())), $last + 1, 'a sequence mended: handing in goes on');
    administer($admin, q{DELETE FROM fpgo_internal.submission WHERE state = 'queued'});

    administer($admin, q{CREATE TABLE public.sale (id bigint); CREATE FUNCTION public.for_sale(s sale) RETURNS jsonb LANGUAGE sql
        AS 'SELECT to_jsonb(s)'; CREATE TRIGGER invoice AFTER INSERT ON sale FOR EACH ROW
        EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('public.for_sale')});
    $rows = examine('a function that depends on the path', $session, wrong => { search_path => [ qr/public\.for_sale\(public\.sale\)/, qr/ALTER FUNCTION/ ] });
    administer($admin, $rows->{search_path}{hint} =~ s/;.*/;/r);
    examine('a function with a path', $session);
    administer($admin, 'ALTER FUNCTION for_sale(sale) RENAME TO for_sales');
    examine('a function that was renamed', $session, wrong => { triggers => [ qr/^Trigger invoice of sale: function public\.for_sale\(sale\) does not exist/, qr/CREATE FUNCTION/ ] });
    administer($admin, 'DROP TABLE sale CASCADE');
}

# --- a standby -------------------------------------------------------------------------------------------

{
    $node->backup('copy');
    my $standby = PostgreSQL::Test::Cluster->new('standby');
    $standby->init_from_backup($node, 'copy', has_streaming => 1);
    $standby->start;
    my $there = open_session($standby);
    examine('on a standby', $there, unseen => [ 'worker', 'origin', from('process') ],
        wrong => { writable => [ qr/standby/, qr/primary/ ] });
    ends("on a standby: $_", run_in($there, "SELECT * FROM fpgo.$_"), '55000', qr/during recovery.*primary/s)
      for q{fetch_status('ODR1')}, q{fetch_details('ODR1')}, q{fetch_invoice_number('ODR1')}, q{fetch_orders('SENT')};
    like(administer($there, 'SELECT url FROM fpgo.request(fpgo.example_order())'), qr{/connect/orders/invoice/submit$},
        'on a standby: a request can be looked at');
    wait_for('it to stream', sub { administer($admin, q{SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'}) });
    my $rows = examine('with an asynchronous standby', $session);
    like($rows->{origin}{detail}, qr/not synchronous: 1; what is queued is held.*Without fpgo in shared_preload_libraries/s,
        'with an asynchronous standby: what a promotion comes to');
    alter_server(q{OPTIONS (ADD failover 'trust')});
    examine('which is trusted', $session, wrong => { origin => [ qr/may send again what was sent last/, qr/SET failover 'hold'/ ] });
    alter_server(q{OPTIONS (DROP failover)});
    $there->quit;
    check_log($standby);
    $standby->stop;
}

# --- two servers of one account ----------------------------------------------------------------------------

{
    my $address = $gateway->address;
    administer($admin, qq{CREATE SERVER twin FOREIGN DATA WRAPPER fpgo OPTIONS (url '$address')});
    my $rows = examine('another server with the address', $session);
    like($rows->{account}{detail}, qr/Servers with the same address: "twin"\./, '... is named');
    administer($admin, 'DROP SERVER twin');
    unlike(examine('alone again', $session)->{account}{detail}, qr/same address/, '... while it is there');
}

# --- libraries that will not do, and shared memory in files -------------------------------------------------

# The directory of a library of that name, made of that code.
sub make_library {
    my ($name, $code) = @_;
    my $directory = PostgreSQL::Test::Utils::tempdir();
    append_to_file("$directory/library.c", $code);
    system_or_bail('cc', '-shared', '-fPIC', '-o', "$directory/$name", "$directory/library.c");
    return $directory;
}

# libcurl, but for its version; each other function is the installed one's.
sub make_old_curl {
    my $door    = slurp_file("$FindBin::RealBin/../../src/gateway/http_libcurl.c");
    my @others  = grep { $_ ne 'curl_version_info' } $door =~ /\bFUNCTION\((curl_\w+)\)/g;
    my ($path)  = `ldconfig -p` =~ m{libcurl\.so\.4 .*=> (/\S+)};
    my $forward = join "\n", map { qq{static void *find_$_(void) { return find("$_"); } void $_(void) __attribute__((ifunc("find_$_")));} } @others;
    return make_library('libcurl.so.4', <<"C");
#define _GNU_SOURCE
#include <dlfcn.h>

static void *
find(const char *name)
{
	return dlsym(dlopen("$path", RTLD_LAZY | RTLD_LOCAL), name);
}

struct info
{
	int			age;
	const char *version;
	unsigned int version_num;
	const char *rest[40];
};

struct info *
curl_version_info(int age)
{
	static struct info old;
	struct info *(*real) (int) = find("curl_version_info");

	old = *real(age);
	old.version = "7.86.0";
	old.version_num = 0x075600;
	return &old;
}

$forward
C
}

{
    my $curl = make_old_curl();
    my $json = make_library('old.so', <<'C');
const char *json_c_version(void) { return "0.13"; }
int json_c_version_num(void) { return 0x000d00; }
C
    $_->quit for $session, $admin;
    $node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\n");
    {
        local $ENV{LD_PRELOAD}      = join ':', grep { defined } $ENV{LD_PRELOAD},      "$json/old.so";
        local $ENV{LD_LIBRARY_PATH} = join ':', grep { defined } $curl, $ENV{LD_LIBRARY_PATH};
        $node->restart;
    }
    $session = open_session($node);
    examine('old libraries, and shared memory in files', $session, unseen => [ from('name') ],
        wrong => {
            libcurl       => [ qr/libcurl 7\.86\.0 .* older than 7\.87/, qr/Install libcurl 7\.87/ ],
            'json-c'      => [ qr/json-c 0\.13.* older than 0\.15/,      qr/Install json-c 0\.15/ ],
            shared_memory => [ qr/mmap/, qr/SET dynamic_shared_memory_type = posix/ ],
            process       => [ qr/the installed HTTP library cannot be used/, qr/Install libcurl/ ] });
    $session->quit;
}

# fpgo is not linked with libcurl: without it, all but sending goes on
{
    my $curl = make_library('libcurl.so.4', '');
    {
        local $ENV{LD_LIBRARY_PATH} = join ':', grep { defined } $curl, $ENV{LD_LIBRARY_PATH};
        $node->restart;
    }
    $session = open_session($node);
    examine('without libcurl', $session, unseen => [ from('account') ],
        wrong => {
            libcurl       => [ qr/^No libcurl; .* could not be loaded: .*undefined symbol: curl_/, qr/Install libcurl 7\.87/ ],
            shared_memory => [ qr/mmap/, qr/posix/ ],
            options       => [ qr/cannot be checked, since libcurl could not be loaded/, qr/SERVER/ ] });
    ends('without libcurl: fetch_status', run_in($session, q{SELECT * FROM fpgo.fetch_status('ODR1')}),
        '0A000', qr/the installed HTTP library cannot be used/);
    ends('without libcurl: submit_invoice', submit($session, order()),
        '0A000', qr/the installed HTTP library cannot be used/);
    ends('without libcurl: CREATE SERVER', run_in($session,
            q{CREATE SERVER unchecked FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.example')}),
        'HV024', qr/cannot be checked, since libcurl could not be loaded/);
    ends('without libcurl: validate', run_in($session, q{SELECT * FROM fpgo.validate('{}'::jsonb)}), '');
    $session->quit;
}
# --- with a resident worker ------------------------------------------------------------------------------------

$node = new_resident_cluster('resident', url => $gateway->address, settings => "fsync = on\n");
($session, $admin) = map { open_session($node) } 1 .. 2;
my $worker = wait_for_worker($admin);
like(examine('with a resident worker', $session)->{process}{detail}, qr/resident worker/, 'with a resident worker: it asks');
{
    ask_in_vain($session);
    ends('while it waits for an answer, an order', submit($admin, order()), '');
    administer($admin, "SELECT pg_cancel_backend(${\ pid_of($session) })");
    ends('cancelled with a resident worker', finish_in($session), '57014');
    examine('cancelled with a resident worker, and after it', $session);
    is(worker_pid($admin), $worker, 'all by one worker');
}
administer($admin, 'SELECT fpgo.pause()');
examine('paused', $session, wrong => { worker => [ qr/paused/, qr/fpgo\.resume\(\)/ ] });
$_->quit for $session, $admin;

# one for the launcher, one for that of logical replication: none is left
$node->append_conf('postgresql.conf', "max_worker_processes = 2\nfpgo.helper_wait = 0\n");
$node->restart;
$session = open_session($node);
examine('no worker slots', $session, unseen => [ from('name') ],
    wrong => {
        worker  => [ qr/no worker slot is free/, qr/max_worker_processes/ ],
        process => [ qr/^No worker slot became free/, qr/max_worker_processes/ ] });
$session->quit;
check_log($node);
$node->stop;
done_testing();
