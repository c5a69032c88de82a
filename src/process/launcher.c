/*
 * launcher.c
 *		The process that starts the resident workers.
 *
 * Runs where fpgo is in shared_preload_libraries, once recovery is over.  It
 * is connected to no database, so it keeps none from being dropped.  It sees
 * to it that each database of the setting fpgo.databases has a worker
 * (resident.c), and looks again when the configuration is reloaded, a worker
 * ends, or a commit or fpgo.resume() asks for one.
 *
 * A worker that ends is started again: after a second, and after ever longer
 * if it ends soon each time, up to a minute.  Somebody who asks cuts the wait
 * short, but never below a second, so nothing makes workers start in a storm.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/background.h"
#include "base/settings.h"
#include "base/wait.h"
#include "ipc/roster.h"
#include "process/launcher.h"

/* between the starts of a database's worker, in milliseconds */
#define FIRST_DELAY_MS 1000
#define LAST_DELAY_MS 60000

/* a worker that lived so many milliseconds ended for a reason of its own */
#define LONG_LIFE_MS 10000

/* how often to look for databases that are not there yet, in milliseconds */
#define LOOK_MS 10000

/* seconds after which the postmaster starts a launcher that failed again */
#define RESTART_S 5

PGDLLEXPORT void fpgo_launcher_main(Datum main_arg);

/* What the launcher remembers of a database. */
typedef struct Ward
{
	Oid			database;
	char		name[NAMEDATALEN];
	bool		is_named;		/* in fpgo.databases, this time round */
	BackgroundWorkerHandle *worker; /* NULL: none was started, or it ended */
	TimestampTz started;
	TimestampTz start_again_at;
	int			delay_ms;
} Ward;

static List *wards = NIL;
static List *missing = NIL;		/* names that were said to be missing */

void
fpgo_launcher_register(void)
{
	BackgroundWorker worker;

	/* pg_upgrade moves orders from here to there; nothing is to be sent */
	if (IsBinaryUpgrade)
		return;
	worker = fpgo_background_worker("fpgo_launcher_main", (Datum) 0,
									"fpgo launcher", "fpgo launcher");
	worker.bgw_restart_time = RESTART_S;
	worker.bgw_notify_pid = 0;
	RegisterBackgroundWorker(&worker);
}

/* ---------- who is to be looked after ---------- */

static Ward *
find_ward(Oid database)
{
	MemoryContext old;
	ListCell   *cell;
	Ward	   *ward;

	foreach(cell, wards)
	{
		ward = lfirst(cell);
		if (ward->database == database)
			return ward;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	ward = palloc0(sizeof(Ward));
	ward->database = database;
	wards = lappend(wards, ward);
	MemoryContextSwitchTo(old);
	return ward;
}

/* A name of fpgo.databases that no database has: a word in the log, once. */
static void
note_missing(const char *name)
{
	MemoryContext old;
	ListCell   *cell;

	foreach(cell, missing)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return;
	}
	ereport(LOG,
			(errmsg("database \"%s\" of fpgo.databases does not exist", name),
			 errdetail("It gets its worker when it is created.")));
	old = MemoryContextSwitchTo(TopMemoryContext);
	missing = lappend(missing, pstrdup(name));
	MemoryContextSwitchTo(old);
}

typedef struct Database
{
	Oid			oid;
	const char *name;
} Database;

/*
 * All databases there are.  Without an index: a process that is connected to
 * no database may find none that can be used.
 */
static List *
list_databases(void)
{
	Relation	relation = table_open(DatabaseRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL,
										  0, NULL);
	List	   *databases = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		Database   *database = palloc(sizeof(Database));

		database->oid = form->oid;
		database->name = pstrdup(NameStr(form->datname));
		databases = lappend(databases, database);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return databases;
}

/* A name of fpgo.databases: its database is to be looked after. */
static void
take_name(List *databases, const char *name)
{
	ListCell   *cell;

	foreach(cell, databases)
	{
		const Database *database = lfirst(cell);
		Ward	   *ward;

		if (strcmp(database->name, name) != 0)
			continue;
		ward = find_ward(database->oid);
		ward->is_named = true;
		strlcpy(ward->name, name, NAMEDATALEN);
		return;
	}
	note_missing(name);
}

/* Entries of databases that were dropped go, or their oid could come back. */
static void
forget_dropped(List *databases)
{
	Oid		   *oids;
	int			n = fpgo_roster_list(&oids);

	for (int i = 0; i < n; i++)
	{
		bool		exists = false;
		ListCell   *cell;

		foreach(cell, databases)
			exists = exists || ((Database *) lfirst(cell))->oid == oids[i];
		if (!exists)
			fpgo_roster_forget(oids[i]);
	}
}

/* Read the setting, and say in the roster who is to have a worker. */
static void
read_names(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *databases;
	List	   *names;
	ListCell   *cell;

	foreach(cell, wards)
		((Ward *) lfirst(cell))->is_named = false;

	StartTransactionCommand();
	databases = list_databases();
	/* the setting's check has been there before */
	if (SplitIdentifierString(pstrdup(fpgo_databases), ',', &names))
	{
		foreach(cell, names)
			take_name(databases, lfirst(cell));
	}
	forget_dropped(databases);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);

	foreach(cell, wards)
	{
		Ward	   *ward = lfirst(cell);

		fpgo_roster_set_wanted(ward->database, ward->is_named);
		if (!ward->is_named &&
			fpgo_roster_status(ward->database).pid != 0)
			fpgo_roster_stop(ward->database);
	}
}

/* ---------- starting and restarting ---------- */

/* A worker ended: when may the next one start? */
static void
note_end(Ward *ward)
{
	TimestampTz now = GetCurrentTimestamp();

	pfree(ward->worker);
	ward->worker = NULL;
	if (ward->delay_ms == 0 ||
		TimestampDifferenceExceeds(ward->started, now, LONG_LIFE_MS))
		ward->delay_ms = FIRST_DELAY_MS;
	else
		ward->delay_ms = Min(ward->delay_ms * 2, LAST_DELAY_MS);
	ward->start_again_at = TimestampTzPlusMilliseconds(now, ward->delay_ms);
}

static void
start(Ward *ward)
{
	BackgroundWorker worker =
		fpgo_background_worker("fpgo_resident_main",
							   ObjectIdGetDatum(ward->database), "fpgo worker",
							   "fpgo worker of database %u", ward->database);

	strlcpy(worker.bgw_extra, ward->name, BGW_EXTRALEN);
	ward->started = GetCurrentTimestamp();
	ward->worker = fpgo_background_start(&worker);
	if (ward->worker == NULL)
	{
		ward->delay_ms = LOOK_MS;
		ward->start_again_at = TimestampTzPlusMilliseconds(ward->started,
														   LOOK_MS);
		ereport(LOG,
				(errmsg("no worker slot is free for delivering the orders of database \"%s\"",
						ward->name),
				 errhint("Raise max_worker_processes.")));
	}
}

/* See to one database; milliseconds until it wants to be seen to again. */
static long
attend(Ward *ward)
{
	TimestampTz now = GetCurrentTimestamp();
	FpgoWorkerStatus status = fpgo_roster_status(ward->database);
	pid_t		pid;

	if (ward->worker != NULL &&
		GetBackgroundWorkerPid(ward->worker, &pid) == BGWH_STOPPED)
		note_end(ward);
	if (!ward->is_named || status.state != FPGO_WORKER_STARTING ||
		ward->worker != NULL)
		return LOOK_MS;
	/* not taken before the last one's end is known, or it would be lost */
	if (fpgo_roster_take_request(ward->database))
		ward->start_again_at =
			Min(ward->start_again_at,
				TimestampTzPlusMilliseconds(ward->started, FIRST_DELAY_MS));
	if (now < ward->start_again_at)
		return TimestampDifferenceMilliseconds(now, ward->start_again_at) + 1;
	start(ward);
	return LOOK_MS;
}

void
fpgo_launcher_main(Datum main_arg)
{
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	fpgo_roster_enter_launcher();

	while (!ShutdownRequestPending)
	{
		long		wait_ms = LOOK_MS;
		ListCell   *cell;

		read_names();
		foreach(cell, wards)
			wait_ms = Min(wait_ms, attend(lfirst(cell)));
		fpgo_wait(wait_ms, FPGO_WAIT_LAUNCHER);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			list_free_deep(missing);
			missing = NIL;
		}
	}
	/* not 0, after which a launcher that somebody ended would not come back */
	proc_exit(1);
}
