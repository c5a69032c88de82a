/*
 * trouble.h
 *		Tells what somebody should look at: in the log, and by NOTIFY.
 *
 * Part of the records (see submissions.h).
 */
#ifndef FPGO_TROUBLE_H
#define FPGO_TROUBLE_H

#include "postgres.h"

typedef enum FpgoTroubleKind
{
	FPGO_TROUBLE_UNCERTAIN,		/* a submission became uncertain */
	FPGO_TROUBLE_REFUSED,		/* an order was refused at hand-in */
	FPGO_TROUBLE_HELD			/* orders are held; of no submission */
} FpgoTroubleKind;

/*
 * Tell of it if the transaction, and the subtransaction that is open now, are
 * committed.  Of several troubles of one kind and account in one transaction the
 * first is told, and how many there were.  submission: 0 for none.  The reason
 * must not have personal data in it.
 */
extern void fpgo_trouble_note(FpgoTroubleKind kind, int64 submission,
							  const char *account, const char *reason);

#endif							/* FPGO_TROUBLE_H */
