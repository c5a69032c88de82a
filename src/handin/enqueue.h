/*
 * enqueue.h
 *		Orders put into the queue as part of the caller's transaction.
 */
#ifndef FPGO_ENQUEUE_H
#define FPGO_ENQUEUE_H

#include "postgres.h"

#include "handin/handin.h"

/*
 * Queue an order for the current user and return the number of its
 * submission.  server_name NULL: the one fpgo.server names.  If the same order was handed in under the key before,
 * that submission's number with ignore_duplicate, else 23505; the same order
 * again in the transaction that queued it gives its number either way.
 * Raises whatever the COMMENT of fpgo.enqueue_invoice lists.
 */
extern int64 fpgo_enqueue(const FpgoGiven *given, const char *server_name,
						  bool ignore_duplicate);

/*
 * Queue an order for the current user under its own key, and return the number
 * of its submission.  If the order was handed in before, return that
 * submission's number.  An order that breaks rules is recorded as refused,
 * with the rules as its error.  What is no JSON object raises 22023.
 */
extern int64 fpgo_enqueue_or_record(const FpgoGiven *given,
									const char *server_name);

#endif							/* FPGO_ENQUEUE_H */
