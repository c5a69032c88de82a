/*
 * keyless.c
 *		What is said of an order without a key that was accepted before.
 *
 * It may be the same call again, after a connection died, or another purchase
 * of the same things by the same customer.  Nothing in the order tells which.
 * Soon after the first it is taken for the same call, later for neither: never
 * is an old order's answer given silently, and never is a second invoice made
 * silently.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/day.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "handin/keyless.h"

void
fpgo_keyless_answer(const FpgoHandIn *handin, const FpgoSubmission *earlier)
{
	TimestampTz now = GetCurrentTimestamp();
	/* of one that lies far ahead, the clock being set back, nothing is known */
	bool		is_recent = fpgo_keyless_window > 0 &&
		!TimestampDifferenceExceeds(earlier->settled_at, now,
									fpgo_keyless_window) &&
		!TimestampDifferenceExceeds(now, earlier->settled_at,
									fpgo_keyless_window);
	const char *day = fpgo_day_name(earlier->settled_at);

	if (is_recent)
		ereport(NOTICE,
				(errmsg("order was handed in before, and nothing was sent now"),
				 errdetail("It is submission %lld of server \"%s\", accepted on %s.",
						   (long long) earlier->id, handin->server, day),
				 errhint("If this is another purchase, give it a referenceNo or a key of its own."),
				 fpgo_errhide()));
	else
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("the same order, without key and referenceNo, was accepted before"),
				 errdetail("It is submission %lld of server \"%s\", accepted on %s.  Nothing was sent now.",
						   (long long) earlier->id, handin->server, day),
				 errhint("If this is another purchase, pass a key, or give the order a referenceNo of its own."),
				 fpgo_errhide()));
}
