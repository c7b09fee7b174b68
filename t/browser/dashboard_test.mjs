// The dashboard in headless Chromium: what it shows follows the load; and the
// names in the dashboard for Grafana are those that there are.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { freePort, Nginx, require, sleep, Tap, until }
  from '../lib/nginx.mjs';
import { becomes, cutOff, exampleConf, feed, launch, screenshot }
  from './browser.mjs';

const { WebSocket } = require('ws');

const CLIENTS = 12;

const port = await freePort();  // the clients', $PORT is the page's
const nginx = await Nginx.startConf('dashboard',
  exampleConf('examples/dashboard/nginx.conf')
    .replace('listen 127.0.0.1:$PORT;', `listen 127.0.0.1:${port} sndbuf=16k;`)
    .replace('listen 127.0.0.1:8081;', 'listen 127.0.0.1:$PORT;'));
feed('dashboard', nginx);

const browser = await launch(nginx);
const page = await browser.newPage();
const tap = new Tap();
const clients = [];

// the newest number of a plot's line; NaN when there is none
const shown = async (plot, line) => Number.parseFloat(await page
  .getAttribute(`#${plot} span[data-name="${line}"]`, 'data-value'));

const shows = (what, plot, line, right) => until(what, async () =>
  right(await shown(plot, line)));

const points = async (plot) => ((await page
  .getAttribute(`#${plot} path`, 'd')) ?? '').split(/[ML]/).length - 1;

function client() {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
  clients.push(socket);
  return new Promise((done, fail) => {
    socket.on('open', done);
    socket.on('error', fail);
  });
}

// a message, until all have it: none of them is slow
async function sayToAll(text) {
  const had = clients.map((c) => new Promise((done) => {
    c.once('message', done);
  }));
  clients[0].send(text);
  await Promise.all(had);
}

const chat = async () => (await (await fetch(`${nginx.url}/status`)).json())
  .locations.find((l) => l.location === '/chat');

// a client that never reads
async function deaf() {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write('GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n'
    + 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
    + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  await new Promise((done) => { socket.once('data', done); });
  socket.pause();
  return socket;
}

try {
  await page.goto('/');
  await becomes(page, 'live');
  await shows('the first status', 'connections', 'open', (n) => n === 1);
  tap.ok(true, 'the page is the one connection');

  await page.waitForSelector('#zone option[value=live]', { state: 'attached' });
  await page.selectOption('#zone', 'live');
  await shows('a zone', 'connections', 'open', (n) => n === 0);
  tap.ok(true, 'and of the other zone there is none');

  for (let i = 0; i < CLIENTS; i += 1) await client();
  await shows('all clients', 'connections', 'open', (n) => n === CLIENTS);
  tap.ok(true, `${CLIENTS} connections`);

  let running = true;
  const load = (async () => {
    while (running) {
      clients[0].send('x'.repeat(200));
      await sleep(10);
    }
  })();

  await shows('messages in', 'messages', 'in', (n) => n > 10 && n < 110);
  const sent = await shown('messages', 'out');
  tap.ok(sent > 10 * CLIENTS, `${sent.toFixed(0)} messages out per second`);
  await shows('bytes', 'bytes', 'out', (n) => n > 10 * CLIENTS * 200);
  tap.ok(true, 'bytes per second');
  await shows('latency', 'latency', 'median', (n) => n > 0 && n < 1);
  const [median, high] = [await shown('latency', 'median'),
    await shown('latency', '99%')];
  tap.ok(high >= median, `latency ${median} s, ${high} s`);

  const row = await page.locator('#locations tr').allTextContents();
  tap.ok(row.length === 1 && row[0].startsWith(`/chatlive${CLIENTS}`),
    `the table: ${row}`);
  await until('a line', async () => await points('messages') >= 3);
  tap.ok(true, 'a line is drawn');

  running = false;
  await load;
  await shows('the end of the load', 'messages', 'in', (n) => n === 0);
  tap.ok(true, 'no messages any more');
  tap.ok(Number.isNaN(await shown('latency', 'median')), 'and no latency');

  const slow = await deaf();
  // what the kernel's buffers still take waits for a moment only
  await until('a queue', async () => {
    if ((await chat()).queued_messages === 0) await sayToAll('x'.repeat(60000));
    return await shown('queues', 'waiting') > 0;
  });
  tap.ok(true, 'messages wait for who does not read');

  await until('a full queue', async () => {
    await sayToAll('x'.repeat(60000));
    return (await chat()).dropped_messages.close > 0;
  });
  await until('it is closed, and that is drawn', async () => /[1-9]/.test(
    (await page.locator('#locations td:nth-child(7)').textContent())));
  await shows('the queue goes', 'queues', 'waiting', (n) => n === 0);
  tap.ok(true, 'it was dropped, and nothing waits');
  slow.destroy();

  for (const c of clients.splice(0, CLIENTS / 2)) c.close();
  await shows('the others', 'connections', 'open', (n) => n === CLIENTS / 2);
  tap.ok(true, 'half of the connections');

  const before = await points('connections');
  await page.reload();
  await becomes(page, 'live');
  await until('the history', async () => await points('connections') >= before);
  tap.ok(true, `the page again: ${before} points from the history`);

  await cutOff(page, () => nginx.process.kill('SIGHUP'));
  await becomes(page, 'live');
  const now = await points('connections');
  await until('it goes on', async () => await points('connections') > now);
  tap.ok(true, 'after a reload it goes on');

  const metrics = await (await fetch(`${nginx.url}/metrics`)).text();
  const grafana = readFileSync('examples/dashboard/grafana.json', 'utf8');
  JSON.parse(grafana);
  const names = new Set(grafana.match(/\bwebsocket_\w+/g));
  // some are there for a zone with a file alone
  const told = readFileSync('docs/metrics.md', 'utf8');
  const unknown = [...names].filter((n) =>
    !new RegExp(`^${n}(\\{| )`, 'm').test(metrics)
    && !told.includes(`\`${n}\``));
  tap.ok(names.size >= 15 && unknown.length === 0,
    `Grafana: ${names.size} names, unknown: ${unknown}`);
  const families = [...metrics.matchAll(/^# TYPE (\w+) /gm)].map((m) => m[1]);
  const left = families.filter((f) => !grafana.includes(f));
  tap.ok(left.length === 0, `and all that there is: ${left}`);

  await screenshot(page);

  tap.ok(browser.problems.length === 0,
    `no errors on the page: ${browser.problems}`);
  tap.ok(nginx.alerts().length === 0, 'no alerts');
} finally {
  for (const c of clients) c.terminate();
  await browser.close();
  await nginx.stop();
}

tap.done();
