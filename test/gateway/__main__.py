"""The sandbox gateway: the Front Payment Go invoice API as documented, on this machine's loopback interface.

Start it with `python3 test/gateway`; its first line of output is its base address.
"""

import sys

sys.dont_write_bytecode = True  # a test run leaves no files beside the sources

import argparse
import os
import signal
import ssl
import threading
from urllib.parse import urlsplit

import orders
from api import Api
from bankid import BankId
from callbacks import RECEIVER, Callbacks, is_here
from control import Control
from formats import is_number
from guard import Token
from history import History
from ledger import Ledger
from orders import Orders
from page import Page
from pending import Pending
from rules import DEFAULT_TAX_RATES
from server import TLS_VERSIONS, Gateway, tls_context
from traffic import RateLimit, Traffic
from web import Web


def main():
    options = read_options()
    try:
        ledger = Ledger(options.ledger)
        gateway = build(options, ledger)
    except (OSError, ssl.SSLError, OverflowError) as reason:
        sys.exit(f"The gateway could not start: {reason}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    gateway.start()
    print(gateway.address, flush=True)
    if options.until_stdin_closes:
        threading.Thread(target=wait_for_end_of_input, args=(stop,), daemon=True).start()
    stop.wait()
    gateway.stop()
    ledger.close()
    os._exit(0)  # at once: connections may be held open in threads that sleep


def build(options, ledger):
    """The gateway the options ask for."""
    tls = None
    if options.tls_cert:
        tls = tls_context(
            options.tls_cert, options.tls_key, options.tls_max_version, options.tls_client_ca, options.tls_tickets
        )
    store, pending, traffic, history = Orders(), Pending(), Traffic(), History()
    rate_limit = RateLimit(options.rate_limit, options.enforce_rate_limit, options.rate_window)
    callbacks = Callbacks(options.callback_secret, history, options.receiver)
    token = Token()
    bank_id = BankId(store, callbacks, token)
    bank_id_url = bank_id.url if options.bankid == "here" else orders.bank_id_url
    endpoints = Api(options.token, options.tax_rates, store, ledger, rate_limit, bank_id_url)
    controls = Control(store, ledger, pending, traffic, callbacks, rate_limit)
    page = Page(store, ledger, pending, callbacks, history, bank_id.url if options.bankid == "here" else None)
    log = None if options.quiet else lambda line: print(line, file=sys.stderr, flush=True)
    gateway = Gateway(options.port, endpoints, controls, Web(page, bank_id, history, token), pending, traffic, history,
                      tls, options.delay, log)
    bank_id.base = gateway.page_address
    return gateway


def read_options():
    parser = argparse.ArgumentParser(prog="python3 test/gateway", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port to listen on (0: a free one)")
    parser.add_argument("--token", default="sandbox-token", help="bearer token to accept")
    parser.add_argument("--callback-secret", default="sandbox-secret", help="what callbacks are signed with")
    parser.add_argument("--receiver", default=RECEIVER, metavar="URL",
                        help="told of callbacks to other machines; on this machine, or '' for nobody")
    parser.add_argument("--bankid", choices=("elsewhere", "here"), default="elsewhere",
                        help="where bankIdUrl leads: to BankID, where nobody knows the order, or to a page of the sandbox")
    parser.add_argument("--ledger", metavar="FILE", help="append every received create to this file, a JSON line each")
    parser.add_argument(
        "--tax-rates", type=tax_rates, default=DEFAULT_TAX_RATES, metavar="LIST", help="allowed tax rates (0,12,15,25)"
    )
    parser.add_argument("--rate-limit", type=int, default=240, metavar="N", help="requests a window shown in headers")
    parser.add_argument("--rate-window", type=float, default=60, metavar="SECONDS", help="length of such a window")
    parser.add_argument("--enforce-rate-limit", action="store_true", help="answer 429 beyond the rate limit")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain (PEM): serve https")
    parser.add_argument("--tls-key", metavar="FILE", help="its private key (PEM)")
    parser.add_argument("--tls-client-ca", metavar="FILE", help="demand client certificates signed by this one (PEM)")
    parser.add_argument("--tls-max-version", choices=sorted(TLS_VERSIONS), help="newest TLS version to speak")
    parser.add_argument("--tls-tickets", type=int, default=2, metavar="N", help="tickets of TLS 1.3 for a connection")
    parser.add_argument("--delay", type=float, default=0, metavar="SECONDS", help="delay of every create answer")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    parser.add_argument("--quiet", action="store_true", help="no line on standard error for each request")
    options = parser.parse_args()
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    if options.receiver and not is_here(urlsplit(options.receiver)):
        parser.error("--receiver must be on this machine: http://127.0.0.1:N")
    if options.tls_tickets < 0:
        parser.error("--tls-tickets must not be negative")
    if options.rate_limit < 0 or options.rate_window <= 0:
        parser.error("--rate-limit must not be negative, and --rate-window must be above 0")
    if options.delay < 0:
        parser.error("--delay must not be negative")
    return options


def tax_rates(text):
    rates = tuple(rate.strip() for rate in text.split(","))
    if not all(is_number(rate) for rate in rates):
        raise argparse.ArgumentTypeError("a list of numbers such as 0,12,15,25 is needed")
    return rates


def wait_for_end_of_input(stop):
    while sys.stdin.buffer.read(4096):
        pass
    stop.set()


if __name__ == "__main__":
    main()
