/*
 * settings.c
 *		The settings fpgo.*, as PostgreSQL keeps them.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/settings.h"

char	   *fpgo_server_name;
char	   *fpgo_databases;
bool		fpgo_undelivered_notice;
int			fpgo_helper_wait;
int			fpgo_submit_wait;
int			fpgo_keyless_window;
int			fpgo_helper_idle;
int			fpgo_reconcile_interval;
int			fpgo_progress_interval;

/* A list of database names, as identifiers are written. */
static bool
check_databases(char **value, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*value);
	List	   *names;

	if (SplitIdentifierString(copy, ',', &names))
	{
		list_free(names);
		pfree(copy);
		return true;
	}
	GUC_check_errdetail("List syntax is invalid.");
	return false;
}

void
fpgo_settings_define(void)
{
	DefineCustomStringVariable("fpgo.databases",
							   "Lists the databases in which a resident worker delivers orders by itself.",
							   "Needs fpgo in shared_preload_libraries.",
							   &fpgo_databases,
							   "",
							   PGC_SIGHUP,
							   GUC_LIST_INPUT,
							   check_databases, NULL, NULL);
	DefineCustomBoolVariable("fpgo.undelivered_notice",
							 "Says once a session that nothing delivers the orders it queues.",
							 NULL,
							 &fpgo_undelivered_notice,
							 true,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
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
	DefineCustomIntVariable("fpgo.submit_wait",
							"Sets how long fpgo.submit_invoice waits for its turn while its order may not be sent.",
							"Zero: not at all; the order is turned away at once.",
							&fpgo_submit_wait,
							5000, 0, INT_MAX,
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
	DefineCustomIntVariable("fpgo.keyless_window",
							"Sets how long an accepted order without key and referenceNo, handed in again, is the same call.",
							"Zero: never; the order is refused then.",
							&fpgo_keyless_window,
							24 * 60 * 60 * 1000, 0, INT_MAX,
							PGC_USERSET,
							GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("fpgo.progress_interval",
							"Sets how often CALL fpgo.deliver() says how far it is.",
							"Zero: never.",
							&fpgo_progress_interval,
							5000, 0, INT_MAX,
							PGC_USERSET,
							GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("fpgo.reconcile_interval",
							"Sets how often a resident worker looks for uncertain submissions at the gateway.",
							"Zero: never by itself; fpgo.reconcile() does it on demand.",
							&fpgo_reconcile_interval,
							600000, 0, INT_MAX,
							PGC_SIGHUP,
							GUC_UNIT_MS,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("fpgo");
}
