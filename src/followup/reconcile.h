/*
 * reconcile.h
 *		Finds out what became of uncertain submissions.
 */
#ifndef FPGO_RECONCILE_H
#define FPGO_RECONCILE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* What was found out about one. */
typedef struct FpgoVerdict
{
	int64		submission;
	bool		is_accepted;
	const char *order_uuid;		/* NULL unless accepted */
	const char *detail;			/* why, in a sentence */
} FpgoVerdict;

/*
 * Look for all uncertain submissions, or for one (0: all): a list of
 * FpgoVerdict.  Goes out to the network and changes what evidence decides, in
 * the current transaction.  Raises 42704 or 55000 if there is no such
 * submission or it is not uncertain, 55P03 if another session does this
 * already.  SPI must not be connected.
 */
extern List *fpgo_reconcile_run(int64 only);

#endif							/* FPGO_RECONCILE_H */
