-- Amounts are reckoned with as integers where their digits allow it, else as
-- numeric.  Whatever the digits, the result is that of numeric.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`

-- around every edge: of a unit (0.0001), of a stored digit (10,000), of an
-- amount (10^9), of 64 bits, and beyond
CREATE TEMP TABLE number AS
SELECT DISTINCT sign * (base + step)::numeric AS n
FROM unnest('{1,-1}'::int[]) sign,
	unnest('{0,0.0001,0.00001,0.01,0.1,1,9.9999,12,25,99.99,9999,10000,99999999,100000000,999999999,1000000000,999999999999,1000000000000,1e16,1e24,1e40}'::numeric[]) base,
	unnest('{0,0.00000,0.5,0.25,0.0001,-0.0001,0.00001,-0.00001,0.000000000001,1}'::numeric[]) step;
-- every seventh of them, for what takes several at a time
CREATE TEMP TABLE few AS
SELECT n FROM (SELECT n, row_number() OVER (ORDER BY n) AS i FROM number WHERE abs(n) < 1e9) s WHERE i % 7 = 0;
SELECT (SELECT count(*) FROM number), (SELECT count(*) FROM few);

-- tax rates, as numbers and as texts
SELECT a.n, b.n AS rate
FROM number a, few b,
	LATERAL (SELECT jsonb_set(:'order', '{products,0,tax}', to_jsonb(a.n)) AS as_number,
		jsonb_set(:'order', '{products,0,tax}', to_jsonb(a.n::text)) AS as_text) o
WHERE fpgo.is_valid(as_number, ARRAY[b.n]) <> (a.n = b.n)
	OR fpgo.is_valid(as_text, ARRAY[b.n]) <> (a.n = b.n);
SELECT n FROM (VALUES (25), (25.0000), (25.000000000), (2.5e1), (250e-1)) v(n)
WHERE NOT fpgo.is_valid(jsonb_set(:'order', '{products,0,tax}', to_jsonb(n)));
CREATE SERVER spelled FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://a.example', tax_rates '6.000000,25,000.50');
SELECT n, count(v) FROM unnest('{6,6.0,25,0.5,0.50000000,5,0.500000001}'::numeric[]) n
	LEFT JOIN LATERAL fpgo.validate(jsonb_set(:'order', '{products,0,tax}', to_jsonb(n)), 'spelled') v ON true GROUP BY n ORDER BY n;
DROP SERVER spelled;

-- booleans: 0 and 1, but not 1.0
SELECT n, fpgo.is_valid(jsonb_set(:'order', '{separateInvoices}', n))
FROM (VALUES (jsonb '0'), ('1'), ('-0'), ('1e0'), ('0.0'), ('1.0'), ('1.00000'), ('2'), ('-1'), ('0.0001'), ('10000'), ('1e30')) v(n);

-- lines and sums
CREATE TEMP VIEW line AS
SELECT q.n AS quantity, r.n AS rate, d AS discount, a AS amount
FROM few q, few r, unnest('{0,0.01,0.00001,40}'::numeric[]) d,
	LATERAL unnest(ARRAY[q.n * r.n - d, q.n * r.n - d + 0.01, q.n * r.n - d - 0.010001, q.n * r.n - d + 0.0100000001]) a
WHERE abs(a) < 1e9;
SELECT count(*), count(*) FILTER (WHERE off > 0.01) AS wrong,
	count(*) FILTER (WHERE line_amount <> (off > 0.01)) AS misjudged_amount,
	count(*) FILTER (WHERE discount_over_line <> (quantity * rate >= 0 AND discount > quantity * rate + 0.01)) AS misjudged_discount,
	count(*) FILTER (WHERE whole_quantity <> (quantity <= 0 OR quantity <> trunc(quantity))) AS misjudged_quantity,
	count(*) FILTER (WHERE negative_rate <> (rate < 0)) AS misjudged_rate
FROM line, LATERAL (SELECT quantity * rate - discount AS due) d,
	LATERAL (SELECT least(abs(due - amount), abs(round(due, 2) - amount)) AS off) o, LATERAL (
	SELECT count(*) FILTER (WHERE rule = 'line_amount') > 0 AS line_amount,
		count(*) FILTER (WHERE rule = 'discount_over_line') > 0 AS discount_over_line,
		count(*) FILTER (WHERE rule = 'whole_quantity') > 0 AS whole_quantity,
		count(*) FILTER (WHERE rule = 'negative_rate') > 0 AS negative_rate
	FROM fpgo.advise(jsonb_build_object('products', jsonb_build_array(
		jsonb_build_object('quantity', quantity, 'rate', rate::text, 'discount', discount, 'amount', amount))))) a;
SELECT count(*), count(*) FILTER (WHERE is_advised <> (total > 0 AND abs(x.n + y.n + z.n - total) > 0.03)) AS misjudged
FROM few x, few y, few z, LATERAL (VALUES (x.n + y.n + z.n + 0.03), (x.n + y.n + z.n - 0.0300001)) t(total),
	LATERAL (SELECT count(*) > 0 AS is_advised FROM fpgo.advise(jsonb_build_object(
		'products', jsonb_build_array(jsonb_build_object('amount', x.n), jsonb_build_object('amount', y.n), jsonb_build_object('amount', z.n)),
		'orderSummary', jsonb_build_object('grandTotal', total))) WHERE rule = 'sum_of_amounts') s
WHERE abs(total) < 1e9 AND x.n <= y.n AND y.n <= z.n;
