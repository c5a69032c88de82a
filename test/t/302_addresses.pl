# Orders go where the server's address says and to no other machine, whatever a
# name resolves to, the environment wishes or a kept connection would allow.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use IO::Select;
use IO::Socket::INET;

use FpgoNames;
use FpgoTest;
use FpgoTls;
use PostgreSQL::Test::Utils;
use Test::More;

my $not_public = qr/an address that is not public.*HINT: .*ADD private_network 'true'/s;

# Nobody accepts here; a connection that came about waits to be.
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 8, Proto => 'tcp')
  or die "no port to be had: $!\n";
my $trap = '127.0.0.1:' . $listener->sockport;

# Wishes of the environment that would lead astray, let strangers in, or give the
# TLS secrets away.
my $home = PostgreSQL::Test::Utils::tempdir();
PostgreSQL::Test::Utils::append_to_file("$home/.netrc", "default login wrong password wrong\n");
chmod 0600, "$home/.netrc";
my $secrets_file = "$home/tls-secrets";

my $authority = FpgoTls->new;
my $gateway   = FpgoGateway->start('--token', $TOKEN,
    $authority->serve_as('DNS:gateway.example,DNS:inside.example,IP:127.0.0.1'));
my ($port) = $gateway->address =~ /:(\d+)/;
my $names  = FpgoNames->new('gateway.example' => ['127.0.0.1'], 'inside.example' => ['127.0.0.1']);
my $node   = $names->in_force(sub {
    local @ENV{qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY)} = ("http://$trap") x 5;
    local $ENV{HOME}          = $home;
    local $ENV{SSLKEYLOGFILE} = $secrets_file;
    local @ENV{qw(SSL_CERT_FILE CURL_CA_BUNDLE)} = ($authority->file) x 2;
    return new_cluster('main', url => "https://127.0.0.1:$port/api/v1",
        options => sprintf(q{ca_file '%s', connect_timeout '1min'}, $authority->file));
});
my $session = open_session($node);

# one process with its connections for all of them, however slow the machine is
administer($session, q{SET fpgo.helper_idle = '2min'});

# --- the environment ----------------------------------------------------------

my ($order, $reference) = new_order();
ends('with proxies, a .netrc and a file for TLS secrets in the environment', submit($session, $order), '');
is($gateway->received($reference), 1, 'the order came straight to the gateway, with the token');
ok(!has_caller(), 'no proxy of the environment was called');
ok(!-e $secrets_file, 'no TLS secrets were written');

# --- names --------------------------------------------------------------------

# where orders went before is not what this test is about
administer($session, 'DELETE FROM fpgo_internal.account');

my $n_names = 0;

# try_addresses(@addresses): how an order fares that goes to a name of these.
sub try_addresses {
    my @addresses = @_;
    my $name      = sprintf 'name%d.example', ++$n_names;
    $names->set($name => \@addresses);
    administer($session, sprintf q{ALTER SERVER frontpayment OPTIONS (SET url 'https://%s:%d')},
        $name, $listener->sockport);
    return submit($session, order());
}

for my $addresses ([ '127.0.0.1' ], [ '::1' ], [ '169.254.169.254' ], [ '10.0.0.1' ], [ 'fd00::1' ],
    [ '0.0.0.0' ], [ '10.0.0.1', 'fe80::1', '127.0.0.1' ]) {
    my $what  = join ', ', @$addresses;
    my $ended = ends("a name of $what", try_addresses(@$addresses), '38F02', $not_public);
    unlike($ended->{said}, qr/\Q$_\E|name\d/, "a name of $what: the message has neither name nor address")
      for @$addresses;
    cmp_ok($ended->{seconds}, '<', 30, "a name of $what: refused, not waited for");
}
ok(!has_caller(), 'nobody was connected to');

# --- a kept connection ----------------------------------------------------------

administer($session, sprintf q{
    DROP SERVER frontpayment CASCADE;
    CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo
        OPTIONS (url 'https://gateway.example:%1$d/api/v1', keepalive '2min', ca_file '%2$s');
    CREATE SERVER inside FOREIGN DATA WRAPPER fpgo
        OPTIONS (url 'https://gateway.example:%1$d/api/v1', keepalive '2min', ca_file '%2$s', private_network 'true');
    CREATE SERVER wary FOREIGN DATA WRAPPER fpgo
        OPTIONS (url 'https://gateway.example:%1$d/api/v1', keepalive '2min', private_network 'true');
    CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '%3$s');
    CREATE USER MAPPING FOR PUBLIC SERVER inside OPTIONS (token '%3$s');
    CREATE USER MAPPING FOR PUBLIC SERVER wary OPTIONS (token '%3$s')}, $port, $authority->file, $TOKEN);
($order, $reference) = new_order();
ends('a name of loopback, where the server may be inside',
    run_in($session, submit_sql($order, q{server => 'inside'})), '');
is($gateway->received($reference), 1, 'it is received');
my ($before, $helper) = ($gateway->requests->{api_connections}, find_helper($node));
ends('the next to it', run_in($session, submit_sql(order(), q{server => 'inside'})), '');
is($gateway->requests->{api_connections}, $before, 'it went over the connection that was kept');
($order, $reference) = new_order();
ends('the same address, of a server that may not', submit($session, $order), '38F02', $not_public);
is($gateway->received($reference), 0, 'it is not sent over that connection');
($order, $reference) = new_order();
ends('the same address, of a server that does not trust its authority',
    run_in($session, submit_sql($order, q{server => 'wary'})), '38F02', qr/certificate .* could not be verified/);
is($gateway->received($reference), 0, 'it is not sent over that connection either');
is(find_helper($node), $helper, 'though it was the same process');

# --- delivery ------------------------------------------------------------------

($order, $reference) = new_order();
ends('queued', run_in($session, enqueue_sql($order)), '');
release_holds($session);
ends('delivered', run_in($session, 'CALL fpgo.deliver()'), '');
is(administer($session, qq{
    SELECT s.state, a.outcome, a.http_status, s.last_error = a.reason, a.reason ~ 'private_network', a.reason ~ 'example|127'
    FROM fpgo.submissions s JOIN fpgo.attempts a USING (submission) WHERE s.reference = '$reference'}),
    'queued|misconfigured||t|t|f', 'it stays queued, and the views say why without naming the address');
administer($session, q{ALTER SERVER frontpayment OPTIONS (ADD private_network 'true')});
ends('delivered where it may be inside',
    run_in($session, "SELECT submission FROM fpgo.submissions WHERE reference = '$reference' \\gset
        CALL fpgo.deliver(:submission)"), '');
is($gateway->received($reference), 1, 'it is sent, once');

# Has somebody called whom nobody was to call?
sub has_caller { return scalar IO::Select->new($listener)->can_read(0); }

$session->quit;
check_log($node);
$node->stop;
done_testing();
