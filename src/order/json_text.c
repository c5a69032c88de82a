/*
 * json_text.c
 *		Reads JSON of others, without an error that quotes it.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/compat.h"
#include "order/json_escape.h"
#include "order/json_text.h"

static const char *
describe_parse_error(JsonParseErrorType error)
{
	switch (error)
	{
		case JSON_EXPECTED_MORE:
			return "The text ends too early";
		case JSON_ESCAPING_INVALID:
		case JSON_UNICODE_ESCAPE_FORMAT:
			return "An escape sequence is malformed";
		case JSON_ESCAPING_REQUIRED:
			return "A control character in a string must be escaped";
		case JSON_UNICODE_CODE_POINT_ZERO:
			return "\\u0000 cannot be stored as text";
		case JSON_UNICODE_HIGH_SURROGATE:
		case JSON_UNICODE_LOW_SURROGATE:
		case JSON_UNICODE_HIGH_ESCAPE:
			return "A Unicode escape names no character this database can store";
		case JSON_INVALID_TOKEN:
			return "A word is neither a number, true, false nor null";
		case JSON_EXPECTED_END:
			return "Something follows its end";
		default:
			return "The text departs from JSON's syntax";
	}
}

/* Is its syntax right, but has it a character that no text can have? */
static bool
is_beyond_text(JsonParseErrorType error)
{
	return error == JSON_UNICODE_CODE_POINT_ZERO ||
		error == JSON_UNICODE_HIGH_SURROGATE ||
		error == JSON_UNICODE_LOW_SURROGATE ||
		error == JSON_UNICODE_HIGH_ESCAPE;
}

/* The text is JSON, and a size or a depth in it is beyond jsonb. */
static void
set_limit_fault(FpgoJsonFault *fault, int sqlstate)
{
	fault->sqlstate = sqlstate;
	fault->is_json = true;
	fault->detail = "A number, a string or the nesting in it is beyond PostgreSQL's limits.";
}

/* The text is JSON, and an escape names a character that cannot be stored. */
static void
set_character_fault(FpgoJsonFault *fault, const char *json, int len)
{
	const char *encoding = GetDatabaseEncodingName();
	FpgoJsonEscape found = fpgo_json_find_escape(json, len);

	fault->sqlstate = ERRCODE_UNTRANSLATABLE_CHARACTER;
	fault->is_json = true;
	if (found.code == 0)
		fault->detail = psprintf("The database's encoding, %s, lacks a character of it.",
								 encoding);
	else
		fault->detail = psprintf("%s has the character U+%04X, which the database's encoding, %s, lacks.",
								 found.path, found.code, encoding);
}

Jsonb *
fpgo_json_read(const char *json, int len, FpgoJsonFault *fault)
{
	char	   *text = pnstrdup(json, len);
	JsonLexContext *lex;
	volatile JsonParseErrorType error = JSON_SUCCESS;
	MemoryContext caller = CurrentMemoryContext;
	volatile Datum result = 0;

	/* the same lexer that jsonb's input uses, but it returns a code */
	lex = fpgo_json_lexer(text, len, GetDatabaseEncoding(), true);
	PG_TRY();
	{
		error = pg_parse_json(lex, &nullSemAction);
		if (error == JSON_SUCCESS)
			result = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (ERRCODE_TO_CATEGORY(code) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(code) != ERRCODE_PROGRAM_LIMIT_EXCEEDED &&
			code != ERRCODE_FEATURE_NOT_SUPPORTED)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		/* PostgreSQL's text may quote the JSON */
		if (code == ERRCODE_UNTRANSLATABLE_CHARACTER ||
			code == ERRCODE_FEATURE_NOT_SUPPORTED)
			set_character_fault(fault, json, len);
		else
			set_limit_fault(fault, code);
		return NULL;
	}
	PG_END_TRY();
	if (error == JSON_SUCCESS)
		return DatumGetJsonbP(result);
	if (fpgo_json_is_untranslatable(error))
	{
		set_character_fault(fault, json, len);
		return NULL;
	}
	fault->sqlstate = ERRCODE_INVALID_TEXT_REPRESENTATION;
	fault->is_json = is_beyond_text(error);
	fault->detail = lex->token_start == NULL
		? psprintf("%s.", describe_parse_error(error))
		: psprintf("%s, on line %d, byte %d of the text.",
				   describe_parse_error(error), lex->line_number,
				   (int) (lex->token_start - lex->input) + 1);
	return NULL;
}

char *
fpgo_json_member(JsonbContainer *object, const char *name)
{
	JsonbValue *value;

	if (!JsonContainerIsObject(object))
		return NULL;
	value = getKeyJsonValueFromContainer(object, name, strlen(name), NULL);
	if (value != NULL && value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value != NULL && value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value->val.numeric)));
	return NULL;
}
