"""Storms: workers are killed and reloaded, no message is lost."""

import os

from nginx import Tap, raise_limit
from storm import Storm

SHORT = dict(clients=100, channels=5, rate=100, seconds=8, every=0.5)
LONG = dict(clients=1000, channels=20, rate=200, seconds=300, every=1)


def enough(storm):
    return len(storm.killed) > 3 and storm.reloads > 3


if __name__ == '__main__':
    raise_limit()
    storm = Storm('storm', enemy='both', enough=enough,
                  **(LONG if 'WEBSOCKET_LONG' in os.environ else SHORT))
    storm.run()

    tap = Tap()
    tap.ok(enough(storm),
           f'{len(storm.killed)} kills, {storm.reloads} reloads')
    storm.check(tap)
    tap.done()
