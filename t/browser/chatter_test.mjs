// The chatter's page in headless Chromium: a person logs in, and uses each of
// the endpoints.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Nginx, Tap } from '../lib/nginx.mjs';
import { becomes, exampleConf, launch, shows } from './browser.mjs';

const example = resolve('examples/chatter');
const secrets = mkdtempSync(join(tmpdir(), 'chatter-'));
process.on('exit', () => rmSync(secrets, { recursive: true, force: true }));

const said = execFileSync(`${example}/secrets`, [secrets],
  { encoding: 'utf8' });
const users = Object.fromEntries(
  [...said.matchAll(/^user (\w+), password (\w+)$/gm)].map((m) => m.slice(1)));

const nginx = await Nginx.startConf('chatter-page',
  exampleConf('examples/chatter/nginx.conf')
    .replace('njs;', `${example}/njs;`)
    .replaceAll(/( |=)secrets\//g, `$1${secrets}/`));
const browser = await launch(nginx);
const tap = new Tap();

async function login(name, password) {
  const page = await browser.newPage();
  await page.goto('/');
  await page.fill('#name', name);
  await page.fill('#password', password);
  await page.click('#login button');
  return page;
}

async function say(page, to, text) {
  await page.fill('#text', text);
  await page.click(`button[value=${to}]`);
}

try {
  const stranger = await login('ann', 'guessed');
  await shows(stranger, '#state', 'wrong name or password');
  tap.ok(!await stranger.isVisible('#service'), 'nothing without the password');

  const ann = await login('ann', users.ann);
  const reader = await login('reader', users.reader);
  await Promise.all([ann, reader].map((page) => becomes(page, 'connected')));
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
  await shows(ann, '#answer', 'summary: [{"message":"');
  await shows(reader, '#events li', 'added: in short');
  tap.ok(true, 'the summary');

  await say(reader, 'listener', 'may I?');
  await shows(reader, '#answer', 'refused');
  tap.ok(true, 'who may only read is refused');

  await reader.click('#show');
  await shows(reader, '#history li', '{"message":"in short"}');
  await reader.selectOption('#view', 'default');
  await reader.click('#show');
  await shows(reader, '#history li', '"length":');
  const lines = await reader.locator('#history li').count();
  tap.ok(lines === 2, `the history, in both views: ${lines} lines`);

  tap.ok(browser.problems.length === 0,
    `no errors on the pages ${browser.problems}`);
} catch (e) {
  tap.ok(false, String(e));
} finally {
  await browser.close();
  await nginx.stop();
}

const alerts = nginx.alerts();
tap.ok(alerts.length === 0, `no alerts ${alerts.slice(0, 3)}`);
tap.done();
