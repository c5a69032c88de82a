package FpgoCalls;

# The system calls of one process of a cluster: they are counted, and one of them
# ends the process, or fails as on a full disk, or finds a file system that is
# read-only from then on.
#
#     my $calls = FpgoCalls->new;
#     my $node  = $calls->show_to(sub { new_cluster('main', url => $gateway->address) });
#     $calls->kill_at($pid, 7);      # before its seventh call from now on
#     $calls->fail_from($pid, 7);    # from then on no space is left
#     $calls->read_only_from($pid, 7);    # from then on no process can write
#     $calls->let_be;                # it goes on as any other

use strict;
use warnings;

use Errno qw(ENOSPC EROFS);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils ();

sub new {
    my ($class)   = @_;
    my $directory = PostgreSQL::Test::Utils::tempdir();
    my $self      = bless { library => "$directory/counted_calls.so", path => "$directory/calls" }, $class;
    PostgreSQL::Test::Utils::system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-O2', '-o', $self->{library},
        dirname(__FILE__) . '/counted_calls.c', '-ldl');
    PostgreSQL::Test::Utils::append_to_file($self->{path}, pack 'llqql', 0, 0, 0, 0, 0);
    return $self;
}

# show_to($start): what $start returns; calls of the processes that it starts can be counted.
sub show_to {
    my ($self, $start) = @_;
    local $ENV{COUNTED_CALLS} = $self->{path};
    local $ENV{LD_PRELOAD}    = join ' ', grep { defined } $ENV{LD_PRELOAD}, $self->{library};
    return $start->();
}

sub _write {
    my ($self, $pid, @values) = @_;
    open my $file, '+<:raw', $self->{path} or die "$self->{path}: $!\n";
    # the other values hold while a process is named, and not before or after
    for my $part ([ 0, pack 'l', 0 ], [ 4, pack 'lqql', @values ], [ 0, pack 'l', $pid ]) {
        sysseek($file, $part->[0], 0);
        syswrite $file, $part->[1] or die "$self->{path}: $!\n";
    }
    close $file or die "$self->{path}: $!\n";
    return;
}

sub kill_at        { my ($self, $pid, $n) = @_; return $self->_write($pid, 0,      $n, 0, 0); }
sub fail_from      { my ($self, $pid, $n) = @_; return $self->_write($pid, ENOSPC, $n, 0, 0); }
sub read_only_from { my ($self, $pid, $n) = @_; return $self->_write($pid, EROFS,  $n, 0, 1); }
sub let_be { return $_[0]->_write(0, 0, 0, 0, 0); }

# How many calls there were since the process was named.
sub counted {
    my ($self) = @_;
    my (undef, undef, undef, $n) = unpack 'llqq', PostgreSQL::Test::Utils::slurp_file($self->{path});
    return $n;
}

1;
