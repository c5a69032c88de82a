/*
 * trouble.c
 *		Tells what somebody should look at: in the log, and by NOTIFY.
 *
 * Part of the records (see submissions.c).  A submission became uncertain, an
 * order was refused at hand-in, orders are held.  What a transaction did is told
 * as the last thing before its commit: a rollback takes it back untold.
 *
 * A thousand rows of one transaction make one line and one notification, which
 * has their number.  Neither may hinder what is recorded: PostgreSQL lets a
 * prepared transaction notify nobody, and a full queue of notifications makes a
 * commit fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/async.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "account/names.h"
#include "base/fpgo.h"
#include "records/trouble.h"
#include "tables/statement.h"

/* the channel on which trouble is announced */
#define CHANNEL "fpgo_trouble"

/* how full PostgreSQL's queue of notifications may be */
#define QUEUE_USAGE_MAX 0.9

/* Troubles of one kind and account, in one subtransaction. */
typedef struct Trouble
{
	FpgoTroubleKind kind;
	const char *account;
	SubTransactionId subtransaction;
	int64		submission;		/* of the first */
	const char *reason;			/* of the first; or NULL */
	int64		n;
} Trouble;

/* those of this transaction, in its own memory */
static List *troubles = NIL;

/* What each kind is called on the channel. */
static const char *const names[] = {
	[FPGO_TROUBLE_UNCERTAIN] = "uncertain",
	[FPGO_TROUBLE_REFUSED] = "refused at hand-in",
	[FPGO_TROUBLE_HELD] = "held",
};

/* ---------- telling ---------- */

/* The server as the views name it. */
static const char *
server_of(const Trouble *trouble)
{
	Oid			table = fpgo_table_find("account");
	const char *server;

	/* the records have no such table, or somebody else has locked it */
	if (!OidIsValid(table) ||
		!ConditionalLockRelationOid(table, AccessShareLock))
		return trouble->account;
	server = fpgo_account_find_server(trouble->account);
	return server != NULL ? server :
		psprintf("%s (former)", trouble->account);
}

static const char *
describe(const Trouble *trouble)
{
	const char *reason = trouble->reason ? trouble->reason : "";

	if (trouble->submission == 0)
		return reason;
	return psprintf("%s submission %lld.%s%s",
					trouble->n == 1 ? "It is" : "The first is",
					(long long) trouble->submission,
					reason[0] == '\0' ? "" : "  ", reason);
}

static void
write_log(const Trouble *trouble, const char *server)
{
	int64		n = trouble->n;

	switch (trouble->kind)
	{
		case FPGO_TROUBLE_UNCERTAIN:
			ereport(LOG,
					(errmsg_plural("%lld submission of server \"%s\" is uncertain now",
								   "%lld submissions of server \"%s\" are uncertain now",
								   n, (long long) n, server),
					 errdetail_internal("%s", describe(trouble)),
					 errhint("fpgo.reconcile() looks at the gateway; a person decides by fpgo.resolve."),
					 fpgo_errhide()));
			break;
		case FPGO_TROUBLE_REFUSED:
			ereport(LOG,
					(errmsg_plural("%lld order for server \"%s\" was refused at hand-in",
								   "%lld orders for server \"%s\" were refused at hand-in",
								   n, (long long) n, server),
					 errdetail_internal("%s", describe(trouble)),
					 errhint("Once the cause is mended, fpgo.hand_in_again hands one in again, and fpgo.hand_in_refused all."),
					 fpgo_errhide()));
			break;
		case FPGO_TROUBLE_HELD:
			ereport(LOG,
					(errmsg("orders for server \"%s\" are held", server),
					 errdetail_internal("%s", describe(trouble)),
					 fpgo_errhide()));
			break;
	}
}

static void
notify(const Trouble *trouble, const char *server)
{
	StringInfoData message;

	if (DatumGetFloat8(OidFunctionCall0(F_PG_NOTIFICATION_QUEUE_USAGE)) >
		QUEUE_USAGE_MAX)
		return;
	initStringInfo(&message);
	appendStringInfo(&message, "{\"what\": \"%s\", \"server\": ",
					 names[trouble->kind]);
	escape_json(&message, server);
	if (trouble->submission != 0)
		appendStringInfo(&message, ", \"submission\": %lld, \"orders\": %lld",
						 (long long) trouble->submission,
						 (long long) trouble->n);
	appendStringInfoChar(&message, '}');
	Async_Notify(CHANNEL, message.data);
}

/* Add troubles of other subtransactions to the first of their kind. */
static List *
sum_up(void)
{
	List	   *sums = NIL;
	ListCell   *cell;

	foreach(cell, troubles)
	{
		Trouble    *trouble = lfirst(cell);
		Trouble    *first = NULL;
		ListCell   *other;

		foreach(other, sums)
		{
			Trouble    *sum = lfirst(other);

			if (sum->kind == trouble->kind &&
				strcmp(sum->account, trouble->account) == 0)
				first = sum;
		}
		if (first == NULL)
			sums = lappend(sums, trouble);
		else
			first->n += trouble->n;
	}
	return sums;
}

static void
tell_all(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "fpgo troubles",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ListCell   *cell;

	foreach(cell, sum_up())
	{
		const Trouble *trouble = lfirst(cell);
		const char *server = server_of(trouble);

		write_log(trouble, server);
		notify(trouble, server);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* ---------- noting ---------- */

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (troubles != NIL)
				tell_all();
			troubles = NIL;
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			troubles = NIL;
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

	foreach(cell, troubles)
	{
		Trouble    *trouble = lfirst(cell);

		if (trouble->subtransaction != own)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			trouble->subtransaction = parent;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			troubles = foreach_delete_current(troubles, cell);
	}
}

static Trouble *
find_alike(FpgoTroubleKind kind, const char *account)
{
	ListCell   *cell;

	foreach(cell, troubles)
	{
		Trouble    *trouble = lfirst(cell);

		if (trouble->kind == kind &&
			trouble->subtransaction == GetCurrentSubTransactionId() &&
			strcmp(trouble->account, account) == 0)
			return trouble;
	}
	return NULL;
}

void
fpgo_trouble_note(FpgoTroubleKind kind, int64 submission, const char *account,
				  const char *reason)
{
	static bool is_registered = false;
	Trouble    *trouble = find_alike(kind, account);
	MemoryContext old;

	if (!is_registered)
	{
		RegisterXactCallback(at_end_of_transaction, NULL);
		RegisterSubXactCallback(at_end_of_subtransaction, NULL);
		is_registered = true;
	}
	if (trouble != NULL)
	{
		trouble->n++;
		return;
	}
	old = MemoryContextSwitchTo(TopTransactionContext);
	trouble = palloc(sizeof(Trouble));
	trouble->kind = kind;
	trouble->account = pstrdup(account);
	trouble->subtransaction = GetCurrentSubTransactionId();
	trouble->submission = submission;
	trouble->reason = reason != NULL ? pstrdup(reason) : NULL;
	trouble->n = 1;
	troubles = lappend(troubles, trouble);
	MemoryContextSwitchTo(old);
}
