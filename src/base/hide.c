/*
 * hide.c
 *		Errors logged without the statement they were raised in.
 *
 * An order may stand in the statement that hands it in, which PostgreSQL logs
 * beside an error.
 */
#include "postgres.h"

#include "base/fpgo.h"
#include "base/hide.h"

void
fpgo_hide_statement(void *arg)
{
	fpgo_errhide();
}
