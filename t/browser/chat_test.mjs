// The chat page in headless Chromium, two tabs: as a person would use it.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Nginx, Tap, TIMEOUT, until } from '../clients/nginx.mjs';

const require = createRequire(`${process.env.WEBSOCKET_BUILD}/`);
const { chromium } = require('playwright-core');

const [ndk, module] = process.env.TEST_NGINX_LOAD_MODULES.trim().split(/\s+/);
const conf = readFileSync('conf/chat.conf', 'utf8')
  .replace('load_module modules/ndk_http_module.so;', `load_module ${ndk};`)
  .replace('load_module modules/ngx_http_websocket_module.so;',
    `load_module ${module};`)
  .replace('listen 8080;', 'listen 127.0.0.1:$PORT;')
  .replace('root examples/chat;', `root ${resolve('examples/chat')};`)
  .replace('http {', `${process.getuid() === 0 ? 'user root;' : ''}\nhttp {`);

const nginx = await Nginx.startConf('chat', conf);
const tap = new Tap();
const base = `http://127.0.0.1:${nginx.port}`;
const profile = mkdtempSync(join(tmpdir(), 'chat-'));
const path = ['/usr/bin/chromium', '/usr/bin/chromium-browser']
  .find((p) => existsSync(p));

const browser = await chromium.launchPersistentContext(profile, {
  executablePath: path,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync'],
});

async function tab(url, name) {
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT);
  page.problems = [];
  page.on('pageerror', (e) => page.problems.push(String(e)));
  await page.goto(url);
  await page.fill('#name', name);
  await connected(page);
  return page;
}

const connected = (page) => page.waitForSelector('#state[data-state=connected]');

async function say(page, text) {
  await page.fill('#text', text);
  await page.click('#send');
}

async function hears(page, text) {
  await until(`"${text}" on the page`, async () =>
    (await page.locator('#messages li').allTextContents())
      .some((t) => t.includes(text)));
}

const publish = (text, room = 'lobby') => fetch(
  `${base}/publish?room=${encodeURIComponent(room)}`,
  { method: 'POST', body: JSON.stringify({ from: 'server', text }) });

try {
  const ann = await tab(`${base}/`, 'ann');
  const bob = await tab(`${base}/`, 'bob');
  tap.ok(true, 'two tabs are connected');

  await say(ann, 'hello bob');
  await hears(bob, 'hello bob');
  await hears(ann, 'hello bob');
  tap.ok(true, 'bob hears ann, and ann sees that it went out');

  await say(bob, 'hello ann');
  await hears(ann, 'hello ann');
  tap.ok(true, 'ann hears bob');

  tap.ok((await ann.locator('#messages li.own').count()) === 1,
    'own messages are marked');

  await say(ann, '<b id="x">bold</b><img src=x onerror="document.title=1">');
  await hears(bob, '<b id="x">bold</b>');
  tap.ok(await bob.locator('#x').count() === 0
    && await bob.title() === 'Chat', 'HTML is shown as text');

  tap.ok((await publish('from the server')).status === 200,
    'published by HTTP');
  await hears(ann, 'from the server');
  await hears(bob, 'from the server');
  tap.ok(true, 'and both hear it');

  const other = await tab(`${base}/?room=${encodeURIComponent('caf\u00e9 1')}`,
    'eve');
  await publish('to the caf\u00e9', 'caf\u00e9 1');
  await hears(other, 'to the caf\u00e9');
  tap.ok(!(await ann.locator('#messages').textContent()).includes('to the'),
    'rooms are apart');

  nginx.process.kill('SIGHUP');
  await ann.waitForSelector('#state[data-state=reconnecting]');
  await connected(ann);
  await bob.waitForSelector('#state[data-state=connected]');
  await until('the old workers are gone',
    () => /exited with code 0/.test(nginx.log()));
  await connected(bob);
  await say(bob, 'after the reload');
  await hears(ann, 'after the reload');
  tap.ok(true, 'a reload: both connect again, and the chat goes on');

  tap.ok([ann, bob, other].every((p) => p.problems.length === 0),
    `no errors on the pages: ${ann.problems}`);
  tap.ok(nginx.alerts().length === 0, 'no alerts');

  if (process.env.SCREENSHOT) {
    await bob.screenshot({ path: process.env.SCREENSHOT });
  }
} finally {
  await browser.close();
  await nginx.stop();
  rmSync(profile, { recursive: true, force: true });
}

tap.done();
