"""One client's connection: HTTP/1.1 requests in, bytes out, and the rude ways of ending it."""

import socket
import struct
import time
from urllib.parse import parse_qs

IDLE_SECONDS = 75  # nginx's keepalive_timeout
LARGEST_HEAD = 64 * 1024
RECEIVE_SIZE = 64 * 1024


class Hangup(Exception):
    """The connection is over: the client left, or the gateway dropped it."""


class BadRequest(Exception):
    """What arrived is not HTTP."""


class BodyTooLarge(Exception):
    """The body is larger than the gateway takes."""


class Request:
    """The head of a request."""

    def __init__(self, method, target, version, headers):
        self.method = method
        self.target = target
        self.http_1_1 = version != "HTTP/1.0"
        self.headers = headers
        self._by_name = {name.lower(): value for name, value in headers}
        self.path, _, self._query = target.partition("?")

    def header(self, name):
        return self._by_name.get(name, "")

    def query(self, name):
        """The last value of a query parameter, or None."""
        values = parse_qs(self._query, keep_blank_values=True).get(name)
        return values[-1] if values else None

    @property
    def keep_alive(self):
        wish = self.header("connection").lower()
        return wish == "keep-alive" if not self.http_1_1 else wish != "close"

    @property
    def expects_100(self):
        return self.header("expect").lower() == "100-continue"

    @property
    def is_chunked(self):
        return self.header("transfer-encoding").lower() == "chunked"

    @property
    def content_length(self):
        text = self.header("content-length") or "0"
        if not (text.isascii() and text.isdigit()):
            raise BadRequest("Content-Length is not a number")
        return int(text)


class Wire:
    """A connected socket, plain or TLS, with what was received but not yet read."""

    def __init__(self, sock):
        self._sock = sock
        self._received = bytearray()
        sock.settimeout(IDLE_SECONDS)

    # Reading

    def read_head(self):
        """The next request's head, or None when the client closed the connection between requests."""
        while True:
            end = self._received.find(b"\r\n\r\n")
            if end >= 0:
                break
            if len(self._received) > LARGEST_HEAD:
                raise BadRequest("the request head is too long")
            if not self._receive():
                if self._received:
                    raise Hangup
                return None
        head = self._take(end + 4)[:-4].decode("latin-1")
        first, *lines = head.lstrip("\r\n").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
            raise BadRequest("not a request line")
        headers = []
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequest("not a header line")
            headers.append((name, value.strip()))
        return Request(*words, headers)

    def invite_body(self, request):
        """Tell a client that waits for it to go on with the body."""
        if request.expects_100:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def read_body(self, request, largest):
        if request.is_chunked:
            return self._read_chunks(largest)
        if request.content_length > largest:
            raise BodyTooLarge
        return self._read(request.content_length)

    def read_part_of_body(self, request, size):
        self._read(size if request.is_chunked else min(size, request.content_length))

    def _read_chunks(self, largest):
        body = b""
        while True:
            try:
                size = int(self._read_line().partition(b";")[0], 16)
            except ValueError:
                raise BadRequest("not a chunk") from None
            if size < 0:
                raise BadRequest("not a chunk")
            if len(body) + size > largest:
                raise BodyTooLarge
            if size == 0:
                break
            body += self._read(size)
            self._read_line()
        while self._read_line():
            pass
        return body

    def _read_line(self):
        while (end := self._received.find(b"\r\n")) < 0:
            if len(self._received) > LARGEST_HEAD:
                raise BadRequest("the line is too long")
            if not self._receive():
                raise Hangup
        return self._take(end + 2)[:-2]

    def _read(self, size):
        while len(self._received) < size:
            if not self._receive():
                raise Hangup
        return self._take(size)

    def _take(self, size):
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def _receive(self):
        data = self._sock.recv(RECEIVE_SIZE)
        self._received += data
        return data

    # Writing and ending

    def send(self, data):
        self._sock.sendall(data)

    def close(self):
        """End the connection in the ordinary way (FIN)."""
        self._sock.close()

    def reset(self):
        """Drop the connection with a TCP reset."""
        reset_on_close(self._sock)
        self._sock.close()

    def hold(self, seconds=None):
        """Keep the connection open and silent for that long, or until the client leaves."""
        self._discard_until_closed(None if seconds is None else time.monotonic() + seconds)

    def close_after_early_answer(self):
        """Close although the client may still be sending: read on for a while so that the answer arrives."""
        self._sock.shutdown(socket.SHUT_WR)
        self._discard_until_closed(time.monotonic() + 5)
        self.close()

    def _discard_until_closed(self, deadline):
        while True:
            left = IDLE_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return
            self._sock.settimeout(left)
            try:
                if not self._sock.recv(RECEIVE_SIZE):
                    return
            except TimeoutError:
                continue


def reset_on_close(sock):
    """Make the closing of a socket a TCP reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
