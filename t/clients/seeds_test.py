"""Clients that are written from articles on such services, and know nothing of
this module: a chat service, a monitor of logs and an analytics stream of a
Goa design, and a chat with a hub in Go.  Each works against the example of its
kind as it stands; messages, paths and the names of metrics are theirs."""

import asyncio
import http.client
import json
import os
import urllib.parse

import websocket
from chatter_test import Chatter, TIME
from nginx import Nginx, Tap, TIMEOUT

READER = '5f0c5a3a1d6c4e0b8f55c9ab1e2d7701'
WRITER = 'c7e4d2b19a3f48e6b0d5f18a7c6e5503'

# messages of four kinds, each with its own shape

KINDS = '''
    websocket_zone zone=live:1m;
    websocket_type chat   { field data string required min=1 max=2000; }
    websocket_type member { field data object of=string; }

    websocket_type message {
        field from string;
        field time string format=date-time;
        by type chat=chat join=member leave=member system=chat;
    }
    server { listen 127.0.0.1:$PORT;
        location = /ws {
            websocket pubsub;
            websocket_channel everybody;
            websocket_inbound_type message;
        }
    }
'''


def example(name):
    with open(name) as f:
        conf = f.read()
    for path in os.environ['TEST_NGINX_LOAD_MODULES'].split():
        conf = conf.replace(f'modules/{os.path.basename(path)}', path)
    return conf.replace('listen 8080;', 'listen 127.0.0.1:$PORT;')


def request(nginx, method, path, body=None, headers=None):
    c = http.client.HTTPConnection('127.0.0.1', nginx.port, timeout=TIMEOUT)
    c.request(method, path, body, headers or {})
    r = c.getresponse()
    answer = r.status, r.read().decode()
    c.close()
    return answer


def connect(nginx, path, **options):
    return websocket.connect(f'ws://127.0.0.1:{nginx.port}{path}',
                             open_timeout=TIMEOUT, **options)


async def text(ws):
    return await asyncio.wait_for(ws.recv(), TIMEOUT)


async def get(ws):
    return json.loads(await text(ws))


async def chatter(tap, nginx):
    """listener, subscribe and echo, with a token as parameter."""
    token = '?token=' + nginx.login('ann')

    async with connect(nginx, '/subscribe' + token) as feed:
        async with connect(nginx, '/listen' + token) as ws:
            await ws.send(json.dumps({'message': 'hello'}))
            got = await get(feed)
    tap.ok({'message', 'action', 'timestamp'} <= set(got)
           and got['message'] == 'hello'
           and TIME.fullmatch(got['timestamp']), f'subscribe: {got}')

    async with connect(nginx, '/echo' + token) as ws:
        await ws.send(json.dumps({'message': 'Message to echo'}))
        got = await get(ws)
        await ws.send('{}')
        error = await get(ws)
    tap.ok(got == {'message': 'Message to echo'}
           and error['error']['path'] == 'message', f'echo: {got} {error}')


async def monitor(tap, nginx):
    """A stream of filters, each answered with what matches."""
    entries = [{'time': '2026-01-31T12:00:00Z', 'level': level,
                'service': 'db', 'message': f'entry {n}'}
               for n, level in enumerate(('info', 'error') * 3)]
    for e in entries[:4]:
        request(nginx, 'POST', '/logs/database', json.dumps(e),
                {'X-Api-Key': WRITER})

    async with connect(nginx, '/logs/database/monitor?'
                       + urllib.parse.urlencode({'api_key': READER})) as ws:
        first = [await get(ws) for _ in range(4)]
        got = {}
        for level in ('error', 'info'):
            await ws.send(json.dumps({'level': level}))
            got[level] = [await get(ws) for _ in range(2)]
        for e in entries[4:]:
            request(nginx, 'POST', '/logs/database', json.dumps(e),
                    {'X-Api-Key': WRITER})
        new = await get(ws)
    tap.ok(first == entries[:4] and new == entries[4]
           and got['error'] == [entries[1], entries[3]]
           and got['info'] == [entries[0], entries[2]],
           f'logs that match each filter: {got}')


async def analytics(tap, nginx):
    """Views by name, in a header as Goa's clients say them, or in the URL."""
    point = {'timestamp': '2026-01-31T12:00:00Z', 'metric': 'cpu',
             'value': 0.5, 'change': -0.25, 'metadata': {'host': 'one'}}
    views = {'summary': ['metric', 'value'],
             'detailed': ['timestamp', 'metric', 'value', 'change'],
             'full': list(point)}

    bad = request(nginx, 'POST', '/publish',
                  json.dumps({**point, 'metadata': {'host': 1}}))
    tap.ok(bad[0] == 422 and 'metadata.host' in bad[1],
           f'metadata is a map of strings: {bad}')
    request(nginx, 'POST', '/publish', json.dumps(point))

    for view, fields in views.items():
        got = []
        async with connect(nginx, '/analytics',
                           headers={'goa-view': view}) as ws:
            got.append(await get(ws))
        async with connect(nginx, f'/analytics?view={view}') as ws:
            got.append(await get(ws))
        tap.ok(got == [{f: point[f] for f in fields}] * 2,
               f'view {view}: {got[0]}')


async def hub(tap, nginx):
    """What one says on /ws all get, and he too; and how it is counted."""
    async with connect(nginx, '/ws') as one, connect(nginx, '/ws') as two:
        await one.send('Hello, everybody')
        got = [await text(one), await text(two)]
        status, metrics = request(nginx, 'GET', '/metrics')
    tap.ok(got == ['Hello, everybody'] * 2, f'broadcast: {got}')

    values = {}
    for line in metrics.splitlines():
        name, _, value = line.rpartition(' ')
        if not line.startswith('#'):
            name = name.split('{')[0]
            values[name] = values.get(name, 0) + float(value)
    got = [values.get(f'websocket_{name}') for name in (
        'active_connections', 'messages_received_total',
        'messages_sent_total')]
    tap.ok(status == 200 and got == [2, 1, 2], f'metrics: {got}')


async def kinds(tap, nginx):
    """Messages {"type":...,"data":...}, of which an unknown one is refused."""
    async with connect(nginx, '/ws') as one, connect(nginx, '/ws') as two:
        sent = [{'type': 'join', 'data': {'name': 'ann'}, 'from': 'ann'},
                {'type': 'chat', 'data': 'hello', 'from': 'ann',
                 'time': '2026-01-31T12:00:00Z'},
                {'type': 'leave', 'data': {}}]
        for message in sent:
            await one.send(json.dumps(message))
        got = [await get(two) for _ in sent]
        tap.ok(got == sent, f'known types: {got}')

        for _ in sent:
            await text(one)
        wrong = []
        for message in ({'type': 'shout', 'data': 'x'}, {'data': 'x'},
                        {'type': 'chat', 'data': {}}):
            await one.send(json.dumps(message))
            wrong.append((await get(one))['error'])
        tap.ok([e['path'] for e in wrong] == ['type', 'type', 'data']
               and wrong[0]['message']
               == 'expected one of chat|join|leave|system',
               f'unknown ones: {wrong}')


def run(tap, nginx, play):
    try:
        asyncio.run(play(tap, nginx))
        alerts = nginx.alerts()
        tap.ok(not alerts, f'{play.__name__}: no alerts {alerts[:3]}')
    finally:
        nginx.stop()


if __name__ == '__main__':
    tap = Tap()
    run(tap, Chatter(), chatter)
    run(tap, Nginx('logger', conf=example('examples/logger/nginx.conf')),
        monitor)
    run(tap, Nginx('analytics', conf=example('examples/analytics/nginx.conf')),
        analytics)
    run(tap, Nginx('chat', conf=example('conf/chat.conf')), hub)
    run(tap, Nginx('kinds', KINDS), kinds)
    tap.done()
