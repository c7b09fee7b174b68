// An answer token by token in headless Chromium: refreshed, in a second tab, in
// a late one, over a reload, to its end; and what is seen when its writer dies.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Nginx, Tap, until } from '../lib/nginx.mjs';
import { becomes, exampleConf, launch, screenshot } from './browser.mjs';

const nginx = await Nginx.startConf('tokens',
  exampleConf('examples/tokens/nginx.conf'));
const browser = await launch(nginx);
const tap = new Tap();
const writers = [];

// a writer whose tokens come from here

function answer(id) {
  const writer = spawn('examples/tokens/answer', ['-u', nginx.url, id, 'cat'],
    { stdio: ['pipe', 'inherit', 'inherit'] });
  writers.push(writer);
  return {
    writer,
    say: (...tokens) => writer.stdin.write(
      tokens.map((t) => `${JSON.stringify(t)}\n`).join('')),
    end: () => writer.stdin.end(),
    // its process, which prints what this test says
    command: () => Number(readFileSync(
      `/proc/${writer.pid}/task/${writer.pid}/children`, 'utf8')),
  };
}

async function tab(id, more = '') {
  const page = await browser.newPage();
  await page.goto(`/?id=${id}${more}`);
  return page;
}

const reads = (page, text) => until(`"${text}" on the page`, async () =>
  await page.evaluate(() => document.querySelector('#text').textContent)
    === text);

async function whole() {
  const first = await tab('one');
  const one = answer('one');
  one.say('To ', 'be, ', '\u{20ac}\n');
  let text = 'To be, \u{20ac}\n';
  await reads(first, text);
  tap.ok(true, 'tokens as they come');

  await first.reload();
  await reads(first, text);
  const second = await tab('one');
  await reads(second, text);
  tap.ok(true, 'all of them after a refresh, and in a second tab');

  nginx.process.kill('SIGHUP');
  one.say('or ');
  await new Promise((done) => { setTimeout(done, 50); });
  one.say(...Array(500).fill('x '));
  text += `or ${'x '.repeat(500)}`;
  for (const page of [first, second]) await reads(page, text);
  tap.ok(true, 'over a reload, each once');

  one.say('end');
  one.end();
  text += 'end';
  for (const page of [first, second]) {
    await becomes(page, 'finished');
    await reads(page, text);
  }
  const late = await tab('one');
  await becomes(late, 'finished');
  await reads(late, text);
  tap.ok(true, 'the end, also for who comes late');
  await screenshot(late);
}

async function dies() {
  const page = await tab('two');
  const two = answer('two');
  two.say('so far');
  await reads(page, 'so far');
  process.kill(two.command(), 'SIGKILL');
  await becomes(page, 'broken');
  await reads(page, 'so far');
  tap.ok(true, 'a command that dies');

  const other = await tab('three', '&patience=0.5');
  const three = answer('three');
  three.say('so far');
  await reads(other, 'so far');
  const command = three.command();
  three.writer.kill('SIGKILL');
  await becomes(other, 'stalled');
  tap.ok(true, 'a writer that dies');
  process.kill(command, 'SIGKILL');
}

try {
  await whole();
  await dies();

  const bad = await fetch(`${nginx.url}/answer?id=a/b`);
  tap.ok(bad.status === 400, 'an id is letters and digits');
  tap.ok(browser.problems.length === 0,
    `no errors in the pages: ${browser.problems}`);
  const alerts = nginx.alerts();
  tap.ok(alerts.length === 0, `no alerts: ${alerts}`);
} finally {
  for (const writer of writers) writer.kill('SIGKILL');
  await browser.close();
  await nginx.stop();
}

tap.done();
