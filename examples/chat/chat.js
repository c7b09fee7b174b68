'use strict';

// A chat room: a WebSocket whose messages are JSON {"from", "text", "time"}.

const BASE = 500;               // milliseconds: the first wait is about this
const MAX = 20000;
const STABLE = 5000;            // a connection that held as long was a good one

// the server's codes after which to try again would be in vain

const TERMINAL = new Set([1000, 1002, 1003, 1007, 1008, 1009, 4401]);

const $ = (id) => document.getElementById(id);

const room = new URLSearchParams(location.search).get('room') || 'lobby';

let socket = null;
let failures = 0;
let timer = 0;
let position = '';              // of the last message that was seen

$('room').textContent = room;
$('name').value = localStorage.getItem('chat-name')
                  || `guest-${Math.floor(Math.random() * 9000 + 1000)}`;

function show(state, text) {
  $('state').dataset.state = state;
  $('state').textContent = text || state;
  $('send').disabled = state !== 'connected';
}

function connect() {
  clearTimeout(timer);
  show('connecting');

  const since = position ? `&since=${position}` : '';
  const url = new URL(
    `chat?room=${encodeURIComponent(room)}&position=1${since}`, location.href);
  url.protocol = url.protocol.replace('http', 'ws');

  socket = new WebSocket(url);

  let stable = 0;

  socket.onopen = () => {
    show('connected');
    stable = setTimeout(() => { failures = 0; }, STABLE);
  };

  // first a JSON object, then messages, each behind its position and a line
  // feed: the next connection goes on from the last one

  socket.onmessage = ({ data }) => {
    if (typeof data !== 'string') {
      return;
    }

    if (data[0] !== '{') {
      const end = data.indexOf('\n');

      position = data.slice(0, end);
      add(data.slice(end + 1));
      return;
    }

    const hello = JSON.parse(data);

    position = hello.position;

    if (hello.recovered === false) {
      add('{"from":"-","text":"some messages were missed"}');
    }
  };

  socket.onclose = (event) => {
    clearTimeout(stable);
    socket = null;

    if (TERMINAL.has(event.code)) {
      show('ended', `closed: ${event.reason || event.code}`);
      return;
    }

    reconnect();
  };
}

// exponential, with jitter: a thousand clients must not come back at once

function reconnect(soon) {
  const wait = soon
    ? Math.random() * BASE
    : Math.min(MAX, BASE + Math.random() * Math.min(MAX, BASE * 2 ** failures));

  failures++;

  show('reconnecting', `reconnecting in ${Math.ceil(wait / 1000)} s`);

  clearTimeout(timer);
  timer = setTimeout(connect, wait);
}

function add(data) {
  let message;

  try {
    message = JSON.parse(data);
  } catch {
    message = { text: data };
  }

  if (message === null || typeof message !== 'object') {
    message = { text: String(message) };
  }

  // what others wrote is text, never HTML

  const item = document.createElement('li');
  const from = document.createElement('span');
  const time = document.createElement('time');
  const text = document.createElement('span');
  const date = new Date(message.time || Date.now());

  from.className = 'from';
  from.textContent = message.from || 'somebody';
  text.textContent = message.text;
  time.textContent = Number.isNaN(date.getTime()) ? ''
                                                  : date.toLocaleTimeString();

  item.className = message.from === $('name').value ? 'own' : '';
  item.append(time, from, text);

  $('messages').append(item);
  item.scrollIntoView({ block: 'end' });
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();

  // while there is no connection, what was typed stays where it is

  if (!socket || socket.readyState !== WebSocket.OPEN) {
    return;
  }

  localStorage.setItem('chat-name', $('name').value);

  socket.send(JSON.stringify({
    from: $('name').value,
    text: $('text').value,
    time: new Date().toISOString(),
  }));

  $('text').value = '';
  $('text').focus();
});

addEventListener('online', () => {
  if (!socket && $('state').dataset.state === 'reconnecting') {
    reconnect(true);
  }
});

connect();
