/*
 * backoff.c
 *		How long to wait before an order that was not sent is tried again.
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "delivery/backoff.h"

/*
 * Backoff in seconds: a random share of 2, 4, 8, ... up to ten minutes.  The
 * attempts never end: an order must not be lost because a network failed.
 */
#define BACKOFF_FIRST 2
#define BACKOFF_MAX 600

/* seconds to wait after "too many requests" if the gateway gives no time */
#define SLOW_DOWN_DEFAULT 60

int
fpgo_backoff(int attempt)
{
	int			limit = attempt > 8 ? BACKOFF_MAX :
	Min(BACKOFF_FIRST << (attempt - 1), BACKOFF_MAX);

	return 1 + (int) (pg_prng_double(&pg_global_prng_state) * limit);
}

/* Min() would draw a second number. */
int
fpgo_backoff_at_most(int attempt, int max)
{
	int			seconds = fpgo_backoff(attempt);

	return Min(seconds, max);
}

int
fpgo_backoff_slow_down(int retry_after_s)
{
	return retry_after_s < 0 ? SLOW_DOWN_DEFAULT : retry_after_s;
}
