/*
 * deliver.c
 *		The delivery loop.
 *
 * The loop has up to a server's option concurrency of requests under way.  It
 * claims only what starts at once, so a crash leaves at most as many uncertain
 * submissions as were in flight; what has landed is settled in the same
 * transaction that claims the next, one commit for both.
 *
 *		settle what landed, claim what is due	(one transaction)
 *		launch the claims						(no snapshot from here ...)
 *		step until something lands				(... to here)
 *
 * A server that cannot be reached, refuses the credentials or asks to slow
 * down gets no further request from this loop: what is queued for it stays
 * queued.  After an unknown outcome it gets one at a time until an answer is
 * definite again.
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
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "deliver.h"
#include "flight.h"
#include "owner.h"
#include "run.h"

/* longest step before the loop looks around, in milliseconds */
#define STEP_MS 50

/* how long requests may take to land once the loop should stop, likewise */
#define GRACE_MS 3500

/* the same once the postmaster is gone: as long as we live, no new one starts */
#define ORPHAN_GRACE_MS 2000

/* between two tries to record or to claim, and how long to go on, likewise */
#define RETRY_MS 1000
#define RETRY_LIMIT_MS 10000

/* What the loop knows of a server. */
typedef struct Lane
{
	const char *server;
	int			limit;			/* requests it may have under way */
	int			n_flights;
	bool		is_closed;		/* no further request to it from this loop */
	bool		is_exhausted;	/* the last claim brought nothing */
	bool		is_doubtful;	/* its last outcome was unknown */
	List	   *shut_out;		/* names of roles that may not use it now */
} Lane;

typedef struct Loop
{
	const FpgoTransactions *transactions;
	MemoryContext context;		/* of the loop; flights are its children */
	int64		only;			/* the one submission wanted, 0: any */
	int64		run;
	List	   *lanes;			/* Lane */
	List	   *flights;		/* FpgoFlight, landed ones included */
	List	   *ready;			/* FpgoFlight, claimed and not launched */
	bool		unacknowledged; /* a standby did not confirm a commit */
	ErrorData  *failure;		/* why the last claim failed, NULL if it did
								 * not */
	TimestampTz failing_since;	/* and claims have since then */
	TimestampTz claim_again_at;
} Loop;

/* ---------- servers ---------- */

/* The lane of a server, made if it is new. */
static Lane *
find_lane(Loop *loop, const char *server)
{
	ListCell   *cell;
	MemoryContext old;
	Lane	   *lane;

	foreach(cell, loop->lanes)
	{
		lane = lfirst(cell);
		if (strcmp(lane->server, server) == 0)
			return lane;
	}
	old = MemoryContextSwitchTo(loop->context);
	lane = palloc0(sizeof(Lane));
	lane->server = pstrdup(server);
	lane->limit = 1;
	loop->lanes = lappend(loop->lanes, lane);
	MemoryContextSwitchTo(old);
	return lane;
}

/* Make a lane of every server that has something queued. */
static void
find_lanes(Loop *loop)
{
	ListCell   *cell;

	foreach(cell, fpgo_submission_queued_servers())
		(void) find_lane(loop, lfirst(cell));
}

static int
free_places(const Lane *lane)
{
	int			limit = lane->is_doubtful ? 1 : lane->limit;

	return lane->is_closed ? 0 : Max(limit - lane->n_flights, 0);
}

/* ---------- claiming ---------- */

/* A gateway as one role sees it; looked at once a turn. */
typedef struct View
{
	const char *role;
	FpgoGateway *gateway;		/* NULL if the role may not use it ... */
	const char *reason;			/* ... and why */
} View;

/*
 * The gateway as the role that handed an order in sees it now: the server's
 * options, the role's right to it and its token may have changed since.
 */
static View *
look(List **views, const char *server, const char *role)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	uint32		holdoff = InterruptHoldoffCount;
	View	   *view;
	ListCell   *cell;

	foreach(cell, *views)
	{
		view = lfirst(cell);
		if (strcmp(view->role, role) == 0)
			return view;
	}
	view = palloc0(sizeof(View));
	view->role = role;
	*views = lappend(*views, view);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		view->gateway = fpgo_gateway_resolve(server,
											 get_role_oid(role, false));
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		/* an error takes the hold on interrupts away; see turn() */
		InterruptHoldoffCount = holdoff;
		MemoryContextSwitchTo(caller);
		view->gateway = NULL;
		view->reason = psprintf("Not sent: %s.", CopyErrorData()->message);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return view;
}

/* A claim that cannot be made ready stays queued, and says why. */
static void
put_back(const Loop *loop, const FpgoClaim *claim, const char *reason)
{
	FpgoSettlement settlement = {.submission = claim->submission,
		.attempt = claim->attempt,.run = loop->run,.state = FPGO_QUEUED,
	.outcome = fpgo_outcome_name(FPGO_OUTCOME_UNREACHED)};

	settlement.reason = reason;
	settlement.delay_s = fpgo_flight_backoff(claim->attempt);
	(void) fpgo_submission_settle(&settlement);
}

/*
 * Make one claim ready to fly; no transaction is needed after this.  One that
 * fails must not keep the others from being sent.
 */
static void
prepare(Loop *loop, Lane *lane, const FpgoClaim *claim,
		const FpgoGateway *gateway)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	uint32		holdoff = InterruptHoldoffCount;
	FpgoFlight *volatile flight = NULL;
	const char *volatile reason = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		flight = fpgo_flight_prepare(claim, loop->run, &gateway->target,
									 gateway->retention_s, loop->context);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		InterruptHoldoffCount = holdoff;
		MemoryContextSwitchTo(caller);
		/* the message may quote the payload */
		reason = psprintf("Not sent: its payload cannot be read (SQLSTATE %s).",
						  unpack_sql_state(geterrcode()));
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	CurrentResourceOwner = owner;

	if (flight != NULL)
	{
		MemoryContextSwitchTo(loop->context);
		lane->limit = gateway->concurrency;
		lane->n_flights++;
		loop->ready = lappend(loop->ready, flight);
	}
	MemoryContextSwitchTo(caller);
	if (flight == NULL)
		put_back(loop, claim, reason);
}

/* A role that may not use the server: leave its orders alone, and say so. */
static void
shut_out(Loop *loop, Lane *lane, const View *view)
{
	MemoryContext old = MemoryContextSwitchTo(loop->context);

	lane->shut_out = lappend(lane->shut_out, pstrdup(view->role));
	MemoryContextSwitchTo(old);
	fpgo_submission_explain(lane->server, view->role, view->reason);
}

/* Claim for one server as many as it has places free. */
static void
claim_for(Loop *loop, Lane *lane)
{
	int			limit = free_places(lane);
	int64	   *ids = palloc(sizeof(int64) * limit);
	int			n = 0;
	List	   *views = NIL;
	List	   *dues = fpgo_submission_due(lane->server, limit, loop->only,
										   lane->shut_out);
	ListCell   *cell;

	/* one wanted submission is tried once, due or not */
	lane->is_exhausted = dues == NIL || loop->only != 0;
	foreach(cell, dues)
	{
		FpgoDue    *due = lfirst(cell);
		int			n_views = list_length(views);
		View	   *view = look(&views, lane->server, due->role);

		if (view->gateway != NULL)
			ids[n++] = due->submission;
		else if (list_length(views) > n_views)
			shut_out(loop, lane, view);
	}
	if (n == 0)
		return;
	foreach(cell, fpgo_submission_claim(loop->run, ids, n))
	{
		FpgoClaim  *claim = lfirst(cell);

		prepare(loop, lane, claim,
				look(&views, claim->server, claim->role)->gateway);
	}
}

/* ---------- settling ---------- */

/* What an outcome says about the server it came from. */
static void
learn(Lane *lane, FpgoOutcomeClass outcome)
{
	switch (outcome)
	{
		case FPGO_OUTCOME_ACCEPTED:
		case FPGO_OUTCOME_REFUSED:
			lane->is_doubtful = false;
			break;
		case FPGO_OUTCOME_UNKNOWN:
			lane->is_doubtful = true;
			break;
		case FPGO_OUTCOME_UNREACHED:
		case FPGO_OUTCOME_MISCONFIGURED:
		case FPGO_OUTCOME_CREDENTIALS:
		case FPGO_OUTCOME_SLOW_DOWN:
			lane->is_closed = true;
			break;
	}
}

/* Record what has landed, or, at the end of the grace time, everything. */
static void
settle_landed(Loop *loop, bool all)
{
	ListCell   *cell;

	foreach(cell, loop->flights)
	{
		FpgoFlight *flight = lfirst(cell);

		if (all || fpgo_flight_is_over(flight))
			fpgo_flight_settle(flight, false);
	}
}

/* Once that is committed: forget them, and let their servers claim anew. */
static void
forget_settled(Loop *loop)
{
	ListCell   *cell;

	foreach(cell, loop->flights)
	{
		FpgoFlight *flight = lfirst(cell);
		Lane	   *lane;

		if (flight->outcome == NULL)
			continue;
		lane = find_lane(loop, flight->claim.server);
		lane->n_flights--;
		lane->is_exhausted = loop->only != 0;
		learn(lane, flight->outcome->class);
		loop->flights = foreach_delete_current(loop->flights, cell);
		fpgo_flight_free(flight);
	}
}

/* ---------- one turn of the loop ---------- */

static bool
has_landed(const Loop *loop)
{
	ListCell   *cell;

	foreach(cell, loop->flights)
	{
		if (fpgo_flight_is_over(lfirst(cell)))
			return true;
	}
	return false;
}

static bool
may_claim(const Loop *loop)
{
	ListCell   *cell;

	if (loop->failure != NULL)
		return GetCurrentTimestamp() >= loop->claim_again_at;
	foreach(cell, loop->lanes)
	{
		const Lane *lane = lfirst(cell);

		if (!lane->is_exhausted && free_places(lane) > 0)
			return true;
	}
	return false;
}

/* The work of one transaction. */
static void
settle_and_claim(Loop *loop, bool claim, bool all)
{
	ListCell   *cell;

	settle_landed(loop, all);
	if (!claim)
		return;
	if (loop->lanes == NIL)
		find_lanes(loop);
	foreach(cell, loop->lanes)
	{
		Lane	   *lane = lfirst(cell);

		if (free_places(lane) > 0)
			claim_for(loop, lane);
	}
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

/*
 * That transaction, in a subtransaction so that its failure leaves the loop
 * alive.  On failure nothing was claimed, and what landed waits for another
 * try.
 */
static bool
try_turn(Loop *loop, bool claim, bool all, ErrorData **error)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	uint32		holdoff = InterruptHoldoffCount;
	volatile bool succeeded = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		require_tables();
		settle_and_claim(loop, claim, all);
		ReleaseCurrentSubTransaction();
		succeeded = true;
	}
	PG_CATCH();
	{
		InterruptHoldoffCount = holdoff;
		MemoryContextSwitchTo(loop->context);
		*error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return succeeded;
}

/* Claims of a failed turn were rolled back: take their flights away. */
static void
drop_ready(Loop *loop)
{
	ListCell   *cell;

	foreach(cell, loop->ready)
	{
		FpgoFlight *flight = lfirst(cell);

		find_lane(loop, flight->claim.server)->n_flights--;
		fpgo_flight_free(flight);
	}
	list_free(loop->ready);
	loop->ready = NIL;
}

/* A turn that was to claim failed: claim again a little later, or give up. */
static void
note_failure(Loop *loop, ErrorData *error)
{
	TimestampTz now = GetCurrentTimestamp();

	if (loop->failure == NULL)
		loop->failing_since = now;
	loop->failure = error;
	loop->claim_again_at = TimestampTzPlusMilliseconds(now, RETRY_MS);
}

static bool
has_given_up(const Loop *loop)
{
	return loop->failure != NULL &&
		TimestampDifferenceExceeds(loop->failing_since, GetCurrentTimestamp(),
								   RETRY_LIMIT_MS);
}

/* How long to go on trying to record outcomes, in milliseconds. */
static int
patience(const Loop *loop)
{
	if (!PostmasterIsAlive())
		return ORPHAN_GRACE_MS;
	return loop->transactions->should_stop() ? GRACE_MS : RETRY_LIMIT_MS;
}

/*
 * A turn's transaction with its commit.  If it fails and was to claim, only
 * outcomes are recorded for now.  Outcomes that cannot be recorded are tried
 * again for a while; then the error is raised, and the end of the run makes
 * uncertain what was in flight.
 */
static void
turn(Loop *loop, bool claim, bool all)
{
	TimestampTz began = GetCurrentTimestamp();
	MemoryContext turn_context = AllocSetContextCreate(loop->context,
													   "fpgo turn",
													   ALLOCSET_DEFAULT_SIZES);

	/* a cancel must not cut between an outcome and its record */
	HOLD_INTERRUPTS();
	for (;;)
	{
		ErrorData  *error = NULL;
		bool		succeeded;

		loop->transactions->begin();
		/* the end was asked for: what is put back does not wait once more */
		if (loop->unacknowledged)
			(void) set_config_option("synchronous_commit", "local",
									 PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_LOCAL, true, 0, false);
		MemoryContextSwitchTo(turn_context);
		succeeded = try_turn(loop, claim, all, &error);
		if (!succeeded)
			drop_ready(loop);
		loop->transactions->commit();
		MemoryContextSwitchTo(loop->context);
		MemoryContextReset(turn_context);
		if (succeeded)
			break;
		if (claim)
		{
			note_failure(loop, error);
			claim = false;
			continue;
		}
		if (TimestampDifferenceExceeds(began, GetCurrentTimestamp(),
									   patience(loop)))
		{
			RESUME_INTERRUPTS();
			ReThrowError(error);
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT |
						 WL_EXIT_ON_PM_DEATH, RETRY_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();
	}
	RESUME_INTERRUPTS();
	if (claim)
		loop->failure = NULL;
	MemoryContextDelete(turn_context);
	forget_settled(loop);
	if (loop->ready != NIL && !fpgo_flight_is_acknowledged())
		loop->unacknowledged = true;
}

static void
launch_ready(Loop *loop)
{
	ListCell   *cell;

	fpgo_http_expect(list_length(loop->flights) + list_length(loop->ready));
	foreach(cell, loop->ready)
	{
		if (loop->unacknowledged)
			fpgo_flight_call_off(lfirst(cell));
		else
			fpgo_flight_launch(lfirst(cell));
	}
	loop->flights = list_concat(loop->flights, loop->ready);
	list_free(loop->ready);
	loop->ready = NIL;
}

/* Sweep what dead runs left, delete what is kept no longer. */
static void
tidy(Loop *loop)
{
	loop->transactions->begin();
	(void) fpgo_submission_sweep();
	fpgo_submission_purge();
	loop->transactions->commit();
	MemoryContextSwitchTo(loop->context);
}

static void
run_loop(Loop *loop)
{
	TimestampTz ends = 0;
	bool		first = true;

	tidy(loop);
	for (;;)
	{
		bool		is_orphan = !PostmasterIsAlive();
		bool		stop = is_orphan || loop->unacknowledged ||
		has_given_up(loop) || loop->transactions->should_stop();
		bool		all = false;

		if (stop && ends == 0)
			ends = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   is_orphan ? ORPHAN_GRACE_MS :
											   GRACE_MS);
		all = ends != 0 && GetCurrentTimestamp() >= ends;
		if (all || has_landed(loop) || (!stop && (first || may_claim(loop))))
		{
			turn(loop, !stop && (first || may_claim(loop)), all);
			launch_ready(loop);
			first = false;
		}
		if (loop->flights == NIL &&
			(stop || (loop->failure == NULL && !may_claim(loop))))
			return;
		if (!has_landed(loop))
			fpgo_http_step(STEP_MS);
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();
	}
}

void
fpgo_deliver_run(const FpgoTransactions *transactions, int64 only)
{
	Loop		loop = {.transactions = transactions,.only = only};
	MemoryContext caller = CurrentMemoryContext;

	/* above every transaction, since the loop is */
	loop.context = AllocSetContextCreate(TopMemoryContext, "fpgo delivery",
										 ALLOCSET_DEFAULT_SIZES);
	loop.run = fpgo_run_begin();
	PG_TRY();
	{
		MemoryContextSwitchTo(loop.context);
		run_loop(&loop);
		MemoryContextSwitchTo(caller);
		if (loop.failure != NULL)
			ReThrowError(loop.failure);
		if (loop.unacknowledged)
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("delivery stopped because a standby did not confirm what was to be sent"),
					 errdetail("What was claimed without confirmation was not sent and is queued again.")));
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(loop.context);
		fpgo_run_end(loop.run);
	}
	PG_END_TRY();
}
