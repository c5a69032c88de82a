-- What somebody prepared for the day the extension is installed makes that fail,
-- or has no effect.

-- (from 18 on a CONTEXT names lines of the installation script)
\set SHOW_CONTEXT never
SELECT current_database() AS home \gset
CREATE ROLE regress_fpgo_hostile;
CREATE DATABASE regress_fpgo_install TEMPLATE template0;
GRANT CREATE ON DATABASE regress_fpgo_install TO regress_fpgo_hostile;
\c regress_fpgo_install
GRANT CREATE ON SCHEMA public TO regress_fpgo_hostile;

-- a schema of theirs, with functions that fit calls of the installation script
-- better than PostgreSQL's own do
SET ROLE regress_fpgo_hostile;
CREATE SCHEMA fpgo;
CREATE FUNCTION fpgo.has_function_privilege(regprocedure, text) RETURNS boolean LANGUAGE plpgsql AS
	'BEGIN RAISE EXCEPTION ''trapped''; END';
CREATE FUNCTION fpgo.pg_has_role(text, text) RETURNS boolean LANGUAGE plpgsql AS
	'BEGIN RAISE EXCEPTION ''trapped''; END';
CREATE FUNCTION fpgo.require_schema(VARIADIC text[]) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE EXTENSION fpgo;
RESET ROLE;
CREATE EXTENSION fpgo;
-- given to a superuser, it is still full
ALTER SCHEMA fpgo OWNER TO CURRENT_USER;
CREATE EXTENSION fpgo;
-- emptied, but still open
DROP FUNCTION fpgo.has_function_privilege, fpgo.pg_has_role, fpgo.require_schema;
GRANT CREATE ON SCHEMA fpgo TO regress_fpgo_hostile;
CREATE EXTENSION fpgo;
REVOKE CREATE ON SCHEMA fpgo FROM regress_fpgo_hostile;
GRANT CREATE ON SCHEMA fpgo TO PUBLIC;
CREATE EXTENSION fpgo;
REVOKE CREATE ON SCHEMA fpgo FROM PUBLIC;
-- each kind of thing is in the way
CREATE TYPE fpgo.product AS (trap integer);
CREATE EXTENSION fpgo;
DROP TYPE fpgo.product;
CREATE TABLE fpgo.submissions (trap integer);
CREATE EXTENSION fpgo;
DROP TABLE fpgo.submissions;
CREATE OPERATOR fpgo.= (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text);
CREATE EXTENSION fpgo;
DROP OPERATOR fpgo.= (text, text);
CREATE FUNCTION fpgo.require_schema() RETURNS void LANGUAGE sql AS 'SELECT';
CREATE EXTENSION fpgo;
DROP FUNCTION fpgo.require_schema;
-- the other schema is the extension's own, so there must be none
CREATE SCHEMA fpgo_internal AUTHORIZATION regress_fpgo_hostile;
CREATE EXTENSION fpgo;
DROP SCHEMA fpgo_internal;
-- no other schema will do
CREATE EXTENSION fpgo SCHEMA public;
-- and nothing is left of all that
SELECT count(*) FROM pg_extension WHERE extname = 'fpgo';
SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'fpgo'::regnamespace;

-- traps elsewhere, in the path of who installs it, in public and in temporary objects
SET ROLE regress_fpgo_hostile;
CREATE SCHEMA regress_hostile;
CREATE FUNCTION regress_hostile.has_function_privilege(regprocedure, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.has_function_privilege(regprocedure, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION regress_hostile.statement_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''epoch''::timestamptz';
CREATE OPERATOR regress_hostile.= (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text);
CREATE DOMAIN regress_hostile.jsonb AS text;
CREATE DOMAIN public.numeric AS text;
RESET ROLE;
CREATE DOMAIN pg_temp.timestamptz AS text;
SET search_path = regress_hostile, public, pg_temp, pg_catalog;
CREATE EXTENSION fpgo;
RESET search_path;
-- nothing of the extension rests on anything but itself and PostgreSQL
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS object, pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) AS rests_on
FROM pg_depend d
WHERE d.refobjid >= 16384 AND d.deptype <> 'e'
	AND pg_describe_object(d.classid, d.objid, 0) ~ 'fpgo'
	AND (pg_identify_object(d.refclassid, d.refobjid, 0)).identity !~ 'fpgo';
SELECT a.attrelid::regclass AS relation, a.attname, a.atttypid::regtype
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace IN ('fpgo'::regnamespace, 'fpgo_internal'::regnamespace)
	AND t.typnamespace NOT IN ('pg_catalog'::regnamespace, 'fpgo'::regnamespace);

-- who may create in the database may create nothing in fpgo's schemas, nor change what is there
SET ROLE regress_fpgo_hostile;
CREATE FUNCTION fpgo.validate(character varying) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE TABLE fpgo_internal.trap ();
CREATE OR REPLACE FUNCTION fpgo.sees_all_submissions() RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OR REPLACE VIEW fpgo.submissions AS SELECT 1;
ALTER TYPE fpgo.product ADD ATTRIBUTE trap integer;
CREATE CAST (fpgo.invoice_order AS text) WITH INOUT AS IMPLICIT;
CREATE FUNCTION regress_hostile.c() RETURNS void AS '$libdir/fpgo', 'fpgo_require_schema' LANGUAGE C;
ALTER EXTENSION fpgo ADD FUNCTION regress_hostile.statement_timestamp();
DROP EXTENSION fpgo;
DROP SCHEMA fpgo CASCADE;
RESET ROLE;

-- the schema outlives the extension, which comes back to it
DROP EXTENSION fpgo;
SELECT nspname FROM pg_namespace WHERE nspname ~ '^fpgo';
CREATE EXTENSION fpgo;

-- what the installing superuser grants of everything to come, it grants of fpgo
-- too, as src/account/README.md says; the records' schema stays closed
DROP EXTENSION fpgo;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO regress_fpgo_hostile;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO regress_fpgo_hostile;
CREATE EXTENSION fpgo;
SELECT has_function_privilege('regress_fpgo_hostile', 'fpgo.sees_all_submissions()', 'EXECUTE') AS function,
	has_table_privilege('regress_fpgo_hostile', 'fpgo_internal.payload', 'SELECT') AS table,
	has_schema_privilege('regress_fpgo_hostile', 'fpgo_internal', 'USAGE') AS schema;
SET ROLE regress_fpgo_hostile;
SELECT * FROM fpgo_internal.payload;
RESET ROLE;

-- what exists already is never taken over by the scripts, but for views and one function
-- that are the extension's own, as PostgreSQL sees to; and no name is pasted into them
\! cat "$PG_ABS_SRCDIR"/src/fpgo--*.sql | grep -iE 'or +replace|if +not +exists|@ext' | grep -civ -e 'create or replace view' -e 'create or replace function fpgo.make_order('

\c :home
DROP DATABASE regress_fpgo_install;
DROP ROLE regress_fpgo_hostile;
