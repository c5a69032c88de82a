/*
 * source.c
 *		The row that an order is made of: what stays the same of it.
 *
 * A row is known by its table's name and its primary key.  Of a partition the
 * topmost table counts, so that a row keeps its source if it moves to another
 * partition.  The key's values are written as text.  An integer is the same
 * text in every width, and what a session's settings change in a text is fixed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "handin/source.h"

/* The columns of a primary key, by name. */
typedef struct PrimaryKey
{
	int			n_columns;		/* 0: there is no key */
	const char *columns[INDEX_MAX_KEYS];
} PrimaryKey;

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

/* ---------- the key ---------- */

static PrimaryKey
read_primary_key(Oid table)
{
	Relation	relation = table_open(table, AccessShareLock);
	PrimaryKey	key = {0};
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(relation))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID,
											ObjectIdGetDatum(lfirst_oid(cell)));
		const FormData_pg_index *index;

		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (index->indisprimary)
		{
			for (int i = 0; i < index->indnkeyatts; i++)
				key.columns[key.n_columns++] =
					get_attname(table, index->indkey.values[i], false);
		}
		ReleaseSysCache(tuple);
	}
	table_close(relation, NoLock);
	return key;
}

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

/* ---------- the text ---------- */

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
put_value(StringInfo form, Relation table, HeapTuple row, const char *column)
{
	AttrNumber	number = get_attnum(RelationGetRelid(table), column);
	Oid			type = get_atttype(RelationGetRelid(table), number);
	int			level = 0;
	bool		is_null;
	Datum		value = heap_getattr(row, number, RelationGetDescr(table),
									 &is_null);
	Oid			output;
	bool		is_varlena;

	/* a BEFORE trigger may see a row without it */
	if (is_null)
	{
		put(form, "");
		return;
	}
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
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not hash a primary key"),
				 fpgo_errhide()));
}

const FpgoSource *
fpgo_source_of(Relation table, HeapTuple row)
{
	Oid			top = RelationGetRelid(table);
	FpgoSource *source;
	PrimaryKey	key;
	StringInfoData form;
	const char *schema;
	const char *name;

	if (table->rd_rel->relispartition)
		top = llast_oid(get_partition_ancestors(top));
	key = read_primary_key(top);
	if (key.n_columns == 0)
		return NULL;
	schema = get_namespace_name(get_rel_namespace(top));
	name = get_rel_name(top);
	initStringInfo(&form);
	put(&form, schema);
	put(&form, name);
	for (int i = 0; i < key.n_columns; i++)
		put_value(&form, table, row, key.columns[i]);
	source = palloc(sizeof(FpgoSource));
	source->table = psprintf("%s.%s", schema, name);
	digest(&form, source->digest);
	return source;
}
