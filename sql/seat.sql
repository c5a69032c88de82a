-- Who sends the orders of an account: what a copy shows and says, and fpgo.take_seat.
-- A row of another origin stands for one that another database has handed in.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
SET TimeZone = 'UTC';
SET fpgo.undelivered_notice = off;
\set VERBOSITY terse

-- as in a database from which nobody has sent yet
TRUNCATE fpgo_internal.seat, fpgo_internal.origin, fpgo_internal.hold;
CREATE ROLE regress_fpgo_shop;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1', failover 'trust');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 't');
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop;
ALTER SERVER frontpayment OPTIONS (SET failover 'perhaps');

CREATE FUNCTION made(k text) RETURNS bigint LANGUAGE sql AS $$
	SELECT fpgo.enqueue_invoice(current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', k), key => k) $$;
-- from_elsewhere('key'): another database has queued it
CREATE FUNCTION from_elsewhere(k text) RETURNS void LANGUAGE sql AS $$
	UPDATE fpgo_internal.submission SET origin = 4711, created_at = '2026-01-02 03:04:05+00' WHERE key = k $$;
-- what is shown of the queue
CREATE VIEW shown AS
	SELECT key, s.state, s.last_error FROM fpgo.submissions s WHERE server = 'frontpayment' ORDER BY submission;
CREATE VIEW held AS
	SELECT hold, server, role, kind, because, until, orders FROM fpgo.holds WHERE kind IN ('seat', 'origin');

-- an order carries the number of the database that it was handed in to
SELECT made('own') > 0 AS queued;
SELECT origin = fpgo_internal.origin_here() AS is_own FROM fpgo_internal.submission WHERE key = 'own';
SELECT * FROM shown;
SELECT * FROM held;

-- records of another database, and nobody has the seat
SELECT made('old-1') > 0 AND made('old-2') > 0 AS queued;
SELECT from_elsewhere('old-1'), from_elsewhere('old-2');
CALL fpgo.deliver();
SELECT * FROM shown;
SELECT * FROM held;
SELECT last_error FROM fpgo.queue_health WHERE server = 'frontpayment';
SELECT check_name, ok, detail, hint FROM fpgo.doctor() d WHERE hint LIKE '%take_seat%';
SELECT count(*) AS seats FROM fpgo_internal.seat;

-- who may take it, and how
SET ROLE regress_fpgo_shop;
SELECT fpgo.take_seat('frontpayment', 'mine');
RESET ROLE;
SELECT fpgo.take_seat(NULL, 'mine');
SELECT fpgo.take_seat('frontpayment', NULL);
SELECT fpgo.take_seat('frontpayment', '   ');
SELECT fpgo.take_seat('frontpayment', 'mine', NULL);
SELECT fpgo.take_seat('frontpayment', 'mine', 'throw away');
SELECT fpgo.take_seat('nowhere', 'mine');
BEGIN READ ONLY;
SELECT fpgo.take_seat('frontpayment', 'mine');
ROLLBACK;
SELECT count(*) AS seats FROM fpgo_internal.seat;

-- for new orders: old ones stay held
SELECT * FROM fpgo.take_seat('frontpayment', 'restored last night');
SELECT account, origin = fpgo_internal.origin_here() AS is_here, why, role = current_user AS by_me, reason FROM fpgo_internal.seat;
SELECT * FROM shown;
SELECT * FROM held;

SELECT submission, server, what, reason FROM fpgo.history ORDER BY event DESC LIMIT 1;

-- and with them
BEGIN;
SELECT * FROM fpgo.take_seat('frontpayment', 'the other one is gone', old_orders => 'send');
SELECT * FROM shown;
SELECT * FROM held;
ROLLBACK;
BEGIN;
SELECT * FROM fpgo.take_seat('frontpayment', 'the other one sends them', old_orders => 'cancel');
SELECT * FROM shown;
SELECT s.key, h.what, h.reason FROM fpgo.history h LEFT JOIN fpgo.submissions s USING (submission) ORDER BY h.event;
ROLLBACK;

-- what a person queues again is sent from where that was decided
UPDATE fpgo_internal.submission SET state = 'uncertain', settled_at = now() WHERE key = 'old-1';
SELECT fpgo.resolve((SELECT submission FROM fpgo.submissions WHERE key = 'old-1'), 'queued', 'not there');
SELECT key, origin = fpgo_internal.origin_here() AS is_own FROM fpgo_internal.submission ORDER BY id;
UPDATE fpgo_internal.submission SET state = 'refused', attempts = 1, origin = 4711, settled_at = now() WHERE key = 'old-1';
INSERT INTO fpgo_internal.attempt (submission, number, run, ended_at, outcome, status)
	SELECT id, 1, 1, now(), 'refused', 417 FROM fpgo_internal.submission WHERE key = 'old-1';
SELECT fpgo.resolve((SELECT submission FROM fpgo.submissions WHERE key = 'old-1'), 'queued', 'it was right');
SELECT key, origin = fpgo_internal.origin_here() AS is_own FROM fpgo_internal.submission ORDER BY id;
SELECT fpgo.cancel_submission((SELECT submission FROM fpgo.submissions WHERE key = 'old-2'), 'not now');
SELECT * FROM fpgo.take_seat('frontpayment', 'nothing is left');

-- in a parallel plan, and in a transaction that has written
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL enable_indexscan = off;
UPDATE fpgo_internal.submission SET origin = 4711 WHERE key = 'own';
SELECT left(last_error, 30) AS last_error, count(*) FROM fpgo.submissions GROUP BY 1 ORDER BY 1;
SELECT kind, orders FROM held;
ROLLBACK;

-- another database has the seat: said once a session
UPDATE fpgo_internal.seat SET origin = 4711;
SELECT made('new') > 0 AS queued;
SELECT made('newer') > 0 AS queued;
SELECT * FROM held;
CALL fpgo.deliver();

UPDATE fpgo_internal.submission SET state = 'cancelled' WHERE state <> 'cancelled';
DELETE FROM fpgo_internal.event;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.attempt;
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.seat;
DELETE FROM fpgo_internal.origin;
DELETE FROM fpgo_internal.account;
DROP VIEW shown, held;
DROP FUNCTION made(text), from_elsewhere(text);
DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_shop;
