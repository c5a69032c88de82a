/*
 * sightings.h
 *		Orders of the gateway's that no submission has, on record.
 *
 * What was seen of them when the gateway was asked, so that it is asked about
 * each once.  Everything runs inside the caller's transaction, with SPI
 * connected; results are allocated in the memory context that is given.
 */
#ifndef FPGO_SIGHTINGS_H
#define FPGO_SIGHTINGS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "followup/likeness.h"

/* A submission that is uncertain, or sending and might become so. */
typedef struct FpgoDoubt
{
	int64		submission;
	const char *server;
	const char *role;
	bool		is_uncertain;
	int64		run;			/* that sends it; 0 if it is uncertain */
	const char *payload;		/* NULL if it is kept no longer */
	List	   *named;			/* texts: orders that callbacks named, two at
								 * most */
} FpgoDoubt;

/* All of them, by server and role: a list of FpgoDoubt. */
extern List *fpgo_sightings_doubts(MemoryContext context);

/* An order in the gateway's list, and what was seen when it was looked at. */
typedef struct FpgoSighting
{
	const char *order_uuid;
	const char *status;			/* NULL if not said */
	const FpgoLikeness *likeness;	/* NULL: not looked at this time */
} FpgoSighting;

/*
 * Which of n orders no submission has and nobody looked at since they have
 * this status: a list of int, their places; those never seen before come first.
 */
extern List *fpgo_sightings_unknown(const char *server,
									const FpgoSighting *sightings, int n,
									MemoryContext context);

/*
 * Record what was seen of n orders of a list that came at that time, but of
 * those that a submission has.
 */
extern void fpgo_sightings_record(const char *server, TimestampTz seen_at,
								  const FpgoSighting *sightings, int n);

/* Record how a doubtful submission's order looks. */
extern void fpgo_sightings_describe(const FpgoDoubt *doubt,
									const FpgoLikeness *likeness);

/* How an uncertain submission compares with the orders in a list. */
typedef struct FpgoMatch
{
	int64		submission;
	const char *order_uuid;		/* one that is alike in all; NULL: none */
	int			n_orders;		/* how many are */
	int			n_unseen;		/* orders that might be alike, too, and that
								 * nobody looked at yet */
	int			n_rivals;		/* other submissions that it might belong to */
} FpgoMatch;

/*
 * Compare these submissions with n orders of the list.  Orders that were seen
 * before the first attempt that may have arrived are none of a submission's
 * own.
 */
extern List *fpgo_sightings_match(const char *server, List *doubts,
								  const FpgoSighting *sightings, int n,
								  MemoryContext context);

/* Forget what is of no more use. */
extern void fpgo_sightings_tidy(void);

#endif							/* FPGO_SIGHTINGS_H */
