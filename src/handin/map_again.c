/*
 * map_again.c
 *		Rows that orders on record were made of, handed in again.
 *
 * The record has a digest of a row's primary key, and not the key itself.
 * Therefore the rows of the table are read, each row's digest is made, and
 * those that are wanted are handed in.  A row is locked before it is read for
 * good, so that its hand-ins are in order.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "handin/map_again.h"
#include "handin/primary_key.h"
#include "handin/source.h"
#include "handin/source_table.h"
#include "handin/trigger.h"
#include "tables/operators.h"

/* The rows that are wanted, and the table that is read. */
typedef struct Search
{
	const char *account;
	List	   *wanted;
	bool		raises;
	Relation	table;
	Trigger    *trigger;
	FpgoPrimaryKey *key;
} Search;

static const char *const list_tables =
"SELECT DISTINCT t.tgrelid FROM pg_catalog.pg_trigger t"
" JOIN pg_catalog.pg_proc p ON p.oid " EQ " t.tgfoid"
" JOIN pg_catalog.pg_namespace n ON n.oid " EQ " p.pronamespace"
" JOIN pg_catalog.pg_class r ON r.oid " EQ " t.tgrelid"
" WHERE p.proname " EQ " 'enqueue_invoice_trigger'"
" AND n.nspname " EQ " 'fpgo'"
" AND t.tgenabled " NE " 'D' AND r.relkind " EQ " 'r'";

static List *
find_tables(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *tables = NIL;

	SPI_connect();
	if (SPI_execute(list_tables, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look for triggers");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		is_null;
		Datum		table = SPI_getbinval(SPI_tuptable->vals[i],
										  SPI_tuptable->tupdesc, 1, &is_null);
		MemoryContext spi = MemoryContextSwitchTo(caller);

		tables = lappend_oid(tables, DatumGetObjectId(table));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return tables;
}

static FpgoWantedRow *
find_wanted(const Search *search, HeapTuple row)
{
	const FpgoSource *source = fpgo_source_of(search->key, search->table, row);
	ListCell   *cell;

	foreach(cell, search->wanted)
	{
		FpgoWantedRow *wanted = lfirst(cell);

		if (memcmp(wanted->source.digest, source->digest,
				   FPGO_HASH_BYTES) == 0)
			return wanted;
	}
	return NULL;
}

/* Lock the newest version of the row in the slot; false if it is gone. */
static bool
lock_row(Relation table, TupleTableSlot *slot)
{
	ItemPointerData place = slot->tts_tid;
	TM_FailureData failure;

	return table_tuple_lock(table, &place, GetLatestSnapshot(), slot,
							GetCurrentCommandId(false),
							LockTupleNoKeyExclusive, LockWaitBlock,
							TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
							&failure) == TM_Ok;
}

static void
hand_in(const Search *search, FpgoWantedRow *wanted, TupleTableSlot *slot)
{
	Oid			role = get_role_oid(wanted->role, true);
	HeapTuple	row;

	if (!lock_row(search->table, slot))
		return;
	row = ExecCopySlotHeapTuple(slot);
	if (find_wanted(search, row) != wanted)
		return;
	wanted->is_found = true;
	/* the function sees what was committed before the lock was got */
	PushActiveSnapshot(GetTransactionSnapshot());
	wanted->submission =
		fpgo_trigger_hand_in(search->table, search->trigger, row,
							 OidIsValid(role) ? role : GetUserId(),
							 search->raises);
	PopActiveSnapshot();
}

static void
search_rows(const Search *search)
{
	TupleTableSlot *slot = table_slot_create(search->table, NULL);
	TupleTableSlot *locked = table_slot_create(search->table, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(search->table, snapshot, 0, NULL);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "fpgo row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(row_context);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		FpgoWantedRow *wanted;

		CHECK_FOR_INTERRUPTS();
		wanted = find_wanted(search, ExecCopySlotHeapTuple(slot));
		if (wanted != NULL && !wanted->is_found)
		{
			ExecClearTuple(locked);
			locked->tts_tid = slot->tts_tid;
			hand_in(search, wanted, locked);
		}
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row_context);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(locked);
	ExecDropSingleTupleTableSlot(slot);
}

/* Are rows of this table wanted? */
static bool
is_source(const Search *search)
{
	FpgoTableName name = fpgo_source_table_name(search->key->top);
	const char *table = psprintf("%s.%s", name.schema, name.name);
	ListCell   *cell;

	foreach(cell, search->wanted)
	{
		const FpgoWantedRow *wanted = lfirst(cell);

		if (strcmp(wanted->source.table, table) == 0)
			return true;
	}
	return false;
}

static void
search_table(Search *search)
{
	TriggerDesc *triggers = search->table->trigdesc;

	search->key = fpgo_primary_key_read(search->table);
	if (search->key->n_columns == 0 || !is_source(search))
		return;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		search->trigger = &triggers->triggers[i];
		if (fpgo_trigger_is_for(search->table, search->trigger,
								search->account))
		{
			search_rows(search);
			return;
		}
	}
}

void
fpgo_map_again(const char *account, List *wanted, bool raises)
{
	Search		search = {.account = account,.wanted = wanted,
	.raises = raises};
	ListCell   *cell;

	foreach(cell, find_tables())
	{
		search.table = table_open(lfirst_oid(cell), RowExclusiveLock);
		search_table(&search);
		table_close(search.table, NoLock);
	}
}
