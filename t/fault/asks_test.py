"""
Messages that are not done when they have come, in the language of asks.c: they
are done 50 ms later, or never.  What comes behind them waits, in order, while
clients, tokens, workers and configurations go.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import time
import zlib

from nginx import Nginx, Tap, TIMEOUT, load_fault_module
from peer import (CLOSE, FIN, PING, TEXT, UPGRADE, Closed, Peer, ask, becomes,
                  frame, request, settled, workers)

RSV1 = 0x40
LARGE = b'~' + b'large' * 100000
ROUNDS = 2000
KEY = 'a secret of more than 32 bytes for the test of tokens'
DEFLATE = ('Sec-WebSocket-Extensions: permessage-deflate; '
           'client_no_context_takeover\r\n')

CONF = '''
    websocket_zone zone=live:8m;
    websocket_drain 0;
    websocket_close_timeout 300ms;
    websocket_heartbeat off;
    websocket_history length=1000;
    websocket_max_message_size 1m;
    server {
        listen 127.0.0.1:$PORT;
        location ~ ^/ws/(.*)$ { websocket pubsub; websocket_channel $1; }
        location ~ ^/small/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_deflate on min_length=1;
        }
        location ~ ^/rate/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_rate messages=10/1s burst=1 action=delay;
        }
        location ~ ^/errors/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_max_errors 2/1h;
        }
        location ~ ^/beat/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_idle_timeout 100ms;
            websocket_heartbeat interval=100ms timeout=100ms;
        }
        location ~ ^/token/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_jwt key=key alg=HS256 leeway=1s;
        }
        location ~ ^/pub/(.*)$ { websocket_publish; websocket_channel $1; }
        location = /status { websocket_status json; }
    }
'''


def texts(*all_of_them):
    return b''.join(frame(FIN | TEXT, text) for text in all_of_them)


async def code(peer):
    """What the next Close says, before which there may be messages."""
    try:
        while True:
            await peer.receive()
    except Closed as e:
        return e.code


async def receive(peer, n):
    return [await peer.receive() for _ in range(n)]


def given_up(nginx, text):
    return nginx.log().count(f'asks: given up {text}.')


async def busy(port, path, text, headers=''):
    """A session of which a message is under work, with others behind it."""
    peer = await Peer(port).websocket(path, headers)
    peer.write(texts(b'=now', b'&' + text, b'behind'))
    assert await peer.receive() == b'now'
    return peer


async def gives_up(nginx, text):
    async def found():
        return given_up(nginx, text) > 0
    return await becomes(found, True)


async def history(port, channel):
    _, answer = await ask(port, 'GET', f'/pub/{channel}?limit=1000')
    return [m['data'] for m in answer.get('messages', [])]


async def order(tap, nginx):
    peer = await Peer(nginx.port).websocket('/ws/order')
    other = await Peer(nginx.port).websocket('/ws/order')

    peer.write(texts(b'~a', b'b', b'=c', b'~d', b'e') + frame(FIN | PING, b'p')
               + texts(b'!f', b'~~', b'g'))
    got = await receive(peer, 9)
    want = [b'a', b'b', b'c', b'd', b'e', b'p', b'no: f', b'~', b'g']
    tap.ok(sorted(got) == sorted(want)
           and [t for t in got if t not in (b'p', b'no: f')]
           == [t for t in want if t not in (b'p', b'no: f')],
           f'what one read brings: {got}')
    tap.ok(await receive(other, 7) == [t for t in want
                                       if t not in (b'p', b'no: f')],
           'comes to others in its order')

    peer.write(texts(*[b'~%d' % i for i in range(20)]))
    tap.ok(await receive(peer, 20) == [b'%d' % i for i in range(20)],
           'one after the other')

    parts = [frame(TEXT, b'~one ')] + [frame(0, b'%d ' % i) for i in range(9)]
    for part in parts:
        peer.write(part)
    peer.write(frame(FIN | 0, b'end') + texts(b'behind'))
    tap.ok(await receive(peer, 2)
           == [b'one ' + b''.join(b'%d ' % i for i in range(9)) + b'end',
               b'behind'], 'in pieces')

    peer.write(texts(LARGE, b'=' + LARGE, b'behind'))
    tap.ok(await receive(peer, 3) == [LARGE[1:], LARGE, b'behind'],
           'more than is read at once')

    peer.write(texts(b'^~slow'))
    other.send(FIN | TEXT, b'fast')
    tap.ok(await receive(peer, 2) == [b'fast', b'slow'],
           'what others send comes meanwhile')

    peer.write(texts(b'~last') + frame(FIN | CLOSE, b'\x03\xe8bye'))
    tap.ok(await code(peer) == 1000
           and (await history(nginx.port, 'order'))[-1] == 'last',
           'and then a Close')
    other.close()


async def compressed(tap, nginx):
    peer = await Peer(nginx.port).websocket('/small/small', DEFLATE)

    def packed(text):
        deflate = zlib.compressobj(wbits=-15)
        data = deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH)
        return frame(FIN | RSV1 | TEXT, data[:-4])

    peer.write(b''.join(packed(b'~%d' % i) for i in range(5)))
    tap.ok(await becomes(lambda: history(nginx.port, 'small'),
                         [f'{i}' for i in range(5)])
           == [f'{i}' for i in range(5)], 'compressed')
    peer.close()


async def handshake(tap, nginx):
    peer = Peer(nginx.port)
    await peer.connect()
    peer.write(request('/ws/handshake', UPGRADE) + texts(b'~one', b'two'))
    await peer.timed(peer.reader.readuntil(b'\r\n\r\n'))
    tap.ok(await receive(peer, 2) == [b'one', b'two'],
           'what comes with the handshake')
    peer.close()


async def ends(tap, nginx):
    peer = await Peer(nginx.port).websocket('/ws/ends')
    peer.write(texts(b'~a', b'#b', b'c'))
    tap.ok(await code(peer) == 1008
           and await history(nginx.port, 'ends') == ['a'],
           'one that fails is the last')

    peer = await Peer(nginx.port).websocket('/errors/refused')
    peer.write(texts(b'!a', b'b', b'!c', b'd', b'!e', b'f'))
    tap.ok(await code(peer) == 1008
           and await history(nginx.port, 'refused') == ['b', 'd'],
           'one that is refused is an error')


async def rates(tap, nginx):
    peer = await Peer(nginx.port).websocket('/rate/rate')
    peer.write(texts(b'~a', b'b', b'^~c', b'=d', b'e'))
    tap.ok(await receive(peer, 5) == [b'a', b'b', b'c', b'd', b'e'],
           'beside a rate: whichever takes longer')
    peer.close()


async def heartbeats(tap, nginx):
    peer = await busy(nginx.port, '/beat/beat', b'x')
    deaf = await Peer(nginx.port).websocket('/beat/deaf')
    idle = await Peer(nginx.port).websocket('/beat/idle')

    # the one sends no Pongs, the other no messages

    talker = await Peer(nginx.port).websocket('/ws/deaf')

    async def talk():
        while True:
            talker.send(FIN | TEXT, b'x')
            await asyncio.sleep(0.02)

    task = asyncio.create_task(talk())
    while (first := (await deaf.timed(deaf.frame()))[0]) != FIN | CLOSE:
        assert first in (FIN | TEXT, FIN | PING)
    task.cancel()
    talker.close()

    tap.ok(await code(idle) == 1000, 'some are dead, or idle')
    await ask(nginx.port, 'POST', '/pub/beat', '', b'news')
    tap.ok(await peer.receive() == b'news', 'who cannot be heard is neither')
    peer.reset()
    tap.ok(await gives_up(nginx, 'x'), 'until it goes')


async def clients(tap, nginx):
    peer = await Peer(nginx.port).websocket('/ws/clients')
    peer.write(texts(b'^~finished', b'behind'))
    peer.writer.write_eof()
    await peer.ended()
    tap.ok(await history(nginx.port, 'clients') == ['finished', 'behind'],
           'a client that sends no more: all is done')

    peer = await busy(nginx.port, '/ws/reset', b'reset')
    peer.reset()
    tap.ok(await gives_up(nginx, 'reset')
           and await history(nginx.port, 'reset') == ['now'],
           'a client that has gone: nothing is looked at')


def token(life):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')

    text = b'.'.join(encode(json.dumps(part).encode()) for part in (
        {'alg': 'HS256'}, {'exp': int(time.time()) + life}))
    mac = hmac.new(KEY.encode(), text, hashlib.sha256).digest()
    return (text + b'.' + encode(mac)).decode()


async def tokens(tap, nginx):
    peer = await busy(nginx.port, '/token/token', b'token',
                      f'Authorization: Bearer {token(1)}\r\n')
    tap.ok(await code(peer) == 4401 and await gives_up(nginx, 'token')
           and await history(nginx.port, 'token') == ['now'],
           'a token expires')


async def deleted(tap, nginx):
    peer = await busy(nginx.port, '/ws/deleted', b'deleted')
    await ask(nginx.port, 'DELETE', '/pub/deleted')
    tap.ok(await code(peer) == 1000 and await gives_up(nginx, 'deleted'),
           'a channel is deleted')


async def rounds(tap, nginx):
    """Who does what in vain costs nothing for good."""
    peer = await Peer(nginx.port).websocket('/ws/rounds')
    peer.write(texts(*[b'=%d' % i for i in range(ROUNDS)]))
    tap.ok(await receive(peer, ROUNDS) == [b'%d' % i for i in range(ROUNDS)],
           f'{ROUNDS} that are done at once')
    peer.close()


async def processes(tap, nginx):
    port = nginx.port

    [pid] = nginx.workers()
    peer = await busy(port, '/ws/reload', b'reload')
    nginx.process.send_signal(signal.SIGHUP)
    tap.ok(await code(peer) == 1012 and await gives_up(nginx, 'reload'),
           'a reload')
    nginx.wait(lambda: pid not in nginx.workers() and nginx.workers())

    [pid] = workers(nginx, 1)
    await busy(port, '/ws/killed', b'killed')
    os.kill(pid, signal.SIGKILL)
    nginx.wait(lambda: nginx.workers() not in ([], [pid]))

    peer = await busy(port, '/ws/quit', b'quit')
    nginx.process.send_signal(signal.SIGQUIT)
    tap.ok(await code(peer) == 1001 and await gives_up(nginx, 'quit'),
           'the end')
    tap.ok(nginx.process.wait(TIMEOUT) == 0, 'which comes')


async def run(tap):
    nginx = Nginx('asks', CONF, workers=1, files={'key': KEY})
    try:
        workers(nginx, 1)
        most = await settled(nginx)
        for test in (order, compressed, handshake, ends, rates, heartbeats,
                     clients, tokens, deleted, rounds):
            await test(tap, nginx)
        tap.ok(await settled(nginx, most) <= most, 'no connection is left')
        await processes(tap, nginx)
    finally:
        if nginx.process.poll() is None:
            nginx.stop()
    but = ('exited on signal 9',)
    tap.ok(not nginx.alerts(but), f'no alerts: {nginx.alerts(but)[:3]}')


if __name__ == '__main__':
    load_fault_module('asks')
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
