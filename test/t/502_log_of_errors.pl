# With PostgreSQL's default log settings a statement that fails is logged with
# its text.  Errors in fpgo's functions keep it out: the order stands in it.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use FpgoTest;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address,
    settings => "log_min_error_statement = error\n");
my $session = open_session($node);

$node->safe_psql('postgres', q{
    CREATE ROLE stranger;
    CREATE SERVER unmapped FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1');
    CREATE SERVER filed FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1');
    CREATE USER MAPPING FOR PUBLIC SERVER filed OPTIONS (token_file '/nowhere/token')});

my $order = literal(order());

# [ what is wrong, statement, SQLSTATE ]
my @errors = (
    [ 'a rule is broken', 'SELECT fpgo.submit_invoice(' . literal(order('orderDate' => undef)) . ')', '23514' ],
    [ 'no JSON', "SELECT fpgo.submit_invoice($order || '}')", '22P02' ],
    [ 'no object', "SELECT fpgo.payload(jsonb_build_array($order))", '22023' ],
    [ 'no place in the composite', "SELECT ($order" . q{::jsonb || '{"more": 1}')::fpgo.invoice_order}, '22023' ],
    [ 'a rule is broken, looked at', 'SELECT fpgo.request(' . literal(order('orderDate' => undef)) . ')', '23514' ],
    [ 'no such server, looked at', "SELECT fpgo.request($order, 'none')", '42704' ],
    [ 'no such server', "SELECT fpgo.submit_invoice($order, 'none')", '42704' ],
    [ 'no user mapping', "SELECT fpgo.submit_invoice($order, 'unmapped')", '55000' ],
    [ 'no token file', "SELECT fpgo.submit_invoice($order, 'filed')", '55000' ],
    [ 'a blank key', "SELECT fpgo.submit_invoice($order, key => ' ')", '22023' ],
    [ 'another on_duplicate', "SELECT fpgo.enqueue_invoice($order, on_duplicate => 'perhaps')", '22023' ],
    [ 'defaults about a customer', "ALTER SERVER filed OPTIONS (ADD defaults $order)", 'HV024' ],
    [ 'defaults that are no JSON', 'ALTER SERVER filed OPTIONS (ADD defaults ' . literal(order() . '}') . ')', 'HV024' ],
    [ 'a total beyond numeric', "SELECT fpgo.make_order(ARRAY[fpgo.make_product('x', 1e99999, 1e99999, 25)], "
          . "fpgo.make_private_customer('x', '$PERSONAL_NUMBER', '', '', '', NULL))", '22003' ],
    [ 'no right', "SET ROLE stranger; SELECT fpgo.submit_invoice($order)", '42501' ],
    [ 'read-only', "RESET ROLE; BEGIN READ ONLY; SELECT fpgo.submit_invoice($order)", '25006|55000' ],
    [ 'the gateway refuses', "ROLLBACK; SELECT fpgo.submit_invoice($order)", '38F05' ],
    [ 'the key is taken', "SELECT fpgo.submit_invoice($order); SELECT fpgo.submit_invoice($order" . q{::jsonb || '{"more": 1}')}, '23505' ]);

for my $case (@errors) {
    my ($name, $sql, $code) = @$case;
    $gateway->misbehave({ echo_personal_number => \1 }) if $name eq 'the gateway refuses';
    my $ended = run_in($session, $sql);
    like($ended->{sqlstate}, qr/^($code)$/, "$name: SQLSTATE $code");
    $gateway->behave;
}

# PostgreSQL's own errors inside fpgo's functions
my $other = open_session($node);
run_in($other, 'BEGIN; ' . enqueue_sql(order(referenceNo => 'held')));
my $held = order(referenceNo => 'held');
run_in($session, 'RESET ROLE; CREATE TABLE shop_order (doc text);
    CREATE FUNCTION invoice_for(o shop_order) RETURNS text LANGUAGE sql AS $$ SELECT o.doc $$;
    CREATE TRIGGER invoice AFTER INSERT ON shop_order
        FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger($$invoice_for$$)');
for my $limit ('lock_timeout', 'statement_timeout') {
    my $code = $limit eq 'lock_timeout' ? '55P03' : '57014';
    run_in($session, "SET $limit = '100ms'");
    ends("$limit, enqueue_invoice", run_in($session, enqueue_sql($held)), $code);
    ends("$limit, the trigger", run_in($session, 'INSERT INTO shop_order VALUES (' . literal($held) . ')'), $code);
    run_in($session, "RESET $limit");
}
$gateway->misbehave({ delay => 1 });
run_in($session, q{SET statement_timeout = '100ms'});
ends('statement_timeout, submit_invoice', submit($session, order()), '57014', qr/submission \d+ goes on/);
run_in($session, 'RESET statement_timeout');

# an error that the helper process met when it started
administer($other, 'ROLLBACK; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = $$fpgo helper$$');
wait_for('no helper', sub { find_helper($other) eq '' });
$node->safe_psql('template1', 'ALTER DATABASE postgres ALLOW_CONNECTIONS false');
ends('no helper can start', submit($session, order()), '55000', qr/not currently accepting connections/);
$node->safe_psql('template1', 'ALTER DATABASE postgres ALLOW_CONNECTIONS true');

my $log = slurp_file($node->logfile);
like($log, qr/order breaks 1 rule/, 'the errors are in the log');
like($log, qr/ERROR:  canceling statement due to (statement|lock) timeout/, 'PostgreSQL\'s own too');
unlike($log, qr/\Q$PERSONAL_NUMBER\E/, 'the personal number is not');
unlike($log, qr/\Q$TOKEN\E/, 'nor the token');

$session->quit;
$node->stop;
done_testing();
