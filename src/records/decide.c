/*
 * decide.c
 *		Changes of a submission's state that a person or evidence decides.
 *
 * Part of the records (see submissions.c).  These changes of state do
 * not follow from what was sent:
 *
 *		queued    -> cancelled
 *		uncertain -> accepted, refused, cancelled, queued
 *
 * Each statement names the state it starts from.  The same statement writes
 * the event that says who decided what and why: no change without a reason.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "account/account.h"
#include "records/decide.h"
#include "records/early.h"
#include "records/submissions.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* the outcome of a submission that is sending must not wait for a decision */
#define UNLESS_SENDING \
	" AND (s.state " NE " 'sending') IS NOT FALSE "

static FpgoStatement lock_statement = {
	.sql = "SELECT s.state::pg_catalog.text, s.role, s.server,"
	" EXISTS (SELECT FROM fpgo_internal.payload p"
	"  WHERE p.submission " EQ " s.id)"
	" FROM fpgo_internal.submission s"
	" WHERE s.id " EQ " $1" UNLESS_SENDING "FOR UPDATE OF s",
	.n_parameters = 1,
	.types = {INT8OID}
};

/* at any server: several servers may name one account of the gateway */
static FpgoStatement is_held_statement = {
	.sql = "SELECT FROM fpgo_internal.submission"
	" WHERE order_uuid " EQ " $1"
	" AND id " NE " $2 LIMIT 1",
	.n_parameters = 2,
	.types = {TEXTOID, INT8OID}
};

#define IS_FINISHED "$2 " NE " 'queued'"

/* from: the state it starts from */
#define DECIDE(from) \
	"WITH decided AS (UPDATE fpgo_internal.submission" \
	"  SET state = $2::fpgo.submission_state, run = NULL, not_before = NULL," \
	"   order_uuid = $3, customer_uuid = $4, bank_id_url = $5," \
	"   error = CASE WHEN $2 " NE " 'accepted' THEN error END," \
	"   settled_at = CASE WHEN " IS_FINISHED " THEN" \
	"    pg_catalog.clock_timestamp() END" \
	"  WHERE id " EQ " $1" \
	"  AND state " EQ " '" from "' RETURNING id)," \
	" gone AS (DELETE FROM fpgo_internal.payload p USING decided" \
	"  WHERE p.submission " EQ " decided.id" \
	"  AND $8 " EQ " 0 AND " IS_FINISHED ")," \
	" kept AS (UPDATE fpgo_internal.payload p SET keep_until =" \
	"   pg_catalog.clock_timestamp() " PLUS \
	"   pg_catalog.make_interval(secs => $8) FROM decided" \
	"  WHERE p.submission " EQ " decided.id" \
	"  AND $8 " GT " 0 AND " IS_FINISHED ")" \
	" INSERT INTO fpgo_internal.event (submission, role, what, reason)" \
	" SELECT id, $6, '" from " to ' " CONCAT " $2, $7 FROM decided"

#define DECIDE_TYPES \
	INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID

static FpgoStatement resolve_statement = {
	.sql = DECIDE("uncertain"),
	.n_parameters = 8,
	.types = {DECIDE_TYPES}
};

static FpgoStatement cancel_statement = {
	.sql = DECIDE("queued"),
	.n_parameters = 8,
	.types = {DECIDE_TYPES}
};

FpgoSubject *
fpgo_decide_lock(int64 id)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoSubject *subject = palloc0(sizeof(FpgoSubject));
	FpgoParameters p = {0};
	bool		is_null;

	subject->id = id;
	SPI_connect();
	fpgo_put_int64(&p, id);
	if (fpgo_statement_run(&lock_statement, &p) == 0)
	{
		const FpgoSubmission *sending = fpgo_submission_find(id);

		if (sending == NULL)
			fpgo_submission_raise_missing(id);
		subject->state = fpgo_state_name(sending->state);
		subject->role = MemoryContextStrdup(caller, sending->role);
		SPI_finish();
		return subject;
	}
	subject->state = fpgo_get_text(0, 1, caller);
	subject->role = fpgo_get_text(0, 2, caller);
	subject->server = fpgo_get_text(0, 3, caller);
	subject->has_payload = DatumGetBool(fpgo_get_datum(0, 4, &is_null));
	SPI_finish();
	return subject;
}

static void
decide(FpgoStatement *statement, const FpgoSubject *subject,
	   const FpgoDecision *decision)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, subject->id);
	fpgo_put_text(&p, decision->state);
	fpgo_put_text(&p, decision->order_uuid);
	fpgo_put_text(&p, decision->customer_uuid);
	fpgo_put_text(&p, decision->bank_id_url);
	fpgo_put_text(&p, GetUserNameFromId(GetUserId(), false));
	fpgo_put_text(&p, decision->reason);
	fpgo_put_datum(&p, Float8GetDatum(fpgo_account_retention(subject->server)),
				   false);
	if (fpgo_statement_run(statement, &p) != 1)
		elog(ERROR, "submission %lld was changed while it was locked",
			 (long long) subject->id);
	if (decision->order_uuid != NULL)
		fpgo_early_look_at_commit(subject->server, decision->order_uuid, true);
	SPI_finish();
}

bool
fpgo_decide_is_held(const char *order_uuid, int64 id)
{
	FpgoParameters p = {0};
	bool		is_held;

	SPI_connect();
	fpgo_put_text(&p, order_uuid);
	fpgo_put_int64(&p, id);
	is_held = fpgo_statement_run(&is_held_statement, &p) > 0;
	SPI_finish();
	return is_held;
}

void
fpgo_decide_uncertain(const FpgoSubject *subject, const FpgoDecision *decision)
{
	decide(&resolve_statement, subject, decision);
}

void
fpgo_decide_queued(const FpgoSubject *subject, const FpgoDecision *decision)
{
	decide(&cancel_statement, subject, decision);
}
