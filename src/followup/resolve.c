/*
 * resolve.c
 *		What people decide about submissions, and what they may read of them.
 *
 * The statements that change a state by somebody's decision stand here and
 * not in submissions.c, which holds those that follow from what was sent:
 *
 *		queued    -> cancelled								(cancel_submission)
 *		uncertain -> accepted, refused, cancelled, queued	(resolve)
 *
 * Each names the state it starts from, and writes the event that says who
 * decided what and why in the same statement: no change without a reason.
 * Evidence may decide in a person's place (reconcile.c), and only that an
 * order arrived.
 *
 * A submission belongs to the role that handed it in, by name, since records
 * outlive roles and are restored where there are none.  resolve() is for
 * operators: its EXECUTE is granted to nobody.  Whom it is granted to may take
 * back what others have queued, too.
 */
#include "fpgo.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "tables/statement.h"
#include "followup/resolve.h"
#include "ipc/roster.h"

PG_FUNCTION_INFO_V1(fpgo_resolve);
PG_FUNCTION_INFO_V1(fpgo_cancel_submission);
PG_FUNCTION_INFO_V1(fpgo_invoice_session);

/* longest reason, in characters */
#define MAX_REASON 2000

/* longest identifiers and address, as taken from the gateway's own answers */
#define MAX_UUID 255
#define MAX_ADDRESS 8192

/* A submission that is locked to be decided about. */
typedef struct Subject
{
	int64		id;
	const char *state;
	const char *role;
	const char *server;
	bool		has_payload;
} Subject;

/* What is decided about it. */
typedef struct Decision
{
	const char *state;			/* it gets */
	const char *reason;
	const char *order_uuid;		/* this and the next two NULL unless it is
								 * accepted */
	const char *customer_uuid;
	const char *bank_id_url;
} Decision;

/* ---------- statements ---------- */

/* the outcome of what is being sent must not wait for somebody's decision */
#define UNLESS_SENDING \
	" AND (s.state OPERATOR(pg_catalog.<>) 'sending') IS NOT FALSE "

static FpgoStatement lock_statement = {
	.sql = "SELECT s.state::pg_catalog.text, s.role, s.server,"
	" EXISTS (SELECT FROM fpgo_internal.payload p"
	"  WHERE p.submission OPERATOR(pg_catalog.=) s.id)"
	" FROM fpgo_internal.submission s"
	" WHERE s.id OPERATOR(pg_catalog.=) $1" UNLESS_SENDING "FOR UPDATE OF s",
	.n_parameters = 1,
	.types = {INT8OID}
};

/* an order that was changed has several submissions */
static FpgoStatement role_statement = {
	.sql = "SELECT role FROM fpgo_internal.submission"
	" WHERE order_uuid OPERATOR(pg_catalog.=) $1"
	" AND server OPERATOR(pg_catalog.=) $2"
	" ORDER BY id USING OPERATOR(pg_catalog.>) LIMIT 1",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

/* at any server, since several may be one account */
static FpgoStatement is_held_statement = {
	.sql = "SELECT FROM fpgo_internal.submission"
	" WHERE order_uuid OPERATOR(pg_catalog.=) $1"
	" AND id OPERATOR(pg_catalog.<>) $2 LIMIT 1",
	.n_parameters = 2,
	.types = {TEXTOID, INT8OID}
};

#define IS_FINISHED "$2 OPERATOR(pg_catalog.<>) 'queued'"

/* from: the state it starts from */
#define DECIDE(from) \
	"WITH decided AS (UPDATE fpgo_internal.submission" \
	"  SET state = $2::fpgo.submission_state, run = NULL, not_before = NULL," \
	"   order_uuid = $3, customer_uuid = $4, bank_id_url = $5," \
	"   error = CASE WHEN $2 OPERATOR(pg_catalog.<>) 'accepted' THEN error END," \
	"   settled_at = CASE WHEN " IS_FINISHED " THEN" \
	"    pg_catalog.clock_timestamp() END" \
	"  WHERE id OPERATOR(pg_catalog.=) $1" \
	"  AND state OPERATOR(pg_catalog.=) '" from "' RETURNING id)," \
	" gone AS (DELETE FROM fpgo_internal.payload p USING decided" \
	"  WHERE p.submission OPERATOR(pg_catalog.=) decided.id" \
	"  AND $8 OPERATOR(pg_catalog.=) 0 AND " IS_FINISHED ")," \
	" kept AS (UPDATE fpgo_internal.payload p SET keep_until =" \
	"   pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+)" \
	"   pg_catalog.make_interval(secs => $8) FROM decided" \
	"  WHERE p.submission OPERATOR(pg_catalog.=) decided.id" \
	"  AND $8 OPERATOR(pg_catalog.>) 0 AND " IS_FINISHED ")" \
	" INSERT INTO fpgo_internal.event (submission, role, what, reason)" \
	" SELECT id, $6, '" from " to ' OPERATOR(pg_catalog.||) $2, $7 FROM decided"

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

/* ---------- the subject ---------- */

static void pg_attribute_noreturn()
raise_missing(int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("submission %lld does not exist", (long long) id),
			 fpgo_errhide()));
}

/* Lock a submission till the end of the transaction, and read it. */
static Subject *
lock_subject(int64 id)
{
	MemoryContext caller = CurrentMemoryContext;
	Subject    *subject = palloc0(sizeof(Subject));
	FpgoParameters p = {0};
	bool		is_null;

	subject->id = id;
	SPI_connect();
	fpgo_put_int64(&p, id);
	if (fpgo_owner_run(&lock_statement, &p) == 0)
	{
		const FpgoSubmission *sending = fpgo_submission_find(id);

		if (sending == NULL)
			raise_missing(id);
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

/* Raises unless the current user may act for the role that handed it in. */
static void
require_member(int64 id, const char *role_name)
{
	if (fpgo_submission_is_for(role_name))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for submission %lld", (long long) id),
			 errdetail("It is for members of the role that handed the order in."),
			 fpgo_errhide()));
}

/* May the current user decide about everybody's submissions? */
static bool
is_operator(void)
{
	const Oid	types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	List	   *name = list_make2(makeString("fpgo"), makeString("resolve"));
	Oid			resolve = LookupFuncName(name, lengthof(types), types, false);

	return fpgo_function_aclcheck(resolve, GetUserId(),
								  ACL_EXECUTE) == ACLCHECK_OK;
}

void
fpgo_resolve_require_order(const char *server, const char *order_uuid)
{
	const char *role_name = NULL;
	MemoryContext caller = CurrentMemoryContext;
	FpgoParameters p = {0};
	Oid			role;

	if (is_operator())
		return;
	SPI_connect();
	fpgo_put_text(&p, order_uuid);
	fpgo_put_text(&p, server);
	if (fpgo_owner_run(&role_statement, &p) > 0)
		role_name = fpgo_get_text(0, 1, caller);
	SPI_finish();
	role = role_name ? get_role_oid(role_name, true) : InvalidOid;
	if (!OidIsValid(role) || !has_privs_of_role(GetUserId(), role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for the details of this order"),
				 errdetail("They name its customer, and are for members of the role that submitted it."),
				 errhint("Whoever may execute fpgo.resolve may see those of all orders."),
				 fpgo_errhide()));
}

static void
require_state(const Subject *subject, FpgoState state, const char *hint)
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

/* ---------- the decision ---------- */

static void
decide(FpgoStatement *statement, const Subject *subject,
	   const Decision *decision)
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
	fpgo_put_datum(&p, Float8GetDatum(fpgo_gateway_retention(subject->server)),
				   false);
	if (fpgo_owner_run(statement, &p) != 1)
		elog(ERROR, "submission %lld was changed while it was locked",
			 (long long) subject->id);
	SPI_finish();
}

/* Has a submission other than this one the order? */
static bool
is_held(const char *order_uuid, int64 id)
{
	FpgoParameters p = {0};
	bool		is_held;

	SPI_connect();
	fpgo_put_text(&p, order_uuid);
	fpgo_put_int64(&p, id);
	is_held = fpgo_owner_run(&is_held_statement, &p) > 0;
	SPI_finish();
	return is_held;
}

bool
fpgo_resolve_accept(int64 id, const char *order_uuid,
					const char *customer_uuid, const char *reason)
{
	Decision	decision = {.state = fpgo_state_name(FPGO_ACCEPTED),
		.reason = reason,.order_uuid = order_uuid,
	.customer_uuid = customer_uuid};
	const Subject *subject = lock_subject(id);

	if (strcmp(subject->state, fpgo_state_name(FPGO_UNCERTAIN)) != 0 ||
		is_held(order_uuid, id))
		return false;
	decide(&resolve_statement, subject, &decision);
	/* the next of its reference may leave */
	fpgo_roster_wake_at_commit();
	return true;
}

/* ---------- arguments ---------- */

static void
require_not_null(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 fpgo_errhide()));
}

static const char *
reason_argument(FunctionCallInfo fcinfo, int argument)
{
	const char *reason;

	require_not_null(fcinfo, argument, "reason");
	reason = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	if (fpgo_trim_unicode((FpgoSpan) {reason, strlen(reason)}).len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must not be blank"),
				 errhint("It is recorded for whoever asks later why this was decided."),
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

/*
 * Something of the gateway's: one word of printable ASCII, as it is taken
 * from the gateway itself.  NULL if it is not given.
 */
static const char *
word_argument(FunctionCallInfo fcinfo, int argument, const char *name,
			  size_t max_len)
{
	const char *word;
	bool		is_word;

	if (PG_ARGISNULL(argument))
		return NULL;
	word = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	is_word = word[0] != '\0' && strlen(word) <= max_len;
	for (const char *p = word; *p != '\0'; p++)
		is_word = is_word && *p > ' ' && *p < 0x7F;
	if (!is_word)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid %s", name),
				 errdetail("It must have 1 to %zu characters, all of them visible ASCII.",
						   max_len),
				 fpgo_errhide()));
	return word;
}

static FpgoState
outcome_argument(FunctionCallInfo fcinfo, int argument)
{
	static const FpgoState outcomes[] = {FPGO_ACCEPTED, FPGO_REFUSED,
	FPGO_CANCELLED, FPGO_QUEUED};
	const char *outcome;

	require_not_null(fcinfo, argument, "outcome");
	outcome = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	for (int i = 0; i < (int) lengthof(outcomes); i++)
	{
		if (strcmp(outcome, fpgo_state_name(outcomes[i])) == 0)
			return outcomes[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid outcome \"%s\"", outcome),
			 errhint("Valid outcomes are 'accepted', 'refused', 'cancelled' and 'queued'."),
			 fpgo_errhide()));
}

/* What the gateway gave out goes with an accepted order, and with no other. */
static void
check_identifiers(FpgoState outcome, const Decision *decision)
{
	if (outcome == FPGO_ACCEPTED && decision->order_uuid == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an accepted submission needs an order_uuid"),
				 errhint("Take it from the gateway: order_uuid => 'ODR...'."),
				 fpgo_errhide()));
	if (outcome != FPGO_ACCEPTED &&
		(decision->order_uuid != NULL || decision->customer_uuid != NULL ||
		 decision->bank_id_url != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("order_uuid, customer_uuid and bank_id_url go with outcome \"accepted\" only"),
				 errhint("If the order exists at the gateway, the outcome is 'accepted'."),
				 fpgo_errhide()));
}

/* ---------- SQL ---------- */

Datum
fpgo_resolve(PG_FUNCTION_ARGS)
{
	Decision	decision = {0};
	FpgoState	outcome;
	const Subject *subject;

	require_not_null(fcinfo, 0, "submission");
	outcome = outcome_argument(fcinfo, 1);
	decision.state = fpgo_state_name(outcome);
	decision.reason = reason_argument(fcinfo, 2);
	decision.order_uuid = word_argument(fcinfo, 3, "order_uuid", MAX_UUID);
	decision.customer_uuid = word_argument(fcinfo, 4, "customer_uuid",
										   MAX_UUID);
	decision.bank_id_url = word_argument(fcinfo, 5, "bank_id_url",
										 MAX_ADDRESS);
	check_identifiers(outcome, &decision);

	subject = lock_subject(PG_GETARG_INT64(0));
	require_state(subject, FPGO_UNCERTAIN,
				  "Only an uncertain submission needs a decision.");
	if (outcome == FPGO_QUEUED && !subject->has_payload)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("submission %lld has no payload any more",
						(long long) subject->id),
				 errhint("Resolve it as cancelled, which frees its key, and hand the order in again."),
				 fpgo_errhide()));
	decide(&resolve_statement, subject, &decision);
	/* it may be sent again, or the next of its reference */
	fpgo_roster_wake_at_commit();
	PG_RETURN_VOID();
}

Datum
fpgo_cancel_submission(PG_FUNCTION_ARGS)
{
	Decision	decision = {.state = fpgo_state_name(FPGO_CANCELLED)};
	const Subject *subject;

	require_not_null(fcinfo, 0, "submission");
	decision.reason = reason_argument(fcinfo, 1);
	subject = lock_subject(PG_GETARG_INT64(0));
	if (!is_operator())
		require_member(subject->id, subject->role);
	require_state(subject, FPGO_QUEUED,
				  "Only what has not been sent can be taken back.");
	decide(&cancel_statement, subject, &decision);
	PG_RETURN_VOID();
}

Datum
fpgo_invoice_session(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		id = PG_GETARG_INT64(0);
	const FpgoSubmission *submission = fpgo_submission_find(id);
	Datum		values[3];
	bool		nulls[3];

	if (submission == NULL)
		raise_missing(id);
	require_member(id, submission->role);
	InitMaterializedSRF(fcinfo, 0);
	if (submission->state != FPGO_ACCEPTED)
		return (Datum) 0;
	fpgo_submission_fill_session(submission->order_uuid,
								 submission->customer_uuid,
								 submission->bank_id_url, values, nulls);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}
