/*
 * lane.h
 *		What a delivery knows of one server.
 */
#ifndef FPGO_LANE_H
#define FPGO_LANE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/clock.h"
#include "delivery/walk.h"
#include "gateway/outcome.h"

typedef struct FpgoLane
{
	const char *server;
	int			limit;			/* most requests under way */
	int			n_flights;
	int			n_slow;			/* of them, unanswered for long */
	FpgoMoment	closed_until;	/* no further request before that */
	int			n_failures;		/* requests in a row that did not arrive */
	bool		is_exhausted;	/* the last claim brought nothing */
	bool		last_was_unknown;	/* its last outcome was unknown */
	FpgoMoment	waits_until;	/* for its allowance, at the longest; 0: no */
	uint64		waits_since;	/* fpgo_allowance_n_changes() then */
	bool		is_paced;		/* ... and was not asked to slow down */
	List	   *waiting;		/* names of roles whose orders wait for it */
	FpgoMoment	looked_past_at; /* when orders of others were looked for ... */
	FpgoWalk	walk_past;		/* ... and where */
	List	   *shut_out;		/* names of roles that may not use it */
	FpgoMoment	explained_at;	/* when it was recorded what waits for what */
	int64		explained_to;	/* the last submission looked at, 0 at the end */
	FpgoWalk	walk;			/* where the next claim looks */
} FpgoLane;

/*
 * The lane of a server.  A new one is made in the memory context and put into
 * the list.
 */
extern FpgoLane *fpgo_lane_find(List **lanes, const char *server,
								MemoryContext context);

/* How many requests to the server may be started now. */
extern int	fpgo_lane_free_places(const FpgoLane *lane);

/* Can a claim for one of these servers bring a submission? */
extern bool fpgo_lanes_may_claim(List *lanes);

/*
 * Does one of them wait for its allowance, with orders that may be sent soon?
 * Not if the gateway has asked to slow down.
 */
extern bool fpgo_lanes_are_paced(List *lanes);

/*
 * Note what an outcome says about its server.  A server that could not take
 * the order gets no further request: for a while if "reopens" is true, else
 * for the rest of the delivery.
 */
extern void fpgo_lane_learn(FpgoLane *lane, FpgoOutcomeClass outcome,
							int retry_after_s, bool reopens);

/* Submissions may have become due: look at the server's queue anew. */
extern void fpgo_lane_refresh(FpgoLane *lane);

/* Roles that were shut out may use the server again: look at them anew. */
extern void fpgo_lane_readmit(FpgoLane *lane);

#endif							/* FPGO_LANE_H */
