/*
 * release.c
 *		fpgo.release: a person lifts a hold.
 *
 * The orders of the hold are sent again at once.  If its cause goes on, they are
 * held again after a few of them.
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/arguments.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "delivery/durable.h"
#include "ipc/roster.h"
#include "records/decide.h"
#include "records/hold.h"

PG_FUNCTION_INFO_V1(fpgo_release);

static void
require_operator(void)
{
	if (!fpgo_decide_is_operator())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to release a hold"),
				 errhint("Roles that may execute fpgo.resolve may release holds."),
				 fpgo_errhide()));
}

static const FpgoHold *
require_hold(int64 id)
{
	ListCell   *cell;

	foreach(cell, fpgo_hold_read_all())
	{
		const FpgoHold *hold = lfirst(cell);

		if (hold->id == id)
			return hold;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("hold %lld does not exist", (long long) id),
			 errdetail("It may have been lifted meanwhile."),
			 errhint("fpgo.holds shows what is held."),
			 fpgo_errhide()));
}

Datum
fpgo_release(PG_FUNCTION_ARGS)
{
	const char *reason;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("hold must not be null"),
				 fpgo_errhide()));
	reason = fpgo_decide_require_reason(fpgo_text_argument(fcinfo, 1));
	require_operator();
	fpgo_submission_require_writable();
	fpgo_extension_require_current();
	/* processes that send write holds under this lock, and wait for nobody */
	fpgo_hold_lock(require_hold(PG_GETARG_INT64(0))->account);
	fpgo_hold_release(require_hold(PG_GETARG_INT64(0)), reason);
	fpgo_durable_require();
	fpgo_roster_wake_at_commit();
	PG_RETURN_VOID();
}
