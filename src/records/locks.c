/*
 * locks.c
 *		fpgo's own locks in PostgreSQL's lock table.
 *
 * All are advisory locks.  pg_advisory_lock() sets the tag's fourth field to 1
 * or 2; fpgo's values are above, and cannot meet those.  PostgreSQL releases a
 * lock when the process that holds it ends, however it ends.  A run therefore
 * holds a lock: if another process can take it, the process of the run is
 * gone.  Nothing is guessed from age.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"

#include "base/compat.h"
#include "records/locks.h"

/* fourth field of the lock tag */
#define CLASS_RUN 0x4651
#define CLASS_REFERENCE 0x4652
#define CLASS_SLOT 0x4653
#define CLASS_RECONCILE 0x4654
#define CLASS_ORDER 0x4655
#define CLASS_HOLDS 0x4656

/* so many locks of orders at most has a transaction, however many orders */
#define N_ORDER_LOCKS 256

static void
make_tag(LOCKTAG *tag, Oid database, uint64 number, uint16 class)
{
	SET_LOCKTAG_ADVISORY(*tag, database, (uint32) (number >> 32),
						 (uint32) number, class);
}

int64
fpgo_run_begin(void)
{
	int64		run = 0;
	LOCKTAG		tag;

	do
	{
		if (!pg_strong_random(&run, sizeof(run)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate a random number")));
		run &= PG_INT64_MAX;
	} while (run == 0);
	make_tag(&tag, MyDatabaseId, run, CLASS_RUN);
	(void) LockAcquire(&tag, ExclusiveLock, true, false);
	return run;
}

void
fpgo_run_end(int64 run)
{
	LOCKTAG		tag;

	make_tag(&tag, MyDatabaseId, run, CLASS_RUN);
	LockRelease(&tag, ExclusiveLock, true);
}

bool
fpgo_run_is_dead(int64 run)
{
	LOCKTAG		tag;

	make_tag(&tag, MyDatabaseId, run, CLASS_RUN);
	/* a process can take its own lock a second time */
	return !fpgo_lock_is_held(&tag, ExclusiveLock) &&
		LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* A number for what has this name at a server. */
static uint64
number_of(const char *server, const char *name)
{
	uint64		number = hash_bytes_extended((const unsigned char *) server,
											 strlen(server), 0);

	return hash_bytes_extended((const unsigned char *) name, strlen(name),
							   number);
}

static void
make_reference_tag(LOCKTAG *tag, const char *server, const char *reference)
{
	make_tag(tag, MyDatabaseId, number_of(server, reference), CLASS_REFERENCE);
}

void
fpgo_lock_await_reference(const char *server, const char *reference)
{
	LOCKTAG		tag;

	make_reference_tag(&tag, server, reference);
	(void) LockAcquire(&tag, ShareLock, false, false);
	LockRelease(&tag, ShareLock, false);
}

bool
fpgo_lock_try_reference(const char *server, const char *reference)
{
	LOCKTAG		tag;

	make_reference_tag(&tag, server, reference);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

static void
make_holds_tag(LOCKTAG *tag, const char *account)
{
	make_tag(tag, MyDatabaseId, number_of(account, ""), CLASS_HOLDS);
}

bool
fpgo_lock_try_holds(const char *account)
{
	LOCKTAG		tag;

	make_holds_tag(&tag, account);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
fpgo_lock_holds(const char *account)
{
	LOCKTAG		tag;

	make_holds_tag(&tag, account);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

int
fpgo_lock_number_of_order(const char *server, const char *order_uuid)
{
	return number_of(server, order_uuid) % N_ORDER_LOCKS;
}

void
fpgo_lock_order(int number)
{
	LOCKTAG		tag;

	make_tag(&tag, MyDatabaseId, number, CLASS_ORDER);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

bool
fpgo_lock_try_reconcile(void)
{
	LOCKTAG		tag;

	make_tag(&tag, MyDatabaseId, 0, CLASS_RECONCILE);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

bool
fpgo_lock_wish_slot(void)
{
	LOCKTAG		tag;

	make_tag(&tag, InvalidOid, 0, CLASS_SLOT);
	return LockAcquire(&tag, ExclusiveLock, true, true) !=
		LOCKACQUIRE_NOT_AVAIL;
}

void
fpgo_lock_unwish_slot(void)
{
	LOCKTAG		tag;

	make_tag(&tag, InvalidOid, 0, CLASS_SLOT);
	LockRelease(&tag, ExclusiveLock, true);
}

bool
fpgo_lock_slot_is_wished(void)
{
	LOCKTAG		tag;

	make_tag(&tag, InvalidOid, 0, CLASS_SLOT);
	if (LockAcquire(&tag, ShareLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, ShareLock, true);
	return false;
}

/*
 * Does a process wait for a lock that ROW EXCLUSIVE on the table blocks?  What
 * a process waits for stands in its PGPROC.  That changes only under the lock
 * of the tag's partition, which is held here.
 */
static bool
has_waiter(Oid table)
{
	LOCKTAG		tag;
	LWLock	   *partition;
	bool		is_found = false;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, table);
	partition = LockHashPartitionLock(LockTagHashCode(&tag));
	LWLockAcquire(partition, LW_SHARED);
	for (uint32 i = 0; i < ProcGlobal->allProcCount && !is_found; i++)
	{
		const volatile PGPROC *process = &ProcGlobal->allProcs[i];
		/* that of another tag may end at any time, and its memory stays */
		const LOCK *lock = process->waitLock;

		is_found = lock != NULL &&
			memcmp(&lock->tag, &tag, sizeof(tag)) == 0 &&
			DoLockModesConflict(process->waitLockMode, RowExclusiveLock);
	}
	LWLockRelease(partition);
	return is_found;
}

/*
 * No lock is tried.  From PostgreSQL 17 on, a process is granted a lock ahead
 * of those that wait for a lock it has.
 */
bool
fpgo_lock_is_wanted(const Oid *tables, int n_tables)
{
	for (int i = 0; i < n_tables; i++)
	{
		if (has_waiter(tables[i]))
			return true;
	}
	return false;
}
