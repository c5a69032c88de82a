/*
 * claim.h
 *		Claims: what of a server's queue is on its way next.
 */
#ifndef FPGO_CLAIM_H
#define FPGO_CLAIM_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "delivery/lane.h"

/*
 * Claim for one server as many as its lane has places free, or one submission
 * (0: any), in the current transaction.  The flights (FpgoFlight) are ready to
 * be launched once that is committed.  They and their list are made in the
 * memory context given, and in the list as soon as they are counted in the
 * lane, so that whoever catches an error knows of them.
 */
extern void fpgo_lane_claim(FpgoLane *lane, int64 run, int64 only,
							MemoryContext context, List **flights);

#endif							/* FPGO_CLAIM_H */
