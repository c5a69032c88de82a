"""Twins: orders that the gateway made although it had made the same one before.  A person gets two invoices for one."""

import json
import threading

NAMED = 20


class Twins:
    """Reads the ledger on, each time it is asked: a gateway without an open page does nothing for it."""

    def __init__(self, ledger):
        self._ledger = ledger
        self._lock = threading.Lock()
        self._start(epoch=None)

    def count(self):
        """How many orders have a twin."""
        with self._lock:
            self._read_on()
            return self._count

    def of(self, uuid):
        """An order and its twins, the oldest ones first, at most NAMED of them; nothing if it has none."""
        with self._lock:
            self._read_on()
            group = self._group_of.get(uuid, ())
            return group[:NAMED] if len(group) > 1 else []

    def _start(self, epoch):
        self._epoch = epoch
        self._read = 0
        self._count = 0
        self._groups = {}    # by what makes two orders the same
        self._group_of = {}  # by an order's uuid

    def _read_on(self):
        epoch, lines = self._ledger.lines_from(self._read, self._epoch)
        if epoch != self._epoch:
            self._start(epoch)
        for line in lines:
            self._read += 1
            self._take(json.loads(line))

    def _take(self, entry):
        if not entry["made"] or entry["update"]:
            return
        reference = entry["referenceNo"]
        key = ("reference", reference) if isinstance(reference, str) else ("body", entry["sha256"])
        group = self._groups.setdefault(key, [])
        group.append(entry["order_uuid"])
        self._group_of[entry["order_uuid"]] = group
        self._count += {1: 0, 2: 2}.get(len(group), 1)
