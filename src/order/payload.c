/*
 * payload.c
 *		The canonical payload: the text that is sent.
 *
 * One writer makes the payload, for submit_invoice as for fpgo.payload(): the
 * two cannot differ.  Known fields come in the field tree's order, members
 * that the tree does not know after them.  Members that the gateway would read
 * as absent are left out: a known field that is null or blank, and an empty
 * optional object.  Nothing else changes.  Every value keeps its JSON type and
 * its digits: fpgo sends what it validated.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/fpgo.h"
#include "order/defaults.h"
#include "order/payload.h"
#include "order/reading.h"
#include "order/spellings.h"

static void write_field(StringInfo wire, const FpgoValue *value,
						const FpgoField *field);
static void write_value(StringInfo wire, const FpgoValue *value);

/*
 * Add bytes.  appendBinaryStringInfo() makes two calls for each piece; for the
 * hundred short pieces of an order they cost more than the copying.
 */
static inline void
put(StringInfo wire, const char *bytes, size_t len)
{
	if (wire->len + len >= (size_t) wire->maxlen)
		enlargeStringInfo(wire, len);
	memcpy(wire->data + wire->len, bytes, len);
	wire->len += len;
	wire->data[wire->len] = '\0';
}

static void
write_escape(StringInfo wire, unsigned char c)
{
	switch (c)
	{
		case '"':
			put(wire, "\\\"", 2);
			break;
		case '\\':
			put(wire, "\\\\", 2);
			break;
		case '\n':
			put(wire, "\\n", 2);
			break;
		case '\r':
			put(wire, "\\r", 2);
			break;
		case '\t':
			put(wire, "\\t", 2);
			break;
		default:
			appendStringInfo(wire, "\\u%04x", c);
	}
}

/* The bytes that a JSON string must escape. */
static const bool needs_escape[256] = {
	true, true, true, true, true, true, true, true,
	true, true, true, true, true, true, true, true,
	true, true, true, true, true, true, true, true,
	true, true, true, true, true, true, true, true, /* below the space */
	['"'] = true, ['\\'] = true,
};

/* Bytes at the start of a text that need no escape. */
static size_t
plain_run(const char *text, size_t len)
{
	size_t		n = 0;

	while (n < len && !needs_escape[(unsigned char) text[n]])
		n++;
	return n;
}

/* A JSON string; runs that need no escape are copied whole. */
static void
write_string(StringInfo wire, FpgoSpan span)
{
	const char *text = span.text;
	const char *end = text + span.len;

	put(wire, "\"", 1);
	for (;;)
	{
		size_t		run = plain_run(text, end - text);

		put(wire, text, run);
		text += run;
		if (text == end)
			break;
		write_escape(wire, *text++);
	}
	put(wire, "\"", 1);
}

static void
write_key(StringInfo wire, FpgoSpan key, bool *is_first)
{
	if (!*is_first)
		appendStringInfoCharMacro(wire, ',');
	*is_first = false;
	write_string(wire, key);
	appendStringInfoCharMacro(wire, ':');
}

/* Write the key of a field, which the tree has as a text. */
static void
write_known_key(StringInfo wire, const FpgoField *field, bool *is_first)
{
	if (!*is_first)
		appendStringInfoCharMacro(wire, ',');
	*is_first = false;
	put(wire, field->wire, field->json_len + 3);
}

/*
 * Write the members of a map that its shape names, in the field tree's order.
 * Returns how many there are.
 */
static int
write_known(StringInfo wire, const FpgoValue *map, const FpgoShape *shape,
			bool *is_first)
{
	FpgoValue	members[FPGO_MAX_FIELDS];
	int			n_known = fpgo_document_members(map, shape, members);

	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];
		int			before = wire->len;
		bool		was_first = *is_first;
		int			begin;

		if (fpgo_reads_as_null(&members[i]))
			continue;
		write_known_key(wire, field, is_first);
		begin = wire->len;
		write_field(wire, &members[i], field);
		if (field->type == FPGO_FIELD_OBJECT &&
			members[i].kind == FPGO_JSON_OBJECT &&
			wire->len == begin + 2)
		{
			/* nothing but braces was written: remove the member */
			wire->len = before;
			wire->data[before] = '\0';
			*is_first = was_first;
		}
	}
	return n_known;
}

/* A map of known shape: its fields, then the members no field has. */
static void
write_object(StringInfo wire, const FpgoValue *map, const FpgoShape *shape)
{
	FpgoCursor	cursor;
	FpgoSpan	key;
	FpgoValue	value;
	bool		is_first = true;
	int			n_unknown;

	appendStringInfoCharMacro(wire, '{');
	n_unknown = map->count - write_known(wire, map, shape, &is_first);
	if (n_unknown > 0)
		fpgo_document_open(&cursor, map);
	while (n_unknown > 0 && fpgo_document_next(&cursor, &key, &value))
	{
		if (fpgo_document_find_field(shape, key) >= 0)
			continue;
		n_unknown--;
		write_key(wire, key, &is_first);
		write_value(wire, &value);
	}
	appendStringInfoCharMacro(wire, '}');
}

/*
 * An array or a map.  With a shape it is a list of such objects; the gateway
 * takes a map of elements for a list too.  Without a shape its content is not
 * known.
 */
static void
write_container(StringInfo wire, const FpgoValue *container,
				const FpgoShape *shape)
{
	bool		is_map = container->kind == FPGO_JSON_OBJECT;
	FpgoCursor	cursor;
	FpgoSpan	key;
	FpgoValue	value;
	bool		is_first = true;

	appendStringInfoCharMacro(wire, is_map ? '{' : '[');
	fpgo_document_open(&cursor, container);
	while (fpgo_document_next(&cursor, &key, &value))
	{
		if (is_map)
			write_key(wire, key, &is_first);
		else if (!is_first)
			appendStringInfoCharMacro(wire, ',');
		is_first = false;
		if (shape && value.kind == FPGO_JSON_OBJECT)
			write_object(wire, &value, shape);
		else
			write_value(wire, &value);
	}
	appendStringInfoCharMacro(wire, is_map ? '}' : ']');
}

static void
write_field(StringInfo wire, const FpgoValue *value, const FpgoField *field)
{
	bool		is_container = value->kind == FPGO_JSON_ARRAY ||
		value->kind == FPGO_JSON_OBJECT;

	if (field->type == FPGO_FIELD_OBJECT && value->kind == FPGO_JSON_OBJECT)
		write_object(wire, value, field->shape);
	else if (field->type == FPGO_FIELD_LIST && is_container)
		write_container(wire, value, field->shape);
	else
		write_value(wire, value);
}

static void
write_value(StringInfo wire, const FpgoValue *value)
{
	/* the unknown parts of an order may nest as deep as jsonb allows */
	check_stack_depth();

	switch (value->kind)
	{
		case FPGO_JSON_MISSING:
		case FPGO_JSON_NULL:
			put(wire, "null", 4);
			break;
		case FPGO_JSON_BOOL:
			appendStringInfoString(wire, value->boolean ? "true" : "false");
			break;
		case FPGO_JSON_NUMBER:
			{
				FpgoSpan	digits = fpgo_document_number_text(value->number);

				put(wire, digits.text, digits.len);
				break;
			}
		case FPGO_JSON_STRING:
			write_string(wire, value->text);
			break;
		case FPGO_JSON_ARRAY:
		case FPGO_JSON_OBJECT:
			write_container(wire, value, NULL);
			break;
	}
}

void
fpgo_payload_write(StringInfo wire, Jsonb *order)
{
	FpgoValue	root = fpgo_document_root(order);

	if (root.kind != FPGO_JSON_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("order must be a JSON object, not %s",
						fpgo_document_kind_name(root.kind)),
				 fpgo_errhide()));
	write_object(wire, &root, &fpgo_order_shape);
}

const char *
fpgo_payload_wire(const char *payload, int *len)
{
	*len = strlen(payload);
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		char	   *utf8 = pg_server_to_any(payload, *len, PG_UTF8);

		*len = strlen(utf8);
		return utf8;
	}
	return payload;
}

static Datum
payload(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	Jsonb	   *order = fpgo_order_argument_or_null(fcinfo, spelling);
	StringInfoData wire;
	bool		is_filled;

	/* a composite without any attribute stays empty: it is no order */
	if (order == NULL)
		order = fpgo_order_from_composite(PG_GETARG_DATUM(0));
	else if (spelling == FPGO_SPELLED_COMPOSITE)
		order = fpgo_defaults_fill_date(order, &is_filled);
	initStringInfo(&wire);
	fpgo_payload_write(&wire, order);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(wire.data));
}

FPGO_ORDER_FUNCTIONS(fpgo_payload, payload);
