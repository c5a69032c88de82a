/*
 * fpgo.h
 *		The version, the SQLSTATEs of the gateway's outcomes, what messages
 *		hide.
 */
#ifndef FPGO_FPGO_H
#define FPGO_FPGO_H

#include "postgres.h"

/* of the library; default_version of fpgo.control is equal to it */
#define FPGO_VERSION "1.1"

/*
 * SQLSTATEs of the gateway's outcomes, all in class 38 (external routine
 * exception): no driver or pool takes that class for transient and retries by
 * itself.  38000 is not among them: PL/pgSQL takes a code that ends in 000 for
 * its whole class, and a handler of it would catch unknown outcomes too.
 */
#define ERRCODE_FPGO_UNKNOWN MAKE_SQLSTATE('3', '8', 'F', '0', '1')
#define ERRCODE_FPGO_UNREACHED MAKE_SQLSTATE('3', '8', 'F', '0', '2')
#define ERRCODE_FPGO_CREDENTIALS MAKE_SQLSTATE('3', '8', 'F', '0', '3')
#define ERRCODE_FPGO_SLOW_DOWN MAKE_SQLSTATE('3', '8', 'F', '0', '4')
#define ERRCODE_FPGO_REFUSED MAKE_SQLSTATE('3', '8', 'F', '0', '5')

/* search_path of fpgo's own statements: nobody else can make objects there */
#define FPGO_SAFE_PATH "pg_catalog, pg_temp"

/*
 * Belongs to every ereport about an order.  The server log then shows neither
 * the statement with the order in it nor the CONTEXT.  fpgo_call_hidden() does
 * that for errors that are not fpgo's own.
 */
#define fpgo_errhide() (errhidestmt(true), errhidecontext(true))

#endif							/* FPGO_FPGO_H */
