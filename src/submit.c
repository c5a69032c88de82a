/*
 * submit.c
 *		fpgo.submit_invoice: one order, sent now, its answer as a row.
 *
 * The caller's side.  It resolves the gateway with its own eyes and rights,
 * validates, and hands the order to the database's resident worker (resident.c)
 * or, where there is none, to a helper process of the session's own (helper.c),
 * which records it, sends it and records the outcome (service.c), whatever
 * becomes of the transaction here.  Then it waits and makes a row or an error of the answer.
 * No network traffic happens in this process.
 *
 * A call that leaves early, by cancel, timeout or termination, either
 * withdraws the order before it is recorded, or names the submission that
 * goes on (see mailbox.c).  It then forgets the helper, which finishes alone;
 * the next call starts another.
 */
#include "fpgo.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "helper.h"
#include "mailbox.h"
#include "owner.h"
#include "roster.h"
#include "secrets.h"

PG_FUNCTION_INFO_V1(fpgo_submit_invoice_text);
PG_FUNCTION_INFO_V1(fpgo_submit_invoice_jsonb);
PG_FUNCTION_INFO_V1(fpgo_submit_invoice_invoice_order);

/*
 * How long the resident worker may take to take a mailbox, and how often to
 * look whether it did, in milliseconds.
 */
#define OFFER_MS 1000
#define OFFER_LOOK_MS 10

/* ---------- the session's helper ---------- */

/*
 * The process that serves this session, a helper process of its own or the
 * resident worker (which has no handle); no mailbox, no helper.
 */
static struct
{
	FpgoMailbox *mailbox;
	BackgroundWorkerHandle *worker;
	uint32		n_requests;
}			helper;

static void
forget_helper(void)
{
	FpgoMailbox *mailbox = helper.mailbox;

	if (mailbox == NULL)
		return;
	helper.mailbox = NULL;
	(void) fpgo_mailbox_stop_waiting(mailbox);
	fpgo_mailbox_detach(mailbox);
	if (helper.worker != NULL)
		pfree(helper.worker);
	helper.worker = NULL;
}

/* Take the process of an earlier call, if it still waits. */
static bool
take_helper(void)
{
	uint32		expected = FPGO_OWNER_IDLE;

	if (helper.mailbox == NULL)
		return false;
	if (pg_atomic_compare_exchange_u32(&helper.mailbox->header->owner,
									   &expected, FPGO_OWNER_BUSY))
		return true;
	forget_helper();
	return false;
}

static void
make_mailbox(void)
{
	FpgoMailboxHeader *header;

	helper.mailbox = fpgo_mailbox_create();
	header = helper.mailbox->header;
	header->database = MyDatabaseId;
	header->session_role = GetSessionUserId();
	header->caller_pid = MyProcPid;
	header->idle_ms = fpgo_helper_idle;
}

static void
start_helper(void)
{
	helper.worker = fpgo_helper_start(helper.mailbox);
	/* waits then notice a helper that never came up */
	shm_mq_set_handle(helper.mailbox->out, helper.worker);
	shm_mq_set_handle(helper.mailbox->in, helper.worker);
}

/*
 * Has this database's resident worker taken the mailbox?  It does so within
 * a moment, or is gone, or too busy to be of use.
 */
static bool
is_taken_by_resident(void)
{
	dsm_handle	handle = dsm_segment_handle(helper.mailbox->segment);
	TimestampTz began = GetCurrentTimestamp();
	int			pid = fpgo_roster_offer(handle);

	while (pid != 0)
	{
		if (fpgo_mailbox_is_attached(helper.mailbox))
			return true;
		if (fpgo_roster_status(MyDatabaseId).pid != pid)
			break;
		if (TimestampDifferenceExceeds(began, GetCurrentTimestamp(),
									   OFFER_MS))
		{
			(void) fpgo_roster_take_back(handle);
			break;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT |
						 WL_EXIT_ON_PM_DEATH, OFFER_LOOK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	if (pid != 0)
	{
		/* it is gone or slow, perhaps with the mailbox in its hands */
		fpgo_mailbox_detach(helper.mailbox);
		helper.mailbox = NULL;
		make_mailbox();
	}
	return false;
}

/* Find a process to serve this session: the resident worker, or a helper. */
static void
find_helper(bool may_be_resident)
{
	make_mailbox();
	PG_TRY();
	{
		if (!may_be_resident || !is_taken_by_resident())
			start_helper();
	}
	PG_CATCH();
	{
		forget_helper();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* ---------- asking it ---------- */

/* Take back what was not recorded yet; false if it goes on. */
static bool
withdraw(void)
{
	uint32		expected = FPGO_DEAL_OPEN;

	return pg_atomic_compare_exchange_u32(&helper.mailbox->header->deal,
										  &expected, FPGO_DEAL_WITHDRAWN) ||
		expected == FPGO_DEAL_WITHDRAWN;
}

/* What becomes of the order when the wait for it ends here and now. */
static const char *
leave_order(void)
{
	FpgoMailboxHeader *header = helper.mailbox->header;
	long long	submission;
	bool		waits;

	waits = fpgo_mailbox_stop_waiting(helper.mailbox);
	if (withdraw())
		return "order withdrawn: nothing was recorded and nothing was sent";
	submission = pg_atomic_read_u64(&header->submission);
	if (!waits)
		return psprintf("outcome of submission %lld is being recorded; fpgo.invoice_session(%lld) has its answer if it was accepted",
						submission, submission);
	return psprintf("submission %lld goes on; fpgo.invoice_session(%lld) has its answer when it is accepted",
					submission, submission);
}

/*
 * CONTEXT of a cancel, a timeout or a termination.  Only these, by their class
 * of SQLSTATE: a warning that passes here must not end anything, and a
 * callback cannot ask for the level.
 */
static void
describe_waiting(void *arg)
{
	if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_OPERATOR_INTERVENTION ||
		helper.mailbox == NULL)
		return;
	errcontext("%s", leave_order());
}

/* The same for any other error; in PG_CATCH, which it leaves by raising. */
static void pg_attribute_noreturn()
leave_by_error(MemoryContext context)
{
	ErrorData  *error;
	const char *fate;

	if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_OPERATOR_INTERVENTION)
	{
		forget_helper();
		PG_RE_THROW();
	}
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	fate = leave_order();
	forget_helper();
	error->context = error->context ?
		psprintf("%s\n%s", fate, error->context) : pstrdup(fate);
	ReThrowError(error);
}

/* The helper failed or vanished with the order on record. */
static void pg_attribute_noreturn()
raise_unknown(const char *reason)
{
	long long	submission =
	pg_atomic_read_u64(&helper.mailbox->header->submission);

	ereport(ERROR,
			(errcode(ERRCODE_FPGO_UNKNOWN),
			 errmsg("outcome of submission %lld is unknown", submission),
			 errdetail("The helper process ended while it was under way: %s.",
					   reason),
			 errhint("The order may have been invoiced; do not send it again blindly.  fpgo.invoice_session(%lld) has its answer if it was accepted.",
					 submission),
			 fpgo_errhide()));
}

/* An error or a notice of the helper's own. */
static void
pass_on(const void *data, Size len)
{
	ErrorContextCallback *stack = error_context_stack;
	ErrorContextCallback callback = {.callback = fpgo_hide_statement};
	StringInfoData message;
	ErrorData	error;

	message.data = unconstify(char *, (const char *) data);
	message.len = len;
	message.maxlen = len;
	message.cursor = 1;
	pq_parse_errornotice(&message, &error);
	/* a driver would take these for the loss of its own connection */
	if (error.elevel >= ERROR &&
		(error.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
		 ERRCODE_TO_CATEGORY(error.sqlerrcode) ==
		 ERRCODE_CONNECTION_EXCEPTION))
		error.sqlerrcode = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
	/* once the order is on record, that it failed is all we know of it */
	if (error.elevel >= ERROR &&
		pg_atomic_read_u32(&helper.mailbox->header->deal) ==
		FPGO_DEAL_COMMITTING)
		raise_unknown(error.message);
	error.elevel = Min(error.elevel, ERROR);
	/* a warning ends nothing here, whatever its SQLSTATE says */
	if (error.elevel < ERROR)
		error_context_stack = &callback;
	ThrowErrorData(&error);
	error_context_stack = stack;
}

/* Exchange one message with the helper; NULL if the helper is gone. */
static FpgoAnswer *
talk(FpgoRequest *request)
{
	StringInfoData message;
	FpgoAnswer *answer = NULL;
	Size		len;
	void	   *data;

	initStringInfo(&message);
	request->number = ++helper.n_requests;
	fpgo_mailbox_write_request(&message, request);
	(void) shm_mq_send(helper.mailbox->out, message.len, message.data, false,
					   true);
	explicit_bzero(message.data, message.len);
	/* a helper that is gone may still have said why */
	while (answer == NULL)
	{
		char		type;

		if (shm_mq_receive(helper.mailbox->in, &len, &data, false) !=
			SHM_MQ_SUCCESS)
			return NULL;
		type = len > 0 ? *(char *) data : '\0';
		if (type == 'E' || type == 'N')
			pass_on(data, len);
		else if ((unsigned char) type >= 0x80)
		{
			answer = fpgo_mailbox_read_answer(data, len);
			explicit_bzero(data, len);
		}
		/* anything else is the protocol's chatter at a start: skip it */
	}
	if (answer->number != request->number)
		elog(ERROR, "helper process answered another request");
	fpgo_mailbox_wipe(helper.mailbox);
	return answer;
}

static FpgoAnswer *
talk_or_leave(FpgoRequest *request)
{
	FpgoMailboxHeader *header = helper.mailbox->header;
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = describe_waiting};
	MemoryContext context = CurrentMemoryContext;
	FpgoAnswer *answer = NULL;

	pg_atomic_write_u32(&header->waiting, FPGO_WAITING);
	pg_atomic_write_u32(&header->deal, FPGO_DEAL_OPEN);
	pg_atomic_write_u64(&header->submission, 0);
	error_context_stack = &callback;
	PG_TRY();
	{
		answer = talk(request);
	}
	PG_CATCH();
	{
		/* a half-written message or an unread answer: never use it again */
		leave_by_error(context);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	return answer;
}

/*
 * The helper's answer.  Tries once more if a helper is lost without a trace,
 * and asks a helper of its own if the resident worker cannot wait.
 */
static FpgoAnswer *
ask(FpgoRequest *request)
{
	bool		may_be_resident = true;
	int			n_lost = 0;

	for (;;)
	{
		FpgoAnswer *answer;

		if (!take_helper())
			find_helper(may_be_resident);
		answer = talk_or_leave(request);
		if (answer != NULL && answer->kind != FPGO_ANSWER_ELSEWHERE)
			return answer;
		may_be_resident = false;
		if (answer == NULL && !withdraw())
			raise_unknown("it is gone");
		forget_helper();
		if (answer == NULL && n_lost++ > 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("helper process ended before the order was recorded"),
					 errdetail("Nothing was recorded and nothing was sent."),
					 errhint("Submit the order again.  The server log may say why the process ended; after an upgrade of fpgo, reconnect first."),
					 fpgo_errhide()));
	}
}

/* ---------- before asking ---------- */

/*
 * The helper cannot see what this transaction did and would wait for it while
 * this session waits for the helper: a deadlock that PostgreSQL does not see.
 * So look first.
 */
static void
require_no_own_obstacle(const FpgoHandIn *handin)
{
	static const char *const tables[] = {"submission", "attempt", "payload"};
	FpgoSubmission *own;

	for (int i = 0; i < (int) lengthof(tables); i++)
	{
		LOCKTAG		tag;

		SET_LOCKTAG_RELATION(tag, MyDatabaseId, fpgo_owner_table(tables[i]));
		for (LOCKMODE mode = ShareLock; mode <= AccessExclusiveLock; mode++)
		{
			if (LockHeldByMe(&tag, mode))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("cannot submit an invoice while this transaction locks the records of fpgo"),
						 errhint("Commit first."),
						 fpgo_errhide()));
		}
	}
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return;
	own = fpgo_submission_find_key(handin);
	if (own != NULL && own->is_own)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order was queued in this transaction"),
				 errdetail("It is submission %lld.", (long long) own->id),
				 errhint("Commit first; it is delivered then."),
				 fpgo_errhide()));
}

/* ---------- the answer ---------- */

/* DETAIL: what happened and, one a line, what the gateway said about it. */
static char *
describe_outcome(const FpgoOutcome *outcome)
{
	StringInfoData detail;
	const FpgoReply *reply = outcome->reply;

	initStringInfo(&detail);
	appendStringInfoString(&detail, outcome->reason);
	for (int i = 0; reply != NULL && i < reply->n_messages; i++)
		appendStringInfo(&detail, "\n%s", reply->messages[i]);
	if (reply != NULL && reply->n_left_off > 0)
		appendStringInfo(&detail, "\n... and %d more.", reply->n_left_off);
	return detail.data;
}

/* How an outcome is raised; %s in message and hint is the server's name. */
typedef struct OutcomeError
{
	int			code;
	const char *message;
	const char *hint;			/* NULL if there is nothing to advise */
} OutcomeError;

static const OutcomeError outcome_errors[] = {
	[FPGO_OUTCOME_REFUSED] = {ERRCODE_FPGO_REFUSED,
	"server \"%s\" refused the order", NULL},
	[FPGO_OUTCOME_UNREACHED] = {ERRCODE_FPGO_UNREACHED,
		"could not reach server \"%s\"",
	"The order was not processed; it is safe to submit it again."},
	[FPGO_OUTCOME_MISCONFIGURED] = {ERRCODE_FPGO_UNREACHED,
		"could not reach the order service of server \"%s\"",
	"The order was not processed.  Check the server's options: ALTER SERVER %s OPTIONS (SET url '...');"},
	[FPGO_OUTCOME_CREDENTIALS] = {ERRCODE_FPGO_CREDENTIALS,
		"server \"%s\" refused the credentials",
	"The order was not processed.  Put the right token into the user mapping of server %s."},
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

static void pg_attribute_noreturn()
raise_outcome(const FpgoOutcome *outcome, const char *server_name,
			  int64 submission)
{
	const OutcomeError *error = &outcome_errors[outcome->class];
	const char *hint = error->hint;

	if (outcome->class == FPGO_OUTCOME_SLOW_DOWN &&
		outcome->retry_after_s >= 0)
		hint = psprintf("The order was not processed; submit it again in %d seconds.",
						outcome->retry_after_s);
	if (outcome->class == FPGO_OUTCOME_UNKNOWN)
		hint = advise_uncertain(submission);
	ereport(ERROR,
			(errcode(error->code),
			 errmsg(error->message, server_name),
			 errdetail_internal("%s", describe_outcome(outcome)),
			 hint ? errhint(hint, quote_identifier(server_name)) : 0,
			 fpgo_errhide()));
}

/* The key is taken: make of it what the first call's state means. */
static void
judge_on_record(const FpgoSubmission *found, const char *server_name)
{
	if (!found->is_same_order)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("another order was handed in under this key"),
				 errdetail("It is submission %lld of server \"%s\", which is %s.  Nothing was sent.",
						   (long long) found->id, server_name,
						   fpgo_state_name(found->state)),
				 errhint("If this is a new order, pass a key of its own: fpgo.submit_invoice(..., key => '...')."),
				 fpgo_errhide()));
	if (found->state == FPGO_UNCERTAIN)
		ereport(ERROR,
				(errcode(ERRCODE_FPGO_UNKNOWN),
				 errmsg("outcome of an earlier submission of this order is unknown"),
				 errdetail("It is submission %lld of server \"%s\".  Nothing was sent now.",
						   (long long) found->id, server_name),
				 errhint("%s", advise_uncertain(found->id)),
				 fpgo_errhide()));
	if (found->state != FPGO_ACCEPTED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("order is being submitted"),
				 errdetail("It is submission %lld of server \"%s\", which is %s.  Nothing was sent now.",
						   (long long) found->id, server_name,
						   fpgo_state_name(found->state)),
				 errhint("fpgo.invoice_session(%lld) has its answer when it is accepted.",
						 (long long) found->id),
				 fpgo_errhide()));
}

/* Raise what an answer without a session comes to. */
static void
judge(const FpgoAnswer *answer, const char *server_name)
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
			judge_on_record(&answer->on_record, server_name);
			break;
		case FPGO_ANSWER_REFERENCE_BUSY:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("another order with this referenceNo is not finished"),
					 errdetail("It is submission %lld of server \"%s\".  Nothing was sent now.",
							   (long long) answer->submission, server_name),
					 errhint("Orders that share a reference are sent one after another; submit this one later."),
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
			elog(ERROR, "no process served the request");
			break;
		case FPGO_ANSWER_WITHDRAWN:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("order was withdrawn before it was recorded"),
					 errdetail("Nothing was recorded and nothing was sent."),
					 fpgo_errhide()));
			break;
		case FPGO_ANSWER_ERROR:
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

/* Validate and ask.  The token is of no use after this, however it ends. */
static FpgoAnswer *
hand_over(Jsonb *order, const FpgoGateway *gateway, const char *key)
{
	FpgoRequest request = {0};
	FpgoAnswer *volatile answer = NULL;

	PG_TRY();
	{
		order = fpgo_defaults_lay_under(order, gateway->terms.defaults);
		fpgo_validate_require(order, gateway->terms.tax_rates);
		request.server = gateway->server;
		request.target = gateway->target;
		request.retention_s = gateway->retention_s;
		request.handin = *fpgo_handin_make(order,
										   gateway->target.server_name, key);
		request.secrets = fpgo_secrets_list(order);
		require_no_own_obstacle(&request.handin);
		answer = ask(&request);
	}
	PG_CATCH();
	{
		fpgo_gateway_wipe(gateway);
		PG_RE_THROW();
	}
	PG_END_TRY();
	fpgo_gateway_wipe(gateway);
	return answer;
}

static Datum
submit(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	const char *server_name = PG_ARGISNULL(1) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *key = PG_ARGISNULL(2) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(2));
	FpgoAnswer *answer;
	FpgoGateway *gateway;
	Jsonb	   *order;
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3];

	fpgo_handin_require_writable();
	order = fpgo_order_argument(fcinfo, spelling);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	gateway = fpgo_gateway_resolve(server_name, GetUserId());
	answer = hand_over(order, gateway, key);
	judge(answer, gateway->target.server_name);

	if (answer->kind == FPGO_ANSWER_ON_RECORD)
		fpgo_submission_fill_session(answer->on_record.order_uuid,
									 answer->on_record.customer_uuid,
									 answer->on_record.bank_id_url,
									 values, nulls);
	else
		fpgo_submission_fill_session(answer->outcome.reply->order_uuid,
									 answer->outcome.reply->customer_uuid,
									 answer->outcome.reply->bank_id_url,
									 values, nulls);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor),
											 values, nulls));
}

Datum
fpgo_submit_invoice_text(PG_FUNCTION_ARGS)
{
	return fpgo_cover(submit, fcinfo, FPGO_SPELLED_TEXT);
}

Datum
fpgo_submit_invoice_jsonb(PG_FUNCTION_ARGS)
{
	return fpgo_cover(submit, fcinfo, FPGO_SPELLED_JSONB);
}

Datum
fpgo_submit_invoice_invoice_order(PG_FUNCTION_ARGS)
{
	return fpgo_cover(submit, fcinfo, FPGO_SPELLED_COMPOSITE);
}
