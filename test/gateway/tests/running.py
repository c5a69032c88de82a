"""A gateway in its own process, with a plain client for it."""

import http.client
import json
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from example import EXAMPLE

GATEWAY = Path(__file__).resolve().parents[1]
SUBMIT = "/api/v1/connect/orders/invoice/submit"


class Running:
    """A gateway in its own process, and a plain client for it."""

    def __init__(self, *options):
        command = [sys.executable, str(GATEWAY), "--quiet", "--until-stdin-closes", "--receiver", "", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.address = self.process.stdout.readline().decode().strip()
        self.port = urlsplit(self.address).port

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(5)
        errors = self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        return code, errors

    def connect(self, timeout=5):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def call(self, method, target, body=None, connection=None, token="sandbox-token", **headers):
        """One exchange: (status, headers, body)."""
        own = connection is None
        connection = connection or self.connect()
        if not isinstance(body, (bytes, type(None))) and not hasattr(body, "__next__"):
            body = json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers.setdefault("Content-Type", "application/json")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            if own:
                connection.close()

    def json(self, method, target, body=None, **more):
        status, _, content = self.call(method, target, body, **more)
        return status, json.loads(content)

    def submit(self, order=None, **more):
        return self.json("POST", SUBMIT, EXAMPLE if order is None else order, **more)

    def sandbox(self, method, target, body=None):
        return self.json(method, f"/sandbox/{target}", body, token=None)

    def raw_submit(self, reads=True, timeout=5):
        """Submit over a bare socket: (all bytes of the answer, "closed" or "reset" or "open")."""
        body = json.dumps(EXAMPLE).encode()
        head = (
            f"POST {SUBMIT} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer sandbox-token\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        received = b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout) as sock:
                sock.sendall(head + body)
                while data := sock.recv(65536):
                    received += data
                return received, "closed"
        except TimeoutError:
            return received, "open"
        except ConnectionError:
            return received, "reset"
