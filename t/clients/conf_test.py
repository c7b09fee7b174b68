"""The configurations are right: those in conf/, of the examples, of the
documents, and old ones that are converted."""

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
    tap.ok(run.returncode == 0, name.removeprefix(f'{tmp}/')
           + (f' {run.stderr}' if run.returncode else ''))


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
                ('js_path +(njs)',
                 os.path.abspath(os.path.dirname(name) + '/njs'))):
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


MODULES = '''
load_module modules/ndk_http_module.so;
load_module modules/ngx_http_websocket_module.so;
'''

# every name of before 1.0 that t/tools/renames.sed knows

OLD = MODULES + '''
events { }

http {
    websocket_zone zone=live:1m;

    websocket_message     note { field text string; }
    websocket_message_file point point.json;

    log_format dropped $websocket_refused:${websocket_refused};

    server {
        listen 127.0.0.1:8080;

        location = /both { websocket   bidirectional zone=live;
                           websocket_receive note; websocket_send note;
                           websocket_batch delay=20ms;
                           websocket_set_name $room $arg_room;
                           websocket_channel $room; }
        location = /down { websocket result; }
        location = /up   { websocket payload; websocket_receive point; }
        location = /echo { websocket echo; }

        # no words of ours, or not where they stand
        location = /result/payload { return 200 bidirectional; }
        location = /pub { websocket_publish; websocket_channel payload; }
    }
}
'''


def is_renamed(tap, tmp):
    """A configuration in the old words is right in the new ones."""
    with open('t/tools/renames.sed') as f:
        words = set(re.findall(r'^s/[^/]*?(websocket_\w+)', f.read(), re.M))
    tap.ok(len(words) > 6 and all(word in OLD for word in words),
           f'{len(words)} old names are tried')

    with open(f'{tmp}/point.json', 'w') as f:
        f.write('{"type":"object","properties":{"x":{"type":"number"}}}')

    new = subprocess.run(['sed', '-E', '-f', 't/tools/renames.sed'], input=OLD,
                         capture_output=True, text=True, check=True).stdout
    tap.ok('/result/payload { return 200 bidirectional; }' in new
           and 'websocket_channel payload;' in new, 'other words stay')

    with open(f'{tmp}/renamed.conf', 'w') as f:
        f.write(new)
    check(tap, f'{tmp}/renamed.conf', tmp)


# what is around a configuration of a document, by what it begins with

AROUND = {
    'load_module': '{block}',
    'websocket_broker': 'http {{ {block} }}',
    'location': 'http {{ {zone} server {{ listen 8080; {block} }} }}',
    'server': 'http {{ {zone} {block} }}',
    'websocket_type': 'http {{ {zone} {block} }}',
    'websocket_namespace': 'http {{ {zone} {block} }}',
    'map': 'http {{ {zone} {block} }}',
}


def documented(tap, tmp):
    """What documents show as a configuration is one."""
    os.mkdir(f'{tmp}/keys')
    for name, text in (('keys/web.json', '{"keys":[{"kid":"1","alg":"HS256",'
                        '"secret":"' + 'k' * 32 + '"}]}'),
                       ('k.txt', 'k' * 64), ('api_keys', 'key name;'),
                       ('redis.pw', 'secret')):
        with open(f'{tmp}/{name}', 'w') as f:
            f.write(text)

    for doc in ['README.md'] + sorted(glob.glob('docs/**/*.md',
                                                recursive=True)):
        with open(doc) as f:
            blocks = re.findall(r'^```nginx\n(.*?)^```$', f.read(), re.M | re.S)

        for n, block in enumerate(blocks, 1):
            block = re.sub(r'^# in server\n(.*)',
                           r'server { listen 8080; \1 }', block,
                           flags=re.M | re.S)
            kind = re.search(r'^\w+', block, re.M)[0]
            text = AROUND[kind].format(
                block=block, zone='websocket_zone zone=live:1m;')
            if kind != 'load_module':
                text = MODULES + 'events { }\n' + text
            with open(f'{tmp}/{doc.replace("/", "-")}-{n}', 'w') as f:
                f.write(text)
            check(tap, f.name, tmp)


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

        is_renamed(tap, tmp)
        documented(tap, tmp)

    for name in sorted(glob.glob('examples/*/nginx.conf') + ['conf/chat.conf']):
        takes_over(tap, name)

    tap.done()
