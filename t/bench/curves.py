"""How the cost of a delivery grows, and what a session costs.

Each function returns what report.py shows of it.
"""

import socket
import ssl

from nginx import raise_limit
import turns

BIG = "websocket_max_message_size 2m; websocket_send_queue size=64m;"
LONG = "websocket_history length=%d time=1h;"


def curve(bench, slices, seconds, points):
    """The medians at each point: x, options, ours' own, and what is posted
    to ours before."""
    rows = []

    for x, options, ours, before in points:
        found = turns.take(bench, [
            ("ours", lambda: bench.ours(**ours), "fanout", options, before),
            ("floor coalesced", lambda: bench.floor("coalesce"), "fanout",
             options, None)], slices, seconds)

        runs, base = found.values()
        row = {"x": x, "ours": turns.median(runs, "us_per_unit"),
               "floor": turns.median(base, "us_per_unit"),
               "ratio": turns.ratio(runs, base),
               "ours_p99": turns.median(runs, "p99_us"),
               "floor_p99": turns.median(base, "p99_us")}
        rows.append(row)
        print("%8d %9.3f us/delivery, the floor %9.3f"
              % (x, row["ours"], row["floor"]), flush=True)

    return rows


def subscribers():
    return [(n, {"connections": n}, {}, None)
            for n in (10, 100, 1000, 5000, 10000, 15000)]


def channels():
    """1,000 subscribers of 100 channels, among channels that do nothing."""
    return [(n, {"connections": 1000, "channels": 100, "inflight": 16},
             {"zone": "256m", "extra": LONG % 1},
             {"pub": "/post/idle%d", "channels": n, "messages": n,
              "inflight": 16, "seconds": 60})
            for n in (1, 100, 1000, 10000, 100000)]


def sizes():
    return [(n, {"connections": 100, "size": n}, {"extra": BIG}, None)
            for n in (16, 128, 1024, 4096, 16384, 65536, 262144, 1048576)]


def histories():
    return [(n, {"connections": 100},
             {"zone": "256m", "extra": LONG % n if n else ""},
             {"pub": "/post/%d", "messages": n, "inflight": 16,
              "seconds": 60} if n else None)
            for n in (0, 10, 100, 1000, 10000, 100000)]


def publishers():
    return [(n, {"connections": 1000, "publishers": n, "inflight": 100}, {},
             None)
            for n in (1, 2, 5, 10, 20, 50, 100)]


def handshakes(bench, slices, seconds):
    """Per second of the server's CPU time; each one ends its connection."""
    found = turns.take(bench, [
        ("WebSocket", bench.ours, "handshake", {}, None),
        ("GET", bench.ours, "get", {"get": "/plain"}, None)],
        slices, seconds)

    return {name: turns.median(runs, "per_cpu_second")
            for name, runs in found.items()}


def memory(bench, peers, sessions):
    """Bytes of a session that is idle, and after a burst of messages."""
    found = {}

    for name, make in peers:
        try:
            with make() as server:
                found[name] = bench.load(server, "idle", messages=100,
                                         connections=sessions, inflight=10,
                                         seconds=0.5)
        except RuntimeError as e:
            print("idle: %s" % e, flush=True)

    return found


def smaps(server, field):
    total = 0

    for pid in server.pids():
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                if line.startswith(field + ":"):
                    total += int(line.split()[1]) * 1024

    return total


def tls_session(port, context):
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
    s.sendall(b"GET /sub/0 HTTP/1.1\r\nHost: localhost\r\n"
              b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Version: 13\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")

    if not s.recv(4096).startswith(b"HTTP/1.1 101"):
        raise RuntimeError("no 101 over TLS")

    return s


def tls_memory(bench, sessions):
    """As memory(), over TLS, of ours alone."""
    raise_limit(1 << 20)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    with bench.ours(tls=True) as server:
        clients = [tls_session(server.port, context)]
        before = {f: smaps(server, f)
                  for f in ("Private_Dirty", "Anonymous")}

        while len(clients) <= sessions:
            clients.append(tls_session(server.port, context))

        found = {f: (smaps(server, f) - before[f]) / sessions
                 for f in before}

        for s in clients:
            s.close()

    return found


def heartbeats(bench, sessions, interval, seconds):
    """CPU time for Pings to sessions that only answer them."""
    beat = "websocket_heartbeat interval=%ds timeout=2s;" % interval
    servers = [("ours", lambda: bench.ours(extra=beat)),
               ("ours, off",
                lambda: bench.ours(extra="websocket_heartbeat off;")),
               ("floor", lambda: bench.floor("send", interval * 1000))]
    found = {}

    for name, make in servers:
        with make() as server:
            result = bench.load(server, "idle", messages=0,
                                connections=sessions, seconds=seconds)
            found[name] = {"pings": result["pings"],
                           "cpu_ms": result["server_cpu_ns"] / 1e6,
                           "wall_s": result["wall_s"]}

    return {"sessions": sessions, "interval": interval, "found": found}


def workers(bench, slices, seconds):
    """Fan-out by one worker and by two."""
    results = {}

    for inflight in (1, 16):
        options = {"connections": 1000, "inflight": inflight, "cpu": -1}
        found = turns.take(bench, [
            (str(n), lambda n=n: bench.ours(workers=n), "fanout", options,
             None) for n in (1, 2)], slices, seconds)
        results[str(inflight)] = {
            n: [turns.median(runs, f) for f in ("us_per_unit", "per_second")]
            for n, runs in found.items()}

    return results


def compression(bench, slices, seconds):
    """A message that is compressed, and others that are not: the last is as
    long on the wire."""
    deflate = "websocket_deflate on;"
    results = {}

    for inflight in (1, 16):
        found = turns.take(bench, [
            (name, lambda extra=extra: bench.ours(extra=extra), "fanout",
             {"connections": 1000, "inflight": inflight, **options}, None)
            for name, extra, options in (
                ("1,024 bytes, compressed", deflate,
                 {"size": 1024, "deflate": 1}),
                ("1,024 bytes", "", {"size": 1024}),
                ("128 bytes", "", {"size": 128}),
                ("50 bytes", "", {"size": 50}))], slices, seconds)
        base = found["50 bytes"]
        results[str(inflight)] = {
            name: [turns.median(runs, "us_per_unit"), turns.ratio(runs, base)]
            for name, runs in found.items()}

    return results


def run(bench, peers, slices, seconds):
    results = {}

    for name, points in (("subscribers", subscribers),
                         ("channels", channels), ("size", sizes),
                         ("history", histories),
                         ("publishers", publishers)):
        print(name, flush=True)
        results[name] = curve(bench, slices, seconds, points())

    for name, measure in (
            ("handshakes", lambda: handshakes(bench, slices, seconds)),
            ("memory", lambda: memory(bench, peers, 5000)),
            ("tls", lambda: tls_memory(bench, 1000)),
            ("heartbeats", lambda: heartbeats(bench, 15000, 5, 15)),
            ("workers", lambda: workers(bench, slices, seconds)),
            ("compression", lambda: compression(bench, slices, seconds))):
        print(name, flush=True)
        results[name] = measure()

    return results
