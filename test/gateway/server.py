"""The server: the listening socket, a thread for each connection, and the course of one request."""

import socket
import ssl
import threading
import time

import answers
import api
import control
import guard
import pending
import web
from wire import BadRequest, BodyTooLarge, Hangup, Wire

HOST = "127.0.0.1"
BACKLOG = 512


class Listener:
    """The listening socket; it can stop listening for a while and return to the same port."""

    def __init__(self, port):
        self._lock = threading.Lock()
        self._closed = False
        self._resume_at = None
        self._sock = self._bind(port)
        self.port = self._sock.getsockname()[1]

    def accept(self):
        """The next connection, or None once the listener is closed."""
        while True:
            try:
                return self._sock.accept()[0]
            except OSError:
                if not self._listen_again():
                    return None

    def pause(self, seconds):
        """Refuse connections from now on, for that long."""
        with self._lock:
            self._resume_at = time.monotonic() + seconds
            self._shut()

    def close(self):
        with self._lock:
            self._closed = True
            self._shut()

    def _shut(self):
        try:
            self._sock.shutdown(socket.SHUT_RDWR)  # wakes accept(), which closing alone would not
        except OSError:
            pass
        self._sock.close()

    def _listen_again(self):
        """After accept() failed: wait out a pause and bind again. False when there is nothing to go on with."""
        while not self._closed:
            if self._resume_at is None:  # accept() itself failed, for instance for want of file descriptors
                time.sleep(0.05)
                return True
            left = self._resume_at - time.monotonic()
            if left > 0:
                time.sleep(min(left, 0.05))
                continue
            try:
                with self._lock:
                    self._sock = self._bind(self.port)
                    self._resume_at = None
                return True
            except OSError:  # something else took the port meanwhile: wait for it
                time.sleep(0.05)
        return False

    @staticmethod
    def _bind(port):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
        sock.listen(BACKLOG)
        return sock


class Gateway:
    """Everything put together; `start` serves in the background until `stop`."""

    def __init__(self, port, endpoints, controls, pages, pending, traffic, history, tls=None, delay=0, log=None):
        self._listener = Listener(port)
        self._api = endpoints
        self._control = controls
        self._pages = pages
        self._pending = pending
        self._traffic = traffic
        self._history = history
        self._tls = tls
        self._delay = delay
        self._log = log or (lambda line: None)
        scheme = "https" if tls else "http"
        self.address = f"{scheme}://{HOST}:{self._listener.port}{api.PREFIX.rstrip('/')}"
        self.page_address = f"http://{HOST}:{self._listener.port}"  # (plain HTTP, beside https too)

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._listener.close()

    def _accept(self):
        while (sock := self._listener.accept()) is not None:
            self._traffic.connection()
            try:
                if not self._pending.take_for_connection(sock):
                    threading.Thread(target=self._serve, args=(sock,), daemon=True).start()
            except (OSError, RuntimeError):  # the client left already, or no thread could be started
                sock.close()

    def _serve(self, sock):
        """Serve one connection to its end; a client that leaves at any point is nothing special."""
        wire = Wire(sock)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            is_control_only = self._tls is not None and not speaks_tls(sock)
            if self._tls and not is_control_only:
                sock = self._tls.wrap_socket(sock, server_side=True)
                wire = Wire(sock)
            self._serve_requests(wire, is_control_only)
        except (OSError, Hangup):
            pass
        finally:
            wire.close()

    def _serve_requests(self, wire, is_control_only):
        is_first_api_request = True
        try:
            while (request := wire.read_head()) is not None:
                if request.path.startswith(control.PREFIX):
                    stays_open = self._control_exchange(wire, request)
                elif web.is_for(request.path):
                    stays_open = self._page_exchange(wire, request)
                elif is_control_only:
                    raise BadRequest("plain HTTP, where TLS is spoken")
                else:
                    stays_open = self._api_exchange(wire, request, is_first_api_request)
                    is_first_api_request = False
                if not stays_open:
                    return
        except BadRequest:
            self._answer_and_close(wire, 400)
        except BodyTooLarge:
            self._answer_and_close(wire, 413)

    def _api_exchange(self, wire, request, is_first):
        """One documented request from its head to the end of its answer; whether the connection stays open."""
        route, _, _ = api.route_of(request.path)
        self._traffic.request(route, request, is_first)
        mishap = self._pending.take_for_request(route)
        is_answered = mishap.before_body(wire, request)
        if is_answered and request.expects_100:
            wire.close_after_early_answer()  # the body may never come: what follows could be anything
            return False
        if not is_answered:
            self._invite_body(wire, request, api.LARGEST_BODY)
        body = wire.read_body(request, api.LARGEST_BODY)
        if mishap is pending.ORDINARY:
            mishap = self._pending.take_for_body(route, body)
        mishap.wait_before()
        answer = self._api.answer(request, body, mishap)
        self._history.request(route, request, body, answer, mishap.label)
        self._log(f"{request.method} {request.path} {answer.status} {mishap.label}")
        if is_answered:
            return request.keep_alive
        mishap.wait_after(self._delay if route == "submit" else 0)
        stays_open = request.keep_alive and answers.can_stay_open(answer)
        pieces = answers.pieces(answer, stays_open, request.http_1_1)
        return mishap.deliver(wire, pieces, self._listener) and stays_open

    def _control_exchange(self, wire, request):
        self._invite_body(wire, request, control.LARGEST_BODY)
        body = wire.read_body(request, control.LARGEST_BODY)
        answer = guard.refusal(request) or self._control.answer(request, body)
        answer.headers.setdefault("Access-Control-Allow-Origin", None)
        if request.method != "GET":
            self._history.changed()
        return self._send(wire, request, answer)

    def _page_exchange(self, wire, request):
        self._invite_body(wire, request, web.LARGEST_BODY)
        body = wire.read_body(request, web.LARGEST_BODY)
        answer = guard.refusal(request, web.is_address(request.path)) or self._pages.answer(request, body)
        if isinstance(answer, web.Stream):
            answer.send(wire)
            return False
        return self._send(wire, request, answer)

    def _send(self, wire, request, answer):
        for piece in answers.pieces(answer, request.keep_alive, request.http_1_1):
            wire.send(piece)
        return request.keep_alive

    def _invite_body(self, wire, request, largest):
        if not request.is_chunked and request.content_length > largest:
            raise BodyTooLarge
        wire.invite_body(request)

    def _answer_and_close(self, wire, status):
        for piece in answers.pieces(answers.nginx_page(status), keep_alive=False):
            wire.send(piece)
        wire.close_after_early_answer()


def speaks_tls(sock):
    """Whether a client begins as TLS does; waits for its first byte."""
    return sock.recv(1, socket.MSG_PEEK) == b"\x16"


TLS_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def tls_context(certificate, key, newest=None, client_authority=None, n_tickets=2):
    """A TLS context for the server.

    `newest` is the newest version it speaks ("1.2"), old ones included. Clients must show a certificate signed by
    `client_authority` if that is given. With TLS 1.3 a client gets so many tickets, each for one later session.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest in ("1.0", "1.1"):
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # OpenSSL 3 offers these versions at no higher level
        context.minimum_version = ssl.TLSVersion.TLSv1
    if newest:
        context.maximum_version = TLS_VERSIONS[newest]
    if client_authority:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority)
    context.num_tickets = n_tickets
    context.load_cert_chain(certificate, key)
    return context
