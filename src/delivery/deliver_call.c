/*
 * deliver_call.c
 *		CALL fpgo.deliver(): the delivery loop in a session.
 *
 * PostgreSQL always has a transaction open inside CALL.  While requests are in
 * flight, that transaction has no snapshot, no transaction number and no lock.
 * A cancel, a timeout or a termination takes effect when all flights have
 * landed and are recorded, or when the grace time is over.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/extension_version.h"
#include "base/wait.h"
#include "delivery/deliver.h"
#include "delivery/durable.h"
#include "delivery/report.h"
#include "gateway/http.h"
#include "records/submissions.h"

PG_FUNCTION_INFO_V1(fpgo_deliver);

/* longest step before the session looks at interrupts, in milliseconds */
#define STEP_MS 50

/*
 * PostgreSQL began the transaction by itself, with the session's defaults and
 * without a snapshot.  Make it read committed, whatever the default is: with
 * another level, recording an outcome could fail because others deliver too.
 */
static void
prepare_transaction(void)
{
	XactIsoLevel = XACT_READ_COMMITTED;
	XactDeferrable = false;
	/* an error that is caught must not end the session amid its flights */
	if (ExitOnAnyError)
		(void) set_config_option("exit_on_error", "off", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
								 false);
}

static void
begin_in_call(void)
{
	prepare_transaction();
	fpgo_durable_require();
}

static void
begin_lax_in_call(void)
{
	prepare_transaction();
	fpgo_durable_put_off();
}

/* Has a cancel, a timeout or a termination come? */
static bool
should_stop_call(void)
{
	return QueryCancelPending || ProcDiePending ||
		fpgo_is_transaction_overdue();
}

static void
wait_in_session(FpgoDeliveryState state)
{
	if (state == FPGO_DELIVERY_FLIES)
		fpgo_http_step(STEP_MS);
	else if (state == FPGO_DELIVERY_FAILED)
	{
		fpgo_wait(STEP_MS, FPGO_WAIT_RECORD);
	}
	else if (state == FPGO_DELIVERY_WAITS)
		fpgo_wait(STEP_MS, FPGO_WAIT_RETRY);
	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
}

/* Run a delivery from begin to end. */
static void
run(const FpgoTransactions *transactions, int64 only)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoDelivery *delivery = fpgo_delivery_begin(transactions, only);
	FpgoDeliveryState state;

	PG_TRY();
	{
		fpgo_report_begin();
		fpgo_delivery_tidy(delivery);
		while ((state = fpgo_delivery_step(delivery)) != FPGO_DELIVERY_DONE)
		{
			wait_in_session(state);
			fpgo_report_progress(delivery, transactions, only);
		}
		MemoryContextSwitchTo(caller);
		/* whoever cancelled gets the cancel, not what failed before it */
		if (!transactions->should_stop())
		{
			fpgo_delivery_raise(delivery);
			fpgo_report_left(transactions, only);
		}
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(caller);
		fpgo_delivery_end(delivery);
	}
	PG_END_TRY();
}

Datum
fpgo_deliver(PG_FUNCTION_ARGS)
{
	static const FpgoTransactions transactions = {
		begin_in_call, begin_lax_in_call, SPI_commit, NULL, should_stop_call,
		false
	};
	CallContext *context = (CallContext *) fcinfo->context;
	int64		only = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);

	if (context == NULL || !IsA(context, CallContext) || context->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot deliver inside a transaction block, a function, or a procedure with SECURITY DEFINER or SET"),
				 errdetail("fpgo.deliver commits before and after each request."),
				 errhint("Call it at top level, with autocommit on: CALL fpgo.deliver();")));
	fpgo_submission_require_writable();
	fpgo_extension_require_current();
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	if (!PG_ARGISNULL(0) && fpgo_submission_find(only) == NULL)
		fpgo_submission_raise_missing(only);
	/* the loop begins with a transaction that has no snapshot */
	SPI_commit();
	run(&transactions, only);
	SPI_finish();
	CHECK_FOR_INTERRUPTS();
	PG_RETURN_VOID();
}
