-- enqueue_invoice_trigger: a shop's tables queue their own invoices.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;

-- where other tests' orders went
DELETE FROM fpgo_internal.account;
CREATE ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_till IN ROLE regress_fpgo_shop;
CREATE ROLE regress_fpgo_stranger;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
-- what other tests could not send is none of this one's orders
TRUNCATE fpgo_internal.hold;
CREATE SERVER regress_fpgo_second FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
GRANT USAGE ON FOREIGN SERVER frontpayment, regress_fpgo_second TO regress_fpgo_shop;

-- what other tests left on record is not looked at
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.submission \gset
CREATE VIEW records AS
	SELECT s.key, s.server, s.role, s.state, s.grand_total, p.payload::jsonb AS payload, s.error
	FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.payload p ON p.submission = s.id
	WHERE s.id > :last ORDER BY s.id;

-- a shop: orders, their lines, and what an order is made of
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO regress_fpgo_shop, regress_fpgo_stranger;
CREATE TABLE shop.orders (number text PRIMARY KEY, status text NOT NULL DEFAULT 'new', zip text);
CREATE TABLE shop.lines (number text REFERENCES shop.orders ON DELETE CASCADE, name text, price numeric);
GRANT ALL ON ALL TABLES IN SCHEMA shop TO regress_fpgo_shop, regress_fpgo_stranger;
CREATE FUNCTION shop.an_order(reference text, changes jsonb DEFAULT '{}') RETURNS jsonb
	LANGUAGE sql RETURN current_setting('test.order')::jsonb || changes ||
		jsonb_build_object('referenceNo', reference);

-- the way the README shows: constraint trigger, fired at commit, when the
-- lines are there
CREATE FUNCTION shop.invoice_for(o shop.orders) RETURNS fpgo.invoice_order
LANGUAGE plpgsql STABLE AS $$
DECLARE
	result fpgo.invoice_order := shop.an_order(o.number)::fpgo.invoice_order;
	total numeric := 0;
	line record;
BEGIN
	result.products := '{}';
	FOR line IN SELECT * FROM shop.lines l WHERE l.number = o.number ORDER BY name LOOP
		result.products := result.products || (jsonb_build_object('products', jsonb_build_array(
			jsonb_build_object('name', line.name, 'quantity', 1, 'rate', line.price, 'tax', 25, 'amount', line.price)))::fpgo.invoice_order).products;
		total := total + line.price;
	END LOOP;
	result.order_summary.grand_total := total;
	RETURN result;
END $$;
CREATE CONSTRAINT TRIGGER invoice AFTER INSERT ON shop.orders
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
BEGIN;
INSERT INTO shop.orders VALUES ('A-1');
INSERT INTO shop.lines VALUES ('A-1', 'Router', 40), ('A-1', 'Cable', 2.50);
SELECT count(*) FROM records;
COMMIT;
SELECT key, role = current_user AS is_mine, state, grand_total, jsonb_array_length(payload -> 'products') AS products FROM records;
-- without lines it breaks a rule, and the shop's own transaction fails
BEGIN;
INSERT INTO shop.orders VALUES ('A-2');
COMMIT;
SELECT number FROM shop.orders;
-- rolled back
BEGIN;
INSERT INTO shop.orders VALUES ('A-3');
INSERT INTO shop.lines VALUES ('A-3', 'Router', 40);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT key FROM records;
ROLLBACK;
SELECT key FROM records;
-- to a savepoint
BEGIN;
SAVEPOINT s;
INSERT INTO shop.orders VALUES ('A-4');
ROLLBACK TO s;
INSERT INTO shop.orders VALUES ('A-5');
INSERT INTO shop.lines VALUES ('A-5', 'Router', 40);
COMMIT;
SELECT key FROM records;
-- several rows
BEGIN;
INSERT INTO shop.orders SELECT 'A-1' || n FROM generate_series(1, 3) n;
INSERT INTO shop.lines SELECT 'A-1' || n, 'Router', 10 * n FROM generate_series(1, 3) n;
COMMIT;
SELECT key, grand_total FROM records;
-- fired at once, a STABLE function sees what the statement itself did
DROP TRIGGER invoice ON shop.orders;
CREATE TRIGGER invoice AFTER INSERT ON shop.orders
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
ALTER TABLE shop.lines DROP CONSTRAINT lines_number_fkey;
WITH line AS (INSERT INTO shop.lines VALUES ('A-6', 'Router', 60))
	INSERT INTO shop.orders VALUES ('A-6');
SELECT key, grand_total FROM records WHERE key = 'A-6';
DROP TRIGGER invoice ON shop.orders;
TRUNCATE shop.orders, shop.lines;
DELETE FROM fpgo_internal.submission;

-- on a status change, with WHEN
CREATE FUNCTION shop.simple(o shop.orders) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(o.number);
CREATE TRIGGER invoice AFTER UPDATE OF status ON shop.orders
	FOR EACH ROW WHEN (old.status <> 'shipped' AND new.status = 'shipped')
	EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.simple');
INSERT INTO shop.orders VALUES ('B-1'), ('B-2');
UPDATE shop.orders SET status = 'packed';
SELECT key FROM records;
UPDATE shop.orders SET status = 'shipped' WHERE number = 'B-1';
UPDATE shop.orders SET zip = '0001';
SELECT key, state FROM records;
-- back and forth is the same order: no second invoice, no error
UPDATE shop.orders SET status = 'packed';
UPDATE shop.orders SET status = 'shipped';
SELECT key, state FROM records;
-- whatever became of the first
UPDATE fpgo_internal.submission SET state = 'uncertain' WHERE key = 'B-1';
UPDATE fpgo_internal.submission SET state = 'accepted', order_uuid = 'ODR2' WHERE key = 'B-2';
UPDATE shop.orders SET status = 'packed';
UPDATE shop.orders SET status = 'shipped';
SELECT key, state FROM records;
-- another order is a version, which waits, or is too late
CREATE OR REPLACE FUNCTION shop.simple(o shop.orders) RETURNS jsonb LANGUAGE sql
	RETURN shop.an_order(o.number, '{"invoiceMaturity": 11}');
UPDATE shop.orders SET status = 'packed';
UPDATE shop.orders SET status = 'shipped';
SELECT key, version, state, regexp_replace(last_error, '\d+\.$', 'N.') AS last_error FROM fpgo.versions ORDER BY key, version;
DROP TRIGGER invoice ON shop.orders;
DROP FUNCTION shop.simple;
TRUNCATE shop.orders;
DELETE FROM fpgo_internal.submission;

-- before the change nobody knows what the row will be
CREATE FUNCTION shop.simple(o shop.orders) RETURNS text LANGUAGE sql RETURN shop.an_order(o.number);
CREATE TRIGGER invoice BEFORE INSERT OR UPDATE ON shop.orders
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.simple');
INSERT INTO shop.orders VALUES ('C-1', 'new', '0001');
SELECT number FROM shop.orders;
DROP TRIGGER invoice ON shop.orders;

-- NULL means no invoice
CREATE FUNCTION shop.seldom(o shop.orders) RETURNS jsonb LANGUAGE sql
	RETURN CASE WHEN o.zip IS NOT NULL THEN shop.an_order(o.number) END;
CREATE TRIGGER invoice AFTER INSERT ON shop.orders
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.seldom');
INSERT INTO shop.orders VALUES ('D-1', 'new', NULL), ('D-2', 'new', '0001');
SELECT key FROM records WHERE key LIKE 'D-%';
DROP TRIGGER invoice ON shop.orders;

-- arguments
CREATE TRIGGER invoice AFTER INSERT ON shop.orders
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.simple', 'server=regress_fpgo_second', 'on_invalid=fail');
INSERT INTO shop.orders VALUES ('E-1');
SELECT key, server FROM records WHERE key LIKE 'E-%';
DROP TRIGGER invoice ON shop.orders;
-- attach('...', ...): the trigger anew with these arguments, and a row
CREATE PROCEDURE attach(VARIADIC arguments text[]) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'CREATE OR REPLACE TRIGGER invoice AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('
		|| (SELECT coalesce(string_agg(quote_literal(a), ', ' ORDER BY n), '') FROM unnest(arguments) WITH ORDINALITY u(a, n)) || ')';
END $$;
CALL attach(VARIADIC '{}');
INSERT INTO shop.orders VALUES ('E-2');
CALL attach('shop.simple', 'on_invalid=ignore');
INSERT INTO shop.orders VALUES ('E-2');
CALL attach('shop.simple', 'server=');
INSERT INTO shop.orders VALUES ('E-2');
CALL attach('shop.simple', 'frontpayment');
INSERT INTO shop.orders VALUES ('E-2');
CALL attach('shop.simple', 'on_change=cancel');
INSERT INTO shop.orders VALUES ('E-2');
CALL attach('shop.simple', 'on_delete=cancel');
INSERT INTO shop.orders VALUES ('E-2');
CALL attach('shop.simple', 'role=regress_fpgo_shop');
INSERT INTO shop.orders VALUES ('E-2');
CALL attach('shop.simple', 'server=regress_fpgo_nowhere');
INSERT INTO shop.orders VALUES ('E-2');

-- the function is missing, or another one than is needed
CALL attach('shop.missing');
INSERT INTO shop.orders VALUES ('E-2');
CALL attach('shop.an_order');
INSERT INTO shop.orders VALUES ('E-2');
CALL attach('shop.simple(shop.orders)');
INSERT INTO shop.orders VALUES ('E-2');
CREATE FUNCTION shop.number(o shop.orders) RETURNS integer LANGUAGE sql RETURN 1;
CALL attach('shop.number');
INSERT INTO shop.orders VALUES ('E-2');
CREATE FUNCTION shop.many(o shop.orders) RETURNS SETOF jsonb LANGUAGE sql AS 'SELECT shop.an_order(o.number)';
CALL attach('shop.many');
INSERT INTO shop.orders VALUES ('E-2');
CREATE FUNCTION shop.composite(o shop.orders) RETURNS shop.orders LANGUAGE sql RETURN o;
CALL attach('shop.composite');
INSERT INTO shop.orders VALUES ('E-2');
CREATE PROCEDURE shop.procedure(o shop.orders) LANGUAGE sql AS '';
CALL attach('shop.procedure');
INSERT INTO shop.orders VALUES ('E-2');
-- it fails
CREATE FUNCTION shop.failing(o shop.orders) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE division_by_zero; END $$;
CALL attach('shop.failing');
INSERT INTO shop.orders VALUES ('E-2');
-- it returns no JSON, or no object
CREATE FUNCTION shop.broken(o shop.orders) RETURNS text LANGUAGE sql RETURN o.zip;
CALL attach('shop.broken');
INSERT INTO shop.orders VALUES ('E-2', 'new', '{');
INSERT INTO shop.orders VALUES ('E-2', 'new', '[]');
-- what the library finds by itself: domains of the types, a function that
-- takes any row, one on the search_path
CREATE DOMAIN shop.payload AS jsonb;
CREATE FUNCTION shop.of_domain(o shop.orders) RETURNS shop.payload LANGUAGE sql RETURN shop.an_order(o.number);
CALL attach('shop.of_domain');
INSERT INTO shop.orders VALUES ('E-3');
CREATE FUNCTION shop.of_any(o record) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN shop.an_order(o.number); END $$;
CALL attach('shop.of_any');
INSERT INTO shop.orders VALUES ('E-4');
SET search_path = shop, public;
CALL attach('of_domain');
INSERT INTO shop.orders VALUES ('E-5');
RESET search_path;
INSERT INTO shop.orders VALUES ('E-6');
CREATE FUNCTION shop."Of Case"(o shop.orders) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(o.number);
CALL attach('shop."Of Case"');
INSERT INTO shop.orders VALUES ('E-7');
SELECT key FROM records WHERE key LIKE 'E-%';
-- replaced between two rows of a transaction
BEGIN;
CALL attach('shop.simple');
INSERT INTO shop.orders VALUES ('E-8');
CREATE OR REPLACE FUNCTION shop.simple(o shop.orders) RETURNS text LANGUAGE sql RETURN shop.an_order(o.number || '-new');
INSERT INTO shop.orders VALUES ('E-9');
SELECT key FROM records WHERE key LIKE 'E-8%' OR key LIKE 'E-9%';
ROLLBACK;

-- an order that breaks rules fails the statement ...
CREATE FUNCTION shop.faulty(o shop.orders) RETURNS jsonb LANGUAGE sql
	RETURN jsonb_set(shop.an_order(o.number, coalesce(o.zip, '{}')::jsonb), '{products,0,tax}', '13');
CALL attach('shop.faulty');
INSERT INTO shop.orders VALUES ('F-1');
SELECT number FROM shop.orders WHERE number LIKE 'F-%';
-- ... or is recorded, and holds no key
CALL attach('shop.faulty', 'on_invalid=record');
INSERT INTO shop.orders VALUES ('F-1'), ('F-2');
SELECT key, state, error, payload FROM records WHERE key LIKE 'F-%';
SELECT settled_at IS NOT NULL AS is_settled, attempts FROM fpgo_internal.submission WHERE key LIKE 'F-%';
SELECT fpgo.enqueue_invoice(shop.an_order('F-1')) > 0 AS queued;
-- one that breaks all of them
INSERT INTO shop.orders VALUES ('F-3', 'new', '{"orderSummary": null, "customerDetails": [], "callback": 1, "invoiceFeeApplicable": null}');
SELECT key, state, grand_total, error FROM records WHERE key = 'F-3';
-- a valid one is queued, and once
CALL attach('shop.simple', 'on_invalid=record');
INSERT INTO shop.orders VALUES ('F-4');
DELETE FROM shop.orders WHERE number = 'F-4';
INSERT INTO shop.orders VALUES ('F-4');
SELECT key, state FROM records WHERE key = 'F-4';

-- rights are those of whoever changes the row
CALL attach('shop.simple');
SET ROLE regress_fpgo_till;
INSERT INTO shop.orders VALUES ('G-1');
SELECT current_user;
SET ROLE regress_fpgo_stranger;
INSERT INTO shop.orders VALUES ('G-2');
SELECT current_user;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION shop.simple FROM PUBLIC;
SET ROLE regress_fpgo_till;
INSERT INTO shop.orders VALUES ('G-2');
RESET ROLE;
SELECT key, role FROM records WHERE key LIKE 'G-%';
GRANT EXECUTE ON FUNCTION shop.simple TO PUBLIC;

-- called otherwise
DROP TRIGGER invoice ON shop.orders;
\set VERBOSITY default
CREATE TRIGGER invoice AFTER INSERT ON shop.orders
	FOR EACH STATEMENT EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.simple');
INSERT INTO shop.orders VALUES ('H-1');
DROP TRIGGER invoice ON shop.orders;
CREATE VIEW shop.recent AS SELECT * FROM shop.orders;
CREATE TRIGGER invoice INSTEAD OF INSERT ON shop.recent
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.simple');
INSERT INTO shop.recent VALUES ('H-1');
DROP VIEW shop.recent;
\set VERBOSITY sqlstate
SELECT fpgo.enqueue_invoice_trigger();

-- the codes
CALL attach('shop.missing');
INSERT INTO shop.orders VALUES ('H-1');
CALL attach('shop.number');
INSERT INTO shop.orders VALUES ('H-1');
CALL attach('shop.failing');
INSERT INTO shop.orders VALUES ('H-1');
CALL attach('shop.faulty');
INSERT INTO shop.orders VALUES ('H-1');
CALL attach('shop.simple', 'x=y');
INSERT INTO shop.orders VALUES ('H-1');
\set VERBOSITY default

-- a partitioned table: the function takes the whole table's row, and
-- partitions have their columns in any order
CREATE TABLE shop.sales (year integer, number text, zip text) PARTITION BY LIST (year);
CREATE TABLE shop.sales_2025 PARTITION OF shop.sales FOR VALUES IN (2025);
CREATE TABLE shop.sales_2026 (zip text, gone integer, number text, year integer);
ALTER TABLE shop.sales_2026 DROP COLUMN gone;
ALTER TABLE shop.sales ATTACH PARTITION shop.sales_2026 FOR VALUES IN (2026);
CREATE TABLE shop.sales_later PARTITION OF shop.sales DEFAULT PARTITION BY LIST (number);
CREATE TABLE shop.sales_rest (number text, year integer, zip text);
ALTER TABLE shop.sales_later ATTACH PARTITION shop.sales_rest DEFAULT;
CREATE FUNCTION shop.invoice_for(s shop.sales) RETURNS jsonb LANGUAGE sql
	RETURN shop.an_order(s.number || '/' || s.year || '/' || s.zip);
CREATE CONSTRAINT TRIGGER invoice AFTER INSERT OR UPDATE ON shop.sales
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
INSERT INTO shop.sales VALUES (2025, 'I-1', '0001'), (2026, 'I-2', '0002'), (2027, 'I-3', '0003');
INSERT INTO shop.sales_2026 (year, number, zip) VALUES (2026, 'I-4', '0004');
UPDATE shop.sales SET zip = '0005' WHERE number = 'I-3';
-- a row that moves is inserted into its new partition
UPDATE shop.sales SET year = 2026 WHERE number = 'I-1';
SELECT key FROM records WHERE key LIKE 'I-%';
-- a function for a partition's row is nearer than the whole table's
CREATE FUNCTION shop.invoice_for(s shop.sales_2026) RETURNS jsonb LANGUAGE sql RETURN shop.an_order('near ' || s.number);
CREATE FUNCTION shop.invoice_for(s shop.sales_later) RETURNS jsonb LANGUAGE sql RETURN shop.an_order('later ' || s.number);
CREATE FUNCTION shop.invoice_for(s record) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE 'not wanted'; END $$;
INSERT INTO shop.sales VALUES (2025, 'I-5', '0001'), (2026, 'I-6', '0002'), (2027, 'I-7', '0003');
SELECT key FROM records WHERE key LIKE '%I-5%' OR key LIKE '%I-6%' OR key LIKE '%I-7%';
-- what is missing is asked for with the whole table's row
DROP FUNCTION shop.invoice_for(shop.sales_2026), shop.invoice_for(shop.sales_later), shop.invoice_for(shop.sales), shop.invoice_for(record);
INSERT INTO shop.sales VALUES (2027, 'I-8', '0003');

-- inheritance, and a table of a type
CREATE TABLE shop.returns (reason text) INHERITS (shop.orders);
CREATE TRIGGER invoice AFTER INSERT ON shop.returns
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.simple');
INSERT INTO shop.returns (reason, number) VALUES ('broken', 'J-1');
CREATE TYPE shop.gift AS (number text);
CREATE TABLE shop.gifts OF shop.gift;
CREATE FUNCTION shop.simple(g shop.gift) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(g.number);
CREATE TRIGGER invoice AFTER INSERT ON shop.gifts
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.simple');
INSERT INTO shop.gifts VALUES ('J-2');
SELECT key FROM records WHERE key LIKE 'J-%';

-- ON CONFLICT: an upsert that changes nothing queues nothing after the row
DROP TRIGGER invoice ON shop.orders;
CREATE TRIGGER invoice AFTER INSERT ON shop.orders
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.simple');
INSERT INTO shop.orders VALUES ('K-1') ON CONFLICT DO NOTHING;
INSERT INTO shop.orders VALUES ('K-1') ON CONFLICT DO NOTHING;
SELECT key FROM records WHERE key LIKE 'K-%';

-- rows leave nothing behind in memory
CREATE TABLE shop.bulk (n integer, filler text);
CREATE TABLE shop.measured (bytes numeric);
CREATE FUNCTION shop.measure(b shop.bulk) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF b.n IN (200, 2000) THEN
		INSERT INTO shop.measured SELECT sum(total_bytes) FROM pg_backend_memory_contexts;
	END IF;
	RETURN shop.an_order('bulk ' || b.n, jsonb_build_object('note', b.filler));
END $$;
CREATE TRIGGER invoice AFTER INSERT ON shop.bulk
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.measure');
INSERT INTO shop.bulk SELECT n, repeat('x', 1000) FROM generate_series(1, 2000) n;
SELECT count(*) FROM records WHERE key LIKE 'bulk %';
SELECT count(*), max(bytes) - min(bytes) < 500000 AS is_flat FROM shop.measured;

SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
RESET client_min_messages;
DROP PROCEDURE attach;
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DROP VIEW records;
DROP SERVER frontpayment;
DROP SERVER regress_fpgo_second;
DROP ROLE regress_fpgo_till, regress_fpgo_shop, regress_fpgo_stranger;
