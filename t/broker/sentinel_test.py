"""
A master, a replica and a Sentinel: the master is found by asking, and the other
one when it takes its place.  With WEBSOCKET_LONG=1: it takes ten seconds.
"""

import asyncio
import os
import subprocess
import sys

from cluster import Cluster, publish
from nginx import Nginx, Tap, default_signals, free_port
from peer import Closed, Peer, becomes, workers
from redis_server import Redis, need_redis, redis


class Sentinel:
    def __init__(self, master):
        self.port = free_port()
        self.path = f'{master.dir}/sentinel.conf'
        with open(self.path, 'w') as f:
            f.write(f'port {self.port}\nbind 127.0.0.1\nlogfile sentinel.log\n'
                    f'dir {master.dir}\n'
                    f'sentinel monitor main 127.0.0.1 {master.port} 1\n'
                    'sentinel down-after-milliseconds main 1000\n'
                    'sentinel failover-timeout main 3000\n')
        self.process = subprocess.Popen(['redis-sentinel', self.path],
                                        stdout=subprocess.DEVNULL,
                                        preexec_fn=default_signals)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


async def run(tap):
    with Cluster(0) as cluster, \
            Redis('--replicaof', f'127.0.0.1 {cluster.redis.port}') as replica:
        await becomes(lambda: attached(cluster.redis), 1)
        with Sentinel(cluster.redis) as sentinel:
            await fails_over(tap, cluster, sentinel, replica)


async def attached(master):
    return master.client().info('replication')['connected_slaves']


async def fails_over(tap, cluster, sentinel, replica):
    gone = free_port()
    cluster.conf = cluster.conf.replace(
        f'redis://127.0.0.1:{cluster.redis.port}',
        f'redis://127.0.0.1:{gone} redis://127.0.0.1:{sentinel.port} '
        'sentinel=main')
    for i in range(2):
        node = await asyncio.to_thread(Nginx, f'sentinel{i}', cluster.conf)
        cluster.nodes.append(node)
        workers(node, 2)
    a, b = cluster.ports

    reader = await Peer(b).websocket('/ws/c')
    status, _ = await publish(a, 'c', 'one')
    tap.ok(status == 200 and await reader.receive() == b'one',
           'the master is found, of two Sentinels one of which is away')

    async def synchronised():
        info = replica.client().info('replication')
        return info.get('master_link_status'), \
            replica.client().xlen('ws:s:c')
    await becomes(synchronised, ('up', 1))

    async def known():
        client = redis.Redis('127.0.0.1', sentinel.port)
        return len([r for r in client.sentinel_slaves('main')
                    if not r['is_odown'] and not r['is_sdown']
                    and r['master-link-status'] == 'ok'])
    await becomes(known, 1)
    cluster.redis.stop()

    status, answer = await publish(a, 'c', 'two')
    tap.ok(status in (200, 202) and replica.client().xlen('ws:s:c') > 0,
           f'the other one takes its place: {status}')
    try:
        text = await reader.receive()
    except Closed as e:
        text = e.code
    tap.ok(text == 1013, f'readers are told that it may have lost some: {text}')
    reader = await Peer(b).websocket('/ws/c')
    await publish(a, 'c', 'three')
    tap.ok(await reader.receive() == b'three', 'and all goes on')
    reader.close()
    for node in cluster.nodes:
        await asyncio.to_thread(node.stop)
    tap.ok(not cluster.alerts(), f'no alerts: {cluster.alerts()[:3]}')


if __name__ == '__main__':
    need_redis()
    if not os.environ.get('WEBSOCKET_LONG'):
        print('1..0 # SKIP without WEBSOCKET_LONG=1: make test-broker')
        sys.exit()
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
