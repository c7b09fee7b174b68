// Compression in headless Chromium, which offers it by itself.

import { Nginx, Tap } from '../lib/nginx.mjs';
import { launch } from './browser.mjs';

const nginx = await Nginx.start('deflate_browser', `
  websocket_max_message_size 1m;
  server {
    listen 127.0.0.1:$PORT;
    location = / { default_type text/html; return 200 '<!doctype html>'; }
    location = /off { websocket echo; }
    location = /each { websocket echo; websocket_deflate on; }
    location = /over {
      websocket echo;
      websocket_deflate on context_takeover=on;
    }
  }
`);
const browser = await launch(nginx);
const tap = new Tap();

// on the page: what was agreed on, and the sizes that did not come back right
function echoes(url) {
  const sizes = [0, 1, 63, 64, 125, 126, 1000, 65535, 65536, 300000];
  const text = 'the quick brown fox h\u00e9 \u{1f600} ';

  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url);
    const wrong = [];
    const sent = [];

    ws.binaryType = 'arraybuffer';
    ws.onopen = () => {
      for (const size of sizes) {
        // not cut within a character
        sent.push(text.repeat(size / 25 + 1).slice(0, size)
          .replace(/[\ud800-\udbff]$/, 'x'));
        sent.push(new Uint8Array(size).map((_, i) => i * i >> 8).buffer);
      }
      sent.forEach((message) => ws.send(message));
    };
    ws.onmessage = ({ data }) => {
      const message = sent.shift();
      const same = typeof data === 'string' ? data === message
        : `${new Uint8Array(data)}` === `${new Uint8Array(message)}`;

      if (!same) wrong.push(message.length ?? message.byteLength);
      if (sent.length === 0) ws.close(1000);
    };
    ws.onclose = ({ code }) => (code === 1000
      ? resolve({ extensions: ws.extensions, wrong })
      : reject(new Error(`closed with ${code}`)));
  });
}

try {
  const page = await browser.newPage();
  await page.goto('/');

  for (const [uri, extensions] of [
    ['/off', ''],
    ['/each', 'permessage-deflate; server_no_context_takeover; '
      + 'client_no_context_takeover; server_max_window_bits=12'],
    ['/over', 'permessage-deflate; server_max_window_bits=12; '
      + 'client_max_window_bits=12'],
  ]) {
    const got = await page.evaluate(echoes,
      `ws://127.0.0.1:${nginx.port}${uri}`);

    tap.ok(got.extensions === extensions,
      `${uri}: agreed on "${got.extensions}"`);
    tap.ok(got.wrong.length === 0, `and all is echoed ${got.wrong}`);
  }

  tap.ok(nginx.alerts().length === 0, 'no alerts');
} finally {
  await browser.close();
  await nginx.stop();
}

tap.done();
