"""What might hold a worker: each prepares, yields, and from there on the pings
are measured, until the workers have nothing to do any more."""

import base64
import hashlib
import hmac
import json
import os
import signal
import time
import urllib.parse
import zlib

from scene import frame

ALL = []
DEFLATE = ("Sec-WebSocket-Extensions: permessage-deflate; "
           "client_no_context_takeover\r\n")
SECRET = "a secret of more than thirty-two bytes for stalls"

FIELDS = "websocket_type item { %s } websocket_type list { field l " \
         "array of=item; }"
PLAIN = FIELDS % " ".join("field f%d string;" % i for i in range(20))
DEFAULTS = FIELDS % " ".join(
    "field a_longer_name_%d string default=and_a_value_of_some_length_%d;"
    % (i, i) for i in range(20))


class Scenario:
    def __init__(self, run, name, title, peers=(), zone="64m", inactive="60s",
                 http="", server="", listen=" reuseport"):
        self.run = run
        self.name = name
        self.title = title
        self.peers = peers
        self.zone = "%s inactive=%s" % (zone, inactive)
        self.http = http
        self.server = server
        self.listen = listen


def scenario(*args, **options):
    def add(run):
        ALL.append(Scenario(run, *args, **options))
        return run

    return add


def history(length=100000000, more=""):
    return "websocket_history length=%d %s;" % (length, more)


def deflated(text):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    data = squeeze.compress(text.encode()) + squeeze.flush(zlib.Z_SYNC_FLUSH)

    return frame(data[:-4], 0xc1)


def packet(text, size=4096):
    """As many compressed messages as there may be in one read."""
    one = deflated(text)

    return one * max(1, size // len(one))


def swept(scene):
    """Waits until the zone has no messages any more, which are not all gone
    when they are not shown any more; 20 seconds at most."""
    client = scene.client()

    for _ in range(40 if scene.name == "ours" else 0):
        client.ask("GET", "/status")

        if json.loads(client.body)["zones"][0]["messages"] == 0:
            break

        time.sleep(0.5)


# nothing, and what is large

@scenario("quiet", "nothing", ("nchan", "node"))
def quiet(scene):
    yield
    time.sleep(3)


@scenario("delete-64m", "DELETE of 250,000 messages in a zone of 64 MB",
          ("nchan",), server=history())
def delete_64m(scene):
    scene.client("/pub/x").fill(250000)
    client = scene.client()
    yield
    client.ask("DELETE", "/post/x")
    swept(scene)


@scenario("delete-4g", "DELETE of 16,000,000 messages in a zone of 4 GB",
          zone="4096m", server=history())
def delete_4g(scene):
    scene.client("/pub/x").fill(16000000)
    client = scene.client()
    yield
    client.ask("DELETE", "/post/x")
    swept(scene)


@scenario("sweep", "4,000,000 messages of a zone of 1 GB whose time is over",
          zone="1024m", server=history(more="time=12s"))
def sweep(scene):
    scene.client("/pub/x").fill(4000000)
    yield
    time.sleep(12)
    swept(scene)


@scenario("large", "one message of 100 MB into a full zone of 1 GB",
          zone="1024m", server=history())
def large(scene):
    scene.client("/pub/x").fill(4200000)
    client = scene.client()
    yield
    client.ask("POST", "/post/y", b"y" * 100000000)


@scenario("evict", "20 messages of 1 MB into a full zone of 64 MB",
          server=history())
def evict(scene):
    scene.client("/pub/x").fill(260000)
    client = scene.client()
    yield

    for _ in range(20):
        client.ask("POST", "/post/y", b"y" * 1000000)


@scenario("publish", "500,000 messages published as fast as they are taken",
          server=history())
def publish(scene):
    client = scene.client("/pub/x")
    yield
    client.fill(500000)


@scenario("idle-channels", "1,000,000 idle channels, zone of 4 GB",
          zone="4096m", inactive="1h", server=history())
def idle_channels(scene):
    scene.client().post_many("/post/", 1000000)
    yield
    time.sleep(4)


@scenario("expire", "200,000 channels that expire at once", zone="256m",
          inactive="5s")
def expire(scene):
    scene.client().post_many("/post/", 200000)
    yield
    time.sleep(10)


# who is many

@scenario("fanout-16k", "messages to 16,000 subscribers, with presence",
          ("nchan", "node"), server="websocket_presence on;")
def fanout_16k(scene):
    scene.crowd(16000, sub="/sub/x")
    client = scene.client("/pub/x")
    time.sleep(1)
    yield

    for n in 1, 1, 1, 1, 16, 16:
        client.send(frame(b"m" * 128) * n)
        time.sleep(0.5)


@scenario("delete-16k", "DELETE of a channel with 16,000 subscribers, with "
          "presence", ("nchan",), server="websocket_presence on;")
def delete_16k(scene):
    scene.crowd(16000, sub="/sub/x")
    client = scene.client()
    time.sleep(1)
    yield
    client.ask("DELETE", "/post/x")


@scenario("leave-16k", "16,000 subscribers leave at once, with presence",
          ("nchan", "node"), server="websocket_presence on;")
def leave_16k(scene):
    crowd = scene.crowd(16000, sub="/sub/x")
    time.sleep(1)
    yield
    crowd.kill()


def recovering(name, count, title, peers=()):
    @scenario(name, title, peers, server=history())
    def run(scene):
        scene.client("/pub/x").fill(count, b"m" * 100)
        crowd = scene.crowd(1000, wait=False, sub="/old/x")
        yield
        crowd.go()
        crowd.line()
        time.sleep(1)


recovering("recover", 1000, "1,000 clients recover 1,000 messages at once",
           ("nchan",))
recovering("recover-long", 100000,
           "1,000 clients recover 100,000 messages at once")


@scenario("poll-history", "60 polls with a filter over 5,000 messages",
          zone="16m", server=history() + "websocket_filter on;")
def poll_history(scene):
    scene.client("/pub/x").fill(
        5000, b'{"a":1,"l":[' + b",".join([b"{}"] * 300) + b"]}")
    clients = [scene.client() for _ in range(60)]
    status = clients[0]
    status.ask("GET", "/post/x")
    channel = json.loads(status.body)
    since = "%s:%d" % (channel["epoch"], channel["first"] - 1)
    wanted = urllib.parse.quote('{"nobody":1}')
    yield

    for client in clients:
        client.send(("GET /sub/x?transport=poll&since=%s&filter=%s HTTP/1.1"
                     "\r\nHost: x\r\n\r\n" % (since, wanted)).encode())


@scenario("get-history", "10 GET of 1,000 messages of the history",
          server=history())
def get_history(scene):
    scene.client("/pub/x").fill(5000, b"m" * 1000)
    client = scene.client()
    yield

    for _ in range(10):
        client.ask("GET", "/post/x?limit=1000")


@scenario("get-presence", "10 GET of 1,000 of 16,000 who are present",
          server="websocket_presence on;")
def get_presence(scene):
    scene.crowd(16000, sub="/sub/x")
    client = scene.client()
    yield

    for _ in range(10):
        client.ask("GET", "/post/x?presence=1&limit=1000")


@scenario("death", "a worker dies that has half of 16,000 who are present",
          server="websocket_presence on; websocket_events leave;"
                 + history(100000))
def death(scene):
    scene.crowd(16000, sub="/sub/x")
    time.sleep(1)
    yield

    # the other's pings end with it

    scene.pings.pop("other").kill()
    os.kill(scene.workers.pop(), signal.SIGKILL)
    time.sleep(4)


def token():
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    text = "%s.%s" % (part(b'{"alg":"HS256"}'), part(json.dumps(
        {"sub": "eve", "iat": int(time.time()) - 5}).encode()))

    return "%s.%s" % (text, part(hmac.new(SECRET.encode(), text.encode(),
                                          hashlib.sha256).digest()))


@scenario("revoke-16k", "a revocation that closes 16,000",
          server="location ~ ^/token/(.*)$ { websocket subscribe; "
                 "websocket_channel $1; websocket_jwt key=PREFIX/key "
                 "alg=HS256; } "
                 "location = /revoke { websocket_revoke time=1h; }")
def revoke_16k(scene):
    scene.crowd(16000, sub="/token/x?token=" + token())
    client = scene.client()
    yield
    client.ask("POST", "/revoke", b'{"user":"eve"}')
    time.sleep(1)


@scenario("conflate", "20 clients that do not read, overflow=conflate",
          listen=" reuseport sndbuf=8k",
          server="location = /slow { websocket subscribe; websocket_channel a b;"
                 "websocket_heartbeat off; websocket_send_timeout 100s;"
                 "websocket_send_queue messages=10000 size=500m "
                 "overflow=conflate; }")
def conflate(scene):
    scene.crowd(20, sub="/slow", deaf=1, rcvbuf=2304)
    a = scene.client("/pub/a")
    a.fill(60, b"f" * 1000)
    time.sleep(0.5)
    a.fill(4900, b"a")
    b = scene.client("/pub/b")
    b.fill(4900, b"b")
    yield

    for _ in range(300):
        b.fill(1, b"b")


# what is small, and means harm

def hostile(name, title, data, **options):
    """One packet to /in, and the next one when it was read."""

    @scenario(name, title, **options)
    def run(scene):
        clients = [scene.client("/in", DEFLATE) for _ in range(3)]
        yield

        for client in clients:
            client.send(data())
            client.pong()


def typed(kind="list"):
    return ("location = /in { websocket publish; websocket_channel x; "
            "websocket_inbound_type %s; websocket_deflate on; }" % kind)


FILTERS = ("location = /in { websocket pubsub; websocket_channel x; "
           "websocket_filter on; websocket_deflate on; }")

EMPTY = '{"l":[%s]}' % ",".join(["{}"] * 4990)

hostile("pattern", "a text of 64 KB, \"pattern=[a-z]+$\"",
        lambda: frame(json.dumps({"s": "a" * 64000 + "!"}).encode()),
        http='websocket_type m { field s string "pattern=[a-z]+$"; }',
        server=typed("m"))

hostile("pattern-nested", "a text of 31 bytes, "
        "\"pattern=^([a-z0-9]+\\.?)+$\"",
        lambda: frame(json.dumps({"s": "a" * 30 + "!"}).encode()),
        http='websocket_type m { field s string '
             '"pattern=^([a-z0-9]+\\.?)+$"; }',
        server=typed("m"))

hostile("defaults", "4 KB that unpack and get their defaults",
        lambda: packet(EMPTY), http=DEFAULTS, server=typed())

hostile("deflate", "4 KB that unpack to 80 messages with a type",
        lambda: packet(EMPTY), http=PLAIN, server=typed())

hostile("objects", "one message of 15 KB of 4,990 objects with a type",
        lambda: frame(EMPTY.encode()), http=PLAIN, server=typed())

hostile("members", "one message of 64 KB of 6,000 members",
        lambda: frame(json.dumps({"k%d" % i: i % 10 for i in range(6000)},
                                 separators=(",", ":")).encode()),
        http="websocket_type some { field a string; additional on; }",
        server=typed("some"))

hostile("filter-spaces", "4 KB that unpack to 39 filters of spaces",
        lambda: packet('{"filter":' + " " * 65000 + "{}}"), server=FILTERS)

hostile("filter-in", "4 KB that unpack to 95 filters of 999 values",
        lambda: packet('{"filter":{"a":[%s]}}' % ",".join(["1"] * 999)),
        server=FILTERS)

hostile("frames", "64 KB of empty messages",
        lambda: frame(b"") * 10900, server=typed("list"), http=PLAIN)

WANTED = urllib.parse.quote(json.dumps({"or": [
    {"f": {"gt": 1000 + i}} for i in range(127)] + [{"n": "NUMBER"}]},
    separators=(",", ":"))).replace("NUMBER", "%d")


@scenario("filters", "256 messages of 7 bytes to 1,000 clients, each with "
          "128 comparisons", server="websocket_filter on;")
def filters(scene):
    scene.crowd(1000, sub="/sub/x?u=%d&filter=" + WANTED)
    client = scene.client("/pub/x")
    yield
    client.send(frame(b'{"f":1}') * 256)
    client.pong()
