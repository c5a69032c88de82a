/*
 * settle.h
 *		Records the outcome of an attempt.
 *
 * Part of the records (see submissions.h): each function runs inside
 * the caller's transaction and commits nothing.
 */
#ifndef FPGO_SETTLE_H
#define FPGO_SETTLE_H

#include "postgres.h"

#include "records/submissions.h"

/* The outcome of an attempt, and what follows from it. */
typedef struct FpgoSettlement
{
	int64		submission;
	int64		order;			/* number of its order's first version; 0: no
								 * other version matters */
	const char *server;			/* NULL unless there is an order_uuid */
	int			attempt;
	TimestampTz attempt_began;	/* as the claim has it */
	int64		run;
	FpgoSubmissionState state;
	const char *outcome;		/* fpgo_outcome_name() */
	int			status;			/* HTTP status, 0 if there was none */
	const char *reason;
	const char *order_uuid;		/* this and the next two if accepted */
	const char *customer_uuid;
	const char *bank_id_url;
	bool		shares_uuid;	/* another submission may have the uuid too */
	int			delay_s;		/* if queued again: how long to wait */
	int			retention_s;	/* if finished: how long the payload stays */
} FpgoSettlement;

/*
 * Can the attempt be settled without waiting for another session that has one of
 * its rows?  They are not locked: somebody may take one before it is settled.
 */
extern bool fpgo_submission_is_free(int64 submission, int attempt);

/*
 * Settle an attempt.  Returns false, having changed nothing, if the submission
 * is no longer sending in that run, or if another submission holds the order
 * uuid and shares_uuid is not set.
 */
extern bool fpgo_submission_settle(const FpgoSettlement *settlement);

/*
 * Another submission of the same server that holds the order uuid of this
 * settlement; 0 if none does, or if the settlement has no order uuid.
 */
extern int64 fpgo_submission_find_holder(const FpgoSettlement *settlement);

#endif							/* FPGO_SETTLE_H */
