-- Which account of the gateway a server has: keys outlive renames, drops and moves.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
\set VERBOSITY default
SET fpgo.undelivered_notice = off;
CREATE FUNCTION an_order(reference text) RETURNS jsonb
	LANGUAGE sql RETURN current_setting('test.order')::jsonb || jsonb_build_object('referenceNo', reference);
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
-- the number of the submission, from 1 in this test
SELECT nextval('fpgo_internal.submission_id_seq') AS last \gset
CREATE FUNCTION hand_in(reference text, server text) RETURNS bigint
	LANGUAGE sql RETURN fpgo.enqueue_invoice(an_order(reference), server, on_duplicate => 'ignore') - current_setting('test.last')::bigint;
SELECT set_config('test.last', :'last', false) IS NOT NULL AS kept;
CREATE VIEW accounts AS
	SELECT a.name, a.server, a.origin, a.reason FROM fpgo_internal.account a WHERE a.name LIKE 'regress_fpgo_%' ORDER BY a.name;

-- an account needs no row; a rename makes one, and the key goes along
CREATE SERVER regress_fpgo_a FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://one.example/api/v1');
SELECT hand_in('acc-1', 'regress_fpgo_a');
TABLE accounts;
ALTER SERVER regress_fpgo_a RENAME TO regress_fpgo_b;
SELECT hand_in('acc-1', 'regress_fpgo_b');
TABLE accounts;
-- in the transaction of the rename
BEGIN;
ALTER SERVER regress_fpgo_b RENAME TO regress_fpgo_c;
SELECT hand_in('acc-1', 'regress_fpgo_c');
ROLLBACK;
SELECT hand_in('acc-1', 'regress_fpgo_b');
TABLE accounts;
-- views name the server as it is called now
SELECT submission - :last AS submission, server, key, state FROM fpgo.submissions WHERE submission > :last;
SELECT server, queued FROM fpgo.queue_health WHERE server LIKE 'regress_fpgo_%' ORDER BY 1;
SELECT server, remaining FROM fpgo.delivery_progress WHERE server LIKE 'regress_fpgo_%' ORDER BY 1;

-- a new server of the former name has an account of its own
CREATE SERVER regress_fpgo_a FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://two.example/api/v1');
SELECT hand_in('acc-1', 'regress_fpgo_a');
TABLE accounts;
SELECT server, queued FROM fpgo.queue_health WHERE server LIKE 'regress_fpgo_%' ORDER BY 1;
-- dropped and made again under the same name: the same account
DROP SERVER regress_fpgo_a;
CREATE SERVER regress_fpgo_a FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://two.example/api/v2');
SELECT hand_in('acc-1', 'regress_fpgo_a');
-- and back and forth
ALTER SERVER regress_fpgo_a RENAME TO regress_fpgo_x;
ALTER SERVER regress_fpgo_b RENAME TO regress_fpgo_a;
ALTER SERVER regress_fpgo_x RENAME TO regress_fpgo_b;
SELECT hand_in('acc-1', 'regress_fpgo_a') AS first, hand_in('acc-1', 'regress_fpgo_b') AS second;
TABLE accounts;

-- made again under another name: a person must say which account it is
DROP SERVER regress_fpgo_b;
CREATE SERVER regress_fpgo_n FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://TWO.example:443/other');
SELECT hand_in('acc-1', 'regress_fpgo_n');
SELECT check_name, ok, detail, hint FROM fpgo.doctor('regress_fpgo_n') WHERE check_name = 'account';
SELECT fpgo.adopt_account('regress_fpgo_b', 'regress_fpgo_n', 'renamed by our migration tool');
SELECT hand_in('acc-1', 'regress_fpgo_n');
TABLE accounts;
DROP SERVER regress_fpgo_n;
CREATE SERVER regress_fpgo_o FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://two.example');
SELECT fpgo.new_account('regress_fpgo_o', 'another shop of ours');
SELECT hand_in('acc-1', 'regress_fpgo_o');
TABLE accounts;

-- another host: a NOTICE, and once a session when orders are handed in
CREATE SERVER regress_fpgo_d FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://demo.example/api/v1');
SELECT fpgo.new_account('regress_fpgo_d', 'demo');
SELECT hand_in('acc-1', 'regress_fpgo_d');
ALTER SERVER regress_fpgo_d OPTIONS (SET url 'https://demo.example/api/v2');
ALTER SERVER regress_fpgo_d OPTIONS (SET url 'https://live.example/api/v2');
SELECT hand_in('acc-1', 'regress_fpgo_d');
SELECT hand_in('acc-1', 'regress_fpgo_d');
SELECT check_name, ok, detail, hint FROM fpgo.doctor('regress_fpgo_d') WHERE check_name = 'account';
-- the same account at a new address
BEGIN;
SELECT fpgo.adopt_account('regress_fpgo_d', 'regress_fpgo_d', 'the vendor moved');
SELECT hand_in('acc-1', 'regress_fpgo_d');
SELECT check_name, ok, detail FROM fpgo.doctor('regress_fpgo_d') WHERE check_name = 'account';
ROLLBACK;
-- another account: keys are free, what is queued for the former one stays
SELECT fpgo.new_account('regress_fpgo_d', 'from demo to production');
SELECT hand_in('acc-1', 'regress_fpgo_d');
TABLE accounts;
SELECT submission - :last AS submission, server, key, state FROM fpgo.submissions WHERE submission > :last ORDER BY 1;

-- who may, and what is refused
CREATE ROLE regress_fpgo_clerk;
SET ROLE regress_fpgo_clerk;
SELECT fpgo.new_account('regress_fpgo_d', 'mine');
RESET ROLE;
GRANT EXECUTE ON FUNCTION fpgo.new_account, fpgo.adopt_account TO regress_fpgo_clerk;
SET ROLE regress_fpgo_clerk;
SELECT fpgo.new_account('regress_fpgo_d', 'mine');
SELECT fpgo.adopt_account('regress_fpgo_a', 'regress_fpgo_d', 'mine');
RESET ROLE;
SELECT fpgo.new_account('regress_fpgo_nowhere', 'x');
SELECT fpgo.new_account(NULL, 'x');
SELECT fpgo.new_account('regress_fpgo_d', NULL);
SELECT fpgo.new_account('regress_fpgo_d', ' ');
SELECT fpgo.adopt_account('regress_fpgo_nowhere', 'regress_fpgo_d', 'x');
SELECT fpgo.adopt_account('regress_fpgo_a', 'regress_fpgo_d', 'x');
SELECT fpgo.adopt_account('regress_fpgo_n', 'regress_fpgo_d', 'x');
CREATE FOREIGN DATA WRAPPER regress_fpgo_other;
CREATE SERVER regress_fpgo_strange FOREIGN DATA WRAPPER regress_fpgo_other;
ALTER SERVER regress_fpgo_strange RENAME TO regress_fpgo_stranger;
SELECT fpgo.new_account('regress_fpgo_stranger', 'x');
SELECT fpgo.follow_server();

-- without event triggers nobody follows: nothing is guessed
DELETE FROM fpgo_internal.account WHERE name LIKE 'regress_fpgo_%';
ALTER EVENT TRIGGER fpgo_follow_server DISABLE;
CREATE SERVER regress_fpgo_e FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://five.example');
SELECT fpgo.new_account('regress_fpgo_e', 'as a process that sends would');
SELECT hand_in('acc-2', 'regress_fpgo_e');
ALTER SERVER regress_fpgo_e RENAME TO regress_fpgo_f;
SELECT hand_in('acc-2', 'regress_fpgo_f');
SELECT fpgo.adopt_account('regress_fpgo_e', 'regress_fpgo_f', 'renamed while the event trigger was off');
SELECT hand_in('acc-2', 'regress_fpgo_f');
CREATE SERVER regress_fpgo_e FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://six.example');
SELECT hand_in('acc-2', 'regress_fpgo_e');
ALTER EVENT TRIGGER fpgo_follow_server ENABLE;

-- clean up
DELETE FROM fpgo_internal.payload WHERE submission > :last;
DELETE FROM fpgo_internal.submission WHERE id > :last;
DELETE FROM fpgo_internal.account WHERE name LIKE 'regress_fpgo_%';
DROP SERVER regress_fpgo_a, regress_fpgo_d, regress_fpgo_e, regress_fpgo_f, regress_fpgo_o, regress_fpgo_stranger;
DROP FOREIGN DATA WRAPPER regress_fpgo_other;
REVOKE EXECUTE ON FUNCTION fpgo.new_account, fpgo.adopt_account FROM regress_fpgo_clerk;
DROP ROLE regress_fpgo_clerk;
DROP VIEW accounts;
DROP FUNCTION hand_in, an_order;
SELECT count(*) FROM fpgo_internal.account WHERE name LIKE 'regress_fpgo_%';
