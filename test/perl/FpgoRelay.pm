package FpgoRelay;

# The relay (test/gateway/relay.py), which cuts connections at a byte.
#
#     my $relay = FpgoRelay->start;
#     my $lane = $relay->open_lane($gateway->address);
#     $relay->plan($lane, { way => 'request', after => 100, how => 'rst' });
#     ... submit something to $relay->address($lane) ...
#     my ($connection) = $relay->connections($lane);
#     is($connection->{request}, 100);
#
# It ends with the object, or with the test, however the test ends.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use IPC::Open2 qw(open2);
use JSON::PP;
use Time::HiRes qw(sleep);

my $program = File::Spec->rel2abs(File::Spec->catfile(dirname(__FILE__), '..', 'gateway', 'relay.py'));

sub start {
    my ($class) = @_;
    my $pid = open2(my $answers, my $commands, 'python3', $program);
    return bless { pid => $pid, commands => $commands, answers => $answers, addresses => {} }, $class;
}

# open_lane($address): a lane to the gateway that has this base address.
sub open_lane {
    my ($self, $address) = @_;
    my ($before, $port, $after) = $address =~ m{^(https?://[^/:]+:)(\d+)(/.*)$} or die "no address: $address\n";
    my $lane = $self->_tell({ lane => $port + 0 })->{port};
    $self->{addresses}{$lane} = "$before$lane$after";
    return $lane;
}

# The base address to give to CREATE SERVER instead of the gateway's.
sub address { return $_[0]{addresses}{ $_[1] }; }

# plan($lane, @cuts): what happens to the lane's next connections, one after the
# other; undef: nothing.  The members of a cut are in the program.
sub plan {
    my ($self, $lane, @cuts) = @_;
    my @numbered = map { $_ && { %$_, after => $_->{after} + 0 } } @cuts;    # a number in JSON as well
    $self->_tell({ plan => $lane + 0, cuts => \@numbered });
    return;
}

# From now on the lane's connections are recorded: request_bytes, answer_bytes.
sub record { $_[0]->_tell({ record => $_[1] + 0 }); return; }

# connections($lane): what passed through it, a list of hashes (request, answer,
# cut); waits until nothing is under way there.
sub connections {
    my ($self, $lane) = @_;
    my $patience = 60;
    my $report;
    while (($report = $self->_tell({ report => $lane + 0 }))->{open} > 0) {
        die "a connection through the relay does not end\n" if ($patience -= 0.01) < 0;
        sleep 0.01;
    }
    return @{ $report->{connections} };
}

# End it and wait for its end.
sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    local $?;
    close $self->{commands};
    waitpid $pid, 0;
    return;
}

sub DESTROY { $_[0]->stop; return; }

sub _tell {
    my ($self, $command) = @_;
    my $line = encode_json($command);
    $self->{commands}->printflush("$line\n");
    my $answer = decode_json(scalar readline $self->{answers});
    die "the relay answered $line with: $answer->{error}\n" if exists $answer->{error};
    return $answer;
}

1;
