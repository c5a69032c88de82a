/*
 * evidence.c
 *		What shows that the gateway has the orders of submissions.
 *
 * The gateway may or may not have the order of a submission that is uncertain, or
 * that another database queued, of which this one is a copy (cases.c).  It does
 * not show our reference, and cannot be asked by it.  Two things are
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
 * stays as it is, and the view fpgo.candidates shows what comes near.  The view
 * fpgo.unknown_orders shows the gateway's orders that no submission has.
 *
 * A change of an order is another matter.  The gateway has that order in any
 * case: that proves nothing.  A version that changes an accepted one is accepted
 * if the gateway shows the change: its amounts and products, which were not
 * those of the accepted version.  A change that a shop makes by
 * itself (fpgoUuid) stays uncertain: what it changed is not on record.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "followup/evidence.h"
#include "followup/order_list.h"
#include "followup/sightings.h"
#include "order/json_text.h"
#include "records/submissions.h"
#include "text/identifier.h"

/* so many payloads are read in one go */
#define N_DESCRIBED 500

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
note_found(FpgoCase *c, const char *order_uuid, JsonbContainer *details,
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
record_look(const FpgoCaseGroup *group, const FpgoCase *c, const char *order_uuid,
			const FpgoLook *look)
{
	const FpgoSighting sighting = {.order_uuid = order_uuid,
		.status = fpgo_json_member(look->details, "status"),
	.likeness = look->likeness};

	SPI_connect();
	fpgo_sightings_record(group->server, GetCurrentTimestamp(), &sighting, 1);
	fpgo_cases_describe(c->uncertain, c->likeness);
	SPI_finish();
}

/* A callback names an order: does the gateway have it, and is it this one? */
static void
decide_named(const FpgoCaseGroup *group, FpgoCase *c, const char *order_uuid)
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

/* The order that a payload changes; NULL if it makes a new one. */
static const char *
read_changed_uuid(Jsonb *payload)
{
	const char *uuid = fpgo_json_member(&payload->root, "fpgoUuid");

	return uuid == NULL || uuid[0] == '\0' ? NULL : uuid;
}

/* Read the order of a case. */
static void
read_case(FpgoCase *c)
{
	const FpgoUncertain *uncertain = c->uncertain;
	Jsonb	   *payload;

	if (c->is_read)
		return;
	c->is_read = true;
	payload = read_payload(uncertain->is_elsewhere ?
						   fpgo_submission_find_payload(uncertain->submission) :
						   uncertain->payload);
	if (payload == NULL)
		return;
	c->likeness = fpgo_likeness_of_payload(payload);
	c->changed_uuid = read_changed_uuid(payload);
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
decide_change(const FpgoCaseGroup *group, FpgoCase *c)
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

/* Record the likeness of what another database queued, a few at a time. */
static void
describe_elsewhere(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "fpgo likenesses",
												  ALLOCSET_DEFAULT_SIZES);
	List	   *submissions;
	ListCell   *cell;

	do
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		SPI_connect();
		submissions = fpgo_cases_undescribed(N_DESCRIBED, context);
		foreach(cell, submissions)
		{
			const FpgoUncertain *uncertain = lfirst(cell);

			fpgo_cases_describe(uncertain, likeness_of(uncertain->payload));
		}
		SPI_finish();
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	} while (submissions != NIL);
	MemoryContextDelete(context);
}

/* Record the list, and the likeness of each submission that may be in it. */
static List *
record(const FpgoCaseGroup *group, const FpgoOrderList *order_list, List *cases)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *wanted = NIL;
	List	   *submissions;
	List	   *matches;
	ListCell   *cell;

	foreach(cell, cases)
		wanted = lappend(wanted,
						 unconstify(FpgoUncertain *,
									((FpgoCase *) lfirst(cell))->uncertain));
	SPI_connect();
	fpgo_sightings_record(group->server, order_list->came_at,
						  order_list->sightings, order_list->n);
	/* asked anew: an order that was sent before the list came may be in it */
	submissions = fpgo_cases_uncertain(context);
	foreach(cell, submissions)
	{
		const FpgoUncertain *uncertain = lfirst(cell);

		/* without a payload, any order may be the submission's */
		fpgo_cases_describe(uncertain, likeness_of(uncertain->payload));
	}
	SPI_finish();
	describe_elsewhere();
	if (cases == NIL)
		return NIL;
	SPI_connect();
	matches = fpgo_sightings_match(group->server, wanted,
								   order_list->sightings, order_list->n, context);
	SPI_finish();
	return matches;
}

/* It changes an order that the shop names: nobody knows what it was before. */
static void
note_own_change(FpgoCase *c)
{
	c->result->detail =
		psprintf("It changes order %s; compare with what the gateway has of it.",
				 c->changed_uuid);
}

/* One order and one submission are alike.  Is the order unchanged? */
static void
decide_match(FpgoCaseGroup *group, FpgoCase *c, const char *order_uuid)
{
	FpgoLook	look;

	read_case(c);
	if (c->changed_uuid != NULL)
	{
		note_own_change(c);
		return;
	}
	/* the orders of what is uncertain are few; of the other kind not */
	if (c->uncertain->is_elsewhere && group->looks_left-- <= 0)
	{
		c->result->detail = psprintf("The gateway's order %s is still to be looked at.",
									 order_uuid);
		return;
	}
	look = fpgo_order_list_look_at(group->account, order_uuid);
	if (look.inquiry->end == FPGO_INQUIRY_FAILED)
		c->result->detail = fpgo_order_list_failure(look.inquiry);
	else if (look.details == NULL || c->likeness == NULL ||
			 fpgo_likeness_differs_or_lacks(c->likeness, look.likeness) != NULL)
		c->result->detail = psprintf("The gateway's order %s has changed.",
									 order_uuid);
	else
		note_found(c, order_uuid, look.details,
				   "Of the gateway's orders that no other submission has, this one alone has its amounts, products, date and customer.");
}

static void
decide_case(FpgoCaseGroup *group, FpgoCase *c, const FpgoOrderList *order_list,
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
decide_by_list(FpgoCaseGroup *group, List *cases)
{
	const FpgoOrderList *order_list = fpgo_order_list_fetch(group->account,
															group->looks_left);
	List	   *matches = NIL;
	ListCell   *cell;

	/* an incomplete list is recorded too */
	if (order_list->n > 0)
		matches = record(group, order_list, cases);
	foreach(cell, cases)
	{
		FpgoCase   *c = lfirst(cell);
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

/* ---------- a group ---------- */

void
fpgo_evidence_find(FpgoCaseGroup *group)
{
	List	   *unnamed = NIL;
	ListCell   *cell;

	foreach(cell, group->cases)
	{
		FpgoCase   *c = lfirst(cell);
		bool		is_unnamed = c->uncertain->named == NIL &&
			c->uncertain->change_of == NULL;

		/* of what another database queued, first look at what the list has */
		if (!is_unnamed || !c->uncertain->is_elsewhere)
			read_case(c);
		if (c->is_read && c->likeness == NULL)
			c->result->detail = "Its payload is kept no longer, so there is nothing to compare.";
		else if (c->uncertain->change_of != NULL)
			decide_change(group, c);
		else if (c->changed_uuid != NULL)
			note_own_change(c);
		else if (is_unnamed)
			unnamed = lappend(unnamed, c);
		else if (list_length(c->uncertain->named) == 1)
			decide_named(group, c, linitial(c->uncertain->named));
		else
			c->result->detail = "Callbacks to its own address named several orders; see fpgo.candidates.";
	}
	if (unnamed != NIL || group->cases == NIL)
		decide_by_list(group, unnamed);
}
