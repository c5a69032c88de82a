/*
 * refused.c
 *		A refused submission that is queued again.
 *
 * Part of the records (see submissions.c).  A gateway that is out of order, or a
 * machine before it, may refuse orders that are good.  A person queues them again
 * while their payloads are kept.
 *
 * What a person decided to be refused may have arrived, and is not queued again.
 *
 * The refusal freed the key.  Whoever handed in the order since, corrected or
 * not, wanted one invoice: a second one must not come of the first order.  So
 * only the newest version of an order is queued again, and only if no other
 * order holds its key.
 *
 * Somebody may hand in an order under that key at the same moment.  Both then
 * take the same number for their versions, and the unique index lets one of
 * them pass.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "base/fpgo.h"
#include "records/origins.h"
#include "records/refused.h"
#include "records/traces.h"
#include "records/versions.h"
#include "tables/operators.h"
#include "tables/statement.h"

#define ORDER_OF(s) \
	"CASE WHEN " s ".first_version IS NULL THEN " s ".id" \
	" ELSE " s ".first_version END"

/*
 * Does it change an order that the gateway has; was it the gateway's answer that
 * refused it; and the newest submission of another order that holds the key.  An
 * order of another user mapping counts if it is the same order.
 */
static FpgoStatement look_statement = {
	.sql = "SELECT s.on_change " EQ " 'update',"
	" (SELECT a.outcome FROM fpgo_internal.attempt a"
	"  WHERE a.submission " EQ " s.id AND a.number " EQ " s.attempts)"
	" " EQ " 'refused', h.id, h.state"
	" FROM fpgo_internal.submission s LEFT JOIN LATERAL"
	" (SELECT o.id, o.state::pg_catalog.text FROM fpgo_internal.submission o"
	"  WHERE o.server " BYTEWISE EQ " s.server"
	"  AND o.key " BYTEWISE EQ " s.key"
	"  AND " ORDER_OF("o") " " NE " " ORDER_OF("s")
	"  AND (o.mapping " EQ " s.mapping OR o.role " EQ " s.role"
	"   OR o.order_hash " EQ " s.order_hash) IS NOT FALSE"
	"  AND (o.state " EQ " ANY ('{queued,sending,uncertain,accepted}')"
	"   OR o.for_good)"
	"  ORDER BY o.id USING " GT " LIMIT 1) h ON true"
	" WHERE s.id " EQ " $1",
	.n_parameters = 1,
	.types = {INT8OID},
	.sees_latest = true
};

/*
 * The number of the version must be new in its order, $4, and among those that
 * have the key.  A payload that has been kept long enough may be deleted at any
 * moment.
 */
static FpgoStatement queue_statement = {
	.sql = "WITH kept AS (SELECT submission FROM fpgo_internal.payload"
	"  WHERE submission " EQ " $1 FOR UPDATE),"
	" again AS (UPDATE fpgo_internal.submission s"
	"  SET state = 'queued', settled_at = NULL, origin = $5,"
	"   version = GREATEST($4, (SELECT pg_catalog.max(o.version) " PLUS " 1"
	"    FROM fpgo_internal.submission o"
	"    WHERE o.server " BYTEWISE EQ " s.server"
	"    AND o.key " BYTEWISE EQ " s.key)) FROM kept"
	"  WHERE s.id " EQ " kept.submission"
	"  AND s.state " EQ " 'refused' RETURNING s.id),"
	" needed AS (UPDATE fpgo_internal.payload p SET keep_until = NULL"
	"  FROM again WHERE p.submission " EQ " again.id)"
	" INSERT INTO fpgo_internal.event (submission, role, what, reason)"
	" SELECT id, $2, 'refused to queued', $3 FROM again",
	.n_parameters = 5,
	.types = {INT8OID, TEXTOID, TEXTOID, INT4OID, INT8OID}
};

/* ---------- what is in the way ---------- */

/* Somebody handed in an order under its key since, and that one stands. */
pg_noreturn static void
raise_taken(int64 id, int64 holder, const char *state)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("key of submission %lld is taken by submission %lld",
					(long long) id, (long long) holder),
			 errdetail("An order was handed in again, and is %s.", state),
			 fpgo_errhide()));
}

static void
require_free(int64 id, const FpgoVersion *version)
{
	if (version != NULL && version->submission.id != id &&
		fpgo_version_holds_key(version))
		raise_taken(id, version->submission.id,
					fpgo_state_name(version->submission.state));
}

/* As look_statement has it, of an order that was purged. */
static bool
is_of_same_key(const FpgoVersion *trace, const FpgoVersion *version)
{
	return trace->mapping == NULL || version->mapping == NULL ||
		strcmp(trace->mapping, version->mapping) == 0 ||
		strcmp(trace->submission.role, version->submission.role) == 0 ||
		memcmp(trace->submission.order_hash, version->submission.order_hash,
			   FPGO_HASH_BYTES) == 0;
}

static void
require_no_trace(const FpgoVersion *version, const char *account)
{
	ListCell   *cell;

	foreach(cell, fpgo_traces_find_key(account, version->key))
	{
		const FpgoVersion *trace = lfirst(cell);

		if (is_of_same_key(trace, version))
			require_free(version->submission.id, trace);
	}
}

/* Only the newest version says what the order is to be. */
static void
require_newest(int64 id, const FpgoVersions *versions)
{
	const FpgoVersion *newest = versions->newest;

	if (newest->submission.id == id)
		return;
	require_free(id, newest);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("submission %lld is not the newest version of its order",
					(long long) id),
			 errdetail("Submission %lld is, and it is %s.",
					   (long long) newest->submission.id,
					   fpgo_state_name(newest->submission.state)),
			 fpgo_errhide()));
}

pg_noreturn static void
raise_no_payload(const FpgoVersion *version)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("submission %lld has no payload%s",
					(long long) version->submission.id,
					version->was_sent ? " any more" : ""),
			 version->was_sent ?
			 errdetail("Option retention_refused of its server says how long payloads of refused orders are kept.") :
			 errdetail("It was refused before it was sent."),
			 version->was_sent ?
			 errhint("Its key is free: hand the order in again.") :
			 errhint("fpgo.hand_in_again makes the order of its row anew."),
			 fpgo_errhide()));
}

/* What must be known of a submission before it may be queued again. */
typedef struct Look
{
	bool		is_change;
	bool		is_answer;		/* the gateway's answer refused it */
	int64		holder;			/* 0: no other order holds its key */
	const char *state;			/* of that one */
} Look;

static Look
look_at(int64 id)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoParameters p = {0};
	Look		look = {0};
	bool		is_null;

	SPI_connect();
	fpgo_put_int64(&p, id);
	fpgo_statement_run(&look_statement, &p);
	look.is_change = DatumGetBool(fpgo_get_datum(0, 1, &is_null));
	look.is_answer = DatumGetBool(fpgo_get_datum(0, 2, &is_null)) && !is_null;
	look.state = fpgo_get_text(0, 4, caller);
	if (look.state != NULL)
		look.holder = fpgo_get_int64(0, 3);
	SPI_finish();
	return look;
}

/*
 * Raises if it was not the gateway that refused the order, or if an order of the
 * key has been, or may be, invoiced.
 */
static void
require_wanted(const FpgoSubject *subject, const FpgoVersions *versions)
{
	int64		id = subject->id;
	Look		look = look_at(id);

	if (look.holder != 0)
		raise_taken(id, look.holder, look.state);
	/* the accepted version is what a change changes */
	if (!look.is_change)
		require_free(id, versions->accepted);
	require_free(id, versions->open);
	require_newest(id, versions);
	require_no_trace(versions->newest, subject->server);
	if (versions->newest->was_sent && !look.is_answer)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("submission %lld was not refused by the gateway",
						(long long) id),
				 errdetail("A person decided so; the order may have arrived."),
				 errhint("Its key is free: hand the order in again if it has not."),
				 fpgo_errhide()));
}

/* ---------- queueing ---------- */

void
fpgo_refused_queue_again(const FpgoSubject *subject, const char *reason)
{
	FpgoVersions *versions = fpgo_versions_of(subject->id);
	FpgoParameters p = {0};
	bool		is_queued = false;

	require_wanted(subject, versions);
	if (subject->has_payload)
	{
		SPI_connect();
		fpgo_put_int64(&p, subject->id);
		fpgo_put_text(&p, GetUserNameFromId(GetUserId(), false));
		fpgo_put_text(&p, reason);
		fpgo_put_int(&p, versions->next);
		/* it is sent by the database where that was decided */
		fpgo_put_int64(&p, fpgo_origin_here());
		is_queued = fpgo_statement_run(&queue_statement, &p) > 0;
		SPI_finish();
	}
	if (!is_queued)
		raise_no_payload(versions->newest);
}
