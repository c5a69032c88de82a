"""Callbacks: the gateway tells a shop of an order's new status by requesting the order's callbackUrl."""

import hashlib
import http.client
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

LOOPBACK = ("127.0.0.1", "localhost")
TIMEOUT_SECONDS = 10


class NoCallback(Exception):
    """There is nobody to tell; the text says why."""


class Callbacks:
    def __init__(self, secret):
        self._secret = secret

    def target(self, order):
        """Host, port and request target, signed: all values as they stand, and the secret at the end."""
        url = urlsplit(order.content["callback"]["callbackUrl"])
        if url.scheme != "http" or url.hostname not in LOOPBACK:
            raise NoCallback("The order's callbackUrl is not on this machine.")
        pairs = parse_qsl(url.query, keep_blank_values=True) + [
            ("orderUuid", order.uuid),
            ("status", order.status),
            ("paymentMethod", "invoice"),
            ("amount", str(order.content["orderSummary"]["grandTotal"])),
            ("createdAt", str(int(order.created_at))),
            ("timestamp", str(int(time.time()))),
        ]
        signed = "".join(value for _, value in pairs) + self._secret
        pairs.append(("checksum", hashlib.sha256(signed.encode()).hexdigest()))
        return url.hostname, url.port or 80, f"{url.path or '/'}?{urlencode(pairs)}"

    def send(self, order):
        """Request it; the HTTP status of the answer."""
        host, port, target = self.target(order)
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", target)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as reason:
            raise NoCallback(f"The shop did not answer: {type(reason).__name__}.") from None
        finally:
            connection.close()
