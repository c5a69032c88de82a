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

/* Who waits for the allowance, with an order that is due. */
typedef struct FpgoLaneWait
{
	FpgoMoment	until;			/* at the longest; 0: nobody waits */
	uint64		since;			/* fpgo_allowance_n_changes() then */
	bool		is_paced;		/* the gateway did not ask to slow down */
} FpgoLaneWait;

/* A role that has queued submissions for a lane's server. */
typedef struct FpgoLaneRole
{
	const char *name;
	bool		is_exhausted;	/* the last claim brought nothing */
	bool		is_denied;		/* it may not send */
	bool		is_held;		/* its orders are held */
	FpgoWalk	walk;			/* where the next claim looks */
	FpgoLaneWait wait;
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
	bool		is_held;		/* all of its orders are */
	FpgoMoment	roles_again_at; /* when those known are looked at again */
	List	   *shut_out;		/* names of roles that may not send */
	int			next_role;		/* the role whose turn it is */
	FpgoLaneWait wait;			/* of a single submission to be tried */
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

/* Can a claim for the server, or for one of them, bring a submission? */
extern bool fpgo_lane_may_claim(const FpgoLane *lane);
extern bool fpgo_lanes_may_claim(List *lanes);

/*
 * Does one of them wait for its allowance, with orders that may be sent soon?
 * Not if the gateway has asked to slow down.
 */
extern bool fpgo_lanes_are_paced(List *lanes);

/* Is it still in vain to look for what waits for the allowance? */
extern bool fpgo_lane_wait_goes_on(const FpgoLaneWait *wait);

/* No further request to the server for the rest of the delivery. */
extern void fpgo_lane_close(FpgoLane *lane);

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
