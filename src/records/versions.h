/*
 * versions.h
 *		The versions of an order that are on record.
 *
 * Part of the records (see submissions.h).  Where the SQL objects are those of
 * 1.0, there are no versions, and these functions must not be called.
 */
#ifndef FPGO_VERSIONS_H
#define FPGO_VERSIONS_H

#include "postgres.h"

#include "records/order_versions.h"

/* Have the SQL objects the columns that versions need? */
extern bool fpgo_versions_are_known(void);

/*
 * Find the order that a hand-in is a version of: by its source, or else by its
 * key.  SPI must not be connected.  Raises 40001 if the transaction's snapshot
 * does not show all of it.
 */
extern FpgoVersions *fpgo_versions_find(const FpgoHandIn *handin);

/* The order that a submission is a version of; NULL if there is none. */
extern FpgoVersions *fpgo_versions_of(int64 submission);

/*
 * Read the versions of these orders, as they are now, those with lower numbers
 * first.  SPI must be connected.
 */
extern List *fpgo_versions_read(const int64 *orders, int n,
								MemoryContext context);

/* What those of them that belong to one order are. */
extern void fpgo_versions_note(FpgoVersions *versions, const List *all,
							   int64 order);

/* Does a version keep its key from other orders? */
extern bool fpgo_version_holds_key(const FpgoVersion *version);

/*
 * The version that decides what the order's state is: the accepted one, else
 * the one that is sending or uncertain, else the newest; NULL if there is none.
 */
extern const FpgoVersion *fpgo_versions_deciding(const FpgoVersions *versions);

/*
 * The newest versions (FpgoVersion) of orders of rows that were refused at
 * hand-in before a time, and of which none was accepted.  SPI must not be
 * connected.
 */
extern List *fpgo_versions_refused_at_hand_in(TimestampTz before);

/*
 * The version that decides about the order that holds a key: about one that the
 * current user may see the answer of, if there is one.  NULL if none holds it.
 */
extern const FpgoVersion *fpgo_versions_of_key(const char *account,
											   const char *key);

/*
 * A version was accepted: if the order was withdrawn meanwhile, an event says
 * so.  order: the number of its first version.  SPI may be connected.
 */
extern void fpgo_versions_note_accepted(int64 submission, int64 order);

#endif							/* FPGO_VERSIONS_H */
