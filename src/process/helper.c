/*
 * helper.c
 *		The helper process of a session that calls submit_invoice.
 *
 * submit_invoice hands its order over a mailbox to a dynamic background
 * worker.  The order is then on record whatever becomes of the caller's
 * transaction.  A helper serves one session, one request after the other
 * (service.c).  It waits a while for the next request, and ends early if
 * another session needs its slot.  Every orderly end has exit code 0, which
 * leaves no line in the log.
 */
#include "postgres.h"

#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/wait.h"
#include "delivery/allowance.h"
#include "delivery/holds.h"
#include "delivery/patience.h"
#include "gateway/http.h"
#include "process/service.h"
#include "process/worker.h"
#include "records/locks.h"

/* how often an idle helper looks whether a session needs its slot, in ms */
#define IDLE_LOOK_MS 100

/*
 * longest step of a transfer before the process looks at signals, in
 * milliseconds
 */
#define STEP_MS 50

/* longest wait for a lock while recording an order, which is not sent yet */
#define RECORD_LOCK_TIMEOUT "2s"

/*
 * longest wait for a lock once this process has to end, within its grace time
 */
#define LAST_LOCK_TIMEOUT "100ms"

PGDLLEXPORT void fpgo_helper_main(Datum main_arg);

/*
 * Wait for the next request.  Returns false if none will come: the caller
 * left, this helper was idle for too long, another session needs its slot, or
 * it is told to end.
 */
static bool
await_request(FpgoMailbox *mailbox, Size *len, void **data)
{
	FpgoMoment	began = fpgo_clock_now();

	for (;;)
	{
		shm_mq_result result = shm_mq_receive(mailbox->in, len, data, true);

		if (result == SHM_MQ_SUCCESS)
			return true;
		if (result == SHM_MQ_DETACHED)
			return false;
		if ((ShutdownRequestPending || fpgo_lock_slot_is_wished() ||
			 fpgo_clock_has_passed(began, mailbox->header->idle_ms)) &&
			fpgo_mailbox_leave(mailbox))
			return false;
		fpgo_wait(IDLE_LOOK_MS, FPGO_WAIT_HELPER);
		fpgo_allowance_attend(&fpgo_worker_transactions, true);
		fpgo_holds_attend(&fpgo_worker_transactions);
		fpgo_worker_attend();
		CHECK_FOR_INTERRUPTS();
	}
}

/* Wait until the request under way has landed, or this process has to end. */
static void
fly(FpgoService *service)
{
	while (fpgo_service_is_in_flight(service))
	{
		FpgoMoment	deadline = fpgo_worker_deadline();

		if (deadline != 0)
			fpgo_service_stop_unsent(service);
		if (deadline != 0 && fpgo_clock_has_come(deadline))
			return;
		fpgo_http_step(STEP_MS);
		fpgo_worker_attend();
	}
}

/* Record the outcome; with a short wait for locks if this process must end. */
static bool
settle(FpgoService *service)
{
	if (fpgo_worker_deadline() != 0)
		SetConfigOption("lock_timeout", LAST_LOCK_TIMEOUT, PGC_SUSET,
						PGC_S_OVERRIDE);
	return fpgo_service_settle(service);
}

/* Serve one request; false if this process should end. */
static bool
serve(FpgoMailbox *mailbox, void *data, Size len, int64 run)
{
	FpgoService *service = fpgo_service_begin(mailbox, data, len, run, true);

	fpgo_service_launch(service);
	fly(service);
	while (!settle(service))
	{
		fpgo_wait(FPGO_RETRY_MS, FPGO_WAIT_RECORD);
		fpgo_worker_attend();
	}
	return fpgo_service_answer(service);
}

void
fpgo_helper_main(Datum main_arg)
{
	FpgoMailbox *mailbox;
	Size		len;
	void	   *data;
	int64		run;

	fpgo_worker_set_up_signals();
	mailbox = fpgo_mailbox_attach(DatumGetUInt32(main_arg));
	if (mailbox == NULL)
		proc_exit(0);
	/* from here on errors reach the caller through the mailbox */
	pq_redirect_to_shm_mq(mailbox->segment, mailbox->out);

	BackgroundWorkerInitializeConnectionByOid(mailbox->header->database,
											  InvalidOid, 0);
	fpgo_set_process_role(mailbox->header->process_role);
	fpgo_worker_set_up_settings(RECORD_LOCK_TIMEOUT,
								psprintf("fpgo helper of process %d",
										 mailbox->header->caller_pid));
	run = fpgo_run_begin();
	/* an order may never follow */
	pgstat_report_activity(STATE_IDLE, NULL);
	while (await_request(mailbox, &len, &data))
	{
		if (!serve(mailbox, data, len, run))
			break;
	}
	fpgo_run_end(run);
	proc_exit(0);
}
