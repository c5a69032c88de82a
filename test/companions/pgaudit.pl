# pgaudit, told to log everything with parameters: it logs a user's own statement, and
# of fpgo's own no order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
for my $preloaded ('pgaudit', 'pgaudit, fpgo') {
    my $way     = $preloaded =~ /fpgo/ ? 'a resident worker' : 'a helper';
    my $node = new_cluster($preloaded =~ /fpgo/ ? 'preloaded' : 'main', url => $gateway->address);
    # (what it logs of CREATE USER MAPPING has the token; token_file is the cure)
    $node->append_conf('postgresql.conf',
        "shared_preload_libraries = '$preloaded'\npgaudit.log = 'all'\npgaudit.log_catalog = on\npgaudit.log_parameter = on\n"
          . ($preloaded =~ /fpgo/ ? "fpgo.databases = 'postgres'\n" : ''));
    $node->restart;
    my $session = open_session($node);
    administer($node, 'CREATE EXTENSION pgaudit');
    # somebody's trigger makes fpgo's statements run through the executor
    for my $table ('', 'submission', 'payload') {
        my $called = $table eq '' ? $way : "$way, a trigger on $table";
        administer($node, qq{
            CREATE FUNCTION noted_$table() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER noted BEFORE INSERT ON fpgo_internal.$table FOR EACH ROW EXECUTE FUNCTION noted_$table()}) if $table;
        my @references = map { submit_as_text($called, $session, $_) } 1, 2;
        ends("$called: CALL", run_in($session, 'CALL fpgo.deliver()'), '');
        is(scalar(grep { $gateway->made($_) == 1 } @references), 2, "$called: both orders are made");
    }
    my $log = slurp_file($node->logfile);
    like($log, qr/AUDIT: .*enqueue_invoice/, "$way: the audit trail has the user's statement");
    like($log, qr/AUDIT: .*INSERT INTO fpgo_internal\.payload .*<not logged>/, "$way: and fpgo's own, without parameters");
    # (the order is read from a file: no statement of the user's has it)
    my @leaks = grep { /\Q$PERSONAL_NUMBER\E|\Q$TOKEN\E/ } split /\n/, $log;
    is(join("\n", map { substr $_, 0, 300 } @leaks), '', "$way: no order and no token is in the log");
    $session->quit;
    $node->stop;
}
$gateway->stop;
done_testing();

# Submit one order and queue another, read from a table, so that the user's statement
# has no order in it; their reference.
sub submit_as_text {
    my ($called, $session, $n) = @_;
    my ($order, $reference) = new_order();
    my $file = PostgreSQL::Test::Utils::tempdir() . '/order.json';
    append_to_file($file, $order);
    my $sql = $n == 1 ? "SELECT order_uuid FROM fpgo.submit_invoice(pg_read_file('$file'))" : "SELECT fpgo.enqueue_invoice(pg_read_file('$file'))";
    ends("$called: $n", run_in($session, $sql), '');
    return $reference;
}
