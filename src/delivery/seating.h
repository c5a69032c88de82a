/*
 * seating.h
 *		Does this database send the orders of an account?
 */
#ifndef FPGO_SEATING_H
#define FPGO_SEATING_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "delivery/transactions.h"

/*
 * Find out who has the seat of the account, and take it if nobody has, in a
 * transaction of its own; nothing to do if that is known.  Raises nothing.
 */
extern void fpgo_seating_attend(const char *account,
								const FpgoTransactions *transactions);

/* The same for the accounts of these lanes. */
extern void fpgo_seating_attend_all(List *lanes,
									const FpgoTransactions *transactions);

#endif							/* FPGO_SEATING_H */
