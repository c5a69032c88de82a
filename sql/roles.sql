-- Who may do what, and with whose submissions: every role beside every task.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
\set VERBOSITY terse

CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 'unused');

-- one statement each
CREATE ROLE regress_fpgo_shop;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop;
CREATE ROLE regress_fpgo_clerk;
GRANT regress_fpgo_shop TO regress_fpgo_clerk;
CREATE ROLE regress_fpgo_branch;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_branch;
CREATE ROLE regress_fpgo_reporter;
GRANT EXECUTE ON FUNCTION fpgo.sees_all_submissions TO regress_fpgo_reporter;
CREATE ROLE regress_fpgo_operator;
GRANT EXECUTE ON FUNCTION fpgo.resolve TO regress_fpgo_operator;
CREATE ROLE regress_fpgo_postman;
GRANT EXECUTE ON PROCEDURE fpgo.deliver TO regress_fpgo_postman;
CREATE ROLE regress_fpgo_monitor;
GRANT pg_monitor TO regress_fpgo_monitor;
CREATE ROLE regress_fpgo_caretaker;
GRANT EXECUTE ON FUNCTION fpgo.pause, fpgo.resume TO regress_fpgo_caretaker;
-- a member without its rights until it says SET ROLE, and one without anything
CREATE ROLE regress_fpgo_deputy NOINHERIT;
GRANT regress_fpgo_shop TO regress_fpgo_deputy;
CREATE ROLE regress_fpgo_nobody;
CREATE ROLE regress_fpgo_gone;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_gone;

-- a_submission('key', 'role', 'state')
CREATE FUNCTION a_submission(key text, role text, state text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	number bigint;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	number := fpgo.enqueue_invoice(jsonb_set(current_setting('test.order')::jsonb, '{referenceNo}', to_jsonb(key)));
	RESET ROLE;
	UPDATE fpgo_internal.submission s SET state = a_submission.state, attempts = 1, order_uuid = 'ODR1',
		bank_id_url = 'https://bank.example/1' WHERE s.id = number AND a_submission.state <> 'queued';
	INSERT INTO fpgo_internal.attempt (submission, number, run, ended_at, outcome)
		SELECT number, 1, 1, clock_timestamp(), 'accepted' WHERE state <> 'queued';
	RETURN number;
END $$;
DELETE FROM fpgo_internal.attempt;
DELETE FROM fpgo_internal.submission;
SELECT a_submission('queued', 'regress_fpgo_shop', 'queued') AS queued,
	a_submission('uncertain', 'regress_fpgo_shop', 'uncertain') AS uncertain,
	a_submission('accepted', 'regress_fpgo_shop', 'accepted') AS accepted,
	a_submission('branch', 'regress_fpgo_branch', 'accepted') AS branch,
	a_submission('gone', 'regress_fpgo_gone', 'queued') AS gone \gset
REVOKE USAGE ON FOREIGN SERVER frontpayment FROM regress_fpgo_gone;
DROP ROLE regress_fpgo_gone;

-- as_role('role', 'expression'): what it comes to for that role, or its SQLSTATE;
-- nothing of it stays
CREATE FUNCTION as_role(role text, expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE 'SELECT ' || expression INTO result;
	RAISE EXCEPTION USING ERRCODE = 'RB000';
EXCEPTION
	WHEN SQLSTATE 'RB000' THEN
		RETURN CASE WHEN result IS NULL THEN 'none' WHEN result = '' THEN 'yes' ELSE result END;
	WHEN OTHERS THEN
		RETURN SQLSTATE;
END $$;
CREATE FUNCTION deliver() RETURNS void LANGUAGE plpgsql AS 'BEGIN CALL fpgo.deliver(); END';
CREATE VIEW roles AS
	SELECT 'regress_fpgo_' || role AS role, nr
	FROM unnest('{shop,clerk,branch,reporter,operator,postman,monitor,caretaker,deputy,nobody}'::text[]) WITH ORDINALITY u (role, nr);

-- hand in; 38F02: allowed, but nothing listens
SELECT substr(role, 14) AS role,
	as_role(role, format('fpgo.enqueue_invoice(%L, key => ''new'') > 0', :'order')) AS enqueue,
	as_role(role, format('fpgo.submit_invoice(%L, key => ''new'')', :'order')) AS submit,
	as_role(role, format('fpgo.is_valid(%L)', :'order')) AS validate
FROM roles ORDER BY nr;
-- the same order again, under the same key: its answer is for members alone
SELECT substr(role, 14) AS role,
	as_role(role, format('(fpgo.submit_invoice(%L)).order_uuid', jsonb_set(:'order'::jsonb, '{referenceNo}', '"accepted"'))) AS again
FROM roles ORDER BY nr;
-- see; what was handed in above is key new, reference Dhaka
SELECT substr(role, 14) AS role,
	as_role(role, '(SELECT string_agg(key, '' '' ORDER BY submission) FROM fpgo.submissions WHERE key <> ''new'')') AS submissions,
	as_role(role, '(SELECT string_agg(reference, '' '' ORDER BY submission) FROM fpgo.attempts WHERE reference <> ''Dhaka'')') AS attempts,
	as_role(role, '(SELECT queued || ''/'' || uncertain || ''/'' || accepted_last_hour FROM fpgo.queue_health)') AS health,
	as_role(role, '(SELECT remaining FROM fpgo.delivery_progress)') AS remaining,
	as_role(role, format('(SELECT order_uuid FROM fpgo.invoice_session(%s))', :accepted)) AS session
FROM roles ORDER BY nr;
-- operate and deliver; 25001: allowed, but not in a function.  The right to pause
-- is asked where there are no workers (55000) as where there are.
SELECT substr(role, 14) AS role,
	as_role(role, format('fpgo.resolve(%s, ''refused'', ''x'')', :uncertain)) AS resolve,
	as_role(role, format('fpgo.cancel_submission(%s, ''x'')', :queued)) AS cancel,
	as_role(role, format('fpgo.cancel_submission(%s, ''x'')', :gone)) AS cancel_gone,
	as_role(role, 'deliver()') AS deliver,
	replace(as_role(role, 'fpgo.pause()'), '55000', 'yes') AS pause,
	replace(as_role(role, 'fpgo.resume()'), '55000', 'yes') AS resume
FROM roles ORDER BY nr;
-- nobody reads or writes the records
SELECT substr(role, 14) AS role,
	as_role(role, '(SELECT count(*) FROM fpgo_internal.submission)') AS submission,
	as_role(role, '(SELECT count(*) FROM fpgo_internal.payload)') AS payload,
	as_role(role, '(SELECT count(*) FROM fpgo_internal.event)') AS event,
	as_role(role, '(SELECT count(*) FROM fpgo_internal.own_role)') AS own_role
FROM roles ORDER BY nr;
SELECT c.oid::regclass AS may_write
FROM pg_class c
WHERE c.relnamespace IN ('fpgo'::regnamespace, 'fpgo_internal'::regnamespace) AND c.relkind IN ('r', 'v')
	AND has_table_privilege('regress_fpgo_nobody', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER');

-- SET ROLE: it is the current user that counts
SET SESSION AUTHORIZATION regress_fpgo_deputy;
SELECT count(*) FROM fpgo.submissions WHERE key <> 'new';
SET ROLE regress_fpgo_shop;
SELECT count(*) FROM fpgo.submissions WHERE key <> 'new';
RESET SESSION AUTHORIZATION;

-- SECURITY DEFINER: what the definer sees; a plain one: what the caller sees
CREATE FUNCTION seen_by_definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
	'SELECT count(*) FROM fpgo.submissions WHERE key <> ''new''';
ALTER FUNCTION seen_by_definer OWNER TO regress_fpgo_branch;
CREATE FUNCTION seen_by_caller() RETURNS bigint LANGUAGE sql AS
	'SELECT count(*) FROM fpgo.submissions WHERE key <> ''new''';
SELECT seen_by_caller() AS superuser;
SET ROLE regress_fpgo_shop;
SELECT seen_by_definer(), seen_by_caller();
SET ROLE regress_fpgo_nobody;
SELECT seen_by_definer(), seen_by_caller();
RESET ROLE;

-- a view over the view, even a superuser's, shows whoever reads it their own
CREATE VIEW over_view AS SELECT key FROM fpgo.submissions WHERE key <> 'new';
GRANT SELECT ON over_view TO PUBLIC;
SET ROLE regress_fpgo_branch;
SELECT * FROM over_view;
SET ROLE regress_fpgo_nobody;
SELECT * FROM over_view;
-- a condition cheaper than any of the view's sees no row of others, and an
-- error in one gives none away
RESET ROLE;
CREATE FUNCTION spy(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
	'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END';
CREATE VIEW spied_view AS SELECT key FROM fpgo.submissions WHERE spy(key);
GRANT SELECT ON spied_view TO PUBLIC;
SET ROLE regress_fpgo_branch;
SELECT key FROM fpgo.submissions WHERE spy(key);
SELECT key FROM spied_view;
SELECT reference FROM fpgo.attempts WHERE spy(reference);
SELECT key FROM fpgo.submissions WHERE 1 / (CASE role WHEN 'regress_fpgo_branch' THEN 1 ELSE 0 END) > 0;
-- a prepared statement shows whoever executes it their own
PREPARE mine AS SELECT key FROM fpgo.submissions WHERE key <> 'new' ORDER BY submission;
EXECUTE mine;
SET ROLE regress_fpgo_nobody;
EXECUTE mine;
SET ROLE regress_fpgo_operator;
EXECUTE mine;
RESET ROLE;
DEALLOCATE mine;

-- a right that is taken back is gone at once
REVOKE EXECUTE ON FUNCTION fpgo.sees_all_submissions FROM regress_fpgo_reporter;
SELECT as_role('regress_fpgo_reporter', '(SELECT count(*) FROM fpgo.submissions)') AS reporter;
REVOKE regress_fpgo_shop FROM regress_fpgo_clerk;
SELECT as_role('regress_fpgo_clerk', '(SELECT count(*) FROM fpgo.submissions WHERE role = ''regress_fpgo_shop'')') AS clerk;
-- names count: who is given the name of a role that is gone gets its submissions
ALTER ROLE regress_fpgo_nobody RENAME TO regress_fpgo_gone;
SELECT as_role('regress_fpgo_gone', '(SELECT string_agg(key, '' '') FROM fpgo.submissions)') AS gone;
ALTER ROLE regress_fpgo_gone RENAME TO regress_fpgo_nobody;

DROP VIEW spied_view, over_view, roles;
DROP FUNCTION spy, seen_by_definer, seen_by_caller, deliver, as_role, a_submission;
DELETE FROM fpgo_internal.attempt;
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.event;
DROP OWNED BY regress_fpgo_shop, regress_fpgo_branch, regress_fpgo_operator, regress_fpgo_postman, regress_fpgo_caretaker;
DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_shop, regress_fpgo_clerk, regress_fpgo_branch, regress_fpgo_reporter, regress_fpgo_operator,
	regress_fpgo_postman, regress_fpgo_monitor, regress_fpgo_caretaker, regress_fpgo_deputy, regress_fpgo_nobody;
