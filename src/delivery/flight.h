/*
 * flight.h
 *		One submission on its way: from a claim on record to its settlement.
 */
#ifndef FPGO_FLIGHT_H
#define FPGO_FLIGHT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "gateway/exchange.h"
#include "records/queue.h"
#include "records/submissions.h"

typedef struct FpgoFlight
{
	MemoryContext context;		/* of the flight and all that belongs to it */
	FpgoClaim	claim;
	int64		run;
	FpgoTarget	target;
	int			retention_s;
	const char *wire;			/* payload in UTF-8 */
	int			wire_len;
	const char **secrets;		/* masked in what the gateway says */
	FpgoExchange *exchange;		/* NULL before the launch and after landing */
	FpgoOutcome *outcome;		/* NULL until it has landed */
	bool		is_stopped;		/* requeued unsent: nothing failed */
	FpgoSubmissionState state;	/* of the submission, once settled */
	/* notes of the delivery loop (deliver.c) */
	bool		is_settled;		/* by the transaction that runs or just ended */
	TimestampTz settle_again_at;	/* after a try that failed; 0: at once */
} FpgoFlight;

/*
 * Make a flight, with all that needs a transaction.  Copies its arguments; the
 * flight lives in a new child of the memory context parent.
 */
extern FpgoFlight *fpgo_flight_prepare(const FpgoClaim *claim, int64 run,
									   const FpgoTarget *target,
									   int retention_s, MemoryContext parent);

/*
 * Begin the request.  Needs no transaction and never raises.  A flight that
 * cannot begin lands at once, as not sent.
 */
extern void fpgo_flight_launch(FpgoFlight *flight);

extern bool fpgo_flight_is_over(const FpgoFlight *flight);

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
 * Instead of the launch, if the standbys did not confirm the claim: the flight
 * lands as not sent.
 */
extern void fpgo_flight_call_off(FpgoFlight *flight);

#endif							/* FPGO_FLIGHT_H */
