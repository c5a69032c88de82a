/*
 * deliver.h
 *		Delivery: sends what is queued.
 */
#ifndef FPGO_DELIVER_H
#define FPGO_DELIVER_H

#include "postgres.h"

/* How a process runs the short transactions between which requests fly. */
typedef struct FpgoTransactions
{
	void		(*begin) (void);
	void		(*commit) (void);
	bool		(*should_stop) (void);	/* claim no more, drain, come back */
	bool		is_resident;	/* goes on whatever fails; a server that fails
								 * is tried again after a while */
} FpgoTransactions;

typedef struct FpgoDelivery FpgoDelivery;

/*
 * A delivery of everything that is queued and due, or of one submission (0:
 * any).  Any number of processes may deliver at once.
 */
extern FpgoDelivery *fpgo_delivery_begin(const FpgoTransactions *transactions,
										 int64 only);
extern void fpgo_delivery_end(FpgoDelivery *delivery);

/* Make uncertain what dead runs left, delete what is kept no longer. */
extern void fpgo_delivery_tidy(FpgoDelivery *delivery);

/* What there is to do after a step. */
typedef enum FpgoDeliveryState
{
	FPGO_DELIVERY_DONE,			/* nothing, until it looks again */
	FPGO_DELIVERY_FAILED,		/* try again what failed, in a moment */
	FPGO_DELIVERY_FLIES,		/* drive what is in flight: fpgo_http_step() */
	FPGO_DELIVERY_GOES_ON		/* the next step, at once */
} FpgoDeliveryState;

/*
 * Record what has landed, claim and launch what is due; does not wait for the
 * network.  For a session it raises if outcomes cannot be recorded or nothing
 * can be claimed for a while.
 */
extern FpgoDeliveryState fpgo_delivery_step(FpgoDelivery *delivery);

/*
 * Something may have become due.  Whether a role that was shut out may use a
 * server again is another question, for once a while: it costs a look at all
 * the orders that the role has queued.
 */
extern void fpgo_delivery_look_again(FpgoDelivery *delivery);
extern void fpgo_delivery_readmit_roles(FpgoDelivery *delivery);

/*
 * Raise why it could not go on, if it could not: for a session, once it is
 * done.
 */
extern void fpgo_delivery_raise(const FpgoDelivery *delivery);

#endif							/* FPGO_DELIVER_H */
