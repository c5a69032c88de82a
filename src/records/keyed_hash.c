/*
 * keyed_hash.c
 *		The hash that orders are compared by.
 *
 * The key is a random secret of the database, made by CREATE EXTENSION and
 * dumped with the records.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/fpgo.h"
#include "records/keyed_hash.h"
#include "tables/statement.h"

/* columns of fpgo_internal.hash_key */
#define KEY_COLUMN 1
#define CREATED_AT_COLUMN 2

/*
 * The row's key, if the row is older than all before it; else NULL.  *oldest is
 * the time of those.
 */
static bytea *
read_older(Relation table, HeapTuple row, TimestampTz *oldest)
{
	TupleDesc	columns = RelationGetDescr(table);
	bool		is_null;
	Datum		created_at = heap_getattr(row, CREATED_AT_COLUMN, columns,
										  &is_null);

	if (DatumGetTimestampTz(created_at) >= *oldest)
		return NULL;
	*oldest = DatumGetTimestampTz(created_at);
	return DatumGetByteaPCopy(heap_getattr(row, KEY_COLUMN, columns,
										   &is_null));
}

/*
 * The secret that hashes are keyed with, 32 bytes or more; NULL if there is none.
 * The table has a row, and hardly ever another.  Each process reads it once, for
 * its first order, and to plan a statement for that would take many times as long.
 */
static bytea *
read_hash_key(Oid table_oid)
{
	TimestampTz oldest = DT_NOEND;
	bytea	   *key = NULL;
	Relation	table = table_open(table_oid, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan(table, InvalidOid, false, snapshot,
										  0, NULL);
	HeapTuple	row;

	if (TupleDescAttr(RelationGetDescr(table), KEY_COLUMN - 1)->atttypid != BYTEAOID ||
		TupleDescAttr(RelationGetDescr(table), CREATED_AT_COLUMN - 1)->atttypid != TIMESTAMPTZOID)
		elog(ERROR, "fpgo_internal.hash_key has other columns than fpgo made");
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bytea	   *older = read_older(table, row, &oldest);

		if (older != NULL)
			key = older;
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, NoLock);
	return key;
}

/* The secret key.  The process keeps it until the key's table changes. */
static const uint8 *
hash_key(int *len)
{
	static uint8 *key = NULL;
	static int	key_len = 0;
	static Oid	key_table = InvalidOid;
	Oid			table = fpgo_table_oid("hash_key");

	if (key_table != table)
	{
		bytea	   *fresh = read_hash_key(table);
		int			fresh_len;
		uint8	   *copy;

		if (fresh == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("fpgo has no hash key"),
					 errdetail("The table fpgo_internal.hash_key is empty."),
					 errhint("Restore its content, without which earlier orders are not recognised.")));
		fresh_len = VARSIZE_ANY_EXHDR(fresh);
		copy = MemoryContextAlloc(TopMemoryContext, fresh_len);
		memcpy(copy, VARDATA_ANY(fresh), fresh_len);
		if (key != NULL)
			pfree(key);
		key = copy;
		key_len = fresh_len;
		key_table = table;
	}
	*len = key_len;
	return key;
}

/*
 * SHA-256 of the secret key followed by the data.  Without the key nobody can
 * try out which data a hash is of; the hash has no other purpose.
 *
 * HMAC takes half as long again.  Without it, somebody who knows a hash can
 * make the hash of the same data with more bytes appended.  But those bytes
 * begin with SHA-256's padding, which has zero bytes in it: never an order.
 */
void
fpgo_keyed_hash(const char *data, size_t len, uint8 result[FPGO_HASH_BYTES])
{
	int			key_len;
	const uint8 *key = hash_key(&key_len);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool		failed;

	failed = pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, key, key_len) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) data, len) < 0 ||
		pg_cryptohash_final(context, result, FPGO_HASH_BYTES) < 0;
	pg_cryptohash_free(context);
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("An order could not be hashed."),
				 fpgo_errhide()));
}

void
fpgo_key_digest(const char *key, int len,
				uint8 result[FPGO_KEY_DIGEST_BYTES])
{
	uint8		hash[FPGO_HASH_BYTES];
	const char *text = pnstrdup(key, len);

	if (GetDatabaseEncoding() != PG_UTF8 &&
		GetDatabaseEncoding() != PG_SQL_ASCII)
		text = pg_server_to_any(text, len, PG_UTF8);
	/* no order has this form: a key's digest is never an order's hash */
	text = psprintf("key %s", text);
	fpgo_keyed_hash(text, strlen(text), hash);
	memcpy(result, hash, FPGO_KEY_DIGEST_BYTES);
}
