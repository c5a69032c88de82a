/*
 * advise.h
 *		What the gateway takes of an order and a person would not.
 */
#ifndef FPGO_ADVISE_H
#define FPGO_ADVISE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/*
 * What the gateway would take and a person would not: a list of FpgoViolation
 * in the order of the API page's table, NIL if there is nothing to say.  Looks
 * at the clock.  Raises nothing for what the order says, be it valid or not.
 */
extern List *fpgo_advise_order(Jsonb *order);

#endif							/* FPGO_ADVISE_H */
