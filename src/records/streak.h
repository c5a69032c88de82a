/*
 * streak.h
 *		Answers in a row that led nowhere, on record for all processes.
 *
 * Part of the records (see submissions.h).  A row is written under the lock of
 * the account's holds (fpgo_hold_try_lock()), so nobody waits for it.  All
 * processes hear of a change as they hear of one of holds.
 */
#ifndef FPGO_STREAK_H
#define FPGO_STREAK_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "records/hold_rule.h"

/* What the orders that go with one user mapping were answered with. */
typedef struct FpgoStreakRecord
{
	const char *account;		/* name of the account in the records */
	const char *mapping;		/* a role's name, or "" for PUBLIC */
	FpgoStreak	streak;
	TimestampTz accepted_at;	/* one of the last acceptances; 0: not known */
} FpgoStreakRecord;

/* All on record, a list of FpgoStreakRecord. */
extern List *fpgo_streak_read_all(void);

/*
 * That of an account and mapping, zeros if there is none.  One that was written
 * long ago says nothing any more: its streak is zeros.
 */
extern FpgoStreakRecord fpgo_streak_read(const char *account,
										 const char *mapping);

extern void fpgo_streak_write(const FpgoStreakRecord *record);

/* What led to a hold is over: count anew. */
extern void fpgo_streak_forget(const char *account, const char *mapping);

#endif							/* FPGO_STREAK_H */
