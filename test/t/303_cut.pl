# Cut everywhere: an exchange that would go well is cut after each byte of the
# request and of the answer, by FIN, by RST and by silence: plain, over TLS, and over
# TLS that resumes an earlier session.
# Whatever fpgo calls it must be true, and the gateway never gets an order twice.
#
# What is true is told by the relay, which knows what went through, and by the
# gateway's ledger; nothing here looks at how fpgo classifies.
#
# Each run takes a sample.  FPGO_CUTS=<seed> repeats the sample that a run has
# printed the seed of, FPGO_CUTS=all takes every byte, but of kept connections and
# resumed sessions a larger sample only.

use strict;
use warnings;

use List::Util qw(min shuffle uniq);
use Test::More;
use Time::HiRes qw(sleep);

use FpgoChecker;
use FpgoRelay;
use FpgoTest;
use FpgoVerdicts;
use FpgoTls;
use JSON::PP;

my $wanted = $ENV{FPGO_CUTS} || int(rand(2**31));
my $is_all = $wanted eq 'all';
srand($is_all ? 0 : $wanted);
diag($is_all ? 'every byte is cut' : "FPGO_CUTS=$wanted repeats this sample");

my @ways    = qw(request answer);
my @endings = qw(fin rst stall);

# Random positions of a sample, for each way and ending of a kind of connection.
my $n_sampled = 25;

# The same for the second exchange of a connection, where cases cannot run side by
# side; a quarter of it for silence, which takes time.
my $n_kept = $is_all ? 80 : 4;

# The same where a session is resumed.
my $n_resumed = $is_all ? 100 : 8;

# How many sessions of a kind submit at once; those that are in a hurry wait for
# silence to time out, the others have time for a busy machine.
my $n_patient = 3;
my $n_hasty   = $is_all ? 14 : 7;
my $hurry     = sprintf q{timeout '%s'}, $is_all ? '300ms' : '1s';

# Cases that a session runs in one statement, which may take a minute.
my $batch_size = 50;

my $authority = FpgoTls->new('ed25519');
my $relay     = FpgoRelay->start;
my $node      = new_cluster('cut', url => closed_address(), settings => "max_worker_processes = 60\n");

# --- the kinds of connection --------------------------------------------------

# An order whose exchange has the same size whenever it is made.
my $order = decode_json(order());

# make_kind($name, %wish): a gateway with those options (gateway), and a database
# with servers of those (options).  The rest of a kind is found out from a good
# exchange: request and answer, its bytes; request_begins, how many of them go
# before the first of the request itself; greeting, how many of the answer the
# client needs before it can send that; may_be_missing, how many at the end of the
# answer it can do without.
sub make_kind {
    my ($name, %wish) = @_;
    my $gateway = FpgoGateway->start('--token', $TOKEN, '--rate-limit', 10**9, @{ $wish{gateway} });
    my $kind    = { name => $name, gateway => $gateway, options => $wish{options}, database => $name, cases => [] };
    new_database($node, $name, url => $gateway->address, options => $wish{options});
    $node->safe_psql($name, q{
        CREATE TABLE result (lane text, number integer, sqlstate text, order_uuid text);
        CREATE FUNCTION submit_in(lane text, number integer, an_order jsonb) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE
            s fpgo.invoice_session;
        BEGIN
            -- a date of its own, of as many digits
            an_order := an_order || jsonb_build_object('referenceNo', lane || '-' || to_char(number, 'FM00000'),
                'orderDate', (1000000000 + (ascii(lane) * 100 + ('x' || lpad(substr(lane, 2), 8, '0'))::bit(32)::bigint) * 100000 + number)::text);
            s := fpgo.submit_invoice(an_order, lane);
            INSERT INTO result VALUES (lane, number, '', s.order_uuid);
            RETURN '';
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO result VALUES (lane, number, SQLSTATE);
            RETURN SQLSTATE;
        END $$;
        -- what became of one order must not keep the next one from its cut
        CREATE PROCEDURE submit_all(lane text, first integer, last integer, an_order jsonb) LANGUAGE plpgsql AS $$
        BEGIN
            FOR number IN first .. last LOOP
                PERFORM fpgo.release(h.hold, 'next cut') FROM fpgo.holds h WHERE h.server = lane;
                COMMIT;
                PERFORM submit_in(lane, number, an_order);
                COMMIT;
            END LOOP;
        END $$});
    return $kind;
}

# open_lane($kind, $name, @options): a session that submits through a lane of the
# relay, which leads to the kind's gateway.
sub open_lane {
    my ($kind, $name, @options) = @_;
    my $lane    = $relay->open_lane($kind->{gateway}->address);
    $relay->record($lane) if $kind->{resumes};
    my $options = join ', ', sprintf(q{url '%s'}, $relay->address($lane)), grep { $_ } $kind->{options}, @options;
    $node->safe_psql($kind->{database}, qq{
        CREATE SERVER $name FOREIGN DATA WRAPPER fpgo OPTIONS ($options);
        CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (token '$TOKEN')});
    my $session = open_session($node, database => $kind->{database});
    return { kind => $kind, name => $name, port => $lane, session => $session, cases => [], n_begun => 0 };
}

# Submit the lane's orders with these numbers, in one statement.
sub begin_batch {
    my ($lane, $first, $last) = @_;
    begin_in($lane->{session}, sprintf q{CALL submit_all('%s', %d, %d, %s)},
        $lane->{name}, $first, $last, literal(encode_json($order)));
    return;
}

sub submit_one {
    my ($lane) = @_;
    my $number = $lane->{n_begun}++;
    release_holds($lane->{session});
    return administer($lane->{session}, sprintf q{SELECT submit_in('%s', %d, %s)},
        $lane->{name}, $number, literal(encode_json($order)));
}

# Two good exchanges on one connection, of which all bytes are looked at.  What ends
# a connection is no part of them: $trim->($bytes) is what is left without it.
sub measure {
    my ($kind, $trim) = @_;
    my $lane = open_lane($kind, 'm1', q{keepalive '60s'});
    $relay->record($lane->{port});
    is(submit_one($lane), '', "$kind->{name}: an order that nothing happens to is accepted");
    my $twice = open_lane($kind, 'm2', q{keepalive '60s'});
    $relay->record($twice->{port});
    submit_one($twice) for 1 .. 2;
    $_->{session}->quit for $lane, $twice;
    my ($once, @more)   = $relay->connections($lane->{port});
    my ($kept, @others) = $relay->connections($twice->{port});
    is(@more + @others, 0, "$kind->{name}: one connection, also for two orders");
    my (%once, %kept);
    for my $way (@ways) {
        ($once{$way}, $kept{$way}) = map { $trim->(pack 'H*', $_->{"${way}_bytes"}) } $once, $kept;
        $kind->{$way} = length $once{$way};
        $kind->{second}{$way} = length($kept{$way}) - length($once{$way});
    }
    return @once{@ways};
}

# The whole records of TLS 1.3 in what one side sent.
sub find_records {
    my ($bytes) = @_;
    my @records;
    for (my $at = 0; $at < length $bytes;) {
        my ($type, undef, $length) = unpack 'C n n', substr $bytes, $at, 5;
        last if !defined $length || $at + 5 + $length > length $bytes;
        push @records, { type => $type, size => 5 + $length, ends => $at + 5 + $length };
        $at += 5 + $length;
    }
    return @records;
}

sub make_plain {
    my $kind = make_kind('plain', options => undef);
    my ($request, $answer) = measure($kind, sub { $_[0] });
    my ($request_head, $answer_head) = map { 4 + index $_, "\r\n\r\n" } $request, $answer;
    $kind->{request_begins} = $kind->{greeting} = 0;
    $kind->{may_be_missing} = 1;    # the line feed after the last chunk
    $kind->{bounds} = {
        request => [ 0, 1, $request_head, length $request ],
        answer  => [ 0, 1, 2 + index($answer, "\r\n"), $answer_head, length $answer ] };
    return $kind;
}

# What TLS 1.3 takes for an alert.
my $alert_size = 24;

# Without the alerts by which a side says that it sends no more: whether it still
# can say so depends on how fast the other one leaves.
sub trim_tls {
    my ($bytes) = @_;
    my @records = find_records($bytes);
    pop @records while @records && $records[-1]{size} == $alert_size;
    return substr $bytes, 0, $records[-1]{ends};
}

# The first record of application data that the client sends is the end of its
# handshake.  The next one is the request or, if the time runs out just then, an
# alert.  The server's last record is the answer, the one before it the end of its
# handshake: it gives no tickets for later sessions.  An exchange in which a session
# is resumed has other sizes; and of libcurl 8, a request takes up a ticket that the
# one before it got on a connection that was cut.
sub make_tls {
    my $kind = make_kind('tls',
        gateway => [ $authority->serve_as('IP:127.0.0.1'), '--tls-tickets', 0 ],
        options => sprintf(q{ca_file '%s'}, $authority->file));
    my ($request, $answer) = map { [ find_records($_) ] } measure($kind, \&trim_tls);
    my @sealed = grep { $_->{type} == 23 } @$request;
    $kind->{request_begins} = $sealed[0]{ends} + $alert_size;
    $kind->{greeting}       = $answer->[-2]{ends};
    $kind->{may_be_missing} = 0;
    $kind->{bounds}         = {
        request => [ 0, 1, map { $_->{ends} } @$request ],
        answer  => [ 0, 1, map { $_->{ends} } @$answer ] };
    # the sizes of a record that is the same in each connection
    $kind->{finished_size} = $sealed[0]{size};
    $kind->{request_size}  = $sealed[1]{size};
    $kind->{answer_size}   = $answer->[-1]{size};
    return $kind;
}

# The same gateway, but with tickets: what a connection resumes shows in its records
# alone, so that each connection is recorded and judged by its own.
sub make_resumed {
    my ($tls) = @_;
    my $kind = make_kind('resumed',
        gateway => [ $authority->serve_as('IP:127.0.0.1') ],
        options => $tls->{options});
    my $lane = open_lane($kind, 'm1', q{keepalive '0'});
    $relay->record($lane->{port});
    submit_one($lane) for 1 .. 2;
    $lane->{session}->quit;
    my ($first, $second) = $relay->connections($lane->{port});
    $kind->{$_} = $tls->{$_} for qw(finished_size request_size answer_size);
    $kind->{resumes} = 1;
    for my $way (@ways) {
        my @records = find_records(trim_tls(pack 'H*', $second->{"${way}_bytes"}));
        $kind->{$way} = $records[-1]{ends};
        $kind->{bounds}{$way} = [ 0, 1, map { $_->{ends} } @records ];
    }
    $kind->{full_greeting} = shape_of($kind, $first)->{greeting};
    cmp_ok(shape_of($kind, $second)->{greeting}, '<', $kind->{full_greeting}, 'the second connection resumes a session');
    return $kind;
}

# More bytes than any exchange has.
my $never = 10**9;

# The end of the first sealed record of that size; or none.
sub end_of_record {
    my ($size, @records) = @_;
    my ($found) = grep { $_->{type} == 23 && $_->{size} == $size } @records;
    return $found ? $found->{ends} : $never;
}

# shape_of($kind, $passed): what make_kind() says of an exchange, found out from what
# passed of this one.
sub shape_of {
    my ($kind, $passed) = @_;
    my ($request, $answer) = map { [ find_records(pack 'H*', $passed->{"${_}_bytes"}) ] } @ways;
    my $finished = end_of_record($kind->{finished_size}, @$request);
    return {
        request_begins => $finished + $alert_size,
        request        => $finished + $kind->{request_size},
        greeting       => end_of_record($kind->{finished_size}, @$answer),
        answer         => end_of_record($kind->{answer_size}, @$answer),
        may_be_missing => 0 };
}

# --- which cuts ----------------------------------------------------------------

# The positions of one way: every byte, or the bounds with their neighbours and a
# random few.
sub choose_positions {
    my ($kind, $way) = @_;
    my $end = $kind->{$way};
    return 0 .. $end if $is_all && !$kind->{resumes};
    my @near = map { ($_ - 1, $_, $_ + 1) } @{ $kind->{bounds}{$way} };
    my $n    = $kind->{resumes} ? $n_resumed : $n_sampled;
    return uniq(grep { $_ >= 0 && $_ <= $end } @near, map { int rand($end + 1) } 1 .. $n);
}

# An answer of no bytes is cut when its first one comes; otherwise the cut would
# come before the request.
sub make_cut {
    my ($way, $after, $how) = @_;
    my $is_next = $way eq 'answer' && $after == 0;
    return { way => $way, after => $after, how => $how, next => $is_next ? JSON::PP::true : JSON::PP::false };
}

# Deal the cuts to the lanes.  What ends well comes last in a lane.  Where sessions
# are to be resumed, a connection without a cut comes before each other one.
sub plan_cuts {
    my ($kind) = @_;
    my @patient = map { open_lane($kind, "p$_", q{keepalive '0'}) } 1 .. $n_patient;
    my @hasty   = map { open_lane($kind, sprintf('h%x', $_), q{keepalive '0'}, $hurry) } 1 .. $n_hasty;
    $_->{is_hasty} = 1 for @hasty;
    my (@whole, @broken);
    for my $way (@ways) {
        for my $how (@endings) {
            for my $after (choose_positions($kind, $way)) {
                my $is_whole = $way eq 'answer' && $after == $kind->{answer};
                push @{ $is_whole ? \@whole : \@broken }, make_cut($way, $after, $how);
            }
        }
    }
    for my $cut (shuffle @broken) {
        my $lanes = $cut->{how} eq 'stall' ? \@hasty : \@patient;
        push @{ $lanes->[0]{cases} }, $cut;
        push @$lanes, shift @$lanes;
    }
    push @{ $patient[$_]{cases} }, $whole[$_] for 0 .. $#whole;
    for my $lane ($kind->{resumes} ? (@patient, @hasty) : ()) {
        $lane->{cases} = [ map { (undef, $_) } @{ $lane->{cases} } ];
    }
    $relay->plan($_->{port}, @{ $_->{cases} }) for @patient, @hasty;
    return (@patient, @hasty);
}

# --- what became of them ---------------------------------------------------------

# Let all lanes submit their orders, all at once.
sub run_lanes {
    my @busy = @_;
    while (@busy) {
        for my $lane (@busy) {
            if ($lane->{is_running} && has_ended($lane->{session})) {
                my $ended = finish_in($lane->{session});
                die "$lane->{name}: $ended->{said}" if $ended->{sqlstate};
                $lane->{is_running} = 0;
            }
            if (!$lane->{is_running} && $lane->{n_begun} < @{ $lane->{cases} }) {
                my $last = min($lane->{n_begun} + $batch_size, scalar @{ $lane->{cases} }) - 1;
                begin_batch($lane, $lane->{n_begun}, $last);
                $lane->{n_begun}    = $last + 1;
                $lane->{is_running} = 1;
            }
        }
        @busy = grep { $_->{is_running} } @busy;
        sleep 0.01;
    }
    return;
}

# judge($exchange, $passed, $came_to, \@received): what is wrong with what fpgo said
# of an order, if the first of so many bytes went through and the gateway received
# it so.
sub judge {
    my ($exchange, $passed, $came_to, $received) = @_;
    my ($sqlstate, $uuid) = @{$came_to}{qw(sqlstate order_uuid)};
    my $missing  = $exchange->{answer} - $passed->{answer};
    my $is_begun = $passed->{request} > $exchange->{request_begins};
    my $n        = $passed->{request} >= $exchange->{request} ? 1 : 0;
    my @wrong;
    push @wrong, 'was received ' . @$received . " times, not $n" if @$received != $n;
    push @wrong, "ended with '$sqlstate'" if $sqlstate !~ /^(?:38F01|38F02|)$/;
    push @wrong, 'is not accepted though the whole answer came through'
      if $missing <= 0 && $sqlstate ne '' && !$exchange->{may_be_late};
    push @wrong, 'is accepted though a part of the answer was missing'
      if $missing > $exchange->{may_be_missing} && $sqlstate eq '';
    push @wrong, 'is said not to have been sent' if $is_begun && $sqlstate eq '38F02';
    push @wrong, 'is said to be doubtful before it could be sent'
      if $passed->{answer} < $exchange->{greeting} && $sqlstate ne '38F02';
    push @wrong, 'has another order uuid' if $sqlstate eq '' && $uuid ne ($received->[0]{order_uuid} // '');
    return @wrong;
}

# What became of each order of a kind, by lane and number; and what was received,
# by reference.
sub collect {
    my ($kind) = @_;
    my $rows = decode_json($node->safe_psql($kind->{database}, q{SELECT coalesce(json_agg(r), '[]') FROM result r}));
    my (%came_to, %received);
    $came_to{ $_->{lane} }{ $_->{number} } = $_ for @$rows;
    push @{ $received{ $_->{referenceNo} } }, $_ for $kind->{gateway}->ledger;
    return (\%came_to, \%received);
}

sub reference_in { return sprintf '%s-%05d', $_[0]{name}, $_[1]; }

# What was to happen to an order's connection.
sub describe_cut {
    my ($cut, $reference) = @_;
    return "no cut: order $reference" if !$cut;
    return "$cut->{how} after byte $cut->{after} of the $cut->{way}: order $reference";
}

# judge_lanes($kind, @lanes): assertions about all their orders.
sub judge_lanes {
    my ($kind, @lanes) = @_;
    my ($came_to, $received) = collect($kind);
    my (@wrong, @elsewhere, %n);
    my $n_resumed = 0;
    for my $lane (@lanes) {
        my @passed = $relay->connections($lane->{port});
        is(scalar @passed, scalar @{ $lane->{cases} }, "$kind->{name}, $lane->{name}: one connection an order");
        for my $number (0 .. $#{ $lane->{cases} }) {
            my ($cut, $passed) = ($lane->{cases}[$number], $passed[$number] // { request => -1, answer => -1 });
            my $reference = reference_in($lane, $number);
            my $what      = describe_cut($cut, $reference);
            my $ended     = $came_to->{ $lane->{name} }{$number};
            my $exchange  = $kind->{resumes} ? shape_of($kind, $passed) : $kind;
            # a busy machine may let the time run out before the answer came
            $exchange->{may_be_late} = !$passed->{cut} && $lane->{is_hasty};
            push @wrong, map { "$what $_" } judge($exchange, $passed, $ended, $received->{$reference} // []);
            $n{ $ended->{sqlstate} || 'accepted' }++;
            next if !$cut;
            $n_resumed++ if $exchange->{greeting} < ($kind->{full_greeting} // 0);
            # or before so many bytes came
            push @elsewhere, $what if !$passed->{cut} || $passed->{ $cut->{way} } != $cut->{after};
        }
    }
    my @early = grep { /^stall/ } @elsewhere;
    diag(sprintf '%s: %s; %d stalled before the byte', $kind->{name},
        join(', ', map { "$_: $n{$_}" } sort keys %n), scalar @early);
    is_deeply(\@wrong, [], "$kind->{name}: each is called what it is");
    cmp_ok($n{accepted}, '>=', @endings, "$kind->{name}: some came through whole");
    if ($kind->{resumes}) {
        my $n_cut = grep { $_ } map { @{ $_->{cases} } } @lanes;
        diag("$kind->{name}: $n_resumed of $n_cut had the handshake of a resumed session; "
              . @elsewhere . ' were not cut where planned');
        cmp_ok($n_resumed, '>', $n_cut / 5, "$kind->{name}: many resumed a session");
        return;
    }
    is_deeply([ grep { !/^stall/ } @elsewhere ], [], "$kind->{name}: each was cut where it should be");
    cmp_ok(scalar @early, '<', 1 + $n{'38F01'} / 4, "$kind->{name}: silence began where it should");
    return;
}

# --- a connection that was kept -------------------------------------------------

# The second order on a connection: cut after so many of its own bytes.  After what
# is as good as the whole answer, the connection would be kept once more.
sub choose_kept_cuts {
    my ($kind) = @_;
    my @cuts;
    for my $way (@ways) {
        my $end = $kind->{second}{$way} - ($way eq 'answer' ? 1 + $kind->{may_be_missing} : 0);
        for my $how (@endings) {
            my @positions = $how eq 'stall' ? 0 : (0, 1, $end - 1, $end);
            push @positions, int rand($end + 1) for 1 .. $n_kept / ($how eq 'stall' ? 4 : 1);
            push @cuts, map { { way => $way, after => $_, how => $how } } uniq(@positions);
        }
    }
    return shuffle @cuts;
}

# Submit two orders on a connection which is cut when the first one's exchange and
# so much of the second one's has passed; before the first byte, when that comes.
# Each has a lane of its own: libcurl connects once more for what it would send
# again, and that connection may come late.
sub run_kept_case {
    my ($lane, $cut) = @_;
    my $port   = $relay->open_lane($lane->{kind}{gateway}->address);
    my $change = sub { administer($lane->{session}, "ALTER SERVER $lane->{name} OPTIONS ($_[0])") };
    $change->(sprintf q{SET url '%s'}, $relay->address($port));
    $relay->plan($port, { %$cut, after => $lane->{kind}{ $cut->{way} } + $cut->{after},
        $cut->{after} == 0 ? (next => JSON::PP::true) : () });
    my $first  = submit_one($lane);
    my $second = $lane->{n_begun};
    $change->("ADD $hurry") if $cut->{how} eq 'stall';
    submit_one($lane);
    $change->('DROP timeout') if $cut->{how} eq 'stall';
    push @{ $lane->{cases} }, { %$cut, first => $first, second => $second, port => $port };
    return;
}

# judge_kept($lane): two assertions about all its orders.
sub judge_kept {
    my ($lane) = @_;
    my $kind = $lane->{kind};
    my ($came_to, $received) = collect($kind);
    my %second = (%{ $kind->{second} }, request_begins => 0, greeting => 0, may_be_missing => $kind->{may_be_missing});
    my (@wrong, @elsewhere, %n);
    for my $case (@{ $lane->{cases} }) {
        my $reference = reference_in($lane, $case->{second});
        my $what      = describe_cut($case, $reference);
        my ($passed)  = $relay->connections($case->{port});
        my %own       = map { $_ => $passed->{$_} - $kind->{$_} } @ways;
        my $ended     = $came_to->{ $lane->{name} }{ $case->{second} };
        push @wrong, "$what comes after one that ended with '$case->{first}'" if $case->{first} ne '';
        push @wrong, map { "$what $_" } judge(\%second, \%own, $ended, $received->{$reference} // []);
        push @elsewhere, $what if $case->{how} ne 'stall' && $own{ $case->{way} } != $case->{after};
        $n{ $ended->{sqlstate} || 'accepted' }++;
    }
    diag("$kind->{name}, kept: " . join ', ', map { "$_: $n{$_}" } sort keys %n);
    is_deeply(\@wrong, [], "$kind->{name}: the second on a connection is called what it is");
    is_deeply(\@elsewhere, [], "$kind->{name}: it was cut where it should be");
    return;
}

# --- all of it --------------------------------------------------------------------

my $tls = make_tls();
for my $kind (make_plain(), $tls, make_resumed($tls)) {
    my @lanes = plan_cuts($kind);
    run_lanes(@lanes);
    judge_lanes($kind, @lanes);

    my @kept = $kind->{resumes} ? () : open_lane($kind, 'k1', q{keepalive '60s'});
    for my $lane (@kept) {
        run_kept_case($lane, $_) for choose_kept_cuts($kind);
        judge_kept($lane);
    }

    # nobody is in a hurry to find out what became of the orders
    administer($_->{session}, "ALTER SERVER $_->{name} OPTIONS (DROP timeout)") for grep { $_->{is_hasty} } @lanes;
    for my $lane (@lanes, @kept) {
        is(run_in($lane->{session}, 'SELECT pg_backend_pid()')->{rows}, pid_of($lane->{session}),
            "$kind->{name}, $lane->{name}: the backend lives");
        $lane->{session}->quit;
    }
    decide_uncertain($node, $kind->{gateway}, name => $kind->{name}, database => $kind->{database});
    check_records($node, $kind->{gateway}, databases => [ $kind->{database} ]);
}
check_log($node);
$node->stop;
done_testing();
