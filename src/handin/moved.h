/*
 * moved.h
 *		Rows that move to another partition.
 */
#ifndef FPGO_MOVED_H
#define FPGO_MOVED_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/relcache.h"

#include "records/submissions.h"

/*
 * An event told a trigger that this row was deleted, since it moved to another
 * partition.  source: its own, or that of before; the trigger is one in all
 * partitions.  is_own: it got that source in this transaction.
 */
extern void fpgo_moved_away(uint32 trigger, Relation table, HeapTuple row,
							const FpgoSource *source, bool is_own);

/*
 * Called at each event of a trigger.  If an event before told of a row that
 * moved away, returns its source; is_here receives whether this row is that
 * one, which was inserted here.  If it is not, nothing was inserted.  NULL:
 * there was no such event.  is_own receives what was given.  inserted: NULL if
 * the event is no INSERT.
 */
extern const FpgoSource *fpgo_moved_take(uint32 trigger, Relation table,
										 HeapTuple inserted, bool *is_here,
										 bool *is_own);

/* A row has another source than it had, and no order of it was handed in. */
extern void fpgo_moved_note(const FpgoSource *former,
							const FpgoSource *source);

/* The source that a row had before, if that was noted; else its own. */
extern const FpgoSource *fpgo_moved_origin(const FpgoSource *source);

#endif							/* FPGO_MOVED_H */
