"""
Who is there, on two nodes: one list; each comes and goes once, whatever dies;
and who was revoked on one node is refused on the other.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import tempfile

from cluster import CONF, Cluster
from nginx import Tap
from peer import Closed, Peer, ask, becomes, workers
from redis_server import need_redis

SECRET = b'a secret of more than 32 bytes for HS256'

PRESENCE = CONF.replace('location = /plain', '''
        location ~ ^/in/(.*)$ {
            websocket pubsub; websocket_channel $1;
            websocket_presence on from=$arg_name; websocket_events join leave;
        }
        location ~ ^/quiet/(.*)$ {
            websocket pubsub; websocket_channel $1;
            websocket_presence on from=$arg_name;
        }
        location ~ ^/short/(.*)$ {
            websocket pubsub; websocket_channel $1;
            websocket_events join leave history=off;
        }
        location ~ ^/who/(.*)$ {
            websocket_publish; websocket_channel $1; websocket_presence on;
        }
        location = /token {
            websocket subscribe; websocket_channel token;
            websocket_jwt key=%(key)s alg=HS256;
        }
        location = /revoke { websocket_revoke time=1h; }
        location = /plain''')


def token(user):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')

    text = b'.'.join(encode(json.dumps(part).encode()) for part in (
        {'alg': 'HS256'}, {'sub': user, 'iat': 1, 'exp': 4000000000}))
    mac = hmac.new(SECRET, text, hashlib.sha256).digest()
    return (text + b'.' + encode(mac)).decode()


async def who(port, channel):
    """The names of those who are there, or the status."""
    status, answer = await ask(port, 'GET', f'/who/{channel}?presence=1')
    if status != 200:
        return status
    names = [m['from'] for m in answer['presence']]
    return names if len(names) == answer['members'] else answer


async def said(reader, n):
    """The next n events."""
    found = [json.loads(await reader.receive()) for _ in range(n)]
    return [(e['type'], e['from']) for e in found]


async def lists(tap, cluster):
    a, b = cluster.ports
    watch = await Peer(a).websocket('/ws/room')
    tap.ok(await who(b, 'nobody') == 404, 'a channel where nobody is')
    ann = await Peer(a).websocket('/in/room?name=ann')
    tap.ok(await said(watch, 1) == [('join', 'ann')], 'one joins')
    bob = await Peer(b).websocket('/in/room?name=bob')
    tap.ok(await said(watch, 1) == [('join', 'bob')],
           'one joins on the other node')
    tap.ok([await who(p, 'room') for p in (a, b)] == [['ann', 'bob']] * 2,
           'both nodes list both')
    _, answer = await ask(b, 'GET', '/who/room?presence=1&limit=1')
    tap.ok(answer['members'] == 2 and len(answer['presence']) == 1, 'a limit')

    quiet = await Peer(b).websocket('/quiet/room?name=eve')
    tap.ok(await becomes(lambda: who(a, 'room'), ['ann', 'bob', 'eve'])
           == ['ann', 'bob', 'eve'], 'one comes without a word')
    quiet.close()
    bob.close()
    tap.ok(await said(watch, 1) == [('leave', 'bob')], 'one leaves')
    tap.ok(await becomes(lambda: who(a, 'room'), ['ann']) == ['ann'],
           'who left is not listed')

    _, history = await ask(b, 'GET', '/pub/room?limit=100')
    events = [json.loads(m['data']) for m in history['messages']]
    events = [(e['type'], e['from']) for e in events]
    tap.ok(events == [('join', 'ann'), ('join', 'bob'), ('leave', 'bob')],
           f'a history in which each is once: {events}')
    ann.close()
    await said(watch, 1)
    tap.ok(await becomes(lambda: who(b, 'room'), []) == [], 'the last one')
    keys = cluster.client().keys('ws:p:*') + cluster.client().keys('ws:n:*:p')
    tap.ok(keys == [], f'nothing is left of them: {keys}')
    watch.close()


async def unrecorded(tap, cluster):
    a, b = cluster.ports
    watch = await Peer(a).websocket('/ws/short')
    ann = await Peer(b).websocket('/short/short')
    tap.ok((await said(watch, 1))[0][0] == 'join', 'an event that is not kept')
    ann.close()
    tap.ok((await said(watch, 1))[0][0] == 'leave', 'and another')
    tap.ok(cluster.client().xlen('ws:s:short') == 0, 'is in no history')
    watch.close()


async def killed(tap, cluster):
    a, b = cluster.ports
    watch = await Peer(b).websocket('/ws/killed')
    peers = [await Peer(a).websocket(f'/in/killed?name={i}') for i in range(9)]
    await said(watch, 9)
    old = workers(cluster.nodes[0], 2)
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    names = sorted(await said(watch, 9))
    tap.ok(names == [('leave', str(i)) for i in range(9)],
           'the workers of a node die: their clients leave, each once')
    tap.ok(await becomes(lambda: who(b, 'killed'), []) == [], 'all of them')
    cluster.nodes[0].wait(
        lambda: not set(old) & set(cluster.nodes[0].workers()))
    workers(cluster.nodes[0], 2)
    await ask(a, 'POST', '/pub/killed', '', b'{"type":"end","from":0}')
    tap.ok(await said(watch, 1) == [('end', 0)], 'and nothing besides')
    watch.close()
    for peer in peers:
        peer.close()


def silent(cluster, but):
    """Nodes but these have not been heard of for long."""
    client = cluster.client()
    for node, score in client.zrange('ws:nodes', 0, -1, withscores=True):
        if node not in but:
            client.zadd('ws:nodes', {node: score - 11_000})


async def buried(tap, cluster):
    """A node hangs, and is taken for dead; then it dies without a word."""
    a, b = cluster.ports
    node = cluster.nodes[0]
    pids = [node.process.pid, *node.workers()]
    watch = await Peer(b).websocket('/ws/buried')
    peers = [await Peer(a).websocket(f'/in/buried?name={i}') for i in range(70)]
    quiet = await Peer(a).websocket('/quiet/alone?name=eve')
    await said(watch, 70)

    def beats():
        return dict(cluster.client().zrange('ws:nodes', 0, -1,
                                            withscores=True))

    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    first = beats()

    async def others():
        return [n for n, score in beats().items() if score != first.get(n)]
    await becomes(lambda: alive(others), 1)
    own = await others()
    silent(cluster, own)
    names = sorted(await said(watch, 70))
    wanted = sorted(('leave', str(i)) for i in range(70))
    tap.ok(names == wanted, f'a node hangs: its clients leave, {names[:3]}')
    tap.ok(await becomes(lambda: who(b, 'buried'), []) == []
           and await becomes(lambda: alive(others), 1) == 1
           and list(beats()) == own, f'it is not known any more: {beats()}')

    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    names = [str(i) for i in range(70)]

    async def back():
        found = await who(b, 'buried')
        return found if isinstance(found, int) else sorted(found, key=int)
    tap.ok(await becomes(back, names) == names
           and await becomes(lambda: who(b, 'alone'), ['eve']) == ['eve'],
           'it wakes up, and says whom it has')

    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    node.process.wait()
    await becomes(lambda: who(b, 'nobody'), 404)
    silent(cluster, own)
    tap.ok(sorted(await said(watch, 70)) == wanted, 'it dies: they leave')
    await ask(b, 'POST', '/pub/buried', '', b'{"type":"end","from":0}')
    tap.ok(await said(watch, 1) == [('end', 0)], 'and nothing besides')

    async def left():
        return [k for k in cluster.client().keys('ws:n:*:p')
                + cluster.client().keys('ws:p:*')
                + cluster.client().keys('ws:bury:*')]
    tap.ok(await becomes(left, []) == [] and list(beats()) == own,
           f'it has left nothing: {await left()}')
    for peer in [watch, quiet, *peers]:
        peer.close()


async def alive(others):
    return len(await others())


async def away(tap, cluster):
    """The server is away for a moment: who goes meanwhile is told of then."""
    a, b = cluster.ports
    watch = await Peer(b).websocket('/ws/away')
    ann = await Peer(a).websocket('/in/away?name=ann')
    await said(watch, 1)
    os.kill(cluster.redis.process.pid, signal.SIGSTOP)
    ann.close()
    await asyncio.sleep(0.2)
    os.kill(cluster.redis.process.pid, signal.SIGCONT)
    tap.ok(await said(watch, 1) == [('leave', 'ann')]
           and await becomes(lambda: who(b, 'away'), []) == [],
           'the server was away while one left')
    watch.close()


async def revoked(tap, cluster):
    a, b = cluster.ports
    path = f'/token?token={token("ann")}'
    peer = await Peer(b).websocket(path)
    other = await Peer(b).websocket(f'/token?token={token("bob")}')
    status, _ = await ask(a, 'POST', '/revoke', '', b'{"user":"ann"}')
    try:
        await peer.receive()
        code = None
    except Closed as e:
        code = e.code
    tap.ok((status, code) == (200, 4401),
           'who is revoked on one node is sent away by the other')

    async def refused():
        again = Peer(b)
        try:
            await again.websocket(path)
            return None
        except Closed as e:
            return e.code
        finally:
            again.close()

    tap.ok(await refused() == 401, 'and does not come back')
    await ask(a, 'POST', '/pub/token', '', b'x')
    tap.ok(await other.receive() == b'x', 'others stay')
    for port in a, b:
        await ask(port, 'POST', '/revoke', '', b'{"jti":"%d"}' % port)
    tap.ok(cluster.client().hlen('ws:rev') == 3, 'the server has all')
    other.close()


async def run(tap):
    with tempfile.NamedTemporaryFile() as key:
        key.write(SECRET)
        key.flush()
        os.chmod(key.name, 0o644)
        conf = PRESENCE.replace('%(key)s', key.name)
        with Cluster(2, conf=conf) as cluster:
            await lists(tap, cluster)
            await unrecorded(tap, cluster)
            await killed(tap, cluster)
            await away(tap, cluster)
            await revoked(tap, cluster)
            await buried(tap, cluster)
            but = ('exited on signal 9',)
            tap.ok(not cluster.alerts(but), f'no alerts {cluster.alerts(but)[:2]}')


if __name__ == '__main__':
    need_redis()
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
