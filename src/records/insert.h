/*
 * insert.h
 *		Records new submissions.
 *
 * Part of the records (see submissions.h): each function runs inside
 * the caller's transaction and commits nothing.
 */
#ifndef FPGO_INSERT_H
#define FPGO_INSERT_H

#include "postgres.h"

#include "records/submissions.h"
#include "records/versions.h"

/*
 * Record an order as the next version of its order: as queued; as sending,
 * with its first attempt, which begins at that time; as refused before it was sent, with the reason; as
 * superseded, since an older version is the same and was accepted.  Each
 * function returns the submission's number, or 0 if another transaction has
 * made that version: then the versions must be found anew.
 *
 * versions: from fpgo_versions_find(); NULL on the SQL objects of 1.0.  There
 * 0 means that the key is taken, by fpgo_submission_find_key().
 */
extern int64 fpgo_submission_queue(const FpgoHandIn *handin,
								   const FpgoVersions *versions);
extern int64 fpgo_submission_send(const FpgoHandIn *handin,
								  const FpgoVersions *versions, int64 run,
								  TimestampTz began);
extern int64 fpgo_submission_refuse(const FpgoHandIn *handin,
									const FpgoVersions *versions,
									const char *reason);
extern int64 fpgo_submission_supersede(const FpgoHandIn *handin,
									   const FpgoVersions *versions);

/*
 * Record a version that says that the order is not wanted any more, and why.
 * Of the hand-in only account, role, mapping and source are needed.  If an
 * older version is on its way, or may have arrived, an event says so.
 */
extern int64 fpgo_submission_withdraw(const FpgoHandIn *handin,
									  const FpgoVersions *versions,
									  const char *reason);

/*
 * The same as fpgo_submission_refuse(), unless the newest version was refused
 * at hand-in for the same reason: then its number.
 */
extern int64 fpgo_submission_refuse_once(const FpgoHandIn *handin,
										 const FpgoVersions *versions,
										 const char *reason);

#endif							/* FPGO_INSERT_H */
