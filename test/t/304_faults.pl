# Faults of the network, of TLS and of the gateway that concern one request: what
# fpgo makes of each, and how often the gateway got the order.  The numbers are those
# under which they were thought of before there were tests; the headings say which
# stand for what.
#
# 101_submit.pl has the plainest of them, 301_tls.pl those of certificates,
# 303_cut.pl all that is a connection cut short.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Test::More;

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use FpgoVerdicts;
use FpgoTls;
use JSON::PP ();
use PostgreSQL::Test::Utils;

# A port at which nobody should ever call; the calls wait in its queue.
my $trap      = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 128, Proto => 'tcp') or die;
my $trap_host = '127.0.0.1:' . $trap->sockport;

sub nobody_called {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(!IO::Select->new($trap)->can_read(0), "$name: nobody called there");
    return;
}

# What an administrator's shell may have set when it starts the server.
my $key_log = PostgreSQL::Test::Utils::tempdir() . '/keys';
my %environment = (SSLKEYLOGFILE => $key_log);
$environment{$_} = $environment{ uc $_ } = "http://$trap_host" for qw(http_proxy https_proxy all_proxy);
delete $environment{HTTP_PROXY};    # as a web server would set it from a request's header

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node;
{
    local @ENV{ keys %environment } = values %environment;
    $node = new_cluster('faults', url => $gateway->address);
}
my $session = open_session($node);
my $backend = pid_of($session);

sub point_at {
    my ($address, @options) = @_;
    my $options = join ', ', "url '$address'", @options;
    administer($session, qq{
        DROP SERVER frontpayment CASCADE;
        CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS ($options);
        CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '$TOKEN')});
    return;
}

# suffer($name, $wish, $sqlstate, $received, %changes): an order that meets a fault
# ends so ('' if it is accepted), and is received so often.
sub suffer {
    my ($name, $wish, $sqlstate, $received, %changes) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $gateway->misbehave($wish) if $wish;
    my $order = order(%changes);
    release_holds($session);
    my $ended = ends($name, submit($session, $order), $sqlstate);
    $ended->{reference} = reference_of($order);
    is($gateway->received($ended->{reference}), $received, "$name: received $received times");
    $gateway->behave;
    forget_slow_down($session);
    return $ended;
}

my $found      = '"data":{"orderUuid":"ODR1234567890"}';
my $found_json = qq({"status_code":201,$found});

# The raw answer with these header lines and this body.
sub raw_answer { return { raw => join("\r\n", 'HTTP/1.1 201 Created', @_[ 0 .. $#_ - 1 ], '', $_[-1]) }; }

sub of_length { return 'Content-Length: ' . length $_[0]; }

# --- 3 to 8: connections that end early, and answers that come late --------------

suffer('3, closed when accepted', { close_on_accept => \1 }, '38F01', 0);
my $large = large_order(10_300);
$gateway->misbehave({ cut_request => 400_000 });
ends('6, reset in a large order', submit($session, $large), '38F01');
is($gateway->received(reference_of($large)), 0, '6, reset in a large order: not received');
$gateway->behave;

point_at($gateway->address, q{timeout '20s'});
suffer('7, an answer before the time is out', { delay => 0.5 }, '', 1);
point_at($gateway->address, q{timeout '500ms'});
suffer('7, an answer after the time is out', { delay => 3 }, '38F01', 1);
point_at($gateway->address);

# --- 9 and 10: what libcurl would send again --------------------------------------

# libcurl then says that it could not connect, and yet the order exists
suffer('9, before', undef, '', 1);
$gateway->misbehave({ stop_listening => 1 });
my ($order, $reference) = new_order();
ends('9, a kept connection dies and nobody listens any more', submit($session, $order), '38F01');
wait_for('the gateway to listen again', sub {
    IO::Socket::INET->new(PeerAddr => $gateway->address =~ m{//([^/]+)/});
});
is($gateway->made($reference), 1, '9, a kept connection dies and nobody listens any more: there is an order');

for my $n (1, 10_300) {
    my $order  = large_order($n);
    my $before = $gateway->requests;
    $gateway->misbehave({ expect_early_417 => \1 });
    my $name = sprintf '10, 417 while %d bytes are sent', length $order;
    ends($name, submit($session, $order), '38F05');
    my $after = $gateway->requests;
    cmp_ok($gateway->received(reference_of($order)), '<=', 1, "$name: received once at most");
    is($after->{routes}{submit} - $before->{routes}{submit}, 1, "$name: begun once");
    my @asked = grep { lc $_->[0] eq 'expect' } @{ $after->{last}[-1]{headers} };
    is_deeply(\@asked, [], "$name: leave to send was not asked for");
}

# --- 16 to 18: what is no answer, or too much of one ------------------------------

for my $fault (
    [ '16, half a status line',       { cut_answer => 7 } ],
    [ '16, a bad chunk',              raw_answer('Transfer-Encoding: chunked', "zz\r\n$found_json\r\n0\r\n\r\n") ],
    [ '16, a chunk too short',        raw_answer('Transfer-Encoding: chunked', "fff\r\n$found_json") ],
    [ '16, no HTTP but JSON',         { raw => $found_json } ],
    [ '16, HTTP of another age',      { raw => "HTTP/0.9 201 Created\r\n\r\n$found_json" } ],
    [ '16, HTTP of another protocol', { raw => "ICY 201 OK\r\n\r\n$found_json" } ],
    [ '17, two lengths',              raw_answer(of_length($found_json), 'Content-Length: 7', $found_json) ],
    [ '17, a length too long',        raw_answer('Content-Length: 1000', $found_json) ],
    [ '17, a length too short',       raw_answer('Content-Length: 20', $found_json) ],
    [ '17, a negative length',        raw_answer('Content-Length: -1', $found_json) ],
    [ '17, a length that is no number', raw_answer('Content-Length: many', $found_json) ],
    [ '17, a header of 300 kB',       { headers => { 'X-Long' => 'x' x 300_000 } } ],
    [ '18, another protocol',         { raw => "HTTP/1.1 101 Go on\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" } ],
    [ '18, interim answers only',     { raw => "HTTP/1.1 103 Early Hints\r\n\r\n" x 50 } ],
) {
    suffer($fault->[0], $fault->[1], '38F01', 1);
}
suffer('18, many interim answers', { interim => 200 }, '', 1);

# Whoever stands before the gateway may compress an answer although nobody asked.
for my $coding ('gzip', 'x-gzip', 'GZip', 'deflate', 'identity', 'deflate, gzip', 'gzip, identity') {
    suffer("16, in $coding", { coding => $coding }, '', 1);
}
my $asked = $gateway->requests->{last}[-1]{headers};
is_deeply([ grep { $_->[0] =~ /encoding/i } @$asked ], [], '16, codings: none was asked for');
for my $fault (
    [ '16, gzip cut off', { coding => 'gzip', coding_fault => 'cut' }, qr/201, and its answer was not JSON when it/ ],
    [ '16, gzip that is corrupt',    { coding => 'gzip', coding_fault => 'corrupt' },  qr/could not be decoded/ ],
    [ '16, gzip and more',           { coding => 'gzip', coding_fault => 'trailing' }, qr/could not be decoded/ ],
    [ '16, gzip of two parts',       { coding => 'gzip', coding_fault => 'twice' },    qr/could not be decoded/ ],
    [ '16, JSON that is said to be gzip', { headers => { 'Content-Encoding' => 'gzip' } }, qr/could not be decoded/ ],
    [ '16, brotli',                  { coding => 'br' },   qr/in the coding br, which is not read/ ],
    [ '16, zstd',                    { coding => 'zstd' }, qr/in the coding zstd, which is not read/ ],
    [ '16, a coding with a secret for a name', { coding => "x-$TOKEN" }, qr/in a coding that is not known/ ],
) {
    my ($name, $wish, $why) = @$fault;
    like(suffer($name, $wish, '38F01', 1)->{detail}, $why, "$name: that is why");
}
suffer('16, a refusal in gzip', { status => 417, coding => 'gzip' }, '38F05', 1);
# an envelope that cannot be read is none
suffer('16, a refusal in br', { status => 417, coding => 'br' }, '38F02', 1);
suffer('16, a refusal in corrupt gzip', { status => 417, coding => 'gzip', coding_fault => 'corrupt' }, '38F02', 1);

# a busy machine takes longer to prepare some of these than a helper waits
run_in($session, q{SET fpgo.helper_idle = '60s'});
suffer('17, before', undef, '', 1);
my $helper = find_helper($node);
my $peak   = peak_memory($helper);
# libcurl 8 takes 5,000 headers and no more
suffer('17, 4,000 headers', { headers => { 'X-Many' => [ 1 .. 4_000 ] } }, '', 1);
my $too_many = qr/The headers of the answer were too large[.]/;
my ($some, $some_reference) = new_order();
$gateway->misbehave({ headers => { 'X-Many' => [ 1 .. 10_000 ] } });
my $some_ended = submit($session, $some);
ok($some_ended->{sqlstate} eq '' || $some_ended->{sqlstate} eq '38F01' && $some_ended->{detail} =~ $too_many,
    "17, 10,000 headers: accepted, or that is why not ('$some_ended->{sqlstate}')");
is($gateway->received($some_reference), 1, '17, 10,000 headers: received 1 times');
$gateway->behave;
my $many = suffer('17, 100,000 headers', { headers => { 'X-Many' => [ 1 .. 100_000 ] } }, '38F01', 1);
like($many->{detail}, qr/larger than 256 kB|$too_many/, '17, 100,000 headers: that is why');
suffer('17, an endless body',  { body_size => 10**12 },                           '38F01', 1);
my $bomb = suffer('17, an endless body in gzip', { body_size => 10**12, coding => 'gzip' }, '38F01', 1);
like($bomb->{detail}, qr/larger than 256 kB/, '17, an endless body in gzip: that is why');
suffer('18, no end of interim answers', { interim => 10**9 },                     '38F01', 1);
is(find_helper($node), $helper, '17: the process that sends lives');
my $grown = peak_memory($helper) - $peak;
cmp_ok($grown, '<', 20_000, "17: it grew by little ($grown kB)");

# Peak memory of a process in kB.
sub peak_memory {
    my ($pid) = @_;
    my ($kb) = slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m;
    return $kb;
}

# --- 19: redirects -----------------------------------------------------------------

for my $status (301, 302, 303, 307, 308) {
    for my $target ("http://$trap_host/", "https://$trap_host/") {
        suffer("19, $status to $target", { status => $status, redirect => $target },
            $status < 307 ? '38F01' : '38F02', 1);
    }
}
suffer('19, to itself', { status => 307, redirect => $gateway->address . '/connect/orders/invoice/submit' },
    '38F02', 1);
nobody_called('19, redirects');

# --- 20 to 24, 26, 27, 30: answers --------------------------------------------------

for my $status (200, 201, 202, 204) {
    for my $body ([ 'an empty body', '' ], [ 'a list', "[$found_json]" ], [ 'HTML', '<html></html>' ],
        [ 'two marks before it', "\x{feff}\x{feff}$found_json" ], [ 'something after it', "$found_json;" ],
        [ 'two of them', $found_json x 2 ])
    {
        suffer("20, $status with $body->[0]", { status => $status, body => $body->[1] }, '38F01', 1);
    }
}
my $n_read = 0;
for my $body (
    [ 'a mark before it', "\x{feff}{%s}" ],
    [ 'a letter beyond ASCII', qq({"message":"Bl\x{e5}b\x{e6}r",%s}) ],
    [ 'a number beyond 64 bits', '{"time":18446744073709551616,%s}' ])
{
    my $named = sprintf '"data":{"orderUuid":"ODR20%d"}', ++$n_read;
    suffer("20, 201 with $body->[0]", { status => 201, body => sprintf($body->[1], $named) }, '', 1);
}
suffer("20, $_ with an order uuid", { status => $_ }, '', 1) for 200, 202;
suffer("20, $_ with an order uuid", { status => $_ }, '38F01', 1) for 203, 206, 226;

for my $uuid (
    undef, 7, '', ' ', "ODR1';--", '../ODR1', "ODR1\x{7}", 'ODR' . '1' x 10_000, ['ODR1'], { uuid => 'ODR1' })
{
    my $name = defined $uuid ? substr($uuid, 0, 20) =~ s/[^ -~]/?/gr : 'null';
    suffer("21, the order uuid '$name'", { data => { orderUuid => $uuid } }, '38F01', 1);
}
my $half = qq({"message":"\\ud800",$found});
suffer('21, half a character in a message', raw_answer(of_length($half), $half), '', 1);

my $first = suffer('22, an order', undef, '', 1);
my $other = suffer('22, the order uuid of another order',
    { make => JSON::PP::false, data => { orderUuid => $first->{order_uuid} } }, '38F01', 1);
like($other->{detail}, qr/order uuid of submission \d+/, '22: DETAIL names the other submission');
is(administer($session, qq{SELECT state FROM fpgo.submissions WHERE order_uuid = '$first->{order_uuid}'}),
    'accepted', '22: the first order keeps it');
my $update = submit($session, order(fpgoUuid => $first->{order_uuid}, orderFrom => 'PARTNER'));
ends('22, an update', $update, '');
is($update->{order_uuid}, $first->{order_uuid}, '22: an update may have the same order uuid');

for my $case ([ 201, 417 ], [ 201, 500 ], [ 201, 200 ], [ 417, 201 ], [ 422, 200 ], [ 429, 201 ], [ 401, 201 ]) {
    my ($status, $says) = @$case;
    suffer("23, $status whose body says $says",
        { status => $status, json => { status_code => $says, data => { orderUuid => 'ODR1234567890' } } }, '38F01', 1);
}
suffer('23, a refusal that names an order', { status => 417, json => { data => { orderUuid => 'ODR1234567890' } } },
    '38F01', 1);

suffer("24, $_ that repeats the personal number", { echo_personal_number => \1, status => $_ }, '38F05', 1)
  for 400, 417, 422;

# What each status means; those not named are doubtful.
my %meaning = (
    (map { $_ => '38F02' } 400, 403 .. 407, 411, 413 .. 415, 419, 421, 422, 425, 431),
    401 => '38F03',
    417 => '38F05',
    429 => '38F04');
# the gateway's 422 has no envelope
suffer("25 to 30, $_", { status => $_ }, $meaning{$_} // '38F01', 1)
  for 300, 304, 399 .. 431, 451, 499, 500 .. 511, 599;

# --- 28 and 29: asked to slow down --------------------------------------------------

for my $case (
    [ '5',                            qr/in 5 seconds/ ],
    [ 'Wed, 21 Oct 2015 07:28:00 GMT', qr/in 1 second\./ ],
    [ 'Fri, 31 Dec 2100 23:59:59 GMT', qr/in 900 seconds/ ],
    [ '-1',                           qr/in a minute/ ],
    [ 'soon',                         qr/in a minute/ ],
    [ '',                             qr/in a minute/ ],
    [ '9' x 30,                       qr/in (?:a minute|900 seconds)/ ],
) {
    my ($value, $hint) = @$case;
    my $ended =
      suffer("28, Retry-After '$value'", { status => 429, headers => { 'Retry-After' => $value } }, '38F04', 1);
    like($ended->{hint}, $hint, "28, Retry-After '$value': HINT says when");
}
for my $remaining ('0', 'abc', '9223372036854775808', '-5', undef) {
    my $name = $remaining // 'nothing';
    my %headers = map { $_ => $remaining } 'X-RateLimit-Remaining', 'X-RateLimit-Limit';
    suffer("29, $name remaining", { headers => \%headers }, '', 1);
}

# --- 2 and 11: no way to the gateway ----------------------------------------------

# a listener whose queue is full takes no notice of anybody
my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1, Proto => 'tcp') or die;
my @queue = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $deaf->sockport, Proto => 'tcp', Blocking => 0)
} 1 .. 8;
for my $case (
    [ '2, a closed port',            closed_address() ],
    [ '2, a port that takes no notice', 'http://127.0.0.1:' . $deaf->sockport ],
) {
    my ($name, $address) = @$case;
    point_at($address, q{connect_timeout '500ms'});
    my $ended = suffer($name, undef, '38F02', 0);
    cmp_ok($ended->{seconds}, '<', 5, sprintf '%s: in time (%.1f s)', $name, $ended->{seconds});
}
point_at($gateway->address =~ s/127\.0\.0\.1/localhost/r);
suffer('11, a name, at whose other addresses nobody listens', undef, '', 1);

# --- 12, 14 and 15: TLS -----------------------------------------------------------------

my $authority = FpgoTls->new;

sub start_tls {
    my (@options) = @_;
    my $started = FpgoGateway->start('--token', $TOKEN, $authority->serve_as('IP:127.0.0.1'), @options);
    point_at($started->address, sprintf(q{ca_file '%s'}, $authority->file), q{connect_timeout '500ms'});
    return $started;
}

my $plain = $gateway;
$gateway = start_tls();
suffer('12, over TLS', undef, '', 1);
ok(!-e $key_log, '12, SSLKEYLOGFILE: no key was written there');
nobody_called('12, proxies of the environment');

# this gateway never says that it ends a connection, it only does
suffer('14, a whole answer and no goodbye', { close_after_answer => \1 }, '', 1);
my %unframed = (headers => { 'Content-Length' => undef });
suffer('14, an answer of no given length and no goodbye', {%unframed}, '', 1);
suffer('14, a part of it', { %unframed, cut_answer => 500 }, '38F01', 1);

my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 8, Proto => 'tcp') or die;
point_at($gateway->address =~ s/:\d+/':' . $mute->sockport/er, q{connect_timeout '500ms'});
suffer('14, a handshake that nobody answers', undef, '38F02', 0);

# with TLS 1.3 the order has left when the gateway says what it thinks of the client
$gateway = start_tls('--tls-client-ca', $authority->file);
suffer('15, a client certificate is demanded', undef, '38F01', 0);
$gateway = start_tls('--tls-client-ca', $authority->file, '--tls-max-version', '1.2');
suffer('15, a client certificate is demanded, TLS 1.2', undef, '38F02', 0);

# --- the same of what was queued -------------------------------------------------------------

# What was certainly not sent or not processed waits for another attempt, after a
# while; a new token and a mended address are all it takes.
$gateway = FpgoGateway->start('--token', $TOKEN);
new_database($node, 'delivery', url => $gateway->address);
my $delivery = open_session($node, database => 'delivery');
my $records  = FpgoRecords->new($delivery, $gateway);
my @waiting;

# Deliver an order that meets a fault, or one after a change of the set-up.
sub deliver {
    my ($name, $wish, $state, $received, $change, $undo) = @_;
    my $submission = $records->enqueue($delivery);
    administer($delivery, $change) if $change;
    $gateway->misbehave($wish) if $wish;
    release_holds($delivery);
    administer($delivery, "CALL fpgo.deliver($submission->{id})");
    administer($delivery, $undo) if $undo;
    $records->show("$name, delivered", $submission, $state, received => $received);
    push @waiting, $submission if $state eq 'queued';
    $gateway->behave;
    forget_slow_down($delivery);
    return $submission;
}

my $nowhere = sprintf q{ALTER SERVER frontpayment OPTIONS (SET url '%s')}, closed_address();
my $there   = sprintf q{ALTER SERVER frontpayment OPTIONS (SET url '%s')}, $gateway->address;
my $mapping = q{ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (SET token '%s')};

deliver('2, a closed port', undef, 'queued', 0, $nowhere, $there);
deliver('4, closed after the request', { close_after_request => \1 }, 'uncertain', 1);
deliver('25, an old token', undef, 'queued', 0, sprintf($mapping, 'old-token'), sprintf($mapping, $TOKEN));
deliver("25 to 30, $_", { status => $_ }, 'queued',    1) for 307, 401, 403, 404, 405, 421, 429;
deliver("25 to 30, $_", { status => $_ }, 'uncertain', 1) for 302, 409, 500, 503, 510;
deliver("25 to 30, $_", { status => $_, json => { status_code => $_, errors => ['The reference no is wrong.'] } }, 'refused', 1)
  for 400, 417, 422;
for my $case ([ '-1', 60 ], [ 'soon', 60 ], [ '99999999', 900 ], [ 'Fri, 31 Dec 2100 23:59:59 GMT', 900 ]) {
    my ($value, $longest) = @$case;
    my $name  = "28, Retry-After '$value'";
    my $waits = deliver($name, { status => 429, headers => { 'Retry-After' => $value } }, 'queued', 1);
    my $seconds = $records->column_of($waits, 'extract(epoch FROM not_before - clock_timestamp())');
    ok($seconds > $longest - 30 && $seconds <= $longest, "$name: waits $longest s") or diag("$seconds s");
}

$records->make_due;
release_holds($delivery);
administer($delivery, 'CALL fpgo.deliver()');
my @states = map { $records->state_of($_) } @waiting;
is_deeply(\@states, [ ('accepted') x @waiting ], 'what waited is accepted in the end');
$delivery->quit;
decide_uncertain($node, $gateway, name => 'delivery', database => 'delivery');
check_records($node, $gateway, databases => ['delivery'], committed => [ $records->expected ]);

# --- the end ------------------------------------------------------------------------------

is(run_in($session, 'SELECT pg_backend_pid()')->{rows}, $backend, 'the backend survived it all');
$session->quit;
check_log($node);
$node->stop;
done_testing();
