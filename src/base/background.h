/*
 * background.h
 *		A background worker of fpgo's, described to the postmaster.
 */
#ifndef FPGO_BACKGROUND_H
#define FPGO_BACKGROUND_H

#include "postgres.h"

#include "postmaster/bgworker.h"

/*
 * Describe a worker that connects to a database, on a primary only.  The
 * postmaster does not restart it, and signals this process when it starts and
 * ends.  The worker runs the C function named, with the argument.
 * pg_stat_activity and the process title show type and name.
 */
extern BackgroundWorker fpgo_background_worker(const char *function,
											   Datum argument,
											   const char *type,
											   const char *name_format,...)
			pg_attribute_printf(4, 5);

/*
 * Register a worker.  Its handle lives as long as this process.  Returns NULL
 * if no worker slot is free.
 */
extern BackgroundWorkerHandle *fpgo_background_start(BackgroundWorker *worker);

/*
 * This process has no further use for the worker, and frees its handle.  A
 * worker that has not started yet never starts; any other goes on.
 */
extern void fpgo_background_give_up(BackgroundWorkerHandle *handle);

#endif							/* FPGO_BACKGROUND_H */
