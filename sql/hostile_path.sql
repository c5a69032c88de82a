-- A search_path full of traps: whatever of PostgreSQL's own a name could mean
-- there raises an error.  fpgo calls what it means to call all the same.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'http://127.0.0.1:1/api/v1', defaults '{"invoiceFeeApplicable": true}');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment OPTIONS (token 'unused');
CREATE ROLE regress_fpgo_hostile;
CREATE SCHEMA regress_hostile AUTHORIZATION regress_fpgo_hostile;

-- a function for each of PostgreSQL's functions, and an operator for each of
-- its operators; polymorphic results cannot be had in any language there is
CREATE FUNCTION make_traps() RETURNS TABLE (functions_from_1000 boolean, operators_from_500 boolean)
LANGUAGE plpgsql SET client_min_messages = error AS $$
DECLARE
	p record;
	n_functions integer := 0;
	n_operators integer := 0;
BEGIN
	FOR p IN SELECT proname, array_to_string(ARRAY(SELECT format_type(a, NULL) FROM unnest(proargtypes) a), ', ') AS arguments,
			format_type(prorettype, NULL) AS result, proretset
		FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' LOOP
		BEGIN
			EXECUTE format('CREATE FUNCTION regress_hostile.%I(%s) RETURNS %s%s LANGUAGE plpgsql COST 0.0001 AS %L',
				p.proname, p.arguments, CASE WHEN p.proretset THEN 'SETOF ' ELSE '' END, p.result,
				format('BEGIN RAISE EXCEPTION ''trapped in %s''; END', p.proname));
			n_functions := n_functions + 1;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
	FOR p IN SELECT oprname, format_type(nullif(oprleft, 0), NULL) AS l, format_type(nullif(oprright, 0), NULL) AS r,
			format_type(oprresult, NULL) AS result, oid
		FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace LOOP
		BEGIN
			EXECUTE format('CREATE FUNCTION regress_hostile.o%s(%s) RETURNS %s LANGUAGE plpgsql COST 0.0001 AS %L',
				p.oid, concat_ws(', ', p.l, p.r), p.result, 'BEGIN RAISE EXCEPTION ''trapped in an operator''; END');
			EXECUTE format('CREATE OPERATOR regress_hostile.%s (FUNCTION = regress_hostile.o%s%s, RIGHTARG = %s)',
				p.oprname, p.oid, ', LEFTARG = ' || p.l, p.r);
			n_operators := n_operators + 1;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
	RETURN QUERY SELECT n_functions > 1000, n_operators > 500;
END $$;
SET ROLE regress_fpgo_hostile;
SELECT * FROM make_traps();
CREATE DOMAIN regress_hostile.submission_state AS integer;
CREATE DOMAIN regress_hostile.text AS integer;
CREATE DOMAIN regress_hostile.jsonb AS integer;
CREATE TYPE regress_hostile.invoice_order AS (trap integer);
CREATE TABLE regress_hostile.submission (trap integer);
CREATE TABLE regress_hostile.payload (trap integer);
RESET ROLE;

CREATE SCHEMA regress_shop;
CREATE TABLE regress_shop.sale (id integer);
CREATE TABLE regress_shop.doc (doc jsonb);
INSERT INTO regress_shop.doc VALUES (:'order');
CREATE FUNCTION regress_shop.invoice_for(s regress_shop.sale) RETURNS jsonb LANGUAGE sql
	SET search_path = pg_catalog, pg_temp
	AS 'SELECT jsonb_set(doc, ''{referenceNo}'', to_jsonb(s.id::text)) FROM regress_shop.doc';
CREATE TRIGGER invoice AFTER INSERT ON regress_shop.sale
	FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('regress_shop.invoice_for');

CREATE TEMP TABLE submission (trap integer);
CREATE TEMP TABLE attempt (trap integer);
CREATE TEMP TABLE payload (trap integer);
CREATE TEMP TABLE event (trap integer);
CREATE TEMP TABLE hash_key (trap integer);
CREATE DOMAIN pg_temp.submission_state AS integer;

SET fpgo.undelivered_notice = off;
SET search_path = pg_temp, regress_hostile, pg_catalog;
-- the traps are set
SELECT 1 + 1;
SELECT lower('A');

SELECT path, rule FROM fpgo.validate('{"products": [{"tax": 13, "quantity": "x"}], "orderDate": "soon"}');
SELECT path, rule FROM fpgo.advise('{"products": [{"name": "a", "quantity": 1.5, "rate": 2, "tax": 25, "amount": 4}], "customerDetail": 1}');
SELECT fpgo.is_valid(:'order');
SELECT pg_catalog.jsonb_typeof(fpgo.payload(:'order')), pg_catalog.jsonb_typeof(fpgo.json_schema());
SELECT path FROM fpgo.rules() LIMIT 1;
SELECT pg_catalog.jsonb_typeof(:'order'::pg_catalog.jsonb::fpgo.invoice_order::pg_catalog.jsonb);
SELECT :'order'::fpgo.order_payload IS NOT NULL AS in_domain;
SELECT (fpgo.make_order(products => ARRAY[fpgo.make_product(name => 'a', quantity => 2, rate => 3, tax => 25)],
	customer_details => NULL)).order_summary.grand_total;
SELECT fpgo.submit_invoice(:'order', key => 'sent');
SELECT fpgo.enqueue_invoice(:'order', key => 'queued') IS NOT NULL AS queued;
SELECT fpgo.enqueue_invoice(:'order', key => 'queued', on_duplicate => 'ignore') IS NOT NULL AS again;
SELECT fpgo.enqueue_invoice(:'order', key => 'uncertain') IS NOT NULL AS queued;
INSERT INTO regress_shop.sale VALUES (1), (2);
SELECT key, state FROM fpgo.submissions ORDER BY key;
SELECT number, outcome FROM fpgo.attempts;
SELECT server, queued, uncertain FROM fpgo.queue_health;
SELECT server, remaining FROM fpgo.delivery_progress;
SELECT pg_catalog.count(*) FROM fpgo.worker();
UPDATE fpgo_internal.submission SET state = 'uncertain' WHERE key OPERATOR(pg_catalog.=) 'uncertain';
SELECT fpgo.resolve(submission, 'accepted', 'test', order_uuid => 'ODR1')
	FROM fpgo.submissions WHERE key OPERATOR(pg_catalog.=) 'uncertain';
SELECT i.order_uuid FROM fpgo.submissions s, fpgo.invoice_session(s.submission) i WHERE s.key OPERATOR(pg_catalog.=) 'uncertain';
SELECT fpgo.cancel_submission(submission, 'test') FROM fpgo.submissions WHERE key OPERATOR(pg_catalog.=) 'queued';
-- what is left is told, with times
SET client_min_messages = warning;
CALL fpgo.deliver();
RESET client_min_messages;
SELECT key, state FROM fpgo.submissions ORDER BY key;
ALTER SERVER frontpayment OPTIONS (ADD tax_rates '0, 25');
DROP EXTENSION fpgo;
DISCARD PLANS;
SELECT fpgo.enqueue_invoice(:'order', key => 'after') IS NOT NULL AS queued;

RESET search_path;
\set VERBOSITY terse
DELETE FROM fpgo_internal.attempt;
DELETE FROM fpgo_internal.submission;
DELETE FROM fpgo_internal.payload;
DELETE FROM fpgo_internal.event;
DROP FUNCTION make_traps;
SET client_min_messages = warning;
DROP SCHEMA regress_hostile, regress_shop CASCADE;
DROP SERVER frontpayment CASCADE;
DROP ROLE regress_fpgo_hostile;
