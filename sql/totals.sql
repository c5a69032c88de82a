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
