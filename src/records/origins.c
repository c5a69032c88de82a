/*
 * origins.c
 *		Which submissions were handed in to this database.
 *
 * Part of the records (see submissions.c).  A submission carries the number of
 * the origin that it was handed in to.  A process reads the table of origins, a
 * few rows, and reads it again when it hears of a change.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "origin/rule.h"
#include "records/origins.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* An origin on record. */
typedef struct Origin
{
	int64		number;
	FpgoOriginParts parts;
} Origin;

static List *origins = NIL;		/* Origin */
static Datum own = 0;			/* int8[] */
static MemoryContext context = NULL;
static bool is_stale = true;
static Oid	origin_table = InvalidOid;

static FpgoStatement read_statement = {
	.sql = "SELECT number, system_identifier, database, timeline, inode, born,"
	" site, records FROM fpgo_internal.origin",
	.n_parameters = 0
};

static FpgoStatement insert_statement = {
	.sql = "INSERT INTO fpgo_internal.origin (number, system_identifier,"
	" database, timeline, inode, born, site, records)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (number) DO NOTHING",
	.n_parameters = 8,
	.types = {INT8OID, INT8OID, OIDOID, INT8OID, INT8OID, INT8OID, TEXTOID, OIDOID}
};

static void
note_change(Datum arg, Oid table)
{
	if (table == InvalidOid || table == origin_table)
		is_stale = true;
}

const FpgoOriginParts *
fpgo_origin_parts(void)
{
	return fpgo_parts_here(fpgo_table_oid("submission"));
}

int64
fpgo_origin_here(void)
{
	static int64 number = 0;
	static Oid	records = InvalidOid;
	const FpgoOriginParts *parts = fpgo_origin_parts();

	/* a restore makes other tables while the process lives */
	if (parts->records != records)
		number = fpgo_parts_number(parts);
	records = parts->records;
	return number;
}

static Origin *
read_origin(int row)
{
	Origin	   *origin = palloc(sizeof(Origin));
	FpgoOriginParts *parts = &origin->parts;
	bool		is_null;

	origin->number = fpgo_get_int64(row, 1);
	parts->system_identifier = fpgo_get_int64(row, 2);
	parts->database = DatumGetObjectId(fpgo_get_datum(row, 3, &is_null));
	parts->timeline = fpgo_get_int64(row, 4);
	parts->inode = fpgo_get_int64(row, 5);
	parts->born = fpgo_get_int64(row, 6);
	parts->site = fpgo_get_text(row, 7, context);
	parts->records = DatumGetObjectId(fpgo_get_datum(row, 8, &is_null));
	return origin;
}

/* The numbers of those that are this database's. */
static Datum
list_own(void)
{
	Datum	   *numbers = palloc(sizeof(Datum) * (list_length(origins) + 1));
	int			n = 0;
	ListCell   *cell;

	numbers[n++] = Int64GetDatum(fpgo_origin_here());
	foreach(cell, origins)
	{
		const Origin *origin = lfirst(cell);

		if (origin->number != fpgo_origin_here() &&
			fpgo_parts_agree(fpgo_origin_parts(), &origin->parts))
			numbers[n++] = Int64GetDatum(origin->number);
	}
	return PointerGetDatum(construct_array(numbers, n, INT8OID, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Read the table again if it has changed. */
static void
look(void)
{
	FpgoParameters p = {0};
	MemoryContext old;
	int			n;

	if (!is_stale)
		return;
	if (context == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "fpgo origins",
										ALLOCSET_SMALL_SIZES);
		CacheRegisterRelcacheCallback(note_change, (Datum) 0);
	}
	(void) fpgo_origin_here();
	origin_table = fpgo_table_find("origin");
	is_stale = false;
	origins = NIL;
	MemoryContextReset(context);
	PG_TRY();
	{
		SPI_connect();
		n = fpgo_statement_run(&read_statement, &p);
		old = MemoryContextSwitchTo(context);
		for (int i = 0; i < n; i++)
			origins = lappend(origins, read_origin(i));
		own = list_own();
		MemoryContextSwitchTo(old);
		SPI_finish();
	}
	PG_CATCH();
	{
		origins = NIL;
		is_stale = true;
		PG_RE_THROW();
	}
	PG_END_TRY();
}

Datum
fpgo_origins_own(void)
{
	look();
	return own;
}

bool
fpgo_origins_have_others(void)
{
	ListCell   *cell;

	look();
	foreach(cell, origins)
	{
		const Origin *origin = lfirst(cell);

		if (origin->number != fpgo_origin_here() &&
			!fpgo_parts_agree(fpgo_origin_parts(), &origin->parts))
			return true;
	}
	return false;
}

const FpgoOriginParts *
fpgo_origin_find(int64 number)
{
	ListCell   *cell;

	look();
	foreach(cell, origins)
	{
		const Origin *origin = lfirst(cell);

		if (origin->number == number)
			return &origin->parts;
	}
	return NULL;
}

bool
fpgo_origin_is_own(int64 number)
{
	const FpgoOriginParts *parts;

	if (number == 0)
		return false;
	if (number == fpgo_origin_here())
		return true;
	parts = fpgo_origin_find(number);
	return parts != NULL && fpgo_parts_agree(fpgo_origin_parts(), parts);
}

void
fpgo_origin_record(void)
{
	const FpgoOriginParts *here = fpgo_origin_parts();
	FpgoParameters p = {0};

	if (fpgo_origin_find(fpgo_origin_here()) != NULL)
		return;
	SPI_connect();
	fpgo_put_int64(&p, fpgo_origin_here());
	fpgo_put_int64(&p, here->system_identifier);
	fpgo_put_datum(&p, ObjectIdGetDatum(here->database), false);
	fpgo_put_int64(&p, here->timeline);
	fpgo_put_int64(&p, here->inode);
	fpgo_put_int64(&p, here->born);
	fpgo_put_text(&p, here->site);
	fpgo_put_datum(&p, ObjectIdGetDatum(here->records), false);
	if (fpgo_statement_run(&insert_statement, &p) > 0)
		CacheInvalidateRelcacheByRelid(fpgo_table_find("origin"));
	SPI_finish();
}
