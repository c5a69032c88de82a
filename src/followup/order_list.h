/*
 * order_list.h
 *		The gateway's list of orders, and the details of new ones.
 */
#ifndef FPGO_ORDER_LIST_H
#define FPGO_ORDER_LIST_H

#include "followup/inquiry.h"
#include "followup/sightings.h"

/* The details of one order. */
typedef struct FpgoLook
{
	const FpgoInquiry *inquiry;
	JsonbContainer *details;	/* NULL: none, or about another order */
	const FpgoLikeness *likeness;	/* of the details */
} FpgoLook;

extern FpgoLook fpgo_order_list_look_at(const FpgoAccount *account,
										const char *order_uuid);

/*
 * Says that the gateway could not be asked, and why, without secrets.
 */
extern const char *fpgo_order_list_failure(const FpgoInquiry *inquiry);

/* The list. */
typedef struct FpgoOrderList
{
	FpgoSighting *sightings;
	int			n;
	TimestampTz came_at;
	const char *fault;			/* why it is missing or incomplete, or NULL */
	const char *trouble;		/* why some details could not be fetched, or
								 * NULL */
} FpgoOrderList;

/*
 * Fetch the list, and the details of orders in it that no submission has and
 * that are not known yet, of at most max_looks orders.  SPI must not be connected.  The
 * result is allocated in the current memory context.
 */
extern FpgoOrderList *fpgo_order_list_fetch(const FpgoAccount *account,
											int max_looks);

#endif							/* FPGO_ORDER_LIST_H */
