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
	bool		is_stopped;		/* it was taken back: nothing failed */
	FpgoSubmissionState state;	/* once settled: what the submission became */
	/* notes of the delivery loop (deliver.c) */
	bool		is_settled;		/* by the transaction that runs or just ended */
	TimestampTz settle_again_at;	/* after a try that failed; 0: at once */
} FpgoFlight;

/*
 * Make everything ready that needs a transaction.  Copies its arguments; the
 * flight lives in a new child of parent.
 */
extern FpgoFlight *fpgo_flight_prepare(const FpgoClaim *claim, int64 run,
									   const FpgoTarget *target,
									   int retention_s, MemoryContext parent);

/*
 * Let it go; needs no transaction and never raises.  A flight that cannot
 * even begin has landed at once, as not sent.
 */
extern void fpgo_flight_launch(FpgoFlight *flight);

extern bool fpgo_flight_is_over(const FpgoFlight *flight);

/*
 * For a process that is to end, which would wait for nothing: a flight that
 * has not reached the mark ends here and now, as not sent, and its submission
 * is due at once.
 */
extern void fpgo_flight_stop_unsent(FpgoFlight *flight);

/*
 * Record what it came to; in a transaction, and again in another one if that
 * fails.  A flight still under way is ended first.  is_awaited: somebody waits
 * for the answer, will be told that nothing was sent and may try again, so the
 * submission is cancelled then and not queued.
 */
extern void fpgo_flight_settle(FpgoFlight *flight, bool is_awaited);

extern void fpgo_flight_free(FpgoFlight *flight);

/*
 * Instead of the launch, where no standby confirmed the claim: it has landed,
 * as not sent.
 */
extern void fpgo_flight_call_off(FpgoFlight *flight);

#endif							/* FPGO_FLIGHT_H */
