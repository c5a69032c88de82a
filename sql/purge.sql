-- fpgo.purge takes finished orders away; their keys and uuids stay known.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
SET TimeZone = 'UTC';
SET fpgo.undelivered_notice = off;
\set VERBOSITY terse

CREATE ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_stranger;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1', retention '1d');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 't', callback_secret 's');
CREATE USER MAPPING FOR regress_fpgo_stranger SERVER frontpayment OPTIONS (token 'other');
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop, regress_fpgo_stranger;
SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM fpgo_internal.submission_id_seq \gset

-- made('key'): its order, handed in by a call; another one if there are changes
CREATE FUNCTION made(k text, changes jsonb DEFAULT '{}', VARIADIC how fpgo.on_change[] DEFAULT '{}') RETURNS bigint
LANGUAGE sql AS $$
	SELECT CASE WHEN how = '{}' THEN fpgo.enqueue_invoice(o, key => k)
		ELSE fpgo.enqueue_invoice(o, how[1], key => k) END
	FROM (SELECT current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', k) || changes AS o) w $$;
-- error_of('statement'): what it raises
CREATE FUNCTION error_of(statement text) RETURNS TABLE (code text, message text, detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	code := 'none';
	RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	detail := regexp_replace(detail, '\m[0-9]+\M', 'N', 'g');
	message := regexp_replace(message, '\m[0-9]+\M', 'N', 'g');
	RETURN NEXT;
END $$;
-- finish('key', 'state'): its newest version reached that state ten days ago
CREATE PROCEDURE finish(k text, s text) LANGUAGE sql AS $$
	UPDATE fpgo_internal.submission SET state = s, settled_at = now() - interval '10 days', attempts = 1,
		order_uuid = CASE WHEN s = 'accepted' THEN 'ODR-' || k END
		WHERE id = (SELECT max(id) FROM fpgo_internal.submission WHERE key = k);
	DELETE FROM fpgo_internal.payload WHERE submission = (SELECT max(id) FROM fpgo_internal.submission WHERE key = k);
	INSERT INTO fpgo_internal.attempt (submission, number, run, outcome)
		SELECT max(id), 1, 1, s FROM fpgo_internal.submission WHERE key = k $$;
CREATE VIEW left_over AS
	SELECT s.key, s.state, s.version, s.attempts, s.id <= current_setting('test.mark', true)::bigint AS old
	FROM fpgo_internal.submission s ORDER BY s.id;
CREATE VIEW traces AS
	SELECT t.state, t.for_good, t.order_uuid, t.role = session_user AS own, t.mapping, octet_length(t.key) AS key,
		octet_length(t.source) AS source, octet_length(t.order_hash) AS hash, octet_length(t.newest_hash) AS newest,
		t.hash_rule, current_date - t.day AS days
	FROM fpgo_internal.trace t ORDER BY t.submission, t.order_uuid;

-- ---------- which orders go ----------

SELECT count(made(k)) FROM unnest('{accepted,refused,queued,uncertain,taken-back,for-good,two,half}'::text[]) k;
CALL finish('accepted', 'accepted');
CALL finish('refused', 'refused');
UPDATE fpgo_internal.submission SET state = 'uncertain', settled_at = now() - interval '10 days' WHERE key = 'uncertain';
SELECT fpgo.cancel_queued('Fraud.', 'for-good', for_good => true) > 0 AS done, fpgo.cancel_queued('Out.', 'taken-back') > 0 AS done;
UPDATE fpgo_internal.submission SET settled_at = now() - interval '10 days' WHERE state = 'cancelled';
CALL finish('two', 'accepted');
SELECT made('two', '{"customerReference": "2"}', 'replace') > 0 AS told;
UPDATE fpgo_internal.submission SET settled_at = now() - interval '9 days' WHERE key = 'two' AND version = 2;
CALL finish('half', 'accepted');
SELECT made('half', '{"customerReference": "2"}', 'update') > 0 AS a_change_is_queued;
INSERT INTO fpgo_internal.gateway_order (order_uuid, server, status) VALUES ('ODR-accepted', 'frontpayment', 'PAID'), ('ODR-half', 'frontpayment', 'SENT');
INSERT INTO fpgo_internal.status_change (order_uuid, server, status) VALUES ('ODR-accepted', 'frontpayment', 'PAID'), ('ODR-half', 'frontpayment', 'SENT');
INSERT INTO fpgo_internal.callback (order_uuid, server, checksum, status, is_stale, submission)
	SELECT 'ODR-' || k, 'frontpayment', k::bytea, 'PAID', false, (SELECT id FROM fpgo_internal.submission WHERE key = 'accepted')
	FROM unnest('{accepted,half,unknown}'::text[]) k;
INSERT INTO fpgo_internal.sighting (order_uuid, server) VALUES ('ODR-accepted', 'frontpayment'), ('ODR-unknown', 'frontpayment');

CALL fpgo.purge(NULL);
SET ROLE regress_fpgo_shop;
CALL fpgo.purge(now());
RESET ROLE;
-- too early: nothing; half of an order, or while it is not finished: never
CALL fpgo.purge(now() - interval '11 days');
CALL fpgo.purge(now() - interval '9.5 days');
SELECT * FROM left_over;
CALL fpgo.purge(now() - interval '5 days');
SELECT * FROM left_over;
SELECT * FROM traces;
SELECT 'payload' AS left, count(*) FROM fpgo_internal.payload
UNION ALL SELECT 'attempt', count(*) FROM fpgo_internal.attempt
UNION ALL SELECT 'event ' || coalesce(submission::text, 'none') || ': ' || what, count(*) FROM fpgo_internal.event GROUP BY 1
UNION ALL SELECT 'callback ' || order_uuid || ' ' || (submission IS NOT NULL), 1 FROM fpgo_internal.callback
UNION ALL SELECT 'gateway_order ' || order_uuid, 1 FROM fpgo_internal.gateway_order
UNION ALL SELECT 'status_change ' || order_uuid, 1 FROM fpgo_internal.status_change
UNION ALL SELECT 'sighting ' || order_uuid, 1 FROM fpgo_internal.sighting ORDER BY 1;
SELECT submission, server, key, role, decided_by = session_user AS mine, what, regexp_replace(reason, '\d{4}-\d\d-\d\d', 'DAY') AS reason FROM fpgo.history ORDER BY event;
SET ROLE regress_fpgo_shop;
SELECT count(*) FROM fpgo.history;
RESET ROLE;

-- ---------- keys and uuids stay known ----------

SELECT set_config('test.mark', max(id)::text, false) > '0' AS marked FROM fpgo_internal.submission;
-- the same call
SELECT * FROM error_of($$SELECT made('accepted')$$);
SELECT fpgo.enqueue_invoice(current_setting('test.order')::jsonb || '{"referenceNo": "accepted"}', on_duplicate => 'ignore') = :last + 1 AS the_first_one;
SET client_min_messages = warning;
SELECT * FROM fpgo.invoice_session(NULL, 'accepted');
SELECT count(*) FROM fpgo.invoice_session(:last + 1);
RESET client_min_messages;
-- another order of the key
SELECT * FROM error_of($$SELECT made('accepted', '{"customerReference": "3"}')$$);
SELECT * FROM error_of($$SELECT made('for-good')$$);
SELECT count(*) AS nothing_new FROM left_over WHERE NOT old;
-- of a role with another mapping it is another order, unless it is the same
SET ROLE regress_fpgo_stranger;
SELECT * FROM error_of($$SELECT made('accepted')$$);
SELECT made('accepted', '{"customerReference": "4"}') > :last AS theirs;
SELECT * FROM error_of($$SELECT * FROM fpgo.invoice_session(NULL, 'refused')$$);
RESET ROLE;
-- free keys
SELECT made('refused', '{"customerReference": "5"}') > 0 AS again, made('taken-back') > 0 AS again;
SELECT * FROM left_over WHERE key IN ('refused', 'taken-back', 'accepted');
-- told before, and told again
SELECT made('two', '{"customerReference": "2"}', 'replace') = (SELECT min(submission) FROM fpgo_internal.trace WHERE order_uuid = 'ODR-two') AS silent;
SELECT count(*) FROM left_over WHERE key = 'two';
-- a change of an accepted order is one still: it belongs to a submission made anew
SELECT made('accepted', '{"customerReference": "6"}', 'update') > 0 AS a_change;
SELECT key, state, version, order_uuid, id = :last + 1 AS first, first_version = :last + 1 AS further, attempts
FROM fpgo_internal.submission WHERE key = 'accepted' AND mapping = '' ORDER BY id;
SELECT * FROM error_of($$SELECT made('accepted')$$);
SELECT order_uuid FROM fpgo.invoice_session(NULL, 'accepted');
-- it goes again when all is finished
CALL finish('accepted', 'refused');
CALL fpgo.purge(now() - interval '5 days');
SELECT key FROM fpgo_internal.submission WHERE key = 'accepted' AND mapping = '';
SELECT * FROM traces WHERE order_uuid = 'ODR-accepted';
-- taken back for good, until a person says otherwise
SELECT submission AS id FROM fpgo_internal.trace WHERE for_good \gset
SELECT * FROM error_of(format($$SELECT fpgo.hand_in_again(%s, 'x')$$, :last + 1));
SELECT fpgo.hand_in_again(:id, 'No fraud.') IS NULL AS free;
SELECT made('for-good') > 0 AS made;

-- ---------- rows ----------

CREATE TABLE orders (number int PRIMARY KEY, status text, total text);
CREATE FUNCTION invoice_for(o orders) RETURNS jsonb LANGUAGE sql
	RETURN current_setting('test.order')::jsonb - 'referenceNo' || jsonb_build_object('customerReference', o.total);
CREATE TRIGGER invoice AFTER INSERT OR UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for', 'on_change=update');
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
INSERT INTO orders SELECT n, 'new', n FROM generate_series(1, 6) n;
UPDATE fpgo_internal.submission SET state = 'accepted', order_uuid = 'ODR' || id - (SELECT min(id) FROM fpgo_internal.submission) + 1, attempts = 1, settled_at = now() - interval '1 day'
	WHERE id < (SELECT max(id) FROM fpgo_internal.submission) - 1;
UPDATE fpgo_internal.submission SET state = 'refused', attempts = 1, settled_at = now() - interval '1 day'
	WHERE id = (SELECT max(id) FROM fpgo_internal.submission) - 1;
SELECT fpgo.cancel_submission(max(id), 'Out of stock.') FROM fpgo_internal.submission;
CALL fpgo.purge(now() + interval '1 minute');
SELECT count(*) FROM fpgo_internal.submission;
SELECT state, for_good, order_uuid, octet_length(source) AS source FROM fpgo_internal.trace WHERE source IS NOT NULL ORDER BY submission;
-- fired again, whatever became of the order: silent
UPDATE orders SET status = 'seen';
UPDATE orders SET total = 'more' WHERE number = 6;
SELECT count(*) FROM fpgo_internal.submission;
-- changed: a change of the accepted order, and a new try of the refused one
UPDATE orders SET total = '1b' WHERE number = 1;
UPDATE orders SET total = '5b' WHERE number = 5;
SELECT s.state, s.version, s.order_uuid, s.first_version IS NULL AS first, s.on_change, s.source IS NOT NULL AS has_source FROM fpgo_internal.submission s ORDER BY coalesce(first_version, id), id;
-- another primary key takes the order along; a deleted row changes nothing
UPDATE orders SET number = 12 WHERE number = 2;
SELECT s.state, s.version, s.order_uuid FROM fpgo_internal.submission s ORDER BY id DESC LIMIT 1;
DELETE FROM orders WHERE number = 3;
INSERT INTO orders VALUES (3, 'back', '3'), (2, 'new', 'two');
SELECT s.state, s.version, s.order_uuid, s.first_version IS NULL AS first FROM fpgo_internal.submission s ORDER BY id DESC LIMIT 2;

-- ---------- keyless orders ----------

SELECT fpgo.enqueue_invoice(current_setting('test.order')::jsonb - 'referenceNo') AS id \gset
UPDATE fpgo_internal.submission SET state = 'accepted', order_uuid = 'ODR-keyless', settled_at = now() - interval '10 days' WHERE id = :id;
CALL fpgo.purge(now() - interval '5 days');
SELECT * FROM error_of($$SELECT fpgo.enqueue_invoice(current_setting('test.order')::jsonb - 'referenceNo')$$);

-- of fpgo 1.0: the row is not on record; it takes the order that has its hash, once
INSERT INTO orders VALUES (21, 'new', 'by 1.0');
UPDATE fpgo_internal.submission s SET version = NULL, source = NULL, source_table = NULL, on_change = NULL, mapping = NULL,
		hash_rule = NULL, order_hash = h.hash, key = encode(h.hash, 'hex') || '/' || session_user, state = 'accepted', order_uuid = 'ODR-1.0', settled_at = now() - interval '10 days'
	FROM (SELECT max(p.submission) AS id, sha256((SELECT k.key FROM fpgo_internal.hash_key k ORDER BY created_at LIMIT 1)
		|| convert_to((SELECT q.payload FROM fpgo_internal.payload q ORDER BY submission DESC LIMIT 1), 'UTF8')) AS hash FROM fpgo_internal.payload p) h
	WHERE s.id = h.id;
CALL fpgo.purge(now() - interval '5 days');
DELETE FROM fpgo_internal.payload WHERE submission = (SELECT max(id) FROM fpgo_internal.submission);
CALL fpgo.purge(now() - interval '5 days');
SELECT count(*) AS before FROM fpgo_internal.submission \gset
UPDATE orders SET status = 'seen' WHERE number = 21;
UPDATE orders SET status = 'seen again' WHERE number = 21;
SELECT count(*) - :before AS silent FROM fpgo_internal.submission;
INSERT INTO orders VALUES (22, 'another row', 'by 1.0');
SELECT count(*) - :before AS another FROM fpgo_internal.submission;
-- a row with the reference of an order that a call handed in
CREATE TABLE numbered (number text PRIMARY KEY, status text);
CREATE FUNCTION invoice_for(n numbered) RETURNS jsonb LANGUAGE sql
	RETURN current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', n.number);
CREATE TRIGGER invoice AFTER INSERT OR UPDATE ON numbered FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('invoice_for');
SELECT made('numbered') > 0 AS made;
CALL finish('numbered', 'accepted');
CALL fpgo.purge(now() - interval '5 days');
INSERT INTO numbered VALUES ('numbered', 'new');
SELECT count(*) FROM left_over WHERE key = 'numbered';
DROP TABLE numbered CASCADE;

-- in a transaction block it is all or nothing
SELECT made('rolled back') > 0 AS made;
CALL finish('rolled back', 'accepted');
BEGIN;
CALL fpgo.purge(now() - interval '5 days');
ROLLBACK;
SELECT key, state FROM left_over WHERE key = 'rolled back';
SELECT count(*) FROM fpgo_internal.trace WHERE order_uuid = 'ODR-rolled back';
-- many at once
DELETE FROM fpgo_internal.submission;
INSERT INTO fpgo_internal.submission (server, key, order_hash, role, state, attempts, order_uuid, settled_at, mapping, version, hash_rule)
	SELECT 'frontpayment', 'many-' || n, '\x00', session_user, 'accepted', 1, 'ODR-many-' || n, now() - interval '10 days', '', 1, 1
	FROM generate_series(1, 2500) n;
CALL fpgo.purge(now() - interval '5 days');
SELECT what, left(reason, 35) AS reason FROM fpgo.history ORDER BY event DESC LIMIT 1;
SELECT count(*) FROM left_over;
SELECT count(*), count(DISTINCT key) AS keys, count(DISTINCT order_uuid) AS uuids FROM fpgo_internal.trace WHERE order_uuid LIKE 'ODR-many-%';

-- ---------- forgotten ----------

SET ROLE regress_fpgo_shop;
SELECT * FROM fpgo.forget_keys(current_date, 'x');
RESET ROLE;
SELECT * FROM fpgo.forget_keys(NULL, 'x');
SELECT * FROM fpgo.forget_keys(current_date, ' ');
SELECT server, orders, accepted, current_date - first_day AS first, current_date - last_day AS last FROM fpgo.forget_keys(current_date + 1, 'A test.');
SELECT what, reason FROM fpgo.history ORDER BY event DESC LIMIT 1;
SELECT fpgo.enqueue_invoice(current_setting('test.order')::jsonb - 'referenceNo') > :id AS invoiced_again;

DROP TABLE orders CASCADE;
DROP VIEW left_over, traces;
DROP PROCEDURE finish;
DROP FUNCTION made, error_of;
DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_shop, regress_fpgo_stranger;
TRUNCATE fpgo_internal.submission, fpgo_internal.payload, fpgo_internal.attempt, fpgo_internal.event, fpgo_internal.trace,
	fpgo_internal.account, fpgo_internal.callback, fpgo_internal.gateway_order, fpgo_internal.status_change, fpgo_internal.sighting;
