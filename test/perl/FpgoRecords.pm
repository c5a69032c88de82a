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
# the submission.  The changes are those of order; key => a key of its own,
# server => another server.
sub enqueue {
    my ($self, $session, %changes) = @_;
    my @more;
    for my $argument ('key', 'server') {
        my $value = delete $changes{$argument};
        push @more, "$argument => '$value'" if defined $value;
    }
    my $order = order(%changes);
    my $id    = administer($session, enqueue_sql($order, @more));
    $self->expect(reference_of($order));
    return { id => $id, reference => reference_of($order) };
}

# enqueue_together($session, $n): queue several in one transaction; returns the
# submissions.  It takes a node as well, and nobody is told that nothing delivers.
sub enqueue_together {
    my ($self, $session, $n) = @_;
    my @orders = map { order() } 1 .. $n;
    my @ids    = split /\n/, administer($session, join ";\n",
        'BEGIN', 'SET LOCAL fpgo.undelivered_notice = off', (map { enqueue_sql($_) } @orders), 'COMMIT');
    my @references = map { reference_of($_) } @orders;
    $self->expect(@references);
    return map { { id => $ids[$_], reference => $references[$_] } } 0 .. $n - 1;
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

# states_of(@references): the states of all submissions with one of those
# referenceNo, in the order of their numbers ('refused accepted'); '' if there is none.
sub states_of {
    my ($self, @references) = @_;
    my $list = join ', ', map { literal($_) } @references;
    return administer($self->{admin}, qq{
        SELECT coalesce(string_agg(state::text, ' ' ORDER BY id), '')
        FROM fpgo_internal.submission WHERE reference IN ($list)});
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
