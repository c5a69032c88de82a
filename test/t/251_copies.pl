# Copies of a database send nothing that the original has queued, and no new order,
# until one statement gives them the seat; the original goes on, and restarts hold
# nothing.  test/copies has the other kinds of copy.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoCopies;
use FpgoTest;
use Test::More;

my $n       = 20;
my $gateway = FpgoGateway->start('--token', $TOKEN);

# --- 5 restarts, one of them after a crash, with a full queue each time -------------

my $original = new_shop('original', 'worker', $gateway);
sends_all('at first', $original, $gateway, queue($original, 3));
for my $mode ('fast', 'fast', 'immediate', 'smart', 'fast') {
    pause($original);
    my @queued = queue($original, 3);
    $original->stop($mode);
    $original->start;
    sends_all("a restart, $mode", $original, $gateway, @queued);
}
sent_once('5 restarts', $gateway);

# --- a queue, and its copies ---------------------------------------------------------

pause($original);
my @queued = queue($original, $n);
my %copy   = (
    'a base backup'     => base_backup($original, 'backup'),
    'a restored dump'   => restored_dump($original, 'restored'),
    'a template'        => template_copy($original));
my %new = map { $_ => [ holds_all($_, $copy{$_}, $gateway, $n) ] } sort keys %copy;

resume($original);
sends_all('the original', $original, $gateway, @queued);
sent_once('beside the copies', $gateway);

# --- one statement --------------------------------------------------------------------

for my $name (sort keys %copy) {
    my $node  = $copy{$name};
    my $fate  = $name eq 'a template' ? 'cancel' : 'hold';
    take_seat_and_send($name, $node, $gateway, $fate, $n, @{ $new{$name} });
}
sends_all('the original, later', $original, $gateway, queue($original, 2));
sent_once('after the statement', $gateway);

for my $node ($original, $copy{'a base backup'}, $copy{'a restored dump'}) {
    check_log($node);
    $node->stop;
}
$gateway->stop;
done_testing();
