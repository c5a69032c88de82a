"""The receiver of callbacks, with a psql that notes what it was given."""

import http.client
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from running import GATEWAY

PSQL = """#!/bin/sh
printf '%s\\n' "$@" >"$NOTES"
cat >>"$NOTES"
cat "$SAYS"
exit $(cat "$SAYS.status")
"""


class ReceiverTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "psql").write_text(PSQL)
        (self.folder / "psql").chmod(0o700)
        self.says = self.folder / "says"

    def start(self, *options):
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "NOTES": str(self.folder / "notes"),
                       "SAYS": str(self.says)}
        self.process = subprocess.Popen([sys.executable, str(GATEWAY / "receiver.py"), "--listen", "0", *options], text=True,
                                        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.stop)
        self.port = urlsplit(self.process.stdout.readline().strip()).port

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=10)

    def ask(self, target, says, status=0):
        """The HTTP status, and the line that is printed."""
        self.says.write_text(says)
        (self.folder / "says.status").write_text(str(status))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", target)
        answered = connection.getresponse().status
        connection.close()
        return answered, self.process.stdout.readline().strip()

    def test_outcomes(self):
        """what the database says is printed; what is no callback of the gateway's is answered 400"""
        self.start("-h", "/nowhere", "-U", "web", "shop")
        self.assertEqual(self.ask("/fpgo/token?a='b'&c=%27", "recorded\t17\tODR1\tPAID\n"), (204, "recorded  submission 17  ODR1  PAID"))
        notes = (self.folder / "notes").read_text().splitlines()
        self.assertEqual(notes[-8:], ["-v", "query=/fpgo/token?a='b'&c=%27", "-h", "/nowhere", "-U", "web", "shop",
                                      "SELECT outcome, submission, order_uuid, status FROM fpgo.receive_callback(:'query');"])
        for outcome, status in (("stale", 204), ("foreign", 204), ("repeated", 204), ("forged", 400), ("outdated", 400),
                                ("malformed", 400)):
            self.assertEqual(self.ask("/", f"{outcome}\t\t\t\n"), (status, outcome))
        self.assertEqual(self.ask("/", "", 2), (500, "not taken: psql said nothing"))

    def test_server(self):
        """the foreign server is the function's second argument"""
        self.start("--server", "other", "shop")
        self.ask("/", "forged\t\t\t\n")
        notes = (self.folder / "notes").read_text()
        self.assertIn("-v\nserver=other\nshop\n", notes)
        self.assertIn("fpgo.receive_callback(:'query', :'server');", notes)
