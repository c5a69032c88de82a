/*
 * defaults.c
 *		A server's option "defaults": a partial order laid under each order.
 *
 * The option is JSON in the API's spelling.  It is checked when it is written
 * (defaults_fault.c).  It is laid under every order of the server before the
 * order is validated: rules, advice, payload, key and hash see the same order.
 *
 * A member that the order has wins over the default.  Objects that the API
 * knows are merged member by member; lists are not merged, nor is anything in
 * them.  A member counts as absent if the API would read it so: null or blank.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "order/defaults.h"
#include "order/reading.h"
#include "order/spellings.h"

/* ---------- merging ---------- */

static void
push_key(FpgoJsonbState *state, FpgoSpan key)
{
	JsonbValue	string = {.type = jbvString};

	string.val.string.val = unconstify(char *, key.text);
	string.val.string.len = key.len;
	fpgo_jsonb_push(state, WJB_KEY, &string);
}

/* A value as it is; its bytes are copied when the document is finished. */
static void
push_value(FpgoJsonbState *state, const FpgoValue *value)
{
	JsonbValue	copy = {.type = jbvNull};

	switch (value->kind)
	{
		case FPGO_JSON_MISSING:
		case FPGO_JSON_NULL:
			break;
		case FPGO_JSON_BOOL:
			copy.type = jbvBool;
			copy.val.boolean = value->boolean;
			break;
		case FPGO_JSON_NUMBER:
			copy.type = jbvNumeric;
			copy.val.numeric = value->number;
			break;
		case FPGO_JSON_STRING:
			copy.type = jbvString;
			copy.val.string.val = unconstify(char *, value->text.text);
			copy.val.string.len = value->text.len;
			break;
		case FPGO_JSON_ARRAY:
		case FPGO_JSON_OBJECT:
			copy.type = jbvBinary;
			copy.val.binary.data = value->container;
			break;
	}
	fpgo_jsonb_push(state, WJB_VALUE, &copy);
}

static JsonbValue *push_merged(FpgoJsonbState *state, const FpgoValue *over,
							   const FpgoValue *under,
							   const FpgoShape *shape);

/* A field of the tree: the order's value, or else the default. */
static void
push_field(FpgoJsonbState *state, const FpgoField *field,
		   const FpgoValue *over, const FpgoValue *under)
{
	bool		is_given = !fpgo_reads_as_null(over);

	if (!is_given && !fpgo_reads_as_null(under))
		over = under;
	if (over->kind == FPGO_JSON_MISSING)
		return;
	push_key(state, (FpgoSpan) {field->json, field->json_len});
	if (is_given && field->type == FPGO_FIELD_OBJECT &&
		over->kind == FPGO_JSON_OBJECT && under->kind == FPGO_JSON_OBJECT)
		push_merged(state, over, under, field->shape);
	else
		push_value(state, over);
}

/* The members that no field has; they end the object. */
static JsonbValue *
push_unknown(FpgoJsonbState *state, const FpgoValue *map,
			 const FpgoShape *shape)
{
	FpgoCursor	cursor;
	FpgoSpan	key;
	FpgoValue	value;

	fpgo_document_open(&cursor, map);
	while (fpgo_document_next(&cursor, &key, &value))
	{
		if (fpgo_document_find_field(shape, key) >= 0)
			continue;
		push_key(state, key);
		push_value(state, &value);
	}
	return fpgo_jsonb_push(state, WJB_END_OBJECT, NULL);
}

/*
 * Lay one object over another.  Members that no field has come from the upper
 * one; the lower one was checked, and has none.
 */
static JsonbValue *
push_merged(FpgoJsonbState *state, const FpgoValue *over,
			const FpgoValue *under, const FpgoShape *shape)
{
	FpgoValue	ours[FPGO_MAX_FIELDS];
	FpgoValue	theirs[FPGO_MAX_FIELDS];

	fpgo_document_members(over, shape, ours);
	fpgo_document_members(under, shape, theirs);
	fpgo_jsonb_push(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < shape->n_fields; i++)
		push_field(state, &shape->fields[i], &ours[i], &theirs[i]);
	return push_unknown(state, over, shape);
}

/*
 * The defaults of a text.  The last ones are kept together with their text.
 * Comparing the texts costs less than parsing, and shows every change.
 */
static Jsonb *
read_defaults(const char *text)
{
	static char *kept_text = NULL;
	static Jsonb *kept = NULL;
	Jsonb	   *defaults;
	char	   *copy_of_text;
	Jsonb	   *copy;

	if (kept != NULL && strcmp(kept_text, text) == 0)
		return kept;
	defaults = fpgo_order_from_text(text, strlen(text));
	copy = MemoryContextAlloc(TopMemoryContext, VARSIZE(defaults));
	memcpy(copy, defaults, VARSIZE(defaults));
	copy_of_text = MemoryContextStrdup(TopMemoryContext, text);
	if (kept != NULL)
	{
		pfree(kept);
		pfree(kept_text);
	}
	kept = copy;
	kept_text = copy_of_text;
	return kept;
}

Jsonb *
fpgo_defaults_fill_date(Jsonb *order, bool *is_filled)
{
	FpgoValue	over = fpgo_document_root(order);
	FpgoValue	members[FPGO_MAX_FIELDS];
	const FpgoField *date = fpgo_order_shape.fields;
	FpgoJsonbState state = {0};
	char		text[MAXINT8LEN + 1];
	FpgoValue	seconds = {.kind = FPGO_JSON_STRING};

	*is_filled = false;
	if (over.kind != FPGO_JSON_OBJECT)
		return order;
	while (date->type != FPGO_FIELD_SECONDS)
		date++;
	fpgo_document_members(&over, &fpgo_order_shape, members);
	if (!fpgo_reads_as_null(&members[date - fpgo_order_shape.fields]))
		return order;
	*is_filled = true;
	seconds.text.text = text;
	seconds.text.len =
		pg_lltoa(timestamptz_to_time_t(GetCurrentTransactionStartTimestamp()),
				 text);
	fpgo_jsonb_push(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < fpgo_order_shape.n_fields; i++)
	{
		const FpgoField *field = &fpgo_order_shape.fields[i];
		const FpgoValue *value = field == date ? &seconds : &members[i];

		if (value->kind == FPGO_JSON_MISSING)
			continue;
		push_key(&state, (FpgoSpan) {field->json, field->json_len});
		push_value(&state, value);
	}
	return JsonbValueToJsonb(push_unknown(&state, &over, &fpgo_order_shape));
}

Jsonb *
fpgo_defaults_lay_under(Jsonb *order, const char *defaults)
{
	FpgoJsonbState state = {0};
	FpgoValue	over;
	FpgoValue	under;

	if (defaults == NULL)
		return order;
	over = fpgo_document_root(order);
	under = fpgo_document_root(read_defaults(defaults));
	if (over.kind != FPGO_JSON_OBJECT || under.kind != FPGO_JSON_OBJECT)
		return order;
	return JsonbValueToJsonb(push_merged(&state, &over, &under,
										 &fpgo_order_shape));
}
