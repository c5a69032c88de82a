/*
 * sightings.h
 *		Orders of the gateway's that no submission has, on record.
 *
 * What the gateway said of each is on record, so that the gateway is asked
 * about each order once.  Everything runs inside the caller's transaction,
 * with SPI connected; results are allocated in the memory context that is
 * given.
 */
#ifndef FPGO_SIGHTINGS_H
#define FPGO_SIGHTINGS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "followup/cases.h"
#include "followup/likeness.h"

/* An order in the gateway's list, and its details if they were asked for. */
typedef struct FpgoSighting
{
	const char *order_uuid;
	const char *status;			/* NULL if not said */
	const FpgoLikeness *likeness;	/* NULL: not asked for this time */
} FpgoSighting;

/*
 * Which of n orders to ask the gateway about: those that no submission has and
 * whose details are not on record for this status.  Returns a list of int,
 * their places; orders never seen before come first.
 */
extern List *fpgo_sightings_unknown(const char *server,
									const FpgoSighting *sightings, int n,
									MemoryContext context);

/*
 * Record n orders of a list that came at that time, but none that a submission
 * has.
 */
extern void fpgo_sightings_record(const char *server, TimestampTz seen_at,
								  const FpgoSighting *sightings, int n);

/* How an uncertain submission compares with the orders in a list. */
typedef struct FpgoMatch
{
	int64		submission;
	const char *order_uuid;		/* alike in all traits; NULL: none is */
	int			n_orders;		/* how many orders are alike in all */
	int			n_unseen;		/* orders that might be alike too, but whose
								 * details are not known yet */
	int			n_rivals;		/* other submissions that fit that order too */
} FpgoMatch;

/*
 * Compare submissions with n orders of the list.  An order that was seen before
 * a submission's first attempt that may have arrived is not that submission's.
 * Of what another database queued, the time of hand-in counts.
 */
extern List *fpgo_sightings_match(const char *server, List *submissions,
								  const FpgoSighting *sightings, int n,
								  MemoryContext context);

/* Delete what no uncertain submission needs any more. */
extern void fpgo_sightings_tidy(void);

#endif							/* FPGO_SIGHTINGS_H */
