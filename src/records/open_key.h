/*
 * open_key.h
 *		Which transaction, still open, hands in under a key.
 */
#ifndef FPGO_OPEN_KEY_H
#define FPGO_OPEN_KEY_H

#include "postgres.h"

#include "records/submissions.h"

/*
 * A transaction of another process that is in progress and has inserted a
 * submission under this order's key: of the same user mapping or role, or of
 * the same order.  InvalidTransactionId if there is none.  Waits for no
 * transaction.
 */
extern TransactionId fpgo_open_key_find(const FpgoHandIn *handin);

#endif							/* FPGO_OPEN_KEY_H */
