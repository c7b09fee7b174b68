"""
A broker that needs 50 ms: requests and sessions wait for it, in order, and
their clients, workers and configuration go meanwhile.
"""

import asyncio
import contextlib
import os
import signal

from nginx import Nginx, Tap, TIMEOUT, load_fault_module
from peer import (BROKEN, FIN, TEXT, Closed, Http, Peer, ask, becomes, frame,
                  settled, workers)

TRIES = 50      # until somebody has gone in these 50 ms

CONF = '''
    websocket_zone zone=live:1m;
    websocket_drain 100ms;
    websocket_close_timeout 300ms;
    websocket_history length=1000;
    add_header X-Worker $pid always;
    server {
        listen 127.0.0.1:$PORT;
        location ~ ^/ws/(.*)$ { websocket pubsub; websocket_channel $1; }
        location ~ ^/in/(.*)$ { websocket publish; websocket_channel $1; }
        location ~ ^/pub/(.*)$ { websocket_publish; websocket_channel $1; }
        location = /status { websocket_status json; }
    }
'''


async def history(port, channel):
    """The messages of a channel."""
    _, answer = await ask(port, 'GET', f'/pub/{channel}?limit=1000')
    return [m['data'] for m in answer.get('messages', [])]


async def post(port, channel, text):
    """Sends a request, and does not wait for its answer."""
    peer = Peer(port)
    await peer.connect()
    peer.write(f'POST /pub/{channel} HTTP/1.1\r\nHost: x\r\n'
               f'Content-Length: {len(text)}\r\n\r\n{text}'.encode())
    return peer


async def answer(peer):
    """The status of an answer, or None when there is none."""
    try:
        head = await peer.timed(peer.reader.readuntil(b'\r\n\r\n'))
        return int(head.split()[1])
    except BROKEN:
        return None


async def published(tap, nginx):
    port = nginx.port

    reader = await Peer(port).websocket('/ws/a')
    answers = await asyncio.gather(*[ask(port, 'POST', '/pub/a', '', b'x%d' % i)
                                     for i in range(5)])
    tap.ok(sorted((status, a['offset']) for status, a in answers)
           == [(200, i) for i in range(1, 6)],
           'requests are answered when their messages are published')

    got = [await reader.receive() for _ in range(5)]
    tap.ok(sorted(got) == [b'x%d' % i for i in range(5)], 'which come')

    reader.write(b''.join(frame(FIN | TEXT, b'%d' % i) for i in range(6)))
    tap.ok([await reader.receive() for _ in range(6)]
           == [b'%d' % i for i in range(6)],
           "a session's messages come in their order")

    reader.write(frame(FIN | TEXT, b'one') + frame(FIN | 9, b'ping'))
    got = [await reader.receive(), await reader.receive()]
    tap.ok(sorted(got) == [b'one', b'ping'], 'a Ping behind one is answered')
    reader.close()


async def gone(tap, nginx, name, begin):
    """Clients go, until one has in time: the message is published."""
    n = nginx.log().count('nobody waits')
    for i in range(TRIES):
        await begin(f'{name}{i}')
        what = await becomes(lambda: history(nginx.port, f'{name}{i}'), ['x'])
        if nginx.log().count('nobody waits') > n:
            break
    tap.ok(what == ['x'] and nginx.log().count('nobody waits') > n,
           f'the client has gone: {name}')


async def clients(tap, nginx):
    port = nginx.port

    async def request(channel, reset):
        peer = await post(port, channel, 'x')
        await asyncio.sleep(0.01)
        peer.reset() if reset else peer.close()

    async def session(channel, reset):
        peer = await Peer(port).websocket(f'/in/{channel}')
        peer.send(FIN | TEXT, b'x')
        await asyncio.sleep(0.01)
        peer.reset() if reset else peer.close()

    await gone(tap, nginx, 'closed', lambda c: request(c, False))
    await gone(tap, nginx, 'reset', lambda c: request(c, True))
    await gone(tap, nginx, 'session', lambda c: session(c, True))


async def processes(tap, nginx):
    port = nginx.port
    old = workers(nginx, 2)

    peer = await post(port, 'reload', 'x')
    talker = await Peer(port).websocket('/in/talker')
    talker.write(b''.join(frame(FIN | TEXT, b'%d' % i) for i in range(3)))
    nginx.process.send_signal(signal.SIGHUP)
    tap.ok(await answer(peer) == 202, 'a reload: the answer comes')
    nginx.wait(lambda: not set(old) & set(nginx.workers()))
    got = await history(port, 'talker')
    tap.ok(got == ['0', '1', '2'][:len(got)],
           'of a session that is sent away nothing is out of order')
    talker.close()

    peers = [await post(port, 'killed', 'x') for _ in range(4)]
    talker = await Peer(port).websocket('/in/killed')
    talker.send(FIN | TEXT, b'x')
    old = workers(nginx, 2)
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    got = [await answer(peer) for peer in peers]
    tap.ok(set(got) <= {None, 202}, 'a kill: the answer comes, or nothing')
    nginx.wait(lambda: not set(old) & set(nginx.workers()))
    status, _ = await ask(port, 'POST', '/pub/killed', '', b'y')
    tap.ok(status == 202 and (await history(port, 'killed'))[-1] == 'y',
           'and others go on')
    talker.close()


async def quits(tap, nginx):
    peer = await post(nginx.port, 'quit', 'x')
    await asyncio.sleep(0.01)
    nginx.process.send_signal(signal.SIGQUIT)
    tap.ok(await answer(peer) == 202, 'the end: the answer comes')
    tap.ok(nginx.process.wait(TIMEOUT) == 0, 'and then the end')


async def run(tap):
    nginx = Nginx('broker', CONF)
    try:
        workers(nginx, 2)
        most = await settled(nginx)
        await published(tap, nginx)
        await clients(tap, nginx)
        tap.ok(await settled(nginx, most) <= most, 'no connection is left')
        await processes(tap, nginx)
        await quits(tap, nginx)
    finally:
        if nginx.process.poll() is None:
            nginx.stop()
    but = ('exited on signal 9',)
    tap.ok(not nginx.alerts(but), f'no alerts: {nginx.alerts(but)}')


if __name__ == '__main__':
    load_fault_module('late')
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
