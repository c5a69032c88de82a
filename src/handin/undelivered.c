/*
 * undelivered.c
 *		Says that nothing delivers the orders that a session queues.
 *
 * The role that hands in needs no right to deliver.  Whoever is told to call
 * fpgo.deliver or fpgo.resume is told as well which right that takes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/regproc.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "handin/undelivered.h"
#include "ipc/roster.h"

/* What has to be granted to this role first, or "". */
static const char *
missing_grant(const char *kind, const char *name, const char *signature)
{
	Oid			routine = DatumGetObjectId(DirectFunctionCall1(regprocedurein,
															   CStringGetDatum(signature)));

	if (fpgo_function_aclcheck(routine, GetUserId(),
							   ACL_EXECUTE) == ACLCHECK_OK)
		return "";
	return psprintf("GRANT EXECUTE ON %s fpgo.%s TO %s;", kind, name,
					quote_identifier(GetUserNameFromId(GetUserId(), false)));
}

void
fpgo_undelivered_notice_once(void)
{
	static bool is_said = false;
	FpgoWorkerState state;
	const char *grant;

	if (is_said || !fpgo_undelivered_notice)
		return;
	state = fpgo_roster_status(MyDatabaseId).state;
	if (state == FPGO_WORKER_RUNNING || state == FPGO_WORKER_STARTING)
		return;
	is_said = true;
	if (state == FPGO_WORKER_PAUSED)
	{
		grant = missing_grant("FUNCTION", "resume",
							  "fpgo.resume(pg_catalog.text)");
		ereport(NOTICE,
				(errmsg("orders of this database are not delivered while its worker is paused"),
				 errhint("%s%sSELECT fpgo.resume();", grant, grant[0] ? "  " : ""),
				 fpgo_errhide()));
		return;
	}
	grant = missing_grant("PROCEDURE", "deliver",
						  "fpgo.deliver(pg_catalog.int8)");
	if (state != FPGO_WORKER_NONE)
		ereport(NOTICE,
				(errmsg("no worker delivers the orders of this database"),
				 errdetail("fpgo.databases asks for one, and it cannot start."),
				 errhint("SELECT * FROM fpgo.doctor() says why.  CALL fpgo.deliver() sends the orders.%s%s",
						 grant[0] ? "  For that: " : "", grant),
				 fpgo_errhide()));
	else
		ereport(NOTICE,
				(errmsg("no worker delivers the orders of this database"),
				 errdetail("The orders stay queued until CALL fpgo.deliver() sends them."),
				 errhint("Put fpgo into shared_preload_libraries and this database into fpgo.databases, or turn this notice off: SET fpgo.undelivered_notice = off;%s%s",
						 grant[0] ? "  To call fpgo.deliver(): " : "", grant),
				 fpgo_errhide()));
}
