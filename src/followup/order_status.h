/*
 * order_status.h
 *		What the gateway says of accepted orders when it is asked, on record.
 *
 * Kept for orders that a submission has, and for no others.  Keeping runs
 * inside the caller's transaction, with SPI connected; it does nothing where
 * that is read-only.
 */
#ifndef FPGO_ORDER_STATUS_H
#define FPGO_ORDER_STATUS_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef struct FpgoOrderStatus
{
	const char *order_uuid;
	const char *status;			/* in the gateway's words; NULL if not said */
	const char *order_amount;	/* what numeric reads; NULL if not said */
	const char *refunded_amount;	/* what numeric reads; NULL if not said */
} FpgoOrderStatus;

/*
 * What an answer, or an element of a list, says of an order; false if it does
 * not say of which.
 */
extern bool fpgo_order_status_read(JsonbContainer *object,
								   FpgoOrderStatus *order_status);

/*
 * Keep the statuses of n orders, and what changed in the history.  That one was
 * not said is no news.
 */
extern void fpgo_order_status_keep(const char *server,
								   const FpgoOrderStatus *order_status, int n);

/* Keep an order's invoice number. */
extern void fpgo_order_status_keep_invoice_number(const char *server,
												  const char *order_uuid,
												  const char *invoice_number);

#endif							/* FPGO_ORDER_STATUS_H */
