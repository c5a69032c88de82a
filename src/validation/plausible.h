/*
 * plausible.h
 *		Checks that the gateway does not make: a country code in the phone
 *		number, misspelt names.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_PLAUSIBLE_H
#define FPGO_PLAUSIBLE_H

#include <stdbool.h>

#include "text/span.h"

/*
 * Does a phone number begin with a country code?  code is the field for that,
 * and may have any text.
 */
extern bool fpgo_has_country_code(FpgoSpan number, FpgoSpan code);

/*
 * How many slips of the pen turn one name into the other?  0 if only capitals,
 * "_" and "-" differ; -1 if the names do not resemble each other.
 */
extern int	fpgo_count_slips(FpgoSpan written, FpgoSpan meant);

#endif							/* FPGO_PLAUSIBLE_H */
