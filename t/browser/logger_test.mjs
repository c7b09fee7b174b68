// The logger's page in headless Chromium: what matches the filter is shown,
// and only that, while the filter changes on the open socket.

import { readFileSync, writeFileSync } from 'node:fs';
import { Nginx, Tap, until } from '../lib/nginx.mjs';
import { becomes, cutOff, exampleConf, launch, screenshot }
  from './browser.mjs';

const OPERATOR = '5f0c5a3a1d6c4e0b8f55c9ab1e2d7701';
const ACCOUNTING = 'a81be0f7c4e24d54a3c1d29a6b0f9902';
const WRITER = 'c7e4d2b19a3f48e6b0d5f18a7c6e5503';

const EVIL = '<img src="x" onerror="window.hurt = 1"><b>bold</b>&lt;';

const nginx = await Nginx.startConf('logger-page',
  exampleConf('examples/logger/nginx.conf'));
const browser = await launch(nginx);
const page = await browser.newPage();
const tap = new Tap();
const sockets = [];             // of the page, each with what it sent

page.on('websocket', (socket) => {
  const sent = [];
  sockets.push(sent);
  socket.on('framesent', ({ payload }) => sent.push(payload));
});

const text = (selector) => page.textContent(selector);
const field = (label) => page.getByLabel(label, { exact: true });

const state = (name) => becomes(page, name);

async function put(topic, message, level = 'info', fields = {}) {
  const { status } = await fetch(`${nginx.url}/logs/${topic}`, {
    method: 'POST',
    headers: { 'X-Api-Key': WRITER },
    body: JSON.stringify({
      time: '2026-01-31T12:00:00Z', level, service: 'shop', message, ...fields,
    }),
  });
  if (status > 202) throw new Error(`${message}: ${status}`);
}

// the messages of the page, oldest first
const messages = async () => (await page.locator('#entries .message')
  .allTextContents()).reverse();

// the last of these comes, and there are no others
async function shows(what, ...expected) {
  await until(what, async () => (await messages()).at(-1) === expected.at(-1));
  const got = await messages();
  tap.ok(got.join('|') === expected.join('|'), `${what}: ${got}`);
}

async function watch(topic, key) {
  await field('Topic').fill(topic);
  await field('Reader\'s API key').fill(key);
  await page.click('text="Watch"');
}

// presses the button, and waits for what comes of it
async function change(rule) {
  if (rule !== undefined) await field('Filter, as JSON').fill(rule);
  await page.evaluate(() => {
    document.querySelector('#answer').textContent = '';
  });
  await page.click('text="Change the filter"');
  await until('an answer', async () => await text('#answer') !== '');
  return text('#answer');
}

async function post(label, value) {
  await field(label).fill(value);
  await page.evaluate(() => {
    document.querySelector('#posted').textContent = '';
  });
  await page.click('text="Post"');
  await until('an outcome', async () => await text('#posted') !== '');
  return text('#posted');
}

async function refused() {
  const got = [];

  for (const [topic, key] of [['billing', 'wrong'], ['billing', WRITER],
    ['shop', ACCOUNTING]]) {
    await watch(topic, key);
    await page.waitForFunction((n) => window.seen >= n, got.length + 1);
    got.push(await text('#state'));
  }

  tap.ok(got[0] === 'refused: the key is not known' && got[1] === got[0]
    && got[2] === 'refused: the key is not for this topic', `keys: ${got}`);
  tap.ok(sockets.length === 3 && await text('#inforce') === 'nothing yet'
    && (await messages()).length === 0, 'each of them is tried once');

  await field('Filter, as JSON').fill('{"level":{"like":"e"}}');
  await watch('billing', OPERATOR);
  await until('a status', async () => (await text('#state'))
    .startsWith('refused: the filter is wrong: level.like: '));
  tap.ok(true, 'so is a bad filter');
}

async function first() {
  await put('billing', 'old info');
  await put('billing', 'old error', 'error');
  await put('shop', 'another topic', 'error');

  await field('debug').uncheck();
  await field('info').uncheck();
  await watch('billing', OPERATOR);
  await state('live');
  tap.ok(await text('#inforce') === '{"level":["warn","error"]}',
    'a filter of two levels');

  await put('billing', 'new debug', 'debug');
  await put('billing', 'new warn', 'warn');
  await put('shop', 'another topic', 'error');
  await put('billing', 'new info');
  await put('billing', 'new error', 'error');
  await shows('what matches', 'old error', 'new warn', 'new error');
}

async function replaced() {
  const before = sockets.length;
  const both = { service: 'pay.in', data: { ms: 100.5 } };

  await field('info').check();
  await field('Service begins with').fill('pay');
  await field('Message begins with').fill('slow');
  await field('Field').fill('ms');
  await field('At least').fill('100.5');

  const answer = await change();
  const inForce = '{"level":["info","warn","error"],"service":{"prefix":"pay"},'
    + '"message":{"prefix":"slow"},"data.ms":{"gte":100.5}}';
  tap.ok(answer === 'ok' && await text('#inforce') === inForce
    && await text('#entries li.mark') === inForce, `another filter: ${answer}`);

  await put('billing', 'slow: service', 'error', { ...both, service: 'shop' });
  await put('billing', 'slow: level', 'debug', both);
  await put('billing', 'not slow', 'info', both);
  await put('billing', 'slow: ms', 'info', { ...both, data: { ms: 100 } });
  await put('billing', 'slow: no data', 'info', { service: 'pay' });
  await put('billing', 'slow: all', 'info', both);
  await shows('and what matches it, alone', 'slow: all');

  tap.ok(sockets.length === before && sockets.at(-1).length === 1
    && JSON.stringify(JSON.parse(sockets.at(-1)[0]).filter) === inForce,
  'on the same socket');
}

async function bad() {
  const before = sockets.length;
  const inForce = await text('#inforce');
  const wrong = [];

  for (const [rule, error] of [
    ['5', 'invalid_filter: expected object, got integer'],
    ['{"level":{"like":"e"}}', 'invalid_filter: level.like: expected one of '
      + 'eq, ne, gt, gte, lt, lte, in, prefix, exists'],
    ['{"levle":"error"}', 'invalid_filter: levle: is not a field of entry'],
    [JSON.stringify({ [`data.${EVIL}`]: { in: 1 } }),
      `invalid_filter: data.${EVIL}.in: expected array, got integer`],
    ['{"level"', 'no JSON: '],
  ]) {
    const answer = await change(rule);
    if (!answer.startsWith(error) || await text('#inforce') !== inForce
        || await page.getAttribute('#answer', 'data-ok') !== 'false') {
      wrong.push(answer);
    }
  }
  tap.ok(wrong.length === 0, `bad filters are errors ${wrong}`);

  await put('billing', 'slow: not for the old one', 'error');
  await put('billing', 'slow: still', 'info',
    { service: 'pay', data: { ms: 200 } });
  await shows('the old one stays', 'slow: all', 'slow: still');
  tap.ok(sockets.length === before && sockets.at(-1).length === 5,
    'on the same socket, and what is no JSON is not sent');

  tap.ok(await change('null') === 'ok'
    && await text('#inforce') === 'no filter', 'then none');
  tap.ok(sockets.length === before, 'on the same socket too');
  await shows('is answered with all there is', 'old info', 'old error',
    'new debug', 'new warn', 'new info', 'new error', 'slow: service',
    'slow: level', 'not slow', 'slow: ms', 'slow: no data', 'slow: all',
    'slow: not for the old one', 'slow: still');

  await change('{"message":{"prefix":"new"}}');
  await shows('and another with what matches', 'new debug', 'new warn',
    'new info', 'new error');
  await field('Filter, as JSON').fill('null');
}

async function injection() {
  await watch('evil', OPERATOR);
  await state('live');
  await put('evil', EVIL, 'error', { data: { [EVIL]: EVIL } });
  await put('evil', 'after it');
  await shows('HTML is text', EVIL, 'after it');

  const data = await text('#entries .data');
  const elements = await page.locator('#entries *').evaluateAll((all) =>
    [...new Set(all.map((e) => e.localName))].sort().join());
  const hurt = await page.evaluate(() => window.hurt);
  tap.ok(data === JSON.stringify({ [EVIL]: EVIL }) && hurt === undefined
    && elements === 'b,code,li,span,time', `and no elements: ${elements}`);
}

async function form() {
  await watch('form', OPERATOR);
  await state('live');

  const got = [await post('Writer\'s API key', OPERATOR),
    await post('Writer\'s API key', WRITER),
    await post('Service', 'Two Words'),
    await post('Service', 'pay'),
    await post('Data', '[]'),
    await post('Data', '{'),
    await post('Data', '{"ms":5}')];
  tap.ok(/^refused: the key is not known$/.test(got[0])
    && got[1] === 'taken, with 1 watching'
    && got[2].startsWith('invalid_message: service: ')
    && got[3] === got[1]
    && got[4] === 'invalid_message: data: expected object, got array'
    && got[5].includes('JSON') && got[6] === got[1], `posts: ${got}`);

  await shows('what was taken', 'a test', 'a test', 'a test');
  const newest = await text('#entries li');
  tap.ok(newest.endsWith('infopaya test{"ms":5}'), `the newest: ${newest}`);
}

async function reload() {
  await watch('reload', OPERATOR);
  await state('live');
  await change('{"level":"error"}');
  await put('reload', 'one', 'error');
  await cutOff(page, () => nginx.process.kill('SIGHUP'));
  await put('reload', 'two', 'error');
  await put('reload', 'info');
  await put('reload', 'three', 'error');
  await shows('after a reload, with the filter', 'one', 'two', 'three');
  await state('live');
}

async function takenAway() {
  const conf = `${nginx.prefix}/nginx.conf`;
  writeFileSync(conf,
    readFileSync(conf, 'utf8').replace(OPERATOR, 'another'));
  nginx.process.kill('SIGHUP');
  await state('refused');
  tap.ok(await text('#state') === 'refused: the key is not known',
    'the key is taken away');
}

try {
  await page.goto('/');
  tap.ok(await page.locator('input, select, textarea').evaluateAll((all) =>
    all.length > 10 && all.every((e) => e.labels.length === 1)),
  'every field has a label');
  tap.ok((await fetch(`${nginx.url}/nginx.conf`)).status === 404,
    'the keys are no page');

  // how often it was refused
  await page.evaluate(() => {
    const { dataset } = document.querySelector('#state');
    window.seen = 0;
    new MutationObserver(() => {
      window.seen += dataset.state === 'refused' ? 1 : 0;
    }).observe(document.querySelector('#state'), {
      attributes: true, attributeFilter: ['data-state'],
    });
  });

  await refused();
  await first();
  await replaced();
  await bad();
  await injection();
  await form();

  await screenshot(page);

  await reload();
  await takenAway();

  tap.ok(browser.problems.length === 0,
    `no errors on the page: ${browser.problems}`);
  tap.ok(nginx.alerts().length === 0, 'no alerts');

  const logs = nginx.log()
    + readFileSync(`${nginx.prefix}/logs/access.log`, 'utf8');
  tap.ok(![OPERATOR, ACCOUNTING, WRITER].some((key) => logs.includes(key)),
    'no keys in the logs');
} finally {
  await browser.close();
  await nginx.stop();
}

tap.done();
