"""Misbehaviours: the table of what the gateway can be told to do wrong.

A misbehaviour is a JSON object. Each of its keys is a row of the table KINDS at the end of this file: what
values it takes, when it acts, and whether the order is made nonetheless. The moments at which a key acts are:

accept   a connection was accepted and nothing read
request  the head of a request was read, its body was not
shape    the answer is known and may be changed
deliver  the answer is due: how its bytes go out, and how the connection ends

A key that acts at none of these changes what another one does.
"""

import random
import time
import zlib
from collections import namedtuple

import answers
from api import ROUTE_NAMES
from wire import Hangup, reset_on_close

PIECE = 64 * 1024
HOLD_SECONDS = 30
LONGEST_SECONDS = 24 * 60 * 60


# --- What values a key takes: functions value -> bool, with their description ----------------------------------------

Values = namedtuple("Values", "test text")


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_seconds(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= LONGEST_SECONDS


def _is_header_value(value):
    values = value if isinstance(value, list) else [value]
    return all(each is None or isinstance(each, (str, int)) for each in values)


FLAG = Values(lambda value: value is True, "true")
YES_NO = Values(lambda value: isinstance(value, bool), "true or false")
WHOLE = Values(_is_whole, "a whole number, 0 or more")
SECONDS = Values(_is_seconds, "a number of seconds, at most a day")
SECONDS_OR_TRUE = Values(
    lambda value: value is True or _is_seconds(value), "true or a number of seconds, at most a day"
)
STATUS = Values(lambda value: _is_whole(value) and 200 <= value <= 599, "an HTTP status from 200 to 599")
TEXT = Values(lambda value: isinstance(value, str), "a string")
BYTES = Values(
    lambda value: isinstance(value, str) and all(character <= "\xff" for character in value),
    "a string of the characters U+0000 to U+00FF, one for each byte",
)
SEED_OR_BYTES = Values(
    lambda value: value is True or _is_whole(value) or BYTES.test(value), "true, a seed, or a string of bytes"
)
OBJECT = Values(lambda value: isinstance(value, dict), "an object")
HEADERS = Values(
    lambda value: isinstance(value, dict) and all(map(_is_header_value, value.values())),
    "an object of strings, numbers, lists of them, or null",
)
NAMES = Values(
    lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value), "a list of strings"
)
ANYTHING = Values(lambda value: True, "anything")


def _choice(*options):
    return Values(lambda value: value in options, "one of " + ", ".join(options))


# --- accept: (sock) before it is closed ------------------------------------------------------------------------------

def _close_on_accept(sock):
    sock.close()


def _reset_on_accept(sock):
    reset_on_close(sock)
    sock.close()


# --- request: (wire, request, spec) -> whether the request is answered already ---------------------------------------

def _cut_request(wire, request, spec):
    wire.invite_body(request)
    wire.read_part_of_body(request, spec["cut_request"])
    wire.reset()
    raise Hangup


def _answer_early(wire, request, spec):
    for piece in answers.pieces(answers.usual(417), request.keep_alive and not request.expects_100):
        wire.send(piece)
    return True


# --- shape: (answer, spec, order) -> answer --------------------------------------------------------------------------

def _change_status(answer, spec, order):
    status = spec["status"]
    if not (200 <= status < 300 and _has_data(answer)):
        return answers.usual(status)
    answer.status = status
    answer.payload["status_code"] = status
    return answer


def _change_data(answer, spec, order):
    if _has_data(answer):
        answer.payload["data"].update(spec["data"])
    return answer


def _omit_data(answer, spec, order):
    if _has_data(answer):
        for name in spec["omit"]:
            answer.payload["data"].pop(name, None)
    return answer


def _redirect(answer, spec, order):
    answer = answers.nginx_page(spec.get("status", 302))
    answer.headers["Location"] = spec["redirect"]
    return answer


def _html(answer, spec, order):
    return answers.nginx_page(spec.get("status", 502))


def _errors(answer, spec, order):
    return _with_status(answers.refused(spec["errors"]), spec)


def _echo_personal_number(answer, spec, order):
    number = None
    if isinstance(order, dict) and isinstance(order.get("customerDetails"), dict):
        number = order["customerDetails"].get("personalNumber")
    sentences = [
        f"The customer details.personal number {number} is invalid.",
        f"No person with the number {number} was found.",
    ]
    return _with_status(answers.refused(sentences), spec)


def _echo_callback_url(answer, spec, order):
    url = None
    if isinstance(order, dict) and isinstance(order.get("callback"), dict):
        url = order["callback"].get("callbackUrl")
    return _with_status(answers.refused([f"The callback.callback url {url} cannot be reached."]), spec)


def _with_status(answer, spec):
    answer.status = answer.payload["status_code"] = spec.get("status", answer.status)
    return answer


def _json(answer, spec, order):
    answer.body = answers.php_json(spec["json"])
    answer.content_type = answers.JSON
    return answer


def _body(answer, spec, order):
    answer.body = spec["body"].encode("utf-8", "surrogatepass")
    return answer


def _body_size(answer, spec, order):
    body = answer.content()
    if not body.endswith(b"}"):
        body = b"{}"
    start = body[:-1] + (b"," if len(body) > 2 else b"") + b'"padding":"'
    answer.body = _padded(start, spec["body_size"] - len(start) - 2, b'"}')
    return answer


def _padded(start, padding, end):
    yield start
    while padding > 0:
        size = min(padding, PIECE)
        yield b"x" * size
        padding -= size
    yield end


def _deep(answer, spec, order):
    levels = spec["deep"]
    answer.body = b'{"nested":' + b"[" * levels + b"]" * levels + b"," + answer.content().lstrip(b"{")
    return answer


def _invalid_utf8(answer, spec, order):
    return _start_of_texts(answer, b"\xff\xc3\x28")


def _nul(answer, spec, order):
    return _start_of_texts(answer, b"\\u0000")


def _start_of_texts(answer, inserted):
    """Put bytes at the start of the message and of the first error."""
    body = answer.content()
    for opening in (b'"message":"', b'"errors":["'):
        body = body.replace(opening, opening + inserted, 1)
    answer.body = body
    return answer


# What zlib calls the two codings, by their names in a header.
CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}

CODING_FAULTS = {
    "cut": lambda body: body[: len(body) // 2],
    "corrupt": lambda body: body[: len(body) // 2] + bytes([body[len(body) // 2] ^ 255]) + body[len(body) // 2 + 1:],
    "trailing": lambda body: body + b"{}",
    "twice": lambda body: body + body,
}


def _coding(answer, spec, order):
    """Put the body into the codings of the list that are known; the header names all of it."""
    body = answer.content()
    for name in spec["coding"].split(","):
        form = CODINGS.get(name.strip().lower())
        if form is not None:
            body = _compressed([body] if isinstance(body, bytes) else body, form)
    if "coding_fault" in spec:
        body = CODING_FAULTS[spec["coding_fault"]](b"".join(body))
    answer.body = body
    answer.headers["Content-Encoding"] = spec["coding"]
    return answer


def _compressed(parts, form):
    compressor = zlib.compressobj(9, zlib.DEFLATED, form)
    for part in parts:
        yield from filter(None, [compressor.compress(part)])
    yield compressor.flush()


def _headers(answer, spec, order):
    answer.headers.update(spec["headers"])
    return answer


def _has_data(answer):
    return isinstance(answer.payload, dict) and isinstance(answer.payload.get("data"), dict)


# --- deliver: (delivery) -> None; the connection is over afterwards --------------------------------------------------

class Delivery:
    """The sending of one answer over one connection."""

    def __init__(self, spec, wire, pieces, listener):
        self.spec = spec
        self.wire = wire
        self.pieces = pieces
        self.listener = listener

    def send(self, data):
        pause = self.spec.get("drip")
        if pause is None:
            self.wire.send(data)
            return
        for position in range(len(data)):
            self.wire.send(data[position:position + 1])
            time.sleep(pause)

    def send_all(self):
        for piece in self.pieces:
            self.send(piece)


def _reset_after_request(delivery):
    delivery.wire.reset()


def _close_after_request(delivery):
    delivery.wire.close()


def _close_after_answer(delivery):
    delivery.send_all()
    delivery.wire.close()


def _interim(delivery):
    interim = (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n")
    for number in range(delivery.spec["interim"]):
        delivery.send(interim[number % 2])
    delivery.send_all()


def _stop_listening(delivery):
    delivery.listener.pause(delivery.spec["stop_listening"])
    delivery.wire.close()


def _raw(delivery):
    delivery.send(delivery.spec["raw"].encode("latin-1"))


def _garbage(delivery):
    wanted = delivery.spec["garbage"]
    if isinstance(wanted, str):
        delivery.send(wanted.encode("latin-1"))
    else:
        delivery.send(random.Random(int(wanted)).randbytes(512))


def _cut_answer(delivery):
    left = delivery.spec["cut_answer"]
    for piece in delivery.pieces:
        if left <= 0:
            break
        delivery.send(piece[:left])
        left -= len(piece)
    how = delivery.spec.get("how", "fin")
    if how == "rst":
        delivery.wire.reset()
    elif how == "stall":
        delivery.wire.hold(_hold_seconds(delivery.spec.get("stall", HOLD_SECONDS)))


def _stall(delivery):
    delivery.wire.hold(_hold_seconds(delivery.spec["stall"]))


def _hold_seconds(wanted):
    return None if wanted is True else wanted


# --- The table -------------------------------------------------------------------------------------------------------

ACCEPT, REQUEST, SHAPE, DELIVER, MODIFY = "accept", "request", "shape", "deliver", "modify"

Kind = namedtuple("Kind", "values moment act makes_order")

# Shapes are applied in this order; of the deliveries a misbehaviour can have one.
KINDS = {
    "requests": Kind(WHOLE, MODIFY, None, True),
    "route": Kind(_choice("*", *ROUTE_NAMES), MODIFY, None, True),
    "body_has": Kind(TEXT, MODIFY, None, True),
    "make": Kind(YES_NO, MODIFY, None, True),
    "second_order": Kind(FLAG, MODIFY, None, True),
    "how": Kind(_choice("fin", "rst", "stall"), MODIFY, None, True),
    "coding_fault": Kind(_choice(*CODING_FAULTS), MODIFY, None, True),
    "delay": Kind(SECONDS, MODIFY, None, True),
    "delay_before": Kind(SECONDS, MODIFY, None, True),
    "drip": Kind(SECONDS, MODIFY, None, True),
    "close_on_accept": Kind(FLAG, ACCEPT, _close_on_accept, False),
    "reset_on_accept": Kind(FLAG, ACCEPT, _reset_on_accept, False),
    "cut_request": Kind(WHOLE, REQUEST, _cut_request, False),
    "expect_early_417": Kind(FLAG, REQUEST, _answer_early, False),
    "status": Kind(STATUS, SHAPE, _change_status, None),  # a 2xx makes the order, another status does not
    "data": Kind(OBJECT, SHAPE, _change_data, True),
    "omit": Kind(NAMES, SHAPE, _omit_data, True),
    "redirect": Kind(TEXT, SHAPE, _redirect, False),
    "html": Kind(FLAG, SHAPE, _html, False),
    "errors": Kind(ANYTHING, SHAPE, _errors, False),
    "echo_personal_number": Kind(FLAG, SHAPE, _echo_personal_number, False),
    "echo_callback_url": Kind(FLAG, SHAPE, _echo_callback_url, False),
    "json": Kind(ANYTHING, SHAPE, _json, True),
    "body": Kind(TEXT, SHAPE, _body, True),
    "deep": Kind(WHOLE, SHAPE, _deep, True),
    "invalid_utf8": Kind(FLAG, SHAPE, _invalid_utf8, True),
    "nul": Kind(FLAG, SHAPE, _nul, True),
    "body_size": Kind(WHOLE, SHAPE, _body_size, True),
    "coding": Kind(TEXT, SHAPE, _coding, True),
    "headers": Kind(HEADERS, SHAPE, _headers, True),
    "reset_after_request": Kind(FLAG, DELIVER, _reset_after_request, True),
    "close_after_request": Kind(FLAG, DELIVER, _close_after_request, True),
    "close_after_answer": Kind(FLAG, DELIVER, _close_after_answer, True),
    "interim": Kind(WHOLE, DELIVER, _interim, True),
    "stop_listening": Kind(SECONDS, DELIVER, _stop_listening, True),
    "raw": Kind(BYTES, DELIVER, _raw, True),
    "garbage": Kind(SEED_OR_BYTES, DELIVER, _garbage, True),
    "cut_answer": Kind(WHOLE, DELIVER, _cut_answer, True),
    "stall": Kind(SECONDS_OR_TRUE, DELIVER, _stall, True),
}
