-- What submit_invoice needs before it sends anything: each thing that is
-- missing is named, with a hint that can be pasted.

-- where other tests' orders went
DELETE FROM fpgo_internal.account WHERE name = 'frontpayment';

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`

CREATE ROLE regress_fpgo_shop;

-- no server
SELECT * FROM fpgo.submit_invoice(:'order');
SELECT * FROM fpgo.submit_invoice(:'order', 'My Shop');
SET fpgo.server = 'elsewhere';
SELECT * FROM fpgo.submit_invoice(:'order');
RESET fpgo.server;

-- the hint, pasted
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://demo-api.frontpayment.no/api/v1');
ALTER SERVER frontpayment OPTIONS (SET url 'http://127.0.0.1:1/api/v1');

-- a server of another kind
CREATE FOREIGN DATA WRAPPER regress_fpgo_other;
CREATE SERVER regress_fpgo_other FOREIGN DATA WRAPPER regress_fpgo_other;
SELECT * FROM fpgo.submit_invoice(:'order', 'regress_fpgo_other');

-- no right to it
SET ROLE regress_fpgo_shop;
SELECT * FROM fpgo.submit_invoice(:'order');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop;

-- no user mapping
SET ROLE regress_fpgo_shop;
SELECT * FROM fpgo.submit_invoice(:'order');
RESET ROLE;
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token_file '/nowhere/token');

-- no token
SET ROLE regress_fpgo_shop;
SELECT * FROM fpgo.submit_invoice(:'order');
RESET ROLE;
-- a mapping of one's own comes before PUBLIC's
CREATE USER MAPPING FOR regress_fpgo_shop SERVER frontpayment OPTIONS (token 'abc');
SET ROLE regress_fpgo_shop;
SELECT * FROM fpgo.submit_invoice('{}');
RESET ROLE;
DROP USER MAPPING FOR regress_fpgo_shop SERVER frontpayment;
-- a token file counts only where the server's owner may read files
ALTER SERVER frontpayment OWNER TO regress_fpgo_shop;
SELECT * FROM fpgo.submit_invoice(:'order');
ALTER SERVER frontpayment OWNER TO CURRENT_USER;
ALTER USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (DROP token_file, ADD token 'abc');

-- an order that breaks rules: all of them, nothing sent
SELECT * FROM fpgo.submit_invoice(jsonb_set(:'order', '{products,0,tax}', '13'));
SELECT * FROM fpgo.submit_invoice('{"products": [{}, {}, {}, {}]}');
SELECT * FROM fpgo.submit_invoice('[]');
\set VERBOSITY sqlstate
SELECT * FROM fpgo.submit_invoice('{}');
SELECT * FROM fpgo.submit_invoice('{');
SELECT * FROM fpgo.submit_invoice('{}', 'none');
\set VERBOSITY default

-- a server's tax rates
ALTER SERVER frontpayment OPTIONS (ADD tax_rates '6');
SELECT * FROM fpgo.submit_invoice(:'order');
ALTER SERVER frontpayment OPTIONS (DROP tax_rates);

-- not in a read-only transaction
BEGIN READ ONLY;
SELECT * FROM fpgo.submit_invoice(:'order');
ROLLBACK;

-- a payload beyond the limit
SELECT * FROM fpgo.submit_invoice(jsonb_set(:'order', '{note}', to_jsonb(repeat('x', 1024 * 1024))));
-- ten thousand products
SELECT * FROM fpgo.submit_invoice((SELECT jsonb_set(:'order', '{products}',
	jsonb_agg(:'order'::jsonb #> '{products,0}')) FROM generate_series(1, 10000)));

-- nobody listens, nobody is called so: certainly not sent
SELECT * FROM fpgo.submit_invoice(:'order');
ALTER SERVER frontpayment OPTIONS (SET url 'https://no-such-host.invalid/api/v1');
SELECT * FROM fpgo.submit_invoice(:'order');

-- PL/pgSQL takes them as one class, or one by one
DO $$
BEGIN
	PERFORM fpgo.submit_invoice('{}');
EXCEPTION
	WHEN check_violation THEN RAISE NOTICE 'the order breaks a rule';
END $$;
SELECT set_config('test.order', :'order', false) IS NOT NULL AS kept;
DO $$
BEGIN
	PERFORM fpgo.submit_invoice(current_setting('test.order'));
EXCEPTION
	WHEN SQLSTATE '38F01' THEN RAISE NOTICE 'unknown';
	WHEN external_routine_exception THEN RAISE NOTICE 'the gateway''s class: %', SQLSTATE;
	WHEN OTHERS THEN RAISE NOTICE 'by its code: %', SQLSTATE;
END $$;

-- or the server's address would be remembered
DELETE FROM fpgo_internal.submission;
DROP SERVER frontpayment CASCADE;
DROP FOREIGN DATA WRAPPER regress_fpgo_other CASCADE;
DROP ROLE regress_fpgo_shop;
