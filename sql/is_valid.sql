-- fpgo.is_valid where only an immutable, parallel safe function may stand.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`

SELECT fpgo.is_valid(:'order'), fpgo.is_valid('{}'), fpgo.is_valid(NULL) IS NULL AS null_order;

-- tax rates of one's own; NULL means the page's
SELECT rates, fpgo.is_valid(jsonb_set(:'order'::jsonb, '{products,0,tax}', '6'), rates) AS six,
	fpgo.is_valid(jsonb_set(:'order'::jsonb, '{products,0,tax}', '"25"'), rates) AS twenty_five
FROM (VALUES (NULL::numeric[]), ('{0,6,12}'), ('{6.000}'), ('{25.0,6}')) v(rates);
\set VERBOSITY sqlstate
SELECT fpgo.is_valid('{}', '{}');
SELECT fpgo.is_valid('{}', '{NULL}');
SELECT fpgo.is_valid('{}', '{NaN}');
SELECT fpgo.is_valid('{}', '{Infinity}');
\set VERBOSITY default

-- a domain, as the way to constrain a column; a CHECK would print the row
CREATE DOMAIN order_payload AS jsonb CHECK (fpgo.is_valid(VALUE));
CREATE TEMP TABLE shop_order (id int, doc order_payload);
INSERT INTO shop_order VALUES (1, :'order'), (2, NULL);
INSERT INTO shop_order VALUES (3, '{"customerDetails": {"personalNumber": "28038712383"}}');
SELECT id FROM shop_order ORDER BY id;

-- an index predicate
CREATE TEMP TABLE any_order (id int, doc jsonb);
CREATE INDEX ON any_order (id) WHERE fpgo.is_valid(doc);
INSERT INTO any_order VALUES (1, :'order'), (2, '{}');
SELECT id FROM any_order WHERE fpgo.is_valid(doc);

-- every spelling of jsonb a table may hold: inline, compressed, toasted
CREATE TEMP TABLE big (doc jsonb);
INSERT INTO big SELECT jsonb_set(:'order', '{note}', to_jsonb(string_agg(md5(i::text), ''))) FROM generate_series(1, 2000) i;
INSERT INTO big SELECT jsonb_set(:'order', '{note}', to_jsonb(repeat('x', 100000)));
SELECT fpgo.is_valid(doc), (SELECT count(*) FROM fpgo.validate(doc)), length(fpgo.payload(doc) ->> 'note') FROM big ORDER BY 3;
