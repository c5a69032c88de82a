/*
 * subtransaction.h
 *		Runs a function whose failure must not end its transaction.
 */
#ifndef FPGO_SUBTRANSACTION_H
#define FPGO_SUBTRANSACTION_H

#include "postgres.h"

/*
 * Run a function in a subtransaction of the current transaction.  Returns NULL
 * if it succeeded.  Otherwise its changes of the database are undone, and the
 * error is returned, in the current memory context.  Locks that the process
 * holds for longer than a transaction stay, and so does a hold on interrupts.
 */
extern ErrorData *fpgo_subtransaction_run(void (*work) (void *arg), void *arg);

#endif							/* FPGO_SUBTRANSACTION_H */
