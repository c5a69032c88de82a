/*
 * violation.h
 *		A broken rule, with a message that says what to mend.
 *
 * A piece of advice is an FpgoViolation, too; its rules have other names.
 */
#ifndef FPGO_VIOLATION_H
#define FPGO_VIOLATION_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"

#include "order/document.h"

/* The rules, by the names Laravel gives them. */
typedef enum FpgoRule
{
	FPGO_RULE_NONE = 0,
	FPGO_RULE_REQUIRED,
	FPGO_RULE_REQUIRED_IF,
	FPGO_RULE_REQUIRED_WITH,
	FPGO_RULE_ARRAY,
	FPGO_RULE_STRING,
	FPGO_RULE_NUMERIC,
	FPGO_RULE_BOOLEAN,
	FPGO_RULE_EMAIL,
	FPGO_RULE_URL,
	FPGO_RULE_IN,
	FPGO_RULE_SIZE,
	FPGO_RULE_ALPHA_NUM,
	FPGO_RULE_COUNTRY
} FpgoRule;

/* Rules about the order's text, which no field has; their names. */
#define FPGO_RULE_NAME_OBJECT "object"
#define FPGO_RULE_NAME_UTF8 "utf8"

/* Where in the order something stands: a chain from the value to the root. */
typedef struct FpgoPlace
{
	const struct FpgoPlace *parent; /* NULL at the root */
	enum
	{
		FPGO_PLACE_ORDER,
		FPGO_PLACE_MEMBER,
		FPGO_PLACE_UNKNOWN,		/* a member that no field has, under key */
		FPGO_PLACE_ELEMENT
	}			kind;
	const char *name;			/* of a member */
	int			index;			/* of a member's field in its shape; of an
								 * element in its list, from 0; of an unknown
								 * member in its map, from FPGO_MAX_FIELDS */
	bool		has_key;		/* the element stands in a map, under key */
	FpgoSpan	key;
	FpgoJsonKind found;			/* the value's kind; of the order itself
								 * FPGO_JSON_MISSING: too deep to be read */
} FpgoPlace;

typedef struct FpgoViolation
{
	const char *path;			/* products[0].tax */
	const char *rule;			/* numeric, required_if, ... */
	const char *message;		/* a sentence; never quotes a personal number */
	int			field;			/* index of its place */
	int			element;		/* index of the list element it is in, else 0 */
} FpgoViolation;

extern const char *fpgo_rule_name(FpgoRule rule);

/*
 * other: the sibling a conditional rule looked at.  tax_rates: those in
 * force, NULL for the field's own.  Allocated in the current memory context.
 */
extern FpgoViolation *fpgo_violation_make(const FpgoPlace *place,
										  const FpgoField *field,
										  FpgoRule rule,
										  const FpgoValue *value,
										  const FpgoField *other,
										  const char *const *tax_rates);

/*
 * A violation with a rule and words of the caller's.  The message is the path,
 * followed by the formatted text, which begins with a verb.  Values of the
 * order in it must come from fpgo_violation_describe(), or have passed
 * fpgo_violation_is_quotable().
 */
extern FpgoViolation *fpgo_violation_say(const FpgoPlace *place,
										 const char *rule,
										 const char *format,...)
			pg_attribute_printf(3, 4);

/* A violation of the order as a whole, whose path is empty. */
extern FpgoViolation *fpgo_violation_of_order(const char *rule,
											  const char *message);

/* Describes a field's value for a message: the value, or its kind. */
extern const char *fpgo_violation_describe(const FpgoField *field,
										   const FpgoValue *value);

/* May this text be shown?  Not if it is long or may hold a personal number. */
extern bool fpgo_violation_is_quotable(FpgoSpan text);

/*
 * By field, then by list element: the order of the API page's table.  Members
 * that no field has come after all fields.
 */
extern void fpgo_violation_sort_by_field(List *violations);

/* The messages, one on each line, of most of them; and how many more. */
extern char *fpgo_violation_list(List *violations, int most);

/* The rows of a function that RETURNS SETOF fpgo.violation. */
extern Datum fpgo_violation_return(FunctionCallInfo fcinfo, List *violations);

#endif							/* FPGO_VIOLATION_H */
