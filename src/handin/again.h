/*
 * again.h
 *		Orders that a person took back, and that are handed in again.
 */
#ifndef FPGO_AGAIN_H
#define FPGO_AGAIN_H

#include "postgres.h"

#include "records/submissions.h"

/*
 * A trigger hands in an order.  If a person took back the order of its key, it
 * is not queued: that is recorded as a refused submission, once.  "own" is the
 * submission that was made of the hand-in, which is then removed; 0 if none
 * was made.  Returns the number of the submission that says so, 0 if nobody
 * took the order back.
 */
extern int64 fpgo_again_refuse(const FpgoHandIn *handin, int64 own);

#endif							/* FPGO_AGAIN_H */
