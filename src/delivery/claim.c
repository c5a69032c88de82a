/*
 * claim.c
 *		Claims: which submissions of a server's queue are sent next.
 *
 * The roles that have queued submissions take turns.  A role that may not send
 * is passed over, and a hold of its own says why.  Of orders that are held one
 * is tried from time to time, the canary.
 */
#include "postgres.h"

#include "base/settings.h"
#include "delivery/batch.h"
#include "delivery/claim.h"
#include "delivery/holds.h"
#include "records/seat.h"

/* how often it is recorded what waits for what, in milliseconds */
#define EXPLAIN_MS 5000

/* so many queued submissions at most are looked at in one go */
#define N_EXPLAINED 1000

/*
 * How often what waits for its allowance is looked at nevertheless, and how
 * often if it certainly waits longer, in milliseconds.
 */
#define WAIT_MS 1000
#define LONG_WAIT_MS 5000

/* when to look again at an order that cannot be tried yet, in milliseconds */
#define LOOK_MS 1000

/* and when what was learnt could not be written, in milliseconds */
#define BEHIND_MS 20

/* how often a database that may not send looks again, in milliseconds */
#define SEAT_MS 5000

/* after a look at all roles, so many times its duration pass to the next */
#define ROLES_REST 40

/* ---------- roles ---------- */

static FpgoLaneRole *
find_role(List *roles, const char *name)
{
	ListCell   *cell;

	foreach(cell, roles)
	{
		FpgoLaneRole *role = lfirst(cell);

		if (strcmp(role->name, name) == 0)
			return role;
	}
	return NULL;
}

/*
 * The roles with queued submissions.  A role may have thousands of index entries
 * of what is finished, as long as an old snapshot keeps them.  So roles that are
 * known are looked at again for a small share of the time alone; until then they
 * count as roles with queued submissions.
 */
static List *
list_roles(FpgoLane *lane)
{
	List	   *names = NIL;
	FpgoMoment	began = fpgo_clock_now();
	ListCell   *cell;

	if (fpgo_clock_has_come(lane->roles_again_at))
	{
		names = fpgo_submission_queued_roles(lane->server);
		lane->roles_again_at = fpgo_clock_in(ROLES_REST *
											 (fpgo_clock_now() - began));
		return names;
	}
	foreach(cell, lane->roles)
	{
		const FpgoLaneRole *role = lfirst(cell);

		names = lappend(names, unconstify(char *, role->name));
	}
	return fpgo_submission_other_roles(lane->server, names);
}

/* Look which roles have queued submissions; what is known of one stays. */
static void
find_roles(FpgoLane *lane, MemoryContext context)
{
	List	   *names = list_roles(lane);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *roles = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		FpgoLaneRole *role = find_role(lane->roles, lfirst(cell));

		if (role != NULL)
			lane->roles = list_delete_ptr(lane->roles, role);
		else
		{
			role = palloc0(sizeof(FpgoLaneRole));
			role->name = pstrdup(lfirst(cell));
		}
		role->is_exhausted = false;
		roles = lappend(roles, role);
	}
	foreach(cell, lane->roles)
		pfree(unconstify(char *, ((FpgoLaneRole *) lfirst(cell))->name));
	list_free_deep(lane->roles);
	lane->roles = roles;
	MemoryContextSwitchTo(old);
	lane->wants_roles = false;
}

static bool
is_shut_out(const FpgoLane *lane, const char *role)
{
	ListCell   *cell;

	foreach(cell, lane->shut_out)
	{
		if (strcmp(lfirst(cell), role) == 0)
			return true;
	}
	return false;
}

/*
 * What a role sends with; NULL if it may not send.  That is looked at when the
 * role is readmitted.
 */
static FpgoView *
admit(FpgoBatch *batch, FpgoLaneRole *role)
{
	FpgoLane   *lane = batch->lane;
	FpgoView	   *view;
	MemoryContext old;

	role->is_denied = is_shut_out(lane, role->name);
	if (role->is_denied)
		return NULL;
	view = fpgo_batch_view(batch, role->name);
	if (view->account != NULL)
	{
		fpgo_holds_permit(lane->server, role->name);
		return view;
	}
	role->is_denied = true;
	old = MemoryContextSwitchTo(batch->context);
	lane->shut_out = lappend(lane->shut_out, pstrdup(role->name));
	MemoryContextSwitchTo(old);
	fpgo_holds_deny(lane->server, role->name, view->reason);
	return NULL;
}

/* Record from time to time what waits for which submission. */
static void
explain_waits(FpgoLane *lane)
{
	int			limit = N_EXPLAINED;
	int			n_roles = list_length(lane->roles);

	if (lane->explained_at != 0 &&
		!fpgo_clock_has_passed(lane->explained_at, EXPLAIN_MS))
		return;
	lane->explained_at = fpgo_clock_now();
	for (int i = 0; i < n_roles && limit > 0; i++)
	{
		FpgoLaneRole *role = list_nth(lane->roles,
									  lane->explained_role % n_roles);

		/* the hold says why these wait */
		lane->explained_to = role->is_denied ? 0 :
			fpgo_submission_explain_waits(lane->server, role->name,
										  lane->explained_to, &limit);
		if (lane->explained_to == 0)
			lane->explained_role = (lane->explained_role + 1) % n_roles;
	}
}

/* The roles of the lane that may send now. */
static List *
list_admitted(FpgoBatch *batch)
{
	FpgoLane   *lane = batch->lane;
	List	   *admitted = NIL;
	ListCell   *cell;

	foreach(cell, lane->roles)
	{
		if (admit(batch, lfirst(cell)) != NULL)
			admitted = lappend(admitted, lfirst(cell));
	}
	return admitted;
}

/* The roles among them whose orders go with a user mapping. */
static List *
list_sharers(FpgoBatch *batch, List *admitted, const char *mapping)
{
	List	   *sharers = NIL;
	ListCell   *cell;

	foreach(cell, admitted)
	{
		FpgoLaneRole *role = lfirst(cell);
		const FpgoView *view = fpgo_batch_view(batch, role->name);

		if (strcmp(view->mapping, mapping) == 0)
			sharers = lappend(sharers, role);
	}
	return sharers;
}

/*
 * The roles that may send, whose orders are not held themselves; all that may
 * send if there are none.
 */
static List *
list_free_roles(FpgoBatch *batch, List *admitted)
{
	List	   *roles = NIL;
	ListCell   *cell;

	foreach(cell, admitted)
	{
		FpgoLaneRole *role = lfirst(cell);
		const FpgoView *view = fpgo_batch_view(batch, role->name);

		if (fpgo_holds_find(batch->lane->server, view->mapping) == NULL)
			roles = lappend(roles, role);
	}
	return roles != NIL ? roles : admitted;
}

/* ---------- orders that are held ---------- */

/* The lane is to be looked at again when the moment has come. */
static void
try_again_at(FpgoLane *lane, FpgoMoment moment)
{
	if (lane->try_at == 0 || moment < lane->try_at)
		lane->try_at = moment;
}

/* May an order be tried for the hold?  If not, notes when to look again. */
static bool
is_to_try(FpgoBatch *batch, const FpgoHold *hold)
{
	FpgoLane   *lane = batch->lane;

	if (!fpgo_holds_is_due(hold))
	{
		if (fpgo_hold_is_brief(&hold->state))
			lane->tries_soon = true;
		try_again_at(lane, fpgo_holds_due_at(hold));
		return false;
	}
	if (fpgo_holds_is_free(hold))
		return true;
	/* what becomes of it is told by the one that tries */
	try_again_at(lane, fpgo_clock_in(LOOK_MS));
	return false;
}

/* Look once for an order to be tried; false if only outdated ones were found. */
static bool
look_for_canary(FpgoBatch *batch, List *roles, const FpgoHold *hold)
{
	FpgoWhichDue which[] = {hold->state.tries_highest ? FPGO_DUE_HIGHEST :
	FPGO_DUE_LOWEST, FPGO_DUE_LONGEST_AGO};
	int			n_roles = list_length(roles);
	int			n_found = 0;
	FpgoDueWalk walk;

	for (int i = 0; i < (int) lengthof(which); i++)
	{
		for (int k = 0; k < n_roles; k++)
		{
			int			next = batch->lane->next_role + k;
			FpgoLaneRole *role = list_nth(roles, next % n_roles);

			n_found += fpgo_batch_find(batch, role->name, which[i], 1, 0,
									   &walk);
			if (batch->n > 0)
				return true;
		}
	}
	return n_found == 0;
}

/*
 * Find the order to be tried among those of roles: the one with the highest or
 * the lowest number of those never tried, else the one tried longest ago.
 */
static bool
find_canary(FpgoBatch *batch, List *roles, const FpgoHold *hold)
{
	while (!look_for_canary(batch, roles, hold))
		;
	return batch->n > 0;
}

/* Try the order that was found for the hold. */
static void
try_canary(FpgoBatch *batch, FpgoHold *hold)
{
	/* the hold is read anew when it is taken */
	const char *mapping = hold->mapping ? pstrdup(hold->mapping) : NULL;
	int64		id = hold->id;

	batch->lane->next_role++;
	if (fpgo_holds_take(hold, batch->run))
	{
		batch->canary_of = id;
		fpgo_batch_claim(batch);
		if (batch->n_prepared == 0)
			fpgo_holds_give_back(batch->lane->server, mapping, batch->run);
	}
	else
	{
		batch->n = 0;
		try_again_at(batch->lane, fpgo_clock_in(LOOK_MS));
	}
}

/* ---------- the allowance ---------- */

/* Orders are due that the allowance does not let go now. */
static void
wait_for_allowance(FpgoLaneWait *wait, const FpgoView *view)
{
	FpgoAllowanceWait reason = fpgo_allowance_wait(view->allowance,
												   FPGO_PACE_QUEUE);

	fpgo_allowance_want(view->allowance);
	wait->until = reason.never_before == 0 ? fpgo_clock_in(WAIT_MS) :
		Min(reason.never_before, fpgo_clock_in(LONG_WAIT_MS));
	wait->since = fpgo_allowance_n_changes();
	wait->is_paced = !reason.is_closed;
}

/* May one of the orders of these roles be tried, by its allowance? */
static bool
is_allowed(FpgoBatch *batch, List *roles)
{
	const FpgoView *view;

	if (roles == NIL)
		return false;
	view = fpgo_batch_view(batch, ((FpgoLaneRole *) linitial(roles))->name);
	if (fpgo_allowance_reserve(view->allowance, 1) > 0)
		return true;
	wait_for_allowance(&batch->lane->wait, view);
	return false;
}

/* ---------- the question before a try ---------- */

/* A question that is answered, or not asked any more. */
static void
drop_probe(FpgoLane *lane)
{
	if (lane->probe != NULL)
		(void) fpgo_probe_end(lane->probe);
	lane->probe = NULL;
}

/*
 * Ask the gateway a question before an order is tried.  Returns true once it
 * has answered.
 */
static bool
is_answered(FpgoBatch *batch, FpgoHold *hold, const FpgoTarget *target)
{
	FpgoLane   *lane = batch->lane;
	const char *reason;

	if (lane->probe == NULL)
		lane->probe = fpgo_probe_begin(target, batch->context);
	if (!fpgo_probe_is_over(lane->probe))
		return false;
	reason = fpgo_probe_end(lane->probe);
	lane->probe = NULL;
	if (reason == NULL)
		return true;
	fpgo_holds_note_asked(hold, reason);
	try_again_at(lane, fpgo_clock_in(LOOK_MS));
	return false;
}

/* A whole account is held: one order after the other, with pauses. */
static void
claim_of_held_account(FpgoBatch *batch, List *admitted, FpgoHold *hold)
{
	const FpgoLaneRole *role = linitial(admitted);
	const FpgoView *view = fpgo_batch_view(batch, role->name);

	batch->lane->is_exhausted = true;
	if (batch->lane->n_flights > 0 || !is_to_try(batch, hold) ||
		!is_allowed(batch, admitted))
		drop_probe(batch->lane);
	/* nothing is asked while there is nothing to try */
	else if (!find_canary(batch, list_free_roles(batch, admitted), hold))
		drop_probe(batch->lane);
	else if (is_answered(batch, hold, &view->account->target))
		try_canary(batch, hold);
	else
		batch->n = 0;
}

/* ---------- one lane ---------- */

/* Try one of the orders that go with a user mapping, beside what is due. */
static void
try_canary_of_mapping(FpgoBatch *batch, const char *mapping)
{
	FpgoBatch		canary = *batch;
	List	   *roles = list_sharers(&canary, list_admitted(&canary), mapping);
	FpgoHold   *hold = fpgo_holds_find(batch->lane->server, mapping);

	canary.ids = palloc(sizeof(int64));
	canary.n = 0;
	if (hold != NULL && is_allowed(&canary, roles) &&
		find_canary(&canary, roles, hold))
		try_canary(&canary, hold);
	batch->views = canary.views;
}

/*
 * The next submissions of a role that are due, so many at most; returns how many
 * there are, or were finished.  A session ends with the queue, and so must know that nothing is
 * left at its start, either.
 */
static int
find_next(FpgoBatch *batch, FpgoLaneRole *role, int limit)
{
	FpgoLane   *lane = batch->lane;
	int			n_found;
	FpgoDueWalk due;

	do
	{
		int64		first = fpgo_walk_begin(&role->walk);

		n_found = fpgo_batch_find(batch, role->name, FPGO_DUE_NOW, limit,
								  first, &due);
		fpgo_walk_end(&role->walk, lane->server, role->name, limit, &due);
	} while (due.n_found == 0 && lane->n_flights == 0 &&
			 fpgo_walk_starts_over(&role->walk, batch->is_session));
	return n_found;
}

/*
 * Find what is due of a role that may send, as far as its allowance goes.  If it
 * goes no further, the role waits if anything is due.
 */
static void
find_allowed(FpgoBatch *batch, FpgoLaneRole *role, const FpgoView *view)
{
	int			places = fpgo_batch_places(batch);
	int			allowed = fpgo_allowance_reserve(view->allowance, places);
	int			n = batch->n;

	role->wait.until = 0;
	role->is_exhausted = find_next(batch, role, Max(allowed, 1)) == 0;
	if (allowed == 0 && batch->n > n)
	{
		fpgo_walk_return(&role->walk, batch->ids[n]);
		batch->n = n;
		role->is_exhausted = true;
		wait_for_allowance(&role->wait, view);
	}
	else if (allowed < places && !role->is_exhausted)
		fpgo_allowance_want(view->allowance);
}

/*
 * Find what is due of one role.  If its orders are held, and one may be tried,
 * to_try receives its user mapping.
 */
static void
find_due_of_role(FpgoBatch *batch, FpgoLaneRole *role, const char **to_try)
{
	FpgoLane   *lane = batch->lane;
	const FpgoView *view = admit(batch, role);
	FpgoHold   *hold;

	if (view == NULL)
		return;
	hold = fpgo_holds_check(lane->server, view->mapping,
							&view->account->target);
	role->is_held = hold != NULL;
	if (hold != NULL)
	{
		if (is_to_try(batch, hold))
			*to_try = view->mapping;
		return;
	}
	/* the option may have changed since the last claim */
	lane->limit = view->account->concurrency;
	if (fpgo_batch_places(batch) > 0)
		find_allowed(batch, role, view);
	if (!role->is_exhausted)
		lane->is_exhausted = false;
}

/*
 * Find what is due of the roles in turn, as many as there are places.  Returns
 * the user mapping of those of which a held order may be tried, or NULL.
 */
static const char *
find_due_of_roles(FpgoBatch *batch)
{
	FpgoLane   *lane = batch->lane;
	int			n_roles = list_length(lane->roles);
	const char *to_try = NULL;

	lane->is_exhausted = true;
	for (int i = 0; i < n_roles; i++)
	{
		FpgoLaneRole *role = list_nth(lane->roles,
									  (lane->next_role + i) % n_roles);

		if (fpgo_lane_wait_goes_on(&role->wait) ||
			(role->is_exhausted && role->wait.until == 0 &&
			 !fpgo_walk_is_due(&role->walk)))
			continue;
		if (batch->n > 0 && fpgo_batch_places(batch) == 0)
		{
			lane->is_exhausted = false;
			break;
		}
		find_due_of_role(batch, role, &to_try);
	}
	lane->next_role++;
	return to_try;
}

/*
 * The hold of the whole account, if it is held; roles receives those that may
 * send, one at least.
 */
static FpgoHold *
find_hold_of_account(FpgoBatch *batch, List **roles)
{
	FpgoLane   *lane = batch->lane;
	const FpgoView *view;

	if (fpgo_holds_find(lane->server, NULL) == NULL)
		return NULL;
	*roles = list_admitted(batch);
	if (*roles == NIL)
		return NULL;
	view = fpgo_batch_view(batch, ((FpgoLaneRole *) linitial(*roles))->name);
	return fpgo_holds_check(lane->server, NULL, &view->account->target);
}

static void
claim_due(FpgoBatch *batch)
{
	FpgoLane   *lane = batch->lane;
	List	   *roles = NIL;
	FpgoHold   *hold;
	const char *to_try;

	if (lane->wants_roles)
		find_roles(lane, batch->context);
	lane->try_at = 0;
	lane->tries_soon = false;
	lane->wait.until = 0;
	fpgo_allowance_unreserve();
	hold = find_hold_of_account(batch, &roles);
	lane->is_held = hold != NULL;
	if (hold != NULL)
	{
		claim_of_held_account(batch, roles, hold);
		return;
	}
	drop_probe(lane);
	to_try = find_due_of_roles(batch);
	if (to_try != NULL)
		try_canary_of_mapping(batch, to_try);
	batch->n = Min(batch->n, fpgo_lane_free_places(lane));
	fpgo_batch_claim(batch);
}

/* Claim one submission, whatever is held: a person asked for it. */
static void
claim_one(FpgoBatch *batch, int64 only)
{
	FpgoDueWalk walk;
	List	   *dues = fpgo_submission_due_one(batch->lane->server, only,
											   &walk);
	const FpgoDue *due;
	const FpgoView *view;

	/* a single submission is tried once, due or not */
	batch->lane->is_exhausted = true;
	if (dues == NIL)
		return;
	due = linitial(dues);
	view = fpgo_batch_view(batch, due->role);
	if (view->account == NULL)
	{
		fpgo_holds_deny(batch->lane->server, due->role, view->reason);
		return;
	}
	batch->lane->wait.until = 0;
	if (fpgo_allowance_left(view->allowance) == 0)
	{
		wait_for_allowance(&batch->lane->wait, view);
		return;
	}
	batch->ids[batch->n++] = due->submission;
	fpgo_batch_claim(batch);
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

/*
 * May this database send for the lane?  If that is not known, the next step finds
 * out before it claims.
 */
static bool
has_seat(FpgoLane *lane)
{
	if (fpgo_accept_orders && fpgo_seat_is_ours(lane->server))
		return true;
	if (fpgo_accept_orders && !fpgo_seat_is_known(lane->server))
		return false;
	lane->is_exhausted = true;
	lane->is_held = true;
	lane->tries_soon = false;
	lane->try_at = fpgo_clock_in(SEAT_MS);
	return false;
}

void
fpgo_lane_claim(FpgoLane *lane, int64 run, int64 only, bool is_session,
				MemoryContext context, List **flights)
{
	FpgoBatch		batch = {.lane = lane,.run = run,.context = context,
	.flights = flights,.is_session = is_session};

	if (!has_seat(lane))
		return;
	batch.ids = palloc(sizeof(int64) * 2 * FPGO_MAX_CONCURRENCY);
	if (only != 0)
		claim_one(&batch, only);
	else if (fpgo_holds_is_behind(lane->server))
	{
		/* the process that writes holds of the server is soon done */
		lane->is_exhausted = true;
		lane->is_held = true;
		lane->tries_soon = true;
		lane->try_at = fpgo_clock_in(BEHIND_MS);
	}
	else
	{
		claim_due(&batch);
		explain_waits(lane);
	}
	fpgo_batch_wipe(&batch);
}
