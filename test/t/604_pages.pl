# What the pages beside README.md show, run as it stands there, with a sandbox
# gateway for Front Payment Go.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoReadme;
use FpgoSamples;
use FpgoTest;
use HTTP::Tiny;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";

my $receiver_port = closed_port();
my $gateway = FpgoGateway->start('--receiver', "http://127.0.0.1:$receiver_port");
# fpgo.doctor() would complain of fsync
my $node = new_cluster('pages', url => $gateway->address, settings => "fsync = on\n");
$node->safe_psql('postgres', 'CREATE ROLE shop LOGIN; CREATE DATABASE shop OWNER shop');

my ($port) = $gateway->address =~ /:(\d+)/;
my $samples = FpgoSamples->new($node, '127.0.0.1:8417' => "127.0.0.1:$port");

# run_in_shop($sql): the rows of a statement of the administrator's in the shop's
# database.
sub run_in_shop { return $node->safe_psql('shop', $_[0]); }

# The only block of SQL in a section.
sub only_sql {
    my @blocks = readme_sql(@_);
    is(scalar @blocks, 1, "one block of SQL in $_[0]");
    return $blocks[0];
}

# The names in the first column of a table.
sub names_in {
    my ($table) = @_;
    return map { /^\| (`[^|]*)\|/ ? $1 =~ /`([^`]+)`/g : () } split /\n/, $table;
}

# --- test/gateway/README.md ---------------------------------------------------------------

my ($connect, $change) = readme_sql("A shop's first hour with the sandbox", 'test/gateway/README.md');
my $allow = only_sql('Its callbacks, received', 'test/gateway/README.md');
$samples->run_script($connect);
my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/token", "not the sandbox's\n");
chmod 0600, "$directory/token" or die "cannot close $directory/token to others: $!\n";
run_in_shop("ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (DROP token, ADD token_file '$directory/token')");
$samples->run_script($change);

my $shop = open_session($node, database => 'shop', user => 'shop');
ends('an order to the sandbox', submit($shop, order()), '');

# a shop on another machine: the receiver takes the sandbox's callbacks in its place
$samples->run_script($allow);
my $received = '';
my $receiver = IPC::Run::start([ 'python3', "$root/test/gateway/receiver.py", '--listen', $receiver_port,
        '-h', $node->host, '-p', $node->port, '-U', 'web', 'shop' ], '>', \$received);
ok(wait_for('the receiver', sub { $receiver->pump_nb; $received =~ /^http:.*\n/ }), 'the receiver listens');
my ($told, $reference) = new_order('callback.callbackUrl' => 'https://shop.example/fpgo/{submission}');
ends('an order of a shop on another machine', submit($shop, $told), '');
my ($made) = $gateway->ledger($reference);
is($gateway->change_status($made->{order_uuid}, 'PAID', callback => 1), 204, 'the receiver takes its callback');
ok(wait_for('its line', sub { $receiver->pump_nb; $received =~ /^recorded  submission \d+  \Q$made->{order_uuid}\E  PAID$/m }),
    'and says what came of it');
is(run_in_shop(qq{SELECT status FROM fpgo.callbacks WHERE reference = '$reference'}), 'PAID', 'it is on record');
$receiver->signal('TERM');
$receiver->finish;

my ($url, $body, $shown) = slurp_file("$root/test/gateway/README.md") =~ /^    \$ curl -s (\S+) -d '([^']*)'\n    (.*)\n/m;
my $answer = HTTP::Tiny->new(proxy => undef, http_proxy => undef)->post($samples->put_in_place($url), { content => $body });
is($answer->{content} =~ s/\s//gr, $shown =~ s/\s//gr, 'a misbehaviour is answered as the page shows it');
$gateway->behave;
$samples->used_all_places;

# --- src/doc/shops.md ---------------------------------------------------------------------

my ($session) = grep { $_->{kind} eq '' } readme_blocks('How an order is given', 'src/doc/shops.md');
$samples->run_session($session->{text});
for my $section ('VAT before discount or after it', 'The shop\'s own totals', 'Prices without VAT',
    'Credits, and quantities that are not whole') {
    $samples->run_session($_->{text}) for grep { $_->{kind} eq '' } readme_blocks($section, 'src/doc/mapping.md');
}
run_in_shop(only_sql('Credits, and quantities that are not whole', 'src/doc/mapping.md'));

my $defaults = only_sql('Defaults', 'src/doc/shops.md');
run_in_shop($defaults);
my $sparse = 'fpgo.payload(' . literal(order(referenceNo => 'sparse')) . q{) - 'callback' - 'invoiceFeeApplicable'};
ends('an order without what the defaults say', run_in($shop, "SELECT * FROM fpgo.submit_invoice($sparse)"), '');
like(($gateway->ledger('sparse'))[0]{body}{callback}{success}, qr{^https://shop\.example/thanks$}, 'has it');
run_in_shop('ALTER SERVER frontpayment OPTIONS (DROP defaults)');

# --- src/doc/errors.md --------------------------------------------------------------------

run_in($shop, 'CREATE SCHEMA shop');
my $ended = run_in($shop, only_sql('Catching errors in PL/pgSQL', 'src/doc/errors.md') =~ s/;\s*\z//r);
is($ended->{sqlstate}, '', 'the function is made') or diag($ended->{said});

# What the page's handler makes of an order.
sub try_invoice {
    my ($name, $expected, $order) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ended = run_in($shop, 'SELECT try_invoice(' . literal($order) . ')');
    is($ended->{rows}, $expected, "$name: $expected") or diag($ended->{said});
    return $ended;
}

my %meets = (
    'a gateway that takes it' => ['accepted'],
    (map { ("refused with $_" => [ 'refused',      { status => $_, json => { status_code => $_, errors => ['The reference no is wrong.'] } } ]) }
        400, 417, 422),
    'a firewall\'s answer'     => [ 'not processed', { status => 403, html => \1 } ],
    (map { ("broken, $_"      => [ 'perhaps sent', { status => $_ } ]) } 500, 502, 503, 510),
    'broken, a page for an answer' => [ 'perhaps sent',  { html => \1, status => 200 } ],
    'broken, garbage'              => [ 'perhaps sent',  { garbage => 1 } ],
    'broken, half an answer'       => [ 'perhaps sent',  { cut_answer => 200 } ],
    'broken, no answer'            => [ 'perhaps sent',  { close_after_request => \1 } ],
    'slow'                         => [ 'perhaps sent',  { stall => \1 }, q{ADD timeout '500ms'}, 'DROP timeout' ],
    'asked to slow down'           => [ 'not processed', { status => 429 } ],
    'refused credentials'          => [ 'not processed', { status => 401 } ],
    'out of reach'                 => [ 'not processed', undef,
        "SET url '" . closed_address() . "'", "SET url '" . $gateway->address . "'" ]);
my %order_of;
for my $name (sort keys %meets) {
    my ($expected, $misbehaviour, $spoil, $mend) = @{ $meets{$name} };
    $order_of{$name} = order();
    run_in_shop("ALTER SERVER frontpayment OPTIONS ($spoil)") if $spoil;
    $gateway->misbehave($misbehaviour) if $misbehaviour;
    # what went wrong before would keep this one from being sent
    run_in_shop(q{SELECT fpgo.release(hold, 'next case') FROM fpgo.holds});
    try_invoice($name, $expected, $order_of{$name});
    $gateway->behave;
    run_in_shop('DELETE FROM fpgo_internal.allowance');
    run_in_shop("ALTER SERVER frontpayment OPTIONS ($mend)") if $mend;
}
$order_of{'a wrong token'} = order();
run_in_shop(q{ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (SET token 'wrong')});
try_invoice('a wrong token', 'not processed', $order_of{'a wrong token'});
run_in_shop(q{ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (SET token 'sandbox-token')});
try_invoice('no e-mail address', 'breaks a rule', order('customerDetails.email' => undef));

# A statement that times out before the answer comes: the order goes on.
$order_of{'cut short'} = order();
$gateway->misbehave({ delay => 6 });
run_in($shop, q{SET statement_timeout = '1s'});
try_invoice('cut short', 'perhaps sent', $order_of{'cut short'});
run_in($shop, 'RESET statement_timeout');
try_invoice('cut short, and called again at once', 'perhaps sent', $order_of{'cut short'});
wait_for('its answer', sub {
    run_in_shop(q{SELECT state FROM fpgo.submissions ORDER BY submission DESC LIMIT 1}) eq 'accepted';
});

# The same again: what was perhaps sent is not sent again, before and after an
# operator decided; what was not is.
my @perhaps = grep { ($meets{$_}[0] // '') eq 'perhaps sent' } sort keys %meets;
try_invoice("$_, again", 'perhaps sent', $order_of{$_}) for @perhaps;
for my $name (@perhaps) {
    my $reference = reference_of($order_of{$name});
    my ($made)    = grep { $_->{made} } $gateway->ledger($reference);
    my $decision  = $made ? "'accepted', 'it is there', order_uuid => '$made->{order_uuid}'" : q{'cancelled', 'it is not there'};
    run_in_shop("SELECT fpgo.resolve(submission, $decision) FROM fpgo.submissions WHERE reference = '$reference'");
}
run_in_shop(q{SELECT fpgo.release(hold, 'mended') FROM fpgo.holds});
for my $name (sort keys %order_of) {
    try_invoice("$name, once more", 'accepted', $order_of{$name});
    is($gateway->made(reference_of($order_of{$name})), 1, "$name: made once");
}

# What the page says of other conditions.
run_in($shop, qq{
    CREATE FUNCTION try_with_$_->[0](o jsonb) RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN
        PERFORM fpgo.submit_invoice(o); RETURN 'accepted';
        EXCEPTION WHEN $_->[1] THEN RETURN 'caught ' || SQLSTATE; END \$\$})
  for [ 'class', q{SQLSTATE '38000'} ], [ 'name', 'external_routine_exception' ], [ 'others', 'OTHERS' ];
my @outcomes = ([ '38F01', { status => 500 } ], [ '38F02', { status => 404 } ], [ '38F03', { status => 401 } ],
    [ '38F04', { status => 429 } ], [ '38F05', { status => 417 } ]);
for my $way (qw(class name others)) {
    for my $outcome (@outcomes) {
        my ($sqlstate, $misbehaviour) = @$outcome;
        $gateway->misbehave($misbehaviour);
        is(run_in($shop, "SELECT try_with_$way(" . literal(order()) . ')')->{rows}, "caught $sqlstate", "$way: it catches $sqlstate");
        run_in_shop('DELETE FROM fpgo_internal.allowance');
    }
}
run_in_shop(q{SELECT fpgo.resolve(submission, 'cancelled', 'it is not there') FROM fpgo.submissions WHERE state = 'uncertain'});
$gateway->misbehave({ delay => 3 });
run_in($shop, q{SET statement_timeout = '1s'});
ends('others: it catches no statement that times out', run_in($shop, 'SELECT try_with_others(' . literal(order()) . ')'),
    '57014', qr/CONTEXT: .*submission \d+ goes on/s);
run_in($shop, 'RESET statement_timeout');
wait_for('its answer', sub { run_in_shop(q{SELECT count(*) FROM fpgo.submissions WHERE state = 'sending'}) eq '0' });

# --- src/setup/README.md and src/doc/drivers.md ---------------------------------------------

run_in_shop(q{ALTER ROLE shop SET log_min_duration_statement = 250; ALTER ROLE shop SET log_parameter_max_length = -1;
    ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (SET token 'wrong')});
my ($doctor) = readme_blocks('For users', 'src/setup/README.md');
$samples->run_session($doctor->{text});
run_in_shop(q{ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (SET token 'sandbox-token')});
run_in_shop(only_sql('What PostgreSQL itself logs', 'src/doc/drivers.md'));
is(($samples->psql_as('shop', 'shop', q{\pset tuples_only
    SELECT count(*) FROM fpgo.doctor() WHERE ok IS NOT true}))[0] =~ s/\s//gr, '0', 'with its cure, all is right');

my ($checks) = slurp_file("$root/src/setup/README.md") =~ /^(\| check \| false if \|\n(?:\|.*\n)+)/m;
is_deeply([ sort(names_in($checks)) ],
    [ sort split /\n/, run_in_shop('SELECT check_name FROM fpgo.doctor()') ], 'the page lists every check');

# --- src/doc/trouble.md and operating.md -------------------------------------------------------------------

# Two are uncertain, of which the gateway made one, and one is queued.
my %number;
sub hand_in {
    my ($reference, $misbehaviour) = @_;
    $number{$reference} = run_in($shop, enqueue_sql(order(referenceNo => $reference)))->{rows};
    return unless $misbehaviour;
    $gateway->misbehave($misbehaviour);
    run_in_shop('CALL fpgo.deliver()');
    return;
}
hand_in('arrived', { close_after_request => \1 });
hand_in('lost', { cut_request => 100 });
hand_in('regretted');

my $decide = only_sql('Uncertain submissions', 'src/doc/trouble.md');
my ($made) = $gateway->ledger('arrived');
my @numbers = @number{qw(arrived lost)};
$decide =~ s/ODR\d{10}/$made->{order_uuid}/;
$decide =~ s/resolve\(17/'resolve(' . shift @numbers/ge;
$decide =~ s/cancel_submission\(18/cancel_submission($number{regretted}/;
is(scalar @numbers, 0, 'the page decides twice');
run_in_shop($decide);
is(run_in_shop(q{SELECT string_agg(reference || ' ' || state, ', ' ORDER BY submission) FROM fpgo.submissions
    WHERE reference IN ('arrived', 'lost', 'regretted')}), 'arrived accepted, lost queued, regretted cancelled',
    'they are what the page made of them');

# --- src/doc/errors.md again ------------------------------------------------------------------

hand_in('mistaken');
my $corrected = order(referenceNo => 'mistaken', 'customerDetails.name' => 'Kari');
run_in($shop, 'CREATE TABLE corrected_order AS SELECT ' . literal($corrected) . '::jsonb AS doc');
my $correct = only_sql('Correcting an order', 'src/doc/errors.md');
ends('as the page says', run_in($shop, $correct), '');
run_in_shop('CALL fpgo.deliver()');
is(run_in_shop(q{SELECT string_agg(state, ' ' ORDER BY submission) FROM fpgo.versions WHERE reference = 'mistaken'}),
    'superseded accepted', 'the corrected order took its place');
is($gateway->made('mistaken'), 1, 'and was made once');
is(($gateway->ledger('mistaken'))[0]{body}{customerDetails}{name}, 'Kari', 'as it was corrected');

hand_in('queued in a copy');
my $remove = only_sql('Removing fpgo', 'src/doc/operating.md');
is(($node->psql('shop', $remove))[0], 3, 'what is unfinished keeps fpgo from being removed');
run_in_shop(only_sql('Copies of a database', 'src/doc/operating.md'));
is(run_in_shop(q{SELECT string_agg(DISTINCT state, ' ' ORDER BY state) FROM fpgo.submissions}), 'accepted cancelled refused',
    'in a copy, nothing is queued any more');
check_records($node, $gateway, databases => ['shop']);
$shop->quit;
run_in_shop($remove);
is(run_in_shop(q{SELECT count(*) FROM pg_foreign_server}), '0', 'fpgo is removed, and its server');

check_log($node);
$node->stop;
$gateway->stop;
done_testing();
