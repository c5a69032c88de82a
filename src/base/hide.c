/*
 * hide.c
 *		Keeps statements out of the server log.
 *
 * PostgreSQL logs the statement of an error.  A statement that hands an order
 * in may have the order in it.
 */
#include "postgres.h"

#include "base/fpgo.h"
#include "base/hide.h"

void
fpgo_hide_statement(void *arg)
{
	fpgo_errhide();
}
