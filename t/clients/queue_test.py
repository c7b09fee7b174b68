"""
Clients that stop reading while a thousand messages are published, and then go
on: python3-websockets for each policy of websocket_send_queue, and a bare
socket.  What they get, and what the access log says, is what the policy says;
a client that reads has all.
"""

import asyncio
import http.client
import re

import websocket
from nginx import Nginx, Tap, TIMEOUT

MESSAGES = 1000
SIZE = 4096         # of a message
BOUND = 40          # messages
BYTES = 20          # messages of that size, where the bound is of bytes

CONF = '''
    websocket_zone zone=live:32m;
    keepalive_requests 1000000;
    log_format queue '$arg_n $websocket_messages_out $websocket_dropped '
                     '$websocket_close_code $websocket_close_reason';
    server {
        listen 127.0.0.1:$PORT reuseport sndbuf=16k;
        access_log logs/queue.log queue;
        websocket_channel a;
        websocket_history length=10000;
        websocket_heartbeat off;
        websocket_send_timeout 5m;
        websocket_close_timeout 5m;
        location = /all { websocket subscribe; websocket_channel a b;
            websocket_send_queue messages=100000 size=64m; }
        location = /close { websocket subscribe;
            websocket_send_queue messages=%(n)d size=64m; }
        location = /close-size { websocket subscribe;
            websocket_send_queue messages=100000 size=%(size)d; }
        location = /drop { websocket subscribe;
            websocket_send_queue messages=%(n)d size=64m
                                 overflow=drop_oldest; }
        location = /drop-size { websocket subscribe;
            websocket_send_queue messages=100000 size=%(size)d
                                 overflow=drop_oldest; }
        location = /conflate { websocket subscribe; websocket_channel a b;
            websocket_send_queue messages=%(n)d size=64m overflow=conflate; }
        location = /conflate-size { websocket subscribe; websocket_channel a b;
            websocket_send_queue messages=100000 size=%(size)d
                                 overflow=conflate; }
        location = /gone { websocket subscribe;
            websocket_send_timeout 1s;
            websocket_close_timeout 1s;
            websocket_send_queue messages=%(n)d size=64m; }
        location = /publish { websocket_publish; websocket_channel $arg_c; }
    }
''' % {'n': BOUND, 'size': BYTES * (SIZE + 4)}

POLICIES = ('close', 'close-size', 'drop', 'drop-size', 'conflate',
            'conflate-size')


async def connect(nginx, path, how=websocket.connect, **options):
    base = f'ws://127.0.0.1:{nginx.port}'
    return await asyncio.wait_for(
        how(f'{base}{path}', compression=None, ping_interval=None, **options),
        TIMEOUT)


def text(channel, i):
    return f'{channel} {i:05d} '.ljust(SIZE, 'x')


def publish(nginx, first, count):
    """To both channels by turns; each is numbered by itself, and in order."""
    connection = http.client.HTTPConnection('127.0.0.1', nginx.port,
                                            timeout=TIMEOUT)
    for i in range(first, first + count):
        for channel in 'ab':
            connection.request('POST', f'/publish?c={channel}',
                               text(channel, i))
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
    connection.close()


async def read(ws, channels):
    """All that comes up to the last text of each of the channels."""
    got, left = [], {text(c, MESSAGES) for c in channels}
    while left:
        got.append(await asyncio.wait_for(ws.recv(), TIMEOUT))
        left.discard(got[-1])
    return got


def numbers(got, channel):
    return [int(m.split()[1]) for m in got if m.startswith(channel)]


def log_line(nginx, name):
    """What the access log says of a session: waits for its end."""
    found = []

    def there():
        with open(f'{nginx.prefix}/logs/queue.log') as f:
            found[:] = re.findall(rf'^{name} (\d+) (\d+) (\d+) (.*)$',
                                  f.read(), re.M)
        return found

    nginx.wait(there)
    out, dropped, code, reason = found[0]
    return int(out), int(dropped), int(code), reason


async def play(tap, nginx):
    fast = await connect(nginx, '/all?n=all', max_queue=None)
    slow = {p: await connect(nginx, f'/{p}?n={p}', websocket.reluctant)
            for p in POLICIES}
    gone = await connect(nginx, '/gone?n=gone', websocket.reluctant)

    # in a thread: who reads goes on meanwhile
    loop = asyncio.get_running_loop()
    flood = loop.run_in_executor(None, publish, nginx, 1, MESSAGES)
    got = await read(fast, 'ab')
    await flood
    everything = list(range(1, MESSAGES + 1))
    tap.ok(numbers(got, 'a') == everything and numbers(got, 'b') == everything,
           f'who reads has all {2 * MESSAGES}, in order')

    for policy in ('close', 'close-size'):
        await closed(tap, nginx, policy, slow[policy])
    for policy in ('drop', 'drop-size'):
        await dropped(tap, nginx, policy, slow[policy])
    for policy in ('conflate', 'conflate-size'):
        await conflated(tap, nginx, policy, slow[policy])

    await given_up(tap, nginx, gone)

    await asyncio.wait_for(fast.close(), TIMEOUT)
    tap.ok(log_line(nginx, 'all')[:3] == (2 * MESSAGES, 0, 1000),
           'and of who reads nothing was dropped')


async def closed(tap, nginx, policy, ws):
    got = []
    try:
        while True:
            got.append(await asyncio.wait_for(ws.recv(), TIMEOUT))
    except websocket.ConnectionClosed as e:
        end = e
    n = len(got)
    tap.ok(0 < n < MESSAGES and numbers(got, 'a') == list(range(1, n + 1)),
           f'{policy}: {n} messages, without a gap')
    tap.ok(end.rcvd and end.rcvd.code == 1013
           and end.rcvd.reason == 'too slow: the send queue is full',
           f'{policy}: then a Close with 1013: {end}')

    out, lost, code, _ = log_line(nginx, policy)
    bound = BOUND if policy == 'close' else BYTES
    tap.ok((out, code) == (n, 1013) and lost <= bound + 1,
           f'{policy}: the log has {out} sent, {lost} dropped')


async def dropped(tap, nginx, policy, ws):
    got = await read(ws, 'a')
    await asyncio.wait_for(ws.close(), TIMEOUT)
    a = numbers(got, 'a')

    tap.ok(a == sorted(set(a)) and a[0] == 1,
           f'{policy}: {len(got)} messages, each once, in order')

    # as many as the bound says have waited, the newest
    bound = BOUND if policy == 'drop' else BYTES
    tap.ok(a[1 - bound:] == list(range(MESSAGES - bound + 2, MESSAGES + 1)),
           f'{policy}: the newest {bound - 1} are there')
    logged(tap, nginx, policy, len(got), MESSAGES)


async def conflated(tap, nginx, policy, ws):
    got = await read(ws, 'ab')
    await asyncio.wait_for(ws.close(), TIMEOUT)
    a, b = numbers(got, 'a'), numbers(got, 'b')

    tap.ok(a == sorted(set(a)) and b == sorted(set(b)) and a[0] == 1
           and (a[-1], b[-1]) == (MESSAGES, MESSAGES),
           f'{policy}: {len(got)} messages in order, the last of each channel')
    logged(tap, nginx, policy, len(got), 2 * MESSAGES)


def logged(tap, nginx, policy, got, published):
    tap.ok(got < published - BOUND and log_line(nginx, policy)[:3]
           == (got, published - got, 1000),
           f'{policy}: the log has the others as dropped')


async def given_up(tap, nginx, ws):
    """It reads nothing, not even the Close: its connection goes."""
    _, _, code, reason = log_line(nginx, 'gone')
    tap.ok(code == 1013, f'who never reads is given up: {code} {reason}')
    ws.transport.abort()


def bare(tap, nginx):
    """A socket that sends its handshake, and then does nothing."""
    s = websocket.small_socket(nginx.port)
    s.settimeout(TIMEOUT)
    s.sendall(b'GET /gone?n=bare HTTP/1.1\r\nHost: x\r\n'
              b'Upgrade: websocket\r\nConnection: upgrade\r\n'
              b'Sec-WebSocket-Version: 13\r\n'
              b'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n')
    assert s.recv(12) == b'HTTP/1.1 101'
    # another stays, so that a publish is answered with 200
    other = websocket.small_socket(nginx.port)
    other.sendall(b'GET /all HTTP/1.1\r\nHost: x\r\n'
                  b'Accept: text/event-stream\r\n\r\n')
    assert other.recv(12) == b'HTTP/1.1 200'
    publish(nginx, MESSAGES + 1, 200)
    out, lost, code, _ = log_line(nginx, 'bare')
    tap.ok(code == 1013 and out + lost < 400 and lost <= BOUND + 1,
           f'a bare socket: {out} sent, {lost} dropped, {code}')
    try:
        while s.recv(65536):
            pass
    except ConnectionError:
        pass
    tap.ok(True, 'and its connection is ended')
    s.close()
    other.close()


if __name__ == '__main__':
    tap = Tap()
    nginx = Nginx('queue', CONF)
    try:
        asyncio.run(play(tap, nginx))
        bare(tap, nginx)
        alerts = nginx.alerts()
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
    tap.done()
