"""A shop's whole round trip, as `test/demo --stay` lets a person try it: what the demo prints is done here.

An order in SQL, the page, the signature, the callback through the documented receiver, NOTIFY, the shop's table.
"""

import json
import os
import re
import select
import shlex
import signal
import subprocess
import threading
import time
import unittest
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from browsing import Browser

DEMO = Path(__file__).resolve().parents[2] / "demo"
START_SECONDS = 180
PATIENCE_SECONDS = 60


class Demo:
    """test/demo --stay in a session of its own, and what it printed."""

    def __init__(self):
        self.process = subprocess.Popen([str(DEMO), "--stay"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.lines = []
        self._is_ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._is_ready.wait(START_SECONDS) or self.process.poll() is not None:
            self.stop()
            raise AssertionError("the demo did not start:\n" + "".join(self.lines))
        text = "".join(self.lines)
        self.folder = Path(re.search(r"psql -h (\S+)/socket ", text).group(1))
        self.page = re.search(r"^ +(http://127\.0\.0\.1:[0-9]+/)$", text, re.MULTILINE).group(1)
        self.psql = shlex.split(re.search(r"^ +(psql .*)$", text, re.MULTILINE).group(1))
        parts = re.split(r"^([0-9])\. ", text, flags=re.MULTILINE)
        # what stands at the margin below a number is SQL; the words go on indented
        self.tries = {number: "".join(re.findall(r"^(?! |\n).*\n", part.partition("\n")[2], re.MULTILINE))
                      for number, part in zip(parts[1::2], parts[2::2])}

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("ORDER BY submission;"):
                self._is_ready.set()
        self._is_ready.set()

    def sql(self, text):
        """Type it in as the demo says; what psql prints."""
        done = subprocess.run([*self.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1"], input=text, text=True, capture_output=True,
                              timeout=PATIENCE_SECONDS)
        if done.returncode or "ERROR" in done.stderr:
            raise AssertionError(f"{text}\n{done.stderr}")
        return done.stdout

    def stop(self):
        """Ctrl-C; the exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        status = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        self.process.stdout.close()
        return status


def processes_of(folder):
    """The command lines of processes that were started from a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


class RoundTripTest(unittest.TestCase):
    def setUp(self):
        self.demo = Demo()
        self.addCleanup(self.demo.stop)
        self.browser = Browser()
        self.addCleanup(self.browser.quit)
        address = {"host": f"{self.demo.folder}/socket", "dbname": "shop", "user": "shop"}
        self.listener = psycopg2.connect(**address)
        self.listener.autocommit = True
        self.addCleanup(self.listener.close)
        self.cursor = self.listener.cursor()
        self.cursor.execute("LISTEN fpgo_order_status")

    def told(self):
        """The next notification."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.listener.notifies:
            left = deadline - time.monotonic()
            self.assertGreater(left, 0, "no notification came")
            select.select([self.listener], [], [], left)
            self.listener.poll()
        return json.loads(self.listener.notifies.pop(0).payload)

    def rows(self, query, *values):
        self.cursor.execute(query, values)
        return self.cursor.fetchall()

    def sign(self, decision, status, title):
        """Try 1 and 2 of what the demo says, with one of BankID's buttons."""
        self.demo.sql(self.demo.tries["1"])
        (number, uuid, url), = self.rows(
            "SELECT id, order_uuid, bank_id_url FROM customer_order ORDER BY id DESC LIMIT 1")
        self.browser.until_text("#list", uuid)
        self.assertEqual((urlsplit(url).netloc, urlsplit(url).path), (urlsplit(self.demo.page).netloc, f"/bankid/{uuid}"))
        window = self.browser.driver.current_window_handle
        self.browser.driver.switch_to.new_window("tab")
        self.browser.go(url)
        self.browser.until_text(".card", "998.00")
        self.browser.press(f"button[value={decision}]")
        self.browser.until_text("h1", title)
        self.browser.driver.close()
        self.browser.driver.switch_to.window(window)
        told = self.told()
        self.assertEqual((told["order_uuid"], told["status"]), (uuid, status))
        self.browser.until_text("#list li:first-child", status)
        self.assertRegex(self.demo.sql(self.demo.tries["2"]), rf"(?m)^ +{number} \| {uuid} +\| {status} +\|")

    def test_round_trip(self):
        """demo --stay: an order, signed and declined; a lost answer found; Ctrl-C removes all"""
        demo, browser = self.demo, self.browser
        browser.go(demo.page)
        browser.until_text("#live", "live")
        self.sign("sign", "INVOICED", "Thank you")
        self.sign("decline", "CANCELLED", "A pity")

        browser.go(f"{demo.page}#/misbehaviours")
        browser.until_text("#pending", "the gateway behaves")
        self.assertIn("The answer is lost", browser.text("#preset option:checked"))
        browser.press(".panel button.primary")
        browser.until_text("#pending", "reset_after_request")
        self.demo.sql(self.demo.tries["1"].partition("CALL ")[0])
        browser.until(lambda: self.rows("SELECT 1 FROM fpgo.submissions WHERE reference = 'shop-3' AND state = 'accepted'"),
                      "the order whose answer was lost")
        (outcome, what), = self.rows(
            "SELECT a.outcome, h.what FROM fpgo.attempts a JOIN fpgo.history h USING (submission) WHERE a.reference = 'shop-3'")
        shown = demo.sql(demo.tries["3"])
        self.assertRegex(shown, rf"(?m)^ shop-3 +\| accepted \| ODR[0-9]+ \| {outcome} +\| {what} ")
        self.assertNotEqual(outcome, "accepted")

        with urllib.request.urlopen(f"{demo.page}sandbox/ledger") as answer:
            ledger = json.load(answer)
        self.assertEqual([(entry["referenceNo"], entry["made"]) for entry in ledger],
                         [(f"shop-{number}", True) for number in (1, 2, 3)])
        browser.go(f"{demo.page}#/ledger")
        browser.until_text("#list", "shop-3")
        self.assertNotIn("twin", browser.text("body"))
        self.assertEqual(browser.complaints(), [])
        self.listener.close()

        self.assertNotEqual(processes_of(demo.folder), [])
        self.assertEqual(demo.stop(), 0)
        self.assertFalse(demo.folder.exists())
        self.assertEqual(processes_of(demo.folder), [])
