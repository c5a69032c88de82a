package FpgoHang;

# Gateways at which a request hangs, one for each place where it can:
#
#     name       the name is looked up, and the name service never answers
#     connect    the connection is asked for, and nobody accepts it
#     tls        the handshake has begun, and nothing comes back
#     answer     the order was received, and there is no answer
#     drip       the answer comes a byte at a time
#
# Of the first three nothing was sent, of the others everything.
#
#     my $hang = FpgoHang->new;
#     my $node = new_cluster('main', url => $hang->address('usual'));
#     $hang->create_servers($node);       # named after the places
#     ... submit to the server "tls" ...
#     $hang->wait_for_hang($pid, 'tls');  # until its process hangs there
#
# "usual" is a gateway that works.  A server has to be started after FpgoHang->new, which puts the silent name
# service into the environment.

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use IO::Socket::INET;
use PostgreSQL::Test::Utils ();

use FpgoGateway;
use FpgoTest;

our @EXPORT = qw(@PLACES is_sent_at);

our @PLACES = qw(name connect tls answer drip);

my $silent_name = 'never-answers.invalid';

# Has everything been sent where it hangs?
sub is_sent_at { return $_[0] eq 'answer' || $_[0] eq 'drip'; }

sub new {
    my ($class) = @_;
    my $self = bless {}, $class;
    _silence_resolver();
    $self->{silent} = _listen(64);
    # a full backlog: what comes now is neither accepted nor refused
    $self->{full} = _listen(0);
    $self->{filler} = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->{full}->sockport, Proto => 'tcp')
      or die "no connection to fill the backlog: $!\n";
    for my $place (grep { is_sent_at($_) } @PLACES) {
        my $gateway = $self->{gateways}{$place} = FpgoGateway->start('--token', $TOKEN);
        $gateway->misbehave({ requests => 0, $place eq 'drip' ? (drip => 0.2) : (stall => \1) });
    }
    $self->{gateways}{usual} = FpgoGateway->start('--token', $TOKEN);
    $self->{addresses} = {
        name    => "https://$silent_name/api/v1",
        connect => 'http://127.0.0.1:' . $self->{full}->sockport . '/api/v1',
        tls     => 'https://127.0.0.1:' . $self->{silent}->sockport . '/api/v1',
        map { $_ => $self->{gateways}{$_}->address } keys %{ $self->{gateways} },
    };
    return $self;
}

sub _silence_resolver {
    my $library = PostgreSQL::Test::Utils::tempdir() . '/silent_resolver.so';
    PostgreSQL::Test::Utils::system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library,
        qq{-DSILENT_NAME="$silent_name"}, dirname(__FILE__) . '/silent_resolver.c', '-ldl');
    ## no critic (RequireLocalizedPunctuationVars)
    $ENV{LD_PRELOAD} = join ' ', grep { defined } $ENV{LD_PRELOAD}, $library;
    return;
}

sub _listen {
    my ($backlog) = @_;
    my $socket = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'tcp', Listen => 1)
      or die "no port to be had: $!\n";
    listen $socket, $backlog or die "listen: $!\n";
    return $socket;
}

# The address to give to CREATE SERVER.
sub address { return $_[0]{addresses}{ $_[1] }; }

sub gateway { return $_[0]{gateways}{ $_[1] }; }

# create_servers($node, $prefix, $options): a server for each place, named after it.
sub create_servers {
    my ($self, $node, $prefix, $options) = @_;
    for my $place (@PLACES) {
        my $address = $self->address($place);
        $node->safe_psql('postgres', qq{
            CREATE SERVER $prefix$place FOREIGN DATA WRAPPER fpgo OPTIONS (url '$address', $options);
            CREATE USER MAPPING FOR PUBLIC SERVER $prefix$place OPTIONS (token '$TOKEN')});
    }
    return;
}

# wait_for_hang($pid, $place, $reference): until a process hangs there, with the order
# of that referenceNo.
sub wait_for_hang {
    my ($self, $pid, $place, $reference) = @_;
    return wait_for_order($self->{gateways}{$place}, $reference) if is_sent_at($place);
    return wait_for("process $pid to look up the name", sub { _count_threads($pid) > 1 })
      if $place eq 'name';
    my ($listener, $state) = $place eq 'tls' ? ($self->{silent}, '01') : ($self->{full}, '02');
    return wait_for("process $pid to hang in $place",
        sub { _has_connection($pid, $listener->sockport, $state) });
}

# The thread that looks the name up is libcurl's.
sub _count_threads {
    my ($pid) = @_;
    my ($n) = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status") =~ /^Threads:\s+(\d+)/m;
    return $n;
}

# Has a process a connection to a port of loopback, in a state as the kernel counts them?
sub _has_connection {
    my ($pid, $port, $state) = @_;
    my %sockets = map { $_ => 1 } map { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ } glob "/proc/$pid/fd/*";
    my $peer    = sprintf '0100007F:%04X', $port;
    my @inodes  = PostgreSQL::Test::Utils::slurp_file('/proc/net/tcp') =~
      /^\s*\d+: \S+ $peer $state \S+ \S+ \S+\s+\d+\s+\d+ (\d+)/mg;
    return scalar grep { $sockets{$_} } @inodes;
}

# What all of its gateways received, as FpgoGateway has it.
sub ledger {
    my ($self, @reference) = @_;
    return map { $_->ledger(@reference) } values %{ $self->{gateways} };
}

sub received { return scalar $_[0]->ledger($_[1]); }

sub made { return scalar grep { $_->{made} } $_[0]->ledger($_[1]); }

sub clear {
    my ($self) = @_;
    $_->clear for values %{ $self->{gateways} };
    return;
}

sub stop {
    my ($self) = @_;
    $_->stop for values %{ $self->{gateways} };
    return;
}

1;
