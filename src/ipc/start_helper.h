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
 * Start a helper process behind a mailbox and give its handle, for as long as
 * this process lives.  Waits for a free worker slot as long as the setting
 * fpgo.helper_wait says, then raises 53400.
 */
extern BackgroundWorkerHandle *fpgo_start_helper(FpgoMailbox *mailbox);

#endif							/* FPGO_START_HELPER_H */
