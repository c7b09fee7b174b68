"""
How long a location takes that has nothing to do with what goes on: asked by a
process of its own, before which nothing else runs, as before the workers of
nginx, where the system permits that.  A request that took long was then held up
by its worker, and not by a busy machine.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time

PAUSE = 0.005


class Calm:
    """with Calm(nodes) as calm: calm.took is what the requests took, in
    milliseconds, in order; nodes that are started later are not asked."""

    def __init__(self, nodes, path='/plain'):
        self.nodes = nodes
        self.path = path
        self.took = []
        self.sure = False

    def __enter__(self):
        self.sure = all([first(pid, 1) for node in self.nodes
                         for pid in (node.process.pid, *node.workers())])
        self.process = subprocess.Popen(
            [sys.executable, __file__, self.path,
             *(str(node.port) for node in self.nodes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.sure &= first(self.process.pid, 2)
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate()
        self.took = json.loads(out)

    def slow(self, most=5):
        """How many took longer, in milliseconds."""
        return sum(t > most for t in self.took)

    def held(self):
        """Whether a worker held some up: a machine that is busy, or is not
        there for a moment, does that to one in five hundred, or to one in
        thirty where others may run before us."""
        few = 2 + len(self.took) / (500 if self.sure else 30)
        return self.slow() > few or self.sure and self.slow(50) > 0

    def __str__(self):
        took = self.took
        return (f'{len(took)} requests, median {took[len(took) // 2]:.2f} ms, '
                f'99% {took[len(took) * 99 // 100]:.2f} ms, at most '
                f'{took[-1]:.2f} ms, {self.slow()} above 5 ms'
                + ('' if self.sure else ', on a machine that may be busy'))


def first(pid, priority):
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(priority))
        return True
    except OSError:
        return False


def ask(port, path, connections):
    """Seconds, or None of a worker or an nginx that went away."""
    s = connections.pop(port, None)
    try:
        if s is None:
            s = socket.create_connection(('127.0.0.1', port))
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = time.monotonic()
        s.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
        data = s.recv(4096)
    except ConnectionError:
        return None
    took = time.monotonic() - start
    if data and b'\r\nConnection: close' not in data:
        connections[port] = s
    return took if data else None


def main(path, *ports):
    took, connections = [], {}
    while not select.select([0], [], [], PAUSE)[0]:
        for port in ports:
            t = ask(int(port), path, connections)
            if t is not None:
                took.append(round(t * 1000, 3))
    print(json.dumps(sorted(took)))


if __name__ == '__main__':
    main(*sys.argv[1:])
