/*
 * start_helper.h
 *		A session starts a helper process.
 */
#ifndef FPGO_START_HELPER_H
#define FPGO_START_HELPER_H

#include "postgres.h"

#include "postmaster/bgworker.h"

#include "ipc/mailbox.h"

/*
 * Start a helper process for a mailbox.  The handle that is returned lives as
 * long as this process.  If no worker slot is free, returns NULL, or waits for
 * one as long as the setting fpgo.helper_wait says, then raises 53400.
 */
extern BackgroundWorkerHandle *fpgo_start_helper(FpgoMailbox *mailbox,
												 bool may_wait);

#endif							/* FPGO_START_HELPER_H */
