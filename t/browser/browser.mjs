// Chromium for the tests of pages, and what these tests have in common.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { MODULES, require, TIMEOUT, until } from '../lib/nginx.mjs';

const { chromium } = require('playwright-core');

// an example's configuration as it runs in a test: with the modules that are
// tested, on the test's port, and with its files where they are
export function exampleConf(path) {
  const module = (name) => MODULES.find((m) => basename(m) === name)
    ?? `/usr/lib/nginx/modules/${name}`;

  return readFileSync(path, 'utf8')
    .replace(/load_module modules\/(.+);/g,
      (_, name) => `load_module ${module(name)};`)
    .replace('listen 8080;', 'listen 127.0.0.1:$PORT;')
    .replace('root examples/', `root ${resolve('examples')}/`);
}

// a Chromium whose pages are those of an nginx; its profile, which all of them
// share, goes when it ends, and it ends with the test at the latest
export async function launch(nginx) {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser']
    .find((p) => existsSync(p));
  if (!executablePath) throw new Error('there is no Chromium');

  const browser = await chromium.launchPersistentContext('', {
    executablePath,
    headless: true,
    baseURL: nginx.url,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update',
      '--disable-sync'],
  });

  browser.setDefaultTimeout(TIMEOUT);
  browser.problems = [];        // what the scripts of its pages threw
  browser.on('weberror', (e) => browser.problems.push(String(e.error())));

  return browser;
}

// the script that publishes for an example, until the test ends
export function feed(example, nginx) {
  const child = spawn(`examples/${example}/feed`, [nginx.url],
    { detached: true, stdio: 'ignore' });

  child.unref();
  process.on('exit', () => process.kill(-child.pid));
}

// waits until the page says that its connection is in a state
export const becomes = (page, name) =>
  page.waitForSelector(`#state[data-state=${name}]`);

// waits until one of these elements has the text
export const shows = (page, where, text) => until(`"${text}" in ${where}`,
  async () => (await page.locator(where).allTextContents())
    .some((t) => t.includes(text)));

// does what cuts a page off, and waits until the page has seen that
export async function cutOff(page, what) {
  await page.evaluate(() => {
    const state = document.querySelector('#state');
    window.cuts = 0;
    new MutationObserver(() => {
      window.cuts += state.dataset.state === 'reconnecting' ? 1 : 0;
    }).observe(state, { attributes: true });
  });
  what();
  await page.waitForFunction(() => window.cuts > 0);
}

// for who wants to see the page: SCREENSHOT is the file
export async function screenshot(page) {
  const path = process.env.SCREENSHOT;
  if (path) await page.screenshot({ path, fullPage: true });
}
