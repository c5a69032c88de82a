-- What people decide about submissions binds whoever hands the order in again; it is
-- named by key or reference, and stands in fpgo.history.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
SET TimeZone = 'UTC';
\set VERBOSITY terse

CREATE ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_clerk IN ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_stranger;
CREATE ROLE regress_fpgo_operator;
GRANT EXECUTE ON FUNCTION fpgo.resolve TO regress_fpgo_operator;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE SERVER regress_fpgo_second FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:2/api/v1');
GRANT USAGE ON FOREIGN SERVER frontpayment, regress_fpgo_second TO regress_fpgo_shop, regress_fpgo_stranger;

-- what other tests left on record is not looked at; numbers are counted from there
SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM fpgo_internal.submission_id_seq \gset
SELECT set_config('test.last', :'last', false) IS NOT NULL AS kept;
-- without('text'): with each number of a submission as "submission" or "N", and today as DAY
CREATE FUNCTION without(said text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(replace(replace(said, to_char(now(), 'YYYY-MM-DD'), 'DAY'), session_user, 'the superuser'),
		'\m[0-9]+\M', 'N', 'g') $$;
-- made('key', 'reference'): an order queued under a key
CREATE FUNCTION made(key text, reference text DEFAULT NULL, changes jsonb DEFAULT '{}') RETURNS bigint LANGUAGE sql AS $$
	SELECT fpgo.enqueue_invoice(current_setting('test.order')::jsonb
		|| jsonb_build_object('referenceNo', coalesce(reference, key)) || changes, key => key) $$;
-- error_of('statement'): what it raises
CREATE FUNCTION error_of(statement text) RETURNS TABLE (code text, message text, detail text, hint text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	message := without(message);
	detail := without(detail);
	hint := without(hint);
	RETURN NEXT;
END $$;
CREATE VIEW records AS
	SELECT s.id - :last AS n, s.key, s.state, s.for_good, without(s.error) AS error, p.payload IS NOT NULL AS has_payload
	FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.payload p ON p.submission = s.id
	WHERE s.id > :last ORDER BY s.id;
-- a shop's table
CREATE TABLE orders (number text PRIMARY KEY, status text);
CREATE FUNCTION invoice_for(o orders) RETURNS jsonb LANGUAGE sql
	RETURN current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', o.number);
CREATE TRIGGER invoice AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for');

-- taken back: a call hands it in again, a trigger does not, and says so once
INSERT INTO orders VALUES ('A-1', 'new'), ('A-2', 'new');
SELECT fpgo.cancel_queued('The customer called.', 'A-1') - :last AS n;
UPDATE orders SET status = 'paid' WHERE number = 'A-1';
UPDATE orders SET status = 'sent' WHERE number = 'A-1';
SELECT * FROM records;
BEGIN;
SELECT made('A-1') > 0 AS by_a_call;
UPDATE orders SET status = 'seen' WHERE number = 'A-1';
ROLLBACK;
-- taken back, handed in by a call, refused by the gateway: the trigger does not send the same again
SELECT made('A-1') AS id \gset
UPDATE fpgo_internal.submission SET state = 'refused', attempts = 1 WHERE id = :id;
UPDATE orders SET status = 'back' WHERE number = 'A-1';
SELECT * FROM records WHERE key = 'A-1';
-- a call does
SELECT made('A-1') > :id AS again;
-- that is taken back as well
SELECT fpgo.cancel_queued('Twice.', key => 'A-1') > :id AS another;
UPDATE orders SET status = 'seen' WHERE number = 'A-1';
SELECT * FROM records WHERE key = 'A-1' AND n > :id - :last;
-- nothing is taken back by fpgo's own cancellation, whose caller was told
SELECT made('A-3') AS id \gset
UPDATE fpgo_internal.submission SET state = 'cancelled', attempts = 1 WHERE id = :id;
INSERT INTO orders VALUES ('A-3');
SELECT state FROM records WHERE key = 'A-3';
-- nor is an order that breaks a rule queued where the trigger records such
CREATE OR REPLACE TRIGGER invoice AFTER INSERT OR UPDATE ON orders FOR EACH ROW
	EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for', 'on_invalid=record');
SELECT fpgo.cancel_queued('Recorded.', 'A-3') > 0 AS cancelled;
UPDATE orders SET status = 'seen' WHERE number = 'A-3';
SELECT state, error FROM records WHERE key = 'A-3';

-- an uncertain order that a person gave up is not sent again either
UPDATE fpgo_internal.submission SET state = 'uncertain', attempts = 1 WHERE key = 'A-2';
SELECT fpgo.resolve_uncertain('cancelled', 'Not there.', 'A-2') - :last AS n;
UPDATE orders SET status = 'seen' WHERE number = 'A-2';
SELECT * FROM records WHERE key = 'A-2';

-- for good: neither a call nor a trigger
SELECT made('B-1') AS one \gset
SELECT fpgo.cancel_submission(:one, 'Fraud.', for_good => true);
\x on
SELECT * FROM error_of($$SELECT made('B-1')$$);
SELECT * FROM error_of($$SELECT made('B-1', changes => '{"note": "another order"}')$$);
SELECT * FROM error_of($$SELECT fpgo.enqueue_invoice(current_setting('test.order')::jsonb, key => 'B-1', on_duplicate => 'ignore')$$);
\x off
INSERT INTO orders VALUES ('B-1');
UPDATE orders SET status = 'paid' WHERE number = 'B-1';
SELECT * FROM records WHERE key = 'B-1';
SELECT fpgo.cancel_queued('Mistake.', 'B-1');
SELECT fpgo.cancel_submission(:one, 'x', NULL);
SELECT fpgo.cancel_queued('x', 'B-1', for_good => NULL);

-- handed in again: without its payload the key is free, for the trigger too
SET ROLE regress_fpgo_stranger;
SELECT * FROM error_of(format('SELECT fpgo.hand_in_again(%s, ''x'')', :one));
RESET ROLE;
SELECT fpgo.hand_in_again(:one, 'No fraud.') > :one AS as_the_row_is_now;
UPDATE orders SET status = 'again' WHERE number = 'B-1';
SELECT * FROM records WHERE key = 'B-1';
SELECT * FROM error_of(format('SELECT fpgo.hand_in_again(%s, ''x'')', :one));
SELECT e.* FROM (SELECT max(id) AS newest FROM fpgo_internal.submission) s,
	error_of(format('SELECT fpgo.hand_in_again(%s, ''x'')', newest)) e;
SELECT * FROM error_of('SELECT fpgo.hand_in_again(NULL, ''x'')');
SELECT * FROM error_of(format('SELECT fpgo.hand_in_again(%s, '' '')', :one));
SELECT * FROM error_of('SELECT fpgo.hand_in_again(0, ''x'')');
-- a trigger's order that was taken back, but not for good
INSERT INTO orders VALUES ('B-2');
SELECT fpgo.cancel_queued('Out of stock.', 'B-2') AS id \gset
UPDATE orders SET status = 'seen' WHERE number = 'B-2';
SELECT fpgo.hand_in_again(:id, 'There again.') > :id AS as_the_row_is_now;
UPDATE orders SET status = 'again' WHERE number = 'B-2';
SELECT * FROM records WHERE key = 'B-2';
-- and again
SELECT fpgo.cancel_queued('Out of stock.', 'B-2') > :id AS another;
UPDATE orders SET status = 'seen', number = number WHERE number = 'B-2';
SELECT * FROM records WHERE key = 'B-2' AND n > :id - :last + 1;
-- with its payload it is queued as it was
ALTER SERVER frontpayment OPTIONS (ADD retention '7d');
SET ROLE regress_fpgo_shop;
SELECT made('B-3') AS id \gset
SELECT fpgo.cancel_submission(:id, 'Fraud.', for_good => true);
SET ROLE regress_fpgo_clerk;
SELECT fpgo.hand_in_again(:id, 'No fraud.') = :id AS queued;
RESET ROLE;
SELECT r.*, p.keep_until, s.settled_at, s.role FROM records r JOIN fpgo_internal.submission s ON s.id = r.n + :last
	JOIN fpgo_internal.payload p ON p.submission = s.id WHERE r.key = 'B-3';
ALTER SERVER frontpayment OPTIONS (DROP retention);

-- of no row: the key is free
SELECT made('B-4') AS id \gset
SELECT fpgo.cancel_submission(:id, 'Mistake.', for_good => true);
SELECT fpgo.hand_in_again(:id, 'None.') IS NULL AS free;
SELECT made('B-4') > :id AS handed_in;

-- what was refused at hand-in, once the mapping is mended; the shop's role hands in
CREATE FUNCTION odd(o orders) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF o.status = 'odd' THEN RAISE division_by_zero; END IF;
	RETURN invoice_for(o);
END $$;
CREATE OR REPLACE TRIGGER invoice AFTER INSERT OR UPDATE ON orders FOR EACH ROW
	EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('odd', 'on_invalid=record');
GRANT ALL ON orders TO regress_fpgo_shop;
SET ROLE regress_fpgo_shop;
INSERT INTO orders VALUES ('G-1', 'odd'), ('G-2', 'odd'), ('G-3', 'odd'), ('G-4', 'odd');
UPDATE orders SET status = 'gone' WHERE number = 'G-4';
RESET ROLE;
CREATE VIEW of_rows AS SELECT coalesce(s.reference, 'none') AS reference, s.version, s.state, s.role, s.last_error
	FROM fpgo.versions s WHERE s.source LIKE 'public.orders/%' AND s.role = 'regress_fpgo_shop'
	ORDER BY s.first_submission, s.version;
TABLE of_rows;
SELECT min(submission) AS odd FROM fpgo.versions WHERE last_error LIKE 'Mapping function%' \gset
-- not mended: told to the person, or recorded as before
SELECT fpgo.hand_in_again(:odd, 'Is it?');
SELECT fpgo.hand_in_refused(now() + '1 minute', 'Is it?');
SET ROLE regress_fpgo_stranger;
SELECT fpgo.hand_in_refused(now() + '1 minute', 'Not mine.');
SELECT * FROM error_of(format('SELECT fpgo.hand_in_again(%s, ''x'')', :odd));
RESET ROLE;
CREATE OR REPLACE FUNCTION odd(o orders) RETURNS jsonb LANGUAGE sql RETURN CASE o.number WHEN 'G-3' THEN NULL ELSE invoice_for(o) END;
SELECT fpgo.hand_in_again(:odd, 'Mended.') > :odd AS queued;
SELECT fpgo.hand_in_refused('2020-01-01', 'Nothing so old.');
SELECT fpgo.hand_in_refused(now() + '1 minute', 'Mended.');
SELECT fpgo.hand_in_refused(now() + '1 minute', 'Once.');
TABLE of_rows;
SELECT h.what, h.reason, count(*) FROM fpgo.history h WHERE h.what LIKE 'refused%' GROUP BY 1, 2 ORDER BY 2;
SELECT fpgo.hand_in_refused(NULL, 'x');
SELECT fpgo.hand_in_refused(now(), ' ');
DELETE FROM fpgo_internal.event WHERE what LIKE 'refused%';
DROP VIEW of_rows;

-- by key or reference
SELECT made('C-1', 'shared') AS one, made('C-2', 'shared') AS two, made('C-3', 'shared') AS three \gset
\x on
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('x', reference => 'shared')$$);
SELECT * FROM error_of($$SELECT fpgo.resolve_uncertain('refused', 'x', reference => 'shared')$$);
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('x', 'shared')$$);
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('x')$$);
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('x', 'C-1', 'shared')$$);
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('', 'C-1')$$);
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('x', 'C-1', server => 'regress_fpgo_second')$$);
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('x', 'C-1', server => 'nowhere')$$);
SELECT * FROM error_of($$SELECT fpgo.resolve_uncertain(NULL, 'x', 'C-1')$$);
SELECT * FROM error_of($$SELECT fpgo.resolve_uncertain('accepted', 'x', 'C-1')$$);
\x off
UPDATE fpgo_internal.submission SET state = 'uncertain' WHERE id = :two;
SET ROLE regress_fpgo_shop;
SELECT * FROM error_of($$SELECT fpgo.resolve_uncertain('refused', 'x', reference => 'shared')$$);
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('x', 'C-1')$$);
SET ROLE regress_fpgo_operator;
SELECT fpgo.resolve_uncertain('accepted', 'There.', reference => 'shared', order_uuid => 'ODR1', server => 'frontpayment') = :two AS the_one;
SELECT fpgo.cancel_queued('Not wanted.', 'C-1', for_good => true) = :one AS the_one;
SELECT fpgo.cancel_queued('Not wanted.', reference => 'shared') = :three AS the_one;
\x on
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('x', reference => 'shared')$$);
RESET ROLE;
SELECT made('D-' || n, 'many') > 0 AS made FROM generate_series(1, 12) n \g /dev/null
SELECT * FROM error_of($$SELECT fpgo.cancel_queued('x', reference => 'many')$$);
\x off
-- a server that was renamed, or is gone
SELECT fpgo.enqueue_invoice(:'order', 'regress_fpgo_second', 'E-1') AS id \gset
DROP SERVER regress_fpgo_second;
SELECT fpgo.cancel_queued('Gone.', 'E-1', server => 'regress_fpgo_second') = :id AS the_one;

-- the answer by key
SELECT made('F-1') AS one, made('F-2') AS two, made('F-3') AS three \gset
UPDATE fpgo_internal.submission SET state = 'accepted', role = 'regress_fpgo_shop', order_uuid = 'ODR2', customer_uuid = 'CSRT2',
	bank_id_url = 'https://bank.example/2' WHERE id = :one;
UPDATE fpgo_internal.submission SET state = 'refused' WHERE id = :three;
SET ROLE regress_fpgo_clerk;
SELECT * FROM fpgo.invoice_session('frontpayment', 'F-1');
SELECT * FROM fpgo.invoice_session(server => NULL, key => 'F-1');
SELECT k, i.* FROM unnest('{F-1,F-3,F-4,NULL}'::text[]) k, fpgo.invoice_session('frontpayment', k) i;
SELECT * FROM error_of($$SELECT * FROM fpgo.invoice_session('frontpayment', 'F-2')$$);
SELECT * FROM error_of($$SELECT * FROM fpgo.invoice_session('nowhere', 'F-1')$$);
SET ROLE regress_fpgo_stranger;
SELECT * FROM error_of($$SELECT * FROM fpgo.invoice_session('frontpayment', 'F-1')$$);
RESET ROLE;
BEGIN READ ONLY;
SELECT order_uuid FROM fpgo.invoice_session('frontpayment', 'F-1');
ROLLBACK;

-- who decided what, and why
SELECT submission - :last AS n, server, reference, key, without(role) AS role, at > now() - interval '1 hour' AS at,
	without(decided_by) AS decided_by, what, reason
FROM fpgo.history WHERE submission > :last ORDER BY event;
SET ROLE regress_fpgo_clerk;
SELECT key, role, decided_by, what, reason FROM fpgo.history WHERE submission > :last ORDER BY event;
SET ROLE regress_fpgo_stranger;
SELECT count(*) FROM fpgo.history WHERE submission > :last;
SET ROLE regress_fpgo_operator;
SELECT count(*) > 10 AS all FROM fpgo.history WHERE submission > :last;
RESET ROLE;

DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.event;
DELETE FROM fpgo_internal.account;
DROP VIEW records;
DROP TABLE orders CASCADE;
DROP FUNCTION error_of, made, without;
DROP SERVER frontpayment;
REVOKE EXECUTE ON FUNCTION fpgo.resolve FROM regress_fpgo_operator;
DROP ROLE regress_fpgo_clerk, regress_fpgo_shop, regress_fpgo_stranger, regress_fpgo_operator;
