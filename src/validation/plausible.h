/*
 * plausible.h
 *		Checks that the gateway does not make: control digits, postal codes,
 *		misspelt names.
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

/*
 * Will such a number be given out from 2032 on?  No living person has it before.
 * The synthetic series keep both rules and are not meant.
 */
extern bool fpgo_is_of_2032(FpgoSpan span);

/* A Norwegian organisation number: nine digits with the right last one. */
extern bool fpgo_is_organization_number(FpgoSpan span);

/* A country's register of companies. */
typedef struct FpgoRegister
{
	const char *country;		/* ISO 3166-1 alpha-2 */
	const char *whose;			/* "a Norwegian" */
	int			n_digits;
	bool		(*is_number) (FpgoSpan span);
} FpgoRegister;

/* The register of companies that have their address there; NULL: not known. */
extern const FpgoRegister *fpgo_find_register(FpgoSpan country);

/* So many digits, 16 at most, and nothing else. */
extern bool fpgo_is_digits(FpgoSpan span, int n);

/* How many digits a postal code should have in a country; 0 if it is right. */
extern int	fpgo_wrong_postal_code(FpgoSpan code, FpgoSpan country);

/*
 * How many slips of the pen turn one name into the other?  0 if only capitals,
 * "_" and "-" differ; -1 if the names do not resemble each other.
 */
extern int	fpgo_count_slips(FpgoSpan written, FpgoSpan meant);

#endif							/* FPGO_PLAUSIBLE_H */
