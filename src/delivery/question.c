/*
 * question.c
 *		The questions that the changes among a delivery's flights begin with.
 *
 * A change is sent once the gateway has said that its order may be changed.
 * Before that it is on record that nothing was sent.  A transaction of the
 * delivery records that this is over, and the change goes out after its commit.
 */
#include "postgres.h"

#include "delivery/flight.h"
#include "delivery/question.h"
#include "records/settle.h"

static bool
has_stage(const FpgoFlight *flight, FpgoFlightStage stage)
{
	return flight->outcome == NULL && flight->stage == stage;
}

static bool
have_stage(List *flights, FpgoFlightStage stage)
{
	ListCell   *cell;

	foreach(cell, flights)
	{
		if (has_stage(lfirst(cell), stage))
			return true;
	}
	return false;
}

void
fpgo_questions_attend(List *flights)
{
	ListCell   *cell;

	foreach(cell, flights)
		fpgo_flight_attend(lfirst(cell));
}

bool
fpgo_questions_have_cleared(List *flights)
{
	return have_stage(flights, FPGO_FLIGHT_CLEARED);
}

void
fpgo_questions_confirm(List *flights, bool may_wait)
{
	ListCell   *cell;

	foreach(cell, flights)
	{
		FpgoFlight *flight = lfirst(cell);

		if (!has_stage(flight, FPGO_FLIGHT_CLEARED))
			continue;
		if (may_wait || fpgo_submission_is_free(flight->claim.submission,
												flight->claim.attempt))
			fpgo_flight_confirm(flight);
		else
			fpgo_flight_give_up(flight);
	}
}

bool
fpgo_questions_have_confirmed(List *flights)
{
	return have_stage(flights, FPGO_FLIGHT_CONFIRMED);
}

void
fpgo_questions_launch(List *flights, bool is_acknowledged)
{
	ListCell   *cell;

	foreach(cell, flights)
	{
		FpgoFlight *flight = lfirst(cell);

		if (!has_stage(flight, FPGO_FLIGHT_CONFIRMED))
			continue;
		if (is_acknowledged)
			fpgo_flight_launch(flight);
		else
			fpgo_flight_call_off(flight);
	}
}

void
fpgo_questions_give_up(List *flights)
{
	ListCell   *cell;

	foreach(cell, flights)
	{
		FpgoFlight *flight = lfirst(cell);

		if (has_stage(flight, FPGO_FLIGHT_CLEARED) ||
			has_stage(flight, FPGO_FLIGHT_CONFIRMED))
			fpgo_flight_give_up(flight);
	}
}
