/*
 * settings.c
 *		The settings fpgo.*, as PostgreSQL keeps them.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/settings.h"

char	   *fpgo_server_name;
char	   *fpgo_databases;
bool		fpgo_accept_orders;
bool		fpgo_undelivered_notice;
int			fpgo_helper_wait;
int			fpgo_submit_wait;
int			fpgo_keyless_window;
int			fpgo_helper_idle;
int			fpgo_reconcile_interval;
int			fpgo_progress_interval;

/* fpgo.site; NULL where it is not defined */
static char *site = NULL;

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

const char *
fpgo_settings_site_file(void)
{
	const struct config_generic *setting = fpgo_find_setting("fpgo.site");
	size_t		len = strlen(DataDir);

	if (setting == NULL || setting->source != PGC_S_FILE ||
		setting->sourcefile == NULL ||
		strncmp(setting->sourcefile, DataDir, len) != 0 ||
		setting->sourcefile[len] != '/')
		return NULL;
	return setting->sourcefile;
}

const char *
fpgo_settings_site(void)
{
	return site == NULL || fpgo_settings_site_file() != NULL ? "" : site;
}

/* What only a preloaded library can have. */
static void
define_site(void)
{
	DefineCustomStringVariable("fpgo.site",
							   "Names the place that this server's orders are sent from.",
							   "A copy of the server with another name sends nothing by itself.",
							   &site,
							   "",
							   PGC_POSTMASTER,
							   GUC_DISALLOW_IN_AUTO_FILE,
							   NULL, NULL, NULL);
}

void
fpgo_settings_define(void)
{
	if (process_shared_preload_libraries_in_progress)
		define_site();
	DefineCustomBoolVariable("fpgo.accept_orders",
							 "Lets orders be handed in, and sent.",
							 "Turn it off on servers that are to keep no records.",
							 &fpgo_accept_orders,
							 true,
							 PGC_SIGHUP,
							 0,
							 NULL, NULL, NULL);
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
