-- Orders handed in under a key again: what on_change says of another one.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
\set VERBOSITY terse
SET fpgo.undelivered_notice = off;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
-- what other tests could not send is none of this one's orders
TRUNCATE fpgo_internal.hold;
CREATE ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_other;
CREATE ROLE regress_fpgo_own;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop, regress_fpgo_other, regress_fpgo_own;
CREATE USER MAPPING FOR regress_fpgo_own SERVER frontpayment OPTIONS (token 'x');
SELECT nextval('fpgo_internal.submission_id_seq') AS last \gset
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept, set_config('test.last', :'last', false) IS NOT NULL AS kept;
CREATE FUNCTION an_order(reference text, maturity int) RETURNS jsonb LANGUAGE sql
	RETURN current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', reference, 'invoiceMaturity', maturity);
-- hands in, and says which submission it is, or the SQLSTATE
CREATE FUNCTION hand_in(reference text, maturity int, on_change fpgo.on_change, on_duplicate text DEFAULT 'ignore')
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN fpgo.enqueue_invoice(an_order(reference, maturity), on_change, on_duplicate => on_duplicate)
		- current_setting('test.last')::bigint;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE VIEW records AS SELECT submission - current_setting('test.last')::bigint AS n,
	first_submission - current_setting('test.last')::bigint AS first, version, key, CASE WHEN role LIKE 'regress%' THEN role END AS role, state, on_change,
	regexp_replace(last_error, 'submission \d+', 'submission N') AS last_error
	FROM fpgo.versions ORDER BY submission;
-- the claim does that: nothing is sent here
CREATE FUNCTION settle(reference text, new_state text) RETURNS void LANGUAGE sql
	BEGIN ATOMIC
	UPDATE fpgo_internal.submission s SET state = new_state, attempts = 1,
		order_uuid = CASE new_state WHEN 'accepted' THEN 'ODR' || s.reference END
	WHERE s.reference = settle.reference AND s.state = 'queued';
	END;

-- ---------- queued ----------

SELECT hand_in('A', 10, 'error'), hand_in('A', 10, 'replace') AS same, hand_in('A', 10, 'error', 'refuse') AS refused,
	hand_in('A', 11, 'error') AS another;
SELECT hand_in('A', 11, 'replace'), hand_in('A', 11, 'error') AS same, hand_in('A', 10, 'error') AS the_former;
SELECT hand_in('A', 10, 'update') AS back;
TABLE records;
SELECT submission - :last AS n, state, version, changes_not_sent FROM fpgo.submissions WHERE reference = 'A';
-- any of them stands for the order
SELECT fpgo.cancel_submission(:last + 1, 'test');
SELECT n, state FROM records WHERE key = 'A';
SELECT hand_in('A', 12, 'error') AS free;

-- ---------- accepted, refused, uncertain ----------

SELECT hand_in('B', 10, 'error') AS n, hand_in('C', 10, 'error') AS n, hand_in('D', 10, 'error') AS n;
SELECT settle('B', 'accepted'), settle('C', 'refused'), settle('D', 'uncertain');
SELECT hand_in('B', 10, 'error') AS same, hand_in('B', 11, 'error') AS another, hand_in('B', 11, 'replace') AS late,
	hand_in('B', 11, 'replace') AS once;
SELECT hand_in('B', 12, 'update') AS change;
SELECT hand_in('B', 10, 'error') AS same, hand_in('B', 12, 'error') AS the_change, hand_in('B', 10, 'update') AS back,
	hand_in('B', 10, 'update') AS once;
SELECT hand_in('C', 10, 'error') AS same, hand_in('D', 10, 'error') AS same_, hand_in('D', 11, 'error') AS another,
	hand_in('D', 11, 'replace') AS waits;
SELECT * FROM records WHERE key IN ('B', 'C', 'D');
SELECT reference, state, version, changes_not_sent FROM fpgo.submissions WHERE reference IN ('B', 'C', 'D') ORDER BY 1;
-- any version has the answer
SELECT n, i.order_uuid FROM records r, fpgo.invoice_session(r.n + :last) i WHERE key = 'B' ORDER BY n;

-- ---------- one transaction ----------

BEGIN;
SELECT hand_in('E', 10, 'error'), hand_in('E', 11, 'error') AS the_last_stands, hand_in('E', 11, 'error') AS same;
SAVEPOINT s;
SELECT hand_in('E', 12, 'replace');
ROLLBACK TO s;
COMMIT;
SELECT n, version, state FROM records WHERE key = 'E';

-- ---------- roles ----------

-- the same order is the same call, whoever makes it; another one is nobody else's
SET ROLE regress_fpgo_shop;
SELECT hand_in('F', 10, 'error');
SET ROLE regress_fpgo_other;
SELECT hand_in('F', 10, 'error') AS same, hand_in('F', 11, 'replace') AS not_its_own;
-- with another user mapping it does not collide
SET ROLE regress_fpgo_own;
SELECT hand_in('F', 10, 'error') AS same, hand_in('F', 11, 'error') AS another;
SELECT hand_in('F', 12, 'error') AS taken, hand_in('F', 12, 'replace') AS version;
RESET ROLE;
SELECT * FROM records WHERE key = 'F';

-- ---------- what is refused ----------

SELECT fpgo.enqueue_invoice(an_order('G', 10), NULL::fpgo.on_change);
SELECT fpgo.enqueue_invoice(an_order('G', 10), on_change => 'never');
-- the second argument is still the server
SELECT fpgo.enqueue_invoice(an_order('G', 10), 'regress_fpgo_nowhere');
SELECT fpgo.enqueue_invoice(an_order('G', 10), NULL) - :last AS n;
SELECT fpgo.enqueue_invoice(an_order('G', 11), on_change => 'replace', key => 'G') - :last AS n;
SELECT fpgo.enqueue_invoice(an_order('G', 12)::text, on_change => 'replace') - :last AS n;
SELECT fpgo.enqueue_invoice(an_order('G', 13)::fpgo.invoice_order, on_change => 'replace') - :last AS n;

DELETE FROM fpgo_internal.event;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.submission;
DROP VIEW records;
DROP FUNCTION settle, hand_in, an_order;
DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_shop, regress_fpgo_other, regress_fpgo_own;
