/*
 * newest.c
 *		What became of a row in the own transaction.
 *
 * A trigger gets the version of the row that its event is about.  A deferred one
 * fires later, when the transaction may have changed the row again.  The newest
 * version is read below the executor, as ri_triggers.c does: neither
 * privileges nor row security hide it.
 *
 * SnapshotSelf shows what the own transaction did last.  No other transaction
 * can have changed the row since, which the own one holds by its change.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/snapmgr.h"

#include "handin/newest.h"

bool
fpgo_newest_is_moved(HeapTuple row)
{
	return HeapTupleHeaderIndicatesMovedPartitions(row->t_data);
}

/* Follow the versions of a row to the newest one that is visible. */
static ItemPointerData
follow(Relation table, ItemPointerData place)
{
	TableScanDesc scan = table_beginscan_tid(table, SnapshotSelf);

	table_tuple_get_latest_tid(scan, &place);
	table_endscan(scan);
	return place;
}

/*
 * Does the chain of versions end in a move to another partition?  Only a table
 * of PostgreSQL's own kind tells.
 */
static bool
is_moved(Relation table, HeapTuple row, TupleTableSlot *slot)
{
	ItemPointerData place = row->t_self;
	TransactionId xmax = InvalidTransactionId;

	while (TTS_IS_BUFFERTUPLE(slot) &&
		   table_tuple_fetch_row_version(table, &place, SnapshotAny, slot))
	{
		HeapTupleHeader version = ((BufferHeapTupleTableSlot *) slot)->base.tuple->t_data;

		if (TransactionIdIsValid(xmax) &&
			!TransactionIdEquals(xmax, HeapTupleHeaderGetXmin(version)))
			break;
		if (HeapTupleHeaderIndicatesMovedPartitions(version))
			return true;
		if ((version->t_infomask & HEAP_XMAX_INVALID) ||
			ItemPointerEquals(&version->t_ctid, &place))
			break;
		xmax = HeapTupleHeaderGetUpdateXid(version);
		place = version->t_ctid;
	}
	return false;
}

HeapTuple
fpgo_newest_version(Relation table, HeapTuple row, FpgoFate *fate)
{
	TupleTableSlot *slot = table_slot_create(table, NULL);
	ItemPointerData place = row->t_self;
	HeapTuple	newest = NULL;

	*fate = FPGO_ROW_THERE;
	if (table_tuple_fetch_row_version(table, &place, SnapshotSelf, slot))
		newest = row;
	else
	{
		place = follow(table, place);
		if (table_tuple_fetch_row_version(table, &place, SnapshotSelf, slot))
		{
			newest = ExecCopySlotHeapTuple(slot);
			newest->t_self = place;
			newest->t_tableOid = RelationGetRelid(table);
		}
		else
			*fate = is_moved(table, row, slot) ? FPGO_ROW_MOVED :
				FPGO_ROW_GONE;
	}
	ExecDropSingleTupleTableSlot(slot);
	return newest;
}

bool
fpgo_newest_is(Relation table, ItemPointer place)
{
	TupleTableSlot *slot = table_slot_create(table, NULL);
	bool		is_newest = table_tuple_fetch_row_version(table, place,
														  SnapshotSelf, slot);

	ExecDropSingleTupleTableSlot(slot);
	return is_newest;
}

bool
fpgo_newest_exists(Relation table, ItemPointer place)
{
	ItemPointerData newest = follow(table, *place);

	return fpgo_newest_is(table, &newest);
}
