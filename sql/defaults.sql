-- The server option "defaults": a partial order laid under every order.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.submission \gset

CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');

-- ---------- what the option takes ----------

\set SHOW_CONTEXT never
DO $$
DECLARE
	defaults text; code text; message text; detail text; context text;
BEGIN
	FOREACH defaults IN ARRAY ARRAY[
		'', 'true', '[]', '"text"', 'null', '{', '{"callback": "28038712383}', '{"invoiceMaturity": 1e28038712383}', repeat('[', 100000),
		-- members that the API does not know, wherever they are
		'{"invoiceFee": true}', '{"customer_details": {}}', '{"callback": {"sucess": "https://a.example"}}', '{"28038712383": 1}', '{"": 1}',
		'{"products": [{"name": "Fee", "sku": "F"}]}', '{"products": {"a": {"sku": "F"}}}',
		-- about one customer
		'{"customerDetails": {"personalNumber": "28038712383"}}', '{"customerDetails": {"personalNumber": ""}}', '{"customerDetails": {"organizationId": "974760673"}}',
		'{"customerDetails": {"name": "Kari"}}', '{"customerDetails": {"email": "kari@example.no"}}', '{"customerDetails": {"msisdn": "46567468"}}',
		'{"customerDetails": {"address": {"street": "Klosterenget 144"}}}', '{"customerDetails": {"address": {"zip": "7030"}}}', '{"customerDetails": {"address": {"city": "Trondheim"}}}',
		-- the same key for all orders would make one order of them
		'{"referenceNo": "A-1"}', '{"fpgoUuid": "ODR1"}',
		-- of another type
		'{"callback": "https://a.example"}', '{"callback": []}', '{"customerDetails": {"address": ["28038712383"]}}', '{"settings": 1}', '{"products": "none"}',
		'{"invoiceFeeApplicable": "true"}', '{"invoiceMaturity": "soon"}', '{"orderDate": 1755150488}', '{"customerReference": 28038712383}',
		-- breaking a rule
		'{"invoiceInterval": 3}', '{"callback": {"success": "a.example"}}', '{"customerDetails": {"type": "person"}}', '{"customerDetails": {"preferredLanguage": "fi"}}',
		'{"customerDetails": {"address": {"country": "no"}}}', '{"orderFrom": "28038712383"}',
		-- what stands in a list is never filled up
		'{"products": [{"name": "Fee", "quantity": 1, "rate": 10, "tax": 25}]}', '{"products": [{"name": "Fee", "quantity": 1, "rate": 10, "tax": 6, "amount": 10}]}',
		-- well-formed
		'{}', ' {"invoiceFeeApplicable": true} ', '{"callback": null, "settings": {}, "customerDetails": {"address": null}, "customerReference": " "}',
		'{"callback": {"callbackUrl": "https://a.example/fpgo", "success": "https://a.example/s"}, "invoiceFeeApplicable": "1", "invoiceInterval": 0, "invoiceMaturity": "14"}',
		'{"customerDetails": {"type": "private", "countryCode": "+47", "preferredLanguage": "no", "address": {"country": "NO"}}, "settings": {"secureDetails": false}}',
		'{"products": [{"name": "Fee", "quantity": 1, "rate": 10, "tax": 25, "amount": 10}], "orderSummary": {"totalDiscount": 0}, "customerReference": "web"}']
	LOOP
		BEGIN
			EXECUTE format('ALTER SERVER frontpayment OPTIONS (ADD defaults %L)', defaults);
			RAISE NOTICE '%: taken', left(defaults, 60);
			ALTER SERVER frontpayment OPTIONS (DROP defaults);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
				detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
			RAISE NOTICE '% %', code, detail;
			IF message || detail ~ '28038712383|Kari|kari|Kloster|7030|Trondheim|46567468|974760673' OR context ~ 'JSON data' THEN
				RAISE WARNING 'leaked';
			END IF;
		END;
	END LOOP;
END $$;
\set SHOW_CONTEXT errors

-- the tax rates in force are the server's
ALTER SERVER frontpayment OPTIONS (ADD tax_rates '6', ADD defaults '{"products": [{"name": "Fee", "quantity": 1, "rate": 10, "tax": 6, "amount": 10}]}');
ALTER SERVER frontpayment OPTIONS (SET tax_rates '0,25');
ALTER SERVER frontpayment OPTIONS (DROP tax_rates, DROP defaults);
CREATE SERVER regress_fpgo_other FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1', defaults '{"customerDetails": {"name": "Kari"}}');

-- ---------- what is laid under ----------

CREATE FUNCTION pg_temp.sent("order" jsonb, server text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
	id bigint := fpgo.enqueue_invoice("order", server, key => gen_random_uuid()::text);
	result jsonb;
BEGIN
	SELECT payload INTO STRICT result FROM fpgo_internal.payload WHERE submission = id;
	RETURN result;
END $$;

ALTER SERVER frontpayment OPTIONS (ADD defaults '{
	"invoiceFeeApplicable": true, "invoiceMaturity": 14, "customerReference": "web", "settings": {"secureDetails": true},
	"customerDetails": {"countryCode": "+47", "address": {"country": "NO"}},
	"products": [{"name": "Fee", "quantity": 1, "rate": 10, "tax": 25, "amount": 10}],
	"callback": {"callbackUrl": "https://shop.example/fpgo", "success": "https://shop.example/thanks", "failure": "https://shop.example/sorry"}}');
SET fpgo.undelivered_notice = off;

-- an order with nothing of it, and the other way round an order with all of it
CREATE TEMP VIEW bare AS
	SELECT :'order'::jsonb - '{callback,invoiceFeeApplicable,invoiceMaturity,customerReference}'::text[]
		#- '{customerDetails,countryCode}' #- '{customerDetails,address,country}' AS o;
SET fpgo.server = 'none';
SELECT path FROM bare, fpgo.validate(o);
RESET fpgo.server;
SELECT path FROM bare, fpgo.validate(o);
SELECT key, value FROM bare, jsonb_each(pg_temp.sent(o)) WHERE value IS DISTINCT FROM o -> key ORDER BY 1;
SELECT o AS whole FROM jsonb_set(:'order', '{settings}', '{"secureDetails": false}') o \gset
SELECT pg_temp.sent(:'whole') = fpgo.payload(:'whole'::jsonb) AS is_unchanged;

-- member by member, whatever the order's value is; null and blank are absent, lists are not merged
SELECT patch, jsonb_path_query_array(pg_temp.sent(o || patch), '$.keyvalue() ? (@.key == $k).value', jsonb_build_object('k', k)) AS sent
FROM bare, (VALUES
	('callback', jsonb '{"callback": {"success": "https://own.example"}}'), ('callback', '{"callback": {"success": " ", "failure": null}}'), ('callback', '{"callback": {}}'), ('callback', '{"callback": null}'),
	('callback', '{"callback": {"note": [1, {"a": null}], "success": "https://own.example"}}'),
	('invoiceFeeApplicable', '{"invoiceFeeApplicable": false}'), ('invoiceFeeApplicable', '{"invoiceFeeApplicable": "0"}'), ('invoiceFeeApplicable', '{"invoiceFeeApplicable": null}'),
	('invoiceMaturity', '{"invoiceMaturity": "10.50"}'), ('invoiceMaturity', '{"invoiceMaturity": 0}'), ('invoiceMaturity', '{"invoiceMaturity": "\t"}'),
	('customerReference', '{"customerReference": ""}'), ('settings', '{"settings": {"secureDetails": false}}'), ('settings', '{"settings": "x"}'), ('settings', '{"settings": []}'),
	('unknown', '{"unknown": {"a": [null, 1.10, "x", {}]}}')) p(k, patch);
SELECT sent -> 'products' AS default_products FROM bare, pg_temp.sent(o - 'products') sent;
SELECT sent -> 'products' = o -> 'products' AS own_products FROM bare, pg_temp.sent(o) sent;
-- what breaks a rule breaks it still
SELECT path, rule FROM bare, fpgo.validate(o || '{"callback": {"success": "own.example"}, "products": [], "customerDetails": []}', 'frontpayment');
SELECT path, rule FROM fpgo.validate('[]', 'frontpayment') LIMIT 1;

-- the whole corpus, beside the merging as SQL says it: the same violations,
-- and the same payload where there is none
\set lines `cat "$PG_ABS_SRCDIR/test/corpus/orders.jsonl"`
CREATE FUNCTION pg_temp.laid(over jsonb, under jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
	k text;
	u jsonb;
	o jsonb;
BEGIN
	IF jsonb_typeof(over) <> 'object' THEN
		RETURN over;
	END IF;
	FOR k, u IN SELECT * FROM jsonb_each(under) LOOP
		o := over -> k;
		IF o IS NULL OR o = 'null' OR (jsonb_typeof(o) = 'string' AND btrim(o #>> '{}', E' \t\n\v\r') = '') THEN
			over := over || jsonb_build_object(k, u);
		ELSIF jsonb_typeof(u) = 'object' AND jsonb_typeof(o) = 'object' THEN
			over := over || jsonb_build_object(k, pg_temp.laid(o, u));
		END IF;
	END LOOP;
	RETURN over;
END $$;
CREATE TEMP TABLE corpus AS
SELECT o, pg_temp.laid(o, (SELECT regexp_replace(option, '^defaults=', '')::jsonb FROM pg_foreign_server, unnest(srvoptions) option
	WHERE srvname = 'frontpayment' AND option LIKE 'defaults=%')) AS whole
FROM regexp_split_to_table(:'lines', E'\n') line, LATERAL (SELECT line::jsonb -> 'payload' AS o) p
WHERE line <> '';
SET fpgo.server = 'none';
CREATE TEMP TABLE told AS
SELECT c.*, (SELECT array_agg(v::text) FROM fpgo.validate(whole) v) AS told FROM corpus c;
RESET fpgo.server;
SELECT count(*) AS orders, count(*) FILTER (WHERE o <> whole) AS changed, count(*) FILTER (WHERE told IS NULL) AS valid,
	count(*) FILTER (WHERE told IS DISTINCT FROM (SELECT array_agg(v::text) FROM fpgo.validate(o) v)) AS other_violations,
	count(*) FILTER (WHERE CASE WHEN told IS NULL THEN pg_temp.sent(o) <> fpgo.payload(whole) END) AS other_payloads
FROM told;

-- every function that has a server sees it, in every spelling; those that have none do not
SELECT (SELECT count(*) FROM fpgo.validate(o)) AS jsonb, (SELECT count(*) FROM fpgo.validate(o::text)) AS text, (SELECT count(*) FROM fpgo.validate(o::fpgo.invoice_order)) AS composite,
	fpgo.is_valid(o), fpgo.payload(o) ? 'callback' AS payload_has_it FROM bare;

-- an order made by the constructors leaves to the server what is the same in all
SELECT * FROM fpgo.validate(fpgo.make_order(
	products => ARRAY[fpgo.make_product(name => 'Router', quantity => 2, rate => 499, tax => 25)],
	customer_details => fpgo.make_private_customer(name => 'Kari Nordmann', personal_number => '28038712383', email => 'kari@example.no',
		country_code => NULL, msisdn => '46567468', address => fpgo.make_address(street => 'Klosterenget 144', zip => '7030', city => 'Trondheim', country => NULL)),
	reference_no => 'C-1'));

-- ---------- the hash is of the order as handed in ----------

SELECT fpgo.enqueue_invoice(o || '{"referenceNo": "D-1"}') AS first FROM bare \gset
SELECT fpgo.enqueue_invoice(o || '{"referenceNo": "D-1"}', on_duplicate => 'ignore') = :first AS is_the_same FROM bare;
ALTER SERVER frontpayment OPTIONS (SET defaults '{"invoiceFeeApplicable": false, "callback": {"callbackUrl": "https://shop.example/fpgo", "success": "https://shop.example/thanks",
	"failure": "https://shop.example/sorry"}, "customerDetails": {"countryCode": "+47", "address": {"country": "NO"}}}');
\set VERBOSITY terse
SELECT fpgo.enqueue_invoice(o || '{"referenceNo": "D-1"}', on_duplicate => 'ignore') = :first AS is_the_same FROM bare;
SELECT fpgo.enqueue_invoice(o || '{"referenceNo": "D-1", "invoiceFeeApplicable": true}', on_duplicate => 'ignore') FROM bare;
\set VERBOSITY default
-- what was queued before stays what it was
SELECT payload::jsonb -> 'invoiceFeeApplicable' AS fee FROM fpgo_internal.payload WHERE submission = :first;
SELECT pg_temp.sent(o) -> 'invoiceFeeApplicable' AS fee FROM bare;

-- two servers in turns, and a server without
CREATE SERVER regress_fpgo_other FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1', defaults '{"invoiceMaturity": 30, "callback": {"success": "http://shop.example/thanks"}}');
SELECT server, pg_temp.sent(:'order'::jsonb - '{invoiceMaturity,invoiceFeeApplicable}'::text[] || CASE server WHEN 'frontpayment' THEN jsonb '{}' ELSE '{"invoiceFeeApplicable": true}' END, server)
	- '{products,orderSummary,customerDetails,callback}'::text[] AS sent
FROM unnest('{frontpayment,regress_fpgo_other,frontpayment}'::text[]) server;
-- advice is about the whole as well
SELECT server, path, rule FROM bare, unnest('{frontpayment,regress_fpgo_other}'::text[]) server, fpgo.advise(o, server);
SELECT path, rule FROM bare, fpgo.advise(o::fpgo.invoice_order);
ALTER SERVER frontpayment OPTIONS (DROP defaults);
SELECT message FROM bare, fpgo.validate(o) LIMIT 1;

-- {submission} in the server's callbackUrl: a token for each order, and the same order again is the same
ALTER SERVER frontpayment OPTIONS (ADD defaults '{"callback": {"callbackUrl": "https://shop.example/{submission}/{submission}"}}');
ALTER SERVER frontpayment OPTIONS (ADD defaults '{"callback": {"success": "https://shop.example/{submission}"}}');
ALTER SERVER frontpayment OPTIONS (ADD defaults '{"invoiceFeeApplicable": true, "callback": {"callbackUrl": "https://shop.example/{submission}",
	"success": "https://shop.example/thanks", "failure": "https://shop.example/sorry"}}');
SELECT count(DISTINCT url), bool_and(url ~ '^https://shop\.example/fpgo-[0-9a-f]{32}$') AS are_tokens
FROM generate_series(1, 3) n, LATERAL (SELECT pg_temp.sent(:'order'::jsonb - 'callback' || jsonb_build_object('note', n)) #>> '{callback,callbackUrl}') sent(url);
SELECT fpgo.enqueue_invoice(o, key => 'D-named') AS number FROM (SELECT :'order'::jsonb - 'callback') v(o) \gset
SELECT fpgo.enqueue_invoice(o, key => 'D-named', on_duplicate => 'ignore') = :number AS same FROM (SELECT :'order'::jsonb - 'callback') v(o);
ALTER SERVER frontpayment OPTIONS (DROP defaults);

-- ---------- the trigger ----------

ALTER SERVER regress_fpgo_other OPTIONS (SET defaults '{"invoiceFeeApplicable": true, "settings": {"secureDetails": true}}');
CREATE TABLE shop_order (doc jsonb);
CREATE FUNCTION order_of(shop_order) RETURNS jsonb LANGUAGE sql RETURN $1.doc;
CREATE TRIGGER fails AFTER INSERT ON shop_order FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('order_of', 'server=regress_fpgo_other');
INSERT INTO shop_order VALUES (:'order'::jsonb - 'invoiceFeeApplicable' || '{"referenceNo": "T-1"}');
DROP TRIGGER fails ON shop_order;
CREATE TRIGGER records AFTER INSERT ON shop_order FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('order_of', 'server=regress_fpgo_other', 'on_invalid=record');
INSERT INTO shop_order VALUES (:'order'::jsonb - 'invoiceFeeApplicable' || '{"referenceNo": "T-2"}'), (:'order'::jsonb - 'invoiceFeeApplicable' || '{"referenceNo": "T-3", "invoiceInterval": 5}');
SELECT reference, state, error, payload::jsonb -> 'invoiceFeeApplicable' AS fee, payload::jsonb -> 'settings' AS settings
FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.payload p ON p.submission = s.id WHERE reference ~ '^T-' AND s.id > :last ORDER BY 1;

DROP TABLE shop_order CASCADE;
DELETE FROM fpgo_internal.payload WHERE submission > :last;
DELETE FROM fpgo_internal.submission WHERE id > :last;
DROP SERVER regress_fpgo_other;
DROP SERVER frontpayment;
