/*
 * walk.h
 *		Where in a role's queue the next claim begins to look.
 */
#ifndef FPGO_WALK_H
#define FPGO_WALK_H

#include "postgres.h"

#include "records/queue.h"

/* All zero at first. */
typedef struct FpgoWalk
{
	int64		from;			/* the next look begins with this number ... */
	int64		start_again_us; /* ... unless this time has come */
	int64		began_us;		/* when the look under way began */
	int64		cost_us;		/* of the last look from the start */
	bool		owes_start;		/* a later part had nothing: the start may */
} FpgoWalk;

/*
 * Begin a look; returns the number to begin with, 0 for the start of the queue.
 */
extern int64 fpgo_walk_begin(FpgoWalk *walk);

/* End a look that was to find so many of a role's submissions for a server. */
extern void fpgo_walk_end(FpgoWalk *walk, const char *server,
						  const char *role, int limit,
						  const FpgoDueWalk *due);

/* This one was found, and must wait: the next look begins with it. */
extern void fpgo_walk_return(FpgoWalk *walk, int64 submission);

/*
 * A look at a later part of the queue found nothing.  Is one from the start to
 * follow at once?  must_know: the caller has nothing else to do and will not
 * come back.
 */
extern bool fpgo_walk_starts_over(FpgoWalk *walk, bool must_know);

/* Is it time for a look from the start that is owed? */
extern bool fpgo_walk_is_due(const FpgoWalk *walk);

#endif							/* FPGO_WALK_H */
