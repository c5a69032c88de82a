/*
 * release.c
 *		fpgo.release: a person lifts a hold.
 *
 * The orders of the hold are sent again at once.  If its cause goes on, they are
 * held again after a few of them.
 *
 * Processes that send write holds under a lock, and wait for nobody: while
 * somebody else has it, they send no orders of the account.  A transaction may
 * stay open for long.  So it takes the lock as the last thing before its commit,
 * and lifts the hold then.  A prepared transaction would keep the lock, and is
 * refused.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/arguments.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "delivery/durable.h"
#include "ipc/roster.h"
#include "records/decide.h"
#include "records/hold.h"
#include "tables/statement.h"

PG_FUNCTION_INFO_V1(fpgo_release);

/* A hold that is lifted at the commit. */
typedef struct Release
{
	int64		id;
	const char *account;
	const char *role;			/* who lifts it, ... */
	const char *reason;			/* ... and why */
	SubTransactionId subtransaction;
} Release;

/* those of this transaction, in its own memory */
static List *releases = NIL;

static void
require_operator(void)
{
	if (!fpgo_decide_is_operator())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to release a hold"),
				 errhint("Roles that may execute fpgo.resolve may release holds."),
				 fpgo_errhide()));
}

/* The hold as it is on record; NULL if it is not there any more. */
static const FpgoHold *
find_hold(int64 id)
{
	ListCell   *cell;

	foreach(cell, fpgo_hold_read_all())
	{
		const FpgoHold *hold = lfirst(cell);

		if (hold->id == id)
			return hold;
	}
	return NULL;
}

static const FpgoHold *
require_hold(int64 id)
{
	const FpgoHold *hold = find_hold(id);

	if (hold == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("hold %lld does not exist", (long long) id),
				 errdetail("It may have been lifted meanwhile."),
				 errhint("fpgo.holds shows what is held."),
				 fpgo_errhide()));
	return hold;
}

/* ---------- at the end of the transaction ---------- */

static void
lift_all(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "fpgo releases",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ListCell   *cell;

	foreach(cell, releases)
	{
		const Release *release = lfirst(cell);
		const FpgoHold *hold;

		fpgo_hold_lock(release->account);
		hold = find_hold(release->id);
		/* an order may have got through since */
		if (hold != NULL)
			fpgo_hold_release(hold, release->role, release->reason);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			/* the transaction may have dropped the extension */
			if (releases != NIL && OidIsValid(fpgo_table_find("hold")))
				lift_all();
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (releases != NIL)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot prepare a transaction that releases a hold"),
						 fpgo_errhide()));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
			releases = NIL;
			break;
		default:
			break;
	}
}

static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId own,
						 SubTransactionId parent, void *arg)
{
	ListCell   *cell;

	foreach(cell, releases)
	{
		Release    *release = lfirst(cell);

		if (release->subtransaction != own)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			release->subtransaction = parent;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			releases = foreach_delete_current(releases, cell);
	}
}

static void
release_at_commit(const FpgoHold *hold, const char *reason)
{
	static bool is_registered = false;
	MemoryContext old;
	Release    *release;

	if (!is_registered)
	{
		RegisterXactCallback(at_end_of_transaction, NULL);
		RegisterSubXactCallback(at_end_of_subtransaction, NULL);
		is_registered = true;
	}
	old = MemoryContextSwitchTo(TopTransactionContext);
	release = palloc(sizeof(Release));
	release->id = hold->id;
	release->account = pstrdup(hold->account);
	release->role = pstrdup(GetUserNameFromId(GetUserId(), false));
	release->reason = pstrdup(reason);
	release->subtransaction = GetCurrentSubTransactionId();
	releases = lappend(releases, release);
	MemoryContextSwitchTo(old);
}

/* ---------- SQL ---------- */

Datum
fpgo_release(PG_FUNCTION_ARGS)
{
	const char *reason;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("hold must not be null"),
				 fpgo_errhide()));
	reason = fpgo_decide_require_reason(fpgo_text_argument(fcinfo, 1));
	require_operator();
	fpgo_submission_require_writable();
	fpgo_extension_require_current();
	release_at_commit(require_hold(PG_GETARG_INT64(0)), reason);
	fpgo_durable_require();
	fpgo_roster_wake_at_commit();
	PG_RETURN_VOID();
}
