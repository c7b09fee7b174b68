"""
Two workers, 500 subscribers over both, 10,000 messages of three publishers
(a socket, HTTP, HTTP on the other worker): every subscriber gets all, each
once, in one order.  Then the same with a worker killed in the middle.
"""

import hashlib
import http.client
import os
import random
import resource
import selectors
import signal
import threading
import time

from nginx import Nginx, Tap, TIMEOUT
from peer import FIN, TEXT, connect, frame

SUBSCRIBERS = int(os.environ.get('FANOUT_SUBSCRIBERS', 500))
MESSAGES = int(os.environ.get('FANOUT_MESSAGES', 10000))

CONF = '''
    websocket_zone zone=live:32m;
    keepalive_requests 1000000;
    websocket_send_queue messages=20000 size=16m;
    websocket_heartbeat off;
    server {
        listen 127.0.0.1:$PORT reuseport;
        add_header X-Worker $pid always;
        location = /in { websocket publish; websocket_channel all; }
        location = /out { websocket subscribe; websocket_channel all; }
        location = /publish { websocket_publish; websocket_channel all; }
    }
'''


class Subscribers:
    """Reads all streams.  What the workers write is the same frames for
    everybody, so whole streams can be compared by their hashes."""

    def __init__(self, port, n):
        self.selector = selectors.DefaultSelector()
        self.all = []
        for _ in range(n):
            s, worker = connect(port, '/out')
            s.setblocking(False)
            one = {'socket': s, 'worker': worker, 'hash': hashlib.sha1(),
                   'bytes': 0, 'eof': False, 'keep': None}
            self.all.append(one)
            self.selector.register(s, selectors.EVENT_READ, one)
        self.workers = {one['worker'] for one in self.all}
        for worker in self.workers:         # of each worker one in full
            next(o for o in self.all if o['worker'] == worker)['keep'] = []

    def read(self, timeout):
        for key, _ in self.selector.select(timeout):
            one = key.data
            try:
                data = one['socket'].recv(1 << 20)
            except ConnectionError:
                data = b''
            if not data:
                one['eof'] = True
                self.selector.unregister(one['socket'])
                continue
            one['hash'].update(data)
            one['bytes'] += len(data)
            if one['keep'] is not None:
                one['keep'].append(data)

    def close(self):
        for one in self.all:
            one['socket'].close()


def payloads(stream):
    p, out = 0, []
    while p < len(stream):
        assert stream[p] == 0x81 and stream[p + 1] < 126, stream[p:p + 20]
        n = stream[p + 1]
        out.append(stream[p + 2:p + 2 + n])
        p += 2 + n
    return out


class Publisher(threading.Thread):
    """Publishes its share; acked are those that surely went in."""

    def __init__(self, name, port, count, other_than=None):
        super().__init__()
        self.label, self.port, self.count = name, port, count
        self.other_than = other_than
        self.acked, self.sent = set(), set()
        self.worker = None

    def message(self, i):
        text = f'{self.label}:{i:05d}'.encode()
        self.sent.add(text)
        return text


class SocketPublisher(Publisher):
    def open(self):
        self.socket, self.worker = connect(self.port, '/in')

    def run(self):
        pending = set()
        for i in range(self.count):
            text = self.message(i)
            pending.add(text)
            try:
                self.socket.sendall(frame(FIN | TEXT, text))
                if i % 64 == 63 or i == self.count - 1:
                    # a Pong: what was sent before on this connection is in
                    self.socket.sendall(b'\x89\x80\0\0\0\0')
                    if self.socket.recv(2) != b'\x8a\x00':
                        raise OSError('no Pong')
                    self.acked |= pending
                    pending.clear()
            except OSError:
                pending.clear()
                self.open()


class HttpPublisher(Publisher):
    def open(self):
        for _ in range(200):
            self.http = http.client.HTTPConnection('127.0.0.1', self.port,
                                                   timeout=TIMEOUT)
            self.http.request('GET', '/publish')
            answer = self.http.getresponse()
            answer.read()
            self.worker = int(answer.headers['X-Worker'])
            if self.worker != self.other_than:
                return
            self.http.close()
        raise RuntimeError('all connections go to one worker')

    def run(self):
        for i in range(self.count):
            text = self.message(i)
            try:
                self.http.request('POST', '/publish', text)
                answer = self.http.getresponse()
                answer.read()
                if answer.status in (200, 202):
                    self.acked.add(text)
            except (OSError, http.client.HTTPException):
                self.open()


def run(tap, name, kill):
    nginx = Nginx('fanout', CONF)
    try:
        play(tap, nginx, name, kill)
    finally:
        nginx.stop()


def play(tap, nginx, name, kill):
    subscribers = Subscribers(nginx.port, SUBSCRIBERS)
    tap.ok(len(subscribers.workers) == 2,
           f'{name}: {SUBSCRIBERS} subscribers over both workers')

    share = MESSAGES // 3
    one = HttpPublisher('http', nginx.port, share)
    one.open()
    two = HttpPublisher('other', nginx.port, share, other_than=one.worker)
    two.open()
    three = SocketPublisher('socket', nginx.port, MESSAGES - 2 * share)
    three.open()
    publishers = [one, two, three]

    victim = one.worker if kill else None
    size = sum(len(p.message(0)) + 2 for p in publishers[:1])
    began = time.monotonic()
    for p in publishers:
        p.sent.clear()
        p.start()

    killed = False
    quiet = time.monotonic()
    seen = 0
    while time.monotonic() - began < 10 * TIMEOUT:
        subscribers.read(0.1)
        total = sum(s['bytes'] for s in subscribers.all)
        if total != seen:
            seen, quiet = total, time.monotonic()
        if kill and not killed and total > SUBSCRIBERS * MESSAGES * size // 4:
            os.kill(victim, signal.SIGKILL)
            killed = True
        if not any(p.is_alive() for p in publishers):
            if expected(subscribers, publishers, victim):
                break
            if time.monotonic() - quiet > TIMEOUT:
                break
    took = time.monotonic() - began

    check(tap, name, subscribers, publishers, victim)
    if kill:
        tap.ok(killed, f'{name}: a worker was killed in the middle')
    alerts = nginx.alerts(but=('exited on signal 9',) if kill else ())
    tap.ok(not alerts, f'{name}: no alerts {alerts[:3]}')
    print(f'# {name}: {took:.1f} s, {seen} bytes received')
    subscribers.close()


def expected(subscribers, publishers, victim):
    """All that live have the same, and have what surely went in."""
    live = [s for s in subscribers.all if s['worker'] != victim]
    if len({s['bytes'] for s in live}) != 1:
        return False
    full = next(s for s in live if s['keep'] is not None)
    got = set(payloads(b''.join(full['keep'])))
    return all(p.acked <= got for p in publishers)


def check(tap, name, subscribers, publishers, victim):
    live = [s for s in subscribers.all if s['worker'] != victim]
    lost = [s for s in live if s['eof']]
    tap.ok(not lost, f'{name}: no other session was lost ({len(lost)})')

    streams = {s['hash'].digest() for s in live}
    tap.ok(len(streams) == 1,
           f'{name}: all {len(live)} subscribers have the same, in one order')

    full = next(s for s in live if s['keep'] is not None)
    got = payloads(b''.join(full['keep']))
    sent = set().union(*(p.sent for p in publishers))
    acked = set().union(*(p.acked for p in publishers))
    tap.ok(len(got) == len(set(got)), f'{name}: each message once')
    tap.ok(acked <= set(got) <= sent,
           f'{name}: {len(got)} messages, all {len(acked)} that were '
           f'acknowledged')
    if victim is None:
        tap.ok(len(got) == MESSAGES, f'{name}: all {MESSAGES}')

    for p in publishers:
        mine = [m for m in got if m.startswith(p.label.encode())]
        tap.ok(mine == sorted(mine), f'{name}: {p.label} in its own order')


if __name__ == '__main__':
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 8192), limit))
    random.seed(1)
    tap = Tap()
    run(tap, 'fan-out', kill=False)
    run(tap, 'fan-out with a kill', kill=True)
    tap.done()
