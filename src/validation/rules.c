/*
 * rules.c
 *		fpgo.rules(): the field tree as rows.
 *
 * The rows are printed from the tree by which fpgo maps, validates and sends.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "text/format.h"
#include "validation/rules.h"

PG_FUNCTION_INFO_V1(fpgo_rules);

static const char *
type_name(FpgoFieldType type)
{
	switch (type)
	{
		case FPGO_FIELD_OBJECT:
			return "object";
		case FPGO_FIELD_LIST:
			return "array";
		case FPGO_FIELD_STRING:
		case FPGO_FIELD_SECONDS:
			return "string";
		case FPGO_FIELD_EMAIL:
			return "email";
		case FPGO_FIELD_URL:
		case FPGO_FIELD_CALLBACK_URL:
			return "url";
		case FPGO_FIELD_NUMERIC:
			return "numeric";
		case FPGO_FIELD_BOOLEAN:
			return "boolean";
	}
	pg_unreachable();
}

const char *
fpgo_rules_presence(const FpgoField *field, const FpgoShape *shape)
{
	const char *other = shape->fields[field->other].json;

	switch (field->presence)
	{
		case FPGO_PRESENCE_OPTIONAL:
			/* the page requires members; their object is required too */
			return field->type == FPGO_FIELD_OBJECT &&
				fpgo_shape_is_required(field->shape) ? "required" : "optional";
		case FPGO_PRESENCE_REQUIRED:
			return "required";
		case FPGO_PRESENCE_REQUIRED_IF:
			return psprintf("required if %s is %s", other,
							field->other_value);
		case FPGO_PRESENCE_REQUIRED_WITH:
			return psprintf("required with %s", other);
	}
	pg_unreachable();
}

/* "one of a, b, c" */
static const char *
list_allowed(const char *const *allowed)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "one of ");
	for (int i = 0; allowed[i] != NULL; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "", allowed[i]);
	return text.data;
}

const char *
fpgo_rules_constraint(const FpgoField *field, const char *const *tax_rates)
{
	switch (field->constraint)
	{
		case FPGO_CONSTRAINT_ANY:
			return field->type == FPGO_FIELD_SECONDS ? "Unix seconds" :
				field->type == FPGO_FIELD_CALLBACK_URL ?
				"may have " FPGO_PLACEHOLDER " in its path, once" : NULL;
		case FPGO_CONSTRAINT_IN:
			return list_allowed(field->allowed);
		case FPGO_CONSTRAINT_TAX_RATE:
			if (tax_rates != NULL)
				return list_allowed(tax_rates);
			return psprintf("%s unless the server says otherwise",
							list_allowed(field->allowed));
		case FPGO_CONSTRAINT_SIZE:
			return psprintf("%d characters", field->size);
		case FPGO_CONSTRAINT_ALPHA_NUM:
			return "letters and digits";
		case FPGO_CONSTRAINT_COUNTRY:
			return "ISO 3166-1 alpha-2 code";
	}
	pg_unreachable();
}

static void
put_rules(ReturnSetInfo *rsinfo, const FpgoShape *shape, const char *prefix)
{
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];
		const char *path = psprintf("%s%s", prefix, field->json);
		const char *constraint = fpgo_rules_constraint(field, NULL);
		Datum		values[] = {
			CStringGetTextDatum(path),
			CStringGetTextDatum(type_name(field->type)),
			CStringGetTextDatum(fpgo_rules_presence(field, shape)),
			constraint ? CStringGetTextDatum(constraint) : (Datum) 0,
			CStringGetTextDatum(psprintf("fpgo.%s", shape->type_name)),
			CStringGetTextDatum(field->sql),
		};
		bool		nulls[lengthof(values)] = {[3] = constraint == NULL};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
		if (field->shape)
			put_rules(rsinfo, field->shape,
					  psprintf("%s%s.", path,
							   field->type == FPGO_FIELD_LIST ? ".*" : ""));
	}
}

Datum
fpgo_rules(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	put_rules((ReturnSetInfo *) fcinfo->resultinfo, &fpgo_order_shape, "");
	return (Datum) 0;
}
