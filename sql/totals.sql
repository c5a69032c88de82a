-- A shop's own totals, prices without VAT, credits, weights.

-- an order of these products and totals, with all else that it needs
CREATE FUNCTION pg_temp.order_of(products fpgo.product[], summary fpgo.order_summary) RETURNS fpgo.invoice_order
LANGUAGE sql AS $$
	SELECT fpgo.make_order(products => products, order_summary => summary, reference_no => 'A-1', invoice_fee_applicable => true,
		customer_details => fpgo.make_private_customer(name => 'Kari Nordmann', personal_number => '28038712383', email => 'kari@example.no',
			country_code => '+47', msisdn => '46567468', address => fpgo.make_address(street => 'Klosterenget 144', zip => '7030', city => 'Trondheim', country => 'NO')),
		callback => fpgo.make_callback(callback_url => 'https://shop.example/fpgo', success => 'https://shop.example/thanks', failure => 'https://shop.example/sorry'))
$$;

-- ---------- VAT before discount or after it ----------

-- three cups of 12.4875, 10 % off; without VAT 9.99 each, 3.00 off
CREATE TEMP VIEW cups AS SELECT ARRAY[fpgo.make_product(name => 'Kopp', quantity => 3, rate => 12.4875, tax => 25, discount => 3.75)] AS products;
SELECT 'as it was' AS vat, s.* FROM cups, fpgo.summarize(products) s
UNION ALL SELECT rule, s.* FROM cups, unnest('{before_discount,after_discount}'::text[]) rule, fpgo.summarize(products, vat => rule) s;
SELECT fpgo.summarize(products, vat => 'after') FROM cups;
SELECT fpgo.summarize(products, vat => NULL) IS NULL AS of_no_rule, fpgo.summarize('{}'::fpgo.product[], vat => 'after_discount') IS NULL AS of_no_product FROM cups;
-- several rates; what is missing makes its total NULL
SELECT what, s.* FROM (VALUES
	('two rates', ARRAY[fpgo.make_product('a', 2, 499, 25, discount => 98), fpgo.make_product('b', 1, 115, 15, discount => 11.5), fpgo.make_product('c', 1, 40, 0, discount => 4)]),
	('no rate of VAT', ARRAY[fpgo.make_product('a', 1, 100, NULL, discount => 10)]),
	('all off', ARRAY[fpgo.make_product('a', 1, 125, 25, discount => 125)])) v(what, products), fpgo.summarize(products, vat => 'after_discount') s;

-- advice takes either and what is between, and nothing outside: 0.01 a product
SELECT total_tax, (SELECT string_agg(a.path || ' ' || a.rule, ', ') FROM fpgo.advise(pg_temp.order_of(products,
	fpgo.make_order_summary(33.71 + 3.75 - total_tax, total_tax, 3.75, 33.71))) a ) AS advice
FROM cups, unnest('{6.73,6.74,7,7.49,7.50,6.72,7.51,0,30}'::numeric[]) total_tax ORDER BY 1;
SELECT a.message FROM cups, fpgo.advise(pg_temp.order_of(products, fpgo.make_order_summary(37.46, 0, 3.75, 33.71))) a;
SELECT a.message FROM fpgo.advise(pg_temp.order_of(ARRAY[fpgo.make_product('a', 1, 125, 25)], fpgo.make_order_summary(125, 0, 0, 125))) a;
-- whatever is summarized by either is fine
SELECT v.rule, count(*) AS orders, count(a.path) AS advised
FROM (SELECT n, array_agg(fpgo.make_product('x', i % 5 + 1, (i * 7919 % 100003) / 1000.0, ('{0,12,15,25}'::numeric[])[i % 4 + 1], discount => round(i * 31 % 17 / 100.0, 2))) AS products
		FROM generate_series(1, 300) n, generate_series(n * 7, n * 7 + n % 9) i GROUP BY n) o,
	unnest('{before_discount,after_discount}'::text[]) v(rule)
	LEFT JOIN LATERAL fpgo.advise(pg_temp.order_of(products, fpgo.summarize(products, vat => v.rule))) a ON true
GROUP BY 1 ORDER BY 1;
-- products of more rates of VAT than are kept apart, and of none, are not checked
SELECT count(*) FILTER (WHERE rule = 'total_tax') AS advised FROM fpgo.advise(pg_temp.order_of(
	(SELECT array_agg(fpgo.make_product('x', 1, 100, t)) FROM generate_series(1, 9) t), fpgo.make_order_summary(900, 0, 0, 900)));
SELECT count(*) FILTER (WHERE rule = 'total_tax') AS advised FROM fpgo.advise(pg_temp.order_of(
	(SELECT array_agg(fpgo.make_product('x', 1, 100, t)) FROM generate_series(1, 8) t), fpgo.make_order_summary(800, 0, 0, 800)));
SELECT count(*) FILTER (WHERE rule = 'total_tax') AS advised FROM fpgo.advise(pg_temp.order_of(
	ARRAY[fpgo.make_product('x', 1, 100, NULL)], fpgo.make_order_summary(100, 30, 0, 100)));

-- ---------- the shop's own totals ----------

-- what an order comes to, and how far its amounts are from quantity * rate - discount
CREATE FUNCTION pg_temp.sums(o fpgo.invoice_order, OUT amounts numeric[], OUT sum numeric, OUT sub_total numeric, OUT total_tax numeric,
	OUT total_discount numeric, OUT grand_total numeric, OUT furthest numeric)
LANGUAGE sql AS $$
	SELECT array_agg(amount ORDER BY n), sum(amount), (o.order_summary).sub_total, (o.order_summary).total_tax, (o.order_summary).total_discount,
		(o.order_summary).grand_total, max(abs(amount - (quantity * rate - coalesce(discount, 0))))
	FROM unnest(o.products) WITH ORDINALITY p(name, product_id, quantity, rate, discount, tax, amount, n)
$$;
-- lines as {quantity, rate, tax, discount}
CREATE FUNCTION pg_temp.lines(VARIADIC numeric[]) RETURNS fpgo.product[]
LANGUAGE sql AS $$
	SELECT array_agg(fpgo.make_product('x', $1[i], $1[i + 1], $1[i + 2], discount => $1[i + 3]) ORDER BY i)
	FROM generate_series(1, cardinality($1), 4) i
$$;
CREATE TEMP VIEW shop_order AS SELECT * FROM (VALUES
	('the sum itself', pg_temp.lines(3, 12.4875, 25, NULL), 37.46),
	('one less: to the one that was rounded up most', pg_temp.lines(1, 10.004, 25, NULL, 1, 10.008, 25, NULL, 1, 10.006, 25, NULL), 30.01),
	('one more: to the one that was rounded down most', pg_temp.lines(1, 10.004, 25, NULL, 1, 10.008, 25, NULL, 1, 10.001, 25, NULL), 30.02),
	('of equal ones to the dearest', pg_temp.lines(1, 10, 25, NULL, 1, 30, 25, NULL, 1, 20, 25, NULL), 60.01),
	('of the same to the first', pg_temp.lines(1, 10, 25, NULL, 1, 10, 25, NULL, 1, 10, 25, NULL), 29.98),
	('each takes one', pg_temp.lines(1, 10, 25, NULL, 1, 30, 25, 5, 1, 20, 25, NULL), 55.03),
	('a free line stays free', pg_temp.lines(1, 0, 25, NULL, 1, 10, 25, 10, 1, 20, 25, NULL), 20.01),
	('below zero', pg_temp.lines(1, 100, 25, NULL, -1, 10.005, 25, NULL), 90.00),
	('rounded to two decimals', pg_temp.lines(7, 33.0165, 15, NULL, 3, 11.23875, 25, NULL, 11, 0.374625, 25, NULL, 1, 61.25, 25, NULL), 330.202625)) v(what, products, total);
SELECT what, s.* FROM shop_order, pg_temp.sums(fpgo.make_order(products, NULL, grand_total => total)) s;
-- amounts that the shop gives: rounded, and left alone where they are something else
SELECT s.* FROM pg_temp.sums(fpgo.make_order(ARRAY[fpgo.make_product('x', 3, 33.333, 25, amount => 99.999), fpgo.make_product('x', 1, 9.7, 25, amount => 9.704),
	fpgo.make_product('x', 1, 10, 25, amount => 7)], NULL, grand_total => 116.69)) s;

-- more than rounding leaves
SELECT fpgo.make_order(pg_temp.lines(1, 10, 25, NULL, 1, 30, 25, 5, 1, 20, 25, NULL), NULL, grand_total => 55.04);
SELECT fpgo.make_order(pg_temp.lines(1, 10.004, 25, NULL, 1, 30, 25, NULL), NULL, grand_total => 39.97);
SELECT fpgo.make_order(pg_temp.lines(1, 0, 25, NULL), NULL, grand_total => 0.01);
SELECT fpgo.make_order(pg_temp.lines(1, 100, 25, NULL), NULL, grand_total => 10000);
SELECT fpgo.make_order(pg_temp.lines(1, 100, 25, NULL), NULL, grand_total => 28038712383);
SELECT fpgo.make_order(pg_temp.lines(1, 100, 25, NULL), NULL, grand_total => 100, order_summary => fpgo.make_order_summary(80, 20, 0, 100));
SELECT fpgo.make_order(pg_temp.lines(1, 100, 25, NULL), NULL, grand_total => NULL, total_tax => 20, order_summary => fpgo.make_order_summary(80, 20, 0, 100));
SELECT fpgo.make_order(pg_temp.lines(1, 100, 25, NULL), NULL, grand_total => 100, vat => 'none');

-- grand_total and total_tax, one, both or none, with either formula
SELECT rule, g.total AS given, g.tax AS given_tax, s.sub_total, s.total_tax, s.total_discount, s.grand_total
FROM cups, unnest('{before_discount,after_discount,NULL}'::text[]) rule, (VALUES (NULL, NULL), (33.72, NULL), (NULL, 6.75), (33.70, 6.75)) g(total, tax),
	pg_temp.sums(fpgo.make_order(products => products, customer_details => NULL, grand_total => g.total, total_tax => g.tax, vat => rule)) s;
-- without totals, and without sums, it is what the other function makes
SELECT count(*) AS of, count(*) FILTER (WHERE fpgo.make_order(products, NULL, grand_total => NULL) IS NOT DISTINCT FROM fpgo.make_order(products, NULL)) AS same
FROM (SELECT products FROM shop_order UNION ALL VALUES (NULL), ('{}'), (pg_temp.lines(NULL, 100, 25, NULL))) p;
SELECT (fpgo.make_order(products, NULL, grand_total => 100)).order_summary
FROM (VALUES (NULL::fpgo.product[]), ('{}'), (pg_temp.lines(NULL, 100, 25, NULL)), (pg_temp.lines(1, 'NaN', 25, NULL)), ('{NULL}'), (pg_temp.lines(1, 100, NULL, NULL))) p(products);
SELECT s.* FROM pg_temp.sums(fpgo.make_order(pg_temp.lines(1, 100, 25, NULL), NULL, grand_total => 'NaN')) s;

-- a call as in 1.0 still means the one function, whatever has no type
PREPARE three AS SELECT (fpgo.make_order($1, $2, $3)).reference_no;
EXECUTE three('{}', NULL, 'A-1');
PREPARE five AS SELECT (fpgo.make_order($1, $2, $3, $4, $5)).customer_reference;
EXECUTE five('{}', NULL, 'A-1', 'Kari', true);
SELECT (fpgo.make_order('{}', NULL, 'A-1', 'Kari', 'true')).customer_reference;
SELECT (fpgo.make_order('{}', NULL, 'A-1', 'Kari', NULL, NULL, NULL, NULL, '1', 'true', '14', NULL, 'PARTNER', 'ODR1')).fpgo_uuid;
PREPARE summed AS SELECT (fpgo.make_order(customer_details => $1, reference_no => $2, products => $3)).reference_no;
EXECUTE summed(NULL, 'A-1', '{}');

-- orders at random, rounded in ways of their own: the sums are the shop's, amounts stay near, advice stays silent
SELECT setseed(0.25);
CREATE TEMP TABLE rounded_order AS
SELECT n, array_agg(fpgo.make_product('x', q, price * (100 + t) / 100, t, discount => CASE WHEN i % 3 = 0 THEN off * (100 + t) / 100 END)) AS products,
	trunc(sum((q * price - CASE WHEN i % 3 = 0 THEN off ELSE 0 END) * (100 + t) / 100), 2) AS floor,
	sum(round((q * price - CASE WHEN i % 3 = 0 THEN off ELSE 0 END) * (100 + t) / 100, 2)) AS by_line,
	sum(round(q * price - CASE WHEN i % 3 = 0 THEN off ELSE 0 END, 2)) + round(sum((q * price - CASE WHEN i % 3 = 0 THEN off ELSE 0 END) * t / 100), 2) AS by_vat,
	round(sum((q * price - CASE WHEN i % 3 = 0 THEN off ELSE 0 END) * t / 100), 2) AS tax
FROM (SELECT n, i, 1 + floor(random() * 9)::int AS q, 1 + round((random() * 500)::numeric, 1 + n % 4) AS price, round(random()::numeric, 2) AS off, ('{0,12,15,25}'::numeric[])[1 + floor(random() * 4)::int] AS t
	FROM generate_series(1, 1500) n, generate_series(1, 1 + n % 11) i) l
GROUP BY n;
SELECT way, count(*) AS orders, count(*) FILTER (WHERE s.sum = total AND s.grand_total = total AND s.total_tax = tax) AS taken_over,
	max(furthest) <= 0.015 AS near, sum((SELECT count(*) FROM fpgo.advise(pg_temp.order_of(o.products, o.order_summary)) WHERE rule NOT LIKE '%decimals')) AS advised
FROM rounded_order, LATERAL (VALUES ('floor', floor), ('by line', by_line), ('by VAT', by_vat)) w(way, total),
	LATERAL (SELECT * FROM fpgo.make_order(products, NULL, grand_total => total, total_tax => tax, vat => 'after_discount')) o,
	pg_temp.sums(o) s
GROUP BY 1 ORDER BY 1;

-- ---------- prices without VAT ----------

-- exact, and without zeros at the end
SELECT v.*, p.rate, p.discount, p.tax, p.amount
FROM (VALUES (3, 9.99, 25, NULL), (3, 9.99, 25, 3.00), (2, 129.90, 15, NULL), (1, 49, 25, 0), (1, 0.333, 12, 0.0001), (1, 10, 0, 1), (1, 100, 11.11, NULL),
	(-1, 9.99, 25, NULL), (NULL, 9.99, 25, NULL), (3, NULL, 25, 3), (3, 9.99, NULL, 3), (1, 'NaN', 25, NULL)) v(q, net, vat, off),
	fpgo.make_net_product(name => 'x', quantity => q, rate => net, tax => vat, discount => off) p;
SELECT p.* FROM fpgo.make_net_product(name => 'Kopp', quantity => 3, rate => 9.99, tax => 25, product_id => 'K-1', amount => 37.45) p;
SELECT fpgo.make_net_product('x', 1e100000, 1e100000, 25);
-- a discount that is all of it
SELECT s.* FROM fpgo.summarize(ARRAY[fpgo.make_net_product('x', 3, 9.99, 25, discount => 29.97)], vat => 'after_discount') s;

-- ---------- quantities that are not whole ----------

SELECT p.* FROM (VALUES (1.5, 129.90, 'kg', NULL), (1.50, 129.90, NULL, 10), (0.333, 10, '', NULL), (2, 10, 'kg', NULL), (2.000, 10, 'kg', NULL), (-1.5, 10, 'kg', NULL),
	(NULL, 10, 'kg', NULL), (1.5, NULL, 'kg', NULL), ('NaN', 10, 'kg', NULL)) v(q, r, unit, off),
	fpgo.as_one_piece(fpgo.make_net_product('Ost', q, r, 15, discount => off, product_id => 'O-1'), unit) p;
SELECT fpgo.as_one_piece(NULL) IS NULL AS none, fpgo.as_one_piece(fpgo.make_product(NULL, 1.5, 10, 25), 'kg') AS without_name;
SELECT count(*) AS advised FROM (SELECT ARRAY[fpgo.as_one_piece(fpgo.make_product('Ost', 1.5, 149.385, 15), 'kg')] AS products) p,
	fpgo.advise(pg_temp.order_of(products, fpgo.summarize(products)));

-- ---------- credits ----------

-- lines as {quantity, rate, tax, discount}, and what is left of them
CREATE FUNCTION pg_temp.folded(p fpgo.product[]) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT concat_ws(' ', quantity, '*', rate, '-', coalesce(discount, 0), 'of', tax, '=', amount) FROM unnest(fpgo.fold_credits(p))
$$;
SELECT what, pg_temp.folded(products) AS folded
FROM (VALUES ('none', pg_temp.lines(3, 12.4875, 25, NULL)), ('one back', pg_temp.lines(3, 12.4875, 25, NULL, -1, 12.4875, 25, NULL)),
	('a rate below zero', pg_temp.lines(1, 100, 25, NULL, 1, -10, 25, NULL)), ('the dearest first', pg_temp.lines(1, 50, 25, 5, 1, 100, 25, 60, 1, 45, 25, NULL, 1, -10, 25, NULL)),
	('more than the dearest', pg_temp.lines(1, 50, 25, NULL, 1, 60, 25, NULL, 1, -100, 25, NULL)), ('each rate by itself', pg_temp.lines(1, 50, 15, NULL, 1, 60, 25, NULL, 1, -10, 15, NULL, 2, -5, 25, NULL)),
	('all of it', pg_temp.lines(-1, 100, 25, NULL, 1, 100, 25.0, NULL)), ('a returned line with its own discount', pg_temp.lines(3, 100, 25, 30, -1, 100, 25, -10)),
	('no price', pg_temp.lines(NULL, 100, 25, NULL, 1, 100, 25, NULL, -1, 10, 25, NULL)), ('no rate of VAT', pg_temp.lines(1, 100, NULL, NULL, -1, 10, NULL, NULL)),
	('a discount over the line is no credit', pg_temp.lines(1, 100, 25, 110, 1, 100, 25, NULL)), ('a free line', pg_temp.lines(1, 0, 25, NULL)),
	('nothing', '{}'), ('a missing line', '{NULL}')) v(what, products);
SELECT fpgo.fold_credits(NULL) IS NULL AS of_nothing;
SELECT fpgo.fold_credits(pg_temp.lines(1, 100, 25, NULL, -1, 100.01, 25, NULL));
SELECT fpgo.fold_credits(pg_temp.lines(1, 100, 25, NULL, -1, 10, 0, NULL));
SELECT fpgo.fold_credits(pg_temp.lines(-1, 10, 25, NULL));
-- the totals stay what they were, VAT after discount too, and nothing is left to advise
SELECT count(*) AS orders, count(*) FILTER (WHERE a.grand_total <> b.grand_total OR a.total_tax <> b.total_tax) AS other_totals, sum(advised) AS advised
FROM rounded_order, LATERAL (SELECT products || pg_temp.lines(-1, round((products[1]).rate / 2, 2), (products[1]).tax, NULL) AS p) l,
	LATERAL (SELECT sum(amount) AS grand_total FROM unnest(p)) g, fpgo.summarize(p, vat => 'after_discount') b,
	fpgo.make_order(fpgo.fold_credits(p), NULL, grand_total => b.grand_total, total_tax => b.total_tax, vat => 'after_discount') o,
	LATERAL (SELECT (o.order_summary).*) a,
	LATERAL (SELECT count(*) AS advised FROM fpgo.advise(pg_temp.order_of(o.products, o.order_summary)) WHERE rule NOT LIKE '%decimals') c;
