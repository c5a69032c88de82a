/*
 * lane.h
 *		What a delivery knows of one server.
 */
#ifndef FPGO_LANE_H
#define FPGO_LANE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/clock.h"
#include "delivery/probe.h"
#include "delivery/walk.h"

/* A role that has queued submissions for a lane's server. */
typedef struct FpgoLaneRole
{
	const char *name;
	bool		is_exhausted;	/* the last claim brought nothing */
	bool		is_denied;		/* it may not send */
	FpgoWalk	walk;			/* where the next claim looks */
} FpgoLaneRole;

typedef struct FpgoLane
{
	const char *server;
	int			limit;			/* most requests under way */
	int			n_flights;
	int			n_slow;			/* of them, unanswered for long */
	FpgoMoment	closed_until;	/* no further request before that */
	bool		is_exhausted;	/* no role has anything to claim */
	bool		wants_roles;	/* look which roles there are */
	List	   *roles;			/* FpgoLaneRole */
	List	   *shut_out;		/* names of roles that may not send */
	int			next_role;		/* the role whose turn it is */
	FpgoMoment	try_at;			/* when an order that is held may be tried; 0:
								 * none is held */
	bool		tries_soon;		/* a session waits for that moment */
	FpgoProbe  *probe;			/* the question before that, or NULL */
	FpgoMoment	explained_at;	/* when it was recorded what waits for what */
	int			explained_role; /* index of the role looked at then */
	int64		explained_to;	/* its last submission looked at, 0 at the end */
} FpgoLane;

/*
 * The lane of a server.  A new one is made in the memory context and put into
 * the list.
 */
extern FpgoLane *fpgo_lane_find(List **lanes, const char *server,
								MemoryContext context);

/* How many requests to the server may be started now. */
extern int	fpgo_lane_free_places(const FpgoLane *lane);

/* Can a claim for the server bring a submission? */
extern bool fpgo_lane_may_claim(const FpgoLane *lane);

/*
 * The gateway asked to slow down: no further request to it, for a while if
 * "reopens" is true, else for the rest of the delivery.
 */
extern void fpgo_lane_slow_down(FpgoLane *lane, int retry_after_s,
								bool reopens);

/* Submissions may have become due: look at the server's queue anew. */
extern void fpgo_lane_refresh(FpgoLane *lane);

/* Roles that were shut out may send again: look at them anew. */
extern void fpgo_lane_readmit(FpgoLane *lane);

/* An order was settled: another one of its reference may be due. */
extern void fpgo_lane_note_settled(FpgoLane *lane);

/* Is a question to one of the servers under way? */
extern bool fpgo_lanes_ask(List *lanes);

/*
 * Is an order that is held to be tried within a second?  A session waits for
 * the first tries only: it is to end.
 */
extern bool fpgo_lanes_try_soon(List *lanes, bool is_resident);

#endif							/* FPGO_LANE_H */
