-- Every row of the API page's table: a case that passes and one that fails.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`

SELECT * FROM fpgo.validate(:'order');

CREATE TEMP TABLE base AS
SELECT :'order'::jsonb AS private,
	jsonb_set(jsonb_set(:'order'::jsonb #- '{customerDetails,personalNumber}', '{customerDetails,type}', '"corporate"'),
		'{customerDetails,organizationId}', '"987654321"') AS corporate;

-- the order with one field set (or, with NULL, left out), and what is broken
CREATE FUNCTION pg_temp.broken(kind text, path text, value jsonb) RETURNS text
LANGUAGE sql AS $$
	SELECT coalesce((SELECT string_agg(v.path || ' ' || v.rule, ', ') FROM fpgo.validate(d) v), 'valid')
		|| CASE WHEN fpgo.is_valid(d) = EXISTS (SELECT FROM fpgo.validate(d)) THEN ' BUT is_valid DISAGREES' ELSE '' END
	FROM (SELECT CASE WHEN $3 IS NULL THEN o #- $2::text[]
			ELSE jsonb_set(CASE WHEN $2 LIKE '{settings%' THEN o || '{"settings": {}}' ELSE o END, $2::text[], $3) END AS d
		FROM (SELECT CASE $1 WHEN 'corporate' THEN corporate ELSE private END AS o FROM base) b) s
$$;

CREATE TEMP TABLE a_case (n int GENERATED ALWAYS AS IDENTITY, passes boolean, path text, value jsonb, kind text DEFAULT 'private');
INSERT INTO a_case (passes, path, value, kind) VALUES
	(true, '{products,0,name}', '"R"', 'private'), (false, '{products,0,name}', NULL, 'private'),
	(false, '{products,0,name}', '5', 'private'), (false, '{products,0,name}', '"\u00a0\u200b "', 'private'), (false, '{products,0,name}', '"\u00ad\u2800"', 'private'),
	(true, '{products,0,productId}', '""', 'private'), (false, '{products,0,productId}', '7', 'private'),
	(true, '{products,0,quantity}', '"1.5e2"', 'private'), (false, '{products,0,quantity}', '"two"', 'private'),
	(true, '{products,0,rate}', '-0.5', 'private'), (false, '{products,0,rate}', 'null', 'private'),
	(true, '{products,0,discount}', NULL, 'private'), (false, '{products,0,discount}', '[]', 'private'),
	(true, '{products,0,tax}', '25', 'private'), (true, '{products,0,tax}', '" 25 "', 'private'), (false, '{products,0,tax}', '"25.00"', 'private'),
	(true, '{products,0,tax}', '12.0', 'private'), (false, '{products,0,tax}', '"+12"', 'private'), (true, '{products,0,tax}', '2.5e1', 'private'), (false, '{products,0,tax}', '11.99999999999999999999', 'private'),
	(false, '{products,0,tax}', '13', 'private'), (false, '{products,0,tax}', '"\u00a025"', 'private'),
	(true, '{products,0,amount}', '1e3', 'private'), (false, '{products,0,amount}', 'true', 'private'),
	(true, '{orderSummary,subTotal}', '" 40 "', 'private'), (false, '{orderSummary,subTotal}', '"40,00"', 'private'),
	(true, '{orderSummary,totalTax}', '".5"', 'private'), (false, '{orderSummary,totalTax}', '"."', 'private'),
	(true, '{orderSummary,totalDiscount}', '"5."', 'private'), (false, '{orderSummary,totalDiscount}', '"5e"', 'private'),
	(true, '{orderSummary,grandTotal}', '"+40"', 'private'), (false, '{orderSummary,grandTotal}', '"- 40"', 'private'),
	(true, '{orderDate}', '"now"', 'private'), (false, '{orderDate}', '1755150488', 'private'),
	(true, '{referenceNo}', NULL, 'private'), (false, '{referenceNo}', '17', 'private'),
	(true, '{customerReference}', 'null', 'private'), (false, '{customerReference}', '{}', 'private'),
	(true, '{orderFrom}', '" PARTNER "', 'private'), (false, '{orderFrom}', '"partner"', 'private'),
	(true, '{fpgoUuid}', '" "', 'private'), (false, '{fpgoUuid}', '"ODR1"', 'private'),
	(true, '{invoiceInterval}', '"2"', 'private'), (false, '{invoiceInterval}', '3', 'private'),
	(true, '{invoiceInterval}', '1.0', 'private'), (false, '{invoiceInterval}', '"1.0"', 'private'), (false, '{invoiceInterval}', 'true', 'private'),
	(true, '{separateInvoices}', '"0"', 'private'), (false, '{separateInvoices}', '"false"', 'private'),
	(true, '{invoiceFeeApplicable}', 'false', 'private'), (false, '{invoiceFeeApplicable}', '1.0', 'private'),
	(true, '{invoiceMaturity}', '"14"', 'private'), (false, '{invoiceMaturity}', '"14 days"', 'private'),
	(true, '{settings,secureDetails}', '1', 'private'), (false, '{settings,secureDetails}', '"yes"', 'private'),
	(true, '{customerDetails,type}', '" private"', 'private'), (false, '{customerDetails,type}', '"Private"', 'private'),
	(true, '{customerDetails,countryCode}', '"0047"', 'private'), (false, '{customerDetails,countryCode}', '47', 'private'),
	(true, '{customerDetails,msisdn}', '"anything"', 'private'), (false, '{customerDetails,msisdn}', '46567468', 'private'),
	(true, '{customerDetails,email}', '"o''brien+x@example.co.uk"', 'private'), (false, '{customerDetails,email}', '"o''brien@"', 'private'),
	(true, '{customerDetails,name}', '"\u00d8"', 'private'), (false, '{customerDetails,name}', '"\t"', 'private'),
	(true, '{customerDetails,personalNumber}', '" \u00e6\u00f8\u00e504512345 "', 'private'), (false, '{customerDetails,personalNumber}', '"2803871238"', 'private'),
	(true, '{customerDetails,organizationId}', '"NO987654321MVA"', 'corporate'), (true, '{customerDetails,organizationId}', '"\u00c5S9"', 'corporate'), (false, '{customerDetails,organizationId}', '"987 654 321"', 'corporate'),
	(true, '{customerDetails,preferredLanguage}', '"sv"', 'private'), (false, '{customerDetails,preferredLanguage}', '"nb"', 'private'),
	(true, '{customerDetails,address,street}', '"1"', 'private'), (false, '{customerDetails,address,street}', '""', 'private'),
	(true, '{customerDetails,address,zip}', '"SW1A 1AA"', 'private'), (false, '{customerDetails,address,zip}', '7030', 'private'),
	(true, '{customerDetails,address,city}', '"\u00c5"', 'private'), (false, '{customerDetails,address,city}', '[]', 'private'),
	(true, '{customerDetails,address,country}', '"SE"', 'private'), (false, '{customerDetails,address,country}', '"no"', 'private'),
	(true, '{callback,callbackUrl}', '"http://127.0.0.1:8080/x?a[]=1#z"', 'private'), (false, '{callback,callbackUrl}', '"shop.example/x"', 'private'),
	(true, '{callback,success}', '"HTTPS://b\u00fccher.example/%20"', 'private'), (false, '{callback,success}', '"https://shop.example/a b"', 'private'),
	(true, '{callback,failure}', '"https://[2001:db8::1]:443/"', 'private'), (false, '{callback,failure}', '"https://[2001:db8::x]/"', 'private');

SELECT path, value, kind, pg_temp.broken(kind, path, value)
FROM a_case WHERE passes ORDER BY n;
-- (psql of 16 and newer counts two of the characters as no column)
SELECT path, replace(replace(value::text, U&'\200B', '\u200b'), U&'\00AD', '\u00ad') AS value,
	kind, pg_temp.broken(kind, path, value)
FROM a_case WHERE NOT passes ORDER BY n;

-- each leaf of the field tree has both, and each case came out as it should
SELECT r.path, bool_or(c.passes) AS passing_case, bool_or(NOT c.passes) AS failing_case
FROM fpgo.rules() r LEFT JOIN a_case c
	ON array_to_string(c.path::text[], '.') = replace(r.path, '*', '0')
WHERE r.type NOT IN ('object', 'array')
GROUP BY r.path HAVING coalesce(NOT (bool_or(c.passes) AND bool_or(NOT c.passes)), true);
SELECT n, path, value FROM a_case
WHERE passes <> (pg_temp.broken(kind, path, value) = 'valid');

-- {submission}: in the path of callbackUrl, once, and nowhere else in it or in another field
SELECT path, value, pg_temp.broken('private', path, value)
FROM (VALUES ('{callback,callbackUrl}', jsonb '"https://shop.example/fpgo/{submission}"'), ('{callback,callbackUrl}', '" http://shop.example:80/{submission}.php?a[]=1#z "'),
	('{callback,callbackUrl}', '"https://b\u00fccher.example/\u00f8{submission}\u00f8"'), ('{referenceNo}', '"{submission}"'), ('{customerReference}', '"/{submission}"'),
	('{callback,callbackUrl}', '"https://shop.example/{submission}/{submission}"'), ('{callback,callbackUrl}', '"https://{submission}.example/"'),
	('{callback,callbackUrl}', '"https://{submission}@shop.example/"'), ('{callback,callbackUrl}', '"https://shop.example/?a={submission}"'),
	('{callback,callbackUrl}', '"https://shop.example/#{submission}"'), ('{callback,callbackUrl}', '"https://shop.example{submission}"'),
	('{callback,callbackUrl}', '"https://shop.example/{Submission}"'), ('{callback,callbackUrl}', '"https://shop.example/{}"'), ('{callback,callbackUrl}', '"/fpgo/{submission}"'),
	('{callback,success}', '"https://shop.example/{submission}"'), ('{callback,failure}', '"https://shop.example/{submission}"')) v(path, value);
SELECT path, message FROM base, fpgo.validate(jsonb_set(jsonb_set(jsonb_set(private, '{callback,callbackUrl}', '"https://a.no/?{submission}"'),
	'{callback,success}', '"https://a.no/{submission}"'), '{callback,failure}', '"https://a.no/{other}"'));

-- what depends on another field
SELECT kind, change, coalesce((SELECT string_agg(v.path || ' ' || v.rule, ', ') FROM fpgo.validate(o) v), 'valid') AS broken
FROM (VALUES ('private', jsonb '{"personalNumber": null}'), ('private', '{"personalNumber": " "}'), ('private', '{"personalNumber": []}'),
		('private', '{"type": "corporate"}'), ('private', '{"type": "other", "personalNumber": null}'),
		('private', '{"organizationId": "not alnum"}'), ('corporate', '{"organizationId": ""}'),
		('corporate', '{"personalNumber": "123"}'), ('corporate', '{"personalNumber": ""}'), ('corporate', '{"type": " corporate "}')) v(kind, change),
	LATERAL (SELECT jsonb_set(b, '{customerDetails}', b -> 'customerDetails' || change) AS o
		FROM (SELECT CASE kind WHEN 'private' THEN private ELSE corporate END AS b FROM base) b) s;
SELECT change, coalesce((SELECT string_agg(v.path || ' ' || v.rule, ', ') FROM fpgo.validate(private || change) v), 'valid') AS broken
FROM base, (VALUES (jsonb '{"fpgoUuid": "ODR1"}'), ('{"fpgoUuid": "ODR1", "orderFrom": "PARTNER"}'), ('{"fpgoUuid": "ODR1", "orderFrom": " "}'),
	('{"fpgoUuid": "\u00a0"}'), ('{"fpgoUuid": "\u00a0", "orderFrom": "PARTNER"}'), ('{"fpgoUuid": 5}'), ('{"fpgoUuid": []}'), ('{"fpgoUuid": null, "orderFrom": "SHOP"}')) v(change);

-- all violations at once, in the page's order, with their messages
SELECT path, rule, message FROM fpgo.validate('{"products": [{"tax": 13, "name": null}, "x"], "orderSummary": [],
	"orderDate": 1, "fpgoUuid": "ODR1", "invoiceInterval": "9", "separateInvoices": "yes", "settings": {"secureDetails": 7},
	"customerDetails": {"type": "private", "email": "nobody", "personalNumber": "2803871238", "organizationId": "a b",
		"preferredLanguage": "xx", "address": {"country": "Norway", "zip": 7030}},
	"callback": {"success": "/ok", "failure": ["https://a.example"]}}');

-- containers of the wrong kind
SELECT document, (SELECT count(*) FROM fpgo.validate(document)) AS violations,
	(SELECT message FROM fpgo.validate(document) LIMIT 1) AS first
FROM (VALUES (jsonb '[]'), ('[{}]'), ('5'), ('"x"'), ('null'), ('{"products": []}'), ('{"products": {}}'),
	('{"products": "x"}'), ('{"products": [[]]}'), ('{"products": {"0": {}, "line two": {}, "28038712383": {}}}')) v(document);
SELECT path FROM fpgo.validate('{"products": {"0": {}, "line two": {}, "28038712383": {}}}') WHERE path LIKE '%.tax' OR path LIKE '%tax';

-- the gateway reads 512 levels, wherever they are, and of a deeper order nothing
SELECT place, n AS levels_inside, (SELECT count(*) FROM fpgo.validate(d)) AS violations, (SELECT message FROM fpgo.validate(d) LIMIT 1) AS first
FROM base, (VALUES ('{note}', 511), ('{note}', 512), ('{products,0,note}', 509), ('{products,0,note}', 510)) v(place, n),
	LATERAL (SELECT jsonb_set(private, place::text[], (repeat('[', n) || repeat(']', n))::jsonb) AS d) s;

-- an error has one violation a line, twenty at most, and how many there are besides
CREATE SERVER validate_detail FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.example/api/v1', tax_rates '0, 12.5');
CREATE USER MAPPING FOR CURRENT_USER SERVER validate_detail OPTIONS (token 'x');
DO $$
DECLARE
	said text;
	n int;
BEGIN
	FOREACH n IN ARRAY ARRAY[1, 19, 20, 21, 500] LOOP
		BEGIN
			PERFORM fpgo.submit_invoice(jsonb_set(private, '{customerDetails,email}', '"Kari\n28038712383"') || jsonb_build_object('products', products), 'validate_detail')
			FROM base, LATERAL (SELECT jsonb_agg(product || '{"tax": "25.00"}') AS products FROM jsonb_path_query(private, '$.products[0]') product, generate_series(1, n)) p;
		EXCEPTION WHEN check_violation THEN
			GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
			RAISE NOTICE '%, in % lines; the first and the last: % / %', SQLERRM, regexp_count(said, E'\n') + 1, split_part(said, E'\n', 1), split_part(said, E'\n', -1);
		END;
	END LOOP;
END $$;
DROP SERVER validate_detail CASCADE;

-- a message never repeats eleven digits, in whatever field they stand
SELECT path, message FROM fpgo.validate('{"products": [{"tax": "28038712383", "quantity": "280387 12383", "rate": "28038712383 kr"}],
	"orderFrom": "28038712383", "invoiceInterval": 28038712383, "customerDetails": {"type": "28038712383", "personalNumber": "280387-12383",
	"email": "28038712383", "preferredLanguage": 28038712383, "address": {"country": "28038712383"}},
	"callback": {"success": "shop.example/28038712383"}}')
WHERE message ~ '[0-9]';

-- ten thousand products
SELECT count(*), min(path COLLATE "C"), max(path COLLATE "C")
FROM fpgo.validate((SELECT jsonb_build_object('products', jsonb_agg(jsonb_build_object('tax', i))) FROM generate_series(1, 10000) i))
WHERE rule = 'in';
