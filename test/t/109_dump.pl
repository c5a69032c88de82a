# Orders are the shop's data: a dump has all of them, in every state, and
# restores where the roles that handed them in exist and where they do not.
# What was known before is known after: states, keys, which order a key meant.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $role   = 'dump_shop';
my @states = qw(queued sending accepted refused uncertain cancelled);
my $dumps  = PostgreSQL::Test::Utils::tempdir();

# Nothing is sent in this test, so nobody need listen.
my $main = new_cluster('main', url => closed_address());
$main->safe_psql('postgres', qq{
    CREATE ROLE $role;
    GRANT USAGE ON FOREIGN SERVER frontpayment TO $role});

# one order a state, its key the state's name
my %orders = map { $_ => order(referenceNo => $_) } @states;

for my $state (@states) {
    $main->safe_psql('postgres', "SET ROLE $role; " . enqueue_sql($orders{$state}));
}
$main->safe_psql('postgres', q{
    UPDATE fpgo_internal.submission SET state = key::fpgo.submission_state;
    UPDATE fpgo_internal.submission SET run = 4711, attempts = 1 WHERE key = 'sending';
    UPDATE fpgo_internal.submission SET attempts = 1, settled_at = clock_timestamp()
        WHERE key IN ('accepted', 'refused', 'uncertain');
    UPDATE fpgo_internal.submission SET order_uuid = 'ODR1', customer_uuid = 'CSRT1',
        bank_id_url = 'https://bank.example/1', advice = '{One.,"Two, with a comma."}' WHERE key = 'accepted';
    INSERT INTO fpgo_internal.gateway_order (order_uuid, server, status, invoice_number)
        VALUES ('ODR1', 'frontpayment', 'PAID', '4711');
    INSERT INTO fpgo_internal.status_change (order_uuid, server, status) VALUES ('ODR1', 'frontpayment', 'PAID');
    INSERT INTO fpgo_internal.callback (order_uuid, server, checksum, status, is_stale)
        VALUES ('ODR1', 'frontpayment', '\x00', 'REFUNDED', false);
    INSERT INTO fpgo_internal.callback_rejection (server, outcome) VALUES ('frontpayment', 'forged');
    INSERT INTO fpgo_internal.attempt (submission, number, run, outcome, status, reason)
        SELECT id, 1, 4711, CASE key WHEN 'accepted' THEN 'accepted' WHEN 'refused' THEN 'refused' END,
            201, 'A "quoted" reason, with \ and
a line break.'
        FROM fpgo_internal.submission WHERE attempts > 0;
    DELETE FROM fpgo_internal.payload WHERE submission IN
        (SELECT id FROM fpgo_internal.submission WHERE key IN ('accepted', 'refused', 'cancelled'))});
# what stays of an order that was purged
$main->safe_psql('postgres', q{
    INSERT INTO fpgo_internal.trace (submission, day, hash_rule, state, server, key, source, order_hash, order_uuid, role, mapping)
        VALUES (4711, '2026-01-31', 1, 'accepted', 'frontpayment', '\x01', '\x02', '\x03', 'ODR-purged', 'dump_shop', '')});
# an event of a person's decision, and a submission that only one remembers
$main->safe_psql('postgres', 'SELECT fpgo.cancel_submission(fpgo.enqueue_invoice('
    . literal(order(referenceNo => 'event')) . q{), 'test')});

my $before = records($main);
is(scalar(() = $before =~ /^s /mg), 7, 'a submission in every state, and one that was decided about');

# With its owners and privileges, into a cluster that has the roles; and, as
# INSERTs, into one that has not.
my $with    = empty_cluster('with_roles');
my $without = empty_cluster('without_roles');
$with->safe_psql('postgres', "CREATE ROLE $role");
move($main, $with, [ '-Fc' ]);
move($main, $without, [ '-Fc', '--inserts', '--no-owner', '--no-privileges' ]);
check_restored($with, 'with the roles');
check_restored($without, 'without the roles');

# A member of the role that handed it in finds it again, by the role's name.
is($with->safe_psql('postgres', qq{
    SET ROLE $role;
    SELECT order_uuid FROM fpgo.invoice_session(} . number_of($with, 'accepted') . ')'),
    'ODR1', 'with the roles: the role that handed it in reads the answer');
is($without->safe_psql('postgres', 'SELECT order_uuid FROM fpgo.invoice_session('
    . number_of($without, 'accepted') . ')'),
    'ODR1', 'without the roles: a superuser reads the answer');
is($with->safe_psql('postgres', "SET ROLE $role; SELECT key FROM fpgo.submissions WHERE state = 'accepted'"),
    'accepted', 'with the roles: and sees it in the views');
is($without->safe_psql('postgres', q{SELECT array_to_string(advice, '|'), gateway_status, invoice_number, reported_status
    FROM fpgo.submissions WHERE state = 'accepted'}),
    'One.|Two, with a comma.|PAID|4711|REFUNDED', 'without the roles: a superuser sees it in the views');
is($without->safe_psql('postgres', q{SELECT string_agg(status || ' ' || is_confirmed, ', ' ORDER BY status) FROM fpgo.status_history}),
    'PAID true, REFUNDED false', 'and what the gateway said of it');
is($without->safe_psql('postgres', 'SELECT outcome, times FROM fpgo.callback_rejections'), 'forged|1', 'and of forgeries');
$without->safe_psql('postgres', 'SELECT fpgo.cancel_submission('
    . number_of($without, 'queued') . q{, 'Its role is gone.')});
is($without->safe_psql('postgres', q{SELECT state FROM fpgo_internal.submission WHERE key = 'queued'}),
    'cancelled', 'without the roles: a superuser cancels what is queued');

# A copy of the copy: of three hash keys there the oldest counts still.
my $again = empty_cluster('again');
move($with, $again, [ '-Fc', '--no-owner', '--no-privileges' ]);
is($again->safe_psql('postgres', 'SELECT count(*) FROM fpgo_internal.hash_key'), 3,
    'a copy of the copy: it has a hash key of its own as well');
recognises($again, 'a copy of the copy');

$_->stop for $main, $with, $without, $again;
done_testing();

# Everything on record as text, a letter a table, but for the hash keys.
sub records {
    my ($node) = @_;
    return $node->safe_psql('postgres', q{
        SELECT 's ' || s::text FROM fpgo_internal.submission s ORDER BY id;
        SELECT 'p ' || p::text FROM fpgo_internal.payload p ORDER BY submission;
        SELECT 'a ' || a::text FROM fpgo_internal.attempt a ORDER BY submission, number;
        SELECT 'e ' || e::text FROM fpgo_internal.event e ORDER BY id;
        SELECT 't ' || t::text FROM fpgo_internal.trace t ORDER BY submission});
}

sub number_of {
    my ($node, $key) = @_;
    return $node->safe_psql('postgres',
        "SELECT id FROM fpgo_internal.submission WHERE key = '$key' ORDER BY id LIMIT 1");
}

# A cluster with nothing of fpgo's in it.
sub empty_cluster {
    my ($name) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init;
    $node->append_conf('postgresql.conf', slurp_file("$FindBin::RealBin/../lib/server.conf"));
    $node->start;
    return $node;
}

# move($from, $to, $options): pg_dump, pg_restore; the first error fails.
sub move {
    my ($from, $to, $options) = @_;
    my $file = "$dumps/" . $to->name;
    $from->command_ok([ 'pg_dump', @$options, '-f', $file, 'postgres' ], $to->name . ': dumped');
    $to->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'postgres', $file ], $to->name . ': restored');
    return;
}

# enqueue($node, $order, $on_duplicate): the submission's number, or the error.
sub enqueue {
    my ($node, $order, $on_duplicate) = @_;
    my ($status, $number, $said) = $node->psql('postgres',
        "\\set VERBOSITY verbose\n" . enqueue_sql($order, "on_duplicate => '$on_duplicate'"));
    return $said =~ /ERROR: +(\w{5}): (.*)/ ? "$1 $2" : $number;
}

sub check_restored {
    my ($node, $name) = @_;
    is(records($node), $before, "$name: every record is there and unchanged");

    my ($status, $out, $said) = $node->psql('postgres', 'DROP EXTENSION fpgo CASCADE');
    like($said, qr/cannot drop extension fpgo while 3 submissions are unfinished/,
        "$name: the extension cannot be dropped");

    recognises($node, $name);

    my ($highest) = $node->safe_psql('postgres', 'SELECT max(id) FROM fpgo_internal.submission');
    my $fresh = enqueue($node, order(), 'refuse');
    cmp_ok($fresh, '>', $highest, "$name: a new submission gets a fresh number");
    $node->safe_psql('postgres', "SELECT fpgo.cancel_submission($fresh, 'test')");
    is($node->safe_psql('postgres', 'SELECT count(*) FROM fpgo_internal.event'), 2,
        "$name: a new event gets a fresh number");
    return;
}

# Old keys are taken by the orders they were taken by, and by no other.
sub recognises {
    my ($node, $name) = @_;
    for my $state (qw(sending accepted uncertain)) {
        my $number = number_of($node, $state);
        is(enqueue($node, $orders{$state}, 'ignore'), $number, "$name: the same order is known, $state");
        like(enqueue($node, $orders{$state}, 'refuse'), qr/^23505 order was handed in before$/,
            "$name: the same order is refused, $state");
        like(enqueue($node, order(referenceNo => $state, invoiceMaturity => 11), 'ignore'),
            qr/^23505 key "$state" .* is taken by another order$/, "$name: another order is refused, $state");
    }
    # in a transaction that ends, so that there is nothing new in the next copy
    my $number = number_of($node, 'refused');
    my $freed = $node->safe_psql('postgres', 'BEGIN; ' . enqueue_sql($orders{refused}) . " > $number; ROLLBACK");
    is($freed, 't', "$name: a refused order's key is free");
    return;
}
