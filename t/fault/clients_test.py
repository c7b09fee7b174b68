"""
Clients that mean harm, one kind after the other, while others read a stream:
it must go on complete, the one worker must not grow without bound, and when
they are gone all that they took must be free again.
"""

import asyncio
import os
import socket
import struct
import time

from nginx import Nginx, Tap, TIMEOUT, raise_limit
from peer import (BINARY, BROKEN, CLOSE, FIN, HOST, PING, TEXT, UPGRADE, Closed,
                  Http, Peer, ask, becomes, frame, request, resident, settled,
                  used, workers)

LONG = 'WEBSOCKET_LONG' in os.environ
MANY = 300 if LONG else 60
FLOOD = 10 if LONG else 1.5     # seconds
MEGABYTE = 1 << 20
GROWTH = 10 * MEGABYTE          # of the worker while it is attacked, at most
REST = 8 * MEGABYTE             # and what the allocator keeps of all, at most

if 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
    GROWTH = REST = 1024 * MEGABYTE     # it keeps what was freed on purpose

# of those who flood: cut off, told so, too slow, or left in peace

CODES = {None, 1008, 1013, 1000}

CONF = '''
    websocket_zone zone=live:16m inactive=1s;
    keepalive_requests 1000000;
    client_header_timeout 1s;
    websocket_history length=1000;
    websocket_send_timeout 1s;
    websocket_close_timeout 5s;
    websocket_heartbeat interval=5s timeout=5s;
    server {
        listen 127.0.0.1:$PORT backlog=4096;
        location = /stream {
            websocket pubsub; websocket_channel room/$arg_room;
        }
        location = /echo { websocket echo; }
        location = /in {
            websocket publish; websocket_channel room/$arg_room;
        }
        location = /stalled {
            websocket subscribe; websocket_channel room/$arg_room;
            websocket_send_queue overflow=drop_oldest;
            websocket_send_timeout 10m; websocket_heartbeat off;
        }
        location = /publish {
            websocket_publish; websocket_channel room/$arg_room;
        }
        location = /status { websocket_status json; }
    }
'''


class Healthy:
    """A publisher, and who reads it: nothing is left out, nobody waits."""

    def __init__(self, port):
        self.port = port
        self.http = Http(port)
        self.published = 0
        self.running = True
        self.seen = []
        self.wrong = []
        self.tasks = []

    async def start(self):
        for i in range(4):
            peer = await Peer(self.port).websocket('/stream?room=healthy')
            self.seen.append(0)
            self.tasks.append(asyncio.create_task(self.read(i, peer)))
        events = await Peer(self.port).open(
            '/stream?room=healthy', 'Accept: text/event-stream\r\n')
        self.seen.append(0)
        self.tasks.append(asyncio.create_task(self.events(4, events)))
        self.tasks.append(asyncio.create_task(self.publish()))

    async def publish(self):
        while self.running:
            status, _ = await self.http.request(
                'POST', '/publish?room=healthy', '',
                b'%d ' % (self.published + 1) + b'x' * 200)
            if status != 200:
                self.wrong.append(f'a publish was answered with {status}')
            self.published += 1
            await asyncio.sleep(0.005)

    def sees(self, i, number):
        if number != self.seen[i] + 1:
            self.wrong.append(f'{number} after {self.seen[i]}')
        self.seen[i] = number

    async def read(self, i, peer):
        try:
            while True:
                self.sees(i, int((await peer.receive()).split()[0]))
        except Closed as e:
            self.wrong.append(f'closed with {e}')

    async def events(self, i, peer):
        await peer.until(b'\n\n')
        while True:
            await peer.until(b'data: ')
            self.sees(i, int(await peer.until(b' ')))

    async def caught_up(self, published):
        """All have so many more, and that in a time that can be waited."""
        async def least():
            return min(self.seen) >= published
        return await becomes(least, True) and not self.wrong

    async def stop(self):
        self.running = False
        await self.tasks.pop()
        for task in self.tasks:
            task.cancel()


class Attacker(Peer):
    """Sends as fast as is possible, and does not read."""

    async def deaf(self, path):
        await self.websocket(path, rcvbuf=4096)
        self.writer.transport.pause_reading()
        return self

    async def flood(self, data, seconds=None):
        """Until it was cut off or the time is over."""
        end = time.monotonic() + (seconds or FLOOD)
        sent = 0
        try:
            while (left := end - time.monotonic()) > 0:
                self.write(data)
                await self.timed(self.writer.drain(), left)
                await asyncio.sleep(0)      # it need not have let others run
                sent += len(data)
        except TimeoutError:
            pass
        except BROKEN:
            pass
        return sent

    async def drained(self, leave=False):
        """Reads now, to the end, or until it may leave."""
        self.writer.transport.resume_reading()
        try:
            if leave:
                self.send(FIN | CLOSE, b'\x03\xe8')
            while True:
                await self.receive()
        except Closed as e:
            return e.code


class Test:
    def __init__(self, tap):
        self.tap = tap
        self.nginx = Nginx('hostile', CONF, 1)
        self.port = self.nginx.port
        self.pid, = workers(self.nginx, 1)
        self.healthy = Healthy(self.port)
        self.first = self.peak = 0

    async def each(self, one, n=MANY):
        return await asyncio.gather(*(one(i) for i in range(n)))

    async def watch(self):
        while True:
            self.peak = max(self.peak, resident(self.pid))
            await asyncio.sleep(0.02)

    async def attack(self, what):
        """One kind of attack, and what must hold during and after it."""
        ok, name = self.tap.ok, what.__name__.replace('_', ' ')
        self.peak = before = resident(self.pid)
        published = self.healthy.published
        watch = asyncio.create_task(self.watch())
        start = time.monotonic()

        result = await what()

        took = time.monotonic() - start
        watch.cancel()
        ok(result[0], f'{name}: {result[1]}')
        count = self.healthy.published - published
        good = await self.healthy.caught_up(self.healthy.published)
        ok(good and count > 0, f'{name}: the others have all {count} messages '
           f'of {took:.1f} s {self.healthy.wrong[:3]}')

        async def shrunk():
            return resident(self.pid) - self.first < REST
        grown = (self.peak - before) / MEGABYTE
        ok(self.peak - before < GROWTH and await becomes(shrunk, True),
           f'{name}: grew by {grown:.1f} MB, and since the beginning by '
           f'{(resident(self.pid) - self.first) / MEGABYTE:.1f}')

    async def slow_handshakes(self):
        async def one(i):
            peer = Peer(self.port)
            await peer.connect()
            start = time.monotonic()
            end = asyncio.create_task(peer.ended())
            for byte in request('/echo', UPGRADE):
                peer.write(bytes([byte]))
                await asyncio.wait([end], timeout=0.05)
                if end.done():
                    break
            took = time.monotonic() - start
            await end
            peer.close()
            return took

        times = await self.each(one)
        return min(times) > 0.9, (f'{len(times)} were cut off after '
                                  f'{min(times):.1f} to {max(times):.1f} s')

    async def slow_frames(self):
        async def one(i):
            peer = await Peer(self.port).websocket('/echo')
            text = f'slow {i} '.encode() * (20 if i % 4 else 1)
            data = (frame(TEXT, text[:9]) + frame(FIN | PING, b'p')
                    + frame(FIN, text[9:]))
            for byte in data:
                peer.write(bytes([byte]))
                await asyncio.sleep(0)
            pong, message = await peer.receive(), await peer.receive()
            peer.close()
            return pong == b'p' and message == text

        good = await self.each(one)
        return all(good), f'{sum(good)} of {len(good)} came back'

    async def never_reading(self):
        """Deaf ones, one that reads late, and one that reads."""
        deaf = [await Attacker(self.port).deaf('/stream?room=flood')
                for _ in range(20)]
        good = await Peer(self.port).websocket('/stream?room=flood')
        payload, n = b'x' * 60000, 400 if LONG else 100
        http = Http(self.port)
        for _ in range(n):
            await http.request('POST', '/publish?room=flood', '', payload)
            if await good.receive() != payload:
                return False, 'a wrong message'
        late = await deaf[0].drained()

        async def subscribers():
            _, answer = await ask(self.port, 'GET', '/publish?room=flood')
            return answer['subscribers']

        left = await becomes(subscribers, 1)
        for peer in (*deaf, good):
            peer.close()
        http.close()
        await self.delete('flood')
        return (left, late) == (1, 1013), (
            f'{left} left of {len(deaf) + 1} subscribers, '
            f'the one that reads late was closed with {late}')

    async def endless_fragments(self):
        async def one(i):
            peer = await Peer(self.port).websocket('/echo')
            size = (0, 1, 1000)[i % 3]
            peer.send(TEXT, b'')
            flood = asyncio.create_task(Attacker.flood(
                peer, frame(0, b'x' * size) * (1 + 8000 // (size + 6))))
            code = await Attacker.drained(peer)
            await flood
            peer.close()
            return code == (1009 if size == 1000 else 1008)

        good = await self.each(one, 30)
        return all(good), f'{sum(good)} of {len(good)} as they should'

    async def pings(self):
        async def one(i):
            peer = await Attacker(self.port).deaf('/echo')
            sent = await peer.flood(frame(FIN | PING, b'p' * 100) * 500)
            code = await peer.drained(leave=True)
            peer.close()
            return sent, code

        results = await self.each(one, 20)
        codes = {c for _, c in results}
        sent = sum(s for s, _ in results) / MEGABYTE
        return codes <= CODES, f'{sent:.1f} MB of pings, {codes}'

    async def tiny_messages(self):
        async def one(i):
            path = ('/echo', f'/in?room=tiny{i}',
                    f'/stream?room=t{i % 2}')[i % 3]
            peer = await Attacker(self.port).deaf(path)
            sent = await peer.flood(frame(FIN | BINARY, b't') * 5000)
            peer.reset()
            return sent

        files = await settled(self.nginx)
        sent = sum(await self.each(one, 9)) // 7
        await settled(self.nginx, files)
        await self.delete('t0', 't1', *(f'tiny{i}' for i in range(9)))
        return sent > 5000, f'{sent} messages'

    async def half_closed(self):
        places = (request('/echo', UPGRADE)[:-10], b'', frame(TEXT, b'half'),
                  frame(FIN | TEXT, b'whole')[:-2])

        async def one(i):
            peer = Peer(self.port)
            if i % 5 == 4:
                await peer.open('/stream?room=half',
                                'Accept: text/event-stream\r\n')
            elif i % 5:
                await peer.websocket('/echo')
                peer.write(places[i % 5])
            else:
                await peer.connect()
                peer.write(places[0])
            peer.writer.write_eof()
            await peer.ended()
            peer.close()

        await self.each(one)
        return True, 'all ended'

    async def resets(self):
        paths = (('/echo', UPGRADE), ('/stream?room=reset', UPGRADE),
                 ('/stream?room=reset', 'Accept: text/event-stream\r\n'))
        rest = frame(FIN | TEXT, b'a whole one') + frame(TEXT, b'x' * 3000)

        async def one(i):
            peer = Peer(self.port)
            data = request(*paths[i % 3])
            if i % 4 == 0:
                await peer.connect()
                peer.write(data[:i * 7 % len(data)])
            else:
                await peer.open(*paths[i % 3])
                peer.write(rest[:i * 31 % len(rest)])
            await asyncio.sleep(i % 5 / 1000)
            peer.reset()

        for _ in range(5):
            await self.each(one)
        return True, f'{5 * MANY}'

    async def run(self):
        before = await used(self.port)
        await self.healthy.start()
        await self.slow_frames()        # what is made once is made then
        files = await settled(self.nginx)
        self.first = resident(self.pid)

        # first what takes the zone's sweep some time

        for what in (self.tiny_messages, self.slow_handshakes,
                     self.slow_frames, self.never_reading,
                     self.endless_fragments, self.pings, self.half_closed,
                     self.resets):
            await self.attack(what)

        now = await settled(self.nginx, files)
        self.tap.ok(now <= files, f'no file is left open ({now}, {files} '
                    'before)')
        await self.healthy.stop()
        await self.emptied(before)

    async def delete(self, *rooms):
        for room in rooms:
            await ask(self.port, 'DELETE', f'/publish?room={room}')

    async def emptied(self, before):
        await self.delete('healthy', 'reset', 'half')
        after = await becomes(lambda: used(self.port), before)
        self.tap.ok(after == before, f'the zone is as empty as before '
                    f'({after}, {before} before)')
        self.tap.ok(self.nginx.workers() == [self.pid]
                    and not self.nginx.alerts(),
                    f'the worker lives, no alerts {self.nginx.alerts()[:3]}')

    def measure(self):
        """How long messages need to 999, without and with one that stalls."""
        for stalled in (0, 1):
            times = sorted(Latency(self.port, 999, stalled).run())
            p50, p99 = (times[int(p * (len(times) - 1))] / 1e6
                        for p in (0.5, 0.99))
            print(f'# {len(times)} deliveries to 999 subscribers, {stalled} '
                  f'stalled: {p50:.2f} ms p50, {p99:.2f} ms p99, '
                  f'{times[-1] / 1e6:.2f} ms at most', flush=True)


class Latency:
    """The kernel notes when what we read later has come."""

    STAMP = 35                  # SO_TIMESTAMPNS, and SCM_TIMESTAMPNS

    def __init__(self, port, n, stalled, messages=300):
        self.port, self.messages = port, messages
        self.path = f'/stalled?room=latency{stalled}'
        self.deaf = [self.connect(rcvbuf=4096) for _ in range(stalled)]
        self.subscribers = [self.connect() for _ in range(n)]
        self.publisher = socket.create_connection((HOST, port))
        self.publisher.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connect(self, rcvbuf=0):
        s = socket.socket()
        s.settimeout(TIMEOUT)
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.setsockopt(socket.SOL_SOCKET, self.STAMP, 1)
        s.connect((HOST, self.port))
        s.sendall(request(self.path, UPGRADE))
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += s.recv(1)
        return s

    def one(self):
        """Nanoseconds from the publish to each subscriber."""
        room = self.path.partition('?')[2]
        start = time.time_ns()
        self.publisher.sendall(
            f'POST /publish?{room} HTTP/1.1\r\nHost: x\r\n'
            'Content-Length: 1000\r\n\r\n'.encode() + b'x' * 1000)
        for s in self.subscribers:
            _, notes, _, _ = s.recvmsg(1004, 64, socket.MSG_WAITALL)
            seconds, nanoseconds = struct.unpack('qq', notes[0][2])
            yield seconds * 1000000000 + nanoseconds - start
        self.publisher.recv(4096)

    def run(self):
        times = [t for _ in range(self.messages) for t in self.one()]
        for s in (*self.deaf, *self.subscribers, self.publisher):
            s.close()
        return times


if __name__ == '__main__':
    raise_limit()
    tap = Tap()
    test = Test(tap)
    try:
        asyncio.run(test.run())
        if LONG:
            test.measure()
    finally:
        test.nginx.stop()
    tap.done()
