"""
What a killed worker held is free from that moment: the master is stopped, so
that nobody but the other worker can notice, and that one is asked at once.
"""

import asyncio
import os
import signal

from nginx import Nginx, Tap
from peer import Closed, Peer, workers

ROUNDS = 5
SEATS = 20

CONF = f'''
    websocket_zone zone=live:1m;
    log_format ws '$pid';
    server {{
        listen 127.0.0.1:$PORT;
        websocket_max_connections {SEATS};
        websocket_access_log start;
        access_log logs/access.log ws;
        location = /ws {{ websocket echo; add_header X-Worker $pid always; }}
    }}
'''


async def fill(port):
    """Opens until it is refused: the sessions, each with its worker."""
    peers = []
    while True:
        peer = Peer(port)
        try:
            await peer.websocket('/ws')
        except Closed as e:
            return peers, e.code
        peers.append((peer, int(peer.header('X-Worker'))))


async def one(tap, nginx):
    peers, code = await fill(nginx.port)
    while len(peers) < SEATS:       # those of the last round are leaving
        await asyncio.sleep(0.01)
        more, code = await fill(nginx.port)
        peers += more

    held = [pid for _, pid in peers]
    tap.ok((len(peers), code) == (SEATS, 503), f'{len(peers)} sit, then {code}')

    victim = max(set(held), key=held.count)
    os.kill(nginx.process.pid, signal.SIGSTOP)
    try:
        os.kill(victim, signal.SIGKILL)
        gone = [peer for peer, pid in peers if pid == victim]
        await asyncio.gather(*(peer.ended() for peer in gone))
        more, code = await fill(nginx.port)
        tap.ok((len(more), code) == (len(gone), 503),
               f'{len(gone)} died, {len(more)} sit, then {code}')
    finally:
        os.kill(nginx.process.pid, signal.SIGCONT)

    nginx.wait(lambda: victim not in workers(nginx, 2))
    for peer, _ in peers + more:
        peer.close()


async def main(tap, nginx):
    for _ in range(ROUNDS):
        await one(tap, nginx)


if __name__ == '__main__':
    tap = Tap()
    nginx = Nginx('limits', CONF, 2)
    try:
        workers(nginx, 2)
        asyncio.run(main(tap, nginx))
    finally:
        nginx.stop()
    tap.done()
