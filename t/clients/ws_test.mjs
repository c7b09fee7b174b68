// npm's ws, a client that nobody here wrote, through the same nginx as the
// browser test starts.

import { Nginx, Tap } from '../lib/nginx.mjs';
import { open } from './ws.mjs';

const nginx = await Nginx.start('ws', `
  websocket_zone zone=live:4m;
  server {
    listen 127.0.0.1:$PORT;
    location = /echo {
      websocket echo;
      websocket_max_message_size 4m;
      websocket_subprotocols v2 v1;
    }
    location = /chat { websocket pubsub; websocket_channel c; }
    location = /result { websocket subscribe; websocket_channel c; }
  }
`);
const tap = new Tap();
const base = `ws://127.0.0.1:${nginx.port}`;

try {
  const echo = await open(`${base}/echo`, ['v1', 'v2']);
  tap.ok(echo.protocol === 'v2', 'subprotocol');

  for (const message of ['', 'hello', 'h\u00e9\u{1f600}', 'x'.repeat(126),
    'x'.repeat(65536), Buffer.from([0, 255]), Buffer.alloc(3000000, 7)]) {
    echo.send(message);
    const got = await echo.next();
    tap.ok(Buffer.isBuffer(message) ? message.equals(got) : message === got,
      `${typeof message} of ${message.length}`);
  }

  echo.send('frag', { fin: false });
  echo.send('mented');
  tap.ok(await echo.next() === 'fragmented', 'fragments');

  echo.ping('data');
  await new Promise((r) => echo.on('pong', r));
  tap.ok(true, 'Ping and Pong');

  echo.close(1000, 'bye');
  tap.ok((await echo.closed).startsWith('1000'), 'the closing handshake');

  const chat = await Promise.all(Array.from({ length: 20 },
    () => open(`${base}/chat`)));
  chat[0].send('hello');
  const got = await Promise.all(chat.map((c) => c.next()));
  tap.ok(got.every((m) => m === 'hello'), 'all 20 hear one');

  const result = await open(`${base}/result`);
  result.send('not here');
  tap.ok(await result.closed === '1008 this stream does not take messages',
    'a refused message says why');

  chat.forEach((c) => c.terminate());
  tap.ok(nginx.alerts().length === 0, 'no alerts');
} finally {
  await nginx.stop();
}

tap.done();
