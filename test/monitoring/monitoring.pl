# The files beside this one, with the exporter and the promtool that Debian has: each
# metric that an alert names is made from the start, follows what happens, and goes back
# when it is over; the alerts fire and end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoResident;
use FpgoTest;
use HTTP::Tiny;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my %file    = map { $_ => "$FindBin::RealBin/$_" } qw(sql_exporter.yml alerts.yml alerts_test.yml);
my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_resident_cluster('monitored', url => $gateway->address,
    mapping => "token '$TOKEN', callback_secret 'of-a-test'");
my $admin = open_session($node);
wait_for_worker($admin);
administer($admin, 'CREATE ROLE monitor LOGIN; GRANT pg_monitor TO monitor');

# --- the exporter -----------------------------------------------------------------------

my $config = slurp_file($file{'sql_exporter.yml'});
my $place  = sprintf 'postgres://monitor@/postgres?host=%s&port=%d&sslmode=disable', $node->host, $node->port;
$config =~ s{postgres://monitor\@/shop\?host=/var/run/postgresql&sslmode=disable}{$place} or die "another connection\n";
$config =~ s{interval: '30s'}{interval: '1s'} or die "another interval\n";
# a query without a row once there is a table
$config .= q{  - name: gone
    help: 'a row that goes'
    labels: [who]
    values: [n]
    query: |
      SELECT 'somebody' AS who, 7::float8 AS n WHERE to_regclass('it_is_gone') IS NULL
};
my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/config.yml", $config);
my $port = closed_port();
my $said = '';
my $exporter = IPC::Run::start([ 'prometheus-sql-exporter', '-config.file', "$directory/config.yml",
        '-web.listen-address', "127.0.0.1:$port" ], '>&', \$said);
END { my $status = $?; $exporter->kill_kill if $exporter; $? = $status; }

my $http = HTTP::Tiny->new(proxy => undef, http_proxy => undef);

# What is exported now: the value of each name{col="..."}, or name; the largest of several.
sub metrics {
    my $answer = $http->get("http://127.0.0.1:$port/metrics");
    my %value;
    for (split /\n/, $answer->{content}) {
        my ($name, $labels, $value) = /^(sql_\w+)\{(.*)\} (\S+)$/ or next;
        my ($col) = $labels =~ /\bcol="(\w+)"/;
        my $shown = defined $col ? "$name\{col=\"$col\"}" : $name;
        $value{$shown} = $value if ($value{$shown} // $value) <= $value;
    }
    return \%value;
}

sub becomes {
    my ($name, $value, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $last;
    ok(wait_for($what, sub { $last = metrics()->{$name}; defined $last && $last == $value }), "$what: $name is $value")
      or diag("it is " . ($last // 'not there') . "\n$said");
    return;
}

my %named;
for (map { slurp_file($file{$_}) } qw(alerts.yml alerts_test.yml)) {
    $named{$1} = 1 while /(sql_\w+(?:\{col="\w+"\})?)/g;
}
delete $named{sql_job};
my @named = sort grep { $_ ne 'sql_exporter' } keys %named;
cmp_ok(scalar @named, '>=', 7, 'alerts name metrics');
ok(wait_for('the exporter', sub { my $made = metrics(); !grep { !defined $made->{$_} } @named }),
    'each metric that an alert names is there before anything happens')
  or diag(join ' ', "not made:", grep({ !defined metrics()->{$_} } @named), "\n$said");
my $first = metrics();
is(join(' ', grep { $first->{$_} != 0 } @named), 'sql_fpgo_worker{col="running"}', 'all are 0 but the worker, which runs');

# The line that README.md shows, but for the values of its labels.
my ($documented) = slurp_file("$FindBin::RealBin/README.md") =~ /^(sql_fpgo_queue\{.*\}) 0$/m;
my ($made) = $http->get("http://127.0.0.1:$port/metrics")->{content} =~ /^(sql_fpgo_queue\{.*col="uncertain".*\}) 0$/m;
note($made);
is(join(' ', $documented =~ /(\w+)=/g), join(' ', $made =~ /(\w+)=/g), 'the page shows the labels that there are');

# --- what happens -----------------------------------------------------------------------

becomes('sql_gone{col="n"}', 7, 'a row');
administer($admin, 'CREATE TABLE it_is_gone ()');
my $session = open_session($node);
$gateway->misbehave({ close_after_request => \1 });
ends('an order whose answer is lost', submit($session, order()), '38F01');
becomes('sql_fpgo_queue{col="uncertain"}', 1, 'a lost answer');
becomes('sql_fpgo_last_hour{col="failed"}', 1, 'a lost answer');
administer($admin, q{SELECT fpgo.resolve(submission, 'refused', 'a test') FROM fpgo.submissions WHERE state = 'uncertain'});
becomes('sql_fpgo_queue{col="uncertain"}', 0, 'once it is decided');

administer($admin, 'SELECT fpgo.pause()');
becomes('sql_fpgo_worker{col="running"}', 0, 'a paused worker');
administer($admin, enqueue_sql(order()));
becomes('sql_fpgo_queue{col="queued"}', 1, 'an order that nobody delivers');
ok(wait_for('its age', sub { metrics()->{'sql_fpgo_queue{col="oldest_queued_seconds"}'} > 0 }), 'it grows old');
administer($admin, 'SELECT fpgo.resume()');
becomes('sql_fpgo_worker{col="running"}', 1, 'a worker that goes on');
becomes('sql_fpgo_queue{col="queued"}', 0, 'an order that is delivered');
becomes('sql_fpgo_queue{col="oldest_queued_seconds"}', 0, 'an order that is delivered');
becomes('sql_fpgo_last_hour{col="accepted"}', 1, 'an order that is delivered');

is(metrics()->{'sql_gone{col="n"}'}, 7, 'the numbers of a row that is gone stay: therefore each query has its row');
administer($admin, 'DROP TABLE it_is_gone');

my $callback = 'orderUuid=ODR1&status=PAID&paymentMethod=invoice&amount=1&createdAt=1&timestamp=1&checksum=' . '0' x 64;
administer($admin, "SELECT outcome FROM fpgo.receive_callback('$callback')");
becomes('sql_fpgo_callbacks_rejected{col="forged"}', 1, 'the first forged callback');

administer($admin, 'REVOKE pg_monitor FROM monitor; ALTER ROLE monitor NOLOGIN; REVOKE SELECT ON fpgo.queue_health FROM PUBLIC');
becomes('sql_exporter_last_scrape_failed', 1, 'a role that may not look any more');
administer($admin, 'GRANT SELECT ON fpgo.queue_health TO PUBLIC; ALTER ROLE monitor LOGIN; GRANT pg_monitor TO monitor');
becomes('sql_exporter_last_scrape_failed', 0, 'a role that may look again');

# --- the alerts -------------------------------------------------------------------------

for my $command ([ 'check', 'rules', $file{'alerts.yml'} ], [ 'test', 'rules', $file{'alerts_test.yml'} ]) {
    my $output = '';
    ok(IPC::Run::run([ 'promtool', @$command ], '>&', \$output), "promtool $command->[0] rules") or diag($output);
    like($output, qr/SUCCESS/, '... succeeds');
}
my @alerts = slurp_file($file{'alerts.yml'}) =~ /- alert: (\w+)/g;
my $tests  = slurp_file($file{'alerts_test.yml'});
is(join(' ', grep { $tests !~ /alertname: $_\n *exp_alerts:\n *- exp_labels/ } @alerts), '', 'each alert is seen to fire');
is(join(' ', grep { $tests !~ /alertname: $_, exp_alerts: \[\]/ } @alerts), '', 'and to end');

check_log($node);
$exporter->kill_kill;
done_testing();
