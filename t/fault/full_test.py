"""
A zone that is full: of histories, of channels with subscribers, of members, of
what a suspended worker did not read.  Who finds no room is told so; who is
there gets all that was acknowledged; with the room, everything comes back.
"""

import asyncio
import json
import os
import signal
import sys
import time

from nginx import Nginx, Tap, raise_limit
from peer import (CLOSE, FIN, PING, TEXT, UPGRADE, Closed, Http, Peer, ask,
                  becomes, used, workers)

LONG = 'WEBSOCKET_LONG' in os.environ
SIZE = 64 * 1024
HUNG = 10                       # seconds that an unread message is held
NAME = 'n' * 100                # of a member

CONF = f'''
    websocket_zone zone=live:{SIZE} inactive=1s;
    keepalive_requests 1000000;
    websocket_history length=10000;
    websocket_max_message_size 1m;
    server {{
        listen 127.0.0.1:$PORT backlog=4096;
        location = /stream {{
            websocket pubsub;
            websocket_channel room/$arg_room;
            websocket_presence on from={NAME};
        }}
        location = /publish {{
            websocket_publish; websocket_presence on;
            websocket_channel room/$arg_room;
        }}
        location = /brief {{
            websocket_publish; websocket_history length=10000 time=1s;
            websocket_channel room/$arg_room;
        }}
        location = /status {{ websocket_status json; }}
    }}
'''


class Subscriber:
    """Has a room, and must get what was acknowledged there, from 1 on."""

    def __init__(self, test, room):
        self.test, self.room = test, room
        self.acknowledged, self.wrong = [], ''
        self.peer = Peer(test.port)

    async def open(self):
        await self.peer.websocket(f'/stream?room={self.room}')
        return self

    async def publish(self, payload, **more):
        status, answer = await self.test.post(self.room, payload, **more)
        if status == 200:
            self.acknowledged.append(payload)
            if answer['offset'] != len(self.acknowledged):
                self.wrong = f'{answer} after {len(self.acknowledged)}'
        elif not is_full(status, answer):
            self.wrong = f'{status} {answer}'
        return status

    async def complete(self):
        """What is wrong with what it gets, or nothing."""
        try:
            for wanted in self.acknowledged:
                payload = await self.peer.receive()
                if payload != wanted:
                    return f'{self.room}: {payload[:20]} for {wanted[:20]}'
            self.peer.send(FIN | PING, b'alive')
            if (last := await self.peer.receive()) != b'alive':
                return f'{self.room}: {last[:20]} besides'
        except Closed as e:
            return f'{self.room}: closed with {e}'
        return self.wrong


def is_full(status, answer):
    return status == 507 and answer['error']['code'] == 'zone_full'


class Test:
    def __init__(self, tap):
        self.tap = tap
        self.nginx = Nginx('full', CONF)
        self.port = self.nginx.port
        self.http = Http(self.port)

    async def request(self, method, path, headers='', body=b''):
        status, text = await self.http.request(method, path, headers, body)
        return status, json.loads(text or '{}')

    async def post(self, room, body, headers='', location='publish'):
        return await self.request('POST', f'/{location}?room={room}', headers,
                                  body)

    async def get(self, room, args=''):
        return (await self.request('GET', f'/publish?room={room}{args}'))[1]

    async def delete(self, *rooms):
        for room in rooms:
            await self.request('DELETE', f'/publish?room={room}')

    async def subscribe(self, room):
        return await Subscriber(self, room).open()

    async def all_complete(self, subscribers, what):
        wrong = [w for w in await asyncio.gather(
            *(s.complete() for s in subscribers)) if w]
        self.tap.ok(subscribers and not wrong,
                    f'{what}: {len(subscribers)} subscribers have all that '
                    f'was acknowledged {wrong[:3]}')

    async def used(self):
        return (await used(self.port))['live']

    async def histories(self):
        """The oldest go, and what is kept has no gap."""
        ok, rooms = self.tap.ok, [f'h{i}' for i in range(10)]
        followers = {r: await self.subscribe(r) for r in rooms[:4]}
        statuses, last, most = set(), {}, 0

        for n in range(1000):
            room = rooms[n * n % 7 if n % 2 else n % 10]
            payload = f'{n} '.encode() + b'x' * (n * 37 % 1000)
            key = f'Idempotency-Key: {n}\r\n'
            if room in followers:
                statuses.add(await followers[room].publish(payload,
                                                           headers=key))
            else:
                statuses.add((await self.post(room, payload, key))[0])
            if n % 100 == 99:
                most = max(most, await self.used())
            last = room, payload, key

        ok(statuses <= {200, 202} and SIZE / 2 < most <= SIZE,
           f'the oldest make room {statuses}, {most} used')

        before = (await self.get(last[0]))['offset']
        status, again = await self.post(*last)
        ok(again['offset'] == before, f'a key is known as long as its '
           f'message is there {status} {again}')

        states = [await self.recovery(r) for r in rooms]
        ok('' in states and set(states) <= {'', 'nothing left'},
           f'what is left of the histories is told as it is {set(states)}')
        await self.all_complete(list(followers.values()), 'histories')

        large = await self.post('h0', b'x' * 2 * SIZE)
        peer = await Peer(self.port).websocket('/stream?room=h0')
        peer.send(FIN | TEXT, b'x' * 2 * SIZE)
        code = await self.ends(peer)
        ok(is_full(*large) and code == 1013,
           f'a message larger than the zone: {large}, {code}')

        status = await followers['h1'].publish(b'x' * (SIZE // 4))
        ok(status == 200, f'one that fits has room {status}')
        for f in followers.values():
            f.peer.close()
        await self.delete(*rooms)

    async def recovery(self, room):
        """Is the history there from its first one on, and that told?"""
        info = await self.get(room)
        if not info.get('history'):
            return 'nothing left'
        since = f'&limit=1000&since={info["epoch"]}:'
        good = await self.get(room, f'{since}{info["first"] - 1}')
        bad = await self.get(room, f'{since}{info["first"] - 2}') \
            if info['first'] > 1 else {'recovered': False}
        offsets = [m['offset'] for m in good['messages']]

        if (good['recovered'], bad['recovered']) != (True, False):
            return f'recovered {good["recovered"]}, {bad["recovered"]}'
        if offsets != list(range(info['first'], info['offset'] + 1)):
            return f'{offsets} of {info}'
        return ''

    @staticmethod
    async def ends(peer):
        try:
            while True:
                await peer.receive()
        except Closed as e:
            return e.code

    async def lobby(self):
        """Members beyond the room: sessions go on without an entry."""
        n = SIZE // 256 + 50
        peers = [await Peer(self.port).websocket('/stream?room=lobby')
                 for _ in range(n)]
        info = await self.get('lobby', '&presence=1&limit=1000')

        self.tap.ok(info['subscribers'] == n and 50 < info['members'] < n
                    and len(info['presence']) == info['members'],
                    f'{info["members"]} members of {info["subscribers"]}')

        for peer in peers[::2]:
            peer.send(FIN | CLOSE)
            await peer.ended()
        for peer in peers[1::2]:
            peer.reset()

        async def members():
            return (await self.get('lobby', '&presence=1'))['members']

        left = await becomes(members, 0)
        self.tap.ok(left == 0, f'they leave, and nobody is left ({left})')
        await self.delete('lobby')

    async def crowd(self):
        """Channels with subscribers until there is no block left."""
        ok, there, refused = self.tap.ok, [], None

        while refused is None and len(there) < SIZE // 256:
            try:
                there.append(await self.subscribe(f'c{len(there)}'))
            except Closed as e:
                refused = e.code
        ok(refused == 503 and len(there) > 50,
           f'after {len(there)} sessions the next is refused: {refused}')

        await self.refusals()
        statuses = {await s.publish(b'no room') for s in there[:20]}
        ok(statuses == {507}, f'nothing can be published {statuses}')

        loser = there.pop()
        loser.peer.send(FIN | TEXT, b'no room')
        code = await self.ends(loser.peer)
        ok(code == 1013, f'nor on the socket: {code}')
        await self.all_complete(there, 'no room')

        for s in there[::4]:
            s.peer.send(FIN | CLOSE)
            await s.peer.ended()
        there = [s for i, s in enumerate(there) if i % 4]
        await self.half_full(there)

        for s in there:
            s.peer.close()
        await self.delete(*(s.room for s in there))

    async def refusals(self):
        answers = {}
        for kind, args, headers in (
                ('websocket', '', UPGRADE),
                ('events', '', 'Accept: text/event-stream\r\n'),
                ('poll', '&transport=poll', '')):
            peer = Peer(self.port)
            try:
                await peer.open(f'/stream?room=new{args}', headers)
                answers[kind] = 'accepted'
            except Closed as e:
                answers[kind] = e.code, bool(peer.header('Retry-After'))
            peer.close()

        self.tap.ok(set(answers.values()) == {(503, True)},
                    f'refused with 503 and Retry-After {answers}')
        answer = await self.post('new', b'x')
        self.tap.ok(is_full(*answer), f'a new channel: {answer}')

    async def half_full(self, there):
        """Some room: each publish is acknowledged or refused, and it holds."""
        statuses = []
        for n in range(20):
            for s in there[n % 3::3]:
                statuses.append(await s.publish(
                    f'{n} of {s.room}'.encode() * (1 + n % 10)))
        ok = statuses.count(200)
        self.tap.ok(ok > 0, f'with room again {ok} of {len(statuses)} are '
                    'acknowledged')
        await self.all_complete(there, 'some room')

        s = there.pop()
        s.peer.send(FIN | TEXT, b'from the socket')
        payload = b''
        while payload != b'from the socket':
            payload = await s.peer.receive()
        s.peer.close()
        self.tap.ok(payload, 'one on the socket too')

    def suspend(self, pid):
        """It is not until it is that it accepts nobody any more."""
        def stands():
            with open(f'/proc/{pid}/stat', encoding='ascii') as f:
                return f.read().rpartition(')')[2].split()[0] == 'T'
        os.kill(pid, signal.SIGSTOP)
        self.nginx.wait(stands)

    async def suspended(self):
        """What a worker has not read is held until the zone is full."""
        one, two = self.nginx.workers()
        self.suspend(one)
        self.http.close()
        try:
            s = await self.subscribe('held')
        finally:
            os.kill(one, signal.SIGCONT)

        self.suspend(two)
        self.http.close()
        start = time.monotonic()
        try:
            await self.fill(s)
            if LONG:
                await self.hung(s, start)
            took = time.monotonic() - start
        finally:
            os.kill(two, signal.SIGCONT)

        if took < HUNG:
            await self.all_complete([s], 'a suspended worker')
        else:
            code = await self.ends(s.peer)
            self.tap.ok(code == 1013, f'suspended for {took:.0f} seconds: '
                        f'{code}')
        status, answer = await self.post('held', b'again')
        self.tap.ok(status in (200, 202), f'and then again {status} {answer}')
        s.peer.close()
        await self.delete('held')

    async def fill(self, s):
        n = 0
        while n < SIZE / 256 and await s.publish(
                f'{n} '.encode() + b'x' * 300) == 200:
            n += 1
        self.tap.ok(20 < n < SIZE / 256,
                    f'a suspended worker: full after {n} messages')

    async def hung(self, s, start):
        status = 507
        while status == 507 and time.monotonic() - start < 3 * HUNG:
            await asyncio.sleep(0.5)
            status, _ = await self.post(s.room, b'x' * 300)
        took = time.monotonic() - start
        self.tap.ok(status == 200 and took > HUNG - 1,
                    f'published again after {took:.1f} seconds: {status}')

    async def brief(self):
        statuses = set()
        for n in range(SIZE // 256):
            statuses.add((await self.post(f'b{n % 20}', b'x' * 100,
                                          location='brief'))[0])
        most = await self.used()
        self.tap.ok(statuses == {202} and most > SIZE / 2,
                    f'full of what is brief: {statuses}, {most} used')

    async def run(self):
        before = await self.used()
        pids = workers(self.nginx, 2)

        await self.histories()
        await self.lobby()
        await self.crowd()
        await self.suspended()
        await self.brief()

        after = await becomes(self.used, before)
        self.tap.ok(after == before, f'the zone is as empty as before '
                    f'({after}, {before} before)')

        fresh = [await self.subscribe(f'fresh{i}') for i in range(20)]
        statuses = {await s.publish(b'x' * 100) for s in fresh}
        self.tap.ok(statuses == {200}, f'and takes messages {statuses}')
        await self.all_complete(fresh, 'fresh')
        self.tap.ok(self.nginx.workers() == pids
                    and not self.nginx.alerts(),
                    f'no worker died, no alerts {self.nginx.alerts()[:3]}')


if __name__ == '__main__':
    raise_limit()
    tap = Tap()
    test = Test(tap)
    try:
        asyncio.run(test.run())
    finally:
        test.nginx.stop()
    tap.done()
