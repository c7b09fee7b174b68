"""The memory of sessions that are idle, and that it comes back when they end,
in whichever order, and whatever of the others stands behind it on the heap."""

import base64
import os
import random
import resource
import socket
import sys

from nginx import Nginx, Tap, TIMEOUT

SESSIONS = 2000

# an idle session of one channel, and besides what its headers have that the
# access log tells

BYTES = 700
AGENT = ('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)'
         ' Chrome/131.0.0.0 Safari/537.36')
BROWSER = ('Pragma: no-cache\r\n'
           'Cache-Control: no-cache\r\n'
           f'User-Agent: {AGENT}\r\n'
           'Origin: http://x\r\n'
           'Accept-Encoding: gzip, deflate, br, zstd\r\n'
           'Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n'
           'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n'
           'Sec-WebSocket-Extensions: permessage-deflate; '
           'client_max_window_bits\r\n')

CONF = '''
    websocket_zone zone=z:4m;
    server {
        listen 127.0.0.1:$PORT;
        location /all { websocket pubsub; websocket_channel all; }
        location ~ ^/of/(.*)$ { websocket pubsub; websocket_channel $1; }
        location = /end {
            websocket pubsub;
            websocket_channel x;
        }
        location = /start {
            websocket pubsub;
            websocket_channel x;
            websocket_access_log start;
        }
    }
'''


def connect(port, path, headers=''):
    s = socket.create_connection(('127.0.0.1', port), TIMEOUT)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
              f'Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n{headers}'
              f'Sec-WebSocket-Key: {key}\r\n\r\n'.encode())
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += s.recv(1)
    assert head.startswith(b'HTTP/1.1 101 '), head
    return s


def receive(s, n):
    data = b''
    while len(data) < n:
        more = s.recv(n - len(data))
        assert more, 'the connection ended'
        data += more
    return data


def anonymous(pid):
    """Without what the zone has."""
    with open(f'/proc/{pid}/smaps_rollup') as f:
        return sum(int(line.split()[1]) for line in f
                   if line.startswith('Anonymous:')) * 1024


def round_trip(tap, nginx, pid, what, path, order):
    # a worker that answers has what it takes itself

    connect(nginx.port, '/all').close()
    before = anonymous(pid)

    sessions = [connect(nginx.port, path.replace('$', str(i)))
                for i in range(SESSIONS)]

    # all are delivered to: what that needs is allocated behind them

    for s in sessions if '$' in path else sessions[:1]:
        s.sendall(b'\x82\x81\0\0\0\0x')
    for s in sessions:
        assert receive(s, 3) == b'\x82\x01x'

    taken = anonymous(pid) - before

    # one that came last stays

    last = connect(nginx.port, '/all')

    order(sessions)
    for s in sessions:
        s.close()

    try:
        Nginx.wait(lambda: anonymous(pid) - before < taken / 4)
    except TimeoutError:
        pass

    left = anonymous(pid) - before
    tap.ok(taken > 400 * SESSIONS and left < taken / 4,
           f'{what}: {taken // 1024} KB, of which are left {left // 1024}')

    last.close()


def idle(tap, path, what, headers, told):
    nginx = Nginx('memory', CONF, workers=1)
    try:
        nginx.wait(nginx.workers)
        pid = nginx.workers()[0]

        # what is free in between is used up

        sessions = [connect(nginx.port, path, headers) for _ in range(500)]
        before = anonymous(pid)
        sessions += [connect(nginx.port, path, headers)
                     for _ in range(SESSIONS)]

        # the last one's request is given back when it is answered

        sessions[-1].sendall(b'\x89\x80\0\0\0\0')
        receive(sessions[-1], 2)
        each = (anonymous(pid) - before) / SESSIONS

        tap.ok(400 < each <= BYTES + told,
               f'an idle session takes {each:.0f} bytes, {what}')
        for s in sessions:
            s.close()
    finally:
        nginx.stop()


if __name__ == '__main__':
    if 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
        print('1..0 # SKIP the sanitizer keeps what is freed')
        sys.exit()

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 8192), limit))

    orders = (('the first first', lambda x: None),
              ('the last first', list.reverse),
              ('in any order', random.Random(1).shuffle))

    tap = Tap()
    for path, when in ('/end', 'the default log'), ('/start', 'a log at start'):
        idle(tap, path, f'{when}, no headers', '', 0)
        idle(tap, path, f'{when}, a browser\'s headers, of which the log tells '
             f'{len(AGENT)} bytes', BROWSER, len(AGENT))

    for path, channels in ('/all', 'of one channel'), ('/of/$', 'of their own'):
        for name, order in orders:

            # what is on a heap once is used again: each has its own

            nginx = Nginx('memory', CONF, workers=1)
            try:
                nginx.wait(nginx.workers)
                round_trip(tap, nginx, nginx.workers()[0],
                           f'sessions {channels} end, {name}', path, order)
                tap.ok(not nginx.alerts(), 'no alerts')
            finally:
                nginx.stop()
    tap.done()
