"""The example of log entries: its configuration as it stands, its client, and
python3-websockets beside it."""

import asyncio
import http.client
import json
import os
import signal
import tempfile
import urllib.parse

import websocket
from nginx import Nginx, Tap, TIMEOUT

OPERATOR = '5f0c5a3a1d6c4e0b8f55c9ab1e2d7701'
ACCOUNTING = 'a81be0f7c4e24d54a3c1d29a6b0f9902'
WRITER = 'c7e4d2b19a3f48e6b0d5f18a7c6e5503'


def configuration():
    with open('examples/logger/nginx.conf') as f:
        conf = f.read()

    for path in os.environ['TEST_NGINX_LOAD_MODULES'].split():
        conf = conf.replace(f'modules/{os.path.basename(path)}', path)

    return conf.replace('listen 8080;', 'listen 127.0.0.1:$PORT;')


def entry(n, level='info', service='shop', **fields):
    return {'time': '2026-01-31T12:00:00Z', 'level': level,
            'service': service, 'message': f'entry {n}', **fields}


# what is no entry, and where

BAD = [
    ({**entry(0), 'level': 'fatal'}, 'level'),
    ({**entry(0), 'time': 'yesterday'}, 'time'),
    ({**entry(0), 'service': 'Two Words'}, 'service'),
    ({**entry(0), 'message': 5}, 'message'),
    ({**entry(0), 'message': 'x' * 4097}, 'message'),
    ({**entry(0), 'data': 'text'}, 'data'),
    ({**entry(0), 'other': 1}, 'other'),
    *(({k: v for k, v in entry(0).items() if k != name}, name)
      for name in entry(0)),
    ([entry(0)], ''),
]

BAD_FILTERS = [5, [], 'error', {'level': {'like': 'e'}}, {'level': {'gt': {}}},
               {'or': {}}]


class Test:
    def __init__(self):
        self.nginx = Nginx('logger', conf=configuration())
        self.url = f'ws://127.0.0.1:{self.nginx.port}'

    def post(self, topic, body, key=WRITER, method='POST'):
        c = http.client.HTTPConnection('127.0.0.1', self.nginx.port,
                                       timeout=TIMEOUT)
        c.request(method, f'/logs/{topic}', json.dumps(body),
                  {'X-Api-Key': key} if key else {})
        r = c.getresponse()
        answer = r.status, r.read()
        c.close()
        return answer

    def put(self, topic, *entries):
        return [self.post(topic, e)[0] for e in entries]

    def connect(self, topic, key=OPERATOR, rule=None):
        args = {}
        if key is not None:
            args['api_key'] = key
        if rule is not None:
            args['filter'] = json.dumps(rule)
        return websocket.connect(f'{self.url}/logs/{topic}/monitor?'
                                 + urllib.parse.urlencode(args),
                                 open_timeout=TIMEOUT)

    async def status(self, *args, **kwargs):
        return await websocket.status(self.connect(*args, **kwargs))

    @staticmethod
    async def get(ws):
        return json.loads(await asyncio.wait_for(ws.recv(), TIMEOUT))

    async def ask(self, ws, rule):
        await ws.send(json.dumps({'filter': rule, 'replay': 0}))
        return await self.get(ws)

    async def keys(self, tap):
        got = [await self.status('billing', key) for key in
               (None, '', 'wrong', OPERATOR[:-1], WRITER, ACCOUNTING,
                OPERATOR)]
        tap.ok(got == [401] * 5 + [101] * 2, f'keys of readers: {got}')

        got = [await self.status(topic, ACCOUNTING)
               for topic in ('shop', 'billing2', 'billing')]
        tap.ok(got == [403, 403, 101], f'who may watch what: {got}')

        got = [self.post('billing', entry(0), key)[0]
               for key in (None, 'wrong', OPERATOR)]
        got += [self.post('billing', entry(0), method=m)[0]
                for m in ('GET', 'DELETE')]
        tap.ok(got == [401] * 3 + [403] * 2, f'keys of writers: {got}')

        got = [await self.status('Billing'), await self.status('x' * 65),
               await self.status('billing', rule={'level': {'like': 'e'}})]
        tap.ok(got == [404, 404, 400], f'no topic, no filter: {got}')

    async def entries(self, tap):
        async with self.connect('types') as ws:
            wrong = []
            for body, path in BAD:
                status, text = self.post('types', body)
                error = json.loads(text)['error']
                if status != 422 or error['path'] != path:
                    wrong.append((body, status, error))
            tap.ok(not wrong, f'{len(BAD)} are refused with 422 {wrong[:2]}')

            good = entry(1, data={'any': ['thing']})
            status, _ = self.post('types', good)
            tap.ok(status == 200 and await self.get(ws) == good,
                   'none of them is seen, the next good one is')

    async def filters(self, tap):
        levels = ('debug', 'info', 'warn', 'error')
        old = [entry(n, levels[n % 4]) for n in range(8)]
        self.put('filters', *old)

        async with self.connect('filters', rule={'level': 'error'}) as ws:
            got = [await self.get(ws), await self.get(ws)]
            tap.ok(got == [old[3], old[7]], 'the filter holds for the history')

            new = [entry(n, levels[n % 4]) for n in range(8, 16)]
            self.put('filters', *new[:4])
            tap.ok(await self.get(ws) == new[3], 'and for what is new')

            answer = await self.ask(ws, {'level': ['warn', 'debug']})
            self.put('filters', *new[4:])
            got = [await self.get(ws), await self.get(ws)]
            tap.ok(answer == {'filter': 'ok'} and got == [new[4], new[6]],
                   f'another one in mid-stream {answer}')

            wrong = []
            for rule in BAD_FILTERS:
                answer = await self.ask(ws, rule)
                if answer.get('error', {}).get('code') != 'invalid_filter':
                    wrong.append((rule, answer))
            tap.ok(not wrong, f'bad ones are answered {wrong}')

            last = [entry(16, 'error'), entry(17, 'warn')]
            self.put('filters', *last)
            tap.ok(await self.get(ws) == last[1], 'the good one still holds')

            await ws.send(json.dumps({'filter': {'level': 'error'}}))
            got = [await self.get(ws) for _ in range(6)]
            tap.ok(got == [{'filter': 'ok'}, *old[3::4], new[3], new[7],
                           last[0]],
                   f'a filter gets what matches: {len(got)}')

            answer = await self.ask(ws, None)
            self.put('filters', entry(18, 'error'))
            tap.ok(answer == {'filter': 'ok'}
                   and await self.get(ws) == entry(18, 'error'), 'then none')

            # an entry is a filter here: if it were published it would pass

            await ws.send(json.dumps(entry(19)))
            answer = await self.ask(ws, None)
            self.put('filters', entry(20))
            tap.ok(answer == {'filter': 'ok'}
                   and await self.get(ws) == entry(20),
                   f'who watches does not publish: {answer}')

            await ws.send(b'\0')
            code = None
            try:
                await self.get(ws)
            except websocket.ConnectionClosed as e:
                code = e.rcvd.code
            tap.ok(code == 1008, f'nor anything else: {code}')

    async def tail(self, *args, key=OPERATOR, **env):
        process = await asyncio.create_subprocess_exec(
            'examples/logger/tail', '-u', self.url, *args,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, 'LOGGER_API_KEY': key, **env})
        return process

    @staticmethod
    async def line(stream, *parts):
        """The next line, that has these parts."""
        text = await asyncio.wait_for(stream.readline(), TIMEOUT)
        return text if all(p in text.decode() for p in parts) else False

    async def complains(self, tap, what, *args, **kwargs):
        """One line that says what is wrong, and the end."""
        tail = await self.tail('shop', *args, **kwargs)
        out, err = await asyncio.wait_for(tail.communicate(), TIMEOUT)
        tap.ok(tail.returncode == 1 and not out and err.count(b'\n') == 1
               and what in err.decode(), f'tail: {err.decode()}'.strip())

    async def complaints(self, tap):
        await self.complains(tap, 'LOGGER_API_KEY is not set', key='')
        await self.complains(tap, 'the filter is not JSON: ', '{level:error}')

        # a Python without the library
        with tempfile.TemporaryDirectory() as tmp:
            with open(f'{tmp}/websockets.py', 'w') as f:
                f.write('raise ModuleNotFoundError("websockets")')
            await self.complains(tap, 'apt-get install python3-websockets',
                                 PYTHONPATH=tmp)

    async def client(self, tap):
        await self.complaints(tap)

        refused = await self.tail('shop', key='wrong')
        _, err = await asyncio.wait_for(refused.communicate(), TIMEOUT)
        tap.ok(refused.returncode == 1 and b'401' in err
               and b'wrong' not in err, f'tail without a key: {err}')

        self.put('shop', entry(1), entry(2, 'error'))
        tail = await self.tail('shop', '{"level":"error"}')
        try:
            await self.follow(tap, tail)
        finally:
            if tail.returncode is None:
                tail.send_signal(signal.SIGTERM)
            await tail.wait()

    async def follow(self, tap, tail):
        out, err = tail.stdout, tail.stderr

        async def type_line(text):
            tail.stdin.write(text.encode() + b'\n')
            await tail.stdin.drain()

        tap.ok(await self.line(out, 'error', 'entry 2'), 'tail: an entry')

        await type_line('{"level":{"like":"e"}}')
        tap.ok(await self.line(err, 'refused', 'level'), 'a bad filter')
        await type_line('{"level"')
        tap.ok(await self.line(err, 'the filter is not JSON'), 'no filter')
        await type_line('{"service":"pay"}')
        tap.ok(await self.line(err, 'filter: {"service": "pay"}'), 'another')

        self.put('shop', entry(3, 'error'), entry(4, service='pay'))
        tap.ok(await self.line(out, 'pay', 'entry 4'), 'it holds')

        evil = {**entry(5, service='pay'), 'message': 'a\x1b[2Jb\nc'}
        self.put('shop', evil)
        tap.ok(await self.line(out, r'a\u001b[2Jb\u000ac'),
               'what a terminal would obey is shown')

        old = self.nginx.workers()
        self.nginx.process.send_signal(signal.SIGHUP)
        tap.ok(await self.line(err, 'connecting again', '1012'), 'a reload')
        self.put('shop', entry(6, 'error'), entry(7, service='pay'))
        tap.ok(await self.line(out, 'pay', 'entry 7'),
               'it comes back with its position and its filter')
        await asyncio.to_thread(self.nginx.wait, lambda: not set(old) & set(
            self.nginx.workers()))

    async def run(self, tap):
        await self.keys(tap)
        await self.entries(tap)
        await self.filters(tap)
        await self.client(tap)

        with open(f'{self.nginx.prefix}/logs/access.log') as f:
            log = f.read()
        tap.ok('/logs/shop/monitor" 101 "operator"' in log
               and OPERATOR not in log and WRITER not in log,
               'the access log has names, and no keys')
        tap.ok(OPERATOR not in self.nginx.log(), 'nor has the error log')
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
