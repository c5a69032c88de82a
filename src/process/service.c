/*
 * service.c
 *		Serves one request of a session: from mailbox to answer.
 *
 * For each order of submit_invoice
 *
 *		1. submission and attempt are recorded in one transaction, which is
 *		   committed unless the caller withdrew first;
 *		2. the order is sent, outside any transaction and snapshot;
 *		3. the outcome is recorded in another transaction, which is tried
 *		   again if it fails;
 *		4. the answer is handed back.
 *
 * Steps 2 and 4 need a record that is flushed.  The resident worker flushes those
 * of several services at once.
 *
 * An inquiry is sent and its answer handed back: no transaction, no lock, no
 * record.  It ends early when its caller has left, and at a shutdown.
 *
 * Memory: each request has a context, which is deleted at its end.  libcurl's
 * handle and its kept connections live as long as the process.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_foreign_server.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/clock.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "delivery/allowance.h"
#include "delivery/durable.h"
#include "delivery/flight.h"
#include "delivery/holds.h"
#include "delivery/patience.h"
#include "gateway/http.h"
#include "ipc/message.h"
#include "order/secrets.h"
#include "process/closed.h"
#include "process/held_tables.h"
#include "process/in_the_way.h"
#include "process/service.h"
#include "process/worker.h"
#include "records/insert.h"
#include "records/locks.h"
#include "records/sweep.h"
#include "records/versions.h"
#include "tables/statement.h"

/*
 * Most bytes of each text of an error.  Then a whole answer fits into its
 * queue, and handing it over never waits, not even if the caller is suspended.
 */
#define ERROR_TEXT_MAX 8000

/* longest wait for a lock in an insertion: the resident worker serves nobody */
#define BRIEF_LOCK_TIMEOUT "10ms"

/* so many times in a row at most is an order recorded anew */
#define MAX_OVERTAKEN 5

struct FpgoService
{
	FpgoMailbox *mailbox;
	MemoryContext context;		/* of the request; holds this struct */
	FpgoRequest *request;
	FpgoAnswer	answer;
	FpgoFlight *flight;			/* NULL unless recorded */
	FpgoExchange *inquiry;		/* NULL unless begun, or once ended */
	int64		run;
	bool		may_wait;
	bool		awaits_launch;	/* recorded, and perhaps not flushed yet */
	bool		holds_tables;
	bool		is_inserting;	/* has the insertion of the order begun? */
	int			n_overtaken;	/* how often others used the key first */
	bool		is_patient;		/* wait for locks as long as the process may */
	FpgoMoment	settling_since; /* 0 before the first try */
};

/* ---------- table locks ---------- */

/* False if others wait for the tables, which a helper can let go first. */
static bool
hold_tables(FpgoService *service)
{
	service->holds_tables = fpgo_held_tables_take(service->may_wait);
	if (!service->holds_tables)
		service->answer.kind = FPGO_ANSWER_ELSEWHERE;
	return service->holds_tables;
}

static void
release_tables(FpgoService *service)
{
	if (service->holds_tables)
		fpgo_held_tables_release();
	service->holds_tables = false;
}

/* Roll back; that releases the locks of the process, too. */
static void
abort_transaction(void)
{
	AbortCurrentTransaction();
	fpgo_held_tables_forget();
}

/* ---------- recording ---------- */

static char *
clip(char *text)
{
	int			len = text ? strlen(text) : 0;

	if (len <= ERROR_TEXT_MAX)
		return text;
	return pnstrdup(text, pg_mbcliplen(text, len, ERROR_TEXT_MAX));
}

/* Keep the parts of an error that the caller may pass on. */
static void
keep_error(FpgoService *service, ErrorData *error)
{
	service->answer.error.sqlerrcode = error->sqlerrcode;
	service->answer.error.message = clip(error->message);
	service->answer.error.detail = clip(error->detail);
	service->answer.error.hint = clip(error->hint);
}

/* Take the error that is being handled. */
static void
take_error(FpgoService *service)
{
	ErrorData  *error;

	MemoryContextSwitchTo(service->context);
	error = CopyErrorData();
	FlushErrorState();
	/* the error may come from a commit, of a deferred constraint */
	fpgo_statement_redact(error);
	keep_error(service, error);
}

/* Take the error that is being handled, and roll back. */
static void
catch_error(FpgoService *service)
{
	take_error(service);
	abort_transaction();
}

/* The result of a try to record an order. */
typedef enum Recording
{
	RECORDED,					/* commit, then send */
	ANSWERED,					/* commit what was changed; answer */
	IN_THE_WAY,					/* roll back; answer, or sweep and try again */
	OVERTAKEN,					/* roll back and try again */
	FAILED						/* rolled back: the error is kept */
} Recording;

/*
 * Insert the order; 0 if something is in the way.  A transaction may take the
 * key after it was looked for: that is waited for briefly.
 */
static int64
insert(FpgoService *service, const FpgoVersions *versions, TimestampTz began)
{
	int			level = NewGUCNestLevel();
	int64		id;

	service->is_inserting = true;
	if (!service->is_patient)
		(void) set_config_option("lock_timeout", BRIEF_LOCK_TIMEOUT,
								 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	id = fpgo_submission_send(&service->request->handin, versions,
							  service->run, began);
	AtEOXact_GUC(false, level);
	service->is_inserting = false;
	return id;
}

/* Another process used the key between look and insertion. */
static Recording
overtaken(FpgoService *service)
{
	if (++service->n_overtaken < MAX_OVERTAKEN)
		return OVERTAKEN;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("key was used concurrently; try again"),
			 fpgo_errhide()));
}

/* Record the order, inside the transaction. */
static Recording
record(FpgoService *service)
{
	FpgoRequest *request = service->request;
	bool		is_open;
	FpgoClaim	claim = {.attempt = 1};
	int64		canary_of;
	FpgoVersions *versions;

	/* the caller has checked that too, but may have another library loaded */
	fpgo_extension_require_current();
	if (!SearchSysCacheExists1(FOREIGNSERVEROID,
							   ObjectIdGetDatum(request->server)))
	{
		service->answer.kind = FPGO_ANSWER_SERVER_UNSEEN;
		return ANSWERED;
	}
	/* what is on record is the answer, whatever else is open */
	is_open = fpgo_in_the_way_is_open(&request->handin, &service->answer);
	if (fpgo_in_the_way_is_on_record(&request->handin, &service->answer,
									 &versions) || is_open)
		return ANSWERED;
	/* an order sent at once cannot wait for another of its reference */
	service->answer.submission =
		fpgo_submission_find_reference(&request->handin);
	if (service->answer.submission != 0)
	{
		service->answer.kind = FPGO_ANSWER_REFERENCE_BUSY;
		return IN_THE_WAY;
	}
	if (fpgo_in_the_way_is_time(&request->target, &service->answer))
		return IN_THE_WAY;
	if (fpgo_closed_is(request, service->run, &service->answer, &canary_of))
		return ANSWERED;
	claim.attempt_began = GetCurrentTimestamp();
	claim.submission = insert(service, versions, claim.attempt_began);
	if (claim.submission == 0)
		return overtaken(service);
	claim.order = versions->order != 0 ? versions->order : claim.submission;
	claim.server = request->handin.account;
	claim.role = request->handin.role;
	claim.mapping = request->handin.mapping;
	claim.payload = request->handin.payload;
	claim.secrets = request->secrets;
	service->flight = fpgo_flight_prepare(&claim, service->run,
										  &request->target,
										  request->retention,
										  service->context);
	service->flight->canary_of = canary_of;
	return RECORDED;
}

/* Strike the deal: from here on the caller can no longer withdraw. */
static bool
strike_deal(FpgoService *service)
{
	FpgoMailboxHeader *header = service->mailbox->header;
	uint32		expected = FPGO_DEAL_OPEN;

	pg_atomic_write_u64(&header->submission,
						service->flight->claim.submission);
	return pg_atomic_compare_exchange_u32(&header->deal, &expected,
										  FPGO_DEAL_COMMITTING);
}

/* Could the order not be recorded because another process held a lock? */
static bool
was_lock_in_the_way(const FpgoService *service)
{
	return service->answer.error.sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		service->answer.error.sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
}

/* Record the order, with the first of the two commits. */
static Recording
record_and_commit(FpgoService *service)
{
	volatile Recording recording = ANSWERED;

	PG_TRY();
	{
		fpgo_http_require();
		fpgo_worker_begin_transaction();
		MemoryContextSwitchTo(service->context);
		if (hold_tables(service))
			recording = record(service);
		if (recording == RECORDED && !strike_deal(service))
		{
			service->answer.kind = FPGO_ANSWER_WITHDRAWN;
			recording = IN_THE_WAY;
		}
		if (recording == IN_THE_WAY || recording == OVERTAKEN)
			abort_transaction();
		else
			fpgo_worker_commit_transaction();
	}
	PG_CATCH();
	{
		catch_error(service);
		recording = FAILED;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(service->context);
	if (recording != RECORDED)
	{
		release_tables(service);
		if (service->flight != NULL)
			fpgo_flight_free(service->flight);
		service->flight = NULL;
	}
	return recording;
}

/* Record the order; anew while others use its key first. */
static Recording
try_to_record(FpgoService *service)
{
	Recording	recording;

	fpgo_closed_attend(service->request);
	do
		recording = record_and_commit(service);
	while (recording == OVERTAKEN);
	return recording;
}

/* Make submissions of dead runs uncertain; true if there were any. */
static bool
sweep(FpgoService *service)
{
	volatile int n = 0;

	PG_TRY();
	{
		fpgo_worker_begin_transaction();
		n = fpgo_submission_sweep();
		fpgo_worker_commit_transaction();
	}
	PG_CATCH();
	{
		/* the submission in the way stays there, and the answer says so */
		MemoryContextSwitchTo(service->context);
		FlushErrorState();
		abort_transaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(service->context);
	return n > 0;
}

/*
 * The insertion waited in vain.  If that was for a transaction with the key, the
 * caller waits for it.  Else a process that may wait tries again.
 */
static Recording
look_again(FpgoService *service)
{
	volatile bool must_wait = false;

	service->is_inserting = false;
	PG_TRY();
	{
		fpgo_worker_begin_transaction();
		MemoryContextSwitchTo(service->context);
		must_wait = fpgo_in_the_way_is_open(&service->request->handin,
											&service->answer);
		fpgo_worker_commit_transaction();
	}
	PG_CATCH();
	{
		catch_error(service);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(service->context);
	if (must_wait)
		return ANSWERED;
	if (!service->may_wait)
		return FAILED;
	service->is_patient = true;
	return try_to_record(service);
}

/* Answer with the error, or with who may still record the order. */
static void
answer_failure(FpgoService *service)
{
	/* a caller that left may know the number of this submission */
	if (!fpgo_mailbox_is_awaited(service->mailbox))
		ereport(LOG,
				(errmsg("order of a caller that left could not be recorded and was not sent"),
				 errdetail("The reason was: %s",
						   service->answer.error.message)));
	service->answer.kind = !service->may_wait &&
		was_lock_in_the_way(service) ? FPGO_ANSWER_ELSEWHERE :
		FPGO_ANSWER_ERROR;
}

static void
begin_order(FpgoService *service)
{
	Recording	recording;

	pgstat_report_activity(STATE_RUNNING, "recording");
	fpgo_allowance_prepare(&service->request->target,
						   &fpgo_worker_transactions);
	recording = try_to_record(service);
	if (recording == IN_THE_WAY &&
		service->answer.kind == FPGO_ANSWER_REFERENCE_BUSY &&
		sweep(service))
		recording = try_to_record(service);
	if (recording == FAILED && service->is_inserting &&
		was_lock_in_the_way(service))
		recording = look_again(service);
	if (recording == FAILED)
		answer_failure(service);
	if (recording != RECORDED)
		return;
	service->answer.submission = service->flight->claim.submission;
	service->awaits_launch = true;
}

/* ---------- inquiries ---------- */

static void
begin_inquiry(FpgoService *service)
{
	pgstat_report_activity(STATE_RUNNING, "asking the gateway");
	PG_TRY();
	{
		service->inquiry = fpgo_exchange_inquire(&service->request->target,
												 service->request->path,
												 service->request->body_limit,
												 service->context);
	}
	PG_CATCH();
	{
		take_error(service);
		service->answer.kind = FPGO_ANSWER_ERROR;
	}
	PG_END_TRY();
}

/* An inquiry ends early when its caller has left or this process must end. */
static bool
is_inquiry_in_flight(const FpgoService *service)
{
	return !fpgo_exchange_is_done(service->inquiry) &&
		!ShutdownRequestPending &&
		pg_atomic_read_u32(&service->mailbox->header->deal) ==
		FPGO_DEAL_OPEN;
}

static void
end_inquiry(FpgoService *service)
{
	PG_TRY();
	{
		MemoryContextSwitchTo(service->context);
		service->answer.finding = *fpgo_exchange_find(service->inquiry);
		service->answer.kind = FPGO_ANSWER_FINDING;
	}
	PG_CATCH();
	{
		take_error(service);
		service->answer.kind = FPGO_ANSWER_ERROR;
	}
	PG_END_TRY();
	service->inquiry = NULL;
	MemoryContextSwitchTo(TopMemoryContext);
}

/* ---------- either ---------- */

FpgoService *
fpgo_service_begin(FpgoMailbox *mailbox, void *data, Size len, int64 run,
				   bool may_wait)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "fpgo service",
												  ALLOCSET_DEFAULT_SIZES);
	FpgoService *service = MemoryContextAllocZero(context,
												  sizeof(FpgoService));

	service->mailbox = mailbox;
	service->context = context;
	service->run = run;
	service->may_wait = may_wait;
	MemoryContextSwitchTo(context);
	service->request = fpgo_message_read_request(data, len);
	explicit_bzero(data, len);

	if (service->request->kind == FPGO_REQUEST_INQUIRY)
		begin_inquiry(service);
	else if (ShutdownRequestPending)
		/* this process was told to end at that moment: nothing was begun */
		service->answer.kind = FPGO_ANSWER_ELSEWHERE;
	else
		begin_order(service);
	MemoryContextSwitchTo(TopMemoryContext);
	return service;
}

void
fpgo_service_launch(FpgoService *service)
{
	if (!service->awaits_launch)
		return;
	service->awaits_launch = false;
	/* it may have been stopped meanwhile */
	if (fpgo_flight_is_over(service->flight))
		return;
	if (fpgo_durable_is_acknowledged())
		fpgo_flight_launch(service->flight);
	else
		fpgo_flight_call_off(service->flight);
	pgstat_report_activity(STATE_RUNNING, "waiting for the gateway");
}

bool
fpgo_service_is_in_flight(const FpgoService *service)
{
	if (service->inquiry != NULL)
		return is_inquiry_in_flight(service);
	return service->flight != NULL && !fpgo_flight_is_over(service->flight);
}

void
fpgo_service_stop_unsent(FpgoService *service)
{
	if (service->flight != NULL)
		fpgo_flight_stop_unsent(service->flight);
}

/* ---------- settling ---------- */

/* Record the outcome: one try of the second commit. */
static bool
try_to_settle(FpgoService *service)
{
	volatile bool settled = false;

	PG_TRY();
	{
		fpgo_worker_begin_transaction();
		MemoryContextSwitchTo(service->context);
		if (!service->may_wait)
			fpgo_table_lock_all();
		fpgo_flight_settle(service->flight,
						   fpgo_mailbox_is_awaited(service->mailbox));
		fpgo_holds_learn(service->flight);
		fpgo_holds_look();
		fpgo_worker_commit_transaction();
		settled = true;
	}
	PG_CATCH();
	{
		catch_error(service);
	}
	PG_END_TRY();
	return settled;
}

/* The outcome cannot be recorded in time: answer so. */
static void
give_up(FpgoService *service)
{
	const FpgoOutcome *outcome = service->flight->outcome;

	ereport(LOG,
			(errmsg("outcome of submission %lld could not be recorded",
					(long long) service->flight->claim.submission),
			 errdetail("The outcome was: %s.  The reason was: %s",
					   outcome ? fpgo_outcome_name(outcome->class) :
					   "not known", service->answer.error.message),
			 errhint("The submission becomes uncertain.")));
	service->answer.kind = FPGO_ANSWER_UNRECORDED;
}

/* Has recording been tried for long enough, or must this process end? */
static bool
has_given_up(const FpgoService *service)
{
	FpgoMoment	deadline = fpgo_worker_deadline();

	if (deadline != 0)
		return fpgo_clock_has_come(deadline);
	return fpgo_clock_has_passed(service->settling_since,
								 FPGO_RETRY_LIMIT_MS);
}

bool
fpgo_service_settle(FpgoService *service)
{
	if (service->inquiry != NULL)
		end_inquiry(service);
	if (service->flight == NULL)
		return true;
	pgstat_report_activity(STATE_RUNNING, "recording the outcome");
	if (service->settling_since == 0)
		service->settling_since = fpgo_clock_now();
	if (try_to_settle(service))
	{
		service->answer.kind = service->flight->is_stopped ?
			FPGO_ANSWER_ELSEWHERE : FPGO_ANSWER_OUTCOME;
		service->answer.outcome = *service->flight->outcome;
		/* others must hear of it if the gateway asks to slow down */
		fpgo_allowance_attend(&fpgo_worker_transactions, false);
		MemoryContextSwitchTo(service->context);
	}
	else if (has_given_up(service))
		give_up(service);
	else
	{
		MemoryContextSwitchTo(TopMemoryContext);
		return false;
	}
	release_tables(service);
	MemoryContextSwitchTo(TopMemoryContext);
	return true;
}

bool
fpgo_service_is_unrecorded(const FpgoService *service)
{
	return service->answer.kind == FPGO_ANSWER_UNRECORDED;
}

int64
fpgo_service_run(const FpgoService *service)
{
	return service->run;
}

/* ---------- answering ---------- */

static void
free_service(FpgoService *service)
{
	if (service->flight != NULL)
		fpgo_flight_free(service->flight);
	explicit_bzero(unconstify(char *, service->request->target.token),
				   strlen(service->request->target.token));
	if (service->request->kind == FPGO_REQUEST_ORDER)
	{
		explicit_bzero(unconstify(char *, service->request->handin.payload),
					   service->request->handin.payload_len);
		if (service->request->handin.callback_token != NULL)
			explicit_bzero(unconstify(char *, service->request->handin.callback_token),
						   strlen(service->request->handin.callback_token));
		fpgo_secrets_wipe(service->request->secrets);
	}
	if (service->answer.on_record.bank_id_url != NULL)
		explicit_bzero(unconstify(char *, service->answer.on_record.bank_id_url),
					   strlen(service->answer.on_record.bank_id_url));
	if (service->answer.kind == FPGO_ANSWER_FINDING &&
		service->answer.finding.body != NULL)
		explicit_bzero(unconstify(char *, service->answer.finding.body),
					   strlen(service->answer.finding.body));
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(service->context);
}

bool
fpgo_service_answer(FpgoService *service)
{
	FpgoMailbox *mailbox = service->mailbox;
	StringInfoData message;
	bool		goes_on;

	MemoryContextSwitchTo(service->context);

	/*
	 * The mailbox is released before the answer: the caller may have its next
	 * request ready before this function returns.  If the outcome could not be
	 * recorded, this process ends: the end of its run makes the submission
	 * uncertain.
	 */
	goes_on = !ShutdownRequestPending &&
		service->answer.kind != FPGO_ANSWER_UNRECORDED;
	pg_atomic_write_u32(&mailbox->header->holder,
						goes_on ? FPGO_HOLDER_IDLE : FPGO_HOLDER_GONE);
	initStringInfo(&message);
	service->answer.number = service->request->number;
	fpgo_message_write_answer(&message, &service->answer);
	if (shm_mq_send(mailbox->out, message.len, message.data, false,
					true) != SHM_MQ_SUCCESS)
	{
		/* the caller is gone and cannot overwrite the queues */
		goes_on = false;
		fpgo_mailbox_wipe(mailbox);
	}
	explicit_bzero(message.data, message.len);
	free_service(service);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return goes_on;
}
