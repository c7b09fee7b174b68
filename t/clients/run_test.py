"""`make run` with each example: it answers, and Ctrl-C ends all of it."""

import glob
import os
import pty
import re
import signal
import sys
import tempfile
import urllib.request

from nginx import Nginx, Tap, free_port


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
    """A program that has a terminal of its own."""

    def __init__(self, *args):
        self.text = ''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(args[0], args)
        os.set_blocking(self.fd, False)

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


def runs(tap, example, build):
    port = free_port()
    os.environ['PORT'] = str(port)
    terminal = Terminal('t/tools/run', build, example)

    try:
        Nginx.wait(lambda: 'Ctrl-C' in terminal.read())
        page = re.search(r'http://localhost:(\d+)/', terminal.text)[0]
        Nginx.wait(lambda: '<!DOCTYPE html>' in get(page))
        tap.ok(True, f'{example}: {page}')

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
    except TimeoutError:
        sys.exit(f'{example}: {terminal.read()}')
    finally:
        for path in processes(terminal.pid):
            os.kill(int(path.split('/')[2]), signal.SIGKILL)


if __name__ == '__main__':
    tap = Tap()
    os.environ['NGINX'] = os.environ.get('TEST_NGINX_BINARY', 'nginx')

    with tempfile.TemporaryDirectory() as tmp:
        os.chmod(tmp, 0o755)
        os.symlink(os.path.dirname(os.environ['TEST_NGINX_LOAD_MODULES']
                                   .split()[1]), f'{tmp}/modules')

        for name in sorted(os.listdir('examples')):
            runs(tap, name, tmp)

        terminal = Terminal('t/tools/run', tmp, 'nothing')
        Nginx.wait(terminal.ended)
        tap.ok(terminal.status and 'there are: analytics' in terminal.text,
               terminal.text.strip())

    tap.done()
