"""The configurations are right, and README knows every directive."""

import glob
import os
import re
import subprocess
import tempfile

from nginx import Tap, free_port


def check(tap, name, tmp):
    with open(name) as f:
        conf = f.read()

    for path in os.environ['TEST_NGINX_LOAD_MODULES'].split():
        conf = conf.replace(f'modules/{os.path.basename(path)}', path)

    # where the file speaks of the system, the test has a place of its own
    for system, own in (('/etc/ssl/example', f'{tmp}/tls'),
                        ('/var/log/nginx', tmp), ('/run/', f'{tmp}/')):
        conf = conf.replace(system, own)
    conf = re.sub(r'listen (127\.0\.0\.1:)?\d+',
                  lambda _: f'listen 127.0.0.1:{free_port()}', conf)
    conf = conf.replace('http {', 'http {' + ' '.join(
        f'{t}_temp_path {tmp}/{t};' for t in
        ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')
        if f'{t}_temp_path' not in conf))

    os.makedirs(f'{tmp}/temp', exist_ok=True)
    os.makedirs(f'{tmp}/logs', exist_ok=True)
    with open(f'{tmp}/nginx.conf', 'w') as f:
        f.write(conf)

    run = subprocess.run(
        [os.environ.get('TEST_NGINX_BINARY', 'nginx'), '-t', '-p', tmp,
         '-c', f'{tmp}/nginx.conf', '-e', 'stderr'],
        capture_output=True, text=True, check=False)
    tap.ok(run.returncode == 0, f'{name} {run.stderr if run.returncode else ""}')


def directives():
    found = set()
    for name in glob.glob('src/*.c') + glob.glob('src/*/*.c'):
        with open(name) as f:
            found |= set(re.findall(
                r'\{ ngx_string\("(websocket\w*)"\),\n\s+NGX_HTTP_', f.read()))
    return found


def variables():
    with open('src/http/ngx_http_websocket_variables.c') as f:
        return set(re.findall(r'ngx_string\("(websocket_\w+)"\), NULL',
                              f.read()))


if __name__ == '__main__':
    tap = Tap()

    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048',
                        '-nodes', '-days', '2', '-subj', '/CN=localhost',
                        '-keyout', f'{tmp}/tls.key', '-out', f'{tmp}/tls.pem'],
                       check=True, capture_output=True)

        for name in sorted(glob.glob('conf/*.conf')
                           + glob.glob('examples/*/*.conf')):
            # what needs more than a configuration has a test of its own
            own = os.path.exists(os.path.dirname(name) + '/prepare')

            if not own and 'http {' in open(name).read():
                check(tap, name, tmp)

    with open('README.md') as f:
        readme = f.read()

    tap.ok(len(directives()) > 10, f'{len(directives())} directives found')
    for name in sorted(directives()):
        tap.ok(re.search(rf'^### {name}$', readme, re.M), f'README: {name}')
    for name in sorted(variables()):
        tap.ok(f'`${name}`' in readme, f'README: ${name}')
    for name in sorted(set(re.findall(r'^### (websocket\w*)$', readme, re.M))):
        tap.ok(name in directives(), f'README: {name} exists')

    tap.done()
