# Orders go over TLS to a gateway whose certificate can be verified, and to no other.

use strict;
use warnings;

use File::Copy qw(copy);
use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

use FpgoTest;
use FpgoTls;

my $authority = FpgoTls->new;
my $stranger  = FpgoTls->new;

# [ what the gateway shows, its certificate, the CA that is trusted, SQLSTATE ]
my @cases = (
    [ 'a certificate of a trusted authority', [ $authority->serve_as('IP:127.0.0.1') ], $authority->file, '' ],
    [ 'one that ended', [ $authority->serve_as('IP:127.0.0.1', -1) ], $authority->file, '38F02' ],
    [ 'one for another host', [ $authority->serve_as('DNS:gateway.example') ], $authority->file, '38F02' ],
    [ 'one of another authority', [ $stranger->serve_as('IP:127.0.0.1') ], $authority->file, '38F02' ],
    [ 'one, where only public ones are trusted', [ $authority->serve_as('IP:127.0.0.1') ], undef, '38F02' ],
    [ 'one, where the file of trusted ones is missing', [ $authority->serve_as('IP:127.0.0.1') ], '/nowhere/ca.pem',
        '38F02' ],
    [ 'TLS 1.1 at most', [ $authority->serve_as('IP:127.0.0.1'), '--tls-max-version', '1.1' ], $authority->file,
        '38F02' ],
    [ 'TLS 1.2 at most', [ $authority->serve_as('IP:127.0.0.1'), '--tls-max-version', '1.2' ], $authority->file, '' ]);

my $node    = new_cluster('main', url => closed_address());
my $session = open_session($node);
for my $case (@cases) {
    my ($name, $options, $ca_file, $sqlstate) = @$case;
    my $gateway = FpgoGateway->start('--token', $TOKEN, @$options);
    administer($node, sprintf q{
        DROP SERVER frontpayment CASCADE;
        CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url '%s'%s);
        CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '%s')},
        $gateway->address, defined $ca_file ? ", ca_file '$ca_file'" : '', $TOKEN);
    my ($order, $reference) = new_order();
    ends($name, submit($session, $order), $sqlstate);
    is($gateway->received($reference), $sqlstate eq '' ? 1 : 0, "$name: received or not, as it says");
    $gateway->stop;
}

# Bytes that a process has read so far.
sub n_read {
    my ($pid) = @_;
    my ($bytes) = slurp_file("/proc/$pid/io") =~ /^rchar: (\d+)$/m;
    return $bytes;
}

# the system's certificates have some 200 kB
my $gateway = FpgoGateway->start('--token', $TOKEN, $authority->serve_as('IP:127.0.0.1'));
administer($node, sprintf q{
    DROP SERVER frontpayment CASCADE;
    CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url '%s');
    CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '%s')}, $gateway->address, $TOKEN);
ends('a first connection', submit($session, order()), '38F02');
my $helper = find_helper($node);
my $before = n_read($helper);
ends('another connection of the same process', submit($session, order()), '38F02') for 1 .. 3;
is(find_helper($node), $helper, 'it is the same process');
cmp_ok(n_read($helper) - $before, '<', 100_000, 'it does not read the certificates of the system again');
$gateway->stop;
$session->quit;

# --- the system's certificates: a directory, and a file of all --------------------------------------------------

my $place   = PostgreSQL::Test::Utils::tempdir();
my $library = "$place/system_certificates.so";
my $file    = "$place/ca-certificates.crt";
chmod 0755, $place;
system_or_bail('cc', '-shared', '-fPIC', '-o', $library, "$FindBin::RealBin/../perl/system_certificates.c");
copy('/etc/ssl/certs/ca-certificates.crt', $file) or die "could not copy the system's certificates: $!";

# A session whose process that sends has read nothing yet.
sub restart {
    local $ENV{FPGO_CERTIFICATES} = $place;
    local $ENV{LD_PRELOAD}        = join ' ', grep { defined } $ENV{LD_PRELOAD}, $library;
    $node->restart;
    return open_session($node);
}

$gateway = FpgoGateway->start('--token', $TOKEN, $authority->serve_as('IP:127.0.0.1'));
administer($node, sprintf q{ALTER SERVER frontpayment OPTIONS (SET url '%s')}, $gateway->address);
$session = restart();
ends('an authority that the system does not have', submit($session, order()), '38F02');
$session->quit;

append_to_file($file, slurp_file($authority->file));
$session = restart();
ends("an authority in the system's file alone", submit($session, order()), '');
$session->quit;

# a file without a certificate would be an error
copy($authority->file, "$place/authority.pem") or die "could not copy the authority: $!";
system_or_bail('openssl', 'rehash', $place);
system_or_bail('cp', '/dev/null', $file);
# OpenSSL 3.5 of Debian 13 cannot be shown another directory so
my $is_shown = do {
    local $ENV{FPGO_CERTIFICATES} = $place;
    local $ENV{LD_PRELOAD}        = join ' ', grep { defined } $ENV{LD_PRELOAD}, $library;
    run_log([ 'openssl', 'verify', '-CApath', '/etc/ssl/certs', $authority->file ]);
};
if ($is_shown) {
    $session = restart();
    ends("an authority in the system's directory, of which the file is not read", submit($session, order()), '');
    $session->quit;
}
else {
    diag("this OpenSSL cannot be shown another directory of certificates: the one of the system is not tried");
}

$gateway->stop;
check_log($node);
$node->stop;
done_testing();
