"""nginx -t names every directive that does nothing where it stands: each one
with each of those that answer, in one configuration."""

import os
import re
import subprocess
import tempfile

from nginx import Tap

ANSWERS = {
    'pubsub': 'websocket pubsub',
    'subscribe': 'websocket subscribe',
    'publish': 'websocket publish',
    'echo': 'websocket echo',
    'http': 'websocket_publish',
    'revoke': 'websocket_revoke time=1h',
    'status': 'websocket_status json',
    'api': 'internal; websocket_api insecure',
}

FEEDS = {'pubsub', 'subscribe'}
CHANNELS = FEEDS | {'publish'}
SESSIONS = CHANNELS | {'echo'}
CHECKED = SESSIONS | {'http', 'revoke'}

# where each does something
USEFUL = {
    'websocket_channel x': SESSIONS | {'http'},
    'websocket_subprotocols x': SESSIONS,
    'websocket_history length=1': CHANNELS | {'http'},
    'websocket_replay all': FEEDS,
    'websocket_presence on': FEEDS | {'http'},
    'websocket_events join': FEEDS,
    'websocket_heartbeat interval=1s': SESSIONS,
    'websocket_idle_timeout 1s': SESSIONS,
    'websocket_send_timeout 1s': SESSIONS,
    'websocket_close_timeout 1s': SESSIONS,
    'websocket_drain 1s': SESSIONS,
    'websocket_max_message_size 1k': SESSIONS | {'http', 'api'},
    'websocket_send_queue messages=1': SESSIONS,
    'websocket_ack on': SESSIONS - {'subscribe'},
    'websocket_durable file': {'pubsub', 'publish', 'http', 'api'},
    'websocket_coalesce delay=1s': SESSIONS,
    'websocket_deflate on': SESSIONS,
    'websocket_priority on': CHANNELS | {'http'},
    'websocket_access_log start': SESSIONS,
    'websocket_refuse close': SESSIONS,
    'websocket_max_connections 1': SESSIONS,
    'websocket_rate messages=1/s': SESSIONS,
    'websocket_max_pings 1/s': SESSIONS,
    'websocket_max_errors 1/s': SESSIONS,
    'websocket_max_fragments 1': SESSIONS,
    'websocket_origin any': CHECKED,
    'websocket_jwt key=KEY alg=HS256': CHECKED,
    'websocket_user a': CHECKED,
    'websocket_expires 1': CHECKED,
    'websocket_hook connect /_a': SESSIONS,
    'websocket_hook subscribe /_a': set(),
    'websocket_hook message /_a': {'pubsub', 'publish'},
    'websocket_hook message /_a mode=answer': {'pubsub', 'publish'},
    'websocket_inbound_type m': SESSIONS,
    'websocket_outbound_type m': CHANNELS | {'http'},
    'websocket_view v': FEEDS | {'http'},
    'websocket_filter on': FEEDS | {'http'},
    'websocket_stamp time': {'pubsub', 'publish', 'http'},
    'websocket_collect on': {'publish'},
}

# what "off" means where it would do nothing: that nothing is meant
OFF = ('websocket_replay none', 'websocket_events off',
       'websocket_heartbeat off', 'websocket_deflate off',
       'websocket_filter off', 'websocket_stamp off')


# what answers, what does something everywhere, what is of one protocol only, and
# what t/05-config.t looks at

OTHERS = {
    'websocket', 'websocket_publish', 'websocket_revoke', 'websocket_status',
    'websocket_api',
    'websocket_set_decoded', 'websocket_mask', 'websocket_own_messages',
    'websocket_require_scope', 'websocket_anonymous', 'websocket_insecure',
    'websocket_transports', 'websocket_emulation',
    'websocket_max_channels', 'websocket_connect_timeout',
    'websocket_token_grace', 'websocket_namespace', 'websocket_hook',
}


def directives():
    """All that can stand in a location."""
    with open('src/ngx_http_websocket_module.c') as f:
        return {name for name, where in re.findall(
            r'ngx_string\("(websocket\w*)"\),\s+([\w|\s]+),', f.read())
            if 'NGX_HTTP_LOC_CONF' in where}


def warnings(tmp, locations):
    """How often each directive is named."""
    modules = ''.join(f'load_module {os.path.abspath(m)};'
                      for m in os.environ['TEST_NGINX_LOAD_MODULES'].split())
    with open(f'{tmp}/key', 'w') as f:
        f.write('0123456789abcdef0123456789abcdef')
    with open(f'{tmp}/nginx.conf', 'w') as f:
        f.write(f'''{modules} pid {tmp}/pid; events {{ }}
            http {{
                access_log off;
                client_body_temp_path {tmp}; proxy_temp_path {tmp};
                fastcgi_temp_path {tmp}; uwsgi_temp_path {tmp};
                scgi_temp_path {tmp};
                websocket_zone zone=live:1m file=/x default;
                websocket_zone zone=other:1m;
                websocket_type m {{ field a string; view v a; }}
                server {{ listen 127.0.0.1:1; {locations} }} }}''')
    run = subprocess.run(
        [os.environ.get('TEST_NGINX_BINARY', 'nginx'), '-t', '-p', tmp,
         '-c', f'{tmp}/nginx.conf', '-e', 'stderr'],
        capture_output=True, text=True, check=False)
    named = re.findall(r'\[warn\] .*?: "(\w+)" (?:[\w ]+ nothing|answers|acknowledges) .* '
                       r'in \S+:(\d+)', run.stderr)
    return run, named


def main():
    tap = Tap()

    missing = directives() - OTHERS - {d.split()[0] for d in USEFUL}
    tap.ok(not missing and len(directives()) > 40,
           f'all directives are looked at {missing or ""}')

    with tempfile.TemporaryDirectory() as tmp:
        for directive, useful in USEFUL.items():
            want, lines, at = [], '', {}
            for answer, text in ANSWERS.items():
                more = ''
                if directive.startswith('websocket_collect') \
                        and answer == 'publish':
                    more = 'websocket_inbound_type m;'
                if directive.startswith('websocket_view') and answer in useful:
                    more = 'websocket_outbound_type m;'
                lines += (f'\nlocation = /{answer} {{ {text}; {more} '
                          f'{directive.replace("KEY", f"{tmp}/key")}; }}')
                if answer not in useful:
                    want.append(answer)
            run, named = warnings(tmp, lines)
            with open(f'{tmp}/nginx.conf') as f:
                text = f.read().split('\n')
            got = [re.search(r'/(\w+) {', text[int(n) - 1])[1]
                   for name, n in named if name == directive.split()[0]]
            tap.ok(run.returncode == 0 and got == want
                   and len(named) == len(want),
                   f'{directive}: {got} {"" if got == want else run.stderr}')

        lines = ''.join(f'location = /{n}{i} {{ {text}; {off}; }}'
                        for i, off in enumerate(OFF)
                        for n, text in ANSWERS.items())
        run, named = warnings(tmp, lines)
        tap.ok(run.returncode == 0 and not named, f'off: {named}')

        # what a location inherits is no mistake
        lines = ''.join(f'location = /{n} {{ {text}; }}'
                        for n, text in ANSWERS.items())
        run, named = warnings(tmp, 'websocket_replay all; '
                              'websocket_deflate on;' + lines)
        tap.ok(run.returncode == 0 and not named, f'inherited: {named}')

    tap.done()


main()
