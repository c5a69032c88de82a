/*
 * advise_sums.h
 *		Does an order add up?
 */
#ifndef FPGO_ADVISE_SUMS_H
#define FPGO_ADVISE_SUMS_H

#include "postgres.h"

#include "validation/advice.h"

/* Note an object's amounts, and if it is a product, count it. */
extern void fpgo_advise_read_amounts(FpgoAdvice *advice,
									 const FpgoShape *shape,
									 const FpgoValue *members);

/* A product's quantity, rate, discount and amount, each in its field. */
extern void fpgo_advise_quantity(FpgoAdvice *advice,
								 const FpgoFieldInOrder *at);
extern void fpgo_advise_rate(FpgoAdvice *advice, const FpgoFieldInOrder *at);
extern void fpgo_advise_discount(FpgoAdvice *advice,
								 const FpgoFieldInOrder *at);
extern void fpgo_advise_amount(FpgoAdvice *advice, const FpgoFieldInOrder *at);

/* The totals among themselves; place is that of the object they stand in. */
extern void fpgo_advise_totals(FpgoAdvice *advice, const FpgoShape *shape,
							   const FpgoValue *members,
							   const FpgoPlace *place);

/* The grand total against the products, which have been counted before. */
extern void fpgo_advise_grand_total(FpgoAdvice *advice,
									const FpgoFieldInOrder *at);

#endif							/* FPGO_ADVISE_SUMS_H */
