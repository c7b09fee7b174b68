"""
The history moves on while a worker is held up between two looks at it: what
is lost by that is told, whoever reads.
"""

import base64
import concurrent.futures
import http.client
import json
import os
import struct
import sys

from nginx import Nginx, Tap
from peer import Shim

KEPT = 5
SIZE = 600_000                  # more than is copied at once
PAGE = 1 << 20                  # the buffer of a page
BODY = b''.join(b'%08d' % n for n in range(SIZE // 8))
TIMEOUT = 30

CONF = f'''
    websocket_zone zone=live:16m;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:$PORT reuseport;
        websocket_channel $arg_room;
        websocket_history length={KEPT};
        websocket_max_message_size {PAGE};
        client_body_buffer_size {PAGE};
        location = /stream {{ websocket subscribe; }}
        location = /publish {{
            websocket_publish;
            add_header X-Worker $pid always;
        }}
    }}
'''


class Connection:
    """One that is kept alive, to the worker that has accepted it."""

    def __init__(self, port):
        self.http = http.client.HTTPConnection('127.0.0.1', port,
                                               timeout=TIMEOUT)
        self.worker = None
        self.ask('GET', 'none')

    def ask(self, method, room, args='', body=None):
        self.http.request(method, f'/publish?room={room}{args}', body)
        response = self.http.getresponse()
        self.worker = int(response.getheader('X-Worker'))
        return json.loads(response.read())

    def publish(self, room, n, body=BODY):
        for _ in range(n):
            answer = self.ask('POST', room, body=body)
        return answer

    def subscribe(self, room, since):
        """The rest of the connection is a WebSocket's: what it brings."""
        key = base64.b64encode(os.urandom(16)).decode()
        self.http.sock.sendall(
            f'GET /stream?room={room}&position=1&since={since} HTTP/1.1\r\n'
            'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
            f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n'
            '\r\n'.encode())
        self.file = self.http.sock.makefile('rb')
        while self.file.readline() not in (b'\r\n', b''):
            pass

    def frames(self, last):
        """The offsets, until the last one or a Close, and its code."""
        offsets = []
        while not offsets or offsets[-1] != last:
            head = self.file.read(2)
            if len(head) < 2:
                return offsets, None
            size = head[1] & 127
            if size > 125:
                size, = struct.unpack('>H' if size == 126 else '>Q',
                                      self.file.read(2 if size == 126 else 8))
            payload = self.file.read(size)
            if head[0] & 15 == 8:
                return offsets, struct.unpack('>H', payload[:2])[0]
            position, _, message = payload.partition(b'\n')
            if not position.startswith(b'{'):
                offset = int(position.split(b':')[1])
                offsets.append(offset if message == BODY else -offset)
        return offsets, None


class Test:
    def __init__(self, tap):
        self.tap = tap
        self.shim = Shim('pause', '<3Q')
        self.shim.values = (0, 0, 0)
        with self.shim.preloaded():
            self.nginx = Nginx('gap', CONF, 2)
        self.a = self.connection(lambda worker: True)
        self.b = self.connection(lambda worker: worker != self.a.worker)

    def connection(self, right):
        while not right((connection := Connection(self.nginx.port)).worker):
            connection.http.close()
        return connection

    def held_up(self, room, size, body, what):
        """Does it on one worker, and publishes by the other meanwhile."""
        self.shim.values = (self.a.worker, size, 0)
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            future = threads.submit(what)
            self.nginx.wait(lambda: self.shim.values[2] == 1)
            self.b.publish(room, KEPT + 1, body)
            self.shim.values = (0, 0, 1)
            return future.result()

    def page(self):
        channel = self.b.publish('page', 10, b'small')
        since = f'{channel["epoch"]}:7'
        page = self.held_up('page', PAGE, b'small', lambda: self.a.ask(
            'GET', 'page', f'&since={since}'))
        offsets = [m['offset'] for m in page['messages']]
        self.tap.ok(page['recovered'] is False
                    and offsets == list(range(12, 17))
                    and page['position'].endswith(':16'),
                    f'a page after 7: {offsets}, {page["position"]}, '
                    f'recovered {page["recovered"]}')

        page = self.a.ask('GET', 'page', f'&since={channel["epoch"]}:14')
        self.tap.ok(page['recovered'] is True
                    and page['position'].endswith(':16'), 'and the next one')

    def large(self):
        channel = self.b.publish('large', 10)
        self.held_up('large', SIZE, BODY, lambda: self.a.subscribe(
            'large', f'{channel["epoch"]}:7'))
        offsets, code = self.a.frames(16)
        self.tap.ok(offsets == list(range(8, 8 + len(offsets)))
                    and code == 1013,
                    f'a client that recovers from 7: {offsets}, {code}')

        reader = Connection(self.nginx.port)
        reader.subscribe('large', f'{channel["epoch"]}:11')
        offsets, code = reader.frames(16)
        self.tap.ok(offsets == list(range(12, 17)),
                    f'and from 11, each message whole: {offsets}, {code}')

    def run(self):
        self.page()
        self.large()
        self.tap.ok(not self.nginx.alerts(),
                    f'no alerts {self.nginx.alerts()[:3]}')


if __name__ == '__main__':
    if 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
        print('1..0 # SKIP the sanitizer is to be loaded first')
        sys.exit()

    tap = Tap()
    test = Test(tap)
    try:
        test.run()
    finally:
        test.nginx.stop()
    tap.done()
