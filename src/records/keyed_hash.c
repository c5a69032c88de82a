/*
 * keyed_hash.c
 *		The hash that orders are compared by.
 *
 * The key is a random secret of the database, made by CREATE EXTENSION and
 * dumped with the records.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/fpgo.h"
#include "records/keyed_hash.h"
#include "tables/statement.h"

static FpgoStatement hash_key_statement = {
	.sql = "SELECT key FROM fpgo_internal.hash_key ORDER BY created_at LIMIT 1",
	.n_parameters = 0
};

/* The secret that hashes are keyed with, 32 bytes or more. */
static void
read_hash_key(uint8 **key, int *len)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoParameters p = {0};
	bool		is_null;
	bytea	   *value;

	SPI_connect();
	if (fpgo_statement_run(&hash_key_statement, &p) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("fpgo has no hash key"),
				 errdetail("The table fpgo_internal.hash_key is empty."),
				 errhint("Restore its content, without which earlier orders are not recognised.")));
	value = DatumGetByteaPP(fpgo_get_datum(0, 1, &is_null));
	*len = VARSIZE_ANY_EXHDR(value);
	*key = MemoryContextAlloc(caller, *len);
	memcpy(*key, VARDATA_ANY(value), *len);
	SPI_finish();
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
		uint8	   *fresh;
		int			fresh_len;
		uint8	   *copy;

		read_hash_key(&fresh, &fresh_len);
		copy = MemoryContextAlloc(TopMemoryContext, fresh_len);
		memcpy(copy, fresh, fresh_len);
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
