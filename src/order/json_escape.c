/*
 * json_escape.c
 *		Finds an escape in JSON text that the database cannot store.
 *
 * PostgreSQL's parser says that there is such a character, but neither which
 * nor where.  The text is read once more, up to that character, and the names
 * and indexes on the way there are kept.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "order/json_escape.h"
#include "text/ascii.h"
#include "text/span.h"

/* deepest path that is told, and longest name in it; the API has 3 levels */
#define MAX_LEVELS 8
#define NAME_MAX_BYTES 40

/* An object or array around the place that is read. */
typedef struct Level
{
	bool		is_array;
	bool		is_in_value;	/* of an object: behind the colon */
	int			index;			/* of an array */
	FpgoSpan	name;			/* of an object: the member's */
} Level;

typedef struct Reader
{
	const char *at;
	const char *end;
	int			depth;
	Level		levels[MAX_LEVELS];	/* the outermost ones */
} Reader;

static Level *
innermost(Reader *reader)
{
	return reader->depth > 0 && reader->depth <= MAX_LEVELS ?
		&reader->levels[reader->depth - 1] : NULL;
}

/* ---------- where ---------- */

/* A name as the API has them; any other may be about a person. */
static bool
is_plain_name(FpgoSpan name)
{
	for (size_t i = 0; i < name.len; i++)
	{
		if (!is_ascii_letter(name.text[i]) && name.text[i] != '_')
			return false;
	}
	return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

static const char *
render_path(const Reader *reader)
{
	StringInfoData path;

	initStringInfo(&path);
	for (int i = 0; i < Min(reader->depth, MAX_LEVELS); i++)
	{
		const Level *level = &reader->levels[i];

		if (level->is_array)
			appendStringInfo(&path, "[%d]", level->index);
		else if (level->is_in_value && is_plain_name(level->name))
			appendStringInfo(&path, "%s%.*s", path.len > 0 ? "." : "",
							 (int) level->name.len, level->name.text);
		else
			appendStringInfo(&path, "%s(a member)", path.len > 0 ? "." : "");
	}
	return path.len > 0 ? path.data : "The order";
}

/* ---------- which ---------- */

/* Has the database's encoding this character? */
static bool
can_store(uint32 code)
{
	int			encoding = GetDatabaseEncoding();
	unsigned char utf8[MAX_UNICODE_EQUIVALENT_STRING];
	unsigned char stored[MAX_UNICODE_EQUIVALENT_STRING *
						 MAX_CONVERSION_GROWTH + 1];
	Oid			conversion;
	int			len;

	if (code < 0x80 || encoding == PG_UTF8)
		return true;
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion))
		return false;			/* as in SQL_ASCII */
	unicode_to_utf8(code, utf8);
	len = pg_utf_mblen(utf8);
	return pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, utf8,
										 len, stored, sizeof(stored),
										 true) == len;
}

/* The code unit of a \u escape here; -1 if here is none.  Moves behind it. */
static int
read_unit(Reader *reader)
{
	int			unit = 0;

	if (reader->end - reader->at < 6 || reader->at[0] != '\\' ||
		reader->at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		char		c = reader->at[i];

		if (!is_hex(c))
			return -1;
		unit = unit * 16 + (is_digit(c) ? c - '0' :
							ascii_lower(c) - 'a' + 10);
	}
	reader->at += 6;
	return unit;
}

/* The character of the escape here, two code units if need be; 0 if none. */
static uint32
read_escape(Reader *reader)
{
	int			unit = read_unit(reader);
	int			low;

	if (unit < 0)
	{
		reader->at += Min(2, reader->end - reader->at);
		return 0;
	}
	if (!is_utf16_surrogate_first(unit))
		return unit;
	low = read_unit(reader);
	return low >= 0 && is_utf16_surrogate_second(low) ?
		surrogate_pair_to_codepoint(unit, low) : 0;
}

/*
 * Reads a string, from behind its opening quote to behind its closing one.
 * Returns the first character in it that cannot be stored; 0 if all can be.
 */
static uint32
read_string(Reader *reader)
{
	while (reader->at < reader->end && *reader->at != '"')
	{
		uint32		code;

		if (*reader->at != '\\')
		{
			reader->at++;
			continue;
		}
		code = read_escape(reader);
		if (!can_store(code))
			return code;
	}
	if (reader->at < reader->end)
		reader->at++;
	return 0;
}

/* ---------- the whole ---------- */

static void
open_level(Reader *reader, bool is_array)
{
	reader->depth++;
	if (reader->depth <= MAX_LEVELS)
		reader->levels[reader->depth - 1] = (Level) {.is_array = is_array};
}

/* What stands between strings, numbers and words. */
static void
read_mark(Reader *reader, char mark)
{
	Level	   *level = innermost(reader);

	switch (mark)
	{
		case '{':
		case '[':
			open_level(reader, mark == '[');
			break;
		case '}':
		case ']':
			reader->depth = Max(reader->depth - 1, 0);
			break;
		case ':':
			if (level != NULL)
				level->is_in_value = true;
			break;
		case ',':
			if (level != NULL)
			{
				level->index++;
				level->is_in_value = false;
			}
			break;
	}
}

FpgoJsonEscape
fpgo_json_find_escape(const char *json, int len)
{
	Reader		reader = {.at = json, .end = json + len};

	while (reader.at < reader.end)
	{
		char		c = *reader.at++;
		const char *begin = reader.at;
		Level	   *level = innermost(&reader);
		uint32		code;

		if (c != '"')
		{
			read_mark(&reader, c);
			continue;
		}
		code = read_string(&reader);
		if (code != 0)
			return (FpgoJsonEscape) {code, render_path(&reader)};
		if (level != NULL && !level->is_array && !level->is_in_value)
			level->name = (FpgoSpan) {begin, reader.at - begin - 1};
	}
	return (FpgoJsonEscape) {0, NULL};
}
