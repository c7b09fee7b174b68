// nginx for the client tests: started with a configuration, ended by pid.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { resolve } from 'node:path';

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
  static async start(name, http) {
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((t) => `${t}_temp_path ${t}_temp;`).join(' ');
    const modules = MODULES.map((m) => `load_module ${m};\n`).join('');

    return Nginx.startConf(name, `${modules} worker_processes 2;
      error_log logs/error.log notice; pid logs/nginx.pid;
      events { worker_connections 1024; }
      http { access_log logs/access.log; ${temp} ${http} }`);
  }

  // conf is a whole configuration, with $PORT for the port
  static async startConf(name, conf) {
    const nginx = new Nginx();
    const user = process.getuid() === 0 ? 'user root;' : '';

    nginx.prefix = resolve(build, 'clients', name);
    nginx.port = await freePort();
    nginx.url = `http://127.0.0.1:${nginx.port}`;

    rmSync(nginx.prefix, { recursive: true, force: true });
    mkdirSync(`${nginx.prefix}/logs`, { recursive: true });
    mkdirSync(`${nginx.prefix}/temp`);
    writeFileSync(`${nginx.prefix}/nginx.conf`,
      conf.replaceAll('$PORT', nginx.port));

    nginx.process = spawn(env.TEST_NGINX_BINARY || 'nginx',
      ['-p', `${nginx.prefix}/`, '-c', 'nginx.conf', '-e', 'logs/error.log',
        '-g', `daemon off; ${user}`],
      { stdio: ['ignore', 'ignore', 'inherit'] });
    nginx.ended = new Promise((r) => nginx.process.on('exit', r));

    // a test may fail where nobody calls stop()
    process.on('exit', () => nginx.process.kill());

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
