"""What a browser asks for: the page at /, its files and data under /page/, BankID's pages under /bankid/.

No GET changes anything.  A POST shows the token that the page was served with.
"""

import json
import time
from pathlib import Path
from urllib.parse import unquote

import answers
import bankid
import guard

PREFIX = "/page/"
FOLDER = Path(__file__).resolve().parent / "web"
INDEX = FOLDER / "index.html"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LARGEST_BODY = 1024 * 1024
HEARTBEAT_SECONDS = 15
PAUSE_SECONDS = 0.25  # between two events: a page that looks four times a second costs the gateway little
TOKEN_HEADER = "x-sandbox-token"


def is_for(path):
    return path == "/" or path.startswith((PREFIX, bankid.PREFIX))


def is_address(path):
    """Whether people go there: links of other sites may lead to it."""
    return path == "/" or path.startswith(bankid.PREFIX)


class Stream:
    """Server-sent events: one for each change, with its revision; several changes in a short time are one."""

    def __init__(self, history):
        self._history = history

    def send(self, wire):
        headers = {"Content-Type": "text/event-stream", **guard.HEADERS, "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
        wire.send(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode("ascii"))
        seen = None
        while True:
            revision = self._history.wait(seen, HEARTBEAT_SECONDS)
            wire.send(b": nothing new\n\n" if revision == seen else b"id: %d\nevent: change\ndata: %d\n\n" % (
                revision, revision))
            if revision != seen:
                seen = revision
                time.sleep(PAUSE_SECONDS)


class Web:
    def __init__(self, page, bank_id, history, token):
        self._page = page
        self._bank_id = bank_id
        self._history = history
        self._token = token

    def answer(self, request, body):
        """The answer, or a Stream."""
        if request.method not in ("GET", "POST"):
            return _json(405, {"message": "Only GET and POST are known here."}, {"Allow": "GET, POST"})
        if request.path.startswith(bankid.PREFIX):
            return self._bank_id.answer(request, body)
        if request.method == "POST":
            return self._post(request, body)
        if request.path == "/":
            text = INDEX.read_bytes().replace(b"{{token}}", self._token.text.encode())
            return _file(text, "text/html")
        name = request.path.removeprefix(PREFIX)
        if name == "events":
            return Stream(self._history)
        if name in FILES:
            return _file(FILES[name].read_bytes(), TYPES[FILES[name].suffix])
        return _said(self._page.read(*_words(name), request=request))

    def _post(self, request, body):
        if not self._token.is_shown(request.header(TOKEN_HEADER)):
            return _json(403, {"message": "The sandbox was started anew since this page was loaded: load it again."})
        try:
            wish = json.loads(body)
        except (ValueError, RecursionError):
            wish = None
        if not isinstance(wish, dict):
            return _json(400, {"message": "The body must be a JSON object."})
        return _said(self._page.change(*_words(request.path.removeprefix(PREFIX)), wish=wish))


# by its name, so that no path leads elsewhere
FILES = {path.name: path for path in FOLDER.iterdir() if path.suffix in TYPES}


def _file(content, kind):
    return answers.Answer(200, body=content, content_type=f"{kind}; charset=utf-8", headers=guard.HEADERS)


def _words(name):
    """The parts of a path, always three."""
    return ([unquote(word) for word in name.split("/")] + ["", ""])[:3]


def _said(said):
    status, value = said
    return _json(status, value)


def _json(status, value, headers=None):
    return answers.Answer(status, value, headers={**guard.HEADERS, **(headers or {})})
