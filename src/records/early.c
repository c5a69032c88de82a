/*
 * early.c
 *		Early callbacks: they wait for the submission that has their order.
 *
 * The gateway may tell of an order before fpgo has the gateway's answer to the
 * create, and so before fpgo knows the order's uuid.  Such a callback is
 * recorded, and kept here.  It is announced, once, when a submission gets that
 * uuid.
 *
 * Two transactions may do their part at once: one records the callback, the
 * other writes the uuid.  Neither sees what the other has not committed.
 * Therefore both look at their commit, and one at a time: a lock of the order
 * is held from the look until the commit is visible.  Whoever comes second
 * sees both the callback and the uuid.  The locks are taken in the order of
 * their numbers, as the last thing that a transaction does.  So they are held
 * for the time of a commit, however long the transaction is, and no deadlock
 * comes of them.
 *
 * Whoever announces a callback deletes its row in the same transaction.  What
 * was not announced then waits for the next callback of the order: PostgreSQL
 * lets a prepared transaction announce nothing, and an outcome is recorded
 * whatever hinders the announcement.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "base/fpgo.h"
#include "records/early.h"
#include "records/locks.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* the channel on which an order's new status is announced */
#define CHANNEL "fpgo_order_status"

#define TABLE "early_callback"

/*
 * How full PostgreSQL's queue of notifications may be.  A commit that finds
 * it full fails, and what an order came to must be recorded nevertheless.
 */
#define QUEUE_USAGE_MAX 0.9

/* An order to look at when the transaction commits. */
typedef struct Order
{
	const char *server;
	const char *uuid;
	int			lock;
	bool		may_wait;
} Order;

/* those of this transaction, in its own memory */
static List *orders = NIL;

/* ---------- statements ---------- */

static FpgoStatement keep_statement = {
	.sql = "INSERT INTO fpgo_internal." TABLE " (callback, order_uuid, server)"
	" SELECT id, $3, $1 FROM fpgo_internal.callback"
	" WHERE server " EQ " $1"
	" AND checksum " EQ " $2",
	.n_parameters = 3,
	.types = {TEXTOID, BYTEAOID, TEXTOID}
};

/* for nearly every order there is none: a simple look-up */
static FpgoStatement find_statement = {
	.sql = "SELECT callback FROM fpgo_internal." TABLE
	" WHERE order_uuid " EQ " $1"
	" AND server " EQ " $2",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID},
	.sees_latest = true,
	.only_of = TABLE
};

/* the submission: as in callback.c, the newest that has the order comes first */
static FpgoStatement take_statement = {
	.sql = "WITH early AS (SELECT c.id, c.status, coalesce("
	"   (SELECT pg_catalog.max(s.id) FROM fpgo_internal.submission s"
	"    WHERE s.order_uuid " EQ " $1 AND s.server " EQ " $2),"
	"   c.submission) AS submission"
	"  FROM fpgo_internal." TABLE " e"
	"  JOIN fpgo_internal.callback c ON c.id " EQ " e.callback"
	"  WHERE e.order_uuid " EQ " $1 AND e.server " EQ " $2),"
	" gone AS (DELETE FROM fpgo_internal." TABLE " e USING early"
	"  WHERE e.callback " EQ " early.id"
	"  AND early.submission IS NOT NULL)"
	" SELECT submission, status FROM early WHERE submission IS NOT NULL"
	" ORDER BY id",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID},
	.sees_latest = true
};

/* ---------- announcing ---------- */

void
fpgo_announce(int64 submission, const char *order_uuid, const char *status)
{
	StringInfoData order_status;

	initStringInfo(&order_status);
	appendStringInfo(&order_status, "{\"submission\": %lld, \"order_uuid\": ",
					 (long long) submission);
	escape_json(&order_status, order_uuid);
	appendStringInfoString(&order_status, ", \"status\": ");
	escape_json(&order_status, status);
	appendStringInfoString(&order_status, "}");
	Async_Notify(CHANNEL, order_status.data);
}

/* Announce the early callbacks of an order that a submission has. */
static void
announce_early(const Order *order)
{
	FpgoParameters p = {0};
	uint64		n;

	fpgo_put_text(&p, order->uuid);
	fpgo_put_text(&p, order->server);
	n = fpgo_statement_run(&take_statement, &p);
	for (uint64 i = 0; i < n; i++)
		fpgo_announce(fpgo_get_int64(i, 1), order->uuid,
					  fpgo_get_text(i, 2, CurrentMemoryContext));
}

/* ---------- looking ---------- */

static bool
has_early(const Order *order)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, order->uuid);
	fpgo_put_text(&p, order->server);
	return fpgo_statement_run(&find_statement, &p) > 0;
}

/* Why the early callbacks of the order must wait on; NULL if they need not. */
static const char *
find_hindrance(const Order *order)
{
	if (!order->may_wait &&
		!ConditionalLockRelationOid(fpgo_table_find(TABLE), RowExclusiveLock))
		return "Another session has locked their table.";
	if (DatumGetFloat8(OidFunctionCall0(F_PG_NOTIFICATION_QUEUE_USAGE)) >
		QUEUE_USAGE_MAX)
		return "The queue of notifications is nearly full.";
	return NULL;
}

static void
look(const Order *order)
{
	const char *hindrance;

	/* even a look waits for a lock that excludes all others */
	if (!order->may_wait &&
		!ConditionalLockRelationOid(fpgo_table_find(TABLE), AccessShareLock))
		hindrance = "Another session has locked their table.";
	else if (!has_early(order))
		return;
	else
		hindrance = find_hindrance(order);
	if (hindrance == NULL)
		announce_early(order);
	else
		ereport(LOG,
				(errmsg("early callbacks of order %s were not announced",
						order->uuid),
				 errdetail("%s", hindrance),
				 errhint("They are announced when the next callback of the order comes."),
				 fpgo_errhide()));
}

static int
compare_locks(const ListCell *a, const ListCell *b)
{
	return ((const Order *) lfirst(a))->lock -
		((const Order *) lfirst(b))->lock;
}

static void
look_at_all(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "fpgo early callbacks",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int			held = -1;
	ListCell   *cell;

	list_sort(orders, compare_locks);
	SPI_connect();
	foreach(cell, orders)
	{
		const Order *order = lfirst(cell);

		if (order->lock != held)
			fpgo_lock_order(order->lock);
		held = order->lock;
		look(order);
	}
	SPI_finish();
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
			if (orders != NIL && OidIsValid(fpgo_table_find(TABLE)))
				look_at_all();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			orders = NIL;
			break;
		default:
			break;
	}
}

void
fpgo_early_look_at_commit(const char *server, const char *order_uuid,
						  bool may_wait)
{
	static bool is_registered = false;
	MemoryContext old;
	Order	   *order;

	/* the objects of 1.0 do not keep early callbacks */
	if (!OidIsValid(fpgo_table_find(TABLE)))
		return;
	if (!is_registered)
		RegisterXactCallback(at_end_of_transaction, NULL);
	is_registered = true;
	old = MemoryContextSwitchTo(TopTransactionContext);
	order = palloc(sizeof(Order));
	order->server = pstrdup(server);
	order->uuid = pstrdup(order_uuid);
	order->lock = fpgo_lock_number_of_order(server, order_uuid);
	order->may_wait = may_wait;
	orders = lappend(orders, order);
	MemoryContextSwitchTo(old);
}

void
fpgo_early_keep(const char *server, const char *order_uuid,
				const uint8 checksum[PG_SHA256_DIGEST_LENGTH])
{
	FpgoParameters p = {0};

	if (!OidIsValid(fpgo_table_find(TABLE)))
		return;
	fpgo_put_text(&p, server);
	fpgo_put_bytes(&p, checksum, PG_SHA256_DIGEST_LENGTH);
	fpgo_put_text(&p, order_uuid);
	(void) fpgo_statement_run(&keep_statement, &p);
}
