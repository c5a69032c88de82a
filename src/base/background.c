/*
 * background.c
 *		A background worker of fpgo's, described to the postmaster.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/background.h"

BackgroundWorker
fpgo_background_worker(const char *function, Datum argument, const char *type,
					   const char *name_format,...)
{
	BackgroundWorker worker = {0};
	va_list		arguments;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = argument;
	strlcpy(worker.bgw_library_name, "fpgo", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, function, BGW_MAXLEN);
	strlcpy(worker.bgw_type, type, BGW_MAXLEN);
	va_start(arguments, name_format);
	vsnprintf(worker.bgw_name, BGW_MAXLEN, name_format, arguments);
	va_end(arguments);
	return worker;
}

BackgroundWorkerHandle *
fpgo_background_start(BackgroundWorker *worker)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	BackgroundWorkerHandle *handle;
	bool		is_started = RegisterDynamicBackgroundWorker(worker, &handle);

	MemoryContextSwitchTo(caller);
	return is_started ? handle : NULL;
}

void
fpgo_background_give_up(BackgroundWorkerHandle *handle)
{
	pid_t		pid;

	/* its slot would be taken until the postmaster can start it */
	if (GetBackgroundWorkerPid(handle, &pid) == BGWH_NOT_YET_STARTED)
		TerminateBackgroundWorker(handle);
	pfree(handle);
}
