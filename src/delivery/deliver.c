/*
 * deliver.c
 *		The delivery loop.
 *
 * A delivery has up to a server's option concurrency of requests under way.
 * It claims only what starts at once, so a crash leaves at most as many
 * uncertain submissions as were in flight.  Flights that have landed are
 * settled in the same transaction that claims the next ones: one commit for
 * both.
 *
 *		settle what landed, claim what is due	(one transaction)
 *		launch the claims						(no snapshot from here ...)
 *		step until something lands				(... to here)
 *
 * A change of an accepted order is launched twice: with a question first, and
 * with the order in a later turn (question.c).
 *
 * What a delivery knows of a server stands in that server's lane (lane.c).
 * claim.c claims submissions of one server.
 *
 * A session that locks the tables, or a row, delays what is recorded there and
 * nothing else.  The delivery waits for no table: it keeps an outcome that it
 * cannot record, and tries again to record it.
 *
 * A process that is asked to stop claims nothing more.  It requeues what was
 * not sent yet, and waits a grace time for the answers of the rest.  Then it
 * settles the flights, and only then reports its own end.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/pmsignal.h"
#include "storage/procsignal.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "base/subtransaction.h"
#include "base/wait.h"
#include "delivery/claim.h"
#include "delivery/deliver.h"
#include "delivery/durable.h"
#include "delivery/flight.h"
#include "delivery/holds.h"
#include "delivery/patience.h"
#include "delivery/question.h"
#include "delivery/seating.h"
#include "delivery/slow.h"
#include "records/age.h"
#include "records/locks.h"
#include "records/settle.h"
#include "records/sweep.h"
#include "tables/statement.h"

struct FpgoDelivery
{
	const FpgoTransactions *transactions;
	MemoryContext context;		/* of the delivery; flights are its children */
	int64		only;			/* deliver this submission; 0: all */
	FpgoTally	tally;
	int64		run;
	List	   *lanes;			/* FpgoLane */
	List	   *flights;		/* FpgoFlight, landed ones included */
	List	   *ready;			/* FpgoFlight, claimed and not launched */
	bool		wants_lanes;	/* look for servers that have no lane yet */
	bool		unacknowledged; /* a standby did not confirm a commit */
	FpgoMoment	ends;			/* of the grace time; 0 unless stopping */
	ErrorData  *failure;		/* of the last claim, NULL if there was none */
	bool		is_failure_told;	/* in the log */
	bool		is_outdated;	/* the SQL objects are of another version */
	FpgoMoment	failing_since;	/* since when claims fail */
	FpgoMoment	claim_again_at;
	bool		is_careful;		/* settle one by one, after a failure */
	FpgoMoment	unsettled_since;	/* since when settling fails, or 0 */
	bool		is_unsettled_told;	/* in the log */
};

/* ---------- claiming ---------- */

static FpgoLane *
find_lane(FpgoDelivery *delivery, const char *server)
{
	return fpgo_lane_find(&delivery->lanes, server, delivery->context);
}

/* ---------- settling ---------- */

/* Has the flight landed, and is it time to record its outcome? */
static bool
is_to_settle(const FpgoFlight *flight)
{
	return fpgo_flight_is_over(flight) &&
		fpgo_clock_has_come(flight->settle_again_at);
}

static bool
has_landed(const FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, delivery->flights)
	{
		if (is_to_settle(lfirst(cell)))
			return true;
	}
	return false;
}

static void
settle(void *arg)
{
	fpgo_flight_settle(arg, false);
}

/* An outcome could not be recorded.  Log that if it goes on for long. */
static void
note_unsettled(FpgoDelivery *delivery, const ErrorData *error)
{
	delivery->is_careful = true;
	if (delivery->unsettled_since == 0)
	{
		delivery->unsettled_since = fpgo_clock_now();
		delivery->is_unsettled_told = false;
	}
	if (delivery->is_unsettled_told ||
		!fpgo_clock_has_passed(delivery->unsettled_since,
							   FPGO_RETRY_LIMIT_MS))
		return;
	ereport(LOG,
			(errmsg("outcomes of orders that were sent cannot be recorded: %s",
					error->message),
			 errdetail("It is tried again every second."),
			 fpgo_errhide()));
	delivery->is_unsettled_told = true;
}

static void
put_off(FpgoFlight *flight)
{
	flight->settle_again_at = fpgo_clock_in(FPGO_RETRY_MS);
}

/*
 * Settle the flights that have landed or, at the end of the grace time, all.
 * After a failure each flight gets a subtransaction, so that one that fails
 * does not keep the others from being settled.  A session calls this with
 * interrupts held: no timeout would end its wait for a row that another
 * session has locked.  Therefore a session does not wait for a row, unless somebody
 * locks it between the look and the change.
 */
static void
settle_landed(FpgoDelivery *delivery, bool all)
{
	bool		has_failed = false;
	ListCell   *cell;

	foreach(cell, delivery->flights)
	{
		FpgoFlight *flight = lfirst(cell);
		ErrorData  *error = NULL;

		flight->is_settled = false;
		if (!all && !is_to_settle(flight))
		{
			has_failed = has_failed || flight->settle_again_at != 0;
			continue;
		}
		if (!delivery->transactions->is_resident &&
			!fpgo_submission_is_free(flight->claim.submission,
									 flight->claim.attempt))
		{
			put_off(flight);
			has_failed = true;
			continue;
		}
		if (delivery->is_careful)
			error = fpgo_subtransaction_run(settle, flight);
		else
			settle(flight);
		flight->is_settled = error == NULL;
		if (flight->is_settled)
			continue;
		note_unsettled(delivery, error);
		put_off(flight);
		has_failed = true;
	}
	if (has_failed)
		return;
	delivery->is_careful = false;
	delivery->unsettled_since = 0;
}

/* After the commit: free the settled flights; their servers may claim anew. */
static void
forget_settled(FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, delivery->flights)
	{
		FpgoFlight *flight = lfirst(cell);
		FpgoLane   *lane;

		if (!flight->is_settled)
			continue;
		lane = find_lane(delivery, flight->claim.server);
		lane->n_flights--;
		if (delivery->only == 0)
			fpgo_lane_note_settled(lane);
		/* who goes on finds that in the allowance */
		if (flight->outcome->class == FPGO_OUTCOME_SLOW_DOWN &&
			!delivery->transactions->is_resident)
			fpgo_lane_close(lane);
		fpgo_tally_add(&delivery->tally, flight->state);
		delivery->flights = foreach_delete_current(delivery->flights, cell);
		fpgo_flight_free(flight);
	}
}

/* ---------- one turn ---------- */

static bool
may_claim(const FpgoDelivery *delivery)
{
	if (delivery->failure != NULL)
		return fpgo_clock_has_come(delivery->claim_again_at);
	return delivery->wants_lanes || fpgo_lanes_may_claim(delivery->lanes);
}

/* The work of one transaction. */
typedef struct Turn
{
	FpgoDelivery *delivery;
	MemoryContext context;		/* of the turn's memory */
	bool		claim;
	bool		all;			/* settle flights under way, too */
} Turn;

/*
 * Settle and claim.  This must not wait for the lock of a table: if one is not
 * free at once, the turn fails and is tried again.
 */
static void
work(void *arg)
{
	Turn	   *turn = arg;
	FpgoDelivery *delivery = turn->delivery;
	ListCell   *cell;

	MemoryContextSwitchTo(turn->context);
	fpgo_table_lock_all();
	settle_landed(delivery, turn->all);
	fpgo_questions_confirm(delivery->flights,
						   delivery->transactions->is_resident);
	fpgo_holds_learn_all(delivery->flights);
	if (!turn->claim)
		return;
	delivery->is_outdated = !fpgo_extension_is_current();
	fpgo_extension_require_current();
	fpgo_http_require();
	if (delivery->wants_lanes)
		fpgo_lane_find_queued(&delivery->lanes, delivery->context);
	foreach(cell, delivery->lanes)
	{
		FpgoLane   *lane = lfirst(cell);

		if (fpgo_lane_may_claim(lane))
			fpgo_lane_claim(lane, delivery->run, delivery->only,
							!delivery->transactions->is_resident,
							delivery->context, &delivery->ready);
	}
}

/* The claims of a failed turn were rolled back: free their flights. */
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

/*
 * Will claiming fail until a person has done something?  It will while the SQL
 * objects are not of the library's version.
 */
static bool
needs_person(const FpgoDelivery *delivery)
{
	return delivery->failure != NULL && delivery->is_outdated;
}

static bool
has_failed_for_long(const FpgoDelivery *delivery)
{
	return delivery->failure != NULL &&
		fpgo_clock_has_passed(delivery->failing_since, FPGO_RETRY_LIMIT_MS);
}

/*
 * A turn that was to claim failed: claim again a little later.  A session
 * gives up after a while.  A resident worker goes on, and logs the failure
 * once.
 */
static void
note_failure(FpgoDelivery *delivery, ErrorData *error)
{
	if (delivery->failure == NULL)
	{
		delivery->failing_since = fpgo_clock_now();
		delivery->is_failure_told = false;
	}
	else
		FreeErrorData(delivery->failure);
	delivery->failure = error;
	delivery->claim_again_at = fpgo_clock_in(FPGO_RETRY_MS);
	if (!delivery->transactions->is_resident || delivery->is_failure_told ||
		!(needs_person(delivery) || has_failed_for_long(delivery)))
		return;
	ereport(LOG,
			(errmsg("queued orders cannot be claimed for delivery: %s",
					error->message),
			 errdetail("It is tried again every second."),
			 error->hint ? errhint("%s", error->hint) : 0,
			 fpgo_errhide()));
	delivery->is_failure_told = true;
}

static bool
has_given_up(const FpgoDelivery *delivery)
{
	return !delivery->transactions->is_resident &&
		has_failed_for_long(delivery);
}

/* How long a session goes on trying to record outcomes, in milliseconds. */
static int
patience(const FpgoDelivery *delivery)
{
	if (!PostmasterIsAlive())
		return FPGO_ORPHAN_GRACE_MS;
	return delivery->transactions->should_stop() ? FPGO_GRACE_MS :
		FPGO_RETRY_LIMIT_MS;
}

/*
 * Run the transaction of a turn.  The work is done in a subtransaction: if it
 * fails, the loop goes on.  Nothing was claimed then, and flights that have
 * landed wait for the next try.  Returns the error, or NULL.
 */
static ErrorData *
try_turn(Turn *turn)
{
	FpgoDelivery *delivery = turn->delivery;
	ErrorData  *error;

	turn->context = AllocSetContextCreate(delivery->context, "fpgo turn",
										  ALLOCSET_DEFAULT_SIZES);
	delivery->transactions->begin();
	/* no second wait for the standbys that did not confirm the last commit */
	if (delivery->unacknowledged)
		(void) set_config_option("synchronous_commit", "local",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
	MemoryContextSwitchTo(delivery->context);
	error = fpgo_subtransaction_run(work, turn);
	if (error != NULL)
		drop_ready(delivery);
	delivery->transactions->commit();
	MemoryContextSwitchTo(delivery->context);
	MemoryContextDelete(turn->context);
	return error;
}

/* A resident worker does other work until the next try to settle. */
static void
put_off_landed(FpgoDelivery *delivery, ErrorData *error)
{
	ListCell   *cell;

	note_unsettled(delivery, error);
	FreeErrorData(error);
	foreach(cell, delivery->flights)
	{
		if (is_to_settle(lfirst(cell)))
			put_off(lfirst(cell));
	}
}

/* The grace time is over: the end of the run makes the rest uncertain. */
static void
give_up_landed(FpgoDelivery *delivery, ErrorData *error)
{
	ListCell   *cell;

	foreach(cell, delivery->flights)
	{
		FpgoFlight *flight = lfirst(cell);

		ereport(LOG,
				(errmsg("outcome of submission %lld could not be recorded",
						(long long) flight->claim.submission),
				 error ? errdetail("The reason was: %s", error->message) : 0,
				 errhint("The submission becomes uncertain.")));
		find_lane(delivery, flight->claim.server)->n_flights--;
		fpgo_flight_free(flight);
	}
	list_free(delivery->flights);
	delivery->flights = NIL;
	if (error != NULL)
		FreeErrorData(error);
}

/* A session that cannot record waits; a cancel must not end this wait. */
static void
wait_for_records(void)
{
	fpgo_wait(FPGO_RETRY_MS, FPGO_WAIT_RECORD);
	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
}

/*
 * A turn.  If a turn that was to claim fails, the next one only records
 * outcomes.  Outcomes that cannot be recorded are tried again: by a resident
 * worker as long as it lives, by a session for a while.  Then the session
 * raises the error, and the end of its run makes uncertain what was in flight.
 */
static void
take_turn(FpgoDelivery *delivery, bool claim, bool all)
{
	bool		is_resident = delivery->transactions->is_resident;
	Turn		turn = {.delivery = delivery,.claim = claim,.all = all};
	FpgoMoment	began = fpgo_clock_now();
	ErrorData  *error;

	while ((error = try_turn(&turn)) != NULL)
	{
		fpgo_questions_give_up(delivery->flights);
		if (turn.claim)
		{
			note_failure(delivery, error);
			turn.claim = false;
			if (!all && !has_landed(delivery))
				return;
		}
		else if (is_resident)
		{
			if (all)
				give_up_landed(delivery, error);
			else
				put_off_landed(delivery, error);
			return;
		}
		else if (fpgo_clock_has_passed(began, patience(delivery)))
			ReThrowError(error);
		else
			wait_for_records();
	}
	if (turn.claim)
	{
		if (delivery->failure != NULL)
			FreeErrorData(delivery->failure);
		delivery->failure = NULL;
		delivery->wants_lanes = false;
	}
	forget_settled(delivery);
	if (delivery->transactions->flush != NULL)
		delivery->transactions->flush();
	if (all && delivery->flights != NIL)
		give_up_landed(delivery, NULL);
	if ((delivery->ready != NIL ||
		 fpgo_questions_have_confirmed(delivery->flights)) &&
		!fpgo_durable_is_acknowledged())
		delivery->unacknowledged = true;
}

static void
launch_ready(FpgoDelivery *delivery)
{
	ListCell   *cell;

	fpgo_http_expect(list_length(delivery->flights) +
					 list_length(delivery->ready));
	fpgo_questions_launch(delivery->flights, !delivery->unacknowledged);
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
	/* the delivery outlives transactions */
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
	fpgo_allowance_look_again();
	return delivery;
}

const FpgoTally *
fpgo_delivery_tally(const FpgoDelivery *delivery)
{
	return &delivery->tally;
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

void
fpgo_delivery_readmit_roles(FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, delivery->lanes)
		fpgo_lane_readmit(lfirst(cell));
}

/* Must the delivery end?  If so, notes when its grace time is over. */
static bool
is_stopping(FpgoDelivery *delivery)
{
	bool		is_orphan = !PostmasterIsAlive();

	if (!is_orphan && !delivery->unacknowledged && !has_given_up(delivery) &&
		!delivery->transactions->should_stop())
		return false;
	if (delivery->ends == 0)
		delivery->ends = fpgo_clock_in(is_orphan ? FPGO_ORPHAN_GRACE_MS :
									   FPGO_GRACE_MS);
	return true;
}

static bool
is_flying(const FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, delivery->flights)
	{
		if (!fpgo_flight_is_over(lfirst(cell)))
			return true;
	}
	return false;
}

static void
stop_unsent(FpgoDelivery *delivery)
{
	ListCell   *cell;

	foreach(cell, delivery->flights)
		fpgo_flight_stop_unsent(lfirst(cell));
}

FpgoDeliveryState
fpgo_delivery_step(FpgoDelivery *delivery)
{
	MemoryContext caller = MemoryContextSwitchTo(delivery->context);
	bool		is_resident = delivery->transactions->is_resident;
	bool		stop = is_stopping(delivery);
	bool		all = stop && fpgo_clock_has_come(delivery->ends);
	bool		claim;

	fpgo_allowance_attend(delivery->transactions, false);
	fpgo_slow_count(delivery->lanes, delivery->flights);
	claim = !stop && may_claim(delivery);
	if (claim)
		fpgo_seating_attend_all(delivery->lanes, delivery->transactions);
	fpgo_questions_attend(delivery->flights);
	if (stop)
		stop_unsent(delivery);
	if (all || claim || has_landed(delivery) ||
		fpgo_questions_have_cleared(delivery->flights))
	{
		/* a cancel must not come between an outcome and its record */
		if (!is_resident)
			HOLD_INTERRUPTS();
		take_turn(delivery, claim, all);
		if (!is_resident)
			RESUME_INTERRUPTS();
		launch_ready(delivery);
		/* no standby is required any more, or the worker is told to end */
		if (is_resident)
			delivery->unacknowledged = false;
	}
	MemoryContextSwitchTo(caller);
	if (has_landed(delivery) || (!stop && may_claim(delivery)))
		return FPGO_DELIVERY_GOES_ON;
	if (is_flying(delivery) || (!stop && fpgo_lanes_ask(delivery->lanes)))
		return FPGO_DELIVERY_FLIES;
	if (delivery->flights != NIL ||
		(!stop && ((delivery->failure != NULL && !needs_person(delivery)) ||
				   fpgo_lanes_are_paced(delivery->lanes))))
		return FPGO_DELIVERY_FAILED;
	if (!stop && fpgo_lanes_try_soon(delivery->lanes, is_resident))
		return FPGO_DELIVERY_WAITS;
	fpgo_allowance_attend(delivery->transactions, true);
	return FPGO_DELIVERY_DONE;
}

/* Make submissions of dead runs uncertain, and let go what is old. */
static void
tidy(void *arg)
{
	fpgo_table_lock_all();
	/* personal numbers go on time, whatever the versions are */
	fpgo_age_let_go(FPGO_AGE_NEXT_PART);
	if (fpgo_extension_is_current())
	{
		(void) fpgo_submission_sweep();
		fpgo_hold_tidy();
	}
}

void
fpgo_delivery_tidy(FpgoDelivery *delivery)
{
	MemoryContext caller = MemoryContextSwitchTo(delivery->context);
	ErrorData  *error = NULL;

	delivery->transactions->begin();
	MemoryContextSwitchTo(delivery->context);
	if (delivery->transactions->is_resident)
		error = fpgo_subtransaction_run(tidy, NULL);
	else
	{
		(void) fpgo_submission_sweep();
		fpgo_age_let_go(delivery->only == 0 ? FPGO_AGE_NEXT_PART :
						FPGO_AGE_NOWHERE);
	}
	delivery->transactions->commit();
	MemoryContextSwitchTo(caller);
	if (error == NULL)
		return;
	/* a session has locked the tables: no fault, and tried again */
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ereport(LOG,
				(errmsg("submissions of dead processes and old payloads cannot be tidied up: %s",
						error->message),
				 fpgo_errhide()));
	FreeErrorData(error);
}

void
fpgo_delivery_raise(const FpgoDelivery *delivery)
{
	if (delivery->failure != NULL)
		ReThrowError(delivery->failure);
	if (delivery->unacknowledged)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("delivery stopped because a standby did not confirm the records of orders to send"),
				 errdetail("Submissions without confirmation were not sent and are queued again.")));
}
