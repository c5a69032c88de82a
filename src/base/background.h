/*
 * background.h
 *		A background worker of fpgo's, described to the postmaster.
 */
#ifndef FPGO_BACKGROUND_H
#define FPGO_BACKGROUND_H

#include "postgres.h"

#include "postmaster/bgworker.h"

/*
 * A worker that connects to a database, on a primary only, is not started again
 * by the postmaster, and tells this process when it starts and ends.  function
 * is the C function it runs with the argument; type and name are shown in
 * pg_stat_activity and in the process title.
 */
extern BackgroundWorker fpgo_background_worker(const char *function,
											   Datum argument,
											   const char *type,
											   const char *name_format,...)
			pg_attribute_printf(4, 5);

/*
 * Register it; its handle lives as long as this process.  NULL if no worker
 * slot is free.
 */
extern BackgroundWorkerHandle *fpgo_background_start(BackgroundWorker *worker);

#endif							/* FPGO_BACKGROUND_H */
