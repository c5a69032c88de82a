/*
 * reconciler.h
 *		The process that looks for uncertain submissions by itself.
 */
#ifndef FPGO_RECONCILER_H
#define FPGO_RECONCILER_H

#include "postgres.h"

/* Start one for this database, unless one runs or no worker slot is free. */
extern void fpgo_reconciler_start(void);

/*
 * End the one that this process started, if it still runs, and wait for that.
 */
extern void fpgo_reconciler_end(void);

#endif							/* FPGO_RECONCILER_H */
