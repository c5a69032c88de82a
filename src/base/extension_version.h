/*
 * extension_version.h
 *		Which fpgo this is: the library's version, and that of its SQL objects.
 *
 * A new package brings a new library.  The SQL objects of a database stay as
 * they are until somebody runs ALTER EXTENSION fpgo UPDATE there, and a process
 * keeps the library that it loaded.  So the two can be of different versions,
 * either way round.  Then orders may be queued, and nothing is sent:
 *
 *		enqueue_invoice and the trigger ask nothing here, and pay nothing.
 *		submit_invoice, deliver and reconcile are an error, 55000.
 *		The processes that send claim nothing, say why and look again.
 *
 * What was sent before is recorded and settled whatever the versions are.
 */
#ifndef FPGO_EXTENSION_VERSION_H
#define FPGO_EXTENSION_VERSION_H

#include "postgres.h"

/*
 * Are the SQL objects of this database of the library's version?  One scan of
 * a catalog, as committed by now; needs a transaction.  False as well where
 * the extension is not installed.
 */
extern bool fpgo_extension_is_current(void);

/* Raises 55000 unless they are, with a HINT that says what mends it. */
extern void fpgo_extension_require_current(void);

#endif							/* FPGO_EXTENSION_VERSION_H */
