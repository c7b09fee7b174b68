"""
Reloads as close together as can be, and what old workers hold meanwhile: no
handshake is refused, and nothing adds up.
"""

import asyncio
import collections
import contextlib
import os
import resource
import signal
import time

from nginx import Nginx, Tap, TIMEOUT, load_modules, raise_limit
from peer import (UPGRADE, Closed, Peer, ask, request, resident, used,
                  workers)

LONG = 'WEBSOCKET_LONG' in os.environ
RELOADS = 200 if LONG else 15
HELD = 60 if LONG else 12       # old workers that downloads and sessions hold
VISITORS = 10                   # who come, stay for a moment, and come again

CONF = '''
    websocket_zone zone=live:1m;
    websocket_type metric { field a string required; view short a; }
    websocket_drain $DRAIN;
    websocket_close_timeout 300ms;
    add_header X-Worker $pid always;
    server {
        listen 127.0.0.1:$PORT reuseport backlog=4096;
        location = /ws { websocket pubsub; websocket_channel x; }
        location = /seat {
            websocket pubsub; websocket_channel y;
            websocket_max_connections 1;
        }
        location = /publish {
            websocket_publish; websocket_channel x; websocket_outbound_type metric;
            websocket_history length=10; websocket_view $arg_view;
        }
        location = /revoke { websocket_revoke time=60s; }
        location = /status { websocket_status json; }
        location = /slow { alias $SLOW; limit_rate 64; limit_rate_after 4k; }
    }
'''


def start(name, n, drain='5s', files=None):
    """files is the limit of the master process: four for each slot."""
    slow = os.path.abspath(f'{os.environ.get("WEBSOCKET_BUILD", "build")}'
                           f'/clients/{name}.slow')
    os.makedirs(os.path.dirname(slow), exist_ok=True)
    with open(slow, 'w', encoding='ascii') as f:
        f.truncate(1 << 24)

    conf = CONF.replace('$DRAIN', drain).replace('$SLOW', slow)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        nginx = Nginx(name, conf, workers=n)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    nginx.newest = set(workers(nginx, n))
    return nginx


async def until(condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError()
        await asyncio.sleep(0.01)


async def reload(nginx):
    """Until its workers have started: nginx starts all, then tells the old."""
    old, n = set(nginx.workers()), len(nginx.newest)
    nginx.process.send_signal(signal.SIGHUP)
    await until(lambda: len(set(nginx.workers()) - old) == n)
    nginx.newest = set(nginx.workers()) - old


def eventfds(pid):
    n = 0
    for fd in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(OSError):
            n += 'eventfd' in os.readlink(f'/proc/{pid}/fd/{fd}')
    return n


async def of_each(nginx, path, headers=''):
    """A connection to each of the newest workers."""
    peers = {}
    while len(peers) < len(nginx.newest):
        peer = Peer(nginx.port)
        await peer.open(path, headers)
        pid = int(peer.header('X-Worker'))
        if pid in nginx.newest and pid not in peers:
            peers[pid] = peer
        else:
            peer.close()
    return list(peers.values())


async def visit(nginx, seen, over):
    """Comes, stays until it is sent away or is tired, and comes again."""
    while not over.is_set():
        peer = Peer(nginx.port)
        await peer.websocket('/ws')
        seen[101] += 1
        try:
            await peer.receive(0.05)
        except TimeoutError:
            pass
        except Closed as e:
            seen[e.code] += 1
        peer.close()


async def many(tap):
    """200 reloads, 60 old workers held by downloads and sessions."""
    nginx = start('reload', 4, drain='5s' if LONG else '1s')
    seen = collections.Counter()
    over = asyncio.Event()
    held = []
    try:
        before = eventfds(nginx.process.pid), await used(nginx.port)
        visitors = [asyncio.create_task(visit(nginx, seen, over))
                    for _ in range(VISITORS)]
        old, grown = 0, None
        for n in range(RELOADS):
            if old < HELD:
                held += await of_each(nginx, '/slow')
                held += await of_each(nginx, '/ws', UPGRADE)
                old += len(nginx.newest)
            await reload(nginx)
            if n == RELOADS // 2:
                grown = resident(nginx.process.pid)
        grown = resident(nginx.process.pid) - grown

        over.set()
        await asyncio.gather(*visitors)

        tap.ok(set(seen) <= {101, 1012} and seen[101] > RELOADS,
               f'{RELOADS} reloads, {len(nginx.workers())} workers, and no '
               f'handshake is refused: {dict(seen)}')

        for peer in held:
            peer.close()
        await until(lambda: len(nginx.workers()) == 4)
        await ask(nginx.port, 'DELETE', '/publish')
        after = eventfds(nginx.process.pid), await used(nginx.port)
        tap.ok(after == before, f'eventfds, and memory of the zone: {before} '
               f'before, {after} after')
        tap.ok(grown < 8 << 20, f'the master grew by {grown >> 10} kB')
    finally:
        stop(tap, nginx)


async def scarce(tap):
    """16 slots, and sessions that nobody sends away: the oldest must go."""
    nginx = start('scarce', 1, drain='20d', files=64)
    generations, deaf = [], []
    try:
        tap.ok(eventfds(nginx.process.pid) == 16, '16 slots')
        for _ in range(17):
            generations.append(await of_each(nginx, '/ws', UPGRADE))
            deaf += await of_each(nginx, '/ws', UPGRADE)
            await reload(nginx)

        codes = []
        for peers in generations:
            codes.append([])
            for peer in peers:
                try:
                    await peer.receive(0.1)
                except TimeoutError:
                    codes[-1].append(None)
                except Closed as e:
                    codes[-1].append(e.code)
        gone = [code for one in codes for code in one if code]
        tap.ok(set(gone) == {1012} and codes[0] == [1012]
               and codes[-1] == [None],
               f'the oldest sessions make room: {codes}')
        await without(tap, nginx)
    finally:
        stop(tap, nginx)


def accepted(peer):
    """A connection that nobody has accepted has no inode yet."""
    port = peer.writer.get_extra_info('sockname')[1]
    with open('/proc/net/tcp', encoding='ascii') as f:
        return any(line[2].endswith(f':{port:04X}') and line[9] != '0'
                   for line in map(str.split, f))


async def halves(nginx, requests):
    """Requests that lack their last byte, of which the worker knows."""
    peers = [Peer(nginx.port) for _ in requests]
    for peer, (path, headers) in zip(peers, requests):
        await peer.connect()
        peer.write(request(path, headers)[:-1])
    await until(lambda: all(accepted(peer) for peer in peers))
    return peers


async def quitting(nginx):
    """A reload, until no old worker accepts any more."""
    text = 'gracefully shutting down'
    n = nginx.log().count(text) + len(nginx.newest)
    await reload(nginx)
    await until(lambda: nginx.log().count(text) == n)


async def late(tap, name, other):
    """A request that a worker reads after it was told to quit."""
    nginx = start(name, 1, drain='200ms' if other else '5s')
    try:
        held = [await Peer(nginx.port).websocket('/ws')] if other else []
        peers = await halves(nginx, (
            ('/ws', UPGRADE), ('/seat', UPGRADE),
            ('/ws', 'Accept: text/event-stream\r\n'),
            ('/ws?transport=poll', '')))
        await quitting(nginx)
        for peer in peers:
            peer.write(b'\n')

        found = []
        for peer in peers[:2]:
            head = await peer.timed(peer.reader.readuntil(b'\r\n\r\n'))
            found.append(int(head.split(None, 2)[1]))
            try:
                await peer.receive()
            except Closed as e:
                found.append(e.code)
        tap.ok(found == [101, 1012] * 2, f'a socket is opened, and closed '
               f'with 1012: {found}')

        # a poll that asks for a position only does not wait for its end

        for peer, text in zip(peers[2:], (
                b'event: close\ndata: {"code":1012,',
                b'"position":"' if other else b'"close":{"code":1012,')):
            body = await peer.timed(peer.reader.readuntil(text))
            tap.ok(body.startswith(b'HTTP/1.1 200'),
                   f'so is {text}')
        for peer in held:
            peer.close()
        await until(lambda: 'exited with code 0' in nginx.log())
    finally:
        stop(tap, nginx)


async def without(tap, nginx):
    """The worker finds no slot: it does all but hold sessions."""
    stopped = nginx.workers()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        await reload(nginx)
        await all_but_sessions(tap, nginx)
        await waiting(tap, nginx)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    await of_each(nginx, '/ws', UPGRADE)
    tap.ok(True, 'when a slot is free again, sessions are taken')


async def all_but_sessions(tap, nginx):
    found = [(await ask(nginx.port, method, path, body=body))[0]
             for method, path, body in (
                 ('POST', '/publish', b'{"a":"b"}'),
                 ('GET', '/publish?limit=10&view=short', b''),
                 ('POST', '/revoke', b'{"user":"x"}'),
                 ('DELETE', '/publish', b''), ('GET', '/status', b''))]
    tap.ok(found == [200, 200, 200, 200, 200],
           f'without a slot it does what needs none: {found}')

    begun = time.monotonic()
    peers = [Peer(nginx.port) for _ in range(3)]
    for peer, headers in zip(peers, (UPGRADE, UPGRADE,
                                     'Accept: text/event-stream\r\n')):
        await peer.connect()
        peer.write(request('/ws', headers))
    heads = [await peer.timed(peer.reader.readuntil(b'\r\n\r\n'))
             for peer in peers]
    tap.ok(all(head.startswith(b'HTTP/1.1 503 ') and b'Retry-After' in head
               for head in heads) and time.monotonic() - begun > 0.9,
           'after a second sessions are refused')


async def waiting(tap, nginx):
    """Of those who wait half go; the others are sent away by a reload."""
    peers = [Peer(nginx.port) for _ in range(50)]
    for peer in peers:
        await peer.connect()
        peer.write(request('/ws?position=1', UPGRADE))
    await asyncio.sleep(0.1)
    for peer in peers[::2]:
        peer.reset()
    await reload(nginx)
    codes = collections.Counter()
    for peer in peers[1::2]:
        head = await peer.timed(peer.reader.readuntil(b'\r\n\r\n'))
        try:
            position = await peer.receive()
            await peer.receive()
        except Closed as e:
            codes[head[9:12], b'"position":"' in position, e.code] += 1
    tap.ok(codes == {(b'101', True, 1012): 25},
           f'who waits in a worker that quits is sent away: {codes}')


async def counted(tap):
    """What is counted without a slot is told, too."""
    nginx = start('counted', 1)
    try:
        peer, = await halves(nginx, [('/ws', UPGRADE)])
        await quitting(nginx)
        peer.write(b'\n')
        with contextlib.suppress(Closed):
            await peer.timed(peer.reader.readuntil(b'\r\n\r\n'))
            await peer.receive()
        await until(lambda: 'exited with code 0' in nginx.log())
        _, answer = await ask(nginx.port, 'GET', '/status')
        location = next(one for one in answer['locations']
                        if one['location'] == '/ws')
        tap.ok(location['closes'].get('1012') == 1,
               'what a worker counts without a slot is told')
    finally:
        stop(tap, nginx)


async def coming_and_going(tap):
    """Reloads that take the directives out, and in again."""
    nginx = start('going', 1, drain='0')
    path = f'{nginx.prefix}/nginx.conf'
    try:
        with open(path, encoding='ascii') as f:
            conf = f.read()
        found = []
        for _ in range(3):
            peer = await Peer(nginx.port).websocket('/ws')
            for text in (conf[:conf.index('websocket_zone')]
                         + f'server {{ listen 127.0.0.1:{nginx.port}; }} }}', conf):
                with open(path, 'w', encoding='ascii') as f:
                    f.write(text)
                await quitting(nginx)
            try:
                await peer.receive()
            except Closed as e:
                found.append((e.code, eventfds(nginx.process.pid)))
        tap.ok(found == [(1012, 256)] * 3, f'no eventfd is left over: {found}')
    finally:
        stop(tap, nginx)


ZONES = '''
    websocket_zone zone=a:1m;
    $ZONE
    websocket_drain 20d;
    add_header X-Worker $pid always;
    server {
        listen 127.0.0.1:$PORT;
        location = /a { websocket subscribe zone=a; websocket_channel c; }
        $LOCATIONS
    }
'''

OTHER = '''
        location = /b {
            websocket subscribe zone=b; websocket_channel c;
            websocket_max_connections 3;
        }
        location = /publish { websocket_publish zone=b; websocket_channel c; }
'''


async def other_zone(tap):
    """What a dead worker held in a zone that its finder does not know."""
    both = (ZONES.replace('$ZONE', 'websocket_zone zone=b:1m;')
            .replace('$LOCATIONS', OTHER))
    nginx = Nginx('zones', ZONES.replace('$ZONE', '')
                  .replace('$LOCATIONS', ''), workers=1)
    nginx.newest = set(workers(nginx, 1))
    path = f'{nginx.prefix}/nginx.conf'
    try:
        first = await Peer(nginx.port).websocket('/a')
        await quitting(nginx)
        held = [await Peer(nginx.port).websocket('/a')]
        with open(path, encoding='ascii') as f:
            conf = f.read()
        with open(path, 'w', encoding='ascii') as f:
            f.write(conf[:conf.index('websocket_zone')]
                    + both.replace('$PORT', str(nginx.port)) + '}')
        old = nginx.newest
        await quitting(nginx)
        for _ in range(3):
            held += await of_each(nginx, '/b', UPGRADE)

        # whose worker comes next takes a slot that was not the dead one's

        first.close()
        await until(lambda: len(nginx.workers()) == 2)

        # the old worker looks each second, and the master must not before

        nginx.process.send_signal(signal.SIGSTOP)
        os.kill(*nginx.newest, signal.SIGKILL)
        try:
            await until(lambda: 'died, its subscriptions' in nginx.log())
        finally:
            nginx.process.send_signal(signal.SIGCONT)
        dead = nginx.newest
        await until(lambda: len(set(nginx.workers()) - old - dead) == 1)
        nginx.newest = set(nginx.workers()) - old

        held += await of_each(nginx, '/b', UPGRADE)
        _, answer = await ask(nginx.port, 'GET', '/publish')
        tap.ok(answer['subscribers'] == 1,
               f'what a dead worker held is void in all zones: {answer}')
    finally:
        stop(tap, nginx, but=('exited on signal 9',))


async def single(tap):
    """Without a master process a reload does not end nginx."""
    nginx = Nginx('single', conf=f'''{load_modules()}
        master_process off;
        error_log logs/error.log notice; pid logs/nginx.pid;
        events {{ worker_connections 64; }}
        http {{
            access_log off; client_body_temp_path temp; proxy_temp_path temp;
            fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
            websocket_zone zone=live:1m;
            server {{
                listen 127.0.0.1:$PORT;
                location = /ws {{ websocket subscribe; websocket_channel x; }}
            }}
        }}''')
    peer = await Peer(nginx.port).websocket('/ws')
    nginx.process.send_signal(signal.SIGHUP)
    await until(lambda: 'reconfiguring' in nginx.log())
    await asyncio.sleep(1.2)            # past its next look at the zones
    tap.ok(nginx.process.poll() is None, 'without a master process it lives')
    peer.close()
    stop(tap, nginx)


def stop(tap, nginx, but=()):
    nginx.stop()
    alerts = nginx.alerts(but)
    tap.ok(not alerts, f'no alerts {alerts[:3]}')


async def main(tap):
    await asyncio.gather(many(tap), scarce(tap), late(tap, 'late', 0),
                         late(tap, 'later', 1), counted(tap),
                         coming_and_going(tap), other_zone(tap), single(tap))


if __name__ == '__main__':
    raise_limit()
    tap = Tap()
    asyncio.run(main(tap))
    tap.done()
