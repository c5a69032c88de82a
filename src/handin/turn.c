/*
 * turn.c
 *		A session waits for its turn to submit.
 *
 * An open transaction may have handed in an order under the same key.  Whether
 * the key is free shows at the transaction's end.  The process that sends waits for no transaction,
 * since other sessions would wait with it.  It answers who is in the way, and
 * the session waits, as for any lock: PostgreSQL sees the wait, and finds a
 * deadlock.
 *
 * The order may also have to wait for a time: the allowance is used up, or the
 * server is closed.  The process answers when to ask again, and the session
 * asks until its patience, fpgo.submit_wait, is over.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "base/wait.h"
#include "handin/turn.h"
#include "ipc/ask.h"
#include "records/locks.h"

/* Adds the CONTEXT of whatever ends the wait. */
static void
describe_wait(void *arg)
{
	errcontext("%s", (const char *) arg);
	errcontext("order withdrawn: nothing was recorded and nothing was sent");
}

static void
require_other(TransactionId open_transaction)
{
	if (TransactionIdIsCurrentTransactionId(open_transaction))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order was queued in this transaction"),
				 errhint("Commit first; it is delivered then."),
				 fpgo_errhide()));
}

static void
await(const FpgoHandIn *handin, TransactionId open_transaction)
{
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = describe_wait};

	/* the wait may be long, and a snapshot would hold back vacuum */
	InvalidateCatalogSnapshotConditionally();
	if (TransactionIdIsValid(open_transaction))
		callback.arg = "while waiting for a transaction that hands in an order under the same key";
	else
		callback.arg = "while waiting for another order with the same referenceNo to be recorded";
	error_context_stack = &callback;
	if (TransactionIdIsValid(open_transaction))
		XactLockTableWait(open_transaction, NULL, NULL, XLTW_None);
	else
		fpgo_lock_await_reference(handin->account, handin->reference);
	error_context_stack = callback.previous;
}

/*
 * The order may not be sent now.  Wait until it is time to ask again, at most
 * until "ends".  Returns false if that moment has come, or if the wait would
 * certainly be in vain.
 */
static bool
await_moment(const FpgoAnswer *answer, FpgoMoment ends)
{
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = describe_wait};
	long		left = fpgo_clock_left(ends);
	FpgoMoment	again;

	if (left == 0 || answer->not_before_ms > left)
		return false;
	again = fpgo_clock_in(Min(Max(answer->look_again_ms, 1), left));
	callback.arg = psprintf("while waiting for its turn: %s",
							answer->error.message);
	error_context_stack = &callback;
	InvalidateCatalogSnapshotConditionally();
	while ((left = fpgo_clock_left(again)) > 0)
	{
		fpgo_wait(left, FPGO_WAIT_RETRY);
		CHECK_FOR_INTERRUPTS();
	}
	error_context_stack = callback.previous;
	return true;
}

FpgoAnswer *
fpgo_turn_ask(FpgoRequest *request)
{
	FpgoMoment	ends = 0;
	FpgoAnswer *answer;

	for (;;)
	{
		answer = fpgo_ask(request);
		if (answer->kind == FPGO_ANSWER_WAIT)
		{
			require_other(answer->open_transaction);
			await(&request->handin, answer->open_transaction);
			continue;
		}
		if (answer->kind != FPGO_ANSWER_LATER)
			return answer;
		if (ends == 0)
			ends = fpgo_clock_in(fpgo_submit_wait);
		if (!await_moment(answer, ends))
			return answer;
	}
}
