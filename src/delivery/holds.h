/*
 * holds.h
 *		What this process knows of holds, and what it learns from outcomes.
 *
 * All functions but fpgo_holds_find(), fpgo_holds_is_due() and fpgo_holds_attend()
 * must be called in a transaction that may write.  None of them waits for another process.
 */
#ifndef FPGO_HOLDS_H
#define FPGO_HOLDS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/clock.h"
#include "delivery/flight.h"
#include "delivery/transactions.h"
#include "records/hold.h"

/*
 * Take in what others have changed, and write what this process has learnt and
 * could not write.
 */
extern void fpgo_holds_look(void);

/*
 * Between two requests: write what could not be written, in a transaction of its
 * own.
 */
extern void fpgo_holds_attend(const FpgoTransactions *transactions);

/* Learn from the flights of the list that are settled. */
extern void fpgo_holds_learn_all(List *flights);
extern void fpgo_holds_learn(FpgoFlight *flight);

/*
 * Could something that this process has learnt of the account not be written
 * yet?  Then none of its orders is to be claimed.
 */
extern bool fpgo_holds_is_behind(const char *account);

/*
 * The hold of a whole account (mapping NULL), or of the orders that go with a
 * user mapping; NULL if there is none.
 */
extern FpgoHold *fpgo_holds_find(const char *account, const char *mapping);

/*
 * As fpgo_holds_find(), for orders that would be sent to a target.  A hold that began with another token or other options of the server is
 * lifted, and not returned.
 */
extern FpgoHold *fpgo_holds_check(const char *account, const char *mapping,
								  const FpgoTarget *target);

/* When the next order of a hold may be tried; see base/clock.h. */
extern FpgoMoment fpgo_holds_due_at(const FpgoHold *hold);

/*
 * May an order be tried for the hold now: is its pause over, and has no process
 * that lives an order under way for it?
 */
extern bool fpgo_holds_is_due(const FpgoHold *hold);
extern bool fpgo_holds_is_free(const FpgoHold *hold);

/*
 * Take the hold for an order that this process tries, under its run; false if
 * another process is faster.  The next one is to be from the other end.
 */
extern bool fpgo_holds_take(FpgoHold *hold, int64 run);

/* No order is tried for a hold that was taken: give it back. */
extern void fpgo_holds_give_back(const char *account, const char *mapping,
								 int64 run);

/* The question before an order of the hold brought no answer. */
extern void fpgo_holds_note_asked(FpgoHold *hold, const char *because);

/* A role may not send, or may send: hold its orders, or lift that. */
extern void fpgo_holds_deny(const char *account, const char *role,
							const char *because);
extern void fpgo_holds_permit(const char *account, const char *role);

#endif							/* FPGO_HOLDS_H */
