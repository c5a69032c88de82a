/*
 * report.c
 *		What CALL fpgo.deliver() tells its caller: how far it is, and at its end
 *		what is left, and why.
 *
 * Both are looked up in a transaction of their own, which no request has to wait
 * for.  A report must not end a delivery.  So it waits for no table, and where
 * looking up fails, the log says so instead.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "base/subtransaction.h"
#include "delivery/report.h"
#include "records/left.h"
#include "tables/statement.h"

/* so many reasons are told at most */
#define MAX_REASONS 10

/* since when it delivers, and when progress is told next */
static FpgoMoment began;
static FpgoMoment tell_at;

/* What is looked up. */
typedef struct Report
{
	int64		only;
	MemoryContext context;
	List	   *left;			/* FpgoLeft */
	int64		n_left;
} Report;

static void
look_up_count(void *arg)
{
	Report	   *report = arg;

	fpgo_table_lock_all();
	report->n_left = fpgo_left_count(report->only);
}

static void
look_up_reasons(void *arg)
{
	Report	   *report = arg;

	fpgo_table_lock_all();
	MemoryContextSwitchTo(report->context);
	report->left = fpgo_left_explain(report->only, MAX_REASONS);
}

/* Look something up; false if that failed. */
static bool
look_up(const FpgoTransactions *transactions, void (*function) (void *),
		Report *report)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData  *error;

	report->context = caller;
	HOLD_INTERRUPTS();
	transactions->begin();
	MemoryContextSwitchTo(caller);
	error = fpgo_subtransaction_run(function, report);
	transactions->commit();
	RESUME_INTERRUPTS();
	MemoryContextSwitchTo(caller);
	if (error == NULL)
		return true;
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ereport(LOG,
				(errmsg("what is left to be delivered could not be looked up: %s",
						error->message),
				 fpgo_errhide()));
	FreeErrorData(error);
	return false;
}

void
fpgo_report_begin(void)
{
	began = fpgo_clock_now();
	tell_at = fpgo_clock_in(fpgo_progress_interval);
}

static void
report_progress(const FpgoDelivery *delivery,
				const FpgoTransactions *transactions, int64 only)
{
	const FpgoTally *tally = fpgo_delivery_tally(delivery);
	Report		report = {.only = only};
	int64		n_sent = tally->n_accepted + tally->n_refused +
		tally->n_uncertain;
	double		seconds;

	tell_at = fpgo_clock_in(fpgo_progress_interval);
	if (!look_up(transactions, look_up_count, &report))
		return;
	seconds = (fpgo_clock_now() - began) / 1000.0;
	ereport(NOTICE,
			(errmsg("orders sent until now: %lld, left: %lld",
					(long long) n_sent, (long long) report.n_left),
			 errdetail("Accepted: %lld, refused: %lld, uncertain: %lld, to be tried again: %lld; %.1f a second.",
					   (long long) tally->n_accepted,
					   (long long) tally->n_refused,
					   (long long) tally->n_uncertain,
					   (long long) tally->n_put_off,
					   n_sent / Max(seconds, 0.001)),
			 fpgo_errhide()));
}

void
fpgo_report_progress(const FpgoDelivery *delivery,
					 const FpgoTransactions *transactions, int64 only)
{
	if (fpgo_progress_interval == 0 || !fpgo_clock_has_come(tell_at) ||
		transactions->should_stop())
		return;
	/* a cancel must not end a delivery amid its flights, not even by a NOTICE */
	HOLD_INTERRUPTS();
	report_progress(delivery, transactions, only);
	RESUME_INTERRUPTS();
}

/* One reason, and how many submissions it keeps. */
static void
describe(StringInfo text, const FpgoLeft *left)
{
	appendStringInfo(text, "%s%lld of server \"%s\", %s",
					 text->len > 0 ? "\n" : "", (long long) left->n,
					 left->server, left->state);
	if (left->reason != NULL)
		appendStringInfo(text, ": %s%s", left->reason,
						 strcmp(left->reason, "Waits for submission ") == 0 ?
						 "..." : "");
	if (left->until > GetCurrentTimestamp())
		appendStringInfo(text, "%s%s is tried again at %s.",
						 left->reason != NULL ? "  " : ": ",
						 left->n > 1 ? "The first" : "It",
						 timestamptz_to_str(left->until));
}

void
fpgo_report_left(const FpgoTransactions *transactions, int64 only)
{
	Report		report = {.only = only};
	StringInfoData reasons;
	bool		is_uncertain = false;
	int64		n;
	ListCell   *cell;

	if (!look_up(transactions, look_up_reasons, &report) ||
		report.left == NIL)
		return;
	initStringInfo(&reasons);
	foreach(cell, report.left)
	{
		const FpgoLeft *left = lfirst(cell);

		describe(&reasons, left);
		is_uncertain = is_uncertain || strcmp(left->state, "uncertain") == 0;
	}
	n = ((const FpgoLeft *) linitial(report.left))->n_all;
	ereport(NOTICE,
			(errmsg_plural("%lld submission is left", "%lld submissions are left",
						   n, (long long) n),
			 errdetail_internal("%s", reasons.data),
			 is_uncertain ? errhint("What is uncertain is never sent again by itself: see fpgo.reconcile and fpgo.resolve.") : 0,
			 fpgo_errhide()));
}
