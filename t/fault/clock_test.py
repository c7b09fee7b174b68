"""
The wall clock is set forward and back by hours while everything runs: nothing
may end, be lost or be kept by that; what is told of times follows the clock.
"""

import asyncio
import contextlib
import json
import os
import sys
import time

from nginx import Nginx, Tap
from peer import (Closed, FIN, Peer, Shim, TEXT, ask, becomes, used)

LONG = 'WEBSOCKET_LONG' in os.environ
HOUR = 3600
STEPS = ((5 * HOUR, 0, -5 * HOUR, 24 * HOUR, 1, -400 * 24 * HOUR, 0) if LONG
         else (5 * HOUR, -5 * HOUR))
KEPT = 2                        # seconds of the brief history
SWEPT = 20                      # and until nothing is left of it

CONF = f'''
    websocket_zone zone=live:4m inactive=1s;
    keepalive_requests 1000000;
    websocket_heartbeat interval=1s timeout=2m;
    server {{
        listen 127.0.0.1:$PORT;
        location = /stream {{
            websocket pubsub; websocket_channel room/$arg_room;
            websocket_presence on from=$arg_name;
            websocket_events join leave;
        }}
        location = /idle {{
            websocket subscribe; websocket_channel room/idle;
            websocket_idle_timeout 30m; websocket_heartbeat off;
        }}
        location = /batch {{
            websocket subscribe; websocket_channel room/$arg_room;
            websocket_coalesce delay=50ms;
        }}
        location = /poll {{
            websocket subscribe; websocket_channel room/idle;
            websocket_heartbeat interval=30m;
        }}
        location = /publish {{
            websocket_publish; websocket_channel room/$arg_room;
            websocket_presence on; websocket_history length=1000 time=30m;
        }}
        location = /brief {{
            websocket_publish; websocket_channel brief/$arg_room;
            websocket_history length=1000 time={KEPT}s;
        }}
        location = /status {{ websocket_status json; }}
    }}
'''


class Test:
    def __init__(self, tap):
        self.tap = tap
        self.shim = Shim('clock', '<qQ')
        self.set(0)
        with self.shim.preloaded():
            self.nginx = Nginx('clock', CONF)
        self.port = self.nginx.port
        self.published = []
        self.position = None

    def set(self, offset):
        self.offset = offset
        self.shim.values = (offset, 0)

    def now(self):
        return time.time() + self.offset

    async def stepped(self, offset):
        """All workers have taken the time since."""
        self.set(offset)

        async def told():
            _, answer = await self.post('clock', b'x', 'brief')
            _, answer = await ask(self.port, 'GET', '/brief?room=clock')
            return self.right(answer['published'])

        good = 0
        end = time.monotonic() + 30
        while good < 10 and time.monotonic() < end:
            good = good + 1 if await told() else 0
        self.tap.ok(good, f'{self.name}: what is told of the time follows')

    def right(self, milliseconds):
        return abs(milliseconds / 1000 - self.now()) < 20

    async def post(self, room, body, location='publish', key=''):
        headers = f'Idempotency-Key: {key}\r\n' if key else ''
        return await ask(self.port, 'POST', f'/{location}?room={room}',
                         headers, body)

    async def history(self, room, location='publish'):
        _, answer = await ask(self.port, 'GET',
                              f'/{location}?room={room}&limit=1000')
        return answer

    async def publish(self):
        n = len(self.published) + 1
        status, answer = await self.post('a', b'%d' % n, key=f'{n}')
        self.published.append(answer['offset'])
        return status == 200

    async def live(self):
        """What a message does, and who waits for it."""
        ok = await self.publish()
        wanted = b'%d' % len(self.published)
        for peer in self.peers:
            while (await peer.receive()).split(b'\n')[-1] != wanted:
                pass
        return ok

    async def open(self):
        self.peers = [
            await Peer(self.port).websocket('/stream?room=a&name=ann'),
            await Peer(self.port).websocket('/stream?room=a&name=bob'),
            await Peer(self.port).websocket('/batch?room=a')]
        self.waiting = [await Peer(self.port).websocket('/idle'),
                        await Peer(self.port).websocket('/idle')]
        _, answer = await ask(self.port, 'GET', '/poll?transport=poll')
        self.poll = asyncio.create_task(ask(
            self.port, 'GET',
            f'/poll?transport=poll&since={answer["position"]}'))
        self.tasks = [asyncio.create_task(self.quiet(p))
                      for p in self.waiting]

    @staticmethod
    async def quiet(peer):
        with contextlib.suppress(TimeoutError):
            return await peer.receive(1000)

    async def step(self, offset):
        ok, name = self.tap.ok, f'{offset / HOUR:+g} h'
        self.name = name

        await self.post('b', b'brief before', 'brief')
        await self.post('c', b'long before')
        before = time.monotonic()
        await self.stepped(offset)
        brief = (await self.history('b', 'brief'))['messages']
        ok(time.monotonic() - before > KEPT - 0.5 or len(brief) == 1,
           f'{name}: a brief history is not over sooner')

        c = await self.history('c')
        ok(len(c['messages']) == 1, f'{name}: nor is one of half an hour')

        ok(await self.live(), f'{name}: messages pass')
        a = await self.history('a')
        kept = [m['offset'] for m in a['messages']
                if m['data'].isdigit()]
        ok(kept == self.published, f'{name}: all are kept')
        status, again = await self.post('a', b'1', key='1')
        ok(again.get('offset') == self.published[0],
           f'{name}: and the keys {status}')

        _, p = await ask(self.port, 'GET', '/publish?room=a&presence=1')
        names = [m['from'] for m in p['presence']]
        ok(names == ['ann', 'bob'], f'{name}: nobody left {names}')
        await self.comes()

        async def gone():
            return len((await self.history('b', 'brief')).get('messages', []))
        left = await becomes(gone, 0, SWEPT)
        ok(left == 0 and time.monotonic() - before < SWEPT,
           f'{name}: nor later: after '
           f'{time.monotonic() - before:.1f} s of {KEPT} ({left})')

        await ask(self.port, 'DELETE', '/publish?room=c')
        await self.beats()

    async def comes(self):
        """Events and presence tell of the clock as it is."""
        peer = await Peer(self.port).websocket('/stream?room=a&name=eve')
        event = {}
        while event.get('from') != 'eve':
            payload = await self.peers[0].receive()
            if payload.startswith(b'{'):
                event = json.loads(payload)
        year = time.strftime('%Y-%m-%dT%H:%M', time.gmtime(self.now()))
        soon = time.strftime('%Y-%m-%dT%H:%M', time.gmtime(self.now() - 20))
        _, p = await ask(self.port, 'GET', '/publish?room=a&presence=1')
        since = p['presence'][-1]['since']
        self.tap.ok(event['time'][:16] in (year, soon) and self.right(since),
                    f'{self.name}: who joins does so at {event["time"]}, '
                    f'{since}')
        peer.send(FIN | 8)
        await peer.ended()

    async def beats(self):
        """A silent peer is asked within the interval, as ever."""
        start = time.monotonic()
        peer = await Peer(self.port).websocket('/stream?room=beat')
        code = 'none'
        try:
            first = 0
            while first != FIN | 9:
                first, _ = await peer.timed(peer.frame())
            took = time.monotonic() - start
        except (Closed, EOFError) as e:
            took, code = 0, e
        self.tap.ok(0.8 < took < 15, f'{self.name}: a heartbeat after '
                    f'{took:.1f} s, closed {code}')
        peer.close()

    async def run(self):
        before = (await used(self.port))['live']
        await self.open()
        self.tap.ok(await self.live(), 'messages pass')

        for offset in STEPS:
            await self.step(offset)

        self.tap.ok(not self.poll.done()
                    and not any(t.done() for t in self.tasks),
                    'nobody was cut off who was to wait for half an hour')
        self.tap.ok(self.shim.values[1] > 0, 'the clock was asked')

        self.poll.cancel()
        for task in self.tasks:
            task.cancel()
        for peer in (*self.peers, *self.waiting):
            peer.close()
        for room in ('a', 'idle', 'beat'):
            await ask(self.port, 'DELETE', f'/publish?room={room}')
        for room in ('b', 'clock'):
            await ask(self.port, 'DELETE', f'/brief?room={room}')

        async def left():
            return (await used(self.port))['live']
        after = await becomes(left, before)
        self.tap.ok(after == before, 'the zone is as empty as before '
                    f'({after}, {before} before)')
        self.tap.ok(not self.nginx.alerts(),
                    f'no alerts {self.nginx.alerts()[:3]}')


if __name__ == '__main__':
    if 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
        print('1..0 # SKIP the sanitizer is to be loaded first')
        sys.exit()

    tap = Tap()
    test = Test(tap)
    try:
        asyncio.run(test.run())
    finally:
        test.nginx.stop()
    tap.done()
