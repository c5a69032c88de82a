/*
 * reconciler.c
 *		The process that reconciles submissions by itself.
 *
 * A resident worker starts a reconciler every fpgo.reconcile_interval if a
 * submission is uncertain, or was queued by another database.  The reconciler does once what fpgo.reconcile()
 * does for a session, and ends.  Its questions take time, for which the worker
 * cannot wait.  It ends when the worker ends: otherwise it could keep a
 * database from being dropped.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "base/background.h"
#include "base/fpgo.h"
#include "base/subtransaction.h"
#include "followup/reconcile.h"
#include "process/reconciler.h"
#include "process/worker.h"

/* longest wait for a lock; the next reconciler tries again */
#define LOCK_TIMEOUT_SETTING "2s"

PGDLLEXPORT void fpgo_reconciler_main(Datum main_arg);

/* ---------- starting and ending one ---------- */

/* the last reconciler that was started */
static BackgroundWorkerHandle *last = NULL;

static bool
is_running(void)
{
	pid_t		pid;

	return last != NULL &&
		GetBackgroundWorkerPid(last, &pid) != BGWH_STOPPED;
}

void
fpgo_reconciler_start(void)
{
	BackgroundWorker worker;

	if (is_running())
		return;
	if (last != NULL)
		pfree(last);
	last = NULL;
	worker = fpgo_background_worker("fpgo_reconciler_main",
									ObjectIdGetDatum(MyDatabaseId),
									"fpgo reconciler",
									"fpgo reconciler of database %u",
									MyDatabaseId);
	/* if no slot is free, the next interval tries again */
	last = fpgo_background_start(&worker);
}

void
fpgo_reconciler_end(void)
{
	if (!is_running())
		return;
	TerminateBackgroundWorker(last);
	(void) WaitForBackgroundWorkerShutdown(last);
}

/* ---------- the process ---------- */

static void
reconcile(void *arg)
{
	*(List **) arg = fpgo_reconcile_run(0, FPGO_RECONCILE_WORKER);
}

void
fpgo_reconciler_main(Datum main_arg)
{
	List	   *results = NIL;
	ErrorData  *error;
	ListCell   *cell;

	/* the process may end at any point: nothing is lost */
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(main_arg),
											  InvalidOid, 0);
	fpgo_worker_set_up_settings(LOCK_TIMEOUT_SETTING, "fpgo reconciler");
	/* no snapshot is held here, since it would hold back vacuum */
	StartTransactionCommand();
	fpgo_worker_obey_owner();
	MemoryContextSwitchTo(TopMemoryContext);
	error = fpgo_subtransaction_run(reconcile, &results);
	CommitTransactionCommand();
	if (error != NULL && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ereport(LOG,
				(errmsg("uncertain submissions could not be looked for: %s",
						error->message),
				 fpgo_errhide()));
	foreach(cell, results)
	{
		const FpgoReconcileResult *result = lfirst(cell);

		if (error == NULL && result->state == FPGO_STATE_ACCEPTED)
			ereport(LOG,
					(errmsg("submission %lld turned out to be accepted",
							(long long) result->submission),
					 fpgo_errhide()));
	}
	proc_exit(0);
}
