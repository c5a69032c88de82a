/*
 * clock.c
 *		A clock that only goes forward.
 */
#include "postgres.h"

#include <limits.h>
#include <time.h>

#include "base/clock.h"

FpgoMoment
fpgo_clock_now(void)
{
	struct timespec now;

	/* fails only where the clock does not exist */
	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		elog(ERROR, "could not read the monotonic clock: %m");
	/* 1 more: the clock of a machine may begin with 0 */
	return (FpgoMoment) now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1;
}

FpgoMoment
fpgo_clock_in(int64 ms)
{
	return fpgo_clock_now() + ms;
}

bool
fpgo_clock_has_come(FpgoMoment moment)
{
	return fpgo_clock_now() >= moment;
}

long
fpgo_clock_left(FpgoMoment moment)
{
	FpgoMoment	now = fpgo_clock_now();

	if (moment <= now)
		return 0;
	/* long has 32 bits on some machines */
	return (long) Min(moment - now, (FpgoMoment) INT_MAX);
}

bool
fpgo_clock_has_passed(FpgoMoment since, int64 ms)
{
	return fpgo_clock_now() - since >= ms;
}
