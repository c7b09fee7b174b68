// Compression with npm's ws, in each way that it knows to ask for it.

import { randomBytes } from 'node:crypto';
import { Nginx, Tap } from '../lib/nginx.mjs';
import { open } from './ws.mjs';

const settings = [
  'on',
  'on level=9 min_length=0 window=9 memory=1',
  'on window=15 memory=9 context_takeover=on',
  'on min_length=0 window=10 context_takeover=on',
];

const nginx = await Nginx.start('deflate_ws', `
  websocket_zone zone=live:8m;
  websocket_max_message_size 200k;
  server {
    listen 127.0.0.1:$PORT;
    ${settings.map((setting, i) => `
      location = /echo/${i} { websocket echo; websocket_deflate ${setting}; }
      location = /chat/${i} {
        websocket pubsub;
        websocket_channel ${i};
        websocket_deflate ${setting};
      }`).join('')}
    location = /small {
      websocket echo;
      websocket_deflate on;
      websocket_max_message_size 1k;
    }
  }
`);
const tap = new Tap();
const base = `ws://127.0.0.1:${nginx.port}`;

const offers = [true, false].flatMap((serverNoContextTakeover) =>
  [true, false].flatMap((clientNoContextTakeover) =>
    [undefined, 9, 15].flatMap((serverMaxWindowBits) =>
      [undefined, 9, 15].map((clientMaxWindowBits) => ({
        // "false" would refuse what a server may well answer
        ...(serverNoContextTakeover && { serverNoContextTakeover }),
        ...(clientNoContextTakeover && { clientNoContextTakeover }),
        ...(serverMaxWindowBits && { serverMaxWindowBits }),
        ...(clientMaxWindowBits && { clientMaxWindowBits }),
        threshold: 0,
      })))));

const same = (a, b) => (Buffer.isBuffer(b)
  ? Buffer.isBuffer(a) && a.equals(b) : a === b);

const messages = [];
for (const size of [0, 1, 20, 63, 64, 125, 126, 1000, 4096, 30000, 65535,
  65536, 100000]) {
  messages.push('the quick brown fox h\u00e9 '.repeat(size / 20 + 1)
    .slice(0, size));
  messages.push(randomBytes(size));
  messages.push(Buffer.alloc(size));
  messages.push(randomBytes(700).toString('base64').repeat(size / 900 + 1)
    .slice(0, size));
}

function send(ws, message, i) {
  if (i % 3 === 0) {
    const half = message.length >> 1;
    ws.send(message.slice(0, half), { fin: false });
    ws.send(message.slice(half));
  } else {
    ws.send(message);
  }
}

async function echoes(i, offer) {
  const ws = await open(`${base}/echo/${i}`, { perMessageDeflate: offer });
  let good = ws.extensions.startsWith('permessage-deflate');

  messages.forEach((message, n) => send(ws, message, n));
  for (const message of messages) good &&= same(await ws.next(), message);

  ws.close(1000);
  return good && (await ws.closed).startsWith('1000');
}

async function hear(i) {
  const all = await Promise.all([...offers, false].map((offer) =>
    open(`${base}/chat/${i}`, { perMessageDeflate: offer })));
  let good = true;

  for (const [n, message] of messages.entries()) {
    send(all[n % all.length], message, n);
    for (const ws of all) good &&= same(await ws.next(), message);
  }

  all.forEach((ws) => ws.terminate());
  return good;
}

try {
  for (const [i, setting] of settings.entries()) {
    let good = true;
    for (const offer of offers) good &&= await echoes(i, offer);
    tap.ok(good, `${setting}: ${offers.length} offers, ${messages.length} `
      + 'messages of each are echoed');
    tap.ok(await hear(i), 'and all of them hear each other');
  }

  const bomber = await open(`${base}/small`,
    { perMessageDeflate: { threshold: 0 } });
  bomber.send('x'.repeat(1024));
  tap.ok(await bomber.next() === 'x'.repeat(1024), 'the largest message');
  bomber.send(Buffer.alloc(10000000));
  tap.ok(await bomber.closed === '1009 message exceeds the maximum size',
    'and a bomb');

  tap.ok(nginx.alerts().length === 0, 'no alerts');
} finally {
  await nginx.stop();
}

tap.done();
