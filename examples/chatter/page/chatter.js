'use strict';

// A client of each endpoint.  The token is kept in this page alone.

const $ = (id) => document.getElementById(id);

let token = '';

function open(name) {
  const url = new URL(name, location.href);
  url.protocol = url.protocol.replace('http', 'ws');

  return new WebSocket(url, ['chatter', `bearer.${token}`]);
}

function show(state, text) {
  $('state').dataset.state = state;
  $('state').textContent = text;
  $('login').hidden = state === 'connected';
  $('service').hidden = state !== 'connected';
}

// what others wrote is text, never HTML

function add(list, text) {
  const item = document.createElement('li');
  item.textContent = text;
  list.append(item);
}

async function login(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  const basic = btoa(String.fromCharCode(...bytes));

  // without "omit" the browser would ask for the password by itself

  const answer = await fetch('login', {
    method: 'POST',
    credentials: 'omit',
    headers: { Authorization: `Basic ${basic}` },
  });

  if (!answer.ok) {
    throw new Error(answer.status === 401 ? 'wrong name or password'
                                          : `login: ${answer.status}`);
  }

  token = (await answer.json()).token;
}

function subscribe(name) {
  const socket = open('subscribe');

  socket.onopen = () => show('connected', name);

  socket.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    add($('events'), `${event.added_at} ${event.action}: ${event.message}`);
  };

  // 4401 is the end of the token; after the others one may just come back,
  // which examples/chat shows

  socket.onclose = ({ code, reason }) => {
    show('out', `closed: ${reason || code}`);
  };
}

// one message to one endpoint, and what it answers to that

function say(to, text) {
  const socket = open(to);

  socket.onopen = () => {
    socket.send(JSON.stringify({ message: text }));

    if (to === 'summary') {
      socket.send('{"end":true}');
    }

    if (to === 'listener') {
      socket.close(1000);
    }
  };

  socket.onmessage = ({ data }) => {
    $('answer').textContent = `${to}: ${data}`;
    socket.close(1000);
  };

  socket.onclose = ({ code }) => {
    if (code !== 1000) {
      $('answer').textContent = `${to}: refused or closed (${code})`;
    }
  };
}

async function history() {
  const answer = await fetch(`history?limit=100&view=${$('view').value}`, {
    headers: { Authorization: `Bearer ${token}` },
  });

  const { messages = [] } = await answer.json();

  $('history').replaceChildren();
  messages.forEach((message) => add($('history'), message.data));
}

$('login').addEventListener('submit', async (event) => {
  event.preventDefault();

  try {
    await login($('name').value, $('password').value);
    $('password').value = '';
    subscribe($('name').value);
  } catch (e) {
    show('out', e.message);
  }
});

$('say').addEventListener('submit', (event) => {
  event.preventDefault();
  $('answer').textContent = '';
  say(event.submitter.value, $('text').value);
  $('text').value = '';
});

$('show').addEventListener('click', history);
