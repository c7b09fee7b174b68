"""
An application that is asked by websocket_hook, as it answers well, late, never,
with garbage, with 10 MB, or ends the connection: nobody but those who wait for
it is harmed, and 3,000 questions (100,000 with WEBSOCKET_LONG) leave memory,
descriptors and connections as they were.
"""

import asyncio
import base64
import json
import os
import signal
import time

from nginx import Nginx, Tap, free_port
from peer import (BINARY, FIN, TEXT, Closed, Http, Peer, ask, becomes, frame,
                  resident, settled, workers)

CALLS = 100000 if os.environ.get('WEBSOCKET_LONG') else 3000

CONF = '''
    websocket_zone zone=live:8m;
    websocket_drain 0;
    websocket_history length=100;
    upstream app { server 127.0.0.1:$APP; keepalive 16; }
    upstream down { server 127.0.0.1:$DOWN; }
    websocket_namespace default {
        subscribe client;
        publish   client;
        history   length=10 time=60s;
    }
    websocket_type order {
        field kind string required;
        field n integer;
    }
    log_format hooks '$uri $status $websocket_user $websocket_hook_time';
    server {
        listen 127.0.0.1:$PORT;
        access_log logs/hooks.log hooks;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location = /_app {
            internal;
            access_log off;
            proxy_set_header X-Agent $http_user_agent;
            proxy_set_header X-From $remote_addr;
            proxy_pass http://app;
        }
        location = /_down { internal; proxy_pass http://down; }
        location = /_limited {
            internal;
            lingering_close always;
            return 200 '{"data":"fixed"}';
        }
        location = /_file {
            internal;
            root .;
            error_page 404 =200 /answer.json;
        }
        location = /answer.json { root .; }
        location = /_none { internal; return 204; }

        location = /plain {
            websocket pubsub;
            websocket_channel plain;
        }
        location ~ ^/c/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_hook connect /_app?a=b timeout=300ms;
        }
        location ~ ^/open/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_hook connect /_down fail=open;
        }
        location ~ ^/shut/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_refuse close;
            websocket_hook connect /_down;
        }
        location ~ ^/m/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_hook connect /_app;
            websocket_hook message /_app timeout=300ms max=4;
        }
        location ~ ^/few/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_hook message /_app timeout=2s max=1 queue=1;
        }
        location ~ ^/rpc/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_hook message /_app mode=answer match=jsonrpc:2.0;
        }
        location ~ ^/typed/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_inbound_type order;
            websocket_stamp at:time;
            websocket_filter on;
            websocket_hook message /_app;
        }
        location ~ ^/fixed/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_hook message /_limited;
        }
        location ~ ^/file/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_hook message /_file;
        }
        location ~ ^/none/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_hook message /_none;
        }
        location ~ ^/loop/(.*)$ {
            websocket pubsub;
            websocket_channel $1;
            websocket_hook connect /c/loop;
        }
        location = /centrifuge {
            websocket centrifuge;
            websocket_hook connect /_app timeout=300ms;
            websocket_hook subscribe /_app timeout=300ms;
            websocket_hook message /_app timeout=300ms;
            websocket_hook message /_app mode=answer timeout=300ms;
        }
        location ~ ^/pub/(.*)$ { websocket_publish; websocket_channel $1; }
        location = /status { websocket_status json; }
        location = /stub { stub_status; }
    }
'''


class Application:
    """What it does is what it is asked."""

    def __init__(self):
        self.asked = []
        self.headers = []
        self.connections = 0
        self.free = asyncio.Event()

    async def start(self, port):
        self.server = await asyncio.start_server(self.serve, '127.0.0.1', port)

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b'\r\n\r\n')).decode()
                lines = head.split('\r\n')
                headers = {k.lower(): v for k, _, v in
                           (line.partition(': ') for line in lines[1:] if line)}
                assert len([l for l in lines
                            if l.lower().startswith('content-length')]) == 1
                body = await reader.readexactly(int(headers['content-length']))
                question = json.loads(body)
                if len(self.asked) < 1000:
                    self.asked.append(question)
                    self.headers.append((lines[0], headers))
                if not await self.answer(question, headers, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def answer(self, question, headers, writer):
        do = headers.get('x-do') or question.get('data', '')
        status, body = 200, b''

        if do.startswith('"'):
            do = json.loads(do)

        if do.startswith('{"jsonrpc"'):
            call = json.loads(do)
            body = json.dumps({'data': {
                'jsonrpc': '2.0', 'id': call['id'],
                'result': sum(call['params'])}}).encode()
        elif do.startswith('answer '):
            body = do[7:].encode()
        elif do.startswith('status '):
            status, body = int(do[7:10]), do[11:].encode()
        elif do.startswith('late'):
            await asyncio.sleep(1)
        elif do == 'wait':
            await self.free.wait()
        elif do == 'garbage':
            body = b'<html>\xff'
        elif do == 'large':
            body = b'x' * 10000000
        elif do == 'echo':
            body = json.dumps({'data': question}).encode()
        elif do == 'binary':
            body = json.dumps({'data_base64':
                               base64.b64encode(b'\0\1').decode()}).encode()

        reply = (f'HTTP/1.1 {status} X\r\n'
                 f'Content-Length: {len(body)}\r\n\r\n').encode() + body

        if do == 'none':
            return False
        if do == 'cut':
            writer.write(reply.replace(b': 0', b': 100') + b'{"dat')
            await writer.drain()
            return False
        if status == 204:
            reply = b'HTTP/1.1 204 X\r\n\r\n'

        writer.write(reply)
        await writer.drain()
        return True


async def refused(port, path, headers=''):
    try:
        await Peer(port).websocket(path, headers)
    except Closed as e:
        return e.code
    return 101


async def close_code(peer):
    try:
        while True:
            await peer.receive()
    except Closed as e:
        return e.code


async def says(peer, text):
    peer.send(FIN | TEXT, text)
    return await peer.receive()


def error(text):
    return json.loads(text).get('error', {}).get('code')


async def history(port, channel):
    _, answer = await ask(port, 'GET', f'/pub/{channel}?limit=100')
    return [m['data'] for m in answer.get('messages', [])]


async def stats(port, name):
    """A counter, by event if it has one, of all locations."""
    _, answer = await ask(port, 'GET', '/status')
    found = {}
    for place in answer['locations']:
        value = place.get(name, 0)
        for key, n in (value if isinstance(value, dict)
                       else {'': value}).items():
            found[key] = found.get(key, 0) + n
    return found


async def connect(tap, nginx, app):
    port = nginx.port

    peer = await Peer(port).websocket(
        '/c/room', 'User-Agent: me\r\nCookie: id=7\r\n'
        'X-Do: answer {}\r\n')
    line, headers = app.headers[-1]
    question = app.asked[-1]
    tap.ok(line == 'POST /_app?a=b HTTP/1.1'
           and headers['x-websocket-event'] == 'connect'
           and headers['content-type'] == 'application/json'
           and headers['cookie'] == 'id=7' and headers['x-agent'] == 'me'
           and headers['x-from'] == '127.0.0.1'
           and 'upgrade' not in headers and 'sec-websocket-key' not in headers,
           f'a handshake is asked of: {line} {headers}')
    session = question['session']
    tap.ok(question == {
        'event': 'connect', 'id': f'{session}-0', 'session': session,
        'location': '^/c/(.*)$', 'protocol': 'websocket',
        'address': '127.0.0.1', 'channels': ['room']},
        f'with {question}')
    tap.ok(await says(peer, b'hello') == b'hello', 'and comes in')
    peer.close()

    tap.ok([await refused(port, '/c/room', f'X-Do: {do}\r\n') for do in (
        'status 401', 'status 403 {"error":{"code":403,"message":"no"}}',
        'status 404', 'status 500', 'status 302', 'garbage', 'none', 'cut',
        'late', 'large', 'answer {"close":{"code":4003,"reason":"bye"}}',
        'answer {"error":{"code":451,"message":"why"}}', 'answer []',
        'answer {"user":7}', 'answer {"state":{"a":"%s"}}' % ('x' * 1024),
        'answer {"expires":1}', 'status 204')]
        == [401, 403, 404, 503, 503, 503, 503, 503, 503, 503, 403, 451, 503,
            503, 503, 101, 101], 'or is refused')

    tap.ok(await refused(port, '/open/x') == 101
           and await close_code(await Peer(port).websocket('/shut/x')) == 4503,
           'without the application, as fail= says')
    tap.ok(await refused(port, '/loop/x') == 403,
           'a stream is not asked')

    peer = await Peer(port).websocket(
        '/c/one', 'X-Do: answer {"channels":["two","one"],"send":["hi",{"a":1}'
        '],"user":"ann"}\r\n')
    got = [await peer.receive(), await peer.receive()]
    await ask(port, 'POST', '/pub/two', body=b'of two')
    tap.ok(got == [b'hi', b'{"a":1}'] and await peer.receive() == b'of two',
           f'the answer names channels, and sends {got}')
    peer.close()

    async def logged():
        with open(f'{nginx.prefix}/logs/hooks.log', encoding='ascii') as f:
            return any(line.startswith('/c/one 101 ann 0.') for line in f)
    tap.ok(await becomes(logged, True), 'the log knows the user, and the time')

    peer = await Peer(port).websocket(
        '/c/x', f'X-Do: answer {{"expires":{int(time.time()) + 1}}}\r\n')
    tap.ok(await close_code(peer) == 4401, 'and when the session expires')

    status, _ = await ask(port, 'POST', '/c/room', body=b'x')
    tap.ok(status == 405, 'a POST does not get around it')


async def messages(tap, nginx, app):
    port = nginx.port

    peer = await Peer(port).websocket(
        '/m/x', 'X-Do: answer {"state":{"cart":1},"user":"bob"}\r\n')
    other = await Peer(port).websocket('/m/x')

    question = json.loads(await says(peer, b'echo'))
    session = question['session']
    tap.ok(question == {
        'event': 'message', 'id': f'{session}-1', 'session': session,
        'user': 'bob', 'location': '^/m/(.*)$', 'state': {'cart': 1},
        'channel': 'x', 'type': 'text', 'data': 'echo'},
        f'a message is asked of: {question}')
    await other.receive()

    tap.ok(await says(peer, b'as it is') == b'as it is'
           and await other.receive() == b'as it is', 'published as it is')
    tap.ok(await says(peer, b'answer {"data":"other"}') == b'other'
           and await says(peer, b'answer {"data":{"a":[1.5]}}')
           == b'{"a":[1.5]}' and await says(peer, b'binary') == b'\0\1',
           'or as something else')
    for _ in range(3):
        await other.receive()
    tap.ok(await says(peer, b'answer {"publish":false,"send":["you"],'
                      b'"state":{"cart":2}}') == b'you',
           'or not, with an answer for one')
    tap.ok(json.loads(await says(peer, b'echo'))['state'] == {'cart': 2},
           'which changes its state')
    await other.receive()

    peer.send(FIN | BINARY, b'\0\xff')
    tap.ok(await peer.receive() == b'\0\xff'
           and app.asked[-1]['data_base64'] == 'AP8=', 'binary')
    await other.receive()

    tap.ok([error(await says(peer, do)) for do in (
        b'status 403', b'status 422 {"error":{"code":100,"message":"bad"}}',
        b'status 500', b'garbage', b'none', b'cut', b'late', b'large',
        b'answer {"data_base64":"%"}')]
        == ['refused'] * 2 + ['hook_failed'] * 7, 'or refused')

    peer.write(frame(FIN | TEXT, b'late 1') + frame(FIN | TEXT, b'second')
               + frame(FIN | TEXT, b'third'))
    other.send(FIN | TEXT, b'meanwhile')
    tap.ok([await peer.receive() for _ in range(4)][0] == b'meanwhile'
           and [await other.receive() for _ in range(3)]
           == [b'meanwhile', b'second', b'third'],
           'who waits for it, waits alone, and in order')
    peer.send(FIN | TEXT, b'answer {"close":{"code":4009,"reason":"go"}}')
    tap.ok(await close_code(peer) == 4009, 'or closed')
    other.close()


async def modes(tap, nginx, app):
    port = nginx.port

    peer = await Peer(port).websocket('/rpc/r')
    tap.ok(await says(peer, b'{"jsonrpc":"2.0","id":1,"method":"sum",'
                      b'"params":[1,2,3]}')
           == b'{"jsonrpc":"2.0","id":1,"result":6}'
           and await says(peer, b'none of it') == b'none of it'
           and await history(port, 'r') == ['none of it'],
           'JSON-RPC is answered, the rest is published')
    peer.close()

    peer = await Peer(port).websocket('/typed/t')
    before = len(app.asked)
    bad = error(await says(peer, b'{"n":1}'))
    unasked = len(app.asked) == before
    good = json.loads(await says(peer, b'{"kind":"a","n":2}'))
    tap.ok(bad == 'invalid_message' and unasked and good['kind'] == 'a'
           and 'at' in good and app.asked[-1]['data'] == '{"kind":"a","n":2}'
           and await says(peer, b'{"filter":null}') == b'{"filter":"ok"}'
           and len(app.asked) == before + 1,
           'a message is validated before, and stamped behind')
    peer.close()

    for path, text in (('/fixed/f', b'fixed'), ('/file/f', b'of a file'),
                       ('/none/f', b'asked')):
        peer = await Peer(port).websocket(path)
        tap.ok(await says(peer, b'asked') == text, f'{path}')
        peer.close()

    peer = await Peer(port).websocket('/m/acks?ack=1',
                                      'X-Do: answer {}\r\n')
    one = json.loads(await says(peer, b'{"id":"1"}'))
    got = [one, json.loads(await peer.receive())]
    peer.send(FIN | TEXT, b'status 403')
    two = json.loads(await peer.receive())
    tap.ok(any(m.get('ack') == '1' for m in got)
           and two['error']['code'] == 'refused', f'acks: {got} {two}')
    peer.close()


async def command(peer, **members):
    """One of Centrifugo's commands, and its reply."""
    peer.send(FIN | TEXT, json.dumps({'id': 7, **members}).encode())
    while True:
        reply = json.loads(await peer.receive())
        if 'id' in reply:
            return reply


async def client(port, do='answer {}'):
    peer = await Peer(port).websocket('/centrifuge')
    return peer, await command(peer, connect={'data': do, 'name': 'js'})


async def centrifuge(tap, nginx, app):
    port = nginx.port

    peer, reply = await client(port, 'answer {"user":"ann","data":{"x":[1]},'
                               '"state":{"s":1}}')
    question = app.asked[-1]
    session = question['session']
    tap.ok(reply['connect']['data'] == {'x': [1]} and question == {
        'event': 'connect', 'id': f'{session}-1', 'session': session,
        'location': '/centrifuge', 'protocol': 'centrifuge',
        'address': '127.0.0.1', 'name': 'js', 'type': 'text',
        'data': question['data']}, f'connect: {reply} {question}')

    subscribed = await command(peer, subscribe={'channel': '$mine',
                                                'data': 'answer {}'})
    question = app.asked[-1]
    tap.ok('subscribe' in subscribed and question['event'] == 'subscribe'
           and question['user'] == 'ann' and question['state'] == {'s': 1}
           and question['channel'] == '$mine', f'subscribe: {question}')
    tap.ok([(await command(peer, subscribe={'channel': 'b', 'data': do}))
            ['error']['code'] for do in (
                'status 403', 'status 500', 'late', 'garbage',
                'answer {"error":{"code":444,"message":"no"}}')]
           == [103, 100, 100, 100, 444], 'or not')

    got = [await command(peer, publish={'channel': 'b', 'data': do}) for do in (
        'as it is', 'answer {"data":{"o":1}}', 'answer {"data":"text"}',
        'answer {"publish":false}', 'status 422 {"error":{"code":1001,'
        '"message":"bad"}}', 'binary')]
    tap.ok([m.get('publish') for m in got] == [{}] * 4 + [None] * 2
           and got[4]['error'] == {'code': 1001, 'message': 'bad'}
           and await history(port, 'b') == ['"as it is"', '{"o":1}', '"text"'],
           f'publish: {got} {await history(port, "b")}')

    got = [await command(peer, rpc={'method': 'm', 'data': do}) for do in (
        'echo', 'answer {}', 'status 404', 'none')]
    tap.ok(got[0].get('rpc', {}).get('data', {}).get('method') == 'm' and got[1].get('rpc') == {}
           and [m['error']['code'] for m in got[2:]] == [103, 100],
           f'rpc: {got}')

    peer.write(frame(FIN | TEXT, b'{"id":1,"rpc":{"data":"late"}}\n'
                     b'{"id":2,"rpc":{"data":"answer {}"}}'))
    tap.ok([json.loads(await peer.receive())['id'] for _ in range(2)]
           == [1, 2], 'one after the other')
    peer.send(FIN | TEXT, b'{"id":1,"rpc":{"data":"answer {\\"close\\":'
              b'{\\"code\\":4400,\\"reason\\":\\"x\\"}}"}}')
    tap.ok(await close_code(peer) == 4400, 'a close')

    for do, code in (('status 401', 103), ('late', 100)):
        peer, reply = await client(port, do)
        tap.ok(reply['error']['code'] == code, f'connect: {do}')
        peer.close()

    peer, reply = await client(port, 'answer {"channels":["news"]}')
    tap.ok(list(reply['connect'].get('subs', {})) == ['news'],
           f'channels: {reply}')
    peer.close()

    peer, _ = await client(port)
    peer.send(FIN | TEXT, b'{"id":1,"rpc":{"data":"late"}}')
    peer.reset()
    peer, _ = await client(port)
    tap.ok('rpc' in await command(peer, rpc={'data': 'answer {}'}),
           'a client that goes')
    peer.close()


async def bounds(tap, nginx, app):
    port = nginx.port

    peers = [await Peer(port).websocket('/few/f') for _ in range(3)]
    peers[0].send(FIN | TEXT, b'wait')
    await becomes(lambda: stats(port, 'hook_active_calls'), {'': 1})
    peers[1].send(FIN | TEXT, b'queued')
    active = await becomes(lambda: stats(port, 'hook_queued_calls'), {'': 1})
    tap.ok(active == {'': 1}
           and error(await says(peers[2], b'one too many')) == 'hook_failed',
           'max=1 queue=1')
    peers[2].close()
    app.free.set()
    tap.ok([await peers[1].receive() for _ in range(2)] == [b'wait', b'queued']
           and await becomes(lambda: stats(port, 'hook_active_calls'),
                             {'': 0}) == {'': 0}, 'then the others')
    tap.ok((await stats(port, 'hook_dropped_calls'))['message'] == 1,
           'of which metrics tell')
    app.free.clear()

    peers[0].send(FIN | TEXT, b'wait')
    peers[1].send(FIN | TEXT, b'behind it')
    await becomes(lambda: stats(port, 'hook_queued_calls'), {'': 1})
    for peer in peers[:2]:
        peer.reset()
    tap.ok(await becomes(lambda: stats(port, 'hook_queued_calls'), {'': 0})
           == {'': 0}, 'clients that go')
    app.free.set()
    await becomes(lambda: stats(port, 'hook_active_calls'), {'': 0})
    app.free.clear()


async def many(peer, n):
    """Questions one after the other, several of them under way."""
    for begin in range(0, n, 100):
        peer.write(b''.join(frame(FIN | TEXT, b'%d' % i)
                            for i in range(begin, begin + 100)))
        for i in range(begin, begin + 100):
            assert await peer.receive() == b'%d' % i


async def rounds(tap, nginx, app):
    [pid] = nginx.workers()
    before = await open_now(nginx.port)
    peers = [await Peer(nginx.port).websocket(f'/m/many{i}')
             for i in range(10)]
    await asyncio.gather(*(many(p, 100) for p in peers))
    memory, files = resident(pid), await settled(nginx)
    await asyncio.gather(*(many(p, CALLS // 10) for p in peers))
    more = resident(pid) - memory
    tap.ok(await settled(nginx, files) <= files and app.connections <= 16,
           f'{CALLS} questions: {app.connections} connections')
    tap.ok(more < 300000, f'and {more} bytes of memory')
    for peer in peers:
        peer.close()

    async def left():
        return await open_now(nginx.port) <= before
    tap.ok(await becomes(left, True), 'no connection of nginx is left')


async def open_now(port):
    """What stub_status counts."""
    http = Http(port)
    _, text = await http.request('GET', '/stub')
    http.close()
    return int(text.split()[2])


async def processes(tap, nginx, app):
    [pid] = nginx.workers()
    peer = await Peer(nginx.port).websocket('/few/r')
    peer.send(FIN | TEXT, b'wait')
    await becomes(lambda: stats(nginx.port, 'hook_active_calls'), {'': 1})
    nginx.process.send_signal(signal.SIGHUP)
    tap.ok(await close_code(peer) == 1012, 'a reload')
    nginx.wait(lambda: pid not in nginx.workers() and nginx.workers())

    [pid] = workers(nginx, 1)
    peer = await Peer(nginx.port).websocket('/few/k')
    peer.send(FIN | TEXT, b'wait')
    await becomes(lambda: stats(nginx.port, 'hook_active_calls'), {'': 1})
    os.kill(pid, signal.SIGKILL)
    nginx.wait(lambda: nginx.workers() not in ([], [pid]))
    tap.ok(await becomes(lambda: stats(nginx.port, 'hook_active_calls'),
                         {'': 0}) == {'': 0}, 'a killed worker')


async def run(tap):
    app = Application()
    port = free_port()
    await app.start(port)
    conf = CONF.replace('$APP', str(port)).replace('$DOWN', str(free_port()))
    nginx = Nginx('hooks', conf, workers=1,
                  files={'answer.json': '{"data":"of a file"}'})
    try:
        workers(nginx, 1)
        for test in (connect, messages, modes, centrifuge, bounds, rounds,
                     processes):
            await test(tap, nginx, app)
    finally:
        nginx.stop()
    but = ('exited on signal 9',)
    tap.ok(not nginx.alerts(but), f'no alerts: {nginx.alerts(but)[:3]}')


if __name__ == '__main__':
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
