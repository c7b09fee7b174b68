"""
Connections by hand, step by step, for the tests in which a fault is made to
happen at a certain place; and what these tests look at from outside.
"""

import asyncio
import base64
import contextlib
import json
import mmap
import os
import re
import socket
import struct
import subprocess
import sys
import time

from nginx import BUILD, TIMEOUT

HOST = '127.0.0.1'

KEY = base64.b64encode(b'0123456789abcdef').decode()

UPGRADE = ('Upgrade: websocket\r\nConnection: Upgrade\r\n'
           'Sec-WebSocket-Version: 13\r\n'
           f'Sec-WebSocket-Key: {KEY}\r\n')

TEXT, BINARY, CLOSE, PING, PONG, FIN = 1, 2, 8, 9, 10, 0x80

# what there is to read from a connection that ends anywhere

BROKEN = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)


class Closed(Exception):
    """The server ended it: with a code, a status, or without a word (None)."""

    def __init__(self, code=None, text=''):
        super().__init__(f'{code} {text}')
        self.code = code


def frame(first, payload=b'', size=None, mask=b'\x12\x34\x56\x78'):
    """A masked frame; size is what its header claims, where it lies."""
    size = len(payload) if size is None else size
    if size < 126:
        head = struct.pack('>BB', first, 0x80 | size)
    elif size < 65536:
        head = struct.pack('>BBH', first, 0xfe, size)
    else:
        head = struct.pack('>BBQ', first, 0xff, size)

    if not any(mask):
        return head + mask + payload

    key = int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], 'big')
    masked = int.from_bytes(payload, 'big') ^ key
    return head + mask + masked.to_bytes(len(payload), 'big')


class Peer:
    """What fails for the server's reasons raises Closed, never hangs."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None
        self.head = ''
        self.text = b''

    async def connect(self, rcvbuf=0):
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        await asyncio.get_running_loop().sock_connect(sock, (HOST, self.port))
        self.reader, self.writer = await asyncio.open_connection(sock=sock)

    async def open(self, path, headers='', rcvbuf=0):
        """A request whose answer begins with 101 or 200."""
        try:
            await self.connect(rcvbuf)
            self.write(request(path, headers))
            self.head = (await self.timed(
                self.reader.readuntil(b'\r\n\r\n'))).decode()
        except BROKEN as e:
            raise Closed() from e

        status = int(self.head.split(None, 2)[1])
        if status not in (101, 200):
            raise Closed(status)
        return self

    async def websocket(self, path, headers='', rcvbuf=0):
        return await self.open(path, UPGRADE + headers, rcvbuf)

    def header(self, name):
        for line in self.head.split('\r\n'):
            if line.lower().startswith(name.lower() + ': '):
                return line.partition(': ')[2]
        return None

    @staticmethod
    async def timed(awaitable, timeout=TIMEOUT):
        return await asyncio.wait_for(awaitable, timeout)

    def write(self, data):
        self.writer.write(data)

    def send(self, first, payload=b''):
        self.write(frame(first, payload))

    async def frame(self):
        """The next frame, whatever it is: its first byte and its payload."""
        read = self.reader.readexactly
        first, size = await read(2)
        if size == 126:
            size = int.from_bytes(await read(2), 'big')
        elif size == 127:
            size = int.from_bytes(await read(8), 'big')
        return first, await read(size)

    async def receive(self, timeout=TIMEOUT):
        """The next text or binary message, or Pong."""
        try:
            while True:
                first, payload = await self.timed(self.frame(), timeout)
                if first == FIN | PING:
                    self.send(FIN | PONG, payload)
                elif first == FIN | CLOSE:
                    code = struct.unpack('>H', payload[:2])[0] if payload \
                        else 1005
                    self.send(FIN | CLOSE, payload[:2])
                    raise Closed(code, payload[2:].decode())
                else:
                    return payload
        except TimeoutError:
            raise
        except BROKEN as e:
            raise Closed() from e

    async def until(self, text):
        """Reads a chunked body of events until the text has come."""
        try:
            while text not in self.text:
                if code := re.search(rb'event: close\ndata: {"code":(\d+)',
                                     self.text):
                    raise Closed(int(code[1]))
                if self.text.endswith(b'\r\n0\r\n\r\n'):
                    raise Closed()
                data = await self.timed(self.reader.read(65536))
                if not data:
                    raise Closed()
                self.text += data
        except TimeoutError:
            raise
        except BROKEN as e:
            raise Closed() from e

        before, _, self.text = self.text.partition(text)
        return before

    async def ended(self, timeout=TIMEOUT):
        """Reads, and throws away, until the connection ends."""
        with contextlib.suppress(ConnectionError):
            while await self.timed(self.reader.read(1 << 20), timeout):
                pass

    def reset(self):
        """Ends the connection with RST."""
        sock = self.writer.get_extra_info('socket')
        with contextlib.suppress(OSError):      # it may have ended before
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack('ii', 1, 0))
        self.writer.transport.abort()

    def close(self):
        if self.writer:
            self.writer.transport.abort()


def request(path, headers=''):
    return f'GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n'.encode()


class Http:
    """Requests on one connection, made anew when it was cut."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def request(self, method, path, headers='', body=b''):
        try:
            return await asyncio.wait_for(
                self.exchange(method, path, headers, body), TIMEOUT)
        except BaseException:
            self.close()
            raise

    async def exchange(self, method, path, headers, body):
        if self.writer is None:
            self.reader, self.writer = \
                await asyncio.open_connection(HOST, self.port, limit=1 << 24)

        self.writer.write(f'{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}'
                          f'Content-Length: {len(body)}\r\n\r\n'.encode()
                          + body)

        head = (await self.reader.readuntil(b'\r\n\r\n')).decode().lower()
        length = re.search(r'\r\ncontent-length: *(\d+)', head)
        text = b''

        if length:
            text = await self.reader.readexactly(int(length[1]))
        elif '\r\ntransfer-encoding: chunked' in head:
            while size := int(await self.reader.readuntil(b'\r\n'), 16):
                text += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)

        if '\r\nconnection: close' in head:
            self.close()

        return int(head.split(None, 2)[1]), text

    def close(self):
        if self.writer:
            self.writer.close()
            self.writer = None


def upgrade(path, *headers):
    return request(path, UPGRADE + ''.join(f'{h}\r\n' for h in headers))


def connect(port, path, *headers):
    """A WebSocket's socket, and the pid of its worker, which a header of the
    answer tells."""
    s = socket.create_connection((HOST, port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.sendall(upgrade(path, *headers))
    head = b''
    while b'\r\n\r\n' not in head:
        head += s.recv(1)
    assert head.startswith(b'HTTP/1.1 101'), head
    worker = int(head.split(b'X-Worker: ')[1].split(b'\r\n')[0])
    return s, worker


async def ask(port, method, path, headers='', body=b''):
    """A request on a connection of its own: its status, and its JSON."""
    http = Http(port)
    try:
        status, text = await http.request(method, path, headers, body)
    except TimeoutError:
        raise
    except BROKEN as e:
        raise Closed() from e
    finally:
        http.close()

    try:
        return status, json.loads(text)
    except ValueError:
        return status, {}


async def used(port):
    """Bytes of each zone in use."""
    _, answer = await ask(port, 'GET', '/status')
    return {z['name']: z['used'] for z in answer['zones']}


async def becomes(value, wanted, timeout=TIMEOUT):
    """Awaits value() until it is the wanted one; returns the last."""
    end = time.monotonic() + timeout
    while (last := await value()) != wanted and time.monotonic() < end:
        await asyncio.sleep(0.1)
    return last


def workers(nginx, n):
    """All of them: the master listens before they are there."""
    nginx.wait(lambda: len(nginx.workers()) == n)
    return nginx.workers()


def descriptors(pids):
    return sum(len(os.listdir(f'/proc/{pid}/fd')) for pid in pids)


async def settled(nginx, most=0, timeout=TIMEOUT):
    """The workers' open files when they are no more than that, or rest."""
    end = time.monotonic() + timeout
    last = []
    while time.monotonic() < end:
        last = last[-9:] + [descriptors(nginx.workers())]
        if last[-1] <= most or not most and last == 10 * last[:1]:
            break
        await asyncio.sleep(0.1)
    return last[-1]


def resident(pid):
    """Bytes of memory that belong to the process alone."""
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        for line in f:
            if line.startswith('RssAnon:'):
                return int(line.split()[1]) * 1024
    return 0


class Shim:
    """A library to be preloaded, and the control block it shares with us."""

    def __init__(self, name, layout):
        self.layout = struct.Struct(layout)
        os.makedirs(f'{BUILD}/fault', exist_ok=True)
        stem = os.path.abspath(f'{BUILD}/fault/{name}')
        source = f't/fault/{name}.c'

        subprocess.run(
            ['cc', '-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror',
             '-fno-builtin', '-shared', '-fPIC', '-o', stem + '.so', source],
            stdout=sys.stderr, check=True)

        with open(stem + '.control', 'wb+') as f:
            f.truncate(self.layout.size)
            self.memory = mmap.mmap(f.fileno(), self.layout.size)

        self.environment = {'LD_PRELOAD': stem + '.so',
                            f'WEBSOCKET_{name.upper()}': stem + '.control'}

    @property
    def values(self):
        return self.layout.unpack(self.memory[:])

    @values.setter
    def values(self, values):
        self.memory[:] = self.layout.pack(*values)

    @contextlib.contextmanager
    def preloaded(self):
        """For what is started meanwhile."""
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name in self.environment:
                del os.environ[name]
