"""Each misbehaviour, over loopback connections."""

import gzip
import json
import socket
import time
import unittest
import zlib

import misbehaviour
from example import EXAMPLE
from running import SUBMIT, Running


class MisbehaviourTest(unittest.TestCase):
    tested = set()

    @classmethod
    def setUpClass(cls):
        cls.gateway = Running()

    @classmethod
    def tearDownClass(cls):
        code, errors = cls.gateway.stop()
        assert (code, errors) == (0, ""), (code, errors)

    def setUp(self):
        self.gateway.sandbox("DELETE", "misbehave")
        self.gateway.sandbox("DELETE", "ledger")

    def misbehave(self, **spec):
        self.tested.update(spec)
        status, answer = self.gateway.sandbox("POST", "misbehave", spec)
        self.assertEqual(status, 200, answer)

    def made(self):
        """How many orders the ledger says were made since the test began."""
        return sum(entry["made"] for entry in self.gateway.sandbox("GET", "ledger")[1])

    def test_specs(self):
        """misbehave: lists, what is pending, clearing, and clear refusals"""
        self.tested.update(("requests", "route", "make"))
        specs = [{"requests": 2, "status": 500}, {"route": "status", "status": 503}]
        self.assertEqual(self.gateway.sandbox("POST", "misbehave", specs), (200, specs))
        self.assertEqual(self.gateway.submit()[0], 500)
        self.assertEqual(self.gateway.sandbox("GET", "misbehave")[1][0]["requests"], 1)
        self.assertEqual(self.gateway.call("GET", "/api/v1/connect/orders/status/ODR1")[0], 503)
        self.assertEqual([self.gateway.submit()[0], self.gateway.submit()[0]], [500, 201])
        self.misbehave(requests=0, status=510, make=True)
        self.assertEqual([self.gateway.submit()[0] for _ in range(4)], [510] * 4)
        self.assertEqual(self.made(), 5)
        self.assertEqual(self.gateway.sandbox("DELETE", "misbehave"), (200, []))
        for spec, part in (({"delya": 1}, "'delya'"), ({"delay": "1"}, "seconds"), ({"route": "x"}, "one of"),
                           (5, "object"), ({"raw": "", "garbage": True}, "Only one"),
                           ({"reset_on_accept": True, "delay": 1}, "before any")):
            status, answer = self.gateway.sandbox("POST", "misbehave", spec)
            self.assertEqual(status, 400)
            self.assertIn(part, answer["message"])

    def test_body(self):
        """body_has: only requests whose body has the text"""
        self.misbehave(requests=0, status=404, body_has="Poison")
        poison = json.dumps(dict(EXAMPLE, referenceNo="Poison-1"))
        self.assertEqual([self.gateway.submit()[0], self.gateway.submit(poison)[0], self.gateway.submit()[0]],
                         [201, 404, 201])
        status, answer = self.gateway.sandbox("POST", "misbehave", {"body_has": "a", "cut_request": 1})
        self.assertEqual(status, 400)
        self.assertIn("before a body is read", answer["message"])

    def test_no_answer(self):
        """the order is made, its answer never comes: reset, close, silence, a listener that goes away"""
        for spec, ending in (({"reset_after_request": True}, "reset"), ({"close_after_request": True}, "closed"),
                             ({"stall": 0.1}, "closed")):
            with self.subTest(str(spec)):
                self.misbehave(**spec)
                self.assertEqual(self.gateway.raw_submit(), (b"", ending))
        self.misbehave(stall=True)
        self.assertEqual(self.gateway.raw_submit(timeout=0.3), (b"", "open"))
        self.misbehave(stop_listening=0.4)
        self.assertEqual(self.gateway.raw_submit(), (b"", "closed"))
        with self.assertRaises(ConnectionRefusedError):
            self.gateway.submit()
        self.assertEqual(self.submit_when_it_listens(), 201)
        self.assertEqual(self.made(), 6)

    def submit_when_it_listens(self):
        until = time.monotonic() + 5
        while time.monotonic() < until:
            try:
                return self.gateway.submit()[0]
            except ConnectionRefusedError:
                time.sleep(0.05)
        return None

    def test_dropped_connection(self):
        """the connection is dropped before or in the middle of the request, and no order made"""
        self.misbehave(cut_request=100)
        self.assertEqual(self.gateway.raw_submit(), (b"", "reset"))
        self.misbehave(reset_on_accept=True)
        self.assertEqual(self.gateway.raw_submit(), (b"", "reset"))
        self.misbehave(close_on_accept=True)
        received, ending = self.gateway.raw_submit()
        self.assertEqual((received, ending in ("closed", "reset")), (b"", True))
        self.assertEqual(self.gateway.sandbox("GET", "ledger")[1], [])

    def test_cut_answer(self):
        """an answer cut at any byte, ended in three ways"""
        for size in (0, 1, 9, 100, 400):
            for how, ending in (("fin", "closed"), ("rst", "reset"), ("stall", "closed")):
                with self.subTest(f"{size} {how}"):
                    self.misbehave(cut_answer=size, how=how, stall=0.05)
                    received, ended = self.gateway.raw_submit()
                    self.assertEqual((len(received), ended), (size, ending))
                    self.assertTrue(b"HTTP/1.1 201 Created\r\n".startswith(received[:20]))
        self.assertEqual(self.made(), 15)

    def test_slow(self):
        """delay, delay_before, drip"""
        for spec, least in (({"delay": 0.2}, 0.2), ({"delay_before": 0.2}, 0.2), ({"drip": 0.0001}, 0.05)):
            with self.subTest(str(spec)):
                self.misbehave(**spec)
                begin = time.monotonic()
                self.assertEqual(self.gateway.submit()[0], 201)
                self.assertGreaterEqual(time.monotonic() - begin, least)
        self.misbehave(delay=2)
        self.assertEqual(self.gateway.raw_submit(timeout=0.2), (b"", "open"))
        self.assertEqual(self.made(), 4)
        self.gateway.sandbox("DELETE", "ledger")
        self.misbehave(delay_before=2)
        self.assertEqual(self.gateway.raw_submit(timeout=0.2), (b"", "open"))
        self.assertEqual(self.made(), 0)

    def test_other_bytes(self):
        """garbage, raw bytes, interim answers, an answer whose connection closes unannounced"""
        self.misbehave(garbage=7)
        self.misbehave(garbage=7)
        first = self.gateway.raw_submit()
        self.assertEqual((len(first[0]), first[1]), (512, "closed"))
        self.assertEqual(self.gateway.raw_submit(), first)
        self.misbehave(garbage="SSH-2.0\xff")
        self.assertEqual(self.gateway.raw_submit(), (b"SSH-2.0\xff", "closed"))
        self.misbehave(raw="HTTP/1.1 201 Created\r\n\r\n{}")
        self.assertEqual(self.gateway.raw_submit()[0], b"HTTP/1.1 201 Created\r\n\r\n{}")
        self.misbehave(close_after_answer=True)
        received, ending = self.gateway.raw_submit()
        self.assertEqual((b"Connection: keep-alive" in received, received[-5:], ending), (True, b"0\r\n\r\n", "closed"))
        self.misbehave(interim=3)
        received = self.gateway.raw_submit()[0]
        heads = [received.count(b"HTTP/1.1 " + status) for status in (b"103 ", b"100 ", b"201 ")]
        self.assertEqual((heads, received[-5:]), ([2, 1, 1], b"0\r\n\r\n"))
        self.assertEqual(self.made(), 6)

    def test_other_status(self):
        """another status: its usual body, or a given one; 2xx makes the order"""
        for status in (200, 202, 204):
            self.misbehave(status=status)
            self.assertEqual(self.gateway.call("POST", SUBMIT, EXAMPLE)[0], status)
        self.assertEqual(self.made(), 3)
        for status in (302, 400, 401, 403, 404, 409, 417, 429, 500, 502, 503, 504, 510, 599):
            self.misbehave(status=status)
            self.assertEqual(self.gateway.call("POST", SUBMIT, EXAMPLE)[0], status)
        self.misbehave(status=429, json={"message": "slow down"}, headers={"Retry-After": 5, "Server": None})
        status, headers, body = self.gateway.call("POST", SUBMIT, EXAMPLE)
        self.assertEqual((headers["retry-after"], headers["server"], body), ("5", None, b'{"message":"slow down"}'))
        self.misbehave(status=503, body="busy")
        self.assertEqual(self.gateway.call("POST", SUBMIT, EXAMPLE)[2], b"busy")
        self.misbehave(status=503, html=True)
        self.assertIn(b"<h1>503 Service Unavailable</h1>", self.gateway.call("POST", SUBMIT, EXAMPLE)[2])
        self.misbehave(redirect="http://127.0.0.1:1/x", status=307)
        status, headers, _ = self.gateway.call("POST", SUBMIT, EXAMPLE)
        self.assertEqual((status, headers["location"]), (307, "http://127.0.0.1:1/x"))
        self.assertEqual(self.made(), 3)

    def test_errors(self):
        """417 with any errors, with the personal number or the callback URL repeated, and before the body was read"""
        for errors in (["a"], {"b": 1}, "text", None, [{"message": "x"}]):
            self.misbehave(errors=errors)
            self.assertEqual(self.gateway.submit()[1]["errors"], errors)
        self.misbehave(echo_personal_number=True)
        self.assertIn("28038712383", self.gateway.submit()[1]["errors"][0])
        self.misbehave(echo_callback_url=True)
        self.assertIn(EXAMPLE["callback"]["callbackUrl"], self.gateway.submit()[1]["errors"][0])
        self.misbehave(expect_early_417=True)
        with socket.create_connection(("127.0.0.1", self.gateway.port), 5) as sock:
            sock.sendall((f"POST {SUBMIT} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer sandbox-token\r\n"
                          "Content-Length: 4\r\n\r\n").encode())
            self.assertTrue(sock.recv(4096).startswith(b"HTTP/1.1 417 Expectation Failed\r\n"))
            sock.sendall(b"null" + b"GET /sandbox/health HTTP/1.1\r\n\r\n")
            self.assertTrue(sock.recv(4096).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(self.made(), 0)

    def test_spoilt_success(self):
        """a success answer with other data, too large, too deep, or not text"""
        self.misbehave(data={"orderUuid": "ODR1", "paymentUrl": None}, omit=["bankIdUrl"])
        data = self.gateway.submit()[1]["data"]
        self.assertEqual((data["orderUuid"], data["paymentUrl"], "bankIdUrl" in data), ("ODR1", None, False))
        self.misbehave(body_size=3_000_000)
        status, _, body = self.gateway.call("POST", SUBMIT, EXAMPLE)
        self.assertEqual((status, len(body), "padding" in json.loads(body)), (201, 3_000_000, True))
        self.misbehave(deep=100_000)
        self.assertIn(b"[" * 100_000 + b"]" * 100_000, self.gateway.call("POST", SUBMIT, EXAMPLE)[2])
        self.misbehave(deep=3)
        self.assertEqual(self.gateway.submit()[1]["nested"], [[[]]])
        self.misbehave(invalid_utf8=True)
        with self.assertRaises(UnicodeDecodeError):
            self.gateway.submit()
        self.misbehave(nul=True)
        self.assertEqual(self.gateway.submit()[1]["message"][0], "\0")
        self.misbehave(headers={"Content-Length": ["5", "7"]})
        self.assertEqual(self.gateway.raw_submit()[0].count(b"Content-Length:"), 2)
        self.assertEqual(self.made(), 7)

    def test_second_order(self):
        """second_order: a change is answered with another order, and the first one stays; an order is made as ever"""
        uuid = self.gateway.submit()[1]["data"]["orderUuid"]
        change = EXAMPLE | {"fpgoUuid": uuid, "orderFrom": "PARTNER", "invoiceMaturity": 11}
        self.misbehave(second_order=True)
        status, answer = self.gateway.submit(change)
        self.assertEqual(status, 201)
        self.assertNotEqual(answer["data"]["orderUuid"], uuid)
        self.assertEqual(answer["message"], "orderCreatedSuccessfully")
        ledger = self.gateway.sandbox("GET", "ledger")[1]
        self.assertEqual([entry["update"] for entry in ledger], [False, False])
        self.assertEqual(ledger[1]["order_uuid"], answer["data"]["orderUuid"])
        self.assertEqual(self.gateway.submit(change)[1]["data"]["orderUuid"], uuid)
        self.misbehave(second_order=True)
        self.assertEqual(self.gateway.submit()[0], 201)

    def test_coding(self):
        """an answer in a coding that nobody asked for, whole or damaged, and one of any size"""
        plain = {"status_code": 201}
        for coding, decode in (("gzip", gzip.decompress), ("X-GZIP", gzip.decompress), ("deflate", zlib.decompress),
                               ("deflate, gzip", lambda body: zlib.decompress(gzip.decompress(body))),
                               ("identity", bytes), ("br", bytes)):
            self.misbehave(json=plain, coding=coding)
            status, headers, body = self.gateway.call("POST", SUBMIT, EXAMPLE)
            self.assertEqual((status, headers["Content-Encoding"], json.loads(decode(body))), (201, coding, plain))
        self.misbehave(body_size=3_000_000, coding="gzip")
        body = self.gateway.call("POST", SUBMIT, EXAMPLE)[2]
        self.assertLess(len(body), 10_000)
        self.assertEqual(len(gzip.decompress(body)), 3_000_000)
        for fault, error in (("cut", EOFError), ("corrupt", (OSError, zlib.error)), ("trailing", OSError)):
            self.misbehave(coding="gzip", coding_fault=fault)
            with self.assertRaises(error):
                gzip.decompress(self.gateway.call("POST", SUBMIT, EXAMPLE)[2])
        self.misbehave(json=plain, coding="gzip", coding_fault="twice")
        body = gzip.decompress(self.gateway.call("POST", SUBMIT, EXAMPLE)[2])
        self.assertEqual(body, b'{"status_code":201}' * 2)
        self.assertEqual(self.made(), 11)

    def test_zz_every_key(self):
        """every misbehaviour was tested"""
        self.assertEqual(self.tested, set(misbehaviour.KINDS))
