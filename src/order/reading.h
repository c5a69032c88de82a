/*
 * reading.h
 *		How the gateway reads a JSON value before and while it applies rules.
 */
#ifndef FPGO_READING_H
#define FPGO_READING_H

#include "postgres.h"

#include "order/amount.h"
#include "order/document.h"
#include "text/format.h"
#include "text/unprintable.h"

/*
 * Is it a text that no version of Laravel would trim?  Then it is present.
 * Most texts are.  This needs no conversion: ASCII is the same in every
 * encoding.
 */
static inline bool
fpgo_reads_plainly(const FpgoValue *value)
{
	return value->kind == FPGO_JSON_STRING && fpgo_is_trimmed(value->text);
}

/* Is it missing, null or blank, so that an optional field's rules pass? */
extern bool fpgo_reads_as_null(const FpgoValue *value);

/*
 * Is it present for Laravel's "required": in every version; in one at least?
 * The versions differ for text that is invisible.
 */
extern bool fpgo_reads_as_present(const FpgoValue *value);
extern bool fpgo_may_be_present(const FpgoValue *value);

/* A number, or a string that PHP's is_numeric() takes. */
extern bool fpgo_reads_as_number(const FpgoValue *value);

/* PHP's true, false, 0, 1, "0", "1" and nothing else: 1.0 is a float there. */
extern bool fpgo_reads_as_boolean(const FpgoValue *value);

/* Is it a string that reads as this text? */
extern bool fpgo_reads_as_text(const FpgoValue *value, const char *text);

/* Is it one of these NULL-terminated texts, numbers compared as numbers? */
extern bool fpgo_reads_as_one_of(const FpgoValue *value,
								 const char *const *allowed);

/* Does the gateway's reading of a string satisfy the predicate? */
extern bool fpgo_reading_holds(const FpgoValue *value,
							   bool (*predicate) (FpgoSpan));

/* The worst kind of character in the gateway's reading of a string. */
extern FpgoUnprintable fpgo_reading_unprintable(const FpgoValue *value);

/* Has the gateway's reading of a string exactly this many characters? */
extern bool fpgo_reading_has_size(const FpgoValue *value, int size);

/* Characters in the gateway's reading of a string. */
extern int	fpgo_reading_length(const FpgoValue *value);

/* Is it a string of digits, 18 at most?  Then their value too. */
extern bool fpgo_reads_as_seconds(const FpgoValue *value, int64 *seconds);

/*
 * Read a number, or a text that has one, if it is below 10^9 in size and has
 * few digits behind the point; anything else is unknown.  Never raises, and
 * calculating with the result cannot overflow.
 */
extern FpgoAmount fpgo_reads_as_amount(const FpgoValue *value);

#endif							/* FPGO_READING_H */
