/*
 * json_schema.c
 *		fpgo.json_schema(): the field tree as a JSON Schema.
 *
 * The schema is for programs that make orders outside the database: an editor,
 * a test, another language.  It accepts every order that fpgo.validate()
 * accepts.  Where JSON Schema cannot express a rule, the schema is looser,
 * never stricter.  A type has all spellings that are read as it ("40" is a
 * number), and an optional member may be null or blank.  The schema is looser
 * in these places:
 *
 *		- Texts are compared with the patterns of schema_pattern.c, whose
 *		header
 *		  says where they are wider.
 *		- Validators compare numbers in floating point: 1.0 passes as the
 *		  boolean 1, and 11.99999999999999999999 as a tax rate of 12.
 *
 * The draft is draft-07: of the drafts that have "if", most validators know
 * it.  "format" is not used: some validators take it for a note, some for a
 * rule, and as a rule it is stricter than the gateway.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/json.h"

#include "validation/json_schema.h"
#include "validation/rules.h"
#include "validation/schema_pattern.h"

#define DRAFT "http://json-schema.org/draft-07/schema#"

/* a text that reads as null */
#define BLANK "^" FPGO_PATTERN_SPACE "$"

typedef struct Schema
{
	StringInfoData json;
	const char *const *tax_rates;	/* NULL: the page's own */
} Schema;

static void put_shape(Schema *schema, const FpgoShape *shape);

/* ---------- JSON ---------- */

/* A comma, unless this is the first of its container. */
static void
put_comma(Schema *schema)
{
	if (strchr("{[", schema->json.data[schema->json.len - 1]) == NULL)
		appendStringInfoChar(&schema->json, ',');
}

static void
put_key(Schema *schema, const char *key)
{
	put_comma(schema);
	escape_json(&schema->json, key);
	appendStringInfoChar(&schema->json, ':');
}

static void
put_text(Schema *schema, const char *key, const char *text)
{
	put_key(schema, key);
	escape_json(&schema->json, text);
}

/* A member whose value is JSON already. */
static void
put_json(Schema *schema, const char *key, const char *json)
{
	put_key(schema, key);
	appendStringInfoString(&schema->json, json);
}

static void
open_member(Schema *schema, const char *key, char bracket)
{
	put_key(schema, key);
	appendStringInfoChar(&schema->json, bracket);
}

static void
close_member(Schema *schema, char bracket)
{
	appendStringInfoChar(&schema->json, bracket);
}

/* ---------- texts ---------- */

static const char *const *
allowed_texts(const Schema *schema, const FpgoField *field)
{
	switch (field->constraint)
	{
		case FPGO_CONSTRAINT_IN:
			return field->allowed;
		case FPGO_CONSTRAINT_TAX_RATE:
			return schema->tax_rates ? schema->tax_rates : field->allowed;
		case FPGO_CONSTRAINT_ANY:
		case FPGO_CONSTRAINT_SIZE:
		case FPGO_CONSTRAINT_ALPHA_NUM:
		case FPGO_CONSTRAINT_COUNTRY:
			return NULL;
	}
	pg_unreachable();
}

/* A required text is not blank; an optional one may be. */
static void
put_pattern(Schema *schema, const FpgoField *field, bool is_required)
{
	const char *pattern = fpgo_schema_pattern_of(field,
												 allowed_texts(schema, field));

	if (pattern != NULL)
		put_text(schema, "pattern",
				 psprintf("%s^%s$", is_required ? "" : BLANK "|", pattern));
	else if (is_required)
		put_text(schema, "pattern", FPGO_PATTERN_INK);
}

/* ---------- fields ---------- */

/*
 * A text that the field accepts, or one of these values of other types, given
 * as JSON.
 */
static void
put_texts_or(Schema *schema, const FpgoField *field, bool is_required,
			 const char *values)
{
	open_member(schema, "anyOf", '[');
	appendStringInfo(&schema->json, "{\"enum\":[%s%s]},{\"type\":\"string\"",
					 values, is_required ? "" : ",null");
	put_pattern(schema, field, is_required);
	appendStringInfoString(&schema->json, "}]");
}

static const char *
list_numbers(const char *const *allowed)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; allowed[i] != NULL; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? "," : "",
						 fpgo_schema_pattern_plain_number(allowed[i]));
	return list.data;
}

/* The gateway accepts an object of elements for a list, too. */
static void
put_list(Schema *schema, const FpgoField *field, bool is_required)
{
	const char *element = psprintf("{\"$ref\":\"#/definitions/%s\"}",
								   field->shape->type_name);

	if (is_required)
	{
		put_json(schema, "type", "[\"array\",\"object\"]");
		put_json(schema, "minItems", "1");
		put_json(schema, "minProperties", "1");
	}
	else
	{
		put_json(schema, "type", "[\"array\",\"object\",\"string\",\"null\"]");
		put_text(schema, "pattern", BLANK);
	}
	put_json(schema, "items", element);
	put_json(schema, "additionalProperties", element);
}

/*
 * The inside of the schema of a member's value.  is_required: the member must
 * be there, and must be neither null nor blank.
 */
static void
put_value(Schema *schema, const FpgoField *field, bool is_required)
{
	const char *const *allowed = allowed_texts(schema, field);

	switch (field->type)
	{
		case FPGO_FIELD_OBJECT:
			put_shape(schema, field->shape);
			break;
		case FPGO_FIELD_LIST:
			put_list(schema, field, is_required);
			break;
		case FPGO_FIELD_BOOLEAN:
			put_texts_or(schema, field, is_required, "true,false,0,1");
			break;
		case FPGO_FIELD_NUMERIC:
			if (allowed != NULL)
			{
				put_texts_or(schema, field, is_required,
							 list_numbers(allowed));
				break;
			}
			put_json(schema, "type", is_required ? "[\"number\",\"string\"]" :
					 "[\"number\",\"string\",\"null\"]");
			put_pattern(schema, field, is_required);
			break;
		case FPGO_FIELD_STRING:
		case FPGO_FIELD_SECONDS:
		case FPGO_FIELD_EMAIL:
		case FPGO_FIELD_URL:
		case FPGO_FIELD_CALLBACK_URL:
			put_json(schema, "type", is_required ? "\"string\"" :
					 "[\"string\",\"null\"]");
			put_pattern(schema, field, is_required);
			break;
	}
}

/* "required; one of private, corporate" */
static void
put_description(Schema *schema, const FpgoField *field,
				const FpgoShape *shape)
{
	const char *constraint =
		fpgo_rules_constraint(field, allowed_texts(schema, field));

	put_text(schema, "description",
			 psprintf("%s%s%s", fpgo_rules_presence(field, shape),
					  constraint ? "; " : "", constraint ? constraint : ""));
}

/* When the condition of a field holds: the inside of an "if". */
static void
put_condition(Schema *schema, const FpgoField *field, const FpgoField *other)
{
	appendStringInfoString(&schema->json, "\"required\":[");
	escape_json(&schema->json, other->json);
	appendStringInfoString(&schema->json, "],\"properties\":{");
	open_member(schema, other->json, '{');
	if (field->presence == FPGO_PRESENCE_REQUIRED_IF)
	{
		put_json(schema, "type", "\"string\"");
		put_text(schema, "pattern",
				 psprintf("^" FPGO_PATTERN_SPACE "%s" FPGO_PATTERN_SPACE "$",
						  fpgo_schema_pattern_literal(field->other_value)));
	}
	else
	{
		put_json(schema, "not", "{\"type\":\"null\"}");
		put_text(schema, "pattern", FPGO_PATTERN_INK);
		put_json(schema, "minItems", "1");
		put_json(schema, "minProperties", "1");
	}
	appendStringInfoString(&schema->json, "}}");
}

/* The fields that are required under a condition. */
static void
put_conditions(Schema *schema, const FpgoShape *shape)
{
	bool		is_first = true;

	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];

		if (field->presence != FPGO_PRESENCE_REQUIRED_IF &&
			field->presence != FPGO_PRESENCE_REQUIRED_WITH)
			continue;
		if (is_first)
			open_member(schema, "allOf", '[');
		is_first = false;
		put_comma(schema);
		appendStringInfoString(&schema->json, "{\"if\":{");
		put_condition(schema, field, &shape->fields[field->other]);
		appendStringInfoString(&schema->json, "},\"then\":{\"required\":[");
		escape_json(&schema->json, field->json);
		appendStringInfoString(&schema->json, "],\"properties\":{");
		open_member(schema, field->json, '{');
		put_value(schema, field, true);
		appendStringInfoString(&schema->json, "}}}}");
	}
	if (!is_first)
		close_member(schema, ']');
}

static bool
is_required(const FpgoField *field)
{
	return field->type == FPGO_FIELD_OBJECT ?
		fpgo_shape_is_required(field->shape) :
		field->presence == FPGO_PRESENCE_REQUIRED;
}

/*
 * An object of this shape.  If no member of it is required, it may be any
 * value: the gateway has rules for its members only.
 */
static void
put_shape(Schema *schema, const FpgoShape *shape)
{
	if (fpgo_shape_is_required(shape))
	{
		put_json(schema, "type", "\"object\"");
		open_member(schema, "required", '[');
		for (int i = 0; i < shape->n_fields; i++)
		{
			if (!is_required(&shape->fields[i]))
				continue;
			put_comma(schema);
			escape_json(&schema->json, shape->fields[i].json);
		}
		close_member(schema, ']');
	}
	open_member(schema, "properties", '{');
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];

		open_member(schema, field->json, '{');
		put_description(schema, field, shape);
		put_value(schema, field, is_required(field));
		close_member(schema, '}');
	}
	close_member(schema, '}');
	put_conditions(schema, shape);
}

/* The elements of lists, which each list refers to twice. */
static void
put_definitions(Schema *schema, const FpgoShape *shape)
{
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];

		if (field->type == FPGO_FIELD_LIST)
		{
			open_member(schema, field->shape->type_name, '{');
			put_shape(schema, field->shape);
			close_member(schema, '}');
		}
		if (field->shape)
			put_definitions(schema, field->shape);
	}
}

char *
fpgo_json_schema_write(const char *const *tax_rates)
{
	Schema		schema = {.tax_rates = tax_rates};

	initStringInfo(&schema.json);
	appendStringInfoChar(&schema.json, '{');
	put_text(&schema, "$schema", DRAFT);
	put_text(&schema, "title", "Front Payment Go invoice order");
	put_shape(&schema, &fpgo_order_shape);
	open_member(&schema, "definitions", '{');
	put_definitions(&schema, &fpgo_order_shape);
	appendStringInfoString(&schema.json, "}}");
	return schema.json.data;
}
