"""The report: tables in Markdown, plots by gnuplot."""

import os
import statistics
import subprocess
import time

from columns import COLUMNS
from turns import median, ratio
import typed

BASE = "floor coalesced"

CURVES = {
    "subscribers": ("subscribers", "One channel, one message at a time."),
    "channels": ("channels that do nothing",
                 "1,000 subscribers of 100 other channels, 16 messages in "
                 "flight. The floor has no channels that do nothing."),
    "size": ("bytes of a message",
             "100 subscribers, one message at a time."),
    "history": ("length of the history",
                "100 subscribers, one message at a time, the history full. "
                "The floor keeps none."),
    "publishers": ("publishers",
                   "1,000 subscribers of one channel, 100 messages in "
                   "flight, shared by the publishers' sockets."),
}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "| " + " | ".join("---" for _ in head) + " |"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]

    return "\n".join(lines) + "\n"


def output(*argv):
    try:
        return subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL).stdout.strip()
    except FileNotFoundError:
        return ""


def machine():
    with open("/proc/cpuinfo") as f:
        model = next(line.split(":")[1].strip() for line in f
                     if line.startswith("model name"))

    packages = output("dpkg-query", "-W", "-f", "${Package} ${Version}\n",
                      "nginx", "libnginx-mod-nchan", "golang-go", "nodejs",
                      "golang-github-gorilla-websocket-dev")

    return ("%s. %s, %d CPUs, Linux %s; load before: %s.\n\n%s.\n" % (
        time.strftime("%Y-%m-%d %H:%M"), model, os.cpu_count(),
        os.uname().release, " ".join("%.2f" % x for x in os.getloadavg()),
        ", ".join(packages.split("\n"))))


def servers_of(results):
    return list(next(iter(results.values())))


def cells(results, cell):
    return [[name] + [cell(of[name], of[BASE]) if of[name] else "-"
                      for of in results.values()]
            for name in servers_of(results)]


def cost(runs, base):
    return "%.2f (%.2f)" % (median(runs, "us_per_unit"), ratio(runs, base))


def spread(runs, _):
    us = statistics.quantiles([run["us_per_unit"] for run in runs], n=4)

    return "%.2f to %.2f" % (us[0], us[2])


def latency(runs, _):
    return "%.1f / %.1f / %.1f" % (
        median(runs, "p50_us") / 1e3, median(runs, "p99_us") / 1e3,
        max(run["max_us"] for run in runs) / 1e3)


def columns(results):
    head = ["server"] + list(results)
    slices = max(len(runs) for runs in results[COLUMNS[0][0]].values())

    return """## The same work for all

1,000 connections, messages of 128 bytes, one process (or worker, or
GOMAXPROCS=1) of each server. Microseconds of the server's CPU time per
delivery, kernel included; in parentheses the ratio to the coalesced floor.
Medians of %d slices, in which the servers took turns.

%s
![](columns.svg)

The middle half of the slices:

%s
From publishing to receipt, at full load: p50 / p99 / maximum in milliseconds.

%s""" % (slices, table(head, cells(results, cost)),
         table(head, cells(results, spread)),
         table(head, cells(results, latency)))


def curve(name, found):
    what, text = CURVES[name]
    rows = [["%d" % row["x"], "%.3f" % row["ours"], "%.3f" % row["floor"],
             "%.2f" % row["ratio"], "%.1f" % (row["ours_p99"] / 1e3),
             "%.1f" % (row["floor_p99"] / 1e3)] for row in found]

    return "### %s\n\n%s\n\n%s\n![](%s.svg)\n" % (
        what.capitalize(), text,
        table([what, "ours, us", "floor, us", "ratio", "ours, p99 ms",
               "floor, p99 ms"], rows), name)


def handshakes(found):
    ours, alone = found["WebSocket"], found["GET"]

    return """## Handshakes

Per second of nginx's CPU time; each opens a connection and ends it, the
WebSocket's with a Close both ways, the GET is answered 204 and closed.

%s""" % table(["", "per CPU second", "us each"],
              [["WebSocket", "%.0f" % ours, "%.1f" % (1e6 / ours)],
               ["GET", "%.0f" % alone, "%.1f" % (1e6 / alone)],
               ["difference", "", "%.1f" % (1e6 / ours - 1e6 / alone)]])


def memory(found, tls):
    rows = []

    for name, run in found.items():
        rows.append([name] + [
            "%.0f" % run[when + "_" + field + "_per_session"]
            for when, field in (("open", "anonymous"), ("open", "private"),
                                ("burst", "anonymous"),
                                ("closed", "anonymous"))])

    rows.append(["ours, TLS", "%.0f" % tls["Anonymous"],
                 "%.0f" % tls["Private_Dirty"], "", ""])

    return """## Memory of an idle session

Bytes of userland memory, the difference between none and 5,000 sessions
(1,000 with TLS) divided by their number. "Private" counts pages of a zone that
one worker alone has touched, "anonymous" does not. What the kernel has for a
socket, about the same for all, is not counted. "After a burst": 100 messages
went to all, 10 in flight; "all gone": what is kept for those to come.

%s""" % table(["server", "anonymous", "private", "after a burst",
               "all gone"], rows)


def heartbeats(found):
    rows = []

    for name, run in found["found"].items():
        pings = run["pings"]
        rows.append([name, "%d" % pings,
                     "%.2f" % (run["cpu_ms"] / run["wall_s"]),
                     "%.2f" % (run["cpu_ms"] * 1e3 / pings) if pings else "-",
                     "%.2f" % (run["cpu_ms"] * 1e3 / pings
                               * found["sessions"] / 25 / 1e3)
                     if pings else "-"])

    return """## Heartbeats

%d sessions that only answer Pings, one each %d seconds (the default is 25: the
last column is for that, by calculation). The floor sends the Pings and reads
the Pongs, nothing more. "Off" is `websocket_heartbeat off`: what the sessions
cost without.

%s""" % (found["sessions"], found["interval"],
         table(["server", "Pings", "CPU ms per second", "us per Ping",
                "CPU ms per second at 25 s"], rows))


def workers(found):
    rows = []

    for inflight in ("1", "16"):
        us1, rate1 = found[inflight]["1"]
        us2, rate2 = found[inflight]["2"]
        rows.append([inflight, "%.2f" % us1, "%.2f" % us2,
                     "%.2f" % (us2 / us1), "%.0f" % rate1, "%.0f" % rate2])

    return """## Two workers

1,000 subscribers of one channel. The load generator needs a CPU too, so on two
CPUs the rate says little; the CPU time is that of both workers.

%s""" % table(["in flight", "1 worker, us", "2 workers, us", "ratio",
               "1 worker, deliveries/s", "2 workers, deliveries/s"], rows)


def compression(found):
    rows = [[name] + ["%.2f (%.2f)" % tuple(found[inflight][name])
                      for inflight in ("1", "16")]
            for name in found["1"]]

    return """## Compression

1,000 subscribers of one channel, with `websocket_deflate on` for the first row
alone: of 1,024 bytes about 50 are left. Microseconds of CPU time per delivery, in
parentheses the ratio to messages that are as long on the wire.

%s""" % table(["message", "one at a time, us", "16 in flight, us"], rows)


def typed_messages(found):
    rows = []

    for name in typed.ROWS:
        row = [name]

        for runs in (found["1"], found["16"]):
            row += ([cost(runs[name], runs["no type"]),
                     "%.0f" % typed.messages(name, runs[name])]
                    if runs[name] and runs["no type"] else ["-", "-"])

        rows.append(row)

    return """## Typed messages

1,000 subscribers of one channel, JSON messages of 128 bytes with six fields.
Microseconds of CPU time per delivery, in parentheses the ratio to no type.
Messages checked when they are published (`websocket_inbound_type`,
`websocket_outbound_type`), then also in three views, a third of the subscribers each;
or with a filter of its own for each subscriber. Where half match, a message is
tried on all filters and goes to 500 subscribers: of 16 in flight each gets 8,
so that fewer share one `send()`. Messages per second are by the clock, so with
what the load generator and all else on the machine need.

%s""" % table(["", "one at a time, us", "messages/s", "16 in flight, us",
               "messages/s"], rows)


def gnuplot(path, script):
    head = ("set terminal svg size 800,420 font 'sans,12' "
            "background 'white'\nset output '%s'\nset grid ytics\n" % path)

    try:
        subprocess.run(["gnuplot"], input=head + script, text=True,
                       check=True)
    except FileNotFoundError:
        print("no gnuplot: no %s" % path)


def plot_columns(directory, results):
    names = servers_of(results)
    data = ["column " + " ".join('"%s"' % name for name in names)]

    for column, of in results.items():
        values = ["%.3f" % median(of[name], "us_per_unit")
                  if of[name] else "NaN" for name in names]
        data.append('"%s" %s' % (column, " ".join(values)))

    gnuplot(directory + "/columns.svg", """
$data << END
%s
END
set style data histogram
set style fill solid 0.8
set logscale y
set yrange [0.1:*]
set ylabel 'CPU us per delivery'
set key above
plot for [i=2:%d] $data using i:xtic(1) title columnheader(i)
""" % ("\n".join(data), len(names) + 1))


def plot_curve(directory, name, found):
    data = ["%g %g %g" % (max(row["x"], 1), row["ours"], row["floor"])
            for row in found]

    gnuplot("%s/%s.svg" % (directory, name), """
$data << END
%s
END
set logscale x
%s
set xlabel '%s'
set ylabel 'CPU us per delivery'
set key above
plot $data using 1:2 with linespoints lw 2 title 'ours', \\
     $data using 1:3 with linespoints lw 2 title '%s'
""" % ("\n".join(data),
       "set logscale y" if name == "size" else "set yrange [0:*]",
       CURVES[name][0], BASE))


def write(directory, results):
    parts = ["# Benchmark\n", results["machine"],
             columns(results["columns"])]
    plot_columns(directory, results["columns"])
    more = results.get("curves")

    if more:
        parts.append("## Curves\n\nMedians of CPU microseconds per delivery; "
                     "the floor is the coalesced one.\n")

        for name in CURVES:
            parts.append(curve(name, more[name]))
            plot_curve(directory, name, more[name])

        parts += [handshakes(more["handshakes"]),
                  memory(more["memory"], more["tls"]),
                  heartbeats(more["heartbeats"]), workers(more["workers"]),
                  compression(more["compression"])]

    if "typed" in results:
        parts.append(typed_messages(results["typed"]))

    with open(directory + "/report.md", "w") as f:
        f.write("\n".join(parts))
