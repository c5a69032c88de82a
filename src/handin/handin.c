/*
 * handin.c
 *		Makes a hand-in of an order: payload, key and hash.
 *
 * submit_invoice, enqueue_invoice and the trigger all come here.  Defaults are
 * laid under the order, its rules are checked, and payload, key and hash are
 * made.  The hash is of the order as it was handed in: a changed default, or a
 * date that fpgo fills in, makes no other order of it.
 *
 * The key makes a second call the same call.  It is the caller's key, or else
 * the order's referenceNo.  Without either, it is made from the order's hash
 * and the role: a driver that silently runs a statement again, after its
 * connection died, means the same call.  A shop may sell the same thing to the
 * same person twice; keyless.c says what it is told then.  An order that the
 * trigger makes of a row has the row's source as key: two alike rows are two
 * orders.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "account/names.h"
#include "base/fpgo.h"
#include "handin/handin.h"
#include "handin/source.h"
#include "order/callback_token.h"
#include "order/defaults.h"
#include "order/payload.h"
#include "order/sameness.h"
#include "records/keyed_hash.h"
#include "records/traces.h"
#include "records/versions.h"
#include "text/format.h"
#include "validation/advise.h"
#include "validation/validate.h"
#include "validation/violation.h"

/*
 * Longest key in bytes; a longer reference is cut to as much.  Each must fit
 * into an index entry beside the server's name.
 */
#define KEY_MAX 1000

/* longest total that is kept, in characters, and its largest exponent */
#define TOTAL_MAX 100
#define TOTAL_MAX_EXPONENT 100

static const char *
hex(const uint8 *bytes)
{
	char	   *text = palloc(FPGO_HASH_BYTES * 2 + 1);

	for (int i = 0; i < FPGO_HASH_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

/* ---------- hash ---------- */

int
fpgo_handin_rule(void)
{
	/* objects of 1.0 have no column for the rule */
	return fpgo_versions_are_known() ? FPGO_SAMENESS_RULE : FPGO_RULE_1_0;
}

void
fpgo_handin_hash(const FpgoHandIn *handin, int rule,
				 uint8 hash[FPGO_HASH_BYTES])
{
	StringInfoData form;

	initStringInfo(&form);
	if (rule == FPGO_RULE_1_0)
		fpgo_payload_write(&form, handin->complete);
	else
		fpgo_sameness_write(&form, handin->given, true);
	fpgo_keyed_hash(form.data, form.len, hash);
	/* it has the personal number */
	explicit_bzero(form.data, form.len);
	pfree(form.data);
}

/* ---------- key, reference, total ---------- */

/* Can numeric hold this number? */
static bool
is_total(FpgoSpan text)
{
	if (!fpgo_is_numeric(text) || text.len > TOTAL_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		if (text.text[i] == 'e' || text.text[i] == 'E')
		{
			long		exponent = strtol(pnstrdup(text.text + i + 1,
												   text.len - i - 1),
										  NULL, 10);

			return exponent <= TOTAL_MAX_EXPONENT &&
				exponent >= -TOTAL_MAX_EXPONENT;
		}
	}
	return true;
}

/* A string as the gateway reads it; NULL if it is blank or no string. */
static const char *
read_text(const FpgoValue *value)
{
	FpgoSpan	text = {"", 0};

	if (value->kind == FPGO_JSON_STRING)
		text = fpgo_trim(value->text);
	return text.len == 0 ? NULL : pnstrdup(text.text, text.len);
}

/* A total as decimal text; NULL if it is none that numeric can hold. */
static const char *
read_total(const FpgoValue *value)
{
	FpgoSpan	text;

	if (value->kind == FPGO_JSON_NUMBER)
		return fpgo_document_number_text(value->number).text;
	if (value->kind != FPGO_JSON_STRING)
		return NULL;
	text = fpgo_trim(value->text);
	return is_total(text) ? pnstrdup(text.text, text.len) : NULL;
}

/* The index of a field, which the tree must have. */
static int
field_index(const FpgoShape *shape, const char *name)
{
	int			field = fpgo_document_find_field(shape,
												 (FpgoSpan) {name, strlen(name)});

	Assert(field >= 0);
	return field;
}

/* Read the members that are recorded beside the payload. */
static void
read_order(Jsonb *order, FpgoHandIn *handin)
{
	FpgoValue	root = fpgo_document_root(order);
	FpgoValue	members[FPGO_MAX_FIELDS];
	FpgoValue	totals[FPGO_MAX_FIELDS];
	int			summary = field_index(&fpgo_order_shape, "orderSummary");
	const FpgoShape *shape = fpgo_order_shape.fields[summary].shape;

	fpgo_document_members(&root, &fpgo_order_shape, members);
	fpgo_document_members(&members[summary], shape, totals);
	handin->reference =
		read_text(&members[field_index(&fpgo_order_shape, "referenceNo")]);
	handin->grand_total = read_total(&totals[field_index(shape, "grandTotal")]);
}

/* The key that begins so of an order on record, or of one that was purged. */
static const char *
find_former_key(const FpgoHandIn *handin, const char *beginning)
{
	const char *key = fpgo_submission_find_former_key(handin, beginning);

	return key != NULL ? key : fpgo_trace_find_former_key(handin, beginning);
}

/*
 * The key of an order that has none: its hash and its role.  A submission of a
 * role that was renamed keeps its key, and so does one of 1.0, whose keys began
 * with the hash by 1.0's rule.
 */
static const char *
make_keyless(const FpgoHandIn *handin)
{
	const char *beginning = psprintf("%s/", hex(handin->order_hash));
	const char *key = NULL;
	uint8		hash[FPGO_HASH_BYTES];

	if (handin->hash_rule != FPGO_RULE_1_0)
	{
		key = find_former_key(handin, beginning);
		if (key == NULL)
		{
			fpgo_handin_hash(handin, FPGO_RULE_1_0, hash);
			key = find_former_key(handin, psprintf("%s/", hex(hash)));
		}
	}
	return key != NULL ? key : psprintf("%s%s", beginning, handin->role);
}

/* The key of an order that is made of a row, and has none itself. */
static const char *
make_row_key(const FpgoHandIn *handin, const char *table)
{
	if (handin->source != NULL)
		return fpgo_source_key(handin->source);
	/* 1.0 took such orders */
	if (handin->hash_rule == FPGO_RULE_1_0)
		return make_keyless(handin);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("order of a row of table %s has no key", table),
			 errdetail("The order has no referenceNo, and the table has no primary key."),
			 errhint("Give the order a referenceNo, or the table a primary key: ALTER TABLE %s ADD PRIMARY KEY (...);",
					 table),
			 fpgo_errhide()));
}

static const char *
make_key(const FpgoHandIn *handin, const FpgoGiven *given)
{
	const char *key = given->key;

	if (key != NULL)
	{
		if (fpgo_trim((FpgoSpan) {key, strlen(key)}).len == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("key must not be blank"),
					 errhint("Leave it out, and the order's referenceNo is the key."),
					 fpgo_errhide()));
		if (strlen(key) > KEY_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("key is too long"),
					 errdetail("It has %zu bytes; the limit is %d.",
							   strlen(key), KEY_MAX),
					 fpgo_errhide()));
		return key;
	}
	if (handin->reference == NULL)
		return given->table == NULL ? make_keyless(handin) :
			make_row_key(handin, given->table);
	if (strlen(handin->reference) > KEY_MAX)
	{
		uint8		digest[FPGO_HASH_BYTES];

		fpgo_keyed_hash(handin->reference, strlen(handin->reference),
						digest);
		return hex(digest);
	}
	return handin->reference;
}

/* ---------- advice ---------- */

/* The advice about the order, as much as is kept; NULL if there is none. */
static const char *const *
collect_advice(Jsonb *order)
{
	List	   *found = fpgo_advise_order(order);
	int			n = Min(list_length(found), FPGO_MAX_ADVICE);
	int			n_left_off = list_length(found) - n;
	const char **advice;

	if (n == 0)
		return NULL;
	advice = palloc0(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
		advice[i] = ((FpgoViolation *) list_nth(found, i))->message;
	/* the last entry says how many pieces of advice are left out */
	if (n_left_off > 0)
		advice[n - 1] = psprintf("... and %d more.", n_left_off + 1);
	return advice;
}

/* ---------- the whole ---------- */

Jsonb *
fpgo_handin_complete(Jsonb *order, FpgoSpelling spelling,
					 const char *defaults, bool *is_date_filled)
{
	*is_date_filled = false;
	order = fpgo_defaults_lay_under(order, defaults);
	if (spelling == FPGO_SPELLED_COMPOSITE)
		order = fpgo_defaults_fill_date(order, is_date_filled);
	return order;
}

/* Say once a session that orders go to another place than before. */
static void
notice_move(const FpgoAccount *account)
{
	static bool is_said = false;

	if (is_said || account->moved_from == NULL)
		return;
	is_said = true;
	fpgo_account_notice_move(account->target.server_name, account->name,
							 account->moved_from);
}

StringInfoData
fpgo_handin_payload(Jsonb *order, int *wire_len)
{
	StringInfoData payload;

	initStringInfo(&payload);
	fpgo_payload_write(&payload, order);
	*wire_len = payload.len;
	/* SQL_ASCII is sent as it is; an order that is no UTF-8 is refused */
	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		(void) fpgo_payload_wire(payload.data, wire_len);
	if (*wire_len > FPGO_PAYLOAD_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("order payload is too large"),
				 errdetail("It has %d bytes; the limit is %d.  Nothing was sent.",
						   *wire_len, FPGO_PAYLOAD_MAX),
				 fpgo_errhide()));
	return payload;
}

static void
write_payload(FpgoHandIn *handin, Jsonb *order)
{
	int			wire_len;
	StringInfoData payload = fpgo_handin_payload(order, &wire_len);

	handin->order = order;
	handin->payload = payload.data;
	handin->payload_len = payload.len;
}

/*
 * Put the callback token into the payload.  The hash was made before, of the
 * order as handed in: the same order has the same hash again.
 */
static void
fill_callback_token(FpgoHandIn *handin)
{
	Jsonb	   *order;

	/* most orders have no placeholder */
	if (strstr(handin->payload, FPGO_PLACEHOLDER) == NULL)
		return;
	order = fpgo_callback_token_fill(handin->order, &handin->callback_token);
	if (handin->callback_token != NULL)
		write_payload(handin, order);
}

FpgoHandIn *
fpgo_handin_make(const FpgoGiven *given, const FpgoAccount *account,
				 List **violations)
{
	FpgoHandIn *handin = palloc0(sizeof(FpgoHandIn));
	Jsonb	   *order;

	handin->given = given->order;
	order = fpgo_handin_complete(given->order, given->spelling,
								 account->terms.defaults,
								 &handin->is_date_filled);
	handin->complete = order;
	if (violations == NULL)
		fpgo_validate_require(order, account->terms.tax_rates);
	notice_move(account);
	handin->account = account->name;
	handin->server = account->target.server_name;
	handin->role = GetUserNameFromId(GetUserId(), false);
	handin->mapping = fpgo_account_mapping(account->server, GetUserId());
	handin->on_change = given->on_change;
	write_payload(handin, order);
	read_order(order, handin);
	handin->hash_rule = fpgo_handin_rule();
	fpgo_handin_hash(handin, handin->hash_rule, handin->order_hash);
	handin->is_keyless = given->key == NULL && handin->reference == NULL &&
		given->table == NULL;
	handin->source = given->source;
	handin->former_source = given->former_source;
	handin->former_is_own = given->former_is_own;
	handin->key = make_key(handin, given);
	handin->advice = collect_advice(order);
	if (handin->reference != NULL && strlen(handin->reference) > KEY_MAX)
		handin->reference = pnstrdup(handin->reference,
									 pg_mbcliplen(handin->reference,
												  strlen(handin->reference),
												  KEY_MAX));
	fill_callback_token(handin);
	if (violations != NULL)
		*violations = fpgo_validate_is_valid(order, account->terms.tax_rates) ?
			NIL : fpgo_validate_order(order, account->terms.tax_rates);
	return handin;
}
