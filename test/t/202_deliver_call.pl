# CALL fpgo.deliver(): where it may be called, as whom it sends, who the session
# is afterwards, and what a cancel, a timeout or a termination leaves behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, options => q{timeout '20s'});
my $session = open_session($node);
my $admin   = open_session($node);
my $records = FpgoRecords->new($admin, $gateway);

# enqueue_as($role): an order queued by a role; returns the submission.
sub enqueue_as {
    my ($role) = @_;
    administer($admin, "SET ROLE $role");
    my $submission = $records->enqueue($admin);
    administer($admin, 'RESET ROLE');
    return $submission;
}

administer($admin, q{
    CREATE ROLE shop;
    CREATE ROLE cashier LOGIN;
    CREATE ROLE postman LOGIN;
    GRANT shop TO cashier, postman;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO shop, cashier;
    GRANT EXECUTE ON PROCEDURE fpgo.deliver(bigint) TO shop});

# --- where it may be called -----------------------------------------------------------

administer($admin, q{
    CREATE PROCEDURE at_top_level() LANGUAGE plpgsql AS 'BEGIN CALL fpgo.deliver(); END';
    CREATE PROCEDURE one_more_level() LANGUAGE plpgsql AS 'BEGIN CALL at_top_level(); END';
    CREATE PROCEDURE as_definer() LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN CALL fpgo.deliver(); END';
    CREATE PROCEDURE from_definer() LANGUAGE plpgsql AS 'BEGIN CALL as_definer(); END';
    CREATE PROCEDURE with_set() LANGUAGE plpgsql SET work_mem = '4MB' AS 'BEGIN CALL fpgo.deliver(); END';
    CREATE FUNCTION in_function() RETURNS void LANGUAGE plpgsql AS 'BEGIN CALL fpgo.deliver(); END';
    CREATE PROCEDURE in_block() LANGUAGE plpgsql AS
        'BEGIN CALL fpgo.deliver(); EXCEPTION WHEN division_by_zero THEN NULL; END';
    CREATE PROCEDURE in_loop() LANGUAGE plpgsql AS
        'DECLARE n int; BEGIN FOR n IN SELECT generate_series(1, 2) LOOP CALL fpgo.deliver(); END LOOP; END'});

for my $case (
    [ 'a transaction block'              => 'BEGIN; CALL fpgo.deliver()' ],
    [ 'AUTOCOMMIT off'                   => "\\set AUTOCOMMIT off\nCALL fpgo.deliver()" ],
    [ 'a function'                       => 'SELECT in_function()' ],
    [ 'a procedure, SECURITY DEFINER'    => 'CALL as_definer()' ],
    [ 'a procedure with SET'             => 'CALL with_set()' ],
    [ 'a procedure that calls such a one' => 'CALL from_definer()' ],
    [ 'a procedure in a transaction block' => 'BEGIN; CALL at_top_level()' ],
    [ 'a DO block in a transaction block' => 'BEGIN; DO $$ BEGIN CALL fpgo.deliver(); END $$' ],
    [ 'a block with EXCEPTION'           => 'CALL in_block()' ]) {
    my ($name, $sql) = @$case;
    my $submission = enqueue_as('postgres');
    ends("in $name", run_in($session, $sql), '25001', qr/HINT: .*CALL fpgo\.deliver\(\)/);
    run_in($session, "ROLLBACK;\n\\set AUTOCOMMIT on\n");
    $records->show("in $name", $submission, 'queued', received => 0);
    administer($admin, "SELECT fpgo.cancel_submission($submission->{id}, 'test')");
}
for my $case (
    [ 'at top level'                    => 'CALL fpgo.deliver()' ],
    [ 'a procedure'                     => 'CALL at_top_level()' ],
    [ 'a procedure within a procedure'  => 'CALL one_more_level()' ],
    [ 'a loop over a query'             => 'CALL in_loop()' ],
    [ 'a DO block'                      => 'DO $$ BEGIN CALL fpgo.deliver(); END $$' ]) {
    my ($name, $sql) = @$case;
    my $submission = enqueue_as('postgres');
    ends("in $name", run_in($session, $sql), '');
    $records->show("in $name", $submission, 'accepted', received => 1);
}

# --- orders whose payloads do not fit into a row ----------------------------------------

for my $n_products (100, 500, 5000) {
    my $order     = large_order($n_products);
    my $reference = reference_of($order);
    run_in($session, 'SELECT fpgo.enqueue_invoice(' . literal($order) . '::jsonb)');
    ends("an order of $n_products products", run_in($session, 'CALL fpgo.deliver()'), '');
    $records->show("an order of $n_products products", $reference, 'accepted', received => 1);
}
run_in($session, 'SET default_transaction_read_only = on');
ends('read-only', run_in($session, 'CALL fpgo.deliver()'), '55000', qr/read-only/);
run_in($session, 'RESET default_transaction_read_only');

# --- who may deliver, and who one is afterwards -------------------------------------------

my $postman = open_session($node);
run_in($postman, 'SET SESSION AUTHORIZATION postman');
run_in($postman, 'SET ROLE none');
administer($admin, 'REVOKE shop FROM postman');
ends('without EXECUTE', run_in($postman, 'CALL fpgo.deliver()'), '42501');
administer($admin, 'GRANT shop TO postman');

# Who a session is, by all that tells it.
sub identity {
    my ($in) = @_;
    return run_in($in, q{
        SELECT concat_ws('/', session_user, current_user, current_setting('role'), current_setting('search_path'),
            has_schema_privilege('fpgo_internal', 'USAGE'))})->{rows};
}

# is_itself($name, $in, $before): the session is who it was, with no more rights.
sub is_itself {
    my ($name, $in, $before) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(identity($in), $before, "$name: the session is who it was");
    my $ended = run_in($in, 'SELECT count(*) FROM fpgo_internal.submission');
    is($ended->{sqlstate}, '42501', "$name: with no right on the records");
    return;
}

run_in($postman, 'SET ROLE shop; SET search_path = pg_temp, public');
my $before = identity($postman);
like($before, qr{^postman/shop/shop/pg_temp, public/f}, 'the postman is shop');
my $pid = pid_of($postman);

{
    my $submission = enqueue_as('cashier');
    ends('as shop', run_in($postman, 'CALL fpgo.deliver()'), '');
    $records->show('as shop', $submission, 'accepted', received => 1);
    is_itself('after success', $postman, $before);
}
{
    ends('one that does not exist', run_in($postman, 'CALL fpgo.deliver(999999999)'), '42704');
    is_itself('after an error', $postman, $before);
}
for my $how ('cancel', 'statement_timeout', 'lock_timeout') {
    # before anything is claimed: the records are locked
    my $submission = enqueue_as('cashier');
    run_in($admin, 'BEGIN; LOCK TABLE fpgo_internal.submission IN ACCESS EXCLUSIVE MODE');
    run_in($postman, "SET $how = '200ms'") if $how ne 'cancel';
    begin_in($postman, 'CALL fpgo.deliver()');
    if ($how eq 'cancel') {
        wait_for_lock($postman);
        administer($admin, "SELECT pg_cancel_backend($pid)");
    }
    ends("$how before claiming", finish_in($postman), $how eq 'lock_timeout' ? '55P03' : '57014');
    run_in($admin, 'ROLLBACK');
    run_in($postman, "RESET $how") if $how ne 'cancel';
    is_itself("after $how before claiming", $postman, $before);
    $records->show("$how before claiming", $submission, 'queued', received => 0);
    administer($admin, "SELECT fpgo.cancel_submission($submission->{id}, 'test')");
}
administer($admin, q{ALTER SERVER frontpayment OPTIONS (ADD concurrency '2')});
for my $how ('cancel', 'statement_timeout') {
    # while requests are under way: they are drained, and no more is claimed
    my @submissions = map { enqueue_as('cashier') } 1 .. 4;
    $gateway->misbehave({ requests => 2, delay => 1 });
    run_in($postman, "SET statement_timeout = '400ms'") if $how ne 'cancel';
    begin_in($postman, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $_->{reference}) for @submissions[0, 1];
    administer($admin, "SELECT pg_cancel_backend($pid)") if $how eq 'cancel';
    my $ended = ends("$how in flight", finish_in($postman), '57014');
    cmp_ok($ended->{seconds}, '<', 4.5, "$how in flight: ends within the grace time");
    run_in($postman, 'RESET statement_timeout');
    is_itself("after $how in flight", $postman, $before);
    $records->show("$how in flight, drained", $_, 'accepted', received => 1) for @submissions[0, 1];
    $records->show("$how in flight, not claimed", $_, 'queued', received => 0) for @submissions[2, 3];
    ends("after $how in flight", run_in($postman, 'CALL fpgo.deliver()'), '');
    $records->show("after $how in flight", $_, 'accepted', received => 1) for @submissions;
}
{
    # a gateway that needs longer than the grace time
    my $submission = enqueue_as('cashier');
    $gateway->misbehave({ stall => \1 });
    begin_in($postman, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $submission->{reference});
    my $began = time;
    administer($admin, "SELECT pg_cancel_backend($pid)");
    ends('no answer within the grace time', finish_in($postman), '57014');
    diag(sprintf 'a cancelled delivery without an answer took %.1f s', time - $began);
    cmp_ok(time - $began, '<', 4.8, 'no answer within the grace time: given up');
    is_itself('after the grace time', $postman, $before);
    $records->show('no answer within the grace time', $submission, 'uncertain', received => 1);
}
{
    my @submissions = map { enqueue_as('cashier') } 1 .. 3;
    $gateway->misbehave({ requests => 2, delay => 0.5 });
    begin_in($postman, 'CALL fpgo.deliver()');
    wait_for_order($gateway, $_->{reference}) for @submissions[0, 1];
    administer($admin, "SELECT pg_terminate_backend($pid)");
    ends('terminated in flight', finish_in($postman), '57P01');
    $records->show('terminated in flight, drained', $_, 'accepted', received => 1) for @submissions[0, 1];
    $records->show('terminated in flight, not claimed', $submissions[2], 'queued', received => 0);
    eval { $postman->quit };
    ends('after the termination', run_in($session, 'CALL fpgo.deliver()'), '');
    $records->show('after the termination', $submissions[2], 'accepted', received => 1);
}
{
    # deliverers that are cancelled again and again, whatever they are doing
    my @deliverers  = map { open_session($node) } 1 .. 3;
    my @submissions = map { enqueue_as('cashier') } 1 .. 40;
    my (@changed, %seen);
    $gateway->misbehave({ requests => 40, delay => 0.03 });
    run_in($_, 'SET SESSION AUTHORIZATION postman; SET ROLE shop; SET search_path = pg_temp, public') for @deliverers;
    for my $round (1 .. 60) {
        run_in($deliverers[$_], 'SET statement_timeout = ' . (1 + ($round * 7 + $_ * 5) % 40)) for 0 .. 2;
        begin_in($_, 'CALL fpgo.deliver()') for @deliverers;
        $seen{ finish_in($_)->{sqlstate} || 'success' }++ for @deliverers;
        run_in($_, 'RESET statement_timeout') for @deliverers;
        push @changed, grep { $_ ne $before } map { identity($_) } @deliverers;
        last unless $records->count_in_state('queued');
    }
    is_deeply([ grep { !/^(?:success|57014)$/ } keys %seen ], [], 'cancelled again and again: nothing else goes wrong');
    is_deeply(\@changed, [], 'cancelled again and again: the sessions are who they were');
    my @sent_once =
      grep { $records->state_of($_) eq 'accepted' && $gateway->received($_->{reference}) == 1 } @submissions;
    is(scalar @sent_once, 40, 'cancelled again and again: each order is sent once');
    diag('cancelled again and again: ' . join(', ', map { "$_ $seen{$_} times" } sort keys %seen));
    $_->quit for @deliverers;
}
administer($admin, q{ALTER SERVER frontpayment OPTIONS (DROP concurrency)});

# --- as whom it sends -----------------------------------------------------------------

# what must be wrong for a submission to wait, and what mends it
for my $case (
    [   'USAGE was revoked',
        'REVOKE USAGE ON FOREIGN SERVER frontpayment FROM cashier, shop',
        'GRANT USAGE ON FOREIGN SERVER frontpayment TO cashier, shop', qr/permission denied/ ],
    [   'the mapping was dropped',
        'DROP USER MAPPING FOR PUBLIC SERVER frontpayment',
        "CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '$TOKEN')", qr/mapping/ ],
    [   'the role was renamed', 'ALTER ROLE cashier RENAME TO clerk',
        'ALTER ROLE clerk RENAME TO cashier', qr/role "cashier" does not exist/ ]) {
    my ($name, $break, $mend, $reason) = @$case;
    my $submission = enqueue_as('cashier');
    administer($admin, $break);
    run_in($session, q{SET statement_timeout = '5s'});
    ends($name, run_in($session, 'CALL fpgo.deliver()'), '');
    $records->show($name, $submission, 'queued', received => 0);
    like(administer($admin, "SELECT last_error FROM fpgo.submissions WHERE submission = $submission->{id}"), $reason, "$name: the reason is on record");
    is($records->column_of($submission, 'not_before IS NULL'), 't', "$name: is due once that is mended");
    ends("$name, by its number", run_in($session, "CALL fpgo.deliver($submission->{id})"), '');
    cmp_ok($records->column_of($submission, 'attempts'), '<=', 2, "$name, by its number: one more attempt");
    run_in($session, q{SET statement_timeout = '50ms'});
    ends("$name: the session can be cancelled afterwards", run_in($session, 'SELECT pg_sleep(3)'), '57014');
    run_in($session, 'RESET statement_timeout');
    administer($admin, $mend);
    ends("$name, and mended", run_in($session, "CALL fpgo.deliver($submission->{id})"), '');
    $records->show("$name, and mended", $submission, 'accepted', received => 1);
}
{
    # a role of its own mapping, with a token that the gateway does not know
    administer($admin, q{
        CREATE ROLE stranger;
        GRANT USAGE ON FOREIGN SERVER frontpayment TO stranger;
        CREATE USER MAPPING FOR stranger SERVER frontpayment OPTIONS (token 'not-the-token')});
    my $ours   = enqueue_as('cashier');
    my $theirs = enqueue_as('stranger');
    ends('two roles', run_in($session, 'CALL fpgo.deliver()'), '');
    $records->show('the role with the right token', $ours, 'accepted', received => 1);
    is($records->state_of($theirs), 'queued', 'the role with the wrong token: is queued');
    is(administer($admin, "SELECT outcome FROM fpgo_internal.attempt WHERE submission = $theirs->{id}"),
        'credentials', 'the role with the wrong token: refused by the gateway');
    administer($admin, "ALTER USER MAPPING FOR stranger SERVER frontpayment OPTIONS (SET token '$TOKEN')");
    run_in($session, "CALL fpgo.deliver($theirs->{id})");
    $records->show('the role with the token mended', $theirs, 'accepted', received => 1);
    is(administer($admin, q{SELECT count(*) FROM fpgo.invoice_session(} . $theirs->{id} . ')'), 1, 'its row is there');
    ends('for others it is not', run_in($session,
        "SET ROLE cashier; SELECT * FROM fpgo.invoice_session($theirs->{id}); RESET ROLE"), '42501');
}

check_log($node);
check_records($node, $gateway, committed => [ $records->expected ]);

$_->quit for $session, $admin;
$node->stop;
$gateway->stop;
done_testing();
