"""
Server-sent events with nothing but http.client: twelve clients over two
workers that come back with Last-Event-ID again and again while messages are
published, over a reload and the death of a worker.  Each gets every message,
once, in order, as it was published.
"""

import base64
import http.client
import json
import os
import random
import re
import signal
import socket
import threading
import time

from nginx import Nginx, Tap, TIMEOUT

CLIENTS = 12
STAYERS = 4
MESSAGES = 2000

CONF = '''
    websocket_zone zone=live:16m;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:$PORT reuseport;
        add_header X-Worker $pid always;
        websocket_channel all;
        websocket_history length=100000;
        websocket_heartbeat interval=200ms;
        websocket_drain 500ms;
        location = /events { websocket subscribe; }
        location = /publish { websocket_publish; }
    }
'''


def message(i):
    """What is published, and the event that it is to be."""
    if i % 10 == 3:
        data = os.urandom(i % 50)
        return data, ('binary', base64.b64encode(data).decode())
    if i % 10 == 6:
        return (f'{i}\nid: x:1\r\n:{i}\r\r\n'.encode(),
                ('message', f'{i}\nid: x:1\n:{i}\n\n'))
    if i % 10 == 9:
        text = f'{i} ' + '\u00e9\u4e2d\U0001f600' * (i % 3000)
        return text.encode(), ('message', text)
    return str(i).encode(), ('message', str(i))


class Publisher(threading.Thread):
    """What has no answer is repeated with its key."""

    def __init__(self, port, calm):
        super().__init__(daemon=True)
        self.port, self.calm = port, calm
        self.progress = 0
        self.events = []
        self.wrong = []
        self.http = None

    def run(self):
        for i in range(1, MESSAGES + 1):
            if i > MESSAGES * 9 // 10:
                self.calm.wait(4 * TIMEOUT)
            data, event = message(i)
            kind = ('application/octet-stream' if event[0] == 'binary'
                    else 'text/plain')
            self.events.append(event)
            while not self.publish(i, data, kind):
                pass
            self.progress = i

    def publish(self, i, data, kind):
        try:
            if self.http is None:
                self.http = http.client.HTTPConnection('127.0.0.1', self.port,
                                                       timeout=TIMEOUT)
            self.http.request('POST', '/publish', data,
                              {'Idempotency-Key': str(i),
                               'Content-Type': kind})
            answer = self.http.getresponse()
            body = answer.read()
            if answer.status not in (200, 202):
                self.wrong.append(f'{answer.status} {body}')
            elif json.loads(body)['offset'] != i:
                self.wrong.append(f'{i}: {body}')
            return True
        except (OSError, http.client.HTTPException):
            self.http.close()
            self.http = None
            return False


class Client(threading.Thread):
    """As the standard says: lines to fields, fields to events."""

    def __init__(self, port, number):
        super().__init__(daemon=True)
        self.port = port
        self.stays = number < STAYERS
        self.random = random.Random(number)
        self.last_id = None
        self.events = []
        self.ids = []
        self.wrong = []
        self.connections = 0
        self.worker = None
        self.ends = set()
        self.comments = 0
        self.there = threading.Event()

    def run(self):
        while len(self.events) < MESSAGES and not self.wrong:
            self.worker = None
            connection = http.client.HTTPConnection('127.0.0.1', self.port,
                                                    timeout=TIMEOUT)
            try:
                self.stream(connection)
            except (OSError, http.client.HTTPException):
                self.ends.add('broken off')
            finally:
                connection.close()

    def stream(self, connection):
        headers = {'Accept': 'text/event-stream'}
        if self.last_id:
            headers['Last-Event-ID'] = self.last_id
        connection.request('GET', '/events', headers=headers)
        answer = connection.getresponse()
        if (answer.status, answer.getheader('Content-Type'),
                answer.getheader('X-Accel-Buffering')) \
                != (200, 'text/event-stream', 'no'):
            self.wrong.append(f'{answer.status} {answer.headers}')
            return
        self.connections += 1

        limit = (MESSAGES if self.stays
                 else self.random.choice((1, 10, 100, 1000)))
        limit = min(limit, MESSAGES - len(self.events))
        want = len(self.events) + limit
        while len(self.events) < want:
            event = self.event(answer)
            if event is None:
                self.ends.add('broken off')
                return
            if 'close' in event:
                self.ends.add(event['close'])
                return
            self.worker = int(answer.getheader('X-Worker'))

    def event(self, answer):
        """Reads one, or None; what is said of the stream is no message."""
        name, data, identity = 'message', [], None
        while True:
            line = answer.readline()
            if not line.endswith(b'\n'):
                return None
            line = line[:-1].decode()
            if line == '':
                break
            field, _, value = line.partition(':')
            value = value[1:] if value.startswith(' ') else value
            if field == '':
                self.comments += 1
            elif field == 'event':
                name = value
            elif field == 'data':
                data.append(value)
            elif field == 'id':
                identity = value
            elif field != 'retry' or not re.fullmatch(r'1\d{3}', value):
                self.wrong.append(line)

        if identity:
            self.last_id = identity
            self.there.set()
        if name == 'close':
            return {'close': json.loads('\n'.join(data))['code']}
        if name not in ('message', 'binary'):
            self.wrong.append(f'{name} {data}')
        elif data:
            self.ids.append(identity)
            self.events.append((name, '\n'.join(data)))
        return {}


def disturb(nginx, publisher, clients):
    """A reload at a third of all, the death of a worker at two thirds."""
    def cut(how):
        return any(how in c.ends for c in clients)

    def on_new():
        return [c.worker for c in clients
                if c.stays and c.worker and c.worker not in old]

    nginx.wait(lambda: publisher.progress >= MESSAGES // 3)
    old = set(nginx.workers())
    nginx.process.send_signal(signal.SIGHUP)
    nginx.wait(lambda: cut(1012))

    nginx.wait(lambda: publisher.progress >= 2 * MESSAGES // 3)
    nginx.wait(on_new)
    os.kill(on_new()[0], signal.SIGKILL)
    nginx.wait(lambda: cut('broken off'))


def play(tap, nginx):
    calm = threading.Event()
    publisher = Publisher(nginx.port, calm)
    clients = [Client(nginx.port, i) for i in range(CLIENTS)]

    for client in clients:
        client.start()
    for client in clients:
        client.there.wait(TIMEOUT)
    tap.ok(all(c.last_id and c.last_id.endswith(':0') for c in clients),
           f'{CLIENTS} clients know where they are before the first message')

    # nothing comes: comments do
    nginx.wait(lambda: any(c.comments for c in clients))
    tap.ok(True, 'a comment comes when nothing else does')

    publisher.start()
    try:
        disturb(nginx, publisher, clients)
        disturbed = True
    except TimeoutError:
        disturbed = False
    calm.set()
    tap.ok(disturbed, 'a reload, and a worker died')

    end = time.monotonic() + 2 * TIMEOUT
    for thread in [publisher] + clients:
        thread.join(max(0, end - time.monotonic()))

    check(tap, publisher, clients)


def check(tap, publisher, clients):
    wrong = publisher.wrong + [w for c in clients for w in c.wrong]
    tap.ok(not wrong, f'nothing unexpected {wrong[:3]}')
    tap.ok(len(publisher.events) == MESSAGES
           and all(c.events == publisher.events for c in clients),
           f'each client has the {MESSAGES} messages, once, in order')
    tap.ok(all([i.split(':')[1] for i in c.ids]
               == [str(i) for i in range(1, MESSAGES + 1)] for c in clients)
           and len({i.split(':')[0] for c in clients for i in c.ids}) == 1,
           'each id is the position of its message')

    connections = sum(c.connections for c in clients)
    ends = sorted(str(e) for e in set().union(*(c.ends for c in clients)))
    tap.ok(connections > 3 * CLIENTS,
           f'{connections} connections, and ends: {", ".join(ends)}')


def late(tap, nginx):
    """
    A request that an old worker has begun to read comes after the reload. Any
    status but 200 would be the end for EventSource: it is to come again, from
    where it is now.
    """
    with socket.create_connection(('127.0.0.1', nginx.port)) as s:
        s.settimeout(TIMEOUT)
        shutting = nginx.log().count('gracefully shutting down')
        s.sendall(b'GET /events HTTP/1.1\r\nHost: x\r\n')
        old = set(nginx.workers())
        nginx.process.send_signal(signal.SIGHUP)
        nginx.wait(lambda: nginx.log().count('gracefully shutting down')
                   >= shutting + len(old))
        s.sendall(b'Accept: text/event-stream\r\n\r\n')
        answer = b''
        while part := s.recv(4096):
            answer += part
    head, _, body = answer.partition(b'\r\n\r\n')
    tap.ok(head.startswith(b'HTTP/1.1 200')
           and b'Content-Type: text/event-stream' in head
           and re.search(rb'\nid: \w+:\d+\n', body)
           and b'\nevent: close\ndata: {"code":1012,' in body,
           'one that comes to an old worker is sent on')


if __name__ == '__main__':
    tap = Tap()
    nginx = Nginx('sse', CONF)
    try:
        play(tap, nginx)
        late(tap, nginx)
        alerts = nginx.alerts(but=('exited on signal 9',))
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
    tap.done()
