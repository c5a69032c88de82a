/*
 * resident.c
 *		The resident worker of a database: delivers by itself.
 *
 * One process a database (launcher.c) that does all there is to send: what is
 * queued (deliver.c), and, for sessions that call submit_invoice, what a
 * helper process would do (service.c), many at a time.  One loop drives both.
 *
 * It waits on its latch, which sessions set when they commit an enqueued order
 * or offer a mailbox.  It looks by itself every second besides, for what
 * became due and what nobody told it of.  While something is in flight it
 * looks every millisecond.
 *
 * Nothing here may wait long, since everybody would: locks are waited for a
 * tenth of a second, and a request that needs longer is sent back, to be
 * served by a helper process.
 *
 * What became of uncertain submissions it does not find out itself: every now
 * and then it starts a process that does (reconciler.c).
 *
 * It ends, settling what is under way, when SIGTERM asks for it or when fpgo's
 * tables are gone.  The launcher starts another if one is wanted.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/extension_version.h"
#include "base/settings.h"
#include "base/subtransaction.h"
#include "base/wait.h"
#include "delivery/deliver.h"
#include "delivery/patience.h"
#include "gateway/http.h"
#include "ipc/roster.h"
#include "process/reconciler.h"
#include "process/service.h"
#include "process/worker.h"
#include "records/locks.h"
#include "records/submissions.h"
#include "tables/statement.h"

/* how often the queue is looked at unasked, in milliseconds */
#define LOOK_MS 1000

/* how often what dead runs left is swept, in milliseconds */
#define TIDY_MS 10000

/* longest step of transfers before the process looks around, in milliseconds */
#define STEP_MS 1

/* pause before another try of what failed, in milliseconds */
#define PAUSE_MS 50

/* longest wait for a lock */
#define LOCK_TIMEOUT_SETTING "100ms"

PGDLLEXPORT void fpgo_resident_main(Datum main_arg);

/* ---------- guests ---------- */

/* A session that submits through this process. */
typedef struct Guest
{
	FpgoMailbox *mailbox;
	FpgoService *service;		/* the request under way, NULL if there is none */
	TimestampTz idle_since;
	TimestampTz settle_again_at;	/* after a try that failed */
} Guest;

static List *guests = NIL;
static int64 guest_run;			/* the run of their submissions */
static List *old_runs = NIL;	/* int64: runs of earlier ones, to be ended */

/* Attach to a mailbox; NULL if its session is gone, or it cannot be done. */
static FpgoMailbox *
attach(dsm_handle handle)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoMailbox *volatile mailbox = NULL;

	PG_TRY();
	{
		mailbox = fpgo_mailbox_attach(handle);
	}
	PG_CATCH();
	{
		/* out of memory or of descriptors: that session asks a helper */
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
	return mailbox;
}

/* Let in who offered a mailbox. */
static void
admit_guests(void)
{
	dsm_handle	handle;

	while ((handle = fpgo_roster_take_offer()) != DSM_HANDLE_INVALID)
	{
		FpgoMailbox *mailbox = attach(handle);
		MemoryContext old;
		Guest	   *guest;

		if (mailbox == NULL)
			continue;			/* gone already */
		old = MemoryContextSwitchTo(TopMemoryContext);
		guest = palloc0(sizeof(Guest));
		guest->mailbox = mailbox;
		guest->idle_since = GetCurrentTimestamp();
		guests = lappend(guests, guest);
		MemoryContextSwitchTo(old);
	}
}

/* No request is under way: begin the next, or see whether the guest leaves. */
static bool
await_request(Guest *guest)
{
	FpgoMailbox *mailbox = guest->mailbox;
	Size		len;
	void	   *data;

	/* who waits with a request tries again elsewhere */
	if (ShutdownRequestPending)
		return false;
	switch (shm_mq_receive(mailbox->in, &len, &data, true))
	{
		case SHM_MQ_SUCCESS:
			guest->service = fpgo_service_begin(mailbox, data, len, guest_run,
												false);
			guest->settle_again_at = 0;
			return true;
		case SHM_MQ_DETACHED:
			return false;
		default:
			return !TimestampDifferenceExceeds(guest->idle_since,
											   GetCurrentTimestamp(),
											   mailbox->header->idle_ms) ||
				!fpgo_mailbox_leave(mailbox);
	}
}

/*
 * What belongs to this run and has no outcome becomes uncertain when the run
 * ends.  So the run ends when nothing of it is under way any more, and what
 * comes now belongs to another.
 */
static void
change_run(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	int64	   *run = palloc(sizeof(int64));

	*run = guest_run;
	old_runs = lappend(old_runs, run);
	guest_run = fpgo_run_begin();
	MemoryContextSwitchTo(old);
}

static void
end_old_runs(void)
{
	ListCell   *cell;

	foreach(cell, old_runs)
	{
		int64	   *run = lfirst(cell);
		bool		is_used = false;
		ListCell   *other;

		foreach(other, guests)
		{
			const Guest *guest = lfirst(other);

			is_used = is_used || (guest->service != NULL &&
								  fpgo_service_run(guest->service) == *run);
		}
		if (is_used)
			continue;
		fpgo_run_end(*run);
		old_runs = foreach_delete_current(old_runs, cell);
		pfree(run);
	}
}

/* Must what is under way end here and now? */
static bool
is_time_over(void)
{
	TimestampTz deadline = fpgo_worker_deadline();

	return deadline != 0 && GetCurrentTimestamp() >= deadline;
}

/* Do what can be done for a guest without waiting; false if it leaves. */
static bool
serve(Guest *guest)
{
	bool		stays;

	if (guest->service == NULL && !await_request(guest))
		return false;
	if (guest->service != NULL && fpgo_worker_deadline() != 0)
		fpgo_service_stop_unsent(guest->service);
	if (guest->service == NULL ||
		(fpgo_service_is_in_flight(guest->service) && !is_time_over()) ||
		GetCurrentTimestamp() < guest->settle_again_at)
		return true;
	if (!fpgo_service_settle(guest->service))
	{
		guest->settle_again_at =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), FPGO_RETRY_MS);
		return true;
	}
	guest->idle_since = GetCurrentTimestamp();
	if (fpgo_service_is_unrecorded(guest->service) &&
		fpgo_service_run(guest->service) == guest_run)
		change_run();
	stays = fpgo_service_answer(guest->service);
	guest->service = NULL;
	return stays;
}

/* What guests are doing. */
typedef struct Bustle
{
	int			n_requests;		/* under way */
	int			n_in_flight;
} Bustle;

static Bustle
serve_guests(void)
{
	Bustle		bustle = {0, 0};
	ListCell   *cell;

	foreach(cell, guests)
	{
		Guest	   *guest = lfirst(cell);

		if (!serve(guest))
		{
			guests = foreach_delete_current(guests, cell);
			fpgo_mailbox_detach(guest->mailbox);
			pfree(guest);
			continue;
		}
		if (guest->service == NULL)
			continue;
		bustle.n_requests++;
		if (fpgo_service_is_in_flight(guest->service))
			bustle.n_in_flight++;
	}
	return bustle;
}

/* ---------- the loop ---------- */

/* Are fpgo's tables gone, with the extension? */
static bool is_homeless = false;

static bool
should_stop(void)
{
	return ShutdownRequestPending || is_homeless;
}

static const FpgoTransactions transactions = {
	fpgo_worker_begin_transaction, fpgo_worker_commit_transaction,
	should_stop, true
};

/* The owner of a database may end its worker by DROP DATABASE ... (FORCE). */
static void
obey_database_owner(void)
{
	HeapTuple	tuple;

	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	if (!HeapTupleIsValid(tuple))
		return;
	fpgo_set_process_role(((Form_pg_database) GETSTRUCT(tuple))->datdba);
	ReleaseSysCache(tuple);
}

static void
see_changes(void *arg)
{
	/* once gone, they are not the same ones if they come back */
	if (!fpgo_owner_has_tables())
		is_homeless = true;
	obey_database_owner();
}

/* Somebody may have dropped the extension, or given the database away. */
static void
look_around(void)
{
	ErrorData  *error;

	StartTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
	/* when the catalogs are locked, later will do */
	error = fpgo_subtransaction_run(see_changes, NULL);
	if (error != NULL)
		FreeErrorData(error);
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
}

static void
see_uncertain(void *arg)
{
	fpgo_owner_lock_tables();
	*(bool *) arg = fpgo_extension_is_current() &&
		fpgo_submission_has_uncertain();
}

/* Have uncertain submissions looked for, if there are any. */
static void
reconcile(void)
{
	bool		has_uncertain = false;
	ErrorData  *error;

	fpgo_worker_begin_transaction();
	MemoryContextSwitchTo(TopMemoryContext);
	error = fpgo_subtransaction_run(see_uncertain, &has_uncertain);
	if (error != NULL)
		FreeErrorData(error);
	fpgo_worker_commit_transaction();
	MemoryContextSwitchTo(TopMemoryContext);
	if (has_uncertain)
		fpgo_reconciler_start();
}

/* Do that as often as it is wished. */
static void
reconcile_at_times(void)
{
	static TimestampTz since = 0;
	TimestampTz now = GetCurrentTimestamp();

	/* what a crash left may still be under way at the gateway */
	if (since == 0)
		since = now;
	if (fpgo_reconcile_interval == 0 ||
		!TimestampDifferenceExceeds(since, now, fpgo_reconcile_interval))
		return;
	reconcile();
	since = now;
}

/* Is it time?  If so, the next time is so much later. */
static bool
is_due(TimestampTz *at, int interval_ms)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now < *at)
		return false;
	*at = TimestampTzPlusMilliseconds(now, interval_ms);
	return true;
}

static void
wait_for_work(TimestampTz look_at)
{
	long		wait_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														  look_at);

	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	fpgo_wait(wait_ms, FPGO_WAIT_WORKER);
}

/* Drive what is in flight, and show that there is something. */
static void
step(int wait_ms)
{
	if (MyBEEntry->st_state != STATE_RUNNING)
		pgstat_report_activity(STATE_RUNNING, "waiting for the gateway");
	fpgo_http_step(wait_ms);
}

static void
run_loop(FpgoDelivery *delivery)
{
	TimestampTz look_at = 0;
	TimestampTz tidy_at = 0;

	for (;;)
	{
		FpgoDeliveryState state;
		Bustle		bustle;

		fpgo_worker_attend();
		if (is_due(&look_at, LOOK_MS))
		{
			look_around();
			fpgo_delivery_readmit_roles(delivery);
			fpgo_delivery_look_again(delivery);
		}
		if (fpgo_roster_take_wake())
			fpgo_delivery_look_again(delivery);
		if (!should_stop())
		{
			if (is_due(&tidy_at, TIDY_MS))
				fpgo_delivery_tidy(delivery);
			admit_guests();
			reconcile_at_times();
		}
		bustle = serve_guests();
		end_old_runs();
		state = fpgo_delivery_step(delivery);
		if (should_stop() && state == FPGO_DELIVERY_DONE &&
			bustle.n_requests == 0)
			return;
		if (bustle.n_in_flight > 0 || state == FPGO_DELIVERY_FLIES)
			step(state == FPGO_DELIVERY_GOES_ON ? 0 : STEP_MS);
		else if (state == FPGO_DELIVERY_GOES_ON)
			continue;
		else if (state == FPGO_DELIVERY_FAILED || bustle.n_requests > 0)
			wait_for_work(TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													  PAUSE_MS));
		else
			wait_for_work(look_at);
	}
}

/* ---------- the process ---------- */

void
fpgo_resident_main(Datum main_arg)
{
	FpgoDelivery *delivery;

	fpgo_worker_set_up_signals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(main_arg),
											  InvalidOid, 0);
	fpgo_worker_set_up_settings(LOCK_TIMEOUT_SETTING, "fpgo worker");
	if (!fpgo_roster_enter_worker())
		proc_exit(0);
	look_around();
	if (is_homeless)
	{
		if (fpgo_roster_is_first_word())
			ereport(LOG,
					(errmsg("fpgo is not installed in database \"%s\", which fpgo.databases names",
							MyBgworkerEntry->bgw_extra),
					 errhint("CREATE EXTENSION fpgo;")));
		proc_exit(0);
	}
	fpgo_roster_is_well();
	guest_run = fpgo_run_begin();
	delivery = fpgo_delivery_begin(&transactions, 0);
	run_loop(delivery);
	fpgo_reconciler_end();
	fpgo_delivery_end(delivery);
	fpgo_run_end(guest_run);
	proc_exit(0);
}
