/*
 * extension_version.h
 *		Which fpgo this is: the library's version, and that of its SQL objects.
 *
 * A new package brings a new library.  The SQL objects of a database stay as
 * they are until somebody runs ALTER EXTENSION fpgo UPDATE there, and a
 * process keeps the library that it loaded.  Therefore either of the two can
 * be newer than the other.  Orders may then be queued, and nothing is sent:
 *
 *		enqueue_invoice and the trigger do not check versions.
 *		submit_invoice, deliver and reconcile raise 55000.
 *		The processes that send claim nothing, log why and look again.
 *
 * Orders that were sent before are settled whatever the versions are.
 */
#ifndef FPGO_EXTENSION_VERSION_H
#define FPGO_EXTENSION_VERSION_H

#include "postgres.h"

/*
 * Are the SQL objects of this database of the library's version, as committed
 * by now?  False as well if the extension is not installed.  Needs a
 * transaction.
 */
extern bool fpgo_extension_is_current(void);

/* Raises 55000 unless they are, with a HINT that says how to mend that. */
extern void fpgo_extension_require_current(void);

#endif							/* FPGO_EXTENSION_VERSION_H */
