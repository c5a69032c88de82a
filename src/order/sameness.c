/*
 * sameness.c
 *		The form of an order by which two orders are compared.
 *
 * Two orders are the same if the gateway would make the same invoice of them:
 *
 * - numbers count by value, 499.0 is 499.00;
 * - strings count as the gateway trims them, and a string is never a number;
 * - a member that the gateway reads as null is as good as missing, and so is
 *   an object of the field tree with nothing in it;
 * - the order of members does not count, that of a list's elements does.
 *
 * A value begins with a mark of its kind.  A string has its length before it,
 * and needs no escape.  Members stand in the field tree's order, those that
 * the tree does not know after them, shorter names first.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/fpgo.h"
#include "order/document.h"
#include "order/reading.h"
#include "order/sameness.h"

/* A member whose name the tree does not know. */
typedef struct Member
{
	FpgoSpan	key;			/* in UTF-8 */
	FpgoValue	value;
} Member;

static void write_field(StringInfo form, const FpgoValue *value,
						const FpgoField *field);
static void write_value(StringInfo form, const FpgoValue *value);

/* Add bytes; faster than appendBinaryStringInfo() for many short pieces. */
static inline void
put(StringInfo form, const char *bytes, size_t len)
{
	if (form->len + len >= (size_t) form->maxlen)
		enlargeStringInfo(form, len);
	memcpy(form->data + form->len, bytes, len);
	form->len += len;
}

static inline void
put_mark(StringInfo form, char mark)
{
	put(form, &mark, 1);
}

/* Are the database's texts in another encoding than UTF-8? */
static bool
needs_conversion(void)
{
	/* SQL_ASCII has bytes of any kind, which are sent as they are */
	return GetDatabaseEncoding() != PG_UTF8 &&
		GetDatabaseEncoding() != PG_SQL_ASCII;
}

static FpgoSpan
to_utf8(FpgoSpan text)
{
	char	   *converted;

	if (!needs_conversion())
		return text;
	converted = pg_server_to_any(text.text, text.len, PG_UTF8);
	return converted == text.text ? text :
		(FpgoSpan) {converted, strlen(converted)};
}

static void
write_utf8(StringInfo form, FpgoSpan text)
{
	char		len[MAXINT8LEN + 1];

	put_mark(form, '"');
	put(form, len, pg_lltoa((int64) text.len, len));
	put_mark(form, ':');
	put(form, text.text, text.len);
}

static void
write_string(StringInfo form, FpgoSpan text)
{
	write_utf8(form, to_utf8(fpgo_is_trimmed(text) ? text : fpgo_trim(text)));
}

/* Digits without the zeros that do not count. */
static void
write_number(StringInfo form, Numeric number)
{
	FpgoSpan	digits = fpgo_document_number_text(number);

	if (memchr(digits.text, '.', digits.len) != NULL)
	{
		while (digits.text[digits.len - 1] == '0')
			digits.len--;
		if (digits.text[digits.len - 1] == '.')
			digits.len--;
	}
	put_mark(form, '#');
	put(form, digits.text, digits.len);
	put_mark(form, ';');
}

/* ---------- objects ---------- */

/* Writes the members that the shape names; returns how many the map has. */
static int
write_known(StringInfo form, const FpgoValue *map, const FpgoShape *shape,
			bool with_date)
{
	FpgoValue	members[FPGO_MAX_FIELDS];
	int			n_known = fpgo_document_members(map, shape, members);

	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];
		int			before = form->len;
		int			begin;

		if (fpgo_reads_as_null(&members[i]) ||
			(field->type == FPGO_FIELD_SECONDS && !with_date))
			continue;
		write_utf8(form, (FpgoSpan) {field->json, field->json_len});
		begin = form->len;
		write_field(form, &members[i], field);
		/* nothing but the braces of an object that the tree knows? */
		if (field->type == FPGO_FIELD_OBJECT && form->len == begin + 2 &&
			members[i].kind == FPGO_JSON_OBJECT)
			form->len = before;
	}
	return n_known;
}

static int
compare_members(const void *a, const void *b)
{
	FpgoSpan	one = ((const Member *) a)->key;
	FpgoSpan	other = ((const Member *) b)->key;

	if (one.len != other.len)
		return one.len < other.len ? -1 : 1;
	return memcmp(one.text, other.text, one.len);
}

/*
 * Writes the members that the shape does not name; without a shape, all.
 * jsonb keeps them sorted, but by their bytes in the database's encoding.
 */
static void
write_unknown(StringInfo form, const FpgoValue *map, const FpgoShape *shape)
{
	Member	   *members = palloc(sizeof(Member) * map->count);
	FpgoCursor	cursor;
	FpgoSpan	key;
	FpgoValue	value;
	int			n = 0;

	fpgo_document_open(&cursor, map);
	while (fpgo_document_next(&cursor, &key, &value))
	{
		if (fpgo_reads_as_null(&value) ||
			(shape != NULL && fpgo_document_find_field(shape, key) >= 0))
			continue;
		members[n++] = (Member) {.key = to_utf8(key), .value = value};
	}
	if (needs_conversion())
		qsort(members, n, sizeof(Member), compare_members);
	for (int i = 0; i < n; i++)
	{
		write_utf8(form, members[i].key);
		write_value(form, &members[i].value);
	}
}

static void
write_object(StringInfo form, const FpgoValue *map, const FpgoShape *shape,
			 bool with_date)
{
	put_mark(form, '{');
	if (map->count > write_known(form, map, shape, with_date))
		write_unknown(form, map, shape);
	put_mark(form, '}');
}

/* ---------- lists and values ---------- */

/*
 * Elements that are objects of a shape.  The gateway takes a map of elements
 * for a list, and reads it in the order in which its names are sent.
 */
static void
write_elements(StringInfo form, const FpgoValue *list, const FpgoShape *shape)
{
	bool		is_map = list->kind == FPGO_JSON_OBJECT;
	FpgoCursor	cursor;
	FpgoSpan	key;
	FpgoValue	value;

	put_mark(form, is_map ? '<' : '[');
	fpgo_document_open(&cursor, list);
	while (fpgo_document_next(&cursor, &key, &value))
	{
		if (is_map)
			write_utf8(form, to_utf8(key));
		if (shape != NULL && value.kind == FPGO_JSON_OBJECT)
			write_object(form, &value, shape, true);
		else
			write_value(form, &value);
	}
	put_mark(form, is_map ? '>' : ']');
}

static void
write_field(StringInfo form, const FpgoValue *value, const FpgoField *field)
{
	if (field->type == FPGO_FIELD_OBJECT && value->kind == FPGO_JSON_OBJECT)
		write_object(form, value, field->shape, true);
	else if (field->type == FPGO_FIELD_LIST &&
			 (value->kind == FPGO_JSON_OBJECT ||
			  value->kind == FPGO_JSON_ARRAY))
		write_elements(form, value, field->shape);
	else
		write_value(form, value);
}

static void
write_value(StringInfo form, const FpgoValue *value)
{
	/* the unknown parts of an order may nest as deep as jsonb allows */
	check_stack_depth();

	if (fpgo_reads_as_null(value))
	{
		put_mark(form, 'n');
		return;
	}
	switch (value->kind)
	{
		case FPGO_JSON_BOOL:
			put_mark(form, value->boolean ? 't' : 'f');
			break;
		case FPGO_JSON_NUMBER:
			write_number(form, value->number);
			break;
		case FPGO_JSON_STRING:
			write_string(form, value->text);
			break;
		case FPGO_JSON_ARRAY:
			write_elements(form, value, NULL);
			break;
		case FPGO_JSON_OBJECT:
			put_mark(form, '{');
			write_unknown(form, value, NULL);
			put_mark(form, '}');
			break;
		case FPGO_JSON_MISSING:
		case FPGO_JSON_NULL:
			break;
	}
}

void
fpgo_sameness_write(StringInfo form, Jsonb *order, bool with_date)
{
	FpgoValue	root = fpgo_document_root(order);

	if (root.kind != FPGO_JSON_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("order must be a JSON object, not %s",
						fpgo_document_kind_name(root.kind)),
				 fpgo_errhide()));
	write_object(form, &root, &fpgo_order_shape, with_date);
}
