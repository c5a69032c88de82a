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

/* A Norwegian organisation number: nine digits with the right last one. */
extern bool fpgo_is_organization_number(FpgoSpan span);

/* Nine digits and nothing else. */
extern bool fpgo_is_nine_digits(FpgoSpan span);

#endif							/* FPGO_CONTROL_DIGITS_H */
