/*
 * holder.c
 *		What is said of the submission that holds a key, if another order is
 *		handed in under it.
 *
 * Mostly the order at hand corrects the first one.  The advice is therefore
 * for a correction, and says what another key would do.  That is also all that
 * somebody needs to know whose order is of another purchase.
 */
#include "postgres.h"

#include "base/fpgo.h"
#include "handin/holder.h"
#include "text/format.h"

/* longest key that a message quotes, in bytes */
#define QUOTE_MAX 64

const char *
fpgo_holder_state(const FpgoSubmission *holder)
{
	/* fpgo.submissions shows the uuid to such users only */
	if (holder->state == FPGO_STATE_ACCEPTED && holder->order_uuid != NULL &&
		fpgo_submission_is_for(holder->role))
		return psprintf("accepted as %s", holder->order_uuid);
	return fpgo_state_name(holder->state);
}

const char *
fpgo_holder_advise(const FpgoSubmission *holder)
{
	switch (holder->state)
	{
		case FPGO_STATE_QUEUED:
			return psprintf("To have this order in its place, queue it with on_change => 'replace', or take that one back first: SELECT fpgo.cancel_submission(%lld, 'replaced');  Another key makes a second invoice.",
							(long long) holder->id);
		case FPGO_STATE_SENDING:
			return "Wait for its outcome.  Another key makes a second invoice.";
		case FPGO_STATE_UNCERTAIN:
			return psprintf("That order may have been invoiced, and another key may make a second invoice.  Look at the gateway, then call fpgo.resolve(%lld, ...).",
							(long long) holder->id);
		case FPGO_STATE_ACCEPTED:
			return "To correct an accepted order, see Front Payment's dashboard.  Another key makes a second invoice.";
		case FPGO_STATE_CANCELLED:
			return psprintf("That order was taken back for good.  If it shall be invoiced after all: SELECT fpgo.hand_in_again(%lld, '...');",
							(long long) holder->id);
		case FPGO_STATE_REFUSED:
		case FPGO_STATE_SUPERSEDED:
			break;
	}
	elog(ERROR, "submission %lld holds no key", (long long) holder->id);
}

/* May a message quote the key?  A referenceNo may be any text. */
static bool
is_quotable(const char *key)
{
	size_t		len = strlen(key);

	return len <= QUOTE_MAX && !fpgo_has_eleven_digits((FpgoSpan) {key, len});
}

void
fpgo_holder_raise_taken(const FpgoHandIn *handin,
						const FpgoSubmission *holder)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 is_quotable(handin->key)
			 ? errmsg("key \"%s\" of server \"%s\" is taken by another order",
					  handin->key, handin->server)
			 : errmsg("key of the order is taken by another order of server \"%s\"",
					  handin->server),
			 errdetail("It belongs to submission %lld, which is %s.",
					   (long long) holder->id, fpgo_holder_state(holder)),
			 /* two rows are two orders, and neither corrects the other */
			 handin->source != NULL && holder->state != FPGO_STATE_CANCELLED ?
			 errhint("Another row, call or role has handed it in.  Give the order of this row a referenceNo of its own.") :
			 errhint("%s", fpgo_holder_advise(holder)),
			 fpgo_errhide()));
}

void
fpgo_holder_raise_duplicate(const FpgoHandIn *handin,
							const FpgoSubmission *earlier)
{
	long long	id = earlier->id;

	if (earlier->state == FPGO_STATE_UNCERTAIN)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("order was handed in before"),
				 errdetail("It is submission %lld of server \"%s\", which is uncertain: it may or may not have been invoiced.",
						   id, handin->server),
				 errhint("Find out which, and say so: SELECT fpgo.resolve(%lld, ...).  To get its number instead of this error: on_duplicate => 'ignore'.",
						 id),
				 fpgo_errhide()));
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("order was handed in before"),
			 errdetail("It is submission %lld of server \"%s\", which is %s.",
					   id, handin->server, fpgo_state_name(earlier->state)),
			 errhint("To get its number instead of this error: on_duplicate => 'ignore'."),
			 fpgo_errhide()));
}
