# The file of a token: who may own it and read it, what may stand in it, and that what
# stands in it now is what the next order is sent with.

use strict;
use warnings;

use File::Copy qw(move);
use POSIX qw(mkfifo);
use PostgreSQL::Test::Utils;
use Test::More;

use FpgoGateway;
use FpgoRecords;
use FpgoResident;
use FpgoTest;

my $dir     = PostgreSQL::Test::Utils::tempdir();
my $file    = "$dir/token";
my $wrong   = 'not-the-token';
my $gateway = FpgoGateway->start('--token', $TOKEN);

# Replace the file as one that is careful does: by one that is complete.
sub put_token {
    my ($content, $mode) = @_;
    write_file("$file.new", $content, $mode);
    move("$file.new", $file) or die "$!\n";
    return;
}

sub write_file {
    my ($name, $content, $mode) = @_;
    open my $handle, '>', $name or die "$name: $!\n";
    print {$handle} $content or die "$!\n";
    close $handle or die "$!\n";
    chmod $mode // 0600, $name or die "$!\n";
    return;
}

put_token("$TOKEN\n");
my $node = new_resident_cluster('main', url => $gateway->address, databases => 'resident',
    mapping => "token_file '$file'", options => "concurrency '1'");
new_database($node, 'resident', url => $gateway->address, mapping => "token_file '$file'",
    options => "concurrency '1'");
my $session = open_session($node);

# --- what is taken, and what is not -----------------------------------------------------------

ends('a file of its own', submit($session, order()), '');
for my $case (
    [ 'without a line end', $TOKEN ],
    [ 'with one of another system', "$TOKEN\r\n" ],
    [ 'with blanks and empty lines behind it', "$TOKEN \t\n\n\n" ],
    [ 'that nobody may write', "$TOKEN\n", 0400 ])
{
    my ($name, $content, $mode) = @$case;
    put_token($content, $mode);
    ends("a token $name", submit($session, order()), '');
}

# refuses($name, $detail): an order is not sent; the session is told why, but neither
# the path nor a word of the file, and the log is told the path as well.
sub refuses {
    my ($name, $detail) = @_;
    my $before = -s $node->logfile;
    my ($order, $reference) = new_order();
    my $ended = ends($name, submit($session, $order), '55000',
        qr/token file of server "frontpayment" cannot be used\n.*$detail/);
    unlike($ended->{said}, qr/\Q$dir\E|secret|printable-but/, "$name: neither path nor content");
    is($gateway->received($reference), 0, "$name: nothing is sent");
    like(substr(slurp_file($node->logfile), $before), qr/DETAIL: .*$detail.*"\Q$file\E"/, "$name: the log has the path");
    return;
}

for my $case (
    [ 'an empty file', '', qr/must not be empty/ ],
    [ 'blanks only', " \n\t\n", qr/must not be empty/ ],
    [ 'a NUL', "$TOKEN\0secret\n", qr/must not hold NUL/ ],
    [ 'a NUL at the end', "$TOKEN\0", qr/must not hold NUL/ ],
    [ 'two lines', "$TOKEN\nX-Secret: secret\n", qr/printable ASCII/ ],
    [ 'a blank before it', " $TOKEN\n", qr/printable ASCII/ ],
    [ 'a carriage return in it', "$TOKEN\rX-Secret: secret", qr/printable ASCII/ ],
    [ 'a byte order mark', "\xEF\xBB\xBF$TOKEN\n", qr/printable ASCII/ ],
    [ 'other letters', "secret-t\xC3\xB8ken", qr/printable ASCII/ ],
    [ 'a long token', 'secret' x 683, qr/at most 4096/ ],
    [ 'a large file', 'secret' x 1_000_000, qr/larger than a token/ ],
    [ 'a token, many blanks, more', $TOKEN . ' ' x 9000 . 'secret', qr/larger than a token/ ],
    [ 'readable by the group', "$TOKEN\n", qr/Other users/, 0640 ],
    [ 'readable by all', "$TOKEN\n", qr/Other users/, 0604 ],
    [ 'writable by all', "$TOKEN\n", qr/Other users/, 0602 ],
    [ 'closed to its owner', "$TOKEN\n", qr/cannot be opened: Permission denied/, 0000 ])
{
    my ($name, $content, $detail, $mode) = @$case;
    put_token($content, $mode);
    refuses($name, $detail);
}

put_token("$TOKEN\n", 0000);
like(submit($session, order())->{hint}, qr/^Let the operating system user/, 'a file that is there is not to be created');

# what is no regular file; none of it may hang
my $data = $node->data_dir;
for my $case (
    [ 'no file', sub { }, qr/cannot be opened: No such file/ ],
    [ 'a directory', sub { mkdir $file }, qr/not a regular file/ ],
    [ 'a FIFO', sub { mkfifo($file, 0600) }, qr/not a regular file/ ],
    [ 'a device', sub { symlink '/dev/zero', $file }, qr/not a regular file/ ],
    [ 'a symbolic link that leads nowhere', sub { symlink "$dir/nothing", $file }, qr/cannot be opened/ ],
    [ 'a symbolic link to itself', sub { symlink $file, $file }, qr/cannot be opened/ ],
    [ 'a file that all may read, by a link', sub { symlink '/etc/passwd', $file }, qr/Other users/ ],
    [ 'the data directory, by a link', sub { write_file("$data/token", $TOKEN); symlink "$data/token", $file },
        qr/in the data directory/ ])
{
    my ($name, $make, $detail) = @$case;
    unlink $file;
    $make->() // die "$name: $!\n" if $name ne 'no file';
    refuses($name, $detail);
    rmdir $file if -d $file && !-l $file;
}
unlink $file;
write_file("$dir/elsewhere", "$TOKEN\n");
symlink "$dir/elsewhere", $file or die "$!\n";
ends('a symbolic link to a good file', submit($session, order()), '');

symlink $data, "$dir/data" or die "$!\n";
for my $path ("$data/token", "$dir/data/token", "$dir/../../../../../../../proc/self/cwd/token") {
    my $sql = "ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (SET token_file '$path')";
    ends('a path that leads into the data directory', run_in($session, $sql), 'HV024', qr/outside the data directory/);
}

# --- changed while it is in use ---------------------------------------------------------------

sub try_changes {
    my ($session) = @_;
    put_token("$TOKEN\n");
    my $connections = sub { return $gateway->requests->{connections} };
    ends('the right token', submit($session, order()), '');
    my $before = $connections->();
    put_token("$wrong\n");
    ends('another token', submit($session, order()), '38F03');
    put_token("$TOKEN\n");
    ends('the right one again', submit($session, order()), '');
    is($connections->() - $before, 0, 'all over the same connection');
    unlink $file;
    ends('none', submit($session, order()), '55000', qr/cannot be opened/);
    put_token("$TOKEN\n");
    ends('and the right one', submit($session, order()), '');
    return;
}

# spoil_delivery($records, $session, $n[, $deliver]): queue orders of 50 ms each and wait
# until the first is accepted; the token is wrong from then on.  Returns the submissions.
# $deliver starts the delivery, unless it starts by itself.
sub spoil_delivery {
    my ($records, $session, $n, $deliver) = @_;
    $gateway->misbehave({ delay => 0.05, requests => 0 });
    my @queued = $records->enqueue_together($session, $n);
    $deliver->() if $deliver;
    wait_for('the first to be accepted', sub { $records->count_in_state('accepted') });
    put_token("$wrong\n");
    return @queued;
}

sub is_delivered_once {
    my ($name, $records, @queued) = @_;
    is($records->count_in_state('accepted'), scalar @queued, "$name: all are accepted in the end");
    is(scalar(grep { $gateway->made($_->{reference}) != 1 } @queued), 0, "$name: and made once");
    $gateway->behave;
    return;
}

try_changes($session);
{
    $node->safe_psql('postgres', 'DELETE FROM fpgo_internal.submission');
    my $records = FpgoRecords->new($node, $gateway);
    my @queued  = spoil_delivery($records, $session, 12, sub { begin_in($session, 'CALL fpgo.deliver()') });
    ends('a delivery whose token is taken away', finish_in($session), '');
    cmp_ok($records->count_in_state('queued'), '>', 0, 'a delivery whose token is taken away: the rest stays queued');
    is($records->count_in_state('uncertain'), 0, 'a delivery whose token is taken away: nothing is uncertain');
    put_token("$TOKEN\n");
    $records->make_due;
    ends('the next delivery', run_in($session, 'CALL fpgo.deliver()'), '');
    is_delivered_once('CALL fpgo.deliver', $records, @queued);
}

{
    my $resident = open_session($node, database => 'resident');
    wait_for_worker($resident);
    try_changes($resident);
    administer($resident, 'DELETE FROM fpgo_internal.submission');
    my $records = FpgoRecords->new($resident, $gateway);
    my @queued  = spoil_delivery($records, $resident, 12);
    wait_for('a refusal', sub {
        administer($resident, q{SELECT count(*) FROM fpgo.attempts WHERE outcome = 'credentials'}) });
    put_token("$TOKEN\n");
    wait_for('all to be accepted', sub { $records->count_in_state('accepted') == @queued });
    is_delivered_once('the resident worker', $records, @queued);

    # an order that waits for its token says so, and goes when it is there
    unlink $file;
    my $waiting = $records->enqueue($resident);
    like(wait_for('its error', sub {
            administer($resident, "SELECT last_error FROM fpgo.submissions WHERE submission = $waiting->{id}") }),
        qr/^Not sent: token file of server "frontpayment" cannot be used\.$/, 'without a file: stays queued, and says why');
    put_token("$TOKEN\n");
    wait_for('its acceptance', sub { $records->state_of($waiting) eq 'accepted' });
    $records->show('and with one', $waiting, 'accepted', received => 1, made => 1);
}

check_log($node);
$session->quit;
$node->stop;
done_testing();
