"""
What plain sockets are told on two nodes: acknowledgements, what is not kept,
a filter that is answered with what matches, and pages of a history.
"""

import asyncio
import json
import time

from cluster import CONF, Cluster
from nginx import Tap
from peer import FIN, TEXT, Closed, Peer, ask
from redis_server import need_redis

PLAIN = CONF.replace(
    'location = /plain', '''
        location ~ ^/in/(.*)$ {
            websocket pubsub; websocket_channel $1;
            websocket_user $arg_user; websocket_ack on;
            websocket_history length=1000 time=1h except=type:typing;
            websocket_expires $arg_until;
        }
        location ~ ^/log/(.*)$ {
            websocket subscribe; websocket_channel $1;
            websocket_filter on replay=100;
        }
        location ~ ^/back/(.*)$ {
            websocket subscribe; websocket_channel $1;
            websocket_presence on from=$arg_name;
            websocket_events join leave channel=online delay=500ms;
        }
        location ~ ^/who/(.*)$ {
            websocket_publish; websocket_channel $1; websocket_presence on;
        }
        location ~ ^/all/(.*)$ {
            websocket publish; websocket_channel $1;
            websocket_inbound_type m; websocket_collect on; websocket_ack on;
            websocket_user ann;
        }
        location = /plain''').replace('server {', '''
    websocket_type m { field id string; field n integer; }
    server {''')


def send(peer, **message):
    peer.send(FIN | TEXT, json.dumps(message).encode())


async def get(peer):
    return json.loads(await peer.receive())


async def acks(tap, cluster):
    a, b = cluster.ports
    one = await Peer(a).websocket('/in/c?user=ann')
    send(one, id='1', text='hello')
    first = [await get(one), await get(one)]
    ack = next(m for m in first if 'ack' in m)
    two = await Peer(b).websocket('/in/c?user=ann')
    send(two, id='1', text='hello')
    again = await get(two)
    tap.ok(again == {**ack, 'duplicate': True},
           f'a retry on the other node is there once: {again}')
    one.close()
    two.close()


async def typing(tap, cluster):
    """What is not kept leaves no gap."""
    a, b = cluster.ports
    one = await Peer(a).websocket('/in/t?user=ann')
    await ask(a, 'POST', '/pub/t', '', b'first')
    reader = await Peer(b).websocket('/ws/t?hello=1')
    since = (await get(reader))['position']
    for i in range(3):
        send(one, type='typing', n=i)
        send(one, type='chat', n=i)
    got = [await get(reader) for _ in range(6)]
    tap.ok([m['type'] for m in got] == ['typing', 'chat'] * 3,
           f'who is there gets both kinds: {got}')
    reader.close()
    reader = await Peer(b).websocket(f'/ws/t?hello=1&since={since}')
    hello = await get(reader)
    got = [await get(reader) for _ in range(3)]
    tap.ok(hello['recovered'] is True and [m['n'] for m in got] == [0, 1, 2]
           and got[0]['type'] == 'chat', f'who returns what is kept: {got}')
    one.close()
    reader.close()


async def matches(tap, cluster):
    a, b = cluster.ports
    for i in range(4):
        await ask(a, 'POST', '/pub/l', '', b'{"n":%d}' % i)
    reader = await Peer(b).websocket('/log/l')
    send(reader, filter={'n': {'gte': 2}})
    got = [await get(reader) for _ in range(3)]
    tap.ok(got == [{'filter': 'ok'}, {'n': 2}, {'n': 3}],
           f'a filter is answered with what matches: {got}')
    reader.close()
    _, page = await ask(b, 'GET', '/pub/l?limit=2&order=desc')
    newest = [m['data'] for m in page['messages']]
    _, page = await ask(b, 'GET', '/pub/l?limit=2&before='
                        + f'{page["epoch"]}:{page["messages"][-1]["offset"]}')
    older = [m['data'] for m in page['messages']]
    tap.ok(newest == ['{"n":3}', '{"n":2}'] and older == ['{"n":1}', '{"n":0}'],
           f'pages, the newest first: {newest} {older}')


async def collects(tap, cluster):
    one = await Peer(cluster.ports[0]).websocket('/all/s')
    for message in ({'id': '1', 'n': 1}, {'id': '1', 'n': 1}):
        send(one, **message)
        await get(one)
    one.send(FIN | TEXT, b'null')
    got = await get(one)
    tap.ok(got == [{'id': '1', 'n': 1}], f'a retry is collected once: {got}')
    one.close()


async def returns(tap, cluster):
    """Who comes back on the other node joins before leaving."""
    a, b = cluster.ports
    watch = await Peer(a).websocket('/ws/online')
    (await Peer(a).websocket('/back/r?name=ann')).close()
    two = await Peer(b).websocket('/back/r?name=ann')
    _, page = await ask(b, 'GET', '/who/r?presence=1')
    got = [await get(watch) for _ in range(3)]
    tap.ok([m['type'] for m in got] == ['join', 'join', 'leave']
           and got[0]['session'] == got[2]['session']
           and page['members'] == 2,
           f'joins before leaving: {got} {page}')
    two.close()
    watch.close()


async def starts(tap, cluster):
    """The position of a channel that does not exist yet, on both nodes."""
    a, b = cluster.ports
    status, _ = await ask(a, 'GET', '/pub/new')
    _, first = await ask(a, 'GET', '/pub/new?position=1')
    _, again = await ask(b, 'GET', '/pub/new?position=1')
    tap.ok(status == 404 and first['position'] == again['position']
           and first['position'].endswith(':0'),
           f'a position before the first message: {first}')
    await ask(b, 'POST', '/pub/new', '', b'one')
    await ask(a, 'POST', '/pub/new', '', b'two')
    for port in a, b:
        page = await Peer(port).websocket(
            f'/ws/new?hello=1&since={first["position"]}')
        got = [await get(page), await page.receive(), await page.receive()]
        tap.ok(got[0]['recovered'] is True and got[1:] == [b'one', b'two'],
               f'a page begins without a gap: {got}')
        page.close()


async def ends(tap, cluster):
    """The session's time is over while its message is on its way."""
    one = await Peer(cluster.ports[0]).websocket(
        f'/in/e?until={int(time.time()) + 1}')
    cluster.client().execute_command('CLIENT', 'PAUSE', '1500', 'WRITE')
    send(one, id='7')
    ack = await get(one)
    tap.ok(ack.get('ack') == '7', f'the answer comes first: {ack}')
    try:
        while True:
            await one.receive()
    except Closed as e:
        tap.ok(e.code == 4401, f'then the Close: {e.code}')
    one.close()


async def run(tap):
    with Cluster(2, conf=PLAIN) as cluster:
        for play in acks, typing, matches, collects, returns, starts, ends:
            await play(tap, cluster)
        tap.ok(not cluster.alerts(), f'no alerts {cluster.alerts()[:2]}')


if __name__ == '__main__':
    need_redis()
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
