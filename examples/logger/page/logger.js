// The entries of a topic that match a filter, which changes while they come.
// The keys are kept in this page alone.

const SHOWN = 500;

// codes and statuses after which to try again would be in vain

const TERMINAL = new Set([1000, 1002, 1003, 1007, 1008, 1009]);
const REFUSED = new Set([400, 401, 403, 404, 414, 426]);

const WHY = {
  401: 'the key is not known',
  403: 'the key is not for this topic',
};

const $ = (id) => document.getElementById(id);

let watched = null;             // topic and key
let rule = 'null';              // what the server has accepted, as JSON,
let asked = [];                 // and has not answered yet
let socket = null;
let position = null;
let failures = 0;
let timer = 0;

function say(state, text) {
  $('state').dataset.state = state;
  $('state').textContent = text ?? state;
  $('change').disabled = state !== 'live';
}

function answer(id, ok, text) {
  $(id).dataset.ok = ok;
  $(id).textContent = text;
}

const inWords = ({ code, path, message }) =>
  `${code}: ${path ? `${path}: ` : ''}${message}`;

// what the fields say, as a filter; all levels are no condition

function built() {
  const filter = {};
  const boxes = [...$('levels').querySelectorAll('input')];
  const levels = boxes.filter((b) => b.checked).map((b) => b.value);

  if (levels.length < boxes.length) filter.level = levels;
  if ($('service').value) filter.service = { prefix: $('service').value };
  if ($('message').value) filter.message = { prefix: $('message').value };
  if ($('field').value && $('least').value) {
    filter[`data.${$('field').value}`] = { gte: Number($('least').value) };
  }

  return Object.keys(filter).length ? JSON.stringify(filter) : 'null';
}

function hold(accepted) {
  rule = accepted;
  $('inforce').textContent = rule === 'null' ? 'no filter' : rule;
}

// what is written, or undefined where that is no JSON: the server would take
// it for a message, and a reader has none to send

function written() {
  try {
    return JSON.stringify(JSON.parse($('rule').value));
  } catch (e) {
    answer('answer', false, `no JSON: ${e.message}`);
    return undefined;
  }
}

// what others wrote is text, never HTML

function part(item, name, cls, text) {
  const e = item.appendChild(document.createElement(name));
  e.className = cls;
  e.textContent = text;
  return e;
}

function list(item) {
  $('entries').prepend(item);
  if ($('entries').childElementCount > SHOWN) $('entries').lastChild.remove();
}

function mark(text) {
  const item = document.createElement('li');

  item.className = 'mark';
  item.textContent = text;
  list(item);
}

function show({ time, level, service, message, data }) {
  const item = document.createElement('li');
  const date = new Date(time);

  item.dataset.level = level;
  part(item, 'time', '', Number.isNaN(date.getTime()) ? time
    : date.toLocaleTimeString()).title = time;
  part(item, 'b', 'level', level);
  part(item, 'span', 'service', service);
  part(item, 'span', 'message', message);
  if (data) part(item, 'code', 'data', JSON.stringify(data));

  list(item);
}

// An entry has its position before it; what begins as an object is of the
// server itself, and its answers come in the order of the questions.

function take(text) {
  if (!text.startsWith('{')) {
    const end = text.indexOf('\n');
    position = text.slice(0, end);
    show(JSON.parse(text.slice(end + 1)));
    return;
  }

  const told = JSON.parse(text);

  if (told.position) {
    if (told.recovered === false) mark('some entries are lost');
    position = told.position;
  } else if (told.filter) {

    // what follows is all that matches, old and new

    $('entries').replaceChildren();
    hold(asked.shift());
    mark($('inforce').textContent);
    answer('answer', true, told.filter);
  } else if (told.error) {
    asked.shift();
    answer('answer', false, inWords(told.error));
  }
}

function address() {
  const url = new URL(`logs/${watched.topic}/monitor`, location.href);

  url.searchParams.set('api_key', watched.key);
  url.searchParams.set('position', 1);
  if (rule !== 'null') url.searchParams.set('filter', rule);
  if (position) url.searchParams.set('since', position);

  return url;
}

// A browser does not say with which status a handshake was refused. Events
// are refused for the same reasons.

async function refusal() {
  try {
    const events = await fetch(address(), {
      headers: { Accept: 'text/event-stream' },
    });

    if (!REFUSED.has(events.status)) {
      events.body.cancel();
      return null;
    }

    return WHY[events.status]
      ?? (events.status === 400 ? await events.text() : events.status);
  } catch {
    return null;
  }
}

function connect() {
  const url = address();
  let opened = false;

  url.protocol = url.protocol.replace('http', 'ws');
  say('connecting');

  const mine = new WebSocket(url);
  socket = mine;

  mine.onmessage = (e) => {
    if (mine !== socket) return;
    if (!opened) {
      opened = true;
      failures = 0;
      hold(rule);
      say('live');
    }
    take(e.data);
  };
  mine.onclose = async (e) => {
    if (mine !== socket) return;
    say('reconnecting');
    const why = opened ? null : await refusal();
    if (mine === socket) closed(e, why);
  };
}

function closed({ code, reason }, why) {
  socket = null;

  if (asked.length) answer('answer', false, 'no answer: the old one holds');
  asked = [];

  if (why !== null) {
    say('refused', `refused: ${why}`);
    return;
  }

  if (TERMINAL.has(code)) {
    say('ended', `closed: ${reason || code}`);
    return;
  }

  timer = setTimeout(connect, (0.5 + Math.random())
    * Math.min(500 * 2 ** failures, 20000));
  failures += 1;
}

// another topic, or another key, is another stream

function watch(event) {
  const old = socket;
  const text = written();

  event.preventDefault();
  if (text === undefined) return;

  socket = null;
  old?.close();
  clearTimeout(timer);
  $('entries').replaceChildren();

  watched = { topic: $('topic').value, key: $('key').value };
  rule = text;
  asked = [];
  position = null;
  failures = 0;
  $('inforce').textContent = 'nothing yet';
  answer('answer', true, '');
  connect();
}

function change(event) {
  const text = written();

  event.preventDefault();
  if (text === undefined || $('change').disabled) return;

  answer('answer', true, '');
  asked.push(text);
  socket.send(`{"filter":${text}}`);
}

async function outcome(key, entry) {
  const response = await fetch(`logs/${$('topic').value}`, {
    method: 'POST',
    headers: { 'X-Api-Key': key },
    body: JSON.stringify(entry),
  });

  if (response.ok) {
    const { subscribers } = await response.json();
    return [true, `taken, with ${subscribers} watching`];
  }

  return [false, response.status === 422
    ? inWords((await response.json()).error)
    : `refused: ${WHY[response.status] ?? response.status}`];
}

async function post(event) {
  event.preventDefault();
  if (!$('topic').reportValidity()) return;

  try {
    const entry = {
      time: new Date().toISOString(),
      level: $('level').value,
      service: $('from').value,
      message: $('text').value,
    };
    if ($('data').value) entry.data = JSON.parse($('data').value);

    answer('posted', ...await outcome($('writer').value, entry));
  } catch (e) {
    answer('posted', false, e.message);
  }
}

for (const input of document.querySelectorAll('#filter input')) {
  input.addEventListener('input', () => { $('rule').value = built(); });
}

$('rule').value = built();
$('watch').onsubmit = watch;
$('filter').onsubmit = change;
$('post').onsubmit = post;
