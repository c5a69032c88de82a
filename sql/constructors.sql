-- Constructors: named arguments make an order that is valid and adds up.

-- ---------- no attribute is without an argument ----------

-- of all functions of one name, since a later version may add one that takes more
CREATE TEMP VIEW argument AS
	SELECT 'fpgo.' || p.proname AS constructor, p.prorettype::regtype::text AS sql_type,
		a.name AS attribute, a.type::regtype::text AS type,
		bool_or(a.n > p.pronargs - p.pronargdefaults) AS has_default
	FROM pg_proc p, unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY a(name, type, n)
	WHERE p.pronamespace = 'fpgo'::regnamespace AND p.proname LIKE 'make\_%'
		-- what else they work out is tested in totals
		AND p.proname <> 'make_net_product'
		AND (p.proname, a.name) NOT IN (('make_order', 'grand_total'), ('make_order', 'total_tax'), ('make_order', 'vat'))
	GROUP BY 1, 2, 3, 4;

-- what a constructor must take: every field of the tree that its type holds,
-- but what it sets itself and what belongs to the other type of customer
CREATE TEMP VIEW wanted AS
	SELECT c.constructor, r.sql_type, r.attribute, format_type(t.atttypid, NULL) AS type, r.presence
	FROM fpgo.rules() r
		JOIN (SELECT DISTINCT constructor, sql_type FROM argument) c USING (sql_type)
		JOIN pg_attribute t ON t.attrelid = to_regclass(r.sql_type) AND t.attname = r.attribute
	WHERE (c.constructor, r.attribute) NOT IN (VALUES
		('fpgo.make_private_customer', 'type'), ('fpgo.make_private_customer', 'organization_id'),
		('fpgo.make_corporate_customer', 'type'), ('fpgo.make_corporate_customer', 'personal_number'));

SELECT sql_type AS without_constructor FROM fpgo.rules()
EXCEPT SELECT sql_type FROM argument;

SELECT coalesce(w.constructor, a.constructor) AS constructor, w.attribute AS field, w.type, a.attribute AS argument, a.type AS argument_type
FROM wanted w FULL JOIN argument a USING (constructor, attribute)
WHERE w.type IS DISTINCT FROM a.type
ORDER BY 1, 2, 4;

-- what the API requires has no default, but for these
SELECT constructor, attribute, w.presence, a.has_default
FROM wanted w JOIN argument a USING (constructor, attribute)
WHERE a.has_default <> (w.presence NOT LIKE 'required' AND w.presence NOT LIKE 'required if%')
ORDER BY 1, 2;

-- ---------- each argument is the attribute of its name ----------

-- a value of its own for each attribute, NULL for one that is an object
CREATE FUNCTION pg_temp.sample(attribute text, type text) RETURNS text
LANGUAGE sql AS $$
	SELECT CASE type
		WHEN 'text' THEN attribute
		WHEN 'boolean' THEN 'true'
		WHEN 'numeric' THEN length(attribute)::text
		WHEN 'timestamp with time zone' THEN '2026-01-01T00:00:00+00:00' END
$$;
CREATE FUNCTION pg_temp.built(constructor text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
	list text;
	made jsonb;
BEGIN
	SELECT string_agg(format('%I => %L', attribute, pg_temp.sample(attribute, type)), ', ')
	INTO list FROM argument a WHERE a.constructor = built.constructor;
	EXECUTE format('SELECT to_jsonb(%s(%s))', constructor, list) INTO made;
	RETURN jsonb_strip_nulls(made);
END $$;
SET timezone = 'UTC';
SELECT constructor, attribute, pg_temp.sample(attribute, type) AS given, made ->> attribute AS made
FROM argument, pg_temp.built(constructor) made
WHERE made ->> attribute IS DISTINCT FROM pg_temp.sample(attribute, type);
-- and what a constructor sets besides
SELECT constructor, made - array_agg(attribute::text) AS besides
FROM argument, pg_temp.built(constructor) made GROUP BY constructor, made ORDER BY 1;

-- ---------- what is worked out ----------

-- a line: quantity * rate - discount, as money
SELECT quantity, rate, discount, given, (fpgo.make_product('x', quantity, rate, 25, discount => discount, amount => given)).amount
FROM (VALUES (3, 33.33, NULL, NULL::numeric), (3, 33.333, NULL, NULL), (1, 0.005, NULL, NULL), (1, 0.004999, NULL, NULL), (1.5, 10, 0.005, NULL),
	(2, 50, 100, NULL), (2, 50, 0, NULL), (1, 40, NULL, 40.004), (1, 40, NULL, 7), (0, 40, NULL, NULL), (-1, 0.005, NULL, NULL),
	(NULL, 40, NULL, NULL), (1, NULL, NULL, NULL), (1, 'NaN', NULL, NULL), (999999999, 999999999.99, 0.99, NULL)) v(quantity, rate, discount, given);

-- the totals: lines as {quantity, rate, tax, discount}
CREATE FUNCTION pg_temp.lines(VARIADIC numeric[]) RETURNS fpgo.product[]
LANGUAGE sql AS $$
	SELECT array_agg(fpgo.make_product('x', $1[i], $1[i + 1], $1[i + 2], discount => $1[i + 3]))
	FROM generate_series(1, cardinality($1), 4) i
$$;
SELECT what, s.*
FROM (VALUES ('the vendor''s sample', pg_temp.lines(1, 4500, 12, NULL)),
	('three at 33.33', pg_temp.lines(3, 33.33, 25, NULL)),
	('a third', pg_temp.lines(3, 33.333333, 25, NULL)),
	('two rates, a discount', pg_temp.lines(2, 499, 25, 98, 1, 120, 0, NULL)),
	('VAT is of the price before discount', pg_temp.lines(1, 125, 25, 125)),
	('two roundings at the half', pg_temp.lines(1, 0.01, 100, NULL)),
	('no VAT is no VAT, however often it is rounded', pg_temp.lines(1, 0.005, 0, NULL, 1, 0.005, 0, NULL, 1, 0.005, 0, NULL)),
	('below zero', pg_temp.lines(1, 100, 25, NULL, -1, 25, 25, NULL)),
	('no quantity', pg_temp.lines(NULL, 100, 25, NULL, 1, 10, 25, NULL)),
	('no rate of VAT', pg_temp.lines(1, 100, NULL, 10, 1, 10, 25, NULL)),
	('VAT below zero', pg_temp.lines(1, 100, -100, NULL)),
	('not a number', pg_temp.lines(1, 'NaN', 25, NULL)), ('infinite', pg_temp.lines(1, 'inf', 25, NULL, 1, '-inf', 25, NULL)),
	('a missing line', pg_temp.lines(1, 100, 25, NULL) || NULL::fpgo.product),
	('no line', '{}'), ('nothing', NULL)) v(what, products), LATERAL fpgo.summarize(products) s;

-- amounts that are given count as they are
SELECT s.* FROM fpgo.summarize(ARRAY[fpgo.make_product('x', 3, 33.333, 25, amount => 99.999), fpgo.make_product('x', 1, 10, 25, amount => 9.999)]) s;

-- an order: totals unless they are given; no date unless it is
SELECT (fpgo.make_order(pg_temp.lines(1, 125, 25, NULL), NULL)).order_summary;
SELECT (fpgo.make_order(pg_temp.lines(1, 125, 25, NULL), NULL, order_summary => fpgo.make_order_summary(1, 2, 3, 4))).order_summary;
SELECT (fpgo.make_order(NULL, NULL)).order_summary IS NULL AS of_nothing, (fpgo.make_order('{}', NULL)).order_summary IS NULL AS of_no_product,
	(fpgo.make_order(NULL, NULL)).order_date IS NULL AS has_no_date, (fpgo.make_order(NULL, NULL, order_date => NULL)).order_date IS NULL AS is_left_out;

-- what is left out, validation names
SELECT path FROM fpgo.validate(fpgo.make_order(
	products => ARRAY[fpgo.make_product(name => 'Router', quantity => NULL, rate => 40, tax => 25)],
	customer_details => fpgo.make_private_customer(name => 'Kari', personal_number => NULL, email => NULL, country_code => '+47', msisdn => '46567468', address => NULL)));

-- beyond numeric
SELECT (fpgo.make_product('x', 1e100000, 1e100000, 25)).name;
SELECT fpgo.summarize(ARRAY[fpgo.make_product('x', 1e100000, 1e100000, 25, amount => 1)]);
SELECT fpgo.make_order(ARRAY[fpgo.make_product('x', 1e100000, 1e100000, 25, amount => 1)], NULL);

-- ---------- whatever they build is valid and adds up ----------

-- 4000 orders of 1 to 12 lines.  Quantities are whole, rates and discounts of
-- up to four decimals, the rates of VAT mixed; every seventh order has the
-- awkward prices.  setseed makes them the same in every run.
SELECT setseed(0.5);
CREATE TEMP TABLE line AS
SELECT n, line, quantity, rate, tax, CASE WHEN has_discount THEN round((quantity * rate * share)::numeric, decimals) END AS discount
FROM (
	SELECT n, line, decimals, tax, has_discount, share, quantity,
		CASE WHEN n % 7 = 0 THEN ('{33.33,0.005,0.015,66.67,0.01,333.335,9.995,1234567.895}'::numeric[])[1 + floor(price * 8)::int]
			ELSE round((price * power(10, magnitude))::numeric, decimals) END AS rate
	FROM (
		SELECT n, line, floor(random() * 5)::int AS decimals, ('{0,12,15,25}'::numeric[])[1 + floor(random() * 4)::int] AS tax,
			random() < 0.4 AS has_discount, random() AS share, 1 + floor(random() * 20)::numeric AS quantity,
			random() AS price, random() * 6 AS magnitude, random() * 12 AS cut
		FROM generate_series(1, 4000) n, generate_series(1, 12) line
	) dice
	WHERE line = 1 OR line <= cut
) priced;
-- rounding may have lifted a discount over its line
UPDATE line SET discount = quantity * rate WHERE discount > quantity * rate;
CREATE TEMP TABLE built AS
SELECT n, fpgo.make_order(
	products => array_agg(fpgo.make_product(name => 'Thing ' || line, quantity => quantity, rate => rate, tax => tax, discount => discount)),
	customer_details => CASE WHEN n % 2 = 0
		THEN fpgo.make_private_customer(name => 'Kari Nordmann', personal_number => '28038712383', email => 'kari@example.no',
			country_code => '+47', msisdn => '46567468', address => a)
		ELSE fpgo.make_corporate_customer(name => 'Nordmann AS', organization_id => '974760673', email => 'post@example.no',
			country_code => '+47', msisdn => '46567468', address => a, preferred_language => 'no') END,
	reference_no => 'P-' || n,
	invoice_fee_applicable => n % 3 = 0,
	callback => fpgo.make_callback(callback_url => 'https://shop.example/fpgo', success => 'https://shop.example/thanks', failure => 'https://shop.example/sorry'),
	settings => fpgo.make_settings(secure_details => true),
	invoice_maturity => n % 30) AS o
FROM line, fpgo.make_address(street => 'Klosterenget 144', zip => '7030', city => 'Trondheim', country => 'NO') a
GROUP BY n, a;
SELECT count(*) AS orders, sum(cardinality((o).products)) AS lines FROM built;
SELECT count(*) AS violations FROM built, fpgo.validate(o);
SELECT rule, count(*) AS advice FROM built, fpgo.advise(o) WHERE rule <> 'decimals' GROUP BY 1 ORDER BY 1;
SELECT count(*) AS misjudged FROM (SELECT cardinality(ARRAY(SELECT 1 FROM fpgo.advise(o) WHERE rule = 'decimals'))
	<> (SELECT count(*) FROM unnest((o).products) p WHERE min_scale(p.amount) > 2) AS is_wrong FROM built) b WHERE is_wrong;
-- exactly, and not only within the tolerance
SELECT count(*) AS do_not_add_up FROM built, LATERAL (SELECT (o).order_summary.*) s
WHERE sub_total + total_tax - total_discount <> grand_total
	OR grand_total <> (SELECT sum(amount) FROM unnest((o).products))
	OR scale(sub_total) > 2 OR scale(total_tax) > 2 OR scale(total_discount) > 2 OR scale(grand_total) > 2;
-- beside the formulas, reckoned in SQL: the tax to the half cent
SELECT count(*) AS off FROM built, LATERAL (SELECT (o).order_summary.*) s, LATERAL (
	SELECT sum(quantity * rate * tax / (100 + tax)) AS tax, sum(quantity * rate * 100 / (100 + tax)) AS sub, sum(coalesce(discount, 0)) AS discount,
		count(*) AS n_lines, bool_and(tax = 0) AS is_free
	FROM unnest((o).products)) f
WHERE abs(s.total_tax - f.tax) > 0.005 + 1e-9 OR abs(s.total_discount - f.discount) > 0.005
	OR abs(s.sub_total - f.sub) > 0.01 + 0.005 * n_lines + 1e-9 OR (is_free AND s.total_tax <> 0);
-- through jsonb and back they stay what they are
SELECT count(*) AS changed FROM built WHERE date_trunc('second', (o).order_date) IS DISTINCT FROM ((o::jsonb)::fpgo.invoice_order).order_date
	OR ((o::jsonb)::fpgo.invoice_order).products IS DISTINCT FROM (o).products
	OR ((o::jsonb)::fpgo.invoice_order).order_summary IS DISTINCT FROM (o).order_summary;

-- ---------- when a type grows ----------

-- a row that was made before and after, in one session and one plan
BEGIN;
CREATE FUNCTION pg_temp.address() RETURNS fpgo.address
LANGUAGE plpgsql AS $$ BEGIN RETURN fpgo.make_address('Klosterenget 144', '7030', 'Trondheim', 'NO'); END $$;
SELECT pg_temp.address();
ALTER TYPE fpgo.address ADD ATTRIBUTE floor text;
SELECT pg_temp.address();
ALTER TYPE fpgo.address DROP ATTRIBUTE zip;
SELECT pg_temp.address();
SELECT fpgo.make_address('Klosterenget 144', '7030', 'Trondheim', 'NO');
ROLLBACK;
