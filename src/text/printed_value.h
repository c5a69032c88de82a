/*
 * printed_value.h
 *		Recognizes what a language prints of a value in the place of JSON.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_PRINTED_VALUE_H
#define FPGO_PRINTED_VALUE_H

#include "text/span.h"

/*
 * The text is no JSON.  Does it look like a value that a program printed
 * without its JSON function, or encoded once more?  Returns a sentence that
 * says what to pass instead, which quotes nothing; NULL if it looks like
 * nothing known.
 */
extern const char *fpgo_printed_value_hint(FpgoSpan text);

#endif							/* FPGO_PRINTED_VALUE_H */
