/*
 * totals.h
 *		Calculates the sums of an order from its products.
 */
#ifndef FPGO_TOTALS_H
#define FPGO_TOTALS_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/array.h"
#include "utils/numeric.h"

/* Of what is VAT reckoned? */
typedef enum FpgoVatRule
{
	FPGO_VAT_BEFORE_DISCOUNT,	/* as the vendor's dashboard does */
	FPGO_VAT_AFTER_DISCOUNT		/* as most shops do; discounts without VAT */
} FpgoVatRule;

/* Totals that the shop reckoned itself; NULL: work it out. */
typedef struct FpgoOwnTotals
{
	Numeric		grand_total;
	Numeric		tax;
} FpgoOwnTotals;

/* The rule of its name in SQL; raises 22023 for any other word. */
extern FpgoVatRule fpgo_totals_vat_rule(text *word);

/*
 * Total of a line in NOK: quantity * rate - discount; NULL if it has no
 * quantity or no rate.  A discount of NULL is none.
 */
extern Numeric fpgo_totals_exact(Numeric quantity, Numeric rate,
								 Numeric discount);

/* The same to two decimals. */
extern Numeric fpgo_totals_amount(Numeric quantity, Numeric rate,
								  Numeric discount);

/*
 * The fpgo.order_summary of an array of fpgo.product, 0 if there is none in
 * it.  own: the shop's own totals, or NULL.  summary: the row type of the
 * result.
 */
extern Datum fpgo_totals_summarize(ArrayType *products, FpgoVatRule rule,
								   const FpgoOwnTotals *own,
								   TupleDesc summary);

#endif							/* FPGO_TOTALS_H */
