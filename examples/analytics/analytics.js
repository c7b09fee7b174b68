// Plots a feed, one figure for each metric. How much there is to show depends
// on the view that was asked for.

const POINTS = 120;
const METRICS = 32;
const WIDTH = 400;
const HEIGHT = 140;
const EDGE = 16;                // above and below the line, for the labels

// codes after which to try again would be in vain

const TERMINAL = new Set([1000, 1002, 1003, 1007, 1008, 1009]);

const $ = (id) => document.getElementById(id);

const number = (n) => n.toLocaleString('en', { maximumSignificantDigits: 6 });
const clock = (text) => new Date(text).toLocaleTimeString();

const metrics = new Map();      // name: { figure, messages }
let socket = null;
let position = null;
let newest = '';
let messages = 0;
let bytes = 0;
let failures = 0;
let timer = 0;

function svg(name, attributes, parent) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return parent.appendChild(e);
}

function element(name, cls, parent) {
  const e = parent.appendChild(document.createElement(name));
  e.className = cls;
  return e;
}

function makeFigure(name) {
  const figure = element('figure', '', $('plots'));
  figure.dataset.metric = name;

  const caption = element('figcaption', '', figure);
  element('b', '', caption).textContent = name;
  element('span', 'value', caption);
  element('span', 'change', caption);

  const plot = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none',
  }, figure);
  for (const y of [EDGE, HEIGHT - EDGE]) {
    svg('line', { class: 'grid', x1: 0, x2: WIDTH, y1: y, y2: y }, plot);
  }
  svg('path', {}, plot);
  svg('text', { class: 'high', x: 0, y: EDGE - 4 }, plot);
  svg('text', { class: 'low', x: 0, y: HEIGHT - 4 }, plot);
  svg('text', { class: 'end', x: WIDTH, y: HEIGHT - 4 }, plot);

  element('div', 'meta', figure);

  return figure;
}

// the newest value is at the right edge

function line(values, low, high) {
  const step = WIDTH / (POINTS - 1);
  const scale = (HEIGHT - 2 * EDGE) / (high - low);

  return values.map((v, i) => {
    const x = WIDTH - (values.length - 1 - i) * step;
    const y = HEIGHT - EDGE - (v - low) * scale;
    return `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(2)}`;
  }).join('');
}

function span(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return high > low ? [low, high] : [low - 1, high + 1];
}

function drawMetric({ figure, messages: list }) {
  const put = (selector, text) => {
    figure.querySelector(selector).textContent = text;
  };
  const values = list.map((m) => m.value);
  const last = list[list.length - 1];
  const [low, high] = span(values);

  Object.assign(figure.dataset, { low, high });
  figure.querySelector('path').setAttribute('d', line(values, low, high));

  put('.value', number(last.value));
  put('.high', number(high));
  put('.low', number(low));

  // what not every view has

  put('.change', last.change === undefined ? ''
    : `${last.change < 0 ? '' : '+'}${number(last.change)}`);
  put('.end', last.timestamp === undefined ? ''
    : `${clock(list[0].timestamp)} \u2013 ${clock(last.timestamp)}`);
  put('.meta', Object.entries(last.metadata ?? {})
    .map(([k, v]) => `${k}: ${typeof v === 'string' ? v : JSON.stringify(v)}`)
    .join(', '));
}

function draw() {
  metrics.forEach(drawMetric);
  $('newest').textContent = newest;
  $('messages').textContent = messages;
  $('bytes').textContent = bytes;
}

let due = false;

function drawSoon() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    draw();
  });
}

function clear() {
  metrics.clear();
  $('plots').replaceChildren();
  position = null;
  newest = '';
  messages = 0;
  bytes = 0;
  drawSoon();
}

function add(text) {
  const message = JSON.parse(text);
  let metric = metrics.get(message.metric);

  newest = text;
  messages += 1;
  bytes += new Blob([text]).size;
  drawSoon();

  if (!metric) {
    if (metrics.size === METRICS) return;
    metric = { figure: makeFigure(message.metric), messages: [] };
    metrics.set(message.metric, metric);
  }

  metric.messages.push(message);
  if (metric.messages.length > POINTS) metric.messages.shift();
}

// A measurement has its position before it; what begins as an object is of the
// server itself.

function take(data) {
  if (!data.startsWith('{')) {
    const end = data.indexOf('\n');
    position = data.slice(0, end);
    add(data.slice(end + 1));
    return;
  }

  const first = JSON.parse(data);
  if (first.recovered === false) clear();
  position = first.position;
}

function say(state, text) {
  $('state').dataset.state = state;
  $('state').textContent = text ?? state;
}

function connect() {
  const url = new URL('analytics', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.searchParams.set('view', $('view').value);
  url.searchParams.set('position', 1);
  if (position) url.searchParams.set('since', position);

  say('connecting');

  const mine = new WebSocket(url);
  socket = mine;

  mine.onmessage = (e) => {
    if (mine !== socket) return;
    failures = 0;
    say('live');
    take(e.data);
  };
  mine.onclose = (e) => {
    if (mine === socket) closed(e);
  };
}

function closed({ code, reason }) {
  socket = null;

  if (TERMINAL.has(code)) {
    say('ended', `closed: ${reason || code}`);
    return;
  }

  say('reconnecting');
  timer = setTimeout(connect, (0.5 + Math.random())
    * Math.min(500 * 2 ** failures, 20000));
  failures += 1;
}

// another view is another stream, from the beginning of the history

function choose() {
  const old = socket;

  socket = null;
  old?.close();
  clearTimeout(timer);
  clear();
  connect();
}

const wanted = new URLSearchParams(location.search).get('view');

if ([...$('view').options].some((o) => o.value === wanted)) {
  $('view').value = wanted;
}

$('view').onchange = choose;
connect();
