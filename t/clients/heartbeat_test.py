"""
Heartbeats that an application sees, and intervals that a client chooses: the
position of who filters moves on, messages and heartbeats are in order, and
what the client answers is nobody else's.
"""

import asyncio
import json
import re
import time
from urllib.parse import quote

from nginx import Nginx, Tap, TIMEOUT
from peer import FIN, PING, TEXT, Closed, Peer, ask

CONF = '''
    websocket_zone zone=live:4m;
    map $arg_hb $hb { default $arg_hb; none ""; }
    server {
        listen 127.0.0.1:$PORT;
        websocket_history length=10;
        websocket_channel $arg_c;
        location = /pub { websocket_publish; }
        location = /seen {
            websocket pubsub;
            websocket_filter on;
            websocket_priority on field=p;
            websocket_heartbeat interval=200ms visible;
        }
        location = /two {
            websocket subscribe;
            websocket_channel $arg_c other;
            websocket_heartbeat interval=100ms;
        }
        location = /in {
            websocket publish;
            websocket_heartbeat interval=100ms visible;
        }
        location = /echo {
            websocket echo;
            websocket_heartbeat interval=100ms visible;
        }
        location = /off { websocket subscribe; websocket_heartbeat off; }
        location = /chosen {
            websocket subscribe;
            websocket_heartbeat interval=100ms max=900ms;
        }
        location = /fixed {
            websocket subscribe;
            websocket_heartbeat interval=300ms;
        }
        location = /variable {
            websocket subscribe;
            websocket_heartbeat interval=$hb max=10m;
        }
    }
'''


async def publish(port, channel, message):
    _, answer = await ask(port, 'POST', f'/pub?c={channel}', '',
                          json.dumps(message).encode())
    return f'{answer["epoch"]}:{answer["offset"]}'


async def beat(peer):
    """The next heartbeat, and the messages before it."""
    messages = []
    while True:
        got = json.loads(await peer.receive())
        if list(got) == ['position']:
            return got['position'], messages
        messages.append(got)


async def beats(peer, position):
    """Waits for the heartbeat with that position: all that came before."""
    all_messages = []
    while True:
        at, messages = await beat(peer)
        all_messages += messages
        if at == position:
            return all_messages


async def filtered(tap, port):
    """Of 30 messages, more than the history has, none is for the client."""
    where = quote('{"level":"error"}')
    peer = await Peer(port).websocket(f'/seen?c=a&filter={where}')
    for i in range(30):
        last = await publish(port, 'a', {'level': 'info', 'n': i})
    tap.ok(await asyncio.wait_for(beats(peer, last), TIMEOUT) == [],
           "a filter's client is told positions behind what it does not get")
    peer.close()

    again = await Peer(port).websocket(
        f'/seen?c=a&filter={where}&hello=1&since={last}')
    hello = json.loads(await again.receive())
    tap.ok(hello['recovered'] and hello['position'] == last,
           'and comes back from there')
    again.close()


async def busy(tap, port):
    """Heartbeats between messages say how many there were."""
    peer = await Peer(port).websocket('/seen?c=b')
    _, _ = await beat(peer)

    async def flood():
        for i in range(1, 61):
            await publish(port, 'b', {'n': i, 'p': 'low' if i % 2 else 'high'})
            await asyncio.sleep(0.01)

    task = asyncio.create_task(flood())
    seen, told = 0, []
    while seen < 60:
        at, messages = await beat(peer)
        seen += len(messages)
        told.append(int(at.partition(':')[2]) == seen)
    await task
    tap.ok(all(told) and len(told) >= 3,
           f'heartbeats come also when it is busy, in their place {told}')
    peer.close()


async def answers(tap, port):
    peer = await Peer(port).websocket('/seen?c=c')
    other = await Peer(port).websocket('/seen?c=c')
    at, _ = await beat(peer)
    peer.send(FIN | TEXT, json.dumps({'position': at}).encode())
    peer.send(FIN | TEXT, b' {\n"position" : null}')
    peer.send(FIN | TEXT, b'{"position":1,"n":1}')
    _, messages = await beat(other)
    while not messages:
        _, messages = await beat(other)
    tap.ok(messages == [{'position': 1, 'n': 1}],
           'what the client answers is not published')

    reader = await Peer(port).websocket('/two?c=c&heartbeat=visible')
    at, _ = await beat(reader)
    reader.send(FIN | TEXT, json.dumps({'position': at}).encode())
    await beat(reader)
    tap.ok(len(at.split(',')) == 2, 'nor refused where only filters may be '
           'sent; the positions are those of all channels')
    reader.send(FIN | TEXT, b'hello')
    try:
        while True:
            await beat(reader)
    except Closed as e:
        tap.ok(e.code == 1008, 'as other messages are')

    for path in '/in?c=c', '/echo?c=c':
        peer = await Peer(port).websocket(path)
        at, _ = await beat(peer)
        peer.send(FIN | TEXT, b'{"position":null}')
        at2, _ = await beat(peer)
        tap.ok(at is None and at2 is None,
               f'{path}: no position where nothing is received')


async def events(tap, port):
    """An event, and no comment."""
    last = await publish(port, 'd', {})
    peer = await Peer(port).open('/two?c=d&heartbeat=visible',
                                 'Accept: text/event-stream\r\n')
    text = await peer.until(b'event: heartbeat\n')
    text += await peer.until(b'event: heartbeat\n')
    rest = await peer.until(b'\n\n')
    said = re.fullmatch(rb'id: (\S+)\ndata: {"position":"(\S+)"}', rest)
    tap.ok(said and said[1] == said[2] and said[1].startswith(last.encode())
           and b'\n:\n' not in text, 'server-sent events have an event for it')
    peer.close()


async def pings(port, path, n):
    """How long it takes until n heartbeats have come."""
    start = time.monotonic()
    peer = await Peer(port).websocket(path)
    for _ in range(n):
        first = None
        while first != FIN | PING:
            first, payload = await peer.timed(peer.frame())
        peer.send(FIN | 10, payload)
    peer.close()
    return time.monotonic() - start


async def intervals(tap, port):
    own, short, long, most, fixed, var = await asyncio.gather(
        pings(port, '/chosen?c=e', 2),
        pings(port, '/chosen?c=e&heartbeat=1ms', 2),
        pings(port, '/chosen?c=e&heartbeat=500ms', 1),
        pings(port, '/chosen?c=e&heartbeat=10m', 1),
        pings(port, '/fixed?c=e&heartbeat=10m', 1),
        pings(port, '/variable?c=e&hb=1s', 1))
    tap.ok(own < long and short >= 0.2, "not below the location's")
    tap.ok(long >= 0.5, 'a client has the interval that it asks for')
    tap.ok(0.9 <= most < TIMEOUT, 'up to max')
    tap.ok(fixed >= 0.3, 'which is the interval where it is not given')
    tap.ok(1 <= var < 20, 'a variable may say it')

    start = time.monotonic()
    status, answer = await ask(
        port, 'GET', '/chosen?c=e&transport=poll&heartbeat=600ms')
    _, answer = await ask(
        port, 'GET', '/chosen?c=e&transport=poll&heartbeat=600ms&since='
        + answer['position'])
    tap.ok(status == 200 and answer['messages'] == []
           and time.monotonic() - start >= 0.6,
           'long-polling waits that long')

    peer = await Peer(port).websocket('/off?c=e&heartbeat=1s,visible')
    peer.send(FIN | PING, b'x')
    tap.ok(await peer.receive() == b'x', 'there are none where they are off')
    peer.close()

    wrong = []
    for text in 'often', '', '0', '1s,2s', 'visible,':
        try:
            await Peer(port).websocket(f'/chosen?c=e&heartbeat={text}')
            wrong.append(text)
        except Closed as e:
            if e.code != 400:
                wrong.append(e)
    tap.ok(not wrong, f'others are refused {wrong}')


async def run(tap):
    nginx = Nginx('heartbeat', CONF)
    try:
        for test in filtered, busy, answers, events, intervals:
            await test(tap, nginx.port)
    finally:
        nginx.stop()
    tap.ok(not nginx.alerts(), f'no alerts: {nginx.alerts()[:3]}')


if __name__ == '__main__':
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
