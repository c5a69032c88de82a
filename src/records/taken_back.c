/*
 * taken_back.c
 *		Orders that a person took back.
 *
 * Part of the records (see submissions.c).  A person takes an order back by
 * cancelling its submission (decide.c), and the event says so.  fpgo cancels
 * submissions as well, whose callers are told; those have no event.
 *
 * An order cancelled for good is not handed in again, whatever came after.  One
 * cancelled otherwise is free for a call, and so for the trigger afterwards.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/day.h"
#include "base/fpgo.h"
#include "records/taken_back.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* how the reason of a hand-in that was refused for it begins */
#define REASON "Not handed in again: submission "

/* a hand-in that was refused has had no attempt, and does not count */
static FpgoStatement find_statement = {
	.sql = "WITH v AS (SELECT * FROM fpgo_internal.submission"
	"  WHERE id " EQ " $1"
	"  UNION ALL SELECT * FROM fpgo_internal.submission"
	"  WHERE first_version " EQ " $1)"
	" SELECT c.id, e.role,"
	"  pg_catalog.to_char(e.at, 'YYYY-MM-DD'), c.for_good IS TRUE,"
	"  EXISTS (SELECT FROM v r"
	"   WHERE r.attempts " EQ " 0 AND r.created_at " GT " e.at"
	"   AND pg_catalog.starts_with(r.error, '" REASON "' " CONCAT
	"    c.id::pg_catalog.text " CONCAT " ' '))"
	" FROM v c CROSS JOIN LATERAL"
	"  (SELECT n.role, n.at, n.what FROM fpgo_internal.event n"
	"   WHERE n.submission " EQ " c.id"
	"   ORDER BY n.id USING " GT " LIMIT 1) e"
	" WHERE c.state " EQ " 'cancelled' AND c.withdrawn IS NOT TRUE"
	" AND e.what " NE " 'cancelled to free'"
	" AND (c.for_good OR NOT EXISTS (SELECT FROM v l"
	"  WHERE l.version " GT " (CASE WHEN c.version IS NULL THEN 0"
	"   ELSE c.version END) AND l.withdrawn IS NOT TRUE"
	"  AND NOT (l.state " EQ " 'refused' AND l.attempts " EQ " 0)))"
	" ORDER BY c.id USING " GT " LIMIT 1",
	.n_parameters = 1,
	.types = {INT8OID},
	.sees_latest = true
};

/* Nearly every order was not: that costs little to see. */
static bool
may_be_taken_back(const FpgoVersions *versions)
{
	const FpgoVersion *newest = versions->newest;

	if (newest == NULL)
		return false;
	return versions->taken_back != NULL ||
		newest->submission.state == FPGO_STATE_CANCELLED ||
		(newest->submission.state == FPGO_STATE_REFUSED && !newest->was_sent);
}

/* The same of an order that was purged: a hand-in need not be refused again. */
static FpgoTakenBack *
of_trace(const FpgoVersion *trace)
{
	FpgoTakenBack *found;

	if (!trace->is_taken_back)
		return NULL;
	found = palloc(sizeof(FpgoTakenBack));
	found->id = trace->submission.id;
	found->role = "a person";
	found->day = fpgo_day_name(trace->submission.settled_at);
	found->for_good = trace->for_good;
	found->is_answered = true;
	return found;
}

FpgoTakenBack *
fpgo_taken_back_find(const FpgoVersions *versions)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoTakenBack *found = NULL;
	FpgoParameters p = {0};
	bool		is_null;

	if (!may_be_taken_back(versions))
		return NULL;
	if (versions->newest->is_trace)
		return of_trace(versions->newest);
	SPI_connect();
	fpgo_put_int64(&p, versions->order);
	if (fpgo_statement_run(&find_statement, &p) > 0)
	{
		found = MemoryContextAlloc(caller, sizeof(FpgoTakenBack));
		found->id = fpgo_get_int64(0, 1);
		found->role = fpgo_get_text(0, 2, caller);
		found->day = fpgo_get_text(0, 3, caller);
		found->for_good = DatumGetBool(fpgo_get_datum(0, 4, &is_null));
		found->is_answered = DatumGetBool(fpgo_get_datum(0, 5, &is_null));
	}
	SPI_finish();
	return found;
}

const char *
fpgo_taken_back_reason(const FpgoTakenBack *taken_back)
{
	return psprintf(REASON "%lld was taken back%s by %s on %s.",
					(long long) taken_back->id,
					taken_back->for_good ? " for good" : "",
					taken_back->role, taken_back->day);
}

void
fpgo_taken_back_require_none(const FpgoHandIn *handin,
							 const FpgoVersions *versions)
{
	FpgoTakenBack *taken_back = NULL;

	if (versions->taken_back != NULL)
		taken_back = fpgo_taken_back_find(versions);
	if (taken_back == NULL || !taken_back->for_good)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("order was taken back for good"),
			 errdetail("It was submission %lld of server \"%s\", which %s took back on %s.",
					   (long long) taken_back->id, handin->server,
					   taken_back->role, taken_back->day),
			 errhint("If it shall be invoiced after all: SELECT fpgo.hand_in_again(%lld, '...');",
					 (long long) taken_back->id),
			 fpgo_errhide()));
}
