/*
 * same_order.h
 *		Is an order that is handed in the one on record under its key?
 */
#ifndef FPGO_SAME_ORDER_H
#define FPGO_SAME_ORDER_H

#include "postgres.h"

#include "records/submissions.h"

/*
 * Is it the same order as that of the submission, which
 * fpgo_submission_find_key() has found for it?  SPI must not be connected.
 */
extern bool fpgo_is_same_order(const FpgoHandIn *handin,
							   const FpgoSubmission *holder);

/*
 * Is it the same order by value as the payload of the submission?  No, if that
 * one's payload is not kept any more.  SPI must not be connected.
 */
extern bool fpgo_is_same_payload(const FpgoHandIn *handin,
								 const FpgoSubmission *holder);

#endif							/* FPGO_SAME_ORDER_H */
