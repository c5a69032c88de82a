/*
 * test_named_field.c
 *		Which sentences name a field of an order, and which only look so.
 */
#include "order/named_field.h"

#include <stddef.h>

#include "lib/tap.h"

static const char *const naming[] = {
	"The products.0.rate field is required.",
	"The order summary.shipping cost field, and customer details.email.",
	"customerDetails.personalNumber must be 11 digits",
	"The customer details.address.zip must be a string.",
	"The reference no has already been taken.",
	"referenceNo",
	"products: The list is empty.",
	"products.*.tax: The selected value is invalid.",
	"The given fpgoUuid is invalid.",
	"(orderSummary.grandTotal)",
	"Callback.callbackUrl is no url",
	NULL
};

static const char *const not_naming[] = {
	"",
	"payloadValidationErrors",
	"ambiguousRequestExistsWithSameParameters",
	"Bad Request",
	"The server name is unknown.",
	"Your city is not served: type your name.",
	"products are sold out",
	"Too Many Attempts.",
	"The route connect/orders/invoice/submit could not be found.",
	"https://gateway.example/orderSummary.html",
	"x-referenceNo is blocked",
	"preferenceNo",
	"referenceNos",
	"Unauthenticated.",
	NULL
};

int
main(void)
{
	for (int i = 0; naming[i] != NULL; i++)
		ok(fpgo_names_field(naming[i]), "names a field: %s", naming[i]);
	for (int i = 0; not_naming[i] != NULL; i++)
		ok(!fpgo_names_field(not_naming[i]), "names none: %s", not_naming[i]);
	return done_testing();
}
