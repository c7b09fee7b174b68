"""Userland instructions per delivery, exact to what the scheduler varies.

Each server runs twice under callgrind, with different numbers of messages:
the difference of the two counts is what the additional deliveries took,
without the start, the handshakes, and the end.
"""

import collections
import os
import re

import typed

ALL = "/sub/%d?filter={\"value\":{\"gt\":-%d}}"
SAME = "/sub/%d?filter={\"value\":{\"gt\":-1}}"

# case, options, the two numbers of messages; a delivery is an echo there; and
# what ours has besides
COLUMNS = [
    ("fan-out, one at a time", "fanout", {"connections": 200}, 100, 600),
    ("fan-out, 16 in flight", "fanout",
     {"connections": 200, "inflight": 16}, 320, 3520),
    ("100 channels, 16 in flight", "fanout",
     {"connections": 1000, "channels": 100, "inflight": 16}, 1600, 6400),
    ("echo, depth 1", "echo", {"connections": 200}, 2000, 42000),
    ("echo, depth 16", "echo", {"connections": 200, "inflight": 16},
     6400, 102400),
    ("TLS, 128 bytes, one at a time", "fanout",
     {"connections": 100, "size": 128, "tls": 1}, 100, 400),
    ("TLS, 128 bytes, 16 in flight", "fanout",
     {"connections": 100, "size": 128, "tls": 1, "inflight": 16}, 320, 2240),
    ("TLS, 4 KB, one at a time", "fanout",
     {"connections": 100, "size": 4096, "tls": 1}, 100, 400),
    ("TLS, 4 KB, 16 in flight", "fanout",
     {"connections": 100, "size": 4096, "tls": 1, "inflight": 16}, 160, 800),
    ("1,000 filters, one at a time", "fanout",
     {"connections": 1000, "json": 1, "sub": ALL}, 100, 300, typed.FILTERED),
    ("1,000 filters, 16 in flight", "fanout",
     {"connections": 1000, "json": 1, "sub": ALL, "inflight": 16},
     160, 480, typed.FILTERED),
    ("one filter, 16 in flight", "fanout",
     {"connections": 1000, "json": 1, "sub": SAME, "inflight": 16},
     160, 480, typed.FILTERED),
]

SHOWN = 14          # functions


def parse(path):
    """The self cost of each function of a callgrind file."""
    names = {}
    cost = collections.Counter()
    function = None
    skip = False

    with open(path) as f:
        for line in f:
            if line[:3] == "fn=":
                number, name = re.match(r"\((\d+)\)(?: (.*))?", line[3:]
                                        ).groups()
                function = names.setdefault(number, name or "?")

            elif line[:4] == "cfn=":
                number, name = re.match(r"\((\d+)\)(?: (.*))?", line[4:]
                                        ).groups()

                if name:
                    names.setdefault(number, name)

            elif line[:6] == "calls=":
                skip = True

            elif line[:1].isdigit() or line[:1] in "+-*":
                if not skip and function is not None:
                    cost[function] += int(line.split()[1])

                skip = False

    return cost


def counted(bench, make, case, options, messages):
    """The functions' cost, and how many deliveries there ever were."""
    out = bench.dir + "/callgrind.out"
    prefix = ["valgrind", "--tool=callgrind", "--quiet",
              "--callgrind-out-file=" + out,
              "--log-file=" + bench.dir + "/callgrind.log"]

    if os.path.exists(out):
        os.unlink(out)

    with make(prefix) as server:
        result = bench.load(server, case, messages=messages, seconds=300,
                            **options)

    return parse(out), result["ever"]


def difference(bench, make, case, options, few, many):
    cost1, n1 = counted(bench, make, case, options, few)
    cost2, n2 = counted(bench, make, case, options, many)
    cost2.subtract(cost1)

    return {name: c / (n2 - n1) for name, c in cost2.items() if c}


def show(name, cost, functions):
    print("    %-16s %9.1f" % (name, sum(cost.values())), flush=True)

    if functions:
        for function in sorted(cost, key=cost.get, reverse=True)[:SHOWN]:
            print("        %9.1f  %s" % (cost[function], function),
                  flush=True)


def run(bench, only):
    bench.build_with("calm")

    print("Userland instructions per delivery (an echo is a delivery)")

    for name, case, options, few, many, *more in COLUMNS:
        if only and only not in name:
            continue

        print("\n%s, %d connections" % (name, options["connections"]),
              flush=True)
        cost = difference(
            bench, lambda prefix: bench.ours(prefix=prefix, single=True,
                                             tls="tls" in options,
                                             **dict(*more)),
            case, options, few, many)
        show("ours", cost, True)

        if more:
            continue

        cost = difference(
            bench, lambda prefix: bench.floor("coalesce", prefix=prefix,
                                              tls="tls" in options),
            case, options, few, many)
        show("floor coalesced", cost, False)
