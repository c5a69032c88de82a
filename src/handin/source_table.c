/*
 * source_table.c
 *		The name that a table had when rows of it were first handed in.
 *
 * Sources of rows are made of their table's name, so that they are the same in
 * a copy of the database.  A table that was renamed keeps the name it had
 * first: its oid is on record under a name that no table has now.  If another
 * table has that name now, that one has the sources, and this table has those of
 * its own name.
 *
 * An oid says something in the database alone that gave it.  After a restore it
 * may be another table's.  So the system and the database are recorded with it.
 * What another database recorded counts by the table's name, which is recorded
 * beside the first one.
 *
 * Rows are only inserted, and nothing is unique: two sessions that record a
 * table at once do not wait for each other, and record the same.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"

#include "base/extension_version.h"
#include "handin/source_table.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* A name of a table, as it is kept. */
typedef struct TableName
{
	NameData	schema;
	NameData	name;
} TableName;

/* A table that this process knows to be on record under its present name. */
typedef struct Known
{
	Oid			table;
	TableName	now;
	TableName	first;
	TransactionId recorder;		/* this transaction recorded it; invalid: one
								 * that has committed */
} Known;

static FpgoStatement by_oid_statement = {
	.sql = "SELECT first_schema, first_name, schema, name, xmin"
	" FROM fpgo_internal.source_table"
	" WHERE relation " EQ " $1 AND system_identifier " EQ " $2"
	" AND database " EQ " $3",
	.n_parameters = 3,
	.types = {OIDOID, INT8OID, OIDOID},
	.sees_latest = true
};

/* tables of other databases, and those that this one has no more */
static FpgoStatement by_name_statement = {
	.sql = "SELECT t.first_schema, t.first_name"
	" FROM fpgo_internal.source_table t"
	" WHERE t.name " BYTEWISE EQ " $1 AND t.schema " BYTEWISE EQ " $2"
	" AND (t.first_name " BYTEWISE NE " t.name"
	"  OR t.first_schema " BYTEWISE NE " t.schema)"
	" AND NOT (t.system_identifier " EQ " $3 AND t.database " EQ " $4"
	"  AND EXISTS (SELECT FROM pg_catalog.pg_class c"
	"   WHERE c.oid " EQ " t.relation))",
	.n_parameters = 4,
	.types = {TEXTOID, TEXTOID, INT8OID, OIDOID},
	.sees_latest = true
};

static FpgoStatement record_statement = {
	.sql = "INSERT INTO fpgo_internal.source_table (relation,"
	" system_identifier, database, schema, name, first_schema, first_name)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7)",
	.n_parameters = 7,
	.types = {OIDOID, INT8OID, OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}
};

static HTAB *known_tables = NULL;

/* ---------- names ---------- */

static TableName
make_name(const char *schema, const char *name)
{
	TableName	made;

	namestrcpy(&made.schema, schema);
	namestrcpy(&made.name, name);
	return made;
}

static bool
is_same(const TableName *a, const TableName *b)
{
	return strcmp(NameStr(a->schema), NameStr(b->schema)) == 0 &&
		strcmp(NameStr(a->name), NameStr(b->name)) == 0;
}

/* Has a table this name now? */
static bool
is_in_use(const TableName *name)
{
	Oid			schema = get_namespace_oid(NameStr(name->schema), true);

	return OidIsValid(schema) &&
		OidIsValid(get_relname_relid(NameStr(name->name), schema));
}

static TableName
read_name(int row, int column)
{
	return make_name(fpgo_get_text(row, column, CurrentMemoryContext),
					 fpgo_get_text(row, column + 1, CurrentMemoryContext));
}

/* ---------- the record ---------- */

static void
put_database(FpgoParameters *p)
{
	fpgo_put_int64(p, (int64) GetSystemIdentifier());
	fpgo_put_datum(p, ObjectIdGetDatum(MyDatabaseId), false);
}

static bool
is_own(int row)
{
	bool		is_null;
	Datum		xmin = fpgo_get_datum(row, 5, &is_null);

	return TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
}

/* Look the table up by its oid; false if its present name is not on record. */
static bool
find_by_oid(Known *known)
{
	FpgoParameters p = {0};
	int			n_rows;
	bool		is_recorded = false;

	fpgo_put_datum(&p, ObjectIdGetDatum(known->table), false);
	put_database(&p);
	n_rows = fpgo_statement_run(&by_oid_statement, &p);
	for (int i = 0; i < n_rows; i++)
	{
		TableName	name = read_name(i, 3);

		known->first = read_name(i, 1);
		if (!is_same(&name, &known->now))
			continue;
		known->recorder = is_own(i) ? GetTopTransactionIdIfAny() :
			InvalidTransactionId;
		is_recorded = true;
		break;
	}
	return is_recorded;
}

/* Look it up by its name, if its oid is not on record. */
static void
find_by_name(Known *known)
{
	FpgoParameters p = {0};

	if (NameStr(known->first.name)[0] != '\0')
		return;
	known->first = known->now;
	fpgo_put_text(&p, NameStr(known->now.name));
	fpgo_put_text(&p, NameStr(known->now.schema));
	put_database(&p);
	if (fpgo_statement_run(&by_name_statement, &p) > 0)
	{
		TableName	first = read_name(0, 1);

		if (!is_in_use(&first))
			known->first = first;
	}
}

static void
record(Known *known)
{
	FpgoParameters p = {0};

	fpgo_put_datum(&p, ObjectIdGetDatum(known->table), false);
	put_database(&p);
	fpgo_put_text(&p, NameStr(known->now.schema));
	fpgo_put_text(&p, NameStr(known->now.name));
	fpgo_put_text(&p, NameStr(known->first.schema));
	fpgo_put_text(&p, NameStr(known->first.name));
	fpgo_statement_run(&record_statement, &p);
	known->recorder = GetTopTransactionIdIfAny();
}

/* ---------- what the process knows ---------- */

static Known *
find_known(Oid table)
{
	if (known_tables == NULL)
	{
		HASHCTL		form = {.keysize = sizeof(Oid),
		.entrysize = sizeof(Known)};

		known_tables = hash_create("fpgo: tables of sources", 16, &form,
								   HASH_ELEM | HASH_BLOBS);
	}
	return hash_search(known_tables, &table, HASH_FIND, NULL);
}

static bool
is_valid(const Known *known, const TableName *now)
{
	return known != NULL && is_same(&known->now, now) &&
		(!TransactionIdIsValid(known->recorder) ||
		 TransactionIdEquals(known->recorder, GetTopTransactionIdIfAny()));
}

static Known
look_up(Oid table, const TableName *now)
{
	Known		known = {.table = table,.now = *now};
	Known	   *entry;

	SPI_connect();
	if (!find_by_oid(&known))
	{
		find_by_name(&known);
		record(&known);
	}
	SPI_finish();
	entry = hash_search(known_tables, &table, HASH_ENTER, NULL);
	*entry = known;
	return known;
}

FpgoTableName
fpgo_source_table_name(Oid table)
{
	FpgoTableName name = {get_namespace_name(get_rel_namespace(table)),
	get_rel_name(table)};
	TableName	now = make_name(name.schema, name.name);
	const Known *entry;
	Known		known;

	/* the objects of 1.0 have no such record; a temporary table is no source */
	if (get_rel_persistence(table) == RELPERSISTENCE_TEMP ||
		!fpgo_extension_is_current())
		return name;
	entry = find_known(table);
	known = is_valid(entry, &now) ? *entry : look_up(table, &now);
	if (is_same(&known.first, &now) || is_in_use(&known.first))
		return name;
	return (FpgoTableName) {pstrdup(NameStr(known.first.schema)),
		pstrdup(NameStr(known.first.name))};
}
