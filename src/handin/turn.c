/*
 * turn.c
 *		A session waits for its turn to submit.
 *
 * An open transaction may have handed in an order under the same key.  Whether
 * the key is free shows at the transaction's end.  The process that sends waits for no transaction,
 * since other sessions would wait with it.  It answers who is in the way, and
 * the session waits, as for any lock: PostgreSQL sees the wait, and finds a
 * deadlock.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"

#include "base/fpgo.h"
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

FpgoAnswer *
fpgo_turn_ask(FpgoRequest *request)
{
	FpgoAnswer *answer;

	while ((answer = fpgo_ask(request))->kind == FPGO_ANSWER_WAIT)
	{
		require_other(answer->open_transaction);
		await(&request->handin, answer->open_transaction);
	}
	return answer;
}
