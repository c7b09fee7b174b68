"""
A worker is suspended while it writes a revocation, with the lock of their
table in its hands, or dies there: the other one goes on with what it knows,
and revokes again when the first one is back, or dead.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal

from peer import workers
from stop_inside_test import FILE, Client, state, until
from nginx import Nginx, Tap, load_fault_module

PLACES = range(1, 4)            # between the stores to an entry

SECRET = b'a secret of more than 32 bytes for HS256'

CONF = '''
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:$PORT reuseport;
        location = /pid { return 200 $pid; }
        location = /ws {
            websocket echo;
            websocket_jwt key=secret.key alg=HS256;
        }
        location = /revoke { websocket_revoke time=1h; }
    }
'''

EXPECTED = ('exited on signal 9',)


def token(user):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')

    text = b'.'.join(encode(json.dumps(part).encode()) for part in (
        {'alg': 'HS256'}, {'sub': user, 'iat': 1, 'exp': 4000000000}))
    mac = hmac.new(SECRET, text, hashlib.sha256).digest()
    return (text + b'.' + encode(mac)).decode()


class Test:
    def __init__(self, tap):
        self.tap = tap
        os.environ['WEBSOCKET_STOP'] = FILE
        with contextlib.suppress(FileNotFoundError):
            os.unlink(FILE)
        self.nginx = Nginx('revoke_inside', CONF, 2,
                           files={'secret.key': SECRET.decode()})
        self.port = self.nginx.port
        self.stopped = None

    def wake(self):
        if self.stopped:
            os.kill(self.stopped, signal.SIGCONT)
            self.stopped = None

    async def suspend(self, user, place):
        """A worker that revokes: its client, and clients of the other one."""
        one, other = workers(self.nginx, 2)
        client = await Client(self.port).to(one)
        others = [await Client(self.port).to(other) for _ in range(2)]

        with open(FILE + '.new', 'w', encoding='ascii') as f:
            f.write(str(place))
        os.rename(FILE + '.new', FILE)

        self.begin(client, user)
        await until(lambda: state(one) == 'T')
        self.stopped = one
        return client, others

    @staticmethod
    def begin(client, user):
        client.begin('POST', '/revoke', json.dumps({'user': user}).encode())

    async def revoke(self, client, user):
        self.begin(client, user)
        return (await client.answer())[0]

    @staticmethod
    async def admits(client, user):
        client.upgrade(f'/ws?token={token(user)}')
        status, _ = await client.answer()
        client.close()
        return status == 101

    async def admitted(self, kinds):
        """By each worker, of those before the first place and at each."""
        return [[f'{kind}{n}' for kind in kinds for n in (0, *PLACES)
                 if await self.admits(await Client(self.port).to(pid),
                                      f'{kind}{n}')]
                for pid in workers(self.nginx, 2)]

    async def goes_on(self):
        seen = []
        for place in PLACES:
            client, (http, ws) = await self.suspend(f'a{place}', place)
            busy = (await self.revoke(http, f'b{place}'),
                    await self.admits(ws, f'b{place}'))
            self.wake()
            status, _ = await client.answer()
            seen.append((*busy, status, await self.revoke(http, f'b{place}')))
            client.close()
            http.close()
        self.tap.ok(seen == [(503, True, 200, 200)] * len(PLACES),
                    f'suspended: nothing is revoked meanwhile {seen}')

        left = await self.admitted('ab')
        self.tap.ok(left == [['a0', 'b0']] * 2, f'then both know all {left}')

    async def dies(self):
        seen = []
        for place in PLACES:
            client, (http, ws) = await self.suspend(f'c{place}', place)
            os.kill(self.stopped, signal.SIGKILL)
            died, self.stopped = self.stopped, None
            seen.append((await self.revoke(http, f'd{place}'),
                         await self.revoke(http, f'c{place}'),
                         await self.admits(ws, f'd{place}')))
            client.close()
            http.close()
            await until(lambda: died not in workers(self.nginx, 2))
        self.tap.ok(seen == [(200, 200, False)] * len(PLACES),
                    f'dead: the other one revokes at once {seen}')

        left = await self.admitted('abcd')
        self.tap.ok(left == [['a0', 'b0', 'c0', 'd0']] * 2,
                    f'and nobody else is taken for revoked {left}')

    async def run(self):
        for part in (self.goes_on, self.dies):
            try:
                await part()
            finally:
                self.wake()
        alerts = self.nginx.alerts(but=EXPECTED)
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
