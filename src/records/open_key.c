/*
 * open_key.c
 *		Which transaction, still open, hands in under a key.
 *
 * Whoever inserts a submission waits, in the unique index of keys, for a
 * transaction in progress that has inserted one under the same key.  A process
 * that must not wait looks first, as the index does: by a dirty snapshot, which
 * shows rows of open transactions and tells whose they are.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "records/open_key.h"
#include "tables/statement.h"

/* the unique index of keys */
#define KEY_INDEX "submission_key"

/* A row of an open transaction. */
typedef struct OpenRow
{
	int64		id;
	TransactionId maker;
} OpenRow;

static void
make_condition(ScanKey condition, Relation table, const char *column,
			   const char *value)
{
	ScanKeyEntryInitialize(condition, 0,
						   get_attnum(RelationGetRelid(table), column),
						   BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID,
						   F_TEXTEQ, CStringGetTextDatum(value));
}

static Datum
value_of(HeapTuple row, Relation table, const char *column, bool *is_null)
{
	return heap_getattr(row, get_attnum(RelationGetRelid(table), column),
						RelationGetDescr(table), is_null);
}

static int64
id_of(HeapTuple row, Relation table)
{
	bool		is_null;

	return DatumGetInt64(value_of(row, table, "id", &is_null));
}

/* Has the column this text?  If it is NULL: "or_null". */
static bool
has_text(HeapTuple row, Relation table, const char *column, const char *wanted,
		 bool or_null)
{
	bool		is_null;
	Datum		value = value_of(row, table, column, &is_null);

	return is_null ? or_null : strcmp(TextDatumGetCString(value), wanted) == 0;
}

static bool
is_same_order(HeapTuple row, Relation table, const FpgoHandIn *handin)
{
	bool		is_null;
	Datum		value = value_of(row, table, "hash_rule", &is_null);
	bytea	   *hash;

	if (is_null || DatumGetInt16(value) != handin->hash_rule)
		return false;
	value = value_of(row, table, "order_hash", &is_null);
	if (is_null)
		return false;
	hash = DatumGetByteaPP(value);
	return VARSIZE_ANY_EXHDR(hash) == FPGO_HASH_BYTES &&
		memcmp(VARDATA_ANY(hash), handin->order_hash, FPGO_HASH_BYTES) == 0;
}

/* Can the row make this hand-in the same call, or another version? */
static bool
concerns(HeapTuple row, Relation table, const FpgoHandIn *handin)
{
	return has_text(row, table, "mapping", handin->mapping, true) ||
		has_text(row, table, "role", handin->role, false) ||
		is_same_order(row, table, handin);
}

/* An open transaction's row that is new, and not the change of another one. */
static TransactionId
find_new(List *open, List *committed)
{
	ListCell   *cell;

	foreach(cell, open)
	{
		const OpenRow *row = lfirst(cell);
		bool		is_change = false;
		ListCell   *other;

		foreach(other, committed)
			is_change = is_change || *(int64 *) lfirst(other) == row->id;
		if (!is_change)
			return row->maker;
	}
	return InvalidTransactionId;
}

TransactionId
fpgo_open_key_find(const FpgoHandIn *handin)
{
	Oid			index = fpgo_table_find(KEY_INDEX);
	List	   *open = NIL;
	List	   *committed = NIL;
	ScanKeyData conditions[2];
	SnapshotData dirty;
	SysScanDesc search;
	Relation	table;
	HeapTuple	tuple;

	/* without the index nothing waits in it */
	if (!OidIsValid(index))
		return InvalidTransactionId;
	table = table_open(fpgo_table_oid("submission"), AccessShareLock);
	make_condition(&conditions[0], table, "server", handin->account);
	make_condition(&conditions[1], table, "key", handin->key);
	InitDirtySnapshot(dirty);
	search = systable_beginscan(table, index, true, &dirty, 2, conditions);
	while (HeapTupleIsValid(tuple = systable_getnext(search)))
	{
		TransactionId maker = dirty.xmin;

		if (!TransactionIdIsValid(maker))
		{
			int64	   *id = palloc(sizeof(int64));

			*id = id_of(tuple, table);
			committed = lappend(committed, id);
		}
		else if (concerns(tuple, table, handin))
		{
			OpenRow    *row = palloc(sizeof(OpenRow));

			row->id = id_of(tuple, table);
			row->maker = maker;
			open = lappend(open, row);
		}
	}
	systable_endscan(search);
	table_close(table, AccessShareLock);
	return find_new(open, committed);
}
