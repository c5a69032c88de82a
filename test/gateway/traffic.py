"""What passed through the gateway: counts, the headers of the last requests, and the rate limit's window."""

import threading
import time
from collections import Counter, deque

REMEMBERED_REQUESTS = 100
WINDOW_SECONDS = 60


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
    """A fixed window of a minute that begins with its first request."""

    def __init__(self, limit, enforced=False):
        self.limit = limit
        self._enforced = enforced
        self._lock = threading.Lock()
        self._count = 0
        self._window_ends = 0.0

    def spend(self):
        """Count one request: (what remains, seconds to wait if the request is one too many, else None)."""
        now = time.monotonic()
        with self._lock:
            if now >= self._window_ends:
                self._window_ends = now + WINDOW_SECONDS
                self._count = 0
            self._count += 1
            remaining = max(0, self.limit - self._count)
            if self._enforced and self._count > self.limit:
                return remaining, int(self._window_ends - now) + 1
            return remaining, None
