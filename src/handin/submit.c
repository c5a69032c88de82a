/*
 * submit.c
 *		fpgo.submit_invoice: one order, sent now, its answer as a row.
 *
 * This runs in the caller's session.  It resolves the account with the
 * caller's rights, validates the order, and hands it to another process
 * (turn.c).  That process records the order, sends it and records the outcome
 * (service.c), even if the caller's transaction rolls back.  The answer
 * becomes a row or an error.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "gateway/outcome_text.h"
#include "handin/handin.h"
#include "handin/holder.h"
#include "handin/keyless.h"
#include "handin/same_order.h"
#include "handin/turn.h"
#include "ipc/ask.h"
#include "order/secrets.h"
#include "order/spellings.h"
#include "records/age.h"
#include "records/taken_back.h"
#include "tables/statement.h"

/* ---------- before asking ---------- */

/*
 * Raises if the process that sends would wait for this transaction: the
 * process does not see what the transaction did, and waits for its locks.
 * This session would wait for the process: a deadlock that PostgreSQL does not
 * detect.
 */
static void
require_no_own_obstacle(const FpgoHandIn *handin)
{
	const FpgoVersion *own;

	for (int i = 0; i < FPGO_N_TABLES_WRITTEN; i++)
	{
		LOCKTAG		tag;

		SET_LOCKTAG_RELATION(tag, MyDatabaseId,
							 fpgo_table_oid(fpgo_table_written[i]));
		for (LOCKMODE mode = ShareLock; mode <= AccessExclusiveLock; mode++)
		{
			if (fpgo_lock_is_held(&tag, mode))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("cannot submit an invoice while this transaction locks the records of fpgo"),
						 errhint("Commit first."),
						 fpgo_errhide()));
		}
	}
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return;
	own = fpgo_versions_find(handin)->newest;
	if (own != NULL && own->submission.is_own)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order was queued in this transaction"),
				 errdetail("It is submission %lld.",
						   (long long) own->submission.id),
				 errhint("Commit first; it is delivered then."),
				 fpgo_errhide()));
}

/* ---------- the answer ---------- */

/* How an outcome is raised; %s in message and hint is the server's name. */
typedef struct OutcomeError
{
	int			code;
	const char *message;
	const char *hint;			/* NULL if there is nothing to advise */
} OutcomeError;

static const OutcomeError outcome_errors[] = {
	[FPGO_OUTCOME_REFUSED] = {ERRCODE_FPGO_REFUSED,
		"server \"%s\" refused the order",
	"Mend the order, then submit it again under the same key."},
	[FPGO_OUTCOME_UNREACHED] = {ERRCODE_FPGO_UNREACHED,
		"could not reach server \"%s\"",
	"The order was not processed; it is safe to submit it again."},
	[FPGO_OUTCOME_MISCONFIGURED] = {ERRCODE_FPGO_UNREACHED,
		"could not reach the order service of server \"%s\"",
	"The order was not processed.  Check the server's options: ALTER SERVER %s OPTIONS (SET url '...');"},
	[FPGO_OUTCOME_CREDENTIALS] = {ERRCODE_FPGO_CREDENTIALS,
		"server \"%s\" refused the credentials",
	"The order was not processed.  Put the right token into the user mapping of server %s."},
	[FPGO_OUTCOME_NOT_API] = {ERRCODE_FPGO_UNREACHED,
		"server \"%s\" gave no answer of the API's own",
	"The order was not processed; it is safe to submit it again.  If this goes on, check the url and submit_path of server %s, and what stands before the gateway."},
	[FPGO_OUTCOME_SLOW_DOWN] = {ERRCODE_FPGO_SLOW_DOWN,
		"server \"%s\" asked to slow down",
	"The order was not processed; submit it again in a minute."},
	[FPGO_OUTCOME_UNKNOWN] = {ERRCODE_FPGO_UNKNOWN,
		"outcome of submitting the order to server \"%s\" is unknown",
	NULL},
};

/* What to do about a submission whose outcome is unknown. */
static char *
advise_uncertain(int64 submission)
{
	return psprintf("The order may have been invoiced; do not send it again blindly.  Look at the gateway, then call fpgo.resolve(%lld, ...).",
					(long long) submission);
}

pg_noreturn static void
raise_outcome(const FpgoOutcome *outcome, const char *server_name,
			  int64 submission)
{
	const OutcomeError *error = &outcome_errors[outcome->class];
	const char *hint = error->hint;

	if (outcome->class == FPGO_OUTCOME_SLOW_DOWN &&
		outcome->retry_after_s >= 0)
		hint = psprintf(ngettext("The order was not processed; submit it again in %d second.",
								 "The order was not processed; submit it again in %d seconds.",
								 outcome->retry_after_s),
						outcome->retry_after_s);
	if (outcome->class == FPGO_OUTCOME_UNKNOWN)
		hint = advise_uncertain(submission);
	if (outcome->needs_private_network)
		hint = "The order was not processed.  If the gateway is in a private network, a superuser may say so: ALTER SERVER %s OPTIONS (ADD private_network 'true');";
	if (outcome->needs_certificates)
		hint = "The order was not processed.  " FPGO_CERTIFICATES_HINT;
	ereport(ERROR,
			(errcode(error->code),
			 errmsg(error->message, server_name),
			 errdetail_internal("%s", fpgo_outcome_describe(outcome)),
			 hint ? errhint(hint, quote_identifier(server_name)) : 0,
			 fpgo_errhide()));
}

/* The key is taken: raise what the first submission's state means. */
static void
require_session_on_record(const FpgoHandIn *handin,
						  const FpgoSubmission *found, const char *server_name)
{
	if (!fpgo_is_same_order(handin, found))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("another order was handed in under this key"),
				 errdetail("It is submission %lld of server \"%s\", which is %s.  Nothing was sent.",
						   (long long) found->id, server_name,
						   fpgo_holder_state(found)),
				 errhint("%s", fpgo_holder_advise(found)),
				 fpgo_errhide()));
	if (found->state == FPGO_STATE_UNCERTAIN)
		ereport(ERROR,
				(errcode(ERRCODE_FPGO_UNKNOWN),
				 errmsg("outcome of an earlier submission of this order is unknown"),
				 errdetail("It is submission %lld of server \"%s\".  Nothing was sent now.",
						   (long long) found->id, server_name),
				 errhint("%s", advise_uncertain(found->id)),
				 fpgo_errhide()));
	if (found->state != FPGO_STATE_ACCEPTED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("order is being submitted"),
				 errdetail("It is submission %lld of server \"%s\", which is %s.  Nothing was sent now.",
						   (long long) found->id, server_name,
						   fpgo_state_name(found->state)),
				 errhint("fpgo.invoice_session(%lld) has its answer when it is accepted.",
						 (long long) found->id),
				 fpgo_errhide()));
	/* the answer has a BankID address: the right is that of invoice_session */
	if (!fpgo_submission_is_for(found->role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for submission %lld",
						(long long) found->id),
				 errdetail("This order was handed in before, by another role.  Nothing was sent now."),
				 errhint("The gateway has it.  Members of that role get its answer from fpgo.invoice_session(%lld).",
						 (long long) found->id),
				 fpgo_errhide()));
	if (handin->is_keyless)
		fpgo_keyless_answer(handin, found);
}

/* Raise an error if the answer has no session. */
static void
require_session(const FpgoHandIn *handin, const FpgoAnswer *answer,
				const char *server_name)
{
	switch (answer->kind)
	{
		case FPGO_ANSWER_OUTCOME:
			if (answer->outcome.class == FPGO_OUTCOME_ACCEPTED &&
				answer->outcome.reply->order_uuid == NULL)
				elog(ERROR, "submission %lld was accepted without an order uuid",
					 (long long) answer->submission);
			if (answer->outcome.class != FPGO_OUTCOME_ACCEPTED)
				raise_outcome(&answer->outcome, server_name,
							  answer->submission);
			break;
		case FPGO_ANSWER_ON_RECORD:
			require_session_on_record(handin, &answer->on_record, server_name);
			break;
		case FPGO_ANSWER_REFERENCE_BUSY:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("another order with this referenceNo is not finished"),
					 errdetail("It is submission %lld of server \"%s\".  Nothing was sent now.",
							   (long long) answer->submission, server_name),
					 errhint("Wait until that one is finished.  If this order corrects it, use the same key: another key makes a second invoice."),
					 fpgo_errhide()));
			break;
		case FPGO_ANSWER_LATER:
			ereport(ERROR,
					(errcode(answer->error.sqlerrcode),
					 errmsg_internal("%s", answer->error.message),
					 answer->error.detail ?
					 errdetail_internal("%s", answer->error.detail) : 0,
					 answer->error.hint ?
					 errhint("%s", answer->error.hint) : 0,
					 fpgo_errhide()));
			break;
		case FPGO_ANSWER_SERVER_UNSEEN:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("server \"%s\" was created in this transaction",
							server_name),
					 errhint("Commit first; the process that sends sees committed servers only."),
					 fpgo_errhide()));
			break;
		case FPGO_ANSWER_UNRECORDED:
			ereport(ERROR,
					(errcode(ERRCODE_FPGO_UNKNOWN),
					 errmsg("outcome of submitting the order to server \"%s\" could not be recorded",
							server_name),
					 errdetail("Submission %lld becomes uncertain.  The reason was: %s.",
							   (long long) answer->submission,
							   answer->error.message),
					 errhint("%s", advise_uncertain(answer->submission)),
					 fpgo_errhide()));
			break;
		case FPGO_ANSWER_ELSEWHERE:
		case FPGO_ANSWER_WAIT:
		case FPGO_ANSWER_FINDING:
			elog(ERROR, "no process served the order");
			break;
		case FPGO_ANSWER_WITHDRAWN:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("order was withdrawn before it was recorded"),
					 errdetail("Nothing was recorded and nothing was sent."),
					 fpgo_errhide()));
			break;
		case FPGO_ANSWER_ERROR:
			/* an order that was taken back for good holds its key */
			if (answer->error.sqlerrcode == ERRCODE_UNIQUE_VIOLATION)
				fpgo_taken_back_require_none(handin,
											 fpgo_versions_find(handin));
			ereport(ERROR,
					(errcode(answer->error.sqlerrcode),
					 errmsg("could not record the order: %s",
							answer->error.message),
					 answer->error.detail ?
					 errdetail_internal("%s", answer->error.detail) : 0,
					 errhint("Nothing was recorded and nothing was sent."),
					 fpgo_errhide()));
	}
}

/* A call: its request and the answer. */
typedef struct Call
{
	FpgoGiven	given;
	const FpgoAccount *account;
	const FpgoHandIn *handin;
	FpgoAnswer *answer;
} Call;

/* Make the hand-in, and give it to the process that sends. */
static void
hand_over(void *arg)
{
	Call	   *call = arg;
	FpgoRequest request = {.kind = FPGO_REQUEST_ORDER};

	request.server = call->account->server;
	request.target = call->account->target;
	request.retention = call->account->retention;
	call->handin = fpgo_handin_make(&call->given, call->account, NULL);
	request.handin = *call->handin;
	request.secrets = fpgo_secrets_list(request.handin.order);
	require_no_own_obstacle(&request.handin);
	call->answer = fpgo_turn_ask(&request);
}

static Datum
submit(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	const char *server_name = fpgo_text_argument(fcinfo, 1);
	Call		call = {.given = {.spelling = spelling,
	.key = fpgo_text_argument(fcinfo, 2)}};
	const FpgoAnswer *answer;
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3];

	fpgo_submission_require_writable();
	fpgo_submission_require_accepting();
	fpgo_extension_require_current();
	call.given.order = fpgo_order_argument(fcinfo, spelling);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	call.account = fpgo_account_resolve(server_name, GetUserId());
	/* its helper starts while the order is checked */
	fpgo_ask_ahead();
	PG_TRY();
	{
		fpgo_account_use(call.account, hand_over, &call);
	}
	PG_CATCH();
	{
		fpgo_ask_nothing();
		PG_RE_THROW();
	}
	PG_END_TRY();
	answer = call.answer;
	require_session(call.handin, answer, call.account->target.server_name);

	if (answer->kind == FPGO_ANSWER_ON_RECORD)
		fpgo_submission_fill_session(answer->on_record.order_uuid,
									 answer->on_record.customer_uuid,
									 fpgo_age_show_address(&answer->on_record,
														   call.handin->account),
									 values, nulls);
	else
		fpgo_submission_fill_session(answer->outcome.reply->order_uuid,
									 answer->outcome.reply->customer_uuid,
									 answer->outcome.reply->bank_id_url,
									 values, nulls);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor),
											 values, nulls));
}

FPGO_ORDER_FUNCTIONS(fpgo_submit_invoice, submit);
