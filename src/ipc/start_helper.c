/*
 * start_helper.c
 *		A session starts a helper process.
 *
 * A helper takes one of max_worker_processes.  A session that waits for a slot
 * takes a lock (locks.c); idle helpers of other sessions see it and end.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/background.h"
#include "base/clock.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "base/wait.h"
#include "ipc/start_helper.h"
#include "records/locks.h"

/* how often to look for a free slot, in milliseconds */
#define LOOK_MS 10

/* Start the worker as soon as there is a slot; NULL if it is not to wait. */
static BackgroundWorkerHandle *
start(BackgroundWorker *worker, bool may_wait, volatile bool *wished)
{
	FpgoMoment	began = fpgo_clock_now();
	BackgroundWorkerHandle *handle;

	while ((handle = fpgo_background_start(worker)) == NULL && may_wait)
	{
		if (fpgo_clock_has_passed(began, fpgo_helper_wait))
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("no worker slot became free for a helper process"),
					 errdetail("Nothing was recorded and nothing was sent."),
					 errhint("Raise max_worker_processes, or wait longer with fpgo.helper_wait."),
					 fpgo_errhide()));
		/* one of the waiting sessions makes idle helpers end */
		if (!*wished)
			*wished = fpgo_lock_wish_slot();
		fpgo_wait(LOOK_MS, FPGO_WAIT_SLOT);
		CHECK_FOR_INTERRUPTS();
	}
	return handle;
}

BackgroundWorkerHandle *
fpgo_start_helper(FpgoMailbox *mailbox, bool may_wait)
{
	BackgroundWorker worker =
		fpgo_background_worker("fpgo_helper_main",
							   UInt32GetDatum(dsm_segment_handle(mailbox->segment)),
							   "fpgo helper",
							   "fpgo helper of process %d", MyProcPid);
	BackgroundWorkerHandle *volatile handle = NULL;
	volatile bool wished = false;

	PG_TRY();
	{
		handle = start(&worker, may_wait, &wished);
	}
	PG_FINALLY();
	{
		if (wished)
			fpgo_lock_unwish_slot();
	}
	PG_END_TRY();
	return handle;
}
