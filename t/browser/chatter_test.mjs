// The chatter's page in headless Chromium: a person logs in, and uses each of
// the endpoints.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Nginx, Tap, TIMEOUT, until } from '../clients/nginx.mjs';

const require = createRequire(`${process.env.WEBSOCKET_BUILD}/`);
const { chromium } = require('playwright-core');

const example = resolve('examples/chatter');
const profile = mkdtempSync(join(tmpdir(), 'chatter-'));
const secrets = join(profile, 'secrets');

const users = Object.fromEntries(
  execFileSync(`${example}/secrets`, [secrets], { encoding: 'utf8' })
    .trim().split('\n').map((line) => line.split(' ')));

const [ndk, module] = process.env.TEST_NGINX_LOAD_MODULES.trim().split(/\s+/);
const conf = readFileSync(`${example}/nginx.conf`, 'utf8')
  .replace('load_module modules/ndk_http_module.so;', `load_module ${ndk};`)
  .replace('load_module modules/ngx_http_websocket_module.so;',
    `load_module ${module};`)
  .replace('load_module modules', 'load_module /usr/lib/nginx/modules')
  .replace('listen 8080;', 'listen 127.0.0.1:$PORT;')
  .replace('root examples/chatter', `root ${example}`)
  .replace('njs;', `${example}/njs;`)
  .replaceAll(/( |=)secrets\//g, `$1${secrets}/`)
  .replace('http {', `${process.getuid() === 0 ? 'user root;' : ''}\nhttp {`);

const nginx = await Nginx.startConf('chatter-page', conf);
const tap = new Tap();
const path = ['/usr/bin/chromium', '/usr/bin/chromium-browser']
  .find((p) => existsSync(p));

const browser = await chromium.launchPersistentContext(join(profile, 'data'), {
  executablePath: path,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync'],
});

const problems = [];

async function login(name, password) {
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT);
  page.on('pageerror', (e) => problems.push(String(e)));
  await page.goto(`http://127.0.0.1:${nginx.port}/`);
  await page.fill('#name', name);
  await page.fill('#password', password);
  await page.click('#login button');
  return page;
}

const connected = (page) => page.waitForSelector('#state[data-state=connected]');

async function say(page, to, text) {
  await page.fill('#text', text);
  await page.click(`button[value=${to}]`);
}

const shows = (page, where, text) => until(`"${text}" in ${where}`, async () =>
  (await page.locator(where).allTextContents()).some((t) => t.includes(text)));

try {
  const stranger = await login('ann', 'guessed');
  await shows(stranger, '#state', 'wrong name or password');
  tap.ok(!await stranger.isVisible('#service'), 'nothing without the password');

  const ann = await login('ann', users.ann);
  const reader = await login('reader', users.reader);
  await Promise.all([connected(ann), connected(reader)]);
  tap.ok(true, 'two are logged in');

  await say(ann, 'listener', 'good <b>morning</b>');
  for (const page of [ann, reader]) {
    await shows(page, '#events li', 'added: good <b>morning</b>');
  }
  tap.ok(true, 'what one says both see');

  await say(ann, 'echoer', 'only me');
  await shows(ann, '#answer', 'echoer: {"message":"only me"}');
  tap.ok(true, 'the echo');

  await say(ann, 'summary', 'in short');
  await shows(ann, '#answer', 'summary: [{"from":"ann"');
  await shows(reader, '#events li', 'added: in short');
  tap.ok(true, 'the summary');

  await say(reader, 'listener', 'may I?');
  await shows(reader, '#answer', 'refused');
  tap.ok(true, 'who may only read is refused');

  await reader.click('#show');
  await shows(reader, '#history li', '{"message":"in short"}');
  await reader.selectOption('#view', 'default');
  await reader.click('#show');
  await shows(reader, '#history li', '"from":"ann"');
  const lines = await reader.locator('#history li').count();
  tap.ok(lines === 2, `the history, in both views: ${lines} lines`);

  tap.ok(problems.length === 0, `no errors on the pages ${problems}`);
} catch (e) {
  tap.ok(false, String(e));
} finally {
  await browser.close();
  await nginx.stop();
  rmSync(profile, { recursive: true, force: true });
}

const alerts = nginx.alerts();
tap.ok(alerts.length === 0, `no alerts ${alerts.slice(0, 3)}`);
tap.done();
