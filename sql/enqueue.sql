-- enqueue_invoice: an order queued as part of the caller's transaction.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
\set VERBOSITY terse

CREATE ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_clerk IN ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_stranger;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE SERVER regress_fpgo_second FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1', tax_rates '25');
GRANT USAGE ON FOREIGN SERVER frontpayment, regress_fpgo_second TO regress_fpgo_shop;

-- the example order under a referenceNo of its own, NULL for none
CREATE FUNCTION an_order(reference text, changes jsonb DEFAULT '{}') RETURNS jsonb
	LANGUAGE sql RETURN current_setting('test.order')::jsonb || changes ||
		jsonb_build_object('referenceNo', reference);
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;

-- numbers depend on what ran before, so they are not shown, nor what other
-- tests left on record
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.submission \gset
CREATE VIEW records AS
	SELECT s.server, s.key, s.reference, s.role, s.grand_total, s.state,
		s.attempts, p.payload IS NOT NULL AS has_payload
	FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.payload p ON p.submission = s.id
	WHERE s.id > :last ORDER BY s.id;

-- what is recorded; nobody needs a token to queue
SET ROLE regress_fpgo_clerk;
SELECT fpgo.enqueue_invoice(an_order('A-1')) > 0 AS queued;
SELECT fpgo.enqueue_invoice(an_order('A-2')::text) > 0 AS queued;
SELECT fpgo.enqueue_invoice(an_order('A-3')::fpgo.invoice_order) > 0 AS queued;
PREPARE enqueue AS SELECT fpgo.enqueue_invoice($1) > 0 AS queued;
EXECUTE enqueue(an_order('A-4')::text);
RESET ROLE;
SELECT * FROM records;
SELECT p.payload::jsonb = fpgo.payload(an_order('A-1')) AS same, s.order_uuid, s.settled_at, s.not_before, s.run, length(s.order_hash)
FROM fpgo_internal.payload p JOIN fpgo_internal.submission s ON s.id = p.submission
WHERE s.key = 'A-1';

-- a rollback takes it back, of a savepoint too
BEGIN;
SELECT fpgo.enqueue_invoice(an_order('B-1')) > 0 AS queued;
SAVEPOINT s;
SELECT fpgo.enqueue_invoice(an_order('B-2')) > 0 AS queued;
ROLLBACK TO s;
SELECT key FROM records WHERE key LIKE 'B-%';
ROLLBACK;
SELECT key FROM records WHERE key LIKE 'B-%';
DO $$
BEGIN
	PERFORM fpgo.enqueue_invoice(an_order('B-3'));
	RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
	PERFORM fpgo.enqueue_invoice(an_order('B-4'));
END $$;
SELECT key FROM records WHERE key LIKE 'B-%';

-- the same order again: in the transaction that queued it, its number
BEGIN;
SELECT fpgo.enqueue_invoice(an_order('C-1')) AS first \gset
SELECT fpgo.enqueue_invoice(an_order('C-1')) = :first AS same;
SAVEPOINT s;
SELECT fpgo.enqueue_invoice(an_order('C-1'), on_duplicate => 'refuse') = :first AS same;
SELECT fpgo.enqueue_invoice(an_order('C-1'), on_duplicate => 'ignore') = :first AS same;
RELEASE s;
-- queued in a subtransaction of this transaction is queued in it
SAVEPOINT t;
SELECT fpgo.enqueue_invoice(an_order('C-2')) AS second \gset
RELEASE t;
SELECT fpgo.enqueue_invoice(an_order('C-2')) = :second AS same;
COMMIT;
-- later, as on_duplicate says
SELECT fpgo.enqueue_invoice(an_order('C-1'), on_duplicate => 'ignore') = :first AS same;
\set VERBOSITY sqlstate
SELECT fpgo.enqueue_invoice(an_order('C-1'));
SELECT fpgo.enqueue_invoice(an_order('C-1'), on_duplicate => 'refuse');
\set VERBOSITY terse
SELECT fpgo.enqueue_invoice(an_order('C-1'));
SELECT fpgo.enqueue_invoice(an_order('C-1'), on_duplicate => NULL);
SELECT fpgo.enqueue_invoice(an_order('C-1'), on_duplicate => 'Ignore');
\set VERBOSITY default
SELECT fpgo.enqueue_invoice(an_order('C-1'), on_duplicate => 'replace');
\set VERBOSITY terse

-- detail and hint name the submission and what to do about it
CREATE FUNCTION enqueue_error("order" jsonb, key text DEFAULT NULL) RETURNS TABLE (code text, message text, detail text, hint text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fpgo.enqueue_invoice("order", NULL, key);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	detail := regexp_replace(detail, 'submission \d+', 'submission N');
	hint := regexp_replace(hint, '(resolve|cancel_submission)\(\d+', '\1(N');
	RETURN NEXT;
END $$;
\x on
SELECT * FROM enqueue_error(an_order('C-1'));
UPDATE fpgo_internal.submission SET state = 'accepted' WHERE key = 'C-1';
SELECT * FROM enqueue_error(an_order('C-1'));
UPDATE fpgo_internal.submission SET state = 'uncertain' WHERE key = 'C-1';
SELECT * FROM enqueue_error(an_order('C-1'));
-- another order under the key, whatever on_duplicate says
SELECT * FROM enqueue_error(an_order('C-1', '{"invoiceMaturity": 11}'));
SELECT fpgo.enqueue_invoice(an_order('C-1', '{"invoiceMaturity": 11}'), on_duplicate => 'ignore');
UPDATE fpgo_internal.submission SET state = 'sending', run = 1 WHERE key = 'C-1';
SELECT * FROM enqueue_error(an_order('C-1', '{"invoiceMaturity": 11}'));
-- of an accepted one those hear the uuid who may read it
UPDATE fpgo_internal.submission SET state = 'accepted', run = NULL, order_uuid = 'ODR1234567890' WHERE key = 'C-1';
SELECT * FROM enqueue_error(an_order('C-1', '{"invoiceMaturity": 11}'));
CREATE ROLE regress_fpgo_other_shop;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_other_shop;
SET ROLE regress_fpgo_other_shop;
SELECT * FROM enqueue_error(an_order('C-1', '{"invoiceMaturity": 11}'));
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER frontpayment FROM regress_fpgo_other_shop;
DROP ROLE regress_fpgo_other_shop;
-- in the same transaction as well; there, too, the hint's cure works
BEGIN;
SELECT fpgo.enqueue_invoice(an_order('C-3')) AS wrong \gset
-- of one transaction the last version stands
SELECT fpgo.enqueue_invoice(an_order('C-3', '{"invoiceMaturity": 11}')) AS corrected \gset
COMMIT;
SELECT * FROM enqueue_error(an_order('C-3', '{"invoiceMaturity": 12}'));
SELECT fpgo.cancel_submission(:wrong, 'replaced');
SELECT submission - :wrong AS n, version, state FROM fpgo.versions WHERE key = 'C-3' ORDER BY version;
SELECT fpgo.enqueue_invoice(an_order('C-3', '{"invoiceMaturity": 12}')) > 0 AS queued;
SELECT key, state FROM records WHERE key = 'C-3' ORDER BY state;
-- a key that may be a personal number is not repeated
SELECT fpgo.enqueue_invoice(an_order('C-4'), key => '278182 99901') > 0 AS queued;
SELECT * FROM enqueue_error(an_order('C-5'), '278182 99901');
SELECT * FROM enqueue_error(an_order('C-4'), '278182 99901');
\x off
-- refused and cancelled give the key back
UPDATE fpgo_internal.submission SET state = 'refused' WHERE key = 'C-1';
SELECT fpgo.enqueue_invoice(an_order('C-1', '{"invoiceMaturity": 11}')) > 0 AS queued;
UPDATE fpgo_internal.submission SET state = 'cancelled' WHERE key = 'C-1' AND state = 'queued';
SELECT fpgo.enqueue_invoice(an_order('C-1')) > 0 AS queued;
SELECT key, state FROM records WHERE key = 'C-1';

-- the key: one's own, the referenceNo, or the order itself
SELECT fpgo.enqueue_invoice(an_order('D-1'), key => 'mine') > 0 AS queued;
SELECT fpgo.enqueue_invoice(an_order('D-1')) > 0 AS queued;
SELECT key, reference FROM records WHERE reference = 'D-1';
BEGIN;
SELECT fpgo.enqueue_invoice(an_order(NULL)) AS first \gset
SAVEPOINT s;
SELECT fpgo.enqueue_invoice(an_order(NULL)) = :first AS same;
RELEASE s;
SELECT fpgo.enqueue_invoice(an_order(NULL, '{"invoiceMaturity": 11}')) <> :first AS another;
COMMIT;
-- in another transaction it is the same call, too
SELECT fpgo.enqueue_invoice(an_order(NULL));
SELECT fpgo.enqueue_invoice(an_order(NULL), on_duplicate => 'ignore') = :first AS same;
-- evaluated twice in one statement, queued once
SELECT count(DISTINCT id) FROM (SELECT fpgo.enqueue_invoice(an_order(NULL, '{"invoiceMaturity": 12}')) AS id FROM generate_series(1, 3)) s;
SELECT count(*), count(DISTINCT key) AS keys FROM records WHERE reference IS NULL;
-- of another role it is another call, unless that role's name is the one before a rename
SET ROLE regress_fpgo_clerk;
SELECT fpgo.enqueue_invoice(an_order(NULL)) AS of_clerk \gset
RESET ROLE;
SELECT :of_clerk <> :first AS another;
ALTER ROLE regress_fpgo_clerk RENAME TO regress_fpgo_renamed;
SET ROLE regress_fpgo_renamed;
SELECT fpgo.enqueue_invoice(an_order(NULL), on_duplicate => 'ignore') = :of_clerk AS same;
RESET ROLE;
ALTER ROLE regress_fpgo_renamed RENAME TO regress_fpgo_clerk;
-- accepted: within the window its number, with a NOTICE; later an error, with 'ignore' as well
UPDATE fpgo_internal.submission SET state = 'accepted', settled_at = now() - interval '23 hours' WHERE id = :first;
SET client_min_messages = warning;
SELECT fpgo.enqueue_invoice(an_order(NULL)) = :first AS same;
RESET client_min_messages;
SELECT fpgo.enqueue_invoice(an_order(NULL)) = :first AS same;
SET fpgo.keyless_window = 0;
SELECT fpgo.enqueue_invoice(an_order(NULL));
SET fpgo.keyless_window = '1d';
UPDATE fpgo_internal.submission SET settled_at = now() - interval '25 hours' WHERE id = :first;
SELECT fpgo.enqueue_invoice(an_order(NULL), on_duplicate => 'ignore');
RESET fpgo.keyless_window;
-- refused or cancelled, it is free
UPDATE fpgo_internal.submission SET state = 'refused' WHERE id = :first;
SELECT fpgo.enqueue_invoice(an_order(NULL)) <> :first AS another;
-- what 1.0 queued without a key is known again, by 1.0's hash
SELECT fpgo.enqueue_invoice(an_order(NULL, '{"invoiceMaturity": 13}')) AS of_1_0 \gset
UPDATE fpgo_internal.submission s SET hash_rule = NULL, order_hash = h.hash, key = encode(h.hash, 'hex') || '/4711.849382597398751.111'
FROM (SELECT sha256(k.key || convert_to(p.payload, 'UTF8')) AS hash FROM fpgo_internal.hash_key k, fpgo_internal.payload p WHERE p.submission = :of_1_0) h
WHERE s.id = :of_1_0;
SELECT fpgo.enqueue_invoice(an_order(NULL, '{"invoiceMaturity": 13}'), on_duplicate => 'ignore') = :of_1_0 AS same;
-- the same key at another server is another key
SELECT fpgo.enqueue_invoice(jsonb_set(an_order('A-1'), '{products,0,tax}', '25'), 'regress_fpgo_second') > 0 AS queued;
SELECT server, key FROM records WHERE key = 'A-1';
\set VERBOSITY default
SELECT fpgo.enqueue_invoice(an_order('E-1'), key => ' ');
SELECT fpgo.enqueue_invoice(an_order('E-1'), key => repeat('k', 1001));
\set VERBOSITY terse
SELECT fpgo.enqueue_invoice(an_order('E-1'), key => repeat('k', 1000)) > 0 AS queued;
SELECT fpgo.enqueue_invoice(an_order('E-2'), key => repeat('k', 1000));
-- a long referenceNo is no hindrance, and the same one is the same key
SELECT fpgo.enqueue_invoice(an_order((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i))) AS first \gset
SELECT fpgo.enqueue_invoice(an_order((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i)), on_duplicate => 'ignore') = :first AS same;
-- a total beyond what numeric holds is the gateway's to judge, and not kept
SELECT total, fpgo.enqueue_invoice(an_order('T-' || total, jsonb_build_object('orderSummary', jsonb_build_object(
		'subTotal', 1, 'totalTax', 0, 'totalDiscount', 0, 'grandTotal', total)))) > 0 AS queued
FROM (VALUES ('1e200000'), ('1e99999999999'), ('1e-200000'), (repeat('9', 200)), ('1e3'), (' 12.50 ')) v(total)
WHERE length(total) < 20;
SELECT key, grand_total FROM records WHERE key LIKE 'T-%';
-- keys are compared byte by byte, whatever the database's collation is
SELECT pg_get_indexdef('fpgo_internal.submission_key'::regclass);
-- blanks around a referenceNo are none for the gateway
SELECT fpgo.enqueue_invoice(an_order('E-3')) AS first \gset
SELECT fpgo.enqueue_invoice(an_order(' E-3 '));

-- what else it refuses; nothing is recorded
SELECT count(*) AS before FROM records \gset
SELECT fpgo.enqueue_invoice(NULL);
SELECT fpgo.enqueue_invoice('{');
SELECT fpgo.enqueue_invoice('[]');
SELECT fpgo.enqueue_invoice(an_order('F-1', '{"invoiceMaturity": {}}'));
SELECT fpgo.enqueue_invoice(an_order('F-1'), 'regress_fpgo_second');
SELECT fpgo.enqueue_invoice(an_order('F-1'), 'regress_fpgo_nowhere');
SELECT fpgo.enqueue_invoice(an_order('F-1', jsonb_build_object('note', repeat('x', 1024 * 1024))));
BEGIN READ ONLY;
SELECT fpgo.enqueue_invoice(an_order('F-1'));
ROLLBACK;
SET ROLE regress_fpgo_stranger;
SELECT fpgo.enqueue_invoice(an_order('F-1'));
SELECT count(*) FROM fpgo_internal.submission;
SELECT count(*) FROM fpgo_internal.payload;
RESET ROLE;
SELECT count(*) = :before AS unchanged FROM records;
\set VERBOSITY sqlstate
SELECT fpgo.enqueue_invoice(NULL);
SELECT fpgo.enqueue_invoice('{');
SELECT fpgo.enqueue_invoice('[]');
SELECT fpgo.enqueue_invoice(an_order('F-1'), 'regress_fpgo_nowhere');
SELECT fpgo.enqueue_invoice(an_order('F-1', jsonb_build_object('note', repeat('x', 1024 * 1024))));
\set VERBOSITY terse

-- the user is who it was, after a success and after an error
SET ROLE regress_fpgo_clerk;
SELECT fpgo.enqueue_invoice(an_order('G-1')) > 0 AS queued, current_user;
SELECT fpgo.enqueue_invoice(an_order('G-1'));
SELECT current_user;
RESET ROLE;

-- a search_path of the caller's leads nowhere
CREATE SCHEMA regress_fpgo_trap;
CREATE FUNCTION regress_fpgo_trap.trap(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
CREATE OPERATOR regress_fpgo_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_fpgo_trap.trap);
CREATE OPERATOR regress_fpgo_trap.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_fpgo_trap.trap);
-- planned anew for the path
BEGIN;
SET LOCAL search_path = regress_fpgo_trap, pg_catalog, public;
SELECT fpgo.enqueue_invoice(an_order('H-1')) > 0 AS queued;
SELECT fpgo.enqueue_invoice(an_order('A-1'), on_duplicate => 'ignore') > 0 AS queued;
COMMIT;
DROP SCHEMA regress_fpgo_trap CASCADE;

-- one invoice of a row that ON CONFLICT keeps or changes
CREATE TABLE orders (number text PRIMARY KEY, note text);
CREATE FUNCTION map_order(orders) RETURNS jsonb LANGUAGE sql RETURN an_order($1.number);
CREATE TRIGGER invoice AFTER INSERT OR UPDATE ON orders
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('map_order');
INSERT INTO orders VALUES ('I-1', 'first');
INSERT INTO orders VALUES ('I-1', 'second') ON CONFLICT DO NOTHING;
INSERT INTO orders VALUES ('I-1', 'third') ON CONFLICT (number) DO UPDATE SET note = excluded.note;
SELECT key, state FROM records WHERE key LIKE 'I-%';
SELECT * FROM orders;

-- what fpgo advises is kept, twenty sentences at most
SELECT fpgo.enqueue_invoice(an_order('K-1')) AS number \gset
SELECT unnest(advice) FROM fpgo.submissions WHERE submission = :number;
SELECT fpgo.enqueue_invoice(an_order('K-2', (SELECT jsonb_object_agg('extra' || n, 1) FROM generate_series(1, 30) n))) AS number \gset
SELECT cardinality(advice), advice[20] FROM fpgo.submissions WHERE submission = :number;
SELECT fpgo.enqueue_invoice(jsonb_set(an_order('K-3', jsonb_build_object('orderDate', extract(epoch FROM now())::bigint::text)),
	'{callback,callbackUrl}', '"https://shop.example/fpgo"')) AS number \gset
SELECT advice FROM fpgo.submissions WHERE submission = :number;

-- {submission} in the path of callbackUrl: what is recorded has a token in its place, another for each submission
CREATE FUNCTION named_order(reference text, url text DEFAULT 'https://shop.example/a/{submission}?b=c') RETURNS jsonb
	LANGUAGE sql RETURN jsonb_set(an_order(reference), '{callback,callbackUrl}', to_jsonb(url));
CREATE VIEW tokens AS
	SELECT s.key, s.state, s.order_hash, s.callback_token AS token, p.payload::jsonb AS payload, p.payload::jsonb #>> '{callback,callbackUrl}' AS url
	FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.payload p ON p.submission = s.id
	WHERE s.id > :last AND s.key LIKE 'L-%' ORDER BY s.key;
SELECT fpgo.enqueue_invoice(named_order('L-1')) > 0 AS queued;
SELECT fpgo.enqueue_invoice(named_order('L-2')::text) > 0 AS queued;
SELECT fpgo.enqueue_invoice(named_order('L-3')::fpgo.invoice_order) > 0 AS queued;
SELECT fpgo.enqueue_invoice(named_order('L-4', E' http://b\u00fccher.example/\u00f8{submission}\u00f8 ')) > 0 AS queued;
SELECT key, token ~ '^fpgo-[0-9a-f]{32}$' AS is_token, replace(url, token, '(token)') AS url,
	payload = jsonb_set(CASE key WHEN 'L-3' THEN fpgo.payload(named_order(key)::fpgo.invoice_order) ELSE fpgo.payload(named_order(key)) END,
		'{callback,callbackUrl}', to_jsonb(url)) AS is_else_the_same FROM tokens;
SELECT count(DISTINCT token) AS tokens FROM tokens;
-- the same order again is the same: in its transaction, and with on_duplicate after it; another one is not
SELECT fpgo.enqueue_invoice(named_order('L-1'), on_duplicate => 'ignore') = (SELECT id FROM fpgo_internal.submission WHERE key = 'L-1') AS same;
SELECT code, message FROM enqueue_error(named_order('L-1'));
SELECT code, message FROM enqueue_error(named_order('L-1', 'https://shop.example/b/{submission}?b=c'));
SELECT count(*) FROM fpgo_internal.payload p JOIN fpgo_internal.submission s ON s.id = p.submission WHERE s.key = 'L-1';
BEGIN;
SELECT fpgo.enqueue_invoice(named_order('L-5')) = fpgo.enqueue_invoice(named_order('L-5')) AS same;
COMMIT;
-- handed in anew after it was taken back, it is the same order under another token
SELECT fpgo.cancel_submission(id, 'try again') FROM fpgo_internal.submission WHERE key = 'L-5';
SELECT fpgo.enqueue_invoice(named_order('L-5')) > 0 AS queued;
SELECT count(*), count(DISTINCT order_hash) AS hashes, count(DISTINCT token) AS tokens FROM tokens WHERE key = 'L-5';
-- it is nowhere else, and who does without has none
SELECT fpgo.enqueue_invoice(an_order('L-6', '{"customerReference": "{submission}", "note": {"callbackUrl": "/{submission}"}}')) > 0 AS queued;
SELECT token IS NULL AS has_none, payload = fpgo.payload(an_order('L-6', '{"customerReference": "{submission}", "note": {"callbackUrl": "/{submission}"}}')) AS is_as_written
FROM tokens WHERE key = 'L-6';
-- what is sent counts against the limit, token and all
SELECT fpgo.enqueue_invoice(named_order('L-7') || '{"note": ""}') > 0 AS queued;
SELECT 1048576 - length(p.payload) AS room FROM fpgo_internal.payload p JOIN fpgo_internal.submission s ON s.id = p.submission WHERE s.key = 'L-7' \gset
SELECT code, detail FROM enqueue_error(named_order('L-8') || jsonb_build_object('note', repeat('x', :room + 1)));
SELECT fpgo.enqueue_invoice(named_order('L-8') || jsonb_build_object('note', repeat('x', :room))) > 0 AS queued;
-- a large payload is compressed by lz4, where the server has it
SELECT s.key, pg_column_compression(p.payload) = 'lz4' OR NOT 'lz4' = ANY (c.enumvals) AS is_compressed
FROM fpgo_internal.payload p JOIN fpgo_internal.submission s ON s.id = p.submission
	JOIN pg_settings c ON c.name = 'default_toast_compression' WHERE s.key = 'L-8';
DROP VIEW tokens;

-- the same orders in bulk
SELECT count(DISTINCT fpgo.enqueue_invoice(an_order('J-' || n))) FROM generate_series(1, 200) n;
SELECT count(*) FROM records WHERE key LIKE 'J-%';

DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DROP TRIGGER invoice ON orders;
DROP FUNCTION map_order;
DROP TABLE orders;
DROP FUNCTION enqueue_error, named_order, an_order;
DROP VIEW records;
DROP SERVER frontpayment;
DROP SERVER regress_fpgo_second;
DROP ROLE regress_fpgo_clerk, regress_fpgo_shop, regress_fpgo_stranger;
