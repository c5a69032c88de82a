/*
 * document.c
 *		Reads a stored order in place.
 *
 * The layout of jsonb is PostgreSQL's (utils/jsonb.h): a container is a
 * header, one JEntry a child, then the children's bytes; an object has its
 * keys first, sorted by length and then by byte, then its values.  Offsets
 * are summed while walking, which costs less than asking for each.
 *
 * Nothing is allocated here but the text of a number.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/compat.h"
#include "order/document.h"

/* fewest bytes of a container that holds another: its header and one JEntry */
#define LEVEL_BYTES (sizeof(uint32) + sizeof(JEntry))

/* bytes of a cache line, and how many lines are prefetched */
#define CACHE_LINE 64
#define FETCH_AHEAD_MAX 4096

/* Inline, like all of the walk, which runs for every member of an order. */
static inline void
decode(FpgoValue *value, JEntry entry, const char *base, uint32 offset,
	   uint32 length)
{
	memset(value, 0, sizeof(*value));
	if (JBE_ISSTRING(entry))
	{
		value->kind = FPGO_JSON_STRING;
		value->text = (FpgoSpan) {base + offset, length};
	}
	else if (JBE_ISNUMERIC(entry))
	{
		value->kind = FPGO_JSON_NUMBER;
		value->number = (Numeric) (base + INTALIGN(offset));
	}
	else if (JBE_ISBOOL(entry))
	{
		value->kind = FPGO_JSON_BOOL;
		value->boolean = JBE_ISBOOL_TRUE(entry);
	}
	else if (JBE_ISNULL(entry))
		value->kind = FPGO_JSON_NULL;
	else
	{
		value->container = (JsonbContainer *) (base + INTALIGN(offset));
		value->kind = JsonContainerIsObject(value->container) ?
			FPGO_JSON_OBJECT : FPGO_JSON_ARRAY;
		value->count = JsonContainerSize(value->container);
		value->size = length;
	}
}

/*
 * An order that was not read lately is not in the processor's cache.  Asking
 * for all its cache lines at once is faster than waiting for one after the
 * other.
 */
static inline void
fetch_ahead(const Jsonb *document)
{
	uint32		size = Min(VARSIZE(document), FETCH_AHEAD_MAX);

	for (uint32 i = 0; i < size; i += CACHE_LINE)
		__builtin_prefetch((const char *) document + i);
}

FpgoValue
fpgo_document_root(Jsonb *document)
{
	FpgoValue	root = {0};

	fetch_ahead(document);
	root.container = &document->root;
	root.count = JsonContainerSize(root.container);
	root.size = VARSIZE(document) - VARHDRSZ;
	root.kind = JsonContainerIsObject(root.container) ?
		FPGO_JSON_OBJECT : FPGO_JSON_ARRAY;
	if (JsonContainerIsScalar(root.container))
	{
		/* a scalar document is stored as an array of one */
		FpgoCursor	cursor;
		FpgoValue	scalar = {0};

		fpgo_document_open(&cursor, &root);
		(void) fpgo_document_next(&cursor, NULL, &scalar);
		return scalar;
	}
	return root;
}

/*
 * Looks only into values that are large enough to be so deep; in an ordinary
 * order that is the list of products alone.
 */
bool
fpgo_document_is_deeper(const FpgoValue *value, int levels)
{
	FpgoCursor	cursor;
	FpgoValue	child;

	if (value->kind != FPGO_JSON_ARRAY && value->kind != FPGO_JSON_OBJECT)
		return false;
	if (levels == 0)
		return true;
	if (value->size < (uint32) levels * LEVEL_BYTES)
		return false;
	fpgo_document_open(&cursor, value);
	while (fpgo_document_next(&cursor, NULL, &child))
	{
		if (fpgo_document_is_deeper(&child, levels - 1))
			return true;
	}
	return false;
}

/*
 * Inline, since the merge below can then keep its cursor in registers.
 */
static inline void
open_cursor(FpgoCursor *cursor, const FpgoValue *value)
{
	memset(cursor, 0, sizeof(*cursor));
	if (value->kind != FPGO_JSON_ARRAY && value->kind != FPGO_JSON_OBJECT)
		return;
	cursor->container = value->container;
	cursor->count = value->count;
	cursor->is_map = value->kind == FPGO_JSON_OBJECT;
	cursor->base = (const char *)
		&cursor->container->children[cursor->count * (cursor->is_map ? 2 : 1)];
	if (cursor->is_map)
		cursor->value_offset = getJsonbOffset(cursor->container,
											  cursor->count);
}

void
fpgo_document_open(FpgoCursor *cursor, const FpgoValue *value)
{
	open_cursor(cursor, value);
}

/* Length of child i, which begins at *offset; moves *offset behind it. */
static inline uint32
step_over(const JsonbContainer *container, int i, uint32 *offset)
{
	JEntry		entry = container->children[i];
	uint32		begin = *offset;

	if (JBE_HAS_OFF(entry))
		*offset = JBE_OFFLENFLD(entry);
	else
		*offset += JBE_OFFLENFLD(entry);
	return *offset - begin;
}

/* The next member's key; a call of take_value() must follow. */
static inline FpgoSpan
take_key(FpgoCursor *cursor)
{
	const char *text = cursor->base + cursor->key_offset;

	return (FpgoSpan) {text, step_over(cursor->container, cursor->next,
									   &cursor->key_offset)};
}

static inline void
take_value(FpgoCursor *cursor, FpgoValue *value)
{
	int			i = cursor->next + (cursor->is_map ? cursor->count : 0);
	uint32		offset = cursor->value_offset;
	uint32		length = step_over(cursor->container, i,
								   &cursor->value_offset);

	decode(value, cursor->container->children[i], cursor->base, offset,
		   length);
	cursor->next++;
}

bool
fpgo_document_next(FpgoCursor *cursor, FpgoSpan *key, FpgoValue *value)
{
	if (cursor->next >= cursor->count)
		return false;
	if (cursor->is_map)
	{
		FpgoSpan	found = take_key(cursor);

		if (key)
			*key = found;
	}
	take_value(cursor, value);
	return true;
}

/*
 * Are these keys of one length equal?  Two overlapping words cover all bytes
 * of most keys, and comparing them is faster than calling memcmp().
 */
static inline bool
same_bytes(const char *a, const char *b, size_t len)
{
	uint64		word[4];
	uint32		half[4];

	if (len > 2 * sizeof(uint64))
		return memcmp(a, b, len) == 0;
	if (len >= sizeof(uint64))
	{
		memcpy(&word[0], a, sizeof(uint64));
		memcpy(&word[1], b, sizeof(uint64));
		memcpy(&word[2], a + len - sizeof(uint64), sizeof(uint64));
		memcpy(&word[3], b + len - sizeof(uint64), sizeof(uint64));
		return word[0] == word[1] && word[2] == word[3];
	}
	if (len >= sizeof(uint32))
	{
		memcpy(&half[0], a, sizeof(uint32));
		memcpy(&half[1], b, sizeof(uint32));
		memcpy(&half[2], a + len - sizeof(uint32), sizeof(uint32));
		memcpy(&half[3], b + len - sizeof(uint32), sizeof(uint32));
		return half[0] == half[1] && half[2] == half[3];
	}
	return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] &&
						a[len - 1] == b[len - 1]);
}

/* The order in which jsonb keeps keys. */
static inline int
compare_key(FpgoSpan key, const FpgoField *field)
{
	if (key.len != (size_t) field->json_len)
		return key.len > (size_t) field->json_len ? 1 : -1;
	if (same_bytes(key.text, field->json, key.len))
		return 0;
	return memcmp(key.text, field->json, key.len);
}

int
fpgo_document_members(const FpgoValue *map, const FpgoShape *shape,
					  FpgoValue members[FPGO_MAX_FIELDS])
{
	const unsigned char *field = shape->by_key;
	const unsigned char *end = field + shape->n_fields;
	FpgoCursor	cursor;
	FpgoValue	unknown;
	int			n_found = 0;

	Assert(shape->n_fields <= FPGO_MAX_FIELDS);
	memset(members, 0, sizeof(FpgoValue) * shape->n_fields);
	if (map->kind != FPGO_JSON_OBJECT)
		return 0;

	open_cursor(&cursor, map);
	while (field < end && cursor.next < cursor.count)
	{
		FpgoSpan	key = take_key(&cursor);
		int			order;

		while ((order = compare_key(key, &shape->fields[*field])) > 0 &&
			   field + 1 < end)
			field++;
		if (order == 0)
		{
			take_value(&cursor, &members[*field++]);
			n_found++;
		}
		else
			take_value(&cursor, &unknown);
	}
	return n_found;
}

int
fpgo_document_find_field(const FpgoShape *shape, FpgoSpan key)
{
	for (int i = 0; i < shape->n_fields; i++)
	{
		if (compare_key(key, &shape->fields[i]) == 0)
			return i;
	}
	return -1;
}

const char *
fpgo_document_kind_name(FpgoJsonKind kind)
{
	switch (kind)
	{
		case FPGO_JSON_MISSING:
			return "missing";
		case FPGO_JSON_NULL:
			return "null";
		case FPGO_JSON_BOOL:
			return "a boolean";
		case FPGO_JSON_NUMBER:
			return "a number";
		case FPGO_JSON_STRING:
			return "a string";
		case FPGO_JSON_ARRAY:
			return "an array";
		case FPGO_JSON_OBJECT:
			return "an object";
	}
	pg_unreachable();
}

FpgoSpan
fpgo_document_number_text(Numeric number)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(number)));

	return (FpgoSpan) {text, strlen(text)};
}
