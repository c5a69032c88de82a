-- The field tree against the API page's own table, and against the types.

-- The page's table, row by row: field, type, and the word it begins with.
CREATE TEMP TABLE page (
	row_no int GENERATED ALWAYS AS IDENTITY, field text, type text, presence text
);
INSERT INTO page (field, type, presence) VALUES
	('products.*.name', 'string', 'Required'),
	('products.*.productId', 'string', 'Optional'),
	('products.*.quantity', 'numeric', 'Required'),
	('products.*.rate', 'numeric', 'Required'),
	('products.*.discount', 'numeric', 'Optional'),
	('products.*.tax', 'numeric', 'Required'),
	('products.*.amount', 'numeric', 'Required'),
	('orderSummary.subTotal', 'numeric', 'Required'),
	('orderSummary.totalTax', 'numeric', 'Required'),
	('orderSummary.totalDiscount', 'numeric', 'Required'),
	('orderSummary.grandTotal', 'numeric', 'Required'),
	('orderDate', 'string', 'Required'),
	('referenceNo', 'string', 'Optional'),
	('customerReference', 'string', 'Optional'),
	('orderFrom', 'string', 'Conditionally Required if fpgoUuid is present'),
	('fpgoUuid', 'string', 'Optional'),
	('invoiceInterval', 'numeric', 'Optional'),
	('separateInvoices', 'boolean', 'Optional'),
	('invoiceFeeApplicable', 'boolean', 'Required'),
	('invoiceMaturity', 'numeric', 'Optional'),
	('settings.secureDetails', 'boolean', 'Optional'),
	('customerDetails.type', 'string', 'Required'),
	('customerDetails.countryCode', 'string', 'Required'),
	('customerDetails.msisdn', 'string', 'Required'),
	('customerDetails.email', 'email', 'Required'),
	('customerDetails.name', 'string', 'Required'),
	('customerDetails.personalNumber', 'string', 'Required if customer type is private'),
	('customerDetails.organizationId', 'string', 'Required if customer type is corporate'),
	('customerDetails.preferredLanguage', 'string', 'Optional'),
	('customerDetails.address.street', 'string', 'Required'),
	('customerDetails.address.zip', 'string', 'Required'),
	('customerDetails.address.city', 'string', 'Required'),
	('customerDetails.address.country', 'string', 'Required'),
	('callback.callbackUrl', 'url', 'Required'),
	('callback.success', 'url', 'Required'),
	('callback.failure', 'url', 'Required');

CREATE TEMP VIEW tree AS
	SELECT row_number() OVER () AS row_no, path, type, presence, "constraint",
		sql_type, attribute
	FROM fpgo.rules()
	WHERE type NOT IN ('object', 'array');

-- every row of the page, and nothing else
SELECT coalesce(page.field, tree.path) AS field,
	CASE WHEN page.field IS NULL THEN 'missing in the table above'
		WHEN tree.path IS NULL THEN 'missing in the field tree'
		ELSE 'differs' END AS what,
	page.type AS page_type, tree.type AS tree_type,
	page.presence AS on_the_page, tree.presence AS in_the_tree
FROM page FULL JOIN tree ON page.field = tree.path
WHERE page.type IS DISTINCT FROM tree.type
	OR tree.presence IS DISTINCT FROM
		CASE page.presence
			WHEN 'Required' THEN 'required'
			WHEN 'Optional' THEN 'optional'
			WHEN 'Conditionally Required if fpgoUuid is present' THEN 'required with fpgoUuid'
			WHEN 'Required if customer type is private' THEN 'required if type is private'
			WHEN 'Required if customer type is corporate' THEN 'required if type is corporate'
		END
ORDER BY 1;

-- in the page's order
SELECT field AS out_of_order, before
FROM (SELECT field, page.row_no, lag(page.row_no) OVER tree_order AS row_before,
		lag(field) OVER tree_order AS before
	FROM page JOIN tree ON page.field = tree.path
	WINDOW tree_order AS (ORDER BY tree.row_no)) neighbours
WHERE row_before > row_no;

-- what the page says beyond type and presence
SELECT path, "constraint" FROM tree WHERE "constraint" IS NOT NULL ORDER BY row_no;

-- containers
SELECT path, type, presence, sql_type, attribute FROM fpgo.rules()
WHERE type IN ('object', 'array');

-- each field has its attribute, named by the mechanical rule, of the right type
CREATE TEMP VIEW attributes AS
	SELECT 'fpgo.' || c.relname AS sql_type, a.attname::text AS attribute,
		format_type(a.atttypid, a.atttypmod) AS attribute_type
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relnamespace = 'fpgo'::regnamespace AND c.relkind = 'c'
		AND a.attnum > 0 AND NOT a.attisdropped
		AND c.relname NOT IN ('violation', 'invoice_session', 'order_status', 'shown_request');

SELECT r.path, r.sql_type, r.attribute, a.attribute_type
FROM fpgo.rules() r LEFT JOIN attributes a USING (sql_type, attribute)
WHERE a.attribute IS NULL
	OR r.attribute <> lower(regexp_replace(substring(r.path FROM '[^.]+$'), '([A-Z])', '_\1', 'g'))
	OR a.attribute_type <>
		CASE
			WHEN r.path = 'orderDate' THEN 'timestamp with time zone'
			WHEN r.type = 'numeric' THEN 'numeric'
			WHEN r.type = 'boolean' THEN 'boolean'
			WHEN r.type = 'array' THEN 'fpgo.product[]'
			WHEN r.type = 'object' THEN 'fpgo.' || r.attribute
			ELSE 'text'
		END;

-- and no attribute is without a field
SELECT * FROM attributes a
WHERE NOT EXISTS (SELECT FROM fpgo.rules() r
				  WHERE (r.sql_type, r.attribute) = (a.sql_type, a.attribute));
