"""
A zone in a file: what is in it is there when all processes of nginx were
killed, or stopped, and start again; and what is not its file is refused.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from nginx import BUILD, Nginx, Tap, TIMEOUT, command, raise_limit, write_conf
from peer import UPGRADE, Closed, Http, Peer, ask, becomes
from upgrade_test import SECRET, token

KILLS = 50 if 'WEBSOCKET_LONG' in os.environ else 8
CLIENTS = 8
PUBLISHERS = 4

KEY = os.path.abspath(f'{BUILD}/zone_file.key')

CONF = '''
    websocket_zone zone=live:8m file=$FILE;
    websocket_drain 300ms;
    server {
        listen 127.0.0.1:$PORT;
        websocket_history length=100000;
        location = /ws { websocket subscribe; websocket_channel all; }
        location = /member {
            websocket subscribe; websocket_channel room;
            websocket_presence on;
            websocket_events join leave channel=told;
        }
        location = /told { websocket_publish; websocket_channel told; }
        location = /room {
            websocket_publish; websocket_channel room; websocket_presence on;
        }
        location = /publish { websocket_publish; websocket_channel all; }
        location = /revoke { websocket_revoke time=60s; }
        location = /token {
            websocket subscribe; websocket_channel all;
            websocket_jwt key=$KEY alg=HS256;
        }
    }
'''.replace('$KEY', KEY)


class Killed(Nginx):
    """A group of processes that go at once."""

    def start(self, conf):
        write_conf(self.prefix, conf, self.port)
        self.run()

    first = []  # what starts it

    def run(self):
        with open(f'{self.prefix}/logs/stderr.log', 'w') as stderr:
            self.process = subprocess.Popen(self.first + command(self.prefix),
                                            stderr=stderr,
                                            start_new_session=True)
        self.wait(self.listens)

    async def kill(self):
        pids = self.workers()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # workers are not our children, and hold the lock until they are gone
        await until(lambda: not any(map(lives, pids)))

    async def quit(self):
        self.process.send_signal(signal.SIGQUIT)
        await until(lambda: self.process.poll() is not None)


def lives(pid):
    """Whether it does, or a thread of it."""
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as f:
            return (f.read().rpartition(')')[2].split()[0] not in 'ZX'
                    or len(os.listdir(f'/proc/{pid}/task')) > 1)
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(condition, timeout=TIMEOUT):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError()
        await asyncio.sleep(0.01)


async def session(port, path, since=''):
    """A WebSocket, and its first message."""
    peer = await Peer(port).websocket(f'{path}?position=1{since}')
    return peer, json.loads(await peer.receive())


async def goes_on(tap, nginx):
    """The short story: what is there before and after."""
    port = nginx.port
    for n in range(3):
        await ask(port, 'POST', '/publish', f'Idempotency-Key: k{n}\r\n',
                  b'%d' % n)
    _, before = await ask(port, 'GET', '/publish')
    member, hello = await session(port, '/member')
    await nginx.kill()
    member.close()

    nginx.run()
    peer, answer = await session(port, '/ws', f'&since={before["epoch"]}:1')
    texts = [(await peer.receive()).rpartition(b'\n')[2] for _ in range(2)]
    tap.ok(answer['recovered'] is True and texts == [b'1', b'2'],
           f'a client recovers: {answer}, {texts}')
    peer.close()

    _, answer = await ask(port, 'POST', '/publish', 'Idempotency-Key: k1\r\n',
                          b'1')
    tap.ok(answer.get('duplicate') is True, f'a key holds: {answer}')

    async def members():
        return (await ask(port, 'GET', '/room?presence=1'))[1]['members']
    tap.ok(await becomes(members, 0) == 0, 'who was present is not any more')

    async def told():
        return (await ask(port, 'GET', '/told'))[1].get('offset')
    tap.ok(await becomes(told, 2) == 2, 'and it is told that they left')

    peer, again = await session(port, '/member')
    tap.ok(again['session'] != hello['session'], 'sessions have new ids')
    await nginx.quit()
    peer.close()
    nginx.run()

    _, answer = await ask(port, 'GET', '/publish')
    tap.ok({**answer, 'subscribers': 0} == {**before, 'subscribers': 0},
           f'after an orderly end, too: {answer}')

    # and after a reload, and another one
    for _ in range(2):
        workers = set(nginx.workers())
        nginx.process.send_signal(signal.SIGHUP)
        await until(lambda: not workers & set(nginx.workers()))
    files = sum(os.path.realpath(f'/proc/{nginx.process.pid}/fd/{fd}')
                == nginx.file
                for fd in os.listdir(f'/proc/{nginx.process.pid}/fd'))
    _, answer = await ask(port, 'GET', '/publish')
    tap.ok(files == 1 and answer['offset'] == 3,
           f'reloads change nothing: {files}, {answer}')


async def publish(port, name, over, taken, pause):
    """What has no answer is repeated with its key."""
    http, n = Http(port), 0
    while not over():
        n += 1
        while True:
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                status, text = await http.request(
                    'POST', '/publish', f'Idempotency-Key: {name}-{n}\r\n',
                    f'{name}-{n}'.encode())
                if status in (200, 202):
                    taken[json.loads(text)['offset']] = f'{name}-{n}'
                    break
            http.close()
            await asyncio.sleep(0.01)
        await asyncio.sleep(pause)
    http.close()


class Client:
    """Comes back with its position until it has all."""

    def __init__(self, port, position):
        self.port, self.position = port, position
        self.got, self.lost, self.times, self.sessions = [], 0, 0, []

    async def run(self, over):
        while not over(self):
            with contextlib.suppress(Closed, OSError):
                await self.connection(over)
            await asyncio.sleep(0.01)

    async def connection(self, over):
        peer = Peer(self.port)
        try:
            peer, hello = await session(self.port, '/ws',
                                        f'&since={self.position}')
            self.lost += hello['recovered'] is not True
            self.times += 1
            self.sessions.append(hello['session'])
            while not over(self):
                try:
                    text = (await peer.receive(0.2)).decode()
                except TimeoutError:
                    continue
                self.position, _, text = text.partition('\n')
                self.got.append((int(self.position.partition(':')[2]), text))
        finally:
            peer.close()


async def storm(tap, nginx, clients=CLIENTS, publishers=PUBLISHERS,
                rounds=KILLS, every=0):
    """All killed at once, again and again, under load; or ended in order, after
    so many seconds each."""
    state = {'over': False, 'all': False}
    _, answer = await ask(nginx.port, 'GET', '/publish')
    first, taken = answer['offset'], {}
    clients = [Client(nginx.port, f'{answer["epoch"]}:{first}')
               for _ in range(clients)]
    tasks = [asyncio.create_task(c.run(
        lambda c: state['all'] and len(c.got) == len(taken)))
        for c in clients]
    publishers = [asyncio.create_task(publish(
        nginx.port, f'p{i}-{every}', lambda: state['over'], taken,
        0.2 if every else 0.001))
        for i in range(publishers)]

    for _ in range(rounds):
        n = len(taken)
        await asyncio.sleep(every)
        await until(lambda: len(taken) > n + (20 if every else 100))
        await (nginx.quit() if every else nginx.kill())
        nginx.run()

    state['over'] = True
    await asyncio.gather(*publishers)
    state['all'] = True
    await asyncio.wait_for(asyncio.gather(*tasks), 4 * TIMEOUT)

    tap.ok(sorted(taken) == list(range(first + 1, first + 1 + len(taken))),
           f'{len(taken)} messages over {rounds} ends, without a hole')
    wanted = sorted(taken.items())
    tap.ok(all(c.got == wanted for c in clients),
           f'{len(clients)} clients have each once, in order')
    tap.ok(sum(c.lost for c in clients) == 0,
           f'each recovered each time: {sum(c.times for c in clients)}')
    sessions = [name for c in clients for name in c.sessions]
    tap.ok(len(set(sessions)) == len(sessions), 'no session has had that name')


def refusal(nginx, path, size='8m', options=(), first=()):
    """What another nginx says that is to use the file, and its output."""
    conf = CONF.replace('$FILE', path).replace('live:8m', f'live:{size}')
    prefix = f'{nginx.prefix}/other'
    os.makedirs(f'{prefix}/logs', exist_ok=True)
    with open(f'{nginx.prefix}/nginx.conf', encoding='ascii') as f:
        whole = f.read()
    start = whole.index('websocket_zone')
    whole = whole[:start] + conf[conf.index('websocket_zone'):] + '}'
    write_conf(prefix, whole, nginx.port + 1)
    done = subprocess.run([*first, *command(prefix), *options],
                          capture_output=True, text=True, timeout=TIMEOUT)
    lines = [line for line in done.stderr.splitlines() if '[emerg]' in line]
    return (lines[0] if done.returncode and lines
            else f'{done.returncode}: {done.stderr}') + '|' + done.stdout


def refused(tap, nginx, what, path, text, **more):
    """It is refused so, and is as it was."""
    def state():
        with contextlib.suppress(OSError):
            st = os.lstat(path)
            return st.st_mode, st.st_size, st.st_ino, st.st_mtime_ns
    before, answer = state(), refusal(nginx, path, **more)
    tap.ok(text in answer and state() == before, f'{what}: {answer[:300]}')


def refusals(tap, nginx, folder):
    """What is not the zone's file, is in use, or does not fit."""
    refused(tap, nginx, 'a running one', nginx.file, 'in use by another nginx')

    path = f'{folder}/foreign'
    with open(path, 'w', encoding='ascii') as f:
        f.write('dear diary\n' * 1000)
    os.chmod(path, 0o600)
    refused(tap, nginx, 'a foreign one', path, 'is not the file of')
    os.chmod(path, 0o644)
    refused(tap, nginx, 'one that others may read', path, 'has to be 0600')

    path = f'{folder}/short'
    with open(path, 'w', encoding='ascii') as f:
        f.write('short')
    os.chmod(path, 0o600)
    refused(tap, nginx, 'a short one', path, 'is not the file of')

    path = f'{folder}/link'
    os.symlink(f'{folder}/target', path)
    refused(tap, nginx, 'a link', path, 'Too many levels of symbolic links')
    tap.ok(not os.path.exists(f'{folder}/target'), 'its target is not made')

    path = f'{folder}/folder'
    os.mkdir(path, 0o700)
    refused(tap, nginx, 'a folder', path, 'Is a directory')

    path = f'{folder}/fifo'
    os.mkfifo(path, 0o600)
    refused(tap, nginx, 'a FIFO', path, 'is not a regular file')

    path = f'{folder}/hard'
    open(path, 'w', encoding='ascii').close()
    os.chmod(path, 0o600)
    os.link(path, f'{folder}/other')
    refused(tap, nginx, 'one with two names', path, 'has several names')

    refused(tap, nginx, 'no folder', f'{folder}/none/zone',
            'No such file or directory')

    if os.getuid() == 0:
        path = f'{folder}/owner'
        open(path, 'w', encoding='ascii').close()
        os.chmod(path, 0o600)
        os.chown(path, 12345, -1)
        refused(tap, nginx, "another user's", path, 'belongs to another user')


def leftovers(tap, nginx, folder):
    """Of a zone that has ended: another size, a copy, another version."""
    copy = f'{folder}/copy'
    shutil.copy(nginx.file, copy)
    refused(tap, nginx, 'a copy', copy, 'is a copy')
    refused(tap, nginx, 'another size', nginx.file, 'another size', size='9m')

    for place, text in ((12, 'another version'), (20, 'another websocket zone'),
                        (40, 'before this machine was started')):
        with open(nginx.file, 'r+b') as f:
            f.seek(place)
            old = f.read(4)
            f.seek(place)
            f.write(b'\xff\xff\xff\xff')
            f.flush()
            refused(tap, nginx, 'another head', nginx.file, text)
            f.seek(place)
            f.write(old)

    with open(nginx.file, 'r+b') as f:
        text = f.read()
        f.seek(0)
        f.write(text[:64] + b'\xff' * 4096)
        f.flush()
        refused(tap, nginx, 'another store', nginx.file, 'another version')
        f.seek(0)
        f.write(text)
    os.utime(nginx.file)


def tests(tap, nginx, folder):
    """nginx -t."""
    new = f'{folder}/new'
    for path in nginx.file, new:
        before = os.path.exists(path) and os.stat(path).st_mtime_ns
        answer = refusal(nginx, path, options=['-t'])
        after = os.path.exists(path) and os.stat(path).st_mtime_ns
        tap.ok('successful' in answer and before == after,
               f'nginx -t touches nothing: {path}')


def full(tap, nginx, folder):
    """A tmpfs that has less room than the zone: only root may mount one."""
    place = f'{folder}/small'
    os.mkdir(place)
    if not mounts():
        return
    mount = [*MOUNT, place, 'sh', '-c', '"$@"; s=$?; ls -A "$0"; exit $s',
             place]
    answer = refusal(nginx, f'{place}/zone', first=mount)
    tap.ok('fallocate() of' in answer and 'No space left' in answer
           and answer.endswith('|'), f'no room, and no file is left: {answer}')


def mounts():
    """Whether a tmpfs may be mounted: only root may."""
    may = subprocess.run(MOUNT + ['/dev/shm', 'true'], capture_output=True,
                         check=False).returncode == 0
    if not may:
        print('# no tmpfs can be mounted here')
    return may


# what follows has a tmpfs of its own at the place that follows, a small one
MOUNT = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs -o size=4m none "$0"'
         ' && exec "$@"']


def live(nginx):
    """Where a zone's memory is whose file is on a disk."""
    return [os.readlink(f'/proc/{nginx.process.pid}/fd/{fd}')
            for fd in os.listdir(f'/proc/{nginx.process.pid}/fd')
            if os.path.realpath(f'/proc/{nginx.process.pid}/fd/{fd}')
            .startswith('/dev/shm/nginx-websocket-')]


async def written(nginx, since):
    """Until there is a dump that was begun after that."""
    def there():
        with contextlib.suppress(FileNotFoundError):
            return os.stat(nginx.dump).st_mtime > since + 1
    await until(there)


async def reboot(nginx):
    """The memory of the machine is gone."""
    memory = live(nginx)
    await nginx.quit()
    for path in memory:
        os.unlink(path)
    nginx.run()


async def on_disk(tap, nginx):
    """The file is a dump, and the memory is another one's."""
    port = nginx.port
    tap.ok(len(live(nginx)) == 2, 'memory is on tmpfs')
    for n in range(3):
        await ask(port, 'POST', '/publish', f'Idempotency-Key: k{n}\r\n',
                  b'%d' % n)
    await ask(port, 'POST', '/revoke', '', b'{"user":"mallory"}')
    await written(nginx, time.time())
    _, before = await ask(port, 'GET', '/publish')

    await nginx.kill()
    nginx.run()
    _, answer = await ask(port, 'GET', '/publish')
    tap.ok(answer == before, f'killed, it has lost nothing: {answer}')

    await reboot(nginx)
    _, answer = await ask(port, 'GET', '/publish')
    tap.ok({**answer, 'epoch': 0} == {**before, 'epoch': 0}
           and answer['epoch'] != before['epoch'],
           f'after a reboot it is there, with another epoch: {answer}')
    peer, hello = await session(port, '/ws', f'&since={before["epoch"]}:1')
    tap.ok(hello['recovered'] is False, f'clients are told so: {hello}')
    peer.close()
    _, answer = await ask(port, 'POST', '/publish', 'Idempotency-Key: k1\r\n',
                          b'1')
    tap.ok(answer.get('duplicate') is True, f'a key holds: {answer}')
    status, _ = await ask(port, 'GET', f'/token?token={token("mallory")}',
                          UPGRADE)
    tap.ok(status == 401, f'a revocation holds: {status}')

    # another size, and another one's memory
    await nginx.quit()
    with open(f'{nginx.prefix}/nginx.conf', encoding='ascii') as f:
        conf = f.read().replace('live:8m', 'live:6m')
    with open(f'{nginx.prefix}/nginx.conf', 'w', encoding='ascii') as f:
        f.write(conf)
    nginx.run()
    _, answer = await ask(port, 'GET', '/publish')
    tap.ok(answer['history'] == 3, f'another size is no matter: {answer}')

    memory = live(nginx)
    await nginx.quit()
    for path in memory:
        os.unlink(path)
        os.mkdir(path)
    nginx.run()
    _, answer = await ask(port, 'GET', '/publish')
    tap.ok(answer['history'] == 3 and not live(nginx)
           and nginx.log().count('a restart goes on with what') == 4,
           'a name that somebody else has is done without')
    await nginx.quit()
    for path in memory:
        os.rmdir(path)

    foreign(tap, nginx)
    if mounts():
        await full_memory(tap, nginx)

    with open(nginx.dump, 'r+b') as f:
        f.seek(100)
        f.write(b'!')
    nginx.run()
    status, _ = await ask(port, 'GET', '/publish')
    bad = [name for name in os.listdir(os.path.dirname(nginx.dump))
           if name.startswith('dump.bad-')]
    tap.ok(status == 404 and len(bad) == 1,
           f'a dump that is not whole is put aside: {bad}')
    await written(nginx, time.time())
    await reboot(nginx)


def foreign(tap, nginx):
    """A dump that others may have written."""
    os.chmod(nginx.dump, 0o660)
    refused(tap, nginx, 'a dump that others may write', nginx.dump,
            'can be written by others')
    os.chmod(nginx.dump, 0o600)
    if os.getuid() == 0:
        os.chown(nginx.dump, 12345, -1)
        refused(tap, nginx, "another user's dump", nginx.dump,
                'belongs to another user')
        os.chown(nginx.dump, 0, -1)


async def full_memory(tap, nginx):
    """/dev/shm has no room: the dump is enough."""
    nginx.first = [*MOUNT, '/dev/shm']
    nginx.run()
    _, answer = await ask(nginx.port, 'GET', '/publish')
    tap.ok(answer['history'] == 3 and len(live(nginx)) == 1
           and 'cannot have so much memory' in nginx.log(),
           f'without room in /dev/shm it is done without: {answer}')
    await nginx.quit()
    nginx.first = []


TWO = """
    websocket_zone zone=one:1m file=$FILE/one;
    websocket_zone zone=two:1m file=$FILE/two;
    server {
        listen 127.0.0.1:$PORT;
        location = /token {
            websocket subscribe zone=one; websocket_channel all;
            websocket_jwt key=$KEY alg=HS256;
        }
        location = /revoke { websocket_revoke time=60s; }
    }
""".replace('$KEY', KEY)


async def two(tap, nginx):
    """Revocations lie beside one of several zones, whichever is the first."""
    async def holds(what):
        status, _ = await ask(nginx.port, 'GET',
                              f'/token?token={token("mallory")}', UPGRADE)
        tap.ok(status == 401, f'a revocation holds {what}: {status}')

    await ask(nginx.port, 'POST', '/revoke', '', b'{"user":"mallory"}')
    path = f'{nginx.prefix}/nginx.conf'
    with open(path, encoding='ascii') as f:
        conf = f.read()
    one, second = [line for line in conf.splitlines(True)
                   if 'websocket_zone' in line]
    with open(path, 'w', encoding='ascii') as f:
        f.write(conf.replace(one, '').replace(second, second + one))

    workers = set(nginx.workers())
    nginx.process.send_signal(signal.SIGHUP)
    await until(lambda: not workers & set(nginx.workers()))
    await holds('when a reload has zones in another order')
    await nginx.kill()
    nginx.run()
    await holds('when a start has')


async def play(tap, nginx, folder):
    await goes_on(tap, nginx)
    await storm(tap, nginx)
    if 'WEBSOCKET_LONG' in os.environ:
        raise_limit()
        await storm(tap, nginx, clients=500, publishers=1, rounds=30, every=10)
    refusals(tap, nginx, folder)
    await nginx.quit()
    leftovers(tap, nginx, folder)
    tests(tap, nginx, folder)
    full(tap, nginx, folder)
    nginx.run()
    _, answer = await ask(nginx.port, 'GET', '/publish')
    tap.ok(answer['offset'] > 3, 'and it goes on')


def in_memory(tap):
    folder = tempfile.mkdtemp(prefix='websocket-', dir='/dev/shm')
    nginx = Killed('zone_file', CONF.replace('$FILE', f'{folder}/zone'))
    nginx.file = f'{folder}/zone'
    try:
        asyncio.run(play(tap, nginx, folder))
        alerts = nginx.alerts()
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
        shutil.rmtree(folder)


def with_two(tap):
    folder = tempfile.mkdtemp(prefix='websocket-', dir='/dev/shm')
    nginx = Killed('zone_two', TWO.replace('$FILE', folder))
    try:
        asyncio.run(two(tap, nginx))
        alerts = nginx.alerts()
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
        shutil.rmtree(folder)


def on_a_disk(tap):
    dump = os.path.abspath(f'{BUILD}/clients/zone_disk/dump')
    kind = subprocess.run(['stat', '-f', '-c', '%T', BUILD],
                          capture_output=True, text=True, check=True).stdout
    if 'tmpfs' in kind or 'ramfs' in kind:
        print('# no disk here')
        return

    nginx = Killed('zone_disk', CONF.replace('$FILE', f'{dump} snapshot=1s'))
    nginx.dump = dump
    memory = live(nginx)
    try:
        asyncio.run(on_disk(tap, nginx))
        alerts = nginx.alerts()
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
        for path in memory:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


if __name__ == '__main__':
    tap = Tap()
    with open(KEY, 'wb') as f:
        f.write(SECRET)
    in_memory(tap)
    with_two(tap)
    on_a_disk(tap)
    tap.done()
