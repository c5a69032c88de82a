/*
 * taken_back.h
 *		Orders that a person took back.
 *
 * Part of the records (see submissions.h).  Where the SQL objects are those of
 * 1.0, nothing counts as taken back.  SPI must not be connected.
 */
#ifndef FPGO_TAKEN_BACK_H
#define FPGO_TAKEN_BACK_H

#include "postgres.h"

#include "records/submissions.h"

/* Do the SQL objects have the column and the index that this needs? */
extern bool fpgo_taken_back_is_known(void);

/* A submission that a person took back, and who did so. */
typedef struct FpgoTakenBack
{
	int64		id;
	const char *role;
	const char *day;
	bool		for_good;
	bool		is_answered;	/* a hand-in was refused for it already */
} FpgoTakenBack;

/*
 * The submission of this key that a person took back, if nothing was handed in
 * under the key since; else NULL.  "own" is the submission that was made of the
 * hand-in just now, and does not count; 0 without one.  Raises 40001 if the
 * transaction's snapshot is too old to tell.
 */
extern FpgoTakenBack *fpgo_taken_back_find(const FpgoHandIn *handin,
										   int64 own);

/* Why it is not handed in again, in a sentence for the records. */
extern const char *fpgo_taken_back_reason(const FpgoTakenBack *taken_back);

/* Raises 23505 if an order of this key was taken back for good. */
extern void fpgo_taken_back_require_none(const FpgoHandIn *handin);

#endif							/* FPGO_TAKEN_BACK_H */
