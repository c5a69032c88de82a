/*
 * traces.h
 *		What stays of orders that were purged.
 *
 * Part of the records (see submissions.h).  A trace stands for all versions of
 * its order.  Where a hand-in looks for versions, it is found as one of them.
 * These functions cost next to nothing in a database that never purged.
 */
#ifndef FPGO_TRACES_H
#define FPGO_TRACES_H

#include "postgres.h"

#include "records/order_versions.h"

/*
 * The traces of the key and the sources of a hand-in, as versions
 * (FpgoVersion).  SPI must be connected.
 */
extern List *fpgo_traces_find(const FpgoHandIn *handin, MemoryContext context);

/* The same of a key alone. */
extern List *fpgo_traces_find_key(const char *account, const char *key);

/*
 * Make a submission of a trace again, under its number, so that a further
 * version can belong to it.  The trace stays.  False if somebody else has done
 * that.  SPI must be connected.
 */
extern bool fpgo_trace_revive(const FpgoVersion *trace);

/* The trace that has this number; NULL if none has. */
extern const FpgoVersion *fpgo_trace_find(int64 submission);

/*
 * The trace that has an order of the gateway's; NULL if none has.  Raises 55P03
 * instead of waiting for the lock of the table, unless it may wait.
 */
extern const FpgoVersion *fpgo_trace_find_order(const char *account,
												const char *order_uuid,
												bool may_wait);

/* A person may have an order that was taken back again: free its key. */
extern void fpgo_trace_free(int64 submission, const char *reason);

/*
 * The key of a trace that begins so, as fpgo_submission_find_former_key() has
 * it.
 */
extern const char *fpgo_trace_find_former_key(const FpgoHandIn *handin,
											  const char *beginning);

/*
 * The trace of an order of a row that fpgo 1.0 recorded without the row, by its
 * hash; 0 if there is none.
 */
extern int64 fpgo_trace_find_unsourced(const FpgoHandIn *handin,
									   const uint8 hash[FPGO_HASH_BYTES]);

/* Make such a trace that of the row; false if it is another row's. */
extern bool fpgo_trace_take(int64 submission, const FpgoSource *source);

/* What stands in a trace's place of a key that is not known. */
extern const char *fpgo_trace_unknown_key(int64 submission);

/* So many bytes of the key of a version are digested for its trace. */
extern int	fpgo_trace_key_len(const FpgoVersion *version);

#endif							/* FPGO_TRACES_H */
