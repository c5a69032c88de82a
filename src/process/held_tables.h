/*
 * held_tables.h
 *		Locks on the written tables that a process holds across transactions.
 */
#ifndef FPGO_HELD_TABLES_H
#define FPGO_HELD_TABLES_H

#include "postgres.h"

/*
 * Hold the tables until fpgo_held_tables_release() is called as often.  Must be
 * called in a transaction.  With may_wait false, raises 55P03 if the tables are
 * locked, and returns false, with nothing more held, if another process waits
 * for those that are held already.
 */
extern bool fpgo_held_tables_take(bool may_wait);
extern void fpgo_held_tables_release(void);

/* A transaction was rolled back, and the locks went with it. */
extern void fpgo_held_tables_forget(void);

#endif							/* FPGO_HELD_TABLES_H */
