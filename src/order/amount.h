/*
 * amount.h
 *		Amounts of money, exactly.
 *
 * Nearly all amounts have few digits.  Those are kept as whole units of
 * 0.0001, and calculating with them costs next to nothing.  Others are
 * PostgreSQL's numeric.
 */
#ifndef FPGO_AMOUNT_H
#define FPGO_AMOUNT_H

#include "postgres.h"

#include "utils/numeric.h"

#include "text/span.h"

#define FPGO_UNITS INT64CONST(10000)

typedef struct FpgoAmount
{
	bool		is_known;		/* false: no amount, or not readable */
	int64		units;			/* if number is NULL */
	Numeric		number;			/* NULL, unless units cannot express it */
} FpgoAmount;

/*
 * Whole units, if the number is below 10^12 in size and has four decimals at
 * most; zeros beyond them do not count.
 */
extern bool fpgo_units_of_number(Numeric number, int64 *units);

/*
 * Whole units of a text, if the text is digits, 9 of them before the point and
 * 4 behind it at most, with a sign or without; false for every other text.
 */
extern bool fpgo_units_of_text(FpgoSpan text, int64 *units);

/* How many decimals a number is written with. */
extern int	fpgo_scale_of_number(Numeric number);

static inline FpgoAmount
fpgo_amount_units(int64 units)
{
	return (FpgoAmount) {.is_known = true, .units = units};
}

static inline FpgoAmount
fpgo_amount_number(Numeric number)
{
	return (FpgoAmount) {.is_known = true, .number = number};
}

/*
 * Results are exact, and unknown if an operand is unknown.  They are allocated
 * in the current memory context.
 */
extern FpgoAmount fpgo_amount_add(FpgoAmount a, FpgoAmount b);
extern FpgoAmount fpgo_amount_subtract(FpgoAmount a, FpgoAmount b);
extern FpgoAmount fpgo_amount_multiply(FpgoAmount a, FpgoAmount b);

/* For these functions, and for its number, an amount must be known. */
extern int	fpgo_amount_compare(FpgoAmount a, FpgoAmount b);
extern bool fpgo_amount_is_whole(FpgoAmount amount);
extern Numeric fpgo_number_of_amount(FpgoAmount amount);

#endif							/* FPGO_AMOUNT_H */
