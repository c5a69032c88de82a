/*
 * source.c
 *		The row that an order is made of: what stays the same of it.
 *
 * A row is known by its table's name, as it was first recorded, and its primary
 * key.  Of a partition the topmost table counts.  The key's values are written
 * as text.  An integer is the same text in every width, and what a session's
 * settings change in a text is fixed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "handin/source.h"
#include "handin/source_table.h"

/* what a session may change in the text of a value */
static const char *const settings[][2] = {
	{"datestyle", "ISO, YMD"},
	{"timezone", "UTC"},
	{"intervalstyle", "postgres"},
	{"bytea_output", "hex"},
	{"extra_float_digits", "1"},
	{"lc_monetary", "C"},
	{"search_path", "pg_catalog"},
};

/* Is a value's text the same whatever the session's settings are? */
static bool
is_plain(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
			return true;
		default:
			return false;
	}
}

/* A text with its length before it, in UTF-8 whatever the database has. */
static void
put(StringInfo form, const char *text)
{
	if (GetDatabaseEncoding() != PG_UTF8 &&
		GetDatabaseEncoding() != PG_SQL_ASCII)
		text = pg_server_to_any(text, strlen(text), PG_UTF8);
	appendStringInfo(form, "%zu:%s", strlen(text), text);
}

static void
put_value(StringInfo form, Datum value, Oid type)
{
	int			level = 0;
	Oid			output;
	bool		is_varlena;

	if (!is_plain(type))
	{
		level = NewGUCNestLevel();
		for (int i = 0; i < (int) lengthof(settings); i++)
			(void) set_config_option(settings[i][0], settings[i][1],
									 PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, 0, false);
	}
	getTypeOutputInfo(type, &output, &is_varlena);
	put(form, OidOutputFunctionCall(output, value));
	if (level != 0)
		AtEOXact_GUC(false, level);
}

static void
digest(const StringInfoData *form, uint8 result[FPGO_HASH_BYTES])
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool		failed;

	failed = pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) form->data,
							 form->len) < 0 ||
		pg_cryptohash_final(context, result, FPGO_HASH_BYTES) < 0;
	pg_cryptohash_free(context);
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("A primary key could not be hashed."),
				 fpgo_errhide()));
}

const FpgoSource *
fpgo_source_of(const FpgoPrimaryKey *key, Relation table, HeapTuple row)
{
	FpgoSource *source;
	FpgoTableName name;
	StringInfoData form;

	if (key->n_columns == 0)
		return NULL;
	name = fpgo_source_table_name(key->top);
	initStringInfo(&form);
	put(&form, name.schema);
	put(&form, name.name);
	for (int i = 0; i < key->n_columns; i++)
		put_value(&form, fpgo_primary_key_value(key, i, table, row),
				  key->types[i]);
	source = palloc(sizeof(FpgoSource));
	source->table = psprintf("%s.%s", name.schema, name.name);
	digest(&form, source->digest);
	return source;
}

const char *
fpgo_source_key(const FpgoSource *source)
{
	StringInfoData key;

	initStringInfo(&key);
	appendStringInfo(&key, "%s/", source->table);
	for (int i = 0; i < FPGO_HASH_BYTES; i++)
		appendStringInfo(&key, "%02x", source->digest[i]);
	return key.data;
}
