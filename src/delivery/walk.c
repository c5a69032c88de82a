/*
 * walk.c
 *		Where in a server's queue the next claim begins to look.
 *
 * A claim looks through the queue in the order of numbers.  At its start there
 * may be much that cannot be claimed: orders that wait for another one or for
 * their time, and orders of a role that may not send.  While an old snapshot is
 * held, there are index entries of what is finished, too.  So a claim goes on
 * where the last one ended.
 *
 * The start is looked at again from time to time: what waited there may be due,
 * and a transaction may have committed a lower number.  Such a look takes at
 * most a fortieth of the time.  Where it is cheap, that is nearly always.
 */
#include "postgres.h"

#include "portability/instr_time.h"

#include "delivery/walk.h"

/* after a look from the start, so many times its duration pass to the next */
#define REST 40

/*
 * A look that takes longer is dear, in microseconds.  After it, the next look
 * begins behind all that is queued now, if there was nothing to claim.
 */
#define DEAR_US 1000

/* A time that no change of the clock moves. */
static int64
now_us(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

int64
fpgo_walk_begin(FpgoWalk *walk)
{
	walk->began_us = now_us();
	if (walk->began_us >= walk->start_again_us)
		walk->from = 0;
	return walk->from;
}

void
fpgo_walk_end(FpgoWalk *walk, const char *server, const char *role,
			  int limit, const FpgoDueWalk *due)
{
	int64		ended_us = now_us();
	int64		cost_us = ended_us - walk->began_us;

	if (walk->from == 0)
	{
		walk->cost_us = cost_us;
		walk->start_again_us = ended_us + REST * cost_us;
	}
	walk->owes_start = due->n_found == 0 && walk->from != 0;
	if (due->n_found < limit && cost_us > DEAR_US)
		walk->from = fpgo_submission_last_queued(server, role) + 1;
	else if (due->n_found > 0)
		walk->from = due->last_found + 1;
}

void
fpgo_walk_return(FpgoWalk *walk, int64 submission)
{
	walk->from = submission;
}

bool
fpgo_walk_starts_over(FpgoWalk *walk, bool must_know)
{
	if (!walk->owes_start || (!must_know && walk->cost_us > DEAR_US))
		return false;
	walk->start_again_us = 0;
	return true;
}

bool
fpgo_walk_is_due(const FpgoWalk *walk)
{
	return walk->owes_start && now_us() >= walk->start_again_us;
}
