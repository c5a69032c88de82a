"""Callbacks to a shop on loopback."""

import hashlib
import http.server
import threading
import unittest
from urllib.parse import parse_qsl, urlsplit

from example import with_value
from running import Running


class Shop(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_GET(self):
        self.seen.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


class CallbackTest(unittest.TestCase):
    def test_callback(self):
        """a status change requests the callbackUrl, signed, where that is asked for"""
        shop = http.server.HTTPServer(("127.0.0.1", 0), Shop)
        threading.Thread(target=shop.serve_forever, daemon=True).start()
        gateway = Running("--callback-secret", "s3cret")
        url = f"http://127.0.0.1:{shop.server_port}/fpgo?shop=a+b"
        uuid = gateway.submit(with_value("callback.callbackUrl", url))[1]["data"]["orderUuid"]
        self.assertEqual(gateway.sandbox("POST", f"orders/{uuid}", {"status": "INVOICED"})[0], 200)
        self.assertEqual(Shop.seen, [])
        answer = gateway.sandbox("POST", f"orders/{uuid}", {"status": "PAID", "callback": True})
        self.assertEqual(answer, (200, {"uuid": uuid, "status": "PAID", "callback": 204}))
        target = urlsplit(Shop.seen.pop())
        pairs = parse_qsl(target.query, keep_blank_values=True)
        self.assertEqual(target.path, "/fpgo")
        self.assertEqual([name for name, _ in pairs], [
            "shop", "orderUuid", "status", "paymentMethod", "amount", "createdAt", "timestamp", "checksum"])
        values = dict(pairs)
        self.assertEqual((values["shop"], values["orderUuid"], values["status"]), ("a b", uuid, "PAID"))
        signed = "".join(value for name, value in pairs if name != "checksum") + "s3cret"
        self.assertEqual(values["checksum"], hashlib.sha256(signed.encode()).hexdigest())

        def said(**way):
            gateway.sandbox("POST", f"orders/{uuid}", {"status": "Utl\u00f8pt", "callback": way})
            query = urlsplit(Shop.seen.pop()).query
            own = parse_qsl(query.removeprefix("shop=a+b")[1:])
            names = [name for name, _ in own]
            self.assertEqual((names[0], names[-1]), ("orderUuid", "checksum"))
            return query[len("shop=a+b")], dict(own)

        def checksum(*values):
            return hashlib.sha256("".join(values + ("s3cret",)).encode()).hexdigest()

        joint, own = said(signs="own", joins="?")
        self.assertEqual((joint, own["status"]), ("?", "Utl\u00f8pt"))
        self.assertEqual(own["checksum"], checksum(*list(own.values())[:-1]))
        joint, own = said(signs="all", joins="?")
        self.assertEqual((joint, own["checksum"]), ("?", checksum("a b", *list(own.values())[:-1])))
        joint, own = said(signs="oldest")
        self.assertEqual((joint, own["checksum"]), ("&", checksum(uuid, "Utl\u00f8pt", own["createdAt"])))
        own = said(signs="second")[1]
        self.assertEqual(own["checksum"], checksum(
            uuid, "Utl\u00f8pt", own["createdAt"], own["amount"], own["timestamp"]))
        for way in {"signs": "none"}, {"joins": ";"}, {"x": "y"}:
            self.assertEqual(gateway.sandbox("POST", f"orders/{uuid}", {"status": "X", "callback": way})[0], 400)
        shop.shutdown()
        shop.server_close()
        self.assertEqual(gateway.sandbox("POST", f"orders/{uuid}", {"status": "X", "callback": True})[0], 409)
        elsewhere = gateway.submit()[1]["data"]["orderUuid"]
        self.assertEqual(gateway.sandbox("POST", f"orders/{elsewhere}", {"status": "X", "callback": True})[0], 409)
        self.assertEqual(gateway.stop(), (0, ""))

    def test_elsewhere(self):
        """an order of a shop on another machine: the receiver is told in its place, and nobody else"""
        shop = http.server.HTTPServer(("127.0.0.1", 0), Shop)
        threading.Thread(target=shop.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{shop.server_port}"
        gateway = Running("--receiver", address)
        order = with_value("callback.callbackUrl", "https://shop.example:8443/fpgo/token?a=b")
        uuid = gateway.submit(order)[1]["data"]["orderUuid"]
        self.assertEqual(gateway.sandbox("POST", f"orders/{uuid}", {"status": "PAID", "callback": True})[0], 200)
        self.assertRegex(Shop.seen.pop(), rf"^/fpgo/token\?a=b&orderUuid={uuid}&status=PAID&")
        own = gateway.submit(with_value("callback.callbackUrl", "http://127.0.0.1:9/own"))[1]["data"]["orderUuid"]
        status, answer = gateway.sandbox("POST", f"orders/{own}", {"status": "PAID", "callback": True})
        self.assertEqual((status, answer["message"]), (409, "The shop did not answer: ConnectionRefusedError."))
        self.assertEqual(Shop.seen, [])
        shop.shutdown()
        shop.server_close()
        status, answer = gateway.sandbox("POST", f"orders/{uuid}", {"status": "PAID", "callback": True})
        self.assertEqual(status, 409)
        self.assertIn(f"no receiver answers at {address}: python3 test/gateway/receiver.py", answer["message"])
        self.assertEqual(gateway.stop(), (0, ""))
        for wrong in "https://127.0.0.1:8418", "http://shop.example", "127.0.0.1:8418":
            self.assertIn("--receiver must be on this machine", Running("--receiver", wrong).stop()[1])
