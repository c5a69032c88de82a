/*
 * left.h
 *		What is left to be sent, and why.
 *
 * Part of the records (see submissions.h).
 */
#ifndef FPGO_LEFT_H
#define FPGO_LEFT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* Submissions that are left for one reason. */
typedef struct FpgoLeft
{
	int64		n;
	int64		n_all;			/* that are left for any reason */
	const char *state;			/* queued, sending or uncertain */
	const char *server;			/* as the views name it */
	const char *reason;			/* NULL: none is on record */
	TimestampTz until;			/* when the first is tried again; 0: at once,
								 * or not known */
} FpgoLeft;

/*
 * Why submissions (only: one; 0: any) are left, the most frequent reason first:
 * so many reasons at most (FpgoLeft).
 */
extern List *fpgo_left_explain(int64 only, int limit);

/* How many are queued or sending, of those (only: one; 0: any). */
extern int64 fpgo_left_count(int64 only);

#endif							/* FPGO_LEFT_H */
