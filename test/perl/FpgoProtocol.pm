package FpgoProtocol;

# A client that speaks PostgreSQL's own protocol: parameters are bound, never part
# of the statement, and every field of every error and notice is there to look at.
#
#     my $client = FpgoProtocol->connect($node, client_min_messages => 'debug5');
#     my $ended  = $client->run('SELECT * FROM fpgo.submit_invoice($1)', $order);
#     is($ended->{sqlstate}, '', 'accepted');
#     unlike($client->forget, $secrets, 'no message of any level holds a secret');
#
# It takes the servers of FpgoTest, which trust whoever comes through their socket.

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;

# how long a statement may take, in seconds
my $limit_s = 60;

# FpgoProtocol->connect($node, %settings): a session in the database postgres, as
# the user who owns the cluster; the settings are the session's, but database and
# user, which are used instead of those.
sub connect {
    my ($class, $node, %settings) = @_;
    my %startup = (
        user     => delete $settings{user}     // scalar(getpwuid $>),
        database => delete $settings{database} // 'postgres',
        %settings);
    my $socket = IO::Socket::UNIX->new(Peer => sprintf '%s/.s.PGSQL.%d', $node->host, $node->port)
      or die "no connection to the server: $!\n";
    my $self = bless { socket => $socket, heard => '', input => '' }, $class;
    my $packet = pack('N', 3 << 16) . join('', map { "$_\0" } %startup) . "\0";
    $self->_write(pack('N', 4 + length $packet) . $packet);
    my $ended = $self->finish;
    die "the server refused the connection: $ended->{fields}{M}\n" if $ended->{sqlstate};
    return $self;
}

# run($sql, @parameters): a hash of what one statement came to: rows (a list of
# lists of texts, undef for NULL), sqlstate ('' if it succeeded, 08006 if the server
# left without a word), and fields: those of the error, by the protocol's letters (M
# message, D detail, q query, ...).
sub run {
    my ($self, $sql, @parameters) = @_;
    $self->begin($sql, @parameters);
    return $self->finish;
}

# begin($sql, @parameters): the first half of it; finish is the second.
sub begin {
    my ($self, $sql, @parameters) = @_;
    my $values = join '',
      map { defined $_ ? pack('N/a*', $_) : pack('N', 0xFFFFFFFF) } @parameters;
    $self->_write(join '', map { $_->[0] . pack('N', 4 + length $_->[1]) . $_->[1] }
        [ 'P', "\0$sql\0" . pack('n', 0) ],
        [ 'B', "\0\0" . pack('n n', 0, scalar @parameters) . $values . pack('n', 0) ],
        [ 'E', "\0" . pack('N', 0) ],
        [ 'S', '' ]);
    return;
}

sub finish {
    my ($self) = @_;
    my %ended = (rows => [], sqlstate => '', fields => {});
    while (1) {
        my ($type, $body) = $self->_read;
        if (!defined $type) {
            $ended{sqlstate} ||= '08006';
            last;
        }
        last if $type eq 'Z';
        push @{ $ended{rows} }, _columns($body) if $type eq 'D';
        $self->{backend_pid} = unpack 'N', $body if $type eq 'K';
        $self->{heard} .= "$type $body\n" if $type =~ /[ENA]/;
        next unless $type eq 'E';
        $ended{fields} = { map { substr($_, 0, 1) => substr $_, 1 } split /\0/, $body };
        $ended{sqlstate} = $ended{fields}{C};
    }
    return \%ended;
}

# All errors, notices and notifications since it was asked last, as the server
# sent them.
sub forget {
    my ($self) = @_;
    my $heard = $self->{heard};
    $self->{heard} = '';
    return $heard;
}

# The server's process for this session.
sub pid { return $_[0]{backend_pid}; }

sub _columns {
    my ($body) = @_;
    my ($n, @columns) = unpack 'n', $body;
    my $at = 2;
    for (1 .. $n) {
        my $len = unpack 'l>', substr $body, $at, 4;
        push @columns, $len < 0 ? undef : substr $body, $at + 4, $len;
        $at += 4 + ($len < 0 ? 0 : $len);
    }
    return \@columns;
}

sub _write {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $n = syswrite $self->{socket}, $bytes;
        die "the server does not listen: $!\n" unless defined $n;
        substr $bytes, 0, $n, '';
    }
    return;
}

# The next message, type and body; nothing if the server closed the connection.
sub _read {
    my ($self) = @_;
    while (1) {
        my ($type, $len) = unpack 'a N', $self->{input};
        if (defined $len && length $self->{input} > $len) {
            my $message = substr $self->{input}, 0, 1 + $len, '';
            return ($type, substr $message, 5);
        }
        die "a statement did not end within $limit_s s\n"
          unless IO::Select->new($self->{socket})->can_read($limit_s);
        sysread($self->{socket}, $self->{input}, 65536, length $self->{input}) or return;
    }
}

1;
