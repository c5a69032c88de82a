/*
 * row_held.c
 *		Does another transaction have a row?
 *
 * To lock a row in order to find that out writes a WAL record and to the page.
 * Who is about to change the row anyway only looks.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "tables/row_held.h"

static bool
is_running(TransactionId xid)
{
	return !TransactionIdIsCurrentTransactionId(xid) &&
		TransactionIdIsInProgress(xid);
}

/* Of several that have the row: does one that still runs hinder the change? */
static bool
is_held_by_one_of(MultiXactId several, uint16 infomask, bool is_deleted)
{
	MultiXactMember *members;
	int			n = GetMultiXactIdMembers(several, &members, false,
										  HEAP_XMAX_IS_LOCKED_ONLY(infomask));
	bool		is_held = false;

	for (int i = 0; i < n && !is_held; i++)
		is_held = (is_deleted ||
				   members[i].status > MultiXactStatusForKeyShare) &&
			is_running(members[i].xid);
	if (n > 0)
		pfree(members);
	return is_held;
}

bool
fpgo_row_is_held(Oid table_oid, ItemPointer row, bool is_deleted)
{
	Relation	table = table_open(table_oid, AccessShareLock);
	HeapTupleData tuple = {.t_self = *row};
	Buffer		buffer;
	uint16		infomask = HEAP_XMAX_INVALID;
	TransactionId xmax = InvalidTransactionId;

	if (table->rd_rel->relam == HEAP_TABLE_AM_OID &&
		heap_fetch(table, SnapshotAny, &tuple, &buffer, false))
	{
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		infomask = tuple.t_data->t_infomask;
		xmax = HeapTupleHeaderGetRawXmax(tuple.t_data);
		UnlockReleaseBuffer(buffer);
	}
	table_close(table, NoLock);
	if ((infomask & HEAP_XMAX_INVALID) != 0 || HEAP_LOCKED_UPGRADED(infomask))
		return false;
	if ((infomask & HEAP_XMAX_IS_MULTI) != 0)
		return is_held_by_one_of(xmax, infomask, is_deleted);
	/* whoever adds a version to an order holds it so; that hinders no UPDATE */
	if (!is_deleted && HEAP_XMAX_IS_LOCKED_ONLY(infomask) &&
		HEAP_XMAX_IS_KEYSHR_LOCKED(infomask))
		return false;
	return is_running(xmax);
}
