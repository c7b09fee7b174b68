"""
A replica takes its master's place that lacks what was acknowledged, or the
server comes back empty: the nodes put back what it lacks, at its place, and no
reader is told.  Where a node is away that may have something, all are told.
"""

import asyncio
import contextlib
import os
import signal
import sys

from cluster import (CONF, Failover, history, position, publish, seat,
                     subscribed)
from nginx import Tap
from peer import Closed, Peer, ask, becomes, workers
from redis_server import need_redis, redis

HEAL = CONF.replace('location = /plain', '''
        location ~ ^/brief/(.*)$ {
            websocket pubsub; websocket_channel $1;
            websocket_history length=0;
        }
        location ~ ^/in/(.*)$ {
            websocket pubsub; websocket_channel $1;
            websocket_presence on from=$arg_name; websocket_events join leave;
        }
        location ~ ^/who/(.*)$ {
            websocket_publish; websocket_channel $1; websocket_presence on;
        }
        location = /plain''').replace('zone=live:2m', 'zone=live:8m')


async def texts(reader, n):
    return [(await reader.receive()).decode() for _ in range(n)]


async def ready(cluster, port):
    """Waits until publishing works again."""
    return (await publish(port, 'ready', 'x'))[0] == 200


async def lossy(tap, cluster):
    a, b, c = cluster.ports
    readers = [await Peer(p).websocket('/ws/r') for p in (a, b, c)]
    brief = await Peer(b).websocket('/brief/brief')
    await publish(a, 'r', '0')
    await publish(a, 'kept', 'k0')
    for r in readers:
        await r.receive()
    hello = await Peer(a).open('/ws/fresh', 'Accept: text/event-stream\r\n')
    await hello.until(b'id: ')
    fresh = (await hello.until(b'\n')).decode().strip()
    hello.close()

    # more than is kept of what was published

    for i in range(30):
        await publish(a, 'large', f'{i} ' + 'x' * 50_000)
    client = cluster.client()
    client.set('unrelated', 1)
    tap.ok(client.wait(1, 10_000) == 1, 'the replica has all of that')

    # what the replica lacks: read by all, by one, by nobody; with a key

    cluster.cut()
    at = [position((await publish((a, b, c)[i % 3], 'r', str(i)))[1])
          for i in range(1, 20)]
    quiet = [position((await publish((a, b)[i % 2], 'quiet', str(i)))[1])
             for i in range(6)]
    keyed = position((await publish(a, 'kept', 'k1',
                                    'Idempotency-Key: one\r\n'))[1])
    short = position((await publish(a, 'brief', 'b'))[1])
    for i in range(30, 34):
        await publish(a, 'large', f'{i} ' + 'x' * 50_000)
    await publish(a, 'gone', 'x')
    await ask(b, 'DELETE', '/pub/gone')
    end = 'X-WebSocket-End: 1\r\n'
    ending = await Peer(c).websocket('/ws/ended')
    huge = await Peer(c).websocket('/ws/huge')
    await subscribed(cluster, 'huge', 1)
    text = 'x' * 700_000
    await publish(b, 'huge', text, 'Idempotency-Key: h\r\n', 'large')
    await publish(a, 'ended', 'last', end)
    await publish(b, 'bare', 'x')
    await ask(b, 'POST', '/pub/bare', end)
    await cluster.fail_over(0)

    _, answer = await publish(c, 'r', '20')
    tap.ok(position(answer) == f'{at[0].split(":")[0]}:21',
           f'a failover: the next one is {answer}')
    got = [await texts(r, 20) for r in readers]
    tap.ok(got == [[str(i) for i in range(1, 21)]] * 3,
           f'all readers go on: {[g[-3:] for g in got]}')
    both = [await history(p, 'r') for p in (a, b, c)]
    tap.ok(both == [[str(i) for i in range(21)]] * 3, 'all nodes have all')
    tap.ok(await history(c, 'quiet') == [str(i) for i in range(6)],
           'what nobody reads is there, too')
    large = [f.get(b'd', b'').split()[:1]
             for _, f in cluster.client().xrange('ws:s:large')]
    tap.ok(large == [[b'%d' % i] for i in range(34)],
           f'large ones, too: {large}')
    _, answer = await publish(b, 'quiet', '6')
    tap.ok(position(answer) == f'{quiet[0].split(":")[0]}:7', 'and goes on')
    _, answer = await publish(b, 'kept', 'k1', 'Idempotency-Key: one\r\n')
    tap.ok(position(answer) == keyed and await history(c, 'kept')
           == ['k0', 'k1'], 'a key is known')
    status, _ = await ask(c, 'POST', '/pub/kept', 'Idempotency-Key: one\r\n',
                          b'other')
    tap.ok(status == 422, f'and is not that of another body: {status}')
    got = [[(await ask(p, 'POST', f'/pub/{n}', '', b'x'))[0] for p in (a, b)]
           + await history(c, n) for n in ('ended', 'bare')]
    tap.ok(got == [[409, 409, 'last'], [409, 409, 'x']]
           and await texts(ending, 1) == ['last'],
           f'what has ended stays so: {got}')
    _, answer = await publish(a, 'huge', text, 'Idempotency-Key: h\r\n',
                              'large')
    tap.ok(await texts(huge, 1) == [text] and answer.get('duplicate')
           and await history(b, 'huge') == [text],
           'a message of more than 512 kB')
    ending.close()
    huge.close()
    _, answer = await publish(c, 'brief', 'c')
    tap.ok(int(position(answer).split(':')[1])
           == int(short.split(':')[1]) + 1
           and await texts(brief, 2) == ['b', 'c'],
           'a channel without history goes on')
    _, answer = await ask(c, 'GET', '/pub/gone')
    tap.ok(not answer.get('messages'), f'what was deleted stays so: {answer}')

    events = await Peer(c).open(
        '/ws/fresh', f'Accept: text/event-stream\r\nLast-Event-ID: {fresh}\r\n')
    await publish(a, 'fresh', 'first')
    text = await events.until(b'data: first')
    tap.ok(fresh.endswith(':0') and b'unrecovered' not in text
           and fresh[:-1].encode() + b'1' in text,
           f'a channel without messages is recovered: {fresh}, {text}')
    events.close()
    for r in [*readers, brief]:
        r.close()


async def renamed(tap, cluster):
    """A first replica has come, with which a server's replication ID is another
    one, although it has lost nothing; and some connections are made anew."""
    a, b, c = cluster.ports
    reader = await Peer(c).websocket('/ws/renamed')
    _, first = await publish(a, 'renamed', '0')
    await reader.receive()

    def generation():
        return cluster.client().info('replication')['master_replid'][:16]

    clients = [x['id'] for x in cluster.client().client_list(_type='normal')]
    for one in clients[::2]:
        with contextlib.suppress(redis.exceptions.ResponseError):
            cluster.client().client_kill_filter(_id=one)

    async def agreed():
        return cluster.client().get('ws:gen')[:16].decode() == generation()
    tap.ok(await becomes(agreed, True),
           'a server that has another ID: the nodes agree on it')
    last = [(await publish(p, 'renamed', str(i)))[1]
            for i, p in enumerate((a, b, c) * 4, 1)][-1]
    tap.ok(position(last) == f'{first["epoch"]}:13'
           and await texts(reader, 12) == [str(i) for i in range(1, 13)]
           and await becomes(agreed, True), f'and all goes on: {last}')
    reader.close()


async def members(tap, cluster):
    """Who is there, when the server has forgotten some who came and went."""
    a, b, c = cluster.ports
    await cluster.replicate()
    peers = [await Peer(p).websocket(f'/in/m?name={i}')
             for i, p in enumerate((a, b, c))]
    stays = await becomes(lambda: who(a, 'm'), ['0', '1', '2'])
    late = await Peer(c).websocket('/in/other?name=late')
    await becomes(lambda: who(a, 'other'), ['late'])
    cluster.cut()
    peers[0].close()
    await becomes(lambda: who(b, 'm'), ['1', '2'])
    late.close()
    await becomes(lambda: who(b, 'other'), [])
    peers.append(await Peer(b).websocket('/in/m?name=3'))
    await becomes(lambda: who(b, 'm'), ['1', '2', '3'])
    await cluster.fail_over(0)
    await ready(cluster, a)
    tap.ok(stays == ['0', '1', '2']
           and await becomes(lambda: who(a, 'm'), ['1', '2', '3'])
           == ['1', '2', '3'], f'who is there: {await who(a, "m")}')
    tap.ok(await becomes(lambda: who(a, 'other'), []) == [],
           f'who went is not: {await who(a, "other")}')
    for peer in peers:
        peer.close()
    tap.ok(await becomes(lambda: who(c, 'm'), []) == [], 'and all leave')


async def who(port, channel):
    status, answer = await ask(port, 'GET', f'/who/{channel}?presence=1')
    return sorted(m['from'] for m in answer['presence']) \
        if status == 200 else [] if status == 404 else status


async def empty(tap, cluster):
    a, b, c = cluster.ports
    reader = await Peer(b).websocket('/ws/e')
    joined = await Peer(b).websocket('/in/e2?name=ann')
    await publish(a, 'e', '0')
    await reader.receive()
    tasks = [asyncio.create_task(publish(a, 'e', str(i)))
             for i in range(1, 40)]
    cluster.redis.stop()
    await asyncio.sleep(0.1)
    cluster.redis.start()
    answers = [await t for t in tasks]
    got = await texts(reader, 39)
    offsets = sorted(x['offset'] for _, x in answers)
    tap.ok(offsets == list(range(2, 41)) and len(set(got)) == 39,
           f'an empty server: {offsets}, {len(got)}')
    tap.ok(await becomes(lambda: who(c, 'e2'), ['ann']) == ['ann'],
           'those who are there are told to it')
    reader.close()
    joined.close()


async def again(tap, cluster):
    """The seat is killed while it heals, and the server goes once more."""
    a, b, c = cluster.ports
    reader = await Peer(b).websocket('/ws/again')
    for i in range(50):
        await publish(a, 'again', str(i))
    await texts(reader, 50)
    pid = await seat(cluster, cluster.nodes[2])
    cluster.redis.stop()
    cluster.redis.start()
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.15)
    cluster.redis.stop()
    cluster.redis.start()
    _, answer = await publish(a, 'again', '50')
    tap.ok(answer['offset'] == 51 and await texts(reader, 1) == ['50'],
           f'it goes while it is healed, and so does a worker: {answer}')
    reader.close()
    workers(cluster.nodes[2], 2)


async def partial(tap, cluster):
    """A node is away that may have something: everybody is told."""
    a, b, c = cluster.ports
    reader = await Peer(b).websocket('/ws/p')
    _, first = await publish(a, 'p', '0')
    await reader.receive()
    node = cluster.nodes[2]
    pids = [node.process.pid, *node.workers()]
    cluster.cut()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    await cluster.fail_over(0)
    _, answer = await publish(a, 'p', '1')
    tap.ok(answer['epoch'] != first['epoch'] and answer['offset'] == 1,
           'a node is away: a new epoch')
    code = None
    with contextlib.suppress(TimeoutError):
        try:
            await reader.receive()
        except Closed as e:
            code = e.code
    tap.ok(code == 1013, f'of which readers are told: {code}')
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    status, _ = await publish(c, 'p', '2')
    tap.ok(status == 200 and await history(c, 'p') == ['1', '2']
           == await history(b, 'p'), 'it comes back, and has the same')
    reader.close()


async def run(tap):
    async with Failover(3, 'wait=10s', conf=HEAL) as cluster:
        await renamed(tap, cluster)
        await lossy(tap, cluster)
        await members(tap, cluster)
        await empty(tap, cluster)
        await again(tap, cluster)
        await cluster.replicate()
        await partial(tap, cluster)
        alerts = cluster.alerts(('exited on signal 9',))
        tap.ok(not alerts, f'no alerts: {alerts[:2]}')


if __name__ == '__main__':
    need_redis()
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
