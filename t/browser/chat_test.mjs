// The chat page in headless Chromium, two tabs: as a person would use it.

import { Nginx, Tap, until } from '../lib/nginx.mjs';
import { becomes, exampleConf, launch, screenshot, shows }
  from './browser.mjs';

const nginx = await Nginx.startConf('chat', exampleConf('conf/chat.conf'));
const browser = await launch(nginx);
const tap = new Tap();

async function tab(url, name) {
  const page = await browser.newPage();
  await page.goto(url);
  await page.fill('#name', name);
  await becomes(page, 'connected');
  return page;
}

async function say(page, text) {
  await page.fill('#text', text);
  await page.click('#send');
}

const hears = (page, text) => shows(page, '#messages li', text);

const publish = (text, room = 'lobby') => fetch(
  `${nginx.url}/publish?room=${encodeURIComponent(room)}`,
  { method: 'POST', body: JSON.stringify({ from: 'server', text }) });

try {
  const ann = await tab('/', 'ann');
  const bob = await tab('/', 'bob');
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

  const other = await tab(`/?room=${encodeURIComponent('caf\u00e9 1')}`, 'eve');
  await publish('to the caf\u00e9', 'caf\u00e9 1');
  await hears(other, 'to the caf\u00e9');
  tap.ok(!(await ann.locator('#messages').textContent()).includes('to the'),
    'rooms are apart');

  nginx.process.kill('SIGHUP');
  await becomes(ann, 'reconnecting');
  await publish('while she was away');
  await becomes(ann, 'connected');
  await becomes(bob, 'connected');
  await until('the old workers are gone',
    () => /exited with code 0/.test(nginx.log()));
  await becomes(bob, 'connected');
  await say(bob, 'after the reload');
  await hears(ann, 'after the reload');
  tap.ok(true, 'a reload: both connect again, and the chat goes on');

  await hears(ann, 'while she was away');
  const lines = await ann.locator('#messages li').allTextContents();
  tap.ok(lines.length === new Set(lines).size
    && lines.findIndex((l) => l.includes('while she was away'))
       === lines.length - 2,
    `what was said meanwhile is there once, in order: ${lines.slice(-2)}`);

  tap.ok(browser.problems.length === 0,
    `no errors on the pages: ${browser.problems}`);
  tap.ok(nginx.alerts().length === 0, 'no alerts');

  await screenshot(bob);
} finally {
  await browser.close();
  await nginx.stop();
}

tap.done();
