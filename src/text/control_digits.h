/*
 * control_digits.h
 *		Numbers of persons and companies that have control digits.
 */
#ifndef FPGO_CONTROL_DIGITS_H
#define FPGO_CONTROL_DIGITS_H

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

#endif							/* FPGO_CONTROL_DIGITS_H */
