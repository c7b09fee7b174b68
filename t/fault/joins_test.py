"""
Sessions that come to channels and go, in the language of joins.c, after their
HTTP request was given back: within deliveries, in the middle of what they
catch up with, over reloads and the death of their worker.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import time

from nginx import Nginx, Tap, load_fault_module
from peer import CLOSE, FIN, TEXT, connect, frame, resident

TIMEOUT = 30
MANY = 60
LONG = 1500
BUSY = -3
ROUNDS = 4000
KEY = 'a secret of more than 32 bytes for the test of tokens'

CONF = '''
    websocket_zone zone=live:16m;
    keepalive_requests 1000000;
    websocket_history length=2000;
    websocket_heartbeat off;
    websocket_drain 0;
    websocket_type event {
        field n integer;
        field text string;
        field more string;
        view short n;
        view middle n text;
    }
    log_format ended "$websocket_channel $websocket_close_code";
    server {
        listen 127.0.0.1:$PORT;
        add_header X-Worker $pid always;
        access_log logs/ended.log ended;
        location ~ ^/ws/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_presence on from=$arg_name;
        }
        location ~ ^/first/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_priority on;
        }
        location ~ ^/typed/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_outbound_type event;
            websocket_view middle;
            websocket_filter on;
        }
        location ~ ^/token/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_jwt key=key alg=HS256 renew=1h;
        }
        location ~ ^/pub/(.*)$ {
            access_log off;
            websocket_publish;
            websocket_channel $1;
            websocket_presence on;
        }
    }
'''


def token(channels):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')

    text = b'.'.join(encode(json.dumps(part).encode()) for part in (
        {'alg': 'HS256'}, {'sub': 'ann', 'channels': {c: ['subscribe', 'publish']
                                            for c in channels},
                           'exp': int(time.time()) + 3600}))
    mac = hmac.new(KEY.encode(), text, hashlib.sha256).digest()
    return (text + b'.' + encode(mac)).decode()


class Client:
    """What comes is read in order: the texts, until the Close's code."""

    def __init__(self, port, path, *headers):
        self.socket, _ = connect(port, path, *headers)
        self.socket.settimeout(TIMEOUT)
        self.buffer = b''

    def send(self, *texts):
        """At once: the messages are delivered together."""
        self.socket.sendall(b''.join(frame(FIN | TEXT, t.encode())
                                     for t in texts))

    def read(self):
        while True:
            b = self.buffer
            if len(b) > 1 and b[1] < 126 and len(b) >= 2 + b[1]:
                self.buffer = b[2 + b[1]:]
                text = b[2:2 + b[1]]
                if b[0] == FIN | CLOSE:
                    return int.from_bytes(text[:2], 'big')
                return text.decode()
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            self.buffer += data

    def until(self, last):
        """What comes before the text that is the last."""
        got = []
        while True:
            text = self.read()
            if text == last or not isinstance(text, str):
                return got
            got.append(text)

    def ask(self, text, result=0):
        """What comes before the answer to it."""
        self.send(text)
        return self.until(f'{text}: {result}')

    def close(self):
        self.socket.close()


class Publisher:
    def __init__(self, nginx):
        self.http = http.client.HTTPConnection('127.0.0.1', nginx.port,
                                               timeout=TIMEOUT)

    def request(self, method, channel, body=None, args=''):
        self.http.request(method, f'/pub/{channel}{args}', body)
        answer = json.loads(self.http.getresponse().read())
        self.http.close()
        return answer

    def publish(self, channel, text):
        return self.request('POST', channel, text)

    def history(self, channel, n):
        for i in range(n):
            self.http.request('POST', f'/pub/{channel}', f'{channel}{i}')
            answer = json.loads(self.http.getresponse().read())
        return answer['epoch'] + ':0'

    def present(self, channel):
        page = self.request('GET', channel, args='?presence=1')
        return sorted(m['from'] for m in page.get('presence', []))

    def subscribers(self, channel):
        return self.request('GET', channel).get('subscribers', 0)


def numbered(channel, n):
    return [f'{channel}{i}' for i in range(n)]


def of(channel, texts):
    return [t for t in texts if t[0] == channel]


def come_and_go(tap, nginx):
    publisher = Publisher(nginx)
    client = Client(nginx.port, '/ws/a?name=Ann')

    tap.ok(client.ask('?') == [], 'the request was given back')
    tap.ok(client.ask('+b') == [], 'a second channel')
    tap.ok(client.ask('+b', BUSY) == [], 'which there is once')
    tap.ok(publisher.present('b') == ['Ann'], 'who it is, is known there')

    for i in range(200):
        for channel in 'ab':
            publisher.publish(channel, f'{channel}{i}')
    publisher.publish('b', 'end')

    got = client.until('end')
    tap.ok(of('a', got) == numbered('a', 200)
           and of('b', got) == numbered('b', 200),
           'messages of both come, in order')

    tap.ok(client.ask('-b') == [] and publisher.present('b') == []
           and publisher.subscribers('b') == 0, 'it leaves the second one')
    publisher.publish('b', 'not for it')

    for i in range(100):
        publisher.publish('a', f'a{i}')
        if i % 10 == 0:
            client.send('+b' if i % 20 else '-b')
    client.send('-b')
    client.send('end')
    got = client.until('end')
    tap.ok([t for t in got if t[0] == 'a'] == numbered('a', 100),
           'of the first one all come, at each step')

    client.ask('+b')
    tap.ok(client.ask('-a') == [] and publisher.present('a') == [],
           'it leaves the first one')
    other = Client(nginx.port, '/ws/a')
    client.send('said')
    tap.ok(other.read() == 'said', 'where its messages go all the same')
    tap.ok(client.ask('+a') == [], 'and comes back')
    client.send('said again')
    tap.ok(client.read() == 'said again' and other.read() == 'said again',
           'messages come again')
    client.close()
    other.close()
    nginx.wait(lambda: publisher.subscribers('b') == 0)


def catch_up(tap, nginx):
    publisher = Publisher(nginx)
    since = publisher.history('h', LONG)

    client = Client(nginx.port, '/ws/c')
    client.send(f'+h since={since}')
    for i in range(20):
        publisher.publish('c', f'c{i}')
    publisher.publish('h', 'end')
    got = client.until('end')
    tap.ok(of('h', got) == numbered('h', LONG), 'a history, in order')
    tap.ok(of('c', got + client.ask('?')) == numbered('c', 20),
           'while the other goes on')
    client.ask('-h')

    client.send(f'+h since={since}')
    client.send('-h')
    got = client.until('-h: 0')
    tap.ok(of('h', got) == numbered('h', len(of('h', got))),
           'left in the middle of it')
    publisher.publish('h', 'not for it')
    publisher.publish('c', 'end')
    rest = client.until('end')
    tap.ok(of('h', got + rest)
           == numbered('h', len(of('h', got + rest))) and 'not for it' not in
           rest, 'nothing comes of it any more')

    publisher.publish('h', '!leave')
    publisher.publish('h', 'not for it')
    page = publisher.request('GET', 'h', args='?limit=2')
    epoch = page['epoch']
    since = f'{epoch}:{LONG - 300}'
    client.send(f'+h since={since}')
    got = client.until('!leave')
    publisher.publish('c', 'end')
    tap.ok('not for it' not in client.until('end')
           and publisher.subscribers('h') == 0,
           'left by what it catches up with')
    client.close()


def within(tap, nginx):
    publisher = Publisher(nginx)
    clients = [Client(nginx.port, '/ws/d') for _ in range(MANY)]
    plain = Client(nginx.port, '/ws/e')
    for client in clients:
        client.ask('+e')

    plain.send('!leave', 'not for them')
    publisher.publish('d', 'end')
    tap.ok(all(c.until('end') == ['!leave'] for c in clients),
           f'{MANY} leave within the delivery')
    tap.ok(publisher.subscribers('e') == 1
           and [plain.read(), plain.read()] == ['!leave', 'not for them'],
           'and one does not')

    for client in clients:
        client.ask('+e')
    plain.send('!swap f', 'not for them')
    nginx.wait(lambda: publisher.subscribers('f') == MANY)
    publisher.publish('f', 'end')
    tap.ok(all(c.until('end') == ['!swap f'] for c in clients),
           'and for another channel')

    for client in clients:
        client.close()
    plain.close()
    nginx.wait(lambda: publisher.subscribers('f') == 0)


def priorities(tap, nginx):
    """Whoever counts by positions gets no message before another."""
    publisher = Publisher(nginx)
    client = Client(nginx.port, '/first/p')
    since = publisher.history('q', 3)
    tap.ok(client.ask('+q') == [] and client.ask('-q') == [], 'unordered')
    client.send(f'+q since={since}')
    publisher.publish('q', 'end')
    got = client.until('end')
    tap.ok(of('q', got) == numbered('q', 3), 'ordered, by a position')
    client.close()


def selects(tap, nginx):
    """Each subscription has its own filter and view."""
    publisher = Publisher(nginx)
    client = Client(nginx.port, '/typed/t')
    other = Client(nginx.port, '/typed/t')
    for c in client, other:
        c.ask('+u view=1 filter={"n":{"gt":2}}')
        c.ask('+v filter={"text":"v"}')

    for channel in 'tuv':
        for n in range(5):
            publisher.publish(channel, json.dumps(
                {'n': n, 'text': channel if n % 2 else 'x', 'more': 'm'}))
    publisher.publish('v', '{"n":9,"text":"v"}')

    def got(c):
        return [json.loads(t) for t in c.until('{"n":9,"text":"v"}')]

    want = [{'n': n, 'text': 't' if n % 2 else 'x'} for n in range(5)] \
        + [{'n': 3}, {'n': 4}] \
        + [{'n': n, 'text': 'v', 'more': 'm'} for n in (1, 3)]
    for c in client, other:
        seen = got(c)
        tap.ok(seen == want, f'a filter and a view for each: {seen}')

    client.ask('-u')
    client.ask('+u view=2 filter={"n":{"lt":1}}')
    for n in range(3):
        publisher.publish('u', json.dumps({'n': n, 'text': 'x', 'more': 'm'}))
    publisher.publish('u', '{"n":-9,"text":"v"}')
    seen = [json.loads(t) for t in client.until('{"n":-9,"text":"v"}')]
    tap.ok(seen == [{'n': 0, 'text': 'x'}], f'and others later: {seen}')
    for c in client, other:
        c.close()


def rights(tap, nginx):
    """A language sees to it which channels it may have; a new token, too."""
    def enter(*channels):
        return Client(nginx.port, '/token/r',
                      f'Authorization: Bearer {token(channels)}')

    def renew(client, *channels):
        client.send(json.dumps({'type': 'token', 'token': token(channels)}))
        text = client.read()
        return json.loads(text)['type'] if isinstance(text, str) else text

    publisher = Publisher(nginx)
    client = enter('r')
    client.ask('+s')
    publisher.publish('s', 'news')
    tap.ok(client.read() == 'news', 'a channel that the token did not name')
    tap.ok(renew(client, 'r', 's', 'other') == 'token_renewed',
           'a new token that names it')
    client.ask('-s')
    tap.ok(renew(client, 'r') == 'token_renewed', 'or one without it, later')
    client.ask('+s')
    tap.ok(renew(client, 'r') == 1008, 'one without it is the end')
    client.close()


def memory(tap, nginx):
    publisher = Publisher(nginx)
    client = Client(nginx.port, '/ws/m')
    [pid] = nginx.workers()

    def rounds(first, n):
        for i in range(first, first + n, 50):
            for k in range(i, i + 50):
                client.send(f'+m{k}')
            client.until(f'+m{i + 49}: 0')
            for k in range(i, i + 50):
                client.send(f'-m{k}')
            client.until(f'-m{i + 49}: 0')

    rounds(0, ROUNDS)
    before = resident(pid)
    rounds(0, ROUNDS)
    after = resident(pid)
    tap.ok(after - before < 64 << 10,
           f'{ROUNDS} channels come and go: {after - before} bytes more')
    tap.ok(publisher.subscribers('m7') == 0, 'and are left')
    client.close()


def reload(tap, nginx):
    publisher = Publisher(nginx)
    client = Client(nginx.port, '/ws/r?name=Rob')
    client.ask('+s')
    [pid] = nginx.workers()

    nginx.process.send_signal(signal.SIGHUP)
    tap.ok(client.read() == 1012, 'a reload sends it away')
    client.close()
    nginx.wait(lambda: pid not in nginx.workers() and nginx.workers())
    tap.ok(publisher.present('s') == [] and publisher.subscribers('s') == 0,
           'it is in no channel')

    with open(f'{nginx.prefix}/logs/ended.log') as f:
        tap.ok(f.read().splitlines()[-1] == 'r,s 1012',
               'the access log names both')


def kill(tap, nginx):
    publisher = Publisher(nginx)
    client = Client(nginx.port, '/ws/k?name=Kim')
    client.ask('+l')
    tap.ok(publisher.present('l') == ['Kim'], 'a member')
    [pid] = nginx.workers()
    os.kill(pid, signal.SIGKILL)
    nginx.wait(lambda: nginx.workers() not in ([], [pid]))
    client.close()

    nginx.wait(lambda: publisher.present('l') == []
               and publisher.subscribers('l') == 0)

    client = Client(nginx.port, '/ws/k')
    client.ask('+l')
    publisher.publish('l', 'end')
    tap.ok(client.until('end') == [], 'after its worker was killed')
    client.close()


def main():
    load_fault_module('joins')
    tap = Tap()
    nginx = Nginx('joins', CONF, workers=1, files={'key': KEY})
    try:
        for test in (come_and_go, catch_up, within, priorities, selects,
                     rights, memory, reload, kill):
            test(tap, nginx)
    finally:
        nginx.stop()
    tap.ok(not nginx.alerts(but=['exited on signal 9']),
           'nothing in the error log')
    tap.done()


if __name__ == '__main__':
    main()
