"""Receives the sandbox's callbacks and hands them to a database, by psql: `python3 test/gateway/receiver.py -U web shop`.

Its own options stand first; all others are psql's.  It prints its address, and a line for each callback.  The sandbox
requests it for orders whose callbackUrl is on another machine, where the sandbox never goes.
"""

import argparse
import http.server
import subprocess
import sys

from callbacks import RECEIVER_PORT

STATEMENT = "SELECT outcome, submission, order_uuid, status FROM fpgo.receive_callback(:'query'{server});\n"
PSQL = ("psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1")
TIMEOUT_SECONDS = 30

# what the shop of src/doc/shops.md answers 400
NOT_GENUINE = ("forged", "outdated", "malformed")


class Refused(Exception):
    """The database did not take the callback; the text says why."""


def hand_over(target, server, arguments):
    """What the database makes of a request: outcome, submission, order_uuid, status; "" for NULL."""
    variables = ["-v", f"query={target}"]
    if server is not None:
        variables += ["-v", f"server={server}"]
    statement = STATEMENT.format(server="" if server is None else ", :'server'")
    try:
        done = subprocess.run([*PSQL, *variables, *arguments], input=statement, text=True, capture_output=True,
                              timeout=TIMEOUT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as reason:
        raise Refused(f"psql: {reason}") from None
    row = done.stdout.rstrip("\n").split("\t")
    if done.returncode != 0 or len(row) != 4:
        raise Refused(" ".join(done.stderr.split()) or "psql said nothing")
    return row


def handler(server, arguments):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            try:
                outcome, submission, uuid, status = hand_over(self.path, server, arguments)
            except Refused as reason:
                print(f"not taken: {reason}", flush=True)
                self.answer(500)
                return
            words = (outcome, submission and f"submission {submission}", uuid, status)
            print("  ".join(word for word in words if word), flush=True)
            self.answer(400 if outcome in NOT_GENUINE else 204)

        def answer(self, status):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    return Handler


def main():
    # (-h is psql's)
    parser = argparse.ArgumentParser(prog="python3 test/gateway/receiver.py", description=__doc__.splitlines()[0],
                                     add_help=False, allow_abbrev=False)
    parser.add_argument("--help", action="help", help="show this help")
    parser.add_argument("--listen", type=int, default=RECEIVER_PORT, metavar="N", help="its port; 0: a free one")
    parser.add_argument("--server", help="the foreign server; by default the one that fpgo.server names")
    options, arguments = parser.parse_known_args()
    try:
        listener = http.server.ThreadingHTTPServer(("127.0.0.1", options.listen), handler(options.server, arguments))
    except OSError as reason:
        sys.exit(f"The receiver could not start: {reason}")
    print(f"http://127.0.0.1:{listener.server_port}", flush=True)
    try:
        listener.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
