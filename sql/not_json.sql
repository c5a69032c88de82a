-- Text that is no order's JSON: what a language prints of a value, an order that
-- was encoded twice.  No error quotes it.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
\set SHOW_CONTEXT never
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE FUNCTION try(text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; detail text; hint text;
BEGIN
	PERFORM fpgo.validate($1);
	RETURN 'read';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', code, message, detail, nullif(hint, ''));
END $$;

-- each says what to pass instead
\pset format unaligned
\pset tuples_only on
SELECT printed || E'\n    ' || try(printed) FROM (VALUES
	('[object Object]'), ('[object Promise]'), ('undefined'), ('{ products: [] }'), ('Array'), (E'Array\n(\n    [products] => 1\n)'),
	('array(1) {["products"]=>int(1)}'), ('a:1:{s:8:"products";i:1;}'), ('{''personalNumber'': ''28038712383''}'), ('b''{"products": []}'''),
	('None'), ('<Order object at 0x7f2a>'), ('{"products"=>[]}'), ('{:products=>[]}'), ('map[products:[]]'), ('{products=[]}'),
	('no.shop.Order@1b6d3586'), ('System.Object'), ('eyJwcm9kdWN0cyI6W119'), ('\x7b7d'), ('%7B%22products%22'), ('<order/>'), (U&'\FEFF{}')) p (printed);
-- a composite's text is a composite that somebody printed
SELECT try('{"referenceNo": "A-1"}'::jsonb::fpgo.invoice_order::text);
-- others say what is wrong with them only
SELECT try(unknown) FROM (VALUES (''), ('{'), ('{"products": []'), ('28038712383'), ('{"a": 28038712383}}')) u (unknown);
\pset tuples_only off
\pset format aligned

-- all functions that take an order, and the log is told no more
SELECT * FROM fpgo.advise('{''personalNumber'': ''28038712383''}');
SELECT fpgo.payload('{''personalNumber'': ''28038712383''}');
SELECT fpgo.enqueue_invoice('{''personalNumber'': ''28038712383''}');
SELECT * FROM fpgo.submit_invoice('{''personalNumber'': ''28038712383''}');

-- encoded twice, and thrice: one violation, which says that and nothing else
SELECT * FROM fpgo.validate(to_jsonb(:'order'::text));
SELECT * FROM fpgo.validate(to_jsonb(to_jsonb(:'order'::text)::text)::text);
SELECT * FROM fpgo.validate(to_jsonb(' {} '::text));
SELECT fpgo.is_valid(to_jsonb(:'order'::text)), (SELECT count(*) FROM fpgo.advise(to_jsonb(:'order'::text))) AS advice;
SELECT fpgo.enqueue_invoice(to_jsonb(:'order'::text));
SELECT fpgo.payload(to_jsonb(:'order'::text));
-- other strings, and lists, are not: each required field is missing
SELECT left(text, 10) AS begins, (SELECT count(*) FROM fpgo.validate(to_jsonb(text))) AS violations
FROM unnest(ARRAY['', 'order', '{', '{"a": 1', '[{}]', '5', '"', '"x"', '28038712383', replace(:'order', E'\n', '') || 'x']) t (text);
SELECT count(*) FROM fpgo.validate(jsonb_build_array(:'order'::jsonb));
-- within an order it is any other string
SELECT path, rule FROM fpgo.validate(:'order'::jsonb || jsonb_build_object('customerDetails', '{"type": "private"}'::text)) LIMIT 2;

-- a column of valid orders refuses it
CREATE TEMP TABLE prepared (doc fpgo.order_payload);
INSERT INTO prepared VALUES (to_jsonb(:'order'::text));
INSERT INTO prepared VALUES (NULL);

DROP FUNCTION try;
DROP SERVER frontpayment;
