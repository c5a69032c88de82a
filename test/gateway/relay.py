"""A TCP relay that cuts connections where it is told to, byte for byte; it knows nothing of what passes through it.

It is told what to do by its standard input and answers on its standard output, one line of JSON each:

    {"lane": 8417}                      open a lane: {"port": N} leads to port 8417 of this machine
    {"plan": N, "cuts": [{...}, ...]}   the cuts of the next connections of lane N, one each: {"planned": 2}
    {"report": N}                       what passed through lane N so far: {"open": 0, "connections": [{...}, ...]}
    {"record": N}                       keep what passes through lane N from now on: {"recording": N}

A cut has a way, "request" (from the client) or "answer" (to it); "after", how many bytes of that way go through; and
"how" the connection ends then for the client: "fin", "rst" or "stall", which is silence until the client leaves. It
comes as soon as so many bytes went through; with "next" only when another one comes, which is withheld. The far side
sees the client leave (FIN) in any case. Connections without a cut pass through whole.

A report has for each connection how many bytes went through either way ("request", "answer"), and whether its cut was
made ("cut"). If the lane is recorded, it has the bytes too, in hexadecimal digits ("request_bytes", "answer_bytes").

The relay ends when its standard input does.
"""

import asyncio
import json
import os
import socket
import struct
import sys

HOST = "127.0.0.1"
BACKLOG = 512
RECEIVE_SIZE = 64 * 1024

WAYS = ("request", "answer")
ENDINGS = ("fin", "rst", "stall")


class BadCommand(Exception):
    """A command that cannot be understood; its text says why."""


def check_cut(cut):
    """Raise BadCommand unless the value is a cut, or None."""
    if cut is None:
        return
    if not isinstance(cut, dict) or cut.keys() - {"way", "after", "how", "next"}:
        raise BadCommand("a cut is an object of way, after, how and perhaps next")
    if cut.get("way") not in WAYS:
        raise BadCommand(f"the way of a cut is one of {', '.join(WAYS)}")
    if cut.get("how") not in ENDINGS:
        raise BadCommand(f"a cut is one of {', '.join(ENDINGS)}")
    after = cut.get("after")
    if not isinstance(after, int) or isinstance(after, bool) or after < 0:
        raise BadCommand("a cut comes after a number of bytes")
    if not isinstance(cut.get("next", False), bool):
        raise BadCommand("next is true or false")


class Connection:
    """One connection on its way through a lane."""

    def __init__(self, client, cut, records):
        self._client = client
        self._gateway = None
        self._cut = cut
        self._passed = dict.fromkeys(WAYS, 0)
        self._kept = {way: bytearray() for way in WAYS} if records else None
        self._was_cut = asyncio.Event()

    def report(self):
        report = dict(self._passed, cut=self._was_cut.is_set())
        for way, kept in (self._kept or {}).items():
            report[f"{way}_bytes"] = kept.hex()
        return report

    async def run(self, port):
        """Relay until both sides or the cut have ended it."""
        try:
            self._gateway = await connect(port)
            pumps = asyncio.gather(
                self._pump("request", self._client, self._gateway),
                self._pump("answer", self._gateway, self._client),
            )
            cut = asyncio.create_task(self._was_cut.wait())
            await asyncio.wait([pumps, cut], return_when=asyncio.FIRST_COMPLETED)
            for task in (pumps, cut):
                task.cancel()
            await asyncio.gather(pumps, cut, return_exceptions=True)  # nobody may wait for a socket that is closed
            if self._was_cut.is_set():
                await self._end()
        except OSError:  # nobody listens there, or not any more
            pass
        finally:
            self._client.close()
            if self._gateway:
                self._gateway.close()

    async def _pump(self, way, source, target):
        """Pass bytes on in one direction until they end or are cut."""
        loop = asyncio.get_running_loop()
        cut = self._cut if self._cut and self._cut["way"] == way else None
        try:
            while True:
                room = cut["after"] - self._passed[way] if cut else RECEIVE_SIZE
                if room == 0 and not cut.get("next"):
                    self._make_cut()
                    return
                data = await loop.sock_recv(source, RECEIVE_SIZE)
                if self._was_cut.is_set():
                    return
                if not data:
                    break
                passed = data[:room] if cut else data
                await loop.sock_sendall(target, passed)
                self._passed[way] += len(passed)
                if self._kept:
                    self._kept[way] += passed
                if len(passed) < len(data):
                    self._make_cut()
                    return
        except OSError:  # the one or the other side is gone
            pass
        if not self._was_cut.is_set():
            shut(target)

    def _make_cut(self):
        """Let nothing more through; a FIN goes out before anything else can happen."""
        self._was_cut.set()
        if self._cut["how"] == "fin":
            shut(self._client)

    async def _end(self):
        """After the cut: end both sides. The gateway may go on for a while, and is listened to no more."""
        if self._cut["how"] == "rst":
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._client.close()
        shut(self._gateway)
        waits = [discard(self._gateway)]
        if self._cut["how"] != "rst":
            waits.append(discard(self._client))  # closing on bytes that were not read would be a reset
        await asyncio.gather(*waits)


class Lane:
    """A listening port that leads to another, and what passed through it."""

    def __init__(self, port):
        self._target = port
        self._cuts = []
        self._connections = []
        self._tasks = set()
        self._records = False
        self._sock = socket.create_server((HOST, 0), backlog=BACKLOG)
        self._sock.setblocking(False)
        self.port = self._sock.getsockname()[1]

    def plan(self, cuts):
        for cut in cuts:
            check_cut(cut)
        self._cuts.extend(cuts)

    def record(self):
        self._records = True

    def report(self):
        return {"open": len(self._tasks), "connections": [connection.report() for connection in self._connections]}

    async def serve(self):
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._sock)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(client, self._cuts.pop(0) if self._cuts else None, self._records)
            self._connections.append(connection)
            task = asyncio.create_task(connection.run(self._target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def connect(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


async def discard(sock):
    """Read until the other side ends."""
    try:
        while await asyncio.get_running_loop().sock_recv(sock, RECEIVE_SIZE):
            pass
    except OSError:
        pass


def shut(sock):
    """Send FIN, as far as there is anybody to send it to."""
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Relay:
    def __init__(self):
        self._lanes = {}
        self._tasks = []

    def obey(self, line):
        """Carry out one command; what is to be said about it."""
        try:
            command = json.loads(line)
            if not isinstance(command, dict):
                raise BadCommand("a command is an object")
            if "lane" in command:
                return self._open(command["lane"])
            lane = self._find(command)
            if "plan" in command:
                lane.plan(command.get("cuts", []))
                return {"planned": len(command.get("cuts", []))}
            if "record" in command:
                lane.record()
                return {"recording": lane.port}
            return lane.report()
        except (BadCommand, ValueError) as reason:
            return {"error": str(reason)}

    def _open(self, port):
        lane = Lane(port)
        self._lanes[lane.port] = lane
        self._tasks.append(asyncio.create_task(lane.serve()))
        return {"port": lane.port}

    def _find(self, command):
        for name in ("plan", "record", "report"):
            if name in command:
                if command[name] in self._lanes:
                    return self._lanes[command[name]]
                raise BadCommand(f"there is no lane {command[name]}")
        raise BadCommand("a command is one of lane, plan, record, report")


async def main():
    relay = Relay()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(relay.obey(line)), flush=True)
    os._exit(0)  # at once, whatever is still under way


if __name__ == "__main__":
    asyncio.run(main())
