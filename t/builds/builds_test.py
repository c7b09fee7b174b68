"""nginx built otherwise than Debian's: the module builds with it, and what it
needs is asked for by name where it is missing."""

import asyncio
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import websocket
from nginx import BUILD, Nginx, Tap

LONG = os.environ.get('WEBSOCKET_LONG')
MODULE = 'ngx_http_websocket_module.so'

CONF = '''
    websocket_zone zone=live:1m;
    %s
    server {
        listen 127.0.0.1:$PORT;
        location = /echo { websocket echo; %s }
    }
'''

TYPE = 'websocket_type t { field name string pattern=^a; }'

# what stands for each in what configure says, and what its library is called

NEEDS = {'ngx_devel_kit': '', 'jansson': '-ljansson', 'libjwt': '-ljwt',
         'hiredis': '-lhiredis',
         'OpenSSL': '-lcrypto', 'zlib': '-lz',
         'robust mutexes between processes, or eventfd()': '-lpthread'}

# what nginx's configure has set when it comes to a module

CONFIGURE = '''
    ngx_addon_dir=$1 CC=$2 HTTP_INCS=$3 HTTP=$4 HTTP_REWRITE=YES ngx_n=-n
    NGX_AUTOTEST=$5/autotest NGX_AUTOCONF_ERR=$5/autoconf.err
    NGX_AUTO_CONFIG_H=$5/ngx_auto_config.h
    . "$ngx_addon_dir/config"
'''


def build(name):
    return subprocess.run(['t/tools/build-variant', BUILD, name],
                          capture_output=True, text=True, check=False)


def source():
    """Why there is none, or nothing."""
    for package in 'nginx', 'libnginx-mod-http-ndk':
        run = subprocess.run(['t/tools/fetch-source', BUILD, package],
                             capture_output=True, text=True, check=False)
        if run.returncode:
            return run.stderr.strip().splitlines()[-1:] or ['no reason']
    return None


def configure(lacking, http='YES'):
    """Of the module alone, with a compiler that does not find a library."""
    with tempfile.TemporaryDirectory() as tmp:
        cc = f'{tmp}/cc'
        with open(cc, 'w') as f:
            f.write('#!/bin/sh\nfor i; do case $i in\n')
            f.writelines(f'{NEEDS[name]}) exit 1 ;;\n'
                         for name in lacking if NEEDS[name])
            f.write('esac; done\nexec cc "$@"\n')
        os.chmod(cc, 0o755)

        ndk = '/usr/share/nginx-ndk/src/src'
        if 'ngx_devel_kit' in lacking:
            ndk = ''

        return subprocess.run(
            ['sh', '-c', CONFIGURE, './configure', os.getcwd(), cc, ndk, http,
             tmp], capture_output=True, text=True, check=False,
            cwd='/usr/share/nginx/src')


def what_is_missing(tap):
    cases = [(), *([name] for name in NEEDS), list(NEEDS)]

    with ThreadPoolExecutor(2) as pool:
        for lacking, run in zip(cases, pool.map(configure, cases)):
            said = run.stdout.partition('lacks\n\n')[2]
            named = [name for name in NEEDS if f'\n{name}: ' in f'\n{said}']
            tap.ok(named == list(lacking)
                   and run.returncode == (1 if lacking else 0)
                   and not run.stderr,
                   f'configure without {lacking}: {run.returncode} {named}'
                   + run.stderr)

    run = configure((), http='NO')
    tap.ok(run.returncode == 1 and '--without-http.' in run.stdout,
           'configure without HTTP')


async def echoes(port, headers):
    async with websocket.connect(f'ws://127.0.0.1:{port}/echo', headers) as ws:
        await ws.send('hello')
        return await ws.recv()


def serves(tap, name, http='', location='', **headers):
    nginx = Nginx(f'builds-{name}', CONF % (http, location), workers=1)
    try:
        said = asyncio.run(echoes(nginx.port, headers))
    finally:
        nginx.stop()
    tap.ok(said == 'hello' and not nginx.alerts(),
           f'{name}: nginx starts, and echoes {said}')


def refuses(tap, name, word, http='', location=''):
    """What this nginx cannot do is no directive that does nothing."""
    try:
        Nginx(f'builds-{name}', CONF % (http, location), workers=1).stop()
        said = 'nothing'
    except SystemExit as e:
        said = str(e)
    tap.ok('[emerg]' in said and word in said, f'{name}: refuses {said}')


def chosen(name):
    built = f'{os.path.abspath(BUILD)}/variants/{name}'
    os.environ['TEST_NGINX_BINARY'] = f'{built}/nginx'
    module = f'{built}/{MODULE}'
    os.environ['TEST_NGINX_LOAD_MODULES'] = (
        module if os.path.exists(module) else '')


def variants(tap):
    names = ['static'] + (['plain', 'tls', 'http2'] if LONG else [])
    missing = source()

    if missing and not os.environ.get('CI'):
        tap.ok(True, f'variants # SKIP no source of nginx: {missing[0]}')
        return

    with ThreadPoolExecutor(2) as pool:
        for name, run in zip(names, pool.map(build, names)):
            if tap.ok(run.returncode == 0, f'{name}: builds {run.stderr}'):
                chosen(name)
                serves(tap, name)

                if name == 'static':
                    without_regex(tap, name)
                else:
                    serves(tap, name, TYPE, 'websocket_set_decoded $a $arg_a; '
                           'websocket_origin "~https://a";',
                           Origin='https://a')


def without_regex(tap, name):
    refuses(tap, name, 'needs regular expressions', TYPE)
    refuses(tap, name, 'PCRE', '', 'websocket_origin "~https://a";')
    refuses(tap, name, 'rewrite module', '', 'websocket_set_decoded $a $arg_a;')


if __name__ == '__main__':
    tap = Tap()
    what_is_missing(tap)
    variants(tap)
    tap.done()
