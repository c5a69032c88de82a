/*
 * worker.h
 *		The background processes, seen by the sessions that start them.
 */
#ifndef FPGO_WORKER_H
#define FPGO_WORKER_H

#include "postgres.h"

#include "postmaster/bgworker.h"

#include "mailbox.h"

/*
 * Start a helper process behind a mailbox and give its handle, for as long as
 * this process lives.  Waits for a free worker slot as long as the setting
 * fpgo.helper_wait says, then raises 53400.
 */
extern BackgroundWorkerHandle *fpgo_worker_start_helper(FpgoMailbox *mailbox);

/* What a process of fpgo does between two steps of its transfers. */
extern void fpgo_worker_attend(void);

#endif							/* FPGO_WORKER_H */
