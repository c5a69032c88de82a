"""The example request of the API page, and orders that differ from it in one place."""

import copy

ABSENT = object()

# The example request of the API page.
EXAMPLE = {
    "products": [{
        "name": "Router", "productId": "R_1", "quantity": "1", "rate": 40, "discount": 0, "tax": "0", "amount": 40,
    }],
    "orderSummary": {"subTotal": "40", "totalTax": "0", "totalDiscount": "0.00", "grandTotal": "40"},
    "orderDate": "1755150488",
    "customerDetails": {
        "type": "private", "countryCode": "+47", "msisdn": "46567468", "email": "zahid@yopmail.com", "name": "Zahidul",
        "preferredLanguage": "en", "personalNumber": "28038712383", "organizationId": "",
        "address": {"street": "Klosterenget 144", "zip": "7030", "city": "Trondheim", "country": "NO"},
    },
    "referenceNo": "Dhaka",
    "customerReference": "3500",
    "invoiceInterval": 0,
    "separateInvoices": True,
    "invoiceFeeApplicable": True,
    "invoiceMaturity": 10,
    "callback": {
        "callbackUrl": "https://wp.frontpayment.no/?order_identifier=rRbl1FWZG59o&order_status=success",
        "success": "https://wp.frontpayment.no/?order_identifier=rRbl1FWZG59o&order_status=success",
        "failure": "https://frontpayment.no/?order_identifier=rRbl1FWZG59o&order_status=failed",
    },
}


def example(**changes):
    return {**copy.deepcopy(EXAMPLE), **changes}


def with_value(path, value):
    """The example with another value at a path, or without it."""
    order = example()
    *parents, last = path.split(".")
    target = order
    for part in parents:
        target = target[int(part)] if part.isdigit() else target.setdefault(part, {})
    if value is ABSENT:
        target.pop(last, None)
    else:
        target[last] = value
    return order


def corporate():
    order = with_value("customerDetails.type", "corporate")
    order["customerDetails"].update(organizationId="987654321", personalNumber=None)
    return order
