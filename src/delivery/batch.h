/*
 * batch.h
 *		What is claimed for one lane in one turn, made ready to be sent.
 */
#ifndef FPGO_BATCH_H
#define FPGO_BATCH_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "account/account.h"
#include "delivery/allowance.h"
#include "delivery/lane.h"
#include "records/queue.h"

/* The account of one role at a server; resolved once a turn. */
typedef struct FpgoView
{
	const char *role;
	const char *mapping;		/* whose user mapping it goes with */
	FpgoAccount *account;		/* NULL if the role may not use it ... */
	const char *reason;			/* ... and why */
	FpgoAllowance *allowance;	/* of the account */
} FpgoView;

/* What is claimed for one lane in one turn. */
typedef struct FpgoBatch
{
	FpgoLane   *lane;
	int64		run;
	bool		is_session;		/* it ends when nothing is due any more */
	MemoryContext context;		/* of flights */
	List	  **flights;
	List	   *views;
	int64	   *ids;
	int			n;
	int64		canary_of;		/* number of the hold that all are for, or 0 */
	int			n_prepared;
} FpgoBatch;

/* What a role sends with, as it is now. */
extern FpgoView *fpgo_batch_view(FpgoBatch *batch, const char *role);

/* How many requests more may be begun. */
extern int	fpgo_batch_places(const FpgoBatch *batch);

/*
 * Find submissions of a role to be claimed, with numbers from "first" on; returns
 * how many there are, or were finished since another version stands in their
 * place.
 */
extern int	fpgo_batch_find(FpgoBatch *batch, const char *role,
							FpgoWhichDue which, int limit, int64 first,
							FpgoDueWalk *walk);

/* Claim what was found, and make it ready to be sent. */
extern void fpgo_batch_claim(FpgoBatch *batch);

/* Overwrite the tokens, once nothing is claimed any more. */
extern void fpgo_batch_wipe(FpgoBatch *batch);

#endif							/* FPGO_BATCH_H */
