/*
 * violation.c
 *		A broken rule, with a message that says what to mend.
 *
 * A message names the field, and says which value is expected and which is
 * there.  The value is quoted only if it cannot be about a person: not from
 * fields marked secret, and never with eleven digits in it, since a personal
 * number may be in any field by mistake.
 */
#include "postgres.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "text/format.h"
#include "validation/violation.h"

/*
 * longest value that is quoted, and longest map key shown in a path, in bytes
 */
#define QUOTE_MAX 40

const char *
fpgo_rule_name(FpgoRule rule)
{
	switch (rule)
	{
		case FPGO_RULE_NONE:
			return "";
		case FPGO_RULE_REQUIRED:
			return "required";
		case FPGO_RULE_REQUIRED_IF:
			return "required_if";
		case FPGO_RULE_REQUIRED_WITH:
			return "required_with";
		case FPGO_RULE_ARRAY:
			return "array";
		case FPGO_RULE_STRING:
			return "string";
		case FPGO_RULE_NUMERIC:
			return "numeric";
		case FPGO_RULE_BOOLEAN:
			return "boolean";
		case FPGO_RULE_EMAIL:
			return "email";
		case FPGO_RULE_URL:
			return "url";
		case FPGO_RULE_IN:
			return "in";
		case FPGO_RULE_SIZE:
			return "size";
		case FPGO_RULE_ALPHA_NUM:
			return "alpha_num";
		case FPGO_RULE_COUNTRY:
			return "iso_alpha2_country";
	}
	pg_unreachable();
}

bool
fpgo_violation_is_quotable(FpgoSpan text)
{
	if (text.len > QUOTE_MAX || fpgo_has_eleven_digits(text))
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		if ((unsigned char) text.text[i] < 0x20 || text.text[i] == 0x7F)
			return false;
	}
	return true;
}

/* A step of a path, by the key in the order. */
static void
append_key(StringInfo path, FpgoSpan key, int position)
{
	const char *dot = path->len > 0 ? "." : "";

	if (key.len > 0 && fpgo_violation_is_quotable(key))
		appendStringInfo(path, "%s%.*s", dot, (int) key.len, key.text);
	else
		appendStringInfo(path, "%s(member %d)", dot, position + 1);
}

/* An element's step of a path: [3], or .key where a map stands for a list. */
static void
append_element(StringInfo path, const FpgoPlace *place)
{
	bool		is_index = place->key.len > 0 && place->key.len < 10;

	if (!place->has_key)
	{
		appendStringInfo(path, "[%d]", place->index);
		return;
	}
	for (size_t i = 0; i < place->key.len; i++)
		is_index = is_index && place->key.text[i] >= '0' &&
			place->key.text[i] <= '9';
	if (is_index)
		appendStringInfo(path, "[%.*s]", (int) place->key.len,
						 place->key.text);
	else
		append_key(path, place->key, place->index);
}

static void
append_path(StringInfo path, const FpgoPlace *place)
{
	if (place->parent == NULL)
		return;
	append_path(path, place->parent);
	if (place->kind == FPGO_PLACE_ELEMENT)
		append_element(path, place);
	else if (place->kind == FPGO_PLACE_UNKNOWN)
		append_key(path, place->key, place->index - FPGO_MAX_FIELDS);
	else
		appendStringInfo(path, "%s%s", path->len > 0 ? "." : "", place->name);
}

/* Trims the memory of a text: there may be very many violations. */
static const char *
finish_text(StringInfo text)
{
	char	   *finished = pnstrdup(text->data, text->len);

	pfree(text->data);
	return finished;
}

static const char *
render_path(const FpgoPlace *place)
{
	StringInfoData path;

	initStringInfo(&path);
	append_path(&path, place);
	return finish_text(&path);
}

const char *
fpgo_violation_describe(const FpgoField *field, const FpgoValue *value)
{
	FpgoSpan	text;

	switch (value->kind)
	{
		case FPGO_JSON_BOOL:
			return value->boolean ? "true" : "false";
		case FPGO_JSON_NUMBER:
			text = fpgo_document_number_text(value->number);
			return field->is_secret ? "a number" :
				fpgo_violation_is_quotable(text) ? text.text : "another number";
		case FPGO_JSON_STRING:
			if (field->is_secret || !fpgo_violation_is_quotable(value->text))
				return psprintf("a string of %d characters",
								pg_mbstrlen_with_len(value->text.text,
													 value->text.len));
			return psprintf("\"%.*s\"", (int) value->text.len,
							value->text.text);
		case FPGO_JSON_ARRAY:
			return value->count == 0 ? "an empty array" : "an array";
		case FPGO_JSON_OBJECT:
			return value->count == 0 ? "an empty object" : "an object";
		default:
			return fpgo_document_kind_name(value->kind);
	}
}

/* Why a required field counts as absent. */
static const char *
describe_absence(const FpgoPlace *place, const FpgoValue *value)
{
	const FpgoPlace *parent = place->parent;
	const FpgoPlace *root = parent;

	while (root->parent != NULL)
		root = root->parent;
	if (root->found == FPGO_JSON_MISSING)
		return "the gateway reads nothing of an order nested so deeply";
	if (value->kind == FPGO_JSON_STRING)
		return "it is blank";
	if (value->kind == FPGO_JSON_ARRAY || value->kind == FPGO_JSON_OBJECT)
		return "it is empty";
	if (value->kind == FPGO_JSON_NULL)
		return "it is null";
	if (parent->found != FPGO_JSON_OBJECT)
		return psprintf("%s is %s%s",
						parent->parent ? render_path(parent) : "the order",
						fpgo_document_kind_name(parent->found),
						parent->found == FPGO_JSON_MISSING ? "" : ", not an object");
	return "it is missing";
}

static const char *
one_of(const char *const *words)
{
	StringInfoData list;

	initStringInfo(&list);
	if (words[0] != NULL && words[1] != NULL)
		appendStringInfoString(&list, "one of ");
	for (int i = 0; words[i] != NULL; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", words[i]);
	return list.data;
}

/* A number of the list, but in quotes and spelled in another way? */
static bool
is_misspelled(const FpgoValue *value, const char *const *words)
{
	for (; value->kind == FPGO_JSON_STRING && *words != NULL; words++)
	{
		if (fpgo_numbers_equal(fpgo_trim(value->text),
							   (FpgoSpan) {*words, strlen(*words)}))
			return true;
	}
	return false;
}

/* What is expected of a URL with the placeholder in it besides. */
static const char *
expect_of_placeholder(const FpgoField *field, const FpgoValue *value)
{
	if (fpgo_find_placeholder(value->text) == NULL)
		return "";
	return field->type == FPGO_FIELD_CALLBACK_URL ?
		" and has " FPGO_PLACEHOLDER " once, in its path" :
		" and has no " FPGO_PLACEHOLDER;
}

/* What a value should have been, for "... must be X, not Y". */
static const char *
describe_expected(const FpgoField *field, FpgoRule rule,
				  const FpgoValue *value, const char *const *tax_rates)
{
	const char *const *words = field->constraint == FPGO_CONSTRAINT_TAX_RATE &&
	tax_rates ? tax_rates : field->allowed;

	switch (rule)
	{
		case FPGO_RULE_ARRAY:
			return "a list of objects";
		case FPGO_RULE_STRING:
			return field->type == FPGO_FIELD_SECONDS ?
				"a string of Unix seconds in double quotes" :
				"a string in double quotes";
		case FPGO_RULE_NUMERIC:
			return "a number, or a string that holds nothing else";
		case FPGO_RULE_BOOLEAN:
			return "true or false (0 and 1 are taken too)";
		case FPGO_RULE_EMAIL:
			return "an e-mail address";
		case FPGO_RULE_URL:
			return psprintf("an absolute URL that begins with https:// or http://%s",
							expect_of_placeholder(field, value));
		case FPGO_RULE_IN:
			return psprintf("%s%s", one_of(words),
							is_misspelled(value, words) ?
							", spelled so or without the quotes" : "");
		case FPGO_RULE_SIZE:
			return psprintf("exactly %d characters", field->size);
		case FPGO_RULE_ALPHA_NUM:
			return "letters and digits without anything between";
		case FPGO_RULE_COUNTRY:
			return "an ISO 3166-1 alpha-2 country code in capitals, such as NO";
		case FPGO_RULE_NONE:
		case FPGO_RULE_REQUIRED:
		case FPGO_RULE_REQUIRED_IF:
		case FPGO_RULE_REQUIRED_WITH:
			break;				/* nothing is said of the value */
	}
	elog(ERROR, "rule %d has no expectation", rule);
}

static const char *
render_message(const char *path, const FpgoPlace *place,
			   const FpgoField *field, FpgoRule rule, const FpgoValue *value,
			   const FpgoField *other, const char *const *tax_rates)
{
	const char *absence = describe_absence(place, value);

	switch (rule)
	{
		case FPGO_RULE_REQUIRED:
			return psprintf("%s is required, but %s.", path, absence);
		case FPGO_RULE_REQUIRED_IF:
			return psprintf("%s is required when %s is \"%s\", but %s.", path,
							other->json, field->other_value, absence);
		case FPGO_RULE_REQUIRED_WITH:
			return psprintf("%s is required when %s is given, but %s.", path,
							other->json, absence);
		default:
			return psprintf("%s must be %s, not %s.", path,
							describe_expected(field, rule, value,
											  tax_rates),
							fpgo_violation_describe(field, value));
	}
}

/* A violation without its message. */
static FpgoViolation *
make_at(const FpgoPlace *place, const char *rule)
{
	FpgoViolation *violation = palloc(sizeof(FpgoViolation));
	const FpgoPlace *parent = place->parent;

	violation->path = render_path(place);
	violation->rule = rule;
	violation->message = NULL;
	violation->field = place->index;
	violation->element = parent->kind == FPGO_PLACE_ELEMENT ?
		parent->index : 0;
	return violation;
}

FpgoViolation *
fpgo_violation_make(const FpgoPlace *place, const FpgoField *field,
					FpgoRule rule, const FpgoValue *value,
					const FpgoField *other, const char *const *tax_rates)
{
	FpgoViolation *violation = make_at(place, fpgo_rule_name(rule));

	violation->message = render_message(violation->path, place, field, rule,
										value, other, tax_rates);
	return violation;
}

FpgoViolation *
fpgo_violation_say(const FpgoPlace *place, const char *rule,
				   const char *format,...)
{
	FpgoViolation *violation = make_at(place, rule);
	StringInfoData message;

	initStringInfo(&message);
	appendStringInfo(&message, "%s ", violation->path);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&message, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&message, needed);
	}
	violation->message = finish_text(&message);
	return violation;
}

FpgoViolation *
fpgo_violation_of_order(const char *rule, const char *message)
{
	FpgoViolation *violation = palloc0(sizeof(FpgoViolation));

	violation->path = "";
	violation->rule = rule;
	violation->message = message;
	return violation;
}

static int
compare_by_field(const ListCell *a, const ListCell *b)
{
	const FpgoViolation *x = lfirst(a);
	const FpgoViolation *y = lfirst(b);

	/* members that no field has are not in the table: by element first */
	if (x->field >= FPGO_MAX_FIELDS && y->field >= FPGO_MAX_FIELDS &&
		x->element != y->element)
		return x->element - y->element;
	if (x->field != y->field)
		return x->field - y->field;
	return x->element - y->element;
}

void
fpgo_violation_sort_by_field(List *violations)
{
	if (violations != NIL)
		list_sort(violations, compare_by_field);
}

char *
fpgo_violation_list(List *violations, int most)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, violations)
	{
		FpgoViolation *violation = lfirst(cell);
		int			i = foreach_current_index(cell);

		if (i == most)
		{
			appendStringInfo(&text, "\n... and %d more.",
							 list_length(violations) - most);
			break;
		}
		appendStringInfo(&text, "%s%s", i > 0 ? "\n" : "",
						 violation->message);
	}
	return text.data;
}

Datum
fpgo_violation_return(FunctionCallInfo fcinfo, List *violations)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, violations)
	{
		FpgoViolation *violation = lfirst(cell);
		Datum		values[] = {
			CStringGetTextDatum(violation->path),
			CStringGetTextDatum(violation->rule),
			CStringGetTextDatum(violation->message),
		};
		bool		nulls[lengthof(values)] = {false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
