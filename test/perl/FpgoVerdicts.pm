package FpgoVerdicts;

# What becomes of uncertain submissions in the end.
#
#     decide_uncertain($node, $gateway);
#
# Crashes and faults leave submissions of which nobody knows whether they
# arrived.  Evidence has to find those that did, and no others.

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

use FpgoTest;

our @EXPORT = qw(decide_uncertain);

# decide_uncertain($node, $gateway, %options): have uncertain submissions looked
# for, as nothing goes wrong at the gateway any more; each has to be accepted as
# the order that the gateway made of it, or stay as it is if it made none.  Those
# are given up by a person then.  Options: name; least => how many there have to
# be (1); database.
sub decide_uncertain {
    my ($node, $gateway, %options) = @_;
    my $name     = $options{name} // 'uncertain submissions';
    my $database = $options{database} // 'postgres';
    my $ask      = sub { return $node->safe_psql($database, $_[0]) };
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $gateway->behave;
    my $creates  = scalar $gateway->ledger;
    my @found;
    my %said;
    my $rows;
    do {
        $rows = $ask->('SELECT submission, state, order_uuid, detail FROM fpgo.reconcile()');
        %said = (%said, map { /^(\d+)\|(.*)/ ? ($1 => $2) : () } split /\n/, $rows);
    } while ($rows =~ /still to be looked at/);
    my %reference_of = map { split /\|/ } split /\n/, $ask->(q{
        SELECT submission, reference FROM fpgo.submissions WHERE submission IN (} . join(', ', 0, keys %said) . ')');
    for my $id (sort { $a <=> $b } keys %said) {
        my $made     = join ' ', map { $_->{order_uuid} } grep { $_->{made} } $gateway->ledger($reference_of{$id});
        my $expected = $made eq '' ? 'uncertain||' : "accepted|$made|";
        push @found, "submission $id ($reference_of{$id}): $said{$id}, expected $expected"
          unless index($said{$id}, $expected) == 0;
    }
    cmp_ok(scalar keys %said, '>=', $options{least} // 1, "$name: there are some");
    is_deeply(\@found, [], "$name: those that arrived are accepted, and no others");
    diag("$name: " . scalar(keys %said) . ', of them accepted ' . grep { /^accepted/ } values %said);
    $ask->(q{SELECT fpgo.resolve(submission, 'cancelled', 'it is not there') FROM fpgo.submissions WHERE state = 'uncertain'});
    is(scalar $gateway->ledger, $creates, "$name: nothing was sent for that");
    return;
}

1;
