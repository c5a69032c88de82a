-- Who may set which option, who owns what, and what the others learn of it.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
CREATE ROLE regress_fpgo_owner;
CREATE ROLE regress_fpgo_user;
CREATE ROLE regress_fpgo_files;
CREATE ROLE regress_fpgo_nobody;
GRANT pg_read_server_files TO regress_fpgo_files;
GRANT USAGE ON FOREIGN DATA WRAPPER fpgo TO regress_fpgo_owner, regress_fpgo_files;

-- tried('role', 'statement'): how it ends for that role; nothing of it stays
CREATE FUNCTION tried(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text; message text;
BEGIN
	EXECUTE format('SET LOCAL ROLE regress_fpgo_%s', role);
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'RB000';
EXCEPTION WHEN SQLSTATE 'RB000' THEN
	RETURN 'done';
WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	RETURN code || ' ' || message;
END $$;
CREATE PROCEDURE may(statements text[], roles text[] DEFAULT '{owner,files,user,nobody}') LANGUAGE plpgsql AS $$
DECLARE
	statement text; role text; line text; last text;
BEGIN
	FOREACH statement IN ARRAY statements LOOP
		RAISE NOTICE '%', statement;
		FOREACH role IN ARRAY roles LOOP
			RAISE NOTICE '    %: %', role, tried(role, statement);
		END LOOP;
	END LOOP;
END $$;
\set VERBOSITY terse

-- USAGE on the wrapper lets make a server, but none that points inside, and names no file
CALL may(ARRAY[
	$$CREATE SERVER s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.example')$$,
	$$CREATE SERVER s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.example', private_network 'false')$$,
	$$CREATE SERVER s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.example', private_network 'true')$$,
	$$CREATE SERVER s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://10.0.0.1')$$,
	$$CREATE SERVER s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://10.0.0.1', private_network 'true')$$,
	$$CREATE SERVER s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:9200')$$,
	$$CREATE SERVER s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://localhost')$$,
	$$CREATE SERVER s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.example', ca_file '/etc/ca.pem')$$,
	$$ALTER FOREIGN DATA WRAPPER fpgo NO VALIDATOR$$]);

-- the owner changes its server, who has USAGE of it does not; and each makes
-- its own mapping, the owner those of others too
SET ROLE regress_fpgo_owner;
CREATE SERVER shop FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.example');
GRANT USAGE ON FOREIGN SERVER shop TO regress_fpgo_user, regress_fpgo_files;
RESET ROLE;
CALL may(ARRAY[
	$$ALTER SERVER shop OPTIONS (SET url 'https://elsewhere.example')$$,
	$$ALTER SERVER shop OPTIONS (ADD private_network 'true')$$,
	$$ALTER SERVER shop OPTIONS (SET url 'https://127.0.0.1')$$,
	$$ALTER SERVER shop OPTIONS (ADD timeout '5s')$$,
	$$ALTER SERVER shop RENAME TO frontpayment$$,
	$$DROP SERVER shop$$,
	$$CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (token 'mine')$$,
	$$CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (token_file '/etc/token')$$,
	$$CREATE USER MAPPING FOR PUBLIC SERVER shop OPTIONS (token 'ours')$$,
	$$CREATE USER MAPPING FOR regress_fpgo_nobody SERVER shop OPTIONS (token 'yours')$$]);

-- who may see a token: its own user, and of PUBLIC's the server's owner; the
-- catalog itself is closed
CREATE USER MAPPING FOR PUBLIC SERVER shop OPTIONS (token 'ours');
CREATE USER MAPPING FOR regress_fpgo_user SERVER shop OPTIONS (token 'users');
SET ROLE regress_fpgo_owner;
SELECT usename, umoptions FROM pg_user_mappings WHERE srvname = 'shop' ORDER BY usename;
SET ROLE regress_fpgo_user;
SELECT usename, umoptions FROM pg_user_mappings WHERE srvname = 'shop' ORDER BY usename;
SET ROLE regress_fpgo_files;
SELECT usename, umoptions FROM pg_user_mappings WHERE srvname = 'shop' ORDER BY usename;
SELECT umoptions FROM pg_user_mapping;
RESET ROLE;
CALL may(ARRAY[
	$$ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (SET token 'other')$$,
	$$ALTER USER MAPPING FOR regress_fpgo_user SERVER shop OPTIONS (SET token 'other')$$,
	$$DROP USER MAPPING FOR PUBLIC SERVER shop$$]);

-- a mapping is no right to submit
CREATE USER MAPPING FOR regress_fpgo_nobody SERVER shop OPTIONS (token 'yours');
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
CALL may(ARRAY[
	$$SELECT fpgo.enqueue_invoice(current_setting('test.order'), server => 'shop')$$,
	$$SELECT fpgo.submit_invoice(current_setting('test.order'), server => 'shop')$$], '{nobody}');

-- a file named by somebody who may read it is not read for a server whose owner
-- may not, and who could point its content anywhere; nobody learns its name
DROP USER MAPPING FOR PUBLIC SERVER shop;
DROP USER MAPPING FOR regress_fpgo_user SERVER shop;
CREATE USER MAPPING FOR PUBLIC SERVER shop OPTIONS (token_file '/nowhere/secret-name');
CALL may(ARRAY[$$SELECT fpgo.submit_invoice(current_setting('test.order'), server => 'shop')$$], '{owner,user,files}');
CALL may(ARRAY[
	$$ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (SET token_file '/etc/passwd')$$,
	$$ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (DROP token_file, ADD token 'x')$$]);
-- given to somebody who may read files, it is; the file is not there
ALTER SERVER shop OWNER TO regress_fpgo_files;
GRANT USAGE ON FOREIGN SERVER shop TO regress_fpgo_user;
CALL may(ARRAY[$$SELECT fpgo.submit_invoice(current_setting('test.order'), server => 'shop')$$], '{user}');
SET ROLE regress_fpgo_user;
SELECT usename, umoptions FROM pg_user_mappings WHERE srvname = 'shop' ORDER BY usename;
SELECT * FROM fpgo.validate('{}', 'shop') LIMIT 1;
RESET ROLE;
REVOKE pg_read_server_files FROM regress_fpgo_files;
CALL may(ARRAY[$$SELECT fpgo.submit_invoice(current_setting('test.order'), server => 'shop')$$], '{user}');
GRANT pg_read_server_files TO regress_fpgo_files;

-- a server that a superuser let inside and gave away: its owner can take the
-- right back, and nothing else
ALTER SERVER shop OWNER TO regress_fpgo_owner;
ALTER SERVER shop OPTIONS (SET url 'https://10.0.0.1', ADD private_network 'true');
CALL may(ARRAY[
	$$ALTER SERVER shop OPTIONS (SET url 'https://169.254.169.254')$$,
	$$ALTER SERVER shop OPTIONS (SET url 'https://gateway.example')$$,
	$$ALTER SERVER shop OPTIONS (ADD timeout '5s')$$,
	$$ALTER SERVER shop OPTIONS (DROP private_network)$$,
	$$ALTER SERVER shop OPTIONS (DROP private_network, SET url 'https://gateway.example')$$], '{owner,files}');
-- likewise one that points at this machine
ALTER SERVER shop OPTIONS (SET url 'http://127.0.0.1:8080/api/v1', DROP private_network);
CALL may(ARRAY[
	$$ALTER SERVER shop OPTIONS (SET url 'http://127.0.0.1:9200')$$,
	$$ALTER SERVER shop OPTIONS (ADD submit_path '/_search')$$,
	$$ALTER SERVER shop OPTIONS (SET url 'https://gateway.example')$$], '{owner}');
-- and one that trusts a file's certificates
ALTER SERVER shop OPTIONS (SET url 'https://gateway.example', ADD ca_file '/etc/ca.pem');
CALL may(ARRAY[
	$$ALTER SERVER shop OPTIONS (SET url 'https://elsewhere.example')$$,
	$$ALTER SERVER shop OPTIONS (SET ca_file '/etc/passwd')$$,
	$$ALTER SERVER shop OPTIONS (DROP ca_file)$$], '{owner}');

-- the validator can be called by everybody, and gives nothing away
SET ROLE regress_fpgo_nobody;
SELECT fpgo.option_validator('{"token=secret with spaces"}', 'pg_user_mapping'::regclass);
SELECT fpgo.option_validator('{token_file=/etc/passwd}', 'pg_user_mapping'::regclass);
SELECT fpgo.option_validator('{url=https://10.0.0.1,private_network=true}', 'pg_foreign_server'::regclass);
SELECT fpgo.option_validator(NULL, 0) IS NULL AS strict, fpgo.option_validator('{}', 0);
RESET ROLE;

-- who calls a SECURITY DEFINER function chooses its server by a setting, unless
-- it was made with one, as src/account/README.md advises
SET ROLE regress_fpgo_owner;
CREATE SERVER theirs FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://elsewhere.example');
RESET ROLE;
SET fpgo.undelivered_notice = off;
CREATE FUNCTION hand_in(key text) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$SELECT fpgo.enqueue_invoice(current_setting('test.order'), key => key)$$;
CREATE FUNCTION hand_in_well(key text) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET fpgo.server = 'shop' AS $$SELECT fpgo.enqueue_invoice(current_setting('test.order'), key => key)$$;
SET ROLE regress_fpgo_nobody;
SET fpgo.server = 'theirs';
SELECT hand_in('chosen') > 0 AS queued, hand_in_well('fixed') > 0 AS queued_well;
RESET fpgo.server;
RESET ROLE;
SELECT key, server FROM fpgo.submissions ORDER BY key;

\set VERBOSITY default
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DROP FUNCTION hand_in, hand_in_well;
DROP SERVER theirs;
DROP SERVER shop CASCADE;
DROP PROCEDURE may;
DROP FUNCTION tried;
REVOKE USAGE ON FOREIGN DATA WRAPPER fpgo FROM regress_fpgo_owner, regress_fpgo_files;
DROP ROLE regress_fpgo_owner, regress_fpgo_user, regress_fpgo_files, regress_fpgo_nobody;
