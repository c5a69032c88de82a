-- The row that a trigger makes an order of: its key, where the order has no reference.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
\set VERBOSITY terse

CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
SET fpgo.undelivered_notice = off;
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.submission \gset
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
CREATE SCHEMA regress_shop;
SET search_path = regress_shop, public;
-- the same order of every row, with or without a referenceNo
CREATE FUNCTION public.map_row(r anyelement) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls((current_setting('test.order')::jsonb - 'referenceNo') ||
		jsonb_build_object('referenceNo', nullif(current_setting('test.reference', true), '')))
$$;
CREATE FUNCTION watch(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER invoice AFTER INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger(''public.map_row'')', relation);
END $$;
CREATE VIEW made AS
	SELECT s.source_table, count(*) AS orders, count(DISTINCT s.source) AS sources, count(DISTINCT s.key) AS keys
	FROM fpgo_internal.submission s WHERE s.id > :last GROUP BY 1 ORDER BY 1;

-- two alike rows are two orders; a row that fires again is the same order
CREATE TABLE sale (id smallint PRIMARY KEY, note text);
SELECT watch('sale');
INSERT INTO sale VALUES (1), (2);
UPDATE sale SET note = 'packed';
SELECT * FROM made;
-- the key is shown in part
SELECT key ~ '^regress_shop\.sale/[0-9a-f]{8}$' AS is_short FROM fpgo.submissions WHERE submission > :last;
SELECT length(key) - length(source_table) AS rest, encode(source, 'hex') = split_part(key, '/', 2) AS is_source FROM fpgo_internal.submission WHERE id > :last;
-- it is what it is in every database
SELECT source = sha256('12:regress_shop4:sale1:1') AS is_first FROM fpgo_internal.submission WHERE id > :last ORDER BY id LIMIT 1;
-- integers are alike in every width
ALTER TABLE sale ALTER id TYPE integer;
UPDATE sale SET note = 'shipped';
ALTER TABLE sale ALTER id TYPE bigint;
UPDATE sale SET note = 'paid';
ALTER TABLE sale ALTER id TYPE numeric;
UPDATE sale SET note = 'thanked';
SELECT * FROM made;
-- cancelled or refused, the row may be handed in again
UPDATE fpgo_internal.submission SET state = 'refused' WHERE id > :last;
UPDATE sale SET note = 'again' WHERE id = 1;
SELECT * FROM made;

-- with a reference, that is the key, and the source is recorded beside it
SELECT set_config('test.reference', 'S-1', false);
INSERT INTO sale VALUES (3);
SELECT key, reference, source_table, length(source) FROM fpgo_internal.submission WHERE reference = 'S-1';
SELECT set_config('test.reference', '', false);

-- several columns, of which none runs into the next
CREATE TABLE pair (a text, b text, PRIMARY KEY (b, a));
SELECT watch('pair');
INSERT INTO pair VALUES ('a', 'bc'), ('ab', 'c'), ('abc', ''), ('', 'abc'), ('1:a', '');
-- what a session's settings change in a text
CREATE TABLE moment (at timestamptz, day date, took interval, bytes bytea, share float8, PRIMARY KEY (at, day, took, bytes, share), note text);
SELECT watch('moment');
INSERT INTO moment VALUES ('2026-11-30 12:00:00.5+00', '2026-11-30', '1 day 02:00', '\x00ff', 0.1);
SET datestyle = 'German'; SET timezone = 'Asia/Tokyo'; SET intervalstyle = 'iso_8601'; SET bytea_output = 'escape'; SET extra_float_digits = -5; SET quote_all_identifiers = on;
UPDATE moment SET note = 'again';
SHOW datestyle;
RESET datestyle; RESET timezone; RESET intervalstyle; RESET bytea_output; RESET extra_float_digits; RESET quote_all_identifiers;
SELECT * FROM made;

-- partitions: the topmost table's name, whatever the order of columns is
CREATE TABLE bill (id integer, region text, note text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE bill_north PARTITION OF bill FOR VALUES IN ('north', 'east') PARTITION BY LIST (region);
CREATE TABLE bill_north_1 PARTITION OF bill_north FOR VALUES IN ('north');
CREATE TABLE bill_east (note text, region text NOT NULL, gone text, id integer NOT NULL);
ALTER TABLE bill_east DROP gone;
ALTER TABLE bill_north ATTACH PARTITION bill_east FOR VALUES IN ('east');
SELECT watch('bill');
INSERT INTO bill VALUES (1, 'north'), (2, 'east');
UPDATE bill SET note = 'again';
UPDATE bill_east SET note = 'by the partition';
SELECT * FROM made;
-- a deferrable key is one as well
CREATE TABLE late (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
SELECT watch('late');
INSERT INTO late VALUES (1), (2);
SELECT * FROM made WHERE source_table = 'regress_shop.late';

-- a table that is renamed, or whose schema is, keeps its sources
CREATE VIEW named AS
	SELECT count(*) AS orders, count(DISTINCT source) AS sources, string_agg(DISTINCT source_table, ' ') AS tables
	FROM fpgo_internal.submission WHERE id > :last AND source_table ~ 'kept|other';
CREATE TABLE kept (id integer PRIMARY KEY, note text);
SELECT watch('kept');
INSERT INTO kept VALUES (1), (2);
ALTER TABLE kept RENAME TO renamed;
UPDATE renamed SET note = 'again';
SELECT * FROM named;
ALTER SCHEMA regress_shop RENAME TO regress_store;
SET search_path = regress_store, public;
UPDATE renamed SET note = 'and again';
SELECT * FROM named;
-- nothing is recorded twice, and only what was handed in
SELECT schema, name, first_schema, first_name FROM fpgo_internal.source_table WHERE name IN ('kept', 'renamed') ORDER BY 1, 2;
-- another table has the name now: it has the sources, and the first one has those of its own name
ALTER SCHEMA regress_store RENAME TO regress_later;
CREATE SCHEMA regress_shop;
SET search_path = regress_later, public;
CREATE TABLE regress_shop.kept (id integer PRIMARY KEY, note text);
SELECT watch('regress_shop.kept');
INSERT INTO regress_shop.kept VALUES (1);
SELECT * FROM named;
INSERT INTO renamed VALUES (3);
SELECT source_table FROM fpgo_internal.submission ORDER BY id DESC LIMIT 1;
DROP TABLE regress_shop.kept;
-- what another database recorded counts by its name; an oid says nothing there
UPDATE fpgo_internal.source_table SET system_identifier = 1, relation = 'pair'::regclass WHERE name = 'renamed';
\c -
SET search_path = regress_later, public;
SET fpgo.undelivered_notice = off;
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
UPDATE renamed SET note = 'restored';
SELECT * FROM named;
INSERT INTO pair VALUES ('another', 'pair');
SELECT source_table FROM fpgo_internal.submission ORDER BY id DESC LIMIT 1;
SELECT schema, name, first_schema, first_name, system_identifier = 1 AS is_elsewhere FROM fpgo_internal.source_table
WHERE name = 'renamed' ORDER BY 1, 2, 5;
-- rolled back, it is recorded by the next transaction
CREATE TABLE other (id integer PRIMARY KEY);
SELECT watch('other');
BEGIN;
SAVEPOINT s;
INSERT INTO other VALUES (1);
ROLLBACK TO s;
INSERT INTO other VALUES (2);
ROLLBACK;
SELECT count(*) FROM fpgo_internal.source_table WHERE name = 'other';
INSERT INTO other VALUES (1);
INSERT INTO other VALUES (2);
SELECT count(*) FROM fpgo_internal.source_table WHERE name = 'other';
-- a temporary table is not recorded
CREATE TEMPORARY TABLE passing (id integer PRIMARY KEY);
SELECT watch('passing');
INSERT INTO passing VALUES (1);
SELECT count(*) FROM fpgo_internal.source_table WHERE schema LIKE 'pg_temp%';

-- neither primary key nor reference: an error that says both cures
CREATE TABLE bare (note text);
SELECT watch('bare');
\set VERBOSITY default
INSERT INTO bare VALUES ('x');
\set VERBOSITY sqlstate
INSERT INTO bare VALUES ('x');
\set VERBOSITY terse
SELECT set_config('test.reference', 'S-2', false);
INSERT INTO bare VALUES ('x');
SELECT key, source_table, source IS NULL AS has_none FROM fpgo_internal.submission WHERE reference = 'S-2';

DELETE FROM fpgo_internal.submission WHERE id > :last;
DELETE FROM fpgo_internal.payload WHERE submission > :last;
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA regress_shop, regress_later CASCADE;
DROP FUNCTION public.map_row;
DROP SERVER frontpayment;
