/*
 * open_key.c
 *		Which transaction, still open, has a row of a key.
 *
 * Whoever inserts a submission waits, in the unique index of keys, for a
 * transaction in progress that has a row of the same key.  A process that must
 * not wait looks first, as the index does: by a dirty snapshot, which shows
 * rows of open transactions and tells whose they are.
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

/* the unique index of keys, and the columns that it begins with */
#define KEY_INDEX "submission_key"
#define SERVER_COLUMN "server"
#define KEY_COLUMN "key"

static void
make_condition(ScanKey condition, Relation table, const char *column,
			   const char *value)
{
	ScanKeyEntryInitialize(condition, 0,
						   get_attnum(RelationGetRelid(table), column),
						   BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID,
						   F_TEXTEQ, CStringGetTextDatum(value));
}

TransactionId
fpgo_open_key_find(const FpgoHandIn *handin)
{
	Oid			index = fpgo_table_find(KEY_INDEX);
	TransactionId found = InvalidTransactionId;
	ScanKeyData conditions[2];
	SnapshotData dirty;
	SysScanDesc search;
	Relation	table;

	/* without the index nothing waits in it */
	if (!OidIsValid(index))
		return found;
	table = table_open(fpgo_table_oid("submission"), AccessShareLock);
	make_condition(&conditions[0], table, SERVER_COLUMN, handin->account);
	make_condition(&conditions[1], table, KEY_COLUMN, handin->key);
	InitDirtySnapshot(dirty);
	search = systable_beginscan(table, index, true, &dirty, 2, conditions);
	while (!TransactionIdIsValid(found) &&
		   HeapTupleIsValid(systable_getnext(search)))
		found = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
	systable_endscan(search);
	table_close(table, AccessShareLock);
	return found;
}
