/*
 * seat.h
 *		Seats: which database sends the orders of an account.
 *
 * Part of the records (see submissions.h).  None of these works during recovery.
 */
#ifndef FPGO_SEAT_H
#define FPGO_SEAT_H

#include "postgres.h"

#include "origin/rule.h"

/* What a person takes over with a seat. */
typedef struct FpgoTakeover
{
	int64		n;				/* queued submissions of other origins */
	bool		is_empty;		/* then there is no oldest one */
	TimestampTz oldest;
	const char *sum;			/* of their totals, in NOK; NULL: none has one */
} FpgoTakeover;

/*
 * Is it known who has the seat of an account?  Costs nothing; what was known is
 * forgotten when another process changes a seat.
 */
extern bool fpgo_seat_is_known(const char *account);

/* May this database send the account's orders?  No, if that is not known. */
extern bool fpgo_seat_is_ours(const char *account);

/*
 * Find out, and take the seat if this database may by itself.  In a transaction
 * that does nothing else: what is sent next must not depend on how it ends.
 */
extern void fpgo_seat_settle(const char *account);

/* Has another database the seat, as the records are?  Takes nothing. */
extern bool fpgo_seat_is_others(const char *account);

/*
 * A person gives the account's seat to this database.  what: what that means for
 * orders of other origins, for the history.
 */
extern void fpgo_seat_give(const char *account, const char *what,
						   const char *reason);

/* What other origins have queued for the account. */
extern FpgoTakeover fpgo_seat_find_foreign(const char *account);

/* Make those this database's own, as if they were handed in here. */
extern void fpgo_seat_adopt_foreign(const char *account);

/* Their numbers; a list of int64 pointers. */
extern List *fpgo_seat_list_foreign(const char *account);

#endif							/* FPGO_SEAT_H */
