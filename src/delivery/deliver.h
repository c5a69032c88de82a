/*
 * deliver.h
 *		Delivery: sends queued submissions.
 */
#ifndef FPGO_DELIVER_H
#define FPGO_DELIVER_H

#include "postgres.h"

#include "delivery/tally.h"
#include "delivery/transactions.h"

typedef struct FpgoDelivery FpgoDelivery;

/*
 * Begin a delivery of all submissions that are queued and due, or of one (0:
 * all).  Any number of processes may deliver at once.
 */
extern FpgoDelivery *fpgo_delivery_begin(const FpgoTransactions *transactions,
										 int64 only);
extern void fpgo_delivery_end(FpgoDelivery *delivery);

/*
 * Make submissions of dead runs uncertain, and let go old payloads and BankID
 * addresses.
 */
extern void fpgo_delivery_tidy(FpgoDelivery *delivery);

/* What the caller is to do after a step. */
typedef enum FpgoDeliveryState
{
	FPGO_DELIVERY_DONE,			/* nothing, until fpgo_delivery_look_again() */
	FPGO_DELIVERY_FAILED,		/* wait a moment, then the next step: it
								 * failed, or the allowance is used up */
	FPGO_DELIVERY_WAITS,		/* the same: an order that is held is tried soon */
	FPGO_DELIVERY_FLIES,		/* drive the requests: fpgo_http_step() */
	FPGO_DELIVERY_GOES_ON		/* the next step, at once */
} FpgoDeliveryState;

/*
 * Settle flights that have landed, claim and launch submissions that are due.
 * Does not wait for the network.  In a session, raises if outcomes cannot be
 * recorded for a while, or if nothing can be claimed for a while.
 */
extern FpgoDeliveryState fpgo_delivery_step(FpgoDelivery *delivery);

/*
 * fpgo_delivery_look_again: submissions may have become due.
 * fpgo_delivery_readmit_roles: roles that were shut out may use their servers
 * again.  That is to be called less often: it costs a look at all orders that
 * such a role has queued.
 */
extern void fpgo_delivery_look_again(FpgoDelivery *delivery);
extern void fpgo_delivery_readmit_roles(FpgoDelivery *delivery);

/* What the delivery has come to until now. */
extern const FpgoTally *fpgo_delivery_tally(const FpgoDelivery *delivery);

/*
 * For a session whose delivery is done: raise the error that ended it, if
 * there was one.
 */
extern void fpgo_delivery_raise(const FpgoDelivery *delivery);

#endif							/* FPGO_DELIVER_H */
