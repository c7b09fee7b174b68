// nginx for tests in JavaScript: t/lib/python/nginx.py starts it.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const env = process.env;
const build = resolve(env.WEBSOCKET_BUILD || 'build');
export const TIMEOUT = 1000 * (env.TEST_NGINX_TIMEOUT || 30);
export const MODULES = env.TEST_NGINX_LOAD_MODULES.trim().split(/\s+/);

// npm's packages are where the build is
export const require = createRequire(`${build}/`);

export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

export async function until(what, condition) {
  const end = Date.now() + TIMEOUT;
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`${what}: not in time`);
    await sleep(20);
  }
}

// one that no client is given: see free_port() of nginx.py
export function freePort() {
  const range = '/proc/sys/net/ipv4/ip_local_port_range';
  const clients = parseInt(readFileSync(range, 'utf8'), 10);
  const port = clients < 4096 ? randomInt(10000, 32768)
    : randomInt(Math.min(10000, clients / 2 | 0), clients);

  return new Promise((done) => {
    const server = createServer();
    server.on('error', () => done(freePort()));
    server.listen(port, () => server.close(() => done(port)));
  });
}

function listens(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => { socket.destroy(); done(true); });
    socket.on('error', () => done(false));
  });
}

export class Nginx {
  // http is the inside of the http block
  static start(name, http) {
    return Nginx.run('http', name, http);
  }

  // conf is a whole configuration, with $PORT for the port
  static startConf(name, conf) {
    return Nginx.run('conf', name, conf);
  }

  static async run(kind, name, text) {
    const nginx = new Nginx();

    // the script becomes nginx: it is one process
    nginx.process = spawn('/usr/bin/python3',
      ['t/lib/python/nginx.py', kind, name],
      { stdio: ['pipe', 'pipe', 'inherit'] });
    nginx.process.stdin.end(text);
    nginx.ended = new Promise((r) => nginx.process.on('exit', r));

    // a test may fail where nobody calls stop()
    process.on('exit', () => nginx.process.kill());

    const [where] = await once(createInterface(nginx.process.stdout), 'line');
    Object.assign(nginx, JSON.parse(where));
    nginx.url = `http://127.0.0.1:${nginx.port}`;

    await until('nginx listens', () => {
      const { exitCode, signalCode } = nginx.process;
      if ((exitCode ?? signalCode) !== null) throw new Error('nginx ended');
      return listens(nginx.port);
    });

    return nginx;
  }

  log() {
    return readFileSync(`${this.prefix}/logs/error.log`, 'utf8');
  }

  // the lines that an operator would be woken for
  alerts() {
    return this.log().split('\n').filter((line) =>
      /\[(alert|crit|emerg)\]|Sanitizer|runtime error/.test(line));
  }

  async stop() {
    this.process.kill('SIGTERM');
    const killer = setTimeout(() => this.process.kill('SIGKILL'), TIMEOUT);
    await this.ended;
    clearTimeout(killer);
  }
}

export class Tap {
  n = 0;

  failed = 0;

  ok(condition, name) {
    this.n += 1;
    this.failed += condition ? 0 : 1;
    console.log(`${condition ? '' : 'not '}ok ${this.n} - ${name}`);
    if (!condition) console.error(`# failed test ${this.n}: ${name}`);
  }

  done() {
    console.log(`1..${this.n}`);
    process.exitCode = this.failed ? 1 : 0;
  }
}
