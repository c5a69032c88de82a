/*
 * flight.h
 *		One submission on its way: from a claim on record to its settlement.
 */
#ifndef FPGO_FLIGHT_H
#define FPGO_FLIGHT_H

#include "postgres.h"

#include "account/account.h"
#include "base/clock.h"
#include "delivery/allowance.h"
#include "gateway/exchange.h"
#include "records/queue.h"
#include "records/submissions.h"

/* Where a flight is until it has landed.  Only a change asks, and is cleared. */
typedef enum FpgoFlightStage
{
	FPGO_FLIGHT_READY,			/* nothing was begun */
	FPGO_FLIGHT_ASKING,			/* for the status of the order to be changed */
	FPGO_FLIGHT_CLEARED,		/* that order may be changed */
	FPGO_FLIGHT_CONFIRMED,		/* as READY, and it is on record that the
								 * question is over */
	FPGO_FLIGHT_SENDING			/* the order is on its way */
} FpgoFlightStage;

typedef struct FpgoFlight
{
	MemoryContext context;		/* of the flight and all that belongs to it */
	FpgoClaim	claim;
	int64		run;
	FpgoTarget	target;
	FpgoRetention retention;
	const char *changes;		/* uuid of the order that the payload changes;
								 * NULL: it makes a new one */
	const char *wire;			/* payload in UTF-8 */
	int			wire_len;
	const char **secrets;		/* masked in what the gateway says */
	FpgoFlightStage stage;
	FpgoTarget	question;		/* as target, for the question */
	FpgoExchange *exchange;		/* the request under way, or NULL */
	FpgoMoment	slow_at;		/* it gives its place away if there is no
								 * answer by then */
	FpgoOutcome *outcome;		/* NULL until it has landed */
	FpgoAllowance *allowance;	/* that the request draws from ... */
	FpgoPaceTicket ticket;		/* ... by this ticket ... */
	bool		is_noted;		/* ... which has been given back */
	bool		is_stopped;		/* requeued unsent: nothing failed */
	bool		is_local;		/* what it came to is not the gateway's doing */
	FpgoSubmissionState state;	/* of the submission, once settled */
	/* notes of holds.c */
	int64		canary_of;		/* number of the hold that it is tried for, or
								 * 0 */
	bool		is_learnt;		/* what it says was taken in */
	/* notes of the delivery loop (deliver.c) */
	bool		is_settled;		/* by the transaction that runs or just ended */
	FpgoMoment	settle_again_at;	/* after a try that failed; 0: at once */
} FpgoFlight;

/*
 * Make a flight, with all that needs a transaction.  Copies its arguments; the
 * flight lives in a new child of the memory context parent.
 */
extern FpgoFlight *fpgo_flight_prepare(const FpgoClaim *claim, int64 run,
									   const FpgoTarget *target,
									   FpgoRetention retention,
									   MemoryContext parent);

/*
 * Begin the request.  Needs no transaction and never raises.  A flight that
 * cannot begin lands at once, as not sent.
 *
 * The flight of a claim that changes an order begins with a question, for the
 * status of that order.  Whoever launches such flights calls
 * fpgo_flight_attend() between the steps of the network.
 */
extern void fpgo_flight_launch(FpgoFlight *flight);

/*
 * Has the question been answered?  If so, the flight lands, or is cleared.
 * Needs no transaction and never raises.
 */
extern void fpgo_flight_attend(FpgoFlight *flight);

/*
 * Record, in the caller's transaction, that a cleared flight sends its order
 * now.  Once that is committed and acknowledged, fpgo_flight_launch() sends it.
 * If the transaction fails, the caller lands the flight by
 * fpgo_flight_give_up().
 */
extern void fpgo_flight_confirm(FpgoFlight *flight);

/* A cleared flight lands as not sent: that it is sent cannot be recorded. */
extern void fpgo_flight_give_up(FpgoFlight *flight);

extern bool fpgo_flight_is_over(const FpgoFlight *flight);

/* Has the request under way been unanswered for long? */
extern bool fpgo_flight_is_slow(const FpgoFlight *flight);

/*
 * For a process that is to end: a flight that has not reached the mark lands
 * at once, as not sent, and its submission will be due at once.
 */
extern void fpgo_flight_stop_unsent(FpgoFlight *flight);

/*
 * Record the outcome, in the caller's transaction; in another one again if
 * that fails.  A flight still under way is ended first.
 *
 * is_awaited: a caller waits for the answer, will learn that nothing was sent
 * and may try again.  In that case an unsent submission is cancelled, and not
 * queued.
 */
extern void fpgo_flight_settle(FpgoFlight *flight, bool is_awaited);

extern void fpgo_flight_free(FpgoFlight *flight);

/*
 * Instead of a launch, if the standbys did not confirm the commit: the flight
 * lands as not sent.
 */
extern void fpgo_flight_call_off(FpgoFlight *flight);

#endif							/* FPGO_FLIGHT_H */
