"""
A zone gets stuck while a worker is in the middle of something that takes its
lock several times: of a page of the history, or of a message that is so large
that its place is reserved first.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import time

from peer import Shim, becomes, workers
from stop_inside_test import FILE, PATIENCE, Client, state, until
from nginx import TIMEOUT, Nginx, Tap, load_fault_module

PAGE = 40_000                   # of the message that the page's buffer is
                                # too small for
LARGE = 8 << 20
SPAN = 0.01                     # seconds that publishing it takes, about

CONF = '''
    websocket_zone zone=live:32m;
    keepalive_requests 1000000;
    client_max_body_size 16m;
    client_body_buffer_size 16m;
    server {
        listen 127.0.0.1:$PORT reuseport;
        websocket_channel room/$arg_room;
        location = /pid { return 200 $pid; }
        location = /publish {
            websocket_publish; websocket_history length=100;
            websocket_max_message_size 16m;
        }
        location = /page {
            websocket_publish; websocket_history length=100;
            websocket_max_message_size 4k;
        }
        location = /small { websocket_publish; }
        location = /status { websocket_status json; }
    }
'''


class Test:
    def __init__(self, tap):
        self.tap = tap
        self.shim = Shim('pause', '<3Q')
        self.shim.values = (0, 0, 0)
        os.environ['WEBSOCKET_STOP'] = FILE
        with contextlib.suppress(FileNotFoundError):
            os.unlink(FILE)
        with self.shim.preloaded():
            self.nginx = Nginx('halfway', CONF, 2)
        self.port = self.nginx.port
        self.stopped = set()

    def stop(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.stopped.add(pid)

    def wake(self, *pids):
        for pid in pids or tuple(self.stopped):
            os.kill(pid, signal.SIGCONT)
            self.stopped.discard(pid)

    async def client(self, pid):
        return await Client(self.port).to(pid)

    async def suspend(self, client, pid):
        """In the log, with its lock; False when another one has that."""
        with open(FILE + '.new', 'w', encoding='ascii') as f:
            f.write('3')
        os.rename(FILE + '.new', FILE)
        client.begin('POST', '/small?room=small', b'suspended')

        end = time.monotonic() + 1
        while state(pid) != 'T' and time.monotonic() < end:
            await asyncio.sleep(0.001)

        with contextlib.suppress(FileNotFoundError):
            os.unlink(FILE)
        if state(pid) == 'T':
            self.stopped.add(pid)
        return pid in self.stopped

    @staticmethod
    async def zone(client):
        """As that worker sees it, which needs no lock."""
        status = json.loads((await client.ask('GET', '/status'))[1])
        return status['zones'][0]

    async def page(self, owner, pid):
        """The page goes on from where it was."""
        writer, asker, other = [await self.client(p)
                                for p in (owner, pid, pid)]
        texts = ['one', 'two', 'x' * PAGE, 'three', 'four']
        for text in texts:
            await writer.ask('POST', '/publish?room=page', text.encode())

        # its worker waits for memory, and for the zone after that

        self.shim.values = (pid, PAGE, 0)
        asker.begin('GET', '/page?room=page&limit=100')
        await until(lambda: self.shim.values[2] == 1)
        suspended = await self.suspend(writer, owner)
        self.shim.values = (0, 0, 1)
        busy = (await self.zone(other)).get('busy')
        self.wake()

        status, body = await asker.answer()
        page = json.loads(body)
        texts_seen = [m['data'] for m in page.get('messages', ())]
        self.tap.ok(suspended and busy is True and texts_seen == texts
                    and page['position'].endswith(f':{len(texts)}'),
                    f'a page goes on when the zone does ({status}, '
                    f'{len(texts_seen)} messages)')
        await writer.answer()
        for client in (writer, asker, other):
            client.close()

    async def large(self, owner, pid, patient):
        """
        A large message, whose worker finds the zone stuck when a part of its
        place is reserved; then it waits, or is refused.  False where the
        worker was not at such a point.
        """
        clients = writer, asker, other = [await self.client(p)
                                          for p in (owner, pid, pid)]
        empty = await self.used(other)

        # all but the last byte is there: what is next takes milliseconds

        asker.begin('POST', '/publish?room=large', bytes(LARGE), 1)
        await asker.writer.drain()
        await other.ask('GET', '/pid')
        asker.write(b'x')
        await asyncio.sleep(random.random() * SPAN)
        self.stop(pid)
        await until(lambda: state(pid) == 'T')
        suspended = await self.suspend(writer, owner)

        # that it stood still itself is none of the zone's time

        if patient and suspended:
            await asyncio.sleep(PATIENCE)
        self.wake(pid)

        reserved = await self.used(other) - empty
        halfway = suspended and reserved > LARGE / 16
        if halfway and not patient:
            status, _ = await asker.answer()
            reserved = await self.used(other) - empty
            self.wake()
        else:
            if patient:
                await asyncio.sleep(PATIENCE / 5)
            self.wake()
            status, _ = await asker.answer()
        await writer.answer()

        if halfway:
            wanted = LARGE if patient else 0
            near = lambda: self.near(other, empty + wanted)
            self.tap.ok(status == (202 if patient else 503)
                        and reserved > LARGE / 16
                        and await becomes(near, True),
                        f'a large message: {status}, {reserved} bytes were '
                        f'reserved, {await self.used(other) - empty} are used')

        await writer.ask('DELETE', '/publish?room=large')
        near = lambda: self.near(other, empty)
        if not await becomes(near, True):
            self.tap.ok(False, 'what is deleted is free')
        for client in clients:
            client.close()
        return halfway

    async def used(self, client):
        return (await self.zone(client))['used']

    async def near(self, client, wanted):
        return abs(await self.used(client) - wanted) < LARGE / 16

    async def run(self):
        pids = workers(self.nginx, 2)
        warm = await self.client(pids[0])
        await warm.ask('POST', '/small?room=small', b'')
        warm.close()
        try:
            await self.page(*pids)
            for patient in (True, False):
                end = time.monotonic() + TIMEOUT
                while not await self.large(*pids, patient):
                    if time.monotonic() > end:
                        raise TimeoutError('never halfway')
        finally:
            self.wake()
        alerts = self.nginx.alerts()
        self.tap.ok(not alerts, f'no alerts {alerts[:3]}')


if __name__ == '__main__':
    load_fault_module()

    tap = Tap()
    test = Test(tap)
    try:
        asyncio.run(test.run())
    finally:
        test.wake()
        test.nginx.stop()
    tap.done()
