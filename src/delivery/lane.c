/*
 * lane.c
 *		What a delivery knows of one server.
 *
 * A server that asks to slow down gets no further request for a while: its
 * submissions stay queued.  What else keeps orders from being sent is on
 * record, see holds.c.
 */
#include "postgres.h"

#include "base/clock.h"
#include "delivery/allowance.h"
#include "delivery/lane.h"

/* a delivery that has nothing else to do waits that long, in milliseconds */
#define SOON_MS 1000

FpgoLane *
fpgo_lane_find(List **lanes, const char *server, MemoryContext context)
{
	ListCell   *cell;
	MemoryContext old;
	FpgoLane   *lane;

	foreach(cell, *lanes)
	{
		lane = lfirst(cell);
		if (strcmp(lane->server, server) == 0)
			return lane;
	}
	old = MemoryContextSwitchTo(context);
	lane = palloc0(sizeof(FpgoLane));
	lane->server = pstrdup(server);
	lane->limit = 1;
	lane->wants_roles = true;
	*lanes = lappend(*lanes, lane);
	MemoryContextSwitchTo(old);
	return lane;
}

int
fpgo_lane_free_places(const FpgoLane *lane)
{
	/* each slow request gives its place away, up to twice the limit in all */
	int			limit = lane->limit + Min(lane->n_slow, lane->limit);

	return fpgo_clock_has_come(lane->closed_until) ?
		Max(limit - lane->n_flights, 0) : 0;
}

/* Is an order that is held to be tried, and does nothing stand before it? */
static bool
may_try(const FpgoLane *lane)
{
	if (lane->probe != NULL)
		return fpgo_probe_is_over(lane->probe);
	return lane->try_at != 0 && fpgo_clock_has_come(lane->try_at);
}

/* Is the start of a role's queue to be looked at again? */
static bool
owes_look(const FpgoLane *lane)
{
	ListCell   *cell;

	if (lane->is_held)
		return false;
	foreach(cell, lane->roles)
	{
		const FpgoLaneRole *role = lfirst(cell);

		if (!role->is_denied && !role->is_held &&
			fpgo_walk_is_due(&role->walk))
			return true;
	}
	return false;
}

bool
fpgo_lane_wait_goes_on(const FpgoLaneWait *wait)
{
	return wait->until != 0 && !fpgo_clock_has_come(wait->until) &&
		fpgo_allowance_n_changes() == wait->since;
}

static bool
has_ended(const FpgoLaneWait *wait)
{
	return wait->until != 0 && !fpgo_lane_wait_goes_on(wait);
}

/* Did something wait for the allowance, and is to be looked at again? */
static bool
has_waited(const FpgoLane *lane)
{
	ListCell   *cell;

	foreach(cell, lane->roles)
	{
		if (has_ended(&((FpgoLaneRole *) lfirst(cell))->wait))
			return true;
	}
	return has_ended(&lane->wait);
}

bool
fpgo_lane_may_claim(const FpgoLane *lane)
{
	return (!lane->is_exhausted || may_try(lane) || owes_look(lane) ||
			has_waited(lane)) && fpgo_lane_free_places(lane) > 0;
}

bool
fpgo_lanes_may_claim(List *lanes)
{
	ListCell   *cell;

	foreach(cell, lanes)
	{
		if (fpgo_lane_may_claim(lfirst(cell)))
			return true;
	}
	return false;
}

static bool
is_paced(const FpgoLane *lane)
{
	ListCell   *cell;

	if (!fpgo_clock_has_come(lane->closed_until))
		return false;
	foreach(cell, lane->roles)
	{
		const FpgoLaneRole *role = lfirst(cell);

		if (role->wait.until != 0 && role->wait.is_paced)
			return true;
	}
	return lane->wait.until != 0 && lane->wait.is_paced;
}

bool
fpgo_lanes_are_paced(List *lanes)
{
	ListCell   *cell;

	foreach(cell, lanes)
	{
		if (is_paced(lfirst(cell)))
			return true;
	}
	return false;
}

void
fpgo_lane_close(FpgoLane *lane)
{
	lane->closed_until = FPGO_MOMENT_NEVER;
}

void
fpgo_lane_note_settled(FpgoLane *lane)
{
	ListCell   *cell;

	lane->is_exhausted = false;
	foreach(cell, lane->roles)
		((FpgoLaneRole *) lfirst(cell))->is_exhausted = false;
}

void
fpgo_lane_refresh(FpgoLane *lane)
{
	lane->is_exhausted = false;
	lane->wants_roles = true;
}

void
fpgo_lane_readmit(FpgoLane *lane)
{
	list_free_deep(lane->shut_out);
	lane->shut_out = NIL;
}

bool
fpgo_lanes_ask(List *lanes)
{
	ListCell   *cell;

	foreach(cell, lanes)
	{
		const FpgoLane *lane = lfirst(cell);

		if (lane->probe != NULL && !fpgo_probe_is_over(lane->probe))
			return true;
	}
	return false;
}

static bool
tries_soon(const FpgoLane *lane, bool is_resident)
{
	if (lane->try_at == 0 || lane->try_at == FPGO_MOMENT_NEVER)
		return false;
	return is_resident ? fpgo_clock_left(lane->try_at) < SOON_MS :
		lane->tries_soon;
}

bool
fpgo_lanes_try_soon(List *lanes, bool is_resident)
{
	ListCell   *cell;

	foreach(cell, lanes)
	{
		if (tries_soon(lfirst(cell), is_resident))
			return true;
	}
	return false;
}
