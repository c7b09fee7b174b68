// "make run EXAMPLE=cluster": the pages of both nginx in headless Chromium; what
// is published on one comes on the other.

import { spawn } from 'node:child_process';
import { symlinkSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, MODULES, Tap } from '../lib/nginx.mjs';
import { becomes, launch, shows } from './browser.mjs';

const tap = new Tap();
const build = mkdtempSync(join(tmpdir(), 'websocket-cluster.'));
symlinkSync(dirname(MODULES[1]), join(build, 'modules'));

const port = await freePort();
const run = spawn('t/tools/run', [build, 'cluster'], {
  env: { ...process.env, PORT: port, NGINX: process.env.TEST_NGINX_BINARY },
  stdio: ['ignore', 'pipe', 'ignore'],
});
const ended = new Promise((r) => run.on('exit', r));
process.on('exit', () => run.kill());

const lines = [];
for await (const line of createInterface(run.stdout)) {
  lines.push(line);
  if (line.includes('README.md')) break;
}
const text = lines.join('\n');
const urls = [...text.matchAll(/http:\/\/localhost:\d+\//g)].map((m) => m[0]);
tap.ok(urls.length === 2 && urls[1].includes(port + 1), `it says ${urls}`);

const browser = await launch({ url: urls[0] });

async function tab(url) {
  const page = await browser.newPage();

  // the second nginx begins to listen a moment later

  while (!await page.goto(url).catch(() => null));
  await becomes(page, 'connected');
  return page;
}

async function say(page, words) {
  await page.fill('#text', words);
  await page.click('#send');
}

try {
  const [one, two] = [await tab(urls[0]), await tab(urls[1])];

  await say(one, 'from the first');
  await shows(two, '#messages li', 'from the first');
  await shows(one, '#messages li.here', 'from the first');
  tap.ok(true, 'what is published on the first comes on the second');

  await say(two, 'from the second');
  await shows(one, '#messages li', 'from the second');
  await shows(two, '#messages li.here', 'from the second');
  tap.ok(true, 'and the other way round');

  await shows(one, '#others a', `localhost:${port + 1}`);
  tap.ok(true, 'which the page links to');

  const three = await tab(urls[1]);
  await shows(three, '#messages li', 'from the first');
  tap.ok(true, 'the history is there, too');

  tap.ok(browser.problems.length === 0, `no errors: ${browser.problems}`);
} finally {
  await browser.close();
  run.kill();
  tap.ok(await ended === 0, 'it ends');
  rmSync(build, { recursive: true });
}

tap.done();
