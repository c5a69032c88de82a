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

char	   *fpgo_server_name;
int			fpgo_helper_wait;
int			fpgo_helper_idle;

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
	DefineCustomIntVariable("fpgo.helper_wait",
							"Sets how long fpgo.submit_invoice waits for a free worker slot.",
							NULL,
							&fpgo_helper_wait,
							10000, 0, INT_MAX,
							PGC_USERSET,
							GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("fpgo.helper_idle",
							"Sets how long a session's helper process waits for another order.",
							"It ends sooner if another session needs its slot.",
							&fpgo_helper_idle,
							5000, 0, INT_MAX,
							PGC_USERSET,
							GUC_UNIT_MS,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("fpgo");
}
