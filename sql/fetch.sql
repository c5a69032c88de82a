-- Asking the gateway: what cannot be asked.  Nothing here goes out to the network.

\set VERBOSITY terse
CREATE ROLE regress_fpgo_shop;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1');

SELECT fpgo.fetch_status(NULL);
SELECT fpgo.fetch_details(NULL);
SELECT fpgo.fetch_invoice_number(NULL);
SELECT fpgo.fetch_status('');
SELECT fpgo.fetch_status('../details/ODR1');
SELECT fpgo.fetch_details('ODR1?x=1');
SELECT fpgo.fetch_status('..');
SELECT fpgo.fetch_invoice_number(repeat('O', 256));
SELECT fpgo.fetch_orders('');
SELECT fpgo.fetch_orders(repeat('x', 256));
SELECT fpgo.fetch_status('ODR1', 'regress_fpgo_nowhere');
-- without a token; the second has all that an identifier may have
SELECT fpgo.fetch_status('ODR1');
SELECT fpgo.fetch_status('a-b.c_d~e');
SELECT fpgo.fetch_orders();
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 'secret-token');
-- without the right
SET ROLE regress_fpgo_shop;
SELECT fpgo.fetch_status('ODR1');
SELECT fpgo.fetch_orders();
SELECT fpgo.fetch_invoice_number('ODR1');
SELECT fpgo.fetch_details('ODR1');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_shop;
SET ROLE regress_fpgo_shop;
-- the details of an order that others submitted, or nobody here
SELECT fpgo.fetch_details('ODR1');
RESET ROLE;

DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_shop;
