/*
 * in_the_way.h
 *		What is in the way of recording an order.
 */
#ifndef FPGO_IN_THE_WAY_H
#define FPGO_IN_THE_WAY_H

#include "postgres.h"

#include "ipc/message.h"
#include "records/versions.h"

/*
 * May the order not be sent now?  If so, the answer says why, and when to ask
 * again.
 */
extern bool fpgo_in_the_way_is_time(const FpgoTarget *target,
									FpgoAnswer *answer);

/*
 * Is an open transaction in the way, or another order of the reference that is
 * being recorded?  If so, the answer is that the session has to wait.  If not,
 * this transaction has the lock of the reference.
 */
extern bool fpgo_in_the_way_is_open(const FpgoHandIn *handin,
									FpgoAnswer *answer);

/*
 * Is a submission in the way that is on record?  If so, it is the answer.
 * Receives the versions of the order.  Raises 23505 if a person took the order
 * back for good.
 */
extern bool fpgo_in_the_way_is_on_record(const FpgoHandIn *handin,
										 FpgoAnswer *answer,
										 FpgoVersions **versions);

#endif							/* FPGO_IN_THE_WAY_H */
