/*
 * advise.h
 *		Advice: what is wrong in an order that the gateway would accept.
 */
#ifndef FPGO_ADVISE_H
#define FPGO_ADVISE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* the rule of a piece of advice about a member that no field has */
#define FPGO_ADVICE_UNKNOWN "unknown_member"

/*
 * Collect the advice about an order: a list of FpgoViolation in the order of
 * the API page's table, or NIL.  Reads the clock.  Never raises for what the
 * order says, valid or not.
 */
extern List *fpgo_advise_order(Jsonb *order);

#endif							/* FPGO_ADVISE_H */
