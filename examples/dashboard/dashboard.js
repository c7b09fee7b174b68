// Draws what the stream of statuses tells: totals become rates between one
// status and the next.

const POINTS = 180;
const WIDTH = 400;
const HEIGHT = 120;

const $ = (id) => document.getElementById(id);
const sum = (values) => values.reduce((a, b) => a + b, 0);
const all = (object) => sum(Object.values(object));

const number = (n) => (n >= 100 ? Math.round(n) : +n.toPrecision(3))
  .toLocaleString('en');
const bytes = (n) => (n >= 2 ** 20 ? `${number(n / 2 ** 20)} MB`
  : `${number(n / 1024)} KB`);
const time = (s) => (s >= 1 ? `${number(s)} s` : `${number(s * 1000)} ms`);

// each line of a plot is a number for every status, or null

const PLOTS = [
  ['connections', 'Connections', number,
    { open: (now) => of(now, (l) => all(l.active_connections)) }],
  ['messages', 'Messages per second', number, {
    in: (now, last) => rate(now, last, (l) => l.messages_received),
    out: (now, last) => rate(now, last, (l) => l.messages_sent),
  }],
  ['bytes', 'Bytes per second', bytes, {
    in: (now, last) => rate(now, last, (l) => l.bytes_received),
    out: (now, last) => rate(now, last, (l) => l.bytes_sent),
  }],
  ['latency', 'Delivery time', time, {
    median: (now, last) => quantile(now, last, 0.5),
    '99%': (now, last) => quantile(now, last, 0.99),
  }],
  ['queues', 'Send queues', number, {
    waiting: (now) => of(now, (l) => l.queued_messages),
    'dropped/s': (now, last) => rate(now, last, (l) => all(l.dropped_messages)),
  }],
  ['memory', 'Zone memory', bytes, {
    used: (now) => sum(zones(now).map((z) => z.used)),
    size: (now) => sum(zones(now).map((z) => z.size)),
  }],
];

const statuses = [];
let wanted = '';

const zones = (s) => s.zones.filter((z) => !wanted || z.name === wanted);
const locations = (s) => s.locations
  .filter((l) => !wanted || l.zone === wanted);
const of = (s, value) => sum(locations(s).map(value));

// nginx may have been started anew: then there is no rate

function rate(now, last, value) {
  if (!last || now.time <= last.time) return null;
  const n = of(now, value) - of(last, value);
  return n < 0 ? null : n * 1000 / (now.time - last.time);
}

// as histogram_quantile() of Prometheus: a bucket's values lie evenly in it

function quantile(now, last, q) {
  if (!last) return null;

  const counts = (s) => zones(s).map((z) => z.delivery_seconds)
    .map((d) => [...d.buckets.map(([, n]) => n), d.count])
    .reduce((a, b) => a.map((n, i) => n + b[i]));
  const bounds = now.zones[0].delivery_seconds.buckets.map(([le]) => le);
  const before = counts(last);
  const n = counts(now).map((c, i) => c - before[i]);
  const total = n[n.length - 1];

  if (!(total > 0)) return null;

  const i = n.findIndex((c) => c >= q * total);
  if (i >= bounds.length) return bounds[bounds.length - 1];

  const [from, least] = i ? [bounds[i - 1], n[i - 1]] : [0, 0];
  return from + (bounds[i] - from) * (q * total - least) / (n[i] - least);
}

function svg(name, attributes, parent) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return parent.appendChild(e);
}

function makePlot([id, title, , lines]) {
  const figure = $('plots').appendChild(document.createElement('figure'));
  figure.id = id;
  const caption = figure.appendChild(document.createElement('figcaption'));
  caption.appendChild(document.createElement('b')).textContent = title;
  for (const name of Object.keys(lines)) {
    const value = caption.appendChild(document.createElement('span'));
    value.dataset.name = name;
  }

  const plot = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none',
  }, figure);
  for (const y of [1, HEIGHT / 2, HEIGHT - 1]) {
    svg('line', { class: 'grid', x1: 0, x2: WIDTH, y1: y, y2: y }, plot);
  }
  for (const name of Object.keys(lines)) svg('path', { 'data-line': name }, plot);
  svg('text', { x: 2, y: 12 }, plot);
}

// the newest status is at the right edge; where nothing is known is a gap

function path(values, most) {
  let d = '';
  let pen = 'M';

  values.forEach((v, i) => {
    if (v === null) {
      pen = 'M';
      return;
    }
    const x = WIDTH - (values.length - 1 - i) * (WIDTH / (POINTS - 1));
    const y = HEIGHT - 1 - v / most * (HEIGHT - 14);
    d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = 'L';
  });

  return d;
}

function drawPlot([id, , format, lines]) {
  const figure = $(id);
  const drawn = Object.values(lines).map((value) => statuses
    .map((s, i) => value(s, statuses[i - 1])));
  const most = Math.max(...drawn.flat(), 0) || 1;

  Object.keys(lines).forEach((name, i) => {
    const newest = drawn[i][drawn[i].length - 1];
    const label = figure.querySelectorAll('span')[i];

    label.textContent = newest === null || newest === undefined
      ? '\u2013' : format(newest);
    label.dataset.value = newest ?? '';
    figure.querySelectorAll('path')[i].setAttribute('d', path(drawn[i], most));
  });

  figure.querySelector('text').textContent = format(most);
}

function drawTable() {
  const now = statuses[statuses.length - 1];
  const last = statuses[statuses.length - 2];

  const one = (s, l) => s && s.locations
    .find((o) => o.zone === l.zone && o.location === l.location);
  const per = (l, field) => {
    const old = one(last, l);
    return old && now.time > last.time
      ? number((l[field] - old[field]) * 1000 / (now.time - last.time))
      : '\u2013';
  };

  $('locations').replaceChildren(...locations(now).map((l) => {
    const row = document.createElement('tr');
    for (const value of [l.location, l.zone, number(all(l.active_connections)),
      per(l, 'messages_received'), per(l, 'messages_sent'),
      number(l.queued_messages), number(all(l.dropped_messages)),
      number(all(l.rejected_requests))]) {
      row.appendChild(document.createElement('td')).textContent = value;
    }
    return row;
  }));
}

function draw() {
  if (statuses.length === 0) return;
  PLOTS.forEach(drawPlot);
  drawTable();
}

function offerZones() {
  const names = statuses[statuses.length - 1].zones.map((z) => z.name);
  const have = [...$('zone').options].map((o) => o.value);
  for (const name of names.filter((n) => !have.includes(n))) {
    $('zone').add(new Option(name, name));
  }
}

let due = false;

function take(status) {
  statuses.push(status);
  if (statuses.length > POINTS) statuses.shift();

  // the history comes at once: it is drawn once
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    offerZones();
    draw();
  });
}

function say(state) {
  $('state').dataset.state = state;
  $('state').textContent = state;
}

// the server sends the history each time: what was had is had again

function connect(wait = 500) {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'
  }://${location.host}/stats`);

  socket.onopen = () => {
    statuses.length = 0;
    wait = 500;
    say('live');
  };
  socket.onmessage = (e) => take(JSON.parse(e.data));
  socket.onclose = () => {
    say('reconnecting');
    setTimeout(() => connect(Math.min(2 * wait, 20000)),
      wait * (0.5 + Math.random()));
  };
}

PLOTS.forEach(makePlot);
$('zone').onchange = () => {
  wanted = $('zone').value;
  draw();
};
connect();
