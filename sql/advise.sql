-- What the API would take and a person would not: each rule on both sides of
-- its edge.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`

-- the API page's own example: of August 2025, and with query strings
SELECT * FROM fpgo.advise(:'order');

-- The same order, but of today and without a query string.
CREATE FUNCTION pg_temp.seconds(age interval DEFAULT '0') RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT floor(extract(epoch FROM statement_timestamp() - age))::text
$$;
CREATE TEMP VIEW base AS
SELECT jsonb_set(jsonb_set(:'order'::jsonb, '{orderDate}', to_jsonb(pg_temp.seconds())),
		'{callback,callbackUrl}', '"https://shop.example/fpgo"') AS private;
SELECT * FROM base, fpgo.advise(private);
SELECT * FROM base, fpgo.advise(private::fpgo.invoice_order);

-- an order changed as a merge patch says, and the advice about it
CREATE FUNCTION pg_temp.merge(o jsonb, patch jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
	k text;
	v jsonb;
BEGIN
	FOR k, v IN SELECT * FROM jsonb_each(patch) LOOP
		o := o || jsonb_build_object(k, CASE WHEN jsonb_typeof(v) = 'object' AND jsonb_typeof(o -> k) = 'object'
			THEN pg_temp.merge(o -> k, v) ELSE v END);
	END LOOP;
	RETURN o;
END $$;
CREATE FUNCTION pg_temp.advice(patch jsonb) RETURNS text
LANGUAGE sql AS $$
	SELECT coalesce(string_agg(a.path || ' ' || a.rule, ', '), 'none')
	FROM base, fpgo.advise(pg_temp.merge(private, patch)) a
$$;
CREATE FUNCTION pg_temp.said(patch jsonb) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT a.message FROM base, fpgo.advise(pg_temp.merge(private, patch)) a
$$;
-- one product, which adds up unless it says otherwise
CREATE FUNCTION pg_temp.line(patch jsonb) RETURNS jsonb
LANGUAGE sql AS $$
	SELECT jsonb_build_object('products', jsonb_build_array(private -> 'products' -> 0 || patch)) FROM base
$$;

-- unknown members: what was perhaps meant, and what no field resembles
SELECT * FROM pg_temp.said('{"customer_details": {}, "CallBack": null, "referenceNumber": 1, "refernceNo": 2, "colour": [], "": 0,
	"settings": {"secureDetail": true, "secure": 1}, "customerDetails": {"personnalNumber": "28038712383", "adress": {}, "address": {"zipCode": "7030", "postcode": "7030"}}}');
SELECT path, rule FROM base, fpgo.advise(pg_temp.merge(private, pg_temp.line('{"nmae": 1, "product_id": 2, "vat": 3, "Rate": 4, "note": 5, "12": 6}')));
-- whatever stands in them, and names that may not be shown
SELECT * FROM pg_temp.said('{"28038712383": 1, "line\nbreak": 2, "a name of more than forty characters, which nobody means": 3, "\u00e6": 4}');
SELECT count(*), max(length(message)) FROM base, fpgo.advise(jsonb_set(private, '{deep}', (repeat('[', 5000) || repeat(']', 5000))::jsonb));
SELECT count(*), count(DISTINCT path) FROM base, fpgo.advise(private || (SELECT jsonb_object_agg('x' || i, i) FROM generate_series(1, 10000) i));

-- text: 25 characters for a productId, 255 for any other, blanks around it not counted
SELECT field, n, pg_temp.advice(CASE field
		WHEN 'productId' THEN pg_temp.line(jsonb_build_object(field, text))
		WHEN 'name' THEN pg_temp.line(jsonb_build_object(field, text))
		WHEN 'city' THEN jsonb_build_object('customerDetails', jsonb_build_object('address', jsonb_build_object(field, text)))
		WHEN 'email' THEN jsonb_build_object('customerDetails', jsonb_build_object(field, text || '@example.no'))
		WHEN 'success' THEN jsonb_build_object('callback', jsonb_build_object(field, 'https://a.example/' || text))
		ELSE jsonb_build_object(field, text) END) AS advice
FROM (VALUES ('productId', 25), ('productId', 26), ('name', 255), ('name', 256), ('city', 255), ('city', 256), ('email', 244),
	('email', 245), ('success', 237), ('success', 238), ('referenceNo', 255), ('referenceNo', 256)) v(field, n),
	LATERAL (SELECT CASE WHEN field IN ('name', 'city') THEN ' ' || repeat(U&'\00f8', n) || E'\n ' ELSE repeat('x', n) END AS text) t;
SELECT * FROM pg_temp.said(pg_temp.line(jsonb_build_object('productId', repeat('x', 26))) || jsonb_build_object('customerReference', repeat('x', 300)));

-- the numbers of a product
SELECT patch, pg_temp.advice(pg_temp.line(patch)) AS advice
FROM (VALUES (jsonb '{"quantity": 1.0}'), ('{"quantity": "1e0"}'), ('{"quantity": 0.5, "rate": 80}'), ('{"quantity": "1.000000001"}'),
	('{"quantity": 0, "amount": 0}'), ('{"quantity": -1, "rate": -40}'), ('{"quantity": "-1", "rate": "-40.0"}'),
	('{"rate": 0, "amount": 0}'), ('{"rate": -0.0, "amount": 0}'), ('{"rate": -0.01, "amount": -0.01}'),
	('{"rate": 50, "discount": 10}'), ('{"discount": 40, "amount": 0}'), ('{"discount": "40.01", "amount": "-0.01"}'),
	('{"discount": 40.011, "amount": 0}'), ('{"discount": 40.02, "amount": 0}'), ('{"discount": -10, "amount": 50}'),
	('{"discount": null}'), ('{"discount": ""}'),
	('{"amount": 40.01}'), ('{"amount": 39.99}'), ('{"amount": 40.0100000001}'), ('{"amount": "40.02"}'), ('{"amount": 50, "tax": 25}'),
	('{"quantity": 3, "rate": "33.333333333333333333", "amount": 100, "discount": 60}')) v(patch);
SELECT * FROM pg_temp.said(pg_temp.line('{"quantity": "1.5", "rate": "-40", "discount": 10, "amount": 50}'));
SELECT * FROM pg_temp.said(pg_temp.line('{"quantity": 3, "rate": 33.3333, "discount": 99.999999, "amount": 99.999}'));
SELECT * FROM pg_temp.said(pg_temp.line('{"discount": 50}'));

-- grand total and amounts, among themselves and of several products: 0.01 a product
SELECT amounts, total, pg_temp.advice(jsonb_build_object(
	'products', (SELECT jsonb_agg(jsonb_build_object('quantity', 1, 'rate', a, 'amount', a)) FROM unnest(amounts) a),
	'orderSummary', total)) AS advice
FROM (VALUES ('{40}'::numeric[], jsonb '{"grandTotal": 40.01}'), ('{40}', '{"grandTotal": 40.011, "subTotal": 40.011}'), ('{40}', '{"grandTotal": "39.98"}'),
	('{20,20,20}', '{"grandTotal": 60.03, "subTotal": 60}'), ('{20,20,20}', '{"grandTotal": 60.04, "subTotal": 60.01}'), ('{20,20,20}', '{"grandTotal": 60, "subTotal": 60.04}'),
	('{4500}', '{"grandTotal": 4500, "subTotal": 4017.86, "totalTax": 482.14}'),
	('{4500}', '{"grandTotal": "4500.00", "subTotal": "4464.29", "totalTax": "535.71", "totalDiscount": "500"}'),
	('{0.1,0.2}', '{"grandTotal": 0.3, "subTotal": 0.3}'), (NULL, '{}')) v(amounts, total);
SELECT * FROM pg_temp.said('{"orderSummary": {"subTotal": 30, "totalTax": "7.50", "totalDiscount": 5, "grandTotal": "50"}}');
-- the vendor's rounding: totals to two decimals at the end, amounts not at all
SELECT count(*) FROM (
	SELECT jsonb_build_object('products', jsonb_agg(jsonb_build_object('quantity', q, 'rate', r, 'discount', d, 'tax', t, 'amount', q * r - d)),
		'orderSummary', jsonb_build_object('subTotal', round(sum(q * r / (1 + t / 100)), 2), 'totalTax', round(sum(q * r / (1 + t / 100) * t / 100), 2),
			'totalDiscount', round(sum(d), 2), 'grandTotal', round(sum(q * r - d), 2))) AS o
	FROM (SELECT i, i % 7 + 1 AS q, (i * 7919 % 100003) / 1000.0 AS r, (i * 31 % 17) / 1000.0 AS d, ('{0,12,15,25}'::numeric[])[i % 4 + 1] AS t
		FROM generate_series(1, 2000) i) line
	GROUP BY i % 700) s, fpgo.advise(o) a
WHERE rule LIKE 'sum%' OR rule LIKE 'line%';
-- what cannot be read as an amount takes part in no sum, and raises nothing
SELECT left(amount::text, 20) AS amount, pg_temp.advice(pg_temp.line(jsonb_build_object('amount', amount))) AS amount_is,
	pg_temp.advice(pg_temp.line(jsonb_build_object('rate', amount, 'quantity', amount, 'discount', amount))) AS others_are,
	pg_temp.advice(jsonb_build_object('orderSummary', jsonb_build_object('grandTotal', amount))) AS grand_total_is
FROM (VALUES (jsonb '"40,00"'), ('null'), ('[40]'), ('{"nok": 40}'), ('true'), ('"NaN"'), ('"1e999999999"'), ('"0e999999999"'), ('1e999'), ('-1e999'),
	('1000000000'), ('"02018012345"'), ('28038712383')) v(amount);
SELECT pg_temp.advice('{"orderSummary": {"totalTax": null}}'), pg_temp.advice('{"orderSummary": []}'), pg_temp.advice('{"products": {"0": 5}}');
SELECT jsonb_array_length(p), count(*), min(message), max(message)
FROM (SELECT jsonb_agg(('1e-' || 16000 + i % 300)::jsonb) AS tiny FROM generate_series(1, 300) i) s,
	LATERAL (SELECT jsonb_agg(jsonb_build_object('quantity', 2, 'rate', t, 'amount', 1)) AS p FROM jsonb_array_elements(tiny) t) l,
	LATERAL fpgo.advise(jsonb_build_object('products', p)) GROUP BY 1;

-- the order date: seconds, of the last 31 days (744 hours), not yet to come
SELECT age, pg_temp.advice(jsonb_build_object('orderDate', pg_temp.seconds(age))) AS advice
FROM unnest('{0,744 hours,744 hours 1 second,1 year,-4 minutes,-5 minutes,-6 minutes,-1 day}'::interval[]) age;
SELECT value, pg_temp.said(jsonb_build_object('orderDate', value)) AS said
FROM (VALUES (jsonb '"0"'), ('" 1755150488 "'), ('"99999999999"'), ('"100000000000"'), ('"1755150488123"'), ('"1755150488123456"'), ('"1755150488123456789"'),
	('"now"'), ('"2026-01-01"'), ('"1755150488.5"'), ('"-1"'), ('1755150488'), ('null'), ('"28038712383 "'), ('"02018012345"')) v(value);

-- midnight, in UTC or here
SET timezone = 'Europe/Oslo';
SELECT zone, after, pg_temp.advice(jsonb_build_object('orderDate',
	extract(epoch FROM date_trunc('day', statement_timestamp() - interval '2 days', zone) + after)::bigint::text)) AS advice
FROM unnest('{UTC,Europe/Oslo,Asia/Kolkata}'::text[]) zone, unnest('{0,1 second}'::interval[]) after ORDER BY zone, after;
RESET timezone;

-- decimals of money: two; of a price: ten; zeros at the end do not count
SELECT patch, pg_temp.advice(pg_temp.line(patch)) AS advice
FROM (VALUES (jsonb '{"rate": 40.0000000001}'), ('{"rate": "40.00000000001"}'), ('{"rate": 39.999999999999997157829056959599256515502929687500}'),
	('{"discount": 0.001, "rate": 40.001}'), ('{"discount": "0.010", "rate": 40.01}'), ('{"amount": 40.001}'), ('{"amount": "40.000"}'), ('{"amount": "4.0e1"}')) v(patch);
SELECT patch, pg_temp.advice(jsonb_build_object('orderSummary', patch)) AS advice
FROM (VALUES (jsonb '{"subTotal": 40.001}'), ('{"totalTax": "0.001"}'), ('{"totalDiscount": 0.001}'), ('{"grandTotal": 40.001}'), ('{"grandTotal": "40.0000"}')) v(patch);

-- nothing to pay, and a discount of the wrong sign
SELECT total, pg_temp.advice(jsonb_build_object('products', '[]'::jsonb, 'orderSummary', jsonb_build_object('grandTotal', total, 'subTotal', total))) AS advice
FROM unnest('{0.01,0,-0.01}'::numeric[]) total;
SELECT discount, pg_temp.advice(pg_temp.line(jsonb_build_object('quantity', -1, 'rate', 40, 'discount', discount, 'amount', -40 - discount))) AS advice
FROM unnest('{-10,0,10}'::int[]) discount;
SELECT days, pg_temp.advice(jsonb_build_object('invoiceMaturity', days)) AS advice
FROM (VALUES (jsonb '0'), ('365'), ('"14"'), ('366'), ('-1'), ('14.5')) v(days);

-- characters
SELECT encode(convert_to(text, 'UTF8'), 'hex') AS text, pg_temp.advice(jsonb_build_object('customerReference', 'a' || text || 'b')) AS advice
FROM (VALUES (U&'\0001'), (U&'\001f'), (U&'\fffe'), (U&'\ffff'), (U&'\fdd0'), (U&'\+01ffff'), (U&'\202e'), (U&'\200f'), (E'\n'), (E'\r'), (U&'\0085'),
	(U&'\2028'), (E'\t'), (U&'\00a0'), (U&'\200d'), (U&'\+01f600')) v(text);
SELECT pg_temp.advice(jsonb_build_object('customerReference', E'\n a \n')) AS at_the_ends;
SELECT pg_temp.advice(pg_temp.line(jsonb_build_object('name', E'\x02'))) AS alone, pg_temp.advice(pg_temp.line(jsonb_build_object('name', E'a\x02'))) AS in_a_product;

-- who the customer is
SELECT what, pg_temp.advice(jsonb_build_object('customerDetails', jsonb_build_object('personalNumber', number))) AS advice
FROM (VALUES ('a person', '28038712383'), ('blanks around', ' 28038712383 '), ('D-number', '68038700050'), ('NAV, synthetic', '15507600333'), ('NAV, D-number', '55507608360'),
	('Tenor, synthetic', '17912099997'), ('Tenor, D-number', '57912075186'), ('as of 2032', '30108299939'),
	('last digit wrong', '28038712384'), ('neighbours swapped', '28038172383'), ('no such day', '32038700013'), ('a filler', '00000000000'),
	('letters', U&'\00e6\00f8\00e504512345'), ('too short: validation says so', '2803871238'), ('blank', ' ')) v(what, number);
SELECT what, pg_temp.advice(jsonb_build_object('customerDetails', jsonb_build_object('type', 'corporate', 'personalNumber', '', 'organizationId', number,
	'address', jsonb_build_object('country', country)))) AS advice
FROM (VALUES ('a company', '974760673', 'NO'), ('control digit wrong', '974760674', 'NO'), ('prefix and suffix', 'NO974760673MVA', 'NO'), ('ten digits', '5560360793', 'NO'),
	('Swedish', '5560360793', 'SE'), ('no country', 'x', NULL), ('a filler', '000000000', 'NO'), ('not alphanumeric: validation says so', '974 760 673', 'NO'), ('blank', '', 'NO')) v(what, number, country);
SELECT kind, pg_temp.advice(jsonb_build_object('customerDetails', jsonb_build_object('type', kind, 'personalNumber', '28038712383', 'organizationId', '974760673'))) AS advice
FROM unnest('{private," corporate ",other,NULL}'::text[]) kind;
SELECT code, number, pg_temp.advice(jsonb_build_object('customerDetails', jsonb_build_object('countryCode', code, 'msisdn', number))) AS advice
FROM (VALUES ('+47', '46567468'), ('+47', '47123456'), ('+47', '+4746567468'), ('+47', '004746567468'), ('+47', '4746567468'), ('0047', '47 46 56 74 68'),
	('+45', '4512345678'), ('+46', '4670123456'), ('+46', '+46701234567'), (NULL, '4746567468')) v(code, number);
-- other registers, postal codes, codes, numbers and addresses
SELECT country, number, pg_temp.advice(jsonb_build_object('customerDetails', jsonb_build_object('type', 'corporate', 'personalNumber', '', 'organizationId', number,
	'address', jsonb_build_object('country', country, 'zip', zip)))) AS advice
FROM (VALUES ('SJ', '974761076', '9170'), ('SJ', '974761077', '9170'), ('SE', '5567037485', '123 45'), ('SE', '5567037486', '12345'), ('SE', '165567037485', '12345'),
	('DK', '13585628', '1000'), ('DK', '13585627', '1000'), ('FI', '15728600', '00100'), ('FI', '15728601', '00100'), ('DE', '1', '10115'), ('NO', '974760673', '703'),
	('NO', '974760673', 'N-7030'), ('SE', '5567037485', '1234')) v(country, number, zip);
SELECT code, number, pg_temp.advice(jsonb_build_object('customerDetails', jsonb_build_object('countryCode', code, 'msisdn', number))) AS advice
FROM (VALUES ('NO', '46567468'), ('47', '46567468'), ('+047', '46567468'), (' +47 ', ' 46567468 '), ('+46', '0701234567'), ('+46', '46701234567'), ('+358', '358401234567'),
	('+47', '22334455'), ('+47', 'n/a'), ('+47', '00000000'), ('+47', '4656746'), ('+39', '0612345678'), ('+225', '0123456789'), ('+45', '45201234')) v(code, number);
-- a company's may be a landline
SELECT pg_temp.advice('{"customerDetails": {"type": "corporate", "personalNumber": "", "organizationId": "974760673", "msisdn": "73595000"}}') AS landline;
SELECT email, pg_temp.advice(jsonb_build_object('customerDetails', jsonb_build_object('email', email))) AS advice
FROM (VALUES ('kari@shop.example'), ('kari@localhost'), ('kari@192.0.2.1'), ('kari@[192.0.2.1]'), (repeat('x', 64) || '@shop.example'), (repeat('x', 65) || '@shop.example'), ('nobody')) v(email);
SELECT kind, reference, pg_temp.advice(jsonb_build_object('customerReference', reference, 'customerDetails', jsonb_build_object('type', kind, 'personalNumber', number, 'organizationId', company))) AS advice
FROM (VALUES ('corporate', NULL, '', '974760673'), ('corporate', ' ', '', '974760673'), ('corporate', '3500', '', '974760673'), ('private', NULL, '28038712383', '')) v(kind, reference, number, company);
SELECT url, pg_temp.advice(jsonb_build_object('callback', jsonb_build_object('success', url))) AS advice
FROM (VALUES ('https://localhost/'), ('https://shop/'), ('https://10.0.0.1/'), ('http://shop.local/'), ('https://user:pw@shop.example/'), ('https://shop.example:0/'),
	('https://256.1.1.1/'), ('https://shop.example:8443/'), ('https://192.0.2.1/')) v(url);
SELECT * FROM pg_temp.said('{"customerDetails": {"msisdn": "+4746567468", "personalNumber": "28038712384", "organizationId": "974760673"}}');
SELECT * FROM pg_temp.said('{"customerDetails": {"type": "corporate", "organizationId": "974760674"}}');
SELECT * FROM pg_temp.said('{"customerDetails": {"type": "corporate", "personalNumber": null, "organizationId": "974760673MVA"}}');

-- an update, and where the gateway reports to
SELECT patch, pg_temp.advice(patch) AS advice
FROM (VALUES (jsonb '{"orderFrom": "PARTNER"}'), ('{"orderFrom": "PARTNER", "fpgoUuid": " "}'), ('{"orderFrom": "PARTNER", "fpgoUuid": "ODR1"}'), ('{"orderFrom": ""}'), ('{"fpgoUuid": "ODR1"}'),
	('{"callback": {"callbackUrl": "http://shop.example/"}}'), ('{"callback": {"callbackUrl": "HTTPS://shop.example/"}}'), ('{"callback": {"callbackUrl": "https://shop.example/?order=1"}}'),
	('{"callback": {"callbackUrl": "https://shop.example?"}}'), ('{"callback": {"callbackUrl": "https://shop.example/#a?b"}}'), ('{"callback": {"callbackUrl": "http://shop.example/?order=1"}}'),
	('{"callback": {"success": "https://shop.example/?order=1", "failure": "http://shop.example/"}}'), ('{"callback": {"callbackUrl": "shop.example?a"}}')) v(patch);
-- {submission} is no reason for advice, but the token in its place is longer than it
SELECT patch, pg_temp.advice(patch) AS advice
FROM (VALUES (jsonb '{"callback": {"callbackUrl": "https://shop.example/{submission}"}}'), ('{"callback": {"callbackUrl": "http://shop.example/{submission}"}}'),
	('{"callback": {"callbackUrl": "https://shop.example/{submission}?order=1"}}'), ('{"callback": {"callbackUrl": "http://shop.example/{submission}/{submission}"}}')) v(patch);
SELECT n, pg_temp.said(jsonb_build_object('callback', jsonb_build_object('callbackUrl', 'https://shop.example/' || repeat('x', n) || '{submission}'))) AS message
FROM (VALUES (197), (198)) v(n);
SELECT * FROM pg_temp.said('{"orderFrom": "PARTNER", "callback": {"callbackUrl": "https://shop.example/?order=1", "success": "http://shop.example/"}}');

-- all at once, in the page's order; what has a row in validate has none here
SELECT path, rule FROM fpgo.advise('{"order_date": 1, "products": [{"x": 1, "rate": -1, "quantity": 1, "amount": 1, "y": 2, "name": 5}, {"z": 3, "quantity": 1.5, "rate": 2, "amount": "3.00"}, "w"],
	"orderSummary": {"grandTotal": 9, "subTotal": 1, "totalTax": 1, "totalDiscount": 1, "tax": 1}, "orderDate": "0", "orderFrom": "PARTNER",
	"customerDetails": {"type": "private", "countryCode": "+47", "msisdn": "+47", "email": 7, "personalNumber": "00000000000", "organizationId": "1"},
	"callback": {"failure": "http://a.example", "success": "nowhere"}}');
SELECT document, (SELECT count(*) FROM fpgo.advise(document)) AS advice
FROM (VALUES (jsonb '{}'), ('[]'), ('[{}]'), ('5'), ('"x"'), ('null'), ('{"products": []}'), ('{"products": "x"}'), ('{"products": [[], 5, null]}'),
	('{"customerDetails": [], "callback": 5, "settings": "x"}')) v(document);
SELECT path FROM fpgo.advise('{"products": {"0": {"a": 1}, "line two": {"b": 2}, "28038712383": {"c": 3}}}');

-- it is linear in the number of products
SELECT count(*), min(path COLLATE "C"), max(path COLLATE "C")
FROM fpgo.advise((SELECT jsonb_build_object('products', jsonb_agg(jsonb_build_object('quantity', 1, 'rate', i, 'amount', i + i % 2, 'vat', 25))) FROM generate_series(1, 10000) i));

-- no number of a person in a message, wherever it stands
SELECT path, message FROM fpgo.advise('{"28038712383": 1, "products": [{"quantity": 1, "rate": "28038712383", "amount": 1}, {"quantity": "-28038712383", "rate": 1.5, "discount": 28038712383, "amount": 2, "28038712383": 1}],
	"orderSummary": {"subTotal": 1, "totalTax": 1, "totalDiscount": 1, "grandTotal": "02018012345"}, "orderDate": "28038712383", "orderFrom": "28038712383", "customerDetails":
	{"type": "corporate", "countryCode": "28038712383", "msisdn": "+28038712383", "personalNumber": "28038712383", "organizationId": "28038712383", "address": {"country": "NO"}},
	"callback": {"callbackUrl": "https://shop.example/?28038712383", "success": "http://shop.example/28038712383"}}')
WHERE message ~ '[0-9]';

-- the three spellings, a server that is not there, and no order
SELECT (SELECT count(*) FROM fpgo.advise('{"orderDate": "0"}')), (SELECT count(*) FROM fpgo.advise('{"orderDate": "0"}'::text)),
	(SELECT count(*) FROM fpgo.advise('{"orderDate": "0"}'::jsonb)), (SELECT count(*) FROM fpgo.advise('{"orderDate": "0"}'::jsonb::fpgo.invoice_order));
PREPARE advice_on AS SELECT count(*) FROM fpgo.advise($1, $2);
EXECUTE advice_on('{"orderDate": "0"}', NULL);
SELECT * FROM fpgo.advise('{}', 'none');
\set VERBOSITY sqlstate
SELECT * FROM fpgo.advise(NULL);
SELECT * FROM fpgo.advise(NULL::jsonb);
SELECT * FROM fpgo.advise(NULL::fpgo.invoice_order);
SELECT * FROM fpgo.advise('{"personalNumber": "28038712383"');
\set VERBOSITY default

-- in a parallel query, every process by the same clock
CREATE TABLE shop_order (doc jsonb);
INSERT INTO shop_order SELECT private FROM base, generate_series(1, 20);
-- (16 renamed the setting)
SELECT name AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
SET :parallel = on;
SELECT count(*), count(a) FROM shop_order LEFT JOIN LATERAL fpgo.advise(doc) a ON true;
RESET :parallel;
DROP TABLE shop_order;
