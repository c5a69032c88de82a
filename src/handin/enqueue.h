/*
 * enqueue.h
 *		Orders put into the queue as part of the caller's transaction.
 */
#ifndef FPGO_ENQUEUE_H
#define FPGO_ENQUEUE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "handin/handin.h"

#include "records/submissions.h"

/*
 * Queue an order for the current user and return the number of its
 * submission.  server_name NULL: the one fpgo.server names.  If the same order
 * was handed in under the key before, that submission's number with
 * ignore_duplicate, else 23505; the same order again in the transaction that
 * queued it gives its number either way.  given->on_change says what another
 * order under the key means.  Raises whatever the COMMENT of
 * fpgo.enqueue_invoice lists.
 */
extern int64 fpgo_enqueue(const FpgoGiven *given, const char *server_name,
						  bool ignore_duplicate);

/* The order of a row, made for a trigger and not recorded yet. */
typedef struct FpgoRowOrder
{
	FpgoHandIn *handin;
	List	   *violations;		/* the rules that it breaks: FpgoViolation */
} FpgoRowOrder;

/*
 * Make the order of a row for the current user, under its own key.  An order
 * that breaks rules raises 23514 unless records_invalid.  Other errors are
 * those of fpgo_handin_make() and of fpgo_account_check().
 */
extern FpgoRowOrder fpgo_enqueue_prepare(const FpgoGiven *given,
										 const char *server_name,
										 bool records_invalid);

/*
 * Queue it, and return the number of its submission.  If the order was handed
 * in before, return that submission's number.  An order that breaks rules, or
 * that a person took back, or that was accepted already and is another now, is
 * recorded as refused.
 */
extern int64 fpgo_enqueue_prepared(const FpgoRowOrder *order);

/*
 * Record that no order could be made of a row, as a refused submission without
 * an order, unless the newest of its row says the same.  Of given the sources
 * are needed; source: NULL if the table has no primary key.
 */
extern int64 fpgo_enqueue_fault(const char *server_name,
								const FpgoGiven *given, const char *key,
								const char *sentence);

/*
 * A row is gone, or has no order any more, and why: its order is not wanted,
 * if a version of it is queued, sending or uncertain.  Of given the sources are
 * needed.  An order that has the former source moves to the other one, whatever
 * its state; without another one, it is that order which is not wanted.  No
 * right on the server is needed.
 */
extern void fpgo_enqueue_withdraw(const char *server_name,
								  const FpgoGiven *given, const char *why);

#endif							/* FPGO_ENQUEUE_H */
