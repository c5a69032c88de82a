/*
 * taken_back.c
 *		Orders that a person took back.
 *
 * Part of the records (see submissions.c).  A person takes an order back by
 * cancelling its submission (decide.c), and the event says so.  fpgo cancels
 * submissions as well, whose callers are told; those have no event.
 *
 * A submission cancelled for good holds its key: it stays in the unique index,
 * so that no hand-in slips through while it is being cancelled.  One cancelled
 * otherwise holds nothing.  It is asked for when the order is handed in again
 * and has been recorded: then no other transaction can change the answer.
 *
 * The column for_good is younger than 1.0.  Statements that name it are run
 * only where it exists.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "base/fpgo.h"
#include "records/taken_back.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* how the reason of a hand-in that was refused for it begins */
#define REASON "Not handed in again: submission "

#define OF_KEY "server " BYTEWISE EQ " $1 AND key " BYTEWISE EQ " $2"

/* what has given its key back, by an index of its own */
#define GIVEN_BACK "state " EQ " ANY ('{refused,cancelled}')"

/* nearly every key has none, which costs little to see */
static FpgoStatement any_statement = {
	.sql = "SELECT id FROM fpgo_internal.submission"
	" WHERE " OF_KEY " AND " GIVEN_BACK " LIMIT 1",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

/* a hand-in that was refused has had no attempt, and does not count */
static FpgoStatement find_statement = {
	.sql = "SELECT c.id, e.role,"
	"  pg_catalog.to_char(e.at, 'YYYY-MM-DD'), c.for_good IS TRUE,"
	"  EXISTS (SELECT FROM fpgo_internal.submission r"
	"   WHERE r." OF_KEY " AND r." GIVEN_BACK
	"   AND r.attempts " EQ " 0 AND r.created_at " GT " e.at"
	"   AND pg_catalog.starts_with(r.error, '" REASON "' " CONCAT
	"    c.id::pg_catalog.text " CONCAT " ' '))"
	" FROM fpgo_internal.submission c CROSS JOIN LATERAL"
	"  (SELECT v.role, v.at, v.what FROM fpgo_internal.event v"
	"   WHERE v.submission " EQ " c.id"
	"   ORDER BY v.id USING " GT " LIMIT 1) e"
	" WHERE c." OF_KEY " AND c." GIVEN_BACK
	" AND c.state " EQ " 'cancelled'"
	" AND e.what " NE " 'cancelled to free'"
	" AND (c.for_good OR NOT EXISTS"
	"  (SELECT FROM fpgo_internal.submission l"
	"   WHERE l." OF_KEY " AND l." GIVEN_BACK
	"   AND l.id " GT " c.id AND l.id " NE " $3"
	"   AND (l.state " EQ " 'cancelled' OR l.attempts " GT " 0)))"
	" ORDER BY c.id USING " GT " LIMIT 1",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, INT8OID}
};

static FpgoStatement holder_statement = {
	.sql = "SELECT FROM fpgo_internal.submission"
	" WHERE " OF_KEY
	" AND state " NE " ALL ('{refused,cancelled}')"
	" AND id " NE " $3 LIMIT 1",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, INT8OID}
};

bool
fpgo_taken_back_is_known(void)
{
	return get_attnum(fpgo_table_oid("submission"), "for_good") !=
		InvalidAttrNumber;
}

static void
put_key(FpgoParameters *p, const FpgoHandIn *handin)
{
	p->n = 0;
	fpgo_put_text(p, handin->account);
	fpgo_put_text(p, handin->key);
}

/*
 * The key was free for "own", so what still holds it by this snapshot has ended
 * since.  The snapshot does not show how.
 */
static void
require_fresh_snapshot(const FpgoHandIn *handin, int64 own)
{
	FpgoParameters p;

	if (own == 0 || !IsolationUsesXactSnapshot())
		return;
	put_key(&p, handin);
	fpgo_put_int64(&p, own);
	if (fpgo_statement_run(&holder_statement, &p) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access: the key of the order was released concurrently"),
				 errhint("Nothing was queued; try again."),
				 fpgo_errhide()));
}

FpgoTakenBack *
fpgo_taken_back_find(const FpgoHandIn *handin, int64 own)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoTakenBack *found = NULL;
	FpgoParameters p;
	bool		is_null;

	if (!fpgo_taken_back_is_known())
		return NULL;
	SPI_connect();
	require_fresh_snapshot(handin, own);
	put_key(&p, handin);
	if (fpgo_statement_run(&any_statement, &p) > 0)
	{
		put_key(&p, handin);
		fpgo_put_int64(&p, own);
		if (fpgo_statement_run(&find_statement, &p) > 0)
		{
			found = MemoryContextAlloc(caller, sizeof(FpgoTakenBack));
			found->id = fpgo_get_int64(0, 1);
			found->role = fpgo_get_text(0, 2, caller);
			found->day = fpgo_get_text(0, 3, caller);
			found->for_good = DatumGetBool(fpgo_get_datum(0, 4, &is_null));
			found->is_answered = DatumGetBool(fpgo_get_datum(0, 5, &is_null));
		}
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
fpgo_taken_back_require_none(const FpgoHandIn *handin)
{
	FpgoTakenBack *taken_back = fpgo_taken_back_find(handin, 0);

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
