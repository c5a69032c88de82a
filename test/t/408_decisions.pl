# What a person decided about a submission outlives a crash, and binds whoever hands
# the order in again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use FpgoChecker;
use FpgoRecords;
use FpgoTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster(
    'main',
    url => $gateway->address,
    # what is committed asynchronously is lost by the stop
    settings => "wal_writer_delay = '10s'\nsynchronous_commit = off");
my $records = FpgoRecords->new($node, $gateway);

# --- a crash --------------------------------------------------------------------------

{
    my $session = open_session($node);
    $gateway->misbehave({ close_after_request => \1 });
    my ($order, $reference) = new_order();
    $records->expect($reference);
    ends('a cut answer', submit($session, $order), '38F01');
    my $uncertain = administer($node, "SELECT submission FROM fpgo.submissions WHERE reference = '$reference'");
    my ($queued, $in_function, $lost) = map { $records->enqueue($session) } 1 .. 3;
    run_in($session, q{CREATE FUNCTION take_back(id bigint) RETURNS void LANGUAGE plpgsql
        SET synchronous_commit = off AS $$ BEGIN PERFORM fpgo.cancel_submission(id, 'test'); END $$});
    run_in($session, 'CREATE TABLE other (n integer)');
    $node->safe_psql('postgres', 'CHECKPOINT');

    # each with nothing after it that would flush its commit
    my @decisions = (
        [ 'cancelled', $queued->{id}, "SELECT fpgo.cancel_submission($queued->{id}, 'test')" ],
        [ 'cancelled by a function that turns synchronous_commit off', $in_function->{id}, "SELECT take_back($in_function->{id})" ],
        [ 'resolved', $uncertain, "SELECT fpgo.resolve($uncertain, 'cancelled', 'test')" ]);
    for my $decision (@decisions) {
        my ($name, $id, $sql) = @$decision;
        is(run_in($session, 'SHOW synchronous_commit')->{rows}, 'off', "$name: commits are asynchronous");
        ends($name, run_in($session, $sql), '');
        eval { $session->quit };
        $node->stop('immediate');
        $node->start;
        is(administer($node, "SELECT state FROM fpgo.submissions WHERE submission = $id"), 'cancelled', "$name: it is after the crash, too");
        $session = open_session($node);
    }
    # the test can tell
    ends('a row', run_in($session, 'INSERT INTO other VALUES (1)'), '');
    eval { $session->quit };
    $node->stop('immediate');
    $node->start;
    is(administer($node, 'SELECT count(*) FROM other'), 0, 'what was committed asynchronously is lost');

    $session = open_session($node);
    run_in($session, 'CALL fpgo.deliver()');
    is($gateway->received($_->{reference}), 0, "submission $_->{id} was not sent") for $queued, $in_function;
    $records->show('the third', $lost, 'accepted', received => 1);
    eval { $session->quit };
}

# --- taken back for good --------------------------------------------------------------

{
    my $session = open_session($node);
    my ($order, $reference) = new_order();
    $records->expect($reference);
    my $id = administer($session, enqueue_sql($order));
    administer($session, "SELECT fpgo.cancel_submission($id, 'test', for_good => true)");
    my $ended = ends('submitted', submit($session, $order), '23505', qr/taken back for good/);
    like($ended->{hint}, qr/fpgo\.hand_in_again\($id, /, 'the hint');
    is($gateway->received($reference), 0, 'nothing was sent');

    # another order, before the cancellation is committed and after it
    my $key     = q{key => 'late'};
    my $late_id = $records->enqueue($session, key => 'late')->{id};
    my ($late, $late_reference) = new_order();
    my $person  = open_session($node);
    administer($person, "BEGIN; SELECT fpgo.cancel_submission($late_id, 'test', for_good => true)");
    ends('submitted meanwhile', run_in($session, submit_sql($late, $key)), '23505', qr/another order was handed in under this key/);
    administer($person, 'COMMIT');
    ends('submitted after that', run_in($session, submit_sql($late, $key)), '23505', qr/taken back for good/);
    is($gateway->received($late_reference), 0, 'nothing was sent');

    administer($session, "SELECT fpgo.hand_in_again($_, 'test')") for $id, $late_id;
    $records->expect($late_reference);
    ends('submitted after its key was freed', run_in($session, $_), '') for submit_sql($order), submit_sql($late, $key);
    is($gateway->made($_), 1, 'it was made once') for $reference, $late_reference;
    eval { $_->quit } for $session, $person;
}

check_records($node, $gateway, committed => [ $records->expected ]);
check_log($node);
done_testing();
