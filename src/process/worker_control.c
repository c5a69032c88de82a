/*
 * worker_control.c
 *		fpgo.pause, fpgo.resume, fpgo.worker: the resident worker from SQL.
 *
 * A worker is connected to its database.  A database with a connection cannot
 * be renamed, dropped or used as a template.  fpgo.pause ends the worker; none
 * runs then until fpgo.resume or a restart of the server.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/extension_version.h"
#include "base/wait.h"
#include "delivery/patience.h"
#include "ipc/roster.h"

PG_FUNCTION_INFO_V1(fpgo_pause);
PG_FUNCTION_INFO_V1(fpgo_resume);
PG_FUNCTION_INFO_V1(fpgo_worker);

/* how often to look whether a worker has ended, in milliseconds */
#define LOOK_MS 10

/* how long to wait for a worker's end beyond its grace time */
#define MARGIN_MS 10000

/* The database named, or this one; raises unless the caller may pause it. */
static Oid
database_argument(FunctionCallInfo fcinfo, int argument)
{
	Oid			database = MyDatabaseId;

	if (!fpgo_roster_exists())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there are no resident workers"),
				 errhint("Put fpgo into shared_preload_libraries and restart the server.")));
	if (!PG_ARGISNULL(argument))
		database = get_database_oid(text_to_cstring(PG_GETARG_TEXT_PP(argument)),
									false);
	/* for this database, the right to execute the function is enough */
	if (database != MyDatabaseId && !fpgo_owns_database(database, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_DATABASE,
					   get_database_name(database));
	return database;
}

Datum
fpgo_pause(PG_FUNCTION_ARGS)
{
	Oid			database = database_argument(fcinfo, 0);
	FpgoMoment	began = fpgo_clock_now();

	fpgo_roster_pause(database);
	while (fpgo_roster_status(database).pid != 0)
	{
		if (fpgo_clock_has_passed(began, FPGO_GRACE_MS + MARGIN_MS))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("worker of database \"%s\" has not ended yet",
							get_database_name(database)),
					 errdetail("It has been told to, and will not be started again before fpgo.resume().")));
		fpgo_wait(LOOK_MS, FPGO_WAIT_ANSWER);
		CHECK_FOR_INTERRUPTS();
	}
	PG_RETURN_VOID();
}

Datum
fpgo_resume(PG_FUNCTION_ARGS)
{
	fpgo_roster_resume(database_argument(fcinfo, 0));
	PG_RETURN_VOID();
}

/* The worker of this database: state, pid, since. */
Datum
fpgo_worker(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {
		[FPGO_WORKER_NONE] = "none",
		[FPGO_WORKER_STARTING] = "starting",
		[FPGO_WORKER_NO_SLOT] = "no slot",
		[FPGO_WORKER_NO_ROOM] = "no room",
		[FPGO_WORKER_RUNNING] = "running",
		[FPGO_WORKER_PAUSED] = "paused",
	};
	FpgoWorkerStatus status = fpgo_roster_status(MyDatabaseId);
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3] = {false, status.pid == 0, status.pid == 0};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(status.state == FPGO_WORKER_RUNNING &&
									!fpgo_extension_is_current() ?
									"outdated" : names[status.state]);
	values[1] = Int32GetDatum(status.pid);
	values[2] = TimestampTzGetDatum(status.since);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor),
											 values, nulls));
}
