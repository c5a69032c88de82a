/*
 * again.c
 *		Orders that a person took back, and that are handed in again.
 *
 * A person takes an order back by cancelling its submission.  A call hands it
 * in again on purpose, and is refused only if it was taken back for good.  A
 * trigger fires whenever somebody changes the row, which says nothing about the
 * invoice.  So the trigger records that it did not hand the order in again
 * (version.c).  Where that is wrong, a person says so by fpgo.hand_in_again.
 */
#include "postgres.h"

#include "base/arguments.h"
#include "base/fpgo.h"
#include "delivery/durable.h"
#include "ipc/roster.h"
#include "records/decide.h"

PG_FUNCTION_INFO_V1(fpgo_hand_in_again);

Datum
fpgo_hand_in_again(PG_FUNCTION_ARGS)
{
	const FpgoSubject *subject;
	const char *reason;
	bool		is_queued;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("submission must not be null"),
				 fpgo_errhide()));
	reason = fpgo_decide_require_reason(fpgo_text_argument(fcinfo, 1));
	subject = fpgo_decide_lock(PG_GETARG_INT64(0));
	fpgo_decide_require_right(subject);
	fpgo_decide_require_state(subject, FPGO_STATE_CANCELLED,
							  "Only an order that was taken back needs this.  The key of a refused one is free.");
	is_queued = fpgo_decide_again(subject, reason);
	fpgo_durable_require();
	if (!is_queued)
		PG_RETURN_NULL();
	fpgo_roster_wake_at_commit();
	PG_RETURN_INT64(subject->id);
}
