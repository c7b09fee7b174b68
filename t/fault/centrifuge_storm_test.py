"""Storms on clients of Centrifugo's protocol: each has 20 channels on its one
socket, subscribes to all of them with its connect, as SDKs do, and recovers
what it missed."""

import asyncio
import json
import os
import struct
from types import SimpleNamespace

from nginx import TIMEOUT, Tap, raise_limit
from storm import Client, Storm, WebSocket

SHORT = dict(clients=30, channels=20, rate=80, seconds=5, every=0.4)
LONG = dict(clients=500, channels=20, rate=60, seconds=60, every=1)

CONF = '''
    websocket_zone zone=live:64m;
    websocket_namespace default {
        history   length=$LENGTH time=60s;
        recovery  force;
        subscribe client anonymous;
    }
    keepalive_requests 1000000;
    websocket_drain 1s;
    server {
        listen 127.0.0.1:$PORT backlog=4096;
        location = /stream {
            websocket centrifuge; websocket_anonymous on;
            websocket_heartbeat interval=5s timeout=4s;
        }
        location = /publish {
            websocket_publish; websocket_channel $arg_room;
            websocket_history length=$LENGTH time=60s;
        }
        location = /status { websocket_status json; }
    }
'''


class Place(Client):
    """A client's place in one channel."""

    def __init__(self, sdk, channel):
        super().__init__(sdk.storm, channel)
        self.sdk = sdk

    @property
    def task(self):
        return self.sdk.task

    @task.setter
    def task(self, task):
        pass

    def command(self):
        subscribe = {'channel': self.channel.name}
        if self.position:
            epoch, _, offset = self.position.decode().partition(':')
            subscribe |= {'recover': True, 'epoch': epoch,
                          'offset': int(offset)}
        return {'subscribe': subscribe}

    def subscribed(self, reply):
        epoch, offset = reply['epoch'], reply.get('offset', 0)
        self.stands(f'{epoch}:{offset}'.encode(), reply.get('recovered'))
        for publication in reply.get('publications', ()):
            self.published(publication)

    def published(self, publication):
        epoch = self.position.decode().partition(':')[0]
        self.message(f'{epoch}:{publication["offset"]}'.encode(),
                     publication['data'].encode())

    def leave(self):
        if not self.sdk.leaving:
            self.sdk.leave()


class Sdk(WebSocket):
    """The connection of a client, and its places."""

    def __init__(self, storm):
        super().__init__(storm, SimpleNamespace(name='all', wire=(), last=0))
        self.places = {c.name: Place(self, c) for c in storm.channels}

    def request(self):
        return super().request().replace('?room=all&position=1', '')

    def accept(self, head):
        if not super().accept(head):
            return False
        self.asked = {}
        self.command({'connect': {}},
                     *(p.command() for p in self.places.values()))
        return True

    def command(self, *commands):
        lines = []
        for command in commands:
            number = len(self.asked) + 1
            self.asked[number] = command.get('subscribe', {}).get('channel')
            lines.append(json.dumps({'id': number, **command}))
        self.say('\n'.join(lines).encode())

    def say(self, payload):
        size = len(payload)
        self.transport.write(
            (bytes([0x81, 0x80 | size]) if size < 126 else
             bytes([0x81, 0xfe]) + struct.pack('>H', size))
            + bytes(4) + payload)

    def frame(self, first, payload):
        if first != 0x81:
            return super().frame(first, payload)
        for line in payload.decode().split('\n'):
            self.reply(json.loads(line))
        return True

    def reply(self, reply):
        if not reply:
            self.say(b'{}')
        elif 'push' in reply:
            push = reply['push']
            place = self.places[push['channel']]
            if 'pub' in push:
                place.published(push['pub'])
            elif push['unsubscribe']['code'] >= 2500:
                self.command(place.command())
            else:
                place.complain(f'is not subscribed any more: {push}')
        elif 'subscribe' in reply:
            self.places[self.asked[reply['id']]].subscribed(
                reply['subscribe'])
            self.told()
        elif 'connect' in reply:
            self.connected = True
            for place in self.places.values():
                place.connected = False
        elif reply['error']['code'] == 100:
            self.command(self.places[self.asked[reply['id']]].command())
        else:
            self.complain(f'was answered with {reply}')

    def told(self):
        if self.cut is not None and all(p.connected
                                        for p in self.places.values()):
            self.storm.recoveries.append(
                asyncio.get_running_loop().time() - self.cut)
            self.cut = None


class Sdks(Storm):
    codes = (1000, 3001)
    kept = 2 * 256                  # a worker's channel for its clients

    async def gather(self):
        for _ in range(self.clients_wanted):
            sdk = Sdk(self)
            sdk.task = asyncio.create_task(sdk.run())
            self.clients += sdk.places.values()
        if not await self.until(
                lambda: all(c.connected for c in self.clients), TIMEOUT):
            self.complain('not all clients could connect')


def enough(storm):
    return len(storm.killed) > 2 and storm.reloads > 2


if __name__ == '__main__':
    raise_limit()
    storm = Sdks('centrifuge-storm', enemy='both', enough=enough, conf=CONF,
                 **(LONG if 'WEBSOCKET_LONG' in os.environ else SHORT))
    storm.run()

    tap = Tap()
    tap.ok(enough(storm),
           f'{len(storm.killed)} kills, {storm.reloads} reloads')
    storm.check(tap)
    tap.done()
