/*
 * change.c
 *		The payload of a change: of an order that the gateway has.
 *
 * The API takes an order with fpgoUuid and orderFrom for a change of the order
 * that fpgoUuid names.  A version that shall change an accepted order gets both
 * when it is claimed: which order that is was not known when it was handed in.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "base/compat.h"
#include "delivery/change.h"
#include "order/json_text.h"
#include "order/payload.h"
#include "text/format.h"
#include "validation/validate.h"
#include "validation/violation.h"

/* as the field tree spells it */
#define NAMES_ORDER "fpgoUuid"

/* most broken rules that the refusal lists */
#define MAX_VIOLATIONS 20

static Jsonb *
read_payload(const char *payload)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(payload)));
}

static void
wipe(Jsonb *order)
{
	explicit_bzero(VARDATA(order), VARSIZE(order) - VARHDRSZ);
}

/* The order that it names; NULL if it names none. */
static const char *
find_uuid(Jsonb *order)
{
	const char *text = fpgo_json_member(&order->root, NAMES_ORDER);
	FpgoSpan	uuid;

	if (text == NULL)
		return NULL;
	uuid = fpgo_trim_unicode((FpgoSpan) {text, strlen(text)});
	return uuid.len == 0 ? NULL : pnstrdup(uuid.text, uuid.len);
}

/* The order as a change of the one with that uuid. */
static Jsonb *
add_members(Jsonb *order, const char *order_uuid)
{
	StringInfoData members;
	Datum		more;

	initStringInfo(&members);
	appendStringInfoString(&members, "{\"orderFrom\": \"PARTNER\", \"" NAMES_ORDER "\": ");
	escape_json(&members, order_uuid);
	appendStringInfoChar(&members, '}');
	more = DirectFunctionCall1(jsonb_in, CStringGetDatum(members.data));
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
											  JsonbPGetDatum(order), more));
}

/* Its text if it breaks no rule, and is not too large. */
static FpgoChange
write_change(Jsonb *change, const char *const *tax_rates)
{
	FpgoChange	made = {0};
	List	   *violations = fpgo_validate_order(change, tax_rates);
	StringInfoData payload;
	int			wire_len;

	if (violations != NIL)
	{
		made.refusal = psprintf("Not changed: the order breaks rules of the server.\n%s",
								fpgo_violation_list(violations,
													MAX_VIOLATIONS));
		return made;
	}
	initStringInfo(&payload);
	fpgo_payload_write(&payload, change);
	wire_len = payload.len;
	/* SQL_ASCII is sent as it is */
	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		(void) fpgo_payload_wire(payload.data, &wire_len);
	if (wire_len > FPGO_PAYLOAD_MAX)
	{
		made.refusal = psprintf("Not changed: with the order's uuid the payload has %d bytes; the limit is %d.",
								wire_len, FPGO_PAYLOAD_MAX);
		explicit_bzero(payload.data, payload.len);
	}
	else
		made.payload = payload.data;
	return made;
}

FpgoChange
fpgo_change_make(const char *payload, const char *order_uuid,
				 const char *const *tax_rates)
{
	Jsonb	   *order = read_payload(payload);
	const char *named = find_uuid(order);
	FpgoChange	made = {0};

	if (named != NULL && strcmp(named, order_uuid) != 0)
		made.refusal = psprintf("Not changed: the order was accepted as %s, and its fpgoUuid names another one.",
								order_uuid);
	else
	{
		Jsonb	   *change = add_members(order, order_uuid);

		made = write_change(change, tax_rates);
		wipe(change);
	}
	wipe(order);
	return made;
}

const char *
fpgo_change_find_uuid(const char *payload)
{
	const char *uuid;
	Jsonb	   *order;

	/* nearly every order makes a new one: this saves reading it */
	if (strstr(payload, "\"" NAMES_ORDER "\"") == NULL)
		return NULL;
	order = read_payload(payload);
	uuid = find_uuid(order);
	wipe(order);
	return uuid;
}
