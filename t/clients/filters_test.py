"""A filter that is sent gets what matches of the history, and then what is
new: whatever is published meanwhile, nothing is missing and nothing comes
twice, for clients of both workers, also where the answer is a long one."""

import asyncio
import http.client
import json

import websocket
from nginx import Nginx, Tap, TIMEOUT

CONF = '''
    websocket_zone zone=live:32m;
    websocket_send_queue messages=64 size=64k;

    server { listen 127.0.0.1:$PORT;
        websocket_channel x;
        websocket_history length=20000;
        location = /ws { websocket subscribe; websocket_filter on replay=all; }
        location = /publish { websocket_publish; }
    }
'''

KINDS = 4
BEFORE, MEANWHILE = 4000, 2000


def publish(port, numbers):
    connection = http.client.HTTPConnection('127.0.0.1', port,
                                            timeout=TIMEOUT)
    for n in numbers:
        connection.request('POST', '/publish',
                           json.dumps({'n': n, 'kind': n % KINDS}))
        connection.getresponse().read()
    connection.close()


async def follow(ws, kind, last):
    """All of a kind, from the first one to the last, asked for by filter."""
    await ws.send(json.dumps({'filter': {'kind': kind}}))
    got = None
    while not got or got[-1] < last:
        message = json.loads(await asyncio.wait_for(ws.recv(), TIMEOUT))
        if message == {'filter': 'ok'}:
            got = []
        elif got is not None:
            got.append(message['n'])
    return got


async def client(nginx, kind):
    wrong = 0
    async with websocket.connect(f'ws://127.0.0.1:{nginx.port}/ws') as ws:
        for last in (BEFORE, BEFORE + MEANWHILE // 2, BEFORE + MEANWHILE):
            last -= KINDS - kind
            got = await follow(ws, kind, last)
            wrong += got != list(range(kind, got[-1] + 1, KINDS))
            kind = (kind + 1) % KINDS
    return wrong


async def play(tap, nginx):
    await asyncio.to_thread(publish, nginx.port, range(BEFORE))
    *wrong, _ = await asyncio.gather(
        *(client(nginx, n % KINDS) for n in range(8)),
        asyncio.to_thread(publish, nginx.port,
                          range(BEFORE, BEFORE + MEANWHILE)))
    tap.ok(wrong == [0] * 8,
           f'each answer is whole, and nothing is there twice: {wrong}')


if __name__ == '__main__':
    tap = Tap()
    nginx = Nginx('filters', CONF)
    try:
        asyncio.run(play(tap, nginx))
        tap.ok(nginx.alerts() == [], f'no alerts: {nginx.alerts()[:3]}')
    finally:
        nginx.stop()
    tap.done()
