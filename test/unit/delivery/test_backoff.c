/*
 * test_backoff.c
 *		Pauses stay within their bounds, however the dice fall.
 */
#include "delivery/backoff.h"

#include "lib/tap.h"

#define N_DRAWS 10000

/* the longest and the shortest of many pauses after an attempt */
static void
measure(int attempt, int max, int *shortest, int *longest)
{
	*shortest = 1 << 30;
	*longest = 0;
	for (int i = 0; i < N_DRAWS; i++)
	{
		int			pause = max == 0 ? fpgo_backoff(attempt) :
		fpgo_backoff_at_most(attempt, max);

		if (pause < *shortest)
			*shortest = pause;
		if (pause > *longest)
			*longest = pause;
	}
}

int
main(void)
{
	int			shortest;
	int			longest;

	for (int attempt = 1; attempt <= 12; attempt++)
	{
		int			limit = attempt > 8 ? 600 : 2 << (attempt - 1);

		measure(attempt, 0, &shortest, &longest);
		ok(shortest >= 1 && longest <= limit + 1,
		   "attempt %d: from %d to %d s", attempt, shortest, longest);
		measure(attempt, 60, &shortest, &longest);
		ok(shortest >= 1 && longest <= 60,
		   "attempt %d, at most 60 s: from %d to %d s", attempt, shortest,
		   longest);
	}
	ok(fpgo_backoff_slow_down(7) == 7, "the gateway's own time is kept");
	ok(fpgo_backoff_slow_down(-1) == 60, "without one it is a minute");
	return done_testing();
}
