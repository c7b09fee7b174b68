// npm's centrifuge, the client that Centrifugo's makers wrote, in JSON over
// npm's ws: what it finds with Centrifugo it finds here.  Other tests import
// this one for Protobuf, and for streams.

import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { Nginx, Tap, require, until } from '../lib/nginx.mjs';

const { Centrifuge } = require('centrifuge');
const Bytes = require('centrifuge/build/protobuf').Centrifuge;
const { EventSource } = require('eventsource');
const WebSocket = require('ws');

// in Protobuf data are bytes: here those of JSON, so that the tests are the same
class Protobuf extends Bytes {
  _formatOverride() {
    super._formatOverride();
    const { encodeCommands, decodeReplies } = this._codec;
    this._codec.encodeCommands = (all) => encodeCommands.call(this._codec,
      all.map(coded));
    this._codec.decodeReplies = (frame) => decodeReplies.call(this._codec,
      frame).map(plain);
  }
}

function coded(command) {
  const kind = ['publish', 'rpc', 'send'].find((name) => command[name]);
  const { data } = command[kind] || {};
  return data === undefined || data instanceof Uint8Array ? command : {
    ...command,
    [kind]: { ...command[kind], data: Buffer.from(JSON.stringify(data)) },
  };
}

function plain(x) {
  if (x instanceof Uint8Array) {
    try {
      return JSON.parse(Buffer.from(x));
    } catch {
      return Buffer.from(x);
    }
  }
  if (Array.isArray(x)) return x.map(plain);
  if (!x || typeof x !== 'object' || 'unsigned' in x) return x; // a long
  return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, plain(v)]));
}

const Client = globalThis.form === 'protobuf' ? Protobuf : Centrifuge;

const SECRET = 'a secret of at least 32 bytes, for HS256';
const KEYS = `${execFileSync('mktemp', ['-d']).toString().trim()}/key`;
writeFileSync(KEYS, SECRET);

const transport = globalThis.transport || 'websocket';
const nginx = await Nginx.start('centrifuge', `
  websocket_zone zone=live:4m;
  websocket_namespace default {
    subscribe client anonymous;
    publish   subscriber anonymous;
  }
  websocket_namespace news {
    history        length=100 time=60s;
    recovery       force;
    positioning    force;
    subscribe      client anonymous;
    publish        client anonymous;
    history_access subscriber anonymous;
  }
  websocket_namespace users { subscribe client; publish client; users on; }
  websocket_namespace room {
    presence        on;
    events          join leave;
    subscribe       client;
    presence_access subscriber;
  }
  websocket_namespace closed { history length=10; }
  websocket_namespace delta {
    history   length=100 time=60s;
    recovery  force;
    subscribe client anonymous;
    publish   client anonymous;
    delta     fossil;
  }
  server {
    listen 127.0.0.1:$PORT;
    websocket_transports websocket http_stream sse;
    location = /emulation { websocket_emulation; }
    location = /open {
      websocket centrifuge;
      websocket_anonymous on;
      websocket_heartbeat interval=1s timeout=500ms;
      websocket_drain 100ms;
    }
    location = /token {
      websocket centrifuge;
      websocket_jwt key=${KEYS} alg=HS256;
      websocket_token_grace 1s;
    }
    location = /lost { websocket_publish; websocket_channel news:lost; }
    location = /plain { websocket_publish; websocket_channel plain; }
    location = /delta {
      websocket_publish;
      websocket_channel delta:a;
      websocket_history length=100;
    }
  }
`);
const tap = new Tap();

const base64 = (x) => Buffer.from(x).toString('base64url');

function token(claims) {
  const body = `${base64('{"alg":"HS256","typ":"JWT"}')}.`
    + base64(JSON.stringify(claims));
  return `${body}.${createHmac('sha256', SECRET).update(body)
    .digest('base64url')}`;
}

const now = () => Math.floor(Date.now() / 1000);

function client(path, options, Kind = Client) {
  const url = `${nginx.url}${path}`;
  const centrifuge = new Kind(transport === 'websocket'
    ? url.replace('http', 'ws') : [{ transport, endpoint: url }], {
    websocket: WebSocket, minReconnectDelay: 20, maxReconnectDelay: 200,
    eventsource: EventSource, emulationEndpoint: `${nginx.url}/emulation`,
    ...options,
  });
  centrifuge.on('error', () => {});
  return centrifuge;
}

// a client that is connected; of one that is refused, why
async function connected(...how) {
  const c = client(...how);
  const end = new Promise((done) => {
    c.on('connected', () => done());
    c.on('disconnected', (ctx) => done(ctx.code));
  });
  c.connect();
  c.refused = await end;
  return c;
}

// a subscription, and what it has got
async function subscribed(c, channel, options) {
  const sub = c.newSubscription(channel, options);
  sub.got = [];
  sub.states = [];
  sub.on('publication', (ctx) => sub.got.push(ctx));
  sub.on('error', () => {});
  const end = new Promise((done) => {
    sub.on('subscribed', (ctx) => { sub.states.push(ctx); done(); });
    sub.on('unsubscribed', (ctx) => done(ctx.code));
  });
  sub.subscribe();
  sub.refused = await end;
  return sub;
}

const code = (promise) => promise.then(() => 0, (error) => error.code);

const data = (sub) => JSON.stringify(sub.got.map((p) => p.data));

const post = (path, body) =>
  fetch(`${nginx.url}${path}`, { method: 'POST', body });

async function basics() {
  const a = await connected('/open');
  const b = await connected('/open');

  const sa = await subscribed(a, 'plain');
  const sb = await subscribed(b, 'plain');

  await sa.publish({ n: 1, text: 'h\u00e9 "\u{1f600}"' });
  await b.publish('plain', [2]);
  await until('both get both', () => sa.got.length === 2
    && sb.got.length === 2);
  tap.ok(data(sa) === data(sb)
    && data(sa) === '[{"n":1,"text":"h\u00e9 \\"\u{1f600}\\""},[2]]',
  'two clients, their publications');
  tap.ok(sa.got[0].info.client && sa.got[0].offset === undefined,
    'who published, and no offset without a history');

  await post('/plain', '{\n "n": 3\n}');
  await post('/plain', 'no JSON');
  await until('both are there', () => sa.got.length === 4);
  tap.ok(JSON.stringify(sa.got.slice(2).map((p) => p.data))
    === `[{"n":3},${Client === Centrifuge ? '"no JSON"'
      : JSON.stringify(Buffer.from('no JSON'))}]`,
  'what is posted, JSON or not');

  sb.unsubscribe();
  await until('it left', () => sb.state === 'unsubscribed');
  tap.ok(await code(b.publish('plain', 1)) === 103,
    'only a subscriber may publish');
  tap.ok((await subscribed(a, 'nowhere:x')).refused === 102,
    'a namespace that there is not');
  tap.ok((await subscribed(a, 'closed:x')).refused === 103,
    'a namespace that gives no rights');
  tap.ok((await subscribed(a, 'users:#7')).refused === 103,
    'a channel of somebody else');
  tap.ok((await subscribed(a, 'x'.repeat(241))).refused === 107,
    'a name that is too long');
  tap.ok(await code(a.history('plain', { limit: 1 })) === 108,
    'no history');
  tap.ok(await code(a.history('news:a', { limit: 1 })) === 103,
    'no right to the history');
  tap.ok(await code(a.rpc('any', {})) === 108, 'no RPC');

  a.send({ n: 1 });
  await until('it is sent away', () => a.state === 'disconnected');
  tap.ok(true, 'a message for nobody');
  b.disconnect();
}

async function history() {
  const a = await connected('/open');
  const s = await subscribed(a, 'news:h');
  for (let i = 1; i <= 5; i += 1) await s.publish(i);

  const list = async (options) => {
    const h = await s.history(options);
    return `${h.offset}: ${h.publications.map((p) => `${p.offset}=${p.data}`)}`;
  };
  const { epoch } = await s.history({ limit: 0 });

  tap.ok(await list({ limit: 0 }) === '5: ', 'a position alone');
  tap.ok(await list({ limit: -1 }) === '5: 1=1,2=2,3=3,4=4,5=5', 'all');
  tap.ok(await list({ limit: 2 }) === '5: 1=1,2=2', 'the oldest');
  tap.ok(await list({ limit: 2, since: { offset: 3, epoch } }) === '5: 4=4,5=5',
    'from a position on');
  tap.ok(await list({ limit: 2, reverse: true }) === '5: 5=5,4=4',
    'the newest');
  tap.ok(await list({ limit: -1, since: { offset: 3, epoch }, reverse: true })
    === '5: 2=2,1=1', 'from a position back');
  tap.ok(await code(s.history({ limit: 1, since: { offset: 1, epoch: 'x' } }))
    === 112, 'a position of another epoch');
  a.disconnect();
}

// ten channels, and a client that loses its worker
async function recovery(what, hit) {
  const a = await connected('/open');
  const subs = [];
  for (let i = 0; i < 10; i += 1) {
    subs.push(await subscribed(a, `news:${what}${i}`));
  }
  const put = async (n) => {
    const b = await connected('/open');
    for (let i = 0; i < 10; i += 1) {
      await b.publish(`news:${what}${i}`, n);
    }
    b.disconnect();
  };

  await put(1);
  await until('all have one', () => subs.every((s) => s.got.length === 1));

  const away = new Promise((done) => a.once('connecting', done));
  await hit();
  await away;
  await put(2);
  await put(3);
  await until(`all is recovered, ${what}`, () => subs.every((s) =>
    s.got.length === 3));
  await put(4);
  await until('all go on', () => subs.every((s) => s.got.length === 4));

  tap.ok(subs.every((s) => data(s) === '[1,2,3,4]'
    && s.states.every((ctx, i) => ctx.recoverable && ctx.positioned
      && (i === 0 || ctx.recovered))),
  `${what}: nothing lost, nothing twice, recovered`);
  a.disconnect();
}

function workers() {
  return execFileSync('pgrep', ['-P', `${nginx.process.pid}`]).toString()
    .trim().split('\n').map(Number);
}

async function killed() {
  for (const pid of workers()) process.kill(pid, 'SIGKILL');
}

async function lost() {
  const a = await connected('/open');
  const s = await subscribed(a, 'news:lost');
  await s.publish(1);
  await until('it is there', () => s.got.length === 1);

  await fetch(`${nginx.url}/lost`, { method: 'DELETE' });
  await until('it is subscribed again', () => s.states.length === 2);
  tap.ok(!s.states[1].recovered && s.states[1].wasRecovering,
    'a deleted channel is told as lost');
  a.disconnect();
}

async function pings() {
  const a = await connected('/open');
  const s = await subscribed(a, 'plain');
  const end = Date.now() + 2600;
  let stayed = true;
  a.on('connecting', () => { stayed = false; });
  while (Date.now() < end) {
    await s.publish('busy');
    await new Promise((r) => setTimeout(r, 50));
  }
  tap.ok(stayed, 'pings are answered on a busy connection');
  a.disconnect();
}

async function tokens() {
  const ann = await connected('/token', {
    token: token({ sub: 'ann', exp: now() + 3600, info: { name: 'Ann' } }),
  });
  tap.ok(ann.refused === undefined, 'a token');

  const mine = await subscribed(ann, 'users:#bob,ann');
  tap.ok(mine.refused === undefined, 'a channel of the user');
  tap.ok((await subscribed(ann, 'users:#bob')).refused === 103,
    'a channel of another one');
  await mine.publish(1);
  await until('it is there', () => mine.got.length === 1);
  tap.ok(mine.got[0].info.user === 'ann'
    && mine.got[0].info.connInfo.name === 'Ann', 'who has published');
  ann.disconnect();

  tap.ok((await connected('/token')).refused === 3501, 'no token');
  tap.ok((await connected('/token', { token: 'a.b.c' })).refused === 3500,
    'a token that is none');
  tap.ok((await connected('/token', {
    token: `${token({ sub: 'ann' })}x`,
  })).refused === 3500, 'a token of somebody else');

  let asked = 0;
  const bob = await connected('/token', {
    token: token({ sub: 'bob', exp: now() - 10 }),
    getToken: async () => {
      asked += 1;
      return token({ sub: 'bob', exp: now() + (asked === 1 ? 2 : 3600) });
    },
  });
  tap.ok(bob.refused === undefined && asked === 1, 'one that has expired');
  await until('it is renewed', () => asked === 2);
  await new Promise((r) => setTimeout(r, 2500));
  tap.ok(bob.state === 'connected', 'one that is renewed in time');
  bob.disconnect();

  const eve = await connected('/token', {
    token: token({ sub: 'eve', exp: now() + 1 }),
    getToken: () => new Promise(() => {}),
  });
  const [ctx] = await Promise.all([new Promise((r) => eve.on('connecting', r)),
  ]);
  tap.ok(ctx.code === 3005, 'one that is not renewed');
  eve.disconnect();
}

async function presence() {
  const of = (sub) => ({ token: token({ sub, info: { name: sub } }) });
  const ann = await connected('/token', of('ann'));
  const mine = await subscribed(ann, 'room:a', { joinLeave: true });
  const seen = [];
  mine.on('join', (ctx) => seen.push(`+${ctx.info.user}`));
  mine.on('leave', (ctx) => seen.push(`-${ctx.info.user}`));

  const bob = await connected('/token', of('bob'));
  const bobs = await subscribed(bob, 'room:a');
  await until('bob comes', () => seen.includes('+bob'));

  const { clients } = await mine.presence();
  const there = Object.values(clients).map((c) => [c.user, c.connInfo.name]);
  tap.ok(JSON.stringify(there.sort())
    === '[["ann","ann"],["bob","bob"]]', `who is there: ${there}`);
  const stats = await bobs.presenceStats();
  tap.ok(stats.numClients === 2 && stats.numUsers === 2, 'and how many');

  bob.disconnect();
  await until('bob goes', () => seen.includes('-bob'));
  tap.ok(true, 'bob came and went');

  // nobody takes leave when a worker is killed
  const eve = await connected('/token', of('eve'));
  const eves = await subscribed(eve, 'room:b', { joinLeave: true });
  eve.disconnect();
  await until('she goes', () => eves.state !== 'subscribed');
  for (const pid of workers()) process.kill(pid, 'SIGKILL');
  await until('ann is back', () => mine.states.length === 2);
  await until('she is there once', async () => {
    const s = await mine.presenceStats().catch(() => ({}));
    return s.numClients === 1 && s.numUsers === 1;
  });
  tap.ok(true, 'members of a dead worker are taken off');
  ann.disconnect();
}

async function channelTokens() {
  const ann = await connected('/token', { token: token({ sub: 'ann' }) });
  const of = (channel, claims) => token({ sub: 'ann', channel, ...claims });

  tap.ok((await subscribed(ann, '$users:none')).refused === 103,
    'a channel that needs a token');
  tap.ok((await subscribed(ann, 'users:bad', { token: 'a.b.c' })).refused
    === 103, 'a token that is none');

  const free = await subscribed(ann, '$users:a', {
    token: of('$users:a', { info: { role: 'host' } }),
  });
  await free.publish(1);
  await until('it is there', () => free.got.length === 1);
  tap.ok(free.got[0].info.chanInfo.role === 'host', 'a token for a channel');

  const kept = await subscribed(ann, 'closed:kept', {
    token: of('closed:kept', { override: { force_recovery: { value: true } } }),
  });
  tap.ok(kept.states[0].recoverable, 'a token that overrides its namespace');

  let asked = 0;
  const renewed = await subscribed(ann, '$users:b', {
    token: of('$users:b', { exp: now() - 10 }),
    getToken: async () => {
      asked += 1;
      return of('$users:b', { exp: now() + (asked === 1 ? 2 : 3600) });
    },
  });
  tap.ok(renewed.refused === undefined && asked === 1, 'one that has expired');

  const ended = await subscribed(ann, '$users:c', {
    token: of('$users:c', { exp: now() + 1 }),
    getToken: () => new Promise(() => {}),
  });
  const why = await new Promise((r) => ended.on('subscribing', r));
  tap.ok(why.code === 2501, 'one that is not renewed');

  await until('one is renewed', () => asked === 2);
  await new Promise((r) => setTimeout(r, 1500));
  tap.ok(renewed.state === 'subscribed' && renewed.states.length === 1,
    'one that is renewed in time');

  ann.newSubscription('$users:d', { token: of('$users:e') }).subscribe();
  const end = await new Promise((r) => ann.on('disconnected', r));
  tap.ok(end.code === 3500, 'a token for another channel');
}

// publications that say what has changed since the one before
async function delta() {
  const Kind = Client === Centrifuge ? Centrifuge : Bytes;
  const [a, b, c] = [await connected('/open', {}, Kind),
    await connected('/open', {}, Kind), await connected('/open')];
  const patched = [await subscribed(a, 'delta:a', { delta: 'fossil' }),
    await subscribed(b, 'delta:a', { delta: 'fossil' })];
  const whole = await subscribed(c, 'delta:a');

  const doc = (n) => ({ n, text: `it stays \u00e4${'\u{1f600}\u00f6'.repeat(n % 3)}`
    .repeat(20) });
  const put = (n, headers) => fetch(`${nginx.url}/delta`, { method: 'POST',
    headers, body: JSON.stringify(doc(n), null, n % 2) });
  const numbers = (sub) => sub.got.map((p) => {
    const got = p.data instanceof Uint8Array ? JSON.parse(Buffer.from(p.data))
      : p.data;
    return JSON.stringify(got) === JSON.stringify(doc(got.n)) ? got.n : '?';
  }).join();
  const stats = (sub) => {
    const { numFullPayloads: full, numDeltaPayloads: some } = sub.deltaStats();
    return `${full}+${some}`;
  };

  for (let n = 1; n <= 4; n += 1) await put(n);
  await until('all have four', () => [...patched, whole].every((s) =>
    s.got.length === 4));
  tap.ok(patched.every((s) => numbers(s) === '1,2,3,4' && stats(s) === '1+3'),
    `patches: ${numbers(patched[0])} ${stats(patched[0])}`);
  tap.ok(numbers(whole) === '1,2,3,4', 'and what is whole');

  // one that is of no history is whole, and so is what follows it
  await put(5, { 'X-WebSocket-History': 'skip' });
  await put(6);
  await put(7);
  await until('they have more', () => patched[0].got.length === 7);
  tap.ok(numbers(patched[0]) === '1,2,3,4,5,6,7'
    && stats(patched[0]) === '3+4', `ephemeral: ${stats(patched[0])}`);

  b.disconnect();
  for (let n = 8; n <= 11; n += 1) await put(n);
  b.connect();
  await until('all is recovered', () => patched[1].got.length === 11);
  await put(12);
  await until('it goes on', () => patched.every((s) => s.got.length === 12));
  tap.ok(patched.every((s) => numbers(s) === '1,2,3,4,5,6,7,8,9,10,11,12')
    && patched[1].states[1].recovered && stats(patched[1]) === '4+8',
  `recovery: ${stats(patched[1])}`);

  // what would not be less, and a subscriber who has come meanwhile
  const late = await subscribed(b, 'delta:b', { delta: 'fossil' });
  for (const text of ['"of other words"', '"nothing is the same"', '7']) {
    await late.publish(Kind === Bytes ? Buffer.from(text) : JSON.parse(text));
  }
  await until('it has them', () => late.got.length === 3);
  tap.ok(stats(late) === '3+0', 'no patch where it is more');

  for (const one of [a, b, c]) one.disconnect();
}

// what JSON's clients get of Protobuf's, and the other way round
async function mixed() {
  const a = await connected('/open');
  const b = new Bytes(`ws://127.0.0.1:${nginx.port}/open`,
    { websocket: WebSocket });
  b.connect();

  const sa = await subscribed(a, 'plain');
  const sb = await subscribed(b, 'plain');

  await sb.publish(Buffer.from('{"a":\n 1}'));
  await sb.publish(Buffer.from('no JSON'));
  await sb.publish(Buffer.from([0, 255, 10]));
  await sb.publish(Buffer.from('"\xff"', 'latin1'));
  await sa.publish({ b: [2] });
  await until('both have all', () => sa.got.length === 5
    && sb.got.length === 5);

  const hex = sb.got.map((p) => Buffer.from(p.data).toString('hex'));
  tap.ok(hex.join() === ['{"a":\n 1}', 'no JSON'].map((x) =>
    Buffer.from(x).toString('hex')).concat('00ff0a', '22ff22',
    Buffer.from('{"b":[2]}').toString('hex')).join(), 'bytes as they came');
  tap.ok(Client !== Centrifuge
    || data(sa) === '[{"a":1},"bm8gSlNPTg==","AP8K","Iv8i",{"b":[2]}]',
  `JSON, or a string in base64: ${data(sa)}`);
  tap.ok(sb.got[0].info.client.length === 36, 'who has published');
  a.disconnect();
  b.disconnect();
}

try {
  await basics();
  await mixed();
  await history();
  await delta();
  await recovery('kill', killed);
  await recovery('reload', () => nginx.process.kill('SIGHUP'));
  await lost();
  await presence();

  // these wait for times to pass, which is the same in all forms
  if (transport === 'websocket' && Client === Centrifuge) {
    await Promise.all([pings(), tokens(), channelTokens()]);
  } else if (transport === 'http_stream') {
    await pings();
  }

  tap.ok(nginx.alerts().filter((line) => !/exited on signal 9/.test(line))
    .length === 0, 'no alerts');
} finally {
  await nginx.stop();
}

tap.done();
