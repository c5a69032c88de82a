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

#include "nodes/pg_list.h"

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
	const char *server;
	const char *role;
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

/*
 * Lock up to "limit" submissions of a server that are queued and due, by their
 * numbers from "first" to "last"; or a single one, due or not, where these are
 * equal.  Submissions of the roles without_roles are skipped.  Returns a list of
 * FpgoDue.  Those that need not be sent any more, since another version of their
 * order stands in their place, are finished on the way.
 */
extern List *fpgo_submission_due(const char *server, int limit, int64 first,
								 int64 last, List *without_roles,
								 FpgoDueWalk *walk);

/* The highest number of a server's queued submissions, 0 if there are none. */
extern int64 fpgo_submission_last_queued(const char *server);

/* Claim submissions that are locked so.  Returns a list of FpgoClaim. */
extern List *fpgo_submission_claim(int64 run, const int64 *ids, int n);

/* Record why the submissions that a role queued for a server are not sent. */
extern void fpgo_submission_explain(const char *server, const char *role,
									const char *reason);

/*
 * Record of queued submissions which other submission they wait for, and take
 * back what was recorded of those that wait no more.  Looks at a limited number
 * of submissions, those after a number.  Returns the last one's number, or 0 if
 * there are no more.
 */
extern int64 fpgo_submission_explain_waits(const char *server, int64 after);

/* Names of servers that have queued submissions, without those that are known. */
extern List *fpgo_submission_other_servers(List *known);

#endif							/* FPGO_QUEUE_H */
