package FpgoRecords;

# What stands on record of an order, beside what the gateway received of it.
#
#     my $records = FpgoRecords->new($admin, $gateway);
#     my $submission = $records->enqueue($session);
#     run_in($session, 'CALL fpgo.deliver()');
#     $records->show('delivery', $submission, 'accepted', received => 1);
#     check_records($node, $gateway, committed => [ $records->expected ]);
#
# A submission is a hash of its id and of the referenceNo of its order.

use strict;
use warnings;

use Test::More;

use FpgoTest;

# FpgoRecords->new($admin, $gateway): $admin is a session or a node, which may
# read and change the records, as administer takes it.
sub new {
    my ($class, $admin, $gateway) = @_;
    return bless { admin => $admin, gateway => $gateway, expected => [] }, $class;
}

# enqueue($session, %changes): queue an order in a session and commit; returns
# the submission.  The changes are those of order; key => a key of its own.
sub enqueue {
    my ($self, $session, %changes) = @_;
    my $key   = delete $changes{key};
    my $order = order(%changes);
    my $id    = administer($session, enqueue_sql($order, defined $key ? "key => '$key'" : ()));
    $self->expect(reference_of($order));
    return { id => $id, reference => reference_of($order) };
}

# expect(@references): orders that were committed, so they have to be on record
# to the end.  What enqueue queued is expected as well.
sub expect {
    my ($self, @references) = @_;
    push @{ $self->{expected} }, @references;
    return;
}

# The references of all that is expected.
sub expected { return @{ $_[0]{expected} }; }

# states_of($reference): the states of all submissions with that referenceNo, in
# the order of their numbers ('refused accepted'); '' if there is none.
sub states_of {
    my ($self, $reference) = @_;
    return administer($self->{admin}, qq{
        SELECT coalesce(string_agg(state::text, ' ' ORDER BY id), '')
        FROM fpgo_internal.submission WHERE reference = '$reference'});
}

# column_of($submission, $column): that column, or expression, of its record.
sub column_of {
    my ($self, $submission, $column) = @_;
    return administer($self->{admin}, "SELECT $column FROM fpgo_internal.submission WHERE id = $submission->{id}");
}

sub state_of {
    my ($self, $submission) = @_;
    return $self->column_of($submission, 'state');
}

# How many submissions are in a state.
sub count_in_state {
    my ($self, $state) = @_;
    return administer($self->{admin}, "SELECT count(*) FROM fpgo_internal.submission WHERE state = '$state'");
}

# What is queued may be delivered now, however soon after its last attempt.
sub make_due {
    my ($self) = @_;
    administer($self->{admin}, q{UPDATE fpgo_internal.submission SET not_before = NULL WHERE state = 'queued'});
    return;
}

my %what_is_counted = (made => 'orders made', received => 'requests received');

# show($name, $which, $states, %counts): assert the state of a submission, or the
# states of all those with a referenceNo if $which is one; and of the counts
# those that are given: received => requests that the gateway received with that
# referenceNo, made => orders that it made of them.
sub show {
    my ($self, $name, $which, $states, %counts) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($reference, $found) =
        ref $which
      ? ($which->{reference}, $self->state_of($which))
      : ($which, $self->states_of($which));
    is($found, $states, "$name: the record says '$states'");
    for my $count (sort keys %counts) {
        my $what = $what_is_counted{$count} // die "no such count: $count\n";
        is($self->{gateway}->$count($reference), $counts{$count}, "$name: $what: $counts{$count}");
    }
    return;
}

1;
