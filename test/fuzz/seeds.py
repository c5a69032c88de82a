"""What the fuzz targets start from: python3 seeds.py DIRECTORY

Makes a folder of files for each target, from the orders of test/corpus and the answers of the API page.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

TEST = Path(__file__).resolve().parent.parent

HEADERS = (
    ("Retry-After", "Retry-After: 120\r\n"),
    ("Retry-After", "retry-after:\tSun, 06 Nov 1994 08:49:37 GMT\r\n"),
    ("Tue, 19 Jan 2038 03:14:08 GMT", "X-RateLimit-Remaining: 239\r\n"),
    ("30", "Content-Type: application/json\r\n"),
    ("", "https://demo-api.frontpayment.no/api/v1"),
    ("", "http://127.0.0.1:8417/api/v1"),
    ("", "http://[::1]:80"),
    ("", "https://[2001:db8::1]/a"),
    ("", "::ffff:127.0.0.1"),
    ("", "sandbox-token"),
)

CALLBACK_URLS = (
    "https://shop.example/fpgo/{submission}",
    "http://127.0.0.1:8080/{submission}.php?a[]=1#z",
)

QUERIES = (
    "orderUuid=ODR4286244937&status=PAID&paymentMethod=invoice&amount=40&createdAt=1703040812&timestamp=1703040813"
    "&checksum=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "/fpgo?a=x+y%20z%2B&=1&b",
    "https://shop.example/fpgo?a=%E2%82%AC&%61=%00&&b=%zz%",
    "/fpgo/fpgo-0123456789abcdef0123456789abcdef?orderUuid=ODR1&status=PAID",
    "https://shop.example/fpgo/fpgo-0123456789abcdef0123456789abcdef?a=b#c",
)


def texts_in(value):
    """Every text in a JSON value, the names of members included; numbers as they are spelt."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from texts_in(member)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield repr(value)


def pair(first, second):
    """Two texts as fuzz.h takes them apart."""
    first = first.encode()[:255]
    return bytes([len(first)]) + first + second.encode()


def text_seeds(cases):
    texts = sorted({text for case in cases for text in texts_in(case["payload"])} | set(CALLBACK_URLS))
    for index, text in enumerate(texts):
        yield pair(text, texts[(index * 7 + 1) % len(texts)])


def outcome_seeds():
    """libcurl's code, the status, and the four facts that are true or false."""
    for code in (0, 7, 18, 28, 52, 56, -1):
        for status in (0, 201, 401, 417, 429, 500):
            for facts in (0, 1, 3, 7, 15):
                yield struct.pack("<iiB", code, status, facts)


def reply_seeds(cases):
    success = {"status_code": 201, "status_message": "OK", "message": "orderCreatedSuccessfully", "is_data": True,
               "data": {"orderUuid": "ODR4286244937", "customerUuid": "CSRT3419523642",
                        "bankIdUrl": "https://auth.current.bankid.no/precheck/auth?state=eyJvcmRlclV1aWQi"}}
    yield json.dumps(success).encode()
    yield json.dumps(success["data"] | {"data": {"paymentUrl": "http://x/"}}).encode()
    yield b'{"status_code":510,"status_message":"Execution Exception Occurred","is_error":true,"errors":"Array"}'
    for errors in ("no", ["28038712383 is wrong", {"message": "Zahidul Islam"}], {"a": {"b": ["s\u00f8t! 2803 871-2383"]}},
                   ["tok_0123456789", "see https://x.no/?a=b#c", "\u0085 \u00a0", "1" * 600]):
        yield json.dumps({"status_code": "417", "is_error": True, "errors": errors}, ensure_ascii=False).encode()
    for case in cases:
        if case["errors"]:
            errors = {path: [f"The {path} field is invalid: {rule}." for rule in rules]
                      for path, rules in case["errors"].items()}
            yield json.dumps({"status_code": 417, "message": "Validation", "errors": errors}).encode()


def write(directory, seeds):
    directory.mkdir(parents=True)
    for seed in seeds:
        (directory / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def main():
    lines = (TEST / "corpus" / "orders.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    cases.append({"payload": json.loads((TEST / "corpus" / "example-order.json").read_text("utf-8")), "errors": {}})
    target = Path(sys.argv[1])
    write(target / "format", text_seeds(cases))
    write(target / "plausible", text_seeds(cases))
    write(target / "outcome", outcome_seeds())
    write(target / "reply", reply_seeds(cases))
    write(target / "query", [pair("", query) for query in QUERIES])
    write(target / "http_text", [pair(first, second) for first, second in HEADERS])


main()
