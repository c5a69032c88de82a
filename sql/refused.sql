-- Which refused orders a person may queue again.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
SET fpgo.undelivered_notice = off;
SET client_min_messages = warning;
\set VERBOSITY terse

CREATE ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_branch;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 't');
CREATE USER MAPPING FOR regress_fpgo_branch SERVER frontpayment OPTIONS (token 'u');
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop, regress_fpgo_branch;
CREATE FUNCTION made(key text, changes jsonb DEFAULT '{}', on_change text DEFAULT 'error') RETURNS bigint LANGUAGE sql AS $$
	SELECT fpgo.enqueue_invoice(current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', key) || changes,
		on_change::fpgo.on_change) $$;
-- as if it had been sent, and this had come of it
CREATE PROCEDURE settle(id bigint, state text) LANGUAGE sql AS $$
	INSERT INTO fpgo_internal.attempt (submission, number, run, outcome) VALUES (id, 1, 1, settle.state)
		ON CONFLICT (submission, number) DO UPDATE SET outcome = settle.state;
	UPDATE fpgo_internal.submission s SET state = settle.state::fpgo.submission_state, attempts = 1,
		error = CASE settle.state WHEN 'refused' THEN 'The gateway refused it.' END,
		order_uuid = CASE settle.state WHEN 'accepted' THEN 'ODR' || settle.id END,
		settled_at = CASE WHEN settle.state <> 'queued' THEN clock_timestamp() END WHERE s.id = settle.id $$;
-- refused('key'): the number of a submission that was refused so
CREATE FUNCTION refused(key text, changes jsonb DEFAULT '{}') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	id bigint := made(key, changes);
BEGIN
	CALL settle(id, 'refused');
	RETURN id;
END $$;
-- error_of('statement with %s for the number'): what it raises; N is that number, M another one
CREATE FUNCTION error_of(statement text, id bigint) RETURNS TABLE (code text, message text, detail text, hint text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format(statement, id);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	message := regexp_replace(replace(message, id::text, 'N'), '\d+', 'M');
	detail := regexp_replace(detail, '\d+', 'M');
	RETURN NEXT;
END $$;
CREATE FUNCTION queue(id bigint) RETURNS TABLE (code text, message text, detail text, hint text) LANGUAGE sql AS $$
	SELECT * FROM error_of('SELECT fpgo.resolve(%s, ''queued'', ''The gateway was out of order.'')', id) $$;

-- ---------- queued again ----------

SELECT refused('F-1') AS id \gset
SELECT * FROM queue(:id);
SELECT s.state, s.error, s.settled_at, s.attempts, s.version, p.keep_until, p.payload IS NOT NULL AS has_payload
FROM fpgo_internal.submission s JOIN fpgo_internal.payload p ON p.submission = s.id WHERE s.id = :id;
SELECT what, reason FROM fpgo.history WHERE submission = :id;
-- it is queued as any other
SELECT * FROM error_of('SELECT made(''F-1'')', 0);
SELECT * FROM queue(:id);
CALL settle(:id, 'refused');
SELECT * FROM queue(:id);
SELECT fpgo.cancel_submission(:id, 'A test.');
SELECT state FROM fpgo_internal.submission WHERE id = :id;
SELECT * FROM queue(:id);
-- not what a person decided: it may have arrived
ALTER SERVER frontpayment OPTIONS (ADD retention '1d');
SELECT made('F-3') AS id \gset
CALL settle(:id, 'uncertain');
SELECT fpgo.resolve(:id, 'refused', 'A test.');
SELECT * FROM queue(:id);
ALTER SERVER frontpayment OPTIONS (DROP retention);
-- a refusal stays one for all other outcomes
SELECT refused('F-2') AS id \gset
SELECT o AS outcome, e.* FROM unnest('{accepted,refused,cancelled}'::text[]) o, error_of(
	'SELECT fpgo.resolve(%s, ''' || o || ''', ''x''' || CASE o WHEN 'accepted' THEN ', ''ODR1''' ELSE '' END || ')', :id) e;
-- its payload is gone, or it never had one
DELETE FROM fpgo_internal.payload WHERE submission = :id;
SELECT * FROM queue(:id);
CREATE TABLE regress_fpgo_orders (number integer PRIMARY KEY, reference text, name text);
CREATE FUNCTION invoice_for(o regress_fpgo_orders) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_set(current_setting('test.order')::jsonb, '{customerDetails,name}', to_jsonb(o.name))
		|| jsonb_build_object('referenceNo', o.reference) $$;
CREATE TRIGGER invoice AFTER INSERT OR UPDATE OR DELETE ON regress_fpgo_orders FOR EACH ROW
	EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for', 'on_invalid=record');
INSERT INTO regress_fpgo_orders VALUES (1, 'G-1', '');
SELECT id FROM fpgo_internal.submission ORDER BY id DESC LIMIT 1 \gset
SELECT * FROM queue(:id);

-- ---------- its key was used ----------

-- by a corrected order, whatever became of it
CREATE FUNCTION queue_beside(key text, state text) RETURNS TABLE (code text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
DECLARE
	first bigint := refused(key);
BEGIN
	CALL settle(made(key, '{"settings": {"secureDetails": true}}'), state);
	RETURN QUERY SELECT * FROM queue(first);
END $$;
SELECT s AS corrected_is, q.* FROM unnest('{queued,sending,uncertain,accepted,refused,cancelled}'::text[]) s, queue_beside('H-' || s, s) q;
-- the newest of them may be queued again, if all were refused
SELECT max(id) AS id FROM fpgo_internal.submission WHERE key = 'H-refused' \gset
SELECT * FROM queue(:id);
SELECT state FROM fpgo_internal.submission WHERE key = 'H-refused' ORDER BY id;
-- by another row's order
CALL settle(:id, 'refused');
INSERT INTO regress_fpgo_orders VALUES (2, 'K-1', 'Kari');
SELECT max(id) AS id FROM fpgo_internal.submission \gset
CALL settle(:id, 'refused');
UPDATE regress_fpgo_orders SET reference = 'K-2' WHERE number = 2;
SELECT * FROM queue(:id);
INSERT INTO regress_fpgo_orders VALUES (3, 'K-3', 'Kari');
SELECT max(id) AS id FROM fpgo_internal.submission \gset
CALL settle(:id, 'refused');
INSERT INTO regress_fpgo_orders VALUES (4, 'K-3', 'Ola');
SELECT * FROM queue(:id);
SELECT max(id) AS other FROM fpgo_internal.submission \gset
CALL settle(:other, 'refused');
SELECT version FROM fpgo_internal.submission WHERE id IN (:id, :other) ORDER BY id;
SELECT * FROM queue(:id);
SELECT version FROM fpgo_internal.submission WHERE id IN (:id, :other) ORDER BY id;
SELECT * FROM queue(:other);
-- by one that was purged since
CALL settle(:id, 'refused');
CALL settle(:other, 'accepted');
CALL fpgo.purge('2000-01-01');
UPDATE fpgo_internal.submission SET created_at = '1999-01-01', settled_at = '1999-01-02' WHERE id = :other;
CALL fpgo.purge('2000-01-01');
SELECT count(*) FROM fpgo_internal.submission WHERE id = :other;
SELECT * FROM queue(:id);
-- its row is gone
INSERT INTO regress_fpgo_orders VALUES (5, 'K-5', 'Kari');
SELECT max(id) AS id FROM fpgo_internal.submission \gset
CALL settle(:id, 'refused');
DELETE FROM regress_fpgo_orders WHERE number = 5;
SELECT * FROM queue(:id);

-- another user mapping's order is no collision, unless it is the same order
SET ROLE regress_fpgo_shop;
SELECT made('L-1') AS one, made('L-2') AS two \gset
RESET ROLE;
CALL settle(:one, 'refused');
CALL settle(:two, 'refused');
SET ROLE regress_fpgo_branch;
SELECT made('L-1', '{"settings": {"secureDetails": true}}') > 0 AS made, made('L-2') > 0 AS made;
RESET ROLE;
SELECT * FROM queue(:one);
SELECT * FROM queue(:two);

-- a change of an accepted order is queued as a change, and nothing else beside it
SELECT made('M-1') AS id \gset
CALL settle(:id, 'accepted');
SELECT made('M-1', '{"settings": {"secureDetails": true}}', on_change => 'update') AS change \gset
CALL settle(:change, 'refused');
SELECT * FROM queue(:change);
SELECT id = :change AS is_change, state, on_change, version FROM fpgo_internal.submission WHERE id IN (:id, :change) ORDER BY id;

-- its row got another key while a person queued it again: both have one number, and the later one stands
INSERT INTO regress_fpgo_orders VALUES (6, 'N-1', 'Kari');
SELECT max(id) AS id FROM fpgo_internal.submission \gset
CALL settle(:id, 'refused');
UPDATE regress_fpgo_orders SET reference = 'N-2' WHERE number = 6;
UPDATE fpgo_internal.submission SET state = 'queued', settled_at = NULL, version = 2 WHERE id = :id;
UPDATE fpgo_internal.submission SET state = 'cancelled', settled_at = now() WHERE state = 'queued' AND key NOT LIKE 'N-%';
CALL fpgo.deliver();
SELECT s.key, s.version, s.state, count(a.ended_at) AS attempts FROM fpgo_internal.submission s
	LEFT JOIN fpgo_internal.attempt a ON a.submission = s.id WHERE s.key LIKE 'N-%' GROUP BY s.id ORDER BY s.id;

DROP TABLE regress_fpgo_orders CASCADE;
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.event;
DELETE FROM fpgo_internal.attempt;
DELETE FROM fpgo_internal.trace;
DELETE FROM fpgo_internal.hold;
DROP FUNCTION made, refused, queue, queue_beside, error_of;
DROP PROCEDURE settle;
DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_shop, regress_fpgo_branch;
