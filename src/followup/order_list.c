/*
 * order_list.c
 *		The orders that the gateway has, as it shows them.
 *
 * The gateway's list has identifiers and statuses and no more, so each order
 * that could be meant has to be looked at by itself.  That is one question an
 * order, and the account may have thousands: what is known already is not
 * asked again (sightings.c), and one go asks about a hundred.
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

/* most orders that are looked at in one go; the gateway allows 240 questions a minute */
#define LOOKS_MAX 100

/* how many of them the gateway may fail to show before the rest has to wait */
#define FAILURES_MAX 3

FpgoLook
fpgo_listing_look_at(const FpgoGateway *gateway, const char *order_uuid)
{
	FpgoLook	look = {0};
	const char *said;

	look.inquiry = fpgo_inquire(gateway,
								psprintf(FPGO_DETAILS_PATH "/%s", order_uuid),
								FPGO_DETAILS_LIMIT);
	if (look.inquiry->end != FPGO_INQUIRY_ANSWERED)
		return look;
	said = fpgo_json_member(look.inquiry->data->val.binary.data, "orderUuid");
	if (said == NULL || strcmp(said, order_uuid) != 0)
		return look;
	look.details = look.inquiry->data->val.binary.data;
	look.likeness = fpgo_likeness_of_details(JsonbValueToJsonb(unconstify(JsonbValue *, look.inquiry->data)));
	return look;
}

const char *
fpgo_listing_failure(const FpgoInquiry *inquiry)
{
	return psprintf("The gateway could not be asked.  %s",
					fpgo_inquiry_reason(inquiry));
}

static void
read_list(FpgoListing *listing, JsonbContainer *list)
{
	uint32		n = JsonContainerIsArray(list) ? JsonContainerSize(list) : 0;

	if (!JsonContainerIsArray(list))
		listing->fault = "The gateway's list of orders is malformed.";
	listing->sightings = MemoryContextAllocExtended(CurrentMemoryContext,
													sizeof(FpgoSighting) *
													((Size) n + 1),
													MCXT_ALLOC_HUGE |
													MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(list, i);
		FpgoNews	news;

		CHECK_FOR_INTERRUPTS();
		if (element->type != jbvBinary ||
			!fpgo_news_read(element->val.binary.data, &news) ||
			!fpgo_is_identifier(news.order_uuid, strlen(news.order_uuid)))
		{
			listing->fault = "The gateway's list of orders is malformed.";
			return;
		}
		listing->sightings[listing->n].order_uuid = news.order_uuid;
		listing->sightings[listing->n++].status = news.status;
	}
}

/*
 * Look at the orders in the list that no submission has and nobody looked at.
 * An order that the gateway fails on is left for the next call, and does not
 * end the looking.  An order whose text this encoding cannot hold counts as
 * looked at: it cannot be ours.
 */
static void
look_at_unknown(const FpgoGateway *gateway, FpgoListing *listing)
{
	static const FpgoLikeness nothing = {0};
	MemoryContext context = CurrentMemoryContext;
	List	   *unknown;
	ListCell   *cell;
	int			n_failed = 0;

	SPI_connect();
	unknown = fpgo_sightings_unknown(gateway->target.server_name, listing->sightings,
									 listing->n, context);
	SPI_finish();
	foreach(cell, unknown)
	{
		FpgoSighting *sighting = &listing->sightings[lfirst_int(cell)];
		FpgoLook	look;

		if (foreach_current_index(cell) == LOOKS_MAX)
			return;
		look = fpgo_listing_look_at(gateway, sighting->order_uuid);
		if (look.inquiry->end != FPGO_INQUIRY_FAILED)
		{
			sighting->likeness = look.details != NULL ? look.likeness :
				&nothing;
			continue;
		}
		listing->trouble = fpgo_listing_failure(look.inquiry);
		if (look.inquiry->finding->status < 500 || ++n_failed == FAILURES_MAX)
			return;
	}
}

FpgoListing *
fpgo_listing_fetch(const FpgoGateway *gateway)
{
	FpgoListing *listing = palloc0(sizeof(FpgoListing));
	const FpgoInquiry *inquiry = fpgo_inquire(gateway, FPGO_STATUS_PATH,
											  FPGO_LIST_LIMIT);

	listing->came_at = GetCurrentTimestamp();
	if (inquiry->end == FPGO_INQUIRY_FAILED ||
		inquiry->end == FPGO_INQUIRY_UNREADABLE)
		listing->fault = fpgo_listing_failure(inquiry);
	else if (inquiry->end == FPGO_INQUIRY_ANSWERED)
		read_list(listing, inquiry->data->val.binary.data);
	if (listing->fault == NULL)
		look_at_unknown(gateway, listing);
	return listing;
}
