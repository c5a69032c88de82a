"""BankID to click through, with `--bankid here`: what would be signed, a button to sign and one to decline.

As with the gateway, the order then has another status, the shop's callbackUrl is requested, and the browser goes on to
the order's `callback.success` or `callback.failure`.  Which status an order has that was declined is not documented.
"""

import html
import re
from datetime import datetime, timezone
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, quote, urlsplit

import answers
import guard
from callbacks import NoCallback, Way
from covering import cover
from shown import amount, text_of

PREFIX = "/bankid/"
PAGE = Path(__file__).resolve().parent / "web" / "bankid.html"

# What a button means: the status, and where the browser goes.
MEANINGS = {"sign": ("INVOICED", "success"), "decline": ("CANCELLED", "failure")}
WAITING = "SENT"

# Where a browser may be sent: nothing that could end a header line, or a source in a Content-Security-Policy.
SITE = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


class BankId:
    def __init__(self, store, callbacks, token):
        self._store = store
        self._callbacks = callbacks
        self._token = token
        self.base = ""  # the sandbox's own address, once it listens

    def url(self, uuid):
        return f"{self.base}{PREFIX}{uuid}"

    def answer(self, request, body):
        order = self._store.find(request.path.removeprefix(PREFIX))
        if order is None or not order.is_private:
            return _page(404, "No such order", "<p>The sandbox knows no order by this address that a person could sign. "
                              "It forgets all orders when it ends.</p>")
        return self._decide(order, body) if request.method == "POST" else self._ask(order)

    def _ask(self, order):
        if order.status != WAITING:
            return self._decided_already(order)
        content = order.content
        return _page(200, "Sign this order", Template(QUESTION).substitute(
            path=html.escape(PREFIX + order.uuid), token=html.escape(self._token.text), lines=_lines(content),
            total=_text(amount(content["orderSummary"]["grandTotal"])), name=_text(content["customerDetails"]["name"]),
            uuid=_text(order.uuid), reference=_text(content.get("referenceNo")),
            date=_text(_day(content["orderDate"])), maturity=_maturity(content),
        ), goes_on_to=_addresses(order).values())

    def _decide(self, order, body):
        form = parse_qs(body.decode("utf-8", "replace"))
        decision = form.get("decision", [""])[-1]
        if not self._token.is_shown(form.get("token", [""])[-1]):
            return _page(403, "Start again", "<p>The sandbox was started anew since this page was loaded.</p>")
        if decision not in MEANINGS:
            return _page(400, "Sign or decline", "<p>The form says neither.</p>")
        status, outcome = MEANINGS[decision]
        if not self._store.change_status(order.uuid, status, "BankID", only_from=WAITING):
            return self._decided_already(order)
        told = ""
        try:
            self._callbacks.send(order, Way())
        except NoCallback as reason:
            told = f"<p>The shop was not told. {_text(reason)}</p>"
        address = _addresses(order).get(outcome)
        if address is None:
            return _page(200, "Signed" if decision == "sign" else "Declined",
                         told + f"<p>The order names no <code>callback.{outcome}</code> to which a browser could go.</p>")
        return answers.Answer(303, body=b"", content_type="text/plain; charset=utf-8",
                              headers={**_headers([address]), "Location": address})

    def _decided_already(self, order):
        return _page(409, "Nothing to sign", f"<p>The order {_text(order.uuid)} has the status "
                     f"<strong>{_text(order.status)}</strong>: it does not wait for a signature.</p>")


# --- The page --------------------------------------------------------------------------------------------------------

QUESTION = """
<p class="lead">$name, you would sign that you pay this by invoice.</p>
<table class="lines">
<caption>Order $reference</caption>
<thead><tr><th scope="col">Product</th><th scope="col" class="number">Quantity</th>
<th scope="col" class="number">VAT&nbsp;%</th><th scope="col" class="number">Amount</th></tr></thead>
<tbody>$lines</tbody>
<tfoot><tr><th scope="row" colspan="3">To pay</th><td class="number">$total</td></tr></tfoot>
</table>
<dl class="facts"><div><dt>Ordered</dt><dd>$date</dd></div><div><dt>To be paid within</dt><dd>$maturity</dd></div>
<div><dt>The gateway's number</dt><dd>$uuid</dd></div></dl>
<form method="post" action="$path" class="decision">
<input type="hidden" name="token" value="$token">
<button type="submit" name="decision" value="sign" class="primary">Sign</button>
<button type="submit" name="decision" value="decline">Decline</button>
</form>
"""


def _page(status, title, content, goes_on_to=()):
    text = Template(PAGE.read_text()).substitute(title=html.escape(title), content=content)
    return answers.Answer(status, body=text.encode(), content_type="text/html; charset=utf-8",
                          headers=_headers(goes_on_to))


def _headers(goes_on_to):
    """Those of every page; a form may lead where the order says."""
    sites = "".join(sorted({f" {SITE.match(address).group()}" for address in goes_on_to}))
    policy = guard.HEADERS["Content-Security-Policy"].replace("form-action 'self'", f"form-action 'self'{sites}")
    return {**guard.HEADERS, "Content-Security-Policy": policy}


def _addresses(order):
    """Where a browser may go on to: "success" and "failure", as far as the order has addresses for a browser."""
    found = {}
    for name in ("success", "failure"):
        address = order.content["callback"][name]
        site = SITE.match(address)
        if site and address[site.end():][:1] in ("", "/", "?", "#") and urlsplit(address).hostname:
            found[name] = quote(address, safe="/:?#[]@!$&'()*+,;=%~-._")
    return found


def _lines(content):
    products = content["products"]
    return "".join(
        f"<tr><td>{_text(product.get('name'))}</td>" + "".join(
            f'<td class="number">{_text(value)}</td>'
            for value in (product.get("quantity"), product.get("tax"), amount(product.get("amount")))) + "</tr>"
        for product in (products.values() if isinstance(products, dict) else products))


def _maturity(content):
    days = content.get("invoiceMaturity")
    return "as agreed with the shop" if days is None else f"{_text(days)} days"


def _text(value):
    """A value of an order, for HTML: escaped, and no personal number in it."""
    return html.escape(cover(text_of(value) or ""))


def _day(seconds):
    """The order's date, as the text that it is or as a day."""
    try:
        return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%d %B %Y").lstrip("0")
    except (ValueError, OverflowError, OSError):
        return seconds
