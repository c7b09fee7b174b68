"""
Two nginx with one Redis: what is published on one is read on the other, in
one order, with positions that both know; and what happens when connections,
workers and the server go.
"""

import asyncio
import os
import re
import signal
import sys
import time

from calm import Calm
from cluster import (CONF, Cluster, Proxy, history, position, publish, seat,
                     subscribed)
from nginx import TIMEOUT, Nginx, Tap
from peer import (FIN, TEXT, Closed, Http, Peer, ask, becomes, workers)
from redis_server import need_redis

LARGE = CONF.replace('zone=live:2m', 'zone=live:32m')
NUMBERS = [str(i) for i in range(20)]


async def together(tap, cluster):
    a, b = cluster.ports
    reader = await Peer(b).websocket('/ws/c')
    other = await Peer(a).websocket('/ws/c')

    status, answer = await publish(a, 'c', 'one')
    tap.ok(status == 200 and answer['offset'] == 1 and answer['nodes'] == 2
           and answer['subscribers'] == 1, 'a message, heard on both nodes')
    tap.ok(await reader.receive() == b'one' and await other.receive() == b'one',
           'and read there')

    reader.send(FIN | TEXT, b'two')
    other.send(FIN | TEXT, b'three')
    one = [await reader.receive(), await reader.receive()]
    two = [await other.receive(), await other.receive()]
    tap.ok(one == two and sorted(one) == [b'three', b'two'],
           'of two sessions at once, in one order')

    both = [await publish(p, 'c', t) for p, t in ((a, 'x'), (b, 'y'))]
    tap.ok([x['offset'] for _, x in both] == [4, 5]
           and len({x['epoch'] for _, x in both}) == 1,
           'both nodes give the same positions')

    await asyncio.gather(*[publish((a, b)[i % 2], 'many', n)
                           for i, n in enumerate(NUMBERS)])
    texts = await history(a, 'many')
    tap.ok(sorted(texts, key=int) == NUMBERS and await history(b, 'many')
           == texts, 'a history that neither has read before')
    reader.close()
    other.close()


async def streams(tap, cluster):
    a, b = cluster.ports
    events = await Peer(b).open('/ws/s', 'Accept: text/event-stream\r\n')
    _, answer = await publish(a, 's', 'event')
    text = await events.until(b'data: event')
    tap.ok(position(answer).encode() in text, 'server-sent events')
    events.close()

    await publish(a, 's', 'later')
    status, poll = await ask(b, 'GET', f'/ws/s?since={position(answer)}',
                             'Accept: application/json\r\n')
    tap.ok(status == 200 and [m['data'] for m in poll['messages']]
           == ['later'], 'a poll from a position of the other node')

    two = await Peer(b).websocket('/two/s/t')
    await publish(a, 's', 'of s')
    await publish(a, 't', 'of t')
    got = [await two.receive(), await two.receive()]
    tap.ok(sorted(got) == [b'of s', b'of t'], 'two channels')
    two.close()

    await publish(a, 'n', '{"a":1}', where='stamp')
    await publish(b, 'n', '{"a":2}', where='stamp')
    one, two = [await history(p, 'n') for p in (a, b)]
    tap.ok(one == two and [f'"sequence":{i + 1}' in t.replace(' ', '')
                           for i, t in enumerate(one)] == [True, True],
           f'a stamp is the place that all agree on: {one}')


async def recovers(tap, cluster):
    a, b = cluster.ports
    _, first = await publish(a, 'r', '0')
    for n in NUMBERS[1:]:
        await publish(a, 'r', n)
    peer = await Peer(b).websocket(f'/ws/r?since={position(first)}')
    tap.ok([(await peer.receive()).decode() for _ in NUMBERS[1:]]
           == NUMBERS[1:], 'who comes back on the other node misses nothing')
    peer.close()


async def keys(tap, cluster):
    a, b = cluster.ports
    key = 'Idempotency-Key: k1\r\n'
    _, one = await publish(a, 'k', 'once', key)
    _, two = await publish(b, 'k', 'once', key)
    tap.ok(two.get('duplicate') and position(one) == position(two)
           and await history(b, 'k') == ['once'],
           'a key is one message on all nodes')

    status, answer = await ask(b, 'POST', '/pub/k', key, b'another')
    tap.ok(status == 422
           and answer['error']['code'] == 'idempotency_mismatch'
           and await history(a, 'k') == ['once'],
           'which is not that of another body')


async def deletes(tap, cluster):
    a, b = cluster.ports
    await publish(a, 'd', 'gone')
    reader = await Peer(b).websocket('/ws/d')
    status, _ = await ask(a, 'DELETE', '/pub/d')
    try:
        await reader.receive()
        code = None
    except Closed as e:
        code = e.code
    tap.ok(status == 200 and code == 1000, 'a deleted channel ends elsewhere')
    tap.ok(await history(a, 'd') == 404
           and await becomes(lambda: history(b, 'd'), 404) == 404,
           'and is gone everywhere')
    await publish(b, 'd', 'new')
    tap.ok(await becomes(lambda: history(a, 'd'), ['new']) == ['new'],
           'until it begins anew')
    status, _ = await ask(a, 'DELETE', '/pub/never')
    tap.ok(status == 404, 'what never was is not deleted')


END = 'X-WebSocket-End: 1\r\n'


async def closed(reader):
    """What comes, and the code of the Close after it."""
    got = []
    try:
        while True:
            got.append((await reader.receive()).decode())
    except Closed as e:
        return [*got, e.code]


async def ends(tap, cluster):
    """A channel ends on all nodes, after the same message."""
    a, b = cluster.ports
    readers = [await Peer(p).websocket('/ws/end') for p in (a, b)]
    await publish(a, 'end', 'one')
    _, last = await publish(b, 'end', 'last', END)
    tap.ok([await closed(r) for r in readers] == [['one', 'last', 1000]] * 2
           and last['offset'] == 2, f'an end, on all nodes: {last}')

    refused = [await ask(p, 'POST', '/pub/end', '', b'x') for p in (a, b)]
    again = [await ask(p, 'POST', '/pub/end', END) for p in (a, b)]
    tap.ok([(s, x['error']['code']) for s, x in refused + again]
           == [(409, 'ended')] * 4, f'after which there is nothing: {refused}')

    cold = await asyncio.to_thread(Nginx, 'cold', cluster.conf)
    late = await Peer(cold.port).websocket(f'/ws/end?since={last["epoch"]}:1')
    got = [await closed(late), await history(cold.port, 'end')]
    tap.ok(got == [['last', 1000], ['one', 'last']],
           f'who comes late, on a node that never read it: {got}')
    await asyncio.to_thread(cold.stop)

    reader = await Peer(b).websocket('/ws/bare')
    await publish(a, 'bare', 'one')
    got = [await ask(a, 'POST', '/pub/bare', END), await closed(reader)]
    tap.ok(got[0][0] == 200 and got[0][1]['offset'] == 1
           and got[1] == ['one', 1000], f'an end without a message: {got}')
    reader = await Peer(b).websocket('/ws/never')
    await ask(a, 'POST', '/pub/never', END)
    late = await Peer(a).websocket('/ws/never')
    got = [await closed(reader), await closed(late),
           (await ask(b, 'POST', '/pub/never', '', b'x'))[0]]
    tap.ok(got == [[1000], [1000], 409], f'and of nothing: {got}')

    key = 'Idempotency-Key: e\r\n' + END
    one, two = [await ask(p, 'POST', '/pub/kend', key, b'x') for p in (a, b)]
    tap.ok(two[1].get('duplicate') and position(one[1]) == position(two[1]),
           f'a retry of the last one is known: {two}')

    await ask(b, 'DELETE', '/pub/end')
    _, new = await publish(a, 'end', 'new')
    tap.ok(new['epoch'] > last['epoch']
           and await becomes(lambda: history(b, 'end'), ['new']) == ['new'],
           f'it is deleted, and begins anew: {new}')


def large(i):
    return f'{i} ' + 'x' * (700_000 + 1_000_000 * (i % 3)) + f' {i}'


async def larges(tap, cluster):
    """Messages of more than 512 kB, by which no worker is held."""
    a, b = cluster.ports
    reader = await Peer(b).websocket('/ws/l')
    await publish(a, 'l', 'first')
    await subscribed(cluster, 'l', 1)
    reading = asyncio.create_task(texts(reader, 7))
    with Calm(cluster.nodes) as calm:
        answers = [await publish((a, b)[i % 2], 'l', large(i), where='large')
                   for i in range(6)]
        got = await reading
    tap.ok(got == ['first', *map(large, range(6))]
           and [x['offset'] for _, x in answers] == list(range(2, 8)),
           'large messages')
    tap.ok(not calm.held(), f'by which no worker is held: {calm}')
    cluster.client().execute_command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    cluster.client().execute_command('CLIENT', 'KILL', 'TYPE', 'normal',
                                     'SKIPME', 'yes')
    reading = asyncio.create_task(texts(reader, 1))
    await publish(a, 'l', large(6), 'Idempotency-Key: l\r\n', 'large')
    _, answer = await publish(b, 'l', large(6), 'Idempotency-Key: l\r\n',
                              'large')
    tap.ok(await reading == [large(6)] and answer.get('duplicate'), 'when connections are cut, too')
    got, since = [], ''
    while len(got) < 8:
        _, page = await ask(a, 'GET', f'/pub/l?limit=1000{since}')
        got += [m['data'].split()[0] for m in page['messages']]
        since = f'&since={page["epoch"]}:{page["messages"][-1]["offset"]}'
    tap.ok(got == ['first', *map(str, range(7))], f'in the history: {got}')
    reader.close()


async def texts(reader, n):
    return [(await reader.receive()).decode() for _ in range(n)]


async def numbers(port, channel, first, n, pause=0.005):
    for i in range(first, first + n):
        await publish(port, channel, str(i))
        await asyncio.sleep(pause)


async def reads(peer, first, n):
    """Whether these numbers come, each once and in order."""
    try:
        got = [int(await peer.receive()) for _ in range(n)]
    except (Closed, TimeoutError, ValueError) as e:
        print(f'# {e!r}', file=sys.stderr)
        return False
    if got != list(range(first, first + n)):
        print(f'# {got}', file=sys.stderr)
    return got == list(range(first, first + n))


async def gaps(tap, cluster):
    """The subscription is cut, again and again."""
    a, b = cluster.ports
    reader = await Peer(b).websocket('/ws/gap')
    await subscribed(cluster, 'gap', 1)
    client = cluster.client()
    task = asyncio.create_task(numbers(a, 'gap', 0, 200, 0.002))
    cuts = 0
    while not task.done():
        client.execute_command('CLIENT', 'KILL', 'TYPE', 'pubsub')
        cuts += 1
        await asyncio.sleep(0.05)
    await task
    tap.ok(await reads(reader, 0, 200), f'nothing is missed in {cuts} cuts')

    task = asyncio.create_task(numbers(a, 'gap', 200, 100, 0.002))
    while not task.done():
        client.execute_command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME',
                               'yes')
        await asyncio.sleep(0.05)
    await task
    tap.ok(await reads(reader, 200, 100),
           'and nothing is published twice when commands are cut')
    reader.close()


async def elsewhere(port, path, pid):
    """A session in another worker than that."""
    while True:
        peer = await Peer(port).websocket(path)
        if peer.header('X-Worker') != str(pid):
            return peer
        peer.close()
        await asyncio.sleep(0.02)


async def processes(tap, cluster):
    a, b = cluster.ports
    node = cluster.nodes[1]

    pid = await seat(cluster, node)
    reader = await elsewhere(b, '/ws/w', pid)
    await subscribed(cluster, 'w', 1)
    task = asyncio.create_task(numbers(a, 'w', 0, 50))
    await asyncio.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    await task
    tap.ok(await reads(reader, 0, 50),
           'the worker that subscribes is killed: another takes over')
    reader.close()
    workers(node, 2)

    pid = await seat(cluster, node)
    reader = await elsewhere(b, '/ws/v', pid)
    await subscribed(cluster, 'v', 1)
    os.kill(pid, signal.SIGSTOP)
    try:
        await numbers(a, 'v', 0, 20)
        tap.ok(await reads(reader, 0, 20),
               'it is suspended: another takes over')
    finally:
        os.kill(pid, signal.SIGCONT)
    await numbers(a, 'v', 20, 10)
    tap.ok(await reads(reader, 20, 10), 'and goes on when it is there again')

    old = node.workers()
    task = asyncio.create_task(numbers(a, 'v', 30, 40))
    node.process.send_signal(signal.SIGHUP)
    got = []
    try:
        while True:
            got.append(int(await reader.receive()))
    except Closed as e:
        tap.ok(e.code == 1012 and got == list(range(30, 30 + len(got))),
               f'a reload sends the session away: {e}')
    await task
    tap.ok(await history(b, 'v') == [str(i) for i in range(70)],
           'a reload: nothing is missed')
    node.wait(lambda: not set(old) & set(node.workers()))
    reader.close()
    workers(node, 2)


async def away(tap, cluster):
    """Redis is suspended, and goes."""
    a, b = cluster.ports
    reader = await Peer(b).websocket('/ws/away')
    await subscribed(cluster, 'away', 1)
    await numbers(a, 'away', 0, 3)

    cluster.redis.process.send_signal(signal.SIGSTOP)
    with Calm(cluster.nodes) as calm:
        task = asyncio.create_task(publish(a, 'away', '3'))
        await asyncio.sleep(0.5)
        cluster.redis.process.send_signal(signal.SIGCONT)
        status, _ = await task
    tap.ok(status == 200 and await reads(reader, 0, 4),
           'Redis hangs, and comes back')
    tap.ok(not calm.held(), f'no worker waits: {calm}')

    old = cluster.client().execute_command('GET', 'ws:gen')
    cluster.redis.stop()
    task = asyncio.create_task(ask(a, 'POST', '/pub/away', '', b'4'))
    await asyncio.sleep(0.3)
    cluster.redis.start()
    status, answer = await task
    tap.ok(status in (200, 202) and cluster.client().get('ws:gen') != old,
           f'a server without its memory: a new generation, {status}')
    tap.ok(answer.get('offset') == 5, 'to which what it had is brought back')
    try:
        text = await reader.receive()
    except Closed as e:
        text = e.code
    tap.ok(text == b'4', f'the reader goes on: {text}')
    reader = await Peer(b).websocket('/ws/away')
    await publish(a, 'away', 'back')
    tap.ok(await reader.receive() == b'back', 'and it goes on')
    reader.close()


async def run(tap):
    with Cluster(conf=LARGE) as cluster:
        await together(tap, cluster)
        await streams(tap, cluster)
        await recovers(tap, cluster)
        await keys(tap, cluster)
        await deletes(tap, cluster)
        await larges(tap, cluster)
        await gaps(tap, cluster)
        await processes(tap, cluster)
        await away(tap, cluster)
        await ends(tap, cluster)
        for node in cluster.nodes:
            node.process.send_signal(signal.SIGQUIT)
        tap.ok([node.process.wait(TIMEOUT) for node in cluster.nodes]
               == [0, 0], 'all end')
        but = ('exited on signal 9',)
        tap.ok(not cluster.alerts(but), f'no alerts: {cluster.alerts(but)[:3]}')


async def refuses(tap):
    with Cluster(1, 'wait=300ms away=refuse') as cluster:
        port = cluster.ports[0]
        await publish(port, 'c', 'x')
        session = await Peer(port).websocket('/ws/c')
        cluster.redis.stop()

        async def status():
            return (await ask(port, 'POST', '/pub/c', '', b'x'))[0]
        tap.ok(await becomes(status, 503) == 503, 'away=refuse')
        session.send(FIN | TEXT, b'x')
        try:
            await session.receive()
            code = None
        except Closed as e:
            code = e.code
        tap.ok(code == 1013, 'also what a session sends')
        tap.ok((await ask(port, 'GET', '/pub/cold'))[0] == 503,
               'what is not there cannot be read')


async def health(port):
    return (await ask(port, 'GET', '/health'))[0]


async def deaf(tap):
    """The connections live, and nothing comes over those that subscribe."""
    with Cluster(0) as cluster:
        proxy = await Proxy(cluster.redis.port).start()
        cluster.conf = cluster.conf.replace(f':{cluster.redis.port}',
                                            f':{proxy.port}')
        node = await asyncio.to_thread(Nginx, 'deaf', cluster.conf)
        stays = await asyncio.to_thread(
            Nginx, 'stays', cluster.conf.replace('wait=5s', 'deaf=stay'))
        cluster.nodes += [node, stays]
        port = node.port
        tap.ok(await becomes(lambda: health(port), 200) == 200, 'it is healthy')
        reader = await Peer(port).websocket('/ws/c')
        await publish(port, 'c', '0')
        tap.ok(await reads(reader, 0, 1), 'it hears')
        quiet = await Peer(stays.port).websocket('/ws/c')

        proxy.deaf = True
        start = time.monotonic()
        tap.ok(await becomes(lambda: health(port), 503) == 503
               and time.monotonic() - start < 5,
               f'a deaf node says so: {time.monotonic() - start:.1f} s')
        cluster.client().xadd('unrelated', {'a': 'b'})
        _, status = await ask(port, 'GET', '/status')
        http = Http(port)
        _, text = await http.request('GET', '/metrics')
        http.close()
        tap.ok(b'websocket_broker_up{zone="live"} 0' in text
               and re.search(rb'websocket_broker_reconnects_total{zone="live"}'
                             rb' [1-9]', text), 'as Prometheus reads it')
        tap.ok(not status['zones'][0]['broker']['up']
               and status['zones'][0]['broker']['reconnects'] > 0,
               'its metrics too, and it tries again')

        _, missed = await publish(port, 'c', '1')
        got = await closed(reader)
        tap.ok(got[-1] == 1013 and time.monotonic() - start < 5,
               f'its reader is told so: {got}')
        tap.ok((await ask(port, 'GET', '/pub/c'))[0] == 503,
               'and nobody comes')

        proxy.deaf = False
        cluster.client().execute_command('CLIENT', 'KILL', 'TYPE', 'pubsub')
        tap.ok(await becomes(lambda: health(port), 200) == 200
               == await becomes(lambda: health(stays.port), 200),
               'it hears again')

        async def back():
            return (await ask(port, 'GET', '/pub/c'))[0]
        await becomes(back, 200)
        reader = await Peer(port).websocket(
            f'/ws/c?since={missed["epoch"]}:{missed["offset"] - 1}')
        tap.ok(await reads(reader, 1, 1), 'its reader comes back')
        tap.ok(await reads(quiet, 1, 1), 'with deaf=stay it has stayed')
        log = node.log()
        tap.ok('is deaf' in log and 'hears what is published' in log,
               'the log tells of both')
        reader.close()
        quiet.close()
        await asyncio.to_thread(node.stop)
        await asyncio.to_thread(stays.stop)
        proxy.server.close()


if __name__ == '__main__':
    need_redis()
    tests = Tap()
    asyncio.run(run(tests))
    asyncio.run(refuses(tests))
    asyncio.run(deaf(tests))
    tests.done()
