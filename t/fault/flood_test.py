"""
One client of a hundred floods, with messages or with handshakes; the others
must get every message, each once and in order, and no publisher be refused.
In long, how long a message needs to them, with and without the flood.
"""

import itertools
import multiprocessing
import os
import socket
import struct
import time

from nginx import Nginx, Tap, TIMEOUT, raise_limit
from peer import BINARY, FIN, HOST, UPGRADE, frame, request

LONG = 'WEBSOCKET_LONG' in os.environ
HEALTHY = 990 if LONG else 99
FLOODERS = 10 if LONG else 1
MESSAGES = 500 if LONG else 100
INTERVAL = 0.01
SIZE = 1000
STAMP = 35                      # SO_TIMESTAMPNS, and SCM_TIMESTAMPNS

CONF = '''
    websocket_zone zone=live:1m;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:$PORT backlog=4096;
        location = /healthy {
            websocket subscribe; websocket_channel healthy;
            websocket_heartbeat off;
        }
        location = /flood {
            websocket pubsub; websocket_channel flood;
            websocket_send_queue overflow=drop_oldest;
        }
        location = /rated {
            websocket pubsub; websocket_channel flood;
            websocket_send_queue overflow=drop_oldest;
            websocket_rate messages=100/s;
        }
        location = /few {
            websocket subscribe; websocket_channel healthy;
            websocket_max_connections 2 key=$remote_addr;
        }
        location = /publish {
            websocket_publish; websocket_channel healthy;
        }
    }
'''


def connect(port, path):
    s = socket.create_connection((HOST, port), TIMEOUT)
    s.sendall(request(path, UPGRADE))
    return s


def flood_messages(port, path, done):
    """Tiny messages as fast as they are taken, and all that comes is read."""
    sockets = [connect(port, path) for _ in range(FLOODERS)]
    data = frame(FIN | BINARY, b't') * 5000
    left = {s: memoryview(data) for s in sockets}

    for s in sockets:
        s.setblocking(False)

    while True:
        idle = True
        for s in sockets:
            try:
                n = s.send(left[s])
                left[s] = left[s][n:] or memoryview(data)
                done.value += n // 7
                idle = False
            except BlockingIOError:
                pass
            try:
                while s.recv(1 << 20):
                    idle = False
            except BlockingIOError:
                pass
        if idle:
            time.sleep(0.001)


def flood_handshakes(port, path, done):
    """As many at a time as there are flooders: opened, answered, reset."""
    while True:
        sockets = [connect(port, path) for _ in range(FLOODERS)]
        for s in sockets:
            s.recv(4096)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack('ii', 1, 0))
            s.close()
        done.value += len(sockets)


class Flood:
    """In a process of its own, until it is killed."""

    def __init__(self, what, port, path):
        self.done = multiprocessing.Value('q', 0)
        self.process = None
        if what:
            self.process = multiprocessing.Process(
                target=what, args=(port, path, self.done), daemon=True)

    def __enter__(self):
        if self.process:
            self.process.start()
            Nginx.wait(lambda: self.done.value)
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.join()


class Healthy:
    """A publisher, and subscribers; the kernel notes when a message came."""

    def __init__(self, port):
        self.number = itertools.count(1)
        self.subscribers = [self.subscribe(port) for _ in range(HEALTHY)]
        self.publisher = socket.create_connection((HOST, port), TIMEOUT)
        self.publisher.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @staticmethod
    def subscribe(port):
        s = connect(port, '/healthy')
        s.setsockopt(socket.SOL_SOCKET, STAMP, 1)
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += s.recv(1)
        assert head.startswith(b'HTTP/1.1 101 ')
        return s

    def one(self, wrong):
        """Nanoseconds from the publish to each subscriber."""
        body = b'%d ' % next(self.number)
        body += b'x' * (SIZE - len(body))
        want = b'\x82\x7e' + struct.pack('>H', SIZE) + body
        start = time.time_ns()
        self.publisher.sendall(
            b'POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n'
            b'Content-Type: application/octet-stream\r\n\r\n' % SIZE + body)
        status = self.publisher.recv(4096).split()[1]
        if status != b'200':
            wrong.append(f'a publish was answered with {status.decode()}')
        for s in self.subscribers:
            data, notes, _, _ = s.recvmsg(len(want), 64, socket.MSG_WAITALL)
            if data != want:
                wrong.append(f'{data[:20]} came')
                continue
            seconds, nanoseconds = struct.unpack('qq', notes[0][2])
            yield seconds * 1000000000 + nanoseconds - start

    def run(self):
        times, wrong = [], []
        try:
            for _ in range(MESSAGES):
                times += self.one(wrong)
                if wrong:
                    break
                time.sleep(INTERVAL)
        except OSError as e:
            wrong.append(repr(e))
        return sorted(times), wrong


def main():
    tap = Tap()
    nginx = Nginx('flood', CONF, 2)
    nginx.wait(lambda: len(nginx.workers()) == 2)
    workers = nginx.workers()
    try:
        healthy = Healthy(nginx.port)
        for name, what, path in (
                ('nobody floods', None, None),
                ('messages', flood_messages, '/flood'),
                ('messages, at a rate', flood_messages, '/rated'),
                ('handshakes', flood_handshakes, '/healthy'),
                ('handshakes, few at a time', flood_handshakes, '/few')):

            with Flood(what, nginx.port, path) as flood:
                start, before = time.monotonic(), flood.done.value
                times, wrong = healthy.run()
                took = time.monotonic() - start
                done = flood.done.value - before

            tap.ok(len(times) == HEALTHY * MESSAGES and not wrong,
                   f'{name}: {HEALTHY} get all of {MESSAGES} {wrong[:3]}')
            if LONG and times:
                p50, p99 = (times[int(p * (len(times) - 1))] / 1e6
                            for p in (0.5, 0.99))
                print(f'# {name}: {done / took:.0f}/s of {FLOODERS} clients; '
                      f'the others: {p50:.2f} ms p50, {p99:.2f} ms p99, '
                      f'{times[-1] / 1e6:.2f} ms at most', flush=True)

        full = [line for line in nginx.log().splitlines()
                if 'cannot take the message' in line]
        tap.ok(not full, f'the zone is never full {full[:3]}')
        tap.ok(nginx.workers() == workers and not nginx.alerts(),
               f'the workers live, no alerts {nginx.alerts()[:3]}')
    finally:
        nginx.stop()
    tap.done()


if __name__ == '__main__':
    raise_limit()
    main()
