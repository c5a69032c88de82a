-- What of a finished order is not kept for ever: its payload goes at its end, or after
-- the option retention; its BankID address after the option bank_id_age.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
SET TimeZone = 'UTC';
SET fpgo.undelivered_notice = off;
SET client_min_messages = warning;
\set VERBOSITY terse

CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1', retention '1d');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 't');
SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM fpgo_internal.submission_id_seq \gset
CREATE FUNCTION made(key text, changes jsonb DEFAULT '{}') RETURNS bigint LANGUAGE sql AS $$
	SELECT fpgo.enqueue_invoice(current_setting('test.order')::jsonb
		|| jsonb_build_object('referenceNo', key) || changes) $$;
-- accept('key', '1 day'): the order of the key was accepted that long ago
CREATE PROCEDURE accept(k text, ago interval, address text) LANGUAGE sql AS $$
	UPDATE fpgo_internal.submission SET state = 'accepted', settled_at = now() - ago, order_uuid = 'ODR' || k,
		customer_uuid = 'CSRT' || k, bank_id_url = address WHERE key = k $$;
-- the number of the key's submission
CREATE FUNCTION number_of(k text) RETURNS bigint LANGUAGE sql
	RETURN (SELECT max(id) FROM fpgo_internal.submission WHERE key = k);

-- ---------- payloads ----------

-- a payload stays as long as the server says when its order ends, whoever decides that
SELECT made('resolved') AS resolved, made('cancelled') AS cancelled, made('accepted') AS accepted \gset
UPDATE fpgo_internal.submission SET state = 'uncertain' WHERE id IN (:resolved, :accepted);
SELECT fpgo.resolve(:resolved, 'refused', 'Not there.');
SELECT fpgo.resolve(:accepted, 'accepted', 'There.', order_uuid => 'ODR1');
SELECT fpgo.cancel_submission(:cancelled, 'Mistake.');
CREATE VIEW payloads AS
	SELECT s.key, s.state, date_trunc('day', p.keep_until - s.settled_at + interval '1 hour') AS kept_for
	FROM fpgo_internal.submission s JOIN fpgo_internal.payload p ON p.submission = s.id ORDER BY s.key COLLATE "C";
SELECT * FROM payloads;

-- the time is that of the moment when the order ended, whatever becomes of the server
ALTER SERVER frontpayment OPTIONS (SET retention '0');
SELECT fpgo.cancel_submission(made('at once'), 'Mistake.');
SELECT * FROM payloads;
ALTER SERVER frontpayment RENAME TO regress_fpgo_renamed;
ALTER SERVER regress_fpgo_renamed OPTIONS (SET retention '2d');
SET fpgo.server = regress_fpgo_renamed;
SELECT fpgo.cancel_submission(made('renamed'), 'Mistake.');
SELECT * FROM payloads;
SELECT made('dropped') AS dropped \gset
DROP SERVER regress_fpgo_renamed CASCADE;
SELECT fpgo.cancel_submission(:dropped, 'Its server is gone.');
CALL fpgo.deliver();
SELECT * FROM payloads;
UPDATE fpgo_internal.payload SET keep_until = now() - interval '1 second';
CALL fpgo.deliver();
SELECT * FROM payloads;

-- ---------- BankID addresses ----------

CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:2/api/v1');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 't');
SELECT fpgo.new_account('frontpayment', 'Another one.');
RESET fpgo.server;
SELECT count(made(k)) AS made FROM unnest('{young,old,none,other}'::text[]) k;
CALL accept('young', '6 days', 'https://bank.example/young');
CALL accept('old', '8 days', 'https://bank.example/old');
CALL accept('none', '8 days', NULL);
\set VERBOSITY default
-- by the default of a week
SELECT * FROM fpgo.invoice_session(number_of('young'));
SELECT bank_id_url FROM fpgo.invoice_session(number_of('none'));
CREATE FUNCTION told(k text) RETURNS TABLE (order_uuid text, bank_id_url text) LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL client_min_messages = warning;
	RETURN QUERY SELECT s.order_uuid, s.bank_id_url FROM fpgo.invoice_session(NULL, k) s;
END $$;
SELECT * FROM told('old');
SELECT regexp_replace(bank_id_url, '.*/', '') AS still_there FROM fpgo_internal.submission WHERE key = 'old';
CALL fpgo.deliver();
SELECT key, bank_id_url, bank_id_url = '' AS gone FROM fpgo_internal.submission WHERE order_uuid IS NOT NULL AND id > :last ORDER BY id;
SELECT * FROM told('old');
SELECT count(*) FROM fpgo.submissions s WHERE s::text LIKE '%bank.example%';
-- the option is that of today
ALTER SERVER frontpayment OPTIONS (ADD bank_id_age '5d');
SELECT * FROM told('young');
ALTER SERVER frontpayment OPTIONS (SET bank_id_age '10d');
SELECT * FROM told('young');
ALTER SERVER frontpayment OPTIONS (SET bank_id_age '0');
CALL accept('other', '0', 'https://bank.example/other');
SELECT * FROM told('other');
-- of each account its own, whatever its server is called
ALTER SERVER frontpayment OPTIONS (SET bank_id_age '5d');
ALTER SERVER frontpayment RENAME TO regress_fpgo_renamed;
CREATE SERVER regress_fpgo_second FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:3/api/v1', bank_id_age '300d');
SELECT fpgo.enqueue_invoice(:'order', server => 'regress_fpgo_second', key => 'second') > 0 AS made;
CALL accept('second', '200 days', 'https://bank.example/second');
CALL fpgo.deliver();
SELECT key, bank_id_url, bank_id_url = '' AS gone FROM fpgo_internal.submission WHERE order_uuid IS NOT NULL AND id > :last ORDER BY id;

DROP SERVER regress_fpgo_second, regress_fpgo_renamed CASCADE;
DELETE FROM fpgo_internal.submission WHERE id > :last;
DELETE FROM fpgo_internal.payload WHERE submission > :last;
DELETE FROM fpgo_internal.event WHERE submission > :last;
DELETE FROM fpgo_internal.account;
DROP VIEW payloads;
DROP PROCEDURE accept;
DROP FUNCTION made, number_of, told;
