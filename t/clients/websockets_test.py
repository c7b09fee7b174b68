"""python3-websockets, a client that nobody here wrote."""

import asyncio
import urllib.request

from nginx import Nginx, Tap, TIMEOUT
from websocket import connect

CONF = '''
    websocket_zone zone=live:4m;
    server {
        listen 127.0.0.1:$PORT;
        location = /echo {
            websocket echo;
            websocket_max_message_size 4m;
            websocket_subprotocols v2 v1;
        }
        location = /chat { websocket pubsub; websocket_channel c; }
        location = /publish { websocket_publish; websocket_channel c; }
    }
'''


async def soon(what):
    return await asyncio.wait_for(what, TIMEOUT)


async def echo(tap, base):
    async with connect(f'{base}/echo', max_size=None,
                       subprotocols=['v1', 'v2']) as ws:
        tap.ok(ws.subprotocol == 'v2', 'subprotocol')

        for message in ('', 'hello', 'h\u00e9\U0001f600', b'', b'\0\xff',
                        'x' * 125, 'x' * 126, 'x' * 65535, 'x' * 65536,
                        b'y' * 3000000):
            await ws.send(message)
            tap.ok(await soon(ws.recv()) == message,
                   f'{type(message).__name__} of {len(message)}')

        await ws.send(['frag', 'men', 'ted'])
        tap.ok(await soon(ws.recv()) == 'fragmented', 'fragments')

        await soon(await ws.ping(b'data'))
        tap.ok(True, 'Ping and Pong')

    tap.ok(ws.close_code == 1000, 'the closing handshake')


async def chat(tap, base):
    clients = [await connect(f'{base}/chat') for _ in range(20)]
    await clients[0].send('hello')
    got = [await soon(c.recv()) for c in clients]
    tap.ok(got == ['hello'] * 20, 'all 20 hear one')

    url = base.replace('ws', 'http') + '/publish'
    answer = await asyncio.to_thread(urllib.request.urlopen, url, b'by HTTP')
    tap.ok(answer.status == 200, 'published by HTTP')
    got = [await soon(c.recv()) for c in clients]
    tap.ok(got == ['by HTTP'] * 20, 'and all hear it')

    for client in clients:
        await client.close()


if __name__ == '__main__':
    nginx = Nginx('websockets', CONF)
    tap = Tap()
    try:
        asyncio.run(echo(tap, f'ws://127.0.0.1:{nginx.port}'))
        asyncio.run(chat(tap, f'ws://127.0.0.1:{nginx.port}'))
        tap.ok(not nginx.alerts(), 'no alerts')
    finally:
        nginx.stop()
    tap.done()
