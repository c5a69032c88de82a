/*
 * lane.h
 *		What a delivery knows of one server.
 */
#ifndef FPGO_LANE_H
#define FPGO_LANE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "gateway/outcome.h"

typedef struct FpgoLane
{
	const char *server;
	int			limit;			/* requests it may have under way */
	int			n_flights;
	TimestampTz closed_until;	/* no further request to it before that */
	int			n_failures;		/* requests in a row that did not reach it */
	bool		is_exhausted;	/* the last claim brought nothing */
	bool		last_was_unknown;	/* its last outcome was unknown */
	List	   *shut_out;		/* names of roles that may not use it now */
} FpgoLane;

/*
 * The lane of a server, made in that memory context and put into the list if
 * it is new.
 */
extern FpgoLane *fpgo_lane_find(List **lanes, const char *server,
								MemoryContext context);

/* How many requests to it may be started now. */
extern int	fpgo_lane_free_places(const FpgoLane *lane);

/* Might a claim for it bring something? */
extern bool fpgo_lane_may_claim(const FpgoLane *lane);

/*
 * What an outcome says about the server it came from.  One that did not take
 * the order is left alone: for a while, if reopens, or for good.
 */
extern void fpgo_lane_learn(FpgoLane *lane, FpgoOutcomeClass outcome,
							int retry_after_s, bool reopens);

/* Something may have become due: look at its queue anew. */
extern void fpgo_lane_refresh(FpgoLane *lane);

/* Roles that were shut out may use it again: look at them anew. */
extern void fpgo_lane_readmit(FpgoLane *lane);

#endif							/* FPGO_LANE_H */
