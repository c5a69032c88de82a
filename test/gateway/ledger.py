"""The ledger: one entry for every create the gateway received in full, written before it is answered.

It is the truth about which orders exist, however the answer was spoilt afterwards. Entries are kept as JSON
lines, in memory and optionally in a file.
"""

import hashlib
import json
import threading
from datetime import datetime, timezone


class Ledger:
    def __init__(self, path=None):
        self._lock = threading.Lock()
        self._file = open(path, "ab", buffering=0) if path else None
        self._lines = []
        self._epoch = 0  # how often it was cleared
        self._by_reference = {}
        self._written = 0

    def __len__(self):
        return len(self._lines)

    def add(self, raw_body, order, status, order_uuid, made, update, answered):
        """Write one entry. `order` is the parsed body (None if it was not JSON), `answered` names the misbehaviour."""
        reference = order.get("referenceNo") if isinstance(order, dict) else None
        entry = {
            "seq": 0,
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "referenceNo": reference,
            "order_uuid": order_uuid,
            "made": made,
            "update": update,
            "status": status,
            "answered": answered,
            "sha256": hashlib.sha256(raw_body).hexdigest(),
            "body": order,
        }
        with self._lock:
            self._written += 1
            entry["seq"] = self._written
            line = _json_line(entry, raw_body)
            self._lines.append(line)
            if isinstance(reference, str):
                self._by_reference.setdefault(reference, []).append(line)
            if self._file:
                self._file.write(line + b"\n")

    def as_array(self, reference=None):
        """The entries, or those with that referenceNo, as the bytes of a JSON array."""
        with self._lock:
            lines = list(self._lines) if reference is None else list(self._by_reference.get(reference, ()))
        return b"[" + b",\n".join(lines) + b"]"

    def lines_from(self, position, epoch):
        """(epoch, the entries from a position on, as JSON lines): from the first one if it was cleared since `epoch`."""
        with self._lock:
            return self._epoch, self._lines[position if epoch == self._epoch else 0:]

    def newest(self, count):
        """The last entries, newest first."""
        with self._lock:
            lines = self._lines[-count:]
        return [json.loads(line) for line in reversed(lines)]

    def clear(self):
        """Forget the entries in memory. The file keeps its lines and `seq` goes on counting."""
        with self._lock:
            self._lines.clear()
            self._epoch += 1
            self._by_reference.clear()

    def close(self):
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None


def _json_line(entry, raw_body):
    try:
        return json.dumps(entry, allow_nan=False).encode("ascii")
    except ValueError:  # a number such as 1e999, which JSON cannot carry once it is read
        entry["body"] = raw_body.decode("utf-8", "replace")
        return json.dumps(entry).encode("ascii")
