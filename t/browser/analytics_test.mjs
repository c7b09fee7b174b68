// The analytics page in headless Chromium: what it plots is what was
// published, and each of the three views shows its own fields.

import { Nginx, Tap, until } from '../lib/nginx.mjs';
import { becomes, cutOff, exampleConf, feed, launch, screenshot }
  from './browser.mjs';

const VIEWS = {
  summary: ['metric', 'value'],
  detailed: ['timestamp', 'metric', 'value', 'change'],
  full: ['timestamp', 'metric', 'value', 'change', 'metadata'],
};

const nginx = await Nginx.startConf('analytics',
  exampleConf('examples/analytics/nginx.conf'));
const browser = await launch(nginx);
const tap = new Tap();

const published = {};

async function tab(view) {
  const page = await browser.newPage();
  await page.goto(`/?view=${view}`);
  await becomes(page, 'live');
  return page;
}

async function post(message) {
  const body = typeof message === 'string' ? message : JSON.stringify(message);
  return (await fetch(`${nginx.url}/publish`, { method: 'POST', body })).status;
}

async function publish(metric, values) {
  published[metric] ??= [];
  for (const value of values) {
    const before = published[metric].at(-1) ?? value;
    published[metric].push(value);
    await post({
      timestamp: new Date().toISOString(),
      metric,
      value,
      change: value - before,
      metadata: { host: 'one', unit: 'W' },
    });
  }
}

// the values that a plot shows, read off its line

const plotted = (page, metric) => page.evaluate((name) => {
  const figure = document.querySelector(`figure[data-metric="${name}"]`);
  if (!figure) return [];

  const [top, bottom] = [...figure.querySelectorAll('line')]
    .map((l) => Number(l.getAttribute('y1')));
  const { low, high } = figure.dataset;
  const d = figure.querySelector('path').getAttribute('d') ?? '';

  return [...d.matchAll(/[ML]\S+ (\S+?)(?=L|$)/g)]
    .map(([, y]) => Number(low) + (high - low) * (bottom - y) / (bottom - top));
}, metric);

// what was published, to the width of a line

async function plots(page, metric) {
  const values = published[metric].slice(-120);
  const most = (Math.max(...values) - Math.min(...values)) / 1000 + 1e-9;
  const shown = await plotted(page, metric);

  return shown.length === values.length
    && shown.every((v, i) => Math.abs(v - values[i]) <= most);
}

const follows = (page, metric) => until(`plot of ${metric}`,
  () => plots(page, metric));

const text = (page, selector) => page.textContent(selector);

const newest = async (page) => JSON.parse(await text(page, '#newest'));

async function shared(pages) {
  await publish('power', [3, 1.5, 4, 1, 5, 9.25, 2, 6]);
  await publish('net.rx', [-1000, 250000, 0.5]);

  for (const [view, page] of Object.entries(pages)) {
    await follows(page, 'power');
    await follows(page, 'net.rx');
    tap.ok(true, `${view}: the plots show what was published`);

    const got = Object.keys(await newest(page));
    tap.ok(got.join() === VIEWS[view].join(), `${view}: ${got}`);
  }
}

async function differ(pages) {
  const in_ = (page, part) => text(page, `figure[data-metric=power] ${part}`);
  const sizes = {};

  for (const [view, page] of Object.entries(pages)) {
    const has = (field) => VIEWS[view].includes(field);

    tap.ok(await in_(page, '.value') === '6'
      && await in_(page, '.change') === (has('change') ? '+4' : '')
      && (await in_(page, '.end') !== '') === has('timestamp')
      && await in_(page, '.meta') === (has('metadata') ? 'host: one, unit: W'
        : ''), `${view}: what else the plot says`);

    sizes[view] = Number(await text(page, '#bytes'));
  }

  tap.ok(2 * sizes.summary < sizes.detailed
    && sizes.detailed < sizes.full,
    `bytes: ${JSON.stringify(sizes)}`);
}

async function wrong(pages) {
  const before = await text(pages.summary, '#messages');
  const answers = [];
  const good = { timestamp: '2026-01-31T12:00:00Z', metric: 'x', value: 1 };

  for (const bad of ['', '1', { ...good, value: '1' }, { ...good, value: 1e16 },
    { ...good, metric: '<b>' }, { ...good, timestamp: 'now' },
    { ...good, other: 1 }]) {
    answers.push(await post(bad));
  }
  tap.ok(answers.every((a) => a === 422), `bad measurements: ${answers}`);

  await publish('power', [7]);
  for (const page of Object.values(pages)) await follows(page, 'power');
  tap.ok(Number(await text(pages.summary, '#messages')) === Number(before) + 1,
    'none of them came to the page');

  const status = async (query) =>
    (await fetch(`${nginx.url}/analytics${query}`)).status;
  tap.ok(await status('?transport=poll&view=none') === 400
    && await status('?transport=poll&view=summary') === 200, 'no such view: 400');
}

async function choose(page) {
  await page.selectOption('#view', 'full');
  await until('the other view', async () =>
    (await text(page, '#newest')).includes('metadata'));
  await follows(page, 'power');
  await follows(page, 'net.rx');
  tap.ok(Number(await text(page, '#messages'))
    === published.power.length + published['net.rx'].length,
  'another view, chosen on the page: the whole history, once');
}

async function reload(page) {
  await cutOff(page, () => nginx.process.kill('SIGHUP'));
  await publish('power', [8, 0]);
  await becomes(page, 'live');
  await follows(page, 'power');
  tap.ok(true, 'after a reload it goes on, and nothing is missing');
}

async function many(page) {
  await publish('power', Array.from({ length: 130 }, (_, i) => i % 17));
  await follows(page, 'power');
  tap.ok((await plotted(page, 'power')).length === 120,
    'a plot has the newest 120');
}

async function script(page) {
  feed('analytics', nginx);
  await until('the feed', async () => (await plotted(page, 'load')).length > 1
    && (await plotted(page, 'memory.free')).length > 1);
  tap.ok(true, 'the script that comes with it is plotted');
}

try {
  const pages = {};
  for (const view of Object.keys(VIEWS)) pages[view] = await tab(view);

  await shared(pages);
  await differ(pages);
  await wrong(pages);
  await choose(pages.summary);
  await reload(pages.detailed);
  await many(pages.full);
  await script(pages.full);

  await screenshot(pages.full);

  tap.ok(browser.problems.length === 0,
    `no errors on the page: ${browser.problems}`);
  tap.ok(nginx.alerts().length === 0, 'no alerts');
} finally {
  await browser.close();
  await nginx.stop();
}

tap.done();
