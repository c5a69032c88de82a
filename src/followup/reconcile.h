/*
 * reconcile.h
 *		Finds out what became of uncertain submissions.
 */
#ifndef FPGO_RECONCILE_H
#define FPGO_RECONCILE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* What was found out about one submission. */
typedef struct FpgoReconcileResult
{
	int64		submission;
	bool		is_accepted;
	const char *order_uuid;		/* NULL unless accepted */
	const char *detail;			/* why, in a sentence */
} FpgoReconcileResult;

/*
 * At the details of so many of the gateway's orders one call looks at most: a
 * person's, who waits, and a resident worker's, which leaves the gateway's
 * allowance to orders.
 */
#define FPGO_LOOKS_OF_PERSON 1000
#define FPGO_LOOKS_OF_WORKER 100

/*
 * Ask the gateway about all uncertain submissions, or about one (0: all).
 * Returns a list of FpgoReconcileResult.  Submissions with evidence are
 * accepted in the current transaction.  SPI must not be connected.
 *
 * Raises
 * - 42704 if there is no such submission;
 * - 55000 if it is not uncertain;
 * - 55P03 if another session reconciles already.
 */
extern List *fpgo_reconcile_run(int64 only, int max_looks);

#endif							/* FPGO_RECONCILE_H */
