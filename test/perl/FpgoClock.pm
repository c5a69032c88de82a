package FpgoClock;

# The time of day of a cluster, which a test sets.
#
#     my $clock = FpgoClock->new;
#     my $node  = $clock->show_to(sub { new_cluster('main', url => $gateway->address) });
#     $clock->set(-3600);    # an hour ago, at once and in all processes
#
# Gateways and the test itself keep the right time, and nobody's monotonic clock changes.

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Utils ();

sub new {
    my ($class)   = @_;
    my $directory = PostgreSQL::Test::Utils::tempdir();
    my $self      = bless { library => "$directory/shifted_clock.so", path => "$directory/shift" }, $class;
    PostgreSQL::Test::Utils::system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-O2', '-o', $self->{library},
        dirname(__FILE__) . '/shifted_clock.c', '-ldl');
    PostgreSQL::Test::Utils::append_to_file($self->{path}, pack 'q', 0);
    return $self;
}

# show_to($start): what $start returns; the processes that it starts have this clock.
sub show_to {
    my ($self, $start) = @_;
    local $ENV{SHIFTED_CLOCK} = $self->{path};
    local $ENV{LD_PRELOAD}    = join ' ', grep { defined } $ENV{LD_PRELOAD}, $self->{library};
    return $start->();
}

# set($seconds): so much after the right time, or before it.
sub set {
    my ($self, $seconds) = @_;
    open my $file, '+<:raw', $self->{path} or die "$self->{path}: $!\n";
    syswrite $file, pack('q', $seconds) or die "$self->{path}: $!\n";
    close $file or die "$self->{path}: $!\n";
    return;
}

1;
