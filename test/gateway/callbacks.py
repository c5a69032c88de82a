"""Callbacks: the gateway tells a shop of an order's new status by requesting the order's callbackUrl.

It is not documented what is signed where that URL has a query of its own, nor how the gateway's parameters are joined to
it.  A callback is made in each of the ways that are thought of.
"""

import hashlib
import http.client
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

LOOPBACK = ("127.0.0.1", "localhost")
TIMEOUT_SECONDS = 10

# where receiver.py listens: it is told in place of shops on other machines
RECEIVER_PORT = 8418
RECEIVER = f"http://127.0.0.1:{RECEIVER_PORT}"
LARGEST_ANSWER = 64 * 1024


# What is signed: the names of the gateway's parameters, or None for all, with those of the shop's query.
SIGNS = {
    "all": None,
    "own": ("orderUuid", "status", "paymentMethod", "amount", "createdAt", "timestamp"),
    # formulas of former times
    "oldest": ("orderUuid", "status", "createdAt"),
    "second": ("orderUuid", "status", "createdAt", "amount", "timestamp"),
}
JOINS = ("&", "?")


class NoCallback(Exception):
    """There is nobody to tell; the text says why."""


class Way:
    """How a callback is made: what is signed, and what joins the gateway's parameters to a query of the shop's."""

    def __init__(self, signs="all", joins="&"):
        if signs not in SIGNS or joins not in JOINS:
            raise ValueError(f'"signs" is one of {", ".join(SIGNS)}, and "joins" one of {", ".join(JOINS)}.')
        self.signs = signs
        self.joins = joins

    def sign(self, shops, own, secret):
        names = SIGNS[self.signs]
        values = [value for _, value in shops + own] if names is None else [dict(own)[name] for name in names]
        return hashlib.sha256(("".join(values) + secret).encode()).hexdigest()

    def join(self, query, own):
        return f"{query}{self.joins if query else ''}{urlencode(own)}"


def is_here(url):
    """Whether an address, taken apart, is one of this machine: the sandbox requests no other."""
    return url.scheme == "http" and url.hostname in LOOPBACK


class Callbacks:
    def __init__(self, secret, history, receiver=""):
        """receiver: the address that is told of orders whose callbackUrl is on another machine; "": nobody is."""
        self._secret = secret
        self._history = history
        self._receiver = receiver

    def target(self, order, way):
        """Host, port and request target, signed: values as they stand, and the secret at the end."""
        url = urlsplit(order.content["callback"]["callbackUrl"])
        place = url if is_here(url) else urlsplit(self._receiver)
        if not is_here(place):
            raise NoCallback("The order's callbackUrl is not on this machine.")
        own = [
            ("orderUuid", order.uuid),
            ("status", order.status),
            ("paymentMethod", "invoice"),
            ("amount", str(order.content["orderSummary"]["grandTotal"])),
            ("createdAt", str(int(order.created_at))),
            ("timestamp", str(int(time.time()))),
        ]
        own.append(("checksum", way.sign(parse_qsl(url.query, keep_blank_values=True), own, self._secret)))
        return place.hostname, place.port or 80, f"{url.path or '/'}?{way.join(url.query, own)}"

    def send(self, order, way):
        """Request it; the HTTP status of the answer.  NoCallback if there is none."""
        try:
            host, port, target = self.target(order, way)
            status, body = self._request(host, port, target)
        except NoCallback as reason:
            reason = self._explain(order, reason)
            self._history.callback(order, order.content["callback"]["callbackUrl"], None, b"", str(reason))
            raise reason from None
        self._history.callback(order, f"http://{host}:{port}{target}", status, body, "")
        return status

    def _explain(self, order, reason):
        """The same, but where a receiver would have been told, how to start one."""
        if not self._receiver or is_here(urlsplit(order.content["callback"]["callbackUrl"])):
            return reason
        return NoCallback(f"The order's callbackUrl is not on this machine, and no receiver answers at {self._receiver}: "
                          "python3 test/gateway/receiver.py starts one.")

    @staticmethod
    def _request(host, port, target):
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, _beginning(response)
        except (OSError, http.client.HTTPException) as reason:
            raise NoCallback(f"The shop did not answer: {type(reason).__name__}.") from None
        finally:
            connection.close()


def _beginning(response):
    """The beginning of the answer's body, as far as it comes: the answer stands without it."""
    try:
        return response.read(LARGEST_ANSWER)
    except (OSError, http.client.HTTPException):
        return b""
