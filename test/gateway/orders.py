"""The orders that exist at the gateway, their customers, states and invoice numbers."""

import base64
import itertools
import json
import math
import random
import threading
import time
from urllib.parse import quote

# The states in which an order has an invoice number.
INVOICED_STATES = ("INVOICED", "INKASSO", "PURRING", "PAID", "REFUNDED", "PARTIAL REFUNDED")

BANK_ID = "https://auth.current.bankid.no/precheck/auth"
BANK_ID_RETURN = "https://demo.frontpayment.no/order/handle-bankid-verification"


class Order:
    """One order: what was submitted (trimmed) and what the gateway added to it."""

    def __init__(self, uuid):
        self.uuid = uuid
        self.customer_uuid = None
        self.content = None
        self.status = "SENT"
        self.invoice_number = None
        self.created_at = time.time()
        self.history = []  # (time, status, who gave it)

    @property
    def is_private(self):
        return self.content["customerDetails"]["type"] == "private"


class Orders:
    """The store. Every method may be called from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._random = random.SystemRandom()
        self._orders = {}
        self._customers = {}
        self._customer_uuids = set()
        self._last_invoice = 99900000

    def __len__(self):
        return len(self._orders)

    def exists(self, uuid):
        return uuid in self._orders

    def find(self, uuid):
        return self._orders.get(uuid)

    def submit(self, content):
        """Make the order, or update the one its fpgoUuid names (None if there is none). `content` is valid."""
        with self._lock:
            uuid = content.get("fpgoUuid")
            if uuid is None:
                order = Order(self._new_uuid("ODR", self._orders))
                self._orders[order.uuid] = order
                change = "made"
            else:
                order = self._orders.get(uuid)
                if order is None:
                    return None
                change = "changed by the shop"
            order.content = content
            order.customer_uuid = self._customer(content["customerDetails"])
            order.history.append((time.time(), order.status, change))
            if not order.is_private and order.invoice_number is None:
                self._change_status(order, "INVOICED", "a company signs nothing")
            return order

    def change_status(self, uuid, status, who="a control call", only_from=None):
        """Give an order a new status; False if the order is unknown, or has another status than `only_from`."""
        with self._lock:
            order = self._orders.get(uuid)
            if order is None or (only_from is not None and order.status != only_from):
                return False
            self._change_status(order, status, who)
            return True

    def newest(self, count, matches=lambda order: True):
        """The last orders that match, newest first."""
        with self._lock:
            orders = list(self._orders.values())
        return list(itertools.islice(filter(matches, reversed(orders)), count))

    def with_status(self, status=None):
        """All orders, or those with that status whatever its case."""
        with self._lock:
            orders = list(self._orders.values())
        return [order for order in orders if status is None or order.status.upper() == status.upper()]

    def invented(self):
        """The uuids of an order and a customer that do not exist."""
        with self._lock:
            return self._new_uuid("ODR", self._orders), self._new_uuid("CSRT", self._customer_uuids)

    def _change_status(self, order, status, who):
        order.status = status
        order.history.append((time.time(), status, who))
        if status.upper() in INVOICED_STATES and order.invoice_number is None:
            self._last_invoice += 1
            order.invoice_number = str(self._last_invoice)

    def _customer(self, details):
        identity = "personalNumber" if details["type"] == "private" else "organizationId"
        key = (identity, details[identity])
        if key not in self._customers:
            uuid = self._new_uuid("CSRT", self._customer_uuids)
            self._customers[key] = uuid
            self._customer_uuids.add(uuid)
        return self._customers[key]

    def _new_uuid(self, prefix, taken):
        while True:
            uuid = prefix + str(self._random.randint(10**9, 10**10 - 1))
            if uuid not in taken:
                return uuid


def bank_id_url(order_uuid):
    """An address as the gateway gives it: BankID's, where nobody knows the order."""
    state = json.dumps({"orderUuid": order_uuid, "connect": "yes"}, separators=(",", ":"))
    return (
        f"{BANK_ID}?response_type=code&client_id=sandbox&scope=openid%20profile%20nnin"
        f"&redirect_uri={quote(BANK_ID_RETURN, safe='')}"
        f"&state={quote(base64.b64encode(state.encode()).decode(), safe='')}"
    )


def session_data(order_uuid, customer_uuid, bank_id_url=None):
    """The `data` of a success answer; only a private customer gets a BankID address."""
    data = {"orderUuid": order_uuid, "customerUuid": customer_uuid}
    if bank_id_url is not None:
        data["bankIdUrl"] = bank_id_url
    return data


def status_data(order):
    """The `data` of a status answer."""
    amount = float(order.content["orderSummary"]["grandTotal"])
    return {"uuid": order.uuid, "status": order.status, "orderAmount": _plain(amount), "refundedAmount": 0}


def invoice_data(order):
    """The `data` of an invoice number answer."""
    return {"orderUuid": order.uuid, "invoiceNumber": order.invoice_number, "status": order.status}


def details_data(order):
    """The `data` of a details answer; it renames the totals and leaves the references out, as the gateway does."""
    content = order.content
    products = content["products"]
    summary = content["orderSummary"]
    customer = content["customerDetails"]
    return {
        "type": "INVOICE",
        "orderUuid": order.uuid,
        "invoiceNumber": order.invoice_number,
        "status": order.status,
        "orderDate": content["orderDate"],
        "paymentLinkDueDate": None,
        "productList": [
            _members(product, "name", "productId", "quantity", "rate", "discount", "tax", "amount")
            for product in (products.values() if isinstance(products, dict) else products)
        ],
        "orderSummary": {
            "subTotal": summary["subTotal"],
            "tax": summary["totalTax"],
            "discount": summary["totalDiscount"],
            "grandTotal": summary["grandTotal"],
        },
        "customerDetails": {
            "type": customer["type"],
            "uuid": order.customer_uuid,
            **_members(customer, "countryCode", "msisdn", "email", "name"),
            "preferredLanguage": customer.get("preferredLanguage") or "no",
            **_members(customer, "personalNumber", "organizationId"),
            "address": _members(customer["address"], "street", "zip", "city", "country"),
        },
    }


def _members(source, *names):
    return {name: source.get(name) for name in names}


def _plain(number):
    """A number as JSON can carry it: whole ones without decimals, none for what is beyond a float."""
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number
