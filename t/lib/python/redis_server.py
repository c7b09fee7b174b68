"""
A Redis or Valkey for the tests: on a port of its own, ended by pid, with nothing
kept on disk.  REDIS_SERVER names another binary than redis-server.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from nginx import TIMEOUT, default_signals, free_port

BINARY = os.environ.get('REDIS_SERVER', 'redis-server')

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


class Redis:
    """One server: with Redis(...) as server, or start() and stop()."""

    def __init__(self, *options, port=None):
        self.port = port or free_port()
        self.options = options
        self.process = None
        self.dir = tempfile.mkdtemp(prefix='websocket-redis.')

    def start(self):
        self.process = subprocess.Popen(
            [BINARY, '--port', str(self.port), '--bind', '127.0.0.1',
             '--dir', self.dir, '--save', '', '--appendonly', 'no',
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
        return redis.Redis('127.0.0.1', self.port, **options)

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
