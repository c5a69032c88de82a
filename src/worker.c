/*
 * worker.c
 *		The helper process: records an order, sends it, records the outcome.
 *
 * submit_invoice hands its order over a mailbox to a dynamic background
 * worker, so that what is sent is on record whatever becomes of the caller's
 * transaction.  For each request the helper
 *
 *		1. records submission and attempt in one transaction, and commits it
 *		   unless the caller withdrew first;
 *		2. sends, outside any transaction and snapshot;
 *		3. records the outcome in another transaction, and tries again if that
 *		   fails;
 *		4. hands the answer back.
 *
 * It connects as the bootstrap superuser, since the caller's role may not be
 * allowed to log in, and becomes the owner of fpgo's tables for each
 * statement (owner.c).  It runs no SQL text that came through the mailbox.
 *
 * Signals: SIGTERM asks it to end, which it does once the request under way is
 * settled or the grace time is over; it cuts a commit's wait for a standby,
 * and what no standby acknowledged is not sent.  SIGINT is heeded only when PostgreSQL's
 * own lock timer sends it, so pg_cancel_backend() cannot end a transfer
 * half-way.  Every orderly end is exit code 0, which leaves no log line.
 *
 * Memory: one context a request, deleted at its end; libcurl's handle and its
 * kept connections live with the process.
 */
#include "fpgo.h"

#include "access/xact.h"
#include "catalog/pg_foreign_server.h"
#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "flight.h"
#include "mailbox.h"
#include "owner.h"
#include "run.h"
#include "secrets.h"
#include "worker.h"

/* milliseconds between two looks of an idle helper at who wants its slot */
#define IDLE_LOOK_MS 100

/* longest step of a transfer before the process looks around, likewise */
#define STEP_MS 50

/*
 * How long a request under way may still take after SIGTERM: DROP DATABASE
 * WITH (FORCE) gives up after five seconds.
 */
#define GRACE_MS 3500

/* how long a helper goes on when the postmaster is gone */
#define ORPHAN_GRACE_MS 2000

/* between two tries to record an outcome, and how long to go on trying */
#define RETRY_MS 1000
#define RETRY_LIMIT_MS 10000

/* longest the recording may wait for a lock: nothing was sent yet */
#define RECORD_LOCK_TIMEOUT "2s"

PGDLLEXPORT void fpgo_helper_main(Datum main_arg);

/* ---------- starting one ---------- */

BackgroundWorkerHandle *
fpgo_worker_start_helper(FpgoMailbox *mailbox)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle = NULL;
	TimestampTz began = GetCurrentTimestamp();
	volatile bool wished = false;
	MemoryContext old;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(mailbox->segment));
	strlcpy(worker.bgw_library_name, "fpgo", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "fpgo_helper_main", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "fpgo helper", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "fpgo helper of process %d",
			 MyProcPid);

	/* the handle must outlive the transaction */
	old = MemoryContextSwitchTo(TopMemoryContext);
	PG_TRY();
	{
		while (!RegisterDynamicBackgroundWorker(&worker, &handle))
		{
			if (TimestampDifferenceExceeds(began, GetCurrentTimestamp(),
										   fpgo_helper_wait))
				ereport(ERROR,
						(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
						 errmsg("no worker slot became free for submitting the order"),
						 errdetail("Nothing was recorded and nothing was sent."),
						 errhint("Raise max_worker_processes, or wait longer with fpgo.helper_wait."),
						 fpgo_errhide()));
			/* one of those who wait makes idle helpers yield */
			if (!wished)
				wished = fpgo_run_wish_slot();
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT |
							 WL_EXIT_ON_PM_DEATH, 10, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	}
	PG_FINALLY();
	{
		if (wished)
			fpgo_run_unwish_slot();
		MemoryContextSwitchTo(old);
	}
	PG_END_TRY();
	return handle;
}

/* ---------- the process ---------- */

/* PostgreSQL's lock timer interrupts a wait by SIGINT; nobody else may. */
static void
handle_sigint(SIGNAL_ARGS)
{
	int			save_errno = errno;

	if (get_timeout_indicator(LOCK_TIMEOUT, false))
	{
		InterruptPending = true;
		QueryCancelPending = true;
		SetLatch(MyLatch);
	}
	errno = save_errno;
}

/* Is this process inside a commit, perhaps waiting for a standby? */
static volatile sig_atomic_t is_committing = false;

/* Asks for an orderly end; a wait for a standby that never comes is cut. */
static void
handle_sigterm(SIGNAL_ARGS)
{
	int			save_errno = errno;

	ShutdownRequestPending = true;
	if (is_committing)
		QueryCancelPending = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

static void
set_up_signals(void)
{
	pqsignal(SIGTERM, handle_sigterm);
	pqsignal(SIGINT, handle_sigint);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
}

/*
 * ALTER DATABASE ... SET and ALTER ROLE ... SET reach this process; none of it
 * may change what it does.
 */
static void
set_up_settings(int caller_pid)
{
	static const struct
	{
		const char *name;
		const char *value;
	}			settings[] =
	{
		{"role", "none"},
		{"search_path", "pg_catalog, pg_temp"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"lock_timeout", RECORD_LOCK_TIMEOUT},
		{"row_security", "off"},
		{"session_replication_role", "origin"},
		{"client_min_messages", "warning"},
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		SetConfigOption(settings[i].name, settings[i].value, PGC_SUSET,
						PGC_S_OVERRIDE);
	/* pg_stat_activity has no other column that could say whose helper it is */
	SetConfigOption("application_name",
					psprintf("fpgo helper of process %d", caller_pid),
					PGC_SUSET, PGC_S_OVERRIDE);
}

void
fpgo_worker_attend(void)
{
	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* ---------- one request ---------- */

static void
begin_transaction(void)
{
	StartTransactionCommand();
	fpgo_flight_require_durable();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
commit_transaction(void)
{
	PopActiveSnapshot();
	HOLD_INTERRUPTS();
	is_committing = true;
	if (ShutdownRequestPending)
		QueryCancelPending = true;
	CommitTransactionCommand();
	is_committing = false;
	QueryCancelPending = false;
	RESUME_INTERRUPTS();
}

/* The tables that a helper locks from recording to outcome. */
static const char *const locked_tables[] = {"submission", "attempt", "payload"};

/*
 * After the mark no lock may be waited for: somebody could take the tables
 * and then wait for the caller.  So ROW EXCLUSIVE is held for the process and
 * not the transaction, from before the first commit until the outcome is in.
 * The end of an aborted transaction takes such locks away.
 */
static void
lock_tables(Oid tables[lengthof(locked_tables)])
{
	for (int i = 0; i < (int) lengthof(locked_tables); i++)
	{
		LockRelId	relation = {fpgo_owner_table(locked_tables[i]),
		MyDatabaseId};

		LockRelationIdForSession(&relation, RowExclusiveLock);
		tables[i] = relation.relId;
	}
}

static void
unlock_tables(const Oid tables[lengthof(locked_tables)])
{
	for (int i = 0; i < (int) lengthof(locked_tables); i++)
	{
		LockRelId	relation = {tables[i], MyDatabaseId};

		UnlockRelationIdForSession(&relation, RowExclusiveLock);
	}
}

/* Everything about the request under way. */
typedef struct Service
{
	FpgoMailbox *mailbox;
	MemoryContext context;		/* of the request */
	FpgoRequest *request;
	FpgoAnswer	answer;
	FpgoFlight *flight;			/* NULL until recorded */
	int64		run;
	Oid			tables[lengthof(locked_tables)];
} Service;

/* Keep of an error what the caller may pass on. */
static void
keep_error(Service *service, ErrorData *error)
{
	service->answer.error.sqlerrcode = error->sqlerrcode;
	service->answer.error.message = error->message;
	service->answer.error.detail = error->detail;
	service->answer.error.hint = error->hint;
}

/* What became of the attempt to record an order. */
typedef enum Recording
{
	RECORDED,					/* commit, then send */
	ANSWERED,					/* commit what little was changed; answer */
	IN_THE_WAY					/* roll back; answer, or sweep and try again */
} Recording;

/* Nothing was recorded: say what is in the way. */
static Recording
answer_in_the_way(Service *service)
{
	const FpgoHandIn *handin = &service->request->handin;
	FpgoSubmission *found = fpgo_submission_find_key(handin);

	/* what a dead run left behind is uncertain from now on */
	if (found != NULL && found->state == FPGO_SENDING &&
		fpgo_run_is_dead(found->run) && fpgo_submission_sweep() > 0)
		found = fpgo_submission_find_key(handin);
	if (found != NULL)
	{
		service->answer.kind = FPGO_ANSWER_ON_RECORD;
		service->answer.on_record = *found;
		service->answer.submission = found->id;
		return ANSWERED;
	}
	service->answer.submission = fpgo_submission_find_reference(handin);
	if (service->answer.submission == 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the key was given back while it was asked for"),
				 fpgo_errhide()));
	service->answer.kind = FPGO_ANSWER_REFERENCE_BUSY;
	return IN_THE_WAY;
}

/* Inside the recording transaction. */
static Recording
record(Service *service)
{
	FpgoRequest *request = service->request;
	FpgoClaim	claim = {.attempt = 1};

	if (!SearchSysCacheExists1(FOREIGNSERVEROID,
							   ObjectIdGetDatum(request->server)))
	{
		service->answer.kind = FPGO_ANSWER_SERVER_UNSEEN;
		return ANSWERED;
	}
	if (request->handin.reference != NULL)
		fpgo_run_lock_reference(request->handin.server,
								request->handin.reference);
	claim.submission = fpgo_submission_send(&request->handin, service->run);
	if (claim.submission == 0)
		return answer_in_the_way(service);
	claim.server = request->handin.server;
	claim.role = request->handin.role;
	claim.payload = request->handin.payload;
	claim.secrets = request->secrets;
	service->flight = fpgo_flight_prepare(&claim, service->run,
										  &request->target,
										  request->retention_s,
										  service->context);
	return RECORDED;
}

/* Strike the deal: from here on the caller can no longer withdraw. */
static bool
strike_deal(Service *service)
{
	FpgoMailboxHeader *header = service->mailbox->header;
	uint32		expected = FPGO_DEAL_OPEN;

	pg_atomic_write_u64(&header->submission,
						service->flight->claim.submission);
	return pg_atomic_compare_exchange_u32(&header->deal, &expected,
										  FPGO_DEAL_COMMITTING);
}

/* The first of the two commits. */
static Recording
record_and_commit(Service *service)
{
	volatile Recording recording = ANSWERED;

	PG_TRY();
	{
		begin_transaction();
		lock_tables(service->tables);
		MemoryContextSwitchTo(service->context);
		recording = record(service);
		if (recording == RECORDED && !strike_deal(service))
		{
			service->answer.kind = FPGO_ANSWER_WITHDRAWN;
			recording = IN_THE_WAY;
		}
		if (recording == IN_THE_WAY)
			AbortCurrentTransaction();
		else
			commit_transaction();
		if (recording == ANSWERED)
			unlock_tables(service->tables);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(service->context);
		keep_error(service, CopyErrorData());
		FlushErrorState();
		AbortCurrentTransaction();
		/* whoever left may have been told the number of this submission */
		if (!fpgo_mailbox_is_awaited(service->mailbox))
			ereport(LOG,
					(errmsg("order of a caller that left could not be recorded and was not sent"),
					 errdetail("The reason was: %s",
							   service->answer.error.message)));
		service->answer.kind = FPGO_ANSWER_ERROR;
		recording = ANSWERED;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(service->context);
	return recording;
}

/* Make uncertain what dead runs left behind; true if there was something. */
static bool
sweep(Service *service)
{
	volatile int n = 0;

	PG_TRY();
	{
		begin_transaction();
		n = fpgo_submission_sweep();
		commit_transaction();
	}
	PG_CATCH();
	{
		/* what is in the way stays there, and the answer says so */
		MemoryContextSwitchTo(service->context);
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(service->context);
	return n > 0;
}

/* Send, and wait for the end of it as long as this process may go on. */
static void
fly(Service *service)
{
	FpgoFlight *flight = service->flight;
	TimestampTz ends = 0;

	if (fpgo_flight_is_acknowledged())
		fpgo_flight_launch(flight);
	else
		fpgo_flight_call_off(flight);
	while (!fpgo_flight_is_over(flight))
	{
		fpgo_http_step(STEP_MS);
		fpgo_worker_attend();
		if (ends == 0 && ShutdownRequestPending)
			ends = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   GRACE_MS);
		else if (ends == 0 && !PostmasterIsAlive())
			ends = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   ORPHAN_GRACE_MS);
		if (ends != 0 && GetCurrentTimestamp() >= ends)
			return;
	}
}

/* The second commit, once. */
static bool
try_to_settle(Service *service)
{
	volatile bool settled = false;

	PG_TRY();
	{
		begin_transaction();
		MemoryContextSwitchTo(service->context);
		fpgo_flight_settle(service->flight,
						   fpgo_mailbox_is_awaited(service->mailbox));
		commit_transaction();
		settled = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(service->context);
		keep_error(service, CopyErrorData());
		FlushErrorState();
		AbortCurrentTransaction();
		/* which took the process's table locks away */
	}
	PG_END_TRY();
	MemoryContextSwitchTo(service->context);
	return settled;
}

/* The second commit, as often as it takes. */
static void
settle(Service *service)
{
	TimestampTz began = GetCurrentTimestamp();
	bool		locked = true;

	for (;;)
	{
		int			limit = ShutdownRequestPending ? GRACE_MS : RETRY_LIMIT_MS;

		if (try_to_settle(service))
			break;
		locked = false;
		if (TimestampDifferenceExceeds(began, GetCurrentTimestamp(), limit))
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
			return;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT |
						 WL_EXIT_ON_PM_DEATH, RETRY_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		fpgo_worker_attend();
	}
	if (locked)
		unlock_tables(service->tables);
	service->answer.kind = FPGO_ANSWER_OUTCOME;
	service->answer.outcome = *service->flight->outcome;
}

/* Hand the answer back; goes_on is false if this process should end. */
static void
send_answer(Service *service, bool *goes_on)
{
	StringInfoData message;

	/*
	 * Before the answer, since the caller may have its next request ready
	 * before this returns.  An outcome that could not be recorded is known to
	 * be so when the run ends, and so this process goes.
	 */
	*goes_on = !ShutdownRequestPending &&
		service->answer.kind != FPGO_ANSWER_UNRECORDED;
	pg_atomic_write_u32(&service->mailbox->header->owner,
						*goes_on ? FPGO_OWNER_IDLE : FPGO_OWNER_GONE);
	initStringInfo(&message);
	service->answer.number = service->request->number;
	fpgo_mailbox_write_answer(&message, &service->answer);
	if (shm_mq_send(service->mailbox->out, message.len, message.data,
					false, true) != SHM_MQ_SUCCESS)
	{
		/* the caller is gone, so what passed through is ours to wipe */
		*goes_on = false;
		fpgo_mailbox_wipe(service->mailbox);
	}
	explicit_bzero(message.data, message.len);
}

/* Record, send, record again, as far as each lets the next happen. */
static void
handle(Service *service)
{
	Recording	recording;

	pgstat_report_activity(STATE_RUNNING, "recording");
	recording = record_and_commit(service);
	if (recording == IN_THE_WAY &&
		service->answer.kind == FPGO_ANSWER_REFERENCE_BUSY &&
		sweep(service))
		recording = record_and_commit(service);
	if (recording != RECORDED)
		return;
	service->answer.submission = service->flight->claim.submission;
	pgstat_report_activity(STATE_RUNNING, "waiting for the gateway");
	fly(service);
	pgstat_report_activity(STATE_RUNNING, "recording the outcome");
	settle(service);
}

/* Serve one request; false if this process should end. */
static bool
serve(FpgoMailbox *mailbox, void *data, Size len, int64 run)
{
	Service		service = {.mailbox = mailbox,.run = run};
	bool		goes_on;

	service.context = AllocSetContextCreate(TopMemoryContext, "fpgo request",
											ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(service.context);
	service.request = fpgo_mailbox_read_request(data, len);
	explicit_bzero(data, len);
	handle(&service);
	send_answer(&service, &goes_on);
	if (service.flight != NULL)
		fpgo_flight_free(service.flight);
	explicit_bzero(unconstify(char *, service.request->target.token),
				   strlen(service.request->target.token));
	explicit_bzero(unconstify(char *, service.request->handin.payload),
				   service.request->handin.payload_len);
	fpgo_secrets_wipe(service.request->secrets);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(service.context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return goes_on;
}

/* ---------- between requests ---------- */

static bool
leave(FpgoMailbox *mailbox)
{
	uint32		expected = FPGO_OWNER_IDLE;

	return pg_atomic_compare_exchange_u32(&mailbox->header->owner, &expected,
										  FPGO_OWNER_GONE);
}

/*
 * Wait for the next request.  False if there is none to come: the caller left,
 * or this helper is tired, unwanted or told to go and took its leave.
 */
static bool
await_request(FpgoMailbox *mailbox, Size *len, void **data)
{
	TimestampTz began = GetCurrentTimestamp();

	for (;;)
	{
		shm_mq_result result = shm_mq_receive(mailbox->in, len, data, true);

		if (result == SHM_MQ_SUCCESS)
			return true;
		if (result == SHM_MQ_DETACHED)
			return false;
		if ((ShutdownRequestPending || fpgo_run_slot_is_wished() ||
			 TimestampDifferenceExceeds(began, GetCurrentTimestamp(),
										mailbox->header->idle_ms)) &&
			leave(mailbox))
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT |
						 WL_EXIT_ON_PM_DEATH, IDLE_LOOK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		fpgo_worker_attend();
		CHECK_FOR_INTERRUPTS();
	}
}

void
fpgo_helper_main(Datum main_arg)
{
	FpgoMailbox *mailbox;
	Size		len;
	void	   *data;
	int64		run;

	set_up_signals();
	mailbox = fpgo_mailbox_attach(DatumGetUInt32(main_arg));
	if (mailbox == NULL)
		proc_exit(0);
	/* from here on errors reach the caller through the mailbox */
	pq_redirect_to_shm_mq(mailbox->segment, mailbox->out);

	BackgroundWorkerInitializeConnectionByOid(mailbox->header->database,
											  InvalidOid, 0);
	fpgo_set_process_role(mailbox->header->session_role);
	set_up_settings(mailbox->header->caller_pid);
	run = fpgo_run_begin();
	while (await_request(mailbox, &len, &data))
	{
		if (!serve(mailbox, data, len, run))
			break;
	}
	fpgo_run_end(run);
	proc_exit(0);
}
