"""
Several nginx and one Redis, for the tests of brokers.
"""

import asyncio
import contextlib
import os
import time

from nginx import Nginx, TIMEOUT
from peer import Peer, ask, becomes, workers
from redis_server import Redis

CONF = '''
    websocket_broker main %(url)s %(params)s;
    websocket_zone zone=live:2m broker=main;
    websocket_history length=1000 time=1h;
    websocket_drain 100ms;
    websocket_close_timeout 300ms;
    add_header X-Worker $pid always;
    server {
        listen 127.0.0.1:$PORT;
        location ~ ^/ws/(.*)$ { websocket pubsub; websocket_channel $1; }
        location ~ ^/large/(.*)$ {
            websocket_publish; websocket_channel $1;
            websocket_max_message_size 8m; client_max_body_size 8m;
        }
        location ~ ^/two/(.*)/(.*)$ {
            websocket subscribe; websocket_channel $1 $2;
        }
        location ~ ^/pub/(.*)$ { websocket_publish; websocket_channel $1; }
        location ~ ^/stamp/(.*)$ {
            websocket_publish; websocket_channel $1;
            websocket_stamp sequence;
        }
        location = /status { websocket_status json; }
        location = /metrics { websocket_status prometheus; }
        location = /health { websocket_status health; }
        location = /plain { return 200 "{}"; }
    }
'''


class Cluster:
    """with Cluster(2) as cluster: cluster.nodes, cluster.redis"""

    def __init__(self, n=2, params='wait=5s', options=(), url=None, conf=CONF,
                 tls=None):
        self.redis = Redis(*options, tls=tls)
        self.url = url or f'redis://127.0.0.1:{self.redis.port}'
        self.conf = conf % {'url': self.url, 'params': params}
        self.n = n
        self.nodes = []

    def __enter__(self):
        self.redis.start()
        with contextlib.ExitStack() as stack:
            stack.callback(self.__exit__)
            for i in range(self.n):
                self.nodes.append(Nginx(f'node{i}', self.conf))
            for node in self.nodes:
                workers(node, 2)
            stack.pop_all()
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            if node.process.poll() is None:
                node.stop()
        self.redis.__exit__()

    @property
    def ports(self):
        return [node.port for node in self.nodes]

    def client(self):
        return self.redis.client()

    def alerts(self, but=()):
        return [line for node in self.nodes for line in node.alerts(but)]


class Failover(Cluster):
    """A master with a replica, and one who answers as a Sentinel: to be
    entered with async with."""

    def __init__(self, n=3, params='', **rest):
        super().__init__(n, params + ' sentinel=main',
                         ('--repl-diskless-sync-delay', '0'),
                         'redis://127.0.0.1:%(sentinel)s', **rest)
        self.spare = None
        self.server = None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.answer, '127.0.0.1', 0)
        port = self.server.sockets[0].getsockname()[1]
        self.conf = self.conf.replace('%(sentinel)s', str(port))
        await asyncio.to_thread(self.__enter__)
        try:
            await self.replicate()
        except BaseException:
            self.__exit__()
            raise
        return self

    async def __aexit__(self, *_):
        await asyncio.to_thread(self.__exit__)
        self.server.close()

    def __exit__(self, *_):
        if self.spare:
            self.spare.__exit__()
        super().__exit__()

    async def answer(self, reader, writer):
        """Whatever is asked: where the master is."""
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                port = str(self.redis.port)
                writer.write(b'*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n'
                             % (len(port), port.encode()))
        writer.close()

    async def replicate(self):
        self.spare = await asyncio.to_thread(Redis(
            '--replicaof', f'127.0.0.1 {self.redis.port}',
            *self.redis.options).start)

        async def state():
            slave = self.client().info('replication').get('slave0', {})
            return slave.get('state')
        assert await becomes(state, 'online') == 'online'

    def cut(self):
        """From now on the replica lacks what the master is given."""
        self.spare.client().execute_command('REPLICAOF', 'NO', 'ONE')

    async def fail_over(self, lag=0.3):
        """The master dies, when for so long its replica has lagged behind."""
        self.cut()
        await asyncio.sleep(lag)
        old, self.redis, self.spare = self.redis, self.spare, None
        self.redis.options = old.options
        old.__exit__()


def seats(cluster, nginx):
    """Its workers that have two connections to Redis: one subscribes."""
    wanted = f':{cluster.redis.port:04X}'
    found = []
    for pid in nginx.workers():
        with open(f'/proc/{pid}/net/tcp') as f:
            inodes = {line.split()[9] for line in f
                      if line.split()[2].endswith(wanted)}
        own = set()
        for fd in os.listdir(f'/proc/{pid}/fd'):
            with contextlib.suppress(OSError):
                own.add(os.readlink(f'/proc/{pid}/fd/{fd}'))
        if len({f'socket:[{i}]' for i in inodes} & own) == 2:
            found.append(pid)
    return found


async def seat(cluster, nginx):
    """The one."""
    async def one():
        return len(seats(cluster, nginx))
    await becomes(one, 1)
    return seats(cluster, nginx)[0]


async def publish(port, channel, text, headers='', where='pub'):
    """The answer of a publish that was accepted, tried until it is."""
    end = time.monotonic() + TIMEOUT
    while True:
        status, answer = await ask(port, 'POST', f'/{where}/{channel}', headers,
                                   text.encode())
        if status in (200, 202) or time.monotonic() > end:
            return status, answer
        await asyncio.sleep(0.05)


async def history(port, channel):
    """The texts of a channel."""
    status, answer = await ask(port, 'GET', f'/pub/{channel}?limit=1000')
    return [m['data'] for m in answer.get('messages', [])] \
        if status == 200 else status


def position(answer):
    return f'{answer["epoch"]}:{answer["offset"]}'


async def subscribed(cluster, channel, n):
    """Waits until so many nodes hear the channel."""
    async def heard():
        return cluster.client().pubsub_numsub(f'ws:c:{channel}')[0][1]
    return await becomes(heard, n)


class Proxy:
    """Between nginx and Redis: deaf, it swallows what subscribers are told."""

    def __init__(self, port):
        self.redis = port
        self.deaf = False
        self.server = None

    async def start(self):
        self.server = await asyncio.start_server(self.pass_on, '127.0.0.1', 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def pass_on(self, reader, writer):
        with contextlib.suppress(OSError):
            r, w = await asyncio.open_connection('127.0.0.1', self.redis)
            kind = {'subscribes': False}
            await asyncio.gather(self.pump(reader, w, kind, True),
                                 self.pump(r, writer, kind, False))

    async def pump(self, reader, writer, kind, up):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                kind['subscribes'] |= up and b'SUBSCRIBE' in data
                if up or not (self.deaf and kind['subscribes']):
                    writer.write(data)
        writer.close()


class Reader:
    """A subscriber that keeps what it gets, and comes back where it was, on
    another node each time that it is cut off."""

    def __init__(self, ports, channel):
        self.ports = ports
        self.channel = channel
        self.got = []
        self.task = asyncio.create_task(self.run())

    async def run(self):
        i, since = 0, ''
        while True:
            peer = Peer(self.ports[i % len(self.ports)])
            i += 1
            with contextlib.suppress(Exception):
                await peer.websocket(f'/ws/{self.channel}{since}')
                while True:
                    self.got.append((await peer.receive()).decode())
            peer.close()
            await asyncio.sleep(0.01)
