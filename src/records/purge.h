/*
 * purge.h
 *		Takes away the records of orders that were finished long ago.
 *
 * Part of the records (see submissions.h): each function runs inside the
 * caller's transaction and commits nothing.
 */
#ifndef FPGO_PURGE_H
#define FPGO_PURGE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/date.h"

/* A purge, from its first part to its last. */
typedef struct FpgoPurge
{
	TimestampTz before;			/* when an order must have been finished */
	int64		after;			/* submissions up to this number were looked
								 * at */
	bool		is_over;		/* all were */
	int64		event;			/* says what was purged; 0: nothing was */
	int64		n_orders;		/* purged */
	int64		n_submissions;
} FpgoPurge;

/*
 * Purge orders among the next submissions.  An order goes with all its
 * versions, or it stays.  One that somebody else has locked stays, too.
 */
extern void fpgo_purge_step(FpgoPurge *purge);

/* Take away what the gateway told, before that time, of orders purged before. */
extern void fpgo_purge_notes(TimestampTz before);

/* What was forgotten of one server. */
typedef struct FpgoForgotten
{
	const char *server;			/* as the views name it */
	int64		n_orders;
	int64		n_accepted;		/* may be invoiced twice */
	DateADT		first_day;
	DateADT		last_day;
} FpgoForgotten;

/* Forget purged orders that were finished before that day; FpgoForgotten. */
extern List *fpgo_purge_forget(DateADT before, const char *reason);

#endif							/* FPGO_PURGE_H */
