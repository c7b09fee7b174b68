// websocket_refuse close, in headless Chromium: the page is told why its
// WebSocket was refused, which it is of no other refusal.

import { Nginx, Tap } from '../lib/nginx.mjs';
import { launch } from './browser.mjs';

const conf = `
  websocket_zone zone=live:1m;
  limit_conn_zone $server_port zone=c:64k;
  server {
    listen 127.0.0.1:$PORT;
    websocket_channel x;
    websocket_refuse close;
    location = / { default_type text/html; return 200 "<title>x</title>"; }
    location = /name { websocket pubsub; websocket_channel $arg_c; }
    location = /login { websocket pubsub; auth_request /who; }
    location = /who { internal; return 401; }
    location = /denied { websocket pubsub; deny all; }
    location = /foreign { websocket pubsub; websocket_origin https://x.test; }
    location = /full { websocket pubsub; limit_conn c 1; }
    location = /plain { websocket pubsub; deny all; websocket_refuse status; }
  }`;

const closed = ([url, subprotocols]) => new Promise((resolve) => {
  const ws = new WebSocket(url.replace(/^http/, 'ws'), subprotocols);
  ws.onclose = (e) => resolve([e.code, e.reason, e.wasClean]);
});

const nginx = await Nginx.start('refuse', conf);
const browser = await launch(nginx);
const tap = new Tap();

try {
  const page = await browser.newPage();
  await page.goto('/');

  const cases = [
    ['/name', [], [4400, 'a variable of the channel name is empty: "$arg_c"',
      true]],
    ['/name', ['bearer.secret', 'chat'], [4400,
      'a variable of the channel name is empty: "$arg_c"', true]],
    ['/login', [], [4401, 'HTTP status 401', true]],
    ['/denied', [], [4403, 'HTTP status 403', true]],
    ['/plain', [], [1006, '', false]],
  ];

  for (const [path, subprotocols, want] of cases) {
    const got = await page.evaluate(closed, [nginx.url + path, subprotocols]);
    tap.ok(JSON.stringify(got) === JSON.stringify(want),
      `${path}: ${JSON.stringify(got)}`);
  }

  const told = await page.evaluate((url) => new Promise((resolve) => {
    const events = new EventSource(url);
    events.addEventListener('close', ({ data }) => {
      events.close();
      resolve(data);
    });
  }), `${nginx.url}/login`);
  tap.ok(told === '{"code":4401,"reason":"HTTP status 401"}',
    `an EventSource: ${told}`);

  const [code] = await page.evaluate(closed, [`${nginx.url}/foreign`, []]);
  tap.ok(code === 4403, 'a page of another site is told so too');

  await page.evaluate((url) => new Promise((resolve) => {
    window.first = new WebSocket(url);
    window.first.onopen = resolve;
  }), `${nginx.url.replace(/^http/, 'ws')}/full`);
  const full = await page.evaluate(closed, [`${nginx.url}/full`, []]);
  tap.ok(full[0] === 4503, 'one too many of limit_conn');

  tap.ok(nginx.alerts().length === 0, 'no alerts');
} finally {
  await browser.close();
  await nginx.stop();
}

tap.done();
