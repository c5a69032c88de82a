"""The misbehaviours asked for: checking them, keeping them until their requests come, applying them."""

import threading
import time

from misbehaviour import ACCEPT, DELIVER, KINDS, REQUEST, SHAPE, Delivery


class BadSpec(Exception):
    """A misbehaviour that cannot be understood; its text says why."""


def check_spec(spec):
    """Raise BadSpec unless the value is a misbehaviour the gateway understands."""
    if not isinstance(spec, dict):
        raise BadSpec("A misbehaviour must be a JSON object.")
    for name, value in spec.items():
        if name not in KINDS:
            raise BadSpec(f"Unknown misbehaviour key '{name}'. Known keys: {', '.join(KINDS)}.")
        if not KINDS[name].values.test(value):
            raise BadSpec(f"The value of '{name}' must be {KINDS[name].values.text}.")
    at_accept = _names(spec, ACCEPT)
    others = [name for name in spec if name not in at_accept and name != "requests"]
    if at_accept and (others or len(at_accept) > 1):
        raise BadSpec(f"'{at_accept[0]}' drops a connection before any request and combines only with 'requests'.")
    if "body_has" in spec and _names(spec, REQUEST):
        raise BadSpec(f"'{_names(spec, REQUEST)[0]}' acts before a body is read and does not combine with 'body_has'.")
    endings = _names(spec, DELIVER)
    if len(endings) > 1 and endings != ["cut_answer", "stall"]:
        raise BadSpec(f"Only one of these can be asked for at a time: {', '.join(endings)}.")


def _names(spec, moment):
    """The keys of a misbehaviour that act at a moment, in the order of the table."""
    return [name for name, kind in KINDS.items() if kind.moment == moment and name in spec]


def _is_for(spec, route):
    return not _names(spec, ACCEPT) and spec.get("route", "submit") in ("*", route)


class Mishap:
    """A misbehaviour at work on one request; without a spec, the ordinary course of things."""

    def __init__(self, spec=None):
        self.spec = spec or {}

    @property
    def label(self):
        """How the ledger names it."""
        return ", ".join(name for name in self.spec if name not in ("requests", "route", "make", "body_has")) or "normally"

    @property
    def makes_order(self):
        if "make" in self.spec:
            return self.spec["make"]
        if not 200 <= self.spec.get("status", 201) < 300:
            return False
        return all(KINDS[name].makes_order is not False for name in self.spec)

    @property
    def makes_second_order(self):
        """Whether a change makes another order, and leaves the one that it names as it is."""
        return "second_order" in self.spec

    def before_body(self, wire, request):
        """Act on a request whose body is not read yet; whether it is answered already."""
        answered = False
        for name in _names(self.spec, REQUEST):
            answered = KINDS[name].act(wire, request, self.spec) or answered
        return answered

    def shape(self, answer, order):
        for name in _names(self.spec, SHAPE):
            answer = KINDS[name].act(answer, self.spec, order)
        return answer

    def wait_before(self):
        time.sleep(self.spec.get("delay_before", 0))

    def wait_after(self, usual):
        time.sleep(self.spec.get("delay", usual))

    def deliver(self, wire, pieces, listener):
        """Send the answer, or do what is wanted instead; whether the connection may go on."""
        delivery = Delivery(self.spec, wire, pieces, listener)
        endings = _names(self.spec, DELIVER)
        if not endings:
            delivery.send_all()
            return True
        KINDS[endings[0]].act(delivery)
        return False


ORDINARY = Mishap()


class Pending:
    """The misbehaviours that wait for their requests, in the order in which they were asked for."""

    def __init__(self):
        self._lock = threading.Lock()
        self._specs = []

    def add(self, specs):
        for spec in specs:
            check_spec(spec)
        with self._lock:
            self._specs.extend(dict(spec) for spec in specs)

    def as_list(self):
        with self._lock:
            return [dict(spec) for spec in self._specs]

    def clear(self):
        with self._lock:
            self._specs.clear()

    def take_for_connection(self, sock):
        """Drop a new connection if that is wanted; whether it was dropped."""
        spec = self._take(lambda spec: _names(spec, ACCEPT))
        if spec is None:
            return False
        KINDS[_names(spec, ACCEPT)[0]].act(sock)
        return True

    def take_for_request(self, route):
        """The misbehaviour for a request of that route, whatever its body is."""
        spec = self._take(lambda spec: "body_has" not in spec and _is_for(spec, route))
        return ORDINARY if spec is None else Mishap(spec)

    def take_for_body(self, route, body):
        """The misbehaviour for a request of that route with that body."""
        spec = self._take(lambda spec: "body_has" in spec and _is_for(spec, route)
                          and spec["body_has"].encode() in body)
        return ORDINARY if spec is None else Mishap(spec)

    def _take(self, matches):
        if not self._specs:
            return None
        with self._lock:
            for position, spec in enumerate(self._specs):
                if matches(spec):
                    return self._use(position, spec)
        return None

    def _use(self, position, spec):
        left = spec.get("requests", 1)
        if left == 1:
            del self._specs[position]
        elif left > 1:
            spec["requests"] = left - 1
        return dict(spec)
