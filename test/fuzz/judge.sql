-- What fpgo makes of orders: pg_temp.judge(text) says all of it, and complains
-- where two of its answers do not go together.  Used by judge.py.

SET client_min_messages = warning;

-- which rules are broken where; messages may differ
CREATE FUNCTION pg_temp.broken(o jsonb) RETURNS text[] LANGUAGE sql AS
	'SELECT coalesce(array_agg(path || '' '' || rule), ''{}'') FROM fpgo.validate(o)';

-- The composite has numbers where the order has texts of them, and a text such
-- as "25.00" is not in a list that has 25, while the number is.
CREATE FUNCTION pg_temp.broken_as_composite(broken text[]) RETURNS text[] LANGUAGE sql AS
	'SELECT coalesce(array_agg(b ORDER BY nr) FILTER (WHERE b !~ ''(tax|invoiceInterval) in$''), ''{}'')
	FROM unnest(broken) WITH ORDINALITY u (b, nr)';

-- an order whose members, as the API reads them, are all there are
CREATE FUNCTION pg_temp.judge(line text, secret text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	doc jsonb;
	sent jsonb;
	composite fpgo.invoice_order;
	broken text[];
	dated text[];
	complaints text[] := '{}';
	jsonb_state text;
	state text;
	said text;
BEGIN
	BEGIN
		doc := line::jsonb;
	EXCEPTION WHEN OTHERS THEN
		jsonb_state := SQLSTATE;
	END;

	-- text is refused as jsonb's own input refuses it, in words of fpgo's
	BEGIN
		SELECT coalesce(array_agg(path || ' ' || rule), '{}'), string_agg(message, ' ')
		INTO broken, said FROM fpgo.validate(line);
		IF doc IS NULL THEN
			complaints := complaints || 'validate(text) takes what is no jsonb'::text;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, said = MESSAGE_TEXT;
		IF jsonb_state IS NULL OR state NOT IN ('22P02', '22003', '54000', '54001')
			OR said NOT IN ('order is not valid JSON', 'order cannot be stored as jsonb') THEN
			complaints := complaints || format('validate(text): %s %s', state, said);
		END IF;
	END;
	IF said LIKE '%' || secret || '%' THEN
		complaints := complaints || 'a message of validate quotes the personal number'::text;
	END IF;
	IF doc IS NULL THEN
		RETURN jsonb_build_object('complaints', complaints, 'state', state);
	END IF;

	IF pg_temp.broken(doc) <> broken THEN
		complaints := complaints || 'text and jsonb differ'::text;
	END IF;
	IF fpgo.is_valid(doc) <> (broken = '{}') THEN
		complaints := complaints || 'is_valid and validate differ'::text;
	END IF;
	SELECT string_agg(message, ' ') INTO said FROM fpgo.advise(doc);
	IF said LIKE '%' || secret || '%' THEN
		complaints := complaints || 'a piece of advice quotes the personal number'::text;
	END IF;

	BEGIN
		sent := fpgo.payload(doc);
		IF fpgo.payload(line) <> sent OR fpgo.payload(sent) <> sent THEN
			complaints := complaints || 'payload of text or of a payload differs'::text;
		END IF;
		IF pg_temp.broken(sent) <> broken THEN
			complaints := complaints || 'an order and its payload break different rules'::text;
		END IF;
	EXCEPTION WHEN invalid_parameter_value THEN
		IF jsonb_typeof(doc) = 'object' THEN
			complaints := complaints || format('payload: %s', SQLERRM);
		END IF;
	END;

	BEGIN
		composite := doc::fpgo.invoice_order;
		sent := composite::jsonb;
		IF (sent::fpgo.invoice_order)::text <> composite::text THEN
			complaints := complaints || 'the composite does not come back the same'::text;
		END IF;
		dated := broken;
		-- a composite without a date gets one, where its jsonb breaks the rule
		IF (composite).order_date IS NULL THEN
			sent := sent || jsonb_build_object('orderDate', floor(extract(epoch FROM now()))::text);
			dated := array_remove(broken, 'orderDate required');
		END IF;
		IF fpgo.payload(composite) <> fpgo.payload(sent) THEN
			complaints := complaints || 'payload of the composite and of its jsonb differ'::text;
		END IF;
		IF pg_temp.broken(sent) <> (SELECT coalesce(array_agg(path || ' ' || rule), '{}') FROM fpgo.validate(composite))
			OR NOT pg_temp.broken(sent) <@ dated
			OR pg_temp.broken_as_composite(pg_temp.broken(sent)) <> pg_temp.broken_as_composite(dated) THEN
			complaints := complaints || 'composite and jsonb break different rules'::text;
		END IF;
		state := 'composite';
	EXCEPTION
		WHEN invalid_parameter_value THEN
			IF SQLERRM LIKE '%' || secret || '%' OR SQLERRM NOT LIKE 'order%' THEN
				complaints := complaints || format('to composite: %s', SQLERRM);
			END IF;
	END;
	RETURN jsonb_build_object('complaints', complaints, 'state', coalesce(state, 'jsonb'),
		'order', doc::text, 'broken', broken);
EXCEPTION WHEN OTHERS THEN
	RETURN jsonb_build_object('complaints', complaints || format('%s %s', SQLSTATE, SQLERRM), 'state', SQLSTATE);
END $$;
