"""Where a stall is measured: a server, its workers, and who talks to it."""

import contextlib
import json
import os
import select
import socket
import subprocess
import time

import peer

CHUNK = 1 << 16
PATIENCE = 30               # of one read, seconds; of the pings, too
QUIET = 0.2                 # a worker at rest works less than that share
SETTLE = 20                 # the longest that a worker may have to do, seconds


def frame(payload, first=0x81):
    """A frame with the key of zeros, so that it is what it says."""
    return peer.frame(first, payload, mask=bytes(4))


def cpu(pid):
    """Seconds of a process until now, exact while it runs, too."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0                        # it has ended


class Client:
    """A connection to a worker: a WebSocket's, or one for requests."""

    def __init__(self, port, worker=None, path=None, headers=""):
        head = "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (
            path or "/where", peer.UPGRADE + headers if path else "")

        for _ in range(1000):
            self.socket = socket.create_connection(("127.0.0.1", port),
                                                   PATIENCE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.send(head.encode())
            status, answer = self.head()

            if status not in (101, 200):
                raise RuntimeError("%s: %d %s" % (path, status, answer))

            found = answer.partition("\r\nX-Worker: ")[2].partition("\r")[0]

            if worker is None or not found or int(found) == worker:
                return

            self.socket.close()

        raise RuntimeError("worker %d gets no connection" % worker)

    def send(self, data):
        self.socket.sendall(data)

    def head(self):
        """The status and the head; what follows it is read and forgotten."""
        data = b""

        while b"\r\n\r\n" not in data:
            more = self.socket.recv(CHUNK)

            if not more:
                raise RuntimeError("no answer")

            data += more

        head, _, rest = data.partition(b"\r\n\r\n")
        head = head.decode("latin1") + "\r\n"
        length = head.lower().partition("content-length:")[2]
        self.body = rest

        if length:
            while len(self.body) < int(length.partition("\r")[0]):
                self.body += self.socket.recv(CHUNK)

        return int(head[9:12]), head

    def ask(self, method, path, body=b"", headers=""):
        self.send(b"%s %s HTTP/1.1\r\nHost: localhost\r\n"
                  b"%sContent-Length: %d\r\n\r\n%s"
                  % (method.encode(), path.encode(), headers.encode(),
                     len(body), body))

        return self.head()[0]

    def post_many(self, path, numbers, body=b"m", window=500):
        """One message to each of many channels, pipelined."""
        for first in range(0, numbers, window):
            many = range(first, min(first + window, numbers))
            self.send(b"".join(
                b"POST %s%d HTTP/1.1\r\nHost: x\r\n"
                b"Content-Length: %d\r\n\r\n%s"
                % (path.encode(), n, len(body), body) for n in many))
            data = b""

            while data.count(b"HTTP/1.1 20") < len(many):
                data += self.socket.recv(CHUNK)

    def fill(self, count, payload=b"m"):
        """So many messages on this socket; back when all were taken."""
        some = frame(payload) * max(1, CHUNK // (len(payload) + 6))
        sent = 0

        while sent < count:
            n = min(count - sent, len(some) // len(frame(payload)))
            self.send(some[:n * len(frame(payload))])
            sent += n
            self.drain()

        self.pong()

    def drain(self):
        while select.select([self.socket], [], [], 0)[0]:
            if not self.socket.recv(CHUNK):
                raise RuntimeError("the server ended a connection")

    def pong(self):
        """Waits until all that was sent was read, whatever came of it."""
        self.send(frame(b"end", 0x89))
        last = b""

        while not last.endswith(b"\x8a\x03end"):
            more = self.socket.recv(CHUNK)

            if not more:
                raise RuntimeError("the server ended a connection")

            last = (last + more)[-5:]


class Loader:
    """A process that is told by lines when to go on."""

    def __init__(self, bench, case, port, pids, **options):
        argv = [bench.dir + "/load", case, "--port", str(port)]

        for pid in pids:
            argv += ["--pid", str(pid)]

        for name, value in options.items():
            argv += ["--" + name, str(value)]

        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.line()

    def line(self):
        line = self.process.stdout.readline()

        if not line:
            raise RuntimeError("the load generator ended")

        return line

    def go(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()

    def end(self):
        """What it has to say; nothing where it waited in vain."""
        self.go()
        line = self.process.stdout.readline()

        return json.loads(line) if line else {}

    def kill(self):
        self.process.kill()
        self.process.communicate()


class Scene:
    """A running server; the context ends who is still there."""

    def __init__(self, bench, server, name):
        self.bench = bench
        self.server = server
        self.name = name
        self.port = server.port
        self.loaders = []
        self.pings = {}

    def __enter__(self):
        self.workers = self.server.pids()[1:] or self.server.pids()

        # what else the machine has to do waits, this load included

        with contextlib.suppress(PermissionError):
            for pid in self.workers:
                os.setpriority(os.PRIO_PROCESS, pid, -10)

        return self

    def __exit__(self, *_):
        for loader in self.loaders:
            loader.kill()

    @property
    def worker(self):
        """The one that has the work."""
        return self.workers[0]

    def client(self, path=None, headers=""):
        return Client(self.port, self.worker if len(self.workers) > 1
                      else None, path, headers)

    def load(self, case, **options):
        loader = Loader(self.bench, case, self.port, self.workers, **options)
        self.loaders.append(loader)

        return loader

    def crowd(self, connections, wait=True, **options):
        """Connections that read all; with wait they have their answers."""
        crowd = self.load("crowd", connections=connections, **options)

        if wait:
            crowd.go()
            crowd.line()

        return crowd

    def start(self):
        """The pings: of the worker that has the work, and of another."""
        http = {"http": 1, "get": "/where"} if self.name == "nchan" else {}

        for where, pid in zip(("same", "other"), self.workers):
            loader = Loader(self.bench, "ping", self.port, [pid],
                            echo="/ping", **http)
            self.loaders.append(loader)
            self.pings[where] = loader

        for loader in self.pings.values():
            loader.go()

        time.sleep(0.2)

    def settle(self):
        """Waits until the workers have nothing to do but pings."""
        end = time.monotonic() + SETTLE
        quiet = 0

        while quiet < 2 and time.monotonic() < end:
            before = [cpu(pid) for pid in self.workers]
            time.sleep(0.2)
            after = [cpu(pid) for pid in self.workers]
            busiest = max(a - b for a, b in zip(after, before))
            quiet = quiet + 1 if busiest < 0.2 * QUIET else 0

    def stop(self):
        """What the pings took, by where; nothing where one never came back."""
        return {where: loader.end() for where, loader in self.pings.items()}
