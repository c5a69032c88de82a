/*
 * roster.c
 *		Which databases have a resident worker, in shared memory.
 *
 * Each database that fpgo.databases names has an entry, and so has each
 * database that is paused.  The launcher makes the entries.  A worker writes
 * its process into the entry of its database.  Sessions find the worker there,
 * wake it and offer it their mailboxes.  One lock guards the roster.  A
 * process holds it for a few instructions, and never while it waits.
 *
 * A session wakes the worker right after its commit, by setting the worker's
 * latch: an enqueued order is sent a moment later.  After COMMIT PREPARED
 * nobody wakes the worker, which finds the order when it looks by itself.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/settings.h"
#include "ipc/roster.h"

#define LOCK_NAME "fpgo"

typedef struct Entry
{
	Oid			database;		/* InvalidOid: free */
	bool		is_wanted;		/* fpgo.databases names it */
	bool		is_paused;
	bool		is_asked_for;	/* start a worker without further delay */
	bool		lacks_slot;		/* there was none when a worker was to start */
	bool		is_woken;		/* something was committed */
	bool		is_told;		/* the log says why no worker stays */
	int			pid;			/* of the worker, 0 if there is none */
	int			pgprocno;
	TimestampTz since;
	int			n_offers;
	dsm_handle	offers[FPGO_ROSTER_OFFERS];
} Entry;

typedef struct Roster
{
	LWLock	   *lock;
	int			launcher;		/* the launcher's pgprocno, -1 if none runs */
	Entry		entries[FPGO_ROSTER_SIZE];
} Roster;

static Roster *roster = NULL;
static shmem_request_hook_type earlier_request_hook = NULL;
static shmem_startup_hook_type earlier_startup_hook = NULL;

/* ---------- the segment ---------- */

static void
request_memory(void)
{
	if (earlier_request_hook)
		earlier_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Roster)));
	RequestNamedLWLockTranche(LOCK_NAME, 1);
}

static void
find_memory(void)
{
	bool		found;

	if (earlier_startup_hook)
		earlier_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	roster = ShmemInitStruct("fpgo roster", sizeof(Roster), &found);
	if (!found)
	{
		memset(roster, 0, sizeof(Roster));
		roster->lock = &GetNamedLWLockTranche(LOCK_NAME)->lock;
		roster->launcher = -1;
	}
	LWLockRelease(AddinShmemInitLock);
}

void
fpgo_roster_request(void)
{
	earlier_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	earlier_startup_hook = shmem_startup_hook;
	shmem_startup_hook = find_memory;
}

bool
fpgo_roster_exists(void)
{
	return roster != NULL;
}

static void
lock(void)
{
	LWLockAcquire(roster->lock, LW_EXCLUSIVE);
}

static void
unlock(void)
{
	LWLockRelease(roster->lock);
}

/* The entry of a database; NULL if it has none.  The lock must be held. */
static Entry *
find(Oid database)
{
	for (int i = 0; i < FPGO_ROSTER_SIZE; i++)
	{
		if (roster->entries[i].database == database)
			return &roster->entries[i];
	}
	return NULL;
}

/*
 * The entry of a database, made if there is none; NULL if the roster is full.
 * The lock must be held.
 */
static Entry *
make(Oid database)
{
	Entry	   *entry = find(database);

	if (entry != NULL)
		return entry;
	entry = find(InvalidOid);
	if (entry == NULL)
		return NULL;
	memset(entry, 0, sizeof(Entry));
	entry->database = database;
	return entry;
}

/* Free an entry that is not wanted, not paused and without a worker. */
static void
free_if_idle(Entry *entry)
{
	if (!entry->is_wanted && !entry->is_paused && entry->pid == 0)
		entry->database = InvalidOid;
}

static void
wake_launcher(void)
{
	if (roster->launcher >= 0)
		SetLatch(&ProcGlobal->allProcs[roster->launcher].procLatch);
}

static void
wake_worker(const Entry *entry)
{
	SetLatch(&ProcGlobal->allProcs[entry->pgprocno].procLatch);
}

static void
end_worker(const Entry *entry)
{
	if (entry->pid != 0)
		kill(entry->pid, SIGTERM);
}

/* ---------- for sessions ---------- */

/*
 * Does fpgo.databases name this database?  For a database without an entry: it
 * may be so new that the launcher has not seen it yet.  Must be called in a
 * transaction.
 */
static bool
is_named_here(void)
{
	const char *here = get_database_name(MyDatabaseId);
	char	   *copy = pstrdup(fpgo_databases);
	List	   *names;
	ListCell   *cell;

	if (here == NULL || !SplitIdentifierString(copy, ',', &names))
		return false;
	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), here) == 0)
			return true;
	}
	return false;
}

FpgoWorkerStatus
fpgo_roster_status(Oid database)
{
	FpgoWorkerStatus status = {FPGO_WORKER_NONE, 0, 0};
	const Entry *entry;
	bool		is_full;

	if (roster == NULL)
		return status;
	lock();
	entry = find(database);
	if (entry != NULL)
	{
		status.pid = entry->pid;
		status.since = entry->since;
		if (entry->is_paused)
			status.state = FPGO_WORKER_PAUSED;
		else if (entry->pid != 0)
			status.state = FPGO_WORKER_RUNNING;
		else if (entry->is_wanted)
			status.state = entry->lacks_slot ? FPGO_WORKER_NO_SLOT :
				FPGO_WORKER_STARTING;
	}
	is_full = find(InvalidOid) == NULL;
	unlock();
	if (entry == NULL && database == MyDatabaseId && is_named_here())
		status.state = is_full ? FPGO_WORKER_NO_ROOM : FPGO_WORKER_STARTING;
	return status;
}

static bool is_wake_wished = false;
static bool is_launcher_wished = false; /* wake it if there is no entry */

/* Something was committed in this database. */
static void
wake(void)
{
	Entry	   *entry;

	lock();
	entry = find(MyDatabaseId);
	if (entry != NULL)
	{
		entry->is_woken = true;
		if (entry->pid != 0)
			wake_worker(entry);
		else
		{
			entry->is_asked_for = true;
			wake_launcher();
		}
	}
	else if (is_launcher_wished)
		wake_launcher();
	unlock();
}

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (!is_wake_wished)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			is_wake_wished = false;
			wake();
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			is_wake_wished = false;
			break;
		default:
			break;
	}
}

void
fpgo_roster_wake_at_commit(void)
{
	static bool is_registered = false;

	if (roster == NULL)
		return;
	if (!is_registered)
		RegisterXactCallback(at_end_of_transaction, NULL);
	is_registered = true;
	is_wake_wished = true;
	is_launcher_wished =
		fpgo_roster_status(MyDatabaseId).state == FPGO_WORKER_STARTING;
}

int
fpgo_roster_offer(dsm_handle mailbox)
{
	Entry	   *entry;
	int			pid = 0;

	if (roster == NULL)
		return 0;
	lock();
	entry = find(MyDatabaseId);
	if (entry != NULL && entry->pid != 0 && !entry->is_paused &&
		entry->n_offers < FPGO_ROSTER_OFFERS)
	{
		pid = entry->pid;
		entry->offers[entry->n_offers++] = mailbox;
		wake_worker(entry);
	}
	unlock();
	return pid;
}

/* Remove an offer from an entry; false if the entry does not have it. */
static bool
remove_offer(Entry *entry, dsm_handle mailbox)
{
	for (int i = 0; i < entry->n_offers; i++)
	{
		if (entry->offers[i] == mailbox)
		{
			entry->offers[i] = entry->offers[--entry->n_offers];
			return true;
		}
	}
	return false;
}

bool
fpgo_roster_take_back(dsm_handle mailbox)
{
	Entry	   *entry;
	bool		removed;

	if (roster == NULL)
		return true;
	lock();
	entry = find(MyDatabaseId);
	removed = entry != NULL && remove_offer(entry, mailbox);
	unlock();
	return removed;
}

void
fpgo_roster_pause(Oid database)
{
	Entry	   *entry;

	lock();
	entry = make(database);
	if (entry != NULL)
	{
		entry->is_paused = true;
		end_worker(entry);
	}
	unlock();
	if (entry == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no more than %d databases can have a worker of fpgo, or be paused",
						FPGO_ROSTER_SIZE)));
}

void
fpgo_roster_resume(Oid database)
{
	Entry	   *entry;

	lock();
	entry = find(database);
	if (entry != NULL)
	{
		entry->is_paused = false;
		entry->is_asked_for = true;
		free_if_idle(entry);
		wake_launcher();
	}
	unlock();
}

/* ---------- for the launcher ---------- */

static void
leave_launcher(int code, Datum arg)
{
	lock();
	if (roster->launcher == fpgo_process_number())
		roster->launcher = -1;
	unlock();
}

void
fpgo_roster_enter_launcher(void)
{
	before_shmem_exit(leave_launcher, (Datum) 0);
	lock();
	roster->launcher = fpgo_process_number();
	unlock();
}

int
fpgo_roster_list(Oid **oids)
{
	int			n = 0;

	*oids = palloc(sizeof(Oid) * FPGO_ROSTER_SIZE);
	lock();
	for (int i = 0; i < FPGO_ROSTER_SIZE; i++)
	{
		if (OidIsValid(roster->entries[i].database))
			(*oids)[n++] = roster->entries[i].database;
	}
	unlock();
	return n;
}

bool
fpgo_roster_set_wanted(Oid database, bool wanted)
{
	Entry	   *entry;

	lock();
	entry = wanted ? make(database) : find(database);
	if (entry != NULL)
	{
		entry->is_wanted = wanted;
		free_if_idle(entry);
	}
	unlock();
	return entry != NULL || !wanted;
}

void
fpgo_roster_note_slot(Oid database, bool is_missing)
{
	Entry	   *entry;

	lock();
	entry = find(database);
	if (entry != NULL)
		entry->lacks_slot = is_missing;
	unlock();
}

void
fpgo_roster_stop(Oid database)
{
	Entry	   *entry;

	lock();
	entry = find(database);
	if (entry != NULL)
		end_worker(entry);
	unlock();
}

bool
fpgo_roster_take_request(Oid database)
{
	Entry	   *entry;
	bool		asked = false;

	lock();
	entry = find(database);
	if (entry != NULL)
	{
		asked = entry->is_asked_for;
		entry->is_asked_for = false;
	}
	unlock();
	return asked;
}

void
fpgo_roster_forget(Oid database)
{
	Entry	   *entry;

	lock();
	entry = find(database);
	if (entry != NULL && entry->pid == 0)
		entry->database = InvalidOid;
	unlock();
}

/* ---------- for a worker ---------- */

static void
leave_worker(int code, Datum arg)
{
	Entry	   *entry;

	lock();
	entry = find(MyDatabaseId);
	if (entry != NULL && entry->pid == MyProcPid)
	{
		entry->pid = 0;
		entry->since = 0;
		/* the sessions that offered mailboxes see that the worker is gone */
		entry->n_offers = 0;
		free_if_idle(entry);
		wake_launcher();
	}
	unlock();
}

bool
fpgo_roster_enter_worker(void)
{
	Entry	   *entry;
	bool		entered = false;

	before_shmem_exit(leave_worker, (Datum) 0);
	lock();
	entry = find(MyDatabaseId);
	if (entry != NULL && entry->is_wanted && !entry->is_paused &&
		entry->pid == 0)
	{
		entry->pid = MyProcPid;
		entry->pgprocno = fpgo_process_number();
		entry->since = GetCurrentTimestamp();
		entered = true;
	}
	unlock();
	return entered;
}

/* Set is_told in this database's entry, and return the old value. */
static bool
exchange_told(bool is_told)
{
	Entry	   *entry;
	bool		before = false;

	lock();
	entry = find(MyDatabaseId);
	if (entry != NULL)
	{
		before = entry->is_told;
		entry->is_told = is_told;
	}
	unlock();
	return before;
}

bool
fpgo_roster_is_first_word(void)
{
	return !exchange_told(true);
}

void
fpgo_roster_is_well(void)
{
	(void) exchange_told(false);
}

bool
fpgo_roster_take_wake(void)
{
	Entry	   *entry;
	bool		woken = false;

	lock();
	entry = find(MyDatabaseId);
	if (entry != NULL)
	{
		woken = entry->is_woken;
		entry->is_woken = false;
	}
	unlock();
	return woken;
}

dsm_handle
fpgo_roster_take_offer(void)
{
	dsm_handle	mailbox = DSM_HANDLE_INVALID;
	Entry	   *entry;

	lock();
	entry = find(MyDatabaseId);
	if (entry != NULL && entry->n_offers > 0)
		mailbox = entry->offers[--entry->n_offers];
	unlock();
	return mailbox;
}
