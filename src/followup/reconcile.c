/*
 * reconcile.c
 *		Finds out what became of uncertain submissions.
 *
 * The gateway may or may not have the order of an uncertain submission.  It
 * does not show our reference, and cannot be asked by it.  Two things are
 * evidence that an order arrived:
 *
 *		A genuine callback to the submission's own address (callback.c) names
 *		an order, and the gateway, when asked, has that order.
 *
 *		The gateway's list has an order that no submission has, with the same
 *		totals, lines, date and customer.  No other order of the list and no
 *		other submission fits as well.
 *
 * With either, the submission is accepted.  Nothing proves that an order did
 * not arrive: it may come into being later, and lists may be late.  Therefore
 * reconciliation never sends an order again.  A submission without evidence
 * stays uncertain, and the view fpgo.candidates shows what comes near.
 *
 * A change of an order is another matter.  The gateway has that order in any
 * case: that proves nothing.  A version that changes an accepted one is accepted
 * if the gateway shows the change: its amounts and products, which were not
 * those of the accepted version.  A change that a shop makes by
 * itself (fpgoUuid) stays uncertain: what it changed is not on record.
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
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/extension_version.h"
#include "base/fpgo.h"
#include "base/subtransaction.h"
#include "followup/order_list.h"
#include "followup/order_status.h"
#include "followup/reconcile.h"
#include "followup/resolve.h"
#include "order/json_text.h"
#include "records/locks.h"
#include "records/submissions.h"
#include "text/identifier.h"

PG_FUNCTION_INFO_V1(fpgo_reconcile);

/* One uncertain submission. */
typedef struct Case
{
	const FpgoUncertain *uncertain;
	const FpgoLikeness *likeness;
	const char *changed_uuid;	/* the order that it changes; NULL if it makes
								 * a new one */
	const char *found_uuid;		/* the order that it became; NULL: not known */
	const char *found_status;	/* of the found order; may be NULL */
	const char *customer_uuid;
	FpgoReconcileResult *result;
} Case;

/* The cases of one role at one server. */
typedef struct CaseGroup
{
	const char *server;
	const char *role;
	List	   *cases;
	FpgoAccount *account;
	int			max_looks;		/* of the gateway's orders, at their details */
} CaseGroup;

/* ---------- evidence ---------- */

/* The customer's identifier; NULL if it is none. */
static const char *
read_customer_uuid(JsonbContainer *details)
{
	JsonbValue *customer = getKeyJsonValueFromContainer(details,
														"customerDetails", 15,
														NULL);
	const char *uuid = customer != NULL && customer->type == jbvBinary ?
	fpgo_json_member(customer->val.binary.data, "uuid") : NULL;

	return uuid != NULL && fpgo_is_identifier(uuid, strlen(uuid)) ?
		uuid : NULL;
}

/* Note the match; accept_found() applies it once all questions are asked. */
static void
note_found(Case *c, const char *order_uuid, JsonbContainer *details,
		   const char *reason)
{
	const char *status = fpgo_json_member(details, "status");

	c->found_uuid = order_uuid;
	c->found_status = status != NULL && status[0] != '\0' ? status : NULL;
	c->customer_uuid = read_customer_uuid(details);
	c->result->detail = reason;
}

/* Record how the order and the submission look, for a person who decides. */
static void
record_look(const CaseGroup *group, const Case *c, const char *order_uuid,
			const FpgoLook *look)
{
	const FpgoSighting sighting = {.order_uuid = order_uuid,
		.status = fpgo_json_member(look->details, "status"),
	.likeness = look->likeness};

	SPI_connect();
	fpgo_sightings_record(group->server, GetCurrentTimestamp(), &sighting, 1);
	fpgo_sightings_describe(c->uncertain, c->likeness);
	SPI_finish();
}

/* A callback names an order: does the gateway have it, and is it this one? */
static void
decide_named(const CaseGroup *group, Case *c, const char *order_uuid)
{
	FpgoLook	look = fpgo_order_list_look_at(group->account, order_uuid);
	const char *differs;

	if (look.details == NULL)
	{
		c->result->detail = look.inquiry->end == FPGO_INQUIRY_FAILED ||
			look.inquiry->end == FPGO_INQUIRY_UNREADABLE ?
			fpgo_order_list_failure(look.inquiry) :
			psprintf("The gateway shows no order %s.", order_uuid);
		return;
	}
	differs = fpgo_likeness_differs(c->likeness, look.likeness);
	record_look(group, c, order_uuid, &look);
	if (differs != NULL)
		c->result->detail = psprintf("The gateway's order %s differs in %s.",
									 order_uuid, differs);
	else
		note_found(c, order_uuid, look.details,
				   "A callback to its own address named this order, and the gateway has it.");
}

/* The order of a payload; NULL if that is kept no longer. */
static Jsonb *
read_payload(const char *payload)
{
	FpgoJsonFault fault;

	return payload == NULL ? NULL :
		fpgo_json_read(payload, strlen(payload), &fault);
}

/* What a payload's order looks like: nothing, if it is kept no longer. */
static const FpgoLikeness *
likeness_of(const char *payload)
{
	static const FpgoLikeness nothing = {0};
	Jsonb	   *order = read_payload(payload);

	return order == NULL ? &nothing : fpgo_likeness_of_payload(order);
}

/* ---------- changes ---------- */

/* An order that a callback named, and that is not the one to be changed. */
static const char *
find_other_named(const FpgoUncertain *uncertain)
{
	ListCell   *cell;

	foreach(cell, uncertain->named)
	{
		if (strcmp(lfirst(cell), uncertain->change_of) != 0)
			return lfirst(cell);
	}
	return NULL;
}

/* A version of an accepted order: does the gateway show that it was changed? */
static void
decide_change(const CaseGroup *group, Case *c)
{
	const FpgoUncertain *uncertain = c->uncertain;
	const char *order_uuid = uncertain->change_of;
	const char *other = find_other_named(uncertain);
	FpgoLook	look;
	const char *lacks;

	if (other != NULL)
	{
		c->result->detail =
			psprintf("It changes order %s, and a callback to its own address named order %s.",
					 order_uuid, other);
		return;
	}
	look = fpgo_order_list_look_at(group->account, order_uuid);
	if (look.details == NULL)
	{
		c->result->detail = look.inquiry->end == FPGO_INQUIRY_FAILED ||
			look.inquiry->end == FPGO_INQUIRY_UNREADABLE ?
			fpgo_order_list_failure(look.inquiry) :
			psprintf("It changes order %s, which the gateway does not show.",
					 order_uuid);
		return;
	}
	lacks = fpgo_likeness_lacks_change(look.likeness, c->likeness);
	if (lacks != NULL)
		c->result->detail =
			psprintf("It changes order %s, which the gateway does not show with its %s.",
					 order_uuid, lacks);
	else if (uncertain->has_rival)
		c->result->detail =
			psprintf("It changes order %s, and so may have a change that was given up while uncertain.",
					 order_uuid);
	else if (!uncertain->had_other_total &&
			 !fpgo_likeness_is_other_sale(look.likeness,
										  likeness_of(uncertain->former_payload)))
		c->result->detail =
			psprintf("It changes order %s in what the gateway does not show, or what it was before is kept no longer.",
					 order_uuid);
	else
		note_found(c, order_uuid, look.details,
				   "The gateway shows the order that it changes, with the amounts and products of the change, which are not those of before.");
}

/* ---------- the list ---------- */

/* Record the list, and the likeness of each uncertain submission. */
static List *
record(const CaseGroup *group, const FpgoOrderList *order_list, List *cases)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *wanted = NIL;
	List	   *submissions;
	List	   *matches;
	ListCell   *cell;

	foreach(cell, cases)
		wanted = lappend(wanted,
						 unconstify(FpgoUncertain *,
									((Case *) lfirst(cell))->uncertain));
	SPI_connect();
	fpgo_sightings_record(group->server, order_list->came_at,
						  order_list->sightings, order_list->n);
	/* asked anew: an order that was sent before the list came may be in it */
	submissions = fpgo_sightings_uncertain(context);
	foreach(cell, submissions)
	{
		const FpgoUncertain *uncertain = lfirst(cell);

		/* without a payload, any order may be the submission's */
		fpgo_sightings_describe(uncertain, likeness_of(uncertain->payload));
	}
	matches = fpgo_sightings_match(group->server, wanted,
								   order_list->sightings, order_list->n, context);
	SPI_finish();
	return matches;
}

/* One order and one submission are alike.  Is the order unchanged? */
static void
decide_match(const CaseGroup *group, Case *c, const char *order_uuid)
{
	FpgoLook	look = fpgo_order_list_look_at(group->account, order_uuid);

	if (look.inquiry->end == FPGO_INQUIRY_FAILED)
		c->result->detail = fpgo_order_list_failure(look.inquiry);
	else if (look.details == NULL ||
			 fpgo_likeness_differs_or_lacks(c->likeness, look.likeness) != NULL)
		c->result->detail = psprintf("The gateway's order %s has changed.",
									 order_uuid);
	else
		note_found(c, order_uuid, look.details,
				   "Of the gateway's orders that no other submission has, this one alone has its amounts, products, date and customer.");
}

static void
decide_case(const CaseGroup *group, Case *c, const FpgoOrderList *order_list,
	  const FpgoMatch *match)
{
	if (match != NULL && match->n_unseen > 0)
		c->result->detail = order_list->trouble != NULL ?
			order_list->trouble :
			psprintf("Orders of the gateway's that are still to be looked at: %d.",
					 match->n_unseen);
	else if (match == NULL || match->n_orders == 0)
		c->result->detail = "The gateway shows no order that is like it, which does not prove that there will be none.";
	else if (match->n_orders > 1)
		c->result->detail =
			psprintf("Orders of the gateway's that are like it: %d; see fpgo.candidates.",
					 match->n_orders);
	else if (match->n_rivals > 0)
		c->result->detail =
			psprintf("Order %s is like it, and like other submissions that it may belong to: %d.",
					 match->order_uuid, match->n_rivals);
	else
		decide_match(group, c, match->order_uuid);
}

/* Look in the list for the orders of cases that no callback names. */
static void
decide_by_list(const CaseGroup *group, List *cases)
{
	const FpgoOrderList *order_list = fpgo_order_list_fetch(group->account,
															group->max_looks);
	List	   *matches = NIL;
	ListCell   *cell;

	/* an incomplete list is recorded too */
	if (order_list->n > 0)
		matches = record(group, order_list, cases);
	foreach(cell, cases)
	{
		Case	   *c = lfirst(cell);
		const FpgoMatch *match = NULL;
		ListCell   *other;

		if (order_list->fault != NULL)
		{
			c->result->detail = order_list->fault;
			continue;
		}
		foreach(other, matches)
		{
			if (((FpgoMatch *) lfirst(other))->submission ==
				c->uncertain->submission)
				match = lfirst(other);
		}
		decide_case(group, c, order_list, match);
	}
}

/* ---------- accounts ---------- */

static void
open_group(void *arg)
{
	CaseGroup *group = arg;

	group->account =
		fpgo_account_resolve_recorded(group->server,
									  get_role_oid(group->role, false));
}

static void
decide(void *arg)
{
	CaseGroup *group = arg;
	List	   *unnamed = NIL;
	ListCell   *cell;

	foreach(cell, group->cases)
	{
		Case	   *c = lfirst(cell);

		if (c->likeness == NULL)
			c->result->detail = "Its payload is kept no longer, so there is nothing to compare.";
		else if (c->uncertain->change_of != NULL)
			decide_change(group, c);
		else if (c->changed_uuid != NULL)
			c->result->detail =
				psprintf("It changes order %s; compare with what the gateway has of it.",
						 c->changed_uuid);
		else if (list_length(c->uncertain->named) == 1)
			decide_named(group, c, linitial(c->uncertain->named));
		else if (c->uncertain->named != NIL)
			c->result->detail = "Callbacks to its own address named several orders; see fpgo.candidates.";
		else
			unnamed = lappend(unnamed, c);
	}
	if (unnamed != NIL)
		decide_by_list(group, unnamed);
}

static void
decide_group(void *arg)
{
	const CaseGroup *group = arg;

	fpgo_account_use(group->account, decide, arg);
}

/*
 * A failure with one account must not keep the others from being asked.  The
 * role, its right or its token may be gone, or the server may be set up
 * wrongly.
 */
static void
reconcile_group(CaseGroup *group)
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
	foreach(cell, group->cases)
	{
		Case	   *c = lfirst(cell);

		if (c->result->detail == NULL)
			c->result->detail = psprintf("The gateway could not be asked: %s.",
										 error->message);
	}
}

/* ---------- cases ---------- */

/* The order that a payload changes; NULL if it makes a new one. */
static const char *
read_changed_uuid(Jsonb *payload)
{
	const char *uuid = fpgo_json_member(&payload->root, "fpgoUuid");

	return uuid == NULL || uuid[0] == '\0' ? NULL : uuid;
}

static Case *
make_case(const FpgoUncertain *uncertain)
{
	Case	   *c = palloc0(sizeof(Case));
	Jsonb	   *payload = read_payload(uncertain->payload);

	c->uncertain = uncertain;
	c->result = palloc0(sizeof(FpgoReconcileResult));
	c->result->submission = uncertain->submission;
	if (payload == NULL)
		return c;
	c->likeness = fpgo_likeness_of_payload(payload);
	c->changed_uuid = read_changed_uuid(payload);
	return c;
}

/* Is a submission uncertain, or will it be so at the next sweep? */
static bool
is_unresolved(bool is_uncertain, int64 run)
{
	return is_uncertain || (run != 0 && fpgo_run_is_dead(run));
}

/* Groups the uncertain submissions, which come sorted by account. */
static List *
find_accounts(List *submissions, int64 only, int max_looks)
{
	List	   *groups = NIL;
	CaseGroup *group = NULL;
	ListCell   *cell;

	foreach(cell, submissions)
	{
		const FpgoUncertain *uncertain = lfirst(cell);

		if (!is_unresolved(uncertain->is_uncertain, uncertain->run) ||
			(only != 0 && uncertain->submission != only))
			continue;
		if (group == NULL || strcmp(group->server, uncertain->server) != 0 ||
			strcmp(group->role, uncertain->role) != 0)
		{
			group = palloc0(sizeof(CaseGroup));
			group->server = uncertain->server;
			group->role = uncertain->role;
			group->max_looks = max_looks;
			groups = lappend(groups, group);
		}
		group->cases = lappend(group->cases, make_case(uncertain));
	}
	return groups;
}

/* Raises unless the submission is there and uncertain. */
static void
require_uncertain(int64 id)
{
	const FpgoSubmission *submission = fpgo_submission_find(id);

	if (submission == NULL)
		fpgo_submission_raise_missing(id);
	if (!is_unresolved(submission->state == FPGO_STATE_UNCERTAIN,
					   submission->run))
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
accept_found(Case *c)
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
	result->is_accepted = true;
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
		const CaseGroup *group = lfirst(cell);
		ListCell   *other;

		foreach(other, group->cases)
		{
			Case	   *c = lfirst(other);

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

List *
fpgo_reconcile_run(int64 only, int max_looks)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *groups;
	List	   *submissions;
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
	if (only != 0)
		require_uncertain(only);
	SPI_connect();
	submissions = fpgo_sightings_uncertain(context);
	SPI_finish();
	groups = find_accounts(submissions, only, max_looks);
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
	foreach(cell, fpgo_reconcile_run(only, FPGO_LOOKS_OF_PERSON))
	{
		const FpgoReconcileResult *result = lfirst(cell);
		FpgoSubmissionState state = result->is_accepted ? FPGO_STATE_ACCEPTED :
		FPGO_STATE_UNCERTAIN;
		Datum		values[4] = {Int64GetDatum(result->submission),
			CStringGetTextDatum(fpgo_state_name(state)), (Datum) 0,
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
