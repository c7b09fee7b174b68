"""
A client that may have one session at a time, and asks again as soon as it has
its answer: of another worker, as like as not, which must know already.
"""

import collections
import multiprocessing
import socket

from nginx import Nginx, Tap, TIMEOUT

CLIENTS = 8
POLLS = 500
OPEN = 20           # connections of a client, that it does not close at once

CONF = '''
    websocket_zone zone=live:1m;
    server {
        listen 127.0.0.1:$PORT;
        location = /poll {
            websocket subscribe;
            websocket_channel x;
            websocket_max_connections 1 key=$arg_name;
        }
    }
'''


def poll(port, name):
    s = socket.create_connection(('127.0.0.1', port), TIMEOUT)
    s.sendall(f'GET /poll?transport=poll&name={name} HTTP/1.1\r\n'
              f'Host: localhost\r\n\r\n'.encode())
    return s, s.recv(4096)[:12].decode()


def client(port, name, results):
    statuses = collections.Counter()
    connections = collections.deque(maxlen=OPEN)
    for _ in range(POLLS):
        s, status = poll(port, name)
        connections.append(s)
        statuses[status] += 1
    results.put(statuses)


def main(tap, nginx):
    results = multiprocessing.Queue()
    clients = [multiprocessing.Process(target=client, daemon=True,
                                       args=(nginx.port, i, results))
               for i in range(CLIENTS)]
    for process in clients:
        process.start()

    statuses = sum((results.get(timeout=TIMEOUT) for _ in clients),
                   collections.Counter())
    for process in clients:
        process.join()

    tap.ok(statuses == {'HTTP/1.1 200': CLIENTS * POLLS},
           f'a seat is free before the answer is sent: {dict(statuses)}')
    tap.ok(not nginx.alerts(), f'no alerts {nginx.alerts()[:3]}')


if __name__ == '__main__':
    tap = Tap()
    nginx = Nginx('seats', CONF)
    try:
        main(tap, nginx)
    finally:
        nginx.stop()
    tap.done()
