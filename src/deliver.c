/*
 * deliver.c
 *		The delivery loop.
 *
 * A delivery has up to a server's option concurrency of requests under way.  It
 * claims only what starts at once, so a crash leaves at most as many uncertain
 * submissions as were in flight; what has landed is settled in the same
 * transaction that claims the next, one commit for both.
 *
 *		settle what landed, claim what is due	(one transaction)
 *		launch the claims						(no snapshot from here ...)
 *		step until something lands				(... to here)
 *
 * What it knows of each server stands in that server's lane (lane.c).
 *
 * A process asked to stop claims nothing more, lets what is in flight land
 * for a grace time, settles, and only then reports its own end.
 */
#include "fpgo.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/pmsignal.h"
#include "storage/procsignal.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "deliver.h"
#include "flight.h"
#include "lane.h"
#include "owner.h"
#include "run.h"
#include "subtransaction.h"
#include "worker.h"

/* longest step before a delivery in a session looks around, in milliseconds */
#define STEP_MS 50

struct FpgoDelivery
{
	const FpgoTransactions *transactions;
	MemoryContext context;		/* of the delivery; flights are its children */
	int64		only;			/* the one submission wanted, 0: any */
	int64		run;
	List	   *lanes;			/* FpgoLane */
	List	   *flights;		/* FpgoFlight, landed ones included */
	List	   *ready;			/* FpgoFlight, claimed and not launched */
	bool		wants_lanes;	/* look for servers that have no lane yet */
	bool		unacknowledged; /* a standby did not confirm a commit */
	TimestampTz ends;			/* once it stops: when its grace time is over */
	ErrorData  *failure;		/* why the last claim failed, NULL if it did
								 * not */
	bool		is_failure_told;	/* in the log */
	TimestampTz failing_since;	/* and claims have since then */
	TimestampTz claim_again_at;
};

/* ---------- claiming ---------- */

static FpgoLane *
find_lane(FpgoDelivery *delivery, const char *server)
{
	return fpgo_lane_find(&delivery->lanes, server, delivery->context);
}

/* Make a lane of every server that has something queued. */
static void
find_lanes(FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, fpgo_submission_queued_servers())
		(void) find_lane(delivery, lfirst(cell));
}

/* A gateway as one role sees it; looked at once a turn. */
typedef struct View
{
	const char *server;
	const char *role;
	FpgoGateway *gateway;		/* NULL if the role may not use it ... */
	const char *reason;			/* ... and why */
} View;

static void
resolve_gateway(void *arg)
{
	View	   *view = arg;

	view->gateway = fpgo_gateway_resolve(view->server,
										 get_role_oid(view->role, false));
}

/*
 * The gateway as the role that handed an order in sees it now: the server's
 * options, the role's right to it and its token may have changed since.
 */
static View *
look(List **views, const char *server, const char *role)
{
	ErrorData  *error;
	View	   *view;
	ListCell   *cell;

	foreach(cell, *views)
	{
		view = lfirst(cell);
		if (strcmp(view->role, role) == 0)
			return view;
	}
	view = palloc0(sizeof(View));
	view->server = server;
	view->role = role;
	*views = lappend(*views, view);

	error = fpgo_subtransaction_try(resolve_gateway, view,
									CurrentMemoryContext);
	if (error != NULL)
	{
		view->gateway = NULL;
		view->reason = psprintf("Not sent: %s.", error->message);
	}
	return view;
}

/* A claim that cannot be made ready stays queued, and says why. */
static void
put_back(const FpgoDelivery *delivery, const FpgoClaim *claim, const char *reason)
{
	FpgoSettlement settlement = {.submission = claim->submission,
		.attempt = claim->attempt,.run = delivery->run,.state = FPGO_QUEUED,
	.outcome = fpgo_outcome_name(FPGO_OUTCOME_UNREACHED)};

	settlement.reason = reason;
	settlement.delay_s = fpgo_flight_backoff(claim->attempt);
	(void) fpgo_submission_settle(&settlement);
}

/* A claim that is being made ready. */
typedef struct Preparation
{
	const FpgoDelivery *delivery;
	const FpgoClaim *claim;
	const FpgoGateway *gateway;
	FpgoFlight *flight;
} Preparation;

static void
prepare_flight(void *arg)
{
	Preparation *preparation = arg;

	preparation->flight =
		fpgo_flight_prepare(preparation->claim, preparation->delivery->run,
							&preparation->gateway->target,
							preparation->gateway->retention_s,
							preparation->delivery->context);
}

/*
 * Make one claim ready to fly; no transaction is needed after this.  One that
 * fails must not keep the others from being sent.
 */
static void
prepare(FpgoDelivery *delivery, FpgoLane *lane, const FpgoClaim *claim,
		const FpgoGateway *gateway)
{
	Preparation preparation = {delivery, claim, gateway, NULL};
	ErrorData  *error = fpgo_subtransaction_try(prepare_flight, &preparation,
												CurrentMemoryContext);
	MemoryContext old;

	if (error != NULL)
	{
		/* the message may quote the payload */
		put_back(delivery, claim,
				 psprintf("Not sent: its payload cannot be read (SQLSTATE %s).",
						  unpack_sql_state(error->sqlerrcode)));
		return;
	}
	old = MemoryContextSwitchTo(delivery->context);
	lane->limit = gateway->concurrency;
	lane->n_flights++;
	delivery->ready = lappend(delivery->ready, preparation.flight);
	MemoryContextSwitchTo(old);
}

/* A role that may not use the server: leave its orders alone, and say so. */
static void
shut_out(FpgoDelivery *delivery, FpgoLane *lane, const View *view)
{
	MemoryContext old = MemoryContextSwitchTo(delivery->context);

	lane->shut_out = lappend(lane->shut_out, pstrdup(view->role));
	MemoryContextSwitchTo(old);
	fpgo_submission_explain(lane->server, view->role, view->reason);
}

/* Claim for one server as many as it has places free. */
static void
claim_for(FpgoDelivery *delivery, FpgoLane *lane)
{
	int			limit = fpgo_lane_free_places(lane);
	int64	   *ids = palloc(sizeof(int64) * limit);
	int			n = 0;
	List	   *views = NIL;
	List	   *dues = fpgo_submission_due(lane->server, limit, delivery->only,
										   lane->shut_out);
	ListCell   *cell;

	/* one wanted submission is tried once, due or not */
	lane->is_exhausted = dues == NIL || delivery->only != 0;
	foreach(cell, dues)
	{
		FpgoDue    *due = lfirst(cell);
		int			n_views = list_length(views);
		View	   *view = look(&views, lane->server, due->role);

		if (view->gateway != NULL)
			ids[n++] = due->submission;
		else if (list_length(views) > n_views)
			shut_out(delivery, lane, view);
	}
	if (n == 0)
		return;
	foreach(cell, fpgo_submission_claim(delivery->run, ids, n))
	{
		FpgoClaim  *claim = lfirst(cell);

		prepare(delivery, lane, claim,
				look(&views, claim->server, claim->role)->gateway);
	}
}

/* ---------- settling ---------- */

/* Record what has landed, or, at the end of the grace time, everything. */
static void
settle_landed(FpgoDelivery *delivery, bool all)
{
	ListCell   *cell;

	foreach(cell, delivery->flights)
	{
		FpgoFlight *flight = lfirst(cell);

		if (all || fpgo_flight_is_over(flight))
			fpgo_flight_settle(flight, false);
	}
}

/* Once that is committed: forget them, and let their servers claim anew. */
static void
forget_settled(FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, delivery->flights)
	{
		FpgoFlight *flight = lfirst(cell);
		FpgoLane   *lane;

		if (flight->outcome == NULL)
			continue;
		lane = find_lane(delivery, flight->claim.server);
		lane->n_flights--;
		lane->is_exhausted = delivery->only != 0;
		fpgo_lane_learn(lane, flight->outcome->class,
						flight->outcome->retry_after_s,
						delivery->transactions->is_resident);
		delivery->flights = foreach_delete_current(delivery->flights, cell);
		fpgo_flight_free(flight);
	}
}

/* ---------- one turn ---------- */

static bool
has_landed(const FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, delivery->flights)
	{
		if (fpgo_flight_is_over(lfirst(cell)))
			return true;
	}
	return false;
}

static bool
may_claim(const FpgoDelivery *delivery)
{
	ListCell   *cell;

	if (delivery->failure != NULL)
		return GetCurrentTimestamp() >= delivery->claim_again_at;
	if (delivery->wants_lanes)
		return true;
	foreach(cell, delivery->lanes)
	{
		const FpgoLane *lane = lfirst(cell);

		if (fpgo_lane_may_claim(lane))
			return true;
	}
	return false;
}

/*
 * A turn cannot be interrupted, so it must not wait for a lock of a table:
 * what is not free at once is asked for again in the next try.
 */
static void
require_tables(void)
{
	static const char *const tables[] = {"submission", "attempt", "payload"};

	for (int i = 0; i < (int) lengthof(tables); i++)
	{
		if (!ConditionalLockRelationOid(fpgo_owner_table(tables[i]),
										RowExclusiveLock))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("could not obtain lock on relation \"fpgo_internal.%s\"",
							tables[i])));
	}
}

/* What is to be done in one transaction. */
typedef struct Work
{
	FpgoDelivery *delivery;
	bool		claim;			/* what is due, too */
	bool		all;			/* settle what has not landed, too */
} Work;

/*
 * The work of one transaction, in a subtransaction so that its failure leaves
 * the delivery alive.  On failure nothing was claimed, and what landed waits
 * for another try.
 */
static void
settle_and_claim(void *arg)
{
	FpgoDelivery *delivery = ((Work *) arg)->delivery;
	bool		claim = ((Work *) arg)->claim;
	bool		all = ((Work *) arg)->all;
	ListCell   *cell;

	require_tables();
	settle_landed(delivery, all);
	if (!claim)
		return;
	if (delivery->wants_lanes)
		find_lanes(delivery);
	foreach(cell, delivery->lanes)
	{
		FpgoLane   *lane = lfirst(cell);

		if (fpgo_lane_free_places(lane) > 0)
			claim_for(delivery, lane);
	}
}

/* Claims of a failed turn were rolled back: take their flights away. */
static void
drop_ready(FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, delivery->ready)
	{
		FpgoFlight *flight = lfirst(cell);

		find_lane(delivery, flight->claim.server)->n_flights--;
		fpgo_flight_free(flight);
	}
	list_free(delivery->ready);
	delivery->ready = NIL;
}

static bool
has_failed_for_long(const FpgoDelivery *delivery)
{
	return delivery->failure != NULL &&
		TimestampDifferenceExceeds(delivery->failing_since,
								   GetCurrentTimestamp(),
								   FPGO_RETRY_LIMIT_MS);
}

/*
 * A turn that was to claim failed: claim again a little later.  A session gives
 * up in the end; a resident worker goes on, and says so once.
 */
static void
note_failure(FpgoDelivery *delivery, ErrorData *error)
{
	TimestampTz now = GetCurrentTimestamp();

	if (delivery->failure == NULL)
	{
		delivery->failing_since = now;
		delivery->is_failure_told = false;
	}
	else
		FreeErrorData(delivery->failure);
	delivery->failure = error;
	delivery->claim_again_at = TimestampTzPlusMilliseconds(now, FPGO_RETRY_MS);
	if (!delivery->transactions->is_resident || delivery->is_failure_told ||
		!has_failed_for_long(delivery))
		return;
	ereport(LOG,
			(errmsg("queued orders cannot be claimed for delivery: %s",
					error->message),
			 errdetail("It is tried again every second."),
			 fpgo_errhide()));
	delivery->is_failure_told = true;
}

static bool
has_given_up(const FpgoDelivery *delivery)
{
	return !delivery->transactions->is_resident &&
		has_failed_for_long(delivery);
}

/* Is it in vain to go on trying to record outcomes, as we do since then? */
static bool
is_in_vain(const FpgoDelivery *delivery, TimestampTz since)
{
	int			limit = FPGO_RETRY_LIMIT_MS;

	if (!PostmasterIsAlive())
		limit = FPGO_ORPHAN_GRACE_MS;
	else if (delivery->transactions->should_stop())
		limit = FPGO_GRACE_MS;
	else if (delivery->transactions->is_resident)
		return false;
	return TimestampDifferenceExceeds(since, GetCurrentTimestamp(), limit);
}

/*
 * A turn's transaction with its commit.  If it fails and was to claim, only
 * outcomes are recorded for now.  Outcomes that cannot be recorded are tried
 * again for a while, or by a resident worker as long as it lives; then the
 * error is raised, and the end of the run makes uncertain what was in flight.
 */
static void
turn(FpgoDelivery *delivery, bool claim, bool all)
{
	TimestampTz began = GetCurrentTimestamp();
	MemoryContext turn_context = AllocSetContextCreate(delivery->context,
													   "fpgo turn",
													   ALLOCSET_DEFAULT_SIZES);

	/* a cancel must not cut between an outcome and its record */
	HOLD_INTERRUPTS();
	for (;;)
	{
		Work		work = {delivery, claim, all};
		ErrorData  *error;

		delivery->transactions->begin();
		/* the end was asked for: what is put back does not wait once more */
		if (delivery->unacknowledged)
			(void) set_config_option("synchronous_commit", "local",
									 PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_LOCAL, true, 0, false);
		MemoryContextSwitchTo(turn_context);
		error = fpgo_subtransaction_try(settle_and_claim, &work,
										delivery->context);
		if (error != NULL)
			drop_ready(delivery);
		delivery->transactions->commit();
		MemoryContextSwitchTo(delivery->context);
		MemoryContextReset(turn_context);
		if (error == NULL)
			break;
		if (claim)
		{
			note_failure(delivery, error);
			claim = false;
			continue;
		}
		if (is_in_vain(delivery, began))
		{
			RESUME_INTERRUPTS();
			ReThrowError(error);
		}
		FreeErrorData(error);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT |
						 WL_EXIT_ON_PM_DEATH, FPGO_RETRY_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();
	}
	RESUME_INTERRUPTS();
	if (claim)
	{
		if (delivery->failure != NULL)
			FreeErrorData(delivery->failure);
		delivery->failure = NULL;
		delivery->wants_lanes = false;
	}
	MemoryContextDelete(turn_context);
	forget_settled(delivery);
	if (delivery->ready != NIL && !fpgo_flight_is_acknowledged())
		delivery->unacknowledged = true;
}

static void
launch_ready(FpgoDelivery *delivery)
{
	ListCell   *cell;

	fpgo_http_expect(list_length(delivery->flights) + list_length(delivery->ready));
	foreach(cell, delivery->ready)
	{
		if (delivery->unacknowledged)
			fpgo_flight_call_off(lfirst(cell));
		else
			fpgo_flight_launch(lfirst(cell));
	}
	delivery->flights = list_concat(delivery->flights, delivery->ready);
	list_free(delivery->ready);
	delivery->ready = NIL;
}

/* ---------- the whole ---------- */

FpgoDelivery *
fpgo_delivery_begin(const FpgoTransactions *transactions, int64 only)
{
	/* above every transaction, since the delivery is */
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "fpgo delivery",
												  ALLOCSET_DEFAULT_SIZES);
	FpgoDelivery *delivery = MemoryContextAllocZero(context,
													sizeof(FpgoDelivery));

	delivery->transactions = transactions;
	delivery->context = context;
	delivery->only = only;
	delivery->wants_lanes = true;
	delivery->run = fpgo_run_begin();
	return delivery;
}

void
fpgo_delivery_end(FpgoDelivery *delivery)
{
	int64		run = delivery->run;

	MemoryContextDelete(delivery->context);
	fpgo_run_end(run);
}

void
fpgo_delivery_look_again(FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, delivery->lanes)
		fpgo_lane_refresh(lfirst(cell));
	delivery->wants_lanes = true;
}

bool
fpgo_delivery_step(FpgoDelivery *delivery)
{
	MemoryContext caller = MemoryContextSwitchTo(delivery->context);
	bool		is_orphan = !PostmasterIsAlive();
	bool		stop = is_orphan || delivery->unacknowledged ||
	has_given_up(delivery) || delivery->transactions->should_stop();
	bool		claim = !stop && may_claim(delivery);
	bool		all;

	if (stop && delivery->ends == 0)
		delivery->ends =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										is_orphan ? FPGO_ORPHAN_GRACE_MS :
										FPGO_GRACE_MS);
	all = delivery->ends != 0 && GetCurrentTimestamp() >= delivery->ends;
	if (all || claim || has_landed(delivery))
	{
		turn(delivery, claim, all);
		launch_ready(delivery);
	}
	MemoryContextSwitchTo(caller);
	return delivery->flights != NIL ||
		(!stop && (delivery->failure != NULL || may_claim(delivery)));
}

bool
fpgo_delivery_is_in_flight(const FpgoDelivery *delivery)
{
	return delivery->flights != NIL && !has_landed(delivery);
}

bool
fpgo_delivery_has_stopped(const FpgoDelivery *delivery)
{
	return delivery->unacknowledged;
}

bool
fpgo_delivery_has_failed(const FpgoDelivery *delivery)
{
	return delivery->failure != NULL;
}

static void
sweep_and_purge(void *arg)
{
	(void) fpgo_submission_sweep();
	fpgo_submission_purge();
}

void
fpgo_delivery_tidy(FpgoDelivery *delivery)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData  *error;

	delivery->transactions->begin();
	error = fpgo_subtransaction_try(sweep_and_purge, NULL, delivery->context);
	delivery->transactions->commit();
	MemoryContextSwitchTo(caller);
	if (error == NULL)
		return;
	if (!delivery->transactions->is_resident)
		ReThrowError(error);
	/* such as a lock in the way: there is a next time */
	FreeErrorData(error);
}

/* Wait until something lands, or for a moment if nothing is in flight. */
static void
wait_in_session(const FpgoDelivery *delivery)
{
	if (fpgo_delivery_is_in_flight(delivery))
		fpgo_http_step(STEP_MS);
	else if (delivery->flights == NIL && delivery->failure != NULL)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT |
						 WL_EXIT_ON_PM_DEATH, STEP_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
}

void
fpgo_deliver_run(const FpgoTransactions *transactions, int64 only)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoDelivery *delivery = fpgo_delivery_begin(transactions, only);

	PG_TRY();
	{
		fpgo_delivery_tidy(delivery);
		while (fpgo_delivery_step(delivery))
			wait_in_session(delivery);
		MemoryContextSwitchTo(caller);
		if (delivery->failure != NULL)
			ReThrowError(delivery->failure);
		if (delivery->unacknowledged)
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("delivery stopped because a standby did not confirm what was to be sent"),
					 errdetail("What was claimed without confirmation was not sent and is queued again.")));
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(caller);
		fpgo_delivery_end(delivery);
	}
	PG_END_TRY();
}
