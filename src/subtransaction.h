/*
 * subtransaction.h
 *		Work that may fail without taking its transaction along.
 */
#ifndef FPGO_SUBTRANSACTION_H
#define FPGO_SUBTRANSACTION_H

#include "postgres.h"

/*
 * Do work in a subtransaction, in the current memory context, and keep it; or,
 * if it raises, roll that back and return the error, copied into the context
 * given.  A hold on interrupts stays as it was.
 */
extern ErrorData *fpgo_subtransaction_try(void (*work) (void *arg), void *arg,
										  MemoryContext error_context);

#endif							/* FPGO_SUBTRANSACTION_H */
