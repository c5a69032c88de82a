/*
 * lane.c
 *		What a delivery knows of one server.
 *
 * A server that cannot be reached or refuses the credentials gets no further
 * request for a while: its submissions stay queued.  How many requests may be
 * sent in a while is the matter of the allowance (allowance.c).
 * After an unknown outcome a server gets one request at a time, until an
 * outcome is known again.
 */
#include "postgres.h"

#include "base/clock.h"
#include "delivery/allowance.h"
#include "delivery/backoff.h"
#include "delivery/lane.h"

/* longest pause between two tries of a server that fails, in seconds */
#define CLOSED_MAX 60

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
	*lanes = lappend(*lanes, lane);
	MemoryContextSwitchTo(old);
	return lane;
}

static bool
is_closed(const FpgoLane *lane)
{
	return !fpgo_clock_has_come(lane->closed_until);
}

int
fpgo_lane_free_places(const FpgoLane *lane)
{
	/* each slow request gives its place away, up to twice the limit in all */
	int			limit = lane->last_was_unknown ? 1 :
		lane->limit + Min(lane->n_slow, lane->limit);

	return is_closed(lane) ? 0 : Max(limit - lane->n_flights, 0);
}

static bool
may_claim(const FpgoLane *lane)
{
	bool		is_worth_it = !lane->is_exhausted ||
	fpgo_walk_is_due(&lane->walk);

	if (lane->waits_until != 0)
		is_worth_it = fpgo_clock_has_come(lane->waits_until) ||
			fpgo_allowance_n_changes() != lane->waits_since;
	return is_worth_it && fpgo_lane_free_places(lane) > 0;
}

bool
fpgo_lanes_may_claim(List *lanes)
{
	ListCell   *cell;

	foreach(cell, lanes)
	{
		if (may_claim(lfirst(cell)))
			return true;
	}
	return false;
}

bool
fpgo_lanes_are_paced(List *lanes)
{
	ListCell   *cell;

	foreach(cell, lanes)
	{
		const FpgoLane *lane = lfirst(cell);

		if (lane->waits_until != 0 && lane->is_paced && !is_closed(lane))
			return true;
	}
	return false;
}

static void
close_lane(FpgoLane *lane, int seconds, bool reopens)
{
	lane->closed_until = reopens ? fpgo_clock_in(seconds * 1000) :
		FPGO_MOMENT_NEVER;
}

void
fpgo_lane_learn(FpgoLane *lane, FpgoOutcomeClass outcome, int retry_after_s,
				bool reopens)
{
	switch (outcome)
	{
		case FPGO_OUTCOME_ACCEPTED:
		case FPGO_OUTCOME_REFUSED:
			lane->last_was_unknown = false;
			lane->n_failures = 0;
			break;
		case FPGO_OUTCOME_UNKNOWN:
			lane->last_was_unknown = true;
			lane->explained_at = 0;
			break;
		case FPGO_OUTCOME_UNREACHED:
		case FPGO_OUTCOME_MISCONFIGURED:
		case FPGO_OUTCOME_CREDENTIALS:
			/* requests under way at the same time count as one failure */
			if (!is_closed(lane))
				lane->n_failures++;
			close_lane(lane,
					   fpgo_backoff_at_most(Max(lane->n_failures, 1),
											CLOSED_MAX), reopens);
			break;
		case FPGO_OUTCOME_SLOW_DOWN:
			/* who goes on finds that in the allowance */
			if (!reopens)
				close_lane(lane, fpgo_backoff_slow_down(retry_after_s), false);
			break;
	}
}

void
fpgo_lane_refresh(FpgoLane *lane)
{
	lane->is_exhausted = false;
}

void
fpgo_lane_readmit(FpgoLane *lane)
{
	list_free_deep(lane->shut_out);
	lane->shut_out = NIL;
}
