"""The servers that are measured: how each is started, found, and ended."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

from nginx import (command, load_modules, raise_limit, temp_paths,
                   write_conf)

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
HERE = os.path.join(TOP, "t", "bench")
MODULES = "/usr/lib/nginx/modules"
NCHAN = MODULES + "/ngx_nchan_module.so"
GORILLA = "/usr/share/gocode/src/github.com/gorilla/websocket"

# the server has one CPU, the load generator the other, where there are two
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU = CPUS[0]
LOAD_CPU = CPUS[1] if len(CPUS) > 1 else -1

NGINX = """
{modules}
worker_processes {workers};
worker_rlimit_nofile {files};
error_log error.log warn;
pid nginx.pid;

events {{
    worker_connections {connections};
}}

http {{
    access_log off;
    keepalive_requests 1000000000;
    {temp}
{http}
    server {{
        listen 127.0.0.1:$PORT backlog=4096{listen};
{server}
    }}
}}
"""

OURS_HTTP = """
    websocket_zone zone=bench:{zone};
    {http}
"""

# a publisher of its own kind: what it publishes goes to subscribers alone
OURS_SERVER = """
        location ~ ^/sub/(.*)$ {{
            websocket subscribe;
            websocket_channel ch/$1;
            {extra}
            {sub}
        }}
        location ~ ^/pub/(.*)$ {{
            websocket publish;
            websocket_channel ch/$1;
            {extra}
            {pub}
        }}
        location ~ ^/post/(.*)$ {{
            websocket_publish;
            websocket_channel ch/$1;
            {extra}
        }}
        location = /echo {{
            websocket echo;
            {extra}
        }}
        location = /plain {{
            keepalive_timeout 0;
            return 204;
        }}
"""

# the buffer must hold a burst; a stored message costs nchan nothing more
NCHAN_HTTP = """
    nchan_shared_memory_size 128m;
"""

NCHAN_SERVER = """
        location ~ ^/sub/(.*)$ {
            nchan_subscriber websocket;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
            nchan_message_buffer_length 64;
        }
        location ~ ^/pub/(.*)$ {
            nchan_publisher websocket;
            nchan_channel_id $1;
            nchan_message_buffer_length 64;
        }
"""

TLS = """
        ssl_certificate {prefix}/cert.pem;
        ssl_certificate_key {prefix}/key.pem;
        ssl_session_cache off;
"""


def descendants(pid):
    """The process and all below it."""
    found = [pid]

    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                for child in f.read().split():
                    found += descendants(int(child))

    except FileNotFoundError:
        pass                            # it has just ended

    return found


class Server:
    """A process that listens on a port; used as a context."""

    def __init__(self, name, argv, port, env=None, pinned=True, wait=1):
        self.name = name
        self.argv = argv
        self.port = port
        self.env = env
        self.pinned = pinned
        self.processes = wait           # that must be there at least
        self.process = None

    def __enter__(self):
        def prepare():
            raise_limit(1 << 20)

            if self.pinned and len(CPUS) > 1:
                os.sched_setaffinity(0, {SERVER_CPU})

        self.process = subprocess.Popen(
            self.argv, preexec_fn=prepare, env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise

        return self

    def ready(self):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", self.port)) != 0:
                return False

        return len(self.pids()) >= self.processes

    def wait(self):
        end = time.monotonic() + 60

        while not self.ready():
            if self.process.poll() is not None:
                raise RuntimeError("%s ended at its start" % self.name)

            if time.monotonic() > end:
                raise RuntimeError("%s does not listen" % self.name)

            time.sleep(0.05)

    def pids(self):
        return descendants(self.process.pid)

    def __exit__(self, *_):
        pids = self.pids() if self.process.poll() is None else []
        self.process.send_signal(signal.SIGTERM)

        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

            self.process.wait()


class Bench:
    """Where the benchmark's files are, and the servers that can be made."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.dir = self.build + "/bench"
        self.ports = iter(range(26000, 27000))
        self.module = (self.build
                       + "/modules/ngx_http_websocket_module.so")

    def build_with(self, name):
        """The module with a header of t/fault before each of its files."""
        subprocess.run(["t/tools/build-fault", self.build, name], cwd=TOP,
                       check=True)

        self.module = "%s/%s/%s" % (self.build, name,
                                    os.path.basename(self.module))

    def nginx(self, name, modules, http, server, workers=1, listen="",
              prefix=(), single=False, connections=19900):
        port = next(self.ports)
        root = "%s/%s-%d" % (self.dir, name.replace(" ", "-"), port)
        os.makedirs(root, exist_ok=True)
        text = NGINX.format(
            modules=load_modules(modules), workers=workers, temp=temp_paths(),
            http=http, server=server.replace("PREFIX", root), listen=listen,
            connections=connections, files=connections + 100)

        if " ssl" in listen:
            certificate(root)

        write_conf(root, text, port)
        argv = command(root, "error.log",
                       "master_process off;" if single else "")

        return Server(
            name, [*prefix, *argv], port, pinned=workers == 1,
            wait=1 if single else 1 + workers)

    def ours(self, workers=1, extra="", tls=False, zone="64m", http="",
             sub="", pub="", **more):
        server = OURS_SERVER.format(extra=extra, sub=sub, pub=pub)

        if tls:
            server += TLS.format(prefix="PREFIX")

        return self.nginx(
            "ours", [MODULES + "/ndk_http_module.so", self.module],
            OURS_HTTP.format(zone=zone, http=http), server, workers,
            " ssl" if tls else "", **more)

    def nchan(self):
        return self.nginx("nchan", [NCHAN], NCHAN_HTTP, NCHAN_SERVER)

    def floor(self, mode, ping=0, prefix=(), tls=False):
        port = next(self.ports)
        name = {"send": "floor", "coalesce": "floor coalesced"}[mode]
        more = []

        if tls:
            more = ["%s/floor-%d" % (self.dir, port)]
            os.makedirs(more[0], exist_ok=True)
            certificate(more[0])

        return Server(name, [*prefix, self.dir + "/floor", str(port), mode,
                             str(ping), *more], port)

    def gorilla(self):
        port = next(self.ports)

        return Server("gorilla", [self.dir + "/gorilla", str(port)], port,
                      dict(os.environ, GOMAXPROCS="1"))

    def node(self):
        port = next(self.ports)

        return Server("node ws", ["node", HERE + "/hub.js", str(port)], port,
                      dict(os.environ,
                           NODE_PATH=self.build + "/node_modules"))

    def peers(self):
        """Name and maker of each server that is here; says who is not."""
        found = [("ours", self.ours),
                 ("floor coalesced", lambda: self.floor("coalesce")),
                 ("floor", lambda: self.floor("send"))]

        if os.path.exists(NCHAN):
            found.append(("nchan", self.nchan))
        else:
            print("nchan: skipped, no libnginx-mod-nchan")

        if self.build_gorilla():
            found.append(("gorilla", self.gorilla))
        else:
            print("gorilla: skipped, no golang-go or "
                  "golang-github-gorilla-websocket-dev")

        if os.path.isdir(self.build + "/node_modules/ws"):
            found.append(("node ws", self.node))
        else:
            print("node ws: skipped, no build/node_modules")

        return found

    def build_gorilla(self):
        binary = self.dir + "/gorilla"
        source = HERE + "/gorilla.go"

        if not os.path.isdir(GORILLA):
            return False

        if (os.path.exists(binary)
                and os.path.getmtime(binary) > os.path.getmtime(source)):
            return True

        env = dict(os.environ, GO111MODULE="off", GOPROXY="off",
                   GOFLAGS="", GOPATH="/usr/share/gocode",
                   GOCACHE=self.dir + "/go-cache")

        try:
            return subprocess.run(["go", "build", "-o", binary, source],
                                  env=env).returncode == 0
        except FileNotFoundError:
            return False

    def load_argv(self, server, case, options, more=()):
        argv = [self.dir + "/load", case, "--port", str(server.port)]
        options = {"cpu": LOAD_CPU if server.pinned else -1, **options}

        for pid in server.pids():
            argv += ["--pid", str(pid)]

        for name, value in [*options.items(), *more]:
            argv += ["--" + name, str(value)]

        return argv

    def load(self, server, case, **options):
        """What the load generator tells, a dictionary."""
        run = subprocess.run(self.load_argv(server, case, options),
                             stdout=subprocess.PIPE, timeout=400)

        if run.returncode != 0:
            raise RuntimeError("%s failed at %s" % (server.name, case))

        return json.loads(run.stdout)


def certificate(root):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", root + "/key.pem",
         "-out", root + "/cert.pem"], check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
