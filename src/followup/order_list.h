/*
 * order_list.h
 *		The orders that the gateway has, as it shows them.
 */
#ifndef FPGO_ORDER_LIST_H
#define FPGO_ORDER_LIST_H

#include "followup/inquiry.h"
#include "followup/sightings.h"

/* One order, looked at. */
typedef struct FpgoLook
{
	const FpgoInquiry *inquiry;
	JsonbContainer *details;	/* NULL: none, or about another order */
	const FpgoLikeness *likeness;	/* of it */
} FpgoLook;

extern FpgoLook fpgo_listing_look_at(const FpgoGateway *gateway,
									 const char *order_uuid);

/* That the gateway could not be asked, and why, in sentences without secrets. */
extern const char *fpgo_listing_failure(const FpgoInquiry *inquiry);

/* All of them. */
typedef struct FpgoListing
{
	FpgoSighting *sightings;
	int			n;
	TimestampTz came_at;
	const char *fault;			/* why it is none, or not whole; NULL: it is */
	const char *trouble;		/* why some of them could not be looked at; NULL:
								 * they could */
} FpgoListing;

/*
 * Fetch the list, and look at the orders in it that no submission has and
 * nobody looked at yet: at as many as one go allows.  SPI must not be
 * connected.  Allocated in the current memory context.
 */
extern FpgoListing *fpgo_listing_fetch(const FpgoGateway *gateway);

#endif							/* FPGO_ORDER_LIST_H */
