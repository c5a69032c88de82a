"""The documented endpoints: routing, the token, the rate limit, and what each call answers."""

import re
import time

import answers
import orders
import rules

LARGEST_BODY = 1024 * 1024

PREFIX = "/api/v1/"

# name of the route, method, path; the names are those a misbehaviour's "route" may give
ROUTES = (
    ("submit", "POST", re.compile(r"connect/orders/invoice/submit")),
    ("list", "GET", re.compile(r"connect/orders/status")),
    ("status", "GET", re.compile(r"connect/orders/status/(?P<uuid>[^/]+)")),
    ("details", "GET", re.compile(r"connect/orders/details/(?P<uuid>[^/]+)")),
    ("invoice-number", "GET", re.compile(r"connect/orders/invoice-number/(?P<uuid>[^/]+)")),
)
UNKNOWN = "unknown"
ROUTE_NAMES = tuple(name for name, _, _ in ROUTES) + (UNKNOWN,)


def route_of(path):
    """The route's name, its method and the uuid in the path."""
    if path.startswith(PREFIX):
        rest = path[len(PREFIX):]
        for name, method, pattern in ROUTES:
            found = pattern.fullmatch(rest)
            if found:
                return name, method, found.groupdict().get("uuid")
    return UNKNOWN, None, None


class Api:
    def __init__(self, token, tax_rates, store, ledger, rate_limit, bank_id_url=orders.bank_id_url):
        self._token = token
        self._store = store
        self._ledger = ledger
        self._rate_limit = rate_limit
        self._bank_id_url = bank_id_url
        self._settings = rules.Settings(tax_rates, store.exists)
        self._readers = {
            "status": self._status,
            "details": self._details,
            "invoice-number": self._invoice_number,
            "list": self._list,
        }

    def answer(self, request, body, mishap):
        """The answer to one request, shaped by the misbehaviour that applies to it."""
        route, method, uuid = route_of(request.path)
        if route == UNKNOWN:
            return mishap.shape(answers.no_route(request.path), None)
        if request.method != method:
            return mishap.shape(answers.wrong_method(request.method, method), None)
        remaining, wait = self._rate_limit.spend()
        if not self._is_authorised(request):
            answer = mishap.shape(answers.unauthenticated(), None)
        elif route == "submit":
            answer = self._submit(request, body, mishap, wait)
        elif wait is not None:
            answer = mishap.shape(_too_many(wait), None)
        else:
            answer = mishap.shape(self._readers[route](request, uuid), None)
            answer.order_uuid = uuid
        if self._rate_limit.limit > 0:
            answer.rate = (self._rate_limit.limit, remaining)
        return answer

    def _is_authorised(self, request):
        scheme, _, token = request.header("authorization").partition(" ")
        return scheme.lower() == "bearer" and token.strip() == self._token

    def _submit(self, request, body, mishap, wait):
        """Make the order or refuse it, and write the ledger: always before anything is sent."""
        received = rules.parse(body) if _is_json(request.header("content-type")) else None
        made, is_update = None, False
        if wait is not None:
            answer = _too_many(wait)
        elif mishap.makes_order:
            answer, made, is_update = self._make(received, mishap)
        else:
            uuid, customer_uuid = self._store.invented()
            answer = self._created(uuid, customer_uuid, is_private=True, is_update=False)
        answer = mishap.shape(answer, received)
        answer.order_uuid = made.uuid if made else None
        self._ledger.add(
            raw_body=body,
            order=received,
            status=answer.status,
            order_uuid=made.uuid if made else None,
            made=made is not None,
            update=is_update,
            answered=mishap.label,
        )
        return answer

    def _make(self, received, mishap):
        content = rules.trimmed(received)
        violations = rules.check(received, self._settings)
        if violations:
            return answers.refused([violation.sentence for violation in violations]), None, False
        is_update = content.get("fpgoUuid") is not None and not mishap.makes_second_order
        if not is_update:
            content.pop("fpgoUuid", None)
        order = self._store.submit(content)
        if order is None:  # cannot happen while no order is ever deleted: the rules looked for it
            return answers.internal_error(), None, False
        return self._created(order.uuid, order.customer_uuid, order.is_private, is_update), order, is_update

    def _created(self, uuid, customer_uuid, is_private, is_update):
        message = "orderUpdatedSuccessfully" if is_update else "orderCreatedSuccessfully"
        address = self._bank_id_url(uuid) if is_private else None
        return answers.success(201, message, orders.session_data(uuid, customer_uuid, address))

    def _status(self, request, uuid):
        order = self._store.find(uuid)
        if order is None:
            return answers.not_found("Order Not Found")
        return answers.success(200, "Order Status Retrieved Successfully", orders.status_data(order))

    def _details(self, request, uuid):
        order = self._store.find(uuid)
        if order is None:
            return answers.not_found("orderNotFound")
        return answers.success(200, "orderRetrievedSuccessfully", orders.details_data(order))

    def _invoice_number(self, request, uuid):
        order = self._store.find(uuid)
        if order is None:
            return answers.not_found("orderNotFound")
        return answers.success(200, "orderInvoiceNoRetrievedSuccessfully", orders.invoice_data(order))

    def _list(self, request, uuid):
        found = self._store.with_status(request.query("type") or None)
        if not found:
            return answers.not_found("Order Not Found")
        data = [{"uuid": order.uuid, "status": order.status} for order in found]
        return answers.success(200, "Order Status Retrieved Successfully", data)


def _is_json(content_type):
    return "/json" in content_type.lower() or "+json" in content_type.lower()


def _too_many(wait):
    return answers.too_many(retry_after=wait, reset=int(time.time()) + wait)
