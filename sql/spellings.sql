-- Each function takes an order as text, jsonb or fpgo.invoice_order, and no
-- call is ambiguous: not a literal, not NULL, not a driver's untyped parameter.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`

SELECT fpgo.payload('{}'), fpgo.payload('{}'::text), fpgo.payload('{}'::jsonb), fpgo.payload('{}'::jsonb::fpgo.invoice_order);
PREPARE payload_of AS SELECT fpgo.payload($1);
EXECUTE payload_of('{"referenceNo": "A-1"}');
SELECT fpgo.payload(NULL);

SELECT count(*) FROM fpgo.validate('{}');
SELECT count(*) FROM fpgo.validate('{}'::text);
SELECT count(*) FROM fpgo.validate('{}'::jsonb);
SELECT count(*) FROM fpgo.validate('{"settings": {}}'::jsonb::fpgo.invoice_order);
PREPARE violations_of AS SELECT count(*) FROM fpgo.validate($1);
EXECUTE violations_of('{}');
SELECT count(*) FROM fpgo.validate(:'order');

-- an order given in a composite is validated like the jsonb it maps to
SELECT * FROM fpgo.validate(:'order'::jsonb::fpgo.invoice_order);
SELECT (SELECT array_agg(v.path ORDER BY v.path) FROM fpgo.validate(o) v)
	= (SELECT array_agg(v.path ORDER BY v.path) FROM fpgo.validate(o::jsonb) v) AS same
FROM (SELECT '{"products": [{"tax": 13}, null], "fpgoUuid": "x", "orderDate": "1"}'::jsonb::fpgo.invoice_order AS o) s;

-- the server may be named
SELECT count(*) FROM fpgo.validate('{}', server => NULL);
PREPARE violations_at AS SELECT count(*) FROM fpgo.validate($1, $2);
EXECUTE violations_at('{}', NULL);

-- no order breaks no rule, and there is nothing to advise: no row of a join has
-- one; a composite without any value is NULL to SQL
SELECT (SELECT count(*) FROM fpgo.validate(NULL)) AS "null", (SELECT count(*) FROM fpgo.validate(NULL::text)) AS text,
	(SELECT count(*) FROM fpgo.validate(NULL::jsonb)) AS jsonb, (SELECT count(*) FROM fpgo.validate(NULL::fpgo.invoice_order)) AS composite,
	(SELECT count(*) FROM fpgo.validate('{}'::jsonb::fpgo.invoice_order)) AS all_null;
SELECT (SELECT count(*) FROM fpgo.advise(NULL)) AS "null", (SELECT count(*) FROM fpgo.advise(NULL::text)) AS text,
	(SELECT count(*) FROM fpgo.advise(NULL::jsonb)) AS jsonb, (SELECT count(*) FROM fpgo.advise(NULL::fpgo.invoice_order)) AS composite,
	(SELECT count(*) FROM fpgo.advise('{}'::jsonb::fpgo.invoice_order)) AS all_null;
SELECT o IS NULL AS is_null, count(v.path) FROM (VALUES (NULL::fpgo.invoice_order), ('{}'::jsonb::fpgo.invoice_order),
	('{"settings": {}}'::jsonb::fpgo.invoice_order)) s (o) LEFT JOIN LATERAL fpgo.validate(o) v ON true GROUP BY o::text, 1 ORDER BY 1, 2;
SELECT fpgo.is_valid(NULL) IS NULL AS is_valid, fpgo.payload('{}'::jsonb::fpgo.invoice_order);
\set VERBOSITY sqlstate
SELECT * FROM fpgo.validate(NULL, 'nowhere');
-- it is an error where an order is handed in
SELECT * FROM fpgo.submit_invoice('{}'::jsonb::fpgo.invoice_order);
SELECT fpgo.enqueue_invoice('{}'::jsonb::fpgo.invoice_order);
SELECT * FROM fpgo.submit_invoice(NULL);
SELECT * FROM fpgo.submit_invoice(NULL::jsonb);
SELECT * FROM fpgo.submit_invoice(NULL::fpgo.invoice_order);
PREPARE submitted AS SELECT * FROM fpgo.submit_invoice($1);
EXECUTE submitted(NULL);
\set VERBOSITY default
SELECT * FROM fpgo.submit_invoice(NULL);

-- text that is no JSON: 22P02 in our own words
SELECT * FROM fpgo.validate('{"customerDetails": {"personalNumber": "28038712383"}');
SELECT * FROM fpgo.submit_invoice('{"customerDetails": {"personalNumber": "28038712383" "name"}}');

-- JSON that is too much for PostgreSQL: in our own words, too
SELECT * FROM fpgo.validate('{"products": ' || repeat('[', 100000));
SELECT * FROM fpgo.validate('{"products": 1e999999}');

-- the two types convert explicitly only; o = o stays what it is
SELECT o = o AS equal FROM (SELECT '{"referenceNo": "A"}'::jsonb::fpgo.invoice_order AS o) s;
