"""
A broker that needs 50 ms: requests, sessions and handshakes wait for it, in
order, and their clients, workers and configuration go meanwhile.  It is told
who is the first and the last subscriber of a channel.
"""

import asyncio
import json
import os
import signal
from urllib.parse import quote

from nginx import Nginx, Tap, TIMEOUT, load_fault_module
from peer import (BROKEN, FIN, TEXT, UPGRADE, Closed, Peer, ask, becomes,
                  frame, request, settled, workers)

FILTERED = '/ws/o?filter=' + quote('{"eq":["tags.a","b"]}')
NDJSON = 'Content-Type: application/x-ndjson\r\n'
TRIES = 50      # until somebody has gone in these 50 ms

CONF = '''
    websocket_zone zone=live:1m;
    websocket_drain 100ms;
    websocket_close_timeout 300ms;
    websocket_history length=1000;
    websocket_namespace default { history length=1000; }
    websocket_filter on;
    add_header X-Worker $pid always;
    server {
        listen 127.0.0.1:$PORT;
        location ~ ^/ws/(.*)$ { websocket pubsub; websocket_channel $1; }
        location ~ ^/in/(.*)$ { websocket publish; websocket_channel $1; }
        location ~ ^/pub/(.*)$ { websocket_publish; websocket_channel $1; }
        location = /centrifuge { websocket centrifuge; websocket_insecure on; }
        location = /status { websocket_status json; }
        location = /revoke { websocket_revoke time=60s; }
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
    answers = await asyncio.gather(*[
        ask(port, 'POST', '/pub/a', '', b'x%d' % i) for i in range(5)])
    tap.ok(sorted((status, a['offset']) for status, a in answers)
           == [(200, i) for i in range(1, 6)],
           'requests are answered when their messages are published')

    got = [await reader.receive() for _ in range(5)]
    tap.ok(sorted(got) == [b'x%d' % i for i in range(5)], 'which come')

    status, a = await ask(port, 'POST', '/pub/a', NDJSON, b'"n1"\n"n2"\n"n3"')
    got = [await reader.receive() for _ in range(3)]
    tap.ok(status == 200 and a['offsets'] == [6, 7, 8]
           and got == [b'"n1"', b'"n2"', b'"n3"'],
           f'many messages are published one after the other: {a}')

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


async def acked(tap, nginx):
    """What completes later is acknowledged then, in order."""
    peer = await Peer(nginx.port).websocket('/in/acked?ack=1')
    peer.write(b''.join(frame(FIN | TEXT, b'{"id":"%d"}' % (i % 4))
                        for i in range(6)))
    got = [json.loads(await peer.receive()) for _ in range(6)]
    tap.ok([a['ack'] for a in got] == ['0', '1', '2', '3', '0', '1']
           and [int(a['position'].split(':')[1]) for a in got]
           == [1, 2, 3, 4, 1, 2]
           and ['duplicate' in a for a in got] == 4 * [False] + 2 * [True],
           'acks come when messages are published, in their order')
    peer.close()


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

    async def batch(channel, reset):
        peer = Peer(port)
        await peer.connect()
        peer.write(f'POST /pub/{channel} HTTP/1.1\r\nHost: x\r\n'
                   f'{NDJSON}Content-Length: 4\r\n\r\n1\n2\n'.encode())
        await asyncio.sleep(0.01)
        peer.reset()

    n = nginx.log().count('nobody waits')
    for i in range(TRIES):
        await batch(f'batch{i}', True)
        what = await becomes(lambda: history(port, f'batch{i}'), ['1'])
        if nginx.log().count('nobody waits') > n:
            break
    tap.ok(what == ['1'], f'the client of many messages has gone: {what}')

    await gone(tap, nginx, 'closed', lambda c: request(c, False))
    await gone(tap, nginx, 'reset', lambda c: request(c, True))
    await gone(tap, nginx, 'session', lambda c: session(c, True))


async def commands(tap, nginx):
    """Centrifugo's commands: each waits for what was before it."""
    port = nginx.port

    def many(channel):
        return '\n'.join(
            ['{"id":1,"connect":{}}',
             f'{{"id":2,"subscribe":{{"channel":"{channel}"}}}}',
             f'{{"id":3,"publish":{{"channel":"{channel}","data":1}}}}',
             f'{{"id":4,"publish":{{"channel":"{channel}","data":2}}}}',
             f'{{"id":5,"unsubscribe":{{"channel":"{channel}"}}}}',
             f'{{"id":6,"subscribe":{{"channel":"{channel}s"}}}}']).encode()

    peer = await Peer(port).websocket('/centrifuge')
    peer.send(FIN | TEXT, many('one'))
    peer.send(FIN | TEXT, b'{"id":7,"rpc":{}}')
    got = []
    while not got or got[-1].get('id') != 7:
        got.append(json.loads(await peer.receive()))
    tap.ok([m['id'] for m in got if 'id' in m] == [1, 2, 3, 4, 5, 6, 7]
           and [m['push']['pub']['data'] for m in got if 'push' in m]
           in ([1], [1, 2]), f'commands are answered in their order: {got}')
    peer.close()

    async def begin(channel):
        peer = await Peer(port).websocket('/centrifuge')
        peer.send(FIN | TEXT, many(channel).replace(b'1}}', b'"x"}}', 1))
        for _ in range(2):
            await peer.receive()
        await asyncio.sleep(0.01)
        peer.reset()

    n = nginx.log().count('nobody waits')
    for i in range(TRIES):
        await begin(f'commands{i}')
        what = await becomes(lambda: history(port, f'commands{i}'), ['"x"'])
        if nginx.log().count('nobody waits') > n:
            break
    tap.ok(what == ['"x"'], f'the client of commands has gone: {what}')

    for _ in range(10):
        peer = await Peer(port).websocket('/centrifuge')
        peer.send(FIN | TEXT, many('fetched'))
        await peer.receive()
        peer.reset()
    tap.ok(True, 'clients have gone whose channel was fetched')


async def opens(tap, nginx):
    port = nginx.port

    await ask(port, 'POST', '/pub/open', '', b'x')
    peer = await Peer(port).websocket('/ws/open')
    peer.send(FIN | TEXT, b'y')
    tap.ok(await peer.receive() == b'y', 'a handshake is answered later')
    peer.close()

    peer = Peer(port)
    await peer.connect()
    peer.write(request('/ws/open', UPGRADE) + frame(FIN | TEXT, b'at once'))
    await peer.timed(peer.reader.readuntil(b'\r\n\r\n'))
    tap.ok(await peer.receive() == b'at once', 'who sends before it is heard')
    peer.close()

    peer = await Peer(port).open('/ws/open', 'Accept: text/event-stream\r\n')
    await ask(port, 'POST', '/pub/open', '', b'event')
    await peer.until(b'data: event')
    tap.ok(True, 'a stream of events, too')
    peer.close()

    peer = Peer(port)
    try:
        await peer.websocket('/ws/nothing')
        status = None
    except Closed as e:
        status = e.code
    peer.close()
    tap.ok(status == 503, 'and what cannot be had is refused')

    for name in 'closed', 'reset':
        n = nginx.log().count('nobody opens')
        for _ in range(TRIES):
            peer = Peer(port)
            await peer.connect()
            peer.write(request(FILTERED, UPGRADE))
            await asyncio.sleep(0.01)
            if name == 'reset':
                peer.reset()
            else:
                peer.close()

            async def nobody():
                return nginx.log().count('nobody opens') > n

            if await becomes(nobody, True, 1):
                break
        tap.ok(await nobody(), f'the client of a handshake has gone: {name}')


async def asked(tap, nginx):
    """What else a broker is asked over HTTP."""
    port = nginx.port

    await ask(port, 'POST', '/pub/asked', '', b'x')
    status, got = await ask(port, 'GET', '/pub/asked')
    tap.ok(status == 200 and got['offset'] == 1, 'what is known of a channel')
    reader = await Peer(port).websocket('/ws/asked')
    status, got = await ask(port, 'DELETE', '/pub/asked')
    tap.ok(status == 200 and got['deleted'], 'a deletion')
    try:
        await reader.receive()
        code = None
    except Closed as e:
        code = e.code
    tap.ok(code == 1000, 'of which subscribers are told')
    status, _ = await ask(port, 'DELETE', '/pub/asked')
    tap.ok(status == 404, 'another one')
    answers = [await ask(port, method, '/pub/nothing')
               for method in ('GET', 'DELETE')]
    tap.ok([(status, a['error']['code']) for status, a in answers]
           == [(503, 'broker_away')] * 2, 'or it cannot be had')
    status, got = await ask(port, 'POST', '/revoke', '', b'{"user":"eve"}')
    tap.ok(status == 200 and got['user'] == 'eve', 'a revocation')

    for what, method, path, body in (('opens', 'GET', '/pub/o?limit=1', ''),
                                     ('removes', 'DELETE', '/pub/o', ''),
                                     ('revokes', 'POST', '/revoke',
                                      '{"jti":"1"}')):
        await ask(port, 'POST', '/pub/o', '', b'x')
        n = nginx.log().count(f'nobody {what}')
        for _ in range(TRIES):
            peer = Peer(port)
            await peer.connect()
            peer.write(f'{method} {path} HTTP/1.1\r\nHost: x\r\n'
                       f'Content-Length: {len(body)}\r\n\r\n{body}'.encode())
            await asyncio.sleep(0.01)
            peer.reset()

            async def nobody():
                return nginx.log().count(f'nobody {what}') > n

            if await becomes(nobody, True, 1):
                break
        tap.ok(await nobody(), f'the client has gone: {method} {path}')


async def opening(port, path='/ws/o'):
    """Sends a handshake, and does not wait for its answer."""
    peer = Peer(port)
    await peer.connect()
    peer.write(request(path, UPGRADE))
    return peer


async def processes(tap, nginx):
    port = nginx.port
    old = workers(nginx, 2)

    peer = await post(port, 'reload', 'x')
    talker = await Peer(port).websocket('/in/talker')
    talker.write(b''.join(frame(FIN | TEXT, b'%d' % i) for i in range(3)))
    newcomer = await opening(port)
    await asyncio.sleep(0.01)
    nginx.process.send_signal(signal.SIGHUP)
    tap.ok(await answer(peer) == 202, 'a reload: the answer comes')
    tap.ok(await answer(newcomer) == 101, 'and that of a handshake')
    newcomer.close()
    nginx.wait(lambda: not set(old) & set(nginx.workers()))
    got = await history(port, 'talker')
    tap.ok(got == ['0', '1', '2'][:len(got)],
           'of a session that is sent away nothing is out of order')
    talker.close()

    peers = [await post(port, 'killed', 'x') for _ in range(4)]
    talker = await Peer(port).websocket('/in/killed')
    talker.send(FIN | TEXT, b'x')
    peers += [await opening(port, FILTERED) for _ in range(4)]
    old = workers(nginx, 2)
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    got = {await answer(peer) for peer in peers}
    tap.ok(got <= {None, 101, 202}, 'a kill: the answer comes, or nothing')
    nginx.wait(lambda: not set(old) & set(nginx.workers()))
    status, _ = await ask(port, 'POST', '/pub/killed', '', b'y')
    tap.ok(status == 202 and (await history(port, 'killed'))[-1] == 'y',
           'and others go on')
    talker.close()


async def told(nginx, channel, words):
    """What the broker was told of a channel, when it is as long as that."""
    async def value():
        return [line.split(' late: live: ')[1].split()[0]
                for line in nginx.log().splitlines()
                if ' late: live: ' in line and line.endswith(f' {channel}')]
    return await becomes(value, words)


async def interest(tap, nginx):
    port = nginx.port
    peers = {}
    while len(peers) < 2:
        peer = await Peer(port).websocket('/ws/wanted')
        if peer.header('X-Worker') in peers:
            peer.close()
            await peer.ended()
        else:
            peers[peer.header('X-Worker')] = peer

    # those who were too many in a worker have gone, but not the first one

    want = ['attach']
    tap.ok(await told(nginx, 'wanted', want) == want,
           'the first subscriber in the zone, of two workers')

    one, two = peers.values()
    one.close()
    await ask(port, 'POST', '/pub/wanted', '', b'x')
    await two.receive()
    tap.ok(await told(nginx, 'wanted', want) == want, 'one goes')
    two.close()
    want = ['attach', 'detach']
    tap.ok(await told(nginx, 'wanted', want) == want, 'the last one goes')

    one = await Peer(port).websocket('/ws/wanted')
    want += ['attach']
    tap.ok(await told(nginx, 'wanted', want) == want, 'one comes again')
    os.kill(int(one.header('X-Worker')), signal.SIGKILL)
    want += ['detach']
    tap.ok(await told(nginx, 'wanted', want) == want,
           'and dies with its worker')
    workers(nginx, 2)

    one = await Peer(port).websocket('/ws/deleted')
    await ask(port, 'DELETE', '/pub/deleted')
    want = ['attach', 'detach']
    tap.ok(await told(nginx, 'deleted', want) == want,
           'a channel is deleted')
    one.close()


async def relay(tap, nginx):
    port = nginx.port
    reader = await Peer(port).websocket('/ws/relayed')
    for i in range(3):
        await ask(port, 'POST', '/pub/relayed', '', b'%d' % i)

    async def heard():
        return all(f'late: relay got {i + 1}' in nginx.log() for i in range(3))

    tap.ok([await reader.receive() for _ in range(3)] == [b'0', b'1', b'2']
           and await becomes(heard, True),
           'another kind of subscriber reads beside sessions')
    await ask(port, 'DELETE', '/pub/relayed')
    try:
        await reader.receive()
        code = None
    except Closed as e:
        code = e.code
    tap.ok(code == 1000
           and await told(nginx, 'relayed', ['attach', 'detach'])
           == ['attach', 'detach'], 'until the channel is deleted')


async def quits(tap, nginx):
    peer = await post(nginx.port, 'quit', 'x')
    newcomer = await opening(nginx.port, FILTERED)
    await asyncio.sleep(0.01)
    nginx.process.send_signal(signal.SIGQUIT)
    tap.ok(await answer(peer) == 202, 'the end: the answer comes')
    tap.ok(await answer(newcomer) == 101, 'and that of a handshake')
    newcomer.close()
    tap.ok(nginx.process.wait(TIMEOUT) == 0, 'and then the end')


async def run(tap):
    nginx = Nginx('broker', CONF)
    try:
        workers(nginx, 2)
        most = await settled(nginx)
        await published(tap, nginx)
        await acked(tap, nginx)
        await clients(tap, nginx)
        await commands(tap, nginx)
        await opens(tap, nginx)
        await asked(tap, nginx)
        tap.ok(await settled(nginx, most) <= most, 'no connection is left')
        await processes(tap, nginx)
        await interest(tap, nginx)
        await relay(tap, nginx)
        await quits(tap, nginx)
    finally:
        if nginx.process.poll() is None:
            nginx.stop()
    but = ('exited on signal 9',)
    tap.ok(not nginx.alerts(but), f'no alerts: {nginx.alerts(but)[:3]}')


if __name__ == '__main__':
    load_fault_module('late')
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
