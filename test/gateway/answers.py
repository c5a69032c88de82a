"""Answers: the envelopes the gateway is known to use, and their bytes with its headers."""

import json
from email.utils import formatdate
from http import HTTPStatus

SERVER = "nginx/1.24.0 (Ubuntu)"
JSON = "application/json"
HTML = "text/html"

WITHOUT_BODY = (204, 304)
FROM_THE_PROXY = (413, 502, 503, 504)  # these come from nginx, as HTML
# those that Python 3.13 gave other names
PHRASES = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}


class Answer:
    """One answer before it becomes bytes.

    `payload` is turned into JSON unless `body` (bytes, or an iterable of bytes) is given. `headers` replaces
    header lines by name: a list gives several lines, None takes the line away. `rate` is (limit, remaining).
    """

    def __init__(self, status, payload=None, body=None, content_type=JSON, headers=None):
        self.status = status
        self.payload = payload
        self.body = body
        self.content_type = content_type
        self.headers = dict(headers or {})
        self.rate = None
        self.order_uuid = None  # the order that it is about, if there is one

    def content(self):
        return php_json(self.payload) if self.body is None else self.body


def php_json(value):
    """JSON as PHP prints it: no spaces, escaped slashes, ASCII only."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode("ascii")


# --- The documented envelopes ----------------------------------------------------------------------------------------

def success(status, message, data):
    return Answer(status, {
        "status_code": status, "status_message": "OK", "message": message, "is_data": True, "data": data,
    })


def not_found(message):
    return Answer(404, {
        "status_code": 404, "status_message": "Not Found", "message": message, "is_data": False, "data": None,
    })


def refused(errors):
    return _error(417, "Client Error", "payloadValidationErrors", errors)


def internal_error():
    details = {"happenedAt": "OrderController", "internalErrorDetails": ["The sandbox was told to fail."]}
    return _error(500, "Internal Dependency Error", "Internal Error Occurred Please Try Again Later", details)


def execution_exception():
    return _error(510, "Execution Exception Occurred", "Something Went Wrong", ["The sandbox was told to fail."])


def business_conflict():
    answer = _error(400, "Conflict of Business Logic", "ambiguousRequestExistsWithSameParameters", None)
    answer.payload["is_error"] = False
    return answer


def _error(status, status_message, message, errors):
    return Answer(status, {
        "status_code": status, "status_message": status_message, "message": message, "is_error": True, "errors": errors,
    })


# --- Answers that do not use the envelope ----------------------------------------------------------------------------

def unauthenticated():
    return Answer(401, {"message": "Unauthenticated."})


def too_many(retry_after=None, reset=None):
    known = {"Retry-After": retry_after, "X-RateLimit-Reset": reset}
    headers = {name: value for name, value in known.items() if value is not None}
    return Answer(429, {"message": "Too Many Attempts."}, headers=headers)


def no_route(path):
    return Answer(404, {"message": f"The route {path.strip('/')} could not be found."})


def wrong_method(method, allowed):
    sentence = f"The {method} method is not supported for this route. Supported methods: {allowed}."
    return Answer(405, {"message": sentence}, headers={"Allow": allowed})


def nginx_page(status):
    title = f"{status} {phrase(status)}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        f"<hr><center>{SERVER}</center>\r\n</body>\r\n</html>\r\n"
    )
    return Answer(status, body=page.encode("ascii"), content_type=HTML)


def usual(status):
    """What the gateway, or the proxy in front of it, usually says with an error status."""
    if status in FROM_THE_PROXY or 300 <= status < 400:
        return nginx_page(status)
    known = {
        400: business_conflict,
        401: unauthenticated,
        404: lambda: not_found("orderNotFound"),
        417: lambda: refused(["The sandbox was told to refuse this order."]),
        429: too_many,
        500: internal_error,
        510: execution_exception,
    }
    return known.get(status, lambda: Answer(status, {"message": phrase(status)}))()


# --- Bytes -----------------------------------------------------------------------------------------------------------

def phrase(status):
    if status in PHRASES:
        return PHRASES[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def can_stay_open(answer):
    """Whether the bytes of the answer show where it ends: not if its framing headers were replaced."""
    return not _framing_replaced(answer)


def pieces(answer, keep_alive, http_1_1=True):
    """The raw answer, piece by piece; an ordinary answer is a single piece."""
    content = b"" if answer.status in WITHOUT_BODY else answer.content()
    whole = isinstance(content, bytes)
    if answer.status in WITHOUT_BODY or _framing_replaced(answer):
        framing = None
    elif http_1_1 and (answer.content_type == JSON or not whole):
        framing = ("Transfer-Encoding", "chunked")
    else:
        framing = ("Content-Length", str(len(content))) if whole else None
    head = _head(answer, framing, keep_alive)
    chunked = framing is not None and framing[0] == "Transfer-Encoding"
    if whole:
        yield head + ((_chunk(content) if content else b"") + b"0\r\n\r\n" if chunked else content)
        return
    yield head
    for part in content:
        yield _chunk(part) if chunked else part
    if chunked:
        yield b"0\r\n\r\n"


def _framing_replaced(answer):
    return any(name.lower() in ("content-length", "transfer-encoding") for name in answer.headers)


def _chunk(part):
    return b"%x\r\n%b\r\n" % (len(part), part)


def _head(answer, framing, keep_alive):
    lines = [("Server", SERVER), ("Date", formatdate(usegmt=True)), ("Content-Type", answer.content_type)]
    if framing:
        lines.append(framing)
    lines.append(("Connection", "keep-alive" if keep_alive else "close"))
    if answer.content_type == JSON:
        lines.append(("Cache-Control", "no-cache, private"))
        if answer.rate:
            limit, remaining = answer.rate
            lines.append(("X-RateLimit-Limit", str(limit)))
            lines.append(("X-RateLimit-Remaining", str(remaining)))
        lines.append(("Access-Control-Allow-Origin", "*"))
    for name, value in answer.headers.items():
        lines = [line for line in lines if line[0].lower() != name.lower()]
        values = value if isinstance(value, list) else [value]
        lines.extend((name, str(each)) for each in values if each is not None)
    text = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"HTTP/1.1 {answer.status} {phrase(answer.status)}\r\n{text}\r\n".encode("latin-1", "replace")
