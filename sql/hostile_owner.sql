-- Whoever owns fpgo's tables may hang things on them, and gains nothing by it:
-- whatever runs there runs as the owner, and leaves nothing behind.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 'unused');
CREATE ROLE regress_fpgo_owner;
CREATE SCHEMA regress_hostile AUTHORIZATION regress_fpgo_owner;
SELECT format('ALTER TABLE %s OWNER TO regress_fpgo_owner', c.oid::regclass)
FROM pg_class c WHERE c.relnamespace = 'fpgo_internal'::regnamespace AND c.relkind = 'r'
ORDER BY c.relname \gexec
GRANT USAGE ON SCHEMA fpgo_internal TO regress_fpgo_owner;

-- with two owners, what one hangs on a table would run with the rights of the other
CREATE FUNCTION pg_temp.tried(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE sql;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, detail, hint);
END $$;
CREATE FUNCTION pg_temp.tried_with(odd regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	EXECUTE format('ALTER TABLE %s OWNER TO CURRENT_USER', odd);
	said := pg_temp.tried('SELECT fpgo.cancel_submission(1, ''test'')');
	EXECUTE format('ALTER TABLE %s OWNER TO regress_fpgo_owner', odd);
	RETURN regexp_replace(said, format('"?%I"?', current_user), 'CURRENT_USER', 'g');
END $$;
SELECT c.oid::regclass AS odd, pg_temp.tried_with(c.oid::regclass)
FROM pg_class c WHERE c.relnamespace = 'fpgo_internal'::regnamespace AND c.relkind = 'r'
ORDER BY c.relname;
SELECT pg_temp.tried('SELECT fpgo.cancel_submission(1, ''test'')') AS one_owner;
ALTER TABLE fpgo_internal.event OWNER TO CURRENT_USER;
SELECT ok, hint LIKE '%ALTER TABLE fpgo_internal.event OWNER TO regress_fpgo_owner;' AS says_how
FROM fpgo.doctor() WHERE check_name = 'extension';
ALTER TABLE fpgo_internal.event OWNER TO regress_fpgo_owner;

-- what the owner's code does when it is called, and as whom; each deed may fail alone
SET ROLE regress_fpgo_owner;
CREATE TABLE regress_hostile.seen (n integer GENERATED ALWAYS AS IDENTITY, place text, deed text, result text);
CREATE FUNCTION regress_hostile.act(place text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	tried text;
BEGIN
	FOREACH tried IN ARRAY ARRAY[
		'SELECT current_user',
		'SELECT current_setting(''search_path'')',
		'SELECT set_config(''search_path'', ''regress_hostile, pg_catalog'', false)',
		'SELECT set_config(''fpgo.server'', ''elsewhere'', false)',
		'SET SESSION work_mem = ''64MB''',
		'SET ROLE NONE',
		'SET SESSION AUTHORIZATION DEFAULT',
		'CREATE TEMP TABLE submission (id integer)',
		'SELECT count(*) FROM pg_authid',
		'LISTEN fpgo'] LOOP
		BEGIN
			EXECUTE tried;
			INSERT INTO regress_hostile.seen (place, deed, result)
				SELECT act.place, tried, CASE WHEN tried ~ 'current_user' THEN current_user
					WHEN tried ~ 'current_setting' THEN current_setting('search_path') ELSE 'done' END;
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO regress_hostile.seen (place, deed, result) SELECT act.place, tried, SQLSTATE;
		END;
	END LOOP;
	RETURN 0;
END $$;
CREATE FUNCTION regress_hostile.act_in_trigger() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN PERFORM regress_hostile.act(TG_NAME::text); RETURN NEW; END';
CREATE TRIGGER trigger_before BEFORE INSERT ON fpgo_internal.submission FOR EACH ROW EXECUTE FUNCTION regress_hostile.act_in_trigger();
CREATE TRIGGER trigger_after AFTER INSERT ON fpgo_internal.submission FOR EACH ROW EXECUTE FUNCTION regress_hostile.act_in_trigger();
ALTER TABLE fpgo_internal.submission ADD COLUMN extra integer DEFAULT regress_hostile.act('default');
ALTER TABLE fpgo_internal.submission ADD CONSTRAINT extra CHECK (regress_hostile.act('check') = 0) NOT VALID;
CREATE RULE extra AS ON INSERT TO fpgo_internal.payload DO ALSO SELECT regress_hostile.act('rule');
RESET ROLE;
TRUNCATE regress_hostile.seen;

-- a superuser's session: queues, cancels
SET fpgo.undelivered_notice = off;
SET search_path = public, regress_hostile;
SELECT fpgo.enqueue_invoice(:'order', key => 'hostile') > 0 AS queued;
SELECT fpgo.cancel_submission(submission, 'test') FROM fpgo.submissions WHERE key = 'hostile';
-- (what one of them sets, those after it in the same statement see)
SELECT place, deed, string_agg(DISTINCT result, ' ') AS result FROM regress_hostile.seen GROUP BY 1, 2 ORDER BY 1, min(n);
-- nothing is left of it
SELECT current_user = session_user AS user_is_same, current_setting('search_path') AS search_path,
	current_setting('fpgo.server') AS server, current_setting('work_mem') AS work_mem;
RESET search_path;
SELECT to_regclass('pg_temp.submission') AS temporary_table, pg_listening_channels() AS listening;

-- the process that sends is a superuser's too
SELECT fpgo.submit_invoice(:'order', key => 'sent');
SELECT place, deed, string_agg(DISTINCT result, ' ') AS result FROM regress_hostile.seen
WHERE deed ~ 'current_|authid' GROUP BY 1, 2 ORDER BY 1, min(n);

-- what would run later, as somebody else, does not run at all
DROP TRIGGER trigger_before ON fpgo_internal.submission;
DROP TRIGGER trigger_after ON fpgo_internal.submission;
ALTER TABLE fpgo_internal.submission DROP COLUMN extra, DROP CONSTRAINT extra;
DROP RULE extra ON fpgo_internal.payload;
SET ROLE regress_fpgo_owner;
CREATE CONSTRAINT TRIGGER trigger_deferred AFTER INSERT ON fpgo_internal.submission
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION regress_hostile.act_in_trigger();
RESET ROLE;
TRUNCATE regress_hostile.seen;
SELECT fpgo.enqueue_invoice(:'order', key => 'deferred');
SELECT count(*) FROM regress_hostile.seen;
DROP TRIGGER trigger_deferred ON fpgo_internal.submission;

-- row level security: its owner is not bound by it unless they force it, and
-- then fpgo sees nothing; its policy runs as the owner
SET ROLE regress_fpgo_owner;
ALTER TABLE fpgo_internal.submission ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY extra ON fpgo_internal.submission USING (regress_hostile.act('policy') = 0);
RESET ROLE;
SELECT fpgo.enqueue_invoice(:'order', key => 'policy') > 0 AS queued;
SELECT fpgo.cancel_submission(submission, 'test') FROM fpgo.submissions WHERE key = 'policy';
SELECT DISTINCT result FROM regress_hostile.seen WHERE place = 'policy' AND deed ~ 'current_user';
SELECT current_setting('search_path') AS search_path;
ALTER TABLE fpgo_internal.submission DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
DROP POLICY extra ON fpgo_internal.submission;

DELETE FROM fpgo_internal.attempt;
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.event;
SELECT format('ALTER TABLE %s OWNER TO CURRENT_USER', c.oid::regclass)
FROM pg_class c WHERE c.relnamespace = 'fpgo_internal'::regnamespace AND c.relkind = 'r'
ORDER BY c.relname \gexec
REVOKE USAGE ON SCHEMA fpgo_internal FROM regress_fpgo_owner;
\set VERBOSITY terse
DROP SCHEMA regress_hostile CASCADE;
DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_owner;
