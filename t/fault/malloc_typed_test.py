"""
Each allocation of a worker is refused in turn, while clients publish typed
messages, choose views and filters, and collect.  What reaches anybody is what
it would have been, or nothing; no worker dies.
"""

import asyncio
import json
import os
import sys
import urllib.parse

from nginx import Nginx, Tap
from peer import (BROKEN, CLOSE, FIN, TEXT, Closed, Peer, Shim, ask,
                  settled, workers)

LONG = 'WEBSOCKET_LONG' in os.environ
PLACES = 200

CONF = '''
    websocket_zone zone=live:4m inactive=1s;
    keepalive_requests 1000000;
    websocket_close_timeout 100ms;
    websocket_heartbeat off;
    websocket_type metric {
        field name  string required pattern=^[a-z]+$;
        field value number required;
        field unit  string default=m;
        field where object;
        view brief value name;
    }
    websocket_inbound_type metric;
    websocket_view $arg_view;
    server {
        listen 127.0.0.1:$PORT;
        websocket_channel room/$arg_room;
        location = /stream {
            websocket pubsub;
            websocket_filter on;
            websocket_stamp from=$arg_user channel;
        }
        location = /collect {
            websocket publish;
            websocket_collect on view=brief;
        }
        location = /publish {
            websocket_publish;
            websocket_outbound_type metric;
            websocket_history length=10;
        }
    }
'''

EXPECTED = ('malloc(', 'posix_memalign(', 'memalign(')
CLOSES = (None, 1011, 1013, 500, 503, 507)

GOOD = b'{"name":"a","value":1.50,"where":{"x":[1,2,3]}}'
BAD = b'{"name":"a","value":"1"}'
ERROR = {'error': {'code': 'invalid_message', 'path': 'value',
                   'message': 'expected number, got string'}}
FILTER = {'and': [{'value': {'gt': 1}}, {'or': [{'name': ['a', 'b']},
                                                {'tags.room': 'a'}]}]}


class Scenario:
    def __init__(self, port, room):
        self.port, self.room = port, room
        self.complaints = []
        self.peers = []
        self.steps = 0

    def url(self, location, **args):
        return f'/{location}?room={self.room}&' + urllib.parse.urlencode(args)

    async def websocket(self, location, **args):
        self.peers.append(Peer(self.port))
        return await self.peers[-1].websocket(self.url(location, **args))

    async def expect(self, peer, *expected):
        """One of these comes next."""
        got = json.loads(await peer.receive())
        if got not in expected:
            self.complaints.append(f'{got} instead of {expected}')

    async def step(self, coroutine):
        try:
            await coroutine
            self.steps += 1
        except Closed as e:
            if e.code not in CLOSES:
                self.complaints.append(f'{coroutine.__qualname__}: {e}')
        except TimeoutError:
            self.complaints.append(f'{coroutine.__qualname__}: no answer')
        except BROKEN:
            pass

    async def talk(self):
        peer = await self.websocket('stream', user='ann')
        peer.send(FIN | TEXT, BAD)
        await self.expect(peer, ERROR)
        peer.send(FIN | TEXT, GOOD)
        await self.expect(peer, {'from': 'ann', 'channel': f'room/{self.room}',
                                 'unit': 'm', **json.loads(GOOD)})

    async def look(self):
        """The one that has a view and a filter gets what it is to get."""
        peer = await self.websocket('stream', view='brief',
                                    filter=json.dumps(FILTER))
        other = await self.websocket('stream', view='brief', user='bob')
        peer.send(FIN | TEXT, b'{"filter":{"name":"b"}}')
        await self.expect(peer, {'filter': 'ok'})
        other.send(FIN | TEXT, GOOD)
        other.send(FIN | TEXT, GOOD.replace(b'"a"', b'"b"'))
        await self.expect(other, {'value': 1.5, 'name': 'a'})
        await self.expect(other, {'value': 1.5, 'name': 'b'})
        await self.expect(peer, {'value': 1.5, 'name': 'b'})
        peer.send(FIN | TEXT, b'{"filter":{"value":{"foo":1}}}')
        if 'error' not in json.loads(await peer.receive()):
            self.complaints.append('a bad filter was taken')

    async def collect(self):
        peer = await self.websocket('collect')
        for payload in (GOOD, GOOD, b'{"end":true}'):
            peer.send(FIN | TEXT, payload)
        await self.expect(peer, [{'value': 1.5, 'name': 'a'}] * 2)
        try:
            await peer.receive()
        except Closed as e:
            if e.code not in (1000, *CLOSES):
                raise
        peer.send(FIN | CLOSE, b'\x03\xe8')

    async def http(self):
        for body, good in ((GOOD, (200, 202)), (BAD, (422,))):
            status, answer = await ask(
                self.port, 'POST', self.url('publish'),
                'X-WebSocket-Tags: room=a, n=1\r\n', body)
            if status not in (*good, 500, 503, 507):
                self.complaints.append(f'POST: {status} {answer}')
        status, answer = await ask(
            self.port, 'GET', self.url('publish', limit=10, view='brief'))
        for message in (answer or {}).get('messages', ()):
            if json.loads(message['data']) not in (
                    {'value': 1.5, 'name': 'a'}, {'value': 1.5, 'name': 'b'}):
                self.complaints.append(f'GET: {message}')

    async def run(self):
        for step in (self.talk, self.look, self.collect, self.http):
            await self.step(step())
        for peer in self.peers:
            peer.close()


class Test:
    def __init__(self):
        self.shim = Shim('malloc', '<4Q')
        with self.shim.preloaded():
            self.nginx = Nginx('malloc_typed', CONF, 1)
        self.wanted = workers(self.nginx, 1)
        self.rooms = 0
        self.complaints = []

    async def scenario(self, at=0, count=0):
        self.rooms += 1
        scenario = Scenario(self.nginx.port, self.rooms)
        self.shim.values = (at, count, 0, 0)
        await scenario.run()
        _, _, seen, refused = self.shim.values
        self.shim.values = (0, 0, 0, 0)
        if not at and scenario.steps != 4:
            scenario.complaints.append(f'only {scenario.steps} steps')
        self.complaints += [f'{count} from {at} on: {c}'
                            for c in scenario.complaints]
        if self.nginx.workers() != self.wanted:
            self.complaints.append(f'{count} from {at} on: a worker died')
            self.wanted = self.nginx.workers()
        return seen, refused

    async def run(self, tap):
        for _ in range(3):
            await self.scenario()
        tap.ok(not self.complaints, f'with all the memory {self.complaints}')
        files = await settled(self.nginx)

        for count in (1, 3):
            self.complaints = []
            seen, _ = await self.scenario(1 << 60)
            stride = 1 if LONG else max(1, seen // PLACES)
            at = 1
            while (await self.scenario(at, count))[1]:
                await self.scenario()
                at += stride
            tap.ok(not self.complaints and at > 100 and seen > 200,
                   f'{count} refused at each {stride}. of {seen} allocations')
            for what in self.complaints[:10]:
                print('# ' + what)

        alerts = self.nginx.alerts(but=EXPECTED)
        tap.ok(not alerts, f'no alerts but of the memory {alerts[:3]}')
        now = await settled(self.nginx, files)
        tap.ok(now <= files, f'no file is left open ({now}, {files} before)')


if __name__ == '__main__':
    if 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
        print('1..0 # SKIP the sanitizer has an allocator of its own')
        sys.exit()

    tap = Tap()
    test = Test()
    try:
        asyncio.run(test.run(tap))
    finally:
        test.nginx.stop()
    tap.done()
