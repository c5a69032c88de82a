/*
 * order_versions.h
 *		A version of an order, and the order that it belongs to.
 *
 * Part of the records (see submissions.h).
 */
#ifndef FPGO_ORDER_VERSIONS_H
#define FPGO_ORDER_VERSIONS_H

#include "postgres.h"

#include "records/submissions.h"

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
	int64		origin;			/* where it was handed in; 0: not known */
	const char *error;			/* NULL if there is none */
	bool		is_trace;		/* its record was purged; see traces.h */
	bool		is_taken_back;	/* known of a trace alone */
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
	const FpgoVersion *elsewhere;	/* the newest that another database has
									 * queued, and may have sent */
	const FpgoVersion *taken_back;	/* for good */
	const FpgoVersion *obstacle;	/* another order holds the key; NULL: none */
	const FpgoVersion *same;	/* another mapping's order has the same hash and
								 * is not finished, or accepted; or NULL */
} FpgoVersions;

#endif							/* FPGO_ORDER_VERSIONS_H */
