/*
 * enqueue.h
 *		Orders put into the queue as part of the caller's transaction.
 */
#ifndef FPGO_ENQUEUE_H
#define FPGO_ENQUEUE_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Queue an order for the current user and return the number of its
 * submission.  server_name NULL: the one fpgo.server names; key NULL: see
 * fpgo_handin_make().  If the same order was handed in under the key before,
 * that submission's number with ignore_duplicate, else 23505; the same order
 * again in the transaction that queued it gives its number either way.
 * Raises whatever the COMMENT of fpgo.enqueue_invoice lists.
 */
extern int64 fpgo_enqueue(Jsonb *order, const char *server_name,
						  const char *key, bool ignore_duplicate);

/*
 * For a trigger: queue the order of a row for the current user under its own
 * key, and return the number of its submission.  If the order was handed in
 * before, return that submission's number.  An order that a person took back
 * is recorded as refused, see fpgo_again_refuse().  With records_invalid an
 * order that breaks rules is recorded as refused too, with the rules as its
 * error.  What is no JSON object raises 22023.
 */
extern int64 fpgo_enqueue_row(Jsonb *order, const char *server_name,
							  bool records_invalid);

#endif							/* FPGO_ENQUEUE_H */
