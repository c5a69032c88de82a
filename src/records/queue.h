/*
 * queue.h
 *		What is due, and claims of it.
 *
 * Part of the submissions room (see submissions.h): each function runs inside
 * the caller's transaction and commits nothing.
 */
#ifndef FPGO_QUEUE_H
#define FPGO_QUEUE_H

#include "postgres.h"

#include "nodes/pg_list.h"

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
	const char *payload;		/* wire text in the database's encoding */
	const char *const *secrets; /* as fpgo_secrets_list() makes them; NULL:
								 * to be found in the payload */
} FpgoClaim;

/*
 * Lock up to limit submissions to a server that are queued and due, or the one
 * with number only (0: any), due or not, but none of these roles: a list of
 * FpgoDue.
 */
extern List *fpgo_submission_due(const char *server, int limit, int64 only,
								 List *without_roles);

/* Claim those of them with these numbers: a list of FpgoClaim. */
extern List *fpgo_submission_claim(int64 run, const int64 *ids, int n);

/* Say of all that a role has queued for a server why it is not sent. */
extern void fpgo_submission_explain(const char *server, const char *role,
									const char *reason);

/* Names of the servers that something is queued for. */
extern List *fpgo_submission_queued_servers(void);

#endif							/* FPGO_QUEUE_H */
