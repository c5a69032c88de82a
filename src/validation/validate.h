/*
 * validate.h
 *		Which rules an order breaks.
 */
#ifndef FPGO_VALIDATE_H
#define FPGO_VALIDATE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/*
 * Every rule the order breaks, in the order of the API page's table: a list
 * of FpgoViolation, NIL if there is none.  tax_rates: NULL-terminated decimal
 * texts, NULL for the page's own.
 */
extern List *fpgo_validate_order(Jsonb *order, const char *const *tax_rates);

/*
 * Every rule that a partial order breaks, as fpgo_validate_order() returns
 * them.  No member is required, but for members of an element of a list.
 */
extern List *fpgo_validate_partial(Jsonb *order, const char *const *tax_rates);

/* Is the order valid?  The fastest check; allocates next to nothing. */
extern bool fpgo_validate_is_valid(Jsonb *order,
								   const char *const *tax_rates);

/* Raises 23514 with the violations in DETAIL unless the order is valid. */
extern void fpgo_validate_require(Jsonb *order, const char *const *tax_rates);

#endif							/* FPGO_VALIDATE_H */
