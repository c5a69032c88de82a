package FpgoGateway;

# The sandbox gateway (test/gateway), started and controlled by a test.
#
#     my $gateway = FpgoGateway->start;
#     $gateway->misbehave({ close_after_request => \1 });
#     ... submit something to $gateway->address ...
#     is(scalar $gateway->ledger, 1, 'one order was received');
#
# It ends with the object, or with the test, however the test ends: it reads
# from a pipe that nobody else holds open.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use HTTP::Tiny;
use IPC::Open2 qw(open2);
use JSON::PP;

my $program =
  File::Spec->rel2abs(File::Spec->catdir(dirname(__FILE__), '..', 'gateway'));

# FpgoGateway->start(@options): the options are those of `test/gateway --help`; but
# unless --rate-limit is among them, no header tells of a limit, so that no test is
# slowed down.  Returns once the gateway listens.  Dies if it does not start.
sub start {
    my ($class, @options) = @_;
    my $pid = open2(
        my $answers, my $held_open,
        'python3', $program, '--until-stdin-closes', '--quiet',
        '--rate-limit', 0, '--receiver', '', @options);
    my $address = <$answers>;
    die "the sandbox gateway did not start\n" unless defined $address;
    chomp $address;
    my ($host) = $address =~ m{^https?://([^/]+)/};
    # no proxy of the environment's stands between a test and loopback
    my $http = HTTP::Tiny->new(
        timeout => 60, proxy => undef, http_proxy => undef, https_proxy => undef);
    return bless {
        pid => $pid, held_open => $held_open, answers => $answers,
        address => $address, controls => "http://$host/sandbox", http => $http,
    }, $class;
}

# The base address to give to CREATE SERVER.
sub address { return $_[0]{address}; }

# Every create the gateway received in full, oldest first: a list of hashes
# (order_uuid, made, status, body, ...), or those with one referenceNo.
sub ledger {
    my ($self, $reference) = @_;
    my $query = defined $reference ? "?referenceNo=$reference" : '';
    return @{ $self->_call('GET', "ledger$query") };
}

# How many requests with one referenceNo it received, and how many orders it made
# of them.
sub received { return scalar $_[0]->ledger($_[1]); }

sub made { return scalar grep { $_->{made} } $_[0]->ledger($_[1]); }

# Let coming requests go wrong, each as one of the hashes says; the keys are in
# test/gateway/misbehaviour.py, true is \1.
sub misbehave {
    my ($self, @wishes) = @_;
    $self->_call('POST', 'misbehave', encode_json(\@wishes));
    return;
}

# The windows of its rate limit: hashes (begins, taken, refused), the last one under
# way.
sub windows { return @{ $_[0]->_call('GET', 'windows') }; }

# Forget all misbehaviours that were not used up.
sub behave {
    my ($self) = @_;
    $self->_call('DELETE', 'misbehave');
    return;
}

# Forget what was received so far.
sub clear {
    my ($self) = @_;
    $self->_call('DELETE', 'ledger');
    return;
}

# What was seen: a hash (connections, routes, last: requests with headers).
sub requests { return $_[0]->_call('GET', 'requests'); }

# change_status($uuid, $status[, callback => 1]): give an order a status; if wished,
# tell its callbackUrl: returns the HTTP status of that.  callback => { signs => 'own',
# joins => '?' } says how the callback is signed and joined.
sub change_status {
    my ($self, $uuid, $status, %more) = @_;
    my %wish = (status => $status);
    $wish{callback} = ref $more{callback} ? $more{callback} : \1 if $more{callback};
    return $self->_call('POST', "orders/$uuid", encode_json(\%wish))->{callback};
}

# End it and wait for its end.
sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    local $?;
    close $self->{held_open};
    waitpid $pid, 0;
    return;
}

sub DESTROY { $_[0]->stop; return; }

sub _call {
    my ($self, $method, $name, $body) = @_;
    my $reply = $self->{http}->request($method, "$self->{controls}/$name",
        { defined $body ? (content => $body) : () });
    die "the sandbox gateway answered $method $name with $reply->{status}: $reply->{content}\n"
      unless $reply->{success};
    return decode_json($reply->{content});
}

1;
