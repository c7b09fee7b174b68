"""
nginx for the tests: started with a configuration, ended by pid.  As a command,
for tests in other languages: nginx.py http | conf NAME takes the inside of http
or a whole configuration from its input, says in JSON where nginx will be, and
becomes nginx.
"""

import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

BUILD = os.environ.get('WEBSOCKET_BUILD', 'build')
TIMEOUT = float(os.environ.get('TEST_NGINX_TIMEOUT', 30))

# what t/tools/test sets, for a run by hand

os.environ['PATH'] += ':/usr/sbin'
os.environ.setdefault(
    'TEST_NGINX_LOAD_MODULES', '/usr/lib/nginx/modules/ndk_http_module.so '
    f'{os.path.abspath(BUILD)}/modules/ngx_http_websocket_module.so')


def free_port():
    """A port that is free, as is the next one, and that no client is given:
    where a client had it a minute ago, its TIME_WAIT forbids to listen."""

    with open('/proc/sys/net/ipv4/ip_local_port_range') as f:
        clients = int(f.read().split()[0])

    # where clients are given nearly all of them, one that is free now

    first, last = min(10000, clients // 2), clients
    if clients < 4096:
        first, last = 10000, 32768

    while True:
        port = random.randrange(first, last - 1)
        try:
            for p in port, port + 1:
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(('', p))
            return port
        except OSError:
            continue


def open_files():
    """As many as a worker may need, or as there may be."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 8192 if hard == resource.RLIM_INFINITY else min(hard, 8192)


def default_signals():
    """What a terminal gives to what it starts, whatever we were started with:
    for a child, before its exec."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def raise_limit(most=65536):
    """As many open files as there may be, up to most."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, most), hard))


def load_fault_module(name='fault'):
    """nginx is to load the module of t/fault/NAME.h, or NAME.c, from now on."""
    if 'asan' in os.environ.get('TEST_NGINX_BINARY', ''):
        print('1..0 # SKIP the module is built for the nginx of the system')
        sys.exit()

    subprocess.run(['t/tools/build-fault', BUILD, name], stdout=sys.stderr,
                   check=True)

    module = 'ngx_http_websocket_module.so'
    os.environ['TEST_NGINX_LOAD_MODULES'] = ' '.join(
        f'{os.path.abspath(BUILD)}/{name}/{module}' if m.endswith(module) else m
        for m in os.environ['TEST_NGINX_LOAD_MODULES'].split())


def load_modules(modules=None):
    """The directives for these, or for those that are tested."""
    if modules is None:
        modules = os.environ['TEST_NGINX_LOAD_MODULES'].split()
    return ''.join(f'load_module {m};\n' for m in modules)


def temp_paths(folder='.'):
    """The directives of http for nginx's own temporary files."""
    return ''.join(f'{t}_temp_path {folder}/{t}_temp;\n' for t in
                   ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))


def configuration(http, workers=2):
    """A whole one, for the inside of http."""
    return f'''{load_modules()}
        worker_processes {workers}; worker_rlimit_nofile {open_files()};
        error_log logs/error.log notice; pid logs/nginx.pid;
        events {{ worker_connections 4096; }}
        http {{ access_log logs/access.log; {temp_paths()}
        {http} }}'''


def place(name):
    """An empty folder for a server, and a port."""
    prefix = os.path.abspath(f'{BUILD}/clients/{name}')
    shutil.rmtree(prefix, ignore_errors=True)
    os.makedirs(f'{prefix}/logs')
    os.makedirs(f'{prefix}/temp')
    return prefix, free_port()


def write_conf(prefix, conf, port):
    with open(f'{prefix}/nginx.conf', 'w') as f:
        f.write(conf.replace('$PORT', str(port)))


def command(prefix, log='logs/error.log', directives=''):
    """What starts nginx in the foreground, with PREFIX/nginx.conf."""
    user = 'user root;' if os.getuid() == 0 else ''
    return [os.environ.get('TEST_NGINX_BINARY', 'nginx'), '-p', f'{prefix}/',
            '-c', 'nginx.conf', '-e', log, '-g',
            f'daemon off; {user} {directives}']


class Nginx:
    def __init__(self, name, http='', workers=2, conf=None, files=None):
        """conf is a whole configuration, instead of the inside of http;
        files are names and texts of what stands beside it."""
        self.prefix, self.port = place(name)

        for file, text in (files or {}).items():
            with open(f'{self.prefix}/{file}', 'w') as f:
                f.write(text)

        self.start(conf or configuration(http, workers))

    def start(self, conf):
        write_conf(self.prefix, conf, self.port)
        with open(f'{self.prefix}/logs/stderr.log', 'w') as stderr:
            self.process = subprocess.Popen(command(self.prefix),
                                            stderr=stderr)
        self.wait(self.listens)

    def listens(self):
        if self.process.poll() is not None:
            sys.exit('nginx ended: ' + self.log())
        try:
            socket.create_connection(('127.0.0.1', self.port)).close()
            return True
        except OSError:
            return False

    @staticmethod
    def wait(condition, timeout=TIMEOUT):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(condition)
            time.sleep(0.01)

    def workers(self):
        pid = self.process.pid
        with open(f'/proc/{pid}/task/{pid}/children') as f:
            return [int(p) for p in f.read().split()]

    def log(self):
        text = ''
        for name in ('error.log', 'stderr.log'):
            with open(f'{self.prefix}/logs/{name}') as f:
                text += f.read()
        return text

    def alerts(self, but=()):
        """The lines that an operator would be woken for."""
        bad = ('[alert]', '[crit]', '[emerg]', 'Sanitizer', 'runtime error')
        return [line for line in self.log().splitlines()
                if any(b in line for b in bad)
                and not any(b in line for b in but)]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Tap:
    def __init__(self):
        self.n = 0
        self.failed = 0
        self.lock = threading.Lock()

    def ok(self, condition, name):
        with self.lock:         # threads call it, too
            self.n += 1
            self.failed += not condition
            print(f'{"" if condition else "not "}ok {self.n} - {name}',
                  flush=True)
            if not condition:
                print(f'# failed test {self.n}: {name}', file=sys.stderr)
        return condition

    def done(self):
        print(f'1..{self.n}')
        sys.exit(self.failed > 0)


def main(kind, name):
    conf = sys.stdin.read()
    prefix, port = place(name)
    write_conf(prefix, configuration(conf) if kind == 'http' else conf, port)
    print(json.dumps({'prefix': prefix, 'port': port}), flush=True)

    argv = command(prefix)
    os.execvp(argv[0], argv)


if __name__ == '__main__':
    main(*sys.argv[1:])
