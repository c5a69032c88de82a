-- The domain fpgo.order_payload, and is_valid where only an immutable, parallel
-- safe function may stand: in a domain, an index, a parallel scan.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
\set leaky '{"customerDetails": {"personalNumber": "27818299901"}}'

-- a column of it
CREATE TABLE invoice (id int PRIMARY KEY, doc fpgo.order_payload);
INSERT INTO invoice VALUES (1, :'order'), (2, NULL);
UPDATE invoice SET doc = doc || '{"referenceNo": "R-1"}' WHERE id = 1;
INSERT INTO invoice VALUES (3, :'leaky');
INSERT INTO invoice SELECT 3, :'leaky'::jsonb;
UPDATE invoice SET doc = doc - 'callback';
UPDATE invoice SET doc = :'leaky';
MERGE INTO invoice i USING (VALUES (1, :'leaky'::jsonb)) v(id, doc) ON i.id = v.id WHEN MATCHED THEN UPDATE SET doc = v.doc;
ALTER TABLE invoice ADD COLUMN empty fpgo.order_payload DEFAULT '{}';
SELECT id, doc ->> 'referenceNo' AS reference FROM invoice ORDER BY id;

-- a table that is there already, and a variable
CREATE TABLE any_order (id int, doc jsonb);
INSERT INTO any_order SELECT i, CASE i % 10 WHEN 0 THEN :'leaky'::jsonb ELSE jsonb_set(:'order', '{referenceNo}', to_jsonb(i::text)) END FROM generate_series(1, 1000) i;
ALTER TABLE any_order ALTER doc TYPE fpgo.order_payload;
DO $$ DECLARE doc fpgo.order_payload; BEGIN doc := '{"customerDetails": {"personalNumber": "27818299901"}}'; END $$;

-- casts and their errors; what is said names the domain and the rule, and shows
-- nothing of the order
SELECT :'order'::fpgo.order_payload = :'order'::jsonb AS same, NULL::fpgo.order_payload IS NULL AS null_order;
\set VERBOSITY sqlstate
SELECT '{}'::fpgo.order_payload;
SELECT '{}'::jsonb::fpgo.order_payload;
SELECT 'null'::fpgo.order_payload;
SELECT '[1'::fpgo.order_payload;
SELECT doc::fpgo.order_payload FROM any_order;
\set VERBOSITY default
DO $$
DECLARE
	said text;
	detail text;
	hint text;
	name text;
BEGIN
	PERFORM '{"customerDetails": {"personalNumber": "27818299901"}}'::jsonb::fpgo.order_payload;
EXCEPTION WHEN check_violation THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, name = CONSTRAINT_NAME;
	RAISE NOTICE 'message: %, detail: "%", hint: "%", constraint: %', said, detail, hint, name;
END $$;
-- COPY repeats up to 100 bytes of the value, whatever its type is
COPY invoice FROM STDIN;
4	{"note": "the first hundred bytes of a value that COPY cannot read stand in its CONTEXT", "and": "what follows does not"}
\.

-- it is an order wherever one is asked for
SELECT (SELECT count(*) FROM fpgo.validate(doc)) AS violations, fpgo.payload(doc) ->> 'referenceNo' AS reference,
	(doc::fpgo.invoice_order).reference_no, fpgo.is_valid(doc)
FROM invoice WHERE id = 1;
CREATE FUNCTION reference_of(doc fpgo.order_payload) RETURNS text LANGUAGE sql IMMUTABLE RETURN doc ->> 'referenceNo';
SELECT reference_of(:'order');
SELECT reference_of('{}');

-- an index of the orders that are, or are not, fit to be sent
CREATE INDEX fit ON any_order (id) WHERE fpgo.is_valid(doc);
CREATE INDEX unfit ON any_order (id) WHERE NOT fpgo.is_valid(doc);
ANALYZE any_order;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT doc FROM any_order WHERE fpgo.is_valid(doc) AND id = 11;
SELECT doc ->> 'referenceNo' AS reference FROM any_order WHERE fpgo.is_valid(doc) AND id = 11;
EXPLAIN (COSTS OFF) SELECT count(id) FROM any_order WHERE NOT fpgo.is_valid(doc);
SELECT count(id) FROM any_order WHERE NOT fpgo.is_valid(doc);
UPDATE any_order SET doc = :'order' WHERE id = 20;
SELECT count(id) FROM any_order WHERE NOT fpgo.is_valid(doc);
RESET enable_seqscan;
DROP INDEX fit, unfit;

-- a generated column
CREATE TABLE judged (doc jsonb, is_fit boolean GENERATED ALWAYS AS (fpgo.is_valid(doc)) STORED);
INSERT INTO judged VALUES (:'order'), ('{}'), (NULL);
SELECT is_fit, count(*) FROM judged GROUP BY 1 ORDER BY 1;
DROP TABLE judged;

-- a parallel scan
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
EXPLAIN (COSTS OFF) SELECT count(*) FROM any_order WHERE fpgo.is_valid(doc);
SELECT count(*) FROM any_order WHERE fpgo.is_valid(doc);
EXPLAIN (COSTS OFF) SELECT count(*) FROM any_order WHERE fpgo.is_valid(doc, '{12,25}');
SELECT count(*) FROM any_order WHERE fpgo.is_valid(doc, '{12,25}');

-- a domain of one's own, for a server with other tax rates
CREATE DOMAIN swedish_order AS jsonb CHECK (fpgo.is_valid(VALUE, '{0,6,12,25}'));
SELECT (jsonb_set(:'order', '{products,0,tax}', '6')::swedish_order) #> '{products,0,tax}' AS tax;
SELECT jsonb_set(:'order', '{products,0,tax}', '15')::swedish_order;
SELECT jsonb_set(:'order', '{products,0,tax}', '6')::fpgo.order_payload;

-- fpgo does not go away under a table
\set VERBOSITY sqlstate
DROP EXTENSION fpgo;
\set VERBOSITY default
DROP TABLE any_order, invoice;
DROP FUNCTION reference_of;
DROP DOMAIN swedish_order;
