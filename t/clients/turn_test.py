"""What clients send in a packet, and takes long to look at, is looked at in
many turns: others come between, and nothing is lost or out of order."""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import struct
import zlib

from nginx import Nginx, Tap, TIMEOUT

CLIENTS = 4
MEMBERS = 400
REQUESTS = 80
MANY = [f'many{i}' for i in range(50)]
FIELDS = ' '.join(f'field f{i} string;' for i in range(20))
ITEMS = ','.join(['{}'] * 4980)
LARGE = 64 << 20
PINGS = 20

CONF = f'''
    websocket_zone zone=live:16m default; websocket_zone zone=large:96m;
    client_max_body_size 100m;
    websocket_type item {{ {FIELDS} }}
    websocket_type list {{
        field client integer; field n integer; field l array of=item;
    }}
    server {{
        listen 127.0.0.1:$PORT;
        websocket_channel all; websocket_drain 100ms;
        websocket_close_timeout 500ms;
        location = /in {{
            websocket publish; websocket_inbound_type list; websocket_deflate on;
        }}
        location = /other {{ websocket pubsub; }}
        location = /echo {{ websocket echo; }}
        location = /who {{
            websocket subscribe; websocket_channel who; websocket_presence on;
        }}
        location = /pages {{
            websocket_publish; websocket_channel who; websocket_presence on;
            websocket_history length=1000;
        }}
        location = /many {{
            websocket subscribe; websocket_channel {' '.join(MANY)};
            websocket_presence on; websocket_events join leave;
        }}
        location = /quiet {{
            websocket subscribe; websocket_channel {' '.join(MANY)};
            websocket_presence on;
        }}
        location = /last {{ websocket_publish; websocket_channel {MANY[-1]}; }}
        location = /polls {{
            websocket pubsub; websocket_channel one two;
            websocket_history length=1000; websocket_send_queue size=2000;
        }}
        location = /two {{
            websocket publish; websocket_channel two;
            websocket_history length=1000;
        }}
        location = /large {{
            websocket_publish zone=large; websocket_channel large;
            websocket_max_message_size 100m; websocket_history length=10;
        }}
        location = /mirrored {{
            mirror /mirror;
            websocket_publish zone=large; websocket_channel mirrored;
            websocket_max_message_size 100m; websocket_history length=10;
        }}
        location = /mirror {{
            internal; proxy_pass http://127.0.0.1:$PORT/copy;
        }}
        location = /copy {{
            websocket_publish zone=large; websocket_channel copy;
            websocket_max_message_size 100m; websocket_history length=10;
        }}
        location = /largest {{
            websocket subscribe zone=large; websocket_channel large;
        }}
        location = /plain {{ return 204; }}
    }}
'''


def connect(port, path):
    s = socket.create_connection(('127.0.0.1', port), TIMEOUT)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
              f'Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n'
              f'Sec-WebSocket-Extensions: permessage-deflate; '
              f'client_no_context_takeover\r\n'
              f'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'.encode())
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += s.recv(1)
    assert head.startswith(b'HTTP/1.1 101 '), head
    return s


def frame(first, payload):
    assert len(payload) < 126
    return bytes([first, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def packet(client):
    """As many messages as fit into a read; each is 15 KB."""
    data, n = b'', 0
    while True:
        text = f'{{"client":{client},"n":{n},"l":[{ITEMS}]}}'
        deflater = zlib.compressobj(wbits=-15)
        packed = deflater.compress(text.encode())
        packed += deflater.flush(zlib.Z_SYNC_FLUSH)
        more = data + frame(0xc1, packed[:-4])
        if len(more) > 4096:
            return data, n
        data, n = more, n + 1


def receive(s, n):
    data = b''
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def message(s):
    first, n = receive(s, 2)
    if n == 126:
        n, = struct.unpack('>H', receive(s, 2))
    data = receive(s, n)
    return data if first & 0xf == 1 else (first, data)


def between(tap, nginx):
    """Another client's message is not behind all of theirs."""
    clients = [connect(nginx.port, '/in') for _ in range(CLIENTS)]
    packets = [packet(i) for i in range(CLIENTS)]
    sent = sum(n for _, n in packets)
    other = connect(nginx.port, '/other')

    for s, (data, _) in zip(clients, packets):
        s.sendall(data + frame(0x88, b'\x03\xe8'))
    other.sendall(frame(0x81, b'"other"'))

    got = [json.loads(message(other)) for _ in range(sent + 1)]

    tap.ok(got.index('other') < sent / 2,
           f'another message is number {got.index("other") + 1} '
           f'of {sent + 1}')

    order = [[m['n'] for m in got if m != 'other' and m['client'] == i]
             for i in range(CLIENTS)]
    tap.ok(order == [list(range(n)) for _, n in packets],
           'all messages come, each client\'s in their order')

    tap.ok(all(message(s) == (0x88, b'\x03\xe8') for s in clients),
           'and then the clients\' Close is answered')

    for s in clients + [other]:
        s.close()


def ask(nginx, *queries, before=lambda: None):
    """Requests that the worker sees all at once, and what is done before."""
    sockets = [socket.create_connection(('127.0.0.1', nginx.port), TIMEOUT)
               for _ in queries]
    pid = nginx.workers()[0]

    for s in sockets:
        s.sendall(b'GET /plain?first HTTP/1.1\r\nHost: x\r\n\r\n')
        data = b''
        while not data.endswith(b'\r\n\r\n'):
            data += receive(s, 1)

    os.kill(pid, signal.SIGSTOP)
    before()
    for s, query in zip(sockets, queries):
        s.sendall(f'GET {query} HTTP/1.1\r\nHost: x\r\n'
                  'Connection: close\r\n\r\n'.encode())

    return pid, sockets


def whole(s):
    """Was the answer all of what it says that it is?"""
    data = b''
    with contextlib.suppress(ConnectionError):
        while more := s.recv(1 << 20):
            data += more
    head, _, body = data.partition(b'\r\n\r\n')
    length = re.search(rb'\r\nContent-Length: (\d+)', head)
    return (head.startswith(b'HTTP/1.1 200 ') and bool(length)
            and int(length[1]) == len(body))


def logged(nginx, *names):
    """The names of the locations of requests, in the order of their ends."""
    with open(f'{nginx.prefix}/logs/access.log') as f:
        found = [re.search(r'GET /(\w+)\b(?!.first)', line) for line in f]
    return [m[1] for m in found if m and m[1] in names]


def events(port, path):
    s = socket.create_connection(('127.0.0.1', port), TIMEOUT)
    s.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\n'
              'Accept: text/event-stream\r\n\r\n'.encode())
    assert s.recv(1 << 16).startswith(b'HTTP/1.1 200 ')
    return s


def waiting(port, path):
    """A poll, with a position, so that it is not answered at once."""
    client = http.client.HTTPConnection('127.0.0.1', port, timeout=TIMEOUT)
    client.request('GET', f'{path}?transport=poll')
    position = json.loads(client.getresponse().read())['position']
    client.request('GET', f'{path}?transport=poll&since={position}')
    return client


def leave(tap, nginx):
    """Many leave at once, each of many channels."""
    for name, opened, path in (('sockets', connect, '/many'),
                               ('events', events, '/quiet'),
                               ('polls', waiting, '/quiet')):
        members = [opened(nginx.port, path) for _ in range(MEMBERS)]
        inside(nginx, MEMBERS)
        before = len(logged(nginx, path[1:], 'plain'))

        pid, sockets = ask(nginx, '/plain',
                           before=lambda: [s.close() for s in members])
        os.kill(pid, signal.SIGCONT)
        while sockets[0].recv(1 << 16):
            pass
        sockets[0].close()

        inside(nginx, 0)
        n = logged(nginx, path[1:], 'plain')[before:].index('plain')
        tap.ok(n < MEMBERS / 2, f'{name}: another request is answered after '
               f'{n} of {MEMBERS} have gone')


def inside(nginx, n):
    """Waits until there are so many in each of the many channels."""
    with contextlib.closing(http.client.HTTPConnection(
            '127.0.0.1', nginx.port, timeout=TIMEOUT)) as client:

        def subscribers():
            client.request('GET', '/last')
            return json.loads(client.getresponse().read()).get('subscribers')

        nginx.wait(lambda: (subscribers() or 0) == n)


def pages(tap, nginx):
    """Many ask for what takes long to put together."""
    members = [connect(nginx.port, '/who') for _ in range(MEMBERS)]

    pid, sockets = ask(nginx, *['/pages?presence=1&limit=1000'] * REQUESTS,
                       '/plain')
    os.kill(pid, signal.SIGCONT)

    tap.ok(all(whole(s) for s in sockets[:-1]),
           f'{REQUESTS} pages of {MEMBERS} members come')

    n = logged(nginx, 'pages', 'plain')[1:].index('plain')
    tap.ok(n < REQUESTS / 2, f'another request is answered after {n}')

    for s in members + sockets:
        s.close()

    with contextlib.closing(http.client.HTTPConnection(
            '127.0.0.1', nginx.port, timeout=TIMEOUT)) as client:
        for _ in range(1000):
            client.request('POST', '/pages', 'x' * 1000)
            client.getresponse().read()

    pid, sockets = ask(nginx, *['/pages?limit=1000'] * REQUESTS)
    os.kill(pid, signal.SIGCONT)
    select.select(sockets, [], [])
    os.kill(pid, signal.SIGQUIT)

    tap.ok(all([whole(s) for s in sockets]),
           'a worker that quits answers who waits for a page')

    for s in sockets:
        s.close()
    nginx.wait(lambda: pid not in nginx.workers())


def segments(s):
    """How many have come with data in them: tcpi_data_segs_in."""
    return struct.unpack_from('I', s.getsockopt(
        socket.IPPROTO_TCP, socket.TCP_INFO, 160), 152)[0]


def together(tap, nginx):
    """More clients than a turn has time for, each with some messages."""
    clients = [connect(nginx.port, '/echo') for _ in range(MEMBERS)]
    before = [segments(s) for s in clients]
    data = b''.join(frame(0x81, b'%100d' % n) for n in range(16))

    pid, sockets = ask(nginx, before=lambda: [s.sendall(data)
                                              for s in clients])
    os.kill(pid, signal.SIGCONT)

    got = [[message(s) for _ in range(16)] for s in clients]
    tap.ok(got == [[b'%100d' % n for n in range(16)]] * MEMBERS,
           'many who send some messages at once get all answers')

    more = [segments(s) - n for s, n in zip(clients, before)]
    tap.ok(more == [1] * MEMBERS,
           f'{more.count(1)} of {MEMBERS} get theirs in one piece')

    for s in clients:
        s.close()


def poll(client, position=None):
    since = f'&since={position}' if position else ''
    client.request('GET', f'/polls?transport=poll{since}')
    body = client.getresponse().read()
    return json.loads(body), len(body)


def polls(tap, nginx):
    """More than an answer's bound, in however many turns: what an answer does
    not have comes with the next."""
    client = http.client.HTTPConnection('127.0.0.1', nginx.port,
                                        timeout=TIMEOUT)
    sockets = [connect(nginx.port, '/polls'), connect(nginx.port, '/two')]
    position = poll(client)[0]['position']

    # a small one that would fit does not go before a large one

    texts = [f'{n:{n % 2 * 100}}' for n in range(40)]
    for s in sockets:
        s.sendall(b''.join(frame(0x81, text.encode()) for text in texts))

    got, largest, told = {}, 0, True
    while sum(map(len, got.values())) < 80:
        answer, size = poll(client, position)
        position = answer['position']
        largest = max(largest, size)
        for m in answer['messages']:
            got.setdefault(m['epoch'], []).append(m['data'])
        told &= answer['recovered'] and all(
            p in position.split(',')
            for p in [f'{e}:{len(d)}' for e, d in got.items()])

    tap.ok(list(got.values()) == [texts] * 2,
           'polls of two channels miss nothing')
    tap.ok(told and largest <= 2200,
           f'each says how far it came, in at most {largest} bytes')

    client.close()
    for s in sockets:
        s.close()


def post(nginx, body, *headers, path='/large'):
    """Sends a request, all of it, and returns its socket."""
    s = socket.create_connection(('127.0.0.1', nginx.port), TIMEOUT)
    head = [f'POST {path} HTTP/1.1', 'Host: x', 'Connection: close', *headers,
            f'Content-Length: {len(body)}']
    s.sendall('\r\n'.join(head).encode() + b'\r\n\r\n')
    s.sendall(body)
    return s


def answer(s):
    data = b''
    while more := s.recv(1 << 16):
        data += more
    s.close()
    head, _, body = data.partition(b'\r\n\r\n')
    return int(head.split(b' ')[1]), json.loads(body)


def bodies(tap, nginx):
    """A body that takes long to check, and to copy."""
    other = connect(nginx.port, '/echo')
    body = bytearray(b'\xc3\xa9' * (LARGE // 2))

    s = post(nginx, body, 'Idempotency-Key: one')
    pings = 0
    while not select.select([s], [], [], 0)[0]:
        other.sendall(frame(0x81, b'ping'))
        message(other)
        pings += 1

    status, told = answer(s)
    tap.ok(status == 202 and told['offset'] == 1 and pings > PINGS,
           f'a body of {LARGE >> 20} MB with a key: {pings} messages of '
           f'another client are answered meanwhile')

    # an end that is cut is found, too; and what is kept of the first one

    status, _ = answer(post(nginx, body + b'\xc3'))
    again, told = answer(post(nginx, body, 'Idempotency-Key: one'))
    tap.ok((status, again, told.get('duplicate')) == (400, 202, True),
           'it is checked to its end, and known by its key')

    body[-1] = 0xa8
    status, _ = answer(post(nginx, body, 'Idempotency-Key: one'))
    tap.ok(status == 422, 'with another last byte it is another one')

    # two at once; and clients who go before theirs is published

    for _ in range(4):
        s = post(nginx, body)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack('ii', 1, 0))
        s.close()

    reader = connect(nginx.port, '/largest')
    sent = [bytes([i]) * ((1 << 20) + i) for i in (1, 2)]
    sockets = [post(nginx, data, 'Content-Type: application/octet-stream',
                    f'X-WebSocket-Tags: n={i}') for i, data in enumerate(sent)]
    tap.ok([answer(s)[0] for s in sockets] == [200, 200],
           'two at once, behind those whose clients have gone')

    got = []
    while len(got) < 2:
        _, n = receive(reader, 2)
        n, = struct.unpack('>Q', receive(reader, 8))
        data = receive(reader, n)
        got += [data] if len(data) < LARGE else []

    tap.ok(sorted(got) == sent, 'and subscribers get them, whole')

    s = post(nginx, body)
    tap.ok(answer(s)[0] == 200, 'and there is room as before')

    # a mirror reads the same file, for longer

    status, _ = answer(post(nginx, body[:LARGE // 8], path='/mirrored'))

    def copied():
        client.request('GET', '/copy')
        return json.loads(client.getresponse().read()).get('offset') == 1

    with contextlib.closing(http.client.HTTPConnection(
            '127.0.0.1', nginx.port, timeout=TIMEOUT)) as client:
        nginx.wait(copied)

    tap.ok(status == 202, 'a mirror gets all of it')

    for s in other, reader:
        s.close()


def gone(tap, nginx):
    """In the middle, by a reset; and when the worker is told to quit."""
    pid = nginx.workers()[0]
    data, sent = packet(0)
    other = connect(nginx.port, '/other')

    for _ in range(CLIENTS):
        s = connect(nginx.port, '/in')
        s.sendall(data)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack('ii', 1, 0))
        s.close()

    s = connect(nginx.port, '/in')
    s.sendall(data)

    while json.loads(message(other))['n'] != 0:
        pass

    os.kill(nginx.process.pid, signal.SIGHUP)
    nginx.wait(lambda: pid not in nginx.workers())
    tap.ok(True, 'a worker whose clients have more to be looked at quits')

    s.close()
    other.close()


if __name__ == '__main__':
    nginx = Nginx('turn', CONF, workers=1)
    tap = Tap()
    try:
        nginx.wait(nginx.workers)
        between(tap, nginx)
        together(tap, nginx)
        polls(tap, nginx)
        bodies(tap, nginx)
        gone(tap, nginx)
        leave(tap, nginx)
        pages(tap, nginx)
        tap.ok(not nginx.alerts(), 'no alerts')
    finally:
        nginx.stop()
    tap.done()
