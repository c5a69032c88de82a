-- What fpgo refuses though every version of the gateway's framework takes it,
-- or its older ones do: src/validation/README.md lists it with reasons.  Every
-- row of the list is put to the test, and nothing is tested that the list does
-- not say.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
\set readme `cat "$PG_ABS_SRCDIR/src/validation/README.md"`

CREATE TEMP TABLE listed AS
SELECT btrim(split_part(line, '|', 2)) AS refused, btrim(split_part(line, '|', 4)) AS why
FROM regexp_split_to_table(substring(:'readme' FROM '\n\| refused \| example \| why \|\n\|[-|]+\n((?:\|[^\n]*\n)+)'), '\n') line
WHERE line <> '';

CREATE TEMP TABLE a_case (refused text, path text, refused_value jsonb, taken_value jsonb);
INSERT INTO a_case VALUES
	('a tax rate or interval in quotes, spelled in another way', '{products,0,tax}', '"25.00"', '25.00'),
	('a tax rate or interval in quotes, spelled in another way', '{products,0,tax}', '"2.5e1"', '2.5e1'),
	('a tax rate or interval in quotes, spelled in another way', '{invoiceInterval}', '"+1"', '"1"'),
	('a tax rate that is close to one of the list', '{products,0,tax}', '11.99999999999999999999', '12.00000000000000000000'),
	('a callback that is neither http nor https', '{callback,success}', '"ftp://shop.example/"', '"http://shop.example/"'),
	('a URL of more than 4000 bytes', '{callback,failure}', to_jsonb(rpad('https://shop.example/', 4001, 'a')), to_jsonb(rpad('https://shop.example/', 4000, 'a'))),
	('white space or a comment in an e-mail address', '{customerDetails,email}', '"kari(work)@shop.example"', '"kari@shop.example"'),
	('white space or a comment in an e-mail address', '{customerDetails,email}', '"kari @shop.example"', '" kari@shop.example"'),
	('white space or a comment in an e-mail address', '{customerDetails,email}', '"kari\u00a0n@shop.example"', '"\"kari n\"@shop.example"'),
	('a backslash outside of quotes, `::`, or a quoted string next to other text in one', '{customerDetails,email}', '"kari\\@shop.example"', '"\"kari\\n\"@shop.example"'),
	('a backslash outside of quotes, `::`, or a quoted string next to other text in one', '{customerDetails,email}', '"a::b@shop.example"', '"\"a::b\"@shop.example"'),
	('a backslash outside of quotes, `::`, or a quoted string next to other text in one', '{customerDetails,email}', '"a.\"b\"@shop.example"', '"\"a.b\"@shop.example"'),
	('brackets in an e-mail address around no IP address', '{customerDetails,email}', '"kari@[shop]"', '"kari@[192.0.2.1]"'),
	('brackets in an e-mail address around no IP address', '{customerDetails,email}', '"kari@[IPv6:shop]"', '"kari@[IPv6:::1]"'),
	('letters younger than Unicode 11 (2018), in organizationId, URLs and e-mail addresses', '{customerDetails,organizationId}', to_jsonb(U&'\+01E100'::text), to_jsonb(U&'\+01E900'::text)),
	('letters younger than Unicode 11 (2018), in organizationId, URLs and e-mail addresses', '{callback,success}', to_jsonb(U&'https://shop.example/\+01E100'::text), to_jsonb(U&'https://shop.example/\+01E900'::text)),
	('letters younger than Unicode 11 (2018), in organizationId, URLs and e-mail addresses', '{customerDetails,email}', to_jsonb(U&'\+01E100@shop.example'::text), to_jsonb(U&'\+01E900@shop.example'::text));

SELECT count(*) AS listed, count(*) FILTER (WHERE why = '') AS without_reason FROM listed;
SELECT refused AS not_tested FROM listed WHERE refused NOT IN (SELECT refused FROM a_case);
SELECT refused AS not_listed FROM a_case WHERE refused NOT IN (SELECT refused FROM listed);

-- each is refused where it stands and nowhere else, and what is meant is taken
SELECT refused, path, left(refused_value::text, 40) AS value, broken, taken
FROM a_case, LATERAL (SELECT string_agg(v.path || ' ' || v.rule, ', ') AS broken FROM fpgo.validate(jsonb_set(:'order', path::text[], refused_value)) v) b,
	LATERAL (SELECT fpgo.is_valid(jsonb_set(:'order', path::text[], taken_value)) AS taken) t
WHERE NOT taken OR broken IS NULL
	OR regexp_replace(broken, ' \w+$', '') <> replace(array_to_string(path::text[], '.'), 'products.0', 'products[0]');
SELECT count(*) AS cases FROM a_case;
