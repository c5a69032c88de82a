-- DROP EXTENSION refuses while submissions are unfinished, however it is done.
-- Each attempt is rolled back, lest a failure take the other tests along.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`

CREATE ROLE regress_fpgo_owner SUPERUSER;
CREATE ROLE regress_fpgo_other;

-- one submission in every state, and nothing of what other tests left
DELETE FROM fpgo_internal.submission;
INSERT INTO fpgo_internal.submission (server, key, order_hash, role, state, origin)
	SELECT 'frontpayment', state, '', 'nobody', state::fpgo.submission_state, fpgo_internal.origin_here()
	FROM unnest('{queued,sending,accepted,refused,uncertain,cancelled}'::text[]) state;
BEGIN;
DROP EXTENSION fpgo CASCADE;
ROLLBACK;
\set VERBOSITY terse
BEGIN;
DROP EXTENSION IF EXISTS regress_fpgo_none, fpgo;
ROLLBACK;
BEGIN;
DROP SCHEMA fpgo CASCADE;
ROLLBACK;
BEGIN;
DROP OWNED BY CURRENT_USER CASCADE;
ROLLBACK;
-- the records' own schema goes with the extension only
BEGIN;
DROP SCHEMA fpgo_internal CASCADE;
ROLLBACK;

-- who may not drop it anyway learns nothing of what is in it
SET ROLE regress_fpgo_other;
BEGIN;
DROP EXTENSION fpgo;
ROLLBACK;
BEGIN;
DROP SCHEMA fpgo CASCADE;
ROLLBACK;
RESET ROLE;

-- other extensions, schemas and roles go as ever
CREATE SCHEMA regress_fpgo_gone;
DROP SCHEMA regress_fpgo_gone;
DROP EXTENSION IF EXISTS regress_fpgo_none;
DROP OWNED BY regress_fpgo_other;

-- each of the three states keeps it, and nothing else does
UPDATE fpgo_internal.submission SET state = 'cancelled' WHERE state = 'queued';
BEGIN;
DROP EXTENSION fpgo;
ROLLBACK;
UPDATE fpgo_internal.submission SET state = 'cancelled' WHERE state = 'sending';
BEGIN;
DROP EXTENSION fpgo;
ROLLBACK;
UPDATE fpgo_internal.submission SET state = 'accepted' WHERE state = 'uncertain';
BEGIN;
DROP EXTENSION fpgo;
ROLLBACK;

-- the way out that the hint shows, and back in the same session: of what the
-- process keeps, nothing is stale
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
SELECT fpgo.enqueue_invoice(:'order') AS id \gset
BEGIN;
ALTER EVENT TRIGGER fpgo_refuse_drop DISABLE;
DROP EXTENSION fpgo CASCADE;
SELECT fpgo.enqueue_invoice(:'order');
ROLLBACK;
BEGIN;
ALTER EVENT TRIGGER fpgo_refuse_drop DISABLE;
DROP EXTENSION fpgo CASCADE;
CREATE EXTENSION fpgo;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');
SELECT fpgo.enqueue_invoice(:'order');
SELECT fpgo.enqueue_invoice(:'order', on_duplicate => 'ignore');
SELECT fpgo.cancel_submission(1, 'test');
-- guarded again, and by what is queued now
SELECT fpgo.enqueue_invoice(:'order');
DROP EXTENSION fpgo CASCADE;
ROLLBACK;
SELECT fpgo.enqueue_invoice(:'order', on_duplicate => 'ignore') = :id AS same;

-- it is an event trigger's function and no other
SELECT fpgo.refuse_drop();

DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DROP SERVER frontpayment;

-- owners of the extension, or of the schema it is in
\set database :DBNAME
CREATE DATABASE regress_fpgo_owned OWNER regress_fpgo_owner;
\c regress_fpgo_owned
SET ROLE regress_fpgo_owner;
CREATE EXTENSION fpgo;
RESET ROLE;
INSERT INTO fpgo_internal.submission (server, key, order_hash, role, state) VALUES ('s', 'k', '', 'r', 'queued');
\set VERBOSITY sqlstate
DROP OWNED BY regress_fpgo_other, regress_fpgo_owner CASCADE;
ALTER SCHEMA fpgo OWNER TO regress_fpgo_other;
DROP OWNED BY regress_fpgo_other CASCADE;
\set VERBOSITY terse
TRUNCATE fpgo_internal.submission;
SET client_min_messages = error;
DROP OWNED BY regress_fpgo_other CASCADE;
SELECT count(*) FROM pg_extension WHERE extname = 'fpgo';
\c :database
DROP DATABASE regress_fpgo_owned;
DROP ROLE regress_fpgo_owner, regress_fpgo_other;
