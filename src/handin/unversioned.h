/*
 * unversioned.h
 *		Queueing on the SQL objects of 1.0, which know no versions.
 */
#ifndef FPGO_UNVERSIONED_H
#define FPGO_UNVERSIONED_H

#include "postgres.h"

#include "records/submissions.h"

/*
 * Queue an order, as fpgo 1.0 did: another order under its key is 23505, and
 * the same order is 23505 too unless ignore_duplicate.  Returns the number of
 * the submission that has the key; is_new receives whether it was made now.
 */
extern int64 fpgo_unversioned_queue(const FpgoHandIn *handin,
									bool ignore_duplicate, bool *is_new);

#endif							/* FPGO_UNVERSIONED_H */
