"""`make run` with each example: it answers when it says so, and Ctrl-C, the end
of the terminal or of make ends all of it."""

import fcntl
import glob
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request

from nginx import Nginx, TIMEOUT, Tap, default_signals, free_port


def processes(session):
    found = []
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            with open(path) as f:
                state, _, _, sid = f.read().rsplit(')', 1)[1].split()[:4]
        except OSError:
            continue
        if int(sid) == session and state != 'Z':
            found.append(path)
    return found


class Terminal:
    """A program that has a terminal of its own: it and all that it has started
    end with the block, and what was waited for in vain ends the test."""

    def __init__(self, *args):
        self.text = ''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            default_signals()
            os.execvp(args[0], args)
        os.set_blocking(self.fd, False)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        left = processes(self.pid)
        kill_all(self.pid)
        if kind is TimeoutError:
            sys.exit(f'{error}: {self.read()} {left}')

    def read(self):
        try:
            self.text += os.read(self.fd, 65536).decode()
        except OSError:
            pass
        return self.text

    def ended(self):
        self.read()
        pid, self.status = os.waitpid(self.pid, os.WNOHANG)
        return pid


def get(url):
    try:
        with urllib.request.urlopen(url) as response:
            return response.read().decode()
    except OSError:
        return ''


def kill_all(session):
    """What a master starts while it is killed, too."""
    while found := processes(session):
        for path in found:
            try:
                os.kill(int(path.split('/')[2]), signal.SIGKILL)
            except ProcessLookupError:
                pass


def new_port():
    port = free_port()
    os.environ['PORT'] = str(port)
    return port


def runs(tap, example, build):
    new_port()

    with Terminal('t/tools/run', build, example) as terminal:
        Nginx.wait(lambda: 'Ctrl-C' in terminal.read())
        page = re.search(r'http://localhost:(\d+)/', terminal.text)[0]
        tap.ok('<!DOCTYPE html>' in get(page), f'{example}: {page}')

        if os.path.exists(f'examples/{example}/feed'):
            log = f'{build}/run/{example}/logs/access.log'
            Nginx.wait(lambda: re.search('"POST [^"]+" 20[02]',
                                         open(log).read()))
            tap.ok(True, f'{example}: something is published')

        os.write(terminal.fd, b'\x03')
        Nginx.wait(terminal.ended)
        tap.ok(terminal.status == 0, f'{example}: {terminal.status}')
        Nginx.wait(lambda: not processes(terminal.pid))
        tap.ok(True, f'{example}: nothing is left')


def ends(tap, how, args, end, stdin=None):
    """Whatever ends it: nothing is left."""
    new_port()

    with Terminal(*args) as terminal:
        if stdin:
            os.write(terminal.fd, stdin)
        Nginx.wait(lambda: 'Ctrl-C stops' in terminal.read())
        end(terminal)
        Nginx.wait(terminal.ended)
        Nginx.wait(lambda: not processes(terminal.pid))
        tap.ok(True, f'nothing is left after {how}')


def all_ends(tap, build):
    with open(f'{build}/Makefile', 'w') as f:
        f.write(f'run:\n\t@t/tools/run {build} analytics\n')
    make = ('make', '-sf', f'{build}/Makefile', 'run')

    def kill(number):
        return lambda terminal: os.kill(terminal.pid, number)

    ends(tap, 'the terminal was closed', ('bash', '--norc', '-i'),
         lambda terminal: os.close(terminal.fd),
         ' '.join(make).encode() + b'\n')
    for number in signal.SIGTERM, signal.SIGKILL:
        ends(tap, f'make had {number.name}', make, kill(number))
    for number in signal.SIGHUP, signal.SIGTERM, signal.SIGKILL:
        ends(tap, f'the script had {number.name}',
             ('t/tools/run', build, 'analytics'), kill(number))


def alone(build, number, prepare):
    """Without a terminal, until a signal: its first line, its status, noise."""
    new_port()
    with subprocess.Popen(
            ['t/tools/run', build, 'analytics'], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, preexec_fn=prepare) as process:
        try:
            said = process.stdout.readline().replace(f'kill {process.pid} ',
                                                     'kill PID ')
            process.send_signal(number)
            code = process.wait(TIMEOUT)
            Nginx.wait(lambda: not processes(process.pid))
            return said, code, process.stderr.read()
        finally:
            kill_all(process.pid)


def without_terminal(tap, build):
    for number, right in ((signal.SIGHUP, 0), (signal.SIGINT, 0),
                          (signal.SIGTERM, 0), (signal.SIGKILL, -9)):
        said, code, noise = alone(build, number, default_signals)
        tap.ok(code == right and 'Ctrl-C stops' in said and not noise,
               f'nothing is left without a terminal: {number.name} {code} '
               + noise)


def ignored(*numbers):
    def prepare():
        default_signals()
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
    return prepare


def blocked():
    default_signals()
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())


def other_signals(tap, build):
    """Whatever it is started with, it says what ends it, and SIGTERM does."""
    for how, prepare, end in (
            ('SIGINT ignored', ignored(signal.SIGINT), 'kill PID'),
            ('SIGTERM and SIGPIPE ignored',
             ignored(signal.SIGTERM, signal.SIGPIPE), 'Ctrl-C'),
            ('all ignored', ignored(*signal.valid_signals() - {
                signal.SIGKILL, signal.SIGSTOP}), 'kill PID'),
            ('all blocked', blocked, 'Ctrl-C')):
        said, code, noise = alone(build, signal.SIGTERM, prepare)
        tap.ok(code == 0 and f'{end} stops it' in said and not noise,
               f'nothing is left where it began with {how}: {code} {said.strip()}'
               + noise)


def refused(tap, build, example, word, **env):
    run = subprocess.run(['t/tools/run', build, example],
                         env={**os.environ, **env}, capture_output=True,
                         stdin=subprocess.DEVNULL, text=True, check=False,
                         timeout=TIMEOUT)
    tap.ok(run.returncode == 1 and word in run.stderr
           and len(run.stderr.splitlines()) == 1 and not run.stdout,
           f'{example} {env}: {run.stderr.strip()} {run.stdout}')


def refusals(tap, build):
    refused(tap, build, 'nothing', 'there are: analytics')

    for port in 'abc', '', '0', '080', '65536', '8080;', '99999999999999999999':
        refused(tap, build, 'chat', f'PORT={port} is no port', PORT=port)
    refused(tap, build, 'dashboard', 'to 65534', PORT='65535')

    port = new_port()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(('127.0.0.1', port))
        other.listen()
        refused(tap, build, 'chat', f'port {port} is in use: make run PORT=')
        refused(tap, build, 'dashboard', f'port {port} is in use: make run '
                'EXAMPLE=dashboard PORT=', PORT=str(port - 1))


def one_build(tap):
    """The second build of a checkout waits for the first."""
    with tempfile.TemporaryDirectory() as tmp, open(f'{tmp}/lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(['t/tools/build-module', tmp], text=True,
                              stdout=subprocess.PIPE,
                              start_new_session=True) as process:
            try:
                said = process.stdout.readline()
                tap.ok('waiting' in said and process.poll() is None
                       and os.listdir(f'{tmp}/modules') == [], said.strip())
            finally:
                kill_all(process.pid)


def addresses(tap, build):
    """Only this machine is served, but who asks for more gets it."""
    for env, bound in (((), '127.0.0.1'),
                       (('env', 'ADDRESS=0.0.0.0'), '0.0.0.0')):
        port = new_port()

        with Terminal(*env, 't/tools/run', build, 'chat') as terminal:
            Nginx.wait(lambda: 'Ctrl-C' in terminal.read())
            with open('/proc/net/tcp') as f:
                found = [line.split()[1] for line in f
                         if f':{port:04X} 00000000:0000 0A' in line]
            want = socket.inet_aton(bound)[::-1].hex().upper()
            tap.ok(found == [f'{want}:{port:04X}'], f'{bound}: {found}')
            os.write(terminal.fd, b'\x03')
            Nginx.wait(terminal.ended)


if __name__ == '__main__':
    tap = Tap()
    os.environ['NGINX'] = os.environ.get('TEST_NGINX_BINARY', 'nginx')

    with tempfile.TemporaryDirectory() as tmp:
        os.chmod(tmp, 0o755)
        os.symlink(os.path.dirname(os.environ['TEST_NGINX_LOAD_MODULES']
                                   .split()[1]), f'{tmp}/modules')

        for name in sorted(n for n in os.listdir('examples')
                           if os.path.isdir(f'examples/{n}')):
            runs(tap, name, tmp)

        all_ends(tap, tmp)
        without_terminal(tap, tmp)
        other_signals(tap, tmp)
        refusals(tap, tmp)
        addresses(tap, tmp)
    one_build(tap)

    tap.done()
