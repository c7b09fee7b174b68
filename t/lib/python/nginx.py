"""nginx for the client tests: started with a configuration, ended by pid."""

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


class Nginx:
    def __init__(self, name, http='', workers=2, conf=None, files=None):
        """conf is a whole configuration, instead of the inside of http;
        files are names and texts of what stands beside it."""
        self.prefix = os.path.abspath(f'{BUILD}/clients/{name}')
        self.port = free_port()

        shutil.rmtree(self.prefix, ignore_errors=True)
        os.makedirs(f'{self.prefix}/logs')
        os.makedirs(f'{self.prefix}/temp')

        for file, text in (files or {}).items():
            with open(f'{self.prefix}/{file}', 'w') as f:
                f.write(text)

        modules = ''.join(f'load_module {m};\n' for m in
                          os.environ['TEST_NGINX_LOAD_MODULES'].split())
        user = 'user root;' if os.getuid() == 0 else ''
        temp = ''.join(f'{t}_temp_path {t}_temp;\n' for t in
                       ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))

        if conf is None:
            conf = f'''{modules}
                daemon off; {user} worker_processes {workers};
                worker_rlimit_nofile {open_files()};
                error_log logs/error.log notice; pid logs/nginx.pid;
                events {{ worker_connections 4096; }}
                http {{ access_log logs/access.log; {temp}
                {http} }}'''

        with open(f'{self.prefix}/nginx.conf', 'w') as f:
            f.write(conf.replace('$PORT', str(self.port)))

        self.process = subprocess.Popen(
            [os.environ.get('TEST_NGINX_BINARY', 'nginx'), '-p',
             self.prefix + '/', '-c', 'nginx.conf', '-e', 'logs/error.log'],
            stderr=open(f'{self.prefix}/logs/stderr.log', 'w'))

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
