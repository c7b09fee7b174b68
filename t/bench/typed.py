"""What types, views and filters cost: JSON messages of 128 bytes.

The fields and the views are those that fanout.c makes.
"""

import turns

TYPE = """
    websocket_type meter {
        field value   integer required min=0;
        field channel integer required min=0 max=9;
        field name    string  required min=1 max=64;
        field unit    string  enum=ms|us|bytes;
        field ok      boolean;
        field text    string  max=4096;
        view  v1 value name;
        view  v2 value unit ok;
    }
    map $arg_view $bench_view { 0 default; 1 v1; 2 v2; }
"""

TYPED = {"http": TYPE, "sub": "websocket_outbound_type meter;",
         "pub": "websocket_inbound_type meter;"}


def typed(more):
    return dict(TYPED, sub=TYPED["sub"] + more)


FILTERED = typed("websocket_filter on;")

# what ours has, and what the load generator does; the first one is the base
ROWS = {
    "no type": ({}, {}),
    "a type": (TYPED, {}),
    "a type, three views":
        (typed("websocket_view $bench_view;"),
         {"json": 3, "sub": "/sub/%d?view=%d"}),
    "a type, 1,000 filters, all match":
        (FILTERED, {"sub": '/sub/%d?filter={"value":{"gt":-%d}}'}),
    "a type, 1,000 filters, half match":
        (FILTERED, {"sub": '/sub/0?filter={"channel":%d,"value":{"gt":-%d}}',
                    "pub": "/pub/0", "channels": 2}),
}

CONNECTIONS = 1000


def run(bench, slices, seconds):
    """The slices of each row, by messages in flight."""
    results = {}

    for inflight in (1, 16):
        entries = [(name, lambda ours=ours: bench.ours(**ours), "fanout",
                    {"connections": CONNECTIONS, "json": 1,
                     "inflight": inflight, **options}, None)
                   for name, (ours, options) in ROWS.items()]
        found = turns.take(bench, entries, slices, seconds)
        results[str(inflight)] = found

        for name, runs in found.items():
            print("%2d in flight, %-34s %8.3f us/delivery, %7.0f messages/s"
                  % (inflight, name, turns.median(runs, "us_per_unit"),
                     messages(name, runs)), flush=True)

    return results


def messages(name, runs):
    """Messages per second: each goes to one of the channels' subscribers."""
    channels = ROWS[name][1].get("channels", 1)

    return turns.median(runs, "per_second") / (CONNECTIONS // channels)
