/*
 * slow.c
 *		Requests that have been unanswered for long.
 *
 * A gateway that hangs at some orders would otherwise keep all others waiting
 * until the timeout, which is an hour at most.
 */
#include "postgres.h"

#include "delivery/flight.h"
#include "delivery/lane.h"
#include "delivery/slow.h"

void
fpgo_slow_count(List *lanes, List *flights)
{
	ListCell   *cell;

	foreach(cell, lanes)
	{
		FpgoLane   *lane = lfirst(cell);
		ListCell   *other;

		lane->n_slow = 0;
		foreach(other, flights)
		{
			const FpgoFlight *flight = lfirst(other);

			if (fpgo_flight_is_slow(flight) &&
				strcmp(flight->claim.server, lane->server) == 0)
				lane->n_slow++;
		}
	}
}
