/*
 * hold.h
 *		Holds: orders that are not sent for now, on record.
 *
 * Part of the records (see submissions.h): each function runs inside the
 * caller's transaction and commits nothing.  A row is written only when
 * something changes.  All processes hear of a change.
 */
#ifndef FPGO_HOLD_H
#define FPGO_HOLD_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "records/hold_rule.h"
#include "records/submissions.h"

typedef struct FpgoHold
{
	int64		id;				/* 0: not on record yet */
	const char *account;		/* name of the account in the records */
	const char *mapping;		/* whose user mapping: a role's name, or "" for
								 * PUBLIC; NULL: of all */
	const char *role;			/* the role that may not send; else NULL */
	FpgoHoldState state;
	const char *because;		/* a sentence */
	TimestampTz since;			/* when it began; not known of a new one */
	TimestampTz until;			/* when the next order is tried; 0: never */
	int64		canary;			/* run of the process that tries one, or 0 */
	uint8		digest[FPGO_HASH_BYTES];	/* of what orders were sent with */
} FpgoHold;

/* All holds on record, a list of FpgoHold. */
extern List *fpgo_hold_read_all(void);

/*
 * The lock under which holds of an account are written, till the end of the
 * transaction.  fpgo_hold_try_lock() returns false if another process has it:
 * processes that send wait for nobody.
 */
extern bool fpgo_hold_try_lock(const char *account);
extern void fpgo_hold_lock(const char *account);

/* Write a hold, new or not. */
extern void fpgo_hold_write(const FpgoHold *hold);

extern void fpgo_hold_delete(const FpgoHold *hold);

/* A person lifts a hold: delete it, with an event that says who did and why. */
extern void fpgo_hold_release(const FpgoHold *hold, const char *role,
							  const char *reason);

/* Delete holds of which nothing waits any more. */
extern void fpgo_hold_tidy(void);

#endif							/* FPGO_HOLD_H */
