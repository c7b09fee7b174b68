"""A short storm: workers are killed and reloaded, no message is lost."""

from storm import Storm, Tap, raise_limit

if __name__ == '__main__':
    raise_limit()
    storm = Storm('storm', clients=100, channels=5, rate=100, seconds=8,
                  every=0.5, enemy='both')
    storm.run()

    tap = Tap()
    tap.ok(len(storm.killed) > 3 and storm.reloads > 3,
           f'{len(storm.killed)} kills, {storm.reloads} reloads')
    storm.check(tap)
    tap.done()
