/*
 * decide.c
 *		Changes of a submission's state that a person or evidence decides.
 *
 * Part of the records (see submissions.c).  These changes of state do
 * not follow from what was sent:
 *
 *		queued    -> cancelled, accepted (where another database queued it)
 *		uncertain -> accepted, refused, cancelled, queued
 *		cancelled -> queued
 *
 * Each statement names the state it starts from.  The same statement writes
 * the event that says who decided what and why: no change without a reason.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"

#include "account/account.h"
#include "base/fpgo.h"
#include "records/decide.h"
#include "records/early.h"
#include "records/origins.h"
#include "records/submissions.h"
#include "records/versions.h"
#include "tables/operators.h"
#include "tables/statement.h"
#include "text/format.h"

/* longest reason, in characters */
#define MAX_REASON 2000

/* ---------- may they? ---------- */

bool
fpgo_decide_is_operator(void)
{
	const Oid	types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	List	   *name = list_make2(makeString("fpgo"), makeString("resolve"));
	Oid			resolve = LookupFuncName(name, lengthof(types), types, false);

	return fpgo_function_aclcheck(resolve, GetUserId(),
								  ACL_EXECUTE) == ACLCHECK_OK;
}

void
fpgo_decide_require_right(const FpgoSubject *subject)
{
	if (!fpgo_decide_is_operator())
		fpgo_submission_require_for(subject->id, subject->role);
}

void
fpgo_decide_require_state(const FpgoSubject *subject,
						  FpgoSubmissionState state, const char *hint)
{
	if (strcmp(subject->state, fpgo_state_name(state)) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("submission %lld is not %s", (long long) subject->id,
					fpgo_state_name(state)),
			 errdetail("It is %s.", subject->state),
			 errhint("%s", hint),
			 fpgo_errhide()));
}

const char *
fpgo_decide_require_reason(const char *reason)
{
	if (reason == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("reason must not be null"),
				 fpgo_errhide()));
	if (fpgo_trim_unicode((FpgoSpan) {reason, strlen(reason)}).len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must not be blank"),
				 errhint("The reason is recorded with the decision."),
				 fpgo_errhide()));
	if (pg_mbstrlen(reason) > MAX_REASON)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason is too long"),
				 errdetail("It has %d characters; the limit is %d.",
						   pg_mbstrlen(reason), MAX_REASON),
				 fpgo_errhide()));
	return reason;
}

/* ---------- statements ---------- */

/* the outcome of a submission that is sending must not wait for a decision */
#define UNLESS_SENDING \
	" AND (s.state " NE " 'sending') IS NOT FALSE "

static FpgoStatement lock_statement = {
	.sql = "SELECT s.state::pg_catalog.text, s.role, s.server,"
	" EXISTS (SELECT FROM fpgo_internal.payload p"
	"  WHERE p.submission " EQ " s.id)"
	" FROM fpgo_internal.submission s"
	" WHERE s.id " EQ " $1" UNLESS_SENDING "FOR NO KEY UPDATE OF s",
	.n_parameters = 1,
	.types = {INT8OID}
};

/* apart from the rest: the SQL objects of 1.0 know no origins */
static FpgoStatement origin_statement = {
	.sql = "SELECT origin FROM fpgo_internal.submission WHERE id " EQ " $1",
	.n_parameters = 1,
	.types = {INT8OID}
};

#define ORDER_OF(s) \
	"CASE WHEN " s ".first_version IS NULL THEN " s ".id" \
	" ELSE " s ".first_version END"

/*
 * At any server: several servers may name one account of the gateway.  The
 * versions of one order share its uuid.
 */
static FpgoStatement is_held_statement = {
	.sql = "SELECT FROM fpgo_internal.submission h"
	" WHERE h.order_uuid " EQ " $1"
	" AND NOT EXISTS (SELECT FROM fpgo_internal.submission s"
	"  WHERE s.id " EQ " $2"
	"  AND " ORDER_OF("s") " " EQ " " ORDER_OF("h") ")"
	" UNION ALL SELECT FROM fpgo_internal.trace h"
	" WHERE h.order_uuid " EQ " $1"
	" AND NOT EXISTS (SELECT FROM fpgo_internal.submission s"
	"  WHERE s.id " EQ " $2 AND " ORDER_OF("s") " " EQ " h.submission) LIMIT 1",
	.n_parameters = 2,
	.types = {TEXTOID, INT8OID}
};

#define IS_FINISHED "$2 " NE " 'queued'"

/* from: the state it starts from; more: what else is set; how: for the event */
#define DECIDE(from, more, how) \
	"WITH decided AS (UPDATE fpgo_internal.submission" \
	"  SET " more "state = $2::fpgo.submission_state, run = NULL," \
	"   not_before = NULL," \
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
	" SELECT id, $6, '" from " to ' " CONCAT " $2 " CONCAT " '" how "', $7" \
	" FROM decided"

#define DECIDE_TYPES \
	INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID

static FpgoStatement resolve_statement = {
	.sql = DECIDE("uncertain", "", ""),
	.n_parameters = 8,
	.types = {DECIDE_TYPES}
};

static FpgoStatement cancel_statement = {
	.sql = DECIDE("queued", "", ""),
	.n_parameters = 8,
	.types = {DECIDE_TYPES}
};

static FpgoStatement cancel_for_good_statement = {
	.sql = DECIDE("queued", "for_good = true, ", " for good"),
	.n_parameters = 8,
	.types = {DECIDE_TYPES}
};

/* a payload that has been kept long enough may be deleted at any moment */
static FpgoStatement queue_again_statement = {
	.sql = "WITH kept AS (SELECT submission FROM fpgo_internal.payload"
	"  WHERE submission " EQ " $1 FOR UPDATE),"
	" again AS (UPDATE fpgo_internal.submission s"
	"  SET state = 'queued', for_good = NULL, error = NULL,"
	"   version = $4, mapping = $5, origin = $6, settled_at = NULL FROM kept"
	"  WHERE s.id " EQ " kept.submission"
	"  AND s.state " EQ " 'cancelled' RETURNING s.id),"
	" needed AS (UPDATE fpgo_internal.payload p SET keep_until = NULL"
	"  FROM again WHERE p.submission " EQ " again.id)"
	" INSERT INTO fpgo_internal.event (submission, role, what, reason)"
	" SELECT id, $2, 'cancelled to queued', $3 FROM again",
	.n_parameters = 6,
	.types = {INT8OID, TEXTOID, TEXTOID, INT4OID, TEXTOID, INT8OID}
};

static FpgoStatement free_key_statement = {
	.sql = "WITH freed AS (UPDATE fpgo_internal.submission"
	"  SET for_good = NULL WHERE id " EQ " $1"
	"  AND state " EQ " 'cancelled' RETURNING id)"
	" INSERT INTO fpgo_internal.event (submission, role, what, reason)"
	" SELECT id, $2, 'cancelled to free', $3 FROM freed",
	.n_parameters = 3,
	.types = {INT8OID, TEXTOID, TEXTOID}
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
	if (fpgo_versions_are_known() &&
		fpgo_statement_run(&origin_statement, &p) > 0)
		subject->origin = fpgo_get_int64(0, 1);
	SPI_finish();
	return subject;
}

static void
decide(FpgoStatement *statement, const FpgoSubject *subject,
	   const FpgoDecision *decision)
{
	/* what a person decides to be refused is not queued again */
	int			retention_s = fpgo_account_retention(subject->server).finished_s;
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, subject->id);
	fpgo_put_text(&p, decision->state);
	fpgo_put_text(&p, decision->order_uuid);
	fpgo_put_text(&p, decision->customer_uuid);
	fpgo_put_text(&p, decision->bank_id_url);
	fpgo_put_text(&p, GetUserNameFromId(GetUserId(), false));
	fpgo_put_text(&p, decision->reason);
	fpgo_put_datum(&p, Float8GetDatum(retention_s), false);
	if (fpgo_statement_run(statement, &p) != 1)
		elog(ERROR, "submission %lld was changed while it was locked",
			 (long long) subject->id);
	if (decision->order_uuid != NULL)
		fpgo_early_look_at_commit(subject->server, decision->order_uuid, true);
	SPI_finish();
	if (decision->order_uuid != NULL && fpgo_versions_are_known())
		fpgo_versions_note_accepted(subject->id,
									fpgo_versions_of(subject->id)->order);
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

/* What is queued again is sent by the database where that was decided. */
static FpgoStatement stamp_statement = {
	.sql = "UPDATE fpgo_internal.submission SET origin = $2"
	" WHERE id " EQ " $1 AND state " EQ " 'queued'",
	.n_parameters = 2,
	.types = {INT8OID, INT8OID}
};

static void
stamp(const FpgoSubject *subject)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, subject->id);
	fpgo_put_int64(&p, fpgo_origin_here());
	fpgo_statement_run(&stamp_statement, &p);
	SPI_finish();
}

void
fpgo_decide_uncertain(const FpgoSubject *subject, const FpgoDecision *decision)
{
	decide(&resolve_statement, subject, decision);
	if (strcmp(decision->state, fpgo_state_name(FPGO_STATE_QUEUED)) == 0 &&
		fpgo_versions_are_known())
		stamp(subject);
}

void
fpgo_decide_queued(const FpgoSubject *subject, const FpgoDecision *decision)
{
	decide(decision->for_good ? &cancel_for_good_statement :
		   &cancel_statement, subject, decision);
}

static FpgoStatement send_here_statement = {
	.sql = "WITH mine AS (UPDATE fpgo_internal.submission SET origin = $4"
	"  WHERE id " EQ " $1 AND state " EQ " 'queued' RETURNING id)"
	" INSERT INTO fpgo_internal.event (submission, role, what, reason)"
	" SELECT id, $2, 'queued elsewhere to queued', $3 FROM mine",
	.n_parameters = 4,
	.types = {INT8OID, TEXTOID, TEXTOID, INT8OID}
};

void
fpgo_decide_send_here(const FpgoSubject *subject, const char *reason)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, subject->id);
	fpgo_put_text(&p, GetUserNameFromId(GetUserId(), false));
	fpgo_put_text(&p, reason);
	fpgo_put_int64(&p, fpgo_origin_here());
	if (fpgo_statement_run(&send_here_statement, &p) != 1)
		elog(ERROR, "submission %lld was changed while it was locked",
			 (long long) subject->id);
	SPI_finish();
}

/* Has the order been handed in again since, and does that stand? */
static const FpgoSubmission *
find_successor(const FpgoVersions *versions)
{
	if (versions->accepted != NULL)
		return &versions->accepted->submission;
	if (versions->open != NULL)
		return &versions->open->submission;
	return versions->newest->submission.state == FPGO_STATE_QUEUED ?
		&versions->newest->submission : NULL;
}

static void
require_none_since(const FpgoSubject *subject, const FpgoVersions *versions)
{
	const FpgoSubmission *successor = find_successor(versions);

	if (successor == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("key of submission %lld is taken by submission %lld",
					(long long) subject->id, (long long) successor->id),
			 errdetail("An order was handed in again, and is %s.",
					   fpgo_state_name(successor->state)),
			 fpgo_errhide()));
}

/* the parameters of both statements that undo a decision begin so */
static void
put_undo(FpgoParameters *p, const FpgoSubject *subject, const char *reason)
{
	p->n = 0;
	fpgo_put_int64(p, subject->id);
	fpgo_put_text(p, GetUserNameFromId(GetUserId(), false));
	fpgo_put_text(p, reason);
}

bool
fpgo_decide_again(const FpgoSubject *subject, const char *reason)
{
	FpgoVersions *versions = fpgo_versions_of(subject->id);
	FpgoParameters p;
	bool		is_queued;

	require_none_since(subject, versions);
	SPI_connect();
	/* queued again it is the newest version: refused ones may have come since */
	put_undo(&p, subject, reason);
	fpgo_put_int(&p, versions->next);
	fpgo_put_text(&p, versions->mapping);
	fpgo_put_int64(&p, fpgo_origin_here());
	is_queued = fpgo_statement_run(&queue_again_statement, &p) > 0;
	put_undo(&p, subject, reason);
	if (!is_queued && fpgo_statement_run(&free_key_statement, &p) == 0)
		elog(ERROR, "submission %lld was changed while it was locked",
			 (long long) subject->id);
	SPI_finish();
	return is_queued;
}

static FpgoStatement note_again_statement = {
	.sql = "INSERT INTO fpgo_internal.event (submission, role, what, reason)"
	" VALUES ($1, $2, 'refused to handed in again', $3)",
	.n_parameters = 3,
	.types = {INT8OID, TEXTOID, TEXTOID}
};

void
fpgo_decide_note_again(int64 submission, const char *reason)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, submission);
	fpgo_put_text(&p, GetUserNameFromId(GetUserId(), false));
	fpgo_put_text(&p, reason);
	fpgo_statement_run(&note_again_statement, &p);
	SPI_finish();
}
