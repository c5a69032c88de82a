/*
 * reading.c
 *		How the gateway reads a JSON value before and while it applies rules.
 *
 * Laravel trims every string, makes blank ones null, and compares as PHP
 * does.  Older versions trim six ASCII characters; newer ones trim Unicode
 * white space too.  Which one the gateway runs is not known, so a string
 * passes here only if both readings of it do.
 */
#include "reading.h"

#include "mb/pg_wchar.h"

/* A string as the gateway gets it, in UTF-8, trimmed both ways. */
typedef struct Readings
{
	FpgoSpan	narrow;			/* PHP's trim() */
	FpgoSpan	wide;			/* Unicode white space too */
} Readings;

static Readings
read_text(FpgoSpan text)
{
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		char	   *converted = pg_server_to_any(text.text, text.len, PG_UTF8);

		if (converted != text.text)
			text = (FpgoSpan) {converted, strlen(converted)};
	}
	if (fpgo_is_trimmed(text))
		return (Readings) {text, text};
	return (Readings) {fpgo_trim(text), fpgo_trim_unicode(text)};
}

bool
fpgo_reads_as_null(const FpgoValue *value)
{
	/* all server encodings contain ASCII, so this needs no conversion */
	return value->kind == FPGO_MISSING || value->kind == FPGO_NULL ||
		(value->kind == FPGO_TEXT && !fpgo_is_trimmed(value->text) &&
		 fpgo_trim(value->text).len == 0);
}

bool
fpgo_reads_as_present(const FpgoValue *value)
{
	switch (value->kind)
	{
		case FPGO_MISSING:
		case FPGO_NULL:
			return false;
		case FPGO_TEXT:
			return read_text(value->text).wide.len > 0;
		case FPGO_ARRAY:
		case FPGO_MAP:
			return value->count > 0;
		default:
			return true;
	}
}

static bool
equals(FpgoSpan span, const char *text)
{
	return fpgo_spans_equal(span, (FpgoSpan) {text, strlen(text)});
}

bool
fpgo_reads_as_boolean(const FpgoValue *value)
{
	FpgoSpan	text;

	switch (value->kind)
	{
		case FPGO_BOOL:
			return true;
		case FPGO_NUMBER:
			text = fpgo_document_number_text(value->number);
			break;
		case FPGO_TEXT:
			/* wide space around it fails the narrow reading, as it should */
			text = fpgo_trim(value->text);
			break;
		default:
			return false;
	}
	return equals(text, "0") || equals(text, "1");
}

bool
fpgo_reads_as_text(const FpgoValue *value, const char *text)
{
	return value->kind == FPGO_TEXT &&
		equals(read_text(value->text).wide, text);
}

/* PHP compares two numeric strings as numbers, others byte by byte. */
static bool
is_listed(FpgoSpan span, const char *const *allowed)
{
	for (; *allowed != NULL; allowed++)
	{
		FpgoSpan	one = {*allowed, strlen(*allowed)};

		if (fpgo_spans_equal(span, one) || fpgo_numbers_equal(span, one))
			return true;
	}
	return false;
}

bool
fpgo_reads_as_one_of(const FpgoValue *value, const char *const *allowed)
{
	Readings	readings;

	switch (value->kind)
	{
		case FPGO_TEXT:
			readings = read_text(value->text);
			return is_listed(readings.narrow, allowed) &&
				(readings.wide.len == readings.narrow.len ||
				 is_listed(readings.wide, allowed));
		case FPGO_NUMBER:
			return is_listed(fpgo_document_number_text(value->number),
							 allowed);
		case FPGO_BOOL:
			/* PHP turns true into "1" and false into "" before comparing */
			return value->boolean && is_listed((FpgoSpan) {"1", 1}, allowed);
		default:
			return false;
	}
}

bool
fpgo_reading_holds(const FpgoValue *value, bool (*predicate) (FpgoSpan))
{
	Readings	readings = read_text(value->text);

	return predicate(readings.narrow) &&
		(readings.wide.len == readings.narrow.len ||
		 predicate(readings.wide));
}

static int
count_characters(FpgoSpan utf8)
{
	int			n = 0;

	for (size_t i = 0; i < utf8.len; i++)
		n += (utf8.text[i] & 0xC0) != 0x80;
	return n;
}

bool
fpgo_reading_has_size(const FpgoValue *value, int size)
{
	Readings	readings = read_text(value->text);

	return count_characters(readings.narrow) == size &&
		count_characters(readings.wide) == size;
}
