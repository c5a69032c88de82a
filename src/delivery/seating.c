/*
 * seating.c
 *		Does this database send the orders of an account?
 *
 * That is found out before anything is claimed, in a transaction of its own: a
 * claim that fails must not take back a seat from which another process sends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/fpgo.h"
#include "base/subtransaction.h"
#include "delivery/lane.h"
#include "delivery/seating.h"
#include "records/seat.h"
#include "tables/statement.h"

/* how often it is said that it could not be found out, in milliseconds */
#define TELL_MS 60000

/* the tables that it writes to */
static const char *const written[] = {"origin", "seat", "submission"};

/* Run in the transaction.  A process that sends waits for no table. */
static void
settle(void *arg)
{
	for (int i = 0; i < (int) lengthof(written); i++)
	{
		Oid			table = fpgo_table_find(written[i]);

		if (!OidIsValid(table) ||
			!ConditionalLockRelationOid(table, RowExclusiveLock))
			return;
	}
	fpgo_seat_settle(arg);
}

static void
log_failure(const ErrorData *error)
{
	static FpgoMoment told_at = 0;

	if (told_at != 0 && !fpgo_clock_has_passed(told_at, TELL_MS))
		return;
	told_at = fpgo_clock_now();
	ereport(LOG,
			(errmsg("it could not be found out whether this database sends orders: %s",
					error->message),
			 fpgo_errhide()));
}

void
fpgo_seating_attend(const char *account, const FpgoTransactions *transactions)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	char	   *name;
	ErrorData  *error;

	if (fpgo_seat_is_known(account))
		return;
	context = AllocSetContextCreate(TopMemoryContext, "fpgo seating",
									ALLOCSET_SMALL_SIZES);
	name = MemoryContextStrdup(context, account);
	HOLD_INTERRUPTS();
	/* a second transaction reads what the first one has taken */
	for (int i = 0; i < 2 && !fpgo_seat_is_known(name); i++)
	{
		/* a claim that depends on it is flushed after it */
		transactions->begin_lax();
		MemoryContextSwitchTo(context);
		error = fpgo_subtransaction_run(settle, name);
		transactions->commit();
		MemoryContextSwitchTo(context);
		if (error == NULL)
			continue;
		log_failure(error);
		break;
	}
	RESUME_INTERRUPTS();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

void
fpgo_seating_attend_all(List *lanes, const FpgoTransactions *transactions)
{
	ListCell   *cell;

	foreach(cell, lanes)
		fpgo_seating_attend(((FpgoLane *) lfirst(cell))->server, transactions);
}
