-- enqueue_invoice_trigger with on_invalid=record: one odd row is recorded, and no broken
-- deployment is.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
\set VERBOSITY terse
SET fpgo.undelivered_notice = off;

CREATE ROLE regress_fpgo_shop;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop;
-- what other tests left on record is not looked at
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.submission \gset
-- a row's key as its table and N
CREATE VIEW records AS
	SELECT regexp_replace(s.key, '/[0-9a-f]{16}([0-9a-f]{48})?$', '/N') AS key, s.reference, s.state, s.attempts, s.error, p.payload IS NOT NULL AS has_payload
	FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.payload p ON p.submission = s.id
	WHERE s.id > :last ORDER BY s.id;

CREATE SCHEMA shop;
CREATE TABLE shop.orders (number text PRIMARY KEY, odd text, status text);
CREATE TABLE shop.log (number text PRIMARY KEY);
-- what is odd: a SQLSTATE that the mapping raises, or what it returns
CREATE FUNCTION shop.invoice_for(o shop.orders) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result jsonb := current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', o.number);
BEGIN
	IF o.odd ~ '^[0-9A-Z]{5}$' THEN
		RAISE EXCEPTION 'no order for 28038712383' USING ERRCODE = o.odd;
	END IF;
	CASE o.odd
		WHEN 'rule' THEN result := jsonb_set(result, '{products,0,tax}', '13');
		WHEN 'no JSON' THEN RETURN '{"personalNumber": 28038712383';
		WHEN 'no object' THEN RETURN '[28038712383]';
		WHEN 'size' THEN result := result || jsonb_build_object('note', repeat('x', 1024 * 1024));
		WHEN 'strict' THEN SELECT 1 / 0 INTO result;
		WHEN 'twice' THEN INSERT INTO shop.log VALUES (o.number), (o.number);
		WHEN 'missing' THEN PERFORM shop.no_such_function();
		WHEN 'column' THEN PERFORM no_such_column FROM shop.log;
		WHEN 'written' THEN INSERT INTO shop.log VALUES (o.number);
		WHEN 'none' THEN RETURN NULL;
		ELSE NULL;
	END CASE;
	RETURN result;
END $$;
CREATE CONSTRAINT TRIGGER invoice AFTER INSERT OR UPDATE ON shop.orders DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for', 'on_invalid=record');

-- one odd row of a statement: it is recorded, the others are queued, and COMMIT succeeds
BEGIN;
INSERT INTO shop.orders VALUES ('A-1', ''), ('A-2', '22012'), ('A-3', ''), ('A-4', 'none');
COMMIT;
SELECT * FROM records;
-- whatever is odd about it
INSERT INTO shop.orders SELECT 'B-' || n, odd FROM unnest('{rule,no JSON,no object,size,strict,twice,21000,22023,23514,38000,39000,P0001,54000}'::text[])
	WITH ORDINALITY o (odd, n);
SELECT * FROM records OFFSET 3;
-- no text of the mapping's is shown, nor a personal number
SELECT count(*) FROM fpgo.submissions WHERE concat(key, reference, last_error) ~ '28038712383|no order';

-- what the next try may not have, and what every row has, is raised
CREATE FUNCTION raised(odd text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	SET CONSTRAINTS ALL IMMEDIATE;
	INSERT INTO shop.orders VALUES ('C-' || odd, odd);
	RETURN 'recorded';
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
	RETURN SQLSTATE;
END $$;
SELECT odd, raised(odd) FROM unnest('{40001,40P01,42883,42501,0A000,25006,53200,54001,55P03,57014,57P01,58030,XX000,F0000,08006,2F000,missing,column}'::text[]) odd;
SELECT count(*) FROM records WHERE key LIKE 'C-%';
-- and the rights of whoever changes the row
GRANT USAGE ON SCHEMA shop TO regress_fpgo_shop;
GRANT ALL ON shop.orders TO regress_fpgo_shop;
REVOKE EXECUTE ON FUNCTION shop.invoice_for FROM PUBLIC;
SET ROLE regress_fpgo_shop;
SELECT raised('22012');
RESET ROLE;
GRANT EXECUTE ON FUNCTION shop.invoice_for TO regress_fpgo_shop;
ALTER SERVER frontpayment RENAME TO regress_fpgo_elsewhere;
SELECT raised('22012'), raised('');
ALTER SERVER regress_fpgo_elsewhere RENAME TO frontpayment;

-- the same fault of the same row adds no row; another fault does
SELECT count(*) AS n FROM records \gset
UPDATE shop.orders SET status = 'seen' WHERE number IN ('A-2', 'B-1', 'B-2', 'B-4');
UPDATE shop.orders SET status = 'sent' WHERE number IN ('A-2', 'B-1', 'B-2', 'B-4');
SELECT count(*) - :n AS added FROM records;
UPDATE shop.orders SET odd = '22003' WHERE number = 'A-2';
UPDATE shop.orders SET odd = '22012' WHERE number = 'A-2';
SELECT * FROM records OFFSET :n;
-- mended, it is queued
SELECT count(*) AS n FROM records \gset
UPDATE shop.orders SET odd = '' WHERE number IN ('A-2', 'B-1');
SELECT * FROM records OFFSET :n;

-- what the mapping wrote is undone with its failure, and kept otherwise
INSERT INTO shop.orders VALUES ('D-1', 'written');
SELECT number FROM shop.log;

-- what fpgo finds in a composite; alike rows of a table without a key are one
CREATE TABLE shop.sale (price numeric, sold_at timestamptz);
CREATE FUNCTION shop.of_sale(s shop.sale) RETURNS fpgo.invoice_order LANGUAGE plpgsql AS $$
DECLARE
	o fpgo.invoice_order := current_setting('test.order')::jsonb::fpgo.invoice_order;
BEGIN
	o.order_summary.grand_total := s.price;
	o.order_date := s.sold_at;
	RETURN o;
END $$;
CREATE TRIGGER invoice AFTER INSERT ON shop.sale
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.of_sale', 'on_invalid=record');
SELECT count(*) AS n FROM records \gset
INSERT INTO shop.sale VALUES ('NaN', now()), ('Infinity', now()), (1, 'infinity'), (1, '1969-01-01'), ('NaN', now());
SELECT key, state, error FROM records OFFSET :n;
-- a partition is its table
CREATE TABLE shop.parted (number integer PRIMARY KEY) PARTITION BY RANGE (number);
CREATE TABLE shop.part_1 PARTITION OF shop.parted FOR VALUES FROM (0) TO (10);
CREATE FUNCTION shop.of_parted(p shop.parted) RETURNS jsonb LANGUAGE sql RETURN to_jsonb(1 / (p.number - p.number));
CREATE TRIGGER invoice AFTER INSERT ON shop.parted
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.of_parted', 'on_invalid=record');
INSERT INTO shop.parted VALUES (1);
SELECT key, state, error FROM records OFFSET :n + 4;

-- the key is the row's, whatever the session shows dates like
CREATE TABLE shop.dated (day date PRIMARY KEY, odd integer);
CREATE FUNCTION shop.of_dated(d shop.dated) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(1 / (d.odd - d.odd)) $$;
CREATE TRIGGER invoice AFTER INSERT OR UPDATE ON shop.dated
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.of_dated', 'on_invalid=record');
INSERT INTO shop.dated VALUES ('2026-11-30', 1);
SET datestyle = 'German';
UPDATE shop.dated SET odd = 2;
RESET datestyle;
SELECT count(*) AS recorded, count(DISTINCT key) AS keys, bool_and(key = source_table || '/' || encode(source, 'hex')) AS is_row
FROM fpgo_internal.submission WHERE source_table = 'shop.dated';
DELETE FROM fpgo_internal.submission WHERE source_table = 'shop.dated';

-- what it tells of all that
SELECT server, refused_at_hand_in > 10 AS refused FROM fpgo.queue_health WHERE server = 'frontpayment';
SELECT check_name, ok, regexp_replace(detail, '[0-9]+', 'N') AS detail, hint FROM fpgo.doctor() WHERE check_name = 'hand_in';

-- many rows take no transaction ids of their own
CREATE TABLE shop.bulk (n integer PRIMARY KEY);
CREATE FUNCTION shop.of_bulk(b shop.bulk) RETURNS jsonb LANGUAGE sql RETURN CASE WHEN b.n % 100 = 0 THEN to_jsonb(1 / (b.n - b.n))
	ELSE current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', 'bulk ' || b.n) END;
CREATE TRIGGER invoice AFTER INSERT ON shop.bulk
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.of_bulk', 'on_invalid=record');
CREATE TEMP TABLE later (n integer);
BEGIN;
INSERT INTO shop.bulk SELECT generate_series(1, 10000);
SAVEPOINT later;
INSERT INTO later VALUES (1);
-- (autovacuum takes some)
SELECT xmin::text::bigint - (SELECT max(xmin::text::bigint) FROM shop.bulk) < 100 AS few FROM later;
COMMIT;
SELECT state, count(*) FROM records WHERE key LIKE 'bulk %' OR key LIKE 'shop.bulk/%' GROUP BY state ORDER BY state;

SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
RESET client_min_messages;
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.account;
DROP VIEW records;
DROP FUNCTION raised;
DROP SERVER frontpayment;
DROP ROLE regress_fpgo_shop;
