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
SELECT count(*) FROM fpgo.validate('{}'::jsonb::fpgo.invoice_order);
PREPARE violations_of AS SELECT count(*) FROM fpgo.validate($1);
EXECUTE violations_of('{}');
SELECT count(*) FROM fpgo.validate(:'order');

-- an order given in a composite is validated like the jsonb it maps to
SELECT * FROM fpgo.validate(:'order'::jsonb::fpgo.invoice_order);
SELECT (SELECT array_agg(v.path ORDER BY v.path) FROM fpgo.validate(o) v)
	= (SELECT array_agg(v.path ORDER BY v.path) FROM fpgo.validate(o::jsonb) v) AS same
FROM (SELECT '{"products": [{"tax": 13}, null], "fpgoUuid": "x"}'::jsonb::fpgo.invoice_order AS o) s;

-- the server may be named
SELECT count(*) FROM fpgo.validate('{}', server => NULL);
PREPARE violations_at AS SELECT count(*) FROM fpgo.validate($1, $2);
EXECUTE violations_at('{}', NULL);

-- a NULL order is an error where its absence would read as "fine"
\set VERBOSITY sqlstate
SELECT * FROM fpgo.validate(NULL);
SELECT * FROM fpgo.validate(NULL::jsonb);
SELECT * FROM fpgo.validate(NULL::fpgo.invoice_order);
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
