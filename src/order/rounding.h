/*
 * rounding.h
 *		Spreads what rounding left between a shop's total and its lines.
 */
#ifndef FPGO_ROUNDING_H
#define FPGO_ROUNDING_H

#include "postgres.h"

#include "utils/array.h"
#include "utils/numeric.h"

/*
 * The products with amounts of two decimals that add up to the grand total,
 * which has two decimals itself.  Products that cannot be added up come back
 * as they are.  Raises 22023, with both sums, if the difference is more than
 * rounding leaves.
 */
extern ArrayType *fpgo_rounding_spread(ArrayType *products,
									   Numeric grand_total);

#endif							/* FPGO_ROUNDING_H */
