/*
 * fpgo--1.0--1.1.sql
 *		What ALTER EXTENSION fpgo UPDATE changes of fpgo 1.0 to make it 1.1.
 *
 * Every change of fpgo--1.1.sql has its part here, in the same commit, with the
 * same words.  test/upgrade compares what the two scripts make.
 *
 * Shops depend on what 1.0 made: they have bodies of functions, views, columns
 * and grants that need it.  Therefore nothing of it is dropped or made anew:
 *
 *		A function that gets an argument stays as it is.  The new one stands
 *		beside it, under the same name, and its new arguments have no default:
 *		a call as in 1.0 would otherwise fit both.
 *		A function that README.md grants by its bare name gets no second of
 *		that name, or the GRANT would fail: the new one has a name of its own.
 *		An index that no constraint has may be made anew.
 *		A view gets new columns at its end, by CREATE OR REPLACE VIEW.
 *		A table gets new columns that are nullable or have a default, since a
 *		dump of 1.0 names the old ones only.
 *		A composite type gets no attribute: where a shop has a column of the
 *		type, a dump made before would not restore any more.
 *		Each update changes fpgo.version(), if only by ALTER FUNCTION ... COST 1:
 *		that tells the processes of fpgo to look at the version.
 *		A symbol of the library that 1.0's script names stays, and does what
 *		it did: pg_proc of a database that is not updated yet has its name.
 *		Where its function gets a successor with more arguments, the old
 *		symbol stays beside the new one, in the same file.
 *
 * A library of 1.0 may run on these objects: a session keeps the library that it
 * loaded, until it ends.  And the library of 1.1 runs on those of 1.0 until
 * somebody updates: orders are queued, and nothing is sent; see
 * base/extension_version.h.
 */

-- complain if the script is sourced in psql rather than through ALTER EXTENSION
\echo Use "ALTER EXTENSION fpgo UPDATE TO '1.1'" to load this file. \quit

/* ---------- Triggers that would not fire any more ---------- */

-- in a BEFORE trigger nobody knows yet whether there will be a row, and as what
DO $$
DECLARE
	found text;
BEGIN
	SELECT string_agg(format('%I on %I.%I', t.tgname, n.nspname, c.relname), ', ' ORDER BY n.nspname, c.relname, t.tgname)
	INTO found
	FROM pg_catalog.pg_trigger t
		JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid AND p.proname = 'enqueue_invoice_trigger'
		JOIN pg_catalog.pg_namespace f ON f.oid = p.pronamespace AND f.nspname = 'fpgo'
		JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE t.tgtype & 2 <> 0 AND t.tgparentid = 0;
	IF found IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('fpgo.enqueue_invoice_trigger does not fire BEFORE a change any more: trigger %s', found),
			HINT = 'Drop the trigger, and create it as CONSTRAINT TRIGGER ... AFTER INSERT OR UPDATE OR DELETE ON ... '
				'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW ...';
	END IF;
END $$;

/* ---------- Versions ---------- */

CREATE FUNCTION fpgo.version() RETURNS text
	AS 'MODULE_PATHNAME', 'fpgo_version'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.version() IS
	'Version of fpgo''s library, such as 1.1; never NULL. That of its SQL objects is in pg_extension. fpgo.doctor says '
	'whether the two fit.';

/* ---------- Casts of JSON text ---------- */

CREATE FUNCTION fpgo.to_invoice_order("order" text) RETURNS fpgo.invoice_order
	AS 'MODULE_PATHNAME', 'fpgo_text_to_invoice_order'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.to_invoice_order(text) IS
	'An order given as JSON text as a composite; behind the casts. Takes what PostgreSQL prints of the composite, too. '
	'NULL gives NULL. Error 22P02 if the text is neither; it does not quote the text. For others see '
	'fpgo.to_invoice_order(jsonb).';

CREATE FUNCTION fpgo.to_invoice_order("order" json) RETURNS fpgo.invoice_order
	AS 'MODULE_PATHNAME', 'fpgo_json_to_invoice_order'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.to_invoice_order(json) IS
	'An order given as json as a composite; behind the cast. See fpgo.to_invoice_order(jsonb).';

CREATE CAST (text AS fpgo.invoice_order) WITH FUNCTION fpgo.to_invoice_order(text);
COMMENT ON CAST (text AS fpgo.invoice_order) IS 'JSON text as a composite; see fpgo.to_invoice_order';
CREATE CAST (varchar AS fpgo.invoice_order) WITH FUNCTION fpgo.to_invoice_order(text);
COMMENT ON CAST (varchar AS fpgo.invoice_order) IS 'JSON text as a composite; see fpgo.to_invoice_order';
CREATE CAST (json AS fpgo.invoice_order) WITH FUNCTION fpgo.to_invoice_order(json);
COMMENT ON CAST (json AS fpgo.invoice_order) IS 'The order as a composite; see fpgo.to_invoice_order';

/* ---------- An order to try, and what would be sent ---------- */

CREATE FUNCTION fpgo.example_order() RETURNS fpgo.invoice_order
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (pg_catalog.jsonb '{
	"products": [{"name": "Router", "productId": "R_1", "quantity": "1", "rate": 40, "discount": 0, "tax": "0", "amount": 40}],
	"orderSummary": {"subTotal": "40", "totalTax": "0", "totalDiscount": "0.00", "grandTotal": "40"},
	"orderDate": "1755150488",
	"customerDetails": {"type": "private", "countryCode": "+47", "msisdn": "46567468", "email": "zahid@yopmail.com", "name": "Zahidul", "preferredLanguage": "en", "personalNumber": "28038712383", "address": {"street": "Klosterenget 144", "zip": "7030", "city": "Trondheim", "country": "NO"}},
	"referenceNo": "Dhaka",
	"customerReference": "3500",
	"invoiceInterval": 0,
	"separateInvoices": true,
	"invoiceFeeApplicable": true,
	"invoiceMaturity": 10,
	"callback": {"callbackUrl": "https://wp.frontpayment.no/?order_identifier=rRbl1FWZG59o&order_status=success", "success": "https://wp.frontpayment.no/?order_identifier=rRbl1FWZG59o&order_status=success", "failure": "https://frontpayment.no/?order_identifier=rRbl1FWZG59o&order_status=failed"}
}')::fpgo.invoice_order;
COMMENT ON FUNCTION fpgo.example_order() IS
	'The order that the API page shows as its example, for trying things out: a private customer in Norway, one '
	'product, 40.00. It breaks no rule. Whoever submits it to a real account makes an invoice.';

CREATE TYPE fpgo.shown_request AS (
	method text,
	url text,
	headers text[],
	body text,
	curl text
);
COMMENT ON TYPE fpgo.shown_request IS 'The request that fpgo would send for an order.';
COMMENT ON COLUMN fpgo.shown_request.method IS 'POST; never NULL';
COMMENT ON COLUMN fpgo.shown_request.url IS 'Where it goes: the server''s options url and submit_path; never NULL';
COMMENT ON COLUMN fpgo.shown_request.headers IS
	'Its header lines, "Name: value", as they are sent, but for the token: Authorization: Bearer ***; never NULL';
COMMENT ON COLUMN fpgo.shown_request.body IS
	'Its body, which is sent in UTF-8. It has the personal number; never NULL';
COMMENT ON COLUMN fpgo.shown_request.curl IS
	'A command for sh that sends the same; curl reads the token from the file "token". Whoever runs it makes an invoice '
	'that fpgo does not know of. It has the personal number; never NULL';

CREATE FUNCTION fpgo.request("order" text, server text DEFAULT NULL) RETURNS fpgo.shown_request
	AS 'MODULE_PATHNAME', 'fpgo_request_text'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION fpgo.request(text, text) IS
	'The request that fpgo would send for an order given as JSON text; see fpgo.request(jsonb, text). Error 22P02 if '
	'the text is not JSON.';

CREATE FUNCTION fpgo.request("order" jsonb, server text DEFAULT NULL) RETURNS fpgo.shown_request
	AS 'MODULE_PATHNAME', 'fpgo_request_jsonb'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION fpgo.request(jsonb, text) IS
	'The request that fpgo.submit_invoice would send, defaults laid under, token covered. Nothing is sent or recorded; '
	'no user mapping is needed. {submission} in callbackUrl stays. server: by default that of fpgo.server. Errors '
	'22004, 23514, 42501, 42704, 54000, 55000: as with fpgo.submit_invoice.';

CREATE FUNCTION fpgo.request("order" fpgo.invoice_order, server text DEFAULT NULL) RETURNS fpgo.shown_request
	AS 'MODULE_PATHNAME', 'fpgo_request_invoice_order'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION fpgo.request(fpgo.invoice_order, text) IS
	'The request that fpgo would send for an order given as a composite; see fpgo.request(jsonb, text) and, for values '
	'JSON cannot spell, fpgo.to_jsonb. An order_date of NULL is the time of the transaction.';

/* ---------- Orders without a date ---------- */

/*
 * Replaced, and not made anew: what depends on it stays.  A date from the clock
 * made another order of each call.
 */
CREATE OR REPLACE FUNCTION fpgo.make_order(
	products fpgo.product[], customer_details fpgo.customer_details,
	reference_no text DEFAULT NULL, customer_reference text DEFAULT NULL,
	invoice_fee_applicable boolean DEFAULT NULL, callback fpgo.callback DEFAULT NULL,
	order_date timestamptz DEFAULT NULL, order_summary fpgo.order_summary DEFAULT NULL,
	invoice_interval numeric DEFAULT NULL, separate_invoices boolean DEFAULT NULL,
	invoice_maturity numeric DEFAULT NULL, settings fpgo.settings DEFAULT NULL,
	order_from text DEFAULT NULL, fpgo_uuid text DEFAULT NULL
) RETURNS fpgo.invoice_order
	AS 'MODULE_PATHNAME', 'fpgo_make_order'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
ALTER FUNCTION fpgo.payload(fpgo.invoice_order) STABLE;
COMMENT ON FUNCTION fpgo.payload(fpgo.invoice_order) IS
	'What goes over the wire for an order given as a composite; see fpgo.payload(jsonb) and, for its errors, '
	'fpgo.to_jsonb. An order_date of NULL is the time of the transaction.';

/* ---------- Orders as shops reckon them ---------- */

CREATE FUNCTION fpgo.summarize(products fpgo.product[], vat text) RETURNS fpgo.order_summary
	AS 'MODULE_PATHNAME', 'fpgo_summarize_by_rule'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.summarize(fpgo.product[], text) IS
	'As fpgo.summarize(fpgo.product[]), which is ''before_discount''. vat: ''after_discount'' takes VAT of what is left '
	'after discount, and makes total_discount one without VAT, as the books of most shops have both. NULL gives NULL. '
	'Error 22023: another word.';

CREATE FUNCTION fpgo.make_net_product(
	name text, quantity numeric, rate numeric, tax numeric, discount numeric DEFAULT NULL,
	product_id text DEFAULT NULL, amount numeric DEFAULT NULL
) RETURNS fpgo.product
	AS 'MODULE_PATHNAME', 'fpgo_make_net_product'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.make_net_product(text, numeric, numeric, numeric, numeric, text, numeric) IS
	'As fpgo.make_product, but rate and discount are without VAT. VAT is put on both, and nothing is rounded. amount: '
	'NOK, VAT included; if NULL, worked out of them and rounded. Without tax, rate and discount are left out. Error '
	'22003: beyond numeric.';

CREATE FUNCTION fpgo.as_one_piece(product fpgo.product, unit text DEFAULT NULL) RETURNS fpgo.product
	AS 'MODULE_PATHNAME', 'fpgo_as_one_piece'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.as_one_piece(fpgo.product, text) IS
	'A product whose quantity is not whole, as one piece: 1.5 of "Ost" at 100 becomes 1 of "Ost, 1,5 kg" at 150. Any '
	'other product stays as it is. unit: what follows the quantity in the name. NULL gives NULL; a NULL unit is none. '
	'Error 22003: beyond numeric.';

CREATE FUNCTION fpgo.fold_credits(products fpgo.product[]) RETURNS fpgo.product[]
	AS 'MODULE_PATHNAME', 'fpgo_fold_credits'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.fold_credits(fpgo.product[]) IS
	'The products without those below zero, which become discounts of products of the same VAT rate: of the dearest '
	'first, the first among equals. VAT after discount stays the same. NULL gives NULL. Error 22023: those cost less.';

/*
 * Beside that of 1.0, which it must not make ambiguous: grand_total stands where
 * that one takes a text, and no text stands where that one takes something else.
 */
CREATE FUNCTION fpgo.make_order(
	products fpgo.product[], customer_details fpgo.customer_details, grand_total numeric,
	reference_no text DEFAULT NULL,
	invoice_fee_applicable boolean DEFAULT NULL, callback fpgo.callback DEFAULT NULL,
	order_date timestamptz DEFAULT NULL, order_summary fpgo.order_summary DEFAULT NULL,
	invoice_interval numeric DEFAULT NULL, separate_invoices boolean DEFAULT NULL,
	invoice_maturity numeric DEFAULT NULL, settings fpgo.settings DEFAULT NULL,
	customer_reference text DEFAULT NULL, order_from text DEFAULT NULL, fpgo_uuid text DEFAULT NULL,
	total_tax numeric DEFAULT NULL, vat text DEFAULT 'before_discount'
) RETURNS fpgo.invoice_order
	AS 'MODULE_PATHNAME', 'fpgo_make_order_with_totals'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION fpgo.make_order(fpgo.product[], fpgo.customer_details, numeric, text, boolean, fpgo.callback,
	timestamptz, fpgo.order_summary, numeric, boolean, numeric, fpgo.settings, text, text, text, numeric, text) IS
	'An order with the shop''s own totals in NOK. The amounts are rounded, and take 0.01 each until they add up to '
	'grand_total. NULL grand_total: their sum. NULL total_tax: of fpgo.summarize(products, vat). Error 22023: more '
	'than 0.01 a product, or an order_summary besides.';

/* ---------- The rule of a hash ---------- */

ALTER TABLE fpgo_internal.submission ADD COLUMN hash_rule smallint, ADD COLUMN source bytea,
	ADD COLUMN source_table text;
COMMENT ON COLUMN fpgo_internal.submission.order_hash IS
	'SHA-256 of the hash key and the order: whether two calls meant the same order';
COMMENT ON COLUMN fpgo_internal.submission.hash_rule IS
	'Number of the rule that order_hash was made by: 1 for the order by value, as it was handed in; NULL for fpgo '
	'1.0''s, the payload';
COMMENT ON COLUMN fpgo_internal.submission.source IS
	'The row that a trigger made the order of: SHA-256 of the topmost table''s name and the primary key; NULL: of no '
	'row, or the table has no primary key';
COMMENT ON COLUMN fpgo_internal.submission.source_table IS 'Name of that table, with its schema, as it was then';

/* ---------- Versions of an order ---------- */

ALTER DOMAIN fpgo.submission_state DROP CONSTRAINT submission_state_check;
ALTER DOMAIN fpgo.submission_state ADD CONSTRAINT submission_state_check
	CHECK (VALUE OPERATOR(pg_catalog.=) ANY ('{queued,sending,accepted,refused,uncertain,superseded,cancelled}'));
COMMENT ON DOMAIN fpgo.submission_state IS
	'queued: waits to be sent. sending: on its way. accepted: the gateway has it. refused: the gateway refused it for '
	'good. uncertain: it may or may not have arrived; never sent again by itself. superseded: a later version of its '
	'order stands in its place. cancelled: will not be sent.';

ALTER TABLE fpgo_internal.submission ADD COLUMN for_good boolean, ADD COLUMN version integer,
	ADD COLUMN first_version bigint, ADD COLUMN mapping text, ADD COLUMN on_change text, ADD COLUMN withdrawn boolean,
	ADD COLUMN origin bigint, ADD COLUMN attempt_began timestamptz;
COMMENT ON COLUMN fpgo_internal.submission.for_good IS
	'true: cancelled for good; it keeps its key until fpgo.hand_in_again. NULL otherwise';
COMMENT ON COLUMN fpgo_internal.submission.version IS
	'Counts the versions of the order from 1; NULL: a submission of fpgo 1.0';
COMMENT ON COLUMN fpgo_internal.submission.first_version IS
	'Number of the submission that is the first version of the order; NULL: this one is';
COMMENT ON COLUMN fpgo_internal.submission.mapping IS
	'Whose user mapping the order''s first version was to be sent with: a role''s name, or empty for PUBLIC; NULL: not known, of fpgo '
	'1.0';
COMMENT ON COLUMN fpgo_internal.submission.on_change IS
	'What it does to an older version that was accepted: error and replace: nothing; update: it changes that order; '
	'NULL: of fpgo 1.0';
COMMENT ON COLUMN fpgo_internal.submission.withdrawn IS
	'true: says that the order is not wanted any more; it holds no order itself. NULL otherwise';
COMMENT ON COLUMN fpgo_internal.submission.origin IS
	'Number of the database that it was handed in to, see fpgo_internal.origin; another one does not send it. NULL: of fpgo 1.0';
COMMENT ON COLUMN fpgo_internal.submission.attempt_began IS
	'When the attempt began that is under way, or by which the order was accepted with HTTP status 201: it has no row in '
	'fpgo_internal.attempt. NULL: the last attempt has its row there';
COMMENT ON COLUMN fpgo_internal.submission.key IS
	'What makes a second call the same call; the versions of an order share it, unless a trigger''s order got another';
-- whose user mapping is used, of what is still to be sent
UPDATE fpgo_internal.submission s SET mapping = CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_user_mappings m
		WHERE m.srvname = s.server AND m.usename = s.role AND m.umuser <> 0) THEN s.role ELSE '' END
	WHERE s.state = ANY ('{queued,sending,uncertain}');
-- keys are compared byte by byte from now on, and nothing but fpgo's own statements depends on the index
DROP INDEX fpgo_internal.submission_key;
-- versions of a key; of two that are made at once the second waits
CREATE UNIQUE INDEX submission_key
	ON fpgo_internal.submission (server COLLATE "C", key COLLATE "C", mapping COLLATE "C", version);
-- later versions by their order
CREATE UNIQUE INDEX submission_versions ON fpgo_internal.submission (first_version, version)
	WHERE first_version IS NOT NULL;
-- the order of a row
CREATE INDEX submission_source ON fpgo_internal.submission (source, server COLLATE "C")
	WHERE source IS NOT NULL;
-- what was sent lately; nothing else tells, as submissions may be queued for days
CREATE INDEX submission_attempt_began ON fpgo_internal.submission USING brin (attempt_began)
	WITH (autosummarize = on);
COMMENT ON TABLE fpgo_internal.attempt IS
	'One row a transmission that ended, but of those that ended with HTTP status 201 hardly any: see '
	'fpgo_internal.whole_attempt';

/* ---------- Payloads ---------- */

-- orders of more than some 20 lines are compressed: pglz would hold up for several
-- times as long the process that records them for all sessions
DO $$
BEGIN
	IF 'lz4' OPERATOR(pg_catalog.=) ANY (SELECT pg_catalog.unnest(s.enumvals) FROM pg_catalog.pg_settings s
			WHERE s.name OPERATOR(pg_catalog.=) 'default_toast_compression') THEN
		ALTER TABLE fpgo_internal.payload ALTER COLUMN payload SET COMPRESSION lz4;
	END IF;
END $$;

/* ---------- Purged orders ---------- */

-- What stays of an order that was purged: its key and its uuid stay known.
CREATE TABLE fpgo_internal.trace (
	submission bigint,
	day date NOT NULL,
	hash_rule smallint,
	for_good boolean,
	state fpgo.submission_state NOT NULL,
	server text COLLATE "C" NOT NULL,
	key bytea,
	source bytea,
	order_hash bytea,
	newest_hash bytea,
	order_uuid text,
	role text NOT NULL,
	mapping text,
	PRIMARY KEY (submission, key)
);
CREATE INDEX trace_key ON fpgo_internal.trace (key);
CREATE INDEX trace_source ON fpgo_internal.trace (source)
	WHERE source IS NOT NULL;
CREATE INDEX trace_order_uuid ON fpgo_internal.trace (order_uuid)
	WHERE order_uuid IS NOT NULL;
COMMENT ON TABLE fpgo_internal.trace IS
	'One row an order that fpgo.purge took away, or one for each key of such an order. No personal data; see fpgo.forget_keys';
COMMENT ON COLUMN fpgo_internal.trace.submission IS 'The number that the submission of its first version had';
COMMENT ON COLUMN fpgo_internal.trace.day IS 'The day on which the order reached its state';
COMMENT ON COLUMN fpgo_internal.trace.hash_rule IS 'Number of the rule that both hashes were made by, as in fpgo_internal.submission';
COMMENT ON COLUMN fpgo_internal.trace.for_good IS
	'Did the person who took it back do so for good? NULL: nobody took it back';
COMMENT ON COLUMN fpgo_internal.trace.state IS 'State of the order: that of the version that decided';
COMMENT ON COLUMN fpgo_internal.trace.server IS 'Name of its account, see fpgo_internal.account';
COMMENT ON COLUMN fpgo_internal.trace.key IS 'Its key: 16 bytes of the SHA-256 of the hash key and the key';
COMMENT ON COLUMN fpgo_internal.trace.source IS 'The row that it was made of, as in fpgo_internal.submission; NULL: none';
COMMENT ON COLUMN fpgo_internal.trace.order_hash IS
	'Hash of the version that decided; NULL: it was not sent, and may be handed in again';
COMMENT ON COLUMN fpgo_internal.trace.newest_hash IS 'Hash of the newest version; NULL: the same';
COMMENT ON COLUMN fpgo_internal.trace.order_uuid IS 'The gateway''s identifier of the order; NULL unless it was accepted';
COMMENT ON COLUMN fpgo_internal.trace.role IS 'Name of the role that handed it in';
COMMENT ON COLUMN fpgo_internal.trace.mapping IS 'Whose user mapping it was sent with, as in fpgo_internal.submission';

SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.trace', '');
-- statistics keep copies of what they sample, and keep them when it is gone
ALTER TABLE fpgo_internal.submission ALTER COLUMN customer_uuid SET STATISTICS 0;
ALTER TABLE fpgo_internal.event ALTER COLUMN reason SET STATISTICS 0;
ALTER TABLE fpgo_internal.sighting ALTER COLUMN customer SET STATISTICS 0, ALTER COLUMN contact SET STATISTICS 0;
ALTER TABLE fpgo_internal.likeness ALTER COLUMN customer SET STATISTICS 0, ALTER COLUMN contact SET STATISTICS 0;
CREATE INDEX likeness_products ON fpgo_internal.likeness (products);
ALTER TABLE fpgo_internal.event ALTER COLUMN submission DROP NOT NULL;

/* ---------- Tables of sources ---------- */

-- What a table was called when rows of it were first handed in.  Rows are only
-- inserted, and nothing is unique: no session waits for another one here.
CREATE TABLE fpgo_internal.source_table (
	relation oid NOT NULL,
	system_identifier bigint NOT NULL,
	database oid NOT NULL,
	schema text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	first_schema text COLLATE "C" NOT NULL,
	first_name text COLLATE "C" NOT NULL
);
CREATE INDEX source_table_relation ON fpgo_internal.source_table (relation);
CREATE INDEX source_table_name ON fpgo_internal.source_table (name, schema);
COMMENT ON TABLE fpgo_internal.source_table IS
	'Tables whose rows a trigger hands in, by each name they had: the first one stays in the sources of their rows';
COMMENT ON COLUMN fpgo_internal.source_table.relation IS
	'oid of the table, in the database that the next two columns tell';
COMMENT ON COLUMN fpgo_internal.source_table.system_identifier IS 'System identifier of the cluster of that database';
COMMENT ON COLUMN fpgo_internal.source_table.database IS 'oid of that database';
COMMENT ON COLUMN fpgo_internal.source_table.schema IS 'Schema of the table then';
COMMENT ON COLUMN fpgo_internal.source_table.name IS 'Name of the table then';
COMMENT ON COLUMN fpgo_internal.source_table.first_schema IS 'Schema by which the sources of its rows are made';
COMMENT ON COLUMN fpgo_internal.source_table.first_name IS 'Name by which the sources of its rows are made';

/* ---------- Accounts of the gateway ---------- */

-- Records name the account; the server that has it may be renamed, or gone.
CREATE TABLE fpgo_internal.account (
	name text COLLATE "C" PRIMARY KEY,
	server text COLLATE "C",
	origin text COLLATE "C",
	since timestamptz NOT NULL DEFAULT clock_timestamp(),
	reason text
);
CREATE UNIQUE INDEX account_server ON fpgo_internal.account (server)
	WHERE server IS NOT NULL;
COMMENT ON TABLE fpgo_internal.account IS
	'One row an account of the gateway that orders were sent for. An account without a row has the name of its server.';
COMMENT ON COLUMN fpgo_internal.account.name IS
	'Its name in the records, in the columns "server": that of its first server, with a number if that is taken';
COMMENT ON COLUMN fpgo_internal.account.server IS
	'Name of the foreign server that has it, or had it last; NULL: another account has that server now';
COMMENT ON COLUMN fpgo_internal.account.origin IS
	'Scheme, host and port that its orders are sent to, from the server''s url; NULL: not known';
COMMENT ON COLUMN fpgo_internal.account.since IS 'When this row was made';
COMMENT ON COLUMN fpgo_internal.account.reason IS
	'Why a person said so, see fpgo.new_account and adopt_account; NULL: nobody did';

-- How many requests the gateway takes with one token: shared by all that send.
CREATE TABLE fpgo_internal.allowance (
	origin text COLLATE "C",
	token bytea,
	number bigint NOT NULL DEFAULT 1,
	rate_limit integer NOT NULL DEFAULT 0,
	remaining integer NOT NULL DEFAULT 0,
	at_start integer NOT NULL DEFAULT 0,
	granted integer NOT NULL DEFAULT 0,
	leased integer NOT NULL DEFAULT 0,
	is_seen boolean NOT NULL DEFAULT false,
	since timestamptz NOT NULL,
	began timestamptz,
	closed_until timestamptz,
	PRIMARY KEY (origin, token)
);
COMMENT ON TABLE fpgo_internal.allowance IS
	'One row a place and token of which the gateway has said how many requests it takes in a window of time, or that it takes '
	'none for a while';
COMMENT ON COLUMN fpgo_internal.allowance.origin IS 'Scheme, host and port that the requests are sent to';
COMMENT ON COLUMN fpgo_internal.allowance.token IS 'First 16 bytes of SHA-256 of the hash key and the token';
COMMENT ON COLUMN fpgo_internal.allowance.number IS 'Counts the windows';
COMMENT ON COLUMN fpgo_internal.allowance.rate_limit IS
	'Requests in a window, by the header x-ratelimit-limit; 0: the gateway did not say';
COMMENT ON COLUMN fpgo_internal.allowance.remaining IS
	'Requests left, the least that x-ratelimit-remaining said in this window';
COMMENT ON COLUMN fpgo_internal.allowance.at_start IS 'Requests left when counting began in this window';
COMMENT ON COLUMN fpgo_internal.allowance.granted IS 'Requests given to processes in this window';
COMMENT ON COLUMN fpgo_internal.allowance.leased IS 'Requests of these that nothing was heard of since';
COMMENT ON COLUMN fpgo_internal.allowance.is_seen IS 'true: an answer came in this window';
COMMENT ON COLUMN fpgo_internal.allowance.since IS 'When counting began in this window';
COMMENT ON COLUMN fpgo_internal.allowance.began IS
	'When the window began at the latest; NULL: before fpgo counted, at a moment not known';
COMMENT ON COLUMN fpgo_internal.allowance.closed_until IS
	'No request before that: status 429 and its header Retry-After, or a minute; NULL: open';

-- where its orders went is recorded by the first process that sends again
INSERT INTO fpgo_internal.account (name, server)
	SELECT DISTINCT s.server, s.server FROM fpgo_internal.submission s;
COMMENT ON COLUMN fpgo_internal.submission.server IS
	'Name of the account, see fpgo_internal.account: at first that of its foreign server';

CREATE PROCEDURE fpgo.purge(
	before timestamptz, INOUT orders bigint DEFAULT NULL, INOUT submissions bigint DEFAULT NULL
)
	AS 'MODULE_PATHNAME', 'fpgo_purge'
	LANGUAGE C;
COMMENT ON PROCEDURE fpgo.purge(timestamptz, bigint, bigint) IS
	'Takes away the records of orders all versions of which were finished before that time, and all that hangs on them. '
	'Returns how many orders and submissions. Their keys and uuids stay known, so that none is invoiced again. At top '
	'level it commits every 1000 submissions. Granted to nobody. Error 22004: NULL. 55000: read-only, standby, or ALTER '
	'EXTENSION fpgo UPDATE is due.';

CREATE FUNCTION fpgo.forget_keys(
	before date, reason text, OUT server text, OUT orders bigint, OUT accepted bigint, OUT first_day date, OUT last_day date
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'fpgo_forget_keys'
	LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;
COMMENT ON FUNCTION fpgo.forget_keys(date, text) IS
	'Forgets the keys and uuids of purged orders that were finished before that day. Whoever hands such an order in again '
	'has it invoiced again: accepted says how many orders may be invoiced twice. One row a server. reason is recorded. For '
	'superusers. Error 22004: NULL. 22023: blank reason. 42501: no superuser.';

CREATE FUNCTION fpgo.new_account(server text, reason text) RETURNS text
	AS 'MODULE_PATHNAME', 'fpgo_new_account'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION fpgo.new_account(text, text) IS
	'Says that a foreign server has another account at the gateway than before: its orders have new keys, and what is '
	'queued for the former account stays. reason is recorded. Returns the account''s name in the records. Granted to '
	'nobody; for the server''s owner. Error 22004: NULL. 22023: blank. 42501: not its owner. 42704: no such server.';

CREATE FUNCTION fpgo.adopt_account(old text, new text, reason text) RETURNS void
	AS 'MODULE_PATHNAME', 'fpgo_adopt_account'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION fpgo.adopt_account(text, text, text) IS
	'Says that foreign server new has the account of a server old that is gone: keys and queue go on. With one name '
	'twice: that its new url is the same account. reason is recorded. Granted to nobody; for the owner of new. Error 22004: NULL. 22023: '
	'blank. 42501: not its owner. 42704: no such server or account. 55000: old exists, or new has orders of its own.';

CREATE VIEW fpgo_internal.shown_server AS
	SELECT a.name AS account, coalesce(a.server, a.name || ' (former)') COLLATE "default" AS server
	FROM fpgo_internal.account a;
COMMENT ON VIEW fpgo_internal.shown_server IS 'How the views name the server of an account that has a row';
COMMENT ON COLUMN fpgo_internal.shown_server.account IS 'Name of the account in the records';
COMMENT ON COLUMN fpgo_internal.shown_server.server IS
	'Name of the foreign server that has it, or had it last; with "(former)" if another account has that server now';

CREATE VIEW fpgo_internal.server_account AS
	SELECT f.srvname::text COLLATE "default" AS server,
		coalesce(a.name, CASE WHEN o.name IS NULL THEN f.srvname::text END) COLLATE "default" AS account
	FROM pg_catalog.pg_foreign_server f
		JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = f.srvfdw AND w.fdwname = 'fpgo'
		LEFT JOIN fpgo_internal.account a ON a.server = f.srvname::text COLLATE "C"
		LEFT JOIN fpgo_internal.account o ON o.name = f.srvname::text COLLATE "C";
COMMENT ON VIEW fpgo_internal.server_account IS 'One row a foreign server of wrapper fpgo';
COMMENT ON COLUMN fpgo_internal.server_account.server IS 'Name of the foreign server';
COMMENT ON COLUMN fpgo_internal.server_account.account IS
	'Name of its account in the records; NULL if a person must say which it has';

/* ---------- Origins and seats ---------- */

-- What tells databases that send from their copies.  No foreign keys: hand-in only
-- stamps, and a dump of any state must restore.
CREATE TABLE fpgo_internal.origin (
	number bigint PRIMARY KEY,
	system_identifier bigint NOT NULL,
	database oid NOT NULL,
	timeline bigint NOT NULL,
	inode bigint NOT NULL,
	born bigint NOT NULL,
	site text COLLATE "C" NOT NULL,
	records oid NOT NULL,
	first_seen timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE fpgo_internal.origin IS
	'One row a database that orders were handed in to or sent from: a copy of a database is another one';
COMMENT ON COLUMN fpgo_internal.origin.number IS 'First 8 bytes of the SHA-256 of the other columns but the last';
COMMENT ON COLUMN fpgo_internal.origin.system_identifier IS 'Of its cluster, as pg_control_system() shows it';
COMMENT ON COLUMN fpgo_internal.origin.database IS 'Its oid';
COMMENT ON COLUMN fpgo_internal.origin.timeline IS 'The timeline that its server wrote on; 0: not known';
COMMENT ON COLUMN fpgo_internal.origin.inode IS
	'Inode of the file global/pg_control; 0: the file system does not keep it';
COMMENT ON COLUMN fpgo_internal.origin.born IS
	'When that file was made, in microseconds since 1970; 0: not known';
COMMENT ON COLUMN fpgo_internal.origin.site IS 'The setting fpgo.site; empty: not set';
COMMENT ON COLUMN fpgo_internal.origin.records IS
	'Oid of fpgo_internal.submission: a dump that is restored over it makes another one';
COMMENT ON COLUMN fpgo_internal.origin.first_seen IS 'When a process sent from it first, or looked whether it may';

CREATE TABLE fpgo_internal.seat (
	account text COLLATE "C" PRIMARY KEY,
	origin bigint NOT NULL,
	why text COLLATE "C" NOT NULL,
	since timestamptz NOT NULL DEFAULT clock_timestamp(),
	role text,
	reason text,
	standbys boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE fpgo_internal.seat IS
	'Which database sends the orders of an account. A copy of this table names the database that it was copied from';
COMMENT ON COLUMN fpgo_internal.seat.account IS 'Name of the account, see fpgo_internal.account';
COMMENT ON COLUMN fpgo_internal.seat.origin IS 'Number of the database that sends, see fpgo_internal.origin';
COMMENT ON COLUMN fpgo_internal.seat.why IS
	'Why it does: first (none did before), update (of fpgo 1.0), continued (the same server after its promotion), failover '
	'(option failover is trust), promotion (for new orders only), person (fpgo.take_seat)';
COMMENT ON COLUMN fpgo_internal.seat.since IS 'Since when';
COMMENT ON COLUMN fpgo_internal.seat.role IS 'Who decided so; NULL: nobody did';
COMMENT ON COLUMN fpgo_internal.seat.reason IS 'Why, in their words; NULL: nobody decided';
COMMENT ON COLUMN fpgo_internal.seat.standbys IS
	'Does that database wait for synchronous standbys? As it was at its last claim';

SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.origin', '');
SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.seat', '');

CREATE FUNCTION fpgo_internal.sent_elsewhere(origin bigint, account text) RETURNS text
	AS 'MODULE_PATHNAME', 'fpgo_sent_elsewhere'
	LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION fpgo_internal.sent_elsewhere(bigint, text) IS
	'Why this database does not send a queued submission with this origin, of this account: seat, it sends nothing for the '
	'account; origin, another database queued it; setting, fpgo.accept_orders is off. NULL: it sends it, or is a standby.';

CREATE FUNCTION fpgo_internal.origin_here() RETURNS bigint
	AS 'MODULE_PATHNAME', 'fpgo_here'
	LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION fpgo_internal.origin_here() IS
	'The number of this database''s origin, see fpgo_internal.origin; the row is made when a process sends first. Error '
	'55000: during recovery.';

CREATE FUNCTION fpgo_internal.describe_elsewhere(kind text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE kind
		WHEN 'seat' THEN 'Another database sends the orders of this server, or did when this one was copied or restored: see fpgo.take_seat.'
		WHEN 'origin' THEN 'It was queued by another database, or by this one before it was copied or restored: see fpgo.take_seat.'
		WHEN 'setting' THEN 'The setting fpgo.accept_orders is off on this server.' END;
COMMENT ON FUNCTION fpgo_internal.describe_elsewhere(text) IS
	'The sentence for what fpgo_internal.sent_elsewhere says; NULL for NULL';

CREATE FUNCTION fpgo.take_seat(server text, reason text, old_orders text DEFAULT 'hold',
	OUT orders bigint, OUT oldest timestamptz, OUT total numeric) RETURNS record
	AS 'MODULE_PATHNAME', 'fpgo_take_seat'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION fpgo.take_seat(text, text, text) IS
	'From now on this database sends the orders of the server, and no other must. old_orders says what becomes of orders '
	'that another database queued, or this one before it was restored or promoted: hold them; send them, if that database '
	'certainly sends no more and has not sent them; or cancel them. Returns one row: how many there are, when the oldest was '
	'handed in, and their grand totals in NOK; NULL: there are none. reason is recorded. For those who may execute '
	'fpgo.resolve. Error 22004: NULL. 22023: blank reason, or another word. 42501: without that right. 42704: no such server. '
	'55000: not writable.';

/* ---------- Holds ---------- */

CREATE TABLE fpgo_internal.hold (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	server text COLLATE "C" NOT NULL,
	mapping text COLLATE "C",
	role text COLLATE "C",
	kind text COLLATE "C" NOT NULL,
	because text NOT NULL,
	since timestamptz NOT NULL DEFAULT clock_timestamp(),
	until timestamptz,
	step integer NOT NULL,
	pause integer NOT NULL,
	answers integer NOT NULL,
	asked integer NOT NULL,
	tries_highest boolean NOT NULL,
	canary bigint,
	digest bytea
);
COMMENT ON TABLE fpgo_internal.hold IS
	'One row a hold: orders that are not sent for now, and why. A process that sends writes a row when something changes, '
	'and deletes the row when an order gets through.';
COMMENT ON COLUMN fpgo_internal.hold.id IS 'The number of the hold';
COMMENT ON COLUMN fpgo_internal.hold.server IS 'Name of the account, see fpgo_internal.account';
COMMENT ON COLUMN fpgo_internal.hold.mapping IS
	'Whose user mapping the held orders go with: a role''s name, or empty for PUBLIC; NULL: all orders of the account, or '
	'those of role';
COMMENT ON COLUMN fpgo_internal.hold.role IS
	'The role that may not send, whose orders are held; NULL: the role does not matter';
COMMENT ON COLUMN fpgo_internal.hold.kind IS
	'unreached: the address; unknown: outcomes are unknown; answers: none is an answer to an order; refusals: every order is '
	'refused; rights: the role may not send';
COMMENT ON COLUMN fpgo_internal.hold.because IS 'Why, in a sentence without personal data';
COMMENT ON COLUMN fpgo_internal.hold.since IS 'When it began';
COMMENT ON COLUMN fpgo_internal.hold.until IS
	'When the next order is tried, if the clock is right; NULL: when the role may send again';
COMMENT ON COLUMN fpgo_internal.hold.step IS 'How often the pause between two tries has grown';
COMMENT ON COLUMN fpgo_internal.hold.pause IS
	'The pause before the next try in milliseconds: until is never further away, whatever the clock says';
COMMENT ON COLUMN fpgo_internal.hold.answers IS 'How many answers in a row were of this kind';
COMMENT ON COLUMN fpgo_internal.hold.asked IS 'How many questions in a row had no answer; a question comes before a try';
COMMENT ON COLUMN fpgo_internal.hold.tries_highest IS
	'true: the next order to be tried is the one with the highest number; false: the lowest';
COMMENT ON COLUMN fpgo_internal.hold.canary IS 'While an order is tried: the run of the process that sends it';
COMMENT ON COLUMN fpgo_internal.hold.digest IS
	'Keyed hash of the server''s options and, with a mapping, of the token: another one lifts the hold';
COMMENT ON SEQUENCE fpgo_internal.hold_id_seq IS 'Numbers the holds';

-- Answers in a row that led nowhere: all processes that send count together.
CREATE TABLE fpgo_internal.streak (
	server text COLLATE "C",
	mapping text COLLATE "C",
	is_token boolean NOT NULL,
	status integer NOT NULL,
	orders bigint[] NOT NULL,
	refused integer NOT NULL,
	last_refused bigint NOT NULL,
	accepted_at timestamptz,
	changed_at timestamptz NOT NULL,
	PRIMARY KEY (server, mapping)
);
COMMENT ON TABLE fpgo_internal.streak IS
	'One row a user mapping of which an order was refused, or got an answer that is none to an order: how many in a row, '
	'which leads to a hold';
COMMENT ON COLUMN fpgo_internal.streak.server IS 'Name of the account, see fpgo_internal.account';
COMMENT ON COLUMN fpgo_internal.streak.mapping IS 'Whose user mapping the orders went with: a role''s name, or empty for PUBLIC';
COMMENT ON COLUMN fpgo_internal.streak.is_token IS 'true: the answers refused the token; false: they were none of the API''s own';
COMMENT ON COLUMN fpgo_internal.streak.status IS 'HTTP status that all of them had';
COMMENT ON COLUMN fpgo_internal.streak.orders IS 'The submissions that got such an answer in a row, 40 at most';
COMMENT ON COLUMN fpgo_internal.streak.refused IS 'How many orders were refused in a row, none accepted between';
COMMENT ON COLUMN fpgo_internal.streak.last_refused IS 'The submission that was refused last; 0: none';
COMMENT ON COLUMN fpgo_internal.streak.accepted_at IS
	'When an order was accepted, to about five seconds; NULL: not since this row was made';
COMMENT ON COLUMN fpgo_internal.streak.changed_at IS 'When the row was written; after an hour the answers do not count any more';
SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.hold', '');
SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.hold_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.streak', '');
ALTER TABLE fpgo_internal.event ADD COLUMN server text COLLATE "C";
COMMENT ON TABLE fpgo_internal.event IS 'What people decided about submissions and holds: who, when, what and why';
COMMENT ON COLUMN fpgo_internal.event.submission IS 'The submission it is about; NULL: many, as of fpgo.purge, or a hold';
COMMENT ON COLUMN fpgo_internal.event.server IS 'Name of the account whose hold it is about; NULL: about a submission';
DROP INDEX fpgo_internal.submission_reference;
-- what must be settled before the next of its reference leaves; reports too. Few
-- accounts share references, and the names of their servers would make it larger
CREATE INDEX submission_reference ON fpgo_internal.submission (reference);
DROP INDEX fpgo_internal.submission_unfinished;
-- what is not finished: small, however many are; a role that may not send costs
-- the others nothing
CREATE INDEX submission_unfinished ON fpgo_internal.submission (state, server, role, id)
	WHERE state = ANY ('{queued,sending,uncertain}');
CREATE FUNCTION fpgo.release(hold bigint, reason text) RETURNS void
	AS 'MODULE_PATHNAME', 'fpgo_release'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION fpgo.release(bigint, text) IS
	'Lifts a hold of fpgo.holds at the commit: its orders are sent again. reason is recorded, in fpgo.history. A hold whose '
	'cause goes on comes back. For those who may execute fpgo.resolve. Error 22004: NULL. 22023: blank reason. 42501: no right. '
	'42704: no such hold. 0A000: PREPARE TRANSACTION.';

CREATE VIEW fpgo_internal.sees_all AS
	SELECT 1 AS one
	FROM pg_catalog.pg_proc p
	WHERE p.oid = ANY (ARRAY['fpgo.sees_all_submissions()'::regprocedure,
			'fpgo.resolve(bigint,text,text,text,text,text)'::regprocedure]::oid[])
		AND has_function_privilege(p.oid, 'EXECUTE');
COMMENT ON VIEW fpgo_internal.sees_all IS
	'A row or two if the current user sees every role''s submissions, none if not. "1 IN (SELECT ...)" of it is '
	'looked up in a hash table, in parallel workers too; of fpgo_internal.viewer it is not, up to PostgreSQL 16';
COMMENT ON COLUMN fpgo_internal.sees_all.one IS '1';

CREATE OR REPLACE VIEW fpgo.submissions WITH (security_barrier) AS
	SELECT s.id AS submission, coalesce(n.server, s.server) AS server, s.reference,
		-- the key that fpgo makes of a row is long
		CASE WHEN s.key = s.source_table || '/' || encode(s.source, 'hex')
			THEN s.source_table || '/' || left(encode(s.source, 'hex'), 8) ELSE s.key END AS key,
		s.role, s.state,
		s.order_uuid, s.customer_uuid, s.grand_total, s.advice, s.attempts, s.created_at,
		CASE WHEN s.state = 'accepted' THEN s.settled_at END AS accepted_at,
		s.settled_at,
		-- the clock may have been set back, and the statement may have begun before
		greatest(CASE WHEN s.state = ANY ('{queued,sending,uncertain}') THEN statement_timestamp()
			ELSE s.settled_at END - s.created_at, '0') AS waiting_time,
		s.not_before,
		-- an order that waits with others was not even tried: the hold says why
		CASE WHEN s.state = 'queued' THEN coalesce(
			fpgo_internal.describe_elsewhere(fpgo_internal.sent_elsewhere(s.origin, s.server)),
			(SELECT h.because FROM fpgo_internal.hold h
				WHERE h.server = s.server COLLATE "C" AND h.role = s.role COLLATE "C" LIMIT 1),
			s.error,
			(SELECT h.because FROM fpgo_internal.hold h
				WHERE h.server = s.server COLLATE "C" AND h.role IS NULL
					AND (h.mapping IS NULL OR h.mapping = s.mapping COLLATE "C")
				ORDER BY h.mapping NULLS FIRST LIMIT 1))
			ELSE s.error END AS last_error,
		g.status AS gateway_status, g.status_at AS gateway_status_at,
		g.order_amount, g.refunded_amount, g.invoice_number,
		(SELECT c.status FROM fpgo_internal.callback c
			WHERE c.order_uuid = s.order_uuid AND c.server = s.server
			ORDER BY c.sent_at DESC NULLS LAST, c.id DESC LIMIT 1) AS reported_status,
		(SELECT max(c.sent_at) FROM fpgo_internal.callback c
			WHERE c.order_uuid = s.order_uuid AND c.server = s.server) AS reported_at,
		s.version,
		CASE WHEN s.state = 'accepted' THEN (SELECT count(*)::integer FROM fpgo_internal.submission o
			WHERE o.first_version = coalesce(s.first_version, s.id) AND o.version > coalesce(s.version, 0)
				AND NOT o.withdrawn IS TRUE AND o.version > coalesce((SELECT max(b.version)
					FROM fpgo_internal.submission b
					WHERE b.first_version = coalesce(s.first_version, s.id) AND b.order_hash = s.order_hash), 0))
			ELSE 0 END AS changes_not_sent
	FROM fpgo_internal.submission s
		LEFT JOIN fpgo_internal.shown_server n ON n.account = s.server COLLATE "C"
		LEFT JOIN fpgo_internal.gateway_order g ON g.order_uuid = s.order_uuid AND g.server = s.server
	WHERE (1 IN (SELECT v.one FROM fpgo_internal.sees_all v)
			OR s.role IN (SELECT o.role FROM fpgo_internal.own_role o))
		-- of an order's versions the one that decides: accepted, else on its way, else the newest
		AND NOT EXISTS (SELECT FROM fpgo_internal.submission o
			WHERE o.first_version = coalesce(s.first_version, s.id) AND o.first_version IS NOT NULL
				AND (CASE o.state WHEN 'accepted' THEN 2 WHEN 'sending' THEN 1 WHEN 'uncertain' THEN 1 ELSE 0 END,
						o.version)
					> (CASE s.state WHEN 'accepted' THEN 2 WHEN 'sending' THEN 1 WHEN 'uncertain' THEN 1 ELSE 0 END,
						coalesce(s.version, 0)))
		AND NOT EXISTS (SELECT FROM fpgo_internal.submission l JOIN fpgo_internal.submission o ON o.id = l.first_version
			WHERE l.id = s.id AND l.first_version IS NOT NULL
				AND (CASE o.state WHEN 'accepted' THEN 2 WHEN 'sending' THEN 1 WHEN 'uncertain' THEN 1 ELSE 0 END,
						coalesce(o.version, 0))
					> (CASE l.state WHEN 'accepted' THEN 2 WHEN 'sending' THEN 1 WHEN 'uncertain' THEN 1 ELSE 0 END,
						l.version));

COMMENT ON COLUMN fpgo.submissions.version IS
	'Which version of the order this is, see fpgo.versions; NULL: of fpgo 1.0';
COMMENT ON COLUMN fpgo.submissions.changes_not_sent IS
	'How many later versions differ from what was accepted, and were not sent or not accepted. Never NULL';

CREATE VIEW fpgo.versions WITH (security_barrier) AS
	SELECT s.id AS submission, coalesce(s.first_version, s.id) AS first_submission, coalesce(s.version, 1) AS version,
		coalesce(n.server, s.server) AS server, s.reference,
		CASE WHEN s.key = s.source_table || '/' || encode(s.source, 'hex')
			THEN s.source_table || '/' || left(encode(s.source, 'hex'), 8) ELSE s.key END AS key,
		CASE WHEN s.source IS NOT NULL THEN s.source_table || '/' || left(encode(s.source, 'hex'), 8) END AS source,
		s.role, s.state, s.withdrawn IS TRUE AS is_withdrawal, s.on_change, s.grand_total, s.order_uuid, s.attempts,
		s.created_at, s.settled_at,
		CASE WHEN s.state = 'queued' THEN coalesce(
			fpgo_internal.describe_elsewhere(fpgo_internal.sent_elsewhere(s.origin, s.server)),
			(SELECT h.because FROM fpgo_internal.hold h
				WHERE h.server = s.server COLLATE "C" AND h.role = s.role COLLATE "C" LIMIT 1),
			s.error,
			(SELECT h.because FROM fpgo_internal.hold h
				WHERE h.server = s.server COLLATE "C" AND h.role IS NULL
					AND (h.mapping IS NULL OR h.mapping = s.mapping COLLATE "C")
				ORDER BY h.mapping NULLS FIRST LIMIT 1))
			ELSE s.error END AS last_error
	FROM fpgo_internal.submission s
		LEFT JOIN fpgo_internal.shown_server n ON n.account = s.server COLLATE "C"
	WHERE 1 IN (SELECT v.one FROM fpgo_internal.sees_all v)
		OR s.role IN (SELECT o.role FROM fpgo_internal.own_role o);
COMMENT ON VIEW fpgo.versions IS
	'One row a version of an order: what was handed in under its key or for its row, one after another. Shows the '
	'submissions that fpgo.submissions shows, and those whose place another version took.';
COMMENT ON COLUMN fpgo.versions.submission IS 'The number of the submission; never NULL';
COMMENT ON COLUMN fpgo.versions.first_submission IS
	'The number of the submission that is the first version: the same in all versions of an order; never NULL';
COMMENT ON COLUMN fpgo.versions.version IS
	'Counts the versions of the order upwards, not without gaps; never NULL';
COMMENT ON COLUMN fpgo.versions.server IS 'Name of the foreign server it was handed in for; never NULL';
COMMENT ON COLUMN fpgo.versions.reference IS
	'referenceNo of this version, its first 1000 bytes; NULL if it has none';
COMMENT ON COLUMN fpgo.versions.key IS 'The key it was handed in under; never NULL';
COMMENT ON COLUMN fpgo.versions.source IS
	'The row that a trigger made it of: the table''s name then and eight digits; NULL: of no row, or of one without '
	'primary key';
COMMENT ON COLUMN fpgo.versions.role IS 'Name the role that handed it in had then; never NULL';
COMMENT ON COLUMN fpgo.versions.state IS 'State; see fpgo.submission_state. Never NULL';
COMMENT ON COLUMN fpgo.versions.is_withdrawal IS
	'true: it says that the order is not wanted any more, and holds no order; never NULL';
COMMENT ON COLUMN fpgo.versions.on_change IS
	'What it does to an accepted order: error, replace: nothing; update: it changes that order. NULL: of fpgo 1.0';
COMMENT ON COLUMN fpgo.versions.grand_total IS 'orderSummary.grandTotal in NOK; NULL if there is none';
COMMENT ON COLUMN fpgo.versions.order_uuid IS
	'The gateway''s identifier of the order (ODR...); NULL unless this version was accepted';
COMMENT ON COLUMN fpgo.versions.attempts IS 'How often a transmission was begun; never NULL';
COMMENT ON COLUMN fpgo.versions.created_at IS 'When it was handed in; never NULL';
COMMENT ON COLUMN fpgo.versions.settled_at IS
	'When it reached the state it is in; NULL while it is queued or sending';
COMMENT ON COLUMN fpgo.versions.last_error IS
	'What went wrong last, or why it was not sent, in a sentence without personal data; NULL: nothing';

CREATE VIEW fpgo_internal.whole_attempt AS
	SELECT a.submission, a.number, a.run, a.started_at,
		CASE WHEN p.is_accepted THEN s.settled_at ELSE a.ended_at END AS ended_at,
		CASE WHEN p.is_accepted THEN 'accepted' ELSE a.outcome END AS outcome,
		CASE WHEN p.is_accepted THEN 201 ELSE a.status END AS status,
		CASE WHEN p.is_accepted THEN 'The gateway accepted the order with HTTP status 201.' ELSE a.reason END AS reason,
		s.server AS account, s.role, s.reference, s.created_at
	FROM fpgo_internal.attempt a JOIN fpgo_internal.submission s ON s.id = a.submission
		CROSS JOIN LATERAL (SELECT a.outcome IS NULL AND a.ended_at IS NULL AND s.state = 'accepted'
			AND a.number = s.attempts AS is_accepted) p
	UNION ALL
	SELECT s.id, s.attempts, s.run, s.attempt_began,
		CASE WHEN p.is_accepted THEN s.settled_at END,
		CASE WHEN p.is_accepted THEN 'accepted' END,
		CASE WHEN p.is_accepted THEN 201 END,
		CASE WHEN p.is_accepted THEN 'The gateway accepted the order with HTTP status 201.' END,
		s.server, s.role, s.reference, s.created_at
	FROM fpgo_internal.submission s CROSS JOIN LATERAL (SELECT s.state = 'accepted' AS is_accepted) p
	WHERE s.attempt_began IS NOT NULL;
COMMENT ON VIEW fpgo_internal.whole_attempt IS
	'The attempts with how they ended. Of one that is under way, or was accepted with HTTP status 201, the submission '
	'alone tells that.';
COMMENT ON COLUMN fpgo_internal.whole_attempt.submission IS 'The submission it belongs to';
COMMENT ON COLUMN fpgo_internal.whole_attempt.number IS 'Counts the submission''s attempts from 1';
COMMENT ON COLUMN fpgo_internal.whole_attempt.run IS 'The run that made it; NULL if that is not recorded any more';
COMMENT ON COLUMN fpgo_internal.whole_attempt.started_at IS 'When it was begun';
COMMENT ON COLUMN fpgo_internal.whole_attempt.ended_at IS 'When its outcome was known; NULL while it is under way';
COMMENT ON COLUMN fpgo_internal.whole_attempt.outcome IS 'What it came to, as in fpgo.attempts';
COMMENT ON COLUMN fpgo_internal.whole_attempt.status IS 'HTTP status of the answer; NULL if there was none';
COMMENT ON COLUMN fpgo_internal.whole_attempt.reason IS 'What happened, in a sentence without personal data';
COMMENT ON COLUMN fpgo_internal.whole_attempt.account IS 'Name of the account, column server of the submission';
COMMENT ON COLUMN fpgo_internal.whole_attempt.role IS 'Name of the role that handed the order in';
COMMENT ON COLUMN fpgo_internal.whole_attempt.reference IS 'referenceNo of the order';
COMMENT ON COLUMN fpgo_internal.whole_attempt.created_at IS 'When the order was handed in';

CREATE OR REPLACE VIEW fpgo.attempts WITH (security_barrier) AS
	SELECT a.submission, a.number, coalesce(n.server, a.account) AS server, a.reference, a.outcome, a.status AS http_status, a.reason,
		a.started_at, a.ended_at,
		greatest(coalesce(a.ended_at, statement_timestamp()) - a.started_at, '0') AS duration
	FROM fpgo_internal.whole_attempt a
		LEFT JOIN fpgo_internal.shown_server n ON n.account = a.account COLLATE "C"
	WHERE (SELECT v.sees_all FROM fpgo_internal.viewer v)
		OR a.role IN (SELECT o.role FROM fpgo_internal.own_role o);
COMMENT ON COLUMN fpgo.attempts.outcome IS
	'accepted, refused, unknown (it may have arrived), or certainly not processed: unreached, misconfigured, '
	'credentials, not_api (an answer that is not the API''s own), slow_down. asking: the gateway is asked first whether the order may be changed, and nothing was sent. '
	'NULL while it is under way';
COMMENT ON COLUMN fpgo_internal.attempt.outcome IS
	'accepted, refused, unreached, misconfigured, credentials, not_api, slow_down, unknown; asking while the gateway is asked first. '
	'NULL while it is under way, and if the submission was accepted by it with status 201: see fpgo_internal.whole_attempt';

CREATE OR REPLACE VIEW fpgo.callbacks WITH (security_barrier) AS
	SELECT c.id AS callback, coalesce(n.server, c.server) AS server, s.id AS submission,
		CASE WHEN s.id IS NOT NULL THEN s.reference ELSE t.reference END AS reference,
		c.order_uuid, c.status, c.payment_method, c.amount, c.order_created_at, c.sent_at,
		c.received_at, c.is_stale, c.submission AS named_submission
	FROM fpgo_internal.callback c
		LEFT JOIN LATERAL (SELECT i.id, i.reference, i.role FROM fpgo_internal.submission i
			WHERE i.order_uuid = c.order_uuid AND i.server = c.server
			ORDER BY i.id DESC LIMIT 1) s ON true
		LEFT JOIN fpgo_internal.submission t ON t.id = c.submission
		LEFT JOIN fpgo_internal.shown_server n ON n.account = c.server COLLATE "C"
	WHERE (SELECT v.sees_all FROM fpgo_internal.viewer v)
		-- a token in the path gives nobody the order of another
		OR CASE WHEN s.id IS NOT NULL THEN s.role ELSE t.role END IN (SELECT o.role FROM fpgo_internal.own_role o);

CREATE OR REPLACE VIEW fpgo.status_history WITH (security_barrier) AS
	SELECT h.order_uuid, coalesce(n.server, h.server) AS server, s.id AS submission, s.reference, h.status, h.at, h.is_confirmed
	FROM (SELECT c.order_uuid, c.server, c.status, c.at, true AS is_confirmed FROM fpgo_internal.status_change c
			UNION ALL
			SELECT r.order_uuid, r.server, r.status, coalesce(r.sent_at, r.received_at), false
			FROM fpgo_internal.callback r) h
		LEFT JOIN LATERAL (SELECT i.id, i.reference, i.role FROM fpgo_internal.submission i
			WHERE i.order_uuid = h.order_uuid AND i.server = h.server
			ORDER BY i.id DESC LIMIT 1) s ON true
		LEFT JOIN fpgo_internal.shown_server n ON n.account = h.server COLLATE "C"
	WHERE (SELECT v.sees_all FROM fpgo_internal.viewer v)
		OR s.role IN (SELECT o.role FROM fpgo_internal.own_role o);

CREATE OR REPLACE VIEW fpgo.callback_rejections WITH (security_barrier) AS
	SELECT coalesce(n.server, r.server) AS server, r.outcome, r.times, r.first_at, r.last_at
	FROM fpgo_internal.callback_rejection r
		LEFT JOIN fpgo_internal.shown_server n ON n.account = r.server COLLATE "C"
	WHERE (SELECT v.counts_all FROM fpgo_internal.viewer v);

CREATE OR REPLACE VIEW fpgo.candidates WITH (security_barrier) AS
	SELECT s.id AS submission, s.reference, coalesce(n.server, s.server) AS server, s.role, c.order_uuid, c.status AS gateway_status, c.is_named,
		array_remove(ARRAY[CASE WHEN c.has_amounts THEN 'amounts' END, CASE WHEN c.has_products THEN 'products' END,
			CASE WHEN c.has_date THEN 'date' END, CASE WHEN c.has_customer THEN 'customer' END], NULL) AS agrees,
		array_remove(ARRAY[CASE WHEN NOT c.has_amounts THEN 'amounts' END,
			CASE WHEN NOT c.has_products THEN 'products' END, CASE WHEN NOT c.has_date THEN 'date' END,
			CASE WHEN NOT c.has_customer THEN 'customer' END], NULL) AS differs,
		c.first_seen_at
	FROM fpgo_internal.submission s
		LEFT JOIN fpgo_internal.likeness l ON l.submission = s.id
		LEFT JOIN fpgo_internal.shown_server n ON n.account = s.server COLLATE "C"
		CROSS JOIN LATERAL (
			SELECT o.order_uuid, o.is_named, g.status, g.first_seen_at,
				g.amounts = l.amounts AS has_amounts, g.products = l.products AS has_products,
				g.order_date = l.order_date AS has_date,
				coalesce(g.customer = l.customer, g.contact = l.contact) AS has_customer
			FROM (SELECT u.order_uuid, bool_or(u.is_named) AS is_named
				FROM (SELECT r.order_uuid, true AS is_named FROM fpgo_internal.callback r
						WHERE r.submission = s.id AND r.server = s.server
					UNION ALL SELECT k.order_uuid, false FROM fpgo_internal.sighting k
						WHERE k.server = s.server AND k.first_seen_at > CASE WHEN s.state = 'queued' THEN s.created_at ELSE
							(SELECT min(a.started_at) FROM fpgo_internal.attempt a
							WHERE a.submission = s.id AND coalesce(a.outcome, 'unknown') = 'unknown') END
						AND coalesce((k.amounts = l.amounts)::integer, 0)
							+ coalesce((k.products = l.products)::integer, 0)
							+ coalesce((k.order_date = l.order_date)::integer, 0)
							+ coalesce((k.customer = l.customer)::integer, (k.contact = l.contact)::integer, 0) >= 2) u
				GROUP BY u.order_uuid) o
				LEFT JOIN fpgo_internal.sighting g ON g.order_uuid = o.order_uuid AND g.server = s.server) c
	WHERE (s.state = 'uncertain'
			OR s.state = 'queued' AND fpgo_internal.sent_elsewhere(s.origin, s.server) IS NOT NULL)
		AND NOT EXISTS (SELECT FROM fpgo_internal.submission h WHERE h.order_uuid = c.order_uuid)
		AND (SELECT v.sees_all FROM fpgo_internal.viewer v);

CREATE VIEW fpgo.unknown_orders WITH (security_barrier) AS
	SELECT coalesce(n.server, g.server) AS server, g.order_uuid, g.status AS gateway_status,
		CASE WHEN g.order_date ~ '^[0-9]{1,11}$' THEN to_timestamp(g.order_date::double precision) END AS order_date,
		split_part(g.amounts, ' ', 4)::numeric AS grand_total, g.first_seen_at, g.looked_at
	FROM fpgo_internal.sighting g
		LEFT JOIN fpgo_internal.shown_server n ON n.account = g.server COLLATE "C"
	WHERE NOT EXISTS (SELECT FROM fpgo_internal.submission h WHERE h.order_uuid = g.order_uuid)
		AND NOT EXISTS (SELECT FROM fpgo_internal.trace h WHERE h.order_uuid = g.order_uuid)
		AND (SELECT v.sees_all FROM fpgo_internal.viewer v);
COMMENT ON VIEW fpgo.unknown_orders IS
	'Orders of the gateway that no submission has, one row each, as fpgo.reconcile saw them last. They were made by '
	'hand, by another system, or by a database whose records are lost, as after a restore or a failover. For those who '
	'see all.';
COMMENT ON COLUMN fpgo.unknown_orders.server IS 'Name of the foreign server; never NULL';
COMMENT ON COLUMN fpgo.unknown_orders.order_uuid IS 'The gateway''s identifier of the order (ODR...); never NULL';
COMMENT ON COLUMN fpgo.unknown_orders.gateway_status IS
	'Status of the order when it was listed last, in the gateway''s words; NULL if it was not said';
COMMENT ON COLUMN fpgo.unknown_orders.order_date IS
	'Its orderDate; NULL if not looked at yet, or if the gateway does not say, or not in seconds';
COMMENT ON COLUMN fpgo.unknown_orders.grand_total IS
	'Its grandTotal in NOK; NULL if not looked at yet, or if the gateway does not say all of its totals';
COMMENT ON COLUMN fpgo.unknown_orders.first_seen_at IS 'When the list came that had the order first; never NULL';
COMMENT ON COLUMN fpgo.unknown_orders.looked_at IS 'When its details were asked for last; NULL: not yet';

CREATE OR REPLACE VIEW fpgo.queue_health WITH (security_barrier) AS
	WITH unfinished AS (
		SELECT s.server,
			count(*) FILTER (WHERE s.state = 'queued') AS queued,
			count(*) FILTER (WHERE s.state = 'queued'
				AND coalesce(s.not_before <= statement_timestamp(), true)) AS due,
			count(*) FILTER (WHERE s.state = 'sending') AS sending,
			count(*) FILTER (WHERE s.state = 'uncertain') AS uncertain,
			min(s.created_at) FILTER (WHERE s.state = 'queued') AS oldest,
			min(s.id) FILTER (WHERE s.state = 'queued' AND s.error IS NOT NULL) AS troubled
		FROM fpgo_internal.submission s
		WHERE s.state = ANY ('{queued,sending,uncertain}')
			AND ((SELECT v.counts_all FROM fpgo_internal.viewer v)
				OR s.role IN (SELECT o.role FROM fpgo_internal.own_role o))
		GROUP BY s.server
	), recent AS (
		SELECT a.account AS server,
			count(*) FILTER (WHERE a.outcome = 'accepted') AS accepted,
			count(*) FILTER (WHERE a.outcome = 'accepted'
				AND a.ended_at >= statement_timestamp() - interval '5 minutes') AS accepted_lately,
			count(*) FILTER (WHERE a.outcome <> 'accepted') AS failed,
			percentile_disc('{0.5,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY a.ended_at - a.created_at)
				FILTER (WHERE a.outcome = 'accepted') AS waits
		FROM fpgo_internal.whole_attempt a
		WHERE a.started_at >= statement_timestamp() - interval '2 hours'
			AND a.ended_at >= statement_timestamp() - interval '1 hour'
			AND ((SELECT v.counts_all FROM fpgo_internal.viewer v)
				OR a.role IN (SELECT o.role FROM fpgo_internal.own_role o))
		GROUP BY a.account
	), turned_away AS (
		SELECT s.server, count(*) AS orders
		FROM fpgo_internal.submission s
		WHERE s.state = 'refused' AND s.attempts = 0
			AND s.created_at >= statement_timestamp() - interval '1 hour'
			AND ((SELECT v.counts_all FROM fpgo_internal.viewer v)
				OR s.role IN (SELECT o.role FROM fpgo_internal.own_role o))
		GROUP BY s.server
	)
	SELECT n.server COLLATE "C" AS server,
		coalesce(u.queued, 0) AS queued, coalesce(u.due, 0) AS due,
		coalesce(u.sending, 0) AS sending, coalesce(u.uncertain, 0) AS uncertain,
		greatest(statement_timestamp() - u.oldest,
			CASE WHEN u.oldest IS NOT NULL THEN interval '0' END) AS oldest_queued,
		coalesce(r.accepted, 0) AS accepted_last_hour,
		coalesce(r.failed, 0) AS failed_last_hour,
		round(coalesce(r.accepted_lately, 0) / 5.0, 1) AS accepted_per_minute,
		r.waits[1] AS wait_p50, r.waits[2] AS wait_p95, r.waits[3] AS wait_p99,
		(SELECT w.state FROM fpgo.worker() w) AS worker,
		coalesce((SELECT fpgo_internal.describe_elsewhere(k.kind) FROM (SELECT fpgo_internal.sent_elsewhere(s.origin, s.server) AS kind
				FROM fpgo_internal.submission s WHERE s.state = 'queued' AND s.server = n.account COLLATE "default" OFFSET 0) k
			WHERE k.kind IS NOT NULL LIMIT 1),
			t.error, (SELECT h.because FROM fpgo_internal.hold h WHERE h.server = n.account COLLATE "C"
			AND u.queued > 0 ORDER BY h.mapping NULLS FIRST, h.id LIMIT 1)) AS last_error,
		coalesce(w.orders, 0) AS refused_at_hand_in,
		(SELECT count(*) FROM fpgo_internal.hold h WHERE h.server = n.account COLLATE "C") AS holds
	FROM (SELECT a.server, a.account FROM fpgo_internal.server_account a
		UNION SELECT coalesce(o.server, c.server), c.server
			FROM (SELECT server FROM unfinished UNION SELECT server FROM recent
				UNION SELECT server FROM turned_away) c
				LEFT JOIN fpgo_internal.shown_server o ON o.account = c.server COLLATE "C") n
	LEFT JOIN unfinished u ON u.server = n.account
	LEFT JOIN recent r ON r.server = n.account
	LEFT JOIN turned_away w ON w.server = n.account
	LEFT JOIN fpgo_internal.submission t ON t.id = u.troubled;

COMMENT ON COLUMN fpgo.queue_health.refused_at_hand_in IS
	'Orders of the last hour that a trigger recorded as refused, by on_invalid=record or since a person had taken them '
	'back; last_error of fpgo.submissions says why. Never NULL';
COMMENT ON COLUMN fpgo.queue_health.holds IS 'Holds of its orders, see fpgo.holds; never NULL';

CREATE VIEW fpgo.holds WITH (security_barrier) AS
	SELECT h.id AS hold, coalesce(n.server, h.server COLLATE "default") AS server,
		coalesce(h.role, CASE h.mapping WHEN '' THEN 'PUBLIC' ELSE h.mapping END) COLLATE "default" AS role,
		h.kind COLLATE "default" AS kind, h.because, h.since,
		CASE WHEN h.until > statement_timestamp() + make_interval(secs => h.pause / 1000.0) THEN statement_timestamp()
			ELSE h.until END AS until,
		(SELECT count(*) FROM fpgo_internal.submission s
			WHERE s.state = 'queued' AND s.server = h.server COLLATE "default"
				AND (h.role IS NULL OR s.role = h.role COLLATE "default")
				AND (h.mapping IS NULL OR s.mapping = h.mapping COLLATE "default")) AS orders
	FROM fpgo_internal.hold h
		LEFT JOIN fpgo_internal.shown_server n ON n.account = h.server
	WHERE (SELECT v.counts_all FROM fpgo_internal.viewer v) OR h.role IS NULL AND coalesce(h.mapping, '') = ''
		OR coalesce(h.role, h.mapping) COLLATE "default" IN (SELECT o.role FROM fpgo_internal.own_role o)
	UNION ALL
	SELECT NULL, coalesce(n.server, e.account), NULL, e.kind, fpgo_internal.describe_elsewhere(e.kind), e.since, NULL, e.orders
	FROM (SELECT s.server AS account, k.kind, min(s.created_at) AS since, count(*) AS orders
			FROM fpgo_internal.submission s,
				LATERAL (SELECT fpgo_internal.sent_elsewhere(s.origin, s.server) AS kind OFFSET 0) k
			WHERE s.state = 'queued' AND k.kind IS NOT NULL GROUP BY s.server, k.kind) e
		LEFT JOIN fpgo_internal.shown_server n ON n.account = e.account COLLATE "C";
COMMENT ON VIEW fpgo.holds IS
	'One row a hold: queued orders that are not sent for now. From time to time one of them is tried, but for those of kinds '
	'seat, origin and setting. Shows holds of whole '
	'servers and of PUBLIC''s user mapping to everybody, others to members of the role, and to those who see all.';
COMMENT ON COLUMN fpgo.holds.hold IS
	'The number of the hold, for fpgo.release; NULL with kinds seat, origin and setting';
COMMENT ON COLUMN fpgo.holds.server IS 'Name of the foreign server; never NULL';
COMMENT ON COLUMN fpgo.holds.role IS
	'Whose orders: those that go with this role''s user mapping, or PUBLIC''s; with kind rights those that the role handed '
	'in. NULL: all of the server';
COMMENT ON COLUMN fpgo.holds.kind IS
	'unreached: no connection. unknown: it is unknown what becomes of orders. answers: none is an answer to an order. '
	'refusals: every order is refused. rights: the role may not send. seat: another database sends. origin: another one '
	'queued them. setting: fpgo.accept_orders is off. Never NULL';
COMMENT ON COLUMN fpgo.holds.because IS 'What happened last, in a sentence without personal data; never NULL';
COMMENT ON COLUMN fpgo.holds.since IS 'When the hold began; never NULL';
COMMENT ON COLUMN fpgo.holds.until IS
	'When the next order is tried, or the gateway is asked first; NULL: not before the role may send again, or a person '
	'decides';
COMMENT ON COLUMN fpgo.holds.orders IS 'How many queued orders wait for it; never NULL';
GRANT SELECT ON fpgo.holds, fpgo.unknown_orders TO PUBLIC;

CREATE OR REPLACE VIEW fpgo.delivery_progress WITH (security_barrier) AS
	WITH unfinished AS (
		SELECT s.server, count(*) AS remaining,
			count(*) FILTER (WHERE s.not_before > statement_timestamp()) AS postponed,
			count(*) FILTER (WHERE s.state = 'sending') AS in_flight
		FROM fpgo_internal.submission s
		WHERE s.state = ANY ('{queued,sending}')
			AND ((SELECT v.counts_all FROM fpgo_internal.viewer v)
				OR s.role IN (SELECT o.role FROM fpgo_internal.own_role o))
		GROUP BY s.server
	), ended AS (
		SELECT a.account AS server,
			count(*) FILTER (WHERE a.outcome <> 'unknown') AS delivered,
			count(*) FILTER (WHERE a.outcome = 'unknown') AS uncertain,
			count(*) FILTER (WHERE a.ended_at >= statement_timestamp() - interval '1 minute') AS lately,
			min(a.started_at) FILTER (WHERE a.ended_at >= statement_timestamp() - interval '1 minute') AS began
		FROM fpgo_internal.whole_attempt a
		WHERE a.started_at >= statement_timestamp() - interval '2 hours'
			AND a.ended_at >= statement_timestamp() - interval '1 hour'
			AND a.outcome = ANY ('{accepted,refused,unknown}')
			AND ((SELECT v.counts_all FROM fpgo_internal.viewer v)
				OR a.role IN (SELECT o.role FROM fpgo_internal.own_role o))
		GROUP BY a.account
	), rated AS (
		SELECT e.*, e.lately / greatest(1, least(60,
				extract(epoch FROM statement_timestamp() - e.began))) AS rate
		FROM ended e
	)
	SELECT n.server COLLATE "C" AS server, coalesce(r.delivered, 0) AS delivered, coalesce(r.uncertain, 0) AS uncertain,
		coalesce(u.remaining, 0) AS remaining, coalesce(u.postponed, 0) AS postponed,
		coalesce(u.in_flight, 0) AS in_flight,
		round(coalesce(r.rate, 0), 1) AS per_second,
		CASE WHEN u.remaining IS NULL THEN interval '0'
			ELSE make_interval(secs => ceil(u.remaining / nullif(r.rate, 0))::float8) END AS time_left
	FROM (SELECT a.server, a.account FROM fpgo_internal.server_account a
		UNION SELECT coalesce(o.server, c.server), c.server
			FROM (SELECT server FROM unfinished UNION SELECT server FROM ended) c
				LEFT JOIN fpgo_internal.shown_server o ON o.account = c.server COLLATE "C") n
	LEFT JOIN unfinished u ON u.server = n.account
	LEFT JOIN rated r ON r.server = n.account;

/* ---------- Decisions ---------- */

COMMENT ON COLUMN fpgo_internal.event.what IS
	'The change: uncertain to accepted, queued to cancelled, cancelled to free, ...; see fpgo.history';

CREATE TYPE fpgo.on_change AS ENUM ('error', 'replace', 'update');
COMMENT ON TYPE fpgo.on_change IS
	'What it means to hand in another order under a key. error: 23505. replace: it takes the first one''s place as long '
	'as that one was not accepted; after that it is recorded and not sent. update: it also changes an accepted one.';

CREATE FUNCTION fpgo.enqueue_invoice(
	"order" text, on_change fpgo.on_change, server text DEFAULT NULL, key text DEFAULT NULL,
	on_duplicate text DEFAULT 'refuse'
) RETURNS bigint
	AS 'MODULE_PATHNAME', 'fpgo_enqueue_version_text'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION fpgo.enqueue_invoice(text, fpgo.on_change, text, text, text) IS
	'Queues an order given as JSON text; see fpgo.enqueue_invoice(jsonb, fpgo.on_change, text, text, text). Error 22P02 '
	'if the text is not JSON.';

CREATE FUNCTION fpgo.enqueue_invoice(
	"order" jsonb, on_change fpgo.on_change, server text DEFAULT NULL, key text DEFAULT NULL,
	on_duplicate text DEFAULT 'refuse'
) RETURNS bigint
	AS 'MODULE_PATHNAME', 'fpgo_enqueue_version_jsonb'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION fpgo.enqueue_invoice(jsonb, fpgo.on_change, text, text, text) IS
	'As fpgo.enqueue_invoice(jsonb, text, text, text), and on_change says what another order under the key means; it is '
	'a version with a number of its own, see fpgo.versions. Another role''s order, and that of a row, stay as they are: '
	'23505. Errors: the same, and 22004 on_change is NULL.';

CREATE FUNCTION fpgo.enqueue_invoice(
	"order" fpgo.invoice_order, on_change fpgo.on_change, server text DEFAULT NULL, key text DEFAULT NULL,
	on_duplicate text DEFAULT 'refuse'
) RETURNS bigint
	AS 'MODULE_PATHNAME', 'fpgo_enqueue_version_invoice_order'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION fpgo.enqueue_invoice(fpgo.invoice_order, fpgo.on_change, text, text, text) IS
	'Queues an order given as a composite; see fpgo.enqueue_invoice(jsonb, fpgo.on_change, text, text, text) and, for '
	'values JSON cannot spell, fpgo.to_jsonb.';

CREATE FUNCTION fpgo.invoice_session(server text, key text) RETURNS SETOF fpgo.invoice_session
	AS 'MODULE_PATHNAME', 'fpgo_invoice_session_by_key'
	LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION fpgo.invoice_session(text, text) IS
	'The gateway''s answer to the order that has this key; no row while there is none. server NULL: the one that '
	'fpgo.server names. For members of the role that handed the order in. Errors: 42704 no such server, 42501 somebody '
	'else''s order.';

CREATE FUNCTION fpgo.resolve_uncertain(
	outcome text, reason text, key text DEFAULT NULL, reference text DEFAULT NULL, order_uuid text DEFAULT NULL,
	customer_uuid text DEFAULT NULL, bank_id_url text DEFAULT NULL, server text DEFAULT NULL
) RETURNS bigint
	AS 'MODULE_PATHNAME', 'fpgo_resolve_uncertain'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION fpgo.resolve_uncertain(text, text, text, text, text, text, text, text) IS
	'Decides about the one uncertain submission of a key or a referenceNo, as fpgo.resolve does, and returns its '
	'number. For those who may execute fpgo.resolve (42501). Error 22023: not one of key and reference. 21000: several '
	'are uncertain. 55000: none is. 42704: none at all.';

CREATE FUNCTION fpgo.cancel_submission(submission bigint, reason text, for_good boolean) RETURNS void
	AS 'MODULE_PATHNAME', 'fpgo_cancel_submission_for_good'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION fpgo.cancel_submission(bigint, text, boolean) IS
	'As fpgo.cancel_submission(bigint, text). for_good: the key stays taken, so that no call and no trigger hands the '
	'order in again until fpgo.hand_in_again. Errors: the same, and 22004 for_good is NULL.';

CREATE FUNCTION fpgo.cancel_queued(
	reason text, key text DEFAULT NULL, reference text DEFAULT NULL, server text DEFAULT NULL,
	for_good boolean DEFAULT false
) RETURNS bigint
	AS 'MODULE_PATHNAME', 'fpgo_cancel_queued'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION fpgo.cancel_queued(text, text, text, text, boolean) IS
	'Cancels the one queued submission of a key or a referenceNo, as fpgo.cancel_submission does, and returns its '
	'number. Error 22023: not one of key and reference. 21000: several are queued. 55000: none is. 42704: none that '
	'one may cancel, or no such server.';

CREATE FUNCTION fpgo.hand_in_again(submission bigint, reason text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'fpgo_hand_in_again'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION fpgo.hand_in_again(bigint, text) IS
	'Undoes a cancellation, or hands in again what was refused at hand-in. With its payload (option retention) it is '
	'queued as it was; else its row is mapped anew, as the row is now. Returns the number; NULL if there is no such row, '
	'or it has no order: then the key is free. Reads the whole table. Rights as with fpgo.cancel_submission. 22004: NULL. 22023: blank '
	'reason. 42704: no such one. 42501: another role''s. 55000: neither. 23505: the key is taken; and what the mapping raises.';

CREATE FUNCTION fpgo.hand_in_refused(before timestamptz, reason text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'fpgo_hand_in_refused'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION fpgo.hand_in_refused(timestamptz, text) IS
	'Hands in again all rows whose orders were refused at hand-in before that time, since a mapping function or a '
	'server was mended. A row is mapped as it is now; the trigger''s on_invalid says what becomes of one that is still at fault. Returns how '
	'many have a new version. Leaves out what a person took back, and other roles'' without fpgo.resolve. 22004: NULL. 22023: blank reason.';

CREATE VIEW fpgo.history WITH (security_barrier) AS
	SELECT e.id AS event, e.submission, coalesce(n.server, e.server COLLATE "default", s.server) AS server,
		s.reference, CASE WHEN s.key = s.source_table || '/' || encode(s.source, 'hex')
			THEN s.source_table || '/' || left(encode(s.source, 'hex'), 8) ELSE s.key END AS key, s.role, e.at,
		e.role AS decided_by, e.what, e.reason
	FROM fpgo_internal.event e LEFT JOIN fpgo_internal.submission s ON s.id = e.submission
		LEFT JOIN fpgo_internal.shown_server n ON n.account = coalesce(e.server, s.server COLLATE "C")
	WHERE (SELECT v.sees_all FROM fpgo_internal.viewer v)
		OR s.role IN (SELECT o.role FROM fpgo_internal.own_role o);
COMMENT ON VIEW fpgo.history IS
	'One row a decision about a submission that fpgo.submissions shows: who decided what, when, and why. What the '
	'gateway answered is in fpgo.attempts. To those who see all it shows what was purged and forgotten, too.';
COMMENT ON COLUMN fpgo.history.event IS 'The number of the decision; never NULL';
COMMENT ON COLUMN fpgo.history.submission IS 'The number of the submission; NULL: it is about many, or about a hold';
COMMENT ON COLUMN fpgo.history.server IS
	'Name of the foreign server it was handed in for, or is held at; NULL if it is about many';
COMMENT ON COLUMN fpgo.history.reference IS
	'referenceNo of the order, its first 1000 bytes; NULL if the order has none';
COMMENT ON COLUMN fpgo.history.key IS 'The key of the submission; NULL without one';
COMMENT ON COLUMN fpgo.history.role IS
	'Name the role that handed the order in had then; NULL without a submission';
COMMENT ON COLUMN fpgo.history.at IS 'When it was decided; never NULL';
COMMENT ON COLUMN fpgo.history.decided_by IS
	'Name the role that decided had then; that of the caller for fpgo.reconcile. Never NULL';
COMMENT ON COLUMN fpgo.history.what IS
	'The change: uncertain to accepted, queued to cancelled, queued to cancelled for good, cancelled to queued, '
	'cancelled to free (the key), purged, keys forgotten, hold 7 released: why it was held, ... Never NULL';
COMMENT ON COLUMN fpgo.history.reason IS
	'The reason in the words of the person, or of fpgo.reconcile: what they wrote there stands here. Never NULL';

GRANT SELECT ON fpgo.history, fpgo.versions TO PUBLIC;

/* ---------- Dead rows ---------- */

-- an order on its way leaves dead rows behind; at a fifth of a large table, which
-- is PostgreSQL's default, they would be cleared away too late
ALTER TABLE fpgo_internal.submission SET (
	autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE fpgo_internal.attempt SET (
	autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE fpgo_internal.payload SET (
	autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
	toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 1000);

/* ---------- Rights, dumps, event triggers ---------- */

-- keys and queue of an account are of all roles
REVOKE EXECUTE ON FUNCTION fpgo.new_account(text, text), fpgo.adopt_account(text, text, text) FROM PUBLIC;
-- records that are gone are gone
REVOKE EXECUTE ON PROCEDURE fpgo.purge(timestamptz, bigint, bigint) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION fpgo.forget_keys(date, text) FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.account', '');
SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.allowance', '');
SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.source_table', '');
CREATE FUNCTION fpgo.follow_server() RETURNS event_trigger
	AS 'MODULE_PATHNAME', 'fpgo_follow_server'
	LANGUAGE C;
COMMENT ON FUNCTION fpgo.follow_server() IS
	'Keeps the account of a foreign server when the server is made, renamed, altered or dropped: orders handed in '
	'before stay known. A NOTICE tells where a person must say which account it is; see fpgo.new_account.';
CREATE EVENT TRIGGER fpgo_follow_server ON ddl_command_end
	WHEN TAG IN ('CREATE SERVER', 'ALTER SERVER')
	EXECUTE FUNCTION fpgo.follow_server();
COMMENT ON EVENT TRIGGER fpgo_follow_server IS 'Lets accounts go with their servers; see fpgo.follow_server';
CREATE EVENT TRIGGER fpgo_follow_drop_server ON ddl_command_start
	WHEN TAG IN ('DROP SERVER')
	EXECUTE FUNCTION fpgo.follow_server();
COMMENT ON EVENT TRIGGER fpgo_follow_drop_server IS 'Records which account a dropped server had; see fpgo.follow_server';

/* ---------- Early callbacks ---------- */

CREATE TABLE fpgo_internal.early_callback (
	callback bigint PRIMARY KEY,
	order_uuid text NOT NULL,
	server text NOT NULL
);
CREATE INDEX early_callback_order ON fpgo_internal.early_callback (order_uuid, server);
COMMENT ON TABLE fpgo_internal.early_callback IS
	'One row a callback that was not announced, since no submission has its order yet; announced and deleted when one '
	'gets it';
COMMENT ON COLUMN fpgo_internal.early_callback.callback IS 'The callback';
COMMENT ON COLUMN fpgo_internal.early_callback.order_uuid IS 'The gateway''s identifier of its order';
COMMENT ON COLUMN fpgo_internal.early_callback.server IS
	'Name of the account it was received for, see fpgo_internal.account';
SELECT pg_catalog.pg_extension_config_dump('fpgo_internal.early_callback', '');
-- those that 1.0 did not announce
INSERT INTO fpgo_internal.early_callback (callback, order_uuid, server)
	SELECT c.id, c.order_uuid, c.server
	FROM fpgo_internal.callback c
	WHERE c.submission IS NULL
		AND NOT EXISTS (SELECT FROM fpgo_internal.submission s WHERE s.order_uuid = c.order_uuid AND s.server = c.server);

/* ---------- Comments that say it shorter ---------- */

COMMENT ON COLUMN fpgo.callback.callback_url IS
	'callback.callbackUrl: absolute URL that receives the gateway''s notifications. Its path may have {submission} '
	'once. An unguessable token is sent in its place, by which a callback names its submission; see '
	'fpgo.receive_callback. Required.';
COMMENT ON FUNCTION fpgo.summarize(fpgo.product[]) IS
	'The totals of an order in NOK, for rates that include VAT. Each is rounded once, to two decimals, half up. A NULL '
	'discount counts as 0; any other NULL makes its total NULL. NULL or no product gives NULL. Source: the vendor''s '
	'dashboard. Error 22003: a total that numeric cannot hold.';
COMMENT ON FUNCTION fpgo.make_product(text, numeric, numeric, numeric, numeric, text, numeric) IS
	'A line of an order. rate: NOK a unit, VAT included. tax: VAT rate in percent. discount: NOK off the line. amount: '
	'NOK; if NULL, quantity * rate - discount, rounded to two decimals, half up. A NULL argument is left out of the '
	'order. Error 22003: an amount that numeric cannot hold.';
COMMENT ON FUNCTION fpgo.make_order_summary(numeric, numeric, numeric, numeric) IS
	'The totals of an order in NOK, as they are given, where fpgo.summarize does not fit. Nothing is worked out; '
	'fpgo.advise says whether they add up.';
COMMENT ON FUNCTION fpgo.make_address(text, text, text, text) IS
	'A postal address. country: ISO 3166-1 alpha-2 code in capitals, such as NO. zip: postal code; in the countries of '
	'the North and Germany one such as N-7030 becomes 7030. An argument that is NULL is left out; the API requires all '
	'four.';
COMMENT ON FUNCTION fpgo.make_private_customer(text, text, text, text, text, fpgo.address, text) IS
	'A person who is invoiced. personal_number: 11 digits, which fpgo prints nowhere. country_code: dialling code, '
	'such as +47. msisdn: phone number. Both and the personal number are tidied where they have one reading. '
	'preferred_language: en, no, sv, da or de; NULL: no. A NULL argument is left out.';
COMMENT ON FUNCTION fpgo.make_corporate_customer(text, text, text, text, text, fpgo.address, text) IS
	'A company that is invoiced. organization_id: organisation number, letters and digits, in Norway nine digits; it '
	'is tidied where it has one reading. The other arguments are those of fpgo.make_private_customer.';
COMMENT ON FUNCTION fpgo.make_callback(text, text, text) IS
	'Where the gateway reports to (callback_url) and sends the customer back to: absolute URLs, best with https and '
	'without a query string. {submission} in the path of callback_url becomes a token of the submission. A NULL '
	'argument is left out; the API requires all three.';
COMMENT ON FUNCTION fpgo.make_order(fpgo.product[], fpgo.customer_details, text, text, boolean, fpgo.callback,
	timestamptz, fpgo.order_summary, numeric, boolean, numeric, fpgo.settings, text, text) IS
	'An order. Name the arguments: later versions may add some. order_date: if NULL, the time of hand-in. '
	'order_summary: if NULL, that of fpgo.summarize. invoice_fee_applicable and callback may come from '
	'the server''s defaults. A NULL argument is left out. Error 22003: a total beyond numeric.';
COMMENT ON FUNCTION fpgo.to_jsonb(fpgo.invoice_order) IS
	'The order as jsonb in the API''s spelling; behind the cast. NULL attributes are left out, numeric becomes a '
	'number, order_date a string of whole Unix seconds. NULL gives NULL. Error 22003: NaN, infinity. 22008: a date '
	'that is infinite or before 1970. 2202E: products of several dimensions.';
COMMENT ON FUNCTION fpgo.to_invoice_order(jsonb) IS
	'The order as a composite; behind the cast. Strings that hold numbers become numeric. NULL gives NULL. Error '
	'22023: a member without an attribute, a value of another type, an orderDate that is no string of Unix seconds.';
COMMENT ON FUNCTION fpgo.payload(jsonb) IS
	'What goes over the wire for an order. Members that the API reads as absent (null, blank) are left out; all others '
	'stay, with their JSON type and their digits. Does not validate; no server''s defaults are in it. NULL gives NULL. '
	'Error 22023: the order is no JSON object.';
COMMENT ON COLUMN fpgo.violation.path IS
	'The field, in the API''s spelling, list elements counted from 0: products[0].tax; empty for the order as a whole';
COMMENT ON COLUMN fpgo.violation.rule IS
	'Name of the rule: required, required_if, required_with, array, string, numeric, boolean, email, url, in, size, '
	'alpha_num, iso_alpha2_country; of the order''s text: object, utf8. Name of a piece of advice: unknown_member, max, whole_quantity, negative_rate, '
	'discount_over_line, line_amount, sum_of_totals, sum_of_amounts, unix_seconds, milliseconds, too_old, future, '
	'country_code, control_digits, organization_number, only_if, only_with, no_reference, https, query_string';
COMMENT ON FUNCTION fpgo.validate(jsonb, text) IS
	'Every rule of the API page''s field table that the order breaks, in the table''s order; no row if there is none, '
	'or no order. The server''s defaults are laid under the order, and its tax_rates count. server: by default the one '
	'that fpgo.server names, if it exists. Error 42704: no such server.';
COMMENT ON FUNCTION fpgo.advise(jsonb, text) IS
	'What the API would take and a person would not, in the order of the API page''s field table; no row if there is '
	'nothing to say. At most one row a field, and none for a value that breaks a rule. server: as with fpgo.validate. '
	'A NULL order gives no row. Error 42704: no such server.';
COMMENT ON DOMAIN fpgo.order_payload IS
	'An order in the API''s spelling that breaks no rule of the API page, for columns, arguments and variables. NULL '
	'is allowed. The tax rates are the page''s own. Error 23514: an order that breaks a rule; the error does not quote '
	'the order, and fpgo.validate says why.';
COMMENT ON FUNCTION fpgo.rules() IS
	'Every field of an order, in the order of the API page''s field table. Columns: its path, its JSON type, when it '
	'must be there, what else holds for it, and the composite type and attribute that hold it.';
COMMENT ON FUNCTION fpgo.json_schema(text) IS
	'The rules of an order as a JSON Schema (draft-07), for editors and for programs outside the database. It takes '
	'every order that fpgo.validate takes with the same server, and some more, where JSON Schema cannot say a rule. '
	'Error 42704: no such server.';
COMMENT ON FUNCTION fpgo.option_validator(text[], oid) IS
	'Checks the options of servers and user mappings when they are written. HV00D: unknown option. HV024: bad value. '
	'HV002: missing option. 42501: a file without pg_read_server_files, or, for others than superusers, '
	'private_network or a url of this machine.';
COMMENT ON FOREIGN DATA WRAPPER fpgo IS
	'Front Payment Go gateways. A server is an account: OPTIONS (url, submit_path, ca_file, private_network, '
	'connect_timeout, timeout, keepalive, concurrency, failover, rate_limit, rate_window, callback_window, retention, retention_refused, bank_id_age, tax_rates, defaults). A user '
	'mapping holds its credentials: OPTIONS (token, token_file, callback_secret, callback_secret_file). GRANT USAGE ON '
	'FOREIGN SERVER is the right to submit.';
COMMENT ON COLUMN fpgo.invoice_session.bank_id_url IS
	'data.bankIdUrl: where the customer confirms their identity. A secret: do not log it. NULL if the answer had none, '
	'as for corporate customers, and, with a NOTICE, once the server''s option bank_id_age has passed';
COMMENT ON COLUMN fpgo_internal.submission.state IS 'State; see fpgo.submission_state';
COMMENT ON COLUMN fpgo_internal.submission.bank_id_url IS
	'The BankID address, once accepted; a secret. Empty: its age has passed (option bank_id_age); NULL: the gateway gave none';
COMMENT ON COLUMN fpgo_internal.submission.callback_token IS
	'The token that took the place of {submission} in callback.callbackUrl, by which a callback names this submission; '
	'a secret. NULL if the shop wrote no {submission}';
COMMENT ON COLUMN fpgo_internal.callback.submission IS
	'The submission whose token stood in the path of the requested address; the checksum does not cover the path. NULL '
	'without a token, or if no submission has it';
COMMENT ON COLUMN fpgo_internal.sighting.amounts IS 'Its four totals; NULL if the gateway did not say';
COMMENT ON COLUMN fpgo_internal.sighting.order_date IS
	'Its orderDate, as the gateway writes it; NULL if the gateway did not say';
COMMENT ON COLUMN fpgo_internal.sighting.products IS 'Keyed hash of its lines; NULL if the gateway did not say';
COMMENT ON COLUMN fpgo_internal.sighting.customer IS
	'Keyed hash of its customer''s number; NULL if the gateway did not say';
COMMENT ON COLUMN fpgo_internal.sighting.contact IS
	'Keyed hash of its customer''s e-mail address and phone number; NULL if the gateway did not say';
COMMENT ON COLUMN fpgo_internal.likeness.amounts IS
	'Its four totals; NULL if the payload does not say, like the columns below';
COMMENT ON COLUMN fpgo_internal.likeness.contact IS 'Keyed hash of its customer''s e-mail address and phone number';
COMMENT ON FUNCTION fpgo.submit_invoice(jsonb, text, text) IS
	'Sends the order to the gateway now and returns the answer as a row. What was sent stays on record whatever '
	'becomes of the transaction. server: by default the one that fpgo.server names. key: by default the order''s '
	'referenceNo. The same key with the same order gives the first answer again. Errors, nothing sent: 22004 NULL '
	'order. 22023 bad key. 23514 a rule is broken, all violations in DETAIL. 42704 no such server. 42501 no USAGE, or '
	'another role''s order. 55000 no mapping or token, read-only, standby, or ALTER EXTENSION fpgo UPDATE is due. '
	'54000 payload over 1 MiB. 23505 key of another order. 55006 the order is being submitted. 53400 no worker slot. '
	'Errors, not processed: 38F02 not reached. 38F03 credentials refused. 38F04 asked to slow down. Errors after '
	'sending: 38F05 refused. 38F01 outcome unknown: never send the order again blindly.';
COMMENT ON FUNCTION fpgo.enqueue_invoice(jsonb, text, text, text) IS
	'Queues the order and returns the number of its submission. It is sent after commit; a rollback takes it back. '
	'server, key: as with fpgo.submit_invoice. on_duplicate: refuse (23505), or ignore, which gives the number of the '
	'earlier submission. Errors: 22004 NULL order. 22023 bad key or on_duplicate. 23514 a rule is broken. 42704 no '
	'such server. 42501 no USAGE. 55000 read-only or standby. 54000 payload over 1 MiB. 23505 the key is taken.';
COMMENT ON FUNCTION fpgo.enqueue_invoice_trigger() IS
	'AFTER trigger of rows or TRUNCATE: queues a row''s invoice, or withdraws it. First argument: function that maps the '
	'row. Others: server=, on_invalid=, on_change=, on_delete=, role=owner. Errors: those of fpgo.enqueue_invoice. '
	'42883, 42725, 42P13: the function. 39P01: not AFTER. 27000: change missed.';
COMMENT ON PROCEDURE fpgo.deliver(bigint) IS
	'Sends what is queued and due, and returns when nothing due is left; with a number, that submission alone. Any '
	'number of sessions may deliver at once. Error 25001: not called at top level. 42704: no such submission. 55000: '
	'read-only, standby, or ALTER EXTENSION fpgo UPDATE is due.';
COMMENT ON FUNCTION fpgo.resolve(bigint, text, text, text, text, text) IS
	'Decides about a submission that is uncertain, or that another database queued. outcome: accepted (with order_uuid), '
	'refused, cancelled, queued (send; also a refused one). reason is kept. 22004: NULL. '
	'22023: bad outcome, reason, uuid. 42704: none such. 55000: its state, no payload. 23505: key taken.';
COMMENT ON FUNCTION fpgo.reconcile(bigint) IS
	'Looks at the gateway for the orders of submissions that are uncertain, or that another database queued: of all, or '
	'of one. One row each: its state now, order_uuid if accepted, and why. Sends nothing. Lists the orders that no '
	'submission has, see fpgo.unknown_orders. Errors: 25001 REPEATABLE READ or SERIALIZABLE. 25006 read-only or '
	'recovery. 42704 no such submission. 55000 it is neither, or ALTER EXTENSION fpgo UPDATE is due. 55P03 another '
	'session does this already.';
COMMENT ON FUNCTION fpgo.cancel_submission(bigint, text) IS
	'Takes a queued submission back: it is not sent. Its key is free for a call, while a trigger does not hand it in '
	'again. For members of the role that handed it in, and those who may execute fpgo.resolve. 22004: NULL. 22023: '
	'blank reason. 42704: no such one. 42501: another role''s. 55000: not queued.';
COMMENT ON FUNCTION fpgo.pause(text) IS
	'Ends the resident worker of a database (NULL: this one), in some four seconds, until fpgo.resume or a restart of '
	'the server. A rollback does not undo it. Error 3D000: no such database. 42501: not its owner. 55000: fpgo is not '
	'in shared_preload_libraries. 55006: the worker is still there.';
COMMENT ON FUNCTION fpgo.worker() IS
	'The resident worker of this database. state: none, starting, no slot (max_worker_processes are used up), no room (64 '
	'databases have one or are paused), running, paused, outdated (it sends nothing: see fpgo.doctor). pid and since: its '
	'process and when it started; NULL unless it runs.';
ALTER FUNCTION fpgo.doctor(text) ROWS 30;
-- Its first column was called "check", which is a word of SQL.  No command renames
-- it, and DROP FUNCTION would take grants and the shop's views away.
UPDATE pg_catalog.pg_proc SET proargnames = '{server,check_name,ok,detail,hint}'
WHERE oid = 'fpgo.doctor(text)'::pg_catalog.regprocedure;
COMMENT ON FUNCTION fpgo.doctor(text) IS
	'Is fpgo set up right? One row a check, always all of them, in the same order. ok: NULL if it could not be looked '
	'at. detail: what was found, without secrets. hint: how to mend it; may be NULL. server: by default the one that '
	'fpgo.server names. Asks that gateway a question; records nothing.';
COMMENT ON FUNCTION fpgo.receive_callback(text, text) IS
	'Takes what the gateway sent to an order''s callbackUrl. query: the request''s target, or its query string alone. '
	'outcome: recorded, stale, foreign, repeated, forged, outdated (by a former formula of the checksum) or malformed. '
	'submission, order_uuid, status: what the callback is about; may be NULL. It changes no submission: it is a hint. '
	'Errors: 22004 query is NULL. 25006 read-only. 42704 no such server. 55000 no secret, or its file cannot be used. '
	'Source of the checksum: Front Payment, notifications via callback URL.';
COMMENT ON COLUMN fpgo.order_status.refunded_amount IS
	'What of it was refunded, in NOK; NULL if the gateway does not say, as in a list';
COMMENT ON FUNCTION fpgo.fetch_status(text, text) IS
	'Asks the gateway for an order''s status: one row, or none if it has no such order. Goes out to the network. '
	'Errors: 22004 NULL. 22023 no identifier. 42704 no such server. 42501 no USAGE. 22P05 a text that the database '
	'cannot hold. 55000 no mapping or token. 53400 no worker slot. 38F02 no answer or an odd one. 38F03 credentials '
	'refused. 38F04 asked to slow down.';
COMMENT ON FUNCTION fpgo.fetch_details(text, text) IS
	'Asks the gateway for all it has of an order, in the API''s spelling; NULL if it has no such order. Goes out to '
	'the network. The answer has the personal number; nothing of it is kept. Error 42501: also for another role''s '
	'order, without EXECUTE on fpgo.resolve. Other errors: as with fpgo.fetch_status.';
COMMENT ON FUNCTION fpgo.sees_all_submissions() IS
	'Returns true. Roles that may execute it see the submissions of all roles in the views of schema fpgo: GRANT EXECUTE '
	'ON FUNCTION fpgo.sees_all_submissions() TO .... Those who may execute fpgo.resolve see all without it. Granted to '
	'nobody.';
COMMENT ON VIEW fpgo.submissions IS
	'One row an order that was handed to fpgo; it stays when payload, server and role are gone. Shows the submissions '
	'of the roles one is a member of; all of them to those who may execute fpgo.sees_all_submissions or fpgo.resolve. '
	'No personal data.';
COMMENT ON COLUMN fpgo.submissions.key IS
	'What makes a second call the same call: the key given, else the referenceNo, else one that fpgo made, of which '
	'for a row of a table only a part is shown; never NULL';
COMMENT ON COLUMN fpgo.submissions.waiting_time IS
	'interval from created_at to settled_at, or to now while queued, sending or uncertain; never NULL. Begins with the '
	'statement that handed the order in, not with its commit';
COMMENT ON VIEW fpgo.callbacks IS
	'One row a genuine callback of the gateway, for the submissions that fpgo.submissions shows; callbacks of no '
	'submission only to those who see all. What a callback says is a hint; see fpgo.receive_callback. No personal '
	'data.';
COMMENT ON COLUMN fpgo.callbacks.named_submission IS
	'The submission whose token stood in the path of the requested address; NULL without one. The checksum does not '
	'cover the path, so this is a hint. If it is not submission, or has another order_uuid, ask the gateway: somebody '
	'altered the path, or an order was made twice.';
COMMENT ON COLUMN fpgo_internal.callback_rejection.outcome IS
	'forged, outdated, malformed or repeated; see fpgo.receive_callback';
COMMENT ON COLUMN fpgo.callback_rejections.outcome IS
	'forged, outdated, malformed or repeated; see fpgo.receive_callback. Never NULL';
COMMENT ON COLUMN fpgo.candidates.submission IS 'The submission; never NULL';
COMMENT ON TABLE fpgo_internal.likeness IS
	'How the order of a submission looks that is uncertain, or that another database queued, to compare it with those of '
	'the gateway; deleted when it is so no more';
COMMENT ON VIEW fpgo.candidates IS
	'Orders of the gateway that a submission might have become that is uncertain or held: one row each, as '
	'fpgo.reconcile saw them last. Such an order was named by a callback to the submission''s address, or agrees in two '
	'traits at least. For those who see all; decide by fpgo.resolve.';
COMMENT ON COLUMN fpgo.candidates.gateway_status IS
	'Status of the order when it was listed last, in the gateway''s words; NULL if not listed yet, or not said';
COMMENT ON COLUMN fpgo.candidates.is_named IS
	'Did a callback to the submission''s own address name the order? Never NULL';
COMMENT ON COLUMN fpgo.candidates.differs IS
	'Traits in which the two differ, of amounts, products, date, customer; a trait that either does not show is in '
	'neither list. Never NULL';
COMMENT ON VIEW fpgo.queue_health IS
	'How delivery is doing, for monitoring. One row a foreign server of wrapper fpgo; a server that is gone has one '
	'while it has unfinished submissions or attempts of the last hour. Counts the submissions that fpgo.submissions '
	'shows; for members of pg_monitor, those of all roles.';
COMMENT ON COLUMN fpgo.queue_health.due IS 'Queued submissions that do not wait for their not_before; never NULL';
COMMENT ON COLUMN fpgo.queue_health.wait_p50 IS
	'interval in which half of those accepted in the last hour were accepted, from created_at, pauses included; NULL '
	'if none was accepted';
COMMENT ON COLUMN fpgo.queue_health.wait_p95 IS
	'interval in which 95 of 100 were accepted, as in wait_p50; NULL if none was accepted';
COMMENT ON COLUMN fpgo.queue_health.wait_p99 IS
	'interval in which 99 of 100 were accepted, as in wait_p50; NULL if none was accepted';
COMMENT ON COLUMN fpgo.queue_health.worker IS
	'State of this database''s resident worker, see fpgo.worker: none, starting, no slot, no room, running, paused, outdated; never NULL';
COMMENT ON VIEW fpgo.delivery_progress IS
	'How far a long delivery is, whoever delivers: SELECT * FROM fpgo.delivery_progress \watch 2. One row a foreign '
	'server of wrapper fpgo, and one a server that is gone and has something left. Counts as fpgo.queue_health does.';
COMMENT ON COLUMN fpgo.delivery_progress.postponed IS
	'Remaining submissions that may not be sent before a time to come; never NULL';
COMMENT ON COLUMN fpgo.delivery_progress.in_flight IS 'Remaining submissions that are sending; never NULL';
COMMENT ON COLUMN fpgo.delivery_progress.per_second IS
	'How many left the queue a second (accepted, refused or uncertain), over the last minute, or since delivery began '
	'within it; never NULL';
COMMENT ON COLUMN fpgo.delivery_progress.time_left IS
	'interval in which the remaining submissions leave at that rate, if nothing is added or postponed; 0 if none '
	'remains, NULL if none left within the last minute';

/* ---------- This database sends what it has queued ---------- */

-- Somebody updates the extension here, on purpose: what is unfinished belongs here.
INSERT INTO fpgo_internal.seat (account, origin, why)
	SELECT a.account, h.number, 'update'
	FROM (SELECT DISTINCT server COLLATE "C" AS account FROM fpgo_internal.submission UNION SELECT name FROM fpgo_internal.account) a,
		(SELECT fpgo_internal.origin_here() AS number OFFSET 0) h;
UPDATE fpgo_internal.submission SET origin = (SELECT fpgo_internal.origin_here())
	WHERE state = ANY ('{queued,sending,uncertain}');
