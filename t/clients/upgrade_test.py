"""
Another binary takes over (USR2), and gives back: zones, sessions' news,
revocations, keys and counters are one for both, and nothing is lost.
"""

import asyncio
import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from nginx import Nginx, Tap, TIMEOUT, command, write_conf
from peer import Closed, Http, Peer, ask, becomes

CLIENTS = 12
PUBLISHERS = 3
SECRET = b'0123456789abcdef0123456789abcdef'

CONF = '''
    websocket_zone zone=live:8m default;
    websocket_drain 300ms;
    add_header X-Worker $pid always;
    server {
        listen 127.0.0.1:$PORT;
        websocket_channel all;
        websocket_history length=100000;
        location = /ws { websocket subscribe; }
        location = /echo { websocket echo; }
        location = /member {
            websocket subscribe; websocket_channel $arg_c;
            websocket_presence on from=$arg_n;
        }
        location = /token {
            websocket subscribe;
            websocket_jwt key=$KEY alg=HS256;
        }
        location = /publish { websocket_publish; websocket_channel all; }
        location = /members {
            websocket_publish; websocket_channel $arg_c; websocket_presence on;
        }
        location = /revoke { websocket_revoke time=60s; }
        location = /status { websocket_status json; }
    }
'''


FILED = '''
    websocket_zone zone=live:1m file=$FILE;
    server {
        listen 127.0.0.1:$PORT;
        websocket_history length=100;
        location = /publish { websocket_publish; websocket_channel all; }
    }
'''


class Upgradable(Nginx):
    """A daemon, as only such a one heeds USR2; its pid changes."""

    def start(self, conf):
        write_conf(self.prefix, conf, self.port)
        self.masters = []
        argv = command(self.prefix)
        argv[0] = shutil.which(argv[0])
        argv[-1] = argv[-1].replace('daemon off', 'daemon on')
        # a sanitizer's options are for the next binary, too
        argv[-1] += ' env ASAN_OPTIONS; env UBSAN_OPTIONS;'
        with open(f'{self.prefix}/logs/stderr.log', 'w') as stderr:
            subprocess.run(argv, stderr=stderr, check=True, timeout=TIMEOUT)
        self.masters.append(self.newest())

    def newest(self):
        with open(f'{self.prefix}/logs/nginx.pid', encoding='ascii') as f:
            return int(f.read())

    def children(self, pid):
        with contextlib.suppress(FileNotFoundError):
            with open(f'/proc/{pid}/task/{pid}/children') as f:
                return [int(p) for p in f.read().split()
                        if int(p) not in self.masters]
        return []

    async def upgrade(self):
        """The new master and the old one, each with its workers."""
        old = self.newest()
        os.kill(old, signal.SIGUSR2)

        def there():
            try:
                return self.newest() != old
            except (FileNotFoundError, ValueError):
                return False

        await until(there)
        self.masters.append(self.newest())
        await until(lambda: len(self.children(self.masters[-1])) == 2)
        return old, self.masters[-1]

    async def end(self, pid):
        """A master, with QUIT."""
        os.kill(pid, signal.SIGQUIT)
        await until(lambda: not os.path.exists(f'/proc/{pid}'))
        self.masters.remove(pid)

    def stop(self):
        for pid in self.masters:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self.wait(lambda: not any(os.path.exists(f'/proc/{pid}')
                                  for pid in self.masters))


async def until(condition, timeout=TIMEOUT):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError()
        await asyncio.sleep(0.01)


class Client:
    """Comes back with its position until it has all."""

    def __init__(self, port):
        self.port, self.position, self.offset = port, None, 0
        self.wrong, self.codes, self.lost = [], [], 0

    async def run(self, over):
        while not over(self):
            try:
                await self.connection(over)
            except Closed as e:
                self.codes.append(e.code)
                await asyncio.sleep(0.01)

    async def connection(self, over):
        since = f'&since={self.position}' if self.position else ''
        peer = Peer(self.port)
        try:
            await peer.websocket(f'/ws?position=1{since}')
            hello = json.loads(await peer.receive())
            if not self.position:
                self.position = hello['position']
            elif hello['recovered'] is not True:
                self.lost += 1
            while not over(self):
                try:
                    text = (await peer.receive(0.2)).decode()
                except TimeoutError:
                    continue
                self.position = text.partition('\n')[0]
                offset = int(self.position.partition(':')[2])
                if offset != self.offset + 1:
                    self.wrong.append(f'{offset} after {self.offset}')
                self.offset = offset
        finally:
            peer.close()


async def publish(port, name, over, offsets):
    """What has no answer is repeated with its key."""
    http, n = Http(port), 0
    while not over():
        n += 1
        while True:
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                status, text = await http.request(
                    'POST', '/publish', f'Idempotency-Key: {name}-{n}\r\n',
                    b'x')
                if status in (200, 202):
                    offsets.append(json.loads(text)['offset'])
                    break
            http.close()
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.003)
    http.close()


async def storm(tap, nginx):
    """Upgrades and their undoing, while all is under way."""
    over, all_there, offsets = False, False, []
    clients = [Client(nginx.port) for _ in range(CLIENTS)]
    tasks = [asyncio.create_task(c.run(
        lambda c: all_there and c.offset == len(offsets))) for c in clients]
    # they are there from the first message on
    await until(lambda: all(c.position for c in clients))
    publishers = [asyncio.create_task(publish(
        nginx.port, f'p{i}', lambda: over, offsets))
        for i in range(PUBLISHERS)]

    for number in range(4):
        old, new = await nginx.upgrade()
        n = len(offsets)
        await until(lambda: len(offsets) > n + 50)
        # for good, or back again, as an operator does: WINCH first
        stays, goes = (new, old) if number % 2 == 0 else (old, new)
        os.kill(goes, signal.SIGWINCH)
        await until(lambda: not nginx.children(goes))
        n = len(offsets)
        await until(lambda: len(offsets) > n + 50)
        await nginx.end(goes)
        tap.ok(nginx.newest() == stays, f'master {number + 2} '
               f'{"stays" if stays == new else "goes"}')

    over = True
    await asyncio.gather(*publishers)
    all_there = True
    await asyncio.wait_for(asyncio.gather(*tasks), 4 * TIMEOUT)

    tap.ok(sorted(offsets) == list(range(1, len(offsets) + 1)),
           f'{len(offsets)} messages, numbered without a hole')
    wrong = [w for c in clients for w in c.wrong]
    tap.ok(not wrong and all(c.offset == len(offsets) for c in clients),
           f'{CLIENTS} clients have each once, in order {wrong[:3]}')
    codes = [code for c in clients for code in c.codes]
    tap.ok(len(codes) >= 4 * CLIENTS // 4 and set(codes) <= {1012, 1001},
           f'they were sent away {len(codes)} times, with '
           f'{sorted(set(codes))}')
    tap.ok(sum(c.lost for c in clients) == 0, 'each recovered each time')


def token(subject):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')
    text = b'.'.join((part(b'{"alg":"HS256","typ":"JWT"}'),
                      part(json.dumps({'sub': subject, 'iat': 1,
                                       'exp': 4000000000}).encode())))
    mac = hmac.new(SECRET, text, hashlib.sha256).digest()
    return (text + b'.' + part(mac)).decode()


async def of(nginx, master, path):
    """A session of one of that master's workers."""
    for _ in range(1000):
        peer = await Peer(nginx.port).websocket(path)
        if int(peer.header('X-Worker')) in nginx.children(master):
            return peer
        peer.close()
    raise TimeoutError()


async def both(tap, nginx):
    """Two masters at a time: what one knows, the other does."""
    port = nginx.port

    await ask(port, 'POST', '/publish', 'Idempotency-Key: once\r\n', b'one')
    status, answer = await ask(port, 'POST', '/revoke', '',
                               b'{"user":"mallory"}')
    tap.ok(status == 200, f'a user is revoked: {answer}')
    files = len(os.listdir(f'/proc/{nginx.newest()}/fd'))
    total = await published(port)

    old, new = await nginx.upgrade()
    peers = [await of(nginx, old, '/member?c=room&n=old&position=1'),
             await of(nginx, new, '/member?c=room&n=new&position=1')]
    hello = [json.loads(await peer.receive()) for peer in peers]
    tap.ok(hello[0]['session'] != hello[1]['session'], 'sessions have ids')

    begun = time.monotonic()
    for n in range(100):
        await ask(port, 'POST', '/members?c=room', '', b'%d' % n)
        for peer in peers:
            text = await peer.receive()
            if not text.endswith(b'\n%d' % n):
                tap.ok(False, f'{n}: {text}')
    tap.ok(time.monotonic() - begun < 25, 'the others are woken for each')

    _, answer = await ask(port, 'GET', '/members?c=room&presence=1')
    tap.ok(answer['members'] == 2, 'members of both are listed')

    status, answer = await ask(port, 'POST', '/publish',
                               'Idempotency-Key: once\r\n', b'one')
    tap.ok(answer.get('duplicate') is True, f'a key holds: {answer}')

    tap.ok(await answers(nginx, new, 'mallory') == 401
           and await answers(nginx, new, 'alice') == 101,
           'who was revoked is, and nobody else')

    await nginx.end(old)
    try:
        text = await peers[0].receive()
        tap.ok(False, f'a message: {text}')
    except Closed as e:
        tap.ok(e.code == 1012, f'1012 (service restart) for who stayed: {e}')

    async def members():
        return (await ask(port, 'GET', '/members?c=room&presence=1')
                )[1]['members']
    tap.ok(await becomes(members, 1) == 1, 'of the others one is left')
    tap.ok(await published(port) > total, 'counters go on')

    nginx.wait(lambda: files == len(os.listdir(f'/proc/{new}/fd')))
    tap.ok(True, f'{files} open files, as before')
    peers[1].close()


async def answers(nginx, master, name):
    """The status that a user gets there."""
    try:
        (await of(nginx, master, f'/token?token={token(name)}')).close()
        return 101
    except Closed as e:
        return e.code


async def published(port):
    """All that ever was."""
    _, answer = await ask(port, 'GET', '/status')
    return sum(place['published_messages'] for place in answer['locations'])


def memfd(pid, name):
    """The region of that name in a process."""
    for fd in os.listdir(f'/proc/{pid}/fd'):
        path = f'/proc/{pid}/fd/{fd}'
        with contextlib.suppress(OSError):
            if os.readlink(path).startswith(f'/memfd:{name} '):
                return path
    raise FileNotFoundError(name)


async def refused(tap, nginx, text):
    """Another binary does not start, and the one that runs goes on."""
    os.kill(nginx.newest(), signal.SIGUSR2)
    await until(lambda: text in nginx.log())
    await until(lambda: not os.path.exists(
        f'{nginx.prefix}/logs/nginx.pid.oldbin'))
    status, answer = await ask(nginx.port, 'POST', '/publish', '', b'on')
    tap.ok(status in (200, 202), f'refused, and nothing is lost: {text}')


async def others(tap, nginx):
    """Another layout, another size, a region that is not there."""
    _, before = await ask(nginx.port, 'GET', '/publish?limit=1')
    path = memfd(nginx.newest(), 'ngx_http_websocket:live')

    with open(path, 'r+b') as f:
        f.seek(LAYOUT)
        layout = f.read(4)
        f.seek(LAYOUT)
        f.write(b'\xff\xff\0\0')
        f.flush()
        await refused(tap, nginx, 'zone "live" was made by another version of '
                      'the module')
        f.seek(LAYOUT)
        f.write(layout)

    with open(f'{nginx.prefix}/nginx.conf', encoding='ascii') as f:
        conf = f.read()
    with open(f'{nginx.prefix}/nginx.conf', 'w', encoding='ascii') as f:
        f.write(conf.replace('live:8m', 'live:9m'))
    await refused(tap, nginx, 'the size of websocket zone "live" changed from '
                  '8388608 to 9437184 bytes')

    # a zone more is no matter
    with open(f'{nginx.prefix}/nginx.conf', 'w', encoding='ascii') as f:
        f.write(conf.replace('websocket_zone',
                             'websocket_zone zone=more:1m; websocket_zone', 1))
    old, _ = await nginx.upgrade()
    await nginx.end(old)
    _, after = await ask(nginx.port, 'GET', '/publish?limit=1')
    tap.ok(before['epoch'] == after['epoch'], 'one with a zone more takes over')


async def filed(tap):
    """A zone in a file, which is in use all the time."""
    folder = tempfile.mkdtemp(prefix='websocket-', dir='/dev/shm')
    nginx = Upgradable('upgrade_file', FILED.replace('$FILE',
                                                     f'{folder}/zone'))
    try:
        for n in range(3):
            _, answer = await ask(nginx.port, 'POST', '/publish', '', b'%d' % n)
            old, new = await nginx.upgrade()
            with open(f'{folder}/zone', 'rb') as f:
                for end in (None, old) if n < 2 else (None, new):
                    if end:
                        await nginx.end(end)
                    try:
                        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        tap.ok(False, 'the file is in use')
                    except BlockingIOError:
                        pass
        _, after = await ask(nginx.port, 'GET', '/publish')
        tap.ok(after['offset'] == 3 and after['epoch'] == answer['epoch'],
               'a zone in a file is taken over, and given back')
        await moved(tap, nginx, folder)
        alerts = nginx.alerts(but=('leave its file as it was',))
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
        shutil.rmtree(folder)


def change(nginx, *texts):
    """The configuration, for the next binary."""
    with open(f'{nginx.prefix}/nginx.conf', encoding='ascii') as f:
        conf = f.read()
    with open(f'{nginx.prefix}/nginx.conf', 'w', encoding='ascii') as f:
        f.write(conf.replace(*texts))


async def moved(tap, nginx, folder):
    """The file is another one, none, or not there any more."""
    file = f'live:1m file={folder}/zone;'
    for other, text in ((f'live:1m file={folder}/other;',
                         f'not in "{folder}/other"'),
                        ('live:1m;', 'would have no file')):
        change(nginx, file, other)
        await refused(tap, nginx, text)
        change(nginx, other, file)
    tap.ok(os.listdir(folder) == ['zone'], 'and no other is made')

    os.rename(f'{folder}/zone', f'{folder}/renamed')
    await refused(tap, nginx, f'is in "{folder}/renamed", and not in')
    os.rename(f'{folder}/renamed', f'{folder}/zone')
    os.unlink(f'{folder}/zone')

    _, before = await ask(nginx.port, 'GET', '/publish')
    old, new = await nginx.upgrade()
    await nginx.end(old)
    _, after = await ask(nginx.port, 'GET', '/publish')
    tap.ok(before == after and 'was removed: it goes on' in nginx.log(),
           f'one that was removed is taken over, with a warning: {after}')

    # nobody has it in the next configuration
    change(nginx, 'zone=live', 'zone=new')
    change(nginx, f'{folder}/zone', f'{folder}/new')
    old, new = await nginx.upgrade()
    await nginx.end(old)
    links = [os.path.realpath(f'/proc/{new}/fd/{fd}')
             for fd in os.listdir(f'/proc/{new}/fd')]
    tap.ok(not any('/zone' in link for link in links),
           'what nobody has is closed')


LAYOUT = 12     # bytes of a region's head before it


async def play(tap, nginx):
    await storm(tap, nginx)
    await both(tap, nginx)
    await others(tap, nginx)
    await filed(tap)


if __name__ == '__main__':
    tap = Tap()
    key = os.path.abspath(f'{os.environ.get("WEBSOCKET_BUILD", "build")}'
                          '/clients/upgrade.key')
    os.makedirs(os.path.dirname(key), exist_ok=True)
    with open(key, 'wb') as f:
        f.write(SECRET)
    nginx = Upgradable('upgrade', CONF.replace('$KEY', key))
    try:
        asyncio.run(play(tap, nginx))
        alerts = nginx.alerts(but=('another version', 'the size of'))
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
    tap.done()
