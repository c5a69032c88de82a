/*
 * version.h
 *		What a hand-in becomes: a submission of its own, one that is on record,
 *		or an error.
 */
#ifndef FPGO_VERSION_H
#define FPGO_VERSION_H

#include "postgres.h"

#include "records/submissions.h"

/*
 * Queue the order of a call.  Returns the number of its submission, or that of
 * the one on record if it is the same order, which is 23505 without
 * ignore_duplicate unless this transaction queued it.  Another order under the
 * key is 23505 too if handin->on_change says so; else it is a version of the
 * first.
 */
extern int64 fpgo_version_of_call(const FpgoHandIn *handin,
								  bool ignore_duplicate);

/*
 * Queue the order of a row, unless it is on record.  If it cannot be sent any
 * more, or was taken back by a person, that is recorded as a refused version.
 * Raises 23505 if the key is that of another row's order.
 */
extern int64 fpgo_version_of_row(const FpgoHandIn *handin);

/* Record that a row has no order that can be sent, and why; once. */
extern int64 fpgo_version_refuse(const FpgoHandIn *handin, const char *reason);

/*
 * Record that the order of a row is not wanted any more, and why.  Does so only
 * if a version of it is queued, sending or uncertain, or if the row has another
 * primary key than its order.  Of the hand-in account, role, mapping and sources
 * are needed.
 */
extern void fpgo_version_withdraw(const FpgoHandIn *handin,
								  const char *reason);

#endif							/* FPGO_VERSION_H */
