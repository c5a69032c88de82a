# What becomes of an order given to fpgo.submit_invoice: each outcome has its
# SQLSTATE, nothing is ever transmitted twice, no secret shows, and the backend
# lives on whatever the gateway does to it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

# What is promised, and what fails the test: a busy machine may be slow, and so
# many times slower is it with an instrument (see test/lib/long).
my $promised_ms = 100;
my $allowed_ms  = 400 * ($ENV{FPGO_SLOWDOWN} // 1);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address);
my $session = open_session($node);
my $backend = pid_of($session);
my $admin   = open_session($node);

# Every submission of this test, for the closing comparison with the ledger.
my @submitted;

# attempt($name, $sqlstate, %changes): submit an order and check the SQLSTATE.
sub attempt {
    my ($name, $sqlstate, %changes) = @_;
    my $order = order(%changes);
    release_holds($session);
    my $ended = submit($session, $order);
    $ended->{reference} = reference_of($order);
    push @submitted, $ended;
    is($ended->{sqlstate}, $sqlstate, "$name: SQLSTATE '$sqlstate'")
      or diag($ended->{said});
    keeps_secrets($name, $ended);
    return $ended;
}

sub keeps_secrets {
    my ($name, $ended) = @_;
    unlike($ended->{said}, qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E|bankid/i,
        "$name: no secret in what is said");
    return;
}

# --- accepted -----------------------------------------------------------------

my $accepted = attempt('the example order', '');
my ($entry) = $gateway->ledger($accepted->{reference});
is($accepted->{order_uuid}, $entry->{order_uuid}, 'the row has the order uuid of the ledger');
like($accepted->{customer_uuid}, qr/^CSRT\d+$/, 'the row has a customer uuid');
like($accepted->{bank_id_url}, qr{^https://}, 'the row has a BankID address');
is($entry->{body}{customerDetails}{personalNumber}, $PERSONAL_NUMBER,
    'the gateway received the personal number');
my $sent = decode_json(order(referenceNo => $accepted->{reference}));
delete $sent->{customerDetails}{organizationId};    # blank, so as good as absent
is_deeply($entry->{body}, $sent, 'the gateway received the order as it was given');

my $corporate = attempt(
    'a corporate order', '',
    'customerDetails.type'           => 'corporate',
    'customerDetails.organizationId' => '987654321');
is($corporate->{bank_id_url} // '', '', 'a corporate customer gets no BankID address');

# --- certainly not invoiced ----------------------------------------------------

my $invalid = attempt('an order without an e-mail address', '23514', 'customerDetails.email' => undef);
like($invalid->{detail}, qr/customerDetails\.email/, 'DETAIL names the field');

$gateway->misbehave({ errors => [ 'The first sentence.', 'The second sentence.' ] });
my $refused = attempt('a refusal', '38F05');
like($refused->{detail}, qr/The first sentence\..*The second sentence\./s,
    'DETAIL has what the gateway said');

$gateway->misbehave({ echo_personal_number => \1 });
attempt('a refusal that repeats the personal number', '38F05');

$gateway->misbehave({ status => 401 });
attempt('a refused token', '38F03');

$gateway->misbehave({ status => 429, headers => { 'Retry-After' => '17' } });
my $slowed = attempt('too many requests', '38F04');
like($slowed->{hint}, qr/\b17\b/, 'HINT says when to come back');
forget_slow_down($admin);

administer($admin, q{ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (SET token 'not-the-token')});
attempt('a token the gateway does not know', '38F03');
administer($admin, qq{ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (SET token '$TOKEN')});

my $nobody = closed_address();
administer($admin, qq{ALTER SERVER frontpayment OPTIONS (SET url '$nobody')});
attempt('a closed port', '38F02');
administer($admin, sprintf q{ALTER SERVER frontpayment OPTIONS (SET url '%s')}, $gateway->address);

# --- a token file that no header could carry ------------------------------------

my $token_file = PostgreSQL::Test::Utils::tempdir() . '/token';

sub use_token_file {
    my ($content) = @_;
    open my $file, '>', $token_file or die "$token_file: $!";
    binmode $file;
    print $file $content;
    close $file;
    chmod 0600, $token_file;
    return;
}

use_token_file("$TOKEN\n");
administer($admin, qq{
    DROP USER MAPPING FOR PUBLIC SERVER frontpayment;
    CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token_file '$token_file')});
attempt('a token file', '');
for my $content ("$TOKEN\r\nX-Injected: 1\r\n", "$TOKEN\nX-Injected: 1", "$TOKEN\rX", '') {
    use_token_file($content);
    (my $shown = $content) =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
    $shown =~ s/\Q$TOKEN\E/(token)/;
    attempt("the token file '$shown'", '55000');
}
my @injected = grep { $_->[0] =~ /^x-injected$/i } map { @{ $_->{headers} } } @{ $gateway->requests->{last} };
is(scalar @injected, 0, 'no header was smuggled in');
administer($admin, qq{
    DROP USER MAPPING FOR PUBLIC SERVER frontpayment;
    CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '$TOKEN')});

# --- outcome unknown ------------------------------------------------------------

# Answers that leave open whether there is an invoice now.
my @unclear = (
    [ 'closed after the request'         => { close_after_request => \1 } ],
    [ 'reset after the request'          => { reset_after_request => \1 } ],
    [ 'reset within the request'         => { cut_request         => 100 } ],
    [ 'status 500'                       => { status              => 500 } ],
    [ 'status 503'                       => { status              => 503 } ],
    [ 'status 510'                       => { status              => 510 } ],
    [ 'status 409'                       => { status              => 409 } ],
    [ 'a redirect'                       => { redirect            => 'https://example.invalid/' } ],
    [ 'garbage'                          => { garbage             => 1 } ],
    [ 'an HTML error page'               => { html                => \1 } ],
    [ 'an HTML page with status 200'     => { html                => \1, status => 200 } ],
    [ '0 bytes'                          => { raw                 => '' } ],
    [ 'an empty body'                    => { body                => '' } ],
    [ 'an empty object'                  => { json                => {} } ],
    [ 'another type of JSON'             => { json                => [] } ],
    [ 'a success without an order uuid'  => { omit                => ['orderUuid'] } ],
    [ 'an order uuid that is a number'   => { data                => { orderUuid => 7 } } ],
    [ 'an order uuid with a line break'  => { data                => { orderUuid => "ODR1\nx" } } ],
    [ 'an order uuid of 1 MB'            => { data                => { orderUuid => 'O' x 1e6 } } ],
    [ 'cut off in the headers'           => { cut_answer          => 40 } ],
    [ 'cut off in the body'              => { cut_answer          => 400 } ],
    [ 'cut off with a reset'             => { cut_answer          => 400, how => 'rst' } ],
    [ 'deeply nested JSON'               => { deep                => 100_000 } ],
    [ 'a text that is not UTF-8'         => { invalid_utf8        => \1 } ],
    [ 'an order uuid with a NUL'         => { data                => { orderUuid => "ODR1\0" } } ],
    [ 'headers of 1 MB'                  => { headers             => { 'X-Long' => 'x' x 1e6 } } ],
    [ 'a refusal that contradicts its status' => { status => 200, json => { is_error => \1, status_code => 417 } } ],
);
for my $case (@unclear) {
    my ($name, $wish) = @$case;
    $gateway->misbehave($wish);
    my $ended = attempt($name, '38F01');
    is($gateway->received($ended->{reference}), ($wish->{cut_request} ? 0 : 1), "$name: transmitted once");
}

# Answers that are odd but name the order, so there is no doubt.
my @odd = (
    [ 'status 200'                       => { status  => 200 } ],
    [ 'a success without BankID address' => { omit    => ['bankIdUrl'] } ],
    [ 'a NUL character in the message'   => { nul     => \1 } ],
);
for my $case (@odd) {
    my ($name, $wish) = @$case;
    $gateway->misbehave($wish);
    attempt($name, '');
}

my $peak_before = peak_memory();
$gateway->misbehave({ body_size => 100_000_000 });
attempt('an answer of 100 MB', '38F01');
my $grown = peak_memory() - $peak_before;
cmp_ok($grown, '<', 20_000, "the answer of 100 MB took little memory ($grown kB)");

# Peak memory of the session's backend in kB.
sub peak_memory {
    my ($peak) = slurp_file("/proc/$backend/status") =~ /^VmHWM:\s+(\d+) kB/m;
    return $peak;
}

# --- broken refusals -------------------------------------------------------------

# The status says "refused", and the API's envelope cannot be read.
for my $case ([ 'not UTF-8' => { invalid_utf8 => \1 }, '38F02' ], [ 'with a NUL' => { nul => \1 }, '38F05' ]) {
    my ($name, $wish, $code) = @$case;
    $gateway->misbehave({ errors => ['No.'], %$wish });
    attempt("a refusal $name", $code);
}

# --- a kept connection that the gateway drops --------------------------------------

# libcurl by itself would send the order once more on a new connection.
attempt('before the connection dies', '');
$gateway->misbehave({ close_after_request => \1 });
my $dropped = attempt('a kept connection that dies', '38F01');
is($gateway->received($dropped->{reference}), 1, 'a kept connection that dies: transmitted once');

# A gateway may close what it kept: the next order goes over a new connection.
$gateway->misbehave({ cut_answer => 1_000_000 });
attempt('an answer with the connection closed after it', '');
sleep 0.1;
attempt('after the kept connection was closed', '');

# --- a gateway that never answers ---------------------------------------------------

administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD timeout '500ms')});
for my $case ([ 'no answer' => { stall => \1 } ], [ 'a byte now and then' => { drip => 0.05 } ]) {
    my ($name, $wish) = @$case;
    $gateway->misbehave($wish);
    my $ended = attempt($name, '38F01');
    in_time("$name within the server's timeout", $ended->{seconds} * 1000 - 500);
}
administer($admin, q{ALTER SERVER frontpayment OPTIONS (DROP timeout)});

$gateway->misbehave({ stall => \1 });
run_in($session, q{SET statement_timeout = '300ms'});
my $late = attempt('statement_timeout', '57014');
run_in($session, 'RESET statement_timeout');
in_time('statement_timeout', $late->{seconds} * 1000 - 300);
attempt('after the timeout', '');

administer($admin, q{
    CREATE FUNCTION milliseconds_to_stop(victim int, how text) RETURNS numeric
    LANGUAGE plpgsql AS $$
    DECLARE
        began timestamptz := clock_timestamp();
    BEGIN
        EXECUTE format('SELECT pg_%s_backend($1)', how) USING victim;
        LOOP
            PERFORM pg_stat_clear_snapshot();
            EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity
                                  WHERE pid = victim AND state = 'active')
                OR clock_timestamp() - began > '20 s';
            PERFORM pg_sleep(0.001);
        END LOOP;
        RETURN round(extract(epoch FROM clock_timestamp() - began) * 1000, 1);
    END $$});

for my $round (1 .. 3) {
    my $pending = submit_and_leave($session);
    in_time("pg_cancel_backend, round $round", milliseconds_to_stop($backend, 'cancel'));
    my $ended = finish_in($session);
    is($ended->{sqlstate}, '57014', "pg_cancel_backend, round $round: SQLSTATE '57014'");
    keeps_secrets('pg_cancel_backend', $ended);
    push @submitted, { %$pending, sqlstate => '57014' };
}
attempt('after the cancels', '');

my $victim = open_session($node);
push @submitted, { %{ submit_and_leave($victim) }, sqlstate => '57P01' };
in_time('pg_terminate_backend', milliseconds_to_stop(pid_of($victim), 'terminate'));
eval { $victim->quit };

# Submit an order that will not be answered; return once the gateway has it.
sub submit_and_leave {
    my ($in) = @_;
    my ($order, $reference) = new_order();
    $gateway->misbehave({ stall => \1 });
    begin_submit($in, $order);
    wait_for_order($gateway, $reference);
    return { reference => $reference };
}

sub milliseconds_to_stop {
    my ($pid, $how) = @_;
    return administer($admin, "SELECT milliseconds_to_stop($pid, '$how')");
}

sub in_time {
    my ($name, $ms) = @_;
    diag(sprintf '%s: ended after %.1f ms (promised: %d)', $name, $ms, $promised_ms);
    cmp_ok($ms, '<', $allowed_ms, "$name: ended in time");
    return;
}

# --- the closing comparison -----------------------------------------------------------

is(run_in($session, 'SELECT pg_backend_pid()')->{rows}, $backend, 'the backend survived it all');

# How often an order may be in the ledger, and whether it may have been made.
my %allowed = (
    ''      => { received => qr/^1$/,    made => qr/^1$/ },
    '23514' => { received => qr/^0$/,    made => qr/^0$/ },
    '38F01' => { received => qr/^[01]$/, made => qr/^[01]$/ },
    '38F02' => { received => qr/^[01]$/, made => qr/^0$/ },
    '38F03' => { received => qr/^[01]$/, made => qr/^0$/ },
    '38F04' => { received => qr/^[01]$/, made => qr/^0$/ },
    '38F05' => { received => qr/^1$/,    made => qr/^0$/ },
    '55000' => { received => qr/^0$/,    made => qr/^0$/ },
    '57014' => { received => qr/^[01]$/, made => qr/^[01]$/ },
    '57P01' => { received => qr/^[01]$/, made => qr/^[01]$/ },
);
my %entries;
push @{ $entries{ $_->{referenceNo} } }, $_ for $gateway->ledger;
my @wrong;
for my $ended (@submitted) {
    my @received = @{ delete $entries{ $ended->{reference} } // [] };
    my @made     = grep { $_->{made} } @received;
    my $rule     = $allowed{ $ended->{sqlstate} };
    push @wrong, "$ended->{reference} ended with '$ended->{sqlstate}', received "
      . @received . ', made ' . @made
      unless $rule && scalar(@received) =~ $rule->{received} && scalar(@made) =~ $rule->{made};
    push @wrong, "$ended->{reference} has another order uuid"
      if $ended->{sqlstate} eq '' && $ended->{order_uuid} ne $made[0]{order_uuid};
}
is_deeply(\@wrong, [], 'every result agrees with the ledger');
is_deeply([ keys %entries ], [], 'nothing else was transmitted');

$session->quit;
$admin->quit;
$node->stop;
$gateway->stop;
done_testing();
