-- Which callbacks are genuine where the shop's callbackUrl has a query of its own, and what of a query is read.

\set VERBOSITY terse
SET timezone = 'UTC';
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (callback_secret 's3cret');
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.callback \gset
DELETE FROM fpgo_internal.callback_rejection;
-- one submission has all orders that are known, so that nothing is foreign
CREATE FUNCTION know(uuids text[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO fpgo_internal.submission (server, key, order_hash, role, state, order_uuid, settled_at)
		SELECT 'frontpayment', 'query-' || u, '\x00', 'r', 'accepted', u, now() FROM unnest(uuids) u $$;

-- what the gateway signs: values, one after another
CREATE FUNCTION check_of(signed text) RETURNS text LANGUAGE sql AS $$
	SELECT 'checksum=' || encode(sha256(convert_to(string_agg(split_part(pair, '=', 2), '' ORDER BY n) || 's3cret', 'UTF8')), 'hex')
	FROM string_to_table(signed, '&') WITH ORDINALITY AS t(pair, n) $$;
SELECT set_config('regress.now', floor(extract(epoch FROM now()))::text, false) IS NULL AS never;
CREATE FUNCTION own(uuid text, status text DEFAULT 'SENT', age integer DEFAULT 1) RETURNS text LANGUAGE sql AS $$
	SELECT format('orderUuid=%s&status=%s&paymentMethod=invoice&amount=40&createdAt=1703040812&timestamp=%s',
		uuid, status, current_setting('regress.now')::integer - age) $$;
-- the query of the API page's callbackUrl
CREATE FUNCTION shops() RETURNS text LANGUAGE sql RETURN 'order_identifier=rRbl1FWZG59o&order_status=success';
CREATE FUNCTION received(query text, OUT outcome text, OUT order_uuid text, OUT status text) LANGUAGE sql AS $$
	SELECT r.outcome, r.order_uuid, r.status FROM fpgo.receive_callback(query) r $$;

-- ---------- however the gateway joins and signs ----------

SELECT know(array_agg('ODR' || n)) FROM generate_series(1, 40) n;
SELECT know(array_agg('ODR' || n)) FROM generate_series(70, 74) n;
CREATE TABLE way (n integer PRIMARY KEY, way text, query text);
INSERT INTO way
	SELECT n, way, '/?' || shops() || joint || own('ODR' || n) || '&' || check_of(CASE WHEN signs_all THEN shops() || '&' ELSE '' END || own('ODR' || n))
	FROM (VALUES (1, 'all, by &', '&', true), (2, 'its own, by &', '&', false), (3, 'its own, by ?', '?', false), (4, 'all, by ?', '?', true),
		(5, 'its own, by &&', '&&', false), (6, 'its own, by ?&', '?&', false)) v(n, way, joint, signs_all);
-- the shop has a parameter of the same name, and the checksum runs over its own, over what PHP makes of both, or over both
INSERT INTO way
	SELECT n, 'status twice: ' || way, '/?status=success&' || own('ODR' || n) || '&' || check_of(signed)
	FROM (VALUES (7, 'its own', own('ODR7')), (8, 'as PHP has it', 'status=SENT&' || replace(own('ODR8'), 'status=SENT&', '')),
		(9, 'both', 'status=success&' || own('ODR9'))) v(n, way, signed);
INSERT INTO way VALUES
	(10, 'an own checksum', '/?checksum=x&' || own('ODR10') || '&' || check_of(own('ODR10'))),
	(11, 'a name twice in the shop''s', '/?a=1&a=2&' || own('ODR11') || '&' || check_of(own('ODR11'))),
	(12, 'a question mark in a value', '/?a=1?b=2&c&' || own('ODR12') || '&' || check_of(own('ODR12'))),
	(13, 'the same, and joined by ?', '/?a=1?b=2&c?' || own('ODR13') || '&' || check_of(own('ODR13'))),
	(14, 'the same, all', '/?a=1?b&' || own('ODR14') || '&' || check_of('a=1?b&' || own('ODR14'))),
	(15, 'the same, all, joined by ?', '/?a=1?b?' || own('ODR15') || '&' || check_of('a=1?b&' || own('ODR15'))),
	(16, 'a new parameter', '/?a=1&' || 'vat=8&' || own('ODR16') || '&' || check_of('vat=8&' || own('ODR16'))),
	(17, 'the checksum first', '/?a=1&' || check_of(own('ODR17')) || '&' || own('ODR17')),
	(18, 'the query string alone', 'a=1&' || own('ODR18') || '&' || check_of(own('ODR18'))),
	(19, 'the same, joined by ?', 'a=1?' || own('ODR19') || '&' || check_of(own('ODR19'))),
	(20, 'with its question mark', '?' || own('ODR20') || '&' || check_of(own('ODR20'))),
	(21, 'the whole address', 'https://shop.example?a=1?' || own('ODR21') || '&' || check_of(own('ODR21'))),
	(22, 'a name in brackets', '/?status[]=x&' || own('ODR22') || '&' || check_of(own('ODR22'))),
	(23, 'nothing before the second', '/??' || own('ODR23') || '&' || check_of(own('ODR23'))),
	(24, 'the same twice in its own', '/?' || own('ODR24') || '&' || check_of(own('ODR24')) || '&status=SENT'),
	(25, 'six parameters of the shop''s', '/?a&b&c&d&e&f&' || own('ODR25') || '&' || check_of(own('ODR25')));
SELECT way, r.* FROM (SELECT * FROM way ORDER BY n) w, received(query) r;
-- all was read that the gateway says
SELECT status, payment_method, amount, order_created_at, is_stale, count(*) FROM fpgo.callbacks WHERE callback > :last GROUP BY 1, 2, 3, 4, 5;

-- ---------- attacks ----------

-- Somebody has seen one genuine callback, or more, and does not know the secret.
CREATE TABLE seen AS
	SELECT own('ODR31') AS own, check_of(own('ODR31')) AS own_check, own('ODR32') AS other, check_of(shops() || '&' || own('ODR32')) AS all_check;
SELECT received('/?' || shops() || '&' || own || '&' || own_check), received('/?' || shops() || '&' || other || '&' || all_check) FROM seen;
CREATE FUNCTION try(attack text, query text, OUT attack text, OUT outcome text, OUT order_uuid text, OUT status text) RETURNS record LANGUAGE sql AS $$
	SELECT attack, r.outcome, r.order_uuid, r.status FROM received(query) r $$;

-- what is not signed stands before, and the genuine one has not come yet: nothing of what stands before is read
SELECT know(array_agg('ODR' || n)) FROM generate_series(80, 95) n;
SELECT t.* FROM (VALUES
	(80, 'another status', 'status=PAID&'), (81, 'another order', 'orderUuid=ODR33&'), (82, 'another amount', 'amount=4000&'), (83, 'another time', 'timestamp=1&'),
	(84, 'all others', own('ODR33', 'PAID') || '&'), (85, 'another checksum', 'checksum=' || repeat('0', 64) || '&'),
	(86, 'another checksum of all others', own('ODR33', 'PAID') || '&checksum=' || repeat('0', 64) || '&'),
	(87, 'a question mark', 'status=PAID?'), (88, 'the end of the query', 'status=PAID&?'), (89, 'the beginning of a pair', 'orderUuid=ODR33?'),
	(90, 'a name that PHP alters', '+status=PAID&'), (91, 'brackets', 'status[]=PAID&'), (92, 'no name', '=PAID&'), (93, 'capitals', 'STATUS=PAID&Status=PAID&'),
	(94, 'a genuine one of another order', (SELECT own || '&' || own_check || '&' FROM seen)), (95, 'the same, joined by ?', (SELECT own || '&' || own_check || '?' FROM seen))) v(n, attack, before),
	try(v.attack, '/?' || before || own('ODR' || n) || '&' || check_of(own('ODR' || n))) t;
SELECT status, payment_method, amount, order_created_at, is_stale, count(*), count(DISTINCT order_uuid) AS orders
FROM fpgo.callbacks WHERE order_uuid ~ '^ODR(8|9)\d$' GROUP BY 1, 2, 3, 4, 5;
-- or behind, or between
SELECT t.* FROM seen, LATERAL (VALUES
	('behind: another status', own || '&' || own_check || '&status=PAID'), ('behind: another order', own || '&' || own_check || '&orderUuid=ODR33'),
	('behind: a new value', own || '&' || own_check || '&more=1'), ('behind: capitals', own || '&' || own_check || '&STATUS=PAID'),
	('behind: another checksum', own || '&' || own_check || '&checksum=' || repeat('0', 64)), ('behind a question mark', own || '&' || own_check || '?status=PAID'),
	('between: another status', own || '&status=PAID&' || own_check), ('between: an amount', replace(own, '&amount', '&x=4000&amount') || '&' || own_check),
	('before and between', 'status=PAID&' || replace(own, '&amount', '&x=1&amount') || '&' || own_check)) v(attack, query), try(v.attack, '/?' || query) t;
-- what was not said is not there, though somebody says it before
SELECT received('/?paymentMethod=card&amount=4000&timestamp=' || current_setting('regress.now') || '&createdAt=1703040812&orderUuid=ODR34&status=SENT&' || check_of('orderUuid=ODR34&status=SENT'));
SELECT payment_method, amount, order_created_at, sent_at, is_stale FROM fpgo.callbacks WHERE order_uuid = 'ODR34';
-- an old one stays old
SELECT received('/?timestamp=' || current_setting('regress.now') || '&' || own('ODR35', 'SENT', 3600) || '&' || check_of(own('ODR35', 'SENT', 3600)));
-- characters and parameters moved, renamed, emptied, or in another order
SELECT t.* FROM seen, LATERAL (VALUES
	('another status', '/?' || shops() || '&' || replace(own, 'SENT', 'PAID') || '&' || own_check),
	('another status, all signed', '/?' || shops() || '&' || replace(other, 'SENT', 'PAID') || '&' || all_check),
	('from the shop''s to the gateway''s', '/?' || replace(shops(), 'success', '') || '&' || replace(own, 'paymentMethod=', 'paymentMethod=success') || '&' || own_check),
	('from the gateway''s to the shop''s', '/?' || shops() || 'ODR31&' || replace(own, 'ODR31', 'ODR33') || '&' || own_check),
	('the gateway''s before the shop''s', '/?' || own || '&' || shops() || '&' || own_check),
	('the same, all signed', '/?' || other || '&' || shops() || '&' || all_check),
	('the gateway''s among the shop''s', '/?order_identifier=rRbl1FWZG59o&' || other || '&order_status=success&' || all_check),
	('another order of parameters', '/?' || regexp_replace(own, '^(orderUuid=\w+)&(status=\w+)', '\2&\1') || '&' || own_check),
	('a checksum of another callback', '/?' || own || '&' || all_check), ('the shop''s left out', '/?' || other || '&' || all_check),
	('half of the shop''s left out', '/?order_status=success&' || other || '&' || all_check),
	('no status', '/?' || replace(own, 'status=', 'x=') || '&' || own_check), ('an empty status', '/?' || replace(replace(own, 'SENT', ''), 'invoice', 'SENTinvoice') || '&' || own_check),
	('an empty order', '/?' || replace(replace(own, 'ODR31', ''), 'SENT', 'ODR31SENT') || '&' || own_check),
	('an empty checksum', '/?' || own || '&checksum='), ('no checksum', '/?' || own), ('the name in capitals', '/?' || replace(own, 'status', 'Status') || '&' || own_check),
	('the checksum''s name in capitals', '/?' || own || '&' || replace(own_check, 'checksum', 'CHECKSUM'))) v(attack, query), try(v.attack, query) t;
-- separators in a value
SELECT t.* FROM seen, LATERAL (VALUES
	('& encoded', replace(own, 'SENT', 'SENT%26status=PAID')), ('& twice encoded', replace(own, 'SENT', 'SENT%2526status=PAID')), ('? encoded', replace(own, 'SENT', 'SENT%3Fstatus=PAID')),
	('?', replace(own, 'SENT', 'SENT?status=PAID')), 	(';', replace(own, 'SENT&', 'SENT;status=PAID&')), ('#', replace(own, 'SENT&', 'SENT#status=PAID&')), ('%00', replace(own, 'SENT&', 'SENT%00&')), ('a space', replace(own, 'SENT&', 'SENT+&')),
	('two question marks', 'status=PAID?' || replace(own, '&status', '?status'))) v(attack, query), try(v.attack, '/?' || query || '&' || own_check) t;
-- of a name that stands there twice only the last counts, and only the last is read
SELECT t.* FROM (VALUES
	(70, '? in the order', replace(own('ODR70'), 'ODR70', 'ODR70?status=PAID')), (71, '? before the order', replace(own('ODR71'), 'ODR71', 'ODR33?orderUuid=ODR71')),
	(72, 'a status first', replace(own('ODR72'), '&status', '&status=PAID&status')), (73, 'an amount behind', own('ODR73') || '&amount=40'),
	(74, 'another amount behind', own('ODR74') || '&amount=4000')) v(n, attack, query), try(v.attack, '/?' || v.query || '&' || check_of(own('ODR' || n))) t;
SELECT order_uuid, status, payment_method, amount, is_stale FROM fpgo.callbacks WHERE order_uuid ~ '^ODR7\d$' ORDER BY callback;
-- a checksum that covers some of the parameters
SELECT t.* FROM (VALUES
	('of nothing', ''), ('of the shop''s', shops()), ('of the order', 'orderUuid=ODR36'), ('of the status', 'status=PAID'), ('of all but the status', replace(own('ODR36'), 'SENT', '')),
	('of the last', 'timestamp=' || current_setting('regress.now')::integer - 1), ('of all but the last', regexp_replace(own('ODR36', 'PAID'), '&timestamp=.*', '')),
	('of all but the order', regexp_replace(own('ODR36', 'PAID'), '^orderUuid=\w+&', ''))) v(attack, signed),
	try(v.attack, '/?' || shops() || '&' || own('ODR36', 'PAID') || '&' || coalesce(check_of(signed), 'checksum=' || encode(sha256('s3cret'), 'hex'))) t;
-- nothing of that stands on record
SELECT order_uuid, status, payment_method, amount FROM fpgo.callbacks WHERE callback > :last AND order_uuid IN ('ODR31', 'ODR32', 'ODR33', 'ODR36') ORDER BY callback;

-- ---------- formulas of former times ----------

DELETE FROM fpgo_internal.callback_rejection;
CREATE FUNCTION former(signed text, query text) RETURNS text LANGUAGE sql RETURN '/?' || query || '&' || check_of(signed);
SELECT v.formula, r.* FROM (VALUES
	('the oldest', former('a=ODR37SENT1703040812', own('ODR37'))),
	('the second', former('a=ODR37SENT170304081240' || (current_setting('regress.now')::integer - 1), own('ODR37'))),
	('with a query of the shop''s', former('a=ODR37SENT1703040812', shops() || '&' || own('ODR37'))),
	('joined by ?', former('a=ODR37SENT1703040812', shops() || '?' || own('ODR37'))),
	('in another order', former('a=ODR37SENT1703040812', 'createdAt=1703040812&status=SENT&orderUuid=ODR37')),
	-- what such a checksum does not cover can be changed, so it is no proof of anything else
	('the oldest, another amount', former('a=ODR37SENT1703040812', replace(own('ODR37'), '40&', '4000&'))),
	('the oldest, another status', former('a=ODR37SENT1703040812', own('ODR37', 'PAID'))),
	('the second, another amount', former('a=ODR37SENT170304081240' || (current_setting('regress.now')::integer - 1), replace(own('ODR37'), 'amount=40', 'amount=4000'))),
	('today''s, where it is the same', former('a=ODR38SENT1703040812', 'orderUuid=ODR38&status=SENT&createdAt=1703040812'))) v(formula, query), received(v.query) r;
SELECT outcome, times FROM fpgo.callback_rejections ORDER BY 1;
SELECT count(*) AS recorded FROM fpgo.callbacks WHERE order_uuid = 'ODR37';

-- ---------- texts ----------

-- beyond ASCII, as they are; what is not visible or not UTF-8 stays encoded; a control character is in no status
CREATE FUNCTION said(uuid text, text_encoded text, signed bytea) RETURNS text LANGUAGE sql AS $$
	SELECT '/?orderUuid=' || uuid || '&status=' || text_encoded || '&paymentMethod=' || text_encoded || '&checksum='
		|| encode(sha256(convert_to(uuid, 'UTF8') || signed || signed || 's3cret'), 'hex') $$;
SELECT know(array_agg('ODR' || n)) FROM generate_series(51, 69) n;
SELECT v.what, r.outcome, r.status FROM (VALUES
	('a letter', 51, 'Utl%C3%B8pt', convert_to('Utløpt', 'UTF8')), ('small digits', 52, 'Utl%c3%b8pt', convert_to('Utløpt', 'UTF8')), ('as it is', 53, 'Utløpt', convert_to('Utløpt', 'UTF8')),
	('plus', 54, 'Delvis+p%C3%A5+vent', convert_to('Delvis på vent', 'UTF8')), ('three and four bytes', 55, '%E2%82%AC%20%F0%9F%98%80', convert_to('€ 😀', 'UTF8')),
	('a mark of its own', 56, 'a%CC%8A', convert_to('a' || U&'\030A', 'UTF8')), ('Latin-1', 57, 'Utl%F8pt', '\x55746cf87074'), ('half a letter', 58, 'Utl%C3', '\x55746cc3'),
	('too long a form', 59, '%C0%80', '\xc080'), ('a surrogate', 60, '%ED%A0%80', '\xeda080'), ('a control beyond ASCII', 61, 'PAID%C2%85', convert_to('PAID' || U&'\0085', 'UTF8')),
	('right to left', 62, 'PAID%E2%80%AE', convert_to('PAID' || U&'\202e', 'UTF8')), ('a line', 63, 'PAID%0A', 'PAID\012'), ('a tabulator', 64, 'PAID%09', 'PAID\011'), ('delete', 65, 'PAID%7F', 'PAID\177'),
	('255 bytes', 66, repeat('%C3%B8', 127) || 'x', convert_to(repeat('ø', 127) || 'x', 'UTF8')), ('256 bytes', 67, repeat('%C3%B8', 128), convert_to(repeat('ø', 128), 'UTF8')),
	('a percent sign', 68, '100%25C3', '100%C3'), ('quotes', 69, '%22%5C%27', '"\\''')) v(what, n, sent, signed), received(said('ODR' || v.n, v.sent, v.signed)) r;
SELECT reported_status FROM fpgo.submissions WHERE order_uuid = 'ODR51';
SELECT count(*) AS alike FROM fpgo.callbacks WHERE payment_method = status AND order_uuid LIKE 'ODR5_';

DELETE FROM fpgo_internal.callback;
DELETE FROM fpgo_internal.early_callback;
DELETE FROM fpgo_internal.callback_rejection;
DELETE FROM fpgo_internal.submission WHERE key LIKE 'query-%';
DROP TABLE way, seen;
DROP FUNCTION know, check_of, own, shops, received, try, former, said;
DROP SERVER frontpayment CASCADE;
