"""
Three nodes while things go: publishers that try again with a key until they are
answered, readers that come back on another node where they were.  Workers that
subscribe are killed, nodes reload, connections to Redis are cut.  Each reader
gets each message that was acknowledged, once and in order, and no position has
two messages.  WEBSOCKET_LONG=1: for a minute each.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections import defaultdict

from calm import Calm
from cluster import Cluster, seats
from nginx import TIMEOUT, Tap
from peer import BROKEN, Closed, Peer, ask, workers
from redis_server import need_redis

SECONDS = 60 if os.environ.get('WEBSOCKET_LONG') else 1
CHANNELS = [f'c{i}' for i in range(6)]
PAUSE = 0.01


class Events:
    """A reader of server-sent events: what it got, by positions."""

    def __init__(self, ports, channel):
        self.ports = list(ports)
        self.channel = channel
        self.last = None
        self.got = []           # positions and texts
        self.told = 0           # that something was missed
        self.cuts = 0
        self.connected = False
        random.shuffle(self.ports)
        self.task = asyncio.create_task(self.run())

    async def run(self):
        while True:
            peer = Peer(self.ports[self.cuts % len(self.ports)])
            headers = 'Accept: text/event-stream\r\n'
            if self.last:
                headers += f'Last-Event-ID: {self.last}\r\n'
            with contextlib.suppress(Closed, TimeoutError, *BROKEN):
                await peer.open(f'/ws/{self.channel}', headers)
                self.connected = True
                await self.read(peer)
            peer.close()
            self.cuts += 1
            await asyncio.sleep(0.02)

    async def read(self, peer):
        text = ''
        while True:
            size = int(await peer.reader.readuntil(b'\r\n'), 16)
            text += (await peer.reader.readexactly(size + 2))[:-2].decode()
            *events, text = text.split('\n\n')
            for event in events:
                self.take(dict(line.partition(': ')[::2]
                               for line in event.split('\n')))
            if size == 0:
                return

    def take(self, event):
        if event.get('event') == 'unrecovered' and self.last:
            self.told += 1
        if 'id' in event:

            # the first one tells where it begins, without a message

            self.last = event['id']
            if 'data' in event and 'event' not in event:
                self.got.append((event['id'], event['data']))


class Publisher:
    def __init__(self, ports, name, acked):
        self.ports = ports
        self.name = name
        self.acked = acked
        self.tries = 0
        self.stopping = False
        self.task = None

    def start(self):
        self.task = asyncio.create_task(self.run())
        return self

    async def run(self):
        n = 0
        while not self.stopping:
            await self.publish(random.choice(CHANNELS), f'{self.name}-{n}')
            n += 1
            await asyncio.sleep(PAUSE)

    async def publish(self, channel, text):
        while True:
            self.tries += 1
            with contextlib.suppress(Closed, TimeoutError, *BROKEN):
                status, answer = await ask(
                    random.choice(self.ports), 'POST', f'/pub/{channel}',
                    f'Idempotency-Key: {text}\r\n', text.encode())
                if status in (200, 202):
                    place = f'{answer["epoch"]}:{answer["offset"]}'
                    self.acked[channel].append((place, text))
                    return
            await asyncio.sleep(0.02)


def everything(reader, acked):
    """What is wrong with what a reader got, of what was acknowledged."""
    offsets = [int(p.split(':')[1]) for p, _ in reader.got]
    texts = dict(reader.got)
    lost = [a for a in acked[reader.channel] if texts.get(a[0]) != a[1]]
    problems = []
    if lost:
        problems.append(f'lost or another: {lost[:3]} of {len(lost)}')
    if offsets != sorted(set(offsets)):
        problems.append('twice, or not in order')
    if offsets and len(set(offsets)) != offsets[-1] - offsets[0] + 1:
        problems.append('a hole')
    return problems


async def while_it(tap, name, fault, pause, but=()):
    with Cluster(3) as cluster:
        acked = defaultdict(list)
        readers = [Events(cluster.ports, c) for c in CHANNELS for _ in '123']
        while not all(r.connected for r in readers):
            await asyncio.sleep(0.01)

        # from here on each reader is to get all

        first = Publisher(cluster.ports, 'first', acked)
        for channel in CHANNELS:
            await first.publish(channel, f'first of {channel}')
        await until(readers, acked)

        publishers = [Publisher(cluster.ports, f'p{i}', acked).start()
                      for i in range(4)]
        with Calm(cluster.nodes) as calm:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                await fault(cluster)
                await asyncio.sleep(pause)
        for p in publishers:
            p.stopping = True
        await asyncio.gather(*[p.task for p in publishers])

        await until(readers, acked)
        problems = [p for r in readers for p in everything(r, acked)]
        told = sum(r.told for r in readers)
        n = sum(map(len, acked.values()))
        for p in problems[:5]:
            print(f'# {p}', file=sys.stderr)
        tap.ok(not problems and not told and n > SECONDS * 10,
               f'{name}: {n} messages, {sum(r.cuts for r in readers)} readers '
               f'cut, {sum(p.tries for p in publishers)} tries, {told} told')
        tap.ok(not calm.held(), f'no worker waits: {calm}')
        for r in readers:
            r.task.cancel()
        alerts = cluster.alerts(but)
        tap.ok(not alerts, f'no alerts: {alerts[:2]}')


async def until(readers, acked):
    """Waits until all readers have all."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and any(everything(r, acked)
                                         for r in readers):
        await asyncio.sleep(0.1)


async def cut_subscriptions(cluster):
    cluster.client().execute_command('CLIENT', 'KILL', 'TYPE', 'pubsub')


async def cut_commands(cluster):
    cluster.client().execute_command('CLIENT', 'KILL', 'TYPE', 'normal',
                                     'SKIPME', 'yes')


async def kill(cluster):
    node = random.choice(cluster.nodes)
    with contextlib.suppress(OSError, IndexError):
        os.kill(random.choice(seats(cluster, node)), signal.SIGKILL)


async def reload(cluster):
    random.choice(cluster.nodes).process.send_signal(signal.SIGHUP)


async def run(tap):
    died = ('exited on signal 9',)
    await while_it(tap, 'subscriptions are cut', cut_subscriptions, 0.1)
    await while_it(tap, 'commands are cut', cut_commands, 0.1)
    await while_it(tap, 'who subscribes is killed', kill, 0.7, died)
    await while_it(tap, 'nodes reload', reload, 1)


if __name__ == '__main__':
    need_redis()
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
