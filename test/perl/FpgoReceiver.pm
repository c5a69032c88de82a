package FpgoReceiver;

# The receiver of callbacks that src/doc/shops.md shows, set up and run as it
# stands there.
#
#     my $receiver = FpgoReceiver->start($node, $secret);
#     ... orders whose callbackUrl begins with $receiver->address ...
#     $receiver->stop;

use strict;
use warnings;

use FpgoReadme;
use FpgoTest;
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Utils;

my $path = '/etc/fpgo/callback-secret';

# FpgoReceiver->start($node, $secret): for the node's database shop, which has the
# server "frontpayment".  Returns once it listens; dies if it does not, or if the
# page names no file for the secret.
sub start {
    my ($class, $node, $secret) = @_;
    my %blocks    = map { $_->{kind} => $_->{text} } readme_blocks('Callbacks', 'src/doc/shops.md');
    my $directory = PostgreSQL::Test::Utils::tempdir();
    append_to_file("$directory/secret", "$secret\n");
    chmod 0600, "$directory/secret" or die "cannot close the file to others: $!\n";
    append_to_file("$directory/receiver.py", $blocks{python});
    $blocks{sql} =~ s{\Q$path\E}{$directory/secret} or die "the page names another file for the secret\n";
    $node->safe_psql('shop', $blocks{sql});

    my $port = closed_port();
    my $self = bless { port => $port, output => '' }, $class;
    local $ENV{PGHOST} = $node->host;
    local $ENV{PGPORT} = $node->port;
    $self->{run} = IPC::Run::start(
        [ 'python3', '-B', '-m', 'flask', '--app', "$directory/receiver.py", 'run', '--port', $port ],
        '>', \$self->{output}, '2>', "$directory/receiver.log");
    wait_for('the receiver to listen', sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) });
    return $self;
}

# What its addresses begin with, the path excluded.
sub address { return "http://127.0.0.1:$_[0]{port}"; }

sub stop { $_[0]{run}->kill_kill; return; }

1;
