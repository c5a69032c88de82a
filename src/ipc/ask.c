/*
 * ask.c
 *		A session hands a request to a process that sends, and waits.
 *
 * This is the caller's end of the mailbox.  The other end is the database's
 * resident worker (resident.c) or, where there is none, a helper process of
 * this session (helper.c).  service.c has what that process does for a
 * request.  The session has no network traffic of its own.
 *
 * A cancel, a timeout or a termination ends a call early.  The call then
 * withdraws the order before it is recorded, or names the submission that goes
 * on (mailbox.c).  The session drops its mailbox, and the other process
 * finishes alone; the next call looks for a process again.  An inquiry is
 * given up.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/background.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/fpgo.h"
#include "base/hide.h"
#include "base/settings.h"
#include "base/wait.h"
#include "ipc/ask.h"
#include "ipc/roster.h"
#include "ipc/start_helper.h"

/*
 * How long a session waits until the resident worker takes its mailbox, and
 * how often it looks, in milliseconds.
 */
#define OFFER_MS 1000
#define OFFER_LOOK_MS 10

/* ---------- the process that sends for this session ---------- */

/*
 * The process that serves this session: a helper process, or the resident
 * worker if the handle "worker" is NULL.  There is none if mailbox is NULL.
 */
static struct
{
	FpgoMailbox *mailbox;
	BackgroundWorkerHandle *worker;
	bool		is_unused;		/* started ahead, and asked nothing yet */
	uint32		n_requests;
	FpgoRequestKind kind;		/* of the last request */
}			sender;

static void
forget_sender(void)
{
	FpgoMailbox *mailbox = sender.mailbox;

	if (mailbox == NULL)
		return;
	sender.mailbox = NULL;
	sender.is_unused = false;
	(void) fpgo_mailbox_stop_waiting(mailbox);
	fpgo_mailbox_detach(mailbox);
	if (sender.worker != NULL)
		fpgo_background_give_up(sender.worker);
	sender.worker = NULL;
}

/* Has the helper ended? */
static bool
has_ended(void)
{
	pid_t		pid;

	return GetBackgroundWorkerPid(sender.worker, &pid) == BGWH_STOPPED;
}

/* Take the process of an earlier call again, or one started ahead, if it waits. */
static bool
take_sender(void)
{
	uint32		expected = FPGO_HOLDER_IDLE;
	bool		is_unused = sender.is_unused;

	if (sender.mailbox == NULL)
		return false;
	sender.is_unused = false;
	/* one that could not start has left an error, which is not this call's */
	if ((!is_unused || !has_ended()) &&
		(pg_atomic_compare_exchange_u32(&sender.mailbox->header->holder,
										&expected, FPGO_HOLDER_BUSY) ||
		 (is_unused && expected == FPGO_HOLDER_BUSY)))
		return true;
	forget_sender();
	return false;
}

static void
make_mailbox(void)
{
	FpgoMailboxHeader *header;

	sender.mailbox = fpgo_mailbox_create();
	header = sender.mailbox->header;
	header->database = MyDatabaseId;
	header->process_role = MyProc->roleId;
	header->caller_pid = MyProcPid;
	header->idle_ms = fpgo_helper_idle;
}

/* Start a helper; false if there is no worker slot, and it is not to wait. */
static bool
start_helper(bool may_wait)
{
	sender.worker = fpgo_start_helper(sender.mailbox, may_wait);
	if (sender.worker == NULL)
		return false;
	/* waiting on the queues then ends if the helper never starts */
	shm_mq_set_handle(sender.mailbox->out, sender.worker);
	shm_mq_set_handle(sender.mailbox->in, sender.worker);
	return true;
}

/*
 * Offer the mailbox to this database's resident worker.  True once the worker
 * has attached to it; false if there is no worker, or if it takes too long.
 */
static bool
is_taken_by_resident(void)
{
	dsm_handle	handle = dsm_segment_handle(sender.mailbox->segment);
	FpgoMoment	began = fpgo_clock_now();
	int			pid = fpgo_roster_offer(handle);

	while (pid != 0)
	{
		if (fpgo_mailbox_is_attached(sender.mailbox))
			return true;
		if (fpgo_roster_status(MyDatabaseId).pid != pid)
			break;
		if (fpgo_clock_has_passed(began, OFFER_MS))
		{
			(void) fpgo_roster_take_back(handle);
			break;
		}
		fpgo_wait(OFFER_LOOK_MS, FPGO_WAIT_ANSWER);
		CHECK_FOR_INTERRUPTS();
	}
	if (pid != 0)
	{
		/* the worker may have attached meanwhile: use another mailbox */
		fpgo_mailbox_detach(sender.mailbox);
		sender.mailbox = NULL;
		make_mailbox();
	}
	return false;
}

/* Find a process to serve this session: the resident worker, or a helper. */
static void
find_sender(bool may_be_resident)
{
	make_mailbox();
	PG_TRY();
	{
		if (!may_be_resident || !is_taken_by_resident())
			(void) start_helper(true);
	}
	PG_CATCH();
	{
		forget_sender();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
fpgo_ask_ahead(void)
{
	if (sender.mailbox != NULL &&
		pg_atomic_read_u32(&sender.mailbox->header->holder) == FPGO_HOLDER_GONE)
		forget_sender();
	if (sender.mailbox != NULL || RecoveryInProgress() ||
		fpgo_roster_status(MyDatabaseId).pid != 0)
		return;
	make_mailbox();
	sender.is_unused = start_helper(false);
	if (!sender.is_unused)
		forget_sender();
}

void
fpgo_ask_nothing(void)
{
	if (sender.is_unused)
		pg_atomic_write_u32(&sender.mailbox->header->holder,
							FPGO_HOLDER_IDLE);
}

/* ---------- asking it ---------- */

/* Withdraw the request; false if its order is recorded, or being recorded. */
static bool
withdraw(void)
{
	uint32		expected = FPGO_DEAL_OPEN;

	return pg_atomic_compare_exchange_u32(&sender.mailbox->header->deal,
										  &expected, FPGO_DEAL_WITHDRAWN) ||
		expected == FPGO_DEAL_WITHDRAWN;
}

/*
 * Stop waiting, and say what becomes of the order; NULL if the request was an
 * inquiry.
 */
static const char *
leave_request(void)
{
	FpgoMailboxHeader *header = sender.mailbox->header;
	long long	submission;
	bool		waits;

	waits = fpgo_mailbox_stop_waiting(sender.mailbox);
	if (withdraw())
		return sender.kind == FPGO_REQUEST_INQUIRY ? NULL :
			"order withdrawn: nothing was recorded and nothing was sent";
	submission = pg_atomic_read_u64(&header->submission);
	if (!waits)
		return psprintf("outcome of submission %lld is being recorded; fpgo.invoice_session(%lld) has its answer if it was accepted",
						submission, submission);
	return psprintf("submission %lld goes on; fpgo.invoice_session(%lld) has its answer when it is accepted",
					submission, submission);
}

/*
 * Is this the SQLSTATE of a cancel, a timeout or a termination?  The last two
 * end the session, so PG_CATCH does not see them.
 */
static bool
is_interruption(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_OPERATOR_INTERVENTION ||
		code == ERRCODE_TRANSACTION_TIMEOUT ||
		code == ERRCODE_CONNECTION_FAILURE;
}

/*
 * Adds the CONTEXT of a cancel, a timeout or a termination.  The callback
 * cannot see an error's level, and must do nothing for a warning.  Therefore
 * it goes by the SQLSTATE.
 */
static void
describe_waiting(void *arg)
{
	const char *fate;

	if (!is_interruption(geterrcode()) || sender.mailbox == NULL)
		return;
	fate = leave_request();
	if (fate == NULL)
		return;
	errcontext("%s", fate);
}

/*
 * Add to the CONTEXT of any other error what becomes of the order.  Must be
 * called in PG_CATCH; raises the error again.
 */
pg_noreturn static void
leave_by_error(MemoryContext context)
{
	ErrorData  *error;
	const char *fate;

	if (is_interruption(geterrcode()))
	{
		forget_sender();
		PG_RE_THROW();
	}
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	fate = leave_request();
	forget_sender();
	if (fate != NULL)
		error->context = error->context ?
			psprintf("%s\n%s", fate, error->context) : pstrdup(fate);
	ReThrowError(error);
}

/* The process that sends failed or vanished with the order on record. */
pg_noreturn static void
raise_unknown(const char *reason)
{
	long long	submission =
	pg_atomic_read_u64(&sender.mailbox->header->submission);

	ereport(ERROR,
			(errcode(ERRCODE_FPGO_UNKNOWN),
			 errmsg("outcome of submission %lld is unknown", submission),
			 errdetail("The process that sends ended while it was under way: %s.",
					   reason),
			 errhint("The order may have been invoiced; do not send it again blindly.  fpgo.invoice_session(%lld) has its answer if it was accepted.",
					 submission),
			 fpgo_errhide()));
}

/* Raise an error or a notice that came from the process that sends. */
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
	/* with these SQLSTATEs a driver would think that its connection is lost */
	if (error.elevel >= ERROR &&
		(error.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
		 error.sqlerrcode == ERRCODE_TRANSACTION_TIMEOUT ||
		 ERRCODE_TO_CATEGORY(error.sqlerrcode) ==
		 ERRCODE_CONNECTION_EXCEPTION))
		error.sqlerrcode = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
	/* an error after the order was recorded leaves its outcome unknown */
	if (error.elevel >= ERROR &&
		pg_atomic_read_u32(&sender.mailbox->header->deal) ==
		FPGO_DEAL_COMMITTING)
		raise_unknown(error.message);
	error.elevel = Min(error.elevel, ERROR);
	/* for a warning, describe_waiting() must not be called */
	if (error.elevel < ERROR)
		error_context_stack = &callback;
	ThrowErrorData(&error);
	error_context_stack = stack;
}

/* Exchange one message with the process that sends; NULL if it is gone. */
static FpgoAnswer *
talk(FpgoRequest *request)
{
	StringInfoData message;
	FpgoAnswer *answer = NULL;
	Size		len;
	void	   *data;

	initStringInfo(&message);
	request->number = ++sender.n_requests;
	sender.kind = request->kind;
	fpgo_message_write_request(&message, request);
	(void) shm_mq_send(sender.mailbox->out, message.len, message.data, false,
					   true);
	explicit_bzero(message.data, message.len);
	/* the wait may be long, and a snapshot would hold back vacuum */
	InvalidateCatalogSnapshotConditionally();
	/* a process that has ended may have left an error in the queue */
	while (answer == NULL)
	{
		char		type;

		if (shm_mq_receive(sender.mailbox->in, &len, &data, false) !=
			SHM_MQ_SUCCESS)
			return NULL;
		type = len > 0 ? *(char *) data : '\0';
		if (type == 'E' || type == 'N')
			pass_on(data, len);
		else if ((unsigned char) type >= 0x80)
		{
			answer = fpgo_message_read_answer(data, len);
			explicit_bzero(data, len);
		}
		/* anything else is what a backend sends at its start: skip it */
	}
	if (answer->number != request->number)
		elog(ERROR, "process that sends answered another request");
	fpgo_mailbox_wipe(sender.mailbox);
	answer->is_of_resident = sender.worker == NULL;
	return answer;
}

static FpgoAnswer *
talk_or_leave(FpgoRequest *request)
{
	FpgoMailboxHeader *header = sender.mailbox->header;
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = describe_waiting};
	MemoryContext context = CurrentMemoryContext;
	FpgoAnswer *answer = NULL;

	pg_atomic_write_u32(&header->waiting, FPGO_CALLER_WAITING);
	pg_atomic_write_u32(&header->deal, FPGO_DEAL_OPEN);
	pg_atomic_write_u64(&header->submission, 0);
	error_context_stack = &callback;
	PG_TRY();
	{
		answer = talk(request);
	}
	PG_CATCH();
	{
		/* a message may be half written, or an answer unread */
		leave_by_error(context);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	return answer;
}

/* Two processes in a row ended before they did anything. */
pg_noreturn static void
raise_lost(const FpgoRequest *request)
{
	if (request->kind == FPGO_REQUEST_INQUIRY)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("process that sends ended before there was an answer"),
				 errhint("The server log may say why it ended; after an upgrade of fpgo, reconnect first.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("process that sends ended before the order was recorded"),
			 errdetail("Nothing was recorded and nothing was sent."),
			 errhint("Submit the order again.  The server log may say why the process ended; after an upgrade of fpgo, reconnect first."),
			 fpgo_errhide()));
}

/*
 * Tries once more if the process is lost before it recorded anything.  Asks
 * another process if the first one cannot wait for a lock or has to end.
 */
FpgoAnswer *
fpgo_ask(FpgoRequest *request)
{
	bool		is_large = request->body_limit > FPGO_ASK_SMALL;
	bool		may_be_resident = !is_large;
	int			n_lost = 0;

	/* the process would not be started before the end of recovery */
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot ask the gateway during recovery"),
				 errhint("Ask it on the primary server."),
				 fpgo_errhide()));
	/* handing a large answer over would keep the resident worker waiting */
	if (is_large && sender.worker == NULL)
		forget_sender();
	for (;;)
	{
		FpgoAnswer *answer;

		if (!take_sender())
			find_sender(may_be_resident);
		answer = talk_or_leave(request);
		if (answer != NULL && answer->kind != FPGO_ANSWER_ELSEWHERE)
		{
			/* the helper ends, and with it the memory of a large answer */
			if (is_large)
				forget_sender();
			return answer;
		}
		may_be_resident = false;
		if (answer == NULL && !withdraw())
			raise_unknown("it is gone");
		forget_sender();
		if (answer == NULL && n_lost++ > 0)
			raise_lost(request);
	}
}
