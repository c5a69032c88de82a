/*
 * schema_pattern.c
 *		The predicates of format.c as regular expressions.
 *
 * They match the texts that the predicates accept, and few others; the header
 * says where they are wider.  All kinds of regular expressions can read them:
 * escapes are of ASCII and none by code point, there are no classes of Unicode
 * and no look-ahead.  None is anchored.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "text/format.h"
#include "validation/schema_pattern.h"

#define SPACE FPGO_PATTERN_SPACE
#define INK FPGO_PATTERN_INK

/* numbers as fpgo_is_numeric() knows them */
#define NUMBER_SPACE "[ \\t\\n\\r\\x0b\\x0c]*"
#define MANTISSA "[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)"
#define EXPONENT "[eE][+-]?[0-9]+"

/* e-mail addresses as fpgo_is_email() knows them */
#define ATOM "[^\\x00-\\x20\\x7f\"(),.:;<>@\\[\\\\\\]]+"
#define QUOTED "\"([^\\x00-\\x1f\\x7f\"\\\\]|\\\\[^\\x00-\\x1f\\x7f])+\""
#define LABEL_END "[^\\x00-/:-@\\[-`{-\\x7f]"
#define LABEL LABEL_END "([^\\x00-,./:-@\\[-`{-\\x7f]*" LABEL_END ")?"
#define EMAIL "(" ATOM "(\\." ATOM ")*|" QUOTED ")@" LABEL "(\\." LABEL ")*"

/* URLs as fpgo_is_url() and fpgo_is_callback_url() know them */
#define ESCAPE "%[0-9A-Fa-f]{2}"
#define BEYOND_ASCII "[^\\x00-\\x7f]"
#define USER "([0-9A-Za-z_.-]|" BEYOND_ASCII "|" ESCAPE ")+"
#define HOST_NAME "[^\\x00-,/:-@\\[-^`{-\\x7f]+" LABEL_END "\\.?"
#define URL_PART(more) "([!$&-;=@A-Z_a-z~" more "]|" BEYOND_ASCII "|" ESCAPE ")*"
#define PATH "/" URL_PART("")
#define PLACEHOLDER "\\{" FPGO_PLACEHOLDER_NAME "\\}"
#define URL_WITH(path) "[Hh][Tt][Tt][Pp][Ss]?://(" USER "(:" USER ")?@)?" \
	"(\\[[0-9A-Fa-f:.]+\\]|" HOST_NAME ")(:[0-9]+)?" \
	"(" path ")?(\\?" URL_PART("?\\[\\]") ")?(#" URL_PART("?") ")?"

const char *
fpgo_schema_pattern_plain_number(const char *text)
{
	Datum		number = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											 ObjectIdGetDatum(InvalidOid),
											 Int32GetDatum(-1));

	return DatumGetCString(DirectFunctionCall1(numeric_out, number));
}

/* All spellings of a number that have no exponent. */
static void
append_number(StringInfo pattern, const char *text)
{
	const char *number = fpgo_schema_pattern_plain_number(text);
	bool		is_negative = *number == '-';
	const char *whole = number + is_negative;
	int			n_whole;
	const char *behind = strchr(whole, '.');
	int			n_behind = 0;

	whole += strspn(whole, "0");
	n_whole = strspn(whole, "0123456789");
	if (behind)
		n_behind = strlen(++behind);
	while (n_behind > 0 && behind[n_behind - 1] == '0')
		n_behind--;

	if (n_whole == 0 && n_behind == 0)
	{
		appendStringInfoString(pattern, "[+-]?(0+(\\.0*)?|\\.0+)");
		return;
	}
	appendStringInfo(pattern, "%s0*%.*s", is_negative ? "-" : "\\+?", n_whole,
					 whole);
	if (n_behind > 0)
		appendStringInfo(pattern, "\\.%.*s0*", n_behind, behind);
	else
		appendStringInfoString(pattern, "(\\.0*)?");
}

const char *
fpgo_schema_pattern_literal(const char *text)
{
	StringInfoData pattern;

	initStringInfo(&pattern);
	for (; *text; text++)
	{
		if (strchr("\\^$.|?*+()[]{}", *text))
			appendStringInfoChar(&pattern, '\\');
		appendStringInfoChar(&pattern, *text);
	}
	return pattern.data;
}

/* One of these; a number among them in any spelling. */
static const char *
one_of(const char *const *allowed)
{
	StringInfoData choices;
	bool		has_number = false;

	initStringInfo(&choices);
	for (int i = 0; allowed[i] != NULL; i++)
	{
		if (i > 0)
			appendStringInfoChar(&choices, '|');
		if (fpgo_is_numeric((FpgoSpan) {allowed[i], strlen(allowed[i])}))
		{
			append_number(&choices, allowed[i]);
			has_number = true;
		}
		else
			appendStringInfoString(&choices,
								   fpgo_schema_pattern_literal(allowed[i]));
	}
	return has_number ?
		psprintf(NUMBER_SPACE "(%s|" MANTISSA EXPONENT ")" NUMBER_SPACE,
				 choices.data) :
		psprintf(SPACE "(%s)" SPACE, choices.data);
}

/* Every code that fpgo_is_country() knows. */
static const char *
any_country(void)
{
	StringInfoData pattern;

	initStringInfo(&pattern);
	for (char a = 'A'; a <= 'Z'; a++)
	{
		for (char b = 'A'; b <= 'Z'; b++)
		{
			char		code[] = {a, b};

			if (fpgo_is_country((FpgoSpan) {code, 2}))
				appendStringInfo(&pattern, "%s%c%c",
								 pattern.len > 0 ? "|" : SPACE "(", a, b);
		}
	}
	appendStringInfoString(&pattern, ")" SPACE);
	return pattern.data;
}

const char *
fpgo_schema_pattern_of(const FpgoField *field, const char *const *allowed)
{
	if (allowed != NULL)
		return one_of(allowed);
	switch (field->constraint)
	{
		case FPGO_CONSTRAINT_SIZE:
			if (field->size == 1)
				return SPACE INK SPACE;
			return psprintf(SPACE INK "[\\s\\S]{%d}" INK SPACE,
							field->size - 2);
		case FPGO_CONSTRAINT_ALPHA_NUM:
			return SPACE "([0-9A-Za-z]|" BEYOND_ASCII ")+" SPACE;
		case FPGO_CONSTRAINT_COUNTRY:
			return any_country();
		case FPGO_CONSTRAINT_ANY:
		case FPGO_CONSTRAINT_IN:
		case FPGO_CONSTRAINT_TAX_RATE:
			break;
	}
	switch (field->type)
	{
		case FPGO_FIELD_EMAIL:
			return SPACE EMAIL SPACE;
		case FPGO_FIELD_URL:
			return SPACE URL_WITH(PATH) SPACE;
		case FPGO_FIELD_CALLBACK_URL:
			return SPACE URL_WITH(PATH "(" PLACEHOLDER URL_PART("") ")?") SPACE;
		case FPGO_FIELD_NUMERIC:
			return NUMBER_SPACE MANTISSA "(" EXPONENT ")?" NUMBER_SPACE;
		case FPGO_FIELD_BOOLEAN:
			return SPACE "[01]" SPACE;
		case FPGO_FIELD_OBJECT:
		case FPGO_FIELD_LIST:
		case FPGO_FIELD_STRING:
		case FPGO_FIELD_SECONDS:
			return NULL;
	}
	pg_unreachable();
}
