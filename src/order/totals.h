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

/*
 * Total of a line in NOK: quantity * rate - discount, to two decimals.  NULL
 * if it has no quantity or no rate; a discount of NULL is none.
 */
extern Numeric fpgo_totals_amount(Numeric quantity, Numeric rate,
								  Numeric discount);

/*
 * The fpgo.order_summary of an array of fpgo.product, 0 if there is none in
 * it.  summary: the row type of the result.
 */
extern Datum fpgo_totals_summarize(ArrayType *products, TupleDesc summary);

#endif							/* FPGO_TOTALS_H */
