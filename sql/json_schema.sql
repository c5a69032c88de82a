-- fpgo.json_schema(): its outline.  That it takes what fpgo takes, a validator
-- says in test/t/104_json_schema.pl.

-- where other tests' orders went
DELETE FROM fpgo_internal.account WHERE name = 'frontpayment';

\pset format unaligned

SELECT schema ->> '$schema' AS draft, schema ->> 'title' AS title, schema -> 'required' AS required
FROM fpgo.json_schema() schema;

-- every field of the tree is in it, at its place, and says what rules() says;
-- only the tax rates are those in force already
CREATE TEMP VIEW described AS
	SELECT path, concat_ws('; ', presence, "constraint") AS rule,
		fpgo.json_schema() #>> string_to_array(
			CASE WHEN path LIKE 'products.*.%'
				THEN replace(path, 'products.*.', 'definitions.product.properties.')
				ELSE 'properties.' || replace(path, '.', '.properties.')
			END || '.description', '.') AS description
	FROM fpgo.rules();
SELECT * FROM described WHERE rule IS DISTINCT FROM description;

-- some of them
SELECT jsonb_pretty(fpgo.json_schema() #> '{definitions,product,properties,tax}');
SELECT jsonb_pretty(fpgo.json_schema() #> '{properties,customerDetails,properties,personalNumber}');
SELECT jsonb_pretty(fpgo.json_schema() #> '{properties,settings}');
SELECT jsonb_pretty(fpgo.json_schema() #> '{properties,products}');
SELECT jsonb_pretty(fpgo.json_schema() #> '{allOf}');

-- the server's tax rates count
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.invalid/api/v1', tax_rates '0,6.50');
CREATE SERVER plain FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.invalid/api/v1');
SELECT server, fpgo.json_schema(server) #> '{definitions,product,properties,tax}' ->> 'description' AS description,
	fpgo.json_schema(server) #> '{definitions,product,properties,tax,anyOf,0,enum}' AS numbers
FROM (VALUES (NULL), ('frontpayment'), ('plain')) v(server);
SELECT fpgo.json_schema('nowhere');
DROP SERVER frontpayment, plain;
