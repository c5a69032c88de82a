-- The function of enqueue_invoice_trigger that maps a row to an order: which
-- functions do, which one of several is taken, and what is said of the others.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
SET fpgo.undelivered_notice = off;
\set SHOW_CONTEXT never

CREATE SCHEMA shop;
CREATE TABLE shop.orders (number text, zip text);
CREATE FUNCTION shop.an_order(reference text) RETURNS jsonb
	LANGUAGE sql RETURN current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', reference);

-- try('shop.f'[, number]): the trigger with this function, one row, and the key
-- of what was queued, or the error
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.submission \gset
SELECT set_config('test.last', :'last', false) = :'last' AS kept;
CREATE FUNCTION try(name text, number text DEFAULT 'A-1') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; detail text; hint text; found text;
BEGIN
	EXECUTE format('CREATE OR REPLACE TRIGGER invoice AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger(%L)', name);
	INSERT INTO shop.orders VALUES (number, '7030');
	SELECT string_agg(key, ', ') FROM fpgo_internal.submission WHERE id > current_setting('test.last')::bigint INTO found;
	DELETE FROM fpgo_internal.submission WHERE id > current_setting('test.last')::bigint;
	RETURN coalesce(found, 'nothing queued');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', code || ' ' || message, nullif(detail, ''), nullif(hint, ''));
END $$;
\pset format unaligned
\pset tuples_only on

-- ---------- what it returns ----------

CREATE FUNCTION shop.gives_json(o shop.orders) RETURNS json LANGUAGE sql RETURN shop.an_order(o.number)::text::json;
SELECT try('shop.gives_json');
CREATE FUNCTION shop.gives_varchar(o shop.orders) RETURNS varchar LANGUAGE sql RETURN shop.an_order(o.number);
SELECT try('shop.gives_varchar');
CREATE FUNCTION shop.gives_char(o shop.orders) RETURNS char LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order(o.number)::text; END $$;
SELECT try('shop.gives_char');
CREATE DOMAIN shop.json_order AS json;
CREATE FUNCTION shop.gives_domain(o shop.orders) RETURNS shop.json_order LANGUAGE sql RETURN shop.an_order(o.number)::text::json;
SELECT try('shop.gives_domain');
CREATE DOMAIN shop.whole_order AS fpgo.invoice_order;
CREATE FUNCTION shop.gives_composite(o shop.orders) RETURNS shop.whole_order LANGUAGE sql RETURN shop.an_order(o.number)::fpgo.invoice_order;
SELECT try('shop.gives_composite');
CREATE FUNCTION shop.gives_out(o shop.orders, OUT doc jsonb) LANGUAGE sql AS 'SELECT shop.an_order(o.number)';
SELECT try('shop.gives_out');
-- json that is valid JSON and no order; NULL of each
CREATE FUNCTION shop.gives_array(o shop.orders) RETURNS json LANGUAGE sql RETURN '[1]'::json;
SELECT try('shop.gives_array');
CREATE FUNCTION shop.gives_no_json(o shop.orders) RETURNS json LANGUAGE sql RETURN NULL::json;
SELECT try('shop.gives_no_json');
-- others are refused
CREATE FUNCTION shop.gives_two(o shop.orders, OUT a jsonb, OUT b jsonb) LANGUAGE sql AS 'SELECT shop.an_order(o.number), NULL::jsonb';
SELECT try('shop.gives_two');
CREATE FUNCTION shop.gives_table(o shop.orders) RETURNS TABLE (doc jsonb) LANGUAGE sql AS 'SELECT shop.an_order(o.number)';
SELECT try('shop.gives_table');
CREATE FUNCTION shop.gives_row(o anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT o';
SELECT try('shop.gives_row');
CREATE FUNCTION shop.gives_bytea(o shop.orders) RETURNS bytea LANGUAGE sql RETURN '{}'::bytea;
SELECT try('shop.gives_bytea');

-- ---------- what it takes besides the row ----------

CREATE FUNCTION shop.has_default(o shop.orders, lang text DEFAULT 'no') RETURNS jsonb LANGUAGE sql RETURN shop.an_order(o.number || '-' || lang);
SELECT try('shop.has_default');
CREATE FUNCTION shop.has_defaults(o shop.orders, a integer DEFAULT 1 + 1, b text DEFAULT lower('X')) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order(o.number || a || b); END $$;
SELECT try('shop.has_defaults');
-- worked out for each row
CREATE SEQUENCE shop.counter;
CREATE FUNCTION shop.counts(o shop.orders, n bigint DEFAULT nextval('shop.counter')) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order(o.number || '-' || n); END $$;
CREATE OR REPLACE TRIGGER invoice AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.counts');
INSERT INTO shop.orders VALUES ('B', '1'), ('B', '2'), ('B', '3');
SELECT string_agg(key, ', ' ORDER BY id) FROM fpgo_internal.submission WHERE id > :last;
DELETE FROM fpgo_internal.submission WHERE id > :last;
-- a default NULL is passed; a STRICT function is not called with it
CREATE FUNCTION shop.takes_null(o shop.orders, a text DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order(o.number || coalesce(a, '-none')); END $$;
SELECT try('shop.takes_null');
CREATE FUNCTION shop.strict(o shop.orders, a text DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql STRICT AS $$ BEGIN RAISE 'called'; END $$;
SELECT try('shop.strict');
-- a default that fails
CREATE FUNCTION shop.fails(o shop.orders, a integer DEFAULT 1 / (random() * 0)::integer) RETURNS jsonb LANGUAGE sql AS 'SELECT shop.an_order(o.number)';
SELECT try('shop.fails');
-- VARIADIC
CREATE FUNCTION shop.tagged(o shop.orders, VARIADIC tags text[] DEFAULT '{x,y}') RETURNS jsonb LANGUAGE sql RETURN shop.an_order(o.number || cardinality(tags));
SELECT try('shop.tagged');
CREATE FUNCTION shop.tagged_always(o shop.orders, VARIADIC tags text[]) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(o.number);
SELECT try('shop.tagged_always');
CREATE FUNCTION shop.several(VARIADIC o shop.orders[]) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(o[1].number);
SELECT try('shop.several');
-- no default; no row; another table's row; no function at all
CREATE FUNCTION shop.more(o shop.orders, lang text) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(o.number);
SELECT try('shop.more');
CREATE FUNCTION shop.none() RETURNS jsonb LANGUAGE sql RETURN shop.an_order('x');
SELECT try('shop.none');
CREATE TABLE shop.others (number text);
CREATE FUNCTION shop.other(o shop.others) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(o.number);
SELECT try('shop.other');
CREATE FUNCTION shop.by_id(id bigint) RETURNS jsonb LANGUAGE sql RETURN shop.an_order('x');
CREATE FUNCTION shop.by_id(id integer) RETURNS jsonb LANGUAGE sql RETURN shop.an_order('x');
SELECT try('shop.by_id');
CREATE PROCEDURE shop.procedure(o shop.orders) LANGUAGE sql AS '';
SELECT try('shop.procedure');
CREATE FUNCTION shop.last_of(s jsonb, o shop.orders) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(o.number);
CREATE AGGREGATE shop.aggregate(shop.orders) (SFUNC = shop.last_of, STYPE = jsonb);
SELECT try('shop.aggregate');
SELECT try('pg_catalog.row_number');
SELECT try('shop.nothing');
SELECT try('nowhere.f');
SELECT try('gives_json');
SELECT try('a.b.c');
SELECT try('');

-- ---------- the row as record, polymorphic, of a domain ----------

CREATE FUNCTION shop.of_record(o record) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order('record ' || o.number); END $$;
SELECT try('shop.of_record');
CREATE FUNCTION shop.of_record_more(o record, lang text DEFAULT 'no') RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order('record ' || o.number || lang); END $$;
SELECT try('shop.of_record_more');
CREATE FUNCTION shop.of_element(o anyelement) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order(pg_typeof(o) || ' ' || o.number); END $$;
SELECT try('shop.of_element');
CREATE FUNCTION shop.of_nonarray(o anynonarray) RETURNS json LANGUAGE sql AS $$ SELECT shop.an_order(pg_typeof(o)::text)::text::json $$;
SELECT try('shop.of_nonarray');
CREATE FUNCTION shop.of_compatible(o anycompatible) RETURNS json LANGUAGE sql AS $$ SELECT shop.an_order(pg_typeof(o)::text)::text::json $$;
SELECT try('shop.of_compatible');
CREATE FUNCTION shop.of_array(o anyarray) RETURNS json LANGUAGE sql AS $$ SELECT shop.an_order('x')::text::json $$;
SELECT try('shop.of_array');
CREATE DOMAIN shop.good_order AS shop.orders CONSTRAINT has_number CHECK ((VALUE).number <> '');
CREATE FUNCTION shop.of_domain(o shop.good_order) RETURNS jsonb LANGUAGE sql AS $$ SELECT shop.an_order('domain ' || (o).number) $$;
SELECT try('shop.of_domain');
SELECT try('shop.of_domain', '');

-- ---------- one name, several functions ----------

-- the nearest argument wins: row, domain over it, ancestor, record, polymorphic
CREATE TABLE shop.base (number text);
CREATE TABLE shop.middle (zip text) INHERITS (shop.base);
ALTER TABLE shop.orders INHERIT shop.middle;
CREATE FUNCTION shop.near(o anyelement) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order('polymorphic'); END $$;
SELECT try('shop.near');
CREATE FUNCTION shop.near(o record) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order('record'); END $$;
SELECT try('shop.near');
CREATE FUNCTION shop.near(o shop.base) RETURNS jsonb LANGUAGE sql RETURN shop.an_order('base');
SELECT try('shop.near');
CREATE DOMAIN shop.domain_of_middle AS shop.middle;
CREATE FUNCTION shop.near(o shop.domain_of_middle) RETURNS jsonb LANGUAGE sql AS $$ SELECT shop.an_order('domain of middle ' || (o).zip) $$;
SELECT try('shop.near');
CREATE FUNCTION shop.near(o shop.middle) RETURNS jsonb LANGUAGE sql RETURN shop.an_order('middle ' || o.zip);
SELECT try('shop.near');
CREATE FUNCTION shop.near(o shop.good_order) RETURNS jsonb LANGUAGE sql AS $$ SELECT shop.an_order('domain') $$;
SELECT try('shop.near');
CREATE FUNCTION shop.near(o shop.orders) RETURNS jsonb LANGUAGE sql RETURN shop.an_order('row');
SELECT try('shop.near');
-- one that takes the row alone comes before one with defaults; two with defaults are too many
CREATE FUNCTION shop.near(o shop.orders, a text DEFAULT 'x') RETURNS jsonb LANGUAGE sql RETURN shop.an_order('with default');
SELECT try('shop.near');
CREATE FUNCTION shop.nearer(o shop.base) RETURNS jsonb LANGUAGE sql RETURN shop.an_order('base');
CREATE FUNCTION shop.nearer(o shop.orders, a text DEFAULT 'x') RETURNS jsonb LANGUAGE sql RETURN shop.an_order('with default');
SELECT try('shop.nearer');
DROP FUNCTION shop.nearer(shop.base);
SELECT try('shop.nearer');
CREATE FUNCTION shop.nearer(o shop.orders, a integer DEFAULT 1) RETURNS jsonb LANGUAGE sql RETURN shop.an_order('another default');
SELECT try('shop.nearer');
-- a name without a schema: that of the first schema
CREATE SCHEMA shop2;
CREATE FUNCTION shop2.gives_json(o shop.orders) RETURNS json LANGUAGE sql RETURN shop.an_order('shop2 ' || o.number)::text::json;
SET search_path = shop2, shop, public;
SELECT try('gives_json');
RESET search_path;

-- ---------- partitions: for all, for one, for one that is partitioned ----------

CREATE TABLE shop.sales (number text, year integer) PARTITION BY LIST (year);
CREATE TABLE shop.sales_2026 (year integer, number text);
ALTER TABLE shop.sales ATTACH PARTITION shop.sales_2026 FOR VALUES IN (2026);
CREATE TABLE shop.sales_rest PARTITION OF shop.sales DEFAULT;
CREATE DOMAIN shop.sale AS shop.sales CHECK ((VALUE).year > 2000);
CREATE FUNCTION shop.of_sale(s shop.sale, lang text DEFAULT 'no') RETURNS json LANGUAGE sql AS $$ SELECT shop.an_order(s.number || '/' || s.year || '/' || lang)::text::json $$;
CREATE TRIGGER invoice AFTER INSERT ON shop.sales FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.of_sale');
INSERT INTO shop.sales VALUES ('C-1', 2026), ('C-2', 2027);
SELECT string_agg(key, ', ' ORDER BY id) FROM fpgo_internal.submission WHERE id > :last;
\set VERBOSITY terse
INSERT INTO shop.sales VALUES ('C-3', 1999);
\set VERBOSITY default
CREATE FUNCTION shop.of_sale(s shop.sales_2026) RETURNS json LANGUAGE sql RETURN shop.an_order('near ' || s.number)::text::json;
INSERT INTO shop.sales VALUES ('C-4', 2026), ('C-5', 2027);
SELECT string_agg(key, ', ' ORDER BY id) FROM fpgo_internal.submission WHERE id > :last;

\pset format aligned
\pset tuples_only off
SET client_min_messages = warning;
DROP SCHEMA shop, shop2 CASCADE;
RESET client_min_messages;
DROP FUNCTION try;
DELETE FROM fpgo_internal.submission WHERE id > :last;
DELETE FROM fpgo_internal.payload;
DROP SERVER frontpayment;
