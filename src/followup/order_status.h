/*
 * order_status.h
 *		Records what the gateway says of accepted orders when it is asked.
 *
 * Only orders that a submission has are recorded.  Recording runs inside the
 * caller's transaction, with SPI connected; it does nothing in a read-only
 * transaction.
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
 * Read what an answer, or an element of a list, says of an order; false if it
 * does not name the order.
 */
extern bool fpgo_order_status_read(JsonbContainer *object,
								   FpgoOrderStatus *order_status);

/*
 * Record the statuses of n orders, with changes in the history.  A status that
 * was not said is no change.
 */
extern void fpgo_order_status_keep(const char *server,
								   const FpgoOrderStatus *order_status, int n);

/* Record an order's invoice number. */
extern void fpgo_order_status_keep_invoice_number(const char *server,
												  const char *order_uuid,
												  const char *invoice_number);

#endif							/* FPGO_ORDER_STATUS_H */
