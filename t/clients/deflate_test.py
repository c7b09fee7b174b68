"""Compression with python3-websockets: each way to offer it, each way to set
it up, echoed and broadcast, in windows that are not larger than agreed."""

import asyncio
import itertools
import os
import random
import types
import zlib

from websockets.extensions import permessage_deflate
from websockets.extensions.permessage_deflate import \
    ClientPerMessageDeflateFactory

import websocket
from nginx import Nginx, Tap, TIMEOUT

SETTINGS = [
    'on',
    'on level=9 min_length=0 window=9 memory=1',
    'on level=6 min_length=1k window=15 memory=9',
    'on min_length=1 context_takeover=on',
    'on level=6 window=15 memory=8 context_takeover=on',
    'on level=1 min_length=0 window=9 memory=2 context_takeover=on',
]

OFFERS = list(itertools.product((False, True), (False, True), (None, 9, 15),
                                (None, True, 9)))

MANY = 2 if 'WEBSOCKET_LONG' in os.environ else 1
ECHOED = 50 * MANY      # messages of each session
BROADCAST = 100 * MANY  # of each setting
AT_ONCE = 10

CONF = '''
    websocket_zone zone=live:32m;
    websocket_max_message_size 200k;
    websocket_send_queue messages=1000 size=32m;
    add_header X-Worker $pid always;
    server { listen 127.0.0.1:$PORT;
''' + '\n'.join(f'''
        location = /echo/{i} {{ websocket echo; websocket_deflate {setting}; }}
        location = /chat/{i} {{
            websocket pubsub;
            websocket_channel {i};
            websocket_deflate {setting};
        }}''' for i, setting in enumerate(SETTINGS)) + '}'

WORDS = 'the quick brown fox jumps over a lazy dog h\u00e9 \U0001f600'.split()

compressed = 0          # messages that came so


class StrictInflater:
    """zlib's, with little output at once: only so it looks behind itself
    through its window, and notices what lies beyond."""

    def __init__(self, wbits):
        self.inflater = zlib.decompressobj(wbits=wbits)

    @property
    def unconsumed_tail(self):
        return self.inflater.unconsumed_tail

    def decompress(self, data, max_length=0):
        out = []
        while True:
            out.append(self.inflater.decompress(data, 128))
            data = self.inflater.unconsumed_tail
            if not data and len(out[-1]) < 128:
                return b''.join(out)


def watch():
    permessage_deflate.zlib = types.SimpleNamespace(
        **{**vars(zlib), 'decompressobj': StrictInflater})

    extension = permessage_deflate.PerMessageDeflate
    decode = extension.decode

    def counting(self, frame, **more):
        global compressed
        compressed += frame.rsv1
        return decode(self, frame, **more)

    extension.decode = counting


def some_bytes(rnd, size):
    """Random, a repetition, or parts of what was before."""
    kind = rnd.randrange(4)
    if kind == 0:
        return rnd.randbytes(size)
    if kind == 1:
        return (rnd.randbytes(rnd.randint(1, 5000)) * size)[:size]
    if kind == 2:
        part = rnd.randbytes(300)
        data = b''
        while len(data) < size:
            data += part[rnd.randrange(300):] + rnd.randbytes(20)
        return data[:size]
    return bytes(size)


def some_text(rnd, size):
    words = ' '.join(rnd.choices(WORDS, k=size // 4 + 1))[:size]
    while len(words.encode()) > size:
        words = words[:-1 - (len(words.encode()) - size) // 4]
    return words


def some_message(rnd):
    size = min(int(rnd.choice((200, 2000, 100001)) ** rnd.random()) - 1,
               100000)
    if rnd.random() < 0.5:
        return some_bytes(rnd, size)
    return some_text(rnd, size)


def in_pieces(rnd, message):
    if rnd.random() < 0.7 or len(message) < 3:
        return message
    cuts = sorted(rnd.sample(range(len(message) + 1), min(3, len(message))))
    return [message[a:b] for a, b in
            zip([0] + cuts, cuts + [len(message)])]


async def soon(what):
    return await asyncio.wait_for(what, TIMEOUT)


def connect(url, offer=None):
    extensions = []
    if offer:
        extensions = [ClientPerMessageDeflateFactory(*offer)]
    return websocket.connect(url, max_size=None, max_queue=None,
                             ping_interval=None, compression=None,
                             extensions=extensions)


def as_agreed(ws, offer, setting):
    """Beyond what the client checks by itself."""
    extensions = websocket.extensions(ws)
    if not extensions:
        return False
    takeover = 'takeover=on' in setting
    # whose window cannot be made smaller does not keep it
    small = offer[3] is not None or 'window=15' in setting
    extension = extensions[0]
    return (extension.remote_no_context_takeover == (not takeover or offer[0])
            and extension.local_no_context_takeover
            == (not takeover or not small or offer[1]))


async def echo_one(base, i, offer):
    rnd = random.Random(f'{i} {offer}')

    async with connect(f'{base}/echo/{i}', offer) as ws:
        if not as_agreed(ws, offer, SETTINGS[i]):
            return f'{offer}: {websocket.headers(ws)}'

        for _ in range(ECHOED // AT_ONCE):
            messages = [some_message(rnd) for _ in range(AT_ONCE)]
            for message in messages:
                await ws.send(in_pieces(rnd, message))
            for message in messages:
                if await soon(ws.recv()) != message:
                    return f'{offer}: not the same'
    return None


async def echo(tap, base, i):
    failures = []
    before = compressed

    for offer in OFFERS:
        try:
            failures.append(await echo_one(base, i, offer))
        except Exception as e:
            failures.append(f'{offer}: {e!r}')

    failures = [f for f in failures if f]
    for failure in failures:
        print('#', failure)

    came = compressed - before
    tap.ok(not failures, f'{SETTINGS[i]}: {len(OFFERS)} offers, {ECHOED} '
           f'messages of each are echoed')
    tap.ok(came > len(OFFERS) * ECHOED / 20, f'{came} of them compressed')


async def receive(ws, n):
    return [await soon(ws.recv()) for _ in range(n)]


async def broadcast(tap, base, i):
    rnd = random.Random(i)
    clients = [await connect(f'{base}/chat/{i}', offer)
               for offer in OFFERS + [None, None]]
    workers = {websocket.headers(c)['X-Worker'] for c in clients}
    same = True
    complete = True

    while len(workers) < 2:
        clients.append(await connect(f'{base}/chat/{i}', OFFERS[0]))
        workers.add(websocket.headers(clients[-1])['X-Worker'])

    for _ in range(BROADCAST // AT_ONCE):
        messages = [some_message(rnd) for _ in range(AT_ONCE)]
        for message in messages:
            await rnd.choice(clients).send(in_pieces(rnd, message))

        got = await asyncio.gather(*[receive(c, AT_ONCE) for c in clients])

        same &= all(g == got[0] for g in got)
        complete &= (sorted(map(repr, got[0])) == sorted(map(repr, messages)))

    tap.ok(complete, f'{SETTINGS[i]}: {BROADCAST} messages of {len(clients)} '
           f'sessions of two workers arrive')
    tap.ok(same, 'with the same bytes and in one order, compressed or not')

    for client in clients:
        await client.close()


async def main(tap, base):
    for i in range(len(SETTINGS)):
        await echo(tap, base, i)
        await broadcast(tap, base, i)


if __name__ == '__main__':
    if os.environ.get('WEBSOCKET_LONG'):
        ECHOED *= 10
        BROADCAST *= 10
    watch()
    nginx = Nginx('deflate', CONF)
    tap = Tap()
    try:
        asyncio.run(main(tap, f'ws://127.0.0.1:{nginx.port}'))
        tap.ok(not nginx.alerts(), 'no alerts')
    finally:
        nginx.stop()
    tap.done()
