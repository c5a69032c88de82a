/*
 * hold.c
 *		Holds: orders that are not sent for now, on record.
 *
 * Part of the records (see submissions.c).  The table has a row for each hold,
 * a few at most.  Processes read all of it, and read it again when they hear of
 * a change: an invalidation goes out with the commit that changes a row.  Thus nothing is read while nothing is held.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "records/hold.h"
#include "records/hold_news.h"
#include "records/locks.h"
#include "records/streak.h"
#include "records/trouble.h"
#include "tables/operators.h"
#include "tables/statement.h"

static FpgoStatement read_statement = {
	.sql = "SELECT id, server, mapping, role, kind, because, until, step,"
	" pause, answers, asked, tries_highest, canary, digest, since"
	" FROM fpgo_internal.hold ORDER BY id",
	.only_of = "hold"
};

static FpgoStatement insert_statement = {
	.sql = "INSERT INTO fpgo_internal.hold (server, mapping, role, kind,"
	" because, until, step, pause, answers, asked, tries_highest, canary,"
	" digest)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
	.n_parameters = 13,
	.types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID,
	INT4OID, INT4OID, INT4OID, INT4OID, BOOLOID, INT8OID, BYTEAOID}
};

static FpgoStatement update_statement = {
	.sql = "UPDATE fpgo_internal.hold SET kind = $2, because = $3, until = $4,"
	" step = $5, pause = $6, answers = $7, asked = $8, tries_highest = $9,"
	" canary = $10, digest = $11 WHERE id " EQ " $1",
	.n_parameters = 11,
	.types = {INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID, INT4OID,
	INT4OID, INT4OID, BOOLOID, INT8OID, BYTEAOID}
};

static FpgoStatement delete_statement = {
	.sql = "DELETE FROM fpgo_internal.hold WHERE id " EQ " $1",
	.n_parameters = 1,
	.types = {INT8OID}
};

static FpgoStatement event_statement = {
	.sql = "INSERT INTO fpgo_internal.event (role, what, reason, server)"
	" VALUES ($1, $2, $3, $4)",
	.n_parameters = 4,
	.types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID}
};

/* the index of submissions has the database's collation */
#define AS_SUBMITTED "COLLATE pg_catalog.\"default\" "

/* an index look-up for each hold */
static FpgoStatement tidy_statement = {
	.sql = "DELETE FROM fpgo_internal.hold h"
	" WHERE (h.kind " EQ " 'rights' AND NOT EXISTS"
	"  (SELECT FROM fpgo_internal.submission s WHERE s.state " EQ " 'queued'"
	"   AND s.server " EQ " h.server " AS_SUBMITTED
	"   AND s.role " EQ " h.role " AS_SUBMITTED "))"
	" OR h.until " LT " (pg_catalog.clock_timestamp() " MINUS
	"  '1 day'::pg_catalog.interval)",
	.n_parameters = 0
};

static FpgoHoldKind
kind_of(const char *name)
{
	for (FpgoHoldKind kind = FPGO_HOLD_UNREACHED; kind < FPGO_HOLD_RIGHTS;
		 kind++)
	{
		if (strcmp(name, fpgo_hold_kind_name(kind)) == 0)
			return kind;
	}
	return FPGO_HOLD_RIGHTS;
}

static int
get_int(int row, int column)
{
	bool		is_null;

	return DatumGetInt32(fpgo_get_datum(row, column, &is_null));
}

static FpgoHold *
read_hold(int row, MemoryContext context)
{
	FpgoHold   *hold = MemoryContextAllocZero(context, sizeof(FpgoHold));
	Datum		datum;
	bool		is_null;

	hold->id = fpgo_get_int64(row, 1);
	hold->account = fpgo_get_text(row, 2, context);
	hold->mapping = fpgo_get_text(row, 3, context);
	hold->role = fpgo_get_text(row, 4, context);
	hold->state.kind = kind_of(fpgo_get_text(row, 5, context));
	hold->because = fpgo_get_text(row, 6, context);
	datum = fpgo_get_datum(row, 7, &is_null);
	hold->until = is_null ? 0 : DatumGetTimestampTz(datum);
	hold->state.step = get_int(row, 8);
	hold->state.pause_ms = get_int(row, 9);
	hold->state.answers = get_int(row, 10);
	hold->state.asked = get_int(row, 11);
	hold->state.tries_highest = DatumGetBool(fpgo_get_datum(row, 12,
															&is_null));
	hold->canary = fpgo_get_int64(row, 13);
	datum = fpgo_get_datum(row, 14, &is_null);
	if (!is_null)
	{
		bytea	   *bytes = DatumGetByteaPP(datum);

		memcpy(hold->digest, VARDATA_ANY(bytes),
			   Min(VARSIZE_ANY_EXHDR(bytes), FPGO_HASH_BYTES));
	}
	hold->since = DatumGetTimestampTz(fpgo_get_datum(row, 15, &is_null));
	return hold;
}

List *
fpgo_hold_read_all(void)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoParameters p = {0};
	List	   *holds = NIL;
	int			n;

	SPI_connect();
	n = fpgo_statement_run(&read_statement, &p);
	for (int i = 0; i < n; i++)
	{
		FpgoHold   *hold = read_hold(i, caller);
		MemoryContext old = MemoryContextSwitchTo(caller);

		holds = lappend(holds, hold);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return holds;
}

bool
fpgo_hold_try_lock(const char *account)
{
	return fpgo_lock_try_holds(account);
}

void
fpgo_hold_lock(const char *account)
{
	fpgo_lock_holds(account);
}

static void
put_state(FpgoParameters *p, const FpgoHold *hold)
{
	const FpgoHoldState *state = &hold->state;

	fpgo_put_text(p, fpgo_hold_kind_name(state->kind));
	fpgo_put_text(p, fpgo_submission_clip(hold->because));
	fpgo_put_datum(p, TimestampTzGetDatum(hold->until), hold->until == 0);
	fpgo_put_int(p, state->step);
	fpgo_put_int(p, state->pause_ms);
	fpgo_put_int(p, state->answers);
	fpgo_put_int(p, state->asked);
	fpgo_put_datum(p, BoolGetDatum(state->tries_highest), false);
	fpgo_put_datum(p, Int64GetDatum(hold->canary), hold->canary == 0);
	fpgo_put_bytes(p, hold->digest, sizeof(hold->digest));
}

void
fpgo_hold_write(const FpgoHold *hold)
{
	FpgoParameters p = {0};

	SPI_connect();
	if (hold->id != 0)
		fpgo_put_int64(&p, hold->id);
	else
	{
		fpgo_put_text(&p, hold->account);
		fpgo_put_text(&p, hold->mapping);
		fpgo_put_text(&p, hold->role);
	}
	put_state(&p, hold);
	fpgo_statement_run(hold->id != 0 ? &update_statement : &insert_statement,
					   &p);
	SPI_finish();
	if (hold->id == 0)
		fpgo_trouble_note(FPGO_TROUBLE_HELD, 0, hold->account, hold->because);
	fpgo_hold_news_tell();
}

void
fpgo_hold_delete(const FpgoHold *hold)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, hold->id);
	fpgo_statement_run(&delete_statement, &p);
	SPI_finish();
	if (hold->mapping != NULL)
		fpgo_streak_forget(hold->account, hold->mapping);
	fpgo_hold_news_tell();
}

void
fpgo_hold_release(const FpgoHold *hold, const char *role, const char *reason)
{
	FpgoParameters p = {0};

	fpgo_hold_delete(hold);
	SPI_connect();
	fpgo_put_text(&p, role);
	fpgo_put_text(&p, psprintf("hold %lld released: %s", (long long) hold->id,
							   hold->because));
	fpgo_put_text(&p, reason);
	fpgo_put_text(&p, hold->account);
	fpgo_statement_run(&event_statement, &p);
	SPI_finish();
}

void
fpgo_hold_tidy(void)
{
	FpgoParameters p = {0};
	uint64		n;

	SPI_connect();
	n = fpgo_statement_run(&tidy_statement, &p);
	SPI_finish();
	if (n > 0)
		fpgo_hold_news_tell();
}
