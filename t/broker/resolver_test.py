"""
Names of servers, which nginx's resolver is asked for: while its server of names
is silent no worker waits, and what it said last is held on to.
"""

import asyncio
import contextlib
import time

from calm import Calm
from cluster import CONF, Cluster, publish
from nginx import Nginx, Tap
from peer import ask, becomes, workers
from redis_server import need_redis

NAMES = '''
    resolver 127.0.0.1:%d valid=1s ipv6=off;
    resolver_timeout 500ms;
'''


class Names(asyncio.DatagramProtocol):
    """A server of names: 127.0.0.1 is each of those that it knows."""

    def __init__(self):
        self.asked = 0
        self.silent = True
        self.transport = None

    async def start(self):
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, ('127.0.0.1', 0))
        return self.transport.get_extra_info('sockname')[1]

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        """RFC 1035, section 4: the question comes back, with an answer."""
        self.asked += 1
        if self.silent:
            return
        end = data.index(b'\0', 12) + 5
        known = data[12:end - 5].endswith(b'\4test')
        answer = b'\xc0\x0c\0\1\0\1' + bytes(4) + b'\0\4\x7f\0\0\1'
        self.transport.sendto(
            data[:2] + (b'\x81\x80' if known else b'\x81\x83')
            + b'\0\1' + bytes([0, known]) + bytes(4) + data[12:end]
            + (answer if known else b''), address)


async def run(tap):
    names = Names()
    conf = NAMES % await names.start() + CONF
    with Cluster(0, 'wait=500ms', conf=conf) as cluster:
        port = cluster.redis.port
        cluster.conf = cluster.conf.replace(f'redis://127.0.0.1:{port}',
                                            f'redis://redis.test:{port}')
        start = time.monotonic()
        node = await asyncio.to_thread(Nginx, 'names', cluster.conf)
        cluster.nodes.append(node)
        workers(node, 2)
        tap.ok(time.monotonic() - start < 5,
               'nginx starts without a server of names')
        await silent(tap, cluster, node, names)
        await found(tap, cluster, node, names)
        tap.ok(not node.alerts(), f'no alerts: {node.alerts()[:2]}')
        await asyncio.to_thread(node.stop)
    await sentinel(tap, names)
    names.transport.close()


async def silent(tap, cluster, node, names):
    async def asked():
        return names.asked > 0
    await becomes(asked, True)
    with Calm([node]) as calm:
        status, _ = await ask(node.port, 'POST', '/pub/c', '', b'x')
        await becomes(lambda: said(node, 'cannot be resolved (110'), True)
    tap.ok(status == 503 and not calm.held(),
           f'which does not answer: no worker waits ({calm})')


async def said(node, words):
    return words in node.log()


async def found(tap, cluster, node, names):
    names.silent = False
    status, answer = await publish(node.port, 'c', 'x')
    tap.ok(status == 202, f'it answers: the server is found: {status}')

    names.silent = True
    known = names.asked

    async def asked():
        """Until no worker may use the last answer any more."""
        cluster.client().execute_command('CLIENT', 'KILL', 'TYPE', 'normal')
        return names.asked > known + 1
    with Calm([node]) as calm:
        await becomes(asked, True)
        status, answer = await publish(node.port, 'c', 'y')
    tap.ok(status == 202 and not calm.held(),
           f'it is silent again: its last answer is held on to ({calm})')


async def sentinel(tap, names):
    """It tells the name of the master, not its address."""
    names.silent = False
    port = names.transport.get_extra_info('sockname')[1]
    for host, resolver, words in (
            ('master.test', NAMES % port, None),
            ('master.none', NAMES % port, 'cannot be resolved (3'),
            ('master.test', '', 'there is no "resolver"')):
        with Cluster(0, 'wait=500ms sentinel=main') as cluster:
            master = cluster.redis.port
            text = (f'*2\r\n${len(host)}\r\n{host}\r\n'
                    f'${len(str(master))}\r\n{master}\r\n').encode()

            async def answer(reader, writer, text=text):
                with contextlib.suppress(OSError):
                    while await reader.read(65536):
                        writer.write(text)
                writer.close()

            server = await asyncio.start_server(answer, '127.0.0.1', 0)
            at = server.sockets[0].getsockname()[1]
            node = await asyncio.to_thread(
                Nginx, 'sentinel', resolver + cluster.conf.replace(
                    f':{master}', f':{at}'))
            cluster.nodes.append(node)
            if words:
                tap.ok(await becomes(lambda: said(node, words), True),
                       f'a Sentinel tells a name: {words}')
            else:
                status, _ = await publish(node.port, 'c', 'x')
                tap.ok(status == 202, 'a Sentinel tells a name')
            await asyncio.to_thread(node.stop)
            server.close()


if __name__ == '__main__':
    need_redis()
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
