/*
 * reconciler.h
 *		The process that reconciles uncertain submissions by itself.
 */
#ifndef FPGO_RECONCILER_H
#define FPGO_RECONCILER_H

#include "postgres.h"

/* Start one for this database, unless one runs or no worker slot is free. */
extern void fpgo_reconciler_start(void);

/*
 * End the reconciler that this process started, if it still runs, and wait
 * until it has ended.
 */
extern void fpgo_reconciler_end(void);

#endif							/* FPGO_RECONCILER_H */
