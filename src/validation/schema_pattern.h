/*
 * schema_pattern.h
 *		The predicates of format.c as regular expressions, for json_schema.c.
 *
 * Never narrower than the predicate.  Wider in these places:
 *
 *		- Every character beyond ASCII counts as a letter.
 *		- Of one of several numbers, a string with an exponent is any number.
 *		- An e-mail address's parts may have any length, as the limits count
 *		  bytes; an IPv6 address is hexadecimal digits with colons.
 */
#ifndef FPGO_SCHEMA_PATTERN_H
#define FPGO_SCHEMA_PATTERN_H

#include "order/fields.h"

/* a character that is trimmed from every text, and one that is not */
#define FPGO_PATTERN_SPACE "[ \\t\\n\\r\\x0b]*"
#define FPGO_PATTERN_INK "[^ \\t\\n\\r\\x0b]"

/*
 * The pattern of texts that the field accepts, with white space around them;
 * NULL if it accepts any.  allowed: the list of the field's values, or NULL.
 */
extern const char *fpgo_schema_pattern_of(const FpgoField *field,
										  const char *const *allowed);

/* This text and no other; palloc'd. */
extern const char *fpgo_schema_pattern_literal(const char *text);

/* The digits of a number as JSON spells them, whatever its exponent. */
extern const char *fpgo_schema_pattern_plain_number(const char *text);

#endif							/* FPGO_SCHEMA_PATTERN_H */
