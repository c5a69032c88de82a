/*
 * claim.c
 *		Claims: which submissions of a server's queue are sent next.
 *
 * The role that handed an order in may have lost its right to the server or
 * its user mapping since, or the role may be gone.  Then the order stays
 * queued with the reason on record.  One look serves all orders of the role.
 */
#include "postgres.h"

#include "utils/acl.h"

#include "account/account.h"
#include "base/clock.h"
#include "base/subtransaction.h"
#include "delivery/backoff.h"
#include "delivery/change.h"
#include "delivery/claim.h"
#include "delivery/flight.h"
#include "records/settle.h"

/*
 * How often a lane that waits for its allowance claims nevertheless, and how
 * often it looks for orders of other allowances, in milliseconds.
 */
#define WAIT_MS 1000
#define LOOK_PAST_MS 5000

/* how often it is recorded what waits for what, in milliseconds */
#define EXPLAIN_MS 5000

/* The account of one role at a server; resolved once a turn. */
typedef struct View
{
	const char *role;
	FpgoAccount *account;		/* NULL if the role may not use it ... */
	const char *reason;			/* ... and why */
	FpgoAllowance *allowance;	/* of the account */
} View;

typedef struct Look
{
	const char *server;
	const char *role;
	FpgoAccount *account;
} Look;

static void
resolve(void *arg)
{
	Look	   *look = arg;

	look->account =
		fpgo_account_resolve_recorded(look->server,
									  get_role_oid(look->role, false));
}

/*
 * The account of the role that handed an order in, as it is now.  The server's
 * options, the role's right and its token may have changed since the hand-in.
 */
static View *
view_as(List **views, const char *server, const char *role)
{
	Look		look = {.server = server,.role = role};
	View	   *view;
	ErrorData  *error;
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
	error = fpgo_subtransaction_run(resolve, &look);
	if (error == NULL)
	{
		view->account = look.account;
		view->allowance = fpgo_allowance_of(&look.account->target);
	}
	else
		view->reason = psprintf("Not sent: %s.", error->message);
	return view;
}

/* Queue again a claim that cannot be made ready, with the reason. */
static void
put_back(const FpgoClaim *claim, int64 run, const char *reason)
{
	FpgoSettlement settlement = {.submission = claim->submission,
		.attempt = claim->attempt,.run = run,.state = FPGO_STATE_QUEUED,
	.outcome = fpgo_outcome_name(FPGO_OUTCOME_UNREACHED)};

	settlement.reason = reason;
	settlement.delay_s = fpgo_backoff(claim->attempt);
	(void) fpgo_submission_settle(&settlement);
}

/* A change that must not be sent: the claim ends refused, with the reason. */
static void
refuse(const FpgoClaim *claim, int64 run, const FpgoAccount *account,
	   const char *reason)
{
	FpgoSettlement settlement = {.submission = claim->submission,
		.attempt = claim->attempt,.run = run,.state = FPGO_STATE_REFUSED,
		.outcome = fpgo_outcome_name(FPGO_OUTCOME_REFUSED),
		.reason = reason,.retention_s = account->retention_s};

	(void) fpgo_submission_settle(&settlement);
}

typedef struct Preparation
{
	FpgoClaim	claim;
	int64		run;
	const FpgoAccount *account;
	MemoryContext context;
	FpgoFlight *flight;			/* NULL if it must not be sent ... */
	const char *refusal;		/* ... and why */
} Preparation;

/*
 * Of a change the payload is made here.  Which order it changes is known by
 * the claim.
 */
static void
make_flight(void *arg)
{
	Preparation *preparation = arg;
	FpgoClaim  *claim = &preparation->claim;
	const FpgoAccount *account = preparation->account;
	FpgoChange	change = {0};

	if (claim->change_of != NULL)
	{
		change = fpgo_change_make(claim->payload, claim->change_of,
								  account->terms.tax_rates);
		preparation->refusal = change.refusal;
		if (change.payload == NULL)
			return;
		claim->payload = change.payload;
		fpgo_submission_begin_question(claim->submission, claim->attempt);
	}
	preparation->flight = fpgo_flight_prepare(claim, preparation->run,
											  &account->target,
											  account->retention_s,
											  preparation->context);
	if (change.payload != NULL)
		explicit_bzero(unconstify(char *, change.payload),
					   strlen(change.payload));
}

/*
 * Make a flight of one claim; no transaction is needed after this.  Returns
 * NULL if that fails: the other claims must be sent nevertheless.
 */
static FpgoFlight *
prepare(const FpgoClaim *claim, int64 run, const FpgoAccount *account,
		MemoryContext context)
{
	Preparation preparation = {.claim = *claim,.run = run,.account = account,
	.context = context};
	ErrorData  *error = fpgo_subtransaction_run(make_flight, &preparation);

	if (error == NULL && preparation.flight == NULL)
		refuse(claim, run, account, preparation.refusal);
	if (error == NULL)
		return preparation.flight;
	/* the message may quote the payload */
	put_back(claim, run,
			 psprintf("Not sent: its payload cannot be read (SQLSTATE %s).",
					  unpack_sql_state(error->sqlerrcode)));
	return NULL;
}

/* A role may not use the server: skip its orders, and record why. */
static void
shut_out(FpgoLane *lane, const View *view, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	lane->shut_out = lappend(lane->shut_out, pstrdup(view->role));
	MemoryContextSwitchTo(old);
	fpgo_submission_explain(lane->server, view->role, view->reason);
}

/* ---------- the allowance ---------- */

static bool
has_name(List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/*
 * An order was found that the allowance of its role does not let go now.  The
 * lane waits until some can.
 */
static void
wait_for_allowance(FpgoLane *lane, const FpgoDue *due, const View *view,
				   MemoryContext context)
{
	FpgoAllowanceWait wait = fpgo_allowance_wait(view->allowance,
												 FPGO_PACE_QUEUE);
	MemoryContext old;

	if (lane->waits_until == 0)
		fpgo_walk_return(&lane->walk, due->submission);
	lane->waits_until = fpgo_clock_in(wait.never_before == 0 ? WAIT_MS :
									  LOOK_PAST_MS);
	lane->waits_since = fpgo_allowance_n_changes();
	lane->is_paced = !wait.is_closed;
	if (has_name(lane->waiting, view->role))
		return;
	old = MemoryContextSwitchTo(context);
	lane->waiting = lappend(lane->waiting, pstrdup(view->role));
	MemoryContextSwitchTo(old);
}

/*
 * The roles whose orders are not to be looked for.  While those of some roles
 * wait for their allowance, orders of others may lie behind them.  To look past
 * them costs a look at all those that wait, and so it is done at times.
 */
static List *
begin_look(FpgoLane *lane, bool *looks_past)
{
	fpgo_allowance_unreserve();
	lane->waits_until = 0;
	*looks_past = lane->waiting != NIL &&
		fpgo_clock_has_passed(lane->looked_past_at, LOOK_PAST_MS);
	if (*looks_past)
		return list_concat_copy(lane->shut_out, lane->waiting);
	list_free_deep(lane->waiting);
	lane->waiting = NIL;
	return lane->shut_out;
}

/* There is nothing past the orders that wait: go on waiting. */
static void
end_look_past(FpgoLane *lane)
{
	lane->looked_past_at = fpgo_clock_now();
	lane->waits_until = fpgo_clock_in(WAIT_MS);
}

/* Record from time to time what waits for which submission. */
static void
explain_waits(FpgoLane *lane)
{
	if (lane->explained_at != 0 &&
		!fpgo_clock_has_passed(lane->explained_at, EXPLAIN_MS))
		return;
	lane->explained_at = fpgo_clock_now();
	lane->explained_to = fpgo_submission_explain_waits(lane->server,
													   lane->explained_to);
}

/* Overwrite payloads and tokens; the flights have copies of their own. */
static void
wipe(List *views, List *claims)
{
	ListCell   *cell;

	foreach(cell, views)
	{
		const View *view = lfirst(cell);

		if (view->account != NULL)
			fpgo_account_wipe(view->account);
	}
	foreach(cell, claims)
	{
		const FpgoClaim *claim = lfirst(cell);

		explicit_bzero(unconstify(char *, claim->payload),
					   strlen(claim->payload));
	}
}

/* A single submission is tried once, due or not. */
static List *
find_single(FpgoLane *lane, int64 only)
{
	FpgoDueWalk due;

	lane->is_exhausted = true;
	return fpgo_submission_due(lane->server, 1, only, only, lane->shut_out,
							   &due);
}

/*
 * The next submissions of the queue that are due.  A session ends with the queue,
 * and so must know that nothing is left at its start, either.
 */
static List *
find_next(FpgoLane *lane, FpgoWalk *walk, List *left_out, int limit,
		  bool is_session)
{
	List	   *dues;
	FpgoDueWalk due;

	do
	{
		int64		first = fpgo_walk_begin(walk);

		dues = fpgo_submission_due(lane->server, limit, first, PG_INT64_MAX,
								   left_out, &due);
		fpgo_walk_end(walk, lane->server, limit, &due);
	} while (due.n_found == 0 && lane->n_flights == 0 &&
			 fpgo_walk_starts_over(walk, is_session));
	lane->is_exhausted = dues == NIL && due.n_finished == 0;
	return dues;
}

void
fpgo_lane_find_queued(List **lanes, MemoryContext context)
{
	List	   *known = NIL;
	ListCell   *cell;

	foreach(cell, *lanes)
		known = lappend(known, unconstify(char *, ((FpgoLane *) lfirst(cell))->server));
	foreach(cell, fpgo_submission_other_servers(known))
		(void) fpgo_lane_find(lanes, lfirst(cell), context);
}

void
fpgo_lane_claim(FpgoLane *lane, int64 run, int64 only, bool is_session,
				MemoryContext context, List **flights)
{
	int			limit = fpgo_lane_free_places(lane);
	int64	   *ids = palloc(sizeof(int64) * limit);
	int			n = 0;
	List	   *views = NIL;
	List	   *claims = NIL;
	bool		looks_past;
	List	   *left_out = begin_look(lane, &looks_past);
	FpgoWalk   *walk = looks_past ? &lane->walk_past : &lane->walk;
	List	   *dues = only != 0 ? find_single(lane, only) :
		find_next(lane, walk, left_out, limit, is_session);
	ListCell   *cell;

	if (looks_past && dues == NIL)
		end_look_past(lane);
	foreach(cell, dues)
	{
		FpgoDue    *due = lfirst(cell);
		int			n_views = list_length(views);
		View	   *view = view_as(&views, lane->server, due->role);

		if (view->account != NULL)
		{
			/* the option may have changed since the last claim */
			lane->limit = view->account->concurrency;
			if (n < fpgo_lane_free_places(lane) &&
				fpgo_allowance_reserve(view->allowance))
				ids[n++] = due->submission;
			else if (n < fpgo_lane_free_places(lane))
				wait_for_allowance(lane, due, view, context);
		}
		else if (list_length(views) > n_views)
			shut_out(lane, view, context);
	}
	if (n > 0)
		claims = fpgo_submission_claim(run, ids, n);
	if (only == 0)
		explain_waits(lane);
	foreach(cell, claims)
	{
		FpgoClaim  *claim = lfirst(cell);
		View	   *view = view_as(&views, claim->server, claim->role);
		FpgoFlight *flight = prepare(claim, run, view->account, context);
		MemoryContext old;

		if (flight == NULL)
			continue;
		lane->n_flights++;
		old = MemoryContextSwitchTo(context);
		*flights = lappend(*flights, flight);
		MemoryContextSwitchTo(old);
	}
	wipe(views, claims);
}
