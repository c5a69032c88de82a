package FpgoTest;

# What every TAP test of fpgo begins with: a server with fpgo in it, orders,
# and a way to submit them and see what came of it.
#
#     use FpgoTest;
#     my $gateway = FpgoGateway->start('--token', $TOKEN);
#     my $node = new_cluster('main', url => $gateway->address);
#     my $session = open_session($node);
#     is(submit($session, order())->{sqlstate}, '', 'accepted');

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More ();
use Time::HiRes;

use FpgoGateway;

our @EXPORT = qw($PERSONAL_NUMBER $TOKEN administer begin_in begin_submit
  check_log closed_address closed_port ends enqueue_sql find_helper finish_in
  finish_within forget_slow_down has_ended install_in large_order literal major_version new_cluster new_database
  new_order no_explained_parameters open_session order parallel_setting pid_of
  reference_of release_holds run_in submit submit_sql transaction_of wait_for wait_for_lock
  wait_for_order);

# Secrets of no other meaning: test/check looks for them in the server logs.
our $PERSONAL_NUMBER = '27818299901';
our $TOKEN           = 'canary-token-7d1f';

# No statement of these tests takes nearly as long, even on a busy machine.
my $statement_limit_s = 180;

my $test_dir = dirname(__FILE__) . '/..';
my $json     = JSON::PP->new->canonical;

# new_cluster($name, url => $address, %more): a started PostgreSQL with fpgo,
# the server "frontpayment" at that address and a mapping with $TOKEN for
# everybody.  More: options => SQL for further server options ("timeout '5'"),
# mapping => SQL for other mapping options, settings => lines for
# postgresql.conf, init => list for PostgreSQL::Test::Cluster's init.
sub new_cluster {
    my ($name, %wish) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init(@{ $wish{init} // [] });
    $node->append_conf('postgresql.conf', slurp_file("$test_dir/lib/server.conf"));
    $node->append_conf('postgresql.conf', $wish{settings} // '');
    $node->start;
    install_in($node, 'postgres', %wish);
    return $node;
}

# new_database($node, $name, url => $address, %more): another database of it with
# the same in it.  More: options and mapping, as for new_cluster.
sub new_database {
    my ($node, $name, %wish) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $name");
    install_in($node, $name, %wish);
    return;
}

# install_in($node, $database, url => $address, %more): the same in a database that
# is there.  More: options and mapping, as for new_cluster.
sub install_in {
    my ($node, $database, %wish) = @_;
    my $mapping = $wish{mapping} // "token '$TOKEN'";
    my $options = join ', ', "url '$wish{url}'", $wish{options} // ();
    $node->safe_psql($database, qq{
        CREATE EXTENSION fpgo;
        CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS ($options);
        CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS ($mapping)});
    return;
}

# PostgreSQL's, such as 15.
sub major_version {
    my ($version) = `$ENV{PG_CONFIG} --version` =~ /^PostgreSQL (\d+)/ or die "no version of PostgreSQL\n";
    return $version;
}

# The setting that has a parallel worker run what could run without; 16 renamed it.
sub parallel_setting { return major_version() < 16 ? 'force_parallel_mode' : 'debug_parallel_query'; }

# The settings with which auto_explain logs no parameters of its own: up to 15 there
# are none.
sub no_explained_parameters { return major_version() < 16 ? () : ('auto_explain.log_parameter_max_length = 0'); }

# open_session($node, %more): a psql that stays connected, errors or not.  More:
# database => if not postgres, user => if not who owns the cluster.
sub open_session {
    my ($node, %wish) = @_;
    my $session = $node->background_psql(
        $wish{database} // 'postgres',
        on_error_stop => 0,
        timeout       => $statement_limit_s,
        extra_params  => [ defined $wish{user} ? ('-U', $wish{user}) : () ]);
    $session->{node} = $node;
    $session->{pid}  = run_in($session, "\\set VERBOSITY verbose\nSELECT pg_backend_pid()")->{rows};
    return $session;
}

# pid_of($session): the server's process for a session of open_session's.
sub pid_of { return $_[0]{pid}; }

# administer($admin, $sql): the rows of a statement that is there to arrange or
# to look up something; dies if it fails.  $admin is a session, or a node: then
# the statement has a session of its own, whatever became of those before it.
sub administer {
    my ($admin, $sql) = @_;
    return $admin->safe_psql('postgres', $sql) if $admin->isa('PostgreSQL::Test::Cluster');
    my $ended = run_in($admin, $sql);
    die "$sql: $ended->{said}" if $ended->{sqlstate};
    return $ended->{rows};
}

# release_holds($admin): lift all holds, so that what went wrong so far keeps no
# order of the next case from being sent.
sub release_holds { return administer($_[0], q{SELECT fpgo.release(hold, 'next case') FROM fpgo.holds}); }

# find_helper($admin): the process of the one helper there is, '' without one.
sub find_helper {
    my ($admin) = @_;
    return administer($admin, q{SELECT max(pid) FROM pg_stat_activity WHERE backend_type = 'fpgo helper'});
}

# transaction_of($admin, $pid): the transaction, or else the snapshot, that a
# process holds; 'none' if it holds neither.
sub transaction_of {
    my ($admin, $pid) = @_;
    return administer($admin, qq{SELECT coalesce(backend_xid::text, backend_xmin::text, 'none')
        FROM pg_stat_activity WHERE pid = $pid});
}

# forget_slow_down($admin): nobody heeds any more what the gateway said about how
# many requests it takes, and when it wants the next one.
sub forget_slow_down {
    my ($admin) = @_;
    administer($admin, 'DELETE FROM fpgo_internal.allowance');
    return;
}

# run_in($session, $sql): a hash of what a statement came to: rows (text,
# unaligned), sqlstate ('' if it succeeded), message, detail, hint, context, and
# seconds.  Of several statements the first error counts.
sub run_in {
    my ($session, $sql) = @_;
    begin_in($session, $sql);
    return finish_in($session);
}

# begin_in($session, $sql): the same in two halves, for statements that wait:
# begin_in sends it and returns at once, finish_in waits for its end.  A statement
# that is hung up makes finish_in die; how long a session lives is not limited.
sub begin_in {
    my ($session, $sql) = @_;
    my $mark = sprintf 'statement %d ended', ++$session->{n_statements};
    Test::More::note($sql);
    $session->{began} = Time::HiRes::time();
    $session->{mark}  = $mark;
    $session->{timeout}->start;
    $session->{stdin} .= "$sql\n;\n\\echo '$mark'\n\\warn '$mark'\n";
    _pump($session, 'pump_nb');
    return;
}

# Has the statement that begin_in began ended?  Does not wait.
sub has_ended {
    my ($session) = @_;
    return !_pump($session, 'pump_nb') || _is_marked($session);
}

sub finish_in {
    my ($session) = @_;
    my $mark      = qr/\n?\Q$session->{mark}\E\n/;
    1 until _is_marked($session) or !_pump($session, 'pump');
    $session->{timeout}->reset;
    my ($rows, $said) = @{$session}{qw(stdout stderr)};
    @{$session}{qw(stdout stderr)} = ('', '');
    s/$mark// for $rows, $said;
    Test::More::note("$rows\n$said");
    my %ended = (rows => $rows, said => $said, seconds => Time::HiRes::time() - $session->{began});
    @ended{qw(sqlstate message)} =
      $said =~ /^(?:psql:\S+ )?(?:ERROR|FATAL): +(\w{5}): (.*)$/m ? ($1, $2) : ('', '');
    # a session that ended without a word
    $ended{sqlstate} ||= '08006' if $said =~ /server closed the connection|connection to server/;
    for my $field (qw(DETAIL HINT CONTEXT)) {
        ($ended{ lc $field }) =
          $said =~ /^$field: +(.*?)(?=^(?:DETAIL|HINT|CONTEXT|LOCATION|SCHEMA NAME): |\z)/ms;
        $ended{ lc $field } //= '';
    }
    return \%ended;
}

# finish_within($name, $session, $seconds[, $rescue]): finish_in, for a statement
# that may be hung up: asserts that it ends within the time.  If it does not,
# $rescue is called to let it end; without one its process is terminated.
sub finish_within {
    my ($name, $session, $seconds, $rescue) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($node, $pid) = @{$session}{qw(node pid)};
    my $in_time = eval { wait_for('the statement to end', sub { has_ended($session) }, $seconds) };
    if (!Test::More::ok($in_time, "$name: ends within $seconds s")) {
        Test::More::diag('it waits for ' . administer($node,
            "SELECT coalesce(wait_event, 'nothing') FROM pg_stat_activity WHERE pid = $pid"));
        $rescue ? $rescue->() : administer($node, "SELECT pg_terminate_backend($pid)");
    }
    return finish_in($session);
}

# Has psql said all that the statement gave, on both of its streams?
sub _is_marked {
    my ($session) = @_;
    return 2 == grep { /\Q$session->{mark}\E\n/ } @{$session}{qw(stdout stderr)};
}

# Exchange bytes with psql; false if it has ended.
sub _pump {
    my ($session, $how) = @_;
    my $goes_on = eval { $session->{run}->pumpable && $session->{run}->$how };
    die sprintf("a statement did not end within %d s\n", $session->{timeout}->interval)
      if $session->{timeout}->is_expired;
    return $goes_on;
}

# ends($name, $ended, $sqlstate[, $pattern]): assert how a statement ended, what
# it said, and that an error gives no secret away; returns $ended.
sub ends {
    my ($name, $ended, $sqlstate, $pattern) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::is($ended->{sqlstate}, $sqlstate, "$name: SQLSTATE '$sqlstate'")
      or Test::More::diag($ended->{said});
    Test::More::like($ended->{said}, $pattern, "$name: says so") if $pattern;
    Test::More::unlike($ended->{said}, qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E|bankid/i, "$name: no secret")
      if $sqlstate;
    return $ended;
}

# check_log($node): assert that the server logged no secret and no crash.
sub check_log {
    my ($node) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $log = slurp_file($node->logfile);
    Test::More::unlike($log, qr/\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E/, 'no secret in the log');
    Test::More::unlike($log, qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
    return;
}

# wait_for($what, $code[, $seconds]): poll until $code returns true, and return
# that; dies if it does not within the time (60 s).
sub wait_for {
    my ($what, $code, $seconds) = @_;
    my $ends = Time::HiRes::time() + ($seconds // 60);
    my $result;
    until ($result = $code->()) {
        die "waited in vain for: $what\n" if Time::HiRes::time() > $ends;
        Time::HiRes::sleep(0.01);
    }
    return $result;
}

# wait_for_order($gateway, $reference[, $seconds]): until the gateway received an
# order with that referenceNo.
sub wait_for_order {
    my ($gateway, $reference, $seconds) = @_;
    return wait_for("order $reference at the gateway", sub { $gateway->received($reference) }, $seconds);
}

# wait_for_lock($session): until its statement waits for a lock.
sub wait_for_lock {
    my ($session) = @_;
    return wait_for("process $session->{pid} to wait for a lock", sub {
        administer($session->{node}, qq{SELECT count(*) FROM pg_stat_activity
            WHERE pid = $session->{pid} AND wait_event_type = 'Lock'});
    });
}

# submit($session, $order): run_in for the submission of an order; on success
# order_uuid, customer_uuid and bank_id_url are there as well.
sub submit {
    my ($session, $order) = @_;
    my $ended = run_in($session, submit_sql($order));
    @{$ended}{qw(order_uuid customer_uuid bank_id_url)} = split /\|/, $ended->{rows};
    return $ended;
}

# begin_submit($session, $order): the first half of it; finish_in is the second.
sub begin_submit {
    my ($session, $order) = @_;
    begin_in($session, submit_sql($order));
    return;
}

# The statement that submits an order given as JSON text; more: further
# arguments in SQL.
sub submit_sql {
    my ($order, @more) = @_;
    return 'SELECT * FROM fpgo.submit_invoice(' . join(', ', literal($order), @more) . ')';
}

# The statement that enqueues it.
sub enqueue_sql {
    my ($order, @more) = @_;
    return 'SELECT fpgo.enqueue_invoice(' . join(', ', literal($order), @more) . ')';
}

# A text as SQL has it.
sub literal {
    my ($text) = @_;
    return "\$text\$$text\$text\$";
}

# order(%changes): the API page's example order as JSON text, with the canary
# as its personal number and a referenceNo and a date of its own.  A change names a member
# by its path ('customerDetails.name' => 'Kari'); undef takes it away.
my $orders = 0;

sub order {
    my (%changes) = @_;
    my $order = decode_json(slurp_file("$test_dir/corpus/example-order.json"));
    $changes{'customerDetails.personalNumber'} //= $PERSONAL_NUMBER;
    $changes{referenceNo} = sprintf 'T%d-%d', $$, ++$orders
      unless exists $changes{referenceNo};
    $changes{orderDate} = '' . ($order->{orderDate} + $orders) unless exists $changes{orderDate};
    for my $path (keys %changes) {
        my @names  = split /\./, $path;
        my $last   = pop @names;
        my $parent = $order;
        $parent = $parent->{$_} for @names;
        if (defined $changes{$path}) { $parent->{$last} = $changes{$path}; }
        else                         { delete $parent->{$last}; }
    }
    return $json->encode($order);
}

# The referenceNo of an order given as JSON text.
sub reference_of { return $json->decode($_[0])->{referenceNo}; }

# new_order(%changes): such an order and its referenceNo.
sub new_order {
    my $order = order(@_);
    return ($order, reference_of($order));
}

# large_order($n, %changes): an order with the first of its products $n times,
# each of another name.
sub large_order {
    my ($n, %changes) = @_;
    my $order   = $json->decode(order(%changes));
    my $product = $order->{products}[0];
    $order->{products} = [ map { { %$product, name => "Router $_" } } 1 .. $n ];
    return $json->encode($order);
}

# An address to give to CREATE SERVER at which nobody answers.
sub closed_address { return 'http://127.0.0.1:' . closed_port() . '/api/v1'; }

# A port of loopback on which nothing listens.
sub closed_port {
    require IO::Socket::INET;
    my $socket = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'tcp')
      or die "no port to be had: $!\n";
    return $socket->sockport;
}

1;
