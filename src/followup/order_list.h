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

extern FpgoLook fpgo_order_list_look_at(const FpgoAccount *account,
										const char *order_uuid);

/*
 * That the gateway could not be asked, and why, in sentences without secrets.
 */
extern const char *fpgo_order_list_failure(const FpgoInquiry *inquiry);

/* All of them. */
typedef struct FpgoOrderList
{
	FpgoSighting *sightings;
	int			n;
	TimestampTz came_at;
	const char *fault;			/* why it is none, or not whole; NULL: it is */
	const char *trouble;		/* why some of them could not be looked at; NULL:
								 * they could */
} FpgoOrderList;

/*
 * Fetch the list, and look at the orders in it that no submission has and
 * nobody looked at yet: at as many as one go allows.  SPI must not be
 * connected.  Allocated in the current memory context.
 */
extern FpgoOrderList *fpgo_order_list_fetch(const FpgoAccount *account);

#endif							/* FPGO_ORDER_LIST_H */
