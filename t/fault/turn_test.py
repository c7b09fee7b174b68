"""
Turns of the event loop that are over as soon as they began: whatever goes on
in the next one does so after each step.  A fan-out to many then takes as many
turns, in which others come, catch up, go, publish, and delete the channel.
"""

import http.client
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time

from nginx import Nginx, Tap, load_fault_module, raise_limit
from peer import connect, upgrade

SUBSCRIBERS = 250
MESSAGES = 120
MANY = 100
ROUNDS = 10
CUT = 2
TIMEOUT = 60

CONF = '''
    websocket_zone zone=live:16m;
    keepalive_requests 1000000;
    websocket_history length=1000;
    websocket_heartbeat off;
    websocket_drain 0;
    server {
        listen 127.0.0.1:$PORT;
        add_header X-Worker $pid always;
        location ~ ^/out/(.*)$ {
            websocket subscribe;
            websocket_channel $1;
            websocket_presence on;
        }
        location ~ ^/filtered/(.*)$ {
            websocket subscribe;
            websocket_channel $1;
            websocket_filter on;
        }
        location ~ ^/pub/(.*)$ {
            websocket_publish;
            websocket_channel $1;
        }
        location = /status {
            websocket_status json;
        }
    }
'''


class Reader:
    """One subscriber: which messages came, in which order."""

    def __init__(self, port, path):
        self.socket, _ = connect(port, path)
        self.socket.setblocking(False)
        self.buffer = b''
        self.got = []
        self.code = None
        self.eof = False

    def read(self):
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b''

        self.eof = not data
        self.buffer += data

        while len(self.buffer) > 1 and \
                len(self.buffer) >= 2 + self.buffer[1]:
            n = self.buffer[1]
            payload = self.buffer[2:2 + n]

            if self.buffer[0] == 0x88:
                self.code = int.from_bytes(payload[:2], 'big')
            elif payload[:5] == b'{"n":':
                self.got.append(int(payload[5:-1]))

            self.buffer = self.buffer[2 + n:]

    def rises(self, first=None, last=None):
        """All between, each once, in order."""
        got = self.got
        if not got:
            return first is None or first > last
        return (got == list(range(got[0], got[0] + len(got)))
                and (first is None or got[0] == first)
                and (last is None or got[-1] == last))


class Readers:
    def __init__(self, nginx):
        self.nginx = nginx
        self.poll = select.epoll()
        self.all = {}

    def open(self, path, n=1):
        new = [Reader(self.nginx.port, path) for _ in range(n)]
        for r in new:
            self.all[r.socket.fileno()] = r
            self.poll.register(r.socket.fileno(), select.EPOLLIN)
        return new

    def close(self, reader):
        self.poll.unregister(reader.socket.fileno())
        del self.all[reader.socket.fileno()]
        reader.socket.close()

    def read(self, timeout=0):
        for fd, _ in self.poll.poll(timeout):
            self.all[fd].read()
            if self.all[fd].eof:
                self.poll.unregister(fd)

    def until(self, condition):
        end = time.monotonic() + TIMEOUT
        while not condition() and time.monotonic() < end:
            self.read(0.05)
        return condition()


class Publisher:
    def __init__(self, nginx):
        self.http = http.client.HTTPConnection('127.0.0.1', nginx.port,
                                               timeout=TIMEOUT)

    def request(self, method, channel, body=None, args=''):
        self.send(method, channel, body, args)
        return self.answer()

    def send(self, method, channel, body=None, args=''):
        self.http.request(method, '/pub/' + channel + args, body)

    def answer(self):
        return json.loads(self.http.getresponse().read())


def come_and_go(tap, nginx):
    """Two channels, while clients come to them and go."""
    readers, publisher = Readers(nginx), Publisher(nginx)

    stay = {c: readers.open('/out/' + c, SUBSCRIBERS) for c in 'ab'}
    leave = {c: readers.open('/out/' + c, MESSAGES // 4) for c in 'ab'}
    random.shuffle(leave['a'])
    come = []

    for n in range(1, MESSAGES + 1):
        answers = {c: publisher.request('POST', c, '{"n":%d}' % n)
                   for c in 'ab'}

        if n == 1:
            since = {c: answers[c]['epoch'] + ':0' for c in 'ab'}

        if n % 4 == 0:
            for c in 'ab':
                gone = leave[c].pop()
                tap.check(gone.rises(), 'who left had a part')
                readers.close(gone)

                come += readers.open(f'/out/{c}?since={since[c]}')
                readers.open(f'/out/{c}')

        if n % 20 == 0:
            come += readers.open(f'/filtered/a?since={since["a"]}'
                                 '&filter={"n":{"gt":0}}')
        readers.read()

    done = readers.until(lambda: all(r.got and r.got[-1] == MESSAGES
                                     for r in readers.all.values()
                                     if r in come or r in stay['a']
                                     or r in stay['b']))
    last = MESSAGES + 1
    for c in 'ab':
        publisher.request('POST', c, '{"n":%d}' % last)
    done = done and readers.until(lambda: all(r.got and r.got[-1] == last
                                              for r in readers.all.values()))

    tap.ok(done, 'all that is published comes')
    tap.ok(all(r.rises(1, last) for c in 'ab' for r in stay[c]),
           f'{2 * SUBSCRIBERS} subscribers of two channels: each message '
           'once, in order')
    tap.ok(all(r.rises(1, last) for r in come),
           f'{len(come)} that recover in the middle of it as well')
    tap.ok(all(r.rises(None, last) for r in readers.all.values()),
           'who comes without a position misses nothing from then on')
    tap.ok(not tap.bad, 'who leaves had all until then')

    page = publisher.request('GET', 'a', args='?limit=1000')['messages']
    tap.ok([m['offset'] for m in page] == list(range(1, last + 1))
           and [m['data'] for m in page] == ['{"n":%d}' % n
                                             for n in range(1, last + 1)],
           'a page of the history is whole')


def delete(tap, nginx):
    """The channel is deleted in the middle of a fan-out."""
    readers, publisher = Readers(nginx), Publisher(nginx)

    old = readers.open('/out/d', SUBSCRIBERS)

    for n in range(1, 11):
        publisher.request('POST', 'd', '{"n":%d}' % n)

    publisher.request('DELETE', 'd')
    new = readers.open('/out/d', 10)

    for r in old[::5]:
        readers.close(r)
    old = [r for r in old if r in readers.all.values()]

    publisher.request('POST', 'd', '{"n":1}')
    readers.until(lambda: all(r.code for r in old) and
                  all(r.got for r in new))

    tap.ok(all(r.code == 1000 for r in old),
           f'DELETE: {len(old)} subscribers are told')
    tap.ok(all(r.rises(1, len(r.got)) for r in old)
           and len({len(r.got) for r in old}) == 1,
           'DELETE: all of them have the same messages before it')
    tap.ok(all(r.got == [1] and r.code is None for r in new),
           'DELETE: who comes after it is in the new channel')

    answer = publisher.request('GET', 'd')
    tap.ok(answer['subscribers'] == 10, 'DELETE: nobody else is in there')


def another(tap, nginx):
    """All leave in the middle of a fan-out, the channel is deleted, and its
    place in the zone is another channel's, all in one turn."""
    publisher, other = Publisher(nginx), Publisher(nginx)
    worker = nginx.workers()[0]
    got, cut = [], 0

    while cut < CUT and len(got) < ROUNDS:
        n = len(got)
        readers = Readers(nginx)
        all = readers.open(f'/filtered/x{n}', SUBSCRIBERS)

        late = socket.create_connection(('127.0.0.1', nginx.port))
        other.request('GET', 'nothing')

        publisher.request('POST', f'x{n}', '{"n":%d}' % n)
        select.select([r.socket for r in all], [], [])
        os.kill(worker, signal.SIGSTOP)

        readers.read()
        cut += any(not r.got for r in all)
        for r in all:
            readers.close(r)

        other.send('DELETE', f'x{n}')
        late.sendall(upgrade(f'/filtered/y{n}'))
        os.kill(worker, signal.SIGCONT)

        tap.check(other.answer().get('deleted'), 'the channel was there')
        data = received(late, b'', lambda data: b'\r\n\r\n' in data)

        for message in 'new', 'end':
            publisher.request('POST', f'y{n}', message)
        data = received(late, data, lambda data: data.endswith(b'end'))
        got.append(data[data.index(b'\r\n\r\n') + 4:])
        late.close()

    tap.ok(got == [b'\x81\3new\x81\3end'] * len(got) and not tap.bad,
           'a channel has its own messages, not those of one before, '
           f'{cut} of whose fan-outs were cut: {got}')


def received(sock, data, complete):
    sock.settimeout(TIMEOUT)

    while not complete(data):
        more = sock.recv(1 << 16)
        if not more:
            break
        data += more

    return data


def stopped(nginx, connections, data, requests):
    """What the worker sees all at once, and what those are answered who come
    then: it accepts them in the same turn, and reads their request in the
    next one."""
    worker = nginx.workers()[0]
    answers = []

    os.kill(worker, signal.SIGSTOP)
    for s in connections:
        s.sendall(data)

    for method, path, body in requests:
        late = http.client.HTTPConnection('127.0.0.1', nginx.port,
                                          timeout=TIMEOUT)
        late.request(method, path, body)
        answers.append(late)

    os.kill(worker, signal.SIGCONT)
    return [json.loads(late.getresponse().read()) for late in answers]


def accepted(nginx):
    """A connection that the worker knows."""
    client = http.client.HTTPConnection('127.0.0.1', nginx.port,
                                        timeout=TIMEOUT)
    client.request('GET', '/pub/nothing')
    client.getresponse().read()
    return client.sock


def opened(status):
    return sum(location['connections']['websocket']
               for location in status['locations'])


def at_once(tap, nginx):
    """Many ask for the same in one turn: others come between."""
    known = [accepted(nginx) for _ in range(MANY)]
    before = opened(Publisher(nginx).request('GET', '../status'))
    answer, = stopped(nginx, known, upgrade('/out/m'),
                      [('GET', '/status', None)])
    there = opened(answer) - before
    tap.ok(there < MANY / 2,
           f'another request is answered after {there} of {MANY} handshakes')
    tap.ok(all(received(s, b'', lambda data: b'\r\n\r\n' in data)
               .startswith(b'HTTP/1.1 101 ') for s in known),
           'and then all the others')

    answers = stopped(nginx, known, b'\x88\x82\0\0\0\0\3\xe8',
                      [('GET', '/pub/m', None), ('POST', '/pub/m', 'x')])
    tap.ok(min(a['subscribers'] for a in answers) > MANY / 2,
           f'before {answers[1]["subscribers"]} of {MANY} that close have '
           'left')
    tap.ok(all(received(s, b'', lambda data: False) == b'\x88\2\3\xe8'
               for s in known),
           'who closes gets nothing more but the answer')
    tap.ok(Publisher(nginx).request('GET', 'm')['subscribers'] == 0,
           'and then has left')

    post = b'POST /pub/p HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nm'
    one = accepted(nginx)
    answer, = stopped(nginx, [one], post * MANY, [('GET', '/pub/p', None)])
    tap.ok(answer['offset'] < MANY / 2,
           f'after {answer["offset"]} of {MANY} POSTs of one client')
    received(one, b'', lambda data: data.count(b'HTTP/1.1 20') == MANY)
    answer = Publisher(nginx).request('GET', 'p')
    tap.ok(answer['offset'] == MANY, 'which are all done')


def leave(tap, nginx):
    """The worker shuts down: all sessions are due at once."""
    readers = Readers(nginx)
    all = readers.open('/out/q', SUBSCRIBERS)

    nginx.process.send_signal(signal.SIGQUIT)
    readers.until(lambda: all_told(all))

    tap.ok(all_told(all), f'QUIT: {len(all)} sessions are sent away')

    for r in all:
        readers.close(r)

    nginx.process.wait(TIMEOUT)
    tap.ok(nginx.process.returncode == 0, 'QUIT: nginx ends')


def all_told(readers):
    return all(r.code == 1001 for r in readers)


class Test(Tap):
    bad = 0

    def check(self, condition, name):
        if not condition:
            self.bad += 1
            print('#', name, file=sys.stderr)


if __name__ == '__main__':
    load_fault_module()
    os.environ['WEBSOCKET_TURN'] = '0'

    raise_limit()
    random.seed(1)

    tap = Test()
    nginx = Nginx('turn', CONF, workers=1)

    try:
        come_and_go(tap, nginx)
        delete(tap, nginx)
        another(tap, nginx)
        at_once(tap, nginx)
        leave(tap, nginx)
    finally:
        nginx.stop()

    tap.ok(not nginx.alerts(), f'no alerts {nginx.alerts()[:3]}')

    for name in ('40-channels', '72-filters'):
        result = subprocess.run(['t/tools/run-test', f't/{name}.t'],
                                stdout=subprocess.DEVNULL)
        tap.ok(result.returncode == 0, f'{name}.t, all of it, in such turns')

    tap.done()
