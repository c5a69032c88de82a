"""The page's data: what it shows of orders, requests, ledger and misbehaviours, and what its buttons do.

Each method answers (HTTP status, value); the value becomes JSON.  Personal numbers are covered unless the request has
`personal=shown`.
"""

import json

from callbacks import NoCallback, Way
from covering import cover, covered, numbers_in, personal_numbers
from history import LARGEST_TEXT
from pending import BadSpec
from shown import AMOUNTS, amount, readable, text_of
from twins import Twins

LISTED = 100
LONGEST_STATUS = 60
LINE = ("name", "productId", "quantity", "rate", "discount", "tax", "amount")

NO_SUCH = (404, {"message": "There is no such thing here."})


class Page:
    def __init__(self, store, ledger, pending, callbacks, history, bank_id_url=None):
        self._store = store
        self._ledger = ledger
        self._pending = pending
        self._callbacks = callbacks
        self._history = history
        self._bank_id_url = bank_id_url
        self._twins = Twins(ledger)

    # What it shows

    def read(self, what, name, rest, request):
        shows = request.query("personal") == "shown"
        wanted = (request.query("q") or "").strip().lower()
        if what == "orders" and name and not rest:
            return self._order(name, shows)
        if what == "exchanges" and name and not rest:
            return self._exchange(name, shows)
        lists = {"orders": self._orders, "exchanges": self._exchanges, "ledger": self._entries,
                 "misbehaviours": lambda wanted: (200, {"pending": self._pending.as_list()})}
        if what not in lists or name:
            return NO_SUCH
        status, value = lists[what](wanted)
        return status, {**value, "counts": self._counts()}

    def _counts(self):
        return {"orders": len(self._store), "ledger": len(self._ledger), "twins": self._twins.count(),
                "misbehaviours": len(self._pending.as_list())}

    def _orders(self, wanted):
        matches = (lambda order: wanted in _words_of(order)) if wanted else (lambda order: True)
        found = self._store.newest(LISTED + 1, matches)
        return 200, {"more": len(found) > LISTED, "orders": [self._row(order) for order in found[:LISTED]]}

    def _row(self, order):
        content = order.content
        return {
            "uuid": order.uuid,
            "reference": cover(content.get("referenceNo") or "") or None,
            "name": cover(content["customerDetails"]["name"]),
            "grandTotal": amount(content["orderSummary"]["grandTotal"]),
            "status": order.status,
            "at": order.created_at,
            "isTwin": bool(self._twins.of(order.uuid)),
        }

    def _exchanges(self, wanted):
        found = [_line(exchange) for exchange in self._history.exchanges()]
        found = [line for line in found if wanted in _text_of(line)]
        return 200, {"more": len(found) > LISTED, "exchanges": found[:LISTED]}

    def _entries(self, wanted):
        shown = ("seq", "time", "referenceNo", "order_uuid", "made", "update", "status", "answered", "sha256")
        found = []
        for entry in self._ledger.newest(10 * LISTED):
            line = {name: entry[name] for name in shown}
            line["referenceNo"] = text_of(line["referenceNo"]) and cover(text_of(line["referenceNo"]))
            line["isTwin"] = entry["made"] and not entry["update"] and bool(self._twins.of(entry["order_uuid"]))
            if wanted in _text_of(line):
                found.append(line)
        return 200, {"more": len(found) > LISTED, "ledger": found[:LISTED]}

    def _order(self, uuid, shows):
        order = self._store.find(uuid)
        if order is None:
            return 404, {"message": f"There is no order {uuid}."}
        content, customer = order.content, order.content["customerDetails"]
        numbers = set() if shows else personal_numbers(content)
        products = content["products"]
        exchanges = [each for each in self._history.exchanges() if each.uuid == uuid]
        value = {
            **self._row(order),
            "twins": self._twins.of(uuid),
            "customerUuid": order.customer_uuid,
            "invoiceNumber": order.invoice_number,
            "type": customer["type"],
            "personal": customer.get("personalNumber") if shows else None,
            "hasPersonal": bool(customer.get("personalNumber")),
            "lines": [{name: (amount if name in AMOUNTS else text_of)(product.get(name)) for name in LINE}
                      for product in (products.values() if isinstance(products, dict) else products)],
            "totals": {name: amount(value) for name, value in content["orderSummary"].items()},
            "payload": _payload(order, exchanges),
            "callback": {name: text_of(value) for name, value in content["callback"].items()},
            "bankIdUrl": self._bank_id_url(uuid) if self._bank_id_url and order.is_private else None,
            "history": [{"at": at, "status": status, "who": who} for at, status, who in list(order.history)],
        }
        if shows:
            return 200, {**value, "exchanges": [_detail(each, True) for each in exchanges]}
        value["payload"] = cover(value["payload"], numbers)
        return 200, {**covered(value, numbers), "exchanges": [_detail(each, False, numbers) for each in exchanges]}

    def _exchange(self, number, shows):
        for exchange in self._history.exchanges():
            if str(exchange.number) == number:
                return 200, _detail(exchange, shows)
        return 404, {"message": "That request is not remembered any more."}

    # What its buttons do

    def change(self, what, name, rest, wish):
        if what == "orders" and rest == "status":
            return self._change_status(name, wish)
        if what == "misbehave" and not name:
            return self._misbehave(wish)
        if what == "behave" and not name:
            self._pending.clear()
            self._history.changed()
            return 200, {"pending": []}
        return NO_SUCH

    def _change_status(self, uuid, wish):
        status = wish.get("status")
        if not isinstance(status, str) or not status.strip() or len(status) > LONGEST_STATUS:
            return 400, {"message": f"A status is a text of at most {LONGEST_STATUS} characters."}
        status = status.strip()
        if not self._store.change_status(uuid, status, "this page"):
            return 404, {"message": f"There is no order {uuid}."}
        self._history.changed()
        answer = {"uuid": uuid, "status": status, "callback": None}
        if wish.get("callback"):
            try:
                answer["callback"] = {"answered": self._callbacks.send(self._store.find(uuid), Way())}
            except NoCallback as reason:
                answer["callback"] = {"failed": str(reason)}
        return 200, answer

    def _misbehave(self, wish):
        try:
            self._pending.add([wish])
        except BadSpec as reason:
            return 400, {"message": str(reason)}
        self._history.changed()
        return 200, {"pending": self._pending.as_list()}


# --- Rows ------------------------------------------------------------------------------------------------------------

def _payload(order, exchanges):
    """The order as it was sent last, or, if that is not remembered, as the gateway keeps it."""
    for exchange in exchanges:
        if exchange.kind == "submit" and len(exchange.sent) < LARGEST_TEXT:
            return readable(exchange.sent)
    return json.dumps(order.content, indent=2, ensure_ascii=False)


def _words_of(order):
    content = order.content
    customer, products = content["customerDetails"], content["products"]
    words = [order.uuid, order.customer_uuid, order.status, order.invoice_number, content.get("referenceNo"),
             customer["name"], customer["email"]]
    for product in products.values() if isinstance(products, dict) else products:
        words += [product.get("name"), product.get("productId")]
    return "\n".join(str(word) for word in words if word is not None).lower()


def _line(exchange):
    """A request or a callback, in one line of the list."""
    return {"number": exchange.number, "at": exchange.at, "kind": exchange.kind, "method": exchange.method,
            "target": cover(exchange.target.partition("?")[0]), "status": exchange.status, "label": exchange.label,
            "uuid": exchange.uuid}


def _detail(exchange, shows, numbers=frozenset()):
    numbers = set() if shows else numbers | numbers_in(exchange.sent)
    answered = exchange.answered_bytes()

    def text(value):
        return value if shows else cover(value, numbers)

    return {
        **_line(exchange),
        "target": text(exchange.target),
        "headers": [[name, "(covered)" if name.lower() in ("authorization", "proxy-authorization") else value]
                    for name, value in exchange.headers],
        "sent": text(readable(exchange.sent)),
        "answered": None if answered is None else text(readable(answered)),
    }


def _text_of(line):
    return "\n".join(str(value) for value in line.values() if value is not None).lower()
