"""
Messages that are on the disk before their publisher is told: each is there
after a loss of power, at any moment; and a disk that hangs, or fails, holds up
nobody else.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time

from nginx import BUILD, TIMEOUT, Tap, command
from peer import Closed, Http, Peer, ask, becomes
from zone_file_test import Killed, live, until

DISK = os.path.abspath(f'{BUILD}/clients/durable/disk')
SHIM = os.path.abspath(f'{BUILD}/clients/disk.so')
POWER = 40 if 'WEBSOCKET_LONG' in os.environ else 6
PUBLISHERS = 6

CONF = f'''
    websocket_zone zone=live:8m file={DISK}/dump snapshot=1s;
    websocket_drain 300ms;
    server {{
        listen 127.0.0.1:$PORT;
        websocket_history length=100000;
        websocket_channel all;
        websocket_durable file wait=2s;
        location = /pub {{ websocket pubsub; websocket_ack on; }}
        location = /subscribe {{ websocket subscribe; }}
        location = /publish {{ websocket_publish; websocket_max_message_size 2m; }}
        location = /status {{ websocket_status json; }}
        location = /metrics {{ websocket_status prometheus; }}
        location = /memory {{ websocket_publish; websocket_durable memory; }}
        location = /slow {{ websocket_publish; websocket_durable file wait=30s; }}
        location = /key {{ websocket_publish; websocket_channel $arg_c; }}
    }}
'''

TEXT = 0x81


class Powered(Killed):
    """On a disk that keeps what a loss of power leaves."""

    first = ['env', f'LD_PRELOAD={SHIM}', f'DISK={DISK}']

    def start(self, conf):
        os.makedirs(DISK)
        os.makedirs(f'{DISK}.kept')
        super().start(conf)

    async def power(self, state=None, acked=()):
        """Is lost, with all that was in memory; what was acknowledged then."""
        memory = live(self)
        await self.kill()
        acked, state = list(acked), state or after(self)
        for path in memory:
            os.unlink(path)
        shutil.rmtree(DISK)
        os.makedirs(DISK)
        for name, text in state.items():
            with open(os.open(f'{DISK}/{name}', os.O_CREAT | os.O_WRONLY,
                              0o600), 'wb') as f:
                f.write(text)
        shutil.rmtree(f'{DISK}.kept')
        os.makedirs(f'{DISK}.kept')
        self.run()
        # what was there is on the disk
        for path in [*(f'{DISK}/{name}' for name in state), DISK]:
            subprocess.run(['env', f'LD_PRELOAD={SHIM}', f'DISK={DISK}',
                            'sync', path], check=True)
        return acked


def after(nginx):
    """What a loss of power would leave now: names and what is in them."""
    files = {}
    try:
        with open(f'{DISK}.kept/names', encoding='ascii') as f:
            names = [line.split() for line in f]
    except FileNotFoundError:
        return files
    for birth, name in names:
        try:
            with open(f'{DISK}.kept/{birth}', 'rb') as f:
                files[name] = f.read()
        except FileNotFoundError:
            files[name] = b''
    return files


async def history(port):
    """Texts by their offsets, as they are in the zone now."""
    got, where = {}, 'order=asc'
    _, now = await ask(port, 'GET', '/publish')
    while True:
        _, answer = await ask(port, 'GET', f'/publish?{where}&limit=1000')
        for message in answer.get('messages', []):
            got[message['offset']] = message['data']
        if not answer.get('more') or max(got) >= now['offset']:
            return got
        where = f'since={answer["position"]}'


async def doors(tap, nginx):
    """Whoever publishes is told where the message is."""
    port = nginx.port
    status, answer = await ask(port, 'POST', '/publish', '', b'1')
    tap.ok(status == 202 and answer['durable'] == 'file', f'POST: {answer}')
    _, answer = await ask(port, 'POST', '/publish',
                          'X-WebSocket-Durable: memory\r\n', b'2')
    tap.ok(answer['durable'] == 'memory', f'a header: {answer}')
    _, answer = await ask(port, 'POST', '/memory', '', b'3')
    tap.ok('durable' not in answer, f'without the directive: {answer}')
    _, answer = await ask(port, 'POST', '/memory',
                          'X-WebSocket-Durable: file\r\n', b'4')
    tap.ok(answer['durable'] == 'file', f'but for a header: {answer}')
    for value in 'disk', 'file\r\nX-WebSocket-Durable: file':
        status, answer = await ask(port, 'POST', '/publish',
                                   f'X-WebSocket-Durable: {value}\r\n', b'5')
        tap.ok(status == 400 and answer['error']['code'] == 'invalid_header',
               f'a wrong header: {answer}')
    _, answer = await ask(port, 'POST', '/publish',
                          'Content-Type: application/x-ndjson\r\n',
                          b'{"n":5}\n{"n":6}\n{"n":7}\n')
    tap.ok(answer['durable'] == 'file' and answer['offsets'] == [5, 6, 7],
           f'several at once: {answer}')
    _, answer = await ask(port, 'POST', '/publish', '', b'8' * 700000)
    tap.ok(answer['durable'] == 'memory', f'a large one is not: {answer}')

    peer = await Peer(port).websocket('/pub?position=1')
    await peer.receive()
    peer.send(TEXT, b'{"id":"a"}')
    got = [json.loads((await peer.receive()).rpartition(b'\n')[2])
           for _ in range(2)]
    ack = next(text for text in got if 'ack' in text)
    tap.ok(ack['durable'] == 'file' and ack['position'].endswith(':9'),
           f'an acknowledgement on a socket: {ack}')
    peer.close()

    await nginx.power()
    got = await history(port)
    tap.ok({n: got.get(n) for n in (1, 4, 5, 9)}
           == {1: '1', 4: '4', 5: '{"n":5}', 9: '{"id":"a"}'}
           and 'and ' in nginx.log(), f'after a loss of power: {sorted(got)}')


async def prefixes(tap, nginx):
    """The log, cut anywhere: what was acknowledged before is there."""
    port, sizes = nginx.port, []
    first = max(await history(port))
    for n in range(12):
        _, answer = await ask(port, 'POST', '/publish', '', b'%d' % n * 50)
        state = after(nginx)
        newest = max((name for name in state if '.log-' in name),
                     key=lambda name: int(name.rpartition('-')[2]))
        sizes.append((answer['offset'], newest, len(state[newest])))
    state, wrong = after(nginx), []
    newest = sizes[-1][1]
    sizes = [(offset, size) for offset, name, size in sizes if name == newest]
    cuts = sorted({size + d for _, size in sizes[-3:] for d in (-1, 0, 1)
                   if size + d <= len(state[newest])})
    for cut in cuts:
        await nginx.power({**state, newest: state[newest][:cut]})
        got = await history(port)
        wrong += [(cut, offset) for offset, size in sizes
                  if (size <= cut) != (offset in got)]
    tap.ok(not wrong and len(cuts) > 4 and first in got,
           f'{len(cuts)} prefixes of the log: {wrong}')


async def publish(port, name, over, taken):
    """Each with a key: what has no answer is repeated."""
    http, n = Http(port), 0
    while not over():
        n += 1
        while not over():
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                status, text = await http.request(
                    'POST', '/publish', f'Idempotency-Key: {name}-{n}\r\n',
                    f'{name}-{n}'.encode())
                if status in (200, 202):
                    taken.append(f'{name}-{n}')
                    break
            http.close()
            await asyncio.sleep(0.005)
    http.close()


async def storm(tap, nginx):
    """Power is lost again and again, under load, with dumps meanwhile."""
    over, taken, lost = False, [], set()
    tasks = [asyncio.create_task(publish(nginx.port, f'p{n}', lambda: over,
                                         taken))
             for n in range(PUBLISHERS)]
    for n in range(POWER):
        many = len(taken) + 150
        # some before the first dump of a life, some after several
        await until(lambda: len(taken) > many)
        if n % 2:
            begun = time.time()
            await until(lambda: os.path.exists(f'{DISK}/dump')
                        and os.stat(f'{DISK}/dump').st_mtime > begun)
        acked = await nginx.power(acked=taken)
        got = set((await history(nginx.port)).values())
        lost |= set(acked) - got
    over = True
    await asyncio.gather(*tasks)
    got = list((await history(nginx.port)).values())
    tap.ok(not lost, f'{POWER} losses of power, {len(taken)} acknowledged: '
           f'{sorted(lost)[:3]}')
    tap.ok(set(taken) <= set(got) and all(
        got.count(text) == 1 for text in taken[-100:]),
        'all are there at the end, once')


async def answer_in(port, path, timeout, text=b'x'):
    """The answer, and how long it took."""
    begun = time.monotonic()
    status, answer = await asyncio.wait_for(
        ask(port, 'POST', path, 'Idempotency-Key: slow\r\n' if path ==
            '/publish' else '', text), timeout)
    return status, answer, time.monotonic() - begun


async def hangs(tap, nginx):
    """The disk does not answer: memory goes on, and who waits is told."""
    port = nginx.port
    open(f'{DISK}.hang', 'w').close()
    waits = asyncio.create_task(answer_in(port, '/publish', 10))
    took = []
    for _ in range(200):
        status, _, time_ = await answer_in(port, '/memory', 1)
        took.append(time_ if status in (200, 202) else 9)
    tap.ok(sorted(took)[150] < 0.1 and max(took) < 1,
           f'publishing to memory goes on: {max(took):.3f} at most')
    status, answer, time_ = await waits
    tap.ok(status == 503 and answer['error']['code'] == 'not_durable'
           and 1.9 < time_ < 4, f'who waits is told, after {time_:.1f}: '
           f'{answer}')

    # what waits has a bound
    texts = [asyncio.create_task(answer_in(port, f'/key?c=c{n}', 20,
                                           b'x' * 60000))
             for n in range(200)]
    answers = [(await text)[:2] for text in texts]
    tap.ok(all(status == 503 and answer['error']['code'] == 'not_durable'
               for status, answer in answers), 'nor does it grow without one')

    os.unlink(f'{DISK}.hang')
    async def durable():
        return (await ask(port, 'POST', '/publish',
                          'Idempotency-Key: slow\r\n', b'x'))[1].get('durable')
    tap.ok(await becomes(durable, 'file') == 'file', 'and then it is there')
    _, answer = await ask(port, 'POST', '/publish', 'Idempotency-Key: slow\r\n',
                          b'x')
    tap.ok(answer['duplicate'] is True, 'once')


async def fails(tap, nginx):
    """Writing fails: another log is begun."""
    port = nginx.port
    open(f'{DISK}.fail', 'w').close()
    waits = asyncio.create_task(ask(port, 'POST', '/slow', '', b'failed'))
    await until(lambda: 'wait for the disk' in nginx.log())
    failures = (await file_status(nginx))['failures']
    async def more():
        return (await file_status(nginx))['failures'] > failures
    tap.ok(await becomes(more, True) and os.path.exists(f'{DISK}/dump'),
           'without space the last dump stays')
    os.unlink(f'{DISK}.fail')
    status, answer = await waits
    tap.ok(answer.get('durable') == 'file', f'an error is got over: {answer}')
    await nginx.power()
    tap.ok('failed' in (await history(port)).values(), 'and it is there')


async def phases(tap, nginx):
    """Killed at each step of a dump, and its power is lost then."""
    port, wrong = nginx.port, []
    for call in 'write', 'rename', 'fsync':
        texts = [f'{call}-{n}' for n in range(3)]
        for text in texts:
            await ask(port, 'POST', '/publish', '', text.encode())
        open(f'{DISK}.hang-{call}', 'w').close()
        await until(lambda: os.path.exists(f'{DISK}.held'))
        await ask(port, 'POST', '/memory', '', b'm')
        await nginx.kill()
        for name in f'hang-{call}', 'held':
            os.unlink(f'{DISK}.{name}')
        nginx.run()
        got = (await history(port)).values()
        wrong += [text for text in [*texts, 'm'] if text not in got]
        await nginx.power()
        got = (await history(port)).values()
        wrong += [text for text in texts if text not in got]
    tap.ok(not wrong, f'killed in the midst of a dump: {wrong}')


async def file_status(nginx):
    return (await ask(nginx.port, 'GET', '/status'))[1]['zones'][0]['file']


async def workers(tap, nginx):
    """Who writes dies, or goes: another one does."""
    port = nginx.port
    for _ in range(3):
        for pid in nginx.workers():
            os.kill(pid, signal.SIGKILL)
            await until(lambda: len(nginx.workers()) == 2
                        and pid not in nginx.workers())
            async def durable():
                try:
                    return (await ask(port, 'POST', '/publish', '',
                                      b'on'))[1].get('durable')
                except (OSError, Closed):
                    return None
            if await becomes(durable, 'file') != 'file':
                tap.ok(False, 'nobody writes')
    tap.ok(True, 'workers die')
    old = set(nginx.workers())
    nginx.process.send_signal(signal.SIGHUP)
    statuses = set()
    while old & set(nginx.workers()):
        statuses.add((await ask(port, 'POST', '/publish', '', b'on'))[0])
    tap.ok(statuses <= {202}, f'and over a reload: {statuses}')
    async def logs():
        return sum('.log-' in name for name in os.listdir(DISK)) <= 2
    tap.ok(await becomes(logs, True), 'logs go with each dump')


async def told(tap, nginx):
    """Status and metrics."""
    async def written():
        return (await file_status(nginx))['snapshots'] > 1
    tap.ok(await becomes(written, True), 'snapshots are counted')
    await ask(nginx.port, 'POST', '/publish', '', b'told')
    file = await file_status(nginx)
    tap.ok(file['bytes'] > 100 and file['age'] < 30
           and file['logged_bytes'] > 0 and file['waiting_bytes'] == 0,
           f'and what is known of them: {file}')
    _, text = await Http(nginx.port).request('GET', '/metrics')
    names = set(re.findall(rb'^# TYPE websocket_(snapshots?|log)_', text,
                           re.M))
    tap.ok(len(re.findall(rb'^websocket_(?:snapshots?|log)_\w+{zone="live"} ',
                          text, re.M)) == 8, f'in metrics, too: {names}')


def refused(tap, nginx):
    """What is not on a disk cannot be durable."""
    with open(f'{nginx.prefix}/nginx.conf', encoding='ascii') as f:
        conf = f.read()
    for file, text in (('', 'has no "file="'),
                       ('file=/dev/shm/nginx-durable', 'is on tmpfs in')):
        with open(f'{nginx.prefix}/other.conf', 'w', encoding='ascii') as f:
            f.write(conf.replace(f'file={DISK}/dump snapshot=1s', file))
        done = subprocess.run(
            [part.replace('nginx.conf', 'other.conf')
             for part in command(nginx.prefix)], capture_output=True,
            text=True, check=False)
        tap.ok(done.returncode and text in done.stderr,
               f'refused: {done.stderr[:200]}')
    with contextlib.suppress(FileNotFoundError):
        os.unlink('/dev/shm/nginx-durable')


async def play(tap, nginx):
    await doors(tap, nginx)
    await prefixes(tap, nginx)
    await storm(tap, nginx)
    await phases(tap, nginx)
    await workers(tap, nginx)
    await fails(tap, nginx)
    await told(tap, nginx)
    await hangs(tap, nginx)
    memory = live(nginx)
    await nginx.quit()
    for path in memory:
        os.unlink(path)
    refused(tap, nginx)


if __name__ == '__main__':
    tap = Tap()
    kind = subprocess.run(['stat', '-f', '-c', '%T', BUILD],
                          capture_output=True, text=True, check=True).stdout
    if 'tmpfs' in kind or 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
        print('1..0 # SKIP it needs a disk, and LD_PRELOAD')
        raise SystemExit
    subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', SHIM,
                    't/clients/disk.c', '-ldl'], check=True)
    nginx = Powered('durable', CONF)
    memory = live(nginx)
    try:
        asyncio.run(asyncio.wait_for(play(tap, nginx), 10 * TIMEOUT))
        alerts = nginx.alerts(but=('signal 9', 'needs a file on a disk'))
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        for suffix in ('hang', 'fail', 'held', 'hang-write', 'hang-rename',
                       'hang-fsync'):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f'{DISK}.{suffix}')
        nginx.stop()
        for path in memory:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    tap.done()
