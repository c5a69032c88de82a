/*
 * fpgo--1.0.sql
 *		The SQL face of fpgo 1.0.
 *
 * Contents
 *		1. Orders:     composite types, casts to and from jsonb
 *		2. Payload:    what goes over the wire
 *		3. Validation: validate, is_valid, rules
 *		4. Gateways:   the foreign-data wrapper
 *		5. Submission: submit_invoice
 *		6. Rights
 *
 * Names are the API's names in snake_case, one for one.  Everything has a
 * COMMENT; \df+ fpgo.* and \dT+ fpgo.* are the reference.
 */

-- complain if the script is sourced in psql rather than through CREATE EXTENSION
\echo Use "CREATE EXTENSION fpgo" to load this file. \quit

/* ---------- 1. Orders ---------- */

CREATE TYPE fpgo.product AS (
	name text,
	product_id text,
	quantity numeric,
	rate numeric,
	discount numeric,
	tax numeric,
	amount numeric
);
COMMENT ON TYPE fpgo.product IS 'One line of an order: products.* in the API. Build it attribute by attribute, not with ROW().';
COMMENT ON COLUMN fpgo.product.name IS 'products.*.name: name of the product. Required.';
COMMENT ON COLUMN fpgo.product.product_id IS 'products.*.productId: the shop''s identifier of the product. Optional.';
COMMENT ON COLUMN fpgo.product.quantity IS 'products.*.quantity: how many units. Required.';
COMMENT ON COLUMN fpgo.product.rate IS 'products.*.rate: price of one unit in NOK. Required.';
COMMENT ON COLUMN fpgo.product.discount IS 'products.*.discount: discount on the line in NOK, an amount and not a percentage. Optional.';
COMMENT ON COLUMN fpgo.product.tax IS 'products.*.tax: VAT rate in percent, one of 0, 12, 15, 25 unless the server''s option tax_rates says otherwise. Required.';
COMMENT ON COLUMN fpgo.product.amount IS 'products.*.amount: total of the line in NOK. Required.';

CREATE TYPE fpgo.order_summary AS (
	sub_total numeric,
	total_tax numeric,
	total_discount numeric,
	grand_total numeric
);
COMMENT ON TYPE fpgo.order_summary IS 'Totals of an order in NOK: orderSummary in the API.';
COMMENT ON COLUMN fpgo.order_summary.sub_total IS 'orderSummary.subTotal: all products before tax and discount, in NOK. Required.';
COMMENT ON COLUMN fpgo.order_summary.total_tax IS 'orderSummary.totalTax: tax of the order in NOK. Required.';
COMMENT ON COLUMN fpgo.order_summary.total_discount IS 'orderSummary.totalDiscount: discount of the order in NOK. Required.';
COMMENT ON COLUMN fpgo.order_summary.grand_total IS 'orderSummary.grandTotal: what the customer owes, in NOK. Required.';

CREATE TYPE fpgo.settings AS (
	secure_details boolean
);
COMMENT ON TYPE fpgo.settings IS 'Settings of an order: settings in the API.';
COMMENT ON COLUMN fpgo.settings.secure_details IS 'settings.secureDetails: whether secure details are enabled. Optional.';

CREATE TYPE fpgo.address AS (
	street text,
	zip text,
	city text,
	country text
);
COMMENT ON TYPE fpgo.address IS 'A customer''s postal address: customerDetails.address in the API.';
COMMENT ON COLUMN fpgo.address.street IS 'customerDetails.address.street: street and number. Required.';
COMMENT ON COLUMN fpgo.address.zip IS 'customerDetails.address.zip: postal code. Required.';
COMMENT ON COLUMN fpgo.address.city IS 'customerDetails.address.city: city. Required.';
COMMENT ON COLUMN fpgo.address.country IS 'customerDetails.address.country: ISO 3166-1 alpha-2 code in capitals, such as NO. Required.';

CREATE TYPE fpgo.customer_details AS (
	type text,
	country_code text,
	msisdn text,
	email text,
	name text,
	personal_number text,
	organization_id text,
	preferred_language text,
	address fpgo.address
);
COMMENT ON TYPE fpgo.customer_details IS 'Who is invoiced: customerDetails in the API.';
COMMENT ON COLUMN fpgo.customer_details.type IS 'customerDetails.type: private or corporate. Required.';
COMMENT ON COLUMN fpgo.customer_details.country_code IS 'customerDetails.countryCode: dialling code of the phone number, such as +47. Required.';
COMMENT ON COLUMN fpgo.customer_details.msisdn IS 'customerDetails.msisdn: phone number without the dialling code. Required.';
COMMENT ON COLUMN fpgo.customer_details.email IS 'customerDetails.email: e-mail address. Required.';
COMMENT ON COLUMN fpgo.customer_details.name IS 'customerDetails.name: full name. Required.';
COMMENT ON COLUMN fpgo.customer_details.personal_number IS 'customerDetails.personalNumber: personal identification number, 11 characters. Required for a private customer. fpgo prints it nowhere.';
COMMENT ON COLUMN fpgo.customer_details.organization_id IS 'customerDetails.organizationId: organisation number, letters and digits. Required for a corporate customer.';
COMMENT ON COLUMN fpgo.customer_details.preferred_language IS 'customerDetails.preferredLanguage: en, no, sv, da or de; the gateway takes no if it is not given. Optional.';
COMMENT ON COLUMN fpgo.customer_details.address IS 'customerDetails.address: postal address. Required.';

CREATE TYPE fpgo.callback AS (
	callback_url text,
	success text,
	failure text
);
COMMENT ON TYPE fpgo.callback IS 'Where the gateway reports to and sends the customer back to: callback in the API.';
COMMENT ON COLUMN fpgo.callback.callback_url IS 'callback.callbackUrl: absolute URL that receives the gateway''s notifications. Required.';
COMMENT ON COLUMN fpgo.callback.success IS 'callback.success: absolute URL the customer is sent to after success. Required.';
COMMENT ON COLUMN fpgo.callback.failure IS 'callback.failure: absolute URL the customer is sent to after failure. Required.';

CREATE TYPE fpgo.invoice_order AS (
	products fpgo.product[],
	order_summary fpgo.order_summary,
	order_date timestamptz,
	reference_no text,
	customer_reference text,
	order_from text,
	fpgo_uuid text,
	invoice_interval numeric,
	separate_invoices boolean,
	invoice_fee_applicable boolean,
	invoice_maturity numeric,
	settings fpgo.settings,
	customer_details fpgo.customer_details,
	callback fpgo.callback
);
COMMENT ON TYPE fpgo.invoice_order IS 'An order to be invoiced: the body of the API''s invoice submission. Build it attribute by attribute (o.customer_details.address.zip := ...), not with ROW(); NULL attributes are not sent.';
COMMENT ON COLUMN fpgo.invoice_order.products IS 'products: the lines of the order, at least one. Required.';
COMMENT ON COLUMN fpgo.invoice_order.order_summary IS 'orderSummary: the totals. Required.';
COMMENT ON COLUMN fpgo.invoice_order.order_date IS 'orderDate: when the order was made; sent as a string of whole Unix seconds, rounded down. From 1970 on. Required.';
COMMENT ON COLUMN fpgo.invoice_order.reference_no IS 'referenceNo: the shop''s own reference, such as its order number. Optional.';
COMMENT ON COLUMN fpgo.invoice_order.customer_reference IS 'customerReference: the customer''s reference. Optional.';
COMMENT ON COLUMN fpgo.invoice_order.order_from IS 'orderFrom: PARTNER. Required with fpgo_uuid.';
COMMENT ON COLUMN fpgo.invoice_order.fpgo_uuid IS 'fpgoUuid: order uuid of an earlier answer (ODR..., no RFC 4122 UUID); makes this an update of that order. Optional.';
COMMENT ON COLUMN fpgo.invoice_order.invoice_interval IS 'invoiceInterval: 0, 1 or 2. Optional.';
COMMENT ON COLUMN fpgo.invoice_order.separate_invoices IS 'separateInvoices: whether invoices are kept separate. Optional.';
COMMENT ON COLUMN fpgo.invoice_order.invoice_fee_applicable IS 'invoiceFeeApplicable: whether the invoice fee applies. Required.';
COMMENT ON COLUMN fpgo.invoice_order.invoice_maturity IS 'invoiceMaturity: maturity period of the invoice; the API does not print its unit, its sample is 10. Optional.';
COMMENT ON COLUMN fpgo.invoice_order.settings IS 'settings: settings of the order. Optional.';
COMMENT ON COLUMN fpgo.invoice_order.customer_details IS 'customerDetails: who is invoiced. Required.';
COMMENT ON COLUMN fpgo.invoice_order.callback IS 'callback: where the gateway reports to. Required.';

CREATE FUNCTION fpgo.to_jsonb("order" fpgo.invoice_order) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'fpgo_invoice_order_to_jsonb'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.to_jsonb(fpgo.invoice_order) IS 'The order as jsonb in the API''s spelling; behind the cast. NULL attributes are left out, numeric becomes a JSON number, order_date a string of whole Unix seconds. NULL gives NULL. Errors: 22003 for NaN and infinite numbers, 22008 for an infinite date or one before 1970, 2202E for products of more than one dimension.';

CREATE FUNCTION fpgo.to_invoice_order("order" jsonb) RETURNS fpgo.invoice_order
	AS 'MODULE_PATHNAME', 'fpgo_jsonb_to_invoice_order'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.to_invoice_order(jsonb) IS 'The order as a composite; behind the cast. Strings that hold numbers become numeric. NULL gives NULL. Errors: 22023 for whatever the composite cannot hold: a member it has no attribute for, a value of another type, an orderDate that is no string of Unix seconds.';

CREATE CAST (fpgo.invoice_order AS jsonb) WITH FUNCTION fpgo.to_jsonb(fpgo.invoice_order);
COMMENT ON CAST (fpgo.invoice_order AS jsonb) IS 'The order in the API''s spelling; see fpgo.to_jsonb';
CREATE CAST (jsonb AS fpgo.invoice_order) WITH FUNCTION fpgo.to_invoice_order(jsonb);
COMMENT ON CAST (jsonb AS fpgo.invoice_order) IS 'The order as a composite; see fpgo.to_invoice_order';

/* ---------- 2. Payload ---------- */

CREATE FUNCTION fpgo.payload("order" text) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'fpgo_payload_text'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.payload(text) IS 'What goes over the wire for an order given as JSON text; see fpgo.payload(jsonb). Error 22P02 if the text is not JSON.';

CREATE FUNCTION fpgo.payload("order" jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'fpgo_payload_jsonb'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.payload(jsonb) IS 'What goes over the wire for an order: members the API reads as absent (null, blank) are left out, unknown members are kept, every value keeps its JSON type and its digits. Does not validate. NULL gives NULL. Error 22023 if the order is no JSON object.';

CREATE FUNCTION fpgo.payload("order" fpgo.invoice_order) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'fpgo_payload_invoice_order'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.payload(fpgo.invoice_order) IS 'What goes over the wire for an order given as a composite; see fpgo.payload(jsonb) and, for its errors, fpgo.to_jsonb.';

/* ---------- 3. Validation ---------- */

CREATE TYPE fpgo.violation AS (
	path text,
	rule text,
	message text
);
COMMENT ON TYPE fpgo.violation IS 'A rule of the API that an order breaks.';
COMMENT ON COLUMN fpgo.violation.path IS 'The field, in the API''s spelling, list elements counted from 0: products[0].tax';
COMMENT ON COLUMN fpgo.violation.rule IS 'The rule''s name: required, required_if, required_with, array, string, numeric, boolean, email, url, in, size, alpha_num, iso_alpha2_country';
COMMENT ON COLUMN fpgo.violation.message IS 'What is expected and what is there, in a sentence; never a personal number';

CREATE FUNCTION fpgo.validate("order" text, server text DEFAULT NULL) RETURNS SETOF fpgo.violation
	AS 'MODULE_PATHNAME', 'fpgo_validate_text'
	LANGUAGE C STABLE PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION fpgo.validate(text, text) IS 'Every rule of the API that an order given as JSON text breaks; see fpgo.validate(jsonb, text). Error 22P02 if the text is not JSON.';

CREATE FUNCTION fpgo.validate("order" jsonb, server text DEFAULT NULL) RETURNS SETOF fpgo.violation
	AS 'MODULE_PATHNAME', 'fpgo_validate_jsonb'
	LANGUAGE C STABLE PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION fpgo.validate(jsonb, text) IS 'Every rule of the API page''s field table that the order breaks, in the table''s order; no row if the gateway would take it. The server''s option tax_rates counts; without the argument the server that fpgo.server names, and where that does not exist the page''s own rates. Needs no right on the server. Errors: 22004 for a NULL order, 42704 for a server that does not exist.';

CREATE FUNCTION fpgo.validate("order" fpgo.invoice_order, server text DEFAULT NULL) RETURNS SETOF fpgo.violation
	AS 'MODULE_PATHNAME', 'fpgo_validate_invoice_order'
	LANGUAGE C STABLE PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION fpgo.validate(fpgo.invoice_order, text) IS 'Every rule of the API that an order given as a composite breaks; see fpgo.validate(jsonb, text) and, for values JSON cannot spell, fpgo.to_jsonb.';

CREATE FUNCTION fpgo.is_valid("order" jsonb, tax_rates numeric[] DEFAULT NULL) RETURNS boolean
	AS 'MODULE_PATHNAME', 'fpgo_is_valid'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.is_valid(jsonb, numeric[]) IS 'Does the order break no rule of the API page''s field table? tax_rates in percent; NULL means the page''s own 0, 12, 15, 25. Looks at its arguments alone. A NULL order gives NULL. Error 22023 for tax_rates that are empty or hold NULL, NaN or infinity.';

CREATE FUNCTION fpgo.rules(
	OUT path text, OUT type text, OUT presence text, OUT "constraint" text,
	OUT sql_type text, OUT attribute text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'fpgo_rules'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 50;
COMMENT ON FUNCTION fpgo.rules() IS 'Every field of an order, in the order of the API page''s field table: its path, JSON type, when it must be there, what else holds for it, and the composite type and attribute that hold it.';

/* ---------- 4. Gateways ---------- */

CREATE FUNCTION fpgo.option_validator(options text[], catalog oid) RETURNS void
	AS 'MODULE_PATHNAME', 'fpgo_option_validator'
	LANGUAGE C STRICT;
COMMENT ON FUNCTION fpgo.option_validator(text[], oid) IS 'Checks the options of servers and user mappings when they are written. Errors: HV00D for an unknown option, HV024 for a bad value, HV002 for a missing one, 42501 for naming a file without pg_read_server_files.';

CREATE FOREIGN DATA WRAPPER fpgo VALIDATOR fpgo.option_validator;
COMMENT ON FOREIGN DATA WRAPPER fpgo IS 'Front Payment Go gateways. A server is an account: OPTIONS (url, submit_path, ca_file, connect_timeout, timeout, keepalive, tax_rates); a user mapping holds its credentials: OPTIONS (token_file) or OPTIONS (token). GRANT USAGE ON FOREIGN SERVER is the right to submit.';

/* ---------- 5. Submission ---------- */

CREATE TYPE fpgo.invoice_session AS (
	order_uuid text,
	customer_uuid text,
	bank_id_url text
);
COMMENT ON TYPE fpgo.invoice_session IS 'The gateway''s answer to an order it accepted.';
COMMENT ON COLUMN fpgo.invoice_session.order_uuid IS 'data.orderUuid: the gateway''s identifier of the order (ODR..., no RFC 4122 UUID); never NULL';
COMMENT ON COLUMN fpgo.invoice_session.customer_uuid IS 'data.customerUuid: the gateway''s identifier of the customer (CSRT...); NULL if the answer had none';
COMMENT ON COLUMN fpgo.invoice_session.bank_id_url IS 'data.bankIdUrl: where the customer confirms their identity. A secret: do not log it. NULL if the answer had none, as for corporate customers';

CREATE FUNCTION fpgo.submit_invoice("order" text, server text DEFAULT NULL) RETURNS fpgo.invoice_session
	AS 'MODULE_PATHNAME', 'fpgo_submit_invoice_text'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION fpgo.submit_invoice(text, text) IS 'Submits an order given as JSON text; see fpgo.submit_invoice(jsonb, text). Error 22P02 if the text is not JSON.';

CREATE FUNCTION fpgo.submit_invoice("order" jsonb, server text DEFAULT NULL) RETURNS fpgo.invoice_session
	AS 'MODULE_PATHNAME', 'fpgo_submit_invoice_jsonb'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION fpgo.submit_invoice(jsonb, text) IS 'Sends the order to the gateway, once, and returns its answer as a row. Call it in FROM: SELECT * FROM fpgo.submit_invoice(...); (f(...)).* calls it once a column. server: a foreign server of wrapper fpgo, by default the one fpgo.server names. Errors, nothing sent: 22004 NULL order, 23514 the order breaks a rule (all violations in DETAIL), 42704 no such server, 42501 no USAGE on it, 55000 no mapping, no token, read-only or standby, 54000 payload over 1 MiB. Errors after sending: 38000 the gateway refused the order (its messages in DETAIL), 38F01 outcome unknown (never send again blindly), 38F02 could not reach the gateway (safe to try again), 38F03 it refused the credentials, 38F04 it asked to slow down (HINT says when).';

CREATE FUNCTION fpgo.submit_invoice("order" fpgo.invoice_order, server text DEFAULT NULL) RETURNS fpgo.invoice_session
	AS 'MODULE_PATHNAME', 'fpgo_submit_invoice_invoice_order'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION fpgo.submit_invoice(fpgo.invoice_order, text) IS 'Submits an order given as a composite; see fpgo.submit_invoice(jsonb, text) and, for values JSON cannot spell, fpgo.to_jsonb.';

/* ---------- 6. Rights ---------- */

-- USAGE on a server is the right that counts, so that one GRANT suffices
GRANT USAGE ON SCHEMA fpgo TO PUBLIC;
