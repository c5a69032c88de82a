/*
 * drop_guard.c
 *		DROP EXTENSION refuses while submissions are unfinished.
 *
 * Submissions that are queued, sending or uncertain exist nowhere but in
 * fpgo's tables.  The event trigger runs before the command: when the command
 * ends, the tables, the trigger and this function's row in pg_proc are gone.
 *
 * Three commands drop the extension: DROP EXTENSION, DROP SCHEMA of the schema
 * it is installed in, and DROP OWNED BY the owner of either.  DROP DATABASE is
 * not refused: nobody does that by a stray CASCADE.
 *
 * Before counting, the guard takes the lock that the DROP itself will take.
 * Then submissions of open transactions are waited for and counted, and none
 * can be queued between the count and the DROP.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/event_trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "records/submissions.h"
#include "tables/statement.h"

PG_FUNCTION_INFO_V1(fpgo_refuse_drop);

/* extension and schema have the same name, as the control file says */
#define EXTENSION "fpgo"

/* Is one of the names of a DROP the extension's (or its schema's)? */
static bool
names_fpgo(const DropStmt *drop)
{
	ListCell   *cell;

	if (drop->removeType != OBJECT_EXTENSION &&
		drop->removeType != OBJECT_SCHEMA)
		return false;
	foreach(cell, drop->objects)
	{
		if (strcmp(strVal(lfirst(cell)), EXTENSION) == 0)
			return true;
	}
	return false;
}

static Oid
schema_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACENAME,
										CStringGetDatum(EXTENSION));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Is one of the roles of a DROP OWNED the owner of tables or schema? */
static bool
names_owner(const DropOwnedStmt *drop)
{
	Oid			tables = fpgo_table_owner();
	Oid			schema = schema_owner();
	ListCell   *cell;

	foreach(cell, drop->roles)
	{
		Oid			role = get_rolespec_oid(lfirst(cell), true);

		if (OidIsValid(role) && (role == tables || role == schema))
			return true;
	}
	return false;
}

static bool
drops_fpgo(const Node *command)
{
	if (IsA(command, DropStmt))
		return names_fpgo((const DropStmt *) command);
	if (IsA(command, DropOwnedStmt))
		return names_owner((const DropOwnedStmt *) command);
	return false;
}

/*
 * May the current user drop the extension?  If not, PostgreSQL is about to
 * refuse the command; the guard must not take locks or tell numbers before
 * that.
 */
static bool
may_drop(void)
{
	return has_privs_of_role(GetUserId(), fpgo_table_owner()) ||
		has_privs_of_role(GetUserId(), schema_owner());
}

Datum
fpgo_refuse_drop(PG_FUNCTION_ARGS)
{
	const EventTriggerData *trigger = (EventTriggerData *) fcinfo->context;
	int64		n;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("fpgo.refuse_drop must be called as an event trigger")));
	/* without the tables there is nothing to guard */
	if (!fpgo_table_exist() || !drops_fpgo(trigger->parsetree) || !may_drop())
		PG_RETURN_NULL();
	LockRelationOid(fpgo_table_oid("submission"), AccessExclusiveLock);
	n = fpgo_submission_count_unfinished();
	if (n == 0)
		PG_RETURN_NULL();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg_plural("cannot drop extension fpgo while %lld submission is unfinished",
						   "cannot drop extension fpgo while %lld submissions are unfinished",
						   (unsigned long) n, (long long) n),
			 errdetail("Submissions that are queued, sending or uncertain would be forgotten."),
			 errhint("CALL fpgo.deliver(), fpgo.cancel_submission and fpgo.resolve finish submissions.  To drop them all the same, first: ALTER EVENT TRIGGER fpgo_refuse_drop DISABLE;")));
}
