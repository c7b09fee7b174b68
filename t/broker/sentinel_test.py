"""
Sentinels: a user, a password and TLS of their own; one that is away; and a
master that another server takes the place of, which all connections follow when
it is told, while messages are published and read.  WEBSOCKET_LONG=1: three of
them, and the master is killed, ten times.
"""

import asyncio
import os
import socket
import tempfile
import time

from access_test import SECRET, certificates, password
from calm import Calm
from cluster import CONF, Cluster, publish
from failover_test import (CHANNELS, LONG, READERS, Publisher, Reader, Truth,
                           read_all, report)
from nginx import Nginx, Tap, free_port
from peer import becomes, workers
from redis_server import Redis, Sentinel, need_redis, redis

OWN = 'the-sentinels-word'
TIMES = int(os.environ.get('TIMES', 10 if LONG else 1))
RIGHTS = ('-@all +auth +ping +subscribe +sentinel|get-master-addr-by-name '
          '&+switch-master')


class Watched(Cluster):
    """Two nodes, a master, a replica and Sentinels; the first URLs are of one
    that is away, and of one that says nothing.  To be entered, and started."""

    def __init__(self, params='', lines=(), n=1, login=None, tls=None):
        super().__init__(0, f'wait=10s sentinel=main {params}',
                         ('--repl-diskless-sync-delay', '0'),
                         conf=CONF.replace('zone=live:2m', 'zone=live:32m'),
                         tls=tls)
        self.lines = lines
        self.login = login or {}
        self.number = n
        self.spare = None
        self.silent = socket.create_server(('127.0.0.1', 0))
        self.sentinels = []

    def __exit__(self, *_):
        for server in self.sentinels + [self.spare]:
            if server:
                server.__exit__()
        self.silent.close()
        super().__exit__()

    async def start(self):
        await self.replicate()
        for _ in range(self.number):
            self.sentinels.append(Sentinel(
                self.redis, *self.lines, quorum=self.number // 2 + 1))
            self.sentinels[-1].start()
        assert await becomes(self.ready, True)
        url = 'rediss://localhost' if self.redis.tls else 'redis://127.0.0.1'
        self.conf = self.conf.replace(
            f'redis://127.0.0.1:{self.redis.port}',
            ' '.join(f'{url}:{port}' for port in (
                free_port(), self.silent.getsockname()[1],
                *(s.port for s in self.sentinels))))
        for i in range(2):
            self.nodes.append(await asyncio.to_thread(
                Nginx, f'watched{i}', self.conf))
            workers(self.nodes[i], 2)

    async def replicate(self):
        self.spare = Redis('--replicaof', f'127.0.0.1 {self.redis.port}',
                           *self.redis.options, tls=self.redis.tls)
        await asyncio.to_thread(self.spare.start)

    async def ready(self):
        """Each Sentinel knows the others, and the replica."""
        for sentinel in self.sentinels:
            try:
                client = sentinel.client(**self.login)
                known = [r for r in client.sentinel_slaves('main')
                         if r['port'] == self.spare.port
                         and not r['is_odown'] and not r['is_sdown']
                         and r['master-link-status'] == 'ok']
                master = client.sentinel_master('main')
            except redis.exceptions.RedisError:
                return False
            if not known or master['port'] != self.redis.port \
                    or master['num-other-sentinels'] != self.number - 1:
                return False
        return True

    def told(self):
        """How often workers were told of a new master."""
        return sum(node.log().count('": the master is ')
                   for node in self.nodes)

    async def change(self, kill):
        """Another server is the master: how long until all can publish."""
        told = self.told()
        old, self.redis = self.redis, self.spare
        self.redis.options = old.options
        start = time.monotonic()
        if kill:
            await asyncio.to_thread(old.stop)
        else:
            self.sentinels[0].client(**self.login).execute_command(
                'SENTINEL', 'FAILOVER', 'main')

        async def switched():
            return self.told()
        await becomes(switched, told + 4)
        heard = time.monotonic() - start
        for port in self.ports:
            for i in range(4):
                await publish(port, 'c0', f'{port}-{start}-{i}')
        took = time.monotonic() - start
        if kill:
            await asyncio.to_thread(old.__exit__)
            await self.replicate()
        else:
            self.spare = old
        return self.told() - told, heard, took


async def follows(tap, name, kill, times, **how):
    with Watched(**how) as cluster:
        await cluster.start()
        truth = Truth()
        readers = [Reader(cluster.ports, f'c{i % CHANNELS}', truth)
                   for i in range(READERS)]
        publishers = [Publisher(cluster, f'{name[:3]}{i}', 0.1, truth)
                      for i in range(10)]
        while not all(r.last for r in readers):
            await asyncio.sleep(0.05)
        with Calm(cluster.nodes) as calm:
            for _ in range(times):
                assert await becomes(cluster.ready, True)
                told, heard, took = await cluster.change(kill)
                tap.ok(told == 4, f'{name}: all workers were told: {told}, '
                       f'after {heard:.2f} s; all published after {took:.2f} s')
        for p in publishers:
            p.stopping = True
        await asyncio.gather(*[p.task for p in publishers])
        behind = await read_all(readers, truth)
        report(tap, name, truth, readers, publishers, calm, times, behind,
               True, 10)
        for r in readers:
            r.task.cancel()
        for node in cluster.nodes:
            log = node.log()
            tap.ok(not node.alerts() and SECRET not in log and OWN not in log,
                   f'no alerts, no secrets: {node.alerts()[:2]}')


async def secured(tap, tmp):
    """The user has the rights of the manual."""
    certificates(tmp)
    await follows(
        tap, 'an operator', False, TIMES,
        params=f'trusted_certificate={tmp}/ca.pem sentinel_user=nginx '
        f'sentinel_password_file={password(tmp)}', tls=tmp,
        lines=(f'user default on >{OWN} ~* &* +@all',
               f'user nginx on >{SECRET} {RIGHTS}'), login={'password': OWN})


async def refused(tap, tmp):
    """Neither without a password, nor with a wrong one."""
    with Redis() as master, Sentinel(
            master, f'user default on >{OWN} ~* &* +@all') as sentinel:
        for params, words in (
                ('', 'NOAUTH'),
                (f'sentinel_password_file={password(tmp)}', 'WRONGPASS')):
            conf = CONF % {'url': f'redis://127.0.0.1:{sentinel.port}',
                           'params': f'sentinel=main {params}'}
            node = await asyncio.to_thread(Nginx, 'refused', conf)
            node.wait(lambda: words in node.log())
            tap.ok(SECRET not in node.log(), f'a Sentinel refuses: {words}')
            await asyncio.to_thread(node.stop)


async def run(tap):
    with tempfile.TemporaryDirectory() as tmp:
        os.chmod(tmp, 0o755)
        await refused(tap, tmp)
        await secured(tap, tmp)
    if LONG:
        await follows(tap, 'the master dies', True, TIMES, n=3)


if __name__ == '__main__':
    need_redis()
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
