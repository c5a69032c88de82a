-- What fpgo.doctor() says of a server before the gateway is asked, of sequences
-- and of triggers, and that every check is a row.  Whatever this PostgreSQL is
-- set up like, is left out.

CREATE ROLE regress_fpgo_shop;
CREATE VIEW of_server AS
	SELECT check_name, ok, detail, hint FROM fpgo.doctor() WITH ORDINALITY d (check_name, ok, detail, hint, nr)
	WHERE nr BETWEEN (SELECT 11) AND 17 ORDER BY nr;
\pset format unaligned
\pset null '(null)'

-- all of them, in this order, with something said
SELECT string_agg(check_name, ' ' ORDER BY nr) AS checks, count(detail) AS n
FROM fpgo.doctor() WITH ORDINALITY d (check_name, ok, detail, hint, nr);
SELECT ok, regexp_replace(detail, '[0-9].* in .*', '...') AS detail FROM fpgo.doctor() WHERE check_name = 'extension';
SELECT check_name FROM fpgo.doctor('nowhere') WHERE ok IS NULL;

-- no server; the one that the setting names; one of another kind
SELECT check_name, ok, detail, hint FROM fpgo.doctor('My Shop') WHERE check_name IN ('server', 'options', 'credentials');
SET fpgo.server = 'elsewhere';
SELECT * FROM of_server WHERE check_name = 'server';
RESET fpgo.server;
CREATE FOREIGN DATA WRAPPER regress_fpgo_other;
CREATE SERVER regress_fpgo_other FOREIGN DATA WRAPPER regress_fpgo_other;
SELECT check_name, ok, detail, hint FROM fpgo.doctor('regress_fpgo_other') WHERE check_name = 'server';
DROP FOREIGN DATA WRAPPER regress_fpgo_other CASCADE;

-- options that would be refused today: by what they are, or as the owner lost a right
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1', ca_file '/nowhere/ca.pem');
CREATE USER MAPPING FOR regress_fpgo_shop SERVER frontpayment OPTIONS (token_file '/nowhere/token-7d1f');
ALTER SERVER frontpayment OWNER TO regress_fpgo_shop;
SELECT check_name, ok, detail, hint FROM of_server;
SELECT current_user = session_user AS still_the_same_user;
ALTER SERVER frontpayment OWNER TO CURRENT_USER;
UPDATE pg_foreign_server SET srvoptions = '{url=http://gateway.example/}' WHERE srvname = 'frontpayment';
SELECT check_name, ok, detail, hint FROM of_server WHERE check_name = 'options';
UPDATE pg_foreign_server SET srvoptions = NULL WHERE srvname = 'frontpayment';
SELECT check_name, ok, detail, hint FROM of_server WHERE check_name IN ('options', 'usage');
UPDATE pg_foreign_server SET srvoptions = '{url=http://127.0.0.1:1/api/v1,token=7d1f}' WHERE srvname = 'frontpayment';
SELECT check_name, ok, detail FROM of_server WHERE check_name = 'options';
UPDATE pg_foreign_server SET srvoptions = '{url=http://127.0.0.1:1/api/v1,timeout=29s}' WHERE srvname = 'frontpayment';

-- a role without USAGE; then without a mapping that can be read; a short timeout
GRANT SELECT ON of_server TO regress_fpgo_shop;
SET ROLE regress_fpgo_shop;
SELECT check_name, ok, detail, hint FROM of_server;
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop;
SET ROLE regress_fpgo_shop;
SELECT check_name, ok, detail, hint FROM fpgo.doctor() WHERE check_name IN ('usage', 'timeout', 'mapping', 'token');
RESET ROLE;
ALTER SERVER frontpayment OPTIONS (SET timeout '30s');
DROP USER MAPPING FOR regress_fpgo_shop SERVER frontpayment;
SET ROLE regress_fpgo_shop;
SELECT check_name, ok, detail, hint FROM of_server WHERE check_name IN ('timeout', 'mapping');
RESET ROLE;

-- nobody listens
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '7d1f');
SET ROLE regress_fpgo_shop;
SELECT check_name, ok, detail FROM fpgo.doctor() WHERE check_name IN ('mapping', 'process', 'name', 'connection', 'tls', 'clock', 'api', 'credentials');
RESET ROLE;

-- it records nothing, and leaves the transaction and its user as they were
BEGIN;
SET LOCAL ROLE regress_fpgo_shop;
SELECT count(*) FROM fpgo.doctor('nowhere');
SELECT current_user, pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
ROLLBACK;

-- sequences behind their tables, as after pg_restore --clean of an older dump
CREATE FUNCTION of_check(name text) RETURNS TABLE (ok boolean, detail text, hint text) LANGUAGE sql AS
	$$ SELECT d.ok, d.detail, d.hint FROM fpgo.doctor('nowhere') d WHERE d.check_name = name $$;
SET fpgo.undelivered_notice = off;
\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT count(fpgo.enqueue_invoice(:'order'::jsonb || jsonb_build_object('referenceNo', n::text))) FROM generate_series(1, 3) n;
INSERT INTO fpgo_internal.status_change (order_uuid, server, status) VALUES ('ODR1', 'frontpayment', 'SENT'), ('ODR1', 'frontpayment', 'PAID');
SELECT * FROM of_check('sequences');
SELECT setval('fpgo_internal.submission_id_seq', (SELECT max(id) - 1 FROM fpgo_internal.submission), false) > 0 AS set_back;
SELECT * FROM of_check('sequences');
SELECT setval('fpgo_internal.status_change_id_seq', 1) > 0 AS set_back;
SELECT * FROM of_check('sequences');
-- whoever asks; the hint mends them
SET ROLE regress_fpgo_shop;
SELECT ok FROM of_check('sequences');
RESET ROLE;
SELECT hint AS cure FROM of_check('sequences') \gset
SELECT substring(:'cure' FROM 'SELECT.*') AS cure \gset
\pset tuples_only on
\o /dev/null
:cure
\o
\pset tuples_only off
SELECT ok FROM of_check('sequences');
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.status_change;

-- triggers: none; one that is right
SELECT * FROM of_check('triggers');
SELECT * FROM of_check('search_path');
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO regress_fpgo_shop;
CREATE TABLE shop.orders (number text);
CREATE FUNCTION shop.invoice_for(o shop.orders) RETURNS jsonb LANGUAGE plpgsql SET search_path = shop, pg_temp
	AS $$ BEGIN RAISE 'run'; END $$;
CREATE CONSTRAINT TRIGGER invoice AFTER INSERT ON shop.orders DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
SELECT * FROM of_check('triggers');
SELECT * FROM of_check('search_path');
-- no path of its own; a body that was looked up when it was made needs none
ALTER FUNCTION shop.invoice_for(shop.orders) RESET search_path;
SELECT * FROM of_check('search_path');
ALTER FUNCTION shop.invoice_for(shop.orders) SET work_mem = '64MB';
SELECT ok FROM of_check('search_path');
SELECT substring(hint FROM '^[^;]*;') AS cure FROM of_check('search_path') \gset
:cure
SELECT ok FROM of_check('search_path');
CREATE FUNCTION shop.in_sql(o shop.orders) RETURNS jsonb LANGUAGE sql BEGIN ATOMIC SELECT to_jsonb(o); END;
CREATE TABLE shop."Of Case" (number text);
CREATE FUNCTION shop."For Case"(o shop."Of Case") RETURNS jsonb LANGUAGE sql RETURN to_jsonb(o);
CREATE TRIGGER "In Voice" AFTER INSERT ON shop."Of Case" FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop."For Case"');
SELECT * FROM of_check('triggers');
SELECT ok FROM of_check('search_path');
CREATE OR REPLACE FUNCTION shop."For Case"(o shop."Of Case") RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(o)';
SELECT * FROM of_check('search_path');
-- a name without its schema is found, or not
CREATE OR REPLACE TRIGGER "In Voice" AFTER INSERT ON shop."Of Case" FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('"For Case"');
SELECT * FROM of_check('triggers');
SET search_path = shop, public;
SELECT * FROM of_check('triggers');
SELECT * FROM of_check('search_path');
RESET search_path;
DROP TABLE shop."Of Case" CASCADE;
-- one that is refused when it fires
CREATE TRIGGER before BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
SELECT * FROM of_check('triggers');
DROP TRIGGER before ON shop.orders;
CREATE TRIGGER truncated AFTER TRUNCATE ON shop.orders EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
SELECT * FROM of_check('triggers');
DROP TRIGGER truncated ON shop.orders;
-- dropped, of a wrong type, with too many arguments, not named at all
DROP FUNCTION shop.invoice_for;
SELECT * FROM of_check('triggers');
SELECT ok FROM of_check('search_path');
CREATE FUNCTION shop.invoice_for(o shop.orders) RETURNS integer LANGUAGE sql RETURN 1;
SELECT * FROM of_check('triggers');
DROP FUNCTION shop.invoice_for;
CREATE FUNCTION shop.invoice_for(o shop.orders, lang text) RETURNS integer LANGUAGE sql RETURN 1;
SELECT * FROM of_check('triggers');
CREATE TABLE shop.others (number text);
CREATE TRIGGER invoice AFTER INSERT ON shop.others FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger();
CREATE TRIGGER invoice2 AFTER INSERT ON shop.others FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.f(x)');
CREATE TRIGGER invoice3 AFTER INSERT ON shop.others FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.missing', 'on_invalid=record');
CREATE TRIGGER invoice4 AFTER INSERT ON shop.others FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('nowhere.missing');
SELECT * FROM of_check('triggers');
DROP TABLE shop.others;
-- disabled, it does not matter, and is said
ALTER TABLE shop.orders DISABLE TRIGGER invoice;
SELECT * FROM of_check('triggers');
ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER invoice;
SELECT ok FROM of_check('triggers');
-- roles that may write, and may not execute
DROP FUNCTION shop.invoice_for;
CREATE FUNCTION shop.invoice_for(o shop.orders) RETURNS json LANGUAGE sql RETURN to_json(o);
REVOKE EXECUTE ON FUNCTION shop.invoice_for FROM PUBLIC;
SELECT * FROM of_check('triggers');
GRANT SELECT ON shop.orders TO regress_fpgo_shop;
SELECT ok FROM of_check('triggers');
GRANT INSERT (number) ON shop.orders TO regress_fpgo_shop;
SELECT * FROM of_check('triggers');
GRANT EXECUTE ON FUNCTION shop.invoice_for TO regress_fpgo_shop;
SELECT ok FROM of_check('triggers');
-- all may write, who may look into the schema; then all may look into it
GRANT UPDATE ON shop.orders TO PUBLIC;
SELECT ok FROM of_check('triggers');
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SELECT * FROM of_check('triggers');
GRANT EXECUTE ON FUNCTION shop.invoice_for TO PUBLIC;
SELECT ok FROM of_check('triggers');
REVOKE UPDATE ON shop.orders FROM PUBLIC;
-- the function in a schema of its own
CREATE SCHEMA shop2;
ALTER FUNCTION shop.invoice_for SET SCHEMA shop2;
DROP TRIGGER invoice ON shop.orders;
CREATE TRIGGER invoice AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop2.invoice_for');
SELECT * FROM of_check('triggers');
SET ROLE regress_fpgo_shop;
SELECT * FROM of_check('triggers');
RESET ROLE;
DROP TABLE shop.orders CASCADE;
-- partitions: each as it would find its function, and one fault told once
CREATE TABLE shop.sales (number text, year integer) PARTITION BY LIST (year);
CREATE TRIGGER invoice AFTER INSERT ON shop.sales FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.for_sale');
SELECT * FROM of_check('triggers');
CREATE TABLE shop.sales_1 PARTITION OF shop.sales FOR VALUES IN (1);
CREATE TABLE shop.sales_2 PARTITION OF shop.sales FOR VALUES IN (2);
SELECT * FROM of_check('triggers');
CREATE FUNCTION shop.for_sale(s shop.sales_1) RETURNS json LANGUAGE sql RETURN to_json(s);
SELECT * FROM of_check('triggers');
CREATE FUNCTION shop.for_sale(s shop.sales_2) RETURNS json LANGUAGE sql RETURN to_json(s);
SELECT * FROM of_check('triggers');
-- whoever writes to the whole table
REVOKE EXECUTE ON FUNCTION shop.for_sale(shop.sales_2) FROM PUBLIC;
GRANT INSERT ON shop.sales TO regress_fpgo_shop;
GRANT USAGE ON SCHEMA shop TO regress_fpgo_shop;
SELECT * FROM of_check('triggers');
-- many are counted
CREATE PROCEDURE make_faults() LANGUAGE plpgsql AS $$ BEGIN
	FOR i IN 1 .. 6 LOOP
		EXECUTE format('CREATE TRIGGER t%s AFTER INSERT ON shop.sales_1 FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger(''shop.f%1$s'')', i);
	END LOOP; END $$;
CALL make_faults();
SELECT * FROM of_check('triggers');
DROP PROCEDURE make_faults;
SET client_min_messages = warning;
DROP SCHEMA shop, shop2 CASCADE;
RESET client_min_messages;
DROP FUNCTION of_check;

DROP VIEW of_server;
DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_shop;
