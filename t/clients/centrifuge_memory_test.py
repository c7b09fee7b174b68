"""What an idle client of Centrifugo's protocol takes in its worker, with one
channel that others share and with many."""

import struct

from memory_test import anonymous, connect, receive
from nginx import Nginx, Tap

SESSIONS = 1000
CHANNELS = 10

SESSION = 1200      # bytes, with its first channel
FURTHER = 160       # each one more

CONF = '''
    websocket_zone zone=z:4m;
    websocket_namespace default { subscribe client anonymous; }
    server {
        listen 127.0.0.1:$PORT;
        connection_pool_size 512;
        location = /ws { websocket centrifuge; websocket_anonymous on; }
    }
'''


def command(s, text):
    """Sends a frame of commands; what is answered is as many frames."""
    data = text.encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 \
        else b'\xfe' + struct.pack('!H', len(data))
    s.sendall(b'\x81' + size + b'\0\0\0\0' + data)
    for _ in range(text.count('\n') + 1):
        size = receive(s, 2)[1]
        if size == 126:
            size = struct.unpack('!H', receive(s, 2))[0]
        assert b'error' not in receive(s, size), text


def client(port, channels):
    s = connect(port, '/ws')
    command(s, '\n'.join(['{"id":1,"connect":{}}'] + [
        f'{{"id":{i + 2},"subscribe":{{"channel":"c{i}"}}}}'
        for i in range(channels)]))
    return s


def each(nginx, pid, channels):
    # what is free in between is used up

    sessions = [client(nginx.port, channels) for _ in range(200)]
    before = anonymous(pid)
    sessions += [client(nginx.port, channels) for _ in range(SESSIONS)]
    taken = (anonymous(pid) - before) / SESSIONS
    return taken, sessions


def main():
    tap = Tap()
    taken = []

    for channels in 1, 1 + CHANNELS:
        nginx = Nginx('centrifuge-memory', CONF, workers=1)
        try:
            nginx.wait(nginx.workers)
            pid = nginx.workers()[0]
            bytes_of, sessions = each(nginx, pid, channels)
            taken.append(bytes_of)
            for s in sessions:
                s.close()
        finally:
            nginx.stop()

    further = (taken[1] - taken[0]) / CHANNELS
    tap.ok(400 < taken[0] <= SESSION,
           f'an idle client of one channel takes {taken[0]:.0f} bytes')
    tap.ok(0 < further <= FURTHER,
           f'each further channel takes {further:.0f} bytes')
    tap.done()


if __name__ == '__main__':
    main()
