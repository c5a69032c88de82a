/*
 * queue.h
 *		Submissions that are due, and claims of them.
 *
 * Part of the records (see submissions.h): each function runs inside
 * the caller's transaction and commits nothing.
 */
#ifndef FPGO_QUEUE_H
#define FPGO_QUEUE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* how the reason of a submission that waits for another one begins */
#define FPGO_WAITS "Waits for submission "

/*
 * The longest time, in seconds, that a submission is put off: Retry-After is
 * followed for 900, and a clock may be put right by some seconds meanwhile.
 */
#define FPGO_LONGEST_PAUSE_S 960

/* A submission that could be sent now. */
typedef struct FpgoDue
{
	int64		submission;
	const char *role;
} FpgoDue;

/* A submission that this process is to send now. */
typedef struct FpgoClaim
{
	int64		submission;
	int			attempt;
	TimestampTz attempt_began;	/* 0: the attempt has a row */
	const char *server;
	const char *role;
	const char *mapping;		/* whose user mapping it goes with: a role's
								 * name, or "" for PUBLIC; set by the claimer */
	int64		order;			/* number of its order's first version */
	const char *change_of;		/* uuid of the order's accepted version, which
								 * this one changes; NULL: a new order */
	const char *payload;		/* wire text in the database's encoding */
	const char *const *secrets; /* by fpgo_secrets_list(); NULL: to be found
								 * in the payload */
} FpgoClaim;

/* What came of a look for what is due. */
typedef struct FpgoDueWalk
{
	int			n_found;		/* as many as asked for, unless the end came */
	int64		last_found;		/* the highest number of these */
	int			n_finished;		/* those that need not be sent any more */
} FpgoDueWalk;

/* Which of a role's queued submissions. */
typedef enum FpgoWhichDue
{
	FPGO_DUE_NOW,				/* those that need not wait any more */
	FPGO_DUE_HIGHEST,			/* never tried, due or not, from the last one on */
	FPGO_DUE_LOWEST,			/* never tried, due or not */
	FPGO_DUE_LONGEST_AGO		/* tried, due or not, by when that was */
} FpgoWhichDue;

/*
 * Lock up to "limit" submissions that a role has queued for a server, with
 * numbers from "first" on.  Returns a list of FpgoDue.  Those that need not be
 * sent any more, since another version of their order stands in their place, are
 * finished on the way.  fpgo_submission_due_one() does so with a single one, due
 * or not.
 */
extern List *fpgo_submission_due(const char *server, const char *role,
								 FpgoWhichDue which, int limit, int64 first,
								 FpgoDueWalk *walk);
extern List *fpgo_submission_due_one(const char *server, int64 submission,
									 FpgoDueWalk *walk);

/* The highest number of a role's queued submissions, 0 if there are none. */
extern int64 fpgo_submission_last_queued(const char *server,
										 const char *role);

/* Claim submissions that are locked so.  Returns a list of FpgoClaim. */
extern List *fpgo_submission_claim(int64 run, const int64 *ids, int n);

/*
 * Record of queued submissions which other submission they wait for, and take
 * back what was recorded of those that wait no more.  Looks at a limited number
 * of a role's submissions, those after a number, and takes that many off the
 * limit.  Returns the last one's number, or 0 if there are no more.
 */
extern int64 fpgo_submission_explain_waits(const char *server,
										   const char *role, int64 after,
										   int *limit);

/* Names of servers that have queued submissions, without those that are known. */
extern List *fpgo_submission_other_servers(List *known);

/* Names of the roles that have queued submissions for a server. */
extern List *fpgo_submission_queued_roles(const char *server);

/* The roles that are known, and others that have queued submissions. */
extern List *fpgo_submission_other_roles(const char *server, List *known);

#endif							/* FPGO_QUEUE_H */
