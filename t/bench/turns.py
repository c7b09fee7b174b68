"""Servers taking turns: each does a slice of its work, then the next one.

All run at once, with all their connections, and all but one wait.  So what
else happens on the machine happens to all of them.
"""

import contextlib
import json
import random
import select
import statistics
import subprocess

MANY = 10 ** 9              # messages: the time is the bound
PATIENCE = 120


def median(runs, field):
    return (statistics.median(run[field] for run in runs) if runs
            else float("nan"))


def ratio(runs, base):
    """The median of the slices' ratios: neighbours share their weather."""
    return median([{"ratio": run["us_per_unit"] / other["us_per_unit"]}
                   for run, other in zip(runs, base)], "ratio")


class Failed(RuntimeError):
    pass


class Contender:
    """A server, and a load generator that waits for its turns."""

    def __init__(self, bench, server, case, options, more=()):
        self.name = server.name
        self.load = subprocess.Popen(
            bench.load_argv(server, case, dict(options, slices=1), more),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def answer(self):
        if not select.select([self.load.stdout], [], [], PATIENCE)[0]:
            raise Failed("%s: nothing for %d s" % (self.name, PATIENCE))

        line = self.load.stdout.readline()

        if not line:
            raise Failed("%s: the load generator ended" % self.name)

        return line

    def turn(self):
        self.load.stdin.write(b"\n")
        self.load.stdin.flush()

        return json.loads(self.answer())

    def close(self):
        self.load.stdin.close()

        try:
            self.load.wait(10)
        except subprocess.TimeoutExpired:
            self.load.kill()
            self.load.wait()


def start(bench, stack, make, case, options, before):
    server = stack.enter_context(make())

    if before:
        bench.load(server, "post", **before)

    contender = Contender(bench, server, case,
                          {"messages": MANY, **options})
    stack.callback(contender.close)
    contender.answer()

    return contender


def take(bench, entries, slices, seconds):
    """The slices of each entry, by name; none of one that failed.

    An entry is a name, a maker of a server, the case, its options, and what
    a "post" has to do before, or None.
    """
    results = {entry[0]: [] for entry in entries}
    contenders = {}

    with contextlib.ExitStack() as stack:
        for name, make, case, options, before in entries:
            try:
                contenders[name] = start(
                    bench, stack, make, case,
                    dict(options, seconds=seconds), before)
            except (RuntimeError, subprocess.TimeoutExpired) as e:
                print(e, flush=True)

        for i in range(slices):
            names = list(contenders)

            # nobody is always the first, or behind the same one

            random.Random(i).shuffle(names)

            for name in names:
                try:
                    results[name].append(contenders[name].turn())
                except (Failed, BrokenPipeError) as e:
                    print("%s: %s" % (name, e), flush=True)
                    del contenders[name]
                    results[name] = []

    return results
