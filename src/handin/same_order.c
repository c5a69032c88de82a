/*
 * same_order.c
 *		Is an order that is handed in the one on record under its key?
 *
 * Orders are compared by their hashes, and the record says by which rule its
 * hash was made.  fpgo 1.0 hashed the payload: with the server's defaults, and
 * with the date that the clock gave it.  Handed in again, such an order has
 * another hash by 1.0's rule if a default was changed, if its date comes from
 * the clock, or if 499 has become 499.00.  Then the payloads are compared by
 * value, as long as the record has its payload.  Where it has none, an
 * accepted order that comes again is taken for the same: to say that it is
 * another one would make somebody send it under another key.
 *
 * If the server's defaults were changed meanwhile, the payload has the former
 * ones, which are on record nowhere else.  So what the order lacks may be in
 * the payload, if it is a member that shops give by defaults.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "handin/handin.h"
#include "handin/same_order.h"
#include "order/defaults.h"
#include "order/json_text.h"
#include "order/sameness.h"

/* Has it that hash by the rule of the record? */
static bool
has_same_hash(const FpgoHandIn *handin, const FpgoSubmission *holder)
{
	uint8		hash[FPGO_HASH_BYTES];

	if (holder->hash_rule == handin->hash_rule)
		return memcmp(handin->order_hash, holder->order_hash,
					  FPGO_HASH_BYTES) == 0;
	fpgo_handin_hash(handin, holder->hash_rule, hash);
	return memcmp(hash, holder->order_hash, FPGO_HASH_BYTES) == 0;
}

/* Are two orders the same by value?  Both have the server's defaults. */
static bool
are_same(Jsonb *order, Jsonb *other, bool with_date)
{
	StringInfoData form;
	StringInfoData other_form;
	bool		are_same;

	initStringInfo(&form);
	initStringInfo(&other_form);
	fpgo_sameness_write(&form, order, with_date);
	fpgo_sameness_write(&other_form, other, with_date);
	are_same = form.len == other_form.len &&
		memcmp(form.data, other_form.data, form.len) == 0;
	explicit_bzero(form.data, form.len);
	explicit_bzero(other_form.data, other_form.len);
	return are_same;
}

/* members that say what one order is; no defaults hold them */
static const char *const own_members[] = {
	"products", "orderSummary", "orderDate", "referenceNo",
	"customerReference", "customerDetails", "fpgoUuid"
};

/* The order with the defaults that the payload was made with, as far as known. */
static Jsonb *
lay_former_defaults_under(Jsonb *order, Jsonb *payload)
{
	Datum		defaults = JsonbPGetDatum(payload);
	Jsonb	   *rest;

	for (int i = 0; i < (int) lengthof(own_members); i++)
		defaults = DirectFunctionCall2(jsonb_delete, defaults,
									   CStringGetTextDatum(own_members[i]));
	rest = DatumGetJsonbP(defaults);
	return fpgo_defaults_lay_under(order,
								   JsonbToCString(NULL, &rest->root,
												  VARSIZE(rest)));
}

/* The payload of a submission; NULL if it is not kept any more. */
static Jsonb *
read_payload(int64 submission)
{
	const char *payload = fpgo_submission_find_payload(submission);
	FpgoJsonFault fault;

	return payload == NULL ? NULL :
		fpgo_json_read(payload, strlen(payload), &fault);
}

static bool
is_like(const FpgoHandIn *handin, Jsonb *order)
{
	return are_same(handin->complete, order, !handin->is_date_filled) ||
		are_same(lay_former_defaults_under(handin->given, order), order,
				 !handin->is_date_filled);
}

bool
fpgo_is_same_payload(const FpgoHandIn *handin, const FpgoSubmission *holder)
{
	Jsonb	   *order = read_payload(holder->id);

	return order != NULL && is_like(handin, order);
}

bool
fpgo_is_same_order(const FpgoHandIn *handin, const FpgoSubmission *holder)
{
	Jsonb	   *order;

	if (has_same_hash(handin, holder))
		return true;
	/* on the SQL objects of 1.0 orders are compared as 1.0 did */
	if (holder->hash_rule == handin->hash_rule ||
		handin->hash_rule == FPGO_RULE_1_0)
		return false;
	order = read_payload(holder->id);
	return order == NULL ? holder->state == FPGO_STATE_ACCEPTED :
		is_like(handin, order);
}
