/*
 * plausible.h
 *		What a person sees at a glance and the gateway does not look at:
 *		wrong control digits, a country code said twice, a misspelt name.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_PLAUSIBLE_H
#define FPGO_PLAUSIBLE_H

#include <stdbool.h>

#include "text/span.h"

/*
 * A number of the Norwegian population register: eleven digits, a date of
 * birth and right control digits.  D-numbers and the synthetic series for
 * tests are among them.
 */
extern bool fpgo_is_personal_number(FpgoSpan span);

/* A Norwegian organisation number: nine digits with the right last one. */
extern bool fpgo_is_organization_number(FpgoSpan span);

/* Nine digits and nothing else. */
extern bool fpgo_is_nine_digits(FpgoSpan span);

/*
 * Does a phone number begin with a country code?  code is where it belongs,
 * and may hold anything.
 */
extern bool fpgo_has_country_code(FpgoSpan number, FpgoSpan code);

/*
 * How far a name is from the one that was perhaps meant: 0 if only capitals,
 * "_" and "-" differ, else the number of slips of the pen; -1 if they do not
 * resemble each other.
 */
extern int	fpgo_count_slips(FpgoSpan written, FpgoSpan meant);

#endif							/* FPGO_PLAUSIBLE_H */
