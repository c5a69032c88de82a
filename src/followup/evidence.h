/*
 * evidence.h
 *		What shows that the gateway has the orders of submissions.
 */
#ifndef FPGO_EVIDENCE_H
#define FPGO_EVIDENCE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "account/account.h"
#include "followup/cases.h"
#include "followup/likeness.h"
#include "records/submissions.h"

/* What was found out about one submission. */
typedef struct FpgoReconcileResult
{
	int64		submission;
	FpgoSubmissionState state;	/* its state now */
	const char *order_uuid;		/* NULL unless accepted */
	const char *detail;			/* why, in a sentence */
} FpgoReconcileResult;

/* One submission. */
typedef struct FpgoCase
{
	const FpgoUncertain *uncertain;
	bool		is_read;		/* its payload; this and the next two are not
								 * set before */
	const FpgoLikeness *likeness;
	const char *changed_uuid;	/* the order that it changes; NULL if it makes
								 * a new one */
	const char *found_uuid;		/* the order that it became; NULL: not known */
	const char *found_status;	/* of the found order; may be NULL */
	const char *customer_uuid;
	FpgoReconcileResult *result;
} FpgoCase;

/* The cases of one role at one server. */
typedef struct FpgoCaseGroup
{
	const char *server;
	const char *role;
	List	   *cases;
	FpgoAccount *account;
	int			looks_left;		/* at details of the gateway's orders */
} FpgoCaseGroup;

/*
 * Ask the gateway, with the group's account in use, and note in each case what
 * was found: the order that it became, or why that is not known.  With no case,
 * the orders of the account are put on record all the same.  Changes no
 * submission.  SPI must not be connected.
 */
extern void fpgo_evidence_find(FpgoCaseGroup *group);

#endif							/* FPGO_EVIDENCE_H */
