"""
The scripts of src/broker/scripts.h against a model, in a real server: random
publishes, deletions, members, limits and revocations; streams that expire and
are trimmed; and failovers, where an older state comes back and three nodes put
back what it lacks.  WEBSOCKET_LONG=1 makes 100,000 steps; SEED repeats a run.
"""

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict

from nginx import BUILD, Tap
from redis_server import Redis, need_redis, redis

STEPS = 100_000 if os.environ.get('WEBSOCKET_LONG') else 2_500
SEED = int(os.environ.get('SEED', random.randrange(1 << 32)))

LENGTH = 40             # of a stream
LAST = (1 << 64) - 1    # the offset of an end
CHANNELS = [f'c/{n}' for n in range(5)]
NODES = ['aa', 'bb', 'cc']
SILENT, TTL, KEEP, DAY = 10_000, 3_600_000, 600_000, 86_400_000


class Wrong(Exception):
    pass


def check(ok, *what):
    if not ok:
        raise Wrong(' '.join(map(str, what)))


def scripts():
    """As C has them: texts by their names."""
    text = subprocess.run([f'{BUILD}/unit/scripts_test', 'print'], check=True,
                          stdout=subprocess.PIPE).stdout
    found = {}
    while text:
        head, _, text = text.partition(b'\n')
        name, size = head.split()
        found[name.decode()], text = text[:int(size)], text[int(size):]
    return found


def parse(id):
    return tuple(map(int, re.fullmatch(rb'(\d+)-(\d+)', id).groups()))


class Message:
    """What a publisher wants published, once."""

    def __init__(self, channel, n, key=None):
        self.channel = channel
        self.key = key
        self.envelope = b'%016d envelope' % n
        self.payload = b'%d ' % n + b'x' * random.randrange(30)
        self.content = b'%d %s%s' % (len(self.envelope), self.envelope,
                                     self.payload)


class Server:
    """The server, called by its scripts."""

    def __init__(self, port):
        self.redis = redis.Redis('127.0.0.1', port)
        self.sha = {name: self.redis.script_load(text)
                    for name, text in scripts().items()}
        self.tap = self.redis.pubsub()
        self.tap.psubscribe('ws:*')
        self.tap.get_message(timeout=1)

    def run(self, name, keys, *args):
        return self.redis.evalsha(self.sha[name], len(keys),
                                  *[f'ws:{key}' for key in keys], *args)

    def heard(self):
        """What was published since the last call; all of it, as a marker that
        is published comes after it."""
        self.redis.publish('ws:marker', 'm')
        found = []
        while True:
            message = self.tap.get_message(timeout=5)
            check(message, 'the marker was not heard')
            if message['channel'] == b'ws:marker':
                return found
            found.append((message['channel'][3:].decode(), message['data']))

    def stream(self, channel):
        found = []
        for id, fields in self.redis.xrange(f'ws:s:{channel}'):
            content = b'x' + fields[b'x'] if b'x' in fields else (
                b'%d %s%s' % (len(fields[b'm']), fields[b'm'], fields[b'd']))
            found.append((parse(id), content))
        return found

    def snapshot(self):
        return {key: (self.redis.dump(key), max(self.redis.pttl(key), 0))
                for key in self.redis.keys('*')}

    def restore(self, snapshot):
        self.redis.flushdb()
        for key, (value, ttl) in snapshot.items():
            self.redis.restore(key, ttl, value)


class Channel:
    """What the model knows of a channel's stream."""

    def __init__(self):
        self.forget()

    def forget(self):
        self.top = (0, 0)
        self.entries = []       # (epoch, offset), content

    @property
    def ended(self):
        return self.top[1] == LAST

    def put(self, position, content, length=LENGTH):
        self.top = position
        length += self.ended
        self.entries = [*self.entries, (position, content)][-length:] \
            if position[1] else []


class Model:
    def __init__(self, server):
        self.server = server
        self.n = 0
        self.steps = Counter()
        self.channels = {name: Channel() for name in CHANNELS}
        self.ever = {}          # (channel, position): content, for all time
        self.owner = {}         # epoch: its channel
        self.newest = 0         # epoch
        self.floor = 0
        self.gen = b''
        self.keys = {}          # (channel, key): position
        self.keyed = {}         # (channel, position): key
        self.open = []          # publishes that were not acknowledged
        self.ends = {}          # (channel, epoch): who ended it
        self.logs = {node: defaultdict(dict) for node in NODES}
        self.members = defaultdict(dict)    # channel: NODE:SESSION: value
        self.limits = Counter()             # (key, node)
        self.revoked = {}
        self.nrevoked = 0
        self.snapshot = None
        self.generation()

    # the ordinary way

    def generation(self):
        g = '%016x' % random.getrandbits(64)
        check(self.server.run('generation', ['gen', 'nodes'], g, 0, 'aa') == b'',
              'a generation begins by itself')
        self.gen = self.server.run('generation', ['gen', 'nodes'], g, 1, 'aa')
        again = self.server.run('generation', ['gen', 'nodes'], 'f' * 16, 1,
                                'bb')
        check(self.gen == again and self.gen.startswith(g.encode()),
              'the first generation')
        check(self.server.redis.zrange('ws:nodes', 0, -1) == [b'aa'],
              'a node is waited for from then on')
        self.beat('aa', 1)
        self.beat('aa', 0)
        self.floor = int(self.gen[17:])
        for node in NODES:
            self.beat(node)

    def expect(self, name, hint, id):
        """Checks the position that a message was given, and returns it."""
        channel = self.channels[name]
        epoch, offset = channel.top
        position = parse(id)
        if epoch and epoch >= self.floor and epoch >= hint:
            check(position == (epoch, offset + 1), name, 'hint', hint, 'top',
                  channel.top, 'gave', position)
        else:
            self.begun(name, position[0], hint)
            check(position[1] == 1, 'an epoch begins with', position)
        return position

    def begun(self, name, epoch, hint=0):
        check(epoch > max(self.newest, hint) and epoch >= self.floor,
              'an epoch that is not the newest', epoch, self.newest, hint)
        check(epoch not in self.owner, 'an epoch was given twice')
        self.owner[epoch] = name
        self.newest = epoch

    def placed(self, name, position, content, nodes, length=LENGTH):
        old = self.ever.get((name, position), content)
        check(old == content, 'a position has two messages:', name, position,
              old, content)
        if nodes:
            self.ever[name, position] = content
        self.channels[name].put(position, content, length)
        for node in nodes:
            self.logs[node][name][position] = content

    def hint(self, name):
        epoch = self.channels[name].top[0]
        hint = random.choice([epoch] * 6 + [0, epoch - 1, self.newest,
                                            epoch + 50])
        return hint if hint >= self.floor else 0

    def message(self):
        self.n += 1
        key = random.choice([None, None, None, random.randrange(200)])
        return Message(random.choice(CHANNELS), self.n, key)

    def args(self, message, flags, after):
        hint = self.hint(message.channel)
        keys = [f's:{message.channel}']
        args = [flags, hint, 9 if 'k' in flags else LENGTH,
                99 if 'k' in flags else TTL, message.envelope, message.payload]
        if 'i' in flags:
            keys.append(f'i:{message.channel}:{message.key}')
            args.append(KEEP)
        if 'r' in flags:
            args.append(after)
        return hint, keys, args

    def publish(self):
        batch = []
        for _ in range(random.choice([1, 1, 1, 2, 4])):
            message, after = self.message(), b'-'
            flags = 'i' * (message.key is not None)
            if self.channels[message.channel].entries:
                flags += random.choice(['', '', 'k', 't', 'kt'])
            if self.open and random.random() < 0.5:
                message, flags, after = self.open.pop()
            elif random.random() < 0.1:
                flags += 'e'
            if random.random() < 0.01:
                flags += 'z'
            batch.append((message, flags, *self.args(message, flags, after)))
        reply = self.server.run(
            'publish', ['gen', 'e'] + [k for b in batch for k in b[3]],
            self.gen, *[a for b in batch for a in b[4]])
        heard = self.server.heard()
        check(len(reply) == 2 * len(batch), 'the reply', reply)
        for n, (message, flags, hint, _, args) in enumerate(batch):
            self.published(message, flags, hint, reply[2 * n:2 * n + 2], heard,
                           args[-1])
        check(not heard, 'heard besides', heard)

    def published(self, message, flags, hint, reply, heard, after=b'-'):
        name = message.channel
        id, nodes = reply
        if 'e' in flags and 'z' in flags:
            self.bare(message, flags, hint, reply, heard, after)
            return
        ended = self.channels[name].ended
        if 'e' in flags and ended:
            check(reply == [b'.', 0], 'an ephemeral after the end', reply)
            return
        if 'e' in flags:
            check(id == b'~' and nodes == 1, 'an ephemeral', reply)
            check(heard.pop(0) == (f'c:{name}', b'~0-0 ' + message.content),
                  'an ephemeral is heard otherwise')
            return
        known = self.known(message, flags, after)
        if known:
            check(id == self.sign(message, known) + b'%d-%d' % known
                  and nodes == 0, name, flags, 'is known as', known, 'but',
                  reply)
            return
        if ended and self.channels[name].top[0] >= hint:
            check(reply == [b'.', 0], 'after the end', reply)
            return
        position = self.expect(name, hint, id)
        check(nodes == 1, 'nodes heard of it', nodes)
        check(heard.pop(0) == (f'c:{name}', b'+%s ' % id + message.content),
              'a message is heard otherwise')
        if message.key is not None:
            self.keys[name, message.key] = position
            self.keyed[name, position] = message.key
        self.acknowledged(message, flags, position)
        if 'z' in flags:
            self.end(name, position, heard, LENGTH if 'k' not in flags else
                     max(9, len(self.channels[name].entries)))

    def bare(self, message, flags, hint, reply, heard, after):
        """An end without a message."""
        name = message.channel
        channel = self.channels[name]
        epoch, offset = channel.top
        if channel.ended and epoch >= hint:
            own = self.ends.get((name, epoch)) == message.envelope[:16]
            last = int(channel.entries[-1][1][2:]) if channel.entries else 0
            check(reply == ([b'=%d-%d' % (epoch, last), 0]
                            if 'r' in flags and own else [b'.', 0]),
                  'an end of one that has ended', reply)
            return
        position = parse(reply[0])
        if epoch and epoch >= self.floor and epoch >= hint:
            check(position == (epoch, offset), 'an end', position, offset)
        else:
            self.begun(name, position[0], hint)
            check(position[1] == 0, 'an end of nothing', position)
        check(reply[1] == 1, 'nodes heard of the end', reply)
        self.ends[name, position[0]] = message.envelope[:16]
        if random.random() < 0.3:
            self.open.append((message, flags.replace('r', '') + 'r', b'-'))
        self.end(name, position, heard,
                 max(len(channel.entries), 9 if 'k' in flags else LENGTH))

    def end(self, name, position, heard, length):
        epoch, offset = position
        check(heard.pop(0) == (f'c:{name}', b'e%d-%d' % position),
              'an end is heard otherwise')
        self.placed(name, (epoch, LAST), b'xe%d' % offset,
                    random.sample(NODES, random.randrange(1, 4)), length)

    def acknowledged(self, message, flags, position):
        """Who publishes has the message, others perhaps; and perhaps the reply
        is lost, and it will be asked again."""
        nodes = [node for node in NODES if random.random() < 0.7]
        if random.random() < 0.1:
            before = b'%d-%d' % (position[0], position[1] - 1)
            self.open.append((message, flags.replace('r', '') + 'r',
                              random.choice([before, b'-'])))
        elif not nodes:
            nodes = [random.choice(NODES)]
        length = LENGTH
        if 'k' in flags:
            length = max(9, len(self.channels[message.channel].entries))
        self.placed(message.channel, position, message.content, nodes, length)

    def sign(self, message, position):
        """Whether what is there, if it still is, has the same body."""
        was = dict(self.channels[message.channel].entries).get(position)
        envelope = was.split(b' ', 1)[1] if was else message.envelope
        return b'=' if envelope[12:16] == message.envelope[12:16] else b'!'

    def known(self, message, flags, after):
        """Where the message is already, or None: perhaps it was trimmed, and
        published once more, and both were brought back."""
        channel = self.channels[message.channel]
        if 'i' in flags:
            was = self.keys.get((message.channel, message.key))
            if was and (was[0] == channel.top[0]
                        or was in dict(channel.entries)):
                return was
        if 'r' in flags:
            least = parse(after) if after != b'-' else (0, 0)
            for position, content in channel.entries:
                if content == message.content and position > least:
                    return position
        return None

    def delete(self):
        name = random.choice(CHANNELS)
        channel = self.channels[name]
        id, nodes = self.server.run('delete', ['gen', 'e', f's:{name}'],
                                    self.gen, self.hint(name), TTL)
        heard = self.server.heard()
        gone = not channel.top[1] or (
            channel.entries and channel.entries[-1][1] == b'xd')
        check(heard == [(f'c:{name}', b'x' + (id or b'0-0'))] and nodes == 1,
              'a deletion', id, 'is heard as', heard)
        check((id == b'') == bool(gone), name, 'deleted:', id, channel.top)
        if id:
            position = parse(id)
            self.begun(name, position[0])
            check(position[1] == 1, 'a deletion at', position)
            channel.entries = []
            self.placed(name, position, b'xd', random.sample(NODES, 2))

    def read(self):
        """From some place on; a channel that is not there begins."""
        name = random.choice(CHANNELS)
        channel = self.channels[name]
        after = random.choice([(0, 1), channel.top, *[
            p for p, _ in channel.entries[-9:]]])
        count = random.choice([1, 3, 100])
        size = random.choice([0, 50, 1 << 20])
        newest, found = self.server.run(
            'read', ['gen', 'e', f's:{name}'], self.gen, '%d-%d' % after,
            count, TTL, size)
        want = [p for p, _ in channel.entries if p >= after][:count]
        got, total = [], 0
        for id, fields in found:
            check(total <= size, 'more than', size, 'are read')
            got.append(parse(id))
            if len(got) > 1:
                total += len(fields[3]) if len(fields) > 2 else 0
        check(got == want or newest == b'+' and got == want[:len(got)]
              and total > size, 'read', found, want)
        if want:
            check(newest == (b'' if got == want else b'+'),
                  'there are some, and the newest is', newest)
        elif channel.top[0]:
            check(parse(newest) == channel.top, 'newest', newest, channel.top)
        else:
            position = parse(newest)
            self.begun(name, position[0])
            check(position[1] == 0, 'begins with', position)
            self.placed(name, position, b'xt',
                        random.sample(NODES, random.randrange(1, 4)))
        tops = self.server.run('tops', [f's:{n}' for n in CHANNELS])
        check([parse(t) for t in tops]
              == [self.channels[n].top for n in CHANNELS], 'tops', tops)

    def expire(self):
        """In the replica, too, which knows an earlier time at most."""
        name = random.choice(CHANNELS)
        self.server.redis.delete(f'ws:s:{name}')
        if self.snapshot:
            self.snapshot[0].pop(f'ws:s:{name}'.encode(), None)
        self.channels[name].forget()
        for node in NODES:
            self.logs[node][name] = {}

    def trim(self):
        name = random.choice(CHANNELS)
        channel = self.channels[name]
        n = random.randrange(6)
        self.server.redis.xtrim(f'ws:s:{name}', maxlen=n, approximate=False)
        channel.entries = channel.entries[-n:] if n else []

    def fenced(self):
        """Whoever has another generation does nothing."""
        before = {key: self.server.redis.dump(key)
                  for key in self.server.redis.keys('*')}
        keys = ['gen', 'e', 's:c/0', 'p:c/0', 'n:aa:p', 'nodes']
        message = ['', 0, LENGTH, TTL, 'm' * 16, 'd']
        for name, of, args in (
                ('publish', keys[:3], message),
                ('member', ['gen', 'e', *keys[3:], 's:c/0'],
                 ['j', 'aa', 'fenced', 'c/0', 'v', *message]),
                ('mine', ['gen', 'p:c/0', 'n:aa:p', 'm:aa'],
                 ['aa', 'c/0', 'e', 'f', 'v']),
                ('read', keys[:3], ['-', 1, TTL, 1]),
                ('delete', keys[:3], [0, TTL]),
                ('ingest', ['gen', 'e', 'ing', 's:c/0'],
                 ['aa', 'm', 1, *message])):
            try:
                reply = self.server.run(name, of, b'0' * 16 + b':0', *args)
                check(False, name, 'is not fenced:', reply)
            except redis.exceptions.ResponseError as error:
                check(str(error) == f'FENCED {self.gen.decode()}', error)
        check(before == {key: self.server.redis.dump(key)
                         for key in self.server.redis.keys('*')},
              'a fenced script has changed something')

    # members

    def member(self):
        self.change(random.choice(CHANNELS), random.choice('jjlb'),
                    f'{random.choice(NODES)}:{random.randrange(4)}')
        for node in NODES:
            self.counted(node)

    def change(self, name, op, field, telling=False):
        node = field[:2]
        members = self.members[name]
        value = f'v{random.randrange(3)}'
        message = self.message()
        message.channel = name
        hint, keys, args = self.args(message, '', b'-')
        if random.random() < 0.3:
            keys, args = [], []
        reply = self.server.run(
            'member', ['gen', 'e', f'p:{name}', f'n:{node}:p', 'nodes', *keys],
            self.gen, op, node, field[3:], name, value, *args)
        heard = self.server.heard()
        changed = op == 'j' and field not in members or (
            op == 'l' and field in members)
        if op == 'j':
            members[field] = value
        elif op == 'l':
            members.pop(field, None)
        check(reply[0] == changed and (telling or reply[1] == len(members)),
              op, field, reply)
        if changed and keys:
            message.key = None
            self.published(message, '', hint, reply[2:], heard)
        check(not heard and len(reply) == 2 + 2 * bool(changed and keys),
              'heard of a member', reply, heard)

    def counted(self, node):
        """A node's channels are those where it has members."""
        of = {name.encode(): b'%d' % n for name in CHANNELS
              if (n := sum(f.startswith(node) for f in self.members[name]))}
        check(self.server.redis.hgetall(f'ws:n:{node}:p') == of,
              'the channels of', node)

    def mine(self, node, ready=True):
        """A node tells whom it has; while some come and go."""

        def tell(what, name='', *args):
            return self.server.run(
                'mine', ['gen', f'p:{name}', f'n:{node}:p', f'm:{node}'],
                self.gen, node, name, what, *args)

        check(tell('o') == 1, 'it begins to tell')
        own = {name: [(f[3:], v) for f, v in self.members[name].items()
                      if f.startswith(node)] for name in CHANNELS}
        for name, pairs in own.items():
            if ready and random.random() < 0.2:
                self.change(name, *random.choice([
                    ('j', f'{node}:{self.n}'),
                    *[('l', f'{node}:{session}') for session, _ in pairs]]),
                    telling=True)
            while len(pairs) > 1 and random.random() < 0.5:
                check(tell('p', name, *pairs.pop()) == 1, 'tells of one')
            if pairs or random.random() < 0.5:
                check(tell('e', name, *[x for p in pairs for x in p]) == 1,
                      'tells of a channel')
        while left := tell('c'):
            for name in left:
                check(tell('e', name.decode()) == 1, 'has none there')
        check(tell('p', CHANNELS[0]) == -1, 'it has told all')
        self.counted(node)

    def list(self):
        name = random.choice(CHANNELS)
        limit = random.choice([0, 1, 3, 100])
        total, *found = self.server.run('members', [f'p:{name}', 'nodes'],
                                        limit, SILENT)
        found = {f.decode(): v.decode()
                 for f, v in zip(found[::2], found[1::2])}
        members = self.members[name]
        check(total == len(members) and len(found) == min(limit, len(members))
              and found.items() <= members.items(), 'members', found, members)

    def beat(self, node, new=None):
        time, gen, n, unknown, silent, live = self.server.run(
            'beat', ['gen', 'nodes', 'rev:n'], node, SILENT)
        check(gen == self.gen and n == self.nrevoked and not silent
              and node.encode() in live and (new is None or unknown == new),
              'a beat', time, gen, n, unknown, silent, live)

    def bury(self):
        """A node dies: another one takes off its members, one by one, and each
        leaves once; or it is alive again in the midst of it."""
        node, by, other = random.sample(NODES, 3)
        keys = ['nodes', f'bury:{node}', f'n:{node}:p']
        check(self.server.run('bury', keys, node, by, SILENT, 5000) == [0],
              'a node that lives is buried')
        self.server.redis.zadd('ws:nodes', {node: time.time() * 1000 - 11_000})
        silent = self.server.run('beat', ['gen', 'nodes', 'rev:n'], by,
                                 SILENT)[4]
        check(silent == [node.encode()], 'silent', silent)
        total, *found = self.server.run('members', ['p:c/0', 'nodes'], 9,
                                        SILENT)
        check(not any(f.startswith(node.encode()) for f in found[::2]),
              'members of a silent node are listed')
        awake = random.random() < 0.3
        buried = self.walk(node, by, other, keys, awake)
        self.server.redis.delete(f'ws:bury:{node}')
        self.beat(node, int(buried))
        if awake:
            self.mine(node)
        self.counted(node)

    def walk(self, node, by, other, keys, awake):
        while True:
            go, *found = self.server.run('bury', keys, node, by, SILENT, 5000)
            if go == -1:
                check(not self.server.redis.exists(*[f'ws:{k}'
                                                     for k in keys[1:]]),
                      'a buried node has left something')
                return True
            check(go == 1, 'bury', go)
            check(self.server.run('bury', keys, node, other, SILENT,
                                  5000) == [0], 'two bury a node')
            name, *pairs = [x.decode() for x in found]
            for session, value in zip(pairs[::2], pairs[1::2]):
                self.leave(node, name, session, value)
            if awake:
                self.awake(node, keys, by)
                return False

    def leave(self, node, name, session, value):
        field = f'{node}:{session}'
        check(self.members[name].pop(field, None) == value, 'who is buried',
              field, value)
        for changed in 1, 0:
            reply = self.server.run(
                'member', ['gen', 'e', f'p:{name}', f'n:{node}:p', 'nodes'],
                self.gen, 'b', node, session, name, '')
            check(reply[0] == changed, 'a leave', reply)

    def awake(self, node, keys, by):
        check(self.server.run('beat', ['gen', 'nodes', 'rev:n'], node,
                              SILENT)[3] == 1, 'who was buried is told')
        check(self.server.run('bury', keys, node, by, SILENT, 5000) == [0],
              'who woke up is buried')

    # limits, revocations

    def limit(self):
        node = random.choice(NODES)
        keys = random.sample('xyz', random.randrange(1, 4))
        most = random.randrange(1, 9)
        reply = self.server.run(
            'limit', ['gen', 'nodes', *[f'l:{k}' for k in keys]], 'a', node,
            SILENT, DAY, *[most] * len(keys))
        full = [n for n, k in enumerate(keys, 1)
                if sum(self.limits[k, other] for other in NODES) >= most]
        check(reply == (full[0] if full else 0), 'a limit', reply, full)
        if not full:
            for k in keys:
                self.limits[k, node] += 1
        held = [k for k in 'xyz' if self.limits[k, node]]
        if held and random.random() < 0.6:
            reply = self.server.run(
                'limit', ['gen', 'nodes', f'l:{held[0]}'], 'r', node, SILENT,
                DAY, 1)
            check(reply == 0, 'released', reply)
            self.limits[held[0], node] -= 1

    def revoke(self):
        key = f's{random.randrange(12)}'
        time, till = random.randrange(100), random.randrange(100, 200)
        over = random.randrange(90, 200)
        reply = self.server.run('revoke', ['rev', 'rev:n'], key, time, till,
                                over, 8)
        heard = self.server.heard()
        if key not in self.revoked and len(self.revoked) >= 8:
            self.revoked = {k: v for k, v in self.revoked.items()
                            if v[1] > over}
        if key not in self.revoked and len(self.revoked) >= 8:
            check(reply == 0 and not heard, 'full', reply)
        else:
            was = self.revoked.get(key, (0, 0))
            self.revoked[key] = max(was[0], time), max(was[1], till)
            self.nrevoked += 1
            check(reply == self.nrevoked
                  and heard == [('ctl', b'r%d' % reply)], 'revoked', reply)
        check(self.server.redis.hgetall('ws:rev')
              == {k.encode(): b'%d %d' % v for k, v in self.revoked.items()},
              'revocations')

    # failover

    def keep(self):
        """The state that a replica has."""
        self.snapshot = self.server.snapshot(), self.gen

    def failover(self):
        state, gen = random.choice([self.snapshot or ({}, b''), ({}, b'')]
                                   if random.random() < 0.2 or not self.snapshot
                                   else [self.snapshot])
        self.server.restore(state)
        self.gen = gen
        g = '%016x' % random.getrandbits(64)
        check(self.server.run('generation', ['gen', 'nodes'], g, 0, 'aa') == gen,
              'the generation of the replica')
        self.forgotten(state)
        late = random.random() < 0.2
        nodes = [n for n in NODES if not (late and n == NODES[0])]
        if late and not state:
            # nobody knows of the node that is away
            late, nodes = False, NODES
        brought = self.bring(g, nodes)
        for node in nodes:
            missing, left, _ = self.server.run(
                'ready', ['gen', f'd:{g}', f'x:{g}', f'f:{g}', 'nodes',
                          f'm:{node}'], g, node, 3000, 60_000, *NODES)
            check(missing == len(set(NODES) - set(nodes[:nodes.index(node) + 1])),
                  'missing', missing)
            check(2000 < left <= 3000, 'left', left)
        for name in sorted(brought):
            self.merge(g, name)
        for node in set(NODES) - set(nodes):
            self.logs[node].clear()
        self.finish(g, late, nodes)

        # replicas follow the new master

        self.snapshot = None

    def forgotten(self, state):
        """What the replica does not have, the model forgets."""
        for name, channel in self.channels.items():
            before = channel.entries
            channel.forget()
            channel.before = before
            if f'ws:s:{name}'.encode() in state:
                channel.entries = self.server.stream(name)
                info = self.server.redis.xinfo_stream(f'ws:s:{name}')
                channel.top = parse(info['last-generated-id'])
        for name, key in list(self.keys):
            was = self.server.redis.get(f'ws:i:{name}:{key}')
            if was:
                self.keys[name, key] = parse(was)
            else:
                del self.keys[name, key]
        self.nrevoked = int(self.server.redis.get('ws:rev:n') or 0)
        self.revoked = {
            k.decode(): tuple(map(int, v.split()))
            for k, v in self.server.redis.hgetall('ws:rev').items()}

    def bring(self, g, nodes):
        brought = set()
        for node in random.sample(nodes, len(nodes)):
            for name in random.sample(CHANNELS, len(CHANNELS)):
                top = self.channels[name].top
                items = [(position, content) for position, content
                         in self.logs[node][name].items() if position > top]
                if items:
                    self.bring_these(g, name, items)
                    brought.add(name)
        check(self.server.redis.smembers(f'ws:b:{g}')
              == {name.encode() for name in brought}, 'channels brought')
        return brought

    def bring_these(self, g, name, items):
        keys, args = [], []
        for position, content in items:
            key = self.keyed.get((name, position))
            if random.random() < 0.2:
                args += [b'%d-%d' % position, b'xt', '']
            args += [b'%d-%d' % position, content, '' if key is None else KEEP]
            if key is not None:
                keys.append(f'i:{name}:{key}')
                self.keys.setdefault((name, key), position)
        check(self.server.run('bring', ['gen', f'h:{g}:{name}', f'b:{g}', *keys],
                              g, name, 60_000, LENGTH, TTL, *args) == 1,
              'brought')

    def merge(self, g, name):
        """In order, with tombstones where nobody who is there has anything: the
        only node that had it is away, or nobody was told of it at all."""
        channel = self.channels[name]
        keys = ['gen', 'e', f's:{name}', f'h:{g}:{name}']
        n = self.server.run('merge', keys, g)
        all = self.server.redis.hgetall(f'ws:h:{g}:{name}')
        check(all.pop(b'length') == b'%d' % LENGTH
              and all.pop(b'ttl') == b'%d' % TTL, 'length and time')
        all = {parse(id): content for id, content in all.items()}
        want = sorted(p for p in all if p > channel.top)
        check(n == len(want), 'merged', n, len(want))
        for position in want:
            top = channel.top
            if position[0] == top[0]:
                next = position[1]
                if next == LAST:
                    next = int(all[position][2:]) + 1
                if next - top[1] > LENGTH:
                    channel.entries = []
                else:
                    for o in range(top[1] + 1, next):
                        channel.put((top[0], o), b'xt')
                        self.ever[name, (top[0], o)] = b'xt'
            check(self.ever[name, position] == all[position],
                  'brought otherwise', position)
            channel.put(position, all[position])
        check(self.server.run('merge', keys, g) == 0,
              'merged twice')
        check(self.server.stream(name) == channel.entries, name,
              'after a merge', self.server.stream(name)[-9:],
              channel.entries[-9:])

    def finish(self, g, late, nodes):
        keys = ['gen', 'e', f'b:{g}', f'd:{g}', f'x:{g}', f'f:{g}']
        self.server.heard()
        gen = self.server.run('finish', keys, g, self.floor, int(late))
        check(self.server.heard() == [('ctl', b'g' + gen)], 'finished')
        check(gen == self.server.run('finish', keys, g, 0, 1),
              'finished twice')
        check(gen.startswith(g.encode()), 'finished as', gen)
        self.gen = gen
        floor = int(gen[17:])
        check(floor > self.newest if late else floor == self.floor,
              'the floor is', floor, 'and was', self.floor)
        self.floor = floor
        check(self.server.run('merge', ['gen', 'e', 's:c/0', f'h:{g}:c/0'],
                              g) == -1
              and self.server.run('bring', ['gen', f'h:{g}:c/0', f'b:{g}'], g,
                                  'c/0', 60_000, 1, 1, '1-1', '1 xx',
                                  '') == 0,
              'a generation goes on after its end')
        for channel in self.channels.values():
            self.lost(channel, late)
        self.limits.clear()
        for node in NODES:
            self.beat(node)
            self.mine(node, node in nodes)

    def lost(self, channel, late):
        """What somebody has is there, if it is not too old."""
        if late:
            return
        there = dict(channel.entries)
        least = min(there, default=(1 << 60, 0))
        for node in NODES:
            for name, log in self.logs[node].items():
                if self.channels[name] is channel:
                    for position, content in log.items():
                        check(position < least or there[position] == content,
                              name, position, 'is lost')

    def old(self):
        """Nodes keep as much as streams do."""
        for node in NODES:
            for name, log in self.logs[node].items():
                for position in sorted(log)[:-LENGTH]:
                    del log[position]

    def same(self):
        for name, channel in self.channels.items():
            there = self.server.stream(name)
            check(there == channel.entries, name, 'is', there[-5:], 'not',
                  channel.entries[-5:])
            check(self.server.redis.hgetall(f'ws:p:{name}')
                  == {f.encode(): v.encode()
                      for f, v in self.members[name].items()}, 'members')

    STEPS = dict(publish=60, delete=4, read=4, expire=1, trim=3, fenced=1, member=16,
                 list=3, bury=1, limit=6, revoke=3, keep=2, failover=1,
                 same=2)

    def step(self):
        name, = random.choices(list(self.STEPS), self.STEPS.values())
        self.steps[name] += 1
        getattr(self, name)()
        self.old()


def ingest(server, gen):
    """What others PUBLISH: two nodes hear it, and it is taken in once, by the
    one, or by the other which carries on."""

    message = ['', 0, LENGTH, TTL, 'm' * 16, 'd']

    def take(node, mark):
        return server.run('take', ['ing'], node, 60_000, mark)

    def give(node, mark, n):
        return server.run('ingest', ['gen', 'e', 'ing', 's:in'], gen, node,
                          mark, n, *message)

    server.heard()
    node, mark, n = take('aa', '')
    check((node, n) == (b'aa', 0) and server.heard() == [('ing', b'm' + mark)],
          'the first takes')
    check(take('bb', mark) == [b'aa', mark, 0], 'another has to wait')
    check(give('aa', mark, 1)[0] and give('aa', mark, 1) == [b'=', 0],
          'taken in once')
    check(give('aa', mark, 3) == [b'', 0], 'not out of order')
    check(give('bb', mark, 2) == [b'', 0], 'not by another')
    server.redis.hset('ws:ing', 'till', 1)
    check(take('bb', mark) == [b'bb', mark, 1], 'another carries on')
    check(give('aa', mark, 2) == [b'', 0], 'the first does not')
    check(give('bb', mark, 2)[0] and server.redis.xlen('ws:s:in') == 2, 'in')
    server.redis.hset('ws:ing', 'till', 1)
    server.heard()
    node, other, n = take('cc', 'unheard')
    check((node, n) == (b'cc', 0) and other != mark
          and server.heard() == [('ing', b'm' + other)], 'a new mark')
    check(give('cc', mark, 3) == [b'', 0] and give('cc', other, 1)[0],
          'the old one is over')
    server.redis.delete('ws:s:in', 'ws:ing')
    server.heard()


def main():
    need_redis()
    tap = Tap()
    random.seed(SEED)

    with Redis() as process:
        server = Server(process.port)
        model = Model(server)
        begun = time.monotonic()
        n = 0
        try:
            ingest(server, model.gen)
            tap.ok(True, 'ingest: each message once')
            for n in range(STEPS):
                model.step()
            model.same()
            tap.ok(True, f'{STEPS} steps as the model says')
        except (Wrong, redis.exceptions.RedisError) as error:
            tap.ok(False, f'SEED={SEED}, step {n}: {error}')
        print(f'# {dict(model.steps)} in {time.monotonic() - begun:.1f} s',
              file=sys.stderr)
        tap.ok(all(model.steps[name] for name in model.STEPS),
               'every kind of step was taken')

    tap.done()


if __name__ == '__main__':
    main()
