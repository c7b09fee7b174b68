// The boards in headless Chromium: notes, who is there, who is typing; the client
// in Python; and what was missed is told.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Nginx, Tap, until } from '../lib/nginx.mjs';
import { becomes, exampleConf, launch, shows } from './browser.mjs';

const example = resolve('examples/board');
const secrets = mkdtempSync(join(tmpdir(), 'board-'));
process.on('exit', () => rmSync(secrets, { recursive: true, force: true }));

execFileSync(`${example}/secrets`, [secrets]);

const nginx = await Nginx.startConf('board-page',
  exampleConf('examples/board/nginx.conf')
    .replace('njs;', `${example}/njs;`)
    .replace('sdk/', `${resolve('build/node_modules/centrifuge/dist')}/`)
    .replaceAll(/( |=)secrets\//g, `$1${secrets}/`));
const browser = await launch(nginx);
const tap = new Tap();
const children = [];

async function comes(name) {
  const page = await browser.newPage();
  await page.goto('/');
  await page.fill('#name', name);
  await page.click('#login button');
  await becomes(page, 'connected');
  return page;
}

async function pin(page, board, text) {
  await page.fill(`#${board} input`, text);
  await page.press(`#${board} input`, 'Enter');
}

const notes = (page, board) => page.locator(`#${board} li`).allTextContents();

const workers = () => execFileSync('pgrep', ['-P', nginx.process.pid])
  .toString().trim().split('\n').map(Number);

// a client in Python, and what it has said
function python(name) {
  const child = spawn('/usr/bin/python3',
    [`${example}/client.py`, '-n', name, nginx.url]);
  children.push(child);
  child.said = '';
  child.stdout.on('data', (text) => { child.said += text; });
  child.stderr.on('data', (text) => { child.said += text; });
  child.says = (text) => until(`"${text}" of ${name}`,
    () => child.said.includes(text));
  return child;
}

try {
  const ann = await comes('ann');
  await shows(ann, '#red .who', 'ann');
  const ben = await comes('ben');
  await shows(ann, '#red .who', 'ann, ben');
  await shows(ben, '#blue .who', 'ann, ben');
  tap.ok(true, 'who is there');

  await ben.locator('#red input').pressSequentially('hel');
  await shows(ann, '#red .typing', 'ben');
  tap.ok((await ann.textContent('#blue .typing')) === ''
    && (await ben.textContent('#red .typing')) === '', 'who is typing');

  await pin(ben, 'red', 'one');
  await pin(ben, 'red', 'two');
  await pin(ben, 'blue', '<b>three</b>');
  await shows(ann, '#red li', 'ben: two');
  await shows(ann, '#blue li', 'ben: <b>three</b>');
  tap.ok((await notes(ann, 'red')).join() === 'ben: one,ben: two'
    && (await notes(ann, 'green')).length === 0, 'notes of each board');

  const bob = python('bob');
  await bob.says('there: board:red');
  bob.stdin.write('four\n');
  await bob.says('bob: four');
  await shows(ann, '#red li', 'bob: four');
  await shows(ann, '#red .who', 'ann, ben, bob');
  tap.ok(true, 'a client in Python');

  for (const pid of workers()) process.kill(pid, 'SIGKILL');
  await Promise.all([ann, ben].map((page) => becomes(page, 'connecting')));
  await Promise.all([ann, ben].map((page) => becomes(page, 'connected')));
  await pin(ben, 'red', 'five');
  await shows(ann, '#red li', 'ben: five');
  await bob.says('ben: five');
  tap.ok((await notes(ann, 'red')).join()
    === 'ben: one,ben: two,bob: four,ben: five'
    && bob.said.split('bob: four').length === 2
    && !bob.said.includes('missed'), 'a worker dies: nothing lost or twice');

  const cat = await comes('cat');
  await shows(cat, '#red li', 'ben: five');
  tap.ok((await notes(cat, 'red')).join()
    === 'ben: one,ben: two,bob: four,ben: five', 'who comes later');

  await ben.close();
  await shows(ann, '#red .who', 'ann, bob, cat');
  tap.ok(browser.problems.length === 0, `who leaves ${browser.problems}`);
} catch (e) {
  tap.ok(false, String(e));
} finally {
  for (const child of children) child.kill();
  await browser.close();
  await nginx.stop();
}

const alerts = nginx.alerts().filter((a) => !a.includes('exited on signal 9'));
tap.ok(alerts.length === 0, `no alerts ${alerts.slice(0, 3)}`);
tap.done();
