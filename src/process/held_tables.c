/*
 * held_tables.c
 *		Locks on the written tables that a process holds across transactions.
 *
 * After the mark this process may not wait for a table lock: a session could
 * lock the tables and then wait for the caller, which waits for this process.
 * Therefore ROW EXCLUSIVE is held for the process, and not for a transaction,
 * from before the first commit until the outcome is recorded.  The end of an
 * aborted transaction releases such locks too.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lmgr.h"

#include "process/held_tables.h"
#include "records/locks.h"
#include "tables/statement.h"

static struct
{
	int			n_holders;		/* services that need the locks */
	bool		are_held;
	Oid			tables[FPGO_N_TABLES_WRITTEN];
}			locks;

/*
 * Does another process wait for tables that this one holds?  Services that
 * overlap would otherwise hold them for ever: PostgreSQL grants ROW EXCLUSIVE
 * again to a process that has it, however many processes wait.
 */
static bool
are_wanted(void)
{
	return locks.are_held &&
		fpgo_lock_is_wanted(locks.tables, FPGO_N_TABLES_WRITTEN);
}

bool
fpgo_held_tables_take(bool may_wait)
{
	if (!may_wait)
	{
		/* no error: its rollback would let go what others still need */
		if (are_wanted())
			return false;
		fpgo_table_lock_all();
	}
	if (locks.are_held)
	{
		locks.n_holders++;
		return true;
	}
	for (int i = 0; i < FPGO_N_TABLES_WRITTEN; i++)
	{
		LockRelId	relation = {fpgo_table_oid(fpgo_table_written[i]),
		MyDatabaseId};

		LockRelationIdForSession(&relation, RowExclusiveLock);
		locks.tables[i] = relation.relId;
	}
	locks.n_holders++;
	locks.are_held = true;
	return true;
}

void
fpgo_held_tables_release(void)
{
	if (--locks.n_holders > 0 || !locks.are_held)
		return;
	for (int i = 0; i < FPGO_N_TABLES_WRITTEN; i++)
	{
		LockRelId	relation = {locks.tables[i], MyDatabaseId};

		UnlockRelationIdForSession(&relation, RowExclusiveLock);
	}
	locks.are_held = false;
}

void
fpgo_held_tables_forget(void)
{
	locks.are_held = false;
}
