package FpgoShopHistory;

# A shop's orders with their lines, and a history of them that the shop itself
# keeps: what was invoiced is judged by it.
#
#     my $history = FpgoShopHistory->new($node);
#     ... change rows, deliver, until nothing is left to be delivered ...
#     is_deeply([ $history->wrong($node, @ledger) ], [], 'what was invoiced');
#
# A track is what the shop takes for one order: a row, its changes of the primary
# key, and a row that is inserted again under the primary key of a deleted one.  The
# payload names the track as its first product.
#
# Triggers of the shop's own write, in the same transaction, what the order of each
# track was at its end: the content, or NULL if there was no row or it was not
# ready.  Two transactions that change a track wait for each other, so the numbers
# of its states are in the order of the commits.
#
# Each attempt keeps the snapshot that its claim looked with.  By that it is known,
# to the transaction, which state of a track was the last one committed before the
# claim.  No clock decides.

use strict;
use warnings;

use JSON::PP;

use FpgoTest;

my $json = JSON::PP->new->canonical->allow_nonref;

my $tables = <<'SQL';
CREATE TABLE doc (body jsonb NOT NULL);
CREATE TABLE shop_order (id int PRIMARY KEY, maturity int NOT NULL, reference text, is_ready boolean NOT NULL DEFAULT true);
CREATE TABLE line (shop_order int NOT NULL REFERENCES shop_order ON UPDATE CASCADE ON DELETE CASCADE, name text NOT NULL);
CREATE INDEX ON line (shop_order);
CREATE SEQUENCE track;
CREATE TABLE occupant (id int PRIMARY KEY, track int NOT NULL UNIQUE);
CREATE TABLE touched (xid xid8, track int, PRIMARY KEY (xid, track));
CREATE TABLE state (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xid xid8 NOT NULL, track int NOT NULL, id int, content jsonb);
CREATE INDEX ON state (track, seq);
CREATE TABLE sent (seq int PRIMARY KEY, at timestamptz NOT NULL, token text NOT NULL, made boolean NOT NULL, order_uuid text,
    track int NOT NULL, content jsonb NOT NULL);
-- by which snapshot each attempt was claimed: a trigger that is STABLE sees that of the statement
ALTER TABLE fpgo_internal.submission ADD COLUMN claims jsonb DEFAULT '[]';
CREATE FUNCTION keep_claim() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
BEGIN
    NEW.claims = OLD.claims || jsonb_build_object('number', NEW.attempts, 'started_at', NEW.attempt_began, 'claimed_by', pg_current_snapshot());
    RETURN NEW;
END $$;
CREATE TRIGGER keep_claim BEFORE UPDATE ON fpgo_internal.submission FOR EACH ROW
    WHEN (OLD.state = 'queued' AND NEW.state = 'sending') EXECUTE FUNCTION keep_claim();
CREATE VIEW claim AS SELECT s.id AS submission, c.* FROM fpgo_internal.submission s
    CROSS JOIN jsonb_to_recordset(s.claims) c (number int, started_at timestamptz, claimed_by pg_snapshot);

-- the shop's own, README's way
CREATE FUNCTION invoice_for(o shop_order) RETURNS jsonb LANGUAGE sql STABLE RETURN
    (SELECT CASE WHEN o.is_ready THEN d.body || jsonb_build_object('referenceNo', o.reference, 'invoiceMaturity', o.maturity, 'products',
        jsonb_build_array(d.body #> '{products,0}' || jsonb_build_object('name', 'Track ' || (SELECT c.track FROM occupant c WHERE c.id = o.id)))
        || coalesce((SELECT jsonb_agg(d.body #> '{products,0}' || jsonb_build_object('name', l.name) ORDER BY l.name)
            FROM line l WHERE l.shop_order = o.id), '[]')) END FROM doc d);
CREATE CONSTRAINT TRIGGER invoice AFTER INSERT OR UPDATE OR DELETE ON shop_order DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for');
CREATE FUNCTION touch_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shop_order SET maturity = maturity WHERE id IN (OLD.shop_order, NEW.shop_order);
    RETURN NULL;
END $$;
CREATE TRIGGER touch_order AFTER INSERT OR UPDATE OR DELETE ON line FOR EACH ROW EXECUTE FUNCTION touch_order();

-- which track a row is
CREATE FUNCTION find_track() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM occupant WHERE id = NEW.id) THEN
            INSERT INTO occupant VALUES (NEW.id, nextval('track'));
        END IF;
    ELSIF TG_OP = 'UPDATE' AND OLD.id <> NEW.id THEN
        DELETE FROM occupant WHERE id = NEW.id;
        UPDATE occupant SET id = NEW.id WHERE id = OLD.id;
    END IF;
    INSERT INTO touched SELECT pg_current_xact_id(), track FROM occupant
        WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER find_track AFTER INSERT OR UPDATE OR DELETE ON shop_order FOR EACH ROW EXECUTE FUNCTION find_track();

-- what its order is, and was
CREATE FUNCTION content(o shop_order) RETURNS jsonb LANGUAGE sql STABLE RETURN CASE WHEN o.is_ready THEN jsonb_build_array(o.maturity, o.reference,
    coalesce((SELECT jsonb_agg(l.name ORDER BY l.name) FROM line l WHERE l.shop_order = o.id), '[]')) END;
CREATE FUNCTION keep_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO state (xid, track, id, content)
        SELECT t.xid, t.track, o.id, content(o) FROM touched t LEFT JOIN occupant c USING (track) LEFT JOIN shop_order o ON o.id = c.id
        WHERE t.xid = pg_current_xact_id() ORDER BY t.track;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER keep_state AFTER INSERT OR UPDATE OR DELETE ON shop_order DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION keep_state();

-- the source of a row, as fpgo records it
CREATE FUNCTION source(id int) RETURNS bytea LANGUAGE sql IMMUTABLE RETURN
    sha256(convert_to(format('6:public10:shop_order%s:%s', length(id::text), id), 'UTF8'));
SQL

# FpgoShopHistory->new($node): makes the shop in a database with fpgo.
sub new {
    my ($class, $node) = @_;
    my $body = literal(order(referenceNo => undef, 'callback.callbackUrl' => 'https://shop.example/{submission}'));
    administer($node, "SET client_min_messages = warning; $tables; INSERT INTO doc VALUES ($body)");
    return bless {}, $class;
}

# token_of($entry): which submission an entry of the ledger was sent for.
sub token_of {
    my ($entry) = @_;
    my ($token) = ($entry->{body}{callback}{callbackUrl} // '') =~ m{([^/]+)\z};
    return $token;
}

# --- the judgement --------------------------------------------------------------------------

# Each gives rows "track|what is wrong".
my %judgements = (
    twice => q{SELECT track, format('made %s times: %s', count(*), string_agg(order_uuid, ', ' ORDER BY seq))
        FROM sent WHERE made GROUP BY track HAVING count(*) > 1},

    # the last state that was committed before the claim, by the claim's snapshot
    not_so => q{SELECT e.track, format('entry %s, submission %s: %s was sent, %s was committed', e.seq, coalesce(v.id::text, '(unknown)'), e.content,
            CASE WHEN s.seq IS NULL THEN 'nothing' ELSE coalesce(s.content::text, 'no order') END)
        FROM sent e LEFT JOIN fpgo_internal.submission v ON v.callback_token = e.token
        LEFT JOIN LATERAL (SELECT a.* FROM claim a WHERE a.submission = v.id
            AND a.started_at <= e.at + interval '1 ms' ORDER BY a.number DESC LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT s.* FROM state s WHERE s.track = e.track
            AND pg_visible_in_snapshot(s.xid, a.claimed_by) ORDER BY s.seq DESC LIMIT 1) s ON true
        WHERE s.content IS DISTINCT FROM e.content},

    # a person's decision that the claim saw
    taken_back => q{SELECT e.track, format('entry %s, submission %s: sent, though submission %s was taken back', e.seq, v.id, o.id)
        FROM sent e JOIN fpgo_internal.submission v ON v.callback_token = e.token
        JOIN claim a ON a.submission = v.id
        JOIN fpgo_internal.submission o ON coalesce(o.first_version, o.id) = coalesce(v.first_version, v.id)
        JOIN fpgo_internal.event d ON d.submission = o.id
        WHERE d.what LIKE 'queued to cancelled%' AND pg_visible_in_snapshot(d.xmin::text::xid8, a.claimed_by)},

    # what the shop has at the end was made as it is, or is told
    lost => q{WITH there AS (
            SELECT o.id, c.track, content(o) AS content, n.id AS newest, coalesce(n.first_version, n.id) AS first, n.state, n.withdrawn, n.error, n.attempts, n.callback_token, n.order_hash
            FROM shop_order o JOIN occupant c USING (id)
            -- handed in for the primary key it has, else for the one it had before
            LEFT JOIN LATERAL (SELECT n.* FROM (SELECT id, max(seq) AS seq FROM state s WHERE s.track = c.track GROUP BY id) s
                JOIN fpgo_internal.submission n ON n.source = source(s.id) ORDER BY s.id = o.id DESC, s.seq DESC, n.id DESC LIMIT 1) n ON true
            WHERE o.is_ready),
        judged AS (SELECT t.*, m.order_uuid, m.content AS made, p.state AS shown, p.order_uuid AS shown_uuid, p.changes_not_sent,
                (SELECT e.content FROM sent e WHERE e.token = t.callback_token ORDER BY e.seq DESC LIMIT 1) AS received,
                EXISTS (SELECT FROM fpgo_internal.submission v WHERE coalesce(v.first_version, v.id) = t.first
                    AND v.order_hash = t.order_hash AND v.state = 'refused' AND v.attempts > 0) AS was_refused,
                (SELECT e.track FROM sent e WHERE e.order_uuid = p.order_uuid AND e.made) AS shown_track
            FROM there t LEFT JOIN sent m ON m.track = t.track AND m.made
            LEFT JOIN LATERAL (SELECT p.* FROM fpgo.submissions p JOIN fpgo.versions v USING (submission)
                WHERE v.first_submission = t.first) p ON true)
        SELECT track, format('row %s is %s, and %s', id, content, CASE
            WHEN newest IS NULL THEN 'was never handed in'
            WHEN order_uuid IS NOT NULL AND shown_uuid IS DISTINCT FROM order_uuid
                THEN format('was made as %s, but submission %s is %s %s', order_uuid, newest, shown, shown_uuid)
            WHEN order_uuid IS NOT NULL THEN format('%s was made; %s changes are told', made, changes_not_sent)
            ELSE format('submission %s is %s, with %s attempts: %s', newest, CASE WHEN withdrawn THEN 'a withdrawal' ELSE state::text END, attempts, error) END)
        FROM judged WHERE NOT coalesce(CASE
            WHEN order_uuid IS NOT NULL THEN shown_uuid = order_uuid AND (made = content) = (changes_not_sent = 0)
            WHEN withdrawn THEN false
            -- a row that was deleted or moved away had this primary key
            WHEN shown = 'accepted' THEN changes_not_sent > 0 AND EXISTS (SELECT FROM state s WHERE s.track = shown_track AND s.id = judged.id)
            -- by the gateway, or by an operator; a row that moves on takes that along
            WHEN state = 'refused' AND error !~ '^Not ' THEN was_refused AND (received = content OR received IS NULL)
            WHEN state = 'refused' THEN error ~ '^Not (handed in again|sent: the order was taken back)'
            ELSE state = 'cancelled' END, false)},

    # withdrawn while it was under way: a commit that the acceptance may not have seen is left out
    untold => q{SELECT e.track, format('submission %s was accepted though it was withdrawn, and no event says so', a.id)
        FROM fpgo_internal.submission a JOIN sent e ON e.order_uuid = a.order_uuid AND e.made
        JOIN LATERAL (SELECT n.*, pg_xact_commit_timestamp(n.xmin) AS committed_at FROM fpgo_internal.submission n
            WHERE n.first_version = coalesce(a.first_version, a.id) AND n.created_at < a.settled_at ORDER BY n.version DESC LIMIT 1) n ON n.withdrawn
        WHERE a.state = 'accepted' AND n.version > coalesce(a.version, 1) AND n.committed_at < a.settled_at - interval '200 ms'
        AND NOT EXISTS (SELECT FROM fpgo_internal.event d WHERE d.submission = a.id AND d.what IN ('accepted though withdrawn', 'uncertain to accepted'))},

    unfinished => q{SELECT 0, format('submission %s is %s', id, state) FROM fpgo_internal.submission
        WHERE state IN ('queued', 'sending', 'uncertain')},
);

sub judgements { return sort keys %judgements; }

# take($admin, @ledger): have the entries of a gateway's ledger judged.
sub take {
    my ($self, $admin, @ledger) = @_;
    while (my @some = splice @ledger, 0, 200) {
        my @rows = map {
            my $body = $_->{body};
            my ($track, @lines) = map { $_->{name} } @{ $body->{products} };
            { seq => $_->{seq}, at => $_->{time}, token => token_of($_), made => $_->{made}, order_uuid => $_->{order_uuid},
              track => $track =~ s/^Track //r, content => [ $body->{invoiceMaturity}, $body->{referenceNo}, \@lines ] }
        } @some;
        administer($admin, 'INSERT INTO sent SELECT * FROM jsonb_populate_recordset(NULL::sent, ' . literal($json->encode(\@rows)) . ')');
    }
    return;
}

# wrong($admin, $judgement): a list of pairs, track and sentence.
sub wrong {
    my ($self, $admin, $judgement) = @_;
    return map { [ split /\|/, $_, 2 ] } split /\n/, administer($admin, $judgements{$judgement});
}

# ids_of($admin, $track): the primary keys that rows of the track had.
sub ids_of {
    my ($self, $admin, $track) = @_;
    return split /\n/, administer($admin, "SELECT DISTINCT id FROM state WHERE track = $track AND id IS NOT NULL ORDER BY id");
}

# tell($admin, $track): all that is on record of a track, as text.
sub tell {
    my ($self, $admin, $track) = @_;
    return join "\n", map { administer($admin, $_) } (
        "SELECT format('state %s: transaction %s, row %s: %s', seq, xid, id, content) FROM state WHERE track = $track ORDER BY seq",
        qq{WITH o AS (SELECT coalesce(first_version, id) AS first FROM fpgo_internal.submission
                WHERE source IN (SELECT source(id) FROM state WHERE track = $track)),
            v AS (SELECT *, xmin AS changed_by FROM fpgo_internal.submission WHERE coalesce(first_version, id) IN (SELECT first FROM o))
            SELECT format('submission %s, version %s of %s, handed in at %s, changed last by %s, for row %s, reference %s: %s%s, %s attempts, settled at %s: %s', v.id, version, first_version,
                created_at, changed_by, (SELECT id FROM (SELECT DISTINCT id FROM state) s WHERE source(s.id) = v.source), reference, state, CASE WHEN withdrawn THEN ' (withdrawal)' END, attempts, settled_at, error)
            || coalesce((SELECT string_agg(format(E'\\n  attempt %s at %s, saw %s: %s', number, a.started_at, claimed_by, outcome), '' ORDER BY number)
                FROM claim a LEFT JOIN fpgo_internal.whole_attempt w USING (submission, number) WHERE a.submission = v.id), '')
            || coalesce((SELECT string_agg(format(E'\\n  event at %s, transaction %s: %s', at, d.xmin, what), '' ORDER BY d.id)
                FROM fpgo_internal.event d WHERE d.submission = v.id), '')
            FROM v ORDER BY v.id},
        "SELECT format('ledger %s at %s: submission %s, made %s as %s: %s', seq, at, (SELECT id FROM fpgo_internal.submission WHERE callback_token = token), made, order_uuid, content)
            FROM sent WHERE track = $track ORDER BY seq");
}

1;
