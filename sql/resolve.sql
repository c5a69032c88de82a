-- What people decide about submissions, and what they may read of them.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
\set VERBOSITY terse

CREATE ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_clerk IN ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_stranger;
CREATE ROLE regress_fpgo_operator;
GRANT EXECUTE ON FUNCTION fpgo.resolve TO regress_fpgo_operator;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop;

-- a_submission('key', 'state'): made by regress_fpgo_shop
CREATE FUNCTION a_submission(key text, state text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	number bigint;
BEGIN
	SET LOCAL ROLE regress_fpgo_shop;
	number := fpgo.enqueue_invoice(current_setting('test.order'), NULL, key);
	RESET ROLE;
	UPDATE fpgo_internal.submission s SET state = a_submission.state::fpgo.submission_state,
		error = CASE WHEN a_submission.state = 'uncertain' THEN 'No answer.' END,
		settled_at = CASE WHEN a_submission.state <> 'queued' THEN '2000-01-01'::timestamptz END
		WHERE s.id = number;
	RETURN number;
END $$;
-- what other tests left on record is not looked at
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.submission \gset
CREATE VIEW records AS
	SELECT s.key, s.state, s.order_uuid, s.customer_uuid, s.bank_id_url, s.error,
		s.settled_at > '2001-01-01' AS settled_now, date_trunc('second', p.keep_until - s.settled_at) AS kept_for,
		p.payload IS NOT NULL AS has_payload, e.what, e.role, e.reason
	FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.payload p ON p.submission = s.id
		LEFT JOIN fpgo_internal.event e ON e.submission = s.id
	WHERE s.id > :last ORDER BY s.id, e.id;

-- the four outcomes of an uncertain submission
SELECT a_submission('A-1', 'uncertain') AS one, a_submission('A-2', 'uncertain') AS two,
	a_submission('A-3', 'uncertain') AS three, a_submission('A-4', 'uncertain') AS four,
	a_submission('A-5', 'uncertain') AS five \gset
SET ROLE regress_fpgo_operator;
SELECT fpgo.resolve(:one, 'accepted', 'The portal shows it.', 'ODR1', 'CSRT1', 'https://bank.example/1');
SELECT fpgo.resolve(:two, 'refused', 'The portal shows it as refused.');
SELECT fpgo.resolve(:three, 'cancelled', 'Not there, and the customer went away.');
SELECT fpgo.resolve(:four, 'queued', 'Not there.');
SELECT fpgo.resolve(submission => :five, outcome => 'accepted', reason => 'There.', order_uuid => 'a-b.c_d~e');
RESET ROLE;
\x on
SELECT * FROM records;
\x off
SELECT not_before, run FROM fpgo_internal.submission WHERE id = :four;
-- which key is free now
SELECT fpgo.enqueue_invoice(:'order', key => 'A-' || n) <> ALL (ARRAY[:one, :two, :three, :four, :five]) AS is_new
FROM unnest('{2,3}'::text[]) n;
SELECT fpgo.enqueue_invoice(:'order', key => 'A-1');
SELECT fpgo.enqueue_invoice(:'order', key => 'A-4');

-- decided is decided
SELECT a_submission('B-1', 'queued') AS id \gset
-- error_of('statement with %s for the number'): what it raises, without numbers
CREATE FUNCTION error_of(statement text, id bigint) RETURNS TABLE (code text, message text, detail text, hint text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format(statement, id);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	message := replace(message, id::text, 'N');
	RETURN NEXT;
END $$;
\x on
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''refused'', ''Twice.'')', :one);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''accepted'', ''x'', ''ODR1'')', :id);
SELECT * FROM error_of('SELECT fpgo.cancel_submission(%s, ''x'')', :one);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''refused'', ''x'')', 0);
SELECT * FROM error_of('SELECT fpgo.cancel_submission(%s, ''x'')', -1);
SELECT * FROM error_of('SELECT * FROM fpgo.invoice_session(%s)', 0);
-- every other state
SELECT s AS state, (error_of('SELECT fpgo.resolve(%s, ''refused'', ''x'')', a_submission('R-' || s, s))).*
FROM unnest('{sending,accepted,refused,cancelled}'::text[]) s;
SELECT s AS state, (error_of('SELECT fpgo.cancel_submission(%s, ''x'')', a_submission('S-' || s, s))).*
FROM unnest('{sending,accepted,refused,uncertain,cancelled}'::text[]) s;
-- not again without its payload
SELECT a_submission('B-2', 'uncertain') AS id \gset
DELETE FROM fpgo_internal.payload WHERE submission = :id;
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''queued'', ''x'')', :id);
SELECT fpgo.resolve(:id, 'cancelled', 'Its payload is gone.');

-- arguments
SELECT a_submission('C-1', 'uncertain') AS id \gset
SELECT * FROM error_of('SELECT fpgo.resolve(NULL, ''refused'', ''x'')', 0);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, NULL, ''x'')', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''refused'', NULL)', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''sending'', ''x'')', :id);
SELECT * FROM error_of(E'SELECT fpgo.resolve(%s, ''refused'', '' \t\n'')', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''refused'', repeat(''ø'', 2001))', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''accepted'', ''x'')', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''accepted'', ''x'', '''')', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''accepted'', ''x'', ''ODR 1'')', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''accepted'', ''x'', ''ODRø'')', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''accepted'', ''x'', repeat(''O'', 256))', :id);
SELECT * FROM error_of(E'SELECT fpgo.resolve(%s, ''accepted'', ''x'', ''ODR1'', ''CSRT\n1'')', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''accepted'', ''x'', ''ODR1'', NULL, ''my bank'')', :id);
SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''refused'', ''x'', ''ODR1'')', :id);
SELECT * FROM error_of('SELECT fpgo.cancel_submission(NULL, ''x'')', 0);
SELECT * FROM error_of('SELECT fpgo.cancel_submission(%s, NULL)', :id);
SELECT * FROM error_of('SELECT fpgo.cancel_submission(%s, '''')', :id);
\x off
SELECT state, what FROM records WHERE key = 'C-1';
SELECT fpgo.resolve(:id, 'refused', repeat('ø', 2000));
SELECT length(reason) FROM records WHERE key = 'C-1';

-- cancel_submission: its role, members of it and operators, before it is sent
SELECT a_submission('D-1', 'queued') AS one, a_submission('D-2', 'queued') AS two,
	a_submission('D-3', 'queued') AS three, a_submission('D-6', 'queued') AS four \gset
SET ROLE regress_fpgo_stranger;
\set VERBOSITY sqlstate
SELECT fpgo.cancel_submission(:one, 'Not mine.');
SELECT fpgo.resolve(:one, 'refused', 'Not mine.');
SELECT * FROM fpgo.invoice_session(:one);
\set VERBOSITY terse
SET ROLE regress_fpgo_operator;
SELECT fpgo.cancel_submission(:four, 'The shop asked for it.');
SET ROLE regress_fpgo_shop;
SELECT fpgo.cancel_submission(:one, 'The customer called.');
SELECT current_user;
SET ROLE regress_fpgo_clerk;
SELECT fpgo.cancel_submission(:two, 'The customer called.');
RESET ROLE;
SELECT fpgo.cancel_submission(:three, 'By a superuser.');
-- whoever runs these tests is a superuser of any name
SELECT key, state, settled_now, has_payload, what,
	CASE role WHEN session_user THEN 'the superuser' ELSE role END AS role, reason
FROM records WHERE key LIKE 'D-%';
-- queued and cancelled in one transaction; a rollback takes the decision back
SET ROLE regress_fpgo_shop;
BEGIN;
SELECT fpgo.enqueue_invoice(:'order', key => 'D-4') AS id \gset
SELECT fpgo.cancel_submission(:id, 'At once.');
SELECT fpgo.enqueue_invoice(:'order', key => 'D-4') <> :id AS is_new;
COMMIT;
SELECT fpgo.enqueue_invoice(:'order', key => 'D-5') AS id \gset
BEGIN;
SELECT fpgo.cancel_submission(:id, 'Never mind.');
ROLLBACK;
SELECT fpgo.cancel_submission(:id, 'After all.');
RESET ROLE;
SELECT key, state, has_payload, what, role, reason FROM records WHERE key IN ('D-4', 'D-5');
BEGIN READ ONLY;
\set VERBOSITY sqlstate
SELECT fpgo.cancel_submission(0, 'x');
\set VERBOSITY terse
ROLLBACK;

-- a server that keeps payloads for a while, and one that is gone
ALTER SERVER frontpayment OPTIONS (ADD retention '7d');
SELECT a_submission('E-1', 'uncertain') AS one, a_submission('E-2', 'uncertain') AS two,
	a_submission('E-3', 'queued') AS three, a_submission('E-4', 'uncertain') AS four,
	a_submission('E-5', 'queued') AS five \gset
SELECT fpgo.resolve(:one, 'accepted', 'There.', 'ODR1');
SELECT fpgo.resolve(:two, 'queued', 'Not there.');
SELECT fpgo.cancel_submission(:three, 'Not wanted.');
DROP SERVER frontpayment;
SELECT fpgo.resolve(:four, 'refused', 'Refused.');
SELECT fpgo.cancel_submission(:five, 'Not wanted.');
SELECT key, state, round(extract(epoch FROM kept_for)) AS kept_for, has_payload FROM records WHERE key LIKE 'E-%';
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop;

-- invoice_session: the row submit_invoice would return
SELECT a_submission('F-' || s, s) FROM unnest('{queued,sending,refused,uncertain,cancelled}'::text[]) s \g /dev/null
SELECT a_submission('F-accepted', 'accepted') AS one, a_submission('F-corporate', 'accepted') AS two \gset
UPDATE fpgo_internal.submission SET order_uuid = 'ODR1', customer_uuid = 'CSRT1', bank_id_url = 'https://bank.example/1', settled_at = now() WHERE id = :one;
UPDATE fpgo_internal.submission SET order_uuid = 'ODR2' WHERE id = :two;
\pset null '(null)'
SELECT key, i FROM fpgo_internal.submission s LEFT JOIN LATERAL fpgo.invoice_session(s.id) i ON true WHERE key LIKE 'F-%' ORDER BY s.id;
SET ROLE regress_fpgo_clerk;
SELECT * FROM fpgo.invoice_session(:one);
SELECT * FROM fpgo.invoice_session(:two);
SELECT * FROM fpgo.invoice_session(NULL);
SET ROLE regress_fpgo_stranger;
SELECT * FROM error_of('SELECT * FROM fpgo.invoice_session(%s)', :one);
RESET ROLE;
\pset null ''
-- in a parallel query, and where nothing may be written
-- (16 renamed the setting)
SELECT name AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
SET :parallel = on;
SELECT * FROM fpgo.invoice_session(:one);
SELECT (SELECT order_uuid FROM fpgo.invoice_session(:one)) FROM pg_class LIMIT 1;
RESET :parallel;
BEGIN READ ONLY;
SELECT * FROM fpgo.invoice_session(:one);
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM fpgo.invoice_session(:one);
COMMIT;

-- a role that is gone leaves its submissions to superusers; one that comes
-- by its name has them, since records know names only
SELECT a_submission('G-1', 'queued') AS id \gset
UPDATE fpgo_internal.submission SET role = 'regress_fpgo_gone' WHERE id IN (:id, :one);
SET ROLE regress_fpgo_shop;
\set VERBOSITY sqlstate
SELECT fpgo.cancel_submission(:id, 'x');
SELECT * FROM fpgo.invoice_session(:one);
\set VERBOSITY terse
RESET ROLE;
SELECT order_uuid FROM fpgo.invoice_session(:one);
SELECT fpgo.cancel_submission(:id, 'Its role is gone.');

-- nobody looks at the records but through fpgo
SET ROLE regress_fpgo_clerk;
\set VERBOSITY sqlstate
SELECT * FROM fpgo_internal.submission;
SELECT * FROM fpgo_internal.payload;
SELECT * FROM fpgo_internal.event;
SELECT * FROM fpgo_internal.hash_key;
\set VERBOSITY terse
RESET ROLE;
SELECT has_function_privilege('regress_fpgo_clerk', 'fpgo.resolve(bigint, text, text, text, text, text)', 'EXECUTE') AS resolve,
	has_function_privilege('regress_fpgo_clerk', 'fpgo.deliver(bigint)', 'EXECUTE') AS deliver,
	has_function_privilege('regress_fpgo_clerk', 'fpgo.cancel_submission(bigint, text)', 'EXECUTE') AS cancel;

DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.event;
DROP VIEW records;
DROP FUNCTION a_submission, error_of;
DROP SERVER frontpayment;
REVOKE EXECUTE ON FUNCTION fpgo.resolve FROM regress_fpgo_operator;
DROP ROLE regress_fpgo_clerk, regress_fpgo_shop, regress_fpgo_stranger, regress_fpgo_operator;
