"""The memory that compression takes: none in a session that waits, unless
context takeover is on; and then it comes back."""

import base64
import os
import resource
import socket
import sys
import zlib

from nginx import Nginx, Tap, TIMEOUT

SESSIONS = 2000

CONF = '''
    server {
        listen 127.0.0.1:$PORT;
        location = /each { websocket echo; websocket_deflate on; }
        location = /over {
            websocket echo;
            websocket_deflate on context_takeover=on;
        }
        location = /plain {
            websocket echo;
            websocket_deflate on min_length=1m;
        }
    }
'''

TEXT = ('the quick brown fox jumps over the lazy dog ' * 50).encode()


def connect(port, path, offer=''):
    s = socket.create_connection(('127.0.0.1', port), TIMEOUT)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
              f'Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n'
              f'Sec-WebSocket-Extensions: permessage-deflate{offer}\r\n'
              f'Sec-WebSocket-Key: {key}\r\n\r\n'.encode())
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += s.recv(1)
    assert b'permessage-deflate' in head, head
    return s


def deflated(data=TEXT):
    deflater = zlib.compressobj(wbits=-15)
    return (deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def frame(first, payload):
    assert len(payload) < 126
    return bytes([first, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def receive(s, n):
    data = b''
    while len(data) < n:
        more = s.recv(n - len(data))
        assert more, 'the connection ended'
        data += more
    return data


def echoed(s):
    first, n = receive(s, 2)
    assert first == 0xc1 and n < 126, f'{first:02x} {n}'
    data = receive(s, n) + b'\0\0\xff\xff'
    assert zlib.decompressobj(wbits=-15).decompress(data) == TEXT


def each_says(sessions, pieces):
    """In the middle of the message all sessions are waited for."""
    for piece in pieces:
        for s in sessions:
            s.sendall(piece + frame(0x89, b'?'))
        for s in sessions:
            if piece is pieces[-1]:
                echoed(s)
            assert receive(s, 3) == b'\x8a\x01?'


def private(pid):
    with open(f'/proc/{pid}/smaps_rollup') as f:
        return sum(int(line.split()[1]) for line in f
                   if line.startswith('Private_')) // 1024


def peak(pid):
    with open(f'/proc/{pid}/status') as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith('VmHWM')) // 1024


def wait_for(tap, what, condition):
    try:
        Nginx.wait(condition)
        tap.ok(True, what)
    except TimeoutError:
        tap.ok(False, what)


def close(sessions):
    """With a handshake, by an end, and in the middle of a message."""
    for i, s in enumerate(sessions):
        if i % 3 == 0:
            s.sendall(frame(0x88, b'\x03\xe8'))
        elif i % 3 == 1:
            s.sendall(frame(0x41, deflated()[:20]))
        s.close()


def bombs(tap, nginx, pid):
    """Of 64 KB in 85 bytes, from a client that does not read the answers:
    it is not read from either, and others have their turn."""
    before = peak(pid)

    s = connect(nginx.port, '/plain')
    s.settimeout(1)
    try:
        while True:
            s.sendall(frame(0xc2, deflated(bytes(65536))) * 1000)
    except TimeoutError:
        pass

    other = connect(nginx.port, '/each')
    each_says([other], [frame(0xc1, deflated())])
    tap.ok(peak(pid) < before + 30, 'a thousand bombs in one packet are not '
           f'unpacked at once: {peak(pid) - before} MB')

    s.close()
    other.close()


def idle(tap, nginx, pid):
    sessions = [connect(nginx.port, '/each') for _ in range(SESSIONS)]
    each_says(sessions[:20], [frame(0xc1, deflated())])
    before = private(pid)

    each_says(sessions, [frame(0xc1, deflated())])
    wait_for(tap, f'{SESSIONS} sessions that sent a message take no more '
             f'memory than before: {before} MB', lambda:
             private(pid) < before + 4)

    data = deflated()
    for _ in range(5):
        each_says(sessions, [frame(0x41, data[:20]), frame(0x80, data[20:])])
    wait_for(tap, 'messages in two parts, all at the same time, leave no more '
             'than once', lambda: private(pid) < before + 40)

    close(sessions)


def cut_off(tap, nginx, pid):
    """In the middle of the message."""
    for i in range(6):
        sessions = [connect(nginx.port, '/each') for _ in range(SESSIONS // 2)]
        for s in sessions:
            s.sendall(frame(0x41, deflated()[:20]) + frame(0x89, b'?'))
        for s in sessions:
            assert receive(s, 3) == b'\x8a\x01?'
        close(sessions)
        if i == 0:
            before = private(pid)

    wait_for(tap, 'nor do sessions that end in the middle of one',
             lambda: private(pid) < before + 20)


def takeover(tap, nginx, pid):
    before = private(pid)

    sessions = [connect(nginx.port, '/over', '; client_max_window_bits')
                for _ in range(SESSIONS)]
    each_says(sessions, [frame(0xc1, deflated())])
    wait_for(tap, 'with context takeover they do',
             lambda: private(pid) > before + SESSIONS * 30 // 1024)

    close(sessions)
    wait_for(tap, 'until they are closed',
             lambda: private(pid) < before + 30)


if __name__ == '__main__':
    if 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
        print('1..0 # SKIP the sanitizer keeps what is freed')
        sys.exit()

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 8192), limit))

    nginx = Nginx('deflate_memory', CONF, workers=1)
    tap = Tap()
    try:
        nginx.wait(nginx.workers)
        pid = nginx.workers()[0]
        bombs(tap, nginx, pid)
        idle(tap, nginx, pid)
        cut_off(tap, nginx, pid)
        takeover(tap, nginx, pid)
        tap.ok(not nginx.alerts(), 'no alerts')
    finally:
        nginx.stop()
    tap.done()
