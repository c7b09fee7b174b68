"""What a message costs that is published through a broker: the CPU time of the
worker that publishes it, of those of other nodes, and of the Redis server,
beside the same without a broker.

Each message goes to one subscriber of its channel on each node, but where there
are more channels than a process may have sockets: to nobody.  Beside it
stands what the server takes for a PING of one client that waits for each
answer: a machine that is busy, or slower, has more of all.
"""

import contextlib
import select
import socket
import statistics
import sys
import time

import turns
from nginx import raise_limit
from redis_server import Redis

MOST = 10000                # subscribers

BROKER = "websocket_broker bench redis://127.0.0.1:%d;"

# nodes, channels, in flight
ROWS = [
    (1, 10, 1), (1, 10, 16),
    (2, 10, 1), (2, 10, 16),
    (4, 10, 1), (4, 10, 16),
    (1, 100, 16), (1, 1000, 16), (1, 10000, 16), (1, 100000, 16),
]


def spent(pids):
    """Microseconds of CPU."""
    total = 0

    for pid in pids:
        with open("/proc/%d/schedstat" % pid) as f:
            total += int(f.read().split()[0])

    return total / 1000


class Measured(turns.Contender):
    """A turn also tells what each of the groups of processes took."""

    groups = {}
    each = 1                    # deliveries of a message

    def turn(self):
        before = {name: spent(pids) for name, pids in self.groups.items()}
        found = super().turn()
        messages = found["units"] / self.each

        return {name: (spent(pids) - before[name]) / messages
                for name, pids in self.groups.items()}


def contend(bench, stack, redis, nodes, channels, inflight):
    """Without a Redis there is one node, as it is without a broker."""
    http = BROKER % redis.port if redis else ""
    zone = "%dm%s" % (max(64, channels // 250), " broker=bench" if redis else "")
    found = [stack.enter_context(bench.ours(http=http, zone=zone,
                                            connections=MOST + 1000))
             for _ in range(nodes)]
    case = "fanout" if channels * nodes <= MOST else "post"
    options = {"connections": channels * nodes, "channels": channels,
               "inflight": inflight, "messages": turns.MANY,
               "seconds": 0.25}

    if channels > 100:
        options.update(http=1, pub="/post/%d")

    contender = Measured(bench, found[0], case, options,
                         [("node", server.port) for server in found[1:]])
    stack.callback(contender.close)
    contender.answer()
    contender.each = nodes
    contender.groups = {"worker": found[0].pids()}

    if redis:
        contender.groups["redis"] = [redis.process.pid]

    if nodes > 1:
        contender.groups["other"] = [pid for server in found[1:]
                                     for pid in server.pids()]

    return contender


def pings(redis, n=1000):
    """Microseconds that one takes of the server."""
    before = spent([redis.process.pid])

    with socket.create_connection(("127.0.0.1", redis.port)) as s:
        for _ in range(n):
            s.sendall(b"PING\r\n")
            s.recv(64)

    return (spent([redis.process.pid]) - before) / n


def row(bench, nodes, channels, inflight, slices):
    """The medians of both, without a broker and with it."""
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(Redis())
        both = [contend(bench, stack, None, 1, channels, inflight),
                contend(bench, stack, redis, nodes, channels, inflight)]
        runs = [[c.turn() for c in both] + [{"ping": pings(redis)}]
                for _ in range(slices)]

    def median(i, name):
        return statistics.median(run[i][name] for run in runs)

    return {"plain": median(0, "worker"), "worker": median(1, "worker"),
            "redis": median(1, "redis"), "ping": median(2, "ping"),
            "other": median(1, "other") / (nodes - 1) if nodes > 1 else None}


def costs(bench, slices):
    print("| nodes | channels | in flight | worker without | with | more "
          "| Redis | each other node | a PING |\n" + "| --- " * 9 + "|")

    for nodes, channels, inflight in ROWS:
        found = row(bench, nodes, channels, inflight, slices)
        other = "%.1f" % found["other"] if found["other"] else ""
        print("| %d | %d | %d | %.1f | %.1f | %.1f | %.1f | %s | %.1f |"
              % (nodes, channels, inflight, found["plain"], found["worker"],
                 found["worker"] - found["plain"], found["redis"], other,
                 found["ping"]),
              flush=True)


class Client:
    """One of a crowd: it asks for what it has missed."""

    def __init__(self, port, i, path, last):
        self.got = b""
        self.last = last
        self.socket = socket.socket()
        self.socket.bind(("127.0.1.%d" % (1 + i % 100), 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.request = ("GET %s HTTP/1.1\r\nHost: x\r\n"
                        "Accept: text/event-stream\r\n\r\n" % path).encode()

    def ask(self):
        self.socket.send(self.request)

    def read(self):
        """Whether it has the newest message."""
        with contextlib.suppress(BlockingIOError):
            self.got = (self.got + self.socket.recv(1 << 18))[-4096:]

        return self.last in self.got


def crowd(clients):
    """Seconds until all that come at once are there, and each of them."""
    with select.epoll() as epoll:
        waiting = {}

        for client in clients:
            waiting[client.socket.fileno()] = client
            epoll.register(client.socket, select.EPOLLIN)

        start = time.monotonic()

        for client in clients:
            client.ask()

        while waiting:
            for fd, _ in epoll.poll(30) or sys.exit("a client is not served"):
                if fd in waiting and waiting[fd].read():
                    epoll.unregister(fd)
                    del waiting[fd]

        return time.monotonic() - start


def storm(bench, channels, clients=10000):
    """Clients come back at once, to a node that has read nothing yet."""
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(Redis())
        make = {"http": BROKER % redis.port
                + " websocket_history length=100 time=1h;",
                "zone": "256m broker=bench", "connections": clients + 1000}
        first = stack.enter_context(bench.ours(**make))
        bench.load(first, "post", channels=channels, inflight=64, seconds=60,
                   messages=max(100, channels), pub="/post/%d")
        node = stack.enter_context(bench.ours(**make))
        client = redis.client()
        path, last = [], []

        for i in range(channels):
            ids = client.xrevrange("ws:s:ch/%d" % i)
            epoch, offset = map(int, ids[0][0].split(b"-"))
            last.append(b"id: %016x:%d" % (epoch, offset))
            path.append("/sub/%d?since=%016x:%d" % (
                i, epoch, offset - min(100, len(ids))))

        all = [Client(node.port, i, path[i % channels], last[i % channels])
               for i in range(clients)]
        client.config_resetstat()
        pids = {"worker": node.pids(), "redis": [redis.process.pid]}
        before = {name: spent(p) for name, p in pids.items()}
        took = crowd(all)
        reads = client.info("commandstats").get("cmdstat_xrange", {"calls": 0})

        print("| %d | %d | %.1f | %.2f | %.2f | %d |"
              % (clients, channels, took,
                 *[(spent(p) - before[name]) / 1e6
                   for name, p in pids.items()], reads["calls"]), flush=True)

        for client in all:
            client.socket.close()


def run(bench, slices=20):
    raise_limit(1 << 20)
    print("Microseconds of CPU for a message:\n")
    costs(bench, slices)
    print("\nClients that come to a cold node, seconds:\n\n"
          "| clients | channels | until all are there | CPU of the worker "
          "| of Redis | XRANGE |\n" + "| --- " * 6 + "|")

    for channels in (1, 10000):
        storm(bench, channels)
