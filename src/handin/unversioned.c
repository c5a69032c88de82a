/*
 * unversioned.c
 *		Queueing on the SQL objects of 1.0, which know no versions.
 *
 * A database has these objects until somebody runs ALTER EXTENSION fpgo UPDATE.
 * The unique index of 1.0 makes a second session wait that uses the same key.
 * What it is told of the key is final.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/fpgo.h"
#include "handin/holder.h"
#include "handin/same_order.h"
#include "handin/unversioned.h"
#include "records/insert.h"

/*
 * How often queueing is tried again.  A try fails if the key was taken, but
 * its submission was gone when it was looked up.
 */
#define MAX_TRIES 10

int64
fpgo_unversioned_queue(const FpgoHandIn *handin, bool ignore_duplicate,
					   bool *is_new)
{
	for (int i = 0; i < MAX_TRIES; i++)
	{
		int64		id = fpgo_submission_queue(handin, NULL);
		const FpgoSubmission *holder;

		*is_new = id != 0;
		if (*is_new)
			return id;
		holder = fpgo_submission_find_key(handin);
		if (holder == NULL)
		{
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		if (!fpgo_is_same_order(handin, holder))
			fpgo_holder_raise_taken(handin, holder);
		if (!holder->is_own && !ignore_duplicate)
			fpgo_holder_raise_duplicate(handin, holder);
		return holder->id;
	}
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not queue the order: its key is contended"),
			 errhint("Nothing was queued; try again."),
			 fpgo_errhide()));
}
