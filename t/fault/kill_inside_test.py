"""
A storm in which the workers kill themselves in the middle of a change to the
log, holding its lock: the next owner has to put it in order.
"""

import os

from nginx import Tap, load_fault_module, raise_limit
from storm import Storm

LIFE = 300                      # milliseconds, about
SHORT, LONG = 8, 240            # seconds: 40 deaths, or more than a thousand

if __name__ == '__main__':
    load_fault_module()

    long = 'WEBSOCKET_LONG' in os.environ

    raise_limit()
    wanted = 1000 if long else 10
    storm = Storm('kill_inside', clients=100, channels=5, rate=100,
                  seconds=LONG if long else SHORT, enemy='none', fault=LIFE,
                  enough=lambda s: s.nginx.log().count('on signal') >= wanted)
    storm.run()

    # one that died while it repaired was not alive to say so

    deaths, repairs = len(storm.deaths()), storm.repairs()

    tap = Tap()
    tap.ok(deaths >= wanted and repairs >= deaths / 2,
           f'{deaths} workers died inside the log, {repairs} repairs')
    storm.check(tap)
    tap.done()
