/*
 * reading.c
 *		How the gateway reads a JSON value before and while it applies rules.
 *
 * Laravel trims every string, makes blank ones null, and compares as PHP does.
 * Laravel 8 trims six ASCII characters, 9 and 10 also Unicode white space, 11
 * and later also invisible characters, such as a soft hyphen.  The gateway's
 * version is not known.  Therefore a string passes only if it passes trimmed
 * both ways.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "order/reading.h"

/* an int64 holds any number of this many digits */
#define SECONDS_DIGITS_MAX 18

/* a number below this is an amount; fpgo_is_amount() says the same of text */
#define AMOUNT_LIMIT INT64CONST(1000000000)

/* bytes of a stored number beyond which it has too many digits for one */
#define AMOUNT_BYTES_MAX 64

/* A string as the gateway gets it, in UTF-8, trimmed both ways. */
typedef struct Readings
{
	FpgoSpan	narrow;			/* PHP's trim() */
	FpgoSpan	wide;			/* all that any version trims */
} Readings;

static inline Readings
read_text(FpgoSpan text)
{
	/* SQL_ASCII has bytes of any kind; the predicates take them as they are */
	if (GetDatabaseEncoding() != PG_UTF8 &&
		GetDatabaseEncoding() != PG_SQL_ASCII)
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
	return value->kind == FPGO_JSON_MISSING || value->kind == FPGO_JSON_NULL ||
		(value->kind == FPGO_JSON_STRING && !fpgo_is_trimmed(value->text) &&
		 fpgo_trim(value->text).len == 0);
}

/* Is it neither missing nor null, an empty container or a blank text? */
static bool
is_present(const FpgoValue *value, FpgoSpan text)
{
	switch (value->kind)
	{
		case FPGO_JSON_MISSING:
		case FPGO_JSON_NULL:
			return false;
		case FPGO_JSON_STRING:
			return text.len > 0;
		case FPGO_JSON_ARRAY:
		case FPGO_JSON_OBJECT:
			return value->count > 0;
		default:
			return true;
	}
}

bool
fpgo_reads_as_present(const FpgoValue *value)
{
	return is_present(value, value->kind == FPGO_JSON_STRING ?
					  read_text(value->text).wide : value->text);
}

bool
fpgo_may_be_present(const FpgoValue *value)
{
	return is_present(value, value->kind == FPGO_JSON_STRING ?
					  fpgo_trim(value->text) : value->text);
}

static bool
equals(FpgoSpan span, const char *text)
{
	return fpgo_spans_equal(span, (FpgoSpan) {text, strlen(text)});
}

bool
fpgo_reads_as_number(const FpgoValue *value)
{
	int64		units;

	/* units_of_text() reads the usual texts, and is faster */
	return value->kind == FPGO_JSON_NUMBER ||
		(value->kind == FPGO_JSON_STRING &&
		 (fpgo_units_of_text(value->text, &units) ||
		  fpgo_reading_holds(value, fpgo_is_numeric)));
}

bool
fpgo_reads_as_boolean(const FpgoValue *value)
{
	FpgoSpan	text;
	int64		units;

	switch (value->kind)
	{
		case FPGO_JSON_BOOL:
			return true;
		case FPGO_JSON_NUMBER:
			return fpgo_scale_of_number(value->number) == 0 &&
				fpgo_units_of_number(value->number, &units) &&
				(units == 0 || units == FPGO_UNITS);
		case FPGO_JSON_STRING:
			/* other white space around it fails the narrow reading */
			text = fpgo_trim(value->text);
			return equals(text, "0") || equals(text, "1");
		default:
			return false;
	}
}

bool
fpgo_reads_as_text(const FpgoValue *value, const char *text)
{
	return value->kind == FPGO_JSON_STRING &&
		equals(read_text(value->text).wide, text);
}

/*
 * Is a text on the list?  Until 2026 Laravel's "in" compared numeric strings
 * as numbers: "25.00" was 25.  Since 12.67 and 13.26 it compares texts.
 * Therefore only two spellings pass: the list's own, and the one that PHP
 * prints, which the gateway's list most likely has.
 */
static bool
is_listed(Readings text, const char *const *allowed)
{
	for (; *allowed != NULL; allowed++)
	{
		FpgoSpan	one = {*allowed, strlen(*allowed)};

		/* a Laravel that compares texts trims form feeds, too */
		if (fpgo_spans_equal(text.narrow, one) ||
			(fpgo_is_plain_number(text.wide) &&
			 fpgo_numbers_equal(text.narrow, one)))
			return true;
	}
	return false;
}

/* Is a number, in whatever spelling, equal to a listed one? */
static bool
is_listed_spelling(FpgoSpan number, const char *const *allowed)
{
	while (*allowed != NULL &&
		   !fpgo_numbers_equal(number,
							   (FpgoSpan) {*allowed, strlen(*allowed)}))
		allowed++;
	return *allowed != NULL;
}

/*
 * Is a stored number on the list?  PHP prints a number before it compares:
 * 12.0 is 12.  It prints 14 digits, and 11.99999999999999999999 becomes 12
 * too; that is not done here.
 */
static bool
is_listed_number(Numeric number, const char *const *allowed)
{
	bool		is_units;
	int64		units;
	int64		other;

	is_units = fpgo_units_of_number(number, &units);
	for (const char *const *one = allowed; is_units && *one != NULL; one++)
	{
		is_units = fpgo_units_of_text((FpgoSpan) {*one, strlen(*one)}, &other);
		if (is_units && units == other)
			return true;
	}
	/* many digits, here or in a rate of the server's such as 25.00000 */
	return !is_units &&
		is_listed_spelling(fpgo_document_number_text(number), allowed);
}

bool
fpgo_reads_as_one_of(const FpgoValue *value, const char *const *allowed)
{
	switch (value->kind)
	{
		case FPGO_JSON_STRING:
			return is_listed(read_text(value->text), allowed);
		case FPGO_JSON_NUMBER:
			return is_listed_number(value->number, allowed);
		case FPGO_JSON_BOOL:
			/* PHP turns true into "1" and false into "" before comparing */
			return value->boolean &&
				is_listed_spelling((FpgoSpan) {"1", 1}, allowed);
		default:
			return false;
	}
}

/* Most texts are ASCII that is printed. */
static bool
is_plain_ascii(FpgoSpan text)
{
	bool		is_plain = true;

	for (size_t i = 0; i < text.len; i++)
		is_plain = is_plain & (text.text[i] >= ' ') & (text.text[i] != 0x7F);
	return is_plain;
}

FpgoUnprintable
fpgo_reading_unprintable(const FpgoValue *value)
{
	if (is_plain_ascii(value->text))
		return FPGO_PRINTABLE;
	return fpgo_find_unprintable(read_text(value->text).wide);
}

bool
fpgo_reading_holds(const FpgoValue *value, bool (*predicate) (FpgoSpan))
{
	Readings	readings = read_text(value->text);

	/* a blank text is a matter of the rule "required" */
	return predicate(readings.narrow) &&
		(readings.wide.len == readings.narrow.len || readings.wide.len == 0 ||
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
		(readings.wide.len == 0 || count_characters(readings.wide) == size);
}

int
fpgo_reading_length(const FpgoValue *value)
{
	/* the narrow reading is the longer one */
	return count_characters(read_text(value->text).narrow);
}

bool
fpgo_reads_as_seconds(const FpgoValue *value, int64 *seconds)
{
	FpgoSpan	text = {"", 0};

	if (value->kind == FPGO_JSON_STRING)
		text = fpgo_trim(value->text);
	if (text.len == 0 || text.len > SECONDS_DIGITS_MAX)
		return false;
	*seconds = 0;
	for (size_t i = 0; i < text.len; i++)
	{
		if (text.text[i] < '0' || text.text[i] > '9')
			return false;
		*seconds = *seconds * 10 + (text.text[i] - '0');
	}
	return true;
}

/* By PostgreSQL's numeric, for amounts that units cannot express. */
static FpgoAmount
read_number(const FpgoValue *value)
{
	FpgoAmount	limit = fpgo_amount_units(AMOUNT_LIMIT * FPGO_UNITS);
	FpgoAmount	amount = {0};
	FpgoSpan	text;
	Datum		number;

	if (value->kind == FPGO_JSON_NUMBER)
	{
		if (VARSIZE_ANY(value->number) > AMOUNT_BYTES_MAX)
			return amount;
		number = DirectFunctionCall1(numeric_abs,
									 NumericGetDatum(value->number));
		if (fpgo_amount_compare(fpgo_amount_number(DatumGetNumeric(number)),
								limit) < 0)
			amount = fpgo_amount_number(value->number);
		return amount;
	}
	text = fpgo_trim(value->text);
	if (!fpgo_is_amount(text))
		return amount;
	number = DirectFunctionCall3(numeric_in,
								 CStringGetDatum(pnstrdup(text.text, text.len)),
								 ObjectIdGetDatum(InvalidOid),
								 Int32GetDatum(-1));
	return fpgo_amount_number(DatumGetNumeric(number));
}

FpgoAmount
fpgo_reads_as_amount(const FpgoValue *value)
{
	int64		units;

	switch (value->kind)
	{
		case FPGO_JSON_NUMBER:
			if (!fpgo_units_of_number(value->number, &units))
				return read_number(value);
			break;
		case FPGO_JSON_STRING:
			if (!fpgo_units_of_text(value->text, &units))
				return read_number(value);
			break;
		default:
			return (FpgoAmount) {0};
	}
	if (units <= -AMOUNT_LIMIT * FPGO_UNITS ||
		units >= AMOUNT_LIMIT * FPGO_UNITS)
		return (FpgoAmount) {0};
	return fpgo_amount_units(units);
}
