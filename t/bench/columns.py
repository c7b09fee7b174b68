"""The same work for all servers: one process of each, 128-byte messages."""

import turns

COLUMNS = [
    ("one at a time", "fanout", {"connections": 1000}),
    ("16 in flight", "fanout", {"connections": 1000, "inflight": 16}),
    ("100 channels", "fanout",
     {"connections": 1000, "channels": 100, "inflight": 16}),
    ("echo, depth 1", "echo", {"connections": 1000}),
    ("echo, depth 16", "echo", {"connections": 1000, "inflight": 16}),
]

CANNOT = {("nchan", "echo")}


def run(bench, peers, slices, seconds):
    """The slices of each column and server; none where it cannot."""
    results = {}

    for column, case, options in COLUMNS:
        entries = [(name, make, case, options, None)
                   for name, make in peers if (name, case) not in CANNOT]
        found = turns.take(bench, entries, slices, seconds)
        results[column] = {name: found.get(name, []) for name, _ in peers}

        for name, runs in found.items():
            if runs:
                print("%-16s %-16s %8.3f us/delivery" % (
                    column, name, turns.median(runs, "us_per_unit")),
                    flush=True)

    return results
