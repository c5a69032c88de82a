/*
 * locks.h
 *		Runs: whether the process that sends a submission still lives.
 */
#ifndef FPGO_LOCKS_H
#define FPGO_LOCKS_H

#include "postgres.h"

/*
 * Begin a run: a fresh number, locked by this process until it ends, whatever
 * becomes of its transactions, or until fpgo_run_end().
 */
extern int64 fpgo_run_begin(void);
extern void fpgo_run_end(int64 run);

/*
 * Is the process of this run gone?  Asks for its lock without waiting.  To be
 * called in a transaction, whose end gives the lock back.
 */
extern bool fpgo_run_is_dead(int64 run);

/*
 * The lock of a reference, till the end of the transaction: a recorder waits
 * for it, a claimer does not.  Who has it and then looks sees what those before
 * committed, so of one reference no two submissions are on their way at once.
 */
extern void fpgo_run_lock_reference(const char *server, const char *reference);
extern bool fpgo_run_try_reference(const char *server, const char *reference);

/*
 * The lock of who looks for uncertain orders, one at a time in a database, till
 * the end of the transaction; false if somebody else has it.
 */
extern bool fpgo_run_try_reconcile(void);

/*
 * The wish for a worker slot (see worker.c): held alone by a session that
 * waits for one, asked for by idle helpers.  Never waited for.
 */
extern bool fpgo_run_wish_slot(void);
extern void fpgo_run_unwish_slot(void);
extern bool fpgo_run_slot_is_wished(void);

#endif							/* FPGO_LOCKS_H */
