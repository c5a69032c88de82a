/*
 * resident.c
 *		The resident worker of a database: delivers by itself.
 *
 * Each database has one resident worker (launcher.c).  It delivers the queue
 * (deliver.c).  It also does for sessions that call submit_invoice what a
 * helper process does (service.c), for many at a time.  One loop drives both.
 *
 * The worker waits on its latch.  Sessions set the latch when they commit an
 * enqueued order or offer a mailbox.  The worker also looks every second, for
 * submissions that became due and for commits that set no latch.  While a
 * request is in flight, it looks every millisecond.
 *
 * A turn of the loop records what has come and what has landed, each in a
 * transaction of its own, and flushes all of that at once.  Only then are orders
 * sent and sessions answered.
 *
 * The worker may not wait long, since all sessions would wait with it.  It
 * waits a tenth of a second for a lock.  A request that needs longer is handed
 * back, and a helper process serves it.
 *
 * The worker does not reconcile uncertain submissions itself.  From time to
 * time it starts a process that does (reconciler.c).
 *
 * The worker ends on SIGTERM, or when fpgo's tables are gone.  It settles
 * first what is under way.  The launcher starts another worker if one is
 * wanted.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/extension_version.h"
#include "base/settings.h"
#include "base/subtransaction.h"
#include "base/wait.h"
#include "delivery/deliver.h"
#include "delivery/patience.h"
#include "followup/cases.h"
#include "gateway/http.h"
#include "ipc/roster.h"
#include "process/reconciler.h"
#include "process/service.h"
#include "process/worker.h"
#include "records/locks.h"
#include "records/submissions.h"
#include "tables/statement.h"

/* how often the worker looks at the queue by itself, in milliseconds */
#define LOOK_MS 1000

/* how often submissions of dead runs are made uncertain, in milliseconds */
#define TIDY_MS 10000

/*
 * Longest step of transfers before the loop goes on, in milliseconds.  A session
 * ends it, unless the system cannot wait for sessions and the network at once.
 */
#define STEP_MS 10
#define DEAF_STEP_MS 1

/* pause after a failure before the next try, in milliseconds */
#define PAUSE_MS 50

/* longest wait for a lock */
#define LOCK_TIMEOUT_SETTING "100ms"

PGDLLEXPORT void fpgo_resident_main(Datum main_arg);

/* ---------- sessions that submit ---------- */

/* A session that submits through this process. */
typedef struct Client
{
	FpgoMailbox *mailbox;
	FpgoService *service;		/* the request under way, or NULL */
	FpgoMoment	idle_since;
	FpgoMoment	settle_again_at;	/* after a try that failed */
	bool		is_settled;		/* its service, which can be answered */
} Client;

static List *clients = NIL;
static int64 client_run;			/* the run of their submissions */
static List *old_runs = NIL;	/* int64: earlier runs, to be ended */

/* Attach to a mailbox; NULL if its session is gone, or attaching fails. */
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
		/* out of memory or descriptors: that session asks a helper */
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
	return mailbox;
}

/* Attach to all mailboxes that sessions have offered. */
static void
attach_clients(void)
{
	dsm_handle	handle;

	while ((handle = fpgo_roster_take_offer()) != DSM_HANDLE_INVALID)
	{
		FpgoMailbox *mailbox = attach(handle);
		MemoryContext old;
		Client	   *client;

		if (mailbox == NULL)
			continue;
		old = MemoryContextSwitchTo(TopMemoryContext);
		client = palloc0(sizeof(Client));
		client->mailbox = mailbox;
		client->idle_since = fpgo_clock_now();
		clients = lappend(clients, client);
		MemoryContextSwitchTo(old);
	}
}

/* Begin the client's next request; false if the client is to be dropped. */
static bool
await_request(Client *client)
{
	FpgoMailbox *mailbox = client->mailbox;
	Size		len;
	void	   *data;

	/* a session whose request was not taken asks another process */
	if (ShutdownRequestPending)
		return false;
	switch (shm_mq_receive(mailbox->in, &len, &data, true))
	{
		case SHM_MQ_SUCCESS:
			client->service = fpgo_service_begin(mailbox, data, len, client_run,
												 false);
			client->settle_again_at = 0;
			return true;
		case SHM_MQ_DETACHED:
			return false;
		default:
			return !fpgo_clock_has_passed(client->idle_since,
										  mailbox->header->idle_ms) ||
				!fpgo_mailbox_leave(mailbox);
	}
}

/*
 * Begin a new run for the next requests.  Submissions of a run that have no
 * outcome become uncertain when the run ends.  The old run ends when none of
 * its requests is under way any more.
 */
static void
change_run(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	int64	   *run = palloc(sizeof(int64));

	*run = client_run;
	old_runs = lappend(old_runs, run);
	client_run = fpgo_run_begin();
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

		foreach(other, clients)
		{
			const Client *client = lfirst(other);

			is_used = is_used || (client->service != NULL &&
								  fpgo_service_run(client->service) == *run);
		}
		if (is_used)
			continue;
		fpgo_run_end(*run);
		old_runs = foreach_delete_current(old_runs, cell);
		pfree(run);
	}
}

/* Must all requests under way end now? */
static bool
is_time_over(void)
{
	FpgoMoment	deadline = fpgo_worker_deadline();

	return deadline != 0 && fpgo_clock_has_come(deadline);
}

/*
 * Record what a client's request needs recorded, without waiting; false if the
 * client is to be dropped.
 */
static bool
record(Client *client)
{
	if (client->service == NULL && !await_request(client))
		return false;
	if (client->service != NULL && fpgo_worker_deadline() != 0)
		fpgo_service_stop_unsent(client->service);
	if (client->service == NULL ||
		(fpgo_service_is_in_flight(client->service) && !is_time_over()) ||
		!fpgo_clock_has_come(client->settle_again_at))
		return true;
	client->is_settled = fpgo_service_settle(client->service);
	if (!client->is_settled)
		client->settle_again_at = fpgo_clock_in(FPGO_RETRY_MS);
	return true;
}

/* Hand a client its answer; false if the client is to be dropped. */
static bool
answer(Client *client)
{
	FpgoService *service = client->service;

	client->service = NULL;
	client->is_settled = false;
	client->idle_since = fpgo_clock_now();
	if (fpgo_service_is_unrecorded(service) &&
		fpgo_service_run(service) == client_run)
		change_run();
	return fpgo_service_answer(service);
}

static void
drop(Client *client)
{
	fpgo_mailbox_detach(client->mailbox);
	pfree(client);
}

/* Record what all clients need recorded. */
static void
record_clients(void)
{
	ListCell   *cell;

	foreach(cell, clients)
	{
		Client	   *client = lfirst(cell);

		if (record(client))
			continue;
		clients = foreach_delete_current(clients, cell);
		drop(client);
	}
}

/* How much the clients have under way. */
typedef struct Load
{
	int			n_requests;		/* under way */
	int			n_in_flight;
	bool		has_landed;		/* one is to be settled at once */
} Load;

/* Send and answer what has been recorded, once that is flushed. */
static Load
release_clients(void)
{
	Load		load = {0};
	ListCell   *cell;

	fpgo_worker_flush();
	foreach(cell, clients)
	{
		Client	   *client = lfirst(cell);

		if (client->is_settled && !answer(client))
		{
			clients = foreach_delete_current(clients, cell);
			drop(client);
			continue;
		}
		if (client->service == NULL)
			continue;
		fpgo_service_launch(client->service);
		load.n_requests++;
		if (fpgo_service_is_in_flight(client->service))
			load.n_in_flight++;
		else if (client->settle_again_at == 0)
			load.has_landed = true;
	}
	return load;
}

/* ---------- the loop ---------- */

/* Are fpgo's tables gone, with the extension? */
static bool are_tables_gone = false;

static bool
should_stop(void)
{
	return ShutdownRequestPending || are_tables_gone;
}

static const FpgoTransactions transactions = {
	fpgo_worker_begin_transaction, fpgo_worker_begin_lax_transaction,
	fpgo_worker_commit_transaction, fpgo_worker_flush, should_stop, true
};

static void
see_changes(void *arg)
{
	/* tables that come back are not the same ones */
	if (!fpgo_table_exist())
		are_tables_gone = true;
	fpgo_worker_obey_owner();
}

/* Has the extension been dropped, or the database got another owner? */
static void
look_around(void)
{
	ErrorData  *error;

	StartTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
	/* if the catalogs are locked, the next look is soon enough */
	error = fpgo_subtransaction_run(see_changes, NULL);
	if (error != NULL)
		FreeErrorData(error);
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
}

static void
see_uncertain(void *arg)
{
	fpgo_table_lock_all();
	*(bool *) arg = fpgo_extension_is_current() &&
		(fpgo_submission_has_uncertain() || fpgo_cases_have_elsewhere());
}

/* Start a reconciler if a submission may have an order at the gateway. */
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

/* Reconcile once every fpgo.reconcile_interval. */
static void
reconcile_at_times(void)
{
	static FpgoMoment since = 0;

	/* the gateway may still work at orders that a crash left: wait first */
	if (since == 0)
		since = fpgo_clock_now();
	if (fpgo_reconcile_interval == 0 ||
		!fpgo_clock_has_passed(since, fpgo_reconcile_interval))
		return;
	since = fpgo_clock_now();
	reconcile();
}

/* Is it time?  If so, move the time on by the interval. */
static bool
is_due(FpgoMoment *at, int interval_ms)
{
	if (!fpgo_clock_has_come(*at))
		return false;
	*at = fpgo_clock_in(interval_ms);
	return true;
}

static void
wait_for_work(FpgoMoment look_at)
{
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	fpgo_wait(fpgo_clock_left(look_at), FPGO_WAIT_WORKER);
}

/* Drive the requests in flight, and show in pg_stat_activity that some are. */
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
	int			step_ms = fpgo_http_heed_latch() ? STEP_MS : DEAF_STEP_MS;
	FpgoMoment	look_at = 0;
	FpgoMoment	tidy_at = 0;

	for (;;)
	{
		FpgoDeliveryState state;
		Load		load;
		bool		goes_on;

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
			attach_clients();
			reconcile_at_times();
		}
		record_clients();
		state = fpgo_delivery_step(delivery);
		load = release_clients();
		end_old_runs();
		if (should_stop() && state == FPGO_DELIVERY_DONE &&
			load.n_requests == 0)
			return;
		goes_on = load.has_landed || state == FPGO_DELIVERY_GOES_ON;
		if (load.n_in_flight > 0 || state == FPGO_DELIVERY_FLIES)
			step(goes_on ? 0 : step_ms);
		else if (goes_on)
			continue;
		else if (state == FPGO_DELIVERY_FAILED ||
				 state == FPGO_DELIVERY_WAITS || load.n_requests > 0)
			wait_for_work(fpgo_clock_in(PAUSE_MS));
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
	if (are_tables_gone)
	{
		if (fpgo_roster_is_first_word())
			ereport(LOG,
					(errmsg("fpgo is not installed in database \"%s\", which fpgo.databases names",
							MyBgworkerEntry->bgw_extra),
					 errhint("CREATE EXTENSION fpgo;")));
		proc_exit(0);
	}
	fpgo_roster_is_well();
	fpgo_worker_put_off_flushes();
	client_run = fpgo_run_begin();
	delivery = fpgo_delivery_begin(&transactions, 0);
	run_loop(delivery);
	fpgo_reconciler_end();
	fpgo_delivery_end(delivery);
	fpgo_run_end(client_run);
	proc_exit(0);
}
