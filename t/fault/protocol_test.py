"""
A language that the module does not have, one file with one table: its sessions
get messages in its own format, made once per worker, beside others that get
them in theirs.
"""

import asyncio
import struct
import zlib

from nginx import Nginx, Tap, load_fault_module
from peer import CLOSE, FIN, TEXT, Peer, ask

RSV1 = 0x40

CONF = '''
    websocket_zone zone=live:4m;
    websocket_subprotocols shout other;
    server {
        listen 127.0.0.1:$PORT;
        location = /ws { websocket pubsub; websocket_channel all; }
        location = /deflate {
            websocket subscribe;
            websocket_channel all;
            websocket_deflate on min_length=1 context_takeover=off;
        }
        location = /filter {
            websocket subscribe;
            websocket_channel all;
            websocket_filter on;
        }
        location = /events {
            websocket pubsub;
            websocket_channel events;
            websocket_presence on from=$arg_name;
            websocket_events join leave history=off;
        }
        location = /publish { websocket_publish; websocket_channel all; }
        location = /channel { websocket_publish; websocket_channel all; }
        location = /status { websocket_status json; }
    }
'''

LONG = b'hello ' * 9
LOUD = b'1 <' + LONG.upper() + b'>'
SHOUT = 'Sec-WebSocket-Protocol: shout\r\n'
DEFLATE = ('Sec-WebSocket-Extensions: permessage-deflate; '
           'server_no_context_takeover\r\n')


async def closed(peer):
    """The code and the reason of the Close that comes."""
    first, payload = await peer.timed(peer.frame())
    assert first == FIN | CLOSE, first
    return struct.unpack('>H', payload[:2])[0], payload[2:].decode()


async def inflated(peer):
    first, payload = await peer.timed(peer.frame())
    assert first == FIN | RSV1 | TEXT, first
    return zlib.decompressobj(-15).decompress(payload + b'\0\0\xff\xff')


async def run(tap, port):
    shouts = [await Peer(port).websocket('/ws', SHOUT) for _ in range(3)]
    plain = await Peer(port).websocket('/ws')
    other = await Peer(port).websocket('/ws', SHOUT.replace('shout', 'other'))
    events = await Peer(port).open('/ws', 'Accept: text/event-stream\r\n')
    small = await Peer(port).websocket('/deflate', SHOUT + DEFLATE)

    tap.ok(shouts[0].header('Sec-WebSocket-Protocol') == 'shout'
           and other.header('Sec-WebSocket-Protocol') == 'other',
           'the subprotocol is answered')

    await ask(port, 'POST', '/publish', '', LONG)

    got = [await s.receive() for s in shouts]
    tap.ok(got == [LOUD] * 3, f'made once for three sessions: {got}')

    got = await inflated(small)
    tap.ok(got == LOUD, f'compressed for a fourth: {got}')

    got = [await p.receive() for p in (plain, other)]
    tap.ok(got == [LONG] * 2, f'plain ones beside them: {got}')

    await events.until(b'data: ' + LONG + b'\n')
    tap.ok(True, 'and events')

    shouts[0].send(FIN | TEXT, b'from one of them')
    got = [await p.receive() for p in (shouts[0], shouts[2], plain)]
    tap.ok(got == [b'2 <FROM ONE OF THEM>'] * 2 + [b'from one of them'],
           f'what one of them sends: {got}')

    filtered = await Peer(port).websocket('/filter', SHOUT)
    filtered.send(FIN | TEXT, b'{"filter":null}')
    got = await filtered.receive()
    tap.ok(got == b'!{"filter":"ok"}', f'an answer: {got}')

    _, status = await ask(port, 'GET', '/status')
    got = [one['connections'] for one in status['locations']
           if one['location'] == '/ws']
    tap.ok(got == [{'websocket': 2, 'sse': 1, 'poll': 0, 'shout': 3}],
           f'a label of the metrics: {got}')

    shout = await Peer(port).websocket('/events?name=ann', SHOUT)
    reader = await Peer(port).websocket('/events?name=bob')
    reader.send(FIN | CLOSE)
    got = [await shout.receive() for _ in range(3)]
    tap.ok(got == [b'+ann', b'+bob', b'-bob']
           and b'"from":"bob"' in await reader.receive(),
           f'who joins and leaves: {got}')

    await ask(port, 'DELETE', '/channel')
    got = [await closed(p) for p in (shouts[0], plain)]
    tap.ok(got == [(4000, 'ENOUGH'), (1000, 'the channel was deleted')],
           f'a reason in the words of each: {got}')


if __name__ == '__main__':
    load_fault_module('shout')
    tap = Tap()
    nginx = Nginx('protocol', CONF, workers=1)
    try:
        asyncio.run(run(tap, nginx.port))
    finally:
        nginx.stop()
    tap.ok(not nginx.alerts(), f'the log is clean {nginx.alerts()}')
    tap.done()
