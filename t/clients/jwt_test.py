"""
Tokens that end while the session lives: python3-websockets renews them, or is
closed with 4401; streams over HTTP end with an event.  Keys are rotated by a
reload.  A browser's way to send a token is that of a subprotocol.
"""

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import time

import websocket
from nginx import BUILD, Nginx, Tap, TIMEOUT

WORKERS = 2
SESSIONS = 400
SECRET = 'a secret of more than 32 bytes for the test of tokens'

CONF = '''
    websocket_zone zone=live:1m;
    log_format ws '$uri $websocket_user $websocket_jwt_n '
                  '$websocket_close_code $websocket_close_reason';
    server {
        listen 127.0.0.1:$PORT;
        access_log logs/ws.log ws;
        websocket_jwt key=%(key)s alg=HS256;
        websocket_channel $uri;
        websocket_close_timeout 1s;
        websocket_heartbeat off;
        location = /ws { websocket pubsub; websocket_subprotocols chat; }
        location = /slow { websocket pubsub; }
        location = /renew { websocket pubsub;
            websocket_jwt key=%(key)s alg=HS256 renew=1h; }
        location = /feed { websocket subscribe;
            websocket_jwt key=%(key)s alg=HS256 renew=2s; }
        location = /leeway { websocket pubsub;
            websocket_jwt key=%(key)s alg=HS256 leeway=1h; }
        location = /rotate { websocket echo; websocket_drain 100ms;
            websocket_jwt key=%(keys)s; }
        location = /until { websocket pubsub; websocket_jwt off;
            websocket_expires $arg_until; }
        location = /aged { websocket pubsub;
            websocket_jwt key=%(key)s alg=HS256 max_age=4s; }
        location = /publish { websocket_publish; websocket_jwt off;
            websocket_channel $arg_c; }
        location = /revoke { websocket_revoke time=1h; websocket_jwt off; }
        location = /own { websocket_revoke time=1h; }
    }
'''


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=')


def token(life=None, secret=SECRET, kid=None, **claims):
    header = {'alg': 'HS256'}
    if kid:
        header['kid'] = kid
    claims = {'sub': 'ann', 'n': 5, **claims}
    if life is not None:
        claims['exp'] = int(time.time()) + life
    text = b'.'.join(encode(json.dumps(p).encode()) for p in (header, claims))
    mac = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return (text + b'.' + encode(mac)).decode()


def expiry(text):
    body = text.split('.')[1]
    return json.loads(base64.urlsafe_b64decode(body + '=' * (-len(body) % 4))
                      )['exp']


async def connect(nginx, path, text, **options):
    return await asyncio.wait_for(websocket.connect(
        f'ws://127.0.0.1:{nginx.port}{path}', ping_interval=None,
        headers={'Authorization': f'Bearer {text}'}, **options), TIMEOUT)


async def recv(ws):
    return await asyncio.wait_for(ws.recv(), TIMEOUT)


async def closed(ws):
    """The code and the reason of the server's Close, and the seconds until."""
    begin = time.time()
    await asyncio.wait_for(ws.wait_closed(), TIMEOUT)
    return ws.close_code, ws.close_reason, time.time() - begin


async def expires(tap, nginx):
    text = token(4)
    ws = await connect(nginx, '/ws', text)
    await ws.send('hello')
    tap.ok(await recv(ws) == 'hello', 'a message before the end')
    code, reason, _ = await closed(ws)
    late = time.time() - expiry(text)
    tap.ok((code, reason) == (4401, 'token expired'),
           f'closed at the end of the token: {code} {reason}')
    tap.ok(0 <= late < 10, f'{late:.3f} s after it')

    # longer than a turn of the timers' wheel, which is no end
    ws = await connect(nginx, '/leeway', token(0))
    await ws.send('hello')
    tap.ok(await recv(ws) == 'hello', 'within the leeway')
    await ws.close()


async def renews(tap, nginx):
    first = token(4)
    ws = await connect(nginx, '/renew', first)
    got = json.loads(await recv(ws))
    left = expiry(first) - time.time()
    tap.ok(got == {'type': 'token_expiring', 'expires': expiry(first)},
           f'reminded: {got}')
    tap.ok(0 < left < 2.2, f'not before half of the time is over: {left:.3f}')

    second = token(7)
    await ws.send(json.dumps({'type': 'token', 'token': second}))
    got = json.loads(await recv(ws))
    tap.ok(got == {'type': 'token_renewed', 'expires': expiry(second)},
           f'renewed: {got}')

    got = json.loads(await recv(ws))
    tap.ok(got == {'type': 'token_expiring', 'expires': expiry(second)}
           and time.time() > expiry(first) - 1.2, f'reminded again: {got}')

    await ws.send('after the first')
    tap.ok(await recv(ws) == 'after the first', 'and goes on')

    # another's, and none: the session ends when the second does
    await ws.send(json.dumps({'type': 'token',
                              'token': token(60, sub='bob')}))
    got = json.loads(await recv(ws))
    tap.ok(got['type'] == 'token_error', f'another subject: {got}')
    code, reason, _ = await closed(ws)
    tap.ok(code == 4401 and time.time() >= expiry(second),
           f'closed with the second: {code} {reason}')


async def limited(tap, nginx):
    """A time that the configuration says, and a token's greatest age."""
    now = int(time.time())
    ends = now + 3
    aged = token(3600, iat=now)
    sockets = [await connect(nginx, path, aged)
               for path in (f'/until?until={ends}', '/aged')]

    for ws, end, text in zip(sockets, (ends, now + 4),
                             ('session expired', 'token expired')):
        code, reason, _ = await closed(ws)
        late = time.time() - end
        tap.ok((code, reason) == (4401, text) and 0 <= late < 10,
               f'closed: {code} {reason}, {late:.3f} s after it')


async def feeds(tap, nginx):
    """A stream that takes no message takes a token."""
    ws = await connect(nginx, '/feed', token(3))
    other = await connect(nginx, '/feed', token(60))
    got = json.loads(await recv(ws))
    tap.ok(got['type'] == 'token_expiring', f'of a feed: {got}')
    await ws.send(json.dumps({'type': 'token', 'token': token()}))
    got = json.loads(await recv(ws))
    tap.ok(got == {'type': 'token_renewed', 'expires': None},
           f'renewed for ever: {got}')

    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, publish, nginx, '/feed', 'news')
    tap.ok(await recv(other) == 'news', 'nobody else has seen the token')
    await ws.close()
    await other.close()


async def browsers(tap, nginx):
    """What a page can do: new WebSocket(url, ['chat', 'bearer.' + token])."""
    ws = await asyncio.wait_for(websocket.connect(
        f'ws://127.0.0.1:{nginx.port}/ws', ping_interval=None,
        origin=f'http://127.0.0.1:{nginx.port}',
        subprotocols=['chat', f'bearer.{token(60)}']), TIMEOUT)
    tap.ok(ws.subprotocol == 'chat', f'subprotocol {ws.subprotocol}')
    await ws.close()

    got = await asyncio.wait_for(websocket.status(websocket.connect(
        f'ws://127.0.0.1:{nginx.port}/ws', subprotocols=['chat'])), TIMEOUT)
    tap.ok(got == 401, f'without a token {got}')


def publish(nginx, channel, text):
    connection = http.client.HTTPConnection('127.0.0.1', nginx.port,
                                            timeout=TIMEOUT)
    connection.request('POST', f'/publish?c={channel}', text)
    status = connection.getresponse().status
    connection.close()
    return status


def streams(tap, nginx):
    """Server-sent events and long-polling end when the token does."""
    for path, accept in (('/ws?', 'text/event-stream'), ('/ws?', '*/*'),
                         ('/until?', 'text/event-stream'), ('/until?', '*/*')):
        text = token(2)
        path += f'until={expiry(text)}&'
        connection = http.client.HTTPConnection('127.0.0.1', nginx.port,
                                                timeout=TIMEOUT)
        headers = {'Accept': accept, 'Authorization': f'Bearer {text}'}
        connection.request('GET', f'{path}transport=poll', headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()

        if accept == '*/*':

            # the first answer comes at once; the next one waits
            position = json.loads(body)['position']
            connection.request('GET', f'{path}since={position}',
                               headers=headers)
            answer = connection.getresponse()
            body = answer.read().decode()
            close = json.loads(body).get('close')
        else:
            last = body.split('event: close\ndata: ')
            close = json.loads(last[1]) if len(last) == 2 else body

        reason = 'token' if path.startswith('/ws') else 'session'
        tap.ok(close == {'code': 4401, 'reason': f'{reason} expired'}
               and time.time() >= expiry(text), f'{path}: {close}')
        connection.close()


def post(nginx, path, text, body):
    """A POST whose body lacks its last byte; to be called for the status."""
    s = socket.create_connection(('127.0.0.1', nginx.port), TIMEOUT)
    s.sendall(f'POST {path} HTTP/1.1\r\nHost: x\r\n'
              f'Authorization: Bearer {text}\r\n'
              f'Content-Length: {len(body)}\r\n\r\n{body[:-1]}'.encode())

    def finish():
        s.sendall(body[-1:].encode())
        with s:
            return int(s.recv(4096).split()[1])

    return finish


def slow(tap, nginx):
    """A token is looked at again when a body has come."""
    eve = token(60, sub='eve', iat=int(time.time()) - 5)
    body = '{"user":"frank"}'
    late = {path: post(nginx, path, text, body) for path, text in
            (('/slow', token(1)), ('/own', token(1)))}
    old = {path: post(nginx, path, eve, body) for path in ('/slow', '/own')}
    good = post(nginx, '/slow', token(60), body)

    connection = http.client.HTTPConnection('127.0.0.1', nginx.port,
                                            timeout=TIMEOUT)
    connection.request('POST', '/revoke', '{"user":"eve"}')
    now = json.loads(connection.getresponse().read())['until'] - 3600

    tap.ok([finish() for finish in old.values()] == [401, 401],
           'revoked while the body came')
    time.sleep(1.1)
    tap.ok([finish() for finish in late.values()] == [401, 401],
           'expired while the body came')
    tap.ok(good() == 202, 'valid all the time')

    # one that is issued later is none that was revoked
    newer = token(60, sub='eve', iat=now + 1)
    status = None
    while status in (None, 401) and time.time() < now + TIMEOUT:
        status = post(nginx, '/slow', newer, body)()
    tap.ok(status == 202, f'issued after the revocation: {status}')


def write_keys(name, *kids):
    with open(name, 'w') as f:
        json.dump({'keys': [{'kid': k, 'alg': 'HS256',
                             'secret': f'{SECRET} {k}'} for k in kids]}, f)


async def status(nginx, kid):
    return await websocket.status(connect(
        nginx, '/rotate', token(60, f'{SECRET} {kid}', kid)))


async def rotate(tap, nginx, keys):
    tap.ok([await status(nginx, k) for k in 'ab'] == [101, 401],
           'the first key')
    ws = await connect(nginx, '/rotate', token(60, f'{SECRET} a', 'a'))

    for kids, want in (('ab', [101, 101]), ('b', [401, 101])):
        old = set(nginx.workers())
        write_keys(keys, *kids)
        nginx.process.send_signal(signal.SIGHUP)
        nginx.wait(lambda: len(set(nginx.workers()) - old) == WORKERS)
        await until(tap, nginx, kids, want)

    code, _, _ = await closed(ws)
    tap.ok(code == 1012, f'who was there comes back after the reload: {code}')

    # a file that is wrong changes nothing
    with open(keys, 'w') as f:
        f.write('{"keys":')
    nginx.process.send_signal(signal.SIGHUP)
    nginx.wait(lambda: f'"{keys}"' in nginx.log())
    tap.ok([await status(nginx, k) for k in 'ab'] == [401, 101],
           'a broken file leaves the keys as they are')
    tap.ok(SECRET not in nginx.log(), 'and the log has none of them')


async def until(tap, nginx, kids, want):
    """Old workers may accept for a moment longer."""
    end = time.monotonic() + TIMEOUT
    got = None
    while got != want and time.monotonic() < end:
        got = [await status(nginx, k) for k in 'ab']
    tap.ok(got == want, f'keys {kids}: {got}')


def private(nginx):
    """Memory of the workers, in KB."""
    total = 0
    for pid in nginx.workers():
        with open(f'/proc/{pid}/smaps_rollup') as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith('Private_'))
    return total


def handshakes(nginx, n, text):
    request = (f'GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n'
               f'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
               f'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
               f'Authorization: Bearer {text}\r\n\r\n')
    sockets = []
    for _ in range(n):
        s = socket.create_connection(('127.0.0.1', nginx.port), TIMEOUT)
        s.sendall(request.encode())
        assert s.recv(4096).startswith(b'HTTP/1.1 101')
        sockets.append(s)
    return sockets


def memory(tap, nginx):
    """The log's line wants the user, whom the header may have."""
    if 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
        tap.ok(True, 'memory # SKIP the sanitizer keeps what is freed')
        return
    short, long = token(3600), token(3600, x='x' * 4096)
    warm = handshakes(nginx, SESSIONS, short)
    for s in warm:
        s.close()
    before = private(nginx)
    sockets = handshakes(nginx, SESSIONS, long)
    grown = private(nginx) - before
    for s in sockets:
        s.close()
    tap.ok(grown < SESSIONS * 2, f'{SESSIONS} sessions do not keep the token '
           f'of a header: {grown} KB')


def log_lines(nginx):
    with open(f'{nginx.prefix}/logs/ws.log') as f:
        return f.read().splitlines()


async def play(tap, nginx, keys):
    loop = asyncio.get_running_loop()
    await asyncio.gather(expires(tap, nginx), renews(tap, nginx),
                         limited(tap, nginx),
                         loop.run_in_executor(None, streams, tap, nginx),
                         loop.run_in_executor(None, slow, tap, nginx))
    await feeds(tap, nginx)
    await browsers(tap, nginx)

    line = '/ws ann 5 4401 token expired'
    nginx.wait(lambda: line in log_lines(nginx))
    tap.ok(True, line)

    memory(tap, nginx)
    await rotate(tap, nginx, keys)


if __name__ == '__main__':
    tap = Tap()
    folder = os.path.abspath(f'{BUILD}/clients')
    os.makedirs(folder, exist_ok=True)
    key, keys = f'{folder}/jwt.key', f'{folder}/jwt.json'

    with open(key, 'w') as f:
        f.write(SECRET)
    write_keys(keys, 'a')

    nginx = Nginx('jwt', CONF % {'key': key, 'keys': keys}, WORKERS)
    try:
        asyncio.run(play(tap, nginx, keys))
    finally:
        nginx.stop()
    bad = nginx.alerts(but=[f'"{keys}"'])
    tap.ok(not bad, f'no alerts {bad}')
    tap.done()
