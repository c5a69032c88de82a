/*
 * order_list.c
 *		The gateway's list of orders, and the details of new ones.
 *
 * The gateway's list has identifiers and statuses only.  To compare an order,
 * the gateway must be asked for its details: one question for each order, and
 * an account may have thousands.  Details that are on record (sightings.c) are
 * not asked for again, and one call asks about a limited number of orders.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "followup/order_list.h"
#include "followup/order_status.h"
#include "order/json_text.h"
#include "text/identifier.h"

/*
 * The gateway allows 240 questions a minute.  When they are used up, it wants
 * to be left alone for the rest of that minute.
 */
#define LONGEST_PAUSE_MS 60000

/* after so many failed questions, the rest is left for the next call */
#define FAILURES_MAX 3

FpgoLook
fpgo_order_list_look_at(const FpgoAccount *account, const char *order_uuid)
{
	FpgoLook	look = {0};
	const char *said;
	JsonbValue *details;

	look.inquiry = fpgo_inquire(account,
								psprintf(FPGO_DETAILS_PATH "/%s", order_uuid),
								FPGO_DETAILS_LIMIT, LONGEST_PAUSE_MS);
	if (look.inquiry->end != FPGO_INQUIRY_ANSWERED)
		return look;
	said = fpgo_json_member(look.inquiry->data->val.binary.data, "orderUuid");
	if (said == NULL || strcmp(said, order_uuid) != 0)
		return look;
	look.details = look.inquiry->data->val.binary.data;
	details = unconstify(JsonbValue *, look.inquiry->data);
	look.likeness = fpgo_likeness_of_details(JsonbValueToJsonb(details));
	return look;
}

const char *
fpgo_order_list_failure(const FpgoInquiry *inquiry)
{
	return psprintf("The gateway could not be asked.  %s",
					fpgo_inquiry_reason(inquiry));
}

static void
read_list(FpgoOrderList *order_list, const JsonbValue *data)
{
	uint32		n;
	JsonbContainer **list = fpgo_inquiry_elements(data, &n);

	order_list->sightings = MemoryContextAllocExtended(CurrentMemoryContext,
													   sizeof(FpgoSighting) *
													   ((Size) n + 1),
													   MCXT_ALLOC_HUGE |
													   MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < n; i++)
	{
		FpgoOrderStatus order_status;

		CHECK_FOR_INTERRUPTS();
		if (list[i] == NULL ||
			!fpgo_order_status_read(list[i], &order_status) ||
			!fpgo_is_identifier(order_status.order_uuid,
								strlen(order_status.order_uuid)))
		{
			order_list->fault = "The gateway's list of orders is malformed.";
			return;
		}
		order_list->sightings[order_list->n].order_uuid = order_status.order_uuid;
		order_list->sightings[order_list->n++].status = order_status.status;
	}
}

/*
 * Ask for the details of orders in the list that no submission has and that
 * are not known yet.  An order that the gateway fails on is left for the next
 * call; the others are asked about.  An order whose text this encoding cannot
 * hold counts as known: no submission of this database can be of it.
 */
static void
look_at_unknown(const FpgoAccount *account, FpgoOrderList *order_list,
				int max_looks)
{
	static const FpgoLikeness nothing = {0};
	MemoryContext context = CurrentMemoryContext;
	List	   *unknown;
	ListCell   *cell;
	int			n_failed = 0;

	SPI_connect();
	unknown = fpgo_sightings_unknown(account->name,
									 order_list->sightings,
									 order_list->n, context);
	SPI_finish();
	foreach(cell, unknown)
	{
		FpgoSighting *sighting = &order_list->sightings[lfirst_int(cell)];
		FpgoLook	look;

		if (foreach_current_index(cell) == max_looks)
			return;
		look = fpgo_order_list_look_at(account, sighting->order_uuid);
		if (look.inquiry->end != FPGO_INQUIRY_FAILED &&
			look.inquiry->end != FPGO_INQUIRY_EMPTY)
		{
			sighting->likeness = look.details != NULL ? look.likeness :
				&nothing;
			continue;
		}
		order_list->trouble = fpgo_order_list_failure(look.inquiry);
		if (look.inquiry->finding->status < 500 || ++n_failed == FAILURES_MAX)
			return;
	}
}

FpgoOrderList *
fpgo_order_list_fetch(const FpgoAccount *account, int max_looks)
{
	FpgoOrderList *order_list = palloc0(sizeof(FpgoOrderList));
	const FpgoInquiry *inquiry = fpgo_inquire(account, FPGO_STATUS_PATH,
											  FPGO_LIST_LIMIT,
											  LONGEST_PAUSE_MS);

	order_list->came_at = GetCurrentTimestamp();
	if (inquiry->end == FPGO_INQUIRY_FAILED ||
		inquiry->end == FPGO_INQUIRY_UNREADABLE)
		order_list->fault = fpgo_order_list_failure(inquiry);
	else if (inquiry->end == FPGO_INQUIRY_ANSWERED)
		read_list(order_list, inquiry->data);
	if (order_list->fault == NULL)
		look_at_unknown(account, order_list, max_looks);
	return order_list;
}
