"""The example of a whole service: its own configuration, key and users, with
python3-websockets.  Who may come in where, and what each endpoint does."""

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import subprocess
import time

import websocket
from nginx import Nginx, Tap, TIMEOUT, place

EXAMPLE = 'examples/chatter'
TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z')

# the streams, and the scopes without which they are closed

STREAMS = {
    '/echoer': ('stream:read', 'stream:write'),
    '/listener': ('stream:write',),
    '/summary': ('stream:write',),
    '/subscribe': ('stream:read',),
}


class Chatter(Nginx):
    def __init__(self):
        self.prefix, self.port = place('chatter')
        os.symlink(os.path.abspath(f'{EXAMPLE}/njs'), f'{self.prefix}/njs')

        said = subprocess.run(
            [f'{EXAMPLE}/secrets', f'{self.prefix}/secrets'], check=True,
            capture_output=True, text=True).stdout
        self.users = dict(re.findall('user (\\w+), password (\\w+)', said))

        self.start(self.configuration())

    def configuration(self):
        ndk, module = os.environ['TEST_NGINX_LOAD_MODULES'].split()
        with open(f'{EXAMPLE}/nginx.conf') as f:
            text = f.read()
        for old, new in (
                ('modules/ndk_http_module.so', ndk),
                ('modules/ngx_http_websocket_module.so', module),
                ('modules/ngx_http_js_module.so',
                 '/usr/lib/nginx/modules/ngx_http_js_module.so'),
                ('listen 8080;', 'listen 127.0.0.1:$PORT;'),
                (f'root {EXAMPLE}', f'root {os.path.abspath(EXAMPLE)}')):
            assert old in text, old
            text = text.replace(old, new)
        return text

    def request(self, method, path, body=None, token=None, user=None):
        headers = {}
        if token:
            headers['Authorization'] = f'Bearer {token}'
        if user:
            basic = base64.b64encode(':'.join(user).encode()).decode()
            headers['Authorization'] = f'Basic {basic}'
        c = http.client.HTTPConnection('127.0.0.1', self.port,
                                       timeout=TIMEOUT)
        c.request(method, path, body, headers)
        r = c.getresponse()
        answer = r.status, r.read().decode()
        c.close()
        return answer

    def login(self, name):
        status, body = self.request('POST', '/login',
                                    user=(name, self.users[name]))
        assert status == 200, (status, body)
        return json.loads(body)['token']

    def forge(self, **claims):
        """A token with the service's own key."""
        with open(f'{self.prefix}/secrets/keys.json') as f:
            key = json.load(f)['keys'][0]
        text = b'.'.join(
            base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b'=')
            for p in ({'alg': 'HS256', 'kid': key['kid']},
                      {'iss': 'chatter', 'aud': 'chatter', 'sub': 'ann',
                       'exp': int(time.time()) + 60, **claims}))
        mac = hmac.new(key['secret'].encode(), text, hashlib.sha256).digest()
        return (text + b'.'
                + base64.urlsafe_b64encode(mac).rstrip(b'=')).decode()

    def connect(self, path, token=None):
        """As a page does, with the token in a subprotocol."""
        protocols = ['chatter'] + ([f'bearer.{token}'] if token else [])
        return websocket.connect(
            f'ws://127.0.0.1:{self.port}{path}', open_timeout=TIMEOUT,
            origin=f'http://127.0.0.1:{self.port}', subprotocols=protocols)

    async def status(self, path, token=None):
        return await websocket.status(self.connect(path, token))


async def get(ws):
    return json.loads(await asyncio.wait_for(ws.recv(), TIMEOUT))


def logs_in(tap, nginx):
    name, password = 'ann', nginx.users['ann']
    wrong = [nginx.request('POST', '/login', user=user)[0]
             for user in (None, (name, 'x'), ('nobody', password),
                          ('reader', password))]
    tap.ok(wrong == [401] * 4, f'no token without the password {wrong}')
    tap.ok(nginx.request('GET', '/login', user=(name, password))[0] == 405,
           'nor by a GET')

    claims = {}
    for name in nginx.users:
        payload = nginx.login(name).split('.')[1]
        payload += '=' * (-len(payload) % 4)
        claims[name] = json.loads(base64.urlsafe_b64decode(payload))
    tap.ok([(c['sub'], c['scope']) for c in claims.values()]
           == [('ann', 'stream:read stream:write'),
               ('reader', 'stream:read')], f'who and what: {claims}')
    left = claims['ann']['exp'] - time.time()
    tap.ok(3590 < left <= 3600, f'for an hour: {left:.1f}')


async def lets_in(tap, nginx):
    """Each stream with each set of scopes."""
    for path, needs in STREAMS.items():
        got = {}
        for scopes in ('', 'stream:read', 'stream:write',
                       'stream:read stream:write'):
            want = 101 if set(needs) <= set(scopes.split()) else 403
            got[scopes] = (await nginx.status(
                path, nginx.forge(scope=scopes)), want)
        tap.ok(all(a == b for a, b in got.values()), f'{path}: {got}')

        bad = [await nginx.status(path, token) for token in (
            None, 'x', nginx.forge(scope=' '.join(needs), exp=1),
            nginx.forge(scope=' '.join(needs), aud='other'),
            nginx.forge(scope=' '.join(needs))[:-6] + 'AAAAAA')]
        tap.ok(bad == [401] * 5, f'{path}: no or a wrong token {bad}')


def history_is_closed(tap, nginx):
    got = [nginx.request('GET', '/history?limit=1', token=t)[0]
           for t in (None, nginx.forge(scope='stream:write'))]
    tap.ok(got == [401, 403], f'/history: {got}')
    got = [nginx.request(m, '/history', body='{"message":"x"}',
                         token=nginx.login('ann'))[0]
           for m in ('POST', 'DELETE')]
    tap.ok(got == [403, 403], f'/history is to read only: {got}')


async def echoes(tap, nginx, ann):
    async with nginx.connect('/echoer', ann) as ws:
        sent = [f'message {n}' for n in range(10)]
        for text in sent:
            await ws.send(text)
        got = [await asyncio.wait_for(ws.recv(), TIMEOUT) for _ in sent]
        tap.ok(got == sent and ws.subprotocol == 'chatter',
               f'/echoer: {got[:3]}...')


def is_event(event, message):
    return (list(event) == ['message', 'action', 'added_at', 'timestamp']
            and event['timestamp'] == event['added_at']
            and event['message'] == message and event['action'] == 'added'
            and TIME.fullmatch(event['added_at']) is not None
            and event['added_at'] > '2001')


async def listens(tap, nginx, ann, feeds):
    async with nginx.connect('/listener', ann) as ws:
        await ws.send(json.dumps({'message': 'one', 'from': 'eve',
                                  'added_at': '2000-01-01T00:00:00.000Z'}))
        await ws.send('{"message":""}')
        error = await get(ws)
        tap.ok(error['error']['path'] == 'message', f'/listener: {error}')
        await ws.send('{"message":"two","action":"removed"}')
        error = await get(ws)
        tap.ok(error['error']['path'] == 'action', f'/listener: {error}')
        await ws.send('{"message":"three"}')

        for text in ('one', 'three'):
            events = [await get(feed) for feed in feeds]
            tap.ok(all(is_event(e, text) for e in events),
                   f'/subscribe: {events}')


async def sums_up(tap, nginx, ann, feeds):
    async with nginx.connect('/summary', ann) as ws:
        for text in ('four', 'five'):
            await ws.send(json.dumps({'message': text}))
        await ws.send('{"end":true}')
        got = await get(ws)
        await asyncio.wait_for(ws.wait_closed(), TIMEOUT)

    tap.ok([list(m) for m in got] == [['message', 'length', 'sent_at']] * 2
           and [m['message'] for m in got] == ['four', 'five']
           and all(m['length'] == 4 and TIME.fullmatch(m['sent_at'])
                   for m in got) and ws.close_code == 1000,
           f'/summary: {got} {ws.close_code}')
    for text in ('four', 'five'):
        events = [await get(feed) for feed in feeds]
        tap.ok(all(is_event(e, text) for e in events),
               f'/subscribe has them too: {events}')


async def remembers(tap, nginx, reader):
    """The history as pages, and as a stream that ends."""
    texts = ['one', 'three', 'four', 'five']
    tiny = [{'message': t} for t in texts]
    shown, streamed = {}, {}
    for view in ('tiny', 'default', ''):
        status, body = nginx.request(
            'GET', f'/history?limit=100&view={view}', token=reader)
        shown[view] = [json.loads(m['data'])
                       for m in json.loads(body)['messages']]
        async with nginx.connect(f'/history?view={view}', reader) as ws:
            streamed[view] = [json.loads(m) async for m in ws]
            code = ws.close_code
    tap.ok(shown['tiny'] == tiny, f'/history, tiny: {shown["tiny"]}')
    tap.ok([m['message'] for m in shown['default']] == texts
           and all(list(m) == ['message', 'length', 'sent_at']
                   and m['length'] == len(m['message'])
                   and TIME.fullmatch(m['sent_at'])
                   for m in shown['default'])
           and shown['default'] == shown[''],
           f'/history, default: {shown["default"][:1]}...')
    tap.ok(streamed == shown and code == 1000,
           f'/history is a stream, too: {code}')
    status, body = nginx.request('GET', '/history?limit=1&view=large',
                                 token=reader)
    tap.ok(status == 400 and 'invalid_view' in body, f'{status} {body}')


def page(tap, nginx):
    status, body = nginx.request('GET', '/')
    tap.ok(status == 200 and 'chatter.js' in body, 'the page')
    got = [nginx.request('GET', p)[0] for p in (
        '/secrets/keys.json', '/secrets/users', '/nginx.conf',
        '/../nginx.conf', '/njs/chatter.js')]
    tap.ok(set(got) <= {404, 400}, f'and nothing else {got}')


async def rotates(tap, nginx, ann):
    """A new key before the old one: it signs, and both are good."""
    name = f'{nginx.prefix}/secrets/keys.json'
    with open(name) as f:
        keys = json.load(f)['keys']
    keys.insert(0, {**keys[0], 'kid': 'new', 'secret': os.urandom(32).hex()})
    with open(name, 'w') as f:
        json.dump({'keys': keys}, f)

    old = set(nginx.workers())
    nginx.process.send_signal(signal.SIGHUP)
    nginx.wait(lambda: old.isdisjoint(nginx.workers()))

    token = nginx.login('ann')
    header = json.loads(base64.urlsafe_b64decode(token.split('.')[0] + '=='))
    got = [await nginx.status('/echoer', t) for t in (token, ann)]
    tap.ok(header['kid'] == 'new' and got == [101, 101],
           f'another key: {header} {got}')


async def play(tap, nginx):
    logs_in(tap, nginx)
    history_is_closed(tap, nginx)
    await lets_in(tap, nginx)

    ann, reader = nginx.login('ann'), nginx.login('reader')
    tap.ok(await nginx.status('/listener', reader) == 403,
           'who may only read does not write')
    await echoes(tap, nginx, ann)
    async with nginx.connect('/subscribe', ann) as first, \
            nginx.connect('/subscribe', reader) as second:
        await listens(tap, nginx, ann, (first, second))
        await sums_up(tap, nginx, ann, (first, second))
    await remembers(tap, nginx, reader)
    page(tap, nginx)
    await rotates(tap, nginx, ann)

    log = nginx.log()
    with open(f'{nginx.prefix}/logs/access.log') as f:
        log += f.read()
    tap.ok(ann not in log and nginx.users['ann'] not in log,
           'no token and no password in the logs')


if __name__ == '__main__':
    tap = Tap()
    nginx = Chatter()
    try:
        asyncio.run(play(tap, nginx))
    finally:
        nginx.stop()
    bad = nginx.alerts()
    tap.ok(not bad, f'no alerts {bad[:3]}')
    tap.done()
