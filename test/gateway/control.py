"""The control endpoints under /sandbox/: the ledger, the misbehaviours, an order's status, and what was seen.

They take no token, and plain HTTP also where the gateway serves https. Their answers are plain JSON.
"""

import json

import answers
from callbacks import NoCallback, Way
from pending import BadSpec

PREFIX = "/sandbox/"
LARGEST_BODY = 64 * 1024 * 1024


class Control:
    def __init__(self, store, ledger, pending, traffic, callbacks, rate_limit):
        self._store = store
        self._ledger = ledger
        self._pending = pending
        self._traffic = traffic
        self._callbacks = callbacks
        self._rate_limit = rate_limit
        self._calls = {
            ("GET", "ledger"): self._read_ledger,
            ("DELETE", "ledger"): self._clear_ledger,
            ("GET", "misbehave"): self._read_pending,
            ("POST", "misbehave"): self._misbehave,
            ("DELETE", "misbehave"): self._clear_pending,
            ("GET", "requests"): lambda request, body: answers.Answer(200, self._traffic.report()),
            ("GET", "windows"): lambda request, body: answers.Answer(200, self._rate_limit.report()),
            ("GET", "health"): self._health,
        }

    def answer(self, request, body):
        name = request.path[len(PREFIX):]
        call = self._calls.get((request.method, name))
        if call:
            return call(request, body)
        if name.startswith("orders/") and request.method == "POST":
            return self._change_status(name.removeprefix("orders/"), body)
        known = ", ".join(f"{method} {PREFIX}{name}" for method, name in self._calls)
        return answers.Answer(404, {"message": f"No such call. There are: {known}, POST {PREFIX}orders/(uuid)."})

    def _health(self, request, body):
        return answers.Answer(200, {
            "ok": True,
            "orders": len(self._store),
            "ledger": len(self._ledger),
            "misbehaviours": len(self._pending.as_list()),
        })

    def _read_ledger(self, request, body):
        return answers.Answer(200, body=self._ledger.as_array(request.query("referenceNo")))

    def _clear_ledger(self, request, body):
        self._ledger.clear()
        return answers.Answer(200, {"ledger": 0})

    def _read_pending(self, request, body):
        return answers.Answer(200, self._pending.as_list())

    def _clear_pending(self, request, body):
        self._pending.clear()
        return answers.Answer(200, [])

    def _misbehave(self, request, body):
        wanted = _json(body)
        try:
            self._pending.add(wanted if isinstance(wanted, list) else [wanted])
        except BadSpec as reason:
            return answers.Answer(400, {"message": str(reason)})
        return self._read_pending(request, body)

    def _change_status(self, uuid, body):
        wanted = _json(body)
        status = wanted.get("status") if isinstance(wanted, dict) else None
        if not isinstance(status, str) or not status:
            return answers.Answer(400, {"message": 'The body must be an object such as {"status": "PAID"}.'})
        callback = wanted.get("callback")
        try:
            way = Way(**callback) if isinstance(callback, dict) else Way()
        except (TypeError, ValueError) as reason:
            return answers.Answer(400, {"message": str(reason)})
        if not self._store.change_status(uuid, status):
            return answers.Answer(404, {"message": f"There is no order {uuid}."})
        answer = {"uuid": uuid, "status": status}
        try:
            if callback:
                answer["callback"] = self._callbacks.send(self._store.find(uuid), way)
        except NoCallback as reason:
            return answers.Answer(409, {"message": str(reason)})
        return answers.Answer(200, answer)


def _json(body):
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
