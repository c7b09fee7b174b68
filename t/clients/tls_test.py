"""
Sessions over TLS: every record comes whole and in order, whatever their size,
the protocol's version, and how slowly a client reads; also between Pings,
answers and updates of keys; and the end is said.
"""

import ctypes
import ctypes.util
import hashlib
import os
import select
import socket
import ssl
import struct
import subprocess
import tempfile
import urllib.request

from nginx import free_port, Nginx, Tap, TIMEOUT

SIZES = (1, 125, 126, 1000, 4096, 16383, 16384, 16385, 30000, 65535, 65536,
         131072, 300000)
READERS = 12        # who read slowly, all at once
SMALL = 800         # messages for them

CONF = '''
    error_log logs/error.log info;
    websocket_zone zone=live:32m;
    websocket_max_message_size 1m;
    websocket_history length=10000;
    websocket_send_queue messages=100000 size=100m;
    ssl_certificate %(dir)s/cert.pem;
    ssl_certificate_key %(dir)s/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    server {
        listen 127.0.0.1:$PORT;
        location = /publish { websocket_publish; websocket_channel $arg_c; }
        location = /status { websocket_status prometheus; }
    }
    %(servers)s
'''

SERVER = '''
    server {
        listen 127.0.0.1:%s ssl sndbuf=32k;
        %s
        location = /sub { websocket subscribe; websocket_channel $arg_c; }
        location = /two { websocket subscribe; websocket_channel $arg_c x; }
        location = /all { websocket subscribe; websocket_channel $arg_c;
            websocket_replay all; }
        location = /filter { websocket subscribe; websocket_channel $arg_c;
            websocket_filter on; }
        location = /echo { websocket echo; }
        location = /deflate { websocket echo; websocket_deflate on; }
    }
'''

# name, of the server, and of the client

KINDS = (
    ('TLS 1.3', '', ssl.TLSVersion.TLSv1_3),
    ('TLS 1.2', '', ssl.TLSVersion.TLSv1_2),
    ('a small buffer', 'ssl_buffer_size 4k;', ssl.TLSVersion.TLSv1_3),
    ('client certificates', 'ssl_verify_client on; '
     'ssl_client_certificate %s/cert.pem;', ssl.TLSVersion.TLSv1_3),
    ('early data', 'ssl_early_data on;', ssl.TLSVersion.TLSv1_3),
    ('kernel TLS', 'ssl_conf_command Options KTLS;', ssl.TLSVersion.TLSv1_3),
    ('CBC', 'ssl_ciphers ECDHE-RSA-AES128-SHA256;', ssl.TLSVersion.TLSv1_2),
)


def publish(nginx, channel, body):
    with urllib.request.urlopen(urllib.request.Request(
            f'http://127.0.0.1:{nginx.port}/publish?c={channel}', data=body,
            headers={'Content-Type': 'text/plain'}), timeout=TIMEOUT) as r:
        assert r.status in (200, 202), r.status


def text(n, size):
    """Of that size, told apart by the number, and not compressible."""
    digest = hashlib.sha256(b'%d' % n).hexdigest().encode()
    return (b'%d ' % n + digest * (size // 64 + 1))[:size]


def frame(first, data=b''):
    size = len(data)
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 65536:
        head = bytes([first, 0xfe]) + struct.pack('>H', size)
    else:
        head = bytes([first, 0xff]) + struct.pack('>Q', size)
    return head + bytes(4) + data


def handshake(path, headers=''):
    return (f'GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n'
            'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
            f'{headers}\r\n').encode()


class Client:
    def __init__(self, port, path, version=ssl.TLSVersion.TLSv1_3, certs=None,
                 rcvbuf=0, headers=''):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        if certs:
            context.load_cert_chain(f'{certs}/cert.pem', f'{certs}/key.pem')
        s = socket.socket()
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.settimeout(TIMEOUT)
        s.connect(('127.0.0.1', port))
        self.s = context.wrap_socket(s, suppress_ragged_eofs=False)
        self.buf = b''
        self.s.sendall(handshake(path, headers))
        while b'\r\n\r\n' not in self.buf:
            self.more(65536)
        head, self.buf = self.buf.split(b'\r\n\r\n', 1)
        assert head.startswith(b'HTTP/1.1 101'), head

    def more(self, n):
        data = self.s.recv(n)
        if not data:
            raise EOFError
        self.buf += data

    def take(self, n, piece):
        while len(self.buf) < n:
            self.more(piece)
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def next(self, piece=65536):
        first, size = self.take(2, piece)
        if size == 126:
            size, = struct.unpack('>H', self.take(2, piece))
        elif size == 127:
            size, = struct.unpack('>Q', self.take(8, piece))
        return first & 15, self.take(size, piece)

    def send(self, first, data=b''):
        self.s.sendall(frame(first, data))

    def goodbye(self):
        """Closes, and returns whether TLS was closed as well."""
        self.send(0x88, b'\x03\xe8')
        opcode, data = self.next()
        try:
            end = self.s.recv(1)
        except ssl.SSLError as e:
            return str(e)
        finally:
            self.s.close()
        return (opcode, data, end) == (8, b'\x03\xe8', b'')


def plain(tap, nginx, name, client):
    """Deliveries of all sizes; answers in between; the end."""
    channel = name.replace(' ', '')
    subs = [client(f'/sub?c={channel}'), client(f'/sub?c={channel}')]
    for n, size in enumerate(SIZES):
        publish(nginx, channel, text(n, size))
    for s in subs:
        s.send(0x89, b'ping')
    got = [[s.next() for _ in range(len(SIZES) + 1)] for s in subs]
    want = [(1, text(n, size)) for n, size in enumerate(SIZES)]
    tap.ok(all(sorted(g) == sorted(want + [(10, b'ping')]) for g in got),
           f'{name}: messages of all sizes, and a Pong')
    tap.ok([s.goodbye() for s in subs] == [True, True],
           f'{name}: a Close, and a close_notify')

    for path, headers in ('/echo', ''), ('/deflate', DEFLATE):
        s = client(path, headers=headers)
        right = True
        for n, size in enumerate(SIZES):
            s.send(0x81, text(n, size))
            s.send(0x89, b'%d' % n)
            if not headers:
                right &= s.next() == (1, text(n, size))
            else:
                s.next()
            right &= s.next() == (10, b'%d' % n)
        tap.ok(right, f'{name}: {path}')
        tap.ok(s.goodbye() is True, f'{name}: {path}: the end')

    s = client(f'/all?c={channel}')
    tap.ok([s.next() for _ in SIZES] == want, f'{name}: the history')
    s.s.close()


DEFLATE = 'Sec-WebSocket-Extensions: permessage-deflate\r\n'


def slow(tap, nginx, port):
    """Many whose sockets are full: each gets its own, and nothing else."""
    paths = ['/sub', '/two', '/filter']
    readers = [Client(port, f'{paths[n % 3]}?c=slow{n}', rcvbuf=4096)
               for n in range(READERS)]
    for i in range(SMALL):
        for n in range(READERS):
            if i % READERS <= n:
                publish(nginx, f'slow{n}', text(i * READERS + n,
                                                (i % 7) * 300 + 20))
        if i % 100 == 50:
            for s in readers:
                s.send(0x89, b'%d' % i)
    for n, s in enumerate(readers):
        want = [text(i * READERS + n, (i % 7) * 300 + 20)
                for i in range(SMALL) if i % READERS <= n]
        got = []
        while len(got) < len(want):
            opcode, data = s.next(1000)
            if opcode == 1:
                got.append(data)
        tap.ok(got == want, f'slow reader {n}: {len(got)} messages')
        s.s.close()


def gone(tap, nginx, port):
    """Who leaves with its socket full, and who breaks it."""
    readers = [Client(port, '/sub?c=gone', rcvbuf=4096) for _ in range(4)]
    for n in range(40):
        publish(nginx, 'gone', text(n, 30000))
    readers[0].s.close()
    readers[1].s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack('ii', 1, 0))
    readers[1].s.close()
    os.write(readers[2].s.fileno(), b'\x17\x03\x03\x00\x20' + b'x' * 32)
    readers[2].s.close()
    got = [readers[3].next() for _ in range(40)]
    tap.ok(got == [(1, text(n, 30000)) for n in range(40)],
           'beside those who left one gets all')
    readers[3].s.close()


def keys(tap, port):
    """The client asks for new keys, in between its messages."""
    p = subprocess.Popen(['openssl', 's_client', '-connect',
                          f'127.0.0.1:{port}', '-tls1_3'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    p.stdin.write(handshake('/echo'))
    p.stdin.flush()
    out, right = b'', 0
    os.set_blocking(p.stdout.fileno(), False)

    def until(wanted, n=1):
        nonlocal out
        while out.count(wanted) < n:
            if not select.select([p.stdout], [], [], TIMEOUT)[0]:
                return False
            data = os.read(p.stdout.fileno(), 65536)
            if not data:
                return False
            out += data
        return True

    if until(b'\r\n\r\n'):
        for n in range(20):

            # a line of its own, as the program reads it: it says so

            p.stdin.write(b'K\n')
            p.stdin.flush()
            if not until(b'KEYUPDATE', n + 1):
                break
            p.stdin.write(frame(0x81, b'after %d;' % n))
            p.stdin.flush()
            right += until(b'after %d;' % n)
    p.kill()
    p.wait()
    p.stdin.close()
    p.stdout.close()
    tap.ok(right == 20, f'answers after an update of keys: {right}')


def flood(tap, nginx, port):
    """Who reads nothing, and asks for new keys all the time, is cut."""
    lib = ctypes.CDLL(ctypes.util.find_library('ssl'))
    for make in lib.TLS_client_method, lib.SSL_CTX_new, lib.SSL_new:
        make.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.SSL_CTX_new(
        ctypes.c_void_p(lib.TLS_client_method())))
    tls = ctypes.c_void_p(lib.SSL_new(context))

    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(('127.0.0.1', port))
        lib.SSL_set_fd(tls, s.fileno())
        request = handshake('/sub?c=flood')
        right = (lib.SSL_connect(tls) == 1
                 and lib.SSL_write(tls, request, len(request)) > 0)
        nginx.wait(lambda: queued(nginx))
        for n in range(20):
            publish(nginx, 'flood', text(n, 30000))
        for _ in range(4000):
            if (lib.SSL_key_update(tls, 1) != 1
                    or lib.SSL_do_handshake(tls) != 1):
                break
        nginx.wait(lambda: not queued(nginx))
    lib.SSL_free(tls)
    lib.SSL_CTX_free(context)
    log = nginx.log()
    tap.ok(right and log.count('reads nothing, and asks for more') == 1
           and 'client does not read' not in log,
           'a client that asks for new keys, and reads nothing, is cut')


def queued(nginx):
    with urllib.request.urlopen(f'http://127.0.0.1:{nginx.port}/status',
                                timeout=TIMEOUT) as r:
        body = r.read().decode()
    return [line for line in body.split('\n')
            if line.startswith(('websocket_queued_bytes',
                                'websocket_active_connections{'))
            and not line.endswith(' 0')]


def play(tap, folder):
    ports = [free_port() for _ in KINDS]
    servers = [SERVER % (port, more % folder if '%s' in more else more)
               for port, (_, more, _) in zip(ports, KINDS)]
    nginx = Nginx('tls', CONF % {'dir': folder, 'servers': ''.join(servers)})
    try:
        for port, (name, _, version) in zip(ports, KINDS):
            plain(tap, nginx, name, lambda path, **more: Client(
                port, path, version, folder, **more))
        slow(tap, nginx, ports[0])
        gone(tap, nginx, ports[0])
        keys(tap, ports[0])
        nginx.wait(lambda: not queued(nginx))
        flood(tap, nginx, ports[0])
        nginx.wait(lambda: not queued(nginx))
        tap.ok(True, 'nothing is queued, and nobody left')
        tap.ok(not nginx.alerts(), 'no alerts')
    finally:
        nginx.stop()


if __name__ == '__main__':
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048',
                        '-nodes', '-days', '2', '-subj', '/CN=localhost',
                        '-keyout', f'{folder}/key.pem',
                        '-out', f'{folder}/cert.pem'],
                       check=True, stderr=subprocess.DEVNULL)
        play(tap, folder)
    tap.done()
