/*
 * fpgo.c
 *		Module entry: magic, settings.
 *
 * Loading does nothing else.  In particular libcurl is started at the first
 * request and not here: a preloaded library is loaded in the postmaster,
 * before it forks.
 */
#include "fpgo.h"

#include "utils/guc.h"

#include "compat.h"

PG_MODULE_MAGIC;

/* fpgo.server */
char	   *fpgo_server_name;

void		_PG_init(void);

void
_PG_init(void)
{
	DefineCustomStringVariable("fpgo.server",
							   "Sets the foreign server that orders go to when a call names none.",
							   NULL,
							   &fpgo_server_name,
							   "frontpayment",
							   PGC_USERSET,
							   0,
							   NULL, NULL, NULL);
	MarkGUCPrefixReserved("fpgo");
}
