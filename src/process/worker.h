/*
 * worker.h
 *		What the background processes of fpgo have in common.
 */
#ifndef FPGO_WORKER_H
#define FPGO_WORKER_H

#include "postgres.h"

#include "base/clock.h"

#include "delivery/transactions.h"

/* Must be called first. */
extern void fpgo_worker_set_up_signals(void);

/*
 * Must be called once connected.  Settings of the database or of a role have
 * no effect after that.  pg_stat_activity shows name as application_name.
 */
extern void fpgo_worker_set_up_settings(const char *lock_timeout,
										const char *name);

/*
 * The owner of the database may end this process from now on, by DROP DATABASE
 * ... WITH (FORCE).  Must be called in a transaction.
 */
extern void fpgo_worker_obey_owner(void);

/* What a process of fpgo does between two steps of its transfers. */
extern void fpgo_worker_attend(void);

/*
 * Begin and commit a transaction with a snapshot.  The commit survives a
 * crash.  SIGTERM ends its wait for synchronous standbys.
 */
extern void fpgo_worker_begin_transaction(void);

/* The same, but a crash may take the commit back. */
extern void fpgo_worker_begin_lax_transaction(void);
extern void fpgo_worker_commit_transaction(void);

/* The same, for those who run transactions of a process that sends. */
extern const FpgoTransactions fpgo_worker_transactions;

/*
 * From now on the commits of this process survive a crash only once
 * fpgo_worker_flush() has returned: nothing may be sent or told before.  SIGTERM
 * ends its wait for synchronous standbys.
 */
extern void fpgo_worker_put_off_flushes(void);
extern void fpgo_worker_flush(void);

/* When this process must end, whatever is under way; 0: it goes on. */
extern FpgoMoment fpgo_worker_deadline(void);

#endif							/* FPGO_WORKER_H */
