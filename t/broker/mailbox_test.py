"""
What applications and clients say to sessions at other workers, on one node and
on two, while workers are killed and reloaded: each session that lives is told
all of it, once, in order.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import signal
import sys
import time

from cluster import Cluster
from nginx import TIMEOUT, Nginx, Tap
from peer import FIN, HOST, TEXT, Closed, Http, Peer, ask, workers
from redis_server import need_redis

SECONDS = 3
CLIENTS = 24
STEP = 1000                     # seconds between the ends of two refreshes

CONF = '''
    websocket_broker main %(url)s %(params)s;
    websocket_zone zone=live:4m broker=main;
    ''' + (SERVER := '''
    websocket_drain 100ms;
    websocket_close_timeout 300ms;
    keepalive_requests 1000000;
    websocket_namespace default { subscribe client anonymous; }
    server {
        listen 127.0.0.1:$PORT;
        location = /connect {
            websocket centrifuge; websocket_anonymous on;
            websocket_transports websocket http_stream;
        }
        location = /emulation { websocket_emulation; }
        location /api/ { allow 127.0.0.1; deny all; rewrite ^ /in$uri; }
        location /in/ { internal; websocket_api insecure; }
    }
''')


class Storm:
    def __init__(self, nodes):
        self.nodes = nodes
        self.end = time.monotonic() + SECONDS
        self.begin = int(time.time())
        self.sure = set()       # the numbers of calls that were answered
        self.last = 0
        self.settled = asyncio.Event()
        self.lives = 0          # of sessions
        self.told = 0
        self.faults = []

    def port(self):
        return random.choice(self.nodes).port

    async def calls(self):
        """An application that refreshes all clients, again and again."""
        http = [Http(node.port) for node in self.nodes]
        while time.monotonic() < self.end or self.last not in self.sure:
            self.last += 1
            body = {'user': '', 'expire_at': self.begin + STEP * self.last}
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                status, text = await random.choice(http).request(
                    'POST', '/api/refresh', body=json.dumps(body).encode())
                if status == 200 and b'result' in text:
                    self.sure.add(self.last)
            await asyncio.sleep(0.01)
        self.settled.set()

    def number(self, text):
        push = re.search(rb'"refresh":{"expires":true,"ttl":(\d+)', text)
        return push and round((int(push[1]) + time.time() - self.begin) / STEP)

    def check(self, seen, number):
        """A client is told a number, after those that it has seen."""
        if seen:
            missed = [n for n in range(seen[-1] + 1, number) if n in self.sure]
            if number <= seen[-1] or missed:
                self.faults.append((seen[-3:], number))
        seen.append(number)
        self.told += 1

    async def client(self):
        """One that is told of all since it has connected, and comes back."""
        while not self.settled.is_set():
            peer = Peer(self.port())
            try:
                await peer.websocket('/connect')
                peer.send(FIN | TEXT, b'{"id":1,"connect":{}}')
                await self.session(peer)
            except (Closed, OSError):
                await asyncio.sleep(random.random() / 10)
            finally:
                peer.close()

    async def session(self, peer):
        seen = []
        while not seen or seen[-1] < self.last or not self.settled.is_set():
            text = asyncio.create_task(peer.receive())
            settled = asyncio.create_task(self.settled.wait())
            await asyncio.wait((text, settled), timeout=TIMEOUT,
                               return_when=asyncio.FIRST_COMPLETED)
            settled.cancel()
            if self.settled.is_set() and not text.done():
                await asyncio.wait((text,), timeout=5 if seen else 0.1)
                if not text.done():
                    if seen and seen[-1] < self.last:
                        self.faults.append((seen[-3:], 'and no more'))
                    text.cancel()
                    return

            text = await text
            if b'"connect"' in text:
                self.lives += 1
            if text == b'{}':
                peer.send(FIN | TEXT, b'{}')
            if number := self.number(text):
                self.check(seen, number)

    async def stream(self):
        """One whose commands come in requests of their own, to any worker."""
        while time.monotonic() < self.end:
            with contextlib.suppress(OSError, EOFError, ValueError,
                                     TimeoutError):
                await self.one_stream()
            await asyncio.sleep(0.02)

    async def one_stream(self):
        reader, writer = await asyncio.open_connection(HOST, self.port())
        with contextlib.closing(writer):
            body = b'{"id":1,"connect":{}}'
            writer.write(b'POST /connect HTTP/1.1\r\nHost: x\r\n'
                         b'Content-Length: %d\r\n\r\n%s' % (len(body), body))
            text = b''
            while b'"node":"' not in text:
                text += await self.some(reader)
            session, node = re.search(
                rb'"session":"([^"]+)","node":"([^"]+)"', text).groups()
            sender = asyncio.create_task(self.send(session, node))
            try:
                answered = 1
                while time.monotonic() < self.end:
                    text += await self.some(reader)
                    *lines, text = text.split(b'\n')
                    for line in lines:
                        if found := re.search(rb'{"id":(\d+),"error"', line):
                            if int(found[1]) != answered + 1:
                                self.faults.append((answered, line))
                            answered = int(found[1])
                            self.told += 1
            finally:
                sender.cancel()

    @staticmethod
    async def some(reader):
        data = await asyncio.wait_for(reader.read(65536), 1)
        if not data:
            raise EOFError
        return data

    async def send(self, session, node):
        for i in itertools.count(2):
            body = json.dumps({'session': session.decode(),
                               'node': node.decode(),
                               'data': '{"id":%d,"rpc":{"method":"x"}}' % i})
            # until it is taken: then the next one may go
            while True:
                if time.monotonic() > self.end:
                    return
                try:
                    status, _ = await ask(self.port(), 'POST', '/emulation',
                                          body=body.encode())
                except Closed:
                    return      # perhaps taken: this session is over for us
                if status == 204:
                    break
                if status != 503:
                    return

    async def enemy(self):
        while time.monotonic() < self.end - 0.5:
            await asyncio.sleep(0.3)
            node = random.choice(self.nodes)
            if random.random() < 0.3:
                node.process.send_signal(signal.SIGHUP)
            elif pids := node.workers():
                with contextlib.suppress(OSError):
                    os.kill(random.choice(pids), signal.SIGKILL)

    async def run(self):
        await asyncio.wait_for(asyncio.gather(
            self.calls(), self.enemy(), self.stream(), self.stream(),
            *[self.client() for _ in range(CLIENTS)]), SECONDS + TIMEOUT)


async def storm(tap, nodes, what):
    one = Storm(nodes)
    await one.run()
    tap.ok(not one.faults and one.told > CLIENTS and one.lives > CLIENTS,
           f'{what}: {one.last} calls, {one.lives} sessions, told {one.told} '
           f'times: {one.faults[:5]}')


def main():
    need_redis()
    tap = Tap()
    mine = ('exited on signal 9', 'sendmsg() failed (32: Broken pipe)')

    node = Nginx('mailbox', 'websocket_zone zone=live:4m;' + SERVER)
    try:
        workers(node, 2)
        asyncio.run(storm(tap, [node], 'one node'))
        tap.ok(not node.alerts(mine), f'no alerts: {node.alerts(mine)}')
    finally:
        node.stop()

    with Cluster(2, conf=CONF) as cluster:
        asyncio.run(storm(tap, cluster.nodes, 'two nodes'))
        tap.ok(not cluster.alerts(mine), f'no alerts: {cluster.alerts(mine)}')

    sys.exit(tap.done())


if __name__ == '__main__':
    main()
