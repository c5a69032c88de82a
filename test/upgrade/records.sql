-- All that fpgo 1.0 shows of its records, but for what the clock changes: times
-- of what is not finished, counts of the last hour.  1.0's columns by name.

\pset format unaligned
\pset tuples_only off
\pset null '(null)'
SET timezone = 'UTC';
SET datestyle = 'ISO';

SELECT submission, server, reference, key, role, state, order_uuid, customer_uuid, grand_total, advice, attempts,
    created_at, accepted_at, settled_at, CASE WHEN state IN ('accepted', 'refused', 'cancelled') THEN waiting_time END AS waiting_time,
    not_before, last_error, gateway_status, gateway_status_at, order_amount, refunded_amount, invoice_number,
    reported_status, reported_at
FROM fpgo.submissions ORDER BY submission;
SELECT submission, number, server, reference, outcome, http_status, reason, started_at, ended_at,
    CASE WHEN ended_at IS NOT NULL THEN duration END AS duration
FROM fpgo.attempts ORDER BY submission, number;
SELECT callback, server, submission, reference, order_uuid, status, payment_method, amount, order_created_at, sent_at,
    received_at, is_stale, named_submission
FROM fpgo.callbacks ORDER BY callback;
SELECT order_uuid, server, submission, reference, status, at, is_confirmed
FROM fpgo.status_history ORDER BY at, order_uuid, status;
SELECT server, outcome, times, first_at, last_at FROM fpgo.callback_rejections ORDER BY outcome;
SELECT submission, reference, server, role, order_uuid, gateway_status, is_named, agrees, differs, first_seen_at
FROM fpgo.candidates ORDER BY submission, order_uuid;
SELECT server, queued, sending, uncertain, last_error FROM fpgo.queue_health;
SELECT server, remaining, in_flight FROM fpgo.delivery_progress;
SELECT s.submission, i.order_uuid, i.customer_uuid, i.bank_id_url
FROM fpgo.submissions s, fpgo.invoice_session(s.submission) i ORDER BY s.submission;

-- and by table, what no view shows
SELECT id, submission, at, role, what, reason FROM fpgo_internal.event ORDER BY id;
SELECT submission, payload, keep_until FROM fpgo_internal.payload ORDER BY submission;
SELECT order_uuid, server, status, first_seen_at, looked_at, amounts, order_date, products, customer, contact
FROM fpgo_internal.sighting ORDER BY order_uuid;
SELECT submission, amounts, order_date, products, customer, contact FROM fpgo_internal.likeness ORDER BY submission;
SELECT id, order_hash, run, callback_token FROM fpgo_internal.submission ORDER BY id;

-- what the shop made of it
SELECT submission, reference, state, n_faults FROM shop.open_invoices ORDER BY submission;
SELECT submission FROM fpgo.submissions WHERE shop.address_of(submission) IS NOT NULL ORDER BY submission;
SELECT number, is_right, (wanted).customer_details.address.zip, as_sent FROM shop.customer_order ORDER BY number;

-- who may see how much
SET ROLE shop;
SELECT count(*) FROM fpgo.submissions;
SET ROLE reporter;
SELECT count(*) FROM fpgo.submissions;
RESET ROLE;
SELECT has_function_privilege('clerk', 'fpgo.deliver(bigint)', 'EXECUTE') AS deliver,
    has_function_privilege('clerk', 'fpgo.reconcile(bigint)', 'EXECUTE') AS reconcile,
    has_function_privilege('shop', 'fpgo.receive_callback(text, text)', 'EXECUTE') AS receive_callback,
    has_function_privilege('shop', 'fpgo.doctor(text)', 'EXECUTE') AS doctor,
    has_table_privilege('reporter', 'fpgo.queue_health', 'SELECT WITH GRANT OPTION') AS queue_health;
