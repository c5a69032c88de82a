/*
 * worker.h
 *		What the background processes of fpgo have in common.
 */
#ifndef FPGO_WORKER_H
#define FPGO_WORKER_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* To be called first. */
extern void fpgo_worker_set_up_signals(void);

/*
 * Once connected: settings of the database or of a role change nothing here.
 * name is shown as application_name.
 */
extern void fpgo_worker_set_up_settings(const char *lock_timeout,
										const char *name);

/* What a process of fpgo does between two steps of its transfers. */
extern void fpgo_worker_attend(void);

/*
 * A transaction with a snapshot, whose commit survives a crash; the wait for
 * synchronous standbys at its end is cut by SIGTERM.
 */
extern void fpgo_worker_begin_transaction(void);
extern void fpgo_worker_commit_transaction(void);

/* When this process has to end, whatever is under way; 0: it goes on. */
extern TimestampTz fpgo_worker_deadline(void);

#endif							/* FPGO_WORKER_H */
