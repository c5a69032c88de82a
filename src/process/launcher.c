/*
 * launcher.c
 *		The process that starts the resident workers.
 *
 * The launcher runs where fpgo is in shared_preload_libraries, once recovery
 * is over.  It is connected to no database: otherwise none could be dropped.
 * It starts a resident worker (resident.c) for each database of the setting
 * fpgo.databases.  It looks again when the configuration is reloaded, when a
 * worker ends, and when a commit or fpgo.resume() asks for a worker.
 *
 * A worker that ends is started again after a second.  If it ends soon each
 * time, the wait grows, up to a minute.  A process that asks for a worker cuts
 * the wait short, but never below a second.
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
#include "utils/varlena.h"

#include "base/background.h"
#include "base/clock.h"
#include "base/settings.h"
#include "base/wait.h"
#include "ipc/roster.h"
#include "process/launcher.h"
#include "process/worker.h"

/* between the starts of a database's worker, in milliseconds */
#define FIRST_DELAY_MS 1000
#define LAST_DELAY_MS 60000

/* after a life of so many milliseconds, the next start has no added delay */
#define LONG_LIFE_MS 10000

/* how often to look for databases that do not exist yet, in milliseconds */
#define LOOK_MS 10000

/* after how many seconds the postmaster restarts a launcher that failed */
#define RESTART_S 5

PGDLLEXPORT void fpgo_launcher_main(Datum main_arg);

/* What the launcher knows of a database. */
typedef struct WatchedDatabase
{
	Oid			database;
	char		name[NAMEDATALEN];
	bool		is_named;		/* in fpgo.databases, as last read */
	bool		is_left_out;	/* the roster is full, and the log says so */
	bool		lacks_slot;		/* no worker slot is free, and the log says so */
	BackgroundWorkerHandle *worker; /* NULL: not started, or ended */
	FpgoMoment	started;
	FpgoMoment	start_again_at;
	int			delay_ms;
} WatchedDatabase;

static List *all_watched = NIL;
static List *missing = NIL;		/* names that the log says are missing */

void
fpgo_launcher_register(void)
{
	BackgroundWorker worker;

	/* pg_upgrade copies the queue: nothing may be sent meanwhile */
	if (IsBinaryUpgrade)
		return;
	worker = fpgo_background_worker("fpgo_launcher_main", (Datum) 0,
									"fpgo launcher", "fpgo launcher");
	worker.bgw_restart_time = RESTART_S;
	worker.bgw_notify_pid = 0;
	RegisterBackgroundWorker(&worker);
}

/* ---------- which databases ---------- */

static WatchedDatabase *
find_watched(Oid database)
{
	MemoryContext old;
	ListCell   *cell;
	WatchedDatabase *watched;

	foreach(cell, all_watched)
	{
		watched = lfirst(cell);
		if (watched->database == database)
			return watched;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	watched = palloc0(sizeof(WatchedDatabase));
	watched->database = database;
	all_watched = lappend(all_watched, watched);
	MemoryContextSwitchTo(old);
	return watched;
}

/* Log once that no database has a name of fpgo.databases. */
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
 * Lists all databases.  The scan uses no index: a process that is connected to
 * no database may not be able to use one.
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

/* Watch the database that a name of fpgo.databases means. */
static void
take_name(List *databases, const char *name)
{
	ListCell   *cell;

	foreach(cell, databases)
	{
		const Database *database = lfirst(cell);
		WatchedDatabase *watched;

		if (strcmp(database->name, name) != 0)
			continue;
		watched = find_watched(database->oid);
		watched->is_named = true;
		strlcpy(watched->name, name, NAMEDATALEN);
		return;
	}
	note_missing(name);
}

/* Remove entries of dropped databases: a new database may get the same oid. */
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

/* Log once that a database gets no worker: too many others have a place. */
static void
note_left_out(WatchedDatabase *watched, bool is_left_out)
{
	if (is_left_out && !watched->is_left_out)
		ereport(LOG,
				(errmsg("database \"%s\" of fpgo.databases gets no worker: no more than %d databases can have one, or be paused",
						watched->name, FPGO_ROSTER_SIZE),
				 errhint("Take a database off fpgo.databases, or resume one that is paused and not named there.")));
	watched->is_left_out = is_left_out;
}

/* Read the setting, and write into the roster which databases it names. */
static void
read_names(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *databases;
	List	   *names;
	ListCell   *cell;

	foreach(cell, all_watched)
		((WatchedDatabase *) lfirst(cell))->is_named = false;

	StartTransactionCommand();
	databases = list_databases();
	/* the check of the setting has refused lists that cannot be split */
	if (SplitIdentifierString(pstrdup(fpgo_databases), ',', &names))
	{
		foreach(cell, names)
			take_name(databases, lfirst(cell));
	}
	forget_dropped(databases);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);

	foreach(cell, all_watched)
	{
		WatchedDatabase *watched = lfirst(cell);

		note_left_out(watched, !fpgo_roster_set_wanted(watched->database,
													   watched->is_named));
		if (!watched->is_named &&
			fpgo_roster_status(watched->database).pid != 0)
			fpgo_roster_stop(watched->database);
	}
}

/* ---------- starting and restarting ---------- */

/* A worker ended: when may the next one start? */
static void
note_end(WatchedDatabase *watched)
{
	pfree(watched->worker);
	watched->worker = NULL;
	if (watched->delay_ms == 0 ||
		fpgo_clock_has_passed(watched->started, LONG_LIFE_MS))
		watched->delay_ms = FIRST_DELAY_MS;
	else
		watched->delay_ms = Min(watched->delay_ms * 2, LAST_DELAY_MS);
	watched->start_again_at = fpgo_clock_in(watched->delay_ms);
}

static void
start(WatchedDatabase *watched)
{
	BackgroundWorker worker =
		fpgo_background_worker("fpgo_resident_main",
							   ObjectIdGetDatum(watched->database),
							   "fpgo worker", "fpgo worker of database %u",
							   watched->database);

	strlcpy(worker.bgw_extra, watched->name, BGW_EXTRALEN);
	watched->started = fpgo_clock_now();
	watched->worker = fpgo_background_start(&worker);
	fpgo_roster_note_slot(watched->database, watched->worker == NULL);
	if (watched->worker == NULL)
	{
		watched->delay_ms = LOOK_MS;
		watched->start_again_at = watched->started + LOOK_MS;
		if (!watched->lacks_slot)
			ereport(LOG,
					(errmsg("no worker slot is free for delivering the orders of database \"%s\"",
							watched->name),
					 errhint("Raise max_worker_processes.")));
	}
	watched->lacks_slot = watched->worker == NULL;
}

/* Start a worker if it is due.  Returns after how many ms to look again. */
static long
attend(WatchedDatabase *watched)
{
	FpgoWorkerStatus status = fpgo_roster_status(watched->database);
	pid_t		pid;

	if (watched->worker != NULL &&
		GetBackgroundWorkerPid(watched->worker, &pid) == BGWH_STOPPED)
		note_end(watched);
	if (!watched->is_named || watched->worker != NULL ||
		(status.state != FPGO_WORKER_STARTING &&
		 status.state != FPGO_WORKER_NO_SLOT))
		return LOOK_MS;
	/* a request taken before the last worker's end is known would be lost */
	if (fpgo_roster_take_request(watched->database))
		watched->start_again_at =
			Min(watched->start_again_at,
				watched->started + FIRST_DELAY_MS);
	if (!fpgo_clock_has_come(watched->start_again_at))
		return fpgo_clock_left(watched->start_again_at) + 1;
	start(watched);
	return LOOK_MS;
}

void
fpgo_launcher_main(Datum main_arg)
{
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	/* who has locked all databases' catalog lets it go again */
	fpgo_worker_set_up_settings("0", "fpgo launcher");
	fpgo_roster_enter_launcher();

	while (!ShutdownRequestPending)
	{
		long		wait_ms = LOOK_MS;
		ListCell   *cell;

		read_names();
		foreach(cell, all_watched)
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
	/* after exit code 0 the postmaster would not start the launcher again */
	proc_exit(1);
}
