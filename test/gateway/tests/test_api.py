"""The documented endpoints and the ledger, over loopback connections."""

import base64
import hashlib
import json
import socket
import tempfile
import threading
import unittest
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from example import EXAMPLE, corporate, example, with_value
from running import SUBMIT, Running


class ApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.ledger_file = Path(cls.folder.name) / "ledger.jsonl"
        cls.gateway = Running("--ledger", str(cls.ledger_file))

    @classmethod
    def tearDownClass(cls):
        code, errors = cls.gateway.stop()
        cls.folder.cleanup()
        assert (code, errors) == (0, ""), (code, errors)

    def test_created(self):
        """a private order: 201, uuids, BankID address, headers, PHP's JSON"""
        status, headers, body = self.gateway.call("POST", SUBMIT, EXAMPLE)
        answer = json.loads(body)
        self.assertEqual((status, answer["status_code"], answer["status_message"]), (201, 201, "OK"))
        data = answer["data"]
        self.assertRegex(data["orderUuid"], r"^ODR[0-9]{10}$")
        self.assertRegex(data["customerUuid"], r"^CSRT[0-9]{10}$")
        state = parse_qs(urlsplit(data["bankIdUrl"]).query)["state"][0]
        self.assertEqual(json.loads(base64.b64decode(state)), {"orderUuid": data["orderUuid"], "connect": "yes"})
        self.assertIn(rb"https:\/\/auth.current.bankid.no\/", body)
        self.assertEqual(headers["server"], "nginx/1.24.0 (Ubuntu)")
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(headers["transfer-encoding"], "chunked")
        self.assertEqual(headers["x-ratelimit-limit"], "240")
        self.assertLess(int(headers["x-ratelimit-remaining"]), 240)
        again = self.gateway.submit()[1]["data"]
        self.assertEqual(again["customerUuid"], data["customerUuid"])
        self.assertNotEqual(again["orderUuid"], data["orderUuid"])

    def test_corporate(self):
        """a corporate order: no BankID address, INVOICED, an invoice number, details"""
        data = self.gateway.submit(corporate())[1]["data"]
        self.assertNotIn("bankIdUrl", data)
        uuid = data["orderUuid"]
        status, answer = self.gateway.json("GET", f"/api/v1/connect/orders/invoice-number/{uuid}")
        self.assertEqual((status, answer["data"]["status"]), (200, "INVOICED"))
        self.assertRegex(answer["data"]["invoiceNumber"], "^[0-9]{8}$")
        details = self.gateway.json("GET", f"/api/v1/connect/orders/details/{uuid}")[1]["data"]
        self.assertEqual(details["orderSummary"],
                         {"subTotal": "40", "tax": "0", "discount": "0.00", "grandTotal": "40"})
        self.assertEqual(details["productList"], EXAMPLE["products"])
        self.assertEqual(details["customerDetails"]["uuid"], data["customerUuid"])

    def test_status(self):
        """an order's status, its change through the sandbox, and the list by status"""
        uuid = self.gateway.submit()[1]["data"]["orderUuid"]
        target = f"/api/v1/connect/orders/status/{uuid}"
        self.assertEqual(self.gateway.json("GET", target)[1]["data"],
                         {"uuid": uuid, "status": "SENT", "orderAmount": 40, "refundedAmount": 0})
        self.assertEqual(self.gateway.sandbox("POST", f"orders/{uuid}", {"status": "EXPIRED"})[0], 200)
        self.assertEqual(self.gateway.json("GET", target)[1]["data"]["status"], "EXPIRED")
        status, answer = self.gateway.json("GET", "/api/v1/connect/orders/status?type=Expired")
        self.assertEqual((status, answer["data"]), (200, [{"uuid": uuid, "status": "EXPIRED"}]))
        self.assertEqual(self.gateway.sandbox("POST", "orders/ODR1", {"status": "PAID"})[0], 404)

    def test_not_found(self):
        """404 in its shapes, 405, and an unknown route"""
        for target, message in (("status/ODR1", "Order Not Found"), ("details/ODR1", "orderNotFound"),
                                ("invoice-number/ODR1", "orderNotFound"), ("status?type=NONE", "Order Not Found")):
            with self.subTest(target):
                self.assertEqual(self.gateway.json("GET", f"/api/v1/connect/orders/{target}"), (404, {
                    "status_code": 404, "status_message": "Not Found", "message": message,
                    "is_data": False, "data": None}))
        self.assertEqual(self.gateway.json("GET", "/api/v1/connect/orders")[0], 404)
        self.assertEqual(self.gateway.json("GET", SUBMIT)[0], 405)

    def test_unauthenticated(self):
        """401 without the token or with another one, and no order made"""
        before = self.gateway.sandbox("GET", "health")[1]
        for token in (None, "other"):
            self.assertEqual(self.gateway.submit(token=token), (401, {"message": "Unauthenticated."}))
        self.assertEqual(self.gateway.sandbox("GET", "health")[1], before)

    def test_refused(self):
        """a refusal: 417 and its envelope; a body that is not JSON counts as an empty order"""
        status, answer = self.gateway.submit(with_value("customerDetails.email", "kari"))
        self.assertEqual((status, answer), (417, {
            "status_code": 417, "status_message": "Client Error", "message": "payloadValidationErrors",
            "is_error": True, "errors": ["The customer details.email must be a valid email address."]}))
        empty = self.gateway.submit({})
        self.assertEqual(len(empty[1]["errors"]), 19)
        self.assertEqual(self.gateway.submit(b"not json"), empty)
        self.assertEqual(self.gateway.submit(Content_Type="text/plain"), empty)

    def test_update(self):
        """fpgoUuid updates an order; an unknown one is refused"""
        uuid = self.gateway.submit()[1]["data"]["orderUuid"]
        before = self.gateway.sandbox("GET", "health")[1]["orders"]
        update = with_value("customerDetails.name", "Kari") | {"fpgoUuid": uuid, "orderFrom": "PARTNER"}
        status, answer = self.gateway.submit(update)
        self.assertEqual((status, answer["data"]["orderUuid"]), (201, uuid))
        self.assertEqual(self.gateway.sandbox("GET", "health")[1]["orders"], before)
        details = self.gateway.json("GET", f"/api/v1/connect/orders/details/{uuid}")[1]["data"]
        self.assertEqual(details["customerDetails"]["name"], "Kari")
        status, answer = self.gateway.submit(update | {"fpgoUuid": "ODR1"})
        self.assertEqual((status, answer["errors"]), (417, ["The selected fpgo uuid is invalid."]))

    def test_odd_orders(self):
        """odd values at every place of an order: always 201 or 417, and every order made can be read"""
        odd = (None, True, -1, 1e300, 10**30, "", "0", "1e999", "\0", "é" * 300, [], {}, [[]], {"0": {}}, [None, 5, "x", {}])
        connection = self.gateway.connect()
        for path in ("products.0.quantity", "products.0.tax", "products", "customerDetails", "callback",
                     "customerDetails.type", "customerDetails.personalNumber", "customerDetails.organizationId",
                     "customerDetails.address", "orderSummary.grandTotal", "fpgoUuid", "orderFrom", "referenceNo"):
            for value in odd:
                with self.subTest(f"{path} {value!r}"):
                    status, answer = self.gateway.submit(with_value(path, value), connection=connection)
                    self.assertIn(status, (201, 417))
                    for kind in ("status", "details") if status == 201 else ():
                        target = f"/api/v1/connect/orders/{kind}/{answer['data']['orderUuid']}"
                        status, _, body = self.gateway.call("GET", target, connection=connection)
                        self.assertEqual((status, b"Infinity" in body), (200, False))
        connection.close()

    def test_large_body(self):
        """a body of 1 MiB is read, a larger one is answered 413"""
        self.assertEqual(self.gateway.call("POST", SUBMIT, b" " * 1024 * 1024)[0], 417)
        status, headers, body = self.gateway.call("POST", SUBMIT, b" " * (1024 * 1024 + 1))
        self.assertEqual((status, headers["content-type"]), (413, "text/html"))
        self.assertIn(b"413 Request Entity Too Large", body)

    def test_requests_seen(self):
        """the requests seen: reuse of a connection, headers, never the token"""
        before = self.gateway.sandbox("GET", "requests")[1]
        connection = self.gateway.connect()
        for _ in range(3):
            self.gateway.submit(connection=connection, User_Agent="selftest")
        connection.close()
        seen = self.gateway.sandbox("GET", "requests")[1]
        self.assertEqual(seen["routes"]["submit"] - before["routes"].get("submit", 0), 3)
        self.assertEqual(seen["api_connections"] - before["api_connections"], 1)
        headers = dict(seen["last"][-1]["headers"])
        self.assertEqual(headers["User-Agent"], "selftest")
        self.assertEqual(headers["Authorization"], "(not recorded)")
        self.assertNotIn("sandbox-token", json.dumps(seen))

    def test_ledger(self):
        """the ledger: one entry for each create received, in memory and in the file"""
        reference = "ledger-ø/1"
        body = json.dumps(example(referenceNo=reference)).encode()
        uuid = self.gateway.submit(body)[1]["data"]["orderUuid"]
        self.gateway.submit(example(referenceNo=reference, orderDate=5))
        self.gateway.sandbox("POST", "misbehave", {"status": 500, "make": True})
        self.gateway.submit(body)
        status, entries = self.gateway.sandbox("GET", "ledger?referenceNo=ledger-%C3%B8%2F1")
        self.assertEqual([(entry["status"], entry["made"], entry["answered"]) for entry in entries],
                         [(201, True, "normally"), (417, False, "normally"), (500, True, "status")])
        first, second, third = entries
        self.assertEqual((first["order_uuid"], second["order_uuid"], first["update"]), (uuid, None, False))
        self.assertEqual(self.gateway.json("GET", f"/api/v1/connect/orders/status/{third['order_uuid']}")[0], 200)
        self.assertEqual(first["sha256"], hashlib.sha256(body).hexdigest())
        self.assertEqual(first["body"], json.loads(body))
        lines = [json.loads(line) for line in self.ledger_file.read_text().splitlines()]
        self.assertEqual(lines[-3:], entries)
        self.assertEqual([line["seq"] for line in lines], list(range(1, len(lines) + 1)))
        self.gateway.sandbox("DELETE", "ledger")
        self.assertEqual(self.gateway.sandbox("GET", "ledger"), (200, []))

    def test_many_connections(self):
        """96 connections at once, each with five orders"""
        ready = threading.Barrier(96)
        outcomes = []

        def shop():
            connection = self.gateway.connect(timeout=15)
            connection.connect()
            ready.wait(10)
            outcomes.extend(self.gateway.submit(connection=connection) for _ in range(5))
            connection.close()

        shops = [threading.Thread(target=shop) for _ in range(96)]
        for thread in shops:
            thread.start()
        for thread in shops:
            thread.join()
        uuids = {answer["data"]["orderUuid"] for status, answer in outcomes if status == 201}
        self.assertEqual((len(outcomes), len(uuids)), (480, 480))

    def test_chunked_request(self):
        """a request body in chunks, and Expect: 100-continue"""
        body = json.dumps(EXAMPLE).encode()
        status, answer = self.gateway.submit(iter([body[:100], body[100:]]))
        self.assertEqual(status, 201)
        with socket.create_connection(("127.0.0.1", self.gateway.port), 5) as sock:
            sock.sendall((f"POST {SUBMIT} HTTP/1.1\r\nHost: sandbox\r\nExpect: 100-continue\r\nConnection: close\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n").encode())
            self.assertEqual(sock.recv(4096), b"HTTP/1.1 100 Continue\r\n\r\n")
            sock.sendall(body)
            self.assertTrue(sock.recv(4096).startswith(b"HTTP/1.1 401 "))

    def test_not_http(self):
        """what is not HTTP is answered 400; clients that leave early disturb nobody"""
        for data, expected in ((b"\x16\x03\x01 hello\r\n\r\n", b"HTTP/1.1 400 "), (b"POST /", b""), (b"", b"")):
            with socket.create_connection(("127.0.0.1", self.gateway.port), 5) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                self.assertTrue(sock.recv(4096).startswith(expected))
