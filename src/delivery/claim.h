/*
 * claim.h
 *		Claims: which submissions of a server's queue are sent next.
 */
#ifndef FPGO_CLAIM_H
#define FPGO_CLAIM_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "delivery/lane.h"

/* Make a lane for each server that has queued submissions and no lane. */
extern void fpgo_lane_find_queued(List **lanes, MemoryContext context);

/*
 * Claim for one server, in the current transaction, as many submissions as its
 * lane has places free, or the submission "only" (0: any).  The flights
 * (FpgoFlight) are ready to be launched once the transaction is committed.
 *
 * The flights and their list are made in the memory context given.  A flight
 * is in the list as soon as the lane counts it: a caller that catches an error
 * finds every flight there.
 */
extern void fpgo_lane_claim(FpgoLane *lane, int64 run, int64 only,
							bool is_session, MemoryContext context,
							List **flights);

#endif							/* FPGO_CLAIM_H */
