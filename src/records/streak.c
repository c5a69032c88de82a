/*
 * streak.c
 *		Answers in a row that led nowhere, on record for all processes.
 *
 * Part of the records (see submissions.c).  The table has a row for each user
 * mapping of which an order was refused, or got an answer that is none.  Nothing is
 * written while orders are accepted one after the other.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "records/hold_news.h"
#include "records/streak.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* answers that are further apart are not "in a row" */
#define LASTS "interval '1 hour'"

/* a later time was recorded before the clock was set back, and says nothing */
#define COLUMNS \
	"SELECT server, mapping, is_token, status, orders, refused," \
	" last_refused, accepted_at," \
	" changed_at " GT " (pg_catalog.clock_timestamp() " MINUS " " LASTS ")" \
	" AND changed_at " LE " pg_catalog.clock_timestamp()" \
	" FROM fpgo_internal.streak"

static FpgoStatement read_all_statement = {
	.sql = COLUMNS,
	.n_parameters = 0,
	.only_of = "streak"
};

static FpgoStatement read_statement = {
	.sql = COLUMNS " WHERE server " EQ " $1 AND mapping " EQ " $2",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

static FpgoStatement write_statement = {
	.sql = "INSERT INTO fpgo_internal.streak (server, mapping, is_token,"
	" status, orders, refused, last_refused, accepted_at, changed_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, pg_catalog.clock_timestamp())"
	" ON CONFLICT (server, mapping) DO UPDATE SET"
	" is_token = EXCLUDED.is_token, status = EXCLUDED.status,"
	" orders = EXCLUDED.orders, refused = EXCLUDED.refused,"
	" last_refused = EXCLUDED.last_refused,"
	" accepted_at = EXCLUDED.accepted_at, changed_at = EXCLUDED.changed_at",
	.n_parameters = 8,
	.types = {TEXTOID, TEXTOID, BOOLOID, INT4OID, INT8ARRAYOID, INT4OID,
	INT8OID, TIMESTAMPTZOID}
};

static FpgoStatement forget_statement = {
	.sql = "UPDATE fpgo_internal.streak SET orders = '{}', refused = 0,"
	" changed_at = pg_catalog.clock_timestamp()"
	" WHERE server " EQ " $1 AND mapping " EQ " $2",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

static void
read_orders(FpgoStreak *streak, ArrayType *array)
{
	Datum	   *orders;
	int			n;

	deconstruct_array(array, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &orders, NULL, &n);
	for (int i = 0; i < n && i < FPGO_STREAK_MAX; i++)
		streak->orders[streak->n++] = DatumGetInt64(orders[i]);
}

static void
read_record(FpgoStreakRecord *record, int row, MemoryContext context)
{
	FpgoStreak *streak = &record->streak;
	bool		is_null;
	Datum		value;

	record->account = fpgo_get_text(row, 1, context);
	record->mapping = fpgo_get_text(row, 2, context);
	value = fpgo_get_datum(row, 8, &is_null);
	record->accepted_at = is_null ? 0 : DatumGetTimestampTz(value);
	if (!DatumGetBool(fpgo_get_datum(row, 9, &is_null)))
		return;
	streak->lesson = DatumGetBool(fpgo_get_datum(row, 3, &is_null)) ?
		FPGO_LESSON_TOKEN : FPGO_LESSON_NOT_API;
	streak->status = DatumGetInt32(fpgo_get_datum(row, 4, &is_null));
	read_orders(streak,
				DatumGetArrayTypeP(fpgo_get_datum(row, 5, &is_null)));
	streak->n_refused = DatumGetInt32(fpgo_get_datum(row, 6, &is_null));
	streak->last_refused = fpgo_get_int64(row, 7);
}

List *
fpgo_streak_read_all(void)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoParameters p = {0};
	List	   *records = NIL;
	int			n;

	SPI_connect();
	n = fpgo_statement_run(&read_all_statement, &p);
	for (int i = 0; i < n; i++)
	{
		FpgoStreakRecord *record = MemoryContextAllocZero(caller,
														  sizeof(*record));
		MemoryContext old;

		read_record(record, i, caller);
		old = MemoryContextSwitchTo(caller);
		records = lappend(records, record);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return records;
}

FpgoStreakRecord
fpgo_streak_read(const char *account, const char *mapping)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoStreakRecord record = {.account = account,.mapping = mapping};
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_text(&p, account);
	fpgo_put_text(&p, mapping);
	if (fpgo_statement_run(&read_statement, &p) > 0)
		read_record(&record, 0, caller);
	SPI_finish();
	return record;
}

void
fpgo_streak_write(const FpgoStreakRecord *record)
{
	const FpgoStreak *streak = &record->streak;
	Datum		orders[FPGO_STREAK_MAX];
	FpgoParameters p = {0};

	for (int i = 0; i < streak->n; i++)
		orders[i] = Int64GetDatum(streak->orders[i]);
	SPI_connect();
	fpgo_put_text(&p, record->account);
	fpgo_put_text(&p, record->mapping);
	fpgo_put_datum(&p, BoolGetDatum(streak->lesson == FPGO_LESSON_TOKEN),
				   false);
	fpgo_put_int(&p, streak->status);
	fpgo_put_datum(&p, PointerGetDatum(construct_array(orders, streak->n,
													   INT8OID, 8,
													   FLOAT8PASSBYVAL,
													   TYPALIGN_DOUBLE)),
				   false);
	fpgo_put_int(&p, streak->n_refused);
	fpgo_put_int64(&p, streak->last_refused);
	fpgo_put_datum(&p, TimestampTzGetDatum(record->accepted_at),
				   record->accepted_at == 0);
	fpgo_statement_run(&write_statement, &p);
	SPI_finish();
	fpgo_hold_news_tell();
}

void
fpgo_streak_forget(const char *account, const char *mapping)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_text(&p, account);
	fpgo_put_text(&p, mapping);
	if (fpgo_statement_run(&forget_statement, &p) > 0)
		fpgo_hold_news_tell();
	SPI_finish();
}
