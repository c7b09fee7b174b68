"""Types, views and filters with python3-websockets: a client cannot get a
message published that breaks its type, by socket or by HTTP, in one piece or
in fragments, compressed or not, in any spelling of JSON; and what each of many
subscribers gets is what it asked for, on both workers."""

import asyncio
import http.client
import itertools
import json
import random
import urllib.parse

from websockets.frames import Frame, OP_TEXT

import websocket
from nginx import Nginx, Tap, TIMEOUT

CONF = '''
    websocket_zone zone=live:32m;
    websocket_max_message_size 64k;
    websocket_send_queue messages=100000 size=64m;
    add_header X-Worker $pid always;

    websocket_type point {
        field x number required;
        field y number required max=100;
    }
    websocket_type metric {
        field name  string  required min=1 max=8 "pattern=^[a-z]+$";
        field level string  enum=info|warn|error default=info;
        field value number  required min=-1000 max=1000;
        field count integer nullable;
        field where object  of=point;
        field list  array   of=string max=3;
        view brief  value name;
        view place  where.x;
    }
    websocket_inbound_type metric;
    websocket_outbound_type metric;

    server { listen 127.0.0.1:$PORT sndbuf=16k;
        websocket_channel x;
        websocket_history length=100000;
        location = /ws {
            websocket pubsub;
            websocket_view $arg_view;
            websocket_filter on;
            websocket_deflate on min_length=1;
        }
        location = /publish { websocket_publish; }
    }
'''

RANDOM = random.Random(20)

GOOD = [
    {'name': 'cpu', 'value': 1},
    {'name': 'cpu', 'value': -1000, 'level': 'warn', 'count': None},
    {'name': 'abcdefgh', 'value': 0.1, 'count': 5, 'list': []},
    {'name': 'm', 'value': 1e-7, 'where': {'x': 1, 'y': 100}},
    {'name': 'm', 'value': 1000, 'level': 'error', 'list': ['a', '\u00e9"\\']},
]

# what breaks the type, each in another way, and where

BAD = [
    ({'value': 1}, 'name'),
    ({'name': 'cpu'}, 'value'),
    ({'name': '', 'value': 1}, 'name'),
    ({'name': 'abcdefghi', 'value': 1}, 'name'),
    ({'name': 'CPU', 'value': 1}, 'name'),
    ({'name': None, 'value': 1}, 'name'),
    ({'name': 'cpu', 'value': '1'}, 'value'),
    ({'name': 'cpu', 'value': True}, 'value'),
    ({'name': 'cpu', 'value': None}, 'value'),
    ({'name': 'cpu', 'value': 1000.5}, 'value'),
    ({'name': 'cpu', 'value': 1, 'level': 'debug'}, 'level'),
    ({'name': 'cpu', 'value': 1, 'count': 1.5}, 'count'),
    ({'name': 'cpu', 'value': 1, 'where': {'x': 1}}, 'where.y'),
    ({'name': 'cpu', 'value': 1, 'where': {'x': 1, 'y': 101}}, 'where.y'),
    ({'name': 'cpu', 'value': 1, 'where': [1, 2]}, 'where'),
    ({'name': 'cpu', 'value': 1, 'list': ['a', 'b', 3]}, 'list[2]'),
    ({'name': 'cpu', 'value': 1, 'list': ['a'] * 4}, 'list'),
    ({'name': 'cpu', 'value': 1, 'other': 1}, 'other'),
    ([{'name': 'cpu', 'value': 1}], ''),
    ('cpu', ''), (1, ''), (None, ''), (True, ''),
]

# no JSON, or none that everybody reads alike

TEXTS = [
    '', ' ', '{', '{"name":"cpu","value":1', '{"name":"cpu","value":1}}',
    '{"name":"cpu","value":1,}', "{'name':'cpu','value':1}",
    '{"name":"cpu","value":01}', '{"name":"cpu","value":+1}',
    '{"name":"cpu","value":.5}', '{"name":"cpu","value":NaN}',
    '{"name":"cpu","value":1}\0', '\ufeff{"name":"cpu","value":1}',
    '{"name":"cpu","value":1,"value":1}',
    '{"name":"cpu","value":1,"n\\u0061me":"CPU"}',
    '{"name":"c\\u0000pu","value":1}', '{"name":"cpu","value":1e400}',
    '{"name":"cpu","value":1,"count":9223372036854775808}',
    '{"name":"\\ud800","value":1}', '{"name":"cpu" /**/,"value":1}',
    '[' * 5000, '{"a":' * 5000,
]


def spelled(value):
    """One of the many ways to write the same JSON."""
    space = RANDOM.choice(['', ' ', '\n\t', '\r\n '])
    if isinstance(value, dict):
        members = [f'{space}{spelled(k)}{space}:{spelled(v)}'
                   for k, v in RANDOM.sample(sorted(value.items()),
                                             len(value))]
        return f'{space}{{{",".join(members)}{space}}}{space}'
    if isinstance(value, list):
        return f'[{space}{",".join(map(spelled, value))}{space}]'
    if isinstance(value, str):
        return '"' + ''.join(
            f'\\u{ord(c):04x}' if RANDOM.random() < 0.4 or c in '"\\' else c
            for c in value) + '"'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return RANDOM.choice([json.dumps(value), f'{value!r}e0'
                              if 'e' not in repr(value) else repr(value)])
    return json.dumps(value)


def pieces(text):
    """The text in one message of one or of several fragments."""
    if RANDOM.random() < 0.5 or len(text) < 2:
        return text
    cuts = sorted(RANDOM.sample(range(1, len(text)),
                                min(len(text) - 1, RANDOM.randint(1, 4))))
    return [text[a:b] for a, b in zip([0] + cuts, cuts + [len(text)])]


def full(message):
    return {'level': 'info', **message}


def brief(message):
    return {k: message[k] for k in ('value', 'name')}


def place(message):
    return {'where': {'x': message['where']['x']}} if 'where' in message \
        else None


class Test:
    def __init__(self):
        self.nginx = Nginx('types', CONF)
        self.url = f'ws://127.0.0.1:{self.nginx.port}/ws'

    def connect(self, query='', compression=None, **args):
        return websocket.connect(f'{self.url}?{query}', open_timeout=TIMEOUT,
                                 compression=compression, max_size=None,
                                 max_queue=None, **args)

    @staticmethod
    async def get(ws):
        return json.loads(await asyncio.wait_for(ws.recv(), TIMEOUT))

    def post(self, location, body, **headers):
        c = http.client.HTTPConnection('127.0.0.1', self.nginx.port,
                                       timeout=TIMEOUT)
        c.request('POST', location, body, headers)
        r = c.getresponse()
        answer = r.status, json.loads(r.read())
        c.close()
        return answer

    async def apart(self, query=''):
        """Two sessions, of both workers."""
        first = await self.connect(query)
        others = []
        for _ in range(200):
            other = await self.connect(query)
            if (websocket.headers(other)['X-Worker']
                    != websocket.headers(first)['X-Worker']):
                break
            others.append(other)
        for ws in others:
            await ws.close()
        return first, other

    async def refused(self, tap):
        """None of all this is published: the watchers see the next good one."""
        watchers = await self.apart()
        wrong = []
        for compression in (None, 'deflate'):
            ws = await self.connect(compression=compression)
            for text, path in itertools.chain(
                    ((spelled(m), p) for m, p in BAD for _ in range(5)),
                    ((t, None) for t in TEXTS)):
                await ws.send(pieces(text))
                answer = await self.get(ws)
                error = answer.get('error', {})
                if error.get('code') != 'invalid_message' or (
                        path is not None and error['path'] != path):
                    wrong.append(('socket', text[:60], answer))
            await ws.send(b'{"name":"cpu","value":1}')
            if 'error' not in await self.get(ws):
                wrong.append('binary')
            await ws.close()

        for location in ('/ws', '/publish'):
            for text in [spelled(m) for m, _ in BAD] + TEXTS:
                for body in (text.encode(), iter([b'', text.encode()])):
                    status, answer = self.post(location, body)
                    if status != 422 or (answer['error']['code']
                                         != 'invalid_message'):
                        wrong.append((location, text[:60], status, answer))

        tap.ok(not wrong, f'all are refused, and told why {wrong[:3]}')

        status, _ = self.post('/publish', json.dumps(GOOD[0]))
        got = [await self.get(ws) for ws in watchers]
        tap.ok(status == 200 and got == [full(GOOD[0])] * 2,
               f'none of them was published {got}')
        for ws in watchers:
            await ws.close()

    async def accepted(self, tap):
        watchers = await self.apart()
        wrong = 0
        for compression in (None, 'deflate'):
            async with self.connect(compression=compression) as ws:
                for message in GOOD * 20:
                    await ws.send(pieces(spelled(message)))
                    got = [await self.get(w) for w in (ws, *watchers)]
                    wrong += got != [full(message)] * 3
        for message in GOOD:
            self.post('/publish', spelled(message).encode())
            wrong += [await self.get(w) for w in watchers] \
                != [full(message)] * 2
        tap.ok(wrong == 0, f'what is right is published in any spelling '
               f'({wrong} of {len(GOOD) * 41} not)')
        for ws in watchers:
            await ws.close()

    async def selected(self, tap):
        """Views and filters of many, against what they should be."""
        messages = [{'name': RANDOM.choice(['a', 'b', 'c']),
                     'value': RANDOM.randint(-5, 5),
                     **({'where': {'x': n, 'y': 0}} if n % 3 == 0 else {})}
                    for n in range(60)] + [{'name': 'end', 'value': 0,
                                            'where': {'x': 0, 'y': 0}}]
        shows = {'': full, 'brief': brief, 'place': place}
        wanted = [(view, name, least, compression)
                  for view in ('', 'brief') for name in ('a', 'b', 'c')
                  for least in range(-5, 5) for compression in
                  (None, 'deflate')]
        wanted += [('place', None, None, c) for c in (None, 'deflate')] * 5

        def query(view, name, least):
            rule = {'or': [{'name': 'end'},
                           {'name': name, 'value': {'gte': least}}]}
            args = {'view': view}
            if name:
                args['filter'] = json.dumps(rule)
            return urllib.parse.urlencode(args)

        sessions = [await self.connect(query(*w[:3]), compression=w[3])
                    for w in wanted]
        workers = {websocket.headers(ws)['X-Worker'] for ws in sessions}

        async with self.connect(compression='deflate') as ws:
            for message in messages:
                await ws.send(spelled(message))

        wrong = []
        for ws, (view, name, least, _) in zip(sessions, wanted):
            expected = [shows[view](m) for m in messages
                        if not name or m['name'] == 'end'
                        or m['name'] == name and m['value'] >= least]
            expected = [m for m in expected if m is not None]
            got = [await self.get(ws) for _ in expected]
            if got != expected:
                wrong.append((view, name, least, got[:3], expected[:3]))
            await ws.close()

        tap.ok(not wrong and len(workers) == 2,
               f'{len(sessions)} sessions on {len(workers)} workers get what '
               f'they asked for {wrong[:2]}')

    async def batches(self, tap):
        """Hundreds of messages in one piece, to the quick and the slow."""
        rules = [(view, name, least) for view in ('', 'brief')
                 for name in ('a', 'b', 'none') for least in (-5, 0, 3)]
        rules += [rules[1]] * 3 + [('', None, -5)] * 2

        def query(view, name, least):
            args = {'view': view}
            if name:
                args['filter'] = json.dumps({'or': [
                    {'name': 'end'}, {'name': name, 'value': {'gte': least}}]})
            return urllib.parse.urlencode(args)

        sessions = []
        for compression in (None, 'deflate'):
            for rule in rules:
                sessions.append((rule, await self.connect(
                    query(*rule), compression=compression)))
                sessions.append((rule, await websocket.reluctant(
                    f'{self.url}?{query(*rule)}', open_timeout=TIMEOUT,
                    compression=compression, max_size=None)))

        messages = []
        async with self.connect('filter={"name":"end"}') as ws:
            for n in range(8):
                part = [{'name': RANDOM.choice(['a', 'b']),
                         'value': RANDOM.randint(-5, 5), 'level': 'info',
                         'list': [str(RANDOM.getrandbits(1500))]}
                        for _ in range(150)]
                messages += part
                ws.transport.write(b''.join(
                    Frame(OP_TEXT, json.dumps(m).encode()).serialize(mask=True)
                    for m in part))
            messages.append({'name': 'end', 'value': 0, 'level': 'info'})
            await ws.send(json.dumps(messages[-1]))
            await self.get(ws)

        wrong = []
        for (view, name, least), ws in sessions:
            expected = [brief(m) if view else m for m in messages
                        if not name or m['name'] == 'end'
                        or m['name'] == name and m['value'] >= least]
            got = [await self.get(ws) for _ in expected]
            if got != expected:
                wrong.append((view, name, least))
            await ws.close()

        tap.ok(not wrong, f'{len(messages)} messages in large pieces to '
               f'{len(sessions)} sessions {wrong[:3]}')

    async def run(self, tap):
        await self.refused(tap)
        await self.accepted(tap)
        await self.selected(tap)
        await self.batches(tap)
        alerts = self.nginx.alerts()
        tap.ok(not alerts, f'no alerts {alerts[:3]}')


if __name__ == '__main__':
    tap = Tap()
    test = Test()
    try:
        asyncio.run(test.run(tap))
    finally:
        test.nginx.stop()
    tap.done()
