// EventSource in headless Chromium: it reconnects by itself after a reload and
// after the death of the workers, and the page misses nothing.

import { readFileSync } from 'node:fs';
import { Nginx, sleep, Tap, until } from '../lib/nginx.mjs';
import { launch } from './browser.mjs';

const conf = `
  websocket_zone zone=live:4m;
  server {
    listen 127.0.0.1:$PORT;
    websocket_channel x;
    websocket_drain 100ms;
    location = / { default_type text/html; return 200 "<title>x</title>"; }
    location = /events { websocket subscribe; }
    location = /publish { websocket_publish; websocket_history length=10000; }
    location = /short { websocket subscribe; websocket_channel y; }
    location = /short-publish {
      websocket_publish;
      websocket_channel y;
      websocket_history length=2;
    }
    location = /tokens {
      websocket subscribe;
      websocket_channel z;
      websocket_replay all;
    }
    location = /tokens-publish {
      websocket_publish;
      websocket_channel z;
      websocket_history length=100;
    }
  }`;

// what the page does: all that it is told goes to lists
function listen(url) {
  const source = new EventSource(url);
  window.got = [];
  window.opened = 0;
  window.told = [];
  window.source = source;

  const take = (e) => window.got.push([e.type, e.data, e.lastEventId]);

  source.addEventListener('message', take);
  source.addEventListener('binary', take);
  source.addEventListener('open', () => { window.opened += 1; });
  for (const name of ['close', 'unrecovered', 'end']) {
    source.addEventListener(name, (e) => window.told.push([name,
      JSON.parse(e.data)]));
  }
}

// what message number i is, and what the page is to see of it
function message(i) {
  if (i % 5 === 0) {
    const body = Buffer.from([0, 255, i % 256, 10]);
    return { body, kind: 'application/octet-stream',
      event: ['binary', body.toString('base64')] };
  }
  if (i % 5 === 1) {
    return { body: `${i}\r\nid: 1\r: \u{1f600}\n`, kind: 'text/plain',
      event: ['message', `${i}\nid: 1\n: \u{1f600}\n`] };
  }
  return { body: `${i}`, kind: 'text/plain', event: ['message', `${i}`] };
}

const nginx = await Nginx.start('events', conf);
const browser = await launch(nginx);
const tap = new Tap();

const published = [];
let publishing = true;

async function post(url, i, { body, kind }) {
  const answer = await fetch(nginx.url + url, { method: 'POST', body,
    headers: { 'Content-Type': kind, 'Idempotency-Key': `k${i}` } });
  return answer.json();
}

// what has no answer, because a worker dies, is repeated with its key
async function publish(url, i, what) {
  for (;;) {
    try {
      return await post(url, i, what);
    } catch (e) {
      if (!(e instanceof TypeError)) throw e;
    }
  }
}

// a page takes no more than so many, and is not to be found too slow
async function publishAll() {
  for (let i = 1; publishing; i += 1) {
    const what = message(i);
    const { epoch, offset } = await publish('/publish', i, what);
    published.push([...what.event, `${epoch}:${offset}`]);
    await sleep(5);
  }
}

function workers() {
  const { pid } = nginx.process;
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim().split(' ').map(Number);
}

const seen = (page) => page.evaluate(
  () => ({ opened: window.opened, told: window.told, n: window.got.length }));

// the page is open for the nth time, and has got something since
async function opened(page, n) {
  await until(`the page is open for the ${n}th time`,
    async () => (await seen(page)).opened >= n);
  const before = (await seen(page)).n;
  await until('messages go on', async () => (await seen(page)).n > before);
}

try {
  const page = await browser.newPage();
  await page.goto('/');
  await page.evaluate(listen, '/events');
  await until('the page is open', async () => (await seen(page)).opened === 1);

  const all = publishAll();
  await opened(page, 1);
  tap.ok(true, 'the page gets messages');

  nginx.process.kill('SIGHUP');
  await opened(page, 2);
  tap.ok(true, 'a reload: EventSource is connected again');
  const away = JSON.stringify(['close',
    { code: 1012, reason: 'server restarts: connect again' }]);
  const { told } = await seen(page);
  tap.ok(told.length && told.every((t) => JSON.stringify(t) === away),
    'and was told why it was sent away');

  await until('the old workers are gone', () => workers().length === 2);
  workers().forEach((pid) => process.kill(pid, 'SIGKILL'));
  await opened(page, 3);
  tap.ok(true, 'all workers died: EventSource is connected again');

  publishing = false;
  await all;
  await until('the page has all',
    async () => (await seen(page)).n >= published.length);
  const got = await page.evaluate(() => window.got);
  tap.ok(JSON.stringify(got) === JSON.stringify(published),
    `all ${published.length} messages, once, in order, with their positions`);
  tap.ok((await seen(page)).told.every(([name]) => name === 'close'),
    'nothing was lost');

  // a position that the history does not reach back to
  let answer;
  for (let i = 1; i <= 5; i += 1) {
    answer = await post('/short-publish', i, { body: `${i}`,
      kind: 'text/plain' });
  }
  const other = await browser.newPage();
  await other.goto('/');
  await other.evaluate(listen, `/short?since=${answer.epoch}:1`);
  await until('the page is told', async () => (await seen(other)).told.length);
  const [[name, { session, ...data }], ...more] = (await seen(other)).told;
  tap.ok(name === 'unrecovered' && more.length === 0 && session
    && JSON.stringify(data) === JSON.stringify(
      { recovered: false, position: `${answer.epoch}:5` }),
  'a page that missed too much is told so');
  await post('/short-publish', 6, { body: 'six', kind: 'text/plain' });
  await until('messages go on', async () => (await seen(other)).n === 1);
  tap.ok(JSON.stringify(await other.evaluate(() => window.got))
    === JSON.stringify([['message', 'six', `${answer.epoch}:6`]]),
  'and goes on');

  // a stream that ends: the page that was there, and one that comes later
  await fetch(`${nginx.url}/tokens-publish`, { method: 'POST', body: 'one' });
  const early = await browser.newPage();
  await early.goto('/');
  await early.evaluate(listen, '/tokens');
  await until('the page has the first', async () => (await seen(early)).n);
  await fetch(`${nginx.url}/tokens-publish`, { method: 'POST', body: 'two',
    headers: { 'X-WebSocket-End': '1' } });
  const late = await browser.newPage();
  await late.goto('/');
  await late.evaluate(listen, '/tokens');
  const state = (p) => p.evaluate(() => ({ closed: window.source.readyState,
    data: window.got.map((e) => e[1]), told: window.told }));
  for (const p of [early, late]) {
    await until('EventSource gives up', async () => (await state(p)).closed
      === 2);
    tap.ok(JSON.stringify(await state(p)) === JSON.stringify({ closed: 2,
      data: ['one', 'two'],
      told: [['end', { code: 1000, reason: 'the stream has ended' }]] }),
    'a page gets all, the end, and does not come back');
  }

  tap.ok(nginx.alerts().every((line) => /exited on signal 9/.test(line)),
    'no alerts');
} finally {
  publishing = false;
  await browser.close();
  await nginx.stop();
}

tap.done();
