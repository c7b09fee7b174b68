"""
Three nodes while replicas that lack acknowledged messages take their master's
place: publishers that try again with a key until they are answered, readers that
each time come back on another node where they were.  Nothing that was
acknowledged is lost, twice, or out of order; no position has two messages; and
no reader is told that it missed something, but where a node was away.
WEBSOCKET_LONG=1: 1,000 readers, 500 messages a second on 50 channels, for five
minutes each, or for SECONDS; ROWS names some of the faults.
"""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sys
import time

from calm import Calm
from cluster import CONF, Failover
from nginx import TIMEOUT, Tap, raise_limit
from peer import BROKEN, HOST, Closed, Http
from redis_server import need_redis

LONG = bool(os.environ.get('WEBSOCKET_LONG'))
READERS, CHANNELS, RATE = (1000, 50, 500) if LONG else (60, 10, 100)
SECONDS = int(os.environ.get('SECONDS', 300 if LONG else 5))
STAYS = (4, 12) if LONG else (0.3, 1)       # of a reader on a node, seconds
ROWS = os.environ.get('ROWS', '').split()

FAILOVER = CONF.replace('zone=live:2m', 'zone=live:64m')

EVENT = re.compile(rb'id: ([0-9a-f]{16}):(\d+)\ndata: ([^\n]*)\n\n'
                   rb'|id: ([0-9a-f]{16}:\d+)\n(event: unrecovered\n|\n)')


class Truth:
    """What was ever read or acknowledged, by channels and positions."""

    def __init__(self):
        self.texts = {}
        self.wrong = []
        self.acked = {}
        self.last = {}

    def at(self, channel, epoch, offset, text):
        place = channel, epoch, offset
        old = self.texts.setdefault(place, text)
        if old != text:
            self.wrong.append(f'{place} has {old} and {text}')

    def acknowledged(self, channel, epoch, offset, text):
        self.at(channel, epoch, offset, text)
        if self.acked.setdefault(text, (epoch, offset)) != (epoch, offset):
            self.wrong.append(f'{text} was acknowledged twice')
        self.last[channel] = max((epoch, offset),
                                 self.last.get(channel, ('', 0)))


class Stream(asyncio.Protocol):
    """One connection of a reader's."""

    def __init__(self, reader):
        self.reader = reader
        self.rest = b''
        self.end = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        last = self.reader.last
        last = f'Last-Event-ID: {last[0]}:{last[1]}\r\n' if last else ''
        transport.write(f'GET /ws/{self.reader.channel} HTTP/1.1\r\nHost: x\r\n'
                        f'Accept: text/event-stream\r\n{last}\r\n'.encode())

    def connection_lost(self, _):
        if not self.end.done():
            self.end.set_result(None)

    def data_received(self, data):
        if self.end.done():
            return
        data = self.rest + data
        past = 0
        for m in EVENT.finditer(data):
            past = m.end()
            self.reader.take(m)
        self.rest = data[past:]


class Reader:
    def __init__(self, ports, channel, truth):
        self.ports = ports
        self.channel = channel
        self.truth = truth
        self.where = random.randrange(len(ports))
        self.first = self.last = None
        self.cuts = self.told = self.n = 0
        self.task = asyncio.create_task(self.run())

    async def run(self):
        loop = asyncio.get_running_loop()
        while True:
            self.where = (self.where + 1) % len(self.ports)
            stream = Stream(self)
            transport = None
            with contextlib.suppress(OSError):
                transport, _ = await loop.create_connection(
                    lambda: stream, HOST, self.ports[self.where])
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stream.end, random.uniform(*STAYS))
                transport.abort()
            if transport is None:
                await asyncio.sleep(0.02)
            self.cuts += 1

    def take(self, m):
        if m[1]:
            epoch, offset = m[1].decode(), int(m[2])
            self.truth.at(self.channel, epoch, offset, m[3])
            self.n += 1
            if self.last and self.last[0] == epoch \
                    and offset != self.last[1] + 1:
                self.truth.wrong.append(
                    f'{self.channel} {epoch}: {offset} after {self.last[1]}')
            elif self.last and self.last[0] > epoch:
                self.truth.wrong.append(f'{epoch} after {self.last[0]}')
            elif self.last and self.last[0] < epoch:
                self.told += 1
            self.last = epoch, offset
        else:
            position = m[4].decode().split(':')
            position = position[0], int(position[1])
            if self.last and (self.last != position or len(m[5]) > 1):
                self.told += 1
            self.last = position


class Publisher:
    def __init__(self, cluster, name, pause, truth):
        self.cluster = cluster
        self.nodes = [Http(p) for p in cluster.ports]
        self.name = name
        self.pause = pause
        self.truth = truth
        self.tries = 0
        self.slowest = 0
        self.stopping = False
        self.task = asyncio.create_task(self.run())

    async def run(self):
        n = 0
        while not self.stopping:
            start = time.monotonic()
            await self.publish(f'c{random.randrange(CHANNELS)}',
                               f'{self.name}-{n}'.encode())
            n += 1
            took = time.monotonic() - start
            self.slowest = max(self.slowest, took)
            await asyncio.sleep(max(0, self.pause - took))

    async def publish(self, channel, text):
        headers = f'Idempotency-Key: {text.decode()}\r\n'
        while True:
            self.tries += 1
            with contextlib.suppress(Closed, TimeoutError, *BROKEN):
                node = random.choice(self.nodes)
                status, answer = await asyncio.wait_for(
                    node.request('POST', f'/pub/{channel}', headers, text), 15)
                if status in (200, 202):
                    answer = json.loads(answer)
                    self.truth.acknowledged(channel, answer['epoch'],
                                            answer['offset'], text)
                    return
            await asyncio.sleep(0.05)


async def read_all(readers, truth, timeout=TIMEOUT):
    """Waits until each reader has what was acknowledged last."""
    end = time.monotonic() + timeout
    while True:
        behind = [r for r in readers
                  if (r.last or ('', 0)) < truth.last.get(r.channel, ('', 0))]
        if not behind or time.monotonic() > end:
            return behind
        await asyncio.sleep(0.1)


async def chaos(tap, name, fault, every, silent):
    async with Failover(3, 'wait=10s', conf=FAILOVER) as cluster:
        truth = Truth()
        readers = [Reader(cluster.ports, f'c{i % CHANNELS}', truth)
                   for i in range(READERS)]
        while not all(r.last for r in readers):
            await asyncio.sleep(0.05)
        publishers = [Publisher(cluster, f'{name[:3]}{i}', 10 / RATE, truth)
                      for i in range(10)]
        with Calm(cluster.nodes) as calm:
            end = time.monotonic() + SECONDS
            faults = 0
            while time.monotonic() < end:
                start = time.monotonic()
                await fault(cluster)
                faults += 1
                await asyncio.sleep(max(0, every - (time.monotonic() - start)))
        for p in publishers:
            p.stopping = True
        await asyncio.gather(*[p.task for p in publishers])
        behind = await read_all(readers, truth)
        report(tap, name, truth, readers, publishers, calm, faults, behind,
               silent, SECONDS * RATE / 10)
        for r in readers:
            r.task.cancel()
        alerts = cluster.alerts(('exited on signal 9',))
        tap.ok(not alerts, f'no alerts: {alerts[:2]}')


def report(tap, name, truth, readers, publishers, calm, faults, behind,
           silent, least):
    told = sum(r.told for r in readers)
    for problem in truth.wrong[:5] + [
            f'{r.channel} is at {r.last}, not {truth.last[r.channel]}'
            for r in behind[:3]]:
        print(f'# {problem}', file=sys.stderr)
    print(f'# {name}: {faults} times, {len(truth.acked)} messages, '
          f'{sum(r.n for r in readers)} read, '
          f'{sum(r.cuts for r in readers)} reconnections, '
          f'{sum(p.tries for p in publishers) - len(truth.acked)} tries more, '
          f'a publish took {max(p.slowest for p in publishers):.1f} s at most, '
          f'told {told}; {calm}', file=sys.stderr)
    tap.ok(not truth.wrong and not behind
           and len(truth.acked) > least,
           f'{name}: {len(truth.acked)} messages, none lost, twice or out of '
           'order')
    tap.ok(silent is None or (told == 0) == silent,
           f'{told} readers told that they missed something')
    if silent is not None:      # no node was suspended
        tap.ok(not calm.held(), f'no worker waits: {calm}')


async def lossy(cluster):
    await cluster.fail_over(0.3)
    await cluster.replicate()


async def partial(cluster):
    """One node hangs while it happens."""
    node = random.choice(cluster.nodes)
    pids = [node.process.pid, *node.workers()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    await cluster.fail_over(0.3)
    await asyncio.sleep(4)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    await cluster.replicate()


async def operator(cluster):
    """The old master is there for a second more, and takes what it gets."""
    cluster.cut()
    old, cluster.redis, cluster.spare = cluster.redis, cluster.spare, None
    cluster.redis.options = old.options
    await asyncio.sleep(1)
    old.client().execute_command('REPLICAOF', HOST, cluster.redis.port)
    for kind in 'normal', 'pubsub':
        old.client().execute_command('CLIENT', 'KILL', 'TYPE', kind)
    await asyncio.sleep(0.2)
    old.__exit__()
    await cluster.replicate()


async def empty(cluster):
    cluster.redis.stop()
    cluster.redis.start()


async def hang(cluster):
    cluster.redis.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(5)
    cluster.redis.process.send_signal(signal.SIGCONT)


async def run(tap):
    rows = [('lossy failovers', lossy, 20 if LONG else 1, True)]
    if LONG:
        rows += [('a node is away at each', partial, 20, None),
                 ('an operator switches', operator, 15, True),
                 ('empty restarts', empty, 15, True),
                 ('hangs', hang, 15, True)]
    for name, fault, every, silent in rows:
        if not ROWS or any(name.startswith(row) for row in ROWS):
            await chaos(tap, name, fault, every, silent)


if __name__ == '__main__':
    need_redis()
    raise_limit()
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
