-- Orders that four shops reckoned themselves: Medusa 2.21.2, Vendure 3.7.3,
-- Tryton 6.0.29 and LedgerSMB 1.6.33, as they wrote them.  fpgo takes over what
-- each one came to, whatever way it rounds.

-- lines: quantity, price, VAT, discount, has the price VAT in it, has the discount
CREATE TEMP TABLE shop_order (shop text, number text, grand_total numeric, total_tax numeric, lines numeric[]);
INSERT INTO shop_order VALUES
	('Medusa', '3', 94.96625, 18.99, '{{3,9.99,25,2.997,0,0},{1,49,25,0,0,0}}'),
	('Medusa', '8', 160.99925, 27.61, '{{3,9.99,25,2.997,0,0},{2,31.9,15,6.38,0,0},{1,49,25,0,0,0}}'),
	('Medusa', '9', 160.99925, 27.61, '{{3,9.99,25,2.997,0,0},{2,31.9,15,6.38,0,0},{1,49,25,0,0,0}}'),
	('Medusa', '13', 98.7125, 19.74, '{{3,9.99,25,0,0,0},{1,49,25,0,0,0}}'),
	('Medusa', '14', 137.1075, 24.32, '{{1,9.99,25,0,0,1},{2,31.9,15,10,0,1},{1,49,25,0,0,1}}'),
	('Medusa', '15', 330.202625, 49.96, '{{3,9.99,25,2.997,0,0},{7,31.9,15,22.33,0,0},{11,0.333,25,0.3663,0,0},{1,49,25,0,0,0}}'),
	('Medusa', '16', 97.935, 17.04, '{{1,31.9,15,0,0,0},{1,49,25,0,0,0}}'),
	('Medusa', '17', 218.47625, 43.70, '{{7,0.333,25,0,0,0},{1,123.45,25,0,0,0},{1,49,25,0,0,0}}'),
	('Medusa', '18', 78.97, 15.79, '{{3,9.99,25,0,1,0},{1,49,25,0,1,0}}'),
	('Medusa', '19', 280.2397, 42.07, '{{3,9.99,25,2.3976,1,0},{7,31.9,15,19.417391304347824,1,0},{11,0.333,25,0.29304,1,0},{1,49,25,0,1,0}}'),
	('Medusa', '20', 86.599625, 17.32, '{{2,9.99,25,2.997,0,0},{11,0.333,25,0.3663,0,0},{1,49,25,0,0,0}}'),
	('Medusa', '22', 305.227625, 44.97, '{{1,9.99,25,2.997,0,0},{7,31.9,15,22.33,0,0},{11,0.333,25,0.3663,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'C71C', 98.71, 19.74, '{{3,9.99,25,0,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'CQQB', 147.11, 24.32, '{{1,9.99,25,0,0,0},{2,31.9,15,0,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'EP1F', 94.96, 18.99, '{{3,9.99,25,3,0,0},{1,49,25,0,0,0}}'),
	('Vendure', '6315', 330.14, 49.93, '{{3,9.99,25,3.22,0,0},{7,31.9,15,22.08,0,0},{11,0.33,25,0.39,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'FGHV', 97.94, 17.04, '{{1,31.9,15,0,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'BR5R', 218.45, 43.69, '{{7,0.33,25,0,0,0},{1,123.45,25,0,0,0},{1,49,25,0,0,0}}'),
	('Vendure', '83D5', 61.66, 12.33, '{{1,0.33,25,0,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'LQS1', 78.97, 15.79, '{{3,9.99,25,0,1,1},{1,49,25,0,1,1}}'),
	('Vendure', 'SS1Y', 280.21, 42.05, '{{3,9.99,25,3,1,1},{7,31.9,15,22.33,1,1},{11,0.33,25,0.36,1,1},{1,49,25,0,1,1}}'),
	('Vendure', 'HQ6Y', 124.62, 19.82, '{{2,31.9,15,0,0,0},{1,-10,25,0,1,1},{1,49,25,0,0,0}}'),
	('Vendure', 'CQ7Q', 88.65, 17.73, '{{2,9.99,25,1.33333333,0,0},{11,0.33,25,0.36,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'PWMB', 97.94, 17.04, '{{1,31.9,15,0,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'L1U8', 215.56, 43.11, '{{1,123.45,25,0,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'GYUS', 98.71, 19.74, '{{3,9.99,25,0,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'B83B', 242.60, 48.52, '{{2,9.99,25,0,0,0},{1,123.45,25,0,0,0},{5,0.33,25,0,0,0},{1,49,25,0,0,0}}'),
	('Vendure', 'U7NR', 292.55, 58.51, '{{6,9.99,25,0,0,0},{1,123.45,25,0,0,0},{5,0.33,25,0,0,0},{1,49,25,0,0,0}}'),
	('Tryton', 'ta', 37.46, 7.49, '{{3,9.99,25,0,0,0}}'),
	('Tryton', 'tb', 186.84, 26.97, '{{3,9.99,25,0,0,0},{1,129.9,15,0,0,0}}'),
	('Tryton', 'tc', 33.71, 6.74, '{{3,8.991,25,0,0,0}}'),
	('Tryton', 'td', 98.71, 19.74, '{{3,9.99,25,0,0,0},{1,49,25,0,0,0}}'),
	('Tryton', 'td2', 98.71, 19.74, '{{3,9.99,25,0,0,0},{1,49,25,0,0,0}}'),
	('Tryton', 'tf', 24.97, 4.99, '{{3,9.99,25,0,0,0},{-1,9.99,25,0,0,0}}'),
	('Tryton', 'tf2', -12.49, -2.50, '{{-1,9.99,25,0,0,0}}'),
	('Tryton', 'tg', 224.08, 29.23, '{{1.5,129.9,15,0,0,0}}'),
	('Tryton', 'th', 40.01, 7.82, '{{1,9.99,25,0,0,0},{1,9.99,25,0,0,0},{1,9.99,25,0,0,0},{1,1.11,15,0,0,0},{1,1.11,15,0,0,0}}'),
	('Tryton', 'ti', 118.52, 19.53, '{{0.33,120.807,15,0,0,0},{7,6.6933,25,0,0,0},{13,0.9435,15,0,0,0}}'),
	('Tryton', 'tj', 12.12, 2.42, '{{1,9.7,25,0,0,0}}'),
	('Tryton', 'ts10', 94.96, 18.99, '{{3,8.991,25,0,0,0},{1,49,25,0,0,0}}'),
	('LedgerSMB order', 'a', 37.46, 7.49, '{{3,9.99,25,0,0,0}}'),
	('LedgerSMB order', 'b', 186.85, 26.98, '{{3,9.99,25,0,0,0},{1,129.9,15,0,0,0}}'),
	('LedgerSMB order', 'c', 33.71, 6.74, '{{3,9.99,25,3,0,0}}'),
	('LedgerSMB order', 'd', 98.71, 19.74, '{{3,9.99,25,0,0,0},{1,49,25,0,0,0}}'),
	('LedgerSMB order', 's10', 94.96, 18.99, '{{3,9.99,25,3,0,0},{1,49,25,0,0,0}}'),
	('LedgerSMB order', 'f', 24.98, 5.00, '{{3,9.99,25,0,0,0},{-1,9.99,25,0,0,0}}'),
	('LedgerSMB order', 'g', 224.08, 29.23, '{{1.5,129.9,15,0,0,0}}'),
	('LedgerSMB order', 'h', 40.02, 7.83, '{{1,9.99,25,0,0,0},{1,9.99,25,0,0,0},{1,9.99,25,0,0,0},{1,1.11,15,0,0,0},{1,1.11,15,0,0,0}}'),
	('LedgerSMB order', 'j', 12.13, 2.43, '{{1,9.7,25,0,0,0}}'),
	('LedgerSMB order', 'i', 118.85, 19.57, '{{0.333,129.9,15,3.02697,0,0},{7,9.99,25,23.1,0,0},{13,1.11,15,2.21,0,0}}'),
	('LedgerSMB order', 'tia', 29.97, 5.99, '{{3,9.99,25,0,1,1}}'),
	('LedgerSMB order', 'tic', 26.97, 5.39, '{{3,9.99,25,3,1,1}}'),
	('LedgerSMB order', 'tih', 32.19, 6.28, '{{1,9.99,25,0,1,1},{1,9.99,25,0,1,1},{1,9.99,25,0,1,1},{1,1.11,15,0,1,1},{1,1.11,15,0,1,1}}'),
	('LedgerSMB invoice', 'a', 37.46, 7.49, '{{3,9.99,25,0,0,0}}'),
	('LedgerSMB invoice', 'b', 186.85, 26.98, '{{3,9.99,25,0,0,0},{1,129.9,15,0,0,0}}'),
	('LedgerSMB invoice', 'c', 33.71, 6.74, '{{3,9.99,25,3,0,0}}'),
	('LedgerSMB invoice', 'd', 98.71, 19.74, '{{3,9.99,25,0,0,0},{1,49,25,0,0,0}}'),
	('LedgerSMB invoice', 's10', 94.96, 18.99, '{{3,9.99,25,3,0,0},{1,49,25,0,0,0}}'),
	('LedgerSMB invoice', 'f', 24.98, 5.00, '{{3,9.99,25,0,0,0},{-1,9.99,25,0,0,0}}'),
	('LedgerSMB invoice', 'g', 224.08, 29.23, '{{1.5,129.9,15,0,0,0}}'),
	('LedgerSMB invoice', 'h', 40.01, 7.82, '{{1,9.99,25,0,0,0},{1,9.99,25,0,0,0},{1,9.99,25,0,0,0},{1,1.11,15,0,0,0},{1,1.11,15,0,0,0}}'),
	('LedgerSMB invoice', 'j', 12.13, 2.43, '{{1,9.7,25,0,0,0}}'),
	('LedgerSMB invoice', 'i', 118.86, 19.58, '{{0.333,129.9,15,3.02697,0,0},{7,9.99,25,23.1,0,0},{13,1.11,15,2.21,0,0}}'),
	('LedgerSMB invoice', 'f2', -12.49, -2.50, '{{-1,9.99,25,0,0,0}}'),
	('LedgerSMB invoice', 'dr', 12.49, 2.50, '{{1,9.99,25,0,0,0}}'),
	('LedgerSMB invoice', 'tia', 29.97, 5.99, '{{3,9.99,25,0,1,1}}'),
	('LedgerSMB invoice', 'tic', 26.97, 5.39, '{{3,9.99,25,3,1,1}}'),
	('LedgerSMB invoice', 'tih', 32.19, 6.29, '{{1,9.99,25,0,1,1},{1,9.99,25,0,1,1},{1,9.99,25,0,1,1},{1,1.11,15,0,1,1},{1,1.11,15,0,1,1}}');

-- a line as the shop has it, with VAT on what has none
CREATE FUNCTION pg_temp.product(quantity numeric, price numeric, vat numeric, discount numeric, price_has_vat boolean, discount_has_vat boolean) RETURNS fpgo.product
LANGUAGE sql AS $$
	SELECT fpgo.as_one_piece(CASE WHEN price_has_vat
		THEN fpgo.make_product('Vare', quantity, price, vat, discount => CASE WHEN discount_has_vat THEN discount ELSE discount * (100 + vat) / 100 END)
		ELSE fpgo.make_net_product('Vare', quantity, price, vat, discount => CASE WHEN discount_has_vat THEN discount * 100 / (100 + vat) ELSE discount END) END, 'kg')
$$;
CREATE FUNCTION pg_temp.invoice_for(s shop_order) RETURNS fpgo.invoice_order
LANGUAGE sql AS $$
	SELECT fpgo.make_order(
		products => fpgo.fold_credits(ARRAY(
			SELECT pg_temp.product(s.lines[i][1], s.lines[i][2], s.lines[i][3], nullif(s.lines[i][4], 0), s.lines[i][5] = 1, s.lines[i][6] = 1)
			FROM generate_subscripts(s.lines, 1) i ORDER BY i)),
		grand_total => s.grand_total, total_tax => s.total_tax, vat => 'after_discount', reference_no => s.number, invoice_fee_applicable => true,
		customer_details => fpgo.make_private_customer(name => 'Kari Nordmann', personal_number => '28038712383', email => 'kari@example.no',
			country_code => '+47', msisdn => '46567468', address => fpgo.make_address(street => 'Klosterenget 144', zip => '7030', city => 'Trondheim', country => 'NO')),
		callback => fpgo.make_callback(callback_url => 'https://shop.example/fpgo', success => 'https://shop.example/thanks', failure => 'https://shop.example/sorry'))
$$;

-- what is not the shop's own, or not right, of all that are invoices
CREATE TEMP VIEW invoiced AS SELECT s.*, o AS invoice FROM shop_order s, pg_temp.invoice_for(s) o WHERE s.grand_total > 0;
SELECT shop, count(*) AS orders, sum(grand_total) AS value,
	count(*) FILTER (WHERE ((invoice).order_summary).grand_total <> round(grand_total, 2)) AS other_total,
	count(*) FILTER (WHERE ((invoice).order_summary).total_tax <> total_tax) AS other_tax,
	count(*) FILTER (WHERE (SELECT sum(amount) FROM unnest((invoice).products)) <> round(grand_total, 2)) AS other_sum,
	count(*) FILTER (WHERE EXISTS (SELECT FROM fpgo.validate(invoice))) AS invalid
FROM invoiced GROUP BY shop ORDER BY shop COLLATE "C";
SELECT shop, number, a.path, a.rule, a.message FROM invoiced, fpgo.advise(invoice) a ORDER BY shop COLLATE "C", number COLLATE "C", a.path COLLATE "C";
-- the totals that fpgo would come to by itself
SELECT shop, number, round(i.grand_total, 2) AS of_the_shop, s.grand_total AS of_fpgo
FROM invoiced i, fpgo.summarize((SELECT array_agg(fpgo.make_product(name, quantity, rate, tax, discount) ORDER BY n)
	FROM unnest((i.invoice).products) WITH ORDINALITY p(name, product_id, quantity, rate, discount, tax, amount, n))) s
WHERE round(i.grand_total, 2) <> s.grand_total ORDER BY shop COLLATE "C", number COLLATE "C";
-- credit notes are no invoices
SELECT pg_temp.invoice_for(s) FROM shop_order s WHERE shop = 'Tryton' AND grand_total < 0;
SELECT pg_temp.invoice_for(s) FROM shop_order s WHERE shop = 'LedgerSMB invoice' AND grand_total < 0;
