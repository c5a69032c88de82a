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

/* Compares the totals with each other; place is that of their object. */
extern void fpgo_advise_totals(FpgoAdvice *advice, const FpgoShape *shape,
							   const FpgoValue *members,
							   const FpgoPlace *place);

/* Compares the grand total with the products, which were counted before. */
extern void fpgo_advise_grand_total(FpgoAdvice *advice,
									const FpgoFieldInOrder *at);

/* A total that is compared with the others in one place. */
extern void fpgo_advise_total(FpgoAdvice *advice, const FpgoFieldInOrder *at);

/* In how many days the invoice is due. */
extern void fpgo_advise_maturity(FpgoAdvice *advice,
								 const FpgoFieldInOrder *at);

/* Compares the total of VAT with the products, which were counted before. */
extern void fpgo_advise_total_tax(FpgoAdvice *advice,
								  const FpgoFieldInOrder *at);

#endif							/* FPGO_ADVISE_SUMS_H */
