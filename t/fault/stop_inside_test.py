"""
A worker is suspended in the middle of a change to the log, with its lock in
its hands: the other one goes on with what needs no lock, and with the rest
when the first one does, or dies; what has to wait for too long is refused.
"""

import asyncio
import contextlib
import json
import os
import signal
import time

from nginx import BUILD, Nginx, Tap, TIMEOUT, load_fault_module
from peer import (BROKEN, CLOSE, FIN, PING, TEXT, UPGRADE, Closed, Peer, Shim,
                  becomes, request, workers)

LONG = 'WEBSOCKET_LONG' in os.environ
FILE = os.path.abspath(f'{BUILD}/fault/stop')
SEATS = 4
PATIENCE = 0.5                  # seconds until what waits is refused
PLACES = 12                     # about, at which memory is refused
DROPPED = 'zone "live" cannot take the message: it cannot be had'

CONF = f'''
    websocket_zone zone=live:4m;
    keepalive_requests 1000000;
    websocket_history length=1000;
    websocket_drain 0;
    server {{
        listen 127.0.0.1:$PORT reuseport;
        websocket_channel room/$arg_room;
        location = /pid {{ return 200 $pid; }}
        location = /echo {{ websocket echo; }}
        location = /stream {{ websocket pubsub; }}
        location = /numbered {{
            websocket pubsub; websocket_stamp n:sequence;
        }}
        location = /member {{
            websocket subscribe;
            websocket_presence on from=$arg_name;
            websocket_events join leave;
            websocket_max_connections {SEATS} key=$arg_room;
        }}
        location = /publish {{ websocket_publish; websocket_presence on; }}
        location = /status {{ websocket_status json; }}
    }}
'''

# what nginx says of the memory that it was refused, and of who is killed

EXPECTED = ('malloc(', 'posix_memalign(', 'memalign(', 'exited on signal 9')


def state(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        return f.read().rpartition(')')[2].split()[0]


async def first(awaitable):
    return (await awaitable)[0]


async def until(condition):
    """Not as nginx.wait(): connections are closed meanwhile."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        await asyncio.sleep(0.01)


class Client(Peer):
    """A connection that is known to be of a certain worker."""

    async def to(self, pid):
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            await self.connect()
            if int((await self.ask('GET', '/pid'))[1]) == pid:
                return self
            self.close()
        raise TimeoutError(f'no connection to worker {pid}')

    async def ask(self, method, path, body=b''):
        self.begin(method, path, body)
        return await self.answer()

    def begin(self, method, path, body=b'', more=0):
        """As many more bytes of the body are to follow."""
        self.write(f'{method} {path} HTTP/1.1\r\nHost: x\r\n'
                   f'Content-Length: {len(body) + more}\r\n\r\n'.encode()
                   + body)

    async def answer(self):
        """The status, and what was said."""
        try:
            self.head = (await self.timed(
                self.reader.readuntil(b'\r\n\r\n'))).decode()
            length = self.header('Content-Length')
            body = await self.timed(self.reader.readexactly(int(length or 0)))
        except TimeoutError:
            raise
        except BROKEN as e:
            raise Closed() from e
        return int(self.head.split(None, 2)[1]), body

    def upgrade(self, path):
        self.write(request(path, UPGRADE))

    async def stream(self, path):
        self.upgrade(path)
        status, _ = await self.answer()
        if status != 101:
            raise Closed(status)
        return self

    async def pong(self, payload):
        """What else comes before it."""
        self.send(FIN | PING, payload)
        seen = []
        while (got := await self.receive()) != payload:
            seen.append(got)
        return seen

    async def leave(self):
        self.send(FIN | CLOSE, b'\x03\xe8')
        with contextlib.suppress(Closed):
            while True:
                await self.receive()
        self.close()


class Test:
    def __init__(self, tap):
        self.tap = tap
        self.shim = Shim('malloc', '<4Q')
        os.environ['WEBSOCKET_STOP'] = FILE
        with contextlib.suppress(FileNotFoundError):
            os.unlink(FILE)
        with self.shim.preloaded():
            self.nginx = Nginx('stop_inside', CONF, 2)
        self.port = self.nginx.port
        self.stopped = None
        self.rooms = 0

    def room(self):
        self.rooms += 1
        return f'room={self.rooms}'

    def wake(self):
        if self.stopped:
            os.kill(self.stopped, signal.SIGCONT)
            self.stopped = None

    async def client(self, pid):
        return await Client(self.port).to(pid)

    async def suspend(self, room, stores=3):
        """One worker, while it publishes; returns the other, and when."""
        pids = workers(self.nginx, 2)
        clients = [await self.client(pid) for pid in pids]

        # it may be the other that finds the file first, in its housekeeping

        with open(FILE + '.new', 'w', encoding='ascii') as f:
            f.write(str(stores))
        os.rename(FILE + '.new', FILE)
        clients[0].begin('POST', f'/publish?{room}', b'suspended')

        stopped = lambda: [pid for pid in pids if state(pid) == 'T']
        while not stopped():
            await asyncio.sleep(0.001)
        self.stopped, = stopped()
        other, = set(pids) - {self.stopped}
        clients[pids.index(other)].close()
        return other, time.monotonic()

    async def scene(self, room):
        """Clients of each worker, since it is not known which will stop."""
        return {pid: await self.clients_of(pid, room)
                for pid in workers(self.nginx, 2)}

    async def clients_of(self, pid, room):
        one = lambda: self.client(pid)
        return {
            'echo': await (await one()).stream(f'/echo?{room}'),
            'reader': await (await one()).stream(f'/stream?{room}&position=1'),
            'talker': await (await one()).stream(f'/stream?{room}'),
            'numbered': await (await one()).stream(f'/numbered?{room}'),
            'members': [await (await one()).stream(
                f'/member?{room}-{pid}&name=m{i}') for i in range(SEATS)],
            'http': [await one() for _ in range(8)],
        }

    async def info(self, room, args=''):
        for pid in self.nginx.workers():
            if pid != self.stopped:
                client = await self.client(pid)
                status, body = await client.ask(
                    'GET', f'/publish?{room}{args}')
                client.close()
                return json.loads(body) if status == 200 else status

    async def goes_on(self):
        """What waits is done when the owner is back, and nothing is lost."""
        tap = self.tap
        for attempt in range(20):
            room = self.room()
            scene = await self.scene(room)
            other, since = await self.suspend(room)
            on = scene[other]
            http = on['http']

            http[0].begin('POST', f'/publish?{room}', b'http')
            on['talker'].send(FIN | TEXT, b'socket')
            on['numbered'].send(FIN | TEXT, b'{"n":0}')
            http[1].upgrade(f'/stream?{room}')
            http[2].begin('GET', f'/publish?{room}&limit=1000')
            http[3].begin('DELETE', '/publish?room=none')
            http[4].begin('GET', '/publish?room=none')
            http[5].begin('POST', f'/publish?{room}', b'gone')
            http[5].close()
            on['echo'].send(FIN | TEXT, b'echo')
            echo = await on['echo'].receive()
            await on['echo'].pong(b'ping')
            await on['reader'].pong(b'ping')
            for member in on['members']:
                member.send(FIN | CLOSE, b'\x03\xe8')
                with contextlib.suppress(Closed):
                    while True:
                        await member.receive()
            _, status = await http[6].ask('GET', '/status')
            busy = json.loads(status)['zones'][0].get('busy')
            early = time.monotonic() - since < PATIENCE - 0.1

            self.wake()
            answers = [await http[i].answer() for i in range(5)]
            if early or attempt == 19:
                break
            for pid in scene:
                self.part(scene[pid])

        tap.ok(echo == b'echo' and busy is True,
               'echoes, Pings, Closes and the status need no lock')
        tap.ok([status for status, _ in answers] == [200, 101, 200, 404, 404],
               f'what waited is done {[status for status, _ in answers]}')

        reader = on['reader']
        seen, offsets = set(), []
        while not {b'suspended', b'http', b'socket', b'numbered'} <= seen:
            position, _, payload = (await reader.receive()).partition(b'\n')
            if payload:
                offsets.append(int(position.split(b':')[1]))
                if payload == b'{"n":%d}' % offsets[-1]:
                    payload = b'numbered'
                seen.add(payload)
        tap.ok(offsets == list(range(1, len(offsets) + 1)),
               f'and delivered once and in order {offsets}')
        await on['talker'].pong(b'still there')

        info = await self.info(f'{room}-{other}', '&presence=1')
        tap.ok((info['members'], info['subscribers']) == (0, 0),
               f'who left meanwhile is not counted {info}')
        seated = [await (await self.client(other)).stream(
                      f'/member?{room}-{other}&name=n{i}')
                  for i in range(SEATS)]
        tap.ok(True, 'and sits no more')
        for peer in seated:
            peer.close()
        for pid in scene:
            self.part(scene[pid])

    @staticmethod
    def part(clients):
        for client in (clients['echo'], clients['reader'], clients['talker'],
                       clients['numbered'], *clients['members'], *clients['http']):
            client.close()

    async def refused(self):
        """The owner does not come back."""
        tap = self.tap
        room = self.room()
        scene = await self.scene(room)
        other, _ = await self.suspend(room)
        on = scene[other]
        http = on['http']

        http[0].begin('POST', f'/publish?{room}', b'never')
        http[1].upgrade(f'/stream?{room}')
        http[2].begin('GET', f'/publish?{room}&limit=1000')
        http[3].begin('DELETE', f'/publish?{room}')
        on['talker'].send(FIN | TEXT, b'never, too')

        answers = [await http[i].answer() for i in range(4)]
        tap.ok([status for status, _ in answers] == [503] * 4
               and all(c.header('Retry-After') for c in http[:4]),
               f'what waits is refused {[status for status, _ in answers]}')
        try:
            code = await on['talker'].receive()
        except Closed as e:
            code = e.code
        tap.ok(code == 1013, f'who publishes on a socket is told so ({code})')

        log = self.nginx.log()
        tap.ok('"live" cannot be had: a worker' in log, 'and the operator, too')

        start = time.monotonic()
        answers = [(await http[0].ask('POST', f'/publish?{room}', b'x'))[0]
                   for _ in range(50)]
        took = time.monotonic() - start
        tap.ok(answers == [503] * 50 and took < 50 * PATIENCE / 2,
               f'then all is refused at once ({took * 1000:.0f} ms for 50)')
        await on['reader'].pong(b'ping')

        self.wake()
        again = lambda: http[0].ask('POST', f'/publish?{room}', b'again')
        status = await becomes(lambda: first(again()), 200)
        info = await self.info(room, '&limit=1000')
        kept = [m['data'] for m in info['messages']]
        tap.ok(status == 200 and kept in (['suspended', 'again'],
                                          ['again', 'suspended']),
               f'what was refused is not there {kept}')
        for pid in scene:
            self.part(scene[pid])

    async def killed(self):
        """The owner dies while it is suspended."""
        tap = self.tap
        room = self.room()
        scene = await self.scene(room)
        other, _ = await self.suspend(room)
        on = scene[other]
        repaired = self.nginx.log().count('recovered: a worker died')

        on['http'][0].begin('POST', f'/publish?{room}', b'outlives it')
        await on['reader'].pong(b'ping')
        os.kill(self.stopped, signal.SIGKILL)
        died, self.stopped = self.stopped, None
        status, _ = await on['http'][0].answer()
        tap.ok(status in (200, 503)
               and self.nginx.log().count('recovered: a worker died')
               > repaired, f'its death ends the waiting ({status})')

        await until(lambda: died not in workers(self.nginx, 2))
        left = lambda: self.info(f'{room}-{died}', '&presence=1')
        info = await becomes(lambda: self.members(left), 0)
        tap.ok(info == 0, f'its members are gone ({info})')
        for pid in scene:
            self.part(scene[pid])

    @staticmethod
    async def members(info):
        info = await info()
        return info if isinstance(info, int) else info['members']

    async def reloaded(self):
        """Workers end, and begin, while the zone is stuck."""
        tap = self.tap
        room = self.room()
        scene = await self.scene(room)
        dropped = self.nginx.log().count(DROPPED)
        other, _ = await self.suspend(room)
        on = scene[other]
        old = set(scene)

        waiting = on['http'][0]
        waiting.begin('POST', f'/publish?{room}', b'waits')
        for name in ('reader', 'talker'):
            on[name].send(FIN | TEXT, b'waits, too')
        await on['echo'].pong(b'ping')
        on['reader'].reset()
        os.kill(other, signal.SIGQUIT)
        self.nginx.process.send_signal(signal.SIGHUP)
        fresh = lambda: set(self.nginx.workers()) - old
        await until(lambda: len(fresh()) == 2)

        # late, it may be refused before its client is sent away

        try:
            code = await on['talker'].receive()
        except Closed as e:
            code = e.code
        dropped = self.nginx.log().count(DROPPED) - dropped
        tap.ok(code in (1001, 1012, 1013) and dropped == 2,
               f'of whose message waits and who leaves ({code}) the operator '
               f'is told ({dropped})')

        # what the old one owes is void when it has ended

        status, _ = await waiting.answer()
        for clients in scene.values():
            self.part(clients)
        await until(lambda: other not in self.nginx.workers())
        tap.ok(status == 503,
               f'a worker that ends refuses what waits ({status})')
        self.wake()
        await until(lambda: len(self.nginx.workers()) == 2)

        pids = workers(self.nginx, 2)
        readers = [await (await self.client(pid)).stream(f'/stream?{room}')
                   for pid in pids]
        client = await self.client(pids[0])
        await becomes(lambda: self.subscribers(room), 2)
        status, body = await client.ask('POST', f'/publish?{room}', b'new')
        got = [await reader.receive() for reader in readers]
        tap.ok(status == 200 and json.loads(body)['subscribers'] == 2
               and got == [b'new'] * 2,
               f'workers that began meanwhile are complete ({body})')
        for peer in (*readers, client):
            peer.close()

    async def starved(self, at):
        """
        Memory is refused at a place, while the zone is stuck.  Returns how
        many were seen, and how many refused.
        """
        room = self.room()
        scene = await self.scene(room)
        other, _ = await self.suspend(room)
        on = scene[other]
        http = on['http']

        self.shim.values = (at, 1, 0, 0)
        http[0].begin('POST', f'/publish?{room}', b'x' * 2000)
        http[1].upgrade(f'/stream?{room}')
        http[2].begin('GET', f'/publish?{room}&limit=1000')
        http[3].begin('GET', f'/member?{room}')
        on['talker'].send(FIN | TEXT, b'y' * 5000)
        for member in on['members']:
            member.send(FIN | CLOSE, b'\x03\xe8')
        with contextlib.suppress(Closed):
            await on['reader'].pong(b'ping')
        with contextlib.suppress(Closed):
            await on['members'][-1].receive()
        self.wake()

        codes = []
        for client in http[:3]:
            try:
                codes.append((await client.answer())[0])
            except Closed:
                codes.append(None)
        _, _, seen, refused = self.shim.values
        self.shim.values = (0, 0, 0, 0)

        if not set(codes) <= {200, 202, 101, 500, 503, 507, None}:
            self.complaints.append(f'{at}: {codes}')
        if set(self.nginx.workers()) != set(scene):
            self.complaints.append(f'{at}: a worker died')

        for pid in scene:
            self.part(scene[pid])
        for channel in (room, f'{room}-{other}'):
            left = await becomes(lambda: self.subscribers(channel), 0)
            if left != 0:
                self.complaints.append(f'{at}: {left} are left in {channel}')
        return seen, refused

    async def subscribers(self, room):
        info = await self.info(room)
        return 0 if info == 404 else info if isinstance(info, int) \
            else info['subscribers']

    async def without_memory(self):
        self.complaints = []
        seen, _ = await self.starved(1 << 60)
        stride = 1 if LONG else max(1, seen // PLACES)

        at, total = 1, 0
        while (await self.starved(at))[1]:
            at += stride
            total += 1
        self.tap.ok(not self.complaints and total > PLACES / 2,
                    f'memory refused at {total} places among {seen} '
                    f'meanwhile {self.complaints[:5]}')

    async def run(self):
        for part in (self.goes_on, self.refused, self.killed, self.reloaded,
                     self.without_memory):
            try:
                await part()
            finally:
                self.wake()
        alerts = self.nginx.alerts(but=EXPECTED)
        self.tap.ok(not alerts, f'no alerts {alerts[:3]}')


if __name__ == '__main__':
    load_fault_module()

    tap = Tap()
    test = Test(tap)
    try:
        workers(test.nginx, 2)
        asyncio.run(test.run())
    finally:
        test.wake()
        test.nginx.stop()
    tap.done()
