"""What happened, for the page: the last requests with their answers, the last callbacks, and a wait for what comes next.

Noting one costs a few microseconds and no JSON: what is shown is worked out when a page asks for it.
"""

import threading
import time
from collections import deque

import answers

REMEMBERED = 1000
LARGEST_TEXT = 64 * 1024  # of a body that is kept


class Exchange:
    """A request of the shop's with its answer, or a callback ("callback") with the shop's."""

    __slots__ = ("number", "at", "kind", "method", "target", "headers", "sent", "status", "answered", "label", "uuid")

    def __init__(self, kind, method, target, headers, sent, status, answered, label, uuid):
        self.number = 0
        self.at = time.time()
        self.kind = kind
        self.method = method
        self.target = target
        self.headers = headers
        self.sent = sent
        self.status = status      # None: there was no answer
        self.answered = answered  # bytes, a payload that becomes JSON, or None: a body that is not kept
        self.label = label
        self.uuid = uuid

    def answered_bytes(self):
        """The body of the answer, or None if it was not kept."""
        if self.answered is None or isinstance(self.answered, bytes):
            return self.answered
        return answers.php_json(self.answered)


class History:
    """Every method may be called from any thread."""

    def __init__(self):
        self._changed = threading.Condition()
        self._exchanges = deque(maxlen=REMEMBERED)
        self._noted = 0
        self._revision = 0
        self._watchers = 0

    def request(self, route, request, body, answer, label):
        """Note a request to a documented endpoint, and what it is answered."""
        if answer.body is None:
            answered = answer.payload
        else:
            answered = answer.body[:LARGEST_TEXT] if isinstance(answer.body, bytes) else None
        self._note(Exchange(route, request.method, request.target, request.headers, body[:LARGEST_TEXT],
                            answer.status, answered, label, answer.order_uuid))

    def callback(self, order, target, status, answered, label):
        """Note a callback: what the shop answered, or in the label why nothing came."""
        self._note(Exchange("callback", "GET", target, (), b"", status, answered[:LARGEST_TEXT], label, order.uuid))

    def changed(self):
        """Something else changed that a page shows."""
        with self._changed:
            self._step()

    def exchanges(self):
        """Those that are remembered, newest first."""
        with self._changed:
            return list(reversed(self._exchanges))

    def wait(self, seen, seconds):
        """Wait until there is something that is newer than the revision `seen`; the revision then, or `seen`."""
        with self._changed:
            self._watchers += 1
            try:
                self._changed.wait_for(lambda: self._revision != seen, seconds)
            finally:
                self._watchers -= 1
            return self._revision

    def _note(self, exchange):
        with self._changed:
            self._noted += 1
            exchange.number = self._noted
            self._exchanges.append(exchange)
            self._step()

    def _step(self):
        self._revision += 1
        if self._watchers:
            self._changed.notify_all()
