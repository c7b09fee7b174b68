"""The longest that an unrelated client waits while something large or hostile
goes on: the pings of one on the same worker, and of one on another."""

import contextlib
import os
import re
import subprocess
import time

import report
import scenarios
import servers
from scene import PATIENCE, Scene

HTTP = """
    websocket_zone zone=bench:{zone};
    client_max_body_size 200m;
    client_body_buffer_size 1m;
    {http}
"""

SERVER = """
        add_header X-Worker $pid always;
        websocket_max_pings off;
        {server}
        location = /ping {{
            websocket echo;
        }}
        location = /where {{
            return 200 x;
        }}
        location = /status {{
            websocket_status json;
        }}
        location ~ ^/sub/(.*)$ {{
            websocket subscribe;
            websocket_channel $1;
        }}
        location ~ ^/old/(.*)$ {{
            websocket subscribe;
            websocket_channel $1;
            websocket_replay all;
        }}
        location ~ ^/pub/(.*)$ {{
            websocket publish;
            websocket_channel $1;
        }}
        location ~ ^/post/(.*)$ {{
            websocket_publish;
            websocket_channel $1;
            websocket_max_message_size 128m;
        }}
"""

NCHAN_HTTP = """
    nchan_shared_memory_size 1024m;
"""

NCHAN_SERVER = """
        add_header X-Worker $pid always;
        nchan_message_buffer_length 1000000;
        nchan_message_timeout 1h;
        location = /where {
            return 200 x;
        }
        location ~ ^/sub/(.*)$ {
            nchan_subscriber websocket;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
        }
        location ~ ^/old/(.*)$ {
            nchan_subscriber websocket;
            nchan_channel_id $1;
            nchan_subscriber_first_message oldest;
        }
        location ~ ^/pub/(.*)$ {
            nchan_publisher websocket;
            nchan_channel_id $1;
        }
        location ~ ^/post/(.*)$ {
            nchan_publisher http;
            nchan_channel_id $1;
        }
"""

TEXT = """
Milliseconds. CPU is what the worker worked while a ping was on its way, the
most of all pings. "Looked at", messages, channels, members and buckets, and
"KB copied" are the most that was done under the lock at once.

"""

HEAD = ["", "server", "p50", "p99", "p99.9", "longest", "longest, CPU",
        "another worker, p99.9", "longest", "longest, CPU",
        "looked at", "KB copied"]
FIELDS = ("p50", "p99", "p999", "max", "cpu")


def prefix(server):
    return server.argv[server.argv.index("-p") + 1]


def counts(server):
    """The most of one section under the lock: what t/fault/work.h says."""
    with open(prefix(server) + "/error.log") as f:
        said = re.findall(r"section: looked (\d+) moved (\d+)", f.read())

    if not said:
        return ["-", "-"]

    return ["%d" % max(int(looked) for looked, _ in said),
            "%.1f" % (max(int(moved) for _, moved in said) / 1024)]


def ours(bench, scenario):
    server = bench.nginx(
        "ours",
        [servers.MODULES + "/ndk_http_module.so", bench.module],
        HTTP.format(zone=scenario.zone, http=scenario.http),
        SERVER.format(server=scenario.server), 2, scenario.listen)

    with open(prefix(server) + "/key", "w") as f:
        f.write(scenarios.SECRET)

    with contextlib.suppress(FileNotFoundError):
        os.unlink(prefix(server) + "/error.log")

    return server


def nchan(bench, _):
    return bench.nginx("nchan", [servers.NCHAN], NCHAN_HTTP, NCHAN_SERVER, 2,
                       " reuseport")


def node(bench, _):
    return bench.node()


def makers(bench):
    """Of those that are here."""
    found = {"ours": ours}

    if os.path.exists(servers.NCHAN):
        found["nchan"] = nchan

    if os.path.isdir(bench.build + "/node_modules/ws"):
        found["node"] = node

    return found


def measure(bench, scenario, name, make):
    server = make(bench, scenario)
    server.pinned = False

    with server, Scene(bench, server, name) as scene:
        steps = scenario.run(scene)
        next(steps)
        scene.settle()
        scene.start()

        try:
            next(steps, None)
        except OSError as e:
            print("%s, %s: %s" % (scenario.name, name, e), flush=True)

        scene.settle()

        pings = scene.stop()

    return pings, counts(server) if name == "ours" else ["-", "-"]


def row(title, name, pings, counted):
    def show(where, fields):
        if where not in pings:
            return ["-"] * len(fields)

        lost = "> %d s" % PATIENCE

        return ["%.2f" % pings[where][field] if pings[where] else lost
                for field in fields]

    return [title, name, *show("same", FIELDS), *show("other", FIELDS[2:]),
            *counted]


def run(bench, wanted):
    """Writes the table anew after each line, so that an end leaves one."""
    path = bench.dir + "/stalls.md"
    bench.build_with("work")
    found = makers(bench)
    machine = report.machine()
    rows = []

    for scenario in scenarios.ALL:
        if wanted and scenario.name not in wanted.split(","):
            continue

        for name in ("ours", *scenario.peers):
            if name not in found:
                continue

            begin = time.monotonic()

            try:
                pings, counted = measure(bench, scenario, name, found[name])
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as e:
                print("%s, %s: %s" % (scenario.name, name, e), flush=True)
                pings, counted = {}, ["-", "-"]

            rows.append(row(scenario.title, name, pings, counted))
            print("%-16s %-6s %4.0f s  %s" % (
                scenario.name, name, time.monotonic() - begin,
                " ".join(rows[-1][2:])), flush=True)

            with open(path, "w") as f:
                f.write(machine + TEXT + report.table(HEAD, rows))

    print("the table is " + path)
