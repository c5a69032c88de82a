/*
 * closed.h
 *		May the order of a session be sent now, or is it held?
 */
#ifndef FPGO_CLOSED_H
#define FPGO_CLOSED_H

#include "postgres.h"

#include "ipc/message.h"

/*
 * Find out whether this database sends the orders of the account, in a
 * transaction of its own; before the transaction that records the order.
 */
extern void fpgo_closed_attend(const FpgoRequest *request);

/*
 * Is the order of the request held?  Then the answer says why, and when to ask
 * again.  Otherwise canary_of receives the number of the hold for which it is
 * tried, under the run, or 0.  It is held, too,
 * if another database sends the account's orders.
 */
extern bool fpgo_closed_is(const FpgoRequest *request, int64 run,
						   FpgoAnswer *answer, int64 *canary_of);

#endif							/* FPGO_CLOSED_H */
