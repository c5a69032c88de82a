/*
 * allowance.h
 *		The allowance that requests with one token draw from.
 *
 * All processes of a database that send share a row of fpgo_internal.allowance
 * for each place and token.  A process leases a few requests at a time from it,
 * and tells there what the gateway says (pace.h).  There is a row once the
 * gateway has said something, or if the server's option rate_limit does.
 * Without one, nothing is counted.
 *
 * A process keeps what it knows of each allowance until it ends.
 */
#ifndef FPGO_ALLOWANCE_H
#define FPGO_ALLOWANCE_H

#include "postgres.h"

#include "base/clock.h"
#include "delivery/pace.h"
#include "delivery/transactions.h"
#include "gateway/exchange.h"

typedef struct FpgoAllowance FpgoAllowance;

/*
 * The allowance of a target, which a ticket or a claim is then asked for.  Must
 * be called in a transaction, with SPI not connected.  Waits for no lock.
 */
extern FpgoAllowance *fpgo_allowance_of(const FpgoTarget *target);

/*
 * For how many seconds the gateway wants no request of the target's token, as is
 * on record; 0: it takes some.  Must be called as the function before.
 */
extern int	fpgo_allowance_closed_s(const FpgoTarget *target);

/* How many requests this process may begin now. */
extern int	fpgo_allowance_left(FpgoAllowance *allowance);

/*
 * For a claim: take aside so many requests that may be begun now; returns how
 * many there are of them.  The second function begins anew with all that are
 * left.
 */
extern int	fpgo_allowance_reserve(FpgoAllowance *allowance, int wanted);
extern void fpgo_allowance_unreserve(void);

/* Let fpgo_allowance_attend() lease more, once none are left. */
extern void fpgo_allowance_want(FpgoAllowance *allowance);

/* Counts the changes for which a claim that found nothing left may look again. */
extern uint64 fpgo_allowance_n_changes(void);

/*
 * When it is time to ask again, and the moment before which there certainly is
 * nothing; is_closed: since the gateway asked to slow down.
 */
typedef struct FpgoAllowanceWait
{
	FpgoMoment	again_at;
	FpgoMoment	never_before;	/* 0: not known */
	bool		is_closed;
} FpgoAllowanceWait;

extern FpgoAllowanceWait
fpgo_allowance_wait(const FpgoAllowance *allowance, FpgoPaceUse use);

/*
 * A ticket for one request, and what came of the request.  outcome is NULL if
 * it was not begun.  Each ticket must be noted, once.
 */
extern FpgoPaceTicket fpgo_allowance_take(FpgoAllowance *allowance);
extern void fpgo_allowance_note(FpgoAllowance *allowance,
								const FpgoPaceTicket *ticket,
								const FpgoOutcome *outcome);

/*
 * Before a session's order is recorded: lease a request for it if there is none
 * left.  Runs a transaction of its own, unless this process knows of no row and
 * has looked for one lately.
 */
extern void fpgo_allowance_prepare(const FpgoTarget *target,
								   const FpgoTransactions *transactions);

/* What others have written meanwhile counts: read the rows anew. */
extern void fpgo_allowance_look_again(void);

/*
 * Between other transactions: lease requests for claims that found none, and
 * tell what must be known at once.  is_idle: give back all that is left, and
 * tell all; a resident process does so at times only.  Never raises but for
 * want of memory.
 */
extern void fpgo_allowance_attend(const FpgoTransactions *transactions,
								  bool is_idle);

#endif							/* FPGO_ALLOWANCE_H */
