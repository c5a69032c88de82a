/*
 * advise.h
 *		What the two rooms of fpgo.advise() share.
 */
#ifndef FPGO_ADVISE_H
#define FPGO_ADVISE_H

#include "fpgo.h"

#include "order/amount.h"
#include "order/document.h"

typedef struct FpgoAdvice
{
	List	   *found;			/* FpgoViolation */
	int64		now;			/* Unix seconds */
	int			n_lines;		/* products so far */
	FpgoAmount	sum;			/* of their amounts; unknown if one is */
	FpgoAmount	amounts[FPGO_N_MEANINGS];	/* of the product at hand, and of
											 * the totals */
	MemoryContext context;		/* of what is found and of the sum */
	MemoryContext scratch;		/* of everything else, emptied a product */
} FpgoAdvice;

/* A field as it stands in the order, with its siblings. */
typedef struct FpgoSpot
{
	FpgoPlace	place;
	const FpgoField *field;
	const FpgoValue *value;
	const FpgoShape *shape;
	const FpgoValue *members;	/* of the object it stands in, by field */
} FpgoSpot;

/*
 * "should be ...": the path comes before it.  A macro, so that the compiler
 * checks the format.
 */
#define fpgo_advise_say(advice, place, rule, ...) \
	do { \
		MemoryContext old_ = MemoryContextSwitchTo((advice)->context); \
		FpgoViolation *said_ = fpgo_violation_say(place, rule, __VA_ARGS__); \
		(advice)->found = lappend((advice)->found, said_); \
		MemoryContextSwitchTo(old_); \
	} while (0)

/* ---------- advise_sums.c: does it add up? ---------- */

/* Note an object's amounts, and if it is a product, count it. */
extern void fpgo_advise_read_amounts(FpgoAdvice *advice,
									 const FpgoShape *shape,
									 const FpgoValue *members);

/* A product's quantity, rate, discount and amount, each in its field. */
extern void fpgo_advise_quantity(FpgoAdvice *advice, const FpgoSpot *spot);
extern void fpgo_advise_rate(FpgoAdvice *advice, const FpgoSpot *spot);
extern void fpgo_advise_discount(FpgoAdvice *advice, const FpgoSpot *spot);
extern void fpgo_advise_amount(FpgoAdvice *advice, const FpgoSpot *spot);

/* The totals among themselves; place is that of the object they stand in. */
extern void fpgo_advise_totals(FpgoAdvice *advice, const FpgoShape *shape,
							   const FpgoValue *members,
							   const FpgoPlace *place);

/* The grand total against the products, which have been counted before. */
extern void fpgo_advise_grand_total(FpgoAdvice *advice, const FpgoSpot *spot);

#endif							/* FPGO_ADVISE_H */
