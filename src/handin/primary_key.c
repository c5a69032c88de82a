/*
 * primary_key.c
 *		The primary key of a table whose rows orders are made of.
 *
 * Whether a row with a key exists is asked by a query, as ri_triggers.c does:
 * as the table's owner, and past row security even where that is forced.  The
 * query names its operators with their schemas.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_index.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "handin/primary_key.h"

/* ---------- what it is ---------- */

/* Note the columns of an index, if it is the one of the primary key. */
static void
read_index(FpgoPrimaryKey *key, Oid index, Relation table)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	const FormData_pg_index *form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_index) GETSTRUCT(tuple);
	for (int i = 0; form->indisprimary && i < form->indnkeyatts; i++)
	{
		int			n = key->n_columns++;

		key->columns[n] = get_attname(key->top, form->indkey.values[i], false);
		key->numbers[n] = get_attnum(RelationGetRelid(table), key->columns[n]);
		key->types[n] = get_atttype(key->top, form->indkey.values[i]);
	}
	ReleaseSysCache(tuple);
}

static void
free_lookup(void *arg)
{
	FpgoPrimaryKey *key = arg;

	if (key->lookup != NULL)
		SPI_freeplan(key->lookup);
}

FpgoPrimaryKey *
fpgo_primary_key_read(Relation table)
{
	FpgoPrimaryKey *key = palloc0(sizeof(FpgoPrimaryKey));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));
	Relation	top;
	ListCell   *cell;

	key->top = RelationGetRelid(table);
	if (RelationGetForm(table)->relispartition)
		key->top = llast_oid(get_partition_ancestors(key->top));
	top = table_open(key->top, AccessShareLock);
	foreach(cell, RelationGetIndexList(top))
		read_index(key, lfirst_oid(cell), table);
	table_close(top, NoLock);
	*callback = (MemoryContextCallback) {.func = free_lookup,.arg = key};
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return key;
}

Datum
fpgo_primary_key_value(const FpgoPrimaryKey *key, int column, Relation table,
					   HeapTuple row)
{
	bool		is_null;
	Datum		value = heap_getattr(row, key->numbers[column],
									 RelationGetDescr(table), &is_null);

	if (is_null)
		elog(ERROR, "column \"%s\" of a primary key is null",
			 key->columns[column]);
	return value;
}

bool
fpgo_primary_key_differs(const FpgoPrimaryKey *key, Relation table,
						 HeapTuple row, HeapTuple other)
{
	for (int i = 0; i < key->n_columns; i++)
	{
		int16		typlen;
		bool		typbyval;

		get_typlenbyval(key->types[i], &typlen, &typbyval);
		if (!datum_image_eq(fpgo_primary_key_value(key, i, table, row),
							fpgo_primary_key_value(key, i, table, other),
							typbyval, typlen))
			return true;
	}
	return false;
}

/* ---------- is there a row? ---------- */

/* Prepare the query, as the current user. */
static void
prepare_lookup(FpgoPrimaryKey *key, Relation top)
{
	StringInfoData sql;

	initStringInfo(&sql);
	/* rows of tables that inherit from this one are not its own */
	appendStringInfo(&sql, "SELECT FROM %s%s x WHERE ",
					 RelationGetForm(top)->relkind == RELKIND_PARTITIONED_TABLE ?
					 "" : "ONLY ",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(top)),
												RelationGetRelationName(top)));
	for (int i = 0; i < key->n_columns; i++)
	{
		Oid			equal = lookup_type_cache(key->types[i],
											  TYPECACHE_EQ_OPR)->eq_opr;

		if (!OidIsValid(equal))
			elog(ERROR, "type %u of a primary key has no equality",
				 key->types[i]);
		if (i > 0)
			appendStringInfoString(&sql, " AND ");
		generate_operator_clause(&sql,
								 psprintf("x.%s",
										  quote_identifier(key->columns[i])),
								 key->types[i], equal,
								 psprintf("$%d", i + 1), key->types[i]);
	}
	appendStringInfoString(&sql, " LIMIT 1");
	key->lookup = SPI_prepare(sql.data, key->n_columns, key->types);
	if (key->lookup == NULL || SPI_keepplan(key->lookup) != 0)
		elog(ERROR, "could not prepare the query for a primary key");
}

bool
fpgo_primary_key_exists(FpgoPrimaryKey *key, Relation table, HeapTuple row)
{
	Relation	top = table_open(key->top, AccessShareLock);
	Datum		values[INDEX_MAX_KEYS];
	Oid			user;
	int			context;
	bool		exists;

	for (int i = 0; i < key->n_columns; i++)
		values[i] = fpgo_primary_key_value(key, i, table, row);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(RelationGetForm(top)->relowner, context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
	SPI_connect();
	if (key->lookup == NULL)
		prepare_lookup(key, top);
	/* a new snapshot, which shows what the transaction did last */
	if (SPI_execute_plan(key->lookup, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a primary key");
	exists = SPI_processed > 0;
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	table_close(top, NoLock);
	return exists;
}
