-- What fpgo.doctor() says of a server before the gateway is asked, and that every
-- check is a row.  Whatever this PostgreSQL is set up like, is left out.

CREATE ROLE regress_fpgo_shop;
CREATE VIEW of_server AS
	SELECT "check", ok, detail, hint FROM fpgo.doctor() WITH ORDINALITY d ("check", ok, detail, hint, nr)
	WHERE nr BETWEEN (SELECT 10) AND 16 ORDER BY nr;
\pset format unaligned
\pset null '(null)'

-- all of them, in this order, with something said
SELECT string_agg("check", ' ' ORDER BY nr) AS checks, count(detail) AS n
FROM fpgo.doctor() WITH ORDINALITY d ("check", ok, detail, hint, nr);
SELECT ok, regexp_replace(detail, '[0-9].* in .*', '...') AS detail FROM fpgo.doctor() WHERE "check" = 'extension';
SELECT "check" FROM fpgo.doctor('nowhere') WHERE ok IS NULL;

-- no server; the one that the setting names; one of another kind
SELECT "check", ok, detail, hint FROM fpgo.doctor('My Shop') WHERE "check" IN ('server', 'options', 'credentials');
SET fpgo.server = 'elsewhere';
SELECT * FROM of_server WHERE "check" = 'server';
RESET fpgo.server;
CREATE FOREIGN DATA WRAPPER regress_fpgo_other;
CREATE SERVER regress_fpgo_other FOREIGN DATA WRAPPER regress_fpgo_other;
SELECT "check", ok, detail, hint FROM fpgo.doctor('regress_fpgo_other') WHERE "check" = 'server';
DROP FOREIGN DATA WRAPPER regress_fpgo_other CASCADE;

-- options that would be refused today: by what they are, or as the owner lost a right
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1', ca_file '/nowhere/ca.pem');
CREATE USER MAPPING FOR regress_fpgo_shop SERVER frontpayment OPTIONS (token_file '/nowhere/token-7d1f');
ALTER SERVER frontpayment OWNER TO regress_fpgo_shop;
SELECT "check", ok, detail, hint FROM of_server;
SELECT current_user = session_user AS still_the_same_user;
ALTER SERVER frontpayment OWNER TO CURRENT_USER;
UPDATE pg_foreign_server SET srvoptions = '{url=http://gateway.example/}' WHERE srvname = 'frontpayment';
SELECT "check", ok, detail, hint FROM of_server WHERE "check" = 'options';
UPDATE pg_foreign_server SET srvoptions = NULL WHERE srvname = 'frontpayment';
SELECT "check", ok, detail, hint FROM of_server WHERE "check" IN ('options', 'usage');
UPDATE pg_foreign_server SET srvoptions = '{url=http://127.0.0.1:1/api/v1,token=7d1f}' WHERE srvname = 'frontpayment';
SELECT "check", ok, detail FROM of_server WHERE "check" = 'options';
UPDATE pg_foreign_server SET srvoptions = '{url=http://127.0.0.1:1/api/v1,timeout=29s}' WHERE srvname = 'frontpayment';

-- a role without USAGE; then without a mapping that can be read; a short timeout
GRANT SELECT ON of_server TO regress_fpgo_shop;
SET ROLE regress_fpgo_shop;
SELECT "check", ok, detail, hint FROM of_server;
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop;
SET ROLE regress_fpgo_shop;
SELECT "check", ok, detail, hint FROM fpgo.doctor() WHERE "check" IN ('usage', 'timeout', 'mapping', 'token');
RESET ROLE;
ALTER SERVER frontpayment OPTIONS (SET timeout '30s');
DROP USER MAPPING FOR regress_fpgo_shop SERVER frontpayment;
SET ROLE regress_fpgo_shop;
SELECT "check", ok, detail, hint FROM of_server WHERE "check" IN ('timeout', 'mapping');
RESET ROLE;

-- nobody listens
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token '7d1f');
SET ROLE regress_fpgo_shop;
SELECT "check", ok, detail FROM fpgo.doctor() WHERE "check" IN ('mapping', 'process', 'name', 'connection', 'tls', 'clock', 'api', 'credentials');
RESET ROLE;

-- it records nothing, and leaves the transaction and its user as they were
BEGIN;
SET LOCAL ROLE regress_fpgo_shop;
SELECT count(*) FROM fpgo.doctor('nowhere');
SELECT current_user, pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
ROLLBACK;

DROP VIEW of_server;
DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_shop;
