// A proxy on the way hangs, in headless Chromium: no close comes, and the page
// knows within two intervals by the heartbeats that it sees, over a WebSocket
// and by EventSource; it comes back, and has missed nothing.

import { connect, createServer } from 'node:net';
import { freePort, Nginx, Tap, until } from '../lib/nginx.mjs';
import { launch } from './browser.mjs';

const INTERVAL = 700;

const conf = `
  websocket_zone zone=live:4m;
  server {
    listen 127.0.0.1:$PORT;
    websocket_channel x;
    websocket_history length=1000;
    websocket_origin any;
    location = / { default_type text/html; return 200 "<title>x</title>"; }
    location = /feed {
      websocket subscribe;
      websocket_heartbeat interval=${INTERVAL}ms visible;
      add_header Access-Control-Allow-Origin *;
    }
    location = /publish { websocket_publish; }
  }`;

// what the page does: as docs/guide/browsers.md has it
function listen([interval, ...urls]) {
  const seen = { got: [], beats: 0, dead: [], opened: 0, state: -1 };
  window.seen = seen;
  let heard;
  let timer;
  let position;

  function alive(socket) {
    heard = performance.now();
    clearTimeout(timer);
    timer = setTimeout(() => {
      seen.dead.push(performance.now() - heard);
      seen.state = socket.readyState;
      socket.close();
      urls.push(urls.shift());
      window.open();
    }, 2 * interval);
  }

  function websocket() {
    const socket = new WebSocket(`${urls[0].replace('http', 'ws')}?position=1`
      + `${position ? `&since=${position}` : ''}`);
    alive(socket);
    socket.onopen = () => { seen.opened += 1; };
    socket.onmessage = ({ data }) => {
      alive(socket);
      if (data[0] === '{') {
        seen.beats += 1;
        position = JSON.parse(data).position;
      } else {
        const end = data.indexOf('\n');
        position = data.slice(0, end);
        seen.got.push(data.slice(end + 1));
      }
    };
  }

  function events() {
    const source = new EventSource(
      `${urls[0]}?x=1${position ? `&since=${position}` : ''}`);
    alive(source);
    source.onopen = () => { seen.opened += 1; };
    const take = (e) => { alive(source); position = e.lastEventId; };
    source.onmessage = (e) => { take(e); seen.got.push(e.data); };
    source.addEventListener('heartbeat', (e) => { take(e); seen.beats += 1; });
  }

  window.open = window.kind === 'events' ? events : websocket;
  window.open();
}

// a proxy that can hang: it holds what comes, and closes nothing
function proxy(port, target) {
  const sockets = [];
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const s of [client, upstream]) s.on('error', () => {});
    client.pipe(upstream);
    upstream.pipe(client);
    sockets.push(client, upstream);
  });

  server.listen(port, '127.0.0.1');
  server.freeze = () => sockets.forEach((s) => { s.unpipe(); s.pause(); });
  server.end = () => {
    server.close();
    sockets.forEach((s) => s.destroy());
  };
  return server;
}

const nginx = await Nginx.start('heartbeat', conf);
const between = await freePort();
const browser = await launch(nginx);
const tap = new Tap();

const publish = (text) => fetch(`${nginx.url}/publish`,
  { method: 'POST', body: text });

async function frozen(kind, busy) {
  const name = `${kind}${busy ? ', busy' : ''}`;
  const hanging = proxy(between, nginx.port);
  const page = await browser.newPage();
  const seen = () => page.evaluate(() => window.seen);

  await page.goto('/');
  await page.evaluate((k) => { window.kind = k; }, kind);
  await page.evaluate(listen, [INTERVAL, `http://127.0.0.1:${between}/feed`,
    `${nginx.url}/feed`]);

  const feed = busy ? setInterval(() => publish('more'), 50) : null;
  await until('heartbeats come', async () => (await seen()).beats >= 4);
  const before = await seen();
  tap.ok(before.dead.length === 0 && before.opened === 1,
    `${name}: as long as they do nothing is dead`);
  clearInterval(feed);

  await publish('before');
  await until('a message has come',
    async () => (await seen()).got.includes('before'));
  hanging.freeze();
  await publish('while it hangs');

  await until('the page knows', async () => (await seen()).dead.length > 0);
  const after = await seen();
  tap.ok(after.dead[0] >= 2 * INTERVAL && after.state === 1,
  `${name}: it knows ${Math.round(after.dead[0])} ms after the last one, `
    + 'of a connection that is open');

  await until('it is back',
    async () => (await seen()).got.includes('while it hangs'));
  const { got } = await seen();
  tap.ok(got.slice(got.lastIndexOf('before')).join()
    === 'before,while it hangs', `${name}: it comes back and misses nothing`);

  await page.close();
  hanging.end();
}

try {
  await frozen('websocket', false);
  await frozen('websocket', true);
  await frozen('events', false);
  tap.ok(browser.problems.length === 0, `no problems ${browser.problems}`);
} finally {
  await browser.close();
  await nginx.stop();
}

tap.ok(nginx.alerts().length === 0, `no alerts: ${nginx.alerts()}`);
tap.done();
