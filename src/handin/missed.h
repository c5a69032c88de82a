/*
 * missed.h
 *		Changes of a row that its trigger does not see.
 */
#ifndef FPGO_MISSED_H
#define FPGO_MISSED_H

#include "postgres.h"

#include "access/htup.h"
#include "commands/trigger.h"
#include "utils/relcache.h"

#include "records/submissions.h"

/* A trigger, under one number in all partitions, and what it does not see. */
typedef struct FpgoWatch
{
	uint32		trigger;
	bool		sees_all;		/* it fires at every change of a row */
	bool		ignores_delete;
} FpgoWatch;

/* What a trigger sees; top: the topmost table of its own. */
extern FpgoWatch fpgo_missed_watch(const TriggerData *trigger, Oid top,
								   bool ignores_delete);

/*
 * An order was handed in of this version of a row, or the row has none.  If the
 * version is not the newest when the transaction commits, and none of the calls
 * below explains that, the commit fails with 27000.  source may be NULL.
 */
extern void fpgo_missed_handed_in(const FpgoWatch *watch, Relation table,
								  HeapTuple version,
								  const FpgoSource *source);

/* An event told that this version of a row is not the newest any more. */
extern void fpgo_missed_see(const FpgoWatch *watch, Relation table,
							HeapTuple version);

/* An event told that the table was truncated, and its partitions with it. */
extern void fpgo_missed_see_truncate(Relation table);

/* Raises 27000: a row of this table was changed, and no event will tell. */
pg_noreturn extern void fpgo_missed_raise(Relation table);

#endif							/* FPGO_MISSED_H */
