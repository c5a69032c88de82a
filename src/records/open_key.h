/*
 * open_key.h
 *		Which transaction, still open, has a row of a key.
 */
#ifndef FPGO_OPEN_KEY_H
#define FPGO_OPEN_KEY_H

#include "postgres.h"

#include "records/submissions.h"

/*
 * The transaction of another process that is in progress and inserted, changed
 * or deleted a submission that holds this order's key;
 * InvalidTransactionId if there is none.  Waits for no transaction.
 */
extern TransactionId fpgo_open_key_find(const FpgoHandIn *handin);

#endif							/* FPGO_OPEN_KEY_H */
