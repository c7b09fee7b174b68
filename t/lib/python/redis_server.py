"""
A Redis or Valkey for the tests: on a port of its own, ended by pid, with nothing
kept on disk.  REDIS_SERVER names another binary than redis-server, or, where
that is not installed, valkey-server.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from nginx import TIMEOUT, default_signals, free_port

BINARY = os.environ.get('REDIS_SERVER') or next(
    filter(shutil.which, ('redis-server', 'valkey-server')), 'redis-server')

try:
    import redis
except ImportError:
    redis = None


def need_redis():
    """Skips the test where what it needs is not installed; CI must have it."""
    lacks = [what for what, there in ((BINARY, shutil.which(BINARY)),
                                      ('python3-redis', redis)) if not there]
    if lacks:
        if os.environ.get('CI'):
            sys.exit(f'without {" and ".join(lacks)}')
        print(f'1..0 # SKIP without {" and ".join(lacks)}')
        sys.exit()


def port_options(port, tls):
    """As pairs; with tls, a folder of certificates, only TLS is spoken."""
    if not tls:
        return [('port', str(port))]
    return [('port', '0'), ('tls-port', str(port)), ('tls-replication', 'yes'),
            ('tls-cert-file', f'{tls}/localhost.pem'),
            ('tls-key-file', f'{tls}/localhost.key'),
            ('tls-ca-cert-file', f'{tls}/ca.pem'), ('tls-auth-clients', 'no')]


def client_options(tls):
    return {'ssl': True, 'ssl_ca_certs': f'{tls}/ca.pem'} if tls else {}


class Redis:
    """One server: with Redis(...) as server, or start() and stop()."""

    def __init__(self, *options, port=None, tls=None):
        self.port = port or free_port()
        self.tls = tls
        self.options = options
        self.process = None
        self.dir = tempfile.mkdtemp(prefix='websocket-redis.')

    def start(self):
        self.process = subprocess.Popen(
            [BINARY, *(word for name, value in port_options(self.port, self.tls)
                       for word in (f'--{name}', value)),
             '--bind', '127.0.0.1', '--dir', self.dir, '--save', '', '--appendonly', 'no',
             '--logfile', 'log', '--stream-node-max-bytes', '512',
             *self.options], preexec_fn=default_signals)
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                self.client().ping()
                return self
            except redis.exceptions.AuthenticationError:
                return self         # it is there, and asks for a password
            except redis.exceptions.ConnectionError:
                if time.monotonic() > deadline or self.process.poll():
                    raise
                time.sleep(0.02)

    def client(self, **options):
        return redis.Redis('127.0.0.1', self.port, **client_options(self.tls),
                           **options)

    def stop(self, number=signal.SIGKILL):
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Sentinel(Redis):
    """One that watches a master, which it calls main; lines are more of its
    configuration."""

    def __init__(self, master, *lines, quorum=1, down_after=1000):
        super().__init__(tls=master.tls)
        options = [f'{name} {value}' for name, value
                   in port_options(self.port, self.tls)]
        with open(f'{self.dir}/conf', 'w') as f:
            f.write('\n'.join([
                *options, 'bind 127.0.0.1', 'logfile log', f'dir {self.dir}',
                f'sentinel monitor main 127.0.0.1 {master.port} {quorum}',
                f'sentinel down-after-milliseconds main {down_after}',
                'sentinel failover-timeout main 3000', *lines, '']))

    def start(self):
        self.process = subprocess.Popen(
            [BINARY, f'{self.dir}/conf', '--sentinel'],
            stdout=subprocess.DEVNULL, preexec_fn=default_signals)
        return self
