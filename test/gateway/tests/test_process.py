"""Starting and ending the gateway, and its options."""

import http.client
import json
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest

from example import EXAMPLE, with_value
from running import SUBMIT, Running


class ProcessTest(unittest.TestCase):
    def test_signals(self):
        """SIGTERM and SIGINT end it at once with exit code 0, a connection held open or not"""
        for number in (signal.SIGTERM, signal.SIGINT):
            gateway = Running()
            gateway.sandbox("POST", "misbehave", {"stall": True})
            gateway.raw_submit(timeout=0.1)
            begin = time.monotonic()
            gateway.process.send_signal(number)
            self.assertEqual(gateway.process.wait(5), 0)
            self.assertLess(time.monotonic() - begin, 1)
            gateway.stop()

    def test_options(self):
        """the token, the tax rates, the delay and the enforced rate limit"""
        gateway = Running("--token", "t/1", "--tax-rates", "0,6", "--delay", "0.1", "--rate-limit", "2",
                          "--enforce-rate-limit")
        begin = time.monotonic()
        self.assertEqual(gateway.submit(with_value("products.0.tax", 6), token="t/1")[0], 201)
        self.assertGreaterEqual(time.monotonic() - begin, 0.1)
        self.assertEqual(gateway.submit(with_value("products.0.tax", 25), token="t/1")[0], 417)
        status, headers, body = gateway.call("POST", SUBMIT, EXAMPLE, token="t/1")
        self.assertEqual((status, json.loads(body)), (429, {"message": "Too Many Attempts."}))
        self.assertTrue(1 <= int(headers["retry-after"]) <= 60)
        self.assertGreater(int(headers["x-ratelimit-reset"]), time.time())
        self.assertEqual(headers["x-ratelimit-remaining"], "0")
        self.assertEqual(gateway.sandbox("GET", "health")[1]["orders"], 1)
        self.assertEqual(gateway.stop(), (0, ""))

    def test_windows(self):
        """a window begins with its first request, has its own length, and is counted; without a limit no header is sent"""
        gateway = Running("--rate-limit", "2", "--enforce-rate-limit", "--rate-window", "0.5")
        statuses = [gateway.submit()[0] for _ in range(3)]
        time.sleep(0.5)
        statuses.append(gateway.submit()[0])
        windows = gateway.sandbox("GET", "windows")[1]
        self.assertEqual(statuses, [201, 201, 429, 201])
        self.assertEqual([(each["taken"], each["refused"]) for each in windows], [(2, 1), (1, 0)])
        self.assertGreaterEqual(windows[1]["begins"] - windows[0]["begins"], 0.5)
        self.assertEqual(gateway.stop(), (0, ""))
        gateway = Running("--rate-limit", "0", "--enforce-rate-limit")
        status, headers, _ = gateway.call("POST", SUBMIT, EXAMPLE)
        self.assertEqual((status, headers.get("x-ratelimit-limit")), (201, None))
        self.assertEqual(gateway.stop(), (0, ""))

    @unittest.skipUnless(shutil.which("openssl"), "there is no openssl command")
    def test_tls(self):
        """https, an upper limit of the TLS version, client certificates, and tickets"""
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = f"{folder}/key.pem", f"{folder}/cert.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                            "-subj", "/CN=sandbox", "-addext", "subjectAltName=IP:127.0.0.1",
                            "-keyout", key, "-out", certificate], check=True, capture_output=True)
            gateway = Running("--tls-cert", certificate, "--tls-key", key, "--tls-max-version", "1.2")
            context = ssl.create_default_context(cafile=certificate)
            connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, timeout=5, context=context)
            self.assertEqual(gateway.submit(connection=connection)[0], 201)
            self.assertEqual(connection.sock.version(), "TLSv1.2")
            connection.close()
            self.assertTrue(gateway.address.startswith("https://"))
            self.assertIn(b" 400 ", gateway.raw_submit()[0])  # plain HTTP to a TLS port
            self.assertEqual(gateway.sandbox("GET", "health")[1]["orders"], 1)  # but for the controls
            self.assertEqual(gateway.stop(), (0, ""))

            gateway = Running("--tls-cert", certificate, "--tls-key", key, "--tls-client-ca", certificate)
            connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, timeout=5, context=context)
            with self.assertRaises(OSError):
                gateway.submit(connection=connection)
            context.load_cert_chain(certificate, key)
            connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, timeout=5, context=context)
            self.assertEqual(gateway.submit(connection=connection)[0], 201)
            connection.close()
            self.assertEqual(gateway.stop(), (0, ""))

            for n_tickets in (0, 1):
                gateway = Running("--tls-cert", certificate, "--tls-key", key, "--tls-tickets", str(n_tickets))
                connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, timeout=5, context=context)
                self.assertEqual(gateway.submit(connection=connection)[0], 201)
                self.assertEqual(connection.sock.session.has_ticket, n_tickets > 0)
                connection.close()
                self.assertEqual(gateway.stop(), (0, ""))
