/*
 * plausible.h
 *		Checks that the gateway does not make: postal codes, misspelt names.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_PLAUSIBLE_H
#define FPGO_PLAUSIBLE_H

#include <stdbool.h>

#include "text/span.h"

/* How many digits a postal code should have in a country; 0 if it is right. */
extern int	fpgo_wrong_postal_code(FpgoSpan code, FpgoSpan country);

/*
 * How many slips of the pen turn one name into the other?  0 if only capitals,
 * "_" and "-" differ; -1 if the names do not resemble each other.
 */
extern int	fpgo_count_slips(FpgoSpan written, FpgoSpan meant);

#endif							/* FPGO_PLAUSIBLE_H */
