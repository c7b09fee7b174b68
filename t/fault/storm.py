"""
Many clients that recover, and an enemy: workers are killed or reloaded while
messages flow, and every client must see every message of its channel once and
in order.  t/fault/README.md says how to run it by hand.
"""

import argparse
import asyncio
import base64
import collections
import hashlib
import json
import os
import random
import re
import signal
import struct
import time

from nginx import BUILD, Nginx, Tap, TIMEOUT, raise_limit
from peer import BROKEN, HOST, Http

GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
SETTLED = 20                    # seconds until the zone must be empty

# no reuseport: what waits in a killed worker's own queue would go with it

CONF = '''
    websocket_zone zone=live:64m;
    keepalive_requests 1000000;
    websocket_drain 1s;
    websocket_history length=$LENGTH time=60s;
    server {
        listen 127.0.0.1:$PORT backlog=4096;
        location = /stream {
            websocket pubsub; websocket_channel room/$arg_room;
        }
        location = /publish {
            websocket_publish; websocket_channel room/$arg_room;
        }
        location = /status { websocket_status json; }
    }
'''

# between two workers that die at the same time the master may still tell one
# of the other: nginx calls that an alert

ITS_OWN = ('exited on signal 9', 'sendmsg() failed (32: Broken pipe)')

class Channel:
    """A channel and its one publisher, who numbers the messages from 1."""

    def __init__(self, storm, name):
        self.storm, self.name = storm, name
        self.epoch = None
        self.http = Http(storm.port)
        self.payloads, self.positions, self.wire = [None], [None], [None]

    @property
    def last(self):
        return len(self.payloads) - 1

    def make(self):
        """The next message, and how a client is to see it."""
        n = len(self.payloads)
        size = 2000 if n % 50 == 0 else 20 + n * 37 % 300
        payload = f'{self.name} {n} '.encode() + b'x' * size
        position = f'{self.epoch}:{n}'.encode()
        self.payloads.append(payload)
        self.positions.append(position)
        self.wire.append(position + b'\n' + payload)
        return n, payload

    async def publish(self):
        """One message, tried until it is acknowledged."""
        n, payload = self.make()
        status, answer = await self.insist(
            'POST', (200, 202), f'Idempotency-Key: {self.name}-{n}\r\n',
            payload)

        self.storm.published += 1
        answer = json.loads(answer)

        if (answer['epoch'], answer['offset']) != (self.epoch, n):
            self.storm.complain(
                f'message {n} of {self.name} {self.epoch} was answered with '
                f'{answer["epoch"]}:{answer["offset"]}')

    async def insist(self, method, good, headers='', body=b''):
        storm = self.storm
        delay = 0.01
        first = True

        while True:
            storm.retries += not first
            first = False

            try:
                status, answer = await self.http.request(
                    method, f'/publish?room={self.name}', headers, body)
                if status in good:
                    return status, answer
                storm.statuses[status] += 1
                if status not in (502, 503, 507):
                    storm.complain(f'{method} was answered with {status} '
                                   f'{answer[:200]}')
            except TimeoutError:
                storm.timeouts += 1
            except BROKEN:
                pass

            await asyncio.sleep(delay * random.uniform(0.5, 1.5))
            delay = min(2 * delay, 1)

    async def run(self, interval):
        loop = asyncio.get_running_loop()
        at = loop.time() + random.uniform(0, interval)

        while not self.storm.calm:
            await asyncio.sleep(at - loop.time())
            await self.publish()

            # after a delay not all at once that was not published meanwhile
            at = max(at + interval, loop.time() - 10 * interval)

    async def delete(self):
        await self.insist('DELETE', (200, 204, 404))
        self.http.close()


class Client(asyncio.Protocol):
    """
    A subscriber that comes back to where it was: one connection after the
    other, until it leaves.  Here is what it checks, and the connection of
    those that have one; the subclasses speak.
    """

    def __init__(self, storm, channel):
        self.storm, self.channel = storm, channel
        self.next = 1                   # the number to come
        self.position = None
        self.missing = set()
        self.cut = None                 # when the last connection was
        self.connected = False          # was told its position
        self.leaving = False
        self.task = self.over = self.transport = None

    async def run(self):
        loop = asyncio.get_running_loop()
        delay = 0.02

        while not self.leaving:
            self.connected = False

            try:
                await self.session()
            except TimeoutError:
                self.storm.stalled += 1
            except BROKEN:
                pass

            if self.connected:
                delay = 0.02
            if self.cut is None:
                self.cut = loop.time()

            if not self.leaving:
                await asyncio.sleep(delay * random.uniform(0.5, 1.5))
                delay = min(2 * delay, 1)

    async def session(self):
        loop = asyncio.get_running_loop()
        self.accepted, self.buffer = False, b''
        self.over = loop.create_future()

        await asyncio.wait_for(
            loop.create_connection(lambda: self, HOST, self.storm.port),
            TIMEOUT)
        watch = loop.call_later(TIMEOUT, self.stall)
        try:
            await self.over
        finally:
            watch.cancel()

    def stall(self):
        """Neither a position nor a refusal, for so long."""
        if not self.connected:
            self.storm.stalled += 1
            self.transport.abort()

    def connection_made(self, transport):
        self.transport = transport

        if self.leaving:                # it came too late
            transport.abort()
        else:
            transport.write(self.request().encode())

    def connection_lost(self, exc):
        if not self.over.done():
            self.over.set_result(None)

    def data_received(self, data):
        if self.buffer:
            data = self.buffer + data

        if not self.accepted:
            head, end, data = data.partition(b'\r\n\r\n')
            if not end:
                self.buffer = head
                return
            if not self.accept(head.decode()):
                self.transport.abort()
                return
            self.accepted = True

        self.buffer = self.parse(data)

    def accept(self, head):
        status = int(head.split(None, 2)[1])
        if status == self.status and self.confirms(head):
            return True
        self.storm.statuses[status] += 1
        if status not in (502, 503):
            self.complain(f'was answered with {head[:200]}')
        return False

    def complain(self, what):
        self.storm.complain(f'{type(self).__name__} of {self.channel.name} '
                            f'at {self.position}: {what}')

    def stands(self, position, recovered):
        """The server said where the stream goes on."""
        storm, channel = self.storm, self.channel
        self.connected = True

        if self.position is None:
            epoch = position.decode().split(':')[0]
            if channel.epoch is None:
                channel.epoch = epoch
            if position.decode() != f'{channel.epoch}:0':
                self.complain(f'starts at {position}')

        elif not recovered:
            storm.unrecovered += 1
        elif position != self.position:
            self.complain(f'recovered to {position}')

        self.position = position

        if self.cut is not None:
            storm.recoveries.append(
                asyncio.get_running_loop().time() - self.cut)
            self.cut = None

    def message(self, position, payload):
        """A message that was not simply the one to come, or may be not."""
        storm, channel = self.storm, self.channel
        storm.delivered += 1
        self.position = position

        if self.next <= channel.last and payload == channel.payloads[self.next]:
            if position != channel.positions[self.next]:
                self.complain(f'number {self.next} is at {position}')
            self.next += 1
            return

        try:
            n = int(payload.split(b' ', 2)[1])
        except (IndexError, ValueError):
            n = 0

        if not 0 < n <= channel.last or payload != channel.payloads[n]:
            self.complain(f'nobody published {payload[:80]}')
        elif n >= self.next:
            self.missing.update(range(self.next, n))
            self.next = n + 1
        elif n in self.missing:
            self.missing.remove(n)
            storm.disordered += 1
        else:
            storm.duplicates += 1

    def done(self):
        return self.next > self.channel.last

    def leave(self):
        self.leaving = True
        if self.transport:
            self.transport.close()


class WebSocket(Client):
    status = 101

    def request(self):
        self.key = base64.b64encode(random.randbytes(16)).decode()
        since = f'&since={self.position.decode()}' if self.position else ''
        return (f'GET /stream?room={self.channel.name}&position=1{since} '
                f'HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
                f'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                f'Sec-WebSocket-Key: {self.key}\r\n\r\n')

    def confirms(self, head):
        digest = hashlib.sha1((self.key + GUID).encode()).digest()
        return f': {base64.b64encode(digest).decode()}' in head

    def parse(self, data):
        """All frames that are whole; returns the rest."""
        storm, wire = self.storm, self.channel.wire
        at, end = 0, len(data)

        while end - at >= 2:
            first, size = data[at], data[at + 1]
            body = at + 2

            if size == 126:
                body = at + 4
                size = int.from_bytes(data[at + 2:body], 'big')
            elif size == 127:
                body = at + 10
                size = int.from_bytes(data[at + 2:body], 'big')
            elif size > 127:
                self.complain('a masked frame')
                self.transport.abort()
                return b''

            if body + size > end:
                break

            payload = data[body:body + size]
            at = body + size

            # this way go nearly all: it has to be a short one
            if (first == 0x81 and self.connected and self.next < len(wire)
                    and payload == wire[self.next]):
                self.position = self.channel.positions[self.next]
                self.next += 1
                storm.delivered += 1
            elif not self.frame(first, payload):
                return b''

        return data[at:]

    def frame(self, first, payload):
        if first == 0x81 and self.connected:
            position, _, payload = payload.partition(b'\n')
            self.message(position, payload)
        elif first == 0x81:
            answer = json.loads(payload)
            if ('recovered' in answer) != (self.position is not None):
                self.complain(f'was greeted with {payload}')
            self.stands(answer['position'].encode(), answer.get('recovered'))
        elif first == 0x89:
            self.send(0x8a, payload)
        elif first == 0x88:
            code = struct.unpack('>H', payload[:2])[0] if payload else 1005
            self.storm.closes[code] += 1
            self.send(0x88, payload[:2])
            self.transport.close()
            return False
        elif first != 0x8a:
            self.complain(f'a frame that begins with {first:02x}')
            self.transport.abort()
            return False
        return True

    def send(self, first, payload):
        mask = random.randbytes(4)
        self.transport.write(
            bytes([first, 0x80 | len(payload)]) + mask
            + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def leave(self):
        self.leaving = True
        if self.accepted and not self.transport.is_closing():
            self.send(0x88, struct.pack('>H', 1000))
        elif self.transport:
            self.transport.abort()


class Events(Client):
    """Server-sent events, as a browser's EventSource reads them."""

    status = 200

    def request(self):
        self.text = b''
        last = (f'Last-Event-ID: {self.position.decode()}\r\n'
                if self.position else '')
        return (f'GET /stream?room={self.channel.name} HTTP/1.1\r\n'
                f'Host: x\r\nAccept: text/event-stream\r\n{last}\r\n')

    def confirms(self, head):
        head = head.lower()
        self.chunked = '\r\ntransfer-encoding: chunked' in head
        return ((self.chunked or '\r\nconnection: close' in head)
                and '\r\ncontent-type: text/event-stream' in head)

    def parse(self, data):
        if not self.chunked:
            return self.sent_on(data)

        while True:
            size, end, rest = data.partition(b'\r\n')
            if not end:
                return data

            n = int(size, 16)
            if len(rest) < n + 2:
                return data
            self.text += rest[:n]
            data = rest[n + 2:]

            if n == 0:
                self.transport.close()
                return b''

            *blocks, self.text = self.text.split(b'\n\n')
            for block in blocks:
                self.block(block)

    def sent_on(self, data):
        """An old worker that was asked late says no more than a close."""
        *blocks, rest = data.split(b'\n\n')
        for block in blocks:
            if not block.startswith(b'event: close\n'):
                self.complain(f'was sent {block[:200]} in one piece')
            self.block(block)
        return rest

    def block(self, block):
        fields = {}
        for line in block.split(b'\n'):
            name, _, value = line.partition(b': ')
            fields.setdefault(name, []).append(value)

        if fields.get(b'event') == [b'close']:
            self.storm.closes[json.loads(fields[b'data'][0])['code']] += 1
            return

        recovered = fields.get(b'event') != [b'unrecovered']
        position = fields.get(b'id', [self.position])[0]

        if not self.connected and b'id' in fields:
            self.stands(position, recovered)
        elif not recovered:
            self.storm.unrecovered += 1
            self.position = position
        elif b'data' in fields:
            self.message(position, b'\n'.join(fields[b'data']))


class Poller(Client):
    """One answer after the other."""

    async def session(self):
        http = Http(self.storm.port)
        try:
            if self.position is None:
                await self.start(http)
            while not self.leaving and await self.poll(http):
                pass
        finally:
            http.close()

    async def start(self, http):
        """
        Where a poll without a position starts is where the channel stands
        when it comes; it is asked for beforehand, or a first poll that is cut
        would leave us without.
        """
        status, text = await http.request(
            'GET', f'/publish?room={self.channel.name}')
        if status != 200:
            raise ValueError(text)
        answer = json.loads(text)
        self.stands(f'{answer["epoch"]}:{answer["offset"]}'.encode(), None)

    async def poll(self, http):
        status, text = await http.request(
            'GET', f'/stream?room={self.channel.name}&transport=poll'
            f'&since={self.position.decode()}')

        if status != 200:
            self.storm.statuses[status] += 1
            if status not in (502, 503):
                self.complain(f'was answered with {status} {text[:200]}')
            return False

        answer = json.loads(text)
        epoch = answer['position'].split(':')[0]
        self.stands(self.position, answer['recovered'])

        for m in answer['messages']:
            self.message(f'{epoch}:{m["offset"]}'.encode(),
                         m['data'].encode())

        if answer['position'].encode() != self.position:
            self.complain(f'position {answer["position"]} after an answer '
                          f'that ends at {self.position}')
            self.position = answer['position'].encode()
        return True

    def leave(self):
        self.leaving = True
        self.task.cancel()


class Storm:
    codes = (1000, 1012, 1013)      # that may close a connection
    kept = 0                        # bytes of the zone that stay in use

    def __init__(self, name, clients=100, channels=5, rate=100, seconds=8,
                 every=0.5, enemy='both', fault=0, sse=0.1, poll=0.03,
                 workers=2, enough=None, conf=CONF):
        self.clients_wanted, self.rate = clients, rate
        self.seconds, self.every, self.enemy = seconds, every, enemy
        self.fault, self.sse, self.poll = fault, sse, poll
        self.workers, self.nchannels = workers, channels
        self.enough = enough            # what must have been, of a storm

        self.published = self.retries = self.timeouts = 0
        self.delivered = self.duplicates = self.disordered = 0
        self.unrecovered = self.stalled = self.reloads = 0
        self.lost, self.hung = 0, []
        self.closes = collections.Counter()
        self.statuses = collections.Counter()
        self.recoveries = []
        self.killed = set()
        self.complaints = []
        self.calm = False               # the enemy and the publishers rest
        self.load = 0

        # what a client may miss between two connections, by far

        length = max(1000, int(60 * rate / channels))
        self.fault_file = os.path.abspath(f'{BUILD}/fault/{name}')
        if fault:
            os.environ['WEBSOCKET_FAULT'] = self.fault_file
            self.set_fault(0)
        self.nginx = Nginx(name, conf.replace('$LENGTH', str(length)), workers)
        self.port = self.nginx.port
        self.channels = [Channel(self, f'c{i}') for i in range(channels)]
        self.clients = []

    def complain(self, what):
        if len(self.complaints) < 1000:
            self.complaints.append(what)

    def set_fault(self, fault):
        os.makedirs(os.path.dirname(self.fault_file), exist_ok=True)
        with open(self.fault_file, 'w', encoding='ascii') as f:
            f.write(str(fault))

    async def until(self, condition, timeout):
        """Returns whether the condition has come true in time."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.02)
        return True

    async def used(self):
        """The zone's memory in use, or None: to be asked again."""
        http = Http(self.port)
        try:
            status, text = await http.request('GET', '/status')
            if status == 200:
                return json.loads(text)['zones'][0]['used']
        except BROKEN:
            pass
        finally:
            http.close()
        return None

    async def baseline(self):
        value = None
        end = time.monotonic() + TIMEOUT
        while value is None and time.monotonic() < end:
            value = await self.used()
        return value

    def run(self):
        started, cpu = time.monotonic(), time.process_time()
        try:
            asyncio.run(self.main())
        finally:
            self.load = ((time.process_time() - cpu)
                         / (time.monotonic() - started))
            self.log = self.nginx.log()
            self.alive = self.nginx.process.poll() is None
            self.nginx.stop()
            if self.fault:
                os.unlink(self.fault_file)

    async def main(self):
        self.before = await self.baseline()
        await self.gather()

        if self.fault:
            self.set_fault(self.fault)
            self.reload()

        interval = self.nchannels / self.rate
        publishers = [asyncio.create_task(c.run(interval))
                      for c in self.channels]
        enemy = asyncio.create_task(self.war())

        await asyncio.wait([enemy], timeout=self.seconds)
        if self.enough:                 # a slow machine needs longer
            await self.until(lambda: self.enough(self), TIMEOUT)
        enemy.cancel()
        await self.peace(publishers)

    async def gather(self):
        """All clients, each with a position, before the first message."""
        def kinds():
            for i in range(self.clients_wanted):
                kind = WebSocket
                if int(i * self.sse) < int((i + 1) * self.sse):
                    kind = Events
                elif int(i * self.poll + 0.5) < int((i + 1) * self.poll + 0.5):
                    kind = Poller
                yield kind, self.channels[i % self.nchannels]

        wanted = list(kinds())

        # pollers last: they ask for the position of a channel that is there

        for late in (False, True):
            for kind, channel in wanted:
                if (kind is Poller) == late:
                    client = kind(self, channel)
                    client.task = asyncio.create_task(client.run())
                    self.clients.append(client)

            if not await self.until(
                    lambda: all(c.connected for c in self.clients), TIMEOUT):
                self.complain('not all clients could connect')

    def reload(self):
        self.reloads += 1
        self.nginx.process.send_signal(signal.SIGHUP)

    async def war(self):
        while self.enemy != 'none':
            await asyncio.sleep(self.every * random.uniform(0.5, 1.5))

            if self.enemy == 'reload' or (self.enemy == 'both'
                                          and self.reloads < len(self.killed)):
                self.reload()
                continue

            alive = [p for p in self.nginx.workers() if p not in self.killed]
            if alive:
                victim = random.choice(alive)
                os.kill(victim, signal.SIGKILL)
                self.killed.add(victim)

        await asyncio.Event().wait()

    async def peace(self, publishers):
        """No more kills: everybody must come to the end."""
        self.calm = True

        if self.fault:
            self.set_fault(0)
            self.reload()

        async def last():
            await asyncio.gather(*publishers)
            await asyncio.gather(*(c.publish() for c in self.channels))

        try:
            await asyncio.wait_for(last(), 2 * TIMEOUT)
        except TimeoutError:
            self.complain('a publisher did not come to its end')
            for p in publishers:
                p.cancel()

        await self.until(lambda: all(c.done() for c in self.clients),
                         2 * TIMEOUT)

        self.hung = [c for c in self.clients if not c.done()]
        self.lost = sum(len(c.missing) for c in self.clients)

        for c in self.hung[:10]:
            c.complain(f'hangs at {c.next} of {c.channel.last}, '
                       f'{"connected" if c.connected else "not connected"}')

        await self.leave()

    async def leave(self):
        for c in self.clients:
            c.leave()

        tasks = [c.task for c in self.clients]
        _, pending = await asyncio.wait(tasks, timeout=TIMEOUT)
        if pending:
            self.complain(f'{len(pending)} clients could not leave')
        for task in pending:
            task.cancel()

        await asyncio.gather(*(c.delete() for c in self.channels))

        self.after = None
        start = time.monotonic()
        while self.before is not None and time.monotonic() < start + SETTLED:
            self.after = await self.used()
            if self.emptied():
                break
            await asyncio.sleep(0.1)
        self.settled = time.monotonic() - start

    def emptied(self):
        return (self.after is not None
                and self.before <= self.after <= self.before + self.kept)

    def deaths(self):
        return [(int(pid), int(signo)) for pid, signo in re.findall(
            r'process (\d+) exited on signal (\d+)', self.log)]

    def repairs(self):
        return self.log.count('died while it held the lock')

    def figures(self):
        times = sorted(self.recoveries)

        def percentile(p):
            return f'{times[int(p / 100 * (len(times) - 1))]:.3f}'

        kinds = collections.Counter(type(c).__name__ for c in self.clients)

        yield 'clients ' + ', '.join(f'{n} {k}' for k, n in kinds.items())
        yield (f'published {self.published}, retries {self.retries}, '
               f'timeouts {self.timeouts}')
        yield f'delivered {self.delivered}'
        yield (f'killed {len(self.killed)}, reloads {self.reloads}, '
               f'deaths {len(self.deaths())}, repairs {self.repairs()}')
        yield (f'reconnects {len(times)}, closes {dict(self.closes)}, '
               f'statuses {dict(self.statuses)}')
        if times:
            yield ('recovered in seconds: median ' + percentile(50)
                   + ', 95% ' + percentile(95) + ', 99% ' + percentile(99)
                   + ', at most ' + percentile(100))
        yield (f'zone used {self.before} before, {self.after} after '
               f'{self.settled:.1f} s')
        yield f'load of the clients {self.load:.2f}'

    def check(self, tap):
        """All that must hold after a storm."""
        for line in self.figures():
            print('# ' + line)

        due = sum(c.channel.last for c in self.clients)

        tap.ok(self.published == sum(c.last for c in self.channels),
               f'all {self.published} messages were acknowledged')
        tap.ok(self.delivered == due and self.published > 0,
               f'{self.delivered} deliveries of {due}')
        tap.ok(self.lost == 0, f'none lost ({self.lost})')
        tap.ok(self.duplicates == 0, f'none twice ({self.duplicates})')
        tap.ok(self.disordered == 0,
               f'none out of order ({self.disordered})')
        tap.ok(self.unrecovered == 0,
               f'every position was found again ({self.unrecovered} not)')
        tap.ok(not self.hung, f'no client hangs ({len(self.hung)})')
        tap.ok(self.stalled == 0 and self.timeouts == 0,
               f'every request was answered ({self.stalled} connections, '
               f'{self.timeouts} publishes were not)')
        tap.ok(self.enemy == 'none' and not self.fault or self.recoveries,
               f'clients were cut off and came back ({len(self.recoveries)})')

        closes = {c: n for c, n in self.closes.items()
                  if c not in self.codes}
        tap.ok(not closes, f'no close codes but {self.codes} {closes}')
        tap.ok(not self.complaints,
               f'nothing else was wrong ({len(self.complaints)})')
        for what in self.complaints[:10]:
            print('# ' + what)

        crashed = [d for d in self.deaths() if d[1] != 9
                   or not self.fault and d[0] not in self.killed]
        tap.ok(self.alive and not crashed,
               f'no process died of itself {crashed[:5]}')

        alerts = [a for a in self.nginx.alerts(but=ITS_OWN)]
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
        tap.ok(self.before is not None and self.emptied(),
               f'the zone is as empty as before ({self.after} bytes used, '
               f'{self.before} before)')


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip())
    parser.add_argument('--clients', type=int, default=100)
    parser.add_argument('--channels', type=int, default=5)
    parser.add_argument('--rate', type=float, default=100,
                        help='messages per second, in all')
    parser.add_argument('--seconds', type=float, default=8)
    parser.add_argument('--every', type=float, default=0.5,
                        help='seconds between two deeds of the enemy')
    parser.add_argument('--enemy', default='both',
                        choices=('none', 'kill', 'reload', 'both'))
    parser.add_argument('--fault', type=int, default=0,
                        help='about how long a worker lives that dies inside '
                        'the log, ms (needs the module of t/tools/build-fault)')
    parser.add_argument('--sse', type=float, default=0.1,
                        help='share of the clients that reads events')
    parser.add_argument('--poll', type=float, default=0.03,
                        help='share that polls')
    parser.add_argument('--workers', type=int, default=2)
    arguments = vars(parser.parse_args())

    raise_limit()
    storm = Storm('storm', **arguments)
    storm.run()
    tap = Tap()
    storm.check(tap)
    tap.done()


if __name__ == '__main__':
    main()
