/*
 * resolve.c
 *		fpgo.resolve, cancel_submission and the like: decisions of people.
 *
 * decide.c has the changes of state.  Evidence may take the place of a person
 * (reconcile.c), but only to decide that an order arrived.
 *
 * A submission belongs to the role that handed it in.  The role is recorded by
 * name, since records outlive roles and may be restored where the role does
 * not exist.  fpgo.resolve is for operators: EXECUTE is granted to nobody at
 * first.  A role that may execute it may also cancel submissions of other
 * roles.
 *
 * A decision is as durable as an outcome, whatever synchronous_commit says: a
 * crash must not send an order that somebody was told is taken back.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "delivery/durable.h"
#include "followup/by_key.h"
#include "followup/resolve.h"
#include "ipc/roster.h"
#include "records/decide.h"
#include "records/origins.h"
#include "records/refused.h"
#include "records/traces.h"
#include "records/versions.h"
#include "records/submissions.h"
#include "tables/operators.h"
#include "tables/statement.h"
#include "text/identifier.h"

PG_FUNCTION_INFO_V1(fpgo_resolve);
PG_FUNCTION_INFO_V1(fpgo_resolve_uncertain);
PG_FUNCTION_INFO_V1(fpgo_cancel_submission);
PG_FUNCTION_INFO_V1(fpgo_cancel_submission_for_good);
PG_FUNCTION_INFO_V1(fpgo_cancel_queued);

/* longest BankID address, as taken from the gateway's own answers */
#define MAX_ADDRESS 8192

/* ---------- may they? ---------- */

/* an order that was changed has several submissions */
static FpgoStatement role_statement = {
	.sql = "SELECT role FROM fpgo_internal.submission"
	" WHERE order_uuid " EQ " $1"
	" AND server " EQ " $2"
	" ORDER BY id USING " GT " LIMIT 1",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

void
fpgo_resolve_require_order(const char *server, const char *order_uuid)
{
	const char *role_name = NULL;
	MemoryContext caller = CurrentMemoryContext;
	FpgoParameters p = {0};
	const FpgoVersion *trace;
	Oid			role;

	if (fpgo_decide_is_operator())
		return;
	SPI_connect();
	fpgo_put_text(&p, order_uuid);
	fpgo_put_text(&p, server);
	if (fpgo_statement_run(&role_statement, &p) > 0)
		role_name = fpgo_get_text(0, 1, caller);
	SPI_finish();
	trace = role_name == NULL ? fpgo_trace_find_order(server, order_uuid,
													  true) : NULL;
	if (trace != NULL)
		role_name = trace->submission.role;
	role = role_name ? get_role_oid(role_name, true) : InvalidOid;
	if (!OidIsValid(role) || !has_privs_of_role(GetUserId(), role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for the details of this order"),
				 errdetail("They name its customer, and are for members of the role that submitted it."),
				 errhint("Roles that may execute fpgo.resolve may see those of all orders."),
				 fpgo_errhide()));
}

/* Is it queued by another database, which may have sent it? */
static bool
is_elsewhere(const FpgoSubject *subject)
{
	return strcmp(subject->state, fpgo_state_name(FPGO_STATE_QUEUED)) == 0 &&
		fpgo_versions_are_known() && !fpgo_origin_is_own(subject->origin);
}

/* ---------- by evidence ---------- */

bool
fpgo_resolve_accept(int64 id, const char *order_uuid,
					const char *customer_uuid, const char *reason)
{
	FpgoDecision decision = {.state = fpgo_state_name(FPGO_STATE_ACCEPTED),
		.reason = reason,.order_uuid = order_uuid,
	.customer_uuid = customer_uuid};
	const FpgoSubject *subject = fpgo_decide_lock(id);

	if (!is_elsewhere(subject) &&
		strcmp(subject->state, fpgo_state_name(FPGO_STATE_UNCERTAIN)) != 0)
		return false;
	if (fpgo_decide_is_held(order_uuid, id))
		return false;
	if (is_elsewhere(subject))
		fpgo_decide_queued(subject, &decision);
	else
		fpgo_decide_uncertain(subject, &decision);
	/* the next submission of its reference may be sent now */
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
	return fpgo_decide_require_reason(fpgo_text_argument(fcinfo, argument));
}

/* An identifier of the gateway; NULL if it is not given. */
static const char *
identifier_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	const char *text = fpgo_text_argument(fcinfo, argument);

	if (text != NULL && !fpgo_is_identifier(text, strlen(text)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid %s", name),
				 errdetail("It must have %s.", FPGO_IDENTIFIER_RULE),
				 fpgo_errhide()));
	return text;
}

/* A BankID address: one word of visible ASCII; NULL if it is not given. */
static const char *
address_argument(FunctionCallInfo fcinfo, int argument)
{
	const char *address = fpgo_text_argument(fcinfo, argument);
	bool		is_word;

	if (address == NULL)
		return NULL;
	is_word = address[0] != '\0' && strlen(address) <= MAX_ADDRESS;
	for (const char *p = address; *p != '\0'; p++)
		is_word = is_word && *p > ' ' && *p < 0x7F;
	if (!is_word)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid bank_id_url"),
				 errdetail("It must have 1 to %d characters, all of them visible ASCII.",
						   MAX_ADDRESS),
				 fpgo_errhide()));
	return address;
}

static FpgoSubmissionState
outcome_argument(FunctionCallInfo fcinfo, int argument)
{
	static const FpgoSubmissionState outcomes[] = {FPGO_STATE_ACCEPTED,
	FPGO_STATE_REFUSED, FPGO_STATE_CANCELLED, FPGO_STATE_QUEUED};
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

/* The gateway's identifiers go with an accepted order, and with no other. */
static void
check_identifiers(FpgoSubmissionState outcome, const FpgoDecision *decision)
{
	if (outcome == FPGO_STATE_ACCEPTED && decision->order_uuid == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an accepted submission needs an order_uuid"),
				 errhint("Take it from the gateway: order_uuid => 'ODR...'."),
				 fpgo_errhide()));
	if (outcome != FPGO_STATE_ACCEPTED &&
		(decision->order_uuid != NULL || decision->customer_uuid != NULL ||
		 decision->bank_id_url != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("order_uuid, customer_uuid and bank_id_url go with outcome \"accepted\" only"),
				 errhint("If the order exists at the gateway, the outcome is 'accepted'."),
				 fpgo_errhide()));
}

/* ---------- SQL ---------- */

/* What fpgo.resolve says of an order that exists, from this argument on. */
static void
read_identifiers(FunctionCallInfo fcinfo, int argument, FpgoDecision *decision)
{
	decision->order_uuid = identifier_argument(fcinfo, argument,
											   "order_uuid");
	decision->customer_uuid = identifier_argument(fcinfo, argument + 1,
												  "customer_uuid");
	decision->bank_id_url = address_argument(fcinfo, argument + 2);
}

/* A decision about a submission, to be made public at commit. */
static void
announce(void)
{
	fpgo_durable_require();
	/* this submission, or the next of its reference, may be sent now */
	fpgo_roster_wake_at_commit();
}

static void
decide_uncertain(int64 id, FpgoSubmissionState outcome,
				 const FpgoDecision *decision)
{
	const FpgoSubject *subject = fpgo_decide_lock(id);

	if (outcome == FPGO_STATE_QUEUED && strcmp(subject->state,
											   fpgo_state_name(FPGO_STATE_REFUSED)) == 0)
	{
		fpgo_extension_require_current();
		fpgo_refused_queue_again(subject, decision->reason);
		announce();
		return;
	}
	if (is_elsewhere(subject))
	{
		fpgo_extension_require_current();
		if (outcome == FPGO_STATE_QUEUED)
			fpgo_decide_send_here(subject, decision->reason);
		else
			fpgo_decide_queued(subject, decision);
		announce();
		return;
	}
	fpgo_decide_require_state(subject, FPGO_STATE_UNCERTAIN,
							  "Only an uncertain submission needs a decision.");
	if (outcome == FPGO_STATE_QUEUED && !subject->has_payload)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("submission %lld has no payload any more",
						(long long) subject->id),
				 errhint("Resolve it as cancelled, which frees its key, and hand the order in again."),
				 fpgo_errhide()));
	fpgo_decide_uncertain(subject, decision);
	announce();
}

Datum
fpgo_resolve(PG_FUNCTION_ARGS)
{
	FpgoDecision decision = {0};
	FpgoSubmissionState outcome;

	require_not_null(fcinfo, 0, "submission");
	outcome = outcome_argument(fcinfo, 1);
	decision.state = fpgo_state_name(outcome);
	decision.reason = reason_argument(fcinfo, 2);
	read_identifiers(fcinfo, 3, &decision);
	check_identifiers(outcome, &decision);
	decide_uncertain(PG_GETARG_INT64(0), outcome, &decision);
	PG_RETURN_VOID();
}

Datum
fpgo_resolve_uncertain(PG_FUNCTION_ARGS)
{
	FpgoDecision decision = {0};
	FpgoSubmissionState outcome = outcome_argument(fcinfo, 0);
	FpgoByKey	by_key = {.state = FPGO_STATE_UNCERTAIN,
		.key = fpgo_text_argument(fcinfo, 2),
		.reference = fpgo_text_argument(fcinfo, 3),
	.server = fpgo_text_argument(fcinfo, 7)};
	int64		id;

	if (!fpgo_decide_is_operator())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to decide about uncertain submissions"),
				 errdetail("That is for roles that may execute fpgo.resolve."),
				 fpgo_errhide()));
	decision.state = fpgo_state_name(outcome);
	decision.reason = reason_argument(fcinfo, 1);
	read_identifiers(fcinfo, 4, &decision);
	check_identifiers(outcome, &decision);
	id = fpgo_by_key_require(&by_key);
	decide_uncertain(id, outcome, &decision);
	PG_RETURN_INT64(id);
}

/*
 * Any version of an order stands for the order: the newest is cancelled, and
 * older ones are not sent in its place.
 */
static int64
find_newest(int64 id)
{
	FpgoVersions *versions = fpgo_versions_are_known() ?
		fpgo_versions_of(id) : NULL;

	return versions != NULL &&
		versions->newest->submission.state == FPGO_STATE_QUEUED ?
		versions->newest->submission.id : id;
}

static void
cancel_queued(int64 id, const char *reason, bool for_good)
{
	FpgoDecision decision = {.state = fpgo_state_name(FPGO_STATE_CANCELLED),
	.reason = reason,.for_good = for_good};
	const FpgoSubject *subject = fpgo_decide_lock(find_newest(id));

	fpgo_decide_require_right(subject);
	fpgo_decide_require_state(subject, FPGO_STATE_QUEUED,
							  "Only a submission that is still queued can be cancelled.");
	fpgo_decide_queued(subject, &decision);
	fpgo_durable_require();
}

Datum
fpgo_cancel_submission(PG_FUNCTION_ARGS)
{
	require_not_null(fcinfo, 0, "submission");
	cancel_queued(PG_GETARG_INT64(0), reason_argument(fcinfo, 1), false);
	PG_RETURN_VOID();
}

Datum
fpgo_cancel_submission_for_good(PG_FUNCTION_ARGS)
{
	require_not_null(fcinfo, 0, "submission");
	require_not_null(fcinfo, 2, "for_good");
	cancel_queued(PG_GETARG_INT64(0), reason_argument(fcinfo, 1),
				  PG_GETARG_BOOL(2));
	PG_RETURN_VOID();
}

Datum
fpgo_cancel_queued(PG_FUNCTION_ARGS)
{
	const char *reason = reason_argument(fcinfo, 0);
	FpgoByKey	by_key = {.state = FPGO_STATE_QUEUED,
		.key = fpgo_text_argument(fcinfo, 1),
		.reference = fpgo_text_argument(fcinfo, 2),
	.server = fpgo_text_argument(fcinfo, 3)};
	int64		id;

	require_not_null(fcinfo, 4, "for_good");
	id = fpgo_by_key_require(&by_key);
	cancel_queued(id, reason, PG_GETARG_BOOL(4));
	PG_RETURN_INT64(id);
}
