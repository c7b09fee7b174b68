// What an application says by the server's API to npm's centrifuge, which may
// be at any worker, in each form and transport.

import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { Nginx, Tap, require, until } from '../lib/nginx.mjs';

const { Centrifuge } = require('centrifuge');
const Protobuf = require('centrifuge/build/protobuf').Centrifuge;
const { EventSource } = require('eventsource');
const WebSocket = require('ws');

const SECRET = 'a secret of at least 32 bytes, for HS256';
const DIR = execFileSync('mktemp', ['-d']).toString().trim();
writeFileSync(`${DIR}/key`, SECRET);
writeFileSync(`${DIR}/api`, 'the key of the API\n', { mode: 0o600 });

const nginx = await Nginx.start('centrifuge-api', `
  websocket_zone zone=live:4m;
  websocket_namespace default { subscribe client anonymous; }
  websocket_namespace news {
    history length=100 time=60s;
    recovery force;
  }
  websocket_namespace room { presence on; events join leave push; }
  server {
    listen 127.0.0.1:$PORT reuseport;
    websocket_transports websocket http_stream sse;
    location = /emulation { websocket_emulation; }
    location = /connect {
      websocket centrifuge;
      websocket_anonymous on;
      websocket_jwt key=${DIR}/key alg=HS256;
      websocket_token_grace 1s;
    }
    location /api/ { websocket_api key=${DIR}/api; }
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

// in Protobuf data are bytes
const plain = (x) => (x instanceof Uint8Array ? JSON.parse(Buffer.from(x))
  : x);

const now = () => Math.floor(Date.now() / 1000);

async function api(method, params) {
  const r = await fetch(`${nginx.url}/api/${method}`, {
    method: 'POST',
    headers: { 'X-API-Key': 'the key of the API' },
    body: JSON.stringify(params),
  });
  return r.json();
}

const FORMS = {
  json: [Centrifuge, 'websocket'],
  protobuf: [Protobuf, 'websocket'],
  stream: [Centrifuge, 'http_stream'],
  sse: [Centrifuge, 'sse'],
  octets: [Protobuf, 'http_stream'],
};

// a client that is connected, with what has happened to it
async function connected(form, user, claims) {
  const [Client, transport] = FORMS[form];
  const url = `${nginx.url}/connect`;
  const c = new Client(transport === 'websocket'
    ? url.replace('http', 'ws') : [{ transport, endpoint: url }], {
    websocket: WebSocket, eventsource: EventSource,
    emulationEndpoint: `${nginx.url}/emulation`,
    minReconnectDelay: 20, maxReconnectDelay: 200,
    ...(user ? { token: token({ sub: user, ...claims }) } : {}),
  });
  c.on('error', () => {});
  c.seen = [];
  c.on('connecting', (ctx) => c.seen.push(`connecting ${ctx.code}`));
  c.on('disconnected', (ctx) => c.seen.push(
    `disconnected ${ctx.code} ${ctx.reason}`));
  c.on('connected', (ctx) => { c.id = ctx.client; });
  c.server = [];
  c.got = [];
  c.on('subscribed', (ctx) => c.server.push(ctx));
  c.on('unsubscribed', (ctx) => c.seen.push(`unsubscribed ${ctx.channel}`));
  c.on('publication', (ctx) => c.got.push(`${ctx.channel} ${
    JSON.stringify(plain(ctx.data))}`));
  c.on('join', (ctx) => c.seen.push(`join ${ctx.info.user}`));
  c.connect();
  await c.ready();
  return c;
}

async function subscribed(c, channel) {
  const sub = c.newSubscription(channel);
  sub.seen = [];
  sub.on('unsubscribed', (ctx) => sub.seen.push(`${ctx.code} ${ctx.reason}`));
  sub.subscribe();
  await sub.ready();
  return sub;
}

// several of a user, at whichever workers
async function crowd(user) {
  const all = [];
  for (const form of [...Object.keys(FORMS), ...Object.keys(FORMS)]) {
    all.push(await connected(form, user));
  }
  return all;
}

async function unsubscribe() {
  const all = await crowd('ann');
  const bob = await connected('json', 'bob');
  const subs = [];
  for (const c of all) subs.push(await subscribed(c, 'x'));
  const other = await subscribed(bob, 'x');
  const mine = await subscribed(all[0], 'y');

  tap.ok((await api('unsubscribe', { user: 'ann', channel: 'x' })).result,
    'unsubscribe');
  await until('all are', () => subs.every((s) => s.state === 'unsubscribed'));
  tap.ok(subs.every((s) => s.seen.join() === '2000 server unsubscribe'),
    'each is told once');
  tap.ok(mine.state === 'subscribed' && other.state === 'subscribed',
    'of that channel, and that user');
  await api('unsubscribe', { user: 'ann' });
  await until('of all channels', () => mine.state === 'unsubscribed');
  bob.disconnect();
  all.forEach((c) => c.disconnect());
}

async function disconnect() {
  const all = await crowd('ann');
  const bob = await connected('json', 'bob');
  const nobody = await connected('json', '');

  await api('disconnect', { user: 'ann', client: all[3].id });
  await until('one is', () => all[3].state === 'disconnected');
  tap.ok(all.filter((c) => c.state === 'connected').length === all.length - 1,
    'one client');
  tap.ok(all[3].seen.slice(-1)[0] === 'disconnected 3503 force disconnect',
    'and told why');

  await api('disconnect', {
    user: 'ann', whitelist: [all[0].id, all[4].id],
    disconnect: { code: 4500, reason: 'not here' },
  });
  await until('all but two', () => all.filter((c) =>
    c.state === 'connected').length === 2);
  tap.ok(all[0].state === 'connected' && all[4].state === 'connected',
    'all but those that are listed');
  tap.ok(all[1].seen.slice(-1)[0] === 'disconnected 4500 not here',
    'with a code of the application');

  await api('disconnect', {
    user: 'ann', disconnect: { code: 4000, reason: 'again' },
  });
  await until('they come back', () => all[0].seen.includes('connecting 4000')
    && all[4].seen.includes('connecting 4000')
    && all[0].state === 'connected' && all[4].state === 'connected');
  tap.ok(true, 'a code that has clients come back');

  await api('disconnect', { user: '' });
  await until('the anonymous one', () => nobody.state === 'disconnected');
  tap.ok(bob.state === 'connected', 'other users stay');
  bob.disconnect();
  all.forEach((c) => c.disconnect());
}

// the client does not read what it is told by a refresh: t/46-api.t does
async function refresh() {
  const all = [];
  for (const form of Object.keys(FORMS)) {
    all.push(await connected(form, 'ann'));
  }
  const back = (times) => until('they come back', () => all.every((c) =>
    c.state === 'connected'
    && c.seen.filter((s) => s === 'connecting 3005').length === times));

  await api('refresh', { user: 'ann', expired: true });
  await back(1);
  tap.ok(true, 'connections that have expired');

  await api('refresh', { user: 'ann', expire_at: now() });
  await back(2);
  tap.ok(true, 'connections that expire, and are not refreshed');
  all.forEach((c) => c.disconnect());
}

// channels that a client's token wants
async function claims() {
  for (const form of Object.keys(FORMS)) {
    const c = await connected(form, `ann-${form}`, {
      subs: {
        [`news:${form}`]: { data: { n: 1 } },
        'room:a': { info: { role: 'host' } },
      },
    });
    const names = c.server.map((ctx) => ctx.channel).sort().join();
    const [news] = c.server.filter((ctx) => ctx.channel.startsWith('news'));
    tap.ok(names === `news:${form},room:a` && news.recoverable
      && plain(news.data).n === 1, `${form}: by the token: ${names}`);

    const there = (await api('presence', { channel: 'room:a' })).result.presence;
    tap.ok(there[c.id].user === `ann-${form}`
      && there[c.id].chan_info.role === 'host', `${form}: and there`);
    await until('it is told that it came', () =>
      c.seen.includes(`join ann-${form}`));

    const put = (data) => api('publish', { channel: `news:${form}`, data });
    await put(1);
    await until('it is there', () => c.got.length === 1);

    // it loses its connection, and comes back with its positions
    await api('disconnect', {
      user: `ann-${form}`, disconnect: { code: 4000, reason: 'again' },
    });
    for (let i = 2; i <= 5; i += 1) await put(i);
    await until('all is there', () => c.got.length === 5);
    const last = c.server.filter((ctx) => ctx.channel.startsWith('news')).pop();
    tap.ok(last.recovered && last.wasRecovering && c.got.join()
      === [1, 2, 3, 4, 5].map((n) => `news:${form} ${n}`).join(),
    `${form}: recovered: ${c.got}`);
    c.disconnect();
  }

  const c = await connected('json', 'bob', { channels: ['x', 'news:b'] });
  tap.ok(c.server.map((ctx) => ctx.channel).sort().join() === 'news:b,x',
    'the claim "channels"');
  c.disconnect();
}

async function subscribe() {
  const all = await crowd('eve');
  for (let i = 1; i <= 3; i += 1) {
    await api('publish', { channel: 'news:s', data: i });
  }
  const { epoch } = (await api('history', { channel: 'news:s' })).result;

  tap.ok((await api('subscribe', {
    user: 'eve', channel: 'news:s', data: { n: 7 },
    recover_since: { offset: 1, epoch },
  })).result, 'subscribe');
  await until('all are', () => all.every((c) => c.server.length === 1
    && c.got.length === 2));
  tap.ok(all.every((c) => c.got.join() === 'news:s 2,news:s 3'
    && c.server[0].recoverable && c.server[0].positioned
    && plain(c.server[0].data).n === 7), 'and get what they missed');

  await api('subscribe', { user: 'eve', channel: 'news:s' });
  await api('publish', { channel: 'news:s', data: 4 });
  await until('all have it', () => all.every((c) => c.got.length === 3));
  tap.ok(all.every((c) => c.server.length === 1), 'once');

  await api('unsubscribe', { user: 'eve', channel: 'news:s' });
  await until('none is', () => all.every((c) =>
    c.seen.includes('unsubscribed news:s')));
  tap.ok(true, 'unsubscribe');
  tap.ok((await api('subscribe', { user: 'eve', channel: 'none:s' })).error.code
    === 102, 'a namespace that there is not');
  all.forEach((c) => c.disconnect());
}

try {
  await claims();
  await subscribe();
  await unsubscribe();
  await disconnect();
  await refresh();
  tap.ok(nginx.alerts().length === 0, 'no alerts');
} finally {
  await nginx.stop();
}

tap.done();
