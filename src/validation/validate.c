/*
 * validate.c
 *		Which rules of the gateway an order breaks.
 *
 * The walk goes over the field tree and the order in place.  It reads values
 * as Laravel does, the framework of the gateway (see reading.c).  "required"
 * also fails on [] and {}, and then hides the field's other rules.  The
 * children of a container of the wrong kind are missing.
 *
 * An order that was encoded twice, or that has bytes which are no UTF-8, gets
 * one violation for all.  A field gets at most one violation, about the first thing to mend.  With
 * first_only set, the walk stops at the first violation and builds no text.
 *
 * Nothing here raises for what the order says; fpgo_validate_require() does.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/fpgo.h"
#include "order/json_text.h"
#include "order/reading.h"
#include "validation/advise.h"
#include "validation/validate.h"
#include "validation/violation.h"

/*
 * PHP's json_decode() reads this many levels of arrays and objects.  Of a
 * deeper order the gateway sees nothing, so every required field is missing.
 */
#define GATEWAY_LEVELS_MAX 512

/* most violations an error's DETAIL lists */
#define DETAIL_MAX 20

typedef struct Check
{
	bool		first_only;		/* stop at the first violation */
	bool		is_partial;		/* no member is required */
	bool		is_broken;		/* there was one */
	List	   *found;			/* FpgoViolation, unless first_only */
	const char *const *tax_rates;	/* NULL: the page's own */
} Check;

static void check_object(Check *check, const FpgoValue *object,
						 const FpgoShape *shape, const FpgoPlace *place);

/* ---------- rules ---------- */

static void
report(Check *check, const FpgoPlace *place, const FpgoField *field,
	   FpgoRule rule, const FpgoValue *value, const FpgoField *other)
{
	check->is_broken = true;
	if (!check->first_only)
		check->found = lappend(check->found,
							   fpgo_violation_make(place, field, rule, value,
												   other, check->tax_rates));
}

/* The same of the order as a whole. */
static void
report_order(Check *check, const char *rule, const char *message)
{
	check->is_broken = true;
	if (!check->first_only)
		check->found = lappend(check->found,
							   fpgo_violation_of_order(rule, message));
}

/* Reports a text that is no UTF-8; false if it is. */
static bool
report_broken_bytes(Check *check, FpgoSpan text, const FpgoPlace *place)
{
	int			n_right = pg_encoding_verifymbstr(PG_UTF8, text.text,
												  text.len);

	if (n_right >= (int) text.len)
		return false;
	check->is_broken = true;
	if (place->parent == NULL)
		report_order(check, FPGO_RULE_NAME_UTF8,
					 "The order must be text in UTF-8.");
	else if (!check->first_only)
		check->found =
			lappend(check->found,
					fpgo_violation_say(place, FPGO_RULE_NAME_UTF8,
									   "must be text in UTF-8, which the byte 0x%02X at position %d is not.",
									   (unsigned char) text.text[n_right],
									   n_right + 1));
	return true;
}

/* The type's rule if the value breaks it, else FPGO_RULE_NONE. */
static FpgoRule
broken_type_rule(const FpgoField *field, const FpgoValue *value)
{
	bool		is_text = value->kind == FPGO_JSON_STRING;

	switch (field->type)
	{
		case FPGO_FIELD_STRING:
		case FPGO_FIELD_SECONDS:
			/* the list of allowed texts says more than "a string" */
			if (!is_text && field->constraint == FPGO_CONSTRAINT_IN)
				return FPGO_RULE_IN;
			return is_text ? FPGO_RULE_NONE : FPGO_RULE_STRING;
		case FPGO_FIELD_EMAIL:
			return is_text && fpgo_reading_holds(value, fpgo_is_email) ?
				FPGO_RULE_NONE : FPGO_RULE_EMAIL;
		case FPGO_FIELD_URL:
			return is_text && fpgo_reading_holds(value, fpgo_is_url) ?
				FPGO_RULE_NONE : FPGO_RULE_URL;
		case FPGO_FIELD_CALLBACK_URL:
			return is_text && fpgo_reading_holds(value, fpgo_is_callback_url) ?
				FPGO_RULE_NONE : FPGO_RULE_URL;
		case FPGO_FIELD_NUMERIC:
			return fpgo_reads_as_number(value) ? FPGO_RULE_NONE : FPGO_RULE_NUMERIC;
		case FPGO_FIELD_BOOLEAN:
			return fpgo_reads_as_boolean(value) ? FPGO_RULE_NONE : FPGO_RULE_BOOLEAN;
		case FPGO_FIELD_LIST:
			return value->kind == FPGO_JSON_ARRAY ||
				value->kind == FPGO_JSON_OBJECT ?
				FPGO_RULE_NONE : FPGO_RULE_ARRAY;
		case FPGO_FIELD_OBJECT:
			/* the page has no rule for these, only for their members */
			return FPGO_RULE_NONE;
	}
	pg_unreachable();
}

/* The rule that a value of the right type breaks, NONE if it breaks none. */
static FpgoRule
broken_constraint(const Check *check, const FpgoField *field,
				  const FpgoValue *value)
{
	switch (field->constraint)
	{
		case FPGO_CONSTRAINT_ANY:
			return FPGO_RULE_NONE;
		case FPGO_CONSTRAINT_IN:
			return fpgo_reads_as_one_of(value, field->allowed) ?
				FPGO_RULE_NONE : FPGO_RULE_IN;
		case FPGO_CONSTRAINT_TAX_RATE:
			return fpgo_reads_as_one_of(value, check->tax_rates ?
										check->tax_rates : field->allowed) ?
				FPGO_RULE_NONE : FPGO_RULE_IN;
		case FPGO_CONSTRAINT_SIZE:
			return fpgo_reading_has_size(value, field->size) ?
				FPGO_RULE_NONE : FPGO_RULE_SIZE;
		case FPGO_CONSTRAINT_ALPHA_NUM:
			return fpgo_reading_holds(value, fpgo_is_alpha_num) ?
				FPGO_RULE_NONE : FPGO_RULE_ALPHA_NUM;
		case FPGO_CONSTRAINT_COUNTRY:
			return fpgo_reading_holds(value, fpgo_is_country) ?
				FPGO_RULE_NONE : FPGO_RULE_COUNTRY;
	}
	pg_unreachable();
}

/* The rule by which this field is required here, or FPGO_RULE_NONE. */
static FpgoRule
presence_rule(const FpgoField *field, const FpgoValue *siblings)
{
	const FpgoValue *other = &siblings[field->other];

	switch (field->presence)
	{
		case FPGO_PRESENCE_OPTIONAL:
			return FPGO_RULE_NONE;
		case FPGO_PRESENCE_REQUIRED:
			return FPGO_RULE_REQUIRED;
		case FPGO_PRESENCE_REQUIRED_IF:
			return fpgo_reads_as_text(other, field->other_value) ?
				FPGO_RULE_REQUIRED_IF : FPGO_RULE_NONE;
		case FPGO_PRESENCE_REQUIRED_WITH:
			return fpgo_may_be_present(other) ?
				FPGO_RULE_REQUIRED_WITH : FPGO_RULE_NONE;
	}
	pg_unreachable();
}

static void
check_list(Check *check, const FpgoValue *list, const FpgoField *field,
		   const FpgoPlace *place)
{
	FpgoCursor	cursor;
	FpgoPlace	element = {.parent = place, .kind = FPGO_PLACE_ELEMENT};
	FpgoValue	value;
	bool		was_partial = check->is_partial;

	/* the order's one list is its first field, so all found is its own */
	Assert(check->found == NIL);
	fpgo_document_open(&cursor, list);
	/* defaults add nothing to an element: it must be whole */
	check->is_partial = false;
	for (int i = 0; fpgo_document_next(&cursor, &element.key, &value); i++)
	{
		element.index = i;
		element.has_key = list->kind == FPGO_JSON_OBJECT;
		element.found = value.kind;
		check_object(check, &value, field->shape, &element);
		if (check->is_broken && check->first_only)
			return;
	}
	check->is_partial = was_partial;
	/* the page's table has a row a field, so all elements' names come first */
	fpgo_violation_sort_by_field(check->found);
}

/* The first rule that a field which is no object breaks by itself. */
static FpgoRule
broken_rule(const Check *check, const FpgoField *field,
			const FpgoValue *value, const FpgoValue *siblings)
{
	FpgoRule	rule = FPGO_RULE_NONE;

	if (fpgo_reads_plainly(value))
	{
		/* most fields of most orders are just this */
		if (field->type == FPGO_FIELD_STRING &&
		field->constraint == FPGO_CONSTRAINT_ANY)
			return FPGO_RULE_NONE;
	}
	else
	{
		if (!check->is_partial && !fpgo_reads_as_present(value))
			rule = presence_rule(field, siblings);
		if (rule != FPGO_RULE_NONE || fpgo_reads_as_null(value))
			return rule;
	}
	rule = broken_type_rule(field, value);
	if (rule == FPGO_RULE_NONE && field->constraint != FPGO_CONSTRAINT_ANY)
		rule = broken_constraint(check, field, value);
	return rule;
}

static void
check_field(Check *check, const FpgoField *field, const FpgoValue *value,
			const FpgoValue *siblings, const FpgoShape *shape,
			const FpgoPlace *parent)
{
	FpgoRule	rule = FPGO_RULE_NONE;
	FpgoPlace	place;

	if (field->type != FPGO_FIELD_OBJECT)
	{
		rule = broken_rule(check, field, value, siblings);
		if (rule == FPGO_RULE_NONE && field->type != FPGO_FIELD_LIST)
			return;
	}

	place = (FpgoPlace) {.parent = parent, .kind = FPGO_PLACE_MEMBER,
	.name = field->json, .index = (int) (field - shape->fields),
	.found = value->kind};
	if (rule != FPGO_RULE_NONE)
		report(check, &place, field, rule, value,
			   &shape->fields[field->other]);
	else if (field->type == FPGO_FIELD_OBJECT)
		check_object(check, value, field->shape, &place);
	else
		check_list(check, value, field, &place);
}

static void
check_object(Check *check, const FpgoValue *object, const FpgoShape *shape,
			 const FpgoPlace *place)
{
	FpgoValue	members[FPGO_MAX_FIELDS];

	fpgo_document_members(object, shape, members);
	for (int i = 0; i < shape->n_fields; i++)
	{
		check_field(check, &shape->fields[i], &members[i], members, shape,
					place);
		if (check->is_broken && check->first_only)
			return;
	}
}

/* ---------- the order as a whole ---------- */

/*
 * Is it a string that holds an order, or that again?  A program passed JSON to
 * something that makes JSON of any text.
 */
static bool
is_encoded_twice(const FpgoValue *root)
{
	FpgoSpan	text;
	FpgoJsonFault fault;
	Jsonb	   *inner;

	if (root->kind != FPGO_JSON_STRING)
		return false;
	text = fpgo_trim(root->text);
	if (text.len == 0 || (text.text[0] != '{' && text.text[0] != '"'))
		return false;
	inner = fpgo_json_read(text.text, text.len, &fault);
	if (inner == NULL)
		return false;
	if (text.text[0] == '"')
	{
		FpgoValue	value = fpgo_document_root(inner);

		return is_encoded_twice(&value);
	}
	return true;
}

/*
 * A database in SQL_ASCII stores any bytes; what is sent must be UTF-8.  Finds
 * the first name or string that is none, and reports it.
 */
static bool
report_broken_text(Check *check, const FpgoValue *value,
				   const FpgoPlace *place)
{
	FpgoCursor	cursor;
	FpgoPlace	inner = {.parent = place};
	FpgoSpan	key;
	FpgoValue	child;

	if (value->kind == FPGO_JSON_STRING)
		return report_broken_bytes(check, value->text, place);
	if (value->kind != FPGO_JSON_ARRAY && value->kind != FPGO_JSON_OBJECT)
		return false;
	check_stack_depth();
	fpgo_document_open(&cursor, value);
	for (int i = 0; fpgo_document_next(&cursor, &key, &child); i++)
	{
		bool		is_member = value->kind == FPGO_JSON_OBJECT;

		inner.kind = is_member ? FPGO_PLACE_UNKNOWN : FPGO_PLACE_ELEMENT;
		inner.index = is_member ? FPGO_MAX_FIELDS + i : i;
		inner.key = (FpgoSpan) {NULL, 0};
		if (is_member && report_broken_bytes(check, key, &inner))
			return true;
		if (is_member)
			inner.key = key;
		if (report_broken_text(check, &child, &inner))
			return true;
	}
	return false;
}

static void
check_order(Check *check, Jsonb *order)
{
	FpgoValue	root = fpgo_document_root(order);
	FpgoPlace	place = {.kind = FPGO_PLACE_ORDER};

	/* these stand for all else: it is not known what the text would be */
	if (GetDatabaseEncoding() == PG_SQL_ASCII &&
		report_broken_text(check, &root, &place))
		return;
	if (is_encoded_twice(&root))
	{
		report_order(check, FPGO_RULE_NAME_OBJECT,
					 "The order is JSON within a string: it was encoded twice.  Encode it once.");
		return;
	}
	if (fpgo_document_is_deeper(&root, GATEWAY_LEVELS_MAX))
		root = (FpgoValue) {.kind = FPGO_JSON_MISSING};
	place.found = root.kind;
	check_object(check, &root, &fpgo_order_shape, &place);
}

List *
fpgo_validate_order(Jsonb *order, const char *const *tax_rates)
{
	Check		check = {.tax_rates = tax_rates};

	check_order(&check, order);
	return check.found;
}

List *
fpgo_validate_partial(Jsonb *order, const char *const *tax_rates)
{
	Check		check = {.is_partial = true, .tax_rates = tax_rates};

	check_order(&check, order);
	return check.found;
}

bool
fpgo_validate_is_valid(Jsonb *order, const char *const *tax_rates)
{
	Check		check = {.first_only = true, .tax_rates = tax_rates};

	check_order(&check, order);
	return !check.is_broken;
}

/* Has the order members that no field has, such as customer_details? */
static bool
has_unknown_members(Jsonb *order)
{
	ListCell   *cell;

	foreach(cell, fpgo_advise_order(order))
	{
		if (strcmp(((FpgoViolation *) lfirst(cell))->rule, FPGO_ADVICE_UNKNOWN) == 0)
			return true;
	}
	return false;
}

void
fpgo_validate_require(Jsonb *order, const char *const *tax_rates)
{
	List	   *violations;
	int			n;

	if (fpgo_validate_is_valid(order, tax_rates))
		return;
	violations = fpgo_validate_order(order, tax_rates);
	n = list_length(violations);
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg_plural("order breaks %d rule of the gateway",
						   "order breaks %d rules of the gateway", n, n),
			 errdetail_internal("%s", fpgo_violation_list(violations, DETAIL_MAX)),
			 errhint("Nothing was sent.  SELECT * FROM fpgo.validate(...) lists every violation.%s",
					 has_unknown_members(order) ?
					 "  The order has members that the API does not know: SELECT * FROM fpgo.advise(...) names them." : ""),
			 fpgo_errhide()));
}
