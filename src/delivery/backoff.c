/*
 * backoff.c
 *		How long to wait before an order that was not sent is tried again.
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "delivery/backoff.h"

/*
 * Backoff in seconds: a random share of 2, 4, 8, ... up to ten minutes, and
 * without end, since an order must not die because a network did.
 */
#define BACKOFF_FIRST 2
#define BACKOFF_MAX 600

/* how long a gateway that says "too many", and not until when, is left alone */
#define SLOW_DOWN_DEFAULT 60

int
fpgo_backoff(int attempt)
{
	int			limit = attempt > 8 ? BACKOFF_MAX :
	Min(BACKOFF_FIRST << (attempt - 1), BACKOFF_MAX);

	return 1 + (int) (pg_prng_double(&pg_global_prng_state) * limit);
}

int
fpgo_backoff_slow_down(int retry_after_s)
{
	return retry_after_s < 0 ? SLOW_DOWN_DEFAULT : retry_after_s;
}
