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

/*
 * Record an order, as queued; as sending, with its first attempt; or as
 * refused before it was sent, with the reason.  Each function returns the
 * submission's number, or 0 if the key is taken: fpgo_submission_find_key()
 * then finds the submission that has it.  fpgo_submission_send() also returns
 * 0 if another submission of the order's reference is unfinished:
 * fpgo_submission_find_reference() then finds that one.
 */
extern int64 fpgo_submission_queue(const FpgoHandIn *handin);
extern int64 fpgo_submission_send(const FpgoHandIn *handin, int64 run);
extern int64 fpgo_submission_refuse(const FpgoHandIn *handin,
									const char *reason);

/*
 * The same as fpgo_submission_refuse(), unless the newest submission of the
 * key was refused at hand-in for the same reason: then its number.
 */
extern int64 fpgo_submission_refuse_once(const FpgoHandIn *handin,
										 const char *reason);

/* Remove a submission that this transaction queued, as if it had not. */
extern void fpgo_submission_remove_queued(int64 id);

#endif							/* FPGO_INSERT_H */
