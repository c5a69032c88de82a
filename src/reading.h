/*
 * reading.h
 *		How the gateway reads a JSON value before and while it applies rules.
 */
#ifndef FPGO_READING_H
#define FPGO_READING_H

#include "postgres.h"

#include "document.h"

/* Missing, null or blank: nothing for an optional field's rules to look at. */
extern bool fpgo_reads_as_null(const FpgoValue *value);

/* What Laravel's "required" asks for. */
extern bool fpgo_reads_as_present(const FpgoValue *value);

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

/* Has the gateway's reading of a string exactly this many characters? */
extern bool fpgo_reading_has_size(const FpgoValue *value, int size);

#endif							/* FPGO_READING_H */
