package FpgoTls;

# A certificate authority of a test's own, and certificates of its making.
#
#     my $authority = FpgoTls->new;
#     my $gateway = FpgoGateway->start('--token', $TOKEN, $authority->serve_as('IP:127.0.0.1'));
#     my $node = new_cluster('main', url => $gateway->address,
#         options => sprintf(q{ca_file '%s'}, $authority->file));
#
# Everything is in a directory that goes with the test.

use strict;
use warnings;

use POSIX qw(strftime);
use PostgreSQL::Test::Utils ();

# A signature of an elliptic curve has 70 to 72 bytes, one of Ed25519 always 64.
my %new_key = (
    curve   => [qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)],
    ed25519 => [qw(-newkey ed25519 -nodes)]);

# FpgoTls->new([$kind]): $kind of all keys is 'curve', as usual, or 'ed25519', with
# which all handshakes have the same size.
sub new {
    my ($class, $kind) = @_;
    my $self = bless {
        dir     => PostgreSQL::Test::Utils::tempdir(), certificates => 0,
        new_key => $new_key{ $kind // 'curve' },
    }, $class;
    chmod 0755, $self->{dir};
    $self->_openssl(qw(req -x509), @{ $self->{new_key} }, qw(-days 2 -subj /CN=authority),
        '-keyout', $self->_path('authority.key'), '-out', $self->file);
    return $self;
}

# Its own certificate: the file to trust.
sub file { return $_[0]->_path('authority.pem'); }

# certificate($names[, $days]): the files of a certificate signed by it and of its
# key.  $names as in 'DNS:localhost,IP:127.0.0.1'; it ends that many days from now
# (2), or did so before now.
sub certificate {
    my ($self, $names, $days) = @_;
    my $name = sprintf 'server%d', ++$self->{certificates};
    my ($key, $wish, $extensions, $certificate) =
      map { $self->_path("$name.$_") } qw(key csr ext pem);
    PostgreSQL::Test::Utils::append_to_file($extensions, "subjectAltName=$names\n");
    $self->_openssl(qw(req -new), @{ $self->{new_key} }, '-subj', "/CN=$name", '-keyout', $key, '-out', $wish);
    $self->_openssl(qw(x509 -req -in), $wish, '-CA', $self->file, '-CAkey', $self->_path('authority.key'),
        '-set_serial', $self->{certificates}, $self->_valid_for($days // 2), '-extfile', $extensions, '-out', $certificate);
    return ($certificate, $key);
}

# The options that make the sandbox gateway show such a certificate.
sub serve_as {
    my ($self, @wishes) = @_;
    my ($certificate, $key) = $self->certificate(@wishes);
    return ('--tls-cert', $certificate, '--tls-key', $key);
}

sub _path { return "$_[0]{dir}/$_[1]"; }

# Options for a certificate that ends that many days from now.  OpenSSL 3.4 and newer
# want a date for one that has ended; older ones know no dates.
sub _valid_for {
    my ($self, $days) = @_;
    my ($help, $more) = PostgreSQL::Test::Utils::run_command([qw(openssl x509 -help)]);
    return ('-days', $days) if $days >= 0 || "$help$more" !~ /-not_after/;
    my ($begin, $end) = map { strftime('%Y%m%d%H%M%SZ', gmtime(time + 24 * 60 * 60 * $_)) } $days - 1, $days;
    return ('-not_before', $begin, '-not_after', $end);
}

sub _openssl {
    my ($self, @arguments) = @_;
    my ($said, $complaint) = PostgreSQL::Test::Utils::run_command([ 'openssl', @arguments ]);
    die "openssl $arguments[0] failed: $complaint\n" if $? != 0;
    return;
}

1;
