package FpgoChecker;

# The one checker: what the sandbox gateway received against what fpgo has on
# record.  Every test of delivery ends with it.
#
#     check_records($node, $gateway, committed => \@references);
#
# Orders are told apart by their referenceNo.  Those that share one, or have
# none, are judged together: there can then be no more creates among them than
# their states allow.
#
#     a create or update was received   at most once an attempt
#     accepted                          exactly one made, with the same uuid
#     uncertain, or decided by a person at most one made
#     queued, refused, cancelled, superseded   none made
#
# No order may be made that is not on record, no key may be held by two orders,
# and what the records say of themselves has to hold together.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP;
use Test::More;

our @EXPORT = qw(check_records);

# A submission's run is alive as long as somebody holds the lock of its number.
my $records = q{
    SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT s.id, s.server, s.key, coalesce(to_jsonb(s) ->> 'mapping', '') AS mapping,
            -- a row that moves on leaves the key that was made of it to the next row
            coalesce(s.key = to_jsonb(s) ->> 'source_table' || '/' || ltrim(to_jsonb(s) ->> 'source', '\\x'), false) AS is_of_row,
            coalesce((to_jsonb(s) ->> 'first_version')::bigint, s.id) AS first,
            coalesce(s.reference, '') AS reference, s.state, s.attempts, s.order_uuid, s.run IS NOT NULL AS has_run,
            s.settled_at IS NOT NULL AS is_settled,
            EXISTS (SELECT FROM fpgo_internal.payload p
                WHERE p.submission = s.id AND p.keep_until IS NOT NULL) AS keeps_payload,
            EXISTS (SELECT FROM fpgo_internal.payload p WHERE p.submission = s.id) AS has_payload,
            EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory'
                AND l.objsubid = 18001 AND l.granted
                AND l.classid = ((s.run >> 32) & 4294967295)::oid
                AND l.objid = (s.run & 4294967295)::oid) AS is_live,
            (SELECT count(*) FROM fpgo.attempts a WHERE a.submission = s.id) AS n_attempts,
            (SELECT count(*) FROM fpgo.attempts a
                WHERE a.submission = s.id AND a.ended_at IS NULL) AS n_open,
            (SELECT outcome FROM fpgo.attempts a
                WHERE a.submission = s.id ORDER BY number DESC LIMIT 1) AS outcome,
            (SELECT count(*) FROM fpgo_internal.event e
                WHERE e.submission = s.id AND e.what LIKE 'uncertain to %') AS n_decided
        FROM fpgo_internal.submission s ORDER BY s.id) r};

# check_records($node, $gateway, %options): one assertion, whose failure lists
# everything that does not agree.  Options: name; databases => list of their
# names, if not only postgres; committed => list of the referenceNo that must be
# on record; uncommitted => likewise those that must not; elsewhere => pattern of
# those whose records are gone for a good reason.
sub check_records {
    my ($node, $gateway, %options) = @_;
    my $name = $options{name} // 'the records agree with the ledger';
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my (%on_record, %received, @wrong);
    for my $database (@{ $options{databases} // ['postgres'] }) {
        my @submissions = @{ decode_json($node->safe_psql($database, $records)) };
        push @wrong, map { describe_flaws($_) } @submissions;
        push @wrong, find_shared_keys(@submissions);
        push @{ $on_record{ $_->{reference} } }, $_ for @submissions;
    }
    my $elsewhere = $options{elsewhere} // qr/(?!)/;
    push @{ $received{ $_->{referenceNo} // '' } }, $_
      for grep { ($_->{referenceNo} // '') !~ $elsewhere } $gateway->ledger;
    for my $reference (sort keys %{ { %on_record, %received } }) {
        push @wrong, map { "reference '$reference': $_" }
          compare($on_record{$reference} // [], $received{$reference} // []);
    }
    push @wrong, map { "order '$_' was committed and is not on record" }
      grep { !$on_record{$_} } @{ $options{committed} // [] };
    push @wrong, map { "order '$_' was not committed and is on record" }
      grep { $on_record{$_} } @{ $options{uncommitted} // [] };
    return is_deeply(\@wrong, [], $name);
}

# What one reference's submissions and ledger entries do not agree in.
sub compare {
    my ($submissions, $entries) = @_;
    my @made = grep { $_->{made} } @$entries;
    my (@wrong, %uuids);
    my ($begun, $doubtful) = (0, 0);
    $uuids{ $_->{order_uuid} }++ for @made;
    for my $submission (@$submissions) {
        my $state = $submission->{state};
        $begun += $submission->{attempts};
        $doubtful += $submission->{n_decided};
        $doubtful++ if $state eq 'uncertain' || $state eq 'sending';
        if ($state eq 'accepted') {
            my $uuid = $submission->{order_uuid} // '(none)';
            push @wrong, "submission $submission->{id} is accepted as $uuid, which was not made"
              unless $uuids{$uuid} && $uuids{$uuid}--;
        }
    }
    my $unexplained = 0;
    $unexplained += $_ for values %uuids;
    my $states = join(', ', map { $_->{state} } @$submissions) || 'not on record';
    push @wrong, @made . " orders were made, but: $states" if $unexplained > $doubtful;
    push @wrong, @$entries . " requests were received, but $begun were begun ($states)"
      if @$entries > $begun;
    return @wrong;
}

# What a submission's record contradicts itself in.
sub describe_flaws {
    my ($s)      = @_;
    my $finished = $s->{state} =~ /^(?:accepted|refused|superseded|cancelled)$/;
    my $sending  = $s->{state} eq 'sending';
    my @flaws;
    push @flaws, 'it is being sent by nobody'        if $sending  && !$s->{is_live};
    push @flaws, 'it has a run'                      if !$sending && $s->{has_run};
    push @flaws, 'its time of settlement'            if $s->{is_settled} != ($finished || $s->{state} eq 'uncertain');
    push @flaws, 'it has no payload'                 if !$finished && !$s->{has_payload};
    push @flaws, 'its payload is kept without limit' if $finished && $s->{has_payload} && !$s->{keeps_payload};
    push @flaws, "$s->{n_attempts} of its $s->{attempts} attempts are recorded"
      if $s->{n_attempts} != $s->{attempts};
    push @flaws, "$s->{n_open} of its attempts have no end" if $s->{n_open} != ($sending ? 1 : 0);
    push @flaws, 'it has an order uuid' if $s->{state} ne 'accepted' && defined $s->{order_uuid};
    push @flaws, "its last attempt's outcome is '" . ($s->{outcome} // '') . q{'}
      if $s->{n_decided} == 0
      && (($s->{outcome} // '') eq 'accepted' xor $s->{state} eq 'accepted');
    return map { "submission $s->{id} ($s->{state}): $_" } @flaws;
}

sub find_shared_keys {
    my (@submissions) = @_;
    my %holders;
    # the versions of an order share its key
    push @{ $holders{"$_->{server}/$_->{key}/$_->{mapping}"}{ $_->{first} } }, $_->{id}
      for grep { !$_->{is_of_row} && $_->{state} !~ /^(?:refused|superseded|cancelled)$/ } @submissions;
    return map { "key $_ is held by submissions @{[ map { @$_ } values %{ $holders{$_} } ]}" }
      grep { keys %{ $holders{$_} } > 1 } sort keys %holders;
}

1;
