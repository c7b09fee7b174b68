'use strict';

// What is published on one nginx comes on all: a WebSocket whose messages are
// JSON {"from", "text"}, from being the nginx that took it.

const $ = (id) => document.getElementById(id);

const here = location.host;
const others = new Set();

let socket = null;
let wait = 500;                 // milliseconds, before the next try

$('node').textContent = here;

function show(state) {
  $('state').dataset.state = state;
  $('state').textContent = state;
  $('send').disabled = state !== 'connected';
}

function connect() {
  show('connecting');

  const url = new URL('ws', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  socket = new WebSocket(url);

  socket.onopen = () => {
    $('messages').replaceChildren();    // the history comes again
    wait = 500;
    show('connected');
  };

  socket.onmessage = (event) => add(JSON.parse(event.data));

  socket.onclose = () => {
    show('reconnecting');
    setTimeout(connect, wait / 2 + Math.random() * wait / 2);
    wait = Math.min(20000, wait * 2);
  };
}

function add({ from, text }) {
  const item = document.createElement('li');
  const by = document.createElement('span');

  item.className = from === here ? 'here' : '';
  by.className = 'from';
  by.textContent = from;
  item.append(by, text);
  $('messages').append(item);

  if (from !== here && !others.has(from)) {
    others.add(from);
    link();
  }
}

function link() {
  $('others').replaceChildren(...[...others].flatMap((host) => {
    const a = document.createElement('a');
    a.href = `${location.protocol}//${host}/`;
    a.textContent = host;
    return [a, ' '];
  }));
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();

  if (socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify({ from: here, text: $('text').value }));
    $('text').value = '';
  }
});

connect();
