/*
 * reconcile.c
 *		Finds out what became of submissions that may have an order at the gateway.
 *
 * evidence.c looks at the gateway for what shows that an order arrived.  With
 * evidence, the submission is accepted.  Nothing is ever sent again.
 *
 * Every question is asked with the rights and the token of the role that
 * handed the order in, since the order is in that role's account.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/extension_version.h"
#include "base/fpgo.h"
#include "base/subtransaction.h"
#include "followup/cases.h"
#include "followup/evidence.h"
#include "followup/order_status.h"
#include "followup/reconcile.h"
#include "followup/resolve.h"
#include "followup/sightings.h"
#include "records/locks.h"
#include "records/seat.h"
#include "records/submissions.h"
#include "records/sweep.h"

PG_FUNCTION_INFO_V1(fpgo_reconcile);

/*
 * At the details of so many of the gateway's orders one call looks at most: a
 * person's, who waits, and a resident worker's, which leaves the gateway's
 * allowance to orders.
 */
static const int max_looks[] = {
	[FPGO_RECONCILE_PERSON] = 1000,
	[FPGO_RECONCILE_WORKER] = 100
};

/* ---------- accounts ---------- */

static void
open_group(void *arg)
{
	FpgoCaseGroup *group = arg;

	group->account =
		fpgo_account_resolve_recorded(group->server,
									  get_role_oid(group->role, false));
}

static void
find_evidence(void *arg)
{
	fpgo_evidence_find(arg);
}

static void
decide_group(void *arg)
{
	FpgoCaseGroup  *group = arg;

	fpgo_account_use(group->account, find_evidence, arg);
}

/*
 * A failure with one account must not keep the others from being asked.  The
 * role, its right or its token may be gone, or the server may be set up
 * wrongly.
 */
static void
reconcile_group(FpgoCaseGroup *group)
{
	ErrorData  *error = fpgo_subtransaction_run(open_group, group);
	ListCell   *cell;

	if (error == NULL)
		error = fpgo_subtransaction_run(decide_group, group);
	if (error == NULL)
		return;
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
		ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	if (group->cases == NIL)
		ereport(WARNING,
				(errmsg("the gateway's orders of server \"%s\" could not be listed: %s",
						group->server, error->message),
				 fpgo_errhide()));
	foreach(cell, group->cases)
	{
		FpgoCase   *c = lfirst(cell);

		if (c->result->detail == NULL)
			c->result->detail = psprintf("The gateway could not be asked: %s.",
										 error->message);
	}
}

/* ---------- cases ---------- */

static FpgoCase *
make_case(const FpgoUncertain *uncertain)
{
	FpgoCase   *c = palloc0(sizeof(FpgoCase));

	c->uncertain = uncertain;
	c->result = palloc0(sizeof(FpgoReconcileResult));
	c->result->submission = uncertain->submission;
	c->result->state = uncertain->is_elsewhere ? FPGO_STATE_QUEUED :
		FPGO_STATE_UNCERTAIN;
	return c;
}

/* Is a submission uncertain, or will it be so at the next sweep? */
static bool
is_unresolved(bool is_uncertain, int64 run)
{
	return is_uncertain || (run != 0 && fpgo_run_is_dead(run));
}

/* Is it looked for?  A worker looks for the orders that it sends, if any does. */
static bool
is_looked_for(const FpgoUncertain *uncertain, FpgoReconcileBy by)
{
	if (!uncertain->is_elsewhere)
		return is_unresolved(uncertain->is_uncertain, uncertain->run);
	return by == FPGO_RECONCILE_PERSON ||
		!fpgo_seat_is_others(uncertain->server);
}

static FpgoCaseGroup *
make_group(const char *server, const char *role, FpgoReconcileBy by)
{
	FpgoCaseGroup  *group = palloc0(sizeof(FpgoCaseGroup));

	group->server = server;
	group->role = role;
	group->looks_left = max_looks[by];
	return group;
}

static FpgoCaseGroup *
find_group(List *groups, const char *server, const char *role)
{
	ListCell   *cell;

	foreach(cell, groups)
	{
		FpgoCaseGroup  *group = lfirst(cell);

		if (strcmp(group->server, server) == 0 &&
			(role == NULL || strcmp(group->role, role) == 0))
			return group;
	}
	return NULL;
}

/* Groups the submissions by account and role. */
static List *
group_cases(List *submissions, int64 only, FpgoReconcileBy by)
{
	List	   *groups = NIL;
	FpgoCaseGroup  *group = NULL;
	ListCell   *cell;

	foreach(cell, submissions)
	{
		const FpgoUncertain *uncertain = lfirst(cell);

		if ((only != 0 && uncertain->submission != only) ||
			!is_looked_for(uncertain, by))
			continue;
		/* two sorted lists: the last one's group is this one's, as a rule */
		if (group == NULL || strcmp(group->server, uncertain->server) != 0 ||
			strcmp(group->role, uncertain->role) != 0)
			group = find_group(groups, uncertain->server, uncertain->role);
		if (group == NULL)
		{
			group = make_group(uncertain->server, uncertain->role, by);
			groups = lappend(groups, group);
		}
		group->cases = lappend(group->cases, make_case(uncertain));
	}
	return groups;
}

/* Accounts whose seat another database had, with nothing to look for. */
static List *
add_moved(List *groups, List *accounts)
{
	ListCell   *cell;

	foreach(cell, accounts)
	{
		const FpgoMovedAccount *account = lfirst(cell);

		if (account->role != NULL &&
			find_group(groups, account->server, NULL) == NULL)
			groups = lappend(groups, make_group(account->server, account->role,
												FPGO_RECONCILE_PERSON));
	}
	return groups;
}

/* Raises: the submission is not one that may have an order at the gateway. */
static void
raise_not_uncertain(int64 id)
{
	const FpgoSubmission *submission = fpgo_submission_find(id);

	if (submission == NULL)
		fpgo_submission_raise_missing(id);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("submission %lld is not uncertain", (long long) id),
			 errdetail("It is %s.", fpgo_state_name(submission->state)),
			 fpgo_errhide()));
}

/*
 * Accept a case whose order was found.  All cases are accepted at the end: a
 * row that is changed is locked, and other sessions must not wait for the
 * gateway.
 */
static void
accept_found(FpgoCase *c)
{
	FpgoReconcileResult *result = c->result;
	FpgoOrderStatus order_status = {.order_uuid = c->found_uuid,
	.status = c->found_status};

	if (!fpgo_resolve_accept(c->uncertain->submission, c->found_uuid,
							 c->customer_uuid, result->detail))
	{
		result->detail = psprintf("Order %s is another submission's, or this one has been decided about.",
								  c->found_uuid);
		return;
	}
	SPI_connect();
	fpgo_order_status_keep(c->uncertain->server, &order_status, 1);
	SPI_finish();
	result->state = FPGO_STATE_ACCEPTED;
	result->order_uuid = c->found_uuid;
}

/* Record what was found out.  Returns a list of FpgoReconcileResult. */
static List *
conclude(List *groups)
{
	List	   *results = NIL;
	ListCell   *cell;

	(void) fpgo_submission_sweep();
	foreach(cell, groups)
	{
		const FpgoCaseGroup *group = lfirst(cell);
		ListCell   *other;

		foreach(other, group->cases)
		{
			FpgoCase   *c = lfirst(other);

			if (c->found_uuid != NULL)
				accept_found(c);
			results = lappend(results, c->result);
		}
	}
	SPI_connect();
	fpgo_sightings_tidy();
	SPI_finish();
	return results;
}

static List *
find_groups(int64 only, FpgoReconcileBy by)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *submissions;
	List	   *elsewhere;
	List	   *accounts;
	List	   *groups;

	SPI_connect();
	submissions = fpgo_cases_uncertain(context);
	elsewhere = fpgo_cases_elsewhere(context);
	accounts = fpgo_cases_moved(context);
	SPI_finish();
	submissions = list_concat(submissions, elsewhere);
	groups = group_cases(submissions, only, by);
	if (only != 0 && groups == NIL)
		raise_not_uncertain(only);
	return only != 0 || by != FPGO_RECONCILE_PERSON ? groups :
		add_moved(groups, accounts);
}

List *
fpgo_reconcile_run(int64 only, FpgoReconcileBy by)
{
	List	   *groups;
	ListCell   *cell;

	/* an old snapshot does not show which submission has an order now */
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("uncertain submissions must be looked for in a READ COMMITTED transaction"),
				 fpgo_errhide()));
	fpgo_extension_require_current();
	if (!fpgo_lock_try_reconcile())
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("uncertain submissions are being looked for already"),
				 errhint("Wait until the other session, or the worker, has finished."),
				 fpgo_errhide()));
	groups = find_groups(only, by);
	foreach(cell, groups)
		reconcile_group(lfirst(cell));
	return conclude(groups);
}

/* ---------- SQL ---------- */

Datum
fpgo_reconcile(PG_FUNCTION_ARGS)
{
	int64		only = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	PreventCommandDuringRecovery("fpgo.reconcile()");
	PreventCommandIfReadOnly("fpgo.reconcile()");
	PreventCommandIfParallelMode("fpgo.reconcile()");
	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, fpgo_reconcile_run(only, FPGO_RECONCILE_PERSON))
	{
		const FpgoReconcileResult *result = lfirst(cell);
		Datum		values[4] = {Int64GetDatum(result->submission),
			CStringGetTextDatum(fpgo_state_name(result->state)), (Datum) 0,
		CStringGetTextDatum(result->detail)};
		bool		nulls[4] = {false, false, result->order_uuid == NULL,
		false};

		if (!nulls[2])
			values[2] = CStringGetTextDatum(result->order_uuid);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
