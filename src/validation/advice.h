/*
 * advice.h
 *		Advice about an order, while it is collected.
 */
#ifndef FPGO_ADVICE_H
#define FPGO_ADVICE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "order/amount.h"
#include "validation/violation.h"

/* most rates of VAT in one order; beyond that its VAT is not checked */
#define FPGO_VAT_RATES_MAX 8

/* What the products of one rate of VAT come to, VAT included. */
typedef struct FpgoVatSum
{
	FpgoAmount	vat;			/* percent */
	FpgoAmount	price;			/* quantity * rate */
	FpgoAmount	discount;
} FpgoVatSum;

typedef struct FpgoAdvice
{
	List	   *found;			/* FpgoViolation */
	int64		now;			/* Unix seconds */
	int			n_lines;		/* products so far */
	FpgoAmount	sum;			/* of their amounts; unknown if one is so */
	int			n_vat_sums;		/* -1: a product's VAT is not known */
	FpgoVatSum	vat_sums[FPGO_VAT_RATES_MAX];
	FpgoAmount	amounts[FPGO_N_MEANINGS];	/* of the current product, and of
											 * the totals */
	MemoryContext context;		/* of the advice and of the sum */
	MemoryContext scratch;		/* of all else; reset after each product */
} FpgoAdvice;

/* A field in the order, with its siblings. */
typedef struct FpgoFieldInOrder
{
	FpgoPlace	place;
	const FpgoField *field;
	const FpgoValue *value;
	const FpgoShape *shape;
	const FpgoValue *members;	/* of the object it is in, by field */
} FpgoFieldInOrder;

/*
 * Add a piece of advice: "should be ..."; the path is put before it.  In a
 * macro the compiler checks the format.
 */
#define fpgo_advise_say(advice, place, rule, ...) \
	do { \
		MemoryContext old_ = MemoryContextSwitchTo((advice)->context); \
		FpgoViolation *said_ = fpgo_violation_say(place, rule, __VA_ARGS__); \
		(advice)->found = lappend((advice)->found, said_); \
		MemoryContextSwitchTo(old_); \
	} while (0)

#endif							/* FPGO_ADVICE_H */
