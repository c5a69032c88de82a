"""What passed through the gateway: counts, the headers of the last requests, and the rate limit's windows."""

import threading
import time
from collections import Counter, deque

REMEMBERED_REQUESTS = 100
REMEMBERED_WINDOWS = 100


class Traffic:
    """Counts of connections and API requests. Control requests under /sandbox/ are not counted."""

    def __init__(self):
        self._lock = threading.Lock()
        self._connections = 0
        self._api_connections = 0
        self._routes = Counter()
        self._last = deque(maxlen=REMEMBERED_REQUESTS)

    def connection(self):
        with self._lock:
            self._connections += 1

    def request(self, route, request, first_on_connection):
        headers = [
            (name, "(not recorded)" if name.lower() in ("authorization", "proxy-authorization") else value)
            for name, value in request.headers
        ]
        seen = {"route": route, "method": request.method, "target": request.target, "headers": headers}
        with self._lock:
            self._api_connections += first_on_connection
            self._routes[route] += 1
            self._last.append(seen)

    def report(self):
        with self._lock:
            return {
                "connections": self._connections,
                "api_connections": self._api_connections,
                "routes": dict(self._routes),
                "last": list(self._last),
            }


class RateLimit:
    """A fixed window that begins with its first request. A limit of 0: none, and no header says one."""

    def __init__(self, limit, enforced=False, window=60):
        self.limit = limit
        self._enforced = enforced and limit > 0
        self._window = window
        self._lock = threading.Lock()
        self._ends = 0.0
        self._windows = deque(maxlen=REMEMBERED_WINDOWS)  # the last one is under way

    def spend(self):
        """Count one request: (what remains, seconds to wait if the request is one too many, else None)."""
        now = time.monotonic()
        with self._lock:
            if now >= self._ends:
                self._ends = now + self._window
                self._windows.append({"begins": now, "taken": 0, "refused": 0})
            window = self._windows[-1]
            if self._enforced and window["taken"] >= self.limit:
                window["refused"] += 1
                return 0, int(self._ends - now) + 1
            window["taken"] += 1
            return max(0, self.limit - window["taken"]), None

    def report(self):
        with self._lock:
            return [dict(window) for window in self._windows]
