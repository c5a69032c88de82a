# Personal number, token, BankID address and the rest of an order are nowhere in what
# fpgo emits: no field of an error, no line of the server log at its most talkative,
# no statistics, no view, no process title.  Orders are bound as parameters, so what
# PostgreSQL says of the statements themselves holds none either.

use strict;
use warnings;

use IO::Select;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

use FpgoMemory;
use FpgoProtocol;
use FpgoTest;
use FpgoTls;

my $BANK_ID = 'https://auth.example/canary-5c2e?state=canary-5c2e';
my $STREET  = 'Needle street 77';
my $secrets = qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E|canary-5c2e|\Q$STREET\E/;

# what a gateway may repeat of an order, and of itself
my %echo = (json => {
    message => "$PERSONAL_NUMBER, $TOKEN: see $BANK_ID",
    errors  => [ "order of $PERSONAL_NUMBER", { customer => "Bearer $TOKEN" }, "$BANK_ID!" ],
    data    => { orderUuid => undef, bankIdUrl => $BANK_ID } });

my $token_file = PostgreSQL::Test::Utils::tempdir() . '/token';
append_to_file($token_file, "$TOKEN\n");
chmod 0600, $token_file or die "$!\n";
my %account = (mapping => "token_file '$token_file'");

my $authority = FpgoTls->new;
my $secured   = FpgoGateway->start('--token', $TOKEN, $authority->serve_as('IP:127.0.0.1'));

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, %account, settings => q{
    shared_preload_libraries = 'fpgo,pg_stat_statements,auto_explain'
    fpgo.databases = 'resident'
    log_min_messages = debug5
    log_min_error_statement = debug5
    log_error_verbosity = verbose
    log_lock_waits = on
    deadlock_timeout = 100ms
    track_activities = on
    update_process_title = on
    compute_query_id = on
    pg_stat_statements.track = all
    pg_stat_statements.track_utility = on
    auto_explain.log_min_duration = 0
    auto_explain.log_nested_statements = on
    auto_explain.log_analyze = on
    } . join "\n", no_explained_parameters());
new_database($node, 'resident', url => $gateway->address, %account);

# --- watching ---------------------------------------------------------------------------------

# A process that looks at pg_stat_activity and at all process titles every ten
# milliseconds.  stop_sampler gives a hash: samples, seen (backend types), found.
sub start_sampler {
    my ($database) = @_;
    pipe my $end, my $end_it;
    pipe my $result, my $report;
    my $pid = fork // die "$!\n";
    if ($pid == 0) {
        close $end_it;
        my $sampled = eval { sample($database, $end) } // "0\n\n$@";
        print {$report} $sampled;
        close $report;
        POSIX::_exit(0);
    }
    close $report;
    return { pid => $pid, end_it => $end_it, result => $result };
}

sub sample {
    my ($database, $end) = @_;
    my $client  = FpgoProtocol->connect($node, database => $database, application_name => 'sampler');
    my %seen;
    my $found   = '';
    my $samples = 0;
    until (IO::Select->new($end)->can_read(0.01)) {
        for my $row (@{ $client->run('SELECT pid, backend_type, a::text FROM pg_stat_activity a')->{rows} }) {
            my ($pid, $type, $text) = @$row;
            my $title = eval { slurp_file("/proc/$pid/cmdline") } // '';
            $seen{ $type // '' }++;
            $found .= "$text\n$title\n" if "$text$title" =~ $secrets;
        }
        $samples++;
    }
    return join "\n", $samples, join(',', sort keys %seen), $found;
}

sub stop_sampler {
    my ($sampler) = @_;
    close $sampler->{end_it};
    my ($samples, $seen, @found) = split /\n/, do { local $/; readline $sampler->{result} };
    waitpid $sampler->{pid}, 0;
    return { samples => $samples, seen => $seen, found => join "\n", @found };
}

# hears($name, $client, $sqlstate, $sql, @parameters): assert how a statement ended
# and that no message that came with it holds a secret.
sub hears {
    my ($name, $client, $sqlstate, @statement) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ended_quietly($name, $client, $sqlstate, $client->run(@statement));
}

sub ended_quietly {
    my ($name, $client, $sqlstate, $ended) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($ended->{sqlstate}, $sqlstate, "$name: SQLSTATE '$sqlstate'") or diag $ended->{fields}{M};
    unlike($client->forget, $secrets, "$name: no message holds a secret");
    return $ended;
}

# --- what can happen to an order --------------------------------------------------------------

my $submit  = 'SELECT order_uuid FROM fpgo.submit_invoice($1)';
my $enqueue = 'SELECT fpgo.enqueue_invoice($1)';
my %needle  = ('customerDetails.address.street' => $STREET);

# What went wrong so far keeps no later order waiting.
sub calm {
    my ($database) = @_;
    $node->safe_psql($database, q{SELECT fpgo.release(hold, 'next case') FROM fpgo.holds; DELETE FROM fpgo_internal.allowance});
    return;
}

sub try_gateway {
    my ($client, $database) = @_;
    my $order = order(%needle);
    $gateway->misbehave({ data => { bankIdUrl => $BANK_ID } });
    is(hears('accepted', $client, '', 'SELECT bank_id_url FROM fpgo.submit_invoice($1)', $order)->{rows}[0][0],
        $BANK_ID, 'accepted: the caller has the BankID address');
    hears('the same again', $client, '', $submit, $order);
    hears('another of its key', $client, '23505', $submit, $order =~ s/Zahidul/Kari/r);
    $gateway->misbehave({ status => 417, json => { %{ $echo{json} }, status_code => 417 } });
    hears('refused', $client, '38F05', $submit, order(%needle));
    $order = order(%needle);
    $gateway->misbehave({ status => 500, %echo });
    hears('outcome unknown', $client, '38F01', $submit, $order);
    hears('and asked again', $client, '38F01', $submit, $order);
    $gateway->misbehave({ close_after_request => \1 });
    calm($database);
    hears('no answer', $client, '38F01', $submit, order(%needle));
    $gateway->misbehave({ status => 401, %echo });
    calm($database);
    hears('the credentials refused', $client, '38F03', $submit, order(%needle));
    $gateway->misbehave({ status => 429, headers => { 'Retry-After' => '1' }, %echo });
    hears('asked to slow down', $client, '38F04', $submit, order(%needle));
    calm($database);
    hears('out of reach', $client, '38F02', q{SELECT fpgo.submit_invoice($1, 'closed')}, order(%needle));
    hears('no token file', $client, '55000', q{SELECT fpgo.submit_invoice($1, 'filed')}, order(%needle));
    return;
}

sub try_bad_orders {
    my ($client) = @_;
    for my $path ('products', 'orderSummary.subTotal', 'orderDate', 'customerDetails.email',
        'customerDetails.personalNumber', 'customerDetails.organizationId', 'callback.success', $PERSONAL_NUMBER)
    {
        my $order = order(%needle, $path => "$PERSONAL_NUMBER$PERSONAL_NUMBER!");
        for my $function ('validate', 'advise') {
            my $said = $client->run("SELECT f::text FROM fpgo.$function(\$1) f", $order)->{rows};
            unlike(join("\n", map { @$_ } @$said), $secrets, "the number in $path: fpgo.$function is discreet");
        }
        hears("the number in $path", $client, '23514', $enqueue, $order)
          if $path =~ /products|subTotal|email|personalNumber|success/;
        hears("the number in $path, as a composite", $client, '22023', 'SELECT $1::jsonb::fpgo.invoice_order', $order)
          if $path =~ /products|subTotal|orderDate|^\d/;
    }
    for my $sql ($submit, $enqueue) {
        hears('no JSON', $client, '22P02', $sql, order(%needle) . $PERSONAL_NUMBER);
        hears('a number too large', $client, '22003', $sql, order(%needle) =~ s/"rate":40/"rate":1e999999/r);
        hears('no object', $client, '23514', $sql, '[' . order(%needle) . ']');
    }
    hears('a date that is none', $client, '22008', q{SELECT fpgo.to_jsonb(fpgo.make_order(
        NULL, fpgo.make_private_customer($1, $1, $1, $1, $1, NULL), order_date => 'infinity'))}, $PERSONAL_NUMBER);
    hears('a total too large', $client, '22003', 'SELECT fpgo.make_product($1, $2, $2, 25)', $PERSONAL_NUMBER, '1e99999');
    return;
}

# What its owner adds to fpgo's tables must not make PostgreSQL quote a row.
sub try_tables_with_rules_of_their_own {
    my ($client, $database) = @_;
    my @rules = (
        [ '23514', 'ALTER TABLE fpgo_internal.payload ADD CONSTRAINT more CHECK (length(payload) < 10) NOT VALID',
            'ALTER TABLE fpgo_internal.payload DROP CONSTRAINT more' ],
        [ '23514', q{ALTER TABLE fpgo_internal.submission ADD CONSTRAINT more CHECK (role = '') NOT VALID},
            'ALTER TABLE fpgo_internal.submission DROP CONSTRAINT more' ],
        [ '23505', q{DELETE FROM fpgo_internal.payload; CREATE UNIQUE INDEX more ON fpgo_internal.payload
            ((payload::jsonb -> 'customerDetails' -> 'address' ->> 'street'))}, 'DROP INDEX fpgo_internal.more' ],
        # of later rows alone: a deleted one is read while another process may still see it
        [ '22003', q{DO $$ BEGIN EXECUTE format('CREATE INDEX more ON fpgo_internal.payload
            (((payload::jsonb -> ''customerDetails'' ->> ''personalNumber'')::int)) WHERE submission > %s',
            (SELECT last_value FROM fpgo_internal.submission_id_seq)); END $$}, 'DROP INDEX fpgo_internal.more' ]);
    for my $rule (@rules) {
        my ($code, $add, $drop) = @$rule;
        $node->safe_psql($database, $add);
        # what stays queued is in the way of a unique index
        $client->run(q{SELECT fpgo.enqueue_invoice($1, 'closed')}, order(%needle));
        $client->forget;
        for my $sql ($submit, $enqueue) {
            my $ended = hears("a rule of the owner's", $client, $code, $sql, order(%needle));
            like($ended->{fields}{D}, qr/left out/, "a rule of the owner's: says what it left out");
        }
        $node->safe_psql($database, $drop);
    }
    return;
}

# The shop's own function fails with words of its own; what it returns is fpgo's.
sub try_trigger {
    my ($client, $database) = @_;
    $node->safe_psql($database, q{
        CREATE TABLE shop_order (doc jsonb);
        CREATE FUNCTION invoice_for(o shop_order) RETURNS jsonb LANGUAGE plpgsql AS $$
        BEGIN
            IF o.doc ? 'fail' THEN RAISE 'cannot map %', o.doc; END IF;
            RETURN o.doc;
        END $$;
        CREATE TRIGGER invoice AFTER INSERT ON shop_order
            FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for')});
    my $insert = 'INSERT INTO shop_order VALUES ($1)';
    hears('a row', $client, '', $insert, order(%needle));
    hears('a row whose order breaks a rule', $client, '23514', $insert, order(%needle, orderDate => undef));
    hears('a row without an order', $client, '23514', $insert, "[\"$PERSONAL_NUMBER\"]");
    like($client->run($insert, '{"fail": "the shop\'s own words"}')->{fields}{M},
        qr/own words/, 'a mapping function that fails: says what it says');
    $client->forget;
    # or its delivery would be what the gateway misbehaves to next
    wait_for('the delivery of what was queued', sub {
        $client->run(q{SELECT 1 FROM fpgo.submissions WHERE server = 'frontpayment' AND state = 'queued'})->{rows}[0] ? 0 : 1;
    }) if $database eq 'resident';
    return;
}

sub try_queue {
    my ($client) = @_;
    my $elsewhere = q{SELECT fpgo.enqueue_invoice($1, 'closed')};
    my $order     = order(%needle);
    hears('queued', $client, '', $elsewhere, $order);
    hears('queued twice', $client, '23505', $elsewhere, $order);
    $gateway->misbehave({ status => 417, json => { %{ $echo{json} }, status_code => 417 } });
    my $id = hears('queued, to be refused', $client, '', $enqueue, order(%needle))->{rows}[0][0];
    hears('delivered', $client, '', "CALL fpgo.deliver($id)");
    wait_for('its delivery', sub {
        $client->run("SELECT 1 FROM fpgo.submissions WHERE submission = $id AND state <> 'queued'")->{rows}[0];
    });
    my ($uncertain) =
      map { $_->[0] } @{ $client->run(q{SELECT submission FROM fpgo.submissions WHERE state = 'uncertain' LIMIT 1})->{rows} };
    hears('resolved', $client, '', qq{SELECT fpgo.resolve($uncertain, 'accepted', 'seen', 'ODR1', 'CSRT1', \$1)}, $BANK_ID);
    return;
}

# Two sessions that wait for each other, and waits that are cut short.
sub try_waits {
    my ($client, $database) = @_;
    my $other = FpgoProtocol->connect($node, database => $database, client_min_messages => 'debug5');
    my @orders = map { order(%needle) } 1 .. 2;
    for my $case ([ $client, 0 ], [ $other, 1 ]) {
        my ($who, $which) = @$case;
        $who->run('BEGIN');
        $who->run($enqueue, $orders[$which]);
    }
    $other->run($_) for 'SAVEPOINT s', q{SET LOCAL lock_timeout = '50ms'};
    hears('a wait for a key is cut', $other, '55P03', $enqueue, $orders[0]);
    $other->run($_) for 'ROLLBACK TO s', 'RELEASE s';
    $client->begin($enqueue, $orders[1]);
    $other->begin($enqueue, $orders[0]);
    my @ended = map { $_->finish } $client, $other;
    is(scalar(grep { $_->{sqlstate} eq '40P01' } @ended), 1, 'a deadlock is ended');
    unlike($_->forget, $secrets, 'a deadlock: no message holds a secret') for $client, $other;
    $_->run('ROLLBACK') for $client, $other;

    my ($order, $reference) = new_order(%needle);
    $gateway->misbehave({ delay_before => 3 });
    $client->begin($submit, $order);
    wait_for('the order on its way', sub {
        $other->run('SELECT 1 FROM fpgo.submissions WHERE reference = $1 AND state = $2', $reference, 'sending')->{rows}[0];
    });
    $other->run('SELECT pg_cancel_backend($1)', $client->pid);
    my $ended = ended_quietly('cancelled', $client, '57014', $client->finish);
    like($ended->{fields}{W}, qr/goes on/, 'cancelled: says what becomes of the order');
    $client->run(q{SET statement_timeout = '100ms'});
    $gateway->misbehave({ delay_before => 0.5 });
    hears('the time limit', $client, '57014', $submit, order(%needle));
    $client->run('RESET statement_timeout');
    $gateway->misbehave({ delay_before => 3 });
    ($order, $reference) = new_order(%needle);
    $other->begin($submit, $order);
    wait_for('the order on its way', sub {
        $client->run('SELECT 1 FROM fpgo.submissions WHERE reference = $1', $reference)->{rows}[0];
    });
    $client->run('SELECT pg_terminate_backend($1)', $other->pid);
    ended_quietly('terminated', $other, '57P01', $other->finish);
    return;
}

# --- where it is looked for -------------------------------------------------------------------

sub search_database {
    my ($client, $database) = @_;
    my $all = sub { return join "\n", map { join '|', map { $_ // '' } @$_ } @{ $client->run(@_)->{rows} } };
    $client->run(q{SELECT fpgo.enqueue_invoice($1, 'closed')}, order(%needle)) for 1 .. 3;
    $node->safe_psql($database, 'ANALYZE');
    cmp_ok($all->(q{SELECT count(*) FROM fpgo_internal.payload}), '>', 0, 'payloads are kept while they are needed');
    unlike($all->(q{SELECT s::text FROM pg_stats s WHERE schemaname LIKE 'fpgo%'}), $secrets,
        'what ANALYZE samples holds no secret');
    for my $role ('NONE', 'shop', 'reporter') {
        $client->run("SET ROLE $role");
        for my $view (split /\n/, $all->(q{SELECT c.oid::regclass FROM pg_class c
            WHERE relkind = 'v' AND relnamespace = 'fpgo'::regnamespace}))
        {
            my $rows = $client->run("SELECT v::text FROM $view v");
            is($rows->{sqlstate}, '', "$view is there for $role");
            unlike(join("\n", map { @$_ } @{ $rows->{rows} }), $secrets, "$view as $role: no secret");
        }
        $client->run('RESET ROLE');
    }
    like($all->('SELECT count(*) FROM fpgo.attempts'), qr/^\d{2}/, 'there are attempts to look at');
    for my $table ('attempt', 'event') {
        unlike($all->("SELECT t::text FROM fpgo_internal.$table t"), $secrets, "table $table: no secret");
    }
    unlike($all->(q{SELECT to_jsonb(t) - 'bank_id_url' FROM fpgo_internal.submission t}), $secrets,
        'table submission: no secret but the BankID address');
    return;
}

# After a few orders, one of them over TLS, the token is in no memory of the process
# that sent them, which waits for the next, nor of the session.  What a gateway repeats
# in its answers is not looked for: json-c does not wipe what it read.
sub search_memory {
    my ($client, $what) = @_;
    hears('an order', $client, '', $submit, order(%needle)) for 1 .. 3;
    hears('an order over TLS', $client, '', q{SELECT fpgo.submit_invoice($1, 'secured')}, order(%needle));
    $gateway->misbehave({ status => 417 }, { status => 401 });
    hears('one that is refused', $client, '38F05', $submit, order(%needle));
    hears('one without credentials', $client, '38F03', $submit, order(%needle));
    hears('one that is not valid', $client, '23514', $submit, order(%needle, orderDate => undef));
    my $sender = $client->run(q{SELECT pid FROM pg_stat_activity
        WHERE backend_type = $1 AND datname = current_database() AND application_name <> 'fpgo launcher'}, $what)
      ->{rows}[0][0];
    for my $case ([ $what, $sender ], [ 'caller', $client->pid ]) {
        my ($who, $pid) = @$case;
        is(count_in_memory($pid, $TOKEN), 0, "the token is nowhere in the memory of the $who");
    }
    return;
}

# --- the whole --------------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE shop; CREATE ROLE reporter; GRANT pg_read_all_data, pg_monitor TO reporter;
    CREATE EXTENSION pg_stat_statements');
for my $case ([ 'postgres', 'fpgo helper' ], [ 'resident', 'fpgo worker' ]) {
    my ($database, $sends) = @$case;
    $node->safe_psql($database, qq{
        CREATE SERVER closed FOREIGN DATA WRAPPER fpgo OPTIONS (url '} . closed_address() . qq{');
        CREATE USER MAPPING FOR PUBLIC SERVER closed OPTIONS (token_file '$token_file');
        CREATE SERVER filed FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1');
        CREATE SERVER secured FOREIGN DATA WRAPPER fpgo
            OPTIONS (url '} . $secured->address . q{', ca_file '} . $authority->file . qq{');
        CREATE USER MAPPING FOR PUBLIC SERVER secured OPTIONS (token_file '$token_file');
        CREATE USER MAPPING FOR PUBLIC SERVER filed OPTIONS (token_file '/nowhere/token')});
    my $sampler = start_sampler($database);
    my $client  = FpgoProtocol->connect($node, database => $database, client_min_messages => 'debug5');
    wait_for('the resident worker', sub { $client->run('SELECT pid FROM fpgo.worker()')->{rows}[0][0] })
      if $database eq 'resident';
    note("--- $database");
    search_memory($client, $sends);
    try_gateway($client, $database);
    try_bad_orders($client);
    calm($database);
    try_queue($client);
    calm($database);
    try_trigger($client, $database);
    try_tables_with_rules_of_their_own($client, $database);
    try_waits($client, $database);
    hears('and all is well', $client, '', $submit, order(%needle));
    search_database($client, $database);
    my $sampled = stop_sampler($sampler);
    note("$sampled->{samples} samples of $sampled->{seen}");
    cmp_ok($sampled->{samples}, '>', 10, 'pg_stat_activity and process titles were looked at often');
    like($sampled->{seen}, qr/\Q$sends\E/, "and the $sends was seen");
    is($sampled->{found}, '', 'no secret in pg_stat_activity or in a process title');
}

my $statements = $node->safe_psql('postgres', 'SELECT query FROM pg_stat_statements');
like($statements, qr/INSERT INTO fpgo_internal\.payload/, 'pg_stat_statements has what fpgo runs');
unlike($statements, $secrets, 'and no secret');

# the one notification there is: of a callback
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (ADD callback_secret 's3cret')});
my $notified = $node->safe_psql('postgres', q{
    LISTEN fpgo_order_status;
    SELECT r.outcome FROM (SELECT max(order_uuid) AS u FROM fpgo.submissions WHERE server = 'frontpayment') s,
        fpgo.receive_callback(format('orderUuid=%s&status=PAID&timestamp=1&checksum=%s', u,
            encode(sha256(convert_to(u || 'PAID1s3cret', 'UTF8')), 'hex'))) r});
like($notified, qr/^stale\nAsynchronous .* with payload "\{"submission": \d+, "order_uuid": "\w+", "status": "PAID"\}" received/,
    'a notification has the submission, the uuid of the order and its status');

my $log = slurp_file($node->logfile);
like($log, qr/^.*DEBUG: +00000: /m, 'the log is as talkative as it can be');
like($log, qr/STATEMENT: +SELECT order_uuid FROM fpgo\.submit_invoice\(\$1\)/, 'with statements');
like($log, qr/Query Text: INSERT INTO fpgo_internal/, 'and plans of nested ones');
unlike($log, $secrets, 'no secret in the log');
check_log($node);
$node->stop;
done_testing();
