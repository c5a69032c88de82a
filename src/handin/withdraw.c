/*
 * withdraw.c
 *		Orders of rows that are gone, or have no order any more.
 *
 * Most such rows have no unfinished submission: rows that are not ordered yet,
 * and those of old orders that a shop deletes.  Then neither a right nor a server
 * is asked for.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "handin/enqueue.h"
#include "handin/withdraw.h"
#include "records/versions.h"
#include "tables/operators.h"
#include "tables/statement.h"

static FpgoStatement of_row_statement = {
	.sql = "SELECT id FROM fpgo_internal.submission"
	" WHERE source " EQ " $1"
	" AND state " EQ " ANY ('{queued,sending,uncertain}') LIMIT 1",
	.n_parameters = 1,
	.types = {BYTEAOID},
	.sees_latest = true
};

static FpgoStatement any_of_row_statement = {
	.sql = "SELECT id FROM fpgo_internal.submission"
	" WHERE source " EQ " $1 LIMIT 1",
	.n_parameters = 1,
	.types = {BYTEAOID},
	.sees_latest = true
};

static FpgoStatement of_table_statement = {
	.sql = "SELECT DISTINCT source FROM fpgo_internal.submission"
	" WHERE source_table " EQ " $1 AND source IS NOT NULL"
	" AND state " EQ " ANY ('{queued,sending,uncertain}')",
	.n_parameters = 1,
	.types = {TEXTOID},
	.sees_latest = true
};

/* Does a statement find a submission of a row? */
static bool
finds(FpgoStatement *statement, const FpgoSource *source)
{
	FpgoParameters p = {0};
	bool		is_found;

	if (source == NULL)
		return false;
	SPI_connect();
	fpgo_put_bytes(&p, source->digest, FPGO_HASH_BYTES);
	is_found = fpgo_statement_run(statement, &p) > 0;
	SPI_finish();
	return is_found;
}

void
fpgo_withdraw_row(const char *server_name, const FpgoGiven *given,
				  const char *why)
{
	/* the SQL objects of 1.0 know no sources */
	if (fpgo_versions_are_known() &&
		(finds(&of_row_statement, given->source) ||
		 finds(&any_of_row_statement, given->former_source)))
		fpgo_enqueue_withdraw(server_name, given, why);
}

/* The sources of a table's rows that have unfinished submissions. */
static FpgoSource *
find_sources(const char *table, int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoParameters p = {0};
	FpgoSource *sources;

	SPI_connect();
	fpgo_put_text(&p, table);
	*n = fpgo_statement_run(&of_table_statement, &p);
	sources = MemoryContextAllocZero(caller, sizeof(FpgoSource) * (*n + 1));
	for (int i = 0; i < *n; i++)
	{
		bool		is_null;
		const bytea *digest = DatumGetByteaPP(fpgo_get_datum(i, 1, &is_null));

		sources[i].table = table;
		memcpy(sources[i].digest, VARDATA_ANY(digest),
			   Min(VARSIZE_ANY_EXHDR(digest), FPGO_HASH_BYTES));
	}
	SPI_finish();
	return sources;
}

void
fpgo_withdraw_table(const char *server_name, const char *table,
					const char *why)
{
	FpgoSource *sources;
	int			n;

	if (!fpgo_versions_are_known())
		return;
	sources = find_sources(table, &n);
	for (int i = 0; i < n; i++)
	{
		const FpgoGiven given = {.source = &sources[i]};

		fpgo_enqueue_withdraw(server_name, &given, why);
	}
}
