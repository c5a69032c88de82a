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

#include "records/submissions.h"

/* Have the SQL objects the columns that versions need? */
extern bool fpgo_versions_are_known(void);

/* A version of an order, as it is on record. */
typedef struct FpgoVersion
{
	FpgoSubmission submission;
	int64		order;			/* number of the order's first version */
	int			number;			/* of the version; 0: of fpgo 1.0 */
	const char *key;
	const char *mapping;		/* NULL: not known, of fpgo 1.0 */
	bool		has_source;
	uint8		source[FPGO_HASH_BYTES];
	const char *source_table;	/* NULL without a source */
	bool		is_withdrawal;	/* the order is not wanted any more */
	bool		for_good;		/* cancelled for good */
	bool		was_sent;		/* a transmission was begun */
	const char *error;			/* NULL if there is none */
} FpgoVersion;

/* The order that a hand-in is a version of. */
typedef struct FpgoVersions
{
	int64		order;			/* number of its first version; 0: none is on
								 * record */
	const char *mapping;		/* that of its first version */
	int			next;			/* number of the next version */
	const FpgoVersion *newest;	/* this and the next two NULL if there is none */
	const FpgoVersion *accepted;	/* the newest of those accepted */
	const FpgoVersion *open;	/* the newest that is sending or uncertain */
	const FpgoVersion *taken_back;	/* for good */
	const FpgoVersion *obstacle;	/* another order holds the key; NULL: none */
	const FpgoVersion *same;	/* another mapping's order has the same hash and
								 * is not finished, or accepted; or NULL */
} FpgoVersions;

/*
 * Find the order that a hand-in is a version of: by its source, or else by its
 * key.  SPI must not be connected.  Raises 40001 if the transaction's snapshot
 * does not show all of it.
 */
extern FpgoVersions *fpgo_versions_find(const FpgoHandIn *handin);

/* The order that a submission is a version of; NULL if there is none. */
extern FpgoVersions *fpgo_versions_of(int64 submission);

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
