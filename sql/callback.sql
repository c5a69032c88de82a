-- Callbacks of the gateway: which are genuine, what they change, and who may hand them over.

\set VERBOSITY terse
SET timezone = 'UTC';
CREATE ROLE regress_fpgo_web;
CREATE ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_other;
GRANT EXECUTE ON FUNCTION fpgo.receive_callback TO regress_fpgo_web;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE SERVER regress_fpgo_second FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE USER MAPPING FOR PUBLIC SERVER regress_fpgo_second OPTIONS (callback_secret 'another');
-- what other tests left on record is not looked at
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.callback \gset
DELETE FROM fpgo_internal.callback_rejection;

INSERT INTO fpgo_internal.submission (server, key, order_hash, reference, role, state, order_uuid, settled_at)
	SELECT 'frontpayment', 'callback-' || n, '\x00', 'callback-' || n, 'regress_fpgo_shop', 'accepted', 'ODR' || n, now()
	FROM generate_series(1, 3) n;
-- an order that was changed has a second submission
INSERT INTO fpgo_internal.submission (server, key, order_hash, reference, role, state, order_uuid, settled_at)
	VALUES ('frontpayment', 'callback-1-changed', '\x00', 'callback-1', 'regress_fpgo_shop', 'accepted', 'ODR1', now());

-- sign('a=1&b=2', 'secret'): as the gateway does, for values that need no decoding
CREATE FUNCTION sign(query text, secret text DEFAULT 's3cret') RETURNS text LANGUAGE sql AS $$
	SELECT query || '&checksum=' || encode(sha256(convert_to(string_agg(split_part(pair, '=', 2), '' ORDER BY n) || secret, 'UTF8')), 'hex')
	FROM string_to_table(query, '&') WITH ORDINALITY AS t(pair, n) $$;
-- one time for all, or a second that begins between two makes other callbacks
SELECT set_config('regress.now', now()::text, false) AS now \gset
CREATE FUNCTION said(uuid text, status text, age interval DEFAULT '1 second', more text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT format('orderUuid=%s&status=%s&paymentMethod=invoice&amount=40&createdAt=1703040812&timestamp=%s%s',
		uuid, status, floor(extract(epoch FROM current_setting('regress.now')::timestamptz - age)), more) $$;
-- what came of it, the submission by its key
CREATE FUNCTION received(query text, server text DEFAULT NULL, OUT outcome text, OUT key text, OUT order_uuid text, OUT status text)
LANGUAGE sql AS $$
	SELECT r.outcome, (SELECT s.key FROM fpgo_internal.submission s WHERE s.id = r.submission), r.order_uuid, r.status
	FROM fpgo.receive_callback(query, server) r $$;

-- without a secret nothing can be told
SELECT fpgo.receive_callback(sign(said('ODR1', 'PAID')));
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 'secret-token');
SELECT fpgo.receive_callback(sign(said('ODR1', 'PAID')));
ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (ADD callback_secret 's3cret');
SELECT fpgo.receive_callback(NULL);
SELECT fpgo.receive_callback('a=1', 'regress_fpgo_nowhere');

-- genuine ones, as query string, as request target and as address
SELECT * FROM received(sign(said('ODR1', 'INVOICED')));
SELECT * FROM received('/fpgo?' || sign(said('ODR2', 'INVOICED')));
SELECT * FROM received('https://shop.example/fpgo/x?' || sign(said('ODR3', 'success')));
-- decoded before they are hashed, and in the order they stand in
SELECT r.* FROM CAST(floor(extract(epoch FROM now())) AS text) AS t, received('status=PARTIAL+REFUNDED&orderUuid=%4fDR1&timestamp=' ||
	t || '&checksum=' || upper(encode(sha256(convert_to('PARTIAL REFUNDEDODR1' || t || 's3cret', 'UTF8')), 'hex'))) r;
-- what the shop's own address held counts like any other parameter
SELECT sign(said('ODR2', 'PAID', more => '&shop=7')) AS query \gset
SELECT * FROM received(:'query');
-- by another server's secret
SELECT * FROM received(sign(said('ODR1', 'PAID'), 'another'), 'regress_fpgo_second');

-- again: nothing changes
SELECT * FROM received(:'query');
-- characters moved between neighbours: the sum fits, and it counts as the same
SELECT * FROM received(replace(replace(:'query', 'status=PAID', 'status=PAIDinvoice'), 'paymentMethod=invoice', 'paymentMethod='));
-- old, from the future, or without a time
SELECT * FROM received(sign(said('ODR3', 'PAID', '16 minutes')));
SELECT * FROM received(sign(said('ODR3', 'PAID', '-16 minutes')));
SELECT * FROM received(sign('orderUuid=ODR3&status=REFUNDED'));
ALTER SERVER frontpayment OPTIONS (ADD callback_window '1h');
SELECT * FROM received(sign(said('ODR3', 'PAID', '17 minutes')));
-- of an order that nobody here submitted
SELECT * FROM received(sign(said('ODR99', 'PAID')));

-- forged and altered ones
SELECT r.* FROM (VALUES
	(sign(said('ODR1', 'PAID'), 'wrong')),
	(sign(said('ODR1', 'PAID'), 'another')),
	(sign(said('ODR1', 'PAID'), '')),
	(replace(sign(said('ODR1', 'CANCELLED')), 'CANCELLED', 'PAID')),
	(replace(sign(said('ODR1', 'PAID')), 'amount=40', 'amount=4000')),
	(sign(said('ODR1', 'PAID')) || '&status=REFUNDED'),
	(sign(said('ODR1', 'PAID')) || '&more=1')) v(query), received(v.query) r;
-- what is no callback
SELECT r.* FROM (VALUES
	(''), ('/fpgo'), ('orderUuid=ODR1'),
	(said('ODR1', 'PAID')),
	(said('ODR1', 'PAID') || '&checksum=' || repeat('z', 64)),
	(said('ODR1', 'PAID') || '&checksum=' || repeat('0', 63)),
	(sign(said('ODR1', 'PAID%00'))),
	(sign(said('ODR1', 'PAID%0A'))),
	(sign(said('ODR1%20', 'PAID'))),
	(sign(said('', 'PAID'))),
	(sign(said('ODR1', ''))),
	(sign(said('ODR1', repeat('x', 256)))),
	(sign(said('ODR1', 'PAID', more => '&a=' || repeat('x', 9000)))),
	(sign(said('ODR1', 'PAID', more => (SELECT string_agg('&a' || n || '=', '') FROM generate_series(1, 60) n))))) v(query), received(v.query) r;

-- ---------- a submission's token in the path ----------

-- before the gateway's answer is known, and of another role, and of another server
INSERT INTO fpgo_internal.submission (server, key, order_hash, reference, role, state, order_uuid, callback_token)
	SELECT server, 'callback-' || key, '\x00', 'callback-' || key, role, state, uuid, 'fpgo-' || md5(key)
	FROM (VALUES ('frontpayment', 'sending', 'regress_fpgo_shop', 'sending', NULL), ('frontpayment', 'uncertain', 'regress_fpgo_shop', 'uncertain', NULL),
		('frontpayment', 'accepted', 'regress_fpgo_shop', 'accepted', 'ODR7'), ('frontpayment', 'doubled', 'regress_fpgo_shop', 'accepted', 'ODR8'),
		('frontpayment', 'others', 'regress_fpgo_other', 'accepted', 'ODR9'), ('regress_fpgo_second', 'second', 'regress_fpgo_shop', 'sending', NULL)) v(server, key, role, state, uuid);
CREATE FUNCTION path_of(key text) RETURNS text LANGUAGE sql RETURN '/fpgo/fpgo-' || md5(key);
SELECT * FROM received(path_of('sending') || '?' || sign(said('ODR5', 'SENT')));
SELECT * FROM received('https://shop.example' || path_of('uncertain') || '/x?' || sign(said('ODR6', 'SENT', '2 hours')));
-- who has the order comes first
SELECT * FROM received(path_of('accepted') || '?' || sign(said('ODR7', 'SENT')));
SELECT * FROM received(path_of('uncertain') || '?' || sign(said('ODR1', 'SENT')));
SELECT * FROM received(path_of('doubled') || '?' || sign(said('ODR9', 'SENT')));
-- an order that nobody has, by the token of a submission that has another: it was made twice, or the path was altered
SELECT * FROM received(path_of('doubled') || '?' || sign(said('ODR10', 'SENT')));
-- nobody's token, another server's, and one that does not stand in the path
SELECT r.* FROM (VALUES (path_of('nobody') || '?' || sign(said('ODR11', 'SENT'))), (path_of('second') || '?' || sign(said('ODR12', 'SENT'))),
	(sign(said('ODR13', 'SENT', more => '&x=' || path_of('sending')))), ('/fpgo?' || sign(said('ODR14', 'SENT', more => '&x=' || path_of('sending')))),
	(upper(path_of('sending')) || '?' || sign(said('ODR15', 'SENT')))) v(query), received(v.query) r;
SELECT * FROM received(path_of('second') || '?' || sign(said('ODR12', 'SENT'), 'another'), 'regress_fpgo_second');
-- the path is of no use where the sum does not fit
SELECT * FROM received(path_of('sending') || '?' || sign(said('ODR16', 'SENT'), 'wrong'));
SELECT * FROM received(path_of('sending') || '?orderUuid=ODR16');
-- again: one that names a submission for the first time adds it, and nothing changes that
SELECT sign(said('ODR17', 'SENT')) AS query \gset
SELECT * FROM received(:'query');
SELECT * FROM received(path_of('uncertain') || '?' || :'query');
SELECT * FROM received(path_of('sending') || '?' || :'query');
SELECT * FROM received(:'query');
SELECT state, order_uuid, gateway_status, reported_status FROM fpgo.submissions WHERE key IN ('callback-sending', 'callback-uncertain', 'callback-doubled') ORDER BY key;
-- what a role sees is by the submission that has the order, and by the one that was named only if none has
CREATE VIEW named AS
	SELECT c.order_uuid, s.key AS key, c.reference, n.key AS named
	FROM fpgo.callbacks c LEFT JOIN fpgo_internal.submission s ON s.id = c.submission LEFT JOIN fpgo_internal.submission n ON n.id = c.named_submission
	WHERE callback > :last AND c.status = 'SENT' ORDER BY c.callback;
SELECT * FROM named;
CREATE FUNCTION seen_by(role name) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	RETURN QUERY SELECT c.order_uuid || coalesce(' ' || c.reference, '') FROM fpgo.callbacks c WHERE c.status = 'SENT' ORDER BY c.callback;
	RESET ROLE;
END $$;
SELECT seen_by('regress_fpgo_shop');
SELECT seen_by('regress_fpgo_other');
SELECT seen_by('regress_fpgo_web');
DROP FUNCTION seen_by, path_of;
DROP VIEW named;
DELETE FROM fpgo_internal.callback WHERE status = 'SENT';
DELETE FROM fpgo_internal.submission WHERE callback_token IS NOT NULL AND key LIKE 'callback-%';

-- what stands on record
SELECT server, reference, order_uuid, status, payment_method, amount, order_created_at, sent_at IS NOT NULL AS has_time, is_stale
FROM fpgo.callbacks WHERE callback > :last ORDER BY callback;
SELECT server, outcome, times FROM fpgo.callback_rejections ORDER BY 1, 2;
SELECT key, state, gateway_status, reported_status, reported_at IS NOT NULL AS has_time FROM fpgo.submissions WHERE key LIKE 'callback-%' ORDER BY key;
-- an amount that is none does not lose the rest
SELECT * FROM received(sign('orderUuid=ODR3&status=PAID&amount=1e999999&createdAt=soon&timestamp=9999999999999'));
SELECT amount, order_created_at, sent_at, is_stale FROM fpgo.callbacks ORDER BY callback DESC LIMIT 1;

-- EXECUTE is all it takes, and nothing goes without
SET ROLE regress_fpgo_web;
SELECT outcome FROM fpgo.receive_callback(sign(said('ODR1', 'CHARGED')));
SELECT count(*) AS seen FROM fpgo.callbacks;
SELECT count(*) AS seen FROM fpgo.callback_rejections;
RESET ROLE;
SET ROLE regress_fpgo_shop;
SELECT fpgo.receive_callback(sign(said('ODR1', 'CHARGED')));
SELECT DISTINCT order_uuid FROM fpgo.callbacks ORDER BY 1;
SELECT count(*) AS seen FROM fpgo.callback_rejections;
RESET ROLE;
BEGIN READ ONLY;
SELECT fpgo.receive_callback(sign(said('ODR1', 'REFUNDED')));
ROLLBACK;

-- an order uuid with all that an identifier may have, and one that is a path
SELECT * FROM received(sign(said('a-b.c_d~e', 'PAID')));
SELECT * FROM received(sign(said('..', 'PAID')));

-- options
ALTER SERVER frontpayment OPTIONS (SET callback_window 'soon');
ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (SET callback_secret '');
ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (ADD callback_secret_file '/nowhere/secret');
ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (DROP callback_secret, ADD callback_secret_file 'secret');
ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (DROP callback_secret, ADD callback_secret_file '/nowhere/secret');
SELECT fpgo.receive_callback(sign(said('ODR1', 'PAID')));
ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (DROP token);
ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (DROP callback_secret_file);

DELETE FROM fpgo_internal.callback;
DELETE FROM fpgo_internal.callback_rejection;
DELETE FROM fpgo_internal.submission WHERE key LIKE 'callback-%';
DROP FUNCTION received, said, sign(text, text);
DROP SERVER frontpayment CASCADE;
DROP SERVER regress_fpgo_second CASCADE;
REVOKE EXECUTE ON FUNCTION fpgo.receive_callback FROM regress_fpgo_web;
DROP ROLE regress_fpgo_web, regress_fpgo_shop, regress_fpgo_other;
