-- What goes over the wire.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`

-- a literal, a driver's untyped parameter, a jsonb column: one payload
CREATE TEMP TABLE shop_order (id int, doc jsonb);
INSERT INTO shop_order VALUES (1, :'order');
PREPARE by_parameter AS SELECT fpgo.payload($1) = (SELECT fpgo.payload(doc) FROM shop_order) AS same;
EXECUTE by_parameter(:'order');
SELECT fpgo.payload(:'order') = fpgo.payload(doc) AS same FROM shop_order;
SELECT pg_typeof(fpgo.payload(:'order'));

-- it is the page's example without its blank member
SELECT fpgo.payload(:'order') = :'order'::jsonb #- '{customerDetails,organizationId}' AS same;

-- as a composite: the same one with numbers for numeric strings
SELECT key, fpgo.payload(doc) -> key AS from_jsonb, fpgo.payload(doc::fpgo.invoice_order) -> key AS from_composite
FROM shop_order, jsonb_object_keys(fpgo.payload(doc)) key
WHERE fpgo.payload(doc) -> key <> fpgo.payload(doc::fpgo.invoice_order) -> key
ORDER BY key;
SELECT key FROM shop_order, jsonb_object_keys(fpgo.payload(doc::fpgo.invoice_order)) key
EXCEPT SELECT key FROM shop_order, jsonb_object_keys(fpgo.payload(doc)) key;

-- left out: what the API reads as absent, and optional objects of nothing else
SELECT document, fpgo.payload(document) AS payload
FROM (VALUES
	(jsonb '{"referenceNo": null, "customerReference": "", "orderFrom": " \t\r\n ", "fpgoUuid": "x"}'),
	('{"products": [{"name": "a", "productId": "", "discount": null}, null, {}]}'),
	('{"settings": {}}'), ('{"settings": {"secureDetails": null}}'), ('{"settings": {"secureDetails": false}}'),
	('{"customerDetails": {"address": {"zip": ""}}}')) v(document);

-- kept: unknown members, wherever they are and whatever they hold
SELECT document, fpgo.payload(document) = document AS same
FROM (VALUES
	(jsonb '{"note": null, "Note": "", "products": [{"sku": ""}], "callback": {"x": [1, {"referenceNo": null}]}}'),
	('{"settings": [], "callback": [{"success": null}], "customerDetails": "none"}'),
	('{"products": {"0": {"name": "a", "extra": null}}}'),
	('{"products": "none"}'), ('{"": ""}')) v(document);

-- every value keeps its JSON type and its digits
SELECT fpgo.payload('{"products": [{"quantity": "40", "rate": 40, "amount": 1.10, "tax": "025"}],
	"invoiceMaturity": 100000000000000000000000000000000000000.000000001,
	"invoiceInterval": 1e2, "separateInvoices": "1", "customerReference": " kept "}');

-- strings survive the wire text
SELECT fpgo.payload(document) = document AS same
FROM (SELECT jsonb_build_object('referenceNo', string_agg(chr(c), '' ORDER BY c)) AS document
	FROM (SELECT generate_series(1, 300) AS c UNION ALL SELECT 8232 UNION ALL SELECT 127873) codes) s;

-- {submission} stands as the shop wrote it: its token is made when the order is handed in
SELECT fpgo.payload(jsonb_set(:'order', '{callback,callbackUrl}', '"https://shop.example/{submission}"')) #>> '{callback,callbackUrl}' AS callback_url;

-- no order at all
SELECT fpgo.payload(NULL) IS NULL AS null_order, fpgo.payload(NULL::fpgo.invoice_order) IS NULL AS null_composite;
\set SHOW_CONTEXT never
DO $$
DECLARE
	document text; code text; message text; detail text; context text;
BEGIN
	FOREACH document IN ARRAY ARRAY['[]', '[1]', '5', '"text"', 'null', 'true',
		'', '{', '{"a": 1,}', '{"a": 28038712383 x}', '{"personalNumber": "28038712383}',
		E'{"a": "line\nbreak 28038712383"}', E'{\n"a": 1,\n"b" 28038712383}', '{"a": "\u0000 28038712383"}',
		'{"a": "\ud800 28038712383"}', '{"a": "\x28038712383"}', '{} 28038712383',
		'{"a": NaN}', '{"a": 1e28038712383}', '{"a": 1e200000}', repeat('[', 100000)]
	LOOP
		BEGIN
			PERFORM fpgo.payload(document);
			RAISE NOTICE '%: taken', left(document, 20);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
				detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
			RAISE NOTICE '% % %', code, message, detail;
			IF message || detail ~ '28038712383' OR context ~ 'JSON data' THEN
				RAISE WARNING 'leaked';
			END IF;
		END;
	END LOOP;
END $$;
