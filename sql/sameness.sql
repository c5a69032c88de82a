-- Which orders are the same: by value, as they were handed in.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
\set VERBOSITY terse

CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
SET fpgo.undelivered_notice = off;
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.submission \gset
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
CREATE FUNCTION an_order(changes jsonb DEFAULT '{}') RETURNS jsonb
	LANGUAGE sql RETURN current_setting('test.order')::jsonb || changes;
-- hands in two orders under one key: are they the same?
CREATE SEQUENCE keys;
CREATE FUNCTION judge(first jsonb, second jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	key text := 'judged-' || nextval('keys');
	id bigint := fpgo.enqueue_invoice(first, key => key);
BEGIN
	RETURN CASE fpgo.enqueue_invoice(second, key => key, on_duplicate => 'ignore') WHEN id THEN 'same' ELSE 'another' END;
END $$;

-- ---------- by value ----------

-- unknown members count, and may be anything
SELECT a, b, judge(an_order(a), an_order(b)), judge(an_order(b), an_order(a)) AS turned FROM (VALUES
	('{"x": 499}'::jsonb, '{"x": 499.0}'::jsonb), ('{"x": 499}', '{"x": 499.00000000000000000000}'), ('{"x": 4.99e2}', '{"x": 499}'),
	('{"x": 0}', '{"x": -0.00}'), ('{"x": 100}', '{"x": 1e2}'), ('{"x": 100}', '{"x": 10}'), ('{"x": 0.1}', '{"x": 0.10}'),
	('{"x": 1}', '{"x": 1.00000000000000000001}'), ('{"x": 499}', '{"x": "499"}'), ('{"x": "499"}', '{"x": "499.0"}'),
	('{"x": "a"}', '{"x": " a\n"}'), ('{"x": "a b"}', '{"x": "a  b"}'), ('{"x": "a"}', '{"x": "A"}'),
	('{"x": true}', '{"x": 1}'), ('{"x": true}', '{"x": "true"}'), ('{"x": true}', '{"x": false}'), ('{"x": "t"}', '{"x": true}'),
	('{}', '{"x": null}'), ('{}', '{"x": " "}'), ('{}', '{"x": {}}'), ('{}', '{"x": []}'), ('{"x": {}}', '{"x": []}'),
	('{"x": [1, 2]}', '{"x": [2, 1]}'), ('{"x": [1, 2.0]}', '{"x": [1.0, 2]}'), ('{"x": [null, 1]}', '{"x": ["", 1]}'), ('{"x": [null, 1]}', '{"x": [1]}'),
	('{"x": {"b": 1, "a": 2}}', '{"x": {"a": 2.0, "b": 1, "c": null}}'), ('{"x": {"a": 1}}', '{"x": {"a": {}}}'),
	('{"x": "1:a"}', '{"x": "a"}'), ('{"x": ["a", "b"]}', '{"x": ["a\"1:b"]}'), ('{"x": [[1], 2]}', '{"x": [[1, 2]]}'),
	('{"x": {"a": {"b": 1}}}', '{"x": {"a": {}, "b": 1}}'), ('{"x": "Æ"}', '{"x": "\u00c6"}'),
	('{"settings": {}}', '{"settings": null}'), ('{}', '{"settings": {"secureDetails": null}}'),
	('{"customerReference": ""}', '{"customerReference": null}'), ('{"invoiceMaturity": 14}', '{"invoiceMaturity": "14"}'),
	('{"invoiceMaturity": 14}', '{"invoiceMaturity": 14.00}'), ('{"invoiceFeeApplicable": true}', '{"invoiceFeeApplicable": 1}'),
	('{"orderDate": "1755150488"}', '{"orderDate": " 1755150488 "}'), ('{"orderDate": "1755150488"}', '{"orderDate": "1755150489"}')) v (a, b);
-- known members, in lists and objects
SELECT path, value, judge(an_order(), jsonb_set(an_order(), path, value)) FROM (VALUES
	('{products,0,rate}'::text[], to_jsonb(round((an_order() #>> '{products,0,rate}')::numeric, 6))),
	('{products,0,name}', to_jsonb(' ' || (an_order() #>> '{products,0,name}') || ' ')),
	('{products,0,name}', '"another"'), ('{products,0,productId}', '"another"'),
	('{customerDetails,address,zip}', to_jsonb('0' || (an_order() #>> '{customerDetails,address,zip}')))) v (path, value)
ORDER BY 1, 2;
SELECT judge(an_order(), an_order('{"products": []}') || jsonb_build_object('products', (an_order() -> 'products') || (an_order() -> 'products'))) AS line_more;
-- the composite has numbers where this order has texts
SELECT judge(an_order(), an_order()::fpgo.invoice_order::jsonb) AS composite,
	judge(an_order()::fpgo.invoice_order::jsonb, an_order()::fpgo.invoice_order::jsonb::fpgo.invoice_order::jsonb) AS twice;

-- ---------- a date from the clock ----------

-- the composite without a date gets that of the transaction; the order is the same later
CREATE FUNCTION dateless(reference text) RETURNS fpgo.invoice_order LANGUAGE sql
	RETURN jsonb_set(an_order() - 'orderDate', '{referenceNo}', to_jsonb(reference))::fpgo.invoice_order;
SELECT fpgo.enqueue_invoice(dateless('date-1')) AS first \gset
SELECT (payload::jsonb ->> 'orderDate')::bigint BETWEEN extract(epoch FROM now())::bigint - 60 AND extract(epoch FROM now())::bigint + 60 AS is_now
FROM fpgo_internal.payload WHERE submission = :first;
SELECT pg_sleep(1.1);
SELECT fpgo.enqueue_invoice(dateless('date-1'), on_duplicate => 'ignore') = :first AS is_the_same;
-- a date of the shop's own is another order's
SELECT fpgo.enqueue_invoice(jsonb_set(dateless('date-1')::jsonb, '{orderDate}', '"1755150488"'), on_duplicate => 'ignore');
-- within one transaction payload, validate, advise and hand-in have one date
BEGIN;
SELECT fpgo.payload(dateless('date-2')) ->> 'orderDate' = floor(extract(epoch FROM now()))::text AS payload,
	(SELECT count(*) FROM fpgo.validate(dateless('date-2'))) AS violations,
	(SELECT count(*) FROM fpgo.advise(dateless('date-2')) WHERE path = 'orderDate') AS advice;
SELECT fpgo.enqueue_invoice(dateless('date-2')) AS second \gset
SELECT payload::jsonb = fpgo.payload(dateless('date-2')) AS same FROM fpgo_internal.payload WHERE submission = :second;
ROLLBACK;
-- the cast has none, since it may stand in an index; jsonb without a date breaks the rule
SELECT dateless('date-3')::jsonb ? 'orderDate' AS cast_has_date;
SELECT path, rule FROM fpgo.validate(dateless('date-3')::jsonb);
SELECT fpgo.enqueue_invoice(dateless('date-3')::jsonb);
-- a default of the server's comes before the clock
ALTER SERVER frontpayment OPTIONS (ADD defaults '{"orderDate": "1755150488"}');
SELECT fpgo.enqueue_invoice(dateless('date-4')) AS fourth \gset
SELECT payload::jsonb ->> 'orderDate' AS by_default FROM fpgo_internal.payload WHERE submission = :fourth;
ALTER SERVER frontpayment OPTIONS (DROP defaults);
-- a trigger whose function leaves the date to the clock, and whose column's scale is altered
CREATE TABLE sales (id int PRIMARY KEY, rate numeric(10, 1), note text);
CREATE FUNCTION sale_invoice(s sales) RETURNS fpgo.invoice_order LANGUAGE plpgsql AS $$
DECLARE
	o fpgo.invoice_order := dateless('sale-' || s.id);
BEGIN
	o.invoice_maturity := s.rate;
	RETURN o;
END $$;
CREATE TRIGGER invoice AFTER INSERT OR UPDATE ON sales FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('sale_invoice');
INSERT INTO sales VALUES (1, 14), (2, 21.5);
SELECT count(*) AS n FROM fpgo_internal.submission WHERE reference LIKE 'sale-%';
SELECT pg_sleep(1.1);
UPDATE sales SET note = 'packed';
ALTER TABLE sales ALTER rate TYPE numeric(12, 4);
UPDATE sales SET note = 'shipped';
SELECT count(*) AS n FROM fpgo_internal.submission WHERE reference LIKE 'sale-%';

-- ---------- records of 1.0 ----------

-- makes the record of a key what 1.0 would have made of it
CREATE FUNCTION aged(of_key text, new_state text DEFAULT 'queued', keeps_payload boolean DEFAULT true) RETURNS void LANGUAGE sql AS $$
	UPDATE fpgo_internal.submission s SET hash_rule = NULL, state = new_state,
		order_hash = sha256((SELECT k.key FROM fpgo_internal.hash_key k) || convert_to(p.payload, 'UTF8'))
	FROM fpgo_internal.payload p WHERE p.submission = s.id AND s.key = of_key;
	DELETE FROM fpgo_internal.payload p USING fpgo_internal.submission s
	WHERE s.id = p.submission AND s.key = of_key AND NOT keeps_payload;
$$;
CREATE FUNCTION again(key text, doc jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN 'submission ' || CASE WHEN fpgo.enqueue_invoice(doc, key => key, on_duplicate => 'ignore') =
		(SELECT s.id FROM fpgo_internal.submission s WHERE s.key = again.key) THEN 'of before' ELSE 'anew' END;
EXCEPTION WHEN unique_violation THEN
	RETURN 'another';
END $$;
-- by its own rule, and by value while there is a payload
SELECT fpgo.enqueue_invoice(an_order('{"x": 499}'), key => 'old-1') > 0 AS queued;
SELECT fpgo.enqueue_invoice(an_order('{"callback": {"callbackUrl": "https://shop.example/{submission}", "success": "https://shop.example/", "failure": "https://shop.example/"}}'), key => 'old-2') > 0 AS queued;
SELECT aged('old-1'), aged('old-2');
SELECT again('old-1', an_order('{"x": 499}')) AS exactly, again('old-1', an_order('{"x": 499.00}')) AS by_value, again('old-1', an_order('{"x": 500}')) AS another;
SELECT again('old-2', an_order('{"callback": {"callbackUrl": "https://shop.example/{submission}", "success": " https://shop.example/", "failure": "https://shop.example/"}}')) AS with_token;
-- the clock's date of 1.0 does not count against one that is not given
SELECT fpgo.enqueue_invoice(dateless('old-3')::jsonb || '{"orderDate": "1755150488"}') > 0 AS queued;
SELECT aged('old-3');
SELECT fpgo.enqueue_invoice(dateless('old-3'), on_duplicate => 'ignore') = (SELECT id FROM fpgo_internal.submission WHERE key = 'old-3') AS is_the_same;
-- without a payload: accepted is taken for the same, what is damaged is not
SELECT fpgo.enqueue_invoice(an_order('{"x": 1}'), key => k) > 0 AS queued FROM unnest('{old-4,old-5}'::text[]) k;
SELECT aged('old-4', 'accepted', false), aged('old-5', 'uncertain', false);
SELECT again('old-4', an_order('{"x": 1}')) AS exactly, again('old-4', an_order('{"x": 2}')) AS accepted, again('old-5', an_order('{"x": 2}')) AS uncertain;
-- what is recorded now has its rule beside it
SELECT hash_rule, count(*) > 0 AS some FROM fpgo_internal.submission WHERE id > :last GROUP BY 1 ORDER BY 1;

DELETE FROM fpgo_internal.submission WHERE id > :last;
DELETE FROM fpgo_internal.payload WHERE submission > :last;
DROP TABLE sales CASCADE;
DROP FUNCTION dateless, again, aged, judge, an_order;
DROP SEQUENCE keys;
DROP SERVER frontpayment;
