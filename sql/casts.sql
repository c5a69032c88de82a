-- An order between fpgo.invoice_order and jsonb: nothing is lost in silence.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SET timezone = 'UTC';

-- the API page's example as a composite, and as it comes back
SELECT (o).order_date, (o).reference_no, (o).invoice_maturity,
	(o).products[1].quantity, (o).order_summary.total_discount,
	(o).customer_details.organization_id = '' AS blank_kept,
	(o).customer_details.address.zip, (o).settings IS NULL AS no_settings
FROM (SELECT :'order'::jsonb::fpgo.invoice_order AS o) s;

SELECT jsonb_pretty(:'order'::jsonb::fpgo.invoice_order::jsonb);

-- composite to jsonb to composite is the same order
SELECT o IS NOT DISTINCT FROM o::jsonb::fpgo.invoice_order AS same
FROM (SELECT :'order'::jsonb::fpgo.invoice_order AS o) s;

CREATE FUNCTION pg_temp.every_shape() RETURNS SETOF fpgo.invoice_order
LANGUAGE plpgsql AS $$
DECLARE
	o fpgo.invoice_order;
BEGIN
	RETURN NEXT o;							-- nothing at all
	o.products := '{}';
	RETURN NEXT o;
	o.products := ARRAY[NULL, NULL]::fpgo.product[];
	o.products[2].name := E'tab\t"quote" \\ \u00e6\u00f8\u00e5 \U0001F381';
	o.products[2].quantity := 1.500;
	o.products[2].rate := -0.10;
	o.products[2].amount := 12345678901234567890.123456789012345678901234567890;
	o.order_summary.grand_total := 0;
	o.order_date := '2025-08-14 05:48:08+00';
	o.customer_details.name := '';
	o.customer_details.address.city := '   ';
	o.settings.secure_details := false;
	o.separate_invoices := true;
	o.callback.success := 'anything';
	RETURN NEXT o;
	o.settings := ROW(NULL)::fpgo.settings;	-- there, but empty
	o.order_date := 'epoch';
	RETURN NEXT o;
	o.order_date := '9999-12-31 23:59:59+00';
	RETURN NEXT o;
END $$;
SELECT o::jsonb, o IS NOT DISTINCT FROM o::jsonb::fpgo.invoice_order AS same
FROM pg_temp.every_shape() o;

-- fractions of a second are cut off, downwards
SELECT jsonb_build_object('orderDate', '1')::fpgo.invoice_order::jsonb;
DO $$
DECLARE
	o fpgo.invoice_order;
BEGIN
	o.order_date := '1970-01-01 00:00:01.999999+00';
	RAISE NOTICE '%', o::jsonb;
END $$;

-- numbers in strings become numbers; the gateway's booleans become booleans
SELECT jsonb_strip_nulls(to_jsonb('{"products": [{"quantity": " 1e3 ", "rate": ".5", "tax": "+25", "amount": "5.", "discount": ""}],
	"separateInvoices": "1", "invoiceFeeApplicable": 0, "invoiceMaturity": null, "orderDate": " 12 "}'
	::jsonb::fpgo.invoice_order)) AS attributes;

-- NULL stays NULL
SELECT NULL::jsonb::fpgo.invoice_order IS NULL AS null_in,
	NULL::fpgo.invoice_order::jsonb IS NULL AS null_out;

-- from text, varchar and json; and from what PostgreSQL prints of the composite
SELECT :'order'::text::fpgo.invoice_order IS NOT DISTINCT FROM o AS text, :'order'::varchar::fpgo.invoice_order IS NOT DISTINCT FROM o AS varchar,
	:'order'::json::fpgo.invoice_order IS NOT DISTINCT FROM o AS json, o::text::fpgo.invoice_order IS NOT DISTINCT FROM o AS printed,
	('  ' || o::text)::fpgo.invoice_order IS NOT DISTINCT FROM o AS behind_blanks
FROM (SELECT :'order'::jsonb::fpgo.invoice_order AS o) s;
SELECT NULL::text::fpgo.invoice_order IS NULL AS text, NULL::varchar::fpgo.invoice_order IS NULL AS varchar, NULL::json::fpgo.invoice_order IS NULL AS json;
PREPARE cast_of(text) AS SELECT ($1::fpgo.invoice_order).reference_no;
EXECUTE cast_of(:'order');
-- errors are fpgo's own, and quote nothing
\set broken '{"customerDetails": {"personalNumber": "28038712383"'
SELECT :'broken'::text::fpgo.invoice_order;
SELECT :'broken'::varchar::fpgo.invoice_order;
EXECUTE cast_of(:'broken');
SELECT '{"28038712383": 1}'::json::fpgo.invoice_order;
SELECT '{"customerDetails": {"personalNumber": 28038712383}}'::text::fpgo.invoice_order;
SELECT '"28038712383"'::json::fpgo.invoice_order;
SELECT '(28038712383'::text::fpgo.invoice_order;
SELECT '(28038712383)'::text::fpgo.invoice_order;
SELECT '("{""(28038712383,,x,,,,)""}",,,,,,,,,,,,,)'::text::fpgo.invoice_order;
SELECT '28038712383'::text::fpgo.invoice_order;
SELECT ''::text::fpgo.invoice_order;
-- a literal or an untyped parameter is not such a cast: PostgreSQL reads it by
-- itself, and prints it; src/doc/drivers.md says so
SELECT '{"note": "printed"}'::fpgo.invoice_order;

-- what the composite cannot hold
\set SHOW_CONTEXT never
CREATE FUNCTION pg_temp.try_cast(document jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; detail text;
BEGIN
	PERFORM document::fpgo.invoice_order;
	RETURN 'held';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', code, message, nullif(detail, ''));
END $$;
SELECT document, pg_temp.try_cast(document)
FROM (VALUES
	(jsonb '[]'), ('5'), ('"text"'), ('null'), ('true'),
	('{"unknown": 1}'), ('{"reference_no": "x"}'), ('{"28038712383": 1}'),
	('{"products": {}}'), ('{"products": [5]}'), ('{"products": [[]]}'), ('{"products": "x"}'),
	('{"products": [{}, {"tax": 25, "Tax": 25}]}'),
	('{"products": [{"rate": "5 kr"}]}'), ('{"products": [{"rate": "1e999999999"}]}'), ('{"invoiceMaturity": "1e-99999"}'), ('{"products": [{"rate": true}]}'),
	('{"products": [{"rate": "NaN"}]}'), ('{"products": [{"rate": "Infinity"}]}'), ('{"products": [{"rate": "0x1A"}]}'),
	('{"products": [{"rate": "1_000"}]}'),
	('{"products": [{"name": 5}]}'), ('{"referenceNo": 5}'), ('{"referenceNo": {}}'),
	('{"orderDate": 1755150488}'), ('{"orderDate": "2025-08-14"}'), ('{"orderDate": "-1"}'),
	('{"orderDate": "1755150488.5"}'), ('{"orderDate": "1234567890123"}'),
	('{"separateInvoices": "yes"}'), ('{"separateInvoices": 2}'), ('{"separateInvoices": 1.0}'),
	('{"customerDetails": []}'), ('{"customerDetails": {"address": "street"}}'),
	('{"customerDetails": {"personalNumber": 28038712383}}'),
	('{"settings": {"secureDetails": true, "other": null}}')) v(document);

-- what JSON cannot spell
CREATE FUNCTION pg_temp.try_order(field text, value text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	o fpgo.invoice_order;
	code text; message text; detail text;
BEGIN
	CASE field
		WHEN 'rate' THEN o.products := ARRAY[NULL]::fpgo.product[]; o.products[1].rate := value::numeric;
		WHEN 'grand_total' THEN o.order_summary.grand_total := value::numeric;
		WHEN 'order_date' THEN o.order_date := value::timestamptz;
		WHEN 'products' THEN o.products := value::fpgo.product[];
	END CASE;
	RETURN o::jsonb;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', code, message, nullif(detail, ''));
END $$;
SELECT field, value, pg_temp.try_order(field, value)
FROM (VALUES ('rate', 'NaN'), ('rate', 'Infinity'), ('grand_total', '-Infinity'),
	('order_date', 'infinity'), ('order_date', '-infinity'), ('order_date', '1969-12-31 23:59:59+00'),
	('order_date', '1969-12-31 23:59:59.5+00'), ('order_date', '1970-01-01 00:00:00+00'),
	('products', '{{NULL},{NULL}}')) v(field, value);

-- the type of an older release lacks an attribute: only an order that has a value for it is refused
BEGIN;
ALTER TYPE fpgo.product DROP ATTRIBUTE discount;
SELECT '{"products": [{"name": "a", "rate": 1, "discount": null}]}'::jsonb::fpgo.invoice_order::jsonb;
SELECT '{"products": [{"name": "a", "rate": 1, "discount": 1}]}'::jsonb::fpgo.invoice_order::jsonb;
ROLLBACK;

-- and so is one with a value under a name that this library does not know
BEGIN;
CREATE TEMP TABLE orders AS
	SELECT '{"products": [{"name": "a", "rate": 1}]}'::jsonb::fpgo.invoice_order AS plain,
		'{"products": [{"name": "a", "rate": 1, "discount": 30}]}'::jsonb::fpgo.invoice_order AS reduced;
ALTER TYPE fpgo.product RENAME ATTRIBUTE discount TO rabatt;
SELECT plain::jsonb FROM orders;
SELECT reduced::jsonb FROM orders;
ROLLBACK;
