-- enqueue_invoice_trigger: the order is that of the row as it is when the
-- transaction commits, or there is none.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
\set VERBOSITY terse
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
SET fpgo.undelivered_notice = off;
CREATE ROLE regress_fpgo_clerk;
CREATE ROLE regress_fpgo_owner;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_clerk, regress_fpgo_owner;
SELECT coalesce(max(id), 0) AS last FROM fpgo_internal.submission \gset

CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO regress_fpgo_clerk, regress_fpgo_owner;
CREATE TABLE shop.orders (id integer PRIMARY KEY, status text, note text);
-- the note is in the order, so that one sees which version of the row was mapped
CREATE FUNCTION shop.an_order(reference text, note text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT (current_setting('test.order')::jsonb - 'referenceNo') || jsonb_strip_nulls(
		jsonb_build_object('customerReference', note, 'referenceNo', reference))
$$;
CREATE FUNCTION shop.invoice_for(o shop.orders) RETURNS jsonb LANGUAGE sql AS $$
	SELECT shop.an_order(NULL, o.note) WHERE o.status IS DISTINCT FROM 'cart'
$$;
-- all versions on record since the last look, in the order in which they came
CREATE SEQUENCE shop.seen MINVALUE 0;
CREATE FUNCTION shop.look() RETURNS TABLE (number bigint, version integer, state text, withdrawn boolean, note text, error text)
LANGUAGE plpgsql AS $$
DECLARE
	seen bigint := (SELECT last_value FROM shop.seen);
BEGIN
	RETURN QUERY SELECT dense_rank() OVER (ORDER BY coalesce(s.first_version, s.id)), s.version, s.state::text, s.withdrawn,
			p.payload::jsonb ->> 'customerReference', s.error
		FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.payload p ON p.submission = s.id WHERE s.id > seen ORDER BY s.id;
	PERFORM setval('shop.seen', max(id)) FROM fpgo_internal.submission;
END $$;
SELECT setval('shop.seen', :last) = :last AS set;
-- attach('events', 'table', arguments): the trigger anew, deferred
CREATE PROCEDURE shop.attach(events text, relation regclass, VARIADIC arguments text[]) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('DROP TRIGGER IF EXISTS invoice ON %s', relation);
	EXECUTE format('CREATE CONSTRAINT TRIGGER invoice AFTER %s ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger(%s)',
		events, relation, (SELECT string_agg(quote_literal(a), ', ' ORDER BY n) FROM unnest(arguments) WITH ORDINALITY u(a, n)));
END $$;
CALL shop.attach('INSERT OR UPDATE OR DELETE', 'shop.orders', 'shop.invoice_for');

-- INSERT, then UPDATE
BEGIN;
INSERT INTO shop.orders VALUES (1, 'placed', 'first');
UPDATE shop.orders SET note = 'second' WHERE id = 1;
COMMIT;
SELECT * FROM shop.look();
-- two UPDATEs
BEGIN;
UPDATE shop.orders SET note = 'third' WHERE id = 1;
UPDATE shop.orders SET note = 'fourth' WHERE id = 1;
COMMIT;
SELECT * FROM shop.look();
-- there and back: nothing new
BEGIN;
UPDATE shop.orders SET note = 'fifth' WHERE id = 1;
UPDATE shop.orders SET note = 'fourth' WHERE id = 1;
COMMIT;
SELECT * FROM shop.look();
-- deleted again: none
BEGIN;
INSERT INTO shop.orders VALUES (2, 'placed', 'first');
DELETE FROM shop.orders WHERE id = 2;
COMMIT;
SELECT * FROM shop.look();
-- a row of another one's making, deleted
DELETE FROM shop.orders WHERE id = 1;
SELECT * FROM shop.look();
-- deleted and inserted again: the same row
INSERT INTO shop.orders VALUES (3, 'placed', 'first');
BEGIN;
UPDATE shop.orders SET note = 'second' WHERE id = 3;
DELETE FROM shop.orders WHERE id = 3;
INSERT INTO shop.orders VALUES (3, 'placed', 'third');
COMMIT;
SELECT * FROM shop.look();
-- ready, then not; and what was handed in before, and is wanted no more
BEGIN;
INSERT INTO shop.orders VALUES (4, 'placed', 'first');
UPDATE shop.orders SET status = 'cart' WHERE id = 4;
COMMIT;
UPDATE shop.orders SET status = 'cart' WHERE id = 3;
UPDATE shop.orders SET status = 'cart', note = 'again' WHERE id = 3;
SELECT * FROM shop.look();
UPDATE shop.orders SET status = 'placed' WHERE id = 3;
SELECT * FROM shop.look();
-- upserts
INSERT INTO shop.orders VALUES (5, 'placed', 'first') ON CONFLICT (id) DO UPDATE SET note = 'second';
BEGIN;
INSERT INTO shop.orders VALUES (5, 'placed', 'first') ON CONFLICT (id) DO UPDATE SET note = 'second';
INSERT INTO shop.orders VALUES (5, 'placed', 'first') ON CONFLICT (id) DO UPDATE SET note = 'third';
INSERT INTO shop.orders VALUES (5, 'placed', 'first') ON CONFLICT DO NOTHING;
COMMIT;
SELECT * FROM shop.look();
-- savepoints
BEGIN;
INSERT INTO shop.orders VALUES (6, 'placed', 'first');
SAVEPOINT s;
UPDATE shop.orders SET note = 'second' WHERE id = 6;
ROLLBACK TO s;
SAVEPOINT t;
UPDATE shop.orders SET note = 'third' WHERE id = 6;
RELEASE t;
SAVEPOINT u;
DELETE FROM shop.orders WHERE id = 6;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO u;
COMMIT;
SELECT * FROM shop.look();
-- another deferred trigger changes the row, after this one has fired
CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE shop.orders SET note = note || ' stamped' WHERE id = new.id AND note NOT LIKE '%stamped';
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER stamp AFTER INSERT ON shop.orders DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION shop.stamp();
INSERT INTO shop.orders VALUES (7, 'placed', 'first');
SELECT * FROM shop.look();
-- without a further event that would be missed
CALL shop.attach('INSERT', 'shop.orders', 'shop.invoice_for');
\set VERBOSITY default
INSERT INTO shop.orders VALUES (8, 'placed', 'first');
\set VERBOSITY terse
SELECT id FROM shop.orders WHERE id = 8;
SELECT * FROM shop.look();
DROP TRIGGER stamp ON shop.orders;
-- but what happened before it fired it sees
BEGIN;
INSERT INTO shop.orders VALUES (8, 'placed', 'first');
UPDATE shop.orders SET note = 'second' WHERE id = 8;
COMMIT;
SELECT * FROM shop.look();

-- ---------- changes that no event tells ----------

\set VERBOSITY sqlstate
-- fired at once, then changed, deleted, truncated
CREATE FUNCTION shop.at_once(change text, number integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	SET CONSTRAINTS ALL IMMEDIATE;
	INSERT INTO shop.orders VALUES (number, 'placed', 'first');
	EXECUTE change;
	RETURN 'done';
END $$;
SELECT shop.at_once('UPDATE shop.orders SET note = ''second'' WHERE id = 9', 9);
SELECT shop.at_once('DELETE FROM shop.orders WHERE id = 9', 9);
SELECT shop.at_once('TRUNCATE shop.orders', 9);
-- nor can it be prepared; what is only locked is not changed, nor what is rolled back
BEGIN;
SELECT shop.at_once('UPDATE shop.orders SET note = ''second'' WHERE id = 9', 9);
PREPARE TRANSACTION 'regress_fpgo';
BEGIN;
SELECT shop.at_once('SELECT FROM shop.orders FOR UPDATE', 9);
SAVEPOINT s;
UPDATE shop.orders SET note = 'second' WHERE id = 9;
ROLLBACK TO s;
COMMIT;
SELECT * FROM shop.look();
-- handed in within a savepoint that is rolled back
BEGIN;
SAVEPOINT s;
SELECT shop.at_once('SELECT', 10);
ROLLBACK TO s;
INSERT INTO shop.orders VALUES (10, 'placed', 'second');
COMMIT;
BEGIN;
SAVEPOINT s;
SELECT shop.at_once('SELECT', 11);
ROLLBACK TO s;
COMMIT;
-- of a savepoint that stays
BEGIN;
SAVEPOINT s;
SELECT shop.at_once('SELECT', 11);
RELEASE s;
UPDATE shop.orders SET note = 'second' WHERE id = 11;
COMMIT;
SELECT * FROM shop.look();
-- a further event tells: UPDATE, DELETE, or the row inserted again
CALL shop.attach('INSERT OR UPDATE', 'shop.orders', 'shop.invoice_for');
SELECT shop.at_once('UPDATE shop.orders SET note = ''second'' WHERE id = 12', 12);
SELECT shop.at_once('DELETE FROM shop.orders WHERE id = 13', 13);
BEGIN;
SELECT shop.at_once('DELETE FROM shop.orders WHERE id = 13', 13);
INSERT INTO shop.orders VALUES (13, 'placed', 'second');
COMMIT;
CALL shop.attach('INSERT OR DELETE', 'shop.orders', 'shop.invoice_for');
SELECT shop.at_once('DELETE FROM shop.orders WHERE id = 14', 14);
SELECT shop.at_once('UPDATE shop.orders SET note = ''second'' WHERE id = 14', 14);
-- a table that is dropped, or written anew
BEGIN;
CREATE TABLE shop.passing (LIKE shop.orders INCLUDING ALL);
CREATE FUNCTION shop.invoice_for(o shop.passing) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(NULL, o.note);
CREATE TRIGGER invoice AFTER INSERT ON shop.passing FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
INSERT INTO shop.passing VALUES (1, 'placed', 'passing');
DROP TABLE shop.passing CASCADE;
COMMIT;
CREATE TABLE shop.staying (LIKE shop.orders INCLUDING ALL);
CREATE FUNCTION shop.invoice_for(o shop.staying) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(NULL, o.note);
CREATE TRIGGER invoice AFTER INSERT ON shop.staying FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
BEGIN;
INSERT INTO shop.staying VALUES (1, 'placed', 'staying');
CLUSTER shop.staying USING staying_pkey;
COMMIT;
-- moved, deleted and inserted again: only an INSERT event tells
CALL shop.attach('UPDATE OR DELETE', 'shop.orders', 'shop.invoice_for');
BEGIN;
DELETE FROM shop.orders WHERE id = 12;
INSERT INTO shop.orders VALUES (12, 'placed', 'third');
COMMIT;
\set VERBOSITY terse
SELECT * FROM shop.look();

-- ---------- WHEN ----------

CREATE TABLE shop.parcels (id integer PRIMARY KEY, status text, note text);
CREATE FUNCTION shop.invoice_for(o shop.parcels) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(NULL, o.note);
CREATE CONSTRAINT TRIGGER invoice AFTER UPDATE ON shop.parcels DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	WHEN (old.status IS DISTINCT FROM new.status AND new.status = 'ready')
	EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
INSERT INTO shop.parcels SELECT n, 'new', 'first' FROM generate_series(1, 4) n;
-- ready then cancelled: none; ready and changed: the later
BEGIN;
UPDATE shop.parcels SET status = 'ready';
UPDATE shop.parcels SET status = 'cancelled' WHERE id = 1;
UPDATE shop.parcels SET note = 'second' WHERE id = 2;
UPDATE shop.parcels SET status = 'new' WHERE id = 3;
UPDATE shop.parcels SET status = 'ready', note = 'third' WHERE id = 3;
COMMIT;
SELECT * FROM shop.look();
-- one that was ready before
UPDATE shop.parcels SET status = 'new';
BEGIN;
UPDATE shop.parcels SET status = 'ready' WHERE id = 4;
UPDATE shop.parcels SET status = 'cancelled' WHERE id = 4;
COMMIT;
SELECT * FROM shop.look();
-- fired at once, the condition hides what comes after
SET client_min_messages = warning;
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE shop.parcels SET status = 'ready' WHERE id = 4;
UPDATE shop.parcels SET status = 'cancelled' WHERE id = 4;
COMMIT;
RESET client_min_messages;

-- ---------- a change of the primary key ----------

CALL shop.attach('INSERT OR UPDATE OR DELETE', 'shop.orders', 'shop.invoice_for');
UPDATE shop.orders SET id = 105, note = 'of another key' WHERE id = 5;
SELECT * FROM shop.look();
SELECT count(DISTINCT source) AS sources, count(DISTINCT coalesce(first_version, id)) AS orders FROM fpgo_internal.submission
WHERE coalesce(first_version, id) = (SELECT coalesce(first_version, id) FROM fpgo_internal.submission ORDER BY id DESC LIMIT 1);
-- twice in a transaction
BEGIN;
UPDATE shop.orders SET id = 205 WHERE id = 105;
UPDATE shop.orders SET id = 305, note = 'of a third' WHERE id = 205;
COMMIT;
SELECT * FROM shop.look();
-- changed, and gone
BEGIN;
UPDATE shop.orders SET id = 405 WHERE id = 305;
DELETE FROM shop.orders WHERE id = 405;
COMMIT;
SELECT * FROM shop.look();
-- changed, and wanted no more
UPDATE shop.orders SET id = 508, status = 'cart' WHERE id = 8;
SELECT * FROM shop.look();

-- ---------- partitions ----------

CREATE TABLE shop.bills (id integer, region text, note text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE shop.bills_north PARTITION OF shop.bills FOR VALUES IN ('north');
CREATE TABLE shop.bills_east PARTITION OF shop.bills FOR VALUES IN ('east');
CREATE TABLE shop.bills_west PARTITION OF shop.bills FOR VALUES IN ('west');
CREATE FUNCTION shop.invoice_for(b shop.bills) RETURNS jsonb LANGUAGE sql RETURN shop.an_order(NULL, b.note);
CALL shop.attach('INSERT OR UPDATE OR DELETE', 'shop.bills', 'shop.invoice_for');
INSERT INTO shop.bills SELECT n, 'north', 'first' FROM generate_series(1, 3) n;
SELECT * FROM shop.look();
-- a row that moves takes its order along
UPDATE shop.bills SET region = 'east', note = 'moved' WHERE id = 1;
SELECT * FROM shop.look();
-- several, one after the other, with changes before and after
BEGIN;
UPDATE shop.bills SET note = 'second';
UPDATE shop.bills SET region = 'west' WHERE id <= 2;
UPDATE shop.bills SET note = 'third ' || id;
COMMIT;
SELECT * FROM shop.look();
-- twice in a transaction, and there and back
BEGIN;
UPDATE shop.bills SET region = 'east' WHERE id IN (1, 3);
UPDATE shop.bills SET note = 'between';
UPDATE shop.bills SET region = 'north', note = 'fourth ' || id WHERE id IN (1, 3);
COMMIT;
SELECT * FROM shop.look();
SELECT region, id, note FROM shop.bills ORDER BY id;
-- by another partition to a third one, in a transaction
INSERT INTO shop.bills VALUES (4, 'north', 'first');
BEGIN;
UPDATE shop.bills SET region = 'east' WHERE id = 4;
UPDATE shop.bills SET id = 5 WHERE id = 4;
UPDATE shop.bills SET region = 'west', note = 'third' WHERE id = 5;
COMMIT;
SELECT * FROM shop.look();
DELETE FROM shop.bills WHERE id = 5;
SELECT * FROM shop.look();
-- moved and deleted
BEGIN;
UPDATE shop.bills SET region = 'east' WHERE id = 3;
DELETE FROM shop.bills WHERE id = 3;
COMMIT;
SELECT * FROM shop.look();
-- at once
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE shop.bills SET region = 'east', note = 'fifth ' || id;
UPDATE shop.bills SET region = 'north', note = 'sixth ' || id;
COMMIT;
SELECT * FROM shop.look();
-- the partition that it moves to takes no row
CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER refuse BEFORE INSERT ON shop.bills_west FOR EACH ROW EXECUTE FUNCTION shop.refuse();
BEGIN;
UPDATE shop.bills SET region = 'west' WHERE id = 1;
UPDATE shop.bills SET note = 'seventh ' || id;
COMMIT;
SELECT * FROM shop.look();
-- nor is the next row that is inserted that one
INSERT INTO shop.bills VALUES (6, 'north', 'of six');
BEGIN;
UPDATE shop.bills SET region = 'west' WHERE id = 6;
INSERT INTO shop.bills VALUES (7, 'east', 'of seven');
COMMIT;
SELECT * FROM shop.look();
-- that nobody is told of before the end
BEGIN;
UPDATE shop.bills SET region = 'west' WHERE id = 7;
COMMIT;
DELETE FROM shop.bills WHERE id = 7;
DROP TRIGGER refuse ON shop.bills_west;
-- with fewer events
\set VERBOSITY sqlstate
CALL shop.attach('UPDATE', 'shop.bills', 'shop.invoice_for');
BEGIN;
UPDATE shop.bills SET note = 'eighth';
UPDATE shop.bills SET region = 'west';
COMMIT;
CALL shop.attach('UPDATE OR DELETE', 'shop.bills', 'shop.invoice_for');
UPDATE shop.bills SET region = 'west';
\set VERBOSITY terse
SELECT * FROM shop.look();

-- ---------- on_delete, TRUNCATE ----------

CALL shop.attach('INSERT OR UPDATE OR DELETE', 'shop.orders', 'shop.invoice_for', 'on_delete=ignore');
CREATE TRIGGER truncated AFTER TRUNCATE ON shop.orders EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for', 'on_delete=ignore');
DELETE FROM shop.orders WHERE id < 10;
TRUNCATE shop.orders;
SELECT * FROM shop.look();
DROP TRIGGER truncated ON shop.orders;
CREATE TRIGGER truncated AFTER TRUNCATE ON shop.orders EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
CREATE TRIGGER truncated AFTER TRUNCATE ON shop.bills EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
SELECT state, count(*) FROM fpgo.submissions WHERE key LIKE 'shop.orders/%' GROUP BY 1 ORDER BY 1;
TRUNCATE shop.orders;
TRUNCATE shop.bills;
SELECT state, count(*) FROM fpgo.submissions WHERE key LIKE 'shop.orders/%' OR key LIKE 'shop.bills/%' GROUP BY 1 ORDER BY 1;
SELECT DISTINCT withdrawn, error FROM shop.look();
-- after an order that was handed in at once
BEGIN;
SELECT shop.at_once('TRUNCATE shop.orders', 9);
COMMIT;
SELECT * FROM shop.look();
-- the same where the trigger of the rows sees less
CALL shop.attach('INSERT', 'shop.orders', 'shop.invoice_for');
BEGIN;
SELECT shop.at_once('TRUNCATE shop.orders', 9);
COMMIT;
SELECT * FROM shop.look();
-- a partition cannot be told from the others
CREATE TRIGGER truncated AFTER TRUNCATE ON shop.bills_north EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');
\set VERBOSITY default
TRUNCATE shop.bills_north;
\set VERBOSITY terse
DROP TRIGGER truncated ON shop.bills_north;

-- ---------- whom nothing hides the row from ----------

CALL shop.attach('INSERT OR UPDATE OR DELETE', 'shop.orders', 'shop.invoice_for');
ALTER TABLE shop.orders OWNER TO regress_fpgo_owner;
GRANT INSERT ON shop.orders TO regress_fpgo_clerk;
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY may_insert ON shop.orders FOR INSERT WITH CHECK (true);
SET ROLE regress_fpgo_clerk;
SET fpgo.undelivered_notice = off;
INSERT INTO shop.orders VALUES (20, 'placed', 'by a clerk');
SELECT count(*) FROM shop.orders;
RESET ROLE;
SELECT * FROM shop.look();
-- nor from the owner, who is asked whether a key exists
CREATE POLICY may_delete ON shop.orders FOR DELETE USING (true);
CREATE POLICY may_read ON shop.orders FOR SELECT USING (note LIKE 'by%');
CREATE POLICY may_update ON shop.orders FOR UPDATE USING (true) WITH CHECK (true);
GRANT ALL ON shop.orders TO regress_fpgo_clerk;
SET ROLE regress_fpgo_clerk;
BEGIN;
DELETE FROM shop.orders WHERE id = 20;
INSERT INTO shop.orders VALUES (20, 'placed', 'unseen');
COMMIT;
SELECT count(*) FROM shop.orders;
DELETE FROM shop.orders;
RESET ROLE;
SELECT * FROM shop.look();
-- as the table's owner
SELECT role FROM fpgo.submissions WHERE submission = (SELECT max(id) FROM fpgo_internal.submission);
CALL shop.attach('INSERT OR UPDATE OR DELETE', 'shop.orders', 'shop.invoice_for', 'role=owner', 'on_invalid=record');
REVOKE USAGE ON FOREIGN SERVER frontpayment FROM regress_fpgo_clerk;
ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY;
CREATE FUNCTION shop.who(o shop.orders) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF o.note = 'odd' THEN
		RAISE division_by_zero;
	END IF;
	RETURN shop.an_order(NULL, CASE WHEN o.note <> 'none' THEN 'mapped by ' || current_user END);
END $$;
CALL shop.attach('INSERT OR UPDATE OR DELETE', 'shop.orders', 'shop.who', 'role=owner', 'on_invalid=record');
SET ROLE regress_fpgo_clerk;
INSERT INTO shop.orders VALUES (21, 'placed', 'owned'), (22, 'placed', 'odd'), (23, 'placed', 'owned');
DELETE FROM shop.orders WHERE id = 23;
SELECT current_user;
RESET ROLE;
SELECT role, count(*) FROM fpgo_internal.submission WHERE id > (SELECT last_value FROM shop.seen) GROUP BY 1;
SELECT * FROM shop.look();

DELETE FROM fpgo_internal.submission WHERE id > :last;
DELETE FROM fpgo_internal.payload WHERE submission > :last;
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
DROP SERVER frontpayment;
DROP OWNED BY regress_fpgo_clerk, regress_fpgo_owner;
DROP ROLE regress_fpgo_clerk, regress_fpgo_owner;
