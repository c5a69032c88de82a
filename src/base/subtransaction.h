/*
 * subtransaction.h
 *		Something that may fail without ending what surrounds it.
 */
#ifndef FPGO_SUBTRANSACTION_H
#define FPGO_SUBTRANSACTION_H

#include "postgres.h"

/*
 * Run it in a subtransaction of the current transaction.  NULL if it
 * succeeded; else the error, in the current memory context, and what it did to
 * the database is undone.  Locks that the process holds for longer than the
 * transaction stay, as does a hold on interrupts.
 */
extern ErrorData *fpgo_subtransaction_run(void (*work) (void *arg), void *arg);

#endif							/* FPGO_SUBTRANSACTION_H */
