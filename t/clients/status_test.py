"""
The metrics under load, over a worker's death and a reload: read by a parser
that others wrote, never going down, and at the end equal to what the clients
have counted themselves.
"""

import asyncio
import json
import os
import random
import signal
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from nginx import Nginx, Tap, TIMEOUT
from websocket import ConnectionClosed, connect

CLIENTS = 40
ROUNDS = 60

CONF = '''
    websocket_zone zone=live:8m;
    server {
        listen 127.0.0.1:$PORT reuseport;
        websocket_channel all;
        websocket_drain 20d;
        location = /room { websocket pubsub; }
        location ~ "^/odd\\"\\\\w+$" { websocket subscribe; }
        location = /publish { websocket_publish; }
        location = /metrics { websocket_status prometheus; }
        location = /status { websocket_status json; }
    }
'''

ODD = '^/odd"\\w+$'


def get(path, body=None):
    url = f'http://127.0.0.1:{nginx.port}{path}'
    with urllib.request.urlopen(url, body, TIMEOUT) as answer:
        return answer.headers, answer.read()


def scrape():
    """{(sample, sorted labels): value}; what is not right is raised."""
    headers, body = get('/metrics')
    assert headers['Content-Type'] == 'text/plain; version=0.0.4', headers

    values, names = {}, set()

    for family in text_string_to_metric_families(body.decode()):
        assert family.name not in names, f'{family.name} comes twice'
        assert family.documentation and family.type != 'unknown', family
        names.add(family.name)

        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in values, f'{key} comes twice'
            assert ('zone' in sample.labels
                    or sample.name in ('websocket_build_info',
                                       'websocket_memory_bytes')), key
            values[key] = sample.value

        if family.type == 'histogram':
            counts = [s.value for s in family.samples
                      if s.name.endswith('_bucket')]
            assert counts == sorted(counts), counts

    assert len(names) == 27, names
    return values


def total(values, name, **labels):
    return sum(v for (n, have), v in values.items()
               if n == name and labels.items() <= dict(have).items())


def decreased(old, new):
    return [k for k in old
            if k[0].endswith(('_total', '_count', '_sum', '_bucket'))
            and new.get(k, 0) < old[k]]


class Client:
    def __init__(self, path):
        self.path = path
        self.sent = self.received = self.bytes_out = 0
        self.code = None

    async def connect(self):
        self.socket = await connect(
            f'ws://127.0.0.1:{nginx.port}{self.path}', compression=None,
            ping_interval=None)
        self.task = asyncio.create_task(self.read())

    async def read(self):
        try:
            async for message in self.socket:
                self.received += 1
                self.bytes_out += 2 + len(message.encode())
        except ConnectionClosed:
            pass
        self.code = self.socket.close_code

    async def say(self, text):
        await self.socket.send(text)
        self.sent += 1


async def until(condition):
    end = asyncio.get_event_loop().time() + TIMEOUT
    while not condition():
        if asyncio.get_event_loop().time() > end:
            raise TimeoutError(condition)
        await asyncio.sleep(0.02)


async def load(clients, n):
    """n messages by anybody, all of which all get; and what was scraped."""
    rooms = [c for c in clients if c.path == '/room']
    before = [c.received for c in clients]
    over_http = 0
    old = scrape()
    down = []

    for i in range(n):
        if i % 3:
            await random.choice(rooms).say('x' * random.randrange(100))
        else:
            await asyncio.to_thread(get, '/publish', b'over HTTP')
            over_http += 1

        if i % 10 == 0:
            new = await asyncio.to_thread(scrape)
            down += decreased(old, new)
            old = new

    await until(lambda: all(c.received == b + n
                            for c, b in zip(clients, before)))
    return over_http, down


def compare(clients, published):
    """What is counted and what was, by the clients' own numbers."""
    values = scrape()

    for path, name in (('/room', '/room'), ('/odd"x', ODD)):
        mine = [c for c in clients if c.path == path]
        for metric, want in (
                ('connections_total', len(mine)),
                ('messages_received_total', sum(c.sent for c in mine)),
                ('messages_sent_total', sum(c.received for c in mine))):
            yield (f'{path} {metric}', want,
                   total(values, f'websocket_{metric}', location=name))

    yield ('published over HTTP', published,
           total(values, 'websocket_published_messages_total', location='/publish'))
    yield ('active', sum(c.code is None for c in clients),
           total(values, 'websocket_active_connections'))
    yield 'waiting', 0, total(values, 'websocket_queued_messages')


async def check(tap, what, clients, published):
    """A client may have a message before the worker has counted it."""
    end = asyncio.get_event_loop().time() + TIMEOUT
    found = list(compare(clients, published))

    while (any(want != have for _, want, have in found)
           and asyncio.get_event_loop().time() < end):
        await asyncio.sleep(0.05)
        found = list(compare(clients, published))

    for name, want, have in found:
        tap.ok(want == have, f'{what}: {name} {have:.0f}, {want}')


async def run(tap):
    clients = [Client(p) for p in ('/room', '/odd"x') * (CLIENTS // 2)]
    for c in clients:
        await c.connect()

    published, down = await load(clients, ROUNDS)
    await check(tap, 'load', clients, published)
    tap.ok(total(scrape(), 'websocket_bytes_sent_total')
           == sum(c.bytes_out for c in clients), 'bytes sent')

    # a message is one observation for each worker
    count = total(scrape(), 'websocket_delivery_seconds_count')
    tap.ok(count == 2 * ROUNDS, f'{count} deliveries of two workers')

    os.kill(nginx.workers()[0], signal.SIGKILL)
    await until(lambda: any(c.code for c in clients)
                and sum(c.code is None for c in clients)
                == total(scrape(), 'websocket_active_connections'))
    await until(lambda: len(nginx.workers()) == 2)
    dead = [c for c in clients if c.code]
    tap.ok(0 < len(dead) < CLIENTS, f'{len(dead)} lost their worker')

    live = [c for c in clients if c.code is None]
    live += [Client(c.path) for c in dead]
    for c in live[-len(dead):]:
        await c.connect()

    everybody = dead + live
    more, lower = await load(live, ROUNDS)
    published, down = published + more, down + lower
    await check(tap, 'after a death', everybody, published)
    tap.ok(total(scrape(), 'websocket_closes_total') == 0,
           'who died closed nobody')

    before = set(nginx.workers())
    nginx.process.send_signal(signal.SIGHUP)
    await until(lambda: len(set(nginx.workers()) - before) == 2)

    more, lower = await load(live, ROUNDS)
    published, down = published + more, down + lower
    await check(tap, 'during a reload', everybody, published)

    await asyncio.gather(*(c.socket.close() for c in live))
    await asyncio.gather(*(c.task for c in live))
    await until(lambda: not before & set(nginx.workers()))
    await check(tap, 'after the reload', everybody, published)
    values = scrape()
    tap.ok(total(values, 'websocket_closes_total', code='1000') == len(live),
           f'{len(live)} have closed')
    tap.ok(not down, f'no total ever went down {down[:3]}')

    status = json.loads(get('/status')[1])
    for location in status['locations']:
        name = location['location']
        tap.ok(location['messages_sent']
               == total(values, 'websocket_messages_sent_total', location=name)
               and location['closes']['1000']
               == total(values, 'websocket_closes_total', location=name,
                        code='1000'), f'JSON says the same of {name}')


if __name__ == '__main__':
    tap = Tap()
    nginx = Nginx('status', CONF)

    try:
        asyncio.run(run(tap))
        tap.ok(not nginx.alerts(but=['exited on signal 9']),
               f'no alerts {nginx.alerts()[:3]}')
    finally:
        nginx.stop()

    tap.done()
