-- What the views say: each state, each time, and what they do not say.

\set VERBOSITY terse
DELETE FROM fpgo_internal.attempt;
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.account;
SELECT string_agg(table_schema || '.' || table_name || '.' || column_name, ', ') AS secret_columns
FROM information_schema.columns
WHERE table_schema = 'fpgo' AND (column_name ~ 'bank|payload|hash|personal|run' OR data_type = 'bytea')
	AND table_name IN (SELECT relname FROM pg_class WHERE relnamespace = 'fpgo'::regnamespace AND relkind = 'v');
-- each a barrier, so that no condition of a user's own sees more
SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'fpgo'::regnamespace AND relkind = 'v' ORDER BY 1;

CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE SERVER regress_fpgo_idle FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE FOREIGN DATA WRAPPER regress_fpgo_other;
CREATE SERVER regress_fpgo_other FOREIGN DATA WRAPPER regress_fpgo_other;

-- a submission of each state; ago: when it was handed in; took: until it was settled
BEGIN;
CREATE TEMP TABLE made (key text, server text, state text, ago interval, took interval, not_before interval, error text);
INSERT INTO made VALUES
	('Q-1', 'frontpayment', 'queued', '3 hours', NULL, NULL, NULL),
	('Q-2', 'frontpayment', 'queued', '2 hours', NULL, '5 minutes', 'Could not connect.'),
	('Q-3', 'frontpayment', 'queued', '1 hour', NULL, '-1 minute', 'Asked to slow down.'),
	('Q-4', 'regress_fpgo_gone', 'queued', '24 hours', NULL, NULL, 'server "regress_fpgo_gone" does not exist'),
	('S-1', 'frontpayment', 'sending', '10 seconds', NULL, NULL, NULL),
	('A-1', 'frontpayment', 'accepted', '30 minutes', '1 second', NULL, NULL),
	('A-2', 'frontpayment', 'accepted', '20 minutes', '2 seconds', NULL, NULL),
	('A-3', 'frontpayment', 'accepted', '168 hours', '167:59:50', NULL, NULL),
	('A-4', 'frontpayment', 'accepted', '72 hours', '1 second', NULL, NULL),
	('R-1', 'frontpayment', 'refused', '15 minutes', '3 seconds', NULL, 'The e-mail address is wrong.'),
	('U-1', 'frontpayment', 'uncertain', '40 minutes', '120 seconds', NULL, 'No answer in time.'),
	('C-1', 'frontpayment', 'cancelled', '48 hours', '0', NULL, NULL),
	('B-1', 'frontpayment', 'accepted', '24 hours', '-5 seconds', NULL, NULL);
INSERT INTO fpgo_internal.submission (server, key, order_hash, reference, role, grand_total, state, attempts, run,
		not_before, order_uuid, customer_uuid, bank_id_url, error, created_at, settled_at, origin)
	SELECT server, key, '\x00', 'ref-' || key, 'regress_fpgo_shop', 100, state, (took IS NOT NULL)::int + (error IS NOT NULL)::int,
		CASE state WHEN 'sending' THEN 4711 END, now() + not_before,
		CASE state WHEN 'accepted' THEN 'ODR-' || key END, CASE state WHEN 'accepted' THEN 'CSRT-' || key END,
		'https://bank.example/' || key, error, now() - ago, now() - ago + took, fpgo_internal.origin_here()
	FROM made;
INSERT INTO fpgo_internal.attempt (submission, number, run, started_at, ended_at, outcome, status, reason)
	SELECT id, 1, 1, coalesce(settled_at, now()) - interval '1 second', settled_at,
		CASE state WHEN 'uncertain' THEN 'unknown' WHEN 'sending' THEN NULL ELSE state END,
		CASE state WHEN 'accepted' THEN 201 WHEN 'refused' THEN 417 END, error
	FROM fpgo_internal.submission WHERE state NOT IN ('queued', 'cancelled');
INSERT INTO fpgo_internal.attempt (submission, number, run, started_at, ended_at, outcome, reason)
	SELECT id, 1, 1, now() - interval '10 minutes', now() - interval '9 minutes', 'unreached', error
	FROM fpgo_internal.submission WHERE key = 'Q-2';
COMMIT;

\x on
SELECT server, reference, key, role, state, order_uuid, customer_uuid, grand_total, advice, attempts,
	accepted_at = settled_at AS accepted_when_settled, settled_at - created_at AS settled_after,
	date_trunc('minute', waiting_time) AS waiting_time, not_before > now() AS waits, last_error,
	gateway_status, gateway_status_at, order_amount, refunded_amount, invoice_number, reported_status, reported_at
FROM fpgo.submissions WHERE key IN ('Q-2', 'A-2', 'U-1') ORDER BY submission;
\x off
-- settled: until then; unfinished: until now; never negative
SELECT key, date_trunc('second', waiting_time) AS waiting_time FROM fpgo.submissions
WHERE state IN ('accepted', 'refused', 'cancelled') ORDER BY submission;
SELECT key, date_trunc('minute', waiting_time) AS waiting_time FROM fpgo.submissions
WHERE state IN ('queued', 'sending', 'uncertain') ORDER BY submission;
SELECT key FROM fpgo.submissions WHERE (accepted_at IS NOT NULL) <> (state = 'accepted')
	OR (settled_at IS NULL) <> (state IN ('queued', 'sending')) OR waiting_time IS NULL;

SELECT reference, number, server, outcome, http_status, reason, ended_at - started_at AS took,
	CASE WHEN ended_at IS NULL THEN duration > '0' ELSE duration = ended_at - started_at END AS duration
FROM fpgo.attempts ORDER BY submission, number;

-- A-3 waited for seven days and was accepted ten seconds ago; A-4 is of another hour
\x on
SELECT server, queued, due, sending, uncertain, date_trunc('minute', oldest_queued) AS oldest_queued,
	accepted_last_hour, failed_last_hour, accepted_per_minute, wait_p50, wait_p95, wait_p99, last_error
FROM fpgo.queue_health ORDER BY server;
SELECT server, delivered, uncertain, remaining, postponed, in_flight,
	per_second, time_left > '0' AS some_time_left FROM fpgo.delivery_progress ORDER BY server;
\x off

-- the rate of a drain: sixty in the last half minute, thirty to go; and one that stands still
UPDATE fpgo_internal.submission SET state = 'cancelled' WHERE state IN ('queued', 'sending');
UPDATE fpgo_internal.attempt SET started_at = '2000-01-01', ended_at = '2000-01-01';
INSERT INTO fpgo_internal.submission (server, key, order_hash, role, state, created_at, origin)
	SELECT 'frontpayment', 'drain-' || n, '', 'regress_fpgo_shop', CASE WHEN n > 60 THEN 'queued' ELSE 'accepted' END, now() - interval '1 hour',
		fpgo_internal.origin_here()
	FROM generate_series(1, 90) n;
BEGIN;
INSERT INTO fpgo_internal.attempt (submission, number, run, started_at, ended_at, outcome)
	SELECT id, 1, 1, now() - interval '30 seconds', now() - interval '1 second', 'accepted'
	FROM fpgo_internal.submission WHERE key LIKE 'drain-%' AND state = 'accepted';
SELECT server, delivered, remaining, per_second BETWEEN 1.5 AND 2 AS two_a_second,
	time_left BETWEEN '14 s' AND '20 s' AS a_quarter_of_a_minute_left
FROM fpgo.delivery_progress ORDER BY server;
SELECT server, accepted_per_minute FROM fpgo.queue_health ORDER BY server;
COMMIT;
UPDATE fpgo_internal.attempt SET started_at = now() - interval '3 minutes', ended_at = now() - interval '2 minutes'
	WHERE started_at > '2001-01-01';
SELECT server, delivered, remaining, per_second, time_left FROM fpgo.delivery_progress ORDER BY server;
UPDATE fpgo_internal.submission SET state = 'accepted' WHERE state = 'queued';
SELECT server, delivered, remaining, per_second, time_left FROM fpgo.delivery_progress ORDER BY server;

-- an attempt whose row says nothing is under way, or was accepted: the submission tells
INSERT INTO fpgo_internal.submission (server, key, order_hash, role, state, attempts, created_at, settled_at)
	VALUES ('frontpayment', 'plain', '', 'regress_fpgo_shop', 'accepted', 2, now() - interval '20 s', now() - interval '8 s'),
		('frontpayment', 'on its way', '', 'regress_fpgo_shop', 'sending', 2, now() - interval '20 s', NULL),
		('frontpayment', 'doubtful', '', 'regress_fpgo_shop', 'accepted', 1, now() - interval '20 s', now() - interval '8 s');
INSERT INTO fpgo_internal.attempt (submission, number, run, started_at, ended_at, outcome, reason)
	SELECT id, n, 1, now() - (20 - n) * interval '1 s', CASE WHEN n = 1 THEN now() - interval '19 s' END,
		CASE WHEN key = 'doubtful' THEN 'unknown' WHEN n = 1 THEN 'unreached' END, CASE WHEN n = 1 THEN 'Not yet.' END
	FROM fpgo_internal.submission, generate_series(1, attempts) n WHERE key IN ('plain', 'on its way', 'doubtful');
SELECT s.key, a.number, a.outcome, a.http_status, a.reason, a.ended_at = s.settled_at AS ended_with_it,
	CASE WHEN a.ended_at IS NOT NULL THEN a.duration BETWEEN '5 s' AND '10 s' END AS took_long
FROM fpgo.attempts a JOIN fpgo.submissions s USING (submission)
WHERE s.key IN ('plain', 'on its way', 'doubtful') ORDER BY s.key, a.number;
DELETE FROM fpgo_internal.attempt WHERE number > 2 OR started_at < now() - interval '1 minute';
SELECT server, accepted_last_hour, failed_last_hour, date_trunc('second', wait_p50) AS wait_p50 FROM fpgo.queue_health
WHERE server = 'frontpayment';
SELECT server, delivered, uncertain, in_flight FROM fpgo.delivery_progress WHERE server = 'frontpayment';

-- no other state
INSERT INTO fpgo_internal.submission (server, key, order_hash, role, state) VALUES ('s', 'k', '', 'r', 'sent');

DELETE FROM fpgo_internal.attempt;
DELETE FROM fpgo_internal.submission;
DROP TABLE made;
DROP SERVER frontpayment;
DROP SERVER regress_fpgo_idle;
DROP SERVER regress_fpgo_other;
DROP FOREIGN DATA WRAPPER regress_fpgo_other;
