"""The page and BankID's page, without a browser: who is answered, what changes, and what is covered."""

import hashlib
import http.server
import json
import re
import socket
import threading
import unittest
from urllib.parse import parse_qsl, urlencode, urlsplit

from covering import COVER, cover, personal_numbers
from example import EXAMPLE, corporate, with_value
from running import Running

NUMBER = EXAMPLE["customerDetails"]["personalNumber"]


class Shop(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_GET(self):
        self.seen.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"thank you")

    def log_message(self, *args):
        pass


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Running("--bankid", "here")
        cls.shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
        threading.Thread(target=cls.shop.serve_forever, daemon=True).start()
        cls.shop_address = f"http://127.0.0.1:{cls.shop.server_port}"
        index = cls.gateway.call("GET", "/", token=None)[2].decode()
        cls.token = re.search('<meta name="sandbox-token" content="([^"]+)">', index).group(1)

    @classmethod
    def tearDownClass(cls):
        cls.shop.shutdown()
        cls.shop.server_close()
        code, errors = cls.gateway.stop()
        assert (code, errors) == (0, ""), (code, errors)

    def make(self, order=None):
        return self.gateway.submit(order)[1]["data"]["orderUuid"]

    def at_shop(self, **changes):
        """An order whose addresses are the shop's."""
        order = with_value("callback.callbackUrl", f"{self.shop_address}/told")
        order["callback"].update(success=f"{self.shop_address}/thanks?a=b", failure=f"{self.shop_address}/sorry")
        return {**order, **changes}

    def get(self, name, **headers):
        return self.gateway.json("GET", f"/page/{name}", token=None, **headers)

    def post(self, name, wish, **headers):
        return self.gateway.json("POST", f"/page/{name}", wish, token=None, **{"X_Sandbox_Token": self.token, **headers})

    def decide(self, uuid, decision, **headers):
        """(status, headers, text) of BankID's form, sent."""
        form = urlencode({"token": self.token, "decision": decision}).encode()
        status, headers, body = self.gateway.call(
            "POST", f"/bankid/{uuid}", form, token=None, Content_Type="application/x-www-form-urlencoded", **headers)
        return status, headers, body.decode()

    def test_headers(self):
        """page and data: a strict policy, no sniffing, no frame, nothing for other web sites; other methods: 405"""
        for target in ("/", "/page/sandbox.js", "/page/orders", f"/bankid/{self.make()}", "/sandbox/health"):
            status, headers, _ = self.gateway.call("GET", target, token=None)
            self.assertEqual((target, status, headers.get("access-control-allow-origin")), (target, 200, None))
            if not target.startswith("/sandbox/"):
                policy = headers["content-security-policy"]
                self.assertTrue(policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), policy)
                self.assertIn("frame-ancestors 'none'", policy)
                self.assertNotIn("unsafe", policy)
                self.assertEqual((headers["x-content-type-options"], headers["cache-control"]), ("nosniff", "no-store"))
        self.assertEqual(self.gateway.call("PUT", "/page/orders", token=None)[0], 405)
        self.assertEqual(self.gateway.call("GET", "/page/..%2fserver.py", token=None)[0], 404)
        self.assertEqual(self.gateway.call("GET", "/page/../server.py", token=None)[0], 404)

    def test_names(self):
        """a name that leads here by chance or malice is answered 403, also at the control calls; not at the API"""
        targets = ("/", "/page/orders", "/page/events", "/sandbox/ledger", f"/bankid/{self.make()}")
        for target in targets:
            for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example:8417"):
                self.assertEqual((target, host, self.gateway.call("GET", target, token=None, Host=host)[0]),
                                 (target, host, 403))
        for host in ("localhost", f"localhost:{self.gateway.port}", "LOCALHOST:9000", "127.0.0.1"):
            self.assertEqual((host, self.gateway.call("GET", "/page/orders", token=None, Host=host)[0]), (host, 200))
        self.assertEqual(self.gateway.call("GET", "/api/v1/connect/orders/status/ODR1", Host="evil.example")[0], 404)
        self.assertEqual(self.gateway.call("GET", "/nowhere", token=None, Host="evil.example")[0], 404)

    def test_other_sites(self):
        """another web site can ask for nothing; its links may lead to the pages"""
        uuid = self.make()
        elsewhere = ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"},
                     {"Origin": f"http://127.0.0.1:{self.shop.server_port}"}, {"Sec_Fetch_Site": "same-site"})
        for headers in elsewhere:
            self.assertEqual(self.post(f"orders/{uuid}/status", {"status": "PAID"}, **headers)[0], 403)
            self.assertEqual(self.decide(uuid, "sign", **headers)[0], 403)
            self.assertEqual(self.get("orders", **headers)[0], 403)
            for method, target, body in (("POST", "misbehave", {"status": 500}), ("DELETE", "ledger", None),
                                         ("POST", f"orders/{uuid}", {"status": "PAID"}), ("GET", "ledger", None)):
                self.assertEqual(self.gateway.json(method, f"/sandbox/{target}", body, token=None, **headers)[0], 403)
        self.assertEqual(self.gateway.sandbox("GET", "health")[1]["misbehaviours"], 0)
        self.assertEqual(self.get(f"orders/{uuid}")[1]["status"], "SENT")
        for target in ("/", f"/bankid/{uuid}"):
            self.assertEqual(self.gateway.call("GET", target, token=None, Sec_Fetch_Site="cross-site")[0], 200)
        own = {"Origin": f"http://127.0.0.1:{self.gateway.port}", "Sec_Fetch_Site": "same-origin"}
        self.assertEqual(self.post(f"orders/{uuid}/status", {"status": "PAID"}, **own)[0], 200)

    def test_token(self):
        """a POST without the token of the page changes nothing; nor does a GET"""
        uuid = self.make()
        for token in ("", "x", self.token[:-1], "\u00e5"):
            for name, wish in ((f"orders/{uuid}/status", {"status": "PAID"}), ("misbehave", {"status": 500})):
                self.assertEqual(self.post(name, wish, X_Sandbox_Token=token)[0], 403)
            form = urlencode({"token": token, "decision": "sign"}).encode()
            self.assertEqual(self.gateway.call("POST", f"/bankid/{uuid}", form, token=None)[0], 403)
        for name in (f"orders/{uuid}/status?status=PAID", "misbehave", "behave"):
            self.assertEqual(self.get(name, X_Sandbox_Token=self.token)[0], 404)
        self.gateway.call("GET", f"/bankid/{uuid}?decision=sign&token={self.token}", token=None)
        self.assertEqual(self.get(f"orders/{uuid}")[1]["status"], "SENT")
        self.assertEqual(self.gateway.sandbox("GET", "misbehave")[1], [])
        for body in (b"", b"[]", b"{", b"[" * 100000):
            self.assertEqual(self.post("misbehave", body)[0], 400)

    def test_order(self):
        """an order with its lines, requests, callbacks and statuses; numbers as they were sent"""
        order = self.at_shop(referenceNo="page-1")
        body = json.dumps(order).replace('"rate": 40', '"rate": 40.10').replace('"amount": 40', '"amount": 40.10').encode()
        uuid = self.gateway.json("POST", "/api/v1/connect/orders/invoice/submit", body)[1]["data"]["orderUuid"]
        other = self.gateway.json("POST", "/api/v1/connect/orders/invoice/submit", body)[1]["data"]["orderUuid"]
        self.gateway.call("GET", f"/api/v1/connect/orders/status/{uuid}")
        self.assertEqual(self.post(f"orders/{uuid}/status", {"status": " PAID ", "callback": True}), (
            200, {"uuid": uuid, "status": "PAID", "callback": {"answered": 200}}))
        seen = self.get(f"orders/{uuid}")[1]
        self.assertEqual((seen["status"], seen["reference"], seen["lines"][0]["name"]), ("PAID", "page-1", "Router"))
        self.assertEqual([(step["status"], step["who"]) for step in seen["history"]],
                         [("SENT", "made"), ("PAID", "this page")])
        self.assertEqual([each["kind"] for each in seen["exchanges"]], ["callback", "status", "submit"])
        told, _, sent = seen["exchanges"]
        self.assertEqual((told["status"], told["answered"]), (200, "thank you"))
        self.assertEqual(told["target"], self.shop_address + Shop.seen[-1])
        self.assertIn('"rate": 40.10,', sent["sent"])
        self.assertIn('"rate": 40.10,', seen["payload"])
        self.assertEqual((seen["lines"][0]["rate"], seen["totals"]["grandTotal"], seen["grandTotal"]), ("40.10", "40", "40"))
        self.assertIn('<td class="number">40.10</td>', self.gateway.call("GET", f"/bankid/{other}", token=None)[2].decode())
        self.assertIn('"orderUuid": "' + uuid, sent["answered"])
        self.assertIn(["Authorization", "(covered)"], sent["headers"])
        self.assertEqual([row["uuid"] for row in self.get("orders?q=PAGE-1")[1]["orders"]], [other, uuid])
        self.assertEqual(self.get("orders/ODR0")[0], 404)
        self.assertEqual(self.post("orders/ODR0/status", {"status": "PAID"})[0], 404)
        for status in ("", " ", 5, None, "x" * 61):
            self.assertEqual(self.post(f"orders/{uuid}/status", {"status": status})[0], 400)

    def test_not_told(self):
        """a shop that is not on this machine is not told; the page says so, the status stands"""
        uuid = self.make()
        status, answer = self.post(f"orders/{uuid}/status", {"status": "PAID", "callback": True})
        self.assertEqual((status, answer["status"]), (200, "PAID"))
        self.assertIn("not on this machine", answer["callback"]["failed"])
        callback = self.get(f"orders/{uuid}")[1]["exchanges"][0]
        self.assertEqual((callback["kind"], callback["status"]), ("callback", None))
        self.assertIn("not on this machine", callback["label"])

    def test_covered(self):
        """no personal number in what the page gets, whatever has it, until it is asked for"""
        self.gateway.sandbox("POST", "misbehave", {"echo_personal_number": True})
        self.gateway.submit(with_value("customerDetails.personalNumber", NUMBER))
        order = with_value("customerDetails.name", f"Kari {NUMBER}")
        order["referenceNo"] = order["products"][0]["name"] = NUMBER
        uuid = self.make(order)
        self.gateway.submit(with_value("customerDetails.personalNumber", int(NUMBER)))
        self.gateway.call("POST", "/api/v1/connect/orders/invoice/submit", f'{{"personalNumber": "{NUMBER}"'.encode())
        escaped = json.dumps(EXAMPLE).replace(NUMBER, "\\u0032" + NUMBER[1:]).encode()
        self.gateway.call("POST", "/api/v1/connect/orders/invoice/submit", escaped)
        numbers = [row["number"] for row in self.get("exchanges")[1]["exchanges"]]
        names = ["orders", "exchanges", "ledger", f"orders/{uuid}"] + [f"exchanges/{number}" for number in numbers]
        for name in names:
            text = json.dumps(self.get(name)[1])
            self.assertNotIn(NUMBER, text, name)
            self.assertNotIn("\\\\u0032" + NUMBER[1:], text, name)
        self.assertNotIn(NUMBER, self.gateway.call("GET", f"/bankid/{uuid}", token=None)[2].decode())
        self.assertIn(COVER, self.get(f"orders/{uuid}")[1]["payload"])
        self.assertIn(NUMBER, self.get(f"orders/{uuid}?personal=shown")[1]["payload"])
        self.assertIn(NUMBER, self.get(f"exchanges/{numbers[0]}?personal=shown")[1]["sent"].replace("\\u0032", "2"))

    def test_cover(self):
        """eleven digits alone are covered, those within a checksum are not; numbers of an order are, wherever they stand"""
        self.assertEqual(cover(f'"{NUMBER}" a{NUMBER}b 1{NUMBER}'), f'"{COVER}" a{NUMBER}b 1{NUMBER}')
        self.assertEqual(cover(f"a{NUMBER}b", personal_numbers([{"personalNumber": f" {NUMBER}"}])), f"a{COVER}b")
        self.assertEqual(personal_numbers({"personalNumber": "1", "x": {"personalNumber": 28038712383}}), {NUMBER})

    def test_twins(self):
        """orders of one reference, or of one body without a reference, are twins; changes and refused ones are none"""
        first, second, single = (self.make(with_value("referenceNo", name)) for name in ("twin-1", "twin-1", "twin-2"))
        without = with_value("referenceNo", None)
        third, fourth = self.make(without), self.make(without)
        change = {**with_value("referenceNo", "twin-2"), "fpgoUuid": single, "orderFrom": "PARTNER"}
        self.assertEqual(self.gateway.submit(change)[0], 201)
        self.gateway.submit({**with_value("referenceNo", "twin-2"), "orderDate": 5})
        uuids = (first, second, single, third, fourth)
        rows = {row["uuid"]: row["isTwin"] for row in self.get("orders")[1]["orders"]}
        self.assertEqual([rows[uuid] for uuid in uuids], [True, True, False, True, True])
        self.assertEqual([self.get(f"orders/{uuid}")[1]["twins"] for uuid in uuids],
                         [[first, second], [first, second], [], [third, fourth], [third, fourth]])
        count = self.get("ledger")[1]["counts"]["twins"]
        self.make(with_value("referenceNo", "twin-1"))
        self.assertEqual(self.get("ledger")[1]["counts"]["twins"], count + 1)
        entries = self.get("ledger?q=twin-")[1]["ledger"]
        self.assertEqual([(entry["made"], entry["update"], entry["isTwin"]) for entry in entries],
                         [(True, False, True), (False, False, False), (True, True, False), (True, False, False)]
                         + 2 * [(True, False, True)])
        self.assertEqual([step["who"] for step in self.get(f"orders/{single}")[1]["history"]],
                         ["made", "changed by the shop"])
        self.gateway.sandbox("DELETE", "ledger")
        self.assertEqual(self.get("ledger")[1]["counts"]["twins"], 0)
        self.make(with_value("referenceNo", "twin-1"))
        self.assertEqual(self.get("ledger")[1]["counts"]["twins"], 0)

    def test_misbehaviours(self):
        """what is asked for and taken back by the page is the same as by a control call"""
        self.assertEqual(self.post("misbehave", {"status": 500, "requests": 2})[0], 200)
        self.assertEqual(self.gateway.sandbox("GET", "misbehave")[1], [{"status": 500, "requests": 2}])
        self.assertEqual(self.gateway.submit()[0], 500)
        self.assertEqual(self.get("misbehaviours")[1]["pending"], [{"status": 500, "requests": 1}])
        self.assertEqual(self.get("exchanges")[1]["exchanges"][0]["label"], "status")
        status, answer = self.post("misbehave", {"delya": 1})
        self.assertEqual((status, "delya" in answer["message"]), (400, True))
        self.assertEqual(self.post("behave", {}), (200, {"pending": []}))
        self.assertEqual(self.gateway.submit()[0], 201)

    def test_events(self):
        """the stream tells of an order, of a status, of a misbehaviour, and of nothing else"""
        with socket.create_connection(("127.0.0.1", self.gateway.port), 5) as sock:
            sock.sendall(f"GET /page/events HTTP/1.1\r\nHost: 127.0.0.1:{self.gateway.port}\r\n\r\n".encode())
            lines = sock.makefile("rb")
            head = [line.strip() for line in iter(lines.readline, b"\r\n")]
            self.assertIn(b"Content-Type: text/event-stream", head)

            def next_event():
                return [lines.readline() for _ in range(4)][1]

            self.assertEqual(next_event(), b"event: change\n")
            uuid = self.make()
            self.assertEqual(next_event(), b"event: change\n")
            self.post(f"orders/{uuid}/status", {"status": "PAID"})
            self.assertEqual(next_event(), b"event: change\n")
            self.gateway.sandbox("POST", "misbehave", {"status": 500})
            self.assertEqual(next_event(), b"event: change\n")
            self.gateway.sandbox("DELETE", "misbehave")
            self.assertEqual(next_event(), b"event: change\n")
            self.gateway.sandbox("GET", "ledger")
            self.get("orders")
            sock.settimeout(0.6)
            with self.assertRaises(TimeoutError):
                lines.readline()

    def test_bank_id(self):
        """sign and decline: status, signed callback, and where the browser goes; a second time nothing happens"""
        for decision, status, path in (("sign", "INVOICED", "/thanks?a=b"), ("decline", "CANCELLED", "/sorry")):
            answer = self.gateway.submit(self.at_shop())[1]["data"]
            uuid, url = answer["orderUuid"], answer["bankIdUrl"]
            self.assertEqual(url, f"http://127.0.0.1:{self.gateway.port}/bankid/{uuid}")
            _, headers, page = self.gateway.call("GET", urlsplit(url).path, token=None)
            self.assertIn(f"form-action 'self' {self.shop_address};", headers["content-security-policy"])
            self.assertIn(b"Router", page)
            Shop.seen.clear()
            code, headers, _ = self.decide(uuid, decision)
            self.assertEqual((code, headers["location"]), (303, self.shop_address + path))
            values = dict(parse_qsl(urlsplit(Shop.seen[0]).query))
            checksum = values.pop("checksum")
            self.assertEqual((values["orderUuid"], values["status"]), (uuid, status))
            self.assertEqual(checksum, hashlib.sha256(("".join(values.values()) + "sandbox-secret").encode()).hexdigest())
            for again in ("sign", "decline"):
                self.assertEqual(self.decide(uuid, again)[0], 409)
            self.assertEqual(len(Shop.seen), 1)
            self.assertEqual(self.gateway.call("GET", f"/bankid/{uuid}", token=None)[0], 409)
            self.assertEqual([(step["status"], step["who"]) for step in self.get(f"orders/{uuid}")[1]["history"]],
                             [("SENT", "made"), (status, "BankID")])

    def test_bank_id_at_once(self):
        """of many who sign at once one does, and the shop is told once"""
        uuid = self.make(self.at_shop())
        Shop.seen.clear()
        codes = []
        threads = [threading.Thread(target=lambda: codes.append(self.decide(uuid, "sign")[0])) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(codes), [303] + [409] * 7)
        self.assertEqual(len(Shop.seen), 1)

    def test_bank_id_of_nobody(self):
        """no such order, a company's order, neither button"""
        self.assertEqual(self.gateway.call("GET", "/bankid/ODR0", token=None)[0], 404)
        self.assertEqual(self.gateway.call("GET", f"/bankid/{self.make(corporate())}", token=None)[0], 404)
        uuid = self.make()
        self.assertEqual(self.decide(uuid, "perhaps")[0], 400)
        self.assertEqual(self.get(f"orders/{uuid}")[1]["status"], "SENT")

    def test_hostile_order(self):
        """markup in an order is text on BankID's page; an address of an order cannot widen the policy, or a header"""
        order = self.at_shop(referenceNo='"><script>alert(1)</script>')
        order["products"][0].update(name="<script>alert(2)</script>", productId="$total")
        order["customerDetails"]["name"] = "<img src=x onerror=alert(3)> $token"
        order["callback"]["success"] = "https://shop.example/a;script-src%20*"
        uuid = self.make(order)
        _, headers, page = self.gateway.call("GET", f"/bankid/{uuid}", token=None)
        self.assertNotRegex(page.decode(), "<(script|img)")
        self.assertIn("&lt;script&gt;alert(2)&lt;/script&gt;", page.decode())
        self.assertIn(f"form-action 'self' {self.shop_address} https://shop.example; base-uri",
                      headers["content-security-policy"])
        self.assertEqual(self.decide(uuid, "sign")[1]["location"], order["callback"]["success"])


class ElsewhereTest(unittest.TestCase):
    def test_elsewhere(self):
        """without --bankid here, bankIdUrl is BankID's, and the page offers nothing to sign"""
        gateway = Running()
        data = gateway.submit()[1]["data"]
        self.assertTrue(data["bankIdUrl"].startswith("https://auth.current.bankid.no/"))
        seen = gateway.json("GET", f"/page/orders/{data['orderUuid']}", token=None)[1]
        self.assertEqual(seen["bankIdUrl"], None)
        self.assertEqual(gateway.stop(), (0, ""))
