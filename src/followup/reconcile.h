/*
 * reconcile.h
 *		Finds out what became of submissions that may have an order at the gateway.
 */
#ifndef FPGO_RECONCILE_H
#define FPGO_RECONCILE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "followup/evidence.h"

/* Who asks: a person, who waits, or a resident worker by itself. */
typedef enum FpgoReconcileBy
{
	FPGO_RECONCILE_PERSON,
	FPGO_RECONCILE_WORKER
} FpgoReconcileBy;

/*
 * Ask the gateway about all submissions that may have an order there, or about
 * one (0: all): those that are uncertain, and those that another database queued.
 * Of the second kind a worker asks where this database has the seat.  Returns a
 * list of FpgoReconcileResult.  Submissions with evidence are accepted in the
 * current transaction.  SPI must not be connected.
 *
 * A person who asks about all has the orders listed, too, of every account whose
 * seat another database had.
 *
 * Raises
 * - 42704 if there is no such submission;
 * - 55000 if it is neither uncertain nor queued by another database;
 * - 55P03 if another session reconciles already.
 */
extern List *fpgo_reconcile_run(int64 only, FpgoReconcileBy by);

#endif							/* FPGO_RECONCILE_H */
