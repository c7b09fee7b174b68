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


# http of a system that has nginx already, as Debian has it

FRAME = '''{modules}
error_log {tmp}/error.log;
pid       {tmp}/nginx.pid;

events {{ }}

http {{
    types {{
        text/html                html htm shtml;
        text/css                 css;
        application/javascript   js;
        application/octet-stream bin;
    }}
    default_type application/octet-stream;

    client_body_temp_path {tmp}/body;
    proxy_temp_path       {tmp}/proxy;
    fastcgi_temp_path     {tmp}/fastcgi;
    uwsgi_temp_path       {tmp}/uwsgi;
    scgi_temp_path        {tmp}/scgi;

    access_log {tmp}/access.log;
    gzip       on;

    include {tmp}/conf.d/*.conf;
}}
'''

MARK = '    # what follows is for a configuration of your own, too: '


def takes_over(tap, name):
    """What an example says to take is right there, without a warning."""
    with open(name) as f:
        text = f.read()
    part = text.partition(MARK)[2].partition('\n\n')[2].removesuffix('}\n')

    with tempfile.TemporaryDirectory() as tmp:
        modules = os.environ['TEST_NGINX_LOAD_MODULES'].split()
        if 'ngx_http_js_module' in text:
            modules.append('/usr/lib/nginx/modules/ngx_http_js_module.so')
            subprocess.run([os.path.dirname(name) + '/secrets',
                            f'{tmp}/secrets'], check=True, capture_output=True)

        for what, own in (
                ('root (examples)', os.path.abspath('examples')),
                ('access_log (logs)', tmp),
                ('js_path +(njs)', os.path.abspath('examples/chatter/njs'))):
            part = re.sub(what, lambda m: m[0].replace(m[1], own), part)
        part = re.sub(r'listen (127\.0\.0\.1:)?\d+',
                      lambda _: f'listen 127.0.0.1:{free_port()}', part)

        os.mkdir(f'{tmp}/conf.d')
        with open(f'{tmp}/conf.d/example.conf', 'w') as f:
            f.write(part)
        with open(f'{tmp}/nginx.conf', 'w') as f:
            f.write(FRAME.format(tmp=tmp, modules='\n'.join(
                f'load_module {m};' for m in modules)))

        run = subprocess.run(
            [os.environ.get('TEST_NGINX_BINARY', 'nginx'), '-t', '-p',
             f'{tmp}/nowhere', '-c', f'{tmp}/nginx.conf', '-e', 'stderr'],
            capture_output=True, text=True, check=False)

    wrong = re.search(r'\[(warn|error|crit|alert|emerg)\].*', run.stderr)
    tap.ok('server {' in part and run.returncode == 0 and not wrong,
           f'{name} in conf.d {wrong[0] if wrong else ""}')


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


def tests():
    """All of them, as t/README.md names them."""
    return {os.path.relpath(name, 't') for name in
            glob.glob('t/*.t') + glob.glob('t/*/*_test.*')
            + glob.glob('t/fuzz/*_fuzz.c')}


def mentioned(text):
    """The tests that a text names in its tables."""
    return set(re.findall(r'`(?:t/)?([\w/-]+(?:\.t|_test\.\w+|_fuzz\.c))`',
                          text))


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

    for name in sorted(glob.glob('examples/*/nginx.conf') + ['conf/chat.conf']):
        takes_over(tap, name)

    with open('README.md') as f:
        readme = f.read()

    tap.ok(len(directives()) > 10, f'{len(directives())} directives found')
    for name in sorted(directives()):
        tap.ok(re.search(rf'^### {name}$', readme, re.M), f'README: {name}')
    for name in sorted(variables()):
        tap.ok(f'`${name}`' in readme, f'README: ${name}')
    for name in sorted(set(re.findall(r'^### (websocket\w*)$', readme, re.M))):
        tap.ok(name in directives(), f'README: {name} exists')

    with open('t/README.md') as f:
        table = f.read().partition('## What is tested where')[2] \
                        .partition('\n## ')[0]

    for name in sorted(tests()):
        tap.ok(name in mentioned(table), f't/README.md: {name}')
    for name in sorted(mentioned(table) | mentioned(readme)):
        tap.ok(name in tests(), f't/{name} exists')

    tap.done()
