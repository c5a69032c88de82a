package FpgoMemory;

# What stands in the memory of a process.
#
#     is(count_in_memory($pid, $TOKEN), 0, 'the token is not in its memory');

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(count_in_memory);

# count_in_memory($pid, $text): how often the text stands in memory that this process
# alone can write.  The process must be of the same user, and the system let one
# process of a user look at another's (kernel.yama.ptrace_scope = 0, as in Debian).
sub count_in_memory {
    my ($pid, $text) = @_;
    my $count = 0;
    open my $maps,   '<',     "/proc/$pid/maps" or die "no process $pid: $!\n";
    open my $memory, '<:raw', "/proc/$pid/mem"  or die "the memory of process $pid is closed: $!\n";
    while (my $map = <$maps>) {
        my ($from, $to) = map { hex } $map =~ /^(\w+)-(\w+) rw-p / or next;
        sysseek $memory, $from, 0 or die "$!\n";
        my $bytes = '';
        while (length $bytes < $to - $from) {
            sysread($memory, $bytes, $to - $from - length $bytes, length $bytes)
              or die "the memory of process $pid cannot be read: $!\n";
        }
        $count++ while $bytes =~ /\Q$text\E/g;
    }
    return $count;
}

1;
