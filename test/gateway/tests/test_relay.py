"""The relay: what goes through, where it is cut, and how that looks from either side."""

import json
import queue
import socket
import subprocess
import sys
import threading
import time
import unittest

from running import GATEWAY


class Server:
    """Answers each connection with `answer` once it got as many bytes as it wants, or the client has left."""

    def __init__(self, wanted, answer):
        self._wanted = wanted
        self._answer = answer
        self._received = queue.Queue()
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            with sock:
                data = b""
                while len(data) < self._wanted and (piece := sock.recv(65536)):
                    data += piece
                self._received.put(data)
                try:
                    sock.sendall(self._answer)
                    sock.recv(65536)
                except ConnectionError:
                    pass

    def next_received(self):
        """What the next of its connections brought, once that has ended or brought all."""
        return self._received.get(timeout=10)

    def stop(self):
        self._sock.close()


class RelayTest(unittest.TestCase):
    def setUp(self):
        self.relay = subprocess.Popen([sys.executable, str(GATEWAY / "relay.py")], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.server = Server(10, b"answer")
        self.lane = self.tell(lane=self.server.port)["port"]

    def tearDown(self):
        self.relay.stdin.close()
        self.assertEqual(self.relay.wait(5), 0)
        self.relay.stdout.close()
        self.server.stop()

    def tell(self, **command):
        self.relay.stdin.write(json.dumps(command) + "\n")
        self.relay.stdin.flush()
        return json.loads(self.relay.stdout.readline())

    def plan(self, **cut):
        self.assertEqual(self.tell(plan=self.lane, cuts=[cut]), {"planned": 1})

    def exchange(self, request=b"0123456789", timeout=5):
        """What a client of the lane gets, and how it ends for it."""
        received = b""
        try:
            # a reset may be there before the connection has been made
            with socket.create_connection(("127.0.0.1", self.lane), timeout) as sock:
                sock.sendall(request)
                while len(received) < 6 and (data := sock.recv(65536)):
                    received += data
                return received, "answered" if len(received) == 6 else "closed"
        except TimeoutError:
            return received, "open"
        except ConnectionError:
            return received, "reset"

    def report(self):
        """The report on the lane, once nothing is under way any more."""
        deadline = time.monotonic() + 10
        while (report := self.tell(report=self.lane))["open"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return report["connections"]

    def test_whole(self):
        """without a cut, or with one that is not reached, all bytes pass and are counted"""
        self.assertEqual(self.exchange(), (b"answer", "answered"))
        self.plan(way="answer", after=7, how="rst")
        self.assertEqual(self.exchange(), (b"answer", "answered"))
        self.tell(record=self.lane)
        self.assertEqual(self.exchange(), (b"answer", "answered"))
        counts = {"request": 10, "answer": 6, "cut": False}
        kept = {"request_bytes": b"0123456789".hex(), "answer_bytes": b"answer".hex()}
        self.assertEqual(self.report(), [counts, counts, counts | kept])

    def test_cuts(self):
        """each byte of either way, each ending: so many bytes go through, and no more"""
        for how, ending, timeout in (("fin", "closed", 5), ("rst", "reset", 5), ("stall", "open", 0.2)):
            for after in (0, 1, 9, 10):
                with self.subTest(how=how, way="request", after=after):
                    self.plan(way="request", after=after, how=how)
                    self.assertEqual(self.exchange(timeout=timeout), (b"", ending))
                    self.assertEqual(self.report()[-1], {"request": after, "answer": 0, "cut": True})
                    self.assertEqual(self.server.next_received(), b"0123456789"[:after])
            for after in (1, 5):
                with self.subTest(how=how, way="answer", after=after):
                    self.plan(way="answer", after=after, how=how)
                    self.assertEqual(self.exchange(timeout=timeout), (b"answer"[:after], ending))
                    self.assertEqual(self.report()[-1], {"request": 10, "answer": after, "cut": True})
                    self.assertEqual(self.server.next_received(), b"0123456789")
            self.plan(way="answer", after=6, how=how)
            self.assertEqual(self.exchange(), (b"answer", "answered"))
            self.assertEqual(self.server.next_received(), b"0123456789")

    def test_next(self):
        """a cut that waits for the byte after: none comes through, and without one there is no cut"""
        self.plan(way="answer", after=0, how="fin", next=True)
        self.assertEqual(self.exchange(), (b"", "closed"))
        self.plan(way="request", after=10, how="fin", next=True)
        self.assertEqual(self.exchange(), (b"answer", "answered"))
        self.assertEqual([entry["cut"] for entry in self.report()], [True, False])

    def test_order(self):
        """the n-th connection gets the n-th cut of its lane, null is none"""
        cut = {"way": "request", "after": 0, "how": "fin"}
        self.assertEqual(self.tell(plan=self.lane, cuts=[cut, None, cut]), {"planned": 3})
        self.assertEqual([self.exchange()[1] for _ in range(4)], ["closed", "answered", "closed", "answered"])

    def test_many(self):
        """many connections at once, of which each other one is reset"""
        cut = {"way": "answer", "after": 3, "how": "rst"}
        self.tell(plan=self.lane, cuts=[cut, None] * 50)
        threads = [threading.Thread(target=self.exchange) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(entry["answer"] for entry in self.report()), [3] * 50 + [6] * 50)

    def test_bad_commands(self):
        """what cannot be understood is answered with an error and does no harm"""
        good = {"way": "request", "after": 0, "how": "fin"}
        for bad in ({}, 5, good | {"way": "both"}, good | {"how": "bang"}, good | {"after": -1}, good | {"after": "1"},
                    good | {"next": 1}, good | {"size": 1}):
            self.assertIn("error", self.tell(plan=self.lane, cuts=[bad]))
        for command in ({}, {"plan": 1}, {"report": 1}, {"go": 1}):
            self.assertIn("error", self.tell(**command))
        self.assertEqual(self.exchange(), (b"answer", "answered"))
