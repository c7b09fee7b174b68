"""
Two workers, publishers at full load, and 120 clients that come back with their
position again and again, over a reload and the death of a worker: each of them
gets every message, once, in order.  Most of them break off by themselves, some
stay until the server does.
"""

import asyncio
import hashlib
import http.client
import json
import os
import random
import signal
import threading
import time
import urllib.request

import websocket
from nginx import Nginx, Tap, TIMEOUT

CLIENTS = int(os.environ.get('RECOVERY_CLIENTS', 120))
STAYERS = CLIENTS // 10
MESSAGES = int(os.environ.get('RECOVERY_MESSAGES', 2000))
PUBLISHERS = 2

CONF = '''
    websocket_zone zone=live:32m;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:$PORT reuseport;
        websocket_channel all;
        websocket_history length=100000;
        websocket_drain 500ms;
        add_header X-Worker $pid always;
        location = /out { websocket subscribe; websocket_presence on from=$arg_n; }
        location = /publish { websocket_publish; websocket_presence on; }
    }
'''


class Publisher(threading.Thread):
    """Publishes its share; what has no answer is repeated with its key."""

    def __init__(self, port, name, count, calm):
        super().__init__(daemon=True)
        self.port, self.label, self.count = port, name, count
        self.calm = calm
        self.offsets = []
        self.progress = 0
        self.http = None

    def run(self):
        for self.progress in range(self.count):
            if self.progress >= self.count * 9 // 10:
                self.calm.wait()    # there is something to miss until then
            text = f'{self.label}:{self.progress}'
            answer = None
            while answer is None:
                answer = self.publish(text)
            self.offsets.append(answer['offset'])
        self.progress = self.count

    def publish(self, text):
        try:
            if self.http is None:
                self.http = http.client.HTTPConnection('127.0.0.1', self.port,
                                                       timeout=TIMEOUT)
            self.http.request('POST', '/publish', text,
                              {'Idempotency-Key': text})
            answer = self.http.getresponse()
            body = answer.read()
            return json.loads(body) if answer.status in (200, 202) else None
        except (OSError, http.client.HTTPException):
            self.http.close()
            self.http = None
            return None


class Client:
    """Knows where it is, and nothing else, between two connections."""

    def __init__(self, base, number, stays):
        self.url = f'{base}/out?n={number}&position=1'
        self.position = None
        self.offset = 0
        self.hash = hashlib.sha1()
        self.wrong = []
        self.stays = stays
        self.worker = None
        self.connections = 0
        self.codes = set()

    async def run(self, last, ready):
        while self.offset < last and not self.wrong:
            try:
                await self.connection(last, ready)
            except (OSError, websocket.WebSocketException,
                    asyncio.TimeoutError):
                await asyncio.sleep(0.01)

    async def connection(self, last, ready):
        url = self.url
        if self.position:
            url += f'&since={self.position}'
        ws = await asyncio.wait_for(
            websocket.connect(url, compression=None, ping_interval=None,
                              max_queue=None), TIMEOUT)
        self.connections += 1
        self.worker = int(websocket.headers(ws)['X-Worker'])
        try:
            self.hello(json.loads(await asyncio.wait_for(ws.recv(), TIMEOUT)))
            ready(self)
            limit = last if self.stays else random.choice((1, 10, 100, 1000))
            while limit and self.offset < last:
                limit -= 1
                self.take(await asyncio.wait_for(ws.recv(), TIMEOUT))
        except websocket.ConnectionClosed as e:
            self.codes.add(e.rcvd.code if e.rcvd else 1006)
        finally:
            self.worker = None
            ws.transport.abort()
            await ws.wait_closed()

    def hello(self, first):
        if self.position is None:
            self.position = first['position']
        elif first != {'recovered': True, 'position': self.position,
                       'session': first.get('session')}:
            self.wrong.append(f'{self.position}: {first}')

    def take(self, message):
        position, text = message.split('\n', 1)
        offset = int(position.split(':')[1])
        if offset != self.offset + 1:
            self.wrong.append(f'{offset} after {self.offset}')
        self.position, self.offset = position, offset
        self.hash.update(f'{offset} {text}\n'.encode())


async def until(condition):
    end = time.monotonic() + 2 * TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        await asyncio.sleep(0.01)


async def disturb(nginx, publishers, clients):
    """A reload at a third of all, the death of a worker at two thirds."""
    def done():
        return sum(p.progress for p in publishers)

    def cut(code):
        return any(code in c.codes for c in clients)

    await until(lambda: done() >= MESSAGES // 3)
    old = set(nginx.workers())
    nginx.process.send_signal(signal.SIGHUP)
    await until(lambda: cut(1012))

    await until(lambda: done() >= 2 * MESSAGES // 3)
    await until(lambda: [c for c in clients
                         if c.stays and c.worker and c.worker not in old])
    victim = next(c.worker for c in clients
                  if c.stays and c.worker and c.worker not in old)
    os.kill(victim, signal.SIGKILL)
    await until(lambda: cut(1006))


async def play(tap, nginx):
    base = f'ws://127.0.0.1:{nginx.port}'
    clients = [Client(base, i, i < STAYERS) for i in range(CLIENTS)]
    calm = threading.Event()
    publishers = [Publisher(nginx.port, f'p{i}', MESSAGES // PUBLISHERS, calm)
                  for i in range(PUBLISHERS)]

    # all are there before the first message
    there, all_there = set(), asyncio.Event()

    def ready(client):
        there.add(client)
        if len(there) == CLIENTS and not all_there.is_set():
            presence(tap, nginx)
            for p in publishers:
                p.start()
            all_there.set()

    tasks = [asyncio.create_task(c.run(MESSAGES, ready)) for c in clients]
    await asyncio.wait_for(all_there.wait(), TIMEOUT)
    try:
        await disturb(nginx, publishers, clients)
    finally:
        calm.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 4 * TIMEOUT)
    for p in publishers:
        p.join(TIMEOUT)

    check(tap, clients, publishers)


def presence(tap, nginx):
    """More than one reading of members, and the limits of a page."""
    def get(query):
        url = f'http://127.0.0.1:{nginx.port}/publish?presence=1{query}'
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            return json.load(answer)

    names = {str(i) for i in range(CLIENTS)}
    answer = get('&limit=1000')
    tap.ok(answer['members'] == CLIENTS
           and {m['from'] for m in answer['presence']} == names,
           f'{CLIENTS} clients are there, over both workers')
    times = [m['since'] for m in answer['presence']]
    tap.ok(times == sorted(times), 'those who came first are first')
    tap.ok(get('')['presence'] == answer['presence'][:100]
           and get('&limit=65')['presence'] == answer['presence'][:65],
           'a page of them')


def check(tap, clients, publishers):
    wrong = [w for c in clients for w in c.wrong]
    tap.ok(not wrong, f'each offset follows the one before {wrong[:3]}')
    tap.ok(all(c.offset == MESSAGES for c in clients),
           f'{CLIENTS} clients have {MESSAGES} messages each')
    tap.ok(len({c.hash.digest() for c in clients}) == 1, 'all the same')

    offsets = sorted(o for p in publishers for o in p.offsets)
    tap.ok(offsets == list(range(1, MESSAGES + 1)),
           'each message was published once')
    tap.ok(all(p.offsets == sorted(p.offsets) for p in publishers),
           "each publisher's in its own order")

    connections = sum(c.connections for c in clients)
    codes = sorted(set().union(*(c.codes for c in clients)))
    tap.ok(connections > 3 * CLIENTS, f'{connections} connections, cut by the '
           f'clients and with {codes}')
    tap.ok({1006, 1012} <= set(codes), 'a worker died and one was replaced')


if __name__ == '__main__':
    random.seed(1)
    tap = Tap()
    nginx = Nginx('recovery', CONF)
    try:
        asyncio.run(play(tap, nginx))
        alerts = nginx.alerts(but=('exited on signal 9',))
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
    tap.done()
