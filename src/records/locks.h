/*
 * locks.h
 *		Locks: of runs, of references, of holds, of the gateway's orders, of
 *		reconciliation, of worker slots, and who waits for a table.
 */
#ifndef FPGO_LOCKS_H
#define FPGO_LOCKS_H

#include "postgres.h"

/*
 * Begin a run.  Returns a new number.  This process holds the lock of that
 * number until fpgo_run_end() or until the process ends, whatever becomes of
 * its transactions.
 */
extern int64 fpgo_run_begin(void);
extern void fpgo_run_end(int64 run);

/*
 * Is the process of this run gone?  Tries to take the run's lock, without
 * waiting.  Must be called in a transaction, whose end releases the lock.
 */
extern bool fpgo_run_is_dead(int64 run);

/*
 * Take the lock of a reference, till the end of the transaction; false if
 * another process has it.  Its holder sees what earlier holders committed.  Of
 * one reference, therefore, no two submissions are on their way at once.
 * fpgo_lock_await_reference() waits until nobody has it, and does not take it.
 */
extern bool fpgo_lock_try_reference(const char *server, const char *reference);
extern void fpgo_lock_await_reference(const char *server,
									  const char *reference);

/*
 * Take the lock under which an account's holds are written, till the end of the
 * transaction; the first function returns false if another process has it.
 */
extern bool fpgo_lock_try_holds(const char *account);
extern void fpgo_lock_holds(const char *account);

/*
 * The lock of one of the gateway's orders: its number, and taking it, till the
 * end of the transaction.  Several orders may have one lock.  A transaction
 * takes them by rising number, when it commits (early.c).
 */
extern int	fpgo_lock_number_of_order(const char *server,
									  const char *order_uuid);
extern void fpgo_lock_order(int number);

/*
 * Take the lock of the one process in a database that looks for uncertain
 * orders, till the end of the transaction; false if another process has it.
 */
extern bool fpgo_lock_try_reconcile(void);

/*
 * The wish for a worker slot (start_helper.c): one of the sessions that wait
 * for a slot holds it, and idle helpers ask whether it is held.  No process
 * waits for it.
 */
extern bool fpgo_lock_wish_slot(void);
extern void fpgo_lock_unwish_slot(void);
extern bool fpgo_lock_slot_is_wished(void);

/*
 * Does any process wait for a lock on one of these tables that ROW EXCLUSIVE
 * blocks: to alter, truncate or drop it, or to make an index or a trigger?
 */
extern bool fpgo_lock_is_wanted(const Oid *tables, int n_tables);

#endif							/* FPGO_LOCKS_H */
