"""
Clients that are slow but alive: they read, or send, a little all the time, or
answer late because the worker stood still.  None is taken for one that has
gone, over plain connections, TLS and HTTP/2; one that takes nothing is, and one
whose network fails.
"""

import ctypes
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

from nginx import free_port, Nginx, Tap, TIMEOUT

SIZE = 65536        # of a message
QUEUE = 20000       # messages that may wait in a long one
SMALL = 4000        # small messages, of which few may wait
HISTORY = 90        # messages: more than the kernel takes for one client
SLOW = 300000       # bytes per second: a third of its buffer takes seconds
TIME = 4            # seconds, the timeouts being 1 and 2

PONG = '''
    server {
        listen 127.0.0.1:$PORT;
        location = /pong { websocket echo;
            websocket_heartbeat interval=1s timeout=1s; }
    }
'''

FULL = '''
    websocket_zone zone=live:32m;
    websocket_max_message_size 1m;
    websocket_heartbeat off;
    websocket_send_timeout 5m;
    server {
        listen 127.0.0.1:$PORT sndbuf=8k;
        location = /ws { websocket subscribe; websocket_channel a b;
            websocket_send_queue messages=%(n)d size=64m overflow=conflate; }
        location = /all { websocket subscribe; websocket_channel $arg_c;
            websocket_send_queue messages=100000 size=64m; }
        location = /in { websocket publish; websocket_channel $arg_c;
            websocket_priority on field=p; }
        location = /prior { websocket subscribe; websocket_channel c;
            websocket_priority on;
            websocket_send_queue messages=%(n)d size=64m overflow=drop_oldest; }
        location = /publish { websocket_publish; websocket_channel $arg_c; }
    }
'''

UNFAIR = '''
    websocket_zone zone=live:1m;
    websocket_send_timeout 5m;
    websocket_heartbeat off;
    server {
        listen 127.0.0.1:$PORT sndbuf=16k;
        location = /ws { websocket subscribe; websocket_channel x;
            websocket_send_queue messages=16; add_header X-Pid $pid always; }
        location = /publish { websocket_publish; websocket_channel $arg_c; }
        location = /status { websocket_status json; }
    }
'''

CONF = '''
    websocket_zone zone=live:32m;
    websocket_max_message_size 1m;
    websocket_history length=100000;
    keepalive_requests 1000000;
    ssl_certificate %(dir)s/cert.pem;
    ssl_certificate_key %(dir)s/key.pem;
    log_format slow '$arg_n $websocket_close_code $websocket_close_reason';
    error_log logs/error.log info;
    %(servers)s
'''

SERVER = '''
    server {
        listen %s;
        access_log logs/slow.log slow;
        websocket_channel big;
        location = /history { websocket subscribe; websocket_replay all;
            websocket_send_timeout 2s; websocket_heartbeat off; }
        location = /stuck { websocket subscribe; websocket_replay all;
            websocket_send_timeout 500ms; websocket_heartbeat off; }
        location = /lost { websocket subscribe; websocket_channel lost;
            websocket_send_timeout 500ms; }
        location = /silent { websocket subscribe; websocket_channel lost;
            websocket_send_timeout 500ms; websocket_heartbeat off; }
        location = /stream { websocket subscribe; websocket_replay all;
            websocket_send_timeout 1s; }
        location = /pings { websocket subscribe; websocket_replay all;
            websocket_heartbeat interval=1s timeout=1s; }
        location = /idle { websocket pubsub; websocket_channel up;
            websocket_heartbeat off; websocket_idle_timeout 1s; }
        location = /down { websocket subscribe; websocket_replay all;
            websocket_heartbeat off; websocket_idle_timeout 1s; }
        location = /two { websocket subscribe; websocket_channel small live;
            websocket_replay all; websocket_heartbeat off;
            websocket_send_queue messages=16; }
        location = /echo { websocket echo; }
        location = /deflate { websocket echo; websocket_deflate on; }
        location = /in { websocket publish; websocket_channel small; }
        location = /publish { websocket_publish; websocket_channel $arg_c; }
    }
'''


def publish(nginx, channel, body):
    with urllib.request.urlopen(urllib.request.Request(
            f'http://127.0.0.1:{nginx.port}/publish?c={channel}', data=body,
            headers={'Content-Type': 'text/plain'}), timeout=TIMEOUT) as r:
        assert r.status in (200, 202), r.status


def connect(port, rcvbuf=0, tls=False):
    s = socket.socket()
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.settimeout(TIMEOUT)
    s.connect(('127.0.0.1', port))
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        s = context.wrap_socket(s)
    return s


def upgrade(s, path, *more):
    s.sendall('\r\n'.join((
        f'GET {path} HTTP/1.1', 'Host: x', 'Connection: Upgrade',
        'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', *more, '', ''))
        .encode())
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += s.recv(1)
    assert head.startswith(b'HTTP/1.1 101'), head
    return s


def events(s, path):
    s.sendall(f'GET {path} HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n'
              .encode())
    return s


def frame(opcode, data, first=0x80):
    head = bytes([first | opcode])
    if len(data) < 126:
        head += bytes([0x80 | len(data)])
    elif len(data) < 65536:
        head += b'\xfe' + struct.pack('>H', len(data))
    else:
        head += b'\xff' + struct.pack('>Q', len(data))
    return head + bytes(4) + data


class Reader:
    """Frames, from a socket whose bytes may come slowly."""

    def __init__(self, s):
        self.s, self.buf = s, b''

    def take(self, n):
        while len(self.buf) < n:
            data = self.s.recv(65536)
            if not data:
                raise EOFError
            self.buf += data
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def next(self):
        first, size = self.take(2)
        if size == 126:
            size, = struct.unpack('>H', self.take(2))
        elif size == 127:
            size, = struct.unpack('>Q', self.take(8))
        return first & 15, self.take(size)


def slowly(s, seconds):
    """Reads at the rate, and answers no Ping: what it gets."""
    got, start = b'', time.monotonic()
    while time.monotonic() - start < seconds:
        got += s.recv(8192)
        behind = len(got) / SLOW - (time.monotonic() - start)
        if behind > 0:
            time.sleep(behind)
    return got


def reads(tap, name, s):
    """Reads slowly, then all the rest: it has to be there."""
    size, last = 0, b''
    try:
        got = slowly(s, TIME)
        while got:
            size += len(got)
            last = last[-8:] + got
            if b'%06d' % HISTORY in last:
                break
            got = s.recv(1 << 20)
    except OSError as e:
        last = str(e).encode()
    found = b'%06d' % HISTORY in last
    tap.ok(found, f'{name}: all of the history'
           + ('' if found else f', not {size} bytes {last[-60:]}'))
    s.close()


def uploads(tap, name, port, tls=False):
    """A message that comes for longer than the session may be idle."""
    s = upgrade(connect(port, tls=tls), '/idle?n=upload')
    data = frame(1, b'u' * 50000)
    for i in range(0, len(data), 5000):
        s.sendall(data[i:i + 5000])
        time.sleep(0.2)
    opcode, text = Reader(s).next()
    tap.ok((opcode, len(text)) == (1, 50000), f'{name}: the message: {opcode}')
    s.close()


def beside(tap, nginx, port):
    """Live messages come while much more is caught up with than may wait."""
    s = upgrade(connect(port, rcvbuf=4096), '/two?n=two')
    reader, small, live, told, code = Reader(s), 0, 0, 0, None
    while small < SMALL or live < told:
        if told * 100 <= small and told < SMALL // 100:
            publish(nginx, 'live', b'live')
            told += 1
        opcode, text = reader.next()
        if opcode == 8:
            code = text
            break
        small += text.startswith(b'small')
        live += text == b'live'
    tap.ok(code is None, f'{small} messages of the history and {live} others '
           f'beside: {code}')
    s.close()


def stuck(tap, nginx, name, s):
    """Takes nothing: its connection goes."""
    nginx.wait(lambda: re.search(rf'^{name} ', access(nginx), re.M))
    tap.ok(True, f'{name} that takes nothing is ended')
    s.close()


def lost(tap, nginx, name, s):
    """Its network fails: its system gets nothing more, and answers nothing."""
    if 'sse' in name:
        while b'\nid: ' not in s.recv(65536):
            pass
    drop = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0))
    s.setsockopt(socket.SOL_SOCKET, 26,         # SO_ATTACH_FILTER
                 struct.pack('HL', 1, ctypes.addressof(drop)))
    publish(nginx, 'lost', b'x')
    stuck(tap, nginx, name, s)


def access(nginx):
    with open(f'{nginx.prefix}/logs/slow.log') as f:
        return f.read()


def worker_of(nginx):
    """The only one: the master listens before it is there."""
    nginx.wait(nginx.workers)
    return nginx.workers()[0]


def stat(pid):
    """What the kernel says of a process, from its state on."""
    with open(f'/proc/{pid}/stat') as f:
        return f.read().rpartition(')')[2].split()


def standstill(tap):
    """The worker stands still; the Pong comes after that, within its time."""
    nginx = Nginx('slow-pong', PONG, workers=1)
    try:
        late(tap, nginx)
    finally:
        nginx.stop()


def late(tap, nginx):
    s = upgrade(connect(nginx.port), '/pong?n=pong')
    reader = Reader(s)
    assert reader.next()[0] == 9
    worker = worker_of(nginx)
    nginx.wait(lambda: stat(worker)[0] == 'S')
    os.kill(worker, signal.SIGSTOP)
    time.sleep(3)
    os.kill(worker, signal.SIGCONT)
    time.sleep(0.3)
    s.sendall(frame(10, b'') + frame(1, b'still here'))
    opcode, text = reader.next()
    tap.ok((opcode, text) == (1, b'still here'),
           f'after a standstill a client has its time again: {opcode} {text}')
    s.close()


def unfair(tap):
    """A client was behind, and read all while the worker stood still."""
    nginx = Nginx('slow-unfair', UNFAIR)
    try:
        blocked(tap, nginx, b'Connection: Upgrade\r\nUpgrade: websocket\r\n'
                b'Sec-WebSocket-Version: 13\r\n'
                b'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n')
        blocked(tap, nginx, b'Accept: text/event-stream\r\n')
    finally:
        nginx.stop()


def queued(nginx):
    """Messages that wait for clients."""
    with urllib.request.urlopen(f'http://127.0.0.1:{nginx.port}/status',
                                timeout=TIMEOUT) as r:
        return sum(at['queued_messages'] for at in json.load(r)['locations'])


def blocked(tap, nginx, header):
    s = connect(nginx.port, rcvbuf=4096)
    s.sendall(b'GET /ws HTTP/1.1\r\nHost: x\r\n' + header + b'\r\n')
    got = b''
    while b'\r\n\r\n' not in got:
        got += s.recv(100)
    worker, n = int(re.search(rb'X-Pid: (\d+)', got)[1]), 0
    while not queued(nginx):
        publish(nginx, 'x', b'%04d' % n + b'.' * 1000)
        n += 1
    nginx.wait(lambda: stat(worker)[0] == 'S')
    os.kill(worker, signal.SIGSTOP)
    nginx.wait(lambda: stat(worker)[0] == 'T')
    try:
        for i in range(n, n + 20):
            publish(nginx, 'x', b'%04d' % i + b'.' * 1000)
        s.settimeout(0.3)
        try:
            while True:
                got += s.recv(65536)
        except TimeoutError:
            s.settimeout(TIMEOUT)
    finally:
        os.kill(worker, signal.SIGCONT)
    more = got
    while more and b'%04d.' % (n + 19) not in got:
        more = s.recv(65536)
        got += more
    tap.ok(more, 'who has read all meanwhile is not too slow: '
           f'{header[:9]} {got[-90:]}')
    s.close()


def ticks(pid):
    """Of CPU time, a hundredth of a second each."""
    return sum(map(int, stat(pid)[11:13]))


def full(tap):
    """Long queues that are full cost no more than their length."""
    nginx = Nginx('slow-full', FULL % {'n': QUEUE}, workers=1)
    try:
        conflate(tap, nginx)
        prior(tap, nginx)
    finally:
        nginx.stop()


def conflate(tap, nginx):
    worker = worker_of(nginx)
    stuck = [upgrade(connect(nginx.port, 4096), '/ws') for _ in range(8)]
    reader = Reader(upgrade(connect(nginx.port), '/all?c=b'))
    publish(nginx, 'a', b'f' * 500000)
    for channel in 'ab':
        s = upgrade(connect(nginx.port), f'/in?c={channel}')
        s.sendall(frame(1, b'x') * (QUEUE // 2 - 2) + frame(1, b'end')
                  + frame(9, b''))
        assert Reader(s).next()[0] == 10
        s.close()
    while reader.next()[1] != b'end':
        pass
    before = ticks(worker)
    for i in range(4):
        publish(nginx, 'b', b'%d' % i)
        while reader.next()[1] != b'%d' % i:
            pass
    spent = ticks(worker) - before
    tap.ok(spent < 10, f'eight full queues are conflated in {spent}0 ms')
    for s in stuck:
        s.close()


def prior(tap, nginx):
    """Urgent messages for full queues of others."""
    worker = worker_of(nginx)
    stuck = [upgrade(connect(nginx.port, 4096), '/prior') for _ in range(8)]
    reader = Reader(upgrade(connect(nginx.port), '/all?c=c'))
    sender = upgrade(connect(nginx.port), '/in?c=c')

    def send(n, priority):
        text = b'{"p":"%s","end":%d}'
        sender.sendall(frame(1, text % (priority, 0)) * n
                       + frame(1, text % (priority, 1)))
        while reader.next()[1] != text % (priority, 1):
            pass

    publish(nginx, 'c', b'f' * 500000)
    send(QUEUE, b'high')
    before = ticks(worker)
    send(1000, b'urgent')
    spent = ticks(worker) - before
    tap.ok(spent < 40, f'1000 urgent ones pass eight full queues in {spent}0 '
           'ms')
    for s in stuck:
        s.close()


class Http2:
    """As much of HTTP/2 as event streams need, with windows of its own."""

    def __init__(self, port, window):
        self.s, self.buf = connect(port), b''
        self.got, self.opened, self.ended = {}, {}, set()
        self.s.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
                       + self.frame(4, 0, 0, struct.pack('>HI', 4, window))
                       + self.frame(8, 0, 0, struct.pack('>I', 1 << 30)))

    @staticmethod
    def frame(kind, flags, stream, data):
        return (struct.pack('>I', len(data))[1:] + bytes([kind, flags])
                + struct.pack('>I', stream) + data)

    def get(self, stream, path):
        """Without compression: literal fields of names in the table."""
        fields = b'\x82\x86' + b''.join(
            bytes([0x0f, index - 15] if index > 14 else [index])
            + bytes([len(value)]) + value
            for index, value in ((4, path.encode()), (1, b'x'),
                                 (19, b'text/event-stream')))
        self.got[stream] = 0
        self.s.sendall(self.frame(1, 5, stream, fields))

    def consume(self, stream):
        """What has come may come again."""
        size = self.got[stream] - self.opened.get(stream, 0)
        if size:
            self.opened[stream] = self.got[stream]
            self.s.sendall(self.frame(8, 0, stream, struct.pack('>I', size)))

    def read(self):
        """What has come, counted per stream."""
        self.buf += self.s.recv(65536)
        while len(self.buf) >= 9:
            size = int.from_bytes(self.buf[:3], 'big')
            if len(self.buf) < 9 + size:
                break
            kind, flags = self.buf[3], self.buf[4]
            stream = int.from_bytes(self.buf[5:9], 'big')
            if kind == 0:
                self.got[stream] += size
            if kind in (3, 7) or (kind == 0 and flags & 1):
                self.ended.add(stream)
            self.buf = self.buf[9 + size:]


def streams(tap, nginx, port):
    """Of two streams of a connection one is read, slowly: the other ends."""
    h2 = Http2(port, 16384)
    h2.get(1, '/stream?n=h2-read')
    h2.get(3, '/stream?n=h2-stuck')
    while 'h2-stuck' not in access(nginx):
        h2.read()
        h2.consume(1)
        time.sleep(0.02)
    tap.ok('h2-read' not in access(nginx) and h2.got[3] == 16384,
           'HTTP/2: the stream that is not read ends')
    # on a slow machine it may have had all by now
    publish(nginx, 'big', b'x' * SIZE)
    more = h2.got[1] + SIZE
    while h2.got[1] < more:
        h2.read()
        h2.consume(1)
    tap.ok(1 not in h2.ended, 'HTTP/2: the one that is goes on')
    h2.s.close()


def echoes(tap, name, port, path='/echo', tls=False):
    """Messages and the Close in one burst: all are answered, in order."""
    s = upgrade(connect(port, rcvbuf=16384, tls=tls), path,
                'Sec-WebSocket-Extensions: permessage-deflate')
    big = os.urandom(450000).hex().encode()
    s.sendall(frame(1, b'one') + frame(2, big) + frame(9, b'ping')
              + frame(1, b'two') + frame(8, struct.pack('>H', 1000)))
    if not tls:
        s.shutdown(socket.SHUT_WR)
    got, reader = [], Reader(s)
    try:
        while not got or got[-1] != 8:
            got.append(reader.next()[0])
            time.sleep(0.2)
    except (EOFError, OSError) as e:
        got.append(repr(e))
    tap.ok(got == [1, 2, 10, 1, 8],
           f'{name}: all echoes, then the Close: {got}')
    s.close()


def guarded(tap, job, *args):
    """A thread whose failure is one of the test."""
    try:
        job(tap, *args)
    except Exception as e:
        tap.ok(False, f'{job.__name__}: {e!r}')


def jobs(nginx, few, tls, h2):
    port = nginx.port

    def ws(path, rcvbuf=65536):
        return upgrade(connect(port, rcvbuf), path)

    def wss(path, rcvbuf=65536):
        return upgrade(connect(tls, rcvbuf, True), path)

    return (
        (standstill,),
        (unfair,),
        (full,),
        (reads, 'a WebSocket', ws('/history?n=ws')),
        (reads, 'a WebSocket over TLS', wss('/history?n=wss')),
        (reads, 'events', events(connect(port, 65536), '/history?n=sse')),
        (reads, 'events over TLS',
         events(connect(tls, 65536, True), '/history?n=sse-tls')),
        (reads, 'a Ping behind', ws('/pings?n=pings')),
        (reads, 'a Ping behind, over TLS', wss('/pings?n=pings-tls')),
        (reads, 'a session that is not idle', ws('/down?n=down')),
        (uploads, 'an upload', port),
        (uploads, 'an upload over TLS', tls, True),
        (beside, nginx, few),
        (stuck, nginx, 'stuck-ws', ws('/stuck?n=stuck-ws', 4096)),
        (stuck, nginx, 'stuck-tls', wss('/stuck?n=stuck-tls', 4096)),
        (stuck, nginx, 'stuck-sse',
         events(connect(port, 4096), '/stuck?n=stuck-sse')),
        (lost, nginx, 'lost-sse', events(connect(port), '/lost?n=lost-sse')),
        (lost, nginx, 'lost-sse-tls',
         events(connect(tls, tls=True), '/lost?n=lost-sse-tls')),
        (lost, nginx, 'lost-ws', ws('/silent?n=lost-ws')),
        (streams, nginx, h2),
        (echoes, 'echo', few),
        (echoes, 'echo over TLS', tls, '/echo', True),
        (echoes, 'echo, compressed', few, '/deflate'))


def play(tap, nginx, *ports):
    for i in range(1, HISTORY + 1):
        publish(nginx, 'big', (b'%06d' % i).ljust(SIZE, b'x'))
    s = upgrade(connect(nginx.port), '/in?n=in')
    s.sendall(frame(1, b'small') * SMALL + frame(9, b''))
    assert Reader(s).next()[0] == 10
    s.close()

    threads = [threading.Thread(target=guarded, args=(tap, *job), daemon=True,
                                name=f'{job[0].__name__} {job[1:2]}')
               for job in jobs(nginx, *ports)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(2 * TIMEOUT)
    going = [t.name for t in threads if t.is_alive()]
    tap.ok(not going, f'all came to an end {going}')


if __name__ == '__main__':
    tap = Tap()
    few, tls, h2 = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as certificate:
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
             '-days', '2', '-subj', '/CN=localhost', '-keyout',
             f'{certificate}/key.pem', '-out', f'{certificate}/cert.pem'],
            check=True, stderr=subprocess.DEVNULL)
        nginx = Nginx('slow', CONF % {
            'dir': certificate, 'servers': ''.join(SERVER % listen for listen
                in ('127.0.0.1:$PORT', f'127.0.0.1:{few} sndbuf=16k',
                    f'127.0.0.1:{tls} ssl', f'127.0.0.1:{h2} http2'))})
    try:
        play(tap, nginx, few, tls, h2)
        alerts = nginx.alerts()
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
    tap.done()
