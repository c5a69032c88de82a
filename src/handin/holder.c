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

#include "handin/holder.h"

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
			return psprintf("To have this order in its place, take that one back first: SELECT fpgo.cancel_submission(%lld, 'replaced');  Another key makes a second invoice.",
							(long long) holder->id);
		case FPGO_STATE_SENDING:
			return "Wait for its outcome.  Another key makes a second invoice.";
		case FPGO_STATE_UNCERTAIN:
			return psprintf("That order may have been invoiced, and another key may make a second invoice.  Look at the gateway, then call fpgo.resolve(%lld, ...).",
							(long long) holder->id);
		case FPGO_STATE_ACCEPTED:
			return "To correct an accepted order, see Front Payment's dashboard.  Another key makes a second invoice.";
		case FPGO_STATE_REFUSED:
		case FPGO_STATE_CANCELLED:
			break;
	}
	elog(ERROR, "submission %lld holds no key", (long long) holder->id);
}
