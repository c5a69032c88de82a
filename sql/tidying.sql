-- What people typed: constructors take it as the API does, where it has one
-- reading only.  Numbers here are made up.

-- phones: country code and number
SELECT code, phone, p.country_code, p.msisdn, c.country_code = p.country_code AND c.msisdn = p.msisdn AS of_companies_too
FROM (VALUES ('+47', '46567468'), ('+47', '465 67 468'), (NULL, '+47 465 67 468'), ('+47', '0047 46567468'), ('', '(+46) 070-123 45 67'), ('0047', '46 56 74 68'), ('47', '4746567468'),
	('+39', '06 1234 5678'), (NULL, '+46 (0)70 123 45 67'), ('+46', '070-123 45 67'),
	-- two readings or none: as they are, but for the code
	(NULL, '46567468'), ('+47', '+46 70 123 45 67'), ('0047', 'n/a'), ('47', '46567468 / 91234567'), ('NO', '46567468'), ('+47', NULL), (NULL, NULL), ('+47', ''), ('+47', '4656746')) v(code, phone),
	fpgo.make_private_customer(name => 'Kari', personal_number => NULL, email => NULL, country_code => code, msisdn => phone, address => NULL) p,
	fpgo.make_corporate_customer(name => 'Kari', organization_id => NULL, email => NULL, country_code => code, msisdn => phone, address => NULL) c;

-- numbers of persons and companies
SELECT typed, (fpgo.make_private_customer('Kari', typed, NULL, NULL, NULL, NULL)).personal_number AS made
FROM unnest('{28038712383,280387 12383,280387-12383,"28038712383 ",2803871238,x,"",NULL}'::text[]) typed;
SELECT typed, (fpgo.make_corporate_customer('Nordmann AS', typed, NULL, NULL, NULL, NULL)).organization_id AS made
FROM unnest('{974760673,974 760 673,NO 974 760 673 MVA,974760673MVA,NO 974 760 674 MVA,556703-7485,Org.nr. 974 760 673,"",NULL}'::text[]) typed;

-- postal codes
SELECT typed, country, (fpgo.make_address('Klosterenget 144', typed, 'Trondheim', country)).zip AS made
FROM (VALUES ('7030', 'NO'), ('N-7030', 'NO'), ('70 30', 'NO'), ('703', 'NO'), ('7030 Trondheim', 'NO'), ('N-7030', NULL), ('S-123 45', 'SE'), ('123 45', 'SE'), ('SW1A 1AA', 'GB'), (NULL, 'NO')) v(typed, country);

-- what is tidied is valid, and nothing is advised
SELECT count(*) AS orders, count(v.path) AS violations, count(a.path) FILTER (WHERE a.path LIKE 'customer%') AS advised
FROM (VALUES (fpgo.make_private_customer(name => 'Kari Nordmann', personal_number => '280387 12383', email => 'kari@example.no', country_code => NULL, msisdn => '+47 465 67 468',
		address => fpgo.make_address(street => 'Klosterenget 144', zip => 'N-7030', city => 'Trondheim', country => 'NO'))),
	(fpgo.make_corporate_customer(name => 'Nordmann AS', organization_id => 'NO 974 760 673 MVA', email => 'post@example.no', country_code => '47', msisdn => '465 67 468',
		address => fpgo.make_address(street => 'Klosterenget 144', zip => 'N-7030', city => 'Trondheim', country => 'NO')))) c(customer),
	fpgo.make_order(products => ARRAY[fpgo.make_product('x', 1, 40, 25)], customer_details => customer, reference_no => 'A-1', customer_reference => 'Kari', invoice_fee_applicable => true,
		callback => fpgo.make_callback('https://shop.example/fpgo', 'https://shop.example/thanks', 'https://shop.example/sorry')) o
	LEFT JOIN LATERAL fpgo.validate(o) v ON true LEFT JOIN LATERAL fpgo.advise(o) a ON true;
-- jsonb is sent as it is
SELECT fpgo.payload('{"customerDetails": {"countryCode": "47", "msisdn": "465 67 468", "personalNumber": "280387 12383", "address": {"zip": "N-7030", "country": "NO"}}}'::jsonb)::jsonb -> 'customerDetails' AS sent;

-- other types: what is taken as it is, and what needs a cast
SELECT p.quantity, p.rate FROM fpgo.make_product('x', 2::bigint, 40::smallint, 25::integer) p;
SELECT fpgo.make_product('x', 1.5::float8, 40, 25);
SELECT fpgo.make_product('x', 1, 40::text::money, 25);
SELECT p.quantity, p.rate FROM fpgo.make_product('x', 1.5::float8::numeric, '40'::money::numeric, 25) p;
SELECT (fpgo.make_order('{}', NULL, reference_no => 7::bigint)).reference_no;
SELECT (fpgo.make_order('{}', NULL, reference_no => 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid)).reference_no;
SELECT (fpgo.make_order('{}', NULL, reference_no => 7::bigint::text)).reference_no;
SET timezone = 'Europe/Oslo';
SELECT extract(epoch FROM (fpgo.make_order('{}', NULL, order_date => placed)).order_date - (fpgo.make_order('{}', NULL, order_date => placed AT TIME ZONE 'UTC')).order_date) AS seconds_off
FROM (VALUES (timestamp '2026-12-01 12:00')) v(placed);
