"""
Each allocation of the workers is refused in turn, while clients of every kind
come, publish, recover and go.  Whoever is refused must be told so, or cut
off; what was acknowledged is there; nobody waits for ever.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys

from nginx import BUILD, Nginx, Tap
from peer import (BINARY, BROKEN, CLOSE, FIN, PING, TEXT, Closed, Peer, Shim,
                  ask, becomes, settled, used, workers)

LONG = 'WEBSOCKET_LONG' in os.environ
PLACES = 150                    # about, for one way in the short form
TRIES = 50
BYTES = b'\0binary' + b'\xff' * 2000

# a Close for which there is no memory is waited for by the timeout only

CONF = '''
    websocket_zone zone=live:4m inactive=1s;
    keepalive_requests 1000000;
    websocket_history length=1000;
    websocket_close_timeout 100ms;
    server {
        listen 127.0.0.1:$PORT;
        websocket_channel room/$arg_room;
        location = /stream {
            websocket pubsub;
            websocket_presence on from=$arg_name;
            websocket_events join leave;
            websocket_subprotocols chat;
            websocket_max_connections 1000 key=$arg_name;
        }
        location = /both {
            websocket subscribe;
            websocket_channel room/$arg_room other/$arg_room;
        }
        location = /batch {
            websocket subscribe; websocket_replay all;
            websocket_coalesce delay=5ms;
        }
        location = /echo {
            websocket echo;
            websocket_max_connections 1000;
            websocket_max_connections 1000 key=$arg_room;
            websocket_rate bytes=1m/s action=drop;
        }
        location = /publish {
            websocket_publish; websocket_presence on;
            websocket_priority on field=priority;
        }
        location = /other {
            websocket_publish; websocket_channel other/$arg_room;
        }
        location = /token {
            websocket pubsub;
            websocket_channel token/$arg_room/$websocket_jwt_sub;
            websocket_jwt key=$KEY alg=HS256 renew=1m;
            websocket_require_scope stream;
        }
        location = /revoke { websocket_revoke time=1s; }
        location = /status { websocket_status json; }
    }
'''

SECRET = b'a secret of more than 32 bytes for HS256'


def token():
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')

    text = b'.'.join(encode(json.dumps(part).encode()) for part in (
        {'alg': 'HS256'},
        {'sub': 'ann', 'jti': '1', 'scope': 'stream', 'exp': 4000000000,
         'channels': {'token/**': ['subscribe', 'publish']}}))
    mac = hmac.new(SECRET, text, hashlib.sha256).digest()
    return (text + b'.' + encode(mac)).decode()


TOKEN = token()


# what nginx says of the memory that it was refused

EXPECTED = ('malloc(', 'posix_memalign(', 'memalign(')

# what a session may be closed with for want of memory, None being a reset

CLOSES = (None, 1011, 1013, 500, 503)
REFUSALS = (500, 503, 507)


class Scenario:
    """
    A room's life.  Where `strict` nothing may fail; else what fails must do
    so in a proper way, and the rest goes on without it.
    """

    def __init__(self, port, room, strict):
        self.port, self.room, self.strict = port, room, strict
        self.peers = []
        self.acknowledged = {}          # payload to offset
        self.said = set()               # on the socket: there or not
        self.readers, self.stream = [], None
        self.complaints = []

    def complain(self, what):
        self.complaints.append(f'{self.room}: {what}')

    def url(self, location, *args):
        return '&'.join((f'/{location}?room={self.room}', *args))

    async def step(self, coroutine):
        """One that may be refused: its result, or None."""
        what = f'{coroutine.__qualname__} {len(self.acknowledged)}'
        try:
            return await coroutine
        except Closed as e:
            if self.strict or e.code not in CLOSES:
                self.complain(f'{coroutine.__qualname__}: {e}')
        except TimeoutError:
            self.complain(f'{coroutine.__qualname__}: no answer')
        except (*BROKEN, KeyError) as e:
            self.complain(f'{coroutine.__qualname__}: {e!r}')
        return None

    def peer(self):
        self.peers.append(Peer(self.port))
        return self.peers[-1]

    async def get(self, path, good=(200,)):
        status, answer = await ask(self.port, 'GET', path)
        if status not in good:
            raise Closed(status, answer)
        return answer

    async def insist(self, method, good, args=(), headers='', body=b'',
                     location='publish'):
        """What is tried until it has an answer."""
        for _ in range(1 if self.strict else TRIES):
            try:
                status, answer = await ask(self.port, method,
                                           self.url(location, *args),
                                           headers, body)
                if status in good:
                    return answer
                if status not in REFUSALS:
                    self.complain(f'{method} was answered with {status}')
            except Closed:
                pass
        raise ValueError(f'{method} {args} was never answered')

    async def publish(self, name, headers='', payload=b''):
        payload = payload or json.dumps(
            {'name': name, 'priority': 'high'}).encode()
        answer = await self.insist(
            'POST', (200, 202), (), headers + f'Idempotency-Key: {name}\r\n',
            payload)
        self.acknowledged[payload] = answer['offset']
        return answer

    async def subscribe(self, *args):
        """With positions; what it reads must have no gap."""
        peer = await self.peer().websocket(
            self.url('stream', 'position=1', 'name=ann', *args),
            'Sec-WebSocket-Protocol: chat\r\n')
        if peer.header('Sec-WebSocket-Protocol') != 'chat':
            self.complain('without its subprotocol')
        hello = json.loads(await peer.receive())
        if hello.get('recovered') is False:
            self.complain(f'not recovered with {args}')
        peer.position = hello['position'].split(':')
        peer.seen = []
        return peer

    async def read(self, peer, *payloads):
        """Until it has all of them."""
        while not set(payloads) <= set(peer.seen):
            position, _, payload = (await peer.receive()).partition(b'\n')
            epoch, offset = position.decode().split(':')
            if [epoch, int(offset)] != [peer.position[0],
                                        int(peer.position[1]) + 1]:
                self.complain(f'{position} after {peer.position}')
            peer.position = [epoch, offset]
            peer.seen.append(payload)
        return True

    async def say(self, peer):
        """Two messages on the socket, one of them large and in fragments."""
        large = b'large ' + b'x' * 5000
        self.said |= {b'small', large}
        peer.send(FIN | TEXT, b'small')
        peer.send(TEXT, large[:2000])
        peer.send(FIN | PING, b'ping')
        peer.send(FIN, large[2000:])
        while await peer.receive() != b'ping':
            pass

    async def events(self):
        peer = await self.peer().open(self.url('both'),
                                      'Accept: text/event-stream\r\n')
        await peer.until(b'\n\n')
        return peer

    async def poll(self, position):
        peer = self.peer()
        try:
            await peer.open(self.url('stream', 'transport=poll',
                                     f'since={position}'))
            length = int(peer.header('Content-Length'))
            answer = json.loads(
                await peer.timed(peer.reader.readexactly(length)))
        except TimeoutError:
            raise
        except BROKEN as e:
            raise Closed() from e
        if not answer['messages'] and 'close' not in answer:
            self.complain(f'a poll was answered with {answer}')
        return answer

    async def echo(self):
        peer = await self.peer().websocket(self.url('echo'))
        for n in (10, 3000):
            peer.send(FIN | BINARY, b'e' * n)
            if await peer.receive() != b'e' * n:
                self.complain('a wrong echo')
        peer.write(b'\x89\x84\0\0\0\0pi')       # in two pieces
        await asyncio.sleep(0.002)
        peer.write(b'ng')
        await peer.receive()
        peer.send(FIN | CLOSE, b'\x03\xe8')
        await self.closed(peer, 1000)

    async def batched(self):
        peer = await self.peer().websocket(self.url('batch'))
        for _ in self.acknowledged:
            await peer.receive()
        peer.send(FIN | TEXT, b'not allowed')
        await self.closed(peer, 1008)

    async def tokened(self):
        """A token that cannot be read is one that is not valid."""
        try:
            peer = await self.peer().websocket(
                self.url('token'), f'Authorization: Bearer {TOKEN}\r\n')
        except Closed as e:
            if e.code != 401 or self.strict:
                raise
            return
        peer.send(FIN | TEXT,
                  json.dumps({'type': 'token', 'token': TOKEN}).encode())
        answer = json.loads(await peer.receive())
        if answer['type'] != 'token_renewed' and self.strict:
            self.complain(f'a token was answered with {answer}')
        peer.send(FIN | CLOSE, b'\x03\xe8')
        await self.closed(peer, 1000)

    async def closed(self, peer, code):
        """Ends with the code, or without one for want of memory."""
        try:
            while True:
                await peer.receive()
        except Closed as e:
            if e.code != code:
                raise

    async def run(self):
        try:
            await self.come()
            await self.step(self.check())
            await self.go()
        finally:
            for peer in self.peers:
                peer.close()

    async def come(self):
        step = self.step
        one = await step(self.subscribe())
        two = poll = None
        first = await step(self.publish('first'))
        events = await step(self.events())

        if first:
            epoch, offset = first['epoch'], first['offset']
            poll = asyncio.create_task(
                step(self.poll(f'{epoch}:{offset}')))
            two = await step(self.subscribe(f'since={epoch}:0'))

        await step(self.publish('second', 'Content-Type: '
                                'application/octet-stream\r\n', BYTES))
        self.readers = [p for p in (one, two) if p]

        for peer in self.readers:
            await step(self.read(peer, *self.acknowledged))
        if events:
            await step(events.until(b'event: binary'))
        if one:
            await step(self.say(one))
        if poll:
            await poll
        self.stream = events

        await step(self.echo())
        await step(self.batched())
        await step(self.tokened())
        # JSON that there is no memory to read is none
        await step(self.insist('POST', (200,) if self.strict else (200, 400),
                               body=b'{"user":"bob"}', location='revoke'))
        for path in ('', 'since=0000000000000001:1', 'presence=1'):
            await step(self.get(self.url('publish', path)))
        await step(self.get('/status'))

    async def check(self):
        """What is in the channel?"""
        answer = await self.insist('GET', (200,), ('limit=1000',))
        kept = [base64.b64decode(m['data']) if m['type'] == 'binary'
                else m['data'].encode() for m in answer['messages']]
        offsets = [m['offset'] for m in answer['messages']]

        if offsets != list(range(1, answer['offset'] + 1)):
            self.complain(f'the history is {offsets}')

        for payload, offset in self.acknowledged.items():
            at = [o for o, k in zip(offsets, kept) if k == payload]
            if at != [offset]:
                self.complain(f'{payload[:20]} of offset {offset} is at {at}')

        others = [k for k in kept if k not in self.acknowledged
                  and not k.startswith(b'{"type":"')]
        if len(set(others)) < len(others) or not set(others) <= self.said:
            self.complain(f'there is besides {[o[:20] for o in others]}')

    async def go(self):
        step = self.step
        for peer in self.readers[:1]:
            peer.send(FIN | CLOSE, b'\x03\xe8bye')
            await step(self.closed(peer, 1000))

        for location in ('publish', 'other'):
            await step(self.insist('DELETE', (200, 404), location=location))

        for peer in self.readers[1:]:
            await step(self.closed(peer, 1000))
        if self.stream:
            await step(self.stream.until(b'event: close'))


class Test:
    def __init__(self, n):
        self.shim = Shim('malloc', '<4Q')
        key = os.path.abspath(f'{BUILD}/fault/malloc.key')
        os.makedirs(os.path.dirname(key), exist_ok=True)
        with open(key, 'wb') as f:
            f.write(SECRET)
        with self.shim.preloaded():
            self.nginx = Nginx(f'malloc{n}', CONF.replace('$KEY', key), n)
        self.port = self.nginx.port
        self.rooms = 0
        self.complaints = []
        self.deaths = 0
        self.wanted = workers(self.nginx, n)

    async def scenario(self, strict=True, at=0, count=0):
        """Returns how many were seen, and how many refused."""
        self.rooms += 1
        scenario = Scenario(self.port, f'{self.rooms}', strict)
        self.shim.values = (at, count, 0, 0)
        await scenario.run()
        _, _, seen, refused = self.shim.values
        self.shim.values = (0, 0, 0, 0)

        self.complaints += [f'{count} from {at} on: {c}' if at else c
                            for c in scenario.complaints]
        return seen, refused

    async def refuse(self, at, count):
        """Refusals, and then all must be as if nothing had been."""
        _, refused = await self.scenario(False, at, count)
        await self.scenario()
        now = self.nginx.workers()
        if now != self.wanted:
            self.deaths += 1
            self.complaints.append(f'{count} from {at} on: a worker died')
            self.wanted = now
        return refused

    async def every(self, count):
        """At each place, or at so many that the time suffices."""
        seen, _ = await self.scenario(at=1 << 60)
        stride = 1 if LONG else max(1, seen // PLACES)

        at, steps, total = 1, 0, 0
        while refused := await self.refuse(at, count):
            at += stride
            steps += 1
            total += refused
        return seen, steps, total

    async def run(self, tap, counts):
        before = await used(self.port)
        for _ in range(3):              # what is made once is made then
            await self.scenario()
        tap.ok(not self.complaints, 'with all the memory that it wants')
        files = await settled(self.nginx)

        for count in counts:
            self.complaints = []
            seen, steps, total = await self.every(count)
            tap.ok(not self.complaints and total >= steps > 50,
                   f'{count} refused, at {steps} places among {seen} '
                   f'allocations ({len(self.complaints)} complaints)')
            for what in self.complaints[:10]:
                print('# ' + what)

        tap.ok(self.deaths == 0, f'no worker died ({self.deaths})')
        alerts = self.nginx.alerts(but=EXPECTED)
        tap.ok(not alerts, f'no alerts but of the memory {alerts[:3]}')
        after = await becomes(lambda: used(self.port), before)
        tap.ok(after == before,
               f'the zone is as empty as before ({after}, {before} before)')
        now = await settled(self.nginx, files)
        tap.ok(now <= files, f'no file is left open ({now}, {files} before)')


if __name__ == '__main__':
    if 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
        print('1..0 # SKIP the sanitizer has an allocator of its own')
        sys.exit()

    tap = Tap()
    for count in (1, 2) if LONG else (1,):
        test = Test(count)
        try:
            asyncio.run(test.run(tap, (1, 2, 5, 20) if LONG else (1, 5)))
        finally:
            test.nginx.stop()
    tap.done()
