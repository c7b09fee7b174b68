// npm's ws, with its messages one by one.

import { require, TIMEOUT } from '../lib/nginx.mjs';

const WebSocket = require('ws');

function inTime(promise) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error('not in time')), TIMEOUT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// takes what the constructor of ws takes.  next() is the next message; closed,
// and next() from then on, the code and the reason of the end
export function open(...address) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(...address);
    const queue = [];
    const waiting = [];

    ws.on('message', (data, binary) => {
      const message = binary ? data : data.toString();
      const waiter = waiting.shift();
      if (waiter) waiter(message); else queue.push(message);
    });
    ws.closed = new Promise((r) => ws.on('close',
      (code, reason) => r(`${code} ${reason}`)));
    ws.next = async () => (queue.length ? queue.shift()
      : inTime(Promise.race([ws.closed, new Promise((r) => waiting.push(r))])));
    ws.on('open', () => resolve(ws));
    ws.on('error', reject);
  });
}
